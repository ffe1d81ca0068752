//! What is done in input order: keeping the account, and collecting rows into row groups.

use std::mem;

use super::{
    IDLE_BLOCKS, LONG_IDLE_BLOCKS,
    account::{Account, Totals},
    files::LeafCounts,
    memory::Budget,
};
use crate::{
    columns::{Columns, PackedRows},
    error::Result,
    observe::{Progress, Stage},
    partition::{Partitions, Router, RowBuffers, WaitingRows},
    spill::{self, NUM_SPILL_FILES},
};

/// State of the routing; one worker at a time takes it.
pub(super) struct InOrder {
    pub account: Account,
    router: Router,
    /// Rows that wait for their row group: by partition, or, while spilled rows are read back, by the partition's index
    /// in its spill file.
    buffers: RowBuffers,
    destination: Destination,
    /// The spill file that was read back last.
    spill_file: usize,
    /// How often waiting rows were evicted for a huge block.
    num_evictions: u32,
    budget: Budget,
    /// The table's columns that the files contain.
    file_columns: Vec<usize>,
    /// Number of values routed so far, by leaf of the files.
    num_values: LeafCounts,
}

/// Where routed rows go while their row group is incomplete.
enum Destination {
    /// Into the buffer of their partition.
    Memory,
    /// To disk, since memory was full.
    Disk(Box<Spill>),
    /// Into buffers again: spilled rows are being read back.
    Back,
}

/// How many huge blocks may have small row groups written to make room. After that, rows go to disk instead.
const MAX_SMALL_EVICTIONS: u32 = 8;

/// Packed rows on their way to disk, by spill file.
struct Spill {
    buffers: RowBuffers,
    /// Size of the rows in each batch so far, by spill file, bytes.
    batches: Vec<Vec<usize>>,
}

/// Rows that are ready to be encoded or spilled.
pub(super) enum Ready {
    /// A row group of a partition.
    RowGroup(usize, WaitingRows),
    /// The last row group of a partition.
    LastRowGroup(usize, WaitingRows),
    /// A batch of rows for the disk: spill file, number, rows.
    Batch(usize, u64, PackedRows),
}

impl InOrder {
    pub fn new(
        account: Account,
        router: Router,
        buffers: RowBuffers,
        budget: Budget,
        file_columns: Vec<usize>,
    ) -> Self {
        let num_values = LeafCounts::default();
        Self {
            account,
            router,
            buffers,
            destination: Destination::Memory,
            spill_file: 0,
            num_evictions: 0,
            budget,
            file_columns,
            num_values,
        }
    }

    /// Takes back the memory of an encoded row group for reuse.
    pub fn recycle(&mut self, rows: Columns) {
        self.buffers.recycle(rows);
    }

    /// Routes the rows of the next block. `rows` is cleared and can be filled again.
    pub fn rows(&mut self, rows: &mut Columns, ready: &mut Vec<Ready>) -> Result<()> {
        let partitions = self.router.route(rows)?;
        let mut counts = Vec::new();
        for &column in &self.file_columns {
            rows.columns[column].leaf_values(&mut |count| counts.push(count as u64));
        }
        self.num_values.add(counts);
        match &mut self.destination {
            Destination::Disk(spill) => spill.buffers.add_packed(rows, &partitions, spill::file_of),
            Destination::Memory | Destination::Back => self.buffers.add(rows, &partitions)?,
        }
        rows.clear();
        self.take_full(ready, |partition| partition);
        Ok(())
    }

    /// Buffers the next batch of a spill file that was read back from disk.
    pub fn spilled(&mut self, file: usize, rows: &PackedRows, ready: &mut Vec<Ready>) {
        self.spill_file = file;
        self.buffers.push(rows, spill::index_in_file);
        self.take_full(ready, |index| spill::partition_at(file, index));
    }

    /// Evicts waiting rows before a block that needs nearly all of the memory.
    pub fn make_room(&mut self, ready: &mut Vec<Ready>) {
        self.num_evictions += 1;
        let (buffered, file) = (self.budget.buffered_beside_huge, self.spill_file);
        match self.destination {
            Destination::Back => self.take_beyond(buffered, ready, |index| spill::partition_at(file, index)),
            Destination::Memory | Destination::Disk(_) => self.take_beyond(buffered, ready, |partition| partition),
        }
        self.buffers.forget_spare();
    }

    /// Completes the partitions of a spill file: all of its batches were read back.
    pub fn end_of_spill_file(&mut self, file: usize, ready: &mut Vec<Ready>) {
        for index in self.buffers.waiting() {
            let rows = self.buffers.take_all(index);
            ready.extend(rows.map(|rows| Ready::LastRowGroup(spill::partition_at(file, index), rows)));
        }
    }

    /// Completes all waiting rows: all input was read. If rows were spilled, returns the sizes of the batches to read
    /// back, by spill file, in bytes.
    pub fn end_of_input(&mut self, ready: &mut Vec<Ready>) -> Option<Vec<Vec<usize>>> {
        if let Destination::Disk(mut spill) = mem::replace(&mut self.destination, Destination::Back) {
            for file in spill.buffers.waiting() {
                ready.extend(spill.take(file));
            }
            return Some(spill.batches);
        }
        // The largest come first: they take longest, and no worker should be left alone with one at the end.
        while let Some((partition, _)) = self.buffers.largest() {
            ready.extend(self.buffers.take_all(partition).map(|rows| Ready::LastRowGroup(partition, rows)));
        }
        None
    }

    /// The totals and the number of partitions so far.
    pub fn so_far(&self) -> (&Totals, usize) {
        (self.account.totals(), self.router.paths().len())
    }

    pub fn progress(&self, stage: Stage) -> Progress {
        let spilling = if let Destination::Disk(spill) = &self.destination { spill.buffers.bytes() } else { 0 };
        Progress {
            stage,
            partitions: self.router.paths().len() as u64,
            buffered_bytes: (self.buffers.bytes() + spilling) as u64,
            ..self.account.progress()
        }
    }

    /// Returns the account, the partitions, and the number of values that the files must contain.
    pub fn finish(self) -> (Account, Router, LeafCounts) {
        (self.account, self.router, self.num_values)
    }

    /// Takes full buffers, and further ones if too many rows wait or a partition is idle. `partition_of` maps a buffer
    /// to its partition.
    fn take_full(&mut self, ready: &mut Vec<Ready>, partition_of: impl Fn(usize) -> usize) {
        self.take_beyond(self.budget.buffered, ready, &partition_of);
        for (blocks, bytes) in [(IDLE_BLOCKS, self.budget.idle), (LONG_IDLE_BLOCKS, self.budget.spill_below)] {
            while let Some(buffer) = self.buffers.idle(blocks, bytes) {
                ready.extend(self.buffers.take_all(buffer).map(|rows| Ready::RowGroup(partition_of(buffer), rows)));
            }
        }
    }

    /// Takes full buffers, and then the largest ones until at most `buffered` bytes of rows wait. If their row groups
    /// would be too small, the rows go to disk from now on.
    fn take_beyond(&mut self, buffered: usize, ready: &mut Vec<Ready>, partition_of: impl Fn(usize) -> usize) {
        while let Some((buffer, rows)) = self.buffers.take_full() {
            ready.push(Ready::RowGroup(partition_of(buffer), rows));
        }
        while let Some((buffer, bytes)) = self.buffers.largest() {
            let too_many = self.buffers.bytes() > buffered;
            if !too_many && bytes <= self.budget.row_group {
                break;
            }
            if too_many && self.spills_instead_of(bytes) {
                self.destination = Destination::Disk(Box::new(Spill::begin(&mut self.buffers, ready, self.budget)));
                break;
            }
            ready.extend(self.buffers.take_all(buffer).map(|rows| Ready::RowGroup(partition_of(buffer), rows)));
        }
        if let Destination::Disk(spill) = &mut self.destination {
            spill.take_beyond(buffered, ready, self.budget.batch);
        }
    }

    /// Whether rows should go to disk from now on, rather than have a row group of `bytes` bytes written.
    const fn spills_instead_of(&self, bytes: usize) -> bool {
        let is_full = self.buffers.bytes() > self.budget.buffered || self.num_evictions > MAX_SMALL_EVICTIONS;
        is_full && bytes < self.budget.spill_below && matches!(self.destination, Destination::Memory)
    }
}

impl Spill {
    /// Moves all waiting rows to the spill.
    fn begin(waiting: &mut RowBuffers, ready: &mut Vec<Ready>, budget: Budget) -> Self {
        let buffers = RowBuffers::new(waiting.shapes().to_vec(), usize::MAX);
        let mut spill = Self { buffers, batches: vec![Vec::new(); NUM_SPILL_FILES] };
        for partition in waiting.waiting() {
            if let Some(WaitingRows { columns, packed }) = waiting.take_all(partition) {
                spill.buffers.add_packed(&columns, &Partitions::One(partition), spill::file_of);
                drop(columns);
                spill.buffers.push(&packed, spill::file_of);
                spill.take_beyond(budget.buffered, ready, budget.batch);
            }
        }
        spill
    }

    /// Takes full batches, and then the largest ones until at most `buffered` bytes of rows wait.
    fn take_beyond(&mut self, buffered: usize, ready: &mut Vec<Ready>, batch: usize) {
        while let Some((file, bytes)) = self.buffers.largest() {
            if bytes <= batch && self.buffers.bytes() <= buffered {
                break;
            }
            ready.extend(self.take(file));
        }
    }

    /// Takes all waiting rows of a spill file as its next batch.
    fn take(&mut self, file: usize) -> Option<Ready> {
        let rows = self.buffers.take_all(file)?.packed;
        let batches = &mut self.batches[file];
        batches.push(rows.byte_size());
        Some(Ready::Batch(file, batches.len() as u64 - 1, rows))
    }
}
