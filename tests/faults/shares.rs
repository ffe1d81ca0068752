//! Several processes stage shares of one run, and one commits them. The processes run this test binary.

use std::{
    env,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use partiquet::{
    Config, Error, ShareName, commit_shares,
    config::{AttributeColumns, AttributeMap, Compression, MaxRejects, Mode, PartitionBy},
    input::ReadOptions,
    model::Model,
    observe::{Observer, Progress, Silent, Stage},
    report::Report,
    stage_share,
};

use serde::{Deserialize, Serialize};

use crate::{
    data::{conversation, export, lines},
    output::{entries, tree},
    run::{Folder, PATIENCE, wait_until},
};

/// Environment variable with the task of the second process.
const TASK: &str = "PARTIQUET_TEST_SHARE";

#[derive(Serialize, Deserialize)]
enum Task {
    Stage {
        out: PathBuf,
        input: PathBuf,
        share: String,
        /// Whether to wait at the end until the process is killed.
        dies: bool,
    },
    Commit {
        out: PathBuf,
        shares: Vec<String>,
    },
}

const KEYS: [&str; 2] = ["Language", "IVR Priority"];

fn config(out: &Path, inputs: &[PathBuf]) -> Config {
    Config {
        inputs: inputs.iter().map(|input| input.clone().into_os_string()).collect(),
        out: out.to_owned(),
        model: Model::load(Model::DEFAULT).unwrap(),
        partition_by: PartitionBy::default().0,
        attribute_columns: AttributeColumns::Keys(KEYS.map(str::to_owned).to_vec()),
        attribute_map: AttributeMap::Rest,
        compression: Compression::DEFAULT,
        target_file_bytes: Config::DEFAULT_TARGET_FILE_BYTES,
        // Small, so that files are staged before the end of the input.
        row_group_rows: 50,
        threads: 2,
        memory_bytes: Config::DEFAULT_MEMORY_BYTES,
        max_record_bytes: ReadOptions::MAX_RECORD_BYTES,
        max_rejects: MaxRejects::Count(1),
        mode: Mode::Error,
        sort_by: Vec::new(),
        bloom_filter: Vec::new(),
        provenance: false,
        committed_at: "2025-07-01T00:00:00Z".to_owned(),
    }
}

fn stage(out: &Path, inputs: &[PathBuf], share: &str) -> partiquet::Result<Report> {
    stage_share(&config(out, inputs), ShareName { run: "night", share }, &Silent)
}

fn commit(out: &Path, shares: &[&str]) -> partiquet::Result<Report> {
    let shares: Vec<String> = shares.iter().map(|&share| share.to_owned()).collect();
    commit_shares(&config(out, &[]), "night", &shares, &Silent)
}

/// An observer that sleeps when everything is staged but not yet complete, until the process is killed.
struct WaitsForDeath;

impl Observer for WaitsForDeath {
    fn progress(&self, progress: &Progress) {
        if progress.stage == Stage::Finishing {
            std::thread::sleep(PATIENCE);
        }
    }
}

#[test]
#[ignore = "the second process of the tests below: does nothing on its own"]
fn second_process() {
    let Ok(task) = env::var(TASK) else { return };
    match serde_json::from_str(&task).unwrap() {
        Task::Stage { out, input, share, dies } => {
            let (config, name) = (config(&out, &[input]), ShareName { run: "night", share: &share });
            let observer: &dyn Observer = if dies { &WaitsForDeath } else { &Silent };
            stage_share(&config, name, observer).unwrap();
        }
        Task::Commit { out, shares } => {
            commit_shares(&config(&out, &[]), "night", &shares, &Silent).unwrap();
        }
    }
}

fn second(task: &Task) -> Command {
    let mut command = Command::new(env::current_exe().unwrap());
    command.args(["--exact", "shares::second_process", "--ignored"]);
    command.env(TASK, serde_json::to_string(task).unwrap());
    command
}

/// A process that stages a share.
pub fn staging(out: &Path, input: &Path, share: &str, dies: bool) -> Command {
    second(&Task::Stage { out: out.to_owned(), input: input.to_owned(), share: share.to_owned(), dies })
}

/// A process that commits shares.
pub fn committing(out: &Path, shares: &[&str]) -> Command {
    second(&Task::Commit { out: out.to_owned(), shares: shares.iter().map(|share| (*share).to_owned()).collect() })
}

fn process(out: &Path, input: &Path, share: &str, dies: bool) -> Child {
    staging(out, input, share, dies).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

/// Three inputs; the first has a record that is refused.
pub fn inputs(folder: &Folder) -> Vec<PathBuf> {
    let names = ["a.ndjson", "b.ndjson", "c.ndjson"];
    for (name, seed) in names.iter().zip(1..) {
        folder.write(name, lines(&export(400, seed)) + if seed == 1 { "{\n" } else { "" });
    }
    names.iter().map(|name| folder.path(name)).collect()
}

/// All rows as sorted texts.
fn sorted_rows(folder: &Folder, out: &str) -> Vec<String> {
    let output = folder.output(out);
    let mut rows: Vec<String> = output
        .partitions()
        .into_iter()
        .flat_map(|(partition, rows)| {
            rows.into_iter().map(move |row| format!("{partition} {}", serde_json::Value::Object(row)))
        })
        .collect();
    rows.sort();
    rows
}

#[test]
fn three_processes_stage_one_dies_and_stages_again_and_one_commits() {
    let folder = Folder::new();
    let inputs = inputs(&folder);
    let out = folder.path("out");
    let (mut a, mut c) = (process(&out, &inputs[0], "a", false), process(&out, &inputs[2], "c", false));
    let mut b = process(&out, &inputs[1], "b", true);
    let of_b = out.join("_partiquet/shares/night/b");
    wait_until("files of the share", || entries(&of_b).len() > 2);
    assert!(a.wait().unwrap().success() && c.wait().unwrap().success());
    // While it lives, nobody can commit or convert into the folder.
    let refusal = commit(&out, &["a", "b", "c"]).unwrap_err().to_string();
    assert!(refusal.contains("another run is writing to it") && refusal.contains("staging a share"), "{refusal}");
    let run = folder.convert(&["a.ndjson", "--out", "out", "--max-rejects", "1"]).ended_with(1);
    run.says(&["another run is writing to it"]);
    b.kill().unwrap();
    b.wait().unwrap();
    // What it left must not be taken for a share.
    let refusal = commit(&out, &["a", "b", "c"]).unwrap_err().to_string();
    assert!(refusal.contains("share b is not complete"), "{refusal}");
    assert!(folder.output("out").files.is_empty(), "nothing is visible");
    assert!(process(&out, &inputs[1], "b", false).wait().unwrap().success());
    let report = commit(&out, &["a", "b", "c"]).unwrap();

    let keys = KEYS.join(",");
    let names = ["a.ndjson", "b.ndjson", "c.ndjson"];
    folder
        .convert(
            &[
                &names[..],
                &["--out", "whole", "--max-rejects", "1", "--attribute-columns", &keys, "--row-group-rows", "50"],
            ]
            .concat(),
        )
        .ended_with(3);
    assert_eq!(sorted_rows(&folder, "out"), sorted_rows(&folder, "whole"));
    let (ours, whole) = (folder.output("out").manifest(1), folder.output("whole").manifest(1));
    for same in ["run_id", "options", "records", "records_without_rows", "rejected", "rows", "partition_by", "mode"] {
        assert_eq!(ours[same], whole[same], "{same}");
    }
    let counts = |manifest: &serde_json::Value| {
        let paths = manifest["ledger"]["paths"].as_object().unwrap().clone();
        paths
            .into_iter()
            .map(|(path, counts)| (path, counts["seen"].clone(), counts["kept"].clone()))
            .collect::<Vec<_>>()
    };
    assert_eq!(counts(&ours), counts(&whole));
    assert_eq!(folder.output("out").rejects().len(), 1);
    assert_eq!((report.rows, report.commit, report.rejected), (ours["rows"].as_u64().unwrap(), Some(1), 1));
    let left: Vec<String> =
        tree(&out).into_keys().filter(|path| path.contains("shares") || path.contains("staging")).collect();
    assert!(left.is_empty() && !out.join("_partiquet/shares").exists(), "{left:?}");
    assert_eq!(folder.run(&["verify", "out"]).ended_with(0).stderr, "");
}

#[test]
fn shares_are_committed_all_or_none_and_only_together() {
    let folder = Folder::new();
    let inputs = inputs(&folder);
    let out = folder.path("out");
    for (input, share) in inputs.iter().zip(["a", "b", "c"]) {
        stage(&out, std::slice::from_ref(input), share).unwrap();
    }
    let refused = |shares: &[&str], part: &str| {
        let refusal = commit(&out, shares).unwrap_err().to_string();
        assert!(refusal.contains(part), "{refusal}");
        assert!(folder.output("out").files.is_empty());
    };
    refused(&["a", "b"], "share c is there and was not named");
    refused(&["a", "b", "c", "d"], "share d is not complete");
    refused(&["a", "b", "c", "c"], "each share is named once");
    refused(&[], "each share is named once");
    refused(&["../a"], "cannot name a run or a share");
    // A share that has read the same input as another one.
    stage(&out, &inputs[..1], "c").unwrap();
    refused(&["a", "b", "c"], "two of its shares have read the same input: ");
    // The same input under another name.
    std::fs::copy(&inputs[0], folder.path("copy.ndjson")).unwrap();
    stage(&out, &[folder.path("copy.ndjson")], "c").unwrap();
    refused(&["a", "b", "c"], "copy.ndjson\n  stage one of them again, without it");
    // A share whose file was cut, and one that was staged for another mode, which decides what it leaves out.
    stage(&out, &inputs[2..], "c").unwrap();
    let file = tree(&out.join("_partiquet/shares/night/c")).into_keys().find(|file| file.ends_with(".staged")).unwrap();
    let path = out.join("_partiquet/shares/night/c").join(file);
    let whole = std::fs::read(&path).unwrap();
    std::fs::write(&path, &whole[1..]).unwrap();
    refused(&["a", "b", "c"], "not as large as it was staged\n  stage it again");
    std::fs::write(&path, &whole).unwrap();
    let append = Config { mode: Mode::Append, ..config(&out, &inputs[2..]) };
    stage_share(&append, ShareName { run: "night", share: "c" }, &Silent).unwrap();
    refused(&["a", "b", "c"], "its shares were staged for the mode append, and this is error");
    let mut other = config(&out, &inputs[2..]);
    other.compression = Compression::Snappy;
    stage_share(&other, ShareName { run: "night", share: "c" }, &Silent).unwrap();
    refused(&["a", "b", "c"], "its shares differ in their options");
    other.attribute_columns = AttributeColumns::None;
    stage_share(&other, ShareName { run: "night", share: "c" }, &Silent).unwrap();
    refused(&["a", "b", "c"], "its shares differ in columns");
    other.attribute_columns = AttributeColumns::Auto;
    let refusal = stage_share(&other, ShareName { run: "night", share: "c" }, &Silent).unwrap_err();
    assert!(matches!(refusal, Error::Usage { .. }), "{refusal}");
    // The budget counts all shares together.
    folder.write("c.ndjson", "{\n");
    stage(&out, &inputs[2..], "c").unwrap();
    refused(&["a", "b", "c"], "2 of ");
    folder.write("c.ndjson", conversation("c", "2025-07-01T10:00:00Z"));
    stage(&out, &inputs[2..], "c").unwrap();
    assert_eq!(commit(&out, &["a", "b", "c"]).unwrap().rejected, 1);
}

#[test]
fn shares_without_rows_do_not_replace_a_dataset_that_has_some() {
    let folder = Folder::new();
    let inputs = inputs(&folder);
    let out = folder.path("out");
    stage(&out, &inputs[..1], "a").unwrap();
    commit(&out, &["a"]).unwrap();
    let before = tree(&out);
    folder.write("empty.ndjson", "");
    let overwrite = |inputs: &[PathBuf]| Config { mode: Mode::Overwrite, ..config(&out, inputs) };
    stage_share(&overwrite(&[folder.path("empty.ndjson")]), ShareName { run: "empty", share: "a" }, &Silent).unwrap();
    let refusal = commit_shares(&overwrite(&[]), "empty", &["a".to_owned()], &Silent).unwrap_err().to_string();
    assert!(refusal.contains("would replace a dataset that has rows"), "{refusal}");
    let mut after = tree(&out);
    after.retain(|path, _| !path.starts_with("_partiquet/shares/"));
    assert!(before == after);
}

#[test]
fn shares_of_an_append_leave_out_what_is_held() {
    let folder = Folder::new();
    let inputs = inputs(&folder);
    let out = folder.path("out");
    let append = |inputs: &[PathBuf]| Config {
        mode: Mode::Append,
        attribute_columns: AttributeColumns::Auto,
        ..config(&out, inputs)
    };
    stage(&out, &inputs[..1], "a").unwrap();
    let first = commit(&out, &["a"]).unwrap();
    for (share, inputs) in [("a", &inputs[..2]), ("b", &inputs[2..])] {
        let name = ShareName { run: "second", share };
        stage_share(&append(inputs), name, &Silent).unwrap();
    }
    // The input that the first run committed is skipped.
    let names = ["a".to_owned(), "b".to_owned()];
    let second = commit_shares(&append(&[]), "second", &names, &Silent).unwrap();
    assert_eq!((second.skipped.len(), second.inputs.len(), second.commit), (1, 2, Some(2)));
    let rows = folder.output("out").rows().len() as u64;
    assert_eq!(rows, first.rows + second.rows);
    // Staged before another run commits the same input: refused at the commit.
    let name = ShareName { run: "third", share: "a" };
    folder.write("new.ndjson", conversation("new", "2025-07-01T10:00:00Z"));
    stage_share(&append(&[folder.path("new.ndjson")]), name, &Silent).unwrap();
    folder.convert(&["new.ndjson", "--out", "out", "--mode", "append"]).ended_with(0);
    let refusal = commit_shares(&append(&[]), "third", &["a".to_owned()], &Silent).unwrap_err().to_string();
    assert!(refusal.contains("it holds already what was read from"), "{refusal}");
    assert_eq!(folder.output("out").rows().len() as u64, rows + 1);
}

#[test]
fn a_share_is_refused_at_once_where_its_mode_forbids_the_folder() {
    let folder = Folder::with("in.ndjson", conversation("c", "2025-07-01T10:00:00Z"));
    let inputs = [folder.path("in.ndjson")];
    folder.write("foreign/notes.txt", "mine");
    let refusal = stage(&folder.path("foreign"), &inputs, "one").unwrap_err().to_string();
    assert!(refusal.contains("the folder is not empty: notes.txt"), "{refusal}");
    assert_eq!(std::fs::read_dir(folder.path("foreign")).unwrap().count(), 1);
    let out = folder.path("out");
    folder.convert(&["in.ndjson", "--out", "out"]).ended_with(0);
    // The lock names the process that had it last.
    let files = || tree(&out).into_iter().filter(|(path, _)| path != "_partiquet/lock").collect::<Vec<_>>();
    let before = files();
    let refusal = stage(&out, &inputs, "one").unwrap_err().to_string();
    assert!(refusal.contains("there is a dataset in it already"), "{refusal}");
    assert!(before == files());
}

#[test]
fn a_fragment_that_leads_out_of_its_share_or_its_dataset_is_refused() {
    let folder = Folder::with("in.ndjson", conversation("c", "2025-07-01T10:00:00Z"));
    folder.write("precious.txt", "precious");
    let out = folder.path("out");
    stage(&out, &[folder.path("in.ndjson")], "one").unwrap();
    let path = "out/_partiquet/shares/night/one/fragment.json";
    let sound = folder.json(path);
    for (member, value) in [
        ("staged_path", "../../../../../precious.txt"),
        ("staged_path", "/etc/hostname"),
        ("partition", "../elsewhere"),
        ("partition", "_partiquet/x"),
    ] {
        let mut fragment = sound.clone();
        fragment["run"]["files"][0][member] = value.into();
        folder.write(path, fragment.to_string());
        let error = commit(&out, &["one"]).unwrap_err();
        assert!(matches!(error, Error::Dataset { .. }), "{value}: {error}");
    }
    assert_eq!(folder.read("precious.txt"), "precious");
    folder.write(path, sound.to_string());
    let mut late = config(&out, &[]);
    late.committed_at = "yesterday".to_owned();
    let error = commit_shares(&late, "night", &["one".to_owned()], &Silent).unwrap_err();
    assert!(error.to_string().contains("committed_at"), "{error}");
    commit(&out, &["one"]).unwrap();
}

#[test]
fn the_rest_of_a_document_is_no_percentage_of_all_shares_either() {
    let folder = Folder::with("a.json", format!("[\n{},\n{{!\n]\n", conversation("c", "2025-07-01T10:00:00Z")));
    folder.write("b.ndjson", lines(&export(400, 1)));
    let out = folder.path("out");
    stage(&out, &[folder.path("a.json")], "one").unwrap();
    stage(&out, &[folder.path("b.ndjson")], "two").unwrap();
    let shares = ["one", "two"].map(str::to_owned);
    let percent = Config { max_rejects: MaxRejects::Percent(50.0), ..config(&out, &[]) };
    let error = commit_shares(&percent, "night", &shares, &Silent).unwrap_err();
    assert!(error.to_string().contains("nobody knows how many records"), "{error}");
    commit_shares(&config(&out, &[]), "night", &shares, &Silent).unwrap();
}

/// An observer with a clock that moves on at each look.
#[derive(Default)]
struct Clocked(AtomicU64);

impl Observer for Clocked {
    fn clock(&self) -> Duration {
        Duration::from_secs(self.0.fetch_add(1, Ordering::Relaxed))
    }
}

#[test]
fn shares_report_the_times_of_their_stages() {
    let folder = Folder::new();
    folder.write("in.ndjson", lines(&export(100, 1)));
    let (input, out) = (folder.path("in.ndjson"), folder.path("out"));
    let name = ShareName { run: "night", share: "a" };
    let staged = stage_share(&config(&out, &[input]), name, &Clocked::default()).unwrap().stage_seconds;
    let committed = commit(&out, &["a"]).unwrap().stage_seconds;
    for times in [staged, committed] {
        assert!([times.read, times.decode, times.route, times.encode].iter().all(|time| *time > 0.0), "{times:?}");
    }
}

#[test]
fn shares_are_reported_and_recorded_as_one_run() {
    let folder = Folder::new();
    let out = folder.path("out");
    for (share, day) in [("a", 1), ("b", 2)] {
        folder.write(share, conversation(share, &format!("2025-07-0{day}T10:00:00Z")));
        let staged = Config { provenance: true, ..config(&out, &[folder.path(share)]) };
        stage_share(&staged, ShareName { run: "night", share }, &Silent).unwrap();
    }
    let later = Config { committed_at: "2025-07-03T00:00:00Z".to_owned(), ..config(&out, &[]) };
    let report = commit_shares(&later, "night", &["a", "b"].map(str::to_owned), &Silent).unwrap();
    assert_eq!(report.partitions, 2);
    let manifest = folder.json("out/_partiquet/commits/1.json");
    assert_eq!((&manifest["run_id"], &manifest["committed_at"]), (&report.run_id.into(), &later.committed_at.into()));
    let names = ["a", "b"].map(|name| folder.path(name).to_str().unwrap().to_owned());
    assert_eq!(manifest["options"]["input_names"], serde_json::to_string(&names).unwrap());
}

#[test]
fn what_a_share_or_a_commit_of_shares_recovers_first_is_in_its_report() {
    let folder = Folder::new();
    let inputs = inputs(&folder);
    let out = folder.path("out");
    stage(&out, &inputs[..1], "a").unwrap();
    commit(&out, &["a"]).unwrap();
    let step = |name: &str, to: &str, target: &str| serde_json::json!({"from": format!("_partiquet/staging/2-77/{name}.staged"), "to": to, "target": target});
    let intent = serde_json::json!({
        "format_version": 1, "commit": 2, "run_id": "aaaaaaaaaaaa", "discard": ["_partiquet/staging"], "moves": [],
        "manifest": step("commit", "_partiquet/commits/2.json", "new"),
        "schema": step("schema", "_partiquet/schema.json", "replaced"),
    });
    let append = |inputs: &[PathBuf]| Config { mode: Mode::Append, ..config(&out, inputs) };
    folder.write("out/_partiquet/intent.json", intent.to_string());
    let staged = stage_share(&append(&inputs[1..]), ShareName { run: "second", share: "b" }, &Silent).unwrap();
    folder.write("out/_partiquet/intent.json", intent.to_string());
    let committed = commit_shares(&append(&[]), "second", &["b".to_owned()], &Silent).unwrap();
    let told = "an earlier run had not come to its end: commit 2 was cut off";
    let number = |report: &Report| report.warnings.iter().filter(|warning| warning.starts_with(told)).count();
    assert_eq!((number(&staged), number(&committed)), (1, 2), "that of the share, and its own");
}

#[test]
fn the_rest_of_a_document_is_no_percentage_behind_any_number_of_rejects() {
    let folder = Folder::new();
    let out = folder.path("out");
    let kept: String = (0..100).map(|n| conversation(&format!("c{n}"), "2025-07-01T10:00:00Z") + "\n").collect();
    folder.write("a.ndjson", kept + &"{\n".repeat(Report::MAX_REJECTS_SHOWN));
    folder.write("b.json", format!("[\n{},\n{{\"id\":}}\n]", conversation("b", "2025-07-01T10:00:00Z")));
    for (share, input) in [("a", "a.ndjson"), ("b", "b.json")] {
        let unlimited = Config { max_rejects: MaxRejects::Unlimited, ..config(&out, &[folder.path(input)]) };
        stage_share(&unlimited, ShareName { run: "night", share }, &Silent).unwrap();
    }
    let percent = Config { max_rejects: MaxRejects::Percent(50.0), ..config(&out, &[]) };
    let names = ["a".to_owned(), "b".to_owned()];
    let refusal = commit_shares(&percent, "night", &names, &Silent).unwrap_err().to_string();
    assert!(refusal.contains("nobody knows how many records the rest of this file is"), "{refusal}");
}
