//! Rows packed one behind the other, for where few rows at a time go to each of many places.
//!
//! A row in [`Columns`](super::Columns) stands in as many places as it has values, and so has the next one. To append a row to one of
//! hundreds of tables means to fetch the ends of all its columns from far away. A packed row is in one place:
//!
//! ```text
//! row     length of the fields, 8 bytes | partition | field | field | ...        missing values take nothing
//! field   number of the column | value
//! value   text: length, bytes     number: 8 bytes     boolean: 1 byte     list or map: length, elements
//! ```
//!
//! Where no length is said, numbers are in LEB128: seven bits a byte, the lowest first.

mod pack;
mod unpack;

pub use self::pack::Packer;
use self::unpack::Source;
use super::Columns;
use crate::error::{Error, Result};

/// Rows behind each other, each with its partition.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PackedRows {
    bytes: Vec<u8>,
    num_rows: usize,
}

/// A row among others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PackedRow<'a> {
    /// The number that was given for it.
    pub partition: usize,
    /// All of it.
    bytes: &'a [u8],
    /// Where its fields begin.
    header: usize,
}

impl PackedRows {
    /// Rows of bytes that came from [`PackedRows::into_bytes`].
    ///
    /// # Errors
    /// [`Error::Bug`] for other bytes, as far as it can be seen without unpacking.
    pub fn from_bytes(bytes: Vec<u8>) -> Result<Self> {
        let mut rest = Source(&bytes);
        let mut num_rows = 0;
        while !rest.0.is_empty() {
            rest.row().ok_or_else(broken)?;
            num_rows += 1;
        }
        Ok(Self { bytes, num_rows })
    }

    /// The bytes of all rows.
    #[must_use]
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// Number of rows.
    #[must_use]
    pub const fn num_rows(&self) -> usize {
        self.num_rows
    }

    /// Bytes of all rows.
    #[must_use]
    pub const fn byte_size(&self) -> usize {
        self.bytes.len()
    }

    /// Bytes that are allocated.
    #[must_use]
    pub const fn byte_capacity(&self) -> usize {
        self.bytes.capacity()
    }

    /// Appends a row of others.
    pub fn push(&mut self, row: PackedRow<'_>) {
        self.bytes.extend_from_slice(row.bytes);
        self.num_rows += 1;
    }

    /// Leaves the first `rows` rows and gives the others.
    #[must_use]
    pub fn split_off(&mut self, rows: usize) -> Self {
        if rows >= self.num_rows {
            return Self::default();
        }
        let first = self.iter().take(rows).map(|row| row.bytes.len()).sum();
        let rest = Self { bytes: self.bytes.split_off(first), num_rows: self.num_rows - rows };
        self.num_rows = rows;
        rest
    }

    /// The rows in order.
    pub fn iter(&self) -> impl Iterator<Item = PackedRow<'_>> {
        let mut rest = Source(&self.bytes);
        // Each was packed here, or looked at where it came back.
        std::iter::from_fn(move || rest.row())
    }

    /// Unpacks all rows behind those of `columns`, which have the schema of the packed ones.
    ///
    /// # Errors
    /// [`Error::Bug`], for bytes that are not rows of this table. Some of them may stand in the columns then.
    pub fn unpack_behind(&self, columns: &mut Columns) -> Result<()> {
        for row in self.iter() {
            Source(&row.bytes[row.header..]).fields(columns).ok_or_else(broken)?;
            columns.num_rows += 1;
        }
        Ok(())
    }
}

fn broken() -> Error {
    Error::Bug("packed rows are not those of this table".to_owned())
}

#[cfg(test)]
mod tests;
