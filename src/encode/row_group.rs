//! One row group: columns in, compressed column chunks out. No file, no thread, no state between calls.

use arrow::{
    array::{Array, ArrayRef, UInt32Array},
    compute::{SortOptions, take},
    error::ArrowError,
    row::{RowConverter, SortField},
};
use parquet::arrow::arrow_writer::{ArrowColumnChunk, compute_leaves};

use super::{FileSchema, bug, range::Range};
use crate::{
    batch::ArrayMaker,
    columns::Columns,
    error::{Error, Result},
};

/// A row group, ready to be appended to a file of its schema.
#[derive(Debug)]
pub struct EncodedRowGroup {
    /// One for each leaf of the file's schema.
    pub(super) chunks: Vec<ArrowColumnChunk>,
    /// One for each column of the file.
    pub(super) ranges: Vec<Range>,
    num_rows: usize,
    byte_size: usize,
}

impl EncodedRowGroup {
    /// Rows in it.
    #[must_use]
    pub const fn num_rows(&self) -> usize {
        self.num_rows
    }

    /// Bytes of its pages: what it takes in memory now and in the file later.
    #[must_use]
    pub const fn byte_size(&self) -> usize {
        self.byte_size
    }
}

/// Encodes all rows of `columns` (of the table's schema) as one row group, sorted if the options say so.
///
/// The same columns give the same bytes on any thread.
///
/// # Errors
/// [`Error::Bug`] when the columns break their contract or do not belong to the schema.
pub fn encode_row_group(schema: &FileSchema, columns: &Columns) -> Result<EncodedRowGroup> {
    if columns.columns.len() != schema.table_width() {
        let (given, wanted) = (columns.columns.len(), schema.table_width());
        return Err(Error::Bug(format!("a row group of {given} columns for a table of {wanted}")));
    }
    let mut group =
        EncodedRowGroup { chunks: Vec::new(), ranges: Vec::new(), num_rows: columns.num_rows, byte_size: 0 };
    if columns.num_rows == 0 {
        return Ok(group);
    }
    let mut maker = ArrayMaker::new(columns.num_rows);
    let order = row_order(schema, columns, &mut maker)?;
    let factory = schema.writer_factory(columns).map_err(|error| bug(&error))?;
    let mut writers = factory.create_column_writers(0).map_err(|error| bug(&error))?.into_iter();

    for (field, column) in schema.fields() {
        let column = &columns.columns[column];
        let mut array = maker.copied(column, field.data_type())?;
        if let Some(order) = order.as_ref().filter(|_| array.null_count() < array.len()) {
            array = take(&array, order, None).map_err(|error| sort_bug(&error))?;
        }
        for leaf in compute_leaves(field, &array).map_err(|error| bug(&error))? {
            let Some(mut writer) = writers.next() else {
                return Err(Error::Bug(format!("column {} has more leaves than its schema", field.name())));
            };
            writer.write(&leaf).map_err(|error| bug(&error))?;
            group.chunks.push(writer.close().map_err(|error| bug(&error))?);
        }
        // Of a nested column this is the last leaf; it has no statistics, and so no range.
        let Some(chunk) = group.chunks.last() else { continue };
        group.ranges.push(Range::new(chunk.close().metadata.statistics(), column.num_values()));
    }
    group.byte_size = group.chunks.iter().map(|chunk| chunk.close().bytes_written as usize).sum();
    Ok(group)
}

/// Which row comes first, second and so on; none when they stay as they are. Equal rows keep their order.
fn row_order(schema: &FileSchema, columns: &Columns, maker: &mut ArrayMaker) -> Result<Option<UInt32Array>> {
    if schema.sort_by().is_empty() {
        return Ok(None);
    }
    let options = SortOptions { descending: false, nulls_first: false };
    let (mut keys, mut fields) = (Vec::<ArrayRef>::new(), Vec::new());
    for (field, column) in schema.sort_by().iter().flat_map(|by| schema.fields().find(|(_, column)| column == by)) {
        keys.push(maker.copied(&columns.columns[column], field.data_type())?);
        fields.push(SortField::new_with_options(field.data_type().clone(), options));
    }
    let converter = RowConverter::new(fields).map_err(|error| sort_bug(&error))?;
    let keys = converter.convert_columns(&keys).map_err(|error| sort_bug(&error))?;
    let num_rows = u32::try_from(columns.num_rows)
        .map_err(|_| Error::Bug(format!("a row group of {} rows cannot be sorted", columns.num_rows)))?;
    let mut order: Vec<u32> = (0..num_rows).collect();
    // Stable, and linear where the rows come in order already.
    order.sort_by(|&a, &b| keys.row(a as usize).cmp(&keys.row(b as usize)));
    Ok(Some(UInt32Array::from(order)))
}

fn sort_bug(error: &ArrowError) -> Error {
    Error::Bug(format!("a row group cannot be sorted: {error}"))
}
