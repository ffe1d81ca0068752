//! From names on the command line to the inputs of a run: files, folders, patterns, standard input.
//!
//! The list is sorted by path and free of doubles, so that what is made of it does not depend on how names were given
//! or on the order of a listing.

use std::{
    collections::HashSet,
    ffi::OsStr,
    fs, io,
    path::{Path, PathBuf},
};

use walkdir::{DirEntry, WalkDir};

use super::stream::Stream;
use crate::error::{Error, Result};

/// An input of a run.
#[derive(Debug, Clone)]
pub struct InputFile {
    /// The name as it is shown, in reports and in `source_file`.
    pub name: String,
    /// Where the bytes come from.
    pub source: Source,
    /// Bytes as stored; none if that is not known beforehand.
    pub bytes: Option<u64>,
}

/// Where the bytes of an input come from.
#[derive(Debug, Clone)]
pub enum Source {
    /// A file that can be opened again and again.
    File(PathBuf),
    /// Something that can be read once.
    Stream(Stream),
}

/// Endings of the files that are taken from folders.
pub const EXTENSIONS: [&str; 3] = ["json", "ndjson", "jsonl"];

/// Endings that may stand after those.
pub const COMPRESSIONS: [&str; 2] = ["gz", "zst"];

/// How standard input is named.
pub const STDIN: &str = "-";

/// Entries of a folder that are looked at for a name like the one that is missing.
const MAX_ADVICE_ENTRIES: usize = 1_000;

/// The inputs that `names` mean. What a folder holds of the output dataset (`exclude`) is not taken.
///
/// # Errors
/// [`Error::Usage`] for a name that means nothing, [`Error::Io`] for a file or folder that cannot be looked at.
pub fn discover(names: &[String], exclude: Option<&Path>) -> Result<Vec<InputFile>> {
    if names.is_empty() {
        return Err(Error::usage("no input given", "name files, folders or patterns, or - for standard input"));
    }
    // A dataset that is not there yet holds nothing that could be taken.
    let exclude = exclude.and_then(|path| fs::canonicalize(path).ok());
    let mut found = Vec::new();
    for name in names {
        if name == STDIN {
            found.push(Found::stream(STDIN.to_owned(), Stream::stdin()));
            continue;
        }
        let path = Path::new(name);
        match fs::metadata(path) {
            Ok(metadata) => add(path, &metadata, exclude.as_deref(), &mut found)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound && name.contains(['*', '?', '[']) => {
                add_pattern(name, exclude.as_deref(), &mut found)?;
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(missing(path)),
            Err(error) => return Err(Error::io("look at", path)(error)),
        }
    }
    if found.iter().filter(|found| found.file.name == STDIN).count() > 1 {
        return Err(Error::usage("standard input is given twice", "it can be read once only: give - once"));
    }
    found.sort_by(|a, b| a.order().cmp(b.order()));
    let mut seen = HashSet::new();
    found.retain(|found| found.canonical.as_ref().is_none_or(|path| seen.insert(path.clone())));
    Ok(found.into_iter().map(|found| found.file).collect())
}

/// Bytes of all inputs as stored; none if one of them is a stream.
#[must_use]
pub fn total_bytes(inputs: &[InputFile]) -> Option<u64> {
    inputs.iter().map(|input| input.bytes).sum()
}

impl InputFile {
    /// A file, whatever its name.
    ///
    /// # Errors
    /// [`Error::Io`] if it is not there.
    pub fn open(path: impl Into<PathBuf>) -> Result<Self> {
        let path = path.into();
        let metadata = fs::metadata(&path).map_err(Error::io("look at", &path))?;
        Found::file(&path, &metadata).map(|found| found.file)
    }

    /// A stream under a name of its own.
    pub fn stream(name: impl Into<String>, stream: Stream) -> Self {
        Self { name: name.into(), source: Source::Stream(stream), bytes: None }
    }
}

/// An input and what tells it from others.
struct Found {
    file: InputFile,
    /// The path without links and dots; none for streams.
    canonical: Option<PathBuf>,
}

impl Found {
    fn file(path: &Path, metadata: &fs::Metadata) -> Result<Self> {
        let name = path.to_string_lossy().into_owned();
        if !metadata.is_file() {
            // A named pipe or a device: it can be opened and read once, like standard input.
            let reader = fs::File::open(path).map_err(Error::io("open", path))?;
            return Ok(Self::stream(name, Stream::new(reader)));
        }
        let canonical = fs::canonicalize(path).map_err(Error::io("look at", path))?;
        let file = InputFile { name, source: Source::File(path.to_owned()), bytes: Some(metadata.len()) };
        Ok(Self { file, canonical: Some(canonical) })
    }

    fn stream(name: String, stream: Stream) -> Self {
        Self { file: InputFile::stream(name, stream), canonical: None }
    }

    fn order(&self) -> &[u8] {
        match &self.file.source {
            Source::File(path) => path.as_os_str().as_encoded_bytes(),
            Source::Stream(_) => self.file.name.as_bytes(),
        }
    }
}

/// A file is taken as it is, a folder with what it holds.
fn add(path: &Path, metadata: &fs::Metadata, exclude: Option<&Path>, found: &mut Vec<Found>) -> Result<()> {
    if metadata.is_dir() {
        return add_folder(path, exclude, found);
    }
    found.push(Found::file(path, metadata)?);
    Ok(())
}

fn add_folder(folder: &Path, exclude: Option<&Path>, found: &mut Vec<Found>) -> Result<()> {
    let canonical = fs::canonicalize(folder).map_err(Error::io("open", folder))?;
    if exclude == Some(canonical.as_path()) {
        return Err(Error::usage(
            format!("{} is the output dataset, it cannot be an input as well", folder.display()),
            "give another folder to --out",
        ));
    }
    let before = found.len();
    // Links are followed; walkdir sees where they run in a circle.
    let walk = WalkDir::new(folder).follow_links(true).into_iter();
    for entry in walk.filter_entry(|entry| entry.depth() == 0 || !is_passed_over(entry, exclude)) {
        match entry {
            Ok(entry) if entry.file_type().is_file() && has_data_name(entry.file_name()) => {
                let metadata = fs::metadata(entry.path()).map_err(Error::io("look at", entry.path()))?;
                found.push(Found::file(entry.path(), &metadata)?);
            }
            Ok(_) => {}
            Err(error) if error.loop_ancestor().is_some() => {}
            Err(error) => {
                let path = error.path().unwrap_or(folder).to_owned();
                // A link to nowhere counts only if it looks like an input.
                let is_dangling = error.io_error().is_some_and(|error| error.kind() == io::ErrorKind::NotFound);
                if is_dangling && !path.file_name().is_some_and(has_data_name) {
                    continue;
                }
                return Err(Error::io("open", path)(error.into()));
            }
        }
    }
    if found.len() == before {
        return Err(Error::usage(
            format!("the folder {} holds no inputs", folder.display()),
            "taken are *.json, *.ndjson and *.jsonl, also with .gz or .zst, in all folders below; other names have to \
             be given one by one or by a pattern in quotes",
        ));
    }
    Ok(())
}

/// Hidden names, names that begin with `_` (which readers of datasets pass over, too), and the output dataset.
fn is_passed_over(entry: &DirEntry, exclude: Option<&Path>) -> bool {
    let is_hidden = matches!(entry.file_name().as_encoded_bytes().first(), Some(b'.' | b'_'));
    is_hidden || (entry.file_type().is_dir() && is_excluded(entry.path(), exclude))
}

fn is_excluded(path: &Path, exclude: Option<&Path>) -> bool {
    exclude.is_some_and(|exclude| fs::canonicalize(path).is_ok_and(|path| path == exclude))
}

fn has_data_name(name: &OsStr) -> bool {
    let name = name.to_string_lossy().to_ascii_lowercase();
    let name = match name.rsplit_once('.') {
        Some((stem, end)) if COMPRESSIONS.contains(&end) => stem,
        _ => &name,
    };
    name.rsplit_once('.').is_some_and(|(_, end)| EXTENSIONS.contains(&end))
}

fn add_pattern(pattern: &str, exclude: Option<&Path>, found: &mut Vec<Found>) -> Result<()> {
    let options = glob::MatchOptions { require_literal_leading_dot: true, ..glob::MatchOptions::new() };
    let matches = glob::glob_with(pattern, options).map_err(|error| {
        Error::usage(
            format!("the pattern {pattern:?} is wrong at character {}: {}", error.pos + 1, error.msg),
            "a file whose name has such characters in it is given with [*], [?] or [[] for each of them",
        )
    })?;
    let before = found.len();
    for path in matches {
        let path = path.map_err(|error| Error::io("open", error.path().to_owned())(error.into()))?;
        let canonical = fs::canonicalize(&path).map_err(Error::io("open", &path))?;
        // As in a folder: what belongs to the output is passed over.
        if exclude.is_some_and(|exclude| canonical.starts_with(exclude)) {
            continue;
        }
        let metadata = fs::metadata(&path).map_err(Error::io("look at", &path))?;
        add(&path, &metadata, exclude, found)?;
    }
    if found.len() == before {
        return Err(Error::usage(
            format!("no file matches the pattern {pattern:?}"),
            "`*` does not match the dot of hidden names; `**` matches any number of folders",
        ));
    }
    Ok(())
}

/// The error for a name that is not there, with what comes nearest to it.
fn missing(path: &Path) -> Error {
    let mut known =
        path.ancestors().skip(1).map(|parent| if parent.as_os_str().is_empty() { Path::new(".") } else { parent });
    let hint = match known.find(|parent| parent.is_dir()) {
        Some(parent) if path.parent().is_some_and(|own| own == parent || own.as_os_str().is_empty()) => {
            match nearest(parent, path.file_name().unwrap_or_default()) {
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
fn nearest(folder: &Path, name: &OsStr) -> Option<String> {
    let name = name.to_string_lossy();
    let entries = fs::read_dir(folder).ok()?.flatten().take(MAX_ADVICE_ENTRIES);
    let names = entries.map(|entry| entry.file_name().to_string_lossy().into_owned());
    let (distance, nearest) = names.map(|other| (distance(&name, &other), other)).min()?;
    (distance <= name.chars().count().div_ceil(3)).then_some(nearest)
}

/// Levenshtein distance.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.chars().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, to) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(from != *to);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests;
