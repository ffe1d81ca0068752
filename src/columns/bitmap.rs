//! Growing bitmaps, for validity and boolean values.

use super::reserve_more;

/// A growing sequence of bits. Bits at and beyond `len` in the last word are zero.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Bitmap {
    words: Vec<u64>,
    len: usize,
}

impl Bitmap {
    /// Reserves room for growth by the ratio `more / present`.
    pub fn reserve(&mut self, more: usize, present: usize) {
        reserve_more(&mut self.words, more, present);
    }

    /// Number of bits.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Whether there are no bits at all.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The words, least significant bit first; bits beyond [`Bitmap::len`] are zero.
    #[must_use]
    pub fn words(&self) -> &[u64] {
        &self.words
    }

    /// Bit `index`; false beyond the end.
    #[must_use]
    pub fn get(&self, index: usize) -> bool {
        self.words.get(index / 64).is_some_and(|word| word >> (index % 64) & 1 == 1)
    }

    /// Sets bit `index`, which must be at or beyond the end. Bits in between become zero.
    #[inline(always)]
    pub fn set(&mut self, index: usize) {
        let bit = 1 << (index % 64);
        match self.words.get_mut(index / 64) {
            Some(word) => *word |= bit,
            None => self.set_beyond(index / 64, bit),
        }
        debug_assert!(index >= self.len, "bit {index} is before the end {}", self.len);
        self.len = index + 1;
    }

    #[inline(never)]
    fn set_beyond(&mut self, word: usize, bit: u64) {
        self.words.resize(word, 0);
        self.words.push(bit);
    }

    /// Sets every bit that is set in `other`.
    pub fn unite(&mut self, other: &Self) {
        self.resize(self.len.max(other.len));
        self.words.iter_mut().zip(&other.words).for_each(|(word, other)| *word |= other);
    }

    /// Appends one bit.
    #[inline(always)]
    pub fn push(&mut self, bit: bool) {
        let word = self.len / 64;
        if word >= self.words.len() {
            self.words.push(0);
        }
        self.words[word] |= u64::from(bit) << (self.len % 64);
        self.len += 1;
    }

    /// Changes the length to `len`: cuts, or appends zeros.
    pub fn resize(&mut self, len: usize) {
        self.words.resize(len.div_ceil(64), 0);
        if len < self.len && !len.is_multiple_of(64) {
            self.words[len / 64] &= (1 << (len % 64)) - 1;
        }
        self.len = len;
    }

    /// Cuts to `len` bits, if longer.
    pub fn truncate(&mut self, len: usize) {
        if len < self.len {
            self.resize(len);
        }
    }

    /// Cuts to `len` bits, and further to the last set one: as if no more had ever been set.
    pub fn truncate_to_ones(&mut self, len: usize) {
        self.truncate(len);
        let used = self.words.iter().rposition(|&word| word != 0).map_or(0, |last| last + 1);
        self.words.truncate(used);
        let last = self.words.last().map_or(0, |word| 64 - word.leading_zeros() as usize);
        self.len = used.saturating_sub(1) * 64 + last;
    }

    /// How many bits are set.
    #[must_use]
    pub fn count_ones(&self) -> usize {
        self.words.iter().map(|word| word.count_ones() as usize).sum()
    }

    /// How many of the bits `0..index` are set.
    #[must_use]
    pub fn count_ones_before(&self, index: usize) -> usize {
        if index >= self.len {
            return self.count_ones();
        }
        let whole: usize = self.words[..index / 64].iter().map(|word| word.count_ones() as usize).sum();
        let rest = self.words[index / 64] & ((1u64 << (index % 64)) - 1);
        whole + rest.count_ones() as usize
    }

    /// How many of the bits `from..to` are set.
    #[must_use]
    pub fn count_ones_between(&self, from: usize, to: usize) -> usize {
        let words = (from..to).step_by(64).map(|at| self.word_at(at) << (64 - (to - at).min(64)));
        words.map(|word| word.count_ones() as usize).sum()
    }

    /// The indexes of the set bits, ascending.
    pub fn iter_ones(&self) -> impl Iterator<Item = usize> + '_ {
        self.words.iter().enumerate().flat_map(|(index, &word)| {
            std::iter::successors((word != 0).then_some(word), |rest| {
                let next = rest & (rest - 1);
                (next != 0).then_some(next)
            })
            .map(move |rest| index * 64 + rest.trailing_zeros() as usize)
        })
    }

    /// Appends all bits of `other`, whole words at a time.
    pub fn append(&mut self, other: &Self) {
        let shift = self.len % 64;
        match (self.words.last_mut(), &other.words[..]) {
            (Some(last), [first, .., end] | [first @ end]) if shift > 0 => {
                *last |= first << shift;
                self.words.extend(other.words.array_windows().map(|[low, high]| low >> (64 - shift) | high << shift));
                self.words.push(end >> (64 - shift));
            }
            (_, words) => self.words.extend_from_slice(words),
        }
        self.len += other.len;
        self.words.truncate(self.len.div_ceil(64));
    }

    /// Appends bits `from..to` of `other`, up to 64 at a time.
    pub fn append_range(&mut self, other: &Self, from: usize, to: usize) {
        let mut at = from;
        while at < to {
            let count = (to - at).min(64);
            self.append_word(other.word_at(at), count);
            at += count;
        }
    }

    /// Appends `count` bits of the same value.
    pub fn append_run(&mut self, bit: bool, count: usize) {
        if !bit {
            return self.resize(self.len + count);
        }
        for at in (0..count).step_by(64) {
            self.append_word(u64::MAX, (count - at).min(64));
        }
    }

    /// Bytes of the bits.
    #[must_use]
    pub const fn byte_size(&self) -> usize {
        self.words.len() * 8
    }

    /// Allocated bytes.
    #[must_use]
    pub const fn byte_capacity(&self) -> usize {
        self.words.capacity() * 8
    }

    /// Number of equal bits from bit `at` on, up to bit `to` at most. Bits beyond the end count as zeros.
    #[must_use]
    pub fn run_length(&self, at: usize, to: usize) -> usize {
        let flip = if self.get(at) { u64::MAX } else { 0 };
        let mut end = at;
        while end < to {
            if flip == 0 && end >= self.len {
                end = to;
                break;
            }
            let alike = (self.word_at(end) ^ flip).trailing_zeros() as usize;
            end += alike;
            if alike < 64 {
                break;
            }
        }
        end.min(to) - at
    }

    /// The 64 bits that begin at bit `at`; zeros beyond the end.
    #[must_use]
    pub fn word_at(&self, at: usize) -> u64 {
        let (word, shift) = (at / 64, at % 64);
        let low = self.words.get(word).copied().unwrap_or(0) >> shift;
        if shift == 0 {
            return low;
        }
        low | self.words.get(word + 1).copied().unwrap_or(0) << (64 - shift)
    }

    /// Appends the `count` low bits of `bits` (1 to 64).
    pub(super) fn append_word(&mut self, bits: u64, count: usize) {
        let bits = if count == 64 { bits } else { bits & ((1 << count) - 1) };
        let shift = self.len % 64;
        if shift == 0 {
            self.words.push(bits);
        } else {
            let last = self.words.len() - 1;
            self.words[last] |= bits << shift;
            if shift + count > 64 {
                self.words.push(bits >> (64 - shift));
            }
        }
        self.len += count;
    }
}
