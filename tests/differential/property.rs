//! Properties over generated records.

use partiquet::config::AttributeMap;
use proptest::prelude::*;
use serde::de::IgnoredAny;

use super::flatten::reference;
use crate::support::{
    generate::{self, Block},
    json::{Json, Kind, Node, UNPAIRED_SURROGATE, parse},
};

fn blocks(broken: u16) -> impl Strategy<Value = Block> {
    let reference = reference(AttributeMap::Rest);
    generate::block(reference.layout, reference.promoted, broken)
}

/// The tree as serde_json would have it; its numbers are doubles.
fn as_serde(json: &Json, text: &str) -> serde_json::Value {
    let raw = &text[json.range.clone()];
    match &json.node {
        Node::Array(elements) => elements.iter().map(|json| as_serde(json, text)).collect(),
        Node::Object(members) => {
            members.iter().map(|member| (member.name.clone(), as_serde(&member.value, text))).collect()
        }
        Node::String(string) => string.as_str().into(),
        _ => serde_json::from_str(raw).unwrap(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_references_reader_and_serde_json_agree(bytes in generate::json_text()) {
        let parsed = parse(&bytes);
        let has = |kind: Kind| parsed.faults.iter().any(|fault| fault.kind == kind);
        let unpaired = parsed.faults.iter().any(|fault| fault.message == UNPAIRED_SURROGATE);
        let Ok(text) = std::str::from_utf8(&bytes) else {
            prop_assert!(has(Kind::Utf8));
            return Ok(());
        };
        prop_assert!(!has(Kind::Utf8));
        let grammar = serde_json::from_str::<IgnoredAny>(text);
        // serde_json passes over surrogates in what it ignores, and the reference stops there.
        prop_assert!(unpaired || grammar.is_ok() == !has(Kind::Syntax), "{:?} {:?}", grammar, parsed.faults);
        // Values: numbers beyond doubles are an error in serde_json only.
        if let (Some(tree), Ok(value)) = (&parsed.tree, serde_json::from_str::<serde_json::Value>(text)) {
            prop_assert_eq!(as_serde(tree, text), value);
        }
    }

    #[test]
    fn the_references_ledger_closes(block in blocks(20)) {
        let flattened = reference(AttributeMap::Rest).flatten(&block.bytes, &block.framing);
        for (path, counts) in &flattened.ledger {
            let sum = counts.kept + counts.coerced + counts.mismatched + counts.unknown + counts.ignored;
            prop_assert_eq!(counts.seen, sum, "{}", path);
            prop_assert!(counts.seen > 0 && counts.null <= counts.kept, "{}", path);
        }
    }
}

/// A generator that makes nothing of some sort would hide faults: this holds it to its task.
#[test]
fn the_generator_makes_every_kind_of_record() {
    use proptest::{strategy::ValueTree, test_runner::TestRunner};
    let (mut runner, strategy) = (TestRunner::deterministic(), blocks(20));
    let reference = reference(AttributeMap::None);
    let (mut kinds, mut paths, mut rows) = (std::collections::BTreeMap::new(), std::collections::BTreeMap::new(), 0);
    let mut records = 0;
    for _ in 0..2000 {
        let block = strategy.new_tree(&mut runner).unwrap().current();
        let flattened = reference.flatten(&block.bytes, &block.framing);
        rows += flattened.rows.len();
        records += flattened.num_records;
        for refused in &flattened.rejects {
            *kinds.entry(refused.faults[0].kind).or_insert(0) += 1;
        }
        for (path, counts) in flattened.ledger {
            paths.entry(path).or_insert_with(partiquet::report::Counts::default).add(&counts);
        }
    }
    println!("{records} records, {rows} rows, {kinds:?}");
    for path in &reference.columns {
        if path != "extra" && path != "/attributes" {
            let counts = paths.get(path).unwrap_or_else(|| panic!("no value for {path}"));
            assert!(counts.kept > counts.null, "no value for {path}: {counts:?}");
        }
    }
}
