//! The report of a run: complete counts, refused records, files.

mod ledger;
mod ranges;
mod reject;

pub use ledger::{Counts, Firsts, Ledger, Place};
pub use ranges::Ranges;
pub use reject::{Reject, RejectKind};

use serde::{Deserialize, Serialize};

/// A digest as documents and reports have it: 32 hexadecimal digits.
#[must_use]
pub fn hex(digest: u128) -> String {
    format!("{digest:032x}")
}

/// The report of one run, for programs (`--report`) and for the closing summary.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Report {
    /// Run id: derived from inputs and options, never from the clock or random numbers.
    pub run_id: String,
    /// Version of the tool.
    pub version: String,
    /// Name of the model.
    pub model: String,
    /// Every input, in the order in which it was read.
    pub inputs: Vec<InputReport>,
    /// Inputs that were skipped because the dataset already holds them.
    pub skipped: Vec<SkippedInput>,
    /// Number of the commit; `None` if there was nothing to commit.
    pub commit: Option<u64>,
    /// Number of data files of earlier commits that are no longer part of the dataset.
    #[serde(default)]
    pub replaced_files: u64,
    /// Number of rows in those files.
    #[serde(default)]
    pub replaced_rows: u64,
    /// The partitions that a run in mode `overwrite-partitions` replaced and that had rows before.
    #[serde(default)]
    pub replaced_partitions: Vec<ReplacedPartition>,
    /// Whether some files of the dataset lack columns that others have, so that readers must match columns by name.
    pub columns_differ: bool,
    /// Size of all inputs as stored (compressed if they are), in bytes.
    pub input_bytes: u64,
    /// Bytes of JSON decoded.
    pub json_bytes: u64,
    /// Number of records read, both kept and rejected.
    pub records: u64,
    /// Number of records refused.
    pub rejected: u64,
    /// Number of refused records whose text is in no rejects file: they are too long.
    #[serde(default)]
    pub rejected_without_text: u64,
    /// Number of valid records without a participant.
    pub records_without_rows: u64,
    /// Number of rows written.
    pub rows: u64,
    /// Counts by JSON path.
    pub ledger: Ledger,
    /// The first refused records (at most [`Report::MAX_REJECTS_SHOWN`]), and in the last place the first rest of a
    /// document, if that comes after them. All refused records are in the rejects file.
    pub rejects: Vec<Reject>,
    /// Rejects file, relative to the dataset; `None` if nothing was rejected.
    pub rejects_file: Option<String>,
    /// Attribute keys that have a column of their own: (key, column).
    pub attribute_columns: Vec<(String, String)>,
    /// Number of distinct partitions.
    pub partitions: u64,
    /// Number of values that went to the default partition although they were not null.
    pub partition_values_displaced: u64,
    /// Bytes of rows that were spilled to disk for lack of memory, as stored there.
    #[serde(default)]
    pub spilled_bytes: u64,
    /// Data files written, relative to the dataset.
    pub files: Vec<FileReport>,
    /// Total size of all data files, in bytes.
    pub output_bytes: u64,
    /// Problems that did no harm to the data, in words.
    pub warnings: Vec<String>,
    /// Wall time in seconds, measured by the caller.
    pub elapsed_seconds: f64,
    /// Time by stage, measured with the observer's clock.
    pub stage_seconds: StageSeconds,
}

impl Report {
    /// Maximum number of rejects repeated in the report itself.
    pub const MAX_REJECTS_SHOWN: usize = 20;

    /// Adds a reject to those shown, if there is room. The first rest of a document takes the last place if there is
    /// none: nobody knows how many records it is, so whoever commits shares must hear of it.
    pub(crate) fn show(shown: &mut Vec<Reject>, mut reject: Reject) {
        let is_full = shown.len() >= Self::MAX_REJECTS_SHOWN;
        if is_full && (!reject.is_rest || shown.iter().any(|reject| reject.is_rest)) {
            return;
        }
        shown.truncate(Self::MAX_REJECTS_SHOWN - 1);
        reject.forget_long_raw();
        shown.push(reject);
    }
}

/// Seconds of work by stage. Read, decode, route and encode run on many threads and are summed over them; sample and
/// commit come before and after, and are wall times.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct StageSeconds {
    /// Sampling the input to choose the attribute columns.
    pub sample: f64,
    /// Reading, decompressing and cutting into blocks.
    pub read: f64,
    /// Decoding blocks into columns.
    pub decode: f64,
    /// Accounting, and distributing rows to their partitions.
    pub route: f64,
    /// Encoding columns as compressed pages, and writing them to staged files.
    pub encode: f64,
    /// Writing footers, syncing and renaming.
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
    /// Path as given or found; `-` is standard input.
    pub path: String,
    /// Identifies where a file is, however its path is written. Commits of earlier versions have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<String>,
    /// Size as stored, in bytes.
    pub bytes: u64,
    /// XXH3-128 of the bytes as stored, hexadecimal.
    pub digest: String,
    /// XXH3-128 of its first bytes as stored, hexadecimal: of the largest power of two up to 4096 that it has. Commits of
    /// earlier versions have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub head_digest: Option<String>,
    /// XXH3-128 of the decompressed text, hexadecimal; `None` if the input is not compressed, and in commits of earlier
    /// versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text_digest: Option<String>,
    /// Number of records found in it.
    pub records: u64,
    /// Number of rows from it.
    pub rows: u64,
    /// Number of its records that were refused.
    pub rejected: u64,
}

impl InputReport {
    /// What distinguishes it from inputs elsewhere: its place, or its path if the place is unknown.
    #[must_use]
    pub fn place(&self) -> &str {
        self.place.as_deref().unwrap_or(&self.path)
    }

    /// Identifies its text, however it is compressed; in commits of earlier versions it identifies the stored bytes.
    #[must_use]
    pub fn text_digest(&self) -> &str {
        self.text_digest.as_deref().unwrap_or(&self.digest)
    }
}

/// An input that was skipped.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SkippedInput {
    /// Path as given or found.
    pub path: String,
    /// The commit that holds its content: an earlier one, or the run's own if another of its inputs has the same
    /// content.
    pub commit: u64,
}

/// A partition whose rows were replaced.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReplacedPartition {
    /// Its folder relative to the dataset; empty without partitions.
    pub partition: String,
    /// Number of rows before the run.
    pub rows_before: u64,
    /// Number of rows after the run.
    pub rows: u64,
}

/// One data file as it was written.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct FileReport {
    /// Path relative to the dataset: `start_time_day=2025-07-01/part-00000-RUN.parquet`.
    pub path: String,
    /// Number of rows.
    pub rows: u64,
    /// Size in bytes.
    pub bytes: u64,
    /// Number of row groups.
    pub row_groups: u64,
    /// XXH3-128 digest of its bytes, hexadecimal; empty in commits of format version 1.
    #[serde(default)]
    pub digest: String,
    /// Minimum and maximum of each column whose order is useful for skipping files.
    pub ranges: Ranges,
}

impl FileReport {
    /// The folder of its partition relative to the dataset; empty without partitions.
    #[must_use]
    pub fn partition(&self) -> &str {
        partition_of(&self.path)
    }
}

/// The folder of a data file's path relative to the dataset.
pub(crate) fn partition_of(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}
