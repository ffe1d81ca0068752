//! The columns of the table, in order: a function of the model and the attribute columns, never of the data.

use super::{Field, FieldKind, Form, Model};
use crate::{
    columns::{ColumnShape, ScalarType},
    error::{Error, Result},
};

/// What happens to attributes that have a column of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AttributeMap {
    /// The map keeps only the keys without a column.
    #[default]
    Rest,
    /// The map keeps every key.
    All,
    /// There is no map: every key has a column, a record with another key is refused.
    None,
}

/// Where a column's values come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ColumnOrigin {
    /// A member of the participant.
    Row,
    /// A key of the promoted map.
    Attribute,
    /// A member of the object that holds the participants.
    Parent,
    /// A member of the record's root around it.
    Outer,
    /// What no other column holds.
    Extra,
    /// Where in the input the row stood.
    Provenance,
}

/// One column of the table.
#[derive(Debug, Clone, PartialEq)]
pub struct ColumnSpec {
    /// Column name.
    pub name: String,
    /// Its type.
    pub shape: ColumnShape,
    /// Names of the struct's members, for [`ColumnShape::Structs`]: same length as its children.
    pub children: Vec<ChildSpec>,
    /// JSON Pointer from the participant; the parent's members begin with `../`. Empty for provenance and `extra`.
    pub path: String,
    /// Where the values come from.
    pub origin: ColumnOrigin,
    /// One line for people.
    pub description: String,
    /// The API's own format word.
    pub format: Option<String>,
    /// When it was first seen.
    pub since: Option<String>,
    /// One of the baseline's properties, or a leaf below one.
    pub original: bool,
    /// Which form of the API sends it.
    pub form: Form,
}

/// One member of a struct inside a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChildSpec {
    /// Name inside the struct.
    pub name: String,
    /// JSON Pointer from the list's element.
    pub path: String,
    /// One line for people.
    pub description: String,
}

/// The table's columns.
#[derive(Debug, Clone, PartialEq)]
pub struct TableSchema {
    /// In table order.
    pub columns: Vec<ColumnSpec>,
    /// Promoted keys: (exact key, index into `columns`), in byte order of the keys.
    pub attributes: Vec<(String, usize)>,
    /// What the promoted map keeps.
    pub attribute_map: AttributeMap,
}
