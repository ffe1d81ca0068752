//! What a reject says of its place: the byte, and the JSON Pointer from the record's root.

use partiquet::{config::AttributeMap, input::Framing};

use super::flatten::subject;

/// Records of every shape: the decoder guesses that the next one is like the last one.
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
