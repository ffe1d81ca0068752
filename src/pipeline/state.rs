//! What waits between the steps, and which step comes next.

use std::collections::{BTreeMap, VecDeque};

use super::{account::LineNumbers, files::RowGroupTicket, merge::Merge};
use crate::{
    columns::Columns,
    decode::DecodedBlock,
    error::Error,
    input::{Piece, RecordBlock, reader::BlockReader},
    report::StageSeconds,
};

/// The bounds of all queues.
pub(super) struct Limits {
    pub blocks: usize,
    pub block_bytes: usize,
    /// A batch of spilled rows, at most.
    pub batch_bytes: usize,
    pub waiting_row_groups: usize,
    /// Memory of a row group that is used again, at most.
    pub spare_row_group: usize,
}

pub(super) struct State<'a> {
    /// Taken by the worker that reads.
    pub reader: Option<BlockReader<'a>>,
    pub read_to_end: bool,
    /// Bytes of inputs as stored.
    pub bytes_read: u64,
    /// Number of the next piece to be read.
    pub next_piece: u64,
    /// Pieces read and not yet routed, and the bytes of their blocks.
    pub pieces: usize,
    pub piece_bytes: usize,
    /// Bytes of the block that was read last: the next one will not be much smaller.
    pub last_block_bytes: usize,
    pub to_decode: VecDeque<(u64, RecordBlock, LineNumbers)>,
    /// Pieces that wait for those before them.
    pub arrived: BTreeMap<u64, Arrived>,
    pub next_to_route: u64,
    /// Taken by the worker that routes.
    pub merge: Option<Merge>,
    pub routed_to_end: bool,
    pub to_encode: VecDeque<Job>,
    pub encoding: usize,
    /// Row groups that are encoded and wait for one before them.
    pub ahead: usize,
    /// What is to be read back from disk, once all input was read.
    pub spilled: VecDeque<SpilledPiece>,
    /// Batches of spilled rows that are not on disk yet.
    pub to_spill: usize,
    /// Memory to be used again.
    pub spare_bytes: Vec<Vec<u8>>,
    pub spare_columns: Vec<Columns>,
    pub spare_rows: Vec<Columns>,
    /// The work of all threads that have returned.
    pub busy: StageSeconds,
    pub error: Option<Error>,
}

/// Rows for the output or for the disk.
pub(super) enum Job {
    RowGroup(RowGroupTicket, Columns),
    /// Share, number, rows.
    Spill(usize, u64, Columns),
}

/// Rows on disk: a batch of a share, and behind all of them the end of the share.
#[derive(Clone, Copy)]
pub(super) enum SpilledPiece {
    Batch(usize, u64),
    EndOfShare(usize),
}

/// A piece whose turn may have come.
pub(super) enum Arrived {
    Decoded {
        block: RecordBlock,
        decoded: DecodedBlock,
        lines: LineNumbers,
    },
    Other(Piece, LineNumbers),
    /// Rows of a share, back from disk.
    Spilled(usize, Columns),
    EndOfShare(usize),
    Failed(Error),
}

/// What a worker does next.
pub(super) enum Step<'a> {
    Encode(Job),
    Route(Box<Merge>, Option<Arrived>),
    Decode(u64, RecordBlock, LineNumbers, Option<Columns>),
    Read(Box<BlockReader<'a>>, Option<Vec<u8>>),
    ReadSpilled(u64, SpilledPiece),
    Done,
}

impl<'a> State<'a> {
    /// Nothing is done so far.
    pub fn new(reader: BlockReader<'a>, merge: Merge) -> Self {
        Self {
            reader: Some(reader),
            read_to_end: false,
            bytes_read: 0,
            next_piece: 0,
            pieces: 0,
            piece_bytes: 0,
            last_block_bytes: 0,
            to_decode: VecDeque::new(),
            arrived: BTreeMap::new(),
            next_to_route: 0,
            merge: Some(merge),
            routed_to_end: false,
            to_encode: VecDeque::new(),
            encoding: 0,
            ahead: 0,
            spilled: VecDeque::new(),
            to_spill: 0,
            spare_bytes: Vec::new(),
            spare_columns: Vec::new(),
            spare_rows: Vec::new(),
            busy: StageSeconds::default(),
            error: None,
        }
    }

    pub fn arrive(&mut self, piece: u64, arrived: Arrived) {
        self.next_piece += 1;
        self.pieces += 1;
        self.arrived.insert(piece, arrived);
    }

    /// The step nearest to the output that has work.
    pub fn take_step(&mut self, limits: &Limits) -> Option<Step<'a>> {
        if self.error.is_some() {
            return Some(Step::Done);
        }
        if let Some(job) = self.to_encode.pop_front() {
            self.encoding += 1;
            return Some(Step::Encode(job));
        }
        let all_routed = self.read_to_end && self.pieces == 0;
        if self.encoding + self.ahead <= limits.waiting_row_groups && !self.routed_to_end {
            let next = self.arrived.contains_key(&self.next_to_route);
            if (next || all_routed)
                && let Some(mut merge) = self.merge.take()
            {
                self.spare_rows.drain(..).for_each(|rows| merge.recycle(rows));
                let arrived = self.arrived.remove(&self.next_to_route);
                self.next_to_route += u64::from(next);
                return Some(Step::Route(Box::new(merge), arrived));
            }
        }
        if let Some((piece, block, lines)) = self.to_decode.pop_front() {
            return Some(Step::Decode(piece, block, lines, self.spare_columns.pop()));
        }
        let room = self.pieces == 0
            || (self.pieces < limits.blocks && self.piece_bytes + self.last_block_bytes <= limits.block_bytes);
        if room && !self.read_to_end {
            // Not before all of it is written.
            if self.to_spill == 0
                && let Some(spilled) = self.spilled.pop_front()
            {
                self.read_to_end = self.spilled.is_empty();
                self.pieces += 1;
                self.piece_bytes += limits.batch_bytes;
                self.last_block_bytes = limits.batch_bytes;
                self.next_piece += 1;
                return Some(Step::ReadSpilled(self.next_piece - 1, spilled));
            }
            if let Some(reader) = self.reader.take() {
                return Some(Step::Read(Box::new(reader), self.spare_bytes.pop()));
            }
        }
        (self.routed_to_end && self.encoding == 0).then_some(Step::Done)
    }
}
