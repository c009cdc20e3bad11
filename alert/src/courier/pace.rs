//! How fast: pauses after failures, and the rate at which a sink gets what it missed.

use std::time::{Duration, Instant};

/// The first pause after something failed.
const LEAST_PAUSE: Duration = Duration::from_secs(1);
/// The longest. A receiver that comes back waits so long at most.
const LONGEST_PAUSE: Duration = Duration::from_mins(1);
/// A message that waited longer is part of what was missed. Live ones take milliseconds, and a slow receiver a second or two.
const LIVE: Duration = Duration::from_secs(5);
/// Parts of a second in which what was missed is handed over.
const PARTS_OF_A_SECOND: u32 = 10;

/// Pauses after failures: each is twice the one before.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pauses {
    least: Duration,
    next: Duration,
}

impl Default for Pauses {
    fn default() -> Self {
        Self::from(LEAST_PAUSE)
    }
}

impl From<Duration> for Pauses {
    /// Beginning with this one.
    fn from(least: Duration) -> Self {
        Self { least, next: least }
    }
}

impl Pauses {
    /// It works.
    pub(super) const fn reset(&mut self) {
        self.next = self.least;
    }

    /// How long to wait after this failure.
    pub(super) fn after_failure(&mut self) -> Duration {
        let pause = self.next;
        self.next = (pause * 2).min(LONGEST_PAUSE);
        pause
    }
}

/// The rate at which a sink that lags behind gets messages.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    rate: u32,
    /// There may be messages that waited long.
    is_behind: bool,
    next: Option<Instant>,
}

impl Pace {
    /// What waits from an earlier run is missed as well.
    pub(super) const fn new(rate: u32) -> Self {
        Self { rate, is_behind: true, next: None }
    }

    /// Messages that may be handed over at once.
    pub(super) fn most(&self, otherwise: usize) -> usize {
        let of_missed = usize::try_from(self.rate.div_ceil(PARTS_OF_A_SECOND)).unwrap_or(otherwise);
        if self.is_behind { of_missed.clamp(1, otherwise) } else { otherwise }
    }

    /// Nothing waits.
    pub(super) const fn keeps_up(&mut self) {
        self.is_behind = false;
    }

    /// Something failed, and waits.
    pub(super) const fn falls_behind(&mut self) {
        self.is_behind = true;
    }

    /// Messages that waited so long were handed over.
    pub(super) fn handed(&mut self, waited: impl Iterator<Item = Duration>, now: Instant) {
        let missed = waited.filter(|waited| *waited > LIVE).count();
        self.is_behind = missed > 0;
        let missed = u32::try_from(missed).unwrap_or(u32::MAX);
        self.next = (missed > 0).then(|| now + Duration::from_secs(1) * missed / self.rate.max(1));
    }

    /// Until when the sink is left in peace.
    pub(super) fn rests(&self, now: Instant) -> Option<Instant> {
        self.next.filter(|next| *next > now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_a_minute() {
        let mut pauses = Pauses::default();
        let seconds: Vec<_> = (0..8).map(|_| pauses.after_failure().as_secs()).collect();
        assert_eq!(seconds, [1, 2, 4, 8, 16, 32, 60, 60]);
    }

    /// Whatever the rate, a few minutes of it hand over as much of what was missed.
    #[test]
    #[expect(clippy::disallowed_methods, reason = "a point to count from")]
    fn what_was_missed_comes_at_the_rate_and_live_messages_at_once() {
        let began = Instant::now();
        for rate in [1, 7, 500, 20_000] {
            let (mut pace, mut now, mut handed) = (Pace::new(rate), began, 0);
            while now < began + Duration::from_mins(5) {
                let most = pace.most(512);
                handed += most as u64;
                pace.handed((0..most).map(|_| Duration::from_mins(10)), now);
                now = pace.rests(now).unwrap();
            }
            let due = u64::from(rate) * 300;
            assert!(handed >= due && handed <= due + 512, "{handed} of {due}");
        }
        let mut pace = Pace::new(1);
        pace.handed((0..512).map(|_| Duration::from_millis(3)), began);
        assert_eq!((pace.rests(began), pace.most(512)), (None, 512));
        pace.falls_behind();
        assert_eq!(pace.most(512), 1);
        pace.keeps_up();
        assert_eq!(pace.most(512), 512);
    }
}
