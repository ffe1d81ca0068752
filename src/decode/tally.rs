//! What became of the values of one block. Kept so that the good path pays one store per value and a refused record can
//! be forgotten: everything is a list that is cut back.

use std::collections::HashMap;

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
    seen: Vec<PathId>,
    /// Values of one path met together, as the entries of a map are.
    seen_together: Vec<(PathId, u32)>,
    nulls: Vec<PathId>,
    events: Vec<(Class, PathId, u32)>,
    unknown_paths: String,
    /// End in `unknown_paths`, and offset in the block.
    unknown: Vec<(usize, u32)>,
}

/// A state to come back to.
#[derive(Debug, Clone, Copy)]
pub(super) struct TallyMark {
    seen: usize,
    seen_together: usize,
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
    #[inline(always)]
    pub fn seen(&mut self, path: PathId) {
        self.seen.push(path);
    }

    pub fn seen_together(&mut self, path: PathId, count: u32) {
        if count > 0 {
            self.seen_together.push((path, count));
        }
    }

    #[inline]
    pub fn null(&mut self, path: PathId) {
        self.nulls.push(path);
    }

    #[inline]
    pub fn event(&mut self, class: Class, path: PathId, offset: usize) {
        self.events.push((class, path, offset as u32));
    }

    pub fn unknown(&mut self, path: &str, offset: usize) {
        self.unknown_paths.push_str(path);
        self.unknown.push((self.unknown_paths.len(), offset as u32));
    }

    pub fn mark(&self) -> TallyMark {
        TallyMark {
            seen: self.seen.len(),
            seen_together: self.seen_together.len(),
            nulls: self.nulls.len(),
            events: self.events.len(),
            unknown: self.unknown.len(),
        }
    }

    pub fn back_to(&mut self, mark: TallyMark) {
        self.seen.truncate(mark.seen);
        self.seen_together.truncate(mark.seen_together);
        self.nulls.truncate(mark.nulls);
        self.events.truncate(mark.events);
        self.unknown.truncate(mark.unknown);
        self.unknown_paths.truncate(self.unknown.last().map_or(0, |&(end, _)| end));
    }

    /// The counts by path, known ones in the plan's order; begins anew.
    pub fn take(&mut self, plan: &Plan) -> Vec<PathTally> {
        let mut known: Vec<(Counts, Firsts<usize>)> = vec![Default::default(); plan.paths.len()];
        for &path in &self.seen {
            known[usize::from(path)].0.seen += 1;
        }
        for &(path, count) in &self.seen_together {
            known[usize::from(path)].0.seen += u64::from(count);
        }
        for &path in &self.nulls {
            known[usize::from(path)].0.null += 1;
        }
        for &(class, path, offset) in &self.events {
            let (counts, first) = &mut known[usize::from(path)];
            match class {
                Class::Coerced => {
                    counts.coerced += 1;
                    first.coerced.get_or_insert(offset as usize);
                }
                Class::Mismatched => {
                    counts.mismatched += 1;
                    first.mismatched.get_or_insert(offset as usize);
                }
                Class::Ignored => counts.ignored += 1,
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
        self.seen.clear();
        self.seen_together.clear();
        self.nulls.clear();
        self.events.clear();
        tallies
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
