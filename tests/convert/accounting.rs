//! The report, the ledger, the manifest and the files must agree.

use serde_json::{Value, json};

use crate::{
    data::{export, gzip, lines},
    output::tree,
    run::Folder,
};

fn count(value: &Value, name: &str) -> u64 {
    value[name].as_u64().unwrap_or_else(|| panic!("{name} of {value}"))
}

fn ledger(report: &Value) -> &serde_json::Map<String, Value> {
    report["ledger"]["paths"].as_object().unwrap()
}

#[test]
fn the_report_agrees_with_what_is_there() {
    let text = lines(&export(300, 50));
    let folder = Folder::with("in/a.ndjson", &text);
    folder.write("in/b.ndjson.gz", gzip((lines(&export(100, 51)) + "{\n").as_bytes()));
    let run = folder
        .convert(&["in", "--out", "out", "--report", "r.json", "--max-rejects", "1", "--provenance"])
        .ended_with(3);
    let (report, output) = (folder.json("r.json"), folder.output("out"));
    let manifest = output.manifest(1);

    let rows = output.rows();
    assert_eq!(count(&report, "rows"), rows.len() as u64);
    assert_eq!(count(&report, "records"), 401);
    assert_eq!(count(&report, "rejected"), 1);
    assert_eq!(report["exit_code"], 3);
    assert_eq!(report["error"], Value::Null);
    assert_eq!(count(&report, "partitions"), output.partitions().len() as u64);
    let files = tree(&folder.path("out"));
    let bytes: usize = output.files.iter().map(|file| files[file].len()).sum();
    assert_eq!(count(&report, "output_bytes"), bytes as u64);

    for input in report["inputs"].as_array().unwrap() {
        let path = input["path"].as_str().unwrap();
        let from_it = rows.iter().filter(|row| row["source_file"] == path).count() as u64;
        assert_eq!(count(input, "rows"), from_it, "{input}");
        assert_eq!(count(input, "bytes"), std::fs::metadata(folder.path(path)).unwrap().len(), "{input}");
    }
    for name in [
        "files",
        "inputs",
        "rows",
        "records",
        "rejected",
        "records_without_rows",
        "run_id",
        "rejects_file",
        "partition_values_displaced",
    ] {
        assert_eq!(report[name], manifest[name], "{name}");
    }
    // The summary for people agrees too.
    assert!(run.stdout.contains(&format!("Wrote {} rows", rows.len())) || rows.len() > 999, "{}", run.stdout);
    assert!(report["elapsed_seconds"].as_f64().unwrap() > 0.0);
}

#[test]
fn sums_close_for_every_path_and_in_total() {
    let folder = Folder::with("in.ndjson", lines(&export(500, 52)));
    folder.convert(&["in.ndjson", "--out", "out", "--report", "r.json"]).ended_with(0);
    let report = folder.json("r.json");
    let (mut seen, mut sum) = (0, 0);
    for (path, counts) in ledger(&report) {
        let parts = ["kept", "coerced", "mismatched", "unknown", "ignored"].map(|name| count(counts, name));
        assert_eq!(count(counts, "seen"), parts.iter().sum::<u64>(), "{path}: {counts}");
        assert!(count(counts, "null") <= count(counts, "kept"), "{path}: {counts}");
        seen += count(counts, "seen");
        sum += parts.iter().sum::<u64>();
    }
    assert!(seen == sum && seen > 5000);
    assert_eq!(folder.output("out").manifest(1)["values"]["seen"], seen);
}

#[test]
fn the_ledger_counts_what_the_columns_hold() {
    let records = export(400, 53);
    let folder = Folder::with("in.ndjson", lines(&records));
    folder.convert(&["in.ndjson", "--out", "out", "--report", "r.json", "--attribute-columns", "none"]).ended_with(0);
    let (report, output) = (folder.json("r.json"), folder.output("out"));
    let ledger = ledger(&report);
    let (text, rows) = (lines(&records), output.rows());
    for (path, column, member) in [
        ("/purpose", "purpose", "\"purpose\":"),
        ("/queue/name", "queue_name", "\"queue\":"),
        ("/held", "held", "\"held\":"),
        ("/mediaRoles", "media_roles", "\"mediaRoles\":"),
        ("/attributes", "attributes", "\"attributes\":"),
    ] {
        let (in_text, in_rows) =
            (text.matches(member).count(), rows.iter().filter(|row| row.contains_key(column)).count());
        assert_eq!(
            (count(&ledger[path], "seen"), count(&ledger[path], "kept")),
            (in_text as u64, in_rows as u64),
            "{path}"
        );
    }
    assert_eq!(count(&ledger["/state"], "null"), count(&report, "rows"), "null in every record");
    assert_eq!(count(&ledger["/wrapup/durationSeconds"], "coerced"), text.matches("durationSeconds").count() as u64);
    assert_eq!(count(&ledger["/sentimentScore"], "unknown"), text.matches("sentimentScore").count() as u64);
    assert_eq!(count(&ledger["/mediaRoles/*"], "null"), count(&ledger["/mediaRoles"], "seen"), "one null in each list");
    // A parent's member is counted once, although it is repeated on its rows.
    assert_eq!(count(&ledger["../id"], "seen"), text.matches("\"participants\":").count() as u64);
    let entries: usize =
        rows.iter().filter_map(|row| row.get("attributes")?.as_object()).map(serde_json::Map::len).sum();
    assert_eq!(count(&ledger["/attributes/*"], "kept"), entries as u64);
}

#[test]
fn the_first_deviation_of_each_kind_has_its_place() {
    let text = "{\"id\":\"a\"}\n{\"id\":\"b\",\"held\":\"true\"}\n{\"held\":\"false\",\"odd\":1}\n{\"held\":7}\n";
    let folder = Folder::with("in.ndjson", text);
    let run = folder.convert(&["in.ndjson", "--out", "out", "--report", "r.json"]).ended_with(0);
    let report = folder.json("r.json");
    let ledger = ledger(&report);
    let held = &ledger["/held"];
    assert_eq!([count(held, "coerced"), count(held, "mismatched"), count(held, "seen")], [2, 1, 3]);
    let place =
        |value: &str, line: u64| json!({"file": "in.ndjson", "offset": text.find(value).unwrap(), "line": line});
    assert_eq!(held["first"], json!({"coerced": place("\"true\"", 2), "mismatched": place("7}", 4)}));
    assert_eq!(ledger["/odd"]["first"], json!({"unknown": place("1}", 3)}));
    assert_eq!(ledger["/id"].get("first"), None, "nothing to look at");
    for part in ["coerced", "/held", "in.ndjson", "unknown", "/odd"] {
        assert!(run.stdout.contains(part), "{part}: {}", run.stdout);
    }
}

#[test]
fn a_failed_run_reports_its_error() {
    let folder = Folder::with("in.ndjson", "{\"id\":1}\n{\"id\":!}\n");
    folder.convert(&["in.ndjson", "--out", "out", "--report", "r.json"]).ended_with(1);
    let report = folder.json("r.json");
    assert_eq!(report["exit_code"], 1);
    assert_eq!(
        (&report["error"]["reject"]["line"], &report["error"]["reject"]["raw"]),
        (&json!(2), &json!("{\"id\":!}"))
    );
    assert!(report["error"]["message"].as_str().unwrap().contains("in.ndjson, line 2"));
    assert_eq!(folder.names(), ["in.ndjson", "r.json"]);
}

#[test]
fn the_report_can_go_to_standard_output() {
    let folder = Folder::with("in.ndjson", "{\"id\":1}\n");
    let run = folder.convert(&["in.ndjson", "--out", "out", "--report", "-"]).ended_with(0);
    let report: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(report["rows"], 1);
    assert!(run.stderr.contains("Wrote 1 row "), "{}", run.stderr);
}

#[test]
fn unknown_members_without_end_are_counted_within_a_bound() {
    let text: String = (0..12_000).map(|n| format!("{{\"member{n}\":{n}}}\n")).collect();
    let folder = Folder::with("in.ndjson", text);
    folder.convert(&["in.ndjson", "--out", "out", "--report", "r.json"]).ended_with(0);
    let report = folder.json("r.json");
    assert!(ledger(&report).len() <= 10_001, "{}", ledger(&report).len());
    let unknown: u64 = ledger(&report).values().map(|counts| count(counts, "unknown")).sum();
    assert_eq!(unknown, 12_000);
    let extras = folder.output("out").rows().iter().filter(|row| row.contains_key("extra")).count();
    assert_eq!(extras, 12_000, "every value is there all the same");
}
