//! `commits/N.json`: what a run read, wrote and replaced. All commits together define the files of the dataset.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use serde::{Deserialize, Serialize};

use super::{
    document::{damaged, read_document},
    files::entries,
    layout::{self, is_relative_file},
};
use crate::{
    config::{Mode, PartitionField},
    error::Result,
    report::{Counts, FileReport, InputReport, Ledger, Ranges},
};

/// Format version of `commits/N.json` that this program writes, and the newest it reads.
///
/// Version 1 had no `mode` (each commit replaced all earlier ones), no `ledger` and no digests of data files.
pub const MANIFEST_VERSION: u32 = 2;

/// What a run records about itself, as far as it is known before its files have their final names.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct RunRecord {
    /// See [`super::run_id()`].
    pub run_id: String,
    /// Version of the tool.
    pub version: String,
    /// Name of the model.
    pub model: String,
    /// Time of the commit, RFC 3339.
    pub committed_at: String,
    /// The inputs, in the order in which they were read.
    pub inputs: Vec<InputReport>,
    /// The partition columns, in folder order.
    pub partition_by: Vec<PartitionField>,
    /// The options that decide the bytes of the output, name to text. The run id is computed from them.
    pub options: BTreeMap<String, String>,
    /// Number of records read, both kept and rejected.
    pub records: u64,
    /// Number of records refused.
    pub rejected: u64,
    /// Number of valid records without a participant.
    pub records_without_rows: u64,
    /// Number of rows written.
    pub rows: u64,
    /// Sums of the ledger over all paths.
    pub values: Counts,
    /// What became of every value, by JSON path.
    #[serde(default)]
    pub ledger: Ledger,
    /// Number of values that went to the default partition although they were not null.
    pub partition_values_displaced: u64,
}

impl RunRecord {
    /// The option that holds the names of the inputs, if the files contain them.
    pub const INPUT_NAMES: &'static str = "input_names";
}

/// The manifest of one commit.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Manifest {
    /// [`MANIFEST_VERSION`].
    pub format_version: u32,
    /// Number of the commit, from 1.
    pub commit: u64,
    /// How it treated the commits before it.
    #[serde(default = "Manifest::mode_of_version_1")]
    pub mode: Mode,
    /// The record of the run.
    #[serde(flatten)]
    pub run: RunRecord,
    /// Data files that it added, in the order in which they were staged.
    pub files: Vec<FileReport>,
    /// Path of the rejects file, relative to the dataset.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rejects_file: Option<String>,
    /// Files of earlier commits that are no longer part of the dataset, relative to it.
    pub replaces: Vec<String>,
}

impl Manifest {
    /// Reads all commits of the dataset in `dir`, in order. A dataset without commits gives an empty list.
    ///
    /// # Errors
    /// [`crate::Error::Io`]; [`crate::Error::Dataset`] for a commit that cannot be parsed or names a file outside the
    /// dataset; [`crate::Error::NewerFormat`] for one of a newer version.
    pub fn read_all(dir: &Path) -> Result<Vec<Self>> {
        Self::read_with(dir, |manifest| manifest)
    }

    /// Like [`Manifest::read_all`], but maps each commit with `each` after reading it: many full manifests take much
    /// memory.
    ///
    /// # Errors
    /// As [`Manifest::read_all`].
    pub fn read_with(dir: &Path, mut each: impl FnMut(Self) -> Self) -> Result<Vec<Self>> {
        let numbers = Self::numbers(dir)?;
        (1..=numbers.last().map_or(0, |last| *last))
            .map(|number| {
                if numbers.contains(&number) {
                    return Self::read(dir, number).map(&mut each);
                }
                let path = dir.join(layout::commit_file(number));
                Err(damaged(dir, &path, "it is missing, and there are later commits"))
            })
            .collect()
    }

    /// The numbers of the commits of the dataset in `dir` that have a manifest, from 1, in order.
    ///
    /// # Errors
    /// [`crate::Error::Io`].
    pub fn numbers(dir: &Path) -> Result<BTreeSet<u64>> {
        let names = entries(&layout::commits(dir))?;
        let stems = names.iter().filter_map(|name| name.strip_suffix(".json"));
        // Only names in the exact form of a commit count: `07.json` would be a second number 7.
        let number = |stem: &str| stem.parse().ok().filter(|number: &u64| *number > 0 && number.to_string() == stem);
        Ok(stems.filter_map(number).collect())
    }

    /// Drops what later runs do not need: the counts by path, and the ranges of columns in each file.
    #[must_use]
    pub fn without_details(mut self) -> Self {
        self.run.ledger = Ledger::default();
        self.files.iter_mut().for_each(|file| file.ranges = Ranges::default());
        self
    }

    /// Reads one commit.
    ///
    /// # Errors
    /// As [`Manifest::read_all`].
    pub fn read(dir: &Path, number: u64) -> Result<Self> {
        let path = dir.join(layout::commit_file(number));
        let manifest: Self = read_document(dir, &path, MANIFEST_VERSION)?;
        let data_files = manifest.files.iter().map(|file| &file.path);
        let mut files = data_files.chain(&manifest.replaces).chain(&manifest.rejects_file);
        let outside = files.find(|file| !is_relative_file(file));
        if manifest.commit != number || outside.is_some() {
            let what = outside.map_or_else(
                || format!("it says it is commit {}", manifest.commit),
                |file| format!("it names {file:?}, which is not a file of the dataset"),
            );
            return Err(damaged(dir, &path, &what));
        }
        Ok(manifest)
    }

    /// The data files of the dataset after these commits, by path, with their reports.
    #[must_use]
    pub fn live(commits: &[Self]) -> BTreeMap<&str, &FileReport> {
        commits.iter().fold(BTreeMap::new(), |mut live, commit| {
            for replaced in &commit.replaces {
                live.remove(replaced.as_str());
            }
            live.extend(commit.files.iter().map(|file| (file.path.as_str(), file)));
            live
        })
    }

    /// The paths of the live data files, relative to the dataset.
    #[must_use]
    pub fn live_files(commits: &[Self]) -> BTreeSet<String> {
        Self::live(commits).into_keys().map(str::to_owned).collect()
    }

    /// The inputs that these commits took in: digest to number of the commit. An input whose rows were replaced in
    /// single partitions still counts, even if none of its rows is left: appending it again would bring back what was
    /// corrected.
    #[must_use]
    pub fn held_inputs(commits: &[Self]) -> BTreeMap<&str, u64> {
        let mut held = BTreeMap::new();
        for commit in commits {
            if commit.mode == Mode::Overwrite {
                held.clear();
            }
            for input in &commit.run.inputs {
                held.entry(input.digest.as_str()).or_insert(commit.commit);
            }
        }
        held
    }

    const fn mode_of_version_1() -> Mode {
        Mode::Overwrite
    }

    /// Files that these commits removed from the dataset, relative to it. They no longer exist, unless the run that
    /// replaced them ended before it could delete them all.
    #[must_use]
    pub fn dead_files(commits: &[Self]) -> BTreeSet<String> {
        let live = Self::live_files(commits);
        let replaced = commits.iter().flat_map(|commit| &commit.replaces);
        replaced.filter(|file| !live.contains(*file)).cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn commit(number: u64, files: &[&str], replaces: &[&str]) -> Manifest {
        let file = |path: &&str| FileReport { path: (*path).to_owned(), ..FileReport::default() };
        Manifest {
            format_version: MANIFEST_VERSION,
            commit: number,
            files: files.iter().map(file).collect(),
            replaces: replaces.iter().map(|&path| path.to_owned()).collect(),
            ..Manifest::default()
        }
    }

    fn write(dir: &Path, name: &str, text: &str) {
        fs::create_dir_all(layout::commits(dir)).unwrap();
        fs::write(layout::commits(dir).join(name), text).unwrap();
    }

    fn write_commit(dir: &Path, commit: &Manifest) {
        write(dir, &format!("{}.json", commit.commit), &serde_json::to_string(commit).unwrap());
    }

    #[test]
    fn commits_come_back_in_the_order_of_their_numbers() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(Manifest::read_all(dir.path()).unwrap(), []);
        let commits: Vec<Manifest> = (1..=11).map(|number| commit(number, &["a=1/x.parquet"], &[])).collect();
        commits.iter().rev().for_each(|commit| write_commit(dir.path(), commit));
        write(dir.path(), "07.json", "not a commit");
        write(dir.path(), "12.json.tmp", "not a commit");
        assert_eq!(Manifest::read_all(dir.path()).unwrap(), commits);
    }

    #[test]
    fn live_files_are_those_added_and_not_replaced() {
        let commits = [commit(1, &["a", "b"], &[]), commit(2, &["c", "a"], &["a", "b"]), commit(3, &["d"], &["c"])];
        assert_eq!(Manifest::live_files(&commits), ["a", "d"].map(str::to_owned).into());
        assert_eq!(Manifest::dead_files(&commits), ["b", "c"].map(str::to_owned).into());
    }

    #[test]
    fn a_newer_or_damaged_commit_is_refused_by_name() {
        let dir = tempfile::tempdir().unwrap();
        let refusal = |text: &str| {
            write(dir.path(), "1.json", text);
            Manifest::read_all(dir.path()).unwrap_err().to_string()
        };
        assert!(refusal(r#"{"format_version": 3, "other": []}"#).contains("format version 3"));
        assert!(refusal("{").contains("1.json"));
        assert!(refusal("[]").contains("1.json"));
        let outside = serde_json::to_string(&commit(1, &[], &["../x"])).unwrap();
        assert!(refusal(&outside).contains("not a file of the dataset"));
        let other_number = serde_json::to_string(&commit(2, &[], &[])).unwrap();
        assert!(refusal(&other_number).contains("says it is commit 2"));
    }
}
