//! Values at a limit are accepted, values beyond it are refused with the name of the limit.

use crate::run::Folder;

/// A participant record with this total length in bytes.
fn long(id: &str, bytes: usize) -> String {
    let frame = format!(r#"{{"id":"{id}","name":""}}"#).len();
    format!(r#"{{"id":"{id}","name":"{}"}}"#, "x".repeat(bytes - frame))
}

#[test]
fn a_record_longer_than_the_limit_is_refused_and_the_next_one_read() {
    let text = format!("{}\n{}\n{}\n", long("before", 100), long("long", 2_000_000), long("after", 100));
    let folder = Folder::with("in.ndjson", &text);
    let run = folder.convert(&["in.ndjson", "--out", "out", "--max-record-size", "1MB"]).ended_with(1);
    run.says(&["in.ndjson, line 2, byte ", "--max-record-size"]);
    let run = folder.convert(&["in.ndjson", "--out", "out", "--max-record-size", "1MB", "--max-rejects", "1"]);
    let run = run.ended_with(3);
    assert!(run.stdout.contains("Too long to be kept") && !run.stdout.contains("Mend their"), "{}", run.stdout);
    let output = folder.output("out");
    assert_eq!(output.column("id"), ["before", "after"]);
    let reject = &output.rejects()[0];
    assert_eq!(
        (&reject["kind"], &reject["raw_bytes"], &reject["line"]),
        (&"size".into(), &2_000_000.into(), &2.into())
    );
    assert_eq!((reject.get("raw"), &reject["record_offset"]), (None, &101.into()), "too long to be kept");

    // Read as an input, the reject says where to find the text.
    folder.write("again.ndjson", reject.to_string());
    folder
        .convert(&["again.ndjson", "--out", "rest"])
        .ended_with(1)
        .says(&["too long to be kept", "take this line out"]);

    folder.convert(&["in.ndjson", "--out", "whole"]).ended_with(0);
    assert_eq!(folder.output("whole").column("id"), ["before", "long", "after"]);
}

#[test]
fn the_summary_knows_of_long_records_that_the_report_does_not_show() {
    let rejects_of = |text: &str| {
        let folder = Folder::with("in.ndjson", text);
        let args = ["in.ndjson", "--out", "out", "--max-record-size", "1KiB", "--max-rejects", "unlimited"];
        folder.convert(&args).ended_with(3).stdout
    };
    let too_long = long("long", 2000) + "\n";
    let stdout = rejects_of(&("{\n".repeat(20) + &too_long + &long("kept", 100)));
    assert!(stdout.contains("21  records, kept aside, but for those that are too long"), "{stdout}");
    let stdout = rejects_of(&(too_long.repeat(21) + &long("kept", 100)));
    assert!(stdout.contains("21  records, too long to be kept aside"), "{stdout}");
    assert!(stdout.contains("mend it where it is") && !stdout.contains("Mend their"), "{stdout}");
}

#[test]
fn the_limit_itself_is_allowed() {
    let folder = Folder::with("in.ndjson", format!("{}\n{}\n", long("at", 10_000), long("over", 10_001)));
    folder.convert(&["in.ndjson", "--out", "out", "--max-record-size", "10000B", "--max-rejects", "1"]).ended_with(3);
    assert_eq!(folder.output("out").column("id"), ["at"]);
    folder.write("array.json", format!("[\n{},\n{}\n]", long("at", 10_000), long("over", 10_001)));
    folder
        .convert(&["array.json", "--out", "array", "--max-record-size", "10000B", "--max-rejects", "1"])
        .ended_with(3);
    assert_eq!(folder.output("array").column("id"), ["at"]);
}

#[test]
fn a_file_without_an_end_of_line_does_not_eat_the_memory() {
    let folder = Folder::with("in.ndjson", format!("{{\"id\":\"{}", "x".repeat(5_000_000)));
    let run = folder.convert(&[
        "in.ndjson",
        "--out",
        "out",
        "--max-record-size",
        "1MB",
        "--max-rejects",
        "1",
        "--report",
        "r.json",
    ]);
    run.ended_with(3);
    assert_eq!(folder.json("r.json")["rejects"][0]["kind"], "size");
}

#[test]
fn sixty_four_levels_are_allowed() {
    let nested = |levels: usize| format!("{}1{}", "[".repeat(levels), "]".repeat(levels));
    // The record's root is the first level.
    let text = format!("{{\"id\":\"at\",\"x\":{}}}\n{{\"id\":\"over\",\"x\":{}}}\n", nested(63), nested(64));
    let folder = Folder::with("in.ndjson", text);
    folder.convert(&["in.ndjson", "--out", "out", "--max-rejects", "1"]).ended_with(3);
    let output = folder.output("out");
    assert_eq!(output.column("id"), ["at"]);
    assert_eq!(output.rejects()[0]["kind"], "depth");
}

#[test]
fn a_hundred_thousand_brackets_are_no_danger() {
    for text in ["[".repeat(100_000), "{\"a\":".repeat(100_000), format!("{{\"a\":{}", "[".repeat(100_000))] {
        let folder = Folder::with("in.ndjson", text);
        folder.convert(&["in.ndjson", "--out", "out"]).ended_with(1);
    }
}

#[test]
fn nul_is_refused_raw_and_kept_escaped() {
    let folder = Folder::with("in.ndjson", b"{\"id\":\"a\\u0000b\"}\n{\"id\":\"a\0b\"}\n\0\n{\"id\":\"c\"}\0\n");
    folder.convert(&["in.ndjson", "--out", "out", "--max-rejects", "3"]).ended_with(3);
    let output = folder.output("out");
    assert_eq!(output.column("id"), ["a\0b"]);
    let lines: Vec<_> = output.rejects().iter().map(|reject| reject["line"].as_u64().unwrap()).collect();
    assert_eq!(lines, [2, 3, 4]);
}

#[test]
fn integers_are_exact_to_64_bits() {
    let record = |value: &str| format!(r#"{{"wrapup":{{"durationSeconds":{value}}}}}"#);
    let values = ["9223372036854775807", "-9223372036854775808", "9223372036854775808", "\"9007199254740993\"", "1.5"];
    let text: Vec<String> = values.iter().map(|value| record(value)).collect();
    let rows = Folder::with("in.ndjson", text.join("\n")).converted(&["in.ndjson"]).rows();
    let seconds: Vec<_> =
        rows.iter().map(|row| row.get("wrapup_duration_seconds").and_then(serde_json::Value::as_i64)).collect();
    assert_eq!(seconds, [Some(i64::MAX), Some(i64::MIN), None, Some(9_007_199_254_740_993), None]);
    assert_eq!(rows[2]["extra"]["/wrapup/durationSeconds"], "9223372036854775808");
    assert_eq!(rows[4]["extra"]["/wrapup/durationSeconds"], "1.5");
}

#[test]
fn hundreds_of_partitions_are_no_limit() {
    let text: String = (0..300).map(|n| format!("{{\"id\":\"{n}\",\"purpose\":\"p{n}\"}}\n")).collect();
    let folder = Folder::with("in.ndjson", text);
    let output = folder.converted(&["in.ndjson", "--partition-by", "purpose"]);
    assert_eq!(output.files.len(), 300);
    assert_eq!(output.files.iter().map(|file| output.footer(file).file_metadata().num_rows()).sum::<i64>(), 300);
}
