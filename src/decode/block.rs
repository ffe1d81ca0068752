//! The input of the decoder: one block of records.

use crate::input::Framing;

/// Bytes to decode, and where they come from.
#[derive(Debug, Clone, Copy)]
pub struct Block<'a> {
    /// Whole records.
    pub bytes: &'a [u8],
    /// How the records are separated.
    pub framing: &'a Framing,
    /// The input's name, for `source_file`.
    pub file: &'a str,
    /// Offset of the first byte in the input, for `source_offset`.
    pub offset: u64,
}

impl Block<'_> {
    /// The largest block that is decoded: columns keep the ends of their texts in 32 bits. A larger one is refused as a
    /// whole.
    pub const MAX_BYTES: usize = 1 << 31;
}
