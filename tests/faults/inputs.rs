//! Inputs that are cut, damaged, changed or removed, and names that would disturb a terminal.

use std::{fs, io::Write, process::Stdio, thread};

use crate::{
    data::{conversation, conversations, export, gzip, lines, zstd},
    run::{Folder, Run, wait_until},
};

/// Converts an input cut at every byte: a part must never be committed.
fn cut_at_every_byte(name: &str, whole: &[u8], records: usize) {
    let folder = Folder::new();
    // Several workers run at once; each takes its own cuts.
    let workers = 2;
    thread::scope(|scope| {
        for worker in 0..workers {
            let folder = &folder;
            scope.spawn(move || {
                for cut in (worker..whole.len()).step_by(workers) {
                    let (file, out) = (format!("{cut}-{name}"), format!("out-{cut}"));
                    folder.write(&file, &whole[..cut]);
                    let run = folder.convert(&[&file, "--out", &out, "--threads", "1", "--attribute-columns", "none"]);
                    // An empty file is an input without records.
                    if cut == 0 {
                        run.ended_with(0);
                        continue;
                    }
                    let run = run.ended_with(1);
                    assert!(run.stderr.contains(&file), "{cut}: {}", run.stderr);
                    assert!(!folder.path(&out).exists(), "{cut}");
                    fs::remove_file(folder.path(&file)).unwrap();
                }
            });
        }
    });
    folder.write(name, whole);
    folder.convert(&[name, "--out", "whole"]).ended_with(0);
    assert_eq!(folder.output("whole").rows().len(), records);
}

#[test]
fn a_gz_cut_at_any_byte_is_refused() {
    cut_at_every_byte("in.ndjson.gz", &gzip(conversations(3).as_bytes()), 3);
}

#[test]
fn a_zst_cut_at_any_byte_is_refused() {
    cut_at_every_byte("in.ndjson.zst", &zstd(conversations(3).as_bytes()), 3);
}

#[test]
fn garbage_behind_the_end_of_a_compressed_input_is_refused() {
    let folder = Folder::new();
    for (name, whole) in
        [("in.ndjson.gz", gzip(conversations(3).as_bytes())), ("in.ndjson.zst", zstd(conversations(3).as_bytes()))]
    {
        for garbage in
            [&b"x"[..], b"garbage", b"\x1f\x8b", b"\x28\xb5\x2f\xfd", b"\x1f\x8b\x08\x00garbage of some length"]
        {
            folder.write(name, [&whole, garbage].concat());
            folder.convert(&[name, "--out", "out"]).ended_with(1).says(&[name]);
            assert!(!folder.path("out").exists(), "{garbage:?}");
        }
    }
}

/// Runs a conversion during which `happens` is called: the run waits for a pipe, whose name sorts before the file's.
fn meanwhile(folder: &Folder, happens: impl FnOnce()) -> Run {
    let options = ["convert", "-", "z.ndjson", "--out", "out", "--attribute-columns", "none", "--threads", "1"];
    let mut child = folder.command(&options).stdin(Stdio::piped()).spawn().unwrap();
    let mut pipe = child.stdin.take().unwrap();
    pipe.write_all(conversation("first", "2025-07-01T10:00:00Z").as_bytes()).unwrap();
    wait_until("the dataset is open", || folder.path("out/_partiquet/staging").exists());
    happens();
    drop(pipe);
    Run::of(child)
}

#[test]
fn an_input_that_disappears_during_the_run_is_named_and_nothing_is_committed() {
    let folder = Folder::with("z.ndjson", conversations(3));
    let run = meanwhile(&folder, || fs::remove_file(folder.path("z.ndjson")).unwrap());
    run.ended_with(1).says(&["z.ndjson", "No such file or directory"]);
    assert!(!folder.path("out").exists());
}

#[test]
fn an_input_that_changes_during_the_run_is_what_was_read_of_it() {
    let folder = Folder::with("z.ndjson", conversations(3));
    meanwhile(&folder, || folder.write("z.ndjson", conversations(5))).ended_with(0);
    // The manifest records the bytes that were read, so that the next append knows what the dataset holds.
    let output = folder.output("out");
    assert_eq!(output.rows().len(), 6);
    assert_eq!(output.manifest(1)["inputs"][1]["bytes"], conversations(5).len());
    folder.convert(&["z.ndjson", "--out", "out", "--mode", "append"]).ended_with(0);
    assert_eq!(folder.output("out").rows().len(), 6);
}

#[test]
fn an_input_cut_short_in_a_record_during_the_run_is_refused() {
    let folder = Folder::with("z.ndjson", conversations(300));
    let cut = conversations(300).len() - 20;
    let run = meanwhile(&folder, || {
        fs::OpenOptions::new().write(true).open(folder.path("z.ndjson")).unwrap().set_len(cut as u64).unwrap();
    });
    run.ended_with(1).says(&["z.ndjson"]);
    assert!(!folder.path("out").exists());
}

#[test]
fn a_reader_of_standard_output_that_has_gone_does_no_harm() {
    let folder = Folder::with("in.ndjson", lines(&export(50, 1)));
    let mut command = folder.command(&["convert", "in.ndjson", "--out", "out", "--progress", "json"]);
    let mut child = command.spawn().unwrap();
    // Nobody reads its output any more, so writing gives SIGPIPE.
    drop((child.stdout.take(), child.stderr.take()));
    assert_eq!(child.wait().unwrap().code(), Some(0));
    folder.run(&["verify", "out"]).ended_with(0);
}

#[test]
fn names_with_newlines_are_names_like_others() {
    let name = "a\nb \u{1b}[31m.ndjson";
    let folder = Folder::with(name, conversations(2));
    let run = folder.convert(&[name, "--out", "out\ndir", "--provenance"]).ended_with(0);
    assert!(!run.stdout.contains('\u{1b}') && !run.stdout.contains("a\nb"), "{}", run.stdout);
    let output = folder.output("out\ndir");
    assert_eq!(output.column("source_file")[0], name);
    assert_eq!(output.manifest(1)["inputs"][0]["path"], name);
    let run = folder.convert(&[name, "--out", "out\ndir", "--mode", "append"]).ended_with(0);
    assert!(!run.stdout.contains('\u{1b}') && !run.stdout.contains("a\nb"), "{}", run.stdout);
    let run = folder.run(&["verify", "out\ndir"]).ended_with(0);
    assert!(!run.stdout.contains("out\ndir"), "{}", run.stdout);
    fs::remove_file(folder.path("out\ndir").join(&output.files[0])).unwrap();
    let run = folder.run(&["verify", "out\ndir"]).ended_with(1);
    assert!(run.stdout.contains("missing"), "{}", run.stdout);
}
