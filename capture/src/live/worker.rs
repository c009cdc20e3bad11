//! A worker's part of a tap.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use weir_model::{Frame, Timestamp};

use super::ring::Ring;
use super::socket;
use super::{Tap, TapOptions};
use crate::{FrameBatch, MAX_BATCH_BYTES, MAX_BATCH_FRAMES, MAX_CAPTURED_BYTES};

/// What one worker captures: its share of the frames of every interface, merged by time. It moves to the worker's
/// thread.
#[derive(Debug)]
pub struct TapWorker {
    index: usize,
    workers: u64,
    tap: Arc<Tap>,
    rings: Vec<Ring>,
    /// Frames handed on so far.
    handed_on: u64,
    /// The time of the last of them.
    newest: Timestamp,
    passed: Timestamp,
    snap_len: usize,
    read_timeout: Duration,
    merge_wait: Duration,
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
    pub(super) fn new(index: usize, tap: Arc<Tap>, options: &TapOptions) -> Self {
        let ring = |interface: &Arc<_>| Ring::new(Arc::clone(interface), index, options.read_timeout);
        Self {
            index,
            workers: options.workers as u64,
            rings: tap.interfaces.iter().map(ring).collect(),
            tap,
            handed_on: 0,
            newest: Timestamp::EPOCH,
            passed: Timestamp::EPOCH,
            snap_len: options.snap_len,
            read_timeout: options.read_timeout,
            merge_wait: options.merge_wait,
        }
    }

    /// Its number, from 0: it gets the packets for which [`weir_model::dealing::worker`] gives this.
    pub const fn index(&self) -> usize {
        self.index
    }

    /// Clears the batch and fills it with what has arrived; waits at most about the read timeout. Frames come in the
    /// order of (time, number), except for those that come later than the merge wait allows, or while the system's
    /// clock is set back. Numbers are unique over all workers: the n-th frame of worker `i` of `N` is number `(n - 1)
    /// * N + i + 1`.
    pub fn next_batch(&mut self, batch: &mut FrameBatch) -> Woken {
        batch.clear();
        let until = now() + self.read_timeout;
        // To ask rings that were found empty would cost as much as to wait for them.
        if self.rings.iter().all(|ring| ring.drained.is_some() && ring.staged.is_empty()) {
            self.wait(self.read_timeout);
        }
        loop {
            let stopping = self.tap.stopping.load(Ordering::Acquire);
            self.rings.iter_mut().for_each(|ring| ring.follow(stopping));
            if self.rings.len() == 1 {
                self.copy(batch);
            } else {
                self.merge(batch);
            }
            if !batch.is_empty() {
                return Woken::Frames;
            }
            if stopping && self.rings.iter().all(|ring| !ring.is_open() && ring.staged.is_empty()) {
                return Woken::Ended;
            }
            let left = until.saturating_duration_since(now());
            if left.is_zero() {
                return Woken::Idle;
            }
            self.wait(left);
        }
    }

    /// The packet clock of this worker: no frame before this time is still to come, unless it is later than the merge
    /// wait allows. It goes on while there is no traffic.
    pub fn passed(&mut self) -> Timestamp {
        let quiet = wall_clock() - self.merge_wait;
        let of_ring = |ring: &Ring| match ring.staged.first_time() {
            Some(time) => time,
            None => ring.drained.map_or(self.newest, |at| at - self.merge_wait),
        };
        let passed = self.rings.iter().map(of_ring).min().unwrap_or(quiet).min(quiet);
        self.passed = self.passed.max(passed);
        self.passed
    }

    /// How much of its fullest ring waits to be read, in hundredths. At a hundred the kernel drops what comes.
    pub fn fullness(&self) -> u8 {
        self.rings.iter().map(Ring::fullness).max().unwrap_or(0)
    }

    /// From the only ring into the batch.
    fn copy(&mut self, batch: &mut FrameBatch) {
        let Self { rings, handed_on, newest, workers, index, snap_len, .. } = self;
        let Some(ring) = rings.first_mut() else {
            return;
        };
        let (mut frames, mut bytes) = (0, 0);
        loop {
            let limit = room(frames, bytes, *snap_len);
            if limit == 0 {
                return;
            }
            let more = ring.take(limit, |time, original_len, link, data| {
                let number = number(handed_on, *workers, *index);
                frames += 1;
                bytes += data.len();
                *newest = time;
                let pushed = batch.push(Frame { number, time, link, original_len, data });
                debug_assert!(pushed, "a batch with room takes a frame");
            });
            if !more {
                return;
            }
        }
    }

    /// From all rings, the earliest frame first: one that no other ring can still precede, or that has waited long
    /// enough.
    fn merge(&mut self, batch: &mut FrameBatch) {
        // Before the rings are looked at: however long that takes, each has then been looked at after what is overdue.
        let (begun, overdue) = (now(), wall_clock() - self.merge_wait);
        self.rings.iter_mut().for_each(|ring| ring.stage(self.snap_len));
        while !batch.is_full() {
            let first = |(at, ring): (usize, &Ring)| ring.staged.first_time().map(|time| (time, at));
            let Some((time, at)) = self.rings.iter().enumerate().filter_map(first).min() else {
                return;
            };
            if time > overdue && self.must_wait(at, begun) {
                return;
            }
            let Some(ring) = self.rings.get_mut(at) else {
                return;
            };
            if let Some(frame) = ring.staged.first() {
                let number = number(&mut self.handed_on, self.workers, self.index);
                let (time, link) = (frame.time, frame.link);
                self.newest = time;
                batch.push(Frame { number, time, link, original_len: frame.original_len, data: frame.data });
            }
            ring.staged.pass();
            ring.stage(self.snap_len);
        }
    }

    /// Whether another ring may still give a frame before those that ring `at` has, and it has not been waited for
    /// long enough. By this clock too, because the system's may be set.
    fn must_wait(&self, at: usize, begun: Instant) -> bool {
        let staged_at = self.rings.get(at).and_then(|ring| ring.staged_at);
        let waited = staged_at.map_or(self.merge_wait, |at| begun.saturating_duration_since(at));
        waited < self.merge_wait && self.rings.iter().any(|ring| ring.is_open() && ring.staged.is_empty())
    }

    fn wait(&self, left: Duration) {
        let descriptors = self.rings.iter().filter(|ring| ring.staged.is_empty()).flat_map(Ring::descriptors);
        if socket::wait(descriptors, left).is_err() {
            // Interrupted by a signal, or out of memory: look again soon.
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}

/// How many frames of at most `snap_len` bytes a batch takes for sure that has so many frames and bytes: it is full
/// only when it has less room than the largest frame needs.
fn room(frames: usize, bytes: usize, snap_len: usize) -> usize {
    let by_bytes =
        (MAX_BATCH_BYTES - MAX_CAPTURED_BYTES).checked_sub(bytes).map_or(0, |left| left / snap_len + 1);
    by_bytes.min(MAX_BATCH_FRAMES.saturating_sub(frames))
}

/// The number of the next frame of a worker.
fn number(handed_on: &mut u64, workers: u64, index: usize) -> u64 {
    let number = *handed_on * workers + index as u64 + 1;
    *handed_on += 1;
    number
}

#[expect(clippy::disallowed_methods, reason = "capturing waits by the clock; nothing is decided by it")]
fn now() -> Instant {
    Instant::now()
}

/// The clock by which the kernel stamps frames.
#[expect(
    clippy::disallowed_methods,
    reason = "frames of a live tap are compared with the clock that stamped them"
)]
pub(crate) fn wall_clock() -> Timestamp {
    let time = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::new(time.as_secs(), time.subsec_nanos())
}
