//! `partiquet bench` as its users run it, on little data. Comparisons with other engines are tested where these are
//! installed: in `tests/python`.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::{
    fs,
    path::Path,
    process::{Command, Output},
};

use serde_json::Value;

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    /// Runs `partiquet bench ARGS`, with its temporary files in the folder too.
    fn run(&self, args: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_partiquet"));
        command.arg("bench").args(args).args(["--work", "work"]).current_dir(self.path()).output().unwrap()
    }

    /// Runs it, checks the exit code, and returns standard output and standard error.
    #[track_caller]
    fn ended(&self, code: i32, args: &[&str]) -> (String, String) {
        let output = self.run(args);
        let [stdout, stderr] = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap());
        assert_eq!(output.status.code(), Some(code), "{args:?}\n{stdout}\n{stderr}");
        assert!(!stderr.contains("panicked") && !stderr.contains("bug in partiquet"), "{stderr}");
        (stdout, stderr)
    }

    fn json(&self, name: &str) -> Value {
        serde_json::from_slice(&fs::read(self.path().join(name)).unwrap()).unwrap()
    }
}

const LITTLE: [&str; 4] = ["--size", "200kB", "--rounds", "2"];

#[test]
fn every_combination_is_measured_in_every_round() {
    let folder = Folder::new();
    // One file, because chunks of a few rows are not compressed.
    let whole = ["--partition-by", "none", "--json", "r.json"];
    let varied = ["--threads", "1,2", "--compression", "zstd(1),none", "--input-compression", "none,gz"];
    let (table, _) = folder.ended(0, &[&LITTLE[..], &varied, &whole].concat());
    let results = folder.json("r.json");
    let rows = results["rows"].as_array().unwrap();
    assert_eq!(rows.len(), 8);
    let of = |row: &Value, what: &str| row["outcome"]["measured"][what].as_u64().unwrap_or_else(|| panic!("{row}"));
    for row in rows {
        let runs = row["outcome"]["measured"]["runs"].as_array().unwrap();
        assert_eq!(runs.len(), 2);
        for run in runs {
            let seconds = |what: &str| run[what].as_f64().unwrap();
            assert!(seconds("wall_seconds") > 0.0 && seconds("cpu_seconds") > 0.0, "{run}");
            assert!(run["peak_bytes"].as_u64().unwrap() > 5_000_000, "{run}");
        }
        // All of them converted the same input.
        assert_eq!(of(row, "rows"), of(&rows[0], "rows"));
        assert_eq!(of(row, "json_bytes"), of(&rows[0], "json_bytes"));
        let stages = &row["outcome"]["measured"]["stages"];
        for stage in ["read", "decode", "route", "encode", "commit"] {
            assert!(stages[stage].as_f64().unwrap() > 0.0, "{stage}: {stages}");
        }
    }
    let output = |threads: u64, codec: &str| {
        let settings = results["settings"].as_array().unwrap();
        let is = |s: &Value| s["threads"] == threads && s["codec"] == codec && s["input"]["stored"] == "none";
        of(&rows[settings.iter().position(is).unwrap()], "output_bytes")
    };
    assert_eq!(output(1, "zstd(1)"), output(2, "zstd(1)"));
    assert!(output(1, "none") > output(1, "zstd(1)"));
    assert!(table.contains("plain, zstd(1), 1 thread") && table.contains("gz, none, 2 threads"), "{table}");
    assert!(results["machine"]["cores"].as_u64().unwrap() > 0);
    // Nothing is left behind.
    assert_eq!(fs::read_dir(folder.path().join("work")).unwrap().count(), 0);
}

#[test]
fn the_page_is_complete_in_one_file() {
    let folder = Folder::new();
    let varied = ["--size", "100kB,300kB", "--threads", "1,2", "--rounds", "1", "--html", "page.html"];
    folder.ended(0, &varied);
    let page = fs::read_to_string(folder.path().join("page.html")).unwrap();
    for title in ["Throughput", "Scaling with threads", "Scaling with size", "Time by stage", "All figures"] {
        assert!(page.contains(&format!("<h2>{title}</h2>")), "{title}");
    }
    assert_eq!(page.matches("<svg").count(), 4);
    assert_eq!(page.matches("<tr").count(), 1 + 4);
    // Nothing is fetched: the only address is the XML namespace of SVG.
    let addresses: Vec<&str> = page.split("http").skip(1).map(|rest| rest.split('"').next().unwrap()).collect();
    assert!(addresses.iter().all(|address| *address == "://www.w3.org/2000/svg"), "{addresses:?}");
    assert!(!page.contains("<script") && !page.contains("src="));
}

#[test]
fn one_setting_is_a_page_and_a_table_too() {
    let folder = Folder::new();
    let (table, _) =
        folder.ended(0, &[&LITTLE[..], &["--threads", "1", "--as", "markdown", "--html", "page.html"]].concat());
    assert!(table.contains("| partiquet | "), "{table}");
    assert!(
        table.contains("2 rounds: conversations, 200 kB, plain, partitioned by day(start_time), zstd(1), 1 thread")
    );
    let page = fs::read_to_string(folder.path().join("page.html")).unwrap();
    assert!(!page.contains("Scaling"), "there is nothing to scale");
}

#[test]
fn an_input_of_ones_own_is_measured() {
    let folder = Folder::new();
    let sample = concat!(env!("CARGO_MANIFEST_DIR"), "/sample-data/conversations.ndjson");
    folder.ended(0, &["--input", sample, "--threads", "1", "--rounds", "1", "--json", "r.json"]);
    let row = &folder.json("r.json")["rows"][0];
    assert_eq!(row["outcome"]["measured"]["rows"], 257);
}

#[test]
fn a_peer_that_is_missing_is_skipped_with_a_word() {
    let folder = Folder::new();
    let args = ["--peers", "duckdb,spark", "--peers-python", "no-such-python", "--threads", "1"];
    let (table, told) = folder.ended(0, &[&LITTLE[..], &args].concat());
    assert!(told.contains("DuckDB is skipped: cannot run no-such-python"), "{told}");
    assert!(table.contains("Spark was skipped: cannot run no-such-python"), "{table}");
    assert!(table.contains("partiquet"), "ours is measured all the same");
}

#[test]
fn wrong_options_are_refused_with_a_way_out() {
    let folder = Folder::new();
    for (args, part) in [
        (&["--peers", "duckbd"][..], "did you mean duckdb?"),
        (&["--peers", "duckdb", "--shape", "listing"], "use --shape conversations or --shape participants"),
        (&["--peers", "duckdb", "--partition-by", "purpose"], "leave out --partition-by"),
        (&["--peers", "duckdb", "--attribute-columns", "auto"], "peers do not look for keys"),
        (&["--threads", "0"], "--threads: 0"),
        (&["--rounds", "0"], "1..=1000"),
        (&["--compression", "zip"], "\"zip\" is not a codec"),
        (&["--size", "1MB", "--input", "x"], "cannot be used with"),
        (&["--input", "-"], "can be read only once"),
        (&["--profile", "x"], "use one of: typical"),
        (&["--input-compression", "bz2"], "possible values"),
    ] {
        let args = if args.contains(&"--size") || args.contains(&"--input") {
            args.to_vec()
        } else {
            [args, &["--size", "10kB"]].concat()
        };
        let (_, said) = folder.ended(2, &args);
        assert!(said.contains(part), "{args:?}: {said}");
    }
    let (_, said) = folder.ended(1, &["--json", "absent/r.json", "--size", "10kB"]);
    assert!(said.contains("cannot create the report absent/r.json"), "{said}");
    let (_, said) = folder.ended(2, &["--input", "absent"]);
    assert!(said.contains("absent"), "{said}");
}
