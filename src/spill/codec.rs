//! Packed rows as an Arrow IPC stream and back.
//!
//! The stream has one column with one row: all the bytes. So it is compressed in one go, and nothing is spread out and closed up
//! again.

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

/// Writes all rows.
///
/// # Errors
/// [`Error::Bug`]: nothing that a row could hold makes this fail.
pub fn encode(rows: PackedRows) -> Result<Vec<u8>> {
    let schema = Arc::new(Schema::new(vec![Field::new("rows", DataType::LargeBinary, false)]));
    let size = rows.byte_size();
    let write = || {
        let bytes = Buffer::from_vec(rows.into_bytes());
        let array = LargeBinaryArray::try_new(OffsetBuffer::from_lengths([size]), bytes, None)?;
        let batch = RecordBatch::try_new(Arc::clone(&schema), vec![Arc::new(array)])?;
        let options = IpcWriteOptions::default().try_with_compression(Some(CompressionType::LZ4_FRAME))?;
        let mut writer = StreamWriter::try_new_with_options(Vec::with_capacity(size), &schema, options)?;
        writer.write(&batch)?;
        writer.into_inner()
    };
    write().map_err(|error| bug(&error))
}

/// Reads rows back.
///
/// # Errors
/// [`Error::Bug`] for bytes that [`encode`] did not write.
pub fn decode(bytes: Vec<u8>) -> Result<PackedRows> {
    let mut reader = StreamReader::try_new(&*bytes, None).map_err(|error| bug(&error))?;
    let batch = reader.next().ok_or_else(broken)?.map_err(|error| bug(&error))?;
    drop(reader);
    drop(bytes);
    let array = batch.column(0).as_any().downcast_ref::<LargeBinaryArray>().ok_or_else(broken)?.clone();
    drop(batch);
    let (offsets, rows, _) = array.into_parts();
    if *offsets != [0, rows.len() as i64] {
        return Err(broken());
    }
    // Mostly they are its own, and not copied.
    PackedRows::from_bytes(rows.into_vec().unwrap_or_else(|rows| rows.to_vec()))
}

fn bug(error: &ArrowError) -> Error {
    Error::Bug(format!("spilled rows cannot be written or read back: {error}"))
}

fn broken() -> Error {
    Error::Bug("spilled rows do not read back as they were written".to_owned())
}
