//! Packs unsigned numbers of a fixed width, starting at the least significant bit, without gaps.

use crate::columns::Bitmap;

/// Appends each of `values` with `width` bits (at most 64), in which it must fit. The last byte is padded with zero
/// bits.
pub(super) fn pack<const N: usize>(values: &[u64; N], width: u32, out: &mut Vec<u8>) {
    if width > 32 {
        return append(values.iter().map(|value| (*value, width)), out);
    }
    // Two values at once, to check half as often whether a word is full.
    let (pairs, rest) = values.as_chunks::<2>();
    let pairs = pairs.iter().map(|[a, b]| (a | b << width, 2 * width));
    append(pairs.chain(rest.iter().map(|value| (*value, width))), out);
}

/// Appends the bits `from..to`. The last byte is padded with zero bits.
pub(super) fn pack_bits(bits: &Bitmap, (from, to): (usize, usize), out: &mut Vec<u8>) {
    let end = out.len() + (to - from).div_ceil(8);
    for at in (from..to).step_by(64) {
        let mask = if to - at < 64 { (1 << (to - at)) - 1 } else { u64::MAX };
        out.extend_from_slice(&(bits.word_at(at) & mask).to_le_bytes());
    }
    out.truncate(end);
}

/// Appends pairs of a value and its number of bits.
#[inline]
fn append(values: impl Iterator<Item = (u64, u32)>, out: &mut Vec<u8>) {
    let (mut word, mut filled) = (0u64, 0);
    for (value, width) in values {
        word |= value << filled;
        filled += width;
        if filled >= 64 {
            out.extend_from_slice(&word.to_le_bytes());
            filled -= 64;
            // The upper bits of the value, which did not fit in the word.
            word = if filled == 0 { 0 } else { value >> (width - filled) };
        }
    }
    out.extend_from_slice(&word.to_le_bytes()[..filled.div_ceil(8) as usize]);
}

/// Number of bits that `value` needs: 0 for 0, 64 for `u64::MAX`.
pub(super) const fn width_of(value: u64) -> u32 {
    u64::BITS - value.leading_zeros()
}

/// Appends `value` as ULEB128: groups of seven bits, the lowest first, each but the last with its highest bit set.
pub(super) fn varint(mut value: u64, out: &mut Vec<u8>) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Like [`varint`], with the sign in the lowest bit: small negative numbers stay short.
pub(super) fn zigzag_varint(value: i64, out: &mut Vec<u8>) {
    varint((value << 1 ^ value >> 63).cast_unsigned(), out);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_the_specification() {
        let mut out = Vec::new();
        pack(&[0, 1, 2, 3, 4, 5, 6, 7], 3, &mut out);
        assert_eq!(out, [0b1000_1000, 0b1100_0110, 0b1111_1010]);
    }

    #[test]
    fn values_of_any_width_can_be_taken_out_again() {
        for width in 0..=64 {
            let greatest = u64::MAX.checked_shr(64 - width).unwrap_or(0);
            let values: [u64; 97] =
                std::array::from_fn(|at| (at as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15) & greatest);
            let mut out = Vec::new();
            pack(&values, width, &mut out);
            assert_eq!(out.len(), (97 * width as usize).div_ceil(8));
            let bit = |at: usize| u64::from(out[at / 8] >> (at % 8) & 1);
            let value = |at: usize| (0..width as usize).map(|i| bit(at * width as usize + i) << i).sum::<u64>();
            assert_eq!((0..97).map(value).collect::<Vec<_>>(), values, "width {width}");
        }
    }

    #[test]
    fn numbers_of_any_size() {
        let bytes = |write: &dyn Fn(&mut Vec<u8>)| {
            let mut out = Vec::new();
            write(&mut out);
            out
        };
        assert_eq!(bytes(&|out| varint(127, out)), [127]);
        assert_eq!(bytes(&|out| varint(300, out)), [0xAC, 2]);
        assert_eq!(bytes(&|out| varint(u64::MAX, out)).len(), 10);
        assert_eq!(bytes(&|out| zigzag_varint(-1, out)), [1]);
        assert_eq!(bytes(&|out| zigzag_varint(1, out)), [2]);
        assert_eq!(bytes(&|out| zigzag_varint(i64::MIN, out)), bytes(&|out| varint(u64::MAX, out)));
        assert_eq!([width_of(0), width_of(1), width_of(255), width_of(u64::MAX)], [0, 1, 8, 64]);
    }
}
