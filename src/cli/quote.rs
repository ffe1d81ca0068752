//! Paths and names as literals of other languages.

/// A word for a POSIX shell: bare if that is safe, else in single quotes.
pub fn shell(text: &str) -> String {
    let bare = |c: char| c.is_ascii_alphanumeric() || matches!(c, '/' | '.' | '_' | '-' | '=' | '+' | ',' | '@' | ':');
    if !text.is_empty() && !text.starts_with('-') && text.chars().all(bare) {
        return text.to_owned();
    }
    // A path that begins with a hyphen would be read as an option.
    let path = if text.starts_with('-') { format!("./{text}") } else { text.to_owned() };
    format!("'{}'", path.replace('\'', r"'\''"))
}

/// A text literal of SQL.
pub fn sql(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// A name in SQL. Always in quotes: which names need them differs from version to version.
pub fn sql_name(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// A pattern of `DuckDB` that means just this path: what its patterns give a meaning stands in brackets.
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

/// A pattern of Hadoop (every path that Spark reads is one) that means just this path.
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
        assert_eq!(shell("out/calls-2025_07.d"), "out/calls-2025_07.d");
        assert_eq!(shell("my calls"), "'my calls'");
        assert_eq!(shell("it's"), r"'it'\''s'");
        assert_eq!(shell("-rf"), "'./-rf'");
        assert_eq!(shell(""), "''");
        assert_eq!(shell("$HOME;`x`"), "'$HOME;`x`'");
    }

    #[test]
    fn sql_texts_and_names() {
        assert_eq!(sql("it's \"here\""), "'it''s \"here\"'");
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
