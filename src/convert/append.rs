//! Inputs that the dataset holds already are left out when it is appended to.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    config::{Config, Mode},
    dataset::Manifest,
    error::{Error, Result},
    input::{digest::digest, discover::InputFile},
    observe::Observer,
    report::{InputReport, Report, SkippedInput},
};

/// What the commits hold, as far as a run in its mode has to know.
pub(super) struct Held {
    /// Digest as in the manifests: number of the commit.
    digests: BTreeMap<String, u64>,
    /// Sizes of these inputs: others need not be read to know that they are new.
    sizes: BTreeSet<u64>,
}

impl Held {
    pub(super) fn new(mode: Mode, commits: &[Manifest]) -> Self {
        let commits = if mode == Mode::Append { commits } else { &[] };
        let digests: BTreeMap<_, _> =
            Manifest::held_inputs(commits).into_iter().map(|(digest, commit)| (digest.to_owned(), commit)).collect();
        let inputs = commits.iter().flat_map(|commit| &commit.run.inputs);
        let sizes = inputs.filter(|input| digests.contains_key(&input.digest)).map(|input| input.bytes).collect();
        Self { digests, sizes }
    }

    /// The inputs that are new, and those that are not. What can be read only once counts as new for now.
    pub(super) fn sort_out(
        &self,
        inputs: Vec<InputFile>,
        observer: &dyn Observer,
    ) -> Result<(Vec<InputFile>, Vec<SkippedInput>)> {
        let (mut new, mut skipped) = (Vec::new(), Vec::new());
        for input in inputs {
            if observer.stop_requested() {
                return Err(Error::Interrupted);
            }
            let may_be_held = input.bytes.is_some_and(|bytes| self.sizes.contains(&bytes));
            let digest = if may_be_held { digest(&input)? } else { None };
            match digest.and_then(|digest| self.digests.get(&format!("{digest:032x}"))) {
                Some(&commit) => skipped.push(SkippedInput { path: input.name, commit }),
                None => new.push(input),
            }
        }
        Ok((new, skipped))
    }

    /// What of the inputs that were read turned out to be held: streams, and files that changed meanwhile.
    pub(super) fn among(&self, inputs: &[InputReport]) -> Vec<SkippedInput> {
        let held = inputs.iter().filter_map(|input| {
            let commit = *self.digests.get(&input.digest)?;
            Some(SkippedInput { path: input.path.clone(), commit })
        });
        held.collect()
    }
}

/// The report of a run that had nothing to do.
pub(super) fn nothing_new(config: &Config, skipped: Vec<SkippedInput>) -> Report {
    Report { version: super::VERSION.to_owned(), model: config.model.name.clone(), skipped, ..Report::default() }
}

/// Rows that were read cannot be told apart by their input any more.
pub(super) fn held_among_new(config: &Config, held: &[SkippedInput]) -> Error {
    let names: Vec<String> = held.iter().map(|input| format!("{} (commit {})", input.path, input.commit)).collect();
    Error::Dataset {
        dir: config.out.clone(),
        message: format!("it holds already what was read from {}", names.join(", ")),
        hint: "leave it out, then run again; nothing was committed".to_owned(),
    }
}
