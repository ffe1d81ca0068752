//! The complete conversion from inputs to a committed dataset, and a preview of it.

mod append;
mod infer;
mod preview;
mod run_plan;
mod shares;
mod warnings;

pub use infer::infer;
pub use preview::{Preview, preview};
pub use shares::{ShareName, commit_shares, stage_share};

use self::{append::CommittedInputs, run_plan::RunPlan};
use crate::{
    config::{Config, Mode},
    dataset::{Committed, Dataset, Manifest, StagedRun},
    error::{Error, Result},
    input::discover::discover,
    observe::{Observer, Progress, Stage},
    pipeline::memory,
    report::{Ledger, Report},
};

/// This program's version, as written into files and manifests.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Converts the inputs to a dataset: completely or not at all.
///
/// # Errors
/// Every kind of [`Error`]. In each case the dataset stays as it was before, but for a commit of an earlier run that was
/// cut off: it is completed or rolled back first, and [`Observer::recovered`] is told.
pub fn convert(config: &Config, observer: &dyn Observer) -> Result<Report> {
    config.check()?;
    memory::check(config)?;
    let inputs = discover(&config.inputs, Some(&config.out), observer)?;
    // This comes first, so that a folder in use is reported before the sample is taken.
    let tell = |recovered| observer.recovered(&warnings::recovered(recovered));
    let dataset = Dataset::open_and_tell(&config.out, config.mode, tell)?;
    let recovered = dataset.recovered();
    let held = CommittedInputs::new(config.mode, dataset.commits());
    let (inputs, skipped) = held.split_new(inputs, observer)?;
    held.refuse_changed(config, &inputs, observer)?;
    if inputs.is_empty() {
        return Ok(append::nothing_new(config, skipped, recovered));
    }
    let begun = observer.clock();
    let kept = dataset.schema_to_keep()?;
    let plan = RunPlan::new(config, &inputs, kept.as_ref(), observer)?;
    let sampled = observer.clock();
    let staged = plan.run(config, inputs, dataset.staging_dir(), observer).stage()?;
    let read_again = held.already_held(&staged.totals.inputs);
    match read_again.len() {
        0 => {}
        all if all == staged.totals.inputs.len() => {
            return Ok(append::nothing_new(config, [skipped, read_again].concat(), recovered));
        }
        _ => return Err(held.already_committed(config, &read_again)),
    }
    refuse_empty_replacement(config, dataset.commits(), staged.totals.rows, &staged.totals.ledger)?;
    // Keys are only checked for a new dataset: for an existing one they were named before, and a day may lack one.
    let unmet = if kept.is_none() && staged.totals.rows > 0 {
        warnings::unmet_keys(config, &plan.schema, &staged.totals.ledger)
    } else {
        None
    };
    let misleading = warnings::folder_like_a_column(config, &plan.schema);
    let converted = observer.clock();
    let run = plan.finish(config, staged, observer)?;
    observer.progress(&Progress { stage: Stage::Committing, ..run.progress });
    if observer.stop_requested() {
        return Err(Error::Interrupted);
    }
    let report = Report { skipped, ..run.report };
    let mut report = published(report, &run.staged, dataset.commit(&run.staged)?);
    report.warnings.extend(recovered.map(warnings::recovered).into_iter().chain(unmet).chain(misleading));
    report.stage_seconds.sample = sampled.saturating_sub(begun).as_secs_f64();
    report.stage_seconds.commit = observer.clock().saturating_sub(converted).as_secs_f64();
    Ok(report)
}

/// Refuses to replace rows by none, or by rows of another kind of JSON, which have no value that the model knows.
fn refuse_empty_replacement(config: &Config, commits: &[Manifest], rows: u64, ledger: &Ledger) -> Result<()> {
    if config.mode != Mode::Overwrite {
        return Ok(());
    }
    let is_foreign = !warnings::has_known_values(ledger) && ledger.total().unknown > 0;
    if (rows > 0 && !is_foreign) || Manifest::live(commits).is_empty() {
        return Ok(());
    }
    let what = match rows {
        0 => "the inputs have no rows".to_owned(),
        _ => format!("the inputs have no value that the model {} knows", config.model.name),
    };
    Err(Error::Dataset {
        dir: config.out.clone(),
        message: format!("{what}, and would replace a dataset that has rows"),
        hint: "if it is to be emptied, delete the folder; otherwise look at the inputs".to_owned(),
    })
}

/// Completes the report of a run with what committing it did.
fn published(mut report: Report, run: &StagedRun, committed: Committed) -> Report {
    let Committed { manifest, schema, replaced, replaced_partitions, unfinished } = committed;
    report.warnings.extend(warnings::of_run(manifest.mode, &run.record, &run.files));
    report.warnings.extend(warnings::shrunk(&replaced_partitions));
    report.replaced_partitions = replaced_partitions;
    (report.replaced_files, report.replaced_rows) = replaced;
    report.commit = Some(manifest.commit);
    report.files = manifest.files;
    report.rejects_file = manifest.rejects_file;
    report.output_bytes = report.files.iter().map(|file| file.bytes).sum();
    report.columns_differ = schema.columns_differ();
    report.warnings.extend(unfinished.map(|error| {
        format!("the run is committed, but could not tidy up: {error}; the next run does, and so does verify --repair")
    }));
    report
}
