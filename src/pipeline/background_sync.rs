//! Syncs files in the background while the workers are still busy.
//!
//! Every file must be synced before the commit. If syncing began only then, all workers would wait for the disk at the
//! end of a run.

use std::{
    path::PathBuf,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
        mpsc::{self, SyncSender, TrySendError},
    },
    thread::{Builder, JoinHandle},
};

use crate::{
    dataset::sync_file,
    error::{Error, Result},
};

/// Syncs files one after another, in a dedicated thread, since it waits for the disk nearly all the time.
#[derive(Debug)]
pub(super) struct BackgroundSync {
    /// None once no more files are accepted, or if the thread could not be started.
    paths: Option<SyncSender<PathBuf>>,
    /// The thread; before [`BackgroundSync::finish`] it ends only with an error.
    thread: Mutex<Option<JoinHandle<Result<()>>>>,
    is_stopped: Arc<AtomicBool>,
}

impl BackgroundSync {
    /// A row group smaller than this is not worth a background sync, bytes.
    pub const MIN_BYTES: u64 = 1 << 20;

    /// Maximum number of queued files. If the disk cannot keep up, the others are synced at the end.
    const MAX_QUEUED: usize = 64;

    /// Starts the thread. If that fails, files are synced at the end only.
    pub fn start() -> Self {
        let (paths, to_sync) = mpsc::sync_channel::<PathBuf>(Self::MAX_QUEUED);
        let is_stopped = Arc::new(AtomicBool::new(false));
        let sync_all = {
            let is_stopped = Arc::clone(&is_stopped);
            move || {
                let mut paths = to_sync.iter().take_while(|_| !is_stopped.load(Ordering::Relaxed));
                paths.try_for_each(|path| sync_file(&path))
            }
        };
        let thread = Builder::new().name("sync".to_owned()).spawn(sync_all).ok();
        Self { paths: thread.is_some().then_some(paths), thread: Mutex::new(thread), is_stopped }
    }

    /// Queues a file to be synced as written so far; does nothing if the queue is full.
    ///
    /// # Errors
    /// [`Error::Io`] of an earlier file that could not be synced. It must be returned here, because the system reports
    /// it only once.
    pub fn add(&self, path: PathBuf) -> Result<()> {
        match self.paths.as_ref().map(|paths| paths.try_send(path)) {
            Some(Err(TrySendError::Disconnected(_))) => self.join(),
            Some(Ok(()) | Err(TrySendError::Full(_))) | None => Ok(()),
        }
    }

    /// Waits for the current sync and drops the queue: all files are synced next anyway.
    ///
    /// # Errors
    /// As [`BackgroundSync::add`].
    pub fn finish(mut self) -> Result<()> {
        self.is_stopped.store(true, Ordering::Relaxed);
        self.paths = None;
        self.join()
    }

    fn join(&self) -> Result<()> {
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(thread) = thread else { return Ok(()) };
        thread.join().unwrap_or_else(|_| Err(Error::Bug("the thread that syncs files panicked".to_owned())))
    }
}

impl Drop for BackgroundSync {
    /// Drops the queue without waiting for the current sync: a failed run needs none of its files.
    fn drop(&mut self) {
        self.is_stopped.store(true, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_told_to_the_next_that_comes_or_at_the_end() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("a"), "a").unwrap();
        let sync = BackgroundSync::start();
        (0..3).for_each(|_| sync.add(folder.path().join("a")).unwrap());
        sync.finish().unwrap();

        let sync = BackgroundSync::start();
        sync.add(folder.path().join("none")).unwrap();
        let is_told = |told: &Result<()>| matches!(told, Err(Error::Io { action: "sync", .. }));
        let told = std::iter::repeat_with(|| sync.add(folder.path().join("a"))).find(Result::is_err);
        assert!(is_told(&told.unwrap()));
        sync.finish().unwrap();

        let mut sync = BackgroundSync::start();
        sync.add(folder.path().join("none")).unwrap();
        sync.paths = None;
        assert!(is_told(&sync.join()));
    }
}
