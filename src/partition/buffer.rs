//! Rows that wait for their row group: one buffer for each partition.
//!
//! ```text
//! many rows of a block for one partition  ->  by columns, as they stand in the block
//! a few rows for each of many             ->  packed, each row in one place            ->  by columns when they are taken
//! ```
//!
//! Row groups that are complete depend on the rows and their order alone. How large the others are, and who is idle, is
//! looked at behind each block, so that depends on where blocks end, which is a matter of the input alone.

mod scatter;
mod waiting;

use std::{
    cmp::Reverse,
    collections::{BTreeSet, VecDeque},
    mem,
};

pub use self::waiting::WaitingRows;
use self::{scatter::Target, waiting::rows_of};
use super::route::Partitions;
use crate::{
    columns::{Column, ColumnShape, Columns, PackedRows, Packer},
    error::Result,
};

/// The waiting rows of one partition.
#[derive(Debug, Default)]
pub(super) struct Buffer {
    /// In input order.
    rows: WaitingRows,
    /// Rows before this one were taken already; zero unless one block brought several row groups at once.
    first_row: usize,
    /// What the budget is charged.
    bytes: usize,
    /// Whether the columns have room for a row group: in memory of one that was taken before, or in memory of their own.
    is_spacious: bool,
    /// How many rows the block at hand has for it; zero between blocks.
    rows_of_block: usize,
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
    /// Memory of row groups that are done with.
    spare: Vec<Columns>,
    /// Scratch, used again for each block.
    targets: Vec<Target>,
}

impl RowBuffers {
    /// A buffer is full at this size even if it has less rows than a row group: offsets within a column have 32 bits,
    /// and a block that is appended to a buffer just below this must still fit.
    pub const MAX_BUFFER_BYTES: usize = 1 << 30;

    /// Row groups whose memory is kept: in input that is in order one buffer grows at a time, and at the end of a day what is
    /// behind its last full row group waits beside it. Together they have room for two row groups and a half at most.
    pub const MAX_SPARE: usize = 2;

    /// A buffer that has this part of what spare memory has room for moves there instead of growing on. A smaller one
    /// would hold too much that it may never need.
    const MOVES_FROM_SHARE: usize = 4;

    /// From so many rows of one block on a partition gets them by columns.
    const MANY_ROWS: usize = 16;

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
    ///
    /// # Errors
    /// [`Error::Bug`](crate::error::Error::Bug): nothing that a row could hold makes this fail.
    pub fn add(&mut self, block: &Columns, partitions: &Partitions<'_>) -> Result<()> {
        self.num_blocks += 1;
        let mut touched = Vec::new();
        match *partitions {
            Partitions::One(partition) => {
                self.touch(partition, &mut touched);
                // Copied even where the buffer is empty: a block's columns go back to the decoder, and one that had grown to
                // the size of a row group would hold that memory for every block to come.
                self.columns_of(partition)?.append(block);
            }
            Partitions::Each(partitions) => {
                for &partition in partitions {
                    self.touch(partition as usize, &mut touched);
                }
                let many = touched.iter().filter(|&&partition| self.has_many(partition)).count();
                if many < touched.len() {
                    self.pack(block, |buffers, row| {
                        let partition = partitions[row] as usize;
                        (!buffers.has_many(partition)).then_some((partition, partition))
                    });
                }
                if many > 0 {
                    self.scatter(block, partitions)?;
                }
            }
        }
        self.settle(&touched);
        Ok(())
    }

    /// Packs the rows of `block`, each behind those that wait in the buffer that `buffer_of` names for its partition.
    pub fn add_packed(&mut self, block: &Columns, partitions: &Partitions<'_>, buffer_of: impl Fn(usize) -> usize) {
        self.num_blocks += 1;
        let partition_of = |row: usize| match *partitions {
            Partitions::One(partition) => partition,
            Partitions::Each(partitions) => partitions[row] as usize,
        };
        let mut touched = Vec::new();
        (0..block.num_rows).for_each(|row| self.touch(buffer_of(partition_of(row)), &mut touched));
        self.pack(block, |_, row| Some((buffer_of(partition_of(row)), partition_of(row))));
        self.settle(&touched);
    }

    /// Copies packed rows, each behind those that wait in the buffer that `buffer_of` names for its partition.
    pub fn push(&mut self, rows: &PackedRows, buffer_of: impl Fn(usize) -> usize) {
        self.num_blocks += 1;
        let mut touched = Vec::new();
        for row in rows.iter() {
            let buffer = buffer_of(row.partition);
            self.touch(buffer, &mut touched);
            self.buffers[buffer].rows.packed.push(row);
        }
        self.settle(&touched);
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
    pub fn take_full(&mut self) -> Option<(usize, WaitingRows)> {
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
    pub fn take_all(&mut self, partition: usize) -> Option<WaitingRows> {
        let rows = self.buffers.get(partition)?.num_rows();
        (rows > 0).then(|| self.take_first(partition, rows))
    }

    /// Gives back the memory of rows that were taken: growing to the size of a row group means copying it several times.
    /// Which rows are in which row group does not depend on it.
    pub fn recycle(&mut self, mut rows: Columns) {
        if rows.byte_capacity() / 2 > self.row_group_bytes {
            // Of a huge row.
            return;
        }
        rows.clear();
        self.spare.push(rows);
        let bytes = |spare: &[Columns]| spare.iter().map(Columns::byte_capacity).sum::<usize>();
        while self.spare.len() > Self::MAX_SPARE || bytes(&self.spare) / 5 * 2 > self.row_group_bytes {
            // A larger one does for every row group that a smaller one would do for.
            let Some(smallest) = (0..self.spare.len()).min_by_key(|&at| self.spare[at].byte_capacity()) else { return };
            self.spare.swap_remove(smallest);
        }
    }

    /// Lets the memory go that was given back.
    pub fn forget_spare(&mut self) {
        self.spare.clear();
    }

    /// Packs the rows of a block for which `place_of` gives a buffer and a partition.
    fn pack(&mut self, block: &Columns, place_of: impl Fn(&Self, usize) -> Option<(usize, usize)>) {
        let mut packer = Packer::new(block);
        for row in 0..block.num_rows {
            match place_of(self, row) {
                Some((buffer, partition)) => packer.pack(partition, &mut self.buffers[buffer].rows.packed),
                None => packer.skip(),
            }
        }
    }

    /// Moves rows of a block to the columns of their partition if that gets many.
    fn scatter(&mut self, block: &Columns, partitions: &[u32]) -> Result<()> {
        let mut targets = mem::take(&mut self.targets);
        targets.clear();
        for &partition in partitions {
            let buffer = partition as usize;
            targets.push(if self.has_many(buffer) {
                let columns = self.columns_of(buffer)?;
                columns.num_rows += 1;
                Target { buffer, row: columns.num_rows - 1 }
            } else {
                Target::NOWHERE
            });
        }
        scatter::scatter(block, &targets, &mut self.buffers);
        self.targets = targets;
        Ok(())
    }

    fn has_many(&self, partition: usize) -> bool {
        self.buffers[partition].rows_of_block >= Self::MANY_ROWS
    }

    /// Says that the block at hand has a row for a buffer; `touched` has each once.
    fn touch(&mut self, partition: usize, touched: &mut Vec<usize>) {
        if partition >= self.buffers.len() {
            self.buffers.resize_with(partition + 1, Buffer::default);
        }
        let buffer = &mut self.buffers[partition];
        if buffer.rows_of_block == 0 {
            buffer.last_block = self.num_blocks;
            touched.push(partition);
        }
        buffer.rows_of_block += 1;
    }

    /// The block at hand has been added.
    fn settle(&mut self, touched: &[usize]) {
        for &partition in touched {
            self.buffers[partition].rows_of_block = 0;
            self.account(partition);
            self.make_room(partition);
            if self.is_full(partition) {
                self.full.push_back(partition);
            }
        }
    }

    /// The columns of a buffer, with all its rows in them.
    fn columns_of(&mut self, partition: usize) -> Result<&mut Columns> {
        let rows = &mut self.buffers[partition].rows;
        rows.unpack(|| Columns::new(&self.shapes))?;
        Ok(&mut rows.columns)
    }

    /// Gives the waiting rows of a partition room for a row group, if they have grown enough for it: growing on in small steps
    /// would copy them several times, each time to memory that was not touched before.
    fn make_room(&mut self, partition: usize) {
        let Buffer { bytes, is_spacious, ref rows, .. } = self.buffers[partition];
        if is_spacious || rows.columns.num_rows == 0 {
            return;
        }
        let comes_next = bytes > self.bytes / 2 && bytes >= self.least_bytes;
        let fits = |room: usize| bytes < room && (comes_next || bytes >= room / Self::MOVES_FROM_SHARE);
        let buffer = &mut self.buffers[partition];
        if let Some(at) = self.spare.iter().position(|spare| fits(spare.byte_capacity())) {
            let mut columns = self.spare.swap_remove(at);
            columns.append(&buffer.rows.columns);
            buffer.rows.columns = columns;
            buffer.is_spacious = true;
            return;
        }
        // What it will be: rows go on like those that are there.
        let full = (bytes / buffer.num_rows()).saturating_mul(self.row_group_rows).min(self.row_group_bytes);
        if comes_next && self.roomy.is_none() && fits(full) && full <= Self::MAX_BUFFER_BYTES {
            let full = full + full / Self::ROOM_TO_SPARE;
            buffer.rows.columns.reserve(full - bytes, bytes);
            buffer.is_spacious = true;
            self.roomy = Some(partition);
        }
    }

    fn is_full(&self, partition: usize) -> bool {
        let buffer = &self.buffers[partition];
        buffer.num_rows() >= self.row_group_rows || buffer.bytes >= Self::MAX_BUFFER_BYTES
    }

    /// Takes the first `rows` waiting rows, or all if there are fewer. As little as possible is copied: mostly the few
    /// rows behind, which came with the last block; but where one block brought many row groups each is copied once.
    fn take_first(&mut self, partition: usize, rows: usize) -> WaitingRows {
        let buffer = &mut self.buffers[partition];
        buffer.is_spacious = false;
        if self.roomy == Some(partition) {
            self.roomy = None;
        }
        let (start, total) = (buffer.first_row, buffer.rows.columns.num_rows);
        let end = (start + rows).min(total);
        let columns = if end == total && start == 0 {
            mem::take(&mut buffer.rows.columns)
        } else if start == 0 && total - end < end {
            let rest = rows_of(&self.shapes, &buffer.rows.columns, end, total);
            let mut taken = mem::replace(&mut buffer.rows.columns, rest);
            taken.truncate(end);
            taken
        } else {
            let taken = rows_of(&self.shapes, &buffer.rows.columns, start, end);
            buffer.first_row = end;
            if total - end < self.row_group_rows {
                buffer.rows.columns = rows_of(&self.shapes, &buffer.rows.columns, end, total);
                buffer.first_row = 0;
            }
            taken
        };
        let packed = buffer.rows.packed.take_first(rows - columns.num_rows);
        self.account(partition);
        WaitingRows { columns, packed }
    }

    /// Brings the sums up to date after the waiting rows of `partition` have changed.
    fn account(&mut self, partition: usize) {
        let buffer = &mut self.buffers[partition];
        self.by_size.remove(&(buffer.bytes, Reverse(partition)));
        self.bytes -= buffer.bytes;
        buffer.bytes = charge(&buffer.rows.columns) + charge_packed(&buffer.rows.packed);
        self.bytes += buffer.bytes;
        if buffer.num_rows() > 0 {
            self.by_size.insert((buffer.bytes, Reverse(partition)));
        }
    }
}

impl Buffer {
    const fn num_rows(&self) -> usize {
        self.rows.num_rows() - self.first_row
    }
}

/// What the budget is charged for columns. Empty ones take memory too: with thousands of partitions more than their rows.
fn charge(rows: &Columns) -> usize {
    rows.byte_size() + rows.columns.len() * size_of::<Column>()
}

/// What the budget is charged for packed rows: what they take now or will take in columns. With thousands of partitions what
/// is kept of each counts too.
fn charge_packed(rows: &PackedRows) -> usize {
    if rows.num_rows() == 0 { 0 } else { rows.byte_capacity().max(rows.unpacked_size()) + size_of::<Buffer>() }
}

#[cfg(test)]
mod tests;
