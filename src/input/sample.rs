//! Reads blocks spread over the inputs before they are converted. One block is in memory at a time.

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
    stream::is_over_limit,
};
use crate::{
    error::{Error, Result},
    observe::Observer,
};

/// The size of a sample.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SampleOptions {
    /// Approximate total size of all blocks, in bytes.
    pub bytes: usize,
    /// Number of places from which these bytes are taken.
    pub places: usize,
    /// Maximum length of a record, in bytes.
    pub max_record_bytes: usize,
}

impl Default for SampleOptions {
    fn default() -> Self {
        Self { bytes: Self::BYTES, places: Self::PLACES, max_record_bytes: ReadOptions::MAX_RECORD_BYTES }
    }
}

impl SampleOptions {
    /// Some thousand participants: enough to find a key that one in a hundred has, and fast to decode.
    pub const BYTES: usize = 8 << 20;
    /// Exports are sorted by time or by queue, so one place would be biased.
    pub const PLACES: usize = 16;
}

/// Passes pieces from evenly spaced places of evenly spaced inputs to `each`, in input order; the same inputs always
/// give the same sample. Of compressed inputs and of inputs that are not line-delimited only the beginning is read. A
/// stream keeps what is read here and replays it. An input's error is passed to `each` too, after what could be read of
/// that input. Returns whether the sample was the whole input.
///
/// # Errors
/// Errors of `each`; [`Error::Interrupted`] if the observer asked to stop.
pub fn sample(
    inputs: &[InputFile],
    options: SampleOptions,
    observer: &dyn Observer,
    mut each: impl FnMut(Result<Piece>) -> Result<()>,
) -> Result<bool> {
    let num_inputs = inputs.len().min(options.places.max(1));
    // Reading beyond the sample and the longest record would only show that there is no valid record. The limit is for
    // all streams together, because each of them is kept until it is converted.
    let mut kept_left = options.bytes.saturating_add(options.max_record_bytes);
    let mut is_complete = num_inputs == inputs.len();
    for idx in 0..num_inputs {
        let input = idx * inputs.len() / num_inputs;
        let places = (options.places / num_inputs).max(1);
        let block_bytes = (options.bytes / num_inputs / places).max(1);
        let (max_record_bytes, max_skipped_bytes) = (options.max_record_bytes, options.bytes as u64);
        let read = ReadOptions { block_bytes, max_record_bytes, max_skipped_bytes };
        let mut looking = InputSampler {
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

/// Each input is sampled alone; its index among all inputs is filled in afterwards.
fn with_input(piece: Result<Piece>, idx: usize) -> Result<Piece> {
    let mut piece = piece?;
    match &mut piece {
        Piece::Block(RecordBlock { input, .. })
        | Piece::Unreadable(Unreadable { input, .. })
        | Piece::EndOfInput { input, .. } => *input = idx,
    }
    Ok(piece)
}

/// The sampling of one input.
struct InputSampler<'a> {
    input: &'a InputFile,
    read: ReadOptions,
    places: usize,
    /// Bytes of streams that may still be kept.
    kept_left: &'a mut usize,
    observer: &'a dyn Observer,
    each: &'a mut dyn FnMut(Result<Piece>) -> Result<()>,
}

impl InputSampler<'_> {
    /// Samples the input. Returns whether all of it was read.
    fn look(&mut self) -> Result<bool> {
        if self.observer.stop_requested() {
            return Err(Error::Interrupted);
        }
        let mut reader = BlockReader::with_access(vec![self.input.clone()], self.read, Access::Sample(*self.kept_left))
            .with_observer(self.observer);
        let is_all = self.sample_with(&mut reader)?;
        if let Source::Stream(stream) = &self.input.source {
            *self.kept_left = self.kept_left.saturating_sub(stream.kept_bytes());
        }
        Ok(is_all)
    }

    fn sample_with(&mut self, reader: &mut BlockReader<'_>) -> Result<bool> {
        let mut left = self.read.block_bytes.saturating_mul(self.places) as u64;
        // A file less than twice as large as the sample is better read from the beginning.
        let is_large = self.input.bytes.is_some_and(|bytes| bytes / 2 > left);
        while left > 0 {
            let piece = match reader.next_piece(None) {
                Ok(Some(piece)) => piece,
                Ok(None) => return Ok(true),
                Err(Error::Interrupted) => return Err(Error::Interrupted),
                Err(Error::Io { error, .. }) if is_over_limit(&error) => return Ok(false),
                Err(error) => return (self.each)(Err(error)).map(|()| false),
            };
            let end = match &piece {
                Piece::Block(block) => {
                    left = left.saturating_sub(block.bytes.len() as u64);
                    Some(block.offset + block.bytes.len() as u64)
                }
                Piece::Unreadable(lost) => {
                    if lost.raw_bytes > self.read.max_skipped_bytes {
                        // The rest of the input is not read, though all of its stored bytes may have been.
                        return (self.each)(Ok(piece)).map(|()| false);
                    }
                    left = left.saturating_sub(lost.raw_bytes);
                    None
                }
                Piece::EndOfInput { .. } => None,
            };
            (self.each)(Ok(piece))?;
            if let (Some(end), Source::File(path), true) = (end, &self.input.source, is_large)
                && reader.is_in_plain_lines()
            {
                return self.sample_other_places(path, end).map(|()| false);
            }
        }
        // Only the end of the input may be left.
        let rest =
            if self.input.bytes == Some(reader.bytes_read()) { reader.next_piece(None) } else { return Ok(false) };
        Ok(matches!(rest, Ok(Some(Piece::EndOfInput { .. }))))
    }

    /// Reads blocks from all places of a line-delimited file except the first place, whose block ends at `end`.
    fn sample_other_places(&mut self, path: &Path, mut end: u64) -> Result<()> {
        let opened = File::open(path).and_then(|file| Ok((file.metadata()?.len(), file)));
        let (file_bytes, mut file) = match opened {
            Ok(opened) => opened,
            Err(error) => return (self.each)(Err(Error::io("open", path)(error))),
        };
        // Dividing first avoids an overflow for a file of many exabytes.
        let step = file_bytes / self.places.max(1) as u64;
        for place in 1..self.places as u64 {
            if self.observer.stop_requested() {
                return Err(Error::Interrupted);
            }
            let offset = step * place;
            // A long record may have reached beyond this place.
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

/// Returns the whole lines after the first newline from `offset` on, and how far after it they begin; `None` if there
/// is no whole line within the maximum record length.
fn lines_at(file: &mut File, offset: u64, read: ReadOptions) -> std::io::Result<Option<(usize, Vec<u8>)>> {
    file.seek(SeekFrom::Start(offset))?;
    let mut bytes = Vec::new();
    let mut target = read.block_bytes;
    // Number of bytes skipped up to the first newline.
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
