//! Maps of texts, and the keys that have columns of their own.

use super::{
    cursor::StringToken,
    fault::{Fault, Parse, shown},
    program::{Act, MapNames},
    tally::Class,
    value::push_token,
    walk::{Scratch, Walk, decoded, text_for_row, twice},
};
use crate::{
    columns::{Bitmap, Column, Values},
    model::plan::PathId,
    report::RejectKind,
};

impl Walk<'_> {
    /// Stores an object as a map; keys with columns of their own go there.
    pub fn map(&mut self, map: usize, path: PathId, columns: &mut [Column], row: usize) -> Parse<()> {
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
        let program = self.program;
        let &MapNames { entry_path, keep_promoted, ref table, .. } = &program.maps[map];
        let number = self.scratch.next_object();
        let mut previous = table.start;
        let mut entries = 0;
        self.cursor.enter()?;
        let mut open = !self.cursor.closes_at_once(b'}');
        let frame = self.scratch.open_names.open();
        let bytes = self.cursor.bytes;
        while open {
            let key_at = self.cursor.pos;
            let guess = program.names.guess(&mut self.scratch.guesses, previous, self.cursor.window());
            let is_guessed = guess.is_some();
            let (key, promoted) = if let Some((_, name)) = guess {
                (StringToken { start: key_at + 1, end: key_at + name.key_bytes() - 2, escaped: false }, guess)
            } else {
                let key = self.cursor.key()?;
                let Scratch { guesses, text, .. } = &mut *self.scratch;
                (key, program.names.find_after(guesses, table, previous, decoded(bytes, key, text)))
            };
            if let Some((index, name)) = promoted {
                previous = index;
                let member = &name.of;
                if !self.scratch.is_first(member, number) {
                    return Err(twice(key_at, program.names.text(index)));
                }
                let Act::Scalar { column, .. } = member.act else { unreachable!("a promoted key has a column") };
                if is_guessed {
                    self.cursor.step_over(name.key_bytes());
                } else {
                    self.cursor.colon()?;
                }
                let value_at = self.cursor.pos;
                self.scratch.tally.seen(member.path);
                self.map_entry(member.path, &mut columns[column as usize], row)
                    .map_err(|fault| fault.under_key(program.names.text(index)))?;
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

#[cold]
fn no_column(offset: usize, name: &[u8]) -> Box<Fault> {
    let name = shown(name);
    Fault::new(
        RejectKind::Attribute,
        offset,
        format!("the attribute \"{name}\" has no column and the table has no attribute map; use --attribute-map rest"),
    )
}
