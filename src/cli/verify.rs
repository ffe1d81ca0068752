//! `partiquet verify`: the audit of a dataset, for people and as a report.

use std::{fmt::Write as _, path::Path, time::Instant};

use partiquet::{
    Error, Result,
    verify::{Audit, FindingKind, Repair, verify},
};
use serde_json::json;

use super::{
    args::VerifyArgs, human, paint::Paint, print_beside, report_file, report_file::ReportFile, resolve::resolved,
    signals,
};

/// Maximum number of findings listed for each kind; the report has all of them.
const FINDINGS_SHOWN: usize = 10;

/// Exit code for a dataset that is not sound.
const UNSOUND: u8 = 1;

struct Stop(std::sync::Arc<std::sync::atomic::AtomicBool>);

impl partiquet::observe::Observer for Stop {
    fn stop_requested(&self) -> bool {
        self.0.load(std::sync::atomic::Ordering::Relaxed)
    }
}

/// Runs the audit, shows it, and returns the exit code.
pub fn run(args: &VerifyArgs) -> Result<u8> {
    let is_inside = |report: &&Path| *report != Path::new("-") && resolved(report).starts_with(resolved(&args.dir));
    if let Some(report) = args.report.as_deref().filter(is_inside) {
        return Err(Error::usage(
            format!("the report {} would stand inside the dataset", report.display()),
            "give --report a path outside of it",
        ));
    }
    let report = args.report.as_deref().map(ReportFile::create).transpose()?;
    let begun = Instant::now();
    let repair = if args.repair { Repair::Yes } else { Repair::No };
    let audit = match verify(&args.dir, repair, &Stop(signals::stop_flag()?)) {
        Ok(audit) => audit,
        Err(error) => {
            if let Some(report) = report {
                let document = report_file::of_failure(&error, None, begun.elapsed().as_secs_f64());
                super::warn_on_failure(report.write(&document));
            }
            return Err(error);
        }
    };
    let exit_code = if audit.is_sound() { 0 } else { UNSOUND };
    let dir = human::shown(&args.dir.display().to_string());
    print_beside(report.as_ref().is_some_and(ReportFile::is_stdout), |paint| render(&audit, &dir, paint))?;
    if let Some(report) = report {
        report.write(&report_file::of_success(&audit, exit_code)?)?;
    }
    Ok(exit_code)
}

fn render(audit: &Audit, dir: &str, paint: Paint) -> String {
    let mut text = String::new();
    let verdict = if audit.is_sound() {
        format!("{dir} is sound")
    } else {
        format!("{dir} is not sound: {}", human::counted(audit.findings.len() as u64, "fault", "faults"))
    };
    let _ = writeln!(text, "{}\n", if audit.is_sound() { paint.bold(&verdict) } else { paint.red(&verdict) });
    let _ = writeln!(
        text,
        "  {}, {}, {}, {}",
        human::counted(audit.commits, "commit", "commits"),
        human::counted(audit.files, "file", "files"),
        human::counted(audit.rows, "row", "rows"),
        human::bytes(audit.bytes),
    );
    for repaired in &audit.repaired {
        let _ = writeln!(text, "  repaired: {}", human::shown(repaired));
    }
    if audit.is_being_written {
        let _ = writeln!(text, "  a run is writing to it now: what is staged is not judged");
    }
    for share in &audit.shares_waiting {
        let _ = writeln!(text, "  share {} waits for its commit", human::shown(share));
    }
    let mut shown: Option<(FindingKind, usize)> = None;
    for finding in &audit.findings {
        let number = match shown {
            Some((kind, number)) if kind == finding.kind => number + 1,
            _ => 1,
        };
        shown = Some((finding.kind, number));
        let kind = json!(finding.kind);
        let kind = kind.as_str().unwrap_or_default();
        match number {
            ..=FINDINGS_SHOWN => {
                let (path, message) = (human::shown(&finding.path), human::shown(&finding.message));
                let _ = writeln!(text, "  {kind:<12} {path}: {message}");
            }
            _ if number == FINDINGS_SHOWN + 1 => {
                let all = audit.findings.iter().filter(|other| other.kind == finding.kind).count();
                let _ = writeln!(text, "  {kind:<12} and {} more; --report has all", all - FINDINGS_SHOWN);
            }
            _ => {}
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_are_told_of_shares_that_wait_and_of_a_run_that_writes() {
        let mut audit = Audit::default();
        audit.shares_waiting = vec!["night/a".to_owned()];
        audit.is_being_written = true;
        let text = render(&audit, "out", Paint::Plain);
        assert!(text.contains("  share night/a waits for its commit\n"), "{text}");
        assert!(text.contains("  a run is writing to it now: what is staged is not judged\n"), "{text}");
    }
}
