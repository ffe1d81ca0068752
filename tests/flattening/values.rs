//! One value against one column type: kept, coerced, or null with its raw text in `extra`.

use super::flatten::{check, flatten, show};
use crate::support::reference::{Cell, snake_case};
use partiquet::config::AttributeMap;

/// What becomes of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Kept,
    Coerced,
    Mismatched,
}
use Fate::{Coerced, Kept, Mismatched};

/// Checks each value as the value of `member`, in a record of its own, under both names of the member.
#[track_caller]
fn check_values(member: &str, cases: &[(&str, Fate, &str)]) {
    for (raw, fate, expected) in cases {
        for name in [member, &snake_case(member)] {
            let record = format!(r#"{{ "{name}" : {raw} }}"#);
            for (who, flattened) in flatten(AttributeMap::Rest, &record) {
                assert_eq!(flattened.rejects, [], "{who} on {record}");
                let [row] = &flattened.rows[..] else { panic!("{who} on {record}: not one row") };
                let (extra, cells) = row.split_last().expect("extra is a column");
                let present: Vec<String> = cells.iter().filter(|cell| **cell != Cell::Null).map(show).collect();
                let pointer = format!("/{member}");
                let counts = &flattened.ledger[&pointer];
                let seen = (counts.kept, counts.coerced, counts.mismatched);
                match fate {
                    Kept | Coerced => {
                        assert_eq!(present, [*expected], "{who} on {record}");
                        assert_eq!(*extra, Cell::Null, "{who} on {record}");
                    }
                    Mismatched => {
                        assert_eq!(present, Vec::<String>::new(), "{who} on {record}");
                        assert_eq!(*extra, Cell::Map(vec![(pointer, Some((*raw).to_owned()))]), "{who} on {record}");
                    }
                }
                let fates = (u64::from(*fate == Kept), u64::from(*fate == Coerced), u64::from(*fate == Mismatched));
                assert_eq!((counts.seen, seen), (1, fates), "{who} on {record}");
                assert_eq!(flattened.ledger.len(), 1, "{who} on {record}");
            }
        }
    }
}

#[test]
fn names_are_those_of_the_python_sdk() {
    for (wire, snake) in [
        ("id", "id"),
        ("startTime", "start_time"),
        ("alertingTimeoutMs", "alerting_timeout_ms"),
        ("selfUri", "self_uri"),
        ("selfURI", "self_uri"),
        ("XMLHttpState2Go", "xml_http_state2_go"),
        ("HTTPServer", "http_server"),
        ("aB", "a_b"),
        ("ABC", "abc"),
        ("already_snake", "already_snake"),
    ] {
        assert_eq!(snake_case(wire), snake);
    }
}

#[test]
fn texts() {
    check_values(
        "id",
        &[
            (r#""a""#, Kept, "a"),
            (r#""""#, Kept, ""),
            (r#"" ""#, Kept, " "),
            (r#""null""#, Kept, "null"),
            (r#""\u0000""#, Kept, "\0"),
            (r#""\"\\\/\b\f\n\r\t""#, Kept, "\"\\/\u{8}\u{c}\n\r\t"),
            (r#""\u00e9\uD83D\uDE00""#, Kept, "é😀"),
            ("\"é😀\u{7f}\u{2028}\"", Kept, "é😀\u{7f}\u{2028}"),
            ("12", Coerced, "12"),
            ("-0", Coerced, "-0"),
            ("1.50E+03", Coerced, "1.50E+03"),
            ("123456789012345678901234567890", Coerced, "123456789012345678901234567890"),
            ("true", Mismatched, ""),
            ("false", Mismatched, ""),
            ("[]", Mismatched, ""),
            (r#"["a"]"#, Mismatched, ""),
            ("{}", Mismatched, ""),
            (r#"{"name":"no id"}"#, Mismatched, ""),
            (r#"{"id":null}"#, Mismatched, ""),
            (r#"{"id":true}"#, Mismatched, ""),
            (r#"{ "id" : [ 1 ] }"#, Mismatched, ""),
            (r#"{"id":"x"}"#, Coerced, "x"),
            (r#"{"\u0069d":7.0}"#, Coerced, "7.0"),
        ],
    );
}

#[test]
fn integers() {
    check_values(
        "alertingTimeoutMs",
        &[
            ("30000", Kept, "30000"),
            ("0", Kept, "0"),
            ("-1", Kept, "-1"),
            ("9223372036854775807", Kept, "9223372036854775807"),
            ("-9223372036854775808", Kept, "-9223372036854775808"),
            ("9223372036854775808", Mismatched, ""),
            ("-9223372036854775809", Mismatched, ""),
            ("123456789012345678901234567890", Mismatched, ""),
            ("-0", Coerced, "0"),
            ("-0.0", Coerced, "0"),
            ("0e400", Coerced, "0"),
            ("0.000e-99999999999999999999", Coerced, "0"),
            ("1.0", Coerced, "1"),
            ("3e4", Coerced, "30000"),
            ("3E+4", Coerced, "30000"),
            ("0.1e1", Coerced, "1"),
            ("100e-2", Coerced, "1"),
            ("12.50e1", Coerced, "125"),
            ("9223372036854775807.0", Coerced, "9223372036854775807"),
            ("922337203685477580.7e1", Coerced, "9223372036854775807"),
            ("922337203685477580.8e1", Mismatched, ""),
            ("-922337203685477580.8e1", Coerced, "-9223372036854775808"),
            ("1e18", Coerced, "1000000000000000000"),
            ("1e19", Mismatched, ""),
            ("1e99999999999999999999", Mismatched, ""),
            ("1e-99999999999999999999", Mismatched, ""),
            ("1.9", Mismatched, ""),
            ("1e-1", Mismatched, ""),
            (r#""30000""#, Coerced, "30000"),
            (r#""-5""#, Coerced, "-5"),
            (r#""\u0031""#, Coerced, "1"),
            (r#""-9223372036854775808""#, Coerced, "-9223372036854775808"),
            (r#""9223372036854775808""#, Mismatched, ""),
            (r#""-0""#, Mismatched, ""),
            (r#""007""#, Mismatched, ""),
            (r#""+7""#, Mismatched, ""),
            (r#"" 7""#, Mismatched, ""),
            (r#""7.0""#, Mismatched, ""),
            (r#""""#, Mismatched, ""),
            (r#""-""#, Mismatched, ""),
            (r#""٣""#, Mismatched, ""),
            ("true", Mismatched, ""),
            ("[1]", Mismatched, ""),
            (r#"{"id":1}"#, Mismatched, ""),
        ],
    );
}

#[test]
fn doubles() {
    check_values(
        "sentimentScore",
        &[
            ("0.5", Kept, "0.5"),
            ("-0.0", Kept, "-0.0"),
            ("-0", Kept, "-0.0"),
            ("1", Kept, "1.0"),
            ("1e2", Kept, "100.0"),
            ("0.30000000000000004", Kept, "0.30000000000000004"),
            ("0.1234567890123456789012345678901234567890", Kept, "0.12345678901234568"),
            ("9007199254740992", Kept, "9007199254740992.0"),
            ("9007199254740993", Mismatched, ""),
            ("-9007199254740993", Mismatched, ""),
            ("9007199254740993.0", Kept, "9007199254740992.0"),
            ("100000000000000000000", Kept, "1e20"),
            ("100000000000000000001", Mismatched, ""),
            ("18446744073709551616", Kept, "1.8446744073709552e19"),
            ("1.7976931348623157e308", Kept, "1.7976931348623157e308"),
            ("1e400", Mismatched, ""),
            ("-1e400", Mismatched, ""),
            ("1e-400", Kept, "0.0"),
            ("5e-324", Kept, "5e-324"),
            ("0e400", Kept, "0.0"),
            (r#""0.5""#, Coerced, "0.5"),
            (r#""1E5""#, Coerced, "100000.0"),
            (r#""-0""#, Coerced, "-0.0"),
            (r#""9007199254740993""#, Mismatched, ""),
            (r#""1e400""#, Mismatched, ""),
            (r#"".5""#, Mismatched, ""),
            (r#""5.""#, Mismatched, ""),
            (r#""05""#, Mismatched, ""),
            (r#""+5""#, Mismatched, ""),
            (r#""NaN""#, Mismatched, ""),
            (r#""inf""#, Mismatched, ""),
            (r#""Infinity""#, Mismatched, ""),
            (r#"" 1""#, Mismatched, ""),
            (r#""1 ""#, Mismatched, ""),
            (r#""""#, Mismatched, ""),
            ("false", Mismatched, ""),
            ("{}", Mismatched, ""),
        ],
    );
}

#[test]
fn booleans() {
    check_values(
        "wrapupRequired",
        &[
            ("true", Kept, "true"),
            ("false", Kept, "false"),
            (r#""true""#, Coerced, "true"),
            (r#""false""#, Coerced, "false"),
            (r#""True""#, Mismatched, ""),
            (r#""""#, Mismatched, ""),
            ("0", Mismatched, ""),
            ("1", Mismatched, ""),
            ("[true]", Mismatched, ""),
        ],
    );
}

#[test]
fn raw_json_is_kept_byte_for_byte() {
    check_values(
        "errorInfo",
        &[
            ("true", Kept, "true"),
            ("1.50E+03", Kept, "1.50E+03"),
            (r#""\u0041""#, Kept, r#""\u0041""#),
            ("[ 1 ,\t2 ]", Kept, "[ 1 ,\t2 ]"),
            (r#"{ "a" : { } }"#, Kept, r#"{ "a" : { } }"#),
        ],
    );
}

#[test]
fn instants_as_text() {
    check_values(
        "startTime",
        &[
            (r#""1970-01-01T00:00:00Z""#, Kept, "0"),
            (r#""2025-07-01T13:05:09Z""#, Kept, "1751375109000000"),
            (r#""2025-07-01t13:05:09z""#, Kept, "1751375109000000"),
            (r#""2025-07-01 13:05:09Z""#, Kept, "1751375109000000"),
            (r#""2025-07-01\u005413:05:09Z""#, Kept, "1751375109000000"),
            (r#""2025-07-01T13:05:09.1Z""#, Kept, "1751375109100000"),
            (r#""2025-07-01T13:05:09.123Z""#, Kept, "1751375109123000"),
            (r#""2025-07-01T13:05:09.123456Z""#, Kept, "1751375109123456"),
            (r#""2025-07-01T13:05:09.123456000000Z""#, Kept, "1751375109123456"),
            (r#""2025-07-01T13:05:09.1234567Z""#, Mismatched, ""),
            (r#""2025-07-01T13:05:09.123456000001Z""#, Mismatched, ""),
            (r#""2025-07-01T13:05:09.Z""#, Mismatched, ""),
            (r#""2025-07-01T13:05:09,5Z""#, Mismatched, ""),
            (r#""2025-07-01T13:05:09+00:00""#, Kept, "1751375109000000"),
            (r#""2025-07-01T13:05:09-00:00""#, Kept, "1751375109000000"),
            (r#""2025-07-01T15:35:09+02:30""#, Kept, "1751375109000000"),
            (r#""2025-06-30T13:06:09.5-23:59""#, Kept, "1751375109500000"),
            (r#""2025-07-01T13:05:09+24:00""#, Mismatched, ""),
            (r#""2025-07-01T13:05:09+01:60""#, Mismatched, ""),
            (r#""2025-07-01T13:05:09+0100""#, Mismatched, ""),
            (r#""2025-07-01T13:05:09+01""#, Mismatched, ""),
            (r#""2025-07-01T13:05:09""#, Mismatched, ""),
            (r#""2025-07-01T13:05Z""#, Mismatched, ""),
            (r#""2025-07-01""#, Mismatched, ""),
            (r#""20250701T130509Z""#, Mismatched, ""),
            (r#"" 2025-07-01T13:05:09Z""#, Mismatched, ""),
            (r#""2025-07-01T13:05:09Z ""#, Mismatched, ""),
            (r#""2025-07-01T13:05:09Z\u0000""#, Mismatched, ""),
            (r#""2025-07-01_13:05:09Z""#, Mismatched, ""),
            (r#""2025-07-01T24:00:00Z""#, Mismatched, ""),
            (r#""2025-07-01T13:60:00Z""#, Mismatched, ""),
            (r#""2016-12-31T23:59:60Z""#, Mismatched, ""),
            (r#""2025-00-01T00:00:00Z""#, Mismatched, ""),
            (r#""2025-13-01T00:00:00Z""#, Mismatched, ""),
            (r#""2025-06-31T00:00:00Z""#, Mismatched, ""),
            (r#""2025-06-00T00:00:00Z""#, Mismatched, ""),
            (r#""2025-02-29T00:00:00Z""#, Mismatched, ""),
            (r#""2024-02-29T00:00:00Z""#, Kept, "1709164800000000"),
            (r#""1900-02-29T00:00:00Z""#, Mismatched, ""),
            (r#""2000-02-29T00:00:00Z""#, Kept, "951782400000000"),
            (r#""1969-12-31T23:59:59.999999Z""#, Kept, "-1"),
            (r#""0001-01-01T00:00:00Z""#, Kept, "-62135596800000000"),
            (r#""0000-12-31T23:59:59Z""#, Mismatched, ""),
            (r#""0000-12-31T23:00:00-01:00""#, Kept, "-62135596800000000"),
            (r#""0001-01-01T00:00:00+00:01""#, Mismatched, ""),
            (r#""9999-12-31T23:59:59.999999Z""#, Kept, "253402300799999999"),
            (r#""9999-12-31T23:59:59-00:01""#, Mismatched, ""),
            (r#""10000-01-01T00:00:00Z""#, Mismatched, ""),
            (r#""-2025-07-01T00:00:00Z""#, Mismatched, ""),
            (r#""２025-07-01T00:00:00Z""#, Mismatched, ""),
            (r#""1751375109000""#, Mismatched, ""),
            (r#""""#, Mismatched, ""),
        ],
    );
}

#[test]
fn instants_as_epoch_milliseconds() {
    check_values(
        "startTime",
        &[
            ("0", Coerced, "0"),
            ("-0", Coerced, "0"),
            ("1751375109000", Coerced, "1751375109000000"),
            ("1751375109000.125", Coerced, "1751375109000125"),
            ("1751375109000.1250000", Coerced, "1751375109000125"),
            ("1751375109000.1255", Mismatched, ""),
            ("1.751375109e12", Coerced, "1751375109000000"),
            ("1e-3", Coerced, "1"),
            ("1e-4", Mismatched, ""),
            ("-62135596800000", Coerced, "-62135596800000000"),
            ("-62135596800000.001", Mismatched, ""),
            ("253402300799999.999", Coerced, "253402300799999999"),
            ("253402300800000", Mismatched, ""),
            ("9223372036854775807", Mismatched, ""),
            ("1e400", Mismatched, ""),
            ("true", Mismatched, ""),
            ("[0]", Mismatched, ""),
        ],
    );
}

#[test]
fn null_and_missing_are_null_and_only_one_is_counted() {
    check(
        r#"{"id":null,"errorInfo":null,"user":null,"mediaRoles":null,"skills":null,"labels":null,"pageNumber":null}"#,
        &[&[]],
        &[
            "/errorInfo: kept 1, null 1",
            "/id: kept 1, null 1",
            "/labels: kept 1, null 1",
            "/mediaRoles: kept 1, null 1",
            "/pageNumber: ignored 1",
            "/skills: kept 1, null 1",
            "/user: kept 1, null 1",
        ],
    );
    check("{}", &[&[]], &[]);
}

#[test]
fn a_reference_gives_its_id_and_keeps_the_rest() {
    check(
        r#"{"selfURI":{"name":"n","id":7,"a/b":[1, 2],"~":null}}"#,
        &[&["/selfURI = 7", r#"extra = {/selfURI/name: "n", /selfURI/a~1b: [1, 2], /selfURI/~0: null}"#]],
        &["/selfURI: coerced 1", "/selfURI/a~1b: unknown 1", "/selfURI/name: unknown 1", "/selfURI/~0: unknown 1"],
    );
}
