//! `kill -9`, at any moment and at each single step of a commit. Then a reader looks, the run is done again, and the dataset
//! must be the one of a run that nobody disturbed, byte for byte.

use std::{
    collections::BTreeMap,
    env, fs,
    path::Path,
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use parquet::file::reader::{FileReader, SerializedFileReader};

use crate::{
    data::{Chance, export, lines},
    output::tree,
    run::Folder,
};

/// How many runs are killed at random moments; the long form is started with another number.
const KILLS: &str = "PARTIQUET_TEST_KILLS";
const FEW_KILLS: u64 = 20;

/// A run on a dataset of one commit, in one of the modes.
const MODES: [&str; 3] = ["append", "overwrite", "overwrite-partitions"];

/// Enough partitions that a commit takes its time, and few enough to do it often.
const MANY: &str = "day(start_time), purpose";
const FEW: &str = "bucket(3, purpose)";

fn options<'a>(mode: &'a str, out: &'a str, partition_by: &'a str) -> Vec<&'a str> {
    vec!["--out", out, "--mode", mode, "--partition-by", partition_by, "--max-rejects", "1", "--threads", "2"]
}

/// The files of a dataset, without what may differ: the time of each commit, and the lock.
fn contents(dir: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut files = tree(dir);
    files.remove("_partiquet/lock");
    for (path, bytes) in &mut files {
        if path.starts_with("_partiquet/commits/") {
            let mut manifest: serde_json::Value = serde_json::from_slice(bytes).unwrap();
            manifest["committed_at"] = serde_json::Value::Null;
            *bytes = manifest.to_string().into_bytes();
        }
    }
    files
}

/// What a reader of the whole folder finds: every file is complete. Files may go while it looks.
fn read_everything(dir: &Path) -> usize {
    let entries = walkdir::WalkDir::new(dir).into_iter().filter_map(Result::ok);
    let files =
        entries.map(walkdir::DirEntry::into_path).filter(|path| path.extension().is_some_and(|end| end == "parquet"));
    let mut read = 0;
    for path in files {
        // Opened, it stays what it is, whatever becomes of its name.
        let Ok(file) = fs::File::open(&path) else { continue };
        let reader = SerializedFileReader::new(file).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        // The footer is the last thing of a file; the bytes before it are compared when the run was done again.
        assert!(reader.metadata().file_metadata().num_rows() > 0, "{}", path.display());
        read += 1;
    }
    read
}

fn copy(from: &Path, to: &Path) {
    let _ = fs::remove_dir_all(to);
    for (path, bytes) in tree(from) {
        fs::create_dir_all(to.join(&path).parent().unwrap()).unwrap();
        fs::write(to.join(path), bytes).unwrap();
    }
}

/// A folder with two inputs, the dataset `before` of the first, and for each mode what the second makes of it. And how
/// long that takes.
fn prepared(records: usize, partition_by: &str) -> (Folder, Duration) {
    let folder = Folder::with("one.ndjson", lines(&export(records / 2, 1)));
    folder.write("two.ndjson", lines(&export(records, 2)) + "{\n");
    folder.convert(&[&["one.ndjson"], &options("error", "before", partition_by)[..]].concat()).ended_with(0);
    let took = MODES.map(|mode| {
        copy(&folder.path("before"), &folder.path(mode));
        let started = Instant::now();
        folder.convert(&[&["two.ndjson"], &options(mode, mode, partition_by)[..]].concat()).ended_with(3);
        started.elapsed()
    });
    (folder, took.into_iter().min().unwrap())
}

/// The run again, on whatever a killed one has left.
fn done_again(folder: &Folder, mode: &str, partition_by: &str, what: &str) {
    let run = folder.convert(&[&["two.ndjson"], &options(mode, "out", partition_by)[..]].concat());
    // Where the killed one had come to its commit, appending finds nothing new.
    assert!(matches!(run.code, 0 | 3), "{what}: {run:?}");
    let (ours, undisturbed) = (contents(&folder.path("out")), contents(&folder.path(mode)));
    // A run that replaces was committed twice if the killed one came to its commit: the second says so.
    let again: Vec<&String> = ours.keys().filter(|path| !undisturbed.contains_key(*path)).collect();
    let expected: &[&str] = if mode != "append" && !again.is_empty() { &["_partiquet/commits/3.json"] } else { &[] };
    assert_eq!(again, expected, "{what}");
    let missing: Vec<&String> =
        undisturbed.keys().filter(|path| ours.get(*path) != Some(&undisturbed[*path])).collect();
    assert!(missing.is_empty(), "{what}: {missing:?}");
    folder.run(&["verify", "out"]).ended_with(0);
}

#[test]
fn a_run_killed_at_any_moment_is_done_again_as_if_nothing_had_been() {
    let (folder, duration) = prepared(200, MANY);
    let kills = env::var(KILLS).ok().and_then(|text| text.parse().ok()).unwrap_or(FEW_KILLS);
    let mut chance = Chance::new(kills);
    let (mut died, mut in_commit, mut read) = (0, 0, 0);
    for kill in 0..kills {
        let mode = MODES[(kill % 3) as usize];
        copy(&folder.path("before"), &folder.path("out"));
        let started = Instant::now();
        let mut child =
            folder.command(&[&["convert", "two.ndjson"], &options(mode, "out", MANY)[..]].concat()).spawn().unwrap();
        if kill < 3 {
            // The first of each mode is read all the while.
            while child.try_wait().unwrap().is_none() {
                read += read_everything(&folder.path("out"));
            }
        } else {
            let moment = Duration::from_micros(chance.below(duration.as_micros() as u64));
            thread::sleep(moment.saturating_sub(started.elapsed()));
            child.kill().unwrap();
        }
        died += u64::from(child.wait().unwrap().code().is_none());
        in_commit += u64::from(folder.path("out/_partiquet/intent.json").exists());
        read += read_everything(&folder.path("out"));
        done_again(&folder, mode, MANY, &format!("kill {kill} in mode {mode}"));
    }
    eprintln!("{kills} runs, {died} killed, {in_commit} of them in their commit; readers opened {read} files");
    assert!(died > 0 || kills < 10, "no run was killed before it ended");
}

#[test]
fn a_commit_killed_at_each_of_its_steps_ends_the_same() {
    if !Command::new("strace")
        .args(["-o", "/dev/null", "true"])
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|ran| ran.success())
    {
        eprintln!("skipped: strace cannot be used here");
        return;
    }
    let (folder, _) = prepared(8, FEW);
    // Every call that changes a folder or waits for the disk. The long form does it in all modes.
    let modes = if env::var(KILLS).is_ok() { &MODES[..] } else { &MODES[2..] };
    for mode in modes {
        let (mut killed, mut in_commit) = (0, 0);
        for call in ["mkdir", "rename", "unlink", "unlinkat", "rmdir", "fsync"] {
            for at in 1.. {
                copy(&folder.path("before"), &folder.path("out"));
                let inject = format!("inject={call}:signal=KILL:when={at}");
                let mut strace = Command::new("strace");
                strace.args(["-f", "-qq", "-o", "/dev/null", "-e", &format!("trace={call}"), "-e", &inject]);
                strace.args([env!("CARGO_BIN_EXE_partiquet"), "convert", "two.ndjson"]).args(options(mode, "out", FEW));
                strace.current_dir(folder.path(".")).stdout(Stdio::null()).stderr(Stdio::null());
                if strace.status().unwrap().code() == Some(3) {
                    break;
                }
                killed += 1;
                in_commit += u64::from(folder.path("out/_partiquet/intent.json").exists());
                read_everything(&folder.path("out"));
                done_again(&folder, mode, FEW, &format!("{mode}, killed at {call} {at}"));
            }
        }
        eprintln!("{mode}: killed at {killed} calls, {in_commit} of them within the commit");
        assert!(in_commit > 10, "{in_commit} of {killed}");
    }
}
