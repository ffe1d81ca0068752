//! Where the rows are, and the values around them.

use partiquet::config::AttributeMap;

use super::flatten::{MODEL, check, check_refused, flatten, reference, subject};
use crate::support::{reference::Cell, subject::Subject};
use partiquet::input::Framing;

#[test]
fn a_conversation_repeats_its_values_on_each_row() {
    check(
        r#"{"z":[ 1 ],"participants":[{"id":"p1","u":true},{"id":"p2"}],"id":"c","max_participants":"2","owner":{"id":"o","w":0},"divisionIds":["d",1,[]]}"#,
        &[
            &[
                "../id = c",
                "../maxParticipants = 2",
                "../divisionIds = [d, 1, null]",
                "../owner/id = o",
                "/id = p1",
                "extra = {/u: true, ../z: [ 1 ], ../owner/w: 0, ../divisionIds/2: []}",
            ],
            &[
                "../id = c",
                "../maxParticipants = 2",
                "../divisionIds = [d, 1, null]",
                "../owner/id = o",
                "/id = p2",
                "extra = {../z: [ 1 ], ../owner/w: 0, ../divisionIds/2: []}",
            ],
        ],
        &[
            "../divisionIds: kept 1",
            "../divisionIds/*: kept 1, coerced 1, mismatched 1",
            "../id: kept 1",
            "../maxParticipants: coerced 1",
            "../owner/id: kept 1",
            "../owner/w: unknown 1",
            "../z: unknown 1",
            "/id: kept 2",
            "/u: unknown 1",
        ],
    );
}

#[test]
fn a_page_holds_conversations() {
    for key in ["entities", "conversations"] {
        check(
            &format!(
                r#"{{"pageSize":25,"pageCount":1,"{key}":[{{"id":"c1","participants":[{{"id":"p1"}}],"k":1}},{{"id":"c2"}},{{"participants":[{{}}]}}],"topicName":"t"}}"#
            ),
            &[
                &["../id = c1", "/id = p1", "../../topicName = t", "extra = {../k: 1, ../../pageCount: 1}"],
                &["../../topicName = t", "extra = {../../pageCount: 1}"],
            ],
            &[
                "../../pageCount: unknown 1",
                "../../pageSize: ignored 1",
                "../../topicName: kept 1",
                "../id: kept 2",
                "../k: unknown 1",
                "/id: kept 1",
            ],
        );
    }
}

#[test]
fn a_notification_holds_one_conversation() {
    check(
        r#"{"eventBody":{"participants":[{"id":"p"}],"id":"c"},"topicName":"v2","version":"2","metadata":{"correlationId":"x","n":null}}"#,
        &[&[
            "../id = c",
            "/id = p",
            "../../topicName = v2",
            "../../version = 2.0",
            "../../metadata/correlationId = x",
            "extra = {../../metadata/n: null}",
        ]],
        &[
            "../../metadata/correlationId: kept 1",
            "../../metadata/n: unknown 1",
            "../../topicName: kept 1",
            "../../version: coerced 1",
            "../id: kept 1",
            "/id: kept 1",
        ],
    );
}

#[test]
fn a_path_can_end_in_a_single_row() {
    check(
        r#"{"detail":{"eventBody":{"id":"p"},"id":"c"},"version":"0"}"#,
        &[&["../id = c", "/id = p", "../../version = 0.0"]],
        &["../../version: coerced 1", "../id: kept 1", "/id: kept 1"],
    );
}

#[test]
fn the_first_envelope_of_the_model_wins() {
    check(
        r#"{"eventBody":{"participants":[{}]},"participants":[{"id":"p"}]}"#,
        &[&["/id = p", r#"extra = {../eventBody: {"participants":[{}]}}"#]],
        &["../eventBody: unknown 1", "/id: kept 1"],
    );
    check(r#"{"eventBody":{"participants":[{"id":"p"}]},"\u0070articipants":null}"#, &[], &["../eventBody: unknown 1"]);
}

#[test]
fn without_an_envelope_the_record_is_the_row() {
    check(
        r#"{"Participants":[{}],"id":"p"}"#,
        &[&["/id = p", "extra = {/Participants: [{}]}"]],
        &["/Participants: unknown 1", "/id: kept 1"],
    );
}

#[test]
fn records_without_rows_are_counted() {
    for record in [
        r#"{"participants":[]}"#,
        r#"{"participants":null}"#,
        r#"{"entities":[]}"#,
        r#"{"entities":null}"#,
        r#"{"entities":[{}]}"#,
        r#"{"entities":[{"participants":null},{"participants":[]}]}"#,
        r#"{"eventBody":null}"#,
        r#"{"eventBody":{}}"#,
        r#"{"detail":{"eventBody":null}}"#,
    ] {
        for (who, flattened) in flatten(AttributeMap::Rest, record) {
            assert_eq!(flattened.rejects, [], "{who} on {record}");
            let counts = (flattened.num_records, flattened.records_without_rows, flattened.rows.len());
            assert_eq!(counts, (1, 1, 0), "{who} on {record}");
        }
    }
}

#[test]
fn an_envelope_with_something_else_inside_rejects_the_record() {
    for record in [
        r#"{"participants":{}}"#,
        r#"{"participants":"x"}"#,
        r#"{"participants":false}"#,
        r#"{"participants":[null]}"#,
        r#"{"participants":[{},1]}"#,
        r#"{"participants":[[{}]]}"#,
        r#"{"entities":{"participants":[]}}"#,
        r#"{"entities":[null]}"#,
        r#"{"entities":[{"participants":[{}]},[]]}"#,
        r#"{"entities":[{"participants":0}]}"#,
        r#"{"eventBody":[{"participants":[]}]}"#,
        r#"{"eventBody":"{}"}"#,
        r#"{"eventBody":{"participants":{}}}"#,
        r#"{"detail":{"eventBody":[]}}"#,
    ] {
        check_refused(AttributeMap::Rest, record, "envelope");
    }
}

#[test]
fn lines_are_records_and_a_bad_one_spoils_only_itself() {
    let lines = "\n {\"id\":\"a\"} \r\n\t\r\n{\"id\":}\n\n{\"id\":\"b\"}\n[1]\n{\"id\":\"c\"}";
    for (who, flattened) in flatten(AttributeMap::Rest, lines) {
        assert_eq!((flattened.num_records, flattened.rows.len()), (5, 3), "{who}");
        let rejects: Vec<_> = flattened.rejects.iter().map(|r| (r.range.start, r.kind().as_str())).collect();
        assert_eq!(rejects, [(18, "syntax"), (38, "not-object")], "{who}");
    }
}

#[test]
fn values_that_would_fill_the_memory_when_repeated_reject_the_record() {
    let mut reference = reference(AttributeMap::Rest);
    reference.max_flattened_bytes = 10_000;
    let mut subject = subject(AttributeMap::Rest).with_max_flattened_bytes(10_000);
    let record = |len: usize| format!(r#"{{"id":"{}","participants":[{{}},{{}}]}}"#, "x".repeat(len));
    let (small, large) = (record(4_000), record(6_000));
    for (small, large) in [
        (reference.flatten(small.as_bytes(), &Framing::Lines), reference.flatten(large.as_bytes(), &Framing::Lines)),
        (subject.flatten(small.as_bytes(), &Framing::Lines), subject.flatten(large.as_bytes(), &Framing::Lines)),
    ] {
        assert_eq!((small.rows.len(), small.rejects.len()), (2, 0));
        assert_eq!((large.rows.len(), large.ledger.len(), large.rejects[0].kind().as_str()), (0, 0, "size"));
    }
}

#[test]
fn rows_know_where_they_stood() {
    let lines = "{\"id\":\"a\"}\n\n  {\"participants\":[{},{}]}\n{\"id\":}\n{}";
    let flattened = Subject::with_provenance(MODEL).flatten(lines.as_bytes(), &Framing::Lines);
    let places: Vec<Vec<Cell>> = flattened.rows.iter().map(|row| row[row.len() - 2..].to_vec()).collect();
    let place = |offset: i64| vec![Cell::Text("test".to_owned()), Cell::Int(1000 + offset)];
    assert_eq!(places, [place(0), place(31), place(34), place(47)]);
}
