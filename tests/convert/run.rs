//! A folder to work in, and runs of the program in it.

use std::{
    fs,
    io::Write,
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use serde_json::Value;

use crate::output::Output;

/// Longer than anything here takes on a busy machine: a test that waits this long has failed.
pub const PATIENCE: Duration = Duration::from_mins(1);

/// A folder that is removed after the test.
pub struct Folder {
    dir: tempfile::TempDir,
}

/// How a run of the program ended.
#[derive(Debug)]
pub struct Run {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Folder {
    pub fn new() -> Self {
        Self { dir: tempfile::tempdir().unwrap() }
    }

    /// A folder with one file in it.
    pub fn with(name: &str, content: impl AsRef<[u8]>) -> Self {
        let folder = Self::new();
        folder.write(name, content);
        folder
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    pub fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    pub fn json(&self, name: &str) -> Value {
        serde_json::from_str(&self.read(name)).unwrap()
    }

    /// A document of a dataset without the digest of its text.
    pub fn document(&self, name: &str) -> Value {
        let mut document = self.json(name);
        document.as_object_mut().unwrap().remove("document_digest").unwrap();
        document
    }

    /// The program with these arguments, to be run in this folder. Its output is captured.
    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_partiquet"));
        command.args(args).current_dir(self.dir.path()).stdin(Stdio::null());
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Runs the program.
    pub fn run(&self, args: &[&str]) -> Run {
        Run::of(self.command(args).spawn().unwrap())
    }

    /// Runs `partiquet convert ARGS`.
    pub fn convert(&self, args: &[&str]) -> Run {
        self.run(&[&["convert"], args].concat())
    }

    /// Runs `partiquet convert ARGS` with `stdin` as standard input.
    pub fn convert_piped(&self, args: &[&str], stdin: &[u8]) -> Run {
        let mut command = self.command(&[&["convert"], args].concat());
        let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
        // A run that fails early does not read to the end; its exit code shows that.
        let _ = child.stdin.take().unwrap().write_all(stdin);
        Run::of(child)
    }

    /// Converts, checks for success, and reads what was written to `out`.
    pub fn converted(&self, args: &[&str]) -> Output {
        self.convert(&[args, &["--out", "out"]].concat()).ended_with(0);
        self.output("out")
    }

    pub fn output(&self, name: &str) -> Output {
        Output::read(&self.path(name))
    }

    /// Names directly in this folder.
    pub fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.dir.path()).unwrap();
        let mut names: Vec<String> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

impl Run {
    pub fn of(child: Child) -> Self {
        let output = child.wait_with_output().unwrap();
        Self {
            // A process that was ended by a signal has no code.
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    #[track_caller]
    pub fn ended_with(self, code: i32) -> Self {
        assert_eq!(self.code, code, "stdout:\n{}\nstderr:\n{}", self.stdout, self.stderr);
        assert!(!self.stderr.contains("panicked") && !self.stderr.contains("bug in partiquet"), "{}", self.stderr);
        self
    }

    /// Checks that the message contains all of these parts.
    #[track_caller]
    pub fn says(self, parts: &[&str]) -> Self {
        for part in parts {
            assert!(self.stderr.contains(part), "{part:?} is not in\n{}", self.stderr);
        }
        self
    }

    /// The column of the caret in the excerpt and the line above it, without the indent.
    #[track_caller]
    pub fn excerpt(&self) -> (usize, String) {
        let lines: Vec<&str> = self.stderr.lines().collect();
        let caret = lines.iter().position(|line| line.trim() == "^").expect(&self.stderr);
        let text = lines[caret - 1].strip_prefix("    ").expect("an indent");
        (lines[caret].chars().count() - 1 - 4, text.to_owned())
    }
}

/// Waits until a condition holds.
#[track_caller]
pub fn wait_until(what: &str, mut is_true: impl FnMut() -> bool) {
    let started = Instant::now();
    while !is_true() {
        assert!(started.elapsed() < PATIENCE, "in vain: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Waits for the end of a process, and returns its peak resident memory in KiB. (The system's own figure for an ended
/// child also counts the memory of its parent from before the exec.)
pub fn watched(child: &mut Child) -> u64 {
    let status = format!("/proc/{}/status", child.id());
    let mut peak = 0;
    while child.try_wait().unwrap().is_none() {
        // The figure only rises, so the last one before the end counts.
        let text = fs::read_to_string(&status).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        peak = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse().ok()).unwrap_or(peak);
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    peak
}
