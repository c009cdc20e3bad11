//! When a packet still belongs to a flow, and when a flow's memory can be freed.

use crate::timers::Tick;
use std::ops::{Add, Sub};
use std::time::Duration;
use weir_model::Timestamp;

/// Over how many packets the clock looks back.
const WINDOW: usize = 8;

/// A time without packets, or since the first of them, in nanoseconds: every packet is compared with some, and of a [`Duration`] it
/// would first have to be worked out how many these are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Timeout(u64);

impl From<Duration> for Timeout {
    /// More than 584 years are as many.
    fn from(duration: Duration) -> Self {
        Self(u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX))
    }
}

impl Add<Timeout> for Timestamp {
    type Output = Self;
    fn add(self, Timeout(nanos): Timeout) -> Self {
        Self::from_nanos(self.as_nanos().saturating_add(nanos))
    }
}

impl Sub<Timeout> for Timestamp {
    type Output = Self;
    fn sub(self, Timeout(nanos): Timeout) -> Self {
        Self::from_nanos(self.as_nanos().saturating_sub(nanos))
    }
}

/// Whether a packet at `time` continues a flow that was seen from `first` to `last`.
///
/// It depends on these times alone. A packet may be earlier than what was already seen (captures step backwards), but by no
/// more than the timeout: so one frame with a wild time becomes a flow of its own and never holds a later one open.
pub(crate) fn continues(first: Timestamp, last: Timestamp, idle: Timeout, time: Timestamp) -> bool {
    time <= last + idle && time + idle >= first
}

/// What time it is: the span of the times of the last packets.
///
/// It only frees memory. A flow goes when no time in the span could continue it, so a single frame with a wild time frees
/// nothing (the span still holds its sane neighbours), and a lasting step of the capture's clock, either way, is
/// followed after 8 packets.
///
/// Whoever deals frames to workers feeds it with all of them, so that every table ends its rounds by the same clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Clock {
    recent: [Timestamp; WINDOW],
    seen: usize,
    steps_backwards: u64,
}

impl Default for Clock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock {
    /// A clock that has seen nothing; no flow is past by it.
    pub const fn new() -> Self {
        Self { recent: [Timestamp::EPOCH; WINDOW], seen: 0, steps_backwards: 0 }
    }

    /// Notes the time of the next packet; whether it is earlier than the one before.
    pub fn observe(&mut self, time: Timestamp) -> bool {
        if self.seen == 0 {
            self.recent = [time; WINDOW];
        }
        let previous = self.recent.get((self.seen + WINDOW - 1) % WINDOW).copied().unwrap_or(time);
        if let Some(place) = self.recent.get_mut(self.seen % WINDOW) {
            *place = time;
        }
        // Wraps around within the window: only the remainder and "not zero" matter.
        self.seen = if self.seen == 2 * WINDOW - 1 { WINDOW } else { self.seen + 1 };
        self.steps_backwards += u64::from(time < previous);
        time < previous
    }

    /// The earliest of the last packets.
    pub fn earliest(&self) -> Timestamp {
        self.recent.iter().copied().fold(Timestamp::MAX, Timestamp::min)
    }

    /// The latest of the last packets.
    pub fn latest(&self) -> Timestamp {
        self.recent.iter().copied().fold(Timestamp::EPOCH, Timestamp::max)
    }

    /// Packets whose time was earlier than that of the packet before.
    pub const fn steps_backwards(&self) -> u64 {
        self.steps_backwards
    }

    /// Between which times flows with this timeout are kept: those whose last packet is not before the one, and whose first
    /// is not behind the other. Nobody outside could be continued by packets of this time.
    pub(crate) fn bounds(&self, idle: Timeout) -> (Tick, Tick) {
        if self.seen == 0 {
            return (Tick::of(Timestamp::EPOCH), Tick::of(Timestamp::MAX));
        }
        (Tick::of(self.earliest() - idle), Tick::of(self.latest() + idle))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Timeout = Timeout(60_000_000_000);

    fn at(seconds: u64) -> Timestamp {
        Timestamp::new(seconds, 0)
    }

    #[test]
    fn continues_within_the_timeout_on_either_side() {
        for (time, expected) in [(939, false), (940, true), (1_000, true), (1_110, true), (1_111, false)] {
            assert_eq!(continues(at(1_000), at(1_050), MINUTE, at(time)), expected, "{time}");
        }
    }

    /// Whether a flow would be ended by the clock.
    fn is_past(clock: &Clock, first: u64, last: u64) -> bool {
        let (earliest, latest) = clock.bounds(MINUTE);
        Tick::of(at(last)) < earliest || Tick::of(at(first)) > latest
    }

    #[test]
    fn one_wild_frame_frees_nothing() {
        let mut clock = Clock::new();
        assert!(!is_past(&clock, 0, 0) && !is_past(&clock, 1 << 30, 1 << 30), "nothing seen");
        for second in 1_000..1_010 {
            assert!(!clock.observe(at(second)));
        }
        clock.observe(at(4_000_000_000));
        assert!(!is_past(&clock, 1_000, 1_009));
        assert!(clock.observe(at(1_010)), "back from the wild time");
        for second in 1_011..1_018 {
            assert!(!clock.observe(at(second)));
        }
        assert!(is_past(&clock, 4_000_000_000, 4_000_000_000), "the wild flow itself goes");
        assert!(!is_past(&clock, 1_000, 1_009));
        assert_eq!(clock.steps_backwards(), 1);
    }

    #[test]
    fn a_lasting_step_is_followed() {
        let mut clock = Clock::new();
        clock.observe(at(0));
        for second in 0..7 {
            clock.observe(at(5_000 + second));
            assert!(!is_past(&clock, 0, 0));
        }
        clock.observe(at(5_007));
        assert!(is_past(&clock, 0, 0));
    }

    #[test]
    fn nobody_is_past_who_could_be_continued() {
        for now in (0..6_000).step_by(7) {
            let mut clock = Clock::new();
            clock.observe(at(now));
            for (first, last) in [(1_000, 1_000), (1_000, 1_050), (30, 40), (5_000, 5_000)] {
                let is_continued = continues(at(first), at(last), MINUTE, at(now));
                assert_ne!(is_past(&clock, first, last), is_continued, "{first} {now}");
            }
        }
    }
}
