//! Decodes texts and numbers as instants: the result must be that of chrono.
//!
//! Each value is one record, so the date that the decoder remembers comes from the previous value.

use std::sync::LazyLock;

use arbitrary::Arbitrary;
use partiquet::model::{AttributeMap, Model};

use crate::decode::Subject;

/// A table with one column of instants.
static SUBJECT: LazyLock<Subject> = LazyLock::new(|| {
    let model = r#"{"partiquet_model":1,"name":"instants","envelopes":[],"row":{"type":"P"},
        "types":{"P":{"members":[{"name":"t","type":"instant"}]}}}"#;
    let model = Model::from_json(model, "instants").expect("a model");
    Subject::new(model, &[], AttributeMap::Rest, false)
});

/// A value for the column.
#[derive(Debug, Arbitrary)]
pub enum Instant {
    /// Any text.
    Text(String),
    /// A date and a time in the form of RFC 3339, whether or not that day and hour exist.
    Parts {
        date: (u16, u8, u8),
        time: (u8, u8, u8),
        fraction: Fraction,
        zone: Zone,
        mark: char,
        spoiled: Option<(u8, u8)>,
    },
    /// The previous text, with one byte changed.
    Again { at: u8, byte: u8 },
    /// A number, in digits.
    Millis(i64),
    /// A number with a point or an exponent.
    Scaled { digits: i64, fraction: Option<u32>, exponent: Option<i16> },
}

#[derive(Debug, Arbitrary)]
pub enum Fraction {
    None,
    Millis(u16),
    /// The given number of digits.
    Digits(u64, u8),
}

#[derive(Debug, Arbitrary)]
pub enum Zone {
    Z,
    None,
    Offset(bool, u8, u8),
}

/// Decodes the values one after another, in every way of [`Subject::check`].
pub fn check(values: &[Instant]) {
    let (mut block, mut last) = (String::new(), String::new());
    for value in values {
        let token = match value {
            Instant::Millis(millis) => millis.to_string(),
            Instant::Scaled { digits, fraction, exponent } => {
                let fraction = fraction.map(|fraction| format!(".{fraction}")).unwrap_or_default();
                let exponent = exponent.map(|exponent| format!("e{exponent}")).unwrap_or_default();
                format!("{digits}{fraction}{exponent}")
            }
            text => {
                last = text_of(text, &last);
                serde_json::to_string(&last).expect("a text is JSON")
            }
        };
        block.push_str(&format!("{{\"t\":{token}}}\n"));
    }
    SUBJECT.check(block.as_bytes());
}

fn text_of(value: &Instant, last: &str) -> String {
    match value {
        Instant::Text(text) => text.clone(),
        Instant::Again { at, byte } => spoiled(last, *at, *byte),
        Instant::Parts {
            date: (year, month, day),
            time: (hour, minute, second),
            fraction,
            zone,
            mark,
            spoiled: spoil,
        } => {
            // Mostly dates and times that exist, and some beyond.
            let (year, month, day) = (year % 10_001, month % 14, day % 33);
            let (hour, minute, second) = (hour % 25, minute % 61, second % 61);
            let mark = if mark.is_ascii_lowercase() || *mark == ' ' { *mark } else { 'T' };
            let fraction = match fraction {
                Fraction::None => String::new(),
                Fraction::Millis(millis) => format!(".{:03}", millis % 1000),
                Fraction::Digits(digits, width) => format!(".{digits:0width$}", width = usize::from(width % 12)),
            };
            let zone = match zone {
                Zone::Z => "Z".to_owned(),
                Zone::None => String::new(),
                Zone::Offset(east, hours, minutes) => {
                    format!("{}{:02}:{:02}", if *east { '+' } else { '-' }, hours % 25, minutes % 61)
                }
            };
            let text = format!("{year:04}-{month:02}-{day:02}{mark}{hour:02}:{minute:02}:{second:02}{fraction}{zone}");
            spoil.map_or(text.clone(), |(at, byte)| spoiled(&text, at, byte))
        }
        Instant::Millis(_) | Instant::Scaled { .. } => unreachable!("a number"),
    }
}

/// Changes one byte to an ASCII character; if that gives invalid UTF-8, the text stays unchanged.
fn spoiled(text: &str, at: u8, byte: u8) -> String {
    let mut bytes = text.as_bytes().to_vec();
    if let Some(old) = bytes.get_mut(usize::from(at)) {
        *old = byte & 0x7f;
    }
    String::from_utf8(bytes).unwrap_or_else(|_| text.to_owned())
}
