//! What can be said on the command line. No logic: [`super::resolve`] says what it means.

#![expect(clippy::doc_markdown, reason = "these comments are the help: backticks would be printed")]

use std::{ffi::OsString, path::PathBuf};

use clap::{
    Args, Parser, Subcommand, ValueEnum, ValueHint,
    builder::{PossibleValuesParser, TypedValueParser},
};
use partiquet::config::{AttributeColumns, AttributeMap, Compression, MaxRejects, Mode, PartitionBy, Size};

use super::{bench, generate, schema::SchemaForm};

/// Converts nested contact-centre JSON to Hive-partitioned Parquet: every participant becomes a row, every leaf a
/// column, and nothing of a participant is lost.
#[derive(Debug, Parser)]
#[command(name = "partiquet", version, max_term_width = 100, arg_required_else_help = true)]
#[command(after_help = "Start with:  partiquet convert exports/ --out calls\n\
                        Then:        partiquet convert --help    shows every option, its default and the reason for it")]
pub struct Cli {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Convert JSON exports into a partitioned Parquet dataset
    #[command(after_help = CONVERT_EXAMPLES, long_about = CONVERT_ABOUT)]
    #[command(override_usage = "partiquet convert [OPTIONS] --out <DIR> <INPUT>...")]
    Convert(Box<ConvertArgs>),
    /// Show the columns and where each of them comes from, or what a dataset holds
    ///
    /// Without DIR: the columns of a model. With DIR: rows, commits, partitions and columns of that dataset, as its own
    /// documents list them; no data file is opened. To check the files against them: partiquet verify DIR
    Schema(SchemaArgs),
    /// Check a dataset against its commits
    ///
    /// Compares every data file with its manifest (size, digest, footer), and checks the sums of each manifest. Finds
    /// files that no manifest lists, leftovers of killed runs, and an unfinished commit. Changes nothing, unless
    /// --repair is given. Exit codes: 0 sound; 1 not sound, or not readable; 2 wrong usage.
    Verify(VerifyArgs),
    /// Propose a model file for other nested JSON
    ///
    /// Looks at a sample of the inputs, guesses where the rows are and what type each member has, and prints a
    /// model document. Check it, then use it: partiquet convert INPUT --model FILE --out DIR
    Infer(InferArgs),
    /// Write realistic generated input of any size
    #[command(after_help = generate::EXAMPLES)]
    Generate(Box<generate::GenerateArgs>),
    /// Measure conversions: a matrix of options, also compared with other engines
    #[command(after_help = bench::EXAMPLES)]
    Bench(Box<bench::BenchArgs>),
    /// Print a completion script for a shell
    #[command(
        after_help = "Example:  partiquet completions bash > ~/.local/share/bash-completion/completions/partiquet"
    )]
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Print the manual page (roff)
    #[command(after_help = "Example:  partiquet man | man -l -")]
    Man,
}

const CONVERT_ABOUT: &str = "Convert JSON exports into a partitioned Parquet dataset.\n\n\
    Understands NDJSON and JSON of any layout, plain, gzip or zstd. Finds the participants by itself in conversations, \
    paged listings, notifications and bare lists. Nothing is visible in DIR until everything is written.\n\n\
    Exit codes: 0 committed; 1 failed, nothing committed; 2 wrong usage; 3 committed, with rejects within --max-rejects; \
    130 interrupted, nothing committed (after a second Ctrl-C, which ends it at once, see `partiquet verify`).";

const CONVERT_EXAMPLES: &str = "Examples:
  A folder of exports, partitioned by day:
    partiquet convert exports/ --out calls
  See what would be written, without writing:
    partiquet convert exports/ --out calls --dry-run
  By day and role, and the attribute keys that matter as columns:
    partiquet convert 'exports/2025-07-*.json.gz' --out calls \\
        --partition-by 'day(start_time), purpose' --attribute-columns 'IVR Priority,Language'
  Go on in spite of some broken records; they are kept in calls/_partiquet/rejects/:
    partiquet convert exports/ --out calls --max-rejects 0.1%
  From a pipe, with a report of the run as JSON:
    zcat export.gz | partiquet convert - --out calls --report run.json
  The same options every night:
    partiquet convert exports/ --config nightly.toml --mode append";

#[derive(Debug, Args)]
pub struct ConvertArgs {
    #[command(flatten)]
    pub said: RawOptions,

    /// Read options from a TOML file; options on the command line override it
    ///
    /// The keys are the long names of these options, and `inputs`: `out = "calls"`, `partition-by = "day(start_time)"`,
    /// `provenance = true`. Paths in it are relative to the working directory, as they are here.
    #[arg(long, value_name = "FILE.toml", value_hint = ValueHint::FilePath, help_heading = INPUT_OUTPUT)]
    pub config: Option<PathBuf>,
}

const INPUT_OUTPUT: &str = "Input and output";
const COLUMNS: &str = "Columns";
const FILES: &str = "Partitions and files";
const STRICTNESS: &str = "Strictness";
const RESOURCES: &str = "Resources";
const REPORTING: &str = "What you see";

/// The options of a conversion, each of them only if it was given: by the command line, or by a config file.
#[derive(Debug, Default, Clone, PartialEq, Args)]
pub struct RawOptions {
    /// Files, folders, patterns, or - for standard input
    ///
    /// Folders are searched for *.json, *.ndjson and *.jsonl, each also with .gz or .zst. Compression is detected from
    /// the first bytes of a file, not from its name. Inputs are read in the order of their paths.
    #[arg(value_name = "INPUT", value_hint = ValueHint::AnyPath)]
    pub inputs: Vec<OsString>,

    /// Folder of the dataset
    #[arg(long, short, value_name = "DIR", value_hint = ValueHint::DirPath, help_heading = INPUT_OUTPUT)]
    pub out: Option<PathBuf>,

    /// What to do if DIR holds a dataset: error, append, overwrite, overwrite-partitions [default: error]
    ///
    /// error refuses a folder that is not empty. It is the default because a dataset is easily lost. append adds rows:
    /// inputs that the dataset already holds are left out, and a file that has changed since is refused; the dataset's
    /// attribute columns are used, and columns may be added but not removed. overwrite replaces the whole dataset.
    /// overwrite-partitions completely replaces the partitions that the inputs have rows for. Both replace at the very
    /// end, when everything new has been written.
    #[arg(long, value_name = "MODE", help_heading = INPUT_OUTPUT, hide_possible_values = true,
          value_parser = PossibleValuesParser::new(Mode::WORDS).try_map(|word| word.parse::<Mode>()))]
    pub mode: Option<Mode>,

    /// Show schema, partitions and attribute columns of a sample, and write nothing
    ///
    /// Also shows what would stop the run, as far as the sample and the folder show it; the exit code is then 1.
    #[arg(long, value_name = "BOOL", help_heading = INPUT_OUTPUT, num_args = 0..=1, require_equals = true,
          default_missing_value = "true", hide_possible_values = true)]
    pub dry_run: Option<bool>,

    /// What a participant is: the built-in model call, or a model file [default: call]
    ///
    /// call is Genesys Cloud's call participant in the form of the REST API, notifications and the SDKs; not the
    /// analytics details. See the columns with: partiquet schema. Start a model of your own with: partiquet infer INPUT
    #[arg(long, value_name = "NAME|FILE", value_hint = ValueHint::FilePath, help_heading = COLUMNS)]
    pub model: Option<String>,

    /// Attribute keys that become columns: auto, none, or KEY,KEY,... [default: auto]
    ///
    /// auto takes the keys that at least 1 % of the participants with attributes have in a sample, at most 64: these
    /// are the keys that people query, and a column is read faster than a map. All other keys stay in the map
    /// `attributes`. Name the keys if the columns must be the same in each run. Write a backslash before a comma inside
    /// a key, before a blank at its beginning or end, and before a backslash.
    #[arg(long, value_name = "KEYS", help_heading = COLUMNS)]
    pub attribute_columns: Option<AttributeColumns>,

    /// Keys that stay in the map `attributes`: rest, all, none [default: rest]
    ///
    /// rest keeps the keys without a column, so that nothing is stored twice. all keeps every key. With none there is
    /// no map, and records with a key that has no column are refused.
    #[arg(long, value_name = "WHICH", help_heading = COLUMNS, hide_possible_values = true,
          value_parser = PossibleValuesParser::new(AttributeMap::WORDS).try_map(|word| word.parse::<AttributeMap>()))]
    pub attribute_map: Option<AttributeMap>,

    /// Add the columns source_file and source_offset: true or false [default: false]
    ///
    /// They say where in the input each row was. Not by default, because they make the dataset larger and are seldom
    /// needed. Later runs that add to the dataset must be given it too.
    #[arg(long, value_name = "BOOL", help_heading = COLUMNS, num_args = 0..=1, require_equals = true,
          default_missing_value = "true", hide_possible_values = true)]
    pub provenance: Option<bool>,

    /// Partition columns, or none [default: day(start_time)]
    ///
    /// Columns and transforms, separated by commas: year, month, day, hour of an instant, bucket(16, column),
    /// truncate(2, column), or the column itself. The default is by day because nearly every query of calls selects a
    /// range of days. Few, large partitions are read faster than many small ones.
    #[arg(long, value_name = "SPEC", help_heading = FILES)]
    pub partition_by: Option<PartitionBy>,

    /// Columns that order the rows of each row group, or none [default: none]
    ///
    /// Sorted rows compress better and let a reader skip pages. Not by default: the order of the input is kept.
    #[arg(long, value_name = "COLUMN,...", value_delimiter = ',', help_heading = FILES)]
    pub sort_by: Option<Vec<String>>,

    /// Columns that get a bloom filter, or none [default: none]
    ///
    /// Useful for columns that are searched for one value, such as conversation_id; it takes space.
    #[arg(long, value_name = "COLUMN,...", value_delimiter = ',', help_heading = FILES)]
    pub bloom_filter: Option<Vec<String>>,

    /// Codec of the pages: zstd(1..22), snappy, lz4, none [default: zstd(1)]
    ///
    /// zstd is small, and all readers know it; levels above 1 take more time and hardly make such data smaller. snappy
    /// and lz4 are for readers that need them. Columns with less than 1 KiB of values in a row group are not
    /// compressed.
    #[arg(long, value_name = "CODEC", help_heading = FILES)]
    pub compression: Option<Compression>,

    /// Size at which a data file is closed [default: 256MiB]
    ///
    /// Large enough that a query opens few files, small enough that a cluster can divide the work. A partition with
    /// less data than this gets one file.
    #[arg(long, value_name = "SIZE", help_heading = FILES)]
    pub target_file_size: Option<Size>,

    /// Maximum number of rows in a row group [default: 131072]
    ///
    /// DuckDB and Spark read row groups of 128 Ki rows best. A row group ends earlier if the memory requires it.
    #[arg(long, value_name = "N", help_heading = FILES)]
    pub row_group_rows: Option<usize>,

    /// Records that may be refused: N, P%, or unlimited [default: 0]
    ///
    /// The default is 0 because somebody should look at a record that cannot be read: the first one ends the run, with
    /// its place, and nothing is committed. Within the given limit the refused records go to DIR/_partiquet/rejects/,
    /// and the exit code is 3. The unreadable rest of a file that is not line-delimited counts as one under N, if it
    /// can be kept. Otherwise, and under P%, it ends the run, because nobody knows how many records it was; unlimited
    /// allows it.
    #[arg(long, value_name = "N|P%", help_heading = STRICTNESS)]
    pub max_rejects: Option<MaxRejects>,

    /// Maximum length of a record [default: 64MiB]
    ///
    /// The default is less if --memory has no room for it. API responses are far shorter; a longer record is refused,
    /// because the file is most likely something else.
    #[arg(long, value_name = "SIZE", help_heading = STRICTNESS)]
    pub max_record_size: Option<Size>,

    /// Worker threads [default: one for each processor]
    ///
    /// The files are the same, byte for byte, for any number of threads. Each thread may take 8 MiB of --memory; by
    /// default as many run as there is room for.
    #[arg(long, short = 'j', value_name = "N", help_heading = RESOURCES)]
    pub threads: Option<usize>,

    /// Cap for the memory of the process [default: 256MiB]
    ///
    /// The process stays below it except in a few extreme cases, which docs/limits.md lists with figures. The default
    /// is enough for full row groups of many partitions. With less memory row groups end earlier, and if there are more
    /// partitions than it has room for, rows go to disk until the end. The minimum is 64MiB; many threads and long
    /// records need more.
    #[arg(long, value_name = "SIZE", help_heading = RESOURCES)]
    pub memory: Option<Size>,

    /// Which reader the queries at the end are for: all, duckdb, spark [default: all]
    ///
    /// Decides only which queries are printed at the end, to be pasted. The files are the same for every reader.
    #[arg(long, value_name = "READER", help_heading = REPORTING, hide_possible_values = true)]
    pub target: Option<Target>,

    /// How progress is shown: auto, plain, json, none [default: auto]
    ///
    /// plain is a line every ten seconds. auto is a bar on a terminal, and plain elsewhere. json is one JSON object a
    /// line. The output goes to standard error.
    #[arg(long, value_name = "HOW", help_heading = REPORTING, hide_possible_values = true)]
    pub progress: Option<ProgressMode>,

    /// Write a report of the run as JSON
    ///
    /// It has counts by JSON path, inputs, files and rejects. The file is written completely or not at all, also when
    /// the run fails (then with the error). A pipe or a device is written to at the end. - is standard output; the
    /// summary then goes to standard error. Once the run is committed, a report that cannot be written is only a
    /// warning.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, help_heading = REPORTING)]
    pub report: Option<PathBuf>,
}

impl RawOptions {
    /// What was said here, and where nothing was said here, what was said there.
    pub fn or(self, there: Self) -> Self {
        // Destructured in full: an option that is added cannot be forgotten here.
        let Self {
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
        } = self;
        Self {
            inputs: if inputs.is_empty() { there.inputs } else { inputs },
            out: out.or(there.out),
            mode: mode.or(there.mode),
            dry_run: dry_run.or(there.dry_run),
            model: model.or(there.model),
            attribute_columns: attribute_columns.or(there.attribute_columns),
            attribute_map: attribute_map.or(there.attribute_map),
            provenance: provenance.or(there.provenance),
            partition_by: partition_by.or(there.partition_by),
            sort_by: sort_by.or(there.sort_by),
            bloom_filter: bloom_filter.or(there.bloom_filter),
            compression: compression.or(there.compression),
            target_file_size: target_file_size.or(there.target_file_size),
            row_group_rows: row_group_rows.or(there.row_group_rows),
            max_rejects: max_rejects.or(there.max_rejects),
            max_record_size: max_record_size.or(there.max_record_size),
            threads: threads.or(there.threads),
            memory: memory.or(there.memory),
            target: target.or(there.target),
            progress: progress.or(there.progress),
            report: report.or(there.report),
        }
    }
}

/// Which reader the closing lines are for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum Target {
    #[default]
    All,
    Duckdb,
    Spark,
}

/// How progress is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum ProgressMode {
    #[default]
    Auto,
    Plain,
    Json,
    None,
}

#[derive(Debug, Args)]
pub struct SchemaArgs {
    /// Folder of a dataset: show what it holds, in the form table or json
    #[arg(value_name = "DIR", value_hint = ValueHint::DirPath, conflicts_with_all = ["model", "attribute_columns"])]
    pub dir: Option<PathBuf>,

    /// The form
    #[arg(long = "as", value_name = "FORM", value_enum, default_value_t = SchemaForm::Table)]
    pub form: SchemaForm,

    /// The built-in model call, or a model file
    #[arg(long, value_name = "NAME|FILE", default_value = partiquet::model::Model::DEFAULT, value_hint = ValueHint::FilePath)]
    pub model: String,

    /// Attribute keys that have columns: none, or KEY,KEY,...
    ///
    /// There is no input from which to choose them, so auto means none here.
    #[arg(long, value_name = "KEYS", default_value = "none")]
    pub attribute_columns: AttributeColumns,
}

#[derive(Debug, Args)]
pub struct VerifyArgs {
    /// Folder of the dataset
    #[arg(value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub dir: PathBuf,

    /// Complete an unfinished commit, and remove leftovers of killed runs
    ///
    /// The next run does the same by itself. If a file that was staged for the commit is gone, the commit is rolled
    /// back. Staged files and files that a commit has replaced are removed; the files of the dataset are not.
    #[arg(long)]
    pub repair: bool,

    /// Write all findings as JSON; - is standard output
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub report: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub struct InferArgs {
    /// Files, folders, patterns, or - for standard input
    #[arg(value_name = "INPUT", required = true, value_hint = ValueHint::AnyPath)]
    pub inputs: Vec<OsString>,

    /// Name of the model
    #[arg(long, value_name = "NAME", default_value = "custom")]
    pub name: String,
}

#[cfg(test)]
mod tests;
