//! Texts stored one after another, with their ends.

use super::{end_of, reserve_more};

/// Dense texts: `ends[i]` is where text `i` ends in `bytes`. Each text is valid UTF-8.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TextValues {
    /// One for each text, ascending.
    pub ends: Vec<u32>,
    /// All texts without separators.
    pub bytes: Vec<u8>,
}

impl TextValues {
    /// Number of texts.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// Appends one text, given as UTF-8.
    #[inline]
    pub fn push(&mut self, text: &[u8]) {
        self.bytes.extend_from_slice(text);
        self.close();
    }

    /// Ends a text whose bytes were appended to `bytes` directly.
    #[inline]
    pub fn close(&mut self) {
        self.ends.push(self.bytes.len() as u32);
    }

    /// The bytes of text `index`.
    #[must_use]
    pub fn get(&self, index: usize) -> &[u8] {
        &self.bytes[self.start(index)..self.ends[index] as usize]
    }

    /// All texts in order.
    #[must_use]
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &[u8]> {
        self.range(0, self.len())
    }

    /// Texts `from..to` in order.
    #[must_use]
    pub fn range(&self, from: usize, to: usize) -> impl ExactSizeIterator<Item = &[u8]> {
        let mut start = self.start(from);
        self.ends[from..to]
            .iter()
            .map(move |&end| &self.bytes[std::mem::replace(&mut start, end as usize)..end as usize])
    }

    /// Keeps the first `len` texts.
    pub fn truncate(&mut self, len: usize) {
        self.ends.truncate(len);
        self.bytes.truncate(self.start(self.ends.len()));
    }

    /// Reserves room for growth by the ratio `more / present`.
    pub fn reserve(&mut self, more: usize, present: usize) {
        reserve_more(&mut self.ends, more, present);
        reserve_more(&mut self.bytes, more, present);
    }

    /// Appends texts `from..to` of `other`.
    pub fn append_range(&mut self, other: &Self, from: usize, to: usize) {
        if from == to {
            return;
        }
        let (start, end) = (other.start(from), other.start(to));
        // Wrapping arithmetic in 32 bits, as wide as the ends, lets the compiler shift eight ends at a time.
        let shift = (self.bytes.len() as u32).wrapping_sub(start as u32);
        self.bytes.extend_from_slice(&other.bytes[start..end]);
        self.ends.extend(other.ends[from..to].iter().map(|end| end.wrapping_add(shift)));
    }

    /// Bytes of texts and ends.
    #[must_use]
    pub const fn byte_size(&self) -> usize {
        self.bytes.len() + self.ends.len() * 4
    }

    /// Allocated bytes.
    #[must_use]
    pub const fn byte_capacity(&self) -> usize {
        self.bytes.capacity() + self.ends.capacity() * 4
    }

    /// Where text `index` begins in `bytes`; for `index == len`, where the last text ends.
    #[must_use]
    pub fn start(&self, index: usize) -> usize {
        end_of(&self.ends, index)
    }
}
