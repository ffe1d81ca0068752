//! The queues between the steps, and the choice of the next step.

use std::collections::{BTreeMap, VecDeque};

use super::{MAX_BLOCKS_PER_THREAD, account::LineNumbers, files::RowGroupTicket, in_order::InOrder, memory::Budget};
use crate::{
    columns::{Columns, PackedRows},
    decode::DecodedBlock,
    error::Error,
    input::{InputContent, RecordBlock, Unreadable, reader::BlockReader},
    partition::WaitingRows,
    report::StageSeconds,
};

/// Bounds of all queues.
pub(super) struct Limits {
    pub budget: Budget,
    /// Number of workers.
    pub threads: usize,
}

impl Limits {
    /// Maximum number of blocks between reading and routing.
    pub const fn blocks(&self) -> usize {
        self.threads * MAX_BLOCKS_PER_THREAD
    }

    /// Whether blocks are read ahead, for other workers to decode, as long as there is room for them. Inflating takes
    /// longer than everything else that is done one at a time, so somebody should always be at it.
    pub fn reads_ahead(&self, reader: &BlockReader<'_>) -> bool {
        self.threads > 1 && reader.is_in_compressed()
    }
}

pub(super) struct State<'a> {
    /// The worker that reads takes it out, so there is one reader at a time.
    pub reader: Option<BlockReader<'a>>,
    pub read_to_end: bool,
    /// Bytes of input read so far, as stored.
    pub bytes_read: u64,
    /// Pieces that were read and not yet routed.
    pub in_flight: InFlight,
    /// A huge block in flight, if there is one.
    pub huge: Oversized,
    /// Blocks that were read ahead and wait to be decoded.
    pub to_decode: VecDeque<ReadBlock>,
    /// Pieces that wait to be routed, by number.
    pub arrived: BTreeMap<u64, Arrived>,
    pub next_to_route: u64,
    /// The worker that routes takes it out, so there is one at a time.
    pub in_order: Option<InOrder>,
    pub routed_to_end: bool,
    pub to_encode: VecDeque<Job>,
    /// Jobs in progress, and their memory in bytes.
    pub encoding: usize,
    pub encoding_bytes: usize,
    /// Encoded row groups that wait for an earlier one of their partition.
    pub ahead: usize,
    /// What is to be read back from disk. Filled once all input was read.
    pub spilled: VecDeque<SpilledPiece>,
    /// Number of spill batches that are not on disk yet.
    pub to_spill: usize,
    /// Memory kept for reuse: text of blocks, columns of blocks, columns of row groups.
    pub spare_bytes: Vec<Vec<u8>>,
    pub spare_columns: Vec<Columns>,
    pub spare_rows: Vec<Columns>,
    /// Busy time of the threads that have returned, by stage, in seconds.
    pub busy: StageSeconds,
    pub error: Option<Error>,
}

/// The number of pieces that were read and not yet routed, and their memory.
#[derive(Debug, Default)]
pub(super) struct InFlight {
    /// Number of the next piece that will be read.
    next: u64,
    pieces: usize,
    /// Memory charged for them: text and decoded values, estimated until known.
    bytes: usize,
    /// Memory of the piece that was read last, as an estimate for the next one.
    last_bytes: usize,
}

impl InFlight {
    pub const fn is_empty(&self) -> bool {
        self.pieces == 0
    }

    /// Whether there is room for another piece.
    const fn has_room(&self, limits: &Limits) -> bool {
        self.is_empty() || (self.pieces < limits.blocks() && self.bytes + self.last_bytes <= limits.budget.blocks)
    }

    /// Whether there is room for what a block of `text` bytes will take beyond its estimate, once it is decoded.
    const fn has_room_to_decode(&self, text: usize, limits: &Limits) -> bool {
        self.bytes + self.last_bytes.saturating_sub(Budget::block_of(text)) <= limits.budget.blocks
    }

    /// Charges `bytes` bytes for the piece that was read, and returns its number.
    pub const fn begin(&mut self, bytes: usize) -> u64 {
        self.pieces += 1;
        self.bytes += bytes;
        self.next += 1;
        self.next - 1
    }

    /// The same for a piece whose memory is known: the next one will take about as much.
    const fn begin_known(&mut self, bytes: usize) -> u64 {
        self.last_bytes = bytes;
        self.begin(bytes)
    }

    /// Replaces the estimate by what the decoded piece takes.
    pub fn measured(&mut self, estimate: usize, bytes: usize) {
        self.bytes += bytes;
        self.bytes -= estimate;
        self.last_bytes = bytes.max(estimate);
    }

    /// Ends a piece that was charged `bytes` bytes: it was routed.
    pub const fn end(&mut self, bytes: usize) {
        self.pieces -= 1;
        self.bytes -= bytes;
    }
}

/// Whether a huge block, or a huge batch read back from disk, is in flight.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Oversized {
    /// There is none.
    None,
    /// It comes next, once everything before it was routed and waiting rows were evicted.
    Pending,
    /// Memory was freed for it. Until it was routed, nothing else is read.
    Admitted,
}

/// Rows to be encoded for the output or for the spill.
pub(super) enum Job {
    RowGroup(RowGroupTicket, WaitingRows),
    /// Spill file, number of the batch, rows.
    Spill(usize, u64, PackedRows),
}

impl Job {
    /// Memory of the job while it is done, bytes.
    pub fn memory(&self, budget: &Budget) -> usize {
        match self {
            Self::RowGroup(_, rows) => budget.encoding_of(rows),
            Self::Spill(_, _, rows) => Budget::spilling_of(rows),
        }
    }
}

/// A piece to be read back from disk: a batch (spill file, number, size of its rows in bytes), or the end of a spill
/// file, which follows all of its batches.
#[derive(Clone, Copy)]
pub(super) enum SpilledPiece {
    Batch(usize, u64, usize),
    EndOfFile(usize),
}

impl SpilledPiece {
    /// Memory needed to read it back, bytes: as stored, a copy of that if it is one large row, and as packed rows.
    const fn memory(self) -> usize {
        match self {
            Self::Batch(_, _, byte_size) => byte_size * 3,
            Self::EndOfFile(_) => 0,
        }
    }
}

/// A block that was read.
pub(super) struct ReadBlock {
    /// Number of the piece.
    pub piece: u64,
    pub block: RecordBlock,
    pub lines: LineNumbers,
}

/// A piece that waits to be routed in its turn.
pub(super) enum Arrived {
    Decoded {
        block: RecordBlock,
        decoded: DecodedBlock,
        lines: LineNumbers,
        /// Memory that it is charged for, bytes.
        bytes: usize,
    },
    Unreadable {
        unreadable: Unreadable,
        lines: LineNumbers,
        /// Memory that it is charged for, bytes.
        bytes: usize,
    },
    /// Index of the input, and what it contained.
    EndOfInput(usize, InputContent),
    /// Rows of a spill file, read back from disk.
    Spilled {
        file: usize,
        rows: PackedRows,
        /// Memory that they are charged for, bytes.
        bytes: usize,
    },
    EndOfSpillFile(usize),
    Failed(Error),
}

/// The next step of a worker.
pub(super) enum Step<'a> {
    /// A job, and whether it is shared with the workers that have returned.
    Encode(Job, bool),
    /// Evict rows before a huge block.
    MakeRoom(Box<InOrder>),
    Route(Box<InOrder>, Option<Arrived>),
    /// Decode a block in reused memory.
    Decode(ReadBlock, Option<Columns>),
    /// Read and decode a block in reused memory. A huge block (`ReadHuge`) gets none.
    Read(Box<BlockReader<'a>>, Option<Vec<u8>>, Option<Columns>),
    ReadHuge(Box<BlockReader<'a>>),
    /// Number of the piece, what to read, charged bytes.
    ReadSpilled(u64, SpilledPiece, usize),
    Done,
}

impl<'a> State<'a> {
    /// The state before the first step.
    pub fn new(reader: BlockReader<'a>, in_order: InOrder) -> Self {
        Self {
            reader: Some(reader),
            read_to_end: false,
            bytes_read: 0,
            in_flight: InFlight::default(),
            huge: Oversized::None,
            to_decode: VecDeque::new(),
            arrived: BTreeMap::new(),
            next_to_route: 0,
            in_order: Some(in_order),
            routed_to_end: false,
            to_encode: VecDeque::new(),
            encoding: 0,
            encoding_bytes: 0,
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

    /// Adds a piece that needs no decoding and is charged `bytes` bytes.
    pub fn arrive(&mut self, arrived: Arrived, bytes: usize) {
        let piece = self.in_flight.begin(bytes);
        self.arrived.insert(piece, arrived);
    }

    /// Plans to read back the batches with these sizes in bytes, by spill file.
    pub fn read_back(&mut self, batches: Vec<Vec<usize>>) {
        for (file, sizes) in batches.into_iter().enumerate() {
            self.spilled.extend((0..).zip(sizes).map(|(number, size)| SpilledPiece::Batch(file, number, size)));
            self.spilled.push_back(SpilledPiece::EndOfFile(file));
        }
        self.read_to_end = self.spilled.is_empty();
    }

    pub fn add_jobs(&mut self, jobs: Vec<Job>) {
        self.to_spill += jobs.iter().filter(|job| matches!(job, Job::Spill(..))).count();
        self.to_encode.extend(jobs);
    }

    /// Reading ahead, if the input is compressed, or the step nearest to the output that has work; none if the worker
    /// has to wait.
    pub fn take_step(&mut self, limits: &Limits) -> Option<Step<'a>> {
        if self.error.is_some() {
            return Some(Step::Done);
        }
        if self.reader.as_ref().is_some_and(|reader| limits.reads_ahead(reader))
            && let Some(step) = self.next_read(limits)
        {
            return Some(step);
        }
        if let Some(job) = self.next_job(&limits.budget) {
            return Some(Step::Encode(job, self.routed_to_end && self.to_encode.is_empty()));
        }
        if self.routed_to_end {
            return self.to_encode.is_empty().then_some(Step::Done);
        }
        self.next_route(limits).or_else(|| self.next_decode(limits)).or_else(|| self.next_read(limits))
    }

    /// The next job, if it fits in memory.
    fn next_job(&mut self, budget: &Budget) -> Option<Job> {
        let bytes = self.to_encode.front()?.memory(budget);
        if self.encoding > 0 && self.encoding_bytes + bytes > budget.encoding {
            return None;
        }
        self.encoding += 1;
        self.encoding_bytes += bytes;
        self.to_encode.pop_front()
    }

    /// Routing of the next piece in order or of the end of the input; or making room for a huge block.
    fn next_route(&mut self, limits: &Limits) -> Option<Step<'a>> {
        if !self.to_encode.is_empty() || self.encoding + self.ahead > limits.threads {
            return None;
        }
        let next = self.arrived.contains_key(&self.next_to_route);
        let all_routed = self.read_to_end && self.in_flight.is_empty();
        if next || all_routed {
            let mut in_order = self.in_order.take()?;
            self.spare_rows.drain(..).for_each(|rows| in_order.recycle(rows));
            let arrived = self.arrived.remove(&self.next_to_route);
            self.next_to_route += u64::from(next);
            return Some(Step::Route(Box::new(in_order), arrived));
        }
        if self.huge == Oversized::Pending && self.in_flight.is_empty() {
            let in_order = self.in_order.take()?;
            self.forget_spare();
            return Some(Step::MakeRoom(Box::new(in_order)));
        }
        None
    }

    /// Decoding of a block that was read ahead, if it is the next to be routed or its values fit in memory.
    fn next_decode(&mut self, limits: &Limits) -> Option<Step<'a>> {
        let ReadBlock { piece, block, .. } = self.to_decode.front()?;
        if *piece != self.next_to_route && !self.in_flight.has_room_to_decode(block.bytes.len(), limits) {
            return None;
        }
        let block = self.to_decode.pop_front()?;
        Some(Step::Decode(block, self.spare_columns.pop()))
    }

    /// Frees the memory kept for reuse.
    fn forget_spare(&mut self) {
        self.spare_rows.clear();
        self.spare_bytes.clear();
        self.spare_columns.clear();
    }

    /// Whether more may be read now, of the input or back from disk.
    pub fn may_read(&self, reader: Option<&BlockReader<'_>>, limits: &Limits) -> bool {
        let is_idle = self.in_flight.is_empty() && self.to_encode.is_empty() && self.encoding == 0;
        let has_room = match self.huge {
            Oversized::None => self.in_flight.has_room(limits),
            Oversized::Pending => false,
            Oversized::Admitted => is_idle,
        };
        let is_encoding_too_much = !self.to_encode.is_empty() || self.encoding_bytes > limits.budget.encoding;
        // A silent stream must not keep anybody from learning of an error in what came before it.
        let may_be_silent = !self.in_flight.is_empty() && reader.is_some_and(BlockReader::is_before_stream);
        self.error.is_none() && has_room && !is_encoding_too_much && !may_be_silent
    }

    fn next_read(&mut self, limits: &Limits) -> Option<Step<'a>> {
        if self.read_to_end || !self.may_read(self.reader.as_ref(), limits) {
            return None;
        }
        if self.huge == Oversized::Admitted {
            self.forget_spare();
        }
        // Reading back begins once every batch is on disk.
        if self.to_spill == 0
            && let Some(bytes) = self.spilled.front().map(|spilled| spilled.memory())
        {
            if bytes > limits.budget.blocks && self.huge == Oversized::None {
                self.huge = Oversized::Pending;
                return self.next_route(limits);
            }
            let spilled = self.spilled.pop_front()?;
            self.read_to_end = self.spilled.is_empty();
            return Some(Step::ReadSpilled(self.in_flight.begin_known(bytes), spilled, bytes));
        }
        let reader = self.reader.take()?;
        if self.huge == Oversized::Admitted {
            return Some(Step::ReadHuge(Box::new(reader)));
        }
        let columns = if limits.reads_ahead(&reader) { None } else { self.spare_columns.pop() };
        Some(Step::Read(Box::new(reader), self.spare_bytes.pop(), columns))
    }
}
