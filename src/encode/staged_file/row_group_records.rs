//! Keeps the footer metadata of the row groups so far (their records) on disk beside the file, since in memory it would
//! grow with the input.

use std::{fs, io, io::Write, path::PathBuf};

use xxhash_rust::xxh3::xxh3_128;

use super::append_file::AppendFile;

/// The records of one file, appended one after another. Without any, the file of records does not exist.
pub(super) struct RowGroupRecords {
    path: PathBuf,
    file: AppendFile,
    lens: Vec<u32>,
}

impl RowGroupRecords {
    /// Records of row groups to be kept in `path`, which must not exist yet.
    pub fn new(path: PathBuf) -> Self {
        Self { file: AppendFile::new(path.clone()), path, lens: Vec::new() }
    }

    /// Path of the file of records.
    pub fn path(&self) -> &PathBuf {
        &self.path
    }

    /// Number of row groups.
    pub fn len(&self) -> usize {
        self.lens.len()
    }

    /// Appends a record.
    pub fn push(&mut self, record: &[u8]) -> io::Result<()> {
        let len = u32::try_from(record.len()).map_err(|_| io::Error::other("metadata of 4 GiB for one row group"))?;
        self.file.write_all(record)?;
        self.file.release()?;
        self.lens.push(len);
        Ok(())
    }

    /// Returns all records, one after another, with the length of each, and removes their file. A digest detects a disk
    /// that returns other bytes than were written.
    pub fn take(self) -> io::Result<(Vec<u8>, Vec<u32>)> {
        if self.lens.is_empty() {
            return Ok(Default::default());
        }
        let bytes = fs::read(&self.path)?;
        if xxh3_128(&bytes) != self.file.digest() {
            return Err(io::Error::other("it does not give back what was written to it"));
        }
        fs::remove_file(&self.path)?;
        Ok((bytes, self.lens))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_come_back_in_order_and_their_file_goes() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("0.row_groups");
        assert_eq!(RowGroupRecords::new(path.clone()).take().unwrap(), (vec![], vec![]));
        let mut records = RowGroupRecords::new(path.clone());
        for record in [&b"one"[..], b"", b"three"] {
            records.push(record).unwrap();
        }
        assert_eq!((records.len(), path.exists()), (3, true));
        assert_eq!(records.take().unwrap(), (b"onethree".to_vec(), vec![3, 0, 5]));
        assert!(!path.exists());
    }

    #[test]
    fn other_bytes_are_not_taken_for_records() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("0.row_groups");
        let mut records = RowGroupRecords::new(path.clone());
        records.push(b"one").unwrap();
        fs::write(&path, b"two").unwrap();
        assert!(records.take().unwrap_err().to_string().contains("give back"));
    }
}
