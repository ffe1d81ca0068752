//! Spreads a run over processes: each stages a share of the inputs, and one commits all shares.

use crate::{
    config::{AttributeColumns, Config},
    dataset::{Dataset, Share},
    error::{Error, Result},
    input::discover::discover,
    observe::{Observer, Progress, Stage},
    pipeline::memory,
    report::{Reject, Report},
};

use super::{append::CommittedInputs, published, refuse_empty_replacement, run_plan::RunPlan, warnings};

/// Names a share of a run. Both names consist of letters, digits, `-` and `_`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ShareName<'a> {
    /// The run; all its shares have the same name here.
    pub run: &'a str,
    /// The share; each process has a name of its own.
    pub share: &'a str,
}

/// Converts the inputs to the staged files of a share: nothing is visible until [`commit_shares`]. Any number of
/// processes may do so at the same time, each with its own inputs; a share whose process died is simply staged again.
/// `max_rejects` applies to each share, and again to all of them when they are committed.
///
/// Returns the report of the share.
///
/// # Errors
/// As [`convert`](super::convert()); and [`Error::Usage`] for [`AttributeColumns::Auto`] if no existing dataset fixes
/// the attribute columns: each share would choose its own.
pub fn stage_share(config: &Config, name: ShareName<'_>, observer: &dyn Observer) -> Result<Report> {
    config.check()?;
    memory::check(config)?;
    let inputs = discover(&config.inputs, Some(&config.out), observer)?;
    let tell = |recovered| observer.recovered(&warnings::recovered(recovered));
    let share = Share::open(&config.out, config.mode, name.run, name.share, tell)?;
    let recovered = share.recovered();
    let kept = share.schema_to_keep()?;
    if config.attribute_columns == AttributeColumns::Auto && kept.is_none() {
        return Err(Error::usage(
            "each share would choose attribute columns of its own",
            "name the keys, or none; `preview` tells which ones all inputs together ask for",
        ));
    }
    let held = CommittedInputs::new(config.mode, share.commits());
    let (inputs, skipped) = held.split_new(inputs, observer)?;
    held.refuse_changed(config, &inputs, observer)?;
    let plan = RunPlan::new(config, &inputs, kept.as_ref(), observer)?;
    let staged = plan.run(config, inputs, share.staging_dir(), observer).stage()?;
    let run = plan.finish(config, staged, observer)?;
    let mut report = Report { skipped, ..run.report };
    report.warnings.extend(recovered.map(warnings::recovered));
    share.finish(run.staged, report.clone())?;
    Ok(report)
}

/// Commits all shares of a run or none, as one run with one manifest. Only `out`, `mode`, `max_rejects` and
/// `committed_at` of `config` are used.
///
/// # Errors
/// [`Error::Dataset`] if a share is missing, was not named, was staged for another mode, has a damaged file, or differs
/// from the others in version, model, columns or options; while one of them is being staged; or if the dataset already
/// holds one of the inputs. [`Error::Rejected`] if the budget is exceeded, and the errors of committing. The shares stay
/// in each case, so the call can be repeated.
pub fn commit_shares(config: &Config, run: &str, shares: &[String], observer: &dyn Observer) -> Result<Report> {
    config.check()?;
    let begun = observer.clock();
    let tell = |recovered| observer.recovered(&warnings::recovered(recovered));
    let dataset = Dataset::open_and_tell(&config.out, config.mode, tell)?;
    let recovered = dataset.recovered();
    let joined = dataset.joined_shares(run, shares, &config.committed_at)?;
    let (staged, report) = (joined.run, joined.report);
    let is_allowed = config.max_rejects.allows(report.rejected, report.records);
    if let (false, Some(first)) = (is_allowed, report.rejects.first()) {
        return Err(Error::Rejected {
            reject: Box::new(first.clone()),
            hint: format!(
                "{} of {} records were refused in all shares, more than --max-rejects {} allows; nothing was \
                 committed",
                report.rejected, report.records, config.max_rejects
            ),
        });
    }
    // Whether it is kept was asked when its share was staged; the report does not repeat long texts.
    let is_too_much = |reject: &&Reject| reject.is_rest && !config.max_rejects.allows_rest(true);
    if let Some(rest) = report.rejects.iter().find(is_too_much) {
        return Err(Error::Rejected {
            reject: Box::new(rest.clone()),
            hint: format!(
                "nobody knows how many records the rest of this file is, and --max-rejects {} does not allow it; \
                 nothing was committed",
                config.max_rejects
            ),
        });
    }
    let held = CommittedInputs::new(config.mode, dataset.commits());
    let again = held.already_held(&staged.record.inputs);
    if !again.is_empty() {
        return Err(held.already_committed(config, &again));
    }
    refuse_empty_replacement(config, dataset.commits(), report.rows, &report.ledger)?;
    observer.progress(&Progress { stage: Stage::Committing, ..Progress::default() });
    if observer.stop_requested() {
        return Err(Error::Interrupted);
    }
    let mut report = published(report, &staged, dataset.commit_shares(run, &staged)?);
    report.warnings.extend(recovered.map(warnings::recovered));
    report.stage_seconds.commit = observer.clock().saturating_sub(begun).as_secs_f64();
    Ok(report)
}
