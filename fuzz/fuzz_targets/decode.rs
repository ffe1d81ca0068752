//! Decodes arbitrary bytes as a block of records of the built-in model.
//!
//! A first byte below 5 chooses the table (attribute columns, provenance, limits); otherwise the plain table is used.

#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use partiquet_fuzz::decode::Subject;

static SUBJECTS: LazyLock<Vec<Subject>> = LazyLock::new(Subject::built_in);

fuzz_target!(|data: &[u8]| {
    let (subject, bytes) = match data {
        [table @ 0..5, bytes @ ..] => (usize::from(*table), bytes),
        bytes => (0, bytes),
    };
    SUBJECTS[subject].check(bytes);
});
