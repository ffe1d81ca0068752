//! The bytes of the output depend only on inputs and options.

use std::collections::BTreeMap;

use crate::{
    data::{Chance, export, gzip, lines, zstd},
    output::tree,
    run::Folder,
};

/// Every file of a dataset except the commit, which is the only one that may contain the time.
fn bytes(folder: &Folder, out: &str) -> BTreeMap<String, Vec<u8>> {
    let mut files = tree(&folder.path(out));
    files.retain(|path, _| !path.starts_with("_partiquet/commits/"));
    assert!(files.len() > 2, "{:?}", files.keys());
    files
}

fn run_id(folder: &Folder, out: &str) -> String {
    folder.output(out).manifest(1)["run_id"].as_str().unwrap().to_owned()
}

#[track_caller]
fn assert_same(some: &BTreeMap<String, Vec<u8>>, others: &BTreeMap<String, Vec<u8>>, what: &str) {
    assert!(some.keys().eq(others.keys()), "{what}: {:?} and {:?}", some.keys(), others.keys());
    for (path, bytes) in some {
        assert!(*bytes == others[path], "{what}: {path} differs ({} and {} bytes)", bytes.len(), others[path].len());
    }
}

/// A plain file of several blocks, a gz file of two members, a zst file and a pretty-printed document; their records
/// are of several days in random order, and some are refused.
fn mixed_inputs() -> Folder {
    let folder = Folder::with("in/1.ndjson", lines(&export(4200, 1)) + "{\"broken\"\n");
    let members = export(500, 2);
    let (first, second) = members.split_at(200);
    folder.write("in/2.ndjson.gz", [gzip(lines(first).as_bytes()), gzip(lines(second).as_bytes())].concat());
    folder.write("in/3.ndjson.zst", zstd((lines(&export(300, 3)) + "[]\n").as_bytes()));
    folder.write("in/4.json", format!("[\n{}\n]\n", export(300, 4).join(",\n  ")));
    folder
}

#[test]
fn one_two_and_seven_threads_write_the_same_bytes() {
    let folder = mixed_inputs();
    // Small row groups and files, so that many are in progress at a time and must be put in order again.
    let options = ["--row-group-rows", "700", "--target-file-size", "64KiB", "--max-rejects", "5", "--provenance"];
    for threads in ["1", "2", "7"] {
        let places = ["in", "--out", threads, "--threads", threads];
        folder.convert(&[&places[..], &options].concat()).ended_with(3);
    }
    let one = bytes(&folder, "1");
    assert!(one.keys().filter(|path| path.ends_with(".parquet")).count() > 8, "{:?}", one.keys());
    assert_same(&one, &bytes(&folder, "2"), "two threads");
    assert_same(&one, &bytes(&folder, "7"), "seven threads");
}

#[test]
fn the_same_run_gives_the_same_bytes_in_another_folder_and_under_other_names() {
    let text = lines(&export(400, 5));
    let folder = Folder::with("a.ndjson", &text);
    folder.write("elsewhere/b.json", &text);
    for (input, out) in [("a.ndjson", "first"), ("a.ndjson", "deep/down/second"), ("elsewhere/b.json", "third")] {
        folder.convert(&[input, "--out", out]).ended_with(0);
    }
    let first = bytes(&folder, "first");
    assert_same(&first, &bytes(&folder, "deep/down/second"), "another folder");
    assert_same(&first, &bytes(&folder, "third"), "an input of another name");
    assert_eq!(run_id(&folder, "first"), run_id(&folder, "third"));
}

#[test]
fn the_run_id_stands_in_names_footers_and_manifest() {
    let folder = Folder::with("in.ndjson", lines(&export(50, 6)));
    let output = folder.converted(&["in.ndjson"]);
    let id = run_id(&folder, "out");
    for file in &output.files {
        assert!(file.ends_with(&format!("-{id}.parquet")), "{file}");
        assert_eq!(output.said(file, "partiquet.run_id").unwrap(), id);
        assert_eq!(output.said(file, "partiquet.model").unwrap(), "call");
        assert_eq!(output.said(file, "partiquet.version").unwrap(), env!("CARGO_PKG_VERSION"));
    }
}

#[test]
fn another_option_or_another_byte_is_another_run() {
    let records = export(60, 7);
    let folder = Folder::with("in.ndjson", lines(&records));
    folder.write("byte.ndjson", lines(&records).replacen("agent", "agenT", 1));
    folder.write("blank.ndjson", lines(&records) + "\n");
    let runs: [&[&str]; 13] = [
        &["in.ndjson"],
        &["byte.ndjson"],
        // The same rows, but a different input.
        &["blank.ndjson"],
        &["in.ndjson", "--partition-by", "month(start_time)"],
        &["in.ndjson", "--compression", "snappy"],
        &["in.ndjson", "--row-group-rows", "10"],
        &["in.ndjson", "--sort-by", "start_time"],
        &["in.ndjson", "--bloom-filter", "conversation_id"],
        &["in.ndjson", "--attribute-columns", "none"],
        &["in.ndjson", "--attribute-map", "all"],
        &["in.ndjson", "--provenance"],
        &["in.ndjson", "--target-file-size", "1MiB"],
        &["in.ndjson", "--max-record-size", "1MiB"],
    ];
    let mut ids: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for (number, run) in runs.iter().enumerate() {
        let out = number.to_string();
        folder.convert(&[run, &["--out", &out][..]].concat()).ended_with(0);
        ids.entry(run_id(&folder, &out)).or_default().push(run.last().unwrap());
    }
    assert_eq!(ids.len(), runs.len(), "{ids:?}");

    // Options that do not change the files do not change the name.
    folder
        .convert(&["in.ndjson", "--out", "x", "--threads", "3", "--progress", "json", "--max-rejects", "7"])
        .ended_with(0);
    assert_eq!(run_id(&folder, "0"), run_id(&folder, "x"));
}

#[test]
fn one_file_or_fifty_make_the_same_rows_in_the_same_order() {
    let records = export(1500, 8);
    let text = lines(&records);
    let folder = Folder::with("one.ndjson", &text);
    for (number, part) in records.chunks(30).enumerate() {
        folder.write(&format!("fifty/{number:02}.ndjson"), lines(part));
    }
    let mut chance = Chance::new(9);
    let mut members = Vec::new();
    let mut rest = text.as_bytes();
    while !rest.is_empty() {
        // Members are cut anywhere, even inside a record or a character.
        let (member, tail) = rest.split_at(rest.len().min(1 + chance.below(40_000) as usize));
        members.extend(gzip(member));
        rest = tail;
    }
    folder.write("many.gz", members);
    folder.write("one.zst", zstd(text.as_bytes()));
    let pretty: Vec<serde_json::Value> = records.iter().map(|record| serde_json::from_str(record).unwrap()).collect();
    folder.write("pretty.json", serde_json::to_string_pretty(&pretty).unwrap());
    folder.write("concatenated.json", records.concat());

    // The same columns for all, because the sample of `auto` differs between one file and fifty.
    let options = ["--attribute-columns", "Language,rare", "--threads", "3"];
    let convert = |input: &str| {
        folder.convert(&[&[input, "--out", &format!("out-{input}")], &options[..]].concat()).ended_with(0);
        folder.output(&format!("out-{input}")).partitions()
    };
    let one = convert("one.ndjson");
    assert_eq!(one.len(), 8, "seven days and no day: {:?}", one.keys());
    for other in ["fifty", "many.gz", "one.zst", "pretty.json", "concatenated.json"] {
        let partitions = convert(other);
        assert!(one.keys().eq(partitions.keys()), "{other}: {:?}", partitions.keys());
        for (path, rows) in &one {
            assert_eq!(rows.len(), partitions[path].len(), "{other}: {path}");
            let differs = rows.iter().zip(&partitions[path]).find(|(row, other)| row != other);
            assert!(differs.is_none(), "{other}: {path}: {differs:?}");
        }
    }
}

#[test]
fn the_order_in_which_inputs_are_named_does_not_matter() {
    let folder = Folder::with("a.ndjson", lines(&export(30, 10)));
    folder.write("b.ndjson", lines(&export(30, 11)));
    folder.convert(&["a.ndjson", "b.ndjson", "--out", "ab"]).ended_with(0);
    folder.convert(&["b.ndjson", "a.ndjson", "--out", "ba"]).ended_with(0);
    assert_same(&bytes(&folder, "ab"), &bytes(&folder, "ba"), "the other way round");
}

#[test]
fn records_that_need_most_of_the_memory_change_nothing_about_that() {
    let long = |id: &str, bytes: usize| {
        vec![format!(r#"{{"id":"{id}","startTime":"2025-07-02T10:00:00Z","x":"{}"}}"#, "y".repeat(bytes))]
    };
    let some = |seed: u64| export(300, seed);
    let records =
        [long("a", 3_600_000), some(21), long("b", 2_000_000), long("c", 3_600_000), some(22), long("d", 1_500_000)];
    let folder = Folder::with("in.ndjson", lines(&records.concat()));
    for threads in ["1", "2", "3"] {
        folder.convert(&["in.ndjson", "--out", threads, "--threads", threads, "--memory", "64MiB"]).ended_with(0);
    }
    let one = bytes(&folder, "1");
    assert_same(&one, &bytes(&folder, "2"), "two threads");
    assert_same(&one, &bytes(&folder, "3"), "three threads");
}
