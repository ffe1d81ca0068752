//! Rank: the number of values of a column before each of its rows.

use super::{Bitmap, Column, Values};

/// The ranks of one column, looked up instead of counted from the beginning each time.
#[derive(Debug)]
pub struct Rank {
    /// Number of values before each word of the validity; none if every row has a value.
    before_words: Option<Vec<u32>>,
}

impl Rank {
    /// The ranks of each column nested in another: list elements, struct children, map values.
    #[must_use]
    pub fn of_columns_in(values: &Values) -> Vec<Self> {
        match values {
            Values::List { element: column, .. } | Values::Map { values: column, .. } => vec![Self::new(column)],
            Values::Structs { children, .. } => children.iter().map(Self::new).collect(),
            Values::Text(_) | Values::Int64(_) | Values::Float64(_) | Values::Bool(_) => Vec::new(),
        }
    }

    fn new(column: &Column) -> Self {
        let is_dense = column.num_values() == column.validity.len();
        let count = |before: &mut u32, word: &u64| {
            *before += word.count_ones();
            Some(*before)
        };
        let before_words = || [0].into_iter().chain(column.validity.words().iter().scan(0, count)).collect();
        Self { before_words: (!is_dense).then(before_words) }
    }

    /// Number of values before a row; `bits` is the validity of the column.
    #[must_use]
    pub fn before(&self, bits: &Bitmap, row: usize) -> usize {
        let row = row.min(bits.len());
        let Some(before) = &self.before_words else { return row };
        let rest = bits.words().get(row / 64).map_or(0, |word| word & ((1 << (row % 64)) - 1));
        (before[row / 64] + rest.count_ones()) as usize
    }
}
