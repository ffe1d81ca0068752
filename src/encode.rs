//! Writes columns as Parquet files. Only this module knows the `parquet` crate.
//!
//! ```text
//! FileSchema          what all files of a run have in common: columns, properties
//! encode_row_group    &Columns -> EncodedRowGroup     CPU only, any thread, no order
//! StagedFileWriter    append in order, then finish    the only part that touches a disk
//! FinishedFile        facts about the written file, for the manifest
//! ```
//!
//! Row groups are encoded in parallel and appended in order, so that the bytes of a file depend on its rows and
//! options alone. A staged file holds no descriptor between two row groups and gets its footer at the end of the
//! run, because only then is the run id known: thousands of files can be unfinished at once.
//!
//! Pages and their metadata are written straight from the columns. A column chunk is made by
//!
//! ```text
//! leaf            which values a leaf has, and its levels     hybrid, bit_packing
//! dictionary      the distinct values
//! leaf_encoding   values as bytes                             delta
//! chunk           pages and their metadata                    statistics, codec, metadata, thrift
//! ```
//!
//! Memory: encoding a row group takes 4 bytes for each value of one column, one page before and after compression, and
//! the encoded pages; sorting also takes a copy of the rows and the sort keys. The metadata of an unfinished file is
//! kept on disk. Writing its footer briefly takes about 0.5 KB for each leaf column and row group of that file, of
//! which 0.2 KB are in the file.

mod arrow_schema;
mod bit_packing;
mod check;
mod chunk;
mod codec;
mod delta;
mod dictionary;
mod hybrid;
mod leaf;
mod leaf_encoding;
mod metadata;
mod options;
mod range;
mod row_group;
mod schema;
mod sorting;
mod staged_file;
mod statistics;
mod summary;
mod thrift;

pub use options::EncodeOptions;
pub use row_group::{EncodeScratch, EncodedPart, EncodedRowGroup, RowGroup, encode_row_group};
pub use schema::FileSchema;
pub use staged_file::{FinishedFile, Footer, StagedFileWriter, SyncWhen};
pub use summary::FileSummary;

use parquet::errors::ParquetError;

use crate::error::Error;

/// An error of the `parquet` crate that neither input nor disk can cause.
fn bug(error: &ParquetError) -> Error {
    Error::Bug(format!("a row group cannot be encoded: {error}"))
}

#[cfg(test)]
mod tests;
