//! Rows packed one after another, for when few rows at a time go to each of many partitions.
//!
//! A row in [`Columns`] is spread over as many places as it has values. Appending a row to one of hundreds of tables
//! means fetching the ends of all its columns from distant memory. A packed row is in one place:
//!
//! ```text
//! row     length of the fields, 8 bytes | partition | field | field | ... | elements      missing values take nothing
//! field   number of the column | value
//! value   text: length, bytes     number: 8 bytes     boolean: 1 byte     list or map: length, elements
//! elements of a leaf: how many have a value | a bit for each, unless all or none have one | lengths, bytes or numbers
//! ```
//!
//! Numbers without a stated length are in LEB128: seven bits per byte, the lowest first.

mod pack;
mod unpack;

use std::{iter, mem};

pub use self::pack::Packer;
use self::unpack::Source;
use super::{Columns, LEVEL_BYTES};
use crate::error::{Error, Result};

/// Packed rows in order, each with its partition.
#[derive(Debug, Clone, Default)]
pub struct PackedRows {
    /// Each chunk holds whole rows: many small ones, or one of megabytes, which therefore never moves when a chunk
    /// grows.
    chunks: Vec<Vec<u8>>,
    num_rows: usize,
    num_elements: usize,
    /// Bytes and capacity of all chunks except the last.
    full_bytes: usize,
    full_capacity: usize,
}

/// A row among others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PackedRow<'a> {
    /// The partition number given to [`Packer::pack`].
    pub partition: usize,
    /// Number of elements in its lists and maps, counted once for each leaf.
    num_elements: usize,
    fields: &'a [u8],
    /// The whole packed row.
    bytes: &'a [u8],
}

impl PackedRows {
    /// Capacity of every chunk after the first, unless its first row is larger.
    const CHUNK_BYTES: usize = 64 << 10;

    /// A chunk with at least this many bytes gets no more rows.
    const FULL_BYTES: usize = Self::CHUNK_BYTES / 8 * 7;

    /// Bytes of an unpacked element besides its value: its end and its levels.
    const ELEMENT_BYTES: usize = size_of::<u32>() + LEVEL_BYTES;

    /// Appends the rows of a chunk that came from [`PackedRows::into_chunks`].
    ///
    /// # Errors
    /// [`Error::Bug`] for other bytes, as far as this can be detected without unpacking.
    pub fn push_chunk(&mut self, chunk: Vec<u8>) -> Result<()> {
        let mut rest = Source(&chunk);
        while !rest.0.is_empty() {
            self.num_elements += rest.row().ok_or_else(broken)?.num_elements;
            self.num_rows += 1;
        }
        self.begin_chunk(chunk);
        Ok(())
    }

    /// The chunks of packed rows, in order.
    pub fn into_chunks(self) -> impl Iterator<Item = Vec<u8>> {
        self.chunks.into_iter()
    }

    /// Number of rows.
    #[must_use]
    pub const fn num_rows(&self) -> usize {
        self.num_rows
    }

    /// Bytes of all rows.
    #[must_use]
    pub fn byte_size(&self) -> usize {
        self.full_bytes + self.chunks.last().map_or(0, Vec::len)
    }

    /// Allocated bytes.
    #[must_use]
    pub fn byte_capacity(&self) -> usize {
        self.full_capacity + self.chunks.last().map_or(0, Vec::capacity)
    }

    /// Estimated bytes of the unpacked rows, as a measure for budgets. Elements are added because a null element takes
    /// nothing packed but has levels when unpacked.
    #[must_use]
    pub fn unpacked_size(&self) -> usize {
        self.byte_size() + self.num_elements * Self::ELEMENT_BYTES
    }

    /// Appends a row of another `PackedRows`.
    pub fn push(&mut self, row: PackedRow<'_>) {
        self.chunk_for(row.bytes.len()).extend_from_slice(row.bytes);
        self.num_rows += 1;
        self.num_elements += row.num_elements;
    }

    /// Removes and returns the first `rows` rows, or all if there are fewer.
    #[must_use]
    pub fn take_first(&mut self, rows: usize) -> Self {
        if rows >= self.num_rows {
            return mem::take(self);
        }
        let (mut whole_chunks, mut bytes_of_next, mut num_rows, mut num_elements) = (0, 0, 0, 0);
        for chunk in &self.chunks {
            bytes_of_next = 0;
            for row in rows_of(chunk).take(rows - num_rows) {
                bytes_of_next += row.bytes.len();
                num_rows += 1;
                num_elements += row.num_elements;
            }
            if bytes_of_next < chunk.len() {
                break;
            }
            whole_chunks += 1;
        }
        let mut chunks = mem::take(&mut self.chunks);
        let mut first: Vec<_> = chunks.drain(..whole_chunks).collect();
        // Unused capacity is dropped, so that it does not add up when rows are taken many times.
        first.iter_mut().for_each(Vec::shrink_to_fit);
        if let Some(chunk) = chunks.first_mut()
            && bytes_of_next > 0
        {
            first.push(chunk.drain(..bytes_of_next).collect());
        }
        *self = Self::of_chunks(chunks, self.num_rows - num_rows, self.num_elements - num_elements);
        Self::of_chunks(first, num_rows, num_elements)
    }

    fn of_chunks(chunks: Vec<Vec<u8>>, num_rows: usize, num_elements: usize) -> Self {
        let mut rows = Self { num_rows, num_elements, ..Self::default() };
        for chunk in chunks {
            rows.begin_chunk(chunk);
        }
        rows
    }

    /// The rows, in order.
    pub fn iter(&self) -> impl Iterator<Item = PackedRow<'_>> {
        self.chunks.iter().flat_map(|chunk| rows_of(chunk))
    }

    /// Unpacks all rows and appends them to `columns`, which must have the same schema.
    ///
    /// # Errors
    /// [`Error::Bug`] for bytes that are not rows of this table. Some rows may have been appended by then.
    pub fn unpack_into(self, columns: &mut Columns) -> Result<()> {
        // Each chunk is freed as soon as its rows are unpacked.
        for chunk in self.into_chunks() {
            for row in rows_of(&chunk) {
                Source(row.fields).fields(columns).ok_or_else(broken)?;
                columns.num_rows += 1;
            }
        }
        Ok(())
    }

    /// The chunk for the next row, of about `bytes` bytes.
    fn chunk_for(&mut self, bytes: usize) -> &mut Vec<u8> {
        let is_open = self.chunks.last().is_some_and(|chunk| {
            chunk.len() < Self::FULL_BYTES
                && (chunk.len() + bytes <= Self::CHUNK_BYTES || bytes < Self::CHUNK_BYTES / 8)
        });
        if !is_open {
            let room = if self.chunks.is_empty() { bytes } else { bytes.max(Self::CHUNK_BYTES) };
            self.begin_chunk(Vec::with_capacity(room));
        }
        let last = self.chunks.len() - 1;
        &mut self.chunks[last]
    }

    fn begin_chunk(&mut self, chunk: Vec<u8>) {
        (self.full_bytes, self.full_capacity) = (self.byte_size(), self.byte_capacity());
        self.chunks.push(chunk);
    }
}

/// Compares the rows, however they are divided into chunks.
impl PartialEq for PackedRows {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

/// The rows of a chunk. They are well-formed: packed here, or checked by [`PackedRows::push_chunk`].
fn rows_of(chunk: &[u8]) -> impl Iterator<Item = PackedRow<'_>> {
    let mut rest = Source(chunk);
    iter::from_fn(move || rest.row())
}

fn broken() -> Error {
    Error::Bug("packed rows are not those of this table".to_owned())
}

#[cfg(test)]
mod tests;
