//! Proposes a model for JSON that no built-in model describes.
//!
//! All records of a sample are laid over each other (`seen`), then the rows are looked for and every member gets
//! the narrowest type that holds all its values. The proposal is a document for people to look over: what the
//! sample does not show it cannot know, and what does not fit it later is kept in `extra`.

mod columns;
mod observed;

use serde_json::{Map, Value, json};

use crate::model::{file::FORMAT_VERSION, naming::snake_case};
use columns::{ColumnNames, column_segment};
use observed::{Kind, Observed};

/// Objects nested deeper than this become raw JSON: names of their leaves would be longer than anybody would write.
pub const MAX_NESTING: usize = 8;

/// An object is taken for a map of free keys only if it has more distinct keys than most objects have members.
pub const MIN_MAP_KEYS: usize = 24;

/// ... and if each object has, on average, no more than one in so many of them.
pub const MAP_SPARSITY: u64 = 4;

/// The member whose keys may get columns of their own.
const PROMOTED_MAP: &str = "attributes";

/// A place where rows are known to be, and what the objects on the way are called.
struct KnownEnvelope {
    /// Keys from the root, with "is a list".
    steps: &'static [(&'static str, bool)],
    /// Type of a row.
    row: &'static str,
    /// Type and column prefix of the object that holds the rows' list.
    parent: (&'static str, &'static str),
    /// The same for the root, if that is another object.
    outer: Option<(&'static str, &'static str)>,
}

const CONVERSATION: (&str, &str) = ("Conversation", "conversation");
const PAGE: (&str, &str) = ("Page", "page");
const NOTIFICATION: (&str, &str) = ("Notification", "notification");

/// In order of precedence. Those that end in `participants` may occur together, they hold the same rows.
const KNOWN_WAYS: [KnownEnvelope; 7] = [
    KnownEnvelope { steps: &[("participants", true)], row: "Participant", parent: CONVERSATION, outer: None },
    KnownEnvelope {
        steps: &[("entities", true), ("participants", true)],
        row: "Participant",
        parent: CONVERSATION,
        outer: Some(PAGE),
    },
    KnownEnvelope {
        steps: &[("conversations", true), ("participants", true)],
        row: "Participant",
        parent: CONVERSATION,
        outer: Some(PAGE),
    },
    KnownEnvelope {
        steps: &[("eventBody", false), ("participants", true)],
        row: "Participant",
        parent: CONVERSATION,
        outer: Some(NOTIFICATION),
    },
    KnownEnvelope { steps: &[("entities", true)], row: "Entity", parent: PAGE, outer: None },
    KnownEnvelope { steps: &[("conversations", true)], row: "Conversation", parent: PAGE, outer: None },
    KnownEnvelope { steps: &[("results", true)], row: "Result", parent: PAGE, outer: None },
];

/// All records of a sample, laid over each other.
#[derive(Default)]
pub struct RecordSample {
    root: Observed,
    records: u64,
}

impl RecordSample {
    /// Lays one more record over the others. A value that is not an object is passed over: it is no record.
    pub fn add(&mut self, record: &Value) {
        if record.is_object() {
            self.root.add(record);
            self.records += 1;
        }
    }

    /// How many records there are.
    #[must_use]
    pub const fn records(&self) -> u64 {
        self.records
    }

    /// Whether any of them has a member that can have a column.
    #[must_use]
    pub fn has_names(&self) -> bool {
        self.root.has_names()
    }

    /// A model document for them, called `name`: the JSON that `--model FILE` reads.
    #[must_use]
    pub fn propose(&self, name: &str) -> Value {
        propose(&self.root, name)
    }
}

fn propose(root: &Observed, name: &str) -> Value {
    let ways = ways_to_rows(root);

    let mut draft = Draft::default();
    let mut model = json!({
        "partiquet_model": FORMAT_VERSION,
        "name": name,
        "title": "",
        "description": "",
        "sources": [],
        "envelopes": ways.iter().map(|way| path_text(way.steps)).collect::<Vec<_>>(),
    });
    let Some(first) = ways.first() else {
        // Nothing around it: the record is the row.
        model["row"] = json!({"type": draft.object("Record", root, &mut Scope::table("", true))});
        model["types"] = Value::Object(draft.types);
        return model;
    };
    let first_keys: Vec<_> = ways.iter().filter_map(|way| way.steps.first().map(|(key, _)| *key)).collect();
    let around = root.without(&first_keys);
    let mut row = Observed::default();
    let mut parent = Observed::default();
    for way in &ways {
        let Some(((last, _), before)) = way.steps.split_last() else { continue };
        row.extend(ways_end(root, way.steps));
        if before.is_empty() {
            parent.extend([&around]);
        } else {
            parent.extend(ways_end(root, before).map(|seen| seen.without(&[last])));
        }
    }
    model["row"] = json!({"type": draft.object(first.row, &row, &mut Scope::table("", true))});
    let outer = ways.iter().find_map(|way| way.outer);
    for (level, group, seen) in [("parent", Some(first.parent), &parent), ("outer", outer, &around)] {
        if let (Some((kind, prefix)), false) = (group, seen.members.is_empty()) {
            let kind = draft.object(kind, seen, &mut Scope::table(&format!("{prefix}_"), false));
            model[level] = json!({"type": kind, "prefix": prefix});
        }
    }
    model["types"] = Value::Object(draft.types);
    model
}

/// Where the rows are in this data; nothing if the record itself is one.
fn ways_to_rows(root: &Observed) -> Vec<&'static KnownEnvelope> {
    let mut found = KNOWN_WAYS.iter().filter(|way| ways_end(root, way.steps).is_some()).collect::<Vec<_>>();
    let last = |way: &KnownEnvelope| way.steps.last().map(|(key, _)| *key);
    if let Some(first) = found.first().copied() {
        let together = last(first) == Some("participants");
        found.retain(|way| std::ptr::eq(*way, first) || (together && last(way) == last(first)));
    }
    found
}

/// The objects at the end of a way.
fn ways_end<'a>(root: &'a Observed, steps: &[(&str, bool)]) -> Option<&'a Observed> {
    steps.iter().try_fold(root, |seen, (key, list)| {
        let member = seen.member(key)?;
        let end = if *list { member.element.as_deref()? } else { member };
        // Of a list with something else in it, a null too, every record would be refused.
        let is_way = end.objects > 0 && end.has_names() && (!*list || end.objects == end.total());
        is_way.then_some(end)
    })
}

fn path_text(steps: &[(&str, bool)]) -> String {
    let steps = steps.iter().map(|(key, list)| format!("{key}{}", if *list { "[]" } else { "" }));
    steps.collect::<Vec<_>>().join(".")
}

/// Where an object's members go.
struct Scope {
    /// What the columns of its members begin with.
    prefix: String,
    /// Columns of the struct that is being described; none for the table's own.
    list_columns: Option<ColumnNames>,
    /// Whether it is the row itself.
    is_row: bool,
    depth: usize,
}

impl Scope {
    fn table(prefix: &str, is_row: bool) -> Self {
        Self { prefix: prefix.to_owned(), list_columns: None, is_row, depth: 0 }
    }
}

/// The types so far, and the names that are taken.
#[derive(Default)]
struct Draft {
    types: Map<String, Value>,
    columns: ColumnNames,
}

impl Draft {
    /// Describes an object as a type and gives the type's name: `wanted`, or `wanted` with a number.
    fn object(&mut self, wanted: &str, seen: &Observed, place: &mut Scope) -> String {
        let wanted = type_name(wanted);
        let mut name = wanted.clone();
        let mut number = 2;
        while self.types.contains_key(&name) {
            name = format!("{wanted}{number}");
            number += 1;
        }
        // The type stands before those that it uses.
        self.types.insert(name.clone(), Value::Null);
        let spelled = one_spelling(seen);
        let mut names = ColumnNames::of_members(spelled.iter().map(|(wire, _)| wire.as_str()));
        let members: Vec<_> = spelled.iter().map(|(wire, seen)| self.member(wire, seen, &mut names, place)).collect();
        self.types.insert(name.clone(), json!({"description": "", "members": members}));
        name
    }

    fn member(&mut self, wire: &str, seen: &Observed, names: &mut ColumnNames, place: &mut Scope) -> Value {
        let kind = seen.kind();
        let wanted = column_segment(wire);
        let is_object = kind == Kind::Object && !is_map(wire, seen) && place.depth < MAX_NESTING;
        // An object has no column of its own, only its leaves have.
        let columns = match (&mut place.list_columns, is_object) {
            (_, true) => None,
            (Some(inside), false) => Some(inside),
            (None, false) => Some(&mut self.columns),
        };
        let segment = names.claim(&wanted, wire, &place.prefix, columns);
        let mut member = Map::from_iter([("name".to_owned(), json!(wire))]);
        member.insert("type".to_owned(), Value::Null);
        let kind = if is_object {
            let prefix = format!("{}{segment}_", place.prefix);
            let outside = std::mem::replace(&mut place.prefix, prefix);
            let was_row = std::mem::replace(&mut place.is_row, false);
            place.depth += 1;
            let name = self.object(wire, seen, place);
            place.depth -= 1;
            (place.prefix, place.is_row) = (outside, was_row);
            name
        } else {
            self.leaf(wire, seen, kind, place)
        };
        if kind == "instant" {
            member.insert("format".to_owned(), json!("date-time"));
        }
        if kind == "map<string>" && wire == PROMOTED_MAP && place.is_row {
            member.insert("promote".to_owned(), json!(true));
        }
        member.insert("type".to_owned(), json!(kind));
        member.insert("description".to_owned(), json!(""));
        if segment != snake_case(wire) {
            member.insert("column".to_owned(), json!(segment));
        }
        Value::Object(member)
    }

    fn leaf(&mut self, wire: &str, seen: &Observed, kind: Kind, place: &Scope) -> String {
        let in_list = place.list_columns.is_some();
        match kind {
            Kind::Text | Kind::Instant | Kind::Integer | Kind::Number | Kind::Boolean => scalar(kind).to_owned(),
            // A struct holds no lists and no maps.
            Kind::Object if is_map(wire, seen) && !in_list => "map<string>".to_owned(),
            Kind::List if !in_list => self.list(wire, seen.element.as_deref()),
            Kind::Object | Kind::List | Kind::Mixed | Kind::Nothing => "json".to_owned(),
        }
    }

    fn list(&mut self, wire: &str, element: Option<&Observed>) -> String {
        let Some(element) = element else { return "list<json>".to_owned() };
        let kind = element.kind();
        if kind != Kind::Object || is_map(wire, element) {
            return format!("list<{}>", scalar(kind));
        }
        let list_columns = Some(ColumnNames::default());
        let mut inside = Scope { prefix: String::new(), list_columns, is_row: false, depth: 1 };
        let name = self.object(singular(wire), element, &mut inside);
        format!("list<{name}>")
    }
}

/// What stands for a type in a model document; whatever is not one value is kept as its raw JSON.
const fn scalar(kind: Kind) -> &'static str {
    match kind {
        Kind::Text => "string",
        Kind::Instant => "instant",
        Kind::Integer => "integer",
        Kind::Number => "number",
        Kind::Boolean => "boolean",
        Kind::Object | Kind::List | Kind::Mixed | Kind::Nothing => "json",
    }
}

/// Whether an object is a map of free keys: by its name, or because its keys are many and vary.
fn is_map(wire: &str, seen: &Observed) -> bool {
    let keys = seen.members.len();
    let entries: u64 = seen.members.iter().map(|(_, member)| member.total()).sum();
    let varies =
        keys >= MIN_MAP_KEYS && entries.saturating_mul(MAP_SPARSITY) <= seen.objects.saturating_mul(keys as u64);
    wire == PROMOTED_MAP || seen.too_many_members || varies || !seen.has_names()
}

/// The members, `startTime` and `start_time` taken together: input may use either name for one member. A member
/// without a name cannot have a column.
fn one_spelling(seen: &Observed) -> Vec<(String, Observed)> {
    let mut members: Vec<(String, Observed)> = Vec::with_capacity(seen.members.len());
    let mut places = std::collections::HashMap::new();
    for (wire, member) in seen.members.iter().filter(|(wire, _)| !wire.is_empty()) {
        let snake = snake_case(wire);
        if let Some((spelling, present)) = places.get(&snake).and_then(|&at: &usize| members.get_mut(at)) {
            present.extend([member]);
            // The wire's own name is the one from which the other follows.
            if *spelling == snake {
                spelling.clone_from(wire);
            }
        } else {
            places.insert(snake, members.len());
            members.push((wire.clone(), member.clone()));
        }
    }
    members
}

/// `queueMembers` is a `QueueMembers`.
fn type_name(wire: &str) -> String {
    let mut name = String::with_capacity(wire.len());
    let mut begins = true;
    for c in wire.chars() {
        if !c.is_alphanumeric() {
            begins = true;
        } else if begins {
            name.extend(c.to_uppercase());
            begins = false;
        } else {
            name.push(c);
        }
    }
    // Types are told from `string` and the like by their capital letter.
    if name.starts_with(char::is_uppercase) { name } else { format!("Type{name}") }
}

/// `skills` is a list of `skill`.
fn singular(wire: &str) -> &str {
    let plural = wire.strip_suffix('s').filter(|stem| !stem.is_empty() && !stem.ends_with(['s', 'u', 'i']));
    plural.unwrap_or(wire)
}

#[cfg(test)]
mod tests;
