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
    let basis = |number: u64, one: &str, many: &str| {
        let counted = human::counted(number, one, many);
        if *sample_complete { format!("all {counted}") } else { format!("a sample of {counted}") }
    };
    let mut page = Page { text: String::new(), paint };

    page.heading(&human::counted(inputs.len() as u64, "input", "inputs"));
    page.list(inputs, |(name, bytes)| {
        format!("{}  {}", human::shown(name), bytes.map(human::bytes).unwrap_or_default())
    });
    if !skipped.is_empty() {
        let number = human::counted(skipped.len() as u64, "input is", "inputs are");
        page.heading(&format!("{number} taken in before and would be skipped"));
        page.list(skipped, |input| format!("{}  commit {}", human::shown(&input.path), input.commit));
    }

    let columns = human::counted(schema.columns.len() as u64, "column", "columns");
    page.heading(&format!("{columns}: name, type, path"));
    page.columns(schema);
    let from = basis(*sampled_participants, "participant with attributes", "participants with attributes");
    page.heading(&format!("Attribute columns, from {from}"));
    page.list(attribute_keys, |(key, participants)| {
        format!("{}  in {}", human::shown(key), human::counted(*participants, "participant", "participants"))
    });

    let from = basis(partitions.iter().map(|(_, rows)| rows).sum(), "row", "rows");
    page.heading(&format!("Partitions by {by}, from {from}"));
    page.list(partitions, partition_rows);
    if !replaced.is_empty() {
        page.heading("Rows in these partitions that would be replaced");
        page.list(replaced, partition_rows);
    }

    if *rejected > 0 {
        let of = if *sample_complete { "" } else { " sampled" };
        let records = human::counted(*records, "record", "records");
        page.heading(&format!("Of{of} {records} {} would be rejected", human::count(*rejected)));
        page.messages(rejects, *rejected);
    }
    if let Some(cut_off) = cut_off {
        page.heading(cut_off);
    }
    if !obstacles.is_empty() {
        page.heading("The run would fail");
        page.messages(obstacles, obstacles.len() as u64);
    }
    page.text.push_str("\nThis was a dry run: nothing was written.\n");
    page.text
}

fn partition_rows((path, rows): &(String, u64)) -> String {
    format!("{}  {}", if path.is_empty() { "." } else { path }, human::counted(*rows, "row", "rows"))
}

/// The text so far.
struct Page {
    text: String,
    paint: Paint,
}

impl Page {
    fn heading(&mut self, heading: &str) {
        let gap = if self.text.is_empty() { "" } else { "\n" };
        let _ = writeln!(self.text, "{gap}{}", self.paint.bold(heading));
    }

    fn list<T>(&mut self, items: &[T], line: impl Fn(&T) -> String) {
        if items.is_empty() {
            self.text.push_str("  none\n");
        }
        for item in items.iter().take(LISTED) {
            let _ = writeln!(self.text, "  {}", line(item).trim_end());
        }
        self.more(items.len().saturating_sub(LISTED) as u64);
    }

    /// Appends the first messages of `number`, each of several lines.
    fn messages(&mut self, messages: &[impl ToString], number: u64) {
        for message in messages.iter().take(LISTED) {
            let lines = human::shown_lines(&message.to_string()).replace('\n', "\n  ");
            let _ = writeln!(self.text, "  {lines}");
        }
        self.more(number.saturating_sub(messages.len().min(LISTED) as u64));
    }

    fn more(&mut self, number: u64) {
        if number > 0 {
            let _ = writeln!(self.text, "  and {} more", human::count(number));
        }
    }

    fn columns(&mut self, schema: &TableSchema) {
        let rows: Vec<_> =
            schema.columns.iter().map(|column| (human::shown(&column.name), column.type_name())).collect();
        let width =
            |of: fn(&(String, String)) -> &String| rows.iter().map(|row| of(row).chars().count()).max().unwrap_or(0);
        // A long list of struct members must not push the paths off the screen.
        let (names, types) = (width(|row| &row.0).min(64), width(|row| &row.1).min(24));
        for ((name, kind), column) in rows.iter().zip(&schema.columns) {
            let line = format!("  {name:<names$}  {kind:<types$}  {}", human::shown(&column.path));
            let _ = writeln!(self.text, "{}", line.trim_end());
        }
    }
}

#[cfg(test)]
mod tests;
