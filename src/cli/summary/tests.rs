use std::collections::BTreeMap;

use partiquet::{
    config::{AttributeColumns, AttributeMap, Compression, MaxRejects, Mode},
    model::Model,
    report::{FileReport, Firsts, InputReport, Ledger, RejectKind},
};

use super::*;

fn config() -> Config {
    Config {
        inputs: vec!["in".into()],
        out: "my calls".into(),
        model: Model {
            name: "call".to_owned(),
            title: String::new(),
            description: String::new(),
            envelopes: Vec::new(),
            row: Vec::new(),
            parent: None,
            outer: None,
        },
        partition_by: PartitionBy::default().0,
        attribute_columns: AttributeColumns::Auto,
        attribute_map: AttributeMap::Rest,
        compression: Compression::DEFAULT,
        target_file_bytes: Config::DEFAULT_TARGET_FILE_BYTES,
        row_group_rows: Config::DEFAULT_ROW_GROUP_ROWS,
        threads: 2,
        memory_bytes: Config::DEFAULT_MEMORY_BYTES,
        max_record_bytes: 1 << 20,
        max_rejects: MaxRejects::Count(1),
        mode: Mode::Error,
        sort_by: Vec::new(),
        bloom_filter: Vec::new(),
        provenance: false,
        committed_at: "2025-07-01T00:00:00Z".to_owned(),
    }
}

fn counts(coerced: u64, unknown: u64, line: u64) -> Counts {
    let first = || Some(Place { file: "in/a.ndjson".to_owned(), offset: 99, line });
    let first = Firsts { coerced: first(), mismatched: None, unknown: first() };
    Counts { seen: 1000 + coerced + unknown, kept: 1000, coerced, unknown, first, ..Counts::default() }
}

fn report() -> Report {
    let paths = [
        ("/a".to_owned(), counts(5, 0, 7)),
        ("/wrapup/durationSeconds".to_owned(), counts(1200, 0, 3)),
        ("/c".to_owned(), counts(5, 0, 8)),
        ("/d".to_owned(), counts(1, 0, 9)),
        ("/e".to_owned(), counts(1, 0, 9)),
        ("/new".to_owned(), counts(0, 2, 4)),
    ];
    Report {
        inputs: vec![InputReport::default(), InputReport::default()],
        input_bytes: 1_000_000_000,
        json_bytes: 3_400_000_000,
        records: 456_789,
        rejected: 1,
        records_without_rows: 13,
        rows: 1_234_567,
        ledger: Ledger { paths: BTreeMap::from(paths) },
        rejects: vec![Reject {
            partiquet_reject: Reject::VERSION,
            file: "in/a.ndjson".to_owned(),
            offset: 4711,
            line: 1000,
            record_offset: 4700,
            kind: RejectKind::Syntax,
            path: "/participants/0/id".to_owned(),
            message: "expected a comma".to_owned(),
            is_rest: false,
            raw_bytes: 3,
            raw: Some("{1}".to_owned()),
            raw_base64: None,
        }],
        rejects_file: Some("_partiquet/rejects/ab12.ndjson".to_owned()),
        attribute_columns: vec![
            ("IVR Priority".to_owned(), "attribute_ivr_priority".to_owned()),
            ("\u{1b}[2J".to_owned(), "attribute_2_j".to_owned()),
        ],
        partitions: 31,
        partition_values_displaced: 2,
        files: vec![FileReport::default(); 31],
        output_bytes: 120_000_000,
        elapsed_seconds: 12.0,
        ..Report::default()
    }
}

#[test]
fn a_run_with_everything_to_tell() {
    let expected = r"Wrote 1,234,567 rows to my calls in 12 s (283 MB/s)

  inputs                     2  1.0 GB, 3.4 GB of JSON
  records              456,789  13 without a participant: no row, its values are counted only
  rows               1,234,567  one for each participant
  partitions                31  by day(start_time)
                             2  values cannot name a folder: default partition, value in its column or `extra`
  files                     31  120 MB, 28 times smaller than the JSON

  values                 7,214  members met in the JSON, each accounted for
  coerced                1,212  stored, after a conversion that loses nothing
      /wrapup/durationSeconds: 1,200, first in in/a.ndjson, line 3
      /a: 5, first in in/a.ndjson, line 7
      /c: 5, first in in/a.ndjson, line 8
      and 2 paths more, all of them in --report FILE
  mismatched                 0
  unknown                    2  not in the model, raw in `extra`
      /new: 2, first in in/a.ndjson, line 4

  attributes                 2  keys have columns of their own
      IVR Priority  ->  attribute_ivr_priority
      \u{1b}[2J     ->  attribute_2_j

  rejected                   1  record, kept aside whole
      first in in/a.ndjson, line 1,000, byte 4711, at /participants/0/id: expected a comma
      They are in my calls/_partiquet/rejects/ab12.ndjson
      Mend their `raw` text there, then:
      partiquet convert 'my calls/_partiquet/rejects/ab12.ndjson' --out 'my calls' --mode append
";
    assert_eq!(render(&report(), &config(), None, Paint::Plain), expected);
}

#[test]
fn an_empty_run_has_nothing_to_tell() {
    let config = Config { partition_by: Vec::new(), ..config() };
    let expected = r"Wrote 0 rows to my calls in 0.0 s

  inputs                     0  0 B
  records                    0
  rows                       0  one for each participant
  partitions                 0  one folder, not partitioned
  files                      0  0 B

  values                     0  members met in the JSON, each accounted for
  coerced                    0
  mismatched                 0
  unknown                    0

  rejected                   0
";
    assert_eq!(render(&Report::default(), &config, None, Paint::Plain), expected);
}

#[test]
fn it_fits_a_screen() {
    assert!(render(&report(), &config(), None, Paint::Plain).lines().count() <= 35);
}

#[test]
fn colour_is_only_around_the_words() {
    let coloured = render(&report(), &config(), None, Paint::Colour);
    let plain = coloured.replace("\u{1b}[1m", "").replace("\u{1b}[1;31m", "").replace("\u{1b}[0m", "");
    assert_ne!(coloured, plain);
    assert_eq!(plain, render(&report(), &config(), None, Paint::Plain));
}

#[test]
fn long_paths_are_cut_in_the_middle() {
    let long = "ä".repeat(100) + "end";
    let short = shortened(&long);
    assert!(short.starts_with("ää") && short.contains("...") && short.ends_with("end"));
    assert_eq!(short.chars().count(), NAME_CHARS - 1);
    assert_eq!(shortened("/a"), "/a");
}

#[test]
fn keys_that_end_in_blanks_or_are_empty_are_in_quotes() {
    assert_eq!(key_text("IVR Priority"), "IVR Priority");
    assert_eq!(key_text("Whisper "), "\"Whisper \"");
    assert_eq!(key_text(""), "\"\"");
}

#[test]
fn the_rest_of_a_document_and_bytes_that_are_not_text_have_words_of_their_own() {
    let mut report = report();
    report.rejects[0].is_rest = true;
    report.rejects[0].raw = None;
    report.rejects[0].raw_base64 = Some("/w==".to_owned());
    report.rejects[0].raw_bytes = 5_500;
    let text = render(&report, &config(), None, Paint::Plain);
    assert!(text.contains("Not converted: the rest of in/a.ndjson, line 1,000, 5.5 kB\n"), "{text}");
    assert!(text.contains("put text under `raw` in its place"), "{text}");
}

#[test]
fn the_command_for_mended_records_has_every_option_that_decides_columns_and_files() {
    let config = Config {
        partition_by: "purpose".parse::<PartitionBy>().unwrap().0,
        attribute_map: AttributeMap::All,
        sort_by: vec!["id".to_owned()],
        bloom_filter: vec!["id".to_owned(), "ani".to_owned()],
        compression: Compression::Snappy,
        provenance: true,
        ..config()
    };
    let text = render(&report(), &config, Some("m.json"), Paint::Plain);
    let options = "--mode append --model m.json --partition-by purpose --attribute-map all --sort-by id \
                   --bloom-filter id,ani --compression snappy --provenance\n";
    assert!(text.ends_with(options), "{text}");
}
