use partiquet::model::AttributeMap;

use super::*;

fn rendered(form: SchemaForm, keys: &[&str]) -> String {
    let model = Model::load(Model::DEFAULT).unwrap();
    let keys: Vec<String> = keys.iter().map(|key| (*key).to_owned()).collect();
    render(&TableSchema::new(&model, &keys, AttributeMap::Rest, true).unwrap(), &model, form)
}

/// A key that tries to escape from its line, its quotes and its cell.
const HOSTILE: &str = "x|`'\"\\\n-- );";

#[test]
fn people_get_a_line_for_each_column() {
    let text = rendered(SchemaForm::Table, &[]);
    let lines: Vec<&str> = text.lines().collect();
    assert!(lines[0].starts_with("Model call: Call participants of Genesys Cloud. "), "{}", lines[0]);
    let user = lines.iter().find(|line| line.starts_with("user_id ")).unwrap();
    let words: Vec<&str> = user.split("  ").filter(|word| !word.is_empty()).map(str::trim).collect();
    assert_eq!(words, ["user_id", "text", "/user/id", "Agent or other user on this leg: id"]);
}

#[test]
fn arrow_types_are_those_of_the_schema() {
    let text = rendered(SchemaForm::Arrow, &[]);
    assert!(text.contains("\nstart_time: Timestamp(µs, \"UTC\")\n"), "{text}");
    assert!(text.ends_with("source_file: Utf8\nsource_offset: Int64\n"), "{text}");
}

#[test]
fn json_has_everything_that_is_known_of_a_column() {
    let document: serde_json::Value = serde_json::from_str(&rendered(SchemaForm::Json, &["IVR Priority"])).unwrap();
    assert_eq!(document["model"], "call");
    let columns = document["columns"].as_array().unwrap();
    let column = |name: &str| columns.iter().find(|column| column["name"] == name).unwrap();
    assert_eq!(
        *column("start_alerting_time"),
        json!({"name": "start_alerting_time", "type": "timestamp(us, UTC)", "path": "/startAlertingTime",
            "description": "When the leg began to ring", "origin": "row", "original": false, "since": "2025-06",
            "form": "rest", "format": "date-time", "values": []})
    );
    assert_eq!(column("attribute_ivr_priority")["path"], "/attributes/IVR Priority");
    assert_eq!(column("attribute_ivr_priority")["origin"], "attribute");
    assert_eq!(column("extra")["path"], serde_json::Value::Null);
    assert_eq!(column("media_roles")["type"], "list<text>");
    assert_eq!(
        column("conversation_routing_data_scored_agents")["type"],
        "list<struct<agent_id: text, agent_name: text, agent_self_uri: text, score: int64>>"
    );
}

#[test]
fn duckdb_gets_a_statement_with_comments_that_stay_comments() {
    let text = rendered(SchemaForm::Duckdb, &[HOSTILE]);
    assert!(text.starts_with("CREATE TABLE \"call\" (\n"));
    assert!(text.contains("\n  \"start_time\" TIMESTAMP WITH TIME ZONE, -- /startTime: When"), "{text}");
    assert!(text.contains(
        "\"conversation_routing_data_skills\" STRUCT(\"id\" VARCHAR, \"name\" VARCHAR, \"self_uri\" VARCHAR)[],"
    ));
    assert!(text.contains("\"attributes\" MAP(VARCHAR, VARCHAR),"));
    assert!(text.contains("\n  \"source_offset\" BIGINT -- "), "no comma after the last column");
    let columns = text.lines().filter(|line| line.starts_with("  \"")).count();
    assert_eq!(text.lines().count(), columns + 2, "every other line is a column");
}

#[test]
fn spark_gets_a_schema_whose_comments_are_closed() {
    let text = rendered(SchemaForm::Spark, &[HOSTILE]);
    assert!(text.starts_with("`conversation_id` STRING COMMENT '../id: Id of the conversation',\n"), "{text}");
    assert!(text.contains(
        "`conversation_routing_data_skills` ARRAY<STRUCT<`id`: STRING, `name`: STRING, `self_uri`: STRING>>"
    ));
    assert!(text.contains("`attribute_x` STRING COMMENT '/attributes/x|`\\'\"\\\\\\\\n-- );: Attribute"), "{text}");
    for line in text.lines() {
        assert!(line.ends_with("',") || line.ends_with('\''), "{line}");
    }
}

#[test]
fn markdown_cells_hold_what_they_are_given() {
    let text = rendered(SchemaForm::Markdown, &[HOSTILE]);
    let row = text.lines().find(|line| line.starts_with("| `attribute_x` |")).unwrap();
    let cells = row.replace("\\|", "").matches('|').count();
    assert_eq!(cells, 7, "{row}");
    assert!(row.contains("| ``/attributes/x\\|`'\"\\\\n-- );`` |"), "{row}");
    let state = text.lines().find(|line| line.starts_with("| `recording_state` |")).unwrap();
    assert_eq!(
        state,
        "| `recording_state` | `text` | `/recordingState` | baseline | both | State of the recording (`none` `active` `paused`) |"
    );
}

#[test]
fn every_form_names_every_column() {
    let model = Model::load(Model::DEFAULT).unwrap();
    let schema = TableSchema::new(&model, &[], AttributeMap::Rest, true).unwrap();
    for form in <SchemaForm as clap::ValueEnum>::value_variants() {
        let text = render(&schema, &model, *form);
        assert!(text.ends_with('\n') && !text.ends_with("\n\n"), "{form:?}");
        for column in &schema.columns {
            assert!(text.contains(&column.name), "{form:?} {}", column.name);
        }
    }
}
