//! Columns as an Arrow IPC stream and back.
//!
//! The stream has one column and a row for each buffer of the table: validities, ends, values, in schema order. Buffers
//! are written as they stand, so a column that has no values costs a few bytes and nothing is spread out and closed up
//! again.

use std::sync::Arc;

use arrow::{
    array::{Array, LargeBinaryArray, RecordBatch},
    buffer::{Buffer, OffsetBuffer, ScalarBuffer},
    datatypes::{DataType, Field, Schema},
    error::ArrowError,
};
use arrow_ipc::{
    CompressionType,
    reader::StreamReader,
    writer::{IpcWriteOptions, StreamWriter},
};

use crate::{
    columns::{Bitmap, Column, ColumnShape, Columns, TextValues, Values},
    error::{Error, Result},
};

/// Writes all rows of `columns`, which are gone before they are compressed: a huge row is not in memory three times.
///
/// # Errors
/// [`Error::Bug`]: nothing that a row could hold makes this fail.
pub fn encode(columns: Columns) -> Result<Vec<u8>> {
    let mut buffers = Buffers { bytes: Vec::with_capacity(columns.byte_size() * 9 / 8), ends: vec![0] };
    buffers.push([columns.num_rows as u64], u64::to_le_bytes);
    for column in &columns.columns {
        buffers.push_column(column);
    }
    drop(columns);
    let schema = Arc::new(Schema::new(vec![Field::new("buffers", DataType::LargeBinary, false)]));
    let size = buffers.bytes.len();
    let offsets = OffsetBuffer::new(ScalarBuffer::from(buffers.ends));
    let array =
        LargeBinaryArray::try_new(offsets, Buffer::from_vec(buffers.bytes), None).map_err(|error| bug(&error))?;
    let batch = RecordBatch::try_new(Arc::clone(&schema), vec![Arc::new(array)]).map_err(|error| bug(&error))?;
    let write = || {
        let options = IpcWriteOptions::default().try_with_compression(Some(CompressionType::LZ4_FRAME))?;
        let mut writer = StreamWriter::try_new_with_options(Vec::with_capacity(size), &schema, options)?;
        writer.write(&batch)?;
        writer.into_inner()
    };
    write().map_err(|error: ArrowError| bug(&error))
}

/// Reads the rows of a table with these shapes back.
///
/// # Errors
/// [`Error::Bug`] for bytes that [`encode`] did not write.
pub fn decode(bytes: Vec<u8>, shapes: &[ColumnShape]) -> Result<Columns> {
    let mut reader = StreamReader::try_new(&*bytes, None).map_err(|error| bug(&error))?;
    let batch = reader.next().ok_or_else(broken)?.map_err(|error| bug(&error))?;
    drop(bytes);
    let array = batch.column(0).as_any().downcast_ref::<LargeBinaryArray>().ok_or_else(broken)?;
    let mut source = Source { array, next: 0 };
    let num_rows = source.numbers(u64::from_le_bytes)?.first().copied().ok_or_else(broken)? as usize;
    let columns = shapes.iter().map(|shape| source.column(shape)).collect::<Result<_>>()?;
    Ok(Columns { columns, num_rows })
}

/// Buffers one behind the other.
struct Buffers {
    bytes: Vec<u8>,
    ends: Vec<i64>,
}

impl Buffers {
    fn push_bytes(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
        self.ends.push(self.bytes.len() as i64);
    }

    fn push<T, const N: usize>(&mut self, values: impl AsRef<[T]>, to_bytes: impl Fn(T) -> [u8; N])
    where
        T: Copy,
    {
        let values = values.as_ref();
        let start = self.bytes.len();
        self.bytes.resize(start + values.len() * N, 0);
        for (bytes, &value) in self.bytes[start..].chunks_exact_mut(N).zip(values) {
            bytes.copy_from_slice(&to_bytes(value));
        }
        self.ends.push(self.bytes.len() as i64);
    }

    fn push_bitmap(&mut self, bitmap: &Bitmap) {
        self.push([bitmap.len() as u64], u64::to_le_bytes);
        self.push(bitmap.words(), u64::to_le_bytes);
    }

    fn push_texts(&mut self, texts: &TextValues) {
        self.push(&texts.ends, u32::to_le_bytes);
        self.push_bytes(&texts.bytes);
    }

    fn push_column(&mut self, column: &Column) {
        self.push_bitmap(&column.validity);
        match &column.values {
            Values::Text(texts) => self.push_texts(texts),
            Values::Int64(values) => self.push(values, i64::to_le_bytes),
            Values::Float64(values) => self.push(values, f64::to_le_bytes),
            Values::Bool(values) => self.push_bitmap(values),
            Values::List { ends, element } => {
                self.push(ends, u32::to_le_bytes);
                self.push_column(element);
            }
            Values::Structs { ends, element_validity, children } => {
                self.push(ends, u32::to_le_bytes);
                self.push_bitmap(element_validity);
                for child in children {
                    self.push_column(child);
                }
            }
            Values::Map { ends, keys, values } => {
                self.push(ends, u32::to_le_bytes);
                self.push_texts(keys);
                self.push_column(values);
            }
        }
    }
}

/// Takes the buffers out again, in the same order.
struct Source<'a> {
    array: &'a LargeBinaryArray,
    next: usize,
}

impl<'a> Source<'a> {
    fn bytes(&mut self) -> Result<&'a [u8]> {
        if self.next >= self.array.len() {
            return Err(broken());
        }
        self.next += 1;
        Ok(self.array.value(self.next - 1))
    }

    fn numbers<T, const N: usize>(&mut self, of_bytes: impl Fn([u8; N]) -> T) -> Result<Vec<T>> {
        let (chunks, rest) = self.bytes()?.as_chunks::<N>();
        if rest.is_empty() { Ok(chunks.iter().map(|&bytes| of_bytes(bytes)).collect()) } else { Err(broken()) }
    }

    fn bitmap(&mut self) -> Result<Bitmap> {
        let len = self.numbers(u64::from_le_bytes)?.first().copied().ok_or_else(broken)?;
        Ok(Bitmap::from_words(self.numbers(u64::from_le_bytes)?, len as usize))
    }

    fn texts(&mut self) -> Result<TextValues> {
        Ok(TextValues { ends: self.numbers(u32::from_le_bytes)?, bytes: self.bytes()?.to_vec() })
    }

    /// A column of this shape: what is read goes where an empty column of it has room.
    fn column(&mut self, shape: &ColumnShape) -> Result<Column> {
        let mut column = Column::new(shape);
        self.fill(&mut column)?;
        Ok(column)
    }

    fn fill(&mut self, column: &mut Column) -> Result<()> {
        column.validity = self.bitmap()?;
        match &mut column.values {
            Values::Text(texts) => *texts = self.texts()?,
            Values::Int64(values) => *values = self.numbers(i64::from_le_bytes)?,
            Values::Float64(values) => *values = self.numbers(f64::from_le_bytes)?,
            Values::Bool(values) => *values = self.bitmap()?,
            Values::List { ends, element } => {
                *ends = self.numbers(u32::from_le_bytes)?;
                self.fill(element)?;
            }
            Values::Structs { ends, element_validity, children } => {
                *ends = self.numbers(u32::from_le_bytes)?;
                *element_validity = self.bitmap()?;
                for child in children {
                    self.fill(child)?;
                }
            }
            Values::Map { ends, keys, values } => {
                *ends = self.numbers(u32::from_le_bytes)?;
                *keys = self.texts()?;
                self.fill(values)?;
            }
        }
        Ok(())
    }
}

fn bug(error: &ArrowError) -> Error {
    Error::Bug(format!("spilled rows cannot be written or read back: {error}"))
}

fn broken() -> Error {
    Error::Bug("spilled rows do not read back as they were written".to_owned())
}
