//! "Did you mean": the known word that is closest to an unknown one.

/// Longer names are not compared: no option or column is this long, and the comparison is quadratic.
pub const MAX_COMPARED_CHARS: usize = 100;

/// The candidate that `word` was most likely meant to be, if any is close enough: at most a third of its characters
/// differ (Levenshtein distance, case and `-`/`_` disregarded).
#[must_use]
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let wanted = folded(word);
    if wanted.len() > MAX_COMPARED_CHARS {
        return None;
    }
    candidates
        .into_iter()
        .filter(|candidate| candidate.len() <= 4 * MAX_COMPARED_CHARS)
        .map(|candidate| (distance(&wanted, &folded(candidate)), candidate))
        .filter(|(distance, candidate)| distance * 3 <= wanted.len().max(candidate.chars().count()))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

fn folded(word: &str) -> Vec<char> {
    word.chars().flat_map(char::to_lowercase).map(|c| if c == '-' { '_' } else { c }).collect()
}

/// The number of characters that have to be changed, added or removed.
fn distance(a: &[char], b: &[char]) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let substituted = diagonal + usize::from(x != y);
            diagonal = row[j + 1];
            row[j + 1] = substituted.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    const WORDS: [&str; 4] = ["threads", "target-file-size", "day", "memory"];

    #[test]
    fn a_slip_of_the_finger_is_understood() {
        assert_eq!(nearest("thraeds", WORDS), Some("threads"));
        assert_eq!(nearest("target_file_sise", WORDS), Some("target-file-size"));
        assert_eq!(nearest("days", WORDS), Some("day"));
        assert_eq!(nearest("MEMORY", WORDS), Some("memory"));
    }

    #[test]
    fn something_else_is_not_guessed_at() {
        assert_eq!(nearest("compression", WORDS), None);
        assert_eq!(nearest("", WORDS), None);
        assert_eq!(nearest(&"x".repeat(1000), WORDS), None);
        assert_eq!(nearest("threads", []), None);
    }

    #[test]
    fn distances_count_single_changes() {
        let distance = |a: &str, b: &str| distance(&folded(a), &folded(b));
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("kitten", "sitting"), 3);
        assert_eq!(distance("äb", "b"), 1);
    }

    #[test]
    fn the_closest_of_several_wins() {
        assert_eq!(nearest("minut", ["minute", "month", "mint"]), Some("minute"));
    }
}
