//! The decoder under test, with results converted to the types of the reference.

use std::{collections::BTreeMap, sync::Arc};

use partiquet::{
    columns::{Column, Columns, TextValues, Values},
    config::AttributeMap,
    decode::{Block, DecodeReject, DecodedBlock, Decoder, PathTally},
    input::Framing,
    model::{Model, Plan, TableSchema},
    report::{Counts, RejectKind},
};

use super::{
    json::{Fault, Kind},
    reference::{Cell, Flattened, Refused},
};

/// The decoder for one model and one choice of attribute columns; it learns from block to block.
#[derive(Debug, Clone)]
pub struct Subject {
    pub schema: TableSchema,
    decoder: Decoder,
}

impl Subject {
    pub fn new(document: &str, promoted: &[&str], attribute_map: AttributeMap) -> Self {
        Self::of(document, promoted, attribute_map, false)
    }

    /// With the columns `source_file` and `source_offset`; the file is `test`, and the block begins at its byte 1000.
    pub fn with_provenance(document: &str) -> Self {
        Self::of(document, &[], AttributeMap::Rest, true)
    }

    fn of(document: &str, promoted: &[&str], attribute_map: AttributeMap, provenance: bool) -> Self {
        let model = Model::from_json(document, "test").expect("a valid model");
        let promoted: Vec<String> = promoted.iter().map(ToString::to_string).collect();
        let schema = TableSchema::new(&model, &promoted, attribute_map, provenance).expect("a valid schema");
        let decoder = Decoder::new(Arc::new(Plan::new(&model, &schema)));
        Self { schema, decoder }
    }

    #[must_use]
    pub fn with_max_flattened_bytes(mut self, bytes: u64) -> Self {
        self.decoder = self.decoder.with_max_flattened_bytes(bytes);
        self
    }

    /// The complete result of the decoder, including messages.
    pub fn decode(&mut self, bytes: &[u8], framing: &Framing) -> DecodedBlock {
        let block = Block { bytes, framing, file: "test", offset: 1000 };
        let columns = Columns::new(self.decoder.shapes());
        let decoded = self.decoder.decode(block, columns.clone());
        let mut own = bytes.to_vec();
        let in_place = self.decoder.decode_in_place(&mut own, block, columns);
        assert_eq!(in_place, decoded, "in place");
        assert_eq!(own, bytes, "in place");
        decoded
    }

    pub fn flatten(&mut self, bytes: &[u8], framing: &Framing) -> Flattened {
        let decoded = self.decode(bytes, framing);
        Flattened {
            rows: rows(&decoded.columns),
            ledger: ledger(&decoded.tallies),
            firsts: decoded
                .tallies
                .iter()
                .filter_map(|tally| {
                    let first = &tally.first_offsets;
                    let offset = [first.coerced, first.mismatched, first.unknown].into_iter().flatten().min()?;
                    Some((tally.path.clone(), offset))
                })
                .collect(),
            rejects: decoded.rejects.iter().map(refused).collect(),
            num_records: decoded.num_records,
            records_without_rows: decoded.records_without_rows,
        }
    }
}

fn refused(reject: &DecodeReject) -> Refused {
    let kind = match reject.kind {
        RejectKind::Syntax => Kind::Syntax,
        RejectKind::Utf8 => Kind::Utf8,
        RejectKind::Depth => Kind::Depth,
        RejectKind::Duplicate => Kind::Duplicate,
        RejectKind::Envelope => Kind::Envelope,
        RejectKind::Size => Kind::Size,
        RejectKind::NotObject => Kind::NotObject,
        RejectKind::Attribute => Kind::Attribute,
        other => panic!("unknown kind {other:?}"),
    };
    assert!(!reject.message.is_empty(), "a reject without words: {reject:?}");
    Refused { range: reject.record.clone(), faults: vec![Fault { offset: reject.offset, kind, message: "" }] }
}

/// Counts by path, without paths where nothing was seen.
fn ledger(tallies: &[PathTally]) -> BTreeMap<String, Counts> {
    let mut ledger: BTreeMap<String, Counts> = BTreeMap::new();
    for tally in tallies.iter().filter(|tally| tally.counts.seen > 0) {
        assert_eq!(tally.known.is_some(), tally.counts.unknown == 0, "known or unknown: {tally:?}");
        ledger.entry(tally.path.clone()).or_default().add(&tally.counts);
    }
    ledger
}

/// Converts dense columns to rows.
pub fn rows(columns: &Columns) -> Vec<Vec<Cell>> {
    let cells: Vec<Vec<Cell>> = columns.columns.iter().map(|column| cells(column, columns.num_rows)).collect();
    (0..columns.num_rows).map(|row| cells.iter().map(|column| column[row].clone()).collect()).collect()
}

/// One cell for each of `num_rows` rows.
fn cells(column: &Column, num_rows: usize) -> Vec<Cell> {
    let mut values = values(&column.values).into_iter();
    let cells =
        (0..num_rows).map(|row| if column.validity.get(row) { values.next().expect("a value") } else { Cell::Null });
    let cells: Vec<Cell> = cells.collect();
    assert!(column.validity.len() <= num_rows, "validity beyond the last row");
    assert_eq!(values.next(), None, "a value without a row");
    cells
}

fn values(values: &Values) -> Vec<Cell> {
    match values {
        Values::Text(texts) => strings(texts).into_iter().map(Cell::Text).collect(),
        Values::Int64(values) => values.iter().copied().map(Cell::Int).collect(),
        Values::Float64(values) => values.iter().copied().map(Cell::Float).collect(),
        Values::Bool(values) => (0..values.len()).map(|index| Cell::Bool(values.get(index))).collect(),
        Values::List { ends, element } => {
            lists(ends, &cells(element, last(ends))).into_iter().map(Cell::List).collect()
        }
        Values::Structs { ends, element_validity, children } => {
            let num_elements = last(ends);
            assert_eq!(element_validity.len(), num_elements, "one bit for each element");
            let children: Vec<Vec<Cell>> = children.iter().map(|child| cells(child, num_elements)).collect();
            let elements: Vec<Cell> = (0..num_elements)
                .map(|index| {
                    let fields: Vec<Cell> = children.iter().map(|child| child[index].clone()).collect();
                    if element_validity.get(index) {
                        return Cell::Struct(fields);
                    }
                    assert!(fields.iter().all(|field| *field == Cell::Null), "a null struct with values");
                    Cell::Null
                })
                .collect();
            lists(ends, &elements).into_iter().map(Cell::List).collect()
        }
        Values::Map { ends, keys, values } => {
            assert_eq!(keys.len(), last(ends), "one key for each entry");
            let values = cells(values, keys.len()).into_iter().map(|cell| match cell {
                Cell::Null => None,
                Cell::Text(text) => Some(text),
                other => panic!("map value {other:?}"),
            });
            let entries: Vec<_> = strings(keys).into_iter().zip(values).collect();
            lists(ends, &entries).into_iter().map(Cell::Map).collect()
        }
    }
}

fn strings(texts: &TextValues) -> Vec<String> {
    texts.iter().map(|text| String::from_utf8(text.to_vec()).expect("columns hold UTF-8")).collect()
}

fn last(ends: &[u32]) -> usize {
    ends.last().map_or(0, |&end| end as usize)
}

fn lists<T: Clone>(ends: &[u32], elements: &[T]) -> Vec<Vec<T>> {
    let mut start = 0;
    let cut = ends.iter().map(|&end| elements[std::mem::replace(&mut start, end as usize)..end as usize].to_vec());
    cut.collect()
}
