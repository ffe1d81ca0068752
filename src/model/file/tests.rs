use super::*;
use crate::model::{Field, FieldKind, Form, Step};

/// Reads a small valid model, with `from` replaced by `to`.
fn changed(from: &str, to: &str) -> Result<Model> {
    let text = r#"{
        "partiquet_model": 1,
        "name": "shop",
        "envelopes": ["orders[]", "pages[].orders[]"],
        "row": {"type": "Order"},
        "parent": {"type": "Page", "prefix": "page"},
        "outer": {"type": "Answer", "prefix": "answer"},
        "types": {
            "Order": {"members": [
                {"name": "orderId", "type": "string"},
                {"name": "tags", "type": "map<string>", "promote": true},
                {"name": "buyer", "type": "Buyer"},
                {"name": "lines", "type": "list<Line>"}
            ]},
            "Buyer": {"members": [{"name": "name", "type": "string"}, {"name": "since", "type": "instant"}]},
            "Line": {"members": [{"name": "price", "type": "number"}, {"name": "buyer", "type": "Buyer"}]},
            "Page": {"members": [{"name": "number", "type": "integer"}]},
            "Answer": {"members": [{"name": "total", "type": "ignored"}]}
        }
    }"#;
    assert!(text.contains(from), "{from}");
    Model::from_json(&text.replacen(from, to, 1), "shop.json")
}

/// Returns the pointer and the message of the error.
fn refused(from: &str, to: &str) -> (String, String) {
    match changed(from, to) {
        Err(Error::Model { file, pointer, message }) => {
            assert_eq!(file, "shop.json");
            (pointer, message)
        }
        other => panic!("a model error is expected for {to}, not {other:?}"),
    }
}

#[test]
fn a_right_model_is_read_whole() {
    let model = changed("shop", "shop").unwrap();
    assert_eq!(model.name, "shop");
    let step = |key: &str| Step { key: key.to_owned(), list: true };
    assert_eq!(model.envelopes[1].steps, [step("pages"), step("orders")]);
    assert_eq!(model.row[0].column, "order_id");
    assert_eq!(model.row[1].kind, FieldKind::Map { promote: true });
    assert!(
        matches!(&model.row[3].kind, FieldKind::ListOfObjects(line) if matches!(line[1].kind, FieldKind::Object(_)))
    );
    assert_eq!(model.outer.unwrap().fields[0].kind, FieldKind::Ignored);
}

#[test]
fn the_place_of_every_mistake_is_named() {
    // Each entry: what is replaced, the replacement, the place that the error names, and a part of its message.
    let mistakes = [
        ("\"partiquet_model\": 1", "\"partiquet_model\": 2", "/partiquet_model", "version 1"),
        ("\"partiquet_model\": 1,", "", "/", "\"partiquet_model\" is missing"),
        ("\"name\": \"shop\"", "\"name\": \"\"", "/name", "must not be empty"),
        ("\"name\": \"shop\"", "\"name\": 7", "/name", "a number, a text is expected"),
        ("\"name\": \"shop\"", "\"nam\": \"shop\"", "/nam", "do you mean \"name\"?"),
        ("\"name\": \"shop\"", "\"name\": \"a\", \"name\": \"b\"", "/name", "twice"),
        ("\"name\": \"shop\"", "\"name\": \"shop\", \"sources\": [1]", "/sources/0", "a text is expected"),
        ("{\"type\": \"Order\"}", "{\"type\": \"order\"}", "/row/type", "no type \"order\""),
        ("{\"type\": \"Order\"}", "{\"type\": \"Order\", \"prefix\": \"x\"}", "/row/prefix", "not a member"),
        ("\"prefix\": \"page\"", "\"prefix\": \"Page\"", "/parent/prefix", "lower-case"),
        (", \"prefix\": \"page\"", "", "/parent", "\"prefix\" is missing"),
        ("\"type\": \"string\"", "\"type\": \"strng\"", "/types/Order/members/0/type", "do you mean \"string\"?"),
        ("\"type\": \"Buyer\"", "\"type\": \"Bujer\"", "/types/Order/members/2/type", "do you mean \"Buyer\"?"),
        ("\"type\": \"string\"", "\"type\": \"quaternion\"", "/types/Order/members/0/type", "one of /types"),
        ("\"type\": \"string\"", "\"type\": \"list<list<string>>\"", "/types/Order/members/0/type", "is json"),
        ("\"type\": \"string\"", "\"type\": \"list<ignored>\"", "/types/Order/members/0/type", "as a whole: ignored"),
        ("\"type\": \"string\"", "\"type\": \"map<integer>\"", "/types/Order/members/0/type", "map<string>"),
        (
            "\"type\": \"string\"",
            "\"type\": \"string\", \"promote\": true",
            "/types/Order/members/0/promote",
            "only a map",
        ),
        (
            "\"type\": \"string\"",
            "\"type\": \"map<string>\", \"promote\": true",
            "/types/Order/members/1/promote",
            "one map",
        ),
        (
            "\"type\": \"string\"",
            "\"type\": \"string\", \"form\": \"soap\"",
            "/types/Order/members/0/form",
            "notification",
        ),
        (
            "\"type\": \"string\"",
            "\"type\": \"string\", \"since\": \"2025-13\"",
            "/types/Order/members/0/since",
            "2025-06",
        ),
        (
            "\"type\": \"string\"",
            "\"type\": \"string\", \"original\": 1",
            "/types/Order/members/0/original",
            "true or false",
        ),
        (
            "\"type\": \"string\"",
            "\"type\": \"string\", \"enum\": \"a\"",
            "/types/Order/members/0/enum",
            "a list is expected",
        ),
        (
            "\"type\": \"string\"",
            "\"type\": \"string\", \"column\": \"a b\"",
            "/types/Order/members/0/column",
            "lower-case",
        ),
        ("\"type\": \"instant\"", "\"type\": \"Order\"", "/types/Buyer/members/1/type", "contains itself"),
        ("\"type\": \"number\"", "\"type\": \"list<string>\"", "/types/Line/members/0/type", "use json here"),
        ("\"type\": \"number\"", "\"type\": \"map<string>\"", "/types/Line/members/0/type", "use json here"),
        ("\"name\": \"tags\"", "\"name\": \"order_id\"", "/types/Order/members/1", "a member of this type already"),
        ("\"name\": \"tags\"", "\"name\": \"buyerName\"", "/types/Buyer/members/0", "taken by /types/Order/members/1"),
        ("\"name\": \"tags\"", "\"name\": \"page_number\"", "/types/Page/members/0", "give this member another"),
        ("\"name\": \"tags\"", "\"name\": \"extra\"", "/types/Order/members/1", "the program itself"),
        ("\"name\": \"tags\"", "\"name\": \"\"", "/types/Order/members/1/name", "must not be empty"),
        ("\"Answer\": {\"members\"", "\"string\": {\"members\"", "/types/string", "no built-in"),
        ("{\"name\": \"number\", \"type\": \"integer\"}", "", "/types/Page/members", "at least one member"),
        ("{\"name\": \"number\", \"type\": \"integer\"}", "null", "/types/Page/members/0", "this is null"),
        ("\"orders[]\", ", "\"orders[\", ", "/envelopes/0", "pages[].rows[]"),
        ("\"orders[]\", ", "\"\", ", "/envelopes/0", "keys joined by dots"),
        ("\"orders[]\", ", "\"a.b.c.d.e.f.g.h.i\", ", "/envelopes/0", "at most 8"),
        ("\"orders[]\", ", "\"a\", \"b\", \"c\", \"d\", \"e\", \"f\", \"g\", \"h\", ", "/envelopes", "at most 8"),
        ("\"orders[]\", ", "\"pages.o\", ", "/envelopes/1", "never used"),
        ("\"orders[]\", ", "\"a.b.orders[]\", ", "/envelopes/1", "as many"),
        ("\"orders[]\", ", "\"number[]\", ", "/envelopes/0", "the parent's type must not have it"),
        ("\"pages[].orders[]\"", "\"total[].orders[]\"", "/envelopes/1", "the outer type must not have it"),
    ];
    for (from, to, place, part) in mistakes {
        let (pointer, message) = refused(from, to);
        assert_eq!(pointer, place, "{to}: {message}");
        assert!(message.contains(part), "{to}: {message}");
    }
}

#[test]
fn a_document_that_is_no_json_says_where() {
    let (pointer, message) = refused("\"row\"", "row");
    assert_eq!(pointer, "/");
    assert!(message.contains("not valid JSON") && message.contains("line 5"), "{message}");
    let deep = "[".repeat(100_000);
    assert!(matches!(Model::from_json(&deep, "deep"), Err(Error::Model { .. })));
}

#[test]
fn a_small_document_cannot_unfold_into_a_huge_model() {
    // Each type contains the next one four times: 4^20 leaves.
    let types: Vec<String> = (0..20)
        .map(|level| {
            let held = if level == 19 { "string".to_owned() } else { format!("T{}", level + 1) };
            let members: Vec<String> = (0..4).map(|m| format!(r#"{{"name": "m{m}", "type": "{held}"}}"#)).collect();
            format!(r#""T{level}": {{"members": [{}]}}"#, members.join(","))
        })
        .collect();
    let text = format!(
        r#"{{"partiquet_model": 1, "name": "bomb", "row": {{"type": "T0"}}, "types": {{{}}}}}"#,
        types.join(",")
    );
    let error = Model::from_json(&text, "bomb").unwrap_err();
    assert!(error.to_string().contains("more than 65536 places"), "{error}");
}

#[test]
fn types_cannot_nest_without_end() {
    let types: Vec<String> = (0..=MAX_TYPE_DEPTH)
        .map(|level| format!(r#""T{level}": {{"members": [{{"name": "m", "type": "T{}"}}]}}"#, level + 1))
        .chain([format!(r#""T{}": {{"members": [{{"name": "m", "type": "string"}}]}}"#, MAX_TYPE_DEPTH + 1)])
        .collect();
    let text = format!(
        r#"{{"partiquet_model": 1, "name": "deep", "row": {{"type": "T0"}}, "types": {{{}}}}}"#,
        types.join(",")
    );
    let error = Model::from_json(&text, "deep").unwrap_err();
    assert!(error.to_string().contains("nest deeper than 32"), "{error}");
}

#[test]
fn the_call_model_has_all_members_of_the_reference() {
    let model = Model::load(Model::DEFAULT).unwrap();
    let rest: Vec<&Field> = model.row.iter().filter(|field| field.form != Form::Notification).collect();
    assert_eq!(rest.len(), 58);
    assert_eq!(rest.iter().filter(|field| field.original).count(), 51);
    assert!(rest.iter().all(|field| field.original == field.since.is_none()), "what is not original has a date");
    let notified: Vec<&str> =
        model.row.iter().filter(|field| field.form == Form::Notification).map(|field| field.wire.as_str()).collect();
    assert_eq!(notified, ["initialState", "queueMediaSettings", "screenRecordingState", "publicIpAddress"]);
}

#[test]
fn a_model_is_found_by_name_or_by_path() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("own.json");
    std::fs::write(&path, format!("\u{feff}{}", Model::built_in("call").unwrap())).unwrap();
    assert_eq!(Model::load(path.to_str().unwrap()).unwrap(), Model::load("call").unwrap());

    let missing = folder.path().join("missing.json");
    let error = Model::load(missing.to_str().unwrap()).unwrap_err();
    assert!(matches!(error, Error::Usage { .. }) && error.to_string().contains("missing.json"), "{error}");
    std::fs::write(&path, b"\xff").unwrap();
    assert!(matches!(Model::load(path.to_str().unwrap()), Err(Error::Model { .. })));
    let unknown = Model::load("chat").unwrap_err();
    assert_eq!(
        unknown.to_string(),
        "there is no model \"chat\"\n  built in: call; a model of your own is given by the path of its file"
    );
}
