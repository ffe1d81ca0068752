//! What a run reports while it runs, and how it is asked to stop.

use std::time::Duration;

/// Watches a run. Worker threads call it about once per MiB of JSON.
pub trait Observer: Sync {
    /// Reports how far the run has come.
    fn progress(&self, progress: &Progress) {
        let _ = progress;
    }

    /// Reports what the run has done first about one that had not come to its end. This stays even if the run fails; if
    /// it succeeds, its [`Report::warnings`](crate::report::Report::warnings) have it, too.
    fn recovered(&self, what: &str) {
        let _ = what;
    }

    /// Returns the time since any fixed moment. The library has no clock: without this one, the report has no times by
    /// stage.
    fn clock(&self) -> Duration {
        Duration::ZERO
    }

    /// Called before a large allocation; release cached free memory now.
    fn before_large_allocation(&self) {}

    /// Returns whether the run should end without committing anything.
    fn stop_requested(&self) -> bool {
        false
    }
}

/// Ignores every event.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Observer for Silent {}

/// How far a run has come.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Progress {
    /// What the run is doing.
    pub stage: Stage,
    /// Bytes of all inputs as stored; `None` if standard input is among them.
    pub input_bytes_total: Option<u64>,
    /// Bytes of inputs read so far, as stored.
    pub input_bytes: u64,
    /// Bytes of JSON decoded so far.
    pub json_bytes: u64,
    /// Records decoded so far.
    pub records: u64,
    /// Rows decoded so far.
    pub rows: u64,
    /// Records refused so far.
    pub rejected: u64,
    /// Partitions seen so far.
    pub partitions: u64,
    /// Bytes of rows that are waiting for their row group.
    pub buffered_bytes: u64,
}

/// The steps of a run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Stage {
    /// Looking at a sample to choose the attribute columns.
    #[default]
    Sampling,
    /// Reading, decoding and encoding.
    Converting,
    /// Writing what is still in memory.
    Finishing,
    /// Publishing the files.
    Committing,
}
