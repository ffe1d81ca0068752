//! `partiquet schema DIR`: what a dataset holds.

use std::fs;

use serde_json::{Value, json};

use crate::{
    data::{conversation, conversations},
    output::tree,
    run::{Folder, Run},
};

#[track_caller]
fn shown(folder: &Folder, args: &[&str]) -> Run {
    folder.run(&[&["schema", "out"], args].concat()).ended_with(0)
}

/// Returns the JSON document, and the text for people.
#[track_caller]
fn both(folder: &Folder) -> (Value, String) {
    let before = tree(&folder.path("out"));
    let document = serde_json::from_str(&shown(folder, &["--as", "json"]).stdout).unwrap();
    let text = shown(folder, &[]).stdout;
    assert!(before == tree(&folder.path("out")), "it reads only");
    (document, text)
}

#[track_caller]
fn has_lines(text: &str, lines: &[&str]) {
    for line in lines {
        assert!(text.lines().any(|found| found == *line), "{line:?} is not in\n{text}");
    }
}

#[test]
fn rows_commits_and_partitions_are_those_of_the_files() {
    let one = ["01", "02", "02"].map(|day| conversation(day, &format!("2025-07-{day}T10:00:00Z"))).join("\n");
    let folder = Folder::with("one.ndjson", one);
    folder.convert(&["one.ndjson", "--out", "out", "--attribute-columns", "IVR Priority"]).ended_with(0);
    folder.write("two.ndjson", conversation("two", "2025-07-02T11:00:00Z") + "\n{\n");
    folder.convert(&["two.ndjson", "--out", "out", "--mode", "append", "--max-rejects", "1"]).ended_with(3);
    let (document, text) = both(&folder);

    let output = folder.output("out");
    let bytes: u64 = output.files.iter().map(|file| fs::metadata(folder.path("out").join(file)).unwrap().len()).sum();
    assert_eq!(document["total"], json!({"rows": 4, "files": 3, "bytes": bytes}));
    let rows = |day: &str| document["partitions"][format!("start_time_day=2025-07-{day}")]["rows"].clone();
    assert_eq!((rows("01"), rows("02")), (1.into(), 3.into()));
    let commits = document["commits"].as_array().unwrap();
    let member = |name: &str| commits.iter().map(|commit| commit[name].clone()).collect::<Vec<_>>();
    assert_eq!(member("commit"), [1, 2]);
    assert_eq!(member("mode"), ["error", "append"]);
    assert_eq!(member("rows"), [3, 1]);
    assert_eq!(member("rejected"), [0, 1]);
    assert_eq!(document["schema"], folder.document("out/_partiquet/schema.json"));
    assert_eq!(document["is_commit_open"], false);

    has_lines(&text, &["2 commits", "2 partitions, by day(start_time)"]);
    assert!(text.starts_with("out holds 4 rows in 3 files, "), "{text}");
    assert!(text.contains("\n  start_time_day=2025-07-02  3 rows in 2 files, "), "{text}");
    let words: Vec<Vec<&str>> = text.lines().map(|line| line.split_whitespace().collect()).collect();
    assert!(words.contains(&vec!["attribute_ivr_priority", "text", "/attributes/IVR", "Priority"]), "{text}");
    assert!(text.contains(", 1 rejected (_partiquet/rejects/"), "{text}");
}

#[test]
fn what_was_replaced_is_not_held() {
    let folder = Folder::with("one.ndjson", conversation("one", "2025-07-01T10:00:00Z"));
    folder.convert(&["one.ndjson", "--out", "out"]).ended_with(0);
    folder.write("two.ndjson", conversation("two", "2025-07-02T10:00:00Z"));
    folder.convert(&["two.ndjson", "--out", "out", "--mode", "overwrite", "--partition-by", "none"]).ended_with(0);
    let (document, text) = both(&folder);
    assert_eq!(document["total"]["rows"], 1);
    assert_eq!(document["partitions"].as_object().unwrap().keys().collect::<Vec<_>>(), [""]);
    has_lines(&text, &["2 commits", "1 partition, by none"]);
}

#[test]
fn a_column_says_since_which_commit_it_is_there() {
    let folder = Folder::with("one.ndjson", r#"{"id":"p","zest":7}"#);
    let model = |members: &str| {
        format!(
            r#"{{"partiquet_model":1,"name":"m","envelopes":[],"row":{{"type":"P"}},
                "types":{{"P":{{"members":[{{"name":"id","type":"string"}}{members}]}}}}}}"#
        )
    };
    folder.write("old.json", model(""));
    folder.write("new.json", model(r#",{"name":"zest","type":"integer"}"#));
    folder.write("two.ndjson", r#"{"id":"q","zest":8}"#);
    let options = ["--out", "out", "--partition-by", "none", "--model"];
    folder.convert(&[&["one.ndjson"], &options[..], &["old.json"]].concat()).ended_with(0);
    let (_, text) = both(&folder);
    assert!(!text.contains("since commit"), "{text}");
    folder.convert(&[&["two.ndjson"], &options[..], &["new.json", "--mode", "append"]].concat()).ended_with(0);
    let (_, text) = both(&folder);
    assert!(text.contains("/zest  since commit 2: earlier files do not have it\n"), "{text}");
}

#[test]
fn many_partitions_are_cut_for_people_and_not_in_json() {
    let days = (1..=28).map(|day| conversation("c", &format!("2025-07-{day:02}T10:00:00Z")) + "\n");
    let folder = Folder::with("in.ndjson", days.collect::<String>());
    folder.convert(&["in.ndjson", "--out", "out"]).ended_with(0);
    let (document, text) = both(&folder);
    assert_eq!(document["partitions"].as_object().unwrap().len(), 28);
    has_lines(&text, &["28 partitions, by day(start_time)", "  8 before these; --as json has all"]);
    assert!(!text.contains("2025-07-08") && text.contains("2025-07-09") && text.contains("2025-07-28"), "{text}");
}

#[test]
fn of_many_commits_people_see_the_last_and_json_has_all() {
    let folder = Folder::new();
    for number in 1..=22 {
        let name = format!("{number}.ndjson");
        folder.write(&name, conversation(&format!("c{number}"), "2025-07-01T10:00:00Z"));
        folder.convert(&[&name, "--out", "out", "--mode", "append"]).ended_with(0);
    }
    let (document, text) = both(&folder);
    assert_eq!(document["commits"].as_array().unwrap().len(), 22);
    has_lines(&text, &["22 commits", "  2 before these; --as json has all"]);
    assert!(!text.contains("\n  2  ") && text.contains("\n  3  ") && text.contains("\n  22  "), "{text}");
}

#[test]
fn what_is_no_dataset_or_is_not_understood_is_refused() {
    let folder = Folder::with("in.ndjson", conversations(1));
    folder.run(&["schema", "nowhere"]).ended_with(1).says(&["nowhere: there is no dataset in it", "--out"]);
    folder.run(&["schema", "."]).ended_with(1).says(&["there is no dataset in it"]);
    fs::create_dir_all(folder.path("begun/_partiquet/staging")).unwrap();
    folder.run(&["schema", "begun"]).ended_with(1).says(&["no run has been committed in it"]);
    folder.convert(&["in.ndjson", "--out", "out"]).ended_with(0);
    folder.run(&["schema", "out", "--model", "call"]).ended_with(2);
    for form in ["arrow", "duckdb", "spark", "markdown"] {
        folder.run(&["schema", "out", "--as", form]).ended_with(2).says(&["shown as table or json"]);
    }
    folder.write("out/_partiquet/intent.json", "{}");
    let (document, text) = both(&folder);
    assert_eq!(document["is_commit_open"], true);
    assert!(text.contains("one more commit is under way, or was cut off"), "{text}");
    let newer = folder.read("out/_partiquet/schema.json").replace("\"format_version\": 1", "\"format_version\": 99");
    folder.write("out/_partiquet/schema.json", newer);
    folder.run(&["schema", "out"]).ended_with(1).says(&["format version 99", "use the newer partiquet"]);
}

#[test]
fn names_from_the_data_cannot_steer_the_terminal() {
    let person = r#"{"id":"p","purpose":"a\u001b[31mb\nc"}"#;
    let folder = Folder::with("in.ndjson", person);
    folder.convert(&["in.ndjson", "--out", "out", "--partition-by", "purpose"]).ended_with(0);
    let (_, text) = both(&folder);
    assert!(!text.contains('\u{1b}') && text.contains("purpose=a%1B%5B31mb%0Ac"), "{text}");
}

#[test]
fn a_first_commit_that_is_under_way_is_no_damage() {
    let folder = Folder::with("in.ndjson", conversations(1));
    folder.convert(&["in.ndjson", "--out", "out"]).ended_with(0);
    fs::remove_file(folder.path("out/_partiquet/schema.json")).unwrap();
    folder.run(&["schema", "out"]).ended_with(1).says(&["cannot read", "schema.json"]);
    folder.write("out/_partiquet/intent.json", "{}");
    folder.run(&["schema", "out"]).ended_with(1).says(&["its first commit is under way, or was cut off"]);
}
