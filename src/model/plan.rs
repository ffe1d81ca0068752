//! Arranges the model for the decoder: for each object its members, and for each member what to do with its value.

use std::collections::HashMap;

use super::{
    AttributeMap, ColumnOrigin, Envelope, Field, FieldKind, Group, Model, TableSchema,
    naming::{pointer_step, snake_case},
    schema::{EXTRA_COLUMN, SOURCE_FILE_COLUMN, SOURCE_OFFSET_COLUMN},
};
use crate::columns::{ColumnShape, ScalarType};

/// Index into [`Plan::paths`].
pub type PathId = u16;

/// Everything the decoder knows about the data.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Plan {
    /// Shapes of the table's columns, in table order.
    pub shapes: Vec<ColumnShape>,
    /// Ledger paths of known members, by [`PathId`]. List elements and map entries end in `/*`.
    pub paths: Vec<String>,
    /// Shapes of the staged parent values, and the table column that each goes to.
    pub parent_columns: Vec<(ColumnShape, usize)>,
    /// Shapes of the staged outer values, and the table column that each goes to.
    pub outer_columns: Vec<(ColumnShape, usize)>,
    /// Members of a participant; their columns are indexes into the table.
    pub row: ObjectPlan,
    /// Members of the parent; their columns are indexes into `parent_columns`. Empty if the model has no parent.
    pub parent: ObjectPlan,
    /// Members of the root around the parent; their columns are indexes into `outer_columns`.
    pub outer: ObjectPlan,
    /// Paths to the participants.
    pub envelopes: Vec<Envelope>,
    /// Table column of the `extra` map.
    pub extra_column: usize,
    /// Table columns `source_file` and `source_offset`, if requested.
    pub provenance_columns: Option<(usize, usize)>,
}

/// The members of an object.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ObjectPlan {
    /// The members, in model order.
    pub members: Vec<MemberPlan>,
}

/// One member of an object.
#[derive(Debug, Clone, PartialEq)]
pub struct MemberPlan {
    /// Name in the JSON.
    pub wire: String,
    /// The other name that input may use; equal to `wire` if there is none.
    pub snake: String,
    /// Its path in the ledger.
    pub path: PathId,
    /// What to do with its value.
    pub action: Action,
}

/// What the decoder does with a value. `column` is an index into the columns of the object that is being filled: the
/// table's, the staged parent's, or the children of a `list<struct>`.
#[derive(Debug, Clone, PartialEq)]
pub enum Action {
    /// Store one value.
    Scalar {
        /// Target column.
        column: usize,
        /// Type of the value.
        scalar: ScalarType,
    },
    /// Descend into an object. The columns of its members are those of the enclosing object.
    Object(ObjectPlan),
    /// Store a list of values.
    List {
        /// Target column.
        column: usize,
        /// Type of an element.
        scalar: ScalarType,
        /// Path of the elements (`/mediaRoles/*`).
        element_path: PathId,
    },
    /// Store a list of structs. The columns of its members are indexes into the children of the struct.
    Structs {
        /// Target column.
        column: usize,
        /// Members of an element.
        element: ObjectPlan,
        /// Path of the elements.
        element_path: PathId,
    },
    /// Store a map.
    Map {
        /// Target column of the map; `None` if every key must have its own column.
        column: Option<usize>,
        /// Path of the entries (`/attributes/*`).
        entry_path: PathId,
        /// Keys with columns of their own.
        promoted: Vec<PromotedKey>,
        /// Whether the map keeps the promoted keys too.
        keep_promoted: bool,
    },
    /// Check and count the value without storing it.
    Ignored,
}

/// A map key that has a column of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PromotedKey {
    /// The exact key.
    pub key: String,
    /// Index of its table column.
    pub column: usize,
    /// Its path in the ledger.
    pub path: PathId,
}

impl Plan {
    /// Arranges `model` for the columns of `schema`, which was derived from it. A member without a column in it is
    /// counted and not stored.
    #[must_use]
    pub fn new(model: &Model, schema: &TableSchema) -> Self {
        let mut builder = Builder { schema, columns: schema.by_path(), paths: Vec::new() };
        let parent_columns = schema.staged(ColumnOrigin::Parent);
        let outer_columns = schema.staged(ColumnOrigin::Outer);
        let row = builder.object(&model.row, "/", &ActionColumns::Table);
        let parent = builder.group(model.parent.as_ref(), 1, ColumnOrigin::Parent, &parent_columns);
        let outer = builder.group(model.outer.as_ref(), model.outer_levels(), ColumnOrigin::Outer, &outer_columns);
        let provenance = schema.column_index(SOURCE_FILE_COLUMN).zip(schema.column_index(SOURCE_OFFSET_COLUMN));
        Self {
            shapes: schema.shapes(),
            paths: builder.paths,
            parent_columns,
            outer_columns,
            row,
            parent,
            outer,
            envelopes: model.envelopes.clone(),
            extra_column: schema.column_index(EXTRA_COLUMN).unwrap_or_default(),
            provenance_columns: provenance,
        }
    }
}

/// The number of paths of the members of `model`, without attribute columns.
#[must_use]
pub fn num_paths(model: &Model) -> usize {
    fn of_fields(fields: &[Field]) -> usize {
        fields.iter().map(of_field).sum()
    }
    fn of_field(field: &Field) -> usize {
        match &field.kind {
            FieldKind::Scalar(_) | FieldKind::Ignored => 1,
            FieldKind::List(_) | FieldKind::Map { .. } => 2,
            FieldKind::Object(members) => 1 + of_fields(members),
            FieldKind::ListOfObjects(members) => 2 + of_fields(members),
        }
    }
    let groups = model.parent.iter().chain(&model.outer);
    of_fields(&model.row) + groups.map(|group| of_fields(&group.fields)).sum::<usize>()
}

impl TableSchema {
    /// Columns of one origin, as the decoder stages them: shape and index in the table.
    fn staged(&self, origin: ColumnOrigin) -> Vec<(ColumnShape, usize)> {
        let columns = self.columns.iter().enumerate().filter(|(_, column)| column.origin == origin);
        columns.map(|(index, column)| (column.shape.clone(), index)).collect()
    }
}

/// The columns that the actions refer to.
enum ActionColumns<'t> {
    /// The columns of the table.
    Table,
    /// The columns staged for the parent or the outer object: index in the table to index among the staged columns.
    Staged(ColumnOrigin, &'t HashMap<usize, usize>),
    /// The children of a struct, by path from the element.
    Struct(HashMap<String, usize>),
}

struct Builder<'s> {
    schema: &'s TableSchema,
    columns: HashMap<(ColumnOrigin, &'s str), usize>,
    paths: Vec<String>,
}

impl Builder<'_> {
    fn path(&mut self, path: String) -> PathId {
        // `TableSchema::new` refuses more paths than a `PathId` can number.
        let id = PathId::try_from(self.paths.len()).unwrap_or(PathId::MAX);
        self.paths.push(path);
        id
    }

    fn group(
        &mut self,
        group: Option<&Group>,
        levels: usize,
        origin: ColumnOrigin,
        staged: &[(ColumnShape, usize)],
    ) -> ObjectPlan {
        let Some(group) = group else { return ObjectPlan::default() };
        let places = staged.iter().enumerate().map(|(place, (_, column))| (*column, place)).collect();
        self.object(&group.fields, &"../".repeat(levels), &ActionColumns::Staged(origin, &places))
    }

    /// `prefix` is the pointer of the object, including the slash after it.
    fn object(&mut self, fields: &[Field], prefix: &str, target: &ActionColumns<'_>) -> ObjectPlan {
        let members = fields.iter().map(|field| {
            let pointer = format!("{prefix}{}", pointer_step(&field.wire));
            let path = self.path(pointer.clone());
            let action = self.action(field, &pointer, target);
            MemberPlan { wire: field.wire.clone(), snake: snake_case(&field.wire), path, action }
        });
        ObjectPlan { members: members.collect() }
    }

    fn action(&mut self, field: &Field, pointer: &str, target: &ActionColumns<'_>) -> Action {
        match (&field.kind, self.column(pointer, target)) {
            (FieldKind::Object(members), _) => Action::Object(self.object(members, &format!("{pointer}/"), target)),
            (FieldKind::Map { promote: true }, column) => self.promoted_map(pointer, column),
            (FieldKind::Map { promote: false }, Some(column)) => {
                let entry_path = self.path(format!("{pointer}/*"));
                Action::Map { column: Some(column), entry_path, promoted: Vec::new(), keep_promoted: false }
            }
            (FieldKind::Scalar(scalar), Some(column)) => Action::Scalar { column, scalar: *scalar },
            (FieldKind::List(scalar), Some(column)) => {
                Action::List { column, scalar: *scalar, element_path: self.path(format!("{pointer}/*")) }
            }
            (FieldKind::ListOfObjects(members), Some(column)) => {
                let element = format!("{pointer}/*");
                let children = scalar_pointers(members, &format!("{element}/"));
                let children = children.into_iter().enumerate().map(|(index, pointer)| (pointer, index)).collect();
                let element_path = self.path(element.clone());
                let target = ActionColumns::Struct(children);
                Action::Structs { column, element: self.object(members, &format!("{element}/"), &target), element_path }
            }
            (FieldKind::Ignored, _) | (_, None) => Action::Ignored,
        }
    }

    fn promoted_map(&mut self, pointer: &str, column: Option<usize>) -> Action {
        let entry_path = self.path(format!("{pointer}/*"));
        let schema = self.schema;
        let promoted = schema.attributes.iter().map(|(key, column)| {
            let path = self.path(format!("{pointer}/{}", pointer_step(key)));
            PromotedKey { key: key.clone(), column: *column, path }
        });
        let promoted = promoted.collect();
        Action::Map { column, entry_path, promoted, keep_promoted: schema.attribute_map == AttributeMap::All }
    }

    /// The target of the value at `pointer`, as an index into the columns of `target`.
    fn column(&self, pointer: &str, target: &ActionColumns<'_>) -> Option<usize> {
        match target {
            ActionColumns::Table => self.columns.get(&(ColumnOrigin::Row, pointer)).copied(),
            ActionColumns::Staged(origin, places) => places.get(self.columns.get(&(*origin, pointer))?).copied(),
            ActionColumns::Struct(children) => children.get(pointer).copied(),
        }
    }
}

/// Pointers of the leaves of a struct, in the order of its children.
fn scalar_pointers(fields: &[Field], prefix: &str) -> Vec<String> {
    let mut pointers = Vec::new();
    for field in fields {
        let pointer = format!("{prefix}{}", pointer_step(&field.wire));
        match &field.kind {
            FieldKind::Object(members) => pointers.extend(scalar_pointers(members, &format!("{pointer}/"))),
            FieldKind::Scalar(_) => pointers.push(pointer),
            _ => {}
        }
    }
    pointers
}

#[cfg(test)]
mod tests;
