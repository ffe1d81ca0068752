//! The program from inputs to dataset, as its users run it: every test starts the real binary in a folder of its own,
//! and reads the output with the Parquet crate's own reader.

#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that cannot go on has failed")]
#![expect(clippy::format_collect, reason = "inputs are small, and plain to read this way")]

mod accounting;
mod append;
mod attributes;
mod command_line;
mod commit;
mod data;
mod dataset_summary;
mod documents;
mod dry_run;
mod envelopes;
mod files;
mod inputs;
mod interrupt;
mod limits;
mod memory;
mod output;
mod provenance;
mod reject_budget;
mod rejects;
mod run;
mod sample_data;
mod spill;
mod thread_counts;
mod warnings;
