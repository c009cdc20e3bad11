//! When a packet still belongs to a flow, and when a flow's memory can be freed.

use std::time::Duration;
use weir_model::Timestamp;

/// Over how many packets the clock looks back.
const WINDOW: usize = 8;

/// Whether a packet at `time` continues a flow that was seen from `first` to `last`.
///
/// It depends on these times alone. A packet may be earlier than what was already seen (captures step backwards), but by no
/// more than the timeout: so one frame with a wild time becomes a flow of its own and never holds a later one open.
pub(crate) fn continues(first: Timestamp, last: Timestamp, idle: Duration, time: Timestamp) -> bool {
    time <= last + idle && time + idle >= first
}

/// What time it is: the span of the times of the last packets.
///
/// It only frees memory. A flow goes when no time in the span could continue it, so a single frame with a wild time frees
/// nothing (the span still holds its sane neighbours), and a lasting step of the capture's clock, either way, is
/// followed after [`WINDOW`] packets.
#[derive(Debug)]
pub(crate) struct Clock {
    recent: [Timestamp; WINDOW],
    seen: usize,
    earliest: Timestamp,
    latest: Timestamp,
}

impl Clock {
    pub(crate) const fn new() -> Self {
        let epoch = Timestamp::EPOCH;
        Self { recent: [epoch; WINDOW], seen: 0, earliest: epoch, latest: epoch }
    }

    /// Notes the time of the next packet; whether it is earlier than the one before.
    pub(crate) fn observe(&mut self, time: Timestamp) -> bool {
        if self.seen == 0 {
            self.recent = [time; WINDOW];
        }
        let previous = self.recent.get((self.seen + WINDOW - 1) % WINDOW).copied().unwrap_or(time);
        if let Some(place) = self.recent.get_mut(self.seen % WINDOW) {
            *place = time;
        }
        // Wraps around within the window: only the remainder and "not zero" matter.
        self.seen = if self.seen == 2 * WINDOW - 1 { WINDOW } else { self.seen + 1 };
        self.earliest = self.recent.iter().copied().fold(Timestamp::MAX, Timestamp::min);
        self.latest = self.recent.iter().copied().fold(Timestamp::EPOCH, Timestamp::max);
        time < previous
    }

    /// Whether a flow seen from `first` to `last` can no longer be continued by packets of this time.
    pub(crate) fn is_past(&self, first: Timestamp, last: Timestamp, idle: Duration) -> bool {
        self.earliest > last + idle || self.latest + idle < first
    }

    /// The latest of the last packets.
    pub(crate) const fn latest(&self) -> Timestamp {
        self.latest
    }
}

/// When flows are to be looked at again: not before any of those noted can be past.
///
/// Asking it costs two comparisons, whereas looking at flows costs cache misses.
#[derive(Debug)]
pub(crate) struct Alarm {
    behind: Timestamp,
    before: Timestamp,
}

impl Alarm {
    /// Nothing noted.
    pub(crate) const fn new() -> Self {
        Self { behind: Timestamp::MAX, before: Timestamp::EPOCH }
    }

    /// Notes a flow seen from `first` to `last`.
    pub(crate) fn note(&mut self, first: Timestamp, last: Timestamp, idle: Duration) {
        self.behind = self.behind.min(last + idle);
        self.before = self.before.max(first - idle);
    }

    /// Whether one of those noted is past.
    pub(crate) fn rings(&self, clock: &Clock) -> bool {
        clock.earliest > self.behind || clock.latest < self.before
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_mins(1);

    fn at(seconds: u64) -> Timestamp {
        Timestamp::new(seconds, 0)
    }

    #[test]
    fn continues_within_the_timeout_on_either_side() {
        for (time, expected) in [(939, false), (940, true), (1_000, true), (1_110, true), (1_111, false)] {
            assert_eq!(continues(at(1_000), at(1_050), MINUTE, at(time)), expected, "{time}");
        }
    }

    #[test]
    fn one_wild_frame_frees_nothing() {
        let mut clock = Clock::new();
        for second in 1_000..1_010 {
            assert!(!clock.observe(at(second)));
        }
        clock.observe(at(4_000_000_000));
        assert!(!clock.is_past(at(1_000), at(1_009), MINUTE));
        assert!(clock.observe(at(1_010)), "back from the wild time");
        for second in 1_011..1_018 {
            assert!(!clock.observe(at(second)));
        }
        assert!(clock.is_past(at(4_000_000_000), at(4_000_000_000), MINUTE), "the wild flow itself goes");
        assert!(!clock.is_past(at(1_000), at(1_009), MINUTE));
    }

    #[test]
    fn a_lasting_step_is_followed() {
        let mut clock = Clock::new();
        clock.observe(at(0));
        for second in 0..7 {
            clock.observe(at(5_000 + second));
            assert!(!clock.is_past(at(0), at(0), MINUTE));
        }
        clock.observe(at(5_007));
        assert!(clock.is_past(at(0), at(0), MINUTE));
    }

    #[test]
    fn the_alarm_rings_exactly_when_a_flow_is_past() {
        for (first, last) in [(1_000, 1_000), (1_000, 1_050), (30, 40), (5_000, 5_000)] {
            let mut alarm = Alarm::new();
            alarm.note(at(first), at(last), MINUTE);
            for now in (0..6_000).step_by(10) {
                let mut clock = Clock::new();
                clock.observe(at(now));
                assert_eq!(alarm.rings(&clock), clock.is_past(at(first), at(last), MINUTE), "{first} {now}");
            }
        }
        assert!(!Alarm::new().rings(&Clock::new()));
    }
}
