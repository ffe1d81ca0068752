//! Expands columns from one entry per present value to one slot per row.

use arrow::buffer::{BooleanBuffer, Buffer, OffsetBuffer, ScalarBuffer};

use super::{MAX_COLUMN_BYTES, broken};
use crate::{columns::Bitmap, error::Result};

/// The first `rows` bits; those beyond the end of `bitmap` are zero.
pub(super) fn bits(bitmap: &Bitmap, rows: usize) -> BooleanBuffer {
    // Arrow numbers bits within bytes, least significant first, which little-endian words match.
    let mut words: Vec<u64> = bitmap.words().iter().map(|word| word.to_le()).collect();
    words.resize(rows.div_ceil(64), 0);
    BooleanBuffer::new(Buffer::from_vec(words), 0, rows)
}

/// Places values in the slots of their rows; other slots are zero.
pub(super) fn values<T: Copy + Default>(dense: Vec<T>, validity: &Bitmap, rows: usize) -> Vec<T> {
    if dense.len() == rows {
        return dense;
    }
    let mut slots = vec![T::default(); rows];
    for (row, value) in validity.iter_ones().zip(dense) {
        slots[row] = value;
    }
    slots
}

/// Places booleans in the slots of their rows; other slots are false.
pub(super) fn booleans(dense: &Bitmap, validity: &Bitmap, rows: usize) -> BooleanBuffer {
    if dense.len() == rows {
        return bits(dense, rows);
    }
    let mut words = vec![0u64; rows.div_ceil(64)];
    for (index, row) in validity.iter_ones().enumerate() {
        words[row / 64] |= u64::from(dense.get(index)) << (row % 64);
    }
    for word in &mut words {
        *word = word.to_le();
    }
    BooleanBuffer::new(Buffer::from_vec(words), 0, rows)
}

/// Offsets of all rows from the ends of the present ones. A null row is empty and begins where the previous row ends.
pub(super) fn offsets(ends: &[u32], validity: &Bitmap, rows: usize) -> Result<OffsetBuffer<i32>> {
    if ends.len() == rows {
        return dense_offsets(ends);
    }
    check(ends)?;
    let mut offsets = Vec::with_capacity(rows + 1);
    let mut end = 0;
    for (row, &next) in validity.iter_ones().zip(ends) {
        offsets.resize(row + 1, end);
        end = next.cast_signed();
    }
    offsets.resize(rows + 1, end);
    Ok(OffsetBuffer::new(ScalarBuffer::from(offsets)))
}

/// Offsets of rows that are all present.
pub(super) fn dense_offsets(ends: &[u32]) -> Result<OffsetBuffer<i32>> {
    check(ends)?;
    let mut offsets = Vec::with_capacity(ends.len() + 1);
    offsets.push(0);
    offsets.extend(ends.iter().map(|&end| end.cast_signed()));
    Ok(OffsetBuffer::new(ScalarBuffer::from(offsets)))
}

/// Returns an error where `OffsetBuffer::new` would panic.
fn check(ends: &[u32]) -> Result<()> {
    if !ends.is_sorted() {
        return Err(broken("ends that are not ascending"));
    }
    match ends.last() {
        Some(&end) if end as usize > MAX_COLUMN_BYTES => {
            Err(broken(&format!("a column of {end} bytes or elements, more than {MAX_COLUMN_BYTES}")))
        }
        _ => Ok(()),
    }
}
