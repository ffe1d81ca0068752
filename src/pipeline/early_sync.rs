//! Row groups on their way to the disk while there is still work to do.
//!
//! Every file is synced before it counts. If that began only then, all workers would wait for the disk at the end of a run.

use std::{
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc::{self, Sender},
    },
    thread::{Builder, JoinHandle},
};

use crate::{
    dataset::sync_file,
    error::{Error, Result},
};

/// Syncs files one after the other, in a thread that does nothing else: it waits nearly all the time.
#[derive(Debug)]
pub(super) struct EarlySync {
    /// None when no more are taken.
    paths: Option<Sender<PathBuf>>,
    thread: Option<JoinHandle<Result<()>>>,
    is_over: Arc<AtomicBool>,
}

impl EarlySync {
    /// With less written to a file than this it is not worth a sync, bytes.
    pub const LEAST_BYTES: u64 = 1 << 20;

    /// Starts the thread.
    ///
    /// # Errors
    /// [`Error::Usage`] when the system has no thread left.
    pub fn start() -> Result<Self> {
        let (paths, to_sync) = mpsc::channel::<PathBuf>();
        let is_over = Arc::new(AtomicBool::new(false));
        let sync_all = {
            let is_over = Arc::clone(&is_over);
            move || {
                to_sync.iter().take_while(|_| !is_over.load(Ordering::Relaxed)).try_for_each(|path| sync_file(&path))
            }
        };
        let thread = Builder::new().name("sync".to_owned()).spawn(sync_all);
        let thread = thread.map_err(|error| Error::usage(format!("cannot start a thread: {error}"), "use fewer"))?;
        Ok(Self { paths: Some(paths), thread: Some(thread), is_over })
    }

    /// Has a file synced some time, with what was written to it so far.
    pub fn add(&self, path: PathBuf) {
        if let Some(paths) = &self.paths {
            // Behind an error nobody listens any more; it is told at the end.
            let _ = paths.send(path);
        }
    }

    /// Waits for the sync at work and leaves out the others: it is time for all files.
    ///
    /// # Errors
    /// [`Error::Io`] of the first file that could not be synced. Nobody else would hear of it: the system tells it once.
    pub fn finish(mut self) -> Result<()> {
        self.is_over.store(true, Ordering::Relaxed);
        self.paths = None;
        let Some(thread) = self.thread.take() else { return Ok(()) };
        thread.join().unwrap_or_else(|_| Err(Error::Bug("the thread that syncs files panicked".to_owned())))
    }
}

impl Drop for EarlySync {
    /// A run that failed needs none of its files.
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_told_at_the_end() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("a"), "a").unwrap();
        for (names, fails) in [(&["a", "a"][..], false), (&["a", "none", "a"], true)] {
            let early = EarlySync::start().unwrap();
            names.iter().for_each(|name| early.add(folder.path().join(name)));
            let told = wait(early);
            assert_eq!(matches!(told, Err(Error::Io { action: "sync", .. })), fails, "{told:?}");
        }
    }

    /// As if there was time for all files.
    fn wait(mut early: EarlySync) -> Result<()> {
        early.paths = None;
        early.thread.take().unwrap().join().unwrap()
    }
}
