//! Parses and prints the one-word options: codec, reject budget, mode, attribute columns and map.

use std::{fmt, str::FromStr};

use super::{AttributeColumns, AttributeMap, Compression, MaxRejects, Mode};
use crate::{
    error::{Error, Result},
    nearest::nearest,
};

impl Compression {
    /// Supported levels of zstd. Its negative levels save no time here.
    pub const ZSTD_LEVELS: std::ops::RangeInclusive<i32> = 1..=22;
}

impl FromStr for Compression {
    type Err = Error;

    /// `zstd`, `zstd(3)`, `snappy`, `lz4`, `none`.
    fn from_str(text: &str) -> Result<Self> {
        let refused = |message: String| Error::usage(message, "use zstd, zstd(1) to zstd(22), snappy, lz4 or none");
        let word = text.trim().to_ascii_lowercase();
        match word.as_str() {
            "zstd" => return Ok(Self::DEFAULT),
            "snappy" => return Ok(Self::Snappy),
            "lz4" => return Ok(Self::Lz4),
            "none" => return Ok(Self::None),
            _ => {}
        }
        let Some(level) = word.strip_prefix("zstd(").and_then(|rest| rest.strip_suffix(')')) else {
            return Err(refused(format!("{text:?} is not a codec")));
        };
        match level.trim().parse() {
            Ok(level) if Self::ZSTD_LEVELS.contains(&level) => Ok(Self::Zstd(level)),
            _ => Err(refused(format!("zstd has no level {:?}", level.trim()))),
        }
    }
}

impl fmt::Display for Compression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Zstd(level) => write!(f, "zstd({level})"),
            Self::Snappy => f.write_str("snappy"),
            Self::Lz4 => f.write_str("lz4"),
            Self::None => f.write_str("none"),
        }
    }
}

impl FromStr for MaxRejects {
    type Err = Error;

    /// `100`, `0.5%`, `unlimited`.
    fn from_str(text: &str) -> Result<Self> {
        let word = text.trim();
        let refused = || {
            Error::usage(
                format!("{text:?} is not a number of rejects"),
                "use a number of records (100), a share of all records (0.5%), or unlimited",
            )
        };
        if word.eq_ignore_ascii_case("unlimited") {
            return Ok(Self::Unlimited);
        }
        let Some(percent) = word.strip_suffix('%') else {
            return word.parse().map(Self::Count).map_err(|_| refused());
        };
        let percent = percent.trim_end();
        let is_decimal = percent.bytes().all(|b| b.is_ascii_digit() || b == b'.');
        match percent.parse::<f64>() {
            Ok(share) if is_decimal && (0.0..=100.0).contains(&share) => Ok(Self::Percent(share)),
            _ => Err(refused()),
        }
    }
}

impl fmt::Display for MaxRejects {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Count(count) => write!(f, "{count}"),
            Self::Percent(share) => write!(f, "{share}%"),
            Self::Unlimited => f.write_str("unlimited"),
        }
    }
}

impl Mode {
    /// The word for each mode.
    pub const WORDS: [&'static str; 4] = ["error", "append", "overwrite", "overwrite-partitions"];
}

impl FromStr for Mode {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match text {
            "error" => Ok(Self::Error),
            "append" => Ok(Self::Append),
            "overwrite" => Ok(Self::Overwrite),
            "overwrite-partitions" => Ok(Self::OverwritePartitions),
            _ => Err(unknown_word(text, "mode", &Self::WORDS)),
        }
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Error => "error",
            Self::Append => "append",
            Self::Overwrite => "overwrite",
            Self::OverwritePartitions => "overwrite-partitions",
        })
    }
}

impl AttributeMap {
    /// The word for each content of the map.
    pub const WORDS: [&'static str; 3] = ["rest", "all", "none"];
}

impl FromStr for AttributeMap {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match text {
            "rest" => Ok(Self::Rest),
            "all" => Ok(Self::All),
            "none" => Ok(Self::None),
            _ => Err(unknown_word(text, "attribute map", &Self::WORDS)),
        }
    }
}

impl fmt::Display for AttributeMap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Rest => "rest",
            Self::All => "all",
            Self::None => "none",
        })
    }
}

fn unknown_word(text: &str, what: &str, words: &[&str]) -> Error {
    let guess = nearest(text, words.iter().copied()).map(|word| format!(" (did you mean {word}?)")).unwrap_or_default();
    Error::usage(format!("{text:?} is no {what}{guess}"), format!("use {}", words.join(" or ")))
}

impl FromStr for AttributeColumns {
    type Err = Error;

    /// Parses `auto`, `none`, or keys separated by commas. A backslash makes the next character literal, so that a key
    /// may contain a comma (`Reason\, Code`) or be one of the two words (`\auto`).
    fn from_str(text: &str) -> Result<Self> {
        match text.trim() {
            "auto" => Ok(Self::Auto),
            "none" => Ok(Self::None),
            _ => Ok(Self::Keys(split_keys(text)?)),
        }
    }
}

/// Blanks around a key are removed unless escaped: `a, b` means the keys `a` and `b`.
fn split_keys(text: &str) -> Result<Vec<String>> {
    let hint = "write KEY,KEY,... with \\, for a comma inside a key, or auto, or none";
    let mut keys = Vec::new();
    let mut key = String::new();
    // Length of the key up to its last character that is not a plain blank.
    let mut solid = 0;
    let mut characters = text.chars();
    loop {
        match characters.next() {
            Some('\\') => {
                let next = characters.next();
                key.push(next.ok_or_else(|| Error::usage("the list of keys ends in a backslash", hint))?);
                solid = key.len();
            }
            Some(c) if c != ',' => {
                if !c.is_whitespace() {
                    key.push(c);
                    solid = key.len();
                } else if solid > 0 {
                    key.push(c);
                }
            }
            comma_or_end => {
                key.truncate(solid);
                if key.is_empty() {
                    return Err(Error::usage("an attribute key is empty", hint));
                }
                if keys.contains(&key) {
                    return Err(Error::usage(format!("the attribute key {key:?} is given twice"), hint));
                }
                keys.push(std::mem::take(&mut key));
                solid = 0;
                if comma_or_end.is_none() {
                    return Ok(keys);
                }
            }
        }
    }
}

impl fmt::Display for AttributeColumns {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auto => f.write_str("auto"),
            Self::None => f.write_str("none"),
            Self::Keys(keys) => {
                for (index, key) in keys.iter().enumerate() {
                    if index > 0 {
                        f.write_str(",")?;
                    }
                    write_key(f, key, keys.len() == 1)?;
                }
                Ok(())
            }
        }
    }
}

fn write_key(f: &mut fmt::Formatter<'_>, key: &str, alone: bool) -> fmt::Result {
    if alone && matches!(key, "auto" | "none") {
        f.write_str("\\")?;
    }
    let last = key.chars().count().saturating_sub(1);
    for (index, c) in key.chars().enumerate() {
        if matches!(c, ',' | '\\') || (c.is_whitespace() && (index == 0 || index == last)) {
            f.write_str("\\")?;
        }
        write!(f, "{c}")?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message<T: FromStr<Err = Error> + fmt::Debug>(text: &str) -> String {
        text.parse::<T>().unwrap_err().to_string()
    }

    #[test]
    fn codecs() {
        for (text, codec) in [
            ("zstd", Compression::Zstd(1)),
            ("zstd(3)", Compression::Zstd(3)),
            ("ZSTD( 22 )", Compression::Zstd(22)),
            ("snappy", Compression::Snappy),
            ("lz4", Compression::Lz4),
            ("none", Compression::None),
        ] {
            assert_eq!(text.parse::<Compression>().unwrap(), codec);
            assert_eq!(codec.to_string().parse::<Compression>().unwrap(), codec);
        }
        assert_eq!(
            message::<Compression>("gzip"),
            "\"gzip\" is not a codec\n  use zstd, zstd(1) to zstd(22), snappy, lz4 or none"
        );
        assert!(message::<Compression>("zstd(0)").starts_with("zstd has no level \"0\""));
        assert!(message::<Compression>("zstd(-3)").starts_with("zstd has no level \"-3\""));
        assert!(message::<Compression>("zstd(3").starts_with("\"zstd(3\" is not a codec"));
    }

    #[test]
    fn reject_budgets() {
        assert_eq!("0".parse::<MaxRejects>().unwrap(), MaxRejects::Count(0));
        assert_eq!("0.5%".parse::<MaxRejects>().unwrap(), MaxRejects::Percent(0.5));
        assert_eq!("100 %".parse::<MaxRejects>().unwrap(), MaxRejects::Percent(100.0));
        assert_eq!("unlimited".parse::<MaxRejects>().unwrap(), MaxRejects::Unlimited);
        for text in ["-1", "1.5", "101%", "-1%", "NaN%", "inf%", "1e1%", "%", "", "all"] {
            assert!(message::<MaxRejects>(text).contains("is not a number of rejects"), "{text}");
        }
        for budget in [MaxRejects::Count(7), MaxRejects::Percent(0.25), MaxRejects::Unlimited] {
            assert_eq!(budget.to_string().parse::<MaxRejects>().unwrap(), budget);
        }
    }

    #[test]
    fn words_are_all_understood_and_a_wrong_one_is_mended() {
        assert!(Mode::WORDS.iter().all(|word| word.parse::<Mode>().unwrap().to_string() == **word));
        assert!(AttributeMap::WORDS.iter().all(|word| word.parse::<AttributeMap>().unwrap().to_string() == **word));
        assert_eq!(
            message::<Mode>("overwite"),
            "\"overwite\" is no mode (did you mean overwrite?)\n  use error or append or overwrite or overwrite-partitions"
        );
        assert_eq!(message::<AttributeMap>("x"), "\"x\" is no attribute map\n  use rest or all or none");
    }

    #[test]
    fn attribute_keys_may_hold_anything() {
        let keys = |text: &str| match text.parse::<AttributeColumns>().unwrap() {
            AttributeColumns::Keys(keys) => keys,
            other => panic!("{other:?}"),
        };
        assert_eq!("auto".parse::<AttributeColumns>().unwrap(), AttributeColumns::Auto);
        assert_eq!(" none ".parse::<AttributeColumns>().unwrap(), AttributeColumns::None);
        assert_eq!(keys("IVR Priority, Queue"), ["IVR Priority", "Queue"]);
        assert_eq!(keys(r"Reason\, Code,\auto"), ["Reason, Code", "auto"]);
        assert_eq!(keys(r"ends in a blank\ ,b"), ["ends in a blank ", "b"]);
        assert_eq!(keys(r"back\\slash"), [r"back\slash"]);
        for key in ["auto", "none", "a,b", " x ", "x\\", "Grüße, 👋"] {
            assert_eq!(keys(&AttributeColumns::Keys(vec![key.to_owned()]).to_string()), [key]);
        }
    }

    #[test]
    fn lists_of_keys_that_mean_nothing_are_refused() {
        assert!(message::<AttributeColumns>("").starts_with("an attribute key is empty"));
        assert!(message::<AttributeColumns>("a,,b").starts_with("an attribute key is empty"));
        assert!(message::<AttributeColumns>("a,").starts_with("an attribute key is empty"));
        assert!(message::<AttributeColumns>("a,b,a").starts_with("the attribute key \"a\" is given twice"));
        assert!(message::<AttributeColumns>("a\\").starts_with("the list of keys ends in a backslash"));
    }
}
