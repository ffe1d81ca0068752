use proptest::prelude::*;

use super::*;
use crate::batch::testing::{any_table, columns};

/// Rows of a map column: null, or entries whose values can be null.
type MapRows = Vec<Option<Vec<(String, Option<String>)>>>;

fn bitmap(bits: &[bool]) -> Bitmap {
    let mut map = Bitmap::default();
    for &bit in bits {
        map.push(bit);
    }
    map
}

fn bits(map: &Bitmap) -> Vec<bool> {
    (0..map.len()).map(|index| map.get(index)).collect()
}

fn map_column(rows: &MapRows) -> Column {
    let mut column = Column::new(&ColumnShape::Map);
    for (row, entries) in rows.iter().enumerate() {
        let Some(entries) = entries else { continue };
        column.validity.set(row);
        let Values::Map { ends, keys, values } = &mut column.values else { unreachable!() };
        for (key, value) in entries {
            if let Some(value) = value {
                values.validity.set(keys.len());
                let Values::Text(text) = &mut values.values else { unreachable!() };
                text.push(value.as_bytes());
            }
            keys.push(key.as_bytes());
        }
        ends.push(keys.len() as u32);
    }
    column
}

fn map_rows(column: &Column, rows: usize) -> MapRows {
    let Values::Map { ends, keys, values } = &column.values else { unreachable!() };
    let Values::Text(text) = &values.values else { unreachable!() };
    let string = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let (mut list, mut entry, mut value) = (0, 0, 0);
    (0..rows)
        .map(|row| {
            column.validity.get(row).then(|| {
                let mut entries = Vec::new();
                while entry < ends[list] as usize {
                    let present = values.validity.get(entry).then(|| {
                        value += 1;
                        string(text.get(value - 1))
                    });
                    entries.push((string(keys.get(entry)), present));
                    entry += 1;
                }
                list += 1;
                entries
            })
        })
        .collect()
}

fn any_map_rows() -> impl Strategy<Value = MapRows> {
    let entry = ("[a-cä]{0,3}", proptest::option::of("[x-z]{0,4}"));
    proptest::collection::vec(proptest::option::of(proptest::collection::vec(entry, 0..4)), 0..150)
}

proptest! {
    #[test]
    fn bits_appended_in_ranges_stay_in_order(
        a in proptest::collection::vec(any::<bool>(), 0..200),
        b in proptest::collection::vec(any::<bool>(), 0..200),
        cut in 0usize..200,
    ) {
        let from = cut.min(b.len());
        let mut map = bitmap(&a);
        map.append_range(&bitmap(&b), from, b.len());
        let expected: Vec<bool> = a.iter().chain(&b[from..]).copied().collect();
        prop_assert_eq!(bits(&map), expected.clone());
        prop_assert_eq!(map.count_ones(), expected.iter().filter(|&&bit| bit).count());
        prop_assert_eq!(map.count_ones_before(cut), expected.iter().take(cut).filter(|&&bit| bit).count());
        let ones: Vec<usize> = (0..expected.len()).filter(|&index| expected[index]).collect();
        prop_assert_eq!(map.iter_ones().collect::<Vec<_>>(), ones);
    }

    #[test]
    fn a_union_has_the_bits_of_both(
        a in proptest::collection::vec(any::<bool>(), 0..200),
        b in proptest::collection::vec(any::<bool>(), 0..200),
    ) {
        let mut map = bitmap(&a);
        map.unite(&bitmap(&b));
        let at = |bits: &[bool], index: usize| bits.get(index).copied().unwrap_or(false);
        let either: Vec<bool> = (0..a.len().max(b.len())).map(|index| at(&a, index) || at(&b, index)).collect();
        prop_assert_eq!(map, bitmap(&either));
    }

    #[test]
    fn truncated_bits_leave_no_trace(a in proptest::collection::vec(any::<bool>(), 0..200), cut in 0usize..200) {
        let mut map = bitmap(&a);
        map.truncate(cut);
        prop_assert_eq!(map, bitmap(&a[..cut.min(a.len())]));
    }

    #[test]
    fn a_map_column_survives_append_range_and_truncate(
        a in any_map_rows(), b in any_map_rows(), from in 0usize..150, len in 0usize..150, cut in 0usize..300,
    ) {
        let from = from.min(b.len());
        let to = (from + len).min(b.len());
        let mut column = map_column(&a);
        column.append_range(a.len(), &map_column(&b), from, to);
        let mut expected = a.clone();
        expected.extend_from_slice(&b[from..to]);
        prop_assert_eq!(map_rows(&column, expected.len()), expected.clone());
        column.truncate(cut);
        expected.truncate(cut);
        prop_assert_eq!(map_rows(&column, expected.len()), expected);
    }

    #[test]
    fn rows_pushed_one_by_one_equal_rows_appended(a in any_map_rows()) {
        let source = map_column(&a);
        let mut pushed = Column::new(&ColumnShape::Map);
        for (value, row) in source.validity.iter_ones().enumerate() {
            pushed.push_from(row, &source, value);
        }
        prop_assert_eq!(map_rows(&pushed, a.len()), a);
    }

    #[test]
    fn ranks_take_the_values_that_counting_takes((shapes, rows) in any_table(100)) {
        for (shape, source) in shapes.iter().zip(columns(&shapes, &rows).columns) {
            let ranks = Rank::of_columns_in(&source.values);
            let (mut counted, mut ranked) = (Column::new(shape), Column::new(shape));
            // In another order, as in a scattered or sorted block.
            for (row, value) in (0..source.num_values()).rev().enumerate() {
                counted.push_from(row, &source, value);
                ranked.push_from_with_ranks(row, &source, value, &ranks);
            }
            prop_assert_eq!(ranked, counted);
        }
    }
}

proptest! {
    #[test]
    fn bits_between_are_counted(bools in proptest::collection::vec(any::<bool>(), 0..300), from in 0usize..320, len in 0usize..320) {
        let map = bitmap(&bools);
        let expected = bools.iter().skip(from).take(len).filter(|bit| **bit).count();
        prop_assert_eq!(map.count_ones_between(from, from + len), expected);
        let mut run = map.clone();
        run.append_run(true, len);
        run.append_run(false, from);
        prop_assert_eq!((run.count_ones(), run.len()), (map.count_ones() + len, map.len() + len + from));
    }
}

proptest! {
    #[test]
    fn a_bitmap_cut_to_its_ones_is_as_if_no_more_had_been_set(bools in proptest::collection::vec(any::<bool>(), 0..300), len in 0usize..320) {
        let mut cut = bitmap(&bools);
        cut.truncate_to_ones(len);
        let mut expected = Bitmap::default();
        bools.iter().take(len).enumerate().filter(|(_, bit)| **bit).for_each(|(at, _)| expected.set(at));
        prop_assert_eq!(cut, expected);
    }
}

#[test]
fn a_bitmap_appended_is_as_if_its_bits_had_been_pushed() {
    let bitmap = |bits: std::ops::Range<usize>| {
        let mut bitmap = Bitmap::default();
        bits.for_each(|at| bitmap.push(at % 3 == 0 || at % 7 == 0));
        bitmap
    };
    for (first, second) in (0..140).flat_map(|first| (0..200).map(move |second| (first, second))) {
        let mut appended = bitmap(0..first);
        appended.append(&bitmap(first..first + second));
        assert_eq!(appended, bitmap(0..first + second), "{first} and {second}");
    }
}

#[test]
fn columns_of_another_shape_are_told_from_those_of_this_one() {
    let shapes = [
        ColumnShape::Structs(vec![ScalarType::Text, ScalarType::Int64]),
        ColumnShape::Structs(vec![ScalarType::Text]),
        ColumnShape::Structs(vec![ScalarType::Text, ScalarType::Bool]),
        ColumnShape::List(ScalarType::Text),
        ColumnShape::Scalar(ScalarType::Text),
        ColumnShape::Map,
    ];
    for (at, of) in shapes.iter().enumerate() {
        let columns = Columns::new(std::slice::from_ref(of));
        for (other, shape) in shapes.iter().enumerate() {
            assert_eq!(columns.have_shapes(std::slice::from_ref(shape)), at == other, "{of:?} for {shape:?}");
        }
    }
}
