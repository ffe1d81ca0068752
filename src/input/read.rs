//! Opens an input and returns its decompressed bytes.
//!
//! Compression is detected by the first bytes, whatever the name says. Bytes are decompressed straight into the
//! caller's buffer. Size and digest are those of the bytes as stored.

mod inflate;

use std::{
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
};

use xxhash_rust::xxh3::{Xxh3, xxh3_128};

use self::inflate::{InflateFault, Inflater};
use super::{
    InputContent,
    discover::{InputFile, Source},
    interruptible::is_stop,
    stream::copy_front,
};
use crate::{
    error::{Error, Result},
    observe::Observer,
};

/// The first bytes of each member of a gzip file.
pub(super) const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];
/// The first bytes of each frame of a zstd file, unless it is skippable.
pub(super) const ZSTD_MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

/// How an input is to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Once, from start to end.
    Convert,
    /// Its beginning, before it is converted. Of a stream at most this many bytes, since they have to be kept.
    Sample(usize),
}

/// An input being read.
pub struct InputReader<'a> {
    name: String,
    path: PathBuf,
    stored: Stored<'a>,
    inflater: Option<Inflater>,
    /// Hashes the decompressed bytes.
    text_hasher: Option<Box<Xxh3>>,
}

impl<'a> InputReader<'a> {
    /// Opens an input and inspects its first bytes. While the input is silent, `observer` is asked whether to stop.
    ///
    /// # Errors
    /// [`Error::Io`] if it cannot be opened or read, [`Error::Input`] if it ends within the magic number of a format,
    /// [`Error::Interrupted`] if the observer asked to stop.
    pub fn open(input: &InputFile, access: Access, observer: &'a dyn Observer) -> Result<Self> {
        let (reader, path): (Box<dyn Read + Send + 'a>, _) = match (&input.source, access) {
            (Source::File(path), _) => (Box::new(File::open(path).map_err(Error::io("open", path))?), path.clone()),
            (Source::Stream(stream), Access::Convert) => (Box::new(stream.take(observer)), PathBuf::from(&input.name)),
            (Source::Stream(stream), Access::Sample(most)) => {
                (Box::new(stream.peek(most, observer)), PathBuf::from(&input.name))
            }
        };
        let mut stored = Stored::new(reader);
        stored.peek().map_err(unread(&path))?;
        let inflater = match Format::detect(stored.head()) {
            Format::Plain => None,
            Format::Gzip => Some(Inflater::gzip()),
            Format::Zstd => Some(Inflater::zstd().map_err(Error::io("decompress", &path))?),
            Format::Truncated(what) => {
                return Err(Error::Input {
                    file: input.name.clone(),
                    offset: stored.head().len() as u64,
                    message: format!("the {what} stream ends inside its header: the file is truncated"),
                    hint: inflate::TRUNCATED_HINT.to_owned(),
                });
            }
        };
        let text_hasher = inflater.as_ref().map(|_| Box::new(Xxh3::new()));
        Ok(Self { name: input.name.clone(), path, stored, inflater, text_hasher })
    }

    /// Reads some decompressed bytes into `out`, which must not be empty; 0 at the end of the input.
    ///
    /// # Errors
    /// [`Error::Io`] if reading fails, [`Error::Input`] if a compressed stream is damaged or ends too early,
    /// [`Error::Interrupted`] if the observer asked to stop.
    pub fn read(&mut self, out: &mut [u8]) -> Result<usize> {
        let Some(inflater) = &mut self.inflater else {
            return self.stored.read(out).map_err(unread(&self.path));
        };
        let n = inflater.read(&mut self.stored, out).map_err(|fault| match fault {
            InflateFault::Io(source) => unread(&self.path)(source),
            InflateFault::Damaged { offset, message, hint } => {
                Error::Input { file: self.name.clone(), offset, message, hint }
            }
        })?;
        if let Some(hasher) = &mut self.text_hasher {
            hasher.update(&out[..n]);
        }
        Ok(n)
    }

    /// Whether the input is not compressed.
    #[must_use]
    pub const fn is_plain(&self) -> bool {
        self.inflater.is_none()
    }

    /// Number of bytes read so far, as stored.
    #[must_use]
    pub const fn stored_bytes(&self) -> u64 {
        self.stored.bytes
    }

    /// What was read so far.
    #[must_use]
    pub fn content(&self) -> InputContent {
        let Stored { bytes, hasher, first, .. } = &self.stored;
        let head = first.get(..InputContent::head_bytes(*bytes) as usize);
        debug_assert!(head.is_some(), "the first bytes are kept");
        InputContent {
            bytes: *bytes,
            digest: hasher.digest128(),
            head_digest: xxh3_128(head.unwrap_or_default()),
            text_digest: self.text_hasher.as_ref().map(|hasher| hasher.digest128()),
        }
    }
}

/// The error for a failed read.
fn unread(path: &Path) -> impl FnOnce(io::Error) -> Error {
    move |source| if is_stop(&source) { Error::Interrupted } else { Error::io("read", path)(source) }
}

/// The bytes as stored; counts and hashes them as they are read.
struct Stored<'a> {
    reader: Box<dyn Read + Send + 'a>,
    head: [u8; Format::HEAD_BYTES],
    head_len: usize,
    head_pos: usize,
    bytes: u64,
    hasher: Box<Xxh3>,
    /// The first bytes, as many as a head digest can cover.
    first: Vec<u8>,
}

impl<'a> Stored<'a> {
    fn new(reader: Box<dyn Read + Send + 'a>) -> Self {
        let head = [0; Format::HEAD_BYTES];
        Self { reader, head, head_len: 0, head_pos: 0, bytes: 0, hasher: Box::new(Xxh3::new()), first: Vec::new() }
    }

    /// Reads the first bytes without consuming them.
    fn peek(&mut self) -> io::Result<()> {
        while self.head_len < self.head.len() {
            match read_some(&mut self.reader, &mut self.head[self.head_len..])? {
                0 => break,
                n => self.head_len += n,
            }
        }
        Ok(())
    }

    fn head(&self) -> &[u8] {
        &self.head[..self.head_len]
    }

    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let head = &self.head[self.head_pos..self.head_len];
        let n = if head.is_empty() {
            let most = out.len().min(READ_BYTES);
            read_some(&mut self.reader, &mut out[..most])?
        } else {
            let n = copy_front(head, out);
            self.head_pos += n;
            n
        };
        let wanted = InputContent::MAX_HEAD_BYTES as usize - self.first.len();
        self.first.extend_from_slice(&out[..n.min(wanted)]);
        self.bytes += n as u64;
        self.hasher.update(&out[..n]);
        Ok(n)
    }
}

/// Bytes read at once, so that they are still in the cache when they are hashed.
const READ_BYTES: usize = 128 << 10;

fn read_some(reader: &mut dyn Read, out: &mut [u8]) -> io::Result<usize> {
    loop {
        match reader.read(out) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}

/// What the first bytes of an input say about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    Plain,
    Gzip,
    Zstd,
    /// The input ends inside the magic number of this format.
    Truncated(&'static str),
}

impl Format {
    const HEAD_BYTES: usize = 4;

    fn detect(head: &[u8]) -> Self {
        // The first byte of a zstd magic number is a plain `(`, so at least two bytes must match.
        let is_cut =
            |magic: &[u8], least: usize| head.len() >= least && head.len() < magic.len() && magic.starts_with(head);
        if head.starts_with(&GZIP_MAGIC) {
            Self::Gzip
        } else if head.starts_with(&ZSTD_MAGIC) || Self::is_skippable_zstd(head) {
            Self::Zstd
        } else if is_cut(&GZIP_MAGIC, 1) {
            Self::Truncated("gzip")
        } else if is_cut(&ZSTD_MAGIC, 2) {
            Self::Truncated("zstd")
        } else {
            Self::Plain
        }
    }

    /// A zstd stream may begin with a skippable frame (pzstd writes one).
    fn is_skippable_zstd(head: &[u8]) -> bool {
        matches!(head, [first, 0x2a, 0x4d, 0x18, ..] if first & 0xf0 == 0x50)
    }
}

#[cfg(test)]
mod tests;
