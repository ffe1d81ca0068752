//! Rows that do not fit in memory: they stay in the staging folder until all input was read.
//!
//! ```text
//! rows of partitions 0 1 2 ... 9999 -> NUM_SPILL_FILES files, partition p in file p % NUM_SPILL_FILES -> one by one:
//!                                      batches of rows of mixed partitions              few partitions at a time
//! ```
//!
//! With thousands of open partitions, each would get a row group of a few rows whenever memory is full. So the rows go
//! to disk instead and are read back file by file: the partitions of one file fit in memory, and the rows of a
//! partition come back in the order in which they were written.
//!
//! [`encode`] and [`decode`] know no file and can be called by any thread; [`SpillFiles`] knows nothing of rows.

mod codec;

pub use codec::{decode, encode};

use std::{
    collections::BTreeMap,
    fs::{self, File, OpenOptions},
    io::{self, Read, Seek, SeekFrom, Write},
    path::PathBuf,
};

use xxhash_rust::xxh3::xxh3_64;

use crate::error::{Error, Result};

/// Number of files that the partitions are spread over. When a file is read back, its partitions are open
/// together: at most 1,563, since a run may have 100,000 partitions.
pub const NUM_SPILL_FILES: usize = 64;

/// The spill file of a partition.
#[must_use]
pub const fn file_of(partition: usize) -> usize {
    partition % NUM_SPILL_FILES
}

/// The index of a partition among those of its spill file.
#[must_use]
pub const fn index_in_file(partition: usize) -> usize {
    partition / NUM_SPILL_FILES
}

/// The partition with this index among those of a spill file.
#[must_use]
pub const fn partition_at(file: usize, index: usize) -> usize {
    index * NUM_SPILL_FILES + file
}

/// The spill files of one run. A file is open only while it is written to or read from.
#[derive(Debug)]
pub struct SpillFiles {
    dir: PathBuf,
    files: Vec<SpillFile>,
}

#[derive(Debug, Default)]
struct SpillFile {
    len: u64,
    /// Batches by number; they are written in any order.
    batches: BTreeMap<u64, SpilledBatch>,
}

/// The location of a batch on disk.
#[derive(Debug, Clone)]
pub struct SpilledBatch {
    path: PathBuf,
    offset: u64,
    len: usize,
    /// XXH3 of the bytes, to detect a disk that returns other bytes than were written.
    digest: u64,
}

impl SpillFiles {
    /// Spill files in `dir`, which must exist when the first batch is written.
    #[must_use]
    pub fn new(dir: PathBuf) -> Self {
        Self { dir, files: (0..NUM_SPILL_FILES).map(|_| SpillFile::default()).collect() }
    }

    /// Appends batch `number` to a file.
    ///
    /// # Errors
    /// [`Error::Io`] if the system refuses.
    pub fn append(&mut self, file: usize, number: u64, batch: &[u8]) -> Result<()> {
        let path = self.path(file);
        let SpillFile { len, batches } = &mut self.files[file];
        let mut output =
            OpenOptions::new().append(true).create(true).open(&path).map_err(Error::io("create", &path))?;
        output.write_all(batch).map_err(Error::io("write", &path))?;
        batches.insert(number, SpilledBatch { path, offset: *len, len: batch.len(), digest: xxh3_64(batch) });
        *len += batch.len() as u64;
        Ok(())
    }

    /// Bytes written to all files, including those removed since.
    #[must_use]
    pub fn bytes_written(&self) -> u64 {
        self.files.iter().map(|file| file.len).sum()
    }

    /// The location of batch `number` of a file.
    ///
    /// # Errors
    /// [`Error::Bug`] for a batch that was not written.
    pub fn batch(&self, file: usize, number: u64) -> Result<SpilledBatch> {
        let batch = self.files[file].batches.get(&number).cloned();
        batch.ok_or_else(|| Error::Bug(format!("{} has no batch {number}", self.path(file).display())))
    }

    /// Deletes a file, which frees its disk space.
    ///
    /// # Errors
    /// [`Error::Io`] if the system refuses.
    pub fn remove(&mut self, file: usize) -> Result<()> {
        let path = self.path(file);
        if self.files[file].batches.is_empty() {
            return Ok(());
        }
        self.files[file].batches.clear();
        fs::remove_file(&path).map_err(Error::io("remove", &path))
    }

    fn path(&self, file: usize) -> PathBuf {
        self.dir.join(format!("{file}.spilled"))
    }
}

impl SpilledBatch {
    /// Reads the bytes of the batch.
    ///
    /// # Errors
    /// [`Error::Io`], also if the bytes differ from those that were written.
    pub fn read(&self) -> Result<Vec<u8>> {
        let mut file = File::open(&self.path).map_err(Error::io("open", &self.path))?;
        let mut bytes = vec![0; self.len];
        let mut read = || file.seek(SeekFrom::Start(self.offset)).and_then(|_| file.read_exact(&mut bytes));
        read().map_err(Error::io("read", &self.path))?;
        if xxh3_64(&bytes) != self.digest {
            let other = io::Error::other("it does not give back what was written to it");
            return Err(Error::io("read", &self.path)(other));
        }
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests;
