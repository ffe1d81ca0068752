//! Patterns like those of a shell. Names that are not UTF-8 are matched in lossy form: `?` matches a replacement
//! character.

use std::path::{Component, Path, PathBuf};

use glob::{MatchOptions, PatternError};
use walkdir::WalkDir;

/// A pattern, split into the folder where the search starts and the pattern to match below it.
pub(super) struct Pattern {
    /// The folder, without pattern characters; may be empty.
    pub fixed: PathBuf,
    /// The pattern below it.
    rest: glob::Pattern,
    /// The parts of the rest before the first `**`: a folder is entered only if its name matches its part.
    parts: Vec<glob::Pattern>,
    /// Maximum depth of matches; `None` if there is a `**`.
    depth: Option<usize>,
}

/// The metadata of a dataset is not an input, unless it is named before the first wildcard.
const OF_DATASETS: &str = "_partiquet";

const MATCHING: MatchOptions =
    MatchOptions { case_sensitive: true, require_literal_separator: true, require_literal_leading_dot: true };

pub(super) fn is_pattern(name: &str) -> bool {
    name.contains(['*', '?', '['])
}

impl Pattern {
    /// # Errors
    /// What is wrong with the pattern, and where.
    pub fn new(pattern: &str) -> Result<Self, PatternError> {
        // The whole pattern is parsed first, so that error positions refer to it.
        glob::Pattern::new(pattern)?;
        let (mut fixed, mut rest) = (PathBuf::new(), Vec::new());
        for part in Path::new(pattern).components() {
            let text = part.as_os_str().to_str().unwrap_or_default();
            match part {
                part if rest.is_empty() && !is_pattern(text) => fixed.push(part),
                Component::CurDir => {}
                _ => rest.push(text),
            }
        }
        let parts = rest.iter().take_while(|part| **part != "**").map(|part| glob::Pattern::new(part));
        let parts = parts.collect::<Result<Vec<_>, _>>()?;
        let depth = (parts.len() == rest.len()).then_some(rest.len());
        Ok(Self { fixed, rest: glob::Pattern::new(&rest.join("/"))?, parts, depth })
    }

    /// Whether the pattern matches a path below the fixed folder.
    pub fn matches(&self, inside: &Path) -> bool {
        self.rest.matches_with(&inside.to_string_lossy(), MATCHING)
    }

    /// The existing paths that match the pattern, in the order of the directory listings.
    pub fn walk(&self) -> impl Iterator<Item = walkdir::Result<PathBuf>> {
        let begin = if self.fixed.as_os_str().is_empty() { Path::new(".") } else { &self.fixed };
        let walk = WalkDir::new(begin).follow_links(true).min_depth(1).max_depth(self.depth.unwrap_or(usize::MAX));
        let entries = walk.into_iter().filter_entry(|entry| {
            if entry.file_name() == OF_DATASETS {
                return false;
            }
            let part = entry.depth().checked_sub(1).and_then(|depth| self.parts.get(depth));
            part.is_none_or(|part| part.matches_with(&entry.file_name().to_string_lossy(), MATCHING))
        });
        let inside = move |path: &Path| path.strip_prefix(begin).is_ok_and(|inside| self.matches(inside));
        entries.filter_map(move |entry| match entry {
            Ok(entry) => {
                inside(entry.path()).then(|| Ok(entry.path().strip_prefix(".").unwrap_or(entry.path()).to_owned()))
            }
            // A cycle of links is walked once; a dangling link matters only if it matches.
            Err(error) if error.loop_ancestor().is_some() => None,
            Err(error) if error.io_error().is_some_and(|error| error.kind() == std::io::ErrorKind::NotFound) => {
                error.path().is_some_and(inside).then_some(Err(error))
            }
            Err(error) => Some(Err(error)),
        })
    }
}
