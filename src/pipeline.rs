//! All stages at work at once: the only place that knows every stage, and the only one with threads and queues.
//!
//! ```text
//!            one at a time        any worker           one at a time, in block order       any worker
//! inputs -> [read and split] -> [decode a block] -> [account, route rows to partitions] -> [encode a row group]
//!                |                   |                         |                                |
//!           in flight: at most MAX_BLOCKS_PER_THREAD    buffered rows: at most a share     appended to its file
//!           blocks for each thread                      of the memory                      in order
//! ```
//!
//! There are no stage threads. Every worker looks for the step nearest to the output that has work, does it, and looks
//! again; so no core waits while there is work anywhere, one thread does the same as many, and the queues are bounded by
//! not reading on. Reading and routing are done by one worker at a time, which makes the order of rows that of the input;
//! row groups are cut by the routed rows alone. So the output does not depend on the number of threads or on timing.

mod account;
mod background_sync;
mod files;
mod in_order;
pub mod memory;
mod state;
mod steps;

pub use account::Totals;
pub use files::{PartitionFile, PartitionFiles};

use std::{path::PathBuf, sync::Arc};

use rayon::{ThreadPool, prelude::*};

use crate::{
    columns::ColumnShape,
    config::MaxRejects,
    dataset::{FileSystem, RejectsWriter, sync_file},
    encode::{FileSchema, FinishedFile, Footer, SyncWhen},
    error::{Error, Result},
    input::{ReadOptions, discover::InputFile},
    model::Plan,
    observe::Observer,
    partition::PartitionPlan,
    report::StageSeconds,
};

/// Blocks between reading and routing, for each thread: one being read or decoded, the others wait for their turn.
pub const MAX_BLOCKS_PER_THREAD: usize = 3;

/// Buffers and columns of a block are used again unless they had to grow beyond this: one huge record shall not keep its
/// memory for the rest of the run.
pub const MAX_SPARE_BYTES: usize = 8 << 20;

/// A partition that had no row in this many blocks gets its row group, if it is worth it: in input that is in order of
/// time, a day that is over need not wait for the end.
pub const IDLE_BLOCKS: u64 = 8;

/// After so many a smaller one is worth it, too: where each day leaves some rows behind its last full row group, these would wait
/// for the end in ever more memory. Partitions that come back after a while have more and smaller row groups for it.
pub const LONG_IDLE_BLOCKS: u64 = 64;

/// A run from inputs to staged files.
pub struct Run<'a> {
    /// What to read, in order.
    pub inputs: Vec<InputFile>,
    /// Limits of reading.
    pub read: ReadOptions,
    /// What to make of it.
    pub plan: Arc<Plan>,
    /// Where rows go.
    pub partitions: PartitionPlan,
    /// What the files look like.
    pub file_schema: Arc<FileSchema>,
    /// Shapes of the table's columns.
    pub shapes: Vec<ColumnShape>,
    /// Rows of a full row group.
    pub row_group_rows: usize,
    /// Bytes at which a file is closed and the next begun.
    pub target_file_bytes: u64,
    /// Memory of the run, bytes.
    pub memory_bytes: u64,
    /// Worker threads.
    pub threads: usize,
    /// Folder of the staged files.
    pub staging: PathBuf,
    /// Where refused records go.
    pub rejects: RejectsWriter,
    /// How many of them there may be.
    pub max_rejects: MaxRejects,
    /// What the footers say of the run, once all its inputs are known.
    pub footer: FooterOf<'a>,
    /// Who watches.
    pub observer: &'a dyn Observer,
}

/// Key values for the footers, of the account of all inputs.
pub type FooterOf<'a> = Box<dyn Fn(&Totals) -> Vec<(String, String)> + Send + Sync + 'a>;

/// What a run has staged. Some files lack their footers: these name the run, whose id is known only now.
pub struct Staged {
    /// The account.
    pub totals: Totals,
    /// The files of each partition.
    pub files: Vec<PartitionFiles>,
    /// How files end.
    footer: Footer,
    /// Rejects, ready to be published.
    pub rejects: RejectsWriter,
    /// The work of all threads.
    pub busy: StageSeconds,
    /// The workers.
    pool: ThreadPool,
    /// Of the staged files, opened before them.
    file_system: FileSystem,
    staging: PathBuf,
}

impl Staged {
    /// Writes the footers that are missing, several at a time, and waits until all files are on disk. Gives every file with
    /// its partition's folder, by partition, in the order in which it was written.
    ///
    /// # Errors
    /// [`Error::Io`] when the system refuses.
    pub fn finish_files(&mut self) -> Result<Vec<(String, FinishedFile)>> {
        let files: Vec<(String, PartitionFile)> = self
            .files
            .drain(..)
            .flat_map(|PartitionFiles { path, files }| files.into_iter().map(move |file| (path.clone(), file)))
            .collect();
        let footer = &self.footer;
        let finish = |(path, file)| {
            let file = match file {
                PartitionFile::Open(writer) => writer.finish(footer)?,
                PartitionFile::Finished(file) => Some(*file),
            };
            Ok(file.map(|file| (path, file)))
        };
        // Large footers take memory: with many threads not all of them are at it.
        let least = if self.pool.current_num_threads() > memory::FOOTERS_AT_ONCE {
            files.len().div_ceil(memory::FOOTERS_AT_ONCE)
        } else {
            1
        };
        let files = files.into_par_iter().with_min_len(least.max(1));
        let files: Vec<Option<(String, FinishedFile)>> =
            self.pool.install(|| files.map(finish).collect::<Result<_>>())?;
        let files: Vec<(String, FinishedFile)> = files.into_iter().flatten().collect();
        if footer.sync == SyncWhen::Later && !self.file_system.sync().map_err(Error::io("sync", &self.staging))? {
            files.iter().try_for_each(|(_, file)| sync_file(&file.path))?;
        }
        Ok(files)
    }
}

impl Run<'_> {
    /// Reads, decodes, routes and encodes everything.
    ///
    /// # Errors
    /// The earliest by input and byte if records were refused or an input cannot be read; whatever the system refuses;
    /// [`Error::Interrupted`] when the observer asked for it.
    pub fn stage(self) -> Result<Staged> {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(self.threads)
            .thread_name(|index| format!("worker-{index}"))
            .build()
            .map_err(|error| Error::usage(format!("cannot start {} threads: {error}", self.threads), "use fewer"))?;
        let steps = steps::Steps::new(self)?;
        pool.broadcast(|_| steps.work());
        steps.finish(pool)
    }
}
