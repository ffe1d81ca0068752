//! From columns to Parquet files: the one place that knows the `parquet` crate.
//!
//! ```text
//! FileSchema          what all files of a run have in common: columns, properties
//! encode_row_group    &Columns -> EncodedRowGroup     CPU only, any thread, no order
//! StagedFileWriter    append in order, then finish    the only part that touches a disk
//! FinishedFile        what was written, for the manifest
//! ```
//!
//! Row groups are encoded in parallel and appended in order, so that the bytes of a file depend on its rows and
//! options alone. A staged file holds no descriptor between two row groups and gets its footer at the end of the
//! run, because only then is the run id known: thousands of files can be unfinished at once.
//!
//! Pages and what is said of them are written straight from the columns. A chunk is made of
//!
//! ```text
//! leaf          which values a leaf has, and its levels       hybrid, bit_packing
//! dictionary    the different values                          delta
//! chunk         pages, and what is said of them               statistics, codec, metadata, thrift
//! ```
//!
//! Memory: a row group being encoded takes 4 bytes for each value of one column, one page before and after its
//! compression, and the encoded pages; sorting takes the rows and the sort keys as well. What the footer of an unfinished file
//! will say is on disk. When the footer is written, it takes about 0.5 KB for each leaf column and row group of that one
//! file, for a moment: 0.2 KB are in the file.

mod arrow_schema;
mod bit_packing;
mod check;
mod chunk;
mod codec;
mod delta;
mod dictionary;
mod hybrid;
mod leaf;
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

/// An error of the writer that no input and no disk explains.
fn bug(error: &ParquetError) -> Error {
    Error::Bug(format!("a row group cannot be encoded: {error}"))
}

#[cfg(test)]
mod tests;
