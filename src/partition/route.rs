//! Rows of decoded blocks, in their order, to one buffer for each partition.
//!
//! ```text
//! block:  row 0  row 1  row 2          buffers:  day=1/purpose=agent      rows 0, 2 of this block behind those before
//! codes:  [1,1]  [1,2]  [1,1]    =>              day=1/purpose=customer   row 1
//! ids:      0      1      0
//! ```
//!
//! A partition's id counts partitions in the order in which rows first met them. This is the one serial step between
//! decoding and encoding, so it moves values and nothing else: a block of one partition is appended column by column.

mod displaced;
mod keys;
mod scatter;

use std::{
    cmp::Reverse,
    collections::{BTreeSet, HashMap, VecDeque},
};

use self::{
    displaced::Displaced,
    keys::{RowKey, ValueCodes},
    scatter::Target,
};
use super::PartitionPlan;
use crate::{
    columns::{ColumnShape, Columns},
    error::{Error, Result},
};

/// A partition that rows have met, and those of its rows that wait for their row group.
#[derive(Debug)]
pub struct OpenPartition {
    /// Folder relative to the dataset, escaped: `start_time_day=2025-07-01/purpose=agent`; empty without partitions.
    pub path: String,
    /// The waiting rows, in input order, all columns of the table; the columns that stand in the path have no values.
    /// No columns at all while no row waits.
    pub columns: Columns,
    /// [`Columns::byte_size`] of `columns`.
    pub bytes: usize,
    /// Whether the block at hand has rows for it; false between blocks.
    touched: bool,
}

/// Routes rows to partitions. What it does depends on the rows and their order alone.
#[derive(Debug)]
pub struct Router {
    plan: PartitionPlan,
    shapes: Vec<ColumnShape>,
    row_group_rows: usize,
    values: Vec<ValueCodes>,
    ids: HashMap<RowKey, usize>,
    partitions: Vec<OpenPartition>,
    /// Partitions with waiting rows by size, the largest last; the lower id wins a tie.
    by_size: BTreeSet<(usize, Reverse<usize>)>,
    /// Partitions whose buffers hold a row group or more.
    full: VecDeque<usize>,
    buffered_bytes: usize,
    num_displaced: u64,
    /// Scratch, used again for each block.
    keys: Vec<RowKey>,
    targets: Vec<Target>,
}

impl Router {
    /// More folders than this are no longer a partitioning that any reader lists in reasonable time, and each one
    /// costs memory here.
    pub const MAX_PARTITIONS: usize = 100_000;

    /// A buffer is full at this size even if it has less rows than a row group: offsets within a column have 32 bits,
    /// and a block that is appended to a buffer just below this must still fit.
    pub const MAX_BUFFER_BYTES: usize = 1 << 30;

    /// Routes rows of a table with these shapes. A buffer is full with `row_group_rows` rows (at least 1).
    #[must_use]
    pub fn new(plan: PartitionPlan, shapes: Vec<ColumnShape>, row_group_rows: usize) -> Self {
        let values = plan.columns.iter().cloned().map(ValueCodes::new).collect();
        Self {
            plan,
            shapes,
            row_group_rows: row_group_rows.max(1),
            values,
            ids: HashMap::new(),
            partitions: Vec::new(),
            by_size: BTreeSet::new(),
            full: VecDeque::new(),
            buffered_bytes: 0,
            num_displaced: 0,
            keys: Vec::new(),
            targets: Vec::new(),
        }
    }

    /// Moves the rows of `block` to their partitions. The block is left without rows, ready to be filled again.
    /// Afterwards the caller takes what has become full: [`Router::take_full`].
    ///
    /// # Errors
    /// [`Error::Limit`] when there are more than [`Router::MAX_PARTITIONS`] partitions; [`Error::Bug`] for a block of
    /// another table.
    pub fn route(&mut self, block: &mut Columns) -> Result<()> {
        if block.num_rows == 0 {
            return Ok(());
        }
        if block.columns.len() != self.shapes.len() {
            let (got, expected) = (block.columns.len(), self.shapes.len());
            return Err(Error::Bug(format!("a block with {got} columns for a table with {expected}")));
        }
        let displaced = self.encode_keys(block)?;
        if !displaced.is_empty() {
            let extra = &mut block.columns[self.plan.extra_column];
            displaced::keep(extra, block.num_rows, &displaced, |field| &self.plan.columns[field].extra_key);
        }
        for column in 0..block.columns.len() {
            if self.plan.is_in_path(column) {
                block.columns[column].clear();
            }
        }
        let touched = match self.only_partition()? {
            Some(partition) => {
                self.move_whole(block, partition);
                vec![partition]
            }
            None => self.move_rows(block)?,
        };
        for partition in touched {
            self.account(partition);
            if self.is_full(partition) {
                self.full.push_back(partition);
            }
        }
        block.clear();
        Ok(())
    }

    /// Every partition met so far; a partition's id is its index.
    #[must_use]
    pub fn partitions(&self) -> &[OpenPartition] {
        &self.partitions
    }

    /// Bytes of all waiting rows.
    #[must_use]
    pub const fn buffered_bytes(&self) -> usize {
        self.buffered_bytes
    }

    /// How many values had to go to the default partition although they were not null.
    #[must_use]
    pub const fn num_displaced(&self) -> u64 {
        self.num_displaced
    }

    /// The partition whose waiting rows take the most bytes; of equal ones the first met. None when no row waits.
    #[must_use]
    pub fn largest(&self) -> Option<usize> {
        self.by_size.last().map(|(_, Reverse(partition))| *partition)
    }

    /// The next row group that is complete: a partition and exactly `row_group_rows` of its rows, or less if these
    /// are more than [`Router::MAX_BUFFER_BYTES`]. To be called after each block until there is none.
    pub fn take_full(&mut self) -> Option<(usize, Columns)> {
        while let Some(&partition) = self.full.front() {
            if self.is_full(partition) {
                return Some((partition, self.take_first(partition, self.row_group_rows)));
            }
            self.full.pop_front();
        }
        None
    }

    /// All waiting rows of a partition, fewer than a row group once [`Router::take_full`] has nothing more.
    /// None if no row waits.
    pub fn take_all(&mut self, partition: usize) -> Option<Columns> {
        let rows = self.partitions.get(partition)?.columns.num_rows;
        (rows > 0).then(|| self.take_first(partition, rows))
    }

    /// Fills `keys` for the block's rows; gives the values that the files would lose, by row.
    fn encode_keys(&mut self, block: &Columns) -> Result<Vec<Displaced>> {
        self.keys.clear();
        self.keys.resize(block.num_rows, RowKey::default());
        let mut kept = Vec::new();
        for (field, (spec, values)) in self.plan.columns.iter().zip(&mut self.values).enumerate() {
            let num_displaced = &mut self.num_displaced;
            values.encode(&block.columns[spec.source], &mut self.keys, field, |row, raw| {
                *num_displaced += 1;
                kept.extend(raw.map(|raw| Displaced { row, field, raw }));
            })?;
        }
        kept.sort_by_key(|displaced| displaced.row);
        Ok(kept)
    }

    /// The partition of the whole block, if all rows have the same.
    fn only_partition(&mut self) -> Result<Option<usize>> {
        match self.keys[..] {
            [first, ref rest @ ..] if rest.iter().all(|key| *key == first) => self.partition(first).map(Some),
            _ => Ok(None),
        }
    }

    /// The id of the partition with this key; a new one if it was not met before.
    fn partition(&mut self, key: RowKey) -> Result<usize> {
        if let Some(&id) = self.ids.get(&key) {
            return Ok(id);
        }
        let id = self.partitions.len();
        if id >= Self::MAX_PARTITIONS {
            return Err(Error::limit(
                format!("the rows belong to more than {} partitions", Self::MAX_PARTITIONS),
                "partition by something coarser: `month(...)` for `day(...)`, `bucket(16, ...)` for an id",
            ));
        }
        let components: Vec<&str> = self.values.iter().zip(key).map(|(values, code)| values.component(code)).collect();
        let columns = Columns { columns: Vec::new(), num_rows: 0 };
        self.partitions.push(OpenPartition { path: components.join("/"), columns, bytes: 0, touched: false });
        self.ids.insert(key, id);
        Ok(id)
    }

    /// Moves a whole block to one partition.
    fn move_whole(&mut self, block: &Columns, partition: usize) {
        // Copied even where the buffer is empty: a block's columns go back to the decoder, and one that had grown to the
        // size of a row group would hold that memory for every block to come.
        let buffer = &mut self.partitions[partition].columns;
        if buffer.columns.is_empty() {
            *buffer = Columns::new(&self.shapes);
        }
        buffer.append(block);
    }

    /// Moves the rows of a block each to its partition; gives the partitions met, each once.
    fn move_rows(&mut self, block: &Columns) -> Result<Vec<usize>> {
        let mut touched = Vec::new();
        let mut last = None;
        self.targets.clear();
        for row in 0..block.num_rows {
            let key = self.keys[row];
            let partition = match last {
                Some((last, partition)) if last == key => partition,
                _ => self.partition(key)?,
            };
            last = Some((key, partition));
            if self.partitions[partition].columns.columns.is_empty() {
                self.partitions[partition].columns = Columns::new(&self.shapes);
            }
            let open = &mut self.partitions[partition];
            if !open.touched {
                open.touched = true;
                touched.push(partition);
            }
            self.targets.push(Target { partition, row: open.columns.num_rows });
            open.columns.num_rows += 1;
        }
        scatter::scatter(block, &self.targets, &mut self.partitions);
        for &partition in &touched {
            self.partitions[partition].touched = false;
        }
        Ok(touched)
    }

    fn is_full(&self, partition: usize) -> bool {
        let open = &self.partitions[partition];
        open.columns.num_rows >= self.row_group_rows || open.bytes >= Self::MAX_BUFFER_BYTES
    }

    /// Takes the first `rows` waiting rows, or all if there are fewer. What is copied is the smaller part by far: the
    /// rows behind, which came with the last block.
    fn take_first(&mut self, partition: usize, rows: usize) -> Columns {
        let total = self.partitions[partition].columns.num_rows;
        let mut rest = Columns { columns: Vec::new(), num_rows: 0 };
        if rows < total {
            rest = Columns::new(&self.shapes);
            let behind = &self.partitions[partition].columns;
            for (column, behind) in rest.columns.iter_mut().zip(&behind.columns) {
                column.append_range(0, behind, rows, total);
            }
            rest.num_rows = total - rows;
        }
        let mut taken = std::mem::replace(&mut self.partitions[partition].columns, rest);
        taken.truncate(rows);
        self.account(partition);
        taken
    }

    /// Brings the sums up to date after the waiting rows of `partition` have changed.
    fn account(&mut self, partition: usize) {
        let open = &mut self.partitions[partition];
        self.by_size.remove(&(open.bytes, Reverse(partition)));
        self.buffered_bytes -= open.bytes;
        open.bytes = open.columns.byte_size();
        self.buffered_bytes += open.bytes;
        if open.columns.num_rows > 0 {
            self.by_size.insert((open.bytes, Reverse(partition)));
        }
    }
}

#[cfg(test)]
mod tests;
