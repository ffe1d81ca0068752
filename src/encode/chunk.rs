//! One column chunk: the pages of a leaf, and what is to be said of them.
//!
//! ```text
//! dictionary page   the different values, if most values are repetitions        compressed
//! data page (V2)    repetition levels   definition levels                       as they are
//!                   values, or their indexes in the dictionary                  compressed if that makes them smaller
//! ```
//!
//! A chunk has a dictionary for all of its values or for none. Pages end between rows.

use bytes::Bytes;
use parquet::{
    basic::{Compression as Codec, Encoding, EncodingMask, PageType},
    bloom_filter::Sbbf,
    column::{
        page::{CompressedPage, Page, PageWriteSpec, PageWriter},
        writer::ColumnCloseResult,
    },
    file::{
        metadata::{ColumnChunkMetaData, LevelHistogram, OffsetIndexBuilder, PageEncodingStats},
        writer::{SerializedPageWriter, TrackedWrite},
    },
    schema::types::ColumnDescPtr,
};

use super::{
    EncodeOptions, bit_packing, bug,
    codec::Compressor,
    delta,
    dictionary::{Dictionary, Length},
    hybrid,
    leaf::{Histograms, Leaf, LeafValues, LevelBuffers},
    statistics::{Extremes, Facts, column_index, num_nans},
};
use crate::{config::Compression, error::Result};

/// Memory that is used again for every chunk.
#[derive(Default)]
pub(super) struct ChunkScratch {
    compressor: Compressor,
    dictionary: Dictionary,
    levels: LevelBuffers,
    /// Values of a page before compression; empty between pages.
    values: Vec<u8>,
    /// A page as it is stored, without its header.
    page: Vec<u8>,
}

impl ChunkScratch {
    /// Gives back what a text of many megabytes, or a list of millions of elements, has taken.
    pub fn trim(&mut self) {
        self.levels.trim(EncodeOptions::KEPT_SCRATCH_BYTES);
        self.values.shrink_to(EncodeOptions::KEPT_SCRATCH_BYTES);
        self.page.shrink_to(EncodeOptions::KEPT_SCRATCH_BYTES);
    }
}

/// How chunks of one leaf are written.
#[derive(Debug, Clone)]
pub(super) struct ChunkOptions {
    pub descriptor: ColumnDescPtr,
    pub compression: Compression,
    /// The same, as the footer says it.
    pub codec: Codec,
    pub bloom_filter: bool,
}

/// Where the pages go: row groups have all of theirs in one buffer.
pub(super) type PageSink = TrackedWrite<Vec<u8>>;

/// Appends the pages of `leaf`, which has `num_rows` rows, to `sink`; places in what it gives count from its beginning.
pub(super) fn write(
    leaf: &Leaf<'_>,
    num_rows: usize,
    options: &ChunkOptions,
    scratch: &mut ChunkScratch,
    sink: &mut PageSink,
) -> Result<ColumnCloseResult> {
    let ChunkScratch { compressor, dictionary, levels, values, page } = scratch;
    let dictionary = leaf.values.fill(dictionary).then_some(&*dictionary);
    let mut chunk = Chunk { totals: Totals::default(), writer: SerializedPageWriter::new(sink), page };

    if let Some(dictionary) = dictionary {
        chunk.page.clear();
        // A dictionary page cannot say that it is not compressed.
        compressor.append(options.compression, dictionary.page(), chunk.page)?;
        chunk.write_dictionary(dictionary)?;
    }
    let index_width = match dictionary {
        Some(dictionary) => index_width(dictionary, compressor, options.compression)?,
        None => 0,
    };
    let flat = options.descriptor.max_rep_level() == 0;
    let mut pages: Vec<Facts<'_>> = Vec::new();
    let mut offset_index = OffsetIndexBuilder::new();
    let (mut row, mut value) = (0, 0);
    while row < num_rows {
        let (end_row, end_value) = end_of_page(leaf, num_rows, (row, value), dictionary.is_some());
        let num_values = end_value - value;

        chunk.page.clear();
        let mut histograms = Histograms::default();
        let written = leaf.levels.write((row, end_row), num_values, levels, &mut histograms, chunk.page);
        let encoding =
            leaf.values.encode((value, end_value), dictionary.map(|dictionary| (dictionary, index_width)), values);
        let is_compressed = append_compressed(compressor, options.compression, values, chunk.page)?;
        let values_len = values.len();
        // The values of a huge page are not needed beside the pages that it is copied to.
        values.clear();
        values.shrink_to(EncodeOptions::KEPT_SCRATCH_BYTES);
        let header = Page::DataPageV2 {
            buf: Bytes::new(),
            num_values: written.num_levels as u32,
            encoding,
            num_nulls: (written.num_levels - num_values) as u32,
            num_rows: (end_row - row) as u32,
            def_levels_byte_len: written.definition_bytes as u32,
            rep_levels_byte_len: written.repetition_bytes as u32,
            is_compressed,
            statistics: None,
        };
        let level_bytes = written.repetition_bytes + written.definition_bytes;
        let spec = chunk.write(header, level_bytes + values_len)?;
        // What a huge page took is not needed beside the copy of it.
        chunk.page.clear();
        chunk.page.shrink_to(EncodeOptions::KEPT_SCRATCH_BYTES);

        offset_index.append_row_count((end_row - row) as i64);
        offset_index.append_offset_and_size(spec.offset as i64, spec.compressed_size as i32);
        offset_index.append_unencoded_byte_array_data_bytes(leaf.values.text_bytes((value, end_value)));
        // Nobody can skip by the least and greatest element of all lists.
        let extremes = if flat { Extremes::of(&leaf.values, (value, end_value), dictionary) } else { None };
        pages.push(Facts {
            num_values,
            num_nulls: written.num_levels - num_values,
            num_nans: num_nans(&leaf.values, (value, end_value)).filter(|_| flat),
            extremes,
            histograms,
        });
        (row, value) = (end_row, end_value);
    }

    let physical = options.descriptor.physical_type();
    let column_index = if flat { Some(column_index(physical, &pages).map_err(|error| bug(&error))?) } else { None };
    let bloom_filter = if options.bloom_filter && value > 0 { leaf.values.bloom_filter(dictionary)? } else { None };
    let totals = chunk.totals;
    Ok(ColumnCloseResult {
        bytes_written: totals.compressed_bytes as u64,
        rows_written: num_rows as u64,
        metadata: totals.into_metadata(options, pages, &leaf.values)?,
        bloom_filter,
        column_index,
        offset_index: Some(offset_index.build()),
    })
}

/// The row and the value at which a page that begins at `row` and `value` ends.
fn end_of_page(leaf: &Leaf<'_>, num_rows: usize, (row, value): (usize, usize), by_index: bool) -> (usize, usize) {
    if leaf.is_null() {
        return (num_rows, value);
    }
    let most = num_rows.min(row + EncodeOptions::DATA_PAGE_ROWS);
    let elements = leaf.levels.elements_before(row);
    let fits = |end_row: usize, end_value: usize| {
        // Elements without a value have their two levels all the same.
        let nulls = (leaf.levels.elements_before(end_row) - elements).saturating_sub(end_value - value);
        let bytes = leaf.values.plain_bytes((value, end_value), by_index) + 2 * nulls;
        end_row == row + 1 || bytes <= EncodeOptions::DATA_PAGE_BYTES
    };
    let end_value = if most == num_rows { leaf.values.len() } else { leaf.levels.values_before(most) };
    if fits(most, end_value) {
        return (most, end_value);
    }
    // The last row with which it fits lies in between.
    let (mut inside, mut outside) = (row + 1, most);
    while outside - inside > 1 {
        let middle = inside.midpoint(outside);
        if fits(middle, leaf.levels.values_before(middle)) {
            inside = middle;
        } else {
            outside = middle;
        }
    }
    (inside, leaf.levels.values_before(inside))
}

/// Bits of each index of a chunk. zstd finds repetitions and frequent values where indexes are whole bytes, and nothing
/// where they begin at any bit: then more bytes before compression are fewer after it.
fn index_width(dictionary: &Dictionary, compressor: &mut Compressor, compression: Compression) -> Result<u32> {
    let least = bit_packing::width_of(dictionary.len() as u64 - 1);
    if !matches!(compression, Compression::Zstd(_)) {
        return Ok(least);
    }
    match least {
        // Several indexes in a byte are found again well enough.
        0..=3 => Ok(least),
        4..=8 => Ok(8),
        // Two bytes pay if much is repeated: a few thousand indexes are tried.
        _ => {
            let indexes = dictionary.indexes();
            let some = &indexes[..indexes.len().min(EncodeOptions::INDEX_WIDTH_TRIAL)];
            let (mut packed, mut compressed) = (Vec::new(), Vec::new());
            let mut size = |width: u32| {
                packed.clear();
                compressed.clear();
                hybrid::write(some, width, &mut packed);
                compressor.append(compression, &packed, &mut compressed).map(|()| compressed.len().min(packed.len()))
            };
            Ok(if size(16)? < size(least)? { 16 } else { least })
        }
    }
}

/// Appends `values` compressed, or as they are where that is no longer; says which.
fn append_compressed(
    compressor: &mut Compressor,
    compression: Compression,
    values: &[u8],
    page: &mut Vec<u8>,
) -> Result<bool> {
    let start = page.len();
    if compression != Compression::None && values.len() >= EncodeOptions::LEAST_COMPRESSED_BYTES {
        compressor.append(compression, values, page)?;
        if page.len() - start < values.len() {
            return Ok(true);
        }
        page.truncate(start);
    }
    page.extend_from_slice(values);
    Ok(false)
}

/// The pages written so far.
struct Chunk<'a> {
    totals: Totals,
    writer: SerializedPageWriter<'a, Vec<u8>>,
    page: &'a mut Vec<u8>,
}

#[derive(Default)]
struct Totals {
    compressed_bytes: usize,
    uncompressed_bytes: usize,
    dictionary_page: Option<u64>,
    data_page: Option<u64>,
    encodings: Vec<PageEncodingStats>,
}

impl Chunk<'_> {
    fn write_dictionary(&mut self, dictionary: &Dictionary) -> Result<()> {
        let num_values = dictionary.len() as u32;
        let header =
            Page::DictionaryPage { buf: Bytes::new(), num_values, encoding: Encoding::PLAIN, is_sorted: false };
        self.write(header, dictionary.page().len()).map(drop)
    }

    /// Writes what is in `page` behind its header; before compression it had `uncompressed_bytes`.
    fn write(&mut self, mut header: Page, uncompressed_bytes: usize) -> Result<PageWriteSpec> {
        let (page_type, encoding) = (header.page_type(), header.encoding());
        let bytes = Bytes::from(std::mem::take(self.page));
        if let Page::DataPageV2 { buf, .. } | Page::DictionaryPage { buf, .. } = &mut header {
            *buf = bytes.clone();
        }
        let written = self.writer.write_page(CompressedPage::new(header, uncompressed_bytes));
        // Nobody else has it any more, so this gives the memory back.
        *self.page = Vec::from(bytes);
        let spec = written.map_err(|error| bug(&error))?;
        self.totals.add(page_type, encoding, &spec);
        Ok(spec)
    }
}

impl Totals {
    fn add(&mut self, page_type: PageType, encoding: Encoding, spec: &PageWriteSpec) {
        self.compressed_bytes += spec.compressed_size;
        self.uncompressed_bytes += spec.uncompressed_size;
        let first =
            if page_type == PageType::DICTIONARY_PAGE { &mut self.dictionary_page } else { &mut self.data_page };
        first.get_or_insert(spec.offset);
        match self.encodings.last_mut() {
            Some(last) if last.page_type == page_type => last.count += 1,
            _ => self.encodings.push(PageEncodingStats { page_type, encoding, count: 1 }),
        }
    }

    /// What the footer says about the chunk.
    fn into_metadata(
        self,
        options: &ChunkOptions,
        pages: Vec<Facts<'_>>,
        values: &LeafValues<'_>,
    ) -> Result<ColumnChunkMetaData> {
        let descriptor = &options.descriptor;
        let mut encodings = EncodingMask::default();
        // That of the levels.
        encodings.insert(Encoding::RLE);
        self.encodings.iter().for_each(|pages| encodings.insert(pages.encoding));
        let mut builder = ColumnChunkMetaData::builder(descriptor.clone())
            .set_compression(options.codec)
            .set_encodings_mask(encodings)
            .set_page_encoding_stats(self.encodings)
            .set_total_compressed_size(self.compressed_bytes as i64)
            .set_total_uncompressed_size(self.uncompressed_bytes as i64)
            .set_data_page_offset(self.data_page.unwrap_or(0) as i64)
            .set_dictionary_page_offset(self.dictionary_page.map(|offset| offset as i64));
        let whole = pages.into_iter().reduce(|mut whole, page| {
            whole.join(&page);
            whole
        });
        if let Some(whole) = whole {
            builder = builder
                .set_num_values((whole.num_values + whole.num_nulls) as i64)
                .set_statistics(whole.to_statistics(descriptor.physical_type()))
                .set_unencoded_byte_array_data_bytes(values.text_bytes((0, whole.num_values)))
                .set_definition_level_histogram(Some(LevelHistogram::from(whole.histograms.definition)));
            if descriptor.max_rep_level() > 0 {
                let repetition = LevelHistogram::from(whole.histograms.repetition);
                builder = builder.set_repetition_level_histogram(Some(repetition));
            }
        }
        builder.build().map_err(|error| bug(&error))
    }
}

impl LeafValues<'_> {
    /// Fills the dictionary with all values, where that is worth it.
    fn fill(&self, dictionary: &mut Dictionary) -> bool {
        match self {
            // Names and codes repeat.
            Self::Text(texts) => dictionary.build(texts.iter(), texts.len(), Length::Written),
            // Scores repeat.
            Self::Float64(values) => {
                dictionary.build(values.iter().map(|value| value.to_le_bytes()), values.len(), Length::Known)
            }
            // Instants rise and durations are small: differences take a fraction, a dictionary more than that.
            Self::Int64(_) | Self::Bool(_) => false,
        }
    }

    /// Appends the values `from..to`, and says how. Of a dictionary it is said how many bits an index has.
    fn encode(
        &self,
        (from, to): (usize, usize),
        dictionary: Option<(&Dictionary, u32)>,
        out: &mut Vec<u8>,
    ) -> Encoding {
        if let Some((dictionary, width)) = dictionary {
            out.push(width as u8);
            hybrid::write(&dictionary.indexes()[from..to], width, out);
            return Encoding::RLE_DICTIONARY;
        }
        match self {
            // Lengths apart from the bytes: both compress better alone.
            Self::Text(texts) => {
                delta::write_texts(texts, from, to, out);
                Encoding::DELTA_LENGTH_BYTE_ARRAY
            }
            Self::Int64(values) => {
                delta::write_integers(&values[from..to], out);
                Encoding::DELTA_BINARY_PACKED
            }
            Self::Float64(values) => {
                out.extend(values[from..to].iter().flat_map(|value| value.to_le_bytes()));
                Encoding::PLAIN
            }
            // A bit each; the run-length form is younger than some readers.
            Self::Bool(values) => {
                let end = out.len() + (to - from).div_ceil(8);
                for at in (from..to).step_by(64) {
                    let rest = to - at;
                    let mask = if rest < 64 { (1 << rest) - 1 } else { u64::MAX };
                    out.extend_from_slice(&(values.word_at(at) & mask).to_le_bytes());
                }
                out.truncate(end);
                Encoding::PLAIN
            }
        }
    }

    /// About how many bytes values take in a page, before compression.
    fn plain_bytes(&self, (from, to): (usize, usize), by_index: bool) -> usize {
        match self {
            _ if by_index => (to - from) * 4,
            Self::Text(texts) => texts.start(to) - texts.start(from) + (to - from),
            Self::Int64(_) | Self::Float64(_) => (to - from) * 8,
            Self::Bool(_) => (to - from) / 8,
        }
    }

    /// Bytes of texts, without anything that the format adds.
    fn text_bytes(&self, (from, to): (usize, usize)) -> Option<i64> {
        match self {
            Self::Text(texts) => Some((texts.start(to) - texts.start(from)) as i64),
            _ => None,
        }
    }

    /// A filter of all values; none if there are none.
    fn bloom_filter(&self, dictionary: Option<&Dictionary>) -> Result<Option<Sbbf>> {
        let rate = EncodeOptions::BLOOM_FILTER_ERROR_RATE;
        // Room for as many different values as there can be; it is folded down to those that there are.
        let most = dictionary.map_or(self.len(), Dictionary::len);
        let mut filter = Sbbf::new_with_ndv_fpp(most as u64, rate).map_err(|error| bug(&error))?;
        match (self, dictionary) {
            (_, Some(dictionary)) => (0..dictionary.len()).for_each(|index| filter.insert(dictionary.get(index))),
            (Self::Text(texts), None) => texts.iter().for_each(|text| filter.insert(text)),
            (Self::Int64(values), None) => values.iter().for_each(|value| filter.insert(value)),
            (Self::Float64(values), None) => values.iter().for_each(|value| filter.insert(value)),
            (Self::Bool(_), None) => return Ok(None),
        }
        // Readers take the two zeros as equal, and the filter does not.
        if let Self::Float64(values) = self
            && values.contains(&0.0)
        {
            for zero in [0.0, -0.0] {
                filter.insert(&zero);
            }
        }
        filter.fold_to_target_fpp(rate);
        Ok(Some(filter))
    }
}
