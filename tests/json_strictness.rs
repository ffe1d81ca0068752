//! RFC 8259 to the letter: every valid form of JSON is accepted, and every other form rejects its record.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::format_push_string,
    reason = "tests stop at the first surprise, and are read more often than run"
)]

#[allow(dead_code, unused_imports, reason = "shared with the other tests, each of which uses a part")]
mod support {
    pub mod json;
    pub mod reference;
    pub mod subject;
}

mod strictness {
    mod grammar;
    mod strings;
    mod texts;
    mod verdict;
}
