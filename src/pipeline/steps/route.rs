//! The steps that are done in input order, by one worker at a time: keeping the account, and collecting rows into row
//! groups.

use super::Steps;
use crate::{
    columns::Columns,
    encode::{Footer, SyncWhen},
    error::Result,
    observe::{Progress, Stage},
    pipeline::{
        MAX_SPARE_BYTES,
        in_order::{InOrder, Ready},
        state::{Arrived, Job, Oversized, State},
    },
};

/// What a routed piece leaves behind.
#[derive(Default)]
struct Routed {
    /// Memory that it was charged for, bytes.
    bytes: usize,
    /// Its memory, if it can be reused.
    text: Option<Vec<u8>>,
    columns: Option<Columns>,
    /// Whether it was a huge block, or a huge batch read back from disk.
    was_huge: bool,
}

impl<'a> Steps<'a> {
    /// Routes the next piece to its partitions; at the end (no piece) makes row groups of all rows that still wait.
    pub(super) fn route(&self, mut in_order: InOrder, arrived: Option<Arrived>) -> Result<()> {
        let mut ready = Vec::new();
        let Some(arrived) = arrived else {
            let batches = self.route_end(&mut in_order, &mut ready);
            self.submit_jobs(in_order, ready, Stage::Finishing, |state| match batches {
                Some(batches) => state.read_back(batches),
                None => state.routed_to_end = true,
            });
            return Ok(());
        };
        let routed = self.route_piece(&mut in_order, arrived, &mut ready)?;
        self.submit_jobs(in_order, ready, Stage::Converting, |state| {
            state.in_flight.end(routed.bytes);
            if routed.was_huge {
                state.huge = Oversized::None;
            }
            if let Some(text) = routed.text
                && state.spare_bytes.len() < self.limits.blocks()
            {
                state.spare_bytes.push(text);
                state.spare_columns.extend(routed.columns);
            }
        });
        Ok(())
    }

    fn route_piece(&self, in_order: &mut InOrder, arrived: Arrived, ready: &mut Vec<Ready>) -> Result<Routed> {
        let mut routed = Routed::default();
        match arrived {
            Arrived::Failed(error) => {
                // The unfinished document before it is refused first.
                in_order.account.end_document()?;
                return Err(error);
            }
            Arrived::Unreadable { unreadable, lines, bytes } => {
                routed.bytes = bytes;
                in_order.account.unreadable(unreadable, lines)?;
            }
            Arrived::EndOfInput(input, content) => in_order.account.end_of_input(input, content)?,
            Arrived::Decoded { block, mut decoded, lines, bytes } => {
                routed.bytes = bytes;
                routed.was_huge = self.is_huge(&block);
                in_order.account.block(&block, &mut decoded, lines)?;
                // A huge text is freed here, before its rows are copied.
                routed.text = Some(block.bytes).filter(|text| text.capacity() <= MAX_SPARE_BYTES);
                in_order.rows(&mut decoded.columns, ready)?;
                routed.columns = Some(decoded.columns).filter(|columns| columns.byte_capacity() <= MAX_SPARE_BYTES);
            }
            Arrived::Spilled { file, rows, bytes } => {
                routed.bytes = bytes;
                routed.was_huge = bytes > self.limits.budget.blocks;
                in_order.spilled(file, &rows, ready);
            }
            Arrived::EndOfSpillFile(file) => {
                in_order.end_of_spill_file(file, ready);
                self.spill_files().remove(file)?;
            }
        }
        Ok(routed)
    }

    /// Ends the routing of the input, or of what was read back. Returns the sizes of the batches to read back, by spill
    /// file, if rows are on disk.
    fn route_end(&self, in_order: &mut InOrder, ready: &mut Vec<Ready>) -> Option<Vec<Vec<usize>>> {
        // All inputs are known now, and with them the run id.
        let (totals, num_partitions) = in_order.so_far();
        let sync = if self.file_system.is_synced_for(num_partitions) { SyncWhen::Later } else { SyncWhen::Each };
        self.files.set_footer(Footer { key_values: (self.footer)(totals), sync });
        in_order.end_of_input(ready)
    }

    /// Evicts rows before a huge block.
    pub(super) fn make_room(&self, mut in_order: InOrder) {
        let mut ready = Vec::new();
        in_order.make_room(&mut ready);
        self.submit_jobs(in_order, ready, Stage::Converting, |state| state.huge = Oversized::Admitted);
    }

    /// Queues complete rows for encoding, applies `change`, and lets the next piece be routed.
    fn submit_jobs(&self, in_order: InOrder, ready: Vec<Ready>, stage: Stage, change: impl FnOnce(&mut State<'a>)) {
        let progress = in_order.progress(stage);
        let jobs = self.jobs(ready);
        let mut state = self.lock();
        let progress =
            Progress { input_bytes: state.bytes_read, input_bytes_total: self.input_bytes_total, ..progress };
        state.add_jobs(jobs);
        state.in_order = Some(in_order);
        change(&mut state);
        drop(state);
        self.changed.notify_all();
        self.observer.progress(&progress);
    }

    fn jobs(&self, ready: Vec<Ready>) -> Vec<Job> {
        let job = |ready| match ready {
            Ready::RowGroup(partition, rows) => Job::RowGroup(self.files.ticket(partition, false), rows),
            Ready::LastRowGroup(partition, rows) => Job::RowGroup(self.files.ticket(partition, true), rows),
            Ready::Batch(file, number, rows) => Job::Spill(file, number, rows),
        };
        ready.into_iter().map(job).collect()
    }
}
