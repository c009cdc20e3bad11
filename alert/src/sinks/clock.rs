//! The clock on the wall, for sinks that wait for somebody. No sink decides by it what is told.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

#[expect(clippy::disallowed_methods, reason = "waits for a receiver at most as long as it is told to")]
pub(super) fn now() -> Instant {
    Instant::now()
}

/// Until then, but at most so long; `None` where no time is left.
pub(super) fn time_left(until: Instant, at_most: Duration) -> Option<Duration> {
    Some(until.saturating_duration_since(now()).min(at_most)).filter(|time| !time.is_zero())
}

/// By the calendar, which receivers of signatures go by.
#[expect(clippy::disallowed_methods, reason = "a signature says when it was made")]
pub(super) fn seconds_since_1970() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs())
}
