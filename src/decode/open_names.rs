//! The names that no plan knows, of the objects that are open: none is allowed twice.

use super::names::mark;

/// The names met so far in the objects that are open, to find one given twice.
#[derive(Debug, Clone, Default)]
pub(super) struct OpenNames {
    bytes: Vec<u8>,
    marks: NameMarks,
}

/// The same of names whose text is kept elsewhere, one behind the other.
#[derive(Debug, Clone, Default)]
pub(super) struct NameMarks(Vec<NameMark>);

#[derive(Debug, Clone, Copy)]
struct NameMark {
    mark: u64,
    start: usize,
    end: usize,
    offset: usize,
}

/// The names of one object.
#[derive(Debug)]
pub(super) struct Frame {
    /// Where they begin.
    start: usize,
    /// A bit for each name, chosen by its mark: a name whose bit is not there is not there itself.
    bits: u64,
}

impl OpenNames {
    /// Opens an object.
    #[inline]
    pub fn open(&self) -> Frame {
        self.marks.open()
    }

    /// Adds a name at `offset`; false if the object has it already (a large object says so only when closed).
    #[inline]
    pub fn add(&mut self, frame: &mut Frame, name: &[u8], offset: usize) -> bool {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(name);
        self.marks.add(frame, mark(name), &self.bytes, start, offset)
    }

    /// Closes an object; gives the offset of a name given twice, if a large object has one.
    #[inline(always)]
    pub fn close(&mut self, frame: &Frame) -> Option<usize> {
        if self.marks.0.len() == frame.start { None } else { self.close_some(frame) }
    }

    fn close_some(&mut self, frame: &Frame) -> Option<usize> {
        // Before the names are sorted: the first of them has the first bytes.
        let bytes = self.marks.0[frame.start].start;
        let twice = self.marks.close(frame, &self.bytes);
        self.bytes.truncate(bytes);
        twice
    }

    /// Forgets everything, after a fault.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.marks.clear();
    }
}

impl NameMarks {
    /// Objects with more names than this are checked once at their end, by sorting, instead of name by name.
    const COMPARED_ONE_BY_ONE: usize = 24;

    /// Opens an object.
    #[inline]
    pub fn open(&self) -> Frame {
        Frame { start: self.0.len(), bits: 0 }
    }

    /// Adds the name that `texts` ends with, from `start` on; false if the object has it already (a large object says so
    /// only when closed).
    #[inline]
    pub fn add(&mut self, frame: &mut Frame, mark: u64, texts: &[u8], start: usize, offset: usize) -> bool {
        let bit = 1 << (mark % 64);
        if frame.bits & bit != 0 && self.has(frame, mark, &texts[start..], texts) {
            return false;
        }
        frame.bits |= bit;
        self.0.push(NameMark { mark, start, end: texts.len(), offset });
        true
    }

    #[inline(never)]
    fn has(&self, frame: &Frame, mark: u64, name: &[u8], texts: &[u8]) -> bool {
        let open = &self.0[frame.start..];
        open.len() <= Self::COMPARED_ONE_BY_ONE
            && open.iter().any(|other| other.mark == mark && texts[other.start..other.end] == *name)
    }

    /// Closes an object; gives the offset of a name given twice, if a large object has one.
    #[inline]
    pub fn close(&mut self, frame: &Frame, texts: &[u8]) -> Option<usize> {
        let is_large = self.0.len() - frame.start > Self::COMPARED_ONE_BY_ONE;
        let twice = if is_large { self.first_given_twice(frame, texts) } else { None };
        self.0.truncate(frame.start);
        twice
    }

    #[inline(never)]
    fn first_given_twice(&mut self, frame: &Frame, texts: &[u8]) -> Option<usize> {
        let text = |name: &NameMark| &texts[name.start..name.end];
        let open = &mut self.0[frame.start..];
        open.sort_unstable_by(|a, b| {
            a.mark.cmp(&b.mark).then_with(|| text(a).cmp(text(b))).then(a.offset.cmp(&b.offset))
        });
        open.windows(2).filter(|pair| text(&pair[0]) == text(&pair[1])).map(|pair| pair[1].offset).min()
    }

    /// Forgets everything, after a fault.
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
