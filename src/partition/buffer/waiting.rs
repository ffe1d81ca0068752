//! The waiting rows of one partition, in columns, packed, or both.

use std::mem;

use crate::{
    columns::{ColumnShape, Columns, PackedRows},
    error::Result,
};

/// Rows in input order: first those in columns, then those that are packed.
#[derive(Debug, Default, PartialEq)]
pub struct WaitingRows {
    /// All columns of the table, or none at all if they have no rows.
    pub columns: Columns,
    /// The rows that follow those in `columns`.
    pub packed: PackedRows,
}

impl WaitingRows {
    /// Number of rows in both forms.
    #[must_use]
    pub const fn num_rows(&self) -> usize {
        self.columns.num_rows + self.packed.num_rows()
    }

    /// Unpacks all packed rows into columns; `memory` provides empty columns if there are none yet.
    ///
    /// # Errors
    /// [`Error::Bug`](crate::error::Error::Bug) if packed rows do not belong to the table.
    pub fn unpack(&mut self, memory: impl FnOnce() -> Columns) -> Result<()> {
        if self.columns.columns.is_empty() && self.columns.num_rows == 0 {
            self.columns = memory();
        }
        if self.packed.num_rows() > 0 {
            mem::take(&mut self.packed).unpack_into(&mut self.columns)?;
        }
        Ok(())
    }
}

/// A copy of the rows `from..to`; without any columns if the range is empty.
pub(super) fn rows_of(shapes: &[ColumnShape], columns: &Columns, from: usize, to: usize) -> Columns {
    if from == to {
        return Columns::default();
    }
    let mut copy = Columns::new(shapes);
    for (mine, theirs) in copy.columns.iter_mut().zip(&columns.columns) {
        mine.append_range(0, theirs, from, to);
    }
    copy.num_rows = to - from;
    copy
}
