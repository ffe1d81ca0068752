//! A strict reader of JSON tokens (RFC 8259).
//!
//! It knows the grammar and nothing of columns. Every function leaves the position after what it read, or returns the
//! fault with its exact offset. UTF-8 is checked elsewhere, for a whole block at a time.

use super::{
    fault::{Fault, Parse},
    padded::Padded,
    string::{hex4, unescape},
};
use crate::{report::RejectKind, simd::LANES};

/// Maximum nesting of a record, its root included. Real payloads have nine levels; the limit keeps hostile input from
/// exhausting the stack.
pub const MAX_DEPTH: u32 = 64;

/// A string of the input, without its quotes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct StringToken {
    pub start: usize,
    pub end: usize,
    /// Whether it holds a backslash.
    pub escaped: bool,
}

#[derive(Debug, Clone)]
pub(super) struct Cursor<'a> {
    pub input: Padded<'a>,
    depth: u32,
    /// In line-delimited input a newline ends the record, so it is not white space.
    pub newline_is_space: bool,
}

impl<'a> Cursor<'a> {
    /// Reads the record at the position of `input`.
    pub const fn new(input: Padded<'a>, newline_is_space: bool) -> Self {
        Self { input, depth: 0, newline_is_space }
    }

    /// The whole text.
    pub fn text(&self) -> &'a [u8] {
        self.input.text()
    }

    #[inline(always)]
    pub const fn pos(&self) -> usize {
        self.input.pos()
    }

    /// Returns to an earlier position.
    pub fn go_back(&mut self, pos: usize) {
        self.input.go_to(pos);
    }

    /// The byte at the position. At the end of the text it is the byte after it, which is never read as a token: either
    /// a newline comes before it, or it is padding, which begins no token.
    #[inline(always)]
    pub fn peek(&self) -> u8 {
        self.input.peek()
    }

    /// Steps over `length` bytes that were already examined.
    #[inline(always)]
    pub fn step_over(&mut self, length: usize) {
        self.input.step_over(length);
    }

    /// Skips white space; usually there is none.
    #[inline(always)]
    pub fn skip_space(&mut self) {
        if self.peek() <= b' ' {
            self.input.skip_space(self.newline_is_space);
        }
    }

    /// Enters an object or a list whose bracket is at the position.
    #[inline(always)]
    pub fn enter(&mut self) -> Parse<()> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(self.too_deep());
        }
        self.step_over(1);
        Ok(())
    }

    #[cold]
    fn too_deep(&self) -> Box<Fault> {
        let message = format!("nested deeper than {MAX_DEPTH} levels of objects and lists");
        Fault::new(RejectKind::Depth, self.pos(), message)
    }

    /// Leaves an object or a list whose closing bracket is at the position.
    #[inline(always)]
    pub fn leave(&mut self) {
        self.step_over(1);
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

    /// After a value: true at a comma (the position moves to what follows it), false at the closing bracket (the
    /// position moves past it).
    #[inline(always)]
    pub fn next_or_close(&mut self, close: u8) -> Parse<bool> {
        let goes_on = self.comma_or(close)?;
        if goes_on {
            self.skip_space();
        } else {
            self.leave();
        }
        Ok(goes_on)
    }

    /// After a value: true at a comma (the position moves past it), false at the closing bracket (the position stays on
    /// it).
    #[inline(always)]
    pub fn comma_or(&mut self, close: u8) -> Parse<bool> {
        if self.peek() == b',' {
            self.step_over(1);
            return Ok(true);
        }
        if self.peek() == close { Ok(false) } else { self.comma_or_slow(close) }
    }

    /// The same, with white space allowed before it.
    #[inline(never)]
    pub fn comma_or_slow(&mut self, close: u8) -> Parse<bool> {
        self.skip_space();
        match self.peek() {
            b',' => self.step_over(1),
            byte if byte == close => return Ok(false),
            _ => return Err(self.unexpected(if close == b'}' { "a comma or '}'" } else { "a comma or ']'" })),
        }
        Ok(true)
    }

    /// Reads a member's name.
    #[inline(always)]
    pub fn key(&mut self) -> Parse<StringToken> {
        if self.peek() != b'"' {
            return Err(self.unexpected("a member's name in quotes"));
        }
        self.string()
    }

    /// Reads a member's name and appends its text to `out`.
    #[inline(always)]
    pub fn key_into(&mut self, out: &mut Vec<u8>) -> Parse<()> {
        if self.peek() != b'"' {
            return Err(self.unexpected("a member's name in quotes"));
        }
        self.string_into(out)
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

    /// Checks that the record ends here: with the text or, in line-delimited input, with its line.
    #[inline(always)]
    pub fn end_of_record(&mut self) -> Parse<()> {
        if !self.newline_is_space {
            self.skip_space();
            if self.peek() == b'\n' {
                return Ok(());
            }
        }
        if self.is_at_end() { Ok(()) } else { Err(self.unexpected("the end of the record")) }
    }

    /// Whether the position is at the end of the text.
    pub fn is_at_end(&self) -> bool {
        self.pos() == self.text().len()
    }

    /// Reads the colon after a key and the white space around it.
    #[inline(always)]
    pub fn colon(&mut self) -> Parse<()> {
        self.skip_space();
        if self.peek() != b':' {
            return Err(self.unexpected("':' after a member's name"));
        }
        self.step_over(1);
        self.skip_space();
        Ok(())
    }

    #[cold]
    pub fn unexpected(&self, wanted: &str) -> Box<Fault> {
        let message = match self.text().get(self.pos()) {
            None => format!("the text ends where {wanted} should stand"),
            Some(b'\n') => format!("the line ends where {wanted} should stand"),
            Some(&byte) if byte.is_ascii_graphic() => format!("found '{}' where {wanted} should stand", byte as char),
            Some(&byte) => format!("found byte 0x{byte:02x} where {wanted} should stand"),
        };
        Fault::syntax(self.pos(), message)
    }

    /// Reads a string; the position is on its opening quote.
    #[inline(always)]
    pub fn string(&mut self) -> Parse<StringToken> {
        let start = self.pos() + 1;
        let (end, stop) = self.input.plain_end(start, usize::MAX, |_| {});
        if stop == b'"' {
            self.input.go_to(end + 1);
            return Ok(StringToken { start, end, escaped: false });
        }
        self.string_slow(start, end)
    }

    /// Reads a string and appends its text to `out`.
    #[inline(always)]
    pub fn string_into(&mut self, out: &mut Vec<u8>) -> Parse<()> {
        if self.input.plain_string_into(out) { Ok(()) } else { self.string_into_slow(out) }
    }

    #[inline(never)]
    fn string_into_slow(&mut self, out: &mut Vec<u8>) -> Parse<()> {
        let token = self.string()?;
        unescape(&self.text()[token.start..token.end], out);
        Ok(())
    }

    /// Reads the rest of a string byte by byte, from `from` on, where its plain part ends with an escape, a fault or
    /// the end of the text.
    #[inline(never)]
    fn string_slow(&mut self, start: usize, from: usize) -> Parse<StringToken> {
        let text = self.text();
        let mut pos = from.min(text.len());
        let (mut escaped, mut plain_run) = (false, 0);
        loop {
            match text.get(pos) {
                Some(b'"') => {
                    self.input.go_to(pos + 1);
                    return Ok(StringToken { start, end: pos, escaped });
                }
                Some(b'\\') => {
                    (escaped, plain_run) = (true, 0);
                    pos = self.escape(pos)?;
                }
                Some(b'\n') => return Err(Fault::syntax(pos, "the line ends inside a string")),
                Some(byte @ 0..=0x1f) => {
                    let message = format!("control character 0x{byte:02x} inside a string must be escaped");
                    return Err(Fault::syntax(pos, message));
                }
                Some(_) => {
                    pos += 1;
                    plain_run += 1;
                    // Dense escapes are faster byte by byte; a long plain run is scanned in lanes.
                    if plain_run == LANES {
                        pos = self.input.plain_end(pos, usize::MAX, |_| {}).0.min(text.len());
                    }
                }
                None => return Err(Fault::syntax(pos, "the text ends inside a string")),
            }
        }
    }

    /// Checks the escape at `pos` and returns the position after it.
    fn escape(&self, pos: usize) -> Parse<usize> {
        match self.text().get(pos + 1) {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => Ok(pos + 2),
            Some(b'u') => match self.code_unit(pos)? {
                0xdc00..=0xdfff => Err(Fault::syntax(pos, "a low surrogate without the high one before it")),
                0xd800..=0xdbff => {
                    let paired = self.text().get(pos + 6..pos + 8) == Some(b"\\u")
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
        hex4(self.text().get(pos + 2..pos + 6).unwrap_or_default())
            .ok_or_else(|| Fault::syntax(pos, "\\u without four hexadecimal digits behind it"))
    }

    /// Reads a number token; the position is on its first byte (a digit or a minus).
    #[inline]
    pub fn number(&mut self) -> Parse<&'a [u8]> {
        let start = self.pos();
        if self.peek() == b'-' {
            self.step_over(1);
        }
        match self.peek() {
            b'0' => self.step_over(1),
            b'1'..=b'9' => self.skip_digits(),
            _ => return Err(self.unexpected("a digit")),
        }
        if self.peek() == b'.' {
            self.step_over(1);
            self.some_digits()?;
        }
        if matches!(self.peek(), b'e' | b'E') {
            self.step_over(1);
            if matches!(self.peek(), b'+' | b'-') {
                self.step_over(1);
            }
            self.some_digits()?;
        }
        if self.peek().is_ascii_digit() {
            return Err(Fault::syntax(self.pos(), "a number must not begin with a zero"));
        }
        Ok(&self.text()[start..self.pos()])
    }

    #[inline(always)]
    fn skip_digits(&mut self) {
        while self.peek().is_ascii_digit() {
            self.step_over(1);
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
        if self.input.window()[..word.len()] == *word {
            self.step_over(word.len());
            return Ok(());
        }
        Err(self.unexpected("a JSON value"))
    }
}
