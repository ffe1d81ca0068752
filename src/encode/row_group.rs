//! Encodes one row group: columns in, column chunks out. It knows neither files nor threads.

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
    config::Config,
    error::{Error, Result},
};

/// An encoded row group, ready to be appended to a file of its schema.
#[derive(Debug)]
pub struct EncodedRowGroup {
    /// In the order of the file's columns.
    pub(super) parts: Vec<EncodedPart>,
    num_rows: usize,
}

/// Some encoded columns of a row group.
#[derive(Debug, Default)]
pub struct EncodedPart {
    /// The pages of all of its chunks.
    pub(super) bytes: Vec<u8>,
    /// Their metadata.
    pub(super) metadata: PartMetadata,
    /// The ranges of those columns that have one in the manifest.
    pub(super) ranges: Vec<Range>,
}

impl EncodedRowGroup {
    /// Number of rows.
    #[must_use]
    pub const fn num_rows(&self) -> usize {
        self.num_rows
    }

    /// Number of values of each leaf according to the chunks' metadata: levels minus nulls.
    pub fn leaf_values(&self) -> impl Iterator<Item = u64> {
        self.parts.iter().flat_map(|part| part.metadata.num_values())
    }

    /// Bytes of its pages, in memory now and in the file later.
    #[must_use]
    pub fn byte_size(&self) -> u64 {
        self.parts.iter().map(|part| part.bytes.len() as u64).sum()
    }
}

/// Memory that a worker reuses for each row group. What was encoded before has no influence on later output.
#[derive(Default)]
pub struct EncodeScratch {
    chunk: ChunkScratch,
    /// Bytes of the pages that were encoded last.
    last_pages_bytes: usize,
}

impl fmt::Debug for EncodeScratch {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("EncodeScratch").finish_non_exhaustive()
    }
}

/// Encodes all rows of `columns` (of the table's schema) as one row group, sorted if the options say so.
///
/// The same columns produce the same bytes on any thread and with any scratch.
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
    Ok(row_group.from_parts(vec![part]))
}

/// A row group whose columns can be encoded separately, by several threads.
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
        if columns.num_rows > Config::MAX_ROW_GROUP_ROWS {
            let most = Config::MAX_ROW_GROUP_ROWS;
            return Err(Error::Bug(format!("a row group of {} rows, and it has at most {most}", columns.num_rows)));
        }
        if schema.sort_by().is_empty() || columns.num_rows == 0 {
            return Ok(Self { schema, columns: Cow::Borrowed(columns) });
        }
        schema
            .fields()
            .try_for_each(|(field, index)| check_column(&columns.columns[index], columns.num_rows, field))?;
        Ok(Self { schema, columns: Cow::Owned(sorting::sorted(schema, columns)?) })
    }

    /// Divides the file's columns into at most `most` ranges, in order, with about the same bytes of values in each.
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
        // The buffer is handed on and not reused, so its size is guessed: most row groups are about as large as the
        // last one.
        part.bytes.reserve(scratch.last_pages_bytes + scratch.last_pages_bytes / 16);
        let mut chunk_options = self.schema.chunk_options()[self.schema.first_leaf(columns.start)..].iter();
        for (field, index) in self.schema.fields().skip(columns.start).take(columns.len()) {
            let column = &self.columns.columns[index];
            // Checked right before it is written, so that its values are read from memory only once.
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
        // The row group may wait for earlier ones and should not hold unused memory meanwhile.
        part.bytes.shrink_to_fit();
        scratch.chunk.trim();
        Ok(part)
    }

    /// Joins encoded parts to the row group. They must be in the order of the columns and contain each column once.
    #[must_use]
    pub fn from_parts(&self, parts: Vec<EncodedPart>) -> EncodedRowGroup {
        EncodedRowGroup { parts, num_rows: self.columns.num_rows }
    }
}
