//! The clock: indicators expire by it, and incidents of several probes are compared by it.

use super::finding::Finding;
use std::time::Duration;
use weir_capture::host::clock_quality;
use weir_model::ClockQuality;

/// More than connections take to begin: orders of events on several hosts cannot be told.
const MUCH: Duration = Duration::from_millis(100);

const ABOUT: &str = "clock";
const KEEP_IT: &str =
    "run chrony, systemd-timesyncd or ntpd (timedatectl set-ntp true); PTP where microseconds matter";

/// Looks at it.
pub(super) fn look() -> Vec<Finding> {
    vec![judge(clock_quality())]
}

fn judge(quality: Option<ClockQuality>) -> Finding {
    match quality {
        None => Finding::note(ABOUT, "the kernel does not say how right it is", KEEP_IT),
        Some(ClockQuality::Unsynchronised) => Finding::wrong(
            ABOUT,
            "nothing keeps it: times of alerts and the expiry of indicators may be wrong",
            KEEP_IT,
        ),
        Some(ClockQuality::Synchronised { estimated_error, .. }) if estimated_error > MUCH => {
            let found = format!("kept, but off by {} ms, as is estimated", estimated_error.as_millis());
            Finding::note(ABOUT, found, "look at its servers: chronyc sources, timedatectl timesync-status")
        }
        Some(ClockQuality::Synchronised { estimated_error, maximum_error }) => Finding::fine(
            ABOUT,
            format!(
                "kept; off by {} us, as is estimated, {} ms at most",
                estimated_error.as_micros(),
                maximum_error.as_millis()
            ),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::super::finding::Verdict;
    use super::*;

    #[test]
    fn a_clock_that_nothing_keeps_is_wrong() {
        let kept = |ms| ClockQuality::Synchronised {
            estimated_error: Duration::from_millis(ms),
            maximum_error: Duration::from_millis(ms + 30),
        };
        for (quality, verdict) in [
            (Some(kept(2)), Verdict::Fine),
            (Some(kept(101)), Verdict::Note),
            (Some(ClockQuality::Unsynchronised), Verdict::Wrong),
            (None, Verdict::Note),
        ] {
            let finding = judge(quality);
            assert_eq!(finding.verdict, verdict, "{quality:?}");
            assert_eq!(finding.remedy.is_some(), verdict != Verdict::Fine);
        }
    }
}
