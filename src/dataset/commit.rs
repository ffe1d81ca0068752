//! From staged files to a commit: one call that either publishes the whole run or leaves the dataset as it was.
//!
//! 1. names are checked, `schema.json` and the manifest are written and synced in staging
//! 2. data files, rejects and `schema.json` get their final names, folders are synced
//! 3. the manifest gets its name, `commits/N.json`: from here on the run is committed
//! 4. files that the run replaces are deleted; the next run does what this one could not
//!
//! An error in 1 to 3 takes every name back.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::File,
    io::Write,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use super::{
    layout,
    manifest::{MANIFEST_VERSION, Manifest, RunRecord},
    publish::{Existing, Publication, sync_folder},
    run_id::is_run_id,
    schema_file::SchemaDocument,
    stage::{Dataset, delete_files},
};
use crate::{
    error::{Error, Result},
    report::FileReport,
};

/// A data file, complete and synced, under its staged name.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct StagedFile {
    /// Where it is: see [`Dataset::staged_file_path`].
    pub staged_path: PathBuf,
    /// Its partition's folder relative to the dataset, escaped; empty without partitions.
    pub partition: String,
    /// Its number. Unique in the run: partitions whose names differ only in case share a folder on some systems.
    pub sequence: u64,
    /// Rows in it.
    pub rows: u64,
    /// Its size.
    pub bytes: u64,
    /// Row groups in it.
    pub row_groups: u64,
    /// Least and greatest value as text, by column.
    pub ranges: BTreeMap<String, (String, String)>,
}

/// Everything that a run has made.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StagedRun {
    /// What it says of itself.
    pub record: RunRecord,
    /// Its data files, in an order that depends on the input alone.
    pub files: Vec<StagedFile>,
    /// The staged rejects file, if there is one: see [`super::RejectsWriter`].
    pub rejects: Option<PathBuf>,
    /// What the columns are.
    pub schema: SchemaDocument,
}

/// A run that was committed.
#[derive(Debug)]
#[must_use]
pub struct Committed {
    /// What was written to `commits/N.json`, the final names of all files among it.
    pub manifest: Manifest,
    /// Replaced files that could not be deleted and why. Readers still see their rows, so somebody has to be told.
    pub not_deleted: Vec<(PathBuf, std::io::Error)>,
}

impl Dataset {
    /// Publishes a run. The files of earlier commits are replaced by it.
    ///
    /// # Errors
    /// [`Error::Io`], [`Error::Dataset`] when a name is taken, [`Error::Bug`] for names that cannot be: nothing is
    /// committed then, and the dataset is as it was.
    pub fn commit(mut self, run: &StagedRun) -> Result<Committed> {
        let manifest = self.manifest(run)?;
        let mut publication = Publication::new(&self.dir, &self.staging);
        if let Err(error) = self.publish(&mut publication, run, &manifest) {
            return Err(publication.undo(error));
        }
        self.committed = true;
        let not_deleted = delete_files(&self.dir, &manifest.replaces);
        Ok(Committed { manifest, not_deleted })
    }

    /// The manifest of a run, its names checked.
    fn manifest(&self, run: &StagedRun) -> Result<Manifest> {
        let run_id = &run.record.run_id;
        if !is_run_id(run_id) {
            return Err(Error::Bug(format!("{run_id:?} is not a run id")));
        }
        let (mut names, mut sequences) = (BTreeSet::new(), BTreeSet::new());
        let mut files = Vec::with_capacity(run.files.len());
        for file in &run.files {
            let path = layout::data_file(&file.partition, file.sequence, run_id);
            if !layout::is_relative_file(&path) || !sequences.insert(file.sequence) {
                return Err(Error::Bug(format!("a data file cannot be named {path:?}, or its number is taken")));
            }
            names.insert(path.clone());
            let StagedFile { staged_path: _, partition: _, sequence: _, rows, bytes, row_groups, ranges } = file;
            let (rows, bytes, row_groups) = (*rows, *bytes, *row_groups);
            files.push(FileReport { path, rows, bytes, row_groups, ranges: ranges.clone() });
        }
        Ok(Manifest {
            format_version: MANIFEST_VERSION,
            commit: self.commits.last().map_or(1, |last| last.commit + 1),
            run: run.record.clone(),
            files,
            rejects_file: run.rejects.as_ref().map(|_| layout::rejects_file(run_id)),
            replaces: Manifest::live_files(&self.commits).difference(&names).cloned().collect(),
        })
    }

    /// Steps 1 to 3, with every name that was given noted in `publication`.
    fn publish(&self, publication: &mut Publication, run: &StagedRun, manifest: &Manifest) -> Result<()> {
        let schema = self.stage_document("schema.staged", &run.schema)?;
        let commit = self.stage_document("commit.staged", manifest)?;

        // The same run again has the same names; its earlier files are the only ones that may be in the way.
        let earlier = Manifest::live_files(&self.commits);
        for (staged, file) in run.files.iter().zip(&manifest.files) {
            let existing = if earlier.contains(&file.path) { Existing::Replace } else { Existing::Refuse };
            publication.rename(&staged.staged_path, &file.path, existing)?;
        }
        if let (Some(staged), Some(file)) = (&run.rejects, &manifest.rejects_file) {
            publication.rename(staged, file, Existing::Replace)?;
        }
        publication.rename(&schema, layout::SCHEMA_FILE, Existing::Replace)?;
        publication.sync()?;
        for folder in self.created.iter().filter_map(|folder| folder.parent()) {
            sync_folder(if folder.as_os_str().is_empty() { Path::new(".") } else { folder })?;
        }

        publication.rename(&commit, &layout::commit_file(manifest.commit), Existing::Refuse)?;
        publication.sync()
    }

    fn stage_document(&self, name: &str, document: &impl Serialize) -> Result<PathBuf> {
        let path = self.staging.join(name);
        let mut text = serde_json::to_vec_pretty(document).map_err(|e| Error::Bug(format!("{name} as JSON: {e}")))?;
        text.push(b'\n');
        let mut file = File::create_new(&path).map_err(Error::io("create", &path))?;
        file.write_all(&text).map_err(Error::io("write", &path))?;
        file.sync_all().map_err(Error::io("sync", &path))?;
        Ok(path)
    }
}

#[cfg(test)]
mod tests;
