//! The expected result for one JSON value in a column of one type.

use chrono::{DateTime, SubsecRound, Timelike};
use partiquet::columns::ScalarType;

use crate::{
    shape::Value,
    tree::{Kind, Node},
};

/// What becomes of a non-null value.
#[derive(Debug, PartialEq)]
pub enum Fit {
    Kept(Value),
    Coerced(Value),
    Mismatch,
}

/// The result for a column of type `scalar`; references to objects are not handled here.
pub fn fit(scalar: ScalarType, node: &Node<'_>) -> Fit {
    let kept = |value: Option<Value>| value.map_or(Fit::Mismatch, Fit::Kept);
    let coerced = |value: Option<Value>| value.map_or(Fit::Mismatch, Fit::Coerced);
    match (scalar, &node.kind) {
        (ScalarType::Json, _) => Fit::Kept(Value::Text(node.raw.to_owned())),
        (ScalarType::Text, Kind::Text(text)) => Fit::Kept(Value::Text(text.clone())),
        (ScalarType::Text, Kind::Number) => Fit::Coerced(Value::Text(node.raw.to_owned())),
        (ScalarType::Int64, Kind::Number) => match node.raw.parse() {
            Ok(value) if node.raw != "-0" => Fit::Kept(Value::Int(value)),
            _ => coerced(exact_integer(node.raw, 0).map(Value::Int)),
        },
        (ScalarType::Int64, Kind::Text(text)) => {
            // A text that parses as an integer and prints the same is in canonical form.
            coerced(text.parse().ok().filter(|value: &i64| value.to_string() == *text).map(Value::Int))
        }
        (ScalarType::Float64, Kind::Number) => kept(double(node.raw).map(Value::Double)),
        (ScalarType::Float64, Kind::Text(text)) => {
            let is_token = text.starts_with(|first: char| first == '-' || first.is_ascii_digit())
                && text.ends_with(|last: char| last.is_ascii_digit())
                && serde_json::from_str::<&serde_json::value::RawValue>(text).is_ok();
            coerced(if is_token { double(text).map(Value::Double) } else { None })
        }
        (ScalarType::Bool, Kind::Bool(value)) => Fit::Kept(Value::Bool(*value)),
        (ScalarType::Bool, Kind::Text(text)) => coerced(text.parse().ok().map(Value::Bool)),
        (ScalarType::Instant, Kind::Text(text)) => kept(instant(text).map(Value::Int)),
        (ScalarType::Instant, Kind::Number) => {
            coerced(exact_integer(node.raw, 3).filter(|micros| in_range(*micros)).map(Value::Int))
        }
        _ => Fit::Mismatch,
    }
}

/// `token * 10^scale`, if that is a 64-bit integer.
fn exact_integer(token: &str, scale: i128) -> Option<i64> {
    let (mantissa, exponent) = token.split_once(['e', 'E']).unwrap_or((token, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = format!("{}{fraction}", whole.trim_start_matches('-'));
    let significant = digits.trim_end_matches('0');
    let shift = (digits.len() - significant.len()) as i128 - fraction.len() as i128 + scale;
    let significant = significant.trim_start_matches('0');
    if significant.is_empty() {
        return Some(0);
    }
    // An exponent beyond i128 moves any digits that fit in memory out of 64 bits, or after the decimal point.
    let power = exponent.parse::<i128>().ok()?.checked_add(shift)?;
    if power < 0 || power + significant.len() as i128 > 30 {
        return None;
    }
    let magnitude = significant.parse::<i128>().ok()? * 10_i128.pow(u32::try_from(power).ok()?);
    i64::try_from(if whole.starts_with('-') { -magnitude } else { magnitude }).ok()
}

/// The nearest double; for an integer, only a double that equals it.
fn double(token: &str) -> Option<f64> {
    let value: f64 = token.parse().ok()?;
    let is_integer = !token.contains(['.', 'e', 'E']);
    (value.is_finite() && (!is_integer || format!("{value:.0}") == token)).then_some(value)
}

const fn in_range(micros: i64) -> bool {
    // From the first microsecond of the year 1 to the last one of the year 9999.
    micros >= -62_135_596_800_000_000 && micros <= 253_402_300_799_999_999
}

/// Microseconds of a text in the form of RFC 3339; a blank is allowed instead of the `T`, and leap seconds are not.
fn instant(text: &str) -> Option<i64> {
    let bytes = text.as_bytes();
    let pattern = b"dddd-dd-ddTdd:dd:dd";
    let (head, rest) = bytes.split_at_checked(pattern.len())?;
    let fits = head.iter().zip(pattern).all(|(byte, pattern)| match pattern {
        b'd' => byte.is_ascii_digit(),
        b'T' => matches!(byte, b'T' | b't' | b' '),
        other => byte == other,
    });
    let digits = match rest {
        [b'.', rest @ ..] => match rest.iter().take_while(|byte| byte.is_ascii_digit()).count() {
            0 => return None,
            digits => digits + 1,
        },
        _ => 0,
    };
    let (fraction, zone) = rest.split_at(digits);
    let zone_fits = match zone {
        [b'Z' | b'z'] => true,
        [b'+' | b'-', hour @ .., b':', m1, m0] if hour.len() == 2 => {
            hour.iter().chain([m1, m0]).all(u8::is_ascii_digit) && hour < &b"24"[..] && *m1 < b'6'
        }
        _ => false,
    };
    if !fits || !zone_fits || fraction.iter().skip(7).any(|digit| *digit != b'0') {
        return None;
    }
    // chrono reads nine digits of the fraction; those after the sixth are zeros.
    let plain = [head, &fraction[..fraction.len().min(7)], zone].concat();
    let parsed = DateTime::parse_from_rfc3339(std::str::from_utf8(&plain).ok()?).ok()?;
    let is_leap_second = parsed.nanosecond() >= 1_000_000_000 || &head[17..] == b"60";
    assert_eq!(parsed.trunc_subsecs(6), parsed);
    Some(parsed.timestamp_micros()).filter(|micros| !is_leap_second && in_range(*micros))
}
