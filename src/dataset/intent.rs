//! The write-ahead intent: what a commit is about to do, on disk before the first name changes.
//!
//! While `_partiquet/intent.json` is there, a commit is under way. Every step can be done again without harm, so
//! whoever holds the lock next carries it to its end ([`recover`]), however far it came. A process that lives and is
//! refused something takes its steps back instead, and then the intent.

use std::{
    fs,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use super::{
    files::{self, Folders, exists, sync_folder},
    layout::{self, is_relative_file},
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
    pub(super) fn carry_out(&self, dir: &Path) -> Result<CarriedOut> {
        let mut folders = Folders::new(dir);
        let mut done = Vec::new();
        if let Err(error) = self.up_to_commit(dir, &mut folders, &mut done) {
            return Err(take_back(dir, folders, &done, error));
        }
        Ok(CarriedOut { unfinished: self.after_commit(dir, &mut folders).err() })
    }

    fn up_to_commit<'a>(&'a self, dir: &Path, folders: &mut Folders, done: &mut Vec<&'a Move>) -> Result<()> {
        for step in &self.moves {
            if step.make(dir, folders)? == Made::Moved {
                done.push(step);
            }
        }
        folders.sync()?;
        if self.manifest.make(dir, folders)? == Made::Moved {
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

/// Carries a commit that was begun to its end; the caller holds the lock. Gives its number, if there was one.
///
/// # Errors
/// [`Error::Io`]; [`Error::Dataset`] when a file that it needs is gone. Nothing is taken back then: what was done stays,
/// and it can be tried again.
pub(super) fn recover(dir: &Path) -> Result<Option<u64>> {
    if !is_pending(dir)? {
        return Ok(None);
    }
    let intent = Intent::read(dir)?;
    let mut folders = Folders::new(dir);
    intent.up_to_commit(dir, &mut folders, &mut Vec::new())?;
    intent.after_commit(dir, &mut folders)?;
    Ok(Some(intent.commit))
}

/// What became of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Made {
    /// Nothing: it was done before.
    Before,
    /// The file has its new name.
    Moved,
    /// And took the place of a file that said the same: there is nothing to take back.
    Replaced,
}

impl Move {
    /// Moves the file, unless that was done before.
    fn make(&self, dir: &Path, folders: &mut Folders) -> Result<Made> {
        let (from, to) = (dir.join(&self.from), dir.join(&self.to));
        let occupied = exists(&to)?;
        if !exists(&from)? {
            // Its folder must be brought to the disk all the same: the process that moved it may not have come to that.
            return match (self.target, occupied) {
                (Target::Aside, _) => Ok(Made::Before),
                (_, true) => folders.change_at(&to).map(|()| Made::Before),
                (_, false) => Err(Error::Dataset {
                    dir: dir.to_owned(),
                    message: format!("the commit under way needs {}, and it is gone", self.from),
                    hint: format!("bring it back, or delete {} to give that commit up", layout::INTENT_FILE),
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
        Ok(if occupied { Made::Replaced } else { Made::Moved })
    }

    fn unmake(&self, dir: &Path, folders: &mut Folders) -> Result<()> {
        let (from, to) = (dir.join(&self.from), dir.join(&self.to));
        folders.change_at(&from)?;
        folders.change_at(&to)?;
        fs::rename(&to, &from).map_err(Error::io("move a file back to", from))
    }
}

/// Takes steps back, the last one first, and gives the error that is to be reported: `cause`, unless something could
/// not be taken back.
fn take_back(dir: &Path, mut folders: Folders, done: &[&Move], cause: Error) -> Error {
    let undone = done.iter().rev().try_for_each(|step| step.unmake(dir, &mut folders));
    folders.remove_created();
    let undone = undone.and_then(|()| folders.sync()).and_then(|()| remove(dir));
    let Err(error) = undone else { return cause };
    Error::Dataset {
        dir: dir.to_owned(),
        message: format!("{cause}\n  and that could not be taken back: {error}"),
        hint: "the next run carries the commit to its end, and so does `partiquet verify DIR --repair`".to_owned(),
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
