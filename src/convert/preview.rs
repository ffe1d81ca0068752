//! Shows what a conversion would do, as far as a sample of its inputs tells.

use std::collections::BTreeMap;

use super::{append::CommittedInputs, refuse_empty_replacement, run_plan::RunPlan};
use crate::{
    columns::{Bitmap, Columns, Values},
    config::{Config, MaxRejects, Mode},
    dataset::{Dataset, Manifest, Recovered},
    error::{Error, Result},
    input::{
        RecordBlock, Unreadable,
        discover::{InputFile, discover},
    },
    model::{Plan, TableSchema},
    observe::Observer,
    partition::{Partitions, Router},
    pipeline::{LostDocument, memory},
    report::{Ledger, Reject, Report, SkippedInput},
    sampling::{Sampled, decode_sample},
};

/// What a conversion would do: the result of [`preview`].
#[derive(Debug, Clone, PartialEq)]
pub struct Preview {
    /// The inputs in the order in which they would be read, with their stored sizes in bytes where known.
    pub inputs: Vec<(String, Option<u64>)>,
    /// Inputs that would be skipped, because the dataset already holds them.
    pub skipped: Vec<SkippedInput>,
    /// The schema of the table.
    pub schema: TableSchema,
    /// Attribute keys with columns of their own, and the number of sampled participants that have each key; the most
    /// frequent key comes first.
    pub attribute_keys: Vec<(String, u64)>,
    /// Sampled participants that have attributes.
    pub sampled_participants: u64,
    /// Partition folders and their sampled rows, in the order of their first row.
    pub partitions: Vec<(String, u64)>,
    /// Partition folders and the dataset's rows in them that the run would replace; without folders that have no rows.
    pub replaced: Vec<(String, u64)>,
    /// Whether the sample was the whole input.
    pub sample_complete: bool,
    /// Sampled records.
    pub records: u64,
    /// Sampled records that would be refused; the rest of a document after a fault counts as one.
    pub rejected: u64,
    /// Refused records, as [`Report::rejects`] has them.
    pub rejects: Vec<Reject>,
    /// What the run would first do about a commit that was cut off, in words.
    pub cut_off: Option<String>,
    /// What would make the run fail, each with a hint: the output folder, inputs that cannot be read, too many rejects.
    pub obstacles: Vec<String>,
}

/// Reads a sample of the inputs and inspects the output folder; writes nothing.
///
/// If the attribute columns are chosen automatically, the sample is read twice, because the counts depend on the
/// choice.
///
/// # Errors
/// Those errors of [`convert`](super::convert) that leave nothing to show: inputs that do not exist, columns that the
/// table does not have. Everything else that would make the run fail is in the preview.
pub fn preview(config: &Config, observer: &dyn Observer) -> Result<Preview> {
    config.check()?;
    let inputs = discover(&config.inputs, Some(&config.out), observer)?;
    let (commits, cut_off) = Dataset::peek(&config.out).unwrap_or_default();
    let (kept, unreadable) = match Dataset::peek_schema(&config.out, config.mode, &commits) {
        Ok(kept) => (kept, Ok(())),
        Err(error) => (None, Err(error)),
    };
    let held = CommittedInputs::new(config.mode, &commits);
    let (inputs, skipped) = held.split_new(inputs, observer)?;
    let RunPlan { schema, partitions, .. } = RunPlan::new(config, &inputs, kept.as_ref(), observer)?;
    let mut seen = Seen {
        inputs: &inputs,
        router: Router::new(partitions, schema.columns.len()),
        rows: Vec::new(),
        attributes: AttributeCounts::new(&schema),
        records: 0,
        rejected: 0,
        rejects: Vec::new(),
        rests_kept: None,
        max_record_bytes: config.max_record_bytes,
        ledger: Ledger::default(),
        lost: None,
        obstacles: Vec::new(),
    };
    let changed = held.refuse_changed(config, &inputs, observer);
    if matches!(changed, Err(Error::Interrupted)) {
        return Err(Error::Interrupted);
    }
    let refusals = [memory::check(config), Dataset::check(&config.out, config.mode), unreadable, changed];
    seen.obstacles.extend(refusals.into_iter().filter_map(Result::err).map(|error| error.to_string()));
    // A schema of a newer version is refused for both reasons.
    seen.obstacles.dedup();
    let plan = Plan::new(&config.model, &schema);
    let sample_complete = decode_sample(config, &inputs, plan, observer, |sampled| seen.add(sampled))?;
    seen.end_document();
    seen.obstacles.extend(over_budget(config.max_rejects, seen.rejected, seen.records, seen.rests_kept));
    if sample_complete {
        let rows = seen.rows.iter().sum();
        let refused = refuse_empty_replacement(config, &commits, rows, &seen.ledger).err();
        seen.obstacles.extend(refused.map(|refused| refused.to_string()));
    }
    let partitions: Vec<(String, u64)> = seen.router.paths().iter().cloned().zip(seen.rows).collect();
    Ok(Preview {
        replaced: replaced(config.mode, &commits, &partitions),
        inputs: inputs.iter().map(|input| (input.name.clone(), input.bytes)).collect(),
        skipped,
        cut_off: cut_off.map(announced),
        sampled_participants: seen.attributes.participants,
        attribute_keys: seen.attributes.by_frequency(&schema),
        partitions,
        sample_complete,
        records: seen.records,
        rejected: seen.rejected,
        rejects: seen.rejects,
        obstacles: seen.obstacles,
        schema,
    })
}

/// What a run will first do about a commit that was cut off.
fn announced(cut_off: Recovered) -> String {
    match cut_off {
        Recovered::Completed(number) => format!("Commit {number} was cut off: the run completes it first"),
        Recovered::RolledBack(number) => {
            format!("Commit {number} was cut off and cannot be completed: the run takes it back first")
        }
    }
}

/// Those of these partitions in which the dataset has rows that a run in this mode would replace, with their number.
fn replaced(mode: Mode, commits: &[Manifest], partitions: &[(String, u64)]) -> Vec<(String, u64)> {
    match mode {
        Mode::OverwritePartitions => {
            let rows = rows_by_partition(commits);
            let rows_of = |(path, _): &(String, u64)| rows.get(path.as_str()).map(|rows| (path.clone(), *rows));
            partitions.iter().filter_map(rows_of).collect()
        }
        Mode::Error | Mode::Append | Mode::Overwrite => Vec::new(),
    }
}

/// Rows of the dataset after these commits, by partition folder.
fn rows_by_partition(commits: &[Manifest]) -> BTreeMap<&str, u64> {
    let mut rows = BTreeMap::new();
    for file in Manifest::live(commits).into_values() {
        let rows: &mut u64 = rows.entry(file.partition()).or_default();
        *rows = rows.saturating_add(file.rows);
    }
    rows
}

/// `rests_kept` says whether the rests of documents that would be refused would be kept; none if there are none.
fn over_budget(budget: MaxRejects, rejected: u64, records: u64, rests_kept: Option<bool>) -> Option<String> {
    if let Some(is_kept) = rests_kept.filter(|is_kept| !budget.allows_rest(*is_kept)) {
        let why = if is_kept { "nobody knows how many records" } else { "which is too long to be kept" };
        return Some(format!(
            "the rest of a file would be rejected, {why}, so --max-rejects {budget} cannot allow it\n  mend the file, or \
             let the run go on without it"
        ));
    }
    (!budget.allows(rejected, records)).then(|| {
        format!(
            "{rejected} of {records} records would be rejected, and --max-rejects is {budget}\n  mend them, or let the run \
             go on without them"
        )
    })
}

/// What the sample has shown so far.
struct Seen<'a> {
    inputs: &'a [InputFile],
    router: Router,
    rows: Vec<u64>,
    attributes: AttributeCounts,
    records: u64,
    rejected: u64,
    rejects: Vec<Reject>,
    /// If some are rests of documents: whether the run would keep all of their texts.
    rests_kept: Option<bool>,
    max_record_bytes: usize,
    ledger: Ledger,
    /// The document whose rest is lost after a fault.
    lost: Option<LostDocument>,
    obstacles: Vec<String>,
}

impl Seen<'_> {
    fn add(&mut self, sampled: Sampled<'_>) -> Result<()> {
        match sampled {
            Sampled::Decoded(block, decoded) => {
                if self.is_lost((block.input, block.document), Some(&block.bytes), block.bytes.len() as u64) {
                    return Ok(());
                }
                self.records += decoded.num_records;
                for tally in &decoded.tallies {
                    self.ledger.add(&tally.path, tally.known.is_some(), &tally.counts);
                }
                for reject in decoded.rejects.drain(..) {
                    let file = self.inputs[block.input].name.clone();
                    let line = first_line(block, reject.offset);
                    if LostDocument::begins_at(block, &reject) {
                        self.lost = Some(LostDocument::new(block, reject, file, line));
                    } else {
                        let text = &block.bytes[reject.record.clone()];
                        self.refuse(reject.into_reject(file, block.offset, text, line));
                    }
                }
                self.attributes.add(&decoded.columns);
                self.route(&mut decoded.columns)?;
            }
            Sampled::Unreadable(unreadable) => {
                let Unreadable { input, document, raw_bytes, .. } = unreadable;
                if !self.is_lost((input, document), unreadable.raw.as_deref(), raw_bytes) {
                    self.records += 1;
                    self.refuse(unreadable.into_reject(self.inputs[input].name.clone(), 0));
                }
            }
            Sampled::Failed(error) => self.obstacles.push(error.to_string()),
        }
        Ok(())
    }

    /// Whether a piece of this input and document belongs to the lost document; if so, it is added to that. A piece of
    /// another document ends the lost one.
    fn is_lost(&mut self, (input, document): (usize, u64), bytes: Option<&[u8]>, num_bytes: u64) -> bool {
        let lost = self.lost.as_mut().filter(|lost| lost.is_of(input, document));
        let Some(lost) = lost else {
            self.end_document();
            return false;
        };
        lost.add(bytes, num_bytes, self.max_record_bytes);
        true
    }

    /// Counts the reject of a lost document, if there is one: its end, or that of the sample, was reached.
    fn end_document(&mut self) {
        if let Some(lost) = self.lost.take() {
            self.refuse(lost.into_reject());
        }
    }

    fn refuse(&mut self, reject: Reject) {
        self.rejected += 1;
        if reject.is_rest {
            self.rests_kept = Some(self.rests_kept.unwrap_or(true) && reject.has_raw());
        }
        Report::show(&mut self.rejects, reject);
    }

    fn route(&mut self, columns: &mut Columns) -> Result<()> {
        let rows = &mut self.rows;
        let mut count = |partition: usize, num_rows: usize| {
            rows.resize(rows.len().max(partition + 1), 0);
            rows[partition] += num_rows as u64;
        };
        match self.router.route(columns)? {
            Partitions::One(partition) => count(partition, columns.num_rows),
            Partitions::Each(partitions) => partitions.iter().for_each(|&partition| count(partition as usize, 1)),
        }
        Ok(())
    }
}

/// The line of an error, if the block starts at the beginning of an input; for other blocks it is unknown, and 0.
fn first_line(block: &RecordBlock, offset: usize) -> u64 {
    if block.offset > 0 || block.document > 0 {
        return 0;
    }
    let before = &block.bytes[..offset.min(block.bytes.len())];
    memchr::memchr_iter(b'\n', before).count() as u64 + 1
}

/// Number of participants that have attributes, and that have each key with a column.
struct AttributeCounts {
    map: Option<usize>,
    columns: Vec<usize>,
    participants: u64,
    keys: Vec<u64>,
}

impl AttributeCounts {
    fn new(schema: &TableSchema) -> Self {
        let columns: Vec<usize> = schema.attributes.iter().map(|(_, column)| *column).collect();
        let keys = vec![0; columns.len()];
        Self { map: schema.map_column, columns, participants: 0, keys }
    }

    /// The keys of the columns with their counts, the most frequent first.
    fn by_frequency(self, schema: &TableSchema) -> Vec<(String, u64)> {
        let mut keys: Vec<(String, u64)> =
            schema.attributes.iter().map(|(key, _)| key.clone()).zip(self.keys).collect();
        keys.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        keys
    }

    fn add(&mut self, columns: &Columns) {
        let mut has_attributes = Bitmap::default();
        if let Some(map) = self.map.map(|map| &columns.columns[map])
            && let Values::Map { ends, .. } = &map.values
        {
            let starts = std::iter::once(&0).chain(ends);
            let is_filled = starts.zip(ends).map(|(start, end)| end > start);
            map.validity
                .iter_ones()
                .zip(is_filled)
                .filter(|(_, is_filled)| *is_filled)
                .for_each(|(row, _)| has_attributes.set(row));
        }
        for (count, &column) in self.keys.iter_mut().zip(&self.columns) {
            let validity = &columns.columns[column].validity;
            *count += validity.count_ones() as u64;
            has_attributes.unite(validity);
        }
        self.participants += has_attributes.count_ones() as u64;
    }
}
