//! The verdict of each reader on a text.

use std::{cell::RefCell, ops::Range};

use partiquet::{config::AttributeMap, input::Framing};

use crate::support::{
    reference::{Cell, Flattened, Reference},
    subject::Subject,
};

const MODEL: &str = include_str!("../support/model.json");

thread_local! {
    /// One pair per test: what the decoder learns from a bad record must not matter for the next.
    static READERS: RefCell<(Reference, Subject)> = RefCell::new((
        Reference::new(&serde_json::from_str(MODEL).unwrap(), &[], AttributeMap::Rest),
        Subject::new(MODEL, &[], AttributeMap::Rest),
    ));
}

/// The result of each reader for one record: as a range of bytes, and as a line if it can be one.
pub fn flatten(record: &[u8]) -> Vec<(&'static str, Flattened)> {
    let ranges = Framing::Ranges(vec![without_space(record)]);
    READERS.with_borrow_mut(|(reference, subject)| {
        let mut all =
            vec![("reference", reference.flatten(record, &ranges)), ("decoder", subject.flatten(record, &ranges))];
        if !record.contains(&b'\n') {
            all.push(("reference, line", reference.flatten(record, &Framing::Lines)));
            all.push(("decoder, line", subject.flatten(record, &Framing::Lines)));
        }
        all
    })
}

/// A record begins and ends with a non-blank byte, as the splitter cuts it.
fn without_space(record: &[u8]) -> Range<usize> {
    let is_text = |byte: &u8| !matches!(byte, b' ' | b'\t' | b'\r' | b'\n');
    let start = record.iter().position(is_text).unwrap_or(0);
    let end = record.iter().rposition(is_text).map_or(record.len(), |last| last + 1);
    start..end
}

/// `ok`, or the kind of the reject.
fn verdict(flattened: &Flattened) -> &'static str {
    flattened.rejects.first().map_or("ok", |refused| refused.kind().as_str())
}

#[track_caller]
pub fn check(record: &[u8], expected: &str) {
    for (who, flattened) in flatten(record) {
        let shown = record.escape_ascii();
        assert_eq!(verdict(&flattened), expected, "{who} on {shown}");
        if expected == "ok" {
            assert_eq!((flattened.rows.len(), flattened.rejects.len()), (1, 0), "{who} on {shown}");
        } else {
            let traces = (flattened.rows.len(), flattened.ledger.len(), flattened.records_without_rows);
            assert_eq!(traces, (0, 0, 0), "{who} on {shown}");
            let refused = &flattened.rejects[0];
            assert!(refused.faults[0].offset <= record.len(), "{who} on {shown}: offset beyond the record");
        }
    }
}

/// Checks the value in every place where the decoder reads values in a different way: unknown, each type of column,
/// raw, ignored, in lists, in structs, in maps, beside the rows.
#[track_caller]
pub fn check_value(value: &[u8], expected: &str) {
    let places: &[(&str, &str)] = &[
        (r#"{"unknown":"#, "}"),
        (r#"{"unknown":["#, "]}"),
        (r#"{"unknown":{"a":"#, "}}"),
        (r#"{"id":"#, "}"),
        (r#"{"id":{"id":"#, "}}"),
        (r#"{"id":{"id":"x","name":"#, "}}"),
        (r#"{"startTime":"#, "}"),
        (r#"{"wrapupRequired":"#, "}"),
        (r#"{"alertingTimeoutMs":"#, "}"),
        (r#"{"sentimentScore":"#, "}"),
        (r#"{"errorInfo":"#, "}"),
        (r#"{"errorInfo":["#, "]}"),
        (r#"{"pageNumber":"#, "}"),
        (r#"{"pageNumber":{"a":"#, "}}"),
        (r#"{"user":"#, "}"),
        (r#"{"user":{"name":"#, "}}"),
        (r#"{"attributes":"#, "}"),
        (r#"{"attributes":{"a":"#, "}}"),
        (r#"{"labels":{"a":"#, "}}"),
        (r#"{"mediaRoles":["#, "]}"),
        (r#"{"levels":["#, "]}"),
        (r#"{"ratios":["#, "]}"),
        (r#"{"switches":["#, "]}"),
        (r#"{"holdTimes":["#, "]}"),
        (r#"{"journal":["#, "]}"),
        (r#"{"scoredAgents":"#, "}"),
        (r#"{"scoredAgents":["#, "]}"),
        (r#"{"scoredAgents":[{"score":"#, "}]}"),
        (r#"{"scoredAgents":[{"agent":{"x":"#, "}}]}"),
        (r#"{"participants":[{}],"id":"#, "}"),
        (r#"{"participants":[{}],"unknown":"#, "}"),
        (r#"{"startTime":"#, r#","participants":[{}]}"#),
        (r#"{"eventBody":{"participants":[{}]},"version":"#, "}"),
        (r#"{"eventBody":{"participants":[{}]},"unknown":["#, "]}"),
    ];
    for (before, after) in places {
        check(&[before.as_bytes(), value, after.as_bytes()].concat(), expected);
    }
}

/// Checks the decoded text of the record's `id`.
#[track_caller]
pub fn check_text(token: &str, expected: &str) {
    let record = format!(r#"{{"id":{token}}}"#);
    for (who, flattened) in flatten(record.as_bytes()) {
        assert_eq!(flattened.rejects, [], "{who} on {record}");
        assert!(flattened.rows[0].contains(&Cell::Text(expected.to_owned())), "{who} on {record}");
    }
}
