//! The decoder under test, seen as the reference's types.

use std::collections::BTreeMap;

use partiquet::columns::{Column, Columns, TextValues, Values};

use super::reference::Cell;

/// Rows of dense columns.
pub fn rows(columns: &Columns) -> Vec<Vec<Cell>> {
    let cells: Vec<Vec<Cell>> = columns.columns.iter().map(|column| cells(column, columns.num_rows)).collect();
    (0..columns.num_rows).map(|row| cells.iter().map(|column| column[row].clone()).collect()).collect()
}

/// One cell for each of `num_rows` rows.
fn cells(column: &Column, num_rows: usize) -> Vec<Cell> {
    let mut values = values(&column.values).into_iter();
    let cells = (0..num_rows).map(|row| if column.validity.get(row) { values.next().expect("a value") } else { Cell::Null });
    let cells: Vec<Cell> = cells.collect();
    assert!(column.validity.len() <= num_rows, "validity beyond the last row");
    assert_eq!(values.next(), None, "a value without a row");
    cells
}

fn values(values: &Values) -> Vec<Cell> {
    match values {
        Values::Text(texts) => strings(texts).into_iter().map(Cell::Text).collect(),
        Values::Int64(values) => values.iter().copied().map(Cell::Int).collect(),
        Values::Float64(values) => values.iter().copied().map(Cell::Float).collect(),
        Values::Bool(values) => (0..values.len()).map(|index| Cell::Bool(values.get(index))).collect(),
        Values::List { ends, element } => lists(ends, &cells(element, last(ends))).into_iter().map(Cell::List).collect(),
        Values::Structs { ends, element_validity, children } => {
            let num_elements = last(ends);
            assert_eq!(element_validity.len(), num_elements, "one bit for each element");
            let children: Vec<Vec<Cell>> = children.iter().map(|child| cells(child, num_elements)).collect();
            let elements: Vec<Cell> = (0..num_elements)
                .map(|index| {
                    let fields: Vec<Cell> = children.iter().map(|child| child[index].clone()).collect();
                    if element_validity.get(index) {
                        return Cell::Struct(fields);
                    }
                    assert!(fields.iter().all(|field| *field == Cell::Null), "a null struct with values");
                    Cell::Null
                })
                .collect();
            lists(ends, &elements).into_iter().map(Cell::List).collect()
        }
        Values::Map { ends, keys, values } => {
            assert_eq!(keys.len(), last(ends), "one key for each entry");
            let values = cells(values, keys.len()).into_iter().map(|cell| match cell {
                Cell::Null => None,
                Cell::Text(text) => Some(text),
                other => panic!("map value {other:?}"),
            });
            let entries: Vec<_> = strings(keys).into_iter().zip(values).collect();
            lists(ends, &entries).into_iter().map(Cell::Map).collect()
        }
    }
}

fn strings(texts: &TextValues) -> Vec<String> {
    texts.iter().map(|text| String::from_utf8(text.to_vec()).expect("columns hold UTF-8")).collect()
}

fn last(ends: &[u32]) -> usize {
    ends.last().map_or(0, |&end| end as usize)
}

fn lists<T: Clone>(ends: &[u32], elements: &[T]) -> Vec<Vec<T>> {
    let mut start = 0;
    let cut = ends.iter().map(|&end| elements[std::mem::replace(&mut start, end as usize)..end as usize].to_vec());
    cut.collect()
}

/// Counts without places, and without paths at which nothing was seen.
pub fn counts(ledger: &partiquet::report::Ledger) -> BTreeMap<String, partiquet::report::Counts> {
    let seen = ledger.paths.iter().filter(|(_, counts)| counts.seen > 0);
    seen.map(|(path, counts)| (path.clone(), partiquet::report::Counts { first: None, ..counts.clone() })).collect()
}
