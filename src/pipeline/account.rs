//! The account of what became of the input, kept in input order: counts, line numbers, refused records.

use super::refusal::{LostDocument, over_budget, rest_over_budget};
use crate::{
    config::MaxRejects,
    dataset::RejectsWriter,
    decode::{DecodeReject, DecodedBlock},
    error::{Error, Result},
    input::{InputContent, ReadOptions, RecordBlock, Unreadable, discover::InputFile},
    observe::{Progress, Stage},
    report::{InputReport, Ledger, Place, Reject, Report, hex},
};

/// The totals of a run.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Totals {
    /// A report of every input, in order.
    pub inputs: Vec<InputReport>,
    /// Digests of the inputs, in the same order.
    pub digests: Vec<u128>,
    /// Decompressed bytes of JSON that were decoded.
    pub json_bytes: u64,
    /// Number of records, kept and refused.
    pub records: u64,
    /// Number of records kept.
    pub kept: u64,
    /// Number of records refused.
    pub rejected: u64,
    /// Number of those whose text is not kept, because they are too long.
    pub rejected_without_text: u64,
    /// Valid records without a participant.
    pub records_without_rows: u64,
    /// Number of rows.
    pub rows: u64,
    /// Counts by JSON path.
    pub ledger: Ledger,
    /// Those of [`Report::rejects`].
    pub rejects: Vec<Reject>,
    /// Number of partition values that were not null but went to the default partition.
    pub partition_values_displaced: u64,
    /// Bytes of spilled rows, as stored on disk.
    pub spilled_bytes: u64,
}

impl Totals {
    /// Progress of a run that has read all of its input.
    #[must_use]
    pub fn progress(&self, partitions: u64) -> Progress {
        let input_bytes = self.inputs.iter().map(|input| input.bytes).sum();
        Progress {
            stage: Stage::Finishing,
            input_bytes,
            input_bytes_total: Some(input_bytes),
            json_bytes: self.json_bytes,
            records: self.records,
            rows: self.rows,
            rejected: self.rejected,
            partitions,
            buffered_bytes: 0,
        }
    }
}

/// Keeps the account; it is given the pieces in input order.
pub(super) struct Account {
    totals: Totals,
    /// Newlines met so far in each input.
    newlines: Vec<u64>,
    max_record_bytes: usize,
    max_rejects: MaxRejects,
    writer: RejectsWriter,
    /// A document whose rest is refused, with its text so far.
    lost: Option<LostDocument>,
}

/// How the lines of an input are numbered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LineNumbers {
    /// By the newlines read so far.
    Counted,
    /// In a rejects file each line is a document of its own, and the newlines of its text are not the file's.
    Documents,
}

impl Account {
    pub fn new(files: &[InputFile], read: ReadOptions, max_rejects: MaxRejects, writer: RejectsWriter) -> Self {
        let report = |InputFile { name, place, .. }: &InputFile| InputReport {
            path: name.clone(),
            place: place.clone(),
            ..Default::default()
        };
        let inputs = files.iter().map(report).collect();
        Self {
            totals: Totals { inputs, digests: vec![0; files.len()], ..Default::default() },
            newlines: vec![0; files.len()],
            max_record_bytes: read.max_record_bytes,
            max_rejects,
            writer,
            lost: None,
        }
    }

    /// Adds a decoded block to the account. If the block belongs to a lost document, its rows are removed.
    pub fn block(&mut self, block: &RecordBlock, decoded: &mut DecodedBlock, lines: LineNumbers) -> Result<()> {
        if self.is_lost((block.input, block.document), Some(&block.bytes), block.bytes.len() as u64)? {
            decoded.columns.clear();
            self.newlines[block.input] += decoded.num_newlines;
            return Ok(());
        }
        self.totals.json_bytes += block.bytes.len() as u64;
        self.totals.records += decoded.num_records;
        self.totals.kept += decoded.num_kept;
        self.totals.rows += decoded.columns.num_rows as u64;
        self.totals.records_without_rows += decoded.records_without_rows;
        let input = &mut self.totals.inputs[block.input];
        input.records += decoded.num_records;
        input.rows += decoded.columns.num_rows as u64;
        self.add_tallies(block, decoded, lines);
        // Rejects come in order, so newlines are counted only from the previous reject on.
        let (mut at, mut line) = (0, self.newlines[block.input] + 1);
        for reject in std::mem::take(&mut decoded.rejects) {
            let offset = reject.offset.clamp(at, block.bytes.len());
            line += memchr::memchr_iter(b'\n', &block.bytes[at..offset]).count() as u64;
            at = offset;
            let line = if lines == LineNumbers::Documents { block.document + 1 } else { line };
            let is_rest = LostDocument::begins_at(block, &reject);
            self.refuse_record(block, reject, is_rest, line)?;
        }
        self.newlines[block.input] += decoded.num_newlines;
        Ok(())
    }

    /// Adds to the account a stretch of input that could not be split into records.
    pub fn unreadable(&mut self, unreadable: Unreadable, lines: LineNumbers) -> Result<()> {
        let Unreadable { input, document, .. } = unreadable;
        let line = match lines {
            LineNumbers::Counted => self.newlines[input] + unreadable.newlines_before_error + 1,
            LineNumbers::Documents => document + 1,
        };
        self.newlines[input] += unreadable.num_newlines;
        if self.is_lost((input, document), unreadable.raw.as_deref(), unreadable.raw_bytes)? {
            return Ok(());
        }
        self.totals.records += 1;
        self.totals.inputs[input].records += 1;
        let file = self.totals.inputs[input].path.clone();
        self.refuse(input, unreadable.into_reject(file, line))
    }

    /// Records that an input was read to its end.
    pub fn end_of_input(&mut self, input: usize, content: InputContent) -> Result<()> {
        self.end_document()?;
        let report = &mut self.totals.inputs[input];
        report.bytes = content.bytes;
        report.digest = hex(content.digest);
        report.head_digest = Some(hex(content.head_digest));
        report.text_digest = content.text_digest.map(hex);
        self.totals.digests[input] = content.digest;
        Ok(())
    }

    /// Records the reject of a lost document, if there is one: its end was reached.
    pub fn end_document(&mut self) -> Result<()> {
        let Some(lost) = self.lost.take() else { return Ok(()) };
        self.refuse(lost.input(), lost.into_reject())
    }

    /// Checks the account at the end of the run and returns the totals.
    ///
    /// # Errors
    /// [`Error::Bug`] if counts do not add up; [`Error::Rejected`] if more records were refused than allowed.
    pub fn finish(mut self) -> Result<(Totals, RejectsWriter)> {
        self.end_document()?;
        let Totals { records, kept, rejected, .. } = self.totals;
        if records != kept + rejected {
            return Err(Error::Bug(format!("{records} records were read, {kept} kept and {rejected} refused")));
        }
        if !self.max_rejects.allows(rejected, records)
            && let Some(first) = self.totals.rejects.first()
        {
            return Err(over_budget(first.clone(), rejected, records, self.max_rejects));
        }
        self.totals.ledger.check()?;
        Ok((self.totals, self.writer))
    }

    pub const fn totals(&self) -> &Totals {
        &self.totals
    }

    pub fn progress(&self) -> Progress {
        Progress {
            json_bytes: self.totals.json_bytes,
            records: self.totals.records,
            rows: self.totals.rows,
            rejected: self.totals.rejected,
            ..Default::default()
        }
    }

    /// Whether a piece belongs to the lost document; if so, its text is appended to that. A piece of another document
    /// ends the lost one.
    fn is_lost(&mut self, (input, document): (usize, u64), bytes: Option<&[u8]>, num_bytes: u64) -> Result<bool> {
        let Some(lost) = self.lost.as_mut().filter(|lost| lost.is_of(input, document)) else {
            return self.end_document().map(|()| false);
        };
        lost.add(bytes, num_bytes, self.max_record_bytes);
        Ok(true)
    }

    fn add_tallies(&mut self, block: &RecordBlock, decoded: &mut DecodedBlock, lines: LineNumbers) {
        let mut lines = LinesOfBlock::new(block, lines, self.newlines[block.input]);
        for tally in &mut decoded.tallies {
            if !tally.first_offsets.is_empty() {
                // The places known already come first, so no line is counted for a place that would be dropped.
                let known = self.totals.ledger.counted_under(&tally.path, tally.known.is_some());
                let mut first = known.map(|counts| counts.first.clone()).unwrap_or_default();
                first.add(&tally.first_offsets, |&offset| Place {
                    file: self.totals.inputs[block.input].path.clone(),
                    offset: block.offset + offset as u64,
                    line: lines.at(offset),
                });
                tally.counts.first = first;
            }
            self.totals.ledger.add(&tally.path, tally.known.is_some(), &tally.counts);
        }
    }

    fn refuse_record(&mut self, block: &RecordBlock, reject: DecodeReject, is_rest: bool, line: u64) -> Result<()> {
        let file = self.totals.inputs[block.input].path.clone();
        if !is_rest {
            let raw = &block.bytes[reject.record.clone()];
            return self.refuse(block.input, reject.into_reject(file, block.offset, raw, line));
        }
        if self.exhausts_budget() || !self.max_rejects.allows_rest(true) {
            return self.refuse(block.input, LostDocument::only_begun(block, reject, file, line));
        }
        self.lost = Some(LostDocument::new(block, reject, file, line));
        Ok(())
    }

    /// Whether one more reject ends the run, so that there is no need to see the end of a document first.
    fn exhausts_budget(&self) -> bool {
        matches!(self.max_rejects, MaxRejects::Count(most) if self.totals.rejected >= most)
    }

    /// Counts and writes a reject.
    ///
    /// # Errors
    /// [`Error::Rejected`] if it exceeds the budget.
    fn refuse(&mut self, input: usize, reject: Reject) -> Result<()> {
        let exhausts_budget = self.exhausts_budget();
        self.totals.rejected += 1;
        self.totals.rejected_without_text += u64::from(!reject.has_raw());
        self.totals.inputs[input].rejected += 1;
        if exhausts_budget {
            return Err(over_budget(reject, self.totals.rejected, self.totals.records, self.max_rejects));
        }
        if reject.is_rest && !self.max_rejects.allows_rest(reject.has_raw()) {
            return Err(rest_over_budget(reject, self.max_rejects));
        }
        self.writer.push(&reject)?;
        Report::show(&mut self.totals.rejects, reject);
        Ok(())
    }
}

/// Finds the line numbers of places in a block. Ascending places cost a single pass over the block in total.
struct LinesOfBlock<'a> {
    block: &'a RecordBlock,
    numbers: LineNumbers,
    first_line: u64,
    /// The last place asked for, and its line.
    last: (usize, u64),
}

impl<'a> LinesOfBlock<'a> {
    const fn new(block: &'a RecordBlock, numbers: LineNumbers, newlines_before: u64) -> Self {
        let first_line = newlines_before + 1;
        Self { block, numbers, first_line, last: (0, first_line) }
    }

    fn at(&mut self, offset: usize) -> u64 {
        if self.numbers == LineNumbers::Documents {
            return self.block.document + 1;
        }
        let offset = offset.min(self.block.bytes.len());
        let (from, line) = if self.last.0 <= offset { self.last } else { (0, self.first_line) };
        let line = line + memchr::memchr_iter(b'\n', &self.block.bytes[from..offset]).count() as u64;
        self.last = (offset, line);
        line
    }
}
