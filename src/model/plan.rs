//! The model arranged for the decoder: for each object its members, for each member what to do with its value.

use super::{AttributeMap, Model, TableSchema};
use crate::columns::{ColumnShape, ScalarType};

/// Index into [`Plan::paths`].
pub type PathId = u16;

/// Everything the decoder knows about the data.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// Shapes of the table's columns, in table order.
    pub shapes: Vec<ColumnShape>,
    /// Ledger paths of known members, by [`PathId`]. List elements and map entries end in `/*`.
    pub paths: Vec<String>,
    /// Shapes of the staged parent values, and the table column that each goes to.
    pub parent_columns: Vec<(ColumnShape, usize)>,
    /// The same for the root around the parent.
    pub outer_columns: Vec<(ColumnShape, usize)>,
    /// Members of a participant; columns index the table.
    pub row: ObjectPlan,
    /// Members of the parent, columns index `parent_columns`. Empty if the model has no parent.
    pub parent: ObjectPlan,
    /// Members of the root around the parent, columns index `outer_columns`.
    pub outer: ObjectPlan,
    /// Ways to the participants: for each envelope its keys from the root with "is a list".
    pub envelopes: Vec<Vec<(String, bool)>>,
    /// Table column of the `extra` map.
    pub extra_column: usize,
    /// Table columns `source_file` and `source_offset`, when asked for.
    pub provenance_columns: Option<(usize, usize)>,
}

/// An object's members.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ObjectPlan {
    /// In model order.
    pub members: Vec<MemberPlan>,
}

/// One member of an object.
#[derive(Debug, Clone, PartialEq)]
pub struct MemberPlan {
    /// Name in the JSON.
    pub wire: String,
    /// The other name that input may use; equal to `wire` if there is no other.
    pub snake: String,
    /// Its path in the ledger.
    pub path: PathId,
    /// What to do with its value.
    pub action: Action,
}

/// What the decoder does with a value. `column` indexes the columns of the object that is being filled: the table's,
/// the staged parent's, or the children of a list<struct>.
#[derive(Debug, Clone, PartialEq)]
pub enum Action {
    /// Store one value.
    Scalar {
        /// Where to.
        column: usize,
        /// As what.
        scalar: ScalarType,
    },
    /// Descend; the members' columns are those of the object around.
    Object(ObjectPlan),
    /// Store a list of values.
    List {
        /// Where to.
        column: usize,
        /// Type of an element.
        scalar: ScalarType,
        /// Path of the elements (`/mediaRoles/*`).
        element_path: PathId,
    },
    /// Store a list of structs; the members' columns index the struct's children.
    Structs {
        /// Where to.
        column: usize,
        /// Members of an element.
        element: ObjectPlan,
        /// Path of the elements.
        element_path: PathId,
    },
    /// Store a map.
    Map {
        /// Where to; none when every key must have a column.
        column: Option<usize>,
        /// Path of the entries (`/attributes/*`).
        entry_path: PathId,
        /// Keys with columns of their own.
        promoted: Vec<PromotedKey>,
        /// Whether the map keeps the promoted keys too.
        keep_promoted: bool,
    },
    /// Check and count, store nothing.
    Ignored,
}

/// A map key that has a column of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PromotedKey {
    /// The exact key.
    pub key: String,
    /// Table column.
    pub column: usize,
    /// Its path in the ledger.
    pub path: PathId,
}

impl Plan {
    /// Arranges `model` for the columns of `schema`, which was derived from it.
    #[must_use]
    pub fn new(model: &Model, schema: &TableSchema) -> Self {
        let _ = (model, schema, AttributeMap::Rest);
        todo!()
    }
}
