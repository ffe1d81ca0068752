//! Cuts the bytes of an input into blocks of whole records, without any I/O.
//!
//! The caller fills [`Splitter::space`], reports it with [`Splitter::advance`], and takes pieces with
//! [`Splitter::step`].
//! Guarantees:
//! - pieces follow each other without a gap: blocks and refused stretches together cover all bytes;
//! - the cuts depend only on the bytes and the options, never on how the bytes arrived: a buffer is always filled to
//!   its target before it is inspected;
//! - at most a block and a record that began in it are kept; only the part of a block after its last cut is copied.

mod document;
mod scan;
mod sniff;

pub use self::sniff::{Layout, SNIFF_BYTES, Sniffer, is_rest_of_array, sniff};

use memchr::{memchr, memchr_iter, memrchr};

use self::document::{DocumentFault, DocumentScan};
use super::{Framing, Piece, ReadOptions, RecordBlock, Unreadable};
use crate::report::RejectKind;

/// The text that a splitter is about to cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Begin {
    /// Index of the input.
    pub input: usize,
    /// Number of the document within the input.
    pub document: u64,
    /// Offset of the first byte.
    pub offset: u64,
    /// How records are delimited.
    pub layout: Layout,
    /// Limits of blocks and records.
    pub options: ReadOptions,
}

/// The result of [`Splitter::step`].
#[derive(Debug, PartialEq, Eq)]
pub enum Step {
    /// The next piece.
    Piece(Piece),
    /// More bytes are needed, or [`Splitter::advance`] with 0 at the end.
    NeedBytes,
    /// The whole text has been cut.
    Done,
}

/// Cuts one text after another.
#[derive(Debug)]
pub struct Splitter {
    begin: Begin,
    stage: Stage,
    /// The scan of a text that is not line-delimited.
    scan: DocumentScan,
    /// Fully initialised; the first `filled` bytes are those of the text from `offset` on.
    buf: Vec<u8>,
    filled: usize,
    /// How far to fill the buffer before it is inspected.
    target: usize,
    offset: u64,
    ended: bool,
    spare: Option<Vec<u8>>,
}

#[derive(Debug)]
enum Stage {
    Records,
    /// Inside a record that is too long, up to its end.
    TooLong(Lost),
    /// After a fault, up to the end of the text. `Lost` is present once the text is too long to be kept.
    Fault(DocumentFault, Option<Lost>),
    Done,
}

/// Bytes of a refused text that are not kept.
#[derive(Debug, Clone, Copy)]
struct Lost {
    offset: u64,
    bytes: u64,
    newlines: u64,
}

/// The next size of a buffer when a record is longer. A huge buffer grows by an eighth instead of doubling.
#[must_use]
pub const fn grown(bytes: usize) -> usize {
    bytes.saturating_add(if bytes < HUGE_BYTES { bytes } else { bytes / 8 })
}

/// The capacity to reserve for a buffer of this size that may grow to `most`. A huge one gets all of it: untouched
/// memory costs nothing, and repeated reallocation fragments the heap.
#[must_use]
pub const fn reserved(bytes: usize, most: usize) -> usize {
    if bytes > HUGE_BYTES && bytes < most { most } else { bytes }
}

/// Few records are longer than this.
const HUGE_BYTES: usize = 4 << 20;

impl Splitter {
    /// A buffer larger than this many blocks is not reused.
    pub const MAX_SPARE_BLOCKS: usize = 4;

    /// A splitter at the end of an empty text.
    #[must_use]
    pub fn new(options: ReadOptions) -> Self {
        let begin = Begin { input: 0, document: 0, offset: 0, layout: Layout::Lines, options };
        Self {
            begin,
            stage: Stage::Done,
            scan: DocumentScan::default(),
            buf: Vec::new(),
            filled: 0,
            target: 0,
            offset: 0,
            ended: true,
            spare: None,
        }
    }

    /// Begins another text; the rest of the previous one is dropped.
    pub fn begin(&mut self, begin: Begin) {
        self.begin = begin;
        self.stage = Stage::Records;
        self.scan = DocumentScan::default();
        self.filled = 0;
        self.offset = begin.offset;
        self.ended = false;
        self.target = self.block_bytes();
    }

    /// Returns a block's buffer for reuse, best with its length unchanged: what was cut off has to be zeroed again.
    pub fn recycle(&mut self, bytes: Vec<u8>) {
        // A buffer that has grown for a long record is freed, because it would keep its memory for the rest of the run.
        let useful = self.block_bytes()..=self.block_bytes().saturating_mul(Self::MAX_SPARE_BLOCKS);
        if self.spare.is_none() && useful.contains(&bytes.capacity()) {
            self.spare = Some(bytes);
        }
    }

    /// Where the next bytes belong. It is empty unless [`Splitter::step`] has asked for bytes.
    pub fn space(&mut self) -> &mut [u8] {
        if self.buf.len() < self.target {
            self.buf.reserve_exact(reserved(self.target, self.buffer_bytes()) - self.buf.len());
            self.buf.resize(self.target, 0);
        }
        &mut self.buf[self.filled..self.target.max(self.filled)]
    }

    /// The size of the buffer before it is inspected.
    #[must_use]
    pub const fn wanted(&self) -> usize {
        self.target
    }

    /// Reports that `num_bytes` were written to the beginning of [`Splitter::space`]; 0 means the end of the text.
    pub fn advance(&mut self, num_bytes: usize) {
        self.filled = (self.filled + num_bytes).min(self.buf.len());
        self.ended |= num_bytes == 0;
    }

    /// Returns the next piece, or asks for more bytes.
    pub fn step(&mut self) -> Step {
        loop {
            if matches!(self.stage, Stage::Done) {
                return Step::Done;
            }
            if self.filled < self.target && !self.ended {
                return Step::NeedBytes;
            }
            let piece = match (&self.stage, self.begin.layout) {
                (Stage::Records, Layout::Lines) => self.lines(),
                (Stage::Records, Layout::Document) => self.document(),
                (Stage::TooLong(lost), _) => self.skip_record(*lost),
                (Stage::Fault(fault, lost), _) => self.refuse_rest(fault.clone(), *lost),
                (Stage::Done, _) => None,
            };
            if let Some(piece) = piece {
                return Step::Piece(piece);
            }
        }
    }

    /// The buffer holds at most one byte more than the longest record, so a full buffer without a cut means that the
    /// record is too long.
    fn buffer_bytes(&self) -> usize {
        self.begin.options.max_record_bytes.saturating_add(1)
    }

    fn block_bytes(&self) -> usize {
        self.begin.options.block_bytes.clamp(1, self.buffer_bytes())
    }

    fn grow(&mut self) {
        self.target = grown(self.filled).clamp(self.block_bytes(), self.buffer_bytes());
    }

    /// Returns the complete lines after reading has failed, when it is not known what follows them. To be called until
    /// it returns `None`: a line that is too long is a piece of its own.
    pub fn whole_lines(&mut self) -> Option<Piece> {
        let newline = memrchr(b'\n', &self.buf[..self.filled]).filter(|_| self.begin.layout == Layout::Lines)?;
        match self.stage {
            Stage::Records => Some(self.block(newline + 1, Framing::Lines)),
            Stage::TooLong(lost) => self.skip_record(lost),
            Stage::Fault(..) | Stage::Done => None,
        }
    }

    fn lines(&mut self) -> Option<Piece> {
        if let Some(newline) = memrchr(b'\n', &self.buf[..self.filled]) {
            let cut = if self.ended { self.filled } else { newline + 1 };
            return Some(self.block(cut, Framing::Lines));
        }
        if self.filled == self.buffer_bytes() {
            self.begin_too_long();
        } else if !self.ended {
            self.grow();
        } else if self.filled > 0 {
            return Some(self.block(self.filled, Framing::Lines));
        } else {
            self.stage = Stage::Done;
        }
        None
    }

    fn document(&mut self) -> Option<Piece> {
        let scanned = self.scan.scan(&self.buf[..self.filled]);
        let scanned = scanned.and_then(|()| if self.ended { self.scan.finish(self.filled) } else { Ok(()) });
        if let Err(fault) = scanned {
            let cut = fault.start;
            self.stage = Stage::Fault(DocumentFault { start: 0, ..fault }, None);
            return (cut > 0).then(|| self.ranges(cut));
        }
        let cut = self.scan.open_start().unwrap_or(self.filled);
        let max = self.begin.options.max_record_bytes;
        if self.scan.ranges().first().is_some_and(|range| range.len() > max) {
            // The record ended with the last byte that fits in the buffer, so the buffer holds nothing else.
            self.scan.cut(cut);
            let lost = self.lose(Lost { offset: self.offset, bytes: 0, newlines: 0 }, cut);
            return Some(self.too_long(lost, ""));
        }
        if cut > 0 {
            return Some(self.ranges(cut));
        }
        if self.filled == self.buffer_bytes() {
            self.begin_too_long();
        } else if self.ended {
            self.stage = Stage::Done;
        } else {
            self.grow();
        }
        None
    }

    /// Makes a block of the bytes before `cut`, with the records found in them.
    fn ranges(&mut self, cut: usize) -> Piece {
        let ranges = self.scan.cut(cut);
        self.block(cut, Framing::Ranges(ranges))
    }

    /// Makes a block of the bytes before `cut`; the bytes after it move to the next buffer.
    fn block(&mut self, cut: usize, framing: Framing) -> Piece {
        let carry = cut..self.filled;
        let carry_bytes = carry.len();
        let bytes = if cut < self.block_bytes() / 4 {
            // A small block is copied, so that the buffer can stay.
            let bytes = self.buf[..cut].to_vec();
            self.buf.copy_within(carry, 0);
            bytes
        } else {
            let mut next = self.spare.take().unwrap_or_default();
            let len = self.block_bytes().max(carry_bytes);
            if next.len() < len {
                next.resize(len, 0);
            }
            next[..carry_bytes].copy_from_slice(&self.buf[carry]);
            self.buf.truncate(cut);
            std::mem::replace(&mut self.buf, next)
        };
        let Begin { input, document, .. } = self.begin;
        let block = RecordBlock { input, document, offset: self.offset, bytes, framing };
        self.filled = carry_bytes;
        self.offset += cut as u64;
        self.target = self.block_bytes();
        Piece::Block(block)
    }

    /// Starts to skip a record that fills the buffer.
    fn begin_too_long(&mut self) {
        let lost = self.lose(Lost { offset: self.offset, bytes: 0, newlines: 0 }, self.filled);
        self.scan.cut(usize::MAX);
        self.stage = Stage::TooLong(lost);
    }

    fn skip_record(&mut self, lost: Lost) -> Option<Piece> {
        let bytes = &self.buf[..self.filled];
        let end = match self.begin.layout {
            Layout::Lines => memchr(b'\n', bytes),
            Layout::Document => self.scan.close(bytes),
        };
        let lost = self.lose(lost, end.unwrap_or(self.filled));
        if end.is_none() && !self.ended {
            if self.gives_up(lost) {
                let piece = self.too_long(lost, "over ");
                self.stage = Stage::Done;
                return Some(piece);
            }
            self.stage = Stage::TooLong(lost);
            return None;
        }
        if end.is_none() && self.begin.layout == Layout::Document && !self.scan.may_end_here() {
            let message = "the input ends inside a record".to_owned();
            self.stage = Stage::Fault(DocumentFault { start: 0, at_end: true, message }, Some(lost));
            return None;
        }
        if end.is_none() && self.scan.open_start().is_some() {
            // A token that ends with the input.
            let _ = self.scan.close(b" ");
        }
        Some(self.too_long(lost, ""))
    }

    /// Whether the end of a refused text is looked for no longer.
    const fn gives_up(&self, lost: Lost) -> bool {
        lost.bytes > self.begin.options.max_skipped_bytes
    }

    /// A record of this length; `over` says that it is longer.
    fn too_long(&mut self, lost: Lost, over: &str) -> Piece {
        self.stage = Stage::Records;
        let max = self.begin.options.max_record_bytes;
        Piece::Unreadable(Unreadable {
            input: self.begin.input,
            document: self.begin.document,
            record_offset: lost.offset,
            offset: lost.offset,
            kind: RejectKind::Size,
            message: format!("the record has {over}{} bytes, more than --max-record-size allows ({max})", lost.bytes),
            is_rest: false,
            raw_bytes: lost.bytes,
            raw: None,
            num_newlines: lost.newlines,
            newlines_before_error: 0,
        })
    }

    fn refuse_rest(&mut self, fault: DocumentFault, lost: Option<Lost>) -> Option<Piece> {
        let is_kept = lost.is_none() && self.filled < self.buffer_bytes();
        if is_kept && !self.ended {
            self.grow();
            return None;
        }
        let raw = is_kept.then(|| self.buf[..self.filled].to_vec());
        let lost = lost.unwrap_or(Lost { offset: self.offset, bytes: 0, newlines: 0 });
        let lost = self.lose(lost, self.filled);
        if !self.ended && !self.gives_up(lost) {
            self.stage = Stage::Fault(fault, Some(lost));
            return None;
        }
        self.stage = Stage::Done;
        let (error_bytes, newlines_before_error) = if fault.at_end { (lost.bytes, lost.newlines) } else { (0, 0) };
        Some(Piece::Unreadable(Unreadable {
            input: self.begin.input,
            document: self.begin.document,
            record_offset: lost.offset,
            offset: lost.offset + error_bytes,
            kind: RejectKind::Syntax,
            message: fault.message,
            is_rest: true,
            raw_bytes: lost.bytes,
            raw,
            num_newlines: lost.newlines,
            newlines_before_error,
        }))
    }

    /// Counts the first `num_bytes` as lost and drops them.
    fn lose(&mut self, lost: Lost, num_bytes: usize) -> Lost {
        let newlines = memchr_iter(b'\n', &self.buf[..num_bytes]).count() as u64;
        self.buf.copy_within(num_bytes..self.filled, 0);
        self.filled -= num_bytes;
        self.offset += num_bytes as u64;
        self.target = self.block_bytes();
        Lost { bytes: lost.bytes + num_bytes as u64, newlines: lost.newlines + newlines, ..lost }
    }
}

#[cfg(test)]
mod tests;
