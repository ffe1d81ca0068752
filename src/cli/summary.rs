//! The closing summary: a screen that says what was written, what became of the values, and what needs attention.

use std::{fmt::Write, path::Path, time::Duration};

use partiquet::{
    config::{AttributeMap, Compression, Config, PartitionBy},
    model::Model,
    report::{Counts, Place, Reject, Report},
};

use super::{human, paint::Paint, quote};

/// Maximum number of paths listed for each kind of deviation; the report has all of them.
const PATHS_SHOWN: usize = 3;
/// Maximum number of attribute columns listed.
const ATTRIBUTES_SHOWN: usize = 8;
/// Maximum number of characters shown of a path or key.
const NAME_CHARS: usize = 60;

/// Renders the summary for people. `model` is the model as it was named, if it is not the built-in one.
pub fn render(report: &Report, config: &Config, model: Option<&str>, paint: Paint) -> String {
    let mut text = String::new();
    if report.commit.is_none() && !report.skipped.is_empty() {
        let dir = human::shown(&config.out.display().to_string());
        let _ = writeln!(text, "{}\n", paint.bold(&format!("Nothing new for {dir}: nothing was written")));
        skipped(&mut text, report);
        warnings(&mut text, report, paint);
        return text;
    }
    headline(&mut text, report, config, paint);
    totals(&mut text, report, config);
    values(&mut text, report);
    attributes(&mut text, report);
    rejects(&mut text, report, config, model, paint);
    warnings(&mut text, report, paint);
    text
}

fn warnings(text: &mut String, report: &Report, paint: Paint) {
    for warning in &report.warnings {
        let _ = writeln!(text, "\n  {}", paint.red(&format!("warning: {}", human::shown(warning))));
    }
}

fn headline(text: &mut String, report: &Report, config: &Config, paint: Paint) {
    let elapsed = Duration::try_from_secs_f64(report.elapsed_seconds).unwrap_or_default();
    let rate = human::rate(report.json_bytes, elapsed).map(|rate| format!(" ({rate})")).unwrap_or_default();
    let headline = format!(
        "Wrote {} to {} in {}{rate}",
        human::counted(report.rows, "row", "rows"),
        human::shown(&config.out.display().to_string()),
        human::duration(elapsed),
    );
    let _ = writeln!(text, "{}\n", paint.bold(&headline));
}

fn totals(text: &mut String, report: &Report, config: &Config) {
    let inputs = report.inputs.len() as u64;
    let mut size = human::bytes(report.input_bytes);
    if report.json_bytes != report.input_bytes {
        let _ = write!(size, ", {} of JSON", human::bytes(report.json_bytes));
    }
    row(text, "inputs", inputs, &size);
    skipped(text, report);
    let without = match report.records_without_rows {
        0 => String::new(),
        number => format!("{} without a participant: no row, its values are counted only", human::count(number)),
    };
    row(text, "records", report.records, &without);
    let each = if config.model.name == Model::DEFAULT { "one for each participant" } else { "" };
    row(text, "rows", report.rows, each);
    if config.partition_by.is_empty() {
        row(text, "partitions", report.partitions, "one folder, not partitioned");
    } else {
        let by = format!("by {}", PartitionBy(config.partition_by.clone()));
        row(text, "partitions", report.partitions, &by);
    }
    if report.partition_values_displaced > 0 {
        row(
            text,
            "",
            report.partition_values_displaced,
            "values cannot name a folder: default partition, value in its column or `extra`",
        );
    }
    if report.spilled_bytes > 0 {
        let spilled = human::bytes(report.spilled_bytes);
        let _ =
            writeln!(text, "  {spilled} of rows went to disk for a while: more partitions than --memory has room for");
    }
    let mut files = human::bytes(report.output_bytes);
    // A ratio below 2 is not worth mentioning: tiny datasets are mostly footers.
    if let Some(ratio) = report.json_bytes.checked_div(report.output_bytes).filter(|ratio| *ratio > 1) {
        let _ = write!(files, ", {ratio} times smaller than the JSON");
    }
    row(text, "files", report.files.len() as u64, &files);
    if report.replaced_files > 0 {
        let files = human::counted(report.replaced_files, "file", "files");
        row(text, "replaced", report.replaced_rows, &format!("rows in {files} of earlier runs are gone"));
    }
}

/// Inputs that an earlier commit already took in; the first one is named.
fn skipped(text: &mut String, report: &Report) {
    let Some(first) = report.skipped.first() else { return };
    let name = human::shown(&first.path);
    let more = if report.skipped.len() > 1 { " and others" } else { "" };
    let note = format!("taken in before, left out: {name} (commit {}){more}", first.commit);
    row(text, "skipped", report.skipped.len() as u64, &note);
}

/// `  name          1,234  note`.
fn row(text: &mut String, name: &str, number: u64, note: &str) {
    let line = format!("  {name:<12} {:>15}  {note}", human::count(number));
    let _ = writeln!(text, "{}", line.trim_end());
}

/// What became of the values: the kinds that deserve attention, with the paths where they are most frequent.
fn values(text: &mut String, report: &Report) {
    let total = report.ledger.total();
    let _ = writeln!(text);
    row(text, "values", total.seen, "members met in the JSON, each accounted for");
    deviation(text, report, "coerced", "stored, after a conversion that loses nothing", |counts| {
        (counts.coerced, counts.first.coerced.as_ref())
    });
    deviation(text, report, "mismatched", "not of the column's type, raw in `extra`", |counts| {
        (counts.mismatched, counts.first.mismatched.as_ref())
    });
    deviation(text, report, "unknown", "not in the model, raw in `extra`", |counts| {
        (counts.unknown, counts.first.unknown.as_ref())
    });
    if total.ignored > 0 {
        row(text, "ignored", total.ignored, "say nothing about a participant");
    }
}

fn deviation(text: &mut String, report: &Report, name: &str, meaning: &str, of: fn(&Counts) -> (u64, Option<&Place>)) {
    let mut paths = report.ledger.paths.iter().filter(|(_, counts)| of(counts).0 > 0).collect::<Vec<_>>();
    let total = paths.iter().map(|(_, counts)| of(counts).0).sum();
    if total == 0 {
        return row(text, name, 0, "");
    }
    row(text, name, total, meaning);
    // The sort is stable: equally frequent paths stay in byte order.
    paths.sort_by_key(|(_, counts)| std::cmp::Reverse(of(counts).0));
    for (path, counts) in paths.iter().take(PATHS_SHOWN) {
        let (count, first) = of(counts);
        let first = first.map(|place| format!(", first {}", place_text(place))).unwrap_or_default();
        let _ = writeln!(text, "      {}: {}{first}", shortened(path), human::count(count));
    }
    if paths.len() > PATHS_SHOWN {
        let more = human::counted((paths.len() - PATHS_SHOWN) as u64, "path", "paths");
        let _ = writeln!(text, "      and {more} more, all of them in --report FILE");
    }
}

fn place_text(place: &Place) -> String {
    format!("in {}, line {}", human::shown(&place.file), human::count(place.line))
}

fn attributes(text: &mut String, report: &Report) {
    let columns = &report.attribute_columns;
    let Some(width) = columns.iter().take(ATTRIBUTES_SHOWN).map(|(key, _)| key_text(key).chars().count()).max() else {
        return;
    };
    let _ = writeln!(text);
    row(text, "attributes", columns.len() as u64, "keys have columns of their own");
    for (key, column) in columns.iter().take(ATTRIBUTES_SHOWN) {
        let _ = writeln!(text, "      {:<width$}  ->  {}", key_text(key), shortened(column));
    }
    if columns.len() > ATTRIBUTES_SHOWN {
        let more = human::count((columns.len() - ATTRIBUTES_SHOWN) as u64);
        let _ = writeln!(text, "      and {more} more, all of them in _partiquet/schema.json");
    }
}

/// A key as people can tell it from others: in quotes where blanks at its ends, or nothing at all, would not be seen.
fn key_text(key: &str) -> String {
    if key.trim() == key && !key.is_empty() { shortened(key) } else { shortened(&format!("{key:?}")) }
}

fn rejects(text: &mut String, report: &Report, config: &Config, model: Option<&str>, paint: Paint) {
    let _ = writeln!(text);
    if report.rejected == 0 {
        return row(text, "rejected", 0, "");
    }
    let records = if report.rejected == 1 { "record" } else { "records" };
    let kept = match report.rejected_without_text {
        0 => format!("{records}, kept aside whole"),
        all if all == report.rejected => format!("{records}, too long to be kept aside"),
        _ => format!("{records}, kept aside, but for those that are too long"),
    };
    row(text, "rejected", report.rejected, &kept);
    let rests = || report.rejects.iter().filter(|reject| reject.is_rest);
    for rest in rests().take(PATHS_SHOWN) {
        let place = format!("{}, line {}", human::shown(&rest.file), human::count(rest.line));
        let _ = writeln!(text, "      Not converted: the rest of {place}, {}", human::bytes(rest.raw_bytes));
    }
    if rests().count() > PATHS_SHOWN {
        let _ = writeln!(text, "      and the rest of other files: see the rejects file");
    }
    if let Some(first) = report.rejects.first() {
        let _ = writeln!(text, "      {}", paint.red(&first_reject(first)));
    }
    if report.rejected_without_text == report.rejected {
        let _ = writeln!(text, "      Too long to be kept: mend it where it is, or raise --max-record-size");
    } else if let Some(file) = &report.rejects_file {
        let path = config.out.join(file);
        if report.rejects.iter().any(|reject| reject.raw_base64.is_some()) {
            let _ = writeln!(
                text,
                "      Where `raw_base64` stands, the bytes are not UTF-8: put text under `raw` in its place"
            );
        }
        let _ = writeln!(
            text,
            "      They are in {}\n      Mend their `raw` text there, then:\n      {}",
            human::shown(&path.display().to_string()),
            append_command(&path, config, model),
        );
    }
}

/// The command that adds the records of a file to the dataset, with the options that decide the columns and files.
fn append_command(input: &Path, config: &Config, model: Option<&str>) -> String {
    let Config { out, partition_by, attribute_map, provenance, sort_by, bloom_filter, compression, .. } = config;
    let path = |path: &Path| quote::shell(path.as_os_str().as_encoded_bytes());
    let mut command = format!("partiquet convert {} --out {} --mode append", path(input), path(out));
    let by_default = PartitionBy::default();
    let partitions = PartitionBy(partition_by.clone());
    let names = |names: &[String]| (!names.is_empty()).then(|| names.join(","));
    let options = [
        ("--model", model.map(str::to_owned)),
        ("--partition-by", (partitions != by_default).then(|| partitions.to_string())),
        ("--attribute-map", (*attribute_map != AttributeMap::default()).then(|| attribute_map.to_string())),
        ("--sort-by", names(sort_by)),
        ("--bloom-filter", names(bloom_filter)),
        ("--compression", (*compression != Compression::DEFAULT).then(|| compression.to_string())),
    ];
    for (option, value) in options.into_iter().filter_map(|(option, value)| Some((option, value?))) {
        let _ = write!(command, " {option} {}", quote::shell(value.as_bytes()));
    }
    if *provenance {
        command.push_str(" --provenance");
    }
    command
}

fn first_reject(reject: &Reject) -> String {
    let place = format!("first in {}, line {}, byte {}", reject.file, human::count(reject.line), reject.offset);
    let path = if reject.path.is_empty() { String::new() } else { format!(", at {}", shortened(&reject.path)) };
    human::shown(&format!("{place}{path}: {}", reject.message))
}

/// Shortens a path or key: control characters are escaped, and a long one is cut in the middle.
fn shortened(name: &str) -> String {
    let name = human::shown(name);
    let length = name.chars().count();
    if length <= NAME_CHARS {
        return name;
    }
    let half = NAME_CHARS / 2 - 2;
    let head: String = name.chars().take(half).collect();
    let tail: String = name.chars().skip(length - half).collect();
    format!("{head}...{tail}")
}

#[cfg(test)]
mod tests;
