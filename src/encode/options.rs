//! Every property of the written files that matters, set explicitly, each with its reason.

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
    /// A page ends at this many bytes before compression: the size that codecs and readers handle best.
    pub const DATA_PAGE_BYTES: usize = 1 << 20;
    /// A page ends at this many rows: a full row group has four pages, for readers that skip by the page index.
    pub const DATA_PAGE_ROWS: usize = 32 << 10;
    /// Maximum bytes of a dictionary. A larger one is given up for the whole chunk, whose values are then written
    /// without it. Names, codes and queues fit (so do 3,600 UUIDs); for unique ids the attempt costs only some thousand
    /// look-ups.
    pub const DICTIONARY_BYTES: usize = 128 << 10;
    /// Minimum and maximum texts are cut to this many bytes: longer than any id, but free text does not fill the
    /// footer.
    pub const STATISTICS_BYTES: usize = 64;
    /// After this many values it is decided whether to go on with a dictionary.
    pub const DICTIONARY_TRIAL: usize = 4096;
    /// It is given up if more than this percentage of them are distinct, since they are ids then.
    pub const DICTIONARY_TRIAL_PERCENT: usize = 90;
    /// This many dictionary indexes are compressed in two widths, to choose the better one.
    pub const INDEX_WIDTH_TRIAL: usize = 4096;
    /// A page of more bytes than this gets a larger hash table for zstd(1): addresses become 3 % smaller.
    pub const LARGE_PAGE_BYTES: usize = 256 << 10;
    /// Binary logarithm of the size of that hash table; the level's own is 14.
    pub const LARGE_PAGE_HASH_LOG: u32 = 15;
    /// Fewer bytes than this are stored uncompressed: the headers of a codec take about as much.
    pub const MIN_COMPRESSED_BYTES: usize = 32;
    /// A chunk whose values take fewer bytes than this is not compressed: it would save little, and with thousands of
    /// small files take a tenth of the time.
    pub const MIN_COMPRESSED_CHUNK_BYTES: usize = 1024;
    /// Maximum bytes of a buffer that a worker keeps for the next row group: enough for several pages and for most row
    /// groups.
    pub const KEPT_SCRATCH_BYTES: usize = 4 << 20;
    /// False positive rate of bloom filters: one look-up in a hundred, at 10 bits for each distinct value.
    pub const BLOOM_FILTER_ERROR_RATE: f64 = 0.01;
    /// The writer's name and version. Readers parse this form to work around bugs of known writers.
    pub const CREATED_BY: &'static str = concat!("partiquet version ", env!("CARGO_PKG_VERSION"));

    /// The codec as the format names it.
    ///
    /// # Errors
    /// [`Error::Usage`] for a level that zstd does not have.
    pub(super) fn codec(&self) -> Result<CompressionCodec> {
        match self.compression {
            Compression::Zstd(level) if !Compression::ZSTD_LEVELS.contains(&level) => Err(Error::usage(
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
