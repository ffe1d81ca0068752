//! How the memory of a run is shared out.
//!
//! ```text
//! --memory = PROCESS + blocks on their way + rows that wait + row groups being encoded + memory to be used again
//! ```
//!
//! What is cut by a share decides what is in the files, so it depends on the memory alone. How much is at work at once
//! depends on what there is room for: with more threads than that some of them wait.

use crate::{
    columns::PackedRows,
    config::{Config, Size},
    decode::MAX_FLATTENED_BYTES,
    error::{Error, Result},
    partition::{RowBuffers, WaitingRows},
};

/// What the program takes before it has read anything, bytes: its code, tables of the model, stacks, scratch memory.
pub const PROCESS: u64 = 36 << 20;

/// What there is besides the longest record and what becomes of it, bytes.
const BESIDE_RECORD: u64 = 56 << 20;

/// What a worker takes besides blocks and rows, bytes: the tables of its decoder, codecs, scratch memory, columns without rows.
pub const PER_THREAD: u64 = 8 << 20;

/// The least for any run, bytes.
pub const MIN_MEMORY_BYTES: u64 = 64 << 20;

/// The least memory that works for so many threads and records of this length, bytes.
#[must_use]
pub fn least(threads: usize, max_record_bytes: usize) -> u64 {
    let for_threads = PROCESS.saturating_add(PER_THREAD.saturating_mul(threads as u64));
    let record = max_record_bytes as u64;
    let for_records = record.saturating_mul(4).max(BESIDE_RECORD.saturating_add(record.saturating_mul(9) / 4));
    for_threads.max(for_records).max(MIN_MEMORY_BYTES)
}

/// The most threads that so much memory has room for; at least one.
#[must_use]
pub fn max_threads(memory: u64) -> usize {
    usize::try_from(memory.saturating_sub(PROCESS) / PER_THREAD).unwrap_or(usize::MAX).max(1)
}

/// The longest record that so much memory has room for, bytes: beside its text stand its values, and beside these their
/// pages, before and after compression.
#[must_use]
pub fn longest_record(memory: u64) -> usize {
    let bytes = (memory / 4).min(memory.saturating_sub(BESIDE_RECORD) / 9 * 4);
    usize::try_from(bytes).unwrap_or(usize::MAX)
}

/// What the values of the conversation, repeated on each participant, may add to a block of so much text, bytes.
#[must_use]
pub fn max_flattened(memory: u64, text: usize) -> u64 {
    Budget::of(memory, false, false).max_flattened(text)
}

/// Whether the memory of a run is enough for its threads and its longest record.
///
/// # Errors
/// [`Error::Usage`] with what would be enough.
pub fn check(config: &Config) -> Result<()> {
    let Config { threads, max_record_bytes, memory_bytes, .. } = *config;
    let needed = least(threads, max_record_bytes);
    if memory_bytes >= needed {
        return Ok(());
    }
    let mib = |bytes: u64| Size(bytes.div_ceil(1 << 20).saturating_mul(1 << 20));
    let plural = if threads == 1 { "" } else { "s" };
    let message = format!(
        "--memory {} is too little for {threads} thread{plural} and records of up to {}",
        Size(memory_bytes),
        Size(max_record_bytes as u64)
    );
    let mut ways = vec![format!("give --memory {} or more", mib(needed))];
    let (most, longest) = (max_threads(memory_bytes), longest_record(memory_bytes));
    if memory_bytes >= MIN_MEMORY_BYTES && threads > most {
        ways.push(format!("make do with --threads {most}"));
    }
    if memory_bytes >= MIN_MEMORY_BYTES && max_record_bytes > longest {
        ways.push(format!("make do with --max-record-size {}", Size(longest as u64)));
    }
    Err(Error::usage(message, ways.join("; or ")))
}

/// What a leaf column of a row group takes while a footer is put together, bytes.
const LEAF_METADATA: usize = 850;

/// A file has room for so many row groups whatever the memory.
const LEAST_ROW_GROUPS_OF_FILE: usize = 8;

/// Footers that are put together at the same time, at most.
pub(super) const FOOTERS_AT_ONCE: usize = 3;

/// Budget of the memory, bytes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Budget {
    /// Blocks between reading and routing: their text and what was decoded of it. A longer record is alone.
    pub blocks: usize,
    /// A block with more text than this is alone: before more of it is read, what waits makes room; and nothing else is read
    /// or encoded beside it.
    pub huge_block: usize,
    /// What the values of the conversation, repeated on each participant, may add to a block, and to one that is alone.
    flattened: u64,
    flattened_of_huge: u64,
    /// Rows that wait for their row group.
    pub buffered: usize,
    /// The same beside a huge block.
    pub buffered_beside_huge: usize,
    /// Rows of one row group.
    pub row_group: usize,
    /// Row groups smaller than this are not worth writing while there is more to come: they would cost more there, and in
    /// every query later. Rows go to disk instead.
    pub spill_below: usize,
    /// One batch of spilled rows.
    pub batch: usize,
    /// Row groups of partitions that had no row for a while.
    pub idle: usize,
    /// Row groups and batches being encoded, and those that wait for it.
    pub encoding: usize,
    /// Room for the next row group: memory that is kept to be used again, or new.
    pub spare: usize,
    /// What the footer of one file may take while it is put together.
    pub footer: usize,
    /// Whether encoding copies the rows in another order.
    is_sorted: bool,
    /// Whether pages are smaller than their rows.
    is_compressed: bool,
}

impl Budget {
    /// Of a run with so much memory.
    pub fn of(memory: u64, is_sorted: bool, is_compressed: bool) -> Self {
        let rest = usize::try_from(memory.saturating_sub(PROCESS)).unwrap_or(usize::MAX);
        Self {
            blocks: rest / 8,
            huge_block: rest / 24,
            flattened: (rest as u64 / 24).min(MAX_FLATTENED_BYTES),
            flattened_of_huge: (rest as u64 / 8).min(MAX_FLATTENED_BYTES),
            buffered: rest / 5,
            buffered_beside_huge: rest / 48,
            row_group: rest / 10,
            spill_below: rest / 450,
            batch: (rest / 64).min(RowBuffers::MAX_BUFFER_BYTES),
            idle: rest / 112,
            encoding: rest / 3,
            spare: rest / 4,
            footer: rest / 8,
            is_sorted,
            is_compressed,
        }
    }

    /// What repeated values may add to a block of so much text.
    pub const fn max_flattened(&self, text: usize) -> u64 {
        if text > self.huge_block { self.flattened_of_huge } else { self.flattened }
    }

    /// The most row groups of a file with so many leaf columns.
    pub fn row_groups_of_file(&self, num_leaves: usize) -> u64 {
        (self.footer / (LEAF_METADATA * num_leaves.max(1))).max(LEAST_ROW_GROUPS_OF_FILE) as u64
    }

    /// What encoding these rows takes: the rows, a part of them as pages, and what is in work. Of a huge row it is one page,
    /// before and after compression.
    pub fn encoding_of(&self, rows: &WaitingRows) -> usize {
        let WaitingRows { columns, packed } = rows;
        let size = columns.byte_size() + packed.unpacked_size();
        // Columns that grow have as much room again. What is packed goes meanwhile, or all at once if it is one row.
        let unpacked = packed.byte_capacity() + packed.unpacked_size() * 2;
        let sorted = if self.is_sorted { size } else { 0 };
        let is_huge = size > self.row_group + self.row_group / 2;
        let pages = if is_huge {
            size * 2
        } else if self.is_compressed {
            size / 4
        } else {
            size
        };
        columns.byte_capacity() + unpacked + sorted + pages
    }

    /// What bringing these rows to disk takes: as they are, and compressed.
    pub fn spilling_of(rows: &PackedRows) -> usize {
        rows.byte_capacity() + rows.byte_size()
    }

    /// What a block of so much text takes before it is known what is decoded of it.
    pub const fn block_of(text: usize) -> usize {
        text * 3
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_there_is_said_to_be_room_for_has_room() {
        for memory in (64..3000).map(|mebibytes| mebibytes << 20).chain([1 << 40, u64::MAX]) {
            assert!(least(max_threads(memory), longest_record(memory)) <= memory, "{memory}");
        }
        assert_eq!((longest_record(128 << 20), longest_record(Config::MEMORY_BYTES)), (32 << 20, 64 << 20));
    }
}
