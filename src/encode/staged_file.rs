//! A data file before its commit: row groups appended one by one, the footer last.

mod append_file;

use std::{
    collections::BTreeMap,
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use parquet::{
    errors::ParquetError,
    file::{metadata::KeyValue, writer::SerializedFileWriter},
};

use self::append_file::AppendFile;
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
    /// Least and greatest value of integers, instants (RFC 3339) and short texts, by column; columns without a value
    /// and such with longer texts are missing.
    pub ranges: BTreeMap<String, (String, String)>,
}

/// Writes one file. Between two row groups it holds no descriptor, only what the footer will say.
///
/// Dropped before [`StagedFileWriter::finish`], it leaves a file without a footer, for whoever owns the staging
/// folder to remove.
#[derive(Debug)]
pub struct StagedFileWriter {
    schema: Arc<FileSchema>,
    path: PathBuf,
    /// None until there is something to write: a file without rows is never made.
    writer: Option<SerializedFileWriter<AppendFile>>,
    rows: u64,
    row_groups: u64,
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
        Ok(Self { schema, path, writer: None, rows: 0, row_groups: 0, ranges: Vec::new() })
    }

    /// Appends a row group that was encoded for the same schema; one without rows is ignored. Its bytes are handed
    /// to the system and the descriptor is closed before this returns.
    ///
    /// # Errors
    /// [`Error::Io`] when the system refuses (disk full, file already there). The file is then of no use any more.
    pub fn append(&mut self, group: EncodedRowGroup) -> Result<()> {
        let num_rows = group.num_rows() as u64;
        if num_rows == 0 {
            return Ok(());
        }
        let EncodedRowGroup { chunks, ranges, .. } = group;
        let path = &self.path;
        let writer = match &mut self.writer {
            Some(writer) => writer,
            none => none.insert(
                self.schema.file_writer(AppendFile::new(path.clone())).map_err(|error| write_error(path, error))?,
            ),
        };
        let mut row_group = writer.next_row_group().map_err(|error| write_error(path, error))?;
        for chunk in chunks {
            chunk.append_to_row_group(&mut row_group).map_err(|error| write_error(path, error))?;
        }
        row_group.close().map_err(|error| write_error(path, error))?;
        writer.flush().map_err(Error::io("write", path))?;
        writer.inner_mut().release().map_err(Error::io("write", path))?;
        self.rows += num_rows;
        self.row_groups += 1;
        range::join_all(&mut self.ranges, ranges);
        Ok(())
    }

    /// Where the file is, or will be.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Bytes written so far, without the footer.
    #[must_use]
    pub fn bytes_written(&self) -> u64 {
        self.writer.as_ref().map_or(0, |writer| writer.bytes_written() as u64)
    }

    /// Rows appended so far.
    #[must_use]
    pub const fn num_rows(&self) -> u64 {
        self.rows
    }

    /// Row groups appended so far.
    #[must_use]
    pub const fn num_row_groups(&self) -> u64 {
        self.row_groups
    }

    /// Writes the footer with these key values, syncs file and length to the disk, and closes. None when there was
    /// no row: then there is no file.
    ///
    /// # Errors
    /// [`Error::Io`] when the system refuses, also for bytes of earlier row groups that did not reach the disk.
    pub fn finish(self, footer_key_values: &[(String, String)]) -> Result<Option<StagedFile>> {
        let Self { schema, path, writer, rows, row_groups, ranges } = self;
        let Some(mut writer) = writer else { return Ok(None) };
        for (key, value) in footer_key_values {
            writer.append_key_value_metadata(KeyValue::new(key.clone(), value.clone()));
        }
        writer.finish().map_err(|error| write_error(&path, error))?;
        let bytes = writer.bytes_written() as u64;
        writer.inner_mut().sync_and_release().map_err(Error::io("sync", &path))?;
        let ranges = range::by_name(&ranges, schema.fields().map(|(field, _)| field));
        Ok(Some(StagedFile { path, rows, bytes, row_groups, ranges }))
    }
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
