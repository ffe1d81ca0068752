//! Breaks records, each in one way, so that they are no longer valid JSON.

use super::{random::Random, settings::BrokenKind};

/// Deeper than this program's readers allow.
const DEPTH: usize = 200;

/// Breaks the record that starts at `start` and is the last in `out`: an object with at least one member, on one line.
pub(super) fn break_record(kind: BrokenKind, start: usize, random: &mut Random, out: &mut Vec<u8>) {
    let record = &out[start..];
    let mut deep = Vec::new();
    let member: &[u8] = match kind {
        BrokenKind::Truncated => {
            // The object stays unclosed, because its last brace is removed.
            let kept = 1 + random.below(record.len() - 2);
            out.truncate(start + kept);
            return;
        }
        BrokenKind::Comma => {
            out.pop();
            out.extend_from_slice(b",}");
            return;
        }
        BrokenKind::Duplicate => {
            let name_end = record[2..].iter().position(|byte| *byte == b'"').unwrap_or_default() + 3;
            deep.extend_from_slice(&record[1..name_end]);
            deep.extend_from_slice(b":null");
            &deep
        }
        BrokenKind::Escape => br#""note":"a \x escape""#,
        BrokenKind::Number => br#""note":007"#,
        BrokenKind::Surrogate => br#""note":"half of \ud83d one""#,
        BrokenKind::Utf8 => b"\"note\":\"caf\xe9\"",
        BrokenKind::Deep => {
            deep.extend_from_slice(b"\"note\":");
            deep.extend(std::iter::repeat_n(b'[', DEPTH));
            deep.extend(std::iter::repeat_n(b']', DEPTH));
            &deep
        }
    };
    // The fault is either at the beginning, or visible only after the whole record has been read.
    if random.chance(0.5) {
        let rest = out.split_off(start + 1);
        out.extend_from_slice(member);
        out.push(b',');
        out.extend_from_slice(&rest);
    } else {
        out.pop();
        out.push(b',');
        out.extend_from_slice(member);
        out.push(b'}');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_broken_record_is_one_line_that_no_reader_takes() {
        let record = br#"{"id":"a","list":[1,{"b":"c"}]}"#;
        let mut random = Random::new(1, 1);
        for kind in BrokenKind::ALL {
            for _ in 0..50 {
                let mut out = b"{}\n".to_vec();
                out.extend_from_slice(record);
                break_record(*kind, 3, &mut random, &mut out);
                assert_eq!(&out[..3], b"{}\n");
                assert!(!out[3..].contains(&b'\n') && out[3..] != *record, "{kind}");
                let broken =
                    serde_json::from_slice::<Vec<serde_json::Value>>(&[b"[", &out[3..], b"]"].concat()).is_err();
                // serde_json accepts duplicate members and keeps the last.
                assert!(broken || *kind == BrokenKind::Duplicate, "{kind}: {}", String::from_utf8_lossy(&out));
            }
        }
    }
}
