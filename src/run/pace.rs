//! How long a thread may do what can wait, between two batches.

use std::time::{Duration, Instant};

/// Slots of flows between two looks at the clock: some tens of microseconds.
const SLOTS_A_STEP: u32 = 256;
/// From this many frames or datagrams in a batch on, there are as a rule more.
const BUSY_FROM: usize = 64;
/// Where there are more: far less than rings and sockets hold.
const BESIDE_A_FULL_BATCH: Duration = Duration::from_micros(500);
/// Where there is nothing else to do: what comes meanwhile waits less than 5 ms.
const OTHERWISE: Duration = Duration::from_millis(3);

/// A time to work for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Pace(Duration);

impl Pace {
    /// Behind a batch of so many frames or datagrams.
    pub(super) const fn beside(batch: usize) -> Self {
        Self(if batch >= BUSY_FROM { BESIDE_A_FULL_BATCH } else { OTHERWISE })
    }

    /// Has `go_on` take so many slots, again and again, until it says that there are no more or the time is over.
    #[expect(clippy::disallowed_methods, reason = "work is cut by time")]
    pub(super) fn step(self, mut go_on: impl FnMut(u32) -> bool) {
        let until = Instant::now() + self.0;
        while go_on(SLOTS_A_STEP) && Instant::now() < until {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_ends_when_it_is_done_or_time_is_over() {
        let mut left = 3;
        Pace::beside(0).step(|_| {
            left -= 1;
            left > 0
        });
        assert_eq!(left, 0);
        let mut steps = 0_u64;
        Pace::beside(1_000).step(|_| {
            steps += 1;
            true
        });
        assert!(steps > 1);
    }
}
