//! A strict reader of JSON tokens (RFC 8259) over a slice of bytes.
//!
//! It knows the grammar and nothing of columns. Every function leaves the position behind what it read, or returns the
//! fault with its exact offset. UTF-8 is checked elsewhere, for a whole block at a time.

use super::{
    fault::{Fault, Parse},
    string::{PIECE_BYTES, hex4, plain_bytes},
};
use crate::report::RejectKind;

/// Deepest nesting of a record, its root included. Real payloads have nine levels; the limit keeps hostile input from
/// exhausting the stack.
pub const MAX_DEPTH: u32 = 64;

/// A string as it stands in the input, without its quotes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct StringToken {
    pub start: usize,
    pub end: usize,
    /// Whether it holds a backslash.
    pub escaped: bool,
}

#[derive(Debug, Clone)]
pub(super) struct Cursor<'a> {
    pub bytes: &'a [u8],
    pub pos: usize,
    depth: u32,
    /// In line-delimited input a newline ends the record, so it is not white space.
    newline_is_space: bool,
}

impl<'a> Cursor<'a> {
    pub fn new(bytes: &'a [u8], pos: usize, newline_is_space: bool) -> Self {
        Self { bytes, pos, depth: 0, newline_is_space }
    }

    #[inline(always)]
    pub fn peek(&self) -> u8 {
        // NUL stands for the end: it begins no token, so both end up as "unexpected".
        self.bytes.get(self.pos).copied().unwrap_or(0)
    }

    /// The bytes from the position on, if there are so many.
    #[inline(always)]
    pub fn window<const N: usize>(&self) -> Option<&'a [u8; N]> {
        self.bytes.get(self.pos..)?.first_chunk()
    }

    /// Steps over what is known to stand at the position, and the space behind it.
    #[inline(always)]
    pub fn step_over(&mut self, length: usize) {
        self.pos += length;
        self.skip_space();
    }

    /// Skips white space; usually there is none.
    #[inline(always)]
    pub fn skip_space(&mut self) {
        if self.peek() <= b' ' {
            self.skip_space_slow();
        }
    }

    #[inline(never)]
    fn skip_space_slow(&mut self) {
        while let Some(&byte) = self.bytes.get(self.pos) {
            match byte {
                b' ' | b'\t' | b'\r' => self.pos += 1,
                b'\n' if self.newline_is_space => self.pos += 1,
                _ => return,
            }
        }
    }

    /// Enters an object or a list whose bracket is at the position.
    #[inline(always)]
    pub fn enter(&mut self) -> Parse<()> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(Fault::new(
                RejectKind::Depth,
                self.pos,
                format!("nested deeper than {MAX_DEPTH} levels of objects and lists"),
            ));
        }
        self.pos += 1;
        Ok(())
    }

    /// Leaves it, behind its closing bracket.
    #[inline(always)]
    pub fn leave(&mut self) {
        self.pos += 1;
        self.depth -= 1;
    }

    /// After `{` or `[`: whether it is closed at once. Otherwise the position is on the first key or value.
    #[inline(always)]
    pub fn closes_at_once(&mut self, close: u8) -> bool {
        self.skip_space();
        if self.peek() == close {
            self.leave();
            return true;
        }
        false
    }

    /// After a value: true at a comma (position on what follows it), false at the closing bracket (position behind it).
    #[inline(always)]
    pub fn next_or_close(&mut self, close: u8) -> Parse<bool> {
        let goes_on = self.comma_or(close)?;
        if !goes_on {
            self.leave();
        }
        Ok(goes_on)
    }

    /// After a value: true behind a comma and the space that follows it, false on the closing bracket.
    #[inline(always)]
    pub fn comma_or(&mut self, close: u8) -> Parse<bool> {
        self.skip_space();
        let byte = self.peek();
        if byte == b',' {
            self.pos += 1;
            self.skip_space();
            return Ok(true);
        }
        if byte == close {
            return Ok(false);
        }
        Err(self.unexpected(if close == b'}' { "a comma or '}'" } else { "a comma or ']'" }))
    }

    /// Reads a member's name.
    #[inline(always)]
    pub fn key(&mut self) -> Parse<StringToken> {
        if self.peek() != b'"' {
            return Err(self.unexpected("a member's name in quotes"));
        }
        self.string()
    }

    /// Reads a value that is neither an object nor a list.
    pub fn leaf(&mut self) -> Parse<()> {
        match self.peek() {
            b'"' => self.string().map(drop),
            b't' => self.literal(b"true"),
            b'f' => self.literal(b"false"),
            b'n' => self.literal(b"null"),
            b'-' | b'0'..=b'9' => self.number().map(drop),
            _ => Err(self.unexpected("a JSON value")),
        }
    }

    /// Checks that nothing is left of the bytes.
    pub fn at_end(&self) -> Parse<()> {
        if self.pos == self.bytes.len() { Ok(()) } else { Err(self.unexpected("the end of the record")) }
    }

    /// Reads the colon behind a key and the space around it.
    #[inline(always)]
    pub fn colon(&mut self) -> Parse<()> {
        self.skip_space();
        if self.peek() != b':' {
            return Err(self.unexpected("':' after a member's name"));
        }
        self.pos += 1;
        self.skip_space();
        Ok(())
    }

    #[cold]
    pub fn unexpected(&self, wanted: &str) -> Box<Fault> {
        let message = match self.bytes.get(self.pos) {
            None => format!("the text ends where {wanted} should stand"),
            Some(b'\n') => format!("the line ends where {wanted} should stand"),
            Some(&byte) if byte.is_ascii_graphic() => format!("found '{}' where {wanted} should stand", byte as char),
            Some(&byte) => format!("found byte 0x{byte:02x} where {wanted} should stand"),
        };
        Fault::syntax(self.pos, message)
    }

    /// Reads a string; the position is on its opening quote.
    #[inline(always)]
    pub fn string(&mut self) -> Parse<StringToken> {
        let start = self.pos + 1;
        let mut pos = start;
        while let Some(piece) = self.bytes.get(pos..).and_then(<[u8]>::first_chunk::<PIECE_BYTES>) {
            if let Some(plain) = plain_bytes(piece) {
                pos += plain;
                if self.bytes[pos] == b'"' {
                    self.pos = pos + 1;
                    return Ok(StringToken { start, end: pos, escaped: false });
                }
                break;
            }
            pos += PIECE_BYTES;
        }
        self.string_slow(start, pos)
    }

    /// Goes on with a string byte by byte: at its end in the block, at an escape, or at a fault.
    #[inline(never)]
    fn string_slow(&mut self, start: usize, from: usize) -> Parse<StringToken> {
        let mut pos = from;
        let mut escaped = false;
        loop {
            match self.bytes.get(pos) {
                Some(b'"') => {
                    self.pos = pos + 1;
                    return Ok(StringToken { start, end: pos, escaped });
                }
                Some(b'\\') => {
                    escaped = true;
                    pos = self.escape(pos)?;
                }
                Some(0..=0x1f) => {
                    return Err(Fault::syntax(
                        pos,
                        if self.bytes[pos] == b'\n' {
                            "the line ends inside a string".into()
                        } else {
                            format!("control character 0x{:02x} inside a string must be escaped", self.bytes[pos])
                        },
                    ));
                }
                Some(_) => pos += 1,
                None => return Err(Fault::syntax(pos, "the text ends inside a string")),
            }
        }
    }

    /// Checks the escape at `pos`; gives the position behind it.
    fn escape(&self, pos: usize) -> Parse<usize> {
        match self.bytes.get(pos + 1) {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => Ok(pos + 2),
            Some(b'u') => match self.code_unit(pos)? {
                0xdc00..=0xdfff => Err(Fault::syntax(pos, "a low surrogate without the high one before it")),
                0xd800..=0xdbff => {
                    let paired = self.bytes.get(pos + 6..pos + 8) == Some(b"\\u")
                        && matches!(self.code_unit(pos + 6)?, 0xdc00..=0xdfff);
                    if paired {
                        Ok(pos + 12)
                    } else {
                        Err(Fault::syntax(pos, "a high surrogate without the low one behind it"))
                    }
                }
                _ => Ok(pos + 6),
            },
            Some(_) => Err(Fault::syntax(pos, "an escape that JSON does not know")),
            None => Err(Fault::syntax(pos + 1, "the text ends inside a string")),
        }
    }

    /// The code unit of `\uXXXX` at `pos`.
    fn code_unit(&self, pos: usize) -> Parse<u16> {
        hex4(self.bytes.get(pos + 2..pos + 6).unwrap_or_default())
            .ok_or_else(|| Fault::syntax(pos, "\\u without four hexadecimal digits behind it"))
    }

    /// Reads a number token; the position is on its first byte (a digit or a minus).
    #[inline]
    pub fn number(&mut self) -> Parse<&'a [u8]> {
        let bytes = self.bytes;
        let start = self.pos;
        if self.peek() == b'-' {
            self.pos += 1;
        }
        match self.peek() {
            b'0' => self.pos += 1,
            b'1'..=b'9' => self.skip_digits(),
            _ => return Err(self.unexpected("a digit")),
        }
        if self.peek() == b'.' {
            self.pos += 1;
            self.some_digits()?;
        }
        if matches!(self.peek(), b'e' | b'E') {
            self.pos += 1;
            if matches!(self.peek(), b'+' | b'-') {
                self.pos += 1;
            }
            self.some_digits()?;
        }
        if self.peek().is_ascii_digit() {
            return Err(Fault::syntax(self.pos, "a number must not begin with a zero"));
        }
        Ok(&bytes[start..self.pos])
    }

    #[inline(always)]
    fn skip_digits(&mut self) {
        while self.peek().is_ascii_digit() {
            self.pos += 1;
        }
    }

    fn some_digits(&mut self) -> Parse<()> {
        if !self.peek().is_ascii_digit() {
            return Err(self.unexpected("a digit"));
        }
        self.skip_digits();
        Ok(())
    }

    /// Reads `true`, `false` or `null` as `word`; the position is on its first letter.
    #[inline(always)]
    pub fn literal(&mut self, word: &'static [u8]) -> Parse<()> {
        if self.bytes.get(self.pos..self.pos + word.len()) == Some(word) {
            self.pos += word.len();
            return Ok(());
        }
        Err(self.unexpected("a JSON value"))
    }
}
