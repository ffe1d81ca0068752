use clap::CommandFactory;
use partiquet::config::Config;

use super::*;
use crate::cli::config_file::known_names;

fn said(line: &[&str]) -> Result<RawOptions, String> {
    match Cli::try_parse_from(["partiquet", "convert"].iter().chain(line)) {
        Ok(Cli { command: Command::Convert(args) }) => Ok(args.said),
        Ok(other) => panic!("{other:?}"),
        Err(error) => Err(error.to_string()),
    }
}

fn help(subcommand: &str, option: &str) -> String {
    let error = Cli::try_parse_from(["partiquet", subcommand, option]).unwrap_err();
    assert_eq!(error.exit_code(), 0);
    error.to_string()
}

#[test]
fn the_definition_is_sound() {
    Cli::command().debug_assert();
}

#[test]
fn every_option_is_understood() {
    let line = "a b.json --out calls --mode overwrite --dry-run --model m.json --attribute-columns k --attribute-map all \
        --provenance --partition-by day(t),p --sort-by a,b --bloom-filter c --compression snappy \
        --target-file-size 1GB --row-group-rows 5 --max-rejects 1% --max-record-size 1MiB --threads 2 --memory 1GiB \
        --target spark --progress json --report r.json";
    let given = said(&line.split_whitespace().collect::<Vec<_>>()).unwrap();
    let expected = RawOptions {
        inputs: vec!["a".into(), "b.json".into()],
        out: Some("calls".into()),
        mode: Some(Mode::Overwrite),
        dry_run: Some(true),
        model: Some("m.json".to_owned()),
        attribute_columns: Some(AttributeColumns::Keys(vec!["k".to_owned()])),
        attribute_map: Some(AttributeMap::All),
        provenance: Some(true),
        partition_by: Some("day(t), p".parse().unwrap()),
        sort_by: Some(vec!["a".to_owned(), "b".to_owned()]),
        bloom_filter: Some(vec!["c".to_owned()]),
        compression: Some(Compression::Snappy),
        target_file_size: Some(Size(1_000_000_000)),
        row_group_rows: Some(5),
        max_rejects: Some(MaxRejects::Percent(1.0)),
        max_record_size: Some(Size(1 << 20)),
        threads: Some(2),
        memory: Some(Size(1 << 30)),
        target: Some(Target::Spark),
        progress: Some(ProgressMode::Json),
        report: Some("r.json".into()),
    };
    assert_eq!(given, expected);
    // The line contains every option.
    let missing: Vec<_> =
        known_names().into_iter().skip(1).filter(|name| !line.contains(&format!("--{name} "))).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn a_flag_can_be_said_not_to_hold() {
    assert_eq!(said(&["x", "--provenance=false"]).unwrap().provenance, Some(false));
    assert_eq!(said(&["--provenance", "x"]).unwrap().inputs, ["x"], "a flag takes no word that follows it");
    assert_eq!(said(&["x"]).unwrap(), RawOptions { inputs: vec!["x".into()], ..RawOptions::default() });
}

#[test]
fn the_command_line_goes_before_the_file() {
    let line = said(&["a", "--threads", "2", "--provenance=false"]).unwrap();
    let file = said(&["b", "--threads", "7", "--provenance", "--memory", "1GiB"]).unwrap();
    let both = line.or(file);
    assert_eq!((both.inputs, both.threads), (vec!["a".into()], Some(2)));
    assert_eq!((both.provenance, both.memory), (Some(false), Some(Size(1 << 30))));
}

#[test]
fn each_option_of_the_command_line_goes_before_its_own_in_the_file() {
    let said = |line: &str| said(&line.split_whitespace().collect::<Vec<_>>()).unwrap();
    let line = "a --out a --mode append --dry-run=false --model a --attribute-columns a --attribute-map all \
        --provenance=false --partition-by a --sort-by a --bloom-filter a --compression snappy --target-file-size 1MB \
        --row-group-rows 1 --max-rejects 1 --max-record-size 1MB --threads 1 --memory 1MB --target spark \
        --progress json --report a";
    let file = "b --out b --mode overwrite --dry-run --model b --attribute-columns b --attribute-map none \
        --provenance --partition-by b --sort-by b --bloom-filter b --compression lz4 --target-file-size 2MB \
        --row-group-rows 2 --max-rejects 2 --max-record-size 2MB --threads 2 --memory 2MB --target duckdb \
        --progress plain --report b";
    assert_eq!(said(line).or(said(file)), said(line));
    assert_eq!(RawOptions::default().or(said(file)), said(file));
}

#[test]
fn a_wrong_value_is_explained() {
    let text = said(&["x", "--memory", "lots"]).unwrap_err();
    assert!(
        text.starts_with("error: invalid value 'lots' for '--memory <SIZE>': \"lots\" is not a size\n  write a whole"),
        "{text}"
    );
    let text = said(&["x", "--partition-by", "day(start_time"]).unwrap_err();
    assert!(
        text.contains("a closing parenthesis is missing\n    day(start_time\n                  ^\n"),
        "the caret stands under the end: {text}"
    );
    let text = said(&["x", "--mode", "merge"]).unwrap_err();
    assert!(text.contains("[possible values: error, append, overwrite, overwrite-partitions]"), "{text}");
    let text = said(&["x", "--treads", "2"]).unwrap_err();
    assert!(text.contains("a similar argument exists: '--threads'"), "{text}");
}

#[test]
fn usage_errors_exit_with_2() {
    let error = Cli::try_parse_from(["partiquet", "convert", "--threads", "many"]).unwrap_err();
    assert_eq!(error.exit_code(), 2);
}

#[test]
fn the_help_tells_the_defaults_as_they_are() {
    let long = help("convert", "--help");
    for default in [
        format!("[default: {}]", Size(Config::DEFAULT_TARGET_FILE_BYTES)),
        format!("[default: {}]", Size(Config::DEFAULT_MEMORY_BYTES)),
        format!("[default: {}]", Config::DEFAULT_ROW_GROUP_ROWS),
        format!("[default: {}]", Size(partiquet::input::ReadOptions::MAX_RECORD_BYTES as u64)),
        format!("[default: {}]", Compression::DEFAULT),
        format!("[default: {}]", MaxRejects::default()),
        format!("[default: {}]", PartitionBy::default()),
        format!("[default: {}]", Mode::default()),
        format!("[default: {}]", AttributeMap::default()),
        format!("[default: {}]", AttributeColumns::default()),
        format!("[default: {}]", partiquet::model::Model::DEFAULT),
    ] {
        assert!(long.contains(&default), "{default}");
    }
    for heading in [INPUT_OUTPUT, COLUMNS, FILES, STRICTNESS, RESOURCES, REPORTING, "Examples", "Exit codes"] {
        assert!(long.contains(&format!("{heading}:")), "{heading}");
    }
}

#[test]
fn the_short_help_is_compact() {
    let (short, long) = (help("convert", "-h"), help("convert", "--help"));
    assert!(short.lines().count() < long.lines().count() * 2 / 3, "{}", short.lines().count());
    assert!(short.contains("Codec of the pages") && !short.contains("a third smaller"));
}

#[test]
fn every_example_of_the_help_is_understood() {
    let joined = CONVERT_EXAMPLES.replace("\\\n", " ");
    let lines = joined.lines().filter_map(|line| line.split_once("partiquet convert ")).map(|(_, rest)| rest);
    let mut examples = 0;
    for line in lines {
        // Splits the words as a shell would: quotes keep blanks together.
        let words = line.split('\'').enumerate().flat_map(|(index, part)| match index % 2 {
            0 => part.split_whitespace().map(str::to_owned).collect::<Vec<_>>(),
            _ => vec![part.to_owned()],
        });
        let words: Vec<_> = words.collect();
        said(&words.iter().map(String::as_str).collect::<Vec<_>>()).unwrap();
        examples += 1;
    }
    assert_eq!(examples, 6);
}
