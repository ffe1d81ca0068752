//! Broken JSON that is not line-delimited: the next record cannot be found, so the rest of the file is refused as a
//! whole. A fault in a well-formed record costs only that record.

use serde_json::json;

use crate::{data::conversation, run::Folder};

fn record(id: &str) -> String {
    let value: serde_json::Value = serde_json::from_str(&conversation(id, "2025-07-01T10:00:00Z")).unwrap();
    serde_json::to_string_pretty(&value).unwrap()
}

/// A pretty-printed array of these records.
fn array(records: &[String]) -> String {
    format!("[\n{}\n]\n", records.join(",\n"))
}

#[test]
fn the_rest_of_a_document_behind_a_fault_is_one_reject() {
    let broken = record("broken").replace(r#""agent""#, "agent");
    let text = array(&[record("a"), record("b"), broken.clone(), record("lost"), record("lost too")]);
    let folder = Folder::with("in/1.json", &text);
    folder.write("in/2.json", array(&[record("c"), record("d")]));

    let fault = text
        .find("agent,")
        .filter(|&at| text.as_bytes()[at - 1] != b'"')
        .or_else(|| text.find(": agent").map(|at| at + 2));
    let fault = fault.unwrap();
    let line = text[..fault].matches('\n').count() + 1;
    let run = folder.convert(&["in", "--out", "out"]).ended_with(1);
    let (caret, excerpt) = run.excerpt();
    assert!(excerpt.chars().skip(caret).collect::<String>().starts_with("agent,"), "{}", run.stderr);
    run.says(&[
        &format!("in/1.json, line {line}, byte {fault}, at /participants/0/purpose"),
        "the rest of the document",
    ]);

    folder.convert(&["in", "--out", "out", "--max-rejects", "1", "--threads", "7"]).ended_with(3);
    let output = folder.output("out");
    assert_eq!(output.sorted("conversation_id"), ["a", "b", "c", "d"]);
    let [reject] = &output.rejects()[..] else { panic!("one reject") };
    let start = text.find(&broken).unwrap();
    assert_eq!(
        (&reject["record_offset"], &reject["offset"], &reject["line"]),
        (&json!(start), &json!(fault), &json!(line))
    );
    assert_eq!(reject["raw"].as_str().unwrap().trim_end(), text[start..].trim_end(), "the whole rest");
    assert_eq!(output.manifest(1)["records"], 5);
}

#[test]
fn the_rest_of_a_document_mended_gives_all_that_was_lost() {
    let broken = record("broken").replace(r#""agent""#, "agent");
    let text = array(&[record("a"), broken, record("lost"), record("lost too")]);
    let folder = Folder::with("in.json", &text);
    folder.convert(&["in.json", "--out", "out", "--max-rejects", "1"]).ended_with(3);
    let mut reject = folder.output("out").rejects().remove(0);
    reject["raw"] = json!(format!("[{}", reject["raw"].as_str().unwrap().replace(": agent", ": \"agent\"")));
    folder.write("mended.json", reject.to_string());
    folder.convert(&["mended.json", "--out", "rest"]).ended_with(0);
    assert_eq!(folder.output("rest").sorted("conversation_id"), ["broken", "lost", "lost too"]);
}

#[test]
fn a_lost_document_may_be_longer_than_a_block() {
    let records: Vec<String> = (0..12_000).map(|n| record(&format!("c{n}"))).collect();
    let text = array(&records).replacen("\"c10\"", "c10", 1);
    assert!(text.len() > 1_300_000);
    let folder = Folder::with("in.json", &text);
    folder.convert(&["in.json", "--out", "out", "--max-rejects", "1", "--threads", "3"]).ended_with(3);
    let output = folder.output("out");
    assert_eq!(output.rows().len(), 10);
    let reject = &output.rejects()[0];
    let start = reject["record_offset"].as_u64().unwrap() as usize;
    assert!(reject["raw"].as_str().unwrap().trim_end() == text[start..].trim_end(), "the whole rest");
    assert_eq!(output.manifest(1)["rows"], 10);
}

#[test]
fn a_document_that_ends_too_early_loses_its_last_record_only() {
    let text = array(&[record("a"), record("b"), record("cut")]);
    let folder = Folder::with("in.json", &text[..text.len() - 20]);
    folder.convert(&["in.json", "--out", "out", "--max-rejects", "1"]).ended_with(3);
    let output = folder.output("out");
    assert_eq!(output.sorted("conversation_id"), ["a", "b"]);
    assert!(output.rejects()[0]["raw"].as_str().unwrap().contains("\"cut\""));
}

#[test]
fn a_well_formed_record_that_is_refused_costs_only_itself() {
    let twice = record("twice").replacen('{', "{ \"id\": \"twice\",", 1);
    let text = array(&[record("a"), twice.clone(), "17".to_owned(), r#"{"participants": 1}"#.to_owned(), record("b")]);
    let folder = Folder::with("in.json", &text);
    folder.convert(&["in.json", "--out", "out", "--max-rejects", "3"]).ended_with(3);
    let output = folder.output("out");
    assert_eq!(output.sorted("conversation_id"), ["a", "b"]);
    let rejects = output.rejects();
    let kinds: Vec<_> = rejects.iter().map(|reject| reject["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["duplicate", "not-object", "envelope"]);
    assert_eq!((&rejects[0]["raw"], &rejects[1]["raw"]), (&json!(twice), &json!("17")));
}

#[test]
fn what_stands_behind_or_between_the_records_of_an_array_is_looked_at() {
    let [a, b] = ["a", "b"].map(record);
    for text in [
        format!("[\n{a}\n{b}\n]"),
        format!("[\n{a},\n,{b}\n]"),
        format!("[\n{a},\n{b},\n]"),
        format!("[\n{a},\n{b}\n"),
        format!("[\n,{a}\n]"),
        format!("[\n{a}\n] ]"),
        format!("[\n{a}\n] x"),
    ] {
        let folder = Folder::with("in.json", &text);
        let run = folder.convert(&["in.json", "--out", "out"]);
        assert_eq!(run.code, 1, "{text}\n{}{}", run.stdout, run.stderr);
        assert!(run.stderr.contains("--max-rejects"), "{text}\n{}", run.stderr);
    }
}

#[test]
fn lines_are_counted_across_a_record_that_is_too_long() {
    let long = record("long").replace("long-p", &"x".repeat(2000));
    let text = array(&[record("a"), long, "5".to_owned(), record("b")]);
    let folder = Folder::with("in.json", &text);
    let limits = ["--max-record-size", "1KiB", "--max-rejects", "2"];
    folder.convert(&[&["in.json", "--out", "out"], &limits[..]].concat()).ended_with(3);
    let output = folder.output("out");
    assert_eq!(output.sorted("conversation_id"), ["a", "b"]);
    let places: Vec<_> =
        output.rejects().iter().map(|reject| (reject["kind"].clone(), reject["line"].clone())).collect();
    let line = |part: &str| json!(text[..text.find(part).unwrap()].matches('\n').count() + 1);
    let begins = text.find("\"long\"").unwrap();
    let begins = text[..begins].rfind('{').unwrap();
    let first = json!(text[..begins].matches('\n').count() + 1);
    assert_eq!(places, [(json!("size"), first), (json!("not-object"), line("5,\n"))]);
}

#[test]
fn what_could_not_be_told_into_records_is_counted_for_its_input_too() {
    let long = record("long").replace("long-p", &"x".repeat(2000));
    let broken = array(&[record("a"), long.clone(), "{!}".to_owned()]);
    let folder = Folder::with("in/a.json", &broken);
    folder.write("in/b.ndjson", format!("{long}\n{}\n", record("b").replace('\n', " ")));
    let limits = ["--max-record-size", "1KiB", "--max-rejects", "5"];
    folder.convert(&[&["in", "--out", "out", "--report", "r.json"], &limits[..]].concat()).ended_with(3);
    let report = folder.json("r.json");
    let sum = |name: &str| {
        report["inputs"].as_array().unwrap().iter().map(|input| input[name].as_u64().unwrap()).sum::<u64>()
    };
    assert_eq!([sum("records"), sum("rejected")], ["records", "rejected"].map(|name| report[name].as_u64().unwrap()));
    folder.run(&["verify", "out"]).ended_with(0);
}

#[test]
fn the_rest_of_a_document_is_kept_up_to_the_length_of_a_record() {
    let records: Vec<String> = (0..12_000).map(|n| record(&format!("c{n}"))).collect();
    let text = array(&records).replacen("\"c0\"", "c0", 1);
    let folder = Folder::with("in.json", &text);
    let with = |out: &str, bytes: usize| {
        let limit = format!("--max-record-size={bytes}");
        folder.convert(&["in.json", "--out", out, "--max-rejects", "1", &limit])
    };
    with("any", text.len()).ended_with(3);
    let reject = folder.output("any").rejects()[0].clone();
    let rest = text.len() - reject["record_offset"].as_u64().unwrap() as usize;
    assert_eq!(reject["raw_bytes"], rest);
    with("just", rest).ended_with(3);
    assert_eq!(folder.output("just").rejects()[0]["raw"].as_str().map(str::len), Some(rest));
    with("less", rest - 1).ended_with(1).says(&["too long to be kept"]);
}
