//! `ColumnMetaData`: the footer's metadata of a column chunk.

use parquet::{
    basic::{CompressionCodec, Encoding, PageType},
    bloom_filter::Sbbf,
};

use super::page_index::{PageLocation, write_column_index, write_offset_index};
use crate::encode::{
    chunk::ChunkOptions,
    statistics::PageStatistics,
    thrift::{Type, write_struct},
};

/// Metadata of the chunks of a part: some columns of a row group, whose pages are stored one after another. Offsets are
/// relative to the beginning of the part.
#[derive(Debug, Default)]
pub struct PartMetadata {
    chunks: Vec<ChunkMetadata>,
    /// Pages of all chunks, in order.
    pages: Vec<PageLocation>,
    /// For each chunk its statistics, size statistics and column index, encoded in the format.
    encoded: Vec<u8>,
}

/// Metadata of one chunk.
#[derive(Debug)]
struct ChunkMetadata {
    num_levels: u64,
    num_nulls: u64,
    uncompressed_bytes: u64,
    compressed_bytes: u64,
    dictionary_page: Option<u64>,
    codec: CompressionCodec,
    /// Encoding of the data pages.
    encoding: Encoding,
    bloom_filter: Option<Box<Sbbf>>,
    /// End of its pages in `PartMetadata::pages`.
    pages_end: usize,
    /// Ends of its statistics, size statistics and column index in `PartMetadata::encoded`.
    statistics_end: usize,
    sizes_end: usize,
    column_index_end: usize,
}

/// What is known about a chunk once its pages are written.
#[derive(Debug)]
pub struct ChunkFacts<'a> {
    pub whole: &'a PageStatistics<'a>,
    /// Statistics of each page.
    pub pages: &'a [PageStatistics<'a>],
    /// Whether the leaf is not repeated.
    pub is_flat: bool,
    /// Bytes of the pages with their headers, before and after compression.
    pub uncompressed_bytes: u64,
    pub compressed_bytes: u64,
    pub dictionary_page: Option<u64>,
    pub codec: CompressionCodec,
    pub encoding: Encoding,
    /// Bytes of its texts alone, without what the format adds; none for other types.
    pub text_bytes: Option<u64>,
    pub bloom_filter: Option<Sbbf>,
}

/// A chunk whose position in the file is known.
#[derive(Debug)]
pub struct PlacedChunk<'a> {
    part: &'a PartMetadata,
    chunk: &'a ChunkMetadata,
    pages: &'a [PageLocation],
    /// Where its encoded metadata begins in the part's.
    encoded: usize,
    /// Offset of its part in the file.
    start: u64,
}

impl PartMetadata {
    /// Adds a page of the chunk that will be added next.
    pub fn add_page(&mut self, page: PageLocation) {
        self.pages.push(page);
    }

    /// Adds a chunk, which has the pages added since the last one.
    pub fn add(&mut self, facts: ChunkFacts<'_>) {
        let (whole, encoded) = (facts.whole, &mut self.encoded);
        whole.write_statistics(encoded);
        let statistics_end = encoded.len();
        write_struct(encoded, |sizes| {
            if let Some(bytes) = facts.text_bytes {
                sizes.i64(1, bytes as i64);
            }
            if !facts.is_flat {
                sizes.integers(2, Type::I64, whole.histograms.repetition.counts().iter().copied());
            }
            sizes.integers(3, Type::I64, whole.histograms.definition.counts().iter().copied());
        });
        let sizes_end = encoded.len();
        if facts.is_flat {
            write_column_index(encoded, facts.pages);
        }
        self.chunks.push(ChunkMetadata {
            num_levels: (whole.num_values + whole.num_nulls) as u64,
            num_nulls: whole.num_nulls as u64,
            uncompressed_bytes: facts.uncompressed_bytes,
            compressed_bytes: facts.compressed_bytes,
            dictionary_page: facts.dictionary_page,
            codec: facts.codec,
            encoding: facts.encoding,
            bloom_filter: facts.bloom_filter.map(Box::new),
            pages_end: self.pages.len(),
            statistics_end,
            sizes_end,
            column_index_end: encoded.len(),
        });
    }

    /// Number of values of each chunk: levels without nulls.
    pub fn num_values(&self) -> impl Iterator<Item = u64> {
        self.chunks.iter().map(|chunk| chunk.num_levels.saturating_sub(chunk.num_nulls))
    }

    /// The chunks of the part, if it begins at byte `start` of the file.
    pub fn placed(&self, start: u64) -> impl Iterator<Item = PlacedChunk<'_>> {
        let (mut page, mut encoded) = (0, 0);
        self.chunks.iter().map(move |chunk| {
            let pages = &self.pages[page..chunk.pages_end];
            let placed = PlacedChunk { part: self, chunk, pages, encoded, start };
            (page, encoded) = (chunk.pages_end, chunk.column_index_end);
            placed
        })
    }
}

impl PlacedChunk<'_> {
    pub const fn bloom_filter(&self) -> Option<&Sbbf> {
        match &self.chunk.bloom_filter {
            Some(filter) => Some(filter),
            None => None,
        }
    }

    pub const fn uncompressed_bytes(&self) -> u64 {
        self.chunk.uncompressed_bytes
    }

    pub const fn compressed_bytes(&self) -> u64 {
        self.chunk.compressed_bytes
    }

    /// Appends its `ColumnMetaData`. `bloom_filter` is the offset and length of its bloom filter.
    pub fn write_metadata(&self, options: &ChunkOptions, bloom_filter: Option<(i64, i32)>, out: &mut Vec<u8>) {
        let Self { part, chunk, pages, encoded, start } = self;
        let has_dictionary = chunk.dictionary_page.is_some();
        // In the order of the format's enum. RLE is the encoding of the levels.
        let encodings = match chunk.encoding {
            encoding if has_dictionary => &[Encoding::PLAIN, Encoding::RLE, encoding][..],
            Encoding::PLAIN => &[Encoding::PLAIN, Encoding::RLE],
            encoding => &[Encoding::RLE, encoding],
        };
        let dictionary = (PageType::DICTIONARY_PAGE, Encoding::PLAIN, 1);
        let kinds =
            &[dictionary, (PageType::DATA_PAGE_V2, chunk.encoding, pages.len())][usize::from(!has_dictionary)..];
        write_struct(out, |metadata| {
            metadata.i32(1, options.descriptor.physical_type() as i32);
            metadata.integers(2, Type::I32, encodings.iter().map(|encoding| *encoding as i64));
            metadata.encoded(3, Type::List, &options.path);
            metadata.i32(4, chunk.codec as i32);
            metadata.i64(5, chunk.num_levels as i64);
            metadata.i64(6, chunk.uncompressed_bytes as i64);
            metadata.i64(7, chunk.compressed_bytes as i64);
            metadata.i64(9, (start + pages.first().map_or(0, |page| page.offset)) as i64);
            if let Some(page) = chunk.dictionary_page {
                metadata.i64(11, (start + page) as i64);
            }
            metadata.encoded(12, Type::Struct, &part.encoded[*encoded..chunk.statistics_end]);
            metadata.list(13, Type::Struct, kinds.iter(), |out, (page_type, encoding, count)| {
                write_struct(out, |pages| {
                    pages.i32(1, *page_type as i32);
                    pages.i32(2, *encoding as i32);
                    pages.i32(3, *count as i32);
                });
            });
            if let Some((offset, len)) = bloom_filter {
                metadata.i64(14, offset);
                metadata.i32(15, len);
            }
            metadata.encoded(16, Type::Struct, &part.encoded[chunk.statistics_end..chunk.sizes_end]);
        });
    }

    /// Its column index; empty if it has none.
    pub fn column_index(&self) -> &[u8] {
        &self.part.encoded[self.chunk.sizes_end..self.chunk.column_index_end]
    }

    /// Appends its offset index.
    pub fn write_offset_index(&self, out: &mut Vec<u8>) {
        write_offset_index(out, self.pages, self.start);
    }
}
