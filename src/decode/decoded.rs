//! The result of decoding a block: its rows and its counts.

use std::ops::Range;

use super::{fault::Fault, tally::PathTally};
use crate::{
    columns::Columns,
    report::{Reject, RejectKind},
};

/// The rows of a block, and what became of its records and values.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct DecodedBlock {
    /// The rows, in input order.
    pub columns: Columns,
    /// Number of newlines in the block.
    pub num_newlines: u64,
    /// Number of records, kept and refused.
    pub num_records: u64,
    /// Number of records kept.
    pub num_kept: u64,
    /// Number of kept records without a participant.
    pub records_without_rows: u64,
    /// Refused records, in input order. In a block whose records are delimited by brackets alone
    /// ([`Framing::Ranges`](crate::input::Framing::Ranges)), decoding ends at the first malformed one.
    pub rejects: Vec<DecodeReject>,
    /// What became of the values, by path.
    pub tallies: Vec<PathTally>,
}

/// A refused record. Offsets count from the block's first byte.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct DecodeReject {
    /// Why the record is refused.
    pub kind: RejectKind,
    /// Offset of the fault.
    pub offset: usize,
    /// Range of the record's text.
    pub record: Range<usize>,
    /// JSON Pointer from the record's root to the fault.
    pub path: String,
    /// What is wrong, in words.
    pub message: String,
}

impl DecodeReject {
    /// The reject as written to the rejects file. `block_offset` is the block's offset in the input, `line` the line of
    /// the fault or 0 if it is unknown, and `text` the refused text.
    #[must_use]
    pub fn into_reject(self, file: String, block_offset: u64, text: &[u8], line: u64) -> Reject {
        let mut reject = Reject {
            partiquet_reject: Reject::VERSION,
            file,
            offset: block_offset + self.offset as u64,
            line,
            record_offset: block_offset + self.record.start as u64,
            kind: self.kind,
            path: self.path,
            is_rest: false,
            message: self.message,
            raw_bytes: text.len() as u64,
            raw: None,
            raw_base64: None,
        };
        reject.set_raw(Some(text));
        reject
    }

    /// Whether the text is malformed, so that in input without lines nothing after it can be trusted.
    #[must_use]
    pub const fn is_malformed(&self) -> bool {
        matches!(self.kind, RejectKind::Syntax | RejectKind::Utf8)
    }
}

impl DecodedBlock {
    /// Allocated bytes, including those of rejects: a line of two bytes can cause a reject of more than a hundred.
    #[must_use]
    pub fn byte_capacity(&self) -> usize {
        let texts = |reject: &DecodeReject| reject.path.capacity() + reject.message.capacity();
        self.columns.byte_capacity()
            + self.rejects.capacity() * size_of::<DecodeReject>()
            + self.rejects.iter().map(texts).sum::<usize>()
    }

    pub(super) fn accept(&mut self, num_rows: usize) {
        self.num_kept += 1;
        self.records_without_rows += u64::from(num_rows == 0);
    }

    /// Refuses a record. Its range and the offset of the fault are relative to `origin`.
    #[cold]
    pub(super) fn refuse(&mut self, fault: Fault, record: Range<usize>, origin: usize) {
        let path = fault.pointer();
        let Fault { kind, offset, message, .. } = fault;
        let (offset, record) = (origin + offset, origin + record.start..origin + record.end);
        self.rejects.push(DecodeReject { kind, offset, record, path, message: message.into_owned() });
    }
}
