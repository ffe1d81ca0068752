//! Values into columns: stored as they are, coerced without loss, or kept in `extra`.

use std::slice;

use super::{
    cursor::{StringToken, unescape},
    fault::{Fault, Parse, shown},
    instant, number,
    program::{Act, next_generation},
    tally::Class,
    walk::{Element, Walk, decoded, text_for_row, twice},
};
use crate::{
    columns::{Bitmap, Column, ScalarType, TextValues, Values, end_of},
    model::plan::PathId,
    report::RejectKind,
};

impl Walk<'_> {
    /// Stores the value at the position as `act` says.
    #[inline]
    pub fn value(&mut self, act: Act, path: PathId, columns: &mut [Column], row: usize, value_at: usize) -> Parse<()> {
        match act {
            Act::Scalar { column, scalar } => self.scalar(scalar, path, &mut columns[column as usize], row),
            Act::Object(object) => match self.cursor.peek() {
                b'{' => self.object(object, columns, row).map(drop),
                _ => self.no_container(path, value_at),
            },
            Act::List { column, scalar, element_path } => {
                self.list(scalar, path, element_path, &mut columns[column as usize], row)
            }
            Act::Structs { column, element, element_path } => {
                self.structs(element, path, element_path, &mut columns[column as usize], row)
            }
            Act::Map(map) => self.map(map, path, columns, row),
            Act::Ignored => {
                self.scratch.tally.seen(path);
                self.scratch.tally.event(Class::Ignored, path, value_at);
                self.skip_value()
            }
            Act::Step(_) => self.skip_value(),
        }
    }

    /// Stores one value in row `row` of `column`.
    #[inline(always)]
    pub fn scalar(&mut self, scalar: ScalarType, path: PathId, column: &mut Column, row: usize) -> Parse<()> {
        let value_at = self.cursor.pos;
        self.scratch.tally.seen(path);
        match self.cursor.peek() {
            b'n' => {
                self.cursor.literal(b"null")?;
                self.scratch.tally.null(path);
                Ok(())
            }
            b'"' if matches!(scalar, ScalarType::Text) => {
                let token = self.cursor.string()?;
                if let Some(text) = text_for_row(column, row) {
                    push_token(text, self.cursor.bytes, token);
                }
                Ok(())
            }
            _ => self.other_scalar(scalar, path, column, row, value_at),
        }
    }

    fn other_scalar(
        &mut self,
        scalar: ScalarType,
        path: PathId,
        column: &mut Column,
        row: usize,
        value_at: usize,
    ) -> Parse<()> {
        let first = self.cursor.peek();
        let stored = match (scalar, first) {
            (ScalarType::Json, _) => {
                self.skip_value()?;
                self.push_raw(column, row, value_at);
                Stored::Kept
            }
            (_, b't' | b'f') => {
                let value = first == b't';
                self.cursor.literal(if value { b"true" } else { b"false" })?;
                store_bool(scalar, column, row, value, Stored::Kept)
            }
            (ScalarType::Text, b'-' | b'0'..=b'9') => {
                self.cursor.number()?;
                self.push_raw(column, row, value_at);
                Stored::Coerced
            }
            (ScalarType::Text, b'{') => return self.reference(path, column, row, value_at),
            (_, b'-' | b'0'..=b'9') => {
                let token = self.cursor.number()?;
                store_number(scalar, column, row, token)
            }
            (_, b'"') => {
                let token = self.cursor.string()?;
                self.store_quoted(scalar, column, row, token)
            }
            _ => return self.mismatch(path, value_at),
        };
        match stored {
            Stored::Kept => {}
            Stored::Coerced => self.scratch.tally.event(Class::Coerced, path, value_at),
            Stored::No => self.kept_elsewhere(path, value_at),
        }
        Ok(())
    }

    /// A string for a column that is not text.
    #[inline]
    fn store_quoted(&mut self, scalar: ScalarType, column: &mut Column, row: usize, token: StringToken) -> Stored {
        let text = decoded(self.cursor.bytes, token, &mut self.scratch.text);
        match scalar {
            ScalarType::Instant => match instant::from_text(text, &mut self.scratch.dates) {
                Some(micros) => store_int(column, row, micros, Stored::Kept),
                None => Stored::No,
            },
            ScalarType::Int64 if number::is_canonical_integer(text) => match number::integer(text) {
                Some(value) => store_int(column, row, value, Stored::Coerced),
                None => Stored::No,
            },
            ScalarType::Float64 if is_number_token(text) => store_double(column, row, text, Stored::Coerced),
            ScalarType::Bool if text == b"true" => store_bool(scalar, column, row, true, Stored::Coerced),
            ScalarType::Bool if text == b"false" => store_bool(scalar, column, row, false, Stored::Coerced),
            _ => Stored::No,
        }
    }

    /// An object where the model has text: a reference gives its id, its other members go to `extra`.
    fn reference(&mut self, path: PathId, column: &mut Column, row: usize, value_at: usize) -> Parse<()> {
        // A first look without consequences finds the id and the fault, if there is one.
        let mut id = None;
        let bytes = self.cursor.bytes;
        self.any_members(|walk, key, at| {
            let is_id = decoded(bytes, key, &mut walk.scratch.text) == b"id";
            if is_id && matches!(walk.cursor.peek(), b'"' | b'-' | b'0'..=b'9') {
                id = Some(at);
            }
            walk.skip_value()
        })?;
        let Some(id_at) = id else {
            self.kept_elsewhere(path, value_at);
            return Ok(());
        };
        let end = self.cursor.pos;
        self.cursor.pos = id_at;
        if self.cursor.peek() == b'"' {
            let token = self.cursor.string()?;
            if let Some(text) = text_for_row(column, row) {
                push_token(text, bytes, token);
            }
        } else {
            self.cursor.number()?;
            self.push_raw(column, row, id_at);
        }
        self.scratch.tally.event(Class::Coerced, path, value_at);
        self.cursor.pos = value_at;
        let plan = self.plan;
        let pattern = &plan.paths[usize::from(path)];
        self.any_members(|walk, key, at| {
            if at == id_at {
                return walk.skip_value();
            }
            let name = decoded(bytes, key, &mut walk.scratch.text).to_vec();
            walk.unknown(pattern, &name, at)
        })?;
        debug_assert_eq!(end, self.cursor.pos);
        Ok(())
    }

    /// The raw text from `value_at` to the position becomes the value.
    fn push_raw(&mut self, column: &mut Column, row: usize, value_at: usize) {
        if let Some(text) = text_for_row(column, row) {
            text.push(&self.cursor.bytes[value_at..self.cursor.pos]);
        }
    }

    /// Something else where an object, a list or a map should stand.
    #[cold]
    fn no_container(&mut self, path: PathId, value_at: usize) -> Parse<()> {
        self.scratch.tally.seen(path);
        if self.cursor.peek() == b'n' {
            self.cursor.literal(b"null")?;
            self.scratch.tally.null(path);
            return Ok(());
        }
        self.mismatch(path, value_at)
    }

    fn list(
        &mut self,
        scalar: ScalarType,
        path: PathId,
        element_path: PathId,
        column: &mut Column,
        row: usize,
    ) -> Parse<()> {
        if self.cursor.peek() != b'[' {
            return self.no_container(path, self.cursor.pos);
        }
        self.scratch.tally.seen(path);
        let list_path_bytes = self.plan.paths[usize::from(path)].len();
        let Values::List { ends, element } = &mut column.values else { return self.skip_value() };
        // The row is marked first: a fault inside then cuts the elements back with the row.
        column.validity.set(row);
        let base = end_of(ends, ends.len());
        let count = self.elements(|walk, index| {
            walk.at.element = Some(Element { index, list_path_bytes });
            walk.scalar(scalar, element_path, element, base + index as usize)
        });
        self.at.element = None;
        ends.push(self.end_of_values(base + count? as usize)?);
        Ok(())
    }

    fn structs(
        &mut self,
        object: usize,
        path: PathId,
        element_path: PathId,
        column: &mut Column,
        row: usize,
    ) -> Parse<()> {
        if self.cursor.peek() != b'[' {
            return self.no_container(path, self.cursor.pos);
        }
        self.scratch.tally.seen(path);
        let list_path_bytes = self.plan.paths[usize::from(path)].len();
        let Values::Structs { ends, element_validity, children } = &mut column.values else {
            return self.skip_value();
        };
        column.validity.set(row);
        let base = end_of(ends, ends.len());
        let count = self.elements(|walk, index| {
            walk.at.element = Some(Element { index, list_path_bytes });
            let element = base + index as usize;
            element_validity.resize(element);
            if walk.cursor.peek() != b'{' {
                element_validity.push(false);
                let value_at = walk.cursor.pos;
                return walk.no_container(element_path, value_at);
            }
            element_validity.push(true);
            walk.scratch.tally.seen(element_path);
            walk.object(object, children, element).map(drop)
        });
        self.at.element = None;
        ends.push(self.end_of_values(base + count? as usize)?);
        Ok(())
    }

    fn map(&mut self, map: usize, path: PathId, columns: &mut [Column], row: usize) -> Parse<()> {
        if self.cursor.peek() != b'{' {
            return self.no_container(path, self.cursor.pos);
        }
        self.scratch.tally.seen(path);
        // The map's own column is lifted out while the promoted columns beside it are filled.
        let own = self.program.maps[map].column.map(|column| column as usize);
        let mut lifted = own.map(|column| {
            columns[column].validity.set(row);
            std::mem::replace(&mut columns[column].values, Values::Bool(Bitmap::default()))
        });
        let result = self.map_entries(map, columns, row, lifted.as_mut());
        if let (Some(column), Some(values)) = (own, lifted) {
            columns[column].values = values;
        }
        result
    }

    fn map_entries(
        &mut self,
        map: usize,
        columns: &mut [Column],
        row: usize,
        mut values: Option<&mut Values>,
    ) -> Parse<()> {
        let names = &mut self.program.maps[map];
        next_generation(&mut names.generation, &mut names.last_seen);
        let generation = names.generation;
        let mut previous = names.names.start();
        let (entry_path, keep_promoted) = (names.entry_path, names.keep_promoted);
        let mut entries = 0;
        self.cursor.enter()?;
        let mut open = !self.cursor.closes_at_once(b'}');
        let frame = self.scratch.open_names.open();
        while open {
            let key_at = self.cursor.pos;
            if self.cursor.peek() != b'"' {
                return Err(self.cursor.unexpected("a member's name in quotes"));
            }
            let bytes = self.cursor.bytes;
            let names = &mut self.program.maps[map].names;
            let (key, promoted) = if let Some((index, length)) = names.guess(previous, &bytes[key_at + 1..]) {
                self.cursor.pos = key_at + 1 + length;
                (StringToken { start: key_at + 1, end: key_at + length, escaped: false }, Some(index))
            } else {
                let key = self.cursor.string()?;
                let name = decoded(bytes, key, &mut self.scratch.text);
                (key, self.program.maps[map].names.find_after(previous, name))
            };
            if let Some(index) = promoted {
                previous = index;
                let names = &mut self.program.maps[map];
                let member = names.names.member(index) as usize;
                if names.last_seen[member] == generation {
                    return Err(twice(key_at, names.names.text(index)));
                }
                names.last_seen[member] = generation;
                let (column, path) = names.promoted[member];
                self.cursor.colon()?;
                let value_at = self.cursor.pos;
                self.map_value(path, slice::from_mut(&mut columns[column as usize]), row)
                    .map_err(|fault| fault.under_key(self.program.maps[map].names.text(index)))?;
                if let (true, Some(Values::Map { keys, values, .. })) = (keep_promoted, values.as_deref_mut()) {
                    self.cursor.pos = value_at;
                    push_token(keys, bytes, key);
                    self.copy_map_value(values, keys.len() - 1)?;
                }
            } else {
                let name = decoded(bytes, key, &mut self.scratch.text);
                if !self.scratch.open_names.add(frame, name, key_at) {
                    return Err(twice(key_at, name));
                }
                let Some(Values::Map { keys, values, .. }) = values.as_deref_mut() else {
                    return Err(no_column(key_at, name));
                };
                self.cursor.colon()?;
                push_token(keys, bytes, key);
                entries += 1;
                let entry = keys.len() - 1;
                self.map_entry(entry_path, values, entry)
                    .map_err(|fault| fault.under_key(decoded(bytes, key, &mut self.scratch.text)))?;
            }
            open = self.cursor.next_or_close(b'}')?;
        }
        self.close_names(frame)?;
        self.scratch.tally.seen_together(entry_path, entries);
        if let Some(Values::Map { ends, keys, .. }) = values {
            ends.push(self.end_of_values(keys.len())?);
        }
        Ok(())
    }

    /// The value of a promoted key.
    #[inline(always)]
    fn map_value(&mut self, path: PathId, column: &mut [Column], row: usize) -> Parse<()> {
        self.scratch.tally.seen(path);
        self.map_entry(path, &mut column[0], row)
    }

    /// A map's value: text as it is, null as null, anything else as its raw JSON text.
    #[inline(always)]
    fn map_entry(&mut self, path: PathId, column: &mut Column, row: usize) -> Parse<()> {
        let value_at = self.cursor.pos;
        match self.cursor.peek() {
            b'"' => {
                let token = self.cursor.string()?;
                if let Some(text) = text_for_row(column, row) {
                    push_token(text, self.cursor.bytes, token);
                }
            }
            b'n' => {
                self.cursor.literal(b"null")?;
                self.scratch.tally.null(path);
            }
            _ => {
                self.skip_value()?;
                self.push_raw(column, row, value_at);
                self.scratch.tally.event(Class::Coerced, path, value_at);
            }
        }
        Ok(())
    }

    /// The value of a promoted key once more, for a map that keeps every key; it was counted before.
    fn copy_map_value(&mut self, column: &mut Column, entry: usize) -> Parse<()> {
        let mark = self.scratch.tally.mark();
        self.map_entry(0, column, entry)?;
        self.scratch.tally.back_to(mark);
        Ok(())
    }
}

/// What became of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stored {
    Kept,
    Coerced,
    No,
}

fn store_number(scalar: ScalarType, column: &mut Column, row: usize, token: &[u8]) -> Stored {
    match scalar {
        ScalarType::Int64 => match number::integer(token) {
            Some(0) if token[0] == b'-' => store_int(column, row, 0, Stored::Coerced),
            Some(value) => store_int(column, row, value, Stored::Kept),
            None => match number::scaled_integer(token, 0) {
                Some(value) => store_int(column, row, value, Stored::Coerced),
                None => Stored::No,
            },
        },
        ScalarType::Instant => match instant::from_epoch_millis(token) {
            Some(micros) => store_int(column, row, micros, Stored::Coerced),
            None => Stored::No,
        },
        ScalarType::Float64 => store_double(column, row, token, Stored::Kept),
        ScalarType::Bool | ScalarType::Text | ScalarType::Json => Stored::No,
    }
}

fn store_int(column: &mut Column, row: usize, value: i64, how: Stored) -> Stored {
    let Values::Int64(values) = &mut column.values else { return Stored::No };
    column.validity.set(row);
    values.push(value);
    how
}

fn store_double(column: &mut Column, row: usize, token: &[u8], how: Stored) -> Stored {
    let (Values::Float64(values), Some(value)) = (&mut column.values, number::double(token)) else {
        return Stored::No;
    };
    column.validity.set(row);
    values.push(value);
    how
}

fn store_bool(scalar: ScalarType, column: &mut Column, row: usize, value: bool, how: Stored) -> Stored {
    let (ScalarType::Bool, Values::Bool(values)) = (scalar, &mut column.values) else { return Stored::No };
    column.validity.set(row);
    values.push(value);
    how
}

/// Whether the text is one JSON number and nothing else.
fn is_number_token(text: &[u8]) -> bool {
    let mut cursor = super::cursor::Cursor::new(text, 0, false);
    cursor.number().is_ok() && cursor.pos == text.len()
}

/// Appends the text of a string token. Short ones without escapes are copied in one piece of fixed size, which costs no
/// call; what was copied too much is cut off again.
#[inline(always)]
fn push_token(text: &mut TextValues, bytes: &[u8], token: StringToken) {
    const PIECE: usize = 32;
    let length = token.end - token.start;
    if token.escaped {
        unescape(&bytes[token.start..token.end], &mut text.bytes);
    } else if let (true, Some(piece)) = (length <= PIECE, bytes[token.start..].first_chunk::<PIECE>()) {
        let before = text.bytes.len();
        text.bytes.extend_from_slice(piece);
        text.bytes.truncate(before + length);
    } else {
        text.bytes.extend_from_slice(&bytes[token.start..token.end]);
    }
    text.close();
}

#[cold]
fn no_column(offset: usize, name: &[u8]) -> Box<Fault> {
    let name = shown(name);
    Fault::new(
        RejectKind::Attribute,
        offset,
        format!("the attribute \"{name}\" has no column and the table has no attribute map; use --attribute-map rest"),
    )
}
