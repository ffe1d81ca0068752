//! The columns as data definitions for two engines.

use partiquet::{
    columns::{ColumnShape, ScalarType},
    model::{ColumnSpec, Model, TableSchema},
};

use crate::cli::{human, quote};

/// `CREATE TABLE "call" (...)` with a comment on each line; it runs unchanged.
pub(super) fn duckdb(schema: &TableSchema, model: &Model) -> String {
    let mut text = format!("CREATE TABLE {} (\n", quote::sql_name(&model.name));
    for (index, column) in schema.columns.iter().enumerate() {
        let comma = if index + 1 == schema.columns.len() { "" } else { "," };
        let name = quote::sql_name(&column.name);
        let comment = human::shown(&with_path(column));
        text.push_str(format!("  {name} {}{comma} -- {comment}", DUCKDB.column_type(column)).trim_end());
        text.push('\n');
    }
    text.push_str(");\n");
    text
}

/// The text for `spark.read.schema(...)`, one column per line with its comment. With this schema Spark infers nothing.
pub(super) fn spark(schema: &TableSchema) -> String {
    let lines: Vec<String> = schema
        .columns
        .iter()
        .map(|column| {
            let comment = human::shown(&with_path(column)).replace('\\', "\\\\").replace('\'', "\\'");
            format!("{} {} COMMENT '{comment}'", quote::back_quoted(&column.name), SPARK.column_type(column))
        })
        .collect();
    format!("{}\n", lines.join(",\n"))
}

/// `/user/id: Agent or other user on this leg: id`.
fn with_path(column: &ColumnSpec) -> String {
    match column.path.as_str() {
        "" => column.description.clone(),
        path => format!("{path}: {}", column.description),
    }
}

/// How an engine writes types.
struct Dialect {
    scalar: fn(ScalarType) -> &'static str,
    list: fn(&str) -> String,
    structure: fn(&[(String, &'static str)]) -> String,
    map: &'static str,
    quoted: fn(&str) -> String,
}

const DUCKDB: Dialect = Dialect {
    scalar: |scalar| match scalar {
        // JSON is text in the files, so that every reader can read it; DuckDB's JSON functions accept text.
        ScalarType::Text | ScalarType::Json => "VARCHAR",
        ScalarType::Int64 => "BIGINT",
        ScalarType::Float64 => "DOUBLE",
        ScalarType::Bool => "BOOLEAN",
        ScalarType::Instant => "TIMESTAMP WITH TIME ZONE",
    },
    list: |element| format!("{element}[]"),
    structure: |children| {
        let children: Vec<String> = children.iter().map(|(name, kind)| format!("{name} {kind}")).collect();
        format!("STRUCT({})", children.join(", "))
    },
    map: "MAP(VARCHAR, VARCHAR)",
    quoted: quote::sql_name,
};

const SPARK: Dialect = Dialect {
    scalar: |scalar| match scalar {
        ScalarType::Text | ScalarType::Json => "STRING",
        ScalarType::Int64 => "BIGINT",
        ScalarType::Float64 => "DOUBLE",
        ScalarType::Bool => "BOOLEAN",
        ScalarType::Instant => "TIMESTAMP",
    },
    list: |element| format!("ARRAY<{element}>"),
    structure: |children| {
        let children: Vec<String> = children.iter().map(|(name, kind)| format!("{name}: {kind}")).collect();
        format!("STRUCT<{}>", children.join(", "))
    },
    map: "MAP<STRING, STRING>",
    quoted: quote::back_quoted,
};

impl Dialect {
    fn column_type(&self, column: &ColumnSpec) -> String {
        match &column.shape {
            ColumnShape::Scalar(scalar) => (self.scalar)(*scalar).to_owned(),
            ColumnShape::List(scalar) => (self.list)((self.scalar)(*scalar)),
            ColumnShape::Structs(scalars) => {
                let children = column.children.iter().zip(scalars);
                let children: Vec<(String, &str)> =
                    children.map(|(child, scalar)| ((self.quoted)(&child.name), (self.scalar)(*scalar))).collect();
                (self.list)(&(self.structure)(&children))
            }
            ColumnShape::Map => self.map.to_owned(),
        }
    }
}
