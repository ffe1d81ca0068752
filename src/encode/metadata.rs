//! What a file says of itself, in the words of the format: page headers, column chunks, page indexes, the footer.
//!
//! ```text
//! page_header   before each page
//! chunk         of a column chunk: statistics, sizes, places         as the format's ColumnMetaData
//! page_index    of its pages, for readers that skip                  as ColumnIndex and OffsetIndex
//! row_group     all of that for one row group, encoded               notes until the file ends
//! footer        the end of a file: indexes, then FileMetaData
//! ```
//!
//! Written as bytes at once, where the values are at hand. (The crate's objects took a quarter of the time of files of a
//! few rows; what it makes of them is the measure in the tests.)

pub(super) mod chunk;
pub(super) mod footer;
pub(super) mod page_header;
pub(super) mod page_index;
pub(super) mod row_group;
