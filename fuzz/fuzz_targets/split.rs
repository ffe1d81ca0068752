//! Reads arbitrary bytes as an input, in blocks and reads of any size, until reading fails.
//!
//! The first nine bytes are sizes (see [`way`]); the rest is the input.

#![no_main]

use libfuzzer_sys::fuzz_target;
use partiquet::input::ReadOptions;
use partiquet_fuzz::split::{Way, check};

/// Longer than what is read ahead to detect the layout.
const LONG_BYTES: usize = 80 << 10;

fuzz_target!(|data: &[u8]| {
    let Some((sizes, text)) = data.split_first_chunk::<9>() else { return };
    let way = way(sizes);
    if sizes[6] == 255 && !text.is_empty() {
        check(&text.repeat(LONG_BYTES.div_ceil(text.len())), &way);
    } else {
        check(text, &way);
    }
});

/// Block and record size in two bytes each, two sizes of reads, whether the input is long, and where reading fails.
fn way(sizes: &[u8; 9]) -> Way {
    let [block_0, block_1, record_0, record_1, read_0, read_1, long, fail_0, fail_1] = *sizes;
    let block_bytes = usize::from(u16::from_le_bytes([block_0, block_1]));
    let max_record_bytes = usize::from(u16::from_le_bytes([record_0, record_1])).max(1);
    let fails_at = usize::from(u16::from_le_bytes([fail_0, fail_1])) << u32::from(long == 255);
    Way {
        options: ReadOptions { block_bytes, max_record_bytes, ..ReadOptions::default() },
        reads: vec![read_0, read_1],
        fails_at: (fails_at > 0).then_some(fails_at),
    }
}
