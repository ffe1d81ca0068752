//! The steps of the workers.

mod encode;
mod read;
mod route;

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use rayon::ThreadPool;

use self::encode::Scratch;
use super::{
    FooterOf, Run, Staged,
    account::Account,
    background_sync::BackgroundSync,
    files::FileSet,
    in_order::InOrder,
    memory::Budget,
    state::{Limits, State, Step},
};
use crate::{
    dataset::FileSystem,
    decode::Decoder,
    encode::FileSchema,
    error::{Error, Result},
    input::{RecordBlock, discover::total_bytes, reader::BlockReader},
    observe::Observer,
    partition::{Router, RowBuffers},
    report::StageSeconds,
    spill::SpillFiles,
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
    spilled: Mutex<SpillFiles>,
    file_schema: Arc<FileSchema>,
    /// File system of the staged files; it was opened before any of them was written.
    file_system: FileSystem,
    footer: FooterOf<'a>,
    limits: Limits,
    observer: &'a dyn Observer,
}

impl<'a> Steps<'a> {
    pub fn new(run: Run<'a>) -> Result<Self> {
        let budget =
            Budget::new(run.memory_bytes, !run.file_schema.sort_by().is_empty(), run.file_schema.is_compressed());
        let file_names: Vec<String> = run.inputs.iter().map(|input| input.name.clone()).collect();
        let input_bytes_total = total_bytes(&run.inputs);
        let account = Account::new(&run.inputs, run.read, run.max_rejects, run.rejects);
        let in_order = InOrder::new(
            account,
            Router::new(run.partitions, run.plan.shapes.len()),
            RowBuffers::new(run.plan.shapes.clone(), run.row_group_rows)
                .with_row_group_bytes(budget.idle, budget.row_group),
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
            file_schema: run.file_schema,
            file_system,
            footer: run.footer,
            limits: Limits { budget, threads: run.threads.max(1) },
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
                Step::Decode(block, columns) => {
                    self.decode(&mut decoder, block, columns);
                    (Ok(()), &mut busy.decode)
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

    /// Waits for work and takes it. Apart from reading ahead, the step nearest to the output comes first, so that memory
    /// is freed before more is taken.
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

    /// Whether a block takes so much memory that it is processed alone.
    const fn is_huge(&self, block: &RecordBlock) -> bool {
        block.bytes.len() > self.limits.budget.huge_block
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
