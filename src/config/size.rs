//! Sizes as people write them: `256MB`, `1GiB`.

use std::{fmt, str::FromStr};

use crate::error::{Error, Result};

/// A number of bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Size(pub u64);

/// `kB` is a thousand bytes and `KiB` is 1024, as the standards define them. The largest comes first.
const UNITS: [(&str, u64); 9] = [
    ("Ti", 1 << 40),
    ("T", 1_000_000_000_000),
    ("Gi", 1 << 30),
    ("G", 1_000_000_000),
    ("Mi", 1 << 20),
    ("M", 1_000_000),
    ("Ki", 1 << 10),
    ("k", 1_000),
    ("", 1),
];

impl FromStr for Size {
    type Err = Error;

    /// Reads a decimal number with a unit; no unit means bytes. Case does not matter, `256M` is `256MB`.
    fn from_str(text: &str) -> Result<Self> {
        let trimmed = text.trim();
        let digits_end = trimmed.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(trimmed.len());
        let (number, unit) = (&trimmed[..digits_end], trimmed[digits_end..].trim_start());
        let factor = factor(unit).ok_or_else(|| unreadable(text))?;
        let bytes = exact_product(number, factor).ok_or_else(|| unreadable(text))?;
        Ok(Self(bytes))
    }
}

fn unreadable(text: &str) -> Error {
    Error::usage(
        format!("{text:?} is not a size"),
        "write a whole number of bytes, or a number with a unit: 256MB is 256 million bytes, 256MiB is 256 times 1024 times 1024",
    )
}

fn factor(unit: &str) -> Option<u64> {
    let prefix = unit.strip_suffix(['B', 'b']).unwrap_or(unit);
    UNITS.iter().find(|(name, _)| prefix.eq_ignore_ascii_case(name)).map(|(_, factor)| *factor)
}

/// `number` times `factor` if that is a whole number of bytes that fits; `1.5` times 1024 is 1536.
fn exact_product(number: &str, factor: u64) -> Option<u64> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
    // 12 decimals suffice to give every byte of a terabyte.
    if whole.is_empty() || fraction.is_empty() || fraction.len() > 12 || fraction.contains('.') {
        return None;
    }
    let scale = 10_u128.pow(u32::try_from(fraction.len()).ok()?);
    let parts = u128::from(fraction.parse::<u64>().ok()?) * u128::from(factor);
    let bytes = u128::from(whole.parse::<u64>().ok()?) * u128::from(factor) + parts / scale;
    if parts % scale == 0 { u64::try_from(bytes).ok() } else { None }
}

impl fmt::Display for Size {
    /// The text is exact: parsing it gives the same size again.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let exact = UNITS.iter().find(|(_, factor)| self.0 != 0 && self.0.is_multiple_of(*factor));
        let (unit, factor) = exact.unwrap_or(&("", 1));
        write!(f, "{}{unit}B", self.0 / factor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(text: &str) -> Option<u64> {
        text.parse::<Size>().ok().map(|size| size.0)
    }

    #[test]
    fn decimal_and_binary_units_are_told_apart() {
        assert_eq!(bytes("256MB"), Some(256_000_000));
        assert_eq!(bytes("256MiB"), Some(268_435_456));
        assert_eq!(bytes("1GiB"), Some(1 << 30));
        assert_eq!(bytes("1 gb"), Some(1_000_000_000));
        assert_eq!(bytes("4k"), Some(4000));
        assert_eq!(bytes("4Ki"), Some(4096));
        assert_eq!(bytes("2T"), Some(2_000_000_000_000));
        assert_eq!(bytes("17"), Some(17));
        assert_eq!(bytes("17b"), Some(17));
        assert_eq!(bytes("0"), Some(0));
    }

    #[test]
    fn a_fraction_must_be_whole_bytes() {
        assert_eq!(bytes("1.5KiB"), Some(1536));
        assert_eq!(bytes("0.5GB"), Some(500_000_000));
        assert_eq!(bytes("1.5"), None);
        assert_eq!(bytes("1.5.5MB"), None);
        assert_eq!(bytes("1.MB"), None);
        assert_eq!(bytes(".5MB"), None);
    }

    #[test]
    fn what_is_not_a_size_is_refused() {
        for text in
            ["", "MB", "-1MB", "1e6", "12 parsecs", "0x10", "1,5MB", "99999999999999999999", "18446744073709551615KB"]
        {
            assert_eq!(bytes(text), None, "{text}");
        }
        assert_eq!(bytes("18446744073709551615"), Some(u64::MAX));
    }

    #[test]
    fn the_message_shows_the_way() {
        let message = "12x".parse::<Size>().unwrap_err().to_string();
        assert!(message.starts_with("\"12x\" is not a size\n  write a whole number of bytes"), "{message}");
    }

    #[test]
    fn showing_and_reading_agree() {
        for size in [0, 1, 999, 1000, 1024, 1536, 256 << 20, 256_000_000, 1 << 40, u64::MAX] {
            assert_eq!(bytes(&Size(size).to_string()), Some(size));
        }
        assert_eq!(Size(256 << 20).to_string(), "256MiB");
        assert_eq!(Size(256_000_000).to_string(), "256MB");
    }
}
