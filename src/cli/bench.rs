//! `partiquet bench`: measures whole conversions from outside, as a user sees them, with one process per run.
//!
//! ```text
//! settings (a matrix) x contenders (ours, peers) -> runs, rounds interleaved -> figures -> table, JSON, page
//! ```

#![expect(clippy::doc_markdown, reason = "these comments are the help: backticks would be printed")]

mod chart;
mod figures;
mod inputs;
mod machine;
mod matrix;
mod measure;
mod page;
mod peers;
mod table;

use std::{
    env, fs,
    io::{self, Write},
    path::{Path, PathBuf},
};

use clap::{Args, ValueEnum, ValueHint};
use partiquet::{
    Config, Error, Result,
    config::{AttributeColumns, Compression, PartitionBy, Size},
    pipeline::memory,
};

use super::{generate::DataArgs, print, report_file::ReportFile, signals};
use inputs::Stored;
use matrix::Matrix;
use peers::Peer;

pub const EXAMPLES: &str = "Examples:
  How threads and size scale, as a page to show:
    partiquet bench --size 250MB,500MB,1GB --threads 1,2 --html bench.html
  Codecs, on an input of one's own:
    partiquet bench --input exports/ --compression 'zstd(1),zstd(3),snappy,none'
  Beside other engines, in an environment that has them (docs/benchmarks.md says how to make one):
    partiquet bench --size 1GB --peers duckdb,clickhouse,polars,pyarrow --peers-python target/python/bin/python";

const INPUT: &str = "Input";
const MATRIX: &str = "What is varied: every combination is run";
const RESULT: &str = "Results";

#[derive(Debug, Args)]
pub struct BenchArgs {
    /// An input of your own: a file, a folder or a pattern; may be given again
    ///
    /// Without it, input is generated as `partiquet generate` does it, with the options of the same names below.
    #[arg(long, value_name = "INPUT", value_hint = ValueHint::AnyPath, help_heading = INPUT)]
    input: Vec<String>,

    /// Bytes of JSON to generate [default: 500MB]
    #[arg(long, value_name = "SIZE,...", value_delimiter = ',', help_heading = MATRIX, conflicts_with = "input")]
    size: Vec<Size>,

    /// How generated input is compressed: none, gz, zst [default: none]
    #[arg(long, value_name = "HOW,...", value_delimiter = ',', help_heading = MATRIX, conflicts_with = "input",
          hide_possible_values = true)]
    input_compression: Vec<Stored>,

    /// Worker threads [default: as many processors as --memory allows; without peers also halves of it down to 1]
    #[arg(long, short = 'j', value_name = "N,...", value_delimiter = ',', help_heading = MATRIX)]
    threads: Vec<usize>,

    /// Memory of this program [default: 256MiB]; does not limit other engines
    #[arg(long, value_name = "SIZE,...", value_delimiter = ',', help_heading = MATRIX)]
    memory: Vec<Size>,

    /// Codecs of the pages [default: zstd(1)]
    #[arg(long, value_name = "CODEC,...", value_delimiter = ',', help_heading = MATRIX)]
    compression: Vec<Compression>,

    /// Partition columns; may be given again [default: day(start_time)]
    #[arg(long, value_name = "SPEC", help_heading = MATRIX)]
    partition_by: Vec<PartitionBy>,

    /// Attribute keys that become columns [default: auto; none when there are peers, since they have no auto]
    #[arg(long, value_name = "KEYS", help_heading = INPUT)]
    attribute_columns: Option<AttributeColumns>,

    /// Other engines to compare with: duckdb, clickhouse, polars, pyarrow, spark
    ///
    /// One that is not installed is skipped. Ratios are shown only where the outputs agree.
    #[arg(long, value_name = "NAME,...", value_delimiter = ',', hide_possible_values = true)]
    peers: Vec<Peer>,

    /// Python that has the peers [default: target/python/bin/python if it exists, otherwise python3]
    #[arg(long, value_name = "PATH", value_hint = ValueHint::FilePath)]
    peers_python: Option<PathBuf>,

    /// How often each conversion is run, in turn [default: 3]
    #[arg(long, value_name = "N", default_value_t = 3, hide_default_value = true,
          value_parser = clap::value_parser!(u32).range(1..=1000))]
    rounds: u32,

    /// Where to create a temporary folder for input and output [default: the system's temporary folder]
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    work: Option<PathBuf>,

    /// How the table is printed: table, markdown [default: table]
    #[arg(long = "as", value_name = "FORM", value_enum, default_value_t = Form::Table, hide_default_value = true,
          hide_possible_values = true, help_heading = RESULT)]
    form: Form,

    /// Write all figures as JSON
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, help_heading = RESULT)]
    json: Option<PathBuf>,

    /// Write an HTML page with charts, self-contained in one file
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, help_heading = RESULT)]
    html: Option<PathBuf>,

    #[command(flatten)]
    data: DataArgs,
}

/// How the table is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Form {
    Table,
    Markdown,
}

/// Runs the measurements and prints the results.
pub fn run(args: &BenchArgs, processors: usize, now: &str) -> Result<()> {
    let asked = asked(args, processors)?;
    // Fail on an unwritable path before hours of work.
    let json = args.json.as_deref().map(ReportFile::create).transpose()?;
    let html = args.html.as_deref().map(ReportFile::create).transpose()?;
    let stop = signals::stop_flag()?;
    let work = Work::new(args.work.as_deref().unwrap_or(&env::temp_dir()))?;

    let inputs = inputs::prepare(&args.input, &asked, &args.data.settings(), &work.dir, processors, &stop)?;
    let settings = matrix::settings(&asked, &inputs);
    let contenders = peers::contenders(&args.peers, args.peers_python.as_deref(), &settings, &work.dir)?;
    let results = measure::all(&settings, &contenders, args.rounds, &work.dir, now, &stop)?;

    let text = match args.form {
        Form::Table => table::plain(&results),
        Form::Markdown => table::markdown(&results),
    };
    print(&mut io::stdout().lock(), text.as_bytes())?;
    if let Some(file) = json {
        let document = serde_json::to_value(&results).map_err(|error| Error::Bug(error.to_string()))?;
        file.write(&document)?;
    }
    if let Some(file) = html {
        file.write_text(&page::render(&results)?)?;
    }
    Ok(())
}

/// What was asked for, with defaults for everything that was not given.
fn asked(args: &BenchArgs, processors: usize) -> Result<Matrix> {
    if !args.input.is_empty() && args.data != DataArgs::default() {
        return Err(Error::usage(
            "--input is taken as it is: options of generated data cannot change it",
            "leave out --input, or the options of `partiquet generate`",
        ));
    }
    let has_peers = !args.peers.is_empty();
    let memories = if args.memory.is_empty() { vec![Size(Config::DEFAULT_MEMORY_BYTES)] } else { args.memory.clone() };
    let min_memory = memories.iter().map(|memory| memory.0).min().unwrap_or_default();
    if min_memory < memory::MIN_MEMORY_BYTES {
        let hint = format!("give {} or more", Size(memory::MIN_MEMORY_BYTES));
        return Err(Error::usage(format!("--memory: {} is too little", Size(min_memory)), hint));
    }
    let processors = processors.min(memory::max_threads(min_memory));
    let or = |given: &[usize]| match (given.is_empty(), has_peers) {
        (false, _) => given.to_vec(),
        (true, true) => vec![processors],
        (true, false) => {
            let mut halves: Vec<usize> =
                std::iter::successors(Some(processors), |n| (*n > 1).then_some(n / 2)).collect();
            halves.reverse();
            halves
        }
    };
    let threads = or(&args.threads);
    if let Some(wrong) = threads.iter().find(|n| !(1..=Config::MAX_THREADS).contains(*n)) {
        let hint = format!("use numbers from 1 to {}", Config::MAX_THREADS);
        return Err(Error::usage(format!("--threads: {wrong} is not possible"), hint));
    }
    let attributes = match (&args.attribute_columns, has_peers) {
        (Some(said), _) => said.clone(),
        (None, true) => AttributeColumns::None,
        (None, false) => AttributeColumns::Auto,
    };
    if has_peers && attributes == AttributeColumns::Auto {
        return Err(Error::usage(
            "--attribute-columns auto cannot be compared: peers do not look for keys",
            "leave it out, or name the keys",
        ));
    }
    let or_default = |sizes: &[Size]| if sizes.is_empty() { vec![Size(500_000_000)] } else { sizes.to_vec() };
    Ok(Matrix {
        threads,
        memories,
        codecs: if args.compression.is_empty() { vec![Compression::DEFAULT] } else { args.compression.clone() },
        partitions: if args.partition_by.is_empty() { vec![PartitionBy::default()] } else { args.partition_by.clone() },
        sizes: or_default(&args.size),
        stored: if args.input_compression.is_empty() { vec![Stored::None] } else { args.input_compression.clone() },
        attributes,
    })
}

/// A temporary folder that is removed at the end, even after an error.
struct Work {
    dir: PathBuf,
}

impl Work {
    fn new(parent: &Path) -> Result<Self> {
        let dir = parent.join(format!("partiquet-bench-{}", std::process::id()));
        fs::create_dir_all(parent).and_then(|()| fs::create_dir(&dir)).map_err(Error::io("create the folder", &dir))?;
        Ok(Self { dir })
    }
}

impl Drop for Work {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.dir);
    }
}

/// Prints a progress message on standard error.
fn tell(text: &str) {
    let _ = writeln!(io::stderr().lock(), "{}", super::human::shown(text));
}
