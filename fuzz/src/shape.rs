//! Checks that columns keep their promises, and converts them to one value per row.

use std::fmt;

use partiquet::columns::{Bitmap, Column, ColumnShape, Columns, ScalarType, TextValues, Values};

/// One value of a table.
#[derive(Clone, PartialEq)]
pub enum Value {
    Text(String),
    /// Integers, and instants in microseconds.
    Int(i64),
    Double(f64),
    Bool(bool),
    List(Vec<Option<Value>>),
    /// A list of structs, each either null or its children.
    Structs(Vec<Option<Vec<Option<Value>>>>),
    Map(Vec<(String, Option<String>)>),
}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => write!(f, "{text:?}"),
            Self::Int(value) => write!(f, "{value}"),
            Self::Double(value) => write!(f, "{value:?}"),
            Self::Bool(value) => write!(f, "{value}"),
            Self::List(elements) => write!(f, "{elements:?}"),
            Self::Structs(elements) => write!(f, "{elements:?}"),
            Self::Map(entries) => write!(f, "{entries:?}"),
        }
    }
}

/// Checks every promise of `columns`.
pub fn check(columns: &Columns, shapes: &[ColumnShape]) {
    assert_eq!(columns.columns.len(), shapes.len());
    for (column, shape) in columns.columns.iter().zip(shapes) {
        check_column(column, shape, columns.num_rows);
    }
}

fn check_column(column: &Column, shape: &ColumnShape, num_rows: usize) {
    check_bits(&column.validity, num_rows);
    assert_eq!(column.num_values(), column.validity.count_ones(), "values and valid rows");
    match (&column.values, shape) {
        (Values::Text(texts), ColumnShape::Scalar(ScalarType::Text)) => check_texts(texts),
        (Values::Text(texts), ColumnShape::Scalar(ScalarType::Json)) => {
            check_texts(texts);
            for text in texts.iter() {
                serde_json::from_slice::<&serde_json::value::RawValue>(text).expect("a JSON column holds JSON");
            }
        }
        (Values::Int64(_), ColumnShape::Scalar(ScalarType::Int64)) => {}
        (Values::Int64(micros), ColumnShape::Scalar(ScalarType::Instant)) => {
            let years = -62_135_596_800_000_000..=253_402_300_799_999_999;
            assert!(micros.iter().all(|micros| years.contains(micros)), "instants of the years 1 to 9999");
        }
        (Values::Float64(values), ColumnShape::Scalar(ScalarType::Float64)) => {
            assert!(values.iter().all(|value| value.is_finite()));
        }
        (Values::Bool(values), ColumnShape::Scalar(ScalarType::Bool)) => check_bits(values, values.len()),
        (Values::List { ends, element }, ColumnShape::List(scalar)) => {
            check_column(element, &ColumnShape::Scalar(*scalar), check_ends(ends));
        }
        (Values::Structs { ends, element_validity, children }, ColumnShape::Structs(shapes)) => {
            let num_elements = check_ends(ends);
            check_bits(element_validity, num_elements);
            assert_eq!(element_validity.len(), num_elements);
            assert_eq!(children.len(), shapes.len());
            for (child, shape) in children.iter().zip(shapes) {
                check_column(child, &ColumnShape::Scalar(*shape), num_elements);
                assert!(child.validity.iter_ones().all(|row| element_validity.get(row)), "a null struct is empty");
            }
        }
        (Values::Map { ends, keys, values }, ColumnShape::Map) => {
            let num_entries = check_ends(ends);
            check_texts(keys);
            assert_eq!(keys.len(), num_entries);
            check_column(values, &ColumnShape::Scalar(ScalarType::Text), num_entries);
        }
        (values, shape) => panic!("values {values:?} of shape {shape:?}"),
    }
}

fn check_bits(bits: &Bitmap, max_len: usize) {
    assert!(bits.len() <= max_len, "{} bits for {max_len} rows", bits.len());
    assert_eq!(bits.words().len(), bits.len().div_ceil(64));
    assert!(bits.iter_ones().all(|one| one < bits.len()), "a bit beyond the end");
}

fn check_texts(texts: &TextValues) {
    assert_eq!(check_ends(&texts.ends), texts.bytes.len());
    assert!(texts.iter().all(|text| std::str::from_utf8(text).is_ok()), "text is UTF-8");
}

/// Checks that ends ascend, and returns the last one.
fn check_ends(ends: &[u32]) -> usize {
    assert!(ends.is_sorted(), "ends ascend");
    ends.last().map_or(0, |&end| end as usize)
}

/// Brings columns into one form: missing bits at the end of a validity are the same as unset bits.
pub fn normalise(columns: &mut Columns) {
    fn pad(column: &mut Column, num_rows: usize) {
        column.validity.resize(num_rows);
        match &mut column.values {
            Values::List { ends, element } => pad(element, check_ends(ends)),
            Values::Structs { ends, children, .. } => {
                let num_elements = check_ends(ends);
                children.iter_mut().for_each(|child| pad(child, num_elements));
            }
            Values::Map { ends, values, .. } => pad(values, check_ends(ends)),
            _ => {}
        }
    }
    for column in &mut columns.columns {
        pad(column, columns.num_rows);
    }
}

/// One value for each row of a checked column.
pub fn values_of(column: &Column, num_rows: usize) -> Vec<Option<Value>> {
    let mut dense = 0..column.num_values();
    let value = |at: usize| match &column.values {
        Values::Text(texts) => Value::Text(text(texts.get(at))),
        Values::Int64(values) => Value::Int(values[at]),
        Values::Float64(values) => Value::Double(values[at]),
        Values::Bool(values) => Value::Bool(values.get(at)),
        Values::List { ends, element } => Value::List(values_of(element, check_ends(ends))[span(ends, at)].to_vec()),
        Values::Structs { ends, element_validity, children } => {
            let children: Vec<_> = children.iter().map(|child| values_of(child, check_ends(ends))).collect();
            let element = |row: usize| {
                element_validity.get(row).then(|| children.iter().map(|child| child[row].clone()).collect())
            };
            Value::Structs(span(ends, at).map(element).collect())
        }
        Values::Map { ends, keys, values } => {
            let values = values_of(values, keys.len());
            let entry = |row: usize| {
                let value = values[row].clone().map(|value| match value {
                    Value::Text(text) => text,
                    other => panic!("{other:?} as the value of a map"),
                });
                (text(keys.get(row)), value)
            };
            Value::Map(span(ends, at).map(entry).collect())
        }
    };
    (0..num_rows).map(|row| column.validity.get(row).then(|| value(dense.next().expect("a value")))).collect()
}

fn span(ends: &[u32], at: usize) -> std::ops::Range<usize> {
    let start = at.checked_sub(1).map_or(0, |before| ends[before]);
    start as usize..ends[at] as usize
}

fn text(bytes: &[u8]) -> String {
    std::str::from_utf8(bytes).expect("checked before").to_owned()
}
