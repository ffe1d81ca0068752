//! The command line: parsing it, resolving it, and showing a run to the user.

mod allocator;
mod args;
mod bench;
mod config_file;
mod dry_run;
mod generate;
mod human;
mod next_steps;
mod paint;
mod progress;
mod quote;
mod report_file;
mod resolve;
mod schema;
mod signals;
mod summary;
mod verify;

use std::{
    io::{self, Write},
    process::ExitCode,
    thread,
    time::SystemTime,
};

use chrono::{DateTime, SecondsFormat, Utc};
use clap::{CommandFactory, Parser};
use partiquet::{
    Config, Error, Result,
    config::{AttributeColumns, PartitionBy},
    model::{AttributeMap, Model, TableSchema},
    observe::Silent,
    report::Report,
};

use args::{Cli, Command, ConvertArgs, InferArgs, ProgressMode, SchemaArgs};
use next_steps::Columns;
use paint::Paint;
use progress::Console;
use report_file::ReportFile;
use resolve::{Job, Surroundings};

/// Committed, with rejects within the budget.
const COMMITTED_WITH_REJECTS: u8 = 3;

/// A dry run found something that would make the run fail: the exit code is the one of that failed run.
const WOULD_FAIL: u8 = 1;

/// Runs what the command line asks for.
pub fn main() -> ExitCode {
    signals::survive_file_size_limit();
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(said) => {
            // Help and version arrive here too. A closed pipe after `--help` is not a failure.
            let _ = said.print();
            return ExitCode::from(u8::try_from(said.exit_code()).unwrap_or(2));
        }
    };
    let done = match cli.command {
        Command::Convert(args) => convert(*args),
        Command::Schema(args) => schema(&args).map(|()| 0),
        Command::Verify(args) => verify::run(&args),
        Command::Infer(args) => infer(&args).map(|()| 0),
        Command::Bench(args) => bench::run(&args, processors(), &surroundings().now).map(|()| 0),
        Command::Generate(args) => generate::run(&args, processors()).map(|()| 0),
        Command::Completions { shell } => completions(shell).map(|()| 0),
        Command::Man => man().map(|()| 0),
    };
    ExitCode::from(done.unwrap_or_else(|error| {
        complain("error", &error);
        error.exit_code()
    }))
}

fn convert(args: ConvertArgs) -> Result<u8> {
    let said = match &args.config {
        Some(file) => args.said.or(config_file::read(file)?),
        None => args.said,
    };
    let job = resolve::resolve(said, &surroundings())?;
    if job.dry_run {
        let preview = partiquet::preview(&job.config, &Silent)?;
        let stdout = io::stdout();
        let text = dry_run::render(&preview, &PartitionBy(job.config.partition_by), Paint::for_stream(&stdout));
        let exit_code = if preview.obstacles.is_empty() { 0 } else { WOULD_FAIL };
        return print(&mut stdout.lock(), text.as_bytes()).map(|()| exit_code);
    }
    let report_file = job.report.as_deref().map(ReportFile::create).transpose()?;
    let console = Console::new(job.progress, job.config.memory_bytes, signals::stop_flag()?);
    match partiquet::convert(&job.config, &console) {
        Ok(report) => Ok(committed(&job, report, report_file, &console)),
        Err(error) => {
            console.finish(error.exit_code(), Some(&error.to_string()));
            if let Some(file) = report_file {
                let document = report_file::of_failure(&error, console.recovered(), console.elapsed().as_secs_f64());
                warn_on_failure(file.write(&document));
            }
            if let Some(recovered) = console.recovered().filter(|_| job.progress != ProgressMode::Json) {
                complain("warning", &recovered);
            }
            // In JSON mode the console has already reported the error.
            if job.progress == ProgressMode::Json { Ok(error.exit_code()) } else { Err(error) }
        }
    }
}

/// Reports a committed run. Nothing can undo the commit from here on, so a failure to report is only a warning.
fn committed(job: &Job, mut report: Report, report_file: Option<ReportFile>, console: &Console) -> u8 {
    let exit_code = if report.rejected > 0 { COMMITTED_WITH_REJECTS } else { 0 };
    console.finish(exit_code, None);
    // The library reads no clock, so the time is filled in here.
    report.elapsed_seconds = console.elapsed().as_secs_f64();
    let stdout_taken = report_file.as_ref().is_some_and(ReportFile::is_stdout);
    if let Some(file) = report_file {
        let document = report_file::of_success(&report, exit_code);
        warn_on_failure(document.and_then(|document| file.write(&document)));
    }
    warn_on_failure(print_beside(stdout_taken, |paint| closing_words(&report, job, paint)));
    exit_code
}

/// The summary, followed by queries to paste.
fn closing_words(report: &Report, job: &Job, paint: Paint) -> String {
    let Job { config, model, target, .. } = job;
    let mut text = summary::render(report, config, model.as_deref(), paint);
    text.push('\n');
    if report.commit.is_none() {
        return text;
    }
    if report.files.is_empty() {
        text.push_str("No row, so no data file: there is nothing to query.\n");
        return text;
    }
    let keys: Vec<_> = report.attribute_columns.iter().map(|(key, _)| key.clone()).collect();
    match TableSchema::new(&config.model, &keys, config.attribute_map, config.provenance) {
        Ok(schema) => {
            let partitions = next_steps::partition_columns(&config.partition_by, &schema);
            let columns = if report.columns_differ { Columns::ByName } else { Columns::Alike };
            text.push_str(&next_steps::render(*target, &config.out, &partitions, columns));
        }
        // The run already built this schema, so building it again should not fail.
        Err(error) => warn_on_failure(Err(error)),
    }
    text
}

fn processors() -> usize {
    thread::available_parallelism().map_or(1, usize::from).min(Config::MAX_THREADS)
}

fn surroundings() -> Surroundings {
    Surroundings {
        threads: processors(),
        now: DateTime::<Utc>::from(SystemTime::now()).to_rfc3339_opts(SecondsFormat::Secs, true),
        load_model: Model::load,
    }
}

fn schema(args: &SchemaArgs) -> Result<()> {
    if let Some(dir) = &args.dir {
        let stdout = io::stdout();
        let text = schema::of_dataset(dir, args.form, Paint::for_stream(&stdout))?;
        return print(&mut stdout.lock(), text.as_bytes());
    }
    let model = Model::load(&args.model)?;
    let keys = match &args.attribute_columns {
        AttributeColumns::Auto | AttributeColumns::None => &[][..],
        AttributeColumns::Keys(keys) => keys,
    };
    let schema = TableSchema::new(&model, keys, AttributeMap::Rest, false)?;
    print(&mut io::stdout().lock(), schema::render(&schema, &model, args.form).as_bytes())
}

fn infer(args: &InferArgs) -> Result<()> {
    let proposal = partiquet::infer(&args.inputs, &args.name, &Silent)?;
    for note in &proposal.notes {
        let _ = writeln!(io::stderr().lock(), "note: {}", human::shown(note));
    }
    let mut text = serde_json::to_string_pretty(&proposal.model)
        .map_err(|error| Error::Bug(format!("the model is not JSON: {error}")))?;
    text.push('\n');
    print(&mut io::stdout().lock(), text.as_bytes())
}

fn completions(shell: clap_complete::Shell) -> Result<()> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "partiquet", &mut script);
    print(&mut io::stdout().lock(), &script)
}

/// Writes one page with the options of every subcommand: users would not find a separate page for each.
fn man() -> Result<()> {
    let mut page = Vec::new();
    let mut command = Cli::command();
    command.build();
    let rendered = clap_mangen::Man::new(command.clone()).render(&mut page).and_then(|()| {
        command.get_subcommands().filter(|sub| sub.get_name() != "help").try_for_each(|sub| {
            let man = clap_mangen::Man::new(sub.clone());
            writeln!(page, ".SH \"PARTIQUET {}\"", sub.get_name().to_uppercase())?;
            man.render_description_section(&mut page)?;
            man.render_options_section(&mut page)
        })
    });
    rendered.map_err(Error::io("write", "the manual page"))?;
    print(&mut io::stdout().lock(), &page)
}

/// Prints a text for people: to standard error where a report takes standard output.
fn print_beside(stdout_taken: bool, render: impl FnOnce(Paint) -> String) -> Result<()> {
    if stdout_taken {
        let stderr = io::stderr();
        print(&mut stderr.lock(), render(Paint::for_stream(&stderr)).as_bytes())
    } else {
        let stdout = io::stdout();
        print(&mut stdout.lock(), render(Paint::for_stream(&stdout)).as_bytes())
    }
}

/// Writes everything. A reader that stopped early (`| head`) is not a failure.
fn print(stream: &mut dyn Write, text: &[u8]) -> Result<()> {
    match stream.write_all(text).and_then(|()| stream.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Error::io("write to", "the terminal or pipe")(error))
        }
        _ => Ok(()),
    }
}

fn warn_on_failure(result: Result<()>) {
    if let Err(error) = result {
        complain("warning", &error);
    }
}

fn complain(word: &str, what: &dyn std::fmt::Display) {
    let stderr = io::stderr();
    let word = Paint::for_stream(&stderr).red(&format!("{word}:"));
    let _ = writeln!(stderr.lock(), "{word} {}", human::shown_lines(&what.to_string()));
}
