use std::collections::BTreeMap;

use super::*;

/// Every file below a folder with its content, and every folder with `None`.
type Tree = BTreeMap<String, Option<String>>;

fn tree(dir: &Path) -> Tree {
    let entries = walkdir::WalkDir::new(dir).min_depth(1).into_iter().map(|entry| entry.unwrap().into_path());
    entries
        .map(|path| {
            let name = path.strip_prefix(dir).unwrap().to_str().unwrap().to_owned();
            (name, fs::read_to_string(path).ok())
        })
        .collect()
}

fn write(dir: &Path, name: &str, text: &str) {
    let path = dir.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

fn step(from: &str, to: &str, target: Target) -> Move {
    Move { from: from.to_owned(), to: to.to_owned(), target, bytes: None }
}

/// Prepares a dataset with two old files, and a commit that replaces one, keeps the name of the other, and adds two.
fn prepared(dir: &Path) -> Intent {
    write(dir, "a=1/old.parquet", "old");
    write(dir, "a=2/same.parquet", "same");
    write(dir, "_partiquet/schema.json", "old schema");
    for name in ["new", "other", "same", "commit", "schema", "rejects"] {
        write(dir, &format!("_partiquet/staging/2/{name}"), name);
    }
    let staged = |name: &str, to: &str, target| step(&format!("_partiquet/staging/2/{name}"), to, target);
    Intent {
        format_version: INTENT_VERSION,
        commit: 2,
        run_id: "aaaaaaaaaaaa".to_owned(),
        moves: vec![
            staged("new", "a=1/new.parquet", Target::New),
            step("a=1/old.parquet", "_partiquet/staging/2/replaced-0", Target::Aside),
            staged("same", "a=2/same.parquet", Target::Replaced),
            staged("other", "a=3/b=1/other.parquet", Target::New),
            staged("rejects", "_partiquet/rejects/aaaaaaaaaaaa.ndjson", Target::Replaced),
        ],
        manifest: staged("commit", "_partiquet/commits/2.json", Target::New),
        schema: staged("schema", "_partiquet/schema.json", Target::Replaced),
        discard: vec!["_partiquet/staging".to_owned()],
    }
}

fn committed() -> Tree {
    let file = |name: &str, text: &str| (name.to_owned(), Some(text.to_owned()));
    let folders = ["_partiquet", "_partiquet/commits", "_partiquet/rejects", "a=1", "a=2", "a=3", "a=3/b=1"];
    let mut tree: Tree = folders.map(|folder| (folder.to_owned(), None)).into();
    tree.extend([
        file("_partiquet/commits/2.json", "commit"),
        file("_partiquet/rejects/aaaaaaaaaaaa.ndjson", "rejects"),
        file("_partiquet/schema.json", "schema"),
        file("a=1/new.parquet", "new"),
        file("a=2/same.parquet", "same"),
        file("a=3/b=1/other.parquet", "other"),
    ]);
    tree
}

#[test]
fn a_commit_ends_in_the_same_state_wherever_it_was_cut_off() {
    // The number of steps that were done when the commit was cut off.
    for steps_done in 0..=8 {
        let temp = tempfile::tempdir().unwrap();
        let dir = temp.path();
        let intent = prepared(dir);
        intent.write(dir, &dir.join("_partiquet/staging/2")).unwrap();
        let mut folders = Folders::new(dir);
        let steps = intent.moves.iter().chain([&intent.manifest, &intent.schema]);
        assert_eq!(steps.clone().count(), 7);
        steps.take(steps_done).for_each(|step| assert_ne!(step.make(dir, &mut folders).unwrap(), MoveOutcome::Before));
        if steps_done == 8 {
            fs::remove_dir_all(dir.join("_partiquet/staging/2")).unwrap();
        }
        assert_eq!(recover(dir).unwrap(), Some(Recovered::Completed(2)), "{steps_done}");
        assert_eq!(tree(dir), committed(), "{steps_done}");
        assert_eq!(recover(dir).unwrap(), None);
    }
}

#[test]
fn carried_out_by_a_process_that_lives_it_ends_in_that_state_too() {
    let temp = tempfile::tempdir().unwrap();
    let intent = prepared(temp.path());
    intent.write(temp.path(), &temp.path().join("_partiquet/staging/2")).unwrap();
    assert!(intent.execute(temp.path()).unwrap().unfinished.is_none());
    assert_eq!(tree(temp.path()), committed());
}

#[test]
fn what_is_refused_in_the_middle_is_taken_back() {
    for blocked in ["a=3", "a=3/b=1/other.parquet", "_partiquet/commits", "_partiquet/rejects"] {
        let temp = tempfile::tempdir().unwrap();
        let dir = temp.path();
        let intent = prepared(dir);
        write(dir, blocked, "in the way");
        let before = tree(dir);
        intent.write(dir, &dir.join("_partiquet/staging/2")).unwrap();
        let error = intent.execute(dir).unwrap_err().to_string();
        assert!(error.contains(blocked), "{error}");
        let mut after = tree(dir);
        // This file has replaced one with the same content, so it does not return to staging.
        after.insert("_partiquet/staging/2/same".to_owned(), Some("same".to_owned()));
        assert_eq!(after, before, "{blocked}");
    }
}

#[test]
fn what_cannot_be_taken_back_is_carried_on_by_the_next() {
    let temp = tempfile::tempdir().unwrap();
    let dir = temp.path();
    let intent = prepared(dir);
    write(dir, "a=3", "in the way");
    intent.write(dir, &dir.join("_partiquet/staging/2")).unwrap();
    // Somebody moves the first file away while the commit is under way.
    let mut folders = Folders::new(dir);
    intent.moves[0].make(dir, &mut folders).unwrap();
    fs::rename(dir.join("a=1/new.parquet"), dir.join("kept")).unwrap();
    let error = roll_back(dir, folders, &[&intent.moves[0]], Error::Interrupted).to_string();
    assert!(error.contains("interrupted") && error.contains("could not be taken back"), "{error}");
    fs::rename(dir.join("kept"), dir.join("a=1/new.parquet")).unwrap();
    assert!(recover(dir).unwrap_err().to_string().contains("a=3"));
    fs::remove_file(dir.join("a=3")).unwrap();
    assert_eq!(recover(dir).unwrap(), Some(Recovered::Completed(2)));
    assert_eq!(tree(dir), committed());
}

/// The tree without what is staged.
fn data(tree: Tree) -> Tree {
    tree.into_iter().filter(|(name, _)| !name.contains("staging")).collect()
}

#[test]
fn a_commit_that_cannot_end_is_taken_back_from_wherever_it_came_to() {
    for gone in ["new", "other", "commit", "schema", "rejects"] {
        for steps_done in 0..=5 {
            let temp = tempfile::tempdir().unwrap();
            let dir = temp.path();
            let intent = prepared(dir);
            let before = data(tree(dir));
            intent.write(dir, &dir.join("_partiquet/staging/2")).unwrap();
            let mut folders = Folders::new(dir);
            for step in intent.moves.iter().take(steps_done) {
                step.make(dir, &mut folders).unwrap();
            }
            let steps = intent.moves.iter().chain([&intent.manifest, &intent.schema]);
            let step = steps.clone().find(|step| step.from.ends_with(gone)).unwrap();
            let is_moved = !dir.join(&step.from).exists();
            let _ = fs::remove_file(dir.join(if is_moved { &step.to } else { &step.from }));
            assert_eq!(recover(dir).unwrap(), Some(Recovered::RolledBack(2)), "{gone} {steps_done}");
            let mut after = data(tree(dir));
            after.remove("_partiquet/rejects");
            assert_eq!(after, before, "{gone} {steps_done}");
            assert_eq!(recover(dir).unwrap(), None);
        }
    }
}

#[test]
fn a_commit_whose_files_have_another_size_now_is_taken_back() {
    for damaged in ["new", "other", "commit", "schema"] {
        for steps_done in 0..=5 {
            let temp = tempfile::tempdir().unwrap();
            let dir = temp.path();
            let mut intent = prepared(dir);
            let steps = intent.moves.iter_mut().chain([&mut intent.manifest, &mut intent.schema]);
            // As a commit knows them: the rejects may be mended by somebody.
            for step in steps.filter(|step| step.target != Target::Aside && !step.from.ends_with("rejects")) {
                step.bytes = Some(fs::metadata(dir.join(&step.from)).unwrap().len());
            }
            let before = data(tree(dir));
            intent.write(dir, &dir.join("_partiquet/staging/2")).unwrap();
            let mut folders = Folders::new(dir);
            intent
                .moves
                .iter()
                .take(steps_done)
                .for_each(|step| assert_ne!(step.make(dir, &mut folders).unwrap(), MoveOutcome::Before));
            for place in ["_partiquet/staging/2/rejects", "_partiquet/rejects/aaaaaaaaaaaa.ndjson"] {
                if dir.join(place).exists() {
                    fs::write(dir.join(place), "mended, and longer").unwrap();
                }
            }
            assert!(intent.is_completable(dir).unwrap());
            let mut steps = intent.moves.iter().chain([&intent.manifest, &intent.schema]);
            let step = steps.find(|step| step.from.ends_with(damaged)).unwrap();
            let at = if dir.join(&step.from).exists() { &step.from } else { &step.to };
            fs::write(dir.join(at), "").unwrap();
            assert_eq!(recover(dir).unwrap(), Some(Recovered::RolledBack(2)), "{damaged} {steps_done}");
            let mut after = data(tree(dir));
            after.remove("_partiquet/rejects");
            assert_eq!(after, before, "{damaged} {steps_done}");
        }
    }
}

#[test]
fn a_file_lost_behind_the_commit_does_not_undo_it() {
    let temp = tempfile::tempdir().unwrap();
    let dir = temp.path();
    let intent = prepared(dir);
    intent.write(dir, &dir.join("_partiquet/staging/2")).unwrap();
    intent.up_to_commit(dir, &mut Folders::new(dir), &mut Vec::new()).unwrap();
    fs::remove_file(dir.join("a=1/new.parquet")).unwrap();
    assert_eq!(recover(dir).unwrap(), Some(Recovered::Completed(2)));
    assert!(!dir.join(layout::INTENT_FILE).exists());
}

#[test]
fn an_intent_that_leads_out_of_the_dataset_or_is_newer_is_refused() {
    let temp = tempfile::tempdir().unwrap();
    // So that a program that follows it does not leave the temporary folder.
    let dir = &temp.path().join("around/dataset");
    fs::create_dir_all(dir).unwrap();
    let mut intent = prepared(dir);
    let refusal = |intent: &Intent| {
        fs::write(dir.join(layout::INTENT_FILE), serde_json::to_vec(intent).unwrap()).unwrap();
        recover(dir).unwrap_err().to_string()
    };
    let before = tree(dir);
    intent.discard.push("..".to_owned());
    assert!(refusal(&intent).contains("is damaged"));
    intent.discard.pop();
    intent.moves[1].to = "../outside".to_owned();
    assert!(refusal(&intent).contains("\"../outside\""));
    intent.format_version = INTENT_VERSION + 1;
    assert!(refusal(&intent).contains("newer partiquet"));
    fs::remove_file(dir.join(layout::INTENT_FILE)).unwrap();
    assert_eq!(tree(dir), before);
}

#[test]
#[cfg(unix)]
fn a_folder_that_leads_out_of_the_dataset_is_not_followed() {
    let temp = tempfile::tempdir().unwrap();
    let outside = tempfile::tempdir().unwrap();
    let intent = prepared(temp.path());
    std::os::unix::fs::symlink(outside.path(), temp.path().join("a=3")).unwrap();
    let error = intent.execute(temp.path()).unwrap_err().to_string();
    assert!(error.contains("a=3"), "{error}");
    assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 0);
}

#[test]
fn a_commit_under_way_is_foreseen() {
    let temp = tempfile::tempdir().unwrap();
    let dir = temp.path();
    let mut intent = prepared(dir);
    intent.commit = 1;
    intent.manifest.to = layout::commit_file(1);
    let manifest = Manifest { format_version: MANIFEST_VERSION, commit: 1, ..Manifest::default() };
    fs::write(dir.join(&intent.manifest.from), serde_json::to_vec(&manifest).unwrap()).unwrap();
    assert_eq!(peek(dir).unwrap(), (Vec::new(), None));
    intent.write(dir, &dir.join("_partiquet/staging/2")).unwrap();
    let before = tree(dir);
    assert_eq!(peek(dir).unwrap(), (vec![manifest.clone()], Some(Recovered::Completed(1))));
    assert_eq!(peek_schema(dir).unwrap(), dir.join(&intent.schema.from), "the new one");
    assert_eq!(tree(dir), before);
    intent.up_to_commit(dir, &mut Folders::new(dir), &mut Vec::new()).unwrap();
    assert_eq!(peek(dir).unwrap(), (vec![manifest], Some(Recovered::Completed(1))), "counted once");
    fs::rename(dir.join(&intent.manifest.to), dir.join("gone")).unwrap();
    assert_eq!(peek(dir).unwrap(), (Vec::new(), Some(Recovered::RolledBack(1))));
    assert_eq!(peek_schema(dir).unwrap(), dir.join(layout::SCHEMA_FILE), "the old one stays");
}
