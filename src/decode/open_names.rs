//! The names that no plan knows, of the objects that are open: none is allowed twice.

use super::names::mark;

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

/// Where the names of one object begin.
#[derive(Debug, Clone, Copy)]
pub(super) struct Frame(usize);

impl OpenNames {
    /// Objects with more names than this are checked once at their end, by sorting, instead of name by name.
    const COMPARED_ONE_BY_ONE: usize = 24;

    /// Opens an object.
    #[inline]
    pub fn open(&self) -> Frame {
        Frame(self.names.len())
    }

    /// Adds a name at `offset`; false if the object has it already (a large object says so only when closed).
    #[inline]
    pub fn add(&mut self, frame: Frame, name: &[u8], offset: usize) -> bool {
        let mark = mark(name);
        let open = &self.names[frame.0..];
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
    #[inline(always)]
    pub fn close(&mut self, frame: Frame) -> Option<usize> {
        if self.names.len() == frame.0 { None } else { self.close_some(frame) }
    }

    fn close_some(&mut self, frame: Frame) -> Option<usize> {
        // Before the names are sorted: the first of them has the first bytes.
        let bytes = self.names[frame.0].start;
        let is_large = self.names.len() - frame.0 > Self::COMPARED_ONE_BY_ONE;
        let twice = if is_large { self.first_given_twice(frame) } else { None };
        self.names.truncate(frame.0);
        self.bytes.truncate(bytes);
        twice
    }

    fn first_given_twice(&mut self, frame: Frame) -> Option<usize> {
        let text = |name: &OpenName| &self.bytes[name.start..name.end];
        let open = &mut self.names[frame.0..];
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
}
