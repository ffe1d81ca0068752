//! Instants: RFC 3339 text and epoch milliseconds, to microseconds since 1970 in UTC.
//!
//! Nearly every instant of an export has one form, `2025-07-01T08:15:30.123Z`, and the date of the one before it. That
//! form is read by hand with the date remembered; chrono reads every other.

use chrono::{Datelike, NaiveDate, NaiveDateTime, NaiveTime};

use super::number::scaled_integer;
use crate::columns::{FIRST_INSTANT, LAST_INSTANT};

/// The date of the last instant that was read, with its day's first microsecond.
#[derive(Debug, Clone)]
pub(super) struct DateMemory {
    date: [u8; 10],
    micros: i64,
}

impl Default for DateMemory {
    /// A true date, so that nothing else can be taken for the remembered one.
    fn default() -> Self {
        Self { date: *b"1970-01-01", micros: 0 }
    }
}

/// Microseconds of an RFC 3339 text; none if it is not one, or cannot be told in microseconds of the years 1 to 9999.
#[inline]
pub(super) fn from_text(text: &[u8], memory: &mut DateMemory) -> Option<i64> {
    match fixed_form(text, memory) {
        Some(micros) => Some(micros),
        None => any_form(text, memory),
    }
}

/// Microseconds of epoch milliseconds, if exact.
pub(super) fn from_epoch_millis(token: &[u8]) -> Option<i64> {
    scaled_integer(token, 3).filter(|micros| (FIRST_INSTANT..=LAST_INSTANT).contains(micros))
}

/// `YYYY-MM-DDThh:mm:ss.mmmZ` on the remembered date.
#[inline(always)]
fn fixed_form(text: &[u8], memory: &DateMemory) -> Option<i64> {
    let text: &[u8; 24] = text.try_into().ok()?;
    if text[..10] != memory.date
        || text[10] != b'T'
        || text[13] != b':'
        || text[16] != b':'
        || text[19] != b'.'
        || text[23] != b'Z'
    {
        return None;
    }
    // A byte that is no digit becomes more than 9 and shows in the union of all digits' high bits or in the limits.
    let digit = |at: usize| u32::from(text[at].wrapping_sub(b'0'));
    let digits = [11, 12, 14, 15, 17, 18, 20, 21, 22].map(digit);
    if digits.iter().any(|&d| d > 9) {
        return None;
    }
    let [h1, h0, m1, m0, s1, s0, f2, f1, f0] = digits;
    let (hour, minute, second) = (h1 * 10 + h0, m1 * 10 + m0, s1 * 10 + s0);
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let millis = f2 * 100 + f1 * 10 + f0;
    let seconds = i64::from(hour * 3600 + minute * 60 + second);
    Some(memory.micros + seconds * 1_000_000 + i64::from(millis) * 1_000)
}

/// Every form that RFC 3339 allows, by way of chrono; remembers the date.
#[inline(never)]
fn any_form(text: &[u8], memory: &mut DateMemory) -> Option<i64> {
    let text = std::str::from_utf8(text).ok()?;
    if !text.is_ascii() || text.len() < 20 || !matches!(text.as_bytes()[10], b'T' | b't' | b' ') {
        return None;
    }
    let (date, time) = (&text[..10], &text[11..]);
    let date = parse_date(date)?;
    let zone_at = time.find(['Z', 'z', '+', '-'])?;
    let (time, zone) = time.split_at(zone_at);
    let day = NaiveDateTime::new(date, NaiveTime::MIN).and_utc().timestamp_micros();
    let micros = day.checked_add(parse_time(time)?)?.checked_sub(parse_offset(zone)?)?;
    if (1..=9999).contains(&date.year()) {
        memory.date.copy_from_slice(&text.as_bytes()[..10]);
        memory.micros = day;
    }
    (FIRST_INSTANT..=LAST_INSTANT).contains(&micros).then_some(micros)
}

/// `YYYY-MM-DD`.
fn parse_date(text: &str) -> Option<NaiveDate> {
    let bytes = text.as_bytes();
    if bytes[4] != b'-' || bytes[7] != b'-' {
        return None;
    }
    let year = two_digits_each(&text[..4])?;
    NaiveDate::from_ymd_opt(i32::try_from(year).ok()?, two_digits_each(&text[5..7])?, two_digits_each(&text[8..10])?)
}

/// `hh:mm:ss` and a fraction whose digits past the sixth are zero, as microseconds of the day.
fn parse_time(text: &str) -> Option<i64> {
    let bytes = text.as_bytes();
    if bytes.len() < 8 || bytes[2] != b':' || bytes[5] != b':' {
        return None;
    }
    let hour = two_digits_each(&text[..2])?;
    let minute = two_digits_each(&text[3..5])?;
    let second = two_digits_each(&text[6..8])?;
    let micro = match &text[8..] {
        "" => 0,
        fraction => {
            let digits = fraction.strip_prefix('.')?;
            if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
                return None;
            }
            let (kept, beyond) = digits.split_at(digits.len().min(6));
            if beyond.bytes().any(|b| b != b'0') {
                return None;
            }
            two_digits_each(kept)? * 10u32.pow(6 - kept.len() as u32)
        }
    };
    let time = NaiveTime::from_hms_micro_opt(hour, minute, second, micro)?;
    time.signed_duration_since(NaiveTime::MIN).num_microseconds()
}

/// `Z` or `+hh:mm`, as microseconds to take away.
fn parse_offset(text: &str) -> Option<i64> {
    if matches!(text, "Z" | "z") {
        return Some(0);
    }
    let bytes = text.as_bytes();
    if bytes.len() != 6 || !matches!(bytes[0], b'+' | b'-') || bytes[3] != b':' {
        return None;
    }
    let (hours, minutes) = (two_digits_each(&text[1..3])?, two_digits_each(&text[4..6])?);
    if hours > 23 || minutes > 59 {
        return None;
    }
    let micros = i64::from(hours * 60 + minutes) * 60_000_000;
    Some(if bytes[0] == b'-' { -micros } else { micros })
}

/// A number of digits only.
fn two_digits_each(text: &str) -> Option<u32> {
    text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse().ok())?
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::*;

    fn micros(text: &str) -> Option<i64> {
        let mut memory = DateMemory::default();
        let first = from_text(text.as_bytes(), &mut memory);
        // The second time the date is remembered and the other path may be taken.
        assert_eq!(from_text(text.as_bytes(), &mut memory), first, "{text}");
        first
    }

    #[test]
    fn instants_of_every_form_agree_with_chrono() {
        for text in [
            "2025-07-01T08:15:30.123Z",
            "2025-07-01T08:15:30Z",
            "2025-07-01 08:15:30.5+02:00",
            "2025-07-01t08:15:30.123456z",
            "2025-07-01T08:15:30.123456000-11:30",
            "2024-02-29T23:59:59.999Z",
            "1969-12-31T23:59:59.999999Z",
            "0001-01-01T00:00:00Z",
            "9999-12-31T23:59:59.999999Z",
            "2025-07-01T00:00:00-00:00",
        ] {
            let expected = DateTime::parse_from_rfc3339(text).unwrap().timestamp_micros();
            assert_eq!(micros(text), Some(expected), "{text}");
        }
    }

    #[test]
    fn what_is_no_exact_instant_is_refused() {
        for text in [
            "",
            "2025-07-01",
            "2025-07-01T08:15:30",
            "2025-07-01T08:15:30.Z",
            "2025-07-01T08:15:30.1234567Z",
            "2025-07-01T24:00:00.000Z",
            "2025-07-01T23:59:60.000Z",
            "2025-07-01T23:60:00.000Z",
            "2025-06-31T08:15:30.123Z",
            "2025-02-29T08:15:30.123Z",
            "2025-13-01T08:15:30.123Z",
            "0000-12-31T23:00:00.000Z",
            "9999-12-31T23:59:59-00:01",
            "0001-01-01T00:00:00+00:01",
            "2025-07-01T08:15:30.12aZ",
            "2025-07-01T0:15:30.1234Z",
            "2025-07-01T08:15:30+2:00",
            "2025-07-01T08:15:30+24:00",
            "2025-07-01T08:15:30+02:60",
            "2025-07-01T08:15:30Z02:00",
            "\0\0\0\0\0\0\0\0\0\0T08:15:30.123Z",
            "2025-07-01T08:15:30+0200",
            "+025-07-01T08:15:30.123Z",
            "2025-07-01T08:15:30.123Z ",
            " 2025-07-01T08:15:30.123Z",
            "2025-07-01T08:15:30,123Z",
            "2025\u{2013}7-01T08:15:30.123Z",
        ] {
            assert_eq!(micros(text), None, "{text}");
        }
        assert_eq!(micros("0000-12-31T23:30:00-01:00"), Some(FIRST_INSTANT + 30 * 60_000_000));
    }

    #[test]
    fn epoch_milliseconds_are_exact_or_refused() {
        assert_eq!(from_epoch_millis(b"1751328000000"), Some(1_751_328_000_000_000));
        assert_eq!(from_epoch_millis(b"1.751328e12"), Some(1_751_328_000_000_000));
        assert_eq!(from_epoch_millis(b"-0.001"), Some(-1));
        assert_eq!(from_epoch_millis(b"0.0001"), None);
        assert_eq!(from_epoch_millis(b"253402300800000"), None);
    }
}
