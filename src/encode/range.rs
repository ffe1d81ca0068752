//! Minimum and maximum values of a file's columns, as text, for the manifest.
//!
//! They let a query skip files by time or duration, so instants and integers have them, and so do all columns that the
//! rows are sorted by. The minimum of a thousand unsorted texts tells nothing and, with thousands of files, would take
//! most of the manifest.

use std::collections::BTreeMap;

use arrow::datatypes::{DataType, Field};
use chrono::{DateTime, SecondsFormat};

use super::statistics::MinMax;

/// Maximum bytes of a text in a range: codes and names are shorter, and ids (36) have no useful order.
pub(super) const MAX_RANGE_TEXT_BYTES: usize = 32;

/// Minimum and maximum value of one column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Range {
    /// There was no value yet.
    Empty,
    /// Integers, or microseconds.
    Int64(i64, i64),
    /// Texts. Boxed to be small, since an unfinished file keeps a range for each of these columns.
    Text(Box<(String, String)>),
    /// Not known: another type, or a text that is too long.
    Unknown,
}

impl Range {
    /// The range of a column from its minimum and maximum, which are none if it has no value.
    pub(super) fn new(extremes: Option<MinMax<'_>>) -> Self {
        match extremes {
            None => Self::Empty,
            Some(MinMax::Int64(min, max)) => Self::Int64(min, max),
            Some(MinMax::Text(min, max)) => match (short_text(min), short_text(max)) {
                (Some(min), Some(max)) => Self::Text(Box::new((min, max))),
                _ => Self::Unknown,
            },
            Some(MinMax::Float64(..) | MinMax::Bool(..)) => Self::Unknown,
        }
    }

    /// Whether the manifest lists the ranges of a column.
    pub(super) fn is_in_manifest(field: &Field, is_sorted: bool) -> bool {
        is_sorted || matches!(field.data_type(), DataType::Int64 | DataType::Timestamp(_, _))
    }

    fn join(self, other: Self) -> Self {
        match (self, other) {
            (Self::Empty, range) | (range, Self::Empty) => range,
            (Self::Int64(a, b), Self::Int64(c, d)) => Self::Int64(a.min(c), b.max(d)),
            (Self::Text(one), Self::Text(other)) => {
                let ((a, b), (c, d)) = (*one, *other);
                Self::Text(Box::new((a.min(c), b.max(d))))
            }
            _ => Self::Unknown,
        }
    }

    fn to_texts(&self, data_type: &DataType) -> Option<(String, String)> {
        match self {
            Self::Empty | Self::Unknown => None,
            Self::Text(range) => Some((**range).clone()),
            Self::Int64(min, max) if matches!(data_type, DataType::Timestamp(_, _)) => {
                Some((instant(*min)?, instant(*max)?))
            }
            Self::Int64(min, max) => Some((min.to_string(), max.to_string())),
        }
    }
}

/// Extends `ranges` (initially empty) by those of another row group.
pub(super) fn join_all(ranges: &mut Vec<Range>, more: Vec<Range>) {
    ranges.resize(more.len(), Range::Empty);
    for (range, more) in ranges.iter_mut().zip(more) {
        *range = std::mem::replace(range, Range::Empty).join(more);
    }
}

/// Minimum and maximum by column name, of the columns whose range is known.
pub(super) fn by_name<'a>(
    ranges: &[Range],
    fields: impl Iterator<Item = &'a Field>,
) -> BTreeMap<String, (String, String)> {
    let named = |(range, field): (&Range, &Field)| Some((field.name().clone(), range.to_texts(field.data_type())?));
    ranges.iter().zip(fields).filter_map(named).collect()
}

fn short_text(bytes: &[u8]) -> Option<String> {
    if bytes.len() > MAX_RANGE_TEXT_BYTES {
        return None;
    }
    std::str::from_utf8(bytes).ok().map(str::to_owned)
}

/// RFC 3339 text with as many decimals as needed; none if out of chrono's range.
fn instant(micros: i64) -> Option<String> {
    Some(DateTime::from_timestamp_micros(micros)?.to_rfc3339_opts(SecondsFormat::AutoSi, true))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_grow_and_forget_what_they_cannot_tell() {
        let text = |min: &str, max: &str| Range::Text(Box::new((min.into(), max.into())));
        assert_eq!(Range::Empty.join(Range::Int64(1, 2)), Range::Int64(1, 2));
        assert_eq!(Range::Int64(-5, 2).join(Range::Int64(1, 9)), Range::Int64(-5, 9));
        assert_eq!(text("b", "c").join(text("a", "bb")), text("a", "c"));
        assert_eq!(text("b", "c").join(Range::Unknown), Range::Unknown);
        assert_eq!(Range::Unknown.join(Range::Empty), Range::Unknown);
    }

    #[test]
    fn instants_are_told_as_rfc_3339() {
        let instants = DataType::Timestamp(arrow::datatypes::TimeUnit::Microsecond, Some("UTC".into()));
        let range = Range::Int64(-62_135_596_800_000_000, 1_751_328_000_123_000);
        let texts = range.to_texts(&instants).unwrap();
        assert_eq!(texts, ("0001-01-01T00:00:00Z".to_owned(), "2025-07-01T00:00:00.123Z".to_owned()));
        assert_eq!(Range::Int64(i64::MIN, 0).to_texts(&instants), None);
        assert_eq!(Range::Int64(i64::MIN, 0).to_texts(&DataType::Int64).unwrap().0, "-9223372036854775808");
    }

    #[test]
    fn a_text_as_long_as_an_id_has_no_range() {
        assert!(short_text(&[b'a'; MAX_RANGE_TEXT_BYTES]).is_some());
        assert!(short_text(&[b'a'; MAX_RANGE_TEXT_BYTES + 1]).is_none());
    }
}
