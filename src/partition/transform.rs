//! Iceberg's partition transforms, which turn a column's value into a partition value.
//!
//! Every value becomes a number first (days since 1970, the number of a bucket), except texts that stay texts. Rows are
//! compared by these numbers, and their text is made only once for each partition.

use chrono::{Datelike, NaiveDate};

use super::murmur3;
use crate::{
    columns::{FIRST_INSTANT, LAST_INSTANT},
    config::Transform,
};

const MICROS_PER_HOUR: i64 = 3_600_000_000;
const MICROS_PER_DAY: i64 = 24 * MICROS_PER_HOUR;
/// Days from 0000-12-31 (day 0 of the common era) to 1970-01-01.
const EPOCH_DAY_OF_COMMON_ERA: i64 = 719_163;

/// Name of the partition column: for identity the column's own name, otherwise followed by the name of the transform.
#[must_use]
pub fn partition_name(column: &str, transform: Transform) -> String {
    let suffix = match transform {
        Transform::Identity => return column.to_owned(),
        Transform::Year => "year",
        Transform::Month => "month",
        Transform::Day => "day",
        Transform::Hour => "hour",
        Transform::Bucket(_) => "bucket",
        Transform::Truncate(_) => "trunc",
    };
    format!("{column}_{suffix}")
}

/// The partition of an integer, a boolean (0 or 1) or an instant (microseconds UTC), as a number: for calendar
/// transforms the number of years, months, days or hours. None for an instant outside the years 0001 to 9999, and for
/// an integer whose next lower multiple does not fit in 64 bits.
#[must_use]
pub fn number(transform: Transform, value: i64) -> Option<i64> {
    match transform {
        Transform::Identity => Some(value),
        Transform::Bucket(buckets) => bucket(buckets, &value.to_le_bytes()),
        Transform::Truncate(width) => value.checked_sub(value.checked_rem_euclid(i64::from(width))?),
        _ if !(FIRST_INSTANT..=LAST_INSTANT).contains(&value) => None,
        Transform::Hour => Some(value.div_euclid(MICROS_PER_HOUR)),
        Transform::Day => Some(value.div_euclid(MICROS_PER_DAY)),
        Transform::Month => {
            date(value.div_euclid(MICROS_PER_DAY)).map(|date| i64::from(date.year()) * 12 + i64::from(date.month0()))
        }
        Transform::Year => date(value.div_euclid(MICROS_PER_DAY)).map(|date| i64::from(date.year())),
    }
}

/// The bucket of some bytes (text as UTF-8, integers as eight little-endian bytes); none if `buckets` is zero.
#[must_use]
pub fn bucket(buckets: u32, bytes: &[u8]) -> Option<i64> {
    (murmur3::hash(bytes) & 0x7fff_ffff).checked_rem(buckets).map(i64::from)
}

/// The first `width` characters (code points) of a UTF-8 text.
#[must_use]
pub fn prefix(text: &[u8], width: u32) -> &[u8] {
    let width = width as usize;
    if text.len() <= width {
        return text;
    }
    let starts = text.iter().enumerate().filter(|&(_, &byte)| byte & 0xc0 != 0x80);
    starts.map(|(at, _)| at).nth(width).map_or(text, |end| &text[..end])
}

/// The text of a partition number for folder names, before escaping: `2025`, `2025-07`, `2025-07-01`, `2025-07-01-13`,
/// or decimal digits. None for a day or hour that [`number`] never returns.
#[must_use]
pub fn number_text(transform: Transform, number: i64) -> Option<String> {
    let day_text = |day| {
        let date = date(day)?;
        Some(format!("{:04}-{:02}-{:02}", date.year(), date.month(), date.day()))
    };
    match transform {
        Transform::Identity | Transform::Bucket(_) | Transform::Truncate(_) => Some(number.to_string()),
        Transform::Year => Some(format!("{number:04}")),
        Transform::Month => Some(format!("{:04}-{:02}", number.div_euclid(12), number.rem_euclid(12) + 1)),
        Transform::Day => day_text(number),
        Transform::Hour => Some(format!("{}-{:02}", day_text(number.div_euclid(24))?, number.rem_euclid(24))),
    }
}

/// The date of a day counted from 1970-01-01.
fn date(day: i64) -> Option<NaiveDate> {
    let day = i32::try_from(day.checked_add(EPOCH_DAY_OF_COMMON_ERA)?).ok()?;
    NaiveDate::from_num_days_from_ce_opt(day)
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use proptest::prelude::*;

    use super::*;

    fn instant(text: &str) -> i64 {
        DateTime::parse_from_rfc3339(text).unwrap().timestamp_micros()
    }

    fn text_of(transform: Transform, value: i64) -> Option<String> {
        number_text(transform, number(transform, value)?)
    }

    fn calendar(at: &str) -> [String; 4] {
        [Transform::Year, Transform::Month, Transform::Day, Transform::Hour]
            .map(|transform| text_of(transform, instant(at)).unwrap())
    }

    #[test]
    fn instants_before_and_after_1970_fall_into_their_own_calendar_units() {
        assert_eq!(calendar("2017-11-16T22:31:08.000001Z"), ["2017", "2017-11", "2017-11-16", "2017-11-16-22"]);
        assert_eq!(calendar("2017-12-01T01:30:00+02:00"), ["2017", "2017-11", "2017-11-30", "2017-11-30-23"]);
        assert_eq!(calendar("1970-01-01T00:00:00Z"), ["1970", "1970-01", "1970-01-01", "1970-01-01-00"]);
        assert_eq!(calendar("1969-12-31T23:59:59.999999Z"), ["1969", "1969-12", "1969-12-31", "1969-12-31-23"]);
        assert_eq!(calendar("0001-01-01T00:00:00Z"), ["0001", "0001-01", "0001-01-01", "0001-01-01-00"]);
        assert_eq!(calendar("9999-12-31T23:59:59.999999Z"), ["9999", "9999-12", "9999-12-31", "9999-12-31-23"]);
        assert_eq!(calendar("2000-02-29T12:00:00Z"), ["2000", "2000-02", "2000-02-29", "2000-02-29-12"]);
    }

    #[test]
    fn the_bounds_are_the_years_0001_and_9999() {
        assert_eq!(FIRST_INSTANT, instant("0001-01-01T00:00:00Z"));
        assert_eq!(LAST_INSTANT, instant("9999-12-31T23:59:59.999999Z"));
        for transform in [Transform::Year, Transform::Month, Transform::Day, Transform::Hour] {
            for outside in [FIRST_INSTANT - 1, LAST_INSTANT + 1, i64::MIN, i64::MAX] {
                assert_eq!(number(transform, outside), None);
            }
        }
    }

    #[test]
    fn integers_are_truncated_downwards_as_iceberg_does() {
        let truncate = |value| number(Transform::Truncate(10), value);
        assert_eq!([truncate(1), truncate(10), truncate(19)], [Some(0), Some(10), Some(10)]);
        assert_eq!([truncate(-1), truncate(-10), truncate(-11)], [Some(-10), Some(-10), Some(-20)]);
        assert_eq!(truncate(i64::MAX), Some(9_223_372_036_854_775_800));
        assert_eq!(truncate(i64::MIN), None, "the multiple below has more than 64 bits");
        assert_eq!(number(Transform::Truncate(1), i64::MIN), Some(i64::MIN));
        assert_eq!(number(Transform::Truncate(0), 5), None);
    }

    #[test]
    fn text_is_truncated_by_characters() {
        assert_eq!(prefix(b"iceberg", 3), b"ice");
        assert_eq!(prefix("äöü".as_bytes(), 2), "äö".as_bytes());
        assert_eq!(prefix("🎧🎧".as_bytes(), 1), "🎧".as_bytes());
        assert_eq!(prefix(b"ab", 2), b"ab");
        assert_eq!(prefix(b"", 2), b"");
        assert_eq!(prefix("日本".as_bytes(), u32::MAX), "日本".as_bytes());
    }

    #[test]
    fn buckets_are_positive_and_of_the_right_value_form() {
        assert_eq!(number(Transform::Bucket(16), 34), Some(2_017_239_379 % 16));
        assert_eq!(bucket(16, b"iceberg"), Some(1_210_000_089 % 16));
        let negative = -2_047_944_441i32;
        let expected = i64::from(negative & i32::MAX) % 100;
        assert_eq!(number(Transform::Bucket(100), instant("2017-11-16T22:31:08Z")), Some(expected));
        assert_eq!(number(Transform::Bucket(0), 1), None);
        assert_eq!(text_of(Transform::Bucket(1), 77), Some("0".to_owned()));
    }

    #[test]
    fn names_say_the_transform() {
        assert_eq!(partition_name("purpose", Transform::Identity), "purpose");
        assert_eq!(partition_name("start_time", Transform::Day), "start_time_day");
        assert_eq!(partition_name("queue_id", Transform::Bucket(8)), "queue_id_bucket");
        assert_eq!(partition_name("ani", Transform::Truncate(4)), "ani_trunc");
    }

    proptest! {
        #[test]
        fn calendar_units_equal_chrono_s(at in FIRST_INSTANT..=LAST_INSTANT) {
            let expected = DateTime::from_timestamp_micros(at).unwrap().naive_utc();
            let texts = ["%Y", "%Y-%m", "%Y-%m-%d", "%Y-%m-%d-%H"].map(|form| expected.format(form).to_string());
            let found = [Transform::Year, Transform::Month, Transform::Day, Transform::Hour]
                .map(|transform| text_of(transform, at).unwrap());
            prop_assert_eq!(found, texts);
        }

        #[test]
        fn a_prefix_is_that_of_the_characters(text in any::<String>(), width in 0u32..20) {
            let expected: String = text.chars().take(width as usize).collect();
            prop_assert_eq!(prefix(text.as_bytes(), width), expected.as_bytes());
        }
    }
}
