//! Benchmarks of the single stages and of a whole conversion: bytes of JSON per second, on generated calls.
//!
//! ```sh
//! cargo bench                       # all, in some minutes
//! cargo bench -- decode             # those with this in their name
//! cargo test --bench stages         # each once and on less, to see that they run: a part of `cargo test`
//! ```

#![expect(clippy::unwrap_used, reason = "a bench that cannot go on has failed")]

mod data;

use std::{fs, hint::black_box, time::Duration};

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use partiquet::{
    Config,
    columns::Columns,
    config::{AttributeColumns, Compression, MaxRejects, Mode, PartitionBy},
    encode::{EncodeOptions, EncodeScratch, FileSchema, encode_row_group},
    generate::{Amount, Generator, Profile, Settings, Shape},
    input::ReadOptions,
    model::{AttributeMap, Model},
    observe::Silent,
    partition::{PartitionPlan, Router, RowBuffers},
};

use data::{blocks, decode, decoder, num_bytes, table};

/// Keys that all flows set, and one that few do.
const HOT_KEYS: [&str; 7] =
    ["IVR Priority", "Queue Name", "Language", "Customer Segment", "Main Intent", "MainIntent1", "Balance"];

fn decoding(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("decode");
    let inputs = [
        ("participants", Shape::Participants, Profile::Typical),
        ("conversations", Shape::Conversations, Profile::Typical),
        ("listing", Shape::Listing, Profile::Typical),
        ("notifications", Shape::Notifications, Profile::Typical),
        ("drifting", Shape::Conversations, Profile::Drifting),
    ];
    for (name, shape, profile) in inputs {
        decode_all(&mut group, name, &mut blocks(shape, profile), &HOT_KEYS);
    }
}

fn attributes(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("attributes");
    let only = |profile| -> Vec<Vec<u8>> {
        let lines = blocks(Shape::Participants, profile).concat();
        let attributes = lines.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).flat_map(|line| {
            let record: serde_json::Value = serde_json::from_slice(line).unwrap();
            format!("{{\"attributes\":{}}}\n", record["attributes"]).into_bytes()
        });
        vec![attributes.collect()]
    };
    let (mut typical, mut wide) = (only(Profile::Typical), only(Profile::WideAttributes));
    decode_all(&mut group, "map", &mut typical, &[]);
    decode_all(&mut group, "columns and map", &mut typical, &HOT_KEYS);
    decode_all(&mut group, "wide", &mut wide, &HOT_KEYS);
}

fn instants(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("instants");
    let members = [
        "startTime",
        "startAlertingTime",
        "connectedTime",
        "endTime",
        "startHoldTime",
        "startAcwTime",
        "endAcwTime",
        "parkTime",
    ];
    let records = |instant: fn(usize) -> String| -> Vec<Vec<u8>> {
        let record = |number: usize| {
            let values: Vec<String> = members
                .iter()
                .enumerate()
                .map(|(at, member)| format!("\"{member}\":{}", instant(number * members.len() + at)))
                .collect();
            format!("{{{}}}\n", values.join(",")).into_bytes()
        };
        vec![(0..5000).flat_map(record).collect()]
    };
    let utc = |n: usize| {
        let (day, hour, minute, milli) = (1 + n / 80_000 % 28, n / 3600 % 24, n / 60 % 60, n % 1000);
        format!("\"2025-07-{day:02}T{hour:02}:{minute:02}:{:02}.{milli:03}Z\"", n % 60)
    };
    decode_all(&mut group, "text in UTC", &mut records(utc), &[]);
    let offset = |n: usize| format!("\"2025-07-01 {:02}:{:02}:00.123456+02:00\"", n / 60 % 24, n % 60);
    decode_all(&mut group, "text with an offset", &mut records(offset), &[]);
    decode_all(&mut group, "milliseconds", &mut records(|n| format!("{}", 1_751_328_000_000 + n)), &[]);
}

type Group<'a> = criterion::BenchmarkGroup<'a, criterion::measurement::WallTime>;

fn decode_all(group: &mut Group<'_>, name: &str, blocks: &mut [Vec<u8>], keys: &[&str]) {
    let mut decoder = decoder(keys);
    let mut columns = Columns::new(decoder.shapes());
    group.throughput(Throughput::Bytes(num_bytes(blocks)));
    group.bench_function(name, |bencher| {
        bencher.iter(|| {
            for block in &mut *blocks {
                let mut again = std::mem::replace(&mut columns, Columns::new(&[]));
                again.clear();
                columns = decode(&mut decoder, black_box(block), again);
            }
        });
    });
}

fn routing(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("partition");
    let (_, table) = table(&HOT_KEYS, AttributeMap::Rest);
    let settings = [
        ("none", "none", Profile::Typical),
        ("by day, in time order", "day(start_time)", Profile::Typical),
        ("by day, shuffled", "day(start_time)", Profile::Shuffled),
        ("by day and purpose, shuffled", "day(start_time), purpose", Profile::Shuffled),
    ];
    for (name, by, profile) in settings {
        let mut blocks = blocks(Shape::Participants, profile);
        let mut decoder = decoder(&HOT_KEYS);
        let shapes = decoder.shapes().to_vec();
        let decoded: Vec<Columns> =
            blocks.iter_mut().map(|block| decode(&mut decoder, block, Columns::new(&shapes))).collect();
        let plan = PartitionPlan::new(&table, &by.parse::<PartitionBy>().unwrap().0).unwrap();
        group.throughput(Throughput::Bytes(num_bytes(&blocks)));
        group.bench_function(name, |bencher| {
            let fresh = || {
                (Router::new(plan.clone(), shapes.len()), RowBuffers::new(shapes.clone(), usize::MAX), decoded.clone())
            };
            bencher.iter_batched(
                fresh,
                |(mut router, mut buffers, mut decoded)| {
                    for columns in &mut decoded {
                        let partitions = router.route(columns).unwrap();
                        buffers.add(columns, &partitions).unwrap();
                    }
                    (router, buffers, decoded)
                },
                BatchSize::LargeInput,
            );
        });
    }
}

fn encoding(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("encode");
    let blocks = blocks(Shape::Participants, Profile::Typical);
    let (_, table) = table(&HOT_KEYS, AttributeMap::Rest);
    let mut decoder = decoder(&HOT_KEYS);
    let columns = Columns::new(decoder.shapes());
    let columns = decode(&mut decoder, &mut blocks.concat(), columns);
    group.throughput(Throughput::Bytes(num_bytes(&blocks)));
    for codec in ["none", "zstd(1)", "zstd(3)", "snappy", "lz4"] {
        let options = EncodeOptions { compression: codec.parse().unwrap(), ..EncodeOptions::default() };
        let schema = FileSchema::new(&table.arrow_schema(), &[], &options).unwrap();
        group.bench_function(codec, |bencher| {
            let mut scratch = EncodeScratch::default();
            bencher.iter(|| encode_row_group(&schema, black_box(&columns), &mut scratch).unwrap());
        });
    }
}

fn whole(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("convert");
    let folder = tempfile::tempdir().unwrap();
    let input = folder.path().join("in.ndjson");
    let blocks = blocks(Shape::Conversations, Profile::Typical);
    fs::write(&input, blocks.concat()).unwrap();
    group.throughput(Throughput::Bytes(num_bytes(&blocks)));
    for threads in [1, 2] {
        let config = Config {
            inputs: vec![input.clone().into()],
            out: folder.path().join("out"),
            model: Model::load(Model::DEFAULT).unwrap(),
            partition_by: PartitionBy::default().0,
            attribute_columns: AttributeColumns::Auto,
            attribute_map: AttributeMap::Rest,
            compression: Compression::DEFAULT,
            target_file_bytes: Config::DEFAULT_TARGET_FILE_BYTES,
            row_group_rows: Config::DEFAULT_ROW_GROUP_ROWS,
            threads,
            memory_bytes: Config::DEFAULT_MEMORY_BYTES,
            max_record_bytes: ReadOptions::default().max_record_bytes,
            max_rejects: MaxRejects::default(),
            mode: Mode::Overwrite,
            sort_by: Vec::new(),
            bloom_filter: Vec::new(),
            provenance: false,
            committed_at: "2025-07-01T00:00:00Z".to_owned(),
        };
        group.bench_function(format!("{threads} threads"), |bencher| {
            bencher.iter(|| partiquet::convert(&config, &Silent).unwrap());
        });
    }
}

fn generating(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("generate");
    let generator = Generator::new(Settings {
        amount: Amount::Bytes(Generator::PART_BYTES),
        ..Settings::for_profile(Profile::Typical)
    });
    let generator = generator.unwrap();
    let mut out = Vec::new();
    group.throughput(Throughput::Bytes(Generator::PART_BYTES));
    group.bench_function("conversations", |bencher| {
        bencher.iter(|| {
            out.clear();
            generator.part(0, &mut out)
        });
    });
}

criterion_group! {
    name = benches;
    // About seven seconds for each of some two dozen benchmarks: all of them stay well under ten minutes.
    config = Criterion::default()
        .warm_up_time(Duration::from_secs(1))
        .measurement_time(Duration::from_secs(5))
        .sample_size(20);
    targets = decoding, attributes, instants, routing, encoding, whole, generating
}
criterion_main!(benches);
