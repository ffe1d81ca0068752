//! The known names of members, found fast.

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

/// The known names of all objects, each with what it stands for. A name has one number, whatever object it is of.
#[derive(Debug, Clone, Default)]
pub(super) struct Names<T> {
    names: Vec<Name<T>>,
    texts: Vec<Box<[u8]>>,
}

/// A name, as far as the guess needs it.
#[derive(Debug, Clone)]
pub(super) struct Name<T> {
    key: Key,
    /// What it stands for.
    pub of: T,
}

/// The names of one object, to be looked up by their mark.
#[derive(Debug, Clone)]
pub(super) struct NameTable {
    /// The place before the first name.
    pub start: NameIdx,
    /// Open addressing by mark: number of the name plus one.
    slots: Vec<u32>,
}

/// For each name the two that came behind it last.
///
/// Records of one export repeat the order of their members. So these two are compared with the input before anything else
/// is done with it.
#[derive(Debug, Clone, Default)]
pub(super) struct Guesses(Vec<[NameIdx; 2]>);

/// `"name":` as it stands in input without needless escapes and blanks, to be compared in a few words.
#[derive(Debug, Clone, Copy, Default)]
struct Key {
    words: [u128; KEY_WORDS],
    /// The bits of the last word that belong to the key.
    last_mask: u128,
    /// Bytes. 0 for a name that is too long, or that input would have to escape: it is never guessed.
    len: usize,
}

const KEY_WORDS: usize = 3;
const WORD_BYTES: usize = 16;
/// Longest name that is guessed, with its quotes and the colon.
const KEY_BYTES: usize = KEY_WORDS * WORD_BYTES;

/// Number of a name, or of the place before the first name of an object.
pub(super) type NameIdx = u32;

impl<T: Default> Names<T> {
    /// Adds the names of one object; the first of equal names counts.
    pub fn table<'a>(&mut self, names: impl IntoIterator<Item = (&'a str, T)>) -> NameTable {
        let names: Vec<_> = names.into_iter().collect();
        let mut table = NameTable { start: 0, slots: vec![0; (names.len() * 2 + 2).next_power_of_two()] };
        for (name, of) in names {
            if self.find(&table, name.as_bytes()).is_some() {
                continue;
            }
            let mut slot = table.first_slot(name.as_bytes());
            while table.slots[slot] != 0 {
                slot = (slot + 1) & (table.slots.len() - 1);
            }
            self.names.push(Name { key: Key::new(name), of });
            self.texts.push(name.as_bytes().into());
            table.slots[slot] = self.names.len() as u32;
        }
        // A place without a key: no guess ever meets it.
        table.start = self.names.len() as u32;
        self.names.push(Name { key: Key::default(), of: T::default() });
        self.texts.push(Box::default());
        table
    }

    /// The first guesses: each name is followed by the next in the model.
    pub fn guesses(&self) -> Guesses {
        let mut first = 0;
        let mut guesses = Vec::with_capacity(self.names.len());
        for (at, name) in self.names.iter().enumerate() {
            let is_start = name.key.len == 0 && self.texts[at].is_empty();
            guesses.push([if is_start { first } else { at as u32 + 1 }, first]);
            if is_start {
                first = at as u32 + 1;
            }
        }
        Guesses(guesses)
    }

    #[inline(always)]
    pub fn get(&self, index: NameIdx) -> Option<&Name<T>> {
        self.names.get(index as usize)
    }

    /// The name itself.
    pub fn text(&self, index: NameIdx) -> &[u8] {
        &self.texts[index as usize]
    }

    /// Guesses which name `input` begins with after `previous`.
    #[inline(always)]
    pub fn guess(
        &self,
        guesses: &mut Guesses,
        previous: NameIdx,
        input: Option<&[u8; KEY_BYTES]>,
    ) -> Option<(NameIdx, &Name<T>)> {
        let input = input?;
        let last = guesses.0.get_mut(previous as usize)?;
        let [first, second] = *last;
        let name = self.get(first)?;
        if name.key.begins(input) {
            return Some((first, name));
        }
        let name = self.get(second)?;
        if name.key.begins(input) {
            *last = [second, first];
            return Some((second, name));
        }
        None
    }

    /// Looks up a name and remembers it behind `previous`.
    pub fn find_after(
        &self,
        guesses: &mut Guesses,
        table: &NameTable,
        previous: NameIdx,
        name: &[u8],
    ) -> Option<(NameIdx, &Name<T>)> {
        let index = self.find(table, name)?;
        if let Some(last) = guesses.0.get_mut(previous as usize).filter(|last| last[0] != index) {
            *last = [index, last[0]];
        }
        Some((index, self.get(index)?))
    }

    fn find(&self, table: &NameTable, name: &[u8]) -> Option<NameIdx> {
        let mut slot = table.first_slot(name);
        loop {
            let index = table.slots[slot].checked_sub(1)?;
            if *self.texts[index as usize] == *name {
                return Some(index);
            }
            slot = (slot + 1) & (table.slots.len() - 1);
        }
    }
}

impl<T> Name<T> {
    /// Bytes of the name with its quotes and the colon.
    #[inline(always)]
    pub fn key_bytes(&self) -> usize {
        self.key.len
    }
}

impl NameTable {
    fn first_slot(&self, name: &[u8]) -> usize {
        mark(name) as usize & (self.slots.len() - 1)
    }
}

impl Key {
    fn new(name: &str) -> Self {
        let plain = name.bytes().all(|b| b >= 0x20 && b != b'"' && b != b'\\');
        let text = format!("\"{name}\":");
        if !plain || text.len() > KEY_BYTES {
            return Self::default();
        }
        let mut bytes = [0; KEY_BYTES];
        bytes[..text.len()].copy_from_slice(text.as_bytes());
        let (chunks, _) = bytes.as_chunks::<WORD_BYTES>();
        let words = std::array::from_fn(|at| u128::from_le_bytes(chunks[at]));
        let in_last_word = (text.len() - 1) % WORD_BYTES + 1;
        Self { words, last_mask: u128::MAX >> (128 - in_last_word * 8), len: text.len() }
    }

    /// Whether the key is what the window begins with. Most keys are one word long.
    #[inline(always)]
    fn begins(&self, window: &[u8; KEY_BYTES]) -> bool {
        let (chunks, _) = window.as_chunks::<WORD_BYTES>();
        let equal = |at: usize| u128::from_le_bytes(chunks[at]) == self.words[at];
        let ends = |at: usize| u128::from_le_bytes(chunks[at]) & self.last_mask == self.words[at];
        if self.len <= WORD_BYTES {
            return ends(0) && self.len > 0;
        }
        if self.len <= 2 * WORD_BYTES {
            return equal(0) && ends(1);
        }
        equal(0) && equal(1) && ends(2)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Input with enough behind it for a guess.
    fn padded(text: &str) -> Vec<u8> {
        format!("{text:<64}").into_bytes()
    }

    /// The names of one object beside those of another.
    struct Object {
        names: Names<u32>,
        table: NameTable,
        guesses: Guesses,
    }

    impl Object {
        fn new(names: &[&str]) -> Self {
            let mut all = Names::default();
            let _ = all.table([("another object's", 7)]);
            let table = all.table(names.iter().copied().zip(0..));
            Self { guesses: all.guesses(), names: all, table }
        }

        /// What is guessed at this input, and the bytes of its key.
        fn guess(&mut self, previous: NameIdx, input: &str) -> Option<(NameIdx, usize)> {
            let input = padded(input);
            let (index, name) = self.names.guess(&mut self.guesses, previous, input.first_chunk())?;
            Some((index, name.key_bytes()))
        }

        fn find_after(&mut self, previous: NameIdx, name: &str) -> Option<NameIdx> {
            self.names.find_after(&mut self.guesses, &self.table, previous, name.as_bytes()).map(|(index, _)| index)
        }
    }

    #[test]
    fn a_name_is_guessed_only_with_its_quotes_and_colon() {
        let mut object = Object::new(&["id", "idType", "conversationRoutingData", "externalContactInitialDivisionId"]);
        let start = object.table.start;
        let id = object.names.find(&object.table, b"id").unwrap();
        assert_eq!(object.guess(start, r#""id":1"#), Some((id, 5)));
        for other in [r#""idType":1"#, r#""id" :1"#, r#""id,:1"#, "id\":1", r#""":"#, ""] {
            assert_eq!(object.guess(start, other), None, "{other}");
        }
        assert_eq!(object.guess(id + 1, r#""conversationRoutingData":{"#), Some((id + 2, 26)));
        assert_eq!(object.guess(id + 2, r#""externalContactInitialDivisionId":"#), Some((id + 3, 35)));
        assert!(object.names.guess(&mut object.guesses, start, None).is_none(), "too near to the end for a guess");
    }

    #[test]
    fn the_last_two_successors_of_a_name_are_remembered() {
        let mut object = Object::new(&["id", "idType", "name"]);
        let start = object.table.start;
        let id = object.find_after(start, "id").unwrap();
        assert_eq!(object.find_after(start, "idType"), Some(id + 1));
        assert_eq!(object.guess(start, r#""idType":1"#), Some((id + 1, 9)));
        assert_eq!(object.guess(start, r#""id":1"#), Some((id, 5)));
        assert_eq!(object.guess(start, r#""name":1"#), None);
        assert_eq!(object.find_after(start, "name"), Some(id + 2));
        assert_eq!(object.guess(start, r#""id":1"#), Some((id, 5)), "it was met after the other");
        assert_eq!(object.guess(start, r#""idType":1"#), None);
        assert_eq!(object.find_after(start, "nothing"), None);
        assert_eq!(object.find_after(start, "another object's"), None);
        assert_eq!((object.names.get(id + 2).unwrap().of, object.names.text(id + 1)), (2, &b"idType"[..]));
    }

    #[test]
    fn names_of_every_length_are_guessed_up_to_their_last_byte() {
        for length in 0..=KEY_BYTES {
            let name: String = ('a'..='z').cycle().take(length).collect();
            let mut object = Object::new(&[&name]);
            let start = object.table.start;
            let index = object.find_after(start, &name).unwrap();
            let key = format!("\"{name}\":");
            let expected = (key.len() <= KEY_BYTES).then_some((index, key.len()));
            assert_eq!(object.guess(start, &key), expected, "{length}");
            for at in 0..key.len() {
                let mut other = key.clone().into_bytes();
                other[at] ^= 1;
                assert_eq!(object.guess(start, std::str::from_utf8(&other).unwrap()), None, "{length}, {at}");
            }
        }
    }

    #[test]
    fn names_that_must_be_escaped_are_never_guessed() {
        let mut object = Object::new(&["a\"b"]);
        assert_eq!(object.guess(object.table.start, r#""a"b":1"#), None);
        assert!(object.find_after(object.table.start, "a\"b").is_some());
    }

    #[test]
    fn an_object_without_known_names_finds_nothing() {
        let mut object = Object::new(&[]);
        let start = object.table.start;
        assert_eq!(object.guess(start, ""), None);
        assert_eq!((object.find_after(start, "id"), object.find_after(start, "")), (None, None));
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
