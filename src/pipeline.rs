//! Who feeds whom: workers, who walk the input, and the desk, joined by a bounded queue.
//!
//! One *worker* alone ([`alone`]) walks the input, decodes, keeps flows and matches, all in one thread. Several deal its packets among
//! themselves ([`dealing`]). What they learn goes to the *desk* round by round ([`round`]), which writes flows and names and gathers
//! incidents in an order that depends on the input alone. Reading files never drops: a full queue is waited for.

mod alone;
mod census;
mod dealing;
mod desk;
mod open;
mod rendered;
mod round;
mod standing;
mod watch;
mod worker;

pub(crate) use census::{Census, PROTOCOL_KINDS};
pub(crate) use desk::{Desk, DeskReport};
pub(crate) use standing::{Ends, Standing};
pub(crate) use watch::{Learnt, Look, NAME_KINDS, Wanted, Watch, WatchCounts};
pub(crate) use worker::{WorkerConfig, WorkerReport};

use crate::latency::StageTimes;
use anyhow::{Context as _, Result, anyhow};
use crossbeam::channel::{Sender, bounded};
use crossbeam::queue::ArrayQueue;
use dealing::Dealer;
use round::{News, Teller};
use std::sync::Arc;
use weir_capture::{InputProblem, ReadStats, Reader};
use weir_flow::{FlowConfig, IcmpNotes, PassiveDns};
use weir_rules::Incidents;
use worker::Worker;

/// News of rounds under way from each worker to the desk: enough that neither waits for the other's every hiccup, few enough that
/// they are some megabytes.
const ROUNDS_UNDER_WAY: usize = 4;

/// What every stage has to say at the end.
pub(crate) struct Reports {
    pub reader: ReaderReport,
    /// Of all workers together.
    pub worker: WorkerReport,
    pub workers: usize,
    pub desk: DeskReport,
    pub incidents: Incidents,
}

/// What there is to say of the input at the end.
#[derive(Debug)]
pub(crate) struct ReaderReport {
    pub stats: ReadStats,
    pub problems: Vec<InputProblem>,
    /// Walking the input, and with several workers dealing it.
    pub times: StageTimes,
}

impl ReaderReport {
    fn new(reader: &Reader, times: StageTimes) -> Self {
        Self { stats: *reader.stats(), problems: reader.problems().to_vec(), times }
    }
}

/// Where what the desk has read waits to be filled again.
pub(crate) fn spare(workers: usize) -> Arc<ArrayQueue<Learnt>> {
    Arc::new(ArrayQueue::new(2 * workers.max(1) * ROUNDS_UNDER_WAY))
}

/// Works until the input is over.
pub(crate) fn run(reader: Reader, config: WorkerConfig, workers: usize, desk: Desk) -> Result<Reports> {
    let workers = workers.max(1);
    let (learnt_out, learnt_in) = bounded(workers * ROUNDS_UNDER_WAY);
    let spare = Arc::clone(&config.spare);
    std::thread::scope(|scope| {
        let work = std::thread::Builder::new().name("worker".to_owned());
        let work = work.spawn_scoped(scope, move || match workers {
            1 => Some(work_alone(reader, config, &learnt_out)),
            _ => work_together(reader, config, workers, &learnt_out),
        });
        let work = work.context("cannot start a thread")?;
        let (incidents, desk) = desk.run(learnt_in, workers, &spare)?;
        let (reader, worker) =
            work.join().ok().flatten().ok_or_else(|| anyhow!("a worker's thread broke down"))?;
        Ok(Reports { reader, worker, workers, desk, incidents })
    })
}

fn work_alone(reader: Reader, config: WorkerConfig, learnt: &Sender<News>) -> (ReaderReport, WorkerReport) {
    let spare = Arc::clone(&config.spare);
    let desk = Teller::new(learnt, 0, &spare);
    let (reader, worker, times) = alone::run(reader, Worker::new(config), desk);
    (ReaderReport::new(&reader, times), worker)
}

/// `None` when a worker broke down.
fn work_together(
    reader: Reader,
    config: WorkerConfig,
    count: usize,
    learnt: &Sender<News>,
) -> Option<(ReaderReport, WorkerReport)> {
    let passive_dns = Arc::new(PassiveDns::new(config.flow.passive_dns.clone()));
    let dealer = Dealer::new(reader, config.decode.clone(), count);
    let share = WorkerConfig {
        flow: share_of(&config.flow, count),
        passive_dns: Some(Arc::clone(&passive_dns)),
        ..config
    };
    let workers = std::iter::repeat_with(|| Worker::new(share.clone())).take(count).collect();
    let (dealer, reports) = dealing::run(dealer, workers, passive_dns, (learnt, &share.spare));
    let dealer = dealer?;
    let mut reports = reports.into_iter();
    let mut worker = reports.next()??;
    for report in reports {
        worker.add(&report?);
    }
    let dealt = dealer.report();
    worker.decode.add(&dealt.decode);
    worker::widen(&mut worker.span, dealt.span);
    Some((ReaderReport::new(dealer.reader(), dealt.times), worker))
}

/// What one of several workers may use: an equal part of everything that is not shared.
pub(crate) fn share_of(config: &FlowConfig, workers: usize) -> FlowConfig {
    FlowConfig {
        table_bytes: config.table_bytes / workers,
        facts_bytes: config.facts_bytes / workers,
        held_bytes_in_all: config.held_bytes_in_all / workers,
        max_stream_readers: config.max_stream_readers.div_ceil(workers),
        max_datagram_readers: config.max_datagram_readers.div_ceil(workers),
        icmp_notes: IcmpNotes::FromOutside,
        ..config.clone()
    }
}
