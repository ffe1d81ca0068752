//! From names on the command line to blocks of whole records.
//!
//! ```text
//! names -> discover -> InputFile -> read -> bytes -> split -> Piece (block of records, refused text, end of input)
//!                                    stream: what can be read once       rejects: refused texts given back
//!                                    interruptible: what may be silent for hours
//! ```
//!
//! [`reader::BlockReader`] is all of it in one; [`sample`] takes a look beforehand. Everything here is sequential and
//! keeps a block and one record in memory. What comes out depends on the content of the inputs and the options alone.

pub mod digest;
pub mod discover;
mod interruptible;
pub mod read;
pub mod reader;
pub mod rejects;
pub mod sample;
pub mod split;
pub mod stream;

use std::ops::Range;

use crate::report::{Reject, RejectKind};

/// How the records of a block are told apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Framing {
    /// One record a line (NDJSON). A bad line spoils only itself.
    Lines,
    /// Records at these byte ranges of the block, found by their brackets. There is no way to find the next record
    /// after a malformed one: it spoils the rest of its document.
    Ranges(Vec<Range<usize>>),
}

/// Bytes that hold whole records of one input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordBlock {
    /// Index of the input in the run's list.
    pub input: usize,
    /// Which document of the input: what has to be given up together after a malformed record. 0, as an input is one
    /// document; in a rejects file each line is one.
    pub document: u64,
    /// Offset of the first byte in the (decompressed) input.
    pub offset: u64,
    /// The bytes: contiguous in the input, whatever stands between records included.
    pub bytes: Vec<u8>,
    /// How to tell records apart.
    pub framing: Framing,
}

/// A stretch of input that holds no record that could be decoded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unreadable {
    /// Index of the input.
    pub input: usize,
    /// Which document of the input.
    pub document: u64,
    /// Offset of the first byte of the refused text in the (decompressed) input.
    pub record_offset: u64,
    /// Offset of the error.
    pub offset: u64,
    /// Why.
    pub kind: RejectKind,
    /// What is wrong, in words.
    pub message: String,
    /// Whether it is all that is left of a document.
    pub is_rest: bool,
    /// Length of the refused text.
    pub raw_bytes: u64,
    /// The text itself unless it is longer than the record size limit.
    pub raw: Option<Vec<u8>>,
    /// Newlines in the refused text, so that line numbers stay right after it.
    pub num_newlines: u64,
    /// Newlines in the refused text before the error.
    pub newlines_before_error: u64,
}

impl Unreadable {
    /// As it is reported: `file` is the name of its input, `line` the line of the error (0 if that is not known).
    #[must_use]
    pub fn into_reject(self, file: String, line: u64) -> Reject {
        let mut reject = Reject {
            partiquet_reject: Reject::VERSION,
            file,
            offset: self.offset,
            line,
            record_offset: self.record_offset,
            kind: self.kind,
            path: String::new(),
            is_rest: self.is_rest,
            message: self.message,
            raw_bytes: self.raw_bytes,
            raw: None,
            raw_base64: None,
        };
        reject.set_raw(self.raw.as_deref());
        reject
    }
}

/// What the splitter hands on, in input order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    /// Records to decode.
    Block(RecordBlock),
    /// Bytes to refuse.
    Unreadable(Unreadable),
    /// An input was read to its end.
    EndOfInput {
        /// Index of the input.
        input: usize,
        /// Bytes as stored.
        bytes: u64,
        /// XXH3-128 of the bytes as stored.
        digest: u128,
    },
}

/// Limits of reading.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReadOptions {
    /// Bytes of a block; it grows only for a longer record.
    pub block_bytes: usize,
    /// Longest record, in bytes.
    pub max_record_bytes: usize,
}

impl Default for ReadOptions {
    fn default() -> Self {
        Self { block_bytes: Self::BLOCK_BYTES, max_record_bytes: Self::MAX_RECORD_BYTES }
    }
}

impl ReadOptions {
    /// About 1 MiB: small enough to stay in the caches on its way, large enough that handing it on costs nothing.
    pub const BLOCK_BYTES: usize = 1 << 20;
    /// Far above what an API answers, low enough that a missing newline does not eat the memory.
    pub const MAX_RECORD_BYTES: usize = 64 << 20;
}
