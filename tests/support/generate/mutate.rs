//! Small damage to a text, anywhere in it.

use super::Maker;

/// Bytes and pieces that matter to a parser.
const PIECES: &[&[u8]] = &[
    b",",
    b":",
    b"{",
    b"}",
    b"[",
    b"]",
    b"\"",
    b"\\",
    b"0",
    b"-",
    b"+",
    b".",
    b"e",
    b"t",
    b"n",
    b" ",
    b"\n",
    b"\r",
    b"\t",
    b"\0",
    b"\x0b",
    b"\x1f",
    b"\x7f",
    b"/",
    b"'",
    b"null",
    b"true",
    b"\\u",
    b"\\ud800",
    b"\\udc00",
    b"\\uD83D\\uDE00",
    b"\\x41",
    b"\xef\xbb\xbf",
    b"\xff",
    b"\x80",
    b"\xc0\x80",
    b"\xed\xa0\x80",
    b"\xf4\x90\x80\x80",
    b"\xc3",
    b"\xe2\x82",
    b"\xc2\xa0",
    b"//",
    b"/**/",
    b"NaN",
    b"Infinity",
    b"{}",
    b"[]",
    b",,",
    b"\"a\":1,",
    b"\"id\":null,",
    b"1",
    b"9",
];

impl Maker<'_> {
    pub(super) fn mutate(&mut self, text: &mut Vec<u8>) {
        let at = (self.pick(1 << 16) * (text.len() + 1)) >> 16;
        let next = (at + 1).min(text.len());
        let piece = PIECES[self.pick(PIECES.len())];
        match self.pick(7) {
            0 => text.truncate(at),
            1 => drop(text.splice(at..at, piece.iter().copied())),
            2 => drop(text.drain(at..next)),
            3 => drop(text.splice(at..next, piece.iter().copied())),
            4 if next < text.len() => text.swap(at, next),
            5 => {
                let end = (at + self.pick(40)).min(text.len());
                let copy = text[at..end].to_vec();
                drop(text.splice(at..at, copy));
            }
            _ => {
                if let Some(byte) = text.get_mut(at) {
                    *byte ^= 1 << self.pick(8);
                }
            }
        }
    }
}
