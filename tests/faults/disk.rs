//! Full disks, folders that may not be written to, exhausted descriptors, links that lead elsewhere.

use std::{
    collections::BTreeMap,
    fs,
    os::unix::{
        fs::{MetadataExt, PermissionsExt, symlink},
        process::CommandExt,
    },
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use crate::{
    data::{conversation, conversations, export, lines},
    output::{entries, tree},
    run::{Folder, Run},
};

/// A small file system in memory; unmounted when dropped.
struct SmallDisk(PathBuf);

impl SmallDisk {
    fn mount(path: &Path, options: &str) -> Option<Self> {
        fs::create_dir_all(path).unwrap();
        let mount = Command::new("mount").args(["-t", "tmpfs", "-o", options, "none"]).arg(path).output();
        let is_mounted = mount.is_ok_and(|done| done.status.success());
        if !is_mounted {
            eprintln!("skipped: a small file system cannot be mounted here");
        }
        is_mounted.then(|| Self(path.to_owned()))
    }

    fn grow(&self, options: &str) {
        let remount = Command::new("mount").args(["-o", &format!("remount,{options}")]).arg(&self.0).status().unwrap();
        assert!(remount.success());
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(&self.0).status();
    }
}

/// The files of a dataset, without the lock.
fn contents(dir: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut files = tree(dir);
    files.remove("_partiquet/lock");
    files
}

/// What the dataset uses before the run.
#[derive(Clone, Copy)]
struct Used {
    pages: usize,
    names: usize,
}

const MAX_ATTEMPTS: usize = 200;

/// Repeats the run with slightly more space each time. Every run that fails leaves the dataset as it was; the first
/// that succeeds has done everything. Returns the number of failed runs.
fn with_more_room_each_time(mode: &str, room: fn(Used, usize) -> String) -> Option<usize> {
    let folder = Folder::with("one.ndjson", lines(&export(4, 1)));
    folder.write("two.ndjson", lines(&export(12, 2)));
    let options = ["--out", "disk/out", "--mode", mode, "--partition-by", "purpose", "--threads", "1"];
    let options = [&options[..], &["--compression", "none"]].concat();
    let disk = SmallDisk::mount(&folder.path("disk"), "size=64m")?;
    folder.convert(&[&["one.ndjson"], &options[..]].concat()).ended_with(0);
    let out = folder.path("disk/out");
    let before = (contents(&out), entries(&out));
    let used =
        Used { pages: before.0.values().map(|bytes| bytes.len().div_ceil(4096)).sum(), names: before.1.len() + 1 };
    for failed in 0..MAX_ATTEMPTS {
        let room = room(used, failed);
        disk.grow(&room);
        let run = folder.convert(&[&["two.ndjson"], &options[..]].concat());
        if run.code == 0 {
            disk.grow("size=64m,nr_inodes=0");
            folder.run(&["verify", "disk/out"]).ended_with(0);
            assert!(folder.output("disk/out").rows().len() > 12);
            return Some(failed);
        }
        run.ended_with(1).says(&["No space left on device"]);
        assert!(before == (contents(&out), entries(&out)), "{mode}, {room}");
    }
    panic!("no room was enough");
}

#[test]
fn a_disk_that_fills_up_at_any_write_ends_the_run_without_a_trace() {
    // Steps of a few pages make it fail in data files, in the manifest and in the intent.
    let room = |used: Used, step| format!("size={}k", (used.pages + 1 + step * 7) * 4);
    if let Some(failed) = with_more_room_each_time("append", room) {
        eprintln!("disk full at {failed} points");
        assert!(failed > 5, "{failed}");
    }
}

#[test]
fn a_disk_without_room_for_one_more_name_ends_the_run_without_a_trace() {
    for mode in ["append", "overwrite-partitions"] {
        // One more name each time: folders and files are refused one after another, up to those of the commit itself.
        let room = |used: Used, step| format!("nr_inodes={}", used.names + step);
        if let Some(failed) = with_more_room_each_time(mode, room) {
            eprintln!("no room for a name at {failed} points in mode {mode}");
            assert!(failed > 5, "{failed}");
        }
    }
}

/// Runs the program in a shell that sets limits first.
fn limited(folder: &Folder, limit: &str, args: &str) -> Run {
    let script = format!("{limit}; exec {} {args}", env!("CARGO_BIN_EXE_partiquet"));
    let mut command = Command::new("sh");
    command.args(["-c", &script]).current_dir(folder.path("."));
    Run::of(command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap())
}

#[test]
fn descriptors_that_run_out_end_the_run_and_nothing_is_visible() {
    let folder = Folder::with("in.ndjson", lines(&export(60, 1)));
    for most in 3..64 {
        let run = limited(&folder, &format!("ulimit -n {most}"), "convert in.ndjson --out out --threads 1");
        if run.code == 0 {
            eprintln!("{most} descriptors are enough");
            folder.run(&["verify", "out", "--repair"]).ended_with(0);
            assert!(most > 3);
            return;
        }
        // With too few, the program itself cannot be loaded, or cannot watch for signals.
        assert!(run.code != 101 && !run.stderr.contains("panicked"), "{most}: {run:?}");
        // Cleaning up needs a descriptor too: what is left then is invisible, and the next run removes it.
        assert!(folder.output("out").files.is_empty(), "{most}: {run:?}");
    }
    panic!("64 descriptors are not enough");
}

#[test]
fn a_file_size_limit_is_a_clear_error() {
    let folder = Folder::with("in.ndjson", lines(&export(60, 1)));
    // The limit is in blocks of 512 bytes. The signal that comes with it must not end the program.
    let run = limited(&folder, "ulimit -f 20", "convert in.ndjson --out out --threads 1").ended_with(1);
    run.says(&["cannot write out/_partiquet/staging/", "File too large"]);
    assert!(!folder.path("out").exists());
}

/// Runs the program so that permissions hold for it: root may write everywhere, so root becomes `nobody`.
/// None where root may not do so.
fn without_privileges(folder: &Folder, args: &[&str]) -> Option<Run> {
    const NOBODY: u32 = 65534;
    let mut command = folder.command(args);
    if fs::metadata(folder.path(".")).unwrap().uid() == 0 {
        // The program itself may be where nobody else may look. If this process copied it, a child of another test
        // could have it open for writing, and it could not be started.
        let program = folder.path("partiquet");
        assert!(Command::new("cp").arg(command.get_program()).arg(&program).status().unwrap().success());
        fs::set_permissions(folder.path("."), fs::Permissions::from_mode(0o755)).unwrap();
        command = Command::new(program);
        command.args(args).current_dir(folder.path(".")).stdin(Stdio::null());
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).uid(NOBODY).gid(NOBODY);
    }
    match command.spawn() {
        Ok(child) => Some(Run::of(child)),
        Err(error) => {
            eprintln!("skipped: root cannot become another user here: {error}");
            None
        }
    }
}

#[test]
fn a_folder_that_may_not_be_written_to_is_named() {
    let folder = Folder::with("in.ndjson", conversations(2));
    folder.convert(&["in.ndjson", "--out", "out"]).ended_with(0);
    folder.write("two.ndjson", conversations(3));
    let set = |mode: u32| {
        for part in ["out", "out/_partiquet", "out/start_time_day=2025-07-01"] {
            fs::set_permissions(folder.path(part), fs::Permissions::from_mode(mode)).unwrap();
        }
    };
    set(0o555);
    let before = contents(&folder.path("out"));
    let append = ["convert", "two.ndjson", "--out", "out", "--mode", "append"];
    if let Some(run) = without_privileges(&folder, &append) {
        run.ended_with(1).says(&["Permission denied"]);
    }
    if let Some(run) = without_privileges(&folder, &["verify", "out"]) {
        run.ended_with(0);
    }
    assert!(before == contents(&folder.path("out")));
    set(0o755);
}

#[test]
fn links_are_never_followed_out_of_the_dataset() {
    let folder = Folder::with("in.ndjson", conversations(2));
    folder.write("elsewhere/precious", "precious");
    for link in ["start_time_day=2025-07-01", "_partiquet", "_partiquet/staging"] {
        let path = folder.path("out").join(link);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        symlink(folder.path("elsewhere"), &path).unwrap();
        for mode in ["error", "append", "overwrite"] {
            folder.convert(&["in.ndjson", "--out", "out", "--mode", mode]).ended_with(1).says(&[link]);
        }
        assert_eq!(tree(&folder.path("elsewhere")).len(), 1, "{link}");
        fs::remove_dir_all(folder.path("out")).unwrap();
    }
    // Inside a dataset: a link replaces the folder of a partition, and the next run has rows for it.
    folder.convert(&["in.ndjson", "--out", "out"]).ended_with(0);
    fs::rename(folder.path("out/start_time_day=2025-07-01"), folder.path("moved")).unwrap();
    symlink(folder.path("moved"), folder.path("out/start_time_day=2025-07-01")).unwrap();
    folder.write("two.ndjson", conversation("two", "2025-07-01T10:00:00Z"));
    let before = tree(&folder.path("moved"));
    for mode in ["append", "overwrite", "overwrite-partitions"] {
        folder
            .convert(&["two.ndjson", "--out", "out", "--mode", mode])
            .ended_with(1)
            .says(&["start_time_day=2025-07-01"]);
        assert!(before == tree(&folder.path("moved")));
    }
    // The folder of the dataset itself may be a link: that is the user's choice.
    folder.convert(&["in.ndjson", "--out", "real"]).ended_with(0);
    symlink(folder.path("real"), folder.path("link")).unwrap();
    folder.convert(&["two.ndjson", "--out", "link", "--mode", "append"]).ended_with(0);
    assert_eq!(folder.output("real").rows().len(), 3);
}
