//! Whether the values of a configuration are within their limits.

use std::ops::RangeInclusive;

use super::{AttributeColumns, AttributeMap, Config, Size};
use crate::error::{Error, Result};

impl Config {
    /// Whether the numbers are within their limits, and the options about attributes fit together. Whether the memory is enough
    /// is looked at by [`memory::check`](crate::pipeline::memory::check), and what belongs to the table when it is known.
    ///
    /// # Errors
    /// [`Error::Usage`] with the first that is not, under the name of its option, and what it can be.
    pub fn check(&self) -> Result<()> {
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
