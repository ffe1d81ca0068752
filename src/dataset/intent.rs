//! The write-ahead intent: what a commit is about to do, written to disk before the first rename.
//!
//! While `_partiquet/intent.json` exists, a commit is under way. Every step is idempotent, so whoever holds the lock
//! next completes the commit ([`recover`]), however far it came. A live process that meets an error rolls back its
//! steps instead and then removes the intent. [`recover`] rolls back too if the commit cannot be completed because
//! one of its new files is gone, or has another size.

use std::{
    fmt, fs,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use super::{
    document::{damaged, read_document, write_document},
    files::{self, Folders, exists, is_folder, is_whole, sync_folder},
    layout::{self, is_relative_file},
    manifest::{MANIFEST_VERSION, Manifest},
};
use crate::error::{Error, Result};

/// Format version of `intent.json` that this program writes, and the newest it reads.
pub const INTENT_VERSION: u32 = 1;

/// The steps of a commit. All paths are relative to the dataset.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Intent {
    /// [`INTENT_VERSION`].
    pub format_version: u32,
    /// Number of the commit.
    pub commit: u64,
    /// The id of its run.
    pub run_id: String,
    /// First, in this order: new files get their names, and replaced files are set aside.
    pub moves: Vec<Move>,
    /// Then the manifest gets its name: from here on the run is committed.
    pub manifest: Move,
    /// Then the schema document gets its name.
    pub schema: Move,
    /// Folders that are removed at the end, with everything that was set aside.
    pub discard: Vec<String>,
}

/// Renames a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Move {
    pub from: String,
    pub to: String,
    /// What may exist at `to`.
    pub target: Target,
    /// Size of the file in bytes. None for files that are set aside, for rejects, which somebody may repair at any
    /// time, and in intents of earlier versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
}

/// What may exist at the target of a move.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Target {
    /// Nothing. If `from` is gone, the move was already done.
    New,
    /// An earlier file of ours that has the same content, or that this file replaces for good.
    Replaced,
    /// Nothing. `from` is set aside if it still exists; if it does not, that is no error.
    Aside,
}

impl Intent {
    /// Performs all steps. An error rolls them back, unless the run is already committed.
    pub(super) fn execute(&self, dir: &Path) -> Result<CommitOutcome> {
        let mut folders = Folders::new(dir);
        let mut done = Vec::new();
        if let Err(error) = self.up_to_commit(dir, &mut folders, &mut done) {
            return Err(roll_back(dir, folders, &done, error));
        }
        Ok(CommitOutcome { unfinished: self.after_commit(dir, &mut folders).err() })
    }

    fn up_to_commit<'a>(&'a self, dir: &Path, folders: &mut Folders, done: &mut Vec<&'a Move>) -> Result<()> {
        for step in &self.moves {
            if step.make(dir, folders)? == MoveOutcome::Moved {
                done.push(step);
            }
        }
        folders.sync()?;
        if self.manifest.make(dir, folders)? == MoveOutcome::Moved {
            done.push(&self.manifest);
        }
        folders.sync()
    }

    fn after_commit(&self, dir: &Path, folders: &mut Folders) -> Result<()> {
        self.schema.make(dir, folders)?;
        folders.sync()?;
        let aside = self.moves.iter().filter(|step| step.target == Target::Aside);
        files::remove_empty_folders(dir, aside.map(|step| &step.from));
        remove(dir)?;
        self.discard.iter().try_for_each(|folder| files::remove_folder(&dir.join(folder)))
    }

    /// Whether everything that the commit consists of exists, as large as it was staged. Once the manifest has its
    /// name, all steps before it are done.
    fn is_completable(&self, dir: &Path) -> Result<bool> {
        if exists(&dir.join(&self.manifest.to))? {
            return Ok(true);
        }
        for step in self.moves.iter().filter(|step| step.target != Target::Aside) {
            let at = if exists(&dir.join(&step.from))? { &step.from } else { &step.to };
            if !is_whole(&dir.join(at), step.bytes)? {
                return Ok(false);
            }
        }
        let is_staged = |step: &Move| is_whole(&dir.join(&step.from), step.bytes);
        Ok(is_staged(&self.manifest)? && is_staged(&self.schema)?)
    }

    fn complete(&self, dir: &Path, folders: &mut Folders) -> Result<()> {
        if exists(&dir.join(&self.manifest.to))? {
            // If a file was lost after the commit, `verify` will find that.
            self.manifest.make(dir, folders)?;
            folders.sync()?;
        } else {
            self.up_to_commit(dir, folders, &mut Vec::new())?;
        }
        self.after_commit(dir, folders)
    }

    /// Restores the state before an uncommitted commit: files that were set aside return, then new files go back to
    /// staging. A file that replaced one of the same name has the same content, and stays.
    fn roll_back(&self, dir: &Path, folders: &mut Folders) -> Result<()> {
        let commits = Manifest::read_with(dir, Manifest::without_details)?;
        let is_rejects_of_commit =
            |path: &str| commits.iter().any(|commit| commit.rejects_file.as_deref() == Some(path));
        for step in self.moves.iter().rev() {
            let is_ours = match step.target {
                Target::New | Target::Aside => true,
                Target::Replaced => layout::is_meta(&step.to) && !is_rejects_of_commit(&step.to),
            };
            if is_ours && exists(&dir.join(&step.to))? && !exists(&dir.join(&step.from))? {
                step.revert(dir, folders)?;
            }
        }
        folders.sync()?;
        let new = self.moves.iter().filter(|step| step.target == Target::New);
        files::remove_empty_folders(dir, new.map(|step| &step.to));
        remove(dir)
    }

    /// Writes the intent to disk, staged in `staging` first. Everything it names must be on disk before.
    pub(super) fn write(&self, dir: &Path, staging: &Path) -> Result<()> {
        let staged = staging.join("intent.staged");
        write_document(&staged, self)?;
        let path = dir.join(layout::INTENT_FILE);
        fs::rename(&staged, &path).map_err(Error::io("move a finished file to", &path))?;
        sync_folder(&layout::meta(dir)).inspect_err(|_| drop(fs::remove_file(&path)))
    }

    fn read(dir: &Path) -> Result<Self> {
        let path = dir.join(layout::INTENT_FILE);
        let intent: Self = read_document(dir, &path, INTENT_VERSION)?;
        let steps = intent.moves.iter().chain([&intent.manifest, &intent.schema]);
        let paths = steps.flat_map(|step| [&step.from, &step.to]).chain(&intent.discard);
        if let Some(outside) = paths.into_iter().find(|path| !is_relative_file(path)) {
            return Err(damaged(dir, &path, &format!("it names {outside:?}, which is not in the dataset")));
        }
        Ok(intent)
    }
}

/// The result of a valid commit.
#[derive(Debug)]
pub(super) struct CommitOutcome {
    /// The error of the cleanup, if it failed. The intent still exists, and the next run continues with it.
    pub unfinished: Option<Error>,
}

/// Whether a commit in `dir` was started and not completed.
pub(super) fn is_pending(dir: &Path) -> Result<bool> {
    exists(&dir.join(layout::INTENT_FILE))
}

/// Checks that the intent of a commit that was started can be followed.
///
/// # Errors
/// [`Error::Dataset`] if it is damaged, [`Error::NewerFormat`] if it is of a newer version; [`Error::Io`].
pub(super) fn check(dir: &Path) -> Result<()> {
    Intent::read(dir).map(drop)
}

/// What became of a commit that was cut off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Recovered {
    /// It is valid now. Holds its number.
    Completed(u64),
    /// Something staged for it was gone or has another size now, so it was rolled back. Holds the number it would have
    /// had.
    RolledBack(u64),
}

impl fmt::Display for Recovered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Completed(number) => write!(f, "commit {number} was cut off, and was carried to its end"),
            Self::RolledBack(number) => {
                write!(
                    f,
                    "commit {number} was cut off, a file staged for it was gone or damaged, and it was taken back"
                )
            }
        }
    }
}

/// Completes a commit that was started, or rolls it back where it cannot be completed. The caller holds the lock.
/// Returns `None` if no commit was under way.
///
/// # Errors
/// [`Error::Io`]; [`Error::Dataset`] when something is in its way. Completed steps stay in that case, and the call can
/// be repeated.
pub(super) fn recover(dir: &Path) -> Result<Option<Recovered>> {
    if !is_pending(dir)? {
        return Ok(None);
    }
    let intent = Intent::read(dir)?;
    let mut folders = Folders::after_crash(dir);
    if intent.is_completable(dir)? {
        intent.complete(dir, &mut folders)?;
        Ok(Some(Recovered::Completed(intent.commit)))
    } else {
        intent.roll_back(dir, &mut folders)?;
        Ok(Some(Recovered::RolledBack(intent.commit)))
    }
}

/// The commits that the next run will find, including one that it will complete. Nothing is changed.
///
/// # Errors
/// As [`Manifest::read_all`] and [`recover`].
pub(super) fn peek(dir: &Path) -> Result<(Vec<Manifest>, Option<Recovered>)> {
    let mut commits = Manifest::read_with(dir, Manifest::without_details)?;
    if !is_pending(dir)? {
        return Ok((commits, None));
    }
    let intent = Intent::read(dir)?;
    if !intent.is_completable(dir)? {
        return Ok((commits, Some(Recovered::RolledBack(intent.commit))));
    }
    if commits.last().is_none_or(|last| last.commit < intent.commit) {
        commits.push(read_document(dir, &dir.join(&intent.manifest.from), MANIFEST_VERSION)?);
    }
    Ok((commits, Some(Recovered::Completed(intent.commit))))
}

/// The path of the schema that the next run will find. It may still be in staging, if that run will complete a commit.
///
/// # Errors
/// As [`recover`].
pub(super) fn peek_schema(dir: &Path) -> Result<PathBuf> {
    if is_pending(dir)? {
        let intent = Intent::read(dir)?;
        let staged = dir.join(&intent.schema.from);
        if intent.is_completable(dir)? && exists(&staged)? {
            return Ok(staged);
        }
    }
    Ok(dir.join(layout::SCHEMA_FILE))
}

/// The result of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum MoveOutcome {
    /// The step was already done before.
    Before,
    /// The file has got its new name.
    Moved,
    /// The file has replaced one with the same content, so there is nothing to roll back.
    Replaced,
}

impl Move {
    /// Moves the file, unless that was already done.
    fn make(&self, dir: &Path, folders: &mut Folders) -> Result<MoveOutcome> {
        let (from, to) = (dir.join(&self.from), dir.join(&self.to));
        let occupied = exists(&to)?;
        if !exists(&from)? {
            // The folder must be synced anyway: the process that moved the file may have died before it did so.
            return match (self.target, occupied) {
                (Target::Aside, _) if from.parent().is_some_and(is_folder) => {
                    folders.change_at(&from).map(|()| MoveOutcome::Before)
                }
                (Target::Aside, _) => Ok(MoveOutcome::Before),
                (_, true) => folders.change_at(&to).map(|()| MoveOutcome::Before),
                (_, false) => Err(Error::Dataset {
                    dir: dir.to_owned(),
                    message: format!("the commit under way needs {}, and it is gone", self.from),
                    hint: "see what else works in this folder, then run again".to_owned(),
                }),
            };
        }
        if occupied && (self.target == Target::New || !fs::symlink_metadata(&to).is_ok_and(|found| found.is_file())) {
            return Err(Error::Dataset {
                dir: dir.to_owned(),
                message: format!("something already stands at {}", self.to),
                hint: "move it out of the folder, then run again".to_owned(),
            });
        }
        folders.change_at(&to)?;
        folders.change_at(&from)?;
        fs::rename(&from, &to).map_err(Error::io("move a finished file to", &to))?;
        Ok(if occupied { MoveOutcome::Replaced } else { MoveOutcome::Moved })
    }

    fn revert(&self, dir: &Path, folders: &mut Folders) -> Result<()> {
        let (from, to) = (dir.join(&self.from), dir.join(&self.to));
        folders.change_at(&from)?;
        folders.change_at(&to)?;
        fs::rename(&to, &from).map_err(Error::io("move a file back to", from))
    }
}

/// Reverts steps, the last one first, and returns the error to report: `cause`, or an error with both if a step could
/// not be reverted.
fn roll_back(dir: &Path, mut folders: Folders, done: &[&Move], cause: Error) -> Error {
    let undone = done.iter().rev().try_for_each(|step| step.revert(dir, &mut folders));
    folders.remove_created();
    let undone = undone.and_then(|()| folders.sync()).and_then(|()| remove(dir));
    let Err(error) = undone else { return cause };
    Error::Dataset {
        dir: dir.to_owned(),
        message: format!("{cause}\n  and that could not be taken back: {error}"),
        hint: "the next run sees to it, and so does `partiquet verify DIR --repair`".to_owned(),
    }
}

/// Removes the intent, and syncs that before anything that it names is removed.
fn remove(dir: &Path) -> Result<()> {
    let path: PathBuf = dir.join(layout::INTENT_FILE);
    files::remove_file(&path)?;
    sync_folder(&layout::meta(dir))
}

#[cfg(test)]
mod tests;
