//! Describes the machine, since figures mean little without it.

use std::{fs, path::Path, process::Command, thread};

use serde::Serialize;

/// The machine, as far as the system describes it.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Machine {
    pub processor: String,
    pub cores: usize,
    pub memory_bytes: u64,
    pub system: String,
    /// File system of the work folder.
    pub work: String,
}

impl Machine {
    pub fn describe(work: &Path) -> Self {
        let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
        let field = |text: &str, name: &str| {
            let line = text.lines().find(|line| line.starts_with(name));
            line.and_then(|line| line.split_once(':')).map(|(_, value)| value.trim().to_owned()).unwrap_or_default()
        };
        let kilobytes = field(&read("/proc/meminfo"), "MemTotal");
        let model = field(&read("/proc/cpuinfo"), "model name");
        let processor = if model.is_empty() { std::env::consts::ARCH.to_owned() } else { model };
        Self {
            processor,
            cores: thread::available_parallelism().map_or(1, usize::from),
            memory_bytes: kilobytes.trim_end_matches(" kB").parse::<u64>().unwrap_or_default() * 1024,
            system: said_by("uname", &["-sr"]),
            work: said_by("stat", &["-f", "-c", "%T", &work.to_string_lossy()]),
        }
    }
}

/// Output of a program, trimmed; empty if it cannot be run.
fn said_by(program: &str, args: &[&str]) -> String {
    let output = Command::new(program).args(args).output();
    output.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned()).unwrap_or_default()
}
