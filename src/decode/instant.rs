//! Converts RFC 3339 text and epoch milliseconds to microseconds since 1970 in UTC.
//!
//! Nearly every instant of an export has one form, `2025-07-01T08:15:30.123Z`, and the same date as the previous one.
//! That case is read by hand, with the date remembered; chrono reads all others.

use chrono::{Datelike, NaiveDate, NaiveDateTime, NaiveTime};

use super::number::scaled_integer;
use crate::columns::{FIRST_INSTANT, LAST_INSTANT};

/// The date of the last instant that chrono read, with the first microsecond of its day.
#[derive(Debug, Clone)]
pub(super) struct DateMemory {
    /// `YYYY-MM-` and `DDT00:00` as little-endian words.
    date: [u64; 2],
    micros: i64,
}

impl Default for DateMemory {
    /// Remembers a valid date, so that no other text can match it.
    fn default() -> Self {
        let mut memory = Self { date: [0; 2], micros: 0 };
        memory.remember(b"1970-01-01", 0);
        memory
    }
}

impl DateMemory {
    fn remember(&mut self, date: &[u8; 10], micros: i64) {
        let mut text = *b"YYYY-MM-DDT00:00";
        text[..10].copy_from_slice(date);
        let (words, _) = text.as_chunks::<8>();
        self.date = [words[0], words[1]].map(u64::from_le_bytes);
        self.micros = micros;
    }
}

/// Whether a text is an instant that a column holds.
#[must_use]
pub fn is_instant(text: &str) -> bool {
    from_text(text.as_bytes(), &mut DateMemory::default()).is_some()
}

/// Microseconds of epoch milliseconds; none if not exact or outside the years 1 to 9999.
pub(super) fn from_epoch_millis(token: &[u8]) -> Option<i64> {
    scaled_integer(token, 3).filter(|micros| (FIRST_INSTANT..=LAST_INSTANT).contains(micros))
}

/// Bytes of [`common_form`], quotes included.
pub(super) const COMMON_FORM_BYTES: usize = 26;

/// Reads `"YYYY-MM-DDThh:mm:ss.mmmZ"` if `input` begins with it and the date is the remembered one. The text is three
/// words; XOR with the expected fixed characters leaves digits as numbers and everything else as zero.
#[inline(always)]
pub(super) fn common_form(input: Option<&[u8; COMMON_FORM_BYTES]>, memory: &DateMemory) -> Option<i64> {
    let Some([b'"', text @ .., b'"']) = input else { return None };
    let text: &[u8; COMMON_FORM_BYTES - 2] = text;
    let word = |at: usize| u64::from_le_bytes(text.as_chunks::<8>().0[at]);
    let minutes = word(1) ^ memory.date[1];
    let seconds = word(2) ^ u64::from_le_bytes(*b":00.000Z");
    let no_digits = minutes & 0x0000_ff00_00ff_ffff | seconds & 0xff00_0000_ff00_00ff;
    if word(0) != memory.date[0] || no_digits != 0 || !(are_digits(minutes) && are_digits(seconds)) {
        return None;
    }
    let digit = |word: u64, at: usize| word >> (8 * at) & 0xf;
    let pair = |word: u64, at: usize| digit(word, at) * 10 + digit(word, at + 1);
    let (hour, minute, second) = (pair(minutes, 3), pair(minutes, 6), pair(seconds, 1));
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let millis = pair(seconds, 4) * 10 + digit(seconds, 6);
    Some(memory.micros + (((hour * 60 + minute) * 60 + second) * 1_000_000 + millis * 1_000) as i64)
}

/// Whether every byte is at most 9.
#[inline(always)]
const fn are_digits(word: u64) -> bool {
    const ONES: u64 = 0x0101_0101_0101_0101;
    // A byte that overflows into the next one has its own high bit set.
    (word | word.wrapping_add(ONES * 0x76)) & (ONES * 0x80) == 0
}

/// Microseconds of an RFC 3339 text; none if it is not one, is not exact in microseconds, or is outside the years 1 to
/// 9999. Reads every form that RFC 3339 allows except leap seconds, and remembers the date.
#[inline(never)]
pub(super) fn from_text(text: &[u8], memory: &mut DateMemory) -> Option<i64> {
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
        memory.remember(text.as_bytes().first_chunk()?, day);
    }
    (FIRST_INSTANT..=LAST_INSTANT).contains(&micros).then_some(micros)
}

/// Parses `YYYY-MM-DD`.
fn parse_date(text: &str) -> Option<NaiveDate> {
    let bytes = text.as_bytes();
    if bytes[4] != b'-' || bytes[7] != b'-' {
        return None;
    }
    let year = parse_digits(&text[..4])?;
    NaiveDate::from_ymd_opt(i32::try_from(year).ok()?, parse_digits(&text[5..7])?, parse_digits(&text[8..10])?)
}

/// Parses `hh:mm:ss` and a fraction whose digits after the sixth are zero, as microseconds of the day.
fn parse_time(text: &str) -> Option<i64> {
    let bytes = text.as_bytes();
    if bytes.len() < 8 || bytes[2] != b':' || bytes[5] != b':' {
        return None;
    }
    let hour = parse_digits(&text[..2])?;
    let minute = parse_digits(&text[3..5])?;
    let second = parse_digits(&text[6..8])?;
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
            parse_digits(kept)? * 10u32.pow(6 - kept.len() as u32)
        }
    };
    let time = NaiveTime::from_hms_micro_opt(hour, minute, second, micro)?;
    time.signed_duration_since(NaiveTime::MIN).num_microseconds()
}

/// Parses `Z` or `+hh:mm`, as microseconds to subtract.
fn parse_offset(text: &str) -> Option<i64> {
    if matches!(text, "Z" | "z") {
        return Some(0);
    }
    let bytes = text.as_bytes();
    if bytes.len() != 6 || !matches!(bytes[0], b'+' | b'-') || bytes[3] != b':' {
        return None;
    }
    let (hours, minutes) = (parse_digits(&text[1..3])?, parse_digits(&text[4..6])?);
    if hours > 23 || minutes > 59 {
        return None;
    }
    let micros = i64::from(hours * 60 + minutes) * 60_000_000;
    Some(if bytes[0] == b'-' { -micros } else { micros })
}

/// Parses a number that consists of digits only.
fn parse_digits(text: &str) -> Option<u32> {
    text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse().ok())?
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::*;

    fn micros(text: &str) -> Option<i64> {
        let mut memory = DateMemory::default();
        let first = from_text(text.as_bytes(), &mut memory);
        assert_eq!(from_text(text.as_bytes(), &mut memory), first, "{text}");
        // Now the date is remembered, so the usual form is read by the fast path.
        let usual = common_form(format!("\"{text}\"").as_bytes().try_into().ok(), &memory);
        assert!(usual.is_none() || usual == first, "{text}");
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
