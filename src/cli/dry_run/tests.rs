use partiquet::columns::{ColumnShape, ScalarType};
use partiquet::model::ColumnSpec;
use partiquet::model::{AttributeMap, ChildSpec, ColumnOrigin, Form};
use partiquet::report::{Reject, RejectKind};

use super::*;

fn column(name: &str, shape: ColumnShape, children: &[&str], path: &str) -> ColumnSpec {
    let child = |name: &&str| ChildSpec { name: (*name).to_owned(), path: String::new(), description: String::new() };
    ColumnSpec {
        name: name.to_owned(),
        shape,
        children: children.iter().map(child).collect(),
        path: path.to_owned(),
        origin: ColumnOrigin::Row,
        description: String::new(),
        format: None,
        since: None,
        original: false,
        form: Form::Both,
        values: Vec::new(),
    }
}

fn preview() -> Preview {
    let columns = vec![
        column("start_time", ColumnShape::Scalar(ScalarType::Instant), &[], "/startTime"),
        column("skills", ColumnShape::Structs(vec![ScalarType::Text, ScalarType::Int64]), &["id", "level"], "/skills"),
        column("extra", ColumnShape::Map, &[], ""),
    ];
    Preview {
        inputs: vec![("a.ndjson".to_owned(), Some(1234)), ("-".to_owned(), None)],
        skipped: Vec::new(),
        schema: TableSchema { columns, attributes: Vec::new(), map_column: None, attribute_map: AttributeMap::Rest },
        attribute_keys: vec![("IVR Priority".to_owned(), 7)],
        sampled_participants: 1000,
        replaced: Vec::new(),
        partitions: vec![("start_time_day=2025-07-01".to_owned(), 1000)],
        sample_complete: false,
        records: 1000,
        rejected: 0,
        rejects: Vec::new(),
        cut_off: None,
        obstacles: Vec::new(),
    }
}

fn rendered(preview: &Preview) -> String {
    render(preview, &PartitionBy::default(), Paint::Plain)
}

#[test]
fn everything_that_would_be_written() {
    let expected = "2 inputs
  a.ndjson  1.2 kB
  -

3 columns: name, type, path
  start_time  timestamp(us, UTC)        /startTime
  skills      list<struct<id: text, level: int64>>  /skills
  extra       map<text, text>

Attribute columns, from a sample of 1,000 participants with attributes
  IVR Priority  in 7 participants

Partitions by day(start_time), from a sample of 1,000 rows
  start_time_day=2025-07-01  1,000 rows

This was a dry run: nothing was written.
";
    assert_eq!(rendered(&preview()), expected);
}

#[test]
fn a_sample_that_is_everything_says_so_and_long_lists_are_cut() {
    let partitions = (0..25).map(|day| (format!("day={day}"), 1)).collect();
    let text = rendered(&Preview { sample_complete: true, partitions, attribute_keys: Vec::new(), ..preview() });
    assert!(text.contains("Attribute columns, from all 1,000 participants with attributes\n  none\n"), "{text}");
    assert!(text.contains("  day=19  1 row\n  and 5 more\n"), "{text}");
}

#[test]
fn all_rejects_are_counted_and_what_would_stop_the_run_is_said() {
    let reject = |line: u64| Reject {
        partiquet_reject: 1,
        file: "a.ndjson".to_owned(),
        offset: 7,
        line,
        record_offset: 0,
        kind: RejectKind::Syntax,
        path: String::new(),
        message: "what".to_owned(),
        is_rest: false,
        raw_bytes: 0,
        raw: None,
        raw_base64: None,
    };
    let rejects = (1..=20).map(reject).collect();
    let obstacles = vec!["out: it is not empty\n  choose another".to_owned()];
    let text = rendered(&Preview { rejected: 1234, rejects, obstacles, ..preview() });
    assert!(
        text.contains("\nOf sampled 1,000 records 1,234 would be rejected\n  a.ndjson, line 1, byte 7: what\n"),
        "{text}"
    );
    assert!(text.contains("line 20, byte 7: what\n  and 1,214 more\n"), "{text}");
    assert!(
        text.contains("\nThe run would fail\n  out: it is not empty\n    choose another\n\nThis was a dry run"),
        "{text}"
    );
}
