//! Per-block counters of what became of the values: one addition per value. Rejected records are undone: rare events
//! are kept in lists, which are cut back, and plain counts are subtracted by a second walk.

use std::{collections::HashMap, mem};

use crate::{
    model::plan::{PathId, Plan},
    report::{Counts, Firsts},
};

/// What happened to a value that was not simply kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Class {
    Coerced,
    Mismatched,
    Ignored,
}

#[derive(Debug, Clone, Default)]
pub(super) struct Tally {
    /// By path: number of values that are not members, such as elements and entries. Members are counted by their
    /// slots.
    seen: Vec<u32>,
    /// What a value adds to the count: one, or minus one while a refused record is walked again.
    step: u32,
    /// The lengths of the lists when the record began.
    record: TallyCheckpoint,
    /// Offset in the block of the text that is walked.
    origin: usize,
    nulls: Vec<PathId>,
    events: Vec<Event>,
    /// Events before this index belong to the last checkpoint and are not extended.
    kept_events: usize,
    unknown_paths: String,
    /// For each unknown value: end of its path in `unknown_paths`, and its offset in the block.
    unknown: Vec<(usize, u32)>,
    /// By path, while the counts are taken; otherwise empty counts.
    known: Vec<KnownPath>,
}

/// Counts of a path that the model knows, besides the number of its values.
#[derive(Debug, Clone, Default)]
struct KnownPath {
    null: u64,
    coerced: u64,
    mismatched: u64,
    ignored: u64,
    first: Firsts<usize>,
}

/// The same thing that happened to consecutive values of a path, since a list can have millions. Where two paths
/// alternate each value is an event, so an event has to be small.
#[derive(Debug, Clone, Copy)]
struct Event {
    class: Class,
    count: u8,
    path: PathId,
    /// Offset of the first value in the block.
    offset: u32,
}

const _: () = assert!(size_of::<Event>() == 8);

/// Lengths of the lists, to roll back to.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct TallyCheckpoint {
    nulls: usize,
    events: usize,
    unknown: usize,
}

/// Counts of one path in one block.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PathTally {
    /// The path.
    pub path: String,
    /// Index in the plan's paths; none if the model does not know the path.
    pub known: Option<PathId>,
    /// The counts, without places.
    pub counts: Counts,
    /// Offsets in the block of the first values that were not simply kept.
    pub first_offsets: Firsts<usize>,
}

impl Tally {
    /// Counters for this many paths.
    pub fn new(num_paths: usize) -> Self {
        Self { seen: vec![0; num_paths], step: 1, ..Self::default() }
    }

    /// Sets where in the block the next text begins.
    pub fn begin_text(&mut self, origin: usize) {
        self.origin = origin;
    }

    /// What a value adds to a count; additions wrap.
    #[inline(always)]
    pub const fn step(&self) -> u32 {
        self.step
    }

    /// Sets whether the values of the next walk are subtracted.
    pub fn set_subtracting(&mut self, is_subtracting: bool) {
        self.step = if is_subtracting { u32::MAX } else { 1 };
    }

    #[inline(always)]
    pub fn seen(&mut self, path: PathId) {
        self.seen_together(path, 1);
    }

    /// Counts several values of one path at once, such as the entries of a map.
    #[inline]
    pub fn seen_together(&mut self, path: PathId, count: u32) {
        let seen = &mut self.seen[usize::from(path)];
        *seen = seen.wrapping_add(count.wrapping_mul(self.step));
    }

    /// Begins a record, which may have to be rolled back.
    pub fn begin_record(&mut self) {
        self.record = self.checkpoint();
    }

    /// Cuts the lists back to where the record began.
    pub fn forget_record(&mut self) {
        self.rollback_to(self.record);
    }

    #[inline]
    pub fn null(&mut self, path: PathId) {
        self.nulls.push(path);
    }

    #[inline]
    pub fn event(&mut self, class: Class, path: PathId, offset: usize) {
        match self.events[self.kept_events..].last_mut() {
            Some(last) if (last.class, last.path) == (class, path) && last.count < u8::MAX => last.count += 1,
            _ => self.events.push(Event { class, path, count: 1, offset: (self.origin + offset) as u32 }),
        }
    }

    pub fn unknown(&mut self, path: &str, offset: usize) {
        self.unknown_paths.push_str(path);
        self.unknown.push((self.unknown_paths.len(), (self.origin + offset) as u32));
    }

    /// Where the counts stand, for [`Tally::rollback_to`].
    pub fn checkpoint(&mut self) -> TallyCheckpoint {
        self.kept_events = self.events.len();
        TallyCheckpoint { nulls: self.nulls.len(), events: self.events.len(), unknown: self.unknown.len() }
    }

    pub fn rollback_to(&mut self, checkpoint: TallyCheckpoint) {
        self.nulls.truncate(checkpoint.nulls);
        self.events.truncate(checkpoint.events);
        self.kept_events = self.events.len();
        self.unknown.truncate(checkpoint.unknown);
        self.unknown_paths.truncate(self.unknown.last().map_or(0, |&(end, _)| end));
    }

    /// Takes the counts by path, known ones in the plan's order, and resets them. A small block has values for few of the
    /// paths, so nothing is made for the others.
    pub fn take(&mut self, plan: &Plan) -> Vec<PathTally> {
        self.known.resize_with(plan.paths.len(), KnownPath::default);
        for &path in &self.nulls {
            self.known[usize::from(path)].null += 1;
        }
        for &Event { class, path, count, offset } in &self.events {
            let known = &mut self.known[usize::from(path)];
            let count = u64::from(count);
            match class {
                Class::Coerced => {
                    known.coerced += count;
                    known.first.coerced.get_or_insert(offset as usize);
                }
                Class::Mismatched => {
                    known.mismatched += count;
                    known.first.mismatched.get_or_insert(offset as usize);
                }
                Class::Ignored => known.ignored += count,
            }
        }
        let mut tallies: Vec<PathTally> = Vec::new();
        let known = self.seen.iter_mut().zip(&mut self.known);
        for ((id, path), (seen, known)) in plan.paths.iter().enumerate().zip(known) {
            let seen = u64::from(mem::take(seen));
            let KnownPath { null, coerced, mismatched, ignored, first } = mem::take(known);
            if seen == 0 && first.is_empty() {
                continue;
            }
            // Saturating, so that a miscount appears as a ledger that does not close and not as a panic.
            let kept = seen.saturating_sub(coerced + mismatched + ignored);
            let counts = Counts { seen, kept, null, coerced, mismatched, ignored, ..Counts::default() };
            tallies.push(PathTally { path: path.clone(), known: Some(id as PathId), counts, first_offsets: first });
        }
        self.take_unknown(&mut tallies);
        self.nulls.clear();
        self.events.clear();
        self.kept_events = 0;
        tallies
    }

    /// Releases most of the memory that a huge record took.
    pub fn trim(&mut self, kept_bytes: usize) {
        self.nulls.shrink_to(kept_bytes / size_of::<PathId>());
        self.events.shrink_to(kept_bytes / size_of::<Event>());
        self.unknown_paths.shrink_to(kept_bytes);
        self.unknown.shrink_to(kept_bytes / size_of::<(usize, u32)>());
    }

    fn take_unknown(&mut self, tallies: &mut Vec<PathTally>) {
        let mut index: HashMap<&str, usize> = HashMap::new();
        let mut start = 0;
        for &(end, offset) in &self.unknown {
            let path = &self.unknown_paths[start..end];
            start = end;
            let at = *index.entry(path).or_insert_with(|| {
                tallies.push(PathTally {
                    path: path.to_owned(),
                    known: None,
                    counts: Counts::default(),
                    first_offsets: Firsts { unknown: Some(offset as usize), ..Firsts::default() },
                });
                tallies.len() - 1
            });
            tallies[at].counts.seen += 1;
            tallies[at].counts.unknown += 1;
        }
        self.unknown.clear();
        self.unknown_paths.clear();
    }
}
