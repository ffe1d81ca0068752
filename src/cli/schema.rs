//! `partiquet schema`: what the columns are and where each comes from, in six forms; or what a dataset holds, in two.

mod dataset;
mod ddl;
mod markdown;

pub use dataset::of_dataset;

use std::fmt::Write as _;

use partiquet::model::{ColumnOrigin, Form, Model, TableSchema};
use serde_json::json;

use super::human;

/// How the columns are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum SchemaForm {
    /// Lines for people: name, type, JSON path, meaning
    #[default]
    Table,
    /// Arrow types, one field a line
    Arrow,
    /// A JSON document with everything known about each column
    Json,
    /// A CREATE TABLE statement for DuckDB
    Duckdb,
    /// A DDL schema for the reader of Spark
    Spark,
    /// The page docs/columns.md
    Markdown,
}

/// Wider cells are not padded for: their line simply continues after them.
const TABLE_NAME_WIDTH: usize = 44;
const TABLE_TYPE_WIDTH: usize = 21;
const TABLE_PATH_WIDTH: usize = 44;

/// Renders the columns of `schema`, derived from `model`. The text ends with a newline.
#[must_use]
pub fn render(schema: &TableSchema, model: &Model, form: SchemaForm) -> String {
    match form {
        SchemaForm::Table => table(schema, model),
        SchemaForm::Arrow => arrow(schema),
        SchemaForm::Json => json(schema, model),
        SchemaForm::Duckdb => ddl::duckdb(schema, model),
        SchemaForm::Spark => ddl::spark(schema),
        SchemaForm::Markdown => markdown::page(schema, model),
    }
}

fn table(schema: &TableSchema, model: &Model) -> String {
    let title = if model.title.is_empty() { String::new() } else { format!(": {}", human::shown(&model.title)) };
    let mut text = format!("Model {}{title}. {} columns\n\n", human::shown(&model.name), schema.columns.len());
    let mut line = |cells: [&str; 4]| {
        let [name, kind, path, description] = cells;
        let line =
            format!("{name:TABLE_NAME_WIDTH$}  {kind:TABLE_TYPE_WIDTH$}  {path:TABLE_PATH_WIDTH$}  {description}");
        text.push_str(line.trim_end());
        text.push('\n');
    };
    line(["COLUMN", "TYPE", "JSON PATH", "WHAT IT IS"]);
    for column in &schema.columns {
        line([&column.name, &column.type_name(), &human::shown(&column.path), &human::shown(&column.description)]);
    }
    text
}

fn arrow(schema: &TableSchema) -> String {
    let mut text = String::new();
    for field in schema.arrow_schema().fields() {
        let _ = writeln!(text, "{}: {}", human::shown(field.name()), field.data_type());
    }
    text
}

fn json(schema: &TableSchema, model: &Model) -> String {
    let columns: Vec<serde_json::Value> = schema
        .columns
        .iter()
        .map(|column| {
            json!({
                "name": column.name,
                "type": column.type_name(),
                "path": if column.path.is_empty() { None } else { Some(&column.path) },
                "description": column.description,
                "origin": origin_text(column.origin),
                "original": column.original,
                "since": column.since,
                "form": form_text(column.form),
                "format": column.format,
                "values": column.values,
            })
        })
        .collect();
    let document = json!({
        "model": model.name,
        "title": model.title,
        "description": model.description,
        "columns": columns,
    });
    format!("{document:#}\n")
}

const fn origin_text(origin: ColumnOrigin) -> &'static str {
    match origin {
        ColumnOrigin::Row => "row",
        ColumnOrigin::Attribute => "attribute",
        ColumnOrigin::Parent => "parent",
        ColumnOrigin::Outer => "outer",
        ColumnOrigin::Extra => "extra",
        ColumnOrigin::Provenance => "provenance",
    }
}

const fn form_text(form: Form) -> &'static str {
    match form {
        Form::Both => "both",
        Form::Rest => "rest",
        Form::Notification => "notification",
    }
}

#[cfg(test)]
mod tests;
