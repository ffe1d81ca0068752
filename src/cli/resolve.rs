//! Turns raw options into a configuration: every value is explicit, and checked once.

use std::{
    collections::BTreeSet,
    ffi::OsString,
    fs,
    path::{Component, Path, PathBuf},
};

use partiquet::{
    Config, Error, Result,
    config::{AttributeColumns, Compression, PartitionBy, Size, url},
    input::{ReadOptions, discover::would_take},
    model::Model,
    pipeline::memory,
};

use super::args::{ProgressMode, RawOptions, Target};

/// Values from the environment: the only ones that neither the command line nor the config file decides.
pub struct Surroundings {
    /// Processors that may be used.
    pub threads: usize,
    /// The time now, as RFC 3339.
    pub now: String,
    /// Finds a model by name or path.
    pub load_model: fn(&str) -> Result<Model>,
}

/// A conversion to run, and what to show of it.
pub struct Job {
    pub config: Config,
    /// The model as it was named; none for the built-in one.
    pub model: Option<String>,
    pub target: Target,
    pub progress: ProgressMode,
    pub report: Option<PathBuf>,
    pub dry_run: bool,
}

/// Translates and checks the options.
///
/// # Errors
/// [`Error::Usage`] for a missing or impossible value, and any error of loading the model.
pub fn resolve(said: RawOptions, surroundings: &Surroundings) -> Result<Job> {
    // Destructured in full: a new option cannot be forgotten here.
    let RawOptions {
        inputs,
        out,
        mode,
        dry_run,
        model,
        attribute_columns,
        attribute_map,
        provenance,
        partition_by,
        sort_by,
        bloom_filter,
        compression,
        target_file_size,
        row_group_rows,
        max_rejects,
        max_record_size,
        threads,
        memory,
        target,
        progress,
        report,
    } = said;
    let dry_run = dry_run.unwrap_or_default();
    let out = out.ok_or_else(|| Error::usage("no output folder is given", "add --out DIR"))?;
    if out.as_os_str().is_empty() {
        return Err(Error::usage("the name of the output folder is empty", "give --out DIR; . is the working folder"));
    }
    // Before its slashes are made one.
    if let Some(error) = out.to_str().and_then(url::refusal) {
        return Err(error);
    }
    let out = without_detours(&out);
    check_inputs(&inputs)?;
    check_report(report.as_deref(), &out, &inputs, dry_run)?;
    let attribute_columns = match attribute_columns.unwrap_or_default() {
        AttributeColumns::Keys(keys) => AttributeColumns::Keys(distinct("--attribute-columns", keys)?),
        other => other,
    };
    let attribute_map = attribute_map.unwrap_or_default();
    let memory_bytes = memory.unwrap_or(Size(Config::DEFAULT_MEMORY_BYTES)).0;
    // Use all processors, as far as the memory suffices for them.
    let max_threads = || surroundings.threads.min(memory::max_threads(memory_bytes));
    let config = Config {
        inputs,
        out,
        model: (surroundings.load_model)(model.as_deref().unwrap_or(Model::DEFAULT))?,
        partition_by: partition_by.unwrap_or_else(PartitionBy::default).0,
        attribute_columns,
        attribute_map,
        compression: compression.unwrap_or(Compression::DEFAULT),
        target_file_bytes: target_file_size.unwrap_or(Size(Config::DEFAULT_TARGET_FILE_BYTES)).0,
        row_group_rows: row_group_rows.unwrap_or(Config::DEFAULT_ROW_GROUP_ROWS),
        threads: threads.unwrap_or_else(max_threads),
        memory_bytes,
        max_record_bytes: record_bytes(max_record_size, memory_bytes)?,
        max_rejects: max_rejects.unwrap_or_default(),
        mode: mode.unwrap_or_default(),
        sort_by: columns("--sort-by", sort_by)?,
        bloom_filter: columns("--bloom-filter", bloom_filter)?,
        provenance: provenance.unwrap_or_default(),
        committed_at: surroundings.now.clone(),
    };
    config.check()?;
    memory::check(&config)?;
    let (target, progress) = (target.unwrap_or_default(), progress.unwrap_or_default());
    Ok(Job { config, model, target, progress, report, dry_run })
}

fn check_inputs(inputs: &[OsString]) -> Result<()> {
    let hint = "name files, folders or patterns, or - for standard input";
    if inputs.is_empty() {
        return Err(Error::usage("no input is given", hint));
    }
    if inputs.iter().any(|input| input.is_empty()) {
        return Err(Error::usage("the name of an input is empty", hint));
    }
    if inputs.iter().filter(|input| *input == "-").count() > 1 {
        return Err(Error::usage("standard input is given twice", "give - once"));
    }
    Ok(())
}

/// Refuses a report inside the dataset, which would make the folder look in use and would be lost with the next
/// overwrite; and one among the inputs, which the next run would read as an input, or which would replace an input.
fn check_report(report: Option<&Path>, out: &Path, inputs: &[OsString], dry_run: bool) -> Result<()> {
    let Some(report) = report else { return Ok(()) };
    if dry_run {
        return Err(Error::usage("--dry-run writes nothing, so there is nothing to report", "leave out --report"));
    }
    if report == Path::new("-") {
        return Ok(());
    }
    if resolved(report).starts_with(resolved(out)) {
        return Err(Error::usage(
            format!("the report {} would stand inside the dataset", report.display()),
            "give --report a path outside the folder of --out",
        ));
    }
    if would_take(inputs, report) {
        return Err(Error::usage(
            format!("the report {} would stand among the inputs", report.display()),
            "give --report a path outside the folders of the inputs, or a name that does not end like one of theirs",
        ));
    }
    Ok(())
}

/// Follows a link whose target does not exist yet: the path returned is where a file would be created.
pub fn follow_dangling_links(path: &Path) -> PathBuf {
    let mut path = path.to_owned();
    // 40 is the number of links that systems follow.
    for _ in 0..40 {
        let target = if path.exists() { None } else { fs::read_link(&path).ok() };
        let Some(target) = target else { break };
        path = path.parent().unwrap_or(Path::new("")).join(target);
    }
    path
}

/// The path without links and dots, as far as it exists.
pub fn resolved(path: &Path) -> PathBuf {
    let path = &follow_dangling_links(path);
    let mut missing = Vec::new();
    for ancestor in path.ancestors() {
        let folder = if ancestor.as_os_str().is_empty() { Path::new(".") } else { ancestor };
        if let Ok(found) = fs::canonicalize(folder) {
            return missing.iter().rev().fold(found, |path, name| path.join(name));
        }
        missing.extend(ancestor.file_name());
    }
    path.to_owned()
}

/// The path without steps into folders that do not exist and out of them again: those folders would have to be created.
fn without_detours(path: &Path) -> PathBuf {
    let mut straight = PathBuf::new();
    for part in path.components() {
        let leaves_nothing = part == Component::ParentDir
            && matches!(straight.components().next_back(), Some(Component::Normal(_)))
            && fs::symlink_metadata(&straight).is_err();
        if leaves_nothing {
            straight.pop();
        } else {
            straight.push(part);
        }
    }
    if straight.as_os_str().is_empty() { PathBuf::from(".") } else { straight }
}

fn record_bytes(said: Option<Size>, memory: u64) -> Result<usize> {
    let longest = memory::max_record_bytes_for(memory).max(Config::MIN_MAX_RECORD_BYTES);
    let default = ReadOptions::MAX_RECORD_BYTES.min(longest) as u64;
    usize::try_from(said.unwrap_or(Size(default)).0)
        .map_err(|_| Error::usage("--max-record-size does not fit this machine", "give a smaller size"))
}

/// Names of columns without surrounding blanks. `none` alone stands for no name, so that the command line can take back
/// what a file says.
fn columns(option: &str, names: Option<Vec<String>>) -> Result<Vec<String>> {
    let names: Vec<String> = names.unwrap_or_default().iter().map(|name| name.trim().to_owned()).collect();
    if names == ["none"] {
        return Ok(Vec::new());
    }
    if names.iter().any(String::is_empty) {
        return Err(Error::usage(format!("{option} names an empty column"), "separate columns by single commas"));
    }
    distinct(option, names)
}

fn distinct(option: &str, names: Vec<String>) -> Result<Vec<String>> {
    let mut met = BTreeSet::new();
    for name in &names {
        if !met.insert(name.as_str()) {
            return Err(Error::usage(format!("{option} names {name:?} twice"), "name it once"));
        }
    }
    Ok(names)
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use partiquet::config::{AttributeMap, MaxRejects, Mode, PartitionField, Transform};

    use super::*;
    use crate::cli::args::{Cli, Command};

    #[expect(clippy::unnecessary_wraps, reason = "stands for a loader that can fail")]
    fn no_model(name: &str) -> Result<Model> {
        Ok(Model {
            name: name.to_owned(),
            title: String::new(),
            description: String::new(),
            envelopes: Vec::new(),
            row: Vec::new(),
            parent: None,
            outer: None,
        })
    }

    fn job(line: &[&str]) -> Result<Job> {
        let surroundings = Surroundings { threads: 3, now: "2025-07-01T00:00:00Z".to_owned(), load_model: no_model };
        match Cli::try_parse_from(["partiquet", "convert"].iter().chain(line)).unwrap().command {
            Command::Convert(args) => resolve(args.said, &surroundings),
            other => panic!("{other:?}"),
        }
    }

    fn message(line: &[&str]) -> String {
        job(line).err().map(|error| error.to_string()).unwrap_or_default()
    }

    #[test]
    fn an_input_and_a_folder_are_enough() {
        let Job { config, model, target, progress, report, dry_run } = job(&["in", "--out", "out"]).unwrap();
        assert_eq!((config.inputs, config.out), (vec![OsString::from("in")], PathBuf::from("out")));
        assert_eq!((config.model.name.as_str(), model), ("call", None));
        assert_eq!(
            config.partition_by,
            [PartitionField { column: "start_time".to_owned(), transform: Transform::Day }]
        );
        assert_eq!(config.attribute_columns, AttributeColumns::Auto);
        assert_eq!(config.attribute_map, AttributeMap::Rest);
        assert_eq!(config.compression, Compression::Zstd(1));
        assert_eq!(config.target_file_bytes, 256 << 20);
        assert_eq!((config.row_group_rows, config.threads, config.memory_bytes), (131_072, 3, 256 << 20));
        assert_eq!((config.max_record_bytes, config.max_rejects), (64 << 20, MaxRejects::Count(0)));
        assert_eq!((config.mode, config.provenance, dry_run), (Mode::Error, false, false));
        assert!(config.sort_by.is_empty() && config.bloom_filter.is_empty());
        let config = job(&["in", "--out", "out", "--sort-by", "none", "--bloom-filter=none"]).unwrap().config;
        assert!(config.sort_by.is_empty() && config.bloom_filter.is_empty(), "to take back what a file says");
        assert_eq!((target, progress, report), (Target::All, ProgressMode::Auto, None));
        assert_eq!(config.committed_at, "2025-07-01T00:00:00Z");
    }

    #[test]
    fn what_is_missing_is_named() {
        assert_eq!(message(&["in"]), "no output folder is given\n  add --out DIR");
        assert_eq!(
            message(&["--out", "out"]),
            "no input is given\n  name files, folders or patterns, or - for standard input"
        );
        assert_eq!(message(&["-", "-", "--out", "out"]), "standard input is given twice\n  give - once");
    }

    #[test]
    fn numbers_out_of_range_are_refused_with_the_range() {
        let with = |option: &str| message(&["in", "--out", "out", option]);
        assert_eq!(with("--threads=0"), "--threads 0 is out of range\n  give 1 to 1024");
        assert_eq!(with("--row-group-rows=0"), "--row-group-rows 0 is out of range\n  give 1 to 16777216");
        assert_eq!(with("--target-file-size=1kB"), "--target-file-size 1kB is out of range\n  give 64KiB or more");
        assert_eq!(with("--max-record-size=2GiB"), "--max-record-size 2GiB is out of range\n  give 1KiB to 1GiB");
    }

    #[test]
    fn memory_is_enough_for_threads_and_records_or_refused_with_what_would_be() {
        let with = |options: &[&str]| message(&[&["in", "--out", "out"], options].concat());
        assert_eq!(
            with(&["--memory=1MiB"]),
            "--memory 1MiB is too little for 1 thread and records of up to 1KiB\n  give --memory 64MiB or more"
        );
        assert_eq!(
            with(&["--threads=1024"]),
            "--memory 256MiB is too little for 1024 threads and records of up to 64MiB\n  give --memory 8228MiB or more; \
             or make do with --threads 27"
        );
        assert_eq!(
            with(&["--max-record-size=1GiB"]),
            "--memory 256MiB is too little for 3 threads and records of up to 1GiB\n  give --memory 4GiB or more; \
             or make do with --max-record-size 64MiB"
        );
        assert_eq!(with(&["--threads=1024", "--memory=8228MiB"]), "");
        assert_eq!(with(&["--max-record-size=1GiB", "--memory=4GiB"]), "");
        assert_eq!(with(&["--memory=64MiB"]), "");
        let config = job(&["in", "--out", "out", "--memory=64MiB"]).unwrap().config;
        assert_eq!((config.threads, config.max_record_bytes), (3, 3_728_268));
    }

    #[test]
    fn combinations_that_cannot_be_are_refused() {
        let with = |options: &[&str]| message(&[&["in", "--out", "out"], options].concat());
        assert!(with(&["--attribute-map=none"]).starts_with("--attribute-map none needs a column for every key"));
        assert_eq!(with(&["--attribute-map=none", "--attribute-columns=a,b"]), "");
        assert!(with(&["--dry-run", "--report=r.json"]).starts_with("--dry-run writes nothing"));
        assert_eq!(
            with(&["--dry-run", "--report=-"]),
            "--dry-run writes nothing, so there is nothing to report\n  leave out --report"
        );
        assert!(with(&["--report=out/r.json"]).starts_with("the report out/r.json would stand inside the dataset"));
        assert_eq!(with(&["--report=-"]), "");
        assert_eq!(with(&["--sort-by=a,b,a"]), "--sort-by names \"a\" twice\n  name it once");
        assert!(with(&["--bloom-filter=a,,b"]).starts_with("--bloom-filter names an empty column"));
    }

    #[test]
    fn a_way_through_a_folder_that_is_not_there_is_straightened() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("there")).unwrap();
        let straight = |path: &str| {
            let path = without_detours(&dir.path().join(path));
            path.strip_prefix(dir.path()).unwrap().to_str().unwrap().to_owned()
        };
        assert_eq!(straight("zz/../zz2"), "zz2");
        assert_eq!(straight("zz/yy/../../a/b"), "a/b");
        assert_eq!(straight("there/../a"), "there/../a", "it may be a link");
        assert_eq!(without_detours(Path::new("../a")), Path::new("../a"));
        assert_eq!(without_detours(Path::new("no-such-folder/..")), Path::new("."));
    }
}
