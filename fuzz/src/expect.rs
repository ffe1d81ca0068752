//! The reference: the rows, the `extra` entries and the ledger that a record should give, or why it is refused.
//!
//! It is written from the rules of the table and not from the decoder: it walks a tree, looks up members one by one,
//! and identifies columns by their JSON Pointers.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use partiquet::{
    columns::ScalarType,
    model::{AttributeMap, ColumnOrigin, Field, FieldKind, Model, Step, TableSchema, naming::snake_case},
    report::{Counts, Firsts, RejectKind},
};

use crate::{
    scalar::{Fit, fit},
    shape::Value,
    tree::{self, Kind, Node},
};

/// A model, and the table that is derived from it.
#[derive(Debug)]
pub struct Table {
    pub model: Model,
    pub schema: TableSchema,
    columns: HashMap<(ColumnOrigin, String), usize>,
    /// The keys of all envelopes, and their alternative names.
    steps: Vec<(String, Option<String>)>,
}

/// The result of a record.
#[derive(Debug, Default)]
pub struct Expected {
    pub rows: Vec<Row>,
    /// Counts by ledger path, and the offsets of the first values that were not simply kept.
    pub ledger: BTreeMap<String, (Counts, Firsts<usize>)>,
}

#[derive(Debug, Default)]
pub struct Row {
    /// Offset of the row's object.
    pub offset: usize,
    /// Values by column of the table; a missing column is null.
    pub values: HashMap<usize, Value>,
    pub extra: Vec<(String, String)>,
}

impl Table {
    pub fn new(model: Model, schema: TableSchema) -> Self {
        let columns = schema.columns.iter().enumerate();
        let columns = columns.map(|(index, column)| ((column.origin, column.path.clone()), index)).collect();
        let steps = steps(&model);
        Self { model, schema, columns, steps }
    }

    /// Whether a member with this name is the step with this key.
    fn is_step(&self, name: &str, key: &str) -> bool {
        name == key || self.steps.iter().any(|(step, other)| step == key && other.as_deref() == Some(name))
    }

    /// Returns the expected result of the record `text`, a part of `block`. For an invalid record it returns every kind
    /// of fault in it; the decoder may report any of them.
    pub fn expect(&self, block: &[u8], text: &[u8]) -> Result<Expected, Vec<RejectKind>> {
        let Ok(text) = std::str::from_utf8(text) else { return Err(vec![RejectKind::Utf8]) };
        let root = match tree::parse(text) {
            Ok(root) => root,
            // Another fault may precede the place of the syntax error.
            Err(_) => {
                use RejectKind::{Attribute, Depth, Duplicate, Envelope, Syntax};
                return Err(vec![Syntax, Depth, Duplicate, Envelope, Attribute]);
            }
        };
        let mut walk = Walk { table: self, block, rows: Vec::new(), ledger: BTreeMap::new(), faults: Vec::new() };
        if root.is_too_deep() {
            walk.faults.push(RejectKind::Depth);
        }
        if root.has_duplicate() {
            walk.faults.push(RejectKind::Duplicate);
        }
        match &root.kind {
            Kind::Object(members) => walk.record(&root, members),
            _ => walk.faults.push(RejectKind::NotObject),
        }
        if !walk.faults.is_empty() {
            return Err(walk.faults);
        }
        let rows = walk.rows.into_iter().map(PendingRow::finish).collect();
        Ok(Expected { rows, ledger: walk.ledger })
    }
}

/// The keys of all envelopes, each with its snake-case form if nothing else has that name.
fn steps(model: &Model) -> Vec<(String, Option<String>)> {
    let groups = [&model.parent, &model.outer].into_iter().flatten().flat_map(|group| &group.fields);
    let names = model.row.iter().chain(groups).flat_map(|field| [field.wire.clone(), snake_case(&field.wire)]);
    let keys: BTreeSet<&String> = model.envelopes.iter().flat_map(|way| &way.steps).map(|step| &step.key).collect();
    let mut taken: BTreeSet<String> = names.chain(keys.iter().copied().cloned()).collect();
    let with_other = |key: &String| (key.clone(), Some(snake_case(key)).filter(|other| taken.insert(other.clone())));
    keys.into_iter().map(with_other).collect()
}

struct Walk<'t> {
    table: &'t Table,
    block: &'t [u8],
    rows: Vec<PendingRow>,
    ledger: BTreeMap<String, (Counts, Firsts<usize>)>,
    faults: Vec<RejectKind>,
}

/// A row, with the level of each entry of `extra`: 0 is the row, 1 the enclosing object.
struct PendingRow {
    row: Row,
    extra: Vec<(usize, String, String)>,
}

impl PendingRow {
    fn finish(mut self) -> Row {
        self.extra.sort_by_key(|(level, ..)| *level);
        self.row.extra = self.extra.into_iter().map(|(_, path, raw)| (path, raw)).collect();
        self.row
    }
}

/// Values of one object by ledger path, and the values without a column.
#[derive(Default)]
struct Found {
    values: HashMap<String, Value>,
    extra: Vec<(String, String)>,
}

/// The path of a value, as in the ledger (`*` for an index) and as in `extra`.
#[derive(Clone)]
struct Path {
    ledger: String,
    exact: String,
}

impl Path {
    fn new(path: &str) -> Self {
        Self { ledger: path.to_owned(), exact: path.to_owned() }
    }

    fn member(&self, name: &str) -> Self {
        let step = name.replace('~', "~0").replace('/', "~1");
        Self { ledger: format!("{}/{step}", self.ledger), exact: format!("{}/{step}", self.exact) }
    }

    fn element(&self, index: usize) -> Self {
        Self { ledger: format!("{}/*", self.ledger), exact: format!("{}/{index}", self.exact) }
    }
}

/// What became of a value.
enum Event {
    Kept,
    Null,
    Coerced,
    Mismatched,
    Unknown,
    Ignored,
}

impl Walk<'_> {
    fn record(&mut self, root: &Node<'_>, members: &[(String, Node<'_>)]) {
        let table = self.table;
        let has = |key: &str| members.iter().any(|(name, _)| table.is_step(name, key));
        match table.model.envelopes.iter().find(|envelope| has(&envelope.steps[0].key)) {
            None => self.row(root),
            Some(envelope) => self.container(&envelope.steps, 0, members),
        }
    }

    fn row(&mut self, node: &Node<'_>) {
        let Kind::Object(members) = &node.kind else {
            self.faults.push(RejectKind::Envelope);
            return;
        };
        self.steps_given_twice(members);
        let mut found = Found::default();
        self.members(&self.table.model.row, members, None, &Path::new(""), &mut found);
        let values = self.by_column(&found, ColumnOrigin::Row);
        let extra = found.extra.into_iter().map(|(path, raw)| (0, path, raw)).collect();
        let offset = node.offset_in(self.block);
        self.rows.push(PendingRow { row: Row { offset, values, extra: Vec::new() }, extra });
    }

    /// Both names of a step are the same member, so giving both is a duplicate.
    fn steps_given_twice(&mut self, members: &[(String, Node<'_>)]) {
        let has = |name: &str| members.iter().any(|(given, _)| given == name);
        let mut steps = self.table.steps.iter();
        if steps.any(|(key, other)| other.as_deref().is_some_and(|other| has(key) && has(other))) {
            self.faults.push(RejectKind::Duplicate);
        }
    }

    /// An object on the path to the rows.
    fn container(&mut self, steps: &[Step], at: usize, members: &[(String, Node<'_>)]) {
        let model = &self.table.model;
        let level = steps.len() - at;
        let (group, origin) = match (level, at) {
            (1, _) => (model.parent.as_ref(), ColumnOrigin::Parent),
            (_, 0) => (model.outer.as_ref(), ColumnOrigin::Outer),
            _ => (None, ColumnOrigin::Outer),
        };
        let fields = group.map_or(&[][..], |group| &group.fields);
        let Step { key, list } = &steps[at];
        let first_row = self.rows.len();
        self.steps_given_twice(members);
        for (_, value) in members.iter().filter(|(name, _)| self.table.is_step(name, key)) {
            match (&value.kind, list) {
                (Kind::Null, _) => {}
                (Kind::List(elements), true) => elements.iter().for_each(|element| self.item(steps, at, element)),
                (Kind::Object(_), false) => self.item(steps, at, value),
                _ => self.faults.push(RejectKind::Envelope),
            }
        }
        let mut found = Found::default();
        self.members(fields, members, Some(key), &Path::new(&vec![".."; level].join("/")), &mut found);
        let values = self.by_column(&found, origin);
        for row in &mut self.rows[first_row..] {
            row.row.values.extend(values.clone());
            row.extra.extend(found.extra.iter().map(|(path, raw)| (level, path.clone(), raw.clone())));
        }
    }

    fn item(&mut self, steps: &[Step], at: usize, node: &Node<'_>) {
        match &node.kind {
            Kind::Object(_) if at + 1 == steps.len() => self.row(node),
            Kind::Object(members) => self.container(steps, at + 1, members),
            _ => self.faults.push(RejectKind::Envelope),
        }
    }

    fn members(
        &mut self,
        fields: &[Field],
        members: &[(String, Node<'_>)],
        way: Option<&str>,
        path: &Path,
        found: &mut Found,
    ) {
        let mut met = Vec::new();
        for (name, value) in members.iter().filter(|(name, _)| way.is_none_or(|way| !self.table.is_step(name, way))) {
            let by_wire = fields.iter().position(|field| field.wire == *name);
            let Some(index) = by_wire.or_else(|| fields.iter().position(|field| snake_case(&field.wire) == *name))
            else {
                self.unknown(value, &path.member(name), found);
                continue;
            };
            if met.contains(&index) {
                // Given in both of its spellings.
                self.faults.push(RejectKind::Duplicate);
            }
            met.push(index);
            self.member(&fields[index], value, &path.member(&fields[index].wire), found);
        }
    }

    fn member(&mut self, field: &Field, node: &Node<'_>, path: &Path, found: &mut Found) {
        let value = match (&field.kind, &node.kind) {
            (FieldKind::Ignored, _) => {
                self.count(node, path, Event::Ignored);
                None
            }
            (FieldKind::Scalar(scalar), _) => self.scalar(*scalar, node, path, found),
            (_, Kind::Null) => {
                self.count(node, path, Event::Null);
                None
            }
            (FieldKind::Object(fields), Kind::Object(members)) => {
                self.members(fields, members, None, path, found);
                None
            }
            (FieldKind::List(scalar), Kind::List(elements)) => {
                self.count(node, path, Event::Kept);
                let elements = elements.iter().enumerate();
                let values = elements.map(|(at, element)| self.scalar(*scalar, element, &path.element(at), found));
                Some(Value::List(values.collect()))
            }
            (FieldKind::ListOfObjects(fields), Kind::List(elements)) => {
                self.count(node, path, Event::Kept);
                let elements = elements.iter().enumerate();
                let structs = elements.map(|(at, element)| self.element(fields, element, &path.element(at), found));
                Some(Value::Structs(structs.collect()))
            }
            (FieldKind::Map { promote }, Kind::Object(members)) => {
                self.count(node, path, Event::Kept);
                self.map(*promote, members, path, found)
            }
            _ => {
                self.mismatch(node, path, found);
                None
            }
        };
        found.values.extend(value.map(|value| (path.ledger.clone(), value)));
    }

    fn scalar(&mut self, scalar: ScalarType, node: &Node<'_>, path: &Path, found: &mut Found) -> Option<Value> {
        if matches!(node.kind, Kind::Null) {
            self.count(node, path, Event::Null);
            return None;
        }
        if let (ScalarType::Text, Kind::Object(members)) = (scalar, &node.kind) {
            return self.reference(node, members, path, found);
        }
        match fit(scalar, node) {
            Fit::Kept(value) => {
                self.count(node, path, Event::Kept);
                Some(value)
            }
            Fit::Coerced(value) => {
                self.count(node, path, Event::Coerced);
                Some(value)
            }
            Fit::Mismatch => {
                self.mismatch(node, path, found);
                None
            }
        }
    }

    /// An object in place of a text: its id is the text.
    fn reference(
        &mut self,
        node: &Node<'_>,
        members: &[(String, Node<'_>)],
        path: &Path,
        found: &mut Found,
    ) -> Option<Value> {
        let is_id =
            |(name, value): &&(String, Node<'_>)| name == "id" && matches!(value.kind, Kind::Text(_) | Kind::Number);
        let Some((_, id)) = members.iter().find(is_id) else {
            self.mismatch(node, path, found);
            return None;
        };
        self.count(node, path, Event::Coerced);
        for (name, value) in members.iter().filter(|(name, _)| name != "id") {
            self.unknown(value, &path.member(name), found);
        }
        Some(Value::Text(match &id.kind {
            Kind::Text(text) => text.clone(),
            _ => id.raw.to_owned(),
        }))
    }

    /// An element of a list of objects.
    fn element(
        &mut self,
        fields: &[Field],
        node: &Node<'_>,
        path: &Path,
        found: &mut Found,
    ) -> Option<Vec<Option<Value>>> {
        match &node.kind {
            Kind::Object(members) => {
                self.count(node, path, Event::Kept);
                let mut inner = Found::default();
                self.members(fields, members, None, path, &mut inner);
                found.extra.append(&mut inner.extra);
                let mut children = Vec::new();
                children_of(fields, &path.ledger, &inner.values, &mut children);
                Some(children)
            }
            Kind::Null => {
                self.count(node, path, Event::Null);
                None
            }
            _ => {
                self.mismatch(node, path, found);
                None
            }
        }
    }

    fn map(&mut self, promote: bool, members: &[(String, Node<'_>)], path: &Path, found: &mut Found) -> Option<Value> {
        let schema = &self.table.schema;
        let mut entries = Vec::new();
        for (key, node) in members {
            let (value, event) = match &node.kind {
                Kind::Text(text) => (Some(text.clone()), Event::Kept),
                Kind::Null => (None, Event::Null),
                _ => (Some(node.raw.to_owned()), Event::Coerced),
            };
            if promote && schema.attributes.iter().any(|(promoted, _)| promoted == key) {
                let path = path.member(key);
                self.count(node, &path, event);
                found.values.extend(value.clone().map(|text| (promoted_path(&path), Value::Text(text))));
                if schema.attribute_map == AttributeMap::All {
                    entries.push((key.clone(), value));
                }
            } else {
                self.count(node, &path.element(0), event);
                entries.push((key.clone(), value));
                if promote && schema.attribute_map == AttributeMap::None {
                    self.faults.push(RejectKind::Attribute);
                }
            }
        }
        (!promote || schema.attribute_map != AttributeMap::None).then_some(Value::Map(entries))
    }

    fn unknown(&mut self, node: &Node<'_>, path: &Path, found: &mut Found) {
        self.count(node, path, Event::Unknown);
        found.extra.push((path.exact.clone(), node.raw.to_owned()));
    }

    fn mismatch(&mut self, node: &Node<'_>, path: &Path, found: &mut Found) {
        self.count(node, path, Event::Mismatched);
        found.extra.push((path.exact.clone(), node.raw.to_owned()));
    }

    fn count(&mut self, node: &Node<'_>, path: &Path, event: Event) {
        let offset = node.offset_in(self.block);
        let (counts, first) = self.ledger.entry(path.ledger.clone()).or_default();
        // A container visits the rows first, but their paths are different: values of one path come in order.
        counts.seen += 1;
        match event {
            Event::Kept => counts.kept += 1,
            Event::Null => {
                counts.kept += 1;
                counts.null += 1;
            }
            Event::Coerced => {
                counts.coerced += 1;
                first.coerced.get_or_insert(offset);
            }
            Event::Mismatched => {
                counts.mismatched += 1;
                first.mismatched.get_or_insert(offset);
            }
            Event::Unknown => {
                counts.unknown += 1;
                first.unknown.get_or_insert(offset);
            }
            Event::Ignored => counts.ignored += 1,
        }
    }

    fn by_column(&self, found: &Found, origin: ColumnOrigin) -> HashMap<usize, Value> {
        let column = |(path, value): (&String, &Value)| {
            let (origin, path) = match path.strip_prefix(PROMOTED) {
                Some(path) => (ColumnOrigin::Attribute, path),
                None => (origin, path.as_str()),
            };
            let index = self.table.columns.get(&(origin, path.to_owned()));
            (*index.unwrap_or_else(|| panic!("no column for {path}")), value.clone())
        };
        found.values.iter().map(column).collect()
    }
}

/// Marks values of promoted keys, because the key `*` has the same path as the map's entries.
const PROMOTED: &str = "promoted:";

fn promoted_path(path: &Path) -> String {
    format!("{PROMOTED}{}", path.ledger)
}

/// The values of a struct's scalars, in the order of its members.
fn children_of(fields: &[Field], path: &str, values: &HashMap<String, Value>, children: &mut Vec<Option<Value>>) {
    for field in fields {
        let path = format!("{path}/{}", field.wire.replace('~', "~0").replace('/', "~1"));
        match &field.kind {
            FieldKind::Object(fields) => children_of(fields, &path, values, children),
            FieldKind::Scalar(_) => children.push(values.get(&path).cloned()),
            _ => {}
        }
    }
}
