//! `partiquet generate` as its users run it, and what it makes as `convert` sees it.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]

mod bytes;
mod folder;
mod profiles;
mod refusals;
