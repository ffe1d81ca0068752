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
    schema::types::ColumnDescPtr,
};

use super::{
    EncodeOptions, bit_packing,
    codec::Compressor,
    dictionary::Dictionary,
    hybrid,
    leaf::{Histograms, Leaf, LevelBuffers},
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
    let mut writer = ChunkWriter {
        out,
        metadata,
        compression,
        compressor,
        levels,
        values,
        page,
        compressed_bytes: 0,
        uncompressed_bytes: 0,
    };
    let dictionary = leaf.values.fill(dictionary).then_some(&*dictionary);
    let mut dictionary_page = None;
    let mut index_width = 0;
    if let Some(dictionary) = dictionary {
        dictionary_page = Some(writer.write_dictionary(dictionary)?);
        index_width = writer.index_width(dictionary)?;
    }
    let indexes = dictionary.map(|dictionary| (dictionary, index_width));

    let is_flat = options.descriptor.max_rep_level() == 0;
    let mut encoding = Encoding::PLAIN;
    let mut pages: Vec<PageStatistics<'_>> = Vec::new();
    let (mut row, mut value) = (0, 0);
    while row < num_rows {
        let (end_row, end_value) = end_of_page(leaf, num_rows, (row, value), dictionary.is_some());
        let page = writer.write_page(leaf, (row, end_row), (value, end_value), indexes)?;
        encoding = page.encoding;
        pages.push(PageStatistics {
            num_values: end_value - value,
            num_nulls: page.num_nulls,
            num_nans: num_nans(&leaf.values, (value, end_value)).filter(|_| is_flat),
            // Lists get no minimum and maximum, since readers cannot skip pages by those of list elements.
            extremes: if is_flat { MinMax::from_values(&leaf.values, (value, end_value), dictionary) } else { None },
            histograms: page.histograms,
        });
        (row, value) = (end_row, end_value);
    }

    let whole = pages.iter().cloned().reduce(|mut whole, page| {
        whole.join(&page);
        whole
    });
    let whole = whole.ok_or_else(|| Error::Bug("a column chunk without rows".to_owned()))?;
    let bloom_filter = if options.bloom_filter && value > 0 { leaf.values.bloom_filter(dictionary)? } else { None };
    let ChunkWriter { metadata, uncompressed_bytes, compressed_bytes, .. } = writer;
    metadata.add(ChunkFacts {
        whole: &whole,
        pages: &pages,
        is_flat,
        uncompressed_bytes,
        compressed_bytes,
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

/// A data page that was appended.
struct WrittenPage {
    encoding: Encoding,
    num_nulls: usize,
    histograms: Histograms,
}

/// Appends the pages of one chunk, with their headers, and counts their bytes.
struct ChunkWriter<'a> {
    /// Already contains earlier chunks.
    out: &'a mut Vec<u8>,
    metadata: &'a mut PartMetadata,
    compression: Compression,
    compressor: &'a mut Compressor,
    levels: &'a mut LevelBuffers,
    /// See [`ChunkScratch`].
    values: &'a mut Vec<u8>,
    page: &'a mut Vec<u8>,
    uncompressed_bytes: u64,
    compressed_bytes: u64,
}

impl ChunkWriter<'_> {
    /// Appends the dictionary page and returns its offset.
    fn write_dictionary(&mut self, dictionary: &Dictionary) -> Result<u64> {
        self.page.clear();
        // Always compressed, since the header of a dictionary page cannot say that it is not.
        self.compressor.append(self.compression, dictionary.page(), self.page)?;
        let num_values = dictionary.len() as i32;
        let write_header = |out: &mut Vec<u8>, sizes| write_dictionary_page(out, num_values, sizes);
        Ok(self.append_page(write_header, dictionary.page().len())?.0)
    }

    /// Appends a data page with these rows and values. `indexes` is the chunk's dictionary and the number of bits of an
    /// index.
    fn write_page(
        &mut self,
        leaf: &Leaf<'_>,
        (row, end_row): (usize, usize),
        (value, end_value): (usize, usize),
        indexes: Option<(&Dictionary, u32)>,
    ) -> Result<WrittenPage> {
        let num_values = end_value - value;
        self.page.clear();
        let mut histograms = Histograms::default();
        let written = leaf.levels.write((row, end_row), num_values, self.levels, &mut histograms, self.page);
        let encoding = leaf.values.encode((value, end_value), indexes, self.values);
        let is_compressed = self.append_values()?;
        let values_len = self.values.len();
        // Frees the values of a huge page before the page is copied to `out`.
        self.values.clear();
        self.values.shrink_to(EncodeOptions::KEPT_SCRATCH_BYTES);
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
        let (offset, bytes) = self.append_page(write_header, level_bytes + values_len)?;
        // Frees a huge page once it is copied.
        self.page.clear();
        self.page.shrink_to(EncodeOptions::KEPT_SCRATCH_BYTES);
        let text_bytes = leaf.values.text_bytes((value, end_value));
        self.metadata.add_page(PageLocation { offset, bytes, first_row: row as u64, text_bytes });
        Ok(WrittenPage { encoding, num_nulls, histograms })
    }

    /// Appends the values to the page: compressed, or as they are if that is not longer. Returns whether they are
    /// compressed.
    fn append_values(&mut self) -> Result<bool> {
        let start = self.page.len();
        if self.compression != Compression::None && self.values.len() >= EncodeOptions::MIN_COMPRESSED_BYTES {
            self.compressor.append(self.compression, self.values, self.page)?;
            if self.page.len() - start < self.values.len() {
                return Ok(true);
            }
            self.page.truncate(start);
        }
        self.page.extend_from_slice(self.values);
        Ok(false)
    }

    /// Appends a header and the page, which had `uncompressed_len` bytes before compression. Returns the offset and
    /// length of both together.
    fn append_page(
        &mut self,
        write_header: impl FnOnce(&mut Vec<u8>, PageSizes),
        uncompressed_len: usize,
    ) -> Result<(u64, i32)> {
        let too_long = || Error::Bug(format!("a page of {uncompressed_len} bytes"));
        let (Ok(uncompressed), Ok(compressed)) = (i32::try_from(uncompressed_len), i32::try_from(self.page.len()))
        else {
            return Err(too_long());
        };
        let start = self.out.len();
        write_header(self.out, PageSizes { uncompressed, compressed });
        let header_bytes = self.out.len() - start;
        self.out.extend_from_slice(self.page);
        let bytes = i32::try_from(self.out.len() - start).map_err(|_| too_long())?;
        self.uncompressed_bytes += (header_bytes + uncompressed_len) as u64;
        self.compressed_bytes += bytes as u64;
        Ok((start as u64, bytes))
    }

    /// Number of bits of the dictionary indexes. zstd finds repetitions and frequent values in whole bytes, but nothing
    /// in indexes that begin at any bit, so a wider index can be smaller after compression.
    fn index_width(&mut self, dictionary: &Dictionary) -> Result<u32> {
        let least = bit_packing::width_of(dictionary.len() as u64 - 1);
        if !matches!(self.compression, Compression::Zstd(_)) {
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
                    self.compressor
                        .append(self.compression, &packed, &mut compressed)
                        .map(|()| compressed.len().min(packed.len()))
                };
                Ok(if size(16)? < size(least)? { 16 } else { least })
            }
        }
    }
}
