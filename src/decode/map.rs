//! Reads maps of texts, and the keys with columns of their own ("promoted" keys).

use super::{
    fault::{Fault, Parse, shown},
    names::{Name, hash_name},
    open_names::Frame,
    program::{MapNames, Member, Op},
    tally::Class,
    walk::{Walk, decoded, text_for_row, twice},
};
use crate::{
    columns::{Bitmap, Column, Values},
    model::plan::PathId,
    report::RejectKind,
};

/// A map that is being read.
struct OpenMap<'a> {
    names: &'a MapNames,
    /// Its number, see [`Scratch::next_object`](super::scratch::Scratch::next_object).
    number: u32,
    /// The keys without columns of their own, to find duplicates.
    keys: Frame,
    /// Slot of the promoted key that came last.
    previous: u32,
    /// Number of entries without columns of their own.
    num_entries: u32,
}

impl<'a> Walk<'a> {
    /// Stores an object as a map; keys with columns of their own go there.
    pub fn map(&mut self, map: usize, path: PathId, columns: &mut [Column], row: usize) -> Parse<()> {
        if self.cursor.peek() != b'{' {
            return self.not_a_container(path, self.cursor.pos());
        }
        self.cursor.enter()?;
        let is_empty = self.cursor.closes_at_once(b'}');
        let names = &self.program.maps[map];
        let Some(own) = names.column.map(|column| column as usize) else {
            return if is_empty { Ok(()) } else { self.map_entries(names, columns, row, None) };
        };
        columns[own].validity.set(row);
        if !is_empty {
            // The map's own values are moved out while the promoted columns in the same slice are filled.
            let mut lifted = std::mem::replace(&mut columns[own].values, Values::Bool(Bitmap::default()));
            let result = self.map_entries(names, columns, row, Some(&mut lifted));
            columns[own].values = lifted;
            result?;
        }
        if let Values::Map { ends, keys, .. } = &mut columns[own].values {
            ends.push(self.end_of_values(keys.len())?);
        }
        Ok(())
    }

    fn map_entries(
        &mut self,
        names: &'a MapNames,
        columns: &mut [Column],
        row: usize,
        mut values: Option<&mut Values>,
    ) -> Parse<()> {
        let program = self.program;
        let mut open = OpenMap {
            names,
            number: self.scratch.next_object(),
            keys: self.scratch.map_keys.open(),
            previous: names.start,
            num_entries: 0,
        };
        loop {
            // Without promoted keys there is nothing to guess.
            let guess = if names.table.is_empty {
                None
            } else {
                program.names.guess(self.scratch.guess(open.previous), self.cursor.input.piece())
            };
            if let Some(name) = guess {
                self.met_promoted(&mut open, name, self.cursor.pos())?;
                self.cursor.step_over(name.key_bytes());
                self.cursor.skip_space();
                self.promoted(names, name, columns, row, values.as_deref_mut())?;
            } else {
                self.other_entry(&mut open, columns, row, values.as_deref_mut())?;
            }
            if !self.cursor.next_or_close(b'}')? {
                break;
            }
        }
        self.scratch.tally.seen_together(names.entry_path, open.num_entries);
        let texts = match &values {
            Some(Values::Map { keys, .. }) => keys.bytes.as_slice(),
            _ => &[],
        };
        match self.scratch.map_keys.close(&open.keys, texts) {
            None => Ok(()),
            Some(offset) => Err(self.duplicate_name_at(offset)),
        }
    }

    /// Reads an entry whose key is not the promoted one that was expected.
    #[inline(always)]
    fn other_entry(
        &mut self,
        open: &mut OpenMap<'_>,
        columns: &mut [Column],
        row: usize,
        values: Option<&mut Values>,
    ) -> Parse<()> {
        let key_at = self.cursor.pos();
        let Some(Values::Map { keys, values: entries, .. }) = values else {
            return self.entry_with_column(open, columns, row);
        };
        let start = keys.bytes.len();
        self.cursor.key_into(&mut keys.bytes)?;
        let key = &keys.bytes[start..];
        let hash = hash_name(key);
        if !open.names.table.is_empty {
            let guess = self.scratch.guess(open.previous);
            if let Some(name) = self.program.names.find_after(guess, &open.names.table, key, hash) {
                keys.bytes.truncate(start);
                self.met_promoted(open, name, key_at)?;
                self.cursor.colon()?;
                return self.promoted(open.names, name, columns, row, values);
            }
        }
        if !self.scratch.map_keys.add(&mut open.keys, hash, &keys.bytes, start, key_at) {
            return Err(twice(key_at, key));
        }
        keys.close();
        self.cursor.colon()?;
        open.num_entries += 1;
        let entry = keys.len() - 1;
        self.map_entry(open.names.entry_path, entries, entry).map_err(|fault| fault.under_key(keys.get(entry)))
    }

    /// Reads an entry of a map that has no column itself, so its key must have one.
    fn entry_with_column(&mut self, open: &mut OpenMap<'_>, columns: &mut [Column], row: usize) -> Parse<()> {
        let key_at = self.cursor.pos();
        let key = self.cursor.key()?;
        let mut text = std::mem::take(&mut self.scratch.text);
        let key = decoded(self.cursor.text(), key, &mut text);
        let guess = self.scratch.guess(open.previous);
        let Some(name) = self.program.names.find_after(guess, &open.names.table, key, hash_name(key)) else {
            return Err(no_column(key_at, key));
        };
        self.scratch.text = text;
        self.met_promoted(open, name, key_at)?;
        self.cursor.colon()?;
        self.promoted(open.names, name, columns, row, None)
    }

    /// Counts the promoted key at `key_at`, and refuses it if it was given before.
    #[inline(always)]
    fn met_promoted(&mut self, open: &mut OpenMap<'_>, name: &Name<Member>, key_at: usize) -> Parse<()> {
        open.previous = name.of.slot;
        match self.scratch.meet(&name.of, open.number) {
            Some(_) => Ok(()),
            None => Err(twice(key_at, self.program.names.text(name))),
        }
    }

    /// Stores the value of a promoted key.
    #[inline(always)]
    fn promoted(
        &mut self,
        map: &MapNames,
        name: &Name<Member>,
        columns: &mut [Column],
        row: usize,
        values: Option<&mut Values>,
    ) -> Parse<()> {
        let Member { act, path, .. } = name.of;
        let Op::Scalar { column, .. } = act else { unreachable!("a promoted key has a column") };
        let value_at = self.cursor.pos();
        let key = self.program.names.text(name);
        self.map_entry(path, &mut columns[column as usize], row).map_err(|fault| fault.under_key(key))?;
        if let (true, Some(Values::Map { keys, values, .. })) = (map.keep_promoted, values) {
            self.cursor.go_back(value_at);
            keys.push(key);
            self.copy_map_value(values, keys.len() - 1)?;
        }
        Ok(())
    }

    /// Stores a map's value: text as it is, null as null, anything else as its raw JSON text.
    #[inline(always)]
    fn map_entry(&mut self, path: PathId, column: &mut Column, row: usize) -> Parse<()> {
        let value_at = self.cursor.pos();
        match self.cursor.peek() {
            b'"' => {
                if let Some(text) = text_for_row(column, row) {
                    self.cursor.string_into(&mut text.bytes)?;
                    text.close();
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

    /// Stores the value of a promoted key a second time, for a map that keeps every key. It is not counted again.
    fn copy_map_value(&mut self, column: &mut Column, entry: usize) -> Parse<()> {
        let checkpoint = self.scratch.tally.checkpoint();
        self.map_entry(0, column, entry)?;
        self.scratch.tally.rollback_to(checkpoint);
        Ok(())
    }
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
