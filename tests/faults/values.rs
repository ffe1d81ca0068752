//! Partition values that look like something else: another folder, a null, the end of a name.

use std::{collections::BTreeSet, fmt::Write as _};

use partiquet::partition::path::{DEFAULT_PARTITION, decode};
use serde_json::{Value, json};

use crate::run::Folder;

/// Every character up to U+00FF, alone and at the end of a value, and some others that are known to be awkward.
fn hostile() -> BTreeSet<String> {
    let mut values = BTreeSet::new();
    for c in (0..=255_u8).map(char::from) {
        values.extend([c.to_string(), format!("x{c}")]);
    }
    // Twins that differ only in case, in Unicode form or in their escape; paths that lead out; texts similar to the
    // sentinel.
    let others =
        ["Agent", "agent", "AGENT", "ü", "u\u{308}", "%2F", "%2f", "%252F", "../../x", "/etc/passwd", "a/../b", "~"];
    values.extend(others.map(str::to_owned));
    values.extend([DEFAULT_PARTITION.to_lowercase(), format!("{DEFAULT_PARTITION} "), "x".repeat(240)]);
    values
}

/// Values that read as null: the row keeps the value in `extra`.
fn without_a_folder() -> [String; 5] {
    [String::new(), DEFAULT_PARTITION.to_owned(), "x".repeat(300), "/".repeat(100), "😀".repeat(80)]
}

#[test]
fn each_row_stands_in_the_folder_of_its_value_and_nowhere_else() {
    let (hostile, displaced) = (hostile(), without_a_folder());
    let lines = hostile.iter().chain(&displaced).fold(String::new(), |mut text, value| {
        let _ = writeln!(text, "{}", json!({"id": value, "purpose": value}));
        text
    });
    let folder = Folder::with("in.ndjson", lines);
    folder.write("precious", "precious");
    folder.convert(&["in.ndjson", "--out", "out", "--partition-by", "purpose", "--memory", "64MiB"]).ended_with(0);
    folder.run(&["verify", "out"]).ended_with(0);
    assert_eq!(folder.names(), ["in.ndjson", "out", "precious"]);

    let mut found = BTreeSet::new();
    for (partition, rows) in folder.output("out").partitions() {
        let value = partition.strip_prefix("purpose=").unwrap();
        assert!(!value.contains('/') && value.len() <= 255, "{value}");
        if value == DEFAULT_PARTITION {
            let ids: BTreeSet<&str> = rows.iter().map(|row| row["id"].as_str().unwrap()).collect();
            assert_eq!(ids, displaced.iter().map(String::as_str).collect());
            assert!(
                rows.iter().all(|row| row["extra"]["/purpose"] == Value::String(row["id"].to_string())),
                "{rows:?}"
            );
            continue;
        }
        let value = decode(value).unwrap();
        assert_eq!(rows.len(), 1, "{value:?}");
        assert_eq!(rows[0]["id"], value);
        assert!(found.insert(value));
    }
    assert_eq!(found, hostile);
    let manifest = folder.output("out").manifest(1);
    assert_eq!(manifest["partition_values_displaced"], displaced.len());
}

#[test]
fn values_of_two_columns_that_no_folder_holds_are_both_kept() {
    let lines = [r#"{"id":"a","purpose":"","provider":""}"#, r#"{"id":"b","purpose":"","provider":"","novel":1}"#];
    let folder = Folder::with("in.ndjson", lines.join("\n"));
    folder.convert(&["in.ndjson", "--out", "out", "--partition-by", "purpose,provider"]).ended_with(0);
    let rows = folder.output("out").rows();
    let extra: Vec<&Value> = rows.iter().map(|row| &row["extra"]).collect();
    let both = json!({"/purpose": "\"\"", "/provider": "\"\""});
    let and_its_own = json!({"/novel": "1", "/purpose": "\"\"", "/provider": "\"\""});
    assert_eq!(extra, [&both, &and_its_own]);
}

#[test]
fn bytes_that_are_no_text_name_no_folder() {
    let bytes = 0x80..=0xff_u8;
    let mut records = b"{\"id\":\"b\",\"purpose\":\"y\"}\n".to_vec();
    for byte in bytes.clone() {
        records.extend([&b"{\"id\":\"a\",\"purpose\":\"x"[..], &[byte], b"\"}\n"].concat());
    }
    let folder = Folder::with("in.ndjson", records);
    folder.convert(&["in.ndjson", "--out", "out", "--partition-by", "purpose", "--max-rejects", "128"]).ended_with(3);
    let output = folder.output("out");
    assert_eq!(output.rejects().len(), bytes.len());
    assert_eq!(output.partitions().into_keys().collect::<Vec<_>>(), ["purpose=y"]);
}
