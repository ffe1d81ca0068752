//! `DELTA_BINARY_PACKED` and `DELTA_LENGTH_BYTE_ARRAY`: numbers as differences, texts as lengths and bytes.
//!
//! ```text
//! header   varint(128)  varint(4)  varint(count)  zigzag(first value)
//! block    zigzag(minimum difference)  4 widths  4 x 32 differences minus the minimum, packed
//! ```
//!
//! Differences wrap around, so that every pair of numbers has one.

use super::bit_packing::{pack, varint, width_of, zigzag_varint};
use crate::columns::TextValues;

/// Values per block; the specification requires a multiple of 128.
const BLOCK_VALUES: usize = 128;
/// Values that share a width; the specification requires a multiple of 32.
const MINIBLOCK_VALUES: usize = 32;
const MINIBLOCKS: usize = BLOCK_VALUES / MINIBLOCK_VALUES;

/// Appends 64-bit integers as `DELTA_BINARY_PACKED`.
pub(super) fn write_integers(values: &[i64], out: &mut Vec<u8>) {
    write(values.iter().copied(), values.len(), out);
}

/// Appends texts `from..to` as `DELTA_LENGTH_BYTE_ARRAY`: all lengths, then all bytes.
pub(super) fn write_texts(texts: &TextValues, from: usize, to: usize, out: &mut Vec<u8>) {
    let start = texts.start(from);
    let ends = &texts.ends[from..to];
    let mut before = start as u32;
    let lengths = ends.iter().map(|&end| i64::from(end - std::mem::replace(&mut before, end)));
    write(lengths, ends.len(), out);
    out.extend_from_slice(&texts.bytes[start..texts.start(to)]);
}

fn write(mut values: impl Iterator<Item = i64>, count: usize, out: &mut Vec<u8>) {
    varint(BLOCK_VALUES as u64, out);
    varint(MINIBLOCKS as u64, out);
    varint(count as u64, out);
    let Some(first) = values.next() else { return zigzag_varint(0, out) };
    zigzag_varint(first, out);
    let mut before = first;
    let mut rest = count - 1;
    let mut differences = [0i64; BLOCK_VALUES];
    while rest > 0 {
        let len = rest.min(BLOCK_VALUES);
        for (difference, value) in differences[..len].iter_mut().zip(&mut values) {
            *difference = value.wrapping_sub(std::mem::replace(&mut before, value));
        }
        write_block(&mut differences, len, out);
        rest -= len;
    }
}

/// Writes the first `len` differences; the others are overwritten.
fn write_block(differences: &mut [i64; BLOCK_VALUES], len: usize, out: &mut Vec<u8>) {
    let least = differences[..len].iter().copied().min().unwrap_or(0);
    // Pads with the minimum, which adds no bits to the width.
    differences[len..].fill(least);
    zigzag_varint(least, out);
    let (miniblocks, _) = differences.as_chunks::<MINIBLOCK_VALUES>();
    let above = |at: usize| miniblocks[at].map(|difference| difference.wrapping_sub(least).cast_unsigned());
    let miniblocks: [[u64; MINIBLOCK_VALUES]; MINIBLOCKS] = std::array::from_fn(above);
    let widths = miniblocks.each_ref().map(|values| width_of(values.iter().fold(0, |bits, value| bits | value)));
    out.extend(widths.map(|width| width as u8));
    // Miniblocks without a value are not written.
    for (miniblock, width) in miniblocks.iter().zip(widths).take(len.div_ceil(MINIBLOCK_VALUES)) {
        pack(miniblock, width, out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn integers(values: &[i64]) -> Vec<u8> {
        let mut out = Vec::new();
        write_integers(values, &mut out);
        out
    }

    #[test]
    fn the_examples_of_the_specification() {
        // All differences are 1: the minimum is 1, and no bits follow.
        assert_eq!(integers(&[1, 2, 3, 4, 5]), [0x80, 1, 4, 5, 2, 2, 0, 0, 0, 0]);
        // Differences -2, -2, -2, 1, 1, 1, 1; minus the minimum 0, 0, 0, 3, 3, 3, 3: two bits each.
        let packed = [0b1100_0000, 0b0011_1111, 0, 0, 0, 0, 0, 0];
        let expected = [&[0x80, 1, 4, 8, 14, 3, 2, 0, 0, 0][..], &packed].concat();
        assert_eq!(integers(&[7, 5, 3, 1, 2, 3, 4, 5]), expected);
    }

    #[test]
    fn what_is_empty_or_alone_has_no_block() {
        assert_eq!(integers(&[]), [0x80, 1, 4, 0, 0]);
        assert_eq!(integers(&[-1]), [0x80, 1, 4, 1, 1]);
        let mut out = Vec::new();
        write_texts(&TextValues::default(), 0, 0, &mut out);
        assert_eq!(out, [0x80, 1, 4, 0, 0]);
    }

    #[test]
    fn differences_wrap_around() {
        // From the minimum to the maximum the wrapped difference is -1, and back it is 1.
        assert_eq!(integers(&[i64::MIN, i64::MAX, i64::MIN])[14..], [1, 2, 0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0]);
    }

    #[test]
    fn of_texts_the_lengths_come_first() {
        let mut texts = TextValues::default();
        for text in ["no", "a", "", "bc", "no"] {
            texts.push(text.as_bytes());
        }
        let mut out = Vec::new();
        write_texts(&texts, 1, 4, &mut out);
        assert_eq!(out[..5], [0x80, 1, 4, 3, 2]);
        assert_eq!(out[out.len() - 3..], *b"abc");
    }
}
