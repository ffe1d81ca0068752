//! Formats numbers and foreign texts for people.

use std::time::Duration;

/// `1.2 GB`: powers of ten, at most three digits. The report has exact sizes.
pub fn bytes(bytes: u64) -> String {
    const UNITS: [&str; 6] = ["B", "kB", "MB", "GB", "TB", "PB"];
    let (exact, mut factor, mut unit) = (u128::from(bytes), 1_u128, 0);
    let rounded = |factor: u128| (exact + factor / 2) / factor;
    // 999,999 bytes are 1.0 MB, not 1000 kB.
    while unit + 1 < UNITS.len() && rounded(factor) >= 1000 {
        factor *= 1000;
        unit += 1;
    }
    let tenths = (exact * 10 + factor / 2) / factor;
    if unit > 0 && tenths < 100 {
        format!("{}.{} {}", tenths / 10, tenths % 10, UNITS[unit])
    } else {
        format!("{} {}", rounded(factor), UNITS[unit])
    }
}

/// `1,234,567`.
pub fn count(count: u64) -> String {
    let digits = count.to_string();
    let mut grouped = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// `1 file`, `2 files`.
pub fn counted(number: u64, one: &str, many: &str) -> String {
    format!("{} {}", count(number), if number == 1 { one } else { many })
}

/// `0.8 s`, `12 s`, `3:25 min`, `1:02:03 h`.
pub fn duration(duration: Duration) -> String {
    if duration < Duration::from_secs(10) {
        return format!("{:.1} s", duration.as_secs_f64());
    }
    let seconds = duration.as_secs();
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 => format!("{}:{:02} min", seconds / 60, seconds % 60),
        _ => format!("{}:{:02}:{:02} h", seconds / 3600, seconds / 60 % 60, seconds % 60),
    }
}

/// `283 MB/s`; `None` if the time is too short to divide by.
pub fn rate(amount: u64, elapsed: Duration) -> Option<String> {
    let millis = elapsed.as_millis();
    let per_second = (u128::from(amount) * 1000).checked_div(millis)?;
    Some(format!("{}/s", bytes(u64::try_from(per_second).ok()?)))
}

/// Returns a text from the input (a path, a key, a message) with everything escaped that a terminal would interpret.
pub fn shown(text: &str) -> String {
    // Separators of lines end one for some readers, and direction marks can make a text read as a different one.
    let hostile = |c: char| c.is_control() || matches!(c, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    text.chars().fold(String::with_capacity(text.len()), |mut shown, c| {
        if hostile(c) {
            shown.extend(c.escape_default());
        } else {
            shown.push(c);
        }
        shown
    })
}

/// The same for a text of several lines.
pub fn shown_lines(text: &str) -> String {
    text.split('\n').map(shown).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_three_digits() {
        for (size, text) in [
            (0, "0 B"),
            (999, "999 B"),
            (1000, "1.0 kB"),
            (1049, "1.0 kB"),
            (9_949, "9.9 kB"),
            (9_960, "10 kB"),
            (123_456, "123 kB"),
            (999_499, "999 kB"),
            (999_999, "1.0 MB"),
            (1_234_567_890, "1.2 GB"),
            (u64::MAX, "18447 PB"),
        ] {
            assert_eq!(bytes(size), text, "{size}");
        }
    }

    #[test]
    fn counts_are_grouped() {
        assert_eq!([count(0), count(999), count(1000), count(1_234_567)], ["0", "999", "1,000", "1,234,567"]);
        assert_eq!(counted(1, "file", "files"), "1 file");
        assert_eq!(counted(0, "file", "files"), "0 files");
    }

    #[test]
    fn times_and_rates() {
        let text = |seconds: f64| duration(Duration::from_secs_f64(seconds));
        assert_eq!([text(0.0), text(0.84), text(12.3)], ["0.0 s", "0.8 s", "12 s"]);
        assert_eq!([text(205.0), text(3723.0)], ["3:25 min", "1:02:03 h"]);
        assert_eq!(rate(566_000_000, Duration::from_secs(2)).as_deref(), Some("283 MB/s"));
        assert_eq!(rate(1, Duration::ZERO), None);
    }

    #[test]
    fn a_name_from_the_input_cannot_steer_the_terminal() {
        assert_eq!(shown("a\u{1b}[31mred\nline"), "a\\u{1b}[31mred\\nline");
        assert_eq!(shown("x\u{202e}y"), "x\\u{202e}y");
        assert_eq!(shown("Grüße 👋"), "Grüße 👋");
        assert_eq!(shown_lines("a\nb\u{7}"), "a\nb\\u{7}");
    }
}
