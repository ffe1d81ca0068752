//! Writes one column chunk: the pages of a leaf, and their metadata.
//!
//! ```text
//! dictionary page   the distinct values, if most values are repetitions         compressed
//! data page (V2)    repetition levels   definition levels                       not compressed
//!                   values, or their indexes in the dictionary                  compressed if that makes them smaller
//! ```
//!
//! A chunk of less than 1 KiB has no codec at all.
//!
//! A chunk has a dictionary for all of its values or for none. Pages end between rows.

use parquet::{
    basic::{CompressionCodec, Encoding},
    bloom_filter::Sbbf,
    schema::types::ColumnDescPtr,
};

use super::{
    EncodeOptions, bit_packing, bug,
    codec::Compressor,
    delta,
    dictionary::{Dictionary, Length},
    hybrid,
    leaf::{Histograms, Leaf, LeafValues, LevelBuffers},
    metadata::{
        chunk::{ChunkFacts, PartMetadata},
        page_header::{DataPage, PageSizes, write_data_page, write_dictionary_page},
        page_index::PageLocation,
    },
    statistics::{MinMax, PageStatistics, num_nans},
};
use crate::{
    config::Compression,
    error::{Error, Result},
};

/// Memory that is reused for every chunk.
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
    /// Releases the memory that a text of many megabytes or a list of millions of elements took.
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
    /// The same codec, as the footer names it.
    pub codec: CompressionCodec,
    /// The path of the leaf in the schema, encoded for the footer.
    pub path: Vec<u8>,
    pub bloom_filter: bool,
}

/// Appends the pages of `leaf`, which has `num_rows` rows (at least one), to `out`, and their metadata to `metadata`.
/// Returns the minimum and maximum of the chunk.
pub(super) fn write<'a>(
    leaf: &Leaf<'a>,
    num_rows: usize,
    options: &ChunkOptions,
    scratch: &'a mut ChunkScratch,
    out: &mut Vec<u8>,
    metadata: &mut PartMetadata,
) -> Result<Option<MinMax<'a>>> {
    let ChunkScratch { compressor, dictionary, levels, values, page } = scratch;
    let is_small = leaf.values.plain_bytes((0, leaf.values.len()), false) < EncodeOptions::MIN_COMPRESSED_CHUNK_BYTES;
    let (compression, codec) = if is_small {
        (Compression::None, CompressionCodec::UNCOMPRESSED)
    } else {
        (options.compression, options.codec)
    };
    let dictionary = leaf.values.fill(dictionary).then_some(&*dictionary);
    let mut chunk = Chunk { out, compressed_bytes: 0, uncompressed_bytes: 0 };
    let mut dictionary_page = None;
    if let Some(dictionary) = dictionary {
        page.clear();
        // Always compressed, since the header of a dictionary page cannot say that it is not.
        compressor.append(compression, dictionary.page(), page)?;
        let num_values = dictionary.len() as i32;
        let write_header = |out: &mut Vec<u8>, sizes| write_dictionary_page(out, num_values, sizes);
        dictionary_page = Some(chunk.write(write_header, page, dictionary.page().len())?.0);
    }
    let index_width = match dictionary {
        Some(dictionary) => index_width(dictionary, compressor, compression)?,
        None => 0,
    };
    let is_flat = options.descriptor.max_rep_level() == 0;
    let mut pages: Vec<PageStatistics<'_>> = Vec::new();
    let (mut row, mut value) = (0, 0);
    let mut encoding = Encoding::PLAIN;
    while row < num_rows {
        let (end_row, end_value) = end_of_page(leaf, num_rows, (row, value), dictionary.is_some());
        let num_values = end_value - value;

        page.clear();
        let mut histograms = Histograms::default();
        let written = leaf.levels.write((row, end_row), num_values, levels, &mut histograms, page);
        encoding =
            leaf.values.encode((value, end_value), dictionary.map(|dictionary| (dictionary, index_width)), values);
        let is_compressed = append_compressed(compressor, compression, values, page)?;
        let values_len = values.len();
        // Frees the values of a huge page before the page is copied to `out`.
        values.clear();
        values.shrink_to(EncodeOptions::KEPT_SCRATCH_BYTES);
        let num_nulls = written.num_levels - num_values;
        let header = DataPage {
            num_levels: written.num_levels as i32,
            num_nulls: num_nulls as i32,
            num_rows: (end_row - row) as i32,
            encoding,
            definition_bytes: written.definition_bytes as i32,
            repetition_bytes: written.repetition_bytes as i32,
            is_compressed,
        };
        let level_bytes = written.repetition_bytes + written.definition_bytes;
        let write_header = |out: &mut Vec<u8>, sizes| write_data_page(out, &header, sizes);
        let (offset, bytes) = chunk.write(write_header, page, level_bytes + values_len)?;
        // Frees a huge page once it is copied.
        page.clear();
        page.shrink_to(EncodeOptions::KEPT_SCRATCH_BYTES);

        let text_bytes = leaf.values.text_bytes((value, end_value));
        metadata.add_page(PageLocation { offset, bytes, first_row: row as u64, text_bytes });
        // Lists get no minimum and maximum, since readers cannot skip pages by those of list elements.
        let extremes = if is_flat { MinMax::from_values(&leaf.values, (value, end_value), dictionary) } else { None };
        pages.push(PageStatistics {
            num_values,
            num_nulls,
            num_nans: num_nans(&leaf.values, (value, end_value)).filter(|_| is_flat),
            extremes,
            histograms,
        });
        (row, value) = (end_row, end_value);
    }

    let whole = pages.iter().cloned().reduce(|mut whole, page| {
        whole.join(&page);
        whole
    });
    let whole = whole.ok_or_else(|| Error::Bug("a column chunk without rows".to_owned()))?;
    let bloom_filter = if options.bloom_filter && value > 0 { leaf.values.bloom_filter(dictionary)? } else { None };
    metadata.add(ChunkFacts {
        whole: &whole,
        pages: &pages,
        is_flat,
        uncompressed_bytes: chunk.uncompressed_bytes,
        compressed_bytes: chunk.compressed_bytes,
        dictionary_page,
        codec,
        encoding,
        text_bytes: leaf.values.text_bytes((0, value)),
        bloom_filter,
    });
    Ok(whole.extremes)
}

/// The end (row and value) of a page that begins at `row` and `value`.
fn end_of_page(leaf: &Leaf<'_>, num_rows: usize, (row, value): (usize, usize), by_index: bool) -> (usize, usize) {
    if leaf.is_null() {
        return (num_rows, value);
    }
    let most = num_rows.min(row + EncodeOptions::DATA_PAGE_ROWS);
    let elements = leaf.levels.elements_before(row);
    let fits = |end_row: usize, end_value: usize| {
        // Null elements take two bytes of levels.
        let nulls = (leaf.levels.elements_before(end_row) - elements).saturating_sub(end_value - value);
        let bytes = leaf.values.plain_bytes((value, end_value), by_index) + 2 * nulls;
        end_row == row + 1 || bytes <= EncodeOptions::DATA_PAGE_BYTES
    };
    let end_value = if most == num_rows { leaf.values.len() } else { leaf.levels.values_before(most) };
    if fits(most, end_value) {
        return (most, end_value);
    }
    // Binary search for the last row that still fits.
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

/// Number of bits of a chunk's dictionary indexes. zstd finds repetitions and frequent values in whole bytes, but
/// nothing in indexes that begin at any bit, so a wider index can be smaller after compression.
fn index_width(dictionary: &Dictionary, compressor: &mut Compressor, compression: Compression) -> Result<u32> {
    let least = bit_packing::width_of(dictionary.len() as u64 - 1);
    if !matches!(compression, Compression::Zstd(_)) {
        return Ok(least);
    }
    match least {
        // Several indexes per byte still compress well.
        0..=3 => Ok(least),
        4..=8 => Ok(8),
        // Two bytes pay if indexes repeat much; a few thousand are compressed in both widths to find out.
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

/// Appends `values` compressed, or as they are if that is not longer. Returns whether they are compressed.
fn append_compressed(
    compressor: &mut Compressor,
    compression: Compression,
    values: &[u8],
    page: &mut Vec<u8>,
) -> Result<bool> {
    let start = page.len();
    if compression != Compression::None && values.len() >= EncodeOptions::MIN_COMPRESSED_BYTES {
        compressor.append(compression, values, page)?;
        if page.len() - start < values.len() {
            return Ok(true);
        }
        page.truncate(start);
    }
    page.extend_from_slice(values);
    Ok(false)
}

/// Appends the pages of one chunk, with their headers, and counts their bytes.
struct Chunk<'a> {
    /// Already contains earlier chunks.
    out: &'a mut Vec<u8>,
    uncompressed_bytes: u64,
    compressed_bytes: u64,
}

impl Chunk<'_> {
    /// Appends a header and `page`, which had `uncompressed_len` bytes before compression. Returns the offset and
    /// length of both together.
    fn write(
        &mut self,
        write_header: impl FnOnce(&mut Vec<u8>, PageSizes),
        page: &[u8],
        uncompressed_len: usize,
    ) -> Result<(u64, i32)> {
        let too_long = || Error::Bug(format!("a page of {uncompressed_len} bytes"));
        let (Ok(uncompressed), Ok(compressed)) = (i32::try_from(uncompressed_len), i32::try_from(page.len())) else {
            return Err(too_long());
        };
        let start = self.out.len();
        write_header(self.out, PageSizes { uncompressed, compressed });
        let header_bytes = self.out.len() - start;
        self.out.extend_from_slice(page);
        let bytes = i32::try_from(self.out.len() - start).map_err(|_| too_long())?;
        self.uncompressed_bytes += (header_bytes + uncompressed_len) as u64;
        self.compressed_bytes += bytes as u64;
        Ok((start as u64, bytes))
    }
}

impl LeafValues<'_> {
    /// Fills the dictionary with all values, if that is worth it; returns whether it is.
    fn fill(&self, dictionary: &mut Dictionary) -> bool {
        match self {
            // Names and codes repeat.
            Self::Text(texts) => dictionary.build(texts.iter(), texts.len(), Length::Written),
            // Scores repeat.
            Self::Float64(values) => {
                dictionary.build(values.iter().map(|value| value.to_le_bytes()), values.len(), Length::Known)
            }
            // Instants ascend and durations are small: differences take a fraction of the space, a dictionary more than
            // that.
            Self::Int64(_) | Self::Bool(_) => false,
        }
    }

    /// Appends the values `from..to` and returns their encoding. `dictionary` comes with the number of bits of an
    /// index.
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
            // Lengths and bytes are separate, since each compresses better alone.
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
            // One bit each: the run-length form is newer than some readers.
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

    /// Estimated bytes of values in a page, before compression.
    fn plain_bytes(&self, (from, to): (usize, usize), by_index: bool) -> usize {
        match self {
            _ if by_index => (to - from) * 4,
            Self::Text(texts) => texts.start(to) - texts.start(from) + (to - from),
            Self::Int64(_) | Self::Float64(_) => (to - from) * 8,
            Self::Bool(_) => (to - from) / 8,
        }
    }

    /// Bytes of texts alone, without what the format adds; none for other types.
    fn text_bytes(&self, (from, to): (usize, usize)) -> Option<u64> {
        match self {
            Self::Text(texts) => Some((texts.start(to) - texts.start(from)) as u64),
            _ => None,
        }
    }

    /// A bloom filter of all values; none for booleans.
    fn bloom_filter(&self, dictionary: Option<&Dictionary>) -> Result<Option<Sbbf>> {
        let rate = EncodeOptions::BLOOM_FILTER_ERROR_RATE;
        // Sized for the maximum possible number of distinct values; folded down afterwards to what is needed.
        let most = dictionary.map_or(self.len(), Dictionary::len);
        let mut filter = Sbbf::new_with_ndv_fpp(most as u64, rate).map_err(|error| bug(&error))?;
        match (self, dictionary) {
            (_, Some(dictionary)) => (0..dictionary.len()).for_each(|index| filter.insert(dictionary.get(index))),
            (Self::Text(texts), None) => texts.iter().for_each(|text| filter.insert(text)),
            (Self::Int64(values), None) => values.iter().for_each(|value| filter.insert(value)),
            (Self::Float64(values), None) => values.iter().for_each(|value| filter.insert(value)),
            (Self::Bool(_), None) => return Ok(None),
        }
        // Readers treat 0.0 and -0.0 as equal, but the filter hashes them differently, so both are inserted.
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
