//! The end of a file: page index and footer of all row groups.

use std::{
    any::Any,
    io::{self, Write},
    sync::Arc,
};

use parquet::{
    errors::Result,
    file::{
        metadata::{
            FileMetaData, KeyValue, ParquetMetaData, ParquetMetaDataBuilder, ParquetMetaDataWriter, RowGroupMetaData,
            page_index::PageIndexProvider,
        },
        page_index::{column_index::ColumnIndexMetaData, offset_index::OffsetIndexMetaData},
        writer::TrackedWrite,
    },
};

use super::compact::CompactRowGroup;
use crate::encode::FileSchema;

/// What a file says about itself besides its row groups.
pub(super) fn file_metadata(schema: &FileSchema, num_rows: i64, key_values: Option<Vec<KeyValue>>) -> FileMetaData {
    let properties = schema.file_properties();
    let created_by = Some(properties.created_by().to_owned());
    let version = properties.writer_version().as_num();
    // The order of each column's values is left to the writer, which always writes it.
    FileMetaData::new(version, num_rows, created_by, key_values, Arc::clone(schema.parquet()), None)
}

/// Stands for what the file has already. It goes by in pieces that are not copied and not even read.
static BEFORE: [u8; 1 << 20] = [0; 1 << 20];

/// What a footer says of a leaf, and of each of its chunks, is about as long.
const BYTES_OF_LEAF: usize = 192;

/// All bytes from `position` to the end of the file. `last` is the row group behind `row_groups`, where it is at hand.
pub(super) fn encode(
    schema: &FileSchema,
    row_groups: &[CompactRowGroup],
    last: Option<ParquetMetaData>,
    key_values: &[(String, String)],
    position: usize,
) -> Result<Vec<u8>> {
    let properties = schema.file_properties();
    let mut all_key_values = properties.key_value_metadata().cloned().unwrap_or_default();
    all_key_values.extend(key_values.iter().map(|(key, value)| KeyValue::new(key.clone(), value.clone())));

    let (mut decoded, mut page_index) = (Vec::with_capacity(row_groups.len()), PageIndexes(Vec::new()));
    for metadata in row_groups.iter().map(|row_group| row_group.decode(schema)).chain(last.map(Ok)) {
        let mut metadata = metadata?.into_builder();
        page_index.0.push(metadata.take_page_index());
        decoded.append(&mut metadata.take_row_groups());
    }
    let num_rows = decoded.iter().map(RowGroupMetaData::num_rows).sum();
    let text_bytes: usize = all_key_values.iter().filter_map(|pair| pair.value.as_ref()).map(String::len).sum();
    let least_bytes = text_bytes + BYTES_OF_LEAF * schema.num_leaves() * (decoded.len() + 1);
    let metadata = ParquetMetaDataBuilder::new(file_metadata(schema, num_rows, Some(all_key_values)))
        .set_row_groups(decoded)
        .set_page_index(Some(Arc::new(page_index)))
        .build();

    let mut bytes = Vec::with_capacity(least_bytes);
    // The writer of metadata takes its target for good, and positions are what went through it.
    let mut target = TrackedWrite::new(Tail { before: position, bytes: &mut bytes });
    for start in (0..position).step_by(BEFORE.len()) {
        target.write_all(&BEFORE[..BEFORE.len().min(position - start)])?;
    }
    ParquetMetaDataWriter::new_with_tracked(target, &metadata)
        .with_write_path_in_schema(properties.write_path_in_schema())
        // Otherwise a column without an index would keep the place it had in the compact form.
        .with_preserve_page_index_locations(false)
        .finish()?;
    Ok(bytes)
}

/// The page index of each row group, as if it were the only one.
#[derive(Debug)]
struct PageIndexes(Vec<Option<Arc<dyn PageIndexProvider>>>);

impl PageIndexes {
    fn of(&self, row_group: usize) -> Option<&dyn PageIndexProvider> {
        self.0.get(row_group)?.as_deref()
    }
}

impl PageIndexProvider for PageIndexes {
    fn has_offset_indexes(&self) -> bool {
        self.0.iter().flatten().any(|index| index.has_offset_indexes())
    }

    fn has_column_indexes(&self) -> bool {
        self.0.iter().flatten().any(|index| index.has_column_indexes())
    }

    fn column_index(&self, row_group: usize, column: usize) -> Option<&ColumnIndexMetaData> {
        self.of(row_group)?.column_index(0, column)
    }

    fn offset_index(&self, row_group: usize, column: usize) -> Option<&OffsetIndexMetaData> {
        self.of(row_group)?.offset_index(0, column)
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

/// Takes a file's bytes and keeps those after the first `before`.
struct Tail<'a> {
    before: usize,
    bytes: &'a mut Vec<u8>,
}

impl Write for Tail<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let dropped = bytes.len().min(self.before);
        self.before -= dropped;
        self.bytes.extend_from_slice(&bytes[dropped..]);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
