//! The distinct values of a column chunk, and the index of each value among them (`RLE_DICTIONARY`).

use super::EncodeOptions;

/// The distinct values in order of first occurrence, stored as a dictionary page (`PLAIN`).
#[derive(Debug, Default)]
pub(super) struct Dictionary {
    page: Vec<u8>,
    /// Location of each distinct value in the page.
    entries: Vec<Entry>,
    /// The index of each value. Empty if the dictionary was given up.
    indexes: Vec<u16>,
    /// Hash table of the distinct values, with open addressing.
    slots: Vec<Slot>,
    /// Memory for the next larger table.
    spare_slots: Vec<Slot>,
}

/// A range of bytes in the page.
#[derive(Debug, Clone, Copy)]
struct Entry {
    start: u32,
    len: u32,
}

/// A slot of the hash table. The key is stored beside the index, so that most look-ups touch nothing else.
#[derive(Debug, Clone, Copy, Default)]
struct Slot {
    key: Key,
    /// Index of the value plus one; zero if the slot is empty.
    place: u32,
}

/// The table of a few thousand values shall leave room in the cache.
const _: () = assert!(size_of::<Slot>() == 24);

/// Identifies values of up to sixteen bytes completely; of longer ones it holds a hash and the last eight bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[repr(C, packed(4))]
struct Key {
    first: u64,
    last: u64,
    len: u32,
}

/// Whether the page stores the length of each value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Length {
    /// Stored in four bytes before each value.
    Written,
    /// Not stored: all values have the same length.
    Known,
}

/// Initial number of slots; a column of a few distinct values touches no more memory than this.
const FIRST_SLOTS: usize = 64;

/// Maximum number of slots probed. A longer probe means that values were chosen to collide, so the dictionary is given
/// up.
const MAX_PROBES: usize = 128;

/// An entry takes at least four bytes (the length of a text; numbers take eight), so indexes fit in 16 bits.
const _: () = assert!(EncodeOptions::DICTIONARY_BYTES / 4 <= 1 << 16);

impl Dictionary {
    /// Builds the dictionary of all `values` (`count` of them). False if it gave up; then it must not be used.
    ///
    /// It never covers only a part of a chunk: some readers fail on chunks that are half dictionary and half plain.
    pub fn build<T: AsRef<[u8]>>(&mut self, mut values: impl Iterator<Item = T>, count: usize, length: Length) -> bool {
        self.page.clear();
        self.entries.clear();
        self.indexes.clear();
        // With more distinct values, most values would be stored twice: as themselves and as indexes.
        let max_entries = count / 2;
        if max_entries == 0 {
            return false;
        }
        self.slots.clear();
        self.slots.resize(FIRST_SLOTS, Slot::default());
        // Moved out and sized in advance, so that no capacity check is needed for each value.
        let mut indexes = std::mem::take(&mut self.indexes);
        indexes.resize(count, 0);
        let is_worth_it = self.take(&mut values, &mut indexes, length, max_entries);
        self.indexes = indexes;
        if !is_worth_it {
            self.indexes.clear();
        }
        is_worth_it
    }

    /// Finds the index of each value; false as soon as the dictionary is not worth it.
    fn take<T: AsRef<[u8]>>(
        &mut self,
        values: &mut impl Iterator<Item = T>,
        indexes: &mut [u16],
        length: Length,
        max_entries: usize,
    ) -> bool {
        let count = indexes.len();
        let trial = EncodeOptions::DICTIONARY_TRIAL.min(count);
        let most_in_trial = max_entries.min(trial * EncodeOptions::DICTIONARY_TRIAL_PERCENT / 100);
        let mut last: Option<(T, u16)> = None;
        for (start, end, most) in [(0, trial, most_in_trial), (trial, count, max_entries)] {
            for (index, value) in indexes[start..end].iter_mut().zip(values.by_ref()) {
                // The participants of a conversation follow each other and share much: half of all values are repeated
                // at once.
                *index = match &last {
                    Some((before, found)) if is_same(before.as_ref(), value.as_ref()) => *found,
                    _ => {
                        let Some(found) = self.intern(value.as_ref(), length, most) else { return false };
                        last = Some((value, found));
                        found
                    }
                };
            }
        }
        true
    }

    /// The dictionary page.
    pub fn page(&self) -> &[u8] {
        &self.page
    }

    /// Number of distinct values.
    pub const fn len(&self) -> usize {
        self.entries.len()
    }

    /// The index of each value, in order.
    pub fn indexes(&self) -> &[u16] {
        &self.indexes
    }

    /// The bytes of one value.
    pub fn get(&self, index: usize) -> &[u8] {
        let Entry { start, len } = self.entries[index];
        &self.page[start as usize..][..len as usize]
    }

    /// The index of `value`, which is added if it is new; none if there are too many. Inlined, since a call costs 200
    /// more instructions per row.
    #[inline(always)]
    fn intern(&mut self, value: &[u8], length: Length, max_entries: usize) -> Option<u16> {
        let (key, hash) = Key::new(value);
        let mask = self.slots.len() - 1;
        let mut at = hash as usize & mask;
        for _ in 0..MAX_PROBES {
            let slot = &self.slots[at];
            if slot.place == 0 {
                return self.add(value, Slot { key, place: 0 }, length, at, max_entries);
            }
            let index = (slot.place - 1) as usize;
            if slot.key == key && (value.len() <= Key::WHOLE || is_equal(self.get(index), value)) {
                return Some(index as u16);
            }
            at = (at + 1) & mask;
        }
        None
    }

    #[inline(never)]
    fn add(&mut self, value: &[u8], mut slot: Slot, length: Length, at: usize, max_entries: usize) -> Option<u16> {
        let index = self.entries.len();
        if index == max_entries || self.page.len() + value.len() + 4 > EncodeOptions::DICTIONARY_BYTES {
            return None;
        }
        if length == Length::Written {
            self.page.extend_from_slice(&slot.key.len.to_le_bytes());
        }
        self.entries.push(Entry { start: self.page.len() as u32, len: slot.key.len });
        self.page.extend_from_slice(value);
        slot.place = index as u32 + 1;
        self.slots[at] = slot;
        if self.entries.len() * 2 > self.slots.len() {
            self.grow();
        }
        Some(index as u16)
    }

    fn grow(&mut self) {
        let mask = self.slots.len() * 4 - 1;
        std::mem::swap(&mut self.slots, &mut self.spare_slots);
        self.slots.clear();
        self.slots.resize(mask + 1, Slot::default());
        for slot in self.spare_slots.iter().filter(|slot| slot.place != 0) {
            let mut at = slot.key.hash() as usize & mask;
            while self.slots[at].place != 0 {
                at = (at + 1) & mask;
            }
            self.slots[at] = *slot;
        }
    }
}

impl Key {
    /// Values of at most this many bytes are equal if their keys are.
    const WHOLE: usize = 16;

    /// The key of `value` and its hash, which is good enough for names and ids, and the same on every machine and run.
    /// Colliding texts only make the dictionary give up.
    #[inline]
    fn new(value: &[u8]) -> (Self, u64) {
        let len = value.len() as u32;
        let key = match (value.first_chunk::<8>(), value.last_chunk::<8>()) {
            (Some(first), Some(last)) if value.len() <= Self::WHOLE => {
                Self { first: u64::from_le_bytes(*first), last: u64::from_le_bytes(*last), len }
            }
            (Some(_), Some(last)) => Self { first: hash_long(value), last: u64::from_le_bytes(*last), len },
            _ => Self { first: short(value), last: 0, len },
        };
        (key, key.hash())
    }

    #[inline]
    fn hash(&self) -> u64 {
        fold(self.first ^ u64::from(self.len), self.last)
    }
}

/// A text of less than eight bytes as a number, which is unique among texts of the same length.
fn short(value: &[u8]) -> u64 {
    if let (Some(first), Some(last)) = (value.first_chunk::<4>(), value.last_chunk::<4>()) {
        return u64::from(u32::from_le_bytes(*first)) << 32 | u64::from(u32::from_le_bytes(*last));
    }
    value.iter().fold(0, |bits, byte| bits << 8 | u64::from(*byte))
}

/// Hashes a text of more than sixteen bytes, sixteen at a time; the last sixteen overlap those before them.
fn hash_long(value: &[u8]) -> u64 {
    let (pieces, _) = value.as_chunks::<16>();
    pieces.iter().chain(value.last_chunk::<16>()).fold(0, |hash, piece| {
        let piece = u128::from_le_bytes(*piece);
        fold(piece as u64 ^ hash, (piece >> 64) as u64)
    })
}

/// Whether two texts are equal.
#[inline]
fn is_same(a: &[u8], b: &[u8]) -> bool {
    if a.len() != b.len() {
        return false;
    }
    match (a.first_chunk::<8>(), b.first_chunk::<8>()) {
        _ if a.len() > Key::WHOLE => is_equal(a, b),
        (Some(first), Some(other)) => first == other && a.last_chunk::<8>() == b.last_chunk::<8>(),
        _ => short(a) == short(b),
    }
}

/// Whether two texts are equal that have the same length of more than sixteen bytes.
fn is_equal(a: &[u8], b: &[u8]) -> bool {
    let (a_pieces, b_pieces) = (a.as_chunks::<16>().0, b.as_chunks::<16>().0);
    a.last_chunk::<16>() == b.last_chunk::<16>() && a_pieces.iter().zip(b_pieces).all(|(a, b)| a == b)
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
    fn a_value_is_told_from_the_one_before_wherever_they_differ() {
        let mut dictionary = Dictionary::default();
        for (len, at) in (1..70).flat_map(|len| (0..len).map(move |at| (len, at))) {
            let one = "x".repeat(len);
            let other = format!("{}y{}", &one[..at], &one[at + 1..]);
            let values =
                [&one, &one, &other, &other, &one, &one, &other[..len - 1].to_owned(), &one].map(String::clone);
            assert!(build(&mut dictionary, &values), "{len}, {at}");
            assert_eq!(dictionary.indexes(), [0, 0, 1, 1, 0, 0, 2, 0], "{len}, {at}");
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
        assert!(!build(&mut dictionary, &texts(5000, 5000)));
        assert!(dictionary.indexes().is_empty());
        let large = ["x".repeat(EncodeOptions::DICTIONARY_BYTES), String::new(), String::new(), String::new()];
        assert!(!build(&mut dictionary, &large));
        assert!(build(&mut dictionary, &large[1..]), "it can be used again");
        for alone in [0, 1] {
            assert!(!build(&mut dictionary, &texts(alone, alone)), "there is nothing to repeat");
        }
        assert!(build(&mut dictionary, &texts(10, 5)));
        assert!(!build(&mut dictionary, &texts(11, 6)), "more than half");
    }

    #[test]
    fn unique_values_are_seen_early() {
        let mut dictionary = Dictionary::default();
        let values = texts(20_000, 20_000);
        let mut taken = 0;
        let counted = values.iter().inspect(|_| taken += 1).map(String::as_bytes);
        assert!(!dictionary.build(counted, values.len(), Length::Written));
        assert!(taken <= EncodeOptions::DICTIONARY_TRIAL);
    }

    #[test]
    fn values_of_any_length_have_different_hashes() {
        let text = "abcdefghijklmnopqrstuvwxyz".repeat(3);
        let hash = |value: &[u8]| Key::new(value).1;
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
