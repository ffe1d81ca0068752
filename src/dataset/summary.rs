//! Summarizes a dataset from its own documents. No data file is opened: that is left to the audit.

use std::{collections::BTreeMap, io, path::Path};

use serde::Serialize;

use super::{inspect::is_dataset, intent, manifest::Manifest, schema_file::SchemaDocument};
use crate::{
    config::Mode,
    error::{Error, Result},
};

/// The summary of a dataset.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DatasetSummary {
    /// Rows, files and bytes of all partitions.
    pub total: Amount,
    /// Content of each partition folder; a dataset without partitions has one entry with an empty name.
    pub partitions: BTreeMap<String, Amount>,
    /// The commits, in order.
    pub commits: Vec<CommitSummary>,
    /// Whether a commit is under way right now, or was cut off and is left to the next run.
    pub is_commit_open: bool,
    /// The schema: columns, attribute keys, partition columns.
    pub schema: SchemaDocument,
}

/// An amount of data.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Amount {
    /// Number of rows.
    pub rows: u64,
    /// Number of data files.
    pub files: u64,
    /// Total size of these files, in bytes.
    pub bytes: u64,
}

/// The summary of a commit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CommitSummary {
    /// Its number.
    pub commit: u64,
    /// Time of the commit, RFC 3339.
    pub committed_at: String,
    /// How it treated the commits before it.
    pub mode: Mode,
    /// See [`super::run_id()`].
    pub run_id: String,
    /// Version of the tool.
    pub version: String,
    /// Name of the model.
    pub model: String,
    /// Number of inputs read.
    pub inputs: u64,
    /// Number of rows written.
    pub rows: u64,
    /// Number of records refused.
    pub rejected: u64,
    /// Path of the rejects file, relative to the dataset.
    pub rejects_file: Option<String>,
}

impl DatasetSummary {
    /// Reads the commits and the schema of the dataset in `dir`. Nothing is written or locked.
    ///
    /// # Errors
    /// [`Error::Dataset`] if nothing is committed or a document is damaged; [`Error::NewerFormat`] for a document of a
    /// newer version; [`Error::Io`].
    pub fn read(dir: &Path) -> Result<Self> {
        let commits = Manifest::read_all(dir)?;
        if commits.is_empty() {
            let message =
                if is_dataset(dir)? { "no run has been committed in it" } else { "there is no dataset in it" };
            return Err(Error::Dataset {
                dir: dir.to_owned(),
                message: message.to_owned(),
                hint: "give the folder that was given to --out".to_owned(),
            });
        }
        let is_commit_open = intent::is_pending(dir)?;
        let schema = SchemaDocument::read(dir).map_err(|failure| match failure {
            // The schema gets its name just after the first manifest.
            Error::Io { error, .. } if is_commit_open && error.kind() == io::ErrorKind::NotFound => Error::Dataset {
                dir: dir.to_owned(),
                message: "its first commit is under way, or was cut off".to_owned(),
                hint: "look again when the run has ended; if there is none, `partiquet verify DIR --repair` sees to it"
                    .to_owned(),
            },
            failure => failure,
        })?;
        let (mut total, mut partitions) = (Amount::default(), BTreeMap::<String, Amount>::new());
        for file in Manifest::live(&commits).into_values() {
            let partition = partitions.entry(file.partition().to_owned()).or_default();
            for amount in [partition, &mut total] {
                amount.rows = amount.rows.saturating_add(file.rows);
                amount.files += 1;
                amount.bytes = amount.bytes.saturating_add(file.bytes);
            }
        }
        let commits = commits.into_iter().map(CommitSummary::from_manifest).collect();
        Ok(Self { total, partitions, commits, is_commit_open, schema })
    }
}

impl CommitSummary {
    fn from_manifest(manifest: Manifest) -> Self {
        let Manifest { commit, mode, run, rejects_file, .. } = manifest;
        Self {
            commit,
            committed_at: run.committed_at,
            mode,
            run_id: run.run_id,
            version: run.version,
            model: run.model,
            inputs: run.inputs.len() as u64,
            rows: run.rows,
            rejected: run.rejected,
            rejects_file,
        }
    }
}
