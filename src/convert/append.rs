//! Skips inputs that the dataset already holds when it is appended to.

use std::collections::{BTreeMap, BTreeSet};

use super::warnings;
use crate::{
    config::{Config, Mode},
    dataset::{Manifest, Recovered},
    error::{Error, Result},
    input::{
        InputContent,
        digest::{digest, digests_of_first, gzip_text_size, text_digest},
        discover::{InputFile, Source},
    },
    observe::Observer,
    report::{InputReport, Report, SkippedInput, hex},
};

/// The inputs that the commits hold, as far as a run in its mode needs to know them.
pub(super) struct CommittedInputs {
    /// Only append mode skips inputs.
    is_append: bool,
    /// Number of the commit that this run will make.
    next: u64,
    /// Number of the commit for each digest; digests are in the form of the manifests.
    digests: BTreeMap<String, u64>,
    /// Number of the commit for each digest of the decompressed text; only for inputs with records.
    texts: BTreeMap<String, u64>,
    /// Their sizes as gzip writes them, in 32 bits, where they are stored plain.
    text_sizes: BTreeSet<u32>,
    /// Sizes of the held inputs: an input of another size is new and need not be read.
    sizes: BTreeSet<u64>,
    /// Number of the last commit that read a held input, for each place.
    places: BTreeMap<String, u64>,
    /// Held inputs by the digest of their first bytes, and of how many bytes there are such digests.
    heads: BTreeMap<String, Vec<Held>>,
    head_bytes: BTreeSet<u64>,
    /// Held inputs without such a digest, which commits of earlier versions have, by the path as it was written.
    named: BTreeMap<String, Vec<Held>>,
}

/// An input that a commit holds.
#[derive(Debug)]
struct Held {
    bytes: u64,
    digest: String,
    commit: u64,
}

impl CommittedInputs {
    pub(super) fn new(mode: Mode, commits: &[Manifest]) -> Self {
        let is_append = mode == Mode::Append;
        let next = commits.last().map_or(1, |last| last.commit + 1);
        let commits = if is_append { commits } else { &[] };
        let digests: BTreeMap<_, _> =
            Manifest::held_inputs(commits).into_iter().map(|(digest, commit)| (digest.to_owned(), commit)).collect();
        let inputs = commits.iter().flat_map(|commit| commit.run.inputs.iter().map(|input| (input, commit.commit)));
        let held: Vec<_> = inputs.filter(|(input, _)| digests.contains_key(&input.digest)).collect();
        let sizes = held.iter().map(|(input, _)| input.bytes).collect();
        // An input without records cannot duplicate any, so it may grow.
        let held: Vec<_> = held.into_iter().filter(|(input, _)| input.rows > 0).collect();
        let is_plain = |input: &&InputReport| input.text_digest.is_none();
        let text_sizes =
            held.iter().map(|(input, _)| *input).filter(is_plain).map(|input| input.bytes as u32).collect();
        let texts = held.iter().map(|(input, commit)| (input.text_digest().to_owned(), *commit)).collect();
        let places = held.iter().map(|(input, commit)| (input.place().to_owned(), *commit)).collect();
        let (mut heads, mut named): (BTreeMap<String, Vec<Held>>, BTreeMap<String, Vec<Held>>) = Default::default();
        let mut head_bytes = BTreeSet::new();
        for (input, commit) in &held {
            let held = Held { bytes: input.bytes, digest: input.digest.clone(), commit: *commit };
            if let Some(head) = &input.head_digest {
                heads.entry(head.clone()).or_default().push(held);
                head_bytes.insert(InputContent::head_bytes(input.bytes));
            } else if input.place.is_some() {
                named.entry(input.path.clone()).or_default().push(held);
            }
        }
        Self { is_append, next, digests, texts, text_sizes, sizes, places, heads, head_bytes, named }
    }

    /// Splits inputs into new ones and known ones: those that a commit holds, or whose bytes equal an earlier input of
    /// the run. A stream can be read only once, so it counts as new for now.
    pub(super) fn split_new(
        &self,
        inputs: Vec<InputFile>,
        observer: &dyn Observer,
    ) -> Result<(Vec<InputFile>, Vec<SkippedInput>)> {
        if !self.is_append {
            return Ok((inputs, Vec::new()));
        }
        let mut of_size: BTreeMap<Option<u64>, usize> = BTreeMap::new();
        for input in &inputs {
            *of_size.entry(input.bytes).or_default() += 1;
        }
        let mut digests = self.digests.clone();
        let (mut new, mut skipped) = (Vec::new(), Vec::new());
        for input in inputs {
            if observer.stop_requested() {
                return Err(Error::Interrupted);
            }
            let is_known = |bytes| self.sizes.contains(&bytes) || of_size.get(&Some(bytes)).is_some_and(|&of| of > 1);
            let digest = if input.bytes.is_some_and(is_known) { digest(&input, observer)? } else { None };
            let digest = digest.map(hex);
            let held = digest.as_ref().and_then(|digest| digests.get(digest)).copied();
            let held = if held.is_none() { self.commit_of_text(&input, observer)? } else { held };
            if let Some(commit) = held {
                skipped.push(SkippedInput { path: input.name, commit });
                continue;
            }
            digests.extend(digest.map(|digest| (digest, self.next)));
            new.push(input);
        }
        Ok((new, skipped))
    }

    /// The commit that holds the text of a gzip file, which is read for it only if it says that its text is as long as
    /// one that is held: most likely that very file, compressed since.
    fn commit_of_text(&self, input: &InputFile, observer: &dyn Observer) -> Result<Option<u64>> {
        if self.texts.is_empty() || !gzip_text_size(input)?.is_some_and(|size| self.text_sizes.contains(&size)) {
            return Ok(None);
        }
        let text = text_digest(input, observer)?.map(hex);
        Ok(text.and_then(|text| self.texts.get(&text).copied()))
    }

    /// Refuses new inputs in the place of held inputs, and those that begin with all of a held input: they are files that
    /// have grown, and their earlier records would be added twice. A stream is not identified by its place.
    pub(super) fn refuse_changed(&self, config: &Config, new: &[InputFile], observer: &dyn Observer) -> Result<()> {
        let mut changed = Vec::new();
        for input in new.iter().filter(|input| !matches!(input.source, Source::Stream(_))) {
            if let Some(commit) = self.commit_of(input, observer)? {
                changed.push(format!("{} (commit {commit})", input.name));
            }
        }
        if changed.is_empty() {
            return Ok(());
        }
        Err(Error::Dataset {
            dir: config.out.clone(),
            message: format!(
                "an earlier content of {} was taken in before: its records would be taken in a second time",
                warnings::listed(changed)
            ),
            hint: "give only the new records, in a file with a name of its own; or replace what is there with --mode \
                   overwrite-partitions or overwrite"
                .to_owned(),
        })
    }

    /// Returns the commit that holds the former content of a file.
    fn commit_of(&self, input: &InputFile, observer: &dyn Observer) -> Result<Option<u64>> {
        let by_place = input.place.as_ref().and_then(|place| self.places.get(place));
        // Earlier versions kept the path as it was written.
        if let Some(commit) = by_place.or_else(|| self.places.get(&input.name)) {
            return Ok(Some(*commit));
        }
        // A file that has grown may have another name by now: then it begins with the held bytes.
        let Some(bytes) = input.bytes else { return Ok(None) };
        let head_bytes: Vec<u64> = self.head_bytes.range(..bytes).copied().collect();
        let heads = digests_of_first(input, &head_bytes, observer)?;
        let alike = heads.iter().filter_map(|head| self.heads.get(&hex(*head)));
        let alike = alike.chain(self.named.get(&input.name)).flatten();
        let mut by_bytes: BTreeMap<u64, Vec<&Held>> = BTreeMap::new();
        for held in alike.filter(|held| (1..bytes).contains(&held.bytes)) {
            by_bytes.entry(held.bytes).or_default().push(held);
        }
        let lengths: Vec<u64> = by_bytes.keys().copied().collect();
        let digests = digests_of_first(input, &lengths, observer)?;
        let same = digests.iter().zip(by_bytes.values()).find_map(|(digest, held)| {
            let digest = hex(*digest);
            held.iter().find(|held| held.digest == digest)
        });
        Ok(same.map(|held| held.commit))
    }

    /// The inputs that turned out, after reading, to be held already or to equal an earlier input: streams, files that
    /// changed meanwhile, and texts stored with another compression.
    pub(super) fn already_held(&self, inputs: &[InputReport]) -> Vec<SkippedInput> {
        let mut read = BTreeSet::new();
        let held = inputs.iter().filter(|_| self.is_append).filter_map(|input| {
            let is_read = !read.insert(input.text_digest()) && input.records > 0;
            let text = || self.texts.get(input.text_digest()).filter(|_| input.records > 0);
            let commit = self.digests.get(&input.digest).or_else(text).copied().or(is_read.then_some(self.next))?;
            Some(SkippedInput { path: input.path.clone(), commit })
        });
        held.collect()
    }

    /// The error for such inputs: their rows are already mixed with others and can no longer be left out.
    pub(super) fn already_committed(&self, config: &Config, held: &[SkippedInput]) -> Error {
        let name = |input: &SkippedInput| match input.commit {
            commit if commit == self.next => format!("{} (the same as another input)", input.path),
            commit => format!("{} (commit {commit})", input.path),
        };
        let names = warnings::listed(held.iter().map(name).collect());
        Error::Dataset {
            dir: config.out.clone(),
            message: format!("it holds already what was read from {names}"),
            hint: "leave it out, then run again; nothing was committed".to_owned(),
        }
    }
}

/// The report of a run that found nothing new.
pub(super) fn nothing_new(config: &Config, skipped: Vec<SkippedInput>, recovered: Option<Recovered>) -> Report {
    let (version, model) = (super::VERSION.to_owned(), config.model.name.clone());
    let warnings = recovered.map(warnings::recovered).into_iter().collect();
    Report { version, model, skipped, warnings, ..Report::default() }
}
