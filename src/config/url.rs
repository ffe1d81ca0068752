//! Refuses addresses given as paths: taken as paths, they would name folders such as `s3:` in the working folder.

use crate::error::Error;

/// The error for a text that is an address of another system (`s3://bucket/calls`); `None` if it can be a path.
#[must_use]
pub fn refusal(text: &str) -> Option<Error> {
    let (scheme, _) = text.split_once("://")?;
    let is_scheme = scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'));
    is_scheme.then(|| {
        Error::usage(
            format!("{text} is an address, and only files and folders of this machine are read and written"),
            "copy what is to be read here first, and copy the dataset afterwards, with the tools of that system",
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_told_from_paths() {
        for address in ["s3://bucket/calls", "https://x/y?z", "file:///tmp/x", "abfss://a@b/c"] {
            assert!(refusal(address).is_some(), "{address}");
        }
        for path in ["calls", "/a/b", "a:/b", "://x", "a b://c", "s3:/x", ""] {
            assert!(refusal(path).is_none(), "{path}");
        }
    }
}
