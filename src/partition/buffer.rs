//! Buffers rows until their row group is complete: one buffer for each partition.
//!
//! ```text
//! many rows of a block for one partition  ->  by columns, as in the block
//! a few rows for each of many             ->  packed, each row in one place   ->   by columns when they are encoded
//! ```
//!
//! Complete row groups depend on the rows and their order alone. Oversized buffers and idle partitions are found after
//! each block, so they also depend on where blocks end, which the input alone determines.

mod scatter;
mod waiting;

use std::{
    cmp::Reverse,
    collections::{BTreeSet, VecDeque},
    mem,
};

pub use self::waiting::WaitingRows;
use self::{scatter::BufferRow, waiting::rows_of};
use super::route::Partitions;
use crate::{
    columns::{Column, ColumnShape, Columns, PackedRows, Packer},
    error::Result,
};

/// The waiting rows of one partition.
#[derive(Debug, Default)]
pub(super) struct Buffer {
    /// The rows, in input order.
    rows: WaitingRows,
    /// Rows before this one were already taken; zero unless one block brought several row groups at once.
    first_row: usize,
    /// Bytes charged to the budget.
    bytes: usize,
    /// Whether the columns have capacity for a whole row group, recycled or newly allocated.
    has_row_group_capacity: bool,
    /// Number of rows that the current block has for it; zero between blocks.
    rows_of_block: usize,
    /// Number of the last block that had rows for it.
    last_block: u64,
}

/// Waiting rows of all partitions.
#[derive(Debug)]
pub struct RowBuffers {
    shapes: Vec<ColumnShape>,
    row_group_rows: usize,
    /// Minimum size of a row group that is worth writing, and the size at which it is taken however few rows it has.
    min_bytes: usize,
    row_group_bytes: usize,
    /// Buffers by partition.
    buffers: Vec<Buffer>,
    /// Partitions with waiting rows by size, the largest last; in a tie the lower partition is last.
    by_size: BTreeSet<(usize, Reverse<usize>)>,
    /// Partitions whose buffers hold at least one row group.
    full: VecDeque<usize>,
    bytes: usize,
    /// Number of blocks so far.
    num_blocks: u64,
    /// The result of `RowBuffers::many_rows` for the current block.
    many_rows: usize,
    /// The buffer that was given newly allocated room for a row group and has not been taken since. At most one at a
    /// time, because this room is not charged to the budget.
    preallocated: Option<usize>,
    /// Recycled memory of encoded row groups.
    spare: Vec<Columns>,
    /// Scratch, reused for each block.
    targets: Vec<BufferRow>,
}

impl RowBuffers {
    /// A buffer is full at this size even if it has fewer rows than a row group, bytes: offsets within a column have 32
    /// bits, and a block that is appended to a buffer just below this size must still fit.
    pub const MAX_BUFFER_BYTES: usize = 1 << 30;

    /// Maximum number of row groups whose memory is kept: in ordered input one buffer grows at a time, and at the end
    /// of a day the rows after its last full row group wait beside it. Together they hold at most two and a half row
    /// groups.
    pub const MAX_SPARE: usize = 2;

    /// A buffer moves to spare memory, instead of growing on, once its size is one part in this many of that memory. A
    /// smaller one would hold too much memory that it may never need.
    const MIN_MOVE_DIVISOR: usize = 4;

    /// A partition that gets at least this many rows of a block gets them by columns, otherwise packed.
    const MANY_ROWS: usize = 16;

    /// Where the empty columns of all partitions that a block brings in would take more than a row group divided by
    /// this, a partition gets its rows packed unless they take at least 1/4 of what its columns would: a block of tiny
    /// rows for thousands of partitions would otherwise allocate columns for each of them before any is charged.
    const EMPTY_COLUMNS_DIVISOR: usize = 2;
    const MIN_FILLED_DIVISOR: usize = 4;

    /// Reserve one part in this many more than extrapolated, since not all columns continue at the rate at which they
    /// began.
    const EXTRA_ROOM_DIVISOR: usize = 8;

    /// Buffers for rows of a table with these shapes. A buffer is full with `row_group_rows` rows (at least 1).
    #[must_use]
    pub const fn new(shapes: Vec<ColumnShape>, row_group_rows: usize) -> Self {
        Self {
            shapes,
            row_group_rows: if row_group_rows == 0 { 1 } else { row_group_rows },
            min_bytes: usize::MAX,
            row_group_bytes: usize::MAX,
            buffers: Vec::new(),
            by_size: BTreeSet::new(),
            full: VecDeque::new(),
            bytes: 0,
            num_blocks: 0,
            many_rows: Self::MANY_ROWS,
            preallocated: None,
            spare: Vec::new(),
            targets: Vec::new(),
        }
    }

    /// Sets the size at which the caller takes the rows of an idle partition (`least`), and at which it takes them even
    /// if they are fewer than a row group (`most`), bytes. A buffer of at least the first size that has most of the
    /// waiting rows gets room for a whole row group: in ordered input it becomes the next row group, and otherwise it
    /// does not keep the room for long.
    #[must_use]
    pub const fn with_row_group_bytes(mut self, least: usize, most: usize) -> Self {
        (self.min_bytes, self.row_group_bytes) = (least, most);
        self
    }

    /// Appends copies of the rows of `block` to the buffers of their partitions. Afterwards the caller must take the
    /// full row groups with [`RowBuffers::take_full`].
    ///
    /// # Errors
    /// [`Error::Bug`](crate::error::Error::Bug) if packed rows cannot be unpacked, which no content of a row can cause.
    pub fn add(&mut self, block: &Columns, partitions: &Partitions<'_>) -> Result<()> {
        self.num_blocks += 1;
        let mut touched = Vec::new();
        match *partitions {
            Partitions::One(partition) => {
                self.count_row(partition, &mut touched);
                // Copied even if the buffer is empty: a block's columns go back to the decoder, and columns that had
                // grown to the size of a row group would hold that memory for all later blocks.
                self.columns_of(partition)?.append(block);
            }
            Partitions::Each(partitions) => {
                for &partition in partitions {
                    self.count_row(partition as usize, &mut touched);
                }
                self.many_rows = self.many_rows(block, &touched);
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
        self.finish_block(&touched);
        Ok(())
    }

    /// Packs the rows of `block` and appends each to the buffer that `buffer_of` gives for its partition.
    pub fn add_packed(&mut self, block: &Columns, partitions: &Partitions<'_>, buffer_of: impl Fn(usize) -> usize) {
        self.num_blocks += 1;
        let partition_of = |row: usize| match *partitions {
            Partitions::One(partition) => partition,
            Partitions::Each(partitions) => partitions[row] as usize,
        };
        let mut touched = Vec::new();
        (0..block.num_rows).for_each(|row| self.count_row(buffer_of(partition_of(row)), &mut touched));
        self.pack(block, |_, row| Some((buffer_of(partition_of(row)), partition_of(row))));
        self.finish_block(&touched);
    }

    /// Appends copies of packed rows, each to the buffer that `buffer_of` gives for its partition.
    pub fn push(&mut self, rows: &PackedRows, buffer_of: impl Fn(usize) -> usize) {
        self.num_blocks += 1;
        let mut touched = Vec::new();
        for row in rows.iter() {
            let buffer = buffer_of(row.partition);
            self.count_row(buffer, &mut touched);
            self.buffers[buffer].rows.packed.push(row);
        }
        self.finish_block(&touched);
    }

    /// Shapes of the rows' columns.
    #[must_use]
    pub fn shapes(&self) -> &[ColumnShape] {
        &self.shapes
    }

    /// Bytes charged for the waiting rows of all partitions.
    #[must_use]
    pub const fn bytes(&self) -> usize {
        self.bytes
    }

    /// The partition whose waiting rows take the most bytes, and these bytes; in a tie the lowest partition. None if no
    /// row waits.
    #[must_use]
    pub fn largest(&self) -> Option<(usize, usize)> {
        self.by_size.last().map(|(bytes, Reverse(partition))| (*partition, *bytes))
    }

    /// A partition whose waiting rows take at least `min_bytes` and that got none in the last `num_blocks` blocks.
    #[must_use]
    pub fn idle(&self, num_blocks: u64, min_bytes: usize) -> Option<usize> {
        let large = self.by_size.iter().rev().take_while(|(bytes, _)| *bytes >= min_bytes);
        large
            .map(|(_, Reverse(partition))| *partition)
            .find(|&partition| self.num_blocks - self.buffers[partition].last_block >= num_blocks)
    }

    /// The partitions with waiting rows, ascending.
    #[must_use]
    pub fn waiting(&self) -> Vec<usize> {
        (0..self.buffers.len()).filter(|&partition| self.buffers[partition].num_rows() > 0).collect()
    }

    /// Takes the next complete row group: a partition and exactly `row_group_rows` of its rows, or fewer if these reach
    /// [`RowBuffers::MAX_BUFFER_BYTES`]. Must be called after each block until it returns none.
    pub fn take_full(&mut self) -> Option<(usize, WaitingRows)> {
        while let Some(&partition) = self.full.front() {
            if self.is_full(partition) {
                return Some((partition, self.take_first(partition, self.row_group_rows)));
            }
            self.full.pop_front();
        }
        None
    }

    /// Takes all waiting rows of a partition; they are fewer than a row group once [`RowBuffers::take_full`] returned
    /// none. None if no row waits.
    pub fn take_all(&mut self, partition: usize) -> Option<WaitingRows> {
        let rows = self.buffers.get(partition)?.num_rows();
        (rows > 0).then(|| self.take_first(partition, rows))
    }

    /// Takes back the memory of rows that were taken, since growing a buffer to the size of a row group copies it
    /// several times. This has no influence on which rows are in which row group.
    pub fn recycle(&mut self, mut rows: Columns) {
        if rows.byte_capacity() / 2 > self.row_group_bytes {
            // Memory of a huge row is not kept.
            return;
        }
        rows.clear();
        self.spare.push(rows);
        let bytes = |spare: &[Columns]| spare.iter().map(Columns::byte_capacity).sum::<usize>();
        while self.spare.len() > Self::MAX_SPARE || bytes(&self.spare) / 5 * 2 > self.row_group_bytes {
            // Drops the smallest, since a larger one can serve every row group that a smaller one can.
            let Some(smallest) = (0..self.spare.len()).min_by_key(|&at| self.spare[at].byte_capacity()) else { return };
            self.spare.swap_remove(smallest);
        }
    }

    /// Frees the recycled memory.
    pub fn forget_spare(&mut self) {
        self.spare.clear();
    }

    /// Packs those rows of a block for which `place_of` returns a buffer and a partition.
    fn pack(&mut self, block: &Columns, place_of: impl Fn(&Self, usize) -> Option<(usize, usize)>) {
        let mut packer = Packer::new(block);
        for row in 0..block.num_rows {
            match place_of(self, row) {
                Some((buffer, partition)) => packer.pack(partition, &mut self.buffers[buffer].rows.packed),
                None => packer.skip(),
            }
        }
    }

    /// Appends rows of a block to the columns of their partition, for partitions that get many.
    fn scatter(&mut self, block: &Columns, partitions: &[u32]) -> Result<()> {
        let mut targets = mem::take(&mut self.targets);
        targets.clear();
        for &partition in partitions {
            let buffer = partition as usize;
            targets.push(if self.has_many(buffer) {
                let columns = self.columns_of(buffer)?;
                columns.num_rows += 1;
                BufferRow { buffer, row: columns.num_rows - 1 }
            } else {
                BufferRow::NOWHERE
            });
        }
        scatter::scatter(block, &targets, &mut self.buffers);
        self.targets = targets;
        Ok(())
    }

    fn has_many(&self, partition: usize) -> bool {
        let Buffer { rows_of_block, rows, .. } = &self.buffers[partition];
        let has_columns = rows.columns.num_rows > 0;
        *rows_of_block >= if has_columns { Self::MANY_ROWS } else { self.many_rows }
    }

    /// Minimum number of rows of a block that a partition without columns gets by columns.
    fn many_rows(&self, block: &Columns, touched: &[usize]) -> usize {
        let is_new = |partition: usize| {
            let Buffer { rows_of_block, rows, .. } = &self.buffers[partition];
            *rows_of_block >= Self::MANY_ROWS && rows.columns.num_rows == 0
        };
        let empty = empty_bytes(&self.shapes);
        let num_new = touched.iter().filter(|&&partition| is_new(partition)).count();
        if num_new * empty <= self.row_group_bytes / Self::EMPTY_COLUMNS_DIVISOR {
            return Self::MANY_ROWS;
        }
        let row_bytes = (block.byte_size() / block.num_rows.max(1)).max(1);
        Self::MANY_ROWS.max(empty / (row_bytes * Self::MIN_FILLED_DIVISOR))
    }

    /// Counts a row of the current block for a buffer; `touched` lists each buffer once.
    fn count_row(&mut self, partition: usize, touched: &mut Vec<usize>) {
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

    /// Updates the buffers after the current block was added.
    fn finish_block(&mut self, touched: &[usize]) {
        for &partition in touched {
            self.buffers[partition].rows_of_block = 0;
            self.account(partition);
            self.make_room(partition);
            if self.is_full(partition) {
                self.full.push_back(partition);
            }
        }
    }

    /// The columns of a buffer, after unpacking all of its rows into them.
    fn columns_of(&mut self, partition: usize) -> Result<&mut Columns> {
        let rows = &mut self.buffers[partition].rows;
        rows.unpack(|| Columns::new(&self.shapes))?;
        Ok(&mut rows.columns)
    }

    /// Gives the waiting rows of a partition room for a row group, once they have grown enough for it. Growing in small
    /// steps would copy them several times, each time to memory that was never touched before.
    fn make_room(&mut self, partition: usize) {
        let Buffer { bytes, has_row_group_capacity, ref rows, .. } = self.buffers[partition];
        if has_row_group_capacity || rows.columns.num_rows == 0 {
            return;
        }
        let comes_next = bytes > self.bytes / 2 && bytes >= self.min_bytes;
        let fits = |room: usize| bytes < room && (comes_next || bytes >= room / Self::MIN_MOVE_DIVISOR);
        let buffer = &mut self.buffers[partition];
        if let Some(at) = self.spare.iter().position(|spare| fits(spare.byte_capacity())) {
            let mut columns = self.spare.swap_remove(at);
            columns.append(&buffer.rows.columns);
            buffer.rows.columns = columns;
            buffer.has_row_group_capacity = true;
            return;
        }
        // Expected size of the row group, extrapolated from the rows so far.
        let full = (bytes / buffer.num_rows()).saturating_mul(self.row_group_rows).min(self.row_group_bytes);
        if comes_next && self.preallocated.is_none() && fits(full) && full <= Self::MAX_BUFFER_BYTES {
            let full = full + full / Self::EXTRA_ROOM_DIVISOR;
            buffer.rows.columns.reserve(full - bytes, bytes);
            buffer.has_row_group_capacity = true;
            self.preallocated = Some(partition);
        }
    }

    fn is_full(&self, partition: usize) -> bool {
        let buffer = &self.buffers[partition];
        buffer.num_rows() >= self.row_group_rows || buffer.bytes >= Self::MAX_BUFFER_BYTES
    }

    /// Takes the first `rows` waiting rows, or all if there are fewer. Copies as little as possible: usually only the
    /// few remaining rows, which came with the last block; but if one block brought many row groups, each is copied
    /// once.
    fn take_first(&mut self, partition: usize, rows: usize) -> WaitingRows {
        let buffer = &mut self.buffers[partition];
        buffer.has_row_group_capacity = false;
        if self.preallocated == Some(partition) {
            self.preallocated = None;
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

    /// Updates the sums after the waiting rows of `partition` have changed.
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

/// Bytes charged for columns. Empty ones count too: with thousands of partitions they take more memory than the rows.
fn charge(rows: &Columns) -> usize {
    rows.byte_size() + rows.columns.len() * size_of::<Column>()
}

/// Bytes of columns without rows.
fn empty_bytes(shapes: &[ColumnShape]) -> usize {
    shapes.len() * size_of::<Column>()
}

/// Bytes charged for packed rows: what they take now or will take in columns, whichever is more. The buffer itself
/// counts too, since there can be thousands of partitions.
fn charge_packed(rows: &PackedRows) -> usize {
    if rows.num_rows() == 0 { 0 } else { rows.byte_capacity().max(rows.unpacked_size()) + size_of::<Buffer>() }
}

#[cfg(test)]
mod tests;
