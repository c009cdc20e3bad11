//! The system's clock, as the kernel keeps it (`adjtimex(2)`).

#![expect(unsafe_code, reason = "asking about the clock is a call of the C library")]

use std::mem;
use std::time::Duration;

/// How right the clock is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Clock {
    /// Something (NTP, PTP) keeps it.
    pub is_synchronised: bool,
    /// How far off it is by the estimate of whatever keeps it; nothing is known where nothing does.
    pub estimated_error: Duration,
    /// How far off it is at most, by the same; grows while nothing keeps it.
    pub maximum_error: Duration,
}

impl Clock {
    /// Asks the kernel. `None` where it does not say.
    pub fn ask() -> Option<Self> {
        // SAFETY: zero is valid for each of its fields, and asks for nothing to be changed.
        let mut answer: libc::timex = unsafe { mem::zeroed() };
        // SAFETY: the kernel reads and writes one such structure.
        let state = unsafe { libc::adjtimex(&raw mut answer) };
        let micros = |value: libc::c_long| Duration::from_micros(u64::try_from(value).unwrap_or(0));
        (state >= 0).then(|| Self {
            is_synchronised: state != libc::TIME_ERROR && answer.status & libc::STA_UNSYNC == 0,
            estimated_error: micros(answer.esterror),
            maximum_error: micros(answer.maxerror),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernel_says_how_right_the_clock_is() {
        let clock = Clock::ask().expect("every Linux says so");
        assert!(clock.estimated_error <= clock.maximum_error, "{clock:?}");
    }
}
