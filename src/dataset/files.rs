//! Files and folders of a dataset: listing, creating, removing and syncing them without following links.

use std::{
    collections::BTreeSet,
    fs::{self, File},
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use walkdir::WalkDir;

use super::layout;
use crate::error::{Error, Result};

/// All files (and links) that Hive readers would see, relative to the folder. Links are not followed.
pub(super) fn visible_files(dir: &Path) -> Result<BTreeSet<String>> {
    files_below(dir, |name| !layout::is_hidden(name))
}

/// All files (and links) below a folder whose own name, and whose folders' names, pass; relative, with `/` as
/// separator. A missing folder has none.
pub(super) fn files_below(dir: &Path, passes: impl Fn(&str) -> bool) -> Result<BTreeSet<String>> {
    let mut files = BTreeSet::new();
    let passes = |entry: &walkdir::DirEntry| entry.depth() == 0 || passes(&entry.file_name().to_string_lossy());
    for entry in WalkDir::new(dir).into_iter().filter_entry(passes) {
        let entry = match entry {
            Err(error) if error.depth() == 0 && is_missing(error.io_error()) => break,
            // Links are not followed, so there are no cycles: this is an error of the system.
            entry => entry.map_err(|error| {
                let place = error.path().unwrap_or(dir).to_owned();
                Error::io("list", place)(error.into_io_error().unwrap_or_else(|| io::ErrorKind::Other.into()))
            })?,
        };
        files.extend(file_name(dir, &entry));
    }
    Ok(files)
}

/// The same of all files, without those in folders that cannot be read.
pub(super) fn readable_below(dir: &Path) -> impl Iterator<Item = String> {
    WalkDir::new(dir).into_iter().filter_map(Result::ok).filter_map(move |entry| file_name(dir, &entry))
}

/// The name of a file relative to `dir`, with `/` as separator; none for a folder.
fn file_name(dir: &Path, entry: &walkdir::DirEntry) -> Option<String> {
    let path = entry.path().strip_prefix(dir).ok().filter(|_| entry.depth() > 0 && !entry.file_type().is_dir())?;
    let parts: Vec<_> = path.components().map(|part| part.as_os_str().to_string_lossy()).collect();
    Some(parts.join("/"))
}

fn is_missing(error: Option<&io::Error>) -> bool {
    error.is_some_and(|error| error.kind() == io::ErrorKind::NotFound)
}

/// Names directly in a folder. A missing folder has none.
pub(super) fn entries(dir: &Path) -> Result<BTreeSet<String>> {
    let entries = match fs::read_dir(dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(BTreeSet::new()),
        entries => entries.map_err(Error::io("list", dir))?,
    };
    entries.map(|entry| Ok(entry.map_err(Error::io("list", dir))?.file_name().to_string_lossy().into_owned())).collect()
}

/// Whether something exists at `path`, even a dangling link.
pub(super) fn exists(path: &Path) -> Result<bool> {
    Ok(look_at(path)?.is_some())
}

/// Whether a file exists at `path` and has this size in bytes, if it is known.
pub(super) fn is_whole(path: &Path, bytes: Option<u64>) -> Result<bool> {
    Ok(look_at(path)?.is_some_and(|found| bytes.is_none_or(|bytes| bytes == found.len())))
}

/// What is at `path` itself, without following a link; none if there is nothing.
fn look_at(path: &Path) -> Result<Option<fs::Metadata>> {
    match fs::symlink_metadata(path) {
        Ok(found) => Ok(Some(found)),
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => Ok(None),
        Err(error) => Err(Error::io("look at", path)(error)),
    }
}

/// Whether `path` is a folder itself and not a link to one: a link could lead out of the dataset.
pub(super) fn is_folder(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|found| found.is_dir())
}

/// Removes a folder with everything in it, if it exists.
pub(super) fn remove_folder(path: &Path) -> Result<()> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(Error::io("clear", path)(error)),
        _ => Ok(()),
    }
}

/// Removes a file, if it exists.
pub(super) fn remove_file(path: &Path) -> Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(Error::io("delete", path)(error)),
        _ => Ok(()),
    }
}

/// Removes the parent folders of these files (relative to `dir`) up to `dir`, as far as they are empty.
pub(super) fn remove_empty_folders<'a>(dir: &Path, files: impl IntoIterator<Item = &'a String>) {
    let folders: BTreeSet<PathBuf> =
        files.into_iter().filter_map(|file| dir.join(file).parent().map(Path::to_owned)).collect();
    for folder in folders.into_iter().rev() {
        let up_to_dir = folder.ancestors().take_while(|folder| *folder != dir && folder.starts_with(dir));
        // Stops at the first folder that is not empty.
        let _ = up_to_dir.map(fs::remove_dir).all(|removed| removed.is_ok());
    }
}

/// Waits until the entries of a folder are on disk.
#[cfg(unix)]
pub(super) fn sync_folder(folder: &Path) -> Result<()> {
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(Error::io("sync folder", folder))
}

/// On other systems folders cannot be opened as files, and the system makes renames durable.
#[cfg(not(unix))]
pub(super) fn sync_folder(_: &Path) -> Result<()> {
    Ok(())
}

/// With more files or folders than this, the whole file system is synced instead of each of them: every sync waits for
/// the disk, and with thousands of partitions that takes longer than everything else.
pub const MAX_SYNCED_ONE_BY_ONE: usize = 64;

/// The file system of a dataset. It is synced as a whole where that is as safe as syncing each file: on local file
/// systems of Linux. Network and user-space file systems may write back to their server without making it durable. The
/// sync reports write errors that occurred since this value was opened, from Linux 5.8 on.
#[derive(Debug)]
pub struct FileSystem {
    /// `None` where files are synced one by one.
    #[cfg(target_os = "linux")]
    local: Option<File>,
}

impl FileSystem {
    /// `f_type` of ext2 to ext4, XFS, Btrfs, F2FS, tmpfs, and overlays of them.
    #[cfg(target_os = "linux")]
    const LOCAL: [u64; 6] = [0xEF53, 0x5846_5342, 0x9123_683E, 0xF2F5_2010, 0x0102_1994, 0x794C_7630];

    /// Opens the file system that `folder` is on.
    ///
    /// # Errors
    /// [`Error::Io`] when the folder cannot be opened.
    #[cfg(target_os = "linux")]
    pub fn containing(folder: &Path) -> Result<Self> {
        let file = File::open(folder).map_err(Error::io("open", folder))?;
        let is_local = rustix::fs::fstatfs(&file).is_ok_and(|found| Self::LOCAL.contains(&(found.f_type as u64)));
        Ok(Self { local: is_local.then_some(file) })
    }

    /// Opens the file system that `folder` is on.
    ///
    /// # Errors
    /// None.
    #[cfg(not(target_os = "linux"))]
    pub fn containing(_: &Path) -> Result<Self> {
        Ok(Self {})
    }

    /// Whether to sync it once instead of syncing `count` of its files or folders.
    #[must_use]
    pub const fn is_synced_for(&self, count: usize) -> bool {
        #[cfg(target_os = "linux")]
        return self.local.is_some() && count > MAX_SYNCED_ONE_BY_ONE;
        #[cfg(not(target_os = "linux"))]
        return false && count > 0;
    }

    /// Waits until all data written to it is on disk. Returns false where that is not supported: the files must then be
    /// synced one by one.
    ///
    /// # Errors
    /// What could not be written since the file system was opened.
    pub fn sync(&self) -> io::Result<bool> {
        #[cfg(target_os = "linux")]
        if let Some(file) = &self.local {
            use rustix::io::Errno;
            return match rustix::fs::syncfs(file) {
                Ok(()) => Ok(true),
                Err(Errno::NOSYS | Errno::PERM | Errno::OPNOTSUPP) => Ok(false),
                Err(error) => Err(error.into()),
            };
        }
        Ok(false)
    }
}

/// Waits until the content of a file is on disk.
///
/// # Errors
/// [`Error::Io`] if the file cannot be opened or synced.
pub fn sync_file(path: &Path) -> Result<()> {
    File::open(path).and_then(|file| file.sync_all()).map_err(Error::io("sync", path))
}

/// Folders below the dataset that a commit creates, and those whose entries are not on disk yet.
#[derive(Debug)]
pub(super) struct Folders {
    dir: Arc<Path>,
    /// Each path is stored only once, because there can be many long ones.
    known: BTreeSet<Arc<Path>>,
    created: Vec<Arc<Path>>,
    unsynced: BTreeSet<Arc<Path>>,
    /// Whether folders that exist already may not be on disk: another process created them, and died.
    after_crash: bool,
}

impl Folders {
    pub(super) fn new(dir: &Path) -> Self {
        let dir: Arc<Path> = dir.into();
        let known = BTreeSet::from([Arc::clone(&dir)]);
        Self { dir, known, created: Vec::new(), unsynced: BTreeSet::new(), after_crash: false }
    }

    /// The folders of a commit that another process has begun and not ended.
    pub(super) fn after_crash(dir: &Path) -> Self {
        Self { after_crash: true, ..Self::new(dir) }
    }

    /// Creates the parent folder of `path`, and records that its entries change.
    pub(super) fn change_at(&mut self, path: &Path) -> Result<()> {
        let folder = self.create(path.parent())?;
        self.unsynced.insert(folder);
        Ok(())
    }

    /// Creates a folder of the dataset and its parents, unless they exist.
    fn create(&mut self, folder: Option<&Path>) -> Result<Arc<Path>> {
        let Some(folder) = folder else { return Ok(Arc::clone(&self.dir)) };
        if let Some(known) = self.known.get(folder) {
            return Ok(Arc::clone(known));
        }
        let parent = self.create(folder.parent())?;
        let folder: Arc<Path> = folder.into();
        match fs::create_dir(&folder) {
            Ok(()) => {
                self.created.push(Arc::clone(&folder));
                self.unsynced.insert(parent);
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && is_folder(&folder) => {
                if self.after_crash {
                    self.unsynced.insert(parent);
                }
            }
            Err(error) => return Err(Error::io("create folder", &*folder)(error)),
        }
        self.known.insert(Arc::clone(&folder));
        Ok(folder)
    }

    /// Waits until all recorded changes are on disk.
    pub(super) fn sync(&mut self) -> Result<()> {
        let folders = std::mem::take(&mut self.unsynced);
        if folders.len() > MAX_SYNCED_ONE_BY_ONE
            && FileSystem::containing(&self.dir)?.sync().map_err(Error::io("sync", &*self.dir))?
        {
            return Ok(());
        }
        folders.iter().try_for_each(|folder| sync_folder(folder))
    }

    /// Removes the folders that were created, as far as they are empty.
    pub(super) fn remove_created(&mut self) {
        for folder in std::mem::take(&mut self.created).iter().rev() {
            if fs::remove_dir(folder).is_ok() {
                self.known.remove(folder);
                self.unsynced.remove(folder);
                self.unsynced.extend(folder.parent().map(Arc::from));
            }
        }
    }
}
