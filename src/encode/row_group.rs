//! One row group: columns in, compressed column chunks out. No file, no thread.

use std::fmt;

use arrow::datatypes::Field;
use bytes::Bytes;
use parquet::{
    column::writer::ColumnCloseResult,
    file::{statistics::Statistics, writer::TrackedWrite},
};

use super::{
    EncodeOptions, FileSchema, bug,
    check::check_column,
    chunk::{self, ChunkScratch},
    leaf::leaves,
    range::Range,
    sorting,
};
use crate::{
    columns::Columns,
    error::{Error, Result},
};

/// A row group, ready to be appended to a file of its schema.
#[derive(Debug)]
pub struct EncodedRowGroup {
    /// The pages of all chunks.
    pub(super) bytes: Bytes,
    /// One for each leaf of the file's schema; places count from the beginning of `bytes`.
    pub(super) chunks: Vec<ColumnCloseResult>,
    /// One for each column of the file that has them.
    pub(super) ranges: Vec<Range>,
    num_rows: usize,
}

impl EncodedRowGroup {
    /// Rows in it.
    #[must_use]
    pub const fn num_rows(&self) -> usize {
        self.num_rows
    }

    /// Number of values of each leaf, as the chunks' metadata says: levels without nulls.
    pub fn leaf_values(&self) -> impl Iterator<Item = u64> {
        self.chunks.iter().map(|chunk| {
            let nulls = chunk.metadata.statistics().and_then(Statistics::null_count_opt).unwrap_or(0);
            (chunk.metadata.num_values() as u64).saturating_sub(nulls)
        })
    }

    /// Bytes of its pages: what it takes in memory now and in the file later.
    #[must_use]
    pub const fn byte_size(&self) -> u64 {
        self.bytes.len() as u64
    }
}

/// Memory that a worker uses again for each row group. Nothing of what was encoded before is seen in what comes after.
#[derive(Default)]
pub struct EncodeScratch {
    chunk: ChunkScratch,
    /// Bytes of the row group before.
    last_pages_bytes: usize,
}

impl fmt::Debug for EncodeScratch {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("EncodeScratch").finish_non_exhaustive()
    }
}

/// Encodes all rows of `columns` (of the table's schema) as one row group, sorted if the options say so.
///
/// The same columns give the same bytes on any thread and with any scratch.
///
/// # Errors
/// [`Error::Bug`] when the columns break their contract or do not belong to the schema.
pub fn encode_row_group(
    schema: &FileSchema,
    columns: &Columns,
    scratch: &mut EncodeScratch,
) -> Result<EncodedRowGroup> {
    if columns.columns.len() != schema.table_width() {
        let (given, wanted) = (columns.columns.len(), schema.table_width());
        return Err(Error::Bug(format!("a row group of {given} columns for a table of {wanted}")));
    }
    let num_rows = columns.num_rows;
    let mut group = EncodedRowGroup { bytes: Bytes::new(), chunks: Vec::new(), ranges: Vec::new(), num_rows };
    if num_rows == 0 {
        return Ok(group);
    }
    let check = |(field, column): (&Field, usize)| check_column(&columns.columns[column], num_rows, field);
    let sorted = if schema.sort_by().is_empty() {
        None
    } else {
        schema.fields().try_for_each(check)?;
        Some(sorting::sorted(schema, columns)?)
    };
    let columns = sorted.as_ref().unwrap_or(columns);

    // They are handed on and not kept, so their room is guessed: most row groups are about as large as the last one.
    let mut sink = TrackedWrite::new(Vec::with_capacity(scratch.last_pages_bytes + scratch.last_pages_bytes / 16));
    let mut chunk_options = schema.chunk_options().iter();
    for (field, index) in schema.fields() {
        let column = &columns.columns[index];
        // Right before it is written, so that its values are read from memory only once.
        check_column(column, num_rows, field)?;
        leaves(column, |leaf| {
            let Some(options) = chunk_options.next() else {
                return Err(Error::Bug(format!("column {} has more leaves than its schema", field.name())));
            };
            group.chunks.push(chunk::write(&leaf, num_rows, options, &mut scratch.chunk, &mut sink)?);
            Ok(())
        })?;
        let Some(chunk) = group.chunks.last().filter(|_| schema.has_range(index)) else { continue };
        group.ranges.push(Range::new(chunk.metadata.statistics(), column.num_values()));
    }
    let mut pages = sink.into_inner().map_err(|error| bug(&error))?;
    scratch.last_pages_bytes = pages.len().min(EncodeOptions::KEPT_SCRATCH_BYTES);
    // A row group can wait for those before it, and has no room to spare meanwhile.
    pages.shrink_to_fit();
    group.bytes = Bytes::from(pages);
    scratch.chunk.trim();
    Ok(group)
}
