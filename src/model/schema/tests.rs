use super::*;
use crate::model::{Field, naming::snake_case};

fn call(keys: &[&str], map: AttributeMap, provenance: bool) -> TableSchema {
    let keys: Vec<String> = keys.iter().map(|key| (*key).to_owned()).collect();
    TableSchema::new(&Model::load(Model::DEFAULT).unwrap(), &keys, map, provenance).unwrap()
}

fn names(schema: &TableSchema, origin: ColumnOrigin) -> Vec<&str> {
    schema.columns.iter().filter(|column| column.origin == origin).map(|column| column.name.as_str()).collect()
}

#[test]
fn the_call_model_has_120_leaves_over_rest_and_98_of_them_in_the_baseline() {
    let schema = call(&[], AttributeMap::Rest, false);
    let rows: Vec<&ColumnSpec> = schema.columns.iter().filter(|column| column.origin == ColumnOrigin::Row).collect();
    let rest: Vec<&&ColumnSpec> = rows.iter().filter(|column| column.form != Form::Notification).collect();
    assert_eq!(rest.len(), 120);
    assert_eq!(rest.iter().filter(|column| column.original).count(), 98);
    let of_shape = |shape: ColumnShape| rest.iter().filter(|column| column.shape == shape).count();
    assert_eq!(of_shape(ColumnShape::Scalar(ScalarType::Text)), 73);
    assert_eq!(of_shape(ColumnShape::Scalar(ScalarType::Instant)), 17);
    assert_eq!(of_shape(ColumnShape::Scalar(ScalarType::Bool)), 10);
    assert_eq!(of_shape(ColumnShape::Scalar(ScalarType::Int64)), 15);
    assert_eq!(of_shape(ColumnShape::List(ScalarType::Text)), 2);
    assert_eq!(of_shape(ColumnShape::Map), 1);
    assert_eq!(rows.iter().map(|column| column.name.len()).max(), Some(88));
}

#[test]
fn every_column_is_named_by_its_path() {
    let schema = call(&[], AttributeMap::Rest, false);
    for column in &schema.columns {
        let (prefix, path) = match column.origin {
            ColumnOrigin::Row => ("", column.path.strip_prefix('/')),
            ColumnOrigin::Parent => ("conversation_", column.path.strip_prefix("../")),
            ColumnOrigin::Outer => ("notification_", column.path.strip_prefix("../../")),
            _ => continue,
        };
        let segments: Vec<String> = path.unwrap().split('/').map(snake_case).collect();
        assert_eq!(column.name, format!("{prefix}{}", segments.join("_")));
        assert!(!column.description.is_empty(), "{}", column.name);
    }
}

#[test]
fn columns_stand_in_one_order() {
    let schema = call(&["b", "A"], AttributeMap::Rest, true);
    let order: Vec<ColumnOrigin> = schema.columns.iter().map(|column| column.origin).collect();
    let attributes = schema.column_index("attributes").unwrap();
    assert_eq!(order[0], ColumnOrigin::Parent);
    assert_eq!(schema.attributes, [("A".to_owned(), attributes - 2), ("b".to_owned(), attributes - 1)]);
    assert_eq!(names(&schema, ColumnOrigin::Attribute), ["attribute_a", "attribute_b"]);
    assert_eq!(order[attributes + 1], ColumnOrigin::Outer);
    let last: Vec<&str> =
        schema.columns[schema.columns.len() - 3..].iter().map(|column| column.name.as_str()).collect();
    assert_eq!(last, ["extra", "source_file", "source_offset"]);
    assert!(schema.column_index("attribute_B").is_none(), "names are exact");
}

#[test]
fn a_later_part_of_an_original_object_is_not_original() {
    let schema = call(&[], AttributeMap::Rest, false);
    let column = |name: &str| &schema.columns[schema.column_index(name).unwrap()];
    let timer = column("disposition_amd_timeout_timeout_ms");
    assert_eq!((timer.original, timer.since.as_deref(), timer.form), (false, Some("2025-09"), Form::Both));
    let recorder = column("recorders_state_adhoc_state");
    assert_eq!((recorder.original, recorder.since.as_deref()), (false, Some("2025-06")));
    assert_eq!(recorder.values, ["ACTIVE", "PAUSED", "NONE"]);
    let user = column("user_id");
    assert_eq!(
        (user.original, user.since.as_deref(), user.description.as_str()),
        (true, None, "Agent or other user on this leg: id")
    );
    assert_eq!(column("user_self_uri").form, Form::Rest);
    assert_eq!(column("error_info_limit_key").form, Form::Notification);
}

#[test]
fn attribute_columns_know_their_exact_key() {
    let schema = call(&["Queue/Skill ~1", ""], AttributeMap::Rest, false);
    let paths: Vec<&str> = schema.attributes.iter().map(|(_, index)| schema.columns[*index].path.as_str()).collect();
    assert_eq!(paths, ["/attributes/", "/attributes/Queue~1Skill ~01"]);
    assert_eq!(names(&schema, ColumnOrigin::Attribute), ["attribute_unnamed", "attribute_queue_skill_1"]);
    assert_eq!(schema.columns[schema.attributes[1].1].description, "Attribute \"Queue/Skill ~1\"");
}

#[test]
fn keys_without_a_map_are_refused() {
    let text = r#"{"partiquet_model": 1, "name": "tiny", "row": {"type": "T"},
        "types": {"T": {"members": [{"name": "n", "type": "integer"}]}}}"#;
    let model = Model::from_json(text, "tiny.json").unwrap();
    let error = TableSchema::new(&model, &["k".to_owned()], AttributeMap::Rest, false).unwrap_err();
    assert!(matches!(&error, Error::Usage { .. }) && error.to_string().contains("model tiny has no map"), "{error}");
}

#[test]
fn more_keys_than_the_ledger_has_places_are_refused() {
    let keys: Vec<String> = (0..70_000).map(|key| key.to_string()).collect();
    let model = Model::load(Model::DEFAULT).unwrap();
    let error = TableSchema::new(&model, &keys, AttributeMap::Rest, false).unwrap_err();
    assert!(error.to_string().contains("70000 attribute columns are too many"), "{error}");
}

#[test]
fn a_model_put_together_by_hand_cannot_clash_either() {
    let mut model = Model::load(Model::DEFAULT).unwrap();
    model.row.push(Field { column: "Held".to_owned(), wire: "held2".to_owned(), ..model.row[13].clone() });
    let error = TableSchema::new(&model, &[], AttributeMap::Rest, false).unwrap_err();
    assert_eq!(error.to_string(), "model call, at /held2: two members ask for the column Held");
}
