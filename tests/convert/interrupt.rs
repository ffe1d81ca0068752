//! Signals, crashes and two runs at once. The runs here read a pipe that the test holds open, so they stay in the
//! middle of their work for as long as the test wants, on any machine.

use std::{
    fs,
    io::Write,
    process::{Child, ChildStdin, Command, Stdio},
};

use crate::{
    commit::assert_no_staging,
    data::{conversations, export, gzip, lines},
    output::{entries, tree},
    run::{Folder, Run, wait_until},
};

/// A run that waits for more input.
struct Running {
    child: Child,
    pipe: ChildStdin,
}

impl Running {
    /// Starts a run that writes to `out`, and waits until it has the dataset open and has read something.
    fn start(folder: &Folder, args: &[&str]) -> Self {
        let options = ["convert", "-", "--out", "out", "--attribute-columns", "none", "--row-group-rows", "200"];
        let mut child = folder.command(&[&options[..], args].concat()).stdin(Stdio::piped()).spawn().unwrap();
        let pipe = child.stdin.take().unwrap();
        let mut running = Self { child, pipe };
        running.feed_until("a staged file", || {
            entries(&folder.path("out")).iter().any(|path| path.extension().is_some_and(|end| end == "staged"))
        });
        running
    }

    /// Feeds it records until a condition holds, or until it accepts no more.
    fn feed_until(&mut self, what: &str, mut is_true: impl FnMut() -> bool) {
        let block = lines(&export(300, 40));
        wait_until(what, || is_true() || self.pipe.write_all(block.as_bytes()).is_err() || is_true());
    }

    fn signal(&self, signal: &str) {
        let kill = Command::new("kill").args([&format!("-{signal}"), &self.child.id().to_string()]).status().unwrap();
        assert!(kill.success());
    }

    /// Feeds it until it ends on its own.
    fn end(mut self) -> Run {
        let block = lines(&export(300, 40));
        wait_until("the end of the run", || self.pipe.write_all(block.as_bytes()).is_err());
        drop(self.pipe);
        Run::of(self.child)
    }
}

#[test]
fn a_signal_ends_the_run_and_nothing_is_left() {
    for signal in ["INT", "TERM"] {
        for threads in ["1", "2"] {
            let folder = Folder::new();
            let running = Running::start(&folder, &["--threads", threads]);
            running.signal(signal);
            let run = running.end().ended_with(130).says(&["interrupted: nothing was committed"]);
            assert_eq!(run.stdout, "");
            assert_eq!(folder.names(), Vec::<String>::new(), "{signal}");
        }
    }
}

#[test]
fn a_signal_leaves_a_dataset_that_was_there_as_it_was() {
    let folder = Folder::with("in.ndjson", conversations(3));
    folder.convert(&["in.ndjson", "--out", "out"]).ended_with(0);
    let before = (tree(&folder.path("out")), entries(&folder.path("out")));
    let running = Running::start(&folder, &["--mode", "overwrite", "--report", "r.json"]);
    running.signal("INT");
    running.end().ended_with(130);
    assert!(before == (tree(&folder.path("out")), entries(&folder.path("out"))));
    assert_eq!(folder.json("r.json")["exit_code"], 130);
}

#[test]
fn a_signal_is_heard_while_the_input_is_silent_and_closes() {
    let folder = Folder::new();
    let running = Running::start(&folder, &[]);
    running.signal("INT");
    // The program that feeds a pipe dies of the same Ctrl-C: this end of input must not be taken for the end of the
    // data.
    drop(running.pipe);
    Run::of(running.child).ended_with(130);
    assert_eq!(folder.names(), Vec::<String>::new());
}

#[test]
fn a_signal_ends_a_run_whose_input_stays_silent() {
    for threads in ["1", "2"] {
        let folder = Folder::with("in.ndjson", conversations(3));
        folder.convert(&["in.ndjson", "--out", "out"]).ended_with(0);
        let before = (tree(&folder.path("out")), entries(&folder.path("out")));
        let running = Running::start(&folder, &["--mode", "overwrite", "--threads", threads]);
        running.signal("TERM");
        // The pipe stays open without sending anything.
        let Running { child, pipe } = running;
        Run::of(child).ended_with(130).says(&["interrupted: nothing was committed"]);
        drop(pipe);
        assert!(before == (tree(&folder.path("out")), entries(&folder.path("out"))));
    }
}

#[test]
fn a_signal_ends_a_run_that_still_waits_for_its_first_byte() {
    for (input, keys) in [("-", "auto"), ("-", "none"), ("fifo", "auto"), ("fifo", "none")] {
        let folder = Folder::new();
        assert!(Command::new("mkfifo").arg(folder.path("fifo")).status().unwrap().success());
        let mut command = folder.command(&["convert", input, "--out", "out", "--attribute-columns", keys]);
        let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
        let pipe = child.stdin.take().unwrap();
        wait_until("an open dataset", || folder.path("out/_partiquet/staging").exists());
        let signalled = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
        assert!(signalled.success());
        Run::of(child).ended_with(130).says(&["interrupted: nothing was committed"]);
        drop(pipe);
        assert_eq!(folder.names(), ["fifo"], "{input}, {keys}");
    }
}

/// A file whose only text has no end that anybody would wait for.
fn endless_file(folder: &Folder) {
    folder.write("endless.json", "{\"id\":\"");
    fs::File::options().append(true).open(folder.path("endless.json")).unwrap().set_len(1 << 40).unwrap();
}

#[test]
fn a_file_without_an_end_is_refused_without_reading_all_of_it() {
    let folder = Folder::new();
    endless_file(&folder);
    let args = ["endless.json", "--out", "out", "--max-record-size", "64KiB"];
    folder.convert(&args).ended_with(1).says(&["endless.json", "the record has over ", "nothing was committed"]);
    let preview = folder.convert(&[&args[..], &["--dry-run"]].concat()).ended_with(1);
    assert!(preview.stdout.contains("the record has over "), "{}", preview.stdout);
    // What stands behind a long text is not said to be all, also if the stored bytes have been read.
    let text = format!("{{\"id\":\"{}\"}}\n{}", "x".repeat(12 << 20), conversations(50));
    folder.write("in.ndjson.gz", gzip(text.as_bytes()));
    let args = ["in.ndjson.gz", "--out", "out", "--max-record-size", "64KiB", "--max-rejects", "50%"];
    let preview = folder.convert(&[&args[..], &["--dry-run"]].concat()).stdout;
    assert!(!preview.contains("all 0 rows"), "{preview}");
    folder.convert(&args).ended_with(3);
}

#[test]
fn a_signal_is_heard_while_a_text_without_an_end_is_skipped() {
    let folder = Folder::new();
    endless_file(&folder);
    for threads in ["1", "2"] {
        let args = ["convert", "endless.json", "--out", "out", "--max-rejects", "unlimited", "--threads", threads];
        let child = folder.command(&args).spawn().unwrap();
        wait_until("an open dataset", || folder.path("out/_partiquet/staging").exists());
        assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
        Run::of(child).ended_with(130).says(&["interrupted: nothing was committed"]);
        assert_eq!(folder.names(), ["endless.json"]);
    }
}

/// What is wrong with an input is told before a later one is waited for, however many workers there are.
#[test]
fn a_refused_record_is_told_while_the_next_input_is_silent() {
    let folder = Folder::with("bad.ndjson.gz", gzip(format!("no JSON\n{}", conversations(20)).as_bytes()));
    assert!(Command::new("mkfifo").arg(folder.path("silent")).status().unwrap().success());
    // Opened for both, so that opening it waits for nobody.
    let pipe = fs::OpenOptions::new().read(true).write(true).open(folder.path("silent")).unwrap();
    // The rest of this document is refused at its end.
    folder.write("rest.json", format!("[{{}},{{]{}", " x".repeat(4000)));
    for (input, threads) in ["bad.ndjson.gz", "rest.json"].into_iter().flat_map(|input| [1, 2, 3].map(|n| (input, n))) {
        for _ in 0..3 {
            let threads = threads.to_string();
            let args =
                ["convert", input, "silent", "--out", "out", "--attribute-columns", "none", "--threads", &threads];
            let options = ["--max-record-size", "4KiB"];
            let child = folder.command(&[&args[..], &options].concat()).spawn().unwrap();
            Run::of(child).ended_with(1).says(&[input, "nothing was committed"]);
        }
    }
    drop(pipe);
}

#[test]
fn a_named_pipe_is_read_when_its_writer_comes_late() {
    let folder = Folder::new();
    assert!(Command::new("mkfifo").arg(folder.path("fifo")).status().unwrap().success());
    let child = folder.command(&["convert", "fifo", "--out", "out"]).spawn().unwrap();
    wait_until("an open dataset", || folder.path("out/_partiquet/staging").exists());
    fs::write(folder.path("fifo"), conversations(3000)).unwrap();
    Run::of(child).ended_with(0);
    assert_eq!(folder.output("out").rows().len(), 3000);
}

#[test]
fn repeated_signals_end_a_run_too() {
    let folder = Folder::with("in.ndjson", conversations(3));
    let Running { mut child, pipe } = Running::start(&folder, &[]);
    wait_until("the end by repeated signals", || {
        let _ = Command::new("kill").args(["-INT", &child.id().to_string()]).stderr(Stdio::null()).status();
        child.try_wait().unwrap().is_some()
    });
    assert_eq!(child.wait().unwrap().code(), Some(130));
    drop(pipe);
    // The next run removes what the second signal may have left.
    folder.convert(&["in.ndjson", "--out", "out"]).ended_with(0);
    assert_eq!(folder.output("out").rows().len(), 3);
    assert_no_staging(&folder, "out");
}

#[test]
fn a_killed_run_shows_nothing_and_the_next_one_sweeps() {
    let folder = Folder::with("in.ndjson", conversations(3));
    let mut running = Running::start(&folder, &[]);
    running.child.kill().unwrap();
    running.child.wait().unwrap();
    assert!(folder.output("out").files.is_empty());
    assert!(folder.path("out/_partiquet/staging").exists(), "otherwise this test sees nothing");
    folder.convert(&["in.ndjson", "--out", "out"]).ended_with(0);
    assert_eq!(folder.output("out").rows().len(), 3);
    assert_no_staging(&folder, "out");
}

#[test]
fn a_killed_overwrite_leaves_the_old_dataset() {
    let folder = Folder::with("in.ndjson", conversations(3));
    folder.convert(&["in.ndjson", "--out", "out"]).ended_with(0);
    let mut running = Running::start(&folder, &["--mode", "overwrite"]);
    running.child.kill().unwrap();
    running.child.wait().unwrap();
    assert_eq!(folder.output("out").rows().len(), 3);
    folder.convert(&["in.ndjson", "--out", "out"]).ended_with(1).says(&["there is a dataset in it already"]);
    folder.convert(&["in.ndjson", "--out", "out", "--mode", "overwrite"]).ended_with(0);
    assert_eq!(folder.output("out").rows().len(), 3);
    assert_no_staging(&folder, "out");
}

#[test]
fn of_two_runs_at_once_the_second_is_told_who_is_there() {
    let folder = Folder::with("in.ndjson", conversations(3));
    let running = Running::start(&folder, &[]);
    for mode in ["error", "overwrite"] {
        let run = folder.convert(&["in.ndjson", "--out", "out", "--mode", mode]).ended_with(1);
        run.says(&["another run is writing to it", &format!("process {} on ", running.child.id())]);
    }
    // The first run is not affected.
    drop(running.pipe);
    Run::of(running.child).ended_with(0);
    assert!(folder.output("out").rows().len() > 200);
    assert_no_staging(&folder, "out");
}

#[test]
fn of_many_runs_that_start_together_one_wins_each_time() {
    let folder = Folder::with("in.ndjson", conversations(30));
    for round in 0..5 {
        let out = format!("out{round}");
        let spawn = |_| folder.command(&["convert", "in.ndjson", "--out", &out]).spawn().unwrap();
        let children: Vec<Child> = (0..4).map(spawn).collect();
        let runs: Vec<Run> = children.into_iter().map(Run::of).collect();
        let winners = runs.iter().filter(|run| run.code == 0).count();
        assert_eq!(winners, 1, "{runs:?}");
        for run in runs.iter().filter(|run| run.code != 0) {
            assert_eq!(run.code, 1, "{run:?}");
            let is_told = ["another run is writing", "there is a dataset in it", "is not empty"]
                .iter()
                .any(|part| run.stderr.contains(part));
            assert!(is_told, "{run:?}");
        }
        assert_eq!(folder.output(&out).rows().len(), 30);
        assert_no_staging(&folder, &out);
    }
    assert!(fs::read(folder.path("out0/_partiquet/lock")).unwrap().is_empty(), "nobody holds it any more");
}
