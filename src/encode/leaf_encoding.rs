//! The values of a leaf as bytes: their encoding (dictionary indexes, differences, lengths and bytes, or plain), their
//! size, and their bloom filter.

use parquet::{basic::Encoding, bloom_filter::Sbbf};

use super::{
    EncodeOptions,
    bit_packing::pack_bits,
    bug, delta,
    dictionary::{Dictionary, Length},
    hybrid,
    leaf::LeafValues,
};
use crate::error::Result;

impl LeafValues<'_> {
    /// Fills the dictionary with all values, if that is worth it; returns whether it is.
    pub fn fill(&self, dictionary: &mut Dictionary) -> bool {
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
    pub fn encode(
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
                pack_bits(values, (from, to), out);
                Encoding::PLAIN
            }
        }
    }

    /// Estimated bytes of values in a page, before compression.
    pub fn plain_bytes(&self, (from, to): (usize, usize), by_index: bool) -> usize {
        match self {
            _ if by_index => (to - from) * 4,
            Self::Text(texts) => texts.start(to) - texts.start(from) + (to - from),
            Self::Int64(_) | Self::Float64(_) => (to - from) * 8,
            Self::Bool(_) => (to - from) / 8,
        }
    }

    /// Bytes of texts alone, without what the format adds; none for other types.
    pub fn text_bytes(&self, (from, to): (usize, usize)) -> Option<u64> {
        match self {
            Self::Text(texts) => Some((texts.start(to) - texts.start(from)) as u64),
            _ => None,
        }
    }

    /// A bloom filter of all values; none for booleans.
    pub fn bloom_filter(&self, dictionary: Option<&Dictionary>) -> Result<Option<Sbbf>> {
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
