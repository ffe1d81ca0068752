//! The grammar of a whole record and nothing else: for records that were refused for another reason.
//!
//! The walk stops at the first fault. Where records are told apart by their brackets alone, what stands behind a name
//! given twice must still be JSON, or the end of the record was guessed and all behind it with it.

use super::{cursor::Cursor, fault::Parse};

/// The first fault of grammar in the record that begins at the cursor and ends with its bytes. Its depth is not limited,
/// so the open brackets are kept here and not on the stack.
#[cold]
pub(super) fn check(mut cursor: Cursor<'_>) -> Parse<()> {
    let mut closes: Vec<u8> = Vec::new();
    loop {
        if let Some(close) = opened(&mut cursor) {
            cursor.skip_space();
            if cursor.peek() != close {
                closes.push(close);
                name(&mut cursor, close)?;
                continue;
            }
            cursor.step_over(1);
        } else {
            cursor.leaf()?;
        }
        // A value has ended, and with it all that close here.
        loop {
            let Some(&close) = closes.last() else { return cursor.at_end() };
            if cursor.comma_or(close)? {
                cursor.skip_space();
                name(&mut cursor, close)?;
                break;
            }
            cursor.step_over(1);
            closes.pop();
        }
    }
}

/// Steps over an opening bracket; gives the one that closes it.
fn opened(cursor: &mut Cursor<'_>) -> Option<u8> {
    let close = match cursor.peek() {
        b'{' => b'}',
        b'[' => b']',
        _ => return None,
    };
    cursor.step_over(1);
    Some(close)
}

/// In an object, reads the name in front of the next value.
fn name(cursor: &mut Cursor<'_>, close: u8) -> Parse<()> {
    if close == b'}' {
        cursor.key()?;
        cursor.colon()?;
    }
    Ok(())
}
