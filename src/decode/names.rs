//! Fast lookup of the known member names.

use crate::simd::{LANES, begins_with};

/// A 64-bit hash of a name.
#[inline]
pub(super) fn hash_name(name: &[u8]) -> u64 {
    const MIX: u64 = 0x9e37_79b9_7f4a_7c15;
    let mut hash = (name.len() as u64).wrapping_mul(MIX);
    let mut add = |word: u64| hash = (hash.rotate_left(23) ^ word).wrapping_mul(MIX);
    let (words, rest) = name.as_chunks::<8>();
    for word in words {
        add(u64::from_le_bytes(*word));
    }
    // The rest is read in words of fixed size, which may overlap with bytes read before.
    match (name.last_chunk::<8>(), rest.first_chunk::<4>(), rest.last_chunk::<4>(), rest) {
        (_, _, _, []) => {}
        (Some(last), ..) => add(u64::from_le_bytes(*last)),
        (_, Some(first), Some(last), _) => {
            add(u64::from(u32::from_le_bytes(*first)) << 32 | u64::from(u32::from_le_bytes(*last)));
        }
        (_, _, _, [first, .., last]) => add(u64::from(*first) << 16 | u64::from(rest[1]) << 8 | u64::from(*last)),
        (_, _, _, [only]) => add(u64::from(*only)),
    }
    hash ^ hash >> 32
}

/// The known names of all objects, each with what it stands for. Numbers of names are unique across objects.
#[derive(Debug, Clone)]
pub(super) struct Names<T> {
    names: Vec<Name<T>>,
    texts: Vec<Box<[u8]>>,
}

/// A name, with what a guess needs of it.
#[derive(Debug, Clone)]
pub(super) struct Name<T> {
    key: Key,
    index: NameIdx,
    /// What it stands for.
    pub of: T,
}

/// Hash table of the names of one object.
#[derive(Debug, Clone)]
pub(super) struct NameTable {
    /// Number of the position before the first name.
    pub start: NameIdx,
    /// Slots, with open addressing by hash.
    slots: Vec<TableSlot>,
    /// Whether the object has no known names.
    pub is_empty: bool,
}

#[derive(Debug, Clone, Copy, Default)]
struct TableSlot {
    /// Number of the name plus one; zero for an empty slot.
    name: u32,
    /// Upper half of its hash, so that unequal names are seldom compared.
    hash: u32,
}

/// The last two different names that followed a given name of an object, or came first in it; the latest first.
///
/// Records of one export repeat the order of their members, so these two are compared with the input before any lookup.
pub(super) type Guess = [NameIdx; 2];

/// `"name":` as the input has it without needless escapes and white space.
#[derive(Debug, Clone, Copy, Default)]
struct Key {
    bytes: [u8; LANES],
    /// A bit for each byte of `bytes` that belongs to the key.
    mask: u32,
    /// Bytes of the key. Zero for a name that is too long or needs escapes in the input: it is never guessed.
    len: u32,
}

/// Maximum length of a guessed name with its quotes and the colon, so that one comparison is enough.
const KEY_BYTES: usize = LANES;

/// Number of a name, or of the position before the first name of an object.
pub(super) type NameIdx = u32;

impl<T> Default for Names<T> {
    fn default() -> Self {
        Self { names: Vec::new(), texts: Vec::new() }
    }
}

impl<T> Names<T> {
    /// Adds the names of one object; of equal names the first counts. `start` stands for the position before them.
    pub fn table<'a>(&mut self, start: T, names: impl IntoIterator<Item = (&'a str, T)>) -> NameTable {
        let names: Vec<_> = names.into_iter().collect();
        let num_slots = (names.len() * 2 + 2).next_power_of_two();
        let mut table =
            NameTable { start: 0, slots: vec![TableSlot::default(); num_slots], is_empty: names.is_empty() };
        for (name, of) in names {
            let hash = hash_name(name.as_bytes());
            if self.find(&table, name.as_bytes(), hash).is_some() {
                continue;
            }
            let mut slot = table.first_slot(hash);
            while table.slots[slot].name != 0 {
                slot = (slot + 1) & (table.slots.len() - 1);
            }
            self.names.push(Name { key: Key::new(name), index: self.names.len() as NameIdx, of });
            self.texts.push(name.as_bytes().into());
            table.slots[slot] = TableSlot { name: self.names.len() as u32, hash: (hash >> 32) as u32 };
        }
        // The start position has no key, so it is never guessed.
        table.start = self.names.len() as u32;
        self.names.push(Name { key: Key::default(), index: self.names.len() as NameIdx, of: start });
        self.texts.push(Box::default());
        table
    }

    /// All names and start positions, each with its initial guess: the next name of the model.
    pub fn first_guesses(&self) -> impl Iterator<Item = (&T, Guess)> {
        let mut first = 0;
        self.names.iter().enumerate().map(move |(at, name)| {
            let next = at as NameIdx + 1;
            // A start position is stored after the names of its object.
            let is_start = name.key.len == 0 && self.texts[at].is_empty();
            let guess = [if is_start { first } else { next }, first];
            if is_start {
                first = next;
            }
            (&name.of, guess)
        })
    }

    #[inline(always)]
    pub fn get(&self, index: NameIdx) -> Option<&Name<T>> {
        self.names.get(index as usize)
    }

    /// The text of a name.
    pub fn text(&self, name: &Name<T>) -> &[u8] {
        &self.texts[name.index as usize]
    }

    /// The name that `input` begins with, with its quotes and the colon, if it is one of the two guessed.
    #[inline(always)]
    pub fn guess(&self, guess: &mut Guess, input: &[u8; KEY_BYTES]) -> Option<&Name<T>> {
        self.guess_by(guess, |key| key.is_prefix_of(input))
    }

    /// The same without the colon, before which there may be white space.
    #[inline(always)]
    pub fn guess_quoted(&self, guess: &mut Guess, input: &[u8; KEY_BYTES]) -> Option<&Name<T>> {
        self.guess_by(guess, |key| key.name_is_prefix_of(input))
    }

    #[inline(always)]
    fn guess_by(&self, guess: &mut Guess, is_met: impl Fn(&Key) -> bool) -> Option<&Name<T>> {
        let [first, second] = *guess;
        let name = self.get(first)?;
        if is_met(&name.key) {
            return Some(name);
        }
        let name = self.get(second)?;
        if is_met(&name.key) {
            *guess = [second, first];
            return Some(name);
        }
        None
    }

    /// Looks up a name by its [`hash_name`], and makes it the first guess for the next time.
    pub fn find_after(&self, guess: &mut Guess, table: &NameTable, name: &[u8], hash: u64) -> Option<&Name<T>> {
        let index = self.find(table, name, hash)?;
        if guess[0] != index {
            *guess = [index, guess[0]];
        }
        self.get(index)
    }

    fn find(&self, table: &NameTable, name: &[u8], hash: u64) -> Option<NameIdx> {
        let mut at = table.first_slot(hash);
        loop {
            let slot = table.slots[at];
            let index = slot.name.checked_sub(1)?;
            if slot.hash == (hash >> 32) as u32 && *self.texts[index as usize] == *name {
                return Some(index);
            }
            at = (at + 1) & (table.slots.len() - 1);
        }
    }
}

impl<T> Name<T> {
    /// Length of the name with its quotes and the colon, bytes.
    #[inline(always)]
    pub fn key_bytes(&self) -> usize {
        self.key.len as usize
    }
}

impl NameTable {
    fn first_slot(&self, hash: u64) -> usize {
        hash as usize & (self.slots.len() - 1)
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
        Self { bytes, mask: u32::MAX >> (KEY_BYTES - text.len()), len: text.len() as u32 }
    }

    /// Whether the window begins with the key.
    #[inline(always)]
    fn is_prefix_of(&self, window: &[u8; KEY_BYTES]) -> bool {
        begins_with(window, &self.bytes, self.mask) && self.len > 0
    }

    /// Whether the window begins with the key without its colon.
    #[inline(always)]
    fn name_is_prefix_of(&self, window: &[u8; KEY_BYTES]) -> bool {
        begins_with(window, &self.bytes, self.mask >> 1) && self.len > 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Input with enough bytes after it for a guess.
    fn padded(text: &str) -> Vec<u8> {
        format!("{text:<64}").into_bytes()
    }

    /// The names of one object beside those of another.
    struct Object {
        names: Names<u32>,
        table: NameTable,
        guesses: Vec<Guess>,
    }

    impl Object {
        fn new(names: &[&str]) -> Self {
            let mut all = Names::default();
            let _ = all.table(99, [("another object's", 7)]);
            let table = all.table(99, names.iter().copied().zip(0..));
            Self { guesses: all.first_guesses().map(|(_, guess)| guess).collect(), names: all, table }
        }

        /// The name that is guessed for this input, and the length of its key.
        fn guess(&mut self, previous: NameIdx, input: &str) -> Option<(NameIdx, usize)> {
            let input = padded(input);
            let input = input.first_chunk().unwrap();
            let guess = &mut self.guesses[previous as usize];
            self.names.guess(guess, input).map(|name| (name.index, name.key_bytes()))
        }

        fn find(&self, name: &str) -> Option<NameIdx> {
            self.names.find(&self.table, name.as_bytes(), hash_name(name.as_bytes()))
        }

        fn find_after(&mut self, previous: NameIdx, name: &str) -> Option<NameIdx> {
            let guess = &mut self.guesses[previous as usize];
            let found = self.names.find_after(guess, &self.table, name.as_bytes(), hash_name(name.as_bytes()));
            found.map(|name| name.index)
        }
    }

    #[test]
    fn a_name_is_guessed_only_with_its_quotes_and_colon() {
        let mut object = Object::new(&["id", "idType", "conversationRoutingData", "externalContactInitialDivisionId"]);
        let start = object.table.start;
        let id = object.find("id").unwrap();
        assert_eq!(object.guess(start, r#""id":1"#), Some((id, 5)));
        for other in [r#""idType":1"#, r#""id" :1"#, r#""id,:1"#, "id\":1", r#""":"#, ""] {
            assert_eq!(object.guess(start, other), None, "{other}");
        }
        assert_eq!(object.guess(id + 1, r#""conversationRoutingData":{"#), Some((id + 2, 26)));
        assert_eq!(object.guess(id + 2, r#""externalContactInitialDivisionId":"#), None, "too long for one look");
    }

    #[test]
    fn a_name_may_be_guessed_without_its_colon() {
        let object = Object::new(&["id", "idType", "externalContactInitialDivisionId"]);
        let mut guess = object.guesses[object.table.start as usize];
        let mut guessed = |input: &str| {
            let name = object.names.guess_quoted(&mut guess, padded(input).first_chunk().unwrap());
            name.map(|name| object.names.text(name).to_vec())
        };
        for named in ["\"id\":1", "\"id\" : 1", "\"id\",1"] {
            assert_eq!(guessed(named), Some(b"id".to_vec()), "{named}");
        }
        for other in ["\"idType\" : 1", "\"i", "id\" : 1", "\"\" : ", ""] {
            assert_eq!(guessed(other), None, "{other}");
        }
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
        assert_eq!(
            (object.names.get(id + 2).unwrap().of, object.names.text(object.names.get(id + 1).unwrap())),
            (2, &b"idType"[..])
        );
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
                assert_ne!(hash_name(a.as_bytes()), hash_name(b.as_bytes()), "{a:?} {b:?}");
            }
        }
    }
}
