//! Decodes the escapes of strings.

/// The value of exactly four hexadecimal digits.
pub(super) fn hex4(digits: &[u8]) -> Option<u16> {
    if digits.len() != 4 {
        return None;
    }
    digits.iter().try_fold(0, |unit, &digit| Some(unit << 4 | (digit as char).to_digit(16)? as u16))
}

/// Appends the unescaped text of a string that [`Cursor::string`](super::cursor::Cursor::string) has accepted.
pub(super) fn unescape(raw: &[u8], text: &mut Vec<u8>) {
    text.reserve(raw.len());
    let mut rest = raw;
    while let Some(at) = memchr::memchr(b'\\', rest) {
        text.extend_from_slice(&rest[..at]);
        let letter = rest.get(at + 1).copied().unwrap_or(b'\\');
        rest = rest.get(at + 2..).unwrap_or_default();
        let plain = match letter {
            b'b' => 0x08,
            b'f' => 0x0c,
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            b'u' => {
                let (character, length) = escaped_char(rest);
                text.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
                rest = rest.get(length..).unwrap_or_default();
                continue;
            }
            other => other,
        };
        text.push(plain);
    }
    text.extend_from_slice(rest);
}

/// The character of `XXXX` or `XXXX\uXXXX`, and its length in the input. Surrogate pairs were checked before.
fn escaped_char(digits: &[u8]) -> (char, usize) {
    let unit = |at: usize| digits.get(at..at + 4).and_then(hex4).map_or(0xfffd, u32::from);
    let first = unit(0);
    if (0xd800..0xdc00).contains(&first) {
        let code = 0x10000 + ((first - 0xd800) << 10) + (unit(6).wrapping_sub(0xdc00) & 0x3ff);
        return (char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER), 10);
    }
    (char::from_u32(first).unwrap_or(char::REPLACEMENT_CHARACTER), 4)
}
