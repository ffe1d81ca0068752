//! Properties of the decoder on generated records.

use std::sync::LazyLock;

use partiquet::{config::AttributeMap, input::Framing, model::Model};
use proptest::prelude::*;
use serde::de::IgnoredAny;
use serde_json::{Value, json};

use super::flatten::{MODEL, PROMOTED, reference, subject};
use crate::support::{
    generate::{self, Block},
    json::{Json, Kind, Node, UNPAIRED_SURROGATE, parse},
    reference::{Flattened, Reference, Refused},
    subject::Subject,
};

fn blocks(broken: u16) -> impl Strategy<Value = Block> {
    let reference = reference(AttributeMap::Rest);
    generate::block(reference.layout, reference.promoted, broken)
}

/// Models of other shapes: long paths to the rows, and no parent or outer objects.
static OTHERS: LazyLock<Vec<(Reference, Subject)>> = LazyLock::new(|| {
    let edits: [fn(&mut Value); 2] = [
        |model| model["envelopes"] = json!(["detail.eventBody.participants[]", "pages[].entities[].participants[]"]),
        |model| {
            model["envelopes"] = json!(["item", "items[]", "pages[].items[]"]);
            let model = model.as_object_mut().unwrap();
            model.remove("parent");
            model.remove("outer");
            model["types"]
                .as_object_mut()
                .unwrap()
                .retain(|name, _| name != "Conversation" && name != "Envelope" && name != "Metadata");
        },
    ];
    let models = edits.iter().map(|edit| {
        let mut model = serde_json::from_str(MODEL).unwrap();
        edit(&mut model);
        (
            Reference::new(&model, PROMOTED, AttributeMap::Rest),
            Subject::new(&model.to_string(), PROMOTED, AttributeMap::Rest),
        )
    });
    models.collect()
});

fn other_blocks() -> impl Strategy<Value = (usize, Block)> {
    (0..OTHERS.len()).prop_flat_map(|index| {
        let (reference, _) = &OTHERS[index];
        (Just(index), generate::block(reference.layout.clone(), reference.promoted.clone(), 20))
    })
}

static BUILT_IN: LazyLock<(Reference, Subject)> = LazyLock::new(|| {
    let document = Model::built_in(Model::DEFAULT).unwrap();
    let (keys, map) = (&["IVR Priority"], AttributeMap::Rest);
    (Reference::new(&serde_json::from_str(document).unwrap(), keys, map), Subject::new(document, keys, map))
});

fn built_in_blocks() -> impl Strategy<Value = Block> {
    let (reference, _) = &*BUILT_IN;
    generate::block(reference.layout.clone(), reference.promoted.clone(), 10)
}

/// The tree as `serde_json` represents it; its numbers are doubles.
fn as_serde(json: &Json, text: &str) -> Value {
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

/// Whether the decoder's reject is one that the reference allows for the record: its only fault, or one of several. The
/// reference stops at a fault of grammar, so faults that the decoder found before it count too.
fn is_allowed(expected: &Refused, seen: &Refused) -> bool {
    let fault = seen.faults[0];
    let found = expected.faults.iter().any(|known| known.kind == fault.kind);
    let before_the_end = expected.faults.iter().any(|known| known.kind == Kind::Syntax && fault.offset < known.offset);
    let needs_the_model = matches!(fault.kind, Kind::Envelope | Kind::Duplicate | Kind::Attribute);
    found || (before_the_end && needs_the_model)
}

/// Checks that both flatteners agree on a block.
fn check_same(columns: &[String], expected: &Flattened, seen: &Flattened) -> Result<(), TestCaseError> {
    for (expected, seen) in expected.rejects.iter().zip(&seen.rejects) {
        prop_assert!(is_allowed(expected, seen), "reference {expected:?}\ndecoder {seen:?}");
        prop_assert_eq!(expected.range.start, seen.range.start);
        prop_assert!((seen.range.start..=seen.range.end).contains(&seen.faults[0].offset), "{:?}", seen);
    }
    prop_assert_eq!(expected.rejects.len(), seen.rejects.len(), "{:?}\n{:?}", &expected.rejects, &seen.rejects);
    prop_assert_eq!(expected.rows.len(), seen.rows.len());
    for (index, (expected, seen)) in expected.rows.iter().zip(&seen.rows).enumerate() {
        for (path, (expected, seen)) in columns.iter().zip(expected.iter().zip(seen)) {
            prop_assert_eq!(expected, seen, "row {}, {}", index, path);
        }
    }
    prop_assert_eq!(&expected.ledger, &seen.ledger);
    prop_assert_eq!(&expected.firsts, &seen.firsts);
    prop_assert_eq!(expected.num_records, seen.num_records);
    prop_assert_eq!(expected.records_without_rows, seen.records_without_rows);
    Ok(())
}

#[test]
fn the_table_has_the_columns_of_the_reference() {
    for map in [AttributeMap::Rest, AttributeMap::All, AttributeMap::None] {
        let subject = subject(map);
        let paths: Vec<&str> = subject.schema.columns.iter().map(|column| column.path.as_str()).collect();
        let mut expected = reference(map).columns;
        *expected.last_mut().unwrap() = String::new();
        assert_eq!(paths, expected);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 8 * ProptestConfig::default().cases, failure_persistence: None, ..ProptestConfig::default() })]

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
        // serde_json does not check surrogates in ignored values, while the reference stops there.
        prop_assert!(unpaired || grammar.is_ok() != has(Kind::Syntax), "{:?} {:?}", grammar, parsed.faults);
        // Numbers beyond doubles are an error only in serde_json, so values are compared where both succeed.
        if let (Some(tree), Ok(value)) = (&parsed.tree, serde_json::from_str::<Value>(text)) {
            prop_assert_eq!(as_serde(tree, text), value);
        }
    }

    #[test]
    fn valid_records_give_the_same_rows(block in blocks(0)) {
        for map in [AttributeMap::Rest, AttributeMap::All] {
            let (reference, mut subject) = (reference(map), subject(map));
            let expected = reference.flatten(&block.bytes, &block.framing);
            check_same(&reference.columns, &expected, &subject.flatten(&block.bytes, &block.framing))?;
        }
    }

    #[test]
    fn broken_records_give_the_same_rejects(block in blocks(60), none in any::<bool>()) {
        let map = if none { AttributeMap::None } else { AttributeMap::Rest };
        let (reference, mut subject) = (reference(map), subject(map));
        let expected = reference.flatten(&block.bytes, &block.framing);
        check_same(&reference.columns, &expected, &subject.flatten(&block.bytes, &block.framing))?;
    }

    /// Which worker gets which block is random: it must not show anywhere, not even in the text of a reject.
    #[test]
    fn what_the_decoder_has_learned_does_not_show(block in blocks(40), earlier in blocks(30), none in any::<bool>()) {
        let map = if none { AttributeMap::None } else { AttributeMap::Rest };
        let mut fresh = subject(map);
        let mut experienced = fresh.clone();
        experienced.decode(&earlier.bytes, &earlier.framing);
        let expected = fresh.decode(&block.bytes, &block.framing);
        for seen in [experienced.decode(&block.bytes, &block.framing), fresh.decode(&block.bytes, &block.framing)] {
            prop_assert_eq!(&expected.rejects, &seen.rejects);
            prop_assert_eq!(&expected.tallies, &seen.tallies);
            prop_assert!(expected == seen, "the columns differ");
        }
    }

    #[test]
    fn numbers_and_instants_by_the_dozen(block in generate::lists_of_tokens()) {
        let (reference, mut subject) = (reference(AttributeMap::Rest), subject(AttributeMap::Rest));
        let expected = reference.flatten(&block.bytes, &block.framing);
        prop_assert_eq!(expected.rows.len(), 1);
        check_same(&reference.columns, &expected, &subject.flatten(&block.bytes, &block.framing))?;
    }

    #[test]
    fn other_models_give_the_same_rows((index, block) in other_blocks()) {
        let (reference, mut subject) = OTHERS[index].clone();
        let expected = reference.flatten(&block.bytes, &block.framing);
        check_same(&reference.columns, &expected, &subject.flatten(&block.bytes, &block.framing))?;
    }

    /// The built-in model, whose document the reference reads itself.
    #[test]
    fn the_built_in_model_gives_the_same_rows(block in built_in_blocks()) {
        let (reference, mut subject) = BUILT_IN.clone();
        let expected = reference.flatten(&block.bytes, &block.framing);
        check_same(&reference.columns, &expected, &subject.flatten(&block.bytes, &block.framing))?;
    }

    /// For arbitrary bytes: each value seen is kept, coerced, mismatched, unknown or ignored; each record is kept or
    /// refused; and refused records are in no count.
    #[test]
    fn the_ledger_closes_for_any_bytes(
        block in blocks(20),
        damage in proptest::collection::vec((any::<proptest::sample::Index>(), any::<u8>()), 0..6),
    ) {
        let mut bytes = block.bytes;
        for (at, byte) in damage {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        let mut subject = subject(AttributeMap::Rest);
        let flattened = subject.flatten(&bytes, &Framing::Lines);
        let is_blank = |line: &[u8]| line.iter().all(|byte| b" \t\r".contains(byte));
        let lines = bytes.split(|byte| *byte == b'\n').filter(|line| !is_blank(line)).count();
        prop_assert_eq!(flattened.num_records, lines as u64);
        for (path, counts) in &flattened.ledger {
            let sum = counts.kept + counts.coerced + counts.mismatched + counts.unknown + counts.ignored;
            prop_assert_eq!(counts.seen, sum, "{}", path);
        }
        for refused in &flattened.rejects {
            bytes[refused.range.clone()].fill(b' ');
        }
        let without = subject.flatten(&bytes, &Framing::Lines);
        prop_assert_eq!(without.num_records + flattened.rejects.len() as u64, flattened.num_records);
        prop_assert!(without.rejects.is_empty());
        prop_assert_eq!(without.ledger, flattened.ledger);
        prop_assert!(without.rows == flattened.rows);
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

/// A generator that never makes some kind of record would hide faults, so this checks that it makes every kind.
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
