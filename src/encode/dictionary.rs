//! The different values of a column chunk, and for each value its place among them (`RLE_DICTIONARY`).

use super::EncodeOptions;

/// Different values in the order in which they were met, already in the form of a dictionary page (`PLAIN`).
#[derive(Debug, Default)]
pub(super) struct Dictionary {
    page: Vec<u8>,
    entries: Vec<Entry>,
    /// For each value added, its place. Empty if the dictionary was given up.
    indexes: Vec<u32>,
    /// Open addressing: the upper half of the hash, and the place plus one; zero where there is none.
    slots: Vec<u64>,
}

/// One of the different values.
#[derive(Debug)]
struct Entry {
    key: Key,
    /// Where its bytes begin in the page, behind their length if they have one.
    start: u32,
}

/// What is compared first; of values up to sixteen bytes it is all there is to compare.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Key {
    first: u64,
    last: u64,
    len: u32,
}

/// Whether values of a page say how long they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Length {
    /// Four bytes before each value.
    Written,
    /// All have the same.
    Known,
}

/// Slots at first; a column of a few different values touches no more memory than this.
const FIRST_SLOTS: usize = 256;

/// A look-up that meets this many others first means values chosen to meet there: the dictionary is given up.
const MOST_PROBES: usize = 128;

impl Dictionary {
    /// Takes all of `values` (`count` of them), or gives up: then it is empty.
    ///
    /// Never only a part of a chunk: some readers trip over chunks that are half dictionary and half plain.
    pub fn build<'a>(&mut self, values: impl Iterator<Item = &'a [u8]>, count: usize, length: Length) -> bool {
        self.page.clear();
        self.entries.clear();
        self.indexes.clear();
        self.slots.clear();
        self.slots.resize(FIRST_SLOTS, 0);
        self.indexes.reserve(count);
        for value in values {
            let Some(index) = self.intern(value, length) else {
                self.indexes.clear();
                return false;
            };
            self.indexes.push(index);
            let is_hopeless =
                || self.entries.len() * 100 > self.indexes.len() * EncodeOptions::DICTIONARY_TRIAL_PERCENT;
            if self.indexes.len() == EncodeOptions::DICTIONARY_TRIAL && is_hopeless() {
                self.indexes.clear();
                return false;
            }
        }
        // Otherwise most values would be stored twice, as themselves and as their indexes.
        let worth_it = self.entries.len() * 2 <= self.indexes.len() && count > 0;
        if !worth_it {
            self.indexes.clear();
        }
        worth_it
    }

    /// The dictionary page.
    pub fn page(&self) -> &[u8] {
        &self.page
    }

    /// Number of different values.
    pub const fn len(&self) -> usize {
        self.entries.len()
    }

    /// One for each value, in order.
    pub fn indexes(&self) -> &[u32] {
        &self.indexes
    }

    /// The bytes of one value.
    pub fn get(&self, index: usize) -> &[u8] {
        let Entry { key, start } = &self.entries[index];
        &self.page[*start as usize..][..key.len as usize]
    }

    /// The place of `value`, which may be new; none if there are too many.
    fn intern(&mut self, value: &[u8], length: Length) -> Option<u32> {
        let key = Key::new(value);
        let hash = key.hash(value);
        let tag = hash >> 32 << 32;
        let mask = self.slots.len() - 1;
        let mut slot = hash as usize & mask;
        for _ in 0..MOST_PROBES {
            let found = self.slots[slot];
            if found == 0 {
                return self.add(value, key, length, slot, tag);
            }
            let index = (found as u32 - 1) as usize;
            if (found ^ tag) >> 32 == 0
                && self.entries[index].key == key
                && (value.len() <= Key::WHOLE || self.get(index) == value)
            {
                return Some(index as u32);
            }
            slot = (slot + 1) & mask;
        }
        None
    }

    fn add(&mut self, value: &[u8], key: Key, length: Length, slot: usize, tag: u64) -> Option<u32> {
        if self.page.len() + value.len() + 4 > EncodeOptions::DICTIONARY_BYTES {
            return None;
        }
        if length == Length::Written {
            self.page.extend_from_slice(&(value.len() as u32).to_le_bytes());
        }
        let start = self.page.len() as u32;
        self.page.extend_from_slice(value);
        let index = self.entries.len() as u32;
        self.entries.push(Entry { key, start });
        self.slots[slot] = tag | u64::from(index + 1);
        if self.entries.len() * 2 > self.slots.len() {
            self.grow();
        }
        Some(index)
    }

    fn grow(&mut self) {
        let mask = self.slots.len() * 4 - 1;
        self.slots.clear();
        self.slots.resize(mask + 1, 0);
        for index in 0..self.entries.len() {
            let hash = self.entries[index].key.hash(self.get(index));
            let mut slot = hash as usize & mask;
            while self.slots[slot] != 0 {
                slot = (slot + 1) & mask;
            }
            self.slots[slot] = hash >> 32 << 32 | (index as u64 + 1);
        }
    }
}

impl Key {
    /// Values of at most this many bytes are equal if their keys are.
    const WHOLE: usize = 16;

    fn new(value: &[u8]) -> Self {
        let len = value.len() as u32;
        if let (Some(first), Some(last)) = (value.first_chunk::<8>(), value.last_chunk::<8>()) {
            return Self { first: u64::from_le_bytes(*first), last: u64::from_le_bytes(*last), len };
        }
        let first = if let (Some(first), Some(last)) = (value.first_chunk::<4>(), value.last_chunk::<4>()) {
            u64::from(u32::from_le_bytes(*first)) << 32 | u64::from(u32::from_le_bytes(*last))
        } else {
            value.iter().fold(0, |bits, byte| bits << 8 | u64::from(*byte))
        };
        Self { first, last: 0, len }
    }

    /// Good enough for names and ids, and the same everywhere and always. Whoever finds texts that meet in one slot
    /// makes the dictionary give up and no more.
    fn hash(self, value: &[u8]) -> u64 {
        let hash = fold(self.first ^ u64::from(self.len), self.last);
        if value.len() <= Self::WHOLE {
            return hash;
        }
        // What lies between the first and the last eight bytes, and some of these again.
        value[8..value.len() - 8].chunks(16).fold(hash, |hash, pair| match pair.first_chunk::<8>() {
            Some(first) => fold(
                u64::from_le_bytes(*first) ^ hash,
                pair.last_chunk::<8>().map_or(0, |last| u64::from_le_bytes(*last)),
            ),
            None => fold(Self::new(pair).first ^ hash, 0),
        })
    }
}

fn fold(a: u64, b: u64) -> u64 {
    let product = u128::from(a ^ 0x9E37_79B9_7F4A_7C15) * u128::from(b ^ 0xD6E8_FEB8_6659_FD93);
    product as u64 ^ (product >> 64) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(count: usize, distinct: usize) -> Vec<String> {
        (0..count).map(|at| format!("value {}", at % distinct)).collect()
    }

    fn build(dictionary: &mut Dictionary, values: &[String]) -> bool {
        dictionary.build(values.iter().map(String::as_bytes), values.len(), Length::Written)
    }

    #[test]
    fn each_value_is_found_at_its_index() {
        let mut dictionary = Dictionary::default();
        for distinct in [1, 2, 129, 1000, 3000] {
            let values = texts(20_000, distinct);
            assert!(build(&mut dictionary, &values), "{distinct}");
            assert_eq!(dictionary.len(), distinct);
            let found: Vec<_> = dictionary.indexes().iter().map(|index| dictionary.get(*index as usize)).collect();
            assert!(found.into_iter().eq(values.iter().map(String::as_bytes)));
        }
    }

    #[test]
    fn the_page_has_each_text_behind_its_length() {
        let mut dictionary = Dictionary::default();
        let values = ["a", "", "a", "bc", "", "a", "bc", "bc"];
        assert!(dictionary.build(values.iter().map(|text| text.as_bytes()), values.len(), Length::Written));
        assert_eq!(dictionary.page(), b"\x01\0\0\0a\0\0\0\0\x02\0\0\0bc");
        assert_eq!(dictionary.indexes(), [0, 1, 0, 2, 1, 0, 2, 2]);
    }

    #[test]
    fn it_is_given_up_when_most_values_are_new_or_it_outgrows_its_limit() {
        let mut dictionary = Dictionary::default();
        assert!(!build(&mut dictionary, &texts(EncodeOptions::DICTIONARY_TRIAL, EncodeOptions::DICTIONARY_TRIAL)));
        assert!(dictionary.indexes().is_empty());
        let large = ["x".repeat(EncodeOptions::DICTIONARY_BYTES), String::new(), String::new(), String::new()];
        assert!(!build(&mut dictionary, &large));
        assert!(build(&mut dictionary, &large[1..]), "it can be used again");
    }

    #[test]
    fn values_of_any_length_have_different_hashes() {
        let text = "abcdefghijklmnopqrstuvwxyz".repeat(3);
        let hash = |value: &[u8]| Key::new(value).hash(value);
        let mut hashes: Vec<u64> = (0..=text.len()).map(|len| hash(&text.as_bytes()[..len])).collect();
        // Every byte counts.
        hashes.extend((0..text.len()).map(|at| {
            let mut bytes = text.clone().into_bytes();
            bytes[at] ^= 1;
            hash(&bytes)
        }));
        hashes.extend([&b"\0"[..], b"\0\0", b"\0\0\0\0\0", &[0; 40]].map(hash));
        hashes.sort_unstable();
        hashes.dedup();
        assert_eq!(hashes.len(), 2 * text.len() + 1 + 4);
    }
}
