//! Rows that memory has no room for: in the staging folder until all input was read.
//!
//! ```text
//! rows of partitions 0 1 2 ... 9999  ->  SHARES files, partition p in file p % SHARES  ->  one file after the other:
//!                                        batches of rows of mixed partitions               few partitions at a time
//! ```
//!
//! With thousands of open partitions each would get a row group of a few rows whenever the memory is full. So the rows
//! go to disk instead, and come back share by share: the partitions of one share fit in memory, and the rows of a
//! partition come in the order in which they went.
//!
//! [`encode`] and [`decode`] know no file and can be called by any thread; [`SpillFiles`] knows nothing of rows.

mod codec;

pub use codec::{decode, encode};

use std::{
    collections::BTreeMap,
    fs::{self, File, OpenOptions},
    io::{Read, Seek, SeekFrom, Write},
    path::PathBuf,
    sync::{Mutex, MutexGuard, PoisonError},
};

use crate::error::{Error, Result};

/// Files that the partitions are dealt to. At the end a share's partitions are open together: with the most partitions
/// that a run may have, 1,563.
pub const SHARES: usize = 64;

/// The files of one run. A file is open only while it is written to or read from.
#[derive(Debug)]
pub struct SpillFiles {
    dir: PathBuf,
    shares: Vec<Mutex<Share>>,
}

#[derive(Debug, Default)]
struct Share {
    len: u64,
    /// By number.
    batches: BTreeMap<u64, Batch>,
}

/// Where a batch stands in its file. Batches are written in any order.
#[derive(Debug, Clone, Copy)]
struct Batch {
    offset: u64,
    len: usize,
}

impl SpillFiles {
    /// Files in `dir`, which must exist when the first batch comes.
    #[must_use]
    pub fn new(dir: PathBuf) -> Self {
        Self { dir, shares: (0..SHARES).map(|_| Mutex::default()).collect() }
    }

    /// Writes batch `number` of a share.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn append(&self, share: usize, number: u64, batch: &[u8]) -> Result<()> {
        let path = self.path(share);
        let mut share = self.share(share);
        let mut file = OpenOptions::new().append(true).create(true).open(&path).map_err(Error::io("create", &path))?;
        file.write_all(batch).map_err(Error::io("write", &path))?;
        let offset = share.len;
        share.len += batch.len() as u64;
        share.batches.insert(number, Batch { offset, len: batch.len() });
        Ok(())
    }

    /// Bytes of all shares, also of those removed since.
    #[must_use]
    pub fn bytes_written(&self) -> u64 {
        (0..SHARES).map(|share| self.share(share).len).sum()
    }

    /// Batch `number` of a share.
    ///
    /// # Errors
    /// [`Error::Io`]; [`Error::Bug`] for a batch that was not written.
    pub fn read(&self, share: usize, number: u64) -> Result<Vec<u8>> {
        let path = self.path(share);
        let batch = self.share(share).batches.get(&number).copied();
        let Some(Batch { offset, len }) = batch else {
            return Err(Error::Bug(format!("{} has no batch {number}", path.display())));
        };
        let mut bytes = vec![0; len];
        let mut file = File::open(&path).map_err(Error::io("open", &path))?;
        file.seek(SeekFrom::Start(offset)).map_err(Error::io("read", &path))?;
        file.read_exact(&mut bytes).map_err(Error::io("read", &path))?;
        Ok(bytes)
    }

    /// Gives the disk space of a share back.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn remove(&self, share: usize) -> Result<()> {
        let path = self.path(share);
        if self.share(share).batches.is_empty() {
            return Ok(());
        }
        fs::remove_file(&path).map_err(Error::io("remove", &path))
    }

    fn path(&self, share: usize) -> PathBuf {
        self.dir.join(format!("{share}.spilled"))
    }

    fn share(&self, share: usize) -> MutexGuard<'_, Share> {
        self.shares[share].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
