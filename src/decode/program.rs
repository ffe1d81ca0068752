//! The plan in the form that the walk uses: names and objects in flat lists, actions small enough to copy. It never
//! changes; what a worker learns is kept in [`Scratch`](super::scratch::Scratch).

use std::collections::HashSet;

use super::names::{Guess, NameTable, Names};
use crate::{
    columns::{Column, ScalarType},
    model::{
        Envelope,
        naming::snake_case,
        plan::{Action, ObjectPlan, PathId, Plan},
    },
};

/// Index into [`Program::objects`].
pub(super) type ObjectIdx = u32;
/// Index into [`Program::steps`]. A step is identified by the index of its key; its `snake_case` form has an index of
/// its own.
pub(super) type StepIdx = u16;

#[derive(Debug, Clone)]
pub(super) struct Program {
    /// Names of the members of all objects and of the promoted keys of all maps.
    pub names: Names<Member>,
    /// What each slot stands for: a member, a promoted key, or the position before the first of them.
    pub slots: Vec<SlotOf>,
    pub objects: Vec<Object>,
    pub maps: Vec<MapNames>,
    pub row: ObjectIdx,
    pub parent: ObjectIdx,
    pub outer: ObjectIdx,
    /// Objects without known members, for those between root and parent. There is one for each depth, since they are
    /// open at the same time.
    pub between: Vec<ObjectIdx>,
    /// The distinct keys of all envelopes, then their `snake_case` forms; each with the step that it stands for.
    pub steps: Vec<(String, StepIdx)>,
    /// Each envelope as (step, is a list).
    pub envelopes: Vec<Vec<(StepIdx, bool)>>,
}

/// What a slot stands for.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct SlotOf {
    /// The path whose values the slot counts; none for objects and the keys of envelopes, which are not values.
    pub counted: Option<PathId>,
    /// The initial guess for the name that follows it.
    pub guess: Guess,
}

/// A known object.
#[derive(Debug, Clone)]
pub(super) struct Object {
    pub table: NameTable,
    /// Slot of the position before the first member.
    pub start: u32,
    /// Ledger path of the object, to which unknown names are appended; it ends without a slash. Empty for the row, and
    /// for objects around the parent, whose path depends on the number of objects in between.
    pub pattern: String,
}

/// What a name stands for: a member of an object, or a promoted key, which is always text.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Member {
    pub act: Op,
    pub path: PathId,
    /// Names with the same slot stand for the same member.
    pub slot: u32,
}

#[derive(Debug, Clone, Copy, Default)]
pub(super) enum Op {
    Scalar {
        column: u32,
        scalar: ScalarType,
    },
    Object(ObjectIdx),
    List {
        column: u32,
        scalar: ScalarType,
        element_path: PathId,
    },
    Structs {
        column: u32,
        element: ObjectIdx,
        element_path: PathId,
    },
    Map(u32),
    #[default]
    Ignored,
    /// A key of an envelope, in an object that may be on the way to the rows.
    Step(StepIdx),
}

/// A map and its promoted keys.
#[derive(Debug, Clone)]
pub(super) struct MapNames {
    pub column: Option<u32>,
    pub entry_path: PathId,
    pub keep_promoted: bool,
    pub table: NameTable,
    /// Slot of the position before the first key.
    pub start: u32,
}

impl Program {
    pub fn new(plan: &Plan) -> Self {
        let mut steps: Vec<(String, StepIdx)> = Vec::new();
        let mut index_of = |key: &str| {
            let known = steps.iter().find(|(known, _)| known == key).map(|(_, index)| *index);
            known.unwrap_or_else(|| {
                steps.push((key.to_owned(), steps.len() as StepIdx));
                steps.len() as StepIdx - 1
            })
        };
        let mut envelopes: Vec<Vec<(StepIdx, bool)>> = Vec::with_capacity(plan.envelopes.len());
        for Envelope { steps } in &plan.envelopes {
            envelopes.push(steps.iter().map(|step| (index_of(&step.key), step.list)).collect());
        }
        for (step, other) in other_names(&steps, plan) {
            steps.push((other, step));
        }
        let mut program = Self {
            names: Names::default(),
            slots: Vec::new(),
            objects: Vec::new(),
            maps: Vec::new(),
            row: 0,
            parent: 0,
            outer: 0,
            between: Vec::new(),
            steps,
            envelopes,
        };
        let every_step = program.steps.clone();
        program.row = program.object(&plan.row, plan, "", &every_step);
        program.parent = program.object(&plan.parent, plan, "..", &every_step);
        program.outer = program.object(&plan.outer, plan, "", &every_step);
        let most_steps = plan.envelopes.iter().map(|envelope| envelope.steps.len()).max().unwrap_or(0);
        program.between =
            (0..most_steps).map(|_| program.object(&ObjectPlan::default(), plan, "", &every_step)).collect();
        // In reverse, so that of two names of one member the first one determines its initial guess.
        let guesses: Vec<(u32, Guess)> = program.names.first_guesses().map(|(of, guess)| (of.slot, guess)).collect();
        for (slot, guess) in guesses.into_iter().rev() {
            program.slots[slot as usize].guess = guess;
        }
        program
    }

    fn object(&mut self, object: &ObjectPlan, plan: &Plan, pattern: &str, steps: &[(String, StepIdx)]) -> ObjectIdx {
        let mut members: Vec<Member> = Vec::with_capacity(object.members.len());
        for member in &object.members {
            let act = self.op(&member.action, plan, &plan.paths[usize::from(member.path)]);
            members.push(self.member(act, member.path));
        }
        let step_members = self.step_members(steps);
        // Wire names come first: if a wire name equals another member's snake name, the wire name wins.
        let wires = object.members.iter().zip(&members).map(|(plan, member)| (plan.wire.as_str(), *member));
        let snakes = object.members.iter().zip(&members).map(|(plan, member)| (plan.snake.as_str(), *member));
        let start = self.place();
        let table = self.names.table(start, wires.chain(snakes).chain(step_members));
        self.objects.push(Object { table, start: start.slot, pattern: pattern.to_owned() });
        self.objects.len() as ObjectIdx - 1
    }

    /// What is done with the values of a member, whose path is `path`.
    fn op(&mut self, action: &Action, plan: &Plan, path: &str) -> Op {
        match action {
            Action::Scalar { column, scalar } => Op::Scalar { column: *column as u32, scalar: *scalar },
            Action::Object(inner) => Op::Object(self.object(inner, plan, path, &[])),
            Action::List { column, scalar, element_path } => {
                Op::List { column: *column as u32, scalar: *scalar, element_path: *element_path }
            }
            Action::Structs { column, element, element_path } => {
                let pattern = &plan.paths[usize::from(*element_path)];
                let element = self.object(element, plan, pattern, &[]);
                Op::Structs { column: *column as u32, element, element_path: *element_path }
            }
            Action::Map { column, entry_path, promoted, keep_promoted } => {
                let mut members: Vec<(&str, Member)> = Vec::with_capacity(promoted.len());
                for key in promoted {
                    let act = Op::Scalar { column: key.column as u32, scalar: ScalarType::Text };
                    members.push((&key.key, self.member(act, key.path)));
                }
                let start = self.place();
                self.maps.push(MapNames {
                    column: column.map(|column| column as u32),
                    entry_path: *entry_path,
                    keep_promoted: *keep_promoted,
                    table: self.names.table(start, members),
                    start: start.slot,
                });
                Op::Map(self.maps.len() as u32 - 1)
            }
            Action::Ignored => Op::Ignored,
        }
    }

    /// The keys of envelopes as members of an object.
    fn step_members<'s>(&mut self, steps: &'s [(String, StepIdx)]) -> Vec<(&'s str, Member)> {
        let mut members: Vec<(&str, Member)> = Vec::with_capacity(steps.len());
        for (at, (name, step)) in steps.iter().enumerate() {
            let act = Op::Step(at as StepIdx);
            // Both names of a step share a slot, so that giving both in one object is found as a duplicate.
            let member = match members.get(usize::from(*step)) {
                Some((_, first)) => Member { act, ..*first },
                None => self.member(act, 0),
            };
            members.push((name, member));
        }
        members
    }

    fn member(&mut self, act: Op, path: PathId) -> Member {
        let counted = match act {
            Op::Object(_) | Op::Step(_) => None,
            _ => Some(path),
        };
        self.slots.push(SlotOf { counted, guess: Guess::default() });
        Member { act, path, slot: self.slots.len() as u32 - 1 }
    }

    /// Adds the position before the first name of an object, for guessing that name.
    fn place(&mut self) -> Member {
        self.slots.push(SlotOf::default());
        Member { slot: self.slots.len() as u32 - 1, ..Member::default() }
    }
}

/// The `snake_case` forms of the envelopes' keys, except those that are taken by other names in the objects where they
/// are looked up.
fn other_names(steps: &[(String, StepIdx)], plan: &Plan) -> Vec<(StepIdx, String)> {
    let members = [&plan.row, &plan.parent, &plan.outer].into_iter().flat_map(|object| &object.members);
    let mut taken: HashSet<&str> = members
        .flat_map(|member| [member.wire.as_str(), &member.snake])
        .chain(steps.iter().map(|(key, _)| key.as_str()))
        .collect();
    let others: Vec<(StepIdx, String)> = steps.iter().map(|(key, step)| (*step, snake_case(key))).collect();
    others.iter().filter(|(_, other)| taken.insert(other)).cloned().collect()
}

/// Empty columns of these shapes, for values that are staged until their rows are known.
pub(super) fn staged(columns: &[(crate::columns::ColumnShape, usize)]) -> Vec<Column> {
    columns.iter().map(|(shape, _)| Column::new(shape)).collect()
}
