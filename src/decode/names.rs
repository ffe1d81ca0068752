//! Names of an object's members: the known ones found fast, and none allowed twice.

/// A 64-bit mark of a name: equal names have equal marks.
#[inline]
pub(super) fn mark(name: &[u8]) -> u64 {
    const MIX: u64 = 0x9e37_79b9_7f4a_7c15;
    let mut mark = name.len() as u64;
    let mut chunks = name.chunks_exact(8);
    for chunk in &mut chunks {
        if let Some(word) = chunk.first_chunk::<8>() {
            mark = (mark.rotate_left(23) ^ u64::from_le_bytes(*word)).wrapping_mul(MIX);
        }
    }
    let tail = chunks.remainder().iter().fold(0u64, |tail, &byte| tail << 8 | u64::from(byte));
    let mark = (mark.rotate_left(23) ^ tail).wrapping_mul(MIX);
    mark ^ mark >> 32
}

/// Known names, looked up first by a guess and then by their mark.
///
/// Records of one export repeat the order of their members. So each name remembers which two came behind it last, and
/// these are compared with the input before anything else is done with it.
#[derive(Debug, Clone)]
pub(super) struct NameTable {
    names: Vec<Name>,
    /// Open addressing by mark: index into `names` plus one.
    slots: Vec<u32>,
    /// For each name, and at the end for the start of the object, the last two successors.
    guesses: Vec<[u32; 2]>,
}

#[derive(Debug, Clone)]
struct Name {
    text: Box<[u8]>,
    /// `text` and its closing quote in whole words; none for a name that input would have to escape.
    quoted: Option<Quoted>,
    /// What the name stands for.
    member: u32,
}

#[derive(Debug, Clone)]
struct Quoted {
    words: [u64; QUOTED_WORDS],
    last_mask: u64,
    num_words: u8,
    len: u8,
}

const QUOTED_WORDS: usize = 5;
/// Longest name that is compared by words, its closing quote included.
const QUOTED_BYTES: usize = QUOTED_WORDS * 8;

/// Index of a name in its table; [`NameTable::start`] before the first.
pub(super) type NameIdx = u32;

impl NameTable {
    /// A table of `(name, member)`; the first of equal names counts.
    pub fn new<'a>(names: impl IntoIterator<Item = (&'a str, u32)>) -> Self {
        let mut table = Self { names: Vec::new(), slots: Vec::new(), guesses: Vec::new() };
        let names: Vec<_> = names.into_iter().collect();
        table.slots = vec![0; (names.len() * 2 + 2).next_power_of_two()];
        for (name, member) in names {
            if table.find(name.as_bytes()).is_some() {
                continue;
            }
            let mut slot = table.first_slot(name.as_bytes());
            while table.slots[slot] != 0 {
                slot = (slot + 1) & (table.slots.len() - 1);
            }
            table.names.push(Name { text: name.as_bytes().into(), quoted: Quoted::new(name), member });
            table.slots[slot] = table.names.len() as u32;
        }
        // A first guess: model order.
        let len = table.names.len() as u32;
        table.guesses = (0..=len)
            .map(|at| [if at == len { 0 } else { at + 1 }, 0])
            .map(|g| g.map(|n| n.min(len.saturating_sub(1))))
            .collect();
        table
    }

    /// The position before the first name.
    #[inline(always)]
    pub fn start(&self) -> NameIdx {
        self.names.len() as u32
    }

    /// What the name at `index` stands for.
    #[inline(always)]
    pub fn member(&self, index: NameIdx) -> u32 {
        self.names[index as usize].member
    }

    /// The name itself.
    pub fn text(&self, index: NameIdx) -> &[u8] {
        &self.names[index as usize].text
    }

    /// Guesses which name begins `input` (behind the opening quote) after `previous`; gives it with the length of name
    /// and closing quote.
    #[inline(always)]
    pub fn guess(&mut self, previous: NameIdx, input: &[u8]) -> Option<(NameIdx, usize)> {
        let window = input.first_chunk::<QUOTED_BYTES>()?;
        let [first, second] = *self.guesses.get(previous as usize)?;
        if let Some(length) = self.names.get(first as usize)?.begins(window) {
            return Some((first, length));
        }
        let length = self.names[second as usize].begins(window)?;
        self.guesses[previous as usize] = [second, first];
        Some((second, length))
    }

    /// Looks up a name and remembers it behind `previous`.
    pub fn find_after(&mut self, previous: NameIdx, name: &[u8]) -> Option<NameIdx> {
        let index = self.find(name)?;
        if let Some(guess) = self.guesses.get_mut(previous as usize).filter(|guess| guess[0] != index) {
            *guess = [index, guess[0]];
        }
        Some(index)
    }

    fn find(&self, name: &[u8]) -> Option<NameIdx> {
        let mut slot = self.first_slot(name);
        loop {
            let index = self.slots[slot].checked_sub(1)?;
            if *self.names[index as usize].text == *name {
                return Some(index);
            }
            slot = (slot + 1) & (self.slots.len() - 1);
        }
    }

    fn first_slot(&self, name: &[u8]) -> usize {
        mark(name) as usize & (self.slots.len() - 1)
    }
}

impl Name {
    #[inline(always)]
    fn begins(&self, window: &[u8; QUOTED_BYTES]) -> Option<usize> {
        let quoted = self.quoted.as_ref()?;
        let last = usize::from(quoted.num_words) - 1;
        let (words, _) = window.as_chunks::<8>();
        if words[..last].iter().zip(&quoted.words).any(|(word, name)| u64::from_le_bytes(*word) != *name) {
            return None;
        }
        let equal = u64::from_le_bytes(words[last]) & quoted.last_mask == quoted.words[last];
        equal.then_some(usize::from(quoted.len))
    }
}

impl Quoted {
    fn new(name: &str) -> Option<Self> {
        let plain = name.bytes().all(|b| b >= 0x20 && b != b'"' && b != b'\\');
        let len = name.len() + 1;
        if !plain || len > QUOTED_BYTES {
            return None;
        }
        let mut bytes = [0; QUOTED_BYTES];
        bytes[..name.len()].copy_from_slice(name.as_bytes());
        bytes[name.len()] = b'"';
        let mut words = [0; QUOTED_WORDS];
        for (word, chunk) in words.iter_mut().zip(bytes.as_chunks::<8>().0) {
            *word = u64::from_le_bytes(*chunk);
        }
        let num_words = len.div_ceil(8);
        let used = len - (num_words - 1) * 8;
        Some(Self { words, last_mask: u64::MAX >> (64 - used * 8), num_words: num_words as u8, len: len as u8 })
    }
}

/// The names met so far in the objects that are open, to find one given twice.
#[derive(Debug, Clone, Default)]
pub(super) struct OpenNames {
    bytes: Vec<u8>,
    names: Vec<OpenName>,
}

#[derive(Debug, Clone, Copy)]
struct OpenName {
    mark: u64,
    start: usize,
    end: usize,
    offset: usize,
}

/// The names of one object begin here.
#[derive(Debug, Clone, Copy)]
pub(super) struct Frame {
    bytes: usize,
    names: usize,
}

impl OpenNames {
    /// Objects with more names than this are checked once at their end, by sorting, instead of name by name.
    const COMPARED_ONE_BY_ONE: usize = 24;

    /// Opens an object.
    #[inline]
    pub fn open(&self) -> Frame {
        Frame { bytes: self.bytes.len(), names: self.names.len() }
    }

    /// Adds a name at `offset`; false if the object has it already (a large object says so only when closed).
    #[inline]
    pub fn add(&mut self, frame: Frame, name: &[u8], offset: usize) -> bool {
        let mark = mark(name);
        let open = &self.names[frame.names..];
        if open.len() <= Self::COMPARED_ONE_BY_ONE
            && open.iter().any(|other| other.mark == mark && self.bytes[other.start..other.end] == *name)
        {
            return false;
        }
        let start = self.bytes.len();
        self.bytes.extend_from_slice(name);
        self.names.push(OpenName { mark, start, end: self.bytes.len(), offset });
        true
    }

    /// Closes an object; gives the offset of a name given twice, if a large object has one.
    #[inline]
    pub fn close(&mut self, frame: Frame) -> Option<usize> {
        let twice = if self.names.len() - frame.names > Self::COMPARED_ONE_BY_ONE {
            self.first_given_twice(frame)
        } else {
            None
        };
        self.names.truncate(frame.names);
        self.bytes.truncate(frame.bytes);
        twice
    }

    fn first_given_twice(&mut self, frame: Frame) -> Option<usize> {
        let text = |name: &OpenName| &self.bytes[name.start..name.end];
        let open = &mut self.names[frame.names..];
        open.sort_unstable_by(|a, b| {
            a.mark.cmp(&b.mark).then_with(|| text(a).cmp(text(b))).then(a.offset.cmp(&b.offset))
        });
        open.windows(2).filter(|pair| text(&pair[0]) == text(&pair[1])).map(|pair| pair[1].offset).min()
    }

    /// Forgets everything, after a fault.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.names.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_guessed_only_with_its_closing_quote() {
        let mut table = NameTable::new([("id", 0), ("idType", 1), ("externalContactInitialDivisionId", 2)]);
        let padded = |text: &str| format!("{text:<64}").into_bytes();
        assert_eq!(table.guess(table.start(), &padded("id\":1")), Some((0, 3)));
        assert_eq!(table.guess(table.start(), &padded("idType\":1")), None);
        let found = table.find_after(table.start(), b"idType");
        assert_eq!(found, Some(1));
        assert_eq!(table.guess(table.start(), &padded("idType\":1")), Some((1, 7)));
        assert_eq!(table.guess(table.start(), &padded("id\":1")), Some((0, 3)));
        assert_eq!(table.guess(1, &padded("externalContactInitialDivisionId\":")), Some((2, 33)));
        assert_eq!(table.guess(table.start(), b"id\":1"), None, "too near to the end for a guess");
        assert_eq!(table.find_after(2, b"id"), Some(0));
        assert_eq!(table.find_after(2, b"nothing"), None);
    }

    #[test]
    fn names_that_must_be_escaped_are_never_guessed() {
        let mut table = NameTable::new([("a\"b", 0)]);
        let window = format!("{:<64}", "a\"b\":1").into_bytes();
        assert_eq!(table.guess(table.start(), &window), None);
        assert_eq!(table.find_after(table.start(), b"a\"b"), Some(0));
    }

    #[test]
    fn an_empty_table_finds_nothing() {
        let mut table = NameTable::new([]);
        assert_eq!(table.guess(table.start(), &[b' '; 64]), None);
        assert_eq!(table.find_after(table.start(), b"id"), None);
    }

    #[test]
    fn a_name_given_twice_is_found_in_small_and_large_objects() {
        for count in [2usize, 24, 25, 26, 5_000] {
            let mut open = OpenNames::default();
            let outer = open.open();
            assert!(open.add(outer, b"k1", 0), "the outer object's names are its own");
            let frame = open.open();
            let mut refused = None;
            for at in 0..count {
                let name = if at == count - 1 { "k0".to_owned() } else { format!("k{at}") };
                if !open.add(frame, name.as_bytes(), at) {
                    refused = Some(at);
                }
            }
            let closed = open.close(frame);
            assert_eq!(refused.or(closed), Some(count - 1), "{count} names");
            assert!(open.add(outer, b"k2", 9) && !open.add(outer, b"k1", 10));
        }
    }

    #[test]
    fn marks_tell_names_apart() {
        let names = ["", "a", "b", "ab", "ba", "abcdefgh", "abcdefgi", "abcdefghi", "abcdefghj", "\0", "\0\0"];
        for (at, a) in names.iter().enumerate() {
            for b in &names[at + 1..] {
                assert_ne!(mark(a.as_bytes()), mark(b.as_bytes()), "{a:?} {b:?}");
            }
        }
    }
}
