//! Row groups whose metadata was put away and taken out again, against a writer that never lets go of it.

use parquet::file::{metadata::KeyValue, writer::SerializedFileWriter};

use super::*;
use crate::model::{AttributeMap, Model, TableSchema};

const KEY_VALUE: (&str, &str) = ("partiquet.run_id", "r1");

/// The file as the crate's own writer of files makes it.
fn plain_file(schema: &FileSchema, groups: Vec<EncodedRowGroup>) -> Vec<u8> {
    let properties = Arc::clone(schema.file_properties());
    let mut writer = SerializedFileWriter::new(Vec::new(), schema.parquet().root_schema_ptr(), properties).unwrap();
    for mut group in groups {
        let part = group.parts.pop().unwrap();
        let mut row_group = writer.next_row_group().unwrap();
        part.chunks.into_iter().for_each(|chunk| row_group.append_column(&part.bytes, chunk).unwrap());
        row_group.close().unwrap();
    }
    writer.append_key_value_metadata(KeyValue::new(KEY_VALUE.0.to_owned(), KEY_VALUE.1.to_owned()));
    writer.into_inner().unwrap()
}

#[test]
fn a_file_of_many_row_groups_says_what_the_crates_own_writer_says() {
    let shapes = AWKWARD.map(|shape| shape());
    let options = EncodeOptions { sort_by: vec![2, 0], bloom_filter: vec![0, 1], ..EncodeOptions::default() };
    let schema = file_schema(&shapes, &options);
    let rows = |group: i64| -> Vec<Row> {
        // Of different sizes, and with some that have nothing but nulls.
        let row = |index| if group % 7 == 3 { vec![Cell::Null; shapes.len()] } else { awkward_row(index) };
        (group * 1000..group * 1000 + 1 + group * 13 % 300).map(row).collect()
    };
    let groups: Vec<Vec<Row>> = (0..60).map(rows).collect();
    let encoded = || groups.iter().map(|rows| encode(&schema, &columns(&shapes, rows)).unwrap());

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("0.staged");
    let staged = write(&schema, &shapes, &groups, &path).unwrap();
    let plain = folder.path().join("plain.staged");
    std::fs::write(&plain, plain_file(&schema, encoded().collect())).unwrap();

    assert_eq!(staged.row_groups, 60);
    let (found, wanted) = (metadata(&path), metadata(&plain));
    assert_eq!(found.file_metadata(), wanted.file_metadata());
    for (index, (found, wanted)) in found.row_groups().iter().zip(wanted.row_groups()).enumerate() {
        assert_eq!(found, wanted);
        assert_eq!(found.ordinal(), Some(index as i32));
    }
    assert_eq!(found, wanted);
    assert_eq!(read(&path).1, read(&plain).1);

    // All bytes to the footer are the same, the page index among them. The footer itself lacks the least and greatest
    // value in the form that was given up in 2017, which the crate writes besides the new one and does not read.
    let (found, wanted) = (std::fs::read(&path).unwrap(), std::fs::read(&plain).unwrap());
    let footer = |file: &[u8]| {
        let (rest, [len @ .., b'P', b'A', b'R', b'1']) = file.split_last_chunk::<8>().unwrap() else { panic!() };
        rest.len() - u32::from_le_bytes(*len) as usize
    };
    assert!(found[..footer(&found)] == wanted[..footer(&wanted)], "the bytes differ");
}

/// A value of this shape that looks like no other.
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
        let kept = std::fs::metadata(folder.path().join("0.staged.notes")).unwrap().len() - before;
        assert!((1000..40_000).contains(&kept), "{kept} bytes for {leaves} leaves");
        before += kept;
    }
}
