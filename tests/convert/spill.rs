//! More open partitions than fit in memory: rows go to disk and come back, none is lost, and each is in its place.

use crate::{
    data::{conversation, export, lines},
    output::tree,
    run::Folder,
};

/// So many partitions that none of them gets enough rows for a row group.
const PARTITIONS: [&str; 2] = ["--partition-by", "bucket(600,id)"];

/// Calls of all kinds and calls with a long note: more than fits in the minimum memory, yet few per partition.
fn calls(seed: u64) -> String {
    let notes = (0..8000).map(|n| {
        conversation(&format!("n{n}"), "2025-07-01T10:00:00Z")
            .replace(r#""purpose""#, &format!(r#""attributes":{{"note":"{n}{}"}},"purpose""#, "-".repeat(1000)))
    });
    lines(&notes.chain(export(1500, seed)).collect::<Vec<_>>())
}

#[test]
fn spilled_rows_are_where_they_would_be_with_more_memory() {
    let folder = Folder::with("in.ndjson", calls(77));
    let spilled = |report: &str| folder.json(report)["spilled_bytes"].as_u64().unwrap();
    for (out, memory) in [("much", "1GiB"), ("little", "64MiB")] {
        let report = format!("{out}.json");
        let places = ["in.ndjson", "--out", out, "--memory", memory, "--report", &report];
        folder.convert(&[&places[..], &PARTITIONS].concat()).ended_with(0);
    }
    assert_eq!(spilled("much.json"), 0);
    assert!(spilled("little.json") > 100_000, "{} bytes were spilled", spilled("little.json"));
    let (much, little) = (folder.output("much"), folder.output("little"));
    assert!(much.partitions().len() > 590);
    assert_eq!(little.partitions(), much.partitions());
    assert_eq!(little.files.len(), much.files.len(), "one file for each partition");
    for footer in little.footers() {
        assert_eq!(footer.num_row_groups(), 1, "rows came back together");
    }
    let left: Vec<_> = folder.names().into_iter().filter(|name| name.contains("spilled")).collect();
    assert_eq!(left, Vec::<String>::new());
}

#[test]
fn spilling_does_not_depend_on_the_number_of_threads() {
    let folder = Folder::with("in.ndjson", calls(78));
    for threads in ["1", "2", "3"] {
        let report = format!("{threads}.json");
        let places = ["in.ndjson", "--out", threads, "--threads", threads, "--report", &report];
        let limits = ["--memory", "64MiB", "--row-group-rows", "16"];
        folder.convert(&[&places[..], &limits, &PARTITIONS].concat()).ended_with(0);
        assert!(folder.json(&report)["spilled_bytes"].as_u64().unwrap() > 100_000);
    }
    let files = |out: &str| {
        let mut files = tree(&folder.path(out));
        files.retain(|path, _| !path.starts_with("_partiquet/commits/"));
        files
    };
    let one = files("1");
    assert!(one.len() > 590);
    assert!(one == files("2") && one == files("3"));
}

#[test]
fn rows_that_make_room_for_a_huge_one_read_back_from_disk_go_to_their_own_partitions() {
    let record = |n: usize, partition: usize, bytes: usize| {
        let note = "-".repeat(bytes);
        format!(r#"{{"id":"{n}","purpose":"p{partition}","attributes":{{"note":"{note}"}}}}"#) + "\n"
    };
    // First so many partitions that rows go to disk; then rows of one spill file, with a huge one among them.
    let many = (0..7000).map(|n| record(n, n % 600, 1000));
    let of_one_file = (7000..9000).map(|n| record(n, 64 * (n % 9) + 5, 1000));
    let huge = [record(9000, 5, 1_500_000)].into_iter();
    let after = (9001..9100).map(|n| record(n, 64 * (n % 9) + 5, 1000));
    let folder = Folder::with("in.ndjson", many.chain(of_one_file).chain(huge).chain(after).collect::<String>());
    for (out, memory) in [("much", "1GiB"), ("little", "64MiB")] {
        let report = format!("{out}.json");
        let options = ["--partition-by", "purpose", "--memory", memory, "--report", &report];
        folder.convert(&[&["in.ndjson", "--out", out], &options[..]].concat()).ended_with(0);
    }
    assert!(folder.json("little.json")["spilled_bytes"].as_u64().unwrap() > 0);
    let (much, little) = (folder.output("much"), folder.output("little"));
    assert!(little.partitions() == much.partitions());
    // Without the huge row, the rows of a partition would have come back together.
    assert!(little.footers().iter().any(|footer| footer.num_row_groups() > 1));
}
