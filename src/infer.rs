//! Proposes a model for JSON that no built-in model describes.
//!
//! All records of a sample are merged (`observed`), then the rows are located, and every member gets the narrowest type
//! that holds all its values. The proposal is a document for people to review: it cannot contain what the sample does
//! not show, and values that do not fit it later are kept in `extra`.

mod column_names;
mod observed;

use serde_json::{Map, Value, json};

use crate::model::{file::FORMAT_VERSION, naming::snake_case};
use column_names::{ColumnNames, column_segment};
use observed::{Kind, Observed};

/// Objects nested deeper than this become raw JSON: the names of their leaves would be too long to write.
pub const MAX_NESTING: usize = 8;

/// Minimum number of distinct keys of a map: an object is only taken for a map of free keys if it has more keys than
/// most objects have members.
pub const MIN_MAP_KEYS: usize = 24;

/// Minimum sparsity of a map: each object has on average at most one in this many of the keys.
pub const MAP_SPARSITY: u64 = 4;

/// The map whose keys may get columns of their own.
const PROMOTED_MAP: &str = "attributes";

/// A place where rows are known to be, with the names of the objects on the path to it.
struct KnownEnvelope {
    /// Keys from the root; true marks a list.
    steps: &'static [(&'static str, bool)],
    /// Type of a row.
    row: &'static str,
    /// Type and column prefix of the object that holds the list of rows.
    parent: (&'static str, &'static str),
    /// Type and column prefix of the root, if that is another object.
    outer: Option<(&'static str, &'static str)>,
}

const CONVERSATION: (&str, &str) = ("Conversation", "conversation");
const PAGE: (&str, &str) = ("Page", "page");
const NOTIFICATION: (&str, &str) = ("Notification", "notification");

/// Known envelopes in order of precedence. Those that end in `participants` may occur together, since they hold the
/// same rows.
const KNOWN_ENVELOPES: [KnownEnvelope; 7] = [
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

/// All records of a sample, merged.
#[derive(Default)]
pub struct RecordSample {
    root: Observed,
    records: u64,
}

impl RecordSample {
    /// Merges one more record. A value that is not an object is not a record and is skipped.
    pub fn add(&mut self, record: &Value) {
        if record.is_object() {
            self.root.add(record);
            self.records += 1;
        }
    }

    /// The number of records added.
    #[must_use]
    pub const fn records(&self) -> u64 {
        self.records
    }

    /// Whether any record has a member that can have a column.
    #[must_use]
    pub fn has_names(&self) -> bool {
        self.root.has_names()
    }

    /// Proposes a model named `name` for the records.
    #[must_use]
    pub fn propose(&self, name: &str) -> Proposal {
        let mut draft = Draft::default();
        let model = propose(&self.root, name, &mut draft);
        Proposal { model, notes: draft.notes }
    }
}

/// A model for people to review.
#[derive(Debug, Clone, PartialEq)]
pub struct Proposal {
    /// The model document: the JSON that `--model FILE` reads.
    pub model: Value,
    /// What the review should look at: what was left out, and what a conversion with this model will refuse.
    pub notes: Vec<String>,
}

fn propose(root: &Observed, name: &str, draft: &mut Draft) -> Value {
    let mut ways = find_envelopes(root);
    let first_keys: Vec<_> = ways.iter().filter_map(|way| way.steps.first().map(|(key, _)| *key)).collect();
    let mut rows = ways.iter().filter_map(|way| objects_at(root, way.steps));
    if !rows.any(|row| row.members.iter().any(|(name, _)| !name.is_empty() && !is_one_of(name, &first_keys))) {
        // Nothing of such rows could have a column.
        ways.clear();
    }

    let mut model = json!({
        "partiquet_model": FORMAT_VERSION,
        "name": name,
        "title": "",
        "description": "",
        "sources": [],
        "envelopes": ways.iter().map(|way| path_text(way.steps)).collect::<Vec<_>>(),
    });
    let Some(first) = ways.first() else {
        // Without an envelope the record itself is the row.
        model["row"] = json!({"type": draft.object("Record", root, &mut Scope::table("", true))});
        model["types"] = Value::Object(std::mem::take(&mut draft.types));
        return model;
    };
    let around = root.without(&first_keys);
    let mut row = Observed::default();
    let mut parent = Observed::default();
    for way in &ways {
        let Some(((last, _), before)) = way.steps.split_last() else { continue };
        row.extend(objects_at(root, way.steps));
        if before.is_empty() {
            parent.extend([&around]);
        } else {
            parent.extend(objects_at(root, before).map(|seen| seen.without(&[last])));
        }
    }
    let mut lead_to_rows = first_keys.clone();
    lead_to_rows.extend(ways.iter().filter_map(|way| way.steps.last().map(|(key, _)| *key)));
    let row = draft.without_keys(&row, &first_keys, "row");
    model["row"] = json!({"type": draft.object(first.row, &row, &mut Scope::table("", true))});
    let outer = ways.iter().find_map(|way| way.outer);
    for (level, group, seen, keys) in
        [("parent", Some(first.parent), &parent, &lead_to_rows), ("outer", outer, &around, &first_keys)]
    {
        let Some((kind, prefix)) = group else { continue };
        let seen = draft.without_keys(seen, keys, level);
        if !seen.members.is_empty() {
            let kind = draft.object(kind, &seen, &mut Scope::table(&format!("{prefix}_"), false));
            model[level] = json!({"type": kind, "prefix": prefix});
        }
    }
    model["types"] = Value::Object(std::mem::take(&mut draft.types));
    model
}

/// Whether input would take a member of this name for one of these keys.
fn is_one_of(name: &str, keys: &[&str]) -> bool {
    keys.iter().any(|key| name == *key || snake_case(name) == *key)
}

/// The envelopes that occur in this data; empty if the record itself is the row.
fn find_envelopes(root: &Observed) -> Vec<&'static KnownEnvelope> {
    let mut found = KNOWN_ENVELOPES.iter().filter(|way| objects_at(root, way.steps).is_some()).collect::<Vec<_>>();
    let last = |way: &KnownEnvelope| way.steps.last().map(|(key, _)| *key);
    if let Some(first) = found.first().copied() {
        let together = last(first) == Some("participants");
        found.retain(|way| std::ptr::eq(*way, first) || (together && last(way) == last(first)));
    }
    found
}

/// The objects at the end of a path.
fn objects_at<'a>(root: &'a Observed, steps: &[(&str, bool)]) -> Option<&'a Observed> {
    steps.iter().try_fold(root, |seen, (key, list)| {
        let member = seen.member(key)?;
        let end = if *list { member.element.as_deref()? } else { member };
        // If a list contains anything else, even a null, every record would be refused.
        let is_way = end.objects > 0 && end.has_names() && (!*list || end.objects == end.total());
        is_way.then_some(end)
    })
}

fn path_text(steps: &[(&str, bool)]) -> String {
    let steps = steps.iter().map(|(key, list)| format!("{key}{}", if *list { "[]" } else { "" }));
    steps.collect::<Vec<_>>().join(".")
}

/// The context of an object's members.
struct Scope {
    /// Prefix of the columns of its members.
    prefix: String,
    /// Columns of the struct that is being described; `None` for the columns of the table.
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

/// The types so far, and the column names that are taken.
#[derive(Default)]
struct Draft {
    types: Map<String, Value>,
    columns: ColumnNames,
    notes: Vec<String>,
}

impl Draft {
    /// The members except those that would be taken for one of these keys of envelopes, with a note about each.
    fn without_keys(&mut self, seen: &Observed, keys: &[&str], level: &str) -> Observed {
        let names = seen.members.iter().map(|(name, _)| name.as_str());
        let left_out: Vec<&str> = names.filter(|name| is_one_of(name, keys)).collect();
        self.notes.extend(left_out.iter().map(|name| {
            format!(
                "{name} of the {level} has the name of a key that leads to the rows, so it gets no column: its values will \
                 be in `extra`"
            )
        }));
        seen.without(&left_out)
    }

    /// Describes an object as a type and returns the type's name: `wanted`, or `wanted` with a number.
    fn object(&mut self, wanted: &str, seen: &Observed, place: &mut Scope) -> String {
        let wanted = type_name(wanted);
        let mut name = wanted.clone();
        let mut number = 2;
        while self.types.contains_key(&name) {
            name = format!("{wanted}{number}");
            number += 1;
        }
        // Inserted first, so that the type precedes those that it uses.
        self.types.insert(name.clone(), Value::Null);
        let spelled = one_spelling(seen);
        if let Some((first, second)) = &seen.twins {
            self.notes.push(format!(
                "{first} and {second} are two spellings of one member, and some objects have both: `convert` refuses \
                 those records"
            ));
        }
        if seen.too_many_members {
            let listed = seen.members.len();
            self.notes.push(format!("{name} has more than {listed} members: the others will be in `extra`"));
        }
        let mut names = ColumnNames::of_members(spelled.iter().map(|(wire, _)| wire.as_str()));
        let members: Vec<_> = spelled.iter().map(|(wire, seen)| self.member(wire, seen, &mut names, place)).collect();
        self.types.insert(name.clone(), json!({"description": "", "members": members}));
        name
    }

    fn member(&mut self, wire: &str, seen: &Observed, names: &mut ColumnNames, place: &mut Scope) -> Value {
        let kind = seen.kind();
        let wanted = column_segment(wire);
        let is_object = kind == Kind::Object && !is_map(wire, seen) && place.depth < MAX_NESTING;
        // An object has no column itself; only its leaves have.
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
            // A struct cannot contain lists or maps.
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

/// The name of a type in a model document. What is not a single value is kept as raw JSON.
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

/// Whether an object is a map of free keys: because of its name, or because it has many keys that vary.
fn is_map(wire: &str, seen: &Observed) -> bool {
    let keys = seen.members.len();
    let entries: u64 = seen.members.iter().map(|(_, member)| member.total()).sum();
    let varies =
        keys >= MIN_MAP_KEYS && entries.saturating_mul(MAP_SPARSITY) <= seen.objects.saturating_mul(keys as u64);
    wire == PROMOTED_MAP || seen.too_many_members || varies || !seen.has_names()
}

/// The members, with `startTime` and `start_time` merged: input may use either name for one member. Members with an
/// empty name are left out, since they cannot have a column.
fn one_spelling(seen: &Observed) -> Vec<(String, Observed)> {
    let mut members: Vec<(String, Observed)> = Vec::with_capacity(seen.members.len());
    let mut places = std::collections::HashMap::new();
    for (wire, member) in seen.members.iter().filter(|(wire, _)| !wire.is_empty()) {
        let snake = snake_case(wire);
        if let Some((spelling, present)) = places.get(&snake).and_then(|&at: &usize| members.get_mut(at)) {
            present.extend([member]);
            // The name on the wire is the one from which the other can be derived.
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

/// Converts `queueMembers` to `QueueMembers`.
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
    // A capital letter distinguishes types from `string` and the like.
    if name.starts_with(char::is_uppercase) { name } else { format!("Type{name}") }
}

/// Converts `skills` to `skill`, for the elements of a list.
fn singular(wire: &str) -> &str {
    let plural = wire.strip_suffix('s').filter(|stem| !stem.is_empty() && !stem.ends_with(['s', 'u', 'i']));
    plural.unwrap_or(wire)
}

#[cfg(test)]
mod tests;
