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
//! There are no stage threads. Every worker repeatedly takes the step nearest to the output that has work. So no core
//! waits while there is work anywhere, one thread runs the same code as many, and the queues stay bounded because
//! workers stop reading when they are full. The worker that read a block decodes it, while it is in its cache; only of
//! compressed inputs blocks are read ahead, because the others would wait for them. Reading and routing are done by one
//! worker at a time, which keeps the rows in input order, and row groups are cut by the routed rows alone. So the
//! output does not depend on the number of threads or on timing.

mod account;
mod background_sync;
mod files;
mod in_order;
pub mod memory;
mod refusal;
mod state;
mod steps;

pub use account::Totals;
pub use files::{PartitionFile, PartitionFiles};
pub(crate) use refusal::LostDocument;

use std::{path::PathBuf, sync::Arc};

use rayon::{ThreadPool, prelude::*};

use crate::{
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

/// Maximum number of blocks between reading and routing, per thread: one is being read or decoded, the others wait for
/// their turn.
pub const MAX_BLOCKS_PER_THREAD: usize = 3;

/// Buffers and columns of a block are reused unless they grew beyond this many bytes: one huge record must not hold its
/// memory for the rest of the run.
pub const MAX_SPARE_BYTES: usize = 8 << 20;

/// A partition that got no row in this many blocks has its row group written, if it is large enough (`Budget::idle`):
/// in input in time order, a day that is over need not wait for the end of the run.
pub const IDLE_BLOCKS: u64 = 8;

/// After this many blocks a smaller row group is written too (`Budget::spill_below`): the rows that each day leaves
/// after its last full row group would otherwise wait for the end in ever more memory. The price is more and smaller
/// row groups for partitions that get rows again later.
pub const LONG_IDLE_BLOCKS: u64 = 64;

/// A run from inputs to staged files.
pub struct Run<'a> {
    /// The inputs, in reading order.
    pub inputs: Vec<InputFile>,
    /// Limits of reading.
    pub read: ReadOptions,
    /// What the decoder does with each member of a record.
    pub plan: Arc<Plan>,
    /// How rows are assigned to partitions.
    pub partitions: PartitionPlan,
    /// Schema and properties of the data files.
    pub file_schema: Arc<FileSchema>,
    /// Number of rows of a full row group.
    pub row_group_rows: usize,
    /// A file that has reached this many bytes gets no further row group.
    pub target_file_bytes: u64,
    /// Memory of the run, bytes.
    pub memory_bytes: u64,
    /// Worker threads.
    pub threads: usize,
    /// Folder of the staged files.
    pub staging: PathBuf,
    /// Where refused records go.
    pub rejects: RejectsWriter,
    /// How many records may be refused.
    pub max_rejects: MaxRejects,
    /// Makes the footers' key-value metadata, once all inputs are known.
    pub footer: FooterOf<'a>,
    /// Receives progress, provides the clock, and can stop the run.
    pub observer: &'a dyn Observer,
}

/// Makes the key-value metadata of the footers from the totals of all inputs.
pub type FooterOf<'a> = Box<dyn Fn(&Totals) -> Vec<(String, String)> + Send + Sync + 'a>;

/// What a run has staged. Some files still lack their footers, which name the run: its id is known only once all input
/// was read.
pub struct Staged {
    /// Counts of the whole run.
    pub totals: Totals,
    /// The files of each partition, in the order of partitions.
    pub files: Vec<PartitionFiles>,
    /// What the missing footers contain.
    footer: Footer,
    /// Rejects, ready to be published.
    pub rejects: RejectsWriter,
    /// Busy time of all threads, by stage, in seconds.
    pub busy: StageSeconds,
    /// The worker threads, which also write the missing footers.
    pool: ThreadPool,
    /// File system of the staged files; it was opened before any of them was written.
    file_system: FileSystem,
    staging: PathBuf,
}

impl Staged {
    /// Writes the missing footers, several at a time, and waits until all files are on disk. Returns every file with
    /// its partition's folder, by partition and within it in the order of writing.
    ///
    /// # Errors
    /// [`Error::Io`] if a file cannot be written or synced.
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
        // Large footers take memory, so at most `FOOTERS_AT_ONCE` are built at the same time.
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
    /// [`Error::Rejected`] or a read error, whichever comes first by input and byte; [`Error::Io`] if output cannot be
    /// written; [`Error::Interrupted`] if the observer asked to stop; [`Error::Usage`] if the threads cannot be started;
    /// [`Error::Limit`] beyond a limit of the output, such as that of partitions; [`Error::Bug`].
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
