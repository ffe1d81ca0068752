//! Checks that a column keeps the promises of `columns`: if not, the file would be malformed, or encoding would panic.

use arrow::datatypes::{DataType, Field, TimeUnit};

use crate::{
    columns::{Bitmap, Column, TextValues, Values, last_end},
    error::{Error, Result},
};

/// Checks that `column` has at most `num_rows` rows, has the type of `field`, and is consistent in itself.
///
/// # Errors
/// [`Error::Bug`] otherwise.
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
                is_flat && is_ascending(ends) && is_sound(element, last_end(ends), field.data_type())
            }
            (Values::Structs { ends, element_validity, children }, DataType::List(field)) => {
                let DataType::Struct(fields) = field.data_type() else { return false };
                let num_elements = last_end(ends);
                let is_sound_child = |(child, field): (&Column, &std::sync::Arc<Field>)| {
                    !field.data_type().is_nested()
                        && is_sound(child, num_elements, field.data_type())
                        && is_within(&child.validity, element_validity)
                };
                is_ascending(ends)
                    && element_validity.len() <= num_elements
                    && children.len() == fields.len()
                    && children.iter().zip(fields).all(is_sound_child)
            }
            (Values::Map { ends, keys, values }, DataType::Map(_, _)) => {
                is_ascending(ends)
                    && keys.len() == last_end(ends)
                    && is_text(keys)
                    && is_sound(values, last_end(ends), &DataType::Utf8)
            }
            _ => false,
        }
}

/// Whether the ends fit the bytes, and each text is UTF-8.
fn is_text(texts: &TextValues) -> bool {
    let TextValues { ends, bytes } = texts;
    if !is_ascending(ends) || last_end(ends) != bytes.len() {
        return false;
    }
    // Nearly all columns are ASCII, where no character can be cut in two.
    is_ascii(bytes)
        || simdutf8::basic::from_utf8(bytes)
            .is_ok_and(|text| ends.iter().all(|&end| text.is_char_boundary(end as usize)))
}

/// Whether every set bit is also set in `outer`.
fn is_within(inner: &Bitmap, outer: &Bitmap) -> bool {
    let outer = outer.words().iter().copied().chain(std::iter::repeat(0));
    inner.words().iter().zip(outer).all(|(inner, outer)| inner & !outer == 0)
}

/// Counts descents instead of stopping at the first one, so that the compiler can vectorize the loop.
fn is_ascending(ends: &[u32]) -> bool {
    ends.iter().zip(ends.iter().skip(1)).map(|(end, next)| u32::from(end > next)).sum::<u32>() == 0
}

/// Tests pieces that fit in the L1 cache, each without an early exit, so that the loop is vectorized.
fn is_ascii(bytes: &[u8]) -> bool {
    bytes.chunks(4096).all(|piece| piece.iter().fold(0, |bits, byte| bits | byte) < 0x80)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        batch::testing::{Cell, columns, schema, text},
        columns::{ColumnShape, ScalarType},
    };

    /// Whether a valid column of this shape is refused after `spoil` has changed it.
    fn is_refused(shape: &ColumnShape, cells: &[Cell], spoil: impl FnOnce(&mut Column)) -> bool {
        let rows: Vec<Vec<Cell>> = cells.iter().map(|cell| vec![cell.clone()]).collect();
        let mut column = columns(std::slice::from_ref(shape), &rows).columns.remove(0);
        let schema = schema(std::slice::from_ref(shape));
        check_column(&column, rows.len(), schema.field(0)).unwrap();
        spoil(&mut column);
        check_column(&column, rows.len(), schema.field(0)).is_err()
    }

    #[test]
    fn what_would_give_a_malformed_file_is_refused() {
        let string = ColumnShape::Scalar(ScalarType::Text);
        let texts = |column: &mut Column, change: fn(&mut TextValues)| match &mut column.values {
            Values::Text(texts) => change(texts),
            Values::Map { keys, .. } => change(keys),
            other => panic!("{other:?}"),
        };
        let cells = [text("aä"), text("b")];
        assert!(is_refused(&string, &cells, |column| column.validity.push(false)), "more rows");
        assert!(is_refused(&string, &cells, |column| column.validity.truncate(1)), "fewer rows than values");
        assert!(is_refused(&string, &cells, |column| texts(column, |texts| texts.ends[0] = 2)), "within a character");
        assert!(is_refused(&string, &cells, |column| texts(column, |texts| texts.ends[0] = 9)), "ends that fall");
        assert!(is_refused(&string, &cells, |column| texts(column, |texts| texts.bytes[0] = 0xFF)), "no UTF-8");
        assert!(is_refused(&string, &cells, |column| texts(column, |texts| texts.bytes.push(b'c'))), "bytes of nobody");
        assert!(is_refused(&string, &cells, |column| column.values = Values::Int64(vec![1, 2])), "another type");

        let map = [Cell::Map(vec![("k".into(), text("v")), ("l".into(), Cell::Null)])];
        assert!(is_refused(&ColumnShape::Map, &map, |column| texts(column, |keys| keys.truncate(1))), "a value alone");
        let list = [Cell::List(vec![Cell::Int(1), Cell::Null])];
        let shape = ColumnShape::List(ScalarType::Int64);
        assert!(is_refused(&shape, &list, |column| match &mut column.values {
            Values::List { element, .. } => element.validity.set(7),
            other => panic!("{other:?}"),
        }));
        let structs = [Cell::List(vec![Cell::Null, Cell::Struct(vec![Cell::Bool(true)])])];
        let shape = ColumnShape::Structs(vec![ScalarType::Bool]);
        assert!(is_refused(&shape, &structs, |column| match &mut column.values {
            Values::Structs { element_validity, .. } => element_validity.truncate(1),
            other => panic!("{other:?}"),
        }));
    }
}
