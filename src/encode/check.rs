//! Whether a column keeps what columns promise: what does not would give a malformed file, or a panic.

use arrow::datatypes::{DataType, Field, TimeUnit};

use crate::{
    columns::{Bitmap, Column, TextValues, Values},
    error::{Error, Result},
};

/// Fails unless `column` has at most `num_rows` rows, is of the type of `field` and whole in itself.
pub(super) fn check_column(column: &Column, num_rows: usize, field: &Field) -> Result<()> {
    if is_sound(column, num_rows, field.data_type()) {
        return Ok(());
    }
    let (name, data_type) = (field.name(), field.data_type());
    Err(Error::Bug(format!("column {name} ({data_type}) breaks its contract in a row group of {num_rows} rows")))
}

fn is_sound(column: &Column, num_rows: usize, data_type: &DataType) -> bool {
    let Column { validity, values } = column;
    validity.len() <= num_rows
        && validity.count_ones() == column.num_values()
        && match (values, data_type) {
            (Values::Text(texts), DataType::Utf8) => is_text(texts),
            (Values::Int64(_), DataType::Int64 | DataType::Timestamp(TimeUnit::Microsecond, _))
            | (Values::Float64(_), DataType::Float64)
            | (Values::Bool(_), DataType::Boolean) => true,
            (Values::List { ends, element }, DataType::List(field)) => {
                let is_flat = !field.data_type().is_nested();
                is_flat && ends.is_sorted() && is_sound(element, last(ends), field.data_type())
            }
            (Values::Structs { ends, element_validity, children }, DataType::List(field)) => {
                let DataType::Struct(fields) = field.data_type() else { return false };
                let num_elements = last(ends);
                let is_sound_child = |(child, field): (&Column, &std::sync::Arc<Field>)| {
                    !field.data_type().is_nested()
                        && is_sound(child, num_elements, field.data_type())
                        && is_within(&child.validity, element_validity)
                };
                ends.is_sorted()
                    && element_validity.len() <= num_elements
                    && children.len() == fields.len()
                    && children.iter().zip(fields).all(is_sound_child)
            }
            (Values::Map { ends, keys, values }, DataType::Map(_, _)) => {
                ends.is_sorted()
                    && keys.len() == last(ends)
                    && is_text(keys)
                    && is_sound(values, last(ends), &DataType::Utf8)
            }
            _ => false,
        }
}

/// Whether the ends fit the bytes, and each text is UTF-8.
fn is_text(texts: &TextValues) -> bool {
    let TextValues { ends, bytes } = texts;
    if !ends.is_sorted() || last(ends) != bytes.len() {
        return false;
    }
    // Nearly all are ASCII, and then there is nothing to cut in two.
    bytes.is_ascii()
        || simdutf8::basic::from_utf8(bytes)
            .is_ok_and(|text| ends.iter().all(|&end| text.is_char_boundary(end as usize)))
}

/// Whether no bit is set that is not in `outer` as well.
fn is_within(inner: &Bitmap, outer: &Bitmap) -> bool {
    let outer = outer.words().iter().copied().chain(std::iter::repeat(0));
    inner.words().iter().zip(outer).all(|(inner, outer)| inner & !outer == 0)
}

fn last(ends: &[u32]) -> usize {
    ends.last().map_or(0, |&end| end as usize)
}
