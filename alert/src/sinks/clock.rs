//! The clock on the wall, for sinks that wait for somebody. No sink decides by it what is told.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use weir_model::Timestamp;

#[expect(clippy::disallowed_methods, reason = "waits for a receiver at most as long as it is told to")]
pub(super) fn now() -> Instant {
    Instant::now()
}

/// Until then, but at most so long; `None` where no time is left.
pub(super) fn time_left(until: Instant, at_most: Duration) -> Option<Duration> {
    Some(until.saturating_duration_since(now()).min(at_most)).filter(|time| !time.is_zero())
}

/// By the calendar: files are rotated by it, whatever the packets' time.
#[expect(clippy::disallowed_methods, reason = "files are rotated and signatures made at a time of day")]
pub(super) fn time() -> Timestamp {
    Timestamp::EPOCH + SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

/// The same, as receivers of signatures go by it.
pub(super) fn seconds_since_1970() -> u64 {
    time().since(Timestamp::EPOCH).as_secs()
}
