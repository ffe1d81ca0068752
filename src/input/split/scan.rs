//! Finds the end of a JSON object or array by its brackets, 64 bytes at a time.
//!
//! Each 64 bytes become bit masks (one bit per byte): quotes, backslashes, opening and closing brackets. The exclusive
//! or of all quotes up to a bit tells whether it is inside a string. As long as a stretch has fewer closing brackets
//! than the depth of the value, counting the brackets is enough. The decoder checks that brackets match in kind: a
//! value with mismatched brackets invalidates the rest of its document anyway.

use crate::simd::{Marks, STRIDE, marks};

/// The state of the scan of one value. It starts at the value's opening bracket.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct BracketScan {
    depth: u64,
    /// All ones inside a string.
    in_string: u64,
    /// 1 if the last byte was a backslash that escapes the next one.
    escaped: u64,
}

/// The bits at even positions.
const EVEN: u64 = 0x5555_5555_5555_5555;

impl BracketScan {
    /// Scans on over `bytes`. Returns the number of bytes up to and including the last one of the value, if that was
    /// found.
    pub(super) fn advance(&mut self, bytes: &[u8]) -> Option<usize> {
        let (strides, rest) = bytes.as_chunks::<STRIDE>();
        for (idx, stride) in strides.iter().enumerate() {
            if let Some(end) = self.stride(stride) {
                return Some(idx * STRIDE + end);
            }
        }
        for (idx, &byte) in rest.iter().enumerate() {
            if self.byte(byte) {
                return Some(strides.len() * STRIDE + idx + 1);
            }
        }
        None
    }

    fn stride(&mut self, stride: &[u8; STRIDE]) -> Option<usize> {
        let Marks { quotes, backslashes, mut opens, mut closes } = marks(stride);
        let strings = prefix_xor(quotes & !self.escaped_bytes(backslashes)) ^ self.in_string;
        self.in_string = 0_u64.wrapping_sub(strings >> 63);
        opens &= !strings;
        closes &= !strings;
        if self.depth > u64::from(closes.count_ones()) {
            self.depth = self.depth + u64::from(opens.count_ones()) - u64::from(closes.count_ones());
            return None;
        }
        let mut brackets = opens | closes;
        while brackets != 0 {
            let idx = brackets.trailing_zeros();
            if opens >> idx & 1 == 1 {
                self.depth += 1;
            } else {
                self.depth = self.depth.saturating_sub(1);
                if self.depth == 0 {
                    return Some(idx as usize + 1);
                }
            }
            brackets &= brackets - 1;
        }
        None
    }

    /// Scans one byte by the same rules. Returns whether it ends the value.
    const fn byte(&mut self, byte: u8) -> bool {
        let was_escaped = self.escaped == 1;
        self.escaped = (byte == b'\\' && !was_escaped) as u64;
        match byte {
            b'"' if !was_escaped => self.in_string = !self.in_string,
            b'{' | b'[' if self.in_string == 0 => self.depth += 1,
            b'}' | b']' if self.in_string == 0 => {
                self.depth = self.depth.saturating_sub(1);
                return self.depth == 0;
            }
            _ => {}
        }
        false
    }

    /// The bytes after a backslash that is not escaped itself: in a run of backslashes every second byte from its
    /// beginning. An addition carries from the beginning of each run to its end.
    const fn escaped_bytes(&mut self, backslashes: u64) -> u64 {
        if backslashes == 0 {
            let first = self.escaped;
            self.escaped = 0;
            return first;
        }
        let backslashes = backslashes & !self.escaped;
        let follows = backslashes << 1 | self.escaped;
        let odd_starts = backslashes & !EVEN & !follows;
        let (even_runs, carry) = odd_starts.overflowing_add(backslashes);
        self.escaped = carry as u64;
        (EVEN ^ (even_runs << 1)) & follows
    }
}

/// Each bit becomes the exclusive or of itself and all lower bits.
const fn prefix_xor(mut bits: u64) -> u64 {
    bits ^= bits << 1;
    bits ^= bits << 2;
    bits ^= bits << 4;
    bits ^= bits << 8;
    bits ^= bits << 16;
    bits ^ bits << 32
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn end(text: &str) -> Option<usize> {
        BracketScan::default().advance(text.as_bytes())
    }

    #[test]
    fn a_value_ends_at_its_own_bracket() {
        assert_eq!(end("{}"), Some(2));
        assert_eq!(end("[[],{}] ,"), Some(7));
        assert_eq!(end(r#"{"}":"\"}"}}"#), Some(11));
        assert_eq!(end(r#"{"a":"\\"}x"#), Some(10));
        assert_eq!(end(r#"{"a":["#), None);
        assert_eq!(end(""), None);
        let long = format!(r#"{{"k":"{}\\","m":[{}]}}tail"#, "}".repeat(200), "[],".repeat(50));
        assert_eq!(end(&long), Some(long.len() - 4));
        let deep = format!("{}{}", "[".repeat(1000), "]".repeat(1001));
        assert_eq!(end(&deep), Some(2000));
    }

    proptest! {
        /// The masks and the byte-wise rules agree on any text, however it is cut.
        #[test]
        fn strides_agree_with_bytes(
            text in proptest::collection::vec(prop::sample::select(&b"\"\"\\\\{}[]ab "[..]), 0..400),
            cut in 0_usize..400,
        ) {
            let mut text = text;
            text.insert(0, b'{');
            let mut slow = BracketScan::default();
            let expected = text.iter().position(|&byte| slow.byte(byte)).map(|at| at + 1);
            let cut = cut.min(text.len());
            let mut fast = BracketScan::default();
            let found = fast.advance(&text[..cut]).or_else(|| fast.advance(&text[cut..]).map(|end| cut + end));
            prop_assert_eq!(found, expected);
            if expected.is_none() {
                prop_assert_eq!(fast, slow);
            }
        }
    }
}
