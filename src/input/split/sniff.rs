//! Sees in its first bytes how an input is laid out.

/// How the records of an input are told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// One record a line.
    Lines,
    /// JSON text of any layout, records found by their brackets.
    Document,
}

/// How far values after the first one are looked at, to tell one compact object among pretty-printed ones from lines.
pub const SNIFF_BYTES: usize = 64 << 10;

/// The layout of an input that is no longer than `text`.
#[must_use]
pub fn sniff(text: &[u8]) -> Layout {
    Sniffer::default().look(text, true).unwrap_or(Layout::Lines)
}

/// Whether `text` begins with an element of an array and ends where that ends.
#[must_use]
pub fn is_rest_of_array(text: &[u8]) -> bool {
    let text = text.trim_ascii();
    let mut first = ValueWalk::default();
    text.starts_with(b"{")
        && text.ends_with(b"]")
        && matches!(first.walk(text), Walk::OneLine(_) | Walk::ManyLines)
        && matches!(text[first.pos..].trim_ascii_start(), [b',', ..] | [b']'])
}

/// Sees the layout of one input.
#[derive(Debug, Default)]
pub struct Sniffer {
    /// The first value can be long, so it is not walked again when there are more bytes.
    first: ValueWalk,
}

impl Sniffer {
    /// The layout of an input that begins with `head`; none if more bytes are needed: to be called again then with these and
    /// more. `is_whole`: there are no more.
    ///
    /// Line-delimited is whatever can be read as lines: a broken line is then refused alone, while a broken document is
    /// refused from there to its end. So a text is a document only if it begins with `[`, or with `{` alone on its line and a
    /// member below, has two values on a line, or has a value that goes on over a newline where JSON allows white space.
    pub fn look(&mut self, head: &[u8], is_whole: bool) -> Option<Layout> {
        let mut pos = 0;
        while pos < SNIFF_BYTES {
            let is_first = pos == 0;
            // A later value is not worth reading on for.
            let give_up = (is_whole || !is_first).then_some(Layout::Lines);
            pos += head[pos..].iter().take_while(|byte| is_blank(**byte)).count();
            match head.get(pos) {
                None => return give_up,
                Some(b'[') if is_first => return Some(Layout::Document),
                // What is pretty-printed begins so; of a record cut off right behind its bracket the next line is another one.
                Some(b'{') if is_first && goes_on_below(&head[pos + 1..]) => return Some(Layout::Document),
                Some(b'{' | b'[') => {}
                Some(_) => return Some(Layout::Lines),
            }
            let value = &head[pos..];
            match if is_first { self.first.walk(value) } else { ValueWalk::default().walk(value) } {
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

/// What a value turned out to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Walk {
    /// Ends here, on the line on which it begins.
    OneLine(usize),
    /// Ends on a later line, and each newline in it stands where white space may stand.
    ManyLines,
    /// Goes on beyond the bytes at hand, so far over so many newlines, each where white space may stand.
    Open { newlines: usize },
    /// Has a newline where none may be.
    Broken,
}

/// A walk over a value, which goes on where it was when there are more bytes.
#[derive(Debug, Default)]
struct ValueWalk {
    /// Bytes walked over.
    pos: usize,
    /// How it ended.
    end: Option<Walk>,
    brackets: Vec<u8>,
    in_string: bool,
    escaped: bool,
    /// The last byte that is neither blank nor inside a string, and whether a newline came after it.
    last: u8,
    after_newline: bool,
    newlines: usize,
}

impl ValueWalk {
    /// Walks over the value at the beginning of `bytes`: those of the last time, and more behind them.
    fn walk(&mut self, bytes: &[u8]) -> Walk {
        if self.end.is_none() {
            self.end = self.go_on(bytes);
        }
        self.end.unwrap_or(Walk::Open { newlines: self.newlines })
    }

    fn go_on(&mut self, bytes: &[u8]) -> Option<Walk> {
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

/// Whether JSON has a place inside `bracket` where `next` comes after `last`.
const fn may_be_neighbours(last: u8, next: u8, bracket: Option<u8>) -> bool {
    match (last, bracket) {
        (b'{', _) => matches!(next, b'"' | b'}'),
        (b',', Some(b'{')) => next == b'"',
        (b'[', _) => !matches!(next, b',' | b':' | b'}'),
        (b',' | b':', _) => !matches!(next, b',' | b':' | b'}' | b']'),
        _ => matches!(next, b',' | b':' | b'}' | b']'),
    }
}

/// Whether nothing but blanks stand before the next newline, and a member behind it.
fn goes_on_below(text: &[u8]) -> bool {
    let blanks = text.iter().take_while(|byte| is_blank(**byte)).count();
    text[..blanks].contains(&b'\n') && text.get(blanks) == Some(&b'"')
}

const fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n')
}

#[cfg(test)]
mod tests {
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
            // Broken lines spoil only themselves.
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
