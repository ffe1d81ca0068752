//! Minimum and maximum values: of pages for the column index, of chunks for the footer.
//!
//! Texts are ordered by their bytes, doubles by IEEE 754's total order (so that -0.0 comes before 0.0); NaN is counted
//! and left out, unless there is nothing else.

use std::borrow::Cow;

use parquet::basic::BoundaryOrder;

use super::{
    EncodeOptions,
    dictionary::Dictionary,
    leaf::{Histograms, LeafValues},
    thrift::{write_binary, write_struct},
};

/// Minimum and maximum of some values.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum MinMax<'a> {
    Text(&'a [u8], &'a [u8]),
    Int64(i64, i64),
    Float64(f64, f64),
    Bool(bool, bool),
}

impl<'a> MinMax<'a> {
    /// Minimum and maximum of the values `from..to`; none if the range is empty. `dictionary` has all values of the
    /// chunk.
    pub fn from_values(
        values: &LeafValues<'a>,
        (from, to): (usize, usize),
        dictionary: Option<&'a Dictionary>,
    ) -> Option<Self> {
        if from == to {
            return None;
        }
        match (values, dictionary) {
            (LeafValues::Text(_), Some(dictionary)) => of_indexes(dictionary, &dictionary.indexes()[from..to]),
            (LeafValues::Text(texts), None) => of_texts(texts.range(from, to)),
            (LeafValues::Int64(values), _) => {
                let both = |(min, max): (i64, i64), value: &i64| (min.min(*value), max.max(*value));
                let (min, max) = values[from..to].iter().fold((i64::MAX, i64::MIN), both);
                Some(Self::Int64(min, max))
            }
            (LeafValues::Float64(values), _) => of_doubles(&values[from..to]),
            (LeafValues::Bool(values), _) => {
                let trues = values.count_ones_before(to) - values.count_ones_before(from);
                Some(Self::Bool(trues == to - from, trues > 0))
            }
        }
    }

    /// Minimum and maximum of both.
    pub fn join(self, other: Self) -> Self {
        match (self, other) {
            (Self::Text(a, b), Self::Text(c, d)) => Self::Text(a.min(c), b.max(d)),
            (Self::Int64(a, b), Self::Int64(c, d)) => Self::Int64(a.min(c), b.max(d)),
            // NaN is the minimum only if all values are NaN.
            (Self::Float64(a, _), Self::Float64(c, _)) if a.is_nan() != c.is_nan() => {
                if a.is_nan() {
                    other
                } else {
                    self
                }
            }
            (Self::Float64(a, b), Self::Float64(c, d)) => {
                Self::Float64(if a.total_cmp(&c).is_gt() { c } else { a }, if b.total_cmp(&d).is_lt() { d } else { b })
            }
            (Self::Bool(a, b), Self::Bool(c, d)) => Self::Bool(a & c, b | d),
            // Unreachable: all values of a leaf have one type.
            (this, _) => this,
        }
    }

    /// Whether neither minimum nor maximum is greater than that of `other`, compared as stored in the column index: a
    /// maximum text that was cut up can be greater there than a whole text that follows it.
    fn is_before(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Text(a, b), Self::Text(c, d)) => least(a) <= least(c) && greatest(b) <= greatest(d),
            (Self::Int64(a, b), Self::Int64(c, d)) => a <= c && b <= d,
            (Self::Float64(a, b), Self::Float64(c, d)) => a.total_cmp(c).is_le() && b.total_cmp(d).is_le(),
            (Self::Bool(a, b), Self::Bool(c, d)) => a <= c && b <= d,
            _ => false,
        }
    }

    /// Calls `take` with the minimum as stored in the format: a text that is too long is cut.
    fn with_min(self, take: impl FnOnce(&[u8])) {
        match self {
            Self::Text(min, _) => take(least(min)),
            Self::Int64(min, _) => take(&min.to_le_bytes()),
            Self::Float64(min, _) => take(&min.to_le_bytes()),
            Self::Bool(min, _) => take(&[u8::from(min)]),
        }
    }

    /// The same with the maximum.
    fn with_max(self, take: impl FnOnce(&[u8])) {
        match self {
            Self::Text(_, max) => take(&greatest(max)),
            Self::Int64(_, max) => take(&max.to_le_bytes()),
            Self::Float64(_, max) => take(&max.to_le_bytes()),
            Self::Bool(_, max) => take(&[u8::from(max)]),
        }
    }

    /// Whether the stored minimum and maximum are the exact values.
    fn are_exact(&self) -> (bool, bool) {
        match self {
            Self::Text(min, max) => (cut(min).is_none(), cut_up(max).is_none()),
            _ => (true, true),
        }
    }
}

/// A short lower bound of the text.
fn least(text: &[u8]) -> &[u8] {
    cut(text).map_or(text, str::as_bytes)
}

/// An upper bound of the text; short, if there is a short one.
fn greatest(text: &[u8]) -> Cow<'_, [u8]> {
    cut_up(text).map_or(Cow::Borrowed(text), Cow::Owned)
}

fn of_texts<'a>(mut texts: impl Iterator<Item = &'a [u8]>) -> Option<MinMax<'a>> {
    let first = texts.next()?;
    let (mut min, mut max) = (first, first);
    // Most texts differ in their first eight bytes.
    let (mut min_head, mut max_head) = (head(first), head(first));
    for text in texts {
        let head = head(text);
        if head < min_head || head == min_head && text < min {
            (min, min_head) = (text, head);
        } else if head > max_head || head == max_head && text > max {
            (max, max_head) = (text, head);
        }
    }
    Some(MinMax::Text(min, max))
}

/// The first eight bytes as a number with the same order; missing bytes count as zeros.
fn head(text: &[u8]) -> u64 {
    match text.first_chunk::<8>() {
        Some(bytes) => u64::from_be_bytes(*bytes),
        None => text.iter().fold(0, |head, byte| head << 8 | u64::from(*byte)) << (8 * (8 - text.len()) % 64),
    }
}

/// Compares each distinct value once.
fn of_indexes<'a>(dictionary: &'a Dictionary, indexes: &[u16]) -> Option<MinMax<'a>> {
    if indexes.len() == dictionary.indexes().len() {
        return of_texts((0..dictionary.len()).map(|index| dictionary.get(index)));
    }
    let mut met = vec![false; dictionary.len()];
    for index in indexes {
        met[usize::from(*index)] = true;
    }
    of_texts(met.iter().enumerate().filter(|(_, met)| **met).map(|(index, _)| dictionary.get(index)))
}

fn of_doubles<'a>(values: &[f64]) -> Option<MinMax<'a>> {
    let has_numbers = values.iter().any(|value| !value.is_nan());
    let counted = || values.iter().copied().filter(|value| !has_numbers || !value.is_nan());
    let (min, max) = (counted().min_by(f64::total_cmp)?, counted().max_by(f64::total_cmp)?);
    Some(MinMax::Float64(min, max))
}

/// Number of NaN values; none for types without NaN.
pub(super) fn num_nans(values: &LeafValues<'_>, (from, to): (usize, usize)) -> Option<u64> {
    match values {
        LeafValues::Float64(values) => Some(values[from..to].iter().filter(|value| value.is_nan()).count() as u64),
        _ => None,
    }
}

/// The beginning of a text that is too long for statistics; none if it is short enough. It is a lower bound of the
/// text.
fn cut(text: &[u8]) -> Option<&str> {
    let start = text.get(..EncodeOptions::STATISTICS_BYTES).filter(|start| start.len() < text.len())?;
    match str::from_utf8(start) {
        Ok(start) => Some(start),
        // The cut is in the middle of a character.
        Err(error) => str::from_utf8(&start[..error.valid_up_to()]).ok(),
    }
}

/// Like [`cut`], but an upper bound: the last character that has a successor of the same length is replaced by it, and
/// the rest is dropped. None if no character has one.
fn cut_up(text: &[u8]) -> Option<Vec<u8>> {
    let start = cut(text)?;
    let (at, next) = start.char_indices().rev().find_map(|(at, character)| {
        let next = char::from_u32(u32::from(character) + 1)?;
        (next.len_utf8() == character.len_utf8()).then_some((at, next))
    })?;
    let mut greater = start.as_bytes()[..at].to_vec();
    greater.extend_from_slice(next.encode_utf8(&mut [0; 4]).as_bytes());
    Some(greater)
}

/// Statistics of a page, or of a whole chunk.
#[derive(Debug, Clone)]
pub(super) struct PageStatistics<'a> {
    pub num_values: usize,
    /// Number of levels without a value; in lists they include null and empty lists.
    pub num_nulls: usize,
    pub num_nans: Option<u64>,
    /// None if there is no value, or if they are not kept.
    pub extremes: Option<MinMax<'a>>,
    pub histograms: Histograms,
}

impl PageStatistics<'_> {
    /// Adds the statistics of the following page.
    pub fn join(&mut self, page: &Self) {
        self.num_values += page.num_values;
        self.num_nulls += page.num_nulls;
        self.num_nans = self.num_nans.zip(page.num_nans).map(|(a, b)| a + b);
        self.extremes = match (self.extremes, page.extremes) {
            (Some(a), Some(b)) => Some(a.join(b)),
            (a, b) => a.or(b),
        };
        self.histograms.repetition.add(&page.histograms.repetition);
        self.histograms.definition.add(&page.histograms.definition);
    }

    /// Appends the format's `Statistics`.
    pub fn write_statistics(&self, out: &mut Vec<u8>) {
        write_struct(out, |statistics| {
            statistics.i64(3, self.num_nulls as i64);
            let (mut min_is_exact, mut max_is_exact) = (false, false);
            if let Some(extremes) = self.extremes {
                (min_is_exact, max_is_exact) = extremes.are_exact();
                extremes.with_max(|max| statistics.binary(5, max));
                extremes.with_min(|min| statistics.binary(6, min));
            }
            statistics.bool(7, max_is_exact);
            statistics.bool(8, min_is_exact);
            if let Some(num_nans) = self.num_nans {
                statistics.i64(9, num_nans as i64);
            }
        });
    }

    /// Appends the minimum for the column index; empty bytes if there is none.
    pub fn write_min(&self, out: &mut Vec<u8>) {
        match self.extremes {
            Some(extremes) => extremes.with_min(|min| write_binary(out, min)),
            None => write_binary(out, &[]),
        }
    }

    /// Appends the maximum for the column index; empty bytes if there is none.
    pub fn write_max(&self, out: &mut Vec<u8>) {
        match self.extremes {
            Some(extremes) => extremes.with_max(|max| write_binary(out, max)),
            None => write_binary(out, &[]),
        }
    }
}

/// The order of the pages' minima and maxima; pages without values are ignored.
pub(super) fn boundary_order(pages: &[PageStatistics<'_>]) -> BoundaryOrder {
    let extremes: Vec<MinMax<'_>> = pages.iter().filter_map(|page| page.extremes).collect();
    if extremes.is_sorted_by(MinMax::is_before) {
        BoundaryOrder::ASCENDING
    } else if extremes.is_sorted_by(|a, b| b.is_before(a)) {
        BoundaryOrder::DESCENDING
    } else {
        BoundaryOrder::UNORDERED
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_of_pages_is_that_of_what_is_stored_of_their_texts() {
        let page = |text: &'static str| PageStatistics {
            num_values: 1,
            num_nulls: 0,
            num_nans: None,
            extremes: Some(MinMax::Text(b"a", text.as_bytes())),
            histograms: Histograms::default(),
        };
        // No character of the same length follows the last ones, so the upper bound is greater than the whole text that
        // is greater than this one.
        let cut = format!("{}\u{7f}\u{7f}\u{7f}", "b".repeat(62)).leak();
        let whole = format!("{}é", "b".repeat(62)).leak();
        assert!(*cut < *whole && *greatest(cut.as_bytes()) > *greatest(whole.as_bytes()));
        assert_eq!(boundary_order(&[page(cut), page(whole)]), BoundaryOrder::DESCENDING);
        assert_eq!(boundary_order(&[page("b"), page("c")]), BoundaryOrder::ASCENDING);
    }
}
