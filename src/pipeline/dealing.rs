//! Several workers on one input: its packets are dealt to them by a hash of their ends, and results are as with one.
//!
//! There is no thread for dealing: the worker whose inbox runs low takes the [`Dealer`] out of the [`Lanes`], walks the input a
//! little way and fills all inboxes. Inboxes are bounded; while one is full nobody deals, and who has nothing to do
//! sleeps. Whoever owns the full inbox has work, so somebody always goes on.

mod dealer;
mod lanes;
mod part;

pub(super) use dealer::Dealer;
pub(super) use part::Part;

use super::round::{News, Teller};
use super::watch::Learnt;
use super::worker::{Worker, WorkerReport};
use crossbeam::channel::Sender;
use crossbeam::queue::ArrayQueue;
use lanes::{Lanes, Task};
use std::sync::Arc;
use weir_flow::PassiveDns;

/// Works on what is dealt to each of the workers until the input is over or the desk is gone; gives the dealer back, for its
/// books, and the reports of all.
pub(super) fn run(
    dealer: Dealer,
    workers: Vec<Worker>,
    passive_dns: Arc<PassiveDns>,
    (learnt, spare): (&Sender<News>, &ArrayQueue<Learnt>),
) -> (Option<Dealer>, Vec<Option<WorkerReport>>) {
    let lanes = Lanes::new(dealer, workers.len(), passive_dns);
    let reports = std::thread::scope(|scope| {
        let lanes = &lanes;
        let start = |(index, worker): (usize, Worker)| {
            let name = format!("worker {index}");
            let desk = Teller::new(learnt, index, spare);
            let run = move || run_worker(worker, index, lanes, desk);
            std::thread::Builder::new().name(name).spawn_scoped(scope, run)
        };
        let threads: Vec<_> = workers.into_iter().enumerate().map(start).collect();
        if threads.iter().any(Result::is_err) {
            lanes.abort();
        }
        let join = |thread: std::io::Result<std::thread::ScopedJoinHandle<'_, _>>| thread.ok()?.join().ok();
        threads.into_iter().map(join).collect()
    });
    (lanes.into_dealer(), reports)
}

/// One worker's thread.
fn run_worker(mut worker: Worker, index: usize, lanes: &Lanes, mut desk: Teller<'_>) -> WorkerReport {
    let guard = lanes.guard();
    let mut tell = |round, learnt| {
        if !desk.tell(round, learnt) {
            lanes.abort();
        }
    };
    let mut end = None;
    loop {
        match lanes.next(index) {
            Task::Part(part) => {
                worker.part(&part);
                if let Some(closed) = part.closes() {
                    worker.close_round(&closed.clock);
                    lanes.closed(index, closed.round + 1);
                    end = Some(*closed);
                }
                lanes.give_back(part);
            }
            Task::Resolve(round) => {
                worker.resolve(round);
                lanes.resolved(index, round + 1);
                tell(round, worker.take_round());
            }
            Task::Over => break,
        }
    }
    if let Some(end) = end {
        worker.finish(&end, tell);
        desk.finish();
    }
    drop(guard);
    worker.report()
}
