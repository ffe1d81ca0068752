//! What is done in input order: the account, and the way of rows from their block to their row group.

use std::mem;

use super::{
    BUFFERED_SHARE, IDLE_BLOCKS, IDLE_SHARE, ROW_GROUP_SHARE, SPILL_BATCH_SHARE, SPILL_BELOW_SHARE,
    account::{Account, LineNumbers, Totals},
    files::LeafCounts,
};
use crate::{
    columns::{Bitmap, Column, ColumnShape, Columns, ScalarType, Values},
    decode::DecodedBlock,
    error::{Error, Result},
    input::RecordBlock,
    observe::{Progress, Stage},
    partition::{Partitions, Router, RowBuffers},
    spill::SHARES,
};

/// Taken by one worker at a time.
pub(super) struct Merge {
    pub account: Account,
    router: Router,
    /// Rows that wait for their row group: by partition, or, when rows come back from disk, by the partition's place in
    /// its share.
    buffers: RowBuffers,
    way: Way,
    limits: MergeLimits,
    /// Columns of the table that the files have, and the values in them so far.
    file_columns: Vec<usize>,
    num_values: LeafCounts,
}

/// Where rows go that are not a row group yet.
enum Way {
    /// To the buffer of their partition.
    Memory,
    /// To disk, since there was no room for them.
    Disk(Spill),
    /// They come back from disk.
    Back,
}

/// When rows leave memory, in bytes.
#[derive(Debug, Clone, Copy)]
pub(super) struct MergeLimits {
    /// All waiting rows.
    pub buffered: usize,
    /// Those of one row group.
    pub row_group: usize,
    /// Row groups smaller than this are not worth writing while there is more to come.
    pub spill_below: usize,
    /// One batch of spilled rows.
    pub batch: usize,
    /// Row groups of partitions that had no row for a while.
    pub idle: usize,
}

/// Rows by share, each with its partition in a column behind those of the table.
struct Spill {
    buffers: RowBuffers,
    /// Batches of each share so far.
    num_batches: Vec<u64>,
}

/// Rows that are complete for what is done next.
pub(super) enum Ready {
    /// A row group of a partition.
    RowGroup(usize, Columns),
    /// The last row group of a partition.
    LastRowGroup(usize, Columns),
    /// A batch of rows for the disk: share, number, rows.
    Batch(usize, u64, Columns),
}

/// The column of a spilled row's partition.
pub(super) const PARTITION: ColumnShape = ColumnShape::Scalar(ScalarType::Int64);

impl MergeLimits {
    /// Shares of the memory of the run, bytes.
    pub fn new(memory: usize) -> Self {
        Self {
            buffered: memory / BUFFERED_SHARE as usize,
            row_group: memory / ROW_GROUP_SHARE as usize,
            spill_below: memory / SPILL_BELOW_SHARE as usize,
            batch: (memory / SPILL_BATCH_SHARE as usize).min(RowBuffers::MAX_BUFFER_BYTES),
            idle: memory / IDLE_SHARE as usize,
        }
    }
}

impl Merge {
    pub fn new(
        account: Account,
        router: Router,
        buffers: RowBuffers,
        limits: MergeLimits,
        file_columns: Vec<usize>,
    ) -> Self {
        let num_values = LeafCounts::default();
        Self { account, router, buffers, way: Way::Memory, limits, file_columns, num_values }
    }

    /// Gives back the memory of a row group.
    pub fn recycle(&mut self, rows: Columns) {
        self.buffers.recycle(rows);
    }

    /// Takes the rows of the next block; they are left without rows, ready to be filled again.
    pub fn block(
        &mut self,
        block: &RecordBlock,
        decoded: &mut DecodedBlock,
        lines: LineNumbers,
        ready: &mut Vec<Ready>,
    ) -> Result<()> {
        self.account.block(block, decoded, lines)?;
        let rows = &mut decoded.columns;
        let partitions = self.router.route(rows)?;
        let mut counts = Vec::new();
        for &column in &self.file_columns {
            rows.columns[column].leaf_values(&mut |count| counts.push(count as u64));
        }
        self.num_values.add(counts);
        match &mut self.way {
            Way::Disk(spill) => spill.add(rows, &partitions),
            Way::Memory | Way::Back => self.buffers.add(rows, &partitions),
        }
        rows.clear();
        self.take_full(ready, |partition| partition);
        Ok(())
    }

    /// Takes the next batch of a share, back from disk.
    pub fn spilled(&mut self, share: usize, mut rows: Columns, ready: &mut Vec<Ready>) -> Result<()> {
        let Some(Column { values: Values::Int64(partitions), .. }) = rows.columns.pop() else {
            return Err(Error::Bug("spilled rows without their partitions".to_owned()));
        };
        if partitions.len() != rows.num_rows {
            return Err(Error::Bug(format!("{} partitions of {} spilled rows", partitions.len(), rows.num_rows)));
        }
        let places: Vec<u32> = partitions.iter().map(|&partition| partition as u32 / SHARES as u32).collect();
        self.buffers.add(&rows, &Partitions::Each(&places));
        self.take_full(ready, |place| place * SHARES + share);
        Ok(())
    }

    /// A share has come back to its end: its partitions get their last rows.
    pub fn end_of_share(&mut self, share: usize, ready: &mut Vec<Ready>) {
        for place in self.buffers.waiting() {
            let rows = self.buffers.take_all(place);
            ready.extend(rows.map(|rows| Ready::LastRowGroup(place * SHARES + share, rows)));
        }
    }

    /// All input was read: gives what waits. If rows went to disk they have to come back: the batches of each share.
    pub fn end_of_input(&mut self, ready: &mut Vec<Ready>) -> Option<Vec<u64>> {
        if let Way::Disk(mut spill) = mem::replace(&mut self.way, Way::Back) {
            for share in spill.buffers.waiting() {
                ready.extend(spill.take(share));
            }
            return Some(spill.num_batches);
        }
        // The largest first: they take longest, and no worker shall be left with one at the end.
        while let Some((partition, _)) = self.buffers.largest() {
            ready.extend(self.buffers.take_all(partition).map(|rows| Ready::LastRowGroup(partition, rows)));
        }
        None
    }

    /// The account so far, and the number of partitions.
    pub fn so_far(&self) -> (&Totals, usize) {
        (self.account.totals(), self.router.paths().len())
    }

    pub fn progress(&self, stage: Stage) -> Progress {
        let spilling = if let Way::Disk(spill) = &self.way { spill.buffers.bytes() } else { 0 };
        Progress {
            stage,
            partitions: self.router.paths().len() as u64,
            buffered_bytes: (self.buffers.bytes() + spilling) as u64,
            ..self.account.progress()
        }
    }

    /// The account, the partitions, and the values that the files must have, when all is done.
    pub fn finish(self) -> (Account, Router, LeafCounts) {
        (self.account, self.router, self.num_values)
    }

    /// Takes what is complete, and more if the rows are too many. `partition_of` tells the partition of a buffer.
    fn take_full(&mut self, ready: &mut Vec<Ready>, partition_of: impl Fn(usize) -> usize) {
        while let Some((buffer, rows)) = self.buffers.take_full() {
            ready.push(Ready::RowGroup(partition_of(buffer), rows));
        }
        let limits = self.limits;
        while let Some((buffer, bytes)) = self.buffers.largest() {
            let too_many = self.buffers.bytes() > limits.buffered;
            if !too_many && bytes <= limits.row_group {
                break;
            }
            if too_many && bytes < limits.spill_below && matches!(self.way, Way::Memory) {
                self.way = Way::Disk(Spill::begin(&mut self.buffers, ready, limits));
                break;
            }
            ready.extend(self.buffers.take_all(buffer).map(|rows| Ready::RowGroup(partition_of(buffer), rows)));
        }
        while let Some(buffer) = self.buffers.idle(IDLE_BLOCKS, limits.idle) {
            ready.extend(self.buffers.take_all(buffer).map(|rows| Ready::RowGroup(partition_of(buffer), rows)));
        }
        if let Way::Disk(spill) = &mut self.way {
            spill.take_full(ready, limits);
        }
    }
}

impl Spill {
    /// Takes over all waiting rows.
    fn begin(waiting: &mut RowBuffers, ready: &mut Vec<Ready>, limits: MergeLimits) -> Self {
        let mut shapes = waiting.shapes().to_vec();
        shapes.push(PARTITION);
        let mut spill = Self { buffers: RowBuffers::new(shapes, usize::MAX), num_batches: vec![0; SHARES] };
        for partition in waiting.waiting() {
            if let Some(mut rows) = waiting.take_all(partition) {
                spill.add(&mut rows, &Partitions::One(partition));
                spill.take_full(ready, limits);
            }
        }
        spill
    }

    /// Copies rows behind those of their shares.
    fn add(&mut self, rows: &mut Columns, partitions: &Partitions<'_>) {
        let shares: Vec<u32>;
        let (numbers, shares) = match *partitions {
            Partitions::One(partition) => (vec![partition as i64; rows.num_rows], Partitions::One(partition % SHARES)),
            Partitions::Each(partitions) => {
                shares = partitions.iter().map(|&partition| partition % SHARES as u32).collect();
                (partitions.iter().map(|&partition| i64::from(partition)).collect(), Partitions::Each(&shares))
            }
        };
        let validity = Bitmap::all_set(rows.num_rows);
        rows.columns.push(Column { validity, values: Values::Int64(numbers) });
        self.buffers.add(rows, &shares);
        rows.columns.pop();
    }

    fn take_full(&mut self, ready: &mut Vec<Ready>, limits: MergeLimits) {
        while let Some((share, bytes)) = self.buffers.largest() {
            if bytes <= limits.batch && self.buffers.bytes() <= limits.buffered {
                break;
            }
            ready.extend(self.take(share));
        }
    }

    /// All waiting rows of a share.
    fn take(&mut self, share: usize) -> Option<Ready> {
        let rows = self.buffers.take_all(share)?;
        self.num_batches[share] += 1;
        Some(Ready::Batch(share, self.num_batches[share] - 1, rows))
    }
}
