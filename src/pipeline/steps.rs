//! The steps that workers do.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use rayon::ThreadPool;

use super::{
    BLOCKS_SHARE, FooterOf, MAX_BLOCKS_PER_THREAD, MAX_SPARE_BYTES, Run, SPARE_ROW_GROUP_LIMITS, Staged,
    account::{Account, LineNumbers},
    files::FileSet,
    merge::{Merge, MergeLimits, PARTITION, Ready},
    state::{Arrived, Job, Limits, SpilledPiece, State, Step},
};
use crate::{
    columns::{ColumnShape, Columns},
    dataset::FileSystem,
    decode::{Block, Decoder},
    encode::{EncodeScratch, FileSchema, Footer, Sync, encode_row_group},
    error::{Error, Result},
    input::{Piece, RecordBlock, discover::total_bytes, reader::BlockReader},
    observe::{Observer, Progress, Stage},
    partition::{Router, RowBuffers},
    report::StageSeconds,
    spill::{self, SpillFiles},
};

/// Everything the workers share.
pub(super) struct Steps<'a> {
    state: Mutex<State<'a>>,
    /// Something changed: look again.
    changed: Condvar,
    files: FileSet,
    decoder: Decoder,
    file_names: Vec<String>,
    input_bytes_total: Option<u64>,
    shapes: Vec<ColumnShape>,
    /// Shapes of spilled rows.
    spilled_shapes: Vec<ColumnShape>,
    spilled: Mutex<SpillFiles>,
    file_schema: Arc<FileSchema>,
    /// Of the staged files, opened before them.
    file_system: FileSystem,
    footer: FooterOf<'a>,
    limits: Limits,
    observer: &'a dyn Observer,
}

impl<'a> Steps<'a> {
    pub fn new(run: Run<'a>) -> Result<Self> {
        let threads = run.threads.max(1);
        let memory = usize::try_from(run.memory_bytes).unwrap_or(usize::MAX);
        let file_names: Vec<String> = run.inputs.iter().map(|input| input.name.clone()).collect();
        let input_bytes_total = total_bytes(&run.inputs);
        let account = Account::new(&file_names, run.read, run.max_rejects, run.rejects);
        let merge_limits = MergeLimits::new(memory);
        let merge = Merge::new(
            account,
            Router::new(run.partitions, run.shapes.len()),
            RowBuffers::new(run.shapes.clone(), run.row_group_rows),
            merge_limits,
            run.file_schema.columns().to_vec(),
        );
        let reader = BlockReader::new(run.inputs, run.read).with_observer(run.observer);
        let file_system = FileSystem::of(&run.staging)?;
        let mut spilled_shapes = run.shapes.clone();
        spilled_shapes.push(PARTITION);
        Ok(Self {
            state: Mutex::new(State::new(reader, merge)),
            changed: Condvar::new(),
            spilled: Mutex::new(SpillFiles::new(run.staging.clone())),
            spilled_shapes,
            files: FileSet::new(run.staging, Arc::clone(&run.file_schema), run.target_file_bytes),
            decoder: Decoder::new(run.plan),
            file_names,
            input_bytes_total,
            shapes: run.shapes,
            file_schema: run.file_schema,
            file_system,
            footer: run.footer,
            limits: Limits {
                blocks: threads * MAX_BLOCKS_PER_THREAD,
                block_bytes: memory / BLOCKS_SHARE as usize,
                batch_bytes: merge_limits.batch,
                waiting_row_groups: threads,
                spare_row_group: merge_limits.row_group * SPARE_ROW_GROUP_LIMITS,
            },
            observer: run.observer,
        })
    }

    /// Works until there is nothing left to do, or something failed.
    pub fn work(&self) {
        let _wakes_others = WakeOthers(self);
        let mut decoder = self.decoder.clone();
        let mut scratch = EncodeScratch::default();
        let mut busy = StageSeconds::default();
        loop {
            let step = self.next_step();
            let begun = self.observer.clock();
            let (result, spent) = match step {
                Step::Encode(job) => (self.encode(&mut scratch, job), &mut busy.encode),
                Step::Route(merge, arrived) => (self.route(*merge, arrived), &mut busy.route),
                Step::Decode(piece, block, lines, columns) => {
                    self.decode(&mut decoder, piece, block, lines, columns);
                    (Ok(()), &mut busy.decode)
                }
                Step::Read(reader, recycled) => {
                    self.read(*reader, recycled);
                    (Ok(()), &mut busy.read)
                }
                Step::Done => {
                    self.lock().busy += busy;
                    return;
                }
                Step::ReadSpilled(piece, spilled) => (self.read_spilled(piece, spilled), &mut busy.route),
            };
            *spent += self.observer.clock().saturating_sub(begun).as_secs_f64();
            if let Err(error) = result {
                self.fail(error);
            }
        }
    }

    /// What remains when all workers have returned.
    pub fn finish(self, pool: ThreadPool) -> Result<Staged> {
        let state = self.state.into_inner().unwrap_or_else(PoisonError::into_inner);
        if let Some(error) = state.error {
            return Err(error);
        }
        let Some((account, router, num_values)) = state.merge.map(Merge::finish) else {
            return Err(Error::Bug("the pipeline ended while rows were being routed".into()));
        };
        self.files.check_values(&num_values)?;
        let (mut totals, rejects) = account.finish()?;
        totals.partition_values_displaced = router.num_displaced();
        let spilled = self.spilled.into_inner().unwrap_or_else(PoisonError::into_inner);
        totals.spilled_bytes = spilled.bytes_written();
        let (file_system, staging) = (self.file_system, self.files.staging().to_owned());
        let (files, footer) = self.files.into_partitions(router.paths())?;
        Ok(Staged { totals, files, footer, rejects, busy: state.busy, pool, file_system, staging })
    }

    fn lock(&self) -> MutexGuard<'_, State<'a>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn spill_files(&self) -> MutexGuard<'_, SpillFiles> {
        self.spilled.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for work and takes it: the step nearest to the output first, so that memory is freed before more is taken.
    fn next_step(&self) -> Step<'a> {
        let mut state = self.lock();
        loop {
            if state.error.is_none() && self.observer.stop_requested() {
                state.error = Some(Error::Interrupted);
                self.changed.notify_all();
            }
            if let Some(step) = state.take_step(&self.limits) {
                return step;
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn fail(&self, error: Error) {
        self.lock().error.get_or_insert(error);
        self.changed.notify_all();
    }

    fn read(&self, mut reader: BlockReader<'a>, recycled: Option<Vec<u8>>) {
        let result = reader.next_piece(recycled);
        let lines = if reader.is_in_rejects_file() { LineNumbers::Documents } else { LineNumbers::Counted };
        let mut state = self.lock();
        state.bytes_read = reader.bytes_read();
        let piece = state.next_piece;
        match result {
            Ok(None) => state.read_to_end = true,
            Ok(Some(Piece::Block(block))) => {
                state.next_piece += 1;
                state.pieces += 1;
                state.piece_bytes += block.bytes.len();
                state.last_block_bytes = block.bytes.len();
                state.to_decode.push_back((piece, block, lines));
            }
            Ok(Some(other)) => state.arrive(piece, Arrived::Other(other, lines)),
            // Its turn comes after what was read before it: an earlier record may be refused.
            Err(error) => {
                state.read_to_end = true;
                state.arrive(piece, Arrived::Failed(error));
            }
        }
        if !state.read_to_end {
            state.reader = Some(reader);
        }
        drop(state);
        self.changed.notify_all();
    }

    fn decode(
        &self,
        decoder: &mut Decoder,
        piece: u64,
        block: RecordBlock,
        lines: LineNumbers,
        columns: Option<Columns>,
    ) {
        let columns = columns.unwrap_or_else(|| Columns::new(&self.shapes));
        let decoded = decoder.decode(
            Block {
                bytes: &block.bytes,
                framing: &block.framing,
                file: &self.file_names[block.input],
                offset: block.offset,
            },
            columns,
        );
        self.lock().arrived.insert(piece, Arrived::Decoded { block, decoded, lines });
        self.changed.notify_all();
    }

    fn read_spilled(&self, piece: u64, spilled: SpilledPiece) -> Result<()> {
        let arrived = match spilled {
            SpilledPiece::Batch(share, number) => {
                let batch = self.spill_files().batch(share, number)?;
                Arrived::Spilled(share, spill::decode(&batch.read()?, &self.spilled_shapes)?)
            }
            SpilledPiece::EndOfShare(share) => Arrived::EndOfShare(share),
        };
        self.lock().arrived.insert(piece, arrived);
        self.changed.notify_all();
        Ok(())
    }

    /// Takes one piece whose turn has come to its partitions, or, at the end, all rows that still wait to their row groups.
    fn route(&self, mut merge: Merge, arrived: Option<Arrived>) -> Result<()> {
        let mut bytes = None;
        let mut columns = None;
        let mut ready = Vec::new();
        let mut spilled = None;
        let mut spilled_bytes = 0;
        let at_end = arrived.is_none();
        match arrived {
            Some(Arrived::Failed(error)) => {
                // What stood before it in an unfinished document is refused first.
                merge.account.end_document()?;
                return Err(error);
            }
            Some(Arrived::Other(Piece::Unreadable(unreadable), lines)) => {
                merge.account.unreadable(unreadable, lines)?;
            }
            Some(Arrived::Other(Piece::EndOfInput { input, bytes, digest }, _)) => {
                merge.account.end_of_input(input, bytes, digest)?;
            }
            Some(Arrived::Other(Piece::Block(block), _)) => bytes = Some(block.bytes),
            Some(Arrived::Decoded { block, mut decoded, lines }) => {
                merge.block(&block, &mut decoded, lines, &mut ready)?;
                (bytes, columns) = (Some(block.bytes), Some(decoded.columns));
            }
            Some(Arrived::Spilled(share, rows)) => {
                spilled_bytes = self.limits.batch_bytes;
                merge.spilled(share, rows, &mut ready)?;
            }
            Some(Arrived::EndOfShare(share)) => {
                spilled_bytes = self.limits.batch_bytes;
                merge.end_of_share(share, &mut ready);
                self.spill_files().remove(share)?;
            }
            None => {
                // All inputs are known now, and with them the name of the run.
                let (totals, num_partitions) = merge.so_far();
                let sync = if self.file_system.is_synced_for(num_partitions) { Sync::Later } else { Sync::Each };
                self.files.set_footer(Footer { key_values: (self.footer)(totals), sync });
                spilled = merge.end_of_input(&mut ready);
            }
        }
        let progress = merge.progress(if at_end { Stage::Finishing } else { Stage::Converting });
        let jobs = ready.into_iter().map(|ready| match ready {
            Ready::RowGroup(partition, rows) => Job::RowGroup(self.files.ticket(partition, false), rows),
            Ready::LastRowGroup(partition, rows) => Job::RowGroup(self.files.ticket(partition, true), rows),
            Ready::Batch(share, number, rows) => Job::Spill(share, number, rows),
        });
        let jobs: Vec<Job> = jobs.collect();

        let mut state = self.lock();
        let progress =
            Progress { input_bytes: state.bytes_read, input_bytes_total: self.input_bytes_total, ..progress };
        state.routed_to_end = at_end && spilled.is_none();
        for (share, num_batches) in spilled.into_iter().flatten().enumerate() {
            state.read_to_end = false;
            state.spilled.extend((0..num_batches).map(|number| SpilledPiece::Batch(share, number)));
            state.spilled.push_back(SpilledPiece::EndOfShare(share));
        }
        state.to_spill += jobs.iter().filter(|job| matches!(job, Job::Spill(..))).count();
        state.to_encode.extend(jobs);
        state.merge = Some(merge);
        state.piece_bytes -= spilled_bytes;
        if let Some(bytes) = bytes {
            state.piece_bytes -= bytes.len();
            if state.spare_bytes.len() < self.limits.blocks && bytes.capacity() <= MAX_SPARE_BYTES {
                state.spare_bytes.push(bytes);
                state.spare_columns.extend(columns.filter(|columns| columns.byte_capacity() <= MAX_SPARE_BYTES));
            }
        }
        state.pieces -= usize::from(!at_end);
        drop(state);
        self.changed.notify_all();
        self.observer.progress(&progress);
        Ok(())
    }

    fn encode(&self, scratch: &mut EncodeScratch, job: Job) -> Result<()> {
        let is_spill = matches!(job, Job::Spill(..));
        let result = match job {
            Job::RowGroup(ticket, rows) => {
                let group = encode_row_group(&self.file_schema, &rows, scratch);
                // The rows make room before the bytes are written.
                self.recycle(rows);
                group.and_then(|group| self.files.append(ticket, group))
            }
            Job::Spill(share, number, rows) => {
                let batch = spill::encode(&rows);
                drop(rows);
                batch.and_then(|batch| self.spill_files().append(share, number, &batch))
            }
        };
        let mut state = self.lock();
        state.encoding -= 1;
        state.to_spill -= usize::from(is_spill);
        state.ahead = self.files.num_ahead();
        drop(state);
        self.changed.notify_all();
        result
    }

    /// Keeps the memory of encoded rows for rows to come.
    fn recycle(&self, rows: Columns) {
        let fits = rows.byte_capacity() <= self.limits.spare_row_group;
        let mut state = self.lock();
        if fits && state.spare_rows.len() < RowBuffers::MAX_SPARE {
            state.spare_rows.push(rows);
        }
    }
}

/// A worker that panics must not leave the others waiting for what it will never bring.
struct WakeOthers<'s, 'a>(&'s Steps<'a>);

impl Drop for WakeOthers<'_, '_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.fail(Error::Bug("a worker panicked".into()));
        }
    }
}
