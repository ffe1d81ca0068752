//! Participant attributes: frequent keys are columns, the rest is in the map, nothing is lost and nothing is stored
//! twice.

use serde_json::{Value, json};

use crate::{
    output::{Output, Row},
    run::Folder,
};

/// One participant for each attribute object.
fn folder(attributes: &[Value]) -> Folder {
    let lines: Vec<String> =
        attributes.iter().map(|attributes| json!({"attributes": attributes}).to_string()).collect();
    Folder::with("in.ndjson", lines.join("\n"))
}

fn rows(attributes: &[Value], args: &[&str]) -> Vec<Row> {
    folder(attributes).converted(&[&["in.ndjson"], args].concat()).rows()
}

fn attribute_columns(output: &Output) -> Vec<String> {
    output.column_names().into_iter().filter(|name| name.starts_with("attribute_")).collect()
}

#[test]
fn frequent_keys_become_columns_and_rare_ones_stay_in_the_map() {
    let mut attributes: Vec<Value> =
        (0..300).map(|n| json!({"Language": "de", "IVR Priority": n.to_string()})).collect();
    attributes[7] = json!({"Language": "tr", "once": "x", "twice": "y"});
    attributes[8] = json!({"twice": "z"});
    let folder = folder(&attributes);
    let output = folder.converted(&["in.ndjson"]);
    assert_eq!(attribute_columns(&output), ["attribute_ivr_priority", "attribute_language"]);
    let rows = output.rows();
    assert_eq!(json!(rows[7]), json!({"attribute_language": "tr", "attributes": {"once": "x", "twice": "y"}}));
    assert_eq!(json!(rows[8]), json!({"attributes": {"twice": "z"}}));
    assert_eq!(rows[9]["attributes"], json!({}), "there were attributes, all of them in columns");
    let schema = folder.json("out/_partiquet/schema.json");
    assert_eq!(
        schema["attributes"],
        json!([
            {"key": "IVR Priority", "column": "attribute_ivr_priority"},
            {"key": "Language", "column": "attribute_language"},
        ])
    );
}

#[test]
fn one_in_a_hundred_is_frequent() {
    let with = |number: usize| {
        let attributes: Vec<Value> =
            (0..200).map(|n| if n < number { json!({"k": "v"}) } else { json!({"all": ""}) }).collect();
        attribute_columns(&folder(&attributes).converted(&["in.ndjson"]))
    };
    assert_eq!(with(2), ["attribute_all", "attribute_k"]);
    assert_eq!(with(1), ["attribute_all"]);
}

#[test]
fn at_most_sixty_four_keys_become_columns_by_themselves() {
    let many: Value = (0..100).map(|n| (format!("k{n:03}"), json!("v"))).collect::<serde_json::Map<_, _>>().into();
    let output = folder(&[many]);
    let output = output.converted(&["in.ndjson"]);
    assert_eq!(attribute_columns(&output).len(), 64);
    assert_eq!(output.row()["attributes"].as_object().unwrap().len(), 36);
}

#[test]
fn named_keys_and_none() {
    let attributes = [json!({"a": "1", "b, c": "2", "d": "3"})];
    assert_eq!(
        json!(rows(&attributes, &["--attribute-columns", r"b\, c,absent"])),
        json!([
            {"attribute_b_c": "2", "attributes": {"a": "1", "d": "3"}}
        ])
    );
    assert_eq!(
        json!(rows(&attributes, &["--attribute-columns", "none"])),
        json!([
            {"attributes": {"a": "1", "b, c": "2", "d": "3"}}
        ])
    );
}

#[test]
fn a_named_key_that_no_record_has_is_told() {
    let folder = folder(&[json!({"Language": "de", "a/b~": null})]);
    let run = |keys: &str, out: &str| {
        folder.convert(&["in.ndjson", "--attribute-columns", keys, "--out", out]).ended_with(0).stdout
    };
    let told = run("Language,language,Reason", "out");
    assert!(told.contains(r#"warning: no record has the attributes "Reason" and "language":"#), "{told}");
    let again = ["in.ndjson", "--attribute-columns", "Language,language,Reason", "--out", "out", "--mode"];
    let told = folder.convert(&[&again[..], &["overwrite-partitions"]].concat()).ended_with(0).stdout;
    assert!(!told.contains("no record has the attributes"), "{told}");
    let told = run("Language,a/b~", "other");
    assert!(!told.contains("no record has the attributes"), "null is a value that was met: {told}");
}

#[test]
fn the_map_keeps_the_rest_or_everything_or_is_not_there() {
    let attributes = [json!({"a": "1", "b": "2"})];
    assert_eq!(
        json!(rows(&attributes, &["--attribute-columns", "a", "--attribute-map", "rest"])),
        json!([
            {"attribute_a": "1", "attributes": {"b": "2"}}
        ])
    );
    assert_eq!(
        json!(rows(&attributes, &["--attribute-columns", "a", "--attribute-map", "all"])),
        json!([
            {"attribute_a": "1", "attributes": {"a": "1", "b": "2"}}
        ])
    );
    let folder = folder(&attributes);
    let output = folder.converted(&["in.ndjson", "--attribute-columns", "a,b", "--attribute-map", "none"]);
    assert_eq!(json!(output.row()), json!({"attribute_a": "1", "attribute_b": "2"}));
    assert!(!output.column_names().contains(&"attributes".to_owned()));
}

#[test]
fn without_a_map_a_key_without_a_column_is_refused() {
    let folder = folder(&[json!({"a": "1"}), json!({"a": "1", "b/~": "2"})]);
    let args = ["in.ndjson", "--out", "out", "--attribute-columns", "a", "--attribute-map", "none"];
    folder.convert(&args).ended_with(1).says(&["line 2, byte ", "at /attributes: ", "\"b/~\"", "--attribute-map rest"]);
    folder.convert(&[&args[..], &["--max-rejects", "1"]].concat()).ended_with(3);
    let output = folder.output("out");
    assert_eq!(output.rows().len(), 1);
    assert_eq!(output.rejects()[0]["kind"], "attribute");
    folder
        .convert(&["in.ndjson", "--out", "x", "--attribute-map", "none"])
        .ended_with(2)
        .says(&["--attribute-map none"]);
}

#[test]
fn keys_that_meet_get_numbers_in_the_order_of_their_bytes() {
    let attributes = [
        json!({"Queue_Deflection_Status": "under", "Queue Deflection Status": "blank", "queueDeflectionStatus": "camel"}),
    ];
    let folder = folder(&attributes);
    let output = folder.converted(&["in.ndjson"]);
    let row = output.row();
    assert_eq!(row["attribute_queue_deflection_status"], "blank");
    assert_eq!(row["attribute_queue_deflection_status_2"], "under");
    assert_eq!(row["attribute_queue_deflection_status_3"], "camel");
    let field = output.schema().field_with_name("attribute_queue_deflection_status_2").unwrap().clone();
    assert_eq!(field.metadata()["partiquet.path"], "/attributes/Queue_Deflection_Status");
}

#[test]
fn odd_keys_come_back_exactly() {
    let keys = [
        "",
        " ",
        "Whisper ",
        "a.b",
        "a\"b'c`d",
        "a\\b",
        "a/b~c",
        "Größe",
        "顧客番号",
        "😀",
        "\u{202e}x",
        "a\u{0}b",
        "line\nbreak",
        "name",
    ];
    let attributes: Value = keys
        .iter()
        .enumerate()
        .map(|(n, key)| ((*key).to_owned(), json!(n.to_string())))
        .collect::<serde_json::Map<_, _>>()
        .into();
    let in_map = rows(std::slice::from_ref(&attributes), &["--attribute-columns", "none"]);
    assert_eq!(in_map[0]["attributes"], attributes);
    let folder = folder(std::slice::from_ref(&attributes));
    let output = folder.converted(&["in.ndjson"]);
    let schema = folder.json("out/_partiquet/schema.json");
    let (row, promoted) = (output.row(), schema["attributes"].as_array().unwrap());
    assert_eq!(promoted.len(), keys.len(), "{promoted:?}");
    for attribute in promoted {
        let key = attribute["key"].as_str().unwrap();
        assert_eq!(row[attribute["column"].as_str().unwrap()], attributes[key], "{key:?}");
    }
    let mut columns: Vec<String> = output.column_names().iter().map(|name| name.to_lowercase()).collect();
    columns.sort();
    columns.dedup();
    assert_eq!(columns.len(), output.column_names().len(), "DuckDB and Spark fold case");
}

#[test]
fn values_that_are_not_text_are_kept_as_their_json() {
    let attributes = [json!({"n": 1.50, "b": true, "o": {"x": [1]}, "z": null, "t": ""})];
    let raw = json!({"n": "1.5", "b": "true", "o": "{\"x\":[1]}", "z": null, "t": ""});
    assert_eq!(rows(&attributes, &["--attribute-columns", "none"])[0]["attributes"], raw);
    let folder = folder(&attributes);
    folder.convert(&["in.ndjson", "--out", "out", "--report", "r.json"]).ended_with(0);
    assert_eq!(
        json!(folder.output("out").row()),
        json!({
            "attribute_n": "1.5", "attribute_b": "true", "attribute_o": "{\"x\":[1]}", "attribute_t": "", "attributes": {},
        })
    );
    assert_eq!(folder.json("r.json")["ledger"]["paths"]["/attributes/o"]["coerced"], 1);
}

#[test]
fn a_repeated_key_rejects_the_record() {
    let folder = Folder::with("in.ndjson", r#"{"attributes":{"k":"1","\u006b":"2"}}"#);
    folder.convert(&["in.ndjson", "--out", "out"]).ended_with(1).says(&["/attributes", "k"]);
}

#[test]
fn attribute_columns_can_name_partitions() {
    let folder = folder(&[json!({"Language": "de"}), json!({"Language": "tr"}), json!({})]);
    let output =
        folder.converted(&["in.ndjson", "--attribute-columns", "Language", "--partition-by", "attribute_language"]);
    let folders: Vec<String> = output.partitions().into_keys().collect();
    assert_eq!(
        folders,
        ["attribute_language=__HIVE_DEFAULT_PARTITION__", "attribute_language=de", "attribute_language=tr"]
    );
}
