use super::*;
use crate::observe::Silent;

struct Tree {
    dir: tempfile::TempDir,
}

impl Tree {
    fn new(files: &[&str]) -> Self {
        let tree = Self { dir: tempfile::tempdir().unwrap() };
        for file in files {
            let path = tree.dir.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "{}").unwrap();
        }
        tree
    }

    fn path(&self, name: &str) -> String {
        self.dir.path().join(name).to_str().unwrap().to_owned()
    }

    /// Returns what is found, relative to the tree, or the error.
    fn find_beside(&self, names: &[&str], out: Option<&str>) -> Result<Vec<String>, String> {
        let names: Vec<String> =
            names.iter().map(|name| if *name == "-" { (*name).to_owned() } else { self.path(name) }).collect();
        let out = out.map(|out| self.dir.path().join(out));
        let found = discover(&names, out.as_deref(), &Silent).map_err(|error| error.to_string())?;
        let root = format!("{}/", self.dir.path().display());
        Ok(found.into_iter().map(|file| file.name.replace(&root, "")).collect())
    }

    fn find(&self, names: &[&str]) -> Result<Vec<String>, String> {
        self.find_beside(names, None)
    }

    fn fails(&self, names: &[&str], words: &str) {
        let error = self.find(names).unwrap_err();
        assert!(error.contains(words), "{error}");
    }
}

fn list(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

#[test]
fn a_folder_gives_its_data_files_sorted() {
    let tree = Tree::new(&[
        "in/b.json",
        "in/a/z.ndjson.gz",
        "in/a.jsonl",
        "in/c.JSON.ZST",
        "in/d.txt",
        "in/e.gz",
        "in/json",
        "in/.f.json",
        "in/_g.json",
        "in/.h/i.json",
        "in/_i/j.json",
        "in/k.json.bz2",
        "in/x.json/l.jsonl.zst",
    ]);
    let expected = ["in/a.jsonl", "in/a/z.ndjson.gz", "in/b.json", "in/c.JSON.ZST", "in/x.json/l.jsonl.zst"];
    assert_eq!(tree.find(&["in"]).unwrap(), list(&expected));
    assert_eq!(tree.find(&["in/_i"]).unwrap(), list(&["in/_i/j.json"]), "a folder that is named is taken");
}

#[test]
fn a_file_that_is_named_is_taken_whatever_its_name() {
    let tree = Tree::new(&["_partiquet/rejects/x", ".hidden", "*.json"]);
    assert_eq!(
        tree.find(&[".hidden", "_partiquet/rejects/x", "*.json"]).unwrap(),
        list(&["*.json", ".hidden", "_partiquet/rejects/x"])
    );
}

#[test]
fn doubles_count_once() {
    let tree = Tree::new(&["in/a.json", "in/b.json"]);
    std::os::unix::fs::symlink(tree.path("in/a.json"), tree.path("in/c.json")).unwrap();
    assert_eq!(
        tree.find(&["in", "in/b.json", "in/../in/a.json", "in/*.json"]).unwrap(),
        list(&["in/../in/a.json", "in/b.json"])
    );
}

#[test]
fn links_in_a_circle_are_walked_once() {
    let tree = Tree::new(&["in/a.json", "in/sub/b.json"]);
    std::os::unix::fs::symlink(tree.path("in"), tree.path("in/sub/up")).unwrap();
    assert_eq!(tree.find(&["in"]).unwrap(), list(&["in/a.json", "in/sub/b.json"]));
}

#[test]
fn a_link_to_nowhere_is_not_passed_over_silently() {
    let tree = Tree::new(&["in/a.json"]);
    std::os::unix::fs::symlink(tree.path("gone"), tree.path("in/readme")).unwrap();
    assert_eq!(tree.find(&["in"]).unwrap(), list(&["in/a.json"]));
    std::os::unix::fs::symlink(tree.path("gone"), tree.path("in/b.json")).unwrap();
    tree.fails(&["in"], "b.json");
}

#[test]
fn patterns_are_like_those_of_a_shell() {
    let tree = Tree::new(&["in/a1.txt", "in/a2.json", "in/b.json", "in/.a3.json", "in/sub/a4.json"]);
    assert_eq!(tree.find(&["in/a*"]).unwrap(), list(&["in/a1.txt", "in/a2.json"]));
    assert_eq!(tree.find(&["in/**/a?.json"]).unwrap(), list(&["in/a2.json", "in/sub/a4.json"]));
    assert_eq!(tree.find(&["in/s[tu]b"]).unwrap(), list(&["in/sub/a4.json"]));
    tree.fails(&["in/x*"], "no file matches");
    tree.fails(&["in/a[*"], "is wrong at character");
}

#[test]
fn a_folder_that_a_pattern_meets_may_hold_no_inputs() {
    let tree = Tree::new(&["in/a.json", "in/images/b.png", "in/more/c.json"]);
    assert_eq!(tree.find(&["in/*"]).unwrap(), list(&["in/a.json", "in/more/c.json"]));
    assert_eq!(tree.find(&["in/**"]).unwrap(), list(&["in/a.json", "in/images/b.png", "in/more/c.json"]));
    tree.fails(&["in/i*s"], "hold no inputs");
    tree.fails(&["in/x*"], "no file matches");
    tree.fails(&["in/images"], "holds no inputs");
}

#[test]
fn what_datasets_keep_of_themselves_is_no_input_of_a_pattern() {
    let tree = Tree::new(&["a.json", "_u.json", "calls/_partiquet/schema.json", "calls/_partiquet/commits/1.json"]);
    assert_eq!(tree.find(&["**/*.json"]).unwrap(), list(&["_u.json", "a.json"]));
    assert_eq!(tree.find(&["calls/_partiquet/*.json"]).unwrap(), list(&["calls/_partiquet/schema.json"]));
}

#[test]
fn the_output_is_not_an_input() {
    let tree = Tree::new(&["a.json", "out/b.json", "out/_partiquet/rejects/r.ndjson"]);
    assert_eq!(tree.find_beside(&[""], Some("out")).unwrap(), list(&["a.json"]));
    assert_eq!(tree.find_beside(&["**/*.json"], Some("out")).unwrap(), list(&["a.json"]));
    assert_eq!(
        tree.find_beside(&["out/_partiquet/rejects/r.ndjson"], Some("out")).unwrap(),
        list(&["out/_partiquet/rejects/r.ndjson"]),
        "rejects are given back by name"
    );
    assert!(tree.find_beside(&["out"], Some("out")).unwrap_err().contains("is the output dataset"));
    assert_eq!(tree.find_beside(&["out"], Some("not-there-yet")).unwrap(), list(&["out/b.json"]));
}

#[test]
fn what_is_missing_is_said_with_advice() {
    let tree = Tree::new(&["in/export.ndjson", "empty/readme.txt"]);
    tree.fails(&["in/exprot.ndjson"], "did you mean");
    tree.fails(&["in/exprot.ndjson"], "export.ndjson?");
    tree.fails(&["in/zzz"], "nothing of a like name");
    tree.fails(&["no/such/file.json"], "of its path only");
    tree.fails(&["empty"], "holds no inputs");
    tree.fails(&[], "no input given");
}

#[test]
fn standard_input_is_taken_once() {
    let tree = Tree::new(&["a.json"]);
    assert_eq!(tree.find(&["a.json", "-"]).unwrap(), list(&["-", "a.json"]));
    tree.fails(&["-", "-"], "twice");
}

#[test]
fn sizes_are_known_except_of_streams() {
    let tree = Tree::new(&["a.json", "b.json"]);
    let found = discover(&[tree.path("")], None, &Silent).unwrap();
    assert_eq!(total_bytes(&found), Some(4));
    assert_eq!(total_bytes(&discover(&[tree.path(""), "-".into()], None, &Silent).unwrap()), None);
}

#[test]
fn a_name_that_is_not_utf_8_is_taken_and_told_from_others() {
    use std::os::unix::ffi::OsStrExt;
    let tree = Tree::new(&["in/a.json"]);
    let odd = |bytes: &[u8]| tree.dir.path().join("in").join(OsStr::from_bytes(bytes));
    let odds = [odd(b"b\xff\xfe.json"), odd(b"b\xff.json"), odd("bü.json".as_bytes())];
    for path in &odds {
        fs::write(path, "{}").unwrap();
    }
    let names = ["in/a.json", "in/bü.json", "in/b\\xFF.json", "in/b\\xFF\\xFE.json"];
    assert_eq!(tree.find(&["in"]).unwrap(), list(&names));
    let found = discover(&odds, None, &Silent).unwrap();
    assert_eq!(found.len(), 3);
    assert!(found[1].name.ends_with("b\\xFF.json"), "{}", found[1].name);
    assert!(matches!(&found[1].source, Source::File(path) if *path == odds[1]));
    let error = discover(&[odd(b"c\xff")], None, &Silent).unwrap_err().to_string();
    assert!(error.contains("there is no file or folder"), "{error}");
}

#[test]
fn a_search_can_be_asked_to_stop() {
    struct Stop;
    impl Observer for Stop {
        fn stop_requested(&self) -> bool {
            true
        }
    }
    let tree = Tree::new(&["in/a.json"]);
    for name in ["in", "in/a.json", "in/*"] {
        assert!(matches!(discover(&[tree.path(name)], None, &Stop), Err(Error::Interrupted)), "{name}");
    }
}
