//! Unpacks bytes into values of columns.

use super::{PackedRow, pack::append};
use crate::columns::{Bitmap, Column, Columns, TextValues, Values, end_of};

/// The bytes that are still to be read. Methods return none if they are not well-formed.
pub(super) struct Source<'a>(pub &'a [u8]);

impl<'a> Source<'a> {
    #[inline]
    fn take(&mut self, len: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(len)?;
        self.0 = rest;
        Some(taken)
    }

    #[inline]
    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (taken, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*taken)
    }

    #[inline]
    fn number(&mut self) -> Option<usize> {
        let mut number = 0;
        for shift in (0..usize::BITS).step_by(7) {
            let (&byte, rest) = self.0.split_first()?;
            self.0 = rest;
            number |= usize::from(byte & 0x7F) << shift;
            if byte < 0x80 {
                return Some(number);
            }
        }
        None
    }

    pub fn row(&mut self) -> Option<PackedRow<'a>> {
        let all = self.0;
        let size = usize::try_from(u64::from_le_bytes(self.array()?)).ok()?;
        let partition = self.number()?;
        let fields = self.take(size)?;
        let num_elements = self.number()?;
        Some(PackedRow { partition, num_elements, fields, bytes: &all[..all.len() - self.0.len()] })
    }

    /// Unpacks all fields into the next row of `columns`.
    pub fn fields(&mut self, columns: &mut Columns) -> Option<()> {
        let row = columns.num_rows;
        while !self.0.is_empty() {
            let number = self.number()?;
            let Column { validity, values } = columns.columns.get_mut(number)?;
            if row < validity.len() {
                return None;
            }
            validity.set(row);
            self.values(values, 1)?;
        }
        Some(())
    }

    /// Appends `count` values.
    #[inline]
    fn values(&mut self, values: &mut Values, count: usize) -> Option<()> {
        match values {
            Values::Text(texts) => self.texts(texts, count)?,
            Values::Int64(values) => {
                for _ in 0..count {
                    values.push(i64::from_le_bytes(self.array()?));
                }
            }
            Values::Float64(values) => {
                for _ in 0..count {
                    values.push(f64::from_le_bytes(self.array()?));
                }
            }
            Values::Bool(values) => {
                for _ in 0..count {
                    values.push(self.array::<1>()? != [0]);
                }
            }
            Values::List { ends, element } => {
                let (start, end) = self.lengths(ends, count)?;
                self.column(element, start, end)?;
            }
            Values::Structs { ends, element_validity, children } => {
                let (start, end) = self.lengths(ends, count)?;
                element_validity.resize(start);
                let count = self.number()?;
                self.bits(element_validity, end - start, count)?;
                for child in children {
                    self.column(child, start, end)?;
                }
            }
            Values::Map { ends, keys, values } => {
                let (start, end) = self.lengths(ends, count)?;
                self.texts(keys, end - start)?;
                self.column(values, start, end)?;
            }
        }
        Some(())
    }

    #[inline]
    fn texts(&mut self, texts: &mut TextValues, count: usize) -> Option<()> {
        let (start, end) = self.lengths(&mut texts.ends, count)?;
        let (rest, len) = (self.0, end - start);
        self.take(len)?;
        append(&mut texts.bytes, rest, 0, len);
        Some(())
    }

    /// Appends the ends of `count` more items. Returns where the first of them begins and the last ends.
    #[inline]
    fn lengths(&mut self, ends: &mut Vec<u32>, count: usize) -> Option<(usize, usize)> {
        let start = end_of(ends, ends.len());
        let mut end = start;
        for _ in 0..count {
            end = end.checked_add(self.number()?)?;
            ends.push(u32::try_from(end).ok()?);
        }
        Some((start, end))
    }

    /// Unpacks rows `from..to` of a nested column.
    fn column(&mut self, column: &mut Column, from: usize, to: usize) -> Option<()> {
        let count = self.number()?;
        if count == 0 {
            // The validity stays shorter: extending it for rows without values would take time and memory for every
            // null element.
            return Some(());
        }
        column.validity.resize(from);
        self.bits(&mut column.validity, to - from, count)?;
        self.values(&mut column.values, count)
    }

    /// Appends `rows` bits, of which `count` are set.
    fn bits(&mut self, bits: &mut Bitmap, rows: usize, count: usize) -> Option<()> {
        if count == 0 || count == rows {
            bits.append_run(count != 0, rows);
            return Some(());
        }
        let mut set = 0;
        for at in (0..rows).step_by(64) {
            let unused = 64 - (rows - at).min(64);
            let word = u64::from_le_bytes(self.array()?) << unused >> unused;
            bits.append_word(word, 64 - unused);
            set += word.count_ones() as usize;
        }
        (set == count).then_some(())
    }
}
