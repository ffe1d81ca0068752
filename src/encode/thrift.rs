//! Thrift's compact protocol, as far as Parquet metadata needs it.
//!
//! ```text
//! field     id minus previous id | type     one byte, then the value
//! integer   zigzag, seven bits per byte, lowest first
//! text      length, bytes
//! list      number of elements | their type, then the elements
//! struct    fields with ascending ids, then a zero
//! ```
//!
//! The crate's own writer is private, and it takes objects, which cost a quarter of the time for a file of a few rows.

use super::bit_packing::{varint, zigzag_varint};

/// Types of fields and elements.
#[derive(Debug, Clone, Copy)]
pub(super) enum Type {
    /// Type of list elements; in fields, true and false are types of their own.
    Bool = 2,
    I16 = 4,
    I32 = 5,
    I64 = 6,
    Binary = 8,
    List = 9,
    Struct = 12,
}

const TRUE: u8 = 1;
const FALSE: u8 = 2;

/// Appends a struct to `out`.
pub(super) fn write_struct(out: &mut Vec<u8>, write: impl FnOnce(&mut Fields<'_>)) {
    write(&mut Fields { out, last_id: 0 });
    out.push(0);
}

/// Appends the beginning of a list; its elements follow.
pub(super) fn begin_list(out: &mut Vec<u8>, element: Type, len: usize) {
    if len < 15 {
        out.push((len as u8) << 4 | element as u8);
    } else {
        out.push(0xF0 | element as u8);
        varint(len as u64, out);
    }
}

/// Appends a text, or bytes.
pub(super) fn write_binary(out: &mut Vec<u8>, bytes: &[u8]) {
    varint(bytes.len() as u64, out);
    out.extend_from_slice(bytes);
}

/// Appends an integer of any width.
pub(super) fn write_integer(out: &mut Vec<u8>, value: i64) {
    zigzag_varint(value, out);
}

/// The fields of one struct, in the order of their ids.
pub(super) struct Fields<'a> {
    out: &'a mut Vec<u8>,
    last_id: u8,
}

impl<'a> Fields<'a> {
    /// Continues a struct whose fields up to `last_id` are already in `out`.
    pub const fn behind(out: &'a mut Vec<u8>, last_id: u8) -> Self {
        Self { out, last_id }
    }

    pub fn i16(&mut self, id: u8, value: i16) {
        self.begin(id, Type::I16 as u8);
        write_integer(self.out, i64::from(value));
    }

    pub fn i32(&mut self, id: u8, value: i32) {
        self.begin(id, Type::I32 as u8);
        write_integer(self.out, i64::from(value));
    }

    pub fn i64(&mut self, id: u8, value: i64) {
        self.begin(id, Type::I64 as u8);
        write_integer(self.out, value);
    }

    pub fn bool(&mut self, id: u8, value: bool) {
        self.begin(id, if value { TRUE } else { FALSE });
    }

    pub fn binary(&mut self, id: u8, bytes: &[u8]) {
        self.begin(id, Type::Binary as u8);
        write_binary(self.out, bytes);
    }

    /// A nested struct.
    pub fn structure(&mut self, id: u8, write: impl FnOnce(&mut Fields<'_>)) {
        self.begin(id, Type::Struct as u8);
        write_struct(self.out, write);
    }

    /// A struct or a list that is already encoded.
    pub fn encoded(&mut self, id: u8, of: Type, bytes: &[u8]) {
        self.begin(id, of as u8);
        self.out.extend_from_slice(bytes);
    }

    /// A list whose elements are written by `write`.
    pub fn list<T>(
        &mut self,
        id: u8,
        element: Type,
        elements: impl ExactSizeIterator<Item = T>,
        mut write: impl FnMut(&mut Vec<u8>, T),
    ) {
        self.begin(id, Type::List as u8);
        begin_list(self.out, element, elements.len());
        elements.for_each(|element| write(self.out, element));
    }

    /// A list of integers.
    pub fn integers(&mut self, id: u8, element: Type, values: impl ExactSizeIterator<Item = i64>) {
        self.list(id, element, values, write_integer);
    }

    /// A list of `len` 64-bit integers, for iterators that do not know their length.
    pub fn all_integers(&mut self, id: u8, len: usize, values: impl Iterator<Item = i64>) {
        self.begin(id, Type::List as u8);
        begin_list(self.out, Type::I64, len);
        values.for_each(|value| write_integer(self.out, value));
    }

    fn begin(&mut self, id: u8, of: u8) {
        debug_assert!((1..=15).contains(&(id - self.last_id)), "field {id} behind {}", self.last_id);
        self.out.push((id - self.last_id) << 4 | of);
        self.last_id = id;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_take_as_many_bytes_as_they_need() {
        let bytes = |value| {
            let mut out = Vec::new();
            write_integer(&mut out, value);
            out
        };
        assert_eq!((bytes(0), bytes(-1), bytes(63), bytes(64)), (vec![0], vec![1], vec![126], vec![128, 1]));
        assert_eq!(bytes(i64::MIN), [vec![0xFF; 9], vec![1]].concat());
        assert_eq!(bytes(i64::MAX), [vec![0xFE], vec![0xFF; 8], vec![1]].concat());
    }

    #[test]
    fn a_struct_has_its_fields_and_an_end() {
        let mut out = Vec::new();
        write_struct(&mut out, |fields| {
            fields.i32(1, 3);
            fields.bool(4, true);
            fields.bool(5, false);
            fields.structure(6, |fields| fields.binary(2, b"ab"));
            fields.integers(7, Type::I64, [1, -1].into_iter());
        });
        assert_eq!(out, [0x15, 6, 0x31, 0x12, 0x1C, 0x28, 2, b'a', b'b', 0, 0x19, 0x26, 2, 1, 0]);
        out.clear();
        begin_list(&mut out, Type::Struct, 15);
        begin_list(&mut out, Type::Bool, 300);
        assert_eq!(out, [0xFC, 15, 0xF2, 0xAC, 2]);
    }
}
