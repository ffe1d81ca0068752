//! What now and then stands where JSON was expected, told by its first bytes: that helps more than a syntax error.

use super::read::{GZIP_MAGIC, ZSTD_MAGIC};
use crate::error::{Error, Result};

/// Refuses a text that is known to be something else than JSON in UTF-8. `head` is its beginning, after one
/// decompression if the input `file` was compressed.
///
/// # Errors
/// [`Error::Input`] with the name of what it is, and with what to do about it.
pub(super) fn refuse_foreign(head: &[u8], file: &str, is_decompressed: bool) -> Result<()> {
    let text = head.strip_prefix(&BYTE_ORDER_MARK).unwrap_or(head);
    let known = FORMATS.iter().find(|(magic, ..)| text.starts_with(magic)).map(|(_, what, hint)| (*what, *hint));
    let Some((what, hint)) = known.or_else(|| is_tar(head).then_some(("a tar archive", ARCHIVE_HINT))) else {
        return Ok(());
    };
    let (message, hint) = if is_decompressed {
        (format!("what is compressed in it is {what}, not JSON in UTF-8"), format!("decompress it first; then {hint}"))
    } else {
        let message = format!("this is {what}, not JSON in UTF-8; of compressed inputs gzip and zstd are understood");
        (message, hint.to_owned())
    };
    Err(Error::Input { file: file.to_owned(), offset: 0, message, hint })
}

/// Whether this is the header of a tar archive: a name, padded with zeros, which no JSON has, and a word at its place.
fn is_tar(head: &[u8]) -> bool {
    head.split_at_checked(257).is_some_and(|(name, rest)| name.contains(&0) && rest.starts_with(b"ustar"))
}

/// May stand before the text, and is no part of it.
pub(super) const BYTE_ORDER_MARK: [u8; 3] = [0xef, 0xbb, 0xbf];

const ARCHIVE_HINT: &str = "unpack it and give the folder as the input";

const SERVER_HINT: &str = "often a server's error in the place of its answer: look at it, and fetch again";
const UTF_16_HINT: &str = "convert it first: iconv -f UTF-16 -t UTF-8 FILE | partiquet convert - --out DIR";
const AVRO_HINT: &str = "give the JSON it was made from, or write its records as JSON lines first";

/// The first bytes of a format, its name, and what to do. No JSON text begins like one of them.
const FORMATS: [(&[u8], &str, &str); 16] = [
    (b"\xff\xfe", "UTF-16", UTF_16_HINT),
    (b"\xfe\xff", "UTF-16", UTF_16_HINT),
    // Plain, these two are decompressed and never come here.
    (&GZIP_MAGIC, "gzip again", "give what it holds: gzip is undone once"),
    (&ZSTD_MAGIC, "zstd again", "give what it holds: zstd is undone once"),
    (b"BZh", "a bzip2 file", "decompress it on the way: bzip2 -dc FILE | partiquet convert - --out DIR"),
    (b"\xfd7zXZ\0", "an xz file", "decompress it on the way: xz -dc FILE | partiquet convert - --out DIR"),
    (b"\x04\x22\x4d\x18", "an lz4 file", "decompress it on the way: lz4 -dc FILE | partiquet convert - --out DIR"),
    (b"PK\x03\x04", "a zip archive", ARCHIVE_HINT),
    (b"PAR1", "a Parquet file", "give the JSON it was made from"),
    (b"SQLite", "a SQLite database", "export its JSON first"),
    (b"Obj\x01", "an Avro file", AVRO_HINT),
    (b"ORC", "an ORC file", AVRO_HINT),
    (b"%PDF-", "a PDF document", "give the JSON export instead"),
    (b"<!DOCT", "an HTML page", SERVER_HINT),
    (b"<html", "an HTML page", SERVER_HINT),
    (b"<?xml", "an XML document", SERVER_HINT),
];
