//! Rounds: what is done by time is done where a round of frames ends, so that it depends on the input alone.

use super::watch::Learnt;
use weir_capture::{FrameBatch, Reader};
use weir_flow::Clock;

/// Frames of a round, whether or not a filter wants them: enough that its end costs little, few enough that what has to wait
/// for it (lines of flows that ended, and answers that passive DNS must keep apart) stays small, also when a worker is late.
const ROUND_FRAMES: u64 = 4 * 1024;

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

/// What one worker learnt in a round.
#[derive(Debug)]
pub(super) struct News {
    pub round: u64,
    pub learnt: Learnt,
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
