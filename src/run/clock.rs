//! The system's clock, which kernel timestamps are by.

use crate::timekeeper;
use std::time::{Duration, Instant, SystemTime};
use weir_model::{ClockQuality, Timestamp};

/// Between two looks at how right the clock is: who keeps it sets it each minute or more seldom.
const LOOK_EVERY: Duration = Duration::from_secs(10);
/// The same while it is not known: whoever tells of it may begin a moment after this program.
const LOOK_FOR_IT_EVERY: Duration = Duration::from_secs(1);

#[expect(
    clippy::disallowed_methods,
    reason = "latency, silence and the time of idle threads are against the system's clock, as are the kernel's timestamps"
)]
pub(crate) fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_nanos(u64::try_from(since.as_nanos()).unwrap_or(u64::MAX))
}

/// How right the clock is, looked at again now and then.
#[derive(Default)]
pub(super) struct Watch {
    quality: Option<ClockQuality>,
    looked: Option<Instant>,
}

impl Watch {
    /// As it was at the last look.
    pub(super) const fn quality(&self) -> Option<ClockQuality> {
        self.quality
    }

    /// Looks, if it is time.
    pub(super) fn look_when_due(&mut self, now: Instant) {
        let every = if self.quality.is_some() { LOOK_EVERY } else { LOOK_FOR_IT_EVERY };
        if self.looked.is_none_or(|looked| now.duration_since(looked) >= every) {
            (self.quality, self.looked) = (timekeeper::quality(), Some(now));
        }
    }
}
