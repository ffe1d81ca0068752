//! The envelope and the spelling of members are detected for each record.

use serde_json::json;

use crate::{
    output::{Row, instant},
    run::Folder,
};

/// The same participant, in wire names and in snake case.
const WIRE: &str =
    r#"{"id":"p","startTime":"2025-07-01T10:00:00Z","queue":{"id":"q","selfUri":"/q"},"wrapup":{"durationSeconds":7}}"#;
const SNAKE: &str = r#"{"id":"p","start_time":"2025-07-01T10:00:00Z","queue":{"id":"q","self_uri":"/q"},"wrapup":{"duration_seconds":7}}"#;

fn participant() -> Row {
    let mut row = json!({"id": "p", "queue_id": "q", "queue_self_uri": "/q", "wrapup_duration_seconds": 7});
    row["start_time"] = instant("2025-07-01T10:00:00Z");
    row.as_object().unwrap().clone()
}

/// The columns of a row that come from the participant itself.
fn own_part(mut row: Row) -> Row {
    row.retain(|column, _| {
        !column.starts_with("conversation_") && !column.starts_with("notification_") && column != "extra"
    });
    row
}

#[test]
fn all_envelopes_and_both_spellings_may_stand_in_one_file() {
    let mut lines = Vec::new();
    for participant in [WIRE, SNAKE] {
        lines.extend([
            (participant.to_owned(), None),
            (format!(r#"{{"id":"c1","participants":[{participant}]}}"#), Some("c1")),
            (format!(r#"{{"entities":[{{"id":"c2","participants":[{participant}]}}],"pageCount":1}}"#), Some("c2")),
            (format!(r#"{{"conversations":[{{"participants":[{participant}],"id":"c3"}}]}}"#), Some("c3")),
            (
                format!(
                    r#"{{"topicName":"t","eventBody":{{"id":"c4","participants":[{participant}]}},"version":"2"}}"#
                ),
                Some("c4"),
            ),
            (
                format!(
                    r#"{{"topic_name":"t","event_body":{{"id":"c5","participants":[{participant}]}},"version":"2"}}"#
                ),
                Some("c5"),
            ),
        ]);
    }
    let text: String = lines.iter().map(|(line, _)| line.clone() + "\n").collect();
    let rows = Folder::with("in.ndjson", text).converted(&["in.ndjson"]).rows();
    assert_eq!(rows.len(), lines.len());
    for (row, (line, conversation)) in rows.into_iter().zip(lines) {
        assert_eq!(row.get("conversation_id").and_then(|id| id.as_str()), conversation, "{line}");
        assert_eq!(own_part(row), participant(), "{line}");
    }
}

#[test]
fn keys_may_come_in_any_order() {
    let participants = r#"[{"purpose":"agent","id":"p1","startTime":"2025-07-01T10:00:00Z"},{"id":"p2"}]"#;
    let records = [
        format!(r#"{{"id":"c","divisionId":"d","participants":{participants},"odd":1}}"#),
        format!(r#"{{"participants":{participants},"odd":1,"divisionId":"d","id":"c"}}"#),
        format!(r#"{{"odd":1,"id":"c","participants":{participants},"divisionId":"d"}}"#),
    ];
    let convert = |record: &String| Folder::with("in.ndjson", record).converted(&["in.ndjson"]).partitions();
    let first = convert(&records[0]);
    assert_eq!(first.len(), 2, "one row has no day");
    for rows in first.values() {
        assert_eq!(rows[0]["conversation_id"], "c");
        assert_eq!(rows[0]["extra"]["../odd"], "1", "{rows:?}");
    }
    assert_eq!(first, convert(&records[1]));
    assert_eq!(first, convert(&records[2]));
}

#[test]
fn a_page_gives_each_participant_its_own_conversation() {
    let page = r#"{"entities":[
        {"participants":[{"id":"a1"},{"id":"a2"}],"id":"a"},
        {"id":"none","participants":[]},
        {"id":"null","participants":null},
        {"id":"absent"},
        {"id":"b","participants":[{"id":"b1"}]}],"total":5}"#;
    let rows = Folder::with("in.json", page).converted(&["in.json"]).rows();
    let pairs: Vec<_> = rows.iter().map(|row| (&row["conversation_id"], &row["id"])).collect();
    assert_eq!(pairs, [(&json!("a"), &json!("a1")), (&json!("a"), &json!("a2")), (&json!("b"), &json!("b1"))]);
}

#[test]
fn records_without_participants_are_counted() {
    let text = "{\"participants\":[]}\n{\"participants\":null}\n{\"entities\":[]}\n{\"eventBody\":{}}\n{\"id\":\"bare\"}\n{}\n";
    let folder = Folder::with("in.ndjson", text);
    folder.convert(&["in.ndjson", "--out", "out", "--report", "r.json"]).ended_with(0);
    let report = folder.json("r.json");
    assert_eq!(report["records"], 6);
    assert_eq!(report["records_without_rows"], 4, "the empty object is a participant of whom nothing is known");
    assert_eq!(report["rows"], 2);
}

#[test]
fn what_is_empty_stays_apart_from_what_is_missing() {
    let text = r#"{"id":"","mediaRoles":[],"attributes":{}}
{"id":null,"mediaRoles":null,"attributes":null}
{"id":"x","mediaRoles":[null,""],"attributes":{"k":null,"":""}}"#;
    let rows = Folder::with("in.ndjson", text).converted(&["in.ndjson", "--attribute-columns", "none"]).rows();
    assert_eq!(
        json!(rows),
        json!([
            {"id": "", "media_roles": [], "attributes": {}},
            {},
            {"id": "x", "media_roles": [null, ""], "attributes": {"k": null, "": ""}},
        ])
    );
}

#[test]
fn values_of_the_wrong_type_are_kept_beside_the_row() {
    let record =
        r#"{"id":12,"held":"true","wrapup":{"durationSeconds":"x1"},"startTime":"yesterday","new":{"a":[1, 2]}}"#;
    let row = Folder::with("in.ndjson", record).converted(&["in.ndjson"]).row();
    assert_eq!(
        json!(row),
        json!({
            "id": "12",
            "held": true,
            "extra": {"/wrapup/durationSeconds": "\"x1\"", "/startTime": "\"yesterday\"", "/new": "{\"a\":[1, 2]}"},
        })
    );
}

#[test]
fn the_way_to_the_rows_is_found_in_both_spellings() {
    let model = r#"{"partiquet_model":1,"name":"m","envelopes":["page.orderLines[]","orderLines[]"],"row":{"type":"R"},
        "types":{"R":{"members":[{"name":"id","type":"string"}]}}}"#;
    let lines = [
        r#"{"page":{"orderLines":[{"id":"1"}]}}"#,
        r#"{"page":{"order_lines":[{"id":"2"},{"id":"3"}]}}"#,
        r#"{"order_lines":[{"id":"4"}],"order_line":5}"#,
    ];
    let folder = Folder::with("in.ndjson", lines.join("\n"));
    folder.write("m.json", model);
    let args = ["in.ndjson", "--model", "m.json", "--partition-by", "none"];
    let output = folder.converted(&args);
    assert_eq!(output.sorted("id"), ["1", "2", "3", "4"]);
    assert_eq!(output.rows()[3]["extra"], json!({"../order_line": "5"}));

    folder.write("in.ndjson", r#"{"orderLines":[{"id":"1"}],"order_lines":[{"id":"2"}]}"#);
    let run = folder.convert(&[&args[..], &["--out", "twice"]].concat()).ended_with(1);
    run.says(&["given twice"]);
}

#[test]
fn the_name_of_a_column_is_no_name_of_a_member() {
    let model = r#"{"partiquet_model":1,"name":"m","envelopes":[],"row":{"type":"R"},
        "types":{"R":{"members":[{"name":"userName","type":"string","column":"login"}]}}}"#;
    let lines = [r#"{"userName":"a","login":"x"}"#, r#"{"user_name":"b"}"#, r#"{"login":"c"}"#];
    let folder = Folder::with("in.ndjson", lines.join("\n"));
    folder.write("m.json", model);
    let rows = folder.converted(&["in.ndjson", "--model", "m.json", "--partition-by", "none"]).rows();
    assert_eq!(
        json!(rows),
        json!([{"login": "a", "extra": {"/login": "\"x\""}}, {"login": "b"}, {"extra": {"/login": "\"c\""}}])
    );
}
