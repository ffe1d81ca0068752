//! Cross-checks the ledger: the values that a walk has seen against those that are in the columns.

use std::sync::Arc;

use super::{DecodedBlock, PathTally};
use crate::{
    columns::{Column, ColumnShape, Values},
    model::{
        plan::{Action, ObjectPlan, PathId, Plan},
        schema::EXTRA_COLUMN,
    },
    report::{Counts, Firsts},
};

/// Counts the values that arrive in the columns of a block. Each column has a counter for its values and one for each
/// kind of value within them. Additions wrap, because a refused record is subtracted again.
#[derive(Debug, Clone)]
pub(super) struct Arrivals {
    plan: Arc<Plan>,
    /// By table column: its first counter.
    first_counter: Vec<usize>,
    counters: Vec<u32>,
    /// The same for values around the rows, each on all of its rows.
    copies: Vec<u32>,
    /// By path: where its values arrive, if they are stored.
    destinations: Vec<Option<Destination>>,
    /// Table columns that the rows' own values go to.
    row_columns: Vec<usize>,
    /// Table columns that values around the rows go to.
    repeated_columns: Vec<usize>,
    /// Values kept in `extra`, counted once.
    extra_values: u32,
    /// Entries of `extra`: a value around the rows has one on each of them.
    extra_entries: u32,
}

/// Where the values of a path arrive.
#[derive(Debug, Clone, Default)]
struct Destination {
    counter: usize,
    /// Counters of values that arrive there too, and belong to other paths.
    others: Vec<usize>,
}

impl Arrivals {
    pub fn new(plan: Arc<Plan>) -> Self {
        let mut num_counters = 0;
        let first_counter = plan.shapes.iter().map(|shape| {
            let first = num_counters;
            num_counters += match shape {
                ColumnShape::Scalar(_) => 1,
                ColumnShape::List(_) | ColumnShape::Map => 2,
                ColumnShape::Structs(children) => 2 + children.len(),
            };
            first
        });
        let first_counter: Vec<usize> = first_counter.collect();
        let mut destinations = vec![None; plan.paths.len()];
        add_destinations(&plan.row, &|column| first_counter[column], &mut destinations);
        add_destinations(&plan.parent, &|staged| first_counter[plan.parent_columns[staged].1], &mut destinations);
        add_destinations(&plan.outer, &|staged| first_counter[plan.outer_columns[staged].1], &mut destinations);
        let staged = plan.parent_columns.iter().chain(&plan.outer_columns).map(|&(_, column)| column);
        let repeated_columns: Vec<usize> = staged.collect();
        let is_of_row = |column: &usize| *column != plan.extra_column && !repeated_columns.contains(column);
        let row_columns = (0..plan.shapes.len()).filter(is_of_row).collect();
        let (counters, copies) = (vec![0; num_counters], vec![0; num_counters]);
        Self {
            plan,
            first_counter,
            counters,
            copies,
            destinations,
            row_columns,
            repeated_columns,
            extra_values: 0,
            extra_entries: 0,
        }
    }

    /// Counts the values in `column`, which go to each of `rows` rows of table column `index`; `step` is what each of
    /// them adds.
    pub fn add(&mut self, index: usize, column: &Column, rows: usize, step: u32) {
        let first = self.first_counter[index];
        let counters = self.counters[first..].iter_mut().zip(&mut self.copies[first..]);
        for (count, (counter, copies)) in counts(column).zip(counters) {
            *counter = counter.wrapping_add(count.wrapping_mul(step));
            *copies = copies.wrapping_add(count.wrapping_mul(rows as u32).wrapping_mul(step));
        }
    }

    /// Counts `values` that were kept in `extra`, where they are `entries`.
    pub const fn add_extra(&mut self, values: usize, entries: usize, step: u32) {
        self.extra_values = self.extra_values.wrapping_add((values as u32).wrapping_mul(step));
        self.extra_entries = self.extra_entries.wrapping_add((entries as u32).wrapping_mul(step));
    }

    /// Replaces what the walk says it kept by what has arrived, so that the ledger closes only if both agree. Resets
    /// the counters.
    pub fn recount(&mut self, decoded: &mut DecodedBlock) {
        for at in 0..self.row_columns.len() {
            let column = self.row_columns[at];
            self.add(column, &decoded.columns.columns[column], 1, 1);
        }
        let kept_in_extra: u64 =
            decoded.tallies.iter().map(|tally| tally.counts.unknown + tally.counts.mismatched).sum();
        let mut next = 0;
        for ((id, path), destination) in self.plan.paths.iter().enumerate().zip(&self.destinations) {
            let arrived = destination.as_ref().map(|destination| self.arrived(destination));
            if let Some(tally) = decoded.tallies.get_mut(next).filter(|tally| tally.known == Some(id as PathId)) {
                next += 1;
                if let Some(arrived) = arrived {
                    let counts = &mut tally.counts;
                    // Too few even for the coerced ones: no number of values seen makes this ledger close.
                    counts.kept = (u64::from(arrived) + counts.null).checked_sub(counts.coerced).unwrap_or(u64::MAX);
                }
            } else if let Some(arrived) = arrived.filter(|&arrived| arrived > 0) {
                decoded.tallies.push(never_seen(path.clone(), Some(id as PathId), arrived));
            }
        }
        for &column in &self.repeated_columns {
            let first = self.first_counter[column];
            if !counts(&decoded.columns.columns[column])
                .zip(&self.copies[first..])
                .all(|(count, copies)| count == *copies)
            {
                let arrives_there = |to: &Option<Destination>| to.as_ref().is_some_and(|to| to.counter == first);
                let id = self.destinations.iter().position(arrives_there).unwrap_or_default();
                let path = self.plan.paths.get(id).cloned().unwrap_or_default();
                decoded.tallies.push(never_seen(path, Some(id as PathId), 1));
            }
        }
        let entries = match &decoded.columns.columns[self.plan.extra_column].values {
            Values::Map { keys, .. } => keys.len(),
            _ => 0,
        };
        if u64::from(self.extra_values) != kept_in_extra || self.extra_entries as usize != entries {
            decoded.tallies.push(never_seen(EXTRA_COLUMN.to_owned(), None, 1));
        }
        self.counters.fill(0);
        self.copies.fill(0);
        (self.extra_values, self.extra_entries) = (0, 0);
    }

    fn arrived(&self, destination: &Destination) -> u32 {
        let others = destination.others.iter().map(|&other| self.counters[other]);
        others.fold(self.counters[destination.counter], u32::wrapping_sub)
    }
}

/// The number of values of a column, and then of each kind of value within them.
fn counts(column: &Column) -> impl Iterator<Item = u32> {
    let (within, children): (_, &[Column]) = match &column.values {
        Values::List { element, .. } => (Some(element.num_values()), &[]),
        Values::Structs { element_validity, children, .. } => (Some(element_validity.count_ones()), children),
        Values::Map { values, .. } => (Some(values.num_values()), &[]),
        Values::Text(_) | Values::Int64(_) | Values::Float64(_) | Values::Bool(_) => (None, &[]),
    };
    let numbers = [column.num_values()].into_iter().chain(within).chain(children.iter().map(Column::num_values));
    numbers.map(|number| number as u32)
}

/// Values that arrived and were not counted: the ledger does not close.
fn never_seen(path: String, known: Option<PathId>, arrived: u32) -> PathTally {
    let counts = Counts { kept: u64::from(arrived), ..Counts::default() };
    PathTally { path, known, counts, first_offsets: Firsts::default() }
}

/// Adds the destinations of an object's members; `first_counter` gives the first counter of one of the object's columns.
fn add_destinations(
    object: &ObjectPlan,
    first_counter: &dyn Fn(usize) -> usize,
    destinations: &mut [Option<Destination>],
) {
    let mut set = |path: PathId, counter: usize, others: Vec<usize>| {
        destinations[usize::from(path)] = Some(Destination { counter, others });
    };
    for member in &object.members {
        match &member.action {
            Action::Scalar { column, .. } => set(member.path, first_counter(*column), Vec::new()),
            Action::List { column, element_path, .. } | Action::Structs { column, element_path, .. } => {
                set(member.path, first_counter(*column), Vec::new());
                set(*element_path, first_counter(*column) + 1, Vec::new());
            }
            Action::Map { column, entry_path, promoted, keep_promoted } => {
                let counters: Vec<usize> = promoted.iter().map(|promoted| first_counter(promoted.column)).collect();
                for (promoted, &counter) in promoted.iter().zip(&counters) {
                    set(promoted.path, counter, Vec::new());
                }
                if let Some(column) = *column {
                    set(member.path, first_counter(column), Vec::new());
                    set(*entry_path, first_counter(column) + 1, if *keep_promoted { counters } else { Vec::new() });
                }
            }
            Action::Object(_) | Action::Ignored => {}
        }
    }
    for member in &object.members {
        match &member.action {
            Action::Object(inner) => add_destinations(inner, first_counter, destinations),
            Action::Structs { column, element, .. } => {
                let first_child = first_counter(*column) + 2;
                add_destinations(element, &|child| first_child + child, destinations);
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        columns::Columns,
        decode::{Block, Decoder},
        input::Framing,
        model::{AttributeMap, Model, TableSchema},
    };

    const MODEL: &str = r#"{"partiquet_model":1,"name":"test","envelopes":["participants[]"],
        "row":{"type":"Row"},"parent":{"type":"Parent","prefix":"parent"},"types":{
            "Row":{"members":[
                {"name":"id","type":"string"},{"name":"tags","type":"list<string>"},
                {"name":"skills","type":"list<Skill>"},{"name":"notes","type":"map<string>"},
                {"name":"attributes","type":"map<string>","promote":true}]},
            "Skill":{"members":[{"name":"level","type":"integer"},{"name":"of","type":"Owner"}]},
            "Owner":{"members":[{"name":"who","type":"string"}]},
            "Parent":{"members":[{"name":"title","type":"string"},{"name":"labels","type":"list<string>"}]}}}"#;

    const RECORD: &str = r#"{"title":"t","labels":["x",null,"y"],"strange":1,"participants":[
        {"id":"a","tags":["b",null,{}],"skills":[{"level":"1","of":{"who":"w"}},null,7],"notes":{"n":1,"m":null},
         "attributes":{"key":"v","other":2}},
        {"id":5,"tags":[],"attributes":{"key":null}}]}"#;

    /// What a walk has counted and stored.
    struct Walked {
        decoded: DecodedBlock,
        arrivals: Arrivals,
        table: TableSchema,
    }

    impl Walked {
        fn new(attribute_map: AttributeMap) -> Self {
            let model = Model::from_json(MODEL, "test.json").unwrap();
            let table = TableSchema::new(&model, &["key".to_owned()], attribute_map, false).unwrap();
            let plan = Arc::new(Plan::new(&model, &table));
            let record = RECORD.replace('\n', " ");
            let block = Block { bytes: record.as_bytes(), framing: &Framing::Lines, file: "test", offset: 0 };
            let mut decoder = Decoder::new(Arc::clone(&plan));
            let decoded = decoder.decode(block, Columns::new(decoder.shapes()));
            assert!(closes(&decoded) && decoded.rejects.is_empty(), "{:?}", decoded.rejects);
            let mut walked = Self { arrivals: Arrivals::new(plan), table, decoded };
            // What the walk has told: values around the rows once, one of them unknown, and mismatched ones.
            for name in ["parent_title", "parent_labels"] {
                let index = walked.index(name);
                let mut once = walked.decoded.columns.columns[index].clone();
                once.truncate(1);
                walked.arrivals.add(index, &once, 2, 1);
            }
            walked.arrivals.add_extra(3, 4, 1);
            walked
        }

        fn index(&self, column: &str) -> usize {
            self.table.column_index(column).unwrap()
        }

        fn closes_after(mut self, tamper: impl FnOnce(&mut Self)) -> bool {
            tamper(&mut self);
            self.arrivals.recount(&mut self.decoded);
            closes(&self.decoded)
        }

        fn column(&mut self, name: &str) -> &mut Column {
            let index = self.index(name);
            &mut self.decoded.columns.columns[index]
        }
    }

    fn closes(decoded: &DecodedBlock) -> bool {
        let mut ledger = crate::report::Ledger::default();
        for tally in &decoded.tallies {
            ledger.add(&tally.path, tally.known.is_some(), &tally.counts);
        }
        ledger.check().is_ok()
    }

    type Tamper = fn(&mut Walked);

    #[test]
    fn a_value_that_is_lost_on_its_way_is_noticed_wherever_it_should_have_arrived() {
        for map in [AttributeMap::Rest, AttributeMap::All] {
            assert!(Walked::new(map).closes_after(|_| {}), "{map:?}");
            let lost: [(&str, Tamper); 14] = [
                ("a value", |walked| walked.column("id").truncate(1)),
                ("a list", |walked| walked.column("tags").truncate(1)),
                ("an element", |walked| match &mut walked.column("tags").values {
                    Values::List { element, .. } => element.truncate(0),
                    other => panic!("{other:?}"),
                }),
                ("an object of a list", |walked| match &mut walked.column("skills").values {
                    Values::Structs { element_validity, .. } => element_validity.truncate(0),
                    other => panic!("{other:?}"),
                }),
                ("a member of an object of a list", |walked| match &mut walked.column("skills").values {
                    Values::Structs { children, .. } => children[1].truncate(0),
                    other => panic!("{other:?}"),
                }),
                ("the value of an entry", |walked| match &mut walked.column("notes").values {
                    Values::Map { values, .. } => values.truncate(0),
                    other => panic!("{other:?}"),
                }),
                ("an attribute", |walked| match &mut walked.column("attributes").values {
                    Values::Map { values, .. } => values.truncate(0),
                    other => panic!("{other:?}"),
                }),
                ("an attribute with a column", |walked| walked.column("attribute_key").truncate(0)),
                ("a value around the rows", |walked| {
                    let (index, title) = (walked.index("parent_title"), walked.column("parent_title").clone());
                    walked.arrivals.add(index, &title, 1, u32::MAX);
                }),
                ("an element around the rows", |walked| {
                    let counter = walked.arrivals.first_counter[walked.index("parent_labels")] + 1;
                    walked.arrivals.counters[counter] -= 1;
                }),
                ("a value around the rows, on one of them", |walked| walked.column("parent_title").truncate(1)),
                ("an element around the rows, on one of them", |walked| {
                    match &mut walked.column("parent_labels").values {
                        Values::List { element, .. } => element.truncate(3),
                        other => panic!("{other:?}"),
                    }
                }),
                ("a value for `extra`", |walked| walked.arrivals.add_extra(1, 0, u32::MAX)),
                ("an entry of `extra`", |walked| walked.column("extra").truncate(1)),
            ];
            for (what, tamper) in lost {
                assert!(!Walked::new(map).closes_after(tamper), "{map:?}: {what}");
            }
        }
    }

    #[test]
    fn a_value_that_was_never_counted_is_noticed() {
        let stray = |walked: &mut Walked| walked.decoded.tallies.retain(|tally| tally.path != "/tags/*");
        assert!(!Walked::new(AttributeMap::Rest).closes_after(stray));
    }
}
