use partiquet::config::{Compression, MaxRejects, Mode, Size};

use super::*;
use crate::cli::args::{ProgressMode, Target};

fn message(text: &str) -> String {
    parse(text, "night.toml").unwrap_err().to_string()
}

#[test]
fn every_option_has_its_key() {
    let text = r#"
        inputs = ["a", "b"]
        out = "calls"
        mode = "overwrite"
        dry-run = false
        model = "call"
        attribute-columns = ["Reason, Code", "auto"]
        attribute-map = "all"
        provenance = true
        partition-by = ["day(start_time)", "bucket(16, queue_id)"]
        sort-by = "a, b"
        bloom-filter = ["c"]
        compression = "lz4"
        target-file-size = "1GB"
        row-group-rows = 10_000
        max-rejects = 5
        max-record-size = 2048
        threads = 4
        memory = "1GiB"
        target = "duckdb"
        progress = "plain"
        report = "run.json"
    "#;
    let said = parse(text, "night.toml").unwrap();
    let expected = RawOptions {
        inputs: vec!["a".into(), "b".into()],
        out: Some("calls".into()),
        mode: Some(Mode::Overwrite),
        dry_run: Some(false),
        model: Some("call".to_owned()),
        attribute_columns: Some(AttributeColumns::Keys(vec!["Reason, Code".to_owned(), "auto".to_owned()])),
        attribute_map: Some(partiquet::config::AttributeMap::All),
        provenance: Some(true),
        partition_by: Some("day(start_time), bucket(16, queue_id)".parse().unwrap()),
        sort_by: Some(vec!["a".to_owned(), "b".to_owned()]),
        bloom_filter: Some(vec!["c".to_owned()]),
        compression: Some(Compression::Lz4),
        target_file_size: Some(Size(1_000_000_000)),
        row_group_rows: Some(10_000),
        max_rejects: Some(MaxRejects::Count(5)),
        max_record_size: Some(Size(2048)),
        threads: Some(4),
        memory: Some(Size(1 << 30)),
        target: Some(Target::Duckdb),
        progress: Some(ProgressMode::Plain),
        report: Some("run.json".into()),
    };
    assert_eq!(said, expected);
    // The text contains every option.
    let missing: Vec<_> = known_names().into_iter().filter(|name| !text.contains(&format!("{name} ="))).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn underscores_do_as_well() {
    assert_eq!(parse("row_group_rows = 7", "f").unwrap().row_group_rows, Some(7));
    assert_eq!(
        message("threads = 1\nrow_group_rows = 7\nrow-group-rows = 8\n").lines().next().unwrap().split(": ").nth(1),
        Some("row-group-rows is given twice, once with a hyphen and once with an underscore")
    );
}

#[test]
fn an_empty_file_says_nothing() {
    assert_eq!(parse("", "f").unwrap(), RawOptions::default());
    assert_eq!(parse("# only words\n", "f").unwrap(), RawOptions::default());
    assert_eq!(parse("partition-by = []", "f").unwrap().partition_by.unwrap().0, []);
}

#[test]
fn an_unknown_option_is_refused_with_the_nearest() {
    assert_eq!(
        message("out = \"x\"\n\ntreads = 4\n"),
        "night.toml, line 3: there is no option \"treads\"\n  did you mean threads?"
    );
    assert!(message("x = 1").contains("there is no option \"x\"\n  the options are inputs, out, mode, "));
    assert!(message("[convert]\nthreads = 4").starts_with("night.toml, line 1: there is no option \"convert\""));
    assert!(message("config = \"other.toml\"").contains("there is no option \"config\""));
}

#[test]
fn a_wrong_value_is_told_with_its_line() {
    assert!(message("\nmemory = \"lots\"").starts_with("night.toml, line 2: memory: \"lots\" is not a size\n  write"));
    assert_eq!(
        message("threads = \"x\""),
        "night.toml, line 1: threads: \"x\" is not a number of this size\n  give a whole number, 1 or more"
    );
    assert_eq!(
        message("threads = -1"),
        "night.toml, line 1: threads: \"-1\" is not a number of this size\n  give a whole number, 1 or more"
    );
    assert_eq!(
        message("provenance = \"yes\""),
        "night.toml, line 1: provenance: this is a string\n  give true or false"
    );
    assert_eq!(message("inputs = [1]"), "night.toml, line 1: inputs: this is an integer\n  give a text in quotes");
    assert_eq!(
        message("progress = \"bar\""),
        "night.toml, line 1: progress: \"bar\" is not possible\n  use auto or plain or json or none"
    );
}

#[test]
fn what_is_not_toml_is_told_with_its_line() {
    let text = message("out = \"x\"\nthreads 4\n");
    assert!(text.starts_with("night.toml, line 2: not TOML: "), "{text}");
}

#[test]
fn an_absent_file_is_named() {
    let error = read(Path::new("absent.toml")).unwrap_err().to_string();
    assert!(error.starts_with("cannot read the config file absent.toml: "), "{error}");
}

#[test]
fn a_file_longer_than_any_config_file_is_refused_and_not_cut() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("long.toml");
    let of_bytes = |bytes: u64| "#\n".repeat(bytes as usize / 2 - 6) + "threads = 1\n";
    std::fs::write(&path, of_bytes(MAX_CONFIG_BYTES)).unwrap();
    assert_eq!(read(&path).unwrap().threads, Some(1));
    std::fs::write(&path, of_bytes(MAX_CONFIG_BYTES + 2)).unwrap();
    let error = read(&path).unwrap_err().to_string();
    assert!(error.contains("is longer than any config file"), "{error}");
}
