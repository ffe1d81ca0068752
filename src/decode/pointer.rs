//! JSON Pointers (RFC 6901) of what goes to `extra`.

use std::borrow::Cow;

/// A name as a pointer's segment: `~` and `/` escaped.
pub(super) fn escaped(name: &str) -> Cow<'_, str> {
    if name.contains(['~', '/']) { Cow::Owned(name.replace('~', "~0").replace('/', "~1")) } else { Cow::Borrowed(name) }
}
