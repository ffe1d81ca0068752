//! Generates records: everything the model knows, in every spelling and form, and everything it does not know.
//!
//! A record is a function of a tape of numbers. 0 always means the simplest choice, and the end of the tape reads as
//! zeros, so proptest finds small records by shortening the tape and lowering its numbers.

mod mutate;
mod tokens;

use std::ops::Range;

use partiquet::{columns::ScalarType, input::Framing};
use proptest::prelude::*;

use super::reference::{Field, FieldKind, Layout, snake_case};

/// A block of records, and how they are delimited.
#[derive(Clone)]
pub struct Block {
    pub bytes: Vec<u8>,
    pub framing: Framing,
}

impl std::fmt::Debug for Block {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?}\n{}", self.framing, self.bytes.escape_ascii())
    }
}

/// One to six records, each broken with this chance in percent.
pub fn block(layout: Layout, promoted: Vec<String>, broken: u16) -> impl Strategy<Value = Block> {
    proptest::collection::vec(any::<u16>(), 0..2500).prop_map(move |tape| {
        let mut maker = Maker::new(&tape, 0, &promoted);
        maker.block(&layout, broken)
    })
}

/// A row whose lists hold dozens of numbers and instants each, bare and as texts.
pub fn lists_of_tokens() -> impl Strategy<Value = Block> {
    proptest::collection::vec(any::<u16>(), 0..3000).prop_map(move |tape| {
        let mut maker = Maker::new(&tape, 0, &[]);
        let (mut numbers, mut instants) = (Vec::new(), Vec::new());
        while maker.at < tape.len() {
            let number = maker.number();
            numbers.push(if maker.chance(20) { maker.quoted(&number) } else { number });
            let instant = maker.instant();
            instants.push(maker.quoted(&instant));
        }
        numbers.push("0".to_owned());
        instants.push("null".to_owned());
        let (numbers, instants) = (numbers.join(","), instants.join(","));
        let record = format!(
            r#"{{"levels":[{numbers}],"ratios":[{numbers}],"holdTimes":[{instants},{numbers}],"mediaRoles":[{numbers}]}}"#
        );
        Block { bytes: record.into_bytes(), framing: Framing::Lines }
    })
}

/// Any JSON text, sometimes broken.
pub fn json_text() -> impl Strategy<Value = Vec<u8>> {
    proptest::collection::vec(any::<u16>(), 0..200).prop_map(move |tape| {
        let mut maker = Maker::new(&tape, 10, &[]);
        maker.spaces = maker.one_of(&["", " ", "\n\t", " \r\n "]);
        maker.before_colon = maker.spaces;
        let mut text = maker.any_value().into_bytes();
        if maker.chance(50) {
            maker.mutate(&mut text);
        }
        text
    })
}

/// More spaces than the decoder examines at once.
const INDENT: &str = "                                                                    ";

/// The range of the text from `start` on, as a splitter would find it; `None` if there is only white space.
fn without_space(bytes: &[u8], start: usize) -> Option<Range<usize>> {
    let is_text = |byte: &u8| !matches!(byte, b' ' | b'\t' | b'\r' | b'\n');
    let first = bytes[start..].iter().position(is_text)?;
    let last = bytes[start..].iter().rposition(is_text)?;
    Some(start + first..start + last + 1)
}

struct Maker<'a> {
    tape: &'a [u16],
    at: usize,
    /// Number of arrays and objects around the value being made.
    depth: usize,
    /// White space of the current record, and the part of it that stands before a colon: most programs write none there.
    spaces: &'static str,
    before_colon: &'static str,
    /// Chance in percent that a known member has its `snake_case` name.
    snake: u16,
    /// Chance in percent of faults that need a value in the right place: duplicates, odd envelopes, depth.
    faults: u16,
    promoted: &'a [String],
}

impl<'a> Maker<'a> {
    const fn new(tape: &'a [u16], faults: u16, promoted: &'a [String]) -> Self {
        Self { tape, at: 0, depth: 0, spaces: "", before_colon: "", snake: 0, faults, promoted }
    }

    fn pick(&mut self, choices: usize) -> usize {
        let number = self.tape.get(self.at).copied().unwrap_or(0);
        self.at += 1;
        usize::from(number) % choices
    }

    /// Always false for a tape of zeros.
    fn chance(&mut self, percent: u16) -> bool {
        self.pick(100) >= usize::from(100 - percent)
    }

    fn one_of<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.pick(choices.len())]
    }

    fn block(&mut self, layout: &Layout, broken: u16) -> Block {
        let lines = self.pick(2) == 0;
        let records = 1 + self.pick(6);
        let mut last: Option<Vec<u8>> = None;
        let mut bytes = Vec::new();
        let mut ranges: Vec<Range<usize>> = Vec::new();
        for _ in 0..records {
            self.snake = self.one_of(&[0, 0, 100, 50]);
            self.faults = if self.chance(15) { 8 } else { 0 };
            self.spaces = if lines {
                self.one_of(&["", "", " ", "\t", " \r ", INDENT])
            } else {
                self.one_of(&["", " ", "\n    ", "\r\n\t", "\n\n  ", INDENT])
            };
            self.before_colon = if self.chance(50) { self.spaces } else { "" };
            // The decoder guesses the order of members from the last record, so some records repeat it.
            let mut record = match last.take().filter(|_| self.chance(25)) {
                Some(same) => same,
                None => self.record(layout).into_bytes(),
            };
            last = Some(record.clone());
            if self.chance(broken) {
                self.mutate(&mut record);
            }
            if lines {
                bytes.extend_from_slice(self.one_of(&["", "", "", " ", "\n", "\r\n", " \t\n"]).as_bytes());
            }
            let start = bytes.len();
            bytes.extend(record);
            ranges.extend(without_space(&bytes, start));
            bytes.extend_from_slice(self.one_of(&["\n", "\n", "\r\n", " \n"]).as_bytes());
        }
        if lines && self.chance(30) {
            bytes.pop();
        }
        Block { bytes, framing: if lines { Framing::Lines } else { Framing::Ranges(ranges) } }
    }

    fn record(&mut self, layout: &Layout) -> String {
        self.depth = 0;
        if self.chance(self.faults) {
            return self.any_value();
        }
        let envelope = self.pick(layout.envelopes.len() + 2);
        match layout.envelopes.get(envelope.wrapping_sub(1)) {
            Some(steps) => self.enclosing(layout, steps, 0),
            None => self.object(&layout.row, 9, None),
        }
    }

    fn enclosing(&mut self, layout: &Layout, steps: &[(String, bool)], depth: usize) -> String {
        let is_last = depth + 1 == steps.len();
        let fields: &[Field] = match (is_last, depth) {
            (true, _) => &layout.parent,
            (false, 0) => &layout.outer,
            (false, _) => &[],
        };
        let (key, list) = &steps[depth];
        self.depth += 1;
        let value = if self.chance(5) {
            "null".to_owned()
        } else if self.chance(self.faults) {
            self.any_value()
        } else if *list {
            let count = self.one_of(&[1, 2, 1, 3, 0]);
            let elements: Vec<String> = (0..count).map(|_| self.inside(layout, steps, depth, is_last)).collect();
            self.list(&elements)
        } else {
            self.inside(layout, steps, depth, is_last)
        };
        self.depth -= 1;
        let name = if self.chance(self.snake) { snake_case(key) } else { key.clone() };
        let step = (!self.chance(4)).then_some((name.as_str(), value));
        self.object(fields, 5, step)
    }

    fn inside(&mut self, layout: &Layout, steps: &[(String, bool)], depth: usize, is_last: bool) -> String {
        self.depth += usize::from(steps[depth].1);
        let text = if self.chance(self.faults) {
            self.any_value()
        } else if is_last {
            self.object(&layout.row, 6, None)
        } else {
            self.enclosing(layout, steps, depth + 1)
        };
        self.depth -= usize::from(steps[depth].1);
        text
    }

    /// An object with up to `most` of these members, some unknown ones and the given one, in any order.
    fn object(&mut self, fields: &[Field], most: usize, given: Option<(&str, String)>) -> String {
        self.depth += 1;
        let mut left: Vec<&Field> = fields.iter().collect();
        let mut members: Vec<String> = Vec::new();
        let known = self.pick(most + 1).min(left.len());
        for _ in 0..known {
            let field = left.remove(self.pick(left.len()));
            let name = if self.chance(self.snake) { &field.snake } else { &field.wire };
            let value = self.value(&field.kind);
            members.push(self.member(name, &value));
            if self.chance(self.faults) {
                let twin = self.one_of(&[&field.wire, &field.snake]);
                let value = self.value(&field.kind);
                members.push(self.member(twin, &value));
            }
        }
        let unknown = self.one_of(&[0, 0, 0, 1, 2]);
        let mut names: Vec<String> = Vec::new();
        for _ in 0..unknown {
            let name = self.name();
            let is_known = fields.iter().any(|field| field.wire == name || field.snake == name);
            if (is_known || names.contains(&name)) && !self.chance(self.faults) {
                continue;
            }
            let value = self.any_value();
            members.push(self.member(&name, &value));
            names.push(name);
        }
        if let Some((key, value)) = given {
            let text = self.member(key, &value);
            let place = self.pick(members.len() + 1);
            members.insert(place, text);
        }
        self.depth -= 1;
        self.braces(&members)
    }

    fn braces(&self, members: &[String]) -> String {
        let s = self.spaces;
        format!("{{{s}{}{s}}}", members.join(&format!("{s},{s}")))
    }

    fn list(&self, elements: &[String]) -> String {
        let s = self.spaces;
        format!("[{s}{}{s}]", elements.join(&format!("{s},{s}")))
    }

    fn member(&mut self, name: &str, value: &str) -> String {
        let s = self.spaces;
        format!("{}{}:{s}{value}", self.quoted(name), self.before_colon)
    }

    /// A value for a member of this kind: usually one that fits, otherwise anything.
    fn value(&mut self, kind: &FieldKind) -> String {
        if self.chance(6) {
            return "null".to_owned();
        }
        if self.chance(12) {
            return self.any_value();
        }
        match kind {
            FieldKind::Scalar(scalar) => self.scalar(*scalar),
            FieldKind::Ignored => self.any_value(),
            FieldKind::Object(fields) => self.object(fields, 3, None),
            FieldKind::List(scalar) => {
                let count = self.pick(4);
                self.depth += 1;
                let elements: Vec<String> = (0..count).map(|_| self.value(&FieldKind::Scalar(*scalar))).collect();
                self.depth -= 1;
                self.list(&elements)
            }
            FieldKind::Structs(fields) => {
                let count = self.pick(4);
                self.depth += 1;
                let elements: Vec<String> =
                    (0..count).map(|_| self.value(&FieldKind::Object(fields.clone()))).collect();
                self.depth -= 1;
                self.list(&elements)
            }
            FieldKind::Map { .. } => self.map(),
        }
    }

    fn map(&mut self) -> String {
        let mut names: Vec<String> = Vec::new();
        for _ in 0..self.pick(5) {
            let promoted = self.promoted;
            let name = if promoted.is_empty() || self.chance(50) {
                self.name()
            } else {
                promoted[self.pick(promoted.len())].clone()
            };
            if !names.contains(&name) || self.chance(self.faults) {
                names.push(name);
            }
        }
        self.depth += 1;
        let members: Vec<String> = names
            .iter()
            .map(|name| {
                let value = self.value(&FieldKind::Scalar(ScalarType::Text));
                self.member(name, &value)
            })
            .collect();
        self.depth -= 1;
        self.braces(&members)
    }

    fn scalar(&mut self, scalar: ScalarType) -> String {
        let token = match scalar {
            ScalarType::Text => {
                return match self.pick(8) {
                    0..=4 => self.string(),
                    5 => self.number(),
                    _ => self.reference(),
                };
            }
            ScalarType::Json => return self.any_value(),
            ScalarType::Int64 | ScalarType::Float64 => self.number(),
            ScalarType::Bool => self.one_of(&["true", "false", "true", "false", "True", "1", "0", ""]).to_owned(),
            ScalarType::Instant if self.chance(20) => self.number(),
            ScalarType::Instant => {
                let instant = self.instant();
                return self.quoted(&instant);
            }
        };
        let is_bare = !matches!(token.as_str(), "True" | "");
        if is_bare && !self.chance(25) { token } else { self.quoted(&token) }
    }

    /// An object where a text is expected.
    fn reference(&mut self) -> String {
        self.depth += 1;
        let id = match self.pick(4) {
            0 | 1 => self.string(),
            2 => self.number(),
            _ => self.any_value(),
        };
        self.depth -= 1;
        self.object(&[], 0, Some(("id", id)))
    }

    /// Any JSON value of any size and depth.
    fn any_value(&mut self) -> String {
        match self.pick(12) {
            0 => self.number(),
            1 => "true".to_owned(),
            2 => "false".to_owned(),
            3 => "null".to_owned(),
            4..=6 => self.string(),
            7 => {
                let instant = self.instant();
                self.quoted(&instant)
            }
            8 | 9 if self.depth < 12 => {
                let count = self.pick(4);
                self.depth += 1;
                let elements: Vec<String> = (0..count).map(|_| self.any_value()).collect();
                self.depth -= 1;
                self.list(&elements)
            }
            10 if self.depth < 12 => self.reference(),
            11 if self.chance(40) => self.deep(),
            _ if self.depth < 12 => self.object(&[], 0, None),
            _ => "[]".to_owned(),
        }
    }

    /// As deep as allowed, one level less, or one more.
    fn deep(&mut self) -> String {
        let limit = super::json::MAX_DEPTH - self.depth;
        let levels = if self.chance(self.faults) { limit + 1 } else { limit - self.pick(2) };
        if self.pick(2) == 0 {
            return "[".repeat(levels) + &"]".repeat(levels);
        }
        let inner = levels.saturating_sub(1);
        r#"{"a":"#.repeat(inner) + "{}" + &"}".repeat(inner)
    }
}
