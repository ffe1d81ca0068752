//! Strings: where their plain part ends, and what their escapes mean.

/// Strings are looked at in pieces of this size: most are shorter, so that one look is enough.
pub(super) const PIECE_BYTES: usize = 32;

/// How many bytes stand before the first that ends the plain part of a string; none if all are plain.
#[inline(always)]
pub(super) fn plain_bytes(piece: &[u8; PIECE_BYTES]) -> Option<usize> {
    let (words, _) = piece.as_chunks::<8>();
    let stops = |at: usize| u128::from(string_stops(words[at])) | u128::from(string_stops(words[at + 1])) << 64;
    let (low, high) = (stops(0), stops(2));
    if low | high == 0 {
        return None;
    }
    let bits = if low == 0 { 128 + high.trailing_zeros() } else { low.trailing_zeros() };
    Some(bits as usize / 8)
}

/// The high bit of each byte that ends the plain part of a string: quote, backslash, control character. The lowest bit
/// set is exact; those above it may be false, by the borrow of the subtractions.
#[inline(always)]
fn string_stops(bytes: [u8; 8]) -> u64 {
    const ONES: u64 = 0x0101_0101_0101_0101;
    let word = u64::from_le_bytes(bytes);
    // With this bit turned the quote is 0x20, and control characters are what they were: less than that.
    let turned = word ^ (ONES * 0x02);
    let quote_or_control = turned.wrapping_sub(ONES * 0x21) & !turned;
    let backslash = word ^ (ONES * 0x5c);
    let backslash = backslash.wrapping_sub(ONES) & !backslash;
    (quote_or_control | backslash) & (ONES * 0x80)
}

pub(super) fn hex4(digits: &[u8]) -> Option<u16> {
    if digits.len() != 4 {
        return None;
    }
    digits.iter().try_fold(0, |unit, &digit| Some(unit << 4 | (digit as char).to_digit(16)? as u16))
}

/// Appends the text of an escaped string that [`Cursor::string`](super::cursor::Cursor::string) has accepted.
pub(super) fn unescape(raw: &[u8], text: &mut Vec<u8>) {
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

/// The character of `XXXX` or `XXXX\uXXXX`, and its length in the input. Pairs were checked before.
fn escaped_char(digits: &[u8]) -> (char, usize) {
    let unit = |at: usize| digits.get(at..at + 4).and_then(hex4).map_or(0xfffd, u32::from);
    let first = unit(0);
    if (0xd800..0xdc00).contains(&first) {
        let code = 0x10000 + ((first - 0xd800) << 10) + (unit(6).wrapping_sub(0xdc00) & 0x3ff);
        return (char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER), 10);
    }
    (char::from_u32(first).unwrap_or(char::REPLACEMENT_CHARACTER), 4)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_is_plain_or_ends_the_plain_part_wherever_it_stands() {
        for byte in 0..=u8::MAX {
            let is_plain = byte >= 0x20 && byte != b'"' && byte != b'\\';
            // Beside it stand the bytes that a borrow could come from.
            for (other, around) in [(b'a', true), (b' ', true), (b'!', true), (0x7f, true), (0xff, true), (b'"', false)]
            {
                for at in 0..PIECE_BYTES {
                    let mut piece = [other; PIECE_BYTES];
                    piece[at] = byte;
                    let expected = match (is_plain, around) {
                        (false, true) => Some(at),
                        (true, true) => None,
                        (true, false) => Some(usize::from(at == 0)),
                        (false, false) => Some(0),
                    };
                    assert_eq!(plain_bytes(&piece), expected, "{byte:#x} at {at} among {other:#x}");
                }
            }
        }
    }
}
