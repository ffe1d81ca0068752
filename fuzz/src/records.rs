//! Makes records of a model from a fuzzer's choices: mostly valid, with an occasional awkward value of every kind.

use arbitrary::Unstructured;
use partiquet::{
    columns::ScalarType,
    model::{Field, FieldKind, Step, naming::snake_case},
};

use crate::expect::Table;

/// Values that are valid or nearly valid for some type.
const TOKENS: &[&str] = &[
    "null",
    "true",
    "false",
    "\"true\"",
    "\"false\"",
    "\"TRUE\"",
    "[]",
    "{}",
    "[[]]",
    "[null]",
    "{\"\":{}}",
    "\"\"",
    "0",
    "-0",
    "1",
    "-1",
    "1.0",
    "1.5",
    "3e4",
    "3E+4",
    "120e-1",
    "1e400",
    "1e-400",
    "0e999999999999999999999",
    "1e99999999999999999999999999999999999999999",
    "-0.0",
    "0.1e1",
    "9223372036854775807",
    "9223372036854775808",
    "-9223372036854775808",
    "-9223372036854775809",
    "922337203685477580.7e1",
    "9007199254740993",
    "1e23",
    "18446744073709551616",
    "100000000000000000000000",
    "123456789012345678901234567890.5",
    "0.30000000000000004",
    "\"30000\"",
    "\"-7\"",
    "\"-0\"",
    "\"007\"",
    "\"+7\"",
    "\" 7\"",
    "\"1e3\"",
    "\"1.0\"",
    "\"0x10\"",
    "\"-\"",
    "\"9223372036854775808\"",
    "\"9007199254740993\"",
    "\"1e400\"",
    "\"NaN\"",
    "\"\\u0037\"",
    "1751328000000",
    "1751328000000.5",
    "1751328000000.0005",
    "1.751328e12",
    "-62135596800000",
    "-62135596800001",
    "253402300799999",
    "253402300800000",
    "\"1751328000000\"",
    "\"2025-07-01T08:15:30.123Z\"",
    "\"2025-07-01T08:15:30Z\"",
    "\"2025-07-01 08:15:30.5+02:00\"",
    "\"2025-07-01t08:15:30.123456z\"",
    "\"2025-07-01T08:15:30.1234567Z\"",
    "\"2025-07-01T08:15:30.123456000-11:30\"",
    "\"2025-07-02T00:00:00.000Z\"",
    "\"2024-02-29T23:59:59.999Z\"",
    "\"2025-02-29T23:59:59.999Z\"",
    "\"2025-07-01T24:00:00.000Z\"",
    "\"2016-12-31T23:59:60.000Z\"",
    "\"0001-01-01T00:00:00.000Z\"",
    "\"0000-12-31T23:30:00-01:00\"",
    "\"9999-12-31T23:59:59.999Z\"",
    "\"9999-12-31T23:59:59-00:01\"",
    "\"2025-07-01T08:15:30\"",
    "\"2025-07-01T08:15:30.Z\"",
    "\"2025-07-01T08:15:30+0200\"",
    "\"2025-07-01T08:15:30+24:00\"",
    "\"2025\\u002d07-01T08:15:30.123Z\"",
    "\"yesterday\"",
    "{\"id\":\"x\"}",
    "{\"id\":12}",
    "{\"id\":null}",
    "{\"id\":\"x\",\"name\":\"n\",\"a/b~c\":[1,{\"d\":null}]}",
    "{\"\\u0069d\":\"x\",\"selfUri\":\"/u\"}",
    "{\"name\":\"x\"}",
    "\"caf\u{e9}\"",
    "\"\u{1f99c}\"",
    "\"\\ud83e\\udd9c\"",
    "\"\\ud83e\"",
    "\"\\udd9c\"",
    "\"\\u0000\"",
    "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"",
    "\"a text of more than thirty-two bytes, without any escape in it\"",
    "[1,\"a\",null,true,{\"id\":3},[]]",
    "{\"a\":1,\"a\":2}",
    "{\"x\":{\"y\":{\"z\":[{}]}}}",
];

/// Names that have a meaning somewhere, or look as if they had.
const NAMES: &[&str] = &[
    "id",
    "name",
    "selfUri",
    "self_uri",
    "unknown",
    "",
    "*",
    "a/b",
    "~",
    "..",
    "0",
    "attributes",
    "participants",
    "entities",
    "conversations",
    "eventBody",
    "additionalProperties",
    "IVR Priority",
    "Whisper ",
    "context.email",
    "a\\\"b",
    "gr\u{f6}\u{df}e/~",
    "\\u0069d",
    "externalContactInitialDivisionId",
    "\\u0000",
    "a name that is longer than any of the model and than forty bytes",
];

/// Pieces that damage a text in a way that matters.
const DAMAGE: &[&[u8]] = &[
    b"\n",
    b"\r\n",
    b" ",
    b"\t",
    b"\0",
    b"\x0b",
    b"\x1f",
    b"\x7f",
    b"\"",
    b"\\",
    b"{",
    b"}",
    b"[",
    b"]",
    b",",
    b":",
    b"0",
    b"-",
    b"+",
    b".",
    b"e",
    b"n",
    b"null",
    b"tru",
    b"\\u",
    b"\\ud800",
    b"\xff",
    b"\xc3",
    b"\xed\xa0\x80",
    b"\xef\xbb\xbf",
    b"\xc2\xa0",
    b"//",
    b"'",
    b"NaN",
    b"\"id\":1,",
    b"{}",
    b"x",
];

/// Maximum nesting made on purpose: slightly more than a record may have.
const DEEP: usize = 70;

/// Makes the bytes of a block.
pub struct Maker<'m, 'u> {
    table: &'m Table,
    choices: &'m mut Unstructured<'u>,
    text: Vec<u8>,
}

impl<'m, 'u> Maker<'m, 'u> {
    pub fn new(table: &'m Table, choices: &'m mut Unstructured<'u>) -> Self {
        Self { table, choices, text: Vec::new() }
    }

    /// Some records, usually one per line.
    pub fn block(mut self) -> Vec<u8> {
        for _ in 0..=self.below(4) {
            self.record();
            let between = self.pick(&["\n", "\n", "\n", "\r\n", "\n\n \n", " ", ""]);
            self.put(between);
        }
        for _ in 0..self.below(8).saturating_sub(4) {
            self.damage();
        }
        self.text
    }

    fn record(&mut self) {
        let table = self.table;
        let envelopes = &table.model.envelopes;
        match self.below(envelopes.len() + 3) {
            shape if shape < envelopes.len() => self.container(&envelopes[shape].steps),
            shape if shape == envelopes.len() => self.any_value(),
            _ => self.object(&table.model.row),
        }
    }

    /// An object on the path to the rows. Other members come before and after the next step of the path.
    fn container(&mut self, steps: &[Step]) {
        let table = self.table;
        let group = if steps.len() == 1 { &table.model.parent } else { &table.model.outer };
        let fields = group.as_ref().map_or(&[][..], |group| &group.fields);
        self.put("{");
        let before = self.members(fields);
        self.put(if before { "," } else { "" });
        let key = if self.one_in(4) { snake_case(&steps[0].key) } else { steps[0].key.clone() };
        self.name(&key);
        if self.one_in(16) {
            self.any_value();
        } else if steps[0].list {
            self.put("[");
            for at in 0..self.below(4) {
                self.put(if at > 0 { "," } else { "" });
                self.step(&steps[1..]);
            }
            self.put("]");
        } else {
            self.step(&steps[1..]);
        }
        if self.one_in(2) {
            self.put(",");
            if !self.members(fields) {
                self.put("\"last\":0");
            }
        }
        self.put("}");
    }

    fn step(&mut self, rest: &[Step]) {
        if self.one_in(32) {
            self.any_value();
        } else if rest.is_empty() {
            self.object(&self.table.model.row);
        } else {
            self.container(rest);
        }
    }

    fn object(&mut self, fields: &[Field]) {
        self.put("{");
        self.members(fields);
        self.put("}");
    }

    /// Writes some members of `fields`, usually each at most once, and some unknown ones. Returns whether there were
    /// any.
    fn members(&mut self, fields: &[Field]) -> bool {
        let mut at = if self.one_in(2) { 0 } else { self.below(fields.len()) };
        let mut any = false;
        for _ in 0..self.below(8) {
            self.put(if any { "," } else { "" });
            any = true;
            match fields.get(at) {
                Some(field) if !self.one_in(8) => {
                    let name = if self.one_in(4) { snake_case(&field.wire) } else { field.wire.clone() };
                    self.name(&name);
                    self.value(&field.kind);
                }
                _ => {
                    let name = self.pick(NAMES);
                    self.put(&format!("\"{name}\":"));
                    self.any_value();
                }
            }
            // Mostly moves on in model order, as in real records.
            at += if self.one_in(16) { 0 } else { 1 + if self.one_in(4) { self.below(16) } else { 0 } };
        }
        any
    }

    fn value(&mut self, kind: &FieldKind) {
        if self.one_in(6) {
            return self.any_value();
        }
        match kind {
            FieldKind::Object(fields) => self.object(fields),
            FieldKind::List(_) => self.list(|maker| maker.any_value()),
            FieldKind::ListOfObjects(fields) => self.list(|maker| match maker.one_in(8) {
                true => maker.any_value(),
                false => maker.object(fields),
            }),
            FieldKind::Map { .. } => self.map(),
            FieldKind::Ignored | FieldKind::Scalar(ScalarType::Json) => self.any_value(),
            FieldKind::Scalar(ScalarType::Instant) if self.one_in(2) => {
                let day = self.below(32);
                let millis = self.below(1000);
                self.put(&format!("\"2025-07-{day:02}T08:15:30.{millis:03}Z\""));
            }
            FieldKind::Scalar(_) => {
                let token = self.pick(TOKENS);
                self.put(token);
            }
        }
    }

    fn map(&mut self) {
        let table = self.table;
        self.put("{");
        for at in 0..self.below(8) {
            self.put(if at > 0 { "," } else { "" });
            let promoted = &table.schema.attributes;
            match promoted.get(at) {
                Some((key, _)) if self.one_in(2) => self.name(key),
                // As many different names as it takes for the decoder to check the map by sorting.
                _ if self.one_in(16) => {
                    for key in 0..30 {
                        self.put(&format!("\"k{key}\":\"{key}\","));
                    }
                    let last = self.below(40);
                    self.put(&format!("\"k{last}\":"));
                }
                _ => {
                    let name = self.pick(NAMES);
                    self.put(&format!("\"{name}\":"));
                }
            }
            self.any_value();
        }
        self.put("}");
    }

    fn list(&mut self, mut element: impl FnMut(&mut Self)) {
        self.put("[");
        for at in 0..self.below(4) {
            self.put(if at > 0 { "," } else { "" });
            element(self);
        }
        self.put("]");
    }

    fn any_value(&mut self) {
        if self.one_in(32) {
            let depth = DEEP - self.below(DEEP);
            let text = format!("{}{}", "[".repeat(depth), "]".repeat(depth));
            self.put(&text);
        } else {
            let token = self.pick(TOKENS);
            self.put(token);
        }
    }

    /// A name and its colon, sometimes with an escape or with blanks.
    fn name(&mut self, name: &str) {
        let mut quoted = serde_json::to_string(name).unwrap_or_default();
        if self.one_in(16)
            && let Some(first) = name.chars().next().filter(char::is_ascii_alphanumeric)
        {
            quoted = quoted.replacen(first, &format!("\\u{:04x}", u32::from(first)), 1);
        }
        self.put(&quoted);
        let colon = if self.one_in(16) { " :\t" } else { ":" };
        self.put(colon);
    }

    /// Inserts something into the text, removes something, or both.
    fn damage(&mut self) {
        let at = self.below(self.text.len() + 1);
        let piece = DAMAGE[self.below(DAMAGE.len())];
        let end = (at + self.below(4)).min(self.text.len());
        self.text.splice(at..end, piece.iter().copied());
    }

    fn put(&mut self, text: &str) {
        self.text.extend_from_slice(text.as_bytes());
    }

    fn pick(&mut self, texts: &'static [&'static str]) -> &'static str {
        texts[self.below(texts.len())]
    }

    fn one_in(&mut self, count: usize) -> bool {
        self.below(count) == count - 1
    }

    /// A number below `end`, or 0 if `end` is 0; 0 once all choices are used up.
    fn below(&mut self, end: usize) -> usize {
        self.choices.int_in_range(0..=end.saturating_sub(1)).unwrap_or_default()
    }
}
