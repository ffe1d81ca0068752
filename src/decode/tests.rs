use super::*;
use crate::{
    model::{AttributeMap, Model, TableSchema},
    report::Firsts,
};

/// Decodes lines of JSON, after the lines of `warm`.
fn decoded(model: &str, keys: &[&str], warm: &str, lines: &str) -> DecodedBlock {
    let model = Model::from_json(model, "test.json").unwrap();
    let keys: Vec<String> = keys.iter().map(|key| (*key).to_owned()).collect();
    let table = TableSchema::new(&model, &keys, AttributeMap::Rest, false).unwrap();
    let mut decoder = Decoder::new(Arc::new(Plan::new(&model, &table)));
    let block = |bytes| Block { bytes, framing: &Framing::Lines, file: "test", offset: 0 };
    let columns = decoder.decode(block(warm.as_bytes()), Columns::new(&table.shapes())).columns;
    decoder.decode(block(lines.as_bytes()), columns)
}

fn model(members: &str) -> String {
    format!(
        r#"{{"partiquet_model":1,"name":"test","envelopes":["participants[]"],"row":{{"type":"Row"}},
            "parent":{{"type":"Parent","prefix":"parent"}},
            "types":{{"Row":{{"members":[{members}]}},"Parent":{{"members":[{{"name":"..","type":"instant","column":"up"}}]}}}}}}"#
    )
}

fn extra(decoded: &DecodedBlock) -> Vec<String> {
    let maps = decoded.columns.columns.iter().filter_map(|column| match &column.values {
        crate::columns::Values::Map { keys, .. } => Some(keys),
        _ => None,
    });
    maps.flat_map(|keys| keys.iter().map(|key| String::from_utf8_lossy(key).into_owned()).collect::<Vec<_>>()).collect()
}

#[test]
fn a_promoted_key_that_looks_like_a_path_of_entries_is_counted_apart() {
    let model = model(r#"{"name":"attributes","type":"map<string>","promote":true}"#);
    let decoded = decoded(&model, &["*"], "", r#"{"attributes":{"*":"a","b":"c"}}"#);
    let counts: Vec<_> = decoded.tallies.iter().filter(|tally| tally.path == "/attributes/*").collect();
    assert_eq!(counts.len(), 2);
    assert!(counts.iter().all(|tally| tally.counts.seen == 1 && tally.counts.kept == 1), "{counts:?}");
}

#[test]
fn the_verdict_on_a_record_does_not_depend_on_the_one_before() {
    let model = model(r#"{"name":"id","type":"string"}"#);
    for broken in [r#"{"participants":5} x"#, r#"{"participants":5}"#, r#"{"participants":5,"a":1,"a":2}"#] {
        let verdicts = ["{}", r#"{"participants":[]}"#].map(|warm| decoded(&model, &[], warm, broken).rejects);
        assert_eq!(verdicts[0], verdicts[1], "{broken}");
        assert_eq!(verdicts[0].len(), 1, "{broken}");
    }
}

#[test]
fn names_that_look_like_parts_of_a_pointer_do_not_mislead_it() {
    let model = model(r#"{"name":"*x","type":"list<integer>","column":"star"}"#);
    let decoded = decoded(&model, &[], "", r#"{"..":"no","participants":[{"*x":[1,"no"]}]}"#);
    assert_eq!(extra(&decoded), ["/*x/1", "../.."]);
}

#[test]
fn a_member_given_twice_is_seen_on_every_level_of_an_envelope() {
    let model = model(r#"{"name":"id","type":"string"}"#).replace("participants[]", "a[].b[].c[].rows[]");
    let good = r#"{"a":[{"b":[{"c":[{"rows":[{"id":"x"}]}]}]}]}"#;
    let twice = r#"{"a":[{"b":[{"b":1,"c":[{"rows":[{"id":"x"}]}]}],"b":[{"c":[{"rows":[{"id":"y"}]}]}]}]}"#;
    for warm in ["{}", good] {
        let kinds: Vec<_> = decoded(&model, &[], warm, twice).rejects.iter().map(|reject| reject.kind).collect();
        assert_eq!(kinds, [RejectKind::Duplicate], "after {warm}");
    }
}

#[test]
fn what_no_column_holds_is_refused_where_there_is_no_more_room_for_it() {
    let model = model(r#"{"name":"id","type":"string"}"#);
    let unknown: Vec<String> = (0..1000).map(|n| format!(r#""k{n:03}":0"#)).collect();
    let record = format!("{{{}}}", unknown.join(","));
    let model = Model::from_json(&model, "test.json").unwrap();
    let table = TableSchema::new(&model, &[], AttributeMap::Rest, false).unwrap();
    let plan = Arc::new(Plan::new(&model, &table));
    // Each value takes its path, its text, and the fixed size of an entry.
    let taken = (0..1000).map(|n| format!("/k{n:03}").len() as u64 + 1 + 32).sum::<u64>();
    for (room, refused) in [(taken, None), (taken - 1, Some("/k999")), (taken / 2, Some("/k500"))] {
        let mut decoder = Decoder::new(Arc::clone(&plan)).with_max_flattened_bytes(room);
        let block = Block { bytes: record.as_bytes(), framing: &Framing::Lines, file: "f", offset: 0 };
        let decoded = decoder.decode(block, Columns::new(&table.shapes()));
        let rejects: Vec<_> = decoded.rejects.iter().map(|reject| (reject.kind, reject.path.as_str())).collect();
        assert_eq!(rejects, refused.map(|path| (RejectKind::Size, path)).into_iter().collect::<Vec<_>>(), "{room}");
        assert_eq!(decoded.columns.num_rows, usize::from(refused.is_none()));
        // What was refused is not counted.
        assert_eq!(decoded.tallies.is_empty(), refused.is_some());
    }
}

#[test]
fn values_alike_one_after_the_other_are_counted_one_by_one() {
    let model = model(r#"{"name":"tags","type":"list<string>"},{"name":"n","type":"integer"}"#);
    // The second record is refused, and it begins with the same kind of event that the first one ends with.
    let records = [r#"{"tags":[1,2,"x",{},3],"n":"4"}"#, r#"{"n":"7","tags":[5,6],"n":8}"#, r#"{"tags":[9]}"#];
    let decoded = decoded(&model, &[], "", &records.join("\n"));
    assert_eq!(decoded.rejects.len(), 1);
    let counts = |path: &str| {
        let tally = decoded.tallies.iter().find(|tally| tally.path == path).unwrap();
        (tally.counts.seen, tally.counts.coerced, tally.counts.mismatched, tally.first_offsets.clone())
    };
    let first = |coerced, mismatched| Firsts { coerced, mismatched, ..Firsts::default() };
    assert_eq!(counts("/tags/*"), (6, 4, 1, first(Some(9), Some(17))));
    assert_eq!(counts("/n"), (1, 1, 0, first(Some(27), None)));
}

#[test]
fn a_long_list_of_values_alike_is_counted_to_the_end() {
    let model = model(r#"{"name":"tags","type":"list<string>"}"#);
    for count in [254, 255, 256, 511, 1000] {
        let decoded = decoded(&model, &[], "", &format!(r#"{{"tags":[{}]}}"#, vec!["1"; count].join(",")));
        let tally = decoded.tallies.iter().find(|tally| tally.path == "/tags/*").unwrap();
        assert_eq!((tally.counts.seen, tally.counts.coerced), (count as u64, count as u64));
    }
}

#[test]
fn a_promoted_value_that_is_kept_twice_is_counted_once() {
    let text = model(r#"{"name":"attributes","type":"map<string>","promote":true}"#);
    let model = Model::from_json(&text, "test.json").unwrap();
    let table = TableSchema::new(&model, &["k".to_owned()], AttributeMap::All, false).unwrap();
    let mut decoder = Decoder::new(Arc::new(Plan::new(&model, &table)));
    let records = [r#"{"attributes":{"k":1}}"#; 3].join("\n");
    let block = Block { bytes: records.as_bytes(), framing: &Framing::Lines, file: "test", offset: 0 };
    let decoded = decoder.decode(block, Columns::new(&table.shapes()));
    let coerced: Vec<_> = decoded.tallies.iter().map(|tally| tally.counts.coerced).filter(|count| *count > 0).collect();
    assert_eq!((decoded.columns.num_rows, coerced), (3, vec![3]));
}

#[test]
fn what_no_column_holds_of_a_record_without_rows_does_not_depend_on_the_records_before() {
    let model = model(r#"{"name":"id","type":"string"}"#);
    let model = Model::from_json(&model, "test.json").unwrap();
    let table = TableSchema::new(&model, &[], AttributeMap::Rest, false).unwrap();
    let all = format!(r#"{{"x":"{}","participants":[{}]}}"#, "y".repeat(98), ["{}"; 10].join(","));
    let taken = 10 * ("../x".len() as u64 + 100 + 32);
    let mut decoder = Decoder::new(Arc::new(Plan::new(&model, &table))).with_max_flattened_bytes(taken);
    let records = [all.as_str(), r#"{"x":1,"participants":[]}"#, r#"{"x":1,"participants":[{}]}"#].join("\n");
    let block = Block { bytes: records.as_bytes(), framing: &Framing::Lines, file: "test", offset: 0 };
    let decoded = decoder.decode(block, Columns::new(&table.shapes()));
    assert_eq!((decoded.columns.num_rows, decoded.records_without_rows, decoded.rejects.len()), (10, 1, 1));
}

#[test]
fn what_records_repeat_is_limited_for_the_whole_block() {
    let model = model(r#"{"name":"id","type":"string"}"#);
    let record = format!(r#"{{"x":"{}","participants":[{}]}}"#, "y".repeat(40_000), vec!["{}"; 2000].join(","));
    let decoded = decoded(&model, &[], "", &[record.as_str(); 5].join("\n"));
    let kinds: Vec<_> = decoded.rejects.iter().map(|reject| reject.kind).collect();
    assert_eq!((decoded.columns.num_rows, kinds), (6000, vec![RejectKind::Size; 2]));
}

#[test]
fn the_name_of_an_input_is_not_repeated_without_limit() {
    let model = Model::from_json(&model(r#"{"name":"id","type":"string"}"#), "test.json").unwrap();
    let table = TableSchema::new(&model, &[], AttributeMap::Rest, true).unwrap();
    // Each row takes a name of a thousand bytes and twelve more.
    let name = "n".repeat(1000);
    let record = format!(r#"{{"participants":[{}]}}"#, vec!["{}"; 4000].join(","));
    let records = [record.as_str(), &record, "{}", &record].join("\n");
    for (room, rows) in [(0, 8001), (12_145_012, 12_001), (12_145_011, 8001)] {
        let mut decoder = Decoder::new(Arc::new(Plan::new(&model, &table))).with_max_flattened_bytes(room);
        let block = Block { bytes: records.as_bytes(), framing: &Framing::Lines, file: &name, offset: 0 };
        let decoded = decoder.decode(block, Columns::new(&table.shapes()));
        assert_eq!((decoded.columns.num_rows, decoded.num_kept), (rows, 3 + u64::from(rows > 8001)), "{room}");
    }
}

#[test]
fn columns_of_another_table_are_replaced() {
    let members =
        r#"{"name":"id","type":"string"},{"name":"tags","type":"list<integer>"},{"name":"n","type":"integer"}"#;
    let model = Model::from_json(&model(members), "test.json").unwrap();
    let table = TableSchema::new(&model, &[], AttributeMap::Rest, false).unwrap();
    let mut decoder = Decoder::new(Arc::new(Plan::new(&model, &table)));
    let block =
        || Block { bytes: br#"{"id":"a","tags":[1],"n":2,"x":3}"#, framing: &Framing::Lines, file: "f", offset: 0 };
    let expected = decoder.decode(block(), Columns::new(&table.shapes()));
    let shapes = table.shapes();
    let reversed: Vec<_> = shapes.iter().rev().cloned().collect();
    for others in [&[][..], &shapes[1..], &reversed, &vec![shapes[0].clone(); shapes.len()]] {
        assert_eq!(decoder.decode(block(), Columns::new(others)), expected);
    }
    // Columns of the same table are taken as they are, whatever was in them.
    assert_eq!(decoder.decode(block(), expected.columns.clone()), expected);
}

#[test]
fn a_range_beyond_the_block_is_refused_and_no_panic() {
    let model = Model::from_json(&model(r#"{"name":"id","type":"string"}"#), "test.json").unwrap();
    let table = TableSchema::new(&model, &[], AttributeMap::Rest, false).unwrap();
    let mut decoder = Decoder::new(Arc::new(Plan::new(&model, &table)));
    let framing = Framing::Ranges(vec![0..2, 1..9, 7..9]);
    let block = Block { bytes: b"{} {}", framing: &framing, file: "test", offset: 0 };
    let decoded = decoder.decode(block, Columns::new(&table.shapes()));
    // Behind the first malformed record nothing is read.
    assert_eq!((decoded.num_kept, decoded.rejects.len()), (1, 1));
}
