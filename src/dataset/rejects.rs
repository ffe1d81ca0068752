//! The staged rejects file: one JSON object per line. Without rejects there is no file.

use std::{
    fs::File,
    io::{BufWriter, Write},
    path::PathBuf,
};

use crate::{
    error::{Error, Result},
    report::Reject,
};

/// Writes refused records, in the order in which they arrive.
#[derive(Debug)]
pub struct RejectsWriter {
    path: PathBuf,
    file: Option<BufWriter<File>>,
}

impl RejectsWriter {
    /// A writer that creates `path` (see [`super::Dataset::staged_rejects_path`]) once there is something to write.
    #[must_use]
    pub const fn new(path: PathBuf) -> Self {
        Self { path, file: None }
    }

    /// Appends one reject.
    ///
    /// # Errors
    /// [`Error::Io`] if the file cannot be written.
    pub fn push(&mut self, reject: &Reject) -> Result<()> {
        let file = if let Some(file) = &mut self.file {
            file
        } else {
            let file = File::create_new(&self.path).map_err(Error::io("create", &self.path))?;
            self.file.insert(BufWriter::new(file))
        };
        // Written without a copy of the line, because its record may be a large part of the memory.
        serde_json::to_writer(&mut *file, reject).map_err(|error| Error::io("write", &self.path)(error.into()))?;
        file.write_all(b"\n").map_err(Error::io("write", &self.path))
    }

    /// Completes and syncs the file; returns its path, or `None` if nothing was refused.
    ///
    /// # Errors
    /// [`Error::Io`] if the file cannot be written.
    pub fn finish(self) -> Result<Option<PathBuf>> {
        let Self { path, file } = self;
        let Some(file) = file else { return Ok(None) };
        let file = file.into_inner().map_err(|error| Error::io("write", &path)(error.into_error()))?;
        file.sync_all().map_err(Error::io("sync", &path))?;
        Ok(Some(path))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::RejectKind;

    fn reject(raw: &str) -> Reject {
        Reject {
            partiquet_reject: Reject::VERSION,
            file: "a.ndjson".to_owned(),
            offset: 7,
            line: 2,
            record_offset: 5,
            kind: RejectKind::Syntax,
            path: "/participants/0".to_owned(),
            message: "a comma is missing".to_owned(),
            is_rest: false,
            raw_bytes: raw.len() as u64,
            raw: Some(raw.to_owned()),
            raw_base64: None,
        }
    }

    #[test]
    fn rejects_are_one_line_each_in_their_order() {
        let dir = tempfile::tempdir().unwrap();
        let mut writer = RejectsWriter::new(dir.path().join("r"));
        let rejects = [reject("{\n\"a\" 1}"), reject("{")];
        for reject in &rejects {
            writer.push(reject).unwrap();
        }
        let path = writer.finish().unwrap().unwrap();
        let text = std::fs::read_to_string(path).unwrap();
        let back: Vec<Reject> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(back, rejects);
    }

    #[test]
    fn without_rejects_there_is_no_file() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(RejectsWriter::new(dir.path().join("r")).finish().unwrap(), None);
        assert!(!dir.path().join("r").exists());
    }
}
