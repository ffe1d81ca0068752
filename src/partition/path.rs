//! Folder names as Hive writes them: `name=value`, with characters that are special in paths or to readers escaped as
//! `%XX`.

/// The folder value for null, and for values that no folder name can hold.
pub const DEFAULT_PARTITION: &str = "__HIVE_DEFAULT_PARTITION__";

/// Maximum length of a file name on the usual file systems, bytes.
pub const MAX_COMPONENT_BYTES: usize = 255;

/// `name=value`, escaped. None if no folder can represent the value: the empty text (Spark reads it as null), the text
/// that means null, and a value that is too long for a file name.
#[must_use]
pub fn component(name: &str, value: &str) -> Option<String> {
    if value.is_empty() || value == DEFAULT_PARTITION {
        return None;
    }
    let component = joined(name, value);
    (component.len() <= MAX_COMPONENT_BYTES).then_some(component)
}

/// The folder of null for the partition column `name`.
#[must_use]
pub fn default_component(name: &str) -> String {
    joined(name, DEFAULT_PARTITION)
}

fn joined(name: &str, value: &str) -> String {
    format!("{}={}", escape(name), escape(value))
}

/// Replaces the characters that Hive escapes by `%XX`. They are all ASCII, so other text is unchanged.
#[must_use]
pub fn escape(text: &str) -> String {
    const HEX: [char; 16] = ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'A', 'B', 'C', 'D', 'E', 'F'];
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        if is_escaped(c) {
            let byte = c as usize;
            escaped.extend(['%', HEX[byte >> 4], HEX[byte & 15]]);
        } else {
            escaped.push(c);
        }
    }
    escaped
}

const fn is_escaped(c: char) -> bool {
    c.is_ascii_control()
        || matches!(c, '"' | '#' | '%' | '\'' | '*' | '/' | ':' | '=' | '?' | '\\' | '{' | '[' | ']' | '^')
}

/// Reverses [`escape`]; as in Hive, a `%` without two hexadecimal digits stands for itself. None if the result is not
/// UTF-8.
#[must_use]
pub fn decode(escaped: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(escaped.len());
    let mut rest = escaped.as_bytes();
    while let [first, after @ ..] = rest {
        if let (b'%', [high, low, behind @ ..]) = (first, after)
            && let (Some(high), Some(low)) = (hex_digit(*high), hex_digit(*low))
        {
            bytes.push(high << 4 | low);
            rest = behind;
        } else {
            bytes.push(*first);
            rest = after;
        }
    }
    String::from_utf8(bytes).ok()
}

fn hex_digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

#[cfg(test)]
mod tests {
    use std::path::{Component, Path};

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn exactly_the_characters_of_hive_are_escaped() {
        let escaped: String = (0u8..128).map(char::from).filter(|&c| is_escaped(c)).collect();
        let controls: String = (0u8..32).map(char::from).collect();
        assert_eq!(escaped, format!("{controls}{}\u{7f}", r##""#%'*/:=?[\]^{"##));
        assert_eq!(escape("a b-c_d.e,f;g|h~i&j+k(l)m}n<o>p$q@r!s`t"), "a b-c_d.e,f;g|h~i&j+k(l)m}n<o>p$q@r!s`t");
        assert_eq!(escape("Müller/Söhne=100%"), "Müller%2FSöhne%3D100%25");
        assert_eq!(escape("\u{0}\n\u{7f}"), "%00%0A%7F");
        assert_eq!(escape("\u{85}🎧"), "\u{85}🎧");
    }

    #[test]
    fn no_folder_stands_for_a_value_that_readers_would_take_for_null() {
        assert_eq!(component("purpose", ""), None);
        assert_eq!(component("purpose", DEFAULT_PARTITION), None);
        assert_eq!(
            component("purpose", "__hive_default_partition__").as_deref(),
            Some("purpose=__hive_default_partition__")
        );
        assert_eq!(default_component("purpose"), "purpose=__HIVE_DEFAULT_PARTITION__");
    }

    #[test]
    fn the_length_is_that_of_the_escaped_bytes() {
        assert_eq!(component("n", &"x".repeat(253)).map(|c| c.len()), Some(255));
        assert_eq!(component("n", &"x".repeat(254)), None);
        assert_eq!(component("n", &"/".repeat(84)).map(|c| c.len()), Some(254));
        assert_eq!(component("n", &"/".repeat(85)), None);
        assert_eq!(component("n", &"ä".repeat(127)), None);
    }

    #[test]
    fn a_percent_sign_that_escapes_nothing_stands_for_itself() {
        assert_eq!(decode("100%").as_deref(), Some("100%"));
        assert_eq!(decode("%zz%4").as_deref(), Some("%zz%4"));
        assert_eq!(decode("%ff"), None);
    }

    proptest! {
        #[test]
        fn any_text_comes_back(text in any::<String>()) {
            prop_assert_eq!(decode(&escape(&text)), Some(text));
        }

        #[test]
        fn any_ascii_text_comes_back(bytes in proptest::collection::vec(0u8..128, 0..40)) {
            let text = String::from_utf8(bytes).unwrap();
            prop_assert_eq!(decode(&escape(&text)), Some(text));
        }

        #[test]
        fn a_component_is_one_folder_below_whatever_the_value(name in any::<String>(), value in any::<String>()) {
            if let Some(component) = component(&name, &value) {
                let parts: Vec<_> = Path::new(&component).components().collect();
                prop_assert!(matches!(parts[..], [Component::Normal(_)]), "{parts:?}");
            }
        }

        #[test]
        fn different_values_have_different_folders(a in "[%0-9A-F/= ]{1,6}", b in "[%0-9A-F/= ]{1,6}") {
            prop_assert_eq!(component("n", &a) == component("n", &b), a == b);
        }
    }
}
