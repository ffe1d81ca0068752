//! Reads arbitrary text as a model; an accepted model must give a table, and a decoder that agrees with the reference.
//!
//! Records to decode may follow after a NUL byte; some more are made from the bytes of the text itself.

#![no_main]

use arbitrary::Unstructured;
use libfuzzer_sys::fuzz_target;
use partiquet::model::{AttributeMap, FieldKind, Model};
use partiquet_fuzz::{decode::Subject, records::Maker};

fuzz_target!(|data: &[u8]| {
    let (text, records) = match data.iter().position(|byte| *byte == 0) {
        Some(at) => (&data[..at], &data[at + 1..]),
        None => (data, &[][..]),
    };
    let Ok(text) = std::str::from_utf8(text) else { return };
    let model = match Model::from_json(text, "model.json") {
        Ok(model) => model,
        Err(error) => {
            assert!(!error.to_string().is_empty());
            return;
        }
    };
    let promotes = model.row.iter().any(|field| matches!(field.kind, FieldKind::Map { promote: true }));
    let keys: &[&str] = if promotes && text.len() % 2 == 0 { &["", "IVR Priority"] } else { &[] };
    let map = match text.len() % 5 {
        0 if promotes => AttributeMap::None,
        1 => AttributeMap::All,
        _ => AttributeMap::Rest,
    };
    let subject = Subject::new(model, keys, map, text.len() % 3 == 0);
    subject.check(records);
    let mut choices = Unstructured::new(if records.is_empty() { data } else { records });
    subject.check(&Maker::new(&subject.table, &mut choices).block());
});
