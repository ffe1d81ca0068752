//! What the fuzz targets share: a slow reference that gives the expected result, and the comparison.
//!
//! ```text
//! bytes -> tree (serde_json, raw values) -> expect (rows, extra, ledger of one record) --+
//! bytes -> partiquet::decode, in several ways -> shape (invariants, one value per row) ----+--> decode::check
//! columns -> partiquet::encode, and the parquet crate -> encode::check
//! bytes -> partiquet::input, in several ways --> split::check, rejects::check
//! rows -> partiquet::partition -> paths, read back -> paths::check
//! ```
//!
//! Nothing here is shared with the decoder except the types of the model. A difference is a panic.

pub mod decode;
pub mod encode;
pub mod expect;
pub mod instants;
pub mod paths;
pub mod records;
pub mod rejects;
pub mod scalar;
pub mod shape;
pub mod split;
pub mod tree;
