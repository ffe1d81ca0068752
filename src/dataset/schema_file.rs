//! `schema.json`: the columns of the dataset and where each comes from, so that a later run can use the same columns.

use std::{fmt::Write as _, path::Path};

use serde::{Deserialize, Serialize};

use super::{document::read_document, layout};
use crate::{
    config::{PartitionBy, PartitionField},
    error::{Error, Result},
    model::{AttributeMap, ColumnSpec, TableSchema, schema},
};

/// Format version of `schema.json` that this program writes, and the newest it reads.
pub const SCHEMA_VERSION: u32 = 1;

/// The schema document of a dataset.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SchemaDocument {
    /// [`SCHEMA_VERSION`].
    pub format_version: u32,
    /// Name of the model.
    pub model: String,
    /// The columns in table order, including those that are in the folder names (identity partitions).
    pub columns: Vec<SchemaColumn>,
    /// Attribute keys with a column of their own, in byte order of the keys.
    pub attributes: Vec<SchemaAttribute>,
    /// What the attribute map keeps.
    pub attribute_map: AttributeMap,
    /// Partition columns, in folder order.
    pub partition_by: Vec<PartitionField>,
}

/// One column of the table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SchemaColumn {
    /// Its name.
    pub name: String,
    /// Its type: `text`, `json`, `int64`, `float64`, `boolean`, `timestamp(us, UTC)`, `list<...>`, `list<struct<...>>`,
    /// `map<text, text>`.
    #[serde(rename = "type")]
    pub type_name: String,
    /// JSON Pointer from the participant; empty for columns that do not come from the JSON.
    pub path: String,
    /// What the value means, as the model describes it. Data files do not repeat it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// The commit that added it; files of earlier commits do not have it. `None` if all files have it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since_commit: Option<u64>,
}

/// An attribute key with a column of its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SchemaAttribute {
    /// The exact key.
    pub key: String,
    /// Its column.
    pub column: String,
}

impl SchemaDocument {
    /// Maximum number of differences between two schemas that are listed.
    const MAX_DIFFERENCES_SHOWN: usize = 10;

    /// Describes `schema` as a document.
    #[must_use]
    pub fn new(model: &str, schema: &TableSchema, partition_by: &[PartitionField]) -> Self {
        let column = |spec: &ColumnSpec| SchemaColumn {
            name: spec.name.clone(),
            type_name: spec.type_name(),
            path: spec.path.clone(),
            description: spec.description.clone(),
            since_commit: None,
        };
        let attribute = |(key, column): &(String, usize)| SchemaAttribute {
            key: key.clone(),
            column: schema.columns.get(*column).map(|spec| spec.name.clone()).unwrap_or_default(),
        };
        Self {
            format_version: SCHEMA_VERSION,
            model: model.to_owned(),
            columns: schema.columns.iter().map(column).collect(),
            attributes: schema.attributes.iter().map(attribute).collect(),
            attribute_map: schema.attribute_map,
            partition_by: partition_by.to_vec(),
        }
    }

    /// Whether some files of the dataset lack columns that others have.
    #[must_use]
    pub fn columns_differ(&self) -> bool {
        self.columns.iter().any(|column| column.since_commit.is_some())
    }

    /// Returns the schema of the dataset in `dir` after commit number `commit` adds rows with the columns of `later`.
    /// Columns may be added, but none may be removed or changed, because existing files stay as they are.
    ///
    /// # Errors
    /// [`Error::Dataset`] with the differences.
    pub fn joined_by(&self, later: &Self, commit: u64, dir: &Path) -> Result<Self> {
        let differences = self.differences(later);
        if differences.is_empty() {
            let mut joined = later.clone();
            for column in &mut joined.columns {
                let known = self.columns.iter().find(|known| known.name == column.name);
                column.since_commit = known.map_or(Some(commit), |known| known.since_commit);
            }
            return Ok(joined);
        }
        let mut shown = differences[..differences.len().min(Self::MAX_DIFFERENCES_SHOWN)].join("\n    ");
        if let Some(more @ 1..) = differences.len().checked_sub(Self::MAX_DIFFERENCES_SHOWN) {
            let _ = write!(shown, "\n    and {more} more");
        }
        Err(Error::Dataset {
            dir: dir.to_owned(),
            message: format!("the columns of this run are not those of the dataset:\n    {shown}"),
            hint: format!(
                "{}; or write to another folder; `--mode overwrite` replaces all of it",
                if self.has_provenance() && !later.has_provenance() {
                    "add --provenance, which an earlier run was given"
                } else {
                    "use the options and the model that the dataset was made with"
                }
            ),
        })
    }

    fn has_provenance(&self) -> bool {
        self.columns.iter().any(|column| column.name == schema::SOURCE_FILE_COLUMN)
    }

    /// The differences of `later` that are incompatible with the existing files, in words.
    fn differences(&self, later: &Self) -> Vec<String> {
        let mut found = Vec::new();
        let compare = |found: &mut Vec<String>, what: &str, mine: String, theirs: String| {
            if mine != theirs {
                found.push(format!("{what}: {mine} in the dataset, {theirs} in this run"));
            }
        };
        let partitions = |document: &Self| PartitionBy(document.partition_by.clone()).to_string();
        compare(&mut found, "--partition-by", partitions(self), partitions(later));
        compare(&mut found, "--attribute-map", self.attribute_map.to_string(), later.attribute_map.to_string());
        for column in &self.columns {
            let is_attribute = |attribute: &&SchemaAttribute| attribute.column == column.name;
            match later.columns.iter().find(|other| other.name == column.name) {
                Some(other) => {
                    compare(&mut found, &column.name, column.type_name.clone(), other.type_name.clone());
                    let place = |path: &str| if path.is_empty() { "no place".to_owned() } else { path.to_owned() };
                    compare(&mut found, &column.name, place(&column.path), place(&other.path));
                }
                None => match self.attributes.iter().find(is_attribute) {
                    Some(SchemaAttribute { key, .. }) => {
                        found.push(format!("attribute {key:?}: no column in this run"));
                    }
                    None => found.push(format!("{}: missing in this run", column.name)),
                },
            }
        }
        // The existing files have such a key in the map. As a column too, it would have two places.
        let is_new = |attribute: &&SchemaAttribute| !self.attributes.iter().any(|mine| mine.key == attribute.key);
        found.extend(later.attributes.iter().filter(is_new).map(|attribute| {
            format!("attribute {:?}: in the map in the dataset, a column in this run", attribute.key)
        }));
        found
    }

    /// Reads the document of the dataset in `dir`.
    ///
    /// # Errors
    /// [`crate::Error::Io`]; [`crate::Error::Dataset`] for a document that cannot be parsed;
    /// [`crate::Error::NewerFormat`] for one of a newer version.
    pub fn read(dir: &Path) -> Result<Self> {
        Self::read_at(dir, &dir.join(layout::SCHEMA_FILE))
    }

    /// Like [`Self::read`], for a document that still has another name.
    pub(super) fn read_at(dir: &Path, path: &Path) -> Result<Self> {
        read_document(dir, path, SCHEMA_VERSION)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::{
        columns::{ColumnShape, ScalarType},
        config::Transform,
        model::{ColumnOrigin, Form, schema::ChildSpec},
    };

    fn spec(name: &str, shape: ColumnShape, children: &[&str]) -> ColumnSpec {
        let child =
            |name: &&str| ChildSpec { name: (*name).to_owned(), path: format!("/{name}"), description: String::new() };
        ColumnSpec {
            name: name.to_owned(),
            shape,
            children: children.iter().map(child).collect(),
            path: format!("/{name}"),
            origin: ColumnOrigin::Row,
            description: String::new(),
            format: None,
            since: None,
            original: false,
            form: Form::Both,
            values: Vec::new(),
        }
    }

    fn document() -> SchemaDocument {
        let schema = TableSchema {
            columns: vec![
                spec("start_time", ColumnShape::Scalar(ScalarType::Instant), &[]),
                spec("agents", ColumnShape::Structs(vec![ScalarType::Text, ScalarType::Int64]), &["id", "score"]),
                spec("roles", ColumnShape::List(ScalarType::Text), &[]),
                spec("attribute_ivr", ColumnShape::Scalar(ScalarType::Text), &[]),
                spec("extra", ColumnShape::Map, &[]),
            ],
            attributes: vec![("IVR ~/🎧".to_owned(), 3)],
            map_column: None,
            attribute_map: AttributeMap::Rest,
        };
        let partition = PartitionField { column: "start_time".to_owned(), transform: Transform::Day };
        SchemaDocument::new("call", &schema, &[partition])
    }

    #[test]
    fn columns_say_their_types_and_attributes_their_keys() {
        let document = document();
        let types: Vec<&str> = document.columns.iter().map(|column| column.type_name.as_str()).collect();
        assert_eq!(
            types,
            ["timestamp(us, UTC)", "list<struct<id: text, score: int64>>", "list<text>", "text", "map<text, text>"]
        );
        let attribute = SchemaAttribute { key: "IVR ~/🎧".to_owned(), column: "attribute_ivr".to_owned() };
        assert_eq!(document.attributes, [attribute]);
    }

    #[test]
    fn the_document_comes_back_and_a_newer_one_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(layout::meta(dir.path())).unwrap();
        let mut document = document();
        fs::write(dir.path().join(layout::SCHEMA_FILE), serde_json::to_vec_pretty(&document).unwrap()).unwrap();
        assert_eq!(SchemaDocument::read(dir.path()).unwrap(), document);
        document.format_version = 2;
        fs::write(dir.path().join(layout::SCHEMA_FILE), serde_json::to_vec_pretty(&document).unwrap()).unwrap();
        let refusal = SchemaDocument::read(dir.path()).unwrap_err().to_string();
        assert!(refusal.contains("format version 2") && refusal.contains("newer partiquet"), "{refusal}");
    }
}
