//! JSON to columns: the heart of the tool.
//!
//! A [`Decoder`] turns a block of records into rows of dense column values, in one pass over the bytes and without an
//! intermediate tree. It is strict: a record that is not JSON, or is ambiguous, is refused as a whole and leaves no
//! trace. And it is complete: what has no column goes to `extra`, what was coerced or did not fit is counted by path.
//!
//! ```text
//! bytes -> cursor (tokens) -> envelope (where are the rows?) -> walk (which member?) -> value (what fits?) -> columns
//!                                                                     |                     |
//!                                                                     +------> extra <------+
//! ```
//!
//! It touches no file and can be used alone; [`crate::batch`] turns its columns into Arrow record batches.

mod arrivals;
mod block;
mod cursor;
mod decoded;
mod envelope;
mod extra;
mod fault;
mod grammar;
mod instant;
mod map;
mod names;
mod number;
mod open_names;
mod padded;
mod program;
mod scratch;
mod shape_guess;
mod string;
mod tally;
mod value;
mod walk;

use std::{mem, ops::Range, sync::Arc};

pub use block::Block;
pub use cursor::MAX_DEPTH;
pub use decoded::{DecodeReject, DecodedBlock};
pub use fault::MAX_SHOWN_NAME_BYTES;
pub use instant::is_instant;
pub use tally::PathTally;

use crate::{
    columns::{ColumnShape, Columns},
    input::Framing,
    model::plan::Plan,
    report::RejectKind,
};
use arrivals::Arrivals;
use cursor::Cursor;
use envelope::{EnclosingValues, Room, RowSink, Shape, shape_of};
use fault::{Fault, Parse};
use padded::{PADDING, Padded, pad};
use program::Program;
use scratch::Scratch;
use shape_guess::ShapeGuess;
use walk::{Position, StepsMet, Walk};

/// Maximum bytes that repeated values and `extra` may add to a block, and the provenance columns once more. The values of
/// a conversation are repeated on each of its participants, and hostile records could make that exceed any memory.
pub const MAX_FLATTENED_BYTES: u64 = 256 << 20;

/// A decoder's scratch buffers are shrunk to this many bytes after each block.
const KEPT_SCRATCH_BYTES: usize = 2 << 20;

/// In blocks larger than this many bytes the shape of a record is looked up instead of guessed.
const MAX_GUESSED_BLOCK_BYTES: usize = 4 << 20;

/// Decodes blocks. It learns the order of members as it goes, so each worker keeps one; the result does not depend on
/// what it has learned.
#[derive(Debug, Clone)]
pub struct Decoder {
    plan: Arc<Plan>,
    program: Program,
    scratch: Scratch,
    staging: EnclosingValues,
    shape_guess: ShapeGuess,
    arrivals: Arrivals,
    max_flattened_bytes: u64,
    /// What is left of it for the current block.
    room: Room,
    /// Scratch copy of a record, with padding.
    padded: Vec<u8>,
}

impl Decoder {
    /// A decoder for the columns of `plan`.
    #[must_use]
    pub fn new(plan: Arc<Plan>) -> Self {
        let program = Program::new(&plan);
        Self {
            scratch: Scratch::new(&program, plan.paths.len()),
            program,
            staging: EnclosingValues::new(&plan),
            shape_guess: ShapeGuess::default(),
            arrivals: Arrivals::new(Arc::clone(&plan)),
            max_flattened_bytes: MAX_FLATTENED_BYTES,
            room: Room::new(MAX_FLATTENED_BYTES),
            padded: Vec::new(),
            plan,
        }
    }

    /// Sets the maximum bytes that repeated values and `extra` may add to a block, and the provenance columns once more
    /// (for these it is at least 8 MiB).
    #[must_use]
    pub const fn with_max_flattened_bytes(mut self, bytes: u64) -> Self {
        self.max_flattened_bytes = bytes;
        self
    }

    /// The same, for later blocks.
    pub const fn set_max_flattened_bytes(&mut self, bytes: u64) {
        self.max_flattened_bytes = bytes;
    }

    /// Shapes of the table's columns.
    #[must_use]
    pub fn shapes(&self) -> &[ColumnShape] {
        &self.plan.shapes
    }

    /// Decodes all records of a block. `columns` is cleared and its memory reused; if it has not the table's shapes, new
    /// columns are made. The text of the block is copied; see [`Decoder::decode_in_place`].
    pub fn decode(&mut self, block: Block<'_>, columns: Columns) -> DecodedBlock {
        let mut padded = Vec::new();
        pad(&mut padded, block.bytes);
        self.decode_block(block, &padded, columns)
    }

    /// Like [`Decoder::decode`], but copies nothing if `bytes`, which replaces the bytes of `block`, has a little spare
    /// capacity: it is padded during the call.
    pub fn decode_in_place(&mut self, bytes: &mut Vec<u8>, block: Block<'_>, columns: Columns) -> DecodedBlock {
        let len = bytes.len();
        bytes.reserve_exact(PADDING);
        bytes.resize(len + PADDING, 0);
        let decoded = self.decode_block(Block { bytes: &bytes[..len], ..block }, bytes, columns);
        bytes.truncate(len);
        decoded
    }

    /// `padded` has the bytes of the block, followed by padding; it is used for lines only.
    fn decode_block(&mut self, block: Block<'_>, padded: &[u8], mut columns: Columns) -> DecodedBlock {
        if columns.have_shapes(&self.plan.shapes) {
            columns.clear();
        } else {
            columns = Columns::new(&self.plan.shapes);
        }
        let mut decoded = DecodedBlock {
            columns,
            num_newlines: 0,
            num_records: 0,
            num_kept: 0,
            records_without_rows: 0,
            rejects: Vec::new(),
            tallies: Vec::new(),
        };
        if block.bytes.len() > Block::MAX_BYTES {
            let message =
                format!("a block of {} bytes, and at most {} can be decoded", block.bytes.len(), Block::MAX_BYTES);
            decoded.num_newlines = num_newlines(block.bytes);
            decoded.num_records = 1;
            decoded.refuse(*Fault::new(RejectKind::Size, 0, message), 0..block.bytes.len(), 0);
            return decoded;
        }
        self.room = Room::new(self.max_flattened_bytes);
        let is_utf8 = simdutf8::basic::from_utf8(block.bytes).is_ok();
        match block.framing {
            Framing::Lines => self.decode_lines(padded, Text { block, origin: 0, is_utf8 }, &mut decoded),
            Framing::Ranges(ranges) => {
                decoded.num_newlines = num_newlines(block.bytes);
                self.decode_ranges(block, ranges, is_utf8, &mut decoded);
            }
        }
        debug_assert_eq!(decoded.num_newlines, num_newlines(block.bytes), "lines are counted where they end");
        self.scratch.count_slots(&self.program);
        decoded.tallies = self.scratch.tally.take(&self.plan);
        self.arrivals.recount(&mut decoded);
        // The memory that a huge record took is not kept.
        self.padded.clear();
        self.padded.shrink_to(KEPT_SCRATCH_BYTES);
        self.scratch.trim(KEPT_SCRATCH_BYTES);
        decoded
    }

    fn decode_lines(&mut self, padded: &[u8], text: Text<'_>, decoded: &mut DecodedBlock) {
        let bytes = &padded[..padded.len() - PADDING];
        let line_end = |from: usize| memchr::memchr(b'\n', &bytes[from..]).map_or(bytes.len(), |at| from + at);
        let mut start = 0;
        loop {
            // Blank lines are not records.
            while let Some(byte @ (b' ' | b'\t' | b'\r' | b'\n')) = bytes.get(start) {
                // All newlines are counted here, since none is inside a record.
                decoded.num_newlines += u64::from(*byte == b'\n');
                start += 1;
            }
            if start == bytes.len() {
                return;
            }
            decoded.num_records += 1;
            let checked = if text.is_utf8 { Ok(()) } else { check_utf8(bytes, start..line_end(start)) };
            let result = checked.and_then(|()| {
                let cursor = Cursor::new(Padded::new(padded, start), false);
                self.record(text, cursor, &mut decoded.columns)
            });
            start = match result {
                Ok(outcome) => {
                    decoded.accept(outcome.num_rows);
                    outcome.end
                }
                Err(fault) => {
                    let end = line_end(start);
                    decoded.refuse(*fault, start..end, text.origin);
                    end
                }
            };
        }
    }

    /// Decodes records given by ranges. Each is copied and padded, since nothing but its own grammar ends it in the
    /// block.
    fn decode_ranges(&mut self, block: Block<'_>, ranges: &[Range<usize>], is_utf8: bool, decoded: &mut DecodedBlock) {
        let mut padded = mem::take(&mut self.padded);
        for range in ranges {
            decoded.num_records += 1;
            // A range that is not in the block holds no record.
            let record = block.bytes.get(range.clone()).unwrap_or_default();
            pad(&mut padded, record);
            let start = Cursor::new(Padded::new(&padded, 0), true);
            let text = Text { block, origin: range.start, is_utf8 };
            let checked = if is_utf8 { Ok(()) } else { check_utf8(record, 0..record.len()) };
            let result = checked.and_then(|()| self.record(text, start.clone(), &mut decoded.columns));
            // A record refused for another reason must still be JSON: only then is its end, found by brackets, known.
            let result = result.map_err(|fault| match fault.kind {
                RejectKind::Syntax | RejectKind::Utf8 => fault,
                _ => grammar::check(start).err().unwrap_or(fault),
            });
            match result {
                Ok(outcome) => decoded.accept(outcome.num_rows),
                Err(fault) => {
                    decoded.refuse(*fault, 0..record.len(), text.origin);
                    if decoded.rejects.last().is_some_and(DecodeReject::is_malformed) {
                        break;
                    }
                }
            }
        }
        self.padded = padded;
    }

    /// Decodes the record at the cursor, whole or not at all.
    fn record(&mut self, text: Text<'_>, start: Cursor<'_>, columns: &mut Columns) -> Parse<Outcome> {
        if start.peek() != b'{' {
            return Err(self.not_an_object(start));
        }
        let first_row = columns.num_rows;
        self.scratch.tally.begin_text(text.origin);
        self.scratch.tally.begin_record();
        let (mut shape, mut is_certain) = self.probable_shape(text, &start);
        loop {
            let room = self.room;
            let (result, end) = self.walk(text, start.clone(), shape, columns);
            let said = match result {
                Ok(met) => {
                    let said = shape_of(&self.program, met);
                    if said == shape || is_certain {
                        debug_assert!(said == shape, "the keys of a record say one shape");
                        self.shape_guess.settle(shape);
                        return Ok(Outcome { num_rows: columns.num_rows - first_row, end });
                    }
                    Ok(said)
                }
                Err(fault) => Err(fault),
            };
            self.forget_walk(columns, first_row, room);
            // Walking again in the same way undoes what was counted.
            self.scratch.tally.set_subtracting(true);
            let _ = self.walk(text, start.clone(), shape, columns);
            self.scratch.tally.set_subtracting(false);
            self.forget_walk(columns, first_row, room);
            // What the walk or the keys said is certain, so at most two shapes are tried.
            shape = match said {
                Ok(said) => {
                    self.shape_guess.was_wrong();
                    said
                }
                Err(fault) if is_certain || !fault.depends_on_shape() => return Err(fault),
                Err(fault) => match self.shape_by_keys(start.clone())? {
                    said if said == shape => return Err(fault),
                    said => said,
                },
            };
            is_certain = true;
        }
    }

    /// The shape with which a record is walked first, and whether it is certain.
    #[inline(always)]
    fn probable_shape(&mut self, text: Text<'_>, start: &Cursor<'_>) -> (Shape, bool) {
        let guess = self.shape_guess.begin_record();
        // With a wrong guess, nearly all of a huge record would be copied to `extra`.
        let is_huge = text.block.bytes.len() > MAX_GUESSED_BLOCK_BYTES;
        if (is_huge || self.shape_guess.is_suspended())
            && let Ok(said) = self.shape_by_keys(start.clone())
        {
            if is_huge {
                self.scratch.trim_names(KEPT_SCRATCH_BYTES);
            } else {
                self.shape_guess.looked_up(said);
            }
            return (said, true);
        }
        (guess, false)
    }

    /// Removes what a walk has stored, except what it counted.
    #[cold]
    fn forget_walk(&mut self, columns: &mut Columns, first_row: usize, room: Room) {
        self.room = room;
        columns.truncate(first_row);
        self.scratch.tally.forget_record();
        self.scratch.extra.clear();
        self.scratch.forget_names();
        self.staging.clear();
    }

    fn walk(
        &mut self,
        text: Text<'_>,
        cursor: Cursor<'_>,
        shape: Shape,
        columns: &mut Columns,
    ) -> (Parse<StepsMet>, usize) {
        let mut target = RowSink {
            columns,
            staging: &mut self.staging,
            arrivals: &mut self.arrivals,
            file: text.block.file,
            offset: text.block.offset + text.origin as u64,
            room: self.room,
        };
        let mut walk = Walk {
            cursor,
            plan: &self.plan,
            program: &self.program,
            scratch: &mut self.scratch,
            at: Position::default(),
        };
        walk.scratch.begin_walk(self.max_flattened_bytes);
        let result = walk.record(shape, &mut target).and_then(|met| walk.cursor.end_of_record().map(|()| met));
        let end = walk.cursor.pos();
        if result.is_ok() {
            self.room = target.room;
        }
        (result, end)
    }

    /// Finds the shape from the keys of the root, without storing anything.
    fn shape_by_keys(&mut self, cursor: Cursor<'_>) -> Parse<Shape> {
        let mut walk = self.bare_walk(cursor);
        let mut met = StepsMet::default();
        let bytes = walk.cursor.text();
        let result = walk.any_members(|walk, key, _| {
            let name = walk::decoded(bytes, key, &mut walk.scratch.text);
            if let Some((_, step)) = walk.program.steps.iter().find(|(key, _)| key.as_bytes() == name) {
                met.add(*step);
            }
            walk.skip_value()
        });
        let result = result.and_then(|()| walk.cursor.end_of_record());
        self.scratch.forget_names();
        result.map(|()| shape_of(&self.program, met))
    }

    #[cold]
    fn not_an_object(&mut self, cursor: Cursor<'_>) -> Box<Fault> {
        let start = cursor.pos();
        let mut walk = self.bare_walk(cursor);
        let fault = match walk.skip_value().and_then(|()| walk.cursor.end_of_record()) {
            Err(fault) => fault,
            Ok(()) => Fault::new(RejectKind::NotObject, start, "a record is a JSON object, and this is another value"),
        };
        self.scratch.forget_names();
        fault
    }

    fn bare_walk<'w>(&'w mut self, cursor: Cursor<'w>) -> Walk<'w> {
        Walk { cursor, plan: &self.plan, program: &self.program, scratch: &mut self.scratch, at: Position::default() }
    }
}

/// A part of a block, walked with offsets relative to its own start.
#[derive(Debug, Clone, Copy)]
struct Text<'a> {
    block: Block<'a>,
    /// Offset of the part in the block.
    origin: usize,
    is_utf8: bool,
}

/// A record that was kept.
struct Outcome {
    num_rows: usize,
    /// Offset after its last byte.
    end: usize,
}

fn num_newlines(bytes: &[u8]) -> u64 {
    memchr::memchr_iter(b'\n', bytes).count() as u64
}

#[cold]
fn check_utf8(bytes: &[u8], record: Range<usize>) -> Parse<()> {
    match std::str::from_utf8(&bytes[record.clone()]) {
        Ok(_) => Ok(()),
        Err(error) => {
            let offset = record.start + error.valid_up_to();
            Err(Fault::new(RejectKind::Utf8, offset, format!("byte 0x{:02x} is not UTF-8 here", bytes[offset])))
        }
    }
}

#[cfg(test)]
mod tests;
