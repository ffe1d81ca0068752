//! Copies rows of a block to the buffers of their partitions, column by column.
//!
//! A column is walked by its set bits, so that missing values cost nothing. For texts and integers the type is matched
//! once per column and not for each value.

use super::Buffer;
use crate::columns::{Column, Columns, Rank, Values};

/// Where a row goes.
#[derive(Debug, Clone, Copy)]
pub(super) struct BufferRow {
    /// Number of the buffer.
    pub buffer: usize,
    /// Row in its columns.
    pub row: usize,
}

impl BufferRow {
    /// The target of a row that is skipped.
    pub const NOWHERE: Self = Self { buffer: usize::MAX, row: 0 };
}

/// Appends every value of `block` to the columns of its row's buffer; `targets` has one target for each row.
pub(super) fn scatter(block: &Columns, targets: &[BufferRow], buffers: &mut [Buffer]) {
    for (index, column) in block.columns.iter().enumerate() {
        scatter_column(column, index, targets, buffers);
    }
}

fn scatter_column(column: &Column, index: usize, targets: &[BufferRow], buffers: &mut [Buffer]) {
    let rows = column.validity.iter_ones().map(|row| targets[row]).enumerate();
    match &column.values {
        Values::Text(texts) => {
            for (value, target) in rows {
                let Some(Column { validity, values }) = destination(buffers, target, index) else { continue };
                validity.set(target.row);
                if let Values::Text(mine) = values {
                    mine.push(texts.get(value));
                }
            }
        }
        Values::Int64(numbers) => {
            for (value, target) in rows {
                let Some(Column { validity, values }) = destination(buffers, target, index) else { continue };
                validity.set(target.row);
                if let Values::Int64(mine) = values {
                    mine.push(numbers[value]);
                }
            }
        }
        Values::Float64(_) | Values::Bool(_) | Values::List { .. } | Values::Structs { .. } | Values::Map { .. } => {
            let ranks = Rank::of_columns_in(&column.values);
            for (value, target) in rows {
                if let Some(mine) = destination(buffers, target, index) {
                    mine.push_from_with_ranks(target.row, column, value, &ranks);
                }
            }
        }
    }
}

/// The column that the value goes to; none for [`BufferRow::NOWHERE`].
fn destination(buffers: &mut [Buffer], target: BufferRow, index: usize) -> Option<&mut Column> {
    buffers.get_mut(target.buffer)?.rows.columns.columns.get_mut(index)
}
