//! The end of a file: page indexes of all row groups, then `FileMetaData`.

use std::sync::Arc;

use parquet::{
    arrow::ARROW_SCHEMA_META_KEY,
    file::metadata::{FileMetaData, ParquetMetaDataBuilder, ParquetMetaDataWriter, SortingColumn},
    schema::types::SchemaDescPtr,
};

use super::row_group::{LeafRecord, RowGroupFacts, RowGroupRecord};
use crate::{
    encode::{
        EncodeOptions, bug,
        thrift::{Fields, Type, write_struct},
    },
    error::{Error, Result},
};

/// The magic bytes at the beginning and at the end of a file.
pub const MAGIC: &[u8; 4] = b"PAR1";

/// Version 2 has data pages V2: levels are outside the compressed part, and pages end at row boundaries.
const VERSION: i32 = 2;

/// The encoded parts that the footers of all files of a schema have in common.
#[derive(Debug)]
pub struct FooterParts {
    num_leaves: usize,
    /// Fields 1 and 2 of `FileMetaData`: version and schema.
    head: Vec<u8>,
    /// Field 7: a list with the sort order of each leaf's values.
    column_orders: Vec<u8>,
    /// The value of the key under which readers find the Arrow schema.
    arrow_schema: String,
    sorting_columns: Vec<SortingColumn>,
}

/// Offset in the file, and length.
type Place = (i64, i32);

/// Cuts the end of a file without rows into what footers have in common: the fields before the number of rows, and the
/// list of column orders.
///
/// ```text
/// version, schema | 16 00 | 19 0C  | 39, length, orders | 00     | length of the footer | PAR1
///                 | rows  | groups | of three bytes     | no more fields
/// ```
fn split_footer(bytes: &[u8], num_leaves: usize) -> Option<(&[u8], &[u8])> {
    const BETWEEN: &[u8] = &[0x16, 0, 0x19, 0x0C, 0x39];
    // A list of up to 14 elements has its length in its first byte; otherwise a varint with 7 bits a byte follows.
    let length_bytes = if num_leaves < 15 { 1 } else { 1 + num_leaves.ilog2() as usize / 7 + 1 };
    let (footer, _) = bytes.split_at_checked(bytes.len().checked_sub(1 + 4 + MAGIC.len())?)?;
    let (head, orders) = footer.split_at_checked(footer.len().checked_sub(length_bytes + 3 * num_leaves)?)?;
    Some((head.strip_suffix(BETWEEN)?, orders))
}

impl FooterParts {
    /// Parts for files with these leaves and this sort order. The schema is encoded by the crate, which knows all
    /// types.
    ///
    /// # Errors
    /// [`Error::Bug`] when the crate writes footers in another form than expected.
    pub fn new(schema: &SchemaDescPtr, arrow_schema: String, sorting_columns: Vec<SortingColumn>) -> Result<Self> {
        let of_nothing = FileMetaData::new(VERSION, 0, None, None, Arc::clone(schema), None);
        let mut bytes = Vec::new();
        ParquetMetaDataWriter::new(&mut bytes, &ParquetMetaDataBuilder::new(of_nothing).build())
            .finish()
            .map_err(|error| bug(&error))?;
        let num_leaves = schema.num_columns();
        let (head, column_orders) =
            split_footer(&bytes, num_leaves).ok_or_else(|| Error::Bug("footers have another form".to_owned()))?;
        Ok(Self {
            num_leaves,
            head: head.to_vec(),
            column_orders: column_orders.to_vec(),
            arrow_schema,
            sorting_columns,
        })
    }

    /// Encodes everything from `position` to the end of a file with these row groups.
    ///
    /// # Errors
    /// [`Error::Bug`] when a record belongs to another schema, or the footer would be longer than the format allows.
    pub fn encode(
        &self,
        row_groups: &[RowGroupRecord<'_>],
        key_values: &[(String, String)],
        position: u64,
    ) -> Result<Vec<u8>> {
        let records_bytes: usize = row_groups.iter().map(|record| record.bytes().len()).sum();
        let min_bytes = self.head.len() + self.column_orders.len() + self.arrow_schema.len() + records_bytes;
        let mut out = Vec::with_capacity(min_bytes + min_bytes / 8);
        let row_groups: Vec<(RowGroupFacts, Vec<LeafRecord<'_>>)> = row_groups
            .iter()
            .map(|record| Ok((record.facts()?, record.leaves(self.num_leaves)?)))
            .collect::<Result<_>>()?;
        let leaves = || row_groups.iter().flat_map(|(_, leaves)| leaves);
        let mut place = |bytes: &[u8]| {
            let start = position + out.len() as u64;
            out.extend_from_slice(bytes);
            (start as i64, bytes.len() as i32)
        };
        let column_indexes: Vec<Place> = leaves().map(|leaf| place(leaf.column_index)).collect();
        let offset_indexes: Vec<Place> = leaves().map(|leaf| place(leaf.offset_index)).collect();
        let indexes: Vec<(Place, Place)> = column_indexes.into_iter().zip(offset_indexes).collect();

        let start = out.len();
        out.extend_from_slice(&self.head);
        let num_rows: u64 = row_groups.iter().map(|(facts, _)| facts.num_rows).sum();
        let mut file = Fields::behind(&mut out, 2);
        file.i64(3, num_rows as i64);
        // Ordinals are 16-bit numbers in the format. With more row groups than that, none gets one.
        let has_ordinals = i16::try_from(row_groups.len()).is_ok();
        file.list(4, Type::Struct, row_groups.iter().enumerate(), |out, (at, (facts, leaves))| {
            let indexes = &indexes[at * self.num_leaves..][..self.num_leaves];
            self.write_row_group(out, has_ordinals.then_some(at as i16), *facts, leaves, indexes);
        });
        let arrow_schema = (ARROW_SCHEMA_META_KEY, self.arrow_schema.as_str());
        let key_values = key_values.iter().map(|(key, value)| (key.as_str(), value.as_str()));
        let key_values: Vec<_> = std::iter::once(arrow_schema).chain(key_values).collect();
        file.list(5, Type::Struct, key_values.into_iter(), |out, (key, value)| {
            write_struct(out, |pair| {
                pair.binary(1, key.as_bytes());
                pair.binary(2, value.as_bytes());
            });
        });
        file.binary(6, EncodeOptions::CREATED_BY.as_bytes());
        file.encoded(7, Type::List, &self.column_orders);
        out.push(0);

        let len = out.len() - start;
        let len = u32::try_from(len).map_err(|_| Error::Bug(format!("a footer of {len} bytes")))?;
        out.extend_from_slice(&len.to_le_bytes());
        out.extend_from_slice(MAGIC);
        Ok(out)
    }

    fn write_row_group(
        &self,
        out: &mut Vec<u8>,
        ordinal: Option<i16>,
        facts: RowGroupFacts,
        leaves: &[LeafRecord<'_>],
        indexes: &[(Place, Place)],
    ) {
        write_struct(out, |row_group| {
            row_group.list(1, Type::Struct, leaves.iter().zip(indexes), |out, (leaf, (column_index, offset_index))| {
                write_struct(out, |chunk| {
                    chunk.i64(2, 0);
                    chunk.encoded(3, Type::Struct, leaf.metadata);
                    chunk.i64(4, offset_index.0);
                    chunk.i32(5, offset_index.1);
                    if !leaf.column_index.is_empty() {
                        chunk.i64(6, column_index.0);
                        chunk.i32(7, column_index.1);
                    }
                });
            });
            row_group.i64(2, facts.uncompressed_bytes as i64);
            row_group.i64(3, facts.num_rows as i64);
            if !self.sorting_columns.is_empty() {
                row_group.list(4, Type::Struct, self.sorting_columns.iter(), |out, sorting| {
                    write_struct(out, |column| {
                        column.i32(1, sorting.column_idx);
                        column.bool(2, sorting.descending);
                        column.bool(3, sorting.nulls_first);
                    });
                });
            }
            row_group.i64(5, facts.offset as i64);
            row_group.i64(6, facts.compressed_bytes as i64);
            if let Some(ordinal) = ordinal {
                row_group.i16(7, ordinal);
            }
        });
    }
}
