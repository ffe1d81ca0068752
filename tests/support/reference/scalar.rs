//! The result for one value in a column of one type.

use chrono::{NaiveDate, TimeDelta};
use partiquet::columns::ScalarType;

use super::Cell;
use crate::support::json::{Json, Node, is_number};

/// What becomes of a non-null value.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    Kept(Cell),
    Coerced(Cell),
    /// An object in place of a text: its id is kept, its other members are unknown here.
    Reference(Cell),
    Mismatch,
}

/// `text` is the text that contains `json`.
pub fn scalar(scalar: ScalarType, json: &Json, text: &str) -> Outcome {
    use Outcome::{Coerced, Kept, Mismatch, Reference};
    let raw = &text[json.range.clone()];
    match (scalar, &json.node) {
        (ScalarType::Json, _) => Kept(Cell::Text(raw.to_owned())),

        (ScalarType::Text, Node::String(string)) => Kept(Cell::Text(string.clone())),
        (ScalarType::Text, Node::Number) => Coerced(Cell::Text(raw.to_owned())),
        (ScalarType::Text, Node::Object(members)) => {
            match members.iter().find(|member| member.name == "id").map(|member| &member.value) {
                Some(Json { node: Node::String(id), .. }) => Reference(Cell::Text(id.clone())),
                Some(Json { node: Node::Number, range }) => Reference(Cell::Text(text[range.clone()].to_owned())),
                _ => Mismatch,
            }
        }

        (ScalarType::Int64, Node::Number) => match int64(raw) {
            Some(value) if raw == value.to_string() => Kept(Cell::Int(value)),
            Some(value) => Coerced(Cell::Int(value)),
            None => Mismatch,
        },
        // The canonical form is exactly what an integer prints as.
        (ScalarType::Int64, Node::String(string)) => match string.parse::<i64>() {
            Ok(value) if *string == value.to_string() => Coerced(Cell::Int(value)),
            _ => Mismatch,
        },

        (ScalarType::Float64, Node::Number) => float64(raw).map_or(Mismatch, |value| Kept(Cell::Float(value))),
        (ScalarType::Float64, Node::String(string)) if is_number(string) => {
            float64(string).map_or(Mismatch, |value| Coerced(Cell::Float(value)))
        }

        (ScalarType::Bool, Node::Bool(value)) => Kept(Cell::Bool(*value)),
        (ScalarType::Bool, Node::String(string)) if string == "true" => Coerced(Cell::Bool(true)),
        (ScalarType::Bool, Node::String(string)) if string == "false" => Coerced(Cell::Bool(false)),

        (ScalarType::Instant, Node::String(string)) => {
            instant(string).map_or(Mismatch, |micros| Kept(Cell::Int(micros)))
        }
        (ScalarType::Instant, Node::Number) => {
            let micros = exact_integer(raw, 3).and_then(|micros| i64::try_from(micros).ok());
            micros.filter(|&micros| is_in_years(micros)).map_or(Mismatch, |micros| Coerced(Cell::Int(micros)))
        }
        _ => Mismatch,
    }
}

fn int64(token: &str) -> Option<i64> {
    exact_integer(token, 0).and_then(|value| i64::try_from(value).ok())
}

/// The nearest double; an integer token must equal that double, digit by digit.
fn float64(token: &str) -> Option<f64> {
    let value: f64 = token.parse().ok().filter(|value: &f64| value.is_finite())?;
    let is_integer_token = !token.contains(['.', 'e', 'E']);
    (!is_integer_token || format!("{value:.0}") == token).then_some(value)
}

/// The exact value of a number token times `10^shift`, if it is an integer of at most 36 digits.
pub fn exact_integer(token: &str, shift: i64) -> Option<i128> {
    let (negative, unsigned) = token.strip_prefix('-').map_or((false, token), |rest| (true, rest));
    let (mantissa, exponent) = unsigned.split_once(['e', 'E']).unwrap_or((unsigned, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let all = format!("{whole}{fraction}");
    let digits = all.trim_start_matches('0');
    if digits.is_empty() {
        return Some(0);
    }
    let significant = digits.trim_end_matches('0');
    let zeros = i64::try_from(digits.len() - significant.len()).ok()?;
    let power = saturated(exponent) - i64::try_from(fraction.len()).ok()? + zeros + shift;
    let width = i64::try_from(significant.len()).ok()? + power;
    if power < 0 || width > 36 {
        return None;
    }
    let value: i128 = format!("{significant}{}", "0".repeat(usize::try_from(power).ok()?)).parse().ok()?;
    Some(if negative { -value } else { value })
}

/// An exponent of any length; beyond 17 digits only its sign matters.
fn saturated(exponent: &str) -> i64 {
    let (negative, digits) = match exponent.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, exponent.strip_prefix('+').unwrap_or(exponent)),
    };
    let digits = digits.trim_start_matches('0');
    let size = match digits.len() {
        0 => 0,
        1..=17 => digits.parse().expect("at most 17 digits"),
        _ => 100_000_000_000_000_000,
    };
    if negative { -size } else { size }
}

fn is_in_years(micros: i64) -> bool {
    let first = NaiveDate::from_ymd_opt(1, 1, 1).unwrap().and_hms_opt(0, 0, 0).unwrap();
    let last = NaiveDate::from_ymd_opt(9999, 12, 31).unwrap().and_hms_micro_opt(23, 59, 59, 999_999).unwrap();
    (first.and_utc().timestamp_micros()..=last.and_utc().timestamp_micros()).contains(&micros)
}

/// `YYYY-MM-DD(T|t| )hh:mm:ss[.f+](Z|z|(+|-)hh:mm)` as microseconds since the epoch.
fn instant(text: &str) -> Option<i64> {
    let (date_time, rest) = text.split_at_checked(19)?;
    let shape: String = date_time.chars().map(|c| if c.is_ascii_digit() { '9' } else { c }).collect();
    let shapes = ["9999-99-99T99:99:99", "9999-99-99t99:99:99", "9999-99-99 99:99:99"];
    if !shapes.contains(&shape.as_str()) {
        return None;
    }
    let number = |from: usize, to: usize| date_time[from..to].parse::<u32>().expect("digits");
    let year = i32::try_from(number(0, 4)).expect("four digits");
    let date = NaiveDate::from_ymd_opt(year, number(5, 7), number(8, 10))?;
    let time = date.and_hms_opt(number(11, 13), number(14, 16), number(17, 19))?;

    let (fraction, zone) = match rest.strip_prefix('.') {
        None => ("0", rest),
        Some(rest) => rest.split_at(rest.find(|c: char| !c.is_ascii_digit())?),
    };
    let (micros, finer) = fraction.split_at(fraction.len().min(6));
    if micros.is_empty() || finer.contains(|c| c != '0') {
        return None;
    }
    let micros: i64 = format!("{micros:0<6}").parse().expect("six digits");

    let utc = time.checked_sub_signed(offset(zone)?)?.checked_add_signed(TimeDelta::microseconds(micros))?;
    let micros = utc.and_utc().timestamp_micros();
    is_in_years(micros).then_some(micros)
}

fn offset(zone: &str) -> Option<TimeDelta> {
    if zone == "Z" || zone == "z" {
        return Some(TimeDelta::zero());
    }
    let shape: String = zone.chars().map(|c| if c.is_ascii_digit() { '9' } else { c }).collect();
    if shape != "+99:99" && shape != "-99:99" {
        return None;
    }
    let (hours, minutes): (i64, i64) = (zone[1..3].parse().ok()?, zone[4..6].parse().ok()?);
    if hours > 23 || minutes > 59 {
        return None;
    }
    let size = TimeDelta::minutes(hours * 60 + minutes);
    Some(if zone.starts_with('-') { -size } else { size })
}
