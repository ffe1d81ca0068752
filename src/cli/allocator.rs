//! The allocator, and how the process is kept below `--memory`.

#![expect(unsafe_code, reason = "asking jemalloc to give memory back is a call of C")]

use std::{
    fs, ptr,
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, Instant},
};

/// Row groups of all sizes come and go on all threads. The system's allocator keeps a part of each; this one does not.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// From this share of the limit on, in percent, memory that was freed is given back at once. Below it, it is kept for a
/// while, since it is nearly always wanted again, and the system would have to zero it.
const GIVES_BACK_FROM: u64 = 75;

/// How often it is looked at what the process takes: asking the system takes some microseconds.
const INTERVAL: Duration = Duration::from_millis(2);

/// The same after memory was to be given back and there was little.
const LONG_INTERVAL: Duration = Duration::from_millis(20);

/// Looks after the memory of the process.
pub struct MemoryMonitor {
    /// What the process may take, bytes.
    limit: u64,
    /// When it is looked at again, microseconds since `started`.
    next: AtomicU64,
    started: Instant,
}

impl MemoryMonitor {
    pub fn new(limit: u64) -> Self {
        Self { limit, next: AtomicU64::new(0), started: Instant::now() }
    }

    /// Gives back what was freed, since much will be taken, unless there is far more than enough.
    pub fn release_free_memory(&self) {
        if resident_bytes().is_some_and(|bytes| bytes > self.limit / 4) {
            release_free_memory();
        }
    }

    /// Keeps what the process takes below the limit, as far as that is memory that was freed. To be called often.
    pub fn look(&self) {
        let now = self.started.elapsed().as_micros() as u64;
        if now >= self.next.load(Ordering::Relaxed) {
            // Where there was nothing to be given back there will not be much the next moment.
            let interval = if keep_below(self.limit) { INTERVAL } else { LONG_INTERVAL };
            self.next.store(now + interval.as_micros() as u64, Ordering::Relaxed);
        }
    }
}

/// Whether it is worth looking again soon. Where the system does not tell what the process takes nothing is done.
fn keep_below(limit: u64) -> bool {
    let Some(before) = resident_bytes() else { return false };
    if before <= limit / 100 * GIVES_BACK_FROM {
        return true;
    }
    release_free_memory();
    resident_bytes().is_some_and(|after| after + limit / 32 < before)
}

/// What the process takes of the machine's memory.
fn resident_bytes() -> Option<u64> {
    let sizes = fs::read_to_string("/proc/self/statm").ok()?;
    let pages: u64 = sizes.split(' ').nth(1)?.parse().ok()?;
    Some(pages * rustix::param::page_size() as u64)
}

/// Gives all memory that was freed back to the system.
fn release_free_memory() {
    // SAFETY: the name is a C string; the command takes and gives no value. 4096 stands for all arenas.
    unsafe {
        tikv_jemalloc_sys::mallctl(c"arena.4096.purge".as_ptr(), ptr::null_mut(), ptr::null_mut(), ptr::null_mut(), 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_freed_is_given_back_beyond_the_limit() {
        let Some(before) = resident_bytes() else { return };
        // Larger ones are given back anyway. Each other one stays, so that nothing is given back by itself.
        let mut pieces: Vec<Vec<u8>> = (0..200).map(|_| vec![1; 1 << 20]).collect();
        let mut odd = false;
        pieces.retain(|_| {
            odd = !odd;
            odd
        });
        let kept = resident_bytes().unwrap();
        assert!(kept > before + (150 << 20), "{before} before, {kept} now");
        keep_below(u64::MAX);
        assert!(resident_bytes().unwrap() > before + (150 << 20), "far from the limit");
        keep_below(kept);
        let left = resident_bytes().unwrap();
        assert!(left + (60 << 20) < kept, "{kept} before, {left} now");
        assert_eq!(std::hint::black_box(pieces).len(), 100);
    }
}
