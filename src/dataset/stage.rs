//! The dataset while a run works on it: locked, with a staging folder; dropped without a commit it is as before.

use std::{
    collections::BTreeSet,
    fs, io,
    path::{Path, PathBuf},
};

use walkdir::WalkDir;

use super::{layout, lock, lock::Lock, manifest::Manifest};
use crate::{
    config::Mode,
    error::{Error, Result},
};

/// A dataset that this process writes to. [`Dataset::commit`](super::commit) publishes what was staged; dropping it
/// discards that, and removes what opening it created.
#[derive(Debug)]
pub struct Dataset {
    pub(super) dir: PathBuf,
    pub(super) staging: PathBuf,
    /// The commits so far.
    pub(super) commits: Vec<Manifest>,
    /// Folders that opening it created, parents first.
    pub(super) created: Vec<PathBuf>,
    pub(super) committed: bool,
    /// Given back when everything else is done.
    _lock: Lock,
}

impl Dataset {
    /// How many files are named when a folder is refused for them.
    const MAX_FILES_NAMED: usize = 3;

    /// Opens the dataset in `dir`, which need not exist, and locks it for this process. What a run that died has left
    /// in staging is swept.
    ///
    /// # Errors
    /// [`Error::Dataset`] when another process writes to it, when `mode` is [`Mode::Error`] and there is something in
    /// the folder, when `mode` is [`Mode::Overwrite`] and the folder holds files that no commit lists, or when a
    /// commit cannot be understood; [`Error::Io`].
    pub fn open(dir: &Path, mode: Mode) -> Result<Self> {
        let meta = layout::meta(dir);
        if !meta.exists() {
            // Looked at before anything is created: a folder of somebody else's stays untouched.
            check(dir, mode, &[])?;
        }
        // Declared before `created`, so that a failure below removes what was created while it still has the lock.
        let lock;
        let mut created = Created::default();
        created.folder(dir)?;
        created.folder(&meta)?;
        lock = Lock::take(dir, &lock::lock_path(&meta))?;
        created.locked = true;
        let commits = Manifest::read_all(dir)?;
        check(dir, mode, &commits)?;
        sweep(dir, &commits)?;
        let staging = layout::staging(dir).join(format!("{}-{}", commits.len() + 1, std::process::id()));
        fs::create_dir_all(&staging).map_err(Error::io("create folder", &staging))?;
        let created = created.keep();
        Ok(Self { dir: dir.to_owned(), staging, commits, created, committed: false, _lock: lock })
    }

    /// Whether [`Dataset::open`] would take the folder, as far as that can be seen without writing anything.
    ///
    /// # Errors
    /// As for [`Dataset::open`], but for a lock that another process holds.
    pub fn check(dir: &Path, mode: Mode) -> Result<()> {
        let has_meta = layout::meta(dir).exists();
        check(dir, mode, &if has_meta { Manifest::read_all(dir)? } else { Vec::new() })?;
        let there = dir.ancestors().map(or_here).find(|folder| folder.exists()).unwrap_or(dir);
        is_writable(there).map_err(Error::io("write to", there))
    }

    /// The folder for everything that the run writes before its commit.
    #[must_use]
    pub fn staging_dir(&self) -> &Path {
        &self.staging
    }

    /// Where the data file with this sequence number is staged. Its name ends in `.staged`: `.parquet` would be found
    /// by readers that look into every folder.
    #[must_use]
    pub fn staged_file_path(&self, sequence: u64) -> PathBuf {
        self.staging.join(format!("part-{sequence:05}.staged"))
    }

    /// Where the rejects file is staged.
    #[must_use]
    pub fn staged_rejects_path(&self) -> PathBuf {
        self.staging.join("rejects.staged")
    }

    /// The commits that the dataset had when it was opened, in order.
    #[must_use]
    pub fn commits(&self) -> &[Manifest] {
        &self.commits
    }
}

impl Drop for Dataset {
    fn drop(&mut self) {
        // Nobody is left to hear of a failure here. What stays behind is invisible, and swept by the next run.
        let _ = fs::remove_dir_all(&self.staging);
        let _ = fs::remove_dir(layout::staging(&self.dir));
        if !self.committed {
            remove_created(&self.created);
        }
    }
}

/// Folders created so far; removed again unless they are kept.
#[derive(Debug, Default)]
struct Created {
    folders: Vec<PathBuf>,
    /// Without the lock, what is in these folders may be another run's.
    locked: bool,
}

impl Created {
    /// Creates `path` and the folders above it that are missing.
    fn folder(&mut self, path: &Path) -> Result<()> {
        if path.as_os_str().is_empty() || path.is_dir() {
            return Ok(());
        }
        if let Some(parent) = path.parent() {
            self.folder(parent)?;
        }
        match fs::create_dir(path) {
            Ok(()) => self.folders.push(path.to_owned()),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => {}
            Err(error) => return Err(Error::io("create folder", path)(error)),
        }
        Ok(())
    }

    fn keep(mut self) -> Vec<PathBuf> {
        std::mem::take(&mut self.folders)
    }
}

impl Drop for Created {
    fn drop(&mut self) {
        if self.locked {
            remove_created(&self.folders);
        } else {
            self.folders.iter().rev().for_each(|folder| drop(fs::remove_dir(folder)));
        }
    }
}

/// Removes the folders that opening the dataset created, the metadata with all that is in it; of the others, one
/// with something of somebody else's in it stays.
fn remove_created(created: &[PathBuf]) {
    for folder in created.iter().rev() {
        let is_meta = folder.ends_with(layout::META);
        let _ = if is_meta { fs::remove_dir_all(folder) } else { fs::remove_dir(folder) };
    }
}

/// A relative path ends with nothing, which is the folder we are in.
fn or_here(path: &Path) -> &Path {
    if path.as_os_str().is_empty() { Path::new(".") } else { path }
}

#[cfg(unix)]
fn is_writable(folder: &Path) -> io::Result<()> {
    use rustix::fs::{Access, access};
    if !folder.is_dir() {
        return Err(io::ErrorKind::NotADirectory.into());
    }
    access(folder, Access::WRITE_OK | Access::EXEC_OK).map_err(io::Error::from)
}

/// Here it shows when it is tried.
#[cfg(not(unix))]
fn is_writable(folder: &Path) -> io::Result<()> {
    if folder.is_dir() { Ok(()) } else { Err(io::ErrorKind::NotADirectory.into()) }
}

/// Whether a run in this mode may write to a folder with these commits.
fn check(dir: &Path, mode: Mode, commits: &[Manifest]) -> Result<()> {
    let refuse =
        |message: String, hint: &str| Err(Error::Dataset { dir: dir.to_owned(), message, hint: hint.to_owned() });
    match fs::metadata(dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            // Nothing, or a link to nothing, on which no folder can be made.
            return match dir.ancestors().find(|path| path.is_symlink() && !path.exists()) {
                None => Ok(()),
                Some(link) => refuse(
                    format!("{} is a link to a folder that is not there", link.display()),
                    "create that folder, or choose another one",
                ),
            };
        }
        Err(error) => return Err(Error::io("look at", dir)(error)),
        Ok(found) if !found.is_dir() => return refuse("it is not a folder".to_owned(), "choose another folder"),
        Ok(_) => {}
    }
    match mode {
        Mode::Error if !commits.is_empty() => {
            let files = Manifest::live_files(commits).len();
            refuse(
                format!("there is a dataset in it already ({files} files, {} commits)", commits.len()),
                "`--mode overwrite` replaces it; or choose another folder",
            )
        }
        Mode::Error => match named(&entries(dir)?) {
            None => Ok(()),
            Some(names) => refuse(
                format!("the folder is not empty: {names}"),
                "choose an empty folder, or a new one; `--mode overwrite` replaces a dataset that partiquet has written, \
                 and nothing else",
            ),
        },
        Mode::Overwrite => {
            let mut ours = Manifest::live_files(commits);
            ours.extend(Manifest::dead_files(commits));
            let foreign: BTreeSet<String> = visible_files(dir)?.difference(&ours).cloned().collect();
            match named(&foreign) {
                None => Ok(()),
                Some(names) => refuse(
                    format!("it holds files that no commit of partiquet lists: {names}"),
                    "only a dataset's own files are overwritten: move these away, or choose another folder",
                ),
            }
        }
    }
}

/// The first names of a list, and how many more there are. None for an empty list.
fn named(names: &BTreeSet<String>) -> Option<String> {
    let first: Vec<&str> = names.iter().take(Dataset::MAX_FILES_NAMED).map(String::as_str).collect();
    let more = names.len().saturating_sub(first.len());
    match (first.is_empty(), more) {
        (true, _) => None,
        (false, 0) => Some(first.join(", ")),
        (false, more) => Some(format!("{} and {more} more", first.join(", "))),
    }
}

/// Everything directly in the folder but the dataset's own metadata.
fn entries(dir: &Path) -> Result<BTreeSet<String>> {
    let mut names = BTreeSet::new();
    for entry in fs::read_dir(dir).map_err(Error::io("list", dir))? {
        let name = entry.map_err(Error::io("list", dir))?.file_name().to_string_lossy().into_owned();
        if name != layout::META {
            names.insert(name);
        }
    }
    Ok(names)
}

/// All files (and links) that Hive readers would see, relative to the folder. Links are not followed.
pub(super) fn visible_files(dir: &Path) -> Result<BTreeSet<String>> {
    let hidden =
        |entry: &walkdir::DirEntry| entry.depth() > 0 && layout::is_hidden(&entry.file_name().to_string_lossy());
    let mut files = BTreeSet::new();
    for entry in WalkDir::new(dir).into_iter().filter_entry(|entry| !hidden(entry)) {
        let entry = entry.map_err(|error| Error::io("list", dir)(error.into()))?;
        if entry.depth() > 0
            && !entry.file_type().is_dir()
            && let Ok(path) = entry.path().strip_prefix(dir)
        {
            let parts: Vec<_> = path.components().map(|part| part.as_os_str().to_string_lossy()).collect();
            files.insert(parts.join("/"));
        }
    }
    Ok(files)
}

/// Removes what runs that ended early have left: staged files, and replaced files that were not deleted any more.
fn sweep(dir: &Path, commits: &[Manifest]) -> Result<()> {
    let staging = layout::staging(dir);
    match fs::remove_dir_all(&staging) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(Error::io("clear", staging)(error)),
        _ => {}
    }
    let dead = Manifest::dead_files(commits);
    if dead.is_empty() {
        return Ok(());
    }
    let left: Vec<String> = visible_files(dir)?.intersection(&dead).cloned().collect();
    match delete_files(dir, &left).pop() {
        None => Ok(()),
        Some((path, error)) => Err(Error::io("delete the replaced file", path)(error)),
    }
}

/// Deletes data files and the partition folders that become empty; gives those that could not be deleted.
pub(super) fn delete_files(dir: &Path, files: &[String]) -> Vec<(PathBuf, io::Error)> {
    let mut failed = Vec::new();
    let mut folders = BTreeSet::new();
    for file in files {
        let path = dir.join(file);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => failed.push((path, error)),
            _ => folders.extend(path.parent().map(Path::to_owned)),
        }
    }
    for folder in folders {
        let up_to_dir = folder.ancestors().take_while(|folder| *folder != dir && folder.starts_with(dir));
        // Ends at the first folder that is not empty.
        let _ = up_to_dir.map(fs::remove_dir).all(|removed| removed.is_ok());
    }
    failed
}

#[cfg(test)]
mod tests;
