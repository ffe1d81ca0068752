//! A file that is open only while it is written to.

use std::{
    fs::{File, OpenOptions},
    io::{self, BufWriter, Write},
    path::PathBuf,
};

use xxhash_rust::xxh3::Xxh3;

/// Size of the write buffer, bytes. The pages of a row group come in one piece, which bypasses the buffer unless it is
/// small.
pub(super) const WRITE_BUFFER_BYTES: usize = 64 << 10;

/// Appends to one file, which is opened by the first byte after each [`AppendFile::release`].
///
/// The first time the file must not exist; later it must be as long as it was left. After an error nothing more is
/// written, since the bytes would land in the wrong place.
pub(super) struct AppendFile {
    path: PathBuf,
    state: State,
    /// Bytes accepted so far.
    len: u64,
    /// Digest of the same bytes.
    digest: Box<Xxh3>,
}

#[derive(Debug)]
enum State {
    New,
    Open(BufWriter<File>),
    Released,
    Failed,
}

impl AppendFile {
    pub(super) fn new(path: PathBuf) -> Self {
        Self { path, state: State::New, len: 0, digest: Box::default() }
    }

    /// Bytes accepted so far.
    pub(super) const fn len(&self) -> u64 {
        self.len
    }

    /// XXH3-128 of all bytes accepted so far.
    pub(super) fn digest(&self) -> u128 {
        self.digest.digest128()
    }

    /// Passes all buffered bytes to the system and closes the descriptor.
    pub(super) fn release(&mut self) -> io::Result<()> {
        if matches!(self.state, State::Open(_)) {
            self.close(|_| Ok(()))?;
        }
        Ok(())
    }

    /// Syncs everything to disk and closes the descriptor. Errors that closing could report are reported by the sync.
    pub(super) fn sync_and_release(&mut self) -> io::Result<()> {
        self.open()?;
        self.close(File::sync_all)
    }

    fn close(&mut self, last: impl FnOnce(&File) -> io::Result<()>) -> io::Result<()> {
        if let State::Open(buffer) = std::mem::replace(&mut self.state, State::Failed) {
            let file = buffer.into_inner().map_err(io::IntoInnerError::into_error)?;
            last(&file)?;
            self.state = State::Released;
        }
        Ok(())
    }

    fn open(&mut self) -> io::Result<&mut BufWriter<File>> {
        if let State::New | State::Released = self.state {
            let mut options = OpenOptions::new();
            options.append(true).create_new(matches!(self.state, State::New));
            self.state = State::Failed;
            let file = options.open(&self.path)?;
            let found = file.metadata()?.len();
            if found != self.len {
                return Err(io::Error::other(format!("it has {found} bytes instead of the {} written", self.len)));
            }
            self.state = State::Open(BufWriter::with_capacity(WRITE_BUFFER_BYTES, file));
        }
        match &mut self.state {
            State::Open(buffer) => Ok(buffer),
            _ => Err(io::Error::other("an earlier write failed")),
        }
    }
}

impl Write for AppendFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.open()?.write(bytes);
        match &written {
            Ok(count) => {
                self.len += *count as u64;
                self.digest.update(&bytes[..*count]);
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => self.state = State::Failed,
        }
        written
    }

    fn flush(&mut self) -> io::Result<()> {
        match &mut self.state {
            State::Open(buffer) => buffer.flush(),
            State::New | State::Released => Ok(()),
            State::Failed => Err(io::Error::other("an earlier write failed")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_follow_each_other_across_releases() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x");
        let mut file = AppendFile::new(path.clone());
        assert!(!path.exists());
        file.write_all(b"ab").unwrap();
        file.release().unwrap();
        file.release().unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"ab");
        file.write_all(b"cd").unwrap();
        file.sync_and_release().unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"abcd");
    }

    #[test]
    fn a_file_of_that_name_is_never_touched() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x");
        std::fs::write(&path, "precious").unwrap();
        let mut file = AppendFile::new(path.clone());
        assert_eq!(file.write_all(b"ab").unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(file.write_all(b"ab").unwrap_err().to_string(), "an earlier write failed");
        drop(file);
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "precious");
    }

    #[test]
    fn a_file_changed_or_removed_by_others_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        for change in
            [|path: &PathBuf| std::fs::write(path, "a").unwrap(), |path: &PathBuf| std::fs::remove_file(path).unwrap()]
        {
            let path = folder.path().join("x");
            let mut file = AppendFile::new(path.clone());
            file.write_all(b"ab").unwrap();
            file.release().unwrap();
            change(&path);
            file.write_all(b"cd").unwrap_err();
            let _ = std::fs::remove_file(&path);
        }
    }
}
