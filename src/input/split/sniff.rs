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

/// The layout of an input that begins with `head`; none if more bytes are needed. `is_whole`: there is no more.
///
/// Line-delimited is whatever can be read as lines: a broken line is then refused alone, while a broken document is
/// refused from there to its end. So a text is a document only if it begins with `[`, has two values on a line, or
/// has a value that goes on over a newline where JSON allows white space.
#[must_use]
pub fn sniff(head: &[u8], is_whole: bool) -> Option<Layout> {
    let mut pos = 0;
    while pos < SNIFF_BYTES {
        let is_first = pos == 0;
        // A later value is not worth reading on for.
        let give_up = (is_whole || !is_first).then_some(Layout::Lines);
        pos += head[pos..].iter().take_while(|byte| is_blank(**byte)).count();
        match head.get(pos) {
            None => return give_up,
            Some(b'[') if is_first => return Some(Layout::Document),
            Some(b'{' | b'[') => {}
            Some(_) => return Some(Layout::Lines),
        }
        match walk(&head[pos..]) {
            Walk::OneLine(end) => pos += end,
            Walk::ManyLines => return Some(Layout::Document),
            Walk::Open { newlines } if newlines > 0 && (is_whole || head.len() - pos >= SNIFF_BYTES) => {
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

/// What a value turned out to be.
#[derive(Debug, PartialEq, Eq)]
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

/// Walks over the value at the beginning of `bytes`.
fn walk(bytes: &[u8]) -> Walk {
    let mut brackets: Vec<u8> = Vec::new();
    let (mut in_string, mut escaped) = (false, false);
    // The last byte that is neither blank nor inside a string, and whether a newline came after it.
    let (mut last, mut after_newline) = (b' ', false);
    let mut newlines = 0;
    for (pos, &byte) in bytes.iter().enumerate() {
        if in_string {
            match byte {
                b'\n' => return Walk::Broken,
                _ if escaped => escaped = false,
                b'\\' => escaped = true,
                b'"' => in_string = false,
                _ => {}
            }
            continue;
        }
        if is_blank(byte) {
            if byte == b'\n' {
                after_newline = true;
            }
            continue;
        }
        if std::mem::take(&mut after_newline) {
            if !may_be_neighbours(last, byte, brackets.last().copied()) {
                return Walk::Broken;
            }
            newlines += 1;
        }
        last = byte;
        match byte {
            b'"' => in_string = true,
            b'{' | b'[' => brackets.push(byte),
            b'}' | b']' => {
                brackets.pop();
                if brackets.is_empty() {
                    return if newlines == 0 { Walk::OneLine(pos + 1) } else { Walk::ManyLines };
                }
            }
            _ => {}
        }
    }
    Walk::Open { newlines }
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

const fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whole(text: &str) -> Layout {
        sniff(text.as_bytes(), true).unwrap()
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
            // Pretty-printed and truncated.
            "{\n  \"a\": 1,\n",
        ] {
            assert_eq!(whole(text), Layout::Document, "{text:?}");
        }
    }

    #[test]
    fn no_answer_before_the_first_value_decides_it() {
        for text in ["", "  ", "{", "{\"a\":\"long", "{}", "{} ", "{\"a\":1", "{\"a\":1,\n"] {
            assert_eq!(sniff(text.as_bytes(), false), None, "{text:?}");
        }
        assert_eq!(sniff(b"{}\n", false), Some(Layout::Lines));
        assert_eq!(sniff(b"{}\n{\"a\":", false), Some(Layout::Lines));
        let pretty = format!("{{\n{}", "\"a\":1,\n".repeat(10_000));
        assert_eq!(sniff(pretty.as_bytes(), false), Some(Layout::Document));
    }
}
