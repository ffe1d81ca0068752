//! The footer's metadata of one row group (`RowGroup`), encoded as far as it can be before the file ends.
//!
//! Only the offsets of the page indexes are unknown until then, since these follow all row groups. So a record has
//!
//! ```text
//! rows | bytes before compression | bytes of pages | offset        8 bytes each
//! for each leaf      length of each of the following                4 bytes each
//!                    ColumnMetaData | ColumnIndex | OffsetIndex
//! ```

use std::borrow::Cow;

use crate::error::{Error, Result};

/// What is known about a row group once it is in its file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RowGroupFacts {
    pub num_rows: u64,
    pub uncompressed_bytes: u64,
    pub compressed_bytes: u64,
    /// Where it begins in the file.
    pub offset: u64,
}

/// The encoded metadata of one row group, for the footer.
#[derive(Debug)]
pub struct RowGroupRecord<'a>(Cow<'a, [u8]>);

/// The encoded metadata of one leaf of a row group.
#[derive(Debug, Clone, Copy)]
pub struct LeafRecord<'a> {
    pub metadata: &'a [u8],
    /// Empty if it has none.
    pub column_index: &'a [u8],
    pub offset_index: &'a [u8],
}

const NUMBER: usize = size_of::<u64>();
const LENGTH: usize = size_of::<u32>();
const HEAD_BYTES: usize = 4 * NUMBER;
const LENGTHS_BYTES: usize = 3 * LENGTH;

/// Writes a record, leaf by leaf.
#[derive(Debug)]
pub struct RowGroupRecordWriter(Vec<u8>);

impl RowGroupRecordWriter {
    /// Begins a record of this many leaves.
    pub fn new(num_leaves: usize) -> Self {
        let mut bytes = Vec::with_capacity(HEAD_BYTES + num_leaves * 256);
        bytes.resize(HEAD_BYTES, 0);
        Self(bytes)
    }

    /// Adds a leaf. Each of the functions appends the structure that it is named after.
    pub fn add(
        &mut self,
        metadata: impl FnOnce(&mut Vec<u8>),
        column_index: &[u8],
        offset_index: impl FnOnce(&mut Vec<u8>),
    ) {
        let bytes = &mut self.0;
        let lengths = bytes.len();
        bytes.resize(lengths + LENGTHS_BYTES, 0);
        let mut ends = [lengths + LENGTHS_BYTES; 4];
        metadata(bytes);
        ends[1] = bytes.len();
        bytes.extend_from_slice(column_index);
        ends[2] = bytes.len();
        offset_index(bytes);
        ends[3] = bytes.len();
        for (place, of) in bytes[lengths..].chunks_exact_mut(LENGTH).zip(ends.windows(2)) {
            place.copy_from_slice(&((of[1] - of[0]) as u32).to_le_bytes());
        }
    }

    /// The record of the added leaves.
    pub fn finish(mut self, facts: RowGroupFacts) -> RowGroupRecord<'static> {
        let RowGroupFacts { num_rows, uncompressed_bytes, compressed_bytes, offset } = facts;
        let numbers = [num_rows, uncompressed_bytes, compressed_bytes, offset];
        for (place, number) in self.0.chunks_exact_mut(NUMBER).zip(numbers) {
            place.copy_from_slice(&number.to_le_bytes());
        }
        RowGroupRecord(Cow::Owned(self.0))
    }
}

impl<'a> RowGroupRecord<'a> {
    /// A record from its [`bytes`](Self::bytes).
    pub const fn from_bytes(bytes: &'a [u8]) -> Self {
        Self(Cow::Borrowed(bytes))
    }

    /// The bytes of the record, to be stored.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// The facts of the row group.
    ///
    /// # Errors
    /// [`Error::Bug`] when it is not a record.
    pub fn facts(&self) -> Result<RowGroupFacts> {
        let Some((head, _)) = self.0.split_first_chunk::<HEAD_BYTES>() else { return Err(broken()) };
        let number = |at: usize| head[at * NUMBER..].first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes));
        let [num_rows, uncompressed_bytes, compressed_bytes, offset] = [0, 1, 2, 3].map(number);
        Ok(RowGroupFacts { num_rows, uncompressed_bytes, compressed_bytes, offset })
    }

    /// The leaves, in schema order.
    ///
    /// # Errors
    /// [`Error::Bug`] when it is not a record of `num_leaves` leaves.
    pub fn leaves(&self, num_leaves: usize) -> Result<Vec<LeafRecord<'_>>> {
        let mut rest = self.0.get(HEAD_BYTES..).unwrap_or_default();
        let mut leaf = || {
            let (lengths, behind) = rest.split_first_chunk::<LENGTHS_BYTES>()?;
            let mut behind = behind;
            let mut section = |at: usize| {
                let len = u32::from_le_bytes(*lengths[at * LENGTH..].first_chunk()?) as usize;
                let (section, others) = behind.split_at_checked(len)?;
                behind = others;
                Some(section)
            };
            let (metadata, column_index, offset_index) = (section(0)?, section(1)?, section(2)?);
            rest = behind;
            Some(LeafRecord { metadata, column_index, offset_index })
        };
        let leaves: Option<Vec<_>> = (0..num_leaves).map(|_| leaf()).collect();
        leaves.filter(|_| rest.is_empty()).ok_or_else(broken)
    }
}

fn broken() -> Error {
    Error::Bug("what was kept of a row group is not what was written".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_gives_back_what_it_was_made_of() {
        let facts = RowGroupFacts { num_rows: 1, uncompressed_bytes: 2, compressed_bytes: 3, offset: u64::MAX };
        let mut writer = RowGroupRecordWriter::new(2);
        writer.add(|out| out.extend(b"abc"), b"", |out| out.push(b'd'));
        writer.add(|_| (), b"ef", |_| ());
        let record = writer.finish(facts);
        let record = RowGroupRecord::from_bytes(record.bytes());
        assert_eq!(record.facts().unwrap(), facts);
        let leaves = record.leaves(2).unwrap();
        let texts: Vec<_> = leaves.iter().map(|leaf| (leaf.metadata, leaf.column_index, leaf.offset_index)).collect();
        assert_eq!(texts, [(&b"abc"[..], &b""[..], &b"d"[..]), (b"", b"ef", b"")]);
    }

    #[test]
    fn what_is_no_record_is_told() {
        let facts = RowGroupFacts { num_rows: 0, uncompressed_bytes: 0, compressed_bytes: 0, offset: 0 };
        let mut writer = RowGroupRecordWriter::new(1);
        writer.add(|out| out.extend(b"abc"), b"", |_| ());
        let bytes = writer.finish(facts).bytes().to_vec();
        for len in 0..bytes.len() {
            let record = RowGroupRecord::from_bytes(&bytes[..len]);
            assert!(record.facts().is_err() || record.leaves(1).is_err(), "{len} bytes");
        }
        for leaves in [0, 2] {
            assert!(RowGroupRecord::from_bytes(&bytes).leaves(leaves).is_err(), "{leaves} leaves");
        }
    }
}
