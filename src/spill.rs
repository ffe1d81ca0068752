//! Rows that do not fit in memory: they stay in the staging folder until all input was read.
//!
//! ```text
//! rows of partitions 0 1 2 ... 9999 -> NUM_SPILL_FILES files, partition p in file p % NUM_SPILL_FILES -> one by one:
//!                                      batches of rows of mixed partitions              few partitions at a time
//! ```
//!
//! With thousands of open partitions, each would get a row group of a few rows whenever memory is full. So the rows go
//! to disk instead and are read back share by share: the partitions of one share fit in memory, and the rows of a
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

/// Number of files (shares) that the partitions are spread over. When a share is read back, its partitions are open
/// together: at most 1,563, since a run may have 100,000 partitions.
pub const NUM_SPILL_FILES: usize = 64;

/// The spill files of one run. A file is open only while it is written to or read from.
#[derive(Debug)]
pub struct SpillFiles {
    dir: PathBuf,
    shares: Vec<SpillFile>,
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
        Self { dir, shares: (0..NUM_SPILL_FILES).map(|_| SpillFile::default()).collect() }
    }

    /// Appends batch `number` to the file of a share.
    ///
    /// # Errors
    /// [`Error::Io`] if the system refuses.
    pub fn append(&mut self, share: usize, number: u64, batch: &[u8]) -> Result<()> {
        let path = self.path(share);
        let share = &mut self.shares[share];
        let mut file = OpenOptions::new().append(true).create(true).open(&path).map_err(Error::io("create", &path))?;
        file.write_all(batch).map_err(Error::io("write", &path))?;
        share
            .batches
            .insert(number, SpilledBatch { path, offset: share.len, len: batch.len(), digest: xxh3_64(batch) });
        share.len += batch.len() as u64;
        Ok(())
    }

    /// Bytes written to all shares, including those removed since.
    #[must_use]
    pub fn bytes_written(&self) -> u64 {
        self.shares.iter().map(|share| share.len).sum()
    }

    /// The location of batch `number` of a share.
    ///
    /// # Errors
    /// [`Error::Bug`] for a batch that was not written.
    pub fn batch(&self, share: usize, number: u64) -> Result<SpilledBatch> {
        let batch = self.shares[share].batches.get(&number).cloned();
        batch.ok_or_else(|| Error::Bug(format!("{} has no batch {number}", self.path(share).display())))
    }

    /// Deletes the file of a share, which frees its disk space.
    ///
    /// # Errors
    /// [`Error::Io`] if the system refuses.
    pub fn remove(&mut self, share: usize) -> Result<()> {
        let path = self.path(share);
        if self.shares[share].batches.is_empty() {
            return Ok(());
        }
        self.shares[share].batches.clear();
        fs::remove_file(&path).map_err(Error::io("remove", &path))
    }

    fn path(&self, share: usize) -> PathBuf {
        self.dir.join(format!("{share}.spilled"))
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
