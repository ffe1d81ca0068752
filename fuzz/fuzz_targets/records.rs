//! Decodes records like those of the built-in model, with some members, values and bytes changed.

#![no_main]

use std::sync::LazyLock;

use arbitrary::Unstructured;
use libfuzzer_sys::fuzz_target;
use partiquet_fuzz::{decode::Subject, records::Maker};

static SUBJECTS: LazyLock<Vec<Subject>> = LazyLock::new(Subject::built_in);

fuzz_target!(|data: &[u8]| {
    let mut choices = Unstructured::new(data);
    let Ok(subject) = choices.choose(&SUBJECTS) else { return };
    let block = Maker::new(&subject.table, &mut choices).block();
    subject.check(&block);
});
