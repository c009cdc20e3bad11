//! Rounds: what is done by time is done where a round of frames ends, so that it depends on the input alone.

use super::watch::Learnt;
use crossbeam::channel::Sender;
use crossbeam::queue::ArrayQueue;
use weir_capture::{FrameBatch, Reader};
use weir_flow::Clock;

/// Frames of a round, whether or not a filter wants them: enough that its end costs little, few enough that what has to wait
/// for it (lines of flows that ended, and answers that passive DNS must keep apart) stays small, also when a worker is late.
const ROUND_FRAMES: u64 = weir_flow::ROUND_PACKETS;

/// Frames over whose times the clock looks back.
const CLOCK_FRAMES: usize = 8;

/// The end of a round.
#[derive(Clone, Copy, Debug)]
pub(super) struct RoundEnd {
    /// The first is 0.
    pub round: u64,
    /// What time it was.
    pub clock: Clock,
}

/// Rounds in which a worker learnt nothing and that the desk hears of together: waking it takes longer than it would then work. What
/// others learnt in them waits meanwhile.
const SILENT_ROUNDS: u64 = 16;

/// What one worker learnt in a round. In those before, of which it did not tell, it learnt nothing.
#[derive(Debug)]
pub(super) struct News {
    pub worker: usize,
    pub round: u64,
    pub learnt: Learnt,
}

/// How a worker tells the desk.
pub(super) struct Teller<'a> {
    desk: &'a Sender<News>,
    worker: usize,
    /// The first round that the desk has not heard of.
    next: u64,
    /// Where what need not be told waits to be filled again.
    spare: &'a ArrayQueue<Learnt>,
}

impl<'a> Teller<'a> {
    pub(super) const fn new(desk: &'a Sender<News>, worker: usize, spare: &'a ArrayQueue<Learnt>) -> Self {
        Self { desk, worker, next: 0, spare }
    }

    /// Tells what was learnt in a round, if there is something to tell; `false` when the desk is gone.
    pub(super) fn tell(&mut self, round: u64, learnt: Learnt) -> bool {
        if learnt.is_empty() && round < self.next + SILENT_ROUNDS {
            // A pool that is full already has as many as are ever on the way.
            drop(self.spare.push(learnt));
            return true;
        }
        self.next = round + 1;
        self.desk.send(News { worker: self.worker, round, learnt }).is_ok()
    }

    /// Says that nothing more comes; `false` when the desk is gone.
    pub(super) fn finish(self) -> bool {
        let last = News { worker: self.worker, round: u64::MAX, learnt: Learnt::default() };
        self.desk.send(last).is_ok()
    }
}

/// Divides an input into rounds.
#[derive(Debug)]
pub(super) struct Rounds {
    round: u64,
    clock: Clock,
}

impl Rounds {
    /// Before the first.
    pub(super) const fn new() -> Self {
        Self { round: 0, clock: Clock::new() }
    }

    /// Reads the next frames, none of them beyond the end of the round; `false` when there are no more.
    pub(super) fn next_batch(&mut self, reader: &mut Reader, batch: &mut FrameBatch) -> bool {
        let more = reader.next_batch_until(batch, (self.round + 1) * ROUND_FRAMES);
        let last = batch.len().saturating_sub(CLOCK_FRAMES)..batch.len();
        for frame in batch.range(last) {
            self.clock.observe(frame.time);
        }
        more
    }

    /// Whether the round is over now, and then how; the next begins. The last one ends with the input, whatever is in it.
    pub(super) fn end(&mut self, reader: &Reader, more: bool) -> Option<RoundEnd> {
        if more && reader.stats().frames_read < (self.round + 1) * ROUND_FRAMES {
            return None;
        }
        let end = RoundEnd { round: self.round, clock: self.clock };
        self.round += 1;
        Some(end)
    }
}

/// The last packet of a round, or a number behind it.
pub(super) const fn last_packet(round: u64) -> u64 {
    (round + 1) * ROUND_FRAMES
}
