//! Other engines. Their programs are in `benches/peers`, where anyone can read and criticize them.

use std::{
    fmt, fs,
    path::{Path, PathBuf},
    process::Command,
    str::FromStr,
};

use partiquet::{
    Error, Result,
    config::{Compression, PartitionBy},
    model::{AttributeMap, Model, TableSchema},
    nearest::nearest,
    observe::Silent,
};
use serde::Serialize;
use serde_json::json;

use super::{figures::Contender, matrix::Setting, tell};
use crate::cli::{
    args::RawOptions,
    resolve,
    schema::{self, SchemaForm},
    surroundings,
};

/// The programs, embedded in the binary so that they are available wherever it is.
const PROGRAMS: [(&str, &str); 7] = [
    ("common.py", include_str!("../../../benches/peers/common.py")),
    ("agree.py", include_str!("../../../benches/peers/agree.py")),
    ("with_duckdb.py", include_str!("../../../benches/peers/with_duckdb.py")),
    ("with_clickhouse.py", include_str!("../../../benches/peers/with_clickhouse.py")),
    ("with_polars.py", include_str!("../../../benches/peers/with_polars.py")),
    ("with_pyarrow.py", include_str!("../../../benches/peers/with_pyarrow.py")),
    ("with_spark.py", include_str!("../../../benches/peers/with_spark.py")),
];

/// How many attribute keys peers without maps get as columns: the most frequent ones.
const KEYS: usize = 10;

/// Another engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Peer {
    DuckDb,
    ClickHouse,
    Polars,
    PyArrow,
    Spark,
}

impl Peer {
    const ALL: [(Self, &'static str, &'static str); 5] = [
        (Self::DuckDb, "duckdb", "DuckDB"),
        (Self::ClickHouse, "clickhouse", "ClickHouse"),
        (Self::Polars, "polars", "Polars"),
        (Self::PyArrow, "pyarrow", "pyarrow"),
        (Self::Spark, "spark", "Spark"),
    ];

    fn words(self) -> (&'static str, &'static str) {
        Self::ALL.iter().find(|(peer, _, _)| *peer == self).map_or(("", ""), |(_, word, name)| (word, name))
    }

    /// Whether it can read a JSON object with arbitrary keys as a map.
    const fn has_maps(self) -> bool {
        matches!(self, Self::DuckDb | Self::ClickHouse | Self::Spark)
    }
}

impl FromStr for Peer {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let words = Self::ALL.map(|(_, word, _)| word);
        Self::ALL.iter().find(|(_, word, _)| *word == text.trim()).map(|(peer, _, _)| *peer).ok_or_else(|| {
            let near = nearest(text, words).map(|near| format!("; did you mean {near}?")).unwrap_or_default();
            Error::usage(format!("{text:?} is not a peer{near}"), format!("use one of: {}", words.join(", ")))
        })
    }
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.words().1)
    }
}

/// All contenders.
pub struct Contenders {
    pub all: Vec<Contender>,
    pub peers: Option<Peers>,
    /// Name and reason of each unavailable peer.
    pub missing: Vec<(String, String)>,
}

/// How peers are run.
pub struct Peers {
    python: PathBuf,
    /// Folder of the programs.
    programs: PathBuf,
}

/// Our program, and the requested peers that are available.
pub fn contenders(asked: &[Peer], python: Option<&Path>, settings: &[Setting], work: &Path) -> Result<Contenders> {
    if asked.is_empty() {
        return Ok(Contenders { all: vec![Contender::Ours], peers: None, missing: Vec::new() });
    }
    check(settings)?;
    let programs = work.join("peers");
    fs::create_dir(&programs).map_err(Error::io("create the folder", &programs))?;
    for (name, text) in PROGRAMS {
        let path = programs.join(name);
        fs::write(&path, text).map_err(Error::io("write", &path))?;
    }
    let of_tests = Path::new("target/python/bin/python");
    let python = match python {
        Some(python) => python.to_owned(),
        None if of_tests.exists() => of_tests.to_owned(),
        None => PathBuf::from("python3"),
    };
    let peers = Peers { python, programs };
    let (mut found, mut missing) = (Vec::new(), Vec::new());
    for peer in asked {
        match peers.version(*peer) {
            Ok(version) => found.push((*peer, version)),
            Err(why) => {
                tell(&format!("{peer} is skipped: {why}"));
                missing.push((peer.to_string(), why));
            }
        }
    }
    let all_have_maps = found.iter().all(|(peer, _)| peer.has_maps());
    let keys = if all_have_maps { Vec::new() } else { frequent_keys(&settings[0], work)? };
    let mut all = vec![Contender::Ours];
    if !keys.is_empty() {
        all.push(Contender::OursByKey(keys.clone()));
    }
    all.extend(found.into_iter().map(|(peer, version)| {
        let keys = (!peer.has_maps()).then(|| keys.clone());
        Contender::Peer { peer, version, keys }
    }));
    Ok(Contenders { all, peers: Some(peers), missing })
}

/// Refuses settings that the programs of the peers do not support.
fn check(settings: &[Setting]) -> Result<()> {
    for setting in settings {
        let shape = setting.input.shape.as_deref();
        if !matches!(shape, Some("conversations" | "participants")) {
            return Err(Error::usage(
                "peers are compared on generated conversations or participants only",
                "use --shape conversations or --shape participants, without --input",
            ));
        }
        let by = &setting.partition_by;
        if *by != PartitionBy::default() && !by.0.is_empty() {
            return Err(Error::usage(
                format!("peers are compared partitioned by day(start_time) or none, not by {by}"),
                "leave out --partition-by, or leave out --peers",
            ));
        }
        if setting.attributes != partiquet::config::AttributeColumns::None {
            return Err(Error::usage(
                "beside peers the attributes are one map",
                "leave out --attribute-columns: peers without maps get the most frequent keys as columns",
            ));
        }
    }
    Ok(())
}

fn frequent_keys(setting: &Setting, work: &Path) -> Result<Vec<String>> {
    let inputs = setting.input.names.iter().map(Into::into).collect();
    let said = RawOptions { inputs, out: Some(work.join("preview")), ..RawOptions::default() };
    let preview = partiquet::preview(&resolve::resolve(said, &surroundings())?.config, &Silent)?;
    Ok(preview.attribute_keys.into_iter().take(KEYS).map(|(key, _)| key).collect())
}

impl Peers {
    fn program(&self, name: &str) -> Command {
        let mut command = Command::new(&self.python);
        command.arg(self.programs.join(name));
        command
    }

    /// Returns the peer's version, or why it is not available.
    fn version(&self, peer: Peer) -> std::result::Result<String, String> {
        let output = self.program(&format!("with_{}.py", peer.words().0)).arg("--version").output();
        let output = output.map_err(|error| format!("cannot run {}: {error}", self.python.display()))?;
        let text = |bytes: &[u8]| {
            let text = String::from_utf8_lossy(bytes);
            text.lines().last().unwrap_or_default().trim().to_owned()
        };
        if output.status.success() { Ok(text(&output.stdout)) } else { Err(text(&output.stderr)) }
    }

    /// The command that converts.
    pub fn command(&self, peer: Peer, job: &Path) -> Command {
        let mut command = self.program(&format!("with_{}.py", peer.words().0));
        command.arg(job);
        command
    }

    /// The command that compares a job's output with ours.
    pub fn agree(&self, job: &Path, ours: &Path) -> Command {
        let mut command = self.program("agree.py");
        command.arg(job).arg(ours);
        command
    }
}

/// Writes the job description for a peer and returns its path.
pub fn job(setting: &Setting, keys: Option<&Vec<String>>, out: &Path, work: &Path) -> Result<PathBuf> {
    let model = Model::load(Model::DEFAULT)?;
    let table = TableSchema::new(&model, keys.map_or(&[][..], Vec::as_slice), AttributeMap::Rest, false)?;
    let columns: serde_json::Value = serde_json::from_str(&schema::render(&table, &model, SchemaForm::Json))
        .map_err(|error| Error::Bug(format!("the schema is not JSON: {error}")))?;
    let (codec, level) = match setting.codec {
        Compression::Zstd(level) => ("zstd", Some(level)),
        Compression::Snappy => ("snappy", None),
        Compression::Lz4 => ("lz4", None),
        Compression::None => ("none", None),
    };
    let job = json!({
        "input": setting.input.names[0],
        "out": out,
        "shape": setting.input.shape,
        "threads": setting.threads,
        "codec": codec,
        "level": level,
        "by_day": !setting.partition_by.0.is_empty(),
        "keys": keys,
        "columns": columns["columns"],
    });
    let path = work.join("job.json");
    fs::write(&path, job.to_string()).map_err(Error::io("write", &path))?;
    Ok(path)
}
