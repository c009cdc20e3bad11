//! A worker's part of a tap.

use weir_model::Timestamp;

use crate::FrameBatch;

/// What one worker captures: its share of the frames of every interface, merged by time. It moves to the worker's thread.
#[derive(Debug)]
pub struct TapWorker {
    index: usize,
}

/// Why [`TapWorker::next_batch`] returned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Woken {
    /// The batch has frames.
    Frames,
    /// There were none for the read timeout: time to look after other things.
    Idle,
    /// The tap was stopped, and everything captured before has been handed on.
    Ended,
}

impl TapWorker {
    /// Its number, from 0: it gets the packets for which [`weir_model::dealing::worker`] gives this.
    pub const fn index(&self) -> usize {
        self.index
    }

    /// Clears the batch and fills it with what has arrived; waits at most about the read timeout. Frames come in the order of (time,
    /// number), except for those that come later than the merge wait allows. Numbers are unique over all workers: the n-th frame of worker `i` of `N` is
    /// number `(n - 1) * N + i + 1`.
    pub fn next_batch(&mut self, batch: &mut FrameBatch) -> Woken {
        batch.clear();
        Woken::Ended
    }

    /// The packet clock of this worker: no frame before this time is still to come, unless it is later than the merge wait allows. It goes on
    /// while there is no traffic.
    pub fn passed(&self) -> Timestamp {
        Timestamp::EPOCH
    }
}
