//! A dataset that a run is working on: it is locked and has a staging folder. Dropped without a commit, it is as
//! before.

use std::{
    collections::BTreeSet,
    fs, io,
    path::{Path, PathBuf},
};

use super::{
    SchemaDocument,
    files::{self, entries, exists, files_below, is_folder, visible_files},
    intent,
    intent::Recovered,
    layout, lock,
    lock::Lock,
    manifest::Manifest,
};
use crate::{
    config::Mode,
    error::{Error, Result},
};

/// A dataset that this process writes to. [`Dataset::commit`](super::commit) publishes what was staged; dropping it
/// discards that, and removes what opening it created.
#[derive(Debug)]
pub struct Dataset {
    pub(super) dir: PathBuf,
    pub(super) mode: Mode,
    pub(super) staging: PathBuf,
    /// The commits that it had when it was opened.
    pub(super) commits: Vec<Manifest>,
    /// What opening it did about a commit that was cut off.
    pub(super) recovered: Option<Recovered>,
    /// Folders that opening it created, parents first.
    pub(super) created: Vec<PathBuf>,
    pub(super) state: State,
    /// Declared last, so that the lock is released after everything else.
    _lock: Lock,
}

/// What dropping the dataset has to clean up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// Staged files, and what opening the dataset created.
    Open,
    /// Staged files, which are no longer needed.
    Committed,
    /// Nothing: the next run continues with what is there.
    Unfinished,
}

impl Dataset {
    /// Maximum number of files named when a folder is refused because of them.
    const MAX_FILES_NAMED: usize = 3;

    /// Opens the dataset in `dir`, which need not exist, and locks it for this process. A commit that a dead run
    /// started is completed or rolled back; what dead runs left in staging is removed.
    ///
    /// # Errors
    /// [`Error::Dataset`] when another process writes to it, when a commit cannot be parsed, or when `mode` forbids the
    /// present content: anything at all for [`Mode::Error`], anything but a dataset for [`Mode::Append`], files that no
    /// commit lists for the other two; [`Error::NewerFormat`] for a dataset of a newer version; [`Error::Io`].
    pub fn open(dir: &Path, mode: Mode) -> Result<Self> {
        Self::open_and_tell(dir, mode, |_| {})
    }

    /// Like [`Dataset::open`], but tells at once what became of a commit that a dead run had started: that stays, also
    /// if the dataset cannot be opened.
    ///
    /// # Errors
    /// As [`Dataset::open`].
    pub fn open_and_tell(dir: &Path, mode: Mode, tell: impl FnOnce(Recovered)) -> Result<Self> {
        let meta = layout::meta(dir);
        if !exists(&meta)? {
            // Checked before anything is created, so that a foreign folder stays untouched.
            check_mode(dir, mode, &[])?;
        }
        // Declared before `created`, so that a failure below removes what was created while it still has the lock.
        let lock;
        let mut created = Created::default();
        lock = locked(dir, &mut created, Lock::take)?;
        created.locked = true;
        let recovered = intent::recover(dir)?;
        recovered.map(tell);
        let commits = Manifest::read_with(dir, Manifest::without_details)?;
        refuse_newer_schema(dir, &commits)?;
        let is_allowed = check_mode(dir, mode, &commits);
        if is_allowed.is_ok() || !commits.is_empty() {
            // In a dataset this also runs if the mode forbids the run, because nobody else removes what dead runs left.
            sweep(dir, &commits)?;
        }
        is_allowed?;
        let staging = layout::staging(dir).join(format!("{}-{}", commits.len() + 1, std::process::id()));
        fs::create_dir_all(&staging).map_err(|error| {
            // The outer of the two folders may have been created before the failure.
            let _ = fs::remove_dir(layout::staging(dir));
            Error::io("create folder", &staging)(error)
        })?;
        let created = created.keep();
        let dir = dir.to_owned();
        Ok(Self { dir, mode, staging, commits, recovered, created, state: State::Open, _lock: lock })
    }

    /// What [`Dataset::open`] did about a commit that an earlier run had started, if there was one.
    #[must_use]
    pub const fn recovered(&self) -> Option<Recovered> {
        self.recovered
    }

    /// The commits that [`Dataset::open`] would find, and what it would first do about one that was cut off. Nothing is
    /// written.
    ///
    /// # Errors
    /// As for [`Dataset::open`].
    pub fn peek(dir: &Path) -> Result<(Vec<Manifest>, Option<Recovered>)> {
        if exists(&layout::meta(dir))? { intent::peek(dir) } else { Ok((Vec::new(), None)) }
    }

    /// The schema that a run in this mode would have to agree with, given the `commits` of [`Dataset::peek`].
    ///
    /// # Errors
    /// As [`Dataset::peek`] and [`SchemaDocument::read`].
    pub fn peek_schema(dir: &Path, mode: Mode, commits: &[Manifest]) -> Result<Option<SchemaDocument>> {
        if !mode.keeps_rows() || Manifest::live(commits).is_empty() {
            return Ok(None);
        }
        SchemaDocument::read_at(dir, &intent::peek_schema(dir)?).map(Some)
    }

    /// Checks that [`Dataset::open`] would accept the folder, as far as that can be told without writing. If it would
    /// roll back a commit first, the files are not judged.
    ///
    /// # Errors
    /// As for [`Dataset::open`], except for a lock that another process holds.
    pub fn check(dir: &Path, mode: Mode) -> Result<()> {
        refuse_within_another(dir)?;
        let (commits, cut_off) = Self::peek(dir)?;
        let is_taken_back = matches!(cut_off, Some(Recovered::RolledBack(_)));
        if !is_taken_back || (mode == Mode::Error && !commits.is_empty()) {
            check_mode(dir, mode, &commits)?;
        }
        let there = dir.ancestors().map(or_current_dir).find(|folder| folder.exists()).unwrap_or(dir);
        is_writable(there).map_err(Error::io("write to", there))
    }

    /// The folder for everything that the run writes before its commit.
    #[must_use]
    pub fn staging_dir(&self) -> &Path {
        &self.staging
    }

    /// Where the rejects file is staged.
    #[must_use]
    pub fn staged_rejects_path(&self) -> PathBuf {
        staged_rejects_path(&self.staging)
    }

    /// The commits that the dataset had when it was opened, in order.
    #[must_use]
    pub fn commits(&self) -> &[Manifest] {
        &self.commits
    }

    /// The schema that a run in this mode has to agree with; `None` for a first run and for one that replaces
    /// everything.
    ///
    /// # Errors
    /// As [`SchemaDocument::read`].
    pub fn schema_to_keep(&self) -> Result<Option<SchemaDocument>> {
        schema_to_keep(&self.dir, self.mode, &self.commits)
    }
}

/// Refuses a schema of a newer version also where the run does not need it, for it would be replaced by an older one.
pub(super) fn refuse_newer_schema(dir: &Path, commits: &[Manifest]) -> Result<()> {
    if commits.is_empty() {
        return Ok(());
    }
    match SchemaDocument::read(dir) {
        Err(error @ Error::NewerFormat { .. }) => Err(error),
        _ => Ok(()),
    }
}

pub(super) fn schema_to_keep(dir: &Path, mode: Mode, commits: &[Manifest]) -> Result<Option<SchemaDocument>> {
    if mode.keeps_rows() && !Manifest::live(commits).is_empty() {
        SchemaDocument::read(dir).map(Some)
    } else {
        Ok(None)
    }
}

/// The path of the staged rejects file in a staging folder.
#[must_use]
pub fn staged_rejects_path(staging: &Path) -> PathBuf {
    staging.join("rejects.staged")
}

impl Drop for Dataset {
    fn drop(&mut self) {
        // A failure here cannot be reported. What stays behind is invisible, and the next run removes it.
        if self.state != State::Unfinished && !intent::is_pending(&self.dir).unwrap_or(true) {
            let _ = fs::remove_dir_all(&self.staging);
            let _ = fs::remove_dir(layout::staging(&self.dir));
            if self.state == State::Open {
                remove_created(&self.created);
            }
        }
    }
}

/// Folders created so far; removed on drop unless they are kept.
#[derive(Debug, Default)]
pub(super) struct Created {
    folders: Vec<PathBuf>,
    /// Without the lock, these folders may contain files of another run.
    locked: bool,
    stays: bool,
}

impl Created {
    /// Creates `path` and its missing parents.
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

    /// Folders that always stay, because several processes may use them.
    pub(super) const fn kept() -> Self {
        Self { folders: Vec::new(), locked: false, stays: true }
    }

    fn keep(mut self) -> Vec<PathBuf> {
        std::mem::take(&mut self.folders)
    }
}

impl Drop for Created {
    fn drop(&mut self) {
        if self.locked {
            remove_created(&self.folders);
        } else if !self.stays {
            self.folders.iter().rev().for_each(|folder| drop(fs::remove_dir(folder)));
        }
    }
}

/// Creates the missing folders of the dataset and takes its lock. A failing run removes the folders that it created, so
/// they may disappear again before the lock file is in them.
pub(super) fn locked(dir: &Path, created: &mut Created, take: impl Fn(&Path, &Path) -> Result<Lock>) -> Result<Lock> {
    let path = lock::lock_path(&layout::meta(dir));
    Lock::retried(|| create_meta(dir, created).and_then(|()| take(dir, &path)))
}

/// Creates the dataset's folder and its metadata folder. The latter holds the lock: if it were a link, two processes
/// could write to this dataset.
fn create_meta(dir: &Path, created: &mut Created) -> Result<()> {
    let meta = layout::meta(dir);
    refuse_within_another(dir)?;
    created.folder(dir)?;
    created.folder(&meta)?;
    let parts = ["commits", "rejects", "shares", "staging"].map(|part| meta.join(part));
    // A single call for each folder: between two calls another run may remove it.
    let is_link = |part: &&PathBuf| match fs::symlink_metadata(part) {
        Ok(found) => !found.is_dir(),
        Err(error) => error.kind() != io::ErrorKind::NotFound,
    };
    match parts.iter().chain([&meta]).find(is_link) {
        None => Ok(()),
        Some(link) => Err(Error::Dataset {
            dir: dir.to_owned(),
            message: format!("{} is not a folder of its own", link.display()),
            hint: "a link could lead out of the dataset: put a folder in its place".to_owned(),
        }),
    }
}

/// Removes the folders that opening the dataset created. The caller holds its lock. What belongs to other runs stays:
/// another run may have committed between the creation and the lock.
fn remove_created(created: &[PathBuf]) {
    for folder in created.iter().rev() {
        if folder.ends_with(layout::META) {
            remove_meta(folder);
        }
        let _ = fs::remove_dir(folder);
    }
}

/// Empties the metadata folder of a dataset without commits and shares. The lock file is removed last: a process that
/// creates a new one after that keeps the folder.
fn remove_meta(meta: &Path) {
    let is_used = |part: &str| entries(&meta.join(part)).map_or(true, |names| !names.is_empty());
    let Ok(mut names) = entries(meta) else { return };
    let is_pending = layout::INTENT_FILE.rsplit('/').next().is_some_and(|intent| names.contains(intent));
    if is_pending || ["commits", "shares"].into_iter().any(is_used) {
        return;
    }
    let lock = lock::lock_path(meta);
    names.retain(|name| meta.join(name) != lock);
    for path in names.iter().map(|name| meta.join(name)) {
        let _ = if is_folder(&path) { fs::remove_dir_all(&path) } else { fs::remove_file(&path) };
    }
    let _ = fs::remove_file(&lock);
}

/// An empty relative path means the current directory.
fn or_current_dir(path: &Path) -> &Path {
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

/// Not checkable here; the first write will tell.
#[cfg(not(unix))]
fn is_writable(folder: &Path) -> io::Result<()> {
    if folder.is_dir() { Ok(()) } else { Err(io::ErrorKind::NotADirectory.into()) }
}

/// Fails for a new dataset inside another one: a query of the outer one would read the rows of both, and its next run
/// would take the files of the inner one for leftovers.
fn refuse_within_another(dir: &Path) -> Result<()> {
    if exists(&layout::meta(dir))? {
        return Ok(());
    }
    let there = dir.ancestors().map(or_current_dir).find_map(|folder| Some((folder, fs::canonicalize(folder).ok()?)));
    let Some((folder, resolved)) = there else { return Ok(()) };
    let outer = resolved
        .ancestors()
        .skip(usize::from(folder == or_current_dir(dir)))
        .find(|above| is_folder(&layout::meta(above)));
    outer.map_or(Ok(()), |outer| {
        Err(Error::Dataset {
            dir: dir.to_owned(),
            message: format!("it is inside of the dataset {}", outer.display()),
            hint: "choose a folder outside of it: who reads that one would read the rows of both".to_owned(),
        })
    })
}

/// Checks that a run in this mode may write to a folder with these commits.
pub(super) fn check_mode(dir: &Path, mode: Mode, commits: &[Manifest]) -> Result<()> {
    if !is_there(dir)? {
        return Ok(());
    }
    let refuse = |message: String, hint: &str| Err(refusal(dir, message, hint));
    match mode {
        Mode::Error if !commits.is_empty() => {
            let counted = |number: usize, one: &str| format!("{number} {one}{}", if number == 1 { "" } else { "s" });
            let (files, commits) = (Manifest::live_files(commits).len(), commits.len());
            refuse(
                format!(
                    "there is a dataset in it already ({}, {})",
                    counted(files, "file"),
                    counted(commits, "commit")
                ),
                "`--mode append` adds to it, `--mode overwrite` replaces it; or choose another folder",
            )
        }
        Mode::Append if !commits.is_empty() => Ok(()),
        Mode::Error | Mode::Append => {
            let mut others = entries(dir)?;
            others.remove(layout::META);
            match named(&others) {
                None => Ok(()),
                Some(names) => refuse(
                    format!("the folder is not empty: {names}"),
                    "choose an empty folder, or a new one; `--mode overwrite` replaces a dataset that partiquet has \
                     written, and nothing else",
                ),
            }
        }
        Mode::Overwrite | Mode::OverwritePartitions => {
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

/// Whether there is a folder; if not, one can be created.
fn is_there(dir: &Path) -> Result<bool> {
    match fs::metadata(dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            // The path does not exist, or is a dangling link, where no folder can be created.
            match dir.ancestors().find(|path| path.is_symlink() && !path.exists()) {
                None => Ok(false),
                Some(link) => {
                    let message = format!("{} is a link to a folder that is not there", link.display());
                    Err(refusal(dir, message, "create that folder, or choose another one"))
                }
            }
        }
        Err(error) => Err(Error::io("look at", dir)(error)),
        Ok(found) if !found.is_dir() => Err(refusal(dir, "it is not a folder".to_owned(), "choose another folder")),
        Ok(_) => Ok(true),
    }
}

fn refusal(dir: &Path, message: String, hint: &str) -> Error {
    Error::Dataset { dir: dir.to_owned(), message, hint: hint.to_owned() }
}

/// The first names of a list, and how many more there are; `None` for an empty list.
fn named(names: &BTreeSet<String>) -> Option<String> {
    let first: Vec<&str> = names.iter().take(Dataset::MAX_FILES_NAMED).map(String::as_str).collect();
    let more = names.len().saturating_sub(first.len());
    match (first.is_empty(), more) {
        (true, _) => None,
        (false, 0) => Some(first.join(", ")),
        (false, more) => Some(format!("{} and {more} more", first.join(", "))),
    }
}

/// Removes what runs that ended early have left: staged files, and replaced files that a run of version 1 could not
/// delete in time.
///
/// # Errors
/// [`Error::Io`]; [`Error::Dataset`] when a file of the dataset is missing and a file in staging may be that file.
pub(super) fn sweep(dir: &Path, commits: &[Manifest]) -> Result<()> {
    let staging = layout::staging(dir);
    let set_aside = |file: &String| file.rsplit('/').next().is_some_and(|name| name.starts_with(layout::SET_ASIDE));
    if files_below(&staging, |_| true)?.iter().any(set_aside) {
        let missing: BTreeSet<String> =
            Manifest::live_files(commits).difference(&visible_files(dir)?).cloned().collect();
        if let Some(names) = named(&missing) {
            return Err(Error::Dataset {
                dir: dir.to_owned(),
                message: format!("files of it are missing, and {} may hold them: {names}", staging.display()),
                hint: format!(
                    "the files named {}N there were set aside by a commit that was cut off: move each back to its name, \
                     or restore the missing ones from a copy and delete that folder",
                    layout::SET_ASIDE
                ),
            });
        }
    }
    files::remove_folder(&staging)?;
    let dead = Manifest::dead_files(commits);
    if dead.is_empty() {
        return Ok(());
    }
    let left: Vec<String> = visible_files(dir)?.intersection(&dead).cloned().collect();
    left.iter().try_for_each(|file| files::remove_file(&dir.join(file)))?;
    files::remove_empty_folders(dir, &dead);
    Ok(())
}

#[cfg(test)]
mod tests;
