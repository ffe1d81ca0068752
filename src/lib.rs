//! partiquet flattens nested contact-centre JSON into Hive-partitioned Parquet: every participant becomes a row, every
//! leaf a column, and nothing is lost.
//!
//! [`convert()`] does all of it, from inputs to a committed dataset. The stages below it are public, and each is useful
//! on its own. Chief among them is the decoder: bytes in, Arrow record batches out, without touching a file.
//!
//! ```
//! use std::sync::Arc;
//!
//! use partiquet::{
//!     batch,
//!     columns::Columns,
//!     decode::{Block, Decoder},
//!     input::Framing,
//!     model::{AttributeMap, Model, Plan, TableSchema},
//! };
//!
//! # fn main() -> partiquet::Result<()> {
//! // The table has the columns of the built-in model, and one attribute key has a column of its own.
//! let model = Model::load(Model::DEFAULT)?;
//! let table = TableSchema::new(&model, &["IVR Priority".to_owned()], AttributeMap::Rest, false)?;
//!
//! // Use one decoder per thread: it learns the order of members as it goes.
//! let mut decoder = Decoder::new(Arc::new(Plan::new(&model, &table)));
//! let bytes = br#"{"id":"c1","participants":[{"purpose":"agent","held":"true"},{"purpose":"acd","held":3}]}"#;
//! let block = Block { bytes, framing: &Framing::Lines, file: "memory", offset: 0 };
//! let columns = Columns::new(decoder.shapes());
//! let decoded = decoder.decode(block, columns);
//! assert!(decoded.rejects.is_empty());
//!
//! let batch = batch::into_record_batch(decoded.columns, &table.arrow_schema())?;
//! let nulls = |column: &str| batch.column_by_name(column).map(|values| values.null_count());
//! assert_eq!(batch.num_rows(), 2);
//! assert_eq!(nulls("conversation_id"), Some(0), "the conversation's id is repeated");
//! assert_eq!(nulls("held"), Some(1), "\"true\" is a flag, 3 is not");
//! assert_eq!(nulls("extra"), Some(1), "and is kept here");
//! # Ok(())
//! # }
//! ```
//!
//! A whole conversion:
//!
//! ```no_run
//! use partiquet::{Config, convert, model::Model, observe::Silent};
//!
//! # fn main() -> partiquet::Result<()> {
//! let model = Model::load(Model::DEFAULT)?;
//! let config = Config { threads: 8, ..Config::new(["exports"], "calls", model, "2025-07-01T00:00:00Z") };
//! let report = convert(&config, &Silent)?;
//! println!("{} rows in {} files", report.rows, report.files.len());
//! # Ok(())
//! # }
//! ```
//!
//! Depend on it with `default-features = false`: the default feature `cli` is the program.
//!
//! The library prints nothing, never ends the process, and reads no clock: [`Config`] carries the times, and everything
//! a run reports goes to an [`Observer`](observe::Observer) and into the [`Report`](report::Report).

pub mod batch;
pub mod columns;
pub mod config;
mod convert;
pub mod dataset;
pub mod decode;
pub mod encode;
pub mod error;
pub mod generate;
pub mod infer;
pub mod input;
pub mod model;
#[doc(hidden)]
pub mod nearest;
pub mod observe;
pub mod partition;
pub mod pipeline;
pub mod report;
mod sampling;
mod simd;
pub mod spill;
pub mod verify;

pub use config::Config;
pub use convert::{Preview, ShareName, VERSION, commit_shares, convert, infer, preview, stage_share};
pub use error::{Error, Result};

/// The examples of the README are tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct ReadmeExamples;
