//! The columns of the table, in order. They depend on the model and the attribute columns, never on the data.

mod leaves;

use std::collections::{HashMap, HashSet};

use leaves::{columns, group_columns};

use super::{
    Form, Model,
    naming::{attribute_column_names, pointer_step},
    plan,
};
use crate::{
    columns::{ColumnShape, ScalarType},
    error::{Error, Result},
};

/// Column for everything that no other column holds: a map from JSON Pointer to raw JSON.
pub const EXTRA_COLUMN: &str = "extra";

/// Column with the path of the input that the row came from; part of the provenance.
pub const SOURCE_FILE_COLUMN: &str = "source_file";

/// Column with the offset of the row's participant in that input, in bytes of JSON; part of the provenance.
pub const SOURCE_OFFSET_COLUMN: &str = "source_offset";

/// What happens to attributes that have a column of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AttributeMap {
    /// The map keeps only the keys without a column.
    #[default]
    Rest,
    /// The map keeps every key.
    All,
    /// There is no map: every key has a column, and a record with another key is refused.
    None,
}

/// Where a column's values come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ColumnOrigin {
    /// A member of the participant.
    Row,
    /// A key of the promoted map.
    Attribute,
    /// A member of the object that holds the participants.
    Parent,
    /// A member of the outermost object, the record's root.
    Outer,
    /// Everything that no other column holds.
    Extra,
    /// The place of the row in the input.
    Provenance,
}

/// One column of the table.
#[derive(Debug, Clone, PartialEq)]
pub struct ColumnSpec {
    /// Name of the column.
    pub name: String,
    /// Its type.
    pub shape: ColumnShape,
    /// The struct's members, for [`ColumnShape::Structs`]: one for each child of the shape.
    pub children: Vec<ChildSpec>,
    /// JSON Pointer from the participant; that of a member of the parent begins with `../`. Empty for provenance and
    /// `extra`.
    pub path: String,
    /// Where the values come from.
    pub origin: ColumnOrigin,
    /// One-line description for people.
    pub description: String,
    /// The API's own name for the format.
    pub format: Option<String>,
    /// When it or its enclosing object was first seen, whichever is later; `None` if it is part of the baseline.
    pub since: Option<String>,
    /// Whether it is a property of the baseline, or a leaf below one that is as old.
    pub original: bool,
    /// Which form of the API sends it.
    pub form: Form,
    /// Values that the API is known to send. It adds new ones without notice, so they are not a constraint.
    pub values: Vec<String>,
}

impl ColumnSpec {
    /// The column's type in words: `text`, `int64`, `list<text>`, `list<struct<id: text, score: int64>>`,
    /// `map<text, text>`.
    #[must_use]
    pub fn type_name(&self) -> String {
        match &self.shape {
            ColumnShape::Scalar(scalar) => scalar.name().to_owned(),
            ColumnShape::List(element) => format!("list<{}>", element.name()),
            ColumnShape::Structs(scalars) => {
                let children = self.children.iter().zip(scalars);
                let children: Vec<String> =
                    children.map(|(child, scalar)| format!("{}: {}", child.name, scalar.name())).collect();
                format!("list<struct<{}>>", children.join(", "))
            }
            ColumnShape::Map => "map<text, text>".to_owned(),
        }
    }
}

/// A member of a struct inside a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChildSpec {
    /// Name inside the struct.
    pub name: String,
    /// JSON Pointer from the list's element.
    pub path: String,
    /// One-line description for people.
    pub description: String,
}

/// The schema of the table.
#[derive(Debug, Clone, PartialEq)]
pub struct TableSchema {
    /// The columns, in table order.
    pub columns: Vec<ColumnSpec>,
    /// Promoted keys: (exact key, index into `columns`), in byte order of the keys.
    pub attributes: Vec<(String, usize)>,
    /// The map whose keys are promoted, unless the model or the table has none: index into `columns`.
    pub map_column: Option<usize>,
    /// What the promoted map keeps.
    pub attribute_map: AttributeMap,
}

impl TableSchema {
    /// Lists the columns of `model`: those of the parent, those of the participant in model order, one for each of
    /// `attribute_keys`, the map of these keys, the outer columns, `extra`, and the two of the provenance if requested.
    ///
    /// Duplicate keys count once.
    ///
    /// # Errors
    /// [`Error::Usage`] if the model has no map whose keys could be columns, or if there are more paths than a ledger
    /// can distinguish. [`Error::Model`] for a model built by hand with duplicate column names.
    pub fn new(
        model: &Model,
        attribute_keys: &[String],
        attribute_map: AttributeMap,
        provenance: bool,
    ) -> Result<Self> {
        let mut keys = attribute_keys.to_vec();
        keys.sort_unstable();
        keys.dedup();
        if plan::num_paths(model) + keys.len() > super::file::MAX_PATHS {
            return Err(Error::usage(
                format!("{} attribute columns are too many for one table", keys.len()),
                "name the keys that queries need; the others stay in the attribute map",
            ));
        }

        let parent = group_columns(model.parent.as_ref(), 1, ColumnOrigin::Parent);
        let (promoted, row): (Vec<_>, Vec<_>) =
            columns(&model.row, ColumnOrigin::Row).into_iter().partition(|(_, promoted)| *promoted);
        let promoted = promoted.into_iter().next().map(|(column, _)| column);
        let outer = group_columns(model.outer.as_ref(), model.outer_levels(), ColumnOrigin::Outer);
        let last = fixed_columns(provenance);

        let mut table: Vec<ColumnSpec> = parent;
        table.extend(row.into_iter().map(|(column, _)| column));
        let mut attributes = Vec::with_capacity(keys.len());
        let mut map_column = None;
        if let Some(map) = promoted {
            // Names must differ from every column that can be beside them, including those that this table omits.
            let reserved = [SOURCE_FILE_COLUMN, SOURCE_OFFSET_COLUMN, &map.name];
            let taken = table.iter().chain(&outer).chain(&last).map(|column| column.name.as_str()).chain(reserved);
            let names = attribute_column_names(&keys, taken);
            for (key, name) in keys.into_iter().zip(names) {
                table.push(attribute_column(&map, &key, name));
                attributes.push((key, table.len() - 1));
            }
            if attribute_map != AttributeMap::None {
                map_column = Some(table.len());
                table.push(map);
            }
        } else if let Some(key) = keys.first() {
            return Err(Error::usage(
                format!(
                    "model {} has no map whose keys could become columns, so there is none for {key:?}",
                    model.name
                ),
                "leave --attribute-columns out, or mark a map<string> of the model with \"promote\": true",
            ));
        }
        table.extend(outer);
        table.extend(last);
        refuse_clashes(model, &table)?;
        Ok(Self { columns: table, attributes, map_column, attribute_map })
    }

    /// Index of the column with exactly this name.
    #[must_use]
    pub fn column_index(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|column| column.name == name)
    }

    /// The shapes of the columns, in table order.
    #[must_use]
    pub fn shapes(&self) -> Vec<ColumnShape> {
        self.columns.iter().map(|column| column.shape.clone()).collect()
    }

    /// Column indexes by origin and JSON Pointer, which together identify a column of the model.
    pub(super) fn by_path(&self) -> HashMap<(ColumnOrigin, &str), usize> {
        let columns = self.columns.iter().enumerate();
        columns.map(|(index, column)| ((column.origin, column.path.as_str()), index)).collect()
    }
}

fn attribute_column(map: &ColumnSpec, key: &str, name: String) -> ColumnSpec {
    ColumnSpec {
        name,
        shape: ColumnShape::Scalar(ScalarType::Text),
        path: format!("{}/{}", map.path, pointer_step(key)),
        origin: ColumnOrigin::Attribute,
        description: format!("Attribute {key:?}"),
        format: None,
        ..map.clone()
    }
}

fn fixed_columns(provenance: bool) -> Vec<ColumnSpec> {
    let column = |name: &str, shape, origin, description: &str| ColumnSpec {
        name: name.to_owned(),
        shape,
        children: Vec::new(),
        path: String::new(),
        origin,
        description: description.to_owned(),
        format: None,
        since: None,
        original: false,
        form: Form::Both,
        values: Vec::new(),
    };
    let mut columns = vec![column(
        EXTRA_COLUMN,
        ColumnShape::Map,
        ColumnOrigin::Extra,
        "What no other column holds, members unknown to the model and values of another type: JSON Pointer to raw JSON",
    )];
    if provenance {
        columns.push(column(
            SOURCE_FILE_COLUMN,
            ColumnShape::Scalar(ScalarType::Text),
            ColumnOrigin::Provenance,
            "Input that the row came from",
        ));
        columns.push(column(
            SOURCE_OFFSET_COLUMN,
            ColumnShape::Scalar(ScalarType::Int64),
            ColumnOrigin::Provenance,
            "Where the row's participant begins in that input, in bytes after decompression",
        ));
    }
    columns
}

/// Refuses duplicate column names, also in models that were not read from a file.
fn refuse_clashes(model: &Model, table: &[ColumnSpec]) -> Result<()> {
    let mut names = HashSet::new();
    match table.iter().find(|column| !names.insert(column.name.to_lowercase())) {
        None => Ok(()),
        Some(column) => Err(Error::Model {
            file: model.name.clone(),
            pointer: column.path.clone(),
            message: format!("two members ask for the column {}", column.name),
        }),
    }
}

#[cfg(test)]
mod tests;
