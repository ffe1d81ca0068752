//! Explains why a name was not found.

use std::{ffi::OsStr, fs, path::Path};

use crate::{config::url, error::Error, nearest::nearest};

/// Maximum number of entries in a folder that are compared with a missing name.
const MAX_ADVICE_ENTRIES: usize = 1_000;

/// The error for a name that does not exist, with the most similar name as a hint.
pub(super) fn error(path: &Path) -> Error {
    if let Some(error) = path.to_str().and_then(url::refusal) {
        return error;
    }
    if let Some(word @ ("true" | "false")) = path.to_str() {
        return Error::usage(
            format!("there is no file or folder {word}"),
            format!("the value of a switch follows after an equals sign: --provenance={word}"),
        );
    }
    let mut known =
        path.ancestors().skip(1).map(|parent| if parent.as_os_str().is_empty() { Path::new(".") } else { parent });
    let hint = match known.find(|parent| parent.is_dir()) {
        _ if fs::symlink_metadata(path).is_ok() => "it is a link to a place that is not there".to_owned(),
        Some(parent) if path.parent().is_some_and(|own| own == parent || own.as_os_str().is_empty()) => {
            match alike(parent, path.file_name().unwrap_or_default()) {
                Some(name) => format!("did you mean {}?", path.with_file_name(name).display()),
                None => format!("the folder {} has nothing of a like name", parent.display()),
            }
        }
        Some(parent) => format!("of its path only {} is there", parent.display()),
        None => "check the path".to_owned(),
    };
    Error::usage(format!("there is no file or folder {}", path.display()), hint)
}

/// The entry of a folder whose name is most similar to `name`, if any is similar enough.
fn alike(folder: &Path, name: &OsStr) -> Option<String> {
    let entries = fs::read_dir(folder).ok()?.flatten().take(MAX_ADVICE_ENTRIES);
    let mut names: Vec<String> = entries.filter_map(|entry| entry.file_name().into_string().ok()).collect();
    // Sorted, so that of two equally similar names it is always the same one.
    names.sort_unstable();
    nearest(&name.to_string_lossy(), names.iter().map(String::as_str)).map(str::to_owned)
}
