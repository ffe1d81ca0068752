//! One record, walked once: bytes in, column values out.
//!
//! The walk follows the plan. At each key it knows which member this is, and with it the column that the value goes to;
//! what the plan does not know goes to `extra`. Nothing is built in between.

use std::{borrow::Cow, mem};

use super::{
    cursor::{Cursor, StringToken},
    extra::PendingExtra,
    fault::{Fault, Parse, shown},
    instant::DateMemory,
    names::{Guesses, Name, NameIdx},
    open_names::{Frame, OpenNames},
    program::{Act, Member, ObjectIdx, Program, StepIdx},
    string::unescape,
    tally::{Class, Tally},
};
use crate::{
    columns::{Column, Values},
    model::{
        naming::pointer_step,
        plan::{PathId, Plan},
    },
    report::RejectKind,
};

/// What the walk works with besides the columns: all of it is reused from record to record.
#[derive(Debug, Clone, Default)]
pub(super) struct Scratch {
    pub tally: Tally,
    pub extra: PendingExtra,
    pub open_names: OpenNames,
    pub dates: DateMemory,
    pub guesses: Guesses,
    /// For each member, the last object (by number) that had it.
    last_seen: Vec<u64>,
    /// Number of the last object.
    num_objects: u64,
    /// Unescaped names and texts.
    pub text: Vec<u8>,
    /// The unescaped name of the unknown member that is being read, and its path.
    pub name: Vec<u8>,
    pub path: String,
}

impl Scratch {
    pub fn new(program: &Program, num_paths: usize) -> Self {
        Self {
            tally: Tally::new(num_paths),
            guesses: program.names.guesses(),
            last_seen: vec![0; program.num_slots as usize],
            ..Self::default()
        }
    }

    /// Another object begins; gives its number.
    #[inline(always)]
    pub fn next_object(&mut self) -> u64 {
        self.num_objects += 1;
        self.num_objects
    }

    /// Whether this object has the member for the first time.
    #[inline(always)]
    pub fn is_first(&mut self, member: &Member, object: u64) -> bool {
        mem::replace(&mut self.last_seen[member.slot as usize], object) != object
    }
}

/// Where the walk is, for the pointers in `extra`.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Position {
    /// Objects between here and the row: 0 in the row, 1 in its parent.
    pub level: u8,
    /// The list element that the walk is in.
    pub element: Option<Element>,
}

/// An element of a list.
#[derive(Debug, Clone, Copy)]
pub(super) struct Element {
    pub index: u32,
    /// Length of the list's ledger path, behind which the index belongs.
    pub list_path_bytes: usize,
}

pub(super) struct Walk<'a> {
    pub cursor: Cursor<'a>,
    pub plan: &'a Plan,
    pub program: &'a Program,
    pub scratch: &'a mut Scratch,
    pub at: Position,
}

/// What [`Walk::object`] met besides members that it stored.
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
    /// Walks an object of the plan into row `row` of `columns`. The position is on its opening brace.
    pub fn object(&mut self, object: ObjectIdx, columns: &mut [Column], row: usize) -> Parse<StepsMet> {
        let mut steps = StepsMet::default();
        self.members(object, |walk, member, value_at| match member.act {
            Act::Scalar { column, scalar } => walk.scalar(scalar, member.path, &mut columns[column as usize], row),
            Act::Step(step) => {
                steps.add(step);
                walk.unknown_step(object, step, value_at)
            }
            act => walk.value(act, member.path, columns, row, value_at),
        })?;
        Ok(steps)
    }

    /// Walks the members of an object and calls `store` for each that its plan knows, on the value's first byte.
    #[inline(always)]
    pub fn members(
        &mut self,
        object: ObjectIdx,
        mut store: impl FnMut(&mut Self, &Member, usize) -> Parse<()>,
    ) -> Parse<()> {
        self.cursor.enter()?;
        if self.cursor.closes_at_once(b'}') {
            return Ok(());
        }
        let program = self.program;
        let names = &program.names;
        let number = self.scratch.next_object();
        let mut previous = self.program.objects[object as usize].table.start;
        let frame = self.scratch.open_names.open();
        loop {
            let key_at = self.cursor.pos;
            let guess = names.guess(&mut self.scratch.guesses, previous, self.cursor.window());
            let is_guessed = guess.is_some();
            let found = if is_guessed { guess } else { self.other_key(object, frame, previous)? };
            if let Some((index, name)) = found {
                previous = index;
                if !self.scratch.is_first(&name.of, number) {
                    return Err(twice(key_at, names.text(index)));
                }
                if is_guessed {
                    self.cursor.step_over(name.key_bytes());
                } else {
                    self.cursor.colon()?;
                }
                let value_at = self.cursor.pos;
                if let Err(fault) = store(self, &name.of, value_at) {
                    return Err(fault.under_key(names.text(index)));
                }
            }
            if !self.cursor.next_or_close(b'}')? {
                break;
            }
        }
        self.close_names(frame)
    }

    /// Reads a key that was not guessed. If the plan does not know it, its value is read as well.
    #[inline(never)]
    fn other_key(
        &mut self,
        object: ObjectIdx,
        frame: Frame,
        previous: NameIdx,
    ) -> Parse<Option<(NameIdx, &'a Name<Member>)>> {
        let key_at = self.cursor.pos;
        let key = self.cursor.key()?;
        let Scratch { guesses, text, .. } = &mut *self.scratch;
        let name = decoded(self.cursor.bytes, key, text);
        let program = self.program;
        let table = &program.objects[object as usize].table;
        let found = program.names.find_after(guesses, table, previous, name);
        if found.is_none() {
            self.unknown_member(object, frame, key, key_at)?;
        }
        Ok(found)
    }

    /// Reads the value of a member that the plan does not know; it goes to `extra`.
    #[inline(never)]
    fn unknown_member(&mut self, object: ObjectIdx, frame: Frame, key: StringToken, key_at: usize) -> Parse<()> {
        // The value's own names are unescaped into another buffer.
        let mut unescaped = mem::take(&mut self.scratch.name);
        let name = decoded(self.cursor.bytes, key, &mut unescaped);
        if !self.scratch.open_names.add(frame, name, key_at) {
            return Err(twice(key_at, name));
        }
        self.cursor.colon()?;
        let value_at = self.cursor.pos;
        let pattern = &self.program.objects[object as usize].pattern;
        self.unknown(pattern, name, value_at).map_err(|fault| fault.under_key(name))?;
        self.scratch.name = unescaped;
        Ok(())
    }

    /// Reads the value of an envelope's key where no rows are looked for.
    pub fn unknown_step(&mut self, object: ObjectIdx, step: StepIdx, value_at: usize) -> Parse<()> {
        let program = self.program;
        let (pattern, name) = (&program.objects[object as usize].pattern, &program.steps[usize::from(step)]);
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
        self.keep_raw(&self.pointer_of(&path), value_at);
        self.scratch.path = path;
        Ok(())
    }

    /// The ledger path of an object with this pattern.
    fn path_of<'p>(&self, pattern: &'p str) -> Cow<'p, str> {
        match self.at.level {
            1.. if pattern.is_empty() => vec![".."; usize::from(self.at.level)].join("/").into(),
            _ => pattern.into(),
        }
    }

    /// The pointer of a value with this ledger path: the element's index stands for the asterisk behind its list.
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
    fn keep_raw(&mut self, pointer: &str, value_at: usize) {
        let raw = &self.cursor.bytes[value_at..self.cursor.pos];
        self.scratch.extra.add(self.at.level, pointer, raw);
    }

    /// Skips a value that does not fit its column, and keeps it in `extra`.
    #[cold]
    #[inline(never)]
    pub fn mismatch(&mut self, path: PathId, value_at: usize) -> Parse<()> {
        self.cursor.pos = value_at;
        self.skip_value()?;
        self.kept_elsewhere(path, value_at);
        Ok(())
    }

    /// Keeps a value that was read but does not fit in `extra`.
    #[cold]
    pub fn kept_elsewhere(&mut self, path: PathId, value_at: usize) {
        self.scratch.tally.event(Class::Mismatched, path, value_at);
        let plan = self.plan;
        let pointer = self.pointer_of(&plan.paths[usize::from(path)]);
        self.keep_raw(&pointer, value_at);
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

    /// Walks an object of which no name is known: calls `value` on each value's first byte, with the key's token.
    pub fn any_members(&mut self, mut value: impl FnMut(&mut Self, StringToken, usize) -> Parse<()>) -> Parse<()> {
        self.cursor.enter()?;
        if self.cursor.closes_at_once(b'}') {
            return Ok(());
        }
        let frame = self.scratch.open_names.open();
        loop {
            let key_at = self.cursor.pos;
            let key = self.cursor.key()?;
            let name = decoded(self.cursor.bytes, key, &mut self.scratch.text);
            if !self.scratch.open_names.add(frame, name, key_at) {
                return Err(twice(key_at, name));
            }
            self.cursor.colon()?;
            let value_at = self.cursor.pos;
            if let Err(fault) = value(self, key, value_at) {
                return Err(fault.under_key(decoded(self.cursor.bytes, key, &mut self.scratch.text)));
            }
            if !self.cursor.next_or_close(b'}')? {
                break;
            }
        }
        self.close_names(frame)
    }

    /// Walks a list; calls `value` on each element's first byte. Gives the number of elements.
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

    /// Closes an object's names; a large object's are checked only now.
    pub fn close_names(&mut self, frame: Frame) -> Parse<()> {
        match self.scratch.open_names.close(frame) {
            None => Ok(()),
            Some(offset) => {
                let key = StringToken { start: offset + 1, ..self.key_at(offset) };
                Err(twice(offset, decoded(self.cursor.bytes, key, &mut self.scratch.text)))
            }
        }
    }

    /// The token of a key that was read before.
    fn key_at(&self, offset: usize) -> StringToken {
        let mut cursor = Cursor::new(self.cursor.bytes, offset, true);
        cursor.string().unwrap_or(StringToken { start: offset, end: offset + 1, escaped: false })
    }

    /// Checks that a large list or map has not outgrown the 32-bit ends of a block's columns.
    pub fn end_of_values(&self, count: usize) -> Parse<u32> {
        u32::try_from(count)
            .map_err(|_| Fault::new(RejectKind::Size, self.cursor.pos, "more than 4 billion values in one block"))
    }
}

/// The text of a string: as it stands, or unescaped into `scratch`.
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

/// The texts of a column of texts, with `row` marked as present: the caller adds its text.
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
