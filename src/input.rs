//! Turns names from the command line into blocks of whole records.
//!
//! ```text
//! names -> discover -> InputFile -> read -> bytes -> split -> Piece (block of records, refused text, end of input)
//!                                    stream: what can be read once       rejects: refused texts read again
//!                                    interruptible: what may be silent for hours    foreign: what is no JSON
//! ```
//!
//! [`reader::BlockReader`] combines all of it; [`sample`] reads a part beforehand. Everything here is sequential and
//! keeps a block and one record in memory. The output depends only on the content of the inputs and on the options.

pub mod digest;
pub mod discover;
mod foreign;
mod interruptible;
pub mod read;
pub mod reader;
pub mod rejects;
pub mod sample;
pub mod split;
pub mod stream;

use std::ops::Range;

use crate::{
    config::Config,
    report::{Reject, RejectKind},
};

/// How the records of a block are delimited.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Framing {
    /// One record per line (NDJSON). A malformed line affects only itself.
    Lines,
    /// Records at these byte ranges of the block, found by their brackets. The next record after a malformed one cannot
    /// be found, so the rest of its document is lost.
    Ranges(Vec<Range<usize>>),
}

/// Bytes that hold whole records of one input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordBlock {
    /// Index of the input in the run's list.
    pub input: usize,
    /// Number of the document within the input: the unit that is given up after a malformed record. An input is one
    /// document, number 0; in a rejects file each line is one.
    pub document: u64,
    /// Offset of the first byte in the (decompressed) input.
    pub offset: u64,
    /// The bytes: contiguous in the input, including whatever is between the records.
    pub bytes: Vec<u8>,
    /// How the records are delimited.
    pub framing: Framing,
}

/// A stretch of input without a decodable record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unreadable {
    /// Index of the input.
    pub input: usize,
    /// Number of the document within the input.
    pub document: u64,
    /// Offset of the first byte of the refused text in the (decompressed) input.
    pub record_offset: u64,
    /// Offset of the error in the (decompressed) input.
    pub offset: u64,
    /// Kind of the error.
    pub kind: RejectKind,
    /// What is wrong, in words.
    pub message: String,
    /// Whether it is the whole rest of a document.
    pub is_rest: bool,
    /// Length of the refused text, in bytes.
    pub raw_bytes: u64,
    /// The text itself, unless it is longer than the record size limit.
    pub raw: Option<Vec<u8>>,
    /// Newlines in the refused text, so that line numbers stay right after it.
    pub num_newlines: u64,
    /// Newlines in the refused text before the error.
    pub newlines_before_error: u64,
}

impl Unreadable {
    /// Converts it to its reported form: `file` is the name of its input, `line` the line of the error (0 if unknown).
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

/// What the splitter passes on, in input order.
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
        /// What it contained.
        content: InputContent,
    },
}

/// What identifies the content of an input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InputContent {
    /// Size as stored, in bytes.
    pub bytes: u64,
    /// XXH3-128 of the bytes as stored.
    pub digest: u128,
    /// XXH3-128 of the first of them, as many as [`InputContent::head_bytes`] says.
    pub head_digest: u128,
    /// XXH3-128 of the decompressed bytes; `None` if the input is not compressed, since it would equal `digest`.
    pub text_digest: Option<u128>,
}

impl InputContent {
    /// Enough to tell nearly all files apart, and read in no time.
    const MAX_HEAD_BYTES: u64 = 4096;

    /// How many bytes of an input of this size its head digest covers: a power of two, so that few digests of another
    /// input tell whether it begins like any of many.
    #[must_use]
    pub fn head_bytes(bytes: u64) -> u64 {
        bytes.min(Self::MAX_HEAD_BYTES).checked_ilog2().map_or(0, |exponent| 1 << exponent)
    }
}

/// Limits of reading.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReadOptions {
    /// Size of a block in bytes; a block grows only for a longer record.
    pub block_bytes: usize,
    /// Maximum length of a record, in bytes.
    pub max_record_bytes: usize,
    /// If more than this of a refused text had to be skipped to find its end, the input is not read further, bytes.
    pub max_skipped_bytes: u64,
}

impl ReadOptions {
    /// Clamps the limits to what a buffer can hold, because it must hold the longest record.
    #[must_use]
    pub fn within_limits(self) -> Self {
        let most = Config::MAX_MAX_RECORD_BYTES;
        let (block_bytes, max_record_bytes) = (self.block_bytes.clamp(1, most), self.max_record_bytes.min(most));
        Self { block_bytes, max_record_bytes, ..self }
    }
}

impl Default for ReadOptions {
    fn default() -> Self {
        let (block_bytes, max_record_bytes) = (Self::BLOCK_BYTES, Self::MAX_RECORD_BYTES);
        Self { block_bytes, max_record_bytes, max_skipped_bytes: u64::MAX }
    }
}

impl ReadOptions {
    /// About 1 MiB: small enough to stay in the caches, large enough that passing it on costs nothing.
    pub const BLOCK_BYTES: usize = 1 << 20;
    /// Far above what an API returns, and low enough that a missing newline does not use up the memory.
    pub const MAX_RECORD_BYTES: usize = Config::DEFAULT_MAX_RECORD_BYTES;
}
