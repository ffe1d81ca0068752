//! Keeps values that no folder name can hold in `extra`.

use crate::columns::{Column, ColumnShape, Values};

/// A value that neither its folder name nor its file would hold.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Displaced {
    /// Row of the block.
    pub row: usize,
    /// Index of the partition column.
    pub field: usize,
    /// The value as JSON.
    pub raw: String,
}

/// Appends `displaced`, which is sorted by row, to the entries of the rows in the map column `extra`. `key_of` returns
/// the key for the index of a partition column.
pub(super) fn keep<'a>(
    extra: &mut Column,
    num_rows: usize,
    displaced: &[Displaced],
    key_of: impl Fn(usize) -> &'a str,
) {
    let before = std::mem::replace(extra, Column::new(&ColumnShape::Map));
    let (Values::Map { ends: old_ends, keys: old_keys, values: old_values }, Values::Map { ends, keys, values }) =
        (&before.values, &mut extra.values)
    else {
        unreachable!("the partition plan takes a map column for `extra`")
    };
    let mut old_maps = old_ends.iter().scan(0, |start, &end| {
        let range = *start as usize..end as usize;
        *start = end;
        Some(range)
    });
    let mut added = displaced.iter().peekable();
    for row in 0..num_rows {
        let old = if before.validity.get(row) { old_maps.next() } else { None };
        if old.is_none() && added.peek().is_none_or(|next| next.row != row) {
            continue;
        }
        if let Some(entries) = old {
            values.append_range(keys.len(), old_values, entries.start, entries.end);
            keys.append_range(old_keys, entries.start, entries.end);
        }
        while let Some(Displaced { field, raw, .. }) = added.next_if(|next| next.row == row) {
            values.validity.set(keys.len());
            if let Values::Text(texts) = &mut values.values {
                texts.push(raw.as_bytes());
            }
            keys.push(key_of(*field).as_bytes());
        }
        extra.validity.set(row);
        ends.push(keys.len() as u32);
    }
}
