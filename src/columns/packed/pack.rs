//! Packs values of columns into bytes.

use super::PackedRows;
use crate::columns::{Bitmap, Column, Columns, Rank, TextValues, Values, end_of};

/// Bytes of the row header, which holds the length of the fields.
const HEADER_BYTES: usize = size_of::<u64>();

/// Packs the rows of a table one after another.
#[derive(Debug)]
pub struct Packer<'a> {
    /// The columns that have any values.
    columns: Vec<Cursor<'a>>,
    /// Columns with values in the current 64 rows: index in `columns`, and a bit for each row that has one.
    active: Vec<(usize, u64)>,
    row: usize,
    /// Whether a row may be so large that it is measured first, to allocate its chunk at full size.
    is_large: bool,
}

/// A column, and the index of its next value.
#[derive(Debug)]
struct Cursor<'a> {
    number: Leb128,
    column: &'a Column,
    /// Ranks of the columns nested in it.
    ranks: Vec<Rank>,
    next: usize,
}

impl<'a> Packer<'a> {
    /// In a table of at least this many bytes a row may be so large that its chunk should not be reallocated.
    const LARGE_BYTES: usize = 2 << 20;

    /// Starts before the first of `rows`.
    #[must_use]
    pub fn new(rows: &'a Columns) -> Self {
        let columns = rows.columns.iter().enumerate().filter(|(_, column)| column.num_values() > 0);
        let cursor = |(number, column): (usize, &'a Column)| {
            let ranks = Rank::of_columns_in(&column.values);
            Cursor { number: Leb128::new(number), column, ranks, next: 0 }
        };
        let is_large = rows.byte_size() >= Self::LARGE_BYTES;
        Self { columns: columns.map(cursor).collect(), active: Vec::new(), row: 0, is_large }
    }

    /// Packs the next row and appends it to `rows`.
    pub fn pack(&mut self, partition: usize, rows: &mut PackedRows) {
        self.look_at_row();
        let mut size = 0;
        if self.is_large {
            size = HEADER_BYTES + 2 * Leb128::MAX_BYTES;
            self.put_row(&mut size);
        }
        let chunk = rows.chunk_for(size);
        let start = chunk.len();
        chunk.extend_from_slice(&[0; HEADER_BYTES]);
        Leb128::new(partition).put(chunk);
        let fields = chunk.len();
        let num_elements = self.put_row(chunk);
        let size = (chunk.len() - fields) as u64;
        chunk[start..start + HEADER_BYTES].copy_from_slice(&size.to_le_bytes());
        Leb128::new(num_elements).put(chunk);
        rows.num_rows += 1;
        rows.num_elements += num_elements;
        self.leave_row();
    }

    /// Skips the next row.
    pub fn skip(&mut self) {
        self.look_at_row();
        self.leave_row();
    }

    fn look_at_row(&mut self) {
        if self.row.is_multiple_of(64) {
            let words = self.columns.iter().map(|cursor| cursor.column.validity.word_at(self.row));
            self.active.clear();
            self.active.extend(words.enumerate().filter(|(_, word)| *word != 0));
        }
    }

    /// Writes all fields of the row. Returns the number of elements in its lists, counted once for each leaf.
    fn put_row(&self, out: &mut impl Sink) -> usize {
        let mut num_elements = 0;
        for &(index, word) in &self.active {
            if word >> (self.row % 64) & 1 == 1 {
                let Cursor { number, column, ranks, next } = &self.columns[index];
                number.put(out);
                num_elements += put_value(&column.values, *next, ranks, out);
            }
        }
        num_elements
    }

    fn leave_row(&mut self) {
        for &(index, word) in &self.active {
            self.columns[index].next += (word >> (self.row % 64) & 1) as usize;
        }
        self.row += 1;
    }
}

/// A destination for packed bytes.
trait Sink {
    fn byte(&mut self, byte: u8);

    /// Takes bytes `start..end` of `bytes`.
    fn bytes(&mut self, bytes: &[u8], start: usize, end: usize);
}

impl Sink for Vec<u8> {
    #[inline]
    fn byte(&mut self, byte: u8) {
        self.push(byte);
    }

    #[inline]
    fn bytes(&mut self, bytes: &[u8], start: usize, end: usize) {
        append(self, bytes, start, end);
    }
}

/// Counts the bytes, to measure a row.
impl Sink for usize {
    fn byte(&mut self, _: u8) {
        *self += 1;
    }

    fn bytes(&mut self, _: &[u8], start: usize, end: usize) {
        *self += end - start;
    }
}

/// Appends bytes `start..end`. Up to 32 bytes, as usual, are copied at a fixed size, without a call.
#[inline]
pub(super) fn append(out: &mut Vec<u8>, bytes: &[u8], start: usize, end: usize) {
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

/// Writes one value. Returns the number of its elements, counted once for each leaf.
#[inline]
fn put_value(values: &Values, index: usize, ranks: &[Rank], out: &mut impl Sink) -> usize {
    match values {
        Values::Text(_) | Values::Int64(_) | Values::Float64(_) | Values::Bool(_) => {
            put_scalars(values, index, index + 1, out);
            0
        }
        Values::List { ends, element } => {
            let (start, end) = put_lengths(ends, index, index + 1, out);
            put_columns([&**element], ranks, start, end, out);
            end - start
        }
        Values::Structs { ends, element_validity, children } => {
            let (start, end) = put_lengths(ends, index, index + 1, out);
            put_validity(element_validity, (start, end), element_validity.count_ones_between(start, end), out);
            put_columns(children, ranks, start, end, out);
            (end - start) * children.len()
        }
        Values::Map { ends, keys, values } => {
            let (start, end) = put_lengths(ends, index, index + 1, out);
            put_texts(keys, start, end, out);
            put_columns([&**values], ranks, start, end, out);
            (end - start) * 2
        }
    }
}

/// Writes values `from..to` of a scalar column.
#[inline]
fn put_scalars(values: &Values, from: usize, to: usize, out: &mut impl Sink) {
    match values {
        Values::Text(texts) => put_texts(texts, from, to, out),
        Values::Int64(values) => values[from..to].iter().for_each(|value| put_number(value.to_le_bytes(), out)),
        Values::Float64(values) => values[from..to].iter().for_each(|value| put_number(value.to_le_bytes(), out)),
        Values::Bool(values) => (from..to).for_each(|value| out.byte(u8::from(values.get(value)))),
        Values::List { .. } | Values::Structs { .. } | Values::Map { .. } => {
            unreachable!("elements are scalars: `ColumnShape` has no other")
        }
    }
}

#[inline]
fn put_number(bytes: [u8; 8], out: &mut impl Sink) {
    out.bytes(&bytes, 0, bytes.len());
}

#[inline]
fn put_texts(texts: &TextValues, from: usize, to: usize, out: &mut impl Sink) {
    let (start, end) = put_lengths(&texts.ends, from, to, out);
    out.bytes(&texts.bytes, start, end);
}

/// Writes the lengths of the items that end at `ends[from..to]`. Returns where the first begins and the last ends.
#[inline]
fn put_lengths(ends: &[u32], from: usize, to: usize, out: &mut impl Sink) -> (usize, usize) {
    let start = end_of(ends, from);
    let mut end = start;
    for &next in &ends[from..to] {
        let len = next as usize - end;
        end = next as usize;
        if len < 0x80 {
            out.byte(len as u8);
        } else {
            Leb128::new(len).put(out);
        }
    }
    (start, end)
}

/// Writes rows `from..to` of nested columns.
fn put_columns<'a>(
    columns: impl IntoIterator<Item = &'a Column>,
    ranks: &[Rank],
    from: usize,
    to: usize,
    out: &mut impl Sink,
) {
    for (column, rank) in columns.into_iter().zip(ranks) {
        let [first, last] = [from, to].map(|row| rank.before(&column.validity, row));
        put_validity(&column.validity, (from, to), last - first, out);
        if first < last {
            put_scalars(&column.values, first, last, out);
        }
    }
}

/// Writes how many of the bits are set, and the bits themselves unless all are equal.
fn put_validity(bits: &Bitmap, (from, to): (usize, usize), count: usize, out: &mut impl Sink) {
    Leb128::new(count).put(out);
    if count != 0 && count != to - from {
        for at in (from..to).step_by(64) {
            let unused = 64 - (to - at).min(64);
            let word = bits.word_at(at) << unused >> unused;
            out.bytes(&word.to_le_bytes(), 0, size_of::<u64>());
        }
    }
}

/// An encoded number: seven bits per byte, the lowest first; the highest bit of a byte says that more follow.
#[derive(Debug, Clone, Copy)]
struct Leb128 {
    bytes: [u8; Self::MAX_BYTES],
    len: u8,
}

impl Leb128 {
    const MAX_BYTES: usize = 10;

    #[inline]
    const fn new(mut number: usize) -> Self {
        let mut bytes = [0; Self::MAX_BYTES];
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
    fn put(self, out: &mut impl Sink) {
        if self.len == 1 {
            out.byte(self.bytes[0]);
        } else {
            out.bytes(&self.bytes, 0, usize::from(self.len));
        }
    }
}
