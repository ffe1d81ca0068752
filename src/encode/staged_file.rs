//! A data file before its commit: row groups appended one by one, the footer last.

mod append_file;
mod compact;
mod footer;
mod notes;

use std::{
    fmt,
    io::{self, Write},
    path::{Path, PathBuf},
    sync::Arc,
};

use parquet::{
    bloom_filter::Sbbf,
    column::writer::ColumnCloseResult,
    errors::ParquetError,
    file::{
        metadata::{ParquetMetaData, ParquetMetaDataBuilder, RowGroupMetaData, page_index::PageIndexBuilder},
        writer::TrackedWrite,
    },
};

use self::{append_file::AppendFile, compact::CompactRowGroup, notes::Notes};
use super::{
    EncodedPart, EncodedRowGroup, FileSchema, bug,
    range::{self, Range},
};
use crate::{
    error::{Error, Result},
    report::Ranges,
};

/// A finished file under its staging name; on disk and synced, unless that is left to the caller ([`Sync::Later`]).
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
    pub ranges: Ranges,
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

/// Writes one file. Between two row groups it holds no descriptor, and what the footer will say is kept on disk beside the
/// file, compressed: there can be thousands of unfinished files, and what is to be said of them grows with the input.
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
    notes: Notes,
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
        let notes = Notes::new(path.with_added_extension("notes"));
        Ok(Self { schema, path, file, rows: 0, notes, ranges: Vec::new() })
    }

    /// Appends a row group that was encoded for the same schema; one without rows is ignored. Its bytes are handed
    /// to the system and the descriptor is closed before this returns.
    ///
    /// # Errors
    /// [`Error::Io`] when the system refuses (disk full, file already there). The file is then of no use any more.
    pub fn append(&mut self, group: EncodedRowGroup) -> Result<()> {
        let Some(metadata) = self.write(group)? else { return Ok(()) };
        let note = CompactRowGroup::new(&metadata).map_err(|error| bug(&error))?;
        self.notes.push(note.bytes()).map_err(|error| Error::io("write", self.notes.path())(error))?;
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
        let mut parts = group.parts;
        let ranges = parts.iter_mut().flat_map(|part| part.ranges.drain(..)).collect();
        let metadata = self.write_row_group(parts, num_rows as i64).map_err(|error| write_error(&self.path, error))?;
        self.rows += num_rows;
        range::join_all(&mut self.ranges, ranges);
        Ok(Some(metadata))
    }

    /// Writes the pages and, right behind them, the bloom filters. (The writer of row groups that `parquet` has
    /// copies them chunk by chunk, and what is said of each chunk several times.)
    fn write_row_group(&mut self, parts: Vec<EncodedPart>, num_rows: i64) -> parquet::errors::Result<ParquetMetaData> {
        let file = &mut self.file;
        if file.bytes_written() == 0 {
            file.write_all(MAGIC)?;
        }
        let ordinal = i32::try_from(self.notes.len())
            .map_err(|_| ParquetError::General("more row groups than a file can have".to_owned()))?;
        let start = file.bytes_written() as i64;
        let num_leaves = self.schema.num_leaves();
        let mut chunks = Vec::with_capacity(num_leaves);
        for part in parts {
            let start = file.bytes_written() as i64;
            file.write_all(&part.bytes)?;
            chunks.extend(part.chunks.into_iter().map(|chunk| (start, chunk)));
        }
        let (mut columns, mut total_bytes) = (Vec::with_capacity(num_leaves), 0);
        let mut page_index = PageIndexBuilder::new(1, num_leaves);
        for (column, (start, chunk)) in chunks.into_iter().enumerate() {
            let ColumnCloseResult { metadata, bloom_filter, column_index, offset_index, .. } = chunk;
            total_bytes += metadata.uncompressed_size();
            let (data, dictionary) = (metadata.data_page_offset(), metadata.dictionary_page_offset());
            let mut metadata = metadata
                .into_builder()
                .set_data_page_offset(start + data)
                .set_dictionary_page_offset(dictionary.map(|offset| start + offset));
            if let Some(bloom_filter) = bloom_filter {
                let (offset, len) = write_bloom_filter(file, &bloom_filter)?;
                metadata = metadata.set_bloom_filter_offset(Some(offset)).set_bloom_filter_length(Some(len));
            }
            columns.push(metadata.build()?);
            if let Some(index) = column_index {
                page_index.put_column_index(index, 0, column);
            }
            if let Some(mut index) = offset_index {
                index.page_locations.iter_mut().for_each(|location| location.offset += start);
                page_index.put_offset_index(index, 0, column);
            }
        }
        let row_group = RowGroupMetaData::builder(Arc::clone(self.schema.parquet()))
            .set_column_metadata(columns)
            .set_total_byte_size(total_bytes)
            .set_num_rows(num_rows)
            .set_sorting_columns(self.schema.file_properties().sorting_columns().cloned())
            .set_ordinal(ordinal)
            .set_file_offset(start)
            .build()?;
        Ok(ParquetMetaDataBuilder::new(footer::file_metadata(&self.schema, num_rows, None))
            .add_row_group(row_group)
            .set_page_index(Some(Arc::new(page_index.build())))
            .build())
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
    pub fn num_row_groups(&self) -> u64 {
        self.notes.len() as u64
    }

    /// Writes the footer and closes. None when there was no row: then there is no file.
    ///
    /// # Errors
    /// [`Error::Io`] when the system refuses, also for bytes of earlier row groups that did not reach the disk.
    pub fn finish(self, footer: &Footer) -> Result<Option<StagedFile>> {
        self.finish_behind(None, footer)
    }

    fn finish_behind(self, last: Option<ParquetMetaData>, footer: &Footer) -> Result<Option<StagedFile>> {
        let Self { schema, path, mut file, rows, notes, ranges } = self;
        let num_row_groups = notes.len() as u64 + u64::from(last.is_some());
        if num_row_groups == 0 {
            return Ok(None);
        }
        let notes_path = notes.path().clone();
        let notes = notes.take().map_err(|error| Error::io("read", notes_path)(error))?;
        let row_groups: Vec<CompactRowGroup> = notes.into_iter().map(CompactRowGroup::from_bytes).collect();
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
        let ranges = Ranges::new(&range::by_name(&ranges, schema.ranged_fields()))?;
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

/// Writes a bloom filter where `file` is; gives its place and length.
fn write_bloom_filter(file: &mut TrackedWrite<AppendFile>, bloom_filter: &Sbbf) -> parquet::errors::Result<(i64, i32)> {
    let start = file.bytes_written();
    bloom_filter.write(&mut *file)?;
    let len = i32::try_from(file.bytes_written() - start)
        .map_err(|_| ParquetError::General("a bloom filter is too large".to_owned()))?;
    Ok((start as i64, len))
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
