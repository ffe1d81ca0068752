//! Blocks spread over the inputs, to see what the data is like before it is converted. One block is in memory at a time.

use std::{
    fs::File,
    io::{Read, Seek, SeekFrom},
    path::Path,
};

use memchr::{memchr, memrchr};

use super::{
    Framing, Piece, ReadOptions, RecordBlock, Unreadable,
    discover::{InputFile, Source},
    read::Access,
    reader::BlockReader,
    split::{grown, reserved},
    stream::is_beyond,
};
use crate::{
    error::{Error, Result},
    observe::Observer,
};

/// How much to look at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SampleOptions {
    /// Bytes of all blocks together, about.
    pub bytes: usize,
    /// How many places these bytes are taken from.
    pub places: usize,
    /// Longest record, bytes.
    pub max_record_bytes: usize,
}

impl Default for SampleOptions {
    fn default() -> Self {
        Self { bytes: Self::BYTES, places: Self::PLACES, max_record_bytes: ReadOptions::MAX_RECORD_BYTES }
    }
}

impl SampleOptions {
    /// Some thousand participants: a key that one in a hundred has is met often; decoded in the blink of an eye.
    pub const BYTES: usize = 8 << 20;
    /// Exports are sorted by time or by queue, so one place would be biased.
    pub const PLACES: usize = 16;
}

/// Gives pieces from evenly spaced places of evenly spaced inputs to `each`, in input order, the same for the same
/// inputs. Of inputs that are compressed or not line-delimited it is their beginning. Streams keep what is read here and
/// give it again. Why an input cannot be read is given to `each` as well, behind what could be read of it. Whether the
/// sample was all there is.
///
/// # Errors
/// What `each` says; [`Error::Interrupted`] if the observer asked for it.
pub fn sample(
    inputs: &[InputFile],
    options: SampleOptions,
    observer: &dyn Observer,
    mut each: impl FnMut(Result<Piece>) -> Result<()>,
) -> Result<bool> {
    let num_inputs = inputs.len().min(options.places.max(1));
    // What is beyond the sample and the longest record is no record, and nothing is learned from it. This is for all streams
    // together: they are kept until they are read, one after the other.
    let mut kept_left = options.bytes.saturating_add(options.max_record_bytes);
    let mut is_complete = num_inputs == inputs.len();
    for idx in 0..num_inputs {
        let input = idx * inputs.len() / num_inputs;
        let places = (options.places / num_inputs).max(1);
        let block_bytes = (options.bytes / num_inputs / places).max(1);
        let read = ReadOptions { block_bytes, max_record_bytes: options.max_record_bytes };
        let mut looking = Looking {
            input: &inputs[input],
            read,
            places,
            kept_left: &mut kept_left,
            observer,
            each: &mut |piece| each(with_input(piece, input)),
        };
        is_complete &= looking.look()?;
    }
    Ok(is_complete)
}

/// Inputs are looked at one by one: their place among all of them is put in afterwards.
fn with_input(piece: Result<Piece>, idx: usize) -> Result<Piece> {
    let mut piece = piece?;
    match &mut piece {
        Piece::Block(RecordBlock { input, .. })
        | Piece::Unreadable(Unreadable { input, .. })
        | Piece::EndOfInput { input, .. } => *input = idx,
    }
    Ok(piece)
}

/// A look at one input.
struct Looking<'a> {
    input: &'a InputFile,
    read: ReadOptions,
    places: usize,
    /// Bytes of streams that may still be kept.
    kept_left: &'a mut usize,
    observer: &'a dyn Observer,
    each: &'a mut dyn FnMut(Result<Piece>) -> Result<()>,
}

impl Looking<'_> {
    /// Whether all of the input was read.
    fn look(&mut self) -> Result<bool> {
        if self.observer.stop_requested() {
            return Err(Error::Interrupted);
        }
        let mut reader = BlockReader::with_access(vec![self.input.clone()], self.read, Access::Sample(*self.kept_left))
            .with_observer(self.observer);
        let is_all = self.look_with(&mut reader)?;
        if let Source::Stream(stream) = &self.input.source {
            *self.kept_left = self.kept_left.saturating_sub(stream.kept_bytes());
        }
        Ok(is_all)
    }

    fn look_with(&mut self, reader: &mut BlockReader<'_>) -> Result<bool> {
        let mut left = self.read.block_bytes.saturating_mul(self.places) as u64;
        // Twice the sample: less is better read from the beginning.
        let is_large = self.input.bytes.is_some_and(|bytes| bytes / 2 > left);
        while left > 0 {
            let piece = match reader.next_piece(None) {
                Ok(Some(piece)) => piece,
                Ok(None) => return Ok(true),
                Err(Error::Interrupted) => return Err(Error::Interrupted),
                Err(Error::Io { source, .. }) if is_beyond(&source) => return Ok(false),
                Err(error) => return (self.each)(Err(error)).map(|()| false),
            };
            let end = match &piece {
                Piece::Block(block) => {
                    left = left.saturating_sub(block.bytes.len() as u64);
                    Some(block.offset + block.bytes.len() as u64)
                }
                Piece::Unreadable(lost) => {
                    left = left.saturating_sub(lost.raw_bytes);
                    None
                }
                Piece::EndOfInput { .. } => None,
            };
            (self.each)(Ok(piece))?;
            if let (Some(end), Source::File(path), true) = (end, &self.input.source, is_large)
                && reader.is_in_plain_lines()
            {
                return self.look_elsewhere(path, end).map(|()| false);
            }
        }
        // The end of the input may be all that is left.
        let rest =
            if self.input.bytes == Some(reader.bytes_read()) { reader.next_piece(None) } else { return Ok(false) };
        Ok(matches!(rest, Ok(Some(Piece::EndOfInput { .. }))))
    }

    /// Blocks from all places of a file of lines but the first one, which ends at `end`.
    fn look_elsewhere(&mut self, path: &Path, mut end: u64) -> Result<()> {
        let opened = File::open(path).and_then(|file| Ok((file.metadata()?.len(), file)));
        let (file_bytes, mut file) = match opened {
            Ok(opened) => opened,
            Err(error) => return (self.each)(Err(Error::io("open", path)(error))),
        };
        // Divided first: a file of many exabytes must not overflow.
        let step = file_bytes / self.places.max(1) as u64;
        for place in 1..self.places as u64 {
            if self.observer.stop_requested() {
                return Err(Error::Interrupted);
            }
            let offset = step * place;
            // A long record may have reached beyond it.
            if offset < end {
                continue;
            }
            match lines_at(&mut file, offset, self.read) {
                Ok(Some((skipped, bytes))) => {
                    let offset = offset + skipped as u64;
                    end = offset + bytes.len() as u64;
                    let block = RecordBlock { input: 0, document: 0, offset, bytes, framing: Framing::Lines };
                    (self.each)(Ok(Piece::Block(block)))?;
                }
                Ok(None) => {}
                Err(error) => return (self.each)(Err(Error::io("read", path)(error))),
            }
        }
        Ok(())
    }
}

/// The whole lines after the first newline from `offset` on, and how far after it they begin; none if there is no
/// whole line within the longest record.
fn lines_at(file: &mut File, offset: u64, read: ReadOptions) -> std::io::Result<Option<(usize, Vec<u8>)>> {
    file.seek(SeekFrom::Start(offset))?;
    let mut bytes = Vec::new();
    let mut target = read.block_bytes;
    // How far the part of a line that is passed over reaches.
    let (mut skipped, mut is_at_line) = (0, false);
    loop {
        let missing = target - bytes.len();
        bytes.reserve_exact(reserved(target, read.max_record_bytes.saturating_add(1)) - bytes.len());
        let ended = file.by_ref().take(missing as u64).read_to_end(&mut bytes)? < missing;
        if !is_at_line {
            let newline = memchr(b'\n', &bytes);
            let start = newline.map_or(bytes.len(), |newline| newline + 1);
            bytes.drain(..start);
            skipped += start;
            is_at_line = newline.is_some();
        }
        let end = if ended { bytes.len() } else { memrchr(b'\n', &bytes).map_or(0, |newline| newline + 1) };
        if end > 0 {
            bytes.truncate(end);
            return Ok(Some((skipped, bytes)));
        }
        if ended || bytes.len().max(skipped) > read.max_record_bytes {
            return Ok(None);
        }
        if is_at_line {
            target = grown(target);
        }
    }
}

#[cfg(test)]
mod tests;
