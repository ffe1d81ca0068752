//! Checks only the grammar of a whole record, for records that were refused for another reason.
//!
//! The walk stops at the first fault. Where records are delimited by brackets alone, the text after a fault such as a
//! duplicate name must still be JSON: otherwise the end of the record, and everything after it, was only guessed.

use super::{cursor::Cursor, fault::Parse};

/// Returns the first syntax error of the record that begins at the cursor and fills the rest of the text. Depth is not
/// limited here, so the open brackets are kept in a list instead of on the call stack.
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
        // A value has ended, and so may the objects and lists around it.
        loop {
            let Some(&close) = closes.last() else { return cursor.end_of_record() };
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

/// Steps over an opening bracket, if there is one, and returns the bracket that closes it.
fn opened(cursor: &mut Cursor<'_>) -> Option<u8> {
    let close = match cursor.peek() {
        b'{' => b'}',
        b'[' => b']',
        _ => return None,
    };
    cursor.step_over(1);
    Some(close)
}

/// Reads the name before the next value, if the innermost open bracket is an object's.
fn name(cursor: &mut Cursor<'_>, close: u8) -> Parse<()> {
    if close == b'}' {
        cursor.key()?;
        cursor.colon()?;
    }
    Ok(())
}
