//! Checks that the values of a configuration are within their limits.

use std::ops::RangeInclusive;

use super::{AttributeColumns, AttributeMap, Config, MaxRejects, Size, url};
use crate::error::{Error, Result};

impl Config {
    /// Checks that the numbers are within their limits, and that the attribute options fit together.
    /// [`memory::check`](crate::pipeline::memory::check) checks the memory; columns are checked when the table is
    /// known.
    ///
    /// # Errors
    /// [`Error::Usage`] for the first value that is out of range, with the name of its option and the range.
    pub fn check(&self) -> Result<()> {
        if self.out.as_os_str().is_empty() {
            return Err(Error::usage(
                "the name of the output folder is empty",
                "give --out DIR; . is the working folder",
            ));
        }
        if chrono::DateTime::parse_from_rfc3339(&self.committed_at).is_err() {
            return Err(Error::usage(
                format!("`committed_at` is {:?}", self.committed_at),
                "give an instant by RFC 3339, such as 2025-07-01T00:00:00Z",
            ));
        }
        if let MaxRejects::Percent(percent) = self.max_rejects
            && !(0.0..=100.0).contains(&percent)
        {
            return Err(Error::usage(format!("--max-rejects {percent}% is out of range"), "give 0% to 100%"));
        }
        if let Some(error) = self.out.to_str().and_then(url::refusal) {
            return Err(error);
        }
        number("--threads", self.threads, 1..=Self::MAX_THREADS)?;
        number("--row-group-rows", self.row_group_rows, 1..=Self::MAX_ROW_GROUP_ROWS)?;
        size("--target-file-size", self.target_file_bytes, Self::MIN_TARGET_FILE_BYTES..=u64::MAX)?;
        let record_bytes = Self::MIN_MAX_RECORD_BYTES as u64..=Self::MAX_MAX_RECORD_BYTES as u64;
        size("--max-record-size", self.max_record_bytes as u64, record_bytes)?;
        match (self.attribute_map, &self.attribute_columns) {
            (AttributeMap::None, AttributeColumns::Auto | AttributeColumns::None) => Err(Error::usage(
                "--attribute-map none needs a column for every key",
                "name the keys with --attribute-columns KEY,..., or keep the map",
            )),
            (_, AttributeColumns::Keys(keys)) if keys.is_empty() => {
                Err(Error::usage("--attribute-columns names no key", "use none, auto, or KEY,..."))
            }
            _ => Ok(()),
        }
    }
}

fn size(option: &str, bytes: u64, range: RangeInclusive<u64>) -> Result<()> {
    if range.contains(&bytes) {
        return Ok(());
    }
    let (least, most) = (Size(*range.start()), Size(*range.end()));
    let hint = if most.0 == u64::MAX { format!("give {least} or more") } else { format!("give {least} to {most}") };
    Err(Error::usage(format!("{option} {} is out of range", Size(bytes)), hint))
}

fn number(option: &str, value: usize, range: RangeInclusive<usize>) -> Result<()> {
    if range.contains(&value) {
        return Ok(());
    }
    let hint = format!("give {} to {}", range.start(), range.end());
    Err(Error::usage(format!("{option} {value} is out of range"), hint))
}
