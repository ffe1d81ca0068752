//! What to say of a name that is not there.

use std::{ffi::OsStr, fs, path::Path};

use crate::{config::nearest::nearest, error::Error};

/// Entries of a folder that are looked at for a name like the one that is missing.
const MAX_ADVICE_ENTRIES: usize = 1_000;

/// The error for a name that is not there, with what comes nearest to it.
pub(super) fn error(path: &Path) -> Error {
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

/// The entry of a folder whose name is most like `name`, if one is like it at all.
fn alike(folder: &Path, name: &OsStr) -> Option<String> {
    let entries = fs::read_dir(folder).ok()?.flatten().take(MAX_ADVICE_ENTRIES);
    let mut names: Vec<String> = entries.filter_map(|entry| entry.file_name().into_string().ok()).collect();
    // Of two that are as near, always the same one.
    names.sort_unstable();
    nearest(&name.to_string_lossy(), names.iter().map(String::as_str)).map(str::to_owned)
}
