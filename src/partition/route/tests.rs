use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::{
    columns::{Column, ColumnShape, ScalarType, Values},
    config::{PartitionField, Transform},
    partition::{
        RowBuffers, WaitingRows,
        path::{DEFAULT_PARTITION, decode},
        plan::tests::{field, table},
    },
};

const DAY: i64 = 86_400_000_000;
const ROLES: usize = 5;
const EXTRA: usize = 6;

type Entries = Vec<(String, Option<String>)>;

/// A row of the test's table as plain values.
#[derive(Debug, Clone, Default, PartialEq)]
struct Row {
    purpose: Option<String>,
    start: Option<i64>,
    level: Option<i64>,
    held: Option<bool>,
    score: Option<f64>,
    roles: Option<Vec<String>>,
    extra: Option<Entries>,
}

fn shapes() -> Vec<ColumnShape> {
    let schema = schema();
    schema.columns.into_iter().map(|column| column.shape).collect()
}

fn schema() -> crate::model::TableSchema {
    table(&[
        ("purpose", ColumnShape::Scalar(ScalarType::Text)),
        ("start_time", ColumnShape::Scalar(ScalarType::Instant)),
        ("level", ColumnShape::Scalar(ScalarType::Int64)),
        ("held", ColumnShape::Scalar(ScalarType::Bool)),
        ("score", ColumnShape::Scalar(ScalarType::Float64)),
        ("roles", ColumnShape::List(ScalarType::Text)),
    ])
}

/// Router and buffers, connected as in a run.
struct Subject {
    router: Router,
    buffers: RowBuffers,
}

fn router(fields: &[PartitionField], row_group_rows: usize) -> Subject {
    Subject {
        router: Router::new(PartitionPlan::new(&schema(), fields).unwrap(), shapes().len()),
        buffers: RowBuffers::new(shapes(), row_group_rows),
    }
}

impl Subject {
    fn route(&mut self, block: &mut Columns) -> Result<()> {
        let partitions = self.router.route(block)?;
        self.buffers.add(block, &partitions)?;
        block.clear();
        Ok(())
    }

    fn folders(&self) -> Vec<&str> {
        self.router.paths().iter().map(String::as_str).collect()
    }

    fn rows_of(&mut self, partition: usize) -> Vec<Row> {
        rows_of(&unpacked(self.buffers.take_all(partition).unwrap()))
    }
}

fn unpacked(mut rows: WaitingRows) -> Columns {
    rows.unpack(|| Columns::new(&shapes())).unwrap();
    rows.columns
}

fn push_text(column: &mut Column, row: usize, text: &str) {
    column.validity.set(row);
    let Values::Text(texts) = &mut column.values else { unreachable!() };
    texts.push(text.as_bytes());
}

fn push_number(column: &mut Column, row: usize, number: i64) {
    column.validity.set(row);
    let Values::Int64(numbers) = &mut column.values else { unreachable!() };
    numbers.push(number);
}

fn columns_of(rows: &[Row]) -> Columns {
    let mut block = Columns::new(&shapes());
    block.num_rows = rows.len();
    for (index, row) in rows.iter().enumerate() {
        if let Some(text) = &row.purpose {
            push_text(&mut block.columns[0], index, text);
        }
        if let Some(at) = row.start {
            push_number(&mut block.columns[1], index, at);
        }
        if let Some(number) = row.level {
            push_number(&mut block.columns[2], index, number);
        }
        if let Some(held) = row.held {
            block.columns[3].validity.set(index);
            let Values::Bool(values) = &mut block.columns[3].values else { unreachable!() };
            values.push(held);
        }
        if let Some(score) = row.score {
            block.columns[4].validity.set(index);
            let Values::Float64(values) = &mut block.columns[4].values else { unreachable!() };
            values.push(score);
        }
        if let Some(roles) = &row.roles {
            let Column { validity, values } = &mut block.columns[ROLES];
            validity.set(index);
            let Values::List { ends, element } = values else { unreachable!() };
            for role in roles {
                let at = element.num_values();
                push_text(element, at, role);
            }
            ends.push(element.num_values() as u32);
        }
        if let Some(entries) = &row.extra {
            let Column { validity, values } = &mut block.columns[EXTRA];
            validity.set(index);
            let Values::Map { ends, keys, values } = values else { unreachable!() };
            for (key, value) in entries {
                if let Some(value) = value {
                    push_text(values, keys.len(), value);
                }
                keys.push(key.as_bytes());
            }
            ends.push(keys.len() as u32);
        }
    }
    block
}

fn string(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// Index among the present values of `column` for `row`.
fn value_at(column: &Column, row: usize) -> Option<usize> {
    column.validity.get(row).then(|| column.validity.count_ones_before(row))
}

fn start_of(ends: &[u32], index: usize) -> usize {
    if index == 0 { 0 } else { ends[index - 1] as usize }
}

fn text_at(column: &Column, row: usize) -> Option<String> {
    let Values::Text(texts) = &column.values else { unreachable!() };
    value_at(column, row).map(|value| string(texts.get(value)))
}

fn number_at(column: &Column, row: usize) -> Option<i64> {
    let Values::Int64(numbers) = &column.values else { unreachable!() };
    value_at(column, row).map(|value| numbers[value])
}

fn rows_of(block: &Columns) -> Vec<Row> {
    (0..block.num_rows)
        .map(|row| {
            let columns = &block.columns;
            let Values::Bool(held) = &columns[3].values else { unreachable!() };
            let Values::Float64(scores) = &columns[4].values else { unreachable!() };
            let Values::List { ends, element } = &columns[ROLES].values else { unreachable!() };
            let Values::Map { ends: map_ends, keys, values } = &columns[EXTRA].values else { unreachable!() };
            Row {
                purpose: text_at(&columns[0], row),
                start: number_at(&columns[1], row),
                level: number_at(&columns[2], row),
                held: value_at(&columns[3], row).map(|value| held.get(value)),
                score: value_at(&columns[4], row).map(|value| scores[value]),
                roles: value_at(&columns[ROLES], row).map(|list| {
                    (start_of(ends, list)..ends[list] as usize).map(|at| text_at(element, at).unwrap()).collect()
                }),
                extra: value_at(&columns[EXTRA], row).map(|map| {
                    (start_of(map_ends, map)..map_ends[map] as usize)
                        .map(|at| (string(keys.get(at)), text_at(values, at)))
                        .collect()
                }),
            }
        })
        .collect()
}

/// The expected folder and stored row, computed for each row in the simplest way.
fn by_hand(row: &Row) -> (String, Row) {
    let mut stored = Row { purpose: None, held: None, ..row.clone() };
    let day = row.start.and_then(chrono::DateTime::from_timestamp_micros).map(|at| at.format("%Y-%m-%d").to_string());
    let purpose = match row.purpose.as_deref() {
        Some(text) if !text.is_empty() && text != DEFAULT_PARTITION && text.len() <= 200 => Some(text),
        Some(lost) => {
            let entry = ("/purpose".to_owned(), Some(serde_json::to_string(lost).unwrap()));
            stored.extra.get_or_insert_default().push(entry);
            None
        }
        None => None,
    };
    let part = |value: Option<&str>| value.unwrap_or(DEFAULT_PARTITION).to_owned();
    let held = row.held.map(|held| held.to_string());
    let folder =
        format!("start_time_day={}/purpose={}/held={}", part(day.as_deref()), part(purpose), part(held.as_deref()));
    (folder, stored)
}

fn by_day_purpose_and_held() -> [PartitionField; 3] {
    [field("start_time", Transform::Day), field("purpose", Transform::Identity), field("held", Transform::Identity)]
}

fn any_row() -> impl Strategy<Value = Row> {
    let purpose = prop_oneof![
        4 => "(agent|customer|acd|Söhne-[ab])",
        1 => Just(String::new()),
        1 => Just(DEFAULT_PARTITION.to_owned()),
        1 => Just("\"x\\".repeat(80)),
    ];
    let entry = ("/[a-c]{1,3}", proptest::option::of("[x-z]{0,4}"));
    (
        proptest::option::of(purpose),
        proptest::option::of((-2i64..2, 0..DAY).prop_map(|(day, at)| day * DAY + at)),
        proptest::option::of(any::<i64>()),
        proptest::option::of(any::<bool>()),
        proptest::option::of(-1e9..1e9),
        proptest::option::of(proptest::collection::vec("[a-z]{0,3}", 0..3)),
        proptest::option::of(proptest::collection::vec(entry, 0..3)),
    )
        .prop_map(|(purpose, start, level, held, score, roles, extra)| Row {
            purpose,
            start,
            level,
            held,
            score,
            roles,
            extra,
        })
}

/// Blocks of mixed rows, and blocks whose rows all belong to one partition.
fn any_blocks() -> impl Strategy<Value = Vec<Vec<Row>>> {
    let mixed = proptest::collection::vec(any_row(), 0..70);
    let uniform = (any_row(), proptest::collection::vec(any_row(), 1..20)).prop_map(|(first, mut rows)| {
        for row in &mut rows {
            (row.purpose, row.start, row.held) = (first.purpose.clone(), first.start, first.held);
        }
        rows
    });
    proptest::collection::vec(prop_oneof![mixed, uniform], 0..6)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn routed_rows_equal_those_sorted_by_hand(blocks in any_blocks(), row_group_rows in 1usize..50) {
        let mut router = router(&by_day_purpose_and_held(), row_group_rows);
        let mut found: BTreeMap<String, Vec<Row>> = BTreeMap::new();
        let mut block = Columns::new(&shapes());
        for rows in &blocks {
            block.append(&columns_of(rows));
            router.route(&mut block).unwrap();
            prop_assert_eq!((block.num_rows, block.columns.len()), (0, shapes().len()));
            while let Some((partition, taken)) = router.buffers.take_full() {
                prop_assert_eq!(taken.num_rows(), row_group_rows);
                found.entry(router.router.paths()[partition].clone()).or_default().extend(rows_of(&unpacked(taken)));
            }
        }
        let mut before = usize::MAX;
        while let Some((partition, bytes)) = router.buffers.largest() {
            prop_assert!(bytes <= before && router.buffers.waiting().contains(&partition));
            before = bytes;
            let taken = router.buffers.take_all(partition).unwrap();
            prop_assert!(taken.num_rows() < row_group_rows);
            found.entry(router.router.paths()[partition].clone()).or_default().extend(rows_of(&unpacked(taken)));
        }
        prop_assert_eq!((router.buffers.bytes(), router.buffers.waiting()), (0, Vec::new()));

        let mut expected: BTreeMap<String, Vec<Row>> = BTreeMap::new();
        let mut order = Vec::new();
        for row in blocks.iter().flatten() {
            let (folder, stored) = by_hand(row);
            if !expected.contains_key(&folder) {
                order.push(folder.clone());
            }
            expected.entry(folder).or_default().push(stored);
        }
        prop_assert_eq!(router.folders(), order, "ids count partitions in the order of their first rows");
        prop_assert_eq!(found, expected);
    }

    #[test]
    fn where_blocks_end_makes_no_difference(rows in proptest::collection::vec(any_row(), 1..80), cut in 1usize..80) {
        let mut outcomes = [cut.min(rows.len()), rows.len()].map(|size| {
            let mut router = router(&by_day_purpose_and_held(), usize::MAX);
            for rows in rows.chunks(size) {
                router.route(&mut columns_of(rows)).unwrap();
            }
            let folders = router.router.paths().to_vec();
            let stored: Vec<_> = folders.into_iter().enumerate().map(|(id, path)| (path, router.rows_of(id))).collect();
            (stored, router.router.num_displaced())
        });
        let last = outcomes[1].clone();
        prop_assert_eq!(&mut outcomes[0], &last);
    }
}

fn with_purpose(text: &str) -> Row {
    Row { purpose: Some(text.to_owned()), ..Row::default() }
}

#[test]
fn without_partition_columns_every_row_goes_to_the_folder_itself() {
    let mut router = router(&[], 10);
    let rows = vec![with_purpose("agent"), Row::default(), with_purpose("")];
    router.route(&mut columns_of(&rows)).unwrap();
    assert_eq!(router.folders(), [""]);
    assert_eq!(router.rows_of(0), rows);
    assert_eq!(
        (router.router.num_displaced(), router.buffers.take_all(0), router.buffers.take_all(7)),
        (0, None, None)
    );
}

#[test]
fn rows_without_any_value_are_rows_all_the_same() {
    let mut router = router(&[field("purpose", Transform::Identity)], 2);
    router.route(&mut columns_of(&vec![Row::default(); 5])).unwrap();
    assert_eq!(router.buffers.take_full().map(|(partition, rows)| (partition, rows.num_rows())), Some((0, 2)));
    assert_eq!(router.buffers.take_full().map(|(_, rows)| rows.num_rows()), Some(2));
    assert_eq!(router.buffers.take_full(), None);
    assert_eq!(router.buffers.waiting(), [0], "a row of no bytes waits too");
    assert_eq!(router.buffers.take_all(0).map(|rows| rows.num_rows()), Some(1));
    assert_eq!(router.buffers.largest(), None);
    router.route(&mut Columns::new(&shapes())).unwrap();
    assert_eq!(router.buffers.largest(), None);
}

#[test]
fn a_displaced_value_stands_in_extra_behind_the_rows_own_entries() {
    let mut router = router(&[field("purpose", Transform::Identity)], 10);
    let own = vec![("/a".to_owned(), Some("1".to_owned())), ("/b".to_owned(), None)];
    let quoted = format!("\"\\\n{}", "x".repeat(300));
    let rows = [
        Row { extra: Some(own.clone()), ..with_purpose("") },
        Row { extra: Some(Vec::new()), ..with_purpose("agent") },
        with_purpose(DEFAULT_PARTITION),
        Row::default(),
        with_purpose(&quoted),
    ];
    router.route(&mut columns_of(&rows)).unwrap();
    assert_eq!(router.router.num_displaced(), 3);
    let folders = router.folders();
    assert_eq!(folders, ["purpose=__HIVE_DEFAULT_PARTITION__", "purpose=agent"]);
    let entry = |raw: String| vec![("/purpose".to_owned(), Some(raw))];
    let stored: Vec<_> = router.rows_of(0).into_iter().map(|row| row.extra).collect();
    let expected = [
        Some([own, entry("\"\"".to_owned())].concat()),
        Some(entry(format!("{DEFAULT_PARTITION:?}"))),
        None,
        Some(entry(format!("\"\\\"\\\\\\n{}\"", "x".repeat(300)))),
    ];
    assert_eq!(stored, expected);
    assert_eq!(router.rows_of(1)[0].extra, Some(Vec::new()));
}

#[test]
fn a_displaced_value_of_a_transform_is_counted_and_stays_in_its_column() {
    let fields = [field("purpose", Transform::Truncate(300)), field("level", Transform::Truncate(10))];
    let mut router = router(&fields, 10);
    let rows = [
        Row { level: Some(-1), ..with_purpose(&"y".repeat(301)) },
        Row { level: Some(i64::MIN), ..with_purpose("agent") },
    ];
    router.route(&mut columns_of(&rows)).unwrap();
    assert_eq!(router.router.num_displaced(), 2);
    let folders = router.folders();
    let default = DEFAULT_PARTITION;
    assert_eq!(
        folders,
        [format!("purpose_trunc={default}/level_trunc=-10"), format!("purpose_trunc=agent/level_trunc={default}")]
    );
    assert_eq!(router.rows_of(0), rows[..1]);
    assert_eq!(router.rows_of(1), rows[1..]);
}

#[test]
fn hostile_values_stay_one_folder_each() {
    let mut router = router(&[field("purpose", Transform::Identity)], 10);
    let values = ["..", "../../etc/passwd", "/", "a/b", "a%2Fb", "C:\\x", "a=b", ".", "\u{0}", "100%"];
    router.route(&mut columns_of(&values.map(with_purpose))).unwrap();
    let folders = router.folders();
    assert!(folders.iter().all(|folder| !folder.contains('/')), "{folders:?}");
    let decoded: Vec<String> =
        folders.iter().map(|folder| decode(folder.strip_prefix("purpose=").unwrap()).unwrap()).collect();
    assert_eq!(decoded, values);
}

#[test]
fn buckets_of_texts_and_numbers_share_their_folders() {
    let mut router = router(&[field("purpose", Transform::Bucket(2)), field("level", Transform::Bucket(1))], 10);
    let rows: Vec<Row> = (0..64).map(|n| Row { level: Some(n), ..with_purpose(&format!("queue {}", n % 7)) }).collect();
    router.route(&mut columns_of(&rows)).unwrap();
    let mut folders = router.folders();
    folders.sort_unstable();
    assert_eq!(folders, ["purpose_bucket=0/level_bucket=0", "purpose_bucket=1/level_bucket=0"]);
    let stored: usize = (0..2).map(|partition| router.rows_of(partition).len()).sum();
    assert_eq!(stored, 64);
}

#[test]
fn one_partition_more_than_allowed_is_an_error_that_says_what_to_do() {
    let mut router = router(&[field("level", Transform::Identity)], usize::MAX);
    let rows = |range: std::ops::Range<i64>| -> Vec<Row> {
        range.map(|level| Row { level: Some(level), ..Row::default() }).collect()
    };
    // The rows are taken immediately, since a test does not need a hundred thousand open buffers.
    for start in (0..Router::MAX_PARTITIONS as i64).step_by(1000) {
        router.route(&mut columns_of(&rows(start..start + 1000))).unwrap();
        while let Some((partition, _)) = router.buffers.largest() {
            let _taken = router.buffers.take_all(partition).unwrap();
        }
    }
    assert_eq!(router.folders().len(), Router::MAX_PARTITIONS);
    router.route(&mut columns_of(&rows(5..7))).unwrap();
    let error = router.route(&mut columns_of(&rows(-1..0))).unwrap_err();
    assert!(error.to_string().contains("more than 100000 partitions"), "{error}");
}

#[test]
fn a_block_of_another_table_is_refused() {
    let mut router = router(&[], 10);
    let mut block = Columns::new(&[ColumnShape::Map]);
    block.num_rows = 1;
    assert!(matches!(router.route(&mut block), Err(Error::Bug(_))));
}
