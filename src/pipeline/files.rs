//! The staged files of all partitions. Row groups are encoded in any order and appended in the order of their tickets.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, OnceLock, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use super::background_sync::BackgroundSync;
use crate::{
    encode::{EncodedRowGroup, FileSchema, FinishedFile, Footer, StagedFileWriter},
    error::{Error, Result},
};

/// The position of a row group among those of its partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct RowGroupTicket {
    partition: usize,
    number: u64,
    is_last: bool,
}

/// The files of one partition.
pub struct PartitionFiles {
    /// Folder, relative to the dataset.
    pub path: String,
    /// The files, in the order of writing.
    pub files: Vec<PartitionFile>,
}

/// A file of a partition.
pub enum PartitionFile {
    /// Unfinished, so it lacks its footer: it was full, or its partition ended, before the run id was known; or it
    /// became full while spilled rows were read back.
    Open(Box<StagedFileWriter>),
    /// Finished together with its last row group.
    Finished(Box<FinishedFile>),
}

/// Number of values of each leaf, in schema order.
#[derive(Debug, Clone, Default)]
pub(super) struct LeafCounts(Vec<u64>);

impl LeafCounts {
    pub fn add(&mut self, counts: impl IntoIterator<Item = u64>) {
        for (leaf, count) in counts.into_iter().enumerate() {
            if leaf == self.0.len() {
                self.0.push(0);
            }
            self.0[leaf] += count;
        }
    }

    fn first_difference(&self, expected: &Self) -> Option<String> {
        let leaves = 0..self.0.len().max(expected.0.len());
        let [written, expected] = [self, expected].map(|counts| move |leaf| counts.0.get(leaf).copied().unwrap_or(0));
        leaves
            .map(|leaf| (leaf, written(leaf), expected(leaf)))
            .find(|(_, written, expected)| written != expected)
            .map(|(leaf, written, expected)| format!("leaf {leaf}: {written} written, {expected} expected"))
    }
}

/// The files of a run.
pub(super) struct FileSet {
    staging: PathBuf,
    schema: Arc<FileSchema>,
    target_bytes: u64,
    /// Maximum row groups of a file: the metadata of all of them is in memory together while its footer is written.
    max_row_groups: u64,
    partitions: Mutex<Vec<Arc<Mutex<Partition>>>>,
    /// Encoded row groups that wait for an earlier one, in all partitions.
    num_out_of_order: AtomicUsize,
    /// Values of each leaf in all files so far, checked at the end.
    num_values: Mutex<LeafCounts>,
    /// Set once all input was read.
    footer: OnceLock<Footer>,
    background_sync: BackgroundSync,
}

#[derive(Default)]
struct Partition {
    tickets: u64,
    appended: u64,
    /// Whether the partition's last row group was encoded; earlier ones may still be missing.
    has_last: bool,
    /// Encoded row groups that wait for an earlier one, by number.
    ahead: BTreeMap<u64, EncodedRowGroup>,
    files: Vec<PartitionFile>,
}

impl FileSet {
    pub fn new(
        staging: PathBuf,
        schema: Arc<FileSchema>,
        target_bytes: u64,
        max_row_groups: u64,
        background_sync: BackgroundSync,
    ) -> Self {
        Self {
            staging,
            schema,
            target_bytes,
            max_row_groups,
            partitions: Mutex::new(Vec::new()),
            num_out_of_order: AtomicUsize::new(0),
            num_values: Mutex::new(LeafCounts(Vec::new())),
            footer: OnceLock::new(),
            background_sync,
        }
    }

    /// Sets what the footers contain. Must be called before the first row group that is the last of its partition.
    pub fn set_footer(&self, footer: Footer) {
        self.footer.get_or_init(|| footer);
    }

    /// Reserves the position of the next row group of a partition.
    pub fn ticket(&self, partition: usize, is_last: bool) -> RowGroupTicket {
        let slot = self.slot(partition);
        let mut slot = slot.lock().unwrap_or_else(PoisonError::into_inner);
        slot.tickets += 1;
        RowGroupTicket { partition, number: slot.tickets - 1, is_last }
    }

    /// Appends a row group as soon as all before it were appended.
    pub fn append(&self, ticket: RowGroupTicket, group: EncodedRowGroup) -> Result<()> {
        let slot = self.slot(ticket.partition);
        let mut slot = slot.lock().unwrap_or_else(PoisonError::into_inner);
        slot.has_last |= ticket.is_last;
        slot.ahead.insert(ticket.number, group);
        self.num_out_of_order.fetch_add(1, Ordering::Relaxed);
        loop {
            let next = slot.appended;
            let Some(group) = slot.ahead.remove(&next) else { return Ok(()) };
            self.num_values.lock().unwrap_or_else(PoisonError::into_inner).add(group.leaf_values());
            self.num_out_of_order.fetch_sub(1, Ordering::Relaxed);
            slot.appended += 1;
            let mut file = match slot.files.pop() {
                Some(PartitionFile::Open(file)) if self.has_room(&file) => file,
                full => {
                    slot.files.extend(full);
                    let name = format!("{}-{}.staged", ticket.partition, slot.files.len());
                    Box::new(StagedFileWriter::create(self.staging.join(name), Arc::clone(&self.schema))?)
                }
            };
            let is_last = slot.has_last && slot.appended == slot.tickets;
            let file = if let (Some(footer), true) = (self.footer.get(), is_last) {
                file.append_and_finish(group, footer)?.map(|file| PartitionFile::Finished(Box::new(file)))
            } else {
                let is_large = group.byte_size() >= BackgroundSync::MIN_BYTES;
                file.append(group)?;
                if is_large {
                    self.background_sync.add(file.path().to_path_buf())?;
                }
                Some(PartitionFile::Open(file))
            };
            slot.files.extend(file);
        }
    }

    /// Whether a file can take another row group.
    fn has_room(&self, file: &StagedFileWriter) -> bool {
        file.bytes_written() < self.target_bytes && file.num_row_groups() < self.max_row_groups
    }

    /// Folder of the staged files.
    pub fn staging(&self) -> &Path {
        &self.staging
    }

    /// Number of encoded row groups that wait for an earlier one.
    pub fn num_out_of_order(&self) -> usize {
        self.num_out_of_order.load(Ordering::Relaxed)
    }

    /// Compares the values in the files with those that should have been written.
    ///
    /// # Errors
    /// [`Error::Bug`] if they differ.
    pub fn check_values(&self, expected: &LeafCounts) -> Result<()> {
        let written = self.num_values.lock().unwrap_or_else(PoisonError::into_inner);
        match written.first_difference(expected) {
            None => Ok(()),
            Some(difference) => Err(Error::Bug(format!("values of rows and of files differ at {difference}"))),
        }
    }

    /// Returns all files by partition, and the footer of the unfinished ones; `paths` are the partitions' folders.
    ///
    /// # Errors
    /// [`Error::Io`] if a background sync failed; [`Error::Bug`] if a row group or the footer is missing.
    pub fn into_partitions(self, paths: &[String]) -> Result<(Vec<PartitionFiles>, Footer)> {
        self.background_sync.finish()?;
        let slots = self.partitions.into_inner().unwrap_or_else(PoisonError::into_inner);
        let mut partitions = Vec::with_capacity(slots.len());
        for (path, slot) in paths.iter().zip(slots) {
            let slot = Arc::into_inner(slot).map(|slot| slot.into_inner().unwrap_or_else(PoisonError::into_inner));
            let slot = slot.ok_or_else(|| Error::Bug(format!("{path}: it is still being written")))?;
            if slot.appended != slot.tickets {
                return Err(Error::Bug(format!("{path}: {} of {} row groups", slot.appended, slot.tickets)));
            }
            partitions.push(PartitionFiles { path: path.clone(), files: slot.files });
        }
        let footer = self.footer.into_inner();
        let footer = footer.ok_or_else(|| Error::Bug("the input has not come to its end".to_owned()))?;
        Ok((partitions, footer))
    }

    fn slot(&self, partition: usize) -> Arc<Mutex<Partition>> {
        let mut partitions = self.partitions.lock().unwrap_or_else(PoisonError::into_inner);
        while partitions.len() <= partition {
            partitions.push(Arc::default());
        }
        Arc::clone(&partitions[partition])
    }
}
