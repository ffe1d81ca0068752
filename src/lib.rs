//! partiquet flattens nested contact-centre JSON into Hive-partitioned Parquet: every participant a row, every leaf
//! a column, nothing lost.

pub mod batch;
pub mod columns;
pub mod config;
pub mod dataset;
pub mod decode;
pub mod encode;
pub mod error;
pub mod input;
pub mod model;
pub mod observe;
pub mod partition;
pub mod report;

pub use error::{Error, Result};
