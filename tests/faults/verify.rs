//! `partiquet verify`: what it finds and what it repairs. Also datasets that earlier versions have written.

use std::{
    fs,
    io::{Seek, SeekFrom, Write},
    path::Path,
    process::Command,
};

use serde_json::Value;

use crate::{
    data::{conversation, conversations, export, lines},
    output::tree,
    run::{Folder, Run},
};

fn dataset() -> Folder {
    let folder = Folder::with("in.ndjson", lines(&export(60, 1)));
    folder.convert(&["in.ndjson", "--out", "out"]).ended_with(0);
    folder
}

/// Returns the kinds and paths of the findings.
#[track_caller]
fn found(folder: &Folder) -> Vec<(String, String)> {
    let before = tree(&folder.path("out"));
    let run = folder.run(&["verify", "out", "--report", "v.json"]);
    assert!(before == tree(&folder.path("out")), "verify reads only");
    let report = folder.json("v.json");
    let findings = report["findings"].as_array().unwrap().clone();
    assert_eq!(run.code, i32::from(!findings.is_empty()), "{run:?}");
    assert_eq!(report["exit_code"], run.code);
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    findings.iter().map(|finding| (text(&finding["kind"]), text(&finding["path"]))).collect()
}

fn pair(kind: &str, path: &str) -> (String, String) {
    (kind.to_owned(), path.to_owned())
}

#[test]
fn a_report_does_not_stand_in_the_dataset() {
    let folder = dataset();
    for report in ["out/r.json", "./out/r.json", "out/../out/sub/r.json"] {
        let run = folder.run(&["verify", "out", "--report", report]).ended_with(2);
        assert!(run.stderr.contains("would stand inside the dataset"), "{report}: {}", run.stderr);
    }
    folder.run(&["verify", "out"]).ended_with(0);
    // Standard output is not in the dataset.
    let mut within = folder.command(&["verify", ".", "--report", "-"]);
    Run::of(within.current_dir(folder.path("out")).spawn().unwrap()).ended_with(0);
}

#[test]
fn a_sound_dataset_is_said_to_be_sound() {
    let folder = dataset();
    assert_eq!(found(&folder), []);
    let run = folder.run(&["verify", "out"]).ended_with(0);
    assert!(run.stdout.starts_with("out is sound\n"), "{}", run.stdout);
    folder.run(&["verify", "."]).ended_with(1).says(&["there is no dataset in it"]);
    folder.run(&["verify", "nowhere"]).ended_with(1).says(&["there is no dataset in it"]);
    folder.run(&["verify", "out", "--report", "out/r.json"]).ended_with(2);
}

#[test]
fn each_fault_is_found_and_named() {
    let folder = dataset();
    let file = folder.output("out").files[0].clone();
    let path = folder.path("out").join(&file);
    let whole = fs::read(&path).unwrap();
    // One bit in a page is flipped: footer and size stay the same.
    let mut flipped = whole.clone();
    flipped[20] ^= 1;
    fs::write(&path, &flipped).unwrap();
    assert_eq!(found(&folder), [pair("changed", &file)]);
    fs::write(&path, &whole[..whole.len() - 1]).unwrap();
    assert_eq!(found(&folder), [pair("changed", &file), pair("changed", &file)], "size and footer");
    fs::remove_file(&path).unwrap();
    assert_eq!(found(&folder), [pair("missing", &file)]);
    fs::create_dir(&path).unwrap();
    assert_eq!(found(&folder), [pair("missing", &file)]);
    fs::remove_dir(&path).unwrap();
    fs::write(&path, &whole).unwrap();
    folder.write("out/start_time_day=2025-07-01/mine.parquet", "x");
    assert_eq!(found(&folder), [pair("unlisted", "start_time_day=2025-07-01/mine.parquet")]);
    // Spark and pyarrow pass over these names, DuckDB and Polars do not.
    fs::remove_file(folder.path("out/start_time_day=2025-07-01/mine.parquet")).unwrap();
    for name in [".old/a.parquet", "_old/a.parquet", "_partiquet/old/a.parquet", "start_time_day=2025-07-01/.a.parquet"]
    {
        let path = format!("out/{name}");
        folder.write(&path, "a copy");
        assert_eq!(found(&folder), [pair("unlisted", name)]);
        fs::remove_file(folder.path(&path)).unwrap();
    }
    folder.write("out/start_time_day=2025-07-01/.part-00000.crc", "a checksum of Spark");
    folder.write("out/_SUCCESS", "");
    assert_eq!(found(&folder), []);
    folder.write("out/_partiquet/staging/1-77/0-0.staged", "x");
    assert_eq!(found(&folder), [pair("leftover", "_partiquet/staging/1-77/0-0.staged")]);
    let run = folder.run(&["verify", "out", "--repair"]).ended_with(0);
    assert!(run.stdout.contains("repaired: removed 1 leftover of dead runs"), "{}", run.stdout);
    assert_eq!(found(&folder), []);
    let commit = "out/_partiquet/commits/1.json";
    // Without its digest, so that it is only said which of its sums is wrong.
    let mut manifest = folder.document(commit);
    let sound = manifest.to_string();
    manifest["rows"] = 7.into();
    folder.write(commit, manifest.to_string());
    let sums = pair("sums", "_partiquet/commits/1.json");
    assert_eq!(found(&folder), [sums.clone(), sums.clone()], "files and inputs");
    for (pointer, number) in [("/records", 1), ("/rejected", 1), ("/values/seen", 1)] {
        let mut manifest: Value = serde_json::from_str(&sound).unwrap();
        *manifest.pointer_mut(pointer).unwrap() = number.into();
        folder.write(commit, manifest.to_string());
        assert_eq!(found(&folder), std::slice::from_ref(&sums), "{pointer}");
    }
    for (member, value) in [("row_groups", Value::from(7)), ("bytes", 7.into()), ("digest", "7".into())] {
        let mut manifest: Value = serde_json::from_str(&sound).unwrap();
        let path = manifest["files"][0]["path"].as_str().unwrap().to_owned();
        manifest["files"][0][member] = value;
        folder.write(commit, manifest.to_string());
        assert_eq!(found(&folder), [pair("changed", &path)], "{member}");
    }
    // The file of another run under a name of this one.
    let foreign = file.replacen(".parquet", "x.parquet", 1);
    fs::rename(&path, folder.path("out").join(&foreign)).unwrap();
    folder.write(commit, sound.replace(&file, &foreign));
    assert_eq!(found(&folder), [pair("changed", &foreign)]);
    fs::rename(folder.path("out").join(&foreign), &path).unwrap();
    folder.write(commit, sound.replace("\"kept\":", "\"seen\":1,\"kept\":"));
    assert_eq!(found(&folder).first(), Some(&pair("damaged", "_partiquet/commits/1.json")));
    folder.write(commit, "{");
    assert_eq!(found(&folder), [pair("damaged", "_partiquet/commits/1.json")]);
    folder.write(commit, sound.replacen("\"format_version\":2", "\"format_version\":99", 1));
    assert_eq!(found(&folder), [pair("newer", "_partiquet/commits/1.json")]);
    folder.write(commit, sound.replace("\"rows\":", "\"rows\":18446744073709551615,\"was\":"));
    assert!(found(&folder).iter().any(|(kind, _)| kind == "sums" || kind == "damaged"), "no sum overflows");
    folder.write(commit, sound);
    let schema = folder.read("out/_partiquet/schema.json");
    folder.write("out/_partiquet/schema.json", schema.replacen("\"format_version\": 1", "\"format_version\": 99", 1));
    assert_eq!(found(&folder), [pair("newer", "_partiquet/schema.json")]);
    let run = folder.convert(&["in.ndjson", "--out", "out", "--mode", "overwrite"]).ended_with(1);
    run.says(&["format version 99"]);
    folder.write("out/_partiquet/schema.json", schema);
    folder.write("out/_partiquet/schema.json", "{");
    assert_eq!(found(&folder), [pair("damaged", "_partiquet/schema.json")]);
}

#[test]
fn a_file_with_other_columns_than_the_schema_says_is_found() {
    let folder = dataset();
    let schema = "out/_partiquet/schema.json";
    let mut less = folder.document(schema);
    less["columns"].as_array_mut().unwrap().retain(|column| column["name"] != "purpose");
    folder.write(schema, less.to_string());
    let files = folder.output("out").files;
    assert_eq!(found(&folder), files.iter().map(|file| pair("changed", file)).collect::<Vec<_>>());
}

#[test]
fn what_unfinished_shares_and_replaced_files_leave_is_found_and_removed() {
    let folder = dataset();
    let file = folder.output("out").files[0].clone();
    let replaced = fs::read(folder.path("out").join(&file)).unwrap();
    folder.write("two.ndjson", lines(&export(30, 2)));
    folder.convert(&["two.ndjson", "--out", "out", "--mode", "overwrite"]).ended_with(0);
    folder.write("out/_partiquet/shares/r/s/0-0.staged", "x");
    folder.write(&format!("out/{file}"), replaced);
    let left = ["_partiquet/shares/r/s/0-0.staged", &file].map(|path| pair("leftover", path));
    assert_eq!(found(&folder), left);
    folder.run(&["verify", "out", "--repair"]).ended_with(0);
    assert_eq!(found(&folder), []);
    assert!(!folder.path("out/_partiquet/shares").exists() && !folder.path("out").join(&file).exists());
}

#[test]
fn the_manifest_says_what_became_of_each_path() {
    let folder = Folder::with("in.ndjson", r#"{"id":"p","held":"true","novel":[1]}"#);
    folder.convert(&["in.ndjson", "--out", "out"]).ended_with(0);
    let paths = folder.json("out/_partiquet/commits/1.json")["ledger"]["paths"].clone();
    for (path, what) in [("/id", "kept"), ("/held", "coerced"), ("/novel", "unknown")] {
        assert_eq!((&paths[path]["seen"], &paths[path][what]), (&1.into(), &1.into()), "{path}: {paths}");
    }
}

#[test]
fn a_folder_that_may_only_be_read_can_be_verified() {
    let folder = dataset();
    // Permissions mean nothing to root, so the test checks that the lock file, which would be written, is not created.
    fs::remove_file(folder.path("out/_partiquet/lock")).unwrap();
    assert_eq!(found(&folder), []);
    assert!(!folder.path("out/_partiquet/lock").exists());
}

fn copy(from: &Path, to: &Path) {
    for (path, bytes) in tree(from) {
        fs::create_dir_all(to.join(&path).parent().unwrap()).unwrap();
        fs::write(to.join(path), bytes).unwrap();
    }
}

/// A dataset of the first version: commits without mode, ledger and digests.
#[test]
fn a_dataset_of_the_first_version_goes_on_working() {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data");
    let folder = Folder::with("new.ndjson", conversation("new", "2025-07-02T10:00:00Z"));
    copy(&data.join("dataset-version-1"), &folder.path("out"));
    fs::copy(data.join("dataset-version-1.first.ndjson"), folder.path("first.ndjson")).unwrap();
    assert_eq!(folder.json("out/_partiquet/commits/1.json")["format_version"], 1);
    assert_eq!(found(&folder), []);
    folder.convert(&["first.ndjson", "--out", "out", "--mode", "append"]).ended_with(0);
    assert_eq!(folder.output("out").rows().len(), 5, "it holds that input");
    folder.convert(&["first.ndjson", "new.ndjson", "--out", "out", "--mode", "append"]).ended_with(0);
    assert_eq!(folder.output("out").rows().len(), 6);
    assert_eq!(found(&folder), []);
    folder.convert(&["new.ndjson", "--out", "out", "--mode", "overwrite-partitions"]).ended_with(0);
    assert_eq!(folder.output("out").sorted("conversation_id"), ["c0", "c0", "c3", "new"]);
    folder.convert(&["first.ndjson", "--out", "out", "--mode", "overwrite"]).ended_with(0);
    assert_eq!(folder.output("out").rows().len(), 4);
    assert_eq!(found(&folder), []);
}

/// A dataset of today's version, kept for all versions to come. Its commits are an append with another column and a
/// reject, and an overwrite of one partition. It was made from `dataset-version-2.inputs`.
#[test]
fn a_dataset_of_the_second_version_goes_on_working() {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data");
    let folder = Folder::new();
    copy(&data.join("dataset-version-2"), &folder.path("out"));
    copy(&data.join("dataset-version-2.inputs"), &folder.path("."));
    assert_eq!(folder.json("out/_partiquet/commits/3.json")["format_version"], 2);
    assert_eq!(found(&folder), []);
    assert_eq!(folder.output("out").sorted("id"), ["v2", "v3", "v4", "v5", "v6"]);
    let without_lock = || {
        let mut files = tree(&folder.path("out"));
        files.remove("_partiquet/lock");
        files
    };
    let before = without_lock();
    let options =
        ["--out", "out", "--partition-by", "day(at)", "--model", "newer.json", "--max-rejects", "1", "--mode"];
    let convert = |inputs: &[&str], mode| folder.convert(&[inputs, &options, &[mode]].concat());
    convert(&["first.ndjson", "second.ndjson", "third.ndjson"], "append").ended_with(0);
    assert!(before == without_lock(), "it holds all of them");
    folder.write("new.ndjson", r#"{"id":"g9","visits":[{"id":"v9","at":"2025-07-02T09:00:00Z","score":2}]}"#);
    convert(&["new.ndjson"], "append").ended_with(0);
    assert_eq!(folder.output("out").sorted("id"), ["v2", "v3", "v4", "v5", "v6", "v9"]);
    let shown = folder.run(&["schema", "out"]).ended_with(0).stdout;
    assert!(shown.contains("/score  since commit 2: earlier files do not have it\n"), "{shown}");
    assert_eq!(found(&folder), []);
    convert(&["new.ndjson"], "overwrite-partitions").ended_with(0);
    assert_eq!(folder.output("out").sorted("id"), ["v5", "v6", "v9"]);
    // Its rejects are an input like any other, and its older model no longer has enough columns.
    let rejects = folder.json("out/_partiquet/commits/2.json")["rejects_file"].as_str().unwrap().to_owned();
    folder.convert(&[&format!("out/{rejects}"), "--out", "other", "--max-rejects", "1"]).ended_with(3);
    folder.write("later.ndjson", r#"{"visits":[{"id":"v10"}]}"#);
    let older =
        ["later.ndjson", "--out", "out", "--partition-by", "day(at)", "--model", "older.json", "--mode", "append"];
    folder.convert(&older).ended_with(1).says(&["score: missing in this run"]);
    convert(&["first.ndjson"], "overwrite").ended_with(0);
    assert_eq!(found(&folder), []);
}

#[test]
fn a_dataset_of_a_newer_version_is_refused_untouched() {
    for document in ["commits/1.json", "schema.json"] {
        let folder = dataset();
        folder.write("new.ndjson", conversations(1));
        let path = format!("out/_partiquet/{document}");
        let mut newer = folder.json(&path);
        newer["format_version"] = 99.into();
        folder.write(&path, newer.to_string());
        let before = tree(&folder.path("out"));
        let run = folder.convert(&["new.ndjson", "--out", "out", "--mode", "append"]).ended_with(1);
        run.says(&["format version 99", document, "use the newer partiquet"]);
        assert!(before == tree(&folder.path("out")));
        assert_eq!(found(&folder).len(), 1);
    }
}

#[test]
fn an_intent_that_nobody_here_can_follow_is_not_called_interrupted() {
    let folder = dataset();
    let intent = "out/_partiquet/intent.json";
    for (text, kind) in [("{\"format_version\": 99}", "newer"), ("{\"format_version\":", "damaged")] {
        folder.write(intent, text);
        assert_eq!(found(&folder), [pair(kind, "_partiquet/intent.json")]);
        folder.run(&["verify", "out", "--repair"]).ended_with(1);
        assert_eq!(folder.read(intent), text, "it is left as it is");
    }
}

#[test]
fn a_hole_in_a_file_is_found() {
    let folder = dataset();
    let file = folder.output("out").files[1].clone();
    let mut open = fs::OpenOptions::new().write(true).open(folder.path("out").join(&file)).unwrap();
    open.seek(SeekFrom::Start(100)).unwrap();
    open.write_all(&[0; 64]).unwrap();
    assert_eq!(found(&folder), [pair("changed", &file)]);
}

#[test]
fn a_commit_whose_staged_files_are_gone_is_taken_back() {
    let folder = dataset();
    let file = folder.output("out").files[0].clone();
    let before = tree(&folder.path("out"));
    // The state in which a crash leaves an overwrite in the middle of its moves, after somebody cleaned up by hand.
    let aside = "_partiquet/staging/2-77/replaced-0";
    fs::create_dir_all(folder.path("out/_partiquet/staging/2-77")).unwrap();
    fs::rename(folder.path("out").join(&file), folder.path("out").join(aside)).unwrap();
    let step = |from: &str, to: &str, target: &str| serde_json::json!({"from": from, "to": to, "target": target});
    let staged = |name: &str| format!("_partiquet/staging/2-77/{name}.staged");
    let intent = serde_json::json!({
        "format_version": 1, "commit": 2, "run_id": "aaaaaaaaaaaa", "discard": ["_partiquet/staging"],
        "moves": [step(&staged("0"), "part-00000-aaaaaaaaaaaa.parquet", "new"), step(&file, aside, "aside")],
        "manifest": step(&staged("commit"), "_partiquet/commits/2.json", "new"),
        "schema": step(&staged("schema"), "_partiquet/schema.json", "replaced"),
    });
    let write_intent = || folder.write("out/_partiquet/intent.json", intent.to_string());
    write_intent();
    let run = folder.convert(&["in.ndjson", "--out", "out", "--mode", "append", "--dry-run"]).ended_with(0);
    assert!(run.stdout.contains("Commit 2 was cut off and cannot be completed"), "{}", run.stdout);
    // Without the intent nothing is removed, because the only copy is in staging.
    fs::remove_file(folder.path("out/_partiquet/intent.json")).unwrap();
    for command in
        [&["verify", "out", "--repair"][..], &["convert", "in.ndjson", "--out", "out", "--mode", "overwrite"]]
    {
        folder.run(command).ended_with(1).says(&["files of it are missing", &file]);
        assert!(folder.path("out").join(aside).exists());
    }
    write_intent();
    let run = folder.run(&["verify", "out", "--repair"]).ended_with(0);
    assert!(
        run.stdout.contains("repaired: commit 2 was cut off") && run.stdout.contains("taken back"),
        "{}",
        run.stdout
    );
    assert!(before == tree(&folder.path("out")));
    // A run does the same before its own work, and says so, also if it fails then.
    folder.write("out/_partiquet/staging/2-77/0.staged", "");
    let told = "an earlier run had not come to its end: commit 2 was cut off";
    for (progress, marker) in [("none", "warning:"), ("json", "\"recovered\":\"")] {
        write_intent();
        folder.write("bad.ndjson", "no JSON");
        let args = ["bad.ndjson", "--out", "out", "--mode", "append", "--report", "r.json", "--progress", progress];
        folder.convert(&args).ended_with(1).says(&[marker, told]);
        assert!(folder.json("r.json")["warnings"][0].as_str().unwrap().starts_with(told));
        assert!(before == tree(&folder.path("out")));
    }
    // Also if the folder is refused then.
    write_intent();
    folder.convert(&["in.ndjson", "--out", "out"]).ended_with(1).says(&["warning:", told, "there is a dataset in it"]);
    assert!(before == tree(&folder.path("out")));
    let schema = folder.read("out/_partiquet/schema.json");
    folder.write("out/_partiquet/schema.json", schema.replacen("\"format_version\": 1", "\"format_version\": 99", 1));
    write_intent();
    let refused = folder.convert(&["in.ndjson", "--out", "out", "--mode", "append"]).ended_with(1);
    refused.says(&["warning:", told, "format version 99"]);
    folder.write("out/_partiquet/schema.json", schema);
    write_intent();
    let run = folder.convert(&["in.ndjson", "--out", "out", "--mode", "append"]).ended_with(0);
    assert!(run.stdout.contains("an earlier run had not come to its end: commit 2 was cut off"), "{}", run.stdout);
}

#[test]
fn what_stands_in_the_place_of_a_document_is_said() {
    let folder = Folder::with("in.ndjson", conversations(3));
    folder.convert(&["in.ndjson", "--out", "out"]).ended_with(0);
    // A file among the folders of shares belongs to nobody, and is no obstacle.
    folder.write("out/_partiquet/shares/notes.txt", "mine");
    folder.run(&["verify", "out"]).ended_with(0);
    folder.run(&["verify", "out", "--repair"]).ended_with(0);
    // No document may lead out of the dataset.
    let manifest = folder.json("out/_partiquet/commits/1.json");
    let mut leading_out = manifest.clone();
    leading_out["rejects_file"] = "../in.ndjson".into();
    folder.write("out/_partiquet/commits/1.json", leading_out.to_string());
    let run = folder.run(&["verify", "out"]).ended_with(1);
    assert!(run.stdout.contains("damaged") && run.stdout.contains("../in.ndjson"), "{}", run.stdout);
    folder.write("out/_partiquet/commits/1.json", manifest.to_string());
    fs::remove_file(folder.path("out/_partiquet/schema.json")).unwrap();
    let run = folder.run(&["verify", "out"]).ended_with(1);
    assert!(run.stdout.contains("missing") && run.stdout.contains("_partiquet/schema.json"), "{}", run.stdout);
}

#[test]
fn rejects_are_a_part_of_the_dataset() {
    let folder = Folder::with("in.ndjson", conversation("a", "2025-07-01T10:00:00Z") + "\n{\n{\n");
    folder.convert(&["in.ndjson", "--out", "out", "--max-rejects", "2"]).ended_with(3);
    assert_eq!(found(&folder), []);
    let name = folder.output("out").manifest(1)["rejects_file"].as_str().unwrap().to_owned();
    let whole = folder.read(&format!("out/{name}"));
    // Records may be repaired in place or removed.
    folder.write(&format!("out/{name}"), whole.lines().next().unwrap());
    assert_eq!(found(&folder), []);
    folder.write(&format!("out/{name}"), "");
    assert_eq!(found(&folder), [pair("changed", &name)]);
    fs::remove_file(folder.path(&format!("out/{name}"))).unwrap();
    assert_eq!(found(&folder), [pair("missing", &name)]);
}

#[test]
fn what_cannot_be_read_is_one_finding_among_others() {
    let folder = dataset();
    let files = folder.output("out").files.clone();
    fs::remove_file(folder.path("out").join(&files[1])).unwrap();
    let path = folder.path("out").join(&files[0]);
    let mut strace = Command::new("strace");
    strace.args(["-f", "-qq", "-o", "/dev/null", "-P"]).arg(&path).args(["-e", "inject=openat:error=EACCES"]);
    strace.args([env!("CARGO_BIN_EXE_partiquet"), "verify"]).arg(folder.path("out"));
    let Ok(output) = strace.output() else { return eprintln!("skipped: strace cannot be used here") };
    let text = String::from_utf8(output.stdout).unwrap();
    for said in ["2 faults", &format!("missing      {}", files[1]), &format!("unreadable   {}", files[0])] {
        assert!(text.contains(said), "{said}: {text}");
    }
}

#[test]
fn a_folder_in_the_place_of_a_commit_is_a_finding() {
    let folder = dataset();
    fs::remove_file(folder.path("out/_partiquet/commits/1.json")).unwrap();
    fs::create_dir(folder.path("out/_partiquet/commits/1.json")).unwrap();
    assert_eq!(found(&folder), [pair("damaged", "_partiquet/commits/1.json")]);
}

#[test]
fn beside_a_commit_that_cannot_be_read_the_others_are_judged_as_far_as_that_is_certain() {
    let folder = dataset();
    folder.write("other.ndjson", conversations(3));
    folder.convert(&["other.ndjson", "--out", "out", "--mode", "append"]).ended_with(0);
    let texts = [1, 2].map(|number| folder.read(&format!("out/_partiquet/commits/{number}.json")));
    let first = serde_json::from_str(&texts[0]).unwrap();
    let file = |manifest: &Value| manifest["files"][0]["path"].as_str().unwrap().to_owned();
    folder.write("out/_partiquet/commits/2.json", "{");
    let damaged = pair("damaged", "_partiquet/commits/2.json");
    assert_eq!(found(&folder), std::slice::from_ref(&damaged), "nobody knows whose the other files are");
    let path = folder.path("out").join(file(&first));
    let bytes = fs::read(&path).unwrap();
    fs::write(&path, &bytes[1..]).unwrap();
    assert_eq!(found(&folder), [damaged.clone(), pair("changed", &file(&first))]);
    // It may have been replaced by the commit that cannot be read.
    fs::remove_file(&path).unwrap();
    assert_eq!(found(&folder), std::slice::from_ref(&damaged));
    folder.write("out/_partiquet/commits/1.json", "{");
    assert_eq!(found(&folder), [pair("damaged", "_partiquet/commits/1.json"), damaged]);
    fs::write(&path, bytes).unwrap();
    folder.write("out/_partiquet/commits/1.json", texts[0].as_str());
    folder.write("out/_partiquet/commits/2.json", texts[1].as_str());
    assert_eq!(found(&folder), []);
}

#[test]
fn a_changed_digit_of_a_document_is_found() {
    let folder = dataset();
    for (document, text, other) in [
        ("_partiquet/commits/1.json", "2025-07-01T", "2025-07-02T"),
        ("_partiquet/commits/1.json", "\"model\": \"", "\"model\": \"x"),
        ("_partiquet/commits/1.json", "\"document_digest\": \"", "\"document_digest\": \"0"),
        ("_partiquet/schema.json", "\"description\": \"", "\"description\": \"x"),
    ] {
        let path = format!("out/{document}");
        let sound = folder.read(&path);
        let changed = sound.replacen(text, other, 1);
        assert_ne!(changed, sound, "{document} contains {text}");
        folder.write(&path, changed.as_str());
        assert_eq!(found(&folder), [pair("changed", document)], "{text}");
        // Whoever means the change can say so.
        folder.write(&path, folder.document(&path).to_string());
        assert_eq!(found(&folder), [], "{text}");
        folder.write(&path, sound);
    }
    assert_eq!(found(&folder), []);
}

#[test]
fn beside_missing_commits_the_others_are_judged() {
    let folder = dataset();
    for number in [2, 3, 4] {
        let input = format!("{number}.ndjson");
        folder.write(&input, lines(&export(5, number)));
        folder.convert(&[&input, "--out", "out", "--mode", "append"]).ended_with(0);
    }
    let file = |number: u32| {
        let manifest = folder.json(&format!("out/_partiquet/commits/{number}.json"));
        folder.path("out").join(manifest["files"][0]["path"].as_str().unwrap())
    };
    let (first, last) = (file(1), file(4));
    let remove = |number: u32| fs::remove_file(folder.path(&format!("out/_partiquet/commits/{number}.json"))).unwrap();
    let missing = pair("missing", "_partiquet/commits/2.json");
    remove(2);
    assert_eq!(found(&folder), std::slice::from_ref(&missing));
    remove(3);
    assert_eq!(found(&folder), std::slice::from_ref(&missing));
    let run = folder.run(&["verify", "out"]).ended_with(1);
    assert!(run.stdout.contains("like all up to 3"), "{}", run.stdout);
    for path in [&first, &last] {
        let bytes = fs::read(path).unwrap();
        fs::write(path, &bytes[1..]).unwrap();
        assert_eq!(found(&folder).iter().filter(|(kind, _)| kind == "changed").count(), 1, "{}", path.display());
        fs::write(path, bytes).unwrap();
    }
    folder.write("5.ndjson", lines(&export(5, 5)));
    let run = folder.convert(&["5.ndjson", "--out", "out", "--mode", "append"]).ended_with(1);
    run.says(&["2.json is damaged: it is missing, and there are later commits"]);
    folder.write("out/_partiquet/commits/18446744073709551615.json", "{");
    assert_eq!(found(&folder).len(), 3, "two gaps, and one that cannot be read");
}

#[test]
fn beside_a_missing_commit_no_data_file_is_called_a_leftover() {
    let folder = dataset();
    folder.write("other.ndjson", conversations(3));
    for input in ["other.ndjson", "in.ndjson"] {
        folder.convert(&[input, "--out", "out", "--mode", "overwrite"]).ended_with(0);
    }
    folder.write("last.ndjson", lines(&export(5, 9)));
    folder.convert(&["last.ndjson", "--out", "out", "--mode", "append"]).ended_with(0);
    folder.write("out/_partiquet/staging/1-77/0-0.staged", "x");
    // The second commit replaced the files of the first, and the third wrote them again.
    let third = folder.read("out/_partiquet/commits/3.json");
    let leftover = pair("leftover", "_partiquet/staging/1-77/0-0.staged");
    for (text, kind) in [(None, "missing"), (Some("{"), "damaged")] {
        fs::remove_file(folder.path("out/_partiquet/commits/3.json")).unwrap();
        if let Some(text) = text {
            folder.write("out/_partiquet/commits/3.json", text);
        }
        let faults = found(&folder);
        assert!(faults.contains(&leftover) && faults.contains(&pair(kind, "_partiquet/commits/3.json")), "{faults:?}");
        assert_eq!(faults.len(), 2, "{faults:?}");
        folder.write("out/_partiquet/commits/3.json", third.as_str());
    }
    assert_eq!(found(&folder), [leftover]);
}

#[test]
fn no_commit_has_the_number_zero() {
    let folder = dataset();
    folder.write("out/_partiquet/commits/0.json", folder.read("out/_partiquet/commits/1.json"));
    folder.write("out/stray.parquet", "x");
    assert_eq!(found(&folder), [pair("unlisted", "stray.parquet")]);
}

#[test]
fn a_dataset_that_runs_commit_to_is_as_sound_as_before() {
    let folder = dataset();
    folder.write("other.ndjson", lines(&export(60, 2)));
    std::thread::scope(|scope| {
        let writing = scope.spawn(|| {
            for input in ["other.ndjson", "in.ndjson"].repeat(10) {
                folder.convert(&[input, "--out", "out", "--mode", "overwrite"]).ended_with(0);
            }
        });
        while !writing.is_finished() {
            let run = folder.run(&["verify", "out"]);
            let is_busy = run.stderr.contains("runs commit to it again and again");
            assert!(run.code == 0 || is_busy, "{run:?}");
        }
    });
    assert_eq!(found(&folder), []);
}

#[test]
fn of_many_findings_people_see_the_first_and_the_report_has_all() {
    let folder = dataset();
    (0..12).for_each(|number| folder.write(&format!("out/{number}.parquet"), "x"));
    assert_eq!(found(&folder).len(), 12);
    let run = folder.run(&["verify", "out"]).ended_with(1);
    assert_eq!(run.stdout.matches(".parquet: no commit lists it").count(), 10, "{}", run.stdout);
    assert!(run.stdout.contains("unlisted     and 2 more; --report has all\n"), "{}", run.stdout);
}

#[test]
fn a_run_that_ends_well_says_in_its_report_what_it_recovered_first() {
    let folder = dataset();
    let step = |name: &str, to: &str, target: &str| serde_json::json!({"from": format!("_partiquet/staging/2-77/{name}.staged"), "to": to, "target": target});
    let intent = serde_json::json!({
        "format_version": 1, "commit": 2, "run_id": "aaaaaaaaaaaa", "discard": ["_partiquet/staging"], "moves": [],
        "manifest": step("commit", "_partiquet/commits/2.json", "new"),
        "schema": step("schema", "_partiquet/schema.json", "replaced"),
    });
    folder.write("out/_partiquet/intent.json", intent.to_string());
    folder.write("more.ndjson", lines(&export(5, 2)));
    let args = ["more.ndjson", "--out", "out", "--mode", "append", "--report", "r.json"];
    let run = folder.convert(&args).ended_with(0);
    let told = "an earlier run had not come to its end: commit 2 was cut off";
    assert!(run.stdout.contains(told), "{}", run.stdout);
    assert!(folder.json("r.json")["warnings"][0].as_str().unwrap().starts_with(told));
}

#[test]
fn a_commit_cut_off_at_its_very_end_does_not_hinder_a_dry_run() {
    let folder = dataset();
    let step = |name: &str, to: &str, target: &str| serde_json::json!({"from": format!("_partiquet/staging/1-77/{name}.staged"), "to": to, "target": target});
    let intent = serde_json::json!({
        "format_version": 1, "commit": 1, "run_id": "aaaaaaaaaaaa", "discard": ["_partiquet/staging"], "moves": [],
        "manifest": step("commit", "_partiquet/commits/1.json", "new"),
        "schema": step("schema", "_partiquet/schema.json", "replaced"),
    });
    folder.write("out/_partiquet/intent.json", intent.to_string());
    folder.write("more.ndjson", lines(&export(5, 2)));
    let args = ["more.ndjson", "--out", "out", "--mode", "append"];
    let run = folder.convert(&[&args[..], &["--dry-run"]].concat()).ended_with(0);
    assert!(run.stdout.contains("Commit 1 was cut off: the run completes it first"), "{}", run.stdout);
    folder.convert(&args).ended_with(0);
    folder.run(&["verify", "out"]).ended_with(0);
}

#[test]
fn empty_folders_of_dead_runs_are_leftovers_too() {
    let folder = dataset();
    fs::create_dir_all(folder.path("out/_partiquet/staging/1-77")).unwrap();
    fs::create_dir_all(folder.path("out/_partiquet/shares/night/a")).unwrap();
    folder.write("out/_partiquet/shares/night/a.lock", "");
    let expected = ["_partiquet/shares/night/a", "_partiquet/staging"].map(|path| pair("leftover", path));
    assert_eq!(found(&folder), expected);
    folder.run(&["verify", "out", "--repair"]).ended_with(0);
    assert_eq!(found(&folder), []);
    for gone in ["out/_partiquet/staging", "out/_partiquet/shares"] {
        assert!(!folder.path(gone).exists(), "{gone}");
    }
}

#[test]
fn a_commit_that_is_taken_back_leaves_the_rejects_of_an_earlier_one() {
    let folder = Folder::with("in.ndjson", conversations(2) + "{\n");
    folder.convert(&["in.ndjson", "--out", "out", "--max-rejects", "1"]).ended_with(3);
    let before = tree(&folder.path("out"));
    let rejects = folder.json("out/_partiquet/commits/1.json")["rejects_file"].as_str().unwrap().to_owned();
    let step = |name: &str, to: &str, target: &str| serde_json::json!({"from": format!("_partiquet/staging/2-77/{name}.staged"), "to": to, "target": target});
    // Earlier versions put rejects in the place of equal ones.
    let intent = serde_json::json!({
        "format_version": 1, "commit": 2, "run_id": "aaaaaaaaaaaa", "discard": ["_partiquet/staging"],
        "moves": [step("rejects", &rejects, "replaced")],
        "manifest": step("commit", "_partiquet/commits/2.json", "new"),
        "schema": step("schema", "_partiquet/schema.json", "replaced"),
    });
    folder.write("out/_partiquet/intent.json", intent.to_string());
    let run = folder.run(&["verify", "out", "--repair"]).ended_with(0);
    assert!(run.stdout.contains("taken back"), "{}", run.stdout);
    assert!(before == tree(&folder.path("out")));
}

#[test]
fn a_dry_run_does_not_judge_the_files_of_a_commit_that_is_taken_back_first() {
    let folder = dataset();
    let step = |name: &str, to: &str, target: &str| serde_json::json!({"from": format!("_partiquet/staging/2-77/{name}.staged"), "to": to, "target": target});
    let intent = serde_json::json!({
        "format_version": 1, "commit": 2, "run_id": "aaaaaaaaaaaa", "discard": ["_partiquet/staging"],
        "moves": [step("0", "part-00000-aaaaaaaaaaaa.parquet", "new")],
        "manifest": step("commit", "_partiquet/commits/2.json", "new"),
        "schema": step("schema", "_partiquet/schema.json", "replaced"),
    });
    folder.write("out/part-00000-aaaaaaaaaaaa.parquet", "x");
    folder.write("out/_partiquet/intent.json", intent.to_string());
    let args = ["in.ndjson", "--out", "out", "--mode", "overwrite"];
    let run = folder.convert(&[&args[..], &["--dry-run"]].concat()).ended_with(0);
    assert!(run.stdout.contains("the run takes it back first"), "{}", run.stdout);
    folder.convert(&args).ended_with(0);
}

#[test]
fn an_audit_that_cannot_be_made_leaves_a_report_too() {
    let folder = Folder::new();
    folder.run(&["verify", "nowhere", "--report", "v.json"]).ended_with(1);
    let report = folder.json("v.json");
    assert_eq!(report["exit_code"], 1);
    assert!(report["error"]["message"].as_str().unwrap().contains("there is no dataset in it"), "{report}");
}
