//! Reads and checks a model document. Each error names the place, and what would be correct.
//!
//! ```text
//! text -> document (JSON as written, members in order) -> types (typed, unknown keys refused) -> resolve (fields)
//! ```

mod document;
mod resolve;
mod types;

use std::{
    fs,
    io::{self, Read as _},
    path::Path,
};

use super::Model;
use crate::error::{Error, Result};
use document::NodeRef;
use types::ModelDoc;

/// The supported format version, in the member `partiquet_model`.
pub const FORMAT_VERSION: u64 = 1;

/// A larger file is not a model: the built-in one takes 30 kB.
pub const MAX_MODEL_BYTES: u64 = 16 << 20;

/// Maximum nesting of types. A record may nest to 64, including envelope and lists.
pub const MAX_TYPE_DEPTH: usize = 32;

/// Maximum number of keys on the path to the participants. A record may nest to 64.
pub const MAX_ENVELOPE_STEPS: usize = 8;

/// Maximum number of envelopes. With their steps they are what a record's root is searched for: at most 64 keys, one
/// bit each.
pub const MAX_ENVELOPES: usize = 8;

/// Maximum number of paths that the ledger can distinguish, since `PathId` has 16 bits. The built-in model has about
/// 270.
pub const MAX_PATHS: usize = 1 << 16;

/// Built-in models: (name, document).
const BUILT_IN: [(&str, &str); 1] = [(Model::DEFAULT, include_str!("../../models/call.json"))];

impl Model {
    /// The document of a built-in model, to be read or used as a template.
    #[must_use]
    pub fn built_in(name: &str) -> Option<&'static str> {
        BUILT_IN.iter().find(|(built_in, _)| *built_in == name).map(|(_, text)| *text)
    }

    /// Loads the built-in model of that name, or the model in the file at that path.
    ///
    /// # Errors
    /// [`Error::Model`] for an invalid document, [`Error::Usage`] for a file that cannot be read, and for a name that
    /// is neither a model nor a path.
    pub fn load(name_or_path: &str) -> Result<Self> {
        if let Some(text) = Self::built_in(name_or_path) {
            return Self::from_json(text, name_or_path);
        }
        let path = Path::new(name_or_path);
        let looks_like_path = path.extension().is_some() || path.components().count() > 1;
        if !looks_like_path && !path.exists() {
            let names: Vec<&str> = BUILT_IN.iter().map(|(name, _)| *name).collect();
            return Err(Error::usage(
                format!("there is no model {name_or_path:?}"),
                format!("built in: {}; a model of your own is given by the path of its file", names.join(", ")),
            ));
        }
        let mut text = String::new();
        let read = fs::File::open(path).and_then(|file| file.take(MAX_MODEL_BYTES + 1).read_to_string(&mut text));
        read.map_err(|error| match error.kind() {
            io::ErrorKind::InvalidData => Error::Model {
                file: name_or_path.to_owned(),
                pointer: "/".to_owned(),
                message: "it is not UTF-8".to_owned(),
            },
            _ => Error::usage(
                format!("cannot read the model {name_or_path}: {error}"),
                "give the path of a model file, or the name of a built-in model",
            ),
        })?;
        Self::from_json(&text, name_or_path)
    }

    /// Reads and checks a model document. `file` is its name in errors.
    ///
    /// # Errors
    /// [`Error::Model`] with the first fault: JSON that does not parse, a repeated or unknown member, an unknown or
    /// recursive type, columns with the same name, an envelope that is never used.
    pub fn from_json(text: &str, file: &str) -> Result<Self> {
        let fail = |message: String| Error::Model { file: file.to_owned(), pointer: "/".to_owned(), message };
        if text.len() as u64 > MAX_MODEL_BYTES {
            return Err(fail(format!("the document is longer than {MAX_MODEL_BYTES} bytes")));
        }
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let document = document::parse(text).map_err(|error| fail(format!("this is not valid JSON: {error}")))?;
        let root = NodeRef::root(file, &document);
        root.refuse_repeated_members()?;
        resolve::model(&ModelDoc::read(&root)?)
    }
}

#[cfg(test)]
mod tests;
