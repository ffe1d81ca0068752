//! The plan of the partition columns, checked against the table.

use super::{path, transform};
use crate::{
    columns::{ColumnShape, ScalarType},
    config::{PartitionField, Transform},
    error::{Error, Result},
    model::{ColumnOrigin, ColumnSpec, TableSchema},
    nearest::nearest,
};

/// One partition column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartitionColumn {
    /// Its name in the folders: `start_time_day`.
    pub name: String,
    /// Index of the table column that its values are computed from.
    pub source: usize,
    /// Type of that column: text, integer, boolean or instant.
    pub scalar: ScalarType,
    /// How its values are computed; valid for `scalar`.
    pub transform: Transform,
    /// Key under which `extra` keeps a value that no folder name can hold: the column's JSON Pointer, or its name if it
    /// does not come from the JSON.
    pub extra_key: String,
}

/// The partition columns of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartitionPlan {
    /// The columns, in folder order; empty for one unpartitioned folder.
    pub columns: Vec<PartitionColumn>,
    /// Index of the table column of the `extra` map.
    pub extra_column: usize,
}

impl PartitionPlan {
    /// Maximum number of partition columns: more deeply nested folders would hold a handful of rows each. Partition
    /// keys are arrays of this length.
    pub const MAX_COLUMNS: usize = 8;

    /// Checks `fields` against the columns of `schema`.
    ///
    /// # Errors
    /// [`Error::Usage`] for an unknown column, a transform that does not fit the column's type, a name that is taken or
    /// too long for a folder, and too many columns; [`Error::Bug`] for a table without an `extra` map.
    pub fn new(schema: &TableSchema, fields: &[PartitionField]) -> Result<Self> {
        let extra_column = schema
            .columns
            .iter()
            .position(|column| column.origin == ColumnOrigin::Extra && column.shape == ColumnShape::Map)
            .ok_or_else(|| Error::Bug("the table has no `extra` map".to_owned()))?;
        if fields.len() > Self::MAX_COLUMNS {
            return Err(Error::usage(
                format!("{} partition columns are more than the {} allowed", fields.len(), Self::MAX_COLUMNS),
                "name the few columns that queries filter by; deeper folders hold a handful of rows each",
            ));
        }
        let mut columns: Vec<PartitionColumn> = Vec::with_capacity(fields.len());
        for field in fields {
            let column = partition_column(schema, field)?;
            // Readers ignore case, so names that differ only in case would clash.
            if columns.iter().any(|earlier| folded(&earlier.name) == folded(&column.name)) {
                return Err(Error::usage(
                    format!("the partition column `{}` is asked for twice", column.name),
                    "name each column once for each transform",
                ));
            }
            columns.push(column);
        }
        Ok(Self { columns, extra_column })
    }

    /// Whether table column `column` is in the folder names and therefore not in the files.
    #[must_use]
    pub fn is_in_path(&self, column: usize) -> bool {
        self.columns.iter().any(|part| part.source == column && part.transform == Transform::Identity)
    }
}

fn partition_column(schema: &TableSchema, field: &PartitionField) -> Result<PartitionColumn> {
    let found = schema.columns.iter().position(|column| column.name == field.column);
    let source = found.ok_or_else(|| unknown_column(schema, &field.column))?;
    let spec = &schema.columns[source];
    let scalar = check_type(schema, spec, field.transform)?;
    let name = transform::partition_name(&spec.name, field.transform);
    let clash = schema.columns.iter().enumerate().find(|(index, column)| {
        folded(&column.name) == folded(&name) && !(field.transform == Transform::Identity && *index == source)
    });
    if let Some((_, clash)) = clash {
        return Err(Error::usage(
            format!("the partition column `{name}` has the name of a column of the table, `{}`", clash.name),
            "partition by that column itself, or by another one",
        ));
    }
    if path::default_component(&name).len() > path::MAX_COMPONENT_BYTES {
        return Err(Error::usage(
            format!("the name of the partition column `{name}` is too long for a folder"),
            format!("`NAME={}` has to fit into {} bytes", path::DEFAULT_PARTITION, path::MAX_COMPONENT_BYTES),
        ));
    }
    let extra_key = if spec.path.is_empty() { &spec.name } else { &spec.path }.clone();
    Ok(PartitionColumn { name, source, scalar, transform: field.transform, extra_key })
}

/// The column's type, if the transform accepts it.
fn check_type(schema: &TableSchema, spec: &ColumnSpec, transform: Transform) -> Result<ScalarType> {
    use ScalarType::{Bool, Instant, Int64, Text};
    let column = &spec.name;
    let refuse = |what: &str, hint: String| Err(Error::usage(format!("cannot partition by {what}"), hint));
    let ColumnShape::Scalar(scalar) = spec.shape else {
        return refuse(&format!("`{column}`: it holds lists or maps"), "choose a column with one value a row".into());
    };
    match (transform, scalar) {
        (Transform::Bucket(0) | Transform::Truncate(0), _) => {
            refuse(&format!("`{column}` with 0 as the number"), "give 1 or more, as in `bucket(16, queue_id)`".into())
        }
        (Transform::Bucket(buckets), _) if buckets as usize > super::Router::MAX_PARTITIONS => refuse(
            &format!("{buckets} buckets of `{column}`"),
            format!("a dataset has at most {} partitions", super::Router::MAX_PARTITIONS),
        ),
        (Transform::Identity, Text | Int64 | Bool)
        | (Transform::Year | Transform::Month | Transform::Day | Transform::Hour, Instant)
        | (Transform::Bucket(_), Text | Int64 | Instant)
        | (Transform::Truncate(_), Text | Int64) => Ok(scalar),
        (_, Instant) => refuse(
            &format!("`{column}` as it is: nearly every row has an instant of its own"),
            format!("use `day({column})`, or year, month, hour"),
        ),
        (Transform::Year | Transform::Month | Transform::Day | Transform::Hour, _) => {
            refuse(&format!("a calendar unit of `{column}`: it does not hold instants"), column_with_instants(schema))
        }
        (Transform::Bucket(_) | Transform::Truncate(_), Bool) => refuse(
            &format!("a bucket or prefix of `{column}`: it holds true or false"),
            format!("use `{column}` itself"),
        ),
        (_, _) => refuse(
            &format!(
                "`{column}`: {}",
                if scalar == ScalarType::Json { "it holds raw JSON" } else { "it holds doubles" }
            ),
            "choose a column with texts, integers, booleans or instants".into(),
        ),
    }
}

fn column_with_instants(schema: &TableSchema) -> String {
    let is_instant = |column: &&ColumnSpec| column.shape == ColumnShape::Scalar(ScalarType::Instant);
    schema.columns.iter().find(is_instant).map_or_else(
        || {
            "no column of this table holds instants: choose one with texts or integers, as it is or by `bucket`"
                .to_owned()
        },
        |column| format!("choose a column with instants, as in `day({})`", column.name),
    )
}

fn unknown_column(schema: &TableSchema, name: &str) -> Error {
    let transformed = ["year", "month", "day", "hour"].iter().find_map(|transform| {
        let column = name.strip_suffix(transform)?.strip_suffix('_')?;
        schema.column_index(column).map(|_| format!("{transform}({column})"))
    });
    if let Some(transformed) = transformed {
        let hint = format!("did you mean `{transformed}`? Its folders have the name {name}");
        return Error::usage(format!("cannot partition by `{name}`: the table has no such column"), hint);
    }
    let hint = nearest(name, schema.columns.iter().map(|column| column.name.as_str())).map_or_else(
        || "`partiquet schema` lists the columns, with --model those of another model".to_owned(),
        |near| format!("did you mean `{near}`? `partiquet schema` lists the columns"),
    );
    Error::usage(format!("cannot partition by `{name}`: the table has no such column"), hint)
}

fn folded(name: &str) -> String {
    name.to_lowercase()
}

#[cfg(test)]
pub(super) mod tests {
    use std::collections::HashMap;

    use super::*;
    use crate::model::{AttributeMap, Form};

    /// A table with these columns, followed by an `extra` map.
    pub fn table(columns: &[(&str, ColumnShape)]) -> TableSchema {
        let spec = |name: &str, shape: &ColumnShape, origin| ColumnSpec {
            name: name.to_owned(),
            shape: shape.clone(),
            children: Vec::new(),
            path: if origin == ColumnOrigin::Row { format!("/{name}") } else { String::new() },
            origin,
            description: String::new(),
            format: None,
            since: None,
            original: false,
            form: Form::Both,
            values: Vec::new(),
        };
        let mut specs: Vec<ColumnSpec> =
            columns.iter().map(|(name, shape)| spec(name, shape, ColumnOrigin::Row)).collect();
        specs.push(spec("extra", &ColumnShape::Map, ColumnOrigin::Extra));
        TableSchema { columns: specs, attributes: Vec::new(), map_column: None, attribute_map: AttributeMap::Rest }
    }

    pub fn field(column: &str, transform: Transform) -> PartitionField {
        PartitionField { column: column.to_owned(), transform }
    }

    fn people() -> TableSchema {
        table(&[
            ("purpose", ColumnShape::Scalar(ScalarType::Text)),
            ("start_time", ColumnShape::Scalar(ScalarType::Instant)),
            ("queue_id", ColumnShape::Scalar(ScalarType::Text)),
            ("level", ColumnShape::Scalar(ScalarType::Int64)),
            ("held", ColumnShape::Scalar(ScalarType::Bool)),
            ("score", ColumnShape::Scalar(ScalarType::Float64)),
            ("error", ColumnShape::Scalar(ScalarType::Json)),
            ("roles", ColumnShape::List(ScalarType::Text)),
            ("end_time", ColumnShape::Scalar(ScalarType::Instant)),
            ("end_time_day", ColumnShape::Scalar(ScalarType::Text)),
        ])
    }

    fn refusal(fields: &[PartitionField]) -> String {
        PartitionPlan::new(&people(), fields).unwrap_err().to_string()
    }

    #[test]
    fn a_plan_names_its_columns_and_knows_which_leave_the_files() {
        let fields = [
            field("start_time", Transform::Day),
            field("purpose", Transform::Identity),
            field("queue_id", Transform::Bucket(8)),
            field("level", Transform::Truncate(10)),
        ];
        let plan = PartitionPlan::new(&people(), &fields).unwrap();
        let names: Vec<&str> = plan.columns.iter().map(|column| column.name.as_str()).collect();
        assert_eq!(names, ["start_time_day", "purpose", "queue_id_bucket", "level_trunc"]);
        assert_eq!((0..11).filter(|&column| plan.is_in_path(column)).collect::<Vec<_>>(), [0]);
        assert_eq!(plan.extra_column, 10);
        assert_eq!(plan.columns[1].extra_key, "/purpose");
        assert!(PartitionPlan::new(&people(), &[]).unwrap().columns.is_empty());
    }

    #[test]
    fn an_unknown_column_is_answered_with_the_nearest_one() {
        assert!(refusal(&[field("start_tme", Transform::Day)]).contains("did you mean `start_time`?"));
        assert!(refusal(&[field("Purpose", Transform::Identity)]).contains("did you mean `purpose`?"));
        assert!(!refusal(&[field("wholly_other", Transform::Identity)]).contains("did you mean"));
    }

    #[test]
    fn a_transform_takes_only_its_types() {
        assert!(refusal(&[field("start_time", Transform::Identity)]).contains("use `day(start_time)`"));
        assert!(refusal(&[field("start_time", Transform::Truncate(3))]).contains("use `day(start_time)`"));
        assert!(refusal(&[field("purpose", Transform::Day)]).contains("does not hold instants"));
        assert!(refusal(&[field("held", Transform::Bucket(2))]).contains("use `held` itself"));
        assert!(refusal(&[field("score", Transform::Identity)]).contains("doubles"));
        assert!(refusal(&[field("error", Transform::Bucket(4))]).contains("raw JSON"));
        assert!(refusal(&[field("roles", Transform::Identity)]).contains("lists or maps"));
        assert!(refusal(&[field("extra", Transform::Identity)]).contains("lists or maps"));
        assert!(refusal(&[field("level", Transform::Truncate(0))]).contains("1 or more"));
        assert!(refusal(&[field("queue_id", Transform::Bucket(0))]).contains("1 or more"));
        assert!(refusal(&[field("queue_id", Transform::Bucket(u32::MAX))]).contains("at most"));
    }

    #[test]
    fn names_are_given_once() {
        let twice = [field("queue_id", Transform::Bucket(4)), field("queue_id", Transform::Bucket(8))];
        assert!(refusal(&twice).contains("`queue_id_bucket` is asked for twice"));
        assert!(refusal(&[field("end_time", Transform::Day)]).contains("name of a column of the table"));
        let many = vec![field("purpose", Transform::Identity); PartitionPlan::MAX_COLUMNS + 1];
        assert!(refusal(&many).contains("more than the 8 allowed"));
    }

    #[test]
    fn a_name_too_long_for_a_folder_is_refused() {
        let name = |len: usize| "n".repeat(len);
        let plan = |len| {
            let table = table(&[(&name(len), ColumnShape::Scalar(ScalarType::Text))]);
            PartitionPlan::new(&table, &[field(&name(len), Transform::Identity)])
        };
        assert!(plan(228).is_ok());
        assert!(plan(229).unwrap_err().to_string().contains("too long for a folder"));
    }

    #[test]
    fn every_scalar_column_has_an_answer_for_every_transform() {
        let transforms =
            [Transform::Identity, Transform::Year, Transform::Hour, Transform::Bucket(3), Transform::Truncate(3)];
        let accepted: HashMap<&str, usize> = ["purpose", "start_time", "level", "held", "score", "error"]
            .map(|name| {
                let plans = transforms.map(|transform| PartitionPlan::new(&people(), &[field(name, transform)]));
                (name, plans.iter().filter(|plan| plan.is_ok()).count())
            })
            .into();
        let expected = [("purpose", 3), ("start_time", 3), ("level", 3), ("held", 1), ("score", 0), ("error", 0)];
        assert_eq!(accepted, expected.into());
    }
}
