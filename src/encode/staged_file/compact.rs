//! What a footer will say about one row group, made small for the time until it is written.

use std::{io, sync::Arc};

use parquet::{
    DecodeResult,
    errors::{ParquetError, Result},
    file::metadata::{
        PageIndexPolicy, ParquetMetaData, ParquetMetaDataOptions, ParquetMetaDataPushDecoder, ParquetMetaDataWriter,
    },
};

use crate::encode::FileSchema;

/// The footer of a file that has only this row group, compressed. As objects it would be more than ten times as large:
/// most of it are counts and positions, and what columns without values have is all the same.
///
/// One thing is lost: least and greatest value in the form that the format gave up in 2017, which `parquet` writes
/// besides the new one but does not read. No reader of today misses it.
#[derive(Debug)]
pub(super) struct CompactRowGroup(Vec<u8>);

impl CompactRowGroup {
    /// Fast, and what a higher level saves is not worth its time.
    const ZSTD_LEVEL: i32 = 1;

    pub(super) fn new(metadata: &ParquetMetaData) -> Result<Self> {
        let mut bytes = Vec::new();
        ParquetMetaDataWriter::new(&mut bytes, metadata).finish()?;
        let compressed = zstd::bulk::compress(&bytes, Self::ZSTD_LEVEL).map_err(|error| zstd_error(&error))?;
        Ok(Self(compressed))
    }

    /// From the bytes of one.
    pub(super) fn from_bytes(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// To be kept somewhere.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// The metadata of a file that has only this row group; but its ordinal and the positions of its pages and bloom
    /// filters are those in the true file.
    pub(super) fn decode(&self, schema: &FileSchema) -> Result<ParquetMetaData> {
        let bytes = zstd::decode_all(self.bytes()).map_err(|error| zstd_error(&error))?;
        let len = bytes.len() as u64;
        let options = ParquetMetaDataOptions::new()
            .with_schema(Arc::clone(schema.parquet()))
            // The mask would be written in place of the counts.
            .with_encoding_stats_as_mask(false);
        let mut decoder = ParquetMetaDataPushDecoder::try_new(len)?
            .with_page_index_policy(PageIndexPolicy::Optional)
            .with_metadata_options(Some(Arc::new(options)));
        decoder.push_range(0..len, bytes.into())?;
        match decoder.try_decode()? {
            DecodeResult::Data(metadata) => Ok(metadata),
            other => Err(ParquetError::General(format!("metadata of a row group cannot be decoded: {other:?}"))),
        }
    }
}

/// Not as an error of the system: no disk has to do with it.
fn zstd_error(error: &io::Error) -> ParquetError {
    ParquetError::General(format!("metadata of a row group: {error}"))
}
