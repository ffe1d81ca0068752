//! `PageHeader`, which precedes each page.

use parquet::basic::{Encoding, PageType};

use crate::encode::thrift::write_struct;

/// Sizes of a page without its header, before and after compression, bytes.
#[derive(Debug, Clone, Copy)]
pub struct PageSizes {
    pub uncompressed: i32,
    pub compressed: i32,
}

/// The contents of the header of a data page (version 2).
#[derive(Debug)]
pub struct DataPage {
    pub num_levels: i32,
    pub num_nulls: i32,
    pub num_rows: i32,
    pub encoding: Encoding,
    pub definition_bytes: i32,
    pub repetition_bytes: i32,
    pub is_compressed: bool,
}

/// Appends the header of a data page.
pub fn write_data_page(out: &mut Vec<u8>, page: &DataPage, sizes: PageSizes) {
    write_struct(out, |header| {
        header.i32(1, PageType::DATA_PAGE_V2 as i32);
        header.i32(2, sizes.uncompressed);
        header.i32(3, sizes.compressed);
        header.structure(8, |header| {
            header.i32(1, page.num_levels);
            header.i32(2, page.num_nulls);
            header.i32(3, page.num_rows);
            header.i32(4, page.encoding as i32);
            header.i32(5, page.definition_bytes);
            header.i32(6, page.repetition_bytes);
            header.bool(7, page.is_compressed);
        });
    });
}

/// Appends the header of a dictionary page of `num_values` values.
pub fn write_dictionary_page(out: &mut Vec<u8>, num_values: i32, sizes: PageSizes) {
    write_struct(out, |header| {
        header.i32(1, PageType::DICTIONARY_PAGE as i32);
        header.i32(2, sizes.uncompressed);
        header.i32(3, sizes.compressed);
        header.structure(7, |header| {
            header.i32(1, num_values);
            header.i32(2, Encoding::PLAIN as i32);
            header.bool(3, false);
        });
    });
}
