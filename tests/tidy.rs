//! Checks the architecture's rules by reading the source: what a module may not use, and what the library may not do.
//! Tests are excluded: files named `tests.rs` or `testing.rs`, folders `tests`, and every item after `#[cfg(test)]`.
//!
//! An exception is listed beside its rule, with the reason. An exception that is no longer needed fails too.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on has failed")]

use std::{collections::BTreeSet, fs, path::Path};

/// A source file: its path below `src`, its full text, and its code without comments, literals and tests.
struct Source {
    path: String,
    text: String,
    code: String,
}

impl Source {
    /// `decode` for `decode.rs` and everything in `decode/`.
    fn module(&self) -> &str {
        self.path.split('/').next().unwrap_or_default().trim_end_matches(".rs")
    }

    fn is_below(&self, prefix: &str) -> bool {
        self.path == format!("{prefix}.rs") || self.path.starts_with(&format!("{prefix}/"))
    }

    /// The code with blanks only between names, so that a line break does not hide a path.
    fn dense(&self) -> String {
        let mut dense = String::new();
        for word in self.code.split_whitespace() {
            if dense.chars().next_back().is_some_and(is_name) && word.starts_with(is_name) {
                dense.push(' ');
            }
            dense.push_str(word);
        }
        dense
    }
}

/// All files below `src`, except tests.
fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut sources = Vec::new();
    for entry in walkdir::WalkDir::new(&root).sort_by_file_name() {
        let entry = entry.unwrap();
        let path = entry.path().strip_prefix(&root).unwrap().to_str().unwrap().to_owned();
        let in_tests = path.contains("/tests/");
        let is_test = in_tests || path.ends_with("tests.rs") || path.ends_with("testing.rs");
        if entry.path().extension().is_some_and(|end| end == "rs") && !is_test {
            let text = fs::read_to_string(entry.path()).unwrap();
            let code = code_of(&text);
            sources.push(Source { path, text, code });
        }
    }
    assert!(sources.len() > 80, "{} files", sources.len());
    sources
}

/// The code without tests, comments and literals in quotes. Line breaks are kept.
fn code_of(text: &str) -> String {
    let mut code = String::new();
    let bytes = text.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        let rest = &text[at..];
        let skipped = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if let Some(len) = raw_text(rest) {
            len
        } else if rest.starts_with('"') {
            end_of_text(rest)
        } else if let Some(len) = character(rest) {
            len
        } else {
            let c = rest.chars().next().unwrap();
            code.push(c);
            at += c.len_utf8();
            continue;
        };
        code.extend(rest[..skipped].chars().filter(|&c| c == '\n'));
        at += skipped;
    }
    without_tests(&code)
}

/// Length of a raw string literal: `r"..."`, `r#"..."#` and so on.
fn raw_text(rest: &str) -> Option<usize> {
    let hashes = rest.strip_prefix('r')?.bytes().take_while(|byte| *byte == b'#').count();
    let inner = rest[1 + hashes..].strip_prefix('"')?;
    let end = format!("\"{}", "#".repeat(hashes));
    Some(1 + hashes + 1 + inner.find(&end)? + end.len())
}

fn end_of_text(rest: &str) -> usize {
    let bytes = rest.as_bytes();
    let mut at = 1;
    while bytes[at] != b'"' {
        at += if bytes[at] == b'\\' { 2 } else { 1 };
    }
    at + 1
}

/// Length of a character literal; `None` for a lifetime.
fn character(rest: &str) -> Option<usize> {
    let inner = rest.strip_prefix('\'')?;
    if inner.starts_with('\\') {
        return inner[2..].find('\'').map(|end| end + 4);
    }
    let c = inner.chars().next()?;
    inner[c.len_utf8()..].starts_with('\'').then_some(c.len_utf8() + 2)
}

/// Removes each item after `#[cfg(test)]`, up to its closing brace or semicolon.
fn without_tests(code: &str) -> String {
    let mut kept = String::new();
    let mut rest = code;
    while let Some(at) = rest.find("#[cfg(test)]") {
        kept.push_str(&rest[..at]);
        let item = &rest[at..];
        let mut depth = 0;
        let end = item.char_indices().find_map(|(index, c)| {
            match c {
                '{' => depth += 1,
                '}' => depth -= 1,
                _ => {}
            }
            ((c == '}' || c == ';') && depth == 0).then_some(index + 1)
        });
        rest = &item[end.expect("an item behind #[cfg(test)]")..];
    }
    kept + rest
}

fn is_name(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// Whether `code` contains `word` other than as part of a longer name.
fn has_word(code: &str, word: &str) -> bool {
    code.match_indices(word).any(|(at, _)| {
        let before = code[..at].chars().next_back().is_some_and(is_name);
        let after = code[at + word.len()..].chars().next().is_some_and(is_name);
        !(before && word.starts_with(is_name) || after && word.ends_with(is_name))
    })
}

/// Asserts that only the allowed files contain one of the words, and that each allowance is used.
#[track_caller]
fn only_in(words: &[&str], allowed: &[(&str, &str)]) {
    let sources = sources();
    let has = |source: &Source| {
        let dense = source.dense();
        words.iter().find(|word| has_word(&dense, word)).copied()
    };
    let mut unused: BTreeSet<&str> = allowed.iter().map(|(place, _)| *place).collect();
    let mut violations = Vec::new();
    for source in &sources {
        let Some(word) = has(source) else { continue };
        match allowed.iter().find(|(place, _)| source.is_below(place)) {
            Some((place, _)) => drop(unused.remove(place)),
            None => violations.push(format!("src/{} has {word}", source.path)),
        }
    }
    assert!(violations.is_empty(), "{violations:#?}");
    assert!(unused.is_empty(), "allowed and not needed: {unused:?}");
}

/// The modules of the program around the library, and why they are exempt.
const PROGRAM: [(&str, &str); 2] = [("cli", "talks to a person and to the system"), ("main", "hands the exit code on")];

const VOCABULARY: [&str; 8] = ["error", "nearest", "simd", "config", "model", "columns", "report", "observe"];
/// `generate` comes before all others: it makes input, and knows none of them.
const STAGES: [&str; 8] = ["generate", "input", "decode", "batch", "partition", "spill", "encode", "dataset"];
const ABOVE: [&[&str]; 4] = [&["pipeline"], &["sampling", "infer", "verify"], &["convert"], &["cli", "main"]];

/// The modules of this crate that a file imports.
fn imports(source: &Source) -> BTreeSet<String> {
    let dense = source.dense();
    let mut found = BTreeSet::new();
    for (at, _) in dense.match_indices("crate::") {
        let rest = &dense[at + "crate::".len()..];
        if let Some(group) = rest.strip_prefix('{') {
            // Only the first segment of each path in the group counts.
            let mut depth = 0;
            let mut name = String::new();
            let mut at_start = true;
            for c in group.chars() {
                match c {
                    '}' if depth == 0 => break,
                    '{' => depth += 1,
                    '}' => depth -= 1,
                    ',' if depth == 0 => {
                        found.insert(std::mem::take(&mut name));
                        at_start = true;
                    }
                    ':' if depth == 0 => at_start = false,
                    c if depth == 0 && at_start => name.push(c),
                    _ => {}
                }
            }
            found.insert(name);
        } else {
            found.insert(rest.chars().take_while(|c| is_name(*c)).collect());
        }
    }
    found.retain(|name| !name.is_empty());
    // A file directly below `src` could also name its neighbours as `super::`.
    let is_at_top = !source.path.contains('/');
    assert!(!is_at_top || !has_word(&dense, "super::"), "src/{} says super:: for crate::", source.path);
    found
}

#[test]
fn the_look_at_the_source_sees_code_only() {
    let code = code_of(
        "a(\"b\\\"c\", 'd', '\\'', r#\"e\"#); // f\nfn g<'h>() {}\n#[cfg(test)]\nmod tests {\n fn i() {}\n}\nj",
    );
    for gone in ["b", "c", "d", "e", "tests", "i()"] {
        assert!(!has_word(&code, gone), "{gone}: {code}");
    }
    assert!(["a", "g", "'h", "j"].iter().all(|kept| code.contains(kept)), "{code}");
    assert!(has_word("x.unwrap()", ".unwrap()") && has_word("a;parquet::b", "parquet::"));
    assert!(!has_word("use my_parquet::b", "parquet::") && !has_word("eprintln!()", "println!"));
    let source = |text: &str| Source { path: String::new(), text: String::new(), code: code_of(text) };
    let found = imports(&source("use crate::{a::{self, b}, c, d::e}; fn f() -> crate::g::H { crate::i() }"));
    assert_eq!(found.into_iter().collect::<Vec<_>>(), ["a", "c", "d", "g", "i"]);
    let dense = source("use rayon\n    ::x; let unsafe_code = {\n unsafe {} };").dense();
    assert!(has_word(&dense, "rayon::") && has_word(&dense, "unsafe"), "{dense}");
}

#[test]
fn parquet_is_known_to_the_encoder_only() {
    only_in(&["parquet::"], &[("encode", "the one place that writes Parquet")]);
}

#[test]
fn threads_are_known_to_the_pipeline_only() {
    only_in(
        &["std::thread", "thread::", "rayon::", "Mutex", "Condvar", "RwLock", "mpsc", "atomic"],
        &[
            ("pipeline", "all stages at work at once"),
            ("input/stream", "what is read once is shared between the sample and the run"),
            ("dataset/lock", "looks again after a moment, before it turns a run away"),
            ("verify", "looks again after a moment, when somebody has committed"),
            (
                "cli",
                "the stop flag of the signals, the progress display that many workers call, generated input written by all cores",
            ),
        ],
    );
}

#[test]
fn the_file_system_is_known_at_the_ends_only() {
    only_in(
        &["std::fs", "fs::", "File::", "File", "OpenOptions", "walkdir::", "glob::"],
        &[
            ("input", "reads inputs"),
            ("dataset", "writes the dataset"),
            ("encode/staged_file", "writes data files"),
            ("spill", "rows that memory has no room for"),
            ("encode/summary", "reads their footers back"),
            ("model/file", "reads a model that somebody wrote"),
            ("cli", "config file, report file, generated input"),
        ],
    );
}

#[test]
fn the_library_prints_nothing_never_exits_and_reads_neither_environment_nor_clock() {
    only_in(
        &[
            "println!",
            "eprintln!",
            "print!",
            "eprint!",
            "dbg!",
            "process::exit",
            "std::env",
            "env::",
            "SystemTime",
            "Instant::now",
            "Utc::now",
            "Local::now",
            "stdout()",
            "stderr()",
        ],
        &PROGRAM[..1],
    );
}

#[test]
fn nothing_panics_by_intention() {
    only_in(&[".unwrap()", ".expect(", "panic!", "todo!", "unimplemented!", ".unwrap_err()"], &[]);
    // What the types cannot express, and what no input can cause.
    let allowed = [
        ("columns", "columns of one schema have one shape, and elements of lists and maps are scalars"),
        ("decode/map", "a promoted key has a column"),
        ("partition/route/displaced", "the partition plan takes no table without a map for `extra`"),
    ];
    only_in(&["unreachable!"], &allowed);
}

#[test]
fn only_what_was_measured_is_unsafe() {
    let allowed = [
        ("simd", "SSE2 intrinsics, with a twin in safe code that a test holds equal"),
        ("cli/allocator", "one call of jemalloc, which has no safe form"),
    ];
    only_in(&["unsafe"], &allowed);
}

#[test]
fn imports_run_one_way() {
    // What a stage may know beyond the vocabulary, and why.
    let also = [
        ("decode", "input", "Framing says how the records of a block are told apart"),
        ("encode", "batch", "rows are sorted by Arrow's row format"),
    ];
    let mut unused: BTreeSet<(&str, &str)> = also.iter().map(|(from, to, _)| (*from, *to)).collect();
    let mut violations = Vec::new();
    for source in sources() {
        let from = source.module().to_owned();
        for to in imports(&source) {
            let is_known = |names: &[&str]| names.contains(&to.as_str());
            let is_at_the_bottom = VOCABULARY.contains(&from.as_str());
            let is_stage = STAGES.contains(&from.as_str()) && to != from;
            let level = |module: &str| ABOVE.iter().position(|level| level.contains(&module));
            let is_above = level(&to).is_some_and(|to| level(&from).is_none_or(|from| from < to));
            // The library's root names all of its modules, but nobody below the program names the command line.
            let is_listed = from == "lib" && !is_known(&["cli", "main"]);
            let is_wrong = (is_at_the_bottom || is_stage) && is_known(&STAGES) || is_above && !is_listed;
            if !is_wrong {
                continue;
            }
            match also.iter().find(|(a, b, _)| *a == from && *b == to) {
                Some((a, b, _)) => drop(unused.remove(&(*a, *b))),
                None => violations.push(format!("src/{}: {from} names {to}", source.path)),
            }
        }
    }
    assert!(violations.is_empty(), "{violations:#?}");
    assert!(unused.is_empty(), "allowed and not needed: {unused:?}");
}

#[test]
fn every_module_has_its_layer() {
    let modules: BTreeSet<String> = sources().iter().map(|source| source.module().to_owned()).collect();
    let layers: BTreeSet<String> =
        [&VOCABULARY[..], &STAGES, &ABOVE.concat(), &["lib"]].concat().into_iter().map(str::to_owned).collect();
    assert_eq!(modules, layers);
}

#[test]
fn every_file_says_what_it_is_for() {
    let silent: Vec<String> =
        sources().into_iter().filter(|source| !source.text.starts_with("//! ")).map(|source| source.path).collect();
    assert!(silent.is_empty(), "{silent:?}");
}

#[test]
fn nothing_is_left_for_later() {
    let words = ["TODO", "FIXME", "XXX", "HACK"];
    let left: Vec<String> = sources()
        .into_iter()
        .filter(|source| words.iter().any(|word| has_word(&source.text, word)))
        .map(|source| source.path)
        .collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn files_stay_readable() {
    const MAX_LINES: usize = 500;
    let long: Vec<_> = sources()
        .iter()
        .map(|source| (source.code.trim_end().lines().count(), source.path.clone()))
        .filter(|(lines, _)| *lines > MAX_LINES)
        .collect();
    assert!(long.is_empty(), "{long:?}");
}

#[test]
fn lints_are_policy() {
    let manifest = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml")).unwrap();
    let document: toml::Table = manifest.parse().unwrap();
    let lints = document.get("lints").unwrap_or_else(|| panic!("Cargo.toml has no [lints]"));
    assert_eq!(lints["rust"]["unsafe_code"].as_str(), Some("deny"), "{lints:?}");
    for lint in ["unwrap_used", "expect_used", "panic", "todo", "dbg_macro", "undocumented_unsafe_blocks"] {
        let level =
            lints["clippy"].get(lint).map(|said| said.get("level").unwrap_or(said).as_str().unwrap_or_default());
        assert!(matches!(level, Some("deny" | "forbid" | "warn")), "clippy::{lint} is {level:?}");
    }
}

#[test]
fn an_overflow_is_seen_by_tests_and_by_fuzzing() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let document: toml::Table = fs::read_to_string(root.join("Cargo.toml")).unwrap().parse().unwrap();
    assert_eq!(document["profile"]["dev"]["overflow-checks"].as_bool(), Some(true));
    assert!(fs::read_to_string(root.join("fuzz/run.sh")).unwrap().contains("-Coverflow-checks"));
}

#[test]
fn dependencies_are_named_with_a_reason() {
    let manifest = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml")).unwrap();
    let section = manifest.split("[dependencies]").nth(1).unwrap().split("\n[").next().unwrap();
    let first = section.trim_start().lines().next().unwrap();
    assert!(first.starts_with('#'), "{first}");
    for line in section.lines().filter(|line| !line.trim().is_empty() && !line.starts_with('#')) {
        assert!(!line.contains('*') && !line.contains("git ="), "a version that is not fixed: {line}");
    }
}
