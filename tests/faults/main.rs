//! External faults: processes killed at any moment, full disks, inputs that change or end too early, links that lead
//! elsewhere. Each test causes the real fault for the real program (or for a process of its own with the library), and
//! then checks what a reader finds and what the next run does.
//!
//! A test that needs something this machine does not allow (mounting, `strace`) says so and passes.

#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that cannot go on has failed")]

#[path = "../convert/data.rs"]
mod data;
#[expect(dead_code, reason = "shared with the tests of conversions, which use all of it")]
#[path = "../convert/output.rs"]
mod output;
#[expect(dead_code, reason = "shared with the tests of conversions, which use all of it")]
#[path = "../convert/run.rs"]
mod run;

mod bombs;
mod disk;
mod durability;
mod inputs;
mod killed;
mod shares;
mod values;
mod verify;
