//! Values of columns to bytes.

use super::PackedRows;
use crate::columns::{Bitmap, Column, Columns, TextValues, Values, end_of};

/// Packs rows of a table one after the other.
#[derive(Debug)]
pub struct Packer<'a> {
    /// Those that have values.
    columns: Vec<Cursor<'a>>,
    /// Those that have values in the 64 rows at hand: index in `columns`, and which of the rows.
    active: Vec<(usize, u64)>,
    row: usize,
}

/// A column, and which of its values comes next.
#[derive(Debug)]
struct Cursor<'a> {
    number: Leb128,
    column: &'a Column,
    next: usize,
}

impl<'a> Packer<'a> {
    /// Of all rows, from the first one on.
    #[must_use]
    pub fn new(rows: &'a Columns) -> Self {
        let columns = rows.columns.iter().enumerate().filter(|(_, column)| column.num_values() > 0);
        let cursor = |(number, column)| Cursor { number: Leb128::new(number), column, next: 0 };
        Self { columns: columns.map(cursor).collect(), active: Vec::new(), row: 0 }
    }

    /// Packs the next row behind those in `rows`.
    pub fn pack(&mut self, partition: usize, rows: &mut PackedRows) {
        let start = rows.bytes.len();
        rows.bytes.extend_from_slice(&[0; size_of::<u64>()]);
        Leb128::new(partition).put(&mut rows.bytes);
        let fields = rows.bytes.len();
        self.next_row(|cursor| {
            cursor.number.put(&mut rows.bytes);
            put_values(&cursor.column.values, cursor.next, cursor.next + 1, &mut rows.bytes);
        });
        let size = (rows.bytes.len() - fields) as u64;
        rows.bytes[start..start + size_of::<u64>()].copy_from_slice(&size.to_le_bytes());
        rows.num_rows += 1;
    }

    /// Leaves the next row out.
    pub fn skip(&mut self) {
        self.next_row(|_| ());
    }

    fn next_row(&mut self, mut take: impl FnMut(&Cursor<'a>)) {
        let bit = self.row % 64;
        if bit == 0 {
            let words = self.columns.iter().map(|cursor| cursor.column.validity.word_at(self.row));
            self.active.clear();
            self.active.extend(words.enumerate().filter(|(_, word)| *word != 0));
        }
        for &(index, word) in &self.active {
            if word >> bit & 1 == 1 {
                let cursor = &mut self.columns[index];
                take(cursor);
                cursor.next += 1;
            }
        }
        self.row += 1;
    }
}

/// Values `from..to`.
#[inline]
fn put_values(values: &Values, from: usize, to: usize, out: &mut Vec<u8>) {
    match values {
        Values::Text(texts) => put_texts(texts, from, to, out),
        Values::Int64(values) => {
            for value in &values[from..to] {
                out.extend_from_slice(&value.to_le_bytes());
            }
        }
        Values::Float64(values) => {
            for value in &values[from..to] {
                out.extend_from_slice(&value.to_le_bytes());
            }
        }
        Values::Bool(values) => out.extend((from..to).map(|value| u8::from(values.get(value)))),
        Values::List { ends, element } => {
            let (start, end) = put_lengths(ends, from, to, out);
            put_column(element, start, end, out);
        }
        Values::Structs { ends, element_validity, children } => {
            let (start, end) = put_lengths(ends, from, to, out);
            let structs = [start, end].map(|element| element_validity.count_ones_before(element));
            put_validity(element_validity, (start, end), structs[1] - structs[0], out);
            for child in children {
                put_column(child, start, end, out);
            }
        }
        Values::Map { ends, keys, values } => {
            let (start, end) = put_lengths(ends, from, to, out);
            put_texts(keys, start, end, out);
            put_column(values, start, end, out);
        }
    }
}

#[inline]
fn put_texts(texts: &TextValues, from: usize, to: usize, out: &mut Vec<u8>) {
    let (start, end) = put_lengths(&texts.ends, from, to, out);
    put_bytes(&texts.bytes, start, end, out);
}

/// Appends bytes `start..end`, which are mostly few: those without a call.
#[inline]
pub(super) fn put_bytes(bytes: &[u8], start: usize, end: usize, out: &mut Vec<u8>) {
    const FEW: usize = 32;
    let len = end - start;
    match bytes.get(start..).and_then(|rest| rest.first_chunk::<FEW>()) {
        Some(few) if len <= FEW => {
            out.extend_from_slice(few);
            out.truncate(out.len() - FEW + len);
        }
        _ => out.extend_from_slice(&bytes[start..end]),
    }
}

/// Lengths of what ends there; gives where the first one begins and the last one ends.
#[inline]
fn put_lengths(ends: &[u32], from: usize, to: usize, out: &mut Vec<u8>) -> (usize, usize) {
    let start = end_of(ends, from);
    let mut end = start;
    for &next in &ends[from..to] {
        let len = next as usize - end;
        end = next as usize;
        if len < 0x80 {
            out.push(len as u8);
        } else {
            Leb128::new(len).put(out);
        }
    }
    (start, end)
}

/// Rows `from..to` of a column within another.
fn put_column(column: &Column, from: usize, to: usize, out: &mut Vec<u8>) {
    let is_dense = column.num_values() == column.validity.len();
    let [first, last] = [from, to].map(|row| {
        let row = row.min(column.validity.len());
        if is_dense { row } else { column.validity.count_ones_before(row) }
    });
    put_validity(&column.validity, (from, to), last - first, out);
    if first < last {
        put_values(&column.values, first, last, out);
    }
}

/// How many of the bits are set, and the bits unless they are all alike.
fn put_validity(bits: &Bitmap, (from, to): (usize, usize), count: usize, out: &mut Vec<u8>) {
    Leb128::new(count).put(out);
    if count != 0 && count != to - from {
        for at in (from..to).step_by(64) {
            let unused = 64 - (to - at).min(64);
            out.extend_from_slice(&(bits.word_at(at) << unused >> unused).to_le_bytes());
        }
    }
}

/// A number of seven bits a byte, the lowest first; the highest bit of a byte says that there are more.
#[derive(Debug, Clone, Copy)]
struct Leb128 {
    bytes: [u8; 10],
    len: u8,
}

impl Leb128 {
    #[inline]
    const fn new(mut number: usize) -> Self {
        let mut bytes = [0; 10];
        let mut len = 0;
        while number >= 0x80 {
            bytes[len] = number as u8 | 0x80;
            number >>= 7;
            len += 1;
        }
        bytes[len] = number as u8;
        Self { bytes, len: len as u8 + 1 }
    }

    #[inline]
    fn put(self, out: &mut Vec<u8>) {
        if self.len == 1 {
            out.push(self.bytes[0]);
        } else {
            out.extend_from_slice(&self.bytes[..usize::from(self.len)]);
        }
    }
}
