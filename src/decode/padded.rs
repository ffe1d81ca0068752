//! Text with room behind its end, so that looking ahead needs no check.
//!
//! This module has the one promise that the rest relies on: the position is never beyond the end, and [`PADDING`] bytes can
//! be read behind the end. Each move is checked against it, and no look is.

#![expect(unsafe_code, reason = "there is a look at the input for every few bytes of it")]

use super::lanes::LANES;

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
        debug_assert!(self.pos < self.bytes.len());
        // SAFETY: the position is at most `end`, and `end` is less than the length of `bytes` by the padding.
        unsafe { *self.bytes.get_unchecked(self.pos) }
    }

    /// The bytes from the position on, some of them perhaps of the padding.
    #[inline(always)]
    pub fn window(&self) -> &'a [u8; PADDING] {
        debug_assert!(self.pos <= self.end);
        // SAFETY: the position is at most `end`, behind which there are as many bytes as the window has.
        unsafe { &*self.bytes.as_ptr().add(self.pos).cast() }
    }

    /// As many bytes from the position on as are looked at together.
    #[inline(always)]
    pub fn piece(&self) -> &'a [u8; LANES] {
        &self.window().as_chunks().0[0]
    }

    /// The bytes from `at` on, if that is not beyond the end of the text.
    #[inline(always)]
    pub fn window_at(&self, at: usize) -> Option<&'a [u8; PADDING]> {
        // SAFETY: `at` is at most `end`, behind which there are as many bytes as the window has.
        (at <= self.end).then(|| unsafe { &*self.bytes.as_ptr().add(at).cast() })
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
