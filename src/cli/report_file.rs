//! `--report FILE`: the report of a run as JSON, written completely or not at all.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write},
    path::{Path, PathBuf},
    process,
};

use partiquet::{Error, Result, dataset::META};
use serde::Serialize;
use serde_json::{Value, json};

use super::resolve::{follow_dangling_links, resolved};

/// Where the report goes. It is opened before the run starts, so that an unwritable path is reported at once and not
/// after hours of work.
pub enum ReportFile {
    /// Standard output, given as `-`.
    Stdout,
    /// A pipe or a device, which is written to, not replaced.
    Special { path: PathBuf, file: File },
    /// A staged file next to its final path.
    Staged {
        /// The final path.
        path: PathBuf,
        /// The file as it is written; removed unless it was published.
        staged: Staged,
    },
}

/// A file that is removed unless it is published.
pub struct Staged {
    path: PathBuf,
    file: File,
}

impl Drop for Staged {
    fn drop(&mut self) {
        // After the rename there is nothing left to remove.
        let _ = fs::remove_file(&self.path);
    }
}

impl ReportFile {
    /// Prepares to write to `path`; `-` is standard output.
    pub fn create(path: &Path) -> Result<Self> {
        if path == Path::new("-") {
            return Ok(Self::Stdout);
        }
        let refused =
            || Error::usage(format!("{} cannot be a report", path.display()), "give --report the path of a file");
        if resolved(path).components().any(|part| part.as_os_str() == META) {
            return Err(refused());
        }
        let path = match fs::metadata(path) {
            Ok(there) if there.is_dir() => return Err(refused()),
            // Opened under the given name, because the target of `/dev/fd/63` has no other name.
            Ok(there) if !there.is_file() => {
                let file = OpenOptions::new().write(true).open(path).map_err(Error::io("open the report", path))?;
                return Ok(Self::Special { path: path.to_owned(), file });
            }
            Ok(_) => fs::canonicalize(path).map_err(Error::io("look at the report", path))?,
            Err(_) => follow_dangling_links(path),
        };
        let staged_path = staged_beside(&path).ok_or_else(refused)?;
        let file = OpenOptions::new().write(true).create_new(true).open(&staged_path);
        let file = file.map_err(Error::io("create the report", &path))?;
        Ok(Self::Staged { path, staged: Staged { path: staged_path, file } })
    }

    /// Whether the report goes to standard output.
    pub const fn is_stdout(&self) -> bool {
        matches!(self, Self::Stdout)
    }

    /// Writes the document as JSON and publishes the file.
    pub fn write(self, document: &Value) -> Result<()> {
        let mut text = serde_json::to_string_pretty(document)
            .map_err(|error| Error::Bug(format!("the report is not JSON: {error}")))?;
        text.push('\n');
        self.write_text(&text)
    }

    /// Like [`Self::write`], but for text.
    pub fn write_text(self, text: &str) -> Result<()> {
        match self {
            Self::Stdout => super::print(&mut io::stdout().lock(), text.as_bytes()),
            Self::Special { path, mut file } => {
                file.write_all(text.as_bytes()).map_err(Error::io("write the report", path))
            }
            Self::Staged { path, mut staged } => {
                let written = staged.file.write_all(text.as_bytes()).and_then(|()| staged.file.sync_all());
                written.and_then(|()| fs::rename(&staged.path, &path)).map_err(Error::io("write the report", path))
            }
        }
    }
}

/// Where a file is staged: beside its final path, under a hidden name of this process. None for a path without a name.
pub fn staged_beside(path: &Path) -> Option<PathBuf> {
    let mut hidden = std::ffi::OsString::from(".");
    hidden.push(path.file_name()?);
    hidden.push(format!(".{}.tmp", process::id()));
    Some(path.with_file_name(hidden))
}

/// The report of a command that did its work: `exit_code`, followed by the library's report.
pub fn of_success<R: Serialize>(report: &R, exit_code: u8) -> Result<Value> {
    #[derive(Serialize)]
    struct Document<'a, R> {
        exit_code: u8,
        error: Value,
        #[serde(flatten)]
        report: &'a R,
    }
    let document = Document { exit_code, error: Value::Null, report };
    serde_json::to_value(document).map_err(|error| Error::Bug(format!("the report is not JSON: {error}")))
}

/// The report of a run that committed nothing; `recovered` is what it did about an earlier one.
pub fn of_failure(error: &Error, recovered: Option<&str>, elapsed_seconds: f64) -> Value {
    let reject = match error {
        Error::Rejected { reject, .. } => json!(reject),
        _ => Value::Null,
    };
    json!({
        "exit_code": error.exit_code(),
        "error": {"message": error.to_string(), "reject": reject},
        "warnings": recovered.into_iter().collect::<Vec<_>>(),
        "version": env!("CARGO_PKG_VERSION"),
        "elapsed_seconds": elapsed_seconds,
    })
}

#[cfg(test)]
mod tests {
    use partiquet::report::Report;

    use super::*;

    fn names(dir: &Path) -> Vec<String> {
        fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    }

    #[test]
    fn the_file_appears_whole() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("run.json");
        let file = ReportFile::create(&path).unwrap();
        assert!(!path.exists());
        file.write(&json!({"rows": 1})).unwrap();
        assert_eq!(names(dir.path()), ["run.json"]);
        assert_eq!(fs::read_to_string(&path).unwrap(), "{\n  \"rows\": 1\n}\n");
    }

    #[cfg(unix)]
    #[test]
    fn a_link_stays_a_link_and_a_pipe_a_pipe() {
        let dir = tempfile::tempdir().unwrap();
        let (link, target) = (dir.path().join("link.json"), dir.path().join("run.json"));
        fs::write(&target, "old").unwrap();
        std::os::unix::fs::symlink(&target, &link).unwrap();
        ReportFile::create(&link).unwrap().write(&json!(1)).unwrap();
        assert_eq!(fs::read_to_string(&target).unwrap(), "1\n");
        fs::remove_file(&target).unwrap();
        ReportFile::create(&link).unwrap().write(&json!(3)).unwrap();
        assert_eq!(fs::read_to_string(&target).unwrap(), "3\n", "it led to nothing yet");
        assert!(link.symlink_metadata().unwrap().is_symlink());
        // A path inside a dataset is refused, even through a link.
        let of_dataset = dir.path().join("of-dataset");
        std::os::unix::fs::symlink("other/_partiquet/schema.json", &of_dataset).unwrap();
        assert!(matches!(ReportFile::create(&of_dataset), Err(Error::Usage { .. })));

        let pipe = dir.path().join("pipe");
        assert!(process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        let reader = std::thread::spawn({
            let pipe = pipe.clone();
            move || fs::read_to_string(pipe).unwrap()
        });
        ReportFile::create(&pipe).unwrap().write(&json!(2)).unwrap();
        assert_eq!(reader.join().unwrap(), "2\n");
        assert!(!pipe.metadata().unwrap().is_file());
    }

    /// A path as the `>(...)` of a shell passes it.
    #[cfg(target_os = "linux")]
    #[test]
    fn an_open_descriptor_is_written_to() {
        use std::{io::Read, os::fd::AsRawFd};
        let (mut reader, writer) = io::pipe().unwrap();
        let path = format!("/proc/self/fd/{}", writer.as_raw_fd());
        ReportFile::create(Path::new(&path)).unwrap().write(&json!(4)).unwrap();
        drop(writer);
        let mut text = String::new();
        reader.read_to_string(&mut text).unwrap();
        assert_eq!(text, "4\n");
    }

    #[test]
    fn a_report_that_is_not_written_leaves_nothing() {
        let dir = tempfile::tempdir().unwrap();
        drop(ReportFile::create(&dir.path().join("run.json")).unwrap());
        assert_eq!(names(dir.path()), Vec::<String>::new());
    }

    #[test]
    fn a_path_that_cannot_be_written_is_known_at_once() {
        let dir = tempfile::tempdir().unwrap();
        assert!(matches!(ReportFile::create(dir.path()), Err(Error::Usage { .. })));
        assert!(matches!(ReportFile::create(&dir.path().join("absent/run.json")), Err(Error::Io { .. })));
    }

    #[test]
    fn success_and_failure_have_the_same_head() {
        let report = Report { rows: 7, ..Report::default() };
        let success = of_success(&report, 3).unwrap();
        assert_eq!((&success["exit_code"], &success["error"], &success["rows"]), (&json!(3), &Value::Null, &json!(7)));
        let failure = of_failure(&Error::Interrupted, Some("an earlier run"), 1.5);
        assert_eq!(failure["exit_code"], 130);
        assert_eq!(failure["error"]["message"], "interrupted: nothing was committed");
        assert_eq!(failure["error"]["reject"], Value::Null);
        assert_eq!(failure["warnings"], json!(["an earlier run"]));
    }
}
