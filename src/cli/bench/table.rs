//! The figures as a table, for a terminal or a Markdown page.

use std::fmt::Write;

use super::{
    figures::{Agreement, Figures, Outcome, Results, Row},
    matrix::Setting,
};
use crate::cli::human;

pub const HEADS: [&str; 10] =
    ["", "wall s", "least", "most", "cpu s", "MB/s", "rows/s", "peak memory", "output", "times ours"];

/// A table with aligned columns, for a terminal.
pub fn plain(results: &Results) -> String {
    let mut text = format!("\n{}\n{}\n\n", about(results), machine(results));
    let rows = cells(results);
    let widths: Vec<usize> = (0..HEADS.len())
        .map(|column| {
            let cells = rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count());
            cells.chain([HEADS[column].len()]).max().unwrap_or_default()
        })
        .collect();
    let line = |cells: &[String]| {
        let mut line = String::new();
        for (index, cell) in cells.iter().enumerate() {
            // A message in place of figures may be longer than its column.
            let width = if cells.len() < HEADS.len() && index == 1 { 0 } else { widths[index] };
            let _ = if index == 0 { write!(line, "{cell:<width$}") } else { write!(line, "  {cell:>width$}") };
        }
        line.trim_end().to_owned() + "\n"
    };
    text.push_str(&line(&HEADS.map(str::to_owned)));
    for row in &rows {
        text.push_str(&line(row));
    }
    text.push_str(&notes(results));
    text
}

/// A Markdown table, to be pasted into a document.
pub fn markdown(results: &Results) -> String {
    let mut text = format!("{}\n{}\n\n", about(results), machine(results));
    let line = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
    text.push_str(&line(&HEADS.map(str::to_owned)));
    text.push_str(&line(&HEADS.map(|_| "---".to_owned())));
    for row in cells(results) {
        text.push_str(&line(&row.iter().map(|cell| cell.replace('|', "\\|")).collect::<Vec<_>>()));
    }
    text.push_str(&notes(results));
    text
}

/// A value of a setting, as text.
type Of<'a> = &'a dyn Fn(&Setting) -> String;

/// Describes what was run.
pub fn about(results: &Results) -> String {
    let Some(first) = results.settings.first() else { return String::new() };
    let shape = first.input.shape.as_deref().unwrap_or("input of its own");
    let size = human::bytes(first.input.generated.unwrap_or(first.input.bytes));
    let rounds = human::counted(u64::from(results.rounds), "round", "rounds");
    let day = results.measured_at.split('T').next().unwrap_or_default();
    let mut text = format!("partiquet {}, {day}, {rounds}: {shape}", results.version);
    let varies = |of: &dyn Fn(&Setting) -> String| results.settings.iter().any(|s| of(s) != of(first));
    // Values that vary are in the rows.
    let fixed: [(Of<'_>, String); 6] = [
        (&|s| s.input.size_text(), size),
        (&|s| s.input.stored.to_string(), first.input.stored.to_string()),
        (&|s| s.partition_by.to_string(), format!("partitioned by {}", first.partition_by)),
        (&|s| s.codec.to_string(), first.codec.to_string()),
        (&|s| s.threads.to_string(), human::counted(first.threads as u64, "thread", "threads")),
        (&|s| s.memory.to_string(), format!("--memory {}", first.memory)),
    ];
    for (of, value) in fixed {
        if !varies(of) {
            let _ = write!(text, ", {value}");
        }
    }
    text
}

/// Describes where it was run.
pub fn machine(results: &Results) -> String {
    let machine = &results.machine;
    let cores = human::counted(machine.cores as u64, "core", "cores");
    format!(
        "{}, {cores}, {} of memory, {}, {}",
        machine.processor,
        human::bytes(machine.memory_bytes),
        machine.system,
        machine.work
    )
}

/// The name of a row: the contender, and what differs among the settings.
pub fn row_name(results: &Results, row: &Row) -> String {
    let label = results.settings[row.setting].label(&results.settings);
    match (results.settings.len() > 1, results.rows.len() > results.settings.len()) {
        (true, true) => format!("{label}: {}", row.contender.name()),
        (true, false) => label,
        (false, _) => row.contender.name(),
    }
}

pub fn cells(results: &Results) -> Vec<Vec<String>> {
    results
        .rows
        .iter()
        .map(|row| {
            let name = row_name(results, row);
            match &row.outcome {
                Outcome::Measured(figures) => [vec![name], numbers(figures, row.contender.is_ours())].concat(),
                Outcome::Cannot(why) => vec![name, why.clone()],
            }
        })
        .collect()
}

fn numbers(figures: &Figures, is_ours: bool) -> Vec<String> {
    let times = match (&figures.agreement, figures.times_ours) {
        (_, Some(times)) => format!("{times:.2}"),
        (Some(Agreement::Differs(_)), _) => "differs".to_owned(),
        (Some(Agreement::NotChecked(_)), _) => "not checked".to_owned(),
        _ if is_ours => String::new(),
        _ => "-".to_owned(),
    };
    vec![
        format!("{:.2}", figures.wall()),
        format!("{:.2}", figures.min_wall()),
        format!("{:.2}", figures.max_wall()),
        format!("{:.2}", figures.median(|run| run.cpu_seconds)),
        format!("{:.0}", figures.bytes_per_second() / 1e6),
        human::count(figures.rows_per_second() as u64),
        human::bytes(figures.peak_bytes()),
        format!("{}, {}", human::bytes(figures.output_bytes), human::counted(figures.files, "file", "files")),
        times,
    ]
}

/// Notes that a reader needs to interpret the figures.
pub fn notes_list(results: &Results) -> Vec<String> {
    let mut notes = vec![
        "Wall time is the median of all rounds, beside it the least and the most; MB/s are bytes of JSON by the median. Processor \
         time and memory are of the whole process."
            .to_owned(),
    ];
    let peers: Vec<&Row> = results.rows.iter().filter(|row| !row.contender.is_ours()).collect();
    if !peers.is_empty() {
        notes.push(
            "Wall time of the others is that of the query alone, without the start of Python or Java. Times ours is the median of \
             the ratios within each round, shown only where rows and sums over all columns agree. partiquet also writes what \
             they leave out: unknown members and unfitting values, and its counts."
                .to_owned(),
        );
    }
    if let Some(keys) = peers.iter().find_map(|row| row.contender.keys()) {
        notes.push(format!(
            "Polars and pyarrow read no object of free keys as a map, and no JSON as text. They get the {} most frequent attribute \
             keys as columns and leave out all others; the row of partiquet with as many keys has the same columns, and keeps the \
             other keys in its map.",
            keys.len()
        ));
    }
    for row in peers {
        let Outcome::Measured(figures) = &row.outcome else { continue };
        match &figures.agreement {
            Some(Agreement::Differs(what)) => {
                let shown: Vec<&str> = what.iter().take(3).map(String::as_str).collect();
                notes.push(format!("{} differs: {}", row_name(results, row), shown.join("; ")));
            }
            Some(Agreement::NotChecked(why)) => {
                notes.push(format!("{} was not checked: {why}", row_name(results, row)));
            }
            Some(Agreement::Agrees(_)) | None => {}
        }
    }
    notes.extend(results.missing.iter().map(|(name, why)| format!("{name} was skipped: {why}")));
    notes
}

fn notes(results: &Results) -> String {
    notes_list(results).iter().map(|note| format!("\n{note}\n")).collect::<Vec<_>>().concat()
}
