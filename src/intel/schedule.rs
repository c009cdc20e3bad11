//! When each source is asked: at its own interval, a little off so that many sensors do not ask one server at the same moment; after a
//! failure sooner, then ever more rarely.

use foldhash::fast::FixedState;
use std::hash::BuildHasher as _;
use std::time::Duration;

/// After the first failure.
const FIRST_RETRY: Duration = Duration::from_secs(30);
/// However often it failed; a source with a shorter interval is asked at that.
const LAST_RETRY: Duration = Duration::from_hours(1);
/// The most that an interval is off, as a part of it.
const JITTER_ONE_IN: u32 = 10;

/// When one source is asked. Times are since the program's start.
#[derive(Clone, Debug)]
pub(super) struct Turn {
    interval: Duration,
    /// Of this host and source: with the same interval, others are asked at other moments.
    seed: u64,
    due: Duration,
    asked: u64,
    failures: u32,
}

impl Turn {
    /// To be asked first when its last delivery is an interval old; at once where there was none.
    pub(super) fn new(source: &str, interval: Duration, age: Option<Duration>) -> Self {
        let seed = FixedState::default().hash_one((source, std::process::id()));
        let due = age.map_or(Duration::ZERO, |age| interval.saturating_sub(age));
        Self { interval, seed, due, asked: 0, failures: 0 }
    }

    /// When it is due.
    pub(super) const fn due(&self) -> Duration {
        self.due
    }

    /// It delivered.
    pub(super) fn succeeded(&mut self, now: Duration) {
        self.failures = 0;
        let wait = self.interval.saturating_sub(self.jitter(self.interval));
        self.due = now + wait;
    }

    /// It did not.
    pub(super) fn failed(&mut self, now: Duration) {
        let doubled = FIRST_RETRY.saturating_mul(1 << self.failures.min(10));
        self.failures = self.failures.saturating_add(1);
        let wait = doubled.min(LAST_RETRY).min(self.interval);
        let wait = wait + self.jitter(wait);
        self.due = now + wait;
    }

    fn jitter(&mut self, of: Duration) -> Duration {
        self.asked += 1;
        let chance = FixedState::default().hash_one((self.seed, self.asked)) % 1_000;
        of / JITTER_ONE_IN * u32::try_from(chance).unwrap_or_default() / 1_000
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_hours(1);

    fn minutes(count: u64) -> Duration {
        Duration::from_mins(count)
    }

    #[test]
    fn a_source_is_asked_at_its_interval_or_a_little_sooner() {
        let mut turn = Turn::new("misp", HOUR, None);
        assert_eq!(turn.due(), Duration::ZERO);
        for _ in 0..100 {
            turn.succeeded(minutes(10));
            assert!((minutes(64)..=minutes(70)).contains(&turn.due()), "{turn:?}");
        }
        assert_eq!(Turn::new("misp", HOUR, Some(minutes(20))).due(), minutes(40));
        assert_eq!(Turn::new("misp", HOUR, Some(3 * HOUR)).due(), Duration::ZERO);
    }

    #[test]
    fn failures_are_tried_again_soon_and_then_rarely() {
        let mut turn = Turn::new("misp", 24 * HOUR, None);
        let mut waits = Vec::new();
        for _ in 0..12 {
            turn.failed(HOUR);
            waits.push(turn.due().saturating_sub(HOUR));
        }
        assert!(waits[0] >= FIRST_RETRY && waits[0] < minutes(1), "{waits:?}");
        assert!(waits[1] >= 2 * FIRST_RETRY && waits[3] >= 8 * FIRST_RETRY, "{waits:?}");
        assert!(waits[11] >= LAST_RETRY && waits[11] <= LAST_RETRY + minutes(6), "{waits:?}");
        turn.succeeded(HOUR);
        assert_eq!(turn.failures, 0);
        let mut often = Turn::new("file", minutes(1), None);
        (0..9).for_each(|_| often.failed(HOUR));
        assert!(often.due().saturating_sub(HOUR) <= minutes(2));
    }
}
