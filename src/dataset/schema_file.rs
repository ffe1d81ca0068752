//! `schema.json`: what the dataset's columns are and where each comes from, so that a later run can use the same.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::layout;
use crate::{
    config::PartitionField,
    error::Result,
    model::{AttributeMap, ColumnSpec, TableSchema},
};

/// Format version of `schema.json` that this program writes, and the newest it reads.
pub const SCHEMA_VERSION: u32 = 1;

/// The document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SchemaDocument {
    /// [`SCHEMA_VERSION`].
    pub format_version: u32,
    /// Name of the model.
    pub model: String,
    /// In table order. Columns that stand in the folder names (identity partitions) are among them.
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
    /// Its type: `text`, `json`, `int64`, `double`, `boolean`, `instant`, `list<...>`, `list<struct<...>>`, `map<text, text>`.
    #[serde(rename = "type")]
    pub type_name: String,
    /// JSON Pointer from the participant; empty for columns that do not come from the JSON.
    pub path: String,
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
    /// Describes `schema`.
    #[must_use]
    pub fn new(model: &str, schema: &TableSchema, partition_by: &[PartitionField]) -> Self {
        let column = |spec: &ColumnSpec| SchemaColumn {
            name: spec.name.clone(),
            type_name: spec.type_name(),
            path: spec.path.clone(),
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

    /// Reads the document of the dataset in `dir`.
    ///
    /// # Errors
    /// [`crate::Error::Io`]; [`crate::Error::Dataset`] for one that is not understood or was written by a newer version.
    pub fn read(dir: &Path) -> Result<Self> {
        layout::read_document(dir, &dir.join(layout::SCHEMA_FILE), SCHEMA_VERSION)
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
