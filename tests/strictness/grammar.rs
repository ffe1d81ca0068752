//! Literals, numbers, arrays, objects, white space, depth.

use super::verdict::{check, check_value};

#[test]
fn literals() {
    for valid in ["null", "true", "false"] {
        check_value(valid.as_bytes(), "ok");
    }
    for invalid in [
        "nul",
        "nulll",
        "NULL",
        "Null",
        "nUll",
        "n",
        "tru",
        "true1",
        "truefalse",
        "TRUE",
        "True",
        "t",
        "fals",
        "falsey",
        "f",
        "False",
        "nil",
        "None",
        "undefined",
        "NaN",
        "nan",
        "Infinity",
        "-Infinity",
        "inf",
        "yes",
        "a",
        "'a'",
        "`a`",
        "$",
        "@",
        "null null",
        "true,",
        ",true",
        "null;",
        "\0",
        "\u{7f}",
        "é",
        "\u{feff}null",
        "null\u{feff}",
        "\u{a0}null",
    ] {
        check_value(invalid.as_bytes(), "syntax");
    }
}

#[test]
fn numbers() {
    for valid in [
        "0",
        "-0",
        "1",
        "-1",
        "10",
        "1234567890",
        "0.0",
        "-0.0",
        "0.10",
        "1.5",
        "1e0",
        "1E0",
        "1e+0",
        "1e-0",
        "1E+5",
        "1e05",
        "1e-05",
        "0e1",
        "0E+1",
        "-0e-1",
        "0.1e1",
        "1.0E-10",
        "1e400",
        "-1e400",
        "1e-400",
        "9223372036854775807",
        "9223372036854775808",
        "-9223372036854775808",
        "-9223372036854775809",
        "18446744073709551616",
        "100000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000",
        "0.000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000001",
        "1e99999999999999999999999",
        "-1.7976931348623157e308",
        "5e-324",
    ] {
        check_value(valid.as_bytes(), "ok");
    }
    for invalid in [
        "-", "+", "+1", "--1", "-+1", "00", "01", "-00", "-01", "000", "1.", "-1.", ".5", "-.5", ".", "0.", "0.e1",
        "1.e1", "1e", "1E", "1e+", "1e-", "1e+-1", "1ee1", "1e1e1", "1e1.5", "1.5.5", "1..5", "0x10", "0b1", "0o7",
        "1_000", "1 000", "1f", "1n", "0a", "1a", "-a", "1e1a", "1-1", "1+1", "- 1", "1 .5", "1. 5", "1 e5", "1e 5",
        "１", "٣", "½", "-\"1\"", "1\0", "∞",
    ] {
        check_value(invalid.as_bytes(), "syntax");
    }
}

#[test]
fn arrays() {
    for valid in [
        "[]",
        "[ ]",
        "[\n]",
        "[1]",
        "[ 1 , 2 ]",
        "[[]]",
        "[[],[]]",
        "[{}]",
        "[null,true,false,0,\"\",[],{}]",
        "[\"]\"]",
    ] {
        check_inside_unknown(valid, "ok");
    }
    for invalid in [
        "[",
        "]",
        "[]]",
        "[[]",
        "[,]",
        "[1,]",
        "[,1]",
        "[1,,2]",
        "[1 2]",
        "[1;2]",
        "[1:2]",
        "[\"a\":1]",
        "[1}",
        "{1]",
        "[1",
        "[1,",
        "[\"",
        "[\"a",
        "[-]",
        "[+1]",
        "[tru]",
        "[1]1",
        "[1]\"\"",
        "[][]",
        "[]{}",
        "(1)",
        "<1>",
        "[...]",
        "[*]",
    ] {
        check_value(invalid.as_bytes(), "syntax");
    }
}

/// Checks an array or object in members where any type is valid, and then in all places of [`check_value`].
#[track_caller]
fn check_inside_unknown(value: &str, expected: &str) {
    for (before, after) in
        [(r#"{"unknown":"#, "}"), (r#"{"errorInfo":"#, "}"), (r#"{"pageNumber":"#, "}"), (r#"{"journal":["#, "]}")]
    {
        check(format!("{before}{value}{after}").as_bytes(), expected);
    }
    check_value(value.as_bytes(), expected);
}

#[test]
fn objects() {
    for valid in [
        "{}",
        "{ }",
        "{\n}",
        r#"{"a":1}"#,
        r#"{ "a" : 1 , "b" : 2 }"#,
        r#"{"":0}"#,
        r#"{"a":{"a":{"a":0}}}"#,
        r#"{"}":"{"}"#,
        r#"{"\"":0}"#,
        r#"{"\\":0}"#,
        r#"{"a":0,"A":0}"#,
        r#"{"é":0,"e\u0301":0}"#,
        r#"{"a":0,"a ":0,"a\u0000":0}"#,
    ] {
        check_inside_unknown(valid, "ok");
    }
    for invalid in [
        "{",
        "}",
        "{}}",
        "{{}",
        "{,}",
        r#"{"a"}"#,
        r#"{"a":}"#,
        "{:1}",
        r#"{"a":1,}"#,
        r#"{,"a":1}"#,
        r#"{"a":1,,"b":2}"#,
        r#"{"a":1 "b":2}"#,
        r#"{"a":1;"b":2}"#,
        r#"{"a" 1}"#,
        r#"{"a"=1}"#,
        r#"{"a"::1}"#,
        r#"{"a":1:2}"#,
        "{a:1}",
        "{'a':1}",
        "{1:1}",
        "{null:1}",
        "{[]:1}",
        r#"{"a":1]"#,
        r#"{"a":1"#,
        r#"{"a":"#,
        r#"{"a""#,
        r#"{"a"#,
        r#"{""#,
        r#"{"a":1}x"#,
        r#"{"a":1}{"b":1}"#,
        r#"{"a":1/**/}"#,
        r#"{"a":1//x"#,
        r#"{"a":1#x"#,
        r#"{"a",1}"#,
        r#"{"a":1,"b"}"#,
        r#"{"a" "b":1}"#,
        r#"{"a":1,2}"#,
        r#"{"\x":1}"#,
        r#"{"a\":1}"#,
        "{\"a\tb\":1}",
        "{\"a\0b\":1}",
        r#"{"\ud800":1}"#,
        "{...}",
    ] {
        check_value(invalid.as_bytes(), "syntax");
    }
}

#[test]
fn repeated_names() {
    for repeated in [
        r#"{"a":1,"a":1}"#,
        r#"{"a":1,"\u0061":1}"#,
        r#"{"é":1,"\u00e9":1}"#,
        r#"{"😀":1,"\ud83d\ude00":1}"#,
        r#"{"":1,"":2}"#,
        r#"{"a":1,"b":2,"c":3,"d":4,"e":5,"f":6,"g":7,"h":8,"i":9,"j":10,"k":11,"l":12,"m":13,"n":14,"o":15,"p":16,"q":17,"a":18}"#,
        r#"{"\u0000":1,"\u0000":2}"#,
        r#"{"a":[],"a":{}}"#,
        r#"{"b":{"a":1,"a":1}}"#,
        r#"[{"a":1,"a":1}]"#,
        r#"[[[{"/":1,"\/":1}]]]"#,
    ] {
        check_value(repeated.as_bytes(), "duplicate");
    }
    let many = |last: usize| {
        let names: Vec<String> = (0..3000).chain([last]).map(|name| format!("\"name {name}\":{name}")).collect();
        format!("{{{}}}", names.join(","))
    };
    check_inside_unknown(&many(3000), "ok");
    check_value(many(1500).as_bytes(), "duplicate");
}

#[test]
fn white_space() {
    for valid in [" ", "\t", "\n", "\r", " \t\r\n ", "\r\n", ""] {
        let s = valid;
        check(
            format!(r#"{s}{{{s}"id"{s}:{s}"a"{s},{s}"unknown"{s}:{s}[{s}1{s},{s}{{{s}}}{s},{s}[{s}]{s}]{s}}}{s}"#)
                .as_bytes(),
            "ok",
        );
        check_value(format!("{s}1{s}").as_bytes(), "ok");
    }
    let not_white = [
        "\u{b}", "\u{c}", "\u{0}", "\u{1f}", "\u{7f}", "\u{85}", "\u{a0}", "\u{1680}", "\u{2000}", "\u{2003}",
        "\u{200b}", "\u{2028}", "\u{2029}", "\u{202f}", "\u{2060}", "\u{3000}", "\u{feff}", "\\n", "/**/", "//\n",
        "#\n", "<!---->", "&nbsp;",
    ];
    for s in not_white {
        check_value(format!("{s}1").as_bytes(), "syntax");
        check_value(format!("1{s}").as_bytes(), "syntax");
        for record in [
            format!(r#"{{{s}"id":"a"}}"#),
            format!(r#"{{"id"{s}:"a"}}"#),
            format!(r#"{{"id":{s}"a"}}"#),
            format!(r#"{{"id":"a"{s}}}"#),
            format!(r#"{{"id":"a"{s},"x":1}}"#),
            format!(r#"{{"id":"a",{s}"x":1}}"#),
            format!(r#"{{"x":[{s}]}}"#),
            format!(r#"{{"x":{{{s}}}}}"#),
            format!(r#"{{"id":"a"}}{s}"#),
            format!(r#"{s}{{"id":"a"}}"#),
        ] {
            check(record.as_bytes(), "syntax");
        }
    }
}

/// `levels` arrays or objects, one inside another.
fn nested(levels: usize, open: &str, close: &str) -> String {
    open.repeat(levels) + &close.repeat(levels)
}

#[test]
fn depth() {
    // The root is the first of 64 levels, so a member of it may have 63.
    for (before, around, after) in [
        (r#"{"unknown":"#, 1, "}"),
        (r#"{"id":"#, 1, "}"),
        (r#"{"errorInfo":"#, 1, "}"),
        (r#"{"pageNumber":"#, 1, "}"),
        (r#"{"journal":["#, 2, "]}"),
        (r#"{"labels":{"a":"#, 2, "}}"),
        (r#"{"attributes":{"a":"#, 2, "}}"),
        (r#"{"user":{"x":"#, 2, "}}"),
        (r#"{"skills":[{"x":"#, 3, "}]}"),
        (r#"{"participants":[{"x":"#, 3, "}]}"),
        (r#"{"participants":[{}],"x":"#, 1, "}"),
        (r#"{"entities":[{"participants":[{"errorInfo":"#, 5, "}]}]}"),
    ] {
        for (open, close) in [("[", "]"), ("[[],", "]"), (r#"[{"a":0},"#, "]")] {
            // The last of these patterns has a level beside the next one.
            for (inner, expected) in [
                (62 - around, "ok"),
                (63 - around, "ok"),
                (64 - around, "ok"),
                (65 - around, "depth"),
                (66 - around, "depth"),
                (190 - around, "depth"),
            ] {
                let innermost = format!("{}{}{}", open.repeat(inner - 1), "[]", close.repeat(inner - 1));
                check(format!("{before}{innermost}{after}").as_bytes(), expected);
            }
        }
        let objects = |levels: usize| format!("{}{{}}{}", r#"{"a":"#.repeat(levels - 1), "}".repeat(levels - 1));
        check(format!("{before}{}{after}", objects(64 - around)).as_bytes(), "ok");
        check(format!("{before}{}{after}", objects(65 - around)).as_bytes(), "depth");
    }
    // Deeper than any stack allows.
    check(format!(r#"{{"unknown":{}}}"#, nested(1_000_000, "[", "]")).as_bytes(), "depth");
    check(format!(r#"{{"id":{}}}"#, nested(1_000_000, r#"{"id":"#, "}").replace(":}", ":0}")).as_bytes(), "depth");
    check(nested(1_000_000, "[", "]").as_bytes(), "depth");
    check(nested(64, "[", "]").as_bytes(), "not-object");
    // Brackets in texts are not levels.
    check(format!(r#"{{"unknown":"{}","x":"{}"}}"#, "[".repeat(100), "{".repeat(100)).as_bytes(), "ok");
    // Many arrays side by side are not deep.
    check(format!(r#"{{"unknown":[{}]}}"#, vec!["[[]]"; 1000].join(",")).as_bytes(), "ok");
}
