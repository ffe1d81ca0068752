//! A refused record: its place, the reason, and its text, so that it can be repaired and converted.

use std::fmt;

use base64::prelude::{BASE64_STANDARD, Engine};
use serde::{Deserialize, Serialize};

/// Why a record was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum RejectKind {
    /// Not JSON by RFC 8259.
    Syntax,
    /// Bytes that are not UTF-8.
    Utf8,
    /// Nested deeper than the limit.
    Depth,
    /// A member occurs twice in one object.
    Duplicate,
    /// The envelope holds something else instead of the participants.
    Envelope,
    /// Longer than a limit.
    Size,
    /// Valid JSON, but not an object.
    NotObject,
    /// An attribute key without a column, in a table without an attribute map.
    Attribute,
}

impl RejectKind {
    /// The name used in files and messages.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Syntax => "syntax",
            Self::Utf8 => "utf8",
            Self::Depth => "depth",
            Self::Duplicate => "duplicate",
            Self::Envelope => "envelope",
            Self::Size => "size",
            Self::NotObject => "not-object",
            Self::Attribute => "attribute",
        }
    }
}

/// One refused record, in the form of the rejects file (one JSON object per line).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reject {
    /// Marks the line as a reject of this format version, so that the file can be read back as an input.
    pub partiquet_reject: u32,
    /// The input's name.
    pub file: String,
    /// Byte offset of the error in the (decompressed) input.
    pub offset: u64,
    /// Line of the error, from 1; 0 if it is unknown.
    pub line: u64,
    /// Byte offset at which the record begins.
    pub record_offset: u64,
    /// Kind of the error.
    pub kind: RejectKind,
    /// JSON Pointer from the record's root to the place of the error; empty for the root.
    pub path: String,
    /// What is wrong there, in words.
    pub message: String,
    /// Whether the text is the rest of a document after a fault, whose records cannot be told apart.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_rest: bool,
    /// Length of the refused text in bytes.
    pub raw_bytes: u64,
    /// The refused text; absent when it is not UTF-8 or longer than the record size limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub raw: Option<String>,
    /// The refused bytes in base64, when they are not UTF-8.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub raw_base64: Option<String>,
}

impl Reject {
    /// Format version of the rejects file.
    pub const VERSION: u32 = 1;

    /// Maximum number of bytes shown on either side of an error.
    const EXCERPT_BYTES: usize = 40;

    /// Longer records are not repeated in the report.
    const LONG_RAW_BYTES: usize = 64 << 10;

    /// Drops the record's text if it is long: the rejects file has it, and a report should stay readable.
    pub(crate) fn forget_long_raw(&mut self) {
        let raw = self.raw.as_ref().or(self.raw_base64.as_ref());
        if raw.is_some_and(|raw| raw.len() > Self::LONG_RAW_BYTES) {
            (self.raw, self.raw_base64) = (None, None);
        }
    }

    /// Stores the refused bytes: as text, or in base64 if they are not UTF-8.
    pub fn set_raw(&mut self, raw: Option<&[u8]>) {
        (self.raw, self.raw_base64) = match raw.map(str::from_utf8) {
            None => (None, None),
            Some(Ok(text)) => (Some(text.to_owned()), None),
            Some(Err(_)) => (None, raw.map(|raw| BASE64_STANDARD.encode(raw))),
        };
    }

    /// Whether the reject keeps the refused bytes.
    #[must_use]
    pub const fn has_raw(&self) -> bool {
        self.raw.is_some() || self.raw_base64.is_some()
    }

    /// Whether this looks like the first line of a table: separated values, and none of JSON's brackets.
    #[must_use]
    pub fn looks_like_csv(&self) -> bool {
        let is_first = self.record_offset == 0 && self.line <= 1;
        let line = self.raw.as_deref().and_then(|raw| raw.lines().next()).unwrap_or_default();
        is_first
            && matches!(self.kind, RejectKind::Syntax | RejectKind::NotObject)
            && line.contains([',', ';', '\t'])
            && !line.contains(['{', '}', '[', ']'])
    }

    /// Two lines: the text around the error, and a caret below it; `None` if the text was not kept.
    #[must_use]
    pub fn excerpt(&self) -> Option<String> {
        let raw = self.raw.as_deref()?;
        let at = usize::try_from(self.offset.checked_sub(self.record_offset)?).ok()?.min(raw.len());
        let start = raw.floor_char_boundary(at.saturating_sub(Self::EXCERPT_BYTES));
        let end = raw.ceil_char_boundary(at.saturating_add(Self::EXCERPT_BYTES).min(raw.len()));
        let printable = |text: &str| text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect::<String>();
        let before = printable(&raw[start..raw.floor_char_boundary(at)]);
        let after = printable(&raw[raw.floor_char_boundary(at)..end]);
        Some(format!("{before}{after}\n{:>width$}", "^", width = before.chars().count() + 1))
    }
}

impl fmt::Display for Reject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, ", self.file)?;
        if self.line > 0 {
            write!(f, "line {}, ", self.line)?;
        }
        write!(f, "byte {}", self.offset)?;
        if !self.path.is_empty() {
            write!(f, ", at {}", self.path)?;
        }
        write!(f, ": {}", self.message)?;
        if let Some(excerpt) = self.excerpt() {
            for line in excerpt.lines() {
                write!(f, "\n    {line}")?;
            }
        }
        Ok(())
    }
}
