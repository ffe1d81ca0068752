//! The write-ahead intent: what a commit is about to do, on disk before the first name changes.
//!
//! While `_partiquet/intent.json` is there, a commit is under way. Every step can be done again without harm, so
//! whoever holds the lock next carries it to its end ([`recover`]), however far it came. A process that lives and is
//! refused something takes its steps back instead, and then the intent. So does [`recover`] when the commit cannot come
//! to its end, because something that was staged for it is gone.

use std::{
    fmt, fs,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use super::{
    files::{self, Folders, exists, sync_folder},
    layout::{self, is_relative_file},
    manifest::{MANIFEST_VERSION, Manifest},
};
use crate::error::{Error, Result};

/// Format version of `intent.json` that this program writes, and the newest it reads.
pub const INTENT_VERSION: u32 = 1;

/// A commit, step by step. All paths are relative to the dataset.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Intent {
    /// [`INTENT_VERSION`].
    pub format_version: u32,
    /// Number of the commit.
    pub commit: u64,
    /// Its run.
    pub run_id: String,
    /// First, in this order: new files get their names, files that are replaced are set aside.
    pub moves: Vec<Move>,
    /// Then the manifest gets its name: from here on the run is committed.
    pub manifest: Move,
    /// Then the schema document.
    pub schema: Move,
    /// Folders that are removed at the end, with all that was set aside.
    pub discard: Vec<String>,
}

/// A file gets another name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Move {
    pub from: String,
    pub to: String,
    /// What may stand at `to`.
    pub target: Target,
}

/// What stands where a file is moved to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Target {
    /// Nothing. If `from` is gone, it is there already.
    New,
    /// An earlier file of ours that says the same, or that this one takes the place of for good.
    Replaced,
    /// Nothing, and nothing has to come: `from` is set aside if it is still there.
    Aside,
}

impl Intent {
    /// Does everything. An error takes back what was done, unless the run was committed by then.
    pub(super) fn execute(&self, dir: &Path) -> Result<CarriedOut> {
        let mut folders = Folders::new(dir);
        let mut done = Vec::new();
        if let Err(error) = self.up_to_commit(dir, &mut folders, &mut done) {
            return Err(roll_back(dir, folders, &done, error));
        }
        Ok(CarriedOut { unfinished: self.after_commit(dir, &mut folders).err() })
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

    /// Whether all that is still to be moved is there. Once the manifest has its name, everything before it is done.
    fn is_completable(&self, dir: &Path) -> Result<bool> {
        let is_at = |path: &String| exists(&dir.join(path));
        if is_at(&self.manifest.to)? {
            return Ok(true);
        }
        for step in self.moves.iter().filter(|step| step.target != Target::Aside) {
            if !is_at(&step.from)? && !is_at(&step.to)? {
                return Ok(false);
            }
        }
        Ok(is_at(&self.manifest.from)? && is_at(&self.schema.from)?)
    }

    fn complete(&self, dir: &Path, folders: &mut Folders) -> Result<()> {
        if exists(&dir.join(&self.manifest.to))? {
            // A file that was lost behind the commit is for `verify` to find.
            self.manifest.make(dir, folders)?;
            folders.sync()?;
        } else {
            self.up_to_commit(dir, folders, &mut Vec::new())?;
        }
        self.after_commit(dir, folders)
    }

    /// The dataset as it was before a commit that is not valid: what was set aside goes home, then new files go back
    /// to staging. Files of a name that was there before say the same, and stay.
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

    /// Brings the intent to the disk: everything it speaks of must be there before. `staging` is where it is written.
    pub(super) fn write(&self, dir: &Path, staging: &Path) -> Result<()> {
        let staged = staging.join("intent.staged");
        files::write_document(&staged, self)?;
        let path = dir.join(layout::INTENT_FILE);
        fs::rename(&staged, &path).map_err(Error::io("move a finished file to", &path))?;
        sync_folder(&layout::meta(dir)).inspect_err(|_| drop(fs::remove_file(&path)))
    }

    fn read(dir: &Path) -> Result<Self> {
        let path = dir.join(layout::INTENT_FILE);
        let intent: Self = layout::read_document(dir, &path, INTENT_VERSION)?;
        let steps = intent.moves.iter().chain([&intent.manifest, &intent.schema]);
        let paths = steps.flat_map(|step| [&step.from, &step.to]).chain(&intent.discard);
        if let Some(outside) = paths.into_iter().find(|path| !is_relative_file(path)) {
            return Err(layout::damaged(dir, &path, &format!("it names {outside:?}, which is not in the dataset")));
        }
        Ok(intent)
    }
}

/// A commit that is valid.
#[derive(Debug)]
pub(super) struct CarriedOut {
    /// What of the tidying up failed. The intent is still there, and the next run goes on with it.
    pub unfinished: Option<Error>,
}

/// Whether a commit in `dir` was begun and not ended.
pub(super) fn is_pending(dir: &Path) -> Result<bool> {
    exists(&dir.join(layout::INTENT_FILE))
}

/// What became of a commit that was cut off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recovered {
    /// It is valid now; its number.
    Completed(u64),
    /// Something staged for it was gone, and the dataset is as it was before; the number it would have had.
    RolledBack(u64),
}

impl fmt::Display for Recovered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Completed(number) => write!(f, "commit {number} was cut off, and was carried to its end"),
            Self::RolledBack(number) => {
                write!(f, "commit {number} was cut off, a file staged for it was gone, and it was taken back")
            }
        }
    }
}

/// Carries a commit that was begun to its end, or takes it back where that cannot be; the caller holds the lock. None if
/// there was no commit under way.
///
/// # Errors
/// [`Error::Io`]; [`Error::Dataset`] when something stands in its way. What was done stays then, and it can be tried
/// again.
pub(super) fn recover(dir: &Path) -> Result<Option<Recovered>> {
    if !is_pending(dir)? {
        return Ok(None);
    }
    let intent = Intent::read(dir)?;
    let mut folders = Folders::new(dir);
    if intent.is_completable(dir)? {
        intent.complete(dir, &mut folders)?;
        Ok(Some(Recovered::Completed(intent.commit)))
    } else {
        intent.roll_back(dir, &mut folders)?;
        Ok(Some(Recovered::RolledBack(intent.commit)))
    }
}

/// The commits that a run will find: with the one that it will carry to its end. Nothing is changed.
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
        commits.push(layout::read_document(dir, &dir.join(&intent.manifest.from), MANIFEST_VERSION)?);
    }
    Ok((commits, Some(Recovered::Completed(intent.commit))))
}

/// Where the schema is that a run will find: of a commit that it will carry to its end, in staging perhaps.
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

/// What became of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum MoveOutcome {
    /// Nothing: it was done before.
    Before,
    /// The file has its new name.
    Moved,
    /// And took the place of a file that said the same: there is nothing to take back.
    Replaced,
}

impl Move {
    /// Moves the file, unless that was done before.
    fn make(&self, dir: &Path, folders: &mut Folders) -> Result<MoveOutcome> {
        let (from, to) = (dir.join(&self.from), dir.join(&self.to));
        let occupied = exists(&to)?;
        if !exists(&from)? {
            // Its folder must be brought to the disk all the same: the process that moved it may not have come to that.
            return match (self.target, occupied) {
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

/// Takes steps back, the last one first, and gives the error that is to be reported: `cause`, unless something could
/// not be taken back.
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

/// The intent goes, and is gone from the disk before anything that it speaks of.
fn remove(dir: &Path) -> Result<()> {
    let path: PathBuf = dir.join(layout::INTENT_FILE);
    files::remove_file(&path)?;
    sync_folder(&layout::meta(dir))
}

#[cfg(test)]
mod tests;
