//! Stores values in columns: as they are, coerced without loss, or kept in `extra`.

use super::{
    cursor::{Cursor, StringToken},
    fault::Parse,
    instant::{self, DateMemory},
    number,
    padded::{Padded, pad},
    program::{ObjectIdx, Op},
    tally::Class,
    walk::{Element, Walk, decoded, text_for_row},
};
use crate::{
    columns::{Column, ScalarType, Values, end_of},
    model::plan::PathId,
};

impl Walk<'_> {
    /// Stores a value as `act` says. White space may precede it.
    #[inline(never)]
    pub fn value(&mut self, act: Op, path: PathId, columns: &mut [Column], row: usize) -> Parse<()> {
        let before = self.cursor.pos();
        self.cursor.skip_space();
        let value_at = self.cursor.pos();
        match act {
            // Without white space it was seen before that it does not have the usual form.
            Op::Scalar { column, scalar } if value_at == before => {
                self.scalar_out_of_line(scalar, path, &mut columns[column as usize], row)
            }
            Op::Scalar { column, scalar } => self.scalar(scalar, path, &mut columns[column as usize], row),
            Op::Object(object) if self.cursor.peek() == b'{' => self.object(object, columns, row).map(drop),
            Op::Object(_) => {
                self.scratch.tally.seen(path);
                self.not_a_container(path, value_at)
            }
            Op::List { column, scalar, element_path } => {
                self.list(scalar, path, element_path, &mut columns[column as usize], row)
            }
            Op::Structs { column, element, element_path } => {
                self.structs(element, path, element_path, &mut columns[column as usize], row)
            }
            Op::Map(map) => self.map(map as usize, path, columns, row),
            Op::Ignored => {
                self.scratch.tally.event(Class::Ignored, path, value_at);
                self.skip_value()
            }
            Op::Step(_) => self.skip_value(),
        }
    }

    /// Stores one value in row `row` of `column`.
    #[inline(always)]
    pub fn scalar(&mut self, scalar: ScalarType, path: PathId, column: &mut Column, row: usize) -> Parse<()> {
        if scalar_inline(&mut self.cursor.input, &self.scratch.dates, scalar, column, row) {
            return Ok(());
        }
        self.scalar_out_of_line(scalar, path, column, row)
    }

    /// Stores a value of any form. White space may precede it.
    #[inline(never)]
    fn scalar_out_of_line(&mut self, scalar: ScalarType, path: PathId, column: &mut Column, row: usize) -> Parse<()> {
        self.cursor.skip_space();
        let value_at = self.cursor.pos();
        let first = self.cursor.peek();
        let stored = match (scalar, first) {
            (ScalarType::Json, b'"' | b'{' | b'[' | b't' | b'f' | b'-' | b'0'..=b'9') => {
                self.skip_value()?;
                self.push_raw(column, row, value_at);
                Stored::Kept
            }
            (_, b'n') => {
                self.cursor.literal(b"null")?;
                self.scratch.tally.null(path);
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
            (ScalarType::Text, b'"') => {
                if let Some(text) = text_for_row(column, row) {
                    self.cursor.string_into(&mut text.bytes)?;
                    text.close();
                }
                Stored::Kept
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
            Stored::No => self.keep_in_extra(path, value_at)?,
        }
        Ok(())
    }

    /// Stores a string in a column that is not text, if it fits.
    #[inline]
    fn store_quoted(&mut self, scalar: ScalarType, column: &mut Column, row: usize, token: StringToken) -> Stored {
        let text = decoded(self.cursor.text(), token, &mut self.scratch.text);
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

    /// Reads an object where the model has text: a reference, whose `id` becomes the value; its other members go to
    /// `extra`.
    fn reference(&mut self, path: PathId, column: &mut Column, row: usize, value_at: usize) -> Parse<()> {
        // The first pass stores nothing; it finds the id, or a fault.
        let mut id = None;
        let bytes = self.cursor.text();
        self.any_members(|walk, key, at| {
            let is_id = decoded(bytes, key, &mut walk.scratch.text) == b"id";
            if is_id && matches!(walk.cursor.peek(), b'"' | b'-' | b'0'..=b'9') {
                id = Some(at);
            }
            walk.skip_value()
        })?;
        let Some(id_at) = id else {
            return self.keep_in_extra(path, value_at);
        };
        let end = self.cursor.pos();
        self.cursor.go_back(id_at);
        if self.cursor.peek() == b'"' {
            if let Some(text) = text_for_row(column, row) {
                self.cursor.string_into(&mut text.bytes)?;
                text.close();
            }
        } else {
            self.cursor.number()?;
            self.push_raw(column, row, id_at);
        }
        self.scratch.tally.event(Class::Coerced, path, value_at);
        self.cursor.go_back(value_at);
        let plan = self.plan;
        let pattern = &plan.paths[usize::from(path)];
        self.any_members(|walk, key, at| {
            if at == id_at {
                return walk.skip_value();
            }
            let name = decoded(bytes, key, &mut walk.scratch.text).to_vec();
            walk.unknown(pattern, &name, at)
        })?;
        debug_assert_eq!(end, self.cursor.pos());
        Ok(())
    }

    /// Stores the raw text from `value_at` to the position as the value.
    pub(super) fn push_raw(&mut self, column: &mut Column, row: usize, value_at: usize) {
        if let Some(text) = text_for_row(column, row) {
            text.push(&self.cursor.text()[value_at..self.cursor.pos()]);
        }
    }

    /// Reads another value where an object, a list or a map is expected.
    #[cold]
    pub(super) fn not_a_container(&mut self, path: PathId, value_at: usize) -> Parse<()> {
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
            return self.not_a_container(path, self.cursor.pos());
        }
        let list_path_bytes = self.plan.paths[usize::from(path)].len();
        let Values::List { ends, element } = &mut column.values else { return self.skip_value() };
        // The row is marked first, so that after a fault inside, truncating the row removes the elements too.
        column.validity.set(row);
        let base = end_of(ends, ends.len());
        let count = self.elements(|walk, index| {
            walk.at.element = Some(Element { index, list_path_bytes });
            walk.scratch.tally.seen(element_path);
            walk.scalar(scalar, element_path, element, base + index as usize)
        });
        self.at.element = None;
        ends.push(self.end_of_values(base + count? as usize)?);
        Ok(())
    }

    fn structs(
        &mut self,
        object: ObjectIdx,
        path: PathId,
        element_path: PathId,
        column: &mut Column,
        row: usize,
    ) -> Parse<()> {
        if self.cursor.peek() != b'[' {
            return self.not_a_container(path, self.cursor.pos());
        }
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
            walk.scratch.tally.seen(element_path);
            if walk.cursor.peek() != b'{' {
                element_validity.push(false);
                let value_at = walk.cursor.pos();
                return walk.not_a_container(element_path, value_at);
            }
            element_validity.push(true);
            walk.object(object, children, element).map(drop)
        });
        self.at.element = None;
        ends.push(self.end_of_values(base + count? as usize)?);
        Ok(())
    }
}

/// Stores a value of the usual form; returns false and changes nothing for any other form.
#[inline(always)]
pub(super) fn scalar_inline(
    input: &mut Padded<'_>,
    dates: &DateMemory,
    scalar: ScalarType,
    column: &mut Column,
    row: usize,
) -> bool {
    match (scalar, &mut column.values) {
        (ScalarType::Text, Values::Text(text)) => {
            if !input.plain_string_into(&mut text.bytes) {
                return false;
            }
            text.close();
        }
        (ScalarType::Instant, Values::Int64(values)) => {
            let Some(micros) = instant::common_form(input.window().first_chunk(), dates) else { return false };
            input.step_over(instant::COMMON_FORM_BYTES);
            values.push(micros);
        }
        (ScalarType::Int64, Values::Int64(values)) => {
            let Some((value, length)) = number::small_integer(input.piece()) else { return false };
            input.step_over(length);
            values.push(value);
        }
        (ScalarType::Bool, Values::Bool(values)) => {
            let window = input.window();
            let is_true = window[..4] == *b"true";
            if !is_true && window[..5] != *b"false" {
                return false;
            }
            input.step_over(if is_true { 4 } else { 5 });
            values.push(is_true);
        }
        _ => return false,
    }
    column.validity.set(row);
    true
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

#[inline]
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

#[inline]
fn store_bool(scalar: ScalarType, column: &mut Column, row: usize, value: bool, how: Stored) -> Stored {
    let (ScalarType::Bool, Values::Bool(values)) = (scalar, &mut column.values) else { return Stored::No };
    column.validity.set(row);
    values.push(value);
    how
}

/// Whether the text is exactly one JSON number.
fn is_number_token(text: &[u8]) -> bool {
    let mut padded = Vec::new();
    pad(&mut padded, text);
    let mut cursor = Cursor::new(Padded::new(&padded, 0), false);
    cursor.number().is_ok() && cursor.is_at_end()
}
