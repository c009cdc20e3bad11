//! The clock: indicators expire by it, and incidents of several probes are compared by it.

use super::finding::Finding;
use std::time::Duration;
use weir_capture::host::Clock;

/// More than connections take to begin: orders of events on several hosts cannot be told.
const MUCH: Duration = Duration::from_millis(100);

const ABOUT: &str = "clock";
const KEEP_IT: &str =
    "run chrony, systemd-timesyncd or ntpd (timedatectl set-ntp true); PTP where microseconds matter";

/// Looks at it.
pub(super) fn look() -> Vec<Finding> {
    vec![judge(Clock::ask())]
}

pub(super) fn judge(clock: Option<Clock>) -> Finding {
    match clock {
        None => Finding::note(ABOUT, "the kernel does not say how right it is", KEEP_IT),
        Some(clock) if !clock.is_synchronised => Finding::wrong(
            ABOUT,
            "nothing keeps it: times of alerts and the expiry of indicators may be wrong",
            KEEP_IT,
        ),
        Some(clock) if clock.estimated_error > MUCH => {
            let found = format!("kept, but off by {} ms, as is estimated", clock.estimated_error.as_millis());
            Finding::note(ABOUT, found, "look at its servers: chronyc sources, timedatectl timesync-status")
        }
        Some(clock) => Finding::fine(
            ABOUT,
            format!(
                "kept; off by {} us, as is estimated, {} ms at most",
                clock.estimated_error.as_micros(),
                clock.maximum_error.as_millis()
            ),
        ),
    }
}
