//! Runs the conversions, each in a process of its own, and measures wall time, processor time and memory from outside.

use std::{
    env,
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::atomic::{AtomicBool, Ordering},
    time::Instant,
};

use partiquet::{Error, Result, report::Report};
use serde::Deserialize;
use walkdir::WalkDir;

use super::{
    figures::{Agreement, Contender, Figures, Outcome, Results, Row, Run, median},
    machine::Machine,
    matrix::Setting,
    peers::{self, Contenders, Peers},
    tell,
};
use crate::cli::human;

/// Exit code of a peer that does not support the request.
const CANNOT: i32 = 3;

/// Runs everything `rounds` times in turn, so that a slow minute of the machine affects all contenders.
pub fn all(
    settings: &[Setting],
    contenders: &Contenders,
    rounds: u32,
    work: &Path,
    now: &str,
    stop: &AtomicBool,
) -> Result<Results> {
    let mut rows: Vec<Row> = (0..settings.len())
        .flat_map(|setting| contenders.all.iter().map(move |contender| (setting, contender.clone())))
        .map(|(setting, contender)| Row { setting, contender, outcome: Outcome::Measured(Figures::default()) })
        .collect();
    let each = contenders.all.len();
    for round in 0..rounds as usize {
        for (number, setting) in settings.iter().enumerate() {
            let rows = &mut rows[number * each..(number + 1) * each];
            // The first in a round finds other cache and clock conditions, so each contender goes first in turn.
            for at in (0..each).map(|at| (at + round) % each) {
                let out = work.join(format!("out-{at}"));
                if stop.load(Ordering::Relaxed) {
                    return Err(Error::Interrupted);
                }
                one(setting, &mut rows[at], contenders.peers.as_ref(), work, &out)?;
                show(round, &setting.label(settings), &rows[at]);
            }
            if let Some(runner) = contenders.peers.as_ref().filter(|_| round == 0) {
                agree(setting, rows, runner, work)?;
            }
            for at in 0..each {
                remove(&work.join(format!("out-{at}")))?;
            }
        }
    }
    rows.chunks_mut(each).for_each(compare);
    Ok(Results {
        version: partiquet::VERSION.to_owned(),
        measured_at: now.to_owned(),
        machine: Machine::describe(work),
        rounds,
        settings: settings.to_vec(),
        rows,
        missing: contenders.missing.clone(),
    })
}

/// What a peer reports on its last line.
#[derive(Deserialize)]
struct PeerReport {
    seconds: f64,
    /// Of processes that the peer does not wait for.
    #[serde(default)]
    cpu_seconds: f64,
    #[serde(default)]
    peak_bytes: u64,
}

/// What the comparing program reports on its last line.
#[derive(Deserialize)]
struct AgreementReport {
    sums: u64,
    differ: Vec<String>,
}

fn one(setting: &Setting, row: &mut Row, runner: Option<&Peers>, work: &Path, out: &Path) -> Result<()> {
    let Outcome::Measured(figures) = &mut row.outcome else { return Ok(()) };
    remove(out)?;
    let report_path = work.join("report.json");
    let said = ChildOutput { stdout: work.join("stdout"), stderr: work.join("stderr") };
    let mut command = match (&row.contender, runner) {
        (Contender::Peer { peer, keys, .. }, Some(runner)) => {
            runner.command(*peer, &peers::job(setting, keys.as_ref(), out, work)?)
        }
        _ => ours(setting, row.contender.keys(), out, &report_path)?,
    };
    let (code, mut run) = said.measure(&mut command)?;
    if !row.contender.is_ours() {
        if code == Some(CANNOT) {
            row.outcome = Outcome::Cannot(said.last_line());
            return Ok(());
        }
        if code != Some(0) {
            row.outcome = Outcome::Cannot(format!("failed: {}", said.last_line()));
            return Ok(());
        }
        let told: PeerReport = serde_json::from_str(&said.last_line())
            .map_err(|error| Error::Bug(format!("{} told no time: {error}", row.contender.name())))?;
        // The start of Python or Java does not count.
        run.wall_seconds = told.seconds;
        run.cpu_seconds += told.cpu_seconds;
        run.peak_bytes = run.peak_bytes.max(told.peak_bytes);
        (figures.output_bytes, figures.files) = size(out);
        figures.runs.push(run);
        return Ok(());
    }
    // Exit code 3 is a success too: committed, with rejects within the budget.
    if !matches!(code, Some(0 | 3)) {
        let _ = io::stderr().lock().write_all(&fs::read(&said.stderr).unwrap_or_default());
        return Err(Error::usage("the conversion that was to be measured failed", "see above"));
    }
    let text = fs::read_to_string(&report_path).map_err(Error::io("read", &report_path))?;
    let report: Report = serde_json::from_str(&text).map_err(|error| Error::Bug(format!("the report: {error}")))?;
    figures.runs.push(run);
    figures.json_bytes = report.json_bytes;
    figures.rows = report.rows;
    figures.output_bytes = report.output_bytes;
    figures.files = report.files.len() as u64;
    *figures.stages.get_or_insert_default() += report.stage_seconds;
    Ok(())
}

fn ours(setting: &Setting, keys: Option<&Vec<String>>, out: &Path, report: &Path) -> Result<Command> {
    let mut command = Command::new(env::current_exe().map_err(Error::io("find", "this program"))?);
    let attributes = match keys {
        Some(keys) => partiquet::config::AttributeColumns::Keys(keys.clone()).to_string(),
        None => setting.attributes.to_string(),
    };
    command.arg("convert").args(&setting.input.names).arg("--out").arg(out).arg("--report").arg(report);
    command.args(["--threads", &setting.threads.to_string(), "--memory", &setting.memory.to_string()]);
    command.args(["--compression", &setting.codec.to_string()]);
    command.args(["--partition-by", &setting.partition_by.to_string(), "--attribute-columns", &attributes]);
    command.args(["--max-rejects", "unlimited", "--progress", "none"]);
    Ok(command)
}

/// Where a child's output goes: to files, because a pipe that nobody reads would block it.
struct ChildOutput {
    stdout: PathBuf,
    stderr: PathBuf,
}

impl ChildOutput {
    fn measure(&self, command: &mut Command) -> Result<(Option<i32>, Run)> {
        use wait4::Wait4;
        let file = |path: &PathBuf| File::create(path).map_err(Error::io("create", path));
        command.stdin(Stdio::null()).stdout(file(&self.stdout)?).stderr(file(&self.stderr)?);
        let program = PathBuf::from(command.get_program());
        let begun = Instant::now();
        let child = command.spawn().map_err(Error::io("run", &program))?;
        let used = child.wait4().map_err(Error::io("wait for", &program))?;
        let run = Run {
            wall_seconds: begun.elapsed().as_secs_f64(),
            cpu_seconds: (used.rusage.utime + used.rusage.stime).as_secs_f64(),
            peak_bytes: used.rusage.maxrss,
        };
        Ok((used.status.code(), run))
    }

    /// The last non-empty line of standard output, or of standard error if there is none.
    fn last_line(&self) -> String {
        let last = |path: &PathBuf| {
            let text = String::from_utf8_lossy(&fs::read(path).unwrap_or_default()).into_owned();
            text.lines().rev().map(str::trim).find(|line| !line.is_empty()).map(str::to_owned)
        };
        last(&self.stdout).or_else(|| last(&self.stderr)).unwrap_or_default()
    }
}

/// Compares the output of each peer with the output of our contender that did the same work.
fn agree(setting: &Setting, rows: &mut [Row], runner: &Peers, work: &Path) -> Result<()> {
    for at in 0..rows.len() {
        let keys = rows[at].contender.keys().cloned();
        let Some(own) = rows.iter().position(|row| row.contender.is_ours() && row.contender.keys() == keys.as_ref())
        else {
            continue;
        };
        let own_out = work.join(format!("out-{own}"));
        if rows[at].contender.is_ours() {
            continue;
        }
        let num_rows = match &rows[own].outcome {
            Outcome::Measured(figures) => (figures.rows, figures.json_bytes),
            Outcome::Cannot(_) => continue,
        };
        let name = rows[at].contender.name();
        if let Outcome::Measured(figures) = &mut rows[at].outcome {
            // The input is the same for all, so rows and bytes are too.
            (figures.rows, figures.json_bytes) = num_rows;
            let job = peers::job(setting, keys.as_ref(), &work.join(format!("out-{at}")), work)?;
            let agreement = agreement(&mut runner.agree(&job, &own_out), work)?;
            match &agreement {
                Agreement::Agrees(sums) => tell(&format!("        {name} agrees with partiquet in {sums} sums")),
                Agreement::Differs(what) => tell(&format!("        {name} differs: {}", what.join("; "))),
                Agreement::NotChecked(why) => tell(&format!("        {name} was not checked: {why}")),
            }
            figures.agreement = Some(agreement);
        }
    }
    Ok(())
}

fn agreement(command: &mut Command, work: &Path) -> Result<Agreement> {
    let said = ChildOutput { stdout: work.join("stdout"), stderr: work.join("stderr") };
    let (code, _) = said.measure(command)?;
    Ok(match serde_json::from_str::<AgreementReport>(&said.last_line()) {
        Ok(told) if code == Some(0) && told.differ.is_empty() => Agreement::Agrees(told.sums),
        Ok(told) if code == Some(0) => Agreement::Differs(told.differ),
        _ => Agreement::NotChecked(said.last_line()),
    })
}

/// Computes the ratios within each round, and the means of our stage times. `rows` are those of one setting.
fn compare(rows: &mut [Row]) {
    let own: Vec<(Option<Vec<String>>, Vec<f64>)> = rows
        .iter()
        .filter(|row| row.contender.is_ours())
        .filter_map(|row| match &row.outcome {
            Outcome::Measured(figures) => {
                Some((row.contender.keys().cloned(), figures.runs.iter().map(|run| run.wall_seconds).collect()))
            }
            Outcome::Cannot(_) => None,
        })
        .collect();
    for row in rows {
        let keys = row.contender.keys().cloned();
        let Outcome::Measured(figures) = &mut row.outcome else { continue };
        if let Some(stages) = &mut figures.stages {
            let mean = |sum: f64| sum / figures.runs.len() as f64;
            *stages = partiquet::report::StageSeconds {
                sample: mean(stages.sample),
                read: mean(stages.read),
                decode: mean(stages.decode),
                route: mean(stages.route),
                encode: mean(stages.encode),
                commit: mean(stages.commit),
            };
        }
        if let Some((_, walls)) = own.iter().find(|(of, _)| *of == keys)
            && matches!(figures.agreement, Some(Agreement::Agrees(_)))
        {
            figures.times_ours =
                Some(median(figures.runs.iter().zip(walls).map(|(run, own)| run.wall_seconds / own).collect()));
        }
    }
}

/// Total bytes and number of the data files.
fn size(out: &Path) -> (u64, u64) {
    let is_data = |entry: &walkdir::DirEntry| entry.path().extension().is_some_and(|end| end == "parquet");
    WalkDir::new(out)
        .into_iter()
        .filter_map(std::result::Result::ok)
        .filter(|entry| entry.file_type().is_file() && is_data(entry))
        .fold((0, 0), |(bytes, files), entry| (bytes + entry.metadata().map_or(0, |data| data.len()), files + 1))
}

fn remove(out: &Path) -> Result<()> {
    match fs::remove_dir_all(out) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(Error::io("remove", out)(error)),
        _ => Ok(()),
    }
}

fn show(round: usize, label: &str, row: &Row) {
    let outcome = match &row.outcome {
        Outcome::Measured(figures) => figures.runs.last().map_or_else(String::new, |run| {
            format!("{:8.2} s  {:8.2} cpu s  {:>8}", run.wall_seconds, run.cpu_seconds, human::bytes(run.peak_bytes))
        }),
        Outcome::Cannot(why) => why.clone(),
    };
    tell(&format!("round {:2}  {label:<24}  {:<24}  {outcome}", round + 1, row.contender.name()));
}
