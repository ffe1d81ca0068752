//! The reference flattener: a second, slow and simple implementation of every rule of the table, working from the model
//! document and a tree of the record. It shares only types with the library (column types, counts, kinds of rejects).

mod model;
mod scalar;

use std::{collections::BTreeMap, ops::Range};

pub use model::{Field, FieldKind, Layout, snake_case};
use model::{Steps, join, leaves};
use partiquet::{
    columns::ScalarType,
    config::AttributeMap,
    input::Framing,
    report::{Counts, RejectKind},
};
use scalar::{Outcome, scalar};

use super::json::{Fault, Json, Kind, Member, Node, parse};

/// One value of the table.
#[derive(Debug, Clone)]
pub enum Cell {
    Null,
    Text(String),
    /// Integers, and instants in microseconds.
    Int(i64),
    Float(f64),
    Bool(bool),
    List(Vec<Cell>),
    Struct(Vec<Cell>),
    Map(Vec<(String, Option<String>)>),
}

impl PartialEq for Cell {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Null, Self::Null) => true,
            (Self::Text(a), Self::Text(b)) => a == b,
            (Self::Int(a), Self::Int(b)) => a == b,
            // Bit by bit: 0.0 is not -0.0.
            (Self::Float(a), Self::Float(b)) => a.to_bits() == b.to_bits(),
            (Self::Bool(a), Self::Bool(b)) => a == b,
            (Self::List(a), Self::List(b)) | (Self::Struct(a), Self::Struct(b)) => a == b,
            (Self::Map(a), Self::Map(b)) => a == b,
            _ => false,
        }
    }
}

/// A record that was refused.
#[derive(Debug, Clone, PartialEq)]
pub struct Refused {
    /// Its place in the block, without surrounding white space.
    pub range: Range<usize>,
    /// All its faults, earliest first, with offsets in the block. The first one is the verdict.
    pub faults: Vec<Fault>,
}

impl Refused {
    pub fn kind(&self) -> RejectKind {
        self.faults[0].kind.into()
    }
}

/// The result for a block.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Flattened {
    /// The rows, with cells in table order; the last column is `extra`.
    pub rows: Vec<Vec<Cell>>,
    pub ledger: BTreeMap<String, Counts>,
    /// Offset in the block of the first value that was not simply kept, by ledger path.
    pub firsts: BTreeMap<String, usize>,
    pub rejects: Vec<Refused>,
    pub num_records: u64,
    pub records_without_rows: u64,
}

/// The result for one record.
struct Record {
    rows: Vec<Vec<Cell>>,
    ledger: BTreeMap<String, Counts>,
    firsts: BTreeMap<String, usize>,
}

/// The flattener for one model and one choice of attribute columns.
#[derive(Debug, Clone)]
pub struct Reference {
    pub layout: Layout,
    pub promoted: Vec<String>,
    pub attribute_map: AttributeMap,
    pub max_flattened_bytes: usize,
    /// Pointers of the columns' values, in table order.
    pub columns: Vec<String>,
}

impl Reference {
    pub fn new(document: &serde_json::Value, promoted: &[&str], attribute_map: AttributeMap) -> Self {
        let layout = Layout::new(document);
        let promoted: Vec<String> = promoted.iter().map(ToString::to_string).collect();
        let columns = layout.columns(&promoted, attribute_map != AttributeMap::None);
        Self { layout, promoted, attribute_map, max_flattened_bytes: 256 << 20, columns }
    }

    pub fn flatten(&self, block: &[u8], framing: &Framing) -> Flattened {
        let mut result = Flattened::default();
        for range in records(block, framing) {
            result.num_records += 1;
            match self.record(&block[range.clone()]) {
                Ok(record) => {
                    result.records_without_rows += u64::from(record.rows.is_empty());
                    result.rows.extend(record.rows);
                    for (path, counts) in &record.ledger {
                        result.ledger.entry(path.clone()).or_default().add(counts);
                    }
                    for (path, offset) in record.firsts {
                        result.firsts.entry(path).or_insert(range.start + offset);
                    }
                }
                Err(mut faults) => {
                    for fault in &mut faults {
                        fault.offset += range.start;
                    }
                    let is_malformed = |fault: &Fault| matches!(fault.kind, Kind::Syntax | Kind::Utf8);
                    let ends_block = *framing != Framing::Lines && faults.iter().any(is_malformed);
                    if ends_block {
                        // Whatever else is wrong, without lines the beginning of the next record is unknown.
                        faults.retain(is_malformed);
                    }
                    result.rejects.push(Refused { range: trimmed(block, range), faults });
                    if ends_block {
                        break;
                    }
                }
            }
        }
        result
    }

    /// The rows of one record and its counts, or its faults, earliest first.
    fn record(&self, bytes: &[u8]) -> Result<Record, Vec<Fault>> {
        let parsed = parse(bytes);
        let (Some(root), Ok(text)) = (parsed.tree, std::str::from_utf8(bytes)) else { return Err(parsed.faults) };
        let mut pen =
            Pen { reference: self, text, ledger: BTreeMap::new(), firsts: BTreeMap::new(), faults: parsed.faults };
        let rows = pen.root(&root);
        pen.faults.sort_unstable();
        if pen.faults.is_empty() {
            Ok(Record { rows, ledger: pen.ledger, firsts: pen.firsts })
        } else {
            Err(pen.faults)
        }
    }
}

fn trimmed(block: &[u8], range: Range<usize>) -> Range<usize> {
    let text = &block[range.clone()];
    let is_text = |byte: &u8| !matches!(byte, b' ' | b'\t' | b'\r' | b'\n');
    let start = text.iter().position(is_text).unwrap_or(0);
    let end = text.iter().rposition(is_text).map_or(text.len(), |last| last + 1);
    range.start + start..range.start + end
}

/// The ranges of the records in a block.
fn records(block: &[u8], framing: &Framing) -> Vec<Range<usize>> {
    match framing {
        Framing::Ranges(ranges) => ranges.clone(),
        Framing::Lines => {
            let mut start = 0;
            let lines = block.split(|&byte| byte == b'\n').map(|line| {
                let range = start..start + line.len();
                start = range.end + 1;
                range
            });
            let is_blank = |line: &[u8]| line.iter().all(|byte| matches!(byte, b' ' | b'\t' | b'\r'));
            lines.filter(|range| !is_blank(&block[range.clone()])).collect()
        }
    }
}

/// The names of one place: of its column, in `extra`, and in the ledger.
#[derive(Debug, Clone)]
struct At {
    column: String,
    pointer: String,
    ledger: String,
}

impl At {
    /// An object `level` levels above the row, which is level 0.
    fn level(level: usize, column: &str) -> Self {
        let pointer = vec![".."; level].join("/");
        Self { column: column.to_owned(), ledger: column.to_owned(), pointer }
    }

    fn member(&self, name: &str) -> Self {
        Self { column: join(&self.column, name), pointer: join(&self.pointer, name), ledger: join(&self.ledger, name) }
    }

    /// An element of a list; the columns of a struct are named relative to its element.
    fn element(&self, index: usize) -> Self {
        Self {
            column: String::new(),
            pointer: format!("{}/{index}", self.pointer),
            ledger: format!("{}/*", self.ledger),
        }
    }
}

/// The values of one object.
#[derive(Debug, Clone, Default)]
struct Level {
    cells: BTreeMap<String, Cell>,
    extra: Vec<(String, Option<String>)>,
}

impl Level {
    fn bytes(&self) -> usize {
        let texts = self.cells.values().map(text_bytes).sum::<usize>();
        texts + self.extra.iter().map(|(key, raw)| key.len() + raw.as_ref().map_or(0, String::len)).sum::<usize>()
    }
}

fn text_bytes(cell: &Cell) -> usize {
    match cell {
        Cell::Text(text) => text.len(),
        Cell::List(cells) => cells.iter().map(text_bytes).sum(),
        _ => 0,
    }
}

enum Count {
    Kept,
    Null,
    Coerced,
    Mismatched,
    Unknown,
    Ignored,
}

struct Pen<'a> {
    reference: &'a Reference,
    text: &'a str,
    ledger: BTreeMap<String, Counts>,
    /// Offset of the first value that was not simply kept, by ledger path.
    firsts: BTreeMap<String, usize>,
    faults: Vec<Fault>,
}

impl Pen<'_> {
    fn fault(&mut self, offset: usize, kind: Kind, message: &'static str) {
        self.faults.push(Fault { offset, kind, message });
    }

    fn count(&mut self, ledger: &str, what: &Count, json: &Json) {
        if !matches!(what, Count::Kept | Count::Null | Count::Ignored) {
            self.firsts.entry(ledger.to_owned()).or_insert(json.range.start);
        }
        let counts = self.ledger.entry(ledger.to_owned()).or_default();
        counts.seen += 1;
        match what {
            Count::Kept => counts.kept += 1,
            Count::Null => {
                counts.kept += 1;
                counts.null += 1;
            }
            Count::Coerced => counts.coerced += 1,
            Count::Mismatched => counts.mismatched += 1,
            Count::Unknown => counts.unknown += 1,
            Count::Ignored => counts.ignored += 1,
        }
    }

    fn raw(&self, json: &Json) -> String {
        self.text[json.range.clone()].to_owned()
    }

    fn keep_raw(&mut self, json: &Json, at: &At, what: &Count, extra: &mut Vec<(String, Option<String>)>) {
        self.count(&at.ledger, what, json);
        extra.push((at.pointer.clone(), Some(self.raw(json))));
    }

    // ---- from the root to the rows ----

    fn root(&mut self, root: &Json) -> Vec<Vec<Cell>> {
        let Node::Object(members) = &root.node else {
            self.fault(root.range.start, Kind::NotObject, "not an object");
            return Vec::new();
        };
        let reference = self.reference;
        let layout = &reference.layout;
        let is_present = |steps: &&Steps| members.iter().any(|member| layout.is_step(&member.name, &steps[0].0));
        let rows = match reference.layout.envelopes.iter().find(is_present) {
            Some(steps) => {
                let mut repeated = 0;
                let rows = self.enclosing(members, steps, 0, &mut repeated);
                if repeated > reference.max_flattened_bytes {
                    self.fault(root.range.start, Kind::Size, "repeated values are too large");
                }
                rows
            }
            None => vec![self.row(members)],
        };
        rows.into_iter().map(|level| self.cells(level)).collect()
    }

    /// The object `depth` steps below the root, and all rows below it. `repeated` sums up the size of its values on all
    /// of its rows.
    fn enclosing(&mut self, members: &[Member], steps: &Steps, depth: usize, repeated: &mut usize) -> Vec<Level> {
        self.steps_given_twice(members);
        let (key, list) = &steps[depth];
        let is_last = depth + 1 == steps.len();
        let level = steps.len() - depth;
        let layout = &self.reference.layout;
        let mut own = Level::default();
        if is_last {
            self.members(members, &layout.parent, &At::level(level, ".."), Some(key), &mut own);
        } else if depth == 0 {
            self.members(members, &layout.outer, &At::level(level, &layout.outer_path()), Some(key), &mut own);
        } else {
            let path = vec![".."; level].join("/");
            self.members(members, &[], &At::level(level, &path), Some(key), &mut own);
        }

        let mut rows = Vec::new();
        let step = members.iter().find(|member| layout.is_step(&member.name, key)).map(|member| &member.value);
        for inner in self.objects(step, *list) {
            if is_last {
                rows.push(self.row(inner));
            } else {
                rows.extend(self.enclosing(inner, steps, depth + 1, repeated));
            }
        }
        *repeated += rows.len() * own.bytes();
        for row in &mut rows {
            row.cells.extend(own.cells.clone());
            row.extra.extend(own.extra.clone());
        }
        rows
    }

    /// The objects that a step of an envelope leads to.
    fn objects<'j>(&mut self, step: Option<&'j Json>, is_list: bool) -> Vec<&'j [Member]> {
        let values = match step {
            None | Some(Json { node: Node::Null, .. }) => Vec::new(),
            Some(Json { node: Node::Array(elements), .. }) if is_list => elements.iter().collect(),
            Some(json @ Json { node: Node::Object(_), .. }) if !is_list => vec![json],
            Some(json) => {
                self.fault(json.range.start, Kind::Envelope, "neither what the envelope asks for nor null");
                Vec::new()
            }
        };
        let mut objects = Vec::new();
        for json in values {
            match &json.node {
                Node::Object(members) => objects.push(members.as_slice()),
                _ => self.fault(json.range.start, Kind::Envelope, "an element that is not an object"),
            }
        }
        objects
    }

    /// Both names of a step are the same member.
    fn steps_given_twice(&mut self, members: &[Member]) {
        let layout = &self.reference.layout;
        for (key, _) in layout.envelopes.iter().flatten() {
            let given: Vec<_> = members.iter().filter(|member| layout.is_step(&member.name, key)).collect();
            if let [_, second, ..] = given[..]
                && given.iter().any(|member| member.name != given[0].name)
            {
                self.fault(second.name_offset, Kind::Duplicate, "member given in both spellings");
            }
        }
    }

    fn row(&mut self, members: &[Member]) -> Level {
        self.steps_given_twice(members);
        let mut level = Level::default();
        self.members(members, &self.reference.layout.row, &At::level(0, ""), None, &mut level);
        level
    }

    fn cells(&self, mut level: Level) -> Vec<Cell> {
        if !level.extra.is_empty() {
            level.cells.insert("extra".to_owned(), Cell::Map(level.extra));
        }
        self.reference.columns.iter().map(|path| level.cells.remove(path).unwrap_or(Cell::Null)).collect()
    }

    // ---- one object ----

    /// `skip` is the step of the envelope that continues from here.
    fn members(&mut self, members: &[Member], fields: &[Field], at: &At, skip: Option<&String>, level: &mut Level) {
        let mut seen: Vec<&str> = Vec::new();
        let layout = &self.reference.layout;
        for member in members.iter().filter(|member| skip.is_none_or(|key| !layout.is_step(&member.name, key))) {
            let known = fields.iter().find(|field| field.wire == member.name || field.snake == member.name);
            let Some(field) = known else {
                self.keep_raw(&member.value, &at.member(&member.name), &Count::Unknown, &mut level.extra);
                continue;
            };
            if seen.contains(&field.wire.as_str()) {
                self.fault(member.name_offset, Kind::Duplicate, "member given in both spellings");
            }
            seen.push(&field.wire);
            self.value(&field.kind, &member.value, &at.member(&field.wire), level);
        }
    }

    fn value(&mut self, kind: &FieldKind, json: &Json, at: &At, level: &mut Level) {
        match (kind, &json.node) {
            (FieldKind::Ignored, _) => self.count(&at.ledger, &Count::Ignored, json),
            (_, Node::Null) => self.count(&at.ledger, &Count::Null, json),
            (FieldKind::Scalar(scalar), _) => {
                let cell = self.scalar(*scalar, json, at, &mut level.extra);
                level.cells.insert(at.column.clone(), cell);
            }
            (FieldKind::Object(fields), Node::Object(members)) => self.members(members, fields, at, None, level),
            (FieldKind::List(scalar), Node::Array(elements)) => {
                self.count(&at.ledger, &Count::Kept, json);
                let elements = elements.iter().enumerate();
                let cells =
                    elements.map(|(index, json)| self.scalar(*scalar, json, &at.element(index), &mut level.extra));
                let cells = Cell::List(cells.collect());
                level.cells.insert(at.column.clone(), cells);
            }
            (FieldKind::Structs(fields), Node::Array(elements)) => {
                self.count(&at.ledger, &Count::Kept, json);
                let elements = elements.iter().enumerate();
                let cells =
                    elements.map(|(index, json)| self.element(fields, json, &at.element(index), &mut level.extra));
                let cells = Cell::List(cells.collect());
                level.cells.insert(at.column.clone(), cells);
            }
            (FieldKind::Map { promote }, Node::Object(members)) => self.map(*promote, json, members, at, level),
            _ => self.keep_raw(json, at, &Count::Mismatched, &mut level.extra),
        }
    }

    fn scalar(&mut self, kind: ScalarType, json: &Json, at: &At, extra: &mut Vec<(String, Option<String>)>) -> Cell {
        if json.node == Node::Null {
            self.count(&at.ledger, &Count::Null, json);
            return Cell::Null;
        }
        match scalar(kind, json, self.text) {
            Outcome::Kept(cell) => {
                self.count(&at.ledger, &Count::Kept, json);
                cell
            }
            Outcome::Coerced(cell) => {
                self.count(&at.ledger, &Count::Coerced, json);
                cell
            }
            Outcome::Reference(cell) => {
                self.count(&at.ledger, &Count::Coerced, json);
                let Node::Object(members) = &json.node else { unreachable!("references are objects") };
                for member in members.iter().filter(|member| member.name != "id") {
                    self.keep_raw(&member.value, &at.member(&member.name), &Count::Unknown, extra);
                }
                cell
            }
            Outcome::Mismatch => {
                self.keep_raw(json, at, &Count::Mismatched, extra);
                Cell::Null
            }
        }
    }

    fn element(&mut self, fields: &[Field], json: &Json, at: &At, extra: &mut Vec<(String, Option<String>)>) -> Cell {
        match &json.node {
            Node::Null => self.count(&at.ledger, &Count::Null, json),
            Node::Object(members) => {
                self.count(&at.ledger, &Count::Kept, json);
                let mut level = Level { cells: BTreeMap::new(), extra: std::mem::take(extra) };
                self.members(members, fields, at, None, &mut level);
                *extra = level.extra;
                let leaves = leaves("", fields);
                return Cell::Struct(
                    leaves.iter().map(|path| level.cells.remove(path).unwrap_or(Cell::Null)).collect(),
                );
            }
            _ => self.keep_raw(json, at, &Count::Mismatched, extra),
        }
        Cell::Null
    }

    fn map(&mut self, promote: bool, json: &Json, members: &[Member], at: &At, level: &mut Level) {
        self.count(&at.ledger, &Count::Kept, json);
        let mut entries = Vec::new();
        for member in members {
            let is_promoted = promote && self.reference.promoted.contains(&member.name);
            let own = if is_promoted { at.member(&member.name).ledger } else { format!("{}/*", at.ledger) };
            let value = match &member.value.node {
                Node::Null => {
                    self.count(&own, &Count::Null, &member.value);
                    None
                }
                Node::String(string) => {
                    self.count(&own, &Count::Kept, &member.value);
                    Some(string.clone())
                }
                _ => {
                    self.count(&own, &Count::Coerced, &member.value);
                    Some(self.raw(&member.value))
                }
            };
            if is_promoted {
                let cell = value.clone().map_or(Cell::Null, Cell::Text);
                level.cells.insert(at.member(&member.name).column, cell);
            } else if promote && self.reference.attribute_map == AttributeMap::None {
                self.fault(member.name_offset, Kind::Attribute, "no column for this key");
            }
            if !is_promoted || self.reference.attribute_map == AttributeMap::All {
                entries.push((member.name.clone(), value));
            }
        }
        level.cells.insert(at.column.clone(), Cell::Map(entries));
    }
}
