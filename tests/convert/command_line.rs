//! What a person or a script sees: help, exit codes, config files, progress, queries to paste.

use std::{
    fs,
    io::Read,
    sync::{
        Mutex,
        atomic::{AtomicBool, Ordering},
    },
};

use partiquet::{
    Config, Error,
    config::{AttributeColumns, AttributeMap, Compression, MaxRejects, Mode, PartitionBy},
    convert,
    input::ReadOptions,
    model::Model,
    observe::{Observer, Progress, Silent, Stage},
};

use crate::{
    data::{conversation, conversations, export, lines},
    output::tree,
    run::{Folder, Run},
};

#[test]
fn help_has_examples_defaults_and_exit_codes() {
    let folder = Folder::new();
    let help = folder.convert(&["--help"]).ended_with(0).stdout;
    for part in
        ["Examples:", "--partition-by", "[default: day(start_time)]", "Exit codes: 0 committed", "--max-rejects"]
    {
        assert!(help.contains(part), "{part}\n{help}");
    }
    let version = folder.run(&["--version"]).ended_with(0).stdout;
    assert_eq!(version.trim(), format!("partiquet {}", env!("CARGO_PKG_VERSION")));
}

#[test]
fn wrong_usage_ends_with_2_and_touches_nothing() {
    let folder = Folder::with("in.ndjson", conversations(1));
    for args in [
        &["in.ndjson"][..],
        &["--out", "out"],
        &["in.ndjson", "--out", "out", "--nonsense"],
        &["in.ndjson", "--out", "out", "--mode", "merge"],
        &["in.ndjson", "--out", "out", "--max-rejects", "many"],
        &["in.ndjson", "--out", "out", "--compression", "brotli"],
        &["in.ndjson", "--out", "out", "--threads", "0"],
        &["in.ndjson", "--out", "out", "--report", "out/r.json"],
        &["in.ndjson", "--out", "out", "--config", "in.ndjson"],
        &["in.ndjson", "--out", "out", "--config", "absent.toml"],
        &["in.ndjson", "--out", ""],
        &["in.ndjson", "--out", "out", "--model", "absent.json"],
    ] {
        folder.convert(args).ended_with(2);
        assert_eq!(folder.names(), ["in.ndjson"], "{args:?}");
    }
}

#[test]
fn a_model_that_is_not_there_is_wrong_usage() {
    let folder = Folder::with("in.ndjson", conversations(1));
    let run = folder.convert(&["in.ndjson", "--out", "out", "--model", "absent"]).ended_with(2);
    run.says(&["absent", "call"]);
    assert_eq!(folder.names(), ["in.ndjson"]);
}

#[test]
fn a_config_file_says_what_the_command_line_does_not() {
    let folder = Folder::with("in.ndjson", conversations(3));
    folder.write(
        "c.toml",
        "inputs = \"in.ndjson\"\nout = \"from-file\"\npartition-by = [\"month(start_time)\"]\nprovenance = true\n",
    );
    folder.convert(&["--config", "c.toml"]).ended_with(0);
    let output = folder.output("from-file");
    assert!(output.files[0].starts_with("start_time_month=2025-07/"));
    assert!(output.column_names().contains(&"source_file".to_owned()));
    folder.convert(&["--config", "c.toml", "--out", "said", "--partition-by", "none"]).ended_with(0);
    assert!(!folder.output("said").files[0].contains('/'));
    folder.write("a,b.ndjson", conversations(2));
    folder.write("comma.toml", "inputs = \"a,b.ndjson\"\n");
    folder.convert(&["--config", "comma.toml", "--out", "comma"]).ended_with(0);
    folder.write("bytes.toml", b"out = \"x\"\nmode = \"\xff\"\n");
    folder.convert(&["in.ndjson", "--config", "bytes.toml"]).ended_with(2).says(&["bytes.toml, line 2: not UTF-8"]);
    folder.write("wrong.toml", "out = \"x\"\npartition-bye = \"none\"\n");
    folder
        .convert(&["in.ndjson", "--config", "wrong.toml"])
        .ended_with(2)
        .says(&["wrong.toml, line 2", "did you mean partition-by?"]);
}

#[test]
fn the_summary_ends_with_lines_to_paste() {
    let folder = Folder::with("in.ndjson", conversations(3));
    let run = folder.convert(&["in.ndjson", "--out", "my calls"]).ended_with(0);
    assert!(run.stdout.starts_with("Wrote 3 rows to my calls in "), "{}", run.stdout);
    for part in
        ["read_parquet('", "my calls/**/*.parquet'", "hive_types = {'start_time_day': DATE}", "spark.read.parquet("]
    {
        assert!(run.stdout.contains(part), "{part}\n{}", run.stdout);
    }
    let only =
        |target: &str, out: &str| folder.convert(&["in.ndjson", "--out", out, "--target", target]).ended_with(0).stdout;
    let (duckdb, spark) = (only("duckdb", "d"), only("spark", "s"));
    assert!(duckdb.contains("read_parquet(") && !duckdb.contains("spark.read"), "{duckdb}");
    assert!(!spark.contains("read_parquet(") && spark.contains("spark.read"), "{spark}");
}

#[test]
fn a_report_stands_neither_in_the_dataset_nor_among_the_inputs() {
    let folder = Folder::with("in/a.json", conversations(1));
    std::fs::create_dir(folder.path("out")).unwrap();
    std::os::unix::fs::symlink("out", folder.path("link")).unwrap();
    std::os::unix::fs::symlink("out/r.json", folder.path("into.json")).unwrap();
    for (report, says) in [
        ("out/r.json", "would stand inside the dataset"),
        ("link/r.json", "would stand inside the dataset"),
        ("into.json", "would stand inside the dataset"),
        ("in/../out/sub/r.json", "would stand inside the dataset"),
        ("in/r.json", "would stand among the inputs"),
        ("link/../in/a.json", "would stand among the inputs"),
    ] {
        folder.convert(&["in", "--out", "out", "--report", report]).ended_with(2).says(&[says]);
    }
    folder.convert(&["in/*.json", "--out", "out", "--report", "in/r.json"]).ended_with(2).says(&["among the inputs"]);
    folder.convert(&["in", "--out", "out", "--report", "in/report.txt"]).ended_with(0);
    assert_eq!(folder.json("in/report.txt")["rows"], 1);
}

#[test]
fn a_detour_in_the_path_of_the_dataset_leaves_nothing() {
    let folder = Folder::with("in.ndjson", conversations(1));
    folder.convert(&["in.ndjson", "--out", "zz/../zz2"]).ended_with(0);
    assert_eq!(folder.names(), ["in.ndjson", "zz2"]);
}

#[test]
fn progress_as_json_is_one_object_a_line() {
    let folder = Folder::with("in.ndjson", lines(&export(300, 95)));
    let run = folder.convert(&["in.ndjson", "--out", "out", "--progress", "json"]).ended_with(0);
    let events: Vec<serde_json::Value> = run.stderr.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let stages: Vec<_> = events.iter().filter_map(|event| event["stage"].as_str()).collect();
    for stage in ["sampling", "converting", "finishing", "committing"] {
        assert!(stages.contains(&stage), "{stages:?}");
    }
    let last = events.last().unwrap();
    assert_eq!((&last["event"], &last["exit_code"]), (&"finished".into(), &0.into()));
    let rows = folder.output("out").rows().len() as u64;
    assert_eq!(events[events.len() - 2]["rows"].as_u64(), Some(rows), "{:?}", events[events.len() - 2]);

    folder.write("bad.ndjson", "{\n");
    let run = folder.convert(&["bad.ndjson", "--out", "bad", "--progress", "json"]).ended_with(1);
    let events: Vec<serde_json::Value> = run.stderr.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let last = events.last().unwrap();
    assert_eq!((&last["event"], &last["exit_code"]), (&"failed".into(), &1.into()));
    assert!(last["error"].as_str().unwrap().contains("bad.ndjson"), "{last}");
}

#[test]
fn at_the_end_all_bytes_are_read() {
    let text = lines(&export(300, 95));
    let folder = Folder::with("in.ndjson", &text);
    let run = folder.convert(&["in.ndjson", "--out", "out", "--progress", "json"]).ended_with(0);
    let events = run.stderr.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
    for event in events.filter(|event| event["stage"] == "committing") {
        assert_eq!(
            (&event["input_bytes"], &event["input_bytes_total"]),
            (&text.len().into(), &text.len().into()),
            "{event}"
        );
    }
}

/// An observer that keeps every progress.
#[derive(Default)]
struct Told(Mutex<Vec<Progress>>);

impl Observer for Told {
    fn progress(&self, progress: &Progress) {
        self.0.lock().unwrap().push(*progress);
    }
}

#[test]
fn progress_within_a_file_can_be_seen() {
    let folder = Folder::with("in.ndjson", lines(&export(6000, 96)));
    let total = fs::metadata(folder.path("in.ndjson")).unwrap().len();
    let told = Told::default();
    convert(&config(&folder), &told).unwrap();
    let read: Vec<u64> = told.0.lock().unwrap().iter().map(|progress| progress.input_bytes).collect();
    assert!(read.is_sorted(), "{read:?}");
    assert!(total > 3 << 20 && read.iter().any(|read| (1..total).contains(read)), "{read:?} of {total} bytes");
}

/// The configuration for `in.ndjson --out out --attribute-columns none` on the command line.
fn config(folder: &Folder) -> Config {
    Config {
        inputs: vec![folder.path("in.ndjson").into()],
        out: folder.path("out"),
        model: Model::load(Model::DEFAULT).unwrap(),
        partition_by: PartitionBy::default().0,
        attribute_columns: AttributeColumns::None,
        attribute_map: AttributeMap::Rest,
        compression: Compression::DEFAULT,
        target_file_bytes: Config::DEFAULT_TARGET_FILE_BYTES,
        row_group_rows: Config::DEFAULT_ROW_GROUP_ROWS,
        threads: 2,
        memory_bytes: Config::DEFAULT_MEMORY_BYTES,
        max_record_bytes: ReadOptions::MAX_RECORD_BYTES,
        max_rejects: MaxRejects::default(),
        mode: Mode::Error,
        sort_by: Vec::new(),
        bloom_filter: Vec::new(),
        provenance: false,
        committed_at: "2025-07-01T00:00:00Z".to_owned(),
    }
}

#[test]
fn the_library_writes_what_the_program_writes() {
    let folder = Folder::with("in.ndjson", lines(&export(200, 97)));
    let report = convert(&config(&folder), &Silent).unwrap();
    folder.convert(&["in.ndjson", "--out", "program", "--attribute-columns", "none"]).ended_with(0);
    let [library, program] = ["out", "program"].map(|out| tree(&folder.path(out)));
    for file in &report.files {
        assert!(library[&file.path] == program[&file.path], "{}", file.path);
    }
    assert!(report.elapsed_seconds == 0.0, "the library reads no clock");
    let error = convert(&config(&folder), &Silent).unwrap_err();
    assert!(matches!(error, Error::Dataset { .. }), "{error}");
}

#[test]
fn the_library_keeps_the_limits_of_the_options() {
    let folder = Folder::with("in.ndjson", conversations(1));
    let refused = |change: fn(&mut Config), option: &str| {
        let mut config = Config { memory_bytes: 1 << 40, ..config(&folder) };
        change(&mut config);
        let share = partiquet::ShareName { run: "run", share: "share" };
        for error in [
            convert(&config, &Silent).unwrap_err(),
            partiquet::preview(&config, &Silent).unwrap_err(),
            partiquet::stage_share(&config, share, &Silent).unwrap_err(),
        ] {
            assert!(matches!(error, Error::Usage { .. }) && error.to_string().contains(option), "{error}");
        }
    };
    refused(|config| config.threads = 0, "--threads");
    refused(|config| config.row_group_rows = Config::MAX_ROW_GROUP_ROWS + 1, "--row-group-rows");
    refused(|config| config.target_file_bytes = 1, "--target-file-size");
    refused(|config| config.max_record_bytes = Config::MAX_MAX_RECORD_BYTES + 1, "--max-record-size");
    refused(|config| config.attribute_map = AttributeMap::None, "--attribute-map");
    assert_eq!(folder.names(), ["in.ndjson"]);
}

/// An observer that asks to stop from a stage on.
struct StopsAt {
    stage: Stage,
    is_reached: AtomicBool,
}

impl Observer for StopsAt {
    fn progress(&self, progress: &Progress) {
        self.is_reached.fetch_or(progress.stage == self.stage, Ordering::Relaxed);
    }

    fn stop_requested(&self) -> bool {
        self.is_reached.load(Ordering::Relaxed)
    }
}

#[test]
fn the_library_can_be_asked_to_stop() {
    let folder = Folder::with("in.ndjson", conversations(10));
    for stage in [Stage::Sampling, Stage::Converting, Stage::Finishing, Stage::Committing] {
        // The first stage is asked before anything is told.
        let observer = StopsAt { stage, is_reached: AtomicBool::new(stage == Stage::Sampling) };
        let error = convert(&config(&folder), &observer).unwrap_err();
        assert!(matches!(error, Error::Interrupted), "{stage:?}: {error}");
        assert_eq!(folder.names(), ["in.ndjson"], "{stage:?}");
    }
}

#[test]
fn without_a_terminal_a_short_run_says_nothing_on_standard_error() {
    let folder = Folder::with("in.ndjson", conversations(3));
    let run = folder.convert(&["in.ndjson", "--out", "out"]).ended_with(0);
    assert_eq!(run.stderr, "");
    assert!(!run.stdout.contains('\u{1b}'), "no colours in a file");
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    let folder = Folder::with("in.ndjson", conversations(3));
    let mut child = folder.command(&["convert", "in.ndjson", "--out", "out"]).spawn().unwrap();
    drop(child.stdout.take());
    let mut stderr = String::new();
    child.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
    assert_eq!((child.wait().unwrap().code(), stderr.as_str()), (Some(0), ""));
    assert_eq!(folder.output("out").rows().len(), 3);
}

#[test]
fn an_inferred_model_converts_what_it_was_inferred_from() {
    let records: String = (0..20)
        .map(|n| format!("{{\"orderId\":\"o{n}\",\"lines\":[{{\"sku\":\"s{n}\",\"count\":{n}}}],\"at\":\"2025-07-01T00:00:{n:02}Z\"}}\n"))
        .collect();
    let folder = Folder::with("orders.ndjson", records);
    let model: Run = folder.run(&["infer", "orders.ndjson", "--name", "orders"]).ended_with(0);
    folder.write("orders.json", &model.stdout);
    folder.convert(&["orders.ndjson", "--out", "out", "--model", "orders.json"]).ended_with(2).says(&[
        "`start_time`: the table has no such column; day(start_time) is what rows go by unless --partition-by says otherwise",
        "--partition-by none",
    ]);
    folder
        .convert(&["orders.ndjson", "--out", "out", "--model", "orders.json", "--partition-by", "day(order_id)"])
        .ended_with(2)
        .says(&["as in `day(at)`"]);
    folder
        .convert(&["orders.ndjson", "--out", "out", "--model", "orders.json", "--partition-by", "none"])
        .ended_with(0);
    let output = folder.output("out");
    assert_eq!(output.rows().len(), 20);
    assert_eq!(output.said(&output.files[0], "partiquet.model").unwrap(), "orders");
}

#[test]
fn schema_shows_the_columns_that_a_run_writes() {
    let folder = Folder::with("in.ndjson", conversations(1));
    let document: serde_json::Value =
        serde_json::from_str(&folder.run(&["schema", "--as", "json"]).ended_with(0).stdout).unwrap();
    let shown: Vec<&str> =
        document["columns"].as_array().unwrap().iter().map(|column| column["name"].as_str().unwrap()).collect();
    assert_eq!(folder.converted(&["in.ndjson", "--attribute-columns", "none"]).column_names(), shown);
}

#[test]
fn completions_and_the_manual_page_are_printed() {
    let folder = Folder::new();
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        assert!(folder.run(&["completions", shell]).ended_with(0).stdout.contains("--partition-by") || shell == "fish");
    }
    assert!(folder.run(&["man"]).ended_with(0).stdout.contains(".SH"));
}

#[test]
fn too_many_partitions_are_no_wrong_usage() {
    let folder = Folder::with("in.ndjson", (0..=100_000).map(|n| format!("{{\"id\":\"p{n}\"}}\n")).collect::<String>());
    let run = folder.convert(&["in.ndjson", "--out", "out", "--partition-by", "id"]).ended_with(1);
    run.says(&["more than 100000 partitions", "coarser"]);
    assert_eq!(folder.names(), ["in.ndjson"]);
}

#[test]
fn infer_says_when_there_is_nothing_to_infer_from() {
    let folder = Folder::with("in.json", "name,age\nAnn,3\n");
    folder.run(&["infer", "in.json"]).ended_with(2).says(&["no JSON object"]);
}

#[test]
fn advice_names_what_to_write() {
    let folder = Folder::with("in.ndjson", conversations(2));
    let refused = |args: &[&str]| folder.convert(args).ended_with(2);
    refused(&["in.ndjson", "--out", "s3://bucket/calls"]).says(&["s3://bucket/calls is an address"]);
    refused(&["https://example.org/a.ndjson", "--out", "out"]).says(&["https://example.org/a.ndjson is an address"]);
    refused(&["in.ndjson", "--out", "out", "--provenance", "true"]).says(&["--provenance=true"]);
    refused(&["in.ndjson", "--out", "out", "--partition-by", "start_time_day"])
        .says(&["did you mean `day(start_time)`"]);
    refused(&["s3://bucket/*.json", "--out", "out"]).says(&["is an address"]);
    folder.write("empty.toml", "out = \"\"\n");
    refused(&["in.ndjson", "--config", "empty.toml"]).says(&["the name of the output folder is empty"]);
    assert_eq!(folder.names(), ["empty.toml", "in.ndjson"]);
    folder.convert(&["in.ndjson", "--out", "out", "--provenance"]).ended_with(0);
    folder.write("more.ndjson", conversation("more", "2025-07-01T10:00:00Z"));
    folder
        .convert(&["more.ndjson", "--out", "out", "--mode", "append"])
        .ended_with(1)
        .says(&["source_file: missing in this run", "add --provenance"]);
}

#[test]
fn what_people_write_into_json_is_told_where_it_stands() {
    for (text, column) in [("{\n  // a comment\n  \"id\":\"c1\"\n}\n", 4), ("{\n  'id': 'c1'\n}\n", 4)] {
        let folder = Folder::with("in.json", text);
        let run = folder.convert(&["in.json", "--out", "out"]).ended_with(1);
        run.says(&[&format!("line 2, byte {column}")]);
    }
    let folder = Folder::with("in.ndjson", [&b"{\"name\":\"M"[..], b"\xfc", b"ller\"}\n"].concat());
    folder.convert(&["in.ndjson", "--out", "out"]).ended_with(1).says(&["iconv -f ISO-8859-1"]);
}

#[test]
fn infer_notes_what_it_could_not_use() {
    let folder = Folder::with("in.ndjson", "{\"userId\":1,\"user_id\":2}\n{broken\n{\"a\":1}\n");
    let run = folder.run(&["infer", "in.ndjson"]).ended_with(0);
    let run =
        run.says(&["note: userId and user_id are two spellings", "note: 1 of the sampled records are not considered"]);
    let model: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(model["partiquet_model"], 1);
}

#[test]
fn the_exit_code_does_not_depend_on_how_progress_is_shown() {
    let folder = Folder::with("broken.ndjson", "{\n");
    folder.write("model.json", "{}");
    for progress in ["json", "plain", "none"] {
        let with = |args: &[&str]| folder.convert(&[args, &["--out", "out", "--progress", progress]].concat());
        with(&["nowhere.ndjson"]).ended_with(2);
        with(&["broken.ndjson"]).ended_with(1);
        with(&["broken.ndjson", "--model", "model.json"]).ended_with(2);
    }
}
