use std::fs;

use super::*;
use crate::{
    config::Mode,
    dataset::files::visible_files,
    model::{AttributeMap, TableSchema},
};

const RUN_A: &str = "aaaaaaaaaaaa";
const RUN_B: &str = "bbbbbbbbbbbb";

/// Opens the dataset, stages one file per partition (with `text` as its content and its digest), and returns the run.
fn stage(dir: &Path, mode: Mode, run_id: &str, text: &str, partitions: &[&str]) -> (Dataset, StagedRun) {
    let dataset = Dataset::open(dir, mode).unwrap();
    let files = partitions.iter().zip(0..).map(|(partition, sequence)| {
        let staged_path = staged_file(&dataset, sequence);
        fs::write(&staged_path, text).unwrap();
        let (partition, run_id, digest) = ((*partition).to_owned(), run_id.to_owned(), text.to_owned());
        StagedFile { staged_path, partition, run_id, digest, rows: 7, ..StagedFile::default() }
    });
    let files = files.collect();
    let table = TableSchema {
        columns: Vec::new(),
        attributes: Vec::new(),
        map_column: None,
        attribute_map: AttributeMap::Rest,
    };
    let run = StagedRun {
        record: RunRecord { run_id: run_id.to_owned(), rows: 7, ..RunRecord::default() },
        files,
        rejects: None,
        schema: SchemaDocument::new(text, &table, &[]),
    };
    (dataset, run)
}

fn staged_file(dataset: &Dataset, number: usize) -> PathBuf {
    dataset.staging_dir().join(format!("{number}.staged"))
}

fn commit(dir: &Path, mode: Mode, run_id: &str, text: &str, partitions: &[&str]) -> Result<Committed> {
    let (dataset, run) = stage(dir, mode, run_id, text, partitions);
    dataset.commit(&run)
}

fn with_rejects(dataset: &Dataset, run: StagedRun) -> StagedRun {
    let rejects = dataset.staged_rejects_path();
    fs::write(&rejects, "{}\n").unwrap();
    StagedRun { rejects: Some(rejects), ..run }
}

/// Every file below a folder with its content, and every folder with `None`.
fn contents(dir: &Path) -> BTreeMap<PathBuf, Option<String>> {
    let entries = walkdir::WalkDir::new(dir).min_depth(1).into_iter().map(|entry| entry.unwrap().into_path());
    entries.map(|path| (path.clone(), fs::read_to_string(path).ok())).collect()
}

fn names(dir: &Path) -> Vec<String> {
    visible_files(dir).unwrap().into_iter().collect()
}

#[test]
fn a_commit_publishes_files_rejects_schema_and_manifest() {
    let temp = tempfile::tempdir().unwrap();
    let dir = temp.path().join("dataset");
    let (dataset, run) = stage(&dir, Mode::Error, RUN_A, "one", &["a=1/b=x", "a=2/b=%2F"]);
    let run = with_rejects(&dataset, run);
    let committed = dataset.commit(&run).unwrap();
    assert!(committed.unfinished.is_none());
    assert_eq!(names(&dir), ["a=1/b=x/part-00000-aaaaaaaaaaaa.parquet", "a=2/b=%2F/part-00001-aaaaaaaaaaaa.parquet"]);
    assert_eq!(fs::read_to_string(dir.join("a=1/b=x/part-00000-aaaaaaaaaaaa.parquet")).unwrap(), "one");
    assert!(dir.join("_partiquet/rejects/aaaaaaaaaaaa.ndjson").is_file());
    assert_eq!(SchemaDocument::read(&dir).unwrap().model, "one");
    assert!(!dir.join("_partiquet/staging").exists());
    let commits = Manifest::read_all(&dir).unwrap();
    assert_eq!(commits, [committed.manifest]);
    assert_eq!((commits[0].commit, commits[0].run.rows, commits[0].files[1].rows), (1, 7, 7));
    assert_eq!(commits[0].rejects_file.as_deref(), Some("_partiquet/rejects/aaaaaaaaaaaa.ndjson"));
    assert!(Dataset::open(&dir, Mode::Error).is_err());
}

#[test]
fn a_run_without_rows_is_a_commit_too() {
    let temp = tempfile::tempdir().unwrap();
    let committed = commit(temp.path(), Mode::Error, RUN_A, "one", &[]).unwrap();
    assert_eq!(committed.manifest.files, []);
    assert_eq!(Manifest::read_all(temp.path()).unwrap().len(), 1);
}

#[test]
fn unpartitioned_files_stand_in_the_folder_itself() {
    let temp = tempfile::tempdir().unwrap();
    let _ = commit(temp.path(), Mode::Error, RUN_A, "one", &[""]).unwrap();
    assert_eq!(names(temp.path()), ["part-00000-aaaaaaaaaaaa.parquet"]);
}

#[test]
fn overwrite_replaces_the_datasets_files_and_keeps_all_others() {
    let temp = tempfile::tempdir().unwrap();
    let dir = temp.path();
    let _ = commit(dir, Mode::Error, RUN_A, "one", &["a=1", "a=2"]).unwrap();
    fs::write(dir.join("_SUCCESS"), "").unwrap();
    fs::write(dir.join("a=1/.crc"), "").unwrap();
    let committed = commit(dir, Mode::Overwrite, RUN_B, "two", &["a=2", "a=3"]).unwrap();
    let replaced = ["a=1/part-00000-aaaaaaaaaaaa.parquet", "a=2/part-00001-aaaaaaaaaaaa.parquet"];
    assert_eq!(committed.manifest.replaces, replaced);
    assert_eq!(names(dir), ["a=2/part-00000-bbbbbbbbbbbb.parquet", "a=3/part-00001-bbbbbbbbbbbb.parquet"]);
    assert!(dir.join("_SUCCESS").exists() && dir.join("a=1/.crc").exists());
    assert_eq!(SchemaDocument::read(dir).unwrap().model, "two");
    let commits = Manifest::read_all(dir).unwrap();
    assert_eq!(commits.iter().map(|commit| commit.commit).collect::<Vec<_>>(), [1, 2]);
    assert_eq!(Manifest::live_files(&commits).into_iter().collect::<Vec<_>>(), names(dir));
}

#[test]
fn the_same_run_over_itself_changes_nothing_but_the_commits() {
    let temp = tempfile::tempdir().unwrap();
    let dir = temp.path();
    let _ = commit(dir, Mode::Error, RUN_A, "one", &["a=1", "a=2"]).unwrap();
    let before = names(dir);
    let (dataset, run) = stage(dir, Mode::Overwrite, RUN_A, "one", &["a=1", "a=2"]);
    let run = with_rejects(&dataset, run);
    let committed = dataset.commit(&run).unwrap();
    assert!(committed.manifest.replaces.is_empty());
    assert_eq!(names(dir), before);
    assert_eq!(Manifest::read_all(dir).unwrap().len(), 2);
}

#[test]
fn a_failure_in_the_middle_of_the_renames_takes_them_back() {
    let temp = tempfile::tempdir().unwrap();
    let dir = temp.path().join("dataset");
    let (dataset, run) = stage(&dir, Mode::Error, RUN_A, "one", &["a=1/b=1", "a=2", "a=3"]);
    // A file exists where a folder has to be created.
    fs::write(dir.join("a=2"), "in the way").unwrap();
    let error = dataset.commit(&run).unwrap_err().to_string();
    assert!(error.contains("cannot create folder") && error.contains("a=2"), "{error}");
    assert_eq!(contents(&dir), [(dir.join("a=2"), Some("in the way".to_owned()))].into());
}

#[test]
fn a_failed_commit_leaves_the_dataset_as_it_was() {
    for mode in [Mode::Append, Mode::Overwrite, Mode::OverwritePartitions] {
        for blocked in ["_partiquet/commits/2.json", "_partiquet/rejects", "a=3", "_partiquet/intent.json"] {
            let temp = tempfile::tempdir().unwrap();
            let dir = temp.path();
            let _ = commit(dir, Mode::Error, RUN_A, "one", &["a=1", "a=2"]).unwrap();
            // The same run id with other content: restored files can be told from newly published ones.
            let (dataset, run) = stage(dir, mode, RUN_A, "two", &["a=1", "a=2", "a=3"]);
            let run = with_rejects(&dataset, run);
            match blocked {
                // A rename cannot replace a folder with a file.
                "_partiquet/intent.json" => fs::create_dir(dir.join(blocked)).unwrap(),
                _ => fs::write(dir.join(blocked), "in the way").unwrap(),
            }
            let untouched =
                |path: &PathBuf| !path.starts_with(dir.join("_partiquet/staging")) && !path.ends_with("lock");
            let before: BTreeMap<_, _> = contents(dir).into_iter().filter(|(path, _)| untouched(path)).collect();
            let error = dataset.commit(&run).unwrap_err().to_string();
            assert!(error.contains(blocked), "{error}");
            let mut after = contents(dir);
            after.retain(|path, _| untouched(path));
            assert_eq!(after, before, "{blocked} {mode:?}");
        }
    }
}

#[test]
fn append_adds_and_takes_no_name_twice() {
    let temp = tempfile::tempdir().unwrap();
    let dir = temp.path();
    let _ = commit(dir, Mode::Append, RUN_A, "one", &["a=1", "a=2"]).unwrap();
    // The same content under the same run id, then other content under the same run id.
    for text in ["one", "two"] {
        let before = contents(dir);
        let committed = commit(dir, Mode::Append, RUN_A, text, &["a=1"]).unwrap();
        assert!(committed.manifest.replaces.is_empty());
        let after = contents(dir);
        let data = |path: &PathBuf| path.extension().is_some_and(|end| end == "parquet");
        assert!(before.iter().filter(|(path, _)| data(path)).all(|(path, text)| after.get(path) == Some(text)));
    }
    assert_eq!(
        names(dir),
        [
            "a=1/part-00000-aaaaaaaaaaaa.parquet",
            "a=1/part-00001-aaaaaaaaaaaa.parquet",
            "a=1/part-00002-aaaaaaaaaaaa.parquet",
            "a=2/part-00001-aaaaaaaaaaaa.parquet"
        ]
    );
    let commits = Manifest::read_all(dir).unwrap();
    assert_eq!(
        commits.iter().map(|commit| (commit.commit, commit.mode)).collect::<Vec<_>>(),
        [(1, Mode::Append), (2, Mode::Append), (3, Mode::Append)]
    );
}

#[test]
fn overwrite_partitions_replaces_the_files_of_its_partitions_only() {
    let temp = tempfile::tempdir().unwrap();
    let dir = temp.path();
    let _ = commit(dir, Mode::Error, RUN_A, "one", &["a=1", "a=2", "a=3"]).unwrap();
    let _ = commit(dir, Mode::Append, RUN_B, "more", &["a=2"]).unwrap();
    let committed = commit(dir, Mode::OverwritePartitions, RUN_B, "two", &["a=2", "a=4"]).unwrap();
    assert_eq!(
        committed.manifest.replaces,
        ["a=2/part-00000-bbbbbbbbbbbb.parquet", "a=2/part-00001-aaaaaaaaaaaa.parquet"]
    );
    assert_eq!(
        names(dir),
        [
            "a=1/part-00000-aaaaaaaaaaaa.parquet",
            "a=2/part-00001-bbbbbbbbbbbb.parquet",
            "a=3/part-00002-aaaaaaaaaaaa.parquet",
            "a=4/part-00002-bbbbbbbbbbbb.parquet"
        ]
    );
    assert_eq!(Manifest::live_files(&Manifest::read_all(dir).unwrap()).into_iter().collect::<Vec<_>>(), names(dir));
}

#[test]
fn a_staged_file_that_is_not_there_fails_without_a_trace() {
    let temp = tempfile::tempdir().unwrap();
    let dir = temp.path().join("dataset");
    let (dataset, run) = stage(&dir, Mode::Error, RUN_A, "one", &["a=1", "a=2"]);
    fs::remove_file(staged_file(&dataset, 1)).unwrap();
    assert!(dataset.commit(&run).is_err());
    assert!(!dir.exists());
}

#[test]
fn a_file_that_appeared_meanwhile_is_not_overwritten() {
    let temp = tempfile::tempdir().unwrap();
    let dir = temp.path();
    let (dataset, run) = stage(dir, Mode::Error, RUN_A, "one", &[""]);
    fs::write(dir.join("part-00000-aaaaaaaaaaaa.parquet"), "theirs").unwrap();
    let error = dataset.commit(&run).unwrap_err().to_string();
    assert!(error.contains("something already stands at part-00000-aaaaaaaaaaaa.parquet"), "{error}");
    assert_eq!(fs::read_to_string(dir.join("part-00000-aaaaaaaaaaaa.parquet")).unwrap(), "theirs");
    assert!(!dir.join("_partiquet").exists());
}

#[test]
fn names_that_lead_out_of_the_dataset_are_never_used() {
    let temp = tempfile::tempdir().unwrap();
    let dir = temp.path().join("dataset");
    for partition in ["..", "a/../../b", "/tmp", "a//b", "a\0"] {
        assert!(matches!(commit(&dir, Mode::Error, RUN_A, "one", &[partition]), Err(Error::Bug(_))), "{partition:?}");
    }
    assert!(matches!(commit(&dir, Mode::Error, "../aaaaaaaaa", "one", &["a=1"]), Err(Error::Bug(_))));
    let (dataset, mut run) = stage(&dir, Mode::Error, RUN_A, "one", &["a=1", "a=2"]);
    run.files[1].run_id = "../../aaaaaa".to_owned();
    assert!(matches!(dataset.commit(&run), Err(Error::Bug(_))));
    let (dataset, mut run) = stage(&dir, Mode::Error, RUN_A, "one", &["a=1"]);
    run.files[0].staged_path = temp.path().join("elsewhere");
    assert!(matches!(dataset.commit(&run), Err(Error::Bug(_))));
    assert!(!dir.exists());
}

#[test]
fn a_staged_run_is_plain_json() {
    let temp = tempfile::tempdir().unwrap();
    let (_dataset, run) = stage(temp.path(), Mode::Error, RUN_A, "one", &["a=1"]);
    let text = serde_json::to_string(&run).unwrap();
    assert_eq!(serde_json::from_str::<StagedRun>(&text).unwrap(), run);
}
