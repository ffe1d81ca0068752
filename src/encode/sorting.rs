//! Sorts the rows of a row group.

use arrow::{
    array::ArrayRef,
    compute::SortOptions,
    error::ArrowError,
    row::{RowConverter, SortField},
};

use super::FileSchema;
use crate::{
    batch::ArrayMaker,
    columns::{Column, Columns, Rank},
    error::{Error, Result},
};

/// A sorted copy of the rows, by the columns of [`FileSchema::sort_by`]: ascending, nulls last; equal rows keep their
/// order.
pub(super) fn sorted(schema: &FileSchema, columns: &Columns) -> Result<Columns> {
    let order = row_order(schema, columns)?;
    let columns = columns.columns.iter().map(|column| gather(column, &order)).collect();
    Ok(Columns { columns, num_rows: order.len() })
}

/// The row numbers in sorted order.
fn row_order(schema: &FileSchema, columns: &Columns) -> Result<Vec<usize>> {
    let mut maker = ArrayMaker::new(columns.num_rows);
    let options = SortOptions { descending: false, nulls_first: false };
    let (mut keys, mut fields) = (Vec::<ArrayRef>::new(), Vec::new());
    for (field, column) in schema.sort_by().iter().filter_map(|by| schema.fields().find(|(_, column)| column == by)) {
        keys.push(maker.copied(&columns.columns[column], field.data_type())?);
        fields.push(SortField::new_with_options(field.data_type().clone(), options));
    }
    let converter = RowConverter::new(fields).map_err(|error| sort_bug(&error))?;
    let keys = converter.convert_columns(&keys).map_err(|error| sort_bug(&error))?;
    let mut order: Vec<usize> = (0..columns.num_rows).collect();
    // Stable, and linear if the rows are in order already.
    order.sort_by(|&a, &b| keys.row(a).cmp(&keys.row(b)));
    Ok(order)
}

/// Copies the rows of `column` in this order.
fn gather(column: &Column, order: &[usize]) -> Column {
    let mut gathered = column.clone();
    gathered.clear();
    if column.num_values() == 0 {
        return gathered;
    }
    let mut value_of_row = vec![None; order.len()];
    for (value, row) in column.validity.iter_ones().enumerate() {
        value_of_row[row] = Some(value);
    }
    let ranks = Rank::of_columns_in(&column.values);
    for (row, old_row) in order.iter().enumerate() {
        if let Some(value) = value_of_row[*old_row] {
            gathered.push_from_with_ranks(row, column, value, &ranks);
        }
    }
    gathered
}

fn sort_bug(error: &ArrowError) -> Error {
    Error::Bug(format!("a row group cannot be sorted: {error}"))
}
