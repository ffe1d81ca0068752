//! `day(start_time), purpose`: partition columns as text.
//!
//! ```text
//! spec  = "none" | field { "," field }
//! field = column | transform "(" column ")" | ("bucket" | "truncate") "(" number "," column ")"
//! ```

use std::{fmt, str::FromStr};

use super::{PartitionField, Transform};
use crate::{
    error::{Error, Result},
    nearest::nearest,
};

/// Partition columns in order; empty for an unpartitioned dataset.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct PartitionBy(pub Vec<PartitionField>);

impl PartitionBy {
    /// Names of the transforms.
    pub const TRANSFORMS: [&'static str; 6] = ["year", "month", "day", "hour", "bucket", "truncate"];

    /// Maximum number of buckets and maximum prefix length: Iceberg has them as 32-bit signed integers.
    pub const MAX_ARGUMENT: u32 = i32::MAX as u32;
}

impl Default for PartitionBy {
    /// By day, because nearly every query of calls filters by it.
    fn default() -> Self {
        Self(vec![PartitionField { column: "start_time".to_owned(), transform: Transform::Day }])
    }
}

impl FromStr for PartitionBy {
    type Err = Error;

    fn from_str(spec: &str) -> Result<Self> {
        if spec.trim() == "none" {
            return Ok(Self(Vec::new()));
        }
        let mut parser = Parser { spec, at: 0 };
        let mut fields = Vec::new();
        loop {
            let start = parser.skip_blanks();
            let field = parser.field()?;
            if fields.contains(&field) {
                return Err(parser.error_at(start, format!("{field} is given twice"), "name each partition once"));
            }
            fields.push(field);
            if !parser.take(',') {
                break;
            }
        }
        parser.skip_blanks();
        if parser.at < spec.len() {
            return Err(parser.error("expected a comma or the end", "separate partition columns by commas"));
        }
        Ok(Self(fields))
    }
}

struct Parser<'a> {
    spec: &'a str,
    at: usize,
}

impl<'a> Parser<'a> {
    fn rest(&self) -> &'a str {
        &self.spec[self.at..]
    }

    fn skip_blanks(&mut self) -> usize {
        self.at = self.spec.len() - self.rest().trim_start().len();
        self.at
    }

    fn take(&mut self, wanted: char) -> bool {
        self.skip_blanks();
        let found = self.rest().starts_with(wanted);
        self.at += if found { wanted.len_utf8() } else { 0 };
        found
    }

    fn word(&mut self) -> &'a str {
        self.skip_blanks();
        let rest = self.rest();
        let word = rest[..rest.find(['(', ')', ',']).unwrap_or(rest.len())].trim_end();
        self.at += word.len();
        word
    }

    fn field(&mut self) -> Result<PartitionField> {
        let start = self.at;
        let name = self.word();
        if name.is_empty() {
            return Err(self.error("a column is missing", EXAMPLE));
        }
        if !self.take('(') {
            return Ok(PartitionField { column: name.to_owned(), transform: Transform::Identity });
        }
        let field = match name {
            "year" => self.of_column(Transform::Year)?,
            "month" => self.of_column(Transform::Month)?,
            "day" => self.of_column(Transform::Day)?,
            "hour" => self.of_column(Transform::Hour)?,
            "bucket" => self.of_number_and_column(name, Transform::Bucket)?,
            "truncate" => self.of_number_and_column(name, Transform::Truncate)?,
            _ => {
                let guess = nearest(name, PartitionBy::TRANSFORMS).map(|t| format!(", did you mean {t}?"));
                let message = format!("there is no transform {name:?}{}", guess.unwrap_or_default());
                let hint = format!("the transforms are {}", PartitionBy::TRANSFORMS.join(", "));
                return Err(self.error_at(start, message, hint));
            }
        };
        if self.take('(') {
            self.at -= 1;
            return Err(self.error("transforms cannot be nested", EXAMPLE));
        }
        if !self.take(')') {
            return Err(self.error("a closing parenthesis is missing", EXAMPLE));
        }
        Ok(field)
    }

    fn of_column(&mut self, transform: Transform) -> Result<PartitionField> {
        match self.word() {
            "" => Err(self.error("a column is missing", EXAMPLE)),
            column => Ok(PartitionField { column: column.to_owned(), transform }),
        }
    }

    fn of_number_and_column(&mut self, name: &str, transform: fn(u32) -> Transform) -> Result<PartitionField> {
        let hint = || format!("write {name}(16, queue_id)");
        let start = self.skip_blanks();
        let number = self.word();
        if number.is_empty() {
            return Err(self.error(format!("{name} needs a number and a column"), hint()));
        }
        let parsed = number.parse::<u32>().ok().filter(|n| (1..=PartitionBy::MAX_ARGUMENT).contains(n));
        let Some(number) = parsed else {
            let is_number = number.trim_start_matches('-').bytes().all(|b| b.is_ascii_digit());
            let message = if is_number {
                format!("{number} is out of range, 1 to {} is possible", PartitionBy::MAX_ARGUMENT)
            } else {
                format!("{name} takes its number first, {number:?} is none")
            };
            return Err(self.error_at(start, message, hint()));
        };
        if !self.take(',') {
            return Err(self.error(format!("{name} needs a column after its number"), hint()));
        }
        self.of_column(transform(number))
    }

    fn error(&self, message: impl Into<String>, hint: impl Into<String>) -> Error {
        self.error_at(self.at, message, hint)
    }

    fn error_at(&self, at: usize, message: impl Into<String>, hint: impl Into<String>) -> Error {
        let shown: String = self.spec.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        let blanks = " ".repeat(self.spec[..at].chars().count());
        Error::usage(format!("{}\n    {shown}\n    {blanks}^", message.into()), hint)
    }
}

const EXAMPLE: &str = "write columns and transforms, as in day(start_time), bucket(16, queue_id), purpose";

impl fmt::Display for PartitionBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("none");
        }
        for (index, field) in self.0.iter().enumerate() {
            write!(f, "{}{field}", if index > 0 { ", " } else { "" })?;
        }
        Ok(())
    }
}

impl fmt::Display for PartitionField {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let column = &self.column;
        match self.transform {
            Transform::Identity => f.write_str(column),
            Transform::Year => write!(f, "year({column})"),
            Transform::Month => write!(f, "month({column})"),
            Transform::Day => write!(f, "day({column})"),
            Transform::Hour => write!(f, "hour({column})"),
            Transform::Bucket(buckets) => write!(f, "bucket({buckets}, {column})"),
            Transform::Truncate(width) => write!(f, "truncate({width}, {column})"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(spec: &str) -> Vec<(String, Transform)> {
        spec.parse::<PartitionBy>().unwrap().0.into_iter().map(|field| (field.column, field.transform)).collect()
    }

    fn message(spec: &str) -> String {
        spec.parse::<PartitionBy>().unwrap_err().to_string()
    }

    #[test]
    fn columns_and_transforms_in_order() {
        assert_eq!(
            fields("day(start_time), purpose"),
            [("start_time".to_owned(), Transform::Day), ("purpose".to_owned(), Transform::Identity)]
        );
        assert_eq!(fields(" bucket( 16 , queue_id ) "), [("queue_id".to_owned(), Transform::Bucket(16))]);
        assert_eq!(fields("truncate(3,attribute_größe)"), [("attribute_größe".to_owned(), Transform::Truncate(3))]);
        assert_eq!(fields("day"), [("day".to_owned(), Transform::Identity)], "a column may be called like a transform");
        assert_eq!(fields("none"), []);
    }

    #[test]
    fn one_column_may_serve_twice_but_not_the_same_way() {
        assert_eq!(fields("year(start_time),month(start_time)").len(), 2);
        assert_eq!(
            message("purpose, day(x), purpose"),
            "purpose is given twice\n    purpose, day(x), purpose\n                     ^\n  name each partition once"
        );
    }

    #[test]
    fn an_error_points_at_its_place() {
        assert_eq!(
            message("day(start_time"),
            format!("a closing parenthesis is missing\n    day(start_time\n                  ^\n  {EXAMPLE}")
        );
        assert_eq!(
            message("purpose, days(start_time)"),
            "there is no transform \"days\", did you mean day?\n    purpose, days(start_time)\n             ^\n  \
             the transforms are year, month, day, hour, bucket, truncate"
        );
        assert_eq!(
            message("bucket(queue_id, 16)"),
            "bucket takes its number first, \"queue_id\" is none\n    bucket(queue_id, 16)\n           ^\n  \
             write bucket(16, queue_id)"
        );
        assert_eq!(
            message("day(day(start_time))"),
            format!("transforms cannot be nested\n    day(day(start_time))\n           ^\n  {EXAMPLE}")
        );
        assert!(message("größe) ").starts_with("expected a comma or the end\n    größe) \n         ^\n"));
    }

    #[test]
    fn half_a_spec_is_refused() {
        for (spec, start) in [
            ("", "a column is missing"),
            ("a,", "a column is missing"),
            (",a", "a column is missing"),
            ("day()", "a column is missing"),
            ("(a)", "a column is missing"),
            ("bucket()", "bucket needs a number and a column"),
            ("bucket(16)", "bucket needs a column after its number"),
            ("bucket(16,)", "a column is missing"),
            ("bucket(0, a)", "0 is out of range"),
            ("bucket(-4, a)", "-4 is out of range"),
            ("truncate(2147483648, a)", "2147483648 is out of range"),
            ("day(a)b", "expected a comma or the end"),
            ("day(a, b)", "a closing parenthesis is missing"),
            ("a))", "expected a comma or the end"),
        ] {
            assert!(message(spec).starts_with(start), "{spec}: {}", message(spec));
        }
    }

    #[test]
    fn showing_and_reading_agree() {
        for spec in
            ["none", "day(start_time), purpose", "bucket(16, queue_id)", "hour(a), truncate(2, b), year(c), month(d)"]
        {
            assert_eq!(spec.parse::<PartitionBy>().unwrap().to_string(), spec);
        }
        assert_eq!(PartitionBy::default().to_string(), "day(start_time)");
    }
}
