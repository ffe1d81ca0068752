//! What became of every value, by JSON path.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// The place where something was first found.
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
    /// Number of values seen, including nulls, but not missing ones.
    pub seen: u64,
    /// Stored unchanged.
    pub kept: u64,
    /// How many of `kept` were null.
    pub null: u64,
    /// Stored after a lossless conversion.
    pub coerced: u64,
    /// Did not fit the column, and stored raw in `extra`.
    pub mismatched: u64,
    /// Not in the model, and stored raw in `extra`.
    pub unknown: u64,
    /// Marked by the model as irrelevant for a participant (paging), so counted and not stored.
    pub ignored: u64,
    /// Places of the first values that were not simply kept.
    #[serde(default, skip_serializing_if = "Firsts::is_empty")]
    pub first: Firsts<Place>,
}

/// The first of each kind of value that was not simply kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Firsts<T> {
    /// First coerced value.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub coerced: Option<T>,
    /// First mismatched value.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mismatched: Option<T>,
    /// First unknown value.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unknown: Option<T>,
}

impl<T> Default for Firsts<T> {
    fn default() -> Self {
        Self { coerced: None, mismatched: None, unknown: None }
    }
}

impl<T> Firsts<T> {
    /// Whether every value was simply kept.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.coerced.is_none() && self.mismatched.is_none() && self.unknown.is_none()
    }

    /// Adds the entries of `later` that are missing here, converted with `place`; present ones stay.
    pub fn add<U>(&mut self, later: &Firsts<U>, mut place: impl FnMut(&U) -> T) {
        let Firsts { coerced, mismatched, unknown } = later;
        for (mine, theirs) in
            [(&mut self.coerced, coerced), (&mut self.mismatched, mismatched), (&mut self.unknown, unknown)]
        {
            if mine.is_none() {
                *mine = theirs.as_ref().map(&mut place);
            }
        }
    }
}

impl Counts {
    /// Adds the counts of a later stretch of input.
    pub fn add(&mut self, later: &Self) {
        // Destructured in full: a new counter cannot be forgotten here.
        let Self { seen, kept, null, coerced, mismatched, unknown, ignored, first } = later;
        self.seen = self.seen.saturating_add(*seen);
        self.kept = self.kept.saturating_add(*kept);
        self.null = self.null.saturating_add(*null);
        self.coerced = self.coerced.saturating_add(*coerced);
        self.mismatched = self.mismatched.saturating_add(*mismatched);
        self.unknown = self.unknown.saturating_add(*unknown);
        self.ignored = self.ignored.saturating_add(*ignored);
        self.first.add(first, Place::clone);
    }

    fn closes(&self) -> bool {
        let parts = [self.kept, self.coerced, self.mismatched, self.unknown, self.ignored];
        // Sums in 128 bits, because a damaged manifest may contain any number.
        u128::from(self.seen) == parts.into_iter().map(u128::from).sum() && self.null <= self.kept
    }
}

/// Counts by JSON path. Bounded: see [`Ledger::MAX_PATHS`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ledger {
    /// Path to counts, in byte order of the paths.
    pub paths: BTreeMap<String, Counts>,
}

impl Ledger {
    /// Number of paths from which on further unknown ones are counted together under [`Ledger::OVERFLOW`], because the
    /// input chooses these names and their number must be bounded. Their values are in `extra` all the
    /// same.
    pub const MAX_PATHS: usize = 10_000;

    /// Maximum length of a listed unknown path. Longer ones are counted under [`Ledger::OVERFLOW`] too: a key can be as
    /// long as a record.
    pub const MAX_UNKNOWN_PATH_BYTES: usize = 1 << 10;

    /// The path under which the overflow is counted (no JSON Pointer begins with an asterisk).
    pub const OVERFLOW: &'static str = "*";

    /// The counts that those of `path` are added to: its own, or those of the overflow.
    #[must_use]
    pub fn counted_under(&self, path: &str, known: bool) -> Option<&Counts> {
        let own = self.paths.get(path);
        own.or_else(|| self.paths.get(Self::OVERFLOW).filter(|_| !known && self.is_beyond_bounds(path)))
    }

    /// Adds counts for one path. `known` paths are always listed, others only within the bounds.
    pub fn add(&mut self, path: &str, known: bool, counts: &Counts) {
        if let Some(present) = self.paths.get_mut(path) {
            present.add(counts);
        } else if known || !self.is_beyond_bounds(path) {
            self.paths.insert(path.to_owned(), counts.clone());
        } else {
            self.paths.entry(Self::OVERFLOW.to_owned()).or_default().add(counts);
        }
    }

    /// Whether an unknown path that is not listed yet goes to the overflow.
    fn is_beyond_bounds(&self, path: &str) -> bool {
        self.paths.len() >= Self::MAX_PATHS || path.len() > Self::MAX_UNKNOWN_PATH_BYTES
    }

    /// Adds the ledger of a later stretch of input.
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

    /// Checks that every value seen is accounted for.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ledgers_are_bounded_also_when_they_are_joined() {
        let unknown = Counts { seen: 1, unknown: 1, ..Counts::default() };
        let ledger = |from: usize| {
            let mut ledger = Ledger::default();
            (from..from + Ledger::MAX_PATHS - 1).for_each(|path| ledger.add(&format!("/{path}"), false, &unknown));
            ledger
        };
        let mut joined = ledger(0);
        joined.merge(&ledger(Ledger::MAX_PATHS));
        assert_eq!(joined.paths.len(), Ledger::MAX_PATHS + 1);
        assert_eq!(joined.paths[Ledger::OVERFLOW].unknown as usize, Ledger::MAX_PATHS - 2);
        assert_eq!(joined.total().unknown as usize, 2 * (Ledger::MAX_PATHS - 1));
    }
}
