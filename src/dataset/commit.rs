//! Commits staged files: one call either publishes the whole run or leaves the dataset as it was.
//!
//! 1. names are checked; `schema.json` and the manifest are written and synced in staging
//! 2. the intent is written (`dataset/intent`): from here on a crash only delays the commit
//! 3. data files and rejects get their names, partition by partition; the files they replace are set aside
//! 4. the manifest gets its name, `commits/N.json`: from here on the run is committed
//! 5. `schema.json` gets its name; what was set aside, the staging folder and the intent are removed
//!
//! An error in steps 1 to 4 rolls back every rename.
//!
//! In each partition the new files are added before the old ones are removed. A reader who lists the folder in between
//! can see rows twice, but never misses any: what a file system cannot do atomically is done in the order that loses
//! nothing.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use super::{
    document::write_document,
    files::{exists, sync_folder},
    inspect::size_and_digest,
    intent::{INTENT_VERSION, Intent, Move, Target},
    layout,
    manifest::{MANIFEST_VERSION, Manifest, RunRecord},
    run_id::is_run_id,
    schema_file::SchemaDocument,
    stage::{Dataset, State},
};
use crate::{
    config::Mode,
    error::{Error, Result},
    report::{FileReport, Ranges, ReplacedPartition, partition_of},
};

/// A complete and synced data file, under its staged name.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct StagedFile {
    /// Its path in the staging folder; the name does not end in `.parquet`.
    pub staged_path: PathBuf,
    /// The run id that its footer names.
    pub run_id: String,
    /// Folder of its partition relative to the dataset, escaped; empty without partitions.
    pub partition: String,
    /// Number of rows.
    pub rows: u64,
    /// Size in bytes.
    pub bytes: u64,
    /// Number of row groups.
    pub row_groups: u64,
    /// XXH3-128 digest of its bytes, hexadecimal.
    pub digest: String,
    /// Minimum and maximum as text, by column.
    pub ranges: Ranges,
}

/// Everything that a run has staged.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StagedRun {
    /// The record of the run, for the manifest.
    pub record: RunRecord,
    /// Its data files, in an order that depends only on the input.
    pub files: Vec<StagedFile>,
    /// The staged rejects file, if any record was refused: see [`super::RejectsWriter`].
    pub rejects: Option<PathBuf>,
    /// The schema of its columns.
    pub schema: SchemaDocument,
}

/// A run that was committed.
#[derive(Debug)]
#[must_use]
#[non_exhaustive]
pub struct Committed {
    /// The content of `commits/N.json`, with the final names of all files.
    pub manifest: Manifest,
    /// The content of `schema.json`.
    pub schema: SchemaDocument,
    /// Number of files of earlier commits that are no longer part of the dataset, and of their rows.
    pub replaced: (u64, u64),
    /// For [`Mode::OverwritePartitions`]: the partitions that had rows before.
    pub replaced_partitions: Vec<ReplacedPartition>,
    /// Failure to clean up after the commit. The commit is valid, and the next run tries again.
    pub unfinished: Option<Error>,
}

impl Dataset {
    /// Publishes a run and removes what it replaces: everything for [`Mode::Overwrite`], the files of its partitions
    /// for [`Mode::OverwritePartitions`], nothing otherwise.
    ///
    /// # Errors
    /// [`Error::Io`]; [`Error::Dataset`] when a name is taken; [`Error::Bug`] for invalid names. Nothing is committed
    /// in each case, and the dataset stays as it was.
    pub fn commit(self, run: &StagedRun) -> Result<Committed> {
        self.commit_and_discard(run, &[])
    }

    /// Publishes a run whose staged files are also in `folders`; these are removed together with the staging folder.
    pub(super) fn commit_and_discard(mut self, run: &StagedRun, folders: &[PathBuf]) -> Result<Committed> {
        let manifest = self.manifest(run)?;
        let schema = match self.schema_to_keep()? {
            Some(kept) => kept.joined_by(&run.schema, manifest.commit, &self.dir)?,
            None => run.schema.clone(),
        };
        let intent = self.intent(run, &manifest, &schema, folders)?;
        self.sync_staging()?;
        intent.write(&self.dir, &self.staging)?;
        let done = intent.execute(&self.dir)?;
        self.state = if done.unfinished.is_some() { State::Unfinished } else { State::Committed };
        let live = Manifest::live(&self.commits);
        let named = manifest.replaces.iter().chain(manifest.files.iter().map(|file| &file.path));
        let replaced: Vec<&FileReport> = named.filter_map(|path| live.get(path.as_str()).copied()).collect();
        let replaced_partitions = match self.mode {
            Mode::OverwritePartitions => replaced_partitions(&replaced, &manifest.files),
            Mode::Error | Mode::Append | Mode::Overwrite => Vec::new(),
        };
        let replaced = replaced.iter().fold((0, 0), |(files, rows), file| (files + 1, file.rows.saturating_add(rows)));
        Ok(Committed { manifest, schema, replaced, replaced_partitions, unfinished: done.unfinished })
    }

    /// Builds the manifest of a run and checks its names.
    fn manifest(&self, run: &StagedRun) -> Result<Manifest> {
        let live = Manifest::live(&self.commits);
        let (mut files, mut next) = (Vec::with_capacity(run.files.len()), 0);
        for file in &run.files {
            let StagedFile { staged_path: _, run_id, partition, rows, bytes, row_groups, digest, ranges } = file;
            // Numbers are unique within the run, because partitions whose names differ only in case share a folder on
            // some systems. And no number may lead to the name of an earlier file, unless that file has the same
            // content.
            let name = |sequence| layout::data_file(partition, sequence, run_id);
            let may_be = |path: &String| {
                let takes_its_place = !matches!(self.mode, Mode::Error | Mode::Append) && !digest.is_empty();
                live.get(path.as_str()).is_none_or(|earlier| takes_its_place && earlier.digest == *digest)
            };
            let mut path = name(next);
            while !may_be(&path) {
                next += 1;
                path = name(next);
            }
            next += 1;
            if !layout::is_relative_file(&path) || !is_run_id(run_id) {
                return Err(Error::Bug(format!("a data file cannot be named {path:?}")));
            }
            let (rows, bytes, row_groups) = (*rows, *bytes, *row_groups);
            files.push(FileReport { path, rows, bytes, row_groups, digest: digest.clone(), ranges: ranges.clone() });
        }
        let run_id = &run.record.run_id;
        if !is_run_id(run_id) {
            return Err(Error::Bug(format!("{run_id:?} is not a run id")));
        }
        let names: BTreeSet<&str> = files.iter().map(|file| file.path.as_str()).collect();
        let touched: BTreeSet<&str> = run.files.iter().map(|file| file.partition.as_str()).collect();
        let is_replaced = |path: &str| match self.mode {
            Mode::Error | Mode::Append => false,
            Mode::Overwrite => true,
            Mode::OverwritePartitions => touched.contains(partition_of(path)),
        };
        let replaces = live.into_keys().filter(|path| is_replaced(path) && !names.contains(path));
        Ok(Manifest {
            format_version: MANIFEST_VERSION,
            commit: self.commits.last().map_or(1, |last| last.commit + 1),
            mode: self.mode,
            replaces: replaces.map(str::to_owned).collect(),
            run: run.record.clone(),
            rejects_file: run.rejects.as_deref().map(|staged| self.rejects_file(staged, run_id)).transpose()?,
            files,
        })
    }

    /// The name for staged rejects. A file with other content keeps its name, because somebody may have repaired it.
    fn rejects_file(&self, staged: &Path, run_id: &str) -> Result<String> {
        let staged = size_and_digest(staged)?;
        for number in 1.. {
            let name = layout::rejects_file(run_id, number);
            let found = size_and_digest(&self.dir.join(&name))?;
            if found.is_none() || found == staged {
                return Ok(name);
            }
        }
        Err(Error::Bug("numbers have ended".to_owned()))
    }

    /// The steps of the commit. The schema and the manifest are staged for it.
    fn intent(
        &self,
        run: &StagedRun,
        manifest: &Manifest,
        new_schema: &SchemaDocument,
        folders: &[PathBuf],
    ) -> Result<Intent> {
        let relative = |path: &Path| layout::relative(&self.dir, path);
        let document = |staged: &Path, to: String, target: Target| {
            let found = fs::metadata(staged).map_err(Error::io("look at", staged))?;
            Ok(Move { from: relative(staged)?, to, target, bytes: Some(found.len()) })
        };
        let live = Manifest::live(&self.commits);
        let mut moves = Vec::new();
        let mut by_partition: BTreeMap<&str, Vec<Move>> = BTreeMap::new();
        for (staged, file) in run.files.iter().zip(&manifest.files) {
            let target = if live.contains_key(file.path.as_str()) { Target::Replaced } else { Target::New };
            let (from, bytes) = (relative(&staged.staged_path)?, Some(file.bytes));
            let step = Move { from, to: file.path.clone(), target, bytes };
            by_partition.entry(file.partition()).or_default().push(step);
        }
        // In each partition the old files are moved after the new ones; partitions without new files come last.
        let mut old_only = Vec::new();
        for (number, path) in manifest.replaces.iter().enumerate() {
            let aside = self.staging.join(format!("{}{number}", layout::SET_ASIDE));
            let step = Move { from: path.clone(), to: relative(&aside)?, target: Target::Aside, bytes: None };
            by_partition.get_mut(partition_of(path)).unwrap_or(&mut old_only).push(step);
        }
        moves.extend(by_partition.into_values().flatten());
        moves.extend(old_only);
        if let (Some(staged), Some(file)) = (&run.rejects, &manifest.rejects_file) {
            // A file that is there says the same: see `rejects_file`. It is not touched, for a recovery may come after
            // somebody has repaired it. For the same reason its size is not known.
            if !exists(&self.dir.join(file))? {
                moves.push(Move { from: relative(staged)?, to: file.clone(), target: Target::New, bytes: None });
            }
        }
        let (schema, commit) = (self.staging.join("schema.staged"), self.staging.join("commit.staged"));
        write_document(&schema, new_schema)?;
        write_document(&commit, manifest)?;
        let staging = layout::staging(&self.dir);
        let discard = [&staging].into_iter().chain(folders).map(|folder| relative(folder));
        Ok(Intent {
            format_version: INTENT_VERSION,
            commit: manifest.commit,
            run_id: manifest.run.run_id.clone(),
            moves,
            manifest: document(&commit, layout::commit_file(manifest.commit), Target::New)?,
            schema: document(&schema, layout::SCHEMA_FILE.to_owned(), Target::Replaced)?,
            discard: discard.collect::<Result<_>>()?,
        })
    }

    /// Syncs the folders of everything staged, and their parents.
    fn sync_staging(&self) -> Result<()> {
        let staging = layout::staging(&self.dir);
        for folder in [&self.staging, &staging, &layout::meta(&self.dir), &self.dir] {
            sync_folder(folder)?;
        }
        self.created.iter().filter_map(|folder| folder.parent()).try_for_each(sync_folder)?;
        if self.commits.is_empty() {
            // A process that has died, or that of a share, may have created the dataset's folder and those around it.
            // Folders further up need not be readable.
            let _ = self.dir.ancestors().skip(1).try_for_each(sync_folder);
        }
        Ok(())
    }
}

/// The partitions of replaced files, with their rows before and after.
fn replaced_partitions(gone: &[&FileReport], new: &[FileReport]) -> Vec<ReplacedPartition> {
    let mut partitions: BTreeMap<&str, (u64, u64)> = BTreeMap::new();
    for file in gone {
        let (rows_before, _) = partitions.entry(file.partition()).or_default();
        *rows_before = file.rows.saturating_add(*rows_before);
    }
    for file in new {
        if let Some((_, rows)) = partitions.get_mut(file.partition()) {
            *rows += file.rows;
        }
    }
    let each = partitions.into_iter();
    each.map(|(partition, (rows_before, rows))| ReplacedPartition {
        partition: partition.to_owned(),
        rows_before,
        rows,
    })
    .collect()
}

#[cfg(test)]
mod tests;
