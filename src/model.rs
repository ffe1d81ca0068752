//! The model of a participant: the single description from which decoder, table schema and documentation are derived.
//!
//! A model is a JSON document (`models/call.json`, or a file of the user). [`mod@file`] reads and checks it, [`naming`]
//! derives the column names, [`schema`] lists the columns of the table, [`arrow`] converts them to an Arrow schema,
//! [`plan`] arranges them for the decoder.

pub mod arrow;
pub mod file;
pub mod naming;
pub mod plan;
pub mod schema;

use crate::columns::ScalarType;

pub use plan::Plan;
pub use schema::{AttributeMap, ChildSpec, ColumnOrigin, ColumnSpec, TableSchema};

/// A checked model, in which all references between types are resolved.
#[derive(Debug, Clone, PartialEq)]
pub struct Model {
    /// Short name, as in `--model call`.
    pub name: String,
    /// One-line title for people.
    pub title: String,
    /// Description of some sentences for people.
    pub description: String,
    /// Where the participants may be in a record, in order of precedence.
    pub envelopes: Vec<Envelope>,
    /// Members of a participant, which becomes one table row.
    pub row: Vec<Field>,
    /// Members of the object that holds the participants (`../`).
    pub parent: Option<Group>,
    /// Members of the record's root, if that is not the parent itself (`../../`).
    pub outer: Option<Group>,
}

/// Members whose columns share a prefix.
#[derive(Debug, Clone, PartialEq)]
pub struct Group {
    /// The prefix: `conversation` for `conversation_id`.
    pub prefix: String,
    /// The members.
    pub fields: Vec<Field>,
}

/// A path from the record's root to the participants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Envelope {
    /// Keys from the root; the last one leads to the rows.
    pub steps: Vec<Step>,
}

/// One key on the path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// The name in the JSON.
    pub key: String,
    /// Whether the value is a list of objects; otherwise it is one object.
    pub list: bool,
}

/// A member of an object.
#[derive(Debug, Clone, PartialEq)]
pub struct Field {
    /// Name in the JSON, as in `startTime`.
    pub wire: String,
    /// Its part of the column name: the name in `snake_case`, as in `start_time`, unless the model specifies another
    /// one.
    pub column: String,
    /// What it holds.
    pub kind: FieldKind,
    /// One-line description for people.
    pub description: String,
    /// The API's own name for the format (`date-time`, `int32`, `uri`), if it has one.
    pub format: Option<String>,
    /// When it was first seen (`2025-06`).
    pub since: Option<String>,
    /// Whether the baseline of the model already had it.
    pub original: bool,
    /// Which form of the API sends it.
    pub form: Form,
    /// Values that the API is known to send. It adds new ones without notice, so they are not a constraint.
    pub values: Vec<String>,
}

/// Which form of the API sends a member.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// REST answers and notifications.
    Both,
    /// REST answers only.
    Rest,
    /// Notifications only.
    Notification,
}

/// What a member holds.
#[derive(Debug, Clone, PartialEq)]
pub enum FieldKind {
    /// One value: one column.
    Scalar(ScalarType),
    /// A nested object: its leaves become columns, with names joined by `_`.
    Object(Vec<Field>),
    /// A list of values: one list column.
    List(ScalarType),
    /// A list of objects: one `list<struct>` column; the leaves of an object are the struct's members.
    ListOfObjects(Vec<Field>),
    /// A free-form map from text to text.
    Map {
        /// Whether its frequent keys become columns.
        promote: bool,
    },
    /// A member that says nothing about a participant (paging): it is counted and gets no column.
    Ignored,
}

impl Model {
    /// The built-in model: call participants of Genesys Cloud.
    pub const DEFAULT: &'static str = "call";

    /// Number of objects between a participant and the record's root, including the root, if the root is not the
    /// parent: 2 for `entities[].participants[]`. In a checked model with `outer` it is the same for all such
    /// envelopes.
    #[must_use]
    pub fn outer_levels(&self) -> usize {
        self.envelopes.iter().map(|envelope| envelope.steps.len()).max().unwrap_or_default().max(2)
    }
}
