//! Every property of the written files that matters, set explicitly and with its reason.

use parquet::basic::CompressionCodec;

use crate::{
    config::Compression,
    error::{Error, Result},
};

/// What the user decides about the files; columns are indexes into the table schema.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EncodeOptions {
    /// Codec of the pages.
    pub compression: Compression,
    /// Columns by which the rows of each row group are sorted: ascending, nulls last.
    pub sort_by: Vec<usize>,
    /// Columns that get a bloom filter.
    pub bloom_filter: Vec<usize>,
}

impl Default for EncodeOptions {
    fn default() -> Self {
        Self { compression: Compression::DEFAULT, sort_by: Vec::new(), bloom_filter: Vec::new() }
    }
}

impl EncodeOptions {
    /// A page ends at this many bytes before compression: what the codec and every reader work best with.
    pub const DATA_PAGE_BYTES: usize = 1 << 20;
    /// A page ends at this many rows: four pages in a full row group, for readers that skip by the page index.
    pub const DATA_PAGE_ROWS: usize = 32 << 10;
    /// A dictionary larger than this is given up, for the whole chunk: its values are written as they are. Names, codes and queues
    /// fit in (3,600 UUIDs do); for unique ids the attempt costs some thousand look-ups and no more.
    pub const DICTIONARY_BYTES: usize = 128 << 10;
    /// Least and greatest text are cut to this many bytes: longer than any id, and free text does not fill the footer.
    pub const STATISTICS_BYTES: usize = 64;
    /// After this many values it is seen whether there is any hope for a dictionary.
    pub const DICTIONARY_TRIAL: usize = 4096;
    /// There is none if more of them than this are different: they are ids.
    pub const DICTIONARY_TRIAL_PERCENT: usize = 90;
    /// So many indexes of a dictionary are compressed in two widths, to see which is better.
    pub const INDEX_WIDTH_TRIAL: usize = 4096;
    /// From this size on a page is worth a larger table for zstd(1): addresses get 3 % smaller.
    pub const LARGE_PAGE_BYTES: usize = 256 << 10;
    /// Its size, as a power of two; that of the level is 14.
    pub const LARGE_PAGE_HASH_LOG: u32 = 15;
    /// Fewer bytes than this are stored as they are: what a codec says of itself is about as much.
    pub const LEAST_COMPRESSED_BYTES: usize = 32;
    /// A chunk whose values take fewer bytes than this before compression has none: it saves little, and with thousands of
    /// small files it is a tenth of the time.
    pub const LEAST_COMPRESSED_CHUNK_BYTES: usize = 1024;
    /// A buffer that a worker keeps for the next row group is cut to this: several pages, and most row groups.
    pub const KEPT_SCRATCH_BYTES: usize = 4 << 20;
    /// One look-up in a hundred finds a bloom filter wrong: 10 bits for each distinct value.
    pub const BLOOM_FILTER_ERROR_RATE: f64 = 0.01;
    /// Who wrote the file. Readers parse this form to know of faults of a writer.
    pub const CREATED_BY: &'static str = concat!("partiquet version ", env!("CARGO_PKG_VERSION"));

    /// The codec, as the format names it.
    pub(super) fn codec(&self) -> Result<CompressionCodec> {
        match self.compression {
            Compression::Zstd(level) if !(1..=22).contains(&level) => Err(Error::usage(
                format!("zstd has no level {level}"),
                "use a level from 1 to 22; 1 is the default and fast",
            )),
            Compression::Zstd(_) => Ok(CompressionCodec::ZSTD),
            Compression::Snappy => Ok(CompressionCodec::SNAPPY),
            Compression::Lz4 => Ok(CompressionCodec::LZ4_RAW),
            Compression::None => Ok(CompressionCodec::UNCOMPRESSED),
        }
    }
}
