//! An input that can be read once only (standard input, a named pipe), yet is looked at twice: first for the sample,
//! then for the conversion.

use std::{
    fmt,
    io::{self, Read},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use super::patient::{self, Patient};
use crate::observe::Observer;

/// A shared handle to a stream. What a [`Stream::peek`] reads is kept and replayed by [`Stream::take`].
#[derive(Clone)]
pub struct Stream {
    replay: Arc<Mutex<Replay>>,
}

struct Replay {
    reader: Patient,
    /// What was read ahead, from `pos` on.
    head: Vec<u8>,
    pos: usize,
    ended: bool,
}

impl Stream {
    /// Any reader as an input. A run that is asked to stop while it reads does so when the read comes back.
    pub fn new(reader: impl Read + Send + 'static) -> Self {
        Self::of(Patient::Any(Box::new(reader)))
    }

    pub(super) fn of(reader: Patient) -> Self {
        let replay = Replay { reader, head: Vec::new(), pos: 0, ended: false };
        Self { replay: Arc::new(Mutex::new(replay)) }
    }

    /// Standard input.
    #[must_use]
    pub fn stdin() -> Self {
        Self::of(patient::stdin())
    }

    /// Reads from the beginning and keeps all that is read in memory. To be used before [`Stream::take`] only. Reads
    /// fail when `observer` asks for the end.
    #[must_use]
    pub fn peek<'a>(&self, observer: &'a dyn Observer) -> impl Read + Send + use<'a> {
        Peek { stream: self.clone(), pos: 0, observer }
    }

    /// Reads from the beginning, for good. Reads fail when `observer` asks for the end.
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
        // A terminal would ask for its end of input a second time.
        if self.ended {
            return Ok(0);
        }
        let n = self.reader.read(out, observer)?;
        self.ended = n == 0 && !out.is_empty();
        Ok(n)
    }
}

struct Peek<'a> {
    stream: Stream,
    pos: usize,
    observer: &'a dyn Observer,
}

impl Read for Peek<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let mut replay = self.stream.lock();
        let kept = replay.head.get(self.pos..).unwrap_or_default();
        let n = if kept.is_empty() {
            let n = replay.read_on(out, self.observer)?;
            replay.head.extend_from_slice(&out[..n]);
            n
        } else {
            copy_front(kept, out)
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
        if replay.pos == replay.head.len() {
            return replay.read_on(out, self.observer);
        }
        let n = copy_front(&replay.head[replay.pos..], out);
        replay.pos += n;
        if replay.pos == replay.head.len() {
            replay.head = Vec::new();
            replay.pos = 0;
        }
        Ok(n)
    }
}

/// Copies as much as fits and says how much that was.
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
        stream.peek(&Silent).read_exact(&mut head).unwrap();
        assert_eq!(&head, b"one");
        let mut more = String::new();
        stream.peek(&Silent).take(7).read_to_string(&mut more).unwrap();
        assert_eq!(more, "one two");
        let mut all = String::new();
        stream.take(&Silent).read_to_string(&mut all).unwrap();
        assert_eq!(all, "one two three");
    }
}
