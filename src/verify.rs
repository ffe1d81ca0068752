//! The audit of a dataset: what its commits say against what is there.

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    path::Path,
    thread,
    time::Duration,
};

use serde::{Deserialize, Serialize};

use crate::{
    config::Transform,
    dataset::{
        COMMITS, INTENT_FILE, Manifest, SCHEMA_FILE, SchemaDocument, commit_file,
        inspect::{CommitState, Repaired, inspect, is_dataset, repair, size_and_digest},
        is_as_written, is_meta,
    },
    encode::FileSummary,
    error::{Error, Result},
    observe::Observer,
    report::{FileReport, hex},
};

/// What [`verify`] may do about its findings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Repair {
    /// Nothing: the folder is only read.
    #[default]
    No,
    /// Complete a commit that was cut off (or roll it back where something that it needs is gone), and remove what dead
    /// runs have left: staged files, and files that a commit has replaced. No file of the dataset itself is removed.
    Yes,
}

/// The result of an audit.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Audit {
    /// Number of commits.
    pub commits: u64,
    /// Data files that the dataset consists of.
    pub files: u64,
    /// Rows in those files, as the manifests say.
    pub rows: u64,
    /// Bytes of those files, as the manifests say.
    pub bytes: u64,
    /// Whether a process was writing to the dataset at that moment. If so, staged files are not judged, and the files
    /// may have changed while they were being read.
    pub is_being_written: bool,
    /// Shares waiting for their commit, as `RUN/SHARE`.
    pub shares_waiting: Vec<String>,
    /// What was repaired, in words.
    pub repaired: Vec<String>,
    /// What is wrong. Empty for a sound dataset.
    pub findings: Vec<Finding>,
}

/// Something that differs from what the commits say.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// What kind of fault it is.
    pub kind: FindingKind,
    /// Where it is, relative to the dataset.
    pub path: String,
    /// What is wrong.
    pub message: String,
}

/// Kinds of faults.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum FindingKind {
    /// A commit was started and not completed: repair completes it or rolls it back.
    Interrupted,
    /// A dead run left it behind: repair removes it.
    Leftover,
    /// A document of the dataset was written by a newer version, and only that version can judge it.
    Newer,
    /// A document of the dataset cannot be understood.
    Damaged,
    /// A listed file, or a document of the dataset, does not exist.
    Missing,
    /// The system refuses to read a listed file, or a document of the dataset.
    Unreadable,
    /// A data file has another size, digest or footer than listed, a document of the dataset another text than was
    /// written, or a rejects file is empty.
    Changed,
    /// Readers see a file that no commit lists.
    Unlisted,
    /// The sums of a manifest do not agree.
    Sums,
}

/// Maximum number of attempts when the dataset changes during the audit.
const MAX_ATTEMPTS: usize = 20;
const RETRY_INTERVAL: Duration = Duration::from_millis(100);

/// Compares the dataset in `dir` with its commits: every listed file by size, digest and footer, the presence of the
/// rejects, the text and the sums of every manifest, the text of the schema, and what else is in the folder. Without
/// repair nothing is written and no lock is taken: if a run commits meanwhile and something seems to be wrong, the audit
/// is repeated. Beside a manifest that cannot be read, the other commits are judged as far as that is certain.
///
/// # Errors
/// [`Error::Dataset`] if there is no dataset, for a repair while another process works on it, or when runs keep
/// committing; [`Error::Io`] for folders that cannot be read; [`Error::Interrupted`] if the observer asked to stop. A
/// fault of the dataset is a finding and not an error.
pub fn verify(dir: &Path, repair_mode: Repair, observer: &dyn Observer) -> Result<Audit> {
    if !is_dataset(dir)? {
        return Err(Error::Dataset {
            dir: dir.to_owned(),
            message: "there is no dataset in it".to_owned(),
            hint: "give the folder that was given to --out".to_owned(),
        });
    }
    let mut audit = Audit::default();
    if repair_mode == Repair::Yes {
        let Repaired { recovered, removed } = repair(dir)?;
        audit.repaired.extend(recovered.map(|recovered| recovered.to_string()));
        if removed > 0 {
            let ends = if removed == 1 { "" } else { "s" };
            audit.repaired.push(format!("removed {removed} leftover{ends} of dead runs"));
        }
    }
    for _ in 0..MAX_ATTEMPTS {
        let before = CommitState::read(dir)?;
        let seen = audit_once(dir, observer, audit.clone()).map(|mut audit| {
            audit.findings.sort_by(|a, b| (a.kind, &a.path).cmp(&(b.kind, &b.path)));
            audit
        });
        let is_certain = match &seen {
            Ok(audit) => audit.is_sound(),
            Err(error) => matches!(error, Error::Interrupted),
        };
        if is_certain || before.is_quiescent() && before == CommitState::read(dir)? {
            return seen;
        }
        thread::sleep(RETRY_INTERVAL);
    }
    Err(Error::Dataset {
        dir: dir.to_owned(),
        message: "runs commit to it again and again, so what is there cannot be compared".to_owned(),
        hint: "verify it when they are through".to_owned(),
    })
}

/// One pass over the dataset, without changing anything.
fn audit_once(dir: &Path, observer: &dyn Observer, mut audit: Audit) -> Result<Audit> {
    let numbers = match Manifest::numbers(dir) {
        Ok(numbers) => numbers,
        Err(error) => {
            audit.add_unreadable_document(COMMITS, error)?;
            return Ok(audit);
        }
    };
    audit.commits = numbers.len() as u64;
    // A commit that cannot be read may have replaced files of the others, and has files that no other lists.
    let (commits, are_all_known) = audit.read_commits(dir, &numbers)?;
    audit.surroundings(dir, &commits, are_all_known)?;
    for commit in &commits {
        audit.rejects(dir, commit)?;
    }
    let schema = audit.schema(dir, &commits)?;
    // After a commit was cut off, some files are still staged and others already published.
    let is_settled = !audit.findings.iter().any(|finding| finding.kind == FindingKind::Interrupted);
    let columns: Vec<_> =
        commits.iter().map(|commit| schema.as_ref().map(|schema| expected_columns(schema, commit.commit))).collect();
    let with_columns = commits.iter().zip(&columns);
    let columns_of: BTreeMap<&str, &Option<BTreeSet<String>>> = with_columns
        .flat_map(|(commit, columns)| commit.files.iter().map(move |file| (&*file.path, columns)))
        .collect();
    for (path, file) in Manifest::live(&commits) {
        if observer.stop_requested() {
            return Err(Error::Interrupted);
        }
        if !are_all_known && !dir.join(path).is_file() {
            continue;
        }
        audit.files += 1;
        audit.rows = audit.rows.saturating_add(file.rows);
        audit.bytes = audit.bytes.saturating_add(file.bytes);
        if is_settled {
            audit.data_file(dir, file, columns_of.get(path).and_then(|columns| columns.as_ref()))?;
        }
    }
    Ok(audit)
}

/// The columns that the files of a commit have. Columns that are in the folder names are not in the files.
fn expected_columns(schema: &SchemaDocument, commit: u64) -> BTreeSet<String> {
    let in_path = |name: &str| {
        schema.partition_by.iter().any(|field| field.transform == Transform::Identity && field.column == name)
    };
    let columns = schema.columns.iter();
    let columns = columns.filter(|column| column.since_commit.is_none_or(|since| since <= commit));
    columns.map(|column| column.name.clone()).filter(|name| !in_path(name)).collect()
}

/// Sums in 128 bits, so that the numbers of a damaged document cannot overflow.
fn total(numbers: impl Iterator<Item = u64>) -> u128 {
    numbers.map(u128::from).sum()
}

impl Audit {
    /// Whether nothing is wrong.
    #[must_use]
    pub const fn is_sound(&self) -> bool {
        self.findings.is_empty()
    }

    fn add_finding(&mut self, kind: FindingKind, path: &str, message: impl Into<String>) {
        self.findings.push(Finding { kind, path: path.to_owned(), message: message.into() });
    }

    /// Looks at the lock, an unfinished commit, leftovers, shares, and files that no commit lists, if all are known.
    fn surroundings(&mut self, dir: &Path, commits: &[Manifest], are_all_known: bool) -> Result<()> {
        let seen = inspect(dir, commits)?;
        self.is_being_written = seen.is_locked;
        self.shares_waiting = seen.shares.into_iter().collect();
        if !seen.is_locked {
            match seen.is_pending {
                Ok(false) => {}
                Ok(true) => {
                    let message = "a commit was begun and not ended; the next run sees to it, and so does --repair";
                    self.add_finding(FindingKind::Interrupted, INTENT_FILE, message);
                    return Ok(());
                }
                Err(error) => return self.add_unreadable_document(INTENT_FILE, error),
            }
            // A file that one commit replaced, a later one may have written again.
            let is_certain = |path: &&String| are_all_known || is_meta(path);
            for path in seen.leftovers.iter().filter(is_certain) {
                self.add_finding(FindingKind::Leftover, path, "left by a run that ended early; --repair removes it");
            }
        }
        for path in seen.unlisted.iter().filter(|_| are_all_known) {
            self.add_finding(
                FindingKind::Unlisted,
                path,
                "no commit lists it, and there are readers of the folder that see it",
            );
        }
        Ok(())
    }

    /// Reads the commits with these numbers and checks each alone. Returns those that can be read, without details, and
    /// whether these are all.
    fn read_commits(&mut self, dir: &Path, numbers: &BTreeSet<u64>) -> Result<(Vec<Manifest>, bool)> {
        let (mut commits, mut next, mut are_all) = (Vec::with_capacity(numbers.len()), 1, true);
        for &number in numbers {
            if number > next {
                let message = match number - 1 {
                    last if last == next => "it is missing, and there are later commits".to_owned(),
                    last => format!("it is missing, like all up to {last}, and there are later commits"),
                };
                self.add_finding(FindingKind::Missing, &commit_file(next), message);
                are_all = false;
            }
            next = number.saturating_add(1);
            match Manifest::read(dir, number) {
                Ok(commit) => {
                    self.text_of_document(dir, &commit_file(number))?;
                    self.sums(&commit);
                    commits.push(commit.without_details());
                }
                Err(error) => {
                    self.add_unreadable_document(&commit_file(number), error)?;
                    are_all = false;
                }
            }
        }
        Ok((commits, are_all))
    }

    /// Checks that the text of a document that was understood is still what was written.
    fn text_of_document(&mut self, dir: &Path, path: &str) -> Result<()> {
        match is_as_written(&dir.join(path)) {
            Ok(true) => {}
            Ok(false) => {
                let message = "its text is not what was written: its digest differs; restore it from a copy, or, if the \
                               change is meant to stay, remove its member document_digest";
                self.add_finding(FindingKind::Changed, path, message);
            }
            Err(error) => self.add_unreadable_document(path, error)?,
        }
        Ok(())
    }

    fn sums(&mut self, commit: &Manifest) {
        let path = commit_file(commit.commit);
        let run = &commit.run;
        let sums = [
            ("rows of its files", total(commit.files.iter().map(|file| file.rows)), run.rows),
            ("rows of its inputs", total(run.inputs.iter().map(|input| input.rows)), run.rows),
            ("records of its inputs", total(run.inputs.iter().map(|input| input.records)), run.records),
            ("rejects of its inputs", total(run.inputs.iter().map(|input| input.rejected)), run.rejected),
        ];
        for (what, sum, said) in sums {
            if sum != u128::from(said) {
                self.add_finding(FindingKind::Sums, &path, format!("the {what} are {sum}, the run has {said}"));
            }
        }
        if let Err(error) = run.ledger.check() {
            self.add_finding(FindingKind::Sums, &path, error.to_string());
        }
        // The first version of the manifest kept only the sums.
        if !run.ledger.paths.is_empty() && run.ledger.total() != run.values {
            self.add_finding(FindingKind::Sums, &path, "the sums of its ledger are not those of its paths");
        }
    }

    fn schema(&mut self, dir: &Path, commits: &[Manifest]) -> Result<Option<SchemaDocument>> {
        if commits.is_empty() {
            return Ok(None);
        }
        match SchemaDocument::read(dir) {
            Ok(schema) => self.text_of_document(dir, SCHEMA_FILE).map(|()| Some(schema)),
            Err(error) => self.add_unreadable_document(SCHEMA_FILE, error).map(|()| None),
        }
    }

    /// Records a finding for an unreadable document of the dataset. An error that is not the document's fault is
    /// returned.
    fn add_unreadable_document(&mut self, path: &str, error: Error) -> Result<()> {
        let kind = match error {
            Error::NewerFormat { .. } => FindingKind::Newer,
            Error::Dataset { .. } => FindingKind::Damaged,
            Error::Io { ref error, .. } if error.kind() == io::ErrorKind::NotFound => FindingKind::Missing,
            Error::Io { .. } => FindingKind::Unreadable,
            error => return Err(error),
        };
        // In one line.
        self.add_finding(kind, path, error.to_string().replace("\n  ", "; "));
        Ok(())
    }

    /// Checks the rejects file of a commit. Users may edit it to repair records, so only a missing or empty file is a
    /// fault.
    fn rejects(&mut self, dir: &Path, commit: &Manifest) -> Result<()> {
        let Some(file) = &commit.rejects_file else { return Ok(()) };
        match size_and_digest(&dir.join(file)) {
            Ok(Some((0, _))) => {
                let what = format!("it is empty, and {} records were refused", commit.run.rejected);
                self.add_finding(FindingKind::Changed, file, what);
                Ok(())
            }
            Ok(Some(_)) => Ok(()),
            other => self.add_missing_or_unreadable(file, other),
        }
    }

    /// Records a finding for a listed file that is missing or that the system refuses to read.
    fn add_missing_or_unreadable<T>(&mut self, path: &str, result: Result<Option<T>>) -> Result<()> {
        match result {
            Err(error @ Error::Io { .. }) => self.add_finding(FindingKind::Unreadable, path, error.to_string()),
            Err(error) => return Err(error),
            Ok(_) => self.add_finding(FindingKind::Missing, path, "it is listed and not there"),
        }
        Ok(())
    }

    fn data_file(&mut self, dir: &Path, listed: &FileReport, columns: Option<&BTreeSet<String>>) -> Result<()> {
        let path = dir.join(&listed.path);
        let (bytes, digest) = match size_and_digest(&path) {
            Ok(Some(found)) => found,
            other => return self.add_missing_or_unreadable(&listed.path, other),
        };
        let mut changed = |what: String| self.add_finding(FindingKind::Changed, &listed.path, what);
        if bytes != listed.bytes {
            changed(format!("it has {bytes} bytes, {} are listed", listed.bytes));
        } else if !listed.digest.is_empty() && listed.digest != hex(digest) {
            changed("its bytes are not those that were written: the digest differs".to_owned());
        }
        let summary = match FileSummary::read(&path) {
            Ok(Ok(summary)) => summary,
            Ok(Err(what)) => {
                changed(what);
                return Ok(());
            }
            Err(error) => return self.add_missing_or_unreadable(&listed.path, Err::<Option<()>, _>(error)),
        };
        if (summary.rows, summary.row_groups) != (listed.rows, listed.row_groups) {
            changed(format!(
                "its footer has {} rows in {} row groups, {} in {} are listed",
                summary.rows, summary.row_groups, listed.rows, listed.row_groups
            ));
        }
        let run_id = summary.key_values.get("partiquet.run_id").map_or("none", String::as_str);
        if !listed.path.ends_with(&format!("-{run_id}.parquet")) {
            changed(format!("its footer names another run: {run_id}"));
        }
        if let Some(expected) = columns.filter(|expected| **expected != summary.columns) {
            let names: Vec<&str> = expected.symmetric_difference(&summary.columns).map(String::as_str).collect();
            changed(format!("its columns are not those of schema.json: {}", names.join(", ")));
        }
        Ok(())
    }
}
