//! A data file before its commit: row groups appended one by one, the footer last.

mod append_file;
mod compact;
mod footer;

use std::{
    collections::BTreeMap,
    fmt,
    io::{self, Write},
    path::{Path, PathBuf},
    sync::Arc,
};

use bytes::Bytes;
use parquet::{
    bloom_filter::Sbbf,
    column::writer::ColumnCloseResult,
    errors::ParquetError,
    file::{
        metadata::{ParquetMetaData, RowGroupMetaData},
        writer::{SerializedRowGroupWriter, TrackedWrite},
    },
};

use self::{append_file::AppendFile, compact::CompactRowGroup};
use super::{
    EncodedRowGroup, FileSchema, bug,
    range::{self, Range},
};
use crate::error::{Error, Result};

/// A finished file, on disk and synced, under its staging name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StagedFile {
    /// Where it is.
    pub path: PathBuf,
    /// Rows in it; never zero.
    pub rows: u64,
    /// Its size.
    pub bytes: u64,
    /// Row groups in it.
    pub row_groups: u64,
    /// XXH3-128 of its bytes.
    pub digest: u128,
    /// Least and greatest value of integers and instants (RFC 3339), and of short texts that the rows are sorted by, by
    /// column; columns without a value are missing.
    pub ranges: BTreeMap<String, (String, String)>,
}

/// How files end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Footer {
    /// Key values besides the schema's.
    pub key_values: Vec<(String, String)>,
    /// When the files are brought to the disk.
    pub sync: Sync,
}

/// When a finished file is brought to the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sync {
    /// Before it counts as finished.
    Each,
    /// Later, by the caller: with many others at once.
    Later,
}

/// How every Parquet file begins; how it ends is written with the footer.
const MAGIC: &[u8] = b"PAR1";

/// Writes one file. Between two row groups it holds no descriptor, only what the footer will say, and that compressed:
/// there can be thousands of unfinished files, and what they keep grows with the input. (The writer of whole files
/// that `parquet` has would keep ten times as much.)
///
/// Dropped before [`StagedFileWriter::finish`], it leaves a file without a footer, for whoever owns the staging
/// folder to remove.
pub struct StagedFileWriter {
    schema: Arc<FileSchema>,
    path: PathBuf,
    /// Made by the first byte: a file without rows is never made.
    file: TrackedWrite<AppendFile>,
    rows: u64,
    /// Metadata of the row groups appended so far.
    row_groups: Vec<CompactRowGroup>,
    ranges: Vec<Range>,
}

impl StagedFileWriter {
    /// A file at `path`, which must not exist yet; its folder must exist. Nothing is written so far.
    ///
    /// # Errors
    /// [`Error::Bug`] when the name ends in `.parquet`: readers that look into hidden folders would take it for a
    /// data file.
    pub fn create(path: impl Into<PathBuf>, schema: Arc<FileSchema>) -> Result<Self> {
        let path = path.into();
        if path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("parquet")) {
            return Err(Error::Bug(format!("a staged file may not be named {}", path.display())));
        }
        let file = TrackedWrite::new(AppendFile::new(path.clone()));
        Ok(Self { schema, path, file, rows: 0, row_groups: Vec::new(), ranges: Vec::new() })
    }

    /// Appends a row group that was encoded for the same schema; one without rows is ignored. Its bytes are handed
    /// to the system and the descriptor is closed before this returns.
    ///
    /// # Errors
    /// [`Error::Io`] when the system refuses (disk full, file already there). The file is then of no use any more.
    pub fn append(&mut self, group: EncodedRowGroup) -> Result<()> {
        let Some(metadata) = self.write(group)? else { return Ok(()) };
        self.row_groups.push(CompactRowGroup::new(&metadata).map_err(|error| bug(&error))?);
        self.file.flush().map_err(Error::io("write", &self.path))?;
        self.file.inner_mut().release().map_err(Error::io("write", &self.path))
    }

    /// Appends the last row group and finishes the file in one go.
    ///
    /// # Errors
    /// As [`StagedFileWriter::append`] and [`StagedFileWriter::finish`].
    pub fn append_and_finish(mut self, group: EncodedRowGroup, footer: &Footer) -> Result<Option<StagedFile>> {
        let last = self.write(group)?;
        self.finish_behind(last, footer)
    }

    /// Writes a row group; gives what the footer will say about it.
    fn write(&mut self, group: EncodedRowGroup) -> Result<Option<ParquetMetaData>> {
        let num_rows = group.num_rows() as u64;
        if num_rows == 0 {
            return Ok(None);
        }
        let EncodedRowGroup { bytes, chunks, ranges, .. } = group;
        let metadata = self.write_row_group(&bytes, chunks).map_err(|error| write_error(&self.path, error))?;
        self.rows += num_rows;
        range::join_all(&mut self.ranges, ranges);
        Ok(Some(metadata))
    }

    /// Writes the pages and, right behind them, the bloom filters.
    fn write_row_group(
        &mut self,
        bytes: &Bytes,
        chunks: Vec<ColumnCloseResult>,
    ) -> parquet::errors::Result<ParquetMetaData> {
        if self.file.bytes_written() == 0 {
            self.file.write_all(MAGIC)?;
        }
        let ordinal = i32::try_from(self.row_groups.len())
            .map_err(|_| ParquetError::General("more row groups than a file can have".to_owned()))?;
        let schema = &*self.schema;
        let (descriptor, properties) = (Arc::clone(schema.parquet()), Arc::clone(schema.file_properties()));
        let mut said = None;
        let mut row_group = SerializedRowGroupWriter::new(
            descriptor,
            properties,
            &mut self.file,
            ordinal,
            Some(Box::new(|file, mut metadata, bloom_filters, column_indexes, offset_indexes| {
                write_bloom_filters(file, &mut metadata, bloom_filters)?;
                said = Some(compact::metadata(schema, metadata, column_indexes, offset_indexes));
                Ok(())
            })),
        );
        for chunk in chunks {
            row_group.append_column(bytes, chunk)?;
        }
        row_group.close()?;
        said.ok_or_else(|| ParquetError::General("a row group was closed without its metadata".to_owned()))
    }

    /// Where the file is, or will be.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Bytes written so far, without the footer.
    #[must_use]
    pub fn bytes_written(&self) -> u64 {
        self.file.bytes_written() as u64
    }

    /// Rows appended so far.
    #[must_use]
    pub const fn num_rows(&self) -> u64 {
        self.rows
    }

    /// Row groups appended so far.
    #[must_use]
    pub const fn num_row_groups(&self) -> u64 {
        self.row_groups.len() as u64
    }

    /// What it keeps for the footer, in bytes.
    #[cfg(test)]
    pub(super) fn kept_bytes(&self) -> usize {
        self.row_groups.iter().map(CompactRowGroup::len).sum()
    }

    /// Writes the footer and closes. None when there was no row: then there is no file.
    ///
    /// # Errors
    /// [`Error::Io`] when the system refuses, also for bytes of earlier row groups that did not reach the disk.
    pub fn finish(self, footer: &Footer) -> Result<Option<StagedFile>> {
        self.finish_behind(None, footer)
    }

    fn finish_behind(self, last: Option<ParquetMetaData>, footer: &Footer) -> Result<Option<StagedFile>> {
        let Self { schema, path, mut file, rows, row_groups, ranges } = self;
        let num_row_groups = row_groups.len() as u64 + u64::from(last.is_some());
        if num_row_groups == 0 {
            return Ok(None);
        }
        let end = footer::encode(&schema, &row_groups, last, &footer.key_values, file.bytes_written())
            .map_err(|error| write_error(&path, error))?;
        file.write_all(&end).map_err(Error::io("write", &path))?;
        file.flush().map_err(Error::io("write", &path))?;
        match footer.sync {
            Sync::Each => file.inner_mut().sync_and_release(),
            Sync::Later => file.inner_mut().release(),
        }
        .map_err(Error::io("sync", &path))?;
        let (bytes, row_groups) = (file.bytes_written() as u64, num_row_groups);
        let ranges = range::by_name(&ranges, schema.ranged_fields());
        let digest = file.inner().digest();
        Ok(Some(StagedFile { path, rows, bytes, row_groups, digest, ranges }))
    }
}

impl fmt::Debug for StagedFileWriter {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("StagedFileWriter")
            .field("path", &self.path)
            .field("rows", &self.rows)
            .finish_non_exhaustive()
    }
}

/// Writes a row group's bloom filters where `file` is, and notes their places in its metadata.
fn write_bloom_filters(
    file: &mut TrackedWrite<AppendFile>,
    row_group: &mut RowGroupMetaData,
    bloom_filters: Vec<Option<Sbbf>>,
) -> parquet::errors::Result<()> {
    for (column, bloom_filter) in row_group.columns_mut().iter_mut().zip(bloom_filters) {
        let Some(bloom_filter) = bloom_filter else { continue };
        let start = file.bytes_written();
        bloom_filter.write(&mut *file)?;
        let len = i32::try_from(file.bytes_written() - start)
            .map_err(|_| ParquetError::General("a bloom filter is too large".to_owned()))?;
        let builder = column.clone().into_builder();
        *column = builder.set_bloom_filter_offset(Some(start as i64)).set_bloom_filter_length(Some(len)).build()?;
    }
    Ok(())
}

/// What the system said is told as such, and not as a fault of the format.
fn write_error(path: &Path, error: ParquetError) -> Error {
    match error {
        ParquetError::External(cause) => match cause.downcast::<io::Error>() {
            Ok(source) => Error::io("write", path)(*source),
            Err(cause) => bug(&ParquetError::External(cause)),
        },
        error => bug(&error),
    }
}
