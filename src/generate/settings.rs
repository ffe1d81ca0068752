//! What to generate, with every value explicit, and the profiles that name useful sets of settings.

use std::{fmt, str::FromStr};

use crate::{
    error::{Error, Result},
    nearest::nearest,
};

/// What to generate. Start from a [`Profile`] and change individual values.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// Seed of all random choices: the same settings give the same bytes.
    pub seed: u64,
    /// The form of a record.
    pub shape: Shape,
    /// The amount of data.
    pub amount: Amount,
    /// Number of days over which the calls begin, from [`Settings::FIRST_DAY`] on.
    pub days: u32,
    /// The order of the calls.
    pub order: Order,
    /// How unequal the days are: 0 means equal, 1 is Zipf's law.
    pub day_skew: f64,
    /// Number of distinct attribute keys.
    pub attribute_keys: usize,
    /// Average number of attributes of a customer.
    pub attributes_per_participant: usize,
    /// How unequally the keys are used: 0 means equally, 1 is Zipf's law.
    pub attribute_skew: f64,
    /// Number of distinct users (agents).
    pub users: usize,
    /// Number of distinct queues.
    pub queues: usize,
    /// From this fraction of the data on, members and attribute keys occur that did not before, and some values have
    /// another type.
    pub drift_from: Option<Fraction>,
    /// Fraction of the records that are broken.
    pub broken: Fraction,
    /// The kinds of faults that broken records have; not empty.
    pub broken_kinds: Vec<BrokenKind>,
    /// Fraction of names and free texts with non-ASCII characters.
    pub unicode: Fraction,
    /// Fraction of free texts with escapes.
    pub escapes: Fraction,
}

impl Settings {
    /// The first day of all calls.
    pub const FIRST_DAY: (i32, u32, u32) = (2025, 7, 1);
    /// Ten years: the year must have four digits, and the table of hours must stay small.
    pub const MAX_DAYS: u32 = 3660;
    /// Far above what any flow author has created; each key takes some memory.
    pub const MAX_ATTRIBUTE_KEYS: usize = 100_000;
    /// A participant with more would not be realistic.
    pub const MAX_ATTRIBUTES_PER_PARTICIPANT: usize = 1000;
    /// The largest contact centres have some tens of thousands; each takes some memory.
    pub const MAX_REFERENCES: usize = 1_000_000;
    /// Above this, almost all the weight is on the first item.
    pub const MAX_SKEW: f64 = 5.0;

    /// The settings of a profile.
    #[must_use]
    pub fn for_profile(profile: Profile) -> Self {
        let typical = Self {
            seed: 1,
            shape: Shape::Conversations,
            amount: Amount::Bytes(100_000_000),
            days: 30,
            order: Order::Time,
            day_skew: 0.0,
            attribute_keys: 440,
            attributes_per_participant: 15,
            attribute_skew: 1.0,
            users: 300,
            queues: 20,
            drift_from: None,
            broken: Fraction(0.0),
            broken_kinds: BrokenKind::ALL.to_vec(),
            unicode: Fraction(0.05),
            escapes: Fraction(0.05),
        };
        match profile {
            Profile::Typical => typical,
            Profile::WideAttributes => {
                Self { attribute_keys: 5000, attributes_per_participant: 60, attribute_skew: 0.8, ..typical }
            }
            Profile::Drifting => Self { drift_from: Some(Fraction(0.5)), ..typical },
            Profile::Shuffled => Self { order: Order::Shuffled, days: 90, day_skew: 0.5, ..typical },
            Profile::Dirty => Self {
                order: Order::Late,
                drift_from: Some(Fraction(0.5)),
                broken: Fraction(0.01),
                unicode: Fraction(0.3),
                escapes: Fraction(0.3),
                ..typical
            },
        }
    }

    /// Refuses settings that are not possible.
    pub(super) fn check(&self) -> Result<()> {
        let within = |what: &str, value: usize, most: usize| {
            let message = || format!("{what}: {value} is not possible");
            if (1..=most).contains(&value) {
                Ok(())
            } else {
                Err(Error::usage(message(), format!("use a number from 1 to {most}")))
            }
        };
        within("days", self.days as usize, Self::MAX_DAYS as usize)?;
        within("users", self.users, Self::MAX_REFERENCES)?;
        within("queues", self.queues, Self::MAX_REFERENCES)?;
        match self.amount {
            Amount::Bytes(0) => return Err(Error::usage("a size of 0 holds no record", "give a size as 100MB")),
            Amount::Records(0) => return Err(Error::usage("0 records are none", "ask for one or more")),
            Amount::Bytes(_) | Amount::Records(_) => {}
        }
        let (keys, each) = (self.attribute_keys, self.attributes_per_participant);
        if keys > Self::MAX_ATTRIBUTE_KEYS || each > Self::MAX_ATTRIBUTES_PER_PARTICIPANT {
            let (most_keys, most_each) = (Self::MAX_ATTRIBUTE_KEYS, Self::MAX_ATTRIBUTES_PER_PARTICIPANT);
            return Err(Error::usage(
                format!("{keys} attribute keys, {each} for each participant, are too many"),
                format!("use at most {most_keys} keys, and {most_each} for each participant"),
            ));
        }
        if keys < each * 2 {
            return Err(Error::usage(
                format!("{each} attributes for each participant cannot be chosen from {keys} keys"),
                format!("use at least {} keys: an average needs room above it", each * 2),
            ));
        }
        for (what, skew) in [("the skew of days", self.day_skew), ("the skew of attributes", self.attribute_skew)] {
            if !(0.0..=Self::MAX_SKEW).contains(&skew) {
                return Err(Error::usage(
                    format!("{what} cannot be {skew}"),
                    format!("use 0 (equal) to {}; 1 is Zipf's law", Self::MAX_SKEW),
                ));
            }
        }
        if self.broken_kinds.is_empty() {
            return Err(Error::usage("no kind of broken record is named", "name one or more, or leave it out"));
        }
        Ok(())
    }
}

/// How much to generate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Amount {
    /// About this many bytes of JSON, within half a record per part.
    Bytes(u64),
    /// Exactly this many records.
    Records(u64),
}

/// A fraction from 0 to 1, written in percent.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
pub struct Fraction(pub(super) f64);

impl Fraction {
    /// The number, 0 to 1.
    #[must_use]
    pub const fn get(self) -> f64 {
        self.0
    }
}

impl FromStr for Fraction {
    type Err = Error;

    /// Reads `1%`, `0.5%`.
    fn from_str(text: &str) -> Result<Self> {
        let number = text.trim().strip_suffix('%').map(str::trim_end);
        let is_decimal = |number: &&str| number.bytes().all(|b| b.is_ascii_digit() || b == b'.');
        match number.filter(is_decimal).and_then(|number| number.parse::<f64>().ok()) {
            Some(percent) if percent <= 100.0 => Ok(Self(percent / 100.0)),
            _ => Err(Error::usage(format!("{text:?} is not a share"), "write it in percent, 0% to 100%: 0.5%")),
        }
    }
}

impl fmt::Display for Fraction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}%", self.0 * 100.0)
    }
}

/// Implements an enum whose variants are single words.
macro_rules! words {
    ($name:ident, $what:literal, $($variant:ident = $word:literal),+ $(,)?) => {
        impl $name {
            /// All variants.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];
            /// The words of all variants, in the same order.
            pub const WORDS: &'static [&'static str] = &[$($word),+];
        }

        impl FromStr for $name {
            type Err = Error;

            fn from_str(text: &str) -> Result<Self> {
                match text.trim() {
                    $($word => Ok(Self::$variant),)+
                    other => {
                        let near = nearest(other, Self::WORDS.iter().copied());
                        let near = near.map(|near| format!("; did you mean {near}?")).unwrap_or_default();
                        Err(Error::usage(
                            format!(concat!("{:?} is not ", $what, "{}"), other, near),
                            format!("use one of: {}", Self::WORDS.join(", ")),
                        ))
                    }
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(match self { $(Self::$variant => $word),+ })
            }
        }
    };
}

/// The form of a record. Records are lines in every shape.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// A call conversation with its participants, as `GET /api/v2/conversations/calls/{id}` gives it.
    Conversations,
    /// One participant.
    Participants,
    /// A page of conversations, as `GET /api/v2/conversations/calls` gives it.
    Listing,
    /// A snapshot of an ongoing call, as a subscription to a queue's calls sends it; sometimes a heartbeat.
    Notifications,
}

words!(
    Shape,
    "a shape",
    Conversations = "conversations",
    Participants = "participants",
    Listing = "listing",
    Notifications = "notifications"
);

/// The order of the calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// By start time.
    Time,
    /// No order: every part of the data has calls of all days.
    Shuffled,
    /// By time, but a few arrive up to three days late.
    Late,
}

words!(Order, "an order", Time = "time", Shuffled = "shuffled", Late = "late");

/// How a record is broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BrokenKind {
    /// It ends too early.
    Truncated,
    /// A member occurs twice in one object.
    Duplicate,
    /// `\x` in a text.
    Escape,
    /// A number with a leading zero.
    Number,
    /// Half of a surrogate pair, escaped.
    Surrogate,
    /// Bytes that are not UTF-8.
    Utf8,
    /// Lists nested deeper than any reader accepts.
    Deep,
    /// A comma after the last member.
    Comma,
}

words!(
    BrokenKind,
    "a kind of broken record",
    Truncated = "truncated",
    Duplicate = "duplicate",
    Escape = "escape",
    Number = "number",
    Surrogate = "surrogate",
    Utf8 = "utf8",
    Deep = "deep",
    Comma = "comma"
);

/// A named set of settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Profile {
    /// A proper export: in time order, 440 attribute keys, nothing broken.
    #[default]
    Typical,
    /// 5000 attribute keys, 60 per customer.
    WideAttributes,
    /// New members and keys in the second half of the data.
    Drifting,
    /// Ninety unequal days, in random order.
    Shuffled,
    /// Late calls, drift, broken records, and many texts with escapes and non-ASCII characters.
    Dirty,
}

words!(
    Profile,
    "a profile",
    Typical = "typical",
    WideAttributes = "wide-attributes",
    Drifting = "drifting",
    Shuffled = "shuffled",
    Dirty = "dirty"
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_profile_is_possible_and_has_a_word() {
        for (profile, word) in Profile::ALL.iter().zip(Profile::WORDS) {
            Settings::for_profile(*profile).check().unwrap();
            assert_eq!(profile.to_string(), *word);
            assert_eq!(word.parse::<Profile>().unwrap(), *profile);
        }
    }

    #[test]
    fn a_word_that_is_none_gets_the_nearest() {
        let message = "shufled".parse::<Order>().unwrap_err().to_string();
        assert_eq!(message, "\"shufled\" is not an order; did you mean shuffled?\n  use one of: time, shuffled, late");
    }

    #[test]
    fn shares_are_percent() {
        assert_eq!("0.5%".parse::<Fraction>().unwrap().to_string(), "0.5%");
        assert_eq!(" 100 %".parse::<Fraction>().unwrap().to_string(), "100%");
        for text in ["", "%", "1", "0.01", "101%", "-1%", "1e1%", "NaN%", "1.2.3%"] {
            assert!(text.parse::<Fraction>().is_err(), "{text}");
        }
    }

    #[test]
    fn the_impossible_is_refused_with_a_way_out() {
        let typical = || Settings::for_profile(Profile::Typical);
        for (settings, part) in [
            (Settings { days: 0, ..typical() }, "use a number from 1 to 3660"),
            (Settings { users: 0, ..typical() }, "users: 0"),
            (Settings { queues: Settings::MAX_REFERENCES + 1, ..typical() }, "queues: 1000001"),
            (Settings { amount: Amount::Bytes(0), ..typical() }, "holds no record"),
            (Settings { amount: Amount::Records(0), ..typical() }, "0 records"),
            (Settings { attribute_keys: 29, ..typical() }, "use at least 30 keys"),
            (Settings { attribute_keys: usize::MAX, ..typical() }, "too many"),
            (Settings { attribute_skew: f64::NAN, ..typical() }, "cannot be NaN"),
            (Settings { day_skew: -1.0, ..typical() }, "cannot be -1"),
            (Settings { broken_kinds: Vec::new(), ..typical() }, "no kind"),
        ] {
            let message = settings.check().unwrap_err().to_string();
            assert!(message.contains(part), "{message}");
        }
        Settings { attribute_keys: 0, attributes_per_participant: 0, ..typical() }.check().unwrap();
    }
}
