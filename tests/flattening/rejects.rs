//! The place that a reject reports: the byte, and the JSON Pointer from the record's root.

use partiquet::{columns::Values, config::AttributeMap, decode::MAX_SHOWN_NAME_BYTES, input::Framing};

use super::flatten::subject;

/// Records of every shape, because the decoder guesses that the next record is like the last one.
const EARLIER: &[&str] = &[
    "",
    "{}",
    r#"{"participants":[{}]}"#,
    r#"{"entities":[{"participants":[{}]}]}"#,
    r#"{"eventBody":{"participants":[{}]}}"#,
    r#"{"detail":{"eventBody":{}}}"#,
];

#[test]
fn a_reject_names_its_place_whatever_the_last_record_was() {
    for (record, kind, offset, path) in [
        (r#"{"id":x}"#, "syntax", 6, "/id"),
        (r#"{"x":[{"y":nul}]}"#, "syntax", 11, "/x/0/y"),
        (r#"{"errorInfo":{"a~/b":[0,-]}}"#, "syntax", 25, "/errorInfo/a~0~1b/1"),
        (r#"{"attributes":{"é":'1'}}"#, "syntax", 20, "/attributes/é"),
        (r#"{"skills":[{},{"x":[1,[2,{"z":+1}]]}]}"#, "syntax", 30, "/skills/1/x/1/1/z"),
        (r#"{"participants":[{"id":x}]}"#, "syntax", 23, "/participants/0/id"),
        (r#"{"id":"c","participants":[{},{"user":{"id":x}}]}"#, "syntax", 43, "/participants/1/user/id"),
        (r#"{"participants":[{}],"id":x}"#, "syntax", 26, "/id"),
        (r#"{"entities":[{},{"participants":[{"id":x}]}]}"#, "syntax", 39, "/entities/1/participants/0/id"),
        (r#"{"eventBody":{"participants":[{"id":x}]}}"#, "syntax", 36, "/eventBody/participants/0/id"),
        (r#"{"detail":{"eventBody":{"id":x}}}"#, "syntax", 29, "/detail/eventBody/id"),
        (r#"{"id":1,"id":2}"#, "duplicate", 8, ""),
        (r#"{"user":{"name":1,"name":2}}"#, "duplicate", 18, "/user"),
        (r#"{"user":{"selfUri":"","self_uri":""}}"#, "duplicate", 22, "/user"),
        (r#"{"participants":[{"a":1,"a":2}]}"#, "duplicate", 24, "/participants/0"),
        (r#"{"participants":[{},5]}"#, "envelope", 20, "/participants/1"),
        (r#"{"participants":{}}"#, "envelope", 16, "/participants"),
        (r#"{"entities":[{"participants":[{},[]]}]}"#, "envelope", 33, "/entities/0/participants/1"),
        (r#"{"eventBody":[]}"#, "envelope", 13, "/eventBody"),
        (r#"[{"id":1}]"#, "not-object", 0, ""),
    ] {
        for earlier in EARLIER {
            let mut subject = subject(AttributeMap::Rest);
            subject.decode(earlier.as_bytes(), &Framing::Lines);
            let decoded = subject.decode(record.as_bytes(), &Framing::Lines);
            let seen: Vec<_> = decoded
                .rejects
                .iter()
                .map(|reject| (reject.kind.as_str(), reject.offset, reject.path.as_str()))
                .collect();
            assert_eq!(seen, [(kind, offset, path)], "{record} after {earlier:?}");
        }
    }
}

#[test]
fn a_record_known_by_its_brackets_is_checked_to_its_end_whatever_is_wrong_with_it() {
    let deep = "[".repeat(65);
    let deep_end = "]".repeat(65);
    for (fault, kind) in [
        (r#""id":1,"id":2"#.to_owned(), "duplicate"),
        (r#""participants":5"#.to_owned(), "envelope"),
        (format!(r#""x":{deep}{deep_end}"#), "depth"),
    ] {
        for (rest, is_json) in [
            (r#","y":[{"b":[1,"2",{}]},[],null,-0.5e1]"#, true),
            (r#","y":[1,]"#, false),
            (r#","y":{"b":1]}"#, false),
            (r#","y":{"b",1}"#, false),
            (r#","y":tru"#, false),
            (r#","y":"\ud800""#, false),
            (r#","y":01"#, false),
            (r#","y":{"#, false),
            (",", false),
            ("}", false),
        ] {
            let record = format!("{{{fault}{rest}}}");
            let text = format!("{record} {{}}");
            let framing = Framing::Ranges(vec![0..record.len(), record.len() + 1..text.len()]);
            let decoded = subject(AttributeMap::Rest).decode(text.as_bytes(), &framing);
            let kinds: Vec<_> = decoded.rejects.iter().map(|reject| reject.kind.as_str()).collect();
            let expected = if is_json { (kind, 2, 1) } else { ("syntax", 1, 0) };
            assert_eq!(
                (kinds, decoded.num_records, decoded.num_kept),
                (vec![expected.0], expected.1, expected.2),
                "{text}"
            );
        }
    }
}

#[test]
fn brackets_as_deep_as_a_record_is_long_are_checked_without_a_stack() {
    let (open, close) = ("[".repeat(1 << 20), "]".repeat(1 << 20));
    for (record, kind) in [
        (format!(r#"{{"x":{open}{close}}}"#), "depth"),
        (format!(r#"{{"x":{open}1,{close}}}"#), "syntax"),
        (format!(r#"{{"x":{open}"#), "syntax"),
    ] {
        let framing = Framing::Ranges(std::iter::once(0..record.len()).collect());
        let mut subject = subject(AttributeMap::Rest);
        assert_eq!(subject.decode(record.as_bytes(), &framing).rejects[0].kind.as_str(), kind);
        assert_eq!(subject.decode(record.as_bytes(), &Framing::Lines).rejects[0].kind.as_str(), "depth", "as a line");
    }
}

#[test]
fn names_of_any_length_are_short_in_words_and_whole_in_the_data() {
    let long = "é".repeat(500_000);
    for (record, map) in [
        (format!(r#"{{"{long}":1,"{long}":2}}"#), AttributeMap::Rest),
        (format!(r#"{{"user":{{"{long}":{{"{long}":[+1]}}}}}}"#), AttributeMap::Rest),
        (format!(r#"{{"attributes":{{"{long}":tru}}}}"#), AttributeMap::Rest),
        (format!(r#"{{"attributes":{{"{long}":"1"}}}}"#), AttributeMap::None),
    ] {
        let decoded = subject(map).decode(record.as_bytes(), &Framing::Lines);
        let reject = &decoded.rejects[0];
        assert!(reject.path.len() + reject.message.len() < 3 * MAX_SHOWN_NAME_BYTES, "{}", reject.message);
        assert!((reject.path.clone() + &reject.message).contains("éé…"), "{} {}", reject.path, reject.message);
    }
    let kept = format!(r#"{{"{long}":1}}"#);
    let decoded = subject(AttributeMap::Rest).decode(kept.as_bytes(), &Framing::Lines);
    let path = format!("/{long}");
    assert!(decoded.tallies.iter().any(|tally| tally.path == path));
    let in_extra = decoded.columns.columns.iter().any(|column| match &column.values {
        Values::Map { keys, .. } => keys.iter().any(|key| key == path.as_bytes()),
        _ => false,
    });
    assert!(in_extra);
}
