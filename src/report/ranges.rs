//! The value ranges of a data file.

use std::{collections::BTreeMap, sync::Arc};

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::{RawValue, to_raw_value};

use crate::error::{Error, Result};

/// Minimum and maximum as text, by column: `{"start_time": ["2025-07-01T08:00:00Z", "2025-07-01T17:59:58.5Z"]}`.
///
/// Kept as shared JSON text: a run can have many thousands of files, and in parsed form the ranges would be the largest
/// part of what is kept for each.
#[derive(Debug, Clone, Default)]
pub struct Ranges(Option<Arc<RawValue>>);

impl Ranges {
    /// Creates the ranges from (minimum, maximum) by column.
    ///
    /// # Errors
    /// [`Error::Bug`] if the text cannot be written as JSON, which cannot happen.
    pub fn new(by_column: &BTreeMap<String, (String, String)>) -> Result<Self> {
        if by_column.is_empty() {
            return Ok(Self::default());
        }
        let json = to_raw_value(by_column).map_err(|error| Error::Bug(format!("ranges as JSON: {error}")))?;
        Ok(Self(Some(json.into())))
    }

    /// The JSON text.
    #[must_use]
    pub fn json(&self) -> &str {
        self.0.as_ref().map_or("{}", |json| json.get())
    }
}

impl PartialEq for Ranges {
    fn eq(&self, other: &Self) -> bool {
        self.json() == other.json()
    }
}

impl Eq for Ranges {}

impl Serialize for Ranges {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        match &self.0 {
            Some(json) => json.serialize(serializer),
            None => BTreeMap::<String, String>::new().serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Ranges {
    /// Parses what [`Ranges::new`] was given, in any JSON layout.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        let by_column: BTreeMap<String, (String, String)> = Deserialize::deserialize(deserializer)?;
        Self::new(&by_column).map_err(serde::de::Error::custom)
    }
}
