//! Paths in a dataset's folder.

use std::path::{Component, Path, PathBuf};

use crate::error::{Error, Result};

/// The folder of everything that is not data. Hive readers ignore names that begin with `_`.
pub const META: &str = "_partiquet";

/// The schema document, relative to the dataset.
pub(crate) const SCHEMA_FILE: &str = "_partiquet/schema.json";

/// The intent of a commit under way, relative to the dataset.
pub(crate) const INTENT_FILE: &str = "_partiquet/intent.json";

/// The folder of the commits' manifests, relative to the dataset.
pub(crate) const COMMITS: &str = "_partiquet/commits";

/// Prefix of the names of files that a commit has set aside in staging.
pub(super) const SET_ASIDE: &str = "replaced-";

pub(super) fn meta(dir: &Path) -> PathBuf {
    dir.join(META)
}

pub(super) fn commits(dir: &Path) -> PathBuf {
    dir.join(COMMITS)
}

/// Path of a commit's manifest, relative to the dataset.
pub(crate) fn commit_file(number: u64) -> String {
    format!("{COMMITS}/{number}.json")
}

pub(super) fn staging(dir: &Path) -> PathBuf {
    meta(dir).join("staging")
}

/// The folder of shares that are waiting for their commit.
pub(super) fn shares(dir: &Path) -> PathBuf {
    meta(dir).join("shares")
}

/// A path below the dataset, in the form that documents use.
pub(super) fn relative(dir: &Path, path: &Path) -> Result<String> {
    let relative = path.strip_prefix(dir).ok().and_then(Path::to_str).map(|path| path.replace('\\', "/"));
    relative.ok_or_else(|| Error::Bug(format!("{} is not below {}", path.display(), dir.display())))
}

/// Whether a path relative to the dataset is inside the metadata folder.
pub(crate) fn is_meta(path: &str) -> bool {
    path.strip_prefix(META).is_some_and(|rest| rest.starts_with('/'))
}

/// Path of a run's rejects file, relative to the dataset. `number` is 1 unless the same run has left a file that was
/// changed since.
pub(super) fn rejects_file(run_id: &str, number: u64) -> String {
    let number = if number == 1 { String::new() } else { format!("-{number}") };
    format!("{META}/rejects/{run_id}{number}.ndjson")
}

/// Path of a data file, relative to the dataset.
pub(super) fn data_file(partition: &str, sequence: u64, run_id: &str) -> String {
    let name = format!("part-{sequence:05}-{run_id}.parquet");
    if partition.is_empty() { name } else { format!("{partition}/{name}") }
}

/// Whether `path` (with `/` as separator) stays below the folder that it is relative to.
pub(super) fn is_relative_file(path: &str) -> bool {
    !path.is_empty()
        && !path.contains(['\\', '\0'])
        && path.split('/').all(|part| !part.is_empty() && part != "." && part != "..")
        && Path::new(path).components().all(|component| matches!(component, Component::Normal(_)))
}

/// Whether Hive readers skip a file or folder of this name.
pub(super) fn is_hidden(name: &str) -> bool {
    name.starts_with('.') || (name.starts_with('_') && !name.contains('='))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_files_have_their_sequence_and_run_in_the_name() {
        assert_eq!(data_file("a=1/b=2", 7, "0123456789ab"), "a=1/b=2/part-00007-0123456789ab.parquet");
        assert_eq!(data_file("", 123_456, "0123456789ab"), "part-123456-0123456789ab.parquet");
        assert_eq!(rejects_file("0123456789ab", 1), "_partiquet/rejects/0123456789ab.ndjson");
        assert_eq!(rejects_file("0123456789ab", 2), "_partiquet/rejects/0123456789ab-2.ndjson");
    }

    #[test]
    fn only_paths_below_the_folder_are_relative_files() {
        for path in ["a", "a=1/b=../c", "a b/ä", "a=%2F/x"] {
            assert!(is_relative_file(path), "{path}");
        }
        for path in ["", "/a", "a/", "a//b", "..", "a/../b", "./a", "a/.", "a\\b", "a\0"] {
            assert!(!is_relative_file(path), "{path:?}");
        }
    }

    #[test]
    fn hidden_is_what_hive_readers_skip() {
        assert!(is_hidden("_partiquet") && is_hidden(".crc") && is_hidden("_SUCCESS"));
        assert!(!is_hidden("_day=1") && !is_hidden("part-0.parquet") && is_hidden(".a=1"));
    }
}
