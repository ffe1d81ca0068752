//! Names columns. A name depends only on wire names and attribute keys, so any two runs agree.

use std::{
    borrow::Cow,
    collections::{HashMap, HashSet},
};

/// Prefix of every attribute column.
pub const ATTRIBUTE_PREFIX: &str = "attribute_";

/// The name part for a key without letters and digits.
pub const UNNAMED_ATTRIBUTE: &str = "unnamed";

/// The `snake_case` form of a wire name, as in the Python SDK of the API: `_` is inserted before an upper-case letter
/// that begins a word or follows a lower-case letter or digit, then the name is lower-cased.
///
/// It equals two passes of regular expressions, `(.)([A-Z][a-z]+)` and `([a-z0-9])([A-Z])`, each replaced by `\1_\2`:
/// `q850ResponseCodes` is `q850_response_codes`, `minRFactor` is `min_r_factor`, `selfURI` is `self_uri`.
#[must_use]
pub fn snake_case(wire: &str) -> String {
    let mut snake = String::with_capacity(wire.len() + 8);
    let mut before: Option<char> = None;
    let mut rest = wire.chars().peekable();
    while let Some(char) = rest.next() {
        if let Some(before) = before
            && char.is_ascii_uppercase()
        {
            let begins_word = before != '\n' && rest.peek().is_some_and(char::is_ascii_lowercase);
            if begins_word || before.is_ascii_lowercase() || before.is_ascii_digit() {
                snake.push('_');
            }
        }
        snake.push(char);
        before = Some(char);
    }
    snake.to_lowercase()
}

/// The preferred column name of an attribute key: `attribute_` and its `snake_case` form, in which everything except
/// letters and digits (of any script) becomes `_`, never two in a row and none at the end.
///
/// Different keys can give the same name; [`attribute_column_names`] makes them distinct.
#[must_use]
pub fn attribute_column_name(key: &str) -> String {
    let mut name = String::from(ATTRIBUTE_PREFIX);
    for char in snake_case(key.trim()).chars() {
        if char.is_alphanumeric() {
            name.push(char);
        } else if !name.ends_with('_') {
            name.push('_');
        }
    }
    if name.len() == ATTRIBUTE_PREFIX.len() {
        name.push_str(UNNAMED_ATTRIBUTE);
    }
    name.truncate(name.trim_end_matches('_').len());
    name
}

/// Column names for `keys` (distinct), in the order of `keys`. No two are equal ignoring case, and none equals one of
/// `taken` (column names of the table).
///
/// If keys give the same name, the first in byte order keeps it and the others get `_2`, `_3` and so on in byte order;
/// a suffix that gives another key's own name is skipped.
#[must_use]
pub fn attribute_column_names<'a>(keys: &[String], taken: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    let mut used: HashSet<String> = taken.into_iter().map(str::to_lowercase).collect();
    let mut by_bytes: Vec<usize> = (0..keys.len()).collect();
    by_bytes.sort_by(|&a, &b| keys[a].as_bytes().cmp(keys[b].as_bytes()));

    let mut names: Vec<String> = keys.iter().map(|key| attribute_column_name(key)).collect();
    let met: Vec<usize> = by_bytes.into_iter().filter(|&key_idx| !used.insert(names[key_idx].to_lowercase())).collect();
    // Where the search for a free suffix continues: thousands of keys may give the same name.
    let mut next_suffix: HashMap<String, usize> = HashMap::new();
    for key_idx in met {
        let base = names[key_idx].clone();
        let suffix = next_suffix.entry(base.clone()).or_insert(2);
        while !used.insert(format!("{base}_{suffix}").to_lowercase()) {
            *suffix += 1;
        }
        names[key_idx] = format!("{base}_{suffix}");
    }
    names
}

/// Escapes a name as one step of a JSON Pointer (RFC 6901): `~` becomes `~0`, `/` becomes `~1`.
#[must_use]
pub fn pointer_step(name: &str) -> Cow<'_, str> {
    if name.contains(['~', '/']) { Cow::Owned(name.replace('~', "~0").replace('/', "~1")) } else { Cow::Borrowed(name) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wire_names_become_the_names_of_the_python_sdk() {
        let names = [
            ("id", "id"),
            ("startTime", "start_time"),
            ("selfUri", "self_uri"),
            ("selfURI", "self_uri"),
            ("CorrelationId", "correlation_id"),
            ("q850ResponseCodes", "q850_response_codes"),
            ("minRFactor", "min_r_factor"),
            ("HTTPResponseCode", "http_response_code"),
            ("wrapupTimeoutMs", "wrapup_timeout_ms"),
            ("already_snake_case", "already_snake_case"),
            ("foo_Bar", "foo__bar"),
            ("A", "a"),
            ("AB", "ab"),
            ("ABc", "a_bc"),
            ("aB", "a_b"),
            ("", ""),
            ("ÜberName", "über_name"),
            ("detail-type", "detail-type"),
        ];
        for (wire, snake) in names {
            assert_eq!(snake_case(wire), snake, "{wire}");
        }
    }

    #[test]
    fn keys_of_any_kind_become_column_names() {
        let names = [
            ("IVR Priority", "attribute_ivr_priority"),
            ("Whisper ", "attribute_whisper"),
            ("context.email", "attribute_context_email"),
            ("context._genesys_OS", "attribute_context_genesys_os"),
            ("ic-PID", "attribute_ic_pid"),
            ("QueueName", "attribute_queue_name"),
            ("DNIS", "attribute_dnis"),
            ("Größe (cm)", "attribute_größe_cm"),
            ("顧客番号", "attribute_顧客番号"),
            ("MainIntent1", "attribute_main_intent1"),
            ("a/b~c\"d'e`f", "attribute_a_b_c_d_e_f"),
            ("__x__", "attribute_x"),
            ("", "attribute_unnamed"),
            ("   ", "attribute_unnamed"),
            ("😀!", "attribute_unnamed"),
            ("line\nbreak\0", "attribute_line_break"),
        ];
        for (key, name) in names {
            assert_eq!(attribute_column_name(key), name, "{key:?}");
        }
    }

    #[test]
    fn keys_that_meet_are_numbered_in_byte_order_whatever_their_order() {
        let keys = ["Queue_Deflection_Status", "nickname", "Queue Deflection Status", "nickName", "NickName"];
        let names = attribute_column_names(&keys.map(String::from), []);
        // In byte order a blank precedes `_`, upper case lower case, and the `N` of nickName the `n` of nickname.
        let expected = [
            "attribute_queue_deflection_status_2",
            "attribute_nickname",
            "attribute_queue_deflection_status",
            "attribute_nick_name_2",
            "attribute_nick_name",
        ];
        assert_eq!(names, expected);
    }

    #[test]
    fn a_key_keeps_its_own_name_when_a_suffix_would_take_it() {
        let keys = ["A", "a", "a 2"].map(String::from);
        assert_eq!(attribute_column_names(&keys, []), ["attribute_a", "attribute_a_3", "attribute_a_2"]);
    }

    #[test]
    fn fixed_columns_are_never_taken_and_case_does_not_tell_columns_apart() {
        let keys = ["Name", "K", "\u{212A}"].map(String::from);
        let names = attribute_column_names(&keys, ["Attribute_Name"]);
        assert_eq!(names, ["attribute_name_2", "attribute_k", "attribute_k_2"]);
    }

    #[test]
    fn empty_and_symbolic_keys_are_kept_apart() {
        let keys = ["", "😀", " "].map(String::from);
        assert_eq!(
            attribute_column_names(&keys, []),
            ["attribute_unnamed", "attribute_unnamed_3", "attribute_unnamed_2"]
        );
    }

    #[test]
    fn pointer_steps_are_escaped() {
        assert_eq!(pointer_step("IVR Priority"), "IVR Priority");
        assert_eq!(pointer_step("a/b~c~1"), "a~1b~0c~01");
    }
}
