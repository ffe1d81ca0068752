//! The columns as a page of documentation.

use std::fmt::Write as _;

use partiquet::model::{ColumnOrigin, ColumnSpec, Form, Model, TableSchema};

use crate::cli::human;

/// The complete page.
pub(super) fn page(schema: &TableSchema, model: &Model) -> String {
    let mut page = format!("# Columns of the model `{}`\n\n", escaped(&model.name));
    for paragraph in [&model.title, &model.description] {
        if !paragraph.is_empty() {
            let _ = writeln!(page, "{}\n", escaped(paragraph));
        }
    }
    page.push_str(INTRODUCTION);
    let original = schema.columns.iter().filter(|column| column.original).count();
    let _ = writeln!(page, "{} columns, {original} of them in the baseline.", schema.columns.len());
    for (heading, about, origins) in SECTIONS {
        let columns: Vec<&ColumnSpec> =
            schema.columns.iter().filter(|column| origins.contains(&column.origin)).collect();
        if columns.is_empty() {
            continue;
        }
        let _ = write!(page, "\n## {heading}\n\n{about}\n\n{HEAD}");
        for column in columns {
            row(&mut page, column);
        }
    }
    page
}

const INTRODUCTION: &str = "\
This page is printed by `partiquet schema --as markdown`; a test holds it current.

- **JSON path** is a JSON Pointer from the participant; `../` is the object that holds the participants, `../../` the
  record's root around it. The same pointers name places in `extra`, in reports and among rejects.
- **Since** is `baseline` for what the model always had, otherwise when it was first seen; empty where that is unknown.
- **Sent by** says which form of the API has it. Both forms give the same columns; what one of them lacks is null.
- Values named in a description are those known today. The API adds others without notice, and they are kept as well.
- A participant that the input does not wrap in a conversation has null in that conversation's columns.

";

const HEAD: &str = "| Column | Type | JSON path | Since | Sent by | Description |\n|---|---|---|---|---|---|\n";

const SECTIONS: [(&str, &str, &[ColumnOrigin]); 4] = [
    ("Around the participant", "Repeated on each of its rows.", &[ColumnOrigin::Parent]),
    (
        "The participant",
        "One row each. Attribute keys that are frequent get columns of their own, `attribute_` and the key in \
         snake_case, which stand before the map `attributes` that keeps the others.",
        &[ColumnOrigin::Row, ColumnOrigin::Attribute],
    ),
    (
        "Around that",
        "Present where the record wraps the object around the participant once more.",
        &[ColumnOrigin::Outer],
    ),
    (
        "The rest",
        "With `--provenance` two more columns say where a row came from: `source_file` and `source_offset`. The offset is \
         that of\nthe participant's `{` in the text after decompression. For a rejects file that is converted again it is \
         only some place\nwithin the line of the reject, whose text stands there escaped.",
        &[ColumnOrigin::Extra, ColumnOrigin::Provenance],
    ),
];

fn row(page: &mut String, column: &ColumnSpec) {
    let since = if column.original { "baseline" } else { column.since.as_deref().unwrap_or_default() };
    let sent_by = match column.form {
        Form::Both => "both",
        Form::Rest => "REST",
        Form::Notification => "notifications",
    };
    let from_api = !matches!(column.origin, ColumnOrigin::Extra | ColumnOrigin::Provenance);
    let values: Vec<String> = column.values.iter().map(|value| code(value)).collect();
    let mut description = escaped(&column.description);
    if !values.is_empty() {
        let _ = write!(description, " ({})", values.join(" "));
    }
    let cells = [
        code(&column.name),
        code(&column.type_name()),
        code(&column.path),
        since.to_owned(),
        if from_api { sent_by } else { "" }.to_owned(),
        description,
    ];
    let _ = writeln!(page, "| {} |", cells.join(" | "));
}

/// A code span that stays within its cell; empty text gives an empty cell.
fn code(text: &str) -> String {
    if text.is_empty() {
        return String::new();
    }
    // As CommonMark requires, the fence is longer than any run of backquotes inside.
    let longest = text.split(|char| char != '`').map(str::len).max().unwrap_or_default();
    let fence = "`".repeat(longest + 1);
    let pad = if text.starts_with(['`', ' ']) || text.ends_with(['`', ' ']) { " " } else { "" };
    format!("{fence}{pad}{}{pad}{fence}", human::shown(text).replace('|', "\\|"))
}

/// Escapes text so that nothing in it is read as markup.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for char in human::shown(text).chars() {
        if matches!(char, '\\' | '`' | '*' | '_' | '<' | '>' | '[' | ']' | '|') {
            escaped.push('\\');
        }
        escaped.push(char);
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::code;

    #[test]
    fn a_code_span_may_begin_and_end_with_its_fence() {
        assert_eq!(code("a"), "`a`");
        assert_eq!(code("`a"), "`` `a ``");
        assert_eq!(code("a``"), "``` a`` ```");
    }
}
