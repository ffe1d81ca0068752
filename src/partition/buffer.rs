//! Rows that wait for their row group: one buffer for each partition.
//!
//! Row groups that are complete depend on the rows and their order alone. How large the others are, and who is idle, is
//! looked at behind each block, so that depends on where blocks end, which is a matter of the input alone.

mod scatter;

use std::{
    cmp::Reverse,
    collections::{BTreeSet, VecDeque},
    mem,
};

use self::scatter::Target;
use super::route::Partitions;
use crate::columns::{Column, ColumnShape, Columns};

/// The waiting rows of one partition.
#[derive(Debug, Default)]
pub(super) struct Buffer {
    /// In input order, all columns of the table. No columns at all while no row waits.
    pub columns: Columns,
    /// Rows before this one were taken already; zero unless one block brought several row groups at once.
    first_row: usize,
    /// What the budget is charged.
    bytes: usize,
    /// Whether the columns have room for a row group: in memory of one that was taken before, or in memory of their own.
    is_spacious: bool,
    /// Whether the block at hand has rows for it; false between blocks.
    touched: bool,
    /// Number of the last block that had rows for it.
    last_block: u64,
}

/// Waiting rows of all partitions.
#[derive(Debug)]
pub struct RowBuffers {
    shapes: Vec<ColumnShape>,
    row_group_rows: usize,
    /// From this size on a row group is worth writing, and at this one it is taken whatever its rows.
    least_bytes: usize,
    row_group_bytes: usize,
    /// By partition.
    buffers: Vec<Buffer>,
    /// Partitions with waiting rows by size, the largest last; the lower one wins a tie.
    by_size: BTreeSet<(usize, Reverse<usize>)>,
    /// Partitions whose buffers hold a row group or more.
    full: VecDeque<usize>,
    bytes: usize,
    /// Blocks so far.
    num_blocks: u64,
    /// The buffer that was given room of its own and has not been taken since. One at a time, for no budget knows of it.
    roomy: Option<usize>,
    /// Memory of row groups that are done with, and what they were charged.
    spare: Vec<(Columns, usize)>,
    /// Scratch, used again for each block.
    targets: Vec<Target>,
}

impl RowBuffers {
    /// A buffer is full at this size even if it has less rows than a row group: offsets within a column have 32 bits,
    /// and a block that is appended to a buffer just below this must still fit.
    pub const MAX_BUFFER_BYTES: usize = 1 << 30;

    /// Row groups whose memory is kept: in input that is in order one buffer grows at a time.
    pub const MAX_SPARE: usize = 1;

    /// A buffer that has this part of what spare memory held before moves there instead of growing on. A smaller one
    /// would hold too much that it may never need.
    const MOVES_FROM_SHARE: usize = 4;

    /// Not all columns of a row group go on as they began: this part of it more.
    const ROOM_TO_SPARE: usize = 8;

    /// For rows of a table with these shapes. A buffer is full with `row_group_rows` rows (at least 1).
    #[must_use]
    pub const fn new(shapes: Vec<ColumnShape>, row_group_rows: usize) -> Self {
        Self {
            shapes,
            row_group_rows: if row_group_rows == 0 { 1 } else { row_group_rows },
            least_bytes: usize::MAX,
            row_group_bytes: usize::MAX,
            buffers: Vec::new(),
            by_size: BTreeSet::new(),
            full: VecDeque::new(),
            bytes: 0,
            num_blocks: 0,
            roomy: None,
            spare: Vec::new(),
            targets: Vec::new(),
        }
    }

    /// Says from which size on the caller takes the rows of a partition that is idle, and at which it takes them even if
    /// they are fewer than a row group, bytes. A buffer of the first size that has most of the waiting rows gets room for
    /// a whole row group: in input that is in order this is the next one, and if not it will not keep the room for long.
    #[must_use]
    pub const fn with_row_group_bytes(mut self, least: usize, most: usize) -> Self {
        (self.least_bytes, self.row_group_bytes) = (least, most);
        self
    }

    /// Copies the rows of `block` behind those that wait in their partitions. Afterwards the caller takes what has
    /// become full: [`RowBuffers::take_full`].
    pub fn add(&mut self, block: &Columns, partitions: &Partitions<'_>) {
        self.num_blocks += 1;
        match *partitions {
            Partitions::One(partition) => {
                self.add_whole(block, partition);
                self.account(partition);
                self.make_room(partition);
                self.note_full(partition);
            }
            Partitions::Each(partitions) => {
                for partition in self.add_rows(block, partitions) {
                    self.account(partition);
                    self.make_room(partition);
                    self.note_full(partition);
                }
            }
        }
    }

    /// Shapes of the rows' columns.
    #[must_use]
    pub fn shapes(&self) -> &[ColumnShape] {
        &self.shapes
    }

    /// What the waiting rows of all partitions take, bytes.
    #[must_use]
    pub const fn bytes(&self) -> usize {
        self.bytes
    }

    /// The partition whose waiting rows take the most bytes, and how many; of equal ones the first. None when no row
    /// waits.
    #[must_use]
    pub fn largest(&self) -> Option<(usize, usize)> {
        self.by_size.last().map(|(bytes, Reverse(partition))| (*partition, *bytes))
    }

    /// A partition whose waiting rows take `min_bytes` or more and that had none in the last `num_blocks` blocks.
    #[must_use]
    pub fn idle(&self, num_blocks: u64, min_bytes: usize) -> Option<usize> {
        let large = self.by_size.iter().rev().take_while(|(bytes, _)| *bytes >= min_bytes);
        large
            .map(|(_, Reverse(partition))| *partition)
            .find(|&partition| self.num_blocks - self.buffers[partition].last_block >= num_blocks)
    }

    /// The partitions with waiting rows, in their order.
    #[must_use]
    pub fn waiting(&self) -> Vec<usize> {
        (0..self.buffers.len()).filter(|&partition| self.buffers[partition].num_rows() > 0).collect()
    }

    /// The next row group that is complete: a partition and exactly `row_group_rows` of its rows, or less if these
    /// are more than [`RowBuffers::MAX_BUFFER_BYTES`]. To be called after each block until there is none.
    pub fn take_full(&mut self) -> Option<(usize, Columns)> {
        while let Some(&partition) = self.full.front() {
            if self.is_full(partition) {
                return Some((partition, self.take_first(partition, self.row_group_rows)));
            }
            self.full.pop_front();
        }
        None
    }

    /// All waiting rows of a partition, fewer than a row group once [`RowBuffers::take_full`] has nothing more.
    /// None if no row waits.
    pub fn take_all(&mut self, partition: usize) -> Option<Columns> {
        let rows = self.buffers.get(partition)?.num_rows();
        (rows > 0).then(|| self.take_first(partition, rows))
    }

    /// Gives back the memory of rows that were taken: growing to the size of a row group means copying it several times.
    /// Which rows are in which row group does not depend on it.
    pub fn recycle(&mut self, mut rows: Columns) {
        let bytes = charge(&rows);
        rows.clear();
        if self.spare.len() == Self::MAX_SPARE {
            self.spare.remove(0);
        }
        self.spare.push((rows, bytes));
    }

    /// Lets the memory go that was given back.
    pub fn forget_spare(&mut self) {
        self.spare.clear();
    }

    /// Moves a whole block to one partition.
    fn add_whole(&mut self, block: &Columns, partition: usize) {
        // Copied even where the buffer is empty: a block's columns go back to the decoder, and one that had grown to the
        // size of a row group would hold that memory for every block to come.
        self.open(partition).columns.append(block);
    }

    /// Moves the rows of a block each to its partition; gives the partitions met, each once.
    fn add_rows(&mut self, block: &Columns, partitions: &[u32]) -> Vec<usize> {
        let mut touched = Vec::new();
        let mut targets = mem::take(&mut self.targets);
        targets.clear();
        for &partition in partitions {
            let partition = partition as usize;
            let buffer = self.open(partition);
            if !buffer.touched {
                buffer.touched = true;
                touched.push(partition);
            }
            targets.push(Target { partition, row: buffer.columns.num_rows });
            buffer.columns.num_rows += 1;
        }
        scatter::scatter(block, &targets, &mut self.buffers);
        self.targets = targets;
        for &partition in &touched {
            self.buffers[partition].touched = false;
        }
        touched
    }

    /// The buffer of a partition, with columns.
    fn open(&mut self, partition: usize) -> &mut Buffer {
        if partition >= self.buffers.len() {
            self.buffers.resize_with(partition + 1, Buffer::default);
        }
        let buffer = &mut self.buffers[partition];
        buffer.last_block = self.num_blocks;
        if buffer.columns.columns.is_empty() {
            buffer.columns = Columns::new(&self.shapes);
        }
        buffer
    }

    /// Gives the waiting rows of a partition room for a row group, if they have grown enough for it: growing on in small steps
    /// would copy them several times, each time to memory that was not touched before.
    fn make_room(&mut self, partition: usize) {
        let buffer = &mut self.buffers[partition];
        if buffer.is_spacious || buffer.num_rows() == 0 {
            return;
        }
        let comes_next = buffer.bytes > self.bytes / 2 && buffer.bytes >= self.least_bytes;
        let fits =
            |bytes: usize| buffer.bytes < bytes && (comes_next || buffer.bytes >= bytes / Self::MOVES_FROM_SHARE);
        if let Some(at) = self.spare.iter().position(|(_, bytes)| fits(*bytes)) {
            let (mut columns, _) = self.spare.swap_remove(at);
            columns.append(&buffer.columns);
            buffer.columns = columns;
            buffer.is_spacious = true;
            return;
        }
        // What it will be: rows go on like those that are there.
        let full = (buffer.bytes / buffer.num_rows()).saturating_mul(self.row_group_rows).min(self.row_group_bytes);
        if comes_next && self.roomy.is_none() && fits(full) && full <= Self::MAX_BUFFER_BYTES {
            let full = full + full / Self::ROOM_TO_SPARE;
            buffer.columns.reserve(full - buffer.bytes, buffer.bytes);
            buffer.is_spacious = true;
            self.roomy = Some(partition);
        }
    }

    fn note_full(&mut self, partition: usize) {
        if self.is_full(partition) {
            self.full.push_back(partition);
        }
    }

    fn is_full(&self, partition: usize) -> bool {
        let buffer = &self.buffers[partition];
        buffer.num_rows() >= self.row_group_rows || buffer.bytes >= Self::MAX_BUFFER_BYTES
    }

    /// Takes the first `rows` waiting rows, or all if there are fewer. As little as possible is copied: mostly the few
    /// rows behind, which came with the last block; but where one block brought many row groups each is copied once.
    fn take_first(&mut self, partition: usize, rows: usize) -> Columns {
        let buffer = &mut self.buffers[partition];
        buffer.is_spacious = false;
        if self.roomy == Some(partition) {
            self.roomy = None;
        }
        let (start, total) = (buffer.first_row, buffer.columns.num_rows);
        let end = (start + rows).min(total);
        let taken = if end == total && start == 0 {
            mem::take(&mut buffer.columns)
        } else if start == 0 && total - end < end {
            let rest = rows_of(&self.shapes, &buffer.columns, end, total);
            let mut taken = mem::replace(&mut buffer.columns, rest);
            taken.truncate(end);
            taken
        } else {
            let taken = rows_of(&self.shapes, &buffer.columns, start, end);
            buffer.first_row = end;
            if total - end < self.row_group_rows {
                buffer.columns = rows_of(&self.shapes, &buffer.columns, end, total);
                buffer.first_row = 0;
            }
            taken
        };
        self.account(partition);
        taken
    }

    /// Brings the sums up to date after the waiting rows of `partition` have changed.
    fn account(&mut self, partition: usize) {
        let buffer = &mut self.buffers[partition];
        self.by_size.remove(&(buffer.bytes, Reverse(partition)));
        self.bytes -= buffer.bytes;
        buffer.bytes = charge(&buffer.columns);
        self.bytes += buffer.bytes;
        if buffer.num_rows() > 0 {
            self.by_size.insert((buffer.bytes, Reverse(partition)));
        }
    }
}

impl Buffer {
    const fn num_rows(&self) -> usize {
        self.columns.num_rows - self.first_row
    }
}

/// What the budget is charged for rows. Empty columns take memory too: with thousands of partitions more than their rows.
fn charge(rows: &Columns) -> usize {
    rows.byte_size() + rows.columns.len() * size_of::<Column>()
}

/// A copy of the rows `from..to`; no columns if there are none.
fn rows_of(shapes: &[ColumnShape], columns: &Columns, from: usize, to: usize) -> Columns {
    if from == to {
        return Columns::default();
    }
    let mut copy = Columns::new(shapes);
    for (mine, theirs) in copy.columns.iter_mut().zip(&columns.columns) {
        mine.append_range(0, theirs, from, to);
    }
    copy.num_rows = to - from;
    copy
}

#[cfg(test)]
mod tests;
