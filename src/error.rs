//! What can go wrong, by what the caller can do about it.
//!
//! Every message says what happened, where, and what to do; causes are printed once.
//! Options are called what they are on the command line: `--max-rejects` is
//! [`Config::max_rejects`](crate::Config::max_rejects), and so on.

use std::{io, path::PathBuf};

use crate::report::Reject;

/// Result of every fallible call of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a call failed. A conversion that fails has committed nothing.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The request itself is wrong: an option, a column name, a combination.
    #[error("{message}\n  {hint}")]
    Usage {
        /// What is wrong.
        message: String,
        /// What to do instead.
        hint: String,
    },
    /// The operating system refused something.
    #[error("cannot {action} {path}: {error}", path = .path.display())]
    Io {
        /// Verb phrase that completes "cannot ...".
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The system's own words. They are in the message, so they are no `source`, which would be printed once more.
        error: io::Error,
    },
    /// A model file that says something impossible.
    #[error("model {file}, at {pointer}: {message}")]
    Model {
        /// Path or name of the model.
        file: String,
        /// JSON Pointer to the place inside the model document.
        pointer: String,
        /// What is wrong there and what would be right.
        message: String,
    },
    /// An input that cannot be read as what it says it is (a truncated gzip stream, for example).
    #[error("{file}, byte {offset}: {message}\n  {hint}")]
    Input {
        /// The input's name.
        file: String,
        /// Byte offset in the input as stored.
        offset: u64,
        /// What is wrong.
        message: String,
        /// What to do.
        hint: String,
    },
    /// More records were refused than `max_rejects` allows.
    #[error("{reject}\n  {hint}")]
    Rejected {
        /// The earliest refused record, by file and byte.
        reject: Box<Reject>,
        /// Names the option that would have let the run go on.
        hint: String,
    },
    /// The dataset's folder is missing, damaged, in use, or does not fit the request.
    #[error("{dir}: {message}\n  {hint}", dir = .dir.display())]
    Dataset {
        /// The dataset's folder.
        dir: PathBuf,
        /// What is wrong.
        message: String,
        /// What to do.
        hint: String,
    },
    /// A document of a dataset was written by a newer version of this program, in a form that this one does not know.
    #[error(
        "{path} has format version {found}, this partiquet knows versions up to {newest}\n  \
         use the newer partiquet that wrote this dataset",
        path = .path.display()
    )]
    NewerFormat {
        /// The document.
        path: PathBuf,
        /// Its format version.
        found: u32,
        /// The newest one that this program knows.
        newest: u32,
    },
    /// The data goes beyond a limit that holds whatever the options are.
    #[error("{message}\n  {hint}")]
    Limit {
        /// Which limit.
        message: String,
        /// What to do.
        hint: String,
    },
    /// The run was asked to stop.
    #[error("interrupted: nothing was committed")]
    Interrupted,
    /// A promise of this program does not hold. Never the input's fault.
    #[error("this is a bug in partiquet, please report it: {0}")]
    Bug(String),
}

impl Error {
    /// Wraps a refusal of the operating system: `Error::io("create", path)(error)`.
    pub fn io(action: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |error| Self::Io { action, path, error }
    }

    /// A wrong request, with what to do instead.
    pub fn usage(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::Usage { message: message.into(), hint: hint.into() }
    }

    /// Data beyond a limit, with what to do.
    pub fn limit(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::Limit { message: message.into(), hint: hint.into() }
    }

    /// The process exit code for this failure.
    #[must_use]
    pub const fn exit_code(&self) -> u8 {
        match self {
            Self::Usage { .. } | Self::Model { .. } => 2,
            Self::Interrupted => 130,
            _ => 1,
        }
    }
}
