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
        let rows: usize = reader.get_row_iter(None).unwrap().map(Result::unwrap).count();
        assert_eq!(rows as i64, reader.metadata().file_metadata().num_rows(), "{}", path.display());
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

/// A folder with two inputs, the dataset `before` of the first, and for each mode what the second makes of it.
fn prepared(records: usize, partition_by: &str) -> Folder {
    let folder = Folder::with("one.ndjson", lines(&export(records / 2, 1)));
    folder.write("two.ndjson", lines(&export(records, 2)) + "{\n");
    folder.convert(&[&["one.ndjson"], &options("error", "before", partition_by)[..]].concat()).ended_with(0);
    for mode in MODES {
        copy(&folder.path("before"), &folder.path(mode));
        folder.convert(&[&["two.ndjson"], &options(mode, mode, partition_by)[..]].concat()).ended_with(3);
    }
    folder
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
    let folder = prepared(200, MANY);
    let kills = env::var(KILLS).ok().and_then(|text| text.parse().ok()).unwrap_or(FEW_KILLS);
    let mut chance = Chance::new(kills);
    let (mut died, mut in_commit, mut read) = (0, 0, 0);
    let mut longest = Duration::ZERO;
    for kill in 0..kills {
        let mode = MODES[(kill % 3) as usize];
        copy(&folder.path("before"), &folder.path("out"));
        let started = Instant::now();
        let mut child =
            folder.command(&[&["convert", "two.ndjson"], &options(mode, "out", MANY)[..]].concat()).spawn().unwrap();
        if kill < 3 {
            // The first of each mode shows how long a run takes, and is read all the while.
            while child.try_wait().unwrap().is_none() {
                read += read_everything(&folder.path("out"));
            }
            longest = longest.max(started.elapsed());
        } else {
            let moment = Duration::from_micros(chance.below(longest.as_micros() as u64));
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
    let folder = prepared(8, FEW);
    for mode in MODES {
        let (mut at, mut in_commit) = (1, 0);
        loop {
            copy(&folder.path("before"), &folder.path("out"));
            let program = env!("CARGO_BIN_EXE_partiquet");
            let inject = format!("inject=rename,renameat,renameat2,unlink,rmdir,unlinkat:signal=KILL:when={at}");
            let mut command = Command::new("strace");
            command.args([
                "-f",
                "-qq",
                "-o",
                "/dev/null",
                "-e",
                "trace=rename,renameat,renameat2,unlink,rmdir,unlinkat",
            ]);
            command.args(["-e", &inject, program, "convert", "two.ndjson"]).args(options(mode, "out", FEW));
            let status = command.current_dir(folder.path(".")).stdout(Stdio::null()).stderr(Stdio::null()).status();
            let ended = status.unwrap().code() == Some(3);
            in_commit += u64::from(folder.path("out/_partiquet/intent.json").exists());
            read_everything(&folder.path("out"));
            done_again(&folder, mode, FEW, &format!("{mode}, killed at step {at}"));
            if ended {
                break;
            }
            at += 1;
        }
        eprintln!("{mode}: killed at each of {} steps, {in_commit} of them within the commit", at - 1);
        assert!(in_commit > 5, "{in_commit}");
    }
}
