//! A run's files become visible all at once or not at all.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use crate::{
    data::{conversation, conversations, export, lines},
    output::{entries, tree},
    run::Folder,
};

#[test]
fn a_folder_that_is_not_empty_is_refused_untouched() {
    let folder = Folder::with("in.ndjson", conversations(2));
    folder.write("out/holiday.jpg", "precious");
    for mode in ["error", "overwrite"] {
        let run = folder.convert(&["in.ndjson", "--out", "out", "--mode", mode]).ended_with(1);
        run.says(&["holiday.jpg"]);
        assert_eq!(tree(&folder.path("out")).len(), 1, "{mode}");
        assert_eq!(entries(&folder.path("out")).len(), 2, "{mode}");
    }
}

#[test]
fn a_dataset_is_refused_unless_it_is_to_be_replaced() {
    let folder = Folder::with("in.ndjson", conversations(2));
    folder.convert(&["in.ndjson", "--out", "out"]).ended_with(0);
    let before = tree(&folder.path("out"));
    folder
        .convert(&["in.ndjson", "--out", "out"])
        .ended_with(1)
        .says(&["there is a dataset in it already", "--mode overwrite"]);
    assert!(before == tree(&folder.path("out")));
}

#[test]
fn overwrite_leaves_nothing_of_the_old_dataset() {
    let folder = Folder::with("one.ndjson", conversation("one", "2025-07-01T10:00:00Z"));
    folder.write("two.ndjson", conversation("two", "2025-08-02T10:00:00Z"));
    folder.convert(&["one.ndjson", "--out", "out"]).ended_with(0);
    assert!(folder.path("out/start_time_day=2025-07-01").is_dir());
    folder
        .convert(&["two.ndjson", "--out", "out", "--mode", "overwrite", "--partition-by", "month(start_time)"])
        .ended_with(0);
    let output = folder.output("out");
    assert_eq!(output.sorted("conversation_id"), ["two"]);
    assert_eq!(output.partitions().into_keys().collect::<Vec<_>>(), ["start_time_month=2025-08"]);
    assert!(!folder.path("out/start_time_day=2025-07-01").exists(), "no empty folder stays");
    assert_eq!(output.manifest(2)["replaces"].as_array().unwrap().len(), 1);
    assert_no_staging(&folder, "out");
}

#[test]
fn overwrite_with_the_same_run_is_the_same_dataset() {
    let folder = Folder::with("in.ndjson", lines(&export(100, 30)));
    folder.convert(&["in.ndjson", "--out", "out"]).ended_with(0);
    let data = |files: std::collections::BTreeMap<String, Vec<u8>>| {
        files.into_iter().filter(|(path, _)| path.ends_with(".parquet")).collect::<Vec<_>>()
    };
    let first = data(tree(&folder.path("out")));
    folder.convert(&["in.ndjson", "--out", "out", "--mode", "overwrite"]).ended_with(0);
    assert!(first == data(tree(&folder.path("out"))));
    assert_no_staging(&folder, "out");
}

#[test]
fn overwrite_refuses_files_that_are_not_its_own() {
    let folder = Folder::with("in.ndjson", conversations(2));
    folder.convert(&["in.ndjson", "--out", "out"]).ended_with(0);
    folder.write("out/start_time_day=2025-07-01/mine.csv", "precious");
    let before = tree(&folder.path("out"));
    let run = folder.convert(&["in.ndjson", "--out", "out", "--mode", "overwrite"]).ended_with(1);
    run.says(&["start_time_day=2025-07-01/mine.csv"]);
    assert!(before == tree(&folder.path("out")));
}

#[test]
fn overwrite_of_nothing_is_a_first_run() {
    let folder = Folder::with("in.ndjson", conversations(2));
    folder.convert(&["in.ndjson", "--out", "new/out", "--mode", "overwrite"]).ended_with(0);
    assert_eq!(folder.output("new/out").rows().len(), 2);
}

#[test]
fn an_output_that_is_a_file_or_below_one_is_refused() {
    let folder = Folder::with("in.ndjson", conversations(2));
    folder.write("file", "precious");
    for out in ["file", "file/below", "/dev/null/below", "/proc/nowhere"] {
        for mode in ["error", "overwrite"] {
            let run = folder.convert(&["in.ndjson", "--out", out, "--mode", mode]).ended_with(1);
            assert!(run.stderr.contains(out.trim_end_matches("/below")), "{}", run.stderr);
        }
    }
    assert_eq!(folder.read("file"), "precious");
}

#[test]
fn readers_of_every_parquet_file_see_data_files_only() {
    let folder = Folder::with("in.ndjson", conversations(2) + "{\n");
    folder.convert(&["in.ndjson", "--out", "out", "--max-rejects", "1"]).ended_with(3);
    let mut files: Vec<String> = tree(&folder.path("out")).into_keys().collect();
    files.retain(|file| file.starts_with("_partiquet/"));
    assert!(files.iter().all(|file| !file.ends_with(".parquet")), "{files:?}");
    let kinds: Vec<&str> = files.iter().map(|file| file.split('/').nth(1).unwrap()).collect();
    assert_eq!(kinds, ["commits", "lock", "rejects", "schema.json"]);
}

#[test]
fn the_manifest_lists_what_is_there() {
    let folder = Folder::with("in.ndjson", lines(&export(200, 31)));
    let output = folder.converted(&["in.ndjson", "--row-group-rows", "50"]);
    let manifest = output.manifest(1);
    let listed = manifest["files"].as_array().unwrap();
    let mut paths: Vec<&str> = listed.iter().map(|file| file["path"].as_str().unwrap()).collect();
    paths.sort_unstable();
    assert_eq!(paths, output.files);
    let bytes = tree(&folder.path("out"));
    for file in listed {
        let path = file["path"].as_str().unwrap();
        let footer = output.footer(path);
        assert_eq!(file["bytes"], bytes[path].len(), "{path}");
        assert_eq!(file["rows"], footer.file_metadata().num_rows(), "{path}");
        assert_eq!(file["row_groups"], footer.num_row_groups(), "{path}");
    }
    // The range of instants agrees with the day of the folder.
    for file in listed {
        let path = file["path"].as_str().unwrap();
        let Some(day) = path.strip_prefix("start_time_day=2025").map(|rest| format!("2025{}", &rest[..6])) else {
            continue;
        };
        let range = &file["ranges"]["start_time"];
        assert!(range[0].as_str().unwrap().starts_with(&day) && range[1].as_str().unwrap().starts_with(&day), "{file}");
    }
    let input = &manifest["inputs"][0];
    assert_eq!(
        (&input["path"], &input["bytes"]),
        (&"in.ndjson".into(), &fs::metadata(folder.path("in.ndjson")).unwrap().len().into())
    );
}

#[test]
fn a_full_disk_ends_the_run_without_a_trace() {
    let folder = Folder::with("in.ndjson", lines(&export(3000, 32)));
    let Some(disk) = SmallDisk::mount(&folder.path("disk"), "600k") else {
        eprintln!("skipped: a small file system cannot be mounted here");
        return;
    };
    let run = folder.convert(&["in.ndjson", "--out", "disk/out", "--compression", "none"]).ended_with(1);
    run.says(&["cannot write disk/out/_partiquet/staging/", "No space left on device"]);
    assert_eq!(entries(&folder.path("disk")).len(), 1, "{:?}", entries(&folder.path("disk")));
    // An existing dataset stays.
    folder.write("small.ndjson", conversations(2));
    folder.convert(&["small.ndjson", "--out", "disk/out"]).ended_with(0);
    let before = tree(&folder.path("disk/out"));
    folder.convert(&["in.ndjson", "--out", "disk/out", "--mode", "overwrite", "--compression", "none"]).ended_with(1);
    assert!(before == tree(&folder.path("disk/out")));
    drop(disk);
}

#[test]
fn a_disk_that_is_read_only_is_named() {
    let folder = Folder::with("in.ndjson", conversations(2));
    let Some(disk) = SmallDisk::mount(&folder.path("disk"), "1m") else {
        eprintln!("skipped: a small file system cannot be mounted here");
        return;
    };
    folder.convert(&["in.ndjson", "--out", "disk/out"]).ended_with(0);
    disk.make_read_only();
    folder.convert(&["in.ndjson", "--out", "disk/new"]).ended_with(1).says(&["disk/new", "Read-only file system"]);
    let run = folder.convert(&["in.ndjson", "--out", "disk/out", "--mode", "overwrite"]).ended_with(1);
    run.says(&["disk/out", "Read-only file system"]);
    assert_eq!(folder.output("disk/out").rows().len(), 2);
}

#[track_caller]
pub fn assert_no_staging(folder: &Folder, out: &str) {
    assert!(!folder.path(out).join("_partiquet/staging").exists(), "{:?}", entries(&folder.path(out)));
}

/// A small file system in memory; unmounted when dropped.
struct SmallDisk(PathBuf);

impl SmallDisk {
    fn mount(path: &Path, size: &str) -> Option<Self> {
        fs::create_dir(path).unwrap();
        let mount =
            Command::new("mount").args(["-t", "tmpfs", "-o", &format!("size={size}"), "none"]).arg(path).output();
        mount.is_ok_and(|done| done.status.success()).then(|| Self(path.to_owned()))
    }

    fn make_read_only(&self) {
        let remount = Command::new("mount").args(["-o", "remount,ro"]).arg(&self.0).status().unwrap();
        assert!(remount.success());
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(&self.0).status();
    }
}

#[test]
fn what_a_dead_run_left_goes_also_when_the_next_run_is_refused() {
    let folder = Folder::with("in.ndjson", conversations(2));
    folder.convert(&["in.ndjson", "--out", "out"]).ended_with(0);
    folder.write("out/_partiquet/staging/2-1/rest", "staged");
    folder.run(&["verify", "out"]).ended_with(1);
    folder.convert(&["in.ndjson", "--out", "out"]).ended_with(1).says(&["there is a dataset in it already"]);
    folder.run(&["verify", "out"]).ended_with(0);
}

#[test]
fn what_run_ids_are_made_from_changes_only_with_the_model() {
    let folder = Folder::with("in.ndjson", conversations(1));
    folder.convert(&["in.ndjson", "--out", "out", "--attribute-columns", "none"]).ended_with(0);
    let options = &folder.json("out/_partiquet/commits/1.json")["options"];
    // If the built-in model or a rule of names has changed, these may, too. For no other reason may a run of the same
    // version give its files other names than before.
    assert_eq!(options["columns"], "390b0962f2858dce6b547ca2fc692e5c");
    assert_eq!(options["model"], "6b52de8093e025a15fb350a574fe228b");
}
