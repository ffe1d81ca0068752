//! How many records may be refused, and which one is named if there are too many.

use crate::{
    data::{conversations, export, gzip, lines},
    run::Folder,
};

/// A file of good lines with broken ones at these places; each broken line contains its number.
fn file(number: usize, broken: &[usize]) -> String {
    let good = conversations(number);
    let line =
        |(at, line): (usize, &str)| if broken.contains(&at) { format!("{{!{at}}}\n") } else { format!("{line}\n") };
    good.lines().enumerate().map(line).collect()
}

#[test]
fn the_first_the_last_and_any_record_may_be_the_broken_one() {
    for at in [0, 57, 99] {
        let folder = Folder::with("in.ndjson", file(100, &[at]));
        let line = at + 1;
        folder
            .convert(&["in.ndjson", "--out", "out"])
            .ended_with(1)
            .says(&[&format!("line {line}, byte "), &format!("!{at}")]);
        folder.convert(&["in.ndjson", "--out", "out", "--max-rejects", "1"]).ended_with(3);
        assert_eq!(folder.output("out").rows().len(), 99);
        assert_eq!(folder.output("out").rejects()[0]["line"], line);
    }
}

#[test]
fn the_earliest_by_file_and_byte_is_named_however_many_threads() {
    let folder = Folder::new();
    // Blocks are about 1 MiB: the faults are in several blocks of several files, so that workers find later ones first.
    let large = lines(&export(2500, 20));
    let (head, tail) = large.split_at(large.match_indices('\n').nth(1200).unwrap().0 + 1);
    folder.write("in/a.ndjson", lines(&export(200, 21)));
    folder.write("in/b.ndjson", format!("{head}{{!first}}\n{tail}{{!second}}\n"));
    folder.write("in/c.ndjson", "{!third}\n");
    folder.write("in/d.ndjson", format!("{{!fourth}}\n{tail}"));
    for threads in ["1", "2", "7", "7", "7"] {
        let run = folder.convert(&["in", "--out", "out", "--threads", threads, "--attribute-columns", "none"]);
        run.ended_with(1).says(&["in/b.ndjson, line 1202, byte ", "{!first}"]);
    }
    let arguments = ["in", "--out", "out", "--threads", "7", "--attribute-columns", "none", "--max-rejects", "2"];
    folder.convert(&arguments).ended_with(1).says(&["in/c.ndjson, line 1, byte 1", "{!third}", "record number 3"]);
    assert!(!folder.path("out").exists());
}

#[test]
fn a_file_that_cannot_be_read_is_named_in_its_turn() {
    let packed = gzip((file(1000, &[]) + "{!late}\n" + &file(1000, &[])).as_bytes());
    let cut = &packed[..packed.len() - 20];
    let folder = Folder::with("in/a.ndjson.gz", cut);
    folder.write("in/b.ndjson", "{!later}\n");
    for threads in ["1", "7"] {
        let args = ["in", "--out", "out", "--threads", threads];
        folder.convert(&args).ended_with(1).says(&["in/a.ndjson.gz, line 1001, byte ", "{!late}"]);
        let run = folder.convert(&[&args[..], &["--max-rejects", "1"]].concat()).ended_with(1);
        run.says(&[&format!("in/a.ndjson.gz, byte {}", cut.len())]);
        assert!(!folder.path("out").exists());
    }
}

#[test]
fn rejects_stand_in_the_order_of_the_input() {
    let folder = Folder::with("in/a.ndjson", file(50, &[3, 40]));
    folder.write("in/b.ndjson", file(50, &[0]));
    folder.convert(&["in", "--out", "out", "--max-rejects", "3", "--threads", "7"]).ended_with(3);
    let rejects = folder.output("out").rejects();
    let raws: Vec<_> =
        rejects.iter().map(|reject| (reject["file"].as_str().unwrap(), reject["raw"].as_str().unwrap())).collect();
    assert_eq!(raws, [("in/a.ndjson", "{!3}"), ("in/a.ndjson", "{!40}"), ("in/b.ndjson", "{!0}")]);
}

#[test]
fn one_more_than_the_budget_is_too_many() {
    let folder = Folder::with("in.ndjson", file(20, &[2, 5, 11]));
    folder
        .convert(&["in.ndjson", "--out", "out", "--max-rejects", "2"])
        .ended_with(1)
        .says(&["line 12,", "--max-rejects"]);
    assert!(!folder.path("out").exists());
    folder.convert(&["in.ndjson", "--out", "out", "--max-rejects", "3"]).ended_with(3);
}

#[test]
fn a_share_is_judged_at_the_end() {
    // 3 of 100 are broken; in the first 20 records alone the share is above 3 %.
    let folder = Folder::with("in.ndjson", file(100, &[0, 1, 2]));
    let run = folder.convert(&["in.ndjson", "--out", "out", "--max-rejects", "2.9%"]).ended_with(1);
    run.says(&["line 1,", "3 of 100 records", "2.9%", "--max-rejects"]);
    assert!(!folder.path("out").exists());
    folder.convert(&["in.ndjson", "--out", "out", "--max-rejects", "3%"]).ended_with(3);
    assert_eq!(folder.output("out").rows().len(), 97);
}

#[test]
fn unlimited_takes_a_file_of_nothing_but_faults() {
    let folder = Folder::with("in.ndjson", "{!}\n".repeat(3000));
    let run = folder.convert(&["in.ndjson", "--out", "out", "--max-rejects", "unlimited", "--report", "r.json"]);
    run.ended_with(3);
    assert_eq!(folder.output("out").rejects().len(), 3000);
    let report = folder.json("r.json");
    assert_eq!((&report["records"], &report["rejected"], &report["rows"]), (&3000.into(), &3000.into(), &0.into()));
    assert_eq!(report["rejects"].as_array().unwrap().len(), 20, "the report shows some, the file has all");
}

#[test]
fn a_rejected_record_leaves_no_trace() {
    // The record is broken at its very end, when all its values have been stored already.
    let broken =
        r#"{"id":"x","participants":[{"id":"p","newMember":1,"held":"true","attributes":{"Odd Key":"v"}}],"more":1"#;
    let good = r#"{"id":"y","participants":[{"id":"q","attributes":{"Key":"v"}}]}"#;
    let folder = Folder::with("with.ndjson", format!("{good}\n{broken}\n{good}\n"));
    folder.write("without.ndjson", format!("{good}\n{good}\n"));
    folder.convert(&["with.ndjson", "--out", "with", "--max-rejects", "1", "--report", "with.json"]).ended_with(3);
    folder.convert(&["without.ndjson", "--out", "without", "--report", "without.json"]).ended_with(0);
    let [with, without] = ["with", "without"].map(|name| folder.output(name));
    assert_eq!(with.rows(), without.rows());
    assert_eq!(with.column_names(), without.column_names());
    assert_eq!(folder.json("with.json")["ledger"], folder.json("without.json")["ledger"]);
}

/// A file that is not line-delimited, with a fault in its second record.
fn broken_array(after: usize) -> String {
    let records: Vec<String> = conversations(after).lines().map(str::to_owned).collect();
    format!("[\n{},\n{{!broken}},\n{}\n]\n", records[0], records.join(",\n"))
}

#[test]
fn the_rest_of_a_document_is_beyond_every_percentage() {
    let folder = Folder::with("in.json", broken_array(500));
    folder.write("more.ndjson", conversations(500));
    let inputs = ["in.json", "more.ndjson", "--out", "out"];
    let run = folder.convert(&[&inputs[..], &["--max-rejects", "50%"]].concat()).ended_with(1);
    run.says(&[
        "in.json, line 3",
        "nobody knows how many records that is",
        "--max-rejects 1 (a number counts such a rest as one)",
    ]);
    let seen = folder.convert(&[&inputs[..], &["--max-rejects", "50%", "--dry-run"]].concat()).stdout;
    assert!(seen.contains("The run would fail") && seen.contains("nobody knows how many records"), "{seen}");
    folder.convert(&[&inputs[..], &["--max-rejects", "1"]].concat()).ended_with(3);
    let output = folder.output("out");
    assert_eq!((output.rows().len(), output.rejects().len()), (501, 1));
    assert_eq!(output.rejects()[0]["is_rest"], true);
}

#[test]
fn a_rest_that_is_too_long_to_be_kept_is_no_single_reject() {
    let folder = Folder::with("in.json", broken_array(500));
    let inputs = ["in.json", "--out", "out", "--max-record-size", "8KiB", "--max-rejects"];
    let run = folder.convert(&[&inputs[..], &["5"]].concat()).ended_with(1);
    run.says(&["too long to be kept in the rejects file", "--max-rejects unlimited"]);
    let seen = folder.convert(&[&inputs[..], &["5", "--dry-run"]].concat()).stdout;
    assert!(seen.contains("The run would fail") && seen.contains("too long to be kept"), "{seen}");
    folder.convert(&[&inputs[..], &["unlimited"]].concat()).ended_with(3);
}

#[test]
fn a_percentage_that_is_met_exactly_is_allowed() {
    // 0.57 has no exact binary fraction.
    let folder = Folder::with("in.ndjson", "{\"id\":\"x\"}\n".repeat(9943) + &"{bad\n".repeat(57));
    folder.convert(&["in.ndjson", "--out", "out", "--max-rejects", "0.57%"]).ended_with(3);
    let run = folder.convert(&["in.ndjson", "--out", "less", "--max-rejects", "0.56%"]).ended_with(1);
    run.says(&["57 of 10000 records"]);
}
