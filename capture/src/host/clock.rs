//! The system's clock, as the kernel keeps it (`adjtimex(2)`).

#![expect(unsafe_code, reason = "asking about the clock is a system call")]

use std::mem;
use std::time::Duration;
use weir_model::ClockQuality;

/// How right the clock is. `None` where the kernel does not say, or may not be asked.
///
/// The call is `adjtimex` itself: the C library may make `clock_adjtime` of its own function, which a sandbox need not allow.
pub fn clock_quality() -> Option<ClockQuality> {
    // SAFETY: zero is valid for each of its fields, and asks for nothing to be changed.
    let mut answer: libc::timex = unsafe { mem::zeroed() };
    // SAFETY: the kernel reads and writes one such structure.
    let state = unsafe { libc::syscall(libc::SYS_adjtimex, &raw mut answer) };
    (state >= 0).then(|| judge(state, &answer))
}

fn judge(state: libc::c_long, answer: &libc::timex) -> ClockQuality {
    let micros = |value: libc::c_long| Duration::from_micros(u64::try_from(value).unwrap_or(0));
    // The state is also an error where only a pulse a second is missing, which the flag then does not say.
    if answer.status & libc::STA_UNSYNC != 0 || state == libc::c_long::from(libc::TIME_ERROR) {
        return ClockQuality::Unsynchronised;
    }
    ClockQuality::Synchronised {
        estimated_error: micros(answer.esterror),
        maximum_error: micros(answer.maxerror),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernel_says_how_right_the_clock_is() {
        let quality = clock_quality().expect("every Linux says so");
        assert!(quality.estimated_error() <= quality.maximum_error(), "{quality:?}");
    }

    #[test]
    fn a_clock_is_kept_unless_the_kernel_says_otherwise() {
        // SAFETY: zero is valid for each of its fields.
        let mut answer: libc::timex = unsafe { mem::zeroed() };
        (answer.esterror, answer.maxerror) = (250, 31_000);
        let kept = ClockQuality::Synchronised {
            estimated_error: Duration::from_micros(250),
            maximum_error: Duration::from_millis(31),
        };
        assert_eq!(judge(0, &answer), kept);
        assert_eq!(judge(libc::TIME_ERROR.into(), &answer), ClockQuality::Unsynchronised);
        answer.status = libc::STA_UNSYNC;
        assert_eq!(judge(0, &answer), ClockQuality::Unsynchronised);
    }
}
