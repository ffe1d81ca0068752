//! How the memory of a run is shared out.
//!
//! ```text
//! --memory = PROCESS + blocks in flight + buffered rows + row groups being encoded + memory kept for reuse
//! ```
//!
//! Shares that decide where row groups end decide what is in the files, so they depend on `--memory` alone, never on
//! the number of threads. The other shares limit how much is in progress at once: if there are more threads than memory
//! allows, some of them wait.

use crate::{
    columns::PackedRows,
    config::{Config, Size},
    decode::MAX_FLATTENED_BYTES,
    error::{Error, Result},
    partition::{RowBuffers, WaitingRows},
};

/// Memory of the program before it has read anything, bytes: its code, tables of the model, stacks, scratch memory.
pub const PROCESS: u64 = 36 << 20;

/// Memory used besides the longest record and what is made of it, bytes.
const BESIDE_RECORD_BYTES: u64 = 56 << 20;

/// Memory of a worker besides blocks and rows, bytes: the tables of its decoder, codecs, scratch memory, empty columns.
pub const PER_THREAD: u64 = 8 << 20;

/// Minimum memory of any run, bytes.
pub const MIN_MEMORY_BYTES: u64 = 64 << 20;

/// Minimum memory for this many threads and for records of up to `max_record_bytes`, bytes.
#[must_use]
pub fn min_memory(threads: usize, max_record_bytes: usize) -> u64 {
    let for_threads = PROCESS.saturating_add(PER_THREAD.saturating_mul(threads as u64));
    let record = max_record_bytes as u64;
    let for_records = record.saturating_mul(4).max(BESIDE_RECORD_BYTES.saturating_add(record.saturating_mul(9) / 4));
    for_threads.max(for_records).max(MIN_MEMORY_BYTES)
}

/// Maximum number of threads for this much memory (bytes); at least one.
#[must_use]
pub fn max_threads(memory: u64) -> usize {
    usize::try_from(memory.saturating_sub(PROCESS) / PER_THREAD).unwrap_or(usize::MAX).max(1)
}

/// Maximum length of a record for this much memory, bytes. Memory must hold its text, its values, and their pages
/// before and after compression.
#[must_use]
pub fn max_record_bytes_for(memory: u64) -> usize {
    let bytes = (memory / 4).min(memory.saturating_sub(BESIDE_RECORD_BYTES) / 9 * 4);
    usize::try_from(bytes).unwrap_or(usize::MAX)
}

/// Maximum bytes that the conversation's values, repeated on each participant, may add to a block of `text` bytes.
#[must_use]
pub fn max_flattened(memory: u64, text: usize) -> u64 {
    Budget::new(memory, false, false).max_flattened(text)
}

/// Checks that the memory of a run is enough for its threads and its longest record.
///
/// # Errors
/// [`Error::Usage`], which says what would be enough.
pub fn check(config: &Config) -> Result<()> {
    let Config { threads, max_record_bytes, memory_bytes, .. } = *config;
    let needed = min_memory(threads, max_record_bytes);
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
    let (most, longest) = (max_threads(memory_bytes), max_record_bytes_for(memory_bytes));
    if memory_bytes >= MIN_MEMORY_BYTES && threads > most {
        ways.push(format!("make do with --threads {most}"));
    }
    if memory_bytes >= MIN_MEMORY_BYTES && max_record_bytes > longest {
        ways.push(format!("make do with --max-record-size {}", Size(longest as u64 / 1024 * 1024)));
    }
    Err(Error::usage(message, ways.join("; or ")))
}

/// Memory of one leaf column of one row group while a footer is built, bytes.
const LEAF_METADATA_BYTES: usize = 850;

/// A file may have at least this many row groups, however little memory there is.
const MIN_ROW_GROUPS_OF_FILE: usize = 8;

/// Maximum number of footers built at the same time.
pub(super) const FOOTERS_AT_ONCE: usize = 3;

/// Shares of the memory, bytes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Budget {
    /// Blocks between reading and routing: their text and decoded values. A longer record is processed alone.
    pub blocks: usize,
    /// A block with more text than this is processed alone: before the rest of it is read, waiting rows are evicted,
    /// and nothing else is read or encoded at the same time.
    pub huge_block: usize,
    /// Maximum bytes that the conversation's values, repeated on each participant, may add to a block, and to a huge
    /// block.
    flattened: u64,
    flattened_of_huge: u64,
    /// Rows that wait for their row group.
    pub buffered: usize,
    /// The same while there is a huge block.
    pub buffered_beside_huge: usize,
    /// Rows of one row group: it ends here even if it has fewer rows than asked for.
    pub row_group: usize,
    /// Row groups smaller than this are not worth writing while there is more input: they cost more to write, and more
    /// in every later query. Rows are spilled to disk instead.
    pub spill_below: usize,
    /// One batch of spilled rows.
    pub batch: usize,
    /// Minimum size at which the row group of an idle partition is written.
    pub idle: usize,
    /// Row groups and spill batches being encoded.
    pub encoding: usize,
    /// Memory for the next row group: kept for reuse, or newly allocated.
    pub spare: usize,
    /// Memory of one file's footer while it is built.
    pub footer: usize,
    /// Whether encoding makes a sorted copy of the rows.
    is_sorted: bool,
    /// Whether there is a codec, so that pages are smaller than their rows.
    is_compressed: bool,
}

impl Budget {
    /// Shares out `memory` bytes.
    ///
    /// The divisors were found by measurement: with these the process stays below `--memory` over the mixtures of
    /// docs/limits.md, apart from the cases named there. Together the shares are more than the whole, because a row
    /// group is part of the waiting rows, and most footers are built when no more blocks come.
    pub fn new(memory: u64, is_sorted: bool, is_compressed: bool) -> Self {
        let rest = usize::try_from(memory.saturating_sub(PROCESS)).unwrap_or(usize::MAX);
        Self {
            blocks: rest / 8,
            // A block is charged three times its text before it is decoded: the largest one fills the share of blocks.
            huge_block: rest / 24,
            flattened: (rest as u64 / 24).min(MAX_FLATTENED_BYTES),
            flattened_of_huge: (rest as u64 / 8).min(MAX_FLATTENED_BYTES),
            buffered: rest / 5,
            buffered_beside_huge: rest / 48,
            // Half of the waiting rows: the next row group grows while one is encoded.
            row_group: rest / 10,
            // 0.5 MiB at the default.
            spill_below: rest / 450,
            // 3.4 MiB at the default.
            batch: (rest / 64).min(RowBuffers::MAX_BUFFER_BYTES),
            // 2 MiB at the default.
            idle: rest / 112,
            encoding: rest / 3,
            // Two and a half row groups: see `RowBuffers::MAX_SPARE`.
            spare: rest / 4,
            footer: rest / 8,
            is_sorted,
            is_compressed,
        }
    }

    /// Maximum bytes that repeated values may add to a block of `text` bytes.
    pub const fn max_flattened(&self, text: usize) -> u64 {
        if text > self.huge_block { self.flattened_of_huge } else { self.flattened }
    }

    /// Maximum number of row groups of a file with this many leaf columns.
    pub fn row_groups_of_file(&self, num_leaves: usize) -> u64 {
        (self.footer / (LEAF_METADATA_BYTES * num_leaves.max(1))).max(MIN_ROW_GROUPS_OF_FILE) as u64
    }

    /// Memory needed to encode these rows, bytes: the rows, the copies made of them, and their pages. A huge row is one
    /// page, charged before and after compression.
    pub fn encoding_of(&self, rows: &WaitingRows) -> usize {
        let WaitingRows { columns, packed } = rows;
        let size = columns.byte_size() + packed.unpacked_size();
        // Growing columns may allocate twice their size. The packed chunks are freed meanwhile, but a single huge row
        // only at the end.
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

    /// Memory needed to spill these rows, bytes: as they are, and compressed.
    pub fn spilling_of(rows: &PackedRows) -> usize {
        rows.byte_capacity() + rows.byte_size()
    }

    /// Estimated memory of a block of `text` bytes before it is decoded, bytes.
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
            assert!(min_memory(max_threads(memory), max_record_bytes_for(memory)) <= memory, "{memory}");
        }
        assert_eq!(
            (max_record_bytes_for(128 << 20), max_record_bytes_for(Config::DEFAULT_MEMORY_BYTES)),
            (32 << 20, 64 << 20)
        );
    }
}
