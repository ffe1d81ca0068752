//! Strings: escapes, surrogates, control characters, UTF-8; as values and as names.

use super::verdict::{check, check_text, check_value};

/// Checks the inside of a string, as a value everywhere and as a name.
#[track_caller]
fn check_string(inside: &[u8], expected: &str) {
    check_value(&[b"\"", inside, b"\""].concat(), expected);
    for (before, after) in [
        (r#"{""#, r#"":1}"#),
        (r#"{"x":{""#, r#"":1}}"#),
        (r#"{"errorInfo":{""#, r#"":1}}"#),
        (r#"{"pageNumber":{""#, r#"":1}}"#),
        (r#"{"labels":{""#, r#"":"1"}}"#),
        (r#"{"user":{""#, r#"":1}}"#),
        (r#"{"skills":[{""#, r#"":1}]}"#),
        (r#"{"participants":[{""#, r#"":1}]}"#),
        (r#"{"participants":[{}],""#, r#"":1}"#),
    ] {
        check(&[before.as_bytes(), inside, after.as_bytes()].concat(), expected);
    }
}

#[test]
fn escapes() {
    for valid in [
        r#"\""#,
        r"\\",
        r"\/",
        r"\b",
        r"\f",
        r"\n",
        r"\r",
        r"\t",
        r"\u0000",
        r"\u001f",
        r"\u0041",
        r"\u00e9",
        r"\u00E9",
        r"\uFFFF",
        r"\ufffe",
        r"\uFEFF",
        r"\u2028",
        r"\u007F",
        r"\ud83d\ude00",
        r"\uD83D\uDE00",
        r"\uD800\uDC00",
        r"\uDBFF\uDFFF",
        r"\ud7ff",
        r"\ue000",
        r"\\u",
        r"\\ud800",
        r"\u005cud800",
        r"a\\",
        r#"\\\""#,
        r"\u0041\u0042\u0043",
        r"\uDBFF\uDFFFx",
    ] {
        check_string(valid.as_bytes(), "ok");
    }
    for invalid in [
        r"\a",
        r"\v",
        r"\0",
        r"\x41",
        r"\'",
        r"\ ",
        r"\U0041",
        r"\e",
        r"\N",
        r"\T",
        r"\B",
        r"\1",
        r"\é",
        "\\\n",
        "\\\r\n",
        "\\\t",
        r"\u",
        r"\u0",
        r"\u00",
        r"\u004",
        r"\u004g",
        r"\u 041",
        r"\u+041",
        r"\u-041",
        r"\u{41}",
        r"\uD83G",
        r"\u００41",
        r"\u0x41",
        r"\\\a",
        r"a\",
        r"\\\",
        r"\u12",
        r"\u12x4",
        r"\\\u",
    ] {
        check_string(invalid.as_bytes(), "syntax");
    }
}

#[test]
fn surrogates_come_in_pairs() {
    for invalid in [
        r"\ud800",
        r"\uD800",
        r"\udbff",
        r"\udc00",
        r"\uDFFF",
        r"\ud83d\ud83d",
        r"\ude00\ud83d",
        r"\ud83dx\ude00",
        r"\ud83d \ude00",
        r"\ud83d\n\ude00",
        r"\ud83d\\ude00",
        r"\ud83d\u0041",
        r"\ud83d\u",
        r"\ud83d\ude0",
        r"\ud83d\ude0g",
        r"\ud83d\",
        r"\ud83d\ue000",
        r"\ud83d\udbff",
        r"\ud83d\ude00\ude00",
        r"\ud83d\ude00\ud83d",
        r"a\udc00b",
        r"\uD83D\UDE00",
        r"\ud83d😀",
        r"\ud800\ud800\udc00",
    ] {
        check_string(invalid.as_bytes(), "syntax");
    }
}

#[test]
fn control_characters_are_escaped() {
    for byte in 0..=0x1f_u8 {
        check_string(&[b'a', byte, b'b'], "syntax");
        check_string(&[byte], "syntax");
        check_string(format!("\\u{byte:04x}").as_bytes(), "ok");
    }
    for byte in 0x20..=0x7f_u8 {
        if byte != b'"' && byte != b'\\' {
            check_string(&[byte], "ok");
        }
    }
    // After many plain characters: no word-at-a-time loop may miss it, at any position.
    for length in 0..70 {
        let plain = "x".repeat(length);
        check_string(format!("{plain}\n").as_bytes(), "syntax");
        check_string(format!("{plain}\u{1f}yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy").as_bytes(), "syntax");
        check_string(format!("{plain}é").as_bytes(), "ok");
        check_text(&format!("\"{plain}\\\"é\\u0041\\\\{plain}\""), &format!("{plain}\"éA\\{plain}"));
    }
}

#[test]
fn all_that_unicode_has() {
    for valid in [
        "\u{7f}",
        "\u{80}",
        "\u{9f}",
        "\u{7ff}",
        "\u{800}",
        "\u{d7ff}",
        "\u{e000}",
        "\u{fdd0}",
        "\u{fffd}",
        "\u{fffe}",
        "\u{ffff}",
        "\u{10000}",
        "\u{1fffe}",
        "\u{10ffff}",
        "\u{feff}",
        "\u{2028}\u{2029}",
        "\u{202e}",
        "e\u{301}",
        "👩‍👩‍👧",
        "日本",
        "Zoë",
    ] {
        check_string(valid.as_bytes(), "ok");
        check_text(&format!("\"{valid}\""), valid);
    }
}

#[test]
fn not_utf8() {
    let invalid: &[&[u8]] = &[
        b"\x80",
        b"\xbf",
        b"\xc0\x80",
        b"\xc1\xbf",
        b"\xc2",
        b"\xc3\x28",
        b"\xe0\x80\x80",
        b"\xe0\x9f\xbf",
        b"\xe2\x82",
        b"\xe2\x28\xa1",
        b"\xe2\x82\x28",
        b"\xed\xa0\x80",
        b"\xed\xbf\xbf",
        b"\xed\xa0\xbd\xed\xb8\x80",
        b"\xf0\x80\x80\x80",
        b"\xf0\x8f\xbf\xbf",
        b"\xf0\x9f\x98",
        b"\xf0\x28\x8c\xbc",
        b"\xf4\x90\x80\x80",
        b"\xf5\x80\x80\x80",
        b"\xf8\x88\x80\x80\x80",
        b"\xfe",
        b"\xff",
        b"\xc3\xa9\xa9",
        b"\xfe\xff\x00a",
        b"\xe9t\xe9",
    ];
    for bytes in invalid {
        // One byte that is not UTF-8 makes the whole record invalid UTF-8, even if the grammar would find a fault
        // later.
        check_string_utf8(bytes);
        check_string_utf8(
            &[b"abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz", *bytes, b"abcdefghijklmnop"].concat(),
        );
    }
}

#[track_caller]
fn check_string_utf8(inside: &[u8]) {
    if !inside.contains(&0) {
        check_string(inside, "utf8");
    }
}

#[test]
fn escapes_decode() {
    for (token, expected) in [
        (r#""""#, ""),
        (r#""\u0000""#, "\0"),
        (r#""\b\f\n\r\t\"\\\/""#, "\u{8}\u{c}\n\r\t\"\\/"),
        (r#""\u00e9\u00E9é""#, "ééé"),
        (r#""\ud83d\ude00\uD83D\uDE00😀""#, "😀😀😀"),
        (r#""\uD800\uDC00\uDBFF\uDFFF""#, "\u{10000}\u{10ffff}"),
        (r#""\u007f\u0080\u07ff\u0800\uffff""#, "\u{7f}\u{80}\u{7ff}\u{800}\u{ffff}"),
        (r#""\\u0041""#, "\\u0041"),
        (r#""\ufeff""#, "\u{feff}"),
        (r#"" a ""#, " a "),
    ] {
        check_text(token, expected);
    }
}
