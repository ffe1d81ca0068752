//! Finds the partition of each row of the decoded blocks, which must come in input order.
//!
//! ```text
//! block:  row 0  row 1  row 2      codes of their values:  [1,1]  [1,2]  [1,1]      partitions:  0  1  0
//!
//! partition 0 = day=1/purpose=agent, partition 1 = day=1/purpose=customer
//! ```
//!
//! Partition ids are numbered in the order of their first rows.

mod displaced;
mod keys;

use std::collections::HashMap;

use self::{
    displaced::Displaced,
    keys::{RowKey, ValueCodes},
};
use super::PartitionPlan;
use crate::{
    columns::Columns,
    error::{Error, Result},
};

/// The partitions of a block's rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Partitions<'a> {
    /// All rows belong to this one.
    One(usize),
    /// One partition for each row.
    Each(&'a [u32]),
}

/// Assigns rows to partitions. The result depends on the rows and their order alone.
#[derive(Debug)]
pub struct Router {
    plan: PartitionPlan,
    num_columns: usize,
    values: Vec<ValueCodes>,
    ids: HashMap<RowKey, u32>,
    /// Folder of each partition.
    paths: Vec<String>,
    num_displaced: u64,
    /// Scratch, reused for each block.
    keys: Vec<RowKey>,
    partitions: Vec<u32>,
}

impl Router {
    /// Maximum number of partitions of a run: no reader lists more folders in reasonable time, and each costs memory
    /// here.
    pub const MAX_PARTITIONS: usize = 100_000;

    /// A router for rows of a table with `num_columns` columns.
    #[must_use]
    pub fn new(plan: PartitionPlan, num_columns: usize) -> Self {
        let values = plan.columns.iter().cloned().map(ValueCodes::new).collect();
        Self {
            plan,
            num_columns,
            values,
            ids: HashMap::new(),
            paths: Vec::new(),
            num_displaced: 0,
            keys: Vec::new(),
            partitions: Vec::new(),
        }
    }

    /// Returns the partitions of the block's rows. Columns that are in the folder names lose their values; values that
    /// no folder name can hold are moved to `extra`.
    ///
    /// # Errors
    /// [`Error::Limit`] when there are more than [`Router::MAX_PARTITIONS`] partitions; [`Error::Bug`] for a block of
    /// another table.
    pub fn route(&mut self, block: &mut Columns) -> Result<Partitions<'_>> {
        if block.columns.len() != self.num_columns {
            let (got, expected) = (block.columns.len(), self.num_columns);
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
        self.partitions.clear();
        if let [first, ref rest @ ..] = self.keys[..]
            && rest.iter().all(|key| *key == first)
        {
            return self.partition(first).map(|partition| Partitions::One(partition as usize));
        }
        let mut last = None;
        for row in 0..block.num_rows {
            let key = self.keys[row];
            let partition = match last {
                Some((last, partition)) if last == key => partition,
                _ => self.partition(key)?,
            };
            last = Some((key, partition));
            self.partitions.push(partition);
        }
        Ok(Partitions::Each(&self.partitions))
    }

    /// The folder of every partition so far, by partition id, relative to the dataset and escaped:
    /// `start_time_day=2025-07-01/purpose=agent`; the empty text if there are no partition columns.
    #[must_use]
    pub fn paths(&self) -> &[String] {
        &self.paths
    }

    /// Number of values that were not null but went to the default partition.
    #[must_use]
    pub const fn num_displaced(&self) -> u64 {
        self.num_displaced
    }

    /// Fills `keys` for the block's rows. Returns the values that the files would lose, sorted by row.
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

    /// The id of the partition with this key, which is created if it is new.
    fn partition(&mut self, key: RowKey) -> Result<u32> {
        if let Some(&id) = self.ids.get(&key) {
            return Ok(id);
        }
        let id = self.paths.len();
        if id >= Self::MAX_PARTITIONS {
            return Err(Error::limit(
                format!("the rows belong to more than {} partitions", Self::MAX_PARTITIONS),
                "partition by something coarser: `month(...)` for `day(...)`, `bucket(16, ...)` for an id",
            ));
        }
        let components: Vec<&str> = self.values.iter().zip(key).map(|(values, code)| values.component(code)).collect();
        self.paths.push(components.join("/"));
        let id = id as u32;
        self.ids.insert(key, id);
        Ok(id)
    }
}

#[cfg(test)]
mod tests;
