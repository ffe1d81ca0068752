//! Packed rows as an Arrow IPC stream and back.
//!
//! The stream has one column, and a batch of one row for each chunk of rows: its bytes. A chunk goes as soon as it is compressed.

use std::sync::Arc;

use arrow::{
    array::{Array, LargeBinaryArray, RecordBatch},
    buffer::{Buffer, OffsetBuffer},
    datatypes::{DataType, Field, Schema},
    error::ArrowError,
};
use arrow_ipc::{
    CompressionType,
    reader::StreamReader,
    writer::{IpcWriteOptions, StreamWriter},
};

use crate::{
    columns::PackedRows,
    error::{Error, Result},
};

/// A continuation mark, and a message of no length.
const END_OF_STREAM: [u8; 8] = [0xFF, 0xFF, 0xFF, 0xFF, 0, 0, 0, 0];

/// Writes all rows.
///
/// # Errors
/// [`Error::Bug`]: nothing that a row could hold makes this fail.
pub fn encode(rows: PackedRows) -> Result<Vec<u8>> {
    let schema = Arc::new(Schema::new(vec![Field::new("rows", DataType::LargeBinary, false)]));
    // Most of it will not be touched.
    let room = rows.byte_size() + rows.byte_size() / 16;
    let write = || {
        let options = IpcWriteOptions::default().try_with_compression(Some(CompressionType::LZ4_FRAME))?;
        let mut writer = StreamWriter::try_new_with_options(Vec::with_capacity(room), &schema, options)?;
        for chunk in rows.into_chunks() {
            let offsets = OffsetBuffer::from_lengths([chunk.len()]);
            let array = LargeBinaryArray::try_new(offsets, Buffer::from_vec(chunk), None)?;
            writer.write(&RecordBatch::try_new(Arc::clone(&schema), vec![Arc::new(array)])?)?;
        }
        writer.into_inner()
    };
    write().map_err(|error| bug(&error))
}

/// Reads rows back.
///
/// # Errors
/// [`Error::Bug`] for bytes that [`encode`] did not write.
pub fn decode(bytes: &[u8]) -> Result<PackedRows> {
    // The reader takes a stream that ends behind any batch.
    if !bytes.ends_with(&END_OF_STREAM) {
        return Err(broken());
    }
    let mut rows = PackedRows::default();
    for batch in StreamReader::try_new(bytes, None).map_err(|error| bug(&error))? {
        let batch = batch.map_err(|error| bug(&error))?;
        let array = batch.column(0).as_any().downcast_ref::<LargeBinaryArray>().ok_or_else(broken)?.clone();
        drop(batch);
        let (offsets, chunk, _) = array.into_parts();
        if *offsets != [0, chunk.len() as i64] {
            return Err(broken());
        }
        // Mostly they are its own, and not copied.
        rows.push_chunk(chunk.into_vec().unwrap_or_else(|chunk| chunk.to_vec()))?;
    }
    Ok(rows)
}

fn bug(error: &ArrowError) -> Error {
    Error::Bug(format!("spilled rows cannot be written or read back: {error}"))
}

fn broken() -> Error {
    Error::Bug("spilled rows do not read back as they were written".to_owned())
}
