//! `--dry-run` shows what a run would do, and changes nothing.

use std::collections::BTreeMap;

use crate::{
    data::{conversation, conversations, export, gzip, lines},
    run::Folder,
};

/// The lines `  NAME  N row(s)` of one section, as name and number.
fn listed(text: &str, section: &str, unit: &str) -> BTreeMap<String, u64> {
    let lines = text.lines().skip_while(|line| !line.starts_with(section)).skip(1).take_while(|line| !line.is_empty());
    lines
        .filter_map(|line| {
            let (name, rest) = line.trim_start().rsplit_once("  ")?;
            let number = rest
                .trim_start_matches("in ")
                .strip_suffix(unit)
                .or_else(|| rest.trim_start_matches("in ").strip_suffix(&format!("{unit}s")))?;
            Some((name.to_owned(), number.trim().replace(',', "").parse().ok()?))
        })
        .collect()
}

/// A conversation with a name of 400 kB, which is repeated for each of its participants.
fn repeated(participants: usize) -> String {
    let participants: Vec<String> = (0..participants).map(|number| format!("{{\"id\":\"{number}\"}}")).collect();
    format!("{{\"id\":\"a\",\"name\":\"{}\",\"participants\":[{}]}}", "x".repeat(400_000), participants.join(","))
}

#[test]
fn nothing_is_written() {
    let folder = Folder::with("in.ndjson", lines(&export(50, 60)));
    let run = folder.convert(&["in.ndjson", "--out", "new/out", "--dry-run"]).ended_with(0);
    assert!(run.stdout.ends_with("This was a dry run: nothing was written.\n"), "{}", run.stdout);
    assert_eq!(folder.names(), ["in.ndjson"]);
}

#[test]
fn partitions_and_attributes_are_those_of_the_run_when_all_is_sampled() {
    let folder = Folder::with("in/a.ndjson", lines(&export(300, 61)));
    folder.write("in/b.json", format!("[\n{}\n]", export(40, 62).join(",\n")));
    for by in ["day(start_time)", "purpose, day(start_time)", "bucket(4, conversation_id)"] {
        let options = ["in", "--out", "out", "--mode", "overwrite", "--partition-by", by];
        let run = folder.convert(&[&options[..], &["--dry-run"]].concat()).ended_with(0);
        folder.convert(&[&options[..], &["--report", "r.json"]].concat()).ended_with(0);
        let real = folder.output("out").partitions().into_iter().map(|(path, rows)| (path, rows.len() as u64));
        let real: BTreeMap<String, u64> = real.collect();
        let shown = listed(&run.stdout, "Partitions by ", "row");
        assert_eq!(shown.len(), real.len().min(20), "{}", run.stdout);
        for (path, rows) in &shown {
            assert_eq!(real.get(path), Some(rows), "{path}\n{}", run.stdout);
        }
        let columns = folder.json("r.json")["attribute_columns"].as_array().unwrap().len();
        assert_eq!(listed(&run.stdout, "Attribute columns", "participant").len(), columns, "{}", run.stdout);
        assert!(columns >= 5 && run.stdout.contains("from all "), "{}", run.stdout);
    }
}

#[test]
fn records_that_would_be_refused_are_counted_and_the_first_of_them_shown() {
    let good = conversation("c", "2025-07-01T10:00:00Z");
    let folder = Folder::with("in.ndjson", format!("{good}\n{}", "{\"id\":!}\n".repeat(30)));
    let args = ["in.ndjson", "--out", "out", "--dry-run"];
    let run = folder.convert(&args).ended_with(1);
    assert!(run.stdout.contains("Of 31 records 30 would be rejected"), "{}", run.stdout);
    assert!(run.stdout.contains("in.ndjson, line 2, byte ") && run.stdout.contains("and 10 more"), "{}", run.stdout);
    assert!(run.stdout.contains("The run would fail\n  30 of 31 records would be rejected"), "{}", run.stdout);
    let within = folder.convert(&[&args[..], &["--max-rejects", "30"]].concat()).ended_with(0);
    assert!(!within.stdout.contains("would fail"), "{}", within.stdout);
}

#[test]
fn a_sample_is_not_all_because_it_is_as_long_as_the_stored_bytes() {
    let text = lines(&export(6000, 64));
    let folder = Folder::with("in.ndjson.gz", gzip(text.repeat(4).as_bytes()));
    let run = folder.convert(&["in.ndjson.gz", "--out", "out", "--dry-run"]).ended_with(0);
    assert!(run.stdout.contains("from a sample of ") && !run.stdout.contains("from all "), "{}", run.stdout);
}

#[test]
fn what_cannot_be_read_is_shown() {
    let good = conversation("c", "2025-07-01T10:00:00Z");
    let gz = gzip(conversations(2000).as_bytes());
    for (name, bytes, says) in [
        ("cut.json.gz", gz[..gz.len() / 2].to_vec(), "the gzip stream ends too early"),
        ("broken.json", format!("[\n{good},\n{good}\n!]").into_bytes(), "Of 5 records 1 would be rejected"),
        ("lost.json", format!("[\n{good},\n{{\"id\":!}},\n{good}\n]").into_bytes(), "1 would be rejected"),
        ("utf16.json", vec![0xff, 0xfe, b'{', 0], "UTF-16"),
        ("long.json", repeated(40).into_bytes(), "more than there is room for"),
    ] {
        let folder = Folder::with("in/a.json", &good);
        folder.write(&format!("in/{name}"), bytes);
        folder.write("in/z.json", &good);
        let run = folder.convert(&["in", "--out", "out", "--dry-run"]).ended_with(1);
        assert!(run.stdout.contains(says), "{name}: {}", run.stdout);
        assert!(run.stdout.contains(&format!("in/{name}, ")), "{name}: {}", run.stdout);
        assert!(run.stdout.contains("The run would fail"), "{name}: {}", run.stdout);
        assert!(folder.convert(&["in", "--out", "out"]).code == 1, "{name}: the run does fail");
    }
}

#[test]
fn the_output_folder_is_looked_at() {
    let folder = Folder::with("in.ndjson", conversations(3));
    folder.convert(&["in.ndjson", "--out", "out"]).ended_with(0);
    folder.write("file", "");
    std::os::unix::fs::symlink("gone", folder.path("link")).unwrap();
    let before = folder.names();
    for (out, says) in [
        ("out", "there is a dataset in it already"),
        ("file", "it is not a folder"),
        ("file/out", "ot a directory"),
        ("link", "is a link to a folder that is not there"),
        ("link/out", "is a link to a folder that is not there"),
        ("out/sub", "it is inside of the dataset"),
        ("out/_partiquet/staging/sub", "it is inside of the dataset"),
    ] {
        let run = folder.convert(&["in.ndjson", "--out", out, "--dry-run"]).ended_with(1);
        assert!(run.stdout.contains("The run would fail") && run.stdout.contains(says), "{out}: {}", run.stdout);
        folder.convert(&["in.ndjson", "--out", out]).ended_with(1);
    }
    folder.convert(&["in.ndjson", "--out", "out", "--mode", "overwrite", "--dry-run"]).ended_with(0);
    folder.convert(&["in.ndjson", "--out", "new/folder", "--dry-run"]).ended_with(0);
    assert_eq!(folder.names(), before);
}

#[test]
fn keys_are_counted_whether_they_were_chosen_or_named() {
    let folder = Folder::with("in.ndjson", lines(&export(300, 65)));
    let shown = |keys: &str| {
        let run =
            folder.convert(&["in.ndjson", "--out", "out", "--dry-run", "--attribute-columns", keys]).ended_with(0);
        let from = run.stdout.lines().find(|line| line.starts_with("Attribute columns")).unwrap().to_owned();
        (from, listed(&run.stdout, "Attribute columns", "participant"))
    };
    let (from, auto) = shown("auto");
    let (_, named) = shown("IVR Priority");
    assert_eq!(named, BTreeMap::from([("IVR Priority".to_owned(), auto["IVR Priority"])]));
    assert_eq!(shown("none"), (from, BTreeMap::new()), "the participants with attributes are the same");
}

#[test]
fn partitions_by_an_attribute_are_those_of_the_run() {
    let folder = Folder::with("in.ndjson", lines(&export(50, 66)));
    let run = folder
        .convert(&["in.ndjson", "--out", "out", "--dry-run", "--partition-by", "truncate(7, attribute_language)"])
        .ended_with(0);
    assert!(run.stdout.contains("attribute_language_trunc=value "), "{}", run.stdout);
}

#[test]
fn a_pipe_can_be_looked_at_too() {
    let folder = Folder::new();
    let run =
        folder.convert_piped(&["-", "--out", "out", "--dry-run"], lines(&export(20, 63)).as_bytes()).ended_with(0);
    assert!(run.stdout.contains("start_time_day=2025-07-0"), "{}", run.stdout);
    assert!(folder.names().is_empty());
}

#[test]
fn a_dataset_whose_schema_is_damaged_is_an_obstacle() {
    let folder = Folder::with("in.ndjson", lines(&export(50, 60)));
    folder.convert(&["in.ndjson", "--out", "out"]).ended_with(0);
    folder.write("more.ndjson", lines(&export(50, 61)));
    for damage in ["{", r#"{"format_version": 999}"#] {
        folder.write("out/_partiquet/schema.json", damage);
        let run = folder.convert(&["more.ndjson", "--out", "out", "--mode", "append", "--dry-run"]).ended_with(1);
        assert!(run.stdout.contains("The run would fail"), "{}", run.stdout);
        assert_eq!(run.stdout.matches("schema.json").count(), 1, "told once: {}", run.stdout);
    }
}

#[test]
fn a_participant_with_an_empty_map_has_no_attributes() {
    let participant = |attributes: &str| format!(r#"{{"id":"p","attributes":{attributes}}}"#);
    let of = |key: &str| participant(&format!(r#"{{"{key}":"x"}}"#));
    let mut participants = vec![participant("{}"); 200];
    participants.extend(vec![of("common"); 99]);
    participants.push(of("one in a hundred"));
    let folder = Folder::with("in.ndjson", participants.join("\n"));
    let run = folder.convert(&["in.ndjson", "--out", "out", "--dry-run"]).ended_with(0);
    assert!(run.stdout.contains("from all 100 participants with attributes"), "{}", run.stdout);
    assert!(run.stdout.contains("  one in a hundred  in 1 participant\n"), "{}", run.stdout);
}

#[test]
fn the_line_of_a_reject_is_told_only_where_it_is_known() {
    let folder = Folder::with("in.ndjson", ["{\n", &conversations(8000), "{\n"].concat());
    let args = ["in.ndjson", "--out", "out", "--max-rejects", "2", "--dry-run"];
    let seen = folder.convert(&args).ended_with(0).stdout;
    let places: Vec<&str> = seen.lines().filter(|line| line.starts_with("  in.ndjson, ")).collect();
    assert!(places.len() == 2 && places[0].starts_with("  in.ndjson, line 1, byte "), "{seen}");
    // The sample is read in blocks, and the lines before one are not counted.
    assert!(places[1].starts_with("  in.ndjson, byte "), "{seen}");
}
