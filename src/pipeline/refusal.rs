//! What refused records do to a run: the rest of a broken document, and the errors of a run that refused too many.

use crate::{
    config::MaxRejects,
    decode::DecodeReject,
    error::Error,
    input::{Framing, RecordBlock},
    report::{Reject, RejectKind},
};

/// The rest of a document after a syntax error. It is one reject, complete when the end of the document is reached.
pub struct LostDocument {
    input: usize,
    document: u64,
    reject: Reject,
    /// Its text so far; none if it is too long to be kept.
    raw: Option<Vec<u8>>,
}

impl LostDocument {
    /// Whether with this reject the rest of the block's document is lost, because no newline tells where the next
    /// record begins.
    pub fn begins_at(block: &RecordBlock, reject: &DecodeReject) -> bool {
        matches!(block.framing, Framing::Ranges(_)) && reject.is_malformed()
    }

    /// Begins with `reject`, the last one of `block`; `line` is that of the fault, or 0 if it is unknown.
    pub fn new(block: &RecordBlock, reject: DecodeReject, file: String, line: u64) -> Self {
        let raw = block.bytes[reject.record.start..].to_vec();
        // The text is kept once.
        let mut reject = rest(reject.into_reject(file, block.offset, &[], line));
        reject.raw_bytes = raw.len() as u64;
        reject.set_raw(None);
        Self { input: block.input, document: block.document, reject, raw: Some(raw) }
    }

    /// The reject with the part of its text that is in `block`, for a run that ends with it.
    pub fn only_begun(block: &RecordBlock, reject: DecodeReject, file: String, line: u64) -> Reject {
        let text = &block.bytes[reject.record.start..];
        rest(reject.into_reject(file, block.offset, text, line))
    }

    /// Index of its input.
    pub const fn input(&self) -> usize {
        self.input
    }

    /// Whether this is the document with this number in this input.
    pub const fn is_of(&self, input: usize, document: u64) -> bool {
        self.input == input && self.document == document
    }

    /// Adds the next `num_bytes` bytes of the document; they are kept if that makes at most `max_bytes` in total.
    pub fn add(&mut self, bytes: Option<&[u8]>, num_bytes: u64, max_bytes: usize) {
        self.reject.raw_bytes += num_bytes;
        self.raw = match (self.raw.take(), bytes) {
            (Some(mut raw), Some(bytes)) if raw.len() + bytes.len() <= max_bytes => {
                raw.extend_from_slice(bytes);
                Some(raw)
            }
            _ => None,
        };
    }

    /// The reject with all of its text.
    pub fn into_reject(mut self) -> Reject {
        self.reject.set_raw(self.raw.as_deref());
        self.reject
    }
}

fn rest(mut reject: Reject) -> Reject {
    reject.is_rest = true;
    reject.message += "; without lines the rest of the document cannot be told into records";
    reject
}

/// The rest of a document was refused, and the budget cannot allow it.
#[cold]
pub(super) fn rest_over_budget(reject: Reject, budget: MaxRejects) -> Error {
    let (why, how) = match budget {
        MaxRejects::Percent(_) => (
            "nobody knows how many records that is, so no percentage can allow it",
            "--max-rejects 1 (a number counts such a rest as one)",
        ),
        MaxRejects::Count(_) | MaxRejects::Unlimited => {
            ("it is too long to be kept in the rejects file", "--max-rejects unlimited")
        }
    };
    let hint = format!(
        "nothing was committed. The rest of this file would not be converted: {why}. Mend the file, or let the run go on \
         without its rest: {how}"
    );
    Error::Rejected { reject: Box::new(reject), hint }
}

/// More records were refused than the budget allows.
#[cold]
pub(super) fn over_budget(reject: Reject, rejected: u64, records: u64, budget: MaxRejects) -> Error {
    let hint = match budget {
        MaxRejects::Count(0) if reject.looks_like_csv() => {
            "nothing was committed. This looks like CSV, and JSON is read: make JSON lines of it first, with DuckDB for \
             example: COPY (FROM 'FILE.csv') TO 'FILE.ndjson' (FORMAT json)"
                .to_owned()
        }
        MaxRejects::Count(0) if reject.kind == RejectKind::Size => {
            "nothing was committed. If such a record is right, raise --max-record-size, or --memory where that is said to \
             help; or let the run go on without it: --max-rejects 1"
                .to_owned()
        }
        MaxRejects::Count(0) if reject.kind == RejectKind::Utf8 => {
            "nothing was committed. If the file is in another encoding, convert it first: iconv -f ISO-8859-1 -t UTF-8 \
             FILE | partiquet convert - --out DIR; or let the run go on without such records: --max-rejects 1"
                .to_owned()
        }
        MaxRejects::Percent(percent) => format!(
            "nothing was committed. {rejected} of {records} records were refused, more than the {percent}% that --max-rejects allows; this is \
             the first of them"
        ),
        MaxRejects::Count(0) => "nothing was committed. Mend the record, or let the run go on without it: \
                                 --max-rejects 1 (or a share such as 0.1%); refused records are kept in a file"
            .to_owned(),
        MaxRejects::Count(_) | MaxRejects::Unlimited => {
            format!("nothing was committed. This is refused record number {rejected}; --max-rejects allows fewer")
        }
    };
    Error::Rejected { reject: Box::new(reject), hint }
}
