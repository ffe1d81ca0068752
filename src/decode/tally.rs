//! What became of the values of one block. Kept so that the good path pays one addition per value and a refused record can
//! be forgotten: what is rare is a list that is cut back, and what was seen is counted down when the record is walked again.

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
    /// By path: values that are no members (those are counted by their slots), as elements and entries are.
    seen: Vec<u32>,
    /// What a value adds to what was seen: one, or minus one while a refused record is walked again.
    step: u32,
    /// The lists when the record began.
    record: TallyCheckpoint,
    /// Where in the block the text begins from which offsets are counted.
    origin: usize,
    nulls: Vec<PathId>,
    events: Vec<Event>,
    /// Events before this one are as they were when a mark was set.
    marked_events: usize,
    unknown_paths: String,
    /// End in `unknown_paths`, and offset in the block.
    unknown: Vec<(usize, u32)>,
}

/// Something that happened to some values of a path, one after the other: a list can have millions of them. Where two paths
/// take turns each value is an event, so it has to be small.
#[derive(Debug, Clone, Copy)]
struct Event {
    class: Class,
    count: u8,
    path: PathId,
    /// Of the first one, in the block.
    offset: u32,
}

const _: () = assert!(size_of::<Event>() == 8);

/// Lengths of the lists, to come back to.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct TallyCheckpoint {
    nulls: usize,
    events: usize,
    unknown: usize,
}

/// Counts of one path in one block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PathTally {
    /// The path.
    pub path: String,
    /// Which of the plan's paths it is; none if the model does not know it.
    pub known: Option<PathId>,
    /// The counts, without a place.
    pub counts: Counts,
    /// Offsets in the block of the first values that were not simply kept.
    pub first_offsets: Firsts<usize>,
}

impl Tally {
    /// For values of so many paths.
    pub fn new(num_paths: usize) -> Self {
        Self { seen: vec![0; num_paths], step: 1, ..Self::default() }
    }

    /// Says where in the block the text begins that is walked next.
    pub fn begin_text(&mut self, origin: usize) {
        self.origin = origin;
    }

    /// What a value adds to what was seen; additions wrap.
    #[inline(always)]
    pub const fn step(&self) -> u32 {
        self.step
    }

    /// Says whether what is seen now is taken back.
    pub fn take_back(&mut self, take_back: bool) {
        self.step = if take_back { u32::MAX } else { 1 };
    }

    #[inline(always)]
    pub fn seen(&mut self, path: PathId) {
        self.seen_together(path, 1);
    }

    /// Values of one path met together, as the entries of a map are.
    #[inline]
    pub fn seen_together(&mut self, path: PathId, count: u32) {
        let seen = &mut self.seen[usize::from(path)];
        *seen = seen.wrapping_add(count.wrapping_mul(self.step));
    }

    /// A record begins, which may have to be forgotten.
    pub fn begin_record(&mut self) {
        self.record = self.mark();
    }

    /// Forgets what is listed since the record began.
    pub fn forget_record(&mut self) {
        self.rollback_to(self.record);
    }

    #[inline]
    pub fn null(&mut self, path: PathId) {
        self.nulls.push(path);
    }

    #[inline]
    pub fn event(&mut self, class: Class, path: PathId, offset: usize) {
        match self.events[self.marked_events..].last_mut() {
            Some(last) if (last.class, last.path) == (class, path) && last.count < u8::MAX => last.count += 1,
            _ => self.events.push(Event { class, path, count: 1, offset: (self.origin + offset) as u32 }),
        }
    }

    pub fn unknown(&mut self, path: &str, offset: usize) {
        self.unknown_paths.push_str(path);
        self.unknown.push((self.unknown_paths.len(), (self.origin + offset) as u32));
    }

    pub fn mark(&mut self) -> TallyCheckpoint {
        self.marked_events = self.events.len();
        TallyCheckpoint { nulls: self.nulls.len(), events: self.events.len(), unknown: self.unknown.len() }
    }

    pub fn rollback_to(&mut self, mark: TallyCheckpoint) {
        self.nulls.truncate(mark.nulls);
        self.events.truncate(mark.events);
        self.marked_events = self.events.len();
        self.unknown.truncate(mark.unknown);
        self.unknown_paths.truncate(self.unknown.last().map_or(0, |&(end, _)| end));
    }

    /// The counts by path, known ones in the plan's order; begins anew.
    pub fn take(&mut self, plan: &Plan) -> Vec<PathTally> {
        let mut known: Vec<(Counts, Firsts<usize>)> = vec![Default::default(); plan.paths.len()];
        for ((counts, _), seen) in known.iter_mut().zip(&mut self.seen) {
            counts.seen = u64::from(mem::take(seen));
        }
        for &path in &self.nulls {
            known[usize::from(path)].0.null += 1;
        }
        for &Event { class, path, count, offset } in &self.events {
            let (counts, first) = &mut known[usize::from(path)];
            let count = u64::from(count);
            match class {
                Class::Coerced => {
                    counts.coerced += count;
                    first.coerced.get_or_insert(offset as usize);
                }
                Class::Mismatched => {
                    counts.mismatched += count;
                    first.mismatched.get_or_insert(offset as usize);
                }
                Class::Ignored => counts.ignored += count,
            }
        }
        let mut tallies: Vec<PathTally> = Vec::new();
        for ((id, path), (mut counts, first_offsets)) in plan.paths.iter().enumerate().zip(known) {
            if counts.seen == 0 && first_offsets.is_empty() {
                continue;
            }
            // Saturating, so that a miscount shows as a ledger that does not close and not as a panic.
            counts.kept = counts.seen.saturating_sub(counts.coerced + counts.mismatched + counts.ignored);
            tallies.push(PathTally { path: path.clone(), known: Some(id as PathId), counts, first_offsets });
        }
        self.take_unknown(&mut tallies);
        self.nulls.clear();
        self.events.clear();
        self.marked_events = 0;
        tallies
    }

    /// Lets most of the memory go that a huge record has taken.
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
