//! A broken record: the error message, what happens to the output, and converting the repaired record.

use serde_json::{Value, json};

use crate::{
    data::{conversation, conversations},
    output::{entries, tree},
    run::Folder,
};

const BROKEN: &str = r#"{"id":"broken","participants":[{"id":"p","held":tru}]}"#;

/// Two good lines, a broken one and a good one.
fn folder() -> Folder {
    let line = |id: &str| conversation(id, "2025-07-01T10:00:00Z");
    Folder::with("in.ndjson", format!("{}\n{}\n{BROKEN}\n{}\n", line("a"), line("b"), line("c")))
}

fn offset_of(text: &str, part: &str) -> usize {
    text.find(part).unwrap()
}

#[test]
fn the_message_names_file_line_byte_path_and_the_way_out() {
    let folder = folder();
    let text = folder.read("in.ndjson");
    let run = folder.convert(&["in.ndjson", "--out", "out"]).ended_with(1);
    let at = offset_of(&text, "tru}");
    assert!(run.stderr.contains(&format!("in.ndjson, line 3, byte {at}")), "{}", run.stderr);
    let (caret, excerpt) = run.excerpt();
    assert_eq!(&excerpt[caret..], "tru}]}", "{}", run.stderr);
    run.says(&["at /participants/0/held", "--max-rejects 1", "nothing was committed"]);
    assert!(!folder.path("out").exists());
    assert_eq!(folder.names(), ["in.ndjson"]);
}

#[test]
fn the_caret_stands_under_the_fault_whatever_stands_before_it() {
    let cases = [
        ("{x}", "x}"),
        (r#"{"a":01}"#, "1}"),
        (r#"{"name":"Jürgen 😀 é","b":?}"#, "?}"),
        ("{\"tab\":\"\\t\",\"a\":\t!}", "!}"),
        (&format!(r#"{{"long":"{}","b":!, "tail":"{}"}}"#, "ä".repeat(200), "z".repeat(200)), "!, "),
    ];
    for (record, from) in cases {
        let folder = Folder::with("in.ndjson", format!("{{\"id\":\"good\"}}\n{record}\n"));
        let run = folder.convert(&["in.ndjson", "--out", "out"]).ended_with(1);
        let (caret, excerpt) = run.excerpt();
        let under: String = excerpt.chars().skip(caret).collect();
        assert!(under.starts_with(from), "{record}\n{}", run.stderr);
    }
}

#[test]
fn a_dataset_that_was_there_is_as_it_was() {
    let folder = folder();
    folder.write("good.ndjson", conversations(3));
    folder.convert(&["good.ndjson", "--out", "out"]).ended_with(0);
    let (files, names) = (tree(&folder.path("out")), entries(&folder.path("out")));
    folder.convert(&["in.ndjson", "--out", "out", "--mode", "overwrite"]).ended_with(1);
    assert_eq!(names, entries(&folder.path("out")));
    assert!(files == tree(&folder.path("out")));
}

#[test]
fn an_empty_folder_that_was_there_stays_and_is_empty() {
    let folder = folder();
    std::fs::create_dir(folder.path("out")).unwrap();
    folder.convert(&["in.ndjson", "--out", "out"]).ended_with(1);
    assert_eq!(entries(&folder.path("out")).len(), 1);
}

#[test]
fn within_the_budget_the_rest_is_committed_and_the_reject_kept() {
    let folder = folder();
    let text = folder.read("in.ndjson");
    let run = folder.convert(&["in.ndjson", "--out", "out", "--max-rejects", "1"]).ended_with(3);
    assert!(run.stdout.contains("rejected") && run.stdout.contains("_partiquet/rejects/"), "{}", run.stdout);
    let output = folder.output("out");
    assert_eq!(output.sorted("conversation_id"), ["a", "b", "c"]);

    let manifest = output.manifest(1);
    let counts = |name: &str| manifest[name].as_u64().unwrap();
    assert_eq!([counts("records"), counts("rejected"), counts("rows")], [4, 1, 3]);
    assert!(folder.path("out").join(manifest["rejects_file"].as_str().unwrap()).is_file());

    let [reject] = &output.rejects()[..] else { panic!("one reject") };
    assert_eq!(reject["partiquet_reject"], 1);
    assert_eq!(reject["file"], "in.ndjson");
    assert_eq!(reject["line"], 3);
    assert_eq!(reject["offset"], offset_of(&text, "tru}"));
    assert_eq!(reject["record_offset"], offset_of(&text, BROKEN));
    assert_eq!(reject["kind"], "syntax");
    assert_eq!(reject["path"], "/participants/0/held");
    assert_eq!(reject["raw_bytes"], BROKEN.len());
    assert_eq!(reject["raw"], BROKEN);
}

/// The rejects file with every line changed.
fn mended(rejects: &[Value], mend: impl Fn(&str) -> String) -> String {
    let mend = |reject: &Value| {
        let mut reject = reject.clone();
        reject["raw"] = json!(mend(reject["raw"].as_str().unwrap()));
        reject.to_string() + "\n"
    };
    rejects.iter().map(mend).collect()
}

#[test]
fn a_mended_reject_gives_the_missing_row() {
    let folder = folder();
    folder.convert(&["in.ndjson", "--out", "out", "--max-rejects", "1"]).ended_with(3);
    let rejects = folder.output("out").rejects();
    folder.write("mended.ndjson", mended(&rejects, |raw| raw.replace("tru}", "true}")));
    folder.convert(&["mended.ndjson", "--out", "rest"]).ended_with(0);
    let row = folder.output("rest").row();
    assert_eq!((&row["conversation_id"], &row["held"]), (&json!("broken"), &json!(true)));
}

#[test]
fn the_command_of_the_summary_adds_mended_rejects_to_the_dataset() {
    let model = r#"{"partiquet_model":1,"name":"t","envelopes":["rows[]"],"row":{"type":"R"},"types":{"R":{"members":[
        {"name":"id","type":"string"},{"name":"what kind","type":"string","column":"kind"},
        {"name":"attributes","type":"map<string>","promote":true}]}}}"#;
    let good = r#"{"id":"1","what kind":"ab","attributes":{"k":"v"}}"#;
    let text = format!("{good}\n{{\"id\":\"2\",\"what kind\":\"ac\",bad}}\n");
    let folder = Folder::with("in.ndjson", text);
    folder.write("a model.json", model);
    let options = ["--model", "a model.json", "--partition-by", "truncate(1,kind)", "--attribute-columns", "k"];
    let more = ["--attribute-map", "all", "--provenance", "--sort-by", "id", "--bloom-filter", "id"];
    let args = [&["in.ndjson", "--out=-my out", "--max-rejects", "1", "--compression", "none"], &options[..], &more];
    let run = folder.convert(&args.concat()).ended_with(3);
    let path = folder.path("-my out/_partiquet/rejects");
    let path = std::fs::read_dir(path).unwrap().next().unwrap().unwrap().path();
    std::fs::write(&path, std::fs::read_to_string(&path).unwrap().replace(",bad", "")).unwrap();
    let printed = run.stdout.lines().find_map(|line| line.trim().strip_prefix("partiquet ")).unwrap();
    let command = format!("{} {printed}", env!("CARGO_BIN_EXE_partiquet"));
    let shell = folder.command(&[]).get_current_dir().unwrap().to_owned();
    let status = std::process::Command::new("sh").args(["-c", &command]).current_dir(shell).output().unwrap();
    assert!(status.status.success(), "{command}: {}", String::from_utf8_lossy(&status.stderr));
    let output = folder.output("-my out");
    assert_eq!(
        (output.sorted("id"), output.sorted("kind")),
        (vec!["1".into(), "2".into()], vec!["ab".into(), "ac".into()])
    );
    folder.run(&["verify", "./-my out"]).ended_with(0);
}

#[test]
fn a_reject_that_is_still_broken_is_refused_by_its_line() {
    let line = |id: &str| conversation(id, "2025-07-01T10:00:00Z") + "\n";
    let folder = Folder::with("in.ndjson", format!("{{1\n{}{{2\n{{3\n", line("a")));
    folder.convert(&["in.ndjson", "--out", "out", "--max-rejects", "3"]).ended_with(3);
    let rejects = folder.output("out").rejects();
    assert_eq!(rejects.iter().map(|reject| reject["line"].clone()).collect::<Vec<_>>(), [1, 3, 4]);
    folder.write("mended.ndjson", mended(&rejects, |raw| if raw == "{3" { raw.into() } else { line("x") }));
    folder.convert(&["mended.ndjson", "--out", "rest"]).ended_with(1).says(&["mended.ndjson, line 3, byte "]);
}

#[test]
fn lines_of_a_rejects_file_are_its_own_whatever_the_texts_in_it() {
    let reject = |raw: &str| json!({"partiquet_reject": 1, "raw": raw}).to_string() + "\n";
    let pretty = "[\n{\n\"id\":\"a\"\n},\n{\"id\":\"b\"}\n]\n";
    let folder = Folder::with("mended.ndjson", reject(pretty) + &reject("{\"id\":\"c\"}") + &reject("{!}"));
    folder.convert(&["mended.ndjson", "--out", "out", "--max-rejects", "1"]).ended_with(3);
    assert_eq!(folder.output("out").column("id"), ["a", "b", "c"]);
    assert_eq!(folder.output("out").rejects()[0]["line"], 3);
}

#[test]
fn the_rest_of_an_array_is_read_once_its_fault_is_mended() {
    for (text, expected) in [
        (r#"[{"id":"1"},{"id":tru},{"id":"3"}]"#, &["t", "3"][..]),
        ("[\n  {\"id\": \"1\"},\n  {\"id\":tru}\n]\n", &["t"]),
    ] {
        let folder = Folder::with("in.json", text);
        folder.convert(&["in.json", "--out", "out", "--max-rejects", "1"]).ended_with(3);
        assert_eq!(folder.output("out").column("id"), ["1"]);
        folder.write("mended", mended(&folder.output("out").rejects(), |raw| raw.replace("tru", "\"t\"")));
        folder.convert(&["mended", "--out", "rest"]).ended_with(0);
        assert_eq!(folder.output("rest").column("id"), expected, "{text}");
    }
}

#[test]
fn rejects_that_were_not_mended_are_rejected_again() {
    let folder = folder();
    folder.convert(&["in.ndjson", "--out", "out", "--max-rejects", "1"]).ended_with(3);
    let first = folder.output("out").rejects();
    folder.write("again.ndjson", mended(&first, str::to_owned));
    folder.convert(&["again.ndjson", "--out", "rest", "--max-rejects", "1"]).ended_with(3);
    let second = folder.output("rest").rejects();
    assert_eq!((&second[0]["raw"], &second[0]["kind"]), (&first[0]["raw"], &first[0]["kind"]));
    assert_eq!(second[0]["line"], 1);

    // A broken line that looks like the rest of an array is still just a broken line.
    let folder = Folder::with("in.ndjson", "{\"id\":\"1\"}\n{\"id\":\"2\"}]\n{\"id\":\"3\"},{\"id\":\"4\"}]\n");
    folder.convert(&["in.ndjson", "--out", "out", "--max-rejects", "2"]).ended_with(3);
    folder.write("again.ndjson", mended(&folder.output("out").rejects(), str::to_owned));
    folder.convert(&["again.ndjson", "--out", "rest", "--max-rejects", "unlimited"]).ended_with(3);
    assert_eq!(folder.output("rest").rejects().len(), 2);
}

#[test]
fn every_kind_of_fault_has_its_word() {
    let deep = format!("{}1{}", "[".repeat(70), "]".repeat(70));
    let cases = [
        ("syntax", r#"{"a":1,}"#.to_owned()),
        ("depth", format!(r#"{{"a":{deep}}}"#)),
        ("duplicate", r#"{"a":1,"a":2}"#.to_owned()),
        ("duplicate", r#"{"startTime":null,"start_time":null}"#.to_owned()),
        ("envelope", r#"{"participants":{}}"#.to_owned()),
        ("envelope", r#"{"participants":[1]}"#.to_owned()),
        ("not-object", "[1]".to_owned()),
        ("not-object", "null".to_owned()),
    ];
    let text: String = cases.iter().map(|(_, record)| format!("{{\"id\":\"good\"}}\n{record}\n")).collect();
    let folder = Folder::with("in.ndjson", text);
    folder.convert(&["in.ndjson", "--out", "out", "--max-rejects", "unlimited"]).ended_with(3);
    let output = folder.output("out");
    assert_eq!(output.rows().len(), cases.len());
    for ((kind, record), reject) in cases.iter().zip(output.rejects()) {
        assert_eq!((&reject["kind"], &reject["raw"]), (&json!(kind), &json!(record)), "{reject}");
    }
}

#[test]
fn text_that_is_not_utf_8_is_kept_in_base64_and_can_be_read_back() {
    let mut text = b"{\"id\":\"good\"}\n{\"id\":\"".to_vec();
    text.extend([0xff, b'"', b'}', b'\n']);
    let folder = Folder::with("in.ndjson", &text);
    folder.convert(&["in.ndjson", "--out", "out"]).ended_with(1).says(&["line 2, byte 21", "0xff"]);
    folder.convert(&["in.ndjson", "--out", "out", "--max-rejects", "1"]).ended_with(3);
    let output = folder.output("out");
    assert_eq!(output.column("id"), ["good"]);
    let reject = &output.rejects()[0];
    assert_eq!((&reject["kind"], &reject["offset"]), (&json!("utf8"), &json!(21)));
    assert_eq!((reject.get("raw"), &reject["raw_base64"]), (None, &json!("eyJpZCI6Iv8ifQ==")));
    folder.write("again.ndjson", reject.to_string());
    folder.convert(&["again.ndjson", "--out", "rest", "--max-rejects", "1"]).ended_with(3);
    assert_eq!(folder.output("rest").rejects()[0]["raw_base64"], reject["raw_base64"]);
}

#[test]
fn a_long_record_is_in_the_rejects_file_and_not_repeated_in_the_report() {
    let records = [100_000, 10].map(|length| format!("{{\"id\":\"{}\",}}\n", "x".repeat(length)));
    let folder = Folder::with("in.ndjson", records.concat());
    folder.convert(&["in.ndjson", "--out", "out", "--max-rejects", "2", "--report", "r.json"]).ended_with(3);
    let report = folder.json("r.json");
    let told: Vec<_> = report["rejects"].as_array().unwrap().iter().map(|reject| reject.get("raw").cloned()).collect();
    assert_eq!(told, [None, Some(json!(records[1].trim_end()))], "{report}");
    let kept = folder.output("out").rejects();
    assert_eq!(
        kept.iter().map(|reject| &reject["raw"]).collect::<Vec<_>>(),
        records.each_ref().map(|record| json!(record.trim_end())).each_ref()
    );
}

#[test]
fn a_rejects_file_that_somebody_has_mended_is_not_overwritten() {
    let folder = Folder::with("in.ndjson", "{\"id\":\"1\"}\n{bad\n");
    let args = ["in.ndjson", "--out", "out", "--max-rejects", "1", "--mode", "overwrite"];
    folder.convert(&args).ended_with(3);
    let name = |number: u64| folder.output("out").manifest(number)["rejects_file"].as_str().unwrap().to_owned();
    let first = name(1);
    folder.convert(&args).ended_with(3);
    assert_eq!(name(2), first, "what says the same needs no second file");
    let path = format!("out/{first}");
    let mended = folder.read(&path).replace("{bad", r#"{\"id\":\"2\"}"#);
    folder.write(&path, &mended);
    folder.convert(&args).ended_with(3);
    assert_eq!(folder.read(&path), mended);
    assert!(name(3).ends_with("-2.ndjson"), "{}", name(3));
    folder.run(&["verify", "out"]).ended_with(0);
}
