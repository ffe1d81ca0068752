//! Shows what a dataset holds: for people, and as JSON.

use std::{fmt::Write as _, path::Path};

use partiquet::{
    Error, Result,
    config::{Mode, PartitionBy},
    dataset::{
        DatasetSummary,
        schema_file::SchemaColumn,
        summary::{Amount, CommitSummary},
    },
};

use super::SchemaForm;
use crate::cli::{human, paint::Paint};

/// Maximum number of commits and partitions listed; the JSON form has all of them.
const LISTED: usize = 20;

/// Longer names and types shift the rest of their own line to the right.
const MAX_NAME_WIDTH: usize = 64;
const MAX_TYPE_WIDTH: usize = 24;

/// Describes what the dataset in `dir` holds.
pub fn of_dataset(dir: &Path, form: SchemaForm, paint: Paint) -> Result<String> {
    let summary = DatasetSummary::read(dir)?;
    match form {
        SchemaForm::Table => Ok(table(&summary, &human::shown(&dir.display().to_string()), paint)),
        SchemaForm::Json => serde_json::to_string_pretty(&summary)
            .map(|text| text + "\n")
            .map_err(|error| Error::Bug(format!("what a dataset holds is not JSON: {error}"))),
        SchemaForm::Arrow | SchemaForm::Duckdb | SchemaForm::Spark | SchemaForm::Markdown => Err(Error::usage(
            "a dataset is shown as table or json",
            "give --model instead of the folder: the other forms are made of a model",
        )),
    }
}

fn table(summary: &DatasetSummary, dir: &str, paint: Paint) -> String {
    // Destructured in full, so that every field is shown.
    let DatasetSummary { total, partitions, commits, is_commit_open, schema } = summary;
    let mut text = String::new();
    let _ = writeln!(text, "{}", paint.bold(&format!("{dir} holds {}", amount(total))));
    if *is_commit_open {
        text.push_str("  one more commit is under way, or was cut off: the next run, or verify --repair, sees to it\n");
    }

    heading(&mut text, paint, &human::counted(commits.len() as u64, "commit", "commits"));
    // The last commits are the interesting ones.
    earlier(&mut text, commits.len());
    for commit in &commits[commits.len().saturating_sub(LISTED)..] {
        let _ = writeln!(text, "  {}", human::shown(&one_commit(commit)));
    }

    let by = PartitionBy(schema.partition_by.clone());
    let number = human::counted(partitions.len() as u64, "partition", "partitions");
    heading(&mut text, paint, &format!("{number}, by {by}"));
    earlier(&mut text, partitions.len());
    for (folder, held) in partitions.iter().skip(partitions.len().saturating_sub(LISTED)) {
        let folder = if folder.is_empty() { "." } else { folder };
        let _ = writeln!(text, "  {}  {}", human::shown(folder), amount(held));
    }

    let number = human::counted(schema.columns.len() as u64, "column", "columns");
    heading(&mut text, paint, &format!("{number} of model {}: name, type, path", human::shown(&schema.model)));
    columns(&mut text, &schema.columns);
    let keys = human::counted(schema.attributes.len() as u64, "attribute key", "attribute keys");
    let _ = writeln!(text, "\n  {keys} as columns; the map of attributes keeps: {}", schema.attribute_map);
    text
}

fn heading(text: &mut String, paint: Paint, heading: &str) {
    let _ = writeln!(text, "\n{}", paint.bold(heading));
}

fn earlier(text: &mut String, number: usize) {
    if let Some(hidden @ 1..) = number.checked_sub(LISTED) {
        let _ = writeln!(text, "  {} before these; --as json has all", human::count(hidden as u64));
    }
}

fn amount(amount: &Amount) -> String {
    let Amount { rows, files, bytes } = *amount;
    let (rows, files) = (human::counted(rows, "row", "rows"), human::counted(files, "file", "files"));
    format!("{rows} in {files}, {}", human::bytes(bytes))
}

fn one_commit(commit: &CommitSummary) -> String {
    let CommitSummary { commit, committed_at, mode, run_id, version, model: _, inputs, rows, rejected, rejects_file } =
        commit;
    let (rows, inputs) = (human::counted(*rows, "row", "rows"), human::counted(*inputs, "input", "inputs"));
    // `Mode::Error` only succeeds in an empty folder, so its commit created the dataset.
    let did = if *mode == Mode::Error { "create".to_owned() } else { mode.to_string() };
    let mut line = format!("{commit}  {committed_at}  {did}: {rows} from {inputs}, run {run_id}, partiquet {version}");
    if *rejected > 0 {
        let _ = write!(line, ", {} rejected", human::count(*rejected));
    }
    if let Some(file) = rejects_file {
        let _ = write!(line, " ({file})");
    }
    line
}

fn columns(text: &mut String, columns: &[SchemaColumn]) {
    let width = |of: fn(&SchemaColumn) -> &str, most: usize| {
        columns.iter().map(|column| human::shown(of(column)).chars().count()).max().unwrap_or(0).min(most)
    };
    let names = width(|column| &column.name, MAX_NAME_WIDTH);
    let types = width(|column| &column.type_name, MAX_TYPE_WIDTH);
    for SchemaColumn { name, type_name, path, description: _, since_commit } in columns {
        let (name, path) = (human::shown(name), human::shown(path));
        let mut line = format!("  {name:<names$}  {type_name:<types$}  {path}");
        if let Some(commit) = since_commit {
            line = format!("{}  since commit {commit}: earlier files do not have it", line.trim_end());
        }
        let _ = writeln!(text, "{}", line.trim_end());
    }
}
