//! Compares the decoder with a slow flattener that was written independently, on cases by hand and on generated
//! records.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::format_push_string,
    reason = "tests stop at the first surprise, and are read more often than run"
)]

#[allow(dead_code, reason = "shared with the other tests, each of which uses a part")]
mod support {
    pub mod generate;
    pub mod json;
    pub mod reference;
    pub mod subject;
}

mod flattening {
    mod envelopes;
    mod flatten;
    mod objects;
    mod property;
    mod rejects;
    mod values;
}
