//! The JSON documents of a dataset: their format version, and a digest that shows whether their text was changed.

use std::{
    fs::{self, File},
    io::{self, BufWriter, Seek, SeekFrom, Write},
    path::Path,
};

use serde::{
    Deserialize, Serialize,
    de::{DeserializeOwned, IgnoredAny},
};
use xxhash_rust::xxh3::Xxh3;

use crate::{
    error::{Error, Result},
    report::hex,
};

/// How a document ends without its digest: the end of its object.
const END: &str = "\n}";

/// Writes a document, which must be an object with members, as JSON and syncs its content to disk. Its last member
/// becomes `document_digest`, the XXH3-128 of the text without that member (and without the last newline).
pub(super) fn write_document(path: &Path, document: &impl Serialize) -> Result<()> {
    // Streamed, because the text of a document about many thousands of files takes more memory than the document.
    let file = BufWriter::new(File::create_new(path).map_err(Error::io("create", path))?);
    let mut hashed = Hashed { file, hash: Xxh3::new() };
    serde_json::to_writer_pretty(&mut hashed, document).map_err(|error| Error::io("write", path)(error.into()))?;
    let Hashed { mut file, hash } = hashed;
    file.seek(SeekFrom::Current(-(END.len() as i64)))
        .and_then(|_| file.write_all(signature(hash.digest128()).as_bytes()))
        .map_err(Error::io("write", path))?;
    let file = file.into_inner().map_err(|error| Error::io("write", path)(error.into_error()))?;
    file.sync_all().map_err(Error::io("sync", path))
}

/// A file and the hash of what is written to it.
struct Hashed {
    file: BufWriter<File>,
    hash: Xxh3,
}

impl Write for Hashed {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file.write(bytes)?;
        self.hash.update(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// How a document ends whose text has this digest.
fn signature(digest: u128) -> String {
    format!(",\n  \"document_digest\": \"{}\"{END}\n", hex(digest))
}

/// Whether a document has the text that was written. One without a digest, of an earlier version, is taken as such.
///
/// # Errors
/// [`Error::Io`] if it cannot be read.
pub fn is_as_written(path: &Path) -> Result<bool> {
    #[derive(Deserialize)]
    struct Signed {
        document_digest: Option<IgnoredAny>,
    }
    let text = fs::read(path).map_err(Error::io("read", path))?;
    let (signed, end) = text.split_at(text.len().saturating_sub(signature(0).len()));
    let mut hash = Xxh3::new();
    hash.update(signed);
    hash.update(END.as_bytes());
    Ok(end == signature(hash.digest128()).as_bytes()
        || matches!(serde_json::from_slice(&text), Ok(Signed { document_digest: None })))
}

/// Reads a JSON document with a `format_version`, which is checked before anything else.
pub(super) fn read_document<T: DeserializeOwned>(dir: &Path, path: &Path, newest: u32) -> Result<T> {
    #[derive(Deserialize)]
    struct Versioned {
        format_version: u32,
    }
    // Reading a pipe in its place would block for ever.
    if fs::metadata(path).is_ok_and(|found| !found.is_file()) {
        return Err(damaged(dir, path, "it is not a file"));
    }
    let text = fs::read(path).map_err(Error::io("read", path))?;
    let not_understood = |error: serde_json::Error| damaged(dir, path, &error.to_string());
    let Versioned { format_version } = serde_json::from_slice(&text).map_err(not_understood)?;
    if format_version > newest {
        return Err(Error::NewerFormat { path: path.to_owned(), found: format_version, newest });
    }
    serde_json::from_slice(&text).map_err(not_understood)
}

/// The error for a document of the dataset with impossible content.
pub(super) fn damaged(dir: &Path, path: &Path, what: &str) -> Error {
    Error::Dataset {
        dir: dir.to_owned(),
        message: format!("{} is damaged: {what}", path.display()),
        hint: "restore that file from a copy, or write to another folder".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use xxhash_rust::xxh3::xxh3_128;

    use super::*;

    #[test]
    fn a_document_is_as_written_until_a_byte_of_it_changes() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("1.json");
        let document = json!({"format_version": 1, "rows": 12, "name": "a \"b\" }", "nested": {"document_digest": 1}});
        write_document(&path, &document).unwrap();
        let written = fs::read_to_string(&path).unwrap();
        assert!(is_as_written(&path).unwrap());
        let mut read: Value = read_document(dir.path(), &path, 1).unwrap();
        let digest = read.as_object_mut().unwrap().remove("document_digest").unwrap();
        assert_eq!(read, document);
        assert_eq!(digest, hex(xxh3_128(serde_json::to_string_pretty(&document).unwrap().as_bytes())));
        for changed in [
            written.replace("12", "13"),
            written.replace(digest.as_str().unwrap(), &hex(0)),
            written.replace(digest.as_str().unwrap(), ""),
            format!("{written} "),
            written.trim_end().to_owned(),
            serde_json::from_str::<Value>(&written).unwrap().to_string(),
            r#"{"document_digest":""}"#.to_owned(),
            r#"{"document_digest":1}"#.to_owned(),
            written.replace("\"name\"", "\"document_digest\""),
            "{".to_owned(),
        ] {
            fs::write(&path, &changed).unwrap();
            assert!(!is_as_written(&path).unwrap(), "{changed}");
        }
        for without in [document.to_string(), "{}".to_owned()] {
            fs::write(&path, &without).unwrap();
            assert!(is_as_written(&path).unwrap(), "{without}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn nobody_waits_for_a_pipe_in_the_place_of_a_document() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("schema.json");
        assert!(std::process::Command::new("mkfifo").arg(&path).status().unwrap().success());
        let error = read_document::<serde_json::Value>(dir.path(), &path, 1).unwrap_err();
        assert!(matches!(error, Error::Dataset { .. }) && error.to_string().contains("it is not a file"), "{error}");
    }
}
