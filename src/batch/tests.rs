use arrow::array::Array;
use proptest::prelude::*;

use super::{
    testing::{Cell, any_table, columns, rows_of_batch, schema, text},
    *,
};
use crate::columns::{ColumnShape, ScalarType};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(192))]
    #[test]
    fn any_rows_read_through_arrow_are_the_rows_that_were_written((shapes, rows) in any_table(200)) {
        let columns = columns(&shapes, &rows);
        let copied = to_record_batch(&columns, &schema(&shapes)).unwrap();
        prop_assert_eq!(&rows_of_batch(&copied), &rows);
        let moved = into_record_batch(columns, &schema(&shapes)).unwrap();
        prop_assert_eq!(copied, moved);
    }
}

#[test]
fn awkward_rows_of_every_shape() {
    use ScalarType::{Int64, Text};
    let shapes = [
        ColumnShape::Scalar(Text),
        ColumnShape::List(Int64),
        ColumnShape::Structs(vec![Text, Int64]),
        ColumnShape::Map,
    ];
    let rows = vec![
        vec![Cell::Null, Cell::List(vec![]), Cell::Null, Cell::Map(vec![])],
        vec![text(""), Cell::List(vec![Cell::Null]), Cell::List(vec![]), Cell::Map(vec![("k".into(), Cell::Null)])],
        vec![
            text("ä"),
            Cell::Null,
            Cell::List(vec![
                Cell::Null,
                Cell::Struct(vec![Cell::Null, Cell::Null]),
                Cell::Struct(vec![text("a"), Cell::Int(i64::MIN)]),
            ]),
            Cell::Null,
        ],
        vec![Cell::Null, Cell::Null, Cell::Null, Cell::Null],
    ];
    let batch = to_record_batch(&columns(&shapes, &rows), &schema(&shapes)).unwrap();
    assert_eq!(rows_of_batch(&batch), rows);
}

#[test]
fn columns_without_values_share_one_array_of_each_type() {
    let shapes = [ColumnShape::Scalar(ScalarType::Text), ColumnShape::Map, ColumnShape::Scalar(ScalarType::Json)];
    let rows = vec![vec![Cell::Null; 3]; 100];
    let arrays = to_arrays(&columns(&shapes, &rows), &schema(&shapes)).unwrap();
    assert!(arrays.iter().all(|array| array.len() == 100 && array.null_count() == 100));
    assert!(Arc::ptr_eq(&arrays[0], &arrays[2]) && !Arc::ptr_eq(&arrays[0], &arrays[1]));
}

#[test]
fn a_column_without_nulls_is_moved_and_not_copied() {
    let shapes = [ColumnShape::Scalar(ScalarType::Int64)];
    let columns = columns(&shapes, &[vec![Cell::Int(1)], vec![Cell::Int(2)]]);
    let Values::Int64(values) = &columns.columns[0].values else { unreachable!() };
    let before = values.as_ptr();
    let arrays = into_arrays(columns, &schema(&shapes)).unwrap();
    let array = arrays[0].as_any().downcast_ref::<Int64Array>().unwrap();
    assert_eq!(array.values().as_ptr(), before);
    assert_eq!(array.null_count(), 0);
}

#[test]
fn no_columns_still_have_rows() {
    let columns = Columns { columns: vec![], num_rows: 7 };
    assert_eq!(to_record_batch(&columns, &schema(&[])).unwrap().num_rows(), 7);
}

fn failure(shapes: &[ColumnShape], columns: &Columns) -> String {
    to_record_batch(columns, &schema(shapes)).unwrap_err().to_string()
}

#[test]
fn columns_that_break_their_contract_are_named_and_do_not_panic() {
    let shapes = [ColumnShape::Scalar(ScalarType::Text)];
    let good = columns(&shapes, &[vec![text("ä")], vec![Cell::Null], vec![text("b")]]);
    let broken = |change: &dyn Fn(&mut Column)| {
        let mut columns = good.clone();
        change(&mut columns.columns[0]);
        failure(&shapes, &columns)
    };
    let text_of = |column: &mut Column, change: &dyn Fn(&mut TextValues)| {
        let Values::Text(text) = &mut column.values else { unreachable!() };
        change(text);
    };

    let set_all = |column: &mut Column| {
        column.validity.truncate(0);
        column.validity.append_run(true, 3);
    };
    assert!(broken(&set_all).contains("2 values for 3 valid rows"));
    assert!(broken(&|column| column.validity.resize(4)).contains("of 3"));
    assert!(broken(&|column| text_of(column, &|text| text.bytes[0] = 0xff)).contains("UTF-8"));
    assert!(broken(&|column| text_of(column, &|text| text.ends[0] = 1)).contains("UTF-8"));
    assert!(broken(&|column| text_of(column, &|text| text.ends[0] = 9)).contains("not ascending"));
    assert!(broken(&|column| text_of(column, &|text| text.ends[1] = u32::MAX)).contains("4294967295"));
    assert!(broken(&|column| column.values = Values::Int64(vec![1, 2])).contains("not Utf8"));
    assert!(failure(&[], &good).contains("1 columns for a schema of 0"));
}
