//! Kills runs with `kill -9`, at any moment and at each single step of a commit, and lets the system refuse each single
//! call. Afterwards a reader reads the dataset, the run is repeated, and the dataset must equal that of an undisturbed
//! run, byte for byte.

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
    run::{Folder, Run},
};

/// Environment variable with the number of runs killed at random moments. Setting it selects the long form of the
/// tests.
const KILLS: &str = "PARTIQUET_TEST_KILLS";
const FEW_KILLS: u64 = 20;

/// The modes of the second run, on a dataset of one commit.
pub const MODES: [&str; 3] = ["append", "overwrite", "overwrite-partitions"];

/// With many partitions a commit takes some time; with few it can be repeated often.
const MANY: &str = "day(start_time), purpose";
pub const FEW: &str = "bucket(3, purpose)";

pub fn options<'a>(mode: &'a str, out: &'a str, partition_by: &'a str) -> Vec<&'a str> {
    vec!["--out", out, "--mode", mode, "--partition-by", partition_by, "--max-rejects", "1", "--threads", "2"]
}

/// The files of a dataset, without what may differ: the times of the commits with the digests over them, and the lock.
fn contents(dir: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut files = tree(dir);
    files.remove("_partiquet/lock");
    for (path, bytes) in &mut files {
        if path.starts_with("_partiquet/commits/") {
            let mut manifest: serde_json::Value = serde_json::from_slice(bytes).unwrap();
            for member in ["committed_at", "document_digest"] {
                assert!(manifest[member].take().is_string(), "{member}");
            }
            *bytes = manifest.to_string().into_bytes();
        }
    }
    files
}

/// Reads the whole folder like a reader, and checks that every file is complete. Files may disappear meanwhile. Returns
/// the number of files read.
fn read_everything(dir: &Path) -> usize {
    let entries = walkdir::WalkDir::new(dir).into_iter().filter_map(Result::ok);
    let files =
        entries.map(walkdir::DirEntry::into_path).filter(|path| path.extension().is_some_and(|end| end == "parquet"));
    let mut read = 0;
    for path in files {
        // An open file stays readable, whatever happens to its name.
        let Ok(file) = fs::File::open(&path) else { continue };
        let reader = SerializedFileReader::new(file).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        // The footer is written last; the bytes before it are compared after the run was repeated.
        assert!(reader.metadata().file_metadata().num_rows() > 0, "{}", path.display());
        read += 1;
    }
    read
}

pub fn copy(from: &Path, to: &Path) {
    let _ = fs::remove_dir_all(to);
    for (path, bytes) in tree(from) {
        fs::create_dir_all(to.join(&path).parent().unwrap()).unwrap();
        fs::write(to.join(path), bytes).unwrap();
    }
}

/// A folder with two inputs, the dataset `before` made of the first, and for each mode the dataset that the second
/// makes of it.
pub fn prepared(records: usize, partition_by: &str) -> Folder {
    let folder = Folder::with("one.ndjson", lines(&export(records / 2, 1)));
    folder.write("two.ndjson", lines(&export(records, 2)) + "{\n");
    folder.convert(&[&["one.ndjson"], &options("error", "before", partition_by)[..]].concat()).ended_with(0);
    for mode in MODES {
        copy(&folder.path("before"), &folder.path(mode));
        folder.convert(&[&["two.ndjson"], &options(mode, mode, partition_by)[..]].concat()).ended_with(3);
    }
    folder
}

/// Repeats the run on whatever a disturbed one has left. Returns how long it took.
fn done_again(folder: &Folder, mode: &str, partition_by: &str, what: &str) -> Duration {
    let started = Instant::now();
    let run = folder.convert(&[&["two.ndjson"], &options(mode, "out", partition_by)[..]].concat());
    let took = started.elapsed();
    // If the disturbed run had reached its commit, appending finds nothing new.
    assert!(matches!(run.code, 0 | 3), "{what}: {run:?}");
    let (ours, undisturbed) = (contents(&folder.path("out")), contents(&folder.path(mode)));
    // A run that replaces is committed twice if the disturbed one had reached its commit: there is a third commit then.
    let again: Vec<&String> = ours.keys().filter(|path| !undisturbed.contains_key(*path)).collect();
    let expected: &[&str] = if mode != "append" && !again.is_empty() { &["_partiquet/commits/3.json"] } else { &[] };
    assert_eq!(again, expected, "{what}");
    let missing: Vec<&String> =
        undisturbed.keys().filter(|path| ours.get(*path) != Some(&undisturbed[*path])).collect();
    assert!(missing.is_empty(), "{what}: {missing:?}");
    folder.run(&["verify", "out"]).ended_with(0);
    took
}

#[test]
fn a_run_killed_at_any_moment_is_done_again_as_if_nothing_had_been() {
    let folder = prepared(200, MANY);
    let kills = env::var(KILLS).ok().and_then(|text| text.parse().ok()).unwrap_or(FEW_KILLS);
    let mut chance = Chance::new(kills);
    let (mut runs, mut died, mut in_commit, mut read) = (0, 0, 0, 0);
    // Current duration of a run, as far as it is known: the load of the machine may change.
    let mut duration = Duration::from_millis(100);
    while died < kills {
        assert!(runs < 10 * kills + 10, "{died} of {runs} runs were killed before they ended");
        let mode = MODES[(runs % 3) as usize];
        copy(&folder.path("before"), &folder.path("out"));
        let started = Instant::now();
        let mut child =
            folder.command(&[&["convert", "two.ndjson"], &options(mode, "out", MANY)[..]].concat()).spawn().unwrap();
        if runs < 3 {
            // During the first run of each mode a reader reads all the time.
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
        runs += 1;
        duration = done_again(&folder, mode, MANY, &format!("run {runs}, in mode {mode}"));
    }
    assert!(read > 0, "no file was ever read");
    eprintln!("{runs} runs, {died} killed, {in_commit} of them in their commit; readers opened {read} files");
}

/// Whether strace can be used. If not, a test that needs it says so and passes; `tests/all.sh` tells that, too.
pub fn has_strace() -> bool {
    let status = Command::new("strace").args(["-o", "/dev/null", "true"]).stderr(Stdio::null()).status();
    let has_strace = status.is_ok_and(|ran| ran.success());
    if !has_strace {
        eprintln!("skipped: strace cannot be used here");
    }
    has_strace
}

/// Whether to run the long form, which takes more time than CI has.
fn is_long_form() -> bool {
    env::var(KILLS).is_ok()
}

/// All modes in the long form, one mode otherwise.
fn modes() -> &'static [&'static str] {
    if is_long_form() { &MODES[..] } else { &MODES[2..] }
}

/// Runs the program while strace applies `what` to call number `at` of this name, in each thread. Returns `None` if
/// there are fewer calls.
fn disturbed(folder: &Folder, (mode, partition_by): (&str, &str), call: &str, what: &str, at: usize) -> Option<Run> {
    copy(&folder.path("before"), &folder.path("out"));
    let trace = folder.path("trace");
    let mut strace = Command::new("strace");
    strace.args(["-f", "-qq", "-o"]).arg(&trace).args(["-e", &format!("trace={call}")]);
    strace.args(["-e", &format!("inject={call}:{what}:when={at}")]);
    strace.args([env!("CARGO_BIN_EXE_partiquet"), "convert", "two.ndjson"]).args(options(mode, "out", partition_by));
    strace.current_dir(folder.path(".")).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let run = Run::of(strace.spawn().unwrap());
    let trace = fs::read_to_string(trace).unwrap();
    (trace.contains("(INJECTED)") || trace.contains("+++ killed by")).then_some(run)
}

#[test]
fn a_commit_killed_at_each_of_its_steps_ends_the_same() {
    if !has_strace() {
        return;
    }
    let folder = prepared(8, FEW);
    for mode in modes() {
        let (mut killed, mut in_commit) = (0, 0);
        // Every call that changes a folder or waits for the disk.
        for call in ["mkdir", "rename", "unlink", "unlinkat", "rmdir", "fsync"] {
            for at in 1.. {
                let Some(run) = disturbed(&folder, (mode, FEW), call, "signal=KILL", at) else { break };
                assert_eq!(run.code, -1, "{run:?}");
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

/// The calls that the system refuses, with the error code.
const REFUSALS: [(&str, &str); 9] = [
    ("write", "ENOSPC"),
    ("rename", "EIO"),
    ("mkdir", "ENOSPC"),
    ("fsync", "EIO"),
    ("unlink", "EACCES"),
    ("rmdir", "EACCES"),
    ("read", "EIO"),
    ("getdents64", "EIO"),
    ("openat", "EMFILE"),
];

/// The files that matter to readers and later runs. If the cleanup was refused, the next run does it.
fn visible(folder: &Folder, dir: &str) -> BTreeMap<String, Vec<u8>> {
    let mut files = contents(&folder.path(dir));
    files.retain(|path, _| !path.starts_with("_partiquet/staging/") && path != "_partiquet/intent.json");
    files
}

#[test]
fn a_run_refused_any_single_call_ends_well_or_changes_nothing() {
    if !has_strace() {
        return;
    }
    let folder = prepared(8, FEW);
    let before = visible(&folder, "before");
    // CI tests every other call, but every read, because one of them belongs to the sample that chooses the columns.
    // Only a run that replaces everything takes a sample.
    let (modes, step) = if is_long_form() { (&MODES[..], 1) } else { (&MODES[1..2], 2) };
    for mode in modes {
        let after = visible(&folder, mode);
        let (mut failed, mut ended_well) = (0, 0);
        for (call, error) in REFUSALS {
            for at in (1..).step_by(if call == "read" { 1 } else { step }) {
                let Some(run) = disturbed(&folder, (mode, FEW), call, &format!("error={error}"), at) else { break };
                let what = format!("{mode}, {error} at {call} {at}");
                assert!(!run.stderr.contains("panicked"), "{what}: {run:?}");
                read_everything(&folder.path("out"));
                if matches!(run.code, 0 | 3) {
                    ended_well += 1;
                    assert!(after == visible(&folder, "out"), "{what}: {run:?}");
                } else {
                    failed += 1;
                    assert!(before == visible(&folder, "out"), "{what}: {run:?}");
                    // Otherwise the next run would complete a commit that this one has reported as failed.
                    assert!(!folder.path("out/_partiquet/intent.json").exists(), "{what}: {run:?}");
                }
                done_again(&folder, mode, FEW, &what);
            }
        }
        eprintln!("{mode}: {failed} runs failed and changed nothing, {ended_well} ended well");
        assert!(failed > 30, "{failed}");
    }
}

/// More partitions than are synced one by one.
pub const VERY_MANY: &str = "bucket(500, id)";

#[test]
fn many_files_synced_at_once_are_synced_or_the_run_fails() {
    if !has_strace() {
        return;
    }
    let folder = prepared(200, VERY_MANY);
    let before = visible(&folder, "before");
    let mode = ("append", VERY_MANY);
    let (mut failed, mut killed) = (0, 0);
    for at in 1.. {
        let Some(run) = disturbed(&folder, mode, "syncfs", "error=EIO", at) else { break };
        assert_eq!(run.code, 1, "{run:?}");
        assert!(before == visible(&folder, "out"), "{run:?}");
        run.says(&["cannot sync"]);
        failed += 1;
        done_again(&folder, mode.0, VERY_MANY, &format!("EIO at syncfs {at}"));
        let run = disturbed(&folder, mode, "syncfs", "signal=KILL", at).unwrap();
        assert_eq!(run.code, -1, "{run:?}");
        killed += 1;
        done_again(&folder, mode.0, VERY_MANY, &format!("killed at syncfs {at}"));
        // On a system without the call, the files are synced one by one.
        let run = disturbed(&folder, mode, "syncfs", "error=ENOSYS", at).unwrap();
        assert!(matches!(run.code, 0 | 3), "{run:?}");
        done_again(&folder, mode.0, VERY_MANY, &format!("ENOSYS at syncfs {at}"));
    }
    eprintln!("syncfs: {failed} runs failed, {killed} were killed");
    // One call is for the files, another for the folders with their new names.
    assert!(failed >= 2, "{failed}");
}

#[test]
fn a_row_group_that_the_disk_refuses_before_its_file_is_finished_ends_the_run() {
    if !has_strace() {
        return;
    }
    let folder = Folder::new();
    folder.run(&["generate", "--size", "12MB", "--shape", "participants", "-o", "in.ndjson"]).ended_with(0);
    // Options that give row groups of some megabytes.
    let large = ["--partition-by", "none", "--compression", "none", "--memory", "64MiB", "--threads", "2"];
    folder.converted(&[&["in.ndjson"], &large[..]].concat());
    let run = |what: &str| {
        let mut strace = Command::new("strace");
        strace.args([
            "-f",
            "-qq",
            "-y",
            "-o",
            "trace",
            "-e",
            "trace=fsync",
            "-e",
            &format!("inject=fsync:{what}:when=1"),
        ]);
        strace.args([env!("CARGO_BIN_EXE_partiquet"), "convert", "in.ndjson", "--out", "refused"]).args(large);
        strace.current_dir(folder.path(".")).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let run = Run::of(strace.spawn().unwrap());
        (run, fs::read_to_string(folder.path("trace")).unwrap())
    };
    let (refused, trace) = run("error=EIO");
    refused.ended_with(1).says(&["cannot sync refused/_partiquet/staging/", ".staged"]);
    assert!(!folder.path("refused").exists());
    // strace refuses the first call of every thread. A single refusal means that no thread went on to the end.
    assert_eq!(trace.matches("(INJECTED)").count(), 1, "{trace}");

    assert_eq!(run("signal=KILL").0.code, -1);
    folder.convert(&[&["in.ndjson", "--out", "refused"], &large[..]].concat()).ended_with(0);
    assert!(contents(&folder.path("refused")) == contents(&folder.path("out")));
}
