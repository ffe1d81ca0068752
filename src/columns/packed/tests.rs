use proptest::prelude::*;

use super::*;
use crate::{
    batch::testing::{any_table, columns, rows_of},
    columns::{Column, ColumnShape, ScalarType, Values},
};

/// All rows, with their numbers for partitions.
fn packed(rows: &Columns) -> PackedRows {
    let mut packed = PackedRows::default();
    let mut packer = Packer::new(rows);
    (0..rows.num_rows).for_each(|row| packer.pack(row, &mut packed));
    packed
}

fn unpacked(packed: &PackedRows, shapes: &[ColumnShape]) -> Columns {
    let mut columns = Columns::new(shapes);
    packed.unpack_behind(&mut columns).unwrap();
    columns
}

proptest! {
    #[test]
    fn rows_are_unpacked_as_they_were_packed((shapes, rows) in any_table(200), cut in 0usize..200) {
        let whole = packed(&columns(&shapes, &rows));
        prop_assert_eq!(whole.num_rows(), rows.len());
        prop_assert_eq!(&rows_of(&shapes, &unpacked(&whole, &shapes)), &rows);

        // Behind others, in pieces, through bytes.
        let mut first = PackedRows::from_bytes(whole.clone().into_bytes()).unwrap();
        let rest = first.split_off(cut);
        prop_assert_eq!(first.num_rows() + rest.num_rows(), rows.len());
        let mut columns = unpacked(&first, &shapes);
        rest.unpack_behind(&mut columns).unwrap();
        prop_assert_eq!(&rows_of(&shapes, &columns), &rows);
        let mut joined = PackedRows::default();
        first.iter().chain(rest.iter()).for_each(|row| joined.push(row));
        prop_assert!(joined.iter().map(|row| row.partition).eq(0..rows.len()));
        prop_assert_eq!(joined, whole);
    }

    #[test]
    fn rows_that_are_left_out_change_no_other((shapes, rows) in any_table(200), places in any::<[bool; 200]>()) {
        let columns = columns(&shapes, &rows);
        let (mut packer, mut places_taken) = (Packer::new(&columns), PackedRows::default());
        for (row, is_taken) in places.into_iter().take(rows.len()).enumerate() {
            if is_taken { packer.pack(1 << (row % 40), &mut places_taken) } else { packer.skip() }
        }
        let expected: Vec<_> = rows.iter().zip(places).filter(|(_, taken)| *taken).map(|(row, _)| row.clone()).collect();
        prop_assert_eq!(rows_of(&shapes, &unpacked(&places_taken, &shapes)), expected);
    }

    #[test]
    fn other_bytes_are_an_error_and_no_panic(
        (shapes, rows) in any_table(5),
        (at, byte) in (0usize..1000, any::<u8>()),
        (others, _) in any_table(1),
    ) {
        let bytes = packed(&columns(&shapes, &rows)).into_bytes();
        prop_assume!(!bytes.is_empty());
        let at = at % bytes.len();
        for bytes in [bytes[..at].to_vec(), [&bytes[..at], &[byte], &bytes[at + 1..]].concat()] {
            for shapes in [&shapes, &others] {
                if let Ok(rows) = PackedRows::from_bytes(bytes.clone()) {
                    let _ = rows.unpack_behind(&mut Columns::new(shapes));
                }
            }
        }
    }
}

#[test]
fn bytes_that_end_within_a_row_are_an_error() {
    let shapes = [ColumnShape::Scalar(ScalarType::Text)];
    let rows = vec![vec![crate::batch::testing::text("ab")]; 2];
    let bytes = packed(&columns(&shapes, &rows)).into_bytes();
    let half = bytes.len() / 2;
    for end in (1..half).chain(half + 1..bytes.len()) {
        assert!(matches!(PackedRows::from_bytes(bytes[..end].to_vec()), Err(Error::Bug(_))), "{end}");
    }
    let other = PackedRows::from_bytes(bytes).unwrap();
    assert!(matches!(other.unpack_behind(&mut Columns::new(&[])), Err(Error::Bug(_))));
}

#[test]
fn a_row_without_values_takes_a_few_bytes() {
    let rows = Columns { num_rows: 3, ..Columns::new(&vec![ColumnShape::Map; 300]) };
    let packed = packed(&rows);
    assert_eq!((packed.num_rows(), packed.byte_size()), (3, 3 * 9));
    assert_eq!(unpacked(&packed, &vec![ColumnShape::Map; 300]).num_rows, 3);
}

#[test]
fn long_texts_large_numbers_and_many_columns() {
    let shapes = vec![ColumnShape::Scalar(ScalarType::Text); 20_000];
    let mut rows = Columns::new(&shapes);
    for (number, len) in [(0, 127), (127, 128), (128, 31), (16_383, 32), (16_384, 33), (19_999, 3_000_000)] {
        let Column { validity, values: Values::Text(texts) } = &mut rows.columns[number] else { unreachable!() };
        validity.set(0);
        texts.push(&vec![b'x'; len]);
    }
    rows.num_rows = 1;
    let (mut packed, partition) = (PackedRows::default(), usize::MAX);
    Packer::new(&rows).pack(partition, &mut packed);
    assert_eq!(packed.iter().next().map(|row| row.partition), Some(partition));
    assert_eq!(unpacked(&packed, &shapes), rows);
}
