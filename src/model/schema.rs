//! The columns of the table, in order: a function of the model and the attribute columns, never of the data.

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

/// Holds what no other column does: from JSON Pointer to raw JSON.
pub const EXTRA_COLUMN: &str = "extra";

/// Path of the input that the row came from, with provenance.
pub const SOURCE_FILE_COLUMN: &str = "source_file";

/// Where in that input the row's record begins, in bytes of JSON, with provenance.
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
    /// There is no map: every key has a column, a record with another key is refused.
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
    /// When it was first seen, or the object that it is a part of, whichever is later; none = in the baseline.
    pub since: Option<String>,
    /// One of the baseline's properties, or a leaf below one that is as old.
    pub original: bool,
    /// Which form of the API sends it.
    pub form: Form,
    /// Values known to the API; newer ones come without notice, so they are no constraint.
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

impl TableSchema {
    /// The columns of `model`: the parent's, the participant's in model order, one for each of `attribute_keys`, the
    /// map they were taken from, the outer ones, `extra`, and the two of provenance if asked for.
    ///
    /// Keys given twice count once.
    ///
    /// # Errors
    /// [`Error::Usage`] if the model has no map whose keys could be columns, or if there are more places for values
    /// than a ledger can tell apart. [`Error::Model`] for a model that was put together by hand with columns that clash.
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
        if let Some(map) = promoted {
            // Names are free of every column that can stand beside them, also of those that this table leaves out.
            let reserved = [SOURCE_FILE_COLUMN, SOURCE_OFFSET_COLUMN, &map.name];
            let taken = table.iter().chain(&outer).chain(&last).map(|column| column.name.as_str()).chain(reserved);
            let names = attribute_column_names(&keys, taken);
            for (key, name) in keys.into_iter().zip(names) {
                table.push(attribute_column(&map, &key, name));
                attributes.push((key, table.len() - 1));
            }
            if attribute_map != AttributeMap::None {
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
        Ok(Self { columns: table, attributes, attribute_map })
    }

    /// Index of the column of that name, exactly as written.
    #[must_use]
    pub fn column_index(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|column| column.name == name)
    }

    /// What the columns hold, in table order.
    #[must_use]
    pub fn shapes(&self) -> Vec<ColumnShape> {
        self.columns.iter().map(|column| column.shape.clone()).collect()
    }

    /// Indexes by origin and JSON Pointer; both together name a column of the model.
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
            "Where the row's record begins in that input, in bytes after decompression",
        ));
    }
    columns
}

/// The last word on clashes, also for models that no file was read for.
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
