//! The allocator, and how the resident memory of the process is kept below `--memory`.

#![expect(unsafe_code, reason = "asking jemalloc to give memory back is a call of C")]

use std::{
    fs, ptr,
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, Instant},
};

/// Row groups of all sizes are allocated and freed on all threads. The system's allocator retains a part of each;
/// jemalloc does not.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// Above this percentage of the limit, freed memory is returned to the system at once. Below it, the allocator keeps
/// freed memory for a while: it is nearly always needed again, and the system would have to zero it.
const RELEASE_THRESHOLD_PERCENT: u64 = 75;

/// Minimum time between two checks of the resident memory: asking the system takes some microseconds.
const INTERVAL: Duration = Duration::from_millis(2);

/// Interval after a release that returned little memory.
const LONG_INTERVAL: Duration = Duration::from_millis(20);

/// Keeps the resident memory of the process below a limit.
pub struct MemoryMonitor {
    /// Maximum resident memory, in bytes.
    limit: u64,
    /// Time of the next check, in microseconds since `started`.
    next: AtomicU64,
    started: Instant,
}

impl MemoryMonitor {
    pub fn new(limit: u64) -> Self {
        Self { limit, next: AtomicU64::new(0), started: Instant::now() }
    }

    /// Returns freed memory to the system before a large allocation, unless the process is far below the limit.
    pub fn release_free_memory(&self) {
        if resident_bytes().is_some_and(|bytes| bytes > self.limit / 4) {
            release_free_memory();
        }
    }

    /// Returns freed memory to the system when the process comes near the limit. To be called often.
    pub fn look(&self) {
        let now = self.started.elapsed().as_micros() as u64;
        if now >= self.next.load(Ordering::Relaxed) {
            // If little could be released now, little can be released a moment later.
            let interval = if keep_below(self.limit) { INTERVAL } else { LONG_INTERVAL };
            self.next.store(now + interval.as_micros() as u64, Ordering::Relaxed);
        }
    }
}

/// Returns whether another check is worthwhile soon. Does nothing where the system does not report the resident memory.
fn keep_below(limit: u64) -> bool {
    let Some(before) = resident_bytes() else { return false };
    if before <= limit / 100 * RELEASE_THRESHOLD_PERCENT {
        return true;
    }
    release_free_memory();
    resident_bytes().is_some_and(|after| after + limit / 32 < before)
}

/// Resident memory of the process, in bytes.
fn resident_bytes() -> Option<u64> {
    let sizes = fs::read_to_string("/proc/self/statm").ok()?;
    let pages: u64 = sizes.split(' ').nth(1)?.parse().ok()?;
    Some(pages * rustix::param::page_size() as u64)
}

/// Returns all freed memory to the system.
fn release_free_memory() {
    // SAFETY: the name is a C string; the command neither reads nor returns a value. 4096 (`MALLCTL_ARENAS_ALL`) means
    // all arenas.
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
        // Larger pieces are returned to the system anyway. Every other piece is kept, so that nothing is returned on
        // its own.
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
