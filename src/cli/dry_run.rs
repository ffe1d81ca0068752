//! Shows what a conversion would write, as far as a sample tells.

use std::fmt::Write;

use partiquet::{Preview, config::PartitionBy, model::TableSchema};

use super::{human, paint::Paint};

/// Maximum number of inputs, partitions and attribute keys listed.
const LISTED: usize = 20;

/// Renders the preview for people.
pub fn render(preview: &Preview, by: &PartitionBy, paint: Paint) -> String {
    // Destructured in full, so that no finding is forgotten.
    let Preview {
        inputs,
        skipped,
        schema,
        attribute_keys,
        sampled_participants,
        partitions,
        replaced,
        sample_complete,
        records,
        rejected,
        rejects,
        cut_off,
        obstacles,
    } = preview;
    let mut text = String::new();
    let basis = |number: u64, one: &str, many: &str| {
        let counted = human::counted(number, one, many);
        if *sample_complete { format!("all {counted}") } else { format!("a sample of {counted}") }
    };

    heading(&mut text, paint, &human::counted(inputs.len() as u64, "input", "inputs"));
    list(&mut text, inputs, |(name, bytes)| {
        format!("{}  {}", human::shown(name), bytes.map(human::bytes).unwrap_or_default())
    });

    if !skipped.is_empty() {
        let number = human::counted(skipped.len() as u64, "input is", "inputs are");
        heading(&mut text, paint, &format!("{number} taken in before and would be skipped"));
        list(&mut text, skipped, |input| format!("{}  commit {}", human::shown(&input.path), input.commit));
    }

    heading(
        &mut text,
        paint,
        &format!("{}: name, type, path", human::counted(schema.columns.len() as u64, "column", "columns")),
    );
    columns(&mut text, schema);

    let from = basis(*sampled_participants, "participant with attributes", "participants with attributes");
    heading(&mut text, paint, &format!("Attribute columns, from {from}"));
    list(&mut text, attribute_keys, |(key, participants)| {
        format!("{}  in {}", human::shown(key), human::counted(*participants, "participant", "participants"))
    });

    let from = basis(partitions.iter().map(|(_, rows)| rows).sum(), "row", "rows");
    heading(&mut text, paint, &format!("Partitions by {by}, from {from}"));
    list(&mut text, partitions, |(path, rows)| {
        format!("{}  {}", if path.is_empty() { "." } else { path }, human::counted(*rows, "row", "rows"))
    });

    if !replaced.is_empty() {
        heading(&mut text, paint, "Rows in these partitions that would be replaced");
        list(&mut text, replaced, |(path, rows)| {
            format!("{}  {}", if path.is_empty() { "." } else { path }, human::counted(*rows, "row", "rows"))
        });
    }

    if *rejected > 0 {
        let of = if *sample_complete { "" } else { " sampled" };
        let records = human::counted(*records, "record", "records");
        heading(&mut text, paint, &format!("Of{of} {records} {} would be rejected", human::count(*rejected)));
        for reject in rejects.iter().take(LISTED) {
            item(&mut text, &reject.to_string());
        }
        more(&mut text, rejected.saturating_sub(rejects.len().min(LISTED) as u64));
    }
    if let Some(cut_off) = cut_off {
        heading(&mut text, paint, cut_off);
    }
    if !obstacles.is_empty() {
        heading(&mut text, paint, "The run would fail");
        for obstacle in obstacles.iter().take(LISTED) {
            item(&mut text, obstacle);
        }
        more(&mut text, obstacles.len().saturating_sub(LISTED) as u64);
    }
    text.push_str("\nThis was a dry run: nothing was written.\n");
    text
}

fn heading(text: &mut String, paint: Paint, heading: &str) {
    let gap = if text.is_empty() { "" } else { "\n" };
    let _ = writeln!(text, "{gap}{}", paint.bold(heading));
}

fn list<T>(text: &mut String, items: &[T], line: impl Fn(&T) -> String) {
    if items.is_empty() {
        text.push_str("  none\n");
    }
    for item in items.iter().take(LISTED) {
        let _ = writeln!(text, "  {}", line(item).trim_end());
    }
    more(text, items.len().saturating_sub(LISTED) as u64);
}

/// Appends a message of several lines.
fn item(text: &mut String, message: &str) {
    let lines = human::shown_lines(message).replace('\n', "\n  ");
    let _ = writeln!(text, "  {lines}");
}

fn more(text: &mut String, number: u64) {
    if number > 0 {
        let _ = writeln!(text, "  and {} more", human::count(number));
    }
}

fn columns(text: &mut String, schema: &TableSchema) {
    let rows: Vec<_> = schema.columns.iter().map(|column| (human::shown(&column.name), column.type_name())).collect();
    let width =
        |of: fn(&(String, String)) -> &String| rows.iter().map(|row| of(row).chars().count()).max().unwrap_or(0);
    // A long list of struct members must not push the paths off the screen.
    let (names, types) = (width(|row| &row.0).min(64), width(|row| &row.1).min(24));
    for ((name, kind), column) in rows.iter().zip(&schema.columns) {
        let line = format!("  {name:<names$}  {kind:<types$}  {}", human::shown(&column.path));
        let _ = writeln!(text, "{}", line.trim_end());
    }
}

#[cfg(test)]
mod tests;
