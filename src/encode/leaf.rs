//! The leaves of a column: their values, and the levels that tell which rows these belong to.
//!
//! ```text
//! shape             leaf       definition level
//! scalar            value      0 null, 1 value
//! list              element    0 null, 1 empty, 2 null element, 3 value
//! list of structs   member     0 null, 1 empty, 2 null struct, 3 null member, 4 value
//! map               key        0 null, 1 empty, 2 value
//!                   value      0 null, 1 empty, 2 null value, 3 value
//! ```
//!
//! The repetition level is 1 for every element of a list except the first, and 0 for each entry that begins a row.

use super::hybrid;
use crate::columns::{Bitmap, Column, TextValues, Values, end_of};

/// One leaf of a row group.
#[derive(Debug, Clone, Copy)]
pub(super) struct Leaf<'a> {
    pub levels: Levels<'a>,
    pub values: LeafValues<'a>,
}

/// The present values of a leaf.
#[derive(Debug, Clone, Copy)]
pub(super) enum LeafValues<'a> {
    Text(&'a TextValues),
    Int64(&'a [i64]),
    Float64(&'a [f64]),
    Bool(&'a Bitmap),
}

impl LeafValues<'_> {
    /// Number of values.
    pub const fn len(&self) -> usize {
        match self {
            Self::Text(texts) => texts.len(),
            Self::Int64(values) => values.len(),
            Self::Float64(values) => values.len(),
            Self::Bool(values) => values.len(),
        }
    }
}

impl Leaf<'_> {
    /// Whether every row is null.
    pub const fn is_null(&self) -> bool {
        match self.levels {
            Levels::Flat(_) => self.values.len() == 0,
            Levels::Repeated { ends, .. } => ends.is_empty(),
        }
    }
}

/// Which rows the values belong to. Every validity bitmap may be shorter than its rows or elements: the rest is null.
#[derive(Debug, Clone, Copy)]
pub(super) enum Levels<'a> {
    /// One value for each set bit.
    Flat(&'a Bitmap),
    /// A list for each set bit of `lists`, with the elements up to its end.
    Repeated { lists: &'a Bitmap, ends: &'a [u32], elements: Elements<'a> },
}

/// Which elements have a value.
#[derive(Debug, Clone, Copy)]
pub(super) enum Elements<'a> {
    /// All of them, as for the keys of maps.
    All,
    /// Those whose bit is set.
    Valid(&'a Bitmap),
    /// Those whose bit is set in `members`. If it is set in `structs` only, the struct lacks this member.
    Members { structs: &'a Bitmap, members: &'a Bitmap },
}

/// Buffers for the levels of one page.
#[derive(Debug, Default)]
pub(super) struct LevelBuffers {
    repetition: Vec<u8>,
    definition: Vec<u8>,
}

/// The levels written for one page.
#[derive(Debug)]
pub(super) struct WrittenLevels {
    /// Number of entries: values, nulls and empty lists.
    pub num_levels: usize,
    /// Bytes of the repetition levels.
    pub repetition_bytes: usize,
    /// Bytes of the definition levels.
    pub definition_bytes: usize,
}

/// How often each repetition and definition level was written.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct Histograms {
    /// Empty for leaves that are not repeated.
    pub repetition: Histogram,
    pub definition: Histogram,
}

/// How often each level of one kind was written.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct Histogram {
    counts: [i64; 5],
    num_levels: usize,
}

impl Histogram {
    /// Counts of the levels from zero on, at most five.
    fn new(counts: &[i64]) -> Self {
        let mut histogram = Self { num_levels: counts.len(), ..Self::default() };
        histogram.counts[..counts.len()].copy_from_slice(counts);
        histogram
    }

    /// One count for each level.
    pub fn counts(&self) -> &[i64] {
        &self.counts[..self.num_levels]
    }

    /// Adds the counts of a histogram of the same kind.
    pub fn add(&mut self, more: &Self) {
        self.counts.iter_mut().zip(more.counts).for_each(|(count, more)| *count += more);
    }
}

/// Calls `take` with each leaf of `column`, in the order of the schema.
pub(super) fn leaves<'a, E>(
    column: &'a Column,
    mut take: impl FnMut(Leaf<'a>) -> std::result::Result<(), E>,
) -> std::result::Result<(), E> {
    let lists = &column.validity;
    match &column.values {
        Values::List { ends, element } => {
            let levels = Levels::Repeated { lists, ends, elements: Elements::Valid(&element.validity) };
            scalar(&element.values).map_or(Ok(()), |values| take(Leaf { levels, values }))
        }
        Values::Structs { ends, element_validity, children } => children.iter().try_for_each(|child| {
            let elements = Elements::Members { structs: element_validity, members: &child.validity };
            let levels = Levels::Repeated { lists, ends, elements };
            scalar(&child.values).map_or(Ok(()), |values| take(Leaf { levels, values }))
        }),
        Values::Map { ends, keys, values } => {
            let levels = |elements| Levels::Repeated { lists, ends, elements };
            take(Leaf { levels: levels(Elements::All), values: LeafValues::Text(keys) })?;
            let elements = Elements::Valid(&values.validity);
            scalar(&values.values).map_or(Ok(()), |values| take(Leaf { levels: levels(elements), values }))
        }
        flat => scalar(flat).map_or(Ok(()), |values| take(Leaf { levels: Levels::Flat(lists), values })),
    }
}

/// The values of a scalar column; none for lists and maps.
const fn scalar(values: &Values) -> Option<LeafValues<'_>> {
    match values {
        Values::Text(texts) => Some(LeafValues::Text(texts)),
        Values::Int64(values) => Some(LeafValues::Int64(values.as_slice())),
        Values::Float64(values) => Some(LeafValues::Float64(values.as_slice())),
        Values::Bool(values) => Some(LeafValues::Bool(values)),
        Values::List { .. } | Values::Structs { .. } | Values::Map { .. } => None,
    }
}

impl LevelBuffers {
    /// Releases most of the memory that a list of many elements took.
    pub fn trim(&mut self, bytes: usize) {
        self.repetition.shrink_to(bytes);
        self.definition.shrink_to(bytes);
    }
}

impl Levels<'_> {
    /// The definition level of a present value.
    pub const fn max_definition(&self) -> i16 {
        match self {
            Self::Flat(_) => 1,
            Self::Repeated { elements: Elements::All, .. } => 2,
            Self::Repeated { elements: Elements::Valid(_), .. } => 3,
            Self::Repeated { elements: Elements::Members { .. }, .. } => 4,
        }
    }

    /// Number of values in the rows before `row`.
    pub fn values_before(&self, row: usize) -> usize {
        match self {
            Self::Flat(validity) => validity.count_ones_before(row),
            Self::Repeated { lists, ends, elements } => {
                let elements_before = end_of(ends, lists.count_ones_before(row));
                match elements {
                    Elements::All => elements_before,
                    Elements::Valid(bits) | Elements::Members { members: bits, .. } => {
                        bits.count_ones_before(elements_before)
                    }
                }
            }
        }
    }

    /// Number of list elements in the rows before `row`, null ones included.
    pub fn elements_before(&self, row: usize) -> usize {
        match self {
            Self::Flat(_) => 0,
            Self::Repeated { lists, ends, .. } => end_of(ends, lists.count_ones_before(row)),
        }
    }

    /// Appends the levels of rows `from..to` (repetition first), encoded as in a data page, and counts them in
    /// `histograms`. `num_values` is the number of values in these rows.
    pub fn write(
        &self,
        (from, to): (usize, usize),
        num_values: usize,
        buffers: &mut LevelBuffers,
        histograms: &mut Histograms,
        out: &mut Vec<u8>,
    ) -> WrittenLevels {
        let start = out.len();
        match self {
            Self::Flat(validity) => {
                hybrid::write_bits(validity, from, to, out);
                histograms.definition = Histogram::new(&[(to - from - num_values) as i64, num_values as i64]);
                let definition_bytes = out.len() - start;
                WrittenLevels { num_levels: to - from, repetition_bytes: 0, definition_bytes }
            }
            Self::Repeated { lists, ends, elements } => {
                let LevelBuffers { repetition, definition } = buffers;
                repetition.clear();
                definition.clear();
                let max = self.max_definition();
                let width = if max > 3 { 3 } else { 2 };
                if !lists.get(from) && lists.run_length(from, to) == to - from {
                    // The usual case for most list columns: nothing but nulls.
                    hybrid::write_run(0, to - from, 1, out);
                    let middle = out.len();
                    hybrid::write_run(0, to - from, width, out);
                    histograms.repetition = Histogram::new(&[(to - from) as i64, 0]);
                    histograms.definition = Histogram::new(&[(to - from) as i64, 0, 0, 0, 0][..=max as usize]);
                    let (repetition_bytes, definition_bytes) = (middle - start, out.len() - middle);
                    return WrittenLevels { num_levels: to - from, repetition_bytes, definition_bytes };
                }
                spread((from, to), lists, ends, *elements, repetition, definition);
                hybrid::write(repetition, 1, out);
                let middle = out.len();
                hybrid::write(definition, width, out);
                let in_lists = repetition.len() - (to - from);
                histograms.repetition = Histogram::new(&[(to - from) as i64, in_lists as i64]);
                let counts: [i64; 5] = std::array::from_fn(|level| count(definition, level as u8));
                histograms.definition = Histogram::new(&counts[..=max as usize]);
                let num_levels = definition.len();
                WrittenLevels { num_levels, repetition_bytes: middle - start, definition_bytes: out.len() - middle }
            }
        }
    }
}

/// Expands the levels of rows `from..to`, one byte each.
fn spread(
    (from, to): (usize, usize),
    lists: &Bitmap,
    ends: &[u32],
    elements: Elements<'_>,
    repetition: &mut Vec<u8>,
    definition: &mut Vec<u8>,
) {
    let mut list = lists.count_ones_before(from);
    let mut row = from;
    while row < to {
        let run = lists.run_length(row, to);
        if lists.get(row) {
            let mut start = end_of(ends, list);
            // The levels of consecutive lists are written at once.
            let mut written = start;
            for &end in &ends[list..list + run] {
                let end = end as usize;
                repetition.push(0);
                if start == end {
                    element_levels(elements, written, start, definition);
                    definition.push(1);
                    written = end;
                } else {
                    repetition.resize(repetition.len() + (end - start - 1), 1);
                }
                start = end;
            }
            element_levels(elements, written, start, definition);
            list += run;
        } else {
            repetition.resize(repetition.len() + run, 0);
            definition.resize(definition.len() + run, 0);
        }
        row += run;
    }
}

/// Counts `level` in `levels`, with sums in bytes for up to 255 at a time, so that the loop is vectorized.
fn count(levels: &[u8], level: u8) -> i64 {
    let count_some = |some: &[u8]| some.iter().map(|found| u8::from(*found == level)).sum::<u8>();
    levels.chunks(usize::from(u8::MAX)).map(|some| i64::from(count_some(some))).sum()
}

/// Appends the definition levels of elements `from..to`.
fn element_levels(elements: Elements<'_>, from: usize, to: usize, definition: &mut Vec<u8>) {
    let nothing = &Bitmap::default();
    let (structs, members, all) = match elements {
        Elements::All => return definition.resize(definition.len() + (to - from), 2),
        Elements::Valid(bits) => (nothing, bits, 3),
        Elements::Members { structs, members } => (structs, members, 4),
    };
    // Nearly always no element is null.
    if members.get(from) && members.run_length(from, to) == to - from {
        return definition.resize(definition.len() + (to - from), all);
    }
    for at in (from..to).step_by(8) {
        let (structs, members) = (structs.word_at(at), members.word_at(at));
        let levels = (0x0202_0202_0202_0202 + spread_bits(structs as u8) + spread_bits(members as u8)).to_le_bytes();
        definition.extend_from_slice(&levels[..(to - at).min(8)]);
    }
}

/// Spreads eight bits to eight bytes, the first bit to the lowest byte.
const fn spread_bits(bits: u8) -> u64 {
    const ONES: u64 = 0x0101_0101_0101_0101;
    // Keeps in each byte its own bit, then turns every byte that is not zero into one.
    let own = (bits as u64).wrapping_mul(ONES) & 0x8040_2010_0804_0201;
    own.wrapping_add(0x7F7F_7F7F_7F7F_7F7F) >> 7 & ONES
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        batch::testing::{Cell, columns, text},
        columns::{ColumnShape, ScalarType},
    };

    /// Repetition and definition levels of each leaf, and the number of values before each row.
    fn spread_out(shape: ColumnShape, cells: &[Cell]) -> Vec<(Vec<u8>, Vec<u8>, Vec<usize>)> {
        let rows: Vec<Vec<Cell>> = cells.iter().map(|cell| vec![cell.clone()]).collect();
        let columns = columns(&[shape], &rows);
        let mut found = Vec::new();
        leaves(&columns.columns[0], |leaf| {
            let before = (0..=rows.len()).map(|row| leaf.levels.values_before(row)).collect();
            let Levels::Repeated { lists, ends, elements } = leaf.levels else { return Err("not a list") };
            let (mut repetition, mut definition) = (Vec::new(), Vec::new());
            spread((0, rows.len()), lists, ends, elements, &mut repetition, &mut definition);
            found.push((repetition, definition, before));
            Ok(())
        })
        .unwrap();
        found
    }

    #[test]
    fn null_empty_and_null_elements_stay_apart() {
        let lists = [
            Cell::List(vec![text("a"), Cell::Null, text("")]),
            Cell::Null,
            Cell::List(vec![]),
            Cell::List(vec![Cell::Null]),
            Cell::Null,
        ];
        let found = spread_out(ColumnShape::List(ScalarType::Text), &lists);
        assert_eq!(found, [(vec![0, 1, 1, 0, 0, 0, 0], vec![3, 2, 3, 0, 1, 2, 0], vec![0, 2, 2, 2, 2, 2])]);

        let one = |a, b| Cell::Struct(vec![a, b]);
        let structs = [
            Cell::Null,
            Cell::List(vec![one(Cell::Int(1), Cell::Null), Cell::Null, one(Cell::Null, Cell::Null)]),
            Cell::List(vec![]),
        ];
        let found = spread_out(ColumnShape::Structs(vec![ScalarType::Int64, ScalarType::Bool]), &structs);
        let repetition = vec![0, 0, 1, 1, 0];
        assert_eq!(found[0], (repetition.clone(), vec![0, 4, 2, 3, 1], vec![0, 0, 1, 1]));
        assert_eq!(found[1], (repetition, vec![0, 3, 2, 3, 1], vec![0, 0, 0, 0]));

        let maps = [Cell::Map(vec![("k".into(), Cell::Null), ("l".into(), text("v"))]), Cell::Map(vec![]), Cell::Null];
        let found = spread_out(ColumnShape::Map, &maps);
        assert_eq!(found[0], (vec![0, 1, 0, 0], vec![2, 2, 1, 0], vec![0, 2, 2, 2]));
        assert_eq!(found[1], (vec![0, 1, 0, 0], vec![2, 3, 1, 0], vec![0, 1, 1, 1]));
    }

    #[test]
    fn each_bit_gives_its_byte() {
        for bits in 0..=u8::MAX {
            let bytes: [u8; 8] = std::array::from_fn(|at| bits >> at & 1);
            assert_eq!(spread_bits(bits).to_le_bytes(), bytes);
        }
    }

    #[test]
    fn a_page_of_nulls_is_one_run_whatever_the_shape() {
        let columns = columns(&[ColumnShape::Map], &[vec![Cell::Null]]);
        let mut sizes = Vec::new();
        leaves(&columns.columns[0], |leaf| {
            let (mut histograms, mut out) = (Histograms::default(), Vec::new());
            let rows = (0, 100_000);
            let written = leaf.levels.write(rows, 0, &mut LevelBuffers::default(), &mut histograms, &mut out);
            assert_eq!((written.num_levels, histograms.definition.counts()[0]), (100_000, 100_000));
            sizes.push(out.len());
            Ok::<_, ()>(())
        })
        .unwrap();
        assert_eq!(sizes, [8, 8]);
    }
}
