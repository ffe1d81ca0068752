//! A data file before its commit: row groups are appended one by one, then the footer.

mod append_file;
mod row_group_records;

use std::{
    fmt,
    io::Write,
    path::{Path, PathBuf},
    sync::Arc,
};

use parquet::bloom_filter::Sbbf;

use self::{append_file::AppendFile, row_group_records::RowGroupRecords};
use super::{
    EncodedPart, EncodedRowGroup, FileSchema, bug,
    metadata::{
        footer::MAGIC,
        row_group::{RowGroupFacts, RowGroupRecord, RowGroupRecordWriter},
    },
    range::{self, Range},
};
use crate::{
    error::{Error, Result},
    report::Ranges,
};

/// A finished file under its staging name. It is synced to disk, unless that is left to the caller
/// ([`SyncWhen::Later`]).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FinishedFile {
    /// Path of the staged file.
    pub path: PathBuf,
    /// Number of rows; never zero.
    pub rows: u64,
    /// Size, bytes.
    pub bytes: u64,
    /// Number of row groups.
    pub row_groups: u64,
    /// XXH3-128 of its bytes.
    pub digest: u128,
    /// By column name, the minimum and maximum of integers and instants (RFC 3339), and of short texts that the rows
    /// are sorted by; columns without a value are missing.
    pub ranges: Ranges,
}

/// What is the same in the footers of all files, and how files are finished.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Footer {
    /// Key-value metadata besides the Arrow schema.
    pub key_values: Vec<(String, String)>,
    /// When finished files are synced.
    pub sync: SyncWhen,
}

/// When a finished file is synced to disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SyncWhen {
    /// Each file is synced as it is finished.
    Each,
    /// The caller syncs it later, together with many others.
    Later,
}

/// Writes one file. Between two row groups it holds no descriptor, and the metadata for the footer is kept on disk
/// beside the file: there can be thousands of unfinished files, and their metadata grows with the input.
///
/// If it is dropped before [`StagedFileWriter::finish`], a file without a footer remains, which the owner of the
/// staging folder must remove.
pub struct StagedFileWriter {
    schema: Arc<FileSchema>,
    path: PathBuf,
    /// Created on disk by the first byte, so there is never a file without rows.
    file: AppendFile,
    rows: u64,
    /// Metadata of the row groups appended so far.
    row_groups: RowGroupRecords,
    ranges: Vec<Range>,
}

impl StagedFileWriter {
    /// A writer for the file `path`, which must not exist yet; its folder must exist. Nothing is written until the
    /// first row group.
    ///
    /// # Errors
    /// [`Error::Bug`] when the name ends in `.parquet`: readers that look into hidden folders would take it for a
    /// data file.
    pub fn create(path: impl Into<PathBuf>, schema: Arc<FileSchema>) -> Result<Self> {
        let path = path.into();
        if path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("parquet")) {
            return Err(Error::Bug(format!("a staged file may not be named {}", path.display())));
        }
        let file = AppendFile::new(path.clone());
        let row_groups = RowGroupRecords::new(path.with_added_extension("row_groups"));
        Ok(Self { schema, path, file, rows: 0, row_groups, ranges: Vec::new() })
    }

    /// Appends a row group that was encoded for the same schema; one without rows is ignored. Its bytes are passed to
    /// the system and the descriptor is closed before this returns.
    ///
    /// # Errors
    /// [`Error::Io`] when the system refuses (disk full, file already exists). The file is unusable afterwards.
    pub fn append(&mut self, group: EncodedRowGroup) -> Result<()> {
        let Some(record) = self.write(group)? else { return Ok(()) };
        self.row_groups.push(record.bytes()).map_err(|error| Error::io("write", self.row_groups.path())(error))?;
        self.file.flush().map_err(Error::io("write", &self.path))?;
        self.file.release().map_err(Error::io("write", &self.path))
    }

    /// Appends the last row group and finishes the file in one step.
    ///
    /// # Errors
    /// As [`StagedFileWriter::append`] and [`StagedFileWriter::finish`].
    pub fn append_and_finish(mut self, group: EncodedRowGroup, footer: &Footer) -> Result<Option<FinishedFile>> {
        let last = self.write(group)?;
        self.finish_after(last, footer)
    }

    /// Writes a row group; returns its metadata for the footer, or none if it has no rows.
    fn write(&mut self, group: EncodedRowGroup) -> Result<Option<RowGroupRecord<'static>>> {
        let num_rows = group.num_rows() as u64;
        if num_rows == 0 {
            return Ok(None);
        }
        let mut parts = group.parts;
        let ranges = parts.iter_mut().flat_map(|part| part.ranges.drain(..)).collect();
        let record = self.write_row_group(&parts, num_rows)?;
        self.rows += num_rows;
        range::join_all(&mut self.ranges, ranges);
        Ok(Some(record))
    }

    /// Writes the pages, followed by the bloom filters.
    fn write_row_group(&mut self, parts: &[EncodedPart], num_rows: u64) -> Result<RowGroupRecord<'static>> {
        if self.file.len() == 0 {
            self.write_all(MAGIC)?;
        }
        let offset = self.file.len();
        let mut starts = Vec::with_capacity(parts.len());
        for part in parts {
            starts.push(self.file.len());
            self.write_all(&part.bytes)?;
        }
        let (filters_start, mut filters) = (self.file.len(), Vec::new());
        let mut facts = RowGroupFacts { num_rows, uncompressed_bytes: 0, compressed_bytes: 0, offset };
        let mut record = RowGroupRecordWriter::new(self.schema.num_leaves());
        let chunks = parts.iter().zip(starts).flat_map(|(part, start)| part.metadata.placed(start));
        for (chunk, options) in chunks.zip(self.schema.chunk_options()) {
            let filter = match chunk.bloom_filter() {
                Some(filter) => Some(append_bloom_filter(filter, filters_start, &mut filters)?),
                None => None,
            };
            let write_metadata = |out: &mut Vec<u8>| chunk.write_metadata(options, filter, out);
            record.add(write_metadata, chunk.column_index(), |out| chunk.write_offset_index(out));
            facts.uncompressed_bytes += chunk.uncompressed_bytes();
            facts.compressed_bytes += chunk.compressed_bytes();
        }
        self.write_all(&filters)?;
        Ok(record.finish(facts))
    }

    fn write_all(&mut self, bytes: &[u8]) -> Result<()> {
        self.file.write_all(bytes).map_err(Error::io("write", &self.path))
    }

    /// Path of the file, which may not exist yet.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Bytes written so far, without the footer.
    #[must_use]
    pub const fn bytes_written(&self) -> u64 {
        self.file.len()
    }

    /// Number of rows appended so far.
    #[must_use]
    pub const fn num_rows(&self) -> u64 {
        self.rows
    }

    /// Number of row groups appended so far.
    #[must_use]
    pub fn num_row_groups(&self) -> u64 {
        self.row_groups.len() as u64
    }

    /// Writes the footer and closes the file. None if there were no rows: then there is no file.
    ///
    /// # Errors
    /// [`Error::Io`] when the system refuses, also for bytes of earlier row groups that did not reach the disk.
    pub fn finish(self, footer: &Footer) -> Result<Option<FinishedFile>> {
        self.finish_after(None, footer)
    }

    fn finish_after(self, last: Option<RowGroupRecord<'_>>, footer: &Footer) -> Result<Option<FinishedFile>> {
        let num_row_groups = self.row_groups.len() as u64 + u64::from(last.is_some());
        if num_row_groups == 0 {
            return Ok(None);
        }
        let Self { row_groups, schema, path, ranges, mut file, rows } = self;
        let records_path = row_groups.path().clone();
        let (records, lens) = row_groups.take().map_err(|error| Error::io("read", records_path)(error))?;
        let mut rest = records.as_slice();
        let earlier = lens.into_iter().map_while(|len| rest.split_off(..len as usize)).map(RowGroupRecord::from_bytes);
        let row_groups: Vec<RowGroupRecord<'_>> = earlier.chain(last).collect();
        if row_groups.len() as u64 != num_row_groups || !rest.is_empty() {
            return Err(Error::Bug("records of row groups have another length".to_owned()));
        }
        let end = schema.footer_parts().encode(&row_groups, &footer.key_values, file.len())?;
        file.write_all(&end).and_then(|()| file.flush()).map_err(Error::io("write", &path))?;
        match footer.sync {
            SyncWhen::Each => file.sync_and_release(),
            SyncWhen::Later => file.release(),
        }
        .map_err(Error::io("sync", &path))?;
        let ranges = Ranges::new(&range::by_name(&ranges, schema.ranged_fields()))?;
        let (bytes, digest) = (file.len(), file.digest());
        Ok(Some(FinishedFile { path, rows, bytes, row_groups: num_row_groups, digest, ranges }))
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

/// Appends a bloom filter to `out`, which begins at byte `start` of the file. Returns its offset in the file and its
/// length.
fn append_bloom_filter(filter: &Sbbf, start: u64, out: &mut Vec<u8>) -> Result<(i64, i32)> {
    let before = out.len();
    filter.write(&mut *out).map_err(|error| bug(&error))?;
    let len = i32::try_from(out.len() - before).map_err(|_| Error::Bug("a bloom filter is too large".to_owned()))?;
    Ok(((start + before as u64) as i64, len))
}
