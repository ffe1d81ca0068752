//! What now and then stands where JSON was expected, told by its first bytes: that helps more than a syntax error.

use super::read::{GZIP_MAGIC, ZSTD_MAGIC};
use crate::error::{Error, Result};

/// Refuses a text that is known to be something else than JSON in UTF-8. `head` is its beginning, after one
/// decompression if the input `file` was compressed.
///
/// # Errors
/// [`Error::Input`] with the name of what it is, and with what to do about it.
pub(super) fn refuse_foreign(head: &[u8], file: &str, is_decompressed: bool) -> Result<()> {
    let is_it = |at: usize, magic: &[u8]| head.get(at..).is_some_and(|head| head.starts_with(magic));
    let Some((.., what, hint)) = FORMATS.iter().find(|(at, magic, ..)| is_it(*at, magic)) else { return Ok(()) };
    let within = if is_decompressed { "what is compressed in it" } else { "this" };
    Err(Error::Input {
        file: file.to_owned(),
        offset: 0,
        message: format!("{within} is {what}, not JSON in UTF-8; of compressed inputs gzip and zstd are understood"),
        hint: (*hint).to_owned(),
    })
}

const SERVER_HINT: &str = "often a server's error in the place of its answer: look at it, and fetch again";
const UTF_16_HINT: &str = "convert it first: iconv -f UTF-16 -t UTF-8 FILE | partiquet convert - --out DIR";
const AVRO_HINT: &str = "give the JSON it was made from, or write its records as JSON lines first";

/// Where in a file of some format certain bytes stand, these bytes, its name, and what to do. No JSON text has them.
const FORMATS: [(usize, &[u8], &str, &str); 17] = [
    (0, b"\xff\xfe", "UTF-16", UTF_16_HINT),
    (0, b"\xfe\xff", "UTF-16", UTF_16_HINT),
    // Plain, these two are decompressed and never come here.
    (0, &GZIP_MAGIC, "gzip again", "undo one on the way: gzip -dc FILE | partiquet convert - --out DIR"),
    (0, &ZSTD_MAGIC, "zstd again", "undo one on the way: gzip -dc or zstd -dc FILE | partiquet convert - --out DIR"),
    (0, b"BZh", "a bzip2 file", "decompress it on the way: bzip2 -dc FILE | partiquet convert - --out DIR"),
    (0, b"\xfd7zXZ\0", "an xz file", "decompress it on the way: xz -dc FILE | partiquet convert - --out DIR"),
    (0, b"\x04\x22\x4d\x18", "an lz4 file", "decompress it on the way: lz4 -dc FILE | partiquet convert - --out DIR"),
    (0, b"PK\x03\x04", "a zip archive", "unpack it and give the folder as the input"),
    (257, b"ustar", "a tar archive", "unpack it and give the folder as the input"),
    (0, b"PAR1", "a Parquet file", "give the JSON it was made from"),
    (0, b"SQLite", "a SQLite database", "export its JSON first"),
    (0, b"Obj\x01", "an Avro file", AVRO_HINT),
    (0, b"ORC", "an ORC file", AVRO_HINT),
    (0, b"%PDF-", "a PDF document", "give the JSON export instead"),
    (0, b"<!DOCT", "an HTML page", SERVER_HINT),
    (0, b"<html", "an HTML page", SERVER_HINT),
    (0, b"<?xml", "an XML document", SERVER_HINT),
];
