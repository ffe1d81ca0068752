use super::*;
use crate::columns::ColumnShape;

fn call(keys: &[&str], map: AttributeMap, provenance: bool) -> (TableSchema, Plan) {
    let model = Model::load(Model::DEFAULT).unwrap();
    let keys: Vec<String> = keys.iter().map(|key| (*key).to_owned()).collect();
    let schema = TableSchema::new(&model, &keys, map, provenance).unwrap();
    let plan = Plan::new(&model, &schema);
    (schema, plan)
}

fn member<'p>(object: &'p ObjectPlan, wire: &str) -> &'p MemberPlan {
    object.members.iter().find(|member| member.wire == wire).unwrap()
}

/// Collects every column that an action fills, in the order of the walk.
fn filled(object: &ObjectPlan, columns: &mut Vec<usize>) {
    for member in &object.members {
        match &member.action {
            Action::Scalar { column, .. } | Action::List { column, .. } | Action::Structs { column, .. } => {
                columns.push(*column);
            }
            Action::Object(members) => filled(members, columns),
            Action::Map { column, promoted, .. } => {
                columns.extend(promoted.iter().map(|key| key.column));
                columns.extend(column);
            }
            Action::Ignored => {}
        }
    }
}

#[test]
fn every_column_of_the_table_is_filled_from_exactly_one_place() {
    let (schema, plan) = call(&["b", "A"], AttributeMap::Rest, true);
    let mut columns = Vec::new();
    filled(&plan.row, &mut columns);
    for (object, staged) in [(&plan.parent, &plan.parent_columns), (&plan.outer, &plan.outer_columns)] {
        let mut places = Vec::new();
        filled(object, &mut places);
        assert_eq!(places, (0..staged.len()).collect::<Vec<_>>(), "staged in the order of the walk");
        for (shape, column) in staged {
            assert_eq!(*shape, plan.shapes[*column]);
            columns.push(*column);
        }
    }
    columns.push(plan.extra_column);
    let (file, offset) = plan.provenance_columns.unwrap();
    columns.extend([file, offset]);
    columns.sort_unstable();
    assert_eq!(columns, (0..schema.columns.len()).collect::<Vec<_>>());
}

#[test]
fn ledger_paths_are_pointers_and_each_is_there_once() {
    let (_, plan) = call(&["a/b~c"], AttributeMap::Rest, false);
    let mut paths = plan.paths.clone();
    paths.sort_unstable();
    paths.dedup();
    assert_eq!(paths.len(), plan.paths.len());
    for path in [
        "/user/id",
        "/mediaRoles/*",
        "/conversationRoutingData/scoredAgents/*/agent/id",
        "/attributes/*",
        "/attributes/a~1b~0c",
        "../id",
        "../../topicName",
        "../../metadata/CorrelationId",
    ] {
        assert!(paths.binary_search(&path.to_owned()).is_ok(), "{path}");
    }
}

#[test]
fn the_columns_of_a_struct_are_its_children() {
    let (schema, plan) = call(&[], AttributeMap::Rest, false);
    let Action::Object(routing) = &member(&plan.row, "conversationRoutingData").action else { panic!() };
    let Action::Structs { column, element, element_path } = &member(routing, "scoredAgents").action else { panic!() };
    assert_eq!(schema.columns[*column].name, "conversation_routing_data_scored_agents");
    assert_eq!(plan.paths[usize::from(*element_path)], "/conversationRoutingData/scoredAgents/*");
    let Action::Object(agent) = &member(element, "agent").action else { panic!() };
    let columns: Vec<&Action> = agent.members.iter().map(|member| &member.action).collect();
    let text = |column| Action::Scalar { column, scalar: ScalarType::Text };
    assert_eq!(columns, [&text(0), &text(1), &text(2)]);
    assert_eq!(member(element, "score").action, Action::Scalar { column: 3, scalar: ScalarType::Int64 });
}

#[test]
fn promoted_keys_stand_in_byte_order_before_their_map() {
    let (schema, plan) = call(&["b", "A", "b"], AttributeMap::All, false);
    let Action::Map { column, promoted, keep_promoted, entry_path } = &member(&plan.row, "attributes").action else {
        panic!()
    };
    let keys: Vec<(&str, usize)> = promoted.iter().map(|key| (key.key.as_str(), key.column)).collect();
    let map = column.unwrap();
    assert_eq!(keys, [("A", map - 2), ("b", map - 1)]);
    assert_eq!(schema.columns[map].name, "attributes");
    assert_eq!(plan.paths[usize::from(*entry_path)], "/attributes/*");
    assert_eq!(plan.paths[usize::from(promoted[0].path)], "/attributes/A");
    assert!(keep_promoted);
}

#[test]
fn without_a_map_the_keys_keep_their_columns() {
    let (schema, plan) = call(&["A"], AttributeMap::None, false);
    assert_eq!(schema.column_index("attributes"), None);
    let Action::Map { column, promoted, .. } = &member(&plan.row, "attributes").action else { panic!() };
    assert_eq!((*column, promoted.len()), (None, 1));
}

#[test]
fn maps_of_other_members_promote_nothing() {
    let (schema, plan) = call(&["A"], AttributeMap::None, false);
    let Action::Object(error) = &member(&plan.row, "errorInfo").action else { panic!() };
    let Action::Map { column, promoted, .. } = &member(error, "messageParams").action else { panic!() };
    assert_eq!(schema.columns[column.unwrap()].name, "error_info_message_params");
    assert!(promoted.is_empty());
}

#[test]
fn paging_is_known_and_has_no_column() {
    let (_, plan) = call(&[], AttributeMap::Rest, false);
    assert_eq!(member(&plan.outer, "pageSize").action, Action::Ignored);
    assert_eq!(plan.outer_columns.len(), 3);
    assert_eq!(plan.provenance_columns, None);
}

#[test]
fn envelopes_keep_the_order_of_the_model() {
    let (_, plan) = call(&[], AttributeMap::Rest, false);
    let way = |keys: &[&str]| keys.iter().map(|key| ((*key).to_owned(), true)).collect::<Vec<_>>();
    let object = ("eventBody".to_owned(), false);
    let expected = [
        way(&["participants"]),
        way(&["entities", "participants"]),
        way(&["conversations", "participants"]),
        vec![object, ("participants".to_owned(), true)],
    ];
    let steps = |envelope: &Envelope| envelope.steps.iter().map(|step| (step.key.clone(), step.list)).collect();
    let found: Vec<Vec<(String, bool)>> = plan.envelopes.iter().map(steps).collect();
    assert_eq!(found, expected);
    assert!(plan.paths.len() < 300, "{}", plan.paths.len());
}

#[test]
fn a_model_of_scalars_alone_has_a_plan() {
    let text = r#"{"partiquet_model": 1, "name": "tiny", "row": {"type": "T"},
        "types": {"T": {"members": [{"name": "n", "type": "integer"}]}}}"#;
    let model = Model::from_json(text, "tiny.json").unwrap();
    let schema = TableSchema::new(&model, &[], AttributeMap::Rest, false).unwrap();
    let plan = Plan::new(&model, &schema);
    assert_eq!(plan.shapes, [ColumnShape::Scalar(ScalarType::Int64), ColumnShape::Map]);
    assert_eq!((plan.extra_column, plan.parent, plan.outer), (1, ObjectPlan::default(), ObjectPlan::default()));
}
