//! Reads inputs that may be silent for hours, and still reacts to a request to stop.
//!
//! A signal does not end a read of a silent pipe. So the pipe is polled before it is read, and between two polls the
//! observer is asked whether to stop.

use std::{
    error::Error,
    fmt,
    fs::File,
    io::{self, Read},
};

use crate::observe::Observer;

/// Maximum wait for a silent pipe before the observer is asked again. Below what a person notices.
pub const WAIT_MILLIS: u64 = 100;

/// A reader whose reads end when the observer asks to stop.
pub enum InterruptibleReader {
    /// A file descriptor, which can be polled.
    File(File),
    /// Any other reader. The observer is asked only before each read.
    Any(Box<dyn Read + Send>),
}

impl InterruptibleReader {
    /// Reads some bytes; 0 at the end.
    ///
    /// # Errors
    /// Errors of the reader, or an error for which [`is_stop`] is true.
    pub fn read(&mut self, out: &mut [u8], observer: &dyn Observer) -> io::Result<usize> {
        loop {
            if observer.stop_requested() {
                return Err(io::Error::other(Stopped));
            }
            let read = match self {
                Self::File(file) if !has_something(file)? => continue,
                Self::File(file) => file.read(out),
                Self::Any(reader) => reader.read(out),
            };
            match (read, &self) {
                // The poll reported data, but another reader was faster.
                (Err(error), Self::File(_)) if error.kind() == io::ErrorKind::WouldBlock => {}
                (Err(error), _) if error.kind() == io::ErrorKind::Interrupted => {}
                (read, _) => return read,
            }
        }
    }
}

/// Whether an error of [`InterruptibleReader::read`] means that the observer asked to stop.
pub fn is_stop(error: &io::Error) -> bool {
    matches!(error.get_ref(), Some(inner) if inner.is::<Stopped>())
}

#[derive(Debug)]
struct Stopped;

impl fmt::Display for Stopped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("asked to stop")
    }
}

impl Error for Stopped {}

/// Whether a read would return at once, with data or at the end. If not, waits up to [`WAIT_MILLIS`].
#[cfg(unix)]
fn has_something(file: &File) -> io::Result<bool> {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    let wait = Timespec { tv_sec: 0, tv_nsec: WAIT_MILLIS as i64 * 1_000_000 };
    match poll(&mut [PollFd::new(file, PollFlags::IN)], Some(&wait)) {
        Ok(ready) => Ok(ready > 0),
        Err(rustix::io::Errno::INTR) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// Pipes cannot be polled on these systems.
#[cfg(not(unix))]
#[expect(clippy::unnecessary_wraps, reason = "where it can be asked, it can fail")]
fn has_something(_: &File) -> io::Result<bool> {
    Ok(true)
}

/// Standard input, through a descriptor of its own where the system has descriptors.
pub fn stdin() -> InterruptibleReader {
    #[cfg(unix)]
    {
        use std::os::fd::AsFd;
        if let Ok(own) = io::stdin().as_fd().try_clone_to_owned() {
            return InterruptibleReader::File(own.into());
        }
    }
    InterruptibleReader::Any(Box::new(io::stdin()))
}

/// Opens a named pipe or a device, without waiting for a writer.
///
/// # Errors
/// Errors of the system.
pub fn open(path: &std::path::Path) -> io::Result<InterruptibleReader> {
    let mut options = File::options();
    options.read(true);
    // On other systems a pipe that nobody has opened for writing yet may seem to have ended.
    #[cfg(target_os = "linux")]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.custom_flags(rustix::fs::OFlags::NONBLOCK.bits() as i32);
    }
    options.open(path).map(InterruptibleReader::File)
}

#[cfg(test)]
mod tests {
    use std::{
        io::Write,
        os::fd::OwnedFd,
        sync::atomic::{AtomicBool, Ordering},
        thread,
        time::{Duration, Instant},
    };

    use super::*;
    use crate::observe::Silent;

    #[derive(Default)]
    struct Flag(AtomicBool);

    impl Observer for Flag {
        fn stop_requested(&self) -> bool {
            self.0.load(Ordering::Relaxed)
        }
    }

    fn pipe() -> (InterruptibleReader, io::PipeWriter) {
        let (reader, writer) = io::pipe().unwrap();
        (InterruptibleReader::File(File::from(OwnedFd::from(reader))), writer)
    }

    #[test]
    fn a_silent_pipe_is_left_when_the_observer_asks_for_it() {
        let (mut reader, _writer) = pipe();
        let flag = Flag::default();
        thread::scope(|scope| {
            let reading = scope.spawn(|| reader.read(&mut [0; 10], &flag));
            thread::sleep(Duration::from_millis(3 * WAIT_MILLIS));
            assert!(!reading.is_finished(), "it waits");
            flag.0.store(true, Ordering::Relaxed);
            let asked = Instant::now();
            let error = reading.join().unwrap().unwrap_err();
            assert!(is_stop(&error), "{error}");
            assert!(asked.elapsed() < Duration::from_secs(10));
        });
    }

    #[test]
    fn what_comes_late_is_read_and_the_end_is_an_end() {
        let (mut reader, mut writer) = pipe();
        let late = thread::spawn(move || {
            thread::sleep(Duration::from_millis(2 * WAIT_MILLIS));
            writer.write_all(b"late").unwrap();
        });
        let mut out = [0; 10];
        assert_eq!(reader.read(&mut out, &Silent).unwrap(), 4);
        assert_eq!(&out[..4], b"late");
        assert_eq!(reader.read(&mut out, &Silent).unwrap(), 0);
        late.join().unwrap();
    }

    #[test]
    fn other_errors_are_no_stop() {
        assert!(!is_stop(&io::Error::other("the disk is gone")));
        assert!(!is_stop(&io::Error::from(io::ErrorKind::Interrupted)));
    }
}
