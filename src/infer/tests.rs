use serde_json::{Value, json};

use super::*;
use crate::model::Model;

/// Returns the proposal for some records, after checking that `--model FILE` could read it as a model.
fn proposed(records: &[Value]) -> Value {
    let mut overlay = RecordSample::default();
    for record in records {
        overlay.add(record);
    }
    let document = overlay.propose("custom").model;
    if let Err(error) = Model::from_json(&document.to_string(), "proposal") {
        panic!("{error}\n{document:#}");
    }
    document
}

/// `name: type`, and the column where it differs from the name.
fn members(document: &Value, kind: &str) -> Vec<String> {
    let members = document["types"][kind]["members"].as_array().unwrap();
    let text = |value: &Value| value.as_str().map(str::to_owned);
    members
        .iter()
        .map(|member| {
            let column = text(&member["column"]).map(|column| format!(" as {column}")).unwrap_or_default();
            format!("{}: {}{column}", text(&member["name"]).unwrap(), text(&member["type"]).unwrap())
        })
        .collect()
}

#[test]
fn scalars_get_the_narrowest_type_that_holds_them_all() {
    let document = proposed(&[
        json!({"id": "a", "at": "2025-07-01T10:00:00Z", "n": 1, "x": 1, "ok": true, "mixed": 1, "gone": null}),
        json!({"id": "b", "at": "2025-07-01T10:00:00.5+02:00", "n": -2, "x": 0.5, "ok": null, "mixed": "one"}),
    ]);
    assert_eq!(
        members(&document, "Record"),
        ["id: string", "at: instant", "n: integer", "x: number", "ok: boolean", "mixed: json", "gone: json"]
    );
    assert_eq!(document["types"]["Record"]["members"][1]["format"], "date-time");
    assert_eq!(document["envelopes"], json!([]));
    assert_eq!(document["row"], json!({"type": "Record"}));
    assert!(document.get("parent").is_none());
}

#[test]
fn one_string_that_is_no_instant_makes_a_text() {
    let document = proposed(&[json!({"at": "2025-07-01T10:00:00Z"}), json!({"at": ""})]);
    assert_eq!(members(&document, "Record"), ["at: string"]);
}

#[test]
fn numbers_that_a_column_could_not_hold_exactly_stay_raw() {
    let document = proposed(&[
        json!({"huge": u64::MAX, "long": 9_007_199_254_740_993_i64, "wide": 9_007_199_254_740_993_i64}),
        json!({"huge": 1, "long": 1, "wide": 0.5}),
    ]);
    assert_eq!(members(&document, "Record"), ["huge: json", "long: integer", "wide: json"]);
}

#[test]
fn nested_objects_and_lists() {
    let document = proposed(&[json!({
        "user": {"id": "u", "team": {"name": "t"}},
        "tags": ["a", null],
        "empty": [],
        "rows": [[1, 2]],
        "skills": [{"id": "s", "level": 1, "levels": [1], "group": {"id": "g"}}, null],
    })]);
    assert_eq!(
        members(&document, "Record"),
        ["user: User", "tags: list<string>", "empty: list<json>", "rows: list<json>", "skills: list<Skill>"]
    );
    assert_eq!(members(&document, "User"), ["id: string", "team: Team"]);
    assert_eq!(members(&document, "Skill"), ["id: string", "level: integer", "levels: json", "group: Group"]);
    assert_eq!(members(&document, "Group"), ["id: string"]);
}

#[test]
fn a_conversation_is_taken_apart() {
    let document = proposed(&[
        json!({"id": "c1", "participants": [{"id": "p1", "conversationId": "c1", "attributes": {"Queue": "x"}}]}),
        json!({"entities": [{"id": "c2", "participants": [{"purpose": "agent"}]}], "pageSize": 25}),
    ]);
    assert_eq!(document["envelopes"], json!(["participants[]", "entities[].participants[]"]));
    assert_eq!(document["row"], json!({"type": "Participant"}));
    assert_eq!(document["parent"], json!({"type": "Conversation", "prefix": "conversation"}));
    assert_eq!(document["outer"], json!({"type": "Page", "prefix": "page"}));
    assert_eq!(
        members(&document, "Participant"),
        ["id: string", "conversationId: string", "attributes: map<string>", "purpose: string"]
    );
    assert_eq!(document["types"]["Participant"]["members"][2]["promote"], true);
    assert_eq!(members(&document, "Conversation"), ["id: string as id_2", "pageSize: integer"]);
    assert_eq!(members(&document, "Page"), ["id: string", "pageSize: integer"]);
}

#[test]
fn a_notification_and_a_listing_of_something_else() {
    let notification = proposed(&[json!({"topicName": "t", "eventBody": {"id": "c", "participants": [{"id": "p"}]}})]);
    assert_eq!(notification["envelopes"], json!(["eventBody.participants[]"]));
    assert_eq!(members(&notification, "Notification"), ["topicName: string"]);
    let listing = proposed(&[json!({"pageNumber": 1, "entities": [{"id": "q", "memberCount": 3}]})]);
    assert_eq!(listing["envelopes"], json!(["entities[]"]));
    assert_eq!(members(&listing, "Entity"), ["id: string", "memberCount: integer"]);
    assert_eq!(members(&listing, "Page"), ["pageNumber: integer"]);
}

#[test]
fn an_empty_or_scalar_list_under_a_known_key_holds_no_rows() {
    let document = proposed(&[json!({"id": "x", "entities": [], "results": [1]})]);
    assert_eq!(document["row"], json!({"type": "Record"}));
    assert_eq!(members(&document, "Record"), ["id: string", "entities: list<json>", "results: list<integer>"]);
}

#[test]
fn many_varying_keys_are_a_map_and_steady_ones_are_members() {
    let varying: Vec<_> = (0..60).map(|i| json!({"labels": {format!("k{i}"): "v"}})).collect();
    assert_eq!(members(&proposed(&varying), "Record"), ["labels: map<string>"]);
    let steady: Map<String, Value> = (0..60).map(|i| (format!("k{i}"), json!("v"))).collect();
    assert_eq!(members(&proposed(&[json!({"labels": steady})]), "Record"), ["labels: Labels"]);
}

#[test]
fn keys_without_end_are_a_map() {
    let endless: Map<String, Value> = (0..=observed::MAX_MEMBERS).map(|i| (format!("k{i}"), json!(1))).collect();
    assert_eq!(members(&proposed(&[json!({"labels": endless})]), "Record"), ["labels: map<string>"]);
}

#[test]
fn both_spellings_are_one_member() {
    let document = proposed(&[json!({"start_time": null}), json!({"startTime": "2025-07-01T10:00:00Z"})]);
    assert_eq!(members(&document, "Record"), ["startTime: instant"]);
}

#[test]
fn columns_that_would_clash_get_numbers() {
    let document = proposed(&[json!({
        "userId": "a", "user": {"id": "b"}, "extra": 1, "a b": 1, "a-b": 2, "a_b": 3, "": 4, "Größe": 5,
    })]);
    assert_eq!(
        members(&document, "Record"),
        [
            "userId: string",
            "user: User",
            "extra: integer as extra_2",
            "a b: integer as a_b_2",
            "a-b: integer as a_b_3",
            "a_b: integer",
            "Größe: integer"
        ]
    );
    assert_eq!(members(&document, "User"), ["id: string as id_2"]);
}

#[test]
fn types_of_one_name_are_told_apart() {
    let document = proposed(&[json!({"user": {"id": 1}, "peer": {"user": {"name": "x"}}, "7up": {"string": "x"}})]);
    assert_eq!(members(&document, "Record"), ["user: User", "peer: Peer", "7up: Type7up"]);
    assert_eq!(members(&document, "Peer"), ["user: User2"]);
}

#[test]
fn deep_objects_become_raw_json() {
    let mut deep = json!("bottom");
    for _ in 0..40 {
        deep = json!({"a": deep});
    }
    let document = proposed(&[deep]);
    assert_eq!(document["types"].as_object().unwrap().len(), MAX_NESTING + 1);
}

#[test]
fn no_records_give_an_empty_model() {
    let mut overlay = RecordSample::default();
    for value in [json!(1), json!([]), Value::Null] {
        overlay.add(&value);
    }
    assert_eq!(overlay.records(), 0);
    let document = overlay.propose("custom").model;
    assert_eq!(document["types"], json!({"Record": {"description": "", "members": []}}));
}

#[test]
fn what_no_column_of_instants_holds_makes_a_text() {
    for text in ["2025-01-01T00:00:00.1234567Z", "2016-12-31T23:59:60Z", "0000-01-01T00:00:00Z"] {
        let document = proposed(&[json!({"at": "2025-07-01T10:00:00Z"}), json!({"at": text})]);
        assert_eq!(members(&document, "Record"), ["at: string"], "{text}");
    }
}

#[test]
fn objects_without_a_name_to_call_a_column_by_are_maps() {
    let document = proposed(&[json!({"a": 1, "x": {"": "v"}, "y": [{"": 1}], "z": {"b": {"": 2}}})]);
    assert_eq!(members(&document, "Record"), ["a: integer", "x: map<string>", "y: list<json>", "z: Z"]);
    let mut nameless = RecordSample::default();
    nameless.add(&json!({"": "v"}));
    assert!(!nameless.has_names());
}

#[test]
fn a_list_with_something_else_in_it_is_no_way_to_rows() {
    for other in [json!(null), json!("x")] {
        let document = proposed(&[json!({"entities": [{"a": 1}, other]}), json!({"entities": [{"a": 2}]})]);
        assert_eq!(document["envelopes"], json!([]), "{other}");
    }
}

#[test]
fn what_a_conversion_will_refuse_or_leave_out_is_noted() {
    let notes = |records: &[Value]| {
        let mut sample = RecordSample::default();
        for record in records {
            sample.add(record);
        }
        sample.propose("custom").notes
    };
    assert_eq!(notes(&[json!({"userId": 1}), json!({"user_id": 2})]), Vec::<String>::new());
    let told = notes(&[json!({"a": {"userId": 1, "user_id": 2}})]);
    assert!(told.len() == 1 && told[0].contains("userId and user_id are two spellings"), "{told:?}");
    let endless: Map<String, Value> = (0..=observed::MAX_MEMBERS).map(|i| (format!("k{i}"), json!(1))).collect();
    let told = notes(&[Value::Object(endless)]);
    assert!(told.len() == 1 && told[0].contains("more than 1000 members"), "{told:?}");
}

#[test]
fn a_member_that_would_be_taken_for_an_envelope_gets_no_column() {
    let records = [
        (json!({"entities": [{"id": "x", "entities": "y"}]}), 1),
        (json!({"id": "c", "participants": [{"id": "p", "participants": 1, "Participants": 2}]}), 2),
        (json!({"entities": [{"id": "c", "Participants": 1, "participants": [{"id": "p"}]}]}), 1),
        (json!({"id": "c", "Participants": 1, "participants": [{"id": "p"}]}), 1),
        // In the parent of one envelope and in the outer object of the other.
        (
            json!({"eventBody": {"participants": [{"id": "p"}]}, "participants": [{"id": "q"}], "Participants": 1, "t": 2}),
            2,
        ),
        // A row of nothing else is none.
        (json!({"results": [{"results": 1}]}), 0),
        (json!({"participants": [{"participants": 5}]}), 0),
    ];
    for (record, expected) in records {
        let mut sample = RecordSample::default();
        sample.add(&record);
        let Proposal { model, notes } = sample.propose("custom");
        if let Err(error) = Model::from_json(&model.to_string(), "proposal") {
            panic!("{error}\n{model:#}");
        }
        let left_out = notes.iter().filter(|note| note.contains("its values will be in `extra`")).count();
        assert_eq!(left_out, expected, "{record}: {notes:?}");
    }
}
