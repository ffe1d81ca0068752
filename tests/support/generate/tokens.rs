//! Names, texts, numbers and instants, awkward ones in particular.

use super::Maker;

const NAMES: &[&str] = &[
    "x",
    "unknown",
    "",
    " ",
    "~",
    "/",
    "~1/~0",
    "a.b",
    "a b",
    "Ünïcode",
    "日本",
    "😀",
    "quote\"s",
    "back\\slash",
    "nul\0",
    "tab\t",
    "line\nfeed",
    "\u{7f}",
    "\u{2028}",
    "id",
    "name",
    "participants",
    "startTime",
    "start_time",
    "IVR Priority",
    "Queue Deflection Status",
    "user",
    "__proto__",
    "*",
    "..",
    "0",
    "extra",
    "\u{feff}",
    "\u{10ffff}",
    "e\u{301}",
    "é",
];

const TEXTS: &[&str] = &[
    "a",
    "",
    " ",
    "tel:+15555550100",
    "null",
    "true",
    "0",
    "Zoë",
    "日本語",
    "😀👩‍👩‍👧",
    "\"",
    "\\",
    "/",
    "\u{8}\u{c}\n\r\t",
    "\0",
    "\u{1f}",
    "\u{7f}",
    "\u{80}",
    "\u{7ff}",
    "\u{800}",
    "\u{ffff}",
    "\u{10000}",
    "\u{10ffff}",
    "\u{d7ff}",
    "\u{e000}",
    "12345678",
    "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
    "{\"a\":1}",
    "1e3",
];

const NUMBERS: &[&str] = &[
    "0",
    "1",
    "-1",
    "-0",
    "42",
    "30000",
    "1.0",
    "-1.0",
    "0.0",
    "-0.0",
    "1.9",
    "0.1e1",
    "1E+2",
    "1e-0",
    "1e2",
    "100e-2",
    "12.5e1",
    "9223372036854775807",
    "9223372036854775808",
    "-9223372036854775808",
    "-9223372036854775809",
    "922337203685477580.7e1",
    "922337203685477580.8e1",
    "-922337203685477580.8e1",
    "9223372036854775807.0",
    "9223372036854775807.5",
    "9007199254740991",
    "9007199254740992",
    "9007199254740993",
    "-9007199254740993",
    "9007199254740994",
    "18014398509481985",
    "1e400",
    "-1e400",
    "1e-400",
    "1e308",
    "1.7976931348623157e308",
    "1.7976931348623159e308",
    "5e-324",
    "2e-324",
    "0e400",
    "0.000e-99999999999999999999",
    "1e99999999999999999999",
    "1e-99999999999999999999",
    "123456789012345678901234567890",
    "100000000000000000000",
    "1e18",
    "1e19",
    "0.30000000000000004",
    "2.2250738585072011e-308",
    "1751364000000",
    "1751364000000.5",
    "1751364000000.123",
    "1751364000000.1234",
    "1751364000000.123000",
    "-62135596800000",
    "-62135596800001",
    "253402300799999",
    "253402300799999.999",
    "253402300800000",
    "1.7e12",
    "17513640000001e-1",
    "0.001",
    "0.0001",
    "1000000000000000000000000000000000000000e-39",
    "179769313486231580793728971405301",
    "0.1e-1000000",
    "1.5e300",
];

impl Maker<'_> {
    pub(super) fn name(&mut self) -> String {
        if self.chance(10) { format!("k{}", self.pick(1000)) } else { self.one_of(NAMES).to_owned() }
    }

    pub(super) fn string(&mut self) -> String {
        let mut text = self.one_of(TEXTS).to_owned();
        if self.chance(30) {
            text += self.one_of(TEXTS);
        }
        self.quoted(&text)
    }

    /// A string token, with each character either plain or in one of its escaped forms.
    pub(super) fn quoted(&mut self, text: &str) -> String {
        let escapes = self.one_of(&[0, 0, 0, 10, 100]);
        let mut token = String::from("\"");
        for c in text.chars() {
            let short = match c {
                '"' => Some('"'),
                '\\' => Some('\\'),
                '/' => Some('/'),
                '\u{8}' => Some('b'),
                '\u{c}' => Some('f'),
                '\n' => Some('n'),
                '\r' => Some('r'),
                '\t' => Some('t'),
                _ => None,
            };
            let must = c < ' ' || c == '"' || c == '\\';
            if !must && !self.chance(escapes) {
                token.push(c);
            } else if let Some(short) = short.filter(|_| self.pick(2) == 0) {
                token.extend(['\\', short]);
            } else {
                let upper = self.pick(2) == 1;
                for unit in c.encode_utf16(&mut [0; 2]) {
                    token += &if upper { format!("\\u{unit:04X}") } else { format!("\\u{unit:04x}") };
                }
            }
        }
        token + "\""
    }

    pub(super) fn number(&mut self) -> String {
        if self.chance(40) {
            return self.number_of_parts();
        }
        self.one_of(NUMBERS).to_owned()
    }

    fn number_of_parts(&mut self) -> String {
        let mut token = self.one_of(&["", "-"]).to_owned();
        let length = self.pick(22);
        token += &if length == 0 { "0".to_owned() } else { format!("{}{}", 1 + self.pick(9), self.digits(length - 1)) };
        if self.chance(40) {
            let length = 1 + self.pick(20);
            token += ".";
            token += &self.digits(length);
        }
        if self.chance(40) {
            token += self.one_of(&["e", "E", "e+", "e-", "E-"]);
            token += &self.pick(25).to_string();
        }
        token
    }

    fn digits(&mut self, length: usize) -> String {
        let zeros = self.chance(30);
        (0..length).map(|_| if zeros { '0' } else { char::from(b'0' + self.pick(10) as u8) }).collect()
    }

    pub(super) fn instant(&mut self) -> String {
        let odd = self.one_of(&[0, 0, 0, 10, 30]);
        let year = self.odd(
            odd,
            "2025",
            &["0000", "0001", "9999", "1970", "1969", "2024", "1900", "2000", "1600", "25", "+2025", "10000"],
        );
        let month = self.odd(odd, "07", &["01", "02", "12", "00", "13", "7", "04"]);
        let day = self.odd(odd, "01", &["28", "29", "30", "31", "00", "32", "1"]);
        let separator = self.odd(odd, "T", &["t", " ", "_", "", "  "]);
        let hour = self.odd(odd, "13", &["00", "23", "24", "1", "99"]);
        let minute = self.odd(odd, "05", &["00", "59", "60", "5"]);
        let second = self.odd(odd, "09", &["00", "59", "60", "61"]);
        let zone = self.odd(
            odd,
            "Z",
            &[
                "z", "+00:00", "-00:00", "+05:30", "-08:00", "+23:59", "-23:59", "+24:00", "+05:60", "+0530", "+05",
                "", "Z ", "ZZ", " Z", "−08:00", "+5:30",
            ],
        );
        let (date_mark, time_mark) = if self.chance(odd / 4) { ("/", ".") } else { ("-", ":") };
        let fraction = self.fraction();
        format!(
            "{year}{date_mark}{month}{date_mark}{day}{separator}{hour}{time_mark}{minute}{time_mark}{second}{fraction}{zone}"
        )
    }

    fn fraction(&mut self) -> String {
        let length = self.one_of(&[0, 0, 3, 3, 1, 2, 4, 5, 6, 7, 9, 12, 25]);
        if length == 0 {
            return if self.chance(3) { ".".to_owned() } else { String::new() };
        }
        let fine = self.digits(length.min(6));
        let mark = if self.chance(3) { "," } else { "." };
        let finer =
            if length > 6 && self.chance(40) { self.digits(length - 6) } else { "0".repeat(length.saturating_sub(6)) };
        format!("{mark}{fine}{finer}")
    }

    fn odd(&mut self, percent: u16, usual: &'static str, others: &[&'static str]) -> &'static str {
        if self.chance(percent) { self.one_of(others) } else { usual }
    }
}
