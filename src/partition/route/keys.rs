//! Encodes partition values as small numbers: each distinct value of a partition column gets a code.
//!
//! Rows are compared by codes alone, and a folder name is built once for each distinct value, not for each row.

use std::collections::HashMap;

use crate::{
    columns::{Column, ScalarType, Values},
    config::Transform,
    error::{Error, Result},
    partition::{PartitionColumn, PartitionPlan, path, transform},
};

/// A row's codes, one for each partition column, padded with zeros.
pub(super) type RowKey = [u32; PartitionPlan::MAX_COLUMNS];

/// The code of null and of values that no folder name can hold.
const DEFAULT_CODE: u32 = 0;

/// The distinct values of one partition column so far.
#[derive(Debug)]
pub(super) struct ValueCodes {
    spec: PartitionColumn,
    numbers: HashMap<i64, u32>,
    texts: HashMap<Box<[u8]>, u32>,
    /// Folder name by code.
    components: Vec<String>,
}

impl ValueCodes {
    pub(super) fn new(spec: PartitionColumn) -> Self {
        let components = vec![path::default_component(&spec.name)];
        Self { spec, numbers: HashMap::new(), texts: HashMap::new(), components }
    }

    pub(super) fn component(&self, code: u32) -> &str {
        &self.components[code as usize]
    }

    /// Writes the code of every row of `column` (the source of this partition column) to index `at` of its key, which
    /// must be zero before. Calls `displaced(row, raw)` for every value that is not null but goes to the default
    /// partition; `raw` is the value as JSON if the files will not have it.
    ///
    /// # Errors
    /// [`Error::Bug`] if `column` is nested.
    pub(super) fn encode(
        &mut self,
        column: &Column,
        keys: &mut [RowKey],
        at: usize,
        mut displaced: impl FnMut(usize, Option<String>),
    ) -> Result<()> {
        let Self { spec, numbers, texts, components } = self;
        let number_code = |number| number_code(spec, numbers, components, number);
        let mut put = |row: usize, code: Result<u32, Option<String>>| match code {
            Ok(code) => keys[row][at] = code,
            Err(raw) => displaced(row, raw),
        };
        let rows = column.validity.iter_ones();
        match (&column.values, spec.transform) {
            (Values::Int64(values), of) => {
                let numbers = values.iter().map(|&value| transform::number(of, value));
                encode_numbers(rows, numbers, number_code, put);
            }
            (Values::Bool(values), _) => {
                let numbers = (0..values.len()).map(|value| Some(i64::from(values.get(value))));
                encode_numbers(rows, numbers, number_code, put);
            }
            (Values::Text(values), Transform::Bucket(buckets)) => {
                let numbers = values.iter().map(|text| transform::bucket(buckets, text));
                encode_numbers(rows, numbers, number_code, put);
            }
            (Values::Text(values), of) => {
                // Consecutive rows often have the same value, and comparing is cheaper than hashing.
                let mut last: Option<(&[u8], u32)> = None;
                for (row, text) in rows.zip(values.iter()) {
                    let part = if let Transform::Truncate(width) = of { transform::prefix(text, width) } else { text };
                    if let Some((_, code)) = last.filter(|(last, _)| *last == part) {
                        put(row, Ok(code));
                    } else if let Some(code) = text_code(spec, texts, components, part) {
                        put(row, Ok(code));
                        last = Some((part, code));
                    } else {
                        put(row, Err((of == Transform::Identity).then(|| json_text(text))));
                    }
                }
            }
            _ => return Err(Error::Bug(format!("partition column `{}` is made of a nested column", spec.name))),
        }
        Ok(())
    }
}

/// Calls `put` for each of `rows` with the code of its number. Remembers the last number, since consecutive rows mostly
/// have the same.
fn encode_numbers(
    rows: impl Iterator<Item = usize>,
    numbers: impl Iterator<Item = Option<i64>>,
    mut code_of: impl FnMut(i64) -> Option<u32>,
    mut put: impl FnMut(usize, Result<u32, Option<String>>),
) {
    let mut last: Option<(i64, Option<u32>)> = None;
    for (row, number) in rows.zip(numbers) {
        let code = number.and_then(|number| match last {
            Some((last, code)) if last == number => code,
            _ => {
                let code = code_of(number);
                last = Some((number, code));
                code
            }
        });
        put(row, code.ok_or(None));
    }
}

fn number_code(
    spec: &PartitionColumn,
    codes: &mut HashMap<i64, u32>,
    components: &mut Vec<String>,
    number: i64,
) -> Option<u32> {
    if let Some(&code) = codes.get(&number) {
        return Some(code);
    }
    let text = match spec.scalar {
        ScalarType::Bool => Some((number != 0).to_string()),
        _ => transform::number_text(spec.transform, number),
    };
    let code = new_code(components, path::component(&spec.name, &text?)?)?;
    codes.insert(number, code);
    Some(code)
}

fn text_code(
    spec: &PartitionColumn,
    codes: &mut HashMap<Box<[u8]>, u32>,
    components: &mut Vec<String>,
    text: &[u8],
) -> Option<u32> {
    if let Some(&code) = codes.get(text) {
        return Some(code);
    }
    // Texts of a column are UTF-8. Converting others lossily could put two different values in one folder.
    let component = path::component(&spec.name, std::str::from_utf8(text).ok()?)?;
    let code = new_code(components, component)?;
    codes.insert(text.into(), code);
    Some(code)
}

fn new_code(components: &mut Vec<String>, component: String) -> Option<u32> {
    let code = u32::try_from(components.len()).ok().filter(|&code| code != DEFAULT_CODE)?;
    components.push(component);
    Some(code)
}

/// The text as a JSON string.
fn json_text(text: &[u8]) -> String {
    serde_json::Value::from(String::from_utf8_lossy(text)).to_string()
}
