//! Finds duplicates among the names that the plan does not know.

use super::names::hash_name;

/// The unknown names met so far in the objects that are open, with their text.
#[derive(Debug, Clone, Default)]
pub(super) struct OpenNames {
    bytes: Vec<u8>,
    hashes: NameHashes,
}

/// The same for names whose text the caller keeps in one buffer.
#[derive(Debug, Clone, Default)]
pub(super) struct NameHashes(Vec<NameHash>);

/// A name in 16 bytes, since a record can have millions. 32-bit offsets suffice, as a block has less than 4 GiB.
#[derive(Debug, Clone, Copy)]
struct NameHash {
    /// The upper half of the hash.
    hash: u32,
    start: u32,
    end: u32,
    offset: u32,
}

impl NameHash {
    fn text<'t>(&self, texts: &'t [u8]) -> &'t [u8] {
        &texts[self.start as usize..self.end as usize]
    }
}

/// The names of one object.
#[derive(Debug)]
pub(super) struct Frame {
    /// Index of its first name in the list.
    start: usize,
    /// A filter with one bit for each name, chosen by its hash: if the bit is clear, the name is new.
    bits: u64,
}

impl OpenNames {
    /// Opens an object.
    #[inline]
    pub fn open(&self) -> Frame {
        self.hashes.open()
    }

    /// Adds a name at `offset`; false if the object has it already. In a large object duplicates are found only on
    /// closing.
    #[inline]
    pub fn add(&mut self, frame: &mut Frame, name: &[u8], offset: usize) -> bool {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(name);
        self.hashes.add(frame, hash_name(name), &self.bytes, start, offset)
    }

    /// Closes an object. If it is large, returns the offset of its first duplicate name.
    #[inline(always)]
    pub fn close(&mut self, frame: &Frame) -> Option<usize> {
        if self.hashes.0.len() == frame.start { None } else { self.close_some(frame) }
    }

    fn close_some(&mut self, frame: &Frame) -> Option<usize> {
        // Read before the names are sorted, while the first one still tells where the object's bytes begin.
        let bytes = self.hashes.0[frame.start].start as usize;
        let twice = self.hashes.close(frame, &self.bytes);
        self.bytes.truncate(bytes);
        twice
    }

    /// Releases most of the memory that a huge record took. Must be called while no object is open.
    pub fn trim(&mut self, kept_bytes: usize) {
        self.bytes.shrink_to(kept_bytes);
        self.hashes.trim(kept_bytes);
    }

    /// Clears everything, after a fault.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.hashes.clear();
    }
}

impl NameHashes {
    /// Objects with more names than this are checked once at their end, by sorting, instead of name by name, which
    /// would be quadratic.
    const COMPARED_ONE_BY_ONE: usize = 24;

    /// From this many names on, the list grows by an eighth instead of doubling.
    const MANY: usize = 1 << 16;

    /// Opens an object.
    #[inline]
    pub fn open(&self) -> Frame {
        Frame { start: self.0.len(), bits: 0 }
    }

    /// Adds the name that fills `texts` from `start` on; false if the object has it already. In a large object
    /// duplicates are found only on closing.
    #[inline]
    pub fn add(&mut self, frame: &mut Frame, hash: u64, texts: &[u8], start: usize, offset: usize) -> bool {
        let bit = 1 << (hash % 64);
        let hash = (hash >> 32) as u32;
        if frame.bits & bit != 0 && self.has(frame, hash, &texts[start..], texts) {
            return false;
        }
        frame.bits |= bit;
        if self.0.len() == self.0.capacity() {
            self.grow();
        }
        self.0.push(NameHash { hash, start: start as u32, end: texts.len() as u32, offset: offset as u32 });
        true
    }

    /// Grows the list: doubles it while small, but millions of names must not take twice their memory.
    #[cold]
    fn grow(&mut self) {
        let len = self.0.len();
        self.0.reserve_exact(if len < Self::MANY { len.max(64) } else { len / 8 });
    }

    #[inline(never)]
    fn has(&self, frame: &Frame, hash: u32, name: &[u8], texts: &[u8]) -> bool {
        let open = &self.0[frame.start..];
        open.len() <= Self::COMPARED_ONE_BY_ONE
            && open.iter().any(|other| other.hash == hash && other.text(texts) == name)
    }

    /// Closes an object. If it is large, returns the offset of its first duplicate name.
    #[inline]
    pub fn close(&mut self, frame: &Frame, texts: &[u8]) -> Option<usize> {
        let is_large = self.0.len() - frame.start > Self::COMPARED_ONE_BY_ONE;
        let twice = if is_large { self.first_given_twice(frame, texts) } else { None };
        self.0.truncate(frame.start);
        twice
    }

    #[inline(never)]
    fn first_given_twice(&mut self, frame: &Frame, texts: &[u8]) -> Option<usize> {
        let open = &mut self.0[frame.start..];
        open.sort_unstable_by(|a, b| {
            a.hash.cmp(&b.hash).then_with(|| a.text(texts).cmp(b.text(texts))).then(a.offset.cmp(&b.offset))
        });
        let twice = open.windows(2).filter(|pair| pair[0].text(texts) == pair[1].text(texts));
        twice.map(|pair| pair[1].offset as usize).min()
    }

    /// As [`OpenNames::trim`].
    pub fn trim(&mut self, kept_bytes: usize) {
        self.0.shrink_to(kept_bytes / size_of::<NameHash>());
    }

    /// Clears everything, after a fault.
    pub fn clear(&mut self) {
        self.0.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_given_twice_is_found_in_small_and_large_objects() {
        for count in [2usize, 24, 25, 26, 5_000] {
            let mut open = OpenNames::default();
            let mut outer = open.open();
            assert!(open.add(&mut outer, b"k1", 0), "the outer object's names are its own");
            let mut frame = open.open();
            let mut refused = None;
            for at in 0..count {
                let name = if at == count - 1 { "k0".to_owned() } else { format!("k{at}") };
                if !open.add(&mut frame, name.as_bytes(), at) {
                    refused = Some(at);
                }
            }
            let closed = open.close(&frame);
            assert_eq!(refused.or(closed), Some(count - 1), "{count} names");
            assert!(open.add(&mut outer, b"k2", 9) && !open.add(&mut outer, b"k1", 10));
        }
    }
}
