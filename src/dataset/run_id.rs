//! The name of a run, derived from everything that decides the bytes of its files.

use std::collections::BTreeMap;

use xxhash_rust::xxh3::Xxh3;

use crate::report::hex;

/// Number of hexadecimal digits of a run id: 48 bits distinguish the runs of one dataset and stay readable in file
/// names.
pub const RUN_ID_DIGITS: usize = 12;

/// Computes the run id from the version of the tool, the options that decide the bytes of the output (name to text),
/// and the XXH3-128 digests of the inputs in order.
#[must_use]
pub fn run_id(version: &str, options: &BTreeMap<String, String>, input_digests: &[u128]) -> String {
    let mut hash = Xxh3::new();
    // Each text is preceded by its length, so that no two requests hash the same bytes.
    let mut text = |text: &str| {
        hash.update(&(text.len() as u64).to_le_bytes());
        hash.update(text.as_bytes());
    };
    text(version);
    for (name, value) in options {
        text(name);
        text(value);
    }
    hash.update(&(options.len() as u64).to_le_bytes());
    for digest in input_digests {
        hash.update(&digest.to_le_bytes());
    }
    let mut id = hex(hash.digest128());
    id.truncate(RUN_ID_DIGITS);
    id
}

/// Whether `text` has the form of a run id.
#[must_use]
pub fn is_run_id(text: &str) -> bool {
    text.len() == RUN_ID_DIGITS && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect()
    }

    #[test]
    fn the_same_request_has_the_same_id_for_ever() {
        let id = run_id("0.1.0", &options(&[("compression", "zstd(1)")]), &[1, 2]);
        assert!(is_run_id(&id), "{id}");
        assert_eq!(id, "f53fef75f5be");
    }

    #[test]
    fn every_part_of_the_request_counts() {
        let mut ids = vec![
            run_id("0.1.0", &options(&[("a", "b")]), &[1, 2]),
            run_id("0.1.1", &options(&[("a", "b")]), &[1, 2]),
            run_id("0.1.0", &options(&[("a", "c")]), &[1, 2]),
            run_id("0.1.0", &options(&[("ab", "")]), &[1, 2]),
            run_id("0.1.0", &options(&[]), &[1, 2]),
            run_id("0.1.0", &options(&[("a", "b")]), &[2, 1]),
            run_id("0.1.0", &options(&[("a", "b")]), &[1]),
            run_id("0.1.0", &options(&[("a", "b")]), &[]),
        ];
        ids.sort();
        ids.dedup();
        assert_eq!(ids.len(), 8);
    }

    #[test]
    fn nothing_else_has_the_form_of_an_id() {
        for text in ["", "0123456789ab0", "0123456789AB", "../456789abc", "0123456789a"] {
            assert!(!is_run_id(text), "{text}");
        }
    }
}
