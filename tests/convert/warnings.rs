//! Runs that end well and still have something to tell: signs that the input is not what it was taken for.

use serde_json::{Value, json};

use crate::{
    data::{conversation, conversations, gzip, zstd},
    run::{Folder, Run},
};

fn warnings(folder: &Folder, args: &[&str]) -> Vec<String> {
    folder.convert(&[args, &["--report", "r.json"]].concat()).ended_with(0);
    let told = folder.json("r.json")["warnings"].as_array().unwrap().clone();
    told.iter().map(|warning| warning.as_str().unwrap().to_owned()).collect()
}

fn overwritten(folder: &Folder, input: &str) -> Run {
    folder.convert(&[input, "--out", "out", "--mode", "overwrite"])
}

#[test]
fn an_answer_that_is_an_error_is_told_and_replaces_nothing() {
    let folder = Folder::with("in.ndjson", conversations(3));
    folder.write("error.json", r#"{"message":"HTTP 401 Unauthorized","code":"authentication.required","status":401}"#);
    let told = warnings(&folder, &["error.json", "--out", "other"]);
    assert!(told.iter().any(|warning| warning.contains("no row has a value that the model call knows")), "{told:?}");
    assert_eq!(folder.output("other").rows().len(), 1, "its values are in `extra`");
    folder.convert(&["in.ndjson", "--out", "out"]).ended_with(0);
    overwritten(&folder, "error.json")
        .ended_with(1)
        .says(&["no value that the model call knows", "look at the inputs"]);
    let seen = folder.convert(&["error.json", "--out", "out", "--mode", "overwrite", "--dry-run"]).stdout;
    assert!(seen.contains("The run would fail") && seen.contains("no value that the model call knows"), "{seen}");
    assert_eq!(folder.output("out").rows().len(), 3);
    // Rows without any value are no other kind of JSON.
    folder.write("bare.json", r#"{"id":"c","participants":[{},{}]}"#);
    overwritten(&folder, "bare.json").ended_with(0);
}

#[test]
fn another_kind_of_json_is_told() {
    let record = json!({"conversationId": "c", "participants": [
        {"participantId": "p", "purpose": "agent", "sessions": [], "x": 1, "y": 2}
    ]});
    let folder = Folder::with("in.ndjson", record.to_string());
    let told = warnings(&folder, &["in.ndjson", "--out", "out"]);
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(
        told[0].contains("of the values are not in the model call") && told[0].contains("partiquet infer"),
        "{told:?}"
    );
    let expected = "no row has a start_time to partition by: all of them are in \
                    start_time_day=__HIVE_DEFAULT_PARTITION__";
    assert_eq!(told[1], expected);
    let told = warnings(&folder, &["in.ndjson", "--out", "none", "--partition-by", "none"]);
    assert_eq!(told.len(), 1, "{told:?}");
}

#[test]
fn a_folder_above_the_dataset_that_looks_like_one_of_its_columns_is_told() {
    let folder = Folder::with("in.ndjson", conversations(2));
    let told = warnings(&folder, &["in.ndjson", "--out", "region=eu/Purpose=x/out"]);
    assert!(told.len() == 1 && told[0].contains("below a folder Purpose=x"), "{told:?}");
    let told = warnings(&folder, &["in.ndjson", "--out", "start_time_day=1999-01-01/out"]);
    assert!(told.len() == 1 && told[0].contains("put 1999-01-01 in the place of its values"), "{told:?}");
    assert_eq!(warnings(&folder, &["in.ndjson", "--out", "region=eu/out"]), Vec::<String>::new());
}

#[test]
fn inputs_without_records_are_told_and_fix_no_columns() {
    let folder = Folder::with("empty.ndjson", "");
    let told = warnings(&folder, &["empty.ndjson", "--out", "out"]);
    assert_eq!(told, ["there are no records in the inputs"]);
    // A pipe that has broken off, and the next night the file itself under the same name.
    let attributes = json!({"conversationId": "c", "participants": [{"id": "p", "attributes": {"Language": "de"}}]});
    folder.write("empty.ndjson", attributes.to_string());
    folder.convert(&["empty.ndjson", "--out", "out", "--mode", "append"]).ended_with(0);
    let output = folder.output("out");
    assert_eq!(output.row()["attribute_language"], "de", "columns are chosen when there are rows");
    folder.run(&["verify", "out"]).ended_with(0);
}

#[test]
fn the_same_text_twice_is_told_and_appended_once() {
    let folder = Folder::with("a.ndjson", conversations(3));
    folder.write("b.ndjson.gz", gzip(conversations(3).as_bytes()));
    let told = warnings(&folder, &["a.ndjson", "b.ndjson.gz", "--out", "twice"]);
    let expected = "a.ndjson and b.ndjson.gz have the same content: its rows are in the dataset 2 times";
    assert_eq!(told, [expected]);

    let append = |inputs: &[&str]| folder.convert(&[inputs, &["--out", "out", "--mode", "append"]].concat());
    append(&["a.ndjson"]).ended_with(0);
    let run = append(&["b.ndjson.gz"]).ended_with(0);
    assert!(
        run.stdout.contains("Nothing new for out") && run.stdout.contains("b.ndjson.gz (commit 1)"),
        "{}",
        run.stdout
    );
    folder.write("c.ndjson", conversation("c", "2025-07-01T10:00:00Z"));
    // Beside something new the one that gzip has made of it is left out; of another compression it is told too late.
    folder.write("b.ndjson.zst", zstd(conversations(3).as_bytes()));
    append(&["b.ndjson.zst", "c.ndjson"])
        .ended_with(1)
        .says(&["holds already what was read from b.ndjson.zst (commit 1)"]);
    let run = append(&["b.ndjson.gz", "c.ndjson"]).ended_with(0);
    assert!(run.stdout.contains("b.ndjson.gz (commit 1)"), "{}", run.stdout);
    // The other way round: first compressed, then plain.
    folder.write("d.ndjson.gz", gzip(conversation("d", "2025-07-01T10:00:00Z").as_bytes()));
    append(&["d.ndjson.gz"]).ended_with(0);
    folder.write("d.ndjson", conversation("d", "2025-07-01T10:00:00Z"));
    let run = append(&["d.ndjson"]).ended_with(0);
    assert!(run.stdout.contains("d.ndjson (commit 3)"), "{}", run.stdout);
    assert_eq!(folder.output("out").rows().len(), 5);
}

#[test]
fn a_partition_that_shrinks_is_told() {
    let day = |id: &str, day: u32| conversation(id, &format!("2025-07-0{day}T10:00:00Z")) + "\n";
    let folder = Folder::with("all.ndjson", [day("a", 1), day("b", 2), day("c", 2), day("d", 2)].concat());
    folder.convert(&["all.ndjson", "--out", "out"]).ended_with(0);
    // One day exported again, and a call that began after midnight.
    folder.write("again.ndjson", [day("a", 1), day("e", 2)].concat());
    let args = ["again.ndjson", "--out", "out", "--mode", "overwrite-partitions"];
    let seen = folder.convert(&[&args[..], &["--dry-run"]].concat()).ended_with(0).stdout;
    assert!(seen.contains("would be replaced") && seen.contains("start_time_day=2025-07-02  3 rows"), "{seen}");
    let told = warnings(&folder, &args);
    let expected = "partitions were replaced by fewer rows: start_time_day=2025-07-02 had 3 rows and has 1";
    assert_eq!(told, [expected]);
    let replaced = |day: u32, before: u64, rows: u64| json!({"partition": format!("start_time_day=2025-07-0{day}"), "rows_before": before, "rows": rows});
    let report: Value = folder.json("r.json");
    assert_eq!(report["replaced_partitions"], json!([replaced(1, 1, 1), replaced(2, 3, 1)]));
}

#[test]
fn too_fine_a_partitioning_is_told() {
    let folder = Folder::with("in.ndjson", conversations(600));
    let told = warnings(&folder, &["in.ndjson", "--out", "out", "--partition-by", "id"]);
    assert!(told.len() == 1 && told[0].contains("files have fewer than 50 rows each"), "{told:?}");
    let told = warnings(&folder, &["in.ndjson", "--out", "coarse", "--partition-by", "bucket(8, id)"]);
    assert_eq!(told, Vec::<String>::new());
}

#[test]
fn values_of_records_without_rows_are_no_sign() {
    let presence = r#"{"topicName":"v2.users.u.presence","eventBody":{"a":1,"b":2,"c":3,"d":4}}"#;
    let lines: Vec<&str> = std::iter::repeat_n(presence, 50).collect();
    let folder = Folder::with("in.ndjson", conversations(5) + "\n" + &lines.join("\n"));
    assert_eq!(warnings(&folder, &["in.ndjson", "--out", "out"]), Vec::<String>::new());
}

#[test]
fn each_content_that_is_there_twice_counts() {
    let folder = Folder::new();
    for (name, id) in [("a", "1"), ("b", "2"), ("c", "1"), ("d", "2")] {
        folder.write(&format!("in/{name}.ndjson"), conversation(id, "2025-07-01T10:00:00Z"));
    }
    let told = warnings(&folder, &["in", "--out", "out"]);
    let expected = "in/a.ndjson and in/c.ndjson have the same content: its rows are in the dataset 2 times; and so it is \
                    with 1 more contents";
    assert_eq!(told, [expected]);
}

#[test]
fn partitions_that_a_reader_takes_for_hidden_are_told() {
    let folder = Folder::with("in.ndjson", r#"{"rows":[{"_type":"a","n":1}]}"#);
    let model = |name: &str| {
        json!({
            "partiquet_model": 1, "name": "t", "envelopes": ["rows[]"], "row": {"type": "T"},
            "types": {"T": {"members": [{"name": "_type", "type": "string", "column": name}]}},
        })
    };
    for (column, out, is_told) in [("_type", "a", true), ("type", "b", false)] {
        folder.write("model.json", model(column).to_string());
        let told = warnings(&folder, &["in.ndjson", "--out", out, "--model", "model.json", "--partition-by", column]);
        assert_eq!(told.iter().any(|warning| warning.contains("pyarrow reads no folder")), is_told, "{told:?}");
    }
}

#[test]
fn values_that_cannot_name_a_folder_are_not_missing() {
    let folder = Folder::with("in.ndjson", r#"{"participants":[{"id":"p","purpose":""}]}"#);
    let told = warnings(&folder, &["in.ndjson", "--out", "out", "--partition-by", "purpose"]);
    assert_eq!(told, Vec::<String>::new());
}

#[test]
fn values_that_were_converted_are_known_ones() {
    let folder = Folder::with("in.ndjson", r#"{"participants":[{"wrapup":{"durationSeconds":"30"}}]}"#);
    let told = warnings(&folder, &["in.ndjson", "--out", "out", "--partition-by", "none"]);
    assert_eq!(told, Vec::<String>::new());
    overwritten(&folder, "in.ndjson").ended_with(0);
}
