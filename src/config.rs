//! The configuration of a run, with every value explicit. The command line and the config file are translated into it.

mod check;
mod partition_by;
mod size;
pub mod url;
mod words;

use std::{ffi::OsString, path::PathBuf};

use serde::{Deserialize, Serialize};

pub use crate::model::AttributeMap;
pub use partition_by::PartitionBy;
pub use size::Size;

use crate::model::Model;

/// A complete conversion. [`Config::check`] tells before it begins whether each of its values is possible, and
/// [`pipeline::memory::check`](crate::pipeline::memory::check) whether the memory is enough for them.
#[derive(Debug, Clone)]
pub struct Config {
    /// Files, folders and patterns; `-` is standard input.
    pub inputs: Vec<OsString>,
    /// The dataset's folder.
    pub out: PathBuf,
    /// The model: what a participant is.
    pub model: Model,
    /// Partition columns in order; empty for an unpartitioned dataset.
    pub partition_by: Vec<PartitionField>,
    /// Which attribute keys become columns.
    pub attribute_columns: AttributeColumns,
    /// What the attribute map keeps.
    pub attribute_map: AttributeMap,
    /// Codec of the Parquet pages.
    pub compression: Compression,
    /// Size at which a data file is closed, in bytes.
    pub target_file_bytes: u64,
    /// Number of rows at which a row group ends; it ends earlier where memory requires it.
    pub row_group_rows: usize,
    /// Worker threads.
    pub threads: usize,
    /// Memory limit of the process, in bytes.
    pub memory_bytes: u64,
    /// Maximum length of a record, in bytes.
    pub max_record_bytes: usize,
    /// How many records may be refused before the run fails.
    pub max_rejects: MaxRejects,
    /// What to do with an existing dataset.
    pub mode: Mode,
    /// Columns by which the rows of each row group are sorted.
    pub sort_by: Vec<String>,
    /// Columns that get a bloom filter.
    pub bloom_filter: Vec<String>,
    /// Whether to add `source_file` and `source_offset`.
    pub provenance: bool,
    /// Commit time for the manifest, as RFC 3339 text; no other file contains a time.
    pub committed_at: String,
}

impl Config {
    /// A first conversion of `inputs` to the folder `out`, committed at `committed_at` (RFC 3339), with the defaults of the
    /// command line for everything else but the threads: one, for how many there should be is up to the caller.
    pub fn new(
        inputs: impl IntoIterator<Item = impl Into<OsString>>,
        out: impl Into<PathBuf>,
        model: Model,
        committed_at: impl Into<String>,
    ) -> Self {
        Self {
            inputs: inputs.into_iter().map(Into::into).collect(),
            out: out.into(),
            model,
            partition_by: PartitionBy::default().0,
            attribute_columns: AttributeColumns::Auto,
            attribute_map: AttributeMap::default(),
            compression: Compression::DEFAULT,
            target_file_bytes: Self::DEFAULT_TARGET_FILE_BYTES,
            row_group_rows: Self::DEFAULT_ROW_GROUP_ROWS,
            threads: 1,
            memory_bytes: Self::DEFAULT_MEMORY_BYTES,
            max_record_bytes: Self::DEFAULT_MAX_RECORD_BYTES,
            max_rejects: MaxRejects::default(),
            mode: Mode::default(),
            sort_by: Vec::new(),
            bloom_filter: Vec::new(),
            provenance: false,
            committed_at: committed_at.into(),
        }
    }

    /// Every engine reads a file of this size well, and it still spreads over the tasks of a cluster.
    pub const DEFAULT_TARGET_FILE_BYTES: u64 = 256 << 20;
    /// 128 Ki rows: what DuckDB and Spark read best.
    pub const DEFAULT_ROW_GROUP_ROWS: usize = 128 << 10;
    /// Enough for large row groups of many partitions, and little compared with the memory of a worker node.
    pub const DEFAULT_MEMORY_BYTES: u64 = 256 << 20;
    /// Far above what one machine has; the limit catches typing errors.
    pub const MAX_THREADS: usize = 1024;
    /// Below this a data file with a hundred columns is mostly footer.
    pub const MIN_TARGET_FILE_BYTES: u64 = 64 << 10;
    /// Bounds the row numbers, and the memory that readers and writers need for a row group.
    pub const MAX_ROW_GROUP_ROWS: usize = 16 << 20;
    /// Shorter than any participant of a call.
    pub const MIN_MAX_RECORD_BYTES: usize = 1 << 10;
    /// Far above any conversation of a real export.
    pub const DEFAULT_MAX_RECORD_BYTES: usize = 64 << 20;
    /// Offsets within a block of records are 32-bit numbers.
    pub const MAX_MAX_RECORD_BYTES: usize = 1 << 30;
}

/// One partition column.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct PartitionField {
    /// Column of the table.
    pub column: String,
    /// How its value is transformed.
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
    /// For text, the first this many characters; for an integer, the value rounded down to a multiple.
    Truncate(u32),
}

/// Which attribute keys become columns.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AttributeColumns {
    /// The frequent keys of a sample.
    #[default]
    Auto,
    /// No key: everything stays in the map.
    None,
    /// Exactly these keys.
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
    /// At most this many.
    Count(u64),
    /// At most this share of all records, in percent; checked at the end of the run.
    Percent(f64),
    /// Any number.
    Unlimited,
}

impl MaxRejects {
    /// Whether `rejected` of `records` records may be refused.
    #[must_use]
    pub fn allows(self, rejected: u64, records: u64) -> bool {
        match self {
            Self::Count(most) => rejected <= most,
            // 0.57% of 10,000 is 56.99... in binary fractions; the factor allows a share that is met exactly.
            Self::Percent(percent) => rejected as f64 * 100.0 <= percent * records as f64 * (1.0 + 1e-12),
            Self::Unlimited => true,
        }
    }

    /// Whether the unreadable rest of a document may be refused as one record. How many records it held is unknown, so
    /// no percentage can allow it. A count allows it only if the rejects file keeps it (`is_kept`): otherwise it would
    /// be lost.
    #[must_use]
    pub const fn allows_rest(self, is_kept: bool) -> bool {
        match self {
            Self::Count(_) => is_kept,
            Self::Percent(percent) => percent >= 100.0,
            Self::Unlimited => true,
        }
    }
}

impl Default for MaxRejects {
    /// Zero, because an unreadable record should not go unnoticed.
    fn default() -> Self {
        Self::Count(0)
    }
}

/// What to do with an existing dataset.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// Refuse a folder that is not empty.
    #[default]
    Error,
    /// Add to the dataset; inputs that it already holds are skipped.
    Append,
    /// Replace the whole dataset.
    Overwrite,
    /// Replace the partitions that the run has rows for, and keep the others.
    OverwritePartitions,
}

impl Mode {
    /// Whether rows of earlier commits stay in the dataset, so that their columns must agree with those of the run.
    #[must_use]
    pub const fn keeps_rows(self) -> bool {
        matches!(self, Self::Append | Self::OverwritePartitions)
    }
}
