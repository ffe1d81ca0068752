//! Text with room behind its end, so that looking ahead needs no thought of it.
//!
//! This module has the one promise that the rest relies on: the position is never beyond the end, and [`PADDING`] bytes can
//! be read behind the end. Looks are checked all the same: without that check a whole run takes 3 % fewer instructions,
//! which is not worth `unsafe` where every byte of foreign input comes by.

use super::simd::LANES;

/// Bytes behind the end of the text that can be read: what is looked at together is never more.
pub(super) const PADDING: usize = 64;

/// A text, and a position in it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Padded<'a> {
    /// The text and the padding behind it.
    bytes: &'a [u8],
    /// Where the text ends: `PADDING` bytes before `bytes` do.
    end: usize,
    /// At most `end`.
    pos: usize,
}

/// Makes `padded` the text with its padding: zeros, which belong to no token.
pub(super) fn pad(padded: &mut Vec<u8>, text: &[u8]) {
    padded.clear();
    padded.reserve_exact(text.len() + PADDING);
    padded.extend_from_slice(text);
    padded.resize(text.len() + PADDING, 0);
}

impl<'a> Padded<'a> {
    /// Position `pos` of the text that ends [`PADDING`] bytes before the end of `bytes`.
    pub fn new(bytes: &'a [u8], pos: usize) -> Self {
        assert!(bytes.len() >= PADDING && pos <= bytes.len() - PADDING, "a text without padding");
        Self { bytes, end: bytes.len() - PADDING, pos }
    }

    /// The text without its padding.
    pub fn text(&self) -> &'a [u8] {
        &self.bytes[..self.end]
    }

    #[inline(always)]
    pub const fn pos(&self) -> usize {
        self.pos
    }

    /// The byte at the position; one of the padding at the end of the text.
    #[inline(always)]
    pub fn peek(&self) -> u8 {
        self.bytes[self.pos]
    }

    /// The bytes from the position on, some of them perhaps of the padding.
    #[inline(always)]
    pub fn window(&self) -> &'a [u8; PADDING] {
        self.bytes[self.pos..].first_chunk().unwrap_or(&[0; PADDING])
    }

    /// As many bytes from the position on as are looked at together.
    #[inline(always)]
    pub fn piece(&self) -> &'a [u8; LANES] {
        &self.window().as_chunks().0[0]
    }

    /// The bytes from `at` on, if that is not beyond the end of the text.
    #[inline(always)]
    pub fn window_at(&self, at: usize) -> Option<&'a [u8; PADDING]> {
        if at <= self.end { self.bytes[at..].first_chunk() } else { None }
    }

    /// Moves to `pos`, or to the end if that is nearer.
    #[inline(always)]
    pub fn go_to(&mut self, pos: usize) {
        self.pos = if pos <= self.end {
            pos
        } else {
            std::hint::cold_path();
            self.end
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn looks_end_in_the_padding_and_moves_at_the_end() {
        let mut bytes = Vec::new();
        for length in [0, 1, 63, 64, 65, 200] {
            pad(&mut bytes, &vec![b'x'; length]);
            for pos in 0..=length {
                let mut padded = Padded::new(&bytes, pos);
                let expected = if pos < length { b'x' } else { 0 };
                assert_eq!((padded.peek(), padded.window()[0], padded.pos()), (expected, expected, pos));
                assert_eq!(padded.window()[..], bytes[pos..pos + PADDING]);
                assert_eq!(padded.window_at(pos), Some(padded.window()));
                padded.go_to(usize::MAX);
                assert_eq!((padded.pos(), padded.peek(), padded.text().len()), (length, 0, length));
                assert_eq!((padded.window_at(length + 1), padded.window_at(usize::MAX)), (None, None));
            }
        }
    }

    #[test]
    #[should_panic(expected = "without padding")]
    fn bytes_that_are_less_than_the_padding_are_no_text() {
        let _ = Padded::new(&[0; PADDING - 1], 0);
    }

    #[test]
    #[should_panic(expected = "without padding")]
    fn a_text_does_not_begin_behind_its_end() {
        let _ = Padded::new(&[0; PADDING + 1], 2);
    }
}
