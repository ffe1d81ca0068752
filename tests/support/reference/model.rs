//! The model document as the reference reads it: straight from its JSON.

use partiquet::columns::ScalarType;
use serde_json::Value;

/// The path to the rows: keys from the root; true marks a list.
pub type Steps = Vec<(String, bool)>;

/// A model, and the columns that follow from it.
#[derive(Debug, Clone)]
pub struct Layout {
    pub envelopes: Vec<Steps>,
    pub row: Vec<Field>,
    pub parent: Vec<Field>,
    pub outer: Vec<Field>,
}

#[derive(Debug, Clone)]
pub struct Field {
    pub wire: String,
    pub snake: String,
    pub kind: FieldKind,
}

#[derive(Debug, Clone)]
pub enum FieldKind {
    Scalar(ScalarType),
    Object(Vec<Field>),
    List(ScalarType),
    Structs(Vec<Field>),
    Map { promote: bool },
    Ignored,
}

impl Layout {
    pub fn new(document: &Value) -> Self {
        let group = |key: &str| document[key]["type"].as_str().map_or(Vec::new(), |name| fields(document, name));
        let envelopes = document["envelopes"].as_array().expect("envelopes");
        Self {
            envelopes: envelopes.iter().map(|path| steps(path.as_str().expect("a path"))).collect(),
            row: group("row"),
            parent: group("parent"),
            outer: group("outer"),
        }
    }

    /// Whether a member with this name is the step of an envelope with this key: by the key itself, or by its
    /// snake-case form if no other member has that name.
    pub fn is_step(&self, name: &str, key: &str) -> bool {
        let fields = [&self.row, &self.parent, &self.outer].into_iter().flatten();
        let is_field = fields.into_iter().any(|field| field.wire == name || field.snake == name);
        let is_key = self.envelopes.iter().flatten().any(|(key, _)| key == name);
        name == key || snake_case(key) == name && !is_field && !is_key
    }

    /// The path from a row to the root, if the root is not the parent.
    pub fn outer_path(&self) -> String {
        let levels = self.envelopes.iter().map(Vec::len).max().unwrap_or(0).max(2);
        vec![".."; levels].join("/")
    }

    /// Pointers of the columns' values in table order; the last one is `extra`.
    pub fn columns(&self, promoted: &[String], keep_map: bool) -> Vec<String> {
        let mut columns = leaves("..", &self.parent);
        columns.extend(leaves("", &self.row));
        if let Some(map) = promoted_map("", &self.row) {
            let mut keys = promoted.to_vec();
            keys.sort_unstable();
            columns.extend(keys.iter().map(|key| join(&map, key)));
            if keep_map {
                columns.push(map);
            }
        }
        columns.extend(leaves(&self.outer_path(), &self.outer));
        columns.push("extra".to_owned());
        columns
    }
}

/// JSON Pointer of a member.
pub fn join(base: &str, name: &str) -> String {
    format!("{base}/{}", name.replace('~', "~0").replace('/', "~1"))
}

/// Pointers of everything below `base` that has a column, except for the promoted map.
pub fn leaves(base: &str, fields: &[Field]) -> Vec<String> {
    fields
        .iter()
        .flat_map(|field| {
            let path = join(base, &field.wire);
            match &field.kind {
                FieldKind::Ignored | FieldKind::Map { promote: true } => Vec::new(),
                FieldKind::Object(inner) => leaves(&path, inner),
                _ => vec![path],
            }
        })
        .collect()
}

fn promoted_map(base: &str, fields: &[Field]) -> Option<String> {
    fields.iter().find_map(|field| match &field.kind {
        FieldKind::Map { promote: true } => Some(join(base, &field.wire)),
        FieldKind::Object(inner) => promoted_map(&join(base, &field.wire), inner),
        _ => None,
    })
}

fn steps(path: &str) -> Steps {
    path.split('.')
        .map(|step| step.strip_suffix("[]").map_or((step.to_owned(), false), |key| (key.to_owned(), true)))
        .collect()
}

fn fields(document: &Value, type_name: &str) -> Vec<Field> {
    let members = document["types"][type_name]["members"].as_array().unwrap_or_else(|| panic!("type {type_name}"));
    members
        .iter()
        .map(|member| {
            let wire = member["name"].as_str().expect("name").to_owned();
            let promote = member["promote"].as_bool().unwrap_or(false);
            let kind = kind(document, member["type"].as_str().expect("type"), promote);
            Field { snake: snake_case(&wire), wire, kind }
        })
        .collect()
}

fn kind(document: &Value, type_name: &str, promote: bool) -> FieldKind {
    if let Some(scalar) = scalar_type(type_name) {
        return FieldKind::Scalar(scalar);
    }
    if let Some(element) = type_name.strip_prefix("list<").and_then(|rest| rest.strip_suffix('>')) {
        return scalar_type(element).map_or_else(|| FieldKind::Structs(fields(document, element)), FieldKind::List);
    }
    match type_name {
        "map<string>" => FieldKind::Map { promote },
        "ignored" => FieldKind::Ignored,
        object => FieldKind::Object(fields(document, object)),
    }
}

fn scalar_type(name: &str) -> Option<ScalarType> {
    Some(match name {
        "string" => ScalarType::Text,
        "json" => ScalarType::Json,
        "integer" => ScalarType::Int64,
        "number" => ScalarType::Float64,
        "boolean" => ScalarType::Bool,
        "instant" => ScalarType::Instant,
        _ => return None,
    })
}

/// `re.sub(r'(.)([A-Z][a-z]+)', r'\1_\2', name)`, then `re.sub(r'([a-z0-9])([A-Z])', r'\1_\2', ...)`, then lower case.
pub fn snake_case(name: &str) -> String {
    let chars: Vec<char> = name.chars().collect();
    let is = |index: usize, range: std::ops::RangeInclusive<char>| chars.get(index).is_some_and(|c| range.contains(c));
    let mut words = Vec::new();
    let mut at = 0;
    while at < chars.len() {
        words.push(chars[at]);
        at += 1;
        if chars[at - 1] != '\n' && is(at, 'A'..='Z') && is(at + 1, 'a'..='z') {
            words.extend(['_', chars[at]]);
            at += 1;
            while is(at, 'a'..='z') {
                words.push(chars[at]);
                at += 1;
            }
        }
    }
    let mut snake = String::new();
    for (index, c) in words.iter().enumerate() {
        let before = index.checked_sub(1).map(|before| words[before]);
        if c.is_ascii_uppercase() && before.is_some_and(|b| b.is_ascii_lowercase() || b.is_ascii_digit()) {
            snake.push('_');
        }
        snake.push(*c);
    }
    snake.to_lowercase()
}
