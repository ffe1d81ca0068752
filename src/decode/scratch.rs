//! What a walk needs besides the columns, and what it learns: which members follow each other.

use std::mem;

use super::{
    extra::PendingExtra,
    instant::DateMemory,
    names::Guess,
    open_names::{NameHashes, OpenNames},
    program::{Member, Program},
    tally::Tally,
};

/// All of it is reused from record to record.
#[derive(Debug, Clone, Default)]
pub(super) struct Scratch {
    pub tally: Tally,
    pub extra: PendingExtra,
    pub open_names: OpenNames,
    /// The keys of the open map.
    pub map_keys: NameHashes,
    pub dates: DateMemory,
    /// State of each member, by [`Member::slot`].
    slots: Vec<MemberState>,
    /// Number of the last object.
    num_objects: u32,
    /// Unescaped names and texts.
    pub text: Vec<u8>,
    /// The unescaped name of the unknown member that is being read.
    pub name: Vec<u8>,
    /// The path of an unknown member.
    pub path: String,
}

/// State of a member, or of the position before the first member of an object.
#[derive(Debug, Clone, Copy, Default)]
struct MemberState {
    /// The members that followed it last.
    guess: Guess,
    /// The last object (by number) that had it.
    object: u32,
    /// How often it was met in this block.
    seen: u32,
}

impl Scratch {
    pub fn new(program: &Program, num_paths: usize) -> Self {
        let slots = program.slots.iter().map(|slot| MemberState { guess: slot.guess, ..MemberState::default() });
        Self { tally: Tally::new(num_paths), slots: slots.collect(), ..Self::default() }
    }

    /// Begins to walk a record. Object numbers restart when half of them are used up, which no record can do alone.
    /// `room` limits the bytes that its values without a column may take; it is that of a whole block, so that no
    /// verdict depends on earlier records.
    pub fn begin_walk(&mut self, room: u64) {
        self.extra.begin_record(room);
        if self.num_objects > u32::MAX / 2 {
            self.num_objects = 0;
            self.slots.iter_mut().for_each(|slot| slot.object = 0);
        }
    }

    /// Clears the names of open objects, after a fault.
    pub fn forget_names(&mut self) {
        self.open_names.clear();
        self.map_keys.clear();
    }

    /// Releases most of the memory that a huge record took.
    pub fn trim(&mut self, kept_bytes: usize) {
        self.tally.trim(kept_bytes);
        self.extra.trim(kept_bytes);
        self.map_keys.trim(kept_bytes);
        self.path.clear();
        self.path.shrink_to(kept_bytes);
        self.trim_names(kept_bytes);
    }

    /// The same between two walks over one record: the tally and the entries of `extra` keep their memory.
    pub fn trim_names(&mut self, kept_bytes: usize) {
        self.open_names.trim(kept_bytes);
        for text in [&mut self.text, &mut self.name] {
            text.clear();
            text.shrink_to(kept_bytes);
        }
    }

    /// Moves the counts of the slots to the tally.
    pub fn count_slots(&mut self, program: &Program) {
        for (slot, of) in self.slots.iter_mut().zip(&program.slots) {
            let seen = mem::take(&mut slot.seen);
            if let Some(path) = of.counted {
                self.tally.seen_together(path, seen);
            }
        }
    }

    /// The number of the object that begins.
    #[inline(always)]
    pub fn next_object(&mut self) -> u32 {
        self.num_objects += 1;
        self.num_objects
    }

    /// The guess for the member that follows the one in `slot`.
    #[inline(always)]
    pub fn guess(&mut self, slot: u32) -> &mut Guess {
        &mut self.slots[slot as usize].guess
    }

    /// Counts a member of an object; returns the guess for the member that follows it, or none if the object had it
    /// before.
    #[inline(always)]
    pub fn meet(&mut self, member: &Member, object: u32) -> Option<Guess> {
        let slot = &mut self.slots[member.slot as usize];
        slot.seen = slot.seen.wrapping_add(self.tally.step());
        (mem::replace(&mut slot.object, object) != object).then_some(slot.guess)
    }
}
