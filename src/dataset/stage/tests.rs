use walkdir::WalkDir;

use super::*;
use crate::dataset::manifest::MANIFEST_VERSION;
use crate::report::FileReport;

/// Everything below a folder, relative to it, folders with a trailing slash.
fn tree(dir: &Path) -> Vec<String> {
    let mut names: Vec<String> = WalkDir::new(dir)
        .min_depth(1)
        .into_iter()
        .map(|entry| {
            let entry = entry.unwrap();
            let name = entry.path().strip_prefix(dir).unwrap().to_str().unwrap().to_owned();
            if entry.file_type().is_dir() { name + "/" } else { name }
        })
        .collect();
    names.sort();
    names
}

fn write(dir: &Path, name: &str) {
    let path = dir.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, name).unwrap();
}

fn write_commit(dir: &Path, number: u64, files: &[&str], replaces: &[&str]) {
    let file = |path: &&str| FileReport { path: (*path).to_owned(), ..FileReport::default() };
    let manifest = Manifest {
        format_version: MANIFEST_VERSION,
        commit: number,
        files: files.iter().map(file).collect(),
        replaces: replaces.iter().map(|&name| name.to_owned()).collect(),
        ..Manifest::default()
    };
    fs::create_dir_all(layout::commits(dir)).unwrap();
    fs::write(dir.join(layout::commit_file(number)), serde_json::to_string(&manifest).unwrap()).unwrap();
}

fn refusal(dir: &Path, mode: Mode) -> String {
    Dataset::open(dir, mode).unwrap_err().to_string()
}

#[test]
fn a_dataset_dropped_without_a_commit_was_never_there() {
    let temp = tempfile::tempdir().unwrap();
    let dir = temp.path().join("a/b/dataset");
    for mode in [Mode::Error, Mode::Overwrite] {
        let dataset = Dataset::open(&dir, mode).unwrap();
        assert!(dataset.staging_dir().starts_with(dir.join("_partiquet/staging")));
        fs::write(dataset.staging_dir().join("3.staged"), "x").unwrap();
        fs::write(dataset.staged_rejects_path(), "x").unwrap();
        let parquet = tree(&dir).into_iter().filter(|name| name.ends_with(".parquet")).count();
        assert_eq!(parquet, 0, "no staged file looks like a data file");
        drop(dataset);
        assert_eq!(tree(temp.path()), [""; 0]);
    }
}

#[test]
fn what_another_run_committed_before_the_lock_was_had_stays() {
    let temp = tempfile::tempdir().unwrap();
    let dir = temp.path().join("dataset");
    for left in [layout::commit_file(1).as_str(), "_partiquet/shares/run/one/fragment.json", layout::INTENT_FILE] {
        let mut created = Created::default();
        let _lock = locked(&dir, &mut created, Lock::take).unwrap();
        created.locked = true;
        write(&dir, left);
        let before = tree(&dir);
        drop(created);
        assert_eq!(tree(&dir), before);
        fs::remove_dir_all(&dir).unwrap();
    }
}

#[test]
fn runs_that_fail_together_are_told_of_each_other_and_of_nothing_else() {
    let temp = tempfile::tempdir().unwrap();
    let dir = temp.path().join("a/dataset");
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..50 {
                    if let Err(refusal) = Dataset::open(&dir, Mode::Error) {
                        let refusal = refusal.to_string();
                        assert!(refusal.contains("another run is writing"), "{refusal}");
                    }
                }
            });
        }
    });
    // A run that created a folder anew need not be the last one in it: the folder then stays.
    let left = tree(temp.path());
    let made = ["a/", "a/dataset/", "a/dataset/_partiquet/", "a/dataset/_partiquet/lock"];
    assert_eq!(left, made[..left.len().min(made.len())]);
    drop(Dataset::open(&dir, Mode::Error).unwrap());
}

#[test]
fn an_empty_folder_that_was_there_stays() {
    let temp = tempfile::tempdir().unwrap();
    let dir = temp.path().join("dataset");
    fs::create_dir(&dir).unwrap();
    drop(Dataset::open(&dir, Mode::Error).unwrap());
    assert_eq!(tree(temp.path()), ["dataset/"]);
}

#[test]
fn what_a_dead_first_run_left_counts_as_empty_and_is_swept() {
    let temp = tempfile::tempdir().unwrap();
    write(temp.path(), "_partiquet/staging/1-77/part-00000.staged");
    write(temp.path(), "_partiquet/lock");
    let dataset = Dataset::open(temp.path(), Mode::Error).unwrap();
    assert!(!temp.path().join("_partiquet/staging/1-77").exists());
    drop(dataset);
    assert_eq!(tree(temp.path()), ["_partiquet/", "_partiquet/lock"]);
}

#[test]
fn a_folder_with_anything_in_it_is_refused_and_left_alone() {
    let temp = tempfile::tempdir().unwrap();
    for name in ["a.txt", "b.txt", "c.txt", "d.txt", ".hidden"] {
        write(temp.path(), name);
    }
    let before = tree(temp.path());
    let message = refusal(temp.path(), Mode::Error);
    assert!(message.contains("not empty: .hidden, a.txt, b.txt and 2 more"), "{message}");
    assert!(message.contains("--mode overwrite"), "{message}");
    let message = refusal(temp.path(), Mode::Overwrite);
    assert!(message.contains("no commit of partiquet lists: a.txt, b.txt, c.txt and 1 more"), "{message}");
    assert_eq!(tree(temp.path()), before);
}

#[test]
fn a_file_is_not_a_dataset() {
    let temp = tempfile::tempdir().unwrap();
    write(temp.path(), "file");
    assert!(refusal(&temp.path().join("file"), Mode::Overwrite).contains("not a folder"));
    assert!(Dataset::open(&temp.path().join("file/below"), Mode::Error).is_err());
    assert_eq!(tree(temp.path()), ["file"]);
}

#[test]
fn an_existing_dataset_is_refused_unless_it_may_be_replaced() {
    let temp = tempfile::tempdir().unwrap();
    write(temp.path(), "a=1/part-00000-0.parquet");
    write(temp.path(), "_SUCCESS");
    write_commit(temp.path(), 1, &["a=1/part-00000-0.parquet"], &[]);
    let message = refusal(temp.path(), Mode::Error);
    assert!(message.contains("a dataset in it already (1 file, 1 commit)"), "{message}");
    assert!(message.contains("--mode overwrite"), "{message}");
    let before = tree(temp.path());
    let dataset = Dataset::open(temp.path(), Mode::Overwrite).unwrap();
    assert_eq!(dataset.commits().len(), 1);
    drop(dataset);
    assert_eq!(tree(temp.path()), before);

    write(temp.path(), "a=1/theirs.parquet");
    let message = refusal(temp.path(), Mode::Overwrite);
    assert!(message.contains("lists: a=1/theirs.parquet"), "{message}");
}

#[test]
fn replaced_files_that_a_dead_run_could_not_delete_are_deleted_by_the_next() {
    let temp = tempfile::tempdir().unwrap();
    write_commit(temp.path(), 1, &["a=1/old", "a=2/old"], &[]);
    write_commit(temp.path(), 2, &["a=2/new"], &["a=1/old", "a=2/old"]);
    write(temp.path(), "a=1/old");
    write(temp.path(), "a=2/old");
    write(temp.path(), "a=2/new");
    drop(Dataset::open(temp.path(), Mode::Overwrite).unwrap());
    assert_eq!(visible_files(temp.path()).unwrap(), ["a=2/new".to_owned()].into());
    assert!(!temp.path().join("a=1").exists());
}

#[test]
fn what_may_be_the_only_copy_of_a_missing_file_is_not_swept() {
    let temp = tempfile::tempdir().unwrap();
    write_commit(temp.path(), 1, &["a=1/old"], &[]);
    write(temp.path(), "_partiquet/staging/2-77/replaced-0");
    for mode in [Mode::Append, Mode::Overwrite] {
        let message = refusal(temp.path(), mode);
        assert!(message.contains("are missing") && message.contains("a=1/old"), "{message}");
        assert!(temp.path().join("_partiquet/staging/2-77/replaced-0").exists());
    }
    write(temp.path(), "a=1/old");
    drop(Dataset::open(temp.path(), Mode::Append).unwrap());
    assert!(!temp.path().join("_partiquet/staging").exists());
}

#[test]
fn the_second_run_is_turned_away_while_the_first_works() {
    let temp = tempfile::tempdir().unwrap();
    let dir = temp.path().join("dataset");
    let first = Dataset::open(&dir, Mode::Error).unwrap();
    fs::write(first.staging_dir().join("0.staged"), "x").unwrap();
    for mode in [Mode::Error, Mode::Overwrite] {
        let message = refusal(&dir, mode);
        assert!(message.contains("another run is writing to it (process"), "{message}");
    }
    assert!(first.staging_dir().join("0.staged").exists(), "the second run has touched nothing");
    drop(first);
    assert!(Dataset::open(&dir, Mode::Error).is_ok());
}

#[test]
fn of_two_runs_at_the_same_time_one_works() {
    let temp = tempfile::tempdir().unwrap();
    let dir = temp.path().join("dataset");
    for _ in 0..20 {
        let barrier = std::sync::Barrier::new(4);
        let opened: Vec<Option<Dataset>> = std::thread::scope(|scope| {
            let open = || {
                barrier.wait();
                Dataset::open(&dir, Mode::Error).ok()
            };
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(open)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        let winners: Vec<&Dataset> = opened.iter().flatten().collect();
        assert_eq!(winners.len(), 1);
        assert!(winners[0].staging_dir().is_dir());
    }
}

#[test]
#[cfg(unix)]
fn links_are_foreign_files_and_are_not_followed() {
    let temp = tempfile::tempdir().unwrap();
    let outside = tempfile::tempdir().unwrap();
    write(outside.path(), "old");
    std::os::unix::fs::symlink(outside.path(), temp.path().join("a=1")).unwrap();
    write_commit(temp.path(), 1, &["a=1/old"], &[]);
    write_commit(temp.path(), 2, &[], &["a=1/old"]);
    assert!(refusal(temp.path(), Mode::Overwrite).contains("lists: a=1"));
    assert!(outside.path().join("old").exists());
}

#[test]
fn folders_go_up_to_the_first_that_is_not_empty() {
    let temp = tempfile::tempdir().unwrap();
    for name in ["a=1/b=2/x", "keep"] {
        write(temp.path(), name);
    }
    fs::create_dir_all(temp.path().join("a=1/b=1")).unwrap();
    fs::create_dir_all(temp.path().join("a=2/b=1")).unwrap();
    let files = ["a=1/b=1/x", "a=2/b=1/x", "gone/x", "x"].map(str::to_owned);
    files::remove_empty_folders(temp.path(), &files);
    assert_eq!(tree(temp.path()), ["a=1/", "a=1/b=2/", "a=1/b=2/x", "keep"]);
}

#[test]
#[cfg(unix)]
fn metadata_that_leads_elsewhere_is_refused() {
    let outside = tempfile::tempdir().unwrap();
    for link in ["_partiquet", "_partiquet/commits", "_partiquet/staging", "_partiquet/rejects", "_partiquet/shares"] {
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().join(link);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::os::unix::fs::symlink(outside.path(), &path).unwrap();
        let message = refusal(temp.path(), Mode::Append);
        assert!(message.contains(link) && message.contains("not a folder of its own"), "{message}");
        assert_eq!(tree(outside.path()), [""; 0]);
    }
}

#[test]
fn a_commit_that_is_missing_among_others_is_not_passed_over() {
    let temp = tempfile::tempdir().unwrap();
    write_commit(temp.path(), 1, &[], &[]);
    write_commit(temp.path(), 3, &[], &[]);
    let message = refusal(temp.path(), Mode::Overwrite);
    assert!(message.contains("2.json is damaged: it is missing"), "{message}");
}
