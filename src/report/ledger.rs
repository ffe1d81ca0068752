//! What became of every value, by JSON path.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// Where something was first met.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// The input's name.
    pub file: String,
    /// Byte offset of the value in the (decompressed) input.
    pub offset: u64,
    /// Line, from 1.
    pub line: u64,
}

/// What became of the values of one path. `seen = kept + coerced + mismatched + unknown + ignored`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Values met, null ones included, missing ones not.
    pub seen: u64,
    /// Stored as they were.
    pub kept: u64,
    /// The part of `kept` that was null.
    pub null: u64,
    /// Stored after a conversion that loses nothing.
    pub coerced: u64,
    /// Did not fit the column; stored raw in `extra`.
    pub mismatched: u64,
    /// Not in the model; stored raw in `extra`.
    pub unknown: u64,
    /// In the model as carrying nothing about a participant (paging): counted, not stored.
    pub ignored: u64,
    /// Where the first value that was not simply kept stands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first: Option<Place>,
}

impl Counts {
    /// Adds the counts of a later stretch of input.
    pub fn add(&mut self, later: &Self) {
        // Destructured in full: a counter that is added to the struct cannot be forgotten here.
        let Self { seen, kept, null, coerced, mismatched, unknown, ignored, first } = later;
        self.seen += seen;
        self.kept += kept;
        self.null += null;
        self.coerced += coerced;
        self.mismatched += mismatched;
        self.unknown += unknown;
        self.ignored += ignored;
        if self.first.is_none() {
            self.first.clone_from(first);
        }
    }

    const fn closes(&self) -> bool {
        self.seen == self.kept + self.coerced + self.mismatched + self.unknown + self.ignored && self.null <= self.kept
    }
}

/// Counts by JSON path. Bounded: see [`Ledger::MAX_UNKNOWN_PATHS`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ledger {
    /// Path to counts, in byte order of the paths.
    pub paths: BTreeMap<String, Counts>,
}

impl Ledger {
    /// Unknown paths beyond this many distinct ones are counted together under [`Ledger::OVERFLOW`]: input
    /// chooses these names, so their number needs a bound. Their values stay in `extra` all the same.
    pub const MAX_UNKNOWN_PATHS: usize = 10_000;

    /// The path under which the overflow is counted (no JSON Pointer begins with an asterisk).
    pub const OVERFLOW: &'static str = "*";

    /// Adds counts for one path. `known` paths are always listed, others within the bound.
    pub fn add(&mut self, path: &str, known: bool, counts: &Counts) {
        if let Some(present) = self.paths.get_mut(path) {
            present.add(counts);
        } else if known || self.paths.len() < Self::MAX_UNKNOWN_PATHS {
            self.paths.insert(path.to_owned(), counts.clone());
        } else {
            self.paths.entry(Self::OVERFLOW.to_owned()).or_default().add(counts);
        }
    }

    /// Adds a later ledger.
    pub fn merge(&mut self, later: &Self) {
        for (path, counts) in &later.paths {
            self.add(path, counts.unknown == 0, counts);
        }
    }

    /// The sum over all paths.
    #[must_use]
    pub fn total(&self) -> Counts {
        self.paths.values().fold(Counts::default(), |mut total, counts| {
            total.add(counts);
            total
        })
    }

    /// Whether every value met is accounted for.
    ///
    /// # Errors
    /// [`Error::Bug`] with the first path that does not close.
    pub fn check(&self) -> Result<()> {
        match self.paths.iter().find(|(_, counts)| !counts.closes()) {
            None => Ok(()),
            Some((path, counts)) => Err(Error::Bug(format!("the ledger does not close at {path:?}: {counts:?}"))),
        }
    }
}
