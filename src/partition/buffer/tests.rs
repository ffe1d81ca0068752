use proptest::{collection::vec, prelude::*};

use super::*;
use crate::{
    batch::testing::{any_table, columns, rows_of},
    columns::{ScalarType, Values},
};

/// Rows with these numbers.
fn numbers(numbers: std::ops::Range<i64>) -> Columns {
    let shapes = [ColumnShape::Scalar(ScalarType::Int64)];
    let mut columns = Columns::new(&shapes);
    for (row, number) in numbers.enumerate() {
        columns.columns[0].validity.set(row);
        let Values::Int64(values) = &mut columns.columns[0].values else { unreachable!() };
        values.push(number);
        columns.num_rows = row + 1;
    }
    columns
}

fn values_of(columns: &Columns) -> &Vec<i64> {
    let Values::Int64(values) = &columns.columns[0].values else { unreachable!() };
    values
}

/// The values of rows that are all in columns.
fn values(rows: &WaitingRows) -> &Vec<i64> {
    assert_eq!(rows.packed.num_rows(), 0);
    values_of(&rows.columns)
}

/// The rows, unpacked into columns.
fn unpacked(shapes: &[ColumnShape], mut rows: WaitingRows) -> Columns {
    rows.unpack(|| Columns::new(shapes)).unwrap();
    rows.columns
}

fn buffers(row_group_rows: usize) -> RowBuffers {
    RowBuffers::new(vec![ColumnShape::Scalar(ScalarType::Int64)], row_group_rows)
}

#[test]
fn a_block_of_many_row_groups_is_handed_out_in_pieces_of_their_own_size() {
    let mut buffers = buffers(1000);
    buffers.add(&numbers(0..10), &Partitions::One(0)).unwrap();
    buffers.add(&numbers(10..100_500), &Partitions::One(0)).unwrap();
    let mut next = 0;
    while let Some((partition, group)) = buffers.take_full() {
        assert_eq!((partition, group.num_rows()), (0, 1000));
        assert!(values(&group).iter().copied().eq(next..next + 1000));
        // The last one is what is left of the buffer.
        assert!(values(&group).capacity() < 4000, "{} for 1000 rows", values(&group).capacity());
        next += 1000;
    }
    assert_eq!(next, 100_000);
    buffers.add(&numbers(0..3), &Partitions::Each(&[1, 0, 1])).unwrap();
    assert_eq!(buffers.waiting(), [0, 1]);
    let shapes = buffers.shapes().to_vec();
    let [rest, few] = [0, 1].map(|partition| unpacked(&shapes, buffers.take_all(partition).unwrap()));
    assert!(values_of(&rest).iter().copied().eq((100_000..100_500).chain([1])));
    assert_eq!(values_of(&few), &[0, 2]);
    assert_eq!((buffers.bytes(), buffers.largest(), buffers.take_all(0)), (0, None, None));
}

#[test]
fn a_row_group_and_a_little_more_is_not_copied() {
    let mut buffers = buffers(1000);
    buffers.add(&numbers(0..1003), &Partitions::One(0)).unwrap();
    let (_, group) = buffers.take_full().unwrap();
    assert!(values(&group).iter().copied().eq(0..1000));
    assert_eq!(buffers.take_full(), None);
    assert_eq!(values(&buffers.take_all(0).unwrap()), &[1000, 1001, 1002]);
}

#[test]
fn columns_without_values_are_charged_for() {
    let mut buffers = buffers(1000);
    let rows = Columns { num_rows: 1, ..Columns::new(buffers.shapes()) };
    buffers.add(&rows, &Partitions::One(5)).unwrap();
    assert_eq!(buffers.largest(), Some((5, size_of::<Column>())));
}

#[test]
fn a_partition_is_idle_when_blocks_went_by_without_a_row_for_it() {
    let mut buffers = buffers(1000);
    buffers.add(&numbers(0..100), &Partitions::One(0)).unwrap();
    buffers.add(&numbers(0..10), &Partitions::One(1)).unwrap();
    assert_eq!(buffers.idle(2, 800), None);
    buffers.add(&numbers(0..1), &Partitions::One(2)).unwrap();
    assert_eq!(buffers.idle(2, 800), Some(0));
    assert_eq!(buffers.idle(2, 80_000), None, "not worth a row group");
    buffers.add(&numbers(0..1), &Partitions::One(0)).unwrap();
    assert_eq!(buffers.idle(2, 800), None, "a late row");
}

#[test]
fn rows_move_to_the_memory_of_a_row_group_that_is_done_with() {
    let mut buffers = buffers(usize::MAX);
    buffers.add(&numbers(0..1000), &Partitions::One(0)).unwrap();
    let group = buffers.take_all(0).unwrap();
    let memory = values(&group).as_ptr();
    buffers.recycle(group.columns);
    buffers.add(&numbers(0..100), &Partitions::One(1)).unwrap();
    buffers.add(&numbers(1000..1400), &Partitions::One(2)).unwrap();
    buffers.add(&numbers(1400..1800), &Partitions::One(2)).unwrap();
    let (small, grown) = (buffers.take_all(1).unwrap(), buffers.take_all(2).unwrap());
    assert_ne!(values(&small).as_ptr(), memory, "a few rows do not hold that much");
    assert_eq!(values(&grown).as_ptr(), memory);
    assert!(values(&grown).iter().copied().eq(1000..1800));
    assert!(values(&small).iter().copied().eq(0..100));
    assert_eq!(buffers.bytes(), 0);
}

#[test]
fn the_larger_memory_is_kept_but_not_that_of_a_huge_row() {
    let taken = |rows: i64| {
        let mut buffers = buffers(usize::MAX);
        buffers.add(&numbers(0..rows), &Partitions::One(0)).unwrap();
        buffers.take_all(0).unwrap().columns
    };
    let kept = |buffers: &RowBuffers| -> Vec<usize> {
        let mut kept: Vec<usize> = buffers.spare.iter().map(|spare| values_of(spare).capacity()).collect();
        kept.sort_unstable();
        kept
    };
    let mut buffers = buffers(usize::MAX).with_row_group_bytes(800, 16_000);
    for (rows, expected) in [(50, vec![50]), (1000, vec![50, 1000]), (2000, vec![1000, 2000]), (50, vec![1000, 2000])] {
        buffers.recycle(taken(rows));
        assert_eq!(kept(&buffers), expected, "after {rows} rows");
    }
    buffers.recycle(taken(5000));
    assert_eq!(kept(&buffers), [1000, 2000]);
    // The total is limited too; besides its value, each row takes a validity bit.
    buffers.recycle(taken(3000));
    assert_eq!(kept(&buffers), [3000]);
}

#[test]
fn the_rows_that_come_in_order_do_not_move_on_their_way_to_a_row_group() {
    for (rows, bytes) in [(10_000, usize::MAX), (usize::MAX, 80_000)] {
        let mut buffers = buffers(rows).with_row_group_bytes(8000, bytes);
        buffers.add(&numbers(0..50), &Partitions::One(0)).unwrap();
        // These are worth a row group, and the larger part of all waiting rows.
        buffers.add(&numbers(0..1000), &Partitions::One(1)).unwrap();
        let memory = |buffers: &RowBuffers| values(&buffers.buffers[1].rows).as_ptr();
        let before = memory(&buffers);
        for block in 1..10 {
            buffers.add(&numbers(block * 1000..block * 1000 + 1000), &Partitions::One(1)).unwrap();
        }
        assert_eq!(memory(&buffers), before);
        assert!(values(&buffers.take_all(1).unwrap()).iter().copied().eq(0..10_000));
    }
}

#[test]
fn room_for_a_row_group_is_for_rows_that_come_to_one_or_go_soon() {
    // If other partitions have as many rows, it is unknown which will fill a row group.
    let mut many = buffers(10_000).with_row_group_bytes(8000, usize::MAX);
    for partition in 1..4 {
        many.add(&numbers(0..1000), &Partitions::One(partition)).unwrap();
    }
    assert!((2..4).all(|partition| many.buffers[partition].rows.columns.byte_capacity() < 20_000));
    // Rows too few to be taken when their partition is idle would keep the room to the end.
    let mut few = buffers(10_000).with_row_group_bytes(8500, usize::MAX);
    few.add(&numbers(0..1000), &Partitions::One(1)).unwrap();
    assert!(few.buffers[1].rows.columns.byte_capacity() < 20_000);
}

#[test]
fn a_few_rows_are_packed_and_many_stand_in_columns() {
    let mut buffers = buffers(1000);
    let many = RowBuffers::MANY_ROWS;
    let partitions: Vec<u32> = (0..many as u32).map(|_| 0).chain([1; RowBuffers::MANY_ROWS - 1]).collect();
    let forms = |buffers: &RowBuffers| -> Vec<(usize, usize)> {
        buffers.buffers.iter().map(|Buffer { rows, .. }| (rows.columns.num_rows, rows.packed.num_rows())).collect()
    };
    buffers.add(&numbers(0..2 * many as i64 - 1), &Partitions::Each(&partitions)).unwrap();
    assert_eq!(forms(&buffers), [(many, 0), (0, many - 1)]);
    // A few rows after packed rows are packed too; many rows cause all of them to be unpacked.
    buffers.add(&numbers(1000..1002), &Partitions::Each(&[0, 1])).unwrap();
    assert_eq!(forms(&buffers), [(many, 1), (0, many)]);
    buffers.add(&numbers(2000..2001), &Partitions::One(1)).unwrap();
    assert_eq!(forms(&buffers), [(many, 1), (many + 1, 0)]);
    assert!(
        values(&buffers.take_all(1).unwrap())
            .iter()
            .copied()
            .eq((many as i64..2 * many as i64 - 1).chain([1001, 2000]))
    );
}

proptest! {
    /// Blocks of a few and of many rows for each of three partitions, in any order.
    #[test]
    fn rows_keep_their_order_whatever_form_they_wait_in(
        (shapes, rows) in any_table(400),
        partitions in vec(prop_oneof![4 => Just(0u32), 1 => Just(1), 1 => Just(2)], 400),
        sizes in vec(prop_oneof![1usize..8, 60..120usize], 1..8),
        row_group_rows in prop_oneof![1usize..40, Just(usize::MAX)],
        is_spilled: bool,
    ) {
        let mut buffers = RowBuffers::new(shapes.clone(), row_group_rows);
        let mut found = vec![Vec::new(); 3];
        let mut start = 0;
        for size in sizes.into_iter().cycle().take_while(|_| !rows.is_empty()) {
            let end = (start + size).min(rows.len());
            let (block, partitions) = (columns(&shapes, &rows[start..end]), &partitions[start..end]);
            if is_spilled {
                buffers.add_packed(&block, &Partitions::Each(partitions), |partition| partition);
            } else if partitions.iter().all(|partition| *partition == partitions[0]) {
                buffers.add(&block, &Partitions::One(partitions[0] as usize)).unwrap();
            } else {
                buffers.add(&block, &Partitions::Each(partitions)).unwrap();
            }
            while let Some((partition, group)) = buffers.take_full() {
                prop_assert_eq!(group.num_rows(), row_group_rows);
                found[partition].extend(rows_of(&shapes, &unpacked(&shapes, group)));
            }
            start = end;
            if end == rows.len() {
                break;
            }
        }
        // Waiting rows move to other buffers in either form, as on their way to disk and back.
        let mut others = RowBuffers::new(shapes.clone(), usize::MAX);
        for partition in buffers.waiting() {
            let WaitingRows { columns, packed } = buffers.take_all(partition).unwrap();
            others.add_packed(&columns, &Partitions::One(partition), |partition| partition / 2);
            others.push(&packed, |partition| partition / 2);
        }
        prop_assert_eq!(buffers.bytes(), 0);
        let mut back = RowBuffers::new(shapes.clone(), usize::MAX);
        for place in others.waiting() {
            back.push(&others.take_all(place).unwrap().packed, |partition| partition);
        }
        for partition in back.waiting() {
            found[partition].extend(rows_of(&shapes, &unpacked(&shapes, back.take_all(partition).unwrap())));
        }
        for (partition, found) in found.into_iter().enumerate() {
            let expected = rows.iter().zip(&partitions).filter(|(_, place)| **place as usize == partition);
            prop_assert_eq!(found, expected.map(|(row, _)| row.clone()).collect::<Vec<_>>());
        }
    }
}

#[test]
fn columns_of_a_wide_table_are_made_only_where_rows_fill_them() {
    let shapes = vec![ColumnShape::Scalar(ScalarType::Int64); 1000];
    let mut buffers = RowBuffers::new(shapes.clone(), 1 << 17).with_row_group_bytes(1 << 20, 20 << 20);
    let mut block = Columns::new(&shapes);
    let rows = numbers(0..40_000);
    block.columns[0] = rows.columns[0].clone();
    block.num_rows = rows.num_rows;
    // Twenty rows of one number for each of 2,000 partitions: columns would take hundreds of megabytes.
    let partitions: Vec<u32> = (0..40_000).map(|row| row % 2000).collect();
    buffers.add(&block, &Partitions::Each(&partitions)).unwrap();
    assert!(buffers.bytes() < 40_000 * 400, "{} bytes", buffers.bytes());
    let taken = unpacked(&shapes, buffers.take_all(7).unwrap());
    assert_eq!(values_of(&taken), &(0..20).map(|row| row * 2000 + 7).collect::<Vec<_>>());
}
