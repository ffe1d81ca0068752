//! Why a record is refused. Costs next to nothing while all is well: a fault is built only when it happens.

use std::borrow::Cow;

use crate::{model::naming::pointer_step, report::RejectKind};

/// Maximum bytes of a name in a message or in the pointer to a fault: names can have any size, and rejects are read by
/// people. `extra` and the ledger have them whole.
pub const MAX_SHOWN_NAME_BYTES: usize = 120;

/// Result of a step of the walk. The error is boxed, so that the success path carries one word.
pub(super) type Parse<T> = Result<T, Box<Fault>>;

/// The first thing wrong with a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The kind of fault.
    pub kind: RejectKind,
    /// Offset in the text that is walked.
    pub offset: usize,
    /// What is wrong, in words.
    pub message: Cow<'static, str>,
    /// Segments of the JSON Pointer, innermost first; they are added while the walk unwinds.
    segments: Vec<String>,
}

impl Fault {
    #[cold]
    pub(super) fn new(kind: RejectKind, offset: usize, message: impl Into<Cow<'static, str>>) -> Box<Self> {
        Box::new(Self { kind, offset, message: message.into(), segments: Vec::new() })
    }

    #[cold]
    pub(super) fn syntax(offset: usize, message: impl Into<Cow<'static, str>>) -> Box<Self> {
        Self::new(RejectKind::Syntax, offset, message)
    }

    /// Adds to the pointer that the fault is inside the member `key`.
    #[cold]
    pub(super) fn under_key(mut self: Box<Self>, key: &[u8]) -> Box<Self> {
        self.segments.push(pointer_step(&shown(key)).into_owned());
        self
    }

    /// Adds to the pointer that the fault is inside list element `index`.
    #[cold]
    pub(super) fn under_index(mut self: Box<Self>, index: usize) -> Box<Self> {
        self.segments.push(index.to_string());
        self
    }

    /// Whether the fault may be due to a wrong shape that was assumed for the record.
    pub(super) const fn depends_on_shape(&self) -> bool {
        !matches!(self.kind, RejectKind::Syntax | RejectKind::Utf8 | RejectKind::Depth)
    }

    /// JSON Pointer from the record's root to the fault.
    #[must_use]
    pub fn pointer(&self) -> String {
        self.segments.iter().rev().fold(String::new(), |pointer, segment| pointer + "/" + segment)
    }
}

/// A name as messages show it, cut after [`MAX_SHOWN_NAME_BYTES`].
#[cold]
pub(super) fn shown(name: &[u8]) -> Cow<'_, str> {
    let text = String::from_utf8_lossy(name);
    if text.len() <= MAX_SHOWN_NAME_BYTES {
        return text;
    }
    format!("{}…", &text[..text.floor_char_boundary(MAX_SHOWN_NAME_BYTES)]).into()
}
