//! Collects the values that no column holds, until their rows are known and they go to the `extra` map.

use std::ops::Range;

use crate::columns::{Column, Values};

/// Unknown members and mismatched values of one record.
#[derive(Debug, Clone, Default)]
pub(super) struct PendingExtra {
    text: Vec<u8>,
    entries: Vec<Entry>,
    /// Bytes that further entries may take on one row.
    room: u64,
}

#[derive(Debug, Clone, Copy)]
struct Entry {
    /// Levels from the value's object down to the row: 0 is the row itself, 1 the parent.
    level: u8,
    /// Rows that it belongs to; unknown while `end_row` is [`OPEN`].
    first_row: u32,
    end_row: u32,
    /// In `text`: where the path begins, its length, and the length of the raw value that follows it.
    start: usize,
    path_len: u32,
    raw_len: u32,
}

impl Entry {
    const fn path(&self) -> Range<usize> {
        self.start..self.start + self.path_len as usize
    }

    const fn raw(&self) -> Range<usize> {
        let start = self.start + self.path_len as usize;
        start..start + self.raw_len as usize
    }

    /// Bytes that the entry takes on each of its rows.
    const fn row_bytes(&self) -> u64 {
        self.path_len as u64 + self.raw_len as u64 + PendingExtra::ENTRY_BYTES
    }
}

const OPEN: u32 = u32::MAX;

impl PendingExtra {
    /// Bytes of an entry on each of its rows besides its texts: its item in the sort order, ends, validity.
    const ENTRY_BYTES: u64 = 32;

    /// Begins a record, whose entries may take `room` bytes on one row.
    pub const fn begin_record(&mut self, room: u64) {
        self.room = room;
    }

    /// Adds a value; false if it exceeds the limit. `path` is its full pointer.
    #[must_use]
    pub fn add(&mut self, level: u8, path: &str, raw: &[u8]) -> bool {
        let (Ok(path_len), Ok(raw_len)) = (u32::try_from(path.len()), u32::try_from(raw.len())) else { return false };
        let entry = Entry { level, first_row: 0, end_row: OPEN, start: self.text.len(), path_len, raw_len };
        let Some(room) = self.room.checked_sub(entry.row_bytes()) else { return false };
        self.room = room;
        self.text.extend_from_slice(path.as_bytes());
        self.text.extend_from_slice(raw);
        self.entries.push(entry);
        true
    }

    /// The index from which on an object's entries will be added.
    #[inline(always)]
    pub fn next_entry(&self) -> usize {
        self.entries.len()
    }

    /// Sets the rows of all entries of `level` from `first_entry` on.
    #[inline]
    pub fn assign(&mut self, first_entry: usize, level: u8, first_row: usize, end_row: usize) {
        for entry in &mut self.entries[first_entry..] {
            if entry.level == level && entry.end_row == OPEN {
                (entry.first_row, entry.end_row) = (first_row as u32, end_row as u32);
            }
        }
    }

    /// Bytes of the entries once they are repeated on their rows.
    pub fn flattened_bytes(&self) -> u64 {
        self.entries.iter().map(|entry| entry.row_bytes() * u64::from(entry.end_row - entry.first_row)).sum()
    }

    /// Writes all entries to the `extra` column, by row and within a row from the inside out, and clears them. Returns
    /// how many values they are, and how many entries on all their rows.
    pub fn flush(&mut self, column: &mut Column) -> (usize, usize) {
        let num_values = self.entries.len();
        if num_values == 0 {
            return (0, 0);
        }
        let mut order: Vec<(u32, u8, u32)> = Vec::new();
        for (at, entry) in self.entries.iter().enumerate() {
            order.extend((entry.first_row..entry.end_row).map(|row| (row, entry.level, at as u32)));
        }
        order.sort_unstable();
        if let Values::Map { ends, keys, values } = &mut column.values {
            for (at, &(row, _, index)) in order.iter().enumerate() {
                let entry = &self.entries[index as usize];
                values.validity.set(keys.len());
                keys.push(&self.text[entry.path()]);
                if let Values::Text(text) = &mut values.values {
                    text.push(&self.text[entry.raw()]);
                }
                if order.get(at + 1).is_none_or(|next| next.0 != row) {
                    column.validity.set(row as usize);
                    ends.push(keys.len() as u32);
                }
            }
        }
        self.clear();
        (num_values, order.len())
    }

    /// Releases most of the memory that a huge record took.
    pub fn trim(&mut self, kept_bytes: usize) {
        self.text.shrink_to(kept_bytes);
        self.entries.shrink_to(kept_bytes / size_of::<Entry>());
    }

    /// Clears everything, after a fault.
    #[inline]
    pub fn clear(&mut self) {
        self.text.clear();
        self.entries.clear();
    }
}
