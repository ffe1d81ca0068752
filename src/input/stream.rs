//! An input that can be read only once (standard input, a named pipe) but is needed twice: first for the sample, then
//! for the conversion.

use std::{
    collections::VecDeque,
    fmt,
    io::{self, Read},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use super::interruptible::{self, InterruptibleReader};
use crate::observe::Observer;

/// A shared handle to a stream. Whatever [`Stream::peek`] reads is kept and replayed by [`Stream::take`].
#[derive(Clone)]
pub struct Stream {
    replay: Arc<Mutex<Replay>>,
}

struct Replay {
    reader: InterruptibleReader,
    /// Bytes that were read ahead, from `pos` of the first piece on. All pieces except the last have [`PIECE_BYTES`].
    head: VecDeque<Vec<u8>>,
    pos: usize,
    ended: bool,
}

/// Kept in pieces: one buffer would be copied as it grows, and could be freed only after all of it has been replayed.
const PIECE_BYTES: usize = 256 << 10;

impl Stream {
    /// Makes an input of any reader. A run that is asked to stop waits for the current read to return.
    pub fn new(reader: impl Read + Send + 'static) -> Self {
        Self::from_reader(InterruptibleReader::Any(Box::new(reader)))
    }

    pub(super) fn from_reader(reader: InterruptibleReader) -> Self {
        let replay = Replay { reader, head: VecDeque::new(), pos: 0, ended: false };
        Self { replay: Arc::new(Mutex::new(replay)) }
    }

    /// Standard input.
    #[must_use]
    pub fn stdin() -> Self {
        Self::from_reader(interruptible::stdin())
    }

    /// Reads from the beginning and keeps everything in memory. To be used only before [`Stream::take`]. Reads fail
    /// when `observer` asks to stop, and beyond `most` bytes ([`is_over_limit`]).
    #[must_use]
    pub fn peek<'a>(&self, most: usize, observer: &'a dyn Observer) -> impl Read + Send + use<'a> {
        Peek { stream: self.clone(), pos: 0, most, observer }
    }

    /// Number of bytes kept for [`Stream::take`].
    #[must_use]
    pub fn kept_bytes(&self) -> usize {
        self.lock().head.iter().map(Vec::len).sum()
    }

    /// Reads from the beginning and releases what was kept. Reads fail when `observer` asks to stop.
    #[must_use]
    pub fn take<'a>(&self, observer: &'a dyn Observer) -> impl Read + Send + use<'a> {
        Take { stream: self.clone(), observer }
    }

    fn lock(&self) -> MutexGuard<'_, Replay> {
        self.replay.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stream").finish_non_exhaustive()
    }
}

impl Replay {
    fn read_on(&mut self, out: &mut [u8], observer: &dyn Observer) -> io::Result<usize> {
        // A terminal would ask for the end of input a second time.
        if self.ended {
            return Ok(0);
        }
        let n = self.reader.read(out, observer)?;
        self.ended = n == 0 && !out.is_empty();
        Ok(n)
    }

    fn keep(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let Some(last) = self.head.back_mut().filter(|last| last.len() < PIECE_BYTES) else {
                self.head.push_back(Vec::with_capacity(PIECE_BYTES));
                continue;
            };
            let (now, later) = bytes.split_at(bytes.len().min(PIECE_BYTES - last.len()));
            last.extend_from_slice(now);
            bytes = later;
        }
    }
}

/// Whether an error means that the limit of [`Stream::peek`] is reached.
#[must_use]
pub fn is_over_limit(error: &io::Error) -> bool {
    matches!(error.get_ref(), Some(inner) if inner.is::<OverLimit>())
}

#[derive(Debug)]
struct OverLimit;

impl fmt::Display for OverLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no more of it is kept")
    }
}

impl std::error::Error for OverLimit {}

struct Peek<'a> {
    stream: Stream,
    pos: usize,
    most: usize,
    observer: &'a dyn Observer,
}

impl Read for Peek<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let mut replay = self.stream.lock();
        let piece = replay.head.get(self.pos / PIECE_BYTES);
        let kept = piece.and_then(|piece| piece.get(self.pos % PIECE_BYTES..)).unwrap_or_default();
        let n = if !kept.is_empty() {
            copy_front(kept, out)
        } else if self.pos < self.most {
            let room = out.len().min(self.most - self.pos);
            let n = replay.read_on(&mut out[..room], self.observer)?;
            replay.keep(&out[..n]);
            n
        } else {
            return Err(io::Error::other(OverLimit));
        };
        self.pos += n;
        Ok(n)
    }
}

struct Take<'a> {
    stream: Stream,
    observer: &'a dyn Observer,
}

impl Read for Take<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let mut replay = self.stream.lock();
        let Some(piece) = replay.head.front() else {
            return replay.read_on(out, self.observer);
        };
        let n = copy_front(&piece[replay.pos..], out);
        let is_done = replay.pos + n == piece.len();
        if is_done {
            replay.head.pop_front();
        }
        replay.pos = if is_done { 0 } else { replay.pos + n };
        Ok(n)
    }
}

/// Copies as much as fits, and returns how much that was.
pub(super) fn copy_front(from: &[u8], to: &mut [u8]) -> usize {
    let n = from.len().min(to.len());
    to[..n].copy_from_slice(&from[..n]);
    n
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::Silent;

    #[test]
    fn what_was_peeked_is_read_again() {
        let stream = Stream::new(&b"one two three"[..]);
        let mut head = [0; 3];
        stream.peek(100, &Silent).read_exact(&mut head).unwrap();
        assert_eq!(&head, b"one");
        let mut more = String::new();
        stream.peek(100, &Silent).take(7).read_to_string(&mut more).unwrap();
        assert_eq!(more, "one two");
        let mut all = String::new();
        stream.take(&Silent).read_to_string(&mut all).unwrap();
        assert_eq!(all, "one two three");
    }

    #[test]
    fn so_much_is_kept_and_no_more() {
        let text: Vec<u8> = (0..3 * PIECE_BYTES + 5).map(|at| (at % 251) as u8).collect();
        for most in [0, 1, PIECE_BYTES - 1, PIECE_BYTES, 2 * PIECE_BYTES + 7, text.len() - 1] {
            let stream = Stream::new(std::io::Cursor::new(text.clone()));
            for _ in 0..2 {
                let mut peeked = Vec::new();
                let error = stream.peek(most, &Silent).read_to_end(&mut peeked).unwrap_err();
                assert!(is_over_limit(&error), "{error}");
                assert!(peeked == text[..most], "{most}");
                assert_eq!(stream.kept_bytes(), most);
            }
            let mut all = Vec::new();
            stream.take(&Silent).read_to_end(&mut all).unwrap();
            assert!(all == text, "{most}");
        }
        let stream = Stream::new(std::io::Cursor::new(text.clone()));
        let mut peeked = Vec::new();
        stream.peek(text.len() + 1, &Silent).read_to_end(&mut peeked).unwrap();
        assert!(peeked == text, "its end is seen");
    }
}
