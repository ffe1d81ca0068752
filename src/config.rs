//! What a run is to do, every value explicit. The command line and the config file are translated into this once.

mod check;
pub mod nearest;
mod partition_by;
mod size;
mod words;

use std::{ffi::OsString, path::PathBuf};

use serde::{Deserialize, Serialize};

pub use crate::model::AttributeMap;
pub use partition_by::PartitionBy;
pub use size::Size;

use crate::model::Model;

/// A conversion, complete. Whether it is possible is checked before it begins: [`Config::check`].
#[derive(Debug, Clone)]
pub struct Config {
    /// Files, folders, patterns, `-` for standard input.
    pub inputs: Vec<OsString>,
    /// The dataset's folder.
    pub out: PathBuf,
    /// What a participant is.
    pub model: Model,
    /// Partition columns in order; empty for one unpartitioned folder.
    pub partition_by: Vec<PartitionField>,
    /// Which attribute keys become columns.
    pub attribute_columns: AttributeColumns,
    /// What the attribute map keeps.
    pub attribute_map: AttributeMap,
    /// Codec of the Parquet pages.
    pub compression: Compression,
    /// A data file is closed when it has grown to this many bytes.
    pub target_file_bytes: u64,
    /// A row group ends when it has this many rows, or earlier where memory asks for it.
    pub row_group_rows: usize,
    /// Worker threads.
    pub threads: usize,
    /// Memory that the process may take, bytes.
    pub memory_bytes: u64,
    /// Longest record, bytes.
    pub max_record_bytes: usize,
    /// How many records may be refused before the run fails.
    pub max_rejects: MaxRejects,
    /// What to do with a dataset that is already there.
    pub mode: Mode,
    /// Columns by which the rows of each row group are sorted.
    pub sort_by: Vec<String>,
    /// Columns that get a bloom filter.
    pub bloom_filter: Vec<String>,
    /// Whether to add `source_file` and `source_offset`.
    pub provenance: bool,
    /// The time that the manifest gives for the run, as RFC 3339 text; no other file has a time in it.
    pub committed_at: String,
}

impl Config {
    /// A file this large is read well by every engine and still spreads over the tasks of a cluster.
    pub const TARGET_FILE_BYTES: u64 = 256 << 20;
    /// 128 Ki rows: what DuckDB and Spark read best.
    pub const ROW_GROUP_ROWS: usize = 128 << 10;
    /// Enough for large row groups of many partitions, small beside what a worker node has.
    pub const MEMORY_BYTES: u64 = 256 << 20;
    /// Far above what one machine has; the number is there to catch a slip of the finger.
    pub const MAX_THREADS: usize = 1024;
    /// Below this a data file of hundred columns is mostly footer.
    pub const MIN_TARGET_FILE_BYTES: u64 = 64 << 10;
    /// What readers and writers keep of a row group in memory, and its row numbers, stay within bounds.
    pub const MAX_ROW_GROUP_ROWS: usize = 16 << 20;
    /// Shorter than any participant of a call.
    pub const MIN_MAX_RECORD_BYTES: usize = 1 << 10;
    /// Offsets within a block of records are 32-bit numbers.
    pub const MAX_MAX_RECORD_BYTES: usize = 1 << 30;
}

/// One partition column.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct PartitionField {
    /// Column of the table.
    pub column: String,
    /// What is made of its value.
    pub transform: Transform,
}

/// Iceberg's partition transforms.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Transform {
    /// The value itself.
    Identity,
    /// `2025`.
    Year,
    /// `2025-07`.
    Month,
    /// `2025-07-01`.
    Day,
    /// `2025-07-01-13`.
    Hour,
    /// Murmur3 hash modulo this many buckets.
    Bucket(u32),
    /// Text: the first so many characters; integer: rounded down to a multiple.
    Truncate(u32),
}

/// Which attribute keys become columns.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AttributeColumns {
    /// The frequent ones of a sample.
    #[default]
    Auto,
    /// None: everything stays in the map.
    None,
    /// Just these keys.
    Keys(Vec<String>),
}

/// Codec of the Parquet pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Compression {
    /// Zstandard with this level.
    Zstd(i32),
    /// Snappy.
    Snappy,
    /// LZ4 (the raw form that the Parquet specification names `LZ4_RAW`).
    Lz4,
    /// No compression.
    None,
}

impl Compression {
    /// zstd at level 1: higher levels cost twice the time and hardly make such data smaller.
    pub const DEFAULT: Self = Self::Zstd(1);
}

/// How many records may be refused.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MaxRejects {
    /// At most so many.
    Count(u64),
    /// At most this share of all records, in percent; judged at the end of the run.
    Percent(f64),
    /// Any number.
    Unlimited,
}

impl MaxRejects {
    /// Whether so many of so many records may be refused.
    #[must_use]
    pub fn allows(self, rejected: u64, records: u64) -> bool {
        match self {
            Self::Count(most) => rejected <= most,
            Self::Percent(percent) => rejected as f64 * 100.0 <= percent * records as f64,
            Self::Unlimited => true,
        }
    }
}

impl Default for MaxRejects {
    /// A record that cannot be read is news that should not be missed.
    fn default() -> Self {
        Self::Count(0)
    }
}

/// What to do with a dataset that is already there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// Refuse a folder that is not empty.
    #[default]
    Error,
    /// Add to the dataset; inputs that it holds already are left out.
    Append,
    /// Replace the whole dataset.
    Overwrite,
    /// Replace the partitions that the run has rows for, and leave the others.
    OverwritePartitions,
}

impl Mode {
    /// Whether rows of earlier commits stay beside those of the run, so that the columns have to agree.
    #[must_use]
    pub const fn keeps_rows(self) -> bool {
        matches!(self, Self::Append | Self::OverwritePartitions)
    }
}
