//! The table in memory: dense values and validity bitmaps, the form in which the stages hand rows to each other; and
//! [`PackedRows`], a compact form for rows that wait.
//!
//! Decode fills it, partition routes it, batch and encode read it. A column keeps only the values that are present, one
//! after another, and a bitmap that says which rows they belong to. So a row costs nothing in the columns it has no
//! value for (about seventy of a hundred), and Parquet's definition levels are made from the bitmap.
//!
//! ```text
//! row        0    1    2    3         validity  1 0 0 1
//! user_name  Ann  -    -    Bo   =>   ends      3 5
//!                                     bytes     AnnBo
//! ```

mod bitmap;
mod packed;
mod rank;
mod text;

pub use bitmap::Bitmap;
pub use packed::{PackedRow, PackedRows, Packer};
pub use rank::Rank;
pub use text::TextValues;

/// 0001-01-01T00:00:00Z in microseconds: the first instant that a column can hold. Readers disagree about earlier ones.
pub const FIRST_INSTANT: i64 = -62_135_596_800_000_000;
/// The last microsecond of the year 9999: the last instant that a column can hold.
pub const LAST_INSTANT: i64 = 253_402_300_799_999_999;

/// The type of a column's values, or of the elements and leaves of a nested column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ScalarType {
    /// UTF-8 text.
    Text,
    /// Text that is a JSON value, byte for byte as in the input.
    Json,
    /// Signed 64-bit integer.
    Int64,
    /// Double.
    Float64,
    /// Boolean.
    Bool,
    /// Microseconds since 1970-01-01T00:00:00Z.
    Instant,
}

impl ScalarType {
    /// The name, as schemas print it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Json => "json",
            Self::Int64 => "int64",
            Self::Float64 => "float64",
            Self::Bool => "boolean",
            Self::Instant => "timestamp(us, UTC)",
        }
    }
}

/// The dense values of a column: one entry for each valid row.
#[derive(Debug, Clone, PartialEq)]
pub enum Values {
    /// [`ScalarType::Text`] and [`ScalarType::Json`].
    Text(TextValues),
    /// [`ScalarType::Int64`] and [`ScalarType::Instant`].
    Int64(Vec<i64>),
    /// [`ScalarType::Float64`].
    Float64(Vec<f64>),
    /// [`ScalarType::Bool`].
    Bool(Bitmap),
    /// Lists: `ends[i]` is where the elements of the i-th present list end, counted in elements (null ones included).
    List {
        /// One entry for each present list.
        ends: Vec<u32>,
        /// The elements of all lists, with their own validity.
        element: Box<Column>,
    },
    /// A list of structs. An element that is null has no bit in `element_validity`, and no value in any child.
    Structs {
        /// One entry for each present list.
        ends: Vec<u32>,
        /// One bit for each element: a struct, or null.
        element_validity: Bitmap,
        /// One column for each leaf of the struct; their rows are the elements.
        children: Vec<Column>,
    },
    /// A map of texts; a value can be null.
    Map {
        /// One entry for each present map, counted in map entries.
        ends: Vec<u32>,
        /// One key for each entry.
        keys: TextValues,
        /// One row for each entry; an entry can be null.
        values: Box<Column>,
    },
}

/// One column: which rows have a value, and these values.
#[derive(Debug, Clone, PartialEq)]
pub struct Column {
    /// One bit for each row. It may be shorter than the table: the rows beyond its end are null.
    pub validity: Bitmap,
    /// One entry for each set bit of `validity`.
    pub values: Values,
}

/// The shape of a column, from which empty columns are made.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum ColumnShape {
    /// One value.
    Scalar(ScalarType),
    /// A list of values.
    List(ScalarType),
    /// A list of structs with these children.
    Structs(Vec<ScalarType>),
    /// A map from text to text.
    Map,
}

impl Column {
    /// An empty column.
    #[must_use]
    pub fn new(shape: &ColumnShape) -> Self {
        let values = match shape {
            ColumnShape::Scalar(ScalarType::Text | ScalarType::Json) => Values::Text(TextValues::default()),
            ColumnShape::Scalar(ScalarType::Int64 | ScalarType::Instant) => Values::Int64(Vec::new()),
            ColumnShape::Scalar(ScalarType::Float64) => Values::Float64(Vec::new()),
            ColumnShape::Scalar(ScalarType::Bool) => Values::Bool(Bitmap::default()),
            ColumnShape::List(element) => {
                Values::List { ends: Vec::new(), element: Box::new(Self::new(&ColumnShape::Scalar(*element))) }
            }
            ColumnShape::Structs(children) => Values::Structs {
                ends: Vec::new(),
                element_validity: Bitmap::default(),
                children: children.iter().map(|child| Self::new(&ColumnShape::Scalar(*child))).collect(),
            },
            ColumnShape::Map => Values::Map {
                ends: Vec::new(),
                keys: TextValues::default(),
                values: Box::new(Self::new(&ColumnShape::Scalar(ScalarType::Text))),
            },
        };
        Self { validity: Bitmap::default(), values }
    }

    /// Whether the column can hold what one of this shape holds.
    #[must_use]
    pub fn has_shape(&self, shape: &ColumnShape) -> bool {
        let is_scalar = |column: &Self, scalar: ScalarType| column.has_shape(&ColumnShape::Scalar(scalar));
        match (&self.values, shape) {
            (Values::Text(_), ColumnShape::Scalar(ScalarType::Text | ScalarType::Json))
            | (Values::Int64(_), ColumnShape::Scalar(ScalarType::Int64 | ScalarType::Instant))
            | (Values::Float64(_), ColumnShape::Scalar(ScalarType::Float64))
            | (Values::Bool(_), ColumnShape::Scalar(ScalarType::Bool)) => true,
            (Values::List { element, .. }, ColumnShape::List(scalar)) => is_scalar(element, *scalar),
            (Values::Structs { children, .. }, ColumnShape::Structs(scalars)) => {
                children.len() == scalars.len() && children.iter().zip(scalars).all(|(child, of)| is_scalar(child, *of))
            }
            (Values::Map { values, .. }, ColumnShape::Map) => is_scalar(values, ScalarType::Text),
            _ => false,
        }
    }

    /// Number of present values.
    #[must_use]
    pub fn num_values(&self) -> usize {
        match &self.values {
            Values::Text(text) => text.len(),
            Values::Int64(values) => values.len(),
            Values::Float64(values) => values.len(),
            Values::Bool(values) => values.len(),
            Values::List { ends, .. } | Values::Structs { ends, .. } | Values::Map { ends, .. } => ends.len(),
        }
    }

    /// Calls `take` with the number of values of each leaf, in the order of the schema.
    pub fn leaf_values(&self, take: &mut impl FnMut(usize)) {
        match &self.values {
            Values::List { element, .. } => element.leaf_values(take),
            Values::Structs { children, .. } => children.iter().for_each(|child| child.leaf_values(take)),
            Values::Map { keys, values, .. } => {
                take(keys.len());
                values.leaf_values(take);
            }
            Values::Text(_) | Values::Int64(_) | Values::Float64(_) | Values::Bool(_) => take(self.num_values()),
        }
    }

    /// Removes `row` and every row after it, with their values.
    pub fn truncate(&mut self, row: usize) {
        if self.validity.len() <= row {
            return;
        }
        self.validity.truncate_to_ones(row);
        let keep = self.validity.count_ones();
        self.values.truncate(keep);
    }

    /// Removes all rows and keeps the allocated memory.
    pub fn clear(&mut self) {
        self.truncate(0);
    }

    /// Bytes of the present values, as a measure for budgets; allocated capacity is not counted.
    #[must_use]
    pub fn byte_size(&self) -> usize {
        self.validity.byte_size() + self.values.byte_size()
    }

    /// Allocated bytes, whether used or not.
    #[must_use]
    pub fn byte_capacity(&self) -> usize {
        self.validity.byte_capacity()
            + match &self.values {
                Values::Text(text) => text.byte_capacity(),
                Values::Int64(values) => values.capacity() * 8,
                Values::Float64(values) => values.capacity() * 8,
                Values::Bool(values) => values.byte_capacity(),
                Values::List { ends, element } => ends.capacity() * 4 + element.byte_capacity(),
                Values::Structs { ends, element_validity, children } => {
                    ends.capacity() * 4
                        + element_validity.byte_capacity()
                        + children.iter().map(Self::byte_capacity).sum::<usize>()
                }
                Values::Map { ends, keys, values } => {
                    ends.capacity() * 4 + keys.byte_capacity() + values.byte_capacity()
                }
            }
    }

    /// Reserves room for growth by the ratio `more / present`.
    pub fn reserve(&mut self, more: usize, present: usize) {
        self.validity.reserve(more, present);
        match &mut self.values {
            Values::Text(text) => text.reserve(more, present),
            Values::Int64(values) => reserve_more(values, more, present),
            Values::Float64(values) => reserve_more(values, more, present),
            Values::Bool(values) => values.reserve(more, present),
            Values::List { ends, element } => {
                reserve_more(ends, more, present);
                element.reserve(more, present);
            }
            Values::Structs { ends, element_validity, children } => {
                reserve_more(ends, more, present);
                element_validity.reserve(more, present);
                for child in children {
                    child.reserve(more, present);
                }
            }
            Values::Map { ends, keys, values } => {
                reserve_more(ends, more, present);
                keys.reserve(more, present);
                values.reserve(more, present);
            }
        }
    }

    /// Appends all rows of `other`, beginning at row `row` (the number of rows of the table so far).
    pub fn append(&mut self, row: usize, other: &Self) {
        if other.num_values() == 0 {
            return;
        }
        self.validity.resize(row);
        self.validity.append(&other.validity);
        self.values.append_range(&other.values, 0, other.num_values(), &[]);
    }

    /// Appends the value with index `value` (counted among present values) of `other` as row `row`.
    pub fn push_from(&mut self, row: usize, other: &Self, value: usize) {
        self.push_from_with_ranks(row, other, value, &[]);
    }

    /// The same, faster where many values of `other` are taken one by one. `ranks` come from [`Rank::of_columns_in`]
    /// for `other`.
    pub fn push_from_with_ranks(&mut self, row: usize, other: &Self, value: usize, ranks: &[Rank]) {
        self.validity.set(row);
        self.values.append_range(&other.values, value, value + 1, ranks);
    }
}

impl Values {
    fn truncate(&mut self, len: usize) {
        match self {
            Self::Text(text) => text.truncate(len),
            Self::Int64(values) => values.truncate(len),
            Self::Float64(values) => values.truncate(len),
            Self::Bool(values) => values.truncate(len),
            Self::List { ends, element } => {
                ends.truncate(len);
                element.truncate(end_of(ends, len));
            }
            Self::Structs { ends, element_validity, children } => {
                ends.truncate(len);
                let elements = end_of(ends, len);
                element_validity.truncate(elements);
                for child in children {
                    child.truncate(elements);
                }
            }
            Self::Map { ends, keys, values } => {
                ends.truncate(len);
                let entries = end_of(ends, len);
                keys.truncate(entries);
                values.truncate(entries);
            }
        }
    }

    fn byte_size(&self) -> usize {
        match self {
            Self::Text(text) => text.byte_size(),
            Self::Int64(values) => values.len() * 8,
            Self::Float64(values) => values.len() * 8,
            Self::Bool(values) => values.byte_size(),
            // Null elements have no value, but they take levels in the file.
            Self::List { ends, element } => {
                ends.len() * 4 + LEVEL_BYTES * end_of(ends, ends.len()) + element.byte_size()
            }
            Self::Structs { ends, element_validity, children } => {
                let levels = LEVEL_BYTES * children.len() * end_of(ends, ends.len());
                ends.len() * 4
                    + levels
                    + element_validity.byte_size()
                    + children.iter().map(Column::byte_size).sum::<usize>()
            }
            Self::Map { ends, keys, values } => ends.len() * 4 + keys.byte_size() + values.byte_size(),
        }
    }

    /// Appends the present values `from..to` of `other`, which has the same shape. If `ranks` lacks a nested column,
    /// its values are counted instead.
    fn append_range(&mut self, other: &Self, from: usize, to: usize, ranks: &[Rank]) {
        match (self, other) {
            (Self::Text(mine), Self::Text(theirs)) => mine.append_range(theirs, from, to),
            (Self::Int64(mine), Self::Int64(theirs)) => mine.extend_from_slice(&theirs[from..to]),
            (Self::Float64(mine), Self::Float64(theirs)) => mine.extend_from_slice(&theirs[from..to]),
            (Self::Bool(mine), Self::Bool(theirs)) => mine.append_range(theirs, from, to),
            (Self::List { ends, element }, Self::List { ends: their_ends, element: theirs }) => {
                let (rows, start, end) = append_ends(ends, their_ends, from, to);
                element.append_ranked(rows, theirs, (start, end), ranks.first());
            }
            (
                Self::Structs { ends, element_validity, children },
                Self::Structs { ends: their_ends, element_validity: their_validity, children: theirs },
            ) => {
                let (rows, start, end) = append_ends(ends, their_ends, from, to);
                element_validity.resize(rows);
                element_validity.append_range(their_validity, start, end);
                for (child, (mine, theirs)) in children.iter_mut().zip(theirs).enumerate() {
                    mine.append_ranked(rows, theirs, (start, end), ranks.get(child));
                }
            }
            (
                Self::Map { ends, keys, values },
                Self::Map { ends: their_ends, keys: their_keys, values: their_values },
            ) => {
                let (rows, start, end) = append_ends(ends, their_ends, from, to);
                keys.append_range(their_keys, start, end);
                values.append_ranked(rows, their_values, (start, end), ranks.first());
            }
            _ => unreachable!("columns of one schema have one shape"),
        }
    }
}

impl Column {
    /// Appends rows `from..to` of `other`, beginning at row `row`.
    pub fn append_range(&mut self, row: usize, other: &Self, from: usize, to: usize) {
        self.append_ranked(row, other, (from, to), None);
    }

    fn append_ranked(&mut self, row: usize, other: &Self, (from, to): (usize, usize), rank: Option<&Rank>) {
        let to = to.min(other.validity.len());
        if from >= to {
            return;
        }
        let before =
            |row| rank.map_or_else(|| other.validity.count_ones_before(row), |rank| rank.before(&other.validity, row));
        let (first, last) = (before(from), before(to));
        if first == last {
            return;
        }
        self.validity.resize(row);
        self.validity.append_range(&other.validity, from, to);
        self.values.append_range(&other.values, first, last, &[]);
    }
}

/// Bytes of an element's levels in a page: one for repetition, one for definition.
pub(crate) const LEVEL_BYTES: usize = 2;

/// Reserves room for `more` further values for each `present` of the existing ones.
fn reserve_more<T>(values: &mut Vec<T>, more: usize, present: usize) {
    let more = (values.len() as u128 * more as u128).checked_div(present as u128).unwrap_or(0);
    values.reserve(usize::try_from(more).unwrap_or(0));
}

/// The end of the first `len` lists or texts; 0 for none.
#[inline]
pub(crate) fn end_of(ends: &[u32], len: usize) -> usize {
    ends.get(len.wrapping_sub(1)).map_or(0, |&end| end as usize)
}

/// The end of the last list or text; 0 for none.
pub(crate) fn last_end(ends: &[u32]) -> usize {
    end_of(ends, ends.len())
}

/// Appends list ends `from..to`, shifted. Returns the number of elements before, and the start and end of the elements
/// to copy.
fn append_ends(mine: &mut Vec<u32>, theirs: &[u32], from: usize, to: usize) -> (usize, usize, usize) {
    let before = end_of(mine, mine.len());
    let (start, end) = (end_of(theirs, from), end_of(theirs, to));
    let shift = (before as u32).wrapping_sub(start as u32);
    mine.extend(theirs[from..to].iter().map(|end| end.wrapping_add(shift)));
    (before, start, end)
}

/// Some rows of the table: one [`Column`] for each column of the schema, in its order.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Columns {
    /// In schema order.
    pub columns: Vec<Column>,
    /// Number of rows, including those that are null in every column.
    pub num_rows: usize,
}

impl Columns {
    /// An empty table with columns of these shapes.
    #[must_use]
    pub fn new(shapes: &[ColumnShape]) -> Self {
        Self { columns: shapes.iter().map(Column::new).collect(), num_rows: 0 }
    }

    /// Whether these are columns of these shapes.
    #[must_use]
    pub fn have_shapes(&self, shapes: &[ColumnShape]) -> bool {
        self.columns.len() == shapes.len()
            && self.columns.iter().zip(shapes).all(|(column, shape)| column.has_shape(shape))
    }

    /// Removes `row` and every row after it.
    pub fn truncate(&mut self, row: usize) {
        self.columns.iter_mut().for_each(|column| column.truncate(row));
        self.num_rows = self.num_rows.min(row);
    }

    /// Removes all rows and keeps the allocated memory.
    pub fn clear(&mut self) {
        self.truncate(0);
    }

    /// Reserves room for growth by the ratio `more / present`, in each column.
    pub fn reserve(&mut self, more: usize, present: usize) {
        self.columns.iter_mut().for_each(|column| column.reserve(more, present));
    }

    /// Appends all rows of `other`, which has the same schema.
    pub fn append(&mut self, other: &Self) {
        for (mine, theirs) in self.columns.iter_mut().zip(&other.columns) {
            mine.append(self.num_rows, theirs);
        }
        self.num_rows += other.num_rows;
    }

    /// Allocated bytes of all columns.
    #[must_use]
    pub fn byte_capacity(&self) -> usize {
        self.columns.iter().map(Column::byte_capacity).sum()
    }

    /// Bytes of all present values, as a measure for budgets.
    #[must_use]
    pub fn byte_size(&self) -> usize {
        self.columns.iter().map(Column::byte_size).sum()
    }
}

#[cfg(test)]
mod tests;
