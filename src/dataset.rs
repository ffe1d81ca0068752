//! The folder of a dataset: what it contains, who may write to it, and how the files of a run become visible all at
//! once.
//!
//! ```text
//! DIR/start_time_day=2025-07-01/part-00000-RUN.parquet      data files, listed by the commits
//! DIR/_partiquet/lock                                       held by the process that writes
//!               /staging/...                                files of a run that is not committed
//!               /shares/RUN/SHARE/...                       files of a run that several processes stage
//!               /intent.json                                what a commit under way is doing
//!               /rejects/RUN.ndjson                         refused records
//!               /schema.json                                what the columns are
//!               /commits/N.json                             one per run, written last: it makes the run valid
//! ```
//!
//! Readers that search `**/*.parquet` also look into `_partiquet`, so no file in it has that extension. A final path
//! never holds a partial file: files are written and synced in staging, and a rename gives them their names.
//!
//! This module does not know the contents of a data file.

pub mod commit;
mod document;
mod files;
pub mod inspect;
mod intent;
mod layout;
pub mod lock;
pub mod manifest;
pub mod rejects;
pub mod run_id;
pub mod schema_file;
pub mod share;
pub mod stage;
pub mod summary;

pub use commit::{Committed, StagedFile, StagedRun};
pub use document::is_as_written;
pub use files::{FileSystem, MAX_SYNCED_ONE_BY_ONE, sync_file};
pub use intent::Recovered;
pub use layout::META;
pub(crate) use layout::{COMMITS, INTENT_FILE, SCHEMA_FILE, commit_file, is_meta};
pub use manifest::{Manifest, RunRecord};
pub use rejects::RejectsWriter;
pub use run_id::run_id;
pub use schema_file::SchemaDocument;
pub use share::{Fragment, Share};
pub use stage::{Dataset, staged_rejects_path};
pub use summary::DatasetSummary;
