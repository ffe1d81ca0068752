//! A folder to work in, and runs of the program in it.

use std::{
    fs,
    path::PathBuf,
    process::{Command, Output},
};

pub struct Folder {
    dir: tempfile::TempDir,
}

impl Folder {
    pub fn new() -> Self {
        Self { dir: tempfile::tempdir().unwrap() }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.path(name)).unwrap()
    }

    /// Names directly in a subfolder of this folder.
    pub fn names(&self, name: &str) -> Vec<String> {
        let entries = fs::read_dir(self.path(name)).unwrap();
        let mut names: Vec<String> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    pub fn run(&self, args: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_partiquet")).args(args).current_dir(self.dir.path()).output().unwrap()
    }

    /// Runs `partiquet generate ARGS`, which must succeed; returns its standard error.
    #[track_caller]
    pub fn generate(&self, args: &[&str]) -> String {
        self.ended(0, &[&["generate"], args].concat())
    }

    /// Runs the program, checks the exit code, and returns standard error.
    #[track_caller]
    pub fn ended(&self, code: i32, args: &[&str]) -> String {
        let output = self.run(args);
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(code), "{args:?}\n{said}");
        assert!(!said.contains("panicked") && !said.contains("bug in partiquet"), "{said}");
        said
    }

    /// Runs `partiquet convert ARGS`, which must end with this code; returns its report.
    #[track_caller]
    pub fn converted(&self, code: i32, args: &[&str]) -> serde_json::Value {
        let more = ["--out", "out", "--mode", "overwrite", "--progress", "none", "--report", "report.json"];
        self.ended(code, &[&["convert"], args, &more].concat());
        serde_json::from_slice(&self.read("report.json")).unwrap()
    }
}
