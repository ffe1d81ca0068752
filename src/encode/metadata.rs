//! The metadata of a file in the format's structures: page headers, column chunks, page indexes, the footer.
//!
//! ```text
//! page_header   before each page
//! chunk         of a column chunk: statistics, sizes, offsets        as the format's ColumnMetaData
//! page_index    of its pages, for readers that skip                  as ColumnIndex and OffsetIndex
//! row_group     all of that for one row group, encoded               kept on disk until the file ends
//! footer        the end of a file: indexes, then FileMetaData
//! ```
//!
//! The bytes are written directly where the values are known: building the crate's objects took a quarter of the time
//! for files of a few rows. The tests compare the result with what the crate writes.

pub(super) mod chunk;
pub(super) mod footer;
pub(super) mod page_header;
pub(super) mod page_index;
pub(super) mod row_group;
