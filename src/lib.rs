//! partiquet flattens nested contact-centre JSON into Hive-partitioned Parquet: every participant a row, every leaf
//! a column, nothing lost.

pub mod batch;
pub mod columns;
pub mod config;
mod convert;
pub mod dataset;
pub mod decode;
pub mod encode;
pub mod error;
pub mod infer;
pub mod input;
pub mod model;
pub mod observe;
pub mod partition;
pub mod pipeline;
pub mod report;
mod sampling;

pub use config::Config;
pub use convert::{Preview, VERSION, convert, infer, preview};
pub use error::{Error, Result};
