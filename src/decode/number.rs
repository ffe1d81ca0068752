//! Converts number tokens to integers and doubles without loss, or not at all.

use crate::simd::LANES;

/// The non-negative integer that `input` begins with, and its length; none if it has more than nine digits or is not a
/// plain integer (leading zero, fraction, exponent).
#[inline(always)]
pub(super) fn small_integer(input: &[u8; LANES]) -> Option<(i64, usize)> {
    const MAX_DIGITS: usize = 9;
    let mut value = 0;
    for (length, byte) in input[..=MAX_DIGITS].iter().enumerate() {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            let is_number = length == 1 || (length > 1 && input[0] != b'0');
            return (is_number && !matches!(byte, b'.' | b'e' | b'E')).then_some((value, length));
        }
        value = value * 10 + i64::from(digit);
    }
    None
}

/// The integer of a token without fraction and exponent, if it fits in 64 bits.
#[inline]
pub(super) fn integer(token: &[u8]) -> Option<i64> {
    let (negative, digits) = match token {
        [b'-', digits @ ..] => (true, digits),
        digits => (false, digits),
    };
    if digits.is_empty() || digits.len() > 19 || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    // Nineteen digits fit in a `u64`.
    let magnitude = digits.iter().fold(0u64, |value, digit| value * 10 + u64::from(digit - b'0'));
    if negative { 0i64.checked_sub_unsigned(magnitude) } else { i64::try_from(magnitude).ok() }
}

/// Whether the text is an integer exactly as formatting its value would write it.
pub(super) fn is_canonical_integer(text: &[u8]) -> bool {
    match text {
        b"0" => true,
        [b'-', rest @ ..] | rest => {
            rest.first().is_some_and(|d| (b'1'..=b'9').contains(d)) && rest.iter().all(u8::is_ascii_digit)
        }
    }
}

/// `token * 10^scale`, if that is exactly an integer that fits in 64 bits. The token is a JSON number of any form.
pub(super) fn scaled_integer(token: &[u8], scale: i64) -> Option<i64> {
    let (negative, token) = match token {
        [b'-', rest @ ..] => (true, rest),
        rest => (false, rest),
    };
    let exponent_at = token.iter().position(|b| matches!(b, b'e' | b'E')).unwrap_or(token.len());
    let (mantissa, exponent) = token.split_at(exponent_at);
    let point = mantissa.iter().position(|&b| b == b'.');
    let fraction_digits = point.map_or(0, |at| mantissa.len() - at - 1);
    let mut digits: Vec<u8> = mantissa.iter().copied().filter(|&b| b != b'.').collect();
    let zeros = digits.iter().rev().take_while(|&&d| d == b'0').count();
    if zeros == digits.len() {
        return Some(0);
    }
    digits.truncate(digits.len() - zeros);
    let exponent = exponent_value(exponent);
    let shift = exponent.checked_add(scale)?.checked_sub(fraction_digits as i64)?.checked_add(zeros as i64)?;
    let leading = digits.iter().take_while(|&&d| d == b'0').count();
    let significant = &digits[leading..];
    // More than 19 digits before the point do not fit in 64 bits; a negative shift leaves a fraction.
    let shift = u32::try_from(shift).ok().filter(|&shift| significant.len() + shift as usize <= 19)?;
    let magnitude = significant.iter().fold(0u64, |value, digit| value * 10 + u64::from(digit - b'0'));
    let magnitude = magnitude.checked_mul(10u64.checked_pow(shift)?)?;
    if negative { 0i64.checked_sub_unsigned(magnitude) } else { i64::try_from(magnitude).ok() }
}

/// The value of an exponent such as `e+12`, saturated far beyond what any caller can use.
fn exponent_value(exponent: &[u8]) -> i64 {
    const FAR: i64 = 1 << 40;
    let (negative, digits) = match exponent {
        [] => return 0,
        [_, b'-', digits @ ..] => (true, digits),
        [_, b'+', digits @ ..] | [_, digits @ ..] => (false, digits),
    };
    let value = digits.iter().fold(0i64, |value, digit| (value * 10 + i64::from(digit - b'0')).min(FAR));
    if negative { -value } else { value }
}

/// The double of a JSON number. A token with a fraction or an exponent is rounded to the nearest double; an integer
/// must be exact.
pub(super) fn double(token: &[u8]) -> Option<f64> {
    let text = std::str::from_utf8(token).ok()?;
    let value: f64 = text.parse().ok()?;
    let is_integer = !token.iter().any(|b| matches!(b, b'.' | b'e' | b'E'));
    let fits = value.is_finite() && (!is_integer || value.abs() < 9e15 || format!("{value:.0}") == text);
    fits.then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_integers_are_read_where_they_stand() {
        for (text, found) in [
            ("0,", Some((0, 1))),
            ("7}", Some((7, 1))),
            ("60000 ", Some((60_000, 5))),
            ("123456789\n", Some((123_456_789, 9))),
            ("1234567890,", None),
            ("01,", None),
            ("00,", None),
            ("1.0,", None),
            ("1e3,", None),
            ("1E3,", None),
            ("-1,", None),
            ("null", None),
            ("", None),
        ] {
            let mut input = [0; LANES];
            input[..text.len()].copy_from_slice(text.as_bytes());
            assert_eq!(small_integer(&input), found, "{text:?}");
        }
    }

    #[test]
    fn integers_are_exact_to_64_bits() {
        for (token, value) in [
            ("0", Some(0)),
            ("-0", Some(0)),
            ("9223372036854775807", Some(i64::MAX)),
            ("9223372036854775808", None),
            ("-9223372036854775808", Some(i64::MIN)),
            ("-9223372036854775809", None),
            ("18446744073709551616", None),
            ("99999999999999999999", None),
            ("1.0", None),
            ("", None),
        ] {
            assert_eq!(integer(token.as_bytes()), value, "{token}");
        }
    }

    #[test]
    fn decimals_are_integers_only_when_nothing_is_lost() {
        for (token, scale, value) in [
            ("1.0", 0, Some(1)),
            ("3e4", 0, Some(30_000)),
            ("0.1e1", 0, Some(1)),
            ("1.9", 0, None),
            ("120e-1", 0, Some(12)),
            ("-1.50", 1, Some(-15)),
            ("0e999999999999999999999", 0, Some(0)),
            ("1e999999999999999999999", 0, None),
            ("1e-999999999999999999999", 0, None),
            ("922337203685477580.7e1", 0, Some(i64::MAX)),
            ("922337203685477580.8e1", 0, None),
            ("-922337203685477580.8e1", 0, Some(i64::MIN)),
            ("0.0000000000000000000000000000001e31", 0, Some(1)),
            ("1751328000000.5", 3, Some(1_751_328_000_000_500)),
            ("1751328000000.0005", 3, None),
        ] {
            assert_eq!(scaled_integer(token.as_bytes(), scale), value, "{token}");
        }
    }

    #[test]
    fn doubles_take_fractions_to_the_nearest_and_integers_exactly() {
        for (token, value) in [
            ("0.1", Some(0.1)),
            ("1e400", None),
            ("-1e400", None),
            ("9007199254740993", None),
            ("9007199254740992", Some(9_007_199_254_740_992.0)),
            ("100000000000000000000000", None),
            ("18446744073709551616", Some(18_446_744_073_709_551_616.0)),
            ("1e23", Some(1e23)),
        ] {
            assert_eq!(double(token.as_bytes()), value, "{token}");
        }
    }

    #[test]
    fn canonical_integers_have_one_form() {
        for text in ["0", "7", "-7", "30000"] {
            assert!(is_canonical_integer(text.as_bytes()), "{text}");
        }
        for text in ["", "-", "-0", "007", "+7", "1.0", " 7", "7 ", "1e3"] {
            assert!(!is_canonical_integer(text.as_bytes()), "{text}");
        }
    }
}
