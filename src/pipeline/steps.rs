//! The steps of the workers.

use std::{
    mem,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
};

use rayon::{ThreadPool, prelude::*};

use super::{
    FooterOf, MAX_BLOCKS_PER_THREAD, MAX_SPARE_BYTES, Run, Staged,
    account::{Account, LineNumbers},
    background_sync::BackgroundSync,
    files::FileSet,
    in_order::{InOrder, Ready},
    memory::Budget,
    state::{Arrived, Job, Limits, Oversized, SpilledPiece, State, Step},
};
use crate::{
    columns::{ColumnShape, Columns},
    dataset::FileSystem,
    decode::{Block, Decoder},
    encode::{EncodeScratch, EncodedRowGroup, FileSchema, Footer, RowGroup, SyncWhen, encode_row_group},
    error::{Error, Result},
    input::{
        Framing, Piece, RecordBlock,
        discover::total_bytes,
        reader::{BlockReader, ReadStep},
    },
    observe::{Observer, Progress, Stage},
    partition::{Router, RowBuffers, WaitingRows},
    report::StageSeconds,
    spill::{self, SpillFiles},
};

/// Everything that the workers share.
pub(super) struct Steps<'a> {
    state: Mutex<State<'a>>,
    /// Notified when waiting workers should look for work again.
    changed: Condvar,
    files: FileSet,
    decoder: Decoder,
    file_names: Vec<String>,
    input_bytes_total: Option<u64>,
    shapes: Vec<ColumnShape>,
    spilled: Mutex<SpillFiles>,
    file_schema: Arc<FileSchema>,
    /// File system of the staged files; it was opened before any of them was written.
    file_system: FileSystem,
    footer: FooterOf<'a>,
    limits: Limits,
    threads: usize,
    observer: &'a dyn Observer,
}

/// Scratch memory of a worker.
#[derive(Default)]
struct Scratch {
    encode: EncodeScratch,
    /// Empty columns for unpacking rows.
    columns: Option<Columns>,
}

/// A worker keeps the columns it unpacked rows into if they are at most this large, bytes: with small row groups,
/// making new columns costs more than filling them.
const MAX_UNPACKED_BYTES: usize = 256 << 10;

/// Split a shared row group into this many parts per thread, since column costs vary.
const PARTS_PER_THREAD: usize = 4;

impl<'a> Steps<'a> {
    pub fn new(run: Run<'a>) -> Result<Self> {
        let threads = run.threads.max(1);
        let budget =
            Budget::new(run.memory_bytes, !run.file_schema.sort_by().is_empty(), run.file_schema.is_compressed());
        let file_names: Vec<String> = run.inputs.iter().map(|input| input.name.clone()).collect();
        let input_bytes_total = total_bytes(&run.inputs);
        let account = Account::new(&run.inputs, run.read, run.max_rejects, run.rejects);
        let in_order = InOrder::new(
            account,
            Router::new(run.partitions, run.shapes.len()),
            RowBuffers::new(run.shapes.clone(), run.row_group_rows).with_row_group_bytes(budget.idle, budget.row_group),
            budget,
            run.file_schema.columns().to_vec(),
        );
        let reader = BlockReader::new(run.inputs, run.read)
            .with_observer(run.observer)
            .announcing_long_records(budget.huge_block);
        let file_system = FileSystem::containing(&run.staging)?;
        let background_sync = BackgroundSync::start();
        Ok(Self {
            state: Mutex::new(State::new(reader, in_order)),
            changed: Condvar::new(),
            spilled: Mutex::new(SpillFiles::new(run.staging.clone())),
            files: FileSet::new(
                run.staging,
                Arc::clone(&run.file_schema),
                run.target_file_bytes,
                budget.row_groups_of_file(run.file_schema.num_leaves()),
                background_sync,
            ),
            decoder: Decoder::new(run.plan),
            file_names,
            input_bytes_total,
            shapes: run.shapes,
            file_schema: run.file_schema,
            file_system,
            footer: run.footer,
            threads,
            limits: Limits { blocks: threads * MAX_BLOCKS_PER_THREAD, waiting_row_groups: threads, budget },
            observer: run.observer,
        })
    }

    /// Works until nothing is left to do or something failed.
    pub fn work(&self) {
        let _wakes_others = WakeOthers(self);
        let mut decoder = self.decoder.clone();
        let mut scratch = Scratch::default();
        let mut busy = StageSeconds::default();
        loop {
            let step = self.next_step();
            let begun = self.observer.clock();
            let (result, spent) = match step {
                Step::Encode(job, is_shared) => (self.encode(&mut scratch, job, is_shared), &mut busy.encode),
                Step::Route(in_order, arrived) => (self.route(*in_order, arrived), &mut busy.route),
                Step::MakeRoom(in_order) => {
                    self.make_room(*in_order);
                    (Ok(()), &mut busy.route)
                }
                Step::Read(reader, recycled, columns) => {
                    self.read_and_decode(&mut decoder, *reader, (recycled, columns), &mut busy);
                    continue;
                }
                Step::ReadHuge(reader) => {
                    self.observer.before_large_allocation();
                    self.read_and_decode(&mut decoder, *reader, (None, None), &mut busy);
                    continue;
                }
                Step::Done => {
                    self.lock().busy += busy;
                    return;
                }
                Step::ReadSpilled(piece, spilled, bytes) => (self.read_spilled(piece, spilled, bytes), &mut busy.route),
            };
            *spent += self.observer.clock().saturating_sub(begun).as_secs_f64();
            if let Err(error) = result {
                self.fail(error);
            }
        }
    }

    /// Reads a piece and decodes it on the same worker, while its text is in the cache.
    fn read_and_decode(
        &self,
        decoder: &mut Decoder,
        reader: BlockReader<'a>,
        (text, columns): (Option<Vec<u8>>, Option<Columns>),
        busy: &mut StageSeconds,
    ) {
        let begun = self.observer.clock();
        let block = self.read(reader, text);
        let read = self.observer.clock();
        if let Some(block) = block {
            self.decode(decoder, block, columns);
        } else {
            // Kept for reuse: each of many small inputs ends with a piece that is not a block.
            self.lock().spare_columns.extend(columns);
        }
        busy.read += read.saturating_sub(begun).as_secs_f64();
        busy.decode += self.observer.clock().saturating_sub(read).as_secs_f64();
    }

    /// Checks and returns the result when all workers have returned.
    pub fn finish(self, pool: ThreadPool) -> Result<Staged> {
        let state = self.state.into_inner().unwrap_or_else(PoisonError::into_inner);
        if let Some(error) = state.error {
            return Err(error);
        }
        let Some((account, router, num_values)) = state.in_order.map(InOrder::finish) else {
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

    /// Waits for work and takes it. The step nearest to the output comes first, so that memory is freed before more is
    /// taken.
    fn next_step(&self) -> Step<'a> {
        // Asked before taking the lock, so that the other workers do not wait for the answer.
        let stops = self.observer.stop_requested();
        let mut state = self.lock();
        if stops && state.error.is_none() {
            state.error = Some(Error::Interrupted);
            self.changed.notify_all();
        }
        loop {
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

    /// Reads the next piece; returns it if it is a block to be decoded.
    fn read(&self, mut reader: BlockReader<'a>, recycled: Option<Vec<u8>>) -> Option<(u64, RecordBlock, LineNumbers)> {
        let result = reader.next_step(recycled);
        let lines = if reader.is_in_rejects_file() { LineNumbers::Documents } else { LineNumbers::Counted };
        let mut state = self.lock();
        state.bytes_read = reader.bytes_read();
        let piece = state.next_piece;
        let mut to_decode = None;
        // A huge block sets it again below; it then stays set until the block was routed.
        state.huge = Oversized::None;
        match result {
            Ok(ReadStep::LongRecord) => state.huge = Oversized::Pending,
            Ok(ReadStep::Piece(None)) => state.read_to_end = true,
            Ok(ReadStep::Piece(Some(Piece::Block(block)))) => {
                state.next_piece += 1;
                state.pieces += 1;
                state.piece_bytes += Budget::block_of(block.bytes.len());
                if self.is_huge(&block) {
                    state.huge = Oversized::Admitted;
                }
                to_decode = Some((piece, block, lines));
            }
            Ok(ReadStep::Piece(Some(Piece::Unreadable(unreadable)))) => {
                // Charged twice, since it is copied for the rejects file.
                let bytes = 2 * unreadable.raw.as_ref().map_or(0, Vec::len);
                state.piece_bytes += bytes;
                state.arrive(piece, Arrived::Unreadable { unreadable, lines, bytes });
            }
            Ok(ReadStep::Piece(Some(Piece::EndOfInput { input, bytes, digest, text_digest }))) => {
                state.arrive(piece, Arrived::EndOfInput { input, bytes, digest, text_digest });
            }
            // It is reported in input order, since an earlier record may be refused.
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
        to_decode
    }

    fn decode(
        &self,
        decoder: &mut Decoder,
        (piece, mut block, lines): (u64, RecordBlock, LineNumbers),
        columns: Option<Columns>,
    ) {
        let columns = columns.unwrap_or_else(|| Columns::new(&self.shapes));
        decoder.set_max_flattened_bytes(self.limits.budget.max_flattened(block.bytes.len()));
        let framing = mem::replace(&mut block.framing, Framing::Lines);
        let place = Block { bytes: &[], framing: &framing, file: &self.file_names[block.input], offset: block.offset };
        let mut decoded = decoder.decode_in_place(&mut block.bytes, place, columns);
        block.framing = framing;
        if decoded.columns.num_rows == 0 && decoded.columns.byte_capacity() > MAX_SPARE_BYTES {
            // A huge record was refused; recording the reject needs the memory.
            decoded.columns = Columns::new(&self.shapes);
        }
        let bytes = block.bytes.len() + decoded.byte_capacity();
        let mut state = self.lock();
        state.piece_bytes += bytes;
        state.last_piece_bytes = bytes.max(Budget::block_of(block.bytes.len()));
        state.piece_bytes -= Budget::block_of(block.bytes.len());
        state.arrived.insert(piece, Arrived::Decoded { block, decoded, lines, bytes });
        drop(state);
        self.changed.notify_all();
    }

    fn read_spilled(&self, piece: u64, spilled: SpilledPiece, bytes: usize) -> Result<()> {
        let arrived = match spilled {
            SpilledPiece::Batch(share, number, _) => {
                if bytes > self.limits.budget.blocks {
                    self.observer.before_large_allocation();
                }
                let batch = self.spill_files().batch(share, number)?;
                let rows = spill::decode(&batch.read()?)?;
                Arrived::Spilled { share, rows, bytes }
            }
            SpilledPiece::EndOfShare(share) => Arrived::EndOfShare(share),
        };
        self.lock().arrived.insert(piece, arrived);
        self.changed.notify_all();
        Ok(())
    }

    /// Routes the next piece to its partitions; at the end (no piece) makes row groups of all rows that still wait.
    fn route(&self, mut in_order: InOrder, arrived: Option<Arrived>) -> Result<()> {
        // The memory charged for the piece, and the parts of it that can be reused.
        let mut piece_bytes = 0;
        let (mut text, mut columns, mut is_huge) = (None, None, false);
        let mut ready = Vec::new();
        let mut spilled = None;
        let at_end = arrived.is_none();
        match arrived {
            Some(Arrived::Failed(error)) => {
                // The unfinished document before it is refused first.
                in_order.account.end_document()?;
                return Err(error);
            }
            Some(Arrived::Unreadable { unreadable, lines, bytes }) => {
                piece_bytes = bytes;
                in_order.account.unreadable(unreadable, lines)?;
            }
            Some(Arrived::EndOfInput { input, bytes, digest, text_digest }) => {
                in_order.account.end_of_input(input, bytes, digest, text_digest)?;
            }
            Some(Arrived::Decoded { block, mut decoded, lines, bytes }) => {
                piece_bytes = bytes;
                is_huge = self.is_huge(&block);
                in_order.account.block(&block, &mut decoded, lines)?;
                // A huge text is freed here, before its rows are copied.
                text = Some(block.bytes).filter(|text| text.capacity() <= MAX_SPARE_BYTES);
                in_order.rows(&mut decoded.columns, &mut ready)?;
                columns = Some(decoded.columns).filter(|columns| columns.byte_capacity() <= MAX_SPARE_BYTES);
            }
            Some(Arrived::Spilled { share, rows, bytes }) => {
                piece_bytes = bytes;
                is_huge = bytes > self.limits.budget.blocks;
                in_order.spilled(share, &rows, &mut ready);
            }
            Some(Arrived::EndOfShare(share)) => {
                in_order.end_of_share(share, &mut ready);
                self.spill_files().remove(share)?;
            }
            None => {
                // All inputs are known now, and with them the run id.
                let (totals, num_partitions) = in_order.so_far();
                let sync =
                    if self.file_system.is_synced_for(num_partitions) { SyncWhen::Later } else { SyncWhen::Each };
                self.files.set_footer(Footer { key_values: (self.footer)(totals), sync });
                spilled = in_order.end_of_input(&mut ready);
            }
        }
        self.submit_jobs(in_order, ready, if at_end { Stage::Finishing } else { Stage::Converting }, |state| {
            state.routed_to_end = at_end && spilled.is_none();
            for (share, sizes) in spilled.into_iter().flatten().enumerate() {
                state.read_to_end = false;
                let batches = (0..).zip(sizes).map(|(number, size)| SpilledPiece::Batch(share, number, size));
                state.spilled.extend(batches);
                state.spilled.push_back(SpilledPiece::EndOfShare(share));
            }
            state.piece_bytes -= piece_bytes;
            if is_huge {
                state.huge = Oversized::None;
            }
            if let Some(text) = text
                && state.spare_bytes.len() < self.limits.blocks
            {
                state.spare_bytes.push(text);
                state.spare_columns.extend(columns);
            }
            state.pieces -= usize::from(!at_end);
        });
        Ok(())
    }

    /// Evicts rows before a huge block.
    fn make_room(&self, mut in_order: InOrder) {
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

    /// Whether a block takes so much memory that it is processed alone.
    const fn is_huge(&self, block: &RecordBlock) -> bool {
        block.bytes.len() > self.limits.budget.huge_block
    }

    fn jobs(&self, ready: Vec<Ready>) -> Vec<Job> {
        let job = |ready| match ready {
            Ready::RowGroup(partition, rows) => Job::RowGroup(self.files.ticket(partition, false), rows),
            Ready::LastRowGroup(partition, rows) => Job::RowGroup(self.files.ticket(partition, true), rows),
            Ready::Batch(share, number, rows) => Job::Spill(share, number, rows),
        };
        ready.into_iter().map(job).collect()
    }

    fn encode(&self, scratch: &mut Scratch, job: Job, is_shared: bool) -> Result<()> {
        let (is_spill, memory) = (matches!(job, Job::Spill(..)), job.memory(&self.limits.budget));
        if memory > self.limits.budget.encoding {
            self.observer.before_large_allocation();
        }
        let result = match job {
            Job::RowGroup(ticket, rows) => {
                let group = self.encode_row_group(scratch, rows, is_shared);
                group.and_then(|group| self.files.append(ticket, group))
            }
            Job::Spill(share, number, rows) => {
                let batch = spill::encode(rows);
                batch.and_then(|batch| self.spill_files().append(share, number, &batch))
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
        rows.unpack(|| scratch.columns.take().unwrap_or_else(|| Columns::new(&self.shapes)))?;
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
        let parts = row_group.parts(self.threads * PARTS_PER_THREAD);
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

/// Fails the run if a worker panics, so that the others do not wait forever for its result.
struct WakeOthers<'s, 'a>(&'s Steps<'a>);

impl Drop for WakeOthers<'_, '_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.fail(Error::Bug("a worker panicked".into()));
        }
    }
}
