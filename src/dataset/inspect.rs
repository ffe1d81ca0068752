//! Compares a dataset's folder with what its commits say, and repairs it.

use std::{
    collections::BTreeSet,
    fs::{self, File},
    io::{self, BufReader},
    path::Path,
};

use xxhash_rust::xxh3::Xxh3;

use super::{
    files::{self, entries, exists, files_below, is_folder, visible_files},
    intent,
    intent::Recovered,
    layout, lock,
    lock::Lock,
    manifest::Manifest,
    share, stage,
};
use crate::error::{Error, Result};

/// Bytes read at a time to compute a digest.
const BUFFER_BYTES: usize = 1 << 20;

/// The state of a dataset's folder.
#[derive(Debug)]
pub struct Inspection {
    /// Whether a process is working on it right now: if so, staged files are not leftovers.
    pub is_locked: bool,
    /// Whether a commit was started and not completed; an error if nobody can complete it, because its intent is damaged
    /// or of a newer version.
    pub is_pending: Result<bool>,
    /// Staged files of runs that ended early, and replaced files that still exist; relative to the dataset.
    pub leftovers: BTreeSet<String>,
    /// Shares waiting for their commit, as `RUN/SHARE`.
    pub shares: BTreeSet<String>,
    /// Files that some reader sees and no commit lists.
    pub unlisted: BTreeSet<String>,
}

/// The part of the state that changes when a process starts to write, commits, or ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommitState {
    is_locked: bool,
    is_committing: bool,
    commits: BTreeSet<String>,
}

impl CommitState {
    /// The state of the dataset in `dir`.
    ///
    /// # Errors
    /// [`Error::Io`] if the folder cannot be read.
    pub fn read(dir: &Path) -> Result<Self> {
        let is_locked = Lock::is_held(&lock::lock_path(&layout::meta(dir)));
        // A pending intent without a lock was left by a crashed run.
        let is_committing = is_locked && intent::is_pending(dir)?;
        Ok(Self { is_locked, is_committing, commits: entries(&layout::commits(dir))? })
    }

    /// Whether no process is committing.
    #[must_use]
    pub const fn is_quiescent(&self) -> bool {
        !self.is_committing
    }
}

/// Inspects the dataset in `dir`, whose commits are known. Nothing is changed or locked.
///
/// # Errors
/// [`Error::Io`] if the folder cannot be read.
pub fn inspect(dir: &Path, commits: &[Manifest]) -> Result<Inspection> {
    let is_locked = Lock::is_held(&lock::lock_path(&layout::meta(dir)));
    let is_pending = intent::is_pending(dir)?;
    let is_readable = if is_pending && !is_locked { intent::check(dir) } else { Ok(()) };
    let visible = visible_files(dir)?;
    let (live, dead) = (Manifest::live_files(commits), Manifest::dead_files(commits));
    let (complete, unfinished) = shares(dir)?;
    let mut leftovers: BTreeSet<String> = visible.intersection(&dead).cloned().collect();
    for folder in unfinished.iter().map(|share| layout::shares(dir).join(share)).chain([layout::staging(dir)]) {
        let name = layout::relative(dir, &folder)?;
        let files = files_below(&folder, |_| true)?;
        leftovers.extend(files.iter().map(|file| format!("{name}/{file}")));
        if files.is_empty() && exists(&folder)? {
            leftovers.insert(name);
        }
    }
    // DuckDB and Polars also read what is hidden from Spark and pyarrow.
    let seen = visible.into_iter().chain(files::readable_below(dir).filter(|file| file.ends_with(".parquet")));
    let unlisted = seen.filter(|file| !live.contains(file) && !dead.contains(file)).collect();
    Ok(Inspection { is_locked, is_pending: is_readable.map(|()| is_pending), leftovers, shares: complete, unlisted })
}

/// Complete shares and incomplete ones, as `RUN/SHARE`.
fn shares(dir: &Path) -> Result<(BTreeSet<String>, BTreeSet<String>)> {
    let root = layout::shares(dir);
    let (mut complete, mut unfinished) = (BTreeSet::new(), BTreeSet::new());
    // Files of their own among the folders are nobody's.
    for run in entries(&root)?.into_iter().filter(|run| is_folder(&root.join(run))) {
        for name in entries(&root.join(&run))? {
            let path = root.join(&run).join(&name);
            if !is_folder(&path) {
                continue;
            }
            let set = if path.join(share::FRAGMENT).is_file() { &mut complete } else { &mut unfinished };
            set.insert(format!("{run}/{name}"));
        }
    }
    Ok((complete, unfinished))
}

/// What [`repair`] has done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Repaired {
    /// What became of a commit that was cut off, if there was one.
    pub recovered: Option<Recovered>,
    /// Number of other files that dead runs had left, and that are removed.
    pub removed: usize,
}

/// Completes a commit that was cut off, or rolls it back where it cannot be completed, and removes what dead runs have
/// left. Complete shares stay. Beside a manifest that cannot be understood nothing is removed.
///
/// # Errors
/// [`Error::Dataset`] while another process works on it; otherwise as [`super::Dataset::open`].
pub fn repair(dir: &Path) -> Result<Repaired> {
    let _lock = Lock::take(dir, &lock::lock_path(&layout::meta(dir)))?;
    let recovered = intent::recover(dir)?;
    let commits = match Manifest::read_with(dir, Manifest::without_details) {
        Ok(commits) => commits,
        // Nobody knows then what is left over.
        Err(Error::Dataset { .. } | Error::NewerFormat { .. }) => return Ok(Repaired { recovered, removed: 0 }),
        Err(error) => return Err(error),
    };
    let removed = inspect(dir, &commits)?.leftovers.len();
    stage::sweep(dir, &commits)?;
    let root = layout::shares(dir);
    for share in shares(dir)?.1 {
        files::remove_folder(&root.join(&share))?;
        files::remove_file(&root.join(format!("{share}.lock")))?;
        let _ = root.join(share).parent().map(fs::remove_dir);
    }
    let _ = fs::remove_dir(root);
    Ok(Repaired { recovered, removed })
}

/// Whether there is a dataset in `dir`, even an unfinished one.
///
/// # Errors
/// [`Error::Io`] if the folder cannot be read.
pub fn is_dataset(dir: &Path) -> Result<bool> {
    exists(&layout::meta(dir))
}

/// Size in bytes and XXH3-128 digest of a file of the dataset; `None` if there is no such file, or only a link.
///
/// # Errors
/// [`Error::Io`] if the file cannot be read.
pub fn size_and_digest(path: &Path) -> Result<Option<(u64, u128)>> {
    if !fs::symlink_metadata(path).is_ok_and(|found| found.is_file()) {
        return Ok(None);
    }
    let file = File::open(path).map_err(Error::io("open", path))?;
    let mut hash = Xxh3::new();
    let size =
        io::copy(&mut BufReader::with_capacity(BUFFER_BYTES, file), &mut hash).map_err(Error::io("read", path))?;
    Ok(Some((size, hash.digest128())))
}
