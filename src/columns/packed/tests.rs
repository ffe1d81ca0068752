use proptest::prelude::*;

use super::*;
use crate::{
    batch::testing::{Cell, any_table, columns, rows_of, text},
    columns::{Column, ColumnShape, ScalarType, Values},
};

/// All rows, with their numbers for partitions.
fn packed(rows: &Columns) -> PackedRows {
    let mut packed = PackedRows::default();
    let mut packer = Packer::new(rows);
    (0..rows.num_rows).for_each(|row| packer.pack(row, &mut packed));
    packed
}

fn unpacked(packed: PackedRows, shapes: &[ColumnShape]) -> Columns {
    let mut columns = Columns::new(shapes);
    packed.unpack_into(&mut columns).unwrap();
    columns
}

fn bytes_of(packed: PackedRows) -> Vec<u8> {
    packed.into_chunks().collect::<Vec<_>>().concat()
}

fn of_bytes(bytes: &[u8]) -> Result<PackedRows> {
    let mut packed = PackedRows::default();
    packed.push_chunk(bytes.to_vec()).map(|()| packed)
}

proptest! {
    #[test]
    fn rows_are_unpacked_as_they_were_packed((shapes, rows) in any_table(200), cut in 0usize..200) {
        let whole = packed(&columns(&shapes, &rows));
        prop_assert_eq!(whole.num_rows(), rows.len());
        prop_assert_eq!(&rows_of(&shapes, &unpacked(whole.clone(), &shapes)), &rows);

        // Appended to others, in pieces, and by way of bytes.
        let mut rest = of_bytes(&bytes_of(whole.clone())).unwrap();
        let first = rest.take_first(cut);
        prop_assert_eq!(first.num_rows(), cut.min(rows.len()));
        for size in [PackedRows::byte_size, PackedRows::unpacked_size] {
            prop_assert_eq!(size(&first) + size(&rest), size(&whole));
        }
        prop_assert_eq!(first.num_rows() + rest.num_rows(), rows.len());
        let mut columns = unpacked(first.clone(), &shapes);
        rest.clone().unpack_into(&mut columns).unwrap();
        prop_assert_eq!(&rows_of(&shapes, &columns), &rows);
        let mut joined = PackedRows::default();
        first.iter().chain(rest.iter()).for_each(|row| joined.push(row));
        prop_assert!(joined.iter().map(|row| row.partition).eq(0..rows.len()));
        prop_assert_eq!((joined.byte_size(), joined.unpacked_size()), (whole.byte_size(), whole.unpacked_size()));
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
        prop_assert_eq!(rows_of(&shapes, &unpacked(places_taken, &shapes)), expected);
    }

    #[test]
    fn other_bytes_are_an_error_and_no_panic(
        (shapes, rows) in any_table(5),
        (at, byte) in (0usize..1000, any::<u8>()),
        (others, _) in any_table(1),
    ) {
        let bytes = bytes_of(packed(&columns(&shapes, &rows)));
        prop_assume!(!bytes.is_empty());
        let at = at % bytes.len();
        for bytes in [bytes[..at].to_vec(), [&bytes[..at], &[byte], &bytes[at + 1..]].concat()] {
            for shapes in [&shapes, &others] {
                if let Ok(rows) = of_bytes(&bytes) {
                    let _ = rows.unpack_into(&mut Columns::new(shapes));
                }
            }
        }
    }
}

#[test]
fn bytes_that_end_within_a_row_are_an_error() {
    let shapes = [ColumnShape::Scalar(ScalarType::Text)];
    let rows = vec![vec![text("ab")]; 2];
    let bytes = bytes_of(packed(&columns(&shapes, &rows)));
    let half = bytes.len() / 2;
    for end in (1..half).chain(half + 1..bytes.len()) {
        assert!(matches!(of_bytes(&bytes[..end]), Err(Error::Bug(_))), "{end}");
    }
    let other = of_bytes(&bytes).unwrap();
    assert!(matches!(other.unpack_into(&mut Columns::new(&[])), Err(Error::Bug(_))));
}

#[test]
fn a_row_without_values_takes_a_few_bytes() {
    let rows = Columns { num_rows: 3, ..Columns::new(&vec![ColumnShape::Map; 300]) };
    let packed = packed(&rows);
    assert_eq!((packed.num_rows(), packed.byte_size()), (3, 3 * 10));
    assert_eq!(unpacked(packed, &vec![ColumnShape::Map; 300]).num_rows, 3);
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
    assert_eq!(unpacked(packed, &shapes), rows);
}

#[test]
fn chunks_of_many_rows_have_little_room_to_spare_and_a_large_row_has_one_of_its_own() {
    let shapes = [ColumnShape::Scalar(ScalarType::Text)];
    let rows_of_len = |len: usize, number: usize| columns(&shapes, &vec![vec![text(&"x".repeat(len))]; number]);
    let (small, large) = (rows_of_len(700, 1000), rows_of_len(3_000_000, 2));
    let mut packed = PackedRows::default();
    for rows in [&small, &large, &small] {
        let mut packer = Packer::new(rows);
        (0..rows.num_rows).for_each(|_| packer.pack(0, &mut packed));
    }
    let mut copy = PackedRows::default();
    packed.iter().for_each(|row| copy.push(row));
    let (mut rest, mut pieces) = (packed.clone(), PackedRows::default());
    for number in 0..100 {
        let piece = rest.take_first(number);
        assert!(piece.byte_capacity() == piece.byte_size() || rest.num_rows() == 0);
        piece.iter().for_each(|row| pieces.push(row));
    }
    assert!(rest.num_rows() == 0 && pieces == packed);
    for packed in [packed, copy, pieces] {
        assert_eq!(packed.num_rows(), 2002);
        let (size, capacity) = (packed.byte_size(), packed.byte_capacity());
        assert!(size > 7_400_000 && capacity < size + size / 16, "{capacity} for {size}");
        let chunks: Vec<_> = packed.into_chunks().collect();
        let largest = chunks.iter().map(Vec::capacity).max();
        assert!(largest < Some(3_001_000), "{largest:?}");
        assert_eq!(chunks.iter().map(Vec::len).sum::<usize>(), size);
        assert_eq!(chunks.iter().map(Vec::capacity).sum::<usize>(), capacity);
    }
}

#[test]
fn elements_without_a_value_are_in_the_measure_and_take_nothing_else() {
    let shapes = [ColumnShape::List(ScalarType::Text), ColumnShape::Structs(vec![ScalarType::Text, ScalarType::Int64])];
    let nulls = Cell::List(vec![Cell::Null; 20_000]);
    let rows = columns(&shapes, &vec![vec![nulls.clone(), nulls]; 2]);
    let mut many = PackedRows::default();
    for _ in 0..500 {
        let mut packer = Packer::new(&rows);
        (0..rows.num_rows).for_each(|row| packer.pack(row, &mut many));
    }
    assert!(many.byte_size() < 50_000);
    let size = many.unpacked_size();
    let columns = unpacked(many, &shapes);
    assert!(size >= columns.byte_size(), "{size} for {}", columns.byte_size());
    // The validity is not extended for each row either.
    let Values::List { element, .. } = &columns.columns[0].values else { unreachable!() };
    assert_eq!(element.validity.byte_capacity(), 0);
    assert_eq!(columns.num_rows, 1000);
}

proptest! {
    #[test]
    fn the_measure_is_not_far_below_what_columns_take((shapes, rows) in any_table(200)) {
        let packed = packed(&columns(&shapes, &rows));
        let size = packed.unpacked_size();
        let columns = unpacked(packed, &shapes);
        // The end of a text takes four bytes unpacked and one byte packed; and each row has a validity bit. A column has
        // up to two bitmaps of whole words.
        let measure = size + 4 * rows.len() * shapes.len() + 16 * shapes.len();
        prop_assert!(measure >= columns.byte_size() - columns.byte_size() / 8);
    }
}

#[test]
fn elements_at_the_ends_of_words() {
    let shapes = [
        ColumnShape::List(ScalarType::Int64),
        ColumnShape::Structs(vec![ScalarType::Bool, ScalarType::Float64]),
        ColumnShape::Map,
    ];
    let unless_null = |number: usize, cell: Cell| if number.is_multiple_of(3) { Cell::Null } else { cell };
    let row = |len: usize| {
        let numbers = (0..len).map(|number| unless_null(number, Cell::Int(number as i64)));
        let members =
            |number| vec![unless_null(number + 1, Cell::Bool(true)), unless_null(number + 2, Cell::Float(0.5))];
        let structs = (0..len).map(|number| unless_null(number, Cell::Struct(members(number))));
        let entries = (0..len).map(|number| (number.to_string(), unless_null(number, text("v"))));
        vec![Cell::List(numbers.collect()), Cell::List(structs.collect()), Cell::Map(entries.collect())]
    };
    let rows: Vec<_> = [1, 63, 64, 65, 0, 127, 128, 129, 300].map(row).into_iter().cycle().take(100).collect();
    let columns = columns(&shapes, &rows);
    assert_eq!(rows_of(&shapes, &unpacked(packed(&columns), &shapes)), rows);
}
