//! Staged files get their final names; until that is kept, there is a way back.

use std::{
    collections::BTreeSet,
    fs, io,
    path::{Path, PathBuf},
};

use crate::error::{Error, Result};

/// What to do when a final name is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Existing {
    /// Nothing should be there.
    Refuse,
    /// The file there is an earlier one of ours; it comes back if the publication is undone.
    Replace,
}

/// Renames done so far, in order.
#[derive(Debug)]
pub(super) struct Publication {
    dir: PathBuf,
    /// Where replaced files wait: on the same file system as `dir`.
    staging: PathBuf,
    renamed: Vec<Renamed>,
    created_folders: Vec<PathBuf>,
    known_folders: BTreeSet<PathBuf>,
    /// Folders whose entries have changed since the last sync.
    unsynced: BTreeSet<PathBuf>,
}

#[derive(Debug)]
struct Renamed {
    path: PathBuf,
    staged: PathBuf,
    replaced: Option<PathBuf>,
}

impl Publication {
    /// Publishes into `dir`; `staging` is a folder below it.
    pub(super) fn new(dir: &Path, staging: &Path) -> Self {
        Self {
            dir: dir.to_owned(),
            staging: staging.to_owned(),
            renamed: Vec::new(),
            created_folders: Vec::new(),
            known_folders: BTreeSet::from([dir.to_owned()]),
            unsynced: BTreeSet::new(),
        }
    }

    /// Gives `staged`, which is complete and on disk, the name `relative` (checked, with `/`) in the dataset.
    pub(super) fn rename(&mut self, staged: &Path, relative: &str, existing: Existing) -> Result<()> {
        let path = self.dir.join(relative);
        let folder = path.parent().unwrap_or(&self.dir).to_owned();
        self.create_folder(&folder)?;
        let replaced = match fs::symlink_metadata(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(Error::io("look at", path)(error)),
            Ok(found) if existing == Existing::Replace && found.is_file() => Some(self.set_aside(&path)?),
            Ok(_) => {
                return Err(Error::Dataset {
                    dir: self.dir.clone(),
                    message: format!("something already stands at {relative}"),
                    hint: "move it out of the folder, then run again".to_owned(),
                });
            }
        };
        let renamed = fs::rename(staged, &path).map_err(Error::io("move a finished file to", &path));
        if renamed.is_ok() || replaced.is_some() {
            self.renamed.push(Renamed { path, staged: staged.to_owned(), replaced });
        }
        self.unsynced.insert(folder);
        renamed
    }

    /// Waits until all names are on disk.
    pub(super) fn sync(&mut self) -> Result<()> {
        for folder in std::mem::take(&mut self.unsynced) {
            sync_folder(&folder)?;
        }
        Ok(())
    }

    /// Takes every name back, the last one first, and gives the error that is to be reported: `cause`, unless
    /// something could not be taken back.
    pub(super) fn undo(self, cause: Error) -> Error {
        let mut left = Vec::new();
        for Renamed { path, staged, replaced } in self.renamed.into_iter().rev() {
            let undone = match replaced {
                Some(replaced) => fs::rename(replaced, &path),
                None => fs::rename(&path, staged),
            };
            if undone.is_err() {
                left.push(path.display().to_string());
            }
        }
        for folder in self.created_folders.into_iter().rev() {
            // Not empty: it holds something that could not be taken back, or that somebody else put there.
            let _ = fs::remove_dir(folder);
        }
        if left.is_empty() {
            return cause;
        }
        Error::Dataset {
            dir: self.dir,
            message: format!("{cause}\n  and these files could not be taken back: {}", left.join(", ")),
            hint: "delete them, or restore the dataset from a copy".to_owned(),
        }
    }

    fn create_folder(&mut self, folder: &Path) -> Result<()> {
        if self.known_folders.contains(folder) {
            return Ok(());
        }
        let parent = folder.parent().unwrap_or(&self.dir).to_owned();
        self.create_folder(&parent)?;
        match fs::create_dir(folder) {
            Ok(()) => {
                self.created_folders.push(folder.to_owned());
                self.unsynced.insert(parent);
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && is_folder(folder) => {}
            Err(error) => return Err(Error::io("create folder", folder)(error)),
        }
        self.known_folders.insert(folder.to_owned());
        Ok(())
    }

    /// A second name for `path` in staging, so that it can come back; where there are no hard links, its only one.
    fn set_aside(&self, path: &Path) -> Result<PathBuf> {
        let aside = self.staging.join(format!("replaced-{}", self.renamed.len()));
        fs::hard_link(path, &aside).or_else(|_| fs::rename(path, &aside)).map_err(Error::io("set aside", path))?;
        Ok(aside)
    }
}

/// A folder itself, not a link to one: a link could lead out of the dataset.
fn is_folder(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|found| found.is_dir())
}

/// Waits until the entries of a folder are on disk.
#[cfg(unix)]
pub(super) fn sync_folder(folder: &Path) -> Result<()> {
    fs::File::open(folder).and_then(|folder| folder.sync_all()).map_err(Error::io("sync folder", folder))
}

/// Elsewhere folders cannot be opened as files, and renames are made durable by the system.
#[cfg(not(unix))]
pub(super) fn sync_folder(_: &Path) -> Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn staged(dir: &Path, name: &str) -> PathBuf {
        fs::create_dir_all(dir.join("staging")).unwrap();
        let path = dir.join("staging").join(name);
        fs::write(&path, name).unwrap();
        path
    }

    fn publication(dir: &Path) -> Publication {
        Publication::new(dir, &dir.join("staging"))
    }

    fn cause() -> Error {
        Error::Interrupted
    }

    #[test]
    fn undoing_brings_replaced_files_back_and_removes_what_was_created() {
        let temp = tempfile::tempdir().unwrap();
        let dir = temp.path();
        fs::write(dir.join("old"), "before").unwrap();
        let mut publication = publication(dir);
        publication.rename(&staged(dir, "a"), "x=1/y=2/new", Existing::Refuse).unwrap();
        publication.rename(&staged(dir, "b"), "old", Existing::Replace).unwrap();
        publication.sync().unwrap();
        assert_eq!(fs::read_to_string(dir.join("old")).unwrap(), "b");
        assert_eq!(fs::read_to_string(dir.join("x=1/y=2/new")).unwrap(), "a");
        assert!(matches!(publication.undo(cause()), Error::Interrupted));
        assert_eq!(fs::read_to_string(dir.join("old")).unwrap(), "before");
        assert!(!dir.join("x=1").exists());
    }

    #[test]
    fn a_name_that_is_taken_is_refused_unless_the_file_is_ours() {
        let temp = tempfile::tempdir().unwrap();
        let dir = temp.path();
        fs::write(dir.join("taken"), "theirs").unwrap();
        fs::create_dir(dir.join("folder")).unwrap();
        let mut publication = publication(dir);
        let staged = staged(dir, "a");
        assert!(publication.rename(&staged, "taken", Existing::Refuse).is_err());
        assert!(publication.rename(&staged, "folder", Existing::Replace).is_err());
        assert!(publication.rename(&staged, "taken/below", Existing::Refuse).is_err());
        publication.undo(cause());
        assert_eq!(fs::read_to_string(dir.join("taken")).unwrap(), "theirs");
    }

    #[test]
    #[cfg(unix)]
    fn a_folder_that_leads_out_of_the_dataset_is_not_followed() {
        let temp = tempfile::tempdir().unwrap();
        let outside = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink(outside.path(), temp.path().join("x=1")).unwrap();
        let mut publication = publication(temp.path());
        assert!(publication.rename(&staged(temp.path(), "a"), "x=1/new", Existing::Refuse).is_err());
        assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 0);
    }

    #[test]
    fn what_cannot_be_taken_back_is_named() {
        let temp = tempfile::tempdir().unwrap();
        let dir = temp.path();
        let mut publication = publication(dir);
        publication.rename(&staged(dir, "a"), "x=1/new", Existing::Refuse).unwrap();
        fs::remove_dir_all(dir.join("staging")).unwrap();
        let error = publication.undo(cause()).to_string();
        assert!(error.contains("could not be taken back") && error.contains("new"), "{error}");
    }
}
