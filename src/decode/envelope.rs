//! Finds the participants of a record, and copies the values around them to their rows.

use super::{
    arrivals::Arrivals,
    fault::{Fault, Parse},
    program::{ObjectIdx, Op, Program, staged},
    walk::{Position, StepsMet, Walk},
};
use crate::{
    columns::{Column, ColumnShape, Columns, Values},
    model::plan::Plan,
    report::RejectKind,
};

/// Where the rows of a record are: inside an envelope (its index in the plan), or none if the record itself is the row.
pub(super) type Shape = Option<usize>;

const NO_ROOM_FOR_REPEATED: &str = "the values around the participants, repeated on each of them, take more than there is \
                                    room for among the records of a block; more --memory helps";
const NO_ROOM_FOR_EXTRA: &str = "the values that no column holds take more than there is room for among the records of a \
                                 block; more --memory helps";
const NO_ROOM_FOR_PROVENANCE: &str = "the name of the input, repeated on each participant, takes more than there is room \
                                      for among the records of a block; more --memory helps";

/// Values of the objects around the rows, held until all rows they belong to are known.
#[derive(Debug, Clone)]
pub(super) struct EnclosingValues {
    parent: Vec<Column>,
    outer: Vec<Column>,
}

/// The destination of a record's rows.
pub(super) struct RowSink<'t> {
    pub columns: &'t mut Columns,
    pub staging: &'t mut EnclosingValues,
    pub arrivals: &'t mut Arrivals,
    /// The input's name and the text's offset in it, for the provenance columns.
    pub file: &'t str,
    pub offset: u64,
    pub room: Room,
}

/// Bytes that may still be stored for a block beyond what its text says once.
#[derive(Debug, Clone, Copy)]
pub(super) struct Room {
    /// Of repeated values and `extra`.
    flattened: u64,
    /// Of the provenance columns.
    provenance: u64,
}

impl Room {
    /// Enough for a block of 1 MiB with records of ten bytes, if the input's name has up to 70.
    const MIN_PROVENANCE_BYTES: u64 = 8 << 20;

    pub fn new(max_flattened_bytes: u64) -> Self {
        Self { flattened: max_flattened_bytes, provenance: max_flattened_bytes.max(Self::MIN_PROVENANCE_BYTES) }
    }
}

impl EnclosingValues {
    pub fn new(plan: &Plan) -> Self {
        Self { parent: staged(&plan.parent_columns), outer: staged(&plan.outer_columns) }
    }

    pub fn clear(&mut self) {
        self.parent.iter_mut().chain(&mut self.outer).for_each(Column::clear);
    }
}

/// The shape of a record according to the keys of its root.
pub(super) fn shape_of(program: &Program, met: StepsMet) -> Shape {
    program.envelopes.iter().position(|envelope| envelope.first().is_some_and(|&(step, _)| met.has(step)))
}

impl Walk<'_> {
    /// Walks a record as `shape` and returns which envelope keys its root has. If they imply another shape, the caller
    /// must undo what was stored.
    pub fn record(&mut self, shape: Shape, target: &mut RowSink<'_>) -> Parse<StepsMet> {
        let met = match shape {
            None => self.row(target)?,
            Some(envelope) => self.container(envelope, 0, target)?,
        };
        let extra_bytes = self.scratch.extra.flattened_bytes();
        spend(&mut target.room.flattened, extra_bytes, self.cursor.pos(), NO_ROOM_FOR_EXTRA)?;
        let (values, entries) = self.scratch.extra.flush(&mut target.columns.columns[self.plan.extra_column]);
        target.arrivals.add_extra(values, entries, self.scratch.tally.step());
        Ok(met)
    }

    /// Walks a participant into one row.
    fn row(&mut self, target: &mut RowSink<'_>) -> Parse<StepsMet> {
        let start = self.cursor.pos();
        let row = target.columns.num_rows;
        let first_entry = self.scratch.extra.next_entry();
        self.at = Position::default();
        let met = self.object(self.program.row, &mut target.columns.columns, row)?;
        self.scratch.extra.assign(first_entry, 0, row, row + 1);
        if let Some((file, offset)) = self.plan.provenance_columns {
            let bytes = target.file.len() + size_of::<u32>() + size_of::<i64>();
            spend(&mut target.room.provenance, bytes as u64, start, NO_ROOM_FOR_PROVENANCE)?;
            push_text(&mut target.columns.columns[file], row, target.file);
            push_int(&mut target.columns.columns[offset], row, target.offset as i64 + start as i64);
        }
        target.columns.num_rows += 1;
        Ok(met)
    }

    /// Walks an object of the envelope, `step` keys from the root.
    fn container(&mut self, envelope: usize, step: usize, target: &mut RowSink<'_>) -> Parse<StepsMet> {
        let steps_left = self.program.envelopes[envelope].len() - step;
        let (object, columns, staged): (_, &[(ColumnShape, usize)], _) = if steps_left == 1 {
            (self.program.parent, &self.plan.parent_columns, &mut target.staging.parent)
        } else if step == 0 {
            (self.program.outer, &self.plan.outer_columns, &mut target.staging.outer)
        } else {
            (self.program.between[step], &[], &mut Vec::new())
        };
        // The staged columns are moved out while the rows inside fill the target, and put back even after a fault.
        let mut staged = std::mem::take(staged);
        let result = self.container_members(envelope, step, object, columns, &mut staged, target);
        staged.iter_mut().for_each(Column::clear);
        if steps_left == 1 {
            target.staging.parent = staged;
        } else if step == 0 {
            target.staging.outer = staged;
        }
        result
    }

    fn container_members(
        &mut self,
        envelope: usize,
        step: usize,
        object: ObjectIdx,
        columns: &[(ColumnShape, usize)],
        staged: &mut [Column],
        target: &mut RowSink<'_>,
    ) -> Parse<StepsMet> {
        let (wanted, list) = self.program.envelopes[envelope][step];
        let level = (self.program.envelopes[envelope].len() - step) as u8;
        let here = Position { level, element: None };
        let first_row = target.columns.num_rows;
        let first_entry = self.scratch.extra.next_entry();
        let mut met = StepsMet::default();
        self.at = here;
        self.members(object, staged, 0, |walk, member, staged| match member.act {
            Op::Step(name) => {
                let found = walk.program.steps[usize::from(name)].1;
                met.add(found);
                if found == wanted {
                    walk.step(envelope, step, list, target)?;
                    walk.at = here;
                    Ok(())
                } else {
                    walk.unknown_step(object, name)
                }
            }
            act => walk.value(act, member.path, staged, 0),
        })?;
        let end_row = target.columns.num_rows;
        self.scratch.extra.assign(first_entry, level, first_row, end_row);
        let rows = (end_row - first_row) as u64;
        for (staged, &(_, column)) in staged.iter().zip(columns) {
            if staged.num_values() > 0 {
                target.arrivals.add(column, staged, end_row - first_row, self.scratch.tally.step());
                let bytes = rows * staged.byte_size() as u64;
                spend(&mut target.room.flattened, bytes, self.cursor.pos(), NO_ROOM_FOR_REPEATED)?;
                for row in first_row..end_row {
                    target.columns.columns[column].push_from(row, staged, 0);
                }
            }
        }
        Ok(met)
    }

    /// Walks the value of an envelope's key: a list of objects, or one object, as the envelope says.
    fn step(&mut self, envelope: usize, step: usize, list: bool, target: &mut RowSink<'_>) -> Parse<()> {
        self.cursor.skip_space();
        match self.cursor.peek() {
            b'n' => self.cursor.literal(b"null"),
            b'[' if list => self.elements(|walk, _| walk.step_item(envelope, step, target)).map(drop),
            b'{' if !list => self.step_item(envelope, step, target),
            _ => {
                let wanted = if list { "a list of objects" } else { "an object" };
                Err(self.wrong_step(wanted))
            }
        }
    }

    fn step_item(&mut self, envelope: usize, step: usize, target: &mut RowSink<'_>) -> Parse<()> {
        if self.cursor.peek() != b'{' {
            return Err(self.wrong_step("an object"));
        }
        if step + 1 == self.program.envelopes[envelope].len() {
            self.row(target).map(drop)
        } else {
            self.container(envelope, step + 1, target).map(drop)
        }
    }

    /// The fault of a value that cannot hold participants, or its syntax error if it is not JSON at all.
    #[cold]
    fn wrong_step(&mut self, wanted: &str) -> Box<Fault> {
        let value_at = self.cursor.pos();
        match self.skip_value() {
            Err(fault) => fault,
            Ok(()) => Fault::new(
                RejectKind::Envelope,
                value_at,
                format!("the participants are looked for here, and this is not {wanted}"),
            ),
        }
    }
}

/// Takes `bytes` from the room that is `left`.
#[inline]
fn spend(left: &mut u64, bytes: u64, offset: usize, refusal: &'static str) -> Parse<()> {
    *left = left.checked_sub(bytes).ok_or_else(|| Fault::new(RejectKind::Size, offset, refusal))?;
    Ok(())
}

fn push_text(column: &mut Column, row: usize, text: &str) {
    if let Values::Text(texts) = &mut column.values {
        column.validity.set(row);
        texts.push(text.as_bytes());
    }
}

fn push_int(column: &mut Column, row: usize, value: i64) {
    if let Values::Int64(values) = &mut column.values {
        column.validity.set(row);
        values.push(value);
    }
}
