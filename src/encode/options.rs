//! Every property of the written files that matters, set explicitly and with its reason.

use parquet::{
    basic::{Compression as Codec, Encoding, Type, ZstdLevel},
    file::properties::{BloomFilterPosition, EnabledStatistics, WriterProperties, WriterVersion},
    schema::types::{ColumnDescriptor, SchemaDescriptor},
};

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
    /// A dictionary larger than this is given up and the rest of the column written plain. Names, codes and queues
    /// fit in (3,600 UUIDs do); for unique ids the attempt costs some thousand look-ups and no more.
    pub const DICTIONARY_BYTES: usize = 128 << 10;
    /// Least and greatest text are cut to this many bytes: longer than any id, and free text does not fill the footer.
    pub const STATISTICS_BYTES: usize = 64;
    /// Rows that the writer takes at a time; dictionary and page limits are looked at in between.
    pub const WRITE_BATCH_ROWS: usize = 1024;
    /// One look-up in a hundred finds a bloom filter wrong: 10 bits for each distinct value.
    pub const BLOOM_FILTER_ERROR_RATE: f64 = 0.01;
    /// Who wrote the file. Readers parse this form to know of faults of a writer.
    pub const CREATED_BY: &'static str = concat!("partiquet version ", env!("CARGO_PKG_VERSION"));

    /// The properties that all row groups share.
    pub(super) fn properties(&self, schema: &SchemaDescriptor) -> Result<WriterProperties> {
        let Self { compression, sort_by: _, bloom_filter: _ } = self;
        let mut builder = WriterProperties::builder()
            // Version 2 brings data pages V2: levels stand outside the compressed part, pages end at row bounds.
            .set_writer_version(WriterVersion::PARQUET_2_0)
            .set_created_by(Self::CREATED_BY.to_owned())
            .set_compression(codec(*compression)?)
            .set_data_page_size_limit(Self::DATA_PAGE_BYTES)
            .set_data_page_row_count_limit(Self::DATA_PAGE_ROWS)
            .set_dictionary_page_size_limit(Self::DICTIONARY_BYTES)
            .set_write_batch_size(Self::WRITE_BATCH_ROWS)
            // A page that the codec does not make smaller is stored as it is.
            .set_data_page_v2_compression_ratio_threshold(1.0)
            // Row groups are cut by the caller.
            .set_max_row_group_row_count(None)
            .set_max_row_group_bytes(None)
            .set_content_defined_chunking(None)
            .set_offset_index_disabled(false)
            .set_statistics_enabled(EnabledStatistics::Page)
            // The page index has them; page headers would repeat them.
            .set_write_page_header_statistics(false)
            .set_statistics_truncate_length(Some(Self::STATISTICS_BYTES))
            .set_column_index_truncate_length(Some(Self::STATISTICS_BYTES))
            // Would hash every value once more.
            .set_write_row_group_number_distinct_values(false)
            // Given to single columns of a row group, sized for their values; setting its rate would switch it on.
            .set_bloom_filter_enabled(false)
            .set_bloom_filter_position(BloomFilterPosition::AfterRowGroup)
            .set_bloom_filter_for_dictionary_encoded_chunks(true)
            // The schema already has the names and types that the Parquet specification asks for.
            .set_coerce_types(false)
            // Spark, pyarrow and DuckDB refuse files without it.
            .set_write_path_in_schema(true);
        for leaf in schema.columns() {
            let path = leaf.path().clone();
            let (encoding, dictionary) = encoding(leaf.physical_type());
            builder = builder
                .set_column_encoding(path.clone(), encoding)
                .set_column_dictionary_enabled(path.clone(), dictionary);
            if is_repeated(leaf) {
                // Nobody can skip by the least and greatest element of all lists of a row group, and comparing the
                // values of a map costs more than anything else about them.
                builder = builder.set_column_statistics_enabled(path, EnabledStatistics::None);
            }
        }
        Ok(builder.build())
    }
}

/// Encoding where there is no dictionary (or no longer), and whether to try one.
const fn encoding(physical: Type) -> (Encoding, bool) {
    match physical {
        // Instants rise and durations are small: differences take a fraction, a dictionary more than that.
        Type::INT64 | Type::INT32 => (Encoding::DELTA_BINARY_PACKED, false),
        // Lengths apart from the bytes: both compress better alone.
        Type::BYTE_ARRAY => (Encoding::DELTA_LENGTH_BYTE_ARRAY, true),
        // Scores repeat.
        Type::DOUBLE => (Encoding::PLAIN, true),
        // A bit each; the run-length form is younger than some readers.
        _ => (Encoding::PLAIN, false),
    }
}

/// Whether a leaf stands inside a list or a map.
pub(super) fn is_repeated(leaf: &ColumnDescriptor) -> bool {
    leaf.max_rep_level() > 0
}

fn codec(compression: Compression) -> Result<Codec> {
    Ok(match compression {
        Compression::Zstd(level) => Codec::ZSTD(ZstdLevel::try_new(level).map_err(|_| {
            Error::usage(format!("zstd has no level {level}"), "use a level from 1 to 22; 1 is the default and fast")
        })?),
        Compression::Snappy => Codec::SNAPPY,
        Compression::Lz4 => Codec::LZ4_RAW,
        Compression::None => Codec::UNCOMPRESSED,
    })
}
