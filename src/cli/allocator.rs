//! The allocator, and how the process is kept below `--memory`.

#![expect(unsafe_code, reason = "asking jemalloc to give memory back is a call of C")]

use std::{fs, ptr};

/// Row groups of all sizes come and go on all threads. The system's allocator keeps a part of each; this one does not.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// From this share of the limit on, in percent, memory that was freed is given back at once. Below it, it is kept for a
/// while, since it is nearly always wanted again, and the system would have to zero it.
const GIVES_BACK_FROM: u64 = 75;

/// Keeps what the process takes below `limit` bytes, as far as that is memory that was freed. To be called often; where
/// the system does not tell what the process takes nothing is done.
pub fn keep_below(limit: u64) {
    if resident_bytes().is_some_and(|bytes| bytes > limit / 100 * GIVES_BACK_FROM) {
        give_back();
    }
}

/// What the process takes of the machine's memory.
fn resident_bytes() -> Option<u64> {
    let sizes = fs::read_to_string("/proc/self/statm").ok()?;
    let pages: u64 = sizes.split(' ').nth(1)?.parse().ok()?;
    Some(pages * rustix::param::page_size() as u64)
}

/// Gives all memory that was freed back to the system.
fn give_back() {
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
        if resident_bytes().is_none() {
            return;
        }
        // Larger ones are given back anyway.
        drop(std::hint::black_box(vec![vec![1_u8; 1 << 20]; 256]));
        let kept = resident_bytes().unwrap();
        keep_below(u64::MAX);
        assert!(resident_bytes().unwrap() > 256 << 20, "{kept}");
        keep_below(kept);
        let left = resident_bytes().unwrap();
        assert!(left < kept - (200 << 20), "{kept} before, {left} after");
    }
}
