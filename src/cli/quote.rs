//! Quotes paths and names as literals of other languages.

use std::fmt::Write as _;

/// A word for a shell: bare if that is safe, otherwise in single quotes. A word with control characters or invalid
/// UTF-8 is escaped in the `$'...'` form of bash, zsh and newer POSIX shells.
pub fn shell(word: &[u8]) -> String {
    // A path that begins with a hyphen would be read as an option.
    let word = if word.starts_with(b"-") { [b"./", word].concat() } else { word.to_vec() };
    let bare = |c: char| c.is_ascii_alphanumeric() || matches!(c, '/' | '.' | '_' | '-' | '=' | '+' | ',' | '@' | ':');
    match str::from_utf8(&word) {
        Ok(text) if !text.is_empty() && text.chars().all(bare) => text.to_owned(),
        Ok(text) if !text.contains(char::is_control) => format!("'{}'", text.replace('\'', r"'\''")),
        _ => {
            let escaped = word.utf8_chunks().fold(String::new(), |mut escaped, chunk| {
                for c in chunk.valid().chars() {
                    match c {
                        '\'' | '\\' => escaped.extend(['\\', c]),
                        c if c.is_control() => push_escaped(c.encode_utf8(&mut [0; 4]).as_bytes(), &mut escaped),
                        c => escaped.push(c),
                    }
                }
                push_escaped(chunk.invalid(), &mut escaped);
                escaped
            });
            format!("$'{escaped}'")
        }
    }
}

/// Appends bytes, each as `\xHH`.
fn push_escaped(bytes: &[u8], out: &mut String) {
    for byte in bytes {
        let _ = write!(out, "\\x{byte:02x}");
    }
}

/// A text literal of SQL. Control characters are escaped in the form of `DuckDB` and `PostgreSQL`, so that the literal
/// stays on one line and a terminal takes none of them as a command.
pub fn sql(text: &str) -> String {
    let quoted = text.replace('\'', "''");
    if !text.contains(char::is_control) {
        return format!("'{quoted}'");
    }
    let escaped = quoted.chars().fold(String::new(), |mut escaped, c| {
        match c {
            '\\' => escaped.push_str("\\\\"),
            '\n' => escaped.push_str("\\n"),
            '\r' => escaped.push_str("\\r"),
            '\t' => escaped.push_str("\\t"),
            c if c.is_control() => push_escaped(c.encode_utf8(&mut [0; 4]).as_bytes(), &mut escaped),
            c => escaped.push(c),
        }
        escaped
    });
    format!("E'{escaped}'")
}

/// A name in SQL. It is always quoted, because the names that need quotes differ between versions.
pub fn sql_name(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// A name in Spark's SQL.
pub fn back_quoted(name: &str) -> String {
    format!("`{}`", name.replace('`', "``"))
}

/// A `DuckDB` pattern that matches exactly this path: special characters are put in brackets.
pub fn duckdb_glob(path: &str) -> String {
    path.chars().fold(String::with_capacity(path.len()), |mut pattern, c| {
        match c {
            '*' | '?' | '[' => pattern.extend(['[', c, ']']),
            _ => pattern.push(c),
        }
        pattern
    })
}

/// A text literal of Python.
pub fn python(text: &str) -> String {
    let mut literal = String::with_capacity(text.len() + 2);
    literal.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => literal.extend(['\\', c]),
            '\n' => literal.push_str("\\n"),
            '\r' => literal.push_str("\\r"),
            '\t' => literal.push_str("\\t"),
            c if c.is_control() => literal.extend(format!("\\x{:02x}", u32::from(c)).chars()),
            c => literal.push(c),
        }
    }
    literal.push('"');
    literal
}

/// A Hadoop pattern that matches exactly this path. Spark reads every path as such a pattern.
pub fn hadoop_glob(path: &str) -> String {
    path.chars().fold(String::with_capacity(path.len()), |mut pattern, c| {
        if matches!(c, '*' | '?' | '[' | ']' | '{' | '}' | '\\') {
            pattern.push('\\');
        }
        pattern.push(c);
        pattern
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shell_words() {
        let shell = |text: &str| shell(text.as_bytes());
        assert_eq!(shell("out/calls-2025_07.d"), "out/calls-2025_07.d");
        assert_eq!(shell("my calls"), "'my calls'");
        assert_eq!(shell("it's"), r"'it'\''s'");
        assert_eq!(shell("-rf"), "./-rf");
        assert_eq!(shell("a\n'b\\"), r"$'a\x0a\'b\\'");
        assert_eq!(super::shell(b"a\xff b"), r"$'a\xff b'");
        assert_eq!(shell("a\u{9b}31m"), r"$'a\xc2\x9b31m'", "an escape sequence of one character");
        assert_eq!(shell(""), "''");
        assert_eq!(shell("$HOME;`x`"), "'$HOME;`x`'");
    }

    #[test]
    fn sql_texts_and_names() {
        assert_eq!(sql("it's \"here\""), "'it''s \"here\"'");
        assert_eq!(sql("a\\b"), "'a\\b'");
        assert_eq!(sql("a\\\n'\u{1}"), "E'a\\\\\\n''\\x01'");
        assert_eq!(sql("\u{9b}31m"), r"E'\xc2\x9b31m'");
        assert_eq!(sql_name("start_time_day"), "\"start_time_day\"");
        assert_eq!(sql_name("a\"b"), "\"a\"\"b\"");
    }

    #[test]
    fn python_texts() {
        assert_eq!(python("it's"), "\"it's\"");
        assert_eq!(python("a\"b\\c\n\u{1b}é"), "\"a\\\"b\\\\c\\n\\x1bé\"");
    }

    #[test]
    fn patterns_that_mean_one_path() {
        assert_eq!(duckdb_glob("a[1]*?{x}"), "a[[]1][*][?]{x}");
        assert_eq!(hadoop_glob("a[1]*?{x}\\"), "a\\[1\\]\\*\\?\\{x\\}\\\\");
        assert_eq!(duckdb_glob("plain/path"), "plain/path");
        assert_eq!(hadoop_glob("plain/path"), "plain/path");
    }
}
