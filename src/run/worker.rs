//! A worker's thread: from its share of the packets to what is learnt of them.

use super::board::{Board, WorkerView};
use super::outbox::Outbox;
use super::overload::Overload;
use super::pace::Pace;
use super::source::Source;
use super::tables::{Tables, TablesReport};
use crate::canary::Aviary;
use crate::output::complain;
use crate::supervisor;
use std::sync::Arc;
use std::time::{Duration, Instant};
use weir_capture::FrameBatch;
use weir_capture::live::{self, Woken};

/// How often a worker looks at what time alone changes: flows that end by it, lines that wait, its place on the board.
const ROUND: Duration = Duration::from_millis(100);
/// Every so many rounds, all open flows that met an indicator are looked at again; in between, those that met one newly.
const ROUNDS_PER_LOOK_AT_ALL: u64 = 10;

/// What a worker's thread owns.
pub(super) struct WorkerThread<S> {
    pub index: usize,
    pub source: S,
    pub tables: Tables,
    pub outbox: Outbox,
    pub board: Arc<Board>,
    pub pinned: bool,
    pub aviary: Aviary,
    pub overload: Overload,
}

impl<S: Source> WorkerThread<S> {
    /// Works until the tap is stopped and all that it had captured is done.
    #[expect(clippy::disallowed_methods, reason = "rounds on a tap are cut by time")]
    pub(super) fn run(mut self) {
        self.pin();
        let mut batch = FrameBatch::new();
        let mut rounds = 0_u64;
        let mut closes = Instant::now();
        let pulse = supervisor::pulse(format!("worker {}", self.index));
        loop {
            pulse.beat();
            let woken = self.source.next_batch(&mut batch);
            self.tables.follow();
            self.tables.set_effort(self.overload.judge(self.source.fullness(), Instant::now()));
            if !batch.is_empty() || self.tables.is_waited_for() {
                self.outbox.take(self.tables.batch(&batch));
            }
            if woken == Woken::Ended {
                break;
            }
            self.outbox.take(self.tables.sweep(Pace::beside(batch.len())));
            let now = Instant::now();
            if now >= closes {
                closes = now + ROUND;
                rounds += 1;
                self.round(rounds.is_multiple_of(ROUNDS_PER_LOOK_AT_ALL));
                self.overload.tell(self.index, now);
                if let Some(number) = self.aviary.next(now) {
                    self.outbox.take(self.tables.canary(number));
                }
            }
        }
        let learnt = self.tables.finish();
        self.outbox.finish(learnt);
        self.show(self.tables.last_report());
    }

    fn round(&mut self, look_at_all: bool) {
        let passed = self.source.passed();
        self.outbox.take(self.tables.round(passed, look_at_all));
        self.outbox.send_lines();
        self.show(self.tables.report());
    }

    fn show(&self, report: TablesReport) {
        let view = WorkerView { report, sent: self.outbox.sent(), overload: *self.overload.counts() };
        self.board.put_worker(self.index, view);
    }

    fn pin(&self) {
        if let Some(error) = self.pinned.then(|| live::pin_to(self.index).err()).flatten() {
            complain(&format!("worker {} is not kept on a core: {error}", self.index));
        }
    }
}
