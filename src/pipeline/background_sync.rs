//! Row groups on their way to the disk while there is still work to do.
//!
//! Every file is synced before it counts. If that began only then, all workers would wait for the disk at the end of a run.

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

/// Syncs files one after the other, in a thread that does nothing else: it waits nearly all the time.
#[derive(Debug)]
pub(super) struct BackgroundSync {
    /// None when no more are taken, or nobody would.
    paths: Option<SyncSender<PathBuf>>,
    /// It ends before its time only with an error.
    thread: Mutex<Option<JoinHandle<Result<()>>>>,
    is_over: Arc<AtomicBool>,
}

impl BackgroundSync {
    /// With less written to a file than this it is not worth a sync, bytes.
    pub const LEAST_BYTES: u64 = 1 << 20;

    /// So many files wait at most. Where the disk is slower than that the others are synced at the end.
    const WAITING: usize = 64;

    /// Starts the thread. Without it files are synced at the end only.
    pub fn start() -> Self {
        let (paths, to_sync) = mpsc::sync_channel::<PathBuf>(Self::WAITING);
        let is_over = Arc::new(AtomicBool::new(false));
        let sync_all = {
            let is_over = Arc::clone(&is_over);
            move || {
                let mut paths = to_sync.iter().take_while(|_| !is_over.load(Ordering::Relaxed));
                paths.try_for_each(|path| sync_file(&path))
            }
        };
        let thread = Builder::new().name("sync".to_owned()).spawn(sync_all).ok();
        Self { paths: thread.is_some().then_some(paths), thread: Mutex::new(thread), is_over }
    }

    /// Has a file synced some time, with what was written to it so far, unless too many wait for it.
    ///
    /// # Errors
    /// [`Error::Io`] of an earlier file that could not be synced. Nobody else would hear of it: the system tells it once.
    pub fn add(&self, path: PathBuf) -> Result<()> {
        match self.paths.as_ref().map(|paths| paths.try_send(path)) {
            Some(Err(TrySendError::Disconnected(_))) => self.join(),
            Some(Ok(()) | Err(TrySendError::Full(_))) | None => Ok(()),
        }
    }

    /// Waits for the sync at work and leaves out the others: it is time for all files.
    ///
    /// # Errors
    /// As [`BackgroundSync::add`].
    pub fn finish(mut self) -> Result<()> {
        self.is_over.store(true, Ordering::Relaxed);
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
    /// A run that failed needs none of its files. Nobody waits for the sync at work.
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
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
