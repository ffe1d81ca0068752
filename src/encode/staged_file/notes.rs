//! Keeps the footer metadata of the row groups so far (the notes) on disk beside the file, since in memory it would
//! grow with the input.

use std::{fs, io, io::Write, path::PathBuf};

use xxhash_rust::xxh3::xxh3_128;

use super::append_file::AppendFile;

/// The notes of one file, appended one after another. Without any, the notes file does not exist.
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

    /// Path of the notes file.
    pub fn path(&self) -> &PathBuf {
        &self.path
    }

    /// Number of notes.
    pub fn len(&self) -> usize {
        self.lens.len()
    }

    /// Appends a note.
    pub fn push(&mut self, note: &[u8]) -> io::Result<()> {
        let len = u32::try_from(note.len()).map_err(|_| io::Error::other("a note of 4 GiB"))?;
        self.file.write_all(note)?;
        self.file.release()?;
        self.lens.push(len);
        Ok(())
    }

    /// Returns all notes, one after another, with the length of each, and removes their file. A digest detects a disk
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
    fn notes_come_back_in_order_and_their_file_goes() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("0.notes");
        assert_eq!(RowGroupRecords::new(path.clone()).take().unwrap(), (vec![], vec![]));
        let mut notes = RowGroupRecords::new(path.clone());
        for note in [&b"one"[..], b"", b"three"] {
            notes.push(note).unwrap();
        }
        assert_eq!((notes.len(), path.exists()), (3, true));
        assert_eq!(notes.take().unwrap(), (b"onethree".to_vec(), vec![3, 0, 5]));
        assert!(!path.exists());
    }

    #[test]
    fn other_bytes_are_not_taken_for_notes() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("0.notes");
        let mut notes = RowGroupRecords::new(path.clone());
        notes.push(b"one").unwrap();
        fs::write(&path, b"two").unwrap();
        assert!(notes.take().unwrap_err().to_string().contains("give back"));
    }
}
