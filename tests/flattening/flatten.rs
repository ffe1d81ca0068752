//! Runs both flatteners on one text, and shows their results in a form that can be written by hand.

use std::sync::LazyLock;

use partiquet::{config::AttributeMap, input::Framing};

use crate::support::{
    reference::{Cell, Flattened, Reference},
    subject::Subject,
};

/// A model with every kind of member in every place.
pub const MODEL: &str = include_str!("../support/model.json");
/// Its promoted attributes, unsorted.
pub const PROMOTED: &[&str] = &["IVR Priority", "日本", "", "a.b", "~1/~0"];

/// Both flatteners for each setting of the attribute map, built once.
static FLATTENERS: LazyLock<[(AttributeMap, Reference, Subject); 3]> = LazyLock::new(|| {
    [AttributeMap::Rest, AttributeMap::All, AttributeMap::None].map(|map| {
        let reference = Reference::new(&serde_json::from_str(MODEL).unwrap(), PROMOTED, map);
        (map, reference, Subject::new(MODEL, PROMOTED, map))
    })
});

pub fn flatteners(map: AttributeMap) -> (Reference, Subject) {
    let (_, reference, subject) = FLATTENERS.iter().find(|(known, ..)| *known == map).expect("one for each");
    (reference.clone(), subject.clone())
}

pub fn reference(map: AttributeMap) -> Reference {
    flatteners(map).0
}

pub fn subject(map: AttributeMap) -> Subject {
    flatteners(map).1
}

/// The result of each flattener for these lines.
pub fn flatten(map: AttributeMap, lines: &str) -> Vec<(&'static str, Flattened)> {
    vec![
        ("reference", reference(map).flatten(lines.as_bytes(), &Framing::Lines)),
        ("decoder", subject(map).flatten(lines.as_bytes(), &Framing::Lines)),
    ]
}

/// The present values of a row as `path = value`, in table order.
fn row_lines(columns: &[String], row: &[Cell]) -> Vec<String> {
    let present = columns.iter().zip(row).filter(|(_, cell)| **cell != Cell::Null);
    present.map(|(path, cell)| format!("{path} = {}", show(cell))).collect()
}

pub fn show(cell: &Cell) -> String {
    let join = |cells: &[Cell]| cells.iter().map(show).collect::<Vec<_>>().join(", ");
    match cell {
        Cell::Null => "null".to_owned(),
        Cell::Text(text) => text.clone(),
        Cell::Int(value) => value.to_string(),
        Cell::Float(value) => format!("{value:?}"),
        Cell::Bool(value) => value.to_string(),
        Cell::List(cells) => format!("[{}]", join(cells)),
        Cell::Struct(cells) => format!("{{{}}}", join(cells)),
        Cell::Map(entries) => {
            let entry = |(key, value): &(String, Option<String>)| match value {
                Some(value) => format!("{key}: {value}"),
                None => format!("{key} is null"),
            };
            format!("{{{}}}", entries.iter().map(entry).collect::<Vec<_>>().join(", "))
        }
    }
}

/// The ledger as `path: kept 2, null 1`; `seen` is checked to be the sum.
fn ledger_lines(flattened: &Flattened) -> Vec<String> {
    let line = |(path, counts): (&String, &partiquet::report::Counts)| {
        let words = [
            ("kept", counts.kept),
            ("null", counts.null),
            ("coerced", counts.coerced),
            ("mismatched", counts.mismatched),
            ("unknown", counts.unknown),
            ("ignored", counts.ignored),
        ];
        assert_eq!(counts.seen + counts.null, words.iter().map(|(_, count)| count).sum::<u64>(), "{path} closes");
        let present = words.iter().filter(|(_, count)| *count > 0);
        let words: Vec<String> = present.map(|(word, count)| format!("{word} {count}")).collect();
        format!("{path}: {}", words.join(", "))
    };
    flattened.ledger.iter().map(line).collect()
}

/// Checks that both flatteners give these rows and counts for the lines.
#[track_caller]
pub fn check_with(map: AttributeMap, lines: &str, rows: &[&[&str]], ledger: &[&str]) {
    let columns = reference(map).columns;
    for (who, flattened) in flatten(map, lines) {
        assert_eq!(flattened.rejects, [], "{who} on {lines}");
        let seen: Vec<Vec<String>> = flattened.rows.iter().map(|row| row_lines(&columns, row)).collect();
        assert_eq!(seen, rows, "{who} on {lines}");
        assert_eq!(ledger_lines(&flattened), ledger, "{who} on {lines}");
    }
}

#[track_caller]
pub fn check(lines: &str, rows: &[&[&str]], ledger: &[&str]) {
    check_with(AttributeMap::Rest, lines, rows, ledger);
}

/// Checks that both flatteners refuse this record for this reason, and that nothing of it is left.
#[track_caller]
pub fn check_refused(map: AttributeMap, record: &str, kind: &str) {
    for (who, flattened) in flatten(map, record) {
        let kinds: Vec<&str> = flattened.rejects.iter().map(|refused| refused.kind().as_str()).collect();
        assert_eq!(kinds, [kind], "{who} on {record}");
        assert_eq!((flattened.rows.len(), flattened.ledger.len()), (0, 0), "{who} on {record}");
    }
}
