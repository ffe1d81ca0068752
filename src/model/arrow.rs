//! The table as an Arrow schema: the one that readers see, with the names of the Parquet specification for nesting.

use std::{collections::HashMap, sync::Arc};

use arrow::datatypes::{DataType, Field, Fields, Schema, SchemaRef, TimeUnit};

use super::{ColumnSpec, TableSchema};
use crate::columns::{ColumnShape, ScalarType};

/// Field metadata: JSON Pointer of the value, from the participant.
pub const PATH_KEY: &str = "partiquet.path";

/// Field metadata: what the value means.
pub const DESCRIPTION_KEY: &str = "partiquet.description";

/// Time zone of every instant.
pub const TIME_ZONE: &str = "UTC";

/// Name of a list's element, as in the Parquet specification.
pub const ELEMENT_NAME: &str = "element";

/// Name of a map's entries, as in the Parquet specification.
pub const ENTRIES_NAME: &str = "key_value";

/// Name of an entry's key.
pub const KEY_NAME: &str = "key";

/// Name of an entry's value.
pub const VALUE_NAME: &str = "value";

impl TableSchema {
    /// All columns, in order, each nullable and with [`PATH_KEY`] (if it has a single path) and [`DESCRIPTION_KEY`].
    ///
    /// Text and JSON are `Utf8`, instants are `Timestamp(Microsecond, "UTC")`, lists have `element`, maps have
    /// `key_value { key, value }` from text to nullable text.
    #[must_use]
    pub fn arrow_schema(&self) -> SchemaRef {
        Arc::new(Schema::new(self.columns.iter().map(arrow_field).collect::<Fields>()))
    }
}

/// The Arrow type of one value.
#[must_use]
pub fn scalar_type(scalar: ScalarType) -> DataType {
    match scalar {
        ScalarType::Text | ScalarType::Json => DataType::Utf8,
        ScalarType::Int64 => DataType::Int64,
        ScalarType::Float64 => DataType::Float64,
        ScalarType::Bool => DataType::Boolean,
        ScalarType::Instant => DataType::Timestamp(TimeUnit::Microsecond, Some(TIME_ZONE.into())),
    }
}

fn arrow_field(column: &ColumnSpec) -> Field {
    let data_type = match &column.shape {
        ColumnShape::Scalar(scalar) => scalar_type(*scalar),
        ColumnShape::List(scalar) => list_of(scalar_type(*scalar)),
        ColumnShape::Structs(scalars) => {
            let children = column.children.iter().zip(scalars);
            let fields = children.map(|(child, scalar)| {
                let field = Field::new(&child.name, scalar_type(*scalar), true);
                field.with_metadata(metadata(&child.path, &child.description))
            });
            list_of(DataType::Struct(fields.collect()))
        }
        ColumnShape::Map => {
            let key = Field::new(KEY_NAME, DataType::Utf8, false);
            let value = Field::new(VALUE_NAME, DataType::Utf8, true);
            let entries = Field::new(ENTRIES_NAME, DataType::Struct(vec![key, value].into()), false);
            DataType::Map(Arc::new(entries), false)
        }
    };
    Field::new(&column.name, data_type, true).with_metadata(metadata(&column.path, &column.description))
}

fn list_of(element: DataType) -> DataType {
    DataType::List(Arc::new(Field::new(ELEMENT_NAME, element, true)))
}

/// `extra` and the provenance columns have no single path, so they have no path entry.
fn metadata(path: &str, description: &str) -> HashMap<String, String> {
    let pairs = [(PATH_KEY, path), (DESCRIPTION_KEY, description)].into_iter();
    pairs.filter(|(_, text)| !text.is_empty()).map(|(key, text)| (key.to_owned(), text.to_owned())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{AttributeMap, Model};

    fn schema() -> SchemaRef {
        let model = Model::load(Model::DEFAULT).unwrap();
        TableSchema::new(&model, &["IVR Priority".to_owned()], AttributeMap::Rest, true).unwrap().arrow_schema()
    }

    #[test]
    fn types_are_those_that_every_reader_knows() {
        let schema = schema();
        let type_of = |name: &str| schema.field_with_name(name).unwrap().data_type().to_string();
        assert_eq!(type_of("id"), "Utf8");
        assert_eq!(type_of("start_time"), "Timestamp(µs, \"UTC\")");
        assert_eq!(type_of("wrapup_duration_seconds"), "Int64");
        assert_eq!(type_of("queue_media_settings_auto_answer_alert_tone_seconds"), "Float64");
        assert_eq!(type_of("held"), "Boolean");
        assert_eq!(type_of("error_info_errors"), "Utf8");
        assert_eq!(type_of("media_roles"), "List(Utf8, field: 'element')");
        assert_eq!(
            type_of("attributes"),
            "Map(\"key_value\": non-null Struct(\"key\": non-null Utf8, \"value\": Utf8), unsorted)"
        );
    }

    #[test]
    fn structs_in_lists_hold_flat_leaves() {
        let schema = schema();
        let DataType::List(element) =
            schema.field_with_name("conversation_routing_data_scored_agents").unwrap().data_type()
        else {
            panic!("a list is expected");
        };
        let DataType::Struct(children) = element.data_type() else { panic!("a struct is expected") };
        let names: Vec<&str> = children.iter().map(|child| child.name().as_str()).collect();
        assert_eq!(names, ["agent_id", "agent_name", "agent_self_uri", "score"]);
        assert_eq!(children[0].metadata()[PATH_KEY], "/agent/id");
        assert_eq!(element.name(), ELEMENT_NAME);
    }

    #[test]
    fn metadata_says_where_each_column_comes_from() {
        let schema = schema();
        let path_of = |name: &str| schema.field_with_name(name).unwrap().metadata().get(PATH_KEY).cloned();
        assert_eq!(path_of("user_id").as_deref(), Some("/user/id"));
        assert_eq!(path_of("attribute_ivr_priority").as_deref(), Some("/attributes/IVR Priority"));
        assert_eq!(path_of("conversation_id").as_deref(), Some("../id"));
        assert_eq!(path_of("notification_metadata_correlation_id").as_deref(), Some("../../metadata/CorrelationId"));
        assert_eq!(path_of("extra"), None);
        assert!(
            schema.fields().iter().all(|field| field.is_nullable() && field.metadata().contains_key(DESCRIPTION_KEY))
        );
    }
}
