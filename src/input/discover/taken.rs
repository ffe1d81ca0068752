//! Tells whether a file that does not exist yet would be an input.

use std::{
    ffi::OsStr,
    fs,
    path::{Path, PathBuf},
};

use super::{
    STDIN, has_data_name, is_hidden,
    pattern::{Pattern, is_pattern},
};

/// Whether a file at `path`, once it exists, would be among the inputs that `names` denote. Links to folders inside a
/// folder are not followed.
#[must_use]
pub fn would_take(names: &[impl AsRef<OsStr>], path: &Path) -> bool {
    let (Some(place), Some(name)) = (place(path), path.file_name()) else { return false };
    // The present target of this name, if it is a link.
    let target = fs::canonicalize(path).ok();
    names.iter().map(AsRef::as_ref).filter(|input| *input != STDIN).any(|input| match fs::canonicalize(input) {
        Ok(found) if found.is_dir() => is_in_folder(&place, &found, name),
        Ok(found) => {
            found == place || target.as_ref() == Some(&found) || self::place(input.as_ref()) == Some(place.clone())
        }
        Err(_) => {
            input.to_str().filter(|input| is_pattern(input)).is_some_and(|pattern| is_matched(&place, pattern, name))
        }
    })
}

/// The path without links and dots, except that its last part stays unchanged.
fn place(path: &Path) -> Option<PathBuf> {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    Some(fs::canonicalize(parent).ok()?.join(path.file_name()?))
}

/// Whether a search of the folder would find the file.
fn is_in_folder(place: &Path, folder: &Path, name: &OsStr) -> bool {
    let Ok(inside) = place.strip_prefix(folder) else { return false };
    has_data_name(name) && !inside.components().any(|part| is_hidden(part.as_os_str()))
}

/// Whether a pattern would match the file, or a folder that contains it.
fn is_matched(place: &Path, pattern: &str, name: &OsStr) -> bool {
    let Ok(pattern) = Pattern::new(pattern) else { return false };
    // The folders before the first wildcard can be written in many ways, so their canonical path is compared.
    let fixed = if pattern.fixed.as_os_str().is_empty() { Path::new(".") } else { &pattern.fixed };
    let Ok(fixed) = fs::canonicalize(fixed) else { return false };
    let Ok(inside) = place.strip_prefix(&fixed) else { return false };
    let mut folders = inside.ancestors().skip(1).filter(|folder| !folder.as_os_str().is_empty());
    pattern.matches(inside)
        || folders.any(|folder| pattern.matches(folder) && is_in_folder(place, &fixed.join(folder), name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_name_would_mean_is_known_beforehand() {
        let dir = tempfile::tempdir().unwrap();
        let path = |name: &str| dir.path().join(name);
        fs::create_dir_all(path("in/sub/_x")).unwrap();
        fs::write(path("in/a.json"), "{}").unwrap();
        std::os::unix::fs::symlink(path("in"), path("link")).unwrap();
        std::os::unix::fs::symlink(path("in/a.json"), path("a-link")).unwrap();
        let takes = |input: &str, file: &str| would_take(&[path(input)], &path(file));
        for (input, file) in [
            ("in", "in/r.json"),
            ("in", "in/sub/r.ndjson.gz"),
            ("in", "link/r.json"),
            ("link", "in/r.json"),
            ("", "r.json"),
            ("in/a.json", "in/a.json"),
            ("in/sub/../a.json", "link/a.json"),
            ("a-link", "in/a.json"),
            ("a-link", "a-link"),
            ("in/*.json", "in/r.json"),
            ("link/r*", "in/sub/../r.txt"),
            ("**/*.json", "in/sub/r.json"),
            ("i[n]", "in/sub/r.json"),
        ] {
            assert!(takes(input, file), "{input} takes {file}");
        }
        for (input, file) in [
            ("in", "r.json"),
            ("in", "in/r.txt"),
            ("in", "in/.r.json"),
            ("in", "in/sub/_x/r.json"),
            ("in", "nowhere/r.json"),
            ("in/a.json", "in/r.json"),
            ("in/*.json", "in/sub/r.json"),
            ("in/*.json", "in/r.txt"),
            ("i[n]", "in/r.txt"),
        ] {
            assert!(!takes(input, file), "{input} does not take {file}");
        }
        assert!(!would_take(&["-"], &path("in/r.json")));
    }
}
