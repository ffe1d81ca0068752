//! The hybrid of run lengths and bit packing (`RLE` in the Parquet specification), for levels and dictionary indexes.
//!
//! ```text
//! run      varint(count << 1)        the value, in the whole bytes that its width needs
//! packed   varint(groups << 1 | 1)   groups of 8 values, each `width` bits
//! ```

use super::bit_packing::{pack_bits, varint};
use crate::columns::Bitmap;

/// Appends `values`, each of which fits in `width` bits (at most 16).
pub(super) fn write<T: Copy + Default + PartialEq + Into<u64>>(values: &[T], width: u32, out: &mut Vec<u8>) {
    // A run costs about four bytes: its own header and value, and another header for the packed values after it.
    let min_run = if width == 0 { 1 } else { (32 / width as usize).next_multiple_of(8).max(8) };
    let (mut from, mut packed) = (0, 0);
    while from < values.len() {
        let run = run_length(&values[from..], min_run);
        if run >= min_run || width == 0 {
            write_packed(&values[packed..from], width, out);
            write_run(values[from].into(), run, width, out);
            from += run;
            packed = from;
        } else {
            from = values.len().min(from + 8);
        }
    }
    write_packed(&values[packed..], width, out);
}

/// The length of the run of equal values at the beginning; exact only if at least `least`.
fn run_length<T: Copy + PartialEq>(values: &[T], least: usize) -> usize {
    let first = values[0];
    // Eight comparisons without a branch are cheaper than two with one.
    let (groups, rest) = values.as_chunks::<8>();
    let is_equal = |group: &&[T; 8]| group.iter().filter(|value| **value != first).count() == 0;
    let whole = groups.iter().take_while(is_equal).count();
    if whole == 0 && least >= 8 && !groups.is_empty() {
        return 1;
    }
    let rest = groups.get(whole).map_or(rest, <[T; 8]>::as_slice);
    whole * 8 + rest.iter().take_while(|value| **value == first).count()
}

/// Appends the bits `from..to`, each a value of width 1; bits beyond the end are zeros.
pub(super) fn write_bits(bits: &Bitmap, from: usize, to: usize, out: &mut Vec<u8>) {
    /// A shorter run is just as cheap when packed.
    const MIN_RUN: usize = 32;
    let (mut at, mut packed) = (from, from);
    while at < to {
        // A word without a byte of equal bits has no run that pays, which is usual for mixed bits.
        let word = bits.word_at(at);
        if to - at >= 64 && !has_zero_byte(word) && !has_zero_byte(!word) {
            at += 64;
            continue;
        }
        // Most runs end within the word.
        let alike = if word & 1 == 1 { word.trailing_ones() } else { word.trailing_zeros() } as usize;
        let run = if alike < 64 { alike.min(to - at) } else { bits.run_length(at, to) };
        if run >= MIN_RUN {
            write_packed_bits(bits, packed, at, out);
            write_run(u64::from(bits.get(at)), run, 1, out);
            at += run;
            packed = at;
        } else {
            // Packed bits are written in whole groups of eight.
            at = to.min(at + run.next_multiple_of(8));
        }
    }
    write_packed_bits(bits, packed, to, out);
}

/// Whether one of the eight bytes is zero.
const fn has_zero_byte(word: u64) -> bool {
    const LOW: u64 = 0x0101_0101_0101_0101;
    word.wrapping_sub(LOW) & !word & (LOW << 7) != 0
}

/// Appends a run of `count` equal values.
pub(super) fn write_run(value: u64, count: usize, width: u32, out: &mut Vec<u8>) {
    varint((count as u64) << 1, out);
    out.extend_from_slice(&value.to_le_bytes()[..width.div_ceil(8) as usize]);
}

fn write_packed<T: Copy + Default + Into<u64>>(values: &[T], width: u32, out: &mut Vec<u8>) {
    /// A group is written as this many bytes, and the next one overwrites the excess.
    const GROUP_BYTES: usize = 16;
    if values.is_empty() {
        return;
    }
    let groups = values.len().div_ceil(8);
    varint((groups as u64) << 1 | 1, out);
    let mut at = out.len();
    let end = at + groups * width as usize;
    out.resize(end + GROUP_BYTES, 0);
    let (whole, rest) = values.as_chunks::<8>();
    let mut last = [T::default(); 8];
    last[..rest.len()].copy_from_slice(rest);
    // The last group is padded with zeros.
    for group in whole.iter().chain((!rest.is_empty()).then_some(&last)) {
        out[at..at + GROUP_BYTES].copy_from_slice(&pack_group(group, width).to_le_bytes());
        at += width as usize;
    }
    out.truncate(end);
}

/// Packs eight values of `width` bits (at most 16), the first in the lowest bits.
fn pack_group<T: Copy + Into<u64>>(group: &[T; 8], width: u32) -> u128 {
    let half = |four: &[T; 4]| four.iter().rev().fold(0u64, |bits, value| bits << width | (*value).into());
    let (halves, _) = group.as_chunks::<4>();
    u128::from(half(&halves[0])) | u128::from(half(&halves[1])) << (4 * width)
}

fn write_packed_bits(bits: &Bitmap, from: usize, to: usize, out: &mut Vec<u8>) {
    if from == to {
        return;
    }
    let groups = (to - from).div_ceil(8);
    varint((groups as u64) << 1 | 1, out);
    pack_bits(bits, (from, to), out);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn take_varint(bytes: &mut &[u8]) -> u64 {
        let (mut value, mut shift) = (0, 0);
        loop {
            let (first, rest) = bytes.split_first().unwrap();
            *bytes = rest;
            value |= u64::from(first & 0x7F) << shift;
            shift += 7;
            if first & 0x80 == 0 {
                return value;
            }
        }
    }

    /// Decodes by the specification, and accepts nothing else.
    fn read(mut bytes: &[u8], width: u32, count: usize) -> Vec<u64> {
        let mut values = Vec::new();
        while !bytes.is_empty() {
            let header = take_varint(&mut bytes);
            let len = (header >> 1) as usize;
            assert!(len > 0, "a run of nothing");
            if header & 1 == 0 {
                let (value, rest) = bytes.split_at(width.div_ceil(8) as usize);
                let value = value.iter().rev().fold(0, |value, byte| value << 8 | u64::from(*byte));
                values.extend(std::iter::repeat_n(value, len));
                bytes = rest;
            } else {
                let (packed, rest) = bytes.split_at(len * width as usize);
                let bit = |at: usize| u64::from(packed[at / 8] >> (at % 8) & 1);
                let w = width as usize;
                values.extend((0..len * 8).map(|at| (0..w).map(|i| bit(at * w + i) << i).sum::<u64>()));
                bytes = rest;
            }
        }
        assert!((count..count + 8).contains(&values.len()), "{} values for {count}", values.len());
        assert!(values[count..].iter().all(|value| *value == 0));
        values.truncate(count);
        values
    }

    fn runs() -> impl Strategy<Value = Vec<(u32, usize)>> {
        let len = prop_oneof![1usize..4, 6usize..10, 30usize..34, 60usize..140, Just(1000)];
        proptest::collection::vec((any::<u32>(), len), 0..30)
    }

    proptest! {
        #[test]
        fn values_come_back(runs in runs(), width in 0u32..=16) {
            let greatest = u16::MAX.checked_shr(16 - width).unwrap_or(0);
            let values: Vec<u16> =
                runs.iter().flat_map(|(value, len)| std::iter::repeat_n(*value as u16 & greatest, *len)).collect();
            let mut out = Vec::new();
            write(&values, width, &mut out);
            let expected: Vec<u64> = values.iter().map(|value| u64::from(*value)).collect();
            prop_assert_eq!(read(&out, width, values.len()), expected);
        }

        #[test]
        fn bits_come_back(runs in runs(), from in 0usize..200, beyond in 0usize..200) {
            let mut bits = Bitmap::default();
            for (value, len) in runs {
                (0..len).for_each(|_| bits.push(value & 1 == 1));
            }
            let to = bits.len() + beyond;
            let from = from.min(to);
            let mut out = Vec::new();
            write_bits(&bits, from, to, &mut out);
            let expected: Vec<u64> = (from..to).map(|at| u64::from(bits.get(at))).collect();
            prop_assert_eq!(read(&out, 1, to - from), expected);
        }
    }

    #[test]
    fn a_run_is_a_few_bytes_however_long() {
        let mut out = Vec::new();
        write_bits(&Bitmap::default(), 0, 131_072, &mut out);
        assert_eq!(out, [0x80, 0x80, 0x10, 0], "131072 zeros");
        out.clear();
        write(&[5u8; 1000], 3, &mut out);
        assert_eq!(out, [0xD0, 0x0F, 5]);
    }
}
