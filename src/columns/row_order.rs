//! Rows of a table in another order.

use super::{Bitmap, Column, Rank, Values};

/// Some rows of a table in another order, and what a column has for them. A column is walked by its set bits, so that
/// missing values cost nothing.
///
/// ```text
/// rows [2, 0, 3] of  validity 1 1 0 1  values a b c   =>   validity 0 1 1  values 0 2, the places of a and c
/// ```
#[derive(Debug, Default)]
pub struct RowOrder {
    /// The rows in their new order.
    rows: Vec<u32>,
    /// The new place of each row of the table; [`RowOrder::NOWHERE`] for one that is left out.
    places: Vec<u32>,
    /// The rows that have a value of the column looked at last, in the new order.
    validity: Bitmap,
    /// The value of each row that has one, by its new place. The others are left over from earlier columns.
    value_at: Vec<u32>,
    /// The same without gaps.
    values: Vec<u32>,
}

/// What a column has for rows in another order, or for some of them in sequence.
#[derive(Debug, Clone, Copy)]
pub struct Reordered<'a> {
    /// One bit for each row.
    validity: &'a Bitmap,
    /// The rows, as a range of the bits.
    from: usize,
    to: usize,
    /// The values of the rows that have one, as indexes among the present values of the column.
    values: &'a [u32],
}

impl Reordered<'_> {
    /// Divides it into the first `num_rows` rows and the others.
    #[must_use]
    pub fn split_at(self, num_rows: usize) -> (Self, Self) {
        let middle = self.from + num_rows;
        let (first, others) = self.values.split_at(self.validity.count_ones_between(self.from, middle));
        (Self { to: middle, values: first, ..self }, Self { from: middle, values: others, ..self })
    }
}

impl Column {
    /// Appends rows of `other`, beginning at row `row`. `ranks` come from [`Rank::of_columns_in`] for `other`.
    pub fn append_reordered(&mut self, row: usize, other: &Self, rows: Reordered<'_>, ranks: &[Rank]) {
        if rows.values.is_empty() {
            return;
        }
        self.validity.append_at(row, rows.validity, rows.from, rows.to);
        self.values.append_each(&other.values, rows.values, ranks);
    }
}

impl Values {
    /// Appends the values of `other` with these indexes, in this order.
    fn append_each(&mut self, other: &Self, indexes: &[u32], ranks: &[Rank]) {
        match (self, other) {
            (Self::Text(mine), Self::Text(theirs)) => mine.append_each(theirs, indexes),
            (Self::Int64(mine), Self::Int64(theirs)) => {
                mine.extend(indexes.iter().map(|&index| theirs[index as usize]))
            }
            (mine, theirs) => {
                for &index in indexes {
                    mine.append_range(theirs, index as usize, index as usize + 1, ranks);
                }
            }
        }
    }
}

impl RowOrder {
    const NOWHERE: u32 = u32::MAX;

    /// Sets the order: `rows` are distinct numbers of rows of a table that has `num_rows`.
    pub fn set(&mut self, rows: impl IntoIterator<Item = u32>, num_rows: usize) {
        self.rows.clear();
        self.rows.extend(rows);
        self.places.clear();
        self.places.resize(num_rows, Self::NOWHERE);
        for (place, &row) in self.rows.iter().enumerate() {
            self.places[row as usize] = place as u32;
        }
        self.value_at.resize(self.rows.len(), 0);
    }

    /// Looks up the values of a column of the table.
    pub fn of(&mut self, column: &Column) -> Reordered<'_> {
        let Self { rows, places, validity, value_at, values } = self;
        validity.clear();
        if column.num_values() == places.len() {
            // Every row has a value.
            validity.append_run(true, rows.len());
            return Reordered { validity, from: 0, to: rows.len(), values: rows };
        }
        validity.resize(rows.len());
        for (value, row) in column.validity.iter_ones().enumerate() {
            let place = places[row];
            if place != Self::NOWHERE {
                validity.put(place as usize);
                value_at[place as usize] = value as u32;
            }
        }
        values.clear();
        values.extend(validity.iter_ones().map(|place| value_at[place]));
        Reordered { validity, from: 0, to: rows.len(), values }
    }
}
