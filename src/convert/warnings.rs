//! Warnings of a successful run: signs that the input is not what the user expects.

use std::collections::BTreeMap;

use crate::{
    config::{AttributeColumns, Config, Mode},
    dataset::{Recovered, RunRecord, StagedFile},
    model::TableSchema,
    partition::{path::default_component, transform::partition_name},
    report::{InputReport, Ledger, ReplacedPartition},
};

/// Maximum number of items that a warning names.
const MAX_NAMED: usize = 5;

/// This many files with fewer than so many rows each are a sign of too fine a partitioning: each has a footer of its own,
/// which is larger than its rows.
const SMALL_FILES: (usize, u64) = (200, 50);

/// Whether a value of a participant was stored in its column. Values around participants do not count: any JSON
/// document may have an `id`.
pub(super) fn has_known_values(ledger: &Ledger) -> bool {
    let participants = ledger.paths.iter().filter(|(path, _)| !path.starts_with("../"));
    participants.map(|(_, counts)| counts.kept.saturating_sub(counts.null).max(counts.coerced)).any(|stored| stored > 0)
}

/// What this run did first about one that had not come to its end.
pub(super) fn recovered(recovered: Recovered) -> String {
    format!("an earlier run had not come to its end: {recovered}")
}

/// Warnings about the run as a whole.
pub(super) fn of_run(mode: Mode, record: &RunRecord, files: &[StagedFile]) -> Vec<String> {
    let nothing = (record.records == 0).then(|| "there are no records in the inputs".to_owned());
    let foreign = foreign_values(&record.model, record.rows, &record.ledger);
    // A single late record is no sign: the first run has told.
    let unpartitioned = if mode == Mode::Append { None } else { no_partition_value(record, files) };
    let hidden = if files.is_empty() { None } else { hidden_folders(record) };
    [nothing, same_text(&record.inputs), foreign, unpartitioned, hidden, small_files(record, files)]
        .into_iter()
        .flatten()
        .collect()
}

/// Many files with a few rows each.
fn small_files(record: &RunRecord, files: &[StagedFile]) -> Option<String> {
    let (many, few_rows) = SMALL_FILES;
    let rows = record.rows / (files.len() as u64).max(1);
    (files.len() >= many && rows < few_rows).then(|| {
        format!(
            "{} files have fewer than {few_rows} rows each on average, and a footer larger than these: a coarser \
             --partition-by, such as day(...) or bucket(16, ...), gives fewer and larger files",
            files.len()
        )
    })
}

/// Warns of replaced partitions that have fewer rows than before: perhaps only another partition was meant.
pub(super) fn shrunk(replaced: &[ReplacedPartition]) -> Option<String> {
    let shrunk: Vec<String> = replaced
        .iter()
        .filter(|partition| partition.rows < partition.rows_before)
        .map(|ReplacedPartition { partition, rows_before, rows }| {
            let partition = if partition.is_empty() { "." } else { partition };
            format!("{partition} had {rows_before} rows and has {rows}")
        })
        .collect();
    (!shrunk.is_empty()).then(|| format!("partitions were replaced by fewer rows: {}", listed(shrunk)))
}

/// Warns of inputs with the same text, whose rows are in the dataset more than once.
fn same_text(inputs: &[InputReport]) -> Option<String> {
    let mut by_text: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for input in inputs.iter().filter(|input| input.records > 0) {
        by_text.entry(input.text_digest()).or_default().push(&input.path);
    }
    let mut groups: Vec<Vec<&str>> = by_text.into_values().filter(|paths| paths.len() > 1).collect();
    groups.sort_unstable();
    let first = groups.first()?;
    let names = listed(first.iter().map(|path| (*path).to_owned()).collect());
    let more = match groups.len() - 1 {
        0 => String::new(),
        more => format!("; and so it is with {more} more contents"),
    };
    Some(format!("{names} have the same content: its rows are in the dataset {} times{more}", first.len()))
}

/// Warns if no row has a value that the model knows, or if the model does not know most of the values.
fn foreign_values(model: &str, rows: u64, ledger: &Ledger) -> Option<String> {
    if rows == 0 {
        return None;
    }
    let advice = "is it other JSON? `partiquet infer` proposes a model for it";
    if !has_known_values(ledger) {
        return Some(format!("no row has a value that the model {model} knows: {advice}"));
    }
    let of_participants = ledger.paths.iter().filter(|(path, _)| !path.starts_with("../"));
    let (seen, unknown) = of_participants.fold((0_u64, 0_u64), |(seen, unknown), (_, counts)| {
        (seen.saturating_add(counts.seen), unknown.saturating_add(counts.unknown))
    });
    (unknown > seen / 2).then(|| {
        // A damaged fragment of a share may count more unknown values than it has seen.
        let percent = unknown.saturating_mul(100) / seen.max(1);
        format!("{percent}% of the values are not in the model {model}: {advice}")
    })
}

/// Warns of the first partition column that has no value in any row.
fn no_partition_value(record: &RunRecord, files: &[StagedFile]) -> Option<String> {
    if files.is_empty() || record.partition_values_displaced > 0 {
        return None;
    }
    let folders =
        record.partition_by.iter().enumerate().map(|(position, field)| {
            (position, field, default_component(&partition_name(&field.column, field.transform)))
        });
    let is_only = |position: usize, folder: &str| {
        files.iter().all(|file| file.partition.split('/').nth(position).is_some_and(|found| found == folder))
    };
    folders
        .into_iter()
        .find(|(position, _, folder)| is_only(*position, folder))
        .map(|(_, field, folder)| format!("no row has a {} to partition by: all of them are in {folder}", field.column))
}

/// Warns of a partition column whose folders some readers take for hidden.
fn hidden_folders(record: &RunRecord) -> Option<String> {
    let mut names = record.partition_by.iter().map(|field| partition_name(&field.column, field.transform));
    let name = names.find(|name| name.starts_with(['_', '.']))?;
    Some(format!(
        "pyarrow reads no folder whose name begins with _ or ., and Spark none that begins with a dot, so not those of \
         {name}: give its column another name in the model"
    ))
}

/// Warns of a folder in the path of the dataset that looks like a partition by one of its columns: engines that make
/// columns of folder names then hide the column's own values.
pub(super) fn folder_like_a_column(config: &Config, schema: &TableSchema) -> Option<String> {
    let partitions = config.partition_by.iter().map(|field| partition_name(&field.column, field.transform));
    let names: Vec<String> = schema.columns.iter().map(|column| column.name.clone()).chain(partitions).collect();
    let mut folders = config.out.iter().filter_map(|folder| folder.to_str()?.split_once('='));
    let (name, value) = folders.find(|(name, _)| names.iter().any(|of| of.eq_ignore_ascii_case(name)))?;
    Some(format!(
        "the dataset is below a folder {name}={value}, which looks like a partition by its column {name}: DuckDB, Polars \
         and ClickHouse put {value} in the place of its values unless they are told to look at no folders"
    ))
}

/// Warns of requested attribute keys that no record has: most likely they are misspelt.
pub(super) fn unmet_keys(config: &Config, schema: &TableSchema, ledger: &Ledger) -> Option<String> {
    let AttributeColumns::Keys(named) = &config.attribute_columns else { return None };
    let is_met = |column: usize| ledger.paths.contains_key(&schema.columns[column].path);
    let unmet: Vec<String> = schema
        .attributes
        .iter()
        .filter(|(key, column)| named.contains(key) && !is_met(*column))
        .map(|(key, _)| format!("{key:?}"))
        .collect();
    (!unmet.is_empty()).then(|| {
        format!("no record has the attributes {}: check the spelling, upper and lower case count", listed(unmet))
    })
}

/// Joins the names and cuts long lists: `a, b and 7 more`.
pub(super) fn listed(mut names: Vec<String>) -> String {
    let more = names.len().saturating_sub(MAX_NAMED);
    if more > 0 {
        names.truncate(MAX_NAMED);
        names.push(format!("{more} more"));
    }
    let last = names.pop().unwrap_or_default();
    if names.is_empty() { last } else { format!("{} and {last}", names.join(", ")) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::Counts;

    #[test]
    fn inputs_of_one_text_are_named_however_they_are_stored() {
        let input = |path: &str, digest: &str, text: Option<&str>, records| InputReport {
            path: path.to_owned(),
            digest: digest.to_owned(),
            text_digest: text.map(str::to_owned),
            records,
            ..InputReport::default()
        };
        let inputs = [input("a", "1", None, 7), input("a.gz", "2", Some("1"), 7), input("b", "3", None, 7)];
        let told = same_text(&inputs).unwrap();
        assert_eq!(told, "a and a.gz have the same content: its rows are in the dataset 2 times");
        assert_eq!(same_text(&[input("a", "1", None, 0), input("b", "1", None, 0)]), None);
    }

    #[test]
    fn values_of_another_kind_of_json_are_a_sign_and_those_around_participants_are_none() {
        let ledger = |counts: &[(&str, Counts)]| Ledger {
            paths: counts.iter().map(|(path, counts)| ((*path).to_owned(), counts.clone())).collect(),
        };
        let kept = |number| Counts { seen: number, kept: number, ..Counts::default() };
        let unknown = |number| Counts { seen: number, unknown: number, ..Counts::default() };
        let only_parents = ledger(&[("../id", kept(1)), ("/sessions", unknown(1))]);
        assert!(foreign_values("call", 1, &only_parents).unwrap().contains("no row has a value"));
        assert_eq!(foreign_values("call", 0, &only_parents), None);
        let nulls = ledger(&[("/id", Counts { seen: 1, kept: 1, null: 1, ..Counts::default() })]);
        assert!(!has_known_values(&nulls));
        let damaged = ledger(&[
            ("/id", Counts { kept: 1, ..Counts::default() }),
            ("/x", Counts { unknown: u64::MAX, ..Counts::default() }),
        ]);
        assert!(foreign_values("call", 1, &damaged).is_some());
        let mostly = ledger(&[("/id", kept(1)), ("/x", unknown(3))]);
        assert!(foreign_values("call", 1, &mostly).unwrap().starts_with("75% of the values"));
        assert_eq!(foreign_values("call", 1, &ledger(&[("/id", kept(2)), ("/x", unknown(2))])), None);
    }

    #[test]
    fn partitions_that_shrink_are_named() {
        let replaced = |partition: &str, rows_before, rows| ReplacedPartition {
            partition: partition.to_owned(),
            rows_before,
            rows,
        };
        assert_eq!(shrunk(&[replaced("a=1", 3, 3), replaced("a=2", 3, 4)]), None);
        let told = shrunk(&[replaced("a=1", 3, 3), replaced("a=2", 3, 2)]).unwrap();
        assert_eq!(told, "partitions were replaced by fewer rows: a=2 had 3 rows and has 2");
    }

    #[test]
    fn long_lists_are_cut() {
        let names = |number: usize| (0..number).map(|n| n.to_string()).collect();
        assert_eq!(listed(names(1)), "0");
        assert_eq!(listed(names(5)), "0, 1, 2, 3 and 4");
        assert_eq!(listed(names(7)), "0, 1, 2, 3, 4 and 2 more");
    }
}
