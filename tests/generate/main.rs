//! `partiquet generate` as its users run it, checked by converting its output.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]

mod bytes;
mod folder;
mod profiles;
mod refusals;
