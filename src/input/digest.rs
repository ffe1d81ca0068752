//! Computes the digest of an input without parsing it, to tell whether a dataset already holds it.

use std::{
    fs::File,
    io::{self, Read, Seek, SeekFrom},
};

use xxhash_rust::xxh3::Xxh3;

use super::{
    discover::{InputFile, Source},
    read::{Access, GZIP_MAGIC, InputReader},
};
use crate::{
    error::{Error, Result},
    observe::Observer,
};

/// Bytes read at a time: enough for the disk, and little memory.
const BUFFER_BYTES: usize = 1 << 20;

/// XXH3-128 of an input's bytes as stored, the same that a run records. Returns `None` for a stream, which can be read
/// only once.
///
/// # Errors
/// [`Error::Io`] if the file cannot be read; [`Error::Interrupted`] if the observer asked to stop.
pub fn digest(input: &InputFile, observer: &dyn Observer) -> Result<Option<u128>> {
    digests_of_first(input, &[u64::MAX], observer).map(|digests| digests.first().copied())
}

/// Digests of the first `lengths` bytes of an input, in ascending order; of all its bytes if there are fewer. The file
/// is read once. The result is empty for a stream.
///
/// # Errors
/// [`Error::Io`] if the file cannot be read; [`Error::Interrupted`] if the observer asked to stop.
pub fn digests_of_first(input: &InputFile, lengths: &[u64], observer: &dyn Observer) -> Result<Vec<u128>> {
    let (Source::File(path), Some(most)) = (&input.source, lengths.last()) else { return Ok(Vec::new()) };
    let mut file = File::open(path).map_err(Error::io("open", path))?.take(*most);
    let mut buffer = vec![0; usize::try_from(*most).unwrap_or(BUFFER_BYTES).min(BUFFER_BYTES)];
    let (mut hash, mut hashed) = (Xxh3::new(), 0);
    let mut digests = Vec::with_capacity(lengths.len());
    loop {
        if observer.stop_requested() {
            return Err(Error::Interrupted);
        }
        let mut read = match file.read(&mut buffer) {
            Ok(0) => break,
            Ok(read) => &buffer[..read],
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(Error::io("read", path)(error)),
        };
        while let Some(length) = lengths.get(digests.len())
            && let Some((first, rest)) = usize::try_from(length - hashed).ok().and_then(|n| read.split_at_checked(n))
        {
            hash.update(first);
            hashed = *length;
            digests.push(hash.digest128());
            read = rest;
        }
        hash.update(read);
        hashed += read.len() as u64;
    }
    digests.resize(lengths.len(), hash.digest128());
    Ok(digests)
}

/// The size of the text of a gzip file in 32 bits, as its end says; of several members that of the last. `None` for
/// anything else.
///
/// # Errors
/// [`Error::Io`] if the file cannot be read.
pub fn gzip_text_size(input: &InputFile) -> Result<Option<u32>> {
    let Source::File(path) = &input.source else { return Ok(None) };
    let read = || -> io::Result<Option<u32>> {
        let (mut file, mut magic, mut size) = (File::open(path)?, Vec::new(), [0; 4]);
        file.by_ref().take(GZIP_MAGIC.len() as u64).read_to_end(&mut magic)?;
        if magic != GZIP_MAGIC || file.metadata()?.len() < 18 {
            return Ok(None);
        }
        file.seek(SeekFrom::End(-4))?;
        file.read_exact(&mut size)?;
        Ok(Some(u32::from_le_bytes(size)))
    };
    read().map_err(Error::io("read", path))
}

/// XXH3-128 of a compressed input's text; `None` for an input that is not compressed, or can be read only once.
///
/// # Errors
/// Those of reading it.
pub fn text_digest(input: &InputFile, observer: &dyn Observer) -> Result<Option<u128>> {
    let Source::File(_) = &input.source else { return Ok(None) };
    let mut reader = InputReader::open(input, Access::Convert, observer)?;
    let mut buffer = vec![0; BUFFER_BYTES];
    while reader.read(&mut buffer)? > 0 {
        if observer.stop_requested() {
            return Err(Error::Interrupted);
        }
    }
    Ok(reader.content().text_digest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{input::stream::Stream, observe::Silent};

    #[test]
    fn a_file_has_the_digest_of_its_bytes_and_a_stream_has_none() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("in");
        for content in [vec![], b"{}\n".to_vec(), vec![7; 3 * BUFFER_BYTES + 1]] {
            std::fs::write(&path, &content).unwrap();
            let expected = xxhash_rust::xxh3::xxh3_128(&content);
            let input = InputFile::open(&path).unwrap();
            assert_eq!(digest(&input, &Silent).unwrap(), Some(expected));
            let lengths = [0, content.len() / 2, content.len() / 2, content.len()];
            let expected = lengths.map(|length| xxhash_rust::xxh3::xxh3_128(&content[..length]));
            assert_eq!(digests_of_first(&input, &lengths.map(|length| length as u64), &Silent).unwrap(), expected);
        }
        assert_eq!(digest(&InputFile::stream("-", Stream::new(&b"{}"[..])), &Silent).unwrap(), None);
        let input = InputFile::open(&path).unwrap();
        std::fs::remove_file(&path).unwrap();
        assert!(matches!(digest(&input, &Silent), Err(Error::Io { .. })));
    }
}
