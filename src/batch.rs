//! Converts dense columns to Arrow arrays of the table schema.
//!
//! ```text
//! Columns (values of present rows + validity)  ->  one ArrayRef per column (a slot for each row)
//! ```
//!
//! A column without any value costs nothing: all such columns of one type share one array. For others the work is
//! proportional to the present values, plus filling the slots of null rows. Nothing here is unsafe: arrays are made by
//! Arrow's checking constructors, so columns that break their contract cause [`Error::Bug`] and never a malformed
//! array.

mod expand;

use std::sync::Arc;

use arrow::{
    array::{
        ArrayRef, BooleanArray, Float64Array, Int64Array, ListArray, MapArray, RecordBatch, RecordBatchOptions,
        StringArray, StructArray, TimestampMicrosecondArray, new_null_array,
    },
    buffer::{Buffer, NullBuffer, OffsetBuffer},
    datatypes::{DataType, FieldRef, SchemaRef, TimeUnit},
    error::ArrowError,
};

use crate::{
    columns::{Bitmap, Column, Columns, TextValues, Values, last_end},
    error::{Error, Result},
};

/// Maximum bytes of text and maximum elements of lists of one column in one conversion, since Arrow counts both in
/// signed 32-bit numbers. The caller must convert its rows before a column exceeds this.
pub const MAX_COLUMN_BYTES: usize = i32::MAX as usize;

/// Copies `columns` into one array per column; the columns keep their memory for the next rows.
///
/// # Errors
/// [`Error::Bug`] when `columns` and `schema` do not match, or a column breaks its contract (values and validity that
/// disagree, text that is not UTF-8, more than [`MAX_COLUMN_BYTES`]).
pub fn to_arrays(columns: &Columns, schema: &SchemaRef) -> Result<Vec<ArrayRef>> {
    check_width(columns, schema)?;
    let mut maker = ArrayMaker::new(columns.num_rows);
    columns.columns.iter().zip(schema.fields()).map(|(column, field)| maker.copied(column, field.data_type())).collect()
}

/// Like [`to_arrays`], but moves what needs no change: the bytes of all texts, and the values of columns without nulls.
///
/// # Errors
/// As [`to_arrays`].
pub fn into_arrays(columns: Columns, schema: &SchemaRef) -> Result<Vec<ArrayRef>> {
    check_width(&columns, schema)?;
    let mut maker = ArrayMaker::new(columns.num_rows);
    columns
        .columns
        .into_iter()
        .zip(schema.fields())
        .map(|(column, field)| maker.moved(column, field.data_type()))
        .collect()
}

/// Copies `columns` into a batch of `schema`.
///
/// # Errors
/// As [`to_arrays`].
pub fn to_record_batch(columns: &Columns, schema: &SchemaRef) -> Result<RecordBatch> {
    record_batch(to_arrays(columns, schema)?, columns.num_rows, schema)
}

/// Moves `columns` into a batch of `schema`.
///
/// # Errors
/// As [`to_arrays`].
pub fn into_record_batch(columns: Columns, schema: &SchemaRef) -> Result<RecordBatch> {
    let num_rows = columns.num_rows;
    record_batch(into_arrays(columns, schema)?, num_rows, schema)
}

fn record_batch(arrays: Vec<ArrayRef>, num_rows: usize, schema: &SchemaRef) -> Result<RecordBatch> {
    let options = RecordBatchOptions::new().with_row_count(Some(num_rows));
    RecordBatch::try_new_with_options(schema.clone(), arrays, &options).map_err(|error| bug(&error))
}

fn check_width(columns: &Columns, schema: &SchemaRef) -> Result<()> {
    let (given, wanted) = (columns.columns.len(), schema.fields().len());
    if given == wanted { Ok(()) } else { Err(broken(&format!("{given} columns for a schema of {wanted}"))) }
}

/// Makes the arrays of a table one by one, for callers that do not want to hold all of them at once.
#[derive(Debug)]
pub struct ArrayMaker {
    num_rows: usize,
    /// Arrays that contain only nulls, one for each type that was needed so far.
    nulls: Vec<(DataType, ArrayRef)>,
}

impl ArrayMaker {
    /// A maker for columns of `num_rows` rows.
    #[must_use]
    pub const fn new(num_rows: usize) -> Self {
        Self { num_rows, nulls: Vec::new() }
    }

    /// An array of `data_type` with a copy of `column`.
    ///
    /// # Errors
    /// As [`to_arrays`].
    pub fn copied(&mut self, column: &Column, data_type: &DataType) -> Result<ArrayRef> {
        // Only dense values are copied here, and the array then takes over most of them unchanged.
        self.moved(column.clone(), data_type)
    }

    /// An array of `data_type` that takes over `column`.
    ///
    /// # Errors
    /// As [`to_arrays`].
    pub fn moved(&mut self, column: Column, data_type: &DataType) -> Result<ArrayRef> {
        if column.num_values() == 0 && column.validity.count_ones() == 0 {
            return Ok(self.null_array(data_type));
        }
        column_array(column, data_type, self.num_rows)
    }

    fn null_array(&mut self, data_type: &DataType) -> ArrayRef {
        if let Some((_, array)) = self.nulls.iter().find(|(known, _)| known == data_type) {
            return Arc::clone(array);
        }
        let array = new_null_array(data_type, self.num_rows);
        self.nulls.push((data_type.clone(), Arc::clone(&array)));
        array
    }
}

fn column_array(column: Column, data_type: &DataType, rows: usize) -> Result<ArrayRef> {
    let present = column.validity.count_ones();
    if column.validity.len() > rows || present != column.num_values() {
        return Err(broken(&format!("{} values for {present} valid rows of {rows}", column.num_values())));
    }
    let Column { validity, values } = column;
    let nulls = (present < rows).then(|| NullBuffer::new(expand::bits(&validity, rows)));
    Ok(match (values, data_type) {
        (Values::Text(text), DataType::Utf8) => {
            let offsets = expand::offsets(&text.ends, &validity, rows)?;
            Arc::new(text_array(text, offsets, nulls)?)
        }
        (Values::Int64(values), DataType::Int64) => Arc::new(
            Int64Array::try_new(expand::values(values, &validity, rows).into(), nulls).map_err(|error| bug(&error))?,
        ),
        (Values::Int64(values), DataType::Timestamp(TimeUnit::Microsecond, zone)) => {
            let values = expand::values(values, &validity, rows).into();
            Arc::new(
                TimestampMicrosecondArray::try_new(values, nulls)
                    .map_err(|error| bug(&error))?
                    .with_timezone_opt(zone.clone()),
            )
        }
        (Values::Float64(values), DataType::Float64) => Arc::new(
            Float64Array::try_new(expand::values(values, &validity, rows).into(), nulls)
                .map_err(|error| bug(&error))?,
        ),
        (Values::Bool(values), DataType::Boolean) => {
            Arc::new(BooleanArray::new(expand::booleans(&values, &validity, rows), nulls))
        }
        (Values::List { ends, element }, DataType::List(field)) => {
            let offsets = expand::offsets(&ends, &validity, rows)?;
            let elements = column_or_null_array(*element, field.data_type(), last_end(&ends))?;
            Arc::new(ListArray::try_new(Arc::clone(field), offsets, elements, nulls).map_err(|error| bug(&error))?)
        }
        (Values::Structs { ends, element_validity, children }, DataType::List(field)) => {
            let offsets = expand::offsets(&ends, &validity, rows)?;
            let elements = Arc::new(struct_array(&element_validity, children, field, last_end(&ends))?);
            Arc::new(ListArray::try_new(Arc::clone(field), offsets, elements, nulls).map_err(|error| bug(&error))?)
        }
        (Values::Map { ends, keys, values }, DataType::Map(field, ordered)) => {
            let offsets = expand::offsets(&ends, &validity, rows)?;
            let entries = entries_array(keys, *values, field, last_end(&ends))?;
            Arc::new(
                MapArray::try_new(Arc::clone(field), offsets, entries, nulls, *ordered).map_err(|error| bug(&error))?,
            )
        }
        (_, data_type) => return Err(broken(&format!("a column that is not {data_type}"))),
    })
}

fn column_or_null_array(column: Column, data_type: &DataType, rows: usize) -> Result<ArrayRef> {
    if column.num_values() == 0 && column.validity.count_ones() == 0 {
        return Ok(new_null_array(data_type, rows));
    }
    column_array(column, data_type, rows)
}

fn text_array(text: TextValues, offsets: OffsetBuffer<i32>, nulls: Option<NullBuffer>) -> Result<StringArray> {
    StringArray::try_new(offsets, Buffer::from_vec(text.bytes), nulls).map_err(|error| bug(&error))
}

fn struct_array(validity: &Bitmap, children: Vec<Column>, field: &FieldRef, rows: usize) -> Result<StructArray> {
    let DataType::Struct(fields) = field.data_type() else {
        return Err(broken(&format!("a list of structs that is a list of {}", field.data_type())));
    };
    if validity.len() > rows || children.len() != fields.len() {
        return Err(broken(&format!("a list of structs that are not {}", field.data_type())));
    }
    let arrays = children
        .into_iter()
        .zip(fields)
        .map(|(child, field)| column_or_null_array(child, field.data_type(), rows))
        .collect::<Result<Vec<_>>>()?;
    let nulls = (validity.count_ones() < rows).then(|| NullBuffer::new(expand::bits(validity, rows)));
    StructArray::try_new_with_length(fields.clone(), arrays, nulls, rows).map_err(|error| bug(&error))
}

fn entries_array(keys: TextValues, values: Column, field: &FieldRef, rows: usize) -> Result<StructArray> {
    let DataType::Struct(fields) = field.data_type() else {
        return Err(broken(&format!("map entries that are {}", field.data_type())));
    };
    let [_, value] = fields.as_ref() else { return Err(broken("map entries without a key and a value")) };
    if keys.len() != rows {
        return Err(broken(&format!("{} keys for {rows} map entries", keys.len())));
    }
    let offsets = expand::dense_offsets(&keys.ends)?;
    let keys = Arc::new(text_array(keys, offsets, None)?);
    let values = column_or_null_array(values, value.data_type(), rows)?;
    StructArray::try_new_with_length(fields.clone(), vec![keys, values], None, rows).map_err(|error| bug(&error))
}

fn bug(error: &ArrowError) -> Error {
    broken(&error.to_string())
}

fn broken(what: &str) -> Error {
    Error::Bug(format!("rows in memory break their contract: {what}"))
}

#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
