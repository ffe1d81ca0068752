//! What a participant is: the one description that decoder, table schema and documentation are derived from.
//!
//! A model is a JSON document (`models/call.json`, or a file of the user's). [`mod@file`] reads and checks it,
//! [`naming`] says what columns are called, [`schema`] lists the columns of the table, [`arrow`] gives them
//! as an Arrow schema, [`plan`] arranges them for the decoder.

pub mod arrow;
pub mod file;
pub mod naming;
pub mod plan;
pub mod schema;

use crate::columns::ScalarType;

pub use plan::Plan;
pub use schema::{AttributeMap, ChildSpec, ColumnOrigin, ColumnSpec, TableSchema};

/// A checked model, with all references between its types resolved.
#[derive(Debug, Clone, PartialEq)]
pub struct Model {
    /// Short name, as in `--model call`.
    pub name: String,
    /// One line for people.
    pub title: String,
    /// Some sentences for people.
    pub description: String,
    /// Where the participants may be in a record, in order of precedence.
    pub envelopes: Vec<Envelope>,
    /// Members of a participant: one table row each.
    pub row: Vec<Field>,
    /// Members of the object that holds the participants (`../`).
    pub parent: Option<Group>,
    /// Members of the record's root where that is not the parent itself (`../../`).
    pub outer: Option<Group>,
}

/// Members whose columns share a prefix.
#[derive(Debug, Clone, PartialEq)]
pub struct Group {
    /// `conversation` for `conversation_id`.
    pub prefix: String,
    /// The members.
    pub fields: Vec<Field>,
}

/// A way from the record's root to the participants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Envelope {
    /// Keys from the root; the last one leads to the rows.
    pub steps: Vec<Step>,
}

/// One key on the way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// Wire name.
    pub key: String,
    /// Whether the value is a list of objects (else it is one object).
    pub list: bool,
}

/// A member of an object.
#[derive(Debug, Clone, PartialEq)]
pub struct Field {
    /// Name in the JSON, as in `startTime`.
    pub wire: String,
    /// The column's segment: the name in `snake_case`, as in `start_time`, unless the model gives another one.
    pub column: String,
    /// What it holds.
    pub kind: FieldKind,
    /// One line for people.
    pub description: String,
    /// The API's own word for the format (`date-time`, `int32`, `uri`), where it has one.
    pub format: Option<String>,
    /// When it was first seen (`2025-06`).
    pub since: Option<String>,
    /// One of the properties that the baseline of the model had.
    pub original: bool,
    /// Which form of the API sends it.
    pub form: Form,
    /// Values known to the API; newer ones come without notice, so they are no constraint.
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
    /// A nested object: its leaves become columns, names joined by `_`.
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
    /// Known to say nothing about a participant (paging): counted, no column.
    Ignored,
}

impl Model {
    /// The built-in model: call participants of Genesys Cloud.
    pub const DEFAULT: &'static str = "call";

    /// How many objects lie between a participant and the record's root where the root is not its parent, the root
    /// included: 2 for `entities[].participants[]`. A checked model with `outer` has one answer for all its envelopes.
    #[must_use]
    pub fn outer_levels(&self) -> usize {
        self.envelopes.iter().map(|envelope| envelope.steps.len()).max().unwrap_or_default().max(2)
    }
}
