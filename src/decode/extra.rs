//! What no column holds, until its rows are known: then it goes to the `extra` map.

use crate::columns::{Column, Values};

/// Unknown members and mismatched values of one record.
#[derive(Debug, Clone, Default)]
pub(super) struct PendingExtra {
    text: Vec<u8>,
    entries: Vec<Entry>,
}

#[derive(Debug, Clone, Copy)]
struct Entry {
    /// Objects between the value and its row: 0 is the row itself, 1 the parent.
    level: u8,
    /// Rows it belongs to; open while `end` is `u32::MAX`.
    first_row: u32,
    end_row: u32,
    path: (usize, usize),
    raw: (usize, usize),
}

const OPEN: u32 = u32::MAX;

impl PendingExtra {
    /// What an entry takes on each of its rows besides its texts: its place in the order of entries, ends, validity.
    const ENTRY_BYTES: u64 = 32;

    /// Adds a value. `path` is its full pointer.
    pub fn add(&mut self, level: u8, path: &str, raw: &[u8]) {
        let path_start = self.text.len();
        self.text.extend_from_slice(path.as_bytes());
        let raw_start = self.text.len();
        self.text.extend_from_slice(raw);
        self.entries.push(Entry {
            level,
            first_row: 0,
            end_row: OPEN,
            path: (path_start, raw_start),
            raw: (raw_start, self.text.len()),
        });
    }

    /// The position behind which an object's entries will stand.
    #[inline(always)]
    pub fn mark(&self) -> usize {
        self.entries.len()
    }

    /// Says which rows the entries of `level` behind `mark` belong to.
    #[inline]
    pub fn assign(&mut self, mark: usize, level: u8, first_row: usize, end_row: usize) {
        for entry in &mut self.entries[mark..] {
            if entry.level == level && entry.end_row == OPEN {
                (entry.first_row, entry.end_row) = (first_row as u32, end_row as u32);
            }
        }
    }

    /// Bytes that the entries will take once repeated on their rows.
    pub fn flattened_bytes(&self) -> u64 {
        let bytes = |entry: &Entry| {
            let bytes = (entry.raw.1 - entry.path.0) as u64 + Self::ENTRY_BYTES;
            bytes * u64::from(entry.end_row - entry.first_row)
        };
        self.entries.iter().map(bytes).sum()
    }

    /// Writes all entries to the `extra` column, by row, within a row from the inside out, and forgets them.
    pub fn flush(&mut self, column: &mut Column) {
        if self.entries.is_empty() {
            return;
        }
        let mut order: Vec<(u32, u8, usize)> = Vec::new();
        for (at, entry) in self.entries.iter().enumerate() {
            order.extend((entry.first_row..entry.end_row).map(|row| (row, entry.level, at)));
        }
        order.sort_unstable();
        if let Values::Map { ends, keys, values } = &mut column.values {
            for (at, &(row, _, index)) in order.iter().enumerate() {
                let entry = &self.entries[index];
                values.validity.set(keys.len());
                keys.push(&self.text[entry.path.0..entry.path.1]);
                if let Values::Text(text) = &mut values.values {
                    text.push(&self.text[entry.raw.0..entry.raw.1]);
                }
                if order.get(at + 1).is_none_or(|next| next.0 != row) {
                    column.validity.set(row as usize);
                    ends.push(keys.len() as u32);
                }
            }
        }
        self.clear();
    }

    /// Forgets everything, after a fault.
    #[inline]
    pub fn clear(&mut self) {
        self.text.clear();
        self.entries.clear();
    }
}
