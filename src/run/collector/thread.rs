//! A collector's thread: from what its exporters send to what is learnt of it.

use super::exporters::Exporters;
use super::notices::Crier;
use super::templates::{Changes, Templates};
use super::terms::{Agreed, Terms};
use crate::canary::Aviary;
use crate::collect::Collector;
use crate::latency::StageTimes;
use crate::output::complain;
use crate::pipeline::Look;
use crate::run::arming::Follower;
use crate::run::board::{Board, CollectorView};
use crate::run::clock;
use crate::run::outbox::Outbox;
use crate::run::pace::Pace;
use crate::run::tables::Peers;
use crate::supervisor;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use weir_capture::collector::{Arrival, CollectorWorker, Datagram, DatagramBatch, Received};
use weir_model::Timestamp;
use weir_rules::IndicatorSet;

/// How often a thread looks at what time alone changes: flows that end by it, lines that wait.
const ROUND: Duration = Duration::from_millis(100);
/// Every so many rounds, what is counted is put up: there may be thousands of exporters to add up.
const ROUNDS_PER_SHOW: u64 = 5;
/// Steps of ending flows in a round, each of 2,048 flows at most: so many that a third of a million can end in a second.
const EXPIRY_STEPS: usize = 16;
/// Every so many rounds, all open flows that met an indicator are looked at again.
const ROUNDS_PER_LOOK_AT_ALL: u64 = 10;

/// What a collector's thread owns.
pub(in crate::run) struct CollectorThread {
    pub(super) index: usize,
    /// Its place among all who say how far they have come.
    pub(super) peer: usize,
    pub(super) follower: Follower,
    /// What open flows are to be compared with when all threads compare with the set that it came with.
    pub(super) to_sweep: Vec<Arc<IndicatorSet>>,
    pub(super) aviary: Aviary,
    pub(super) worker: CollectorWorker,
    pub(super) collector: Collector,
    pub(super) outbox: Outbox,
    pub(super) board: Arc<Board>,
    pub(super) peers: Arc<Peers>,
    pub(super) terms: Arc<Terms>,
    /// What of them its decoder knows.
    pub(super) agreed: Arc<Agreed>,
    pub(super) done: Done,
    /// Where templates are kept, if they are.
    pub(super) templates: Option<Arc<Templates>>,
}

/// What it works with meanwhile.
struct Going {
    crier: Crier,
    changes: Changes,
    passed: Timestamp,
    times: StageTimes,
    sweeps: StageTimes,
}

impl CollectorThread {
    /// Works until the collector is stopped and all that had been sent is done.
    #[expect(clippy::disallowed_methods, reason = "rounds are cut by time")]
    pub(in crate::run) fn run(mut self) {
        let mut going = Going {
            crier: Crier::default(),
            changes: Changes::default(),
            passed: clock::now(),
            times: StageTimes::new(),
            sweeps: StageTimes::new(),
        };
        let mut batch = DatagramBatch::new();
        let mut rounds = 0_u64;
        let mut closes = Instant::now();
        let pulse = supervisor::pulse(format!("collector {}", self.index));
        loop {
            pulse.beat();
            let received = self.worker.receive(&mut batch, ROUND);
            self.follow();
            match received {
                Received::Arrivals => self.batch(&batch, &mut going),
                Received::Nothing => going.passed = going.passed.max(clock::now() - ROUND),
                Received::Ended => break,
            }
            self.sweep(Pace::beside(batch.len()), &mut going);
            let now = Instant::now();
            if now >= closes {
                closes = now + ROUND;
                rounds += 1;
                if let Some(number) = self.aviary.next(now) {
                    self.collector.canary(number, going.passed);
                }
                self.round(rounds, &mut going);
            }
        }
        self.finish(&mut going);
    }

    /// Compares with the set that counts from here on.
    fn follow(&mut self) {
        if let Some(armed) = self.follower.news() {
            self.collector.follow(Arc::clone(&armed.set), &armed.site);
            self.follower.has_taken();
            self.to_sweep.push(Arc::clone(&armed.added));
        }
    }

    /// Compares open flows with what came with the last sets, for a while; a longer one when there is nothing else to do. Threads share
    /// the flows, so a flow that another begins with an old set must be behind all of them.
    fn sweep(&mut self, pace: Pace, going: &mut Going) {
        let Self { collector, follower, to_sweep, .. } = self;
        if !to_sweep.is_empty() && follower.have_all_taken() {
            to_sweep.drain(..).for_each(|added| collector.begin_sweep(&added));
            if !collector.is_sweeping() {
                follower.has_swept();
            }
        }
        if !collector.is_sweeping() {
            return;
        }
        going.sweeps.measure(|| {
            pace.step(|slots| {
                collector.sweep(going.passed, slots);
                collector.is_sweeping()
            });
            collector.stand(Look::Changed);
        });
        if !collector.is_sweeping() && to_sweep.is_empty() {
            follower.has_swept();
        }
        self.outbox.take(self.collector.take_learnt());
    }

    fn batch(&mut self, batch: &DatagramBatch, going: &mut Going) {
        let Going { times, passed, .. } = going;
        let Self { collector, .. } = self;
        times.measure(|| {
            for arrival in batch.iter() {
                match arrival {
                    Arrival::Datagram(datagram) => {
                        *passed = datagram.received.max(*passed);
                        take(collector, &datagram);
                    }
                    Arrival::SessionEnded { exporter, session, .. } => {
                        collector.session_ended(exporter, session.0);
                    }
                }
            }
            collector.stand(Look::Changed);
        });
        self.outbox.heard_at(*passed);
        self.outbox.take(self.collector.take_learnt());
    }

    /// Goes by what is agreed of exporters at this moment.
    fn agree(&mut self) {
        let agreed = self.terms.agreed();
        if !Arc::ptr_eq(&agreed, &self.agreed) {
            agreed.teach(self.collector.decoder());
            self.agreed = agreed;
        }
    }

    /// Time has gone on.
    fn round(&mut self, rounds: u64, going: &mut Going) {
        self.agree();
        let Going { times, passed, crier, .. } = going;
        let Self { collector, .. } = self;
        let look = if rounds.is_multiple_of(ROUNDS_PER_LOOK_AT_ALL) { Look::All } else { Look::Changed };
        times.measure(|| {
            let mut steps = 0..EXPIRY_STEPS;
            while collector.expire(*passed) && steps.next().is_some() {}
            collector.stand(look);
        });
        self.outbox.take(self.collector.take_learnt());
        self.outbox.send_lines();
        self.peers.pass(self.peer, *passed);
        for (exporter, notice) in self.collector.take_notices() {
            let is_named = self.agreed.named.binary_search(&exporter).is_ok();
            crier.take(*passed, exporter, notice, is_named);
        }
        crier.lines(*passed).iter().for_each(|line| complain(line));
        if rounds.is_multiple_of(ROUNDS_PER_SHOW) {
            self.keep_templates(going, false);
            self.show(going, false);
        }
    }

    /// Nothing more will come. The last of the threads ends all flows, in the order in which they began.
    fn finish(&mut self, going: &mut Going) {
        let Self { collector, .. } = self;
        let learnt = going.times.measure(|| collector.take_learnt());
        self.outbox.finish(learnt);
        if self.done.is_last() {
            let Self { collector, .. } = self;
            going.times.measure(|| collector.finish());
            let learnt = self.collector.take_learnt();
            self.outbox.finish(learnt);
        }
        self.keep_templates(going, true);
        self.show(going, true);
    }

    fn keep_templates(&mut self, going: &mut Going, is_last: bool) {
        if let Some(templates) = &self.templates {
            going.changes.keep(templates, self.index, self.collector.decoder(), is_last);
        }
    }

    fn show(&mut self, going: &Going, is_last: bool) {
        let exporters = Exporters::of(self.collector.decoder(), &self.agreed.named, going.passed);
        let view = CollectorView {
            report: if is_last { self.collector.report() } else { self.collector.counts() },
            exporters,
            sent: self.outbox.sent(),
            times: going.times.clone(),
            sweeps: going.sweeps.clone(),
        };
        self.board.put_collector(self.index, view);
    }
}

fn take(collector: &mut Collector, datagram: &Datagram<'_>) {
    let exporter = datagram.from.ip();
    // What is refused is counted by its reason.
    let _ = match datagram.stream {
        None => collector.datagram(exporter, datagram.received, datagram.bytes),
        Some(session) => collector.message(exporter, session.0, datagram.received, datagram.bytes),
    };
}

/// Tells who of several threads is done last: what they share is over then. A thread that breaks down counts as done.
#[derive(Debug)]
pub(super) struct Done {
    going: Arc<AtomicUsize>,
    is_told: bool,
}

impl Done {
    /// For each of so many threads.
    pub(super) fn for_each(threads: usize) -> Vec<Self> {
        let going = Arc::new(AtomicUsize::new(threads));
        (0..threads).map(|_| Self { going: Arc::clone(&going), is_told: false }).collect()
    }

    /// This thread is done; whether all others are.
    fn is_last(&mut self) -> bool {
        !std::mem::replace(&mut self.is_told, true) && self.going.fetch_sub(1, Ordering::AcqRel) == 1
    }
}

impl Drop for Done {
    fn drop(&mut self) {
        self.is_last();
    }
}
