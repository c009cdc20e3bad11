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
}

impl Clock {
    pub(crate) const fn new() -> Self {
        Self { recent: [Timestamp::EPOCH; WINDOW], seen: 0 }
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
        time < previous
    }

    /// Whether a flow seen from `first` to `last` can no longer be continued by packets of this time.
    pub(crate) fn is_past(&self, first: Timestamp, last: Timestamp, idle: Duration) -> bool {
        let earliest = self.recent.iter().copied().fold(Timestamp::MAX, Timestamp::min);
        earliest > last + idle || self.latest() + idle < first
    }

    /// The latest of the last packets.
    pub(crate) fn latest(&self) -> Timestamp {
        self.recent.iter().copied().fold(Timestamp::EPOCH, Timestamp::max)
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
}
