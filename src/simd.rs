//! Examines 32 or 64 bytes at once: where a string ends, whether a name is the expected one, and where brackets are.
//!
//! SSE2 is part of every x86-64, so there is no run-time detection. Elsewhere `portable` is used; a test checks that
//! both give the same results.

/// Number of bytes examined at once. Most names and texts are shorter, so one step is enough.
pub const LANES: usize = 32;

/// Number of bytes of a stride: one bit of a mask for each.
pub const STRIDE: usize = 64;

/// Where the bytes are that tell how a JSON text nests: masks with a bit for each byte of a stride, the lowest for the
/// first byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Marks {
    pub quotes: u64,
    pub backslashes: u64,
    /// `[` and `{`.
    pub opens: u64,
    /// `]` and `}`.
    pub closes: u64,
}

/// `[` and `{`, and `]` and `}`, differ only in this bit, and no other byte becomes one of them by it.
const BRACKET_BIT: u8 = 0x20;

#[cfg(not(target_arch = "x86_64"))]
pub use portable::{begins_with, first_stop, marks, spaces};
#[cfg(target_arch = "x86_64")]
pub use sse2::{begins_with, first_stop, marks, spaces};

#[cfg(target_arch = "x86_64")]
mod sse2 {
    #![expect(unsafe_code, reason = "intrinsics: word by word, the ends of texts took a fifth of all instructions")]

    use std::arch::x86_64::{
        __m128i, _mm_cmpeq_epi8, _mm_loadu_si128, _mm_min_epu8, _mm_movemask_epi8, _mm_or_si128, _mm_set1_epi8,
        _mm_xor_si128,
    };

    use crate::simd::{BRACKET_BIT, LANES, Marks, STRIDE};

    /// Loads sixteen of the bytes.
    #[inline(always)]
    fn load<const N: usize>(bytes: &[u8; N], from: usize) -> __m128i {
        let sixteen: &[u8; 16] = &bytes.as_chunks().0[from];
        // SAFETY: SSE2 is part of x86-64; these are sixteen readable bytes, and this load needs no alignment.
        unsafe { _mm_loadu_si128(sixteen.as_ptr().cast()) }
    }

    /// Index of the first byte that ends the plain part of a string (quote, backslash, control character); none if all
    /// are plain.
    #[inline(always)]
    pub fn first_stop(bytes: &[u8; LANES]) -> Option<usize> {
        let half = |at| {
            let bytes = load(bytes, at);
            // SAFETY: SSE2 is part of x86-64.
            unsafe {
                // Flipping this bit makes the quote 0x20, while control characters stay below 0x20.
                let turned = _mm_xor_si128(bytes, _mm_set1_epi8(0x02));
                let quote_or_control = _mm_cmpeq_epi8(_mm_min_epu8(turned, _mm_set1_epi8(0x20)), turned);
                let backslash = _mm_cmpeq_epi8(bytes, _mm_set1_epi8(b'\\' as i8));
                _mm_movemask_epi8(_mm_or_si128(quote_or_control, backslash)) as u32
            }
        };
        let stops = half(0) | half(1) << 16;
        if stops == 0 { None } else { Some(stops.trailing_zeros() as usize) }
    }

    /// Number of spaces at the beginning.
    #[inline(always)]
    pub fn spaces(bytes: &[u8; LANES]) -> usize {
        let half = |at| {
            let bytes = load(bytes, at);
            // SAFETY: SSE2 is part of x86-64.
            unsafe { _mm_movemask_epi8(_mm_cmpeq_epi8(bytes, _mm_set1_epi8(b' ' as i8))) as u32 }
        };
        (half(0) | half(1) << 16).trailing_ones() as usize
    }

    /// Whether the bytes selected by `mask` equal those of `expected`.
    #[inline(always)]
    pub fn begins_with(bytes: &[u8; LANES], expected: &[u8; LANES], mask: u32) -> bool {
        let half = |at| {
            let (bytes, expected) = (load(bytes, at), load(expected, at));
            // SAFETY: SSE2 is part of x86-64.
            unsafe { _mm_movemask_epi8(_mm_cmpeq_epi8(bytes, expected)) as u32 }
        };
        !(half(0) | half(1) << 16) & mask == 0
    }

    /// The marks of a stride.
    #[inline(always)]
    pub fn marks(stride: &[u8; STRIDE]) -> Marks {
        let mut marks = Marks { quotes: 0, backslashes: 0, opens: 0, closes: 0 };
        for quarter in 0..STRIDE / 16 {
            let bytes = load(stride, quarter);
            // SAFETY: SSE2 is part of x86-64.
            let (folded, mask_of) = unsafe {
                let equal = |bytes, byte: u8| _mm_movemask_epi8(_mm_cmpeq_epi8(bytes, _mm_set1_epi8(byte as i8)));
                (_mm_or_si128(bytes, _mm_set1_epi8(BRACKET_BIT as i8)), equal)
            };
            let mask = |bytes, byte| (mask_of(bytes, byte) as u64) << (16 * quarter);
            marks.quotes |= mask(bytes, b'"');
            marks.backslashes |= mask(bytes, b'\\');
            marks.opens |= mask(folded, b'{');
            marks.closes |= mask(folded, b'}');
        }
        marks
    }
}

#[cfg(any(test, not(target_arch = "x86_64")))]
mod portable {
    use crate::simd::{BRACKET_BIT, LANES, Marks, STRIDE};

    #[inline(always)]
    pub fn first_stop(bytes: &[u8; LANES]) -> Option<usize> {
        let (words, _) = bytes.as_chunks::<8>();
        let stops = |at: usize| u128::from(word_stops(words[at])) | u128::from(word_stops(words[at + 1])) << 64;
        let (low, high) = (stops(0), stops(2));
        if low | high == 0 {
            return None;
        }
        let bits = if low == 0 { 128 + high.trailing_zeros() } else { low.trailing_zeros() };
        Some(bits as usize / 8)
    }

    /// Sets the high bit of each byte that ends the plain part of a string. The lowest set bit is exact; those above it
    /// may be wrong, because of borrows in the subtractions.
    #[inline(always)]
    fn word_stops(bytes: [u8; 8]) -> u64 {
        const ONES: u64 = 0x0101_0101_0101_0101;
        let word = u64::from_le_bytes(bytes);
        // Flipping this bit makes the quote 0x20, while control characters stay below 0x20.
        let turned = word ^ (ONES * 0x02);
        let quote_or_control = turned.wrapping_sub(ONES * 0x21) & !turned;
        let backslash = word ^ (ONES * 0x5c);
        let backslash = backslash.wrapping_sub(ONES) & !backslash;
        (quote_or_control | backslash) & (ONES * 0x80)
    }

    #[inline(always)]
    pub fn spaces(bytes: &[u8; LANES]) -> usize {
        bytes.iter().take_while(|byte| **byte == b' ').count()
    }

    #[inline(always)]
    pub fn begins_with(bytes: &[u8; LANES], expected: &[u8; LANES], mask: u32) -> bool {
        (0..LANES).all(|at| mask >> at & 1 == 0 || bytes[at] == expected[at])
    }

    #[inline(always)]
    pub fn marks(stride: &[u8; STRIDE]) -> Marks {
        let folded = stride.map(|byte| byte | BRACKET_BIT);
        Marks {
            quotes: equal_bytes(stride, b'"'),
            backslashes: equal_bytes(stride, b'\\'),
            opens: equal_bytes(&folded, b'{'),
            closes: equal_bytes(&folded, b'}'),
        }
    }

    /// A bit for each byte that equals `byte`.
    #[inline(always)]
    fn equal_bytes(stride: &[u8; STRIDE], byte: u8) -> u64 {
        let equal = stride.map(|other| u8::from(other == byte));
        let mut mask = 0;
        for (idx, word) in equal.as_chunks::<8>().0.iter().enumerate() {
            // The product gathers the lowest bit of each byte in the highest byte.
            mask |= (u64::from_le_bytes(*word).wrapping_mul(0x0102_0408_1020_4080) >> 56) << (8 * idx);
        }
        mask
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_is_plain_or_ends_the_plain_part_wherever_it_stands() {
        for byte in 0..=u8::MAX {
            let is_plain = byte >= 0x20 && byte != b'"' && byte != b'\\';
            // The bytes around it are those that could cause a borrow.
            for (other, around) in [(b'a', true), (b' ', true), (b'!', true), (0x7f, true), (0xff, true), (b'"', false)]
            {
                for at in 0..LANES {
                    let mut piece = [other; LANES];
                    piece[at] = byte;
                    let expected = match (is_plain, around) {
                        (false, true) => Some(at),
                        (true, true) => None,
                        (true, false) => Some(usize::from(at == 0)),
                        (false, false) => Some(0),
                    };
                    assert_eq!(first_stop(&piece), expected, "{byte:#x} at {at} among {other:#x}");
                    assert_eq!(portable::first_stop(&piece), expected, "{byte:#x} at {at} among {other:#x}");
                }
            }
        }
    }

    #[test]
    fn spaces_end_at_any_other_byte() {
        for at in 0..=LANES {
            for byte in (0..=u8::MAX).filter(|byte| *byte != b' ') {
                let piece = std::array::from_fn(|idx| if idx == at { byte } else { b' ' });
                assert_eq!((spaces(&piece), portable::spaces(&piece)), (at, at), "{byte:#x}");
            }
        }
    }

    #[test]
    fn only_the_bytes_of_the_mask_are_compared() {
        let expected: [u8; LANES] = std::array::from_fn(|at| b'A' + at as u8);
        for length in 0..=LANES {
            let mask = ((1u64 << length) - 1) as u32;
            for at in 0..LANES {
                for bit in 0..8 {
                    let mut bytes = expected;
                    bytes[at] ^= 1 << bit;
                    let is_equal = at >= length;
                    assert_eq!(begins_with(&bytes, &expected, mask), is_equal, "{length}, {at}");
                    assert_eq!(portable::begins_with(&bytes, &expected, mask), is_equal, "{length}, {at}");
                }
            }
            assert!(begins_with(&expected, &expected, mask) && portable::begins_with(&expected, &expected, mask));
        }
    }

    #[test]
    fn every_byte_has_its_mark_wherever_it_stands() {
        for byte in 0..=u8::MAX {
            for other in [b'a', b'"', b'{', b'}', b'\\', byte ^ BRACKET_BIT] {
                for at in 0..STRIDE {
                    let mut stride = [other; STRIDE];
                    stride[at] = byte;
                    let mask = |wanted: &[u8]| {
                        stride
                            .iter()
                            .enumerate()
                            .fold(0, |mask, (at, byte)| mask | u64::from(wanted.contains(byte)) << at)
                    };
                    let expected = Marks {
                        quotes: mask(b"\""),
                        backslashes: mask(b"\\"),
                        opens: mask(b"[{"),
                        closes: mask(b"]}"),
                    };
                    assert_eq!(marks(&stride), expected, "{byte:#x} at {at} among {other:#x}");
                    assert_eq!(portable::marks(&stride), expected, "{byte:#x} at {at} among {other:#x}");
                }
            }
        }
    }
}
