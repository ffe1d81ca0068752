//! The plan in the form that the walk uses: objects in one list, actions small enough to copy, names in tables that
//! learn. Each worker has its own.

use std::sync::Arc;

use super::names::NameTable;
use crate::{
    columns::{Column, ScalarType},
    model::plan::{Action, ObjectPlan, PathId, Plan},
};

/// Index into [`Program::objects`].
pub(super) type ObjectIdx = usize;
/// Index into [`Program::steps`].
pub(super) type StepIdx = u16;

#[derive(Debug, Clone)]
pub(super) struct Program {
    pub objects: Vec<Object>,
    pub maps: Vec<MapNames>,
    pub row: ObjectIdx,
    pub parent: ObjectIdx,
    pub outer: ObjectIdx,
    /// Objects without known members, for those between root and parent: one for each number of steps from the root,
    /// as they are open at the same time.
    pub between: Vec<ObjectIdx>,
    /// The distinct keys of all envelopes.
    pub steps: Vec<Arc<str>>,
    /// Each envelope as (step, is a list).
    pub envelopes: Vec<Vec<(StepIdx, bool)>>,
}

/// A known object.
#[derive(Debug, Clone)]
pub(super) struct Object {
    pub names: NameTable,
    pub members: Vec<Member>,
    /// For each member, the last object (by number) that had it.
    pub last_seen: Vec<u32>,
    /// Number of the object being walked.
    pub generation: u32,
    /// Ledger path of the object, to which unknown names are added; ends without a slash. Empty for the row, and for
    /// objects around the parent, whose path depends on how many objects there are in between.
    pub pattern: Arc<str>,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Member {
    pub path: PathId,
    pub act: Act,
}

#[derive(Debug, Clone, Copy)]
pub(super) enum Act {
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
    Map(usize),
    Ignored,
    /// A key on the way to the rows, where this object lies on such a way.
    Step(StepIdx),
}

/// A map and its promoted keys.
#[derive(Debug, Clone)]
pub(super) struct MapNames {
    pub column: Option<u32>,
    pub entry_path: PathId,
    pub keep_promoted: bool,
    pub names: NameTable,
    pub promoted: Vec<(u32, PathId)>,
    pub last_seen: Vec<u32>,
    pub generation: u32,
}

/// Counts an object as begun, so that members can be told from those of the object before.
pub(super) fn next_generation(generation: &mut u32, last_seen: &mut [u32]) {
    *generation = generation.wrapping_add(1);
    if *generation == 0 {
        last_seen.fill(0);
        *generation = 1;
    }
}

impl Program {
    pub fn new(plan: &Plan) -> Self {
        let mut steps: Vec<Arc<str>> = Vec::new();
        let envelopes = plan
            .envelopes
            .iter()
            .map(|envelope| {
                envelope
                    .iter()
                    .map(|(key, list)| {
                        let step = steps.iter().position(|known| **known == **key).unwrap_or_else(|| {
                            steps.push(key.as_str().into());
                            steps.len() - 1
                        });
                        (step as StepIdx, *list)
                    })
                    .collect()
            })
            .collect();
        let mut program = Self {
            objects: Vec::new(),
            maps: Vec::new(),
            row: 0,
            parent: 0,
            outer: 0,
            between: Vec::new(),
            steps,
            envelopes,
        };
        let every_step: Vec<Arc<str>> = program.steps.clone();
        program.row = program.object(&plan.row, plan, "", &every_step);
        program.parent = program.object(&plan.parent, plan, "..", &every_step);
        program.outer = program.object(&plan.outer, plan, "", &every_step);
        let most_steps = plan.envelopes.iter().map(Vec::len).max().unwrap_or(0);
        program.between =
            (0..most_steps).map(|_| program.object(&ObjectPlan::default(), plan, "", &every_step)).collect();
        program
    }

    fn object(&mut self, object: &ObjectPlan, plan: &Plan, pattern: &str, steps: &[Arc<str>]) -> ObjectIdx {
        let mut members: Vec<Member> = Vec::with_capacity(object.members.len() + steps.len());
        for member in &object.members {
            let path = &plan.paths[usize::from(member.path)];
            let act = match &member.action {
                Action::Scalar { column, scalar } => Act::Scalar { column: *column as u32, scalar: *scalar },
                Action::Object(inner) => Act::Object(self.object(inner, plan, path, &[])),
                Action::List { column, scalar, element_path } => {
                    Act::List { column: *column as u32, scalar: *scalar, element_path: *element_path }
                }
                Action::Structs { column, element, element_path } => {
                    let pattern = &plan.paths[usize::from(*element_path)];
                    let element = self.object(element, plan, pattern, &[]);
                    Act::Structs { column: *column as u32, element, element_path: *element_path }
                }
                Action::Map { column, entry_path, promoted, keep_promoted } => {
                    self.maps.push(MapNames {
                        column: column.map(|column| column as u32),
                        entry_path: *entry_path,
                        keep_promoted: *keep_promoted,
                        names: NameTable::new(promoted.iter().enumerate().map(|(at, p)| (p.key.as_str(), at as u32))),
                        promoted: promoted.iter().map(|p| (p.column as u32, p.path)).collect(),
                        last_seen: vec![0; promoted.len()],
                        generation: 0,
                    });
                    Act::Map(self.maps.len() - 1)
                }
                Action::Ignored => Act::Ignored,
            };
            members.push(Member { path: member.path, act });
        }
        let num_known = members.len();
        members.extend((0..steps.len()).map(|step| Member { path: 0, act: Act::Step(step as StepIdx) }));
        // Wire names come first: where a wire name equals another member's snake name, the wire name counts.
        let wires = object.members.iter().enumerate().map(|(at, m)| (m.wire.as_str(), at as u32));
        let snakes = object.members.iter().enumerate().map(|(at, m)| (m.snake.as_str(), at as u32));
        let steps = steps.iter().enumerate().map(|(at, step)| (&**step, (num_known + at) as u32));
        self.objects.push(Object {
            names: NameTable::new(wires.chain(snakes).chain(steps)),
            last_seen: vec![0; members.len()],
            members,
            generation: 0,
            pattern: pattern.into(),
        });
        self.objects.len() - 1
    }
}

/// Empty columns of the given shapes, for values that are staged until their rows are known.
pub(super) fn staged(columns: &[(crate::columns::ColumnShape, usize)]) -> Vec<Column> {
    columns.iter().map(|(shape, _)| Column::new(shape)).collect()
}
