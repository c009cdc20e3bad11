//! How right a clock is.

use serde::{Deserialize, Serialize};
use std::time::Duration;

/// How right the clock is by which packets get their times, as whatever keeps it says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum ClockQuality {
    /// NTP, PTP or the like keeps it.
    Synchronised {
        /// How far off it is by their estimate. Some always say 0 (systemd-timesyncd); the other one tells more then.
        estimated_error: Duration,
        /// How far off it is at most; grows from each time that it was set to the next.
        maximum_error: Duration,
    },
    /// Nothing keeps it: how far off it is nobody knows.
    Unsynchronised,
}

impl ClockQuality {
    /// Something keeps it.
    pub const fn is_synchronised(self) -> bool {
        matches!(self, Self::Synchronised { .. })
    }

    /// How far off it is by estimate, where anything keeps it.
    pub const fn estimated_error(self) -> Option<Duration> {
        match self {
            Self::Synchronised { estimated_error, .. } => Some(estimated_error),
            Self::Unsynchronised => None,
        }
    }

    /// How far off it is at most, likewise.
    pub const fn maximum_error(self) -> Option<Duration> {
        match self {
            Self::Synchronised { maximum_error, .. } => Some(maximum_error),
            Self::Unsynchronised => None,
        }
    }
}
