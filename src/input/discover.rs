//! Finds the inputs of a run by their names on the command line: files, folders, patterns, standard input.
//!
//! The list is sorted by path and has no duplicates, so that results do not depend on how the names were given or on
//! the order of a directory listing.

mod missing;
mod pattern;
mod taken;

pub use taken::would_take;

use std::{
    collections::HashSet,
    ffi::OsStr,
    fmt::Write,
    fs, io,
    path::{Path, PathBuf},
};

use walkdir::{DirEntry, WalkDir};
use xxhash_rust::xxh3::xxh3_128;

use self::pattern::{Pattern, is_pattern};
use super::{interruptible, stream::Stream};
use crate::{
    config::url,
    error::{Error, Result},
    observe::Observer,
    report::hex,
};

/// An input of a run.
#[derive(Debug, Clone)]
pub struct InputFile {
    /// The name that reports and `source_file` show: the path, with `\xFF` for a byte that is not UTF-8.
    pub name: String,
    /// Where the bytes come from.
    pub source: Source,
    /// Size as stored, in bytes; `None` if it is not known beforehand.
    pub bytes: Option<u64>,
    /// Identifies where a file is, however its path is written: the hexadecimal XXH3-128 of the path without links and
    /// dots. `None` for a stream.
    pub place: Option<String>,
}

/// Where the bytes of an input come from.
#[derive(Debug, Clone)]
pub enum Source {
    /// A file that can be opened repeatedly.
    File(PathBuf),
    /// Something that can be read only once.
    Stream(Stream),
}

/// Extensions of the files that are taken from folders.
pub const EXTENSIONS: [&str; 3] = ["json", "ndjson", "jsonl"];

/// Compression extensions that may follow those.
pub const COMPRESSIONS: [&str; 2] = ["gz", "zst"];

/// The name of standard input.
pub const STDIN: &str = "-";

/// Finds the inputs that `names` denote. Files of the output dataset (`exclude`) are skipped in folders and patterns.
///
/// # Errors
/// [`Error::Usage`] for a name that denotes nothing, [`Error::Io`] for a file or folder that cannot be inspected,
/// [`Error::Interrupted`] if the observer asked to stop.
pub fn discover(
    names: &[impl AsRef<OsStr>],
    exclude: Option<&Path>,
    observer: &dyn Observer,
) -> Result<Vec<InputFile>> {
    if names.is_empty() {
        return Err(Error::usage("no input given", "name files, folders or patterns, or - for standard input"));
    }
    // A dataset that does not exist yet has no files to exclude.
    let exclude = exclude.and_then(|path| fs::canonicalize(path).ok());
    let mut search = Search { found: Vec::new(), exclude, observer };
    for name in names {
        search.name(name.as_ref())?;
    }
    let mut found = search.found;
    if found.iter().filter(|found| found.file.name == STDIN).count() > 1 {
        return Err(Error::usage("standard input is given twice", "it can be read once only: give - once"));
    }
    found.sort_by(|a, b| a.order().cmp(b.order()));
    let mut seen = HashSet::new();
    found.retain(|found| found.canonical.as_ref().is_none_or(|path| seen.insert(path.clone())));
    Ok(found.into_iter().map(|found| found.file).collect())
}

/// Total size of the inputs as stored, in bytes; `None` if one of them is a stream.
#[must_use]
pub fn total_bytes(inputs: &[InputFile]) -> Option<u64> {
    inputs.iter().map(|input| input.bytes).sum()
}

impl InputFile {
    /// Makes an input of a file with any name.
    ///
    /// # Errors
    /// [`Error::Io`] if it does not exist or cannot be inspected.
    pub fn open(path: impl Into<PathBuf>) -> Result<Self> {
        let path = path.into();
        let metadata = fs::metadata(&path).map_err(Error::io("look at", &path))?;
        Found::file(&path, &metadata).map(|found| found.file)
    }

    /// Makes an input of a stream, with a name of its own.
    pub fn stream(name: impl Into<String>, stream: Stream) -> Self {
        Self { name: name.into(), source: Source::Stream(stream), bytes: None, place: None }
    }
}

/// The system's error of a walk over folders, without the text that walkdir adds.
fn of_walk(error: walkdir::Error) -> io::Error {
    error.into_io_error().unwrap_or_else(|| io::Error::other("links run in a circle"))
}

/// An input, and the path that identifies it.
struct Found {
    file: InputFile,
    /// The path without links and dots; `None` for streams.
    canonical: Option<PathBuf>,
}

impl Found {
    fn file(path: &Path, metadata: &fs::Metadata) -> Result<Self> {
        let name = shown(path);
        if !metadata.is_file() {
            // A named pipe or a device: it can be opened and read once, like standard input.
            let reader = interruptible::open(path).map_err(Error::io("open", path))?;
            return Ok(Self::stream(name, Stream::from_reader(reader)));
        }
        let canonical = fs::canonicalize(path).map_err(Error::io("look at", path))?;
        let place = Some(hex(xxh3_128(canonical.as_os_str().as_encoded_bytes())));
        let file = InputFile { name, source: Source::File(path.to_owned()), bytes: Some(metadata.len()), place };
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

/// The inputs found so far, and the folder to skip.
struct Search<'a> {
    found: Vec<Found>,
    /// The output dataset, without links and dots.
    exclude: Option<PathBuf>,
    observer: &'a dyn Observer,
}

impl Search<'_> {
    fn name(&mut self, name: &OsStr) -> Result<()> {
        if name == STDIN {
            self.found.push(Found::stream(STDIN.to_owned(), Stream::stdin()));
            return Ok(());
        }
        let path = Path::new(name);
        match (fs::metadata(path), name.to_str()) {
            (Ok(metadata), _) => self.add_named(path, &metadata),
            (Err(error), Some(name)) if error.kind() == io::ErrorKind::NotFound && is_pattern(name) => {
                self.add_pattern(name)
            }
            (Err(error), _) if error.kind() == io::ErrorKind::NotFound => Err(missing::error(path)),
            (Err(error), _) => Err(Error::io("look at", path)(error)),
        }
    }

    /// Adds what was named itself: a folder has at least one input then, while a pattern may meet others beside it.
    fn add_named(&mut self, path: &Path, metadata: &fs::Metadata) -> Result<()> {
        let before = self.found.len();
        self.add(path, metadata)?;
        if self.found.len() == before {
            return Err(no_inputs(&format!("the folder {} holds", path.display())));
        }
        Ok(())
    }

    /// Adds a file as it is, or the data files of a folder.
    fn add(&mut self, path: &Path, metadata: &fs::Metadata) -> Result<()> {
        if self.observer.stop_requested() {
            return Err(Error::Interrupted);
        }
        if metadata.is_dir() {
            return self.add_folder(path);
        }
        self.found.push(Found::file(path, metadata)?);
        Ok(())
    }

    fn add_folder(&mut self, folder: &Path) -> Result<()> {
        let canonical = fs::canonicalize(folder).map_err(Error::io("open", folder))?;
        if self.exclude.as_deref() == Some(canonical.as_path()) {
            return Err(Error::usage(
                format!("{} is the output dataset, it cannot be an input as well", folder.display()),
                "give another folder to --out",
            ));
        }
        let (exclude, observer) = (self.exclude.clone(), self.observer);
        // Links are followed; walkdir detects cycles.
        let walk = WalkDir::new(folder).follow_links(true).into_iter();
        for entry in walk.filter_entry(|entry| entry.depth() == 0 || !is_passed_over(entry, exclude.as_deref())) {
            if observer.stop_requested() {
                return Err(Error::Interrupted);
            }
            match entry {
                Ok(entry) if entry.file_type().is_file() && has_data_name(entry.file_name()) => {
                    let metadata = fs::metadata(entry.path()).map_err(Error::io("look at", entry.path()))?;
                    self.found.push(Found::file(entry.path(), &metadata)?);
                }
                Ok(_) => {}
                Err(error) if error.loop_ancestor().is_some() => {}
                Err(error) => {
                    let path = error.path().unwrap_or(folder).to_owned();
                    // A dangling link matters only if its name is that of an input.
                    let is_dangling = error.io_error().is_some_and(|error| error.kind() == io::ErrorKind::NotFound);
                    if is_dangling && !path.file_name().is_some_and(has_data_name) {
                        continue;
                    }
                    return Err(Error::io("open", path)(of_walk(error)));
                }
            }
        }
        Ok(())
    }

    fn add_pattern(&mut self, pattern: &str) -> Result<()> {
        if let Some(error) = url::refusal(pattern) {
            return Err(error);
        }
        let matching = Pattern::new(pattern).map_err(|error| {
            Error::usage(
                format!("the pattern {pattern:?} is wrong at character {}: {}", error.pos + 1, error.msg),
                "a file whose name has such characters in it is given with [*], [?] or [[] for each of them",
            )
        })?;
        let (before, mut meets_folder) = (self.found.len(), false);
        for path in matching.walk() {
            let path = path.map_err(|error| {
                let path = error.path().unwrap_or(&matching.fixed).to_owned();
                Error::io("open", path)(of_walk(error))
            })?;
            let canonical = fs::canonicalize(&path).map_err(Error::io("open", &path))?;
            // As in folders, files of the output dataset are skipped.
            if self.exclude.as_ref().is_some_and(|exclude| canonical.starts_with(exclude)) {
                continue;
            }
            let metadata = fs::metadata(&path).map_err(Error::io("look at", &path))?;
            meets_folder |= metadata.is_dir();
            self.add(&path, &metadata)?;
        }
        if self.found.len() == before && meets_folder {
            return Err(no_inputs(&format!("the folders that match {pattern:?} hold")));
        }
        if self.found.len() == before {
            return Err(Error::usage(
                format!("no file matches the pattern {pattern:?}"),
                "`*` does not match the dot of hidden names; `**` matches any number of folders",
            ));
        }
        Ok(())
    }
}

/// The refusal of folders without inputs, which are the subject.
fn no_inputs(of: &str) -> Error {
    Error::usage(
        format!("{of} no inputs"),
        "taken are *.json, *.ndjson and *.jsonl, also with .gz or .zst, in all folders below; other names have to be \
         given one by one or by a pattern in quotes",
    )
}

/// The path as unambiguous text: bytes that are not UTF-8 are written as `\xFF`.
fn shown(path: &Path) -> String {
    path.as_os_str().as_encoded_bytes().utf8_chunks().fold(String::new(), |mut shown, chunk| {
        shown.push_str(chunk.valid());
        for byte in chunk.invalid() {
            let _ = write!(shown, "\\x{byte:02X}");
        }
        shown
    })
}

/// Whether to skip an entry: hidden names, names that begin with `_` (which dataset readers skip too), and the output
/// dataset.
fn is_passed_over(entry: &DirEntry, exclude: Option<&Path>) -> bool {
    is_hidden(entry.file_name()) || (entry.file_type().is_dir() && is_excluded(entry.path(), exclude))
}

fn is_hidden(name: &OsStr) -> bool {
    matches!(name.as_encoded_bytes().first(), Some(b'.' | b'_'))
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

#[cfg(test)]
mod tests;
