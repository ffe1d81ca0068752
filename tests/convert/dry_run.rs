//! `--dry-run` tells what a run would do, and does nothing.

use std::collections::BTreeMap;

use crate::{
    data::{export, lines},
    run::Folder,
};

/// The lines `  NAME  N row(s)` of one section, with what is before the number.
fn listed(text: &str, section: &str, unit: &str) -> BTreeMap<String, u64> {
    let lines = text.lines().skip_while(|line| !line.starts_with(section)).skip(1).take_while(|line| !line.is_empty());
    lines
        .filter_map(|line| {
            let (name, rest) = line.trim_start().rsplit_once("  ")?;
            let number = rest
                .trim_start_matches("in ")
                .strip_suffix(unit)
                .or_else(|| rest.trim_start_matches("in ").strip_suffix(&format!("{unit}s")))?;
            Some((name.to_owned(), number.trim().replace(',', "").parse().ok()?))
        })
        .collect()
}

#[test]
fn nothing_is_written() {
    let folder = Folder::with("in.ndjson", lines(&export(50, 60)));
    let run = folder.convert(&["in.ndjson", "--out", "new/out", "--dry-run"]).ended_with(0);
    assert!(run.stdout.ends_with("This was a dry run: nothing was written.\n"), "{}", run.stdout);
    assert_eq!(folder.names(), ["in.ndjson"]);
}

#[test]
fn partitions_and_attributes_are_those_of_the_run_when_all_is_sampled() {
    let folder = Folder::with("in/a.ndjson", lines(&export(300, 61)));
    folder.write("in/b.json", format!("[\n{}\n]", export(40, 62).join(",\n")));
    for by in ["day(start_time)", "purpose, day(start_time)", "bucket(4, conversation_id)"] {
        let run = folder.convert(&["in", "--out", "out", "--dry-run", "--partition-by", by]).ended_with(0);
        folder
            .convert(&["in", "--out", "out", "--mode", "overwrite", "--partition-by", by, "--report", "r.json"])
            .ended_with(0);
        let real = folder.output("out").partitions().into_iter().map(|(path, rows)| (path, rows.len() as u64));
        let real: BTreeMap<String, u64> = real.collect();
        let shown = listed(&run.stdout, "Partitions by ", "row");
        assert_eq!(shown.len(), real.len().min(20), "{}", run.stdout);
        for (path, rows) in &shown {
            assert_eq!(real.get(path), Some(rows), "{path}\n{}", run.stdout);
        }
        let columns = folder.json("r.json")["attribute_columns"].as_array().unwrap().len();
        assert_eq!(listed(&run.stdout, "Attribute columns", "participant").len(), columns, "{}", run.stdout);
        assert!(columns >= 5 && run.stdout.contains("from all "), "{}", run.stdout);
    }
}

#[test]
fn records_that_would_be_refused_are_shown() {
    let folder = Folder::with("in.ndjson", "{\"id\":1}\n{\"id\":!}\n");
    let run = folder.convert(&["in.ndjson", "--out", "out", "--dry-run"]).ended_with(0);
    assert!(run.stdout.contains("1 record would be rejected"), "{}", run.stdout);
    assert!(run.stdout.contains("in.ndjson, ") && run.stdout.contains("byte 15"), "{}", run.stdout);
}

#[test]
fn a_pipe_can_be_looked_at_too() {
    let folder = Folder::new();
    let run =
        folder.convert_piped(&["-", "--out", "out", "--dry-run"], lines(&export(20, 63)).as_bytes()).ended_with(0);
    assert!(run.stdout.contains("start_time_day=2025-07-0"), "{}", run.stdout);
    assert!(folder.names().is_empty());
}
