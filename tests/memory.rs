//! `--memory` is a cap: the allocations of a run stay below it, whatever the records, their order and the partitions.
//!
//! Each case is a run of its own in this process, with a counting allocator. What the process takes beyond that (code,
//! stacks, memory that the allocator has freed and not returned) is tested in `convert/memory.rs`.
//!
//! `PARTIQUET_TEST_LONG=1 cargo test --release --test memory` runs the same cases on more data.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]
#![expect(unsafe_code, reason = "an allocator that counts")]

use std::{
    alloc::{GlobalAlloc, Layout, System},
    fmt::Write as _,
    fs::File,
    io::{BufWriter, Write as _},
    path::Path,
    sync::atomic::{AtomicUsize, Ordering},
};

use flate2::write::GzEncoder;
use partiquet::{
    Config, Error,
    config::{AttributeColumns, AttributeMap, Compression, MaxRejects, Mode, PartitionBy},
    convert,
    model::Model,
    observe::Silent,
    pipeline::memory::max_record_bytes_for,
};

struct Counting;

static ALLOCATED: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);

fn more(bytes: usize) {
    PEAK.fetch_max(ALLOCATED.fetch_add(bytes, Ordering::Relaxed) + bytes, Ordering::Relaxed);
}

// SAFETY: every call is forwarded to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        more(layout.size());
        // SAFETY: as the caller promises.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        more(layout.size());
        // SAFETY: as the caller promises.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        ALLOCATED.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: as the caller promises.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        // The old and the new block may both exist for a moment.
        more(new_size);
        ALLOCATED.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: as the caller promises.
        unsafe { System.realloc(pointer, layout, new_size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

#[derive(Clone, Copy)]
struct Input {
    bytes: usize,
    record_bytes: usize,
    attributes: usize,
    order: Order,
}

#[derive(Clone, Copy)]
enum Order {
    None,
    ByDay,
    /// By day, each day twice as long as the previous one, with late records all the time: no day is ever complete.
    Growing,
}

/// Writes bare participants over 28 days.
fn write(path: &Path, input: Input) {
    let mut file = BufWriter::new(File::create(path).unwrap());
    let records = (input.bytes / input.record_bytes).max(2);
    let mut chance = 0x9e37_79b9_7f4a_7c15_u64;
    let mut record = String::new();
    for number in 0..records {
        let mut next = || {
            chance ^= chance << 13;
            chance ^= chance >> 7;
            chance ^= chance << 17;
            chance
        };
        let day = match input.order {
            Order::None => next() as usize % 28,
            Order::ByDay => number * 28 / records,
            Order::Growing if next() % 100 == 0 => next() as usize % 6,
            Order::Growing => (number * 64 / records).max(1).ilog2() as usize,
        };
        record.clear();
        write!(record, r#"{{"id":"{:016x}","startTime":"2025-07-{:02}T10:00:00Z","attributes":{{"#, next(), day + 1)
            .unwrap();
        let value_bytes = (input.record_bytes.saturating_sub(80) / input.attributes).saturating_sub(16).max(1);
        for attribute in 0..input.attributes {
            let comma = if attribute == 0 { "" } else { "," };
            write!(record, r#"{comma}"key {attribute}":""#).unwrap();
            let end = record.len() + value_bytes;
            while record.len() < end {
                write!(record, "{:x}", next()).unwrap();
            }
            record.truncate(end);
            record.push('"');
        }
        record.push_str("}}\n");
        file.write_all(record.as_bytes()).unwrap();
    }
}

/// Maximum memory allocated at a time during a run, in MiB. `is_refused` says whether the run must be, for its rejects.
fn peak(input: &Path, memory: u64, partition_by: &str, max_rejects: MaxRejects, is_refused: bool) -> usize {
    let folder = tempfile::tempdir().unwrap();
    let config = Config {
        inputs: vec![input.into()],
        out: folder.path().join("out"),
        model: Model::load("call").unwrap(),
        partition_by: partition_by.parse::<PartitionBy>().unwrap().0,
        attribute_columns: AttributeColumns::default(),
        attribute_map: AttributeMap::default(),
        compression: Compression::DEFAULT,
        target_file_bytes: Config::DEFAULT_TARGET_FILE_BYTES,
        row_group_rows: Config::DEFAULT_ROW_GROUP_ROWS,
        threads: 2,
        memory_bytes: memory,
        max_record_bytes: max_record_bytes_for(memory).min(64 << 20),
        max_rejects,
        mode: Mode::Error,
        sort_by: Vec::new(),
        bloom_filter: Vec::new(),
        provenance: true,
        committed_at: "2025-07-01T00:00:00Z".to_owned(),
    };
    let before = ALLOCATED.load(Ordering::Relaxed);
    PEAK.store(before, Ordering::Relaxed);
    match convert(&config, &Silent) {
        Ok(report) => assert!(report.rows > 1 && !is_refused),
        Err(error) => assert!(matches!(error, Error::Rejected { .. }) && is_refused, "{error}"),
    }
    (PEAK.load(Ordering::Relaxed) - before) >> 20
}

/// All cases run one after another, because the counts are those of the whole process.
#[test]
fn what_a_run_allocates_stays_below_its_memory() {
    let is_long = std::env::var_os("PARTIQUET_TEST_LONG").is_some();
    let (much, many, cap) = if is_long { (300_usize << 20, 10_000, 1 << 20) } else { (20 << 20, 1500, 1 << 20) };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("in.ndjson");
    let usual = Input { bytes: much, record_bytes: 1000, attributes: 10, order: Order::None };
    let many = format!("bucket({many},id)");
    let days = ["none", "day(start_time)"];
    let shuffled = ["none", "bucket(150,id)", &many];
    let cases: [(&str, Input, u64, &[&str]); 9] = [
        ("in order", Input { order: Order::ByDay, ..usual }, 64, &days),
        ("days that grow", Input { order: Order::Growing, ..usual }, 64, &days[1..]),
        ("days that grow, 128", Input { order: Order::Growing, bytes: much * 2, ..usual }, 128, &days[1..]),
        ("shuffled", usual, 64, &shuffled),
        ("one attribute", Input { attributes: 1, record_bytes: 150, ..usual }, 64, &shuffled[..2]),
        ("5000 attributes", Input { attributes: 5000, record_bytes: 150_000, ..usual }, 64, &shuffled[..2]),
        ("records of 30 MB", Input { record_bytes: 30_000_000, attributes: 1, ..usual }, 128, &days),
        ("1,300,000 attributes", Input { record_bytes: 28_000_000, attributes: 1_300_000, ..usual }, 192, &days[..1]),
        ("of 5000 attributes", Input { record_bytes: 30_000_000, attributes: 5000, ..usual }, 128, &days[..1]),
    ];
    let mut beyond = Vec::new();
    for (name, input, mebibytes, partitionings) in cases {
        write(&path, input);
        for partition_by in partitionings {
            let peak = peak(&path, mebibytes * cap, partition_by, MaxRejects::Count(0), false);
            println!("{name}, {partition_by}: {peak} MiB of {mebibytes}");
            if peak as u64 >= mebibytes {
                beyond.push(format!("{name}, {partition_by}: {peak} MiB of {mebibytes}"));
            }
        }
    }
    // A long record that is broken at its end, in an array: the rest of it is one reject.
    let record = |end: &str| format!("{{\"id\":\"a\"}},\n{{\"name\":\"{}{end}\"}}", "x".repeat(30 << 20)).into_bytes();
    let broken = [b"[\n{},\n", &record("\u{1}")[..], b",\n{}]"].concat();
    let not_utf8: Vec<u8> = broken.iter().map(|byte| if *byte == 1 { 0xff } else { *byte }).collect();
    for (name, text) in [("a broken record", broken), ("a record that is not UTF-8", not_utf8)] {
        std::fs::write(&path, text).unwrap();
        let budgets = [(MaxRejects::Count(0), true), (MaxRejects::Percent(5.0), true), (MaxRejects::Count(1), false)];
        for (max_rejects, is_refused) in budgets {
            let peak = peak(&path, 128 * cap, "none", max_rejects, is_refused);
            println!("{name}, {max_rejects}: {peak} MiB of 128");
            if peak >= 128 {
                beyond.push(format!("{name}, {max_rejects}: {peak} MiB of 128"));
            }
        }
    }
    // The name of the input is stored for each of a million participants.
    std::fs::write(&path, format!("{{}}\n{{}}\n{{\"participants\":[{}]}}", vec!["{}"; 9 << 20].join(","))).unwrap();
    let peak_of_names = peak(&path, 128 * cap, "none", MaxRejects::Count(1), false);
    println!("participants without a member: {peak_of_names} MiB of 128");
    if peak_of_names >= 128 {
        beyond.push(format!("participants without a member: {peak_of_names} MiB of 128"));
    }
    // Tiny refused lines take many times their length, and compressed input is read ahead.
    let mut tiny = GzEncoder::new(File::create(&path).unwrap(), flate2::Compression::fast());
    tiny.write_all(b"{}\n{}\n").unwrap();
    (0..if is_long { 32 } else { 6 }).for_each(|_| tiny.write_all(&b"x\n".repeat(1 << 19)).unwrap());
    tiny.finish().unwrap();
    let peak = peak(&path, 256 * cap, "none", MaxRejects::Unlimited, false);
    println!("tiny lines in gz: {peak} MiB of 256");
    if peak >= 256 {
        beyond.push(format!("tiny lines in gz: {peak} MiB of 256"));
    }
    assert!(beyond.is_empty(), "{beyond:#?}");
}
