//! Blocks spread over the inputs, to see what the data is like before it is converted.

use std::{
    fs::File,
    io::{Read, Seek, SeekFrom},
    path::Path,
};

use memchr::{memchr, memrchr};

use super::{
    Framing, Piece, ReadOptions, RecordBlock,
    discover::{InputFile, Source},
    read::Access,
    reader::BlockReader,
};
use crate::error::{Error, Result};

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

/// Blocks from evenly spaced places of evenly spaced inputs, in input order, the same for the same inputs. Of inputs
/// that are compressed or not line-delimited it is their beginning. Streams keep what is read here and give it again.
/// What cannot be read is passed over: the conversion will say it.
///
/// # Errors
/// [`Error::Io`] if an input cannot be opened or read.
pub fn sample_blocks(inputs: &[InputFile], options: SampleOptions) -> Result<Vec<RecordBlock>> {
    let num_inputs = inputs.len().min(options.places.max(1));
    let mut blocks = Vec::new();
    for idx in 0..num_inputs {
        let input = idx * inputs.len() / num_inputs;
        let places = (options.places / num_inputs).max(1);
        let block_bytes = (options.bytes / num_inputs / places).max(1);
        let read = ReadOptions { block_bytes, max_record_bytes: options.max_record_bytes };
        let first = blocks.len();
        match sample_input(&inputs[input], read, places, &mut blocks) {
            Ok(()) | Err(Error::Input { .. }) => {}
            Err(error) => return Err(error),
        }
        for block in &mut blocks[first..] {
            block.input = input;
        }
    }
    Ok(blocks)
}

fn sample_input(input: &InputFile, read: ReadOptions, places: usize, blocks: &mut Vec<RecordBlock>) -> Result<()> {
    let mut reader = BlockReader::with_access(vec![input.clone()], read, Access::Sample);
    let mut left = read.block_bytes.saturating_mul(places);
    // Twice the sample: less is better read from the beginning.
    let is_large = input.bytes.is_some_and(|bytes| bytes / 2 > left as u64);
    while let Some(piece) = reader.next_piece(None)? {
        let Piece::Block(block) = piece else { continue };
        left = left.saturating_sub(block.bytes.len());
        let end = block.offset + block.bytes.len() as u64;
        blocks.push(block);
        if let Source::File(path) = &input.source
            && is_large
            && reader.is_in_plain_lines()
        {
            return sample_places(path, read, places, end, blocks);
        }
        if left == 0 {
            break;
        }
    }
    Ok(())
}

/// Blocks from all places of a file of lines but the first one, which ends at `end`.
fn sample_places(
    path: &Path,
    read: ReadOptions,
    places: usize,
    mut end: u64,
    blocks: &mut Vec<RecordBlock>,
) -> Result<()> {
    let mut file = File::open(path).map_err(Error::io("open", path))?;
    let file_bytes = file.metadata().map_err(Error::io("look at", path))?.len();
    // Divided first: a file of many exabytes must not overflow.
    let step = file_bytes / places.max(1) as u64;
    for place in 1..places as u64 {
        let offset = step * place;
        // A long record may have reached beyond it.
        if offset < end {
            continue;
        }
        if let Some((skipped, bytes)) = lines_at(&mut file, offset, read).map_err(Error::io("read", path))? {
            let offset = offset + skipped as u64;
            end = offset + bytes.len() as u64;
            blocks.push(RecordBlock { input: 0, document: 0, offset, bytes, framing: Framing::Lines });
        }
    }
    Ok(())
}

/// The whole lines after the first newline from `offset` on, and how far after it they begin; none if there is no
/// whole line within the longest record.
fn lines_at(file: &mut File, offset: u64, read: ReadOptions) -> std::io::Result<Option<(usize, Vec<u8>)>> {
    file.seek(SeekFrom::Start(offset))?;
    let mut bytes = Vec::new();
    let mut target = read.block_bytes;
    loop {
        let missing = target - bytes.len();
        let ended = file.by_ref().take(missing as u64).read_to_end(&mut bytes)? < missing;
        let start = memchr(b'\n', &bytes).map_or(bytes.len(), |newline| newline + 1);
        let end = if ended { bytes.len() } else { memrchr(b'\n', &bytes).map_or(0, |newline| newline + 1) };
        if end > start {
            return Ok(Some((start, bytes[start..end].to_vec())));
        }
        // One part of a line and a whole one.
        if ended || target > read.max_record_bytes.saturating_mul(2) {
            return Ok(None);
        }
        target = target.saturating_mul(2);
    }
}

#[cfg(test)]
mod tests;
