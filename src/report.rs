//! What a run says of itself afterwards: counts that close, refused records, files.

mod ledger;
mod ranges;
mod reject;

pub use ledger::{Counts, Firsts, Ledger, Place};
pub use ranges::Ranges;
pub use reject::{Reject, RejectKind};

use serde::{Deserialize, Serialize};

/// The account of one run, for programs (`--report`) and for the closing summary.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Report {
    /// Run id: derived from inputs and options, never from clock or chance.
    pub run_id: String,
    /// Version of the tool.
    pub version: String,
    /// Name of the model.
    pub model: String,
    /// Every input, in the order in which it was read.
    pub inputs: Vec<InputReport>,
    /// Inputs that were left out because the dataset holds them already.
    pub skipped: Vec<SkippedInput>,
    /// Number of the commit; none when there was nothing to commit.
    pub commit: Option<u64>,
    /// Data files of earlier commits that are no longer part of the dataset.
    #[serde(default)]
    pub replaced_files: u64,
    /// Rows in them.
    #[serde(default)]
    pub replaced_rows: u64,
    /// Whether some of the dataset's files lack columns that others have: then they are read together by name.
    pub columns_differ: bool,
    /// Bytes of all inputs as stored (compressed if they were).
    pub input_bytes: u64,
    /// Bytes of JSON that were decoded.
    pub json_bytes: u64,
    /// Records read: kept and rejected.
    pub records: u64,
    /// Records that were refused.
    pub rejected: u64,
    /// Valid records in which no participant was found.
    pub records_without_rows: u64,
    /// Rows written.
    pub rows: u64,
    /// Per JSON path.
    pub ledger: Ledger,
    /// The first refused records (at most [`Report::MAX_REJECTS_SHOWN`]); all of them are in the rejects file.
    pub rejects: Vec<Reject>,
    /// Rejects file, relative to the dataset; none when nothing was rejected.
    pub rejects_file: Option<String>,
    /// Attribute keys that have a column of their own: (key, column).
    pub attribute_columns: Vec<(String, String)>,
    /// Number of distinct partitions.
    pub partitions: u64,
    /// Values that had to go to the default partition although they were not null.
    pub partition_values_displaced: u64,
    /// Bytes of rows that went to disk for a while because memory had no room for them, as stored there.
    #[serde(default)]
    pub spilled_bytes: u64,
    /// Data files written, relative to the dataset.
    pub files: Vec<FileReport>,
    /// Bytes of all data files.
    pub output_bytes: u64,
    /// What went wrong without harm to the data, in words.
    pub warnings: Vec<String>,
    /// Wall time, seconds; measured by the caller.
    pub elapsed_seconds: f64,
    /// Where the time went, by the observer's clock.
    pub stage_seconds: StageSeconds,
}

impl Report {
    /// How many rejects are repeated in the report itself.
    pub const MAX_REJECTS_SHOWN: usize = 20;
}

/// Seconds of work by stage. Read, decode, route and encode are done by many threads at once, and are the sum over them;
/// sample and commit stand before and behind, and are as long as they took.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct StageSeconds {
    /// Looking at a sample to choose the attribute columns.
    pub sample: f64,
    /// Reading, inflating and cutting into blocks.
    pub read: f64,
    /// From blocks to columns.
    pub decode: f64,
    /// Accounts, and rows to their partitions.
    pub route: f64,
    /// From columns to compressed pages, written to staged files.
    pub encode: f64,
    /// Footers, syncs and renames.
    pub commit: f64,
}

impl std::ops::AddAssign for StageSeconds {
    fn add_assign(&mut self, other: Self) {
        let Self { sample, read, decode, route, encode, commit } = other;
        self.sample += sample;
        self.read += read;
        self.decode += decode;
        self.route += route;
        self.encode += encode;
        self.commit += commit;
    }
}

/// One input as it was read.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct InputReport {
    /// Path as given or found; `-` for standard input.
    pub path: String,
    /// Of a file a digest of where it is, the same however its path is written. Commits of earlier versions have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<String>,
    /// Bytes as stored.
    pub bytes: u64,
    /// XXH3-128 of the bytes as stored, hexadecimal.
    pub digest: String,
    /// Records found in it.
    pub records: u64,
    /// Rows that came out of it.
    pub rows: u64,
    /// Records of it that were refused.
    pub rejected: u64,
}

impl InputReport {
    /// What tells it from inputs elsewhere.
    #[must_use]
    pub fn place(&self) -> &str {
        self.place.as_deref().unwrap_or(&self.path)
    }
}

/// An input that was not read again.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SkippedInput {
    /// Path as given or found.
    pub path: String,
    /// The commit that holds its content: an earlier one, or that of the run if another of its inputs has the same.
    pub commit: u64,
}

/// One data file as it was written.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct FileReport {
    /// Path relative to the dataset: `start_time_day=2025-07-01/part-00000-RUN.parquet`.
    pub path: String,
    /// Rows in it.
    pub rows: u64,
    /// Its size.
    pub bytes: u64,
    /// Row groups in it.
    pub row_groups: u64,
    /// XXH3-128 of its bytes, hexadecimal; empty in commits of format version 1.
    #[serde(default)]
    pub digest: String,
    /// Least and greatest value of columns that have an order worth knowing.
    pub ranges: Ranges,
}
