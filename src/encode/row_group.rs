//! One row group: columns in, column chunks out. No file, no thread.

use std::{borrow::Cow, fmt, ops};

use super::{
    EncodeOptions, FileSchema,
    check::check_column,
    chunk::{self, ChunkScratch},
    leaf::leaves,
    metadata::chunk::PartMetadata,
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
    /// In the order of the file's columns.
    pub(super) parts: Vec<EncodedPart>,
    num_rows: usize,
}

/// Some columns of a row group.
#[derive(Debug, Default)]
pub struct EncodedPart {
    /// The pages of all its chunks.
    pub(super) bytes: Vec<u8>,
    /// What is to be said of them.
    pub(super) metadata: PartMetadata,
    /// One for each column that has them.
    pub(super) ranges: Vec<Range>,
}

impl EncodedRowGroup {
    /// Rows in it.
    #[must_use]
    pub const fn num_rows(&self) -> usize {
        self.num_rows
    }

    /// Number of values of each leaf, as the chunks' metadata says: levels without nulls.
    pub fn leaf_values(&self) -> impl Iterator<Item = u64> {
        self.parts.iter().flat_map(|part| part.metadata.num_values())
    }

    /// Bytes of its pages: what it takes in memory now and in the file later.
    #[must_use]
    pub fn byte_size(&self) -> u64 {
        self.parts.iter().map(|part| part.bytes.len() as u64).sum()
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
    let row_group = RowGroup::new(schema, columns)?;
    let part = row_group.encode(0..schema.columns().len(), scratch)?;
    Ok(row_group.of_parts(vec![part]))
}

/// A row group whose columns can be encoded apart, by several threads.
#[derive(Debug)]
pub struct RowGroup<'a> {
    schema: &'a FileSchema,
    columns: Cow<'a, Columns>,
}

impl<'a> RowGroup<'a> {
    /// All rows of `columns`, sorted if the options of the schema say so.
    ///
    /// # Errors
    /// As [`encode_row_group`].
    pub fn new(schema: &'a FileSchema, columns: &'a Columns) -> Result<Self> {
        if columns.columns.len() != schema.table_width() {
            let (given, wanted) = (columns.columns.len(), schema.table_width());
            return Err(Error::Bug(format!("a row group of {given} columns for a table of {wanted}")));
        }
        if schema.sort_by().is_empty() || columns.num_rows == 0 {
            return Ok(Self { schema, columns: Cow::Borrowed(columns) });
        }
        schema
            .fields()
            .try_for_each(|(field, index)| check_column(&columns.columns[index], columns.num_rows, field))?;
        Ok(Self { schema, columns: Cow::Owned(sorting::sorted(schema, columns)?) })
    }

    /// Ranges of the file's columns, in their order, with about as many bytes of values in each: at most `most`.
    #[must_use]
    pub fn parts(&self, most: usize) -> Vec<ops::Range<usize>> {
        let sizes: Vec<usize> =
            self.schema.columns().iter().map(|&index| self.columns.columns[index].byte_size() + 1).collect();
        let share = sizes.iter().sum::<usize>().div_ceil(most.max(1)).max(1);
        let (mut parts, mut start, mut bytes) = (Vec::new(), 0, 0);
        for (column, size) in sizes.iter().enumerate() {
            bytes += size;
            if bytes >= share {
                parts.push(start..column + 1);
                (start, bytes) = (column + 1, 0);
            }
        }
        if start < sizes.len() {
            parts.push(start..sizes.len());
        }
        parts
    }

    /// Encodes some of the file's columns.
    ///
    /// # Errors
    /// As [`encode_row_group`].
    pub fn encode(&self, columns: ops::Range<usize>, scratch: &mut EncodeScratch) -> Result<EncodedPart> {
        let num_rows = self.columns.num_rows;
        let mut part = EncodedPart::default();
        if num_rows == 0 {
            return Ok(part);
        }
        // They are handed on and not kept, so their room is guessed: most row groups are about as large as the last one.
        part.bytes.reserve(scratch.last_pages_bytes + scratch.last_pages_bytes / 16);
        let mut chunk_options = self.schema.chunk_options()[self.schema.first_leaf(columns.start)..].iter();
        for (field, index) in self.schema.fields().skip(columns.start).take(columns.len()) {
            let column = &self.columns.columns[index];
            // Right before it is written, so that its values are read from memory only once.
            check_column(column, num_rows, field)?;
            let mut range = None;
            leaves(column, |leaf| {
                let Some(options) = chunk_options.next() else {
                    return Err(Error::Bug(format!("column {} has more leaves than its schema", field.name())));
                };
                let EncodedPart { bytes, metadata, .. } = &mut part;
                let extremes = chunk::write(&leaf, num_rows, options, &mut scratch.chunk, bytes, metadata)?;
                range = self.schema.has_range(index).then(|| Range::new(extremes));
                Ok(())
            })?;
            part.ranges.extend(range);
        }
        scratch.last_pages_bytes = part.bytes.len().min(EncodeOptions::KEPT_SCRATCH_BYTES);
        // A row group can wait for those before it, and has no room to spare meanwhile.
        part.bytes.shrink_to_fit();
        scratch.chunk.trim();
        Ok(part)
    }

    /// The row group of its encoded parts, which are in the order of the columns and have each of them once.
    #[must_use]
    pub fn of_parts(&self, parts: Vec<EncodedPart>) -> EncodedRowGroup {
        EncodedRowGroup { parts, num_rows: self.columns.num_rows }
    }
}
