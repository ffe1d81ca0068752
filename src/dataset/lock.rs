//! Allows one writer at a time. The operating system holds the lock for as long as the process lives, so a process that
//! died locks nobody out.

use std::{
    fs::{self, File, TryLockError},
    io::{self, Write},
    path::{Path, PathBuf},
    thread,
    time::Duration,
};

use crate::error::{Error, Result};

/// The right to write to a dataset; released when dropped.
#[derive(Debug)]
pub struct Lock {
    file: File,
    is_shared: bool,
}

impl Lock {
    /// Maximum number of times the lock file is reopened. A run that cleans up after a failure can remove the file
    /// between opening and locking it; this many times in a row is no accident.
    const MAX_REOPENS: usize = 100;

    /// Maximum number of attempts to take the lock. Probing takes the lock briefly, so retry before refusing.
    pub const MAX_ATTEMPTS: u32 = 20;

    /// Time between two attempts. With [`Lock::MAX_ATTEMPTS`] a run is refused after 200 ms.
    pub const RETRY_INTERVAL: Duration = Duration::from_millis(10);

    /// Takes the lock of the dataset in `dir`, using the file `path`, whose folder exists.
    ///
    /// # Errors
    /// [`Error::Dataset`] when another process holds it, with what that process wrote about itself; [`Error::Io`] when
    /// the file cannot be opened, is a link or otherwise not a regular file, or the file system has no locks.
    pub fn take(dir: &Path, path: &Path) -> Result<Self> {
        Self::take_as(dir, path, false)
    }

    /// Takes the lock together with others that only stage: a process that wants to commit has to wait for all of them.
    ///
    /// # Errors
    /// As [`Lock::take`].
    pub fn take_shared(dir: &Path, path: &Path) -> Result<Self> {
        Self::take_as(dir, path, true)
    }

    /// Whether a process holds the lock right now, as far as the file system tells. Neither creates anything nor waits.
    #[must_use]
    pub fn is_held(path: &Path) -> bool {
        // Network file systems want write access for the question, which a folder may not grant.
        let opened = open(path, File::options().read(true).write(true));
        let Ok(file) = opened.or_else(|_| open(path, File::options().read(true))) else { return false };
        matches!(file.try_lock(), Err(TryLockError::WouldBlock))
    }

    /// Takes a lock whose folder may be removed before the lock file is in it: `attempt` creates both.
    ///
    /// # Errors
    /// Those of `attempt`.
    pub(super) fn retried(mut attempt: impl FnMut() -> Result<Self>) -> Result<Self> {
        for _ in 1..Self::MAX_REOPENS {
            match attempt() {
                Err(Error::Io { error, .. }) if error.kind() == io::ErrorKind::NotFound => {}
                result => return result,
            }
        }
        attempt()
    }

    fn take_as(dir: &Path, path: &Path, is_shared: bool) -> Result<Self> {
        for _ in 0..Self::MAX_REOPENS {
            let mut file = open(path, File::options().read(true).write(true).create(true).truncate(false))
                .map_err(Error::io("open", path))?;
            let mut looks = 1;
            loop {
                match if is_shared { file.try_lock_shared() } else { file.try_lock() } {
                    Ok(()) => break,
                    Err(TryLockError::WouldBlock) if looks < Self::MAX_ATTEMPTS => thread::sleep(Self::RETRY_INTERVAL),
                    Err(TryLockError::WouldBlock) => return Err(Self::held(dir, path)),
                    Err(TryLockError::Error(error)) => return Err(Error::io("lock", path)(error)),
                }
                looks += 1;
            }
            if is_still_there(&file, path) {
                write_holder(&mut file, is_shared).map_err(Error::io("write", path))?;
                return Ok(Self { file, is_shared });
            }
        }
        Err(Error::Dataset {
            dir: dir.to_owned(),
            message: format!("the lock file {} is taken away again and again", path.display()),
            hint: "see what else works in this folder".to_owned(),
        })
    }

    fn held(dir: &Path, path: &Path) -> Error {
        let holder = fs::read_to_string(path).ok().map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
        Error::Dataset {
            dir: dir.to_owned(),
            message: format!("another run is writing to it ({})", holder.as_deref().unwrap_or("it has not said which")),
            hint: "wait for it to end, or stop it; a process that has ended holds no lock".to_owned(),
        }
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // Closing the file releases the lock; its content is only informative. A shared lock may still be held by
        // others, so its file is not emptied.
        if !self.is_shared {
            let _ = self.file.set_len(0);
        }
    }
}

/// Opens a lock file, but no link and no other kind of file: the content is overwritten, and a link could lead to
/// anything.
fn open(path: &Path, options: &mut fs::OpenOptions) -> io::Result<File> {
    if fs::symlink_metadata(path).is_ok_and(|found| !found.is_file()) {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is no file of its own; remove what stands there"));
    }
    // A link that is created at this very moment is not followed either.
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.custom_flags(rustix::fs::OFlags::NOFOLLOW.bits() as i32);
    }
    options.open(path)
}

fn write_holder(file: &mut File, is_shared: bool) -> io::Result<()> {
    file.set_len(0)?;
    let purpose = if is_shared { ", staging a share" } else { "" };
    // Of several staging processes, the file names the last one.
    writeln!(file, "process {} on {}{purpose}", std::process::id(), host_name())
}

fn host_name() -> String {
    ["/proc/sys/kernel/hostname", "/etc/hostname"]
        .iter()
        .find_map(|path| fs::read_to_string(path).ok())
        .map_or_else(|| "this machine or one that shares the folder".to_owned(), |name| name.trim().to_owned())
}

/// Whether `path` still leads to the file that was locked.
#[cfg(unix)]
fn is_still_there(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    match (file.metadata(), fs::symlink_metadata(path)) {
        (Ok(locked), Ok(found)) => (locked.dev(), locked.ino()) == (found.dev(), found.ino()),
        _ => false,
    }
}

/// On these systems an open file cannot be deleted, so it is enough that the path exists.
#[cfg(not(unix))]
fn is_still_there(_: &File, path: &Path) -> bool {
    path.exists()
}

/// The path of the lock file in the metadata folder `meta`.
#[must_use]
pub fn lock_path(meta: &Path) -> PathBuf {
    meta.join("lock")
}

#[cfg(test)]
mod tests {
    use std::{
        env,
        io::{BufRead, BufReader, Read},
        process::{Command, Stdio},
    };

    use super::*;

    /// Environment variable that tells the second process which folder to lock.
    const FOLDER: &str = "PARTIQUET_TEST_LOCK_FOLDER";
    const LOCKED: &str = "the second process has the lock";

    fn take(dir: &Path) -> Result<Lock> {
        Lock::take(dir, &lock_path(dir))
    }

    #[test]
    fn a_second_writer_is_told_who_holds_the_lock() {
        let dir = tempfile::tempdir().unwrap();
        let first = take(dir.path()).unwrap();
        let refusal = take(dir.path()).unwrap_err().to_string();
        assert!(refusal.contains(&format!("process {} on ", std::process::id())), "{refusal}");
        drop(first);
        assert!(take(dir.path()).is_ok());
    }

    #[test]
    #[ignore = "the second process of the test below: does nothing on its own"]
    fn second_process() {
        let Some(dir) = env::var_os(FOLDER) else { return };
        let _lock = take(Path::new(&dir)).unwrap();
        println!("{LOCKED}");
        // Waits until it is killed, or until the first process has ended.
        let _ = io::stdin().read(&mut [0]);
    }

    #[test]
    fn a_process_that_was_killed_holds_no_lock() {
        let dir = tempfile::tempdir().unwrap();
        let mut child = Command::new(env::current_exe().unwrap())
            .args(["--exact", "dataset::lock::tests::second_process", "--ignored", "--nocapture"])
            .env(FOLDER, dir.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        assert!(lines.map_while(Result::ok).any(|line| line.contains(LOCKED)));
        let refusal = take(dir.path()).map(|_| ()).unwrap_err().to_string();
        assert!(refusal.contains(&format!("process {} on ", child.id())), "{refusal}");
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(take(dir.path()).is_ok());
    }

    #[test]
    #[cfg(unix)]
    fn a_lock_on_a_file_that_was_taken_away_does_not_count() {
        let dir = tempfile::tempdir().unwrap();
        let path = lock_path(dir.path());
        let file = File::create(&path).unwrap();
        assert!(is_still_there(&file, &path));
        fs::remove_file(&path).unwrap();
        assert!(!is_still_there(&file, &path));
        File::create(&path).unwrap();
        assert!(!is_still_there(&file, &path));
    }

    #[test]
    #[cfg(unix)]
    fn a_lock_file_that_is_a_link_is_refused_and_what_it_leads_to_stays() {
        let dir = tempfile::tempdir().unwrap();
        let precious = dir.path().join("precious");
        fs::write(&precious, "precious").unwrap();
        for target in [precious.clone(), dir.path().join("nothing")] {
            std::os::unix::fs::symlink(&target, lock_path(dir.path())).unwrap();
            for taken in [take(dir.path()), Lock::take_shared(dir.path(), &lock_path(dir.path()))] {
                let error = taken.unwrap_err().to_string();
                assert!(error.contains("no file of its own"), "{error}");
            }
            assert!(!Lock::is_held(&lock_path(dir.path())));
            assert_eq!(fs::read_to_string(&precious).unwrap(), "precious");
            assert!(!dir.path().join("nothing").exists());
            fs::remove_file(lock_path(dir.path())).unwrap();
        }
    }

    #[test]
    fn a_lock_that_is_held_for_an_instant_turns_nobody_away() {
        let dir = tempfile::tempdir().unwrap();
        let glance = take(dir.path()).unwrap();
        let waiting = dir.path().to_owned();
        let run = thread::spawn(move || take(&waiting).map(drop));
        thread::sleep(3 * Lock::RETRY_INTERVAL);
        drop(glance);
        run.join().unwrap().unwrap();
    }

    #[test]
    fn a_lock_file_that_is_a_folder_is_an_error_with_its_path() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(lock_path(dir.path())).unwrap();
        let error = take(dir.path()).unwrap_err().to_string();
        assert!(error.starts_with("cannot open") && error.contains("lock"), "{error}");
    }
}
