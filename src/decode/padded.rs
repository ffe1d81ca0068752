//! Text followed by padding, so that reading ahead needs no special case at its end.
//!
//! This module keeps the one promise that the rest relies on: the position is never beyond the end, and [`PADDING`]
//! bytes can be read after the end. Reads are bounds-checked all the same: without the check a whole run takes 3 %
//! fewer instructions, which is not worth `unsafe` where every byte of foreign input passes through.

use crate::simd::{LANES, first_stop, spaces};

/// Readable bytes after the end of the text; never more are read at once.
pub(super) const PADDING: usize = 64;

/// A text of more bytes than this is copied only once its end is known: appended piece by piece, its buffer could grow
/// to twice its size.
const LONG_TEXT_BYTES: usize = 64 << 10;

/// A text, and a position in it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Padded<'a> {
    /// The text, followed by the padding.
    bytes: &'a [u8],
    /// Where the text ends: `PADDING` bytes before `bytes` do.
    end: usize,
    /// At most `end`.
    pos: usize,
}

/// Sets `padded` to the text followed by padding of zeros, which belong to no token.
pub(super) fn pad(padded: &mut Vec<u8>, text: &[u8]) {
    padded.clear();
    padded.reserve_exact(text.len() + PADDING);
    padded.extend_from_slice(text);
    padded.resize(text.len() + PADDING, 0);
}

impl<'a> Padded<'a> {
    /// A text that ends [`PADDING`] bytes before the end of `bytes`, at position `pos`.
    ///
    /// # Panics
    /// If `bytes` is shorter than the padding, or `pos` is beyond the end of the text.
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

    /// The byte at the position; at the end of the text, the first byte of padding.
    #[inline(always)]
    pub fn peek(&self) -> u8 {
        self.bytes[self.pos]
    }

    /// The bytes from the position on, which may include padding.
    #[inline(always)]
    pub fn window(&self) -> &'a [u8; PADDING] {
        let Some(window) = self.window_at(self.pos) else {
            // A branch that is never taken, and not a selection that every read would wait for.
            std::hint::cold_path();
            return &[0; PADDING];
        };
        window
    }

    /// The next [`LANES`] bytes from the position on.
    #[inline(always)]
    pub fn piece(&self) -> &'a [u8; LANES] {
        &self.window().as_chunks().0[0]
    }

    /// The bytes from `at` on, if that is not beyond the end of the text.
    #[inline(always)]
    pub fn window_at(&self, at: usize) -> Option<&'a [u8; PADDING]> {
        // The padding that follows the text is as long as what is read.
        self.bytes.get(at..)?.first_chunk()
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

/// Fast paths for the usual forms of tokens. They are here and not on the cursor, so that a loop can keep the position in
/// registers.
impl Padded<'_> {
    /// Steps over `length` bytes that were already examined.
    #[inline(always)]
    pub fn step_over(&mut self, length: usize) {
        self.go_to(self.pos() + length);
    }

    /// Steps over a space, as many programs write one after a colon and a comma.
    #[inline(always)]
    pub fn skip_one_space(&mut self) {
        if self.peek() == b' ' {
            self.step_over(1);
        }
    }

    /// Steps over white space; usually that is one space, or a newline and an indent.
    #[inline(always)]
    pub fn skip_space(&mut self, newline_is_space: bool) {
        self.skip_one_space();
        if self.peek() <= b' ' {
            self.go_to(end_of_space(self.bytes, self.pos(), newline_is_space));
        }
    }

    /// Reads a string without escapes that is not long, and appends its text to `out`, each piece as soon as it is
    /// scanned. Returns false and changes nothing if there is something else.
    #[inline(always)]
    pub fn plain_string_into(&mut self, out: &mut Vec<u8>) -> bool {
        if self.peek() != b'"' {
            return false;
        }
        let start = self.pos() + 1;
        let before = out.len();
        // Pieces of a fixed size are copied without a call; the excess is cut off afterwards.
        let (end, stop) = self.plain_end(start, LONG_TEXT_BYTES, |piece| out.extend_from_slice(piece));
        if stop != b'"' {
            out.truncate(before);
            return false;
        }
        out.truncate(before + (end - start));
        self.go_to(end + 1);
        true
    }

    /// Finds the end of the plain part of a string that begins at `start`; returns its position and the byte there, or
    /// zero as the byte if `most` bytes contain no end. Calls `take` with each piece that holds some of the plain part.
    #[inline(always)]
    pub fn plain_end(&self, start: usize, most: usize, mut take: impl FnMut(&[u8; LANES])) -> (usize, u8) {
        let mut at = start;
        while let Some(window) = self.window_at(at) {
            // Copied, so that scanning and taking it both read registers.
            let piece = window.as_chunks().0[0];
            take(&piece);
            if let Some(plain) = first_stop(&piece) {
                return (at + plain, window[plain]);
            }
            at += LANES;
            if at - start >= most {
                break;
            }
        }
        (at, 0)
    }
}

/// The position of the first byte from `pos` on that is no white space. It takes no cursor, so that the caller's can
/// stay in registers.
#[inline(never)]
fn end_of_space(bytes: &[u8], pos: usize, newline_is_space: bool) -> usize {
    let mut rest = &bytes[pos..];
    loop {
        rest = match rest {
            [b'\n', rest @ ..] if newline_is_space => rest,
            [b'\t' | b'\r', rest @ ..] => rest,
            [b' ', ..] => rest.first_chunk().map_or(&[], |piece| &rest[spaces(piece)..]),
            _ => return bytes.len() - rest.len(),
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
