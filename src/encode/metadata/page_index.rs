//! `ColumnIndex` and `OffsetIndex`, by which readers skip pages.

use crate::encode::{
    statistics::{PageStatistics, boundary_order},
    thrift::{Type, write_integer, write_struct},
};

/// Location and size of a page.
#[derive(Debug, Clone, Copy)]
pub struct PageLocation {
    /// Offset from the beginning of its part.
    pub offset: u64,
    /// Length, including its header.
    pub bytes: i32,
    pub first_row: u64,
    /// Bytes of its texts alone, without what the format adds; none for other types.
    pub text_bytes: Option<u64>,
}

/// Appends the column index of a chunk with these pages. Only for leaves that are not repeated.
pub fn write_column_index(out: &mut Vec<u8>, pages: &[PageStatistics<'_>]) {
    write_struct(out, |index| {
        index.list(1, Type::Bool, pages.iter(), |out, page| out.push(if page.num_values == 0 { 1 } else { 2 }));
        index.list(2, Type::Binary, pages.iter(), |out, page| page.write_min(out));
        index.list(3, Type::Binary, pages.iter(), |out, page| page.write_max(out));
        index.i32(4, boundary_order(pages) as i32);
        index.integers(5, Type::I64, pages.iter().map(|page| page.num_nulls as i64));
        let counts = pages.iter().map(|page| page.histograms.definition.counts());
        index.all_integers(7, counts.clone().map(<[i64]>::len).sum(), counts.flatten().copied());
        if pages.iter().all(|page| page.num_nans.is_some()) {
            index.integers(8, Type::I64, pages.iter().map(|page| page.num_nans.unwrap_or(0) as i64));
        }
    });
}

/// Appends the offset index of a chunk with these pages, whose part begins at byte `start` of the file.
pub fn write_offset_index(out: &mut Vec<u8>, pages: &[PageLocation], start: u64) {
    write_struct(out, |index| {
        index.list(1, Type::Struct, pages.iter(), |out, page| {
            write_struct(out, |location| {
                location.i64(1, (start + page.offset) as i64);
                location.i32(2, page.bytes);
                location.i64(3, page.first_row as i64);
            });
        });
        if pages.iter().all(|page| page.text_bytes.is_some()) {
            index.list(2, Type::I64, pages.iter(), |out, page| {
                write_integer(out, page.text_bytes.unwrap_or(0) as i64);
            });
        }
    });
}
