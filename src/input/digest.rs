//! The digest of an input without reading it as JSON: to know whether a dataset holds it already.

use std::{
    fs::File,
    io::{self, Read},
};

use xxhash_rust::xxh3::Xxh3;

use super::discover::{InputFile, Source};
use crate::error::{Error, Result};

/// Bytes read at once: enough for the disk, small beside everything else.
const BUFFER_BYTES: usize = 1 << 20;

/// XXH3-128 of the bytes of an input as stored, the same that a run notes of it; none for what can be read only once.
///
/// # Errors
/// [`Error::Io`].
pub fn digest(input: &InputFile) -> Result<Option<u128>> {
    digest_of_first(input, u64::MAX)
}

/// The same of its first `bytes`, or of all if there are fewer.
///
/// # Errors
/// [`Error::Io`].
pub fn digest_of_first(input: &InputFile, bytes: u64) -> Result<Option<u128>> {
    let Source::File(path) = &input.source else { return Ok(None) };
    let mut file = File::open(path).map_err(Error::io("open", path))?.take(bytes);
    let (mut hash, mut buffer) = (Xxh3::new(), vec![0; BUFFER_BYTES]);
    loop {
        match file.read(&mut buffer) {
            Ok(0) => return Ok(Some(hash.digest128())),
            Ok(read) => hash.update(&buffer[..read]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(Error::io("read", path)(error)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::input::stream::Stream;

    #[test]
    fn a_file_has_the_digest_of_its_bytes_and_a_stream_has_none() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("in");
        for content in [vec![], b"{}\n".to_vec(), vec![7; 3 * BUFFER_BYTES + 1]] {
            std::fs::write(&path, &content).unwrap();
            let expected = xxhash_rust::xxh3::xxh3_128(&content);
            let input = InputFile::open(&path).unwrap();
            assert_eq!(digest(&input).unwrap(), Some(expected));
            let first = content.len() / 2;
            let expected = xxhash_rust::xxh3::xxh3_128(&content[..first]);
            assert_eq!(digest_of_first(&input, first as u64).unwrap(), Some(expected));
        }
        assert_eq!(digest(&InputFile::stream("-", Stream::new(&b"{}"[..]))).unwrap(), None);
        let input = InputFile::open(&path).unwrap();
        std::fs::remove_file(&path).unwrap();
        assert!(matches!(digest(&input), Err(Error::Io { .. })));
    }
}
