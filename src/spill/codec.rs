//! Writes packed rows as an Arrow IPC stream, and reads them back.
//!
//! The stream has one column, and for each chunk of packed rows one record batch with a single value: the bytes of the
//! chunk. Each chunk is freed as soon as it is compressed.

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

/// The end of an Arrow IPC stream: a continuation marker and a message length of zero.
const END_OF_STREAM: [u8; 8] = [0xFF, 0xFF, 0xFF, 0xFF, 0, 0, 0, 0];

/// Encodes rows as an LZ4-compressed Arrow IPC stream.
///
/// # Errors
/// [`Error::Bug`] if Arrow fails, which no content of a row can cause.
pub fn encode(rows: PackedRows) -> Result<Vec<u8>> {
    let schema = Arc::new(Schema::new(vec![Field::new("rows", DataType::LargeBinary, false)]));
    // Sized for incompressible rows; the pages that compression leaves unused are never touched.
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

/// Decodes the rows of a stream that [`encode`] wrote.
///
/// # Errors
/// [`Error::Bug`] for bytes that [`encode`] did not write.
pub fn decode(bytes: &[u8]) -> Result<PackedRows> {
    // Arrow's reader accepts a stream cut off after any batch, so the end marker is checked here.
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
        // Usually the buffer owns its bytes, so they are moved and not copied.
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
