//! What a power cut would leave. A killed process leaves everything that it wrote in the system's memory; a power cut
//! leaves only what was synced. No test can cut the power, so these follow the calls of a real run, and know of each
//! file and each name in a folder whether it is on disk yet.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
    process::{Command, Stdio},
};

use crate::{
    killed::{FEW, MODES, VERY_MANY, copy, has_strace, options, prepared},
    run::{Folder, Run},
    shares,
};

/// The intent of a commit, in whatever folder.
const INTENT: &str = "_partiquet/intent.json";

/// The calls that change files and folders, or sync them.
const CALLS: &str = "openat,write,rename,mkdir,unlink,unlinkat,rmdir,fsync,fdatasync,syncfs";

/// What is not on disk yet.
#[derive(Debug, Default)]
struct Unsynced {
    /// Files with content that was not synced.
    files: BTreeSet<String>,
    /// Files and folders that were made, moved or removed, and whose folder was not synced since.
    names: BTreeSet<String>,
    /// Partitions that have lost a file in the commit that is under way.
    with_losses: BTreeSet<String>,
    /// Numbers of renames, by what they are for.
    renames: BTreeMap<&'static str, usize>,
}

/// The text in the `number`th pair of `open` and `close`.
fn between(text: &str, open: char, close: char, number: usize) -> &str {
    let inside = text.split(open).nth(number + 1).unwrap_or_else(|| panic!("{text}"));
    inside.split(close).next().unwrap()
}

fn parent(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(parent, _)| parent)
}

impl Unsynced {
    /// Follows the calls of a run in `folder`, and checks each of them.
    fn follow(&mut self, folder: &Folder, trace: &str) {
        let root = folder.path(".").canonicalize().unwrap();
        let root = root.to_str().unwrap();
        // The beginning of a call that another thread interrupts, by thread.
        let mut begun: BTreeMap<&str, &str> = BTreeMap::new();
        for line in trace.lines() {
            let Some((thread, call)) = line.split_once(' ') else { continue };
            let call = call.trim_start();
            if let Some((start, _)) = call.split_once(" <unfinished ...>") {
                begun.insert(thread, start);
            } else if let Some(("", rest)) = call.split_once("<... ") {
                let start = begun.remove(thread).unwrap_or_default();
                self.call(root, &format!("{start}{}", rest.split_once("resumed>").unwrap().1));
            } else {
                self.call(root, call);
            }
        }
    }

    fn call(&mut self, root: &str, call: &str) {
        let Some((call, result)) = call.rsplit_once(" = ") else { return };
        let Some((name, args)) = call.split_once('(') else { return };
        if result.starts_with('-') || result.starts_with('?') {
            return;
        }
        let relative = |path: &str| match path.strip_prefix(root) {
            Some(inside) => inside.trim_start_matches('/').to_owned(),
            None => path.to_owned(),
        };
        let of_file = || relative(between(args, '<', '>', 0));
        let named = |number: usize| relative(between(args, '"', '"', 2 * number));
        match name {
            "openat" if args.contains("O_CREAT") => self.changed(relative(between(result, '<', '>', 0))),
            "write" => drop(Some(of_file()).filter(|file| is_of_dataset(file)).map(|file| self.files.insert(file))),
            "fsync" | "fdatasync" => {
                let synced = of_file();
                self.files.remove(&synced);
                self.names.retain(|name| parent(name) != synced);
            }
            "syncfs" => {
                self.files.clear();
                self.names.clear();
            }
            "mkdir" => self.changed(named(0)),
            "rename" => self.rename(named(0), named(1)),
            "unlink" => self.remove(named(0)),
            "rmdir" => self.remove_folder(&named(0)),
            "unlinkat" => {
                let name = between(args, '"', '"', 0);
                let path = if args.starts_with("AT_FDCWD") { relative(name) } else { format!("{}/{name}", of_file()) };
                if args.contains("AT_REMOVEDIR") { self.remove_folder(&path) } else { self.remove(path) }
            }
            _ => {}
        }
    }

    fn changed(&mut self, name: String) {
        if is_of_dataset(&name) {
            self.names.insert(name);
        }
    }

    fn rename(&mut self, from: String, to: String) {
        if !is_of_dataset(&to) {
            return;
        }
        assert!(!self.files.contains(&from), "{from} becomes {to} before its content is on disk");
        let waiting = || self.names.iter().filter(|name| **name != from).collect::<Vec<_>>();
        let partition = |path: &str| parent(path).to_owned();
        let kind = if to.ends_with(INTENT) {
            assert_eq!((waiting(), &self.files), (vec![], &BTreeSet::new()), "what the intent names is on disk");
            self.with_losses.clear();
            "intent"
        } else if to.contains("/commits/") {
            // Its own folder may be new.
            let waiting = self.names.iter().filter(|name| **name != parent(&to)).collect::<Vec<_>>();
            assert_eq!(waiting, Vec::<&String>::new(), "all files are in their places before the commit lists them");
            "commit"
        } else {
            assert!(!self.names.iter().any(|name| name.ends_with(INTENT)), "{to} appears before the intent is on disk");
            if to.contains("/replaced-") {
                self.with_losses.insert(partition(&from));
                "replaced"
            } else if to.ends_with("/schema.json") {
                assert_eq!(waiting(), Vec::<&String>::new(), "the commit is on disk before the schema changes");
                "schema"
            } else {
                let partition = partition(&to);
                assert!(!self.with_losses.contains(&partition), "readers of {partition} would miss rows for a moment");
                "data"
            }
        };
        *self.renames.entry(kind).or_default() += 1;
        self.changed(from);
        self.changed(to);
    }

    fn remove(&mut self, name: String) {
        if name.ends_with(INTENT) {
            assert_eq!(self.names, BTreeSet::new(), "the commit is on disk before its intent goes");
        } else if name.contains("/replaced-") {
            assert!(!self.names.iter().any(|name| name.ends_with(INTENT)), "{name} goes before the intent is gone");
        }
        self.files.remove(&name);
        self.changed(name);
    }

    /// An empty folder that comes back does no harm.
    fn remove_folder(&mut self, folder: &str) {
        self.names.retain(|name| name != folder && parent(name) != folder);
    }
}

/// Locks need not survive.
fn is_of_dataset(name: &str) -> bool {
    name.starts_with("out") && Path::new(name).extension().is_none_or(|end| end != "lock") && !name.ends_with("/lock")
}

/// A command under strace, and the calls that it made.
fn traced(folder: &Folder, command: &Command, inject: Option<&str>) -> (Run, String) {
    let trace = folder.path("trace");
    let mut strace = Command::new("strace");
    strace.args(["-f", "-y", "-qq", "-s", "0", "-e"]).arg(format!("trace={CALLS}")).arg("-o").arg(&trace);
    if let Some(inject) = inject {
        strace.args(["-e", &format!("inject={inject}")]);
    }
    strace.arg(command.get_program()).args(command.get_args());
    strace.envs(command.get_envs().filter_map(|(name, value)| value.map(|value| (name, value))));
    strace.current_dir(folder.path(".")).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let run = Run::of(strace.spawn().unwrap());
    (run, fs::read_to_string(trace).unwrap())
}

fn convert(folder: &Folder, mode: &str, partition_by: &str) -> Command {
    folder.command(&[&["convert", "two.ndjson"], &options(mode, "out", partition_by)[..]].concat())
}

#[test]
fn a_commit_is_on_disk_step_by_step() {
    if !has_strace() {
        return;
    }
    let folder = prepared(8, FEW);
    for mode in ["error"].iter().chain(&MODES) {
        if *mode == "error" {
            let _ = fs::remove_dir_all(folder.path("out"));
        } else {
            copy(&folder.path("before"), &folder.path("out"));
        }
        let mut disk = Unsynced::default();
        let (run, trace) = traced(&folder, &convert(&folder, mode, FEW), None);
        run.ended_with(3);
        disk.follow(&folder, &trace);
        let of = |kind: &str| disk.renames.get(kind).copied().unwrap_or(0);
        assert_eq!((of("intent"), of("commit"), of("schema")), (1, 1, 1), "{mode}");
        // Partitions, and the rejects file.
        assert!(of("data") > 2 && (of("replaced") > 1) == mode.starts_with("overwrite"), "{mode}: {:?}", disk.renames);
    }
}

#[test]
fn many_files_are_on_disk_before_they_are_committed() {
    if !has_strace() {
        return;
    }
    let folder = prepared(200, VERY_MANY);
    copy(&folder.path("before"), &folder.path("out"));
    let (run, trace) = traced(&folder, &convert(&folder, "append", VERY_MANY), None);
    run.ended_with(3);
    assert!(trace.contains("syncfs("), "they are synced together");
    let mut disk = Unsynced::default();
    disk.follow(&folder, &trace);
    assert!(disk.renames["data"] > 100, "{:?}", disk.renames);
}

#[test]
fn a_commit_that_is_carried_to_its_end_is_on_disk_too() {
    if !has_strace() {
        return;
    }
    // With so many partitions the run adds new ones, and replacing everything empties others.
    let folder = prepared(8, VERY_MANY);
    for mode in ["overwrite", "append"] {
        let mut completed = 0;
        // Every other step, to save time.
        for at in (1..).step_by(2) {
            copy(&folder.path("before"), &folder.path("out"));
            let mut disk = Unsynced::default();
            let inject = format!("rename:signal=KILL:when={at}");
            let (run, trace) = traced(&folder, &convert(&folder, mode, VERY_MANY), Some(&inject));
            disk.follow(&folder, &trace);
            if run.code != -1 {
                break;
            }
            if !folder.path("out").join(INTENT).exists() {
                continue;
            }
            // What the killed run has not synced is not on disk when the next one goes on.
            let (run, trace) = traced(&folder, &folder.command(&["verify", "out", "--repair"]), None);
            run.ended_with(0);
            disk.follow(&folder, &trace);
            assert_eq!(disk.renames.get("schema"), Some(&1), "{mode}, killed at rename {at}: {:?}", disk.renames);
            completed += 1;
        }
        assert!(completed > 5, "{mode}: {completed}");
    }
}

#[test]
fn shares_are_on_disk_when_they_are_complete() {
    if !has_strace() {
        return;
    }
    let folder = Folder::new();
    let inputs = shares::inputs(&folder);
    let mut disk = Unsynced::default();
    let names = ["a", "b"];
    for (input, share) in inputs.iter().zip(names) {
        let (run, trace) = traced(&folder, &shares::staging(Path::new("out"), input, share, false), None);
        assert_eq!(run.code, 0, "{run:?}");
        disk.follow(&folder, &trace);
        // The name of the dataset's folder is synced by the commit.
        disk.names.remove("out");
        assert_eq!((&disk.names, &disk.files), (&BTreeSet::new(), &BTreeSet::new()), "share {share}");
        disk.names.insert("out".to_owned());
    }
    let (run, trace) = traced(&folder, &shares::committing(Path::new("out"), &names), None);
    assert_eq!(run.code, 0, "{run:?}");
    disk.follow(&folder, &trace);
    assert_eq!(disk.renames.get("commit"), Some(&1), "{:?}", disk.renames);
    assert!(disk.renames["data"] > 1, "{:?}", disk.renames);
}

#[test]
fn the_folders_around_a_dataset_are_on_disk_whoever_created_them() {
    if !has_strace() {
        return;
    }
    let folder = prepared(8, FEW);
    let command = || folder.command(&[&["convert", "two.ndjson"], &options("error", "out/of/it", FEW)[..]].concat());
    let mut disk = Unsynced::default();
    // Killed when the intent would get its name.
    let (run, trace) = traced(&folder, &command(), Some("rename:signal=KILL:when=1"));
    assert_eq!(run.code, -1, "{run:?}");
    disk.follow(&folder, &trace);
    assert!(!folder.path("out/of/it").join(INTENT).exists() && folder.path("out/of").exists());
    // What it has synced may be lost all the same, if that was not all.
    disk.names.extend(["out", "out/of", "out/of/it"].map(str::to_owned));
    let (run, trace) = traced(&folder, &command(), None);
    run.ended_with(3);
    disk.follow(&folder, &trace);
    assert_eq!(disk.renames.get("commit"), Some(&1), "{:?}", disk.renames);
}
