//! Decodes a block in several ways: every way must agree with the reference.

use std::{collections::BTreeMap, ops::Range, sync::Arc};

use partiquet::{
    columns::Columns,
    decode::{Block, DecodeReject, DecodedBlock, Decoder},
    input::Framing,
    model::{AttributeMap, Model, Plan, TableSchema},
    report::{Counts, Firsts, Ledger, RejectKind},
};

use crate::{
    expect::{Expected, Row, Table},
    shape::{self, Value},
};

/// A table, and a decoder for it that has not decoded anything yet.
pub struct Subject {
    pub table: Table,
    plan: Arc<Plan>,
    cold: Decoder,
    /// Whether the limit for repeated values is so low that records are refused for it. The reference does not measure
    /// them.
    is_tight: bool,
}

/// Enough for the conversation's values on a few participants.
const TIGHT_BYTES: u64 = 400;

/// The offset of the blocks in their supposed input.
const OFFSET: u64 = 1000;

impl Subject {
    pub fn new(model: Model, attribute_keys: &[&str], attribute_map: AttributeMap, provenance: bool) -> Self {
        let keys: Vec<String> = attribute_keys.iter().map(ToString::to_string).collect();
        let schema = TableSchema::new(&model, &keys, attribute_map, provenance).expect("a table");
        let plan = Arc::new(Plan::new(&model, &schema));
        Self { table: Table::new(model, schema), cold: Decoder::new(Arc::clone(&plan)), plan, is_tight: false }
    }

    /// All tables of the built-in model that make a difference to the decoder.
    pub fn built_in() -> Vec<Self> {
        let model = Model::load(Model::DEFAULT).expect("the built-in model");
        let keys = ["IVR Priority", "Whisper ", "context.email", "a\"b", "größe/~", "", "*"];
        vec![
            Self::new(model.clone(), &[], AttributeMap::Rest, false),
            Self::new(model.clone(), &keys, AttributeMap::Rest, true),
            Self::new(model.clone(), &keys, AttributeMap::All, false),
            Self::new(model.clone(), &keys, AttributeMap::None, false),
            Self::new(model, &[], AttributeMap::Rest, true).tight(),
        ]
    }

    fn tight(self) -> Self {
        Self { cold: self.cold.with_max_flattened_bytes(TIGHT_BYTES), is_tight: true, ..self }
    }

    /// Decodes `bytes` in every way, and compares the results.
    pub fn check(&self, bytes: &[u8]) {
        let lines = lines_of(bytes);
        let mut decoder = self.cold.clone();
        let cold = self.decode(&mut decoder, bytes, &Framing::Lines, Columns::new(&self.plan.shapes));
        self.compare(bytes, &lines, &cold, lines.len());

        // What the decoder has learned and what the columns have held must not matter.
        let warm = self.decode(&mut decoder, bytes, &Framing::Lines, cold.columns.clone());
        assert_same(&warm, &cold, "by a decoder that has seen the block");

        // Refused records leave no trace: without them the block is the same, and so are all offsets.
        let mut mended = bytes.to_vec();
        for reject in &cold.rejects {
            mended[reject.record.clone()].fill(b' ');
        }
        let without = self.decode(&mut decoder, &mended, &Framing::Lines, warm.columns);
        assert_eq!(without.num_records, cold.num_records - cold.rejects.len() as u64);
        assert_eq!(without.rejects, []);
        assert_same(&without, &without_rejects(cold.clone()), "without the refused records");

        // The same records by their ranges, without the malformed ones, since the first of these would end the block. A
        // record that was refused for another reason can be malformed too, after that fault.
        let mut malformed = |line: &&Range<usize>| {
            let framing = Framing::Ranges(vec![(*line).clone()]);
            let alone = self.decode(&mut decoder, bytes, &framing, Columns::new(&self.plan.shapes));
            alone.rejects.iter().any(DecodeReject::is_malformed)
        };
        let ranges: Vec<_> = lines.iter().filter(|line| !malformed(line)).cloned().collect();
        let ranged = self.decode(&mut decoder, bytes, &Framing::Ranges(ranges.clone()), without.columns);
        self.compare(bytes, &ranges, &ranged, ranges.len());
        assert_same(&without_rejects(ranged), &without_rejects(cold), "by ranges");

        // The whole text as one record, in which newlines are white space.
        let whole = trimmed(bytes, 0..bytes.len(), b" \t\r\n");
        let framing = Framing::Ranges(vec![whole.clone()]);
        let one = self.decode(&mut decoder, bytes, &framing, Columns::new(&self.plan.shapes));
        self.compare(bytes, &[whole], &one, 1);
    }

    fn decode(&self, decoder: &mut Decoder, bytes: &[u8], framing: &Framing, columns: Columns) -> DecodedBlock {
        let block = Block { bytes, framing, file: "in.json", offset: OFFSET };
        let mut decoded = decoder.decode(block, columns.clone());
        let mut own = bytes.to_vec();
        let in_place = decoder.decode_in_place(&mut own, block, columns);
        assert_eq!((&in_place, own.as_slice()), (&decoded, bytes), "in place");
        shape::check(&decoded.columns, &self.plan.shapes);
        shape::normalise(&mut decoded.columns);
        decoded
    }

    /// Compares a decoded block with what the reference says about its records.
    fn compare(&self, bytes: &[u8], records: &[Range<usize>], decoded: &DecodedBlock, num_records: usize) {
        assert_eq!(decoded.num_records, num_records as u64, "records");
        let mut expected = Expected::default();
        let mut without_rows = 0;
        let mut rejects = decoded.rejects.iter();
        for record in records {
            match self.table.expect(bytes, &bytes[record.clone()]) {
                Ok(found) => {
                    let next = rejects.clone().next();
                    if let Some(reject) = next.filter(|reject| reject.record.start == record.start) {
                        if self.is_tight && reject.kind == RejectKind::Size {
                            rejects.next();
                            continue;
                        }
                        panic!("refused, but fine: {reject:?}\n{}", bytes[record.clone()].escape_ascii());
                    }
                    without_rows += u64::from(found.rows.is_empty());
                    expected.rows.extend(found.rows);
                    for (path, (counts, first)) in found.ledger {
                        let sum = expected.ledger.entry(path).or_default();
                        sum.0.add(&counts);
                        sum.1.add(&first, |offset| *offset);
                    }
                }
                Err(mut kinds) => {
                    kinds.extend(self.is_tight.then_some(RejectKind::Size));
                    let text = || bytes[record.clone()].escape_ascii();
                    let reject = rejects.next().unwrap_or_else(|| panic!("accepted in spite of {kinds:?}: {}", text()));
                    check_reject(reject, record, &kinds, bytes);
                }
            }
        }
        assert_eq!(rejects.as_slice(), [], "refused, but fine");
        assert_eq!(decoded.num_kept + decoded.rejects.len() as u64, decoded.num_records, "records kept");
        assert_eq!(decoded.records_without_rows, without_rows, "records without rows");
        self.compare_rows(&expected.rows, &decoded.columns);
        compare_ledger(&expected.ledger, decoded);
    }

    fn compare_rows(&self, rows: &[Row], columns: &Columns) {
        assert_eq!(columns.num_rows, rows.len(), "rows");
        for (index, (column, spec)) in columns.columns.iter().zip(&self.table.schema.columns).enumerate() {
            let found = shape::values_of(column, columns.num_rows);
            for (at, (row, found)) in rows.iter().zip(found).enumerate() {
                let expected = match spec.name.as_str() {
                    "extra" if row.extra.is_empty() => None,
                    "extra" => Some(Value::Map(
                        row.extra.iter().map(|(path, raw)| (path.clone(), Some(raw.clone()))).collect(),
                    )),
                    "source_file" => Some(Value::Text("in.json".to_owned())),
                    "source_offset" => Some(Value::Int(OFFSET as i64 + row.offset as i64)),
                    _ => row.values.get(&index).cloned(),
                };
                assert_eq!(found, expected, "row {at} of {}", spec.name);
            }
        }
    }
}

/// The records of line-delimited text: the trimmed content of each line that is not blank.
fn lines_of(bytes: &[u8]) -> Vec<Range<usize>> {
    let mut start = 0;
    let lines = bytes.split(|byte| *byte == b'\n').map(|line| {
        let range = start..start + line.len();
        start = range.end + 1;
        trimmed(bytes, range, b" \t\r")
    });
    lines.filter(|line| !line.is_empty()).collect()
}

fn trimmed(bytes: &[u8], range: Range<usize>, blanks: &[u8]) -> Range<usize> {
    let text = &bytes[range.clone()];
    let start = text.iter().take_while(|byte| blanks.contains(byte)).count();
    let end = text[start..].iter().rev().take_while(|byte| blanks.contains(byte)).count();
    range.start + start..range.end - end
}

fn check_reject(reject: &DecodeReject, record: &Range<usize>, kinds: &[RejectKind], bytes: &[u8]) {
    let text = bytes[record.clone()].escape_ascii();
    assert!(kinds.contains(&reject.kind), "one of {kinds:?} expected: {reject:?}\n{text}");
    assert_eq!(reject.record.start, record.start, "{reject:?}");
    assert!(reject.record.end >= record.end, "{reject:?}");
    assert!((record.start..=reject.record.end).contains(&reject.offset), "{reject:?}\n{text}");
    assert!(reject.path.is_empty() || reject.path.starts_with('/'), "{reject:?}");
    let raw = &bytes[reject.record.clone()];
    let written = reject.clone().into_reject("in.json".to_owned(), OFFSET, raw, 1);
    assert_eq!(written.raw_bytes, raw.len() as u64);
    assert!(!written.to_string().is_empty());
}

fn compare_ledger(expected: &BTreeMap<String, (Counts, Firsts<usize>)>, decoded: &DecodedBlock) {
    let mut ledger = Ledger::default();
    let mut firsts: BTreeMap<&str, Firsts<usize>> = BTreeMap::new();
    for tally in &decoded.tallies {
        ledger.add(&tally.path, tally.known.is_some(), &tally.counts);
        let first = firsts.entry(&tally.path).or_default();
        for (first, later) in [
            (&mut first.coerced, tally.first_offsets.coerced),
            (&mut first.mismatched, tally.first_offsets.mismatched),
            (&mut first.unknown, tally.first_offsets.unknown),
        ] {
            // The key `*` has a path of its own, which nevertheless equals the path of the map's entries.
            *first = first.iter().copied().chain(later).min();
        }
    }
    ledger.check().unwrap_or_else(|error| panic!("{error}"));
    for (path, (counts, first)) in expected {
        assert_eq!(ledger.paths.get(path), Some(counts), "{path}");
        assert_eq!(&firsts[path.as_str()], first, "the first of {path}");
    }
    assert_eq!(ledger.paths.len(), expected.len(), "paths of {:?}", ledger.paths.keys());
}

fn without_rejects(mut decoded: DecodedBlock) -> DecodedBlock {
    decoded.rejects.clear();
    decoded
}

fn assert_same(found: &DecodedBlock, expected: &DecodedBlock, how: &str) {
    assert_eq!(found.rejects, expected.rejects, "rejects, {how}");
    assert_eq!(found.tallies, expected.tallies, "tallies, {how}");
    assert_eq!(found.num_kept, expected.num_kept, "records kept, {how}");
    assert_eq!(found.records_without_rows, expected.records_without_rows, "records without rows, {how}");
    assert_eq!(found.columns.num_rows, expected.columns.num_rows, "rows, {how}");
    for (at, (found, expected)) in found.columns.columns.iter().zip(&expected.columns.columns).enumerate() {
        assert_eq!(found, expected, "column {at}, {how}");
    }
}
