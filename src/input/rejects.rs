//! Reads a rejects file as an input: each line holds a record that an earlier run refused and that was, presumably,
//! repaired.
//!
//! The `raw` text of each line is a small document of its own, of any layout. A place inside it is reported as the
//! offset of its line plus the offset inside the text. It is within the line, so places keep their order, but escapes
//! before it make it differ from the true offset. Lines are numbered as in the rejects file.

use base64::prelude::{BASE64_STANDARD, Engine};
use serde::Deserialize;

use super::{
    Piece, ReadOptions, RecordBlock, Unreadable,
    split::{Begin, Splitter, Step, is_rest_of_array, sniff},
    stream::copy_front,
};
use crate::{
    error::{Error, Result},
    report::{Reject, RejectKind},
};

/// Maximum factor by which a text can be longer as a JSON string (`\u0000` for one byte).
const MAX_ESCAPE_FACTOR: usize = 6;

/// A line longer than this may be at most half as long as the longest record, because its text is in memory too.
const LONG_LINE_BYTES: usize = 4 << 20;

/// Maximum length of the rest of a line, beside the raw text.
const MAX_FRAME_BYTES: usize = 64 << 10;

/// Whether an input that begins with `head` is a rejects file. Repairing may have broken the first line, so its
/// beginning suffices. `is_whole` means that `head` is the whole input.
#[must_use]
pub fn is_rejects_file(head: &[u8], is_whole: bool) -> bool {
    let member = "\"partiquet_reject\"";
    let text = head.trim_ascii_start();
    let Some(object) = text.strip_prefix(b"{") else { return false };
    if object.trim_ascii_start().starts_with(member.as_bytes()) {
        return true;
    }
    // Another program may have rewritten the file and sorted the members.
    let line = match memchr::memchr(b'\n', text) {
        Some(newline) => &text[..newline],
        None if is_whole => text,
        None => return false,
    };
    memchr::memmem::find(line, member.as_bytes()).is_some() && serde_json::from_slice::<Line>(line).is_ok()
}

/// Options for reading the lines of a rejects file: each line can hold a record of maximum length, unless that is so
/// long that the line and the record together would take too much memory.
#[must_use]
pub const fn line_options(options: ReadOptions) -> ReadOptions {
    let half = options.max_record_bytes / 2;
    let most = if half > LONG_LINE_BYTES { half } else { LONG_LINE_BYTES };
    let escaped = options.max_record_bytes.saturating_mul(MAX_ESCAPE_FACTOR);
    let max = (if escaped < most { escaped } else { most }).saturating_add(MAX_FRAME_BYTES);
    ReadOptions { max_record_bytes: max, ..options }
}

/// The members of a line that are used; the others describe the earlier refusal.
#[derive(Deserialize)]
struct Line {
    partiquet_reject: u32,
    #[serde(default)]
    is_rest: bool,
    raw: Option<String>,
    raw_base64: Option<String>,
}

/// The text that a line holds, or the error in the line and its byte offset there.
type Text = std::result::Result<Vec<u8>, (String, usize)>;

/// Converts the lines of a rejects file into pieces of the texts that they hold.
#[derive(Debug)]
pub struct Unpacker {
    file: String,
    input: usize,
    options: ReadOptions,
    /// A block of lines, processed up to `pos`.
    lines: RecordBlock,
    pos: usize,
    /// Number of lines of the file before `pos`.
    line_idx: u64,
    inner: Splitter,
    raw: Vec<u8>,
    raw_pos: usize,
}

impl Unpacker {
    /// Unpacks the rejects file that is the given input.
    #[must_use]
    pub fn new(file: &str, input: usize, options: ReadOptions) -> Self {
        let framing = super::Framing::Lines;
        Self {
            file: file.to_owned(),
            input,
            options,
            lines: RecordBlock { input, document: 0, offset: 0, bytes: Vec::new(), framing },
            pos: 0,
            line_idx: 0,
            inner: Splitter::new(options),
            raw: Vec::new(),
            raw_pos: 0,
        }
    }

    /// Takes the next piece of the file itself, once [`Unpacker::step`] has nothing left. A piece that holds no lines
    /// is returned.
    pub fn feed(&mut self, piece: Piece) -> Option<Piece> {
        match piece {
            Piece::Block(lines) => {
                self.lines = lines;
                self.pos = 0;
                None
            }
            Piece::Unreadable(line) => Some(Piece::Unreadable(Unreadable { document: self.line_idx, ..line })),
            Piece::EndOfInput { .. } => Some(piece),
        }
    }

    /// Returns the next piece of the texts in the lines.
    ///
    /// # Errors
    /// [`Error::Input`] if a reject does not hold its text, or has an unsupported version.
    pub fn step(&mut self) -> Result<Option<Piece>> {
        loop {
            match self.inner.step() {
                Step::Piece(piece) => return Ok(Some(piece)),
                Step::NeedBytes => {
                    let n = copy_front(&self.raw[self.raw_pos..], self.inner.space());
                    self.raw_pos += n;
                    self.inner.advance(n);
                }
                Step::Done => {
                    if self.pos == self.lines.bytes.len() {
                        return Ok(None);
                    }
                    if let Some(refused) = self.next_line()? {
                        return Ok(Some(refused));
                    }
                }
            }
        }
    }

    /// Begins the text of the next line, or refuses the line.
    fn next_line(&mut self) -> Result<Option<Piece>> {
        let rest = &self.lines.bytes[self.pos..];
        let len = memchr::memchr(b'\n', rest).unwrap_or(rest.len());
        let line = &rest[..len];
        let offset = self.lines.offset + self.pos as u64;
        let document = self.line_idx;
        self.pos += (len + 1).min(rest.len());
        self.line_idx += u64::from(len < rest.len());
        if line.trim_ascii().is_empty() {
            return Ok(None);
        }
        let (raw, is_rest) = match serde_json::from_slice::<Line>(line) {
            Ok(line) => {
                let is_rest = line.is_rest;
                (self.text(line, offset)?, is_rest)
            }
            Err(error) => (Err((error.to_string(), error.column().saturating_sub(1))), false),
        };
        match raw {
            Ok(mut raw) => {
                // The text refused after a fault in an array lacks the opening bracket.
                if is_rest && is_rest_of_array(&raw) {
                    raw.insert(0, b'[');
                }
                let layout = sniff(&raw);
                self.raw = raw;
                self.raw_pos = 0;
                self.inner.begin(Begin { input: self.input, document, offset, layout, options: self.options });
                Ok(None)
            }
            Err((message, column)) => Ok(Some(Piece::Unreadable(Unreadable {
                input: self.input,
                document,
                record_offset: offset,
                offset: offset + column.min(len) as u64,
                kind: RejectKind::Syntax,
                message: format!("this line of a rejects file is not a reject: {message}; each is one line (jq -c)"),
                is_rest: false,
                raw_bytes: len as u64,
                raw: (len <= self.options.max_record_bytes).then(|| line.to_vec()),
                num_newlines: 0,
                newlines_before_error: 0,
            }))),
        }
    }

    /// The refused text of a line.
    fn text(&self, line: Line, offset: u64) -> Result<Text> {
        let error = |message: String, hint: &str| {
            Err(Error::Input { file: self.file.clone(), offset, message, hint: hint.to_owned() })
        };
        if line.partiquet_reject != Reject::VERSION {
            let message =
                format!("a reject of version {}, this program reads {}", line.partiquet_reject, Reject::VERSION);
            return error(message, "convert it with the version of partiquet that wrote it");
        }
        match (line.raw, line.raw_base64) {
            (Some(raw), _) => Ok(Ok(raw.into_bytes())),
            (None, Some(base64)) => {
                Ok(BASE64_STANDARD.decode(base64).map_err(|_| ("`raw_base64` is not base64".to_owned(), 0)))
            }
            (None, None) => error(
                "this reject does not hold the text of its record, which was too long to be kept".to_owned(),
                "mend the record in the file that the reject names, convert that, and take this line out",
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rejects_file_is_known_by_its_first_member() {
        assert!(is_rejects_file(b"{\"partiquet_reject\":1,\"raw\":\"broken by hand", true));
        assert!(is_rejects_file(b"\n { \"partiquet_reject\" : 1", true));
        assert!(is_rejects_file(b"{\"file\":\"a\",\"partiquet_reject\":1}\n{}", true));
        assert!(!is_rejects_file(b"{\"file\":\"partiquet_reject\"}", true));
        assert!(!is_rejects_file(b"{\"a\":{\"partiquet_reject\":1}}\n{\"partiquet_reject\":1}", true));
        assert!(!is_rejects_file(b"[{\"partiquet_reject\":1}]", true));
        assert!(!is_rejects_file(b"", true));
        // Members in another order are seen once the line is whole.
        let sorted = b"{\"file\":\"a\",\"partiquet_reject\":1}";
        assert!(is_rejects_file(sorted, true) && !is_rejects_file(sorted, false));
    }
}
