//! Writes JSON straight into bytes.

use super::time::Calendar;

/// An id, written as a UUID of version 4.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Id(pub u64, pub u64);

impl Id {
    pub fn write(self, out: &mut Vec<u8>) {
        const DIGITS: [u8; 16] = *b"0123456789abcdef";
        let bits =
            (u128::from(self.0) << 64 | u128::from(self.1)) & !(0xf << 76) & !(0x3 << 62) | 0x4 << 76 | 0x2 << 62;
        let mut text = [b'-'; 36];
        let mut at = 0;
        for (index, byte) in bits.to_be_bytes().into_iter().enumerate() {
            if matches!(index, 4 | 6 | 8 | 10) {
                at += 1;
            }
            text[at] = DIGITS[usize::from(byte >> 4)];
            text[at + 1] = DIGITS[usize::from(byte & 15)];
            at += 2;
        }
        out.extend_from_slice(&text);
    }

    pub fn text(self) -> String {
        let mut out = Vec::with_capacity(36);
        self.write(&mut out);
        String::from_utf8_lossy(&out).into_owned()
    }
}

/// An object being written. Names and texts must not need escaping.
pub(super) struct Object<'a> {
    pub out: &'a mut Vec<u8>,
    calendar: &'a Calendar,
    is_empty: bool,
}

impl<'a> Object<'a> {
    pub fn begin(out: &'a mut Vec<u8>, calendar: &'a Calendar) -> Self {
        out.push(b'{');
        Self { out, calendar, is_empty: true }
    }

    pub fn end(self) {
        self.out.push(b'}');
    }

    /// Writes the name; the caller writes the value.
    pub fn name(&mut self, name: &str) -> &mut Vec<u8> {
        if !self.is_empty {
            self.out.push(b',');
        }
        self.is_empty = false;
        self.out.push(b'"');
        self.out.extend_from_slice(name.as_bytes());
        self.out.extend_from_slice(b"\":");
        self.out
    }

    /// Writes a value that is already JSON.
    pub fn raw(&mut self, name: &str, json: &[u8]) {
        self.name(name).extend_from_slice(json);
    }

    pub fn text(&mut self, name: &str, text: &str) {
        self.parts(name, &[text]);
    }

    /// Writes a text of several parts.
    pub fn parts(&mut self, name: &str, parts: &[&str]) {
        let out = self.name(name);
        out.push(b'"');
        for part in parts {
            out.extend_from_slice(part.as_bytes());
        }
        out.push(b'"');
    }

    pub fn id(&mut self, name: &str, id: Id) {
        let out = self.name(name);
        out.push(b'"');
        id.write(out);
        out.push(b'"');
    }

    /// Writes an id between two texts, as one text.
    pub fn id_within(&mut self, name: &str, before: &str, id: Id, after: &str) {
        let out = self.name(name);
        out.push(b'"');
        out.extend_from_slice(before.as_bytes());
        id.write(out);
        out.extend_from_slice(after.as_bytes());
        out.push(b'"');
    }

    pub fn instant(&mut self, name: &str, ms: i64) {
        let calendar = self.calendar;
        let out = self.name(name);
        out.push(b'"');
        calendar.write(ms, out);
        out.push(b'"');
    }

    pub fn number(&mut self, name: &str, number: u64) {
        let out = self.name(name);
        write_number(number, out);
    }

    pub fn flag(&mut self, name: &str, flag: bool) {
        self.raw(name, if flag { b"true" } else { b"false" });
    }

    /// Writes a nested object.
    pub fn object(&mut self, name: &str, fill: impl FnOnce(&mut Object<'_>)) {
        let calendar = self.calendar;
        let mut inner = Object::begin(self.name(name), calendar);
        fill(&mut inner);
        inner.end();
    }

    /// Writes a nested list; `write` writes each element.
    pub fn list<T>(&mut self, name: &str, items: impl IntoIterator<Item = T>, mut write: impl FnMut(T, &mut Vec<u8>)) {
        let out = self.name(name);
        out.push(b'[');
        for (index, item) in items.into_iter().enumerate() {
            if index > 0 {
                out.push(b',');
            }
            write(item, out);
        }
        out.push(b']');
    }
}

pub(super) fn write_number(mut number: u64, out: &mut Vec<u8>) {
    let mut digits = [0; 20];
    let mut at = digits.len();
    loop {
        at -= 1;
        digits[at] = b'0' + (number % 10) as u8;
        number /= 10;
        if number == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[at..]);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::generate::random::Random;

    #[test]
    fn an_id_is_a_uuid_of_version_4() {
        assert_eq!(Id(0, 0).text(), "00000000-0000-4000-8000-000000000000");
        assert_eq!(Id(u64::MAX, u64::MAX).text(), "ffffffff-ffff-4fff-bfff-ffffffffffff");
        assert_eq!(Id(0x0123_4567_89ab_cdef, 0x0123_4567_89ab_cdef).text(), "01234567-89ab-4def-8123-456789abcdef");
    }

    #[test]
    fn an_object_is_json() {
        let calendar = Calendar::new(1, 0.0, &mut Random::new(1, 1));
        let mut out = Vec::new();
        let mut object = Object::begin(&mut out, &calendar);
        object.text("a", "b");
        object.number("n", 10);
        object.number("zero", 0);
        object.number("most", u64::MAX);
        object.flag("yes", true);
        object.object("empty", |_| {});
        object.list("list", [1, 2], write_number);
        object.list("none", Vec::<u64>::new(), write_number);
        object.instant("t", 1);
        object.end();
        let value: serde_json::Value = serde_json::from_slice(&out).unwrap();
        let wanted = serde_json::json!({
            "a": "b", "n": 10, "zero": 0, "most": u64::MAX, "yes": true, "empty": {}, "list": [1, 2], "none": [],
            "t": "2025-07-01T00:00:00.001Z",
        });
        assert_eq!(value, wanted);
    }
}
