//! The steps that bring rows out: encoding row groups for their files, and writing rows to disk.

use rayon::prelude::*;

use super::Steps;
use crate::{
    columns::Columns,
    encode::{EncodeScratch, EncodedRowGroup, RowGroup, encode_row_group},
    error::Result,
    partition::{RowBuffers, WaitingRows},
    pipeline::state::{Job, Oversized},
    spill,
};

/// Scratch memory of a worker.
#[derive(Default)]
pub(super) struct Scratch {
    encode: EncodeScratch,
    /// Empty columns for unpacking rows.
    columns: Option<Columns>,
}

/// A worker keeps the columns it unpacked rows into if they are at most this large, bytes: with small row groups,
/// making new columns costs more than filling them.
const MAX_UNPACKED_BYTES: usize = 256 << 10;

/// Split a shared row group into this many parts per thread, since column costs vary.
const PARTS_PER_THREAD: usize = 4;

impl Steps<'_> {
    /// Does a job. `is_shared` says whether it is one of the last row groups, which all workers encode together.
    pub(super) fn encode(&self, scratch: &mut Scratch, job: Job, is_shared: bool) -> Result<()> {
        let (is_spill, memory) = (matches!(job, Job::Spill(..)), job.memory(&self.limits.budget));
        if memory > self.limits.budget.encoding {
            self.observer.before_large_allocation();
        }
        let result = match job {
            Job::RowGroup(ticket, rows) => {
                let group = self.encode_row_group(scratch, rows, is_shared);
                group.and_then(|group| self.files.append(ticket, group))
            }
            Job::Spill(file, number, rows) => {
                let batch = spill::encode(rows);
                batch.and_then(|batch| self.spill_files().append(file, number, &batch))
            }
        };
        let mut state = self.lock();
        state.encoding -= 1;
        state.encoding_bytes -= memory;
        state.to_spill -= usize::from(is_spill);
        state.ahead = self.files.num_out_of_order();
        drop(state);
        self.changed.notify_all();
        result
    }

    /// Encodes rows. Their memory is freed or recycled before the encoded bytes are written.
    fn encode_row_group(
        &self,
        scratch: &mut Scratch,
        mut rows: WaitingRows,
        is_shared: bool,
    ) -> Result<EncodedRowGroup> {
        rows.unpack(|| scratch.columns.take().unwrap_or_else(|| Columns::new(self.decoder.shapes())))?;
        let mut columns = rows.columns;
        let group = if is_shared {
            self.encode_together(&columns)
        } else {
            encode_row_group(&self.file_schema, &columns, &mut scratch.encode)
        };
        if columns.byte_capacity() <= MAX_UNPACKED_BYTES {
            columns.clear();
            scratch.columns = Some(columns);
        } else {
            self.recycle(columns);
        }
        group
    }

    /// Encodes one of the last row groups in parts, together with the workers that have returned, so that they do not
    /// idle while one worker encodes alone.
    fn encode_together(&self, rows: &Columns) -> Result<EncodedRowGroup> {
        let row_group = RowGroup::new(&self.file_schema, rows)?;
        let parts = row_group.parts(self.limits.threads * PARTS_PER_THREAD);
        let encode = |scratch: &mut EncodeScratch, part| row_group.encode(part, scratch);
        let parts = parts.into_par_iter().map_init(EncodeScratch::default, encode).collect::<Result<_>>()?;
        Ok(row_group.from_parts(parts))
    }

    /// Keeps the memory of encoded rows for later ones, within `Budget::spare`.
    fn recycle(&self, rows: Columns) {
        let mut state = self.lock();
        if state.huge != Oversized::None {
            return;
        }
        let spare: usize = state.spare_rows.iter().map(Columns::byte_capacity).sum();
        if spare + rows.byte_capacity() <= self.limits.budget.spare && state.spare_rows.len() < RowBuffers::MAX_SPARE {
            state.spare_rows.push(rows);
        }
    }
}
