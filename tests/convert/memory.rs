//! Memory does not grow with the input, and stays below `--memory`.

use std::{fs, io::Write, process::Stdio, thread};

use crate::{
    data::{export, lines},
    run::{Folder, Run, watched},
};

/// In unoptimized builds less data suffices.
const SIZES: [usize; 2] = if cfg!(debug_assertions) { [30, 90] } else { [100, 300] };

/// Peak resident memory of a run over this many MiB, in KiB.
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
    // So little that the smaller input already fills all queues and buffers.
    let options = ["--threads", "2", "--memory", "64MiB"];
    let [small, large] = SIZES.map(|mib| peak(&folder, mib, &options));
    assert!(small > 10_000, "{small} KiB: not measured");
    assert!(large * 4 < small * 5, "{small} KiB for {} MiB and {large} KiB for {} MiB", SIZES[0], SIZES[1]);
}

/// Additional size of unoptimized code, in MiB.
const UNOPTIMISED_CODE: u64 = if cfg!(debug_assertions) { 12 } else { 0 };

/// Peak resident memory of a conversion of `in.ndjson`, in MiB.
fn resident(folder: &Folder, memory: &str, partition_by: &str) -> u64 {
    let args = ["convert", "in.ndjson", "--out", "out", "--mode", "overwrite", "--threads", "2"];
    let options = ["--memory", memory, "--partition-by", partition_by];
    let mut child = folder.command(&[&args[..], &options].concat()).spawn().unwrap();
    let peak = watched(&mut child) >> 10;
    Run::of(child).ended_with(0);
    assert!(peak > 10, "{peak} MiB: not measured");
    peak.saturating_sub(UNOPTIMISED_CODE)
}

#[test]
#[cfg(target_os = "linux")]
fn the_process_stays_below_its_memory_whatever_the_partitions() {
    let folder = Folder::new();
    let block = lines(&export(6000, 91));
    folder.write("in.ndjson", block.repeat((SIZES[0] << 20) / block.len()));
    for partition_by in ["none", "day(start_time)", "bucket(150,id)", "bucket(1500,id)"] {
        let peak = resident(&folder, "64MiB", partition_by);
        assert!(peak < 64, "{partition_by}: {peak} MiB");
    }
}

#[test]
#[cfg(target_os = "linux")]
fn the_process_stays_below_its_memory_with_records_of_30_megabytes() {
    let folder = Folder::new();
    let note: String =
        (0..3_000_000_u64).map(|n| format!("{:010x}", n.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 24)).collect();
    let record =
        |n: u32| format!(r#"{{"id":"{n}","startTime":"2025-07-01T10:00:00Z","attributes":{{"note":"{note}"}}}}"#);
    folder.write("in.ndjson", lines(&[1, 2].map(record)));
    let peak = resident(&folder, "128MiB", "day(start_time)");
    assert!((60..128).contains(&peak), "{peak} MiB");
}

#[test]
#[cfg(target_os = "linux")]
fn of_a_pipe_no_more_is_kept_than_a_sample_and_a_record() {
    let folder = Folder::new();
    // A line that is longer than any record may be, and blanks before a record.
    for filling in [b'x', b' '] {
        let out = format!("out-{filling}");
        let args = ["convert", "-", "--out", &out, "--memory", "64MiB", "--max-rejects", "1"];
        let mut child = folder.command(&args).stdin(Stdio::piped()).spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        let writing = thread::spawn(move || {
            stdin.write_all(&vec![filling; 150 << 20])?;
            stdin.write_all(b"\n{\"id\":\"a\"}\n")
        });
        let peak = (watched(&mut child) >> 10).saturating_sub(UNOPTIMISED_CODE);
        writing.join().unwrap().unwrap();
        Run::of(child).ended_with(3);
        assert_eq!(folder.output(&out).column("id"), ["a"]);
        assert!((10..64).contains(&peak), "{peak} MiB");
    }
}
