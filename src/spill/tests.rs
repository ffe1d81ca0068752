use std::path::Path;

use proptest::prelude::*;

use super::*;
use crate::{
    batch::testing::{Cell, any_table, columns, text},
    columns::{ColumnShape, PackedRows, Packer, ScalarType},
};

fn packed((shapes, rows): (Vec<ColumnShape>, Vec<Vec<Cell>>)) -> PackedRows {
    let rows = columns(&shapes, &rows);
    let (mut packer, mut packed) = (Packer::new(&rows), PackedRows::default());
    (0..rows.num_rows).for_each(|row| packer.pack(row * 1000, &mut packed));
    packed
}

proptest! {
    #[test]
    fn rows_come_back_as_they_went(table in any_table(40)) {
        let rows = packed(table);
        prop_assert_eq!(decode(&encode(rows.clone()).unwrap()).unwrap(), rows);
    }

    #[test]
    fn bytes_that_were_not_spilled_are_an_error(cut in 0usize..100_000, table in any_table(10)) {
        let bytes = encode(packed(table)).unwrap();
        let cut = cut % bytes.len();
        prop_assert!(matches!(decode(&bytes[..cut]), Err(Error::Bug(_))));
    }
}

#[test]
fn rows_of_many_chunks_come_back_and_none_is_missing() {
    let rows = packed((vec![ColumnShape::Scalar(ScalarType::Text)], vec![vec![text(&"ab".repeat(1000))]; 500]));
    assert!(rows.clone().into_chunks().count() > 10);
    let bytes = encode(rows.clone()).unwrap();
    assert!(decode(&bytes).unwrap() == rows);
    for cut in 1..bytes.len() {
        assert!(matches!(decode(&bytes[..cut]), Err(Error::Bug(_))), "{cut}");
    }
}

#[test]
fn batches_are_read_by_number_whatever_the_order_of_writing() {
    let dir = tempfile::tempdir().unwrap();
    let mut files = SpillFiles::new(dir.path().to_owned());
    for (file, number, bytes) in [(0, 1, "one"), (63, 0, "other"), (0, 0, "zero"), (0, 2, "")] {
        files.append(file, number, bytes.as_bytes()).unwrap();
    }
    let read = |file, number| String::from_utf8(files.batch(file, number).unwrap().read().unwrap()).unwrap();
    assert_eq!([read(0, 0), read(0, 1), read(0, 2), read(63, 0)], ["zero", "one", "", "other"]);
    assert!(matches!(files.batch(0, 3), Err(Error::Bug(_))));
    assert!(matches!(files.batch(1, 0), Err(Error::Bug(_))));
    files.remove(0).unwrap();
    files.remove(1).unwrap();
    assert_eq!(files.bytes_written(), 12);
    let left: Vec<_> = std::fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["63.spilled"]);
}

#[test]
fn a_folder_that_is_gone_is_an_error_of_the_system() {
    let mut files = SpillFiles::new(Path::new("/nowhere/at/all").to_owned());
    assert!(matches!(files.append(0, 0, b"x"), Err(Error::Io { .. })));
}

#[test]
fn bytes_that_changed_on_disk_are_an_error() {
    let dir = tempfile::tempdir().unwrap();
    let mut files = SpillFiles::new(dir.path().to_owned());
    files.append(0, 0, b"rows").unwrap();
    std::fs::write(dir.path().join("0.spilled"), "rots").unwrap();
    assert!(matches!(files.batch(0, 0).unwrap().read(), Err(Error::Io { .. })));
}
