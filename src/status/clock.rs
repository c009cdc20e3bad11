//! How right the clock is.

use serde::{Deserialize, Serialize};
use std::fmt::Write as _;
use std::time::Duration;
use weir_model::ClockQuality;

/// The clock by which alerts have their times. What is not known is null.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
pub(crate) struct ClockStatus {
    pub synchronised: Option<bool>,
    /// How far off it is by the estimate of what keeps it.
    pub estimated_error_us: Option<u64>,
    /// At most, likewise.
    pub maximum_error_us: Option<u64>,
}

impl From<Option<ClockQuality>> for ClockStatus {
    fn from(quality: Option<ClockQuality>) -> Self {
        let micros = |error: Duration| u64::try_from(error.as_micros()).unwrap_or(u64::MAX);
        Self {
            synchronised: quality.map(ClockQuality::is_synchronised),
            estimated_error_us: quality.and_then(ClockQuality::estimated_error).map(micros),
            maximum_error_us: quality.and_then(ClockQuality::maximum_error).map(micros),
        }
    }
}

/// A line only where nothing keeps it.
pub(super) fn render(clock: &ClockStatus, text: &mut String) {
    if clock.synchronised == Some(false) {
        let _ = writeln!(
            text,
            "clock      NOT SYNCHRONISED: times in alerts may be wrong (chrony, or timedatectl set-ntp true)"
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_tells_of_it_where_nothing_keeps_it() {
        let line = |quality: Option<ClockQuality>| {
            let mut text = String::new();
            render(&quality.into(), &mut text);
            text
        };
        let (estimated_error, maximum_error) = (Duration::from_micros(3), Duration::from_micros(40));
        let kept = ClockQuality::Synchronised { estimated_error, maximum_error };
        let status = ClockStatus::from(Some(kept));
        assert_eq!((status.estimated_error_us, status.maximum_error_us), (Some(3), Some(40)));
        assert_eq!((line(Some(kept)), line(None)), (String::new(), String::new()));
        assert!(line(Some(ClockQuality::Unsynchronised)).starts_with("clock      NOT SYNCHRONISED"));
    }
}
