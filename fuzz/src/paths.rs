//! Routes rows to folders: reading a path back must give what was written, and what no path can hold is kept in
//! `extra`.

use std::collections::BTreeMap;

use arbitrary::Arbitrary;
use chrono::{DateTime, Datelike, Timelike, Utc};
use partiquet::{
    columns::{Columns, Values},
    config::{PartitionField, Transform},
    decode::{Block, Decoder},
    input::Framing,
    model::{AttributeMap, Model, Plan, TableSchema},
    partition::{PartitionPlan, Partitions, Router},
};
use serde_json::{Value, json};

const NULL: &str = "__HIVE_DEFAULT_PARTITION__";
const MAX_NAME_BYTES: usize = 255;

/// The years 1 to 9999, in microseconds.
const FIRST: i64 = -62_135_596_800_000_000;
const SPAN: u64 = 315_537_897_600_000_000;

/// The partition columns that may be requested.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Arbitrary)]
pub enum By {
    Text,
    Prefix(u8),
    Integer,
    Multiple(u16),
    Flag,
    Year,
    Month,
    Day,
    Hour,
}

#[derive(Debug, Arbitrary)]
pub struct Row {
    text: Option<String>,
    /// How often the text is repeated; the result can be longer than a name may be.
    times: u8,
    integer: Option<i64>,
    flag: Option<bool>,
    instant: Option<u64>,
}

impl Row {
    fn text(&self) -> Option<String> {
        self.text.as_ref().map(|text| text.repeat(usize::from(self.times % 8).max(1)))
    }

    fn instant(&self) -> Option<DateTime<Utc>> {
        let micros = FIRST + i64::try_from(self.instant? % SPAN).expect("below the span");
        DateTime::from_timestamp_micros(micros)
    }

    fn json(&self) -> Value {
        let instant = self.instant().map(|at| at.format("%Y-%m-%dT%H:%M:%S%.6fZ").to_string());
        json!({"s": self.text(), "i": self.integer, "b": self.flag, "t": instant})
    }

    /// The value that its folder should represent; `None` for null.
    fn value(&self, by: By) -> Option<String> {
        match by {
            By::Text => self.text(),
            By::Prefix(width) => self.text().map(|text| text.chars().take(usize::from(width).max(1)).collect()),
            By::Integer => self.integer.map(|integer| integer.to_string()),
            By::Multiple(width) => {
                let width = i128::from(width.max(1));
                let below = i128::from(self.integer?).div_euclid(width) * width;
                // A multiple beyond 64 bits has no folder.
                i64::try_from(below).ok().map(|below| below.to_string())
            }
            By::Flag => self.flag.map(|flag| flag.to_string()),
            By::Year => self.instant().map(|at| format!("{:04}", at.year())),
            By::Month => self.instant().map(|at| format!("{:04}-{:02}", at.year(), at.month())),
            By::Day => self.instant().map(|at| format!("{:04}-{:02}-{:02}", at.year(), at.month(), at.day())),
            By::Hour => {
                self.instant().map(|at| format!("{:04}-{:02}-{:02}-{:02}", at.year(), at.month(), at.day(), at.hour()))
            }
        }
    }
}

impl By {
    fn field(self) -> PartitionField {
        let (column, transform) = match self {
            Self::Text => ("s", Transform::Identity),
            Self::Prefix(width) => ("s", Transform::Truncate(u32::from(width).max(1))),
            Self::Integer => ("i", Transform::Identity),
            Self::Multiple(width) => ("i", Transform::Truncate(u32::from(width).max(1))),
            Self::Flag => ("b", Transform::Identity),
            Self::Year => ("t", Transform::Year),
            Self::Month => ("t", Transform::Month),
            Self::Day => ("t", Transform::Day),
            Self::Hour => ("t", Transform::Hour),
        };
        PartitionField { column: column.to_owned(), transform }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Text => "s",
            Self::Prefix(_) => "s_trunc",
            Self::Integer => "i",
            Self::Multiple(_) => "i_trunc",
            Self::Flag => "b",
            Self::Year => "t_year",
            Self::Month => "t_month",
            Self::Day => "t_day",
            Self::Hour => "t_hour",
        }
    }
}

/// Routes the rows, and reads each path back.
pub fn check(by: &[By], rows: &[Row]) {
    let mut fields: Vec<By> = Vec::new();
    for by in by {
        if !fields.iter().any(|field| field.name() == by.name()) && fields.len() < 8 {
            fields.push(*by);
        }
    }
    let model = r#"{"partiquet_model":1,"name":"paths","envelopes":[],"row":{"type":"P"},"types":{"P":{"members":[
        {"name":"s","type":"string"},{"name":"i","type":"integer"},{"name":"b","type":"boolean"},
        {"name":"t","type":"instant"}]}}}"#;
    let model = Model::from_json(model, "paths").expect("a model");
    let schema = TableSchema::new(&model, &[], AttributeMap::Rest, false).expect("a table");
    let asked: Vec<PartitionField> = fields.iter().map(|by| by.field()).collect();
    let plan = PartitionPlan::new(&schema, &asked).expect("a plan");
    let mut router = Router::new(plan, schema.columns.len());
    let plan = Plan::new(&model, &schema);
    let mut columns = Columns::new(&plan.shapes);
    let mut decoder = Decoder::new(plan.into());
    // Routed in two blocks: the second one meets the partitions of the first.
    for rows in [rows, &rows[rows.len() / 2..]] {
        let text: String = rows.iter().map(|row| format!("{}\n", row.json())).collect();
        let block = Block { bytes: text.as_bytes(), framing: &Framing::Lines, file: "rows", offset: 0 };
        let decoded = decoder.decode(block, columns);
        assert_eq!((decoded.columns.num_rows, &decoded.rejects[..]), (rows.len(), &[][..]));
        columns = decoded.columns;
        if rows.is_empty() {
            continue;
        }
        let partitions = match router.route(&mut columns).expect("few partitions") {
            Partitions::One(partition) => vec![partition; rows.len()],
            Partitions::Each(partitions) => partitions.iter().map(|partition| *partition as usize).collect(),
        };
        let mut paths: Vec<&str> = router.paths().iter().map(String::as_str).collect();
        let extra = extra(&columns, &schema);
        for ((row, partition), extra) in rows.iter().zip(partitions).zip(extra) {
            row.check(&fields, paths[partition], &extra);
        }
        let all = paths.len();
        paths.sort_unstable();
        paths.dedup();
        assert_eq!(paths.len(), all, "each folder once");
    }
}

impl Row {
    fn check(&self, fields: &[By], path: &str, extra: &BTreeMap<String, String>) {
        let names: Vec<&str> = if path.is_empty() { Vec::new() } else { path.split('/').collect() };
        assert_eq!(names.len(), fields.len(), "{path}");
        let mut kept = BTreeMap::new();
        for (name, by) in names.into_iter().zip(fields) {
            assert!(
                name.len() <= MAX_NAME_BYTES && !name.contains(|c: char| c.is_ascii_control() || c == '\\'),
                "{name}"
            );
            let (column, value) = name.split_once('=').expect("name=value");
            assert_eq!(column, by.name());
            assert!(!value.contains(['=', ':', '*', '?', '"', '\'']), "{name}");
            let is_nameable = |value: &String| {
                !value.is_empty() && value != NULL && column.len() + 1 + hive_escaped_len(value) <= MAX_NAME_BYTES
            };
            let expected = self.value(*by);
            match expected.as_ref().filter(|value| is_nameable(value)) {
                Some(expected) => assert_eq!(unescaped(value), *expected),
                None => {
                    assert_eq!(value, NULL);
                    // The whole value is in its column, unless the path replaces the column.
                    if let (By::Text, Some(text)) = (by, self.text()) {
                        kept.insert("/s".to_owned(), Value::from(text).to_string());
                    }
                }
            }
        }
        assert_eq!(*extra, kept, "{path}");
    }
}

/// The entries of the column `extra`, row by row.
fn extra(columns: &Columns, schema: &TableSchema) -> Vec<BTreeMap<String, String>> {
    let column = schema.columns.iter().position(|column| column.name == "extra").expect("the column extra");
    let column = &columns.columns[column];
    let Values::Map { ends, keys, values } = &column.values else { panic!("extra is a map") };
    let text = |bytes: &[u8]| std::str::from_utf8(bytes).expect("UTF-8").to_owned();
    let Values::Text(texts) = &values.values else { panic!("its values are texts") };
    let entries: Vec<(String, String)> = keys.iter().map(text).zip(texts.iter().map(text)).collect();
    let mut rows = vec![BTreeMap::new(); columns.num_rows];
    let mut start = 0;
    for (row, end) in column.validity.iter_ones().zip(ends) {
        rows[row] = entries[start..*end as usize].iter().cloned().collect();
        start = *end as usize;
    }
    rows
}

/// Length after escaping with Hive's `escapePathName`.
fn hive_escaped_len(text: &str) -> usize {
    let is_escaped = |c: char| c.is_ascii_control() || "\"#%'*/:=?\\{[]^".contains(c);
    text.chars().map(|c| if is_escaped(c) { 3 } else { c.len_utf8() }).sum()
}

/// The inverse, Hive's `unescapePathName`; here every `%` begins an escape.
fn unescaped(name: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = name.as_bytes();
    while let [first, behind @ ..] = rest {
        rest = behind;
        if *first == b'%' {
            let digits = std::str::from_utf8(&behind[..2]).expect("two digits");
            bytes.push(u8::from_str_radix(digits, 16).expect("two hexadecimal digits"));
            rest = &behind[2..];
        } else {
            bytes.push(*first);
        }
    }
    String::from_utf8(bytes).expect("UTF-8")
}
