//! Shares of a run: several processes stage files for one dataset at the same time, and one call commits all of them.
//!
//! ```text
//! DIR/_partiquet/shares/RUN/SHARE/...              staged files
//!                                /fragment.json    what was staged, written last: it makes the share complete
//!                      /RUN/SHARE.lock             held by the process that stages it
//! ```
//!
//! All of them hold the dataset's lock as a shared lock, so that nobody commits meanwhile. A share that is staged again
//! replaces its former files, complete or not.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs, io,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use super::{
    Committed, Dataset, RunRecord, SchemaDocument, StagedFile, StagedRun,
    document::{damaged, read_document, write_document},
    files::{self, entries, exists, is_whole, sync_folder},
    intent::{self, Recovered},
    layout,
    lock::Lock,
    manifest::Manifest,
    run_id::run_id,
    stage::{Created, check_mode, locked, refuse_newer_schema, schema_to_keep},
};
use crate::{
    config::Mode,
    error::{Error, Result},
    report::{InputReport, Report},
};

/// Format version of `fragment.json` that this program writes, and the newest it reads.
pub const FRAGMENT_VERSION: u32 = 1;

/// Maximum length of the name of a run or a share, in characters.
pub const MAX_SHARE_NAME_CHARS: usize = 64;

/// Name of the document that makes a share complete.
pub(super) const FRAGMENT: &str = "fragment.json";

/// A share that this process stages. If it is dropped before [`Share::finish`], its files are removed.
#[derive(Debug)]
pub struct Share {
    dir: PathBuf,
    mode: Mode,
    staging: PathBuf,
    commits: Vec<Manifest>,
    recovered: Option<Recovered>,
    finished: bool,
    own_lock: PathBuf,
    _own: Lock,
    _together: Lock,
}

/// What one process has staged, as plain JSON.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Fragment {
    /// [`FRAGMENT_VERSION`].
    pub format_version: u32,
    /// What is to be committed. Paths of staged files are relative to the share's folder.
    pub run: StagedRun,
    /// The report of the share.
    pub report: Report,
    /// The mode that it was staged for, which decides what inputs it left out. None if an earlier version staged it.
    #[serde(default)]
    pub mode: Option<Mode>,
}

impl Fragment {
    /// Makes the paths of staged files those in the share's folder `staged`. Returns in words what is wrong if one leads
    /// elsewhere.
    fn resolve_paths(&mut self, staged: &Path) -> Result<(), String> {
        let leads_elsewhere = |partition: &str| {
            let path = layout::data_file(partition, 0, "");
            !layout::is_relative_file(&path) || layout::is_meta(&path)
        };
        if let Some(file) = self.run.files.iter().find(|file| leads_elsewhere(&file.partition)) {
            return Err(format!("it names the partition {:?}, which is none of the dataset", file.partition));
        }
        let files = self.run.files.iter_mut().map(|file| &mut file.staged_path);
        for path in files.chain(&mut self.run.rejects) {
            if !path.to_str().is_some_and(layout::is_relative_file) {
                return Err(format!("it names {}, which is not a file of the share", path.display()));
            }
            *path = staged.join(&*path);
        }
        Ok(())
    }

    /// A staged file that is gone, or has another size now.
    fn damaged_file(&self) -> Result<Option<&Path>> {
        for StagedFile { staged_path, bytes, .. } in &self.run.files {
            if !is_whole(staged_path, Some(*bytes))? {
                return Ok(Some(staged_path));
            }
        }
        Ok(None)
    }
}

impl Share {
    /// Opens share `name` of the run `run` in the dataset `dir`, which need not exist. Tells at once what became of a
    /// commit that a dead run had started.
    ///
    /// # Errors
    /// [`Error::Usage`] for an invalid name; [`Error::Dataset`] while another process commits, or stages the same
    /// share, or if `mode` forbids the present content, as for [`Dataset::open`]; [`Error::NewerFormat`] for a dataset of
    /// a newer version; [`Error::Io`].
    pub fn open(dir: &Path, mode: Mode, run: &str, name: &str, tell: impl FnOnce(Recovered)) -> Result<Self> {
        check_name(run)?;
        check_name(name)?;
        if !exists(&layout::meta(dir))? {
            // Checked before anything is created, so that a foreign folder stays untouched.
            check_mode(dir, mode, &[])?;
        }
        let mut recovered = None;
        if intent::is_pending(dir)? {
            let _alone = locked(dir, &mut Created::kept(), Lock::take)?;
            recovered = intent::recover(dir)?;
        }
        recovered.map(tell);
        let together = locked(dir, &mut Created::kept(), Lock::take_shared)?;
        let commits = Manifest::read_with(dir, Manifest::without_details)?;
        refuse_newer_schema(dir, &commits)?;
        check_mode(dir, mode, &commits)?;
        let of_run = layout::shares(dir).join(run);
        let own_lock = of_run.join(format!("{name}.lock"));
        // A failing share removes the folder while it is empty, so this may have to be retried.
        let own = Lock::retried(|| {
            fs::create_dir_all(&of_run).map_err(Error::io("create folder", &of_run))?;
            Lock::take(dir, &own_lock)
        })?;
        let staging = of_run.join(name);
        files::remove_folder(&staging)?;
        fs::create_dir(&staging).map_err(Error::io("create folder", &staging))?;
        let dir = dir.to_owned();
        Ok(Self { dir, mode, staging, commits, recovered, finished: false, own_lock, _own: own, _together: together })
    }

    /// The folder for everything that is staged.
    #[must_use]
    pub fn staging_dir(&self) -> &Path {
        &self.staging
    }

    /// The commits of the dataset.
    #[must_use]
    pub fn commits(&self) -> &[Manifest] {
        &self.commits
    }

    /// See [`Dataset::recovered`].
    #[must_use]
    pub const fn recovered(&self) -> Option<Recovered> {
        self.recovered
    }

    /// See [`Dataset::schema_to_keep`].
    ///
    /// # Errors
    /// As [`SchemaDocument::read`].
    pub fn schema_to_keep(&self) -> Result<Option<SchemaDocument>> {
        schema_to_keep(&self.dir, self.mode, &self.commits)
    }

    /// Completes the share: from here on any process can commit it.
    ///
    /// # Errors
    /// [`Error::Io`]; [`Error::Bug`] for a staged file outside the folder.
    pub fn finish(mut self, mut run: StagedRun, report: Report) -> Result<()> {
        let rejects = run.rejects.iter_mut();
        for path in run.files.iter_mut().map(|file| &mut file.staged_path).chain(rejects) {
            *path = layout::relative(&self.staging, path)?.into();
        }
        let staged = self.staging.join("fragment.staged");
        let (format_version, mode) = (FRAGMENT_VERSION, Some(self.mode));
        write_document(&staged, &Fragment { format_version, run, report, mode })?;
        sync_folder(&self.staging)?;
        let path = self.staging.join(FRAGMENT);
        fs::rename(&staged, &path).map_err(Error::io("move a finished file to", &path))?;
        self.staging.ancestors().take_while(|folder| folder.starts_with(&self.dir)).try_for_each(sync_folder)?;
        self.finished = true;
        Ok(())
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        if !self.finished {
            let _ = fs::remove_dir_all(&self.staging);
        }
        let _ = fs::remove_file(&self.own_lock);
        let _ = self.own_lock.parent().map(fs::remove_dir);
        let _ = fs::remove_dir(layout::shares(&self.dir));
    }
}

impl Dataset {
    /// Joins the named shares of a run, in this order, into one run; `committed_at` is its time.
    ///
    /// # Errors
    /// [`Error::Dataset`] for a share that is missing or was not asked for, and for shares that do not fit together;
    /// [`Error::Io`].
    pub fn joined_shares(&self, run: &str, names: &[String], committed_at: &str) -> Result<Fragment> {
        check_name(run)?;
        names.iter().try_for_each(|name| check_name(name))?;
        let folder = layout::shares(&self.dir).join(run);
        let refuse = |message: String, hint: &str| Error::Dataset {
            dir: self.dir.clone(),
            message: format!("run {run}: {message}"),
            hint: hint.to_owned(),
        };
        let asked: BTreeSet<&str> = names.iter().map(String::as_str).collect();
        if asked.len() != names.len() || asked.is_empty() {
            return Err(refuse("each share is named once, and there is at least one".to_owned(), "name them so"));
        }
        let mut fragments = self.read_fragments(&folder)?;
        if let Some(missing) = names.iter().find(|name| !fragments.contains_key(*name)) {
            return Err(refuse(format!("share {missing} is not complete"), "stage it, again if it had been begun"));
        }
        if let Some(other) = fragments.keys().find(|name| !asked.contains(name.as_str())) {
            let hint = format!("name it too, or delete {}", folder.join(other).display());
            return Err(refuse(format!("share {other} is there and was not named"), &hint));
        }
        let for_another = |fragment: &Fragment| fragment.mode.filter(|mode| *mode != self.mode);
        if let Some(mode) = fragments.values().find_map(for_another) {
            let message = format!("its shares were staged for the mode {mode}, and this is {}", self.mode);
            return Err(refuse(message, "commit them in that mode, or stage all of them again"));
        }
        for (name, fragment) in &fragments {
            if let Some(path) = fragment.damaged_file()? {
                let message = format!("share {name}: {} is gone, or not as large as it was staged", path.display());
                return Err(refuse(message, "stage it again"));
            }
        }
        let parts = names.iter().filter_map(|name| fragments.remove(name)).collect();
        join(parts, committed_at, &self.staged_rejects_path()).map_err(|difference| match difference {
            Difference::Of(what) => {
                refuse(format!("its shares differ in {what}"), "stage all of them with the same options")
            }
            Difference::SameInput(what) => refuse(
                format!("two of its shares have read the same input: {what}"),
                "stage one of them again, without it",
            ),
            Difference::Failed(error) => error,
        })
    }

    /// Reads the fragments of the complete shares in this folder, by the name of the share, with the paths of their files.
    fn read_fragments(&self, folder: &Path) -> Result<BTreeMap<String, Fragment>> {
        let mut fragments = BTreeMap::new();
        for name in entries(folder)? {
            let staged = folder.join(&name);
            let path = staged.join(FRAGMENT);
            if path.is_file() {
                let mut fragment: Fragment = read_document(&self.dir, &path, FRAGMENT_VERSION)?;
                fragment.resolve_paths(&staged).map_err(|what| damaged(&self.dir, &path, &what))?;
                fragments.insert(name, fragment);
            }
        }
        Ok(fragments)
    }

    /// Publishes the joined shares of a run as [`Dataset::commit`] does, and removes their staging folders.
    ///
    /// # Errors
    /// As [`Dataset::commit`].
    pub fn commit_shares(self, run: &str, staged: &StagedRun) -> Result<Committed> {
        let shares = layout::shares(&self.dir);
        let committed = self.commit_and_discard(staged, &[shares.join(run)])?;
        let _ = fs::remove_dir(shares);
        Ok(committed)
    }
}

/// Why shares cannot be joined.
enum Difference {
    Of(&'static str),
    /// Two shares have read the same path or the same bytes.
    SameInput(String),
    Failed(Error),
}

impl From<Error> for Difference {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

/// Joins several runs into one. Their rejects are written to `rejects` one after another.
fn join(parts: Vec<Fragment>, committed_at: &str, rejects: &Path) -> Result<Fragment, Difference> {
    let mut parts = parts.into_iter();
    let Some(mut whole) = parts.next() else { return Err(Difference::Of("number")) };
    let mut reject_files: Vec<PathBuf> = whole.run.rejects.take().into_iter().collect();
    let mut read = InputsRead::default();
    read.add(&whole.run.record.inputs)?;
    for part in parts {
        let Fragment { format_version: _, run: StagedRun { record, files, rejects, schema }, report, mode: _ } = part;
        if schema != whole.run.schema {
            return Err(Difference::Of("columns: name the attribute keys instead of `auto`"));
        }
        read.add(&record.inputs)?;
        add_record(&mut whole.run.record, record)?;
        whole.run.files.extend(files);
        reject_files.extend(rejects);
        add_report(&mut whole.report, report);
    }
    let record = &mut whole.run.record;
    let digests: Result<Vec<u128>, _> =
        record.inputs.iter().map(|input| u128::from_str_radix(&input.digest, 16)).collect();
    let digests = digests.map_err(|_| Difference::Of("the form of their digests"))?;
    record.run_id = run_id(&record.version, &record.options, &digests);
    record.values = record.ledger.total();
    committed_at.clone_into(&mut record.committed_at);
    record.run_id.clone_into(&mut whole.report.run_id);
    let partitions: BTreeSet<&str> = whole.run.files.iter().map(|file| file.partition.as_str()).collect();
    whole.report.partitions = partitions.len() as u64;
    whole.run.rejects = concatenate(&reject_files, rejects)?;
    Ok(whole)
}

/// The inputs that the shares so far have read.
#[derive(Default)]
struct InputsRead {
    places: BTreeSet<String>,
    digests: BTreeSet<String>,
}

impl InputsRead {
    /// Adds the inputs of one more share, unless one of them was already read. Each share has its own standard input and
    /// pipes, which have no place, and an input without records cannot duplicate any.
    fn add(&mut self, inputs: &[InputReport]) -> Result<(), Difference> {
        let is_known = |input: &&InputReport| {
            let is_same_place = input.place.as_ref().is_some_and(|place| self.places.contains(place));
            is_same_place || (input.records > 0 && self.digests.contains(input.text_digest()))
        };
        if let Some(input) = inputs.iter().find(is_known) {
            return Err(Difference::SameInput(input.path.clone()));
        }
        self.places.extend(inputs.iter().filter_map(|input| input.place.clone()));
        self.digests.extend(inputs.iter().map(|input| input.text_digest().to_owned()));
        Ok(())
    }
}

fn add_record(whole: &mut RunRecord, part: RunRecord) -> Result<(), Difference> {
    // Destructured in full, so that a new count cannot be forgotten here.
    let RunRecord {
        run_id: _,
        version,
        model,
        committed_at: _,
        inputs,
        partition_by,
        options,
        records,
        rejected,
        records_without_rows,
        rows,
        values: _,
        ledger,
        partition_values_displaced,
    } = part;
    if version != whole.version {
        return Err(Difference::Of("the version of partiquet"));
    }
    if model != whole.model || partition_by != whole.partition_by {
        return Err(Difference::Of("model or partitions"));
    }
    for (name, value) in options {
        match whole.options.get_mut(&name) {
            Some(mine) if *mine == value => {}
            Some(mine) if name == RunRecord::INPUT_NAMES => *mine = joined_lists(mine, &value)?,
            _ => return Err(Difference::Of("their options")),
        }
    }
    whole.inputs.extend(inputs);
    whole.records += records;
    whole.rejected += rejected;
    whole.records_without_rows += records_without_rows;
    whole.rows += rows;
    whole.ledger.merge(&ledger);
    whole.partition_values_displaced += partition_values_displaced;
    Ok(())
}

/// Joins two lists of names, each the text of a JSON array.
fn joined_lists(first: &str, second: &str) -> Result<String, Difference> {
    let names = |text| serde_json::from_str::<Vec<String>>(text);
    let joined = names(first).and_then(|first| Ok([first, names(second)?].concat()));
    joined.and_then(|names| serde_json::to_string(&names)).map_err(|_| Difference::Of("the names of their inputs"))
}

fn add_report(whole: &mut Report, part: Report) {
    // Destructured in full, as above. Fields bound to `_` are the same for all shares, or are determined by the commit.
    let Report {
        run_id: _,
        version: _,
        model: _,
        inputs,
        skipped,
        commit: _,
        replaced_files: _,
        replaced_rows: _,
        replaced_partitions: _,
        columns_differ: _,
        input_bytes,
        json_bytes,
        records,
        rejected,
        rejected_without_text,
        records_without_rows,
        rows,
        ledger,
        rejects,
        rejects_file: _,
        attribute_columns: _,
        partitions: _,
        partition_values_displaced,
        spilled_bytes,
        files: _,
        output_bytes: _,
        warnings,
        elapsed_seconds: _,
        stage_seconds,
    } = part;
    whole.inputs.extend(inputs);
    whole.skipped.extend(skipped);
    whole.input_bytes += input_bytes;
    whole.json_bytes += json_bytes;
    whole.records += records;
    whole.rejected += rejected;
    whole.rejected_without_text += rejected_without_text;
    whole.records_without_rows += records_without_rows;
    whole.rows += rows;
    whole.ledger.merge(&ledger);
    for reject in rejects {
        Report::show(&mut whole.rejects, reject);
    }
    whole.partition_values_displaced += partition_values_displaced;
    whole.spilled_bytes += spilled_bytes;
    whole.warnings.extend(warnings);
    whole.stage_seconds += stage_seconds;
}

fn concatenate(parts: &[PathBuf], path: &Path) -> Result<Option<PathBuf>> {
    if parts.is_empty() {
        return Ok(None);
    }
    let mut whole = fs::File::create_new(path).map_err(Error::io("create", path))?;
    for part in parts {
        let mut from = fs::File::open(part).map_err(Error::io("open", part))?;
        io::copy(&mut from, &mut whole).map_err(Error::io("write", path))?;
    }
    whole.sync_all().map_err(Error::io("sync", path))?;
    Ok(Some(path.to_owned()))
}

fn check_name(name: &str) -> Result<()> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    if !name.is_empty() && name.len() <= MAX_SHARE_NAME_CHARS && name.chars().all(is_plain) {
        return Ok(());
    }
    Err(Error::usage(
        format!("{name:?} cannot name a run or a share"),
        format!("use at most {MAX_SHARE_NAME_CHARS} letters, digits, - and _"),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{Reject, SkippedInput, StageSeconds};

    #[test]
    fn lists_of_names_are_joined_also_where_one_is_empty() {
        let joined = |first, second| joined_lists(first, second).ok();
        assert_eq!(joined("[]", r#"["b"]"#).as_deref(), Some(r#"["b"]"#));
        assert_eq!(joined(r#"["a],["]"#, r#"["b"]"#).as_deref(), Some(r#"["a],[","b"]"#));
        assert_eq!(joined("[", "[]"), None);
    }

    #[test]
    fn a_report_of_shares_has_the_sums_of_all_of_them() {
        let reject = || -> Reject {
            let line = r#"{"partiquet_reject":1,"file":"f","offset":0,"line":1,"record_offset":0,"kind":"syntax","path":"","message":"m","raw_bytes":1}"#;
            serde_json::from_str(line).unwrap()
        };
        let part = || Report {
            inputs: vec![InputReport::default()],
            skipped: vec![SkippedInput { path: "x".to_owned(), commit: 1 }],
            input_bytes: 1,
            json_bytes: 2,
            records: 3,
            rejected: 4,
            records_without_rows: 5,
            rows: 6,
            rejects: vec![reject(); Report::MAX_REJECTS_SHOWN - 1],
            partition_values_displaced: 7,
            spilled_bytes: 8,
            warnings: vec!["w".to_owned()],
            stage_seconds: StageSeconds { encode: 0.5, ..StageSeconds::default() },
            ..Report::default()
        };
        let mut whole = part();
        add_report(&mut whole, part());
        assert_eq!((whole.inputs.len(), whole.skipped.len(), whole.warnings.len()), (2, 2, 2));
        assert_eq!((whole.input_bytes, whole.json_bytes, whole.spilled_bytes), (2, 4, 16));
        assert_eq!((whole.records, whole.rejected, whole.records_without_rows, whole.rows), (6, 8, 10, 12));
        assert_eq!(whole.partition_values_displaced, 14);
        assert_eq!(whole.rejects.len(), Report::MAX_REJECTS_SHOWN);
        assert!((whole.stage_seconds.encode - 1.0).abs() < 1e-9);
    }

    #[test]
    fn an_input_is_read_by_one_share() {
        let input = |path: &str, digest: &str, records| InputReport {
            path: path.to_owned(),
            place: (!matches!(path, "-" | "/dev/fd/63")).then(|| format!("place of {path}")),
            digest: digest.to_owned(),
            records,
            ..InputReport::default()
        };
        let mut read = InputsRead::default();
        let mut is_new = |input: InputReport| read.add(&[input]).is_ok();
        assert!(is_new(input("-", "a", 1)) && is_new(input("-", "b", 1)), "each has a standard input of its own");
        assert!(is_new(input("/dev/fd/63", "p", 1)) && is_new(input("/dev/fd/63", "q", 1)), "and pipes of its own");
        assert!(!is_new(input("-", "a", 1)) && !is_new(input("x", "b", 1)), "the same bytes");
        assert!(is_new(input("y", "c", 1)) && !is_new(input("y", "d", 1)), "the same path");
        assert!(is_new(input("e", "0", 0)) && is_new(input("f", "0", 0)), "nothing is in them");
    }
}
