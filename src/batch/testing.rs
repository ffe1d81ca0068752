//! Rows as plain values, for tests: they are written to columns and read back from Arrow one by one.

use std::sync::Arc;

use arrow::{
    array::{Array, AsArray, RecordBatch},
    datatypes::{
        DataType, Field, Fields, Float64Type, Int64Type, Schema, SchemaRef, TimeUnit, TimestampMicrosecondType,
    },
};
use proptest::{collection::vec, prelude::*, strategy::Union};

use crate::columns::{Column, ColumnShape, Columns, ScalarType, Values};

/// One value, as a person would write it down.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Cell {
    Null,
    Text(String),
    Int(i64),
    Float(f64),
    Bool(bool),
    List(Vec<Cell>),
    Struct(Vec<Cell>),
    Map(Vec<(String, Cell)>),
}

pub(crate) fn text(text: &str) -> Cell {
    Cell::Text(text.to_owned())
}

/// Appends `cell` as row `row`.
pub(crate) fn push(column: &mut Column, row: usize, cell: &Cell) {
    if *cell == Cell::Null {
        return;
    }
    column.validity.set(row);
    match (&mut column.values, cell) {
        (Values::Text(values), Cell::Text(text)) => values.push(text.as_bytes()),
        (Values::Int64(values), Cell::Int(value)) => values.push(*value),
        (Values::Float64(values), Cell::Float(value)) => values.push(*value),
        (Values::Bool(values), Cell::Bool(value)) => values.push(*value),
        (Values::List { ends, element }, Cell::List(cells)) => {
            let first = ends.last().map_or(0, |&end| end as usize);
            cells.iter().enumerate().for_each(|(index, cell)| push(element, first + index, cell));
            ends.push((first + cells.len()) as u32);
        }
        (Values::Structs { ends, element_validity, children }, Cell::List(cells)) => {
            let first = ends.last().map_or(0, |&end| end as usize);
            for (index, cell) in cells.iter().enumerate() {
                element_validity.push(*cell != Cell::Null);
                if let Cell::Struct(members) = cell {
                    children.iter_mut().zip(members).for_each(|(child, cell)| push(child, first + index, cell));
                }
            }
            ends.push((first + cells.len()) as u32);
        }
        (Values::Map { ends, keys, values }, Cell::Map(entries)) => {
            for (key, value) in entries {
                push(values, keys.len(), value);
                keys.push(key.as_bytes());
            }
            ends.push(keys.len() as u32);
        }
        (_, cell) => panic!("{cell:?} does not fit its column"),
    }
}

pub(crate) fn columns(shapes: &[ColumnShape], rows: &[Vec<Cell>]) -> Columns {
    let mut columns = Columns::new(shapes);
    for (row, cells) in rows.iter().enumerate() {
        columns.columns.iter_mut().zip(cells).for_each(|(column, cell)| push(column, row, cell));
    }
    columns.num_rows = rows.len();
    columns
}

/// Reads all rows back through Arrow.
pub(crate) fn rows_of(shapes: &[ColumnShape], columns: &Columns) -> Vec<Vec<Cell>> {
    rows_of_batch(&super::to_record_batch(columns, &schema(shapes)).expect("columns keep their contract"))
}

pub(crate) fn rows_of_batch(batch: &RecordBatch) -> Vec<Vec<Cell>> {
    (0..batch.num_rows()).map(|row| batch.columns().iter().map(|column| cell(column, row)).collect()).collect()
}

/// Reads one slot through Arrow's accessors.
pub(crate) fn cell(array: &dyn Array, index: usize) -> Cell {
    if array.is_null(index) {
        return Cell::Null;
    }
    let all = |values: &dyn Array| (0..values.len()).map(|index| cell(values, index)).collect::<Vec<_>>();
    match array.data_type() {
        DataType::Utf8 => text(array.as_string::<i32>().value(index)),
        DataType::Int64 => Cell::Int(array.as_primitive::<Int64Type>().value(index)),
        DataType::Timestamp(TimeUnit::Microsecond, _) => {
            Cell::Int(array.as_primitive::<TimestampMicrosecondType>().value(index))
        }
        DataType::Float64 => Cell::Float(array.as_primitive::<Float64Type>().value(index)),
        DataType::Boolean => Cell::Bool(array.as_boolean().value(index)),
        DataType::List(_) => Cell::List(all(&array.as_list::<i32>().value(index))),
        DataType::Struct(_) => {
            Cell::Struct(array.as_struct().columns().iter().map(|column| cell(column, index)).collect())
        }
        DataType::Map(_, _) => {
            let entries = array.as_map().value(index);
            let keys = entries.column(0).as_string::<i32>().clone();
            let keys = keys.iter().map(|key| key.expect("keys are never null").to_owned());
            Cell::Map(keys.zip(all(entries.column(1))).collect())
        }
        other => panic!("no column is {other}"),
    }
}

fn scalar_type(scalar: ScalarType) -> DataType {
    match scalar {
        ScalarType::Text | ScalarType::Json => DataType::Utf8,
        ScalarType::Int64 => DataType::Int64,
        ScalarType::Float64 => DataType::Float64,
        ScalarType::Bool => DataType::Boolean,
        ScalarType::Instant => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
    }
}

/// A schema with columns `c0`, `c1` ... of these shapes.
pub(crate) fn schema(shapes: &[ColumnShape]) -> SchemaRef {
    let fields = shapes.iter().enumerate().map(|(index, shape)| {
        let data_type = match shape {
            ColumnShape::Scalar(scalar) => scalar_type(*scalar),
            ColumnShape::List(element) => DataType::List(Arc::new(Field::new("element", scalar_type(*element), true))),
            ColumnShape::Structs(children) => {
                let members = children.iter().enumerate();
                let members: Fields =
                    members.map(|(index, child)| Field::new(format!("m{index}"), scalar_type(*child), true)).collect();
                DataType::List(Arc::new(Field::new("element", DataType::Struct(members), true)))
            }
            ColumnShape::Map => {
                let entry = vec![Field::new("key", DataType::Utf8, false), Field::new("value", DataType::Utf8, true)];
                DataType::Map(Arc::new(Field::new("key_value", DataType::Struct(entry.into()), false)), false)
            }
        };
        let metadata = [("partiquet.path", format!("/c/{index}")), ("partiquet.description", "A column.".to_owned())];
        Field::new(format!("c{index}"), data_type, true).with_metadata(
            metadata
                .map(|(key, value)| (key.to_owned(), value))
                .into_iter()
                .collect::<std::collections::HashMap<_, _>>(),
        )
    });
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
}

pub(crate) fn any_scalar_type() -> impl Strategy<Value = ScalarType> {
    use ScalarType::{Bool, Float64, Instant, Int64, Json, Text};
    proptest::sample::select(vec![Text, Json, Int64, Float64, Bool, Instant])
}

pub(crate) fn any_shape() -> impl Strategy<Value = ColumnShape> {
    prop_oneof![
        4 => any_scalar_type().prop_map(ColumnShape::Scalar),
        2 => any_scalar_type().prop_map(ColumnShape::List),
        2 => vec(any_scalar_type(), 1..4).prop_map(ColumnShape::Structs),
        1 => Just(ColumnShape::Map),
    ]
}

fn any_scalar(scalar: ScalarType) -> BoxedStrategy<Cell> {
    match scalar {
        ScalarType::Text | ScalarType::Json => "[a-cäß€😀]{0,6}".prop_map(Cell::Text).boxed(),
        ScalarType::Int64 | ScalarType::Instant => any::<i64>().prop_map(Cell::Int).boxed(),
        ScalarType::Float64 => proptest::num::f64::NORMAL.prop_map(Cell::Float).boxed(),
        ScalarType::Bool => any::<bool>().prop_map(Cell::Bool).boxed(),
    }
}

/// Null in `null_percent` of the cases, otherwise a value of `present`.
fn nullable(null_percent: u32, present: BoxedStrategy<Cell>) -> BoxedStrategy<Cell> {
    match null_percent {
        0 => present,
        100 => Just(Cell::Null).boxed(),
        percent => Union::new_weighted(vec![(percent, Just(Cell::Null).boxed()), (100 - percent, present)]).boxed(),
    }
}

fn any_cell(shape: &ColumnShape, nulls: u32) -> BoxedStrategy<Cell> {
    let inner = |scalar: ScalarType| nullable(nulls, any_scalar(scalar));
    let present = match shape {
        ColumnShape::Scalar(scalar) => any_scalar(*scalar),
        ColumnShape::List(scalar) => vec(inner(*scalar), 0..4).prop_map(Cell::List).boxed(),
        ColumnShape::Structs(children) => {
            let members: Vec<_> = children.iter().map(|child| inner(*child)).collect();
            vec(nullable(nulls, members.prop_map(Cell::Struct).boxed()), 0..4).prop_map(Cell::List).boxed()
        }
        ColumnShape::Map => vec(("[a-cä]{0,3}", inner(ScalarType::Text)), 0..4).prop_map(Cell::Map).boxed(),
    };
    nullable(nulls, present)
}

/// A table of a few columns and fewer than `max_rows` rows; every column has its own share of nulls.
pub(crate) fn any_table(max_rows: usize) -> impl Strategy<Value = (Vec<ColumnShape>, Vec<Vec<Cell>>)> {
    let column = (any_shape(), proptest::sample::select(vec![0u32, 5, 50, 95, 100]));
    vec(column, 1..5).prop_flat_map(move |columns| {
        let row: Vec<_> = columns.iter().map(|(shape, nulls)| any_cell(shape, *nulls)).collect();
        (Just(columns.into_iter().map(|(shape, _)| shape).collect()), vec(row, 0..max_rows))
    })
}
