mod footer;
mod pages;
mod twin;

use std::{collections::BTreeMap, fs::File, path::Path, sync::Arc, thread};

use arrow::datatypes::SchemaRef;
use parquet::{
    arrow::arrow_reader::ParquetRecordBatchReaderBuilder,
    basic::{Compression as Codec, Encoding, ZstdLevel},
    file::{
        metadata::{PageIndexPolicy, ParquetMetaData, ParquetMetaDataReader},
        properties::ReaderProperties,
        reader::FileReader,
        serialized_reader::{ReadOptionsBuilder, SerializedFileReader},
    },
};
use proptest::prelude::*;

use super::*;
use crate::{
    batch::testing::{Cell, any_table, cell, columns, schema, text},
    columns::{ColumnShape, Columns, ScalarType},
    config::Compression,
    error::Result,
    report::Ranges,
};

type Row = Vec<Cell>;

const TEXT: ColumnShape = ColumnShape::Scalar(ScalarType::Text);
const INT64: ColumnShape = ColumnShape::Scalar(ScalarType::Int64);
const INSTANT: ColumnShape = ColumnShape::Scalar(ScalarType::Instant);
const BOOL: ColumnShape = ColumnShape::Scalar(ScalarType::Bool);

fn file_schema(shapes: &[ColumnShape], options: &EncodeOptions) -> Arc<FileSchema> {
    Arc::new(FileSchema::new(&schema(shapes), &[], options).unwrap())
}

/// Encodes a row group with fresh scratch memory.
fn encode(schema: &FileSchema, columns: &Columns) -> Result<EncodedRowGroup> {
    encode_row_group(schema, columns, &mut EncodeScratch::default())
}

/// A footer with these key values, each file synced.
fn footer(key_values: &[(&str, &str)]) -> Footer {
    let key_values = key_values.iter().map(|&(key, value)| (key.to_owned(), value.to_owned())).collect();
    Footer { key_values, sync: SyncWhen::Each }
}

/// Writes each of `groups` as a row group.
fn write(schema: &Arc<FileSchema>, shapes: &[ColumnShape], groups: &[Vec<Row>], path: &Path) -> Option<FinishedFile> {
    let mut writer = StagedFileWriter::create(path, Arc::clone(schema)).unwrap();
    for rows in groups {
        writer.append(encode(schema, &columns(shapes, rows)).unwrap()).unwrap();
    }
    writer.finish(&footer(&[("partiquet.run_id", "r1")])).unwrap()
}

fn read(path: &Path) -> (SchemaRef, Vec<Row>) {
    let builder = ParquetRecordBatchReaderBuilder::try_new(File::open(path).unwrap()).unwrap();
    let schema = Arc::clone(builder.schema());
    let mut rows = Vec::new();
    for batch in builder.build().unwrap() {
        let batch = batch.unwrap();
        rows.extend((0..batch.num_rows()).map(|row| batch.columns().iter().map(|column| cell(column, row)).collect()));
    }
    (schema, rows)
}

fn metadata(path: &Path) -> ParquetMetaData {
    let mut reader = ParquetMetaDataReader::new().with_page_index_policy(PageIndexPolicy::Required);
    reader.try_parse(&File::open(path).unwrap()).unwrap();
    reader.finish().unwrap()
}

/// Writes and reads a file; returns its rows and metadata.
fn round_trip(options: &EncodeOptions, shapes: &[ColumnShape], groups: &[Vec<Row>]) -> (Vec<Row>, ParquetMetaData) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("0.staged");
    write(&file_schema(shapes, options), shapes, groups, &path).unwrap();
    (read(&path).1, metadata(&path))
}

fn any_compression() -> impl Strategy<Value = Compression> {
    proptest::sample::select(vec![Compression::Zstd(1), Compression::Snappy, Compression::Lz4, Compression::None])
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn any_rows_come_back((shapes, rows) in any_table(150), compression in any_compression(), cut in 0usize..150) {
        let (first, second) = rows.split_at(cut.min(rows.len()));
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("0.staged");
        let schema = file_schema(&shapes, &EncodeOptions { compression, ..EncodeOptions::default() });
        let staged = write(&schema, &shapes, &[first.to_vec(), second.to_vec()], &path);
        if rows.is_empty() {
            prop_assert_eq!(staged, None);
            prop_assert!(!path.exists());
            return Ok(());
        }
        let staged = staged.unwrap();
        prop_assert_eq!(staged.rows, rows.len() as u64);
        prop_assert_eq!(staged.bytes, path.metadata().unwrap().len());
        let (arrow, found) = read(&path);
        prop_assert_eq!(found, rows);
        prop_assert_eq!(arrow.fields(), schema.arrow().fields());
    }
}

/// A row with a present value of some size in most columns; `index` makes it different from the others.
fn awkward_row(index: i64) -> Row {
    let id = || text(&format!("id {index} ä"));
    vec![
        if index % 5 == 0 { text("") } else { id() },
        Cell::Int(index.wrapping_mul(i64::MAX / 3)),
        Cell::Int(1_751_328_000_000_000 + index * 1000),
        Cell::Float(index as f64 / 7.0),
        Cell::Bool(index % 3 == 0),
        match index % 4 {
            0 => Cell::List(vec![]),
            1 => Cell::List(vec![Cell::Null]),
            2 => Cell::List(vec![id(), Cell::Null, text("")]),
            _ => Cell::Null,
        },
        match index % 5 {
            0 => Cell::List(vec![]),
            1 => Cell::List(vec![Cell::Null, Cell::Null]),
            2 => Cell::List(vec![Cell::Struct(vec![Cell::Null, Cell::Null]), Cell::Null]),
            3 => Cell::List(vec![Cell::Struct(vec![id(), Cell::Int(index)])]),
            _ => Cell::Null,
        },
        match index % 4 {
            0 => Cell::Map(vec![]),
            1 => Cell::Map(vec![("a".into(), Cell::Null)]),
            2 => Cell::Map(vec![("a".into(), id()), (String::new(), text("")), ("ä".into(), Cell::Null)]),
            _ => Cell::Null,
        },
    ]
}

const AWKWARD: [fn() -> ColumnShape; 8] = [
    || TEXT,
    || INT64,
    || INSTANT,
    || ColumnShape::Scalar(ScalarType::Float64),
    || BOOL,
    || ColumnShape::List(ScalarType::Text),
    || ColumnShape::Structs(vec![ScalarType::Text, ScalarType::Int64]),
    || ColumnShape::Map,
];

#[test]
fn every_type_comes_back_with_every_pattern_of_nulls() {
    let shapes = AWKWARD.map(|shape| shape());
    let patterns: [fn(usize) -> bool; 5] =
        [|_| true, |_| false, |row| row % 2 == 0, |row| row / 64 % 2 == 0, |row| row == 1999];
    for pattern in patterns {
        let row = |index: usize| {
            if pattern(index) { awkward_row(index as i64) } else { vec![Cell::Null; shapes.len()] }
        };
        let rows: Vec<Row> = (0..2000).map(row).collect();
        let nulls = |column: usize| rows.iter().filter(|row| row[column] == Cell::Null).count() as u64;
        let (found, metadata) = round_trip(&EncodeOptions::default(), &shapes, std::slice::from_ref(&rows));
        assert_eq!(found, rows);
        for column in 0..5 {
            let statistics = metadata.row_group(0).column(column).statistics().unwrap();
            assert_eq!(statistics.null_count_opt(), Some(nulls(column)), "column {column}");
        }
    }
}

#[test]
fn files_carry_the_fields_metadata_and_the_key_values_of_the_footer() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("0.staged");
    write(&file_schema(&[TEXT], &EncodeOptions::default()), &[TEXT], &[vec![vec![text("a")]]], &path).unwrap();
    let (arrow, _) = read(&path);
    assert_eq!(arrow.field(0).metadata().get("partiquet.path").map(String::as_str), Some("/c/0"));
    let footer = metadata(&path);
    let pairs = footer.file_metadata().key_value_metadata().unwrap();
    assert!(pairs.iter().any(|pair| pair.key == "partiquet.run_id" && pair.value.as_deref() == Some("r1")));
}

#[test]
fn a_file_is_the_same_whether_it_ends_with_its_last_row_group_or_later() {
    let folder = tempfile::tempdir().unwrap();
    let shapes = [INT64, TEXT, BOOL, ColumnShape::Scalar(ScalarType::Float64), ColumnShape::List(ScalarType::Text)];
    let options = EncodeOptions { bloom_filter: vec![1], ..EncodeOptions::default() };
    let schema = file_schema(&shapes, &options);
    let row = |int: i64| {
        vec![Cell::Int(int), text(&format!("text {int}")), Cell::Bool(int > 2), Cell::Null, Cell::List(vec![text("a")])]
    };
    let groups: Vec<Vec<Row>> = vec![vec![row(1), row(2)], vec![row(3), vec![Cell::Null; 5]]];
    for num_groups in 1..=groups.len() {
        let path = folder.path().join(format!("{num_groups}.staged"));
        let later = write(&schema, &shapes, &groups[..num_groups], &path).unwrap();
        let path = folder.path().join(format!("{num_groups}-at-once.staged"));
        let mut writer = StagedFileWriter::create(&path, Arc::clone(&schema)).unwrap();
        let (last, before) = groups[..num_groups].split_last().unwrap();
        for rows in before {
            writer.append(encode(&schema, &columns(&shapes, rows)).unwrap()).unwrap();
        }
        let group = encode(&schema, &columns(&shapes, last)).unwrap();
        let at_once = writer.append_and_finish(group, &footer(&[("partiquet.run_id", "r1")])).unwrap().unwrap();
        assert_eq!((at_once.rows, at_once.row_groups), (later.rows, later.row_groups));
        assert_eq!(read(&at_once.path), read(&later.path));
        assert_eq!(metadata(&at_once.path), metadata(&later.path));
        assert_eq!(std::fs::read(&at_once.path).unwrap().len() as u64, at_once.bytes);
    }
}

#[test]
fn a_staged_file_tells_its_ranges_over_all_row_groups() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("0.staged");
    let shapes = [INT64, INSTANT, TEXT, TEXT, TEXT, BOOL, ColumnShape::List(ScalarType::Int64)];
    let row = |int: i64, name: &str| {
        let list = Cell::List(vec![Cell::Int(int)]);
        let long = text(&"x".repeat(if int > 0 { 33 } else { 3 }));
        vec![Cell::Int(int), Cell::Int(int * 1_000_000), text(name), long, Cell::Null, Cell::Bool(true), list]
    };
    let groups = [vec![row(-3, "mo"), row(5, "ab")], vec![row(7, "zö")]];
    let pair = |min: &str, max: &str| (min.to_owned(), max.to_owned());
    let mut expected = BTreeMap::from([
        ("c0".to_owned(), pair("-3", "7")),
        ("c1".to_owned(), pair("1969-12-31T23:59:57Z", "1970-01-01T00:00:07Z")),
    ]);
    let staged = write(&file_schema(&shapes, &EncodeOptions::default()), &shapes, &groups, &path).unwrap();
    assert_eq!((staged.rows, staged.row_groups), (3, 2));
    assert_eq!(staged.ranges, Ranges::new(&expected).unwrap());
    // Texts have a range if rows are sorted by them and none of them is long.
    expected.insert("c2".to_owned(), pair("ab", "zö"));
    let options = EncodeOptions { sort_by: vec![2, 3], ..EncodeOptions::default() };
    let path = folder.path().join("1.staged");
    let staged = write(&file_schema(&shapes, &options), &shapes, &groups, &path).unwrap();
    assert_eq!(staged.ranges, Ranges::new(&expected).unwrap());
}

#[test]
fn rows_are_sorted_within_each_row_group_with_nulls_last_and_ties_in_order() {
    let shapes = [TEXT, INT64, ColumnShape::Map];
    let options = EncodeOptions { sort_by: vec![1, 0], ..EncodeOptions::default() };
    let tag = |tag: &str| Cell::Map(vec![(tag.to_owned(), Cell::Null)]);
    let row = |name: Cell, number: Cell, name_of_row: &str| vec![name, number, tag(name_of_row)];
    let rows = vec![
        row(text("b"), Cell::Null, "1"),
        row(Cell::Null, Cell::Int(7), "2"),
        row(text("b"), Cell::Int(7), "3"),
        row(text("a"), Cell::Int(7), "4"),
        row(text("z"), Cell::Int(-7), "5"),
        row(text("a"), Cell::Int(7), "6"),
    ];
    let (found, metadata) = round_trip(&options, &shapes, &[rows.clone(), rows.clone()]);
    let order = [4, 3, 5, 2, 1, 0];
    let sorted: Vec<Row> = order.iter().chain(&order).map(|&row: &usize| rows[row].clone()).collect();
    assert_eq!(found, sorted);
    let recorded = metadata.row_group(1).sorting_columns().unwrap();
    let recorded: Vec<_> = recorded.iter().map(|by| (by.column_idx, by.descending, by.nulls_first)).collect();
    assert_eq!(recorded, [(1, false, false), (0, false, false)]);
}

fn reader_of_bloom_filters(path: &Path) -> SerializedFileReader<File> {
    let properties = ReaderProperties::builder().set_read_bloom_filter(true).build();
    let options = ReadOptionsBuilder::new().with_reader_properties(properties).build();
    SerializedFileReader::new_with_options(File::open(path).unwrap(), options).unwrap()
}

#[test]
fn bloom_filters_find_what_is_there_and_little_else() {
    let shapes = [INT64, TEXT, TEXT];
    let options = EncodeOptions { bloom_filter: vec![1, 2], ..EncodeOptions::default() };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("0.staged");
    let rows = (0..500).map(|row| vec![Cell::Int(row), text(&format!("id {row}")), Cell::Null]).collect();
    write(&file_schema(&shapes, &options), &shapes, &[rows], &path).unwrap();

    let reader = reader_of_bloom_filters(&path);
    let group = reader.get_row_group(0).unwrap();
    assert!(group.get_column_bloom_filter(0).is_none() && group.get_column_bloom_filter(2).is_none());
    let filter = group.get_column_bloom_filter(1).unwrap();
    assert!((0..500).all(|row| filter.check(&*format!("id {row}"))));
    let wrong = (500..1500).filter(|row| filter.check(&*format!("id {row}"))).count();
    assert!(wrong < 50, "{wrong} of 1000 wrong");
}

#[test]
fn a_bloom_filter_has_both_zeros_if_a_column_has_one() {
    let shapes = [INT64, ColumnShape::Scalar(ScalarType::Float64)];
    let options = EncodeOptions { bloom_filter: vec![1], ..EncodeOptions::default() };
    let folder = tempfile::tempdir().unwrap();
    for (at, (value, has_zero)) in [(0.0, true), (-0.0, true), (1.0, false)].into_iter().enumerate() {
        let path = folder.path().join(format!("{at}.staged"));
        let rows = vec![vec![Cell::Int(1), Cell::Float(value)]];
        write(&file_schema(&shapes, &options), &shapes, &[rows], &path).unwrap();
        let reader = reader_of_bloom_filters(&path);
        let group = reader.get_row_group(0).unwrap();
        let filter = group.get_column_bloom_filter(1).unwrap();
        assert_eq!([filter.check(&0.0_f64), filter.check(&-0.0_f64)], [has_zero; 2], "{value}");
    }
}

#[test]
fn partition_columns_are_not_repeated_in_the_files() {
    let shapes = [TEXT, ColumnShape::Structs(vec![ScalarType::Text, ScalarType::Bool]), INT64];
    let options = EncodeOptions { sort_by: vec![0, 2], ..EncodeOptions::default() };
    let schema = Arc::new(FileSchema::new(&schema(&shapes), &[0], &options).unwrap());
    assert_eq!(schema.columns(), [1, 2]);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("0.staged");
    let row = |int: i64| vec![text("same"), Cell::List(vec![]), Cell::Int(int)];
    let staged = write(&schema, &shapes, &[vec![row(2), row(1)]], &path).unwrap();
    let rows = [1, 2].map(|int| vec![Cell::List(vec![]), Cell::Int(int)]);
    assert_eq!(read(&path).1, rows);
    assert_eq!(staged.ranges.json(), r#"{"c2":["1","2"]}"#);
    let footer = metadata(&path);
    assert_eq!(footer.row_group(0).sorting_columns().unwrap()[0].column_idx, 2, "the third leaf of the file");
}

#[test]
fn options_that_make_no_sense_are_refused_with_the_columns_name() {
    let table = schema(&[TEXT, ColumnShape::Map, BOOL]);
    let error = |partition: &[usize], change: fn(&mut EncodeOptions)| {
        let mut options = EncodeOptions::default();
        change(&mut options);
        FileSchema::new(&table, partition, &options).unwrap_err()
    };
    assert!(error(&[], |options| options.sort_by = vec![1]).to_string().contains("column c1 cannot be sorted by"));
    assert!(error(&[], |options| options.bloom_filter = vec![2]).to_string().contains("c2 cannot be given a bloom"));
    assert!(error(&[], |options| options.compression = Compression::Zstd(23)).to_string().contains("no level 23"));
    assert_eq!(error(&[0, 1, 2], |_| {}).exit_code(), 2);
    assert!(matches!(error(&[], |options| options.sort_by = vec![9]), Error::Bug(_)));
}

/// Number of this process's descriptors that are open on `path`.
#[cfg(target_os = "linux")]
fn descriptors(path: &Path) -> usize {
    let links = std::fs::read_dir("/proc/self/fd").unwrap();
    links.filter_map(|entry| std::fs::read_link(entry.ok()?.path()).ok()).filter(|link| link == path).count()
}

#[test]
fn two_files_grow_in_turns_without_holding_descriptors() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path().canonicalize().unwrap();
    let shapes = [TEXT, INT64];
    let schema = file_schema(&shapes, &EncodeOptions::default());
    let paths = [folder.join("0.staged"), folder.join("1.staged")];
    let mut writers = paths.clone().map(|path| StagedFileWriter::create(path, Arc::clone(&schema)).unwrap());
    let rows = |file: usize, round: usize| {
        let row = |index: i64| vec![text(&format!("{file} {round} {index}")), Cell::Int(index)];
        (0..1000).map(row).collect::<Vec<Row>>()
    };
    for round in 0..3 {
        for (file, writer) in writers.iter_mut().enumerate() {
            writer.append(encode(&schema, &columns(&shapes, &rows(file, round))).unwrap()).unwrap();
            assert_eq!(writer.num_rows(), 1000 * (round as u64 + 1));
            assert_eq!(writer.bytes_written(), paths[file].metadata().unwrap().len());
            #[cfg(target_os = "linux")]
            assert_eq!(descriptors(&paths[file]), 0);
        }
    }
    for (file, writer) in writers.into_iter().enumerate() {
        writer.finish(&footer(&[])).unwrap();
        assert_eq!(read(&paths[file]).1, [rows(file, 0), rows(file, 1), rows(file, 2)].concat());
    }
}

#[test]
fn the_same_rows_give_the_same_bytes_on_any_thread() {
    let folder = tempfile::tempdir().unwrap();
    let bytes = |name: &str| {
        let shapes = AWKWARD.map(|shape| shape());
        let path = folder.path().join(name);
        let options = EncodeOptions { sort_by: vec![2], bloom_filter: vec![0, 1], ..EncodeOptions::default() };
        // Schemas are built anew, so that nothing depends on the order of a hash map.
        let schema = file_schema(&shapes, &options);
        let groups = [0..700, 700..1500].map(|rows| rows.map(awkward_row).collect::<Vec<_>>());
        let encode = |rows: &Vec<Row>| super::tests::encode(&schema, &columns(&shapes, rows)).unwrap();
        let [first, second] = thread::scope(|scope| {
            groups.each_ref().map(|rows| scope.spawn(move || encode(rows))).map(|thread| thread.join().unwrap())
        });
        let mut writer = StagedFileWriter::create(&path, Arc::clone(&schema)).unwrap();
        writer.append(first).unwrap();
        writer.append(second).unwrap();
        writer.finish(&footer(&[("k", "v")])).unwrap();
        std::fs::read(path).unwrap()
    };
    assert_eq!(bytes("0.staged"), bytes("1.staged"));
}

#[test]
fn a_row_group_encoded_in_parts_gives_the_same_file() {
    let folder = tempfile::tempdir().unwrap();
    let shapes = AWKWARD.map(|shape| shape());
    let options = EncodeOptions { sort_by: vec![2], bloom_filter: vec![0, 1], ..EncodeOptions::default() };
    let schema = file_schema(&shapes, &options);
    let rows = columns(&shapes, &(0..700).map(awkward_row).collect::<Vec<_>>());
    let file = |most_parts: usize| {
        let row_group = RowGroup::new(&schema, &rows).unwrap();
        let parts = row_group.parts(most_parts);
        assert!(parts.len() <= most_parts && parts.iter().map(ExactSizeIterator::len).sum::<usize>() == shapes.len());
        let encode =
            |part: &std::ops::Range<usize>| row_group.encode(part.clone(), &mut EncodeScratch::default()).unwrap();
        // In reverse, since parts are independent of each other.
        let mut encoded: Vec<_> = parts.iter().rev().map(encode).collect();
        encoded.reverse();
        let path = folder.path().join(format!("{most_parts}.staged"));
        let mut writer = StagedFileWriter::create(&path, Arc::clone(&schema)).unwrap();
        writer.append(row_group.from_parts(encoded)).unwrap();
        writer.finish(&footer(&[("k", "v")])).unwrap();
        (parts.len(), std::fs::read(path).unwrap())
    };
    let (_, whole) = file(1);
    for most_parts in [2, 3, 8, 1000] {
        let (num_parts, bytes) = file(most_parts);
        assert!(num_parts > 1 && bytes == whole, "{num_parts} parts");
    }
}

#[test]
fn what_the_system_refuses_is_told_as_its_own_words() {
    let folder = tempfile::tempdir().unwrap();
    let schema = file_schema(&[TEXT], &EncodeOptions::default());
    let mut writer = StagedFileWriter::create(folder.path().join("missing/0.staged"), Arc::clone(&schema)).unwrap();
    let group = encode(&schema, &columns(&[TEXT], &[vec![text("a")]])).unwrap();
    let error = writer.append(group).unwrap_err();
    assert!(matches!(&error, Error::Io { action: "write", error, .. } if error.kind() == std::io::ErrorKind::NotFound));
}

#[test]
fn a_staged_file_is_never_named_like_a_data_file() {
    let schema = file_schema(&[TEXT], &EncodeOptions::default());
    assert!(matches!(StagedFileWriter::create("a/b.PARQUET", schema), Err(Error::Bug(_))));
}

#[test]
fn a_row_group_of_another_table_is_refused() {
    let schema = file_schema(&[TEXT, INT64], &EncodeOptions::default());
    let error = encode(&schema, &columns(&[TEXT], &[vec![text("a")]])).unwrap_err();
    assert!(error.to_string().contains("1 columns for a table of 2"));
}
