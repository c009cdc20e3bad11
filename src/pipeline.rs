//! Who feeds whom: three threads, joined by bounded queues.
//!
//! The *reader* fills batches of frames; the *worker* decodes them, keeps the flow table and matches; the *desk* writes
//! flows and names and gathers incidents. Reading files never drops: a full queue is waited for. Empty batches go back to
//! the reader through a pool, so that steady work allocates none.

mod desk;
mod reader;
mod standing;
mod watch;
mod worker;

pub(crate) use desk::{Desk, DeskReport, PROTOCOL_KINDS};
pub(crate) use reader::ReaderReport;
pub(crate) use watch::{Learnt, Look, NAME_KINDS, Watch, WatchCounts};
pub(crate) use worker::{Worker, WorkerReport};

use anyhow::{Result, anyhow};
use crossbeam::channel::bounded;
use crossbeam::queue::ArrayQueue;
use weir_capture::Reader;
use weir_rules::Incidents;

/// Batches under way between two threads: enough that neither waits for the other's every hiccup, few enough that
/// they stay in the cache and, at the most bytes a batch may hold, in a few megabytes.
const BATCHES_UNDER_WAY: usize = 8;

/// What every stage has to say at the end.
pub(crate) struct Reports {
    pub reader: ReaderReport,
    pub worker: WorkerReport,
    pub desk: DeskReport,
    pub incidents: Incidents,
}

/// Runs the three threads until the input is over.
pub(crate) fn run(reader: Reader, worker: Worker, desk: Desk) -> Result<Reports> {
    let (full_out, full_in) = bounded(BATCHES_UNDER_WAY);
    let (learnt_out, learnt_in) = bounded(BATCHES_UNDER_WAY);
    let spare = ArrayQueue::new(2 * BATCHES_UNDER_WAY);
    std::thread::scope(|scope| {
        let spare = &spare;
        let reader = scope.spawn(move || reader::run(reader, &full_out, spare));
        let worker = scope.spawn(move || worker.run(&full_in, spare, &learnt_out));
        let (incidents, desk) = desk.run(learnt_in)?;
        let reader = reader.join().map_err(|_| anyhow!("the reader thread broke down"))?;
        let worker = worker.join().map_err(|_| anyhow!("the worker thread broke down"))?;
        Ok(Reports { reader, worker, desk, incidents })
    })
}
