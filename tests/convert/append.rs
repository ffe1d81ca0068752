//! `--mode append` and `--mode overwrite-partitions`: existing rows stay, and go together with new ones.

use std::fs;

use serde_json::Value;

use crate::{
    commit::assert_no_staging,
    data::{conversation, conversations, export, gzip, lines},
    output::tree,
    run::{Folder, Run},
};

const APPEND: [&str; 4] = ["--out", "out", "--mode", "append"];

fn append(folder: &Folder, inputs: &[&str]) -> Run {
    folder.convert(&[inputs, &APPEND].concat())
}

#[test]
fn appending_to_nothing_is_a_first_run() {
    let folder = Folder::with("in.ndjson", conversations(2));
    append(&folder, &["in.ndjson"]).ended_with(0);
    assert_eq!(folder.output("out").rows().len(), 2);
    folder.write("theirs/x.txt", "precious");
    let run = folder.convert(&["in.ndjson", "--out", "theirs", "--mode", "append"]).ended_with(1);
    run.says(&["the folder is not empty: x.txt"]);
}

#[test]
fn each_night_adds_its_inputs_and_only_those() {
    let folder = Folder::with("exports/1.ndjson", conversation("one", "2025-07-01T10:00:00Z"));
    append(&folder, &["exports"]).ended_with(0);
    let first = tree(&folder.path("out"));
    folder.write("exports/2.ndjson", conversation("two", "2025-07-01T11:00:00Z"));
    folder.write("exports/3.ndjson.gz", gzip(conversation("three", "2025-07-02T11:00:00Z").as_bytes()));
    let run = append(&folder, &["exports", "--report", "r.json"]).ended_with(0);
    assert!(run.stdout.contains("exports/1.ndjson (commit 1)"), "{}", run.stdout);
    let report = folder.json("r.json");
    assert_eq!(report["skipped"], serde_json::json!([{"path": "exports/1.ndjson", "commit": 1}]));
    assert_eq!((&report["commit"], &report["rows"]), (&2.into(), &2.into()));
    let output = folder.output("out");
    assert_eq!(output.sorted("conversation_id"), ["one", "three", "two"]);
    assert_eq!(output.manifest(2)["mode"], "append");
    assert_eq!(output.manifest(2)["inputs"].as_array().unwrap().len(), 2);
    let second = tree(&folder.path("out"));
    let data = first.iter().filter(|(path, _)| path.ends_with(".parquet") || path.contains("commits"));
    assert!(data.clone().count() == 2 && data.into_iter().all(|(path, bytes)| second[path] == *bytes));
    assert_no_staging(&folder, "out");
}

#[test]
fn the_same_inputs_again_change_nothing() {
    let folder = Folder::with("in.ndjson", lines(&export(50, 1)));
    append(&folder, &["in.ndjson"]).ended_with(0);
    let before = tree(&folder.path("out"));
    fs::rename(folder.path("in.ndjson"), folder.path("renamed.ndjson")).unwrap();
    // Inputs are compared by content, whatever their names and the options.
    let run = append(&folder, &["renamed.ndjson", "--compression", "snappy", "--report", "r.json"]).ended_with(0);
    assert!(run.stdout.contains("Nothing new for out") && run.stdout.contains("renamed.ndjson (commit 1)"));
    assert_eq!(folder.json("r.json")["commit"], Value::Null);
    assert!(before == tree(&folder.path("out")));
    let bytes = fs::read(folder.path("renamed.ndjson")).unwrap();
    folder.convert_piped(&[&["-"], &APPEND[..]].concat(), &bytes).ended_with(0);
    assert!(before == tree(&folder.path("out")), "a pipe is known when it was read");
    folder.write("new.ndjson", conversations(1));
    let run = folder.convert_piped(&[&["-", "new.ndjson"], &APPEND[..]].concat(), &bytes).ended_with(1);
    run.says(&["it holds already what was read from - (commit 1)"]);
    assert!(before == tree(&folder.path("out")));
}

#[test]
fn the_same_bytes_twice_in_a_run_are_taken_in_once() {
    let text = conversations(2);
    let folder = Folder::with("a.ndjson", &text);
    folder.write("b.ndjson", &text);
    folder.write("empty.ndjson", "");
    folder.write("void.ndjson", "");
    let run = append(&folder, &["a.ndjson", "b.ndjson", "empty.ndjson", "void.ndjson", "--report", "r.json"]);
    run.ended_with(0);
    let skipped = [("b.ndjson", 1), ("void.ndjson", 1)].map(|(path, n)| serde_json::json!({"path": path, "commit": n}));
    assert_eq!(folder.json("r.json")["skipped"], Value::from(skipped.to_vec()));
    assert_eq!(folder.output("out").rows().len(), 2);
    // A duplicate from a pipe is only noticed after it was read.
    folder.write("new.ndjson", conversation("new", "2025-07-01T10:00:00Z"));
    let bytes = fs::read(folder.path("new.ndjson")).unwrap();
    let run = folder.convert_piped(&[&["-", "new.ndjson"], &APPEND[..]].concat(), &bytes).ended_with(1);
    run.says(&["(the same as another input)"]);
    assert_eq!(folder.output("out").rows().len(), 2);
    // Other modes take their inputs without comparing.
    folder.convert(&["a.ndjson", "b.ndjson", "--out", "out", "--mode", "overwrite"]).ended_with(0);
    assert_eq!(folder.output("out").rows().len(), 4);
}

#[test]
fn a_file_that_has_grown_is_refused() {
    let folder = Folder::with("in.ndjson", conversation("one", "2025-07-01T10:00:00Z") + "\n");
    append(&folder, &["in.ndjson"]).ended_with(0);
    let before = tree(&folder.path("out"));
    let grown = folder.read("in.ndjson") + &conversation("two", "2025-07-01T11:00:00Z");
    folder.write("in.ndjson", &grown);
    folder.write("other.ndjson", conversation("three", "2025-07-01T12:00:00Z"));
    let run = append(&folder, &["other.ndjson", "in.ndjson"]).ended_with(1);
    run.says(&[
        "an earlier content of in.ndjson (commit 1) was taken in before",
        "a name of its own",
        "overwrite-partitions",
    ]);
    assert!(before == tree(&folder.path("out")));
    // A pipe has the same name every time.
    for (commit, id) in [(2, "four"), (3, "five")] {
        let text = conversation(id, "2025-07-03T10:00:00Z");
        folder.convert_piped(&[&["-"], &APPEND[..]].concat(), text.as_bytes()).ended_with(0);
        assert_eq!(folder.output("out").manifest(commit)["inputs"][0]["path"], "-");
    }
    folder.convert(&["in.ndjson", "--out", "out", "--mode", "overwrite-partitions"]).ended_with(0);
    assert_eq!(folder.output("out").sorted("conversation_id"), ["five", "four", "one", "two"]);
    append(&folder, &["in.ndjson"]).ended_with(0);
    assert_eq!(folder.output("out").rows().len(), 4, "it is held as it is now");
}

#[test]
fn a_file_is_known_by_its_place_however_its_path_is_written() {
    let folder = Folder::with("in.ndjson", conversation("one", "2025-07-01T10:00:00Z") + "\n");
    append(&folder, &["in.ndjson"]).ended_with(0);
    folder.write("in.ndjson", folder.read("in.ndjson") + &conversation("two", "2025-07-01T11:00:00Z"));
    fs::create_dir(folder.path("sub")).unwrap();
    std::os::unix::fs::symlink("in.ndjson", folder.path("link.ndjson")).unwrap();
    let absolute = folder.path("in.ndjson").into_os_string().into_string().unwrap();
    for spelled in ["./in.ndjson", "sub/../in.ndjson", "link.ndjson", ".", &absolute] {
        append(&folder, &[spelled]).ended_with(1).says(&["an earlier content of"]);
    }
    // A file of the same name elsewhere is a different file.
    folder.write("sub/in.ndjson", conversation("three", "2025-07-01T12:00:00Z"));
    let mut elsewhere = folder.command(&["convert", "in.ndjson", "--out", "../out", "--mode", "append"]);
    Run::of(elsewhere.current_dir(folder.path("sub")).spawn().unwrap()).ended_with(0);
    assert_eq!(folder.output("out").sorted("conversation_id"), ["one", "three"]);
    // But if it begins with the same bytes, it has moved and has grown.
    fs::write(folder.path("sub/in.ndjson"), folder.read("in.ndjson") + "\n{}").unwrap();
    let mut elsewhere = folder.command(&["convert", "in.ndjson", "--out", "../out", "--mode", "append"]);
    let run = Run::of(elsewhere.current_dir(folder.path("sub")).spawn().unwrap()).ended_with(1);
    run.says(&["an earlier content of in.ndjson"]);

    // Commits of earlier versions have only the path as it was written.
    for commit in [1, 2] {
        let name = format!("out/_partiquet/commits/{commit}.json");
        let mut manifest = folder.json(&name);
        for member in ["place", "head_digest"] {
            manifest["inputs"][0].as_object_mut().unwrap().remove(member).unwrap();
        }
        folder.write(&name, manifest.to_string());
    }
    append(&folder, &["in.ndjson"]).ended_with(1).says(&["an earlier content of in.ndjson"]);
}

#[test]
fn a_file_that_has_grown_is_refused_under_any_name() {
    let line = |id: usize, padding: usize| {
        let padding = "x".repeat(padding);
        format!(r#"{{"id":"{id}","startTime":"2025-07-01T10:00:00Z","participants":[{{"id":"{padding}"}}]}}"#) + "\n"
    };
    for first_bytes in [0, 10, 4000, 5000, 300_000] {
        let folder = Folder::with("current.ndjson", line(1, first_bytes));
        folder.write("short.ndjson", line(2, 0));
        append(&folder, &["current.ndjson", "short.ndjson"]).ended_with(0);
        let grown = folder.read("current.ndjson") + &line(3, 0);
        fs::remove_file(folder.path("current.ndjson")).unwrap();
        folder.write("2025-07-01.ndjson", &grown);
        let run = append(&folder, &["2025-07-01.ndjson"]).ended_with(1);
        run.says(&["an earlier content of 2025-07-01.ndjson (commit 1) was taken in before"]);
        // All of the held bytes must be there: this file differs in the last of them.
        folder.write("alike.ndjson", grown.replacen("\"}]}\n", "y\"}]}\n", 1));
        append(&folder, &["alike.ndjson"]).ended_with(0);
        assert_eq!(folder.output("out").sorted("conversation_id"), ["1", "1", "2", "3"], "{first_bytes}");
    }
}

#[test]
fn files_that_begin_alike_are_compared_whole() {
    let line = |id: &str, padding: usize| {
        let padding = "x".repeat(padding);
        format!(r#"{{"participants":[{{"name":"{padding}","id":"{id}","startTime":"2025-07-01T10:00:00Z"}}]}}"#) + "\n"
    };
    let folder = Folder::new();
    // The longer one is held first; another one of the same length begins alike.
    for (name, content) in
        [("long", line("a", 9000) + &line("b", 0)), ("short", line("c", 9000)), ("twin", line("d", 9000))]
    {
        folder.write(name, content);
        append(&folder, &[name]).ended_with(0);
    }
    for (held, commit) in [("long", 1), ("short", 2), ("twin", 3)] {
        folder.write("grown", folder.read(held) + &line("e", 0));
        append(&folder, &["grown"]).ended_with(1).says(&[&format!("grown (commit {commit})")]);
    }
    folder.write("new", line("f", 9000) + &line("e", 0));
    append(&folder, &["new"]).ended_with(0);
    assert_eq!(folder.output("out").rows().len(), 6);
}

#[test]
fn a_file_that_earlier_versions_took_in_and_that_has_grown_is_known_by_its_path() {
    let folder = Folder::with("x/in.ndjson", conversation("one", "2025-07-01T10:00:00Z") + "\n");
    let append_in = |dir: &str| {
        let mut command = folder.command(&["convert", "in.ndjson", "--out", "../out", "--mode", "append"]);
        Run::of(command.current_dir(folder.path(dir)).spawn().unwrap())
    };
    append_in("x").ended_with(0);
    let name = "out/_partiquet/commits/1.json";
    let mut manifest = folder.json(name);
    manifest["inputs"][0].as_object_mut().unwrap().remove("head_digest").unwrap();
    folder.write(name, manifest.to_string());
    // Its folder has moved meanwhile.
    let two = conversation("two", "2025-07-01T11:00:00Z");
    folder.write("y/in.ndjson", folder.read("x/in.ndjson") + &two);
    append_in("y").ended_with(1).says(&["an earlier content of in.ndjson (commit 1)"]);
    folder.write("z/in.ndjson", two);
    append_in("z").ended_with(0);
    assert_eq!(folder.output("out").sorted("conversation_id"), ["one", "two"]);
}

#[test]
fn what_was_overwritten_is_held_no_more() {
    let folder = Folder::with("one.ndjson", conversation("one", "2025-07-01T10:00:00Z"));
    folder.write("two.ndjson", conversation("two", "2025-07-01T11:00:00Z"));
    append(&folder, &["one.ndjson"]).ended_with(0);
    let run = folder.convert(&["two.ndjson", "--out", "out", "--mode", "overwrite"]).ended_with(0);
    assert!(run.stdout.contains(" 1  rows in 1 file of earlier runs are gone"), "{}", run.stdout);
    let run = append(&folder, &["one.ndjson", "two.ndjson"]).ended_with(0);
    assert!(!run.stdout.contains("replaced"), "{}", run.stdout);
    assert_eq!(folder.output("out").sorted("conversation_id"), ["one", "two"]);
}

#[test]
fn the_datasets_attribute_columns_are_used() {
    let with = |key: &str| format!(r#"{{"id":"p","startTime":"2025-07-01T10:00:00Z","attributes":{{"{key}":"x"}}}}"#);
    let folder = Folder::with("one.ndjson", with("Language"));
    folder.write("two.ndjson", with("Other"));
    append(&folder, &["one.ndjson"]).ended_with(0);
    append(&folder, &["two.ndjson"]).ended_with(0);
    let output = folder.output("out");
    let of_two = output.manifest(2)["files"][0]["path"].as_str().unwrap().to_owned();
    let rows = output.rows_of(&of_two);
    assert!(!rows[0].contains_key("attribute_other") && rows[0]["attributes"]["Other"] == "x", "{rows:?}");
    assert!(output.column_names().contains(&"attribute_language".to_owned()));
}

#[test]
fn a_schema_that_disagrees_is_refused_with_the_differences() {
    let folder = Folder::with("one.ndjson", lines(&export(50, 1)));
    folder.write("two.ndjson", lines(&export(50, 2)));
    folder
        .convert(&["one.ndjson", "--out", "out", "--attribute-columns", "Language,rare", "--provenance"])
        .ended_with(0);
    let before = tree(&folder.path("out"));
    for mode in ["append", "overwrite-partitions"] {
        let refused = |args: &[&str], said: &[&str]| {
            let run = folder.convert(&[&["two.ndjson", "--out", "out", "--mode", mode], args].concat());
            run.ended_with(1).says(&["the columns of this run are not those of the dataset"]).says(said);
            assert!(before == tree(&folder.path("out")));
        };
        refused(&[], &["source_file: missing in this run", "source_offset: missing in this run"]);
        refused(
            &["--provenance", "--attribute-columns", "Language,IVR Priority", "--partition-by", "month(start_time)"],
            &[
                "--partition-by: day(start_time) in the dataset, month(start_time) in this run",
                "attribute \"rare\": no column in this run",
                "attribute \"IVR Priority\": in the map in the dataset, a column in this run",
            ],
        );
        refused(
            &["--provenance", "--attribute-map", "all"],
            &["--attribute-map: rest in the dataset, all in this run"],
        );
    }
    append(&folder, &["two.ndjson", "--provenance"]).ended_with(0);
}

/// The built-in model, with an additional member `zest` of a participant.
fn model_with_zest(kind: &str) -> String {
    let text = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/models/call.json")).unwrap();
    let mut model: Value = serde_json::from_str(&text).unwrap();
    let members = model["types"]["CallMediaParticipant"]["members"].as_array_mut().unwrap();
    members.push(serde_json::json!({"name": "zest", "type": kind, "description": "how lively it was"}));
    model.to_string()
}

#[test]
fn a_newer_model_adds_columns_and_may_not_change_any() {
    let folder = Folder::with("one.ndjson", conversation("one", "2025-07-01T10:00:00Z"));
    folder.write(
        "two.ndjson",
        conversation("two", "2025-07-02T10:00:00Z").replace("\"purpose\"", "\"zest\":7,\"purpose\""),
    );
    folder.write("newer.json", model_with_zest("integer"));
    append(&folder, &["one.ndjson"]).ended_with(0);
    let run = append(&folder, &["two.ndjson", "--model", "newer.json"]).ended_with(0);
    assert!(run.stdout.contains("union_by_name = true") && run.stdout.contains("mergeSchema"), "{}", run.stdout);
    let output = folder.output("out");
    assert_eq!(output.column("zest"), [Value::Null, 7.into()]);
    let schema = folder.json("out/_partiquet/schema.json");
    let zest = schema["columns"].as_array().unwrap().iter().find(|column| column["name"] == "zest").unwrap();
    assert_eq!(zest["since_commit"], 2);
    // The older model would drop the column again.
    folder.write("three.ndjson", conversation("three", "2025-07-03T10:00:00Z"));
    append(&folder, &["three.ndjson"]).ended_with(1).says(&["zest: missing in this run"]);
    folder.write("other.json", model_with_zest("string"));
    let run = append(&folder, &["three.ndjson", "--model", "other.json"]).ended_with(1);
    run.says(&["zest: int64 in the dataset, text in this run"]);
    // After a later run, the schema still knows which files lack the column.
    let run = append(&folder, &["three.ndjson", "--model", "newer.json"]).ended_with(0);
    assert!(run.stdout.contains("union_by_name = true"));
    let run = folder.convert(&["three.ndjson", "--out", "out", "--mode", "overwrite"]).ended_with(0);
    assert!(!run.stdout.contains("union_by_name"), "all files are of one run again");
}

#[test]
fn overwrite_partitions_replaces_the_days_it_has_rows_for() {
    let folder = Folder::with(
        "one.ndjson",
        conversation("1a", "2025-07-01T10:00:00Z") + "\n" + &conversation("1b", "2025-07-02T10:00:00Z"),
    );
    folder.write(
        "two.ndjson",
        conversation("2b", "2025-07-02T11:00:00Z") + "\n" + &conversation("2c", "2025-07-03T11:00:00Z"),
    );
    folder.convert(&["one.ndjson", "--out", "out"]).ended_with(0);
    for commit in [2, 3] {
        // The second run gives the same result.
        let args = ["two.ndjson", "--out", "out", "--mode", "overwrite-partitions", "--report", "r.json"];
        let run = folder.convert(&args).ended_with(0);
        // The first run replaces the day of one file, the second one what the first had written.
        let (files, rows) = if commit == 2 { (1, 1) } else { (2, 2) };
        let report = folder.json("r.json");
        assert_eq!((&report["replaced_files"], &report["replaced_rows"]), (&files.into(), &rows.into()));
        assert!(run.stdout.contains("of earlier runs are gone"), "{}", run.stdout);
        let output = folder.output("out");
        assert_eq!(output.sorted("conversation_id"), ["1a", "2b", "2c"]);
        assert_eq!(output.manifest(commit)["mode"], "overwrite-partitions");
        assert_no_staging(&folder, "out");
    }
    // An input that was partly replaced still counts as held.
    append(&folder, &["one.ndjson", "two.ndjson"]).ended_with(0);
    assert_eq!(folder.output("out").rows().len(), 3);
}

#[test]
fn a_dry_run_shows_what_would_be_skipped() {
    let folder = Folder::with("one.ndjson", conversation("one", "2025-07-01T10:00:00Z"));
    append(&folder, &["one.ndjson"]).ended_with(0);
    folder.write("two.ndjson", conversation("two", "2025-07-02T10:00:00Z"));
    let run = append(&folder, &["one.ndjson", "two.ndjson", "--dry-run"]).ended_with(0);
    assert!(run.stdout.starts_with("1 input\n  two.ndjson"), "{}", run.stdout);
    assert!(run.stdout.contains("would be skipped\n  one.ndjson  commit 1\n"), "{}", run.stdout);
    assert!(run.stdout.contains("start_time_day=2025-07-02  1 row\n"), "{}", run.stdout);
    assert!(!run.stdout.contains("start_time_day=2025-07-01"), "{}", run.stdout);
    append(&folder, &["one.ndjson", "--dry-run"]).ended_with(0);
    folder.write("one.ndjson", conversation("more", "2025-07-02T10:00:00Z"));
    let run = append(&folder, &["one.ndjson", "--dry-run"]).ended_with(1);
    assert!(run.stdout.contains("an earlier content of one.ndjson"), "{}", run.stdout);
}

#[test]
fn what_a_run_replaces_is_told_in_files_and_rows() {
    let folder = Folder::with("old.ndjson", conversations(3));
    folder.convert(&["old.ndjson", "--out", "out"]).ended_with(0);
    folder.write("new.ndjson", conversations(2));
    let run =
        folder.convert(&["new.ndjson", "--out", "out", "--mode", "overwrite", "--report", "r.json"]).ended_with(0);
    assert!(run.stdout.contains("3  rows in 1 file of earlier runs are gone"), "{}", run.stdout);
    let report = folder.json("r.json");
    assert_eq!((&report["replaced_files"], &report["replaced_rows"]), (&1.into(), &3.into()));
}

#[test]
fn a_file_without_rows_may_grow() {
    let folder = Folder::with("in.ndjson", "{\"id\":\"c\",\"participants\":[]}\n");
    append(&folder, &["in.ndjson"]).ended_with(0);
    let more = folder.read("in.ndjson") + &conversations(2);
    folder.write("in.ndjson", &more);
    append(&folder, &["in.ndjson"]).ended_with(0);
    folder.write("moved.ndjson", more + &conversations(3));
    append(&folder, &["moved.ndjson"]).ended_with(1).says(&["an earlier content of moved.ndjson (commit 2)"]);
    assert_eq!(folder.output("out").rows().len(), 2);
}

#[test]
fn standard_input_is_another_one_each_night() {
    let folder = Folder::new();
    for night in ["1", "2"] {
        let text = conversation(night, "2025-07-01T10:00:00Z");
        folder.convert_piped(&[&["-"][..], &APPEND].concat(), text.as_bytes()).ended_with(0);
    }
    assert_eq!(folder.output("out").rows().len(), 2);
}

#[test]
fn what_is_left_out_before_and_after_reading_is_reported_together() {
    let folder = Folder::with("in.ndjson", conversations(2));
    append(&folder, &["in.ndjson"]).ended_with(0);
    let night = conversation("piped", "2025-07-01T10:00:00Z");
    folder.convert_piped(&[&["-"][..], &APPEND].concat(), night.as_bytes()).ended_with(0);
    let args = [&["in.ndjson", "-", "--report", "r.json"][..], &APPEND].concat();
    folder.convert_piped(&args, night.as_bytes()).ended_with(0);
    let report = folder.json("r.json");
    let skipped = report["skipped"].as_array().unwrap();
    let mut skipped: Vec<_> =
        skipped.iter().map(|input| (input["path"].as_str().unwrap(), input["commit"].as_u64().unwrap())).collect();
    skipped.sort_unstable();
    assert_eq!(skipped, [("-", 2), ("in.ndjson", 1)]);
}

#[test]
fn a_late_record_without_a_partition_value_is_no_sign() {
    let folder = Folder::with("in.ndjson", conversations(2));
    append(&folder, &["in.ndjson"]).ended_with(0);
    folder.write("late.ndjson", r#"{"participants":[{"id":"late"}]}"#);
    append(&folder, &["late.ndjson", "--report", "r.json"]).ended_with(0);
    assert_eq!(folder.json("r.json")["warnings"], Value::Array(Vec::new()));
}

#[test]
fn a_schema_that_disagrees_is_refused_before_anything_is_read() {
    let folder = Folder::with("in.ndjson", conversations(2));
    append(&folder, &["in.ndjson"]).ended_with(0);
    folder.write("broken.ndjson", "{\n");
    let differs = "the columns of this run are not those of the dataset";
    append(&folder, &["broken.ndjson", "--attribute-map", "all"]).ended_with(1).says(&[differs]);
    append(&folder, &["broken.ndjson", "--attribute-map", "all", "--dry-run"]).ended_with(1).says(&[differs]);
}
