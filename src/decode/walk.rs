//! One record, walked once: bytes in, column values out.
//!
//! The walk follows the plan. At each key it finds the member, and with it the column for the value; what the plan does
//! not know goes to `extra`. Nothing is built in between.

use std::{borrow::Cow, mem};

use super::{
    cursor::{Cursor, StringToken},
    fault::{Fault, Parse, shown},
    names::{Name, hash_name},
    open_names::Frame,
    program::{Member, ObjectIdx, Op, Program, StepIdx},
    scratch::Scratch,
    string::unescape,
    tally::Class,
    value::scalar_inline,
};
use crate::{
    columns::{Column, Values},
    model::{
        naming::pointer_step,
        plan::{PathId, Plan},
    },
    report::RejectKind,
};

/// Position of the walk, for the pointers in `extra`.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Position {
    /// Levels down to the row: 0 in the row, 1 in its parent.
    pub level: u8,
    /// The list element that the walk is in.
    pub element: Option<Element>,
}

/// An element of a list.
#[derive(Debug, Clone, Copy)]
pub(super) struct Element {
    pub index: u32,
    /// Length of the list's ledger path, after which the index is inserted.
    pub list_path_bytes: usize,
}

pub(super) struct Walk<'a> {
    pub cursor: Cursor<'a>,
    pub plan: &'a Plan,
    pub program: &'a Program,
    pub scratch: &'a mut Scratch,
    pub at: Position,
}

/// The envelope steps that [`Walk::object`] met, one bit each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct StepsMet(pub u64);

impl StepsMet {
    pub fn add(&mut self, step: StepIdx) {
        self.0 |= 1u64.checked_shl(u32::from(step)).unwrap_or(0);
    }

    pub fn has(self, step: StepIdx) -> bool {
        self.0 & 1u64.checked_shl(u32::from(step)).unwrap_or(0) != 0
    }
}

impl<'a> Walk<'a> {
    /// Walks an object of the plan into row `row` of `columns`. The position must be on its opening brace.
    pub fn object(&mut self, object: ObjectIdx, columns: &mut [Column], row: usize) -> Parse<StepsMet> {
        let mut steps = StepsMet::default();
        self.members(object, columns, row, |walk, member, columns| match member.act {
            Op::Step(name) => {
                steps.add(walk.program.steps[usize::from(name)].1);
                walk.unknown_step(object, name)
            }
            act => walk.value(act, member.path, columns, row),
        })?;
        Ok(steps)
    }

    /// Walks the members of an object into row `row` of `columns`. Calls `other` after the colon for each known member
    /// whose value does not have the usual form; white space may precede the value.
    #[inline(always)]
    pub fn members(
        &mut self,
        object: ObjectIdx,
        columns: &mut [Column],
        row: usize,
        mut other: impl FnMut(&mut Self, &Member, &mut [Column]) -> Parse<()>,
    ) -> Parse<()> {
        self.cursor.enter()?;
        if self.cursor.closes_at_once(b'}') {
            return Ok(());
        }
        let program = self.program;
        let names = &program.names;
        let number = self.scratch.next_object();
        let mut previous = program.objects[object as usize].start;
        let mut frame = self.scratch.open_names.open();
        // Local copies keep the position and the guess in registers while members have the usual form.
        let mut input = self.cursor.input;
        let newline_is_space = self.cursor.newline_is_space;
        let mut guess = *self.scratch.guess(previous);
        loop {
            let latest = guess;
            let mut named = names.guess(&mut guess, input.piece());
            if named.is_none() && input.peek() <= b' ' {
                input.skip_space(newline_is_space);
                named = names.guess(&mut guess, input.piece());
            }
            let found = if let Some(name) = named {
                if guess != latest {
                    *self.scratch.guess(previous) = guess;
                }
                let Some(next) = self.scratch.meet(&name.of, number) else {
                    return Err(twice(input.pos(), names.text(name)));
                };
                guess = next;
                input.step_over(name.key_bytes());
                input.skip_one_space();
                Some(name)
            } else {
                self.cursor.input = input;
                let found = self.other_key(object, number, &mut frame, previous)?;
                input = self.cursor.input;
                if let Some(name) = found {
                    guess = *self.scratch.guess(name.of.slot);
                }
                found
            };
            if let Some(name) = found {
                previous = name.of.slot;
                let is_stored = match name.of.act {
                    Op::Scalar { column, scalar } => {
                        scalar_inline(&mut input, &self.scratch.dates, scalar, &mut columns[column as usize], row)
                    }
                    _ => false,
                };
                if !is_stored {
                    self.cursor.input = input;
                    if let Err(fault) = other(self, &name.of, columns) {
                        return Err(fault.under_key(names.text(name)));
                    }
                    input = self.cursor.input;
                }
            }
            if input.peek() == b',' {
                input.step_over(1);
                continue;
            }
            self.cursor.input = input;
            if !self.cursor.comma_or(b'}')? {
                self.cursor.leave();
                return self.close_names(&frame);
            }
            input = self.cursor.input;
        }
    }

    /// Reads a key in another form or of another member than the loop expects, and its colon; white space may be around
    /// both. If the plan does not know the key, its value is read as well.
    #[inline(never)]
    fn other_key(
        &mut self,
        object: ObjectIdx,
        number: u32,
        frame: &mut Frame,
        previous: u32,
    ) -> Parse<Option<&'a Name<Member>>> {
        self.cursor.skip_space();
        let key_at = self.cursor.pos();
        let program = self.program;
        // With white space before its colon it may be the guessed one all the same.
        let guessed = program.names.guess_quoted(self.scratch.guess(previous), self.cursor.input.piece());
        let name = if let Some(name) = guessed {
            self.cursor.step_over(name.key_bytes() - 1);
            name
        } else {
            let key = self.cursor.key()?;
            let table = &program.objects[object as usize].table;
            let mut guess = *self.scratch.guess(previous);
            let name = decoded(self.cursor.text(), key, &mut self.scratch.text);
            let found = program.names.find_after(&mut guess, table, name, hash_name(name));
            *self.scratch.guess(previous) = guess;
            let Some(name) = found else {
                self.unknown_member(object, frame, key, key_at)?;
                return Ok(None);
            };
            name
        };
        if self.scratch.meet(&name.of, number).is_none() {
            return Err(twice(key_at, program.names.text(name)));
        }
        self.cursor.colon()?;
        Ok(Some(name))
    }

    /// Reads the value of a member that the plan does not know; it goes to `extra`.
    #[inline(never)]
    fn unknown_member(&mut self, object: ObjectIdx, frame: &mut Frame, key: StringToken, key_at: usize) -> Parse<()> {
        // The buffer is taken out, since names inside the value are unescaped too.
        let mut unescaped = mem::take(&mut self.scratch.name);
        let name = decoded(self.cursor.text(), key, &mut unescaped);
        if !self.scratch.open_names.add(frame, name, key_at) {
            return Err(twice(key_at, name));
        }
        self.cursor.colon()?;
        let value_at = self.cursor.pos();
        let pattern = &self.program.objects[object as usize].pattern;
        self.unknown(pattern, name, value_at).map_err(|fault| fault.under_key(name))?;
        self.scratch.name = unescaped;
        Ok(())
    }

    /// Reads the value of an envelope's key where no rows are expected.
    pub fn unknown_step(&mut self, object: ObjectIdx, name: StepIdx) -> Parse<()> {
        self.cursor.skip_space();
        let value_at = self.cursor.pos();
        let program = self.program;
        let (pattern, (name, _)) = (&program.objects[object as usize].pattern, &program.steps[usize::from(name)]);
        self.unknown(pattern, name.as_bytes(), value_at)
    }

    /// Reads a value and keeps it in `extra` under `pattern/name`.
    pub fn unknown(&mut self, pattern: &str, name: &[u8], value_at: usize) -> Parse<()> {
        self.skip_value()?;
        let mut path = mem::take(&mut self.scratch.path);
        path.clear();
        path.push_str(&self.path_of(pattern));
        path.push('/');
        path.push_str(&pointer_step(&String::from_utf8_lossy(name)));
        self.scratch.tally.unknown(&path, value_at);
        let kept = self.keep_raw(&self.pointer_of(&path), value_at);
        self.scratch.path = path;
        kept
    }

    /// The ledger path of an object with this pattern.
    fn path_of<'p>(&self, pattern: &'p str) -> Cow<'p, str> {
        match self.at.level {
            1.. if pattern.is_empty() => vec![".."; usize::from(self.at.level)].join("/").into(),
            _ => pattern.into(),
        }
    }

    /// The pointer of a value with this ledger path: the element's index replaces the asterisk after its list.
    fn pointer_of<'p>(&self, path: &'p str) -> Cow<'p, str> {
        match self.at.element {
            Some(Element { index, list_path_bytes }) => {
                let (list, inside) = path.split_at(list_path_bytes.min(path.len()));
                format!("{list}/{index}{}", inside.strip_prefix("/*").unwrap_or(inside)).into()
            }
            None => self.path_of(path),
        }
    }

    /// Keeps the raw text from `value_at` to the position in `extra`.
    fn keep_raw(&mut self, pointer: &str, value_at: usize) -> Parse<()> {
        let raw = &self.cursor.text()[value_at..self.cursor.pos()];
        if self.scratch.extra.add(self.at.level, pointer, raw) { Ok(()) } else { Err(no_room_for_extra(value_at)) }
    }

    /// Skips a value that does not fit its column, and keeps it in `extra`.
    #[cold]
    #[inline(never)]
    pub fn mismatch(&mut self, path: PathId, value_at: usize) -> Parse<()> {
        self.cursor.go_back(value_at);
        self.skip_value()?;
        self.keep_in_extra(path, value_at)
    }

    /// Keeps in `extra` a value that was read but does not fit its column.
    #[cold]
    pub fn keep_in_extra(&mut self, path: PathId, value_at: usize) -> Parse<()> {
        self.scratch.tally.event(Class::Mismatched, path, value_at);
        let plan = self.plan;
        let pointer = self.pointer_of(&plan.paths[usize::from(path)]);
        self.keep_raw(&pointer, value_at)
    }

    /// Reads any value strictly and stores nothing.
    pub fn skip_value(&mut self) -> Parse<()> {
        match self.cursor.peek() {
            b'{' => self.skip_object(),
            b'[' => self.elements(|walk, _| walk.skip_value()).map(drop),
            _ => self.cursor.leaf(),
        }
    }

    fn skip_object(&mut self) -> Parse<()> {
        self.any_members(|walk, _, _| walk.skip_value())
    }

    /// Walks an object without known names. Calls `value` on the first byte of each value, with the key's token and the
    /// value's position.
    pub fn any_members(&mut self, mut value: impl FnMut(&mut Self, StringToken, usize) -> Parse<()>) -> Parse<()> {
        self.cursor.enter()?;
        if self.cursor.closes_at_once(b'}') {
            return Ok(());
        }
        let mut frame = self.scratch.open_names.open();
        loop {
            let key_at = self.cursor.pos();
            let key = self.cursor.key()?;
            let name = decoded(self.cursor.text(), key, &mut self.scratch.text);
            if !self.scratch.open_names.add(&mut frame, name, key_at) {
                return Err(twice(key_at, name));
            }
            self.cursor.colon()?;
            let value_at = self.cursor.pos();
            if let Err(fault) = value(self, key, value_at) {
                return Err(fault.under_key(decoded(self.cursor.text(), key, &mut self.scratch.text)));
            }
            if !self.cursor.next_or_close(b'}')? {
                break;
            }
        }
        self.close_names(&frame)
    }

    /// Walks a list; calls `value` on the first byte of each element. Returns the number of elements.
    pub fn elements(&mut self, mut value: impl FnMut(&mut Self, u32) -> Parse<()>) -> Parse<u32> {
        self.cursor.enter()?;
        if self.cursor.closes_at_once(b']') {
            return Ok(0);
        }
        let mut count = 0;
        loop {
            value(self, count).map_err(|fault| fault.under_index(count as usize))?;
            count += 1;
            if !self.cursor.next_or_close(b']')? {
                return Ok(count);
            }
        }
    }

    /// Closes an object's names; those of a large object are checked only now.
    #[inline(always)]
    pub fn close_names(&mut self, frame: &Frame) -> Parse<()> {
        match self.scratch.open_names.close(frame) {
            None => Ok(()),
            Some(offset) => Err(self.duplicate_name_at(offset)),
        }
    }

    #[cold]
    pub fn duplicate_name_at(&mut self, offset: usize) -> Box<Fault> {
        let key = StringToken { start: offset + 1, ..self.key_at(offset) };
        twice(offset, decoded(self.cursor.text(), key, &mut self.scratch.text))
    }

    /// The token of a key that was read before.
    fn key_at(&self, offset: usize) -> StringToken {
        let mut cursor = self.cursor.clone();
        cursor.go_back(offset);
        cursor.string().unwrap_or(StringToken { start: offset, end: offset + 1, escaped: false })
    }

    /// Checks that a large list or map has not outgrown the 32-bit ends of a block's columns.
    pub fn end_of_values(&self, count: usize) -> Parse<u32> {
        u32::try_from(count)
            .map_err(|_| Fault::new(RejectKind::Size, self.cursor.pos(), "more than 4 billion values in one block"))
    }
}

#[cold]
fn no_room_for_extra(value_at: usize) -> Box<Fault> {
    let message = "the values that no column holds take more than there is room for in a record; more --memory helps";
    Fault::new(RejectKind::Size, value_at, message)
}

/// The text of a string: its raw bytes, or unescaped into `scratch`.
#[inline(always)]
pub(super) fn decoded<'t>(bytes: &'t [u8], token: StringToken, scratch: &'t mut Vec<u8>) -> &'t [u8] {
    let raw = &bytes[token.start..token.end];
    if !token.escaped {
        return raw;
    }
    scratch.clear();
    unescape(raw, scratch);
    scratch
}

#[cold]
pub(super) fn twice(offset: usize, name: &[u8]) -> Box<Fault> {
    let name = shown(name);
    Fault::new(RejectKind::Duplicate, offset, format!("the member \"{name}\" is given twice in one object"))
}

/// Marks `row` as present in a column of texts and returns the texts, to which the caller must add one.
#[inline(always)]
pub(super) fn text_for_row(column: &mut Column, row: usize) -> Option<&mut crate::columns::TextValues> {
    match &mut column.values {
        Values::Text(text) => {
            column.validity.set(row);
            Some(text)
        }
        _ => None,
    }
}
