//! Compares the metadata of files with what the crate writes.

use parquet::file::{
    metadata::{ColumnChunkMetaData, ParquetMetaDataOptions, ParquetMetaDataWriter, RowGroupMetaData},
    writer::TrackedWrite,
};

use super::*;
use crate::model::{AttributeMap, Model, TableSchema};

/// Page indexes and footer as the crate writes them from what it reads in the file, which has `before` bytes in front
/// of them.
fn end_by_the_crate(path: &Path, before: usize) -> Vec<u8> {
    // Otherwise the reader would drop how many pages have which encoding.
    let options = ParquetMetaDataOptions::new().with_encoding_stats_as_mask(false);
    let reader = ParquetMetaDataReader::new().with_page_index_policy(PageIndexPolicy::Required);
    let mut reader = reader.with_metadata_options(Some(options));
    reader.try_parse(&File::open(path).unwrap()).unwrap();
    let metadata = reader.finish().unwrap();
    let mut bytes = Vec::new();
    let mut target = TrackedWrite::new(&mut bytes);
    std::io::Write::write_all(&mut target, &std::fs::read(path).unwrap()[..before]).unwrap();
    ParquetMetaDataWriter::new_with_tracked(target, &metadata).finish().unwrap();
    bytes.split_off(before)
}

/// Writes the groups as a file; returns the offset of its page indexes, and its bytes.
fn written(schema: &Arc<FileSchema>, shapes: &[ColumnShape], groups: &[Vec<Row>], path: &Path) -> (usize, Vec<u8>) {
    write(schema, shapes, groups, path).unwrap();
    let metadata = metadata(path);
    let chunks = || metadata.row_groups().iter().flat_map(RowGroupMetaData::columns);
    let start = chunks().filter_map(ColumnChunkMetaData::column_index_offset).min().unwrap();
    assert!(chunks().all(|chunk| chunk.offset_index_offset().unwrap() > start));
    (start as usize, std::fs::read(path).unwrap())
}

#[test]
fn a_file_of_many_row_groups_says_what_the_crate_would_say() {
    let shapes = AWKWARD.map(|shape| shape());
    let options = EncodeOptions { sort_by: vec![2, 0], bloom_filter: vec![0, 1], ..EncodeOptions::default() };
    let schema = file_schema(&shapes, &options);
    let rows = |group: i64| -> Vec<Row> {
        // Row groups of different sizes, some with nothing but nulls.
        let row = |index| if group % 7 == 3 { vec![Cell::Null; shapes.len()] } else { awkward_row(index) };
        (group * 1000..group * 1000 + 1 + group * 13 % 300).map(row).collect()
    };
    let groups: Vec<Vec<Row>> = (0..60).map(rows).collect();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("0.staged");
    let (start, bytes) = written(&schema, &shapes, &groups, &path);
    assert_same(&bytes[start..], &end_by_the_crate(&path, start));

    let found = metadata(&path);
    for (index, (found, rows)) in found.row_groups().iter().zip(&groups).enumerate() {
        assert_eq!((found.num_rows(), found.ordinal()), (rows.len() as i64, Some(index as i32)));
    }
    assert_eq!(found.num_row_groups(), groups.len());
    assert_eq!(read(&path).1.len(), groups.iter().map(Vec::len).sum::<usize>());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn any_file_says_what_the_crate_would_say((shapes, rows) in any_table(100), compression in any_compression()) {
        // Without a scalar column there is no column index.
        prop_assume!(!rows.is_empty() && shapes.iter().any(|shape| matches!(shape, ColumnShape::Scalar(_))));
        let schema = file_schema(&shapes, &EncodeOptions { compression, ..EncodeOptions::default() });
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("0.staged");
        let (start, bytes) = written(&schema, &shapes, &[rows], &path);
        assert_same(&bytes[start..], &end_by_the_crate(&path, start));
    }
}

#[test]
fn a_chunk_of_many_pages_says_what_the_crate_would_say() {
    // Each long text is a page; between them are pages of nulls. Thrift lists have another header from 15 elements on.
    let shapes = [TEXT, ColumnShape::Scalar(ScalarType::Float64), ColumnShape::List(ScalarType::Text)];
    let long = |row: usize| {
        let value = text(&format!("{row}").repeat(EncodeOptions::DATA_PAGE_BYTES));
        vec![
            value.clone(),
            [Cell::Float(f64::NAN), Cell::Float(-(row as f64))][row % 2].clone(),
            Cell::List(vec![value]),
        ]
    };
    let null = |_| vec![Cell::Null; 3];
    let rows: Vec<Row> = (0..8).map(long).chain((0..70_000).map(null)).chain((0..9).rev().map(long)).collect();
    let schema = file_schema(&shapes, &EncodeOptions::default());
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("0.staged");
    let (start, bytes) = written(&schema, &shapes, &[rows], &path);
    assert_same(&bytes[start..], &end_by_the_crate(&path, start));
    let metadata = metadata(&path);
    let index = metadata.page_index().unwrap();
    assert!(index.offset_index(0, 0).unwrap().page_locations().len() > 15);
    assert!(index.column_index(0, 0).unwrap().is_null_page(9));
}

#[test]
fn the_schema_is_written_whatever_its_size() {
    // The length of a Thrift list takes one more byte from 15 and from 128 on.
    for columns in [1, 14, 15, 16, 127, 128, 129, 300] {
        let shapes = vec![INT64; columns];
        let schema = file_schema(&shapes, &EncodeOptions::default());
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("0.staged");
        let (start, bytes) = written(&schema, &shapes, &[vec![vec![Cell::Int(1); columns]]], &path);
        assert_same(&bytes[start..], &end_by_the_crate(&path, start));
    }
}

/// A value of this shape that differs from all others.
fn unlike_others(shape: &ColumnShape, seed: u64) -> Cell {
    let noise = |salt: u64| xxhash_rust::xxh3::xxh3_64(&(seed ^ salt << 48).to_le_bytes());
    let scalar = |scalar: ScalarType| match scalar {
        ScalarType::Text | ScalarType::Json => text(&format!("{:016x}-{:016x}", noise(1), noise(2))),
        ScalarType::Float64 => Cell::Float(noise(3) as f64),
        ScalarType::Bool => Cell::Bool(noise(4) & 1 == 0),
        _ => Cell::Int((noise(5) >> 2) as i64),
    };
    match shape {
        ColumnShape::Scalar(of) => scalar(*of),
        ColumnShape::List(of) => Cell::List(vec![scalar(*of)]),
        ColumnShape::Structs(of) => Cell::List(vec![Cell::Struct(of.iter().copied().map(scalar).collect())]),
        ColumnShape::Map => Cell::Map(vec![(format!("{:x}", noise(6)), scalar(ScalarType::Text))]),
    }
}

#[test]
fn little_is_kept_of_a_row_group_even_if_no_statistic_is_like_another() {
    let model = Model::load("call").unwrap();
    let table = TableSchema::new(&model, &[], AttributeMap::All, true).unwrap();
    let shapes = table.shapes();
    let schema = Arc::new(FileSchema::new(&table.arrow_schema(), &[], &EncodeOptions::default()).unwrap());
    let leaves = schema.parquet().num_columns();
    assert!(leaves > 150, "{leaves} leaves");
    let cell = |row: u64, column: usize| unlike_others(&shapes[column], row << 16 | column as u64);
    let rows: Vec<Row> = (0..50).map(|row| (0..shapes.len()).map(|column| cell(row, column)).collect()).collect();

    let folder = tempfile::tempdir().unwrap();
    let mut writer = StagedFileWriter::create(folder.path().join("0.staged"), Arc::clone(&schema)).unwrap();
    let mut before = 0;
    for _ in 0..3 {
        writer.append(encode(&schema, &columns(&shapes, &rows)).unwrap()).unwrap();
        let kept = std::fs::metadata(folder.path().join("0.staged.row_groups")).unwrap().len() - before;
        assert!((1000..40_000).contains(&kept), "{kept} bytes for {leaves} leaves");
        before += kept;
    }
}

/// Shows where the bytes differ instead of all of them.
#[track_caller]
fn assert_same(found: &[u8], wanted: &[u8]) {
    let at = found.iter().zip(wanted).take_while(|(found, wanted)| found == wanted).count();
    let around = |bytes: &[u8]| bytes[at.saturating_sub(20).min(bytes.len())..(at + 20).min(bytes.len())].to_vec();
    assert!(
        found == wanted,
        "byte {at} of {} and {}: {:?} {:?}",
        found.len(),
        wanted.len(),
        around(found),
        around(wanted)
    );
}
