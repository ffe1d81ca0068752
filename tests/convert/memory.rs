//! Memory does not grow with the input.

use std::{fs, io::Write};

use crate::{
    data::{export, lines},
    run::{Folder, Run, watched},
};

/// Without optimisation the same is seen on less.
const SIZES: [usize; 2] = if cfg!(debug_assertions) { [30, 90] } else { [100, 300] };

/// Greatest resident memory of a run over so many MiB, in KiB.
fn peak(folder: &Folder, mib: usize, options: &[&str]) -> u64 {
    let block = lines(&export(1200, 90));
    let mut file = fs::File::create(folder.path("in.ndjson")).unwrap();
    for _ in 0..(mib << 20).div_ceil(block.len()) {
        file.write_all(block.as_bytes()).unwrap();
    }
    let out = format!("out{mib}");
    let mut child = folder.command(&[&["convert", "in.ndjson", "--out", &out], options].concat()).spawn().unwrap();
    let peak = watched(&mut child);
    Run::of(child).ended_with(0);
    peak
}

#[test]
#[cfg(target_os = "linux")]
fn three_times_the_input_takes_the_same_memory() {
    let folder = Folder::new();
    // So little that the bounds of all queues and buffers are reached by the smaller input as well.
    let options = ["--threads", "2", "--memory", "32MiB"];
    let [small, large] = SIZES.map(|mib| peak(&folder, mib, &options));
    assert!(small > 10_000, "{small} KiB: not measured");
    assert!(large * 4 < small * 5, "{small} KiB for {} MiB and {large} KiB for {} MiB", SIZES[0], SIZES[1]);
}
