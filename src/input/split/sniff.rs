//! Detects the layout of an input by its first bytes.

use super::scan::BracketScan;

/// How the records of an input are delimited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// One record per line.
    Lines,
    /// JSON text of any layout; records are found by their brackets.
    Document,
}

/// How far values after the first one are inspected, to tell a compact object before pretty-printed ones from lines.
pub const SNIFF_BYTES: usize = 64 << 10;

/// The layout of an input that consists of `text`.
#[must_use]
pub fn sniff(text: &[u8]) -> Layout {
    Sniffer::default().look(text, true).unwrap_or(Layout::Lines)
}

/// Whether `text` is the rest of an array: it begins with an element and ends with the array's bracket.
#[must_use]
pub fn is_rest_of_array(text: &[u8]) -> bool {
    let text = text.trim_ascii();
    let mut first = ValueWalk::default();
    text.starts_with(b"{")
        && text.ends_with(b"]")
        && matches!(first.walk(text), Walk::OneLine(_) | Walk::ManyLines)
        && matches!(text[first.pos..].trim_ascii_start(), [b',', ..] | [b']'])
}

/// Detects the layout of one input.
#[derive(Debug, Default)]
pub struct Sniffer {
    /// The state of the first value. It can be long, so it is not scanned again when more bytes arrive.
    first: ValueWalk,
}

impl Sniffer {
    /// Returns the layout of an input that begins with `head`; `None` if more bytes are needed. It is then called again
    /// with these bytes and more. `is_whole` means that there are no more bytes.
    ///
    /// Whatever can be read as lines is line-delimited: a malformed line is then refused alone, while a malformed
    /// document is refused from there to its end. So a text is a document only if it begins with `[`, or with `{` alone
    /// on its line and a member below, has two values on a line, or has a value that continues over a newline where
    /// JSON allows white space.
    pub fn look(&mut self, head: &[u8], is_whole: bool) -> Option<Layout> {
        let mut pos = 0;
        while pos < SNIFF_BYTES {
            let is_first = pos == 0;
            // It is not worth reading more bytes for a later value.
            let give_up = (is_whole || !is_first).then_some(Layout::Lines);
            pos += head[pos..].iter().take_while(|byte| is_blank(**byte)).count();
            match head.get(pos) {
                None => return give_up,
                Some(b'[') if is_first => return Some(Layout::Document),
                // Pretty-printed text begins like this. After a record cut off right after its bracket, the next line
                // would be another record.
                Some(b'{') if is_first && continues_below(&head[pos + 1..]) => return Some(Layout::Document),
                Some(b'{' | b'[') => {}
                Some(_) => return Some(Layout::Lines),
            }
            let value = &head[pos..];
            let mut later = ValueWalk::default();
            match if is_first { &mut self.first } else { &mut later }.walk(value) {
                Walk::OneLine(end) => pos += end,
                Walk::ManyLines => return Some(Layout::Document),
                Walk::Open { newlines } if newlines > 0 && (is_whole || value.len() >= SNIFF_BYTES) => {
                    return Some(Layout::Document);
                }
                Walk::Open { .. } => return give_up,
                Walk::Broken => return Some(Layout::Lines),
            }
            pos += head[pos..].iter().take_while(|byte| is_blank(**byte) && **byte != b'\n').count();
            match head.get(pos) {
                None => return give_up,
                Some(b'\n') => {}
                Some(b'{' | b'[') => return Some(Layout::Document),
                Some(_) => return Some(Layout::Lines),
            }
        }
        Some(Layout::Lines)
    }
}

/// What a scan of a value has found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Walk {
    /// The value ends here, on the line on which it begins.
    OneLine(usize),
    /// The value ends on a later line, and each newline in it is where white space may be.
    ManyLines,
    /// The value continues beyond the present bytes; so far it has this many newlines, each where white space may be.
    Open { newlines: usize },
    /// The value has a newline where none may be.
    Broken,
}

/// A resumable scan of a value: it continues when more bytes arrive.
#[derive(Debug, Default)]
struct ValueWalk {
    /// Number of bytes scanned.
    pos: usize,
    /// How the scan ended, once it has.
    end: Option<Walk>,
    brackets: Vec<u8>,
    in_string: bool,
    escaped: bool,
    /// The last byte that is neither blank nor inside a string, and whether a newline followed it.
    last: u8,
    after_newline: bool,
    newlines: usize,
}

impl ValueWalk {
    /// Scans the value at the beginning of `bytes`, which start with the bytes of the previous call.
    fn walk(&mut self, bytes: &[u8]) -> Walk {
        if self.pos == 0 {
            // Nearly always it ends on its line, which is found faster. But a backslash outside of a string, in a
            // malformed line, means something else there.
            let line = &bytes[..memchr::memchr2(b'\n', b'\\', bytes).unwrap_or(bytes.len())];
            if let Some(end) = BracketScan::default().advance(line) {
                self.pos = end;
                self.end = Some(Walk::OneLine(end));
            }
        }
        if self.end.is_none() {
            self.end = self.resume(bytes);
        }
        self.end.unwrap_or(Walk::Open { newlines: self.newlines })
    }

    fn resume(&mut self, bytes: &[u8]) -> Option<Walk> {
        while let Some(&byte) = bytes.get(self.pos) {
            self.pos += 1;
            if self.in_string {
                match byte {
                    b'\n' => return Some(Walk::Broken),
                    _ if self.escaped => self.escaped = false,
                    b'\\' => self.escaped = true,
                    b'"' => self.in_string = false,
                    _ => {
                        let rest = &bytes[self.pos..];
                        self.pos += memchr::memchr3(b'"', b'\\', b'\n', rest).unwrap_or(rest.len());
                    }
                }
                continue;
            }
            if is_blank(byte) {
                self.after_newline |= byte == b'\n';
                continue;
            }
            if std::mem::take(&mut self.after_newline) {
                if !may_be_neighbours(self.last, byte, self.brackets.last().copied()) {
                    return Some(Walk::Broken);
                }
                self.newlines += 1;
            }
            self.last = byte;
            match byte {
                b'"' => self.in_string = true,
                b'{' | b'[' => self.brackets.push(byte),
                b'}' | b']' => {
                    self.brackets.pop();
                    if self.brackets.is_empty() {
                        return Some(if self.newlines == 0 { Walk::OneLine(self.pos) } else { Walk::ManyLines });
                    }
                }
                _ => {}
            }
        }
        None
    }
}

/// Whether JSON allows `next` after `last` inside `bracket`.
const fn may_be_neighbours(last: u8, next: u8, bracket: Option<u8>) -> bool {
    match (last, bracket) {
        (b'{', _) => matches!(next, b'"' | b'}'),
        (b',', Some(b'{')) => next == b'"',
        (b'[', _) => !matches!(next, b',' | b':' | b'}'),
        (b',' | b':', _) => !matches!(next, b',' | b':' | b'}' | b']'),
        _ => matches!(next, b',' | b':' | b'}' | b']'),
    }
}

/// Whether only blanks precede the next newline, and a member follows it, or what people take for one: a comment or a
/// name in single quotes.
fn continues_below(text: &[u8]) -> bool {
    let blanks = text.iter().take_while(|byte| is_blank(**byte)).count();
    text[..blanks].contains(&b'\n') && matches!(text.get(blanks), Some(b'"' | b'\'' | b'/'))
}

const fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn whole(text: &str) -> Layout {
        sniff(text.as_bytes())
    }

    #[test]
    fn lines_are_lines() {
        for text in [
            "",
            "\n\n",
            "{}",
            "{}\n",
            " {} \r\n",
            "\n{\"a\":1}\n{\"a\":2}\n",
            "{\"a\":\"}{\\\"\"}\n{}",
            // Malformed lines affect only themselves.
            "{\"a\":1\n{\"a\":2}\n",
            "{\"a\":\"x\n{}\n",
            "{\"a\":1,\n{\"a\":2}",
            "{\"a\":[1,2}\n{}\n",
            "{}}\n{}",
            "{},\n{}",
            "{} garbage\n{}",
            "garbage\n[1]",
            "\"text\"\n{}",
            "12\n",
            "{}\n{\"a\":\n{\"b\":1}\n{\"c\":1}\n",
            "{\"a\":",
            "{}\n[1,2]\n{}\n",
            // A backslash outside of a string escapes nothing.
            "{\\\"}{}\n{}\n",
            "{}\n{\\\"}{}\n",
            "{\"a\":1\n{}\n{\n\"a\":1}",
            "{\n{\"a\":1}\n{\"a\":2}",
        ] {
            assert_eq!(whole(text), Layout::Lines, "{text:?}");
        }
    }

    #[test]
    fn everything_else_is_a_document() {
        for text in [
            "[",
            "[]",
            "\n [{}]",
            "{\n}",
            "{\"a\"\n:1}",
            "{\"a\":\n1}",
            "{\"a\":1\n,\"b\":2}",
            "{\"a\":[\n1]}",
            "{\"a\":1\n}",
            "{\r\n  \"a\": 1\r\n}\r\n",
            "{}{}",
            "{} {}\n",
            "{}[{}]",
            "{}\r{}",
            // A compact object before a pretty-printed one.
            "{}\n{\n  \"a\": 1\n}\n",
            "{}\n[\n{}]",
            // Pretty-printed and truncated, or broken.
            "{\n  \"a\": 1,\n",
            " { \r\n\"a\":[\n{\"b\":1}\n],,\n}\n",
            "{\n\"a\":1\n\"b\":[\n{\"b\":1}\n]\n}\n",
        ] {
            assert_eq!(whole(text), Layout::Document, "{text:?}");
        }
    }

    #[test]
    fn the_rest_of_an_array_is_told_from_texts_of_their_own() {
        for (text, expected) in [
            ("{\"a\":[1]},{\"b\":2}]", true),
            (" {\n\"a\": 1\n} ,\n{}\n]\n", true),
            ("{}]", true),
            ("{}", false),
            ("{},", false),
            ("{}\n[{}]", false),
            ("{}]]", false),
            ("[{}]", false),
            ("{\"a\":[{}]", false),
            ("", false),
        ] {
            assert_eq!(is_rest_of_array(text.as_bytes()), expected, "{text:?}");
        }
    }

    #[test]
    fn what_is_seen_does_not_depend_on_the_pieces_in_which_it_comes() {
        let long = format!("{{\"a\":\"{}\\\"\\\\\",\"b\":[{}1]}}", "x".repeat(300), "1,{\"c\":2},".repeat(30));
        let pretty = format!("{{\n{}\"b\":0}}", "\"a\": [\n1],\n".repeat(40));
        for first in [long.as_str(), &pretty, "{\"a\":\"x\n\"}", "{\"a\":1\n\"b\":2}"] {
            for rest in ["", "\n", "\n{}\n", " {}", " x", "\n{\n}"] {
                let text = format!("  {first}{rest}");
                for step in [1, 2, 7, 64, 1000] {
                    let mut sniffer = Sniffer::default();
                    let looks = (0..text.len()).step_by(step).map(|end| (end, false)).chain([(text.len(), true)]);
                    for (end, is_whole) in looks {
                        let seen = sniffer.look(&text.as_bytes()[..end], is_whole);
                        let at_once = Sniffer::default().look(&text.as_bytes()[..end], is_whole);
                        assert_eq!(seen, at_once, "{end} bytes of {text:?} by {step}");
                        if seen.is_some() {
                            break;
                        }
                    }
                }
            }
        }
    }

    proptest! {
        /// The end found by brackets is the one found byte by byte.
        #[test]
        fn a_value_that_ends_on_its_line_ends_there_for_both_scans(
            text in proptest::collection::vec(prop::sample::select(&b"\"\"\\{}[]a \n,"[..]), 0..200),
        ) {
            let text = [b"{", &text[..]].concat();
            let mut slow = ValueWalk::default();
            let expected = slow.resume(&text).unwrap_or(Walk::Open { newlines: slow.newlines });
            let mut fast = ValueWalk::default();
            prop_assert_eq!(fast.walk(&text), expected);
            if matches!(expected, Walk::OneLine(_)) {
                prop_assert_eq!(fast.pos, slow.pos);
            }
        }
    }

    #[test]
    fn no_answer_before_the_first_value_decides_it() {
        for text in ["", "  ", "{", "{\"a\":\"long", "{}", "{} ", "{\"a\":1", "{\"a\":1,\n"] {
            assert_eq!(Sniffer::default().look(text.as_bytes(), false), None, "{text:?}");
        }
        assert_eq!(Sniffer::default().look(b"{}\n", false), Some(Layout::Lines));
        assert_eq!(Sniffer::default().look(b"{}\n{\"a\":", false), Some(Layout::Lines));
        let pretty = format!("{{\n{}", "\"a\":1,\n".repeat(10_000));
        assert_eq!(Sniffer::default().look(pretty.as_bytes(), false), Some(Layout::Document));
    }
}
