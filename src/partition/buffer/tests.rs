use super::*;
use crate::columns::{ScalarType, Values};

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

fn values(columns: &Columns) -> &Vec<i64> {
    let Values::Int64(values) = &columns.columns[0].values else { unreachable!() };
    values
}

fn buffers(row_group_rows: usize) -> RowBuffers {
    RowBuffers::new(vec![ColumnShape::Scalar(ScalarType::Int64)], row_group_rows)
}

#[test]
fn a_block_of_many_row_groups_is_handed_out_in_pieces_of_their_own_size() {
    let mut buffers = buffers(1000);
    buffers.add(&numbers(0..10), &Partitions::One(0));
    buffers.add(&numbers(10..100_500), &Partitions::One(0));
    let mut next = 0;
    while let Some((partition, group)) = buffers.take_full() {
        assert_eq!((partition, group.num_rows), (0, 1000));
        assert!(values(&group).iter().copied().eq(next..next + 1000));
        // The last one is what is left of the buffer.
        assert!(values(&group).capacity() < 4000, "{} for 1000 rows", values(&group).capacity());
        next += 1000;
    }
    assert_eq!(next, 100_000);
    buffers.add(&numbers(0..3), &Partitions::Each(&[1, 0, 1]));
    assert_eq!(buffers.waiting(), [0, 1]);
    let rest = buffers.take_all(0).unwrap();
    assert!(values(&rest).iter().copied().eq((100_000..100_500).chain([1])));
    assert_eq!(values(&buffers.take_all(1).unwrap()), &[0, 2]);
    assert_eq!((buffers.bytes(), buffers.largest(), buffers.take_all(0)), (0, None, None));
}

#[test]
fn a_row_group_and_a_little_more_is_not_copied() {
    let mut buffers = buffers(1000);
    buffers.add(&numbers(0..1003), &Partitions::One(0));
    let (_, group) = buffers.take_full().unwrap();
    assert!(values(&group).iter().copied().eq(0..1000));
    assert_eq!(buffers.take_full(), None);
    assert_eq!(values(&buffers.take_all(0).unwrap()), &[1000, 1001, 1002]);
}

#[test]
fn columns_without_values_are_charged_for() {
    let mut buffers = buffers(1000);
    let rows = Columns { num_rows: 1, ..Columns::new(buffers.shapes()) };
    buffers.add(&rows, &Partitions::One(5));
    assert_eq!(buffers.largest(), Some((5, size_of::<Column>())));
}

#[test]
fn a_partition_is_idle_when_blocks_went_by_without_a_row_for_it() {
    let mut buffers = buffers(1000);
    buffers.add(&numbers(0..100), &Partitions::One(0));
    buffers.add(&numbers(0..10), &Partitions::One(1));
    assert_eq!(buffers.idle(2, 800), None);
    buffers.add(&numbers(0..1), &Partitions::One(2));
    assert_eq!(buffers.idle(2, 800), Some(0));
    assert_eq!(buffers.idle(2, 80_000), None, "not worth a row group");
    buffers.add(&numbers(0..1), &Partitions::One(0));
    assert_eq!(buffers.idle(2, 800), None, "a late row");
}

#[test]
fn rows_move_to_the_memory_of_a_row_group_that_is_done_with() {
    let mut buffers = buffers(usize::MAX);
    buffers.add(&numbers(0..1000), &Partitions::One(0));
    let group = buffers.take_all(0).unwrap();
    let memory = values(&group).as_ptr();
    buffers.recycle(group);
    buffers.add(&numbers(0..100), &Partitions::One(1));
    buffers.add(&numbers(1000..1400), &Partitions::One(2));
    buffers.add(&numbers(1400..1800), &Partitions::One(2));
    let (small, grown) = (buffers.take_all(1).unwrap(), buffers.take_all(2).unwrap());
    assert_ne!(values(&small).as_ptr(), memory, "a few rows do not hold that much");
    assert_eq!(values(&grown).as_ptr(), memory);
    assert!(values(&grown).iter().copied().eq(1000..1800));
    assert!(values(&small).iter().copied().eq(0..100));
    assert_eq!(buffers.bytes(), 0);
}

#[test]
fn the_rows_that_come_in_order_do_not_move_on_their_way_to_a_row_group() {
    for (rows, bytes) in [(10_000, usize::MAX), (usize::MAX, 80_000)] {
        let mut buffers = buffers(rows).with_row_group_bytes(8000, bytes);
        buffers.add(&numbers(0..50), &Partitions::One(0));
        // Worth a row group, and the larger part of all that waits.
        buffers.add(&numbers(0..1000), &Partitions::One(1));
        let memory = |buffers: &RowBuffers| values(&buffers.buffers[1].columns).as_ptr();
        let before = memory(&buffers);
        (1..10).for_each(|block| buffers.add(&numbers(block * 1000..block * 1000 + 1000), &Partitions::One(1)));
        assert_eq!(memory(&buffers), before);
        assert!(values(&buffers.take_all(1).unwrap()).iter().copied().eq(0..10_000));
    }
}

#[test]
fn room_for_a_row_group_is_for_rows_that_come_to_one_or_go_soon() {
    // With as many rows elsewhere it is not known which of them will come to a row group.
    let mut many = buffers(10_000).with_row_group_bytes(8000, usize::MAX);
    for partition in 1..4 {
        many.add(&numbers(0..1000), &Partitions::One(partition));
    }
    assert!((2..4).all(|partition| many.buffers[partition].columns.byte_capacity() < 20_000));
    // Those that are not taken of an idle partition would keep it to the end.
    let mut few = buffers(10_000).with_row_group_bytes(8500, usize::MAX);
    few.add(&numbers(0..1000), &Partitions::One(1));
    assert!(few.buffers[1].columns.byte_capacity() < 20_000);
}
