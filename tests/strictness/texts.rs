//! Whole records: values that are not objects, text before and after, records that break off.

use super::verdict::{check, flatten};

#[test]
fn a_record_is_an_object() {
    for scalar in ["null", "true", "false", "0", "-1.5e3", "\"\"", "\"{}\"", "[]", "[{}]", r#"[{"id":"a"}]"#, "[1,2]"] {
        check(scalar.as_bytes(), "not-object");
        check(format!(" {scalar}\n").as_bytes(), "not-object");
    }
    for invalid in ["nul", "01", "\"", "[", "[1,]", "[}", "]", "}", ",", ":", "-", "[] []", "1 2", "a", "\\"] {
        check(invalid.as_bytes(), "syntax");
    }
    check(b"{}", "ok");
}

#[test]
fn nothing_stands_around_the_record() {
    for record in [
        "{}}",
        "{}]",
        "{},",
        "{}{}",
        "{} {}",
        "{}\n{}",
        "{}null",
        "{}0",
        "{}\"\"",
        "{};",
        "{}\0",
        "{}\u{feff}",
        "\u{feff}{}",
        "\0{}",
        ",{}",
        "[{}",
        "({})",
        "x{}",
        "{}x",
        "\u{1e}{}",
        "data: {}",
        "{}//",
        "{}/**/",
        "{}#",
        "callback({})",
    ] {
        check(record.as_bytes(), "syntax");
    }
    check(b"\xff\xfe{\0}\0", "utf8");
    check(b"{}\xff", "utf8");
    check(b"\x80{}", "utf8");
}

/// A record with every kind of value in it.
const FULL: &str = concat!(
    r#" {"z":[1,{"a":null}],"participants":[{"id":"p\n\u00e9\ud83d\ude00é😀","startTime":"2025-07-01T13:05:09.123+02:00","#,
    r#""wrapupRequired":true,"alertingTimeoutMs":-30000,"sentiment_score":1.5e-3,"errorInfo":{"errors":[{"code":"x"}]},"#,
    r#""user":{"id":"u","unknown":false},"attributes":{"IVR":"1","n":2,"o":{"p":[]}},"labels":{},"mediaRoles":["full",null,3],"#,
    r#""scoredAgents":[{"agent":{"id":"a"},"score":"7"},null,5],"skills":[],"pageNumber":{"q":[1,""]}},{}],"#,
    r#""id":"c","owner":{"id":"o"},"policyData":[ 1 , 2 ],"divisionIds":["d"]}"#,
);

#[test]
fn a_record_cut_anywhere_is_refused() {
    for (who, flattened) in flatten(FULL.as_bytes()) {
        assert_eq!((flattened.rows.len(), flattened.rejects.len()), (2, 0), "{who}");
    }
    for end in 1..FULL.len() {
        // Within a character the bytes are not even UTF-8.
        let expected = if FULL.is_char_boundary(end) { "syntax" } else { "utf8" };
        if end > 1 {
            check(&FULL.as_bytes()[..end], expected);
        }
    }
}

#[test]
fn a_record_without_its_beginning_is_refused() {
    for start in 2..FULL.len() {
        let rest = &FULL.as_bytes()[start..];
        let expected = if FULL.is_char_boundary(start) { "syntax" } else { "utf8" };
        check(rest, expected);
    }
}

#[test]
fn a_record_without_one_of_its_marks_is_refused() {
    for (at, mark) in FULL.bytes().enumerate().filter(|(_, byte)| b"{}[]:,".contains(byte)) {
        let in_text = FULL[..at].ends_with("T13") || FULL[..at].ends_with(":05") || FULL[..at].ends_with("+02");
        let in_empty_list = FULL[at..].starts_with("[]") || FULL[..at].ends_with('[') && mark == b']';
        if !in_text && !in_empty_list {
            check(&[&FULL.as_bytes()[..at], &FULL.as_bytes()[at + 1..]].concat(), "syntax");
        }
    }
}
