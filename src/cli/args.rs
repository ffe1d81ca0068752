//! What can be said on the command line. No logic: [`super::resolve`] says what it means.

#![expect(clippy::doc_markdown, reason = "these comments are the help: backticks would be printed")]

use std::{ffi::OsString, path::PathBuf};

use clap::{
    Args, Parser, Subcommand, ValueEnum, ValueHint,
    builder::{PossibleValuesParser, TypedValueParser},
};
use partiquet::config::{AttributeColumns, AttributeMap, Compression, MaxRejects, Mode, PartitionBy, Size};

use super::{bench, generate, schema::SchemaForm};

/// Flattens nested contact-centre JSON into Hive-partitioned Parquet: every participant a row, every leaf a column,
/// nothing lost.
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
    /// documents say; no data file is opened. Whether the files agree with them says: partiquet verify DIR
    Schema(SchemaArgs),
    /// Check a dataset against its commits
    ///
    /// Compares every data file with what its manifest says (size, digest, footer), the sums of each manifest, and the
    /// folder with all of them: files that nobody lists, what dead runs have left, a commit that was cut off. Reads only,
    /// unless --repair is given. Exit codes: 0 sound; 1 not sound, or not readable; 2 wrong usage.
    Verify(VerifyArgs),
    /// Propose a model file for other nested JSON
    ///
    /// Looks at a sample of the inputs, guesses where the rows are and what type each member has, and prints a
    /// model document. Look it over, then use it: partiquet convert INPUT --model FILE --out DIR
    Infer(InferArgs),
    /// Write realistic invented input of any size
    #[command(after_help = generate::EXAMPLES)]
    Generate(Box<generate::GenerateArgs>),
    /// Measure conversions: a matrix of options, also beside other engines
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
    paged answers, notifications and bare lists. Nothing is visible in DIR until everything is written.\n\n\
    Exit codes: 0 committed; 1 failed, nothing committed; 2 wrong usage; 3 committed, with rejects within --max-rejects; \
    130 interrupted, nothing committed (a second Ctrl-C ends it at once: then see `partiquet verify`).";

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
  From a pipe, with the account of the run as JSON:
    zcat export.gz | partiquet convert - --out calls --report run.json
  The same options every night:
    partiquet convert exports/ --config nightly.toml --mode append";

#[derive(Debug, Args)]
pub struct ConvertArgs {
    #[command(flatten)]
    pub said: RawOptions,

    /// Read options from a TOML file; the command line goes before it
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
    /// Folders are searched for *.json, *.ndjson and *.jsonl, each also with .gz or .zst. What is compressed is seen by
    /// its first bytes, not by its name. Inputs are read in the order of their paths.
    #[arg(value_name = "INPUT", value_hint = ValueHint::AnyPath)]
    pub inputs: Vec<OsString>,

    /// Folder of the dataset
    #[arg(long, short, value_name = "DIR", value_hint = ValueHint::DirPath, help_heading = INPUT_OUTPUT)]
    pub out: Option<PathBuf>,

    /// What to do if DIR holds a dataset: error, append, overwrite, overwrite-partitions [default: error]
    ///
    /// Refusing is the default because a dataset is quickly lost and slowly remade. append adds to it: inputs that it holds
    /// already are left out, a file that has changed since is refused, its attribute columns are used, and columns may
    /// come but not go. overwrite replaces all of it, overwrite-partitions the partitions that the inputs have rows for;
    /// both at the very end, when everything new has been written.
    #[arg(long, value_name = "MODE", help_heading = INPUT_OUTPUT, hide_possible_values = true,
          value_parser = PossibleValuesParser::new(Mode::WORDS).try_map(|word| word.parse::<Mode>()))]
    pub mode: Option<Mode>,

    /// Show schema, partitions and attribute columns of a sample, and write nothing
    ///
    /// Shows as well what would stop the run, as far as the sample and the folder tell; the exit code is 1 then.
    #[arg(long, value_name = "BOOL", help_heading = INPUT_OUTPUT, num_args = 0..=1, require_equals = true,
          default_missing_value = "true", hide_possible_values = true)]
    pub dry_run: Option<bool>,

    /// What a participant is: the built-in model call, or a model file [default: call]
    ///
    /// call is Genesys Cloud's call participant as REST answers, notifications and the SDKs give it. See the columns
    /// with: partiquet schema. Start a model of your own with: partiquet infer INPUT
    #[arg(long, value_name = "NAME|FILE", value_hint = ValueHint::FilePath, help_heading = COLUMNS)]
    pub model: Option<String>,

    /// Attribute keys that become columns: auto, none, or KEY,KEY,... [default: auto]
    ///
    /// auto takes the keys that at least 1 % of the participants with attributes have in a sample, at most 64: these are
    /// the ones that get queried, and a column is read faster than a map. All other keys stay in the map
    /// `attributes`. Name the keys if the columns must be the same in each run; a comma inside a key, a
    /// blank at its beginning or end, and a backslash have a backslash before them.
    #[arg(long, value_name = "KEYS", help_heading = COLUMNS)]
    pub attribute_columns: Option<AttributeColumns>,

    /// Keys that stay in the map `attributes`: rest, all, none [default: rest]
    ///
    /// rest keeps those without a column, so that nothing is stored twice. all keeps every key. none has no map, and
    /// refuses records with a key that has no column.
    #[arg(long, value_name = "WHICH", help_heading = COLUMNS, hide_possible_values = true,
          value_parser = PossibleValuesParser::new(AttributeMap::WORDS).try_map(|word| word.parse::<AttributeMap>()))]
    pub attribute_map: Option<AttributeMap>,

    /// Add the columns source_file and source_offset: true or false [default: false]
    ///
    /// They say where in the input each row stood. Not by default: they make the dataset larger and are seldom needed. Later
    /// runs that add to the dataset give it as well.
    #[arg(long, value_name = "BOOL", help_heading = COLUMNS, num_args = 0..=1, require_equals = true,
          default_missing_value = "true", hide_possible_values = true)]
    pub provenance: Option<bool>,

    /// Partition columns, or none [default: day(start_time)]
    ///
    /// Columns and transforms, separated by commas: year, month, day, hour of an instant, bucket(16, column),
    /// truncate(2, column), or the column itself. By day is the default because nearly every query of calls has a span
    /// of days. Few, large partitions are read faster than many small ones.
    #[arg(long, value_name = "SPEC", help_heading = FILES)]
    pub partition_by: Option<PartitionBy>,

    /// Columns that order the rows of each row group [default: none]
    ///
    /// Sorted rows compress better and let a reader skip pages. Not by default: the order of the input is kept.
    #[arg(long, value_name = "COLUMN,...", value_delimiter = ',', help_heading = FILES)]
    pub sort_by: Option<Vec<String>>,

    /// Columns that get a bloom filter [default: none]
    ///
    /// Worth its space for columns that are searched for one value, as conversation_id.
    #[arg(long, value_name = "COLUMN,...", value_delimiter = ',', help_heading = FILES)]
    pub bloom_filter: Option<Vec<String>>,

    /// Codec of the pages: zstd(1..22), snappy, lz4, none [default: zstd(1)]
    ///
    /// zstd is read everywhere and small; levels above 1 cost twice the time and hardly make such data smaller. snappy and
    /// lz4 are there for readers that want them. Columns with less than 1 KiB of values in a row group are not compressed.
    #[arg(long, value_name = "CODEC", help_heading = FILES)]
    pub compression: Option<Compression>,

    /// Size at which a data file is closed [default: 256MiB]
    ///
    /// Large enough that a query opens few files, small enough that a cluster can share the work. A partition with less
    /// than this gets one file.
    #[arg(long, value_name = "SIZE", help_heading = FILES)]
    pub target_file_size: Option<Size>,

    /// Most rows of a row group [default: 131072]
    ///
    /// 128 Ki rows are what DuckDB and Spark read best. A row group ends earlier where the memory asks for it.
    #[arg(long, value_name = "N", help_heading = FILES)]
    pub row_group_rows: Option<usize>,

    /// Records that may be refused: N, P%, or unlimited [default: 0]
    ///
    /// The default is 0 because a record that cannot be read is news: the first one ends the run, with its place, and
    /// nothing is committed. With a budget the refused records go to DIR/_partiquet/rejects/, and the exit code is 3.
    #[arg(long, value_name = "N|P%", help_heading = STRICTNESS)]
    pub max_rejects: Option<MaxRejects>,

    /// Longest record [default: 64MiB]
    ///
    /// Less if --memory has no room for it. Far above what an API answers; a longer one is most likely a file that is not
    /// what it seems, and is refused.
    #[arg(long, value_name = "SIZE", help_heading = STRICTNESS)]
    pub max_record_size: Option<Size>,

    /// Worker threads [default: one for each processor]
    ///
    /// The files are the same, byte for byte, whatever their number. Each may take 8 MiB of --memory; by
    /// default as many run as it has room for.
    #[arg(long, short = 'j', value_name = "N", help_heading = RESOURCES)]
    pub threads: Option<usize>,

    /// Memory that the process may take; it stays below [default: 256MiB]
    ///
    /// Enough for full row groups of many partitions, and small beside what a worker node has. With less, row groups
    /// end earlier, and rows of more partitions than there is room for go to disk until the end. 64MiB is the least; many
    /// threads and long records ask for more.
    #[arg(long, value_name = "SIZE", help_heading = RESOURCES)]
    pub memory: Option<Size>,

    /// Which reader the closing lines are for: all, duckdb, spark [default: all]
    ///
    /// Says only which lines to paste are shown at the end. The files are the same for every reader.
    #[arg(long, value_name = "READER", help_heading = REPORTING, hide_possible_values = true)]
    pub target: Option<Target>,

    /// How progress is shown: auto, plain, json, none [default: auto]
    ///
    /// auto is a bar on a terminal and a line every ten seconds elsewhere, which is what plain is everywhere. json gives
    /// one JSON object a line. All of it goes to standard error.
    #[arg(long, value_name = "HOW", help_heading = REPORTING, hide_possible_values = true)]
    pub progress: Option<ProgressMode>,

    /// Write the account of the run as JSON
    ///
    /// Counts by JSON path, inputs, files, rejects. A file is written whole or not at all, and also when the run fails (then with
    /// the error). A pipe or a device is written to at the end. - is standard output; the summary then goes to standard error.
    /// Once the run is committed, a report that cannot be written is a warning.
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
    /// Folder of a dataset: show what it holds, as table or json
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
    /// There is no input to choose them from, so auto means none here.
    #[arg(long, value_name = "KEYS", default_value = "none")]
    pub attribute_columns: AttributeColumns,
}

#[derive(Debug, Args)]
pub struct VerifyArgs {
    /// Folder of the dataset
    #[arg(value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub dir: PathBuf,

    /// Carry a commit that was cut off to its end, and remove what dead runs have left
    ///
    /// The next run does the same by itself. If a file that was staged for the commit is gone, the commit is taken back.
    /// Staged files and files that a commit has replaced are removed; the files of the dataset are not.
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
