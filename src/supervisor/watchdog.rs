//! The watchdog: it is fed by the progress of all threads, so that a service manager restarts a program that hangs.

use super::{THREADS, pulse::Pulses, tell};
use crate::output::complain;
use sd_notify::NotifyState;
use std::time::{Duration, Instant};

/// Where nobody says how long is too long: for what people are told.
const DEFAULT_PATIENCE: Duration = Duration::from_mins(2);
/// Looks in the time that the service manager waits: a thread that goes on again is noticed long before that is over.
const LOOKS: u32 = 8;

/// Looks at the threads now and then, and says so when one hangs.
pub(crate) struct Watchdog {
    threads: &'static Pulses,
    patience: Duration,
    /// Whether a service manager waits to be told.
    is_fed: bool,
    looks_at: Instant,
    /// When all had last gone on.
    went_on: Instant,
    is_told: bool,
}

impl Watchdog {
    /// As the service manager says (`WatchdogSec=`, which comes as `WATCHDOG_USEC`).
    pub(crate) fn of_the_service() -> Self {
        Self::new(&THREADS, sd_notify::watchdog_enabled())
    }

    #[expect(clippy::disallowed_methods, reason = "whether a thread hangs is told by the clock")]
    fn new(threads: &'static Pulses, asked: Option<Duration>) -> Self {
        let (patience, now) = (asked.unwrap_or(DEFAULT_PATIENCE), Instant::now());
        Self { threads, patience, is_fed: asked.is_some(), looks_at: now, went_on: now, is_told: false }
    }

    /// To be called again and again, by a thread that must not hang either.
    #[expect(clippy::disallowed_methods, reason = "whether a thread hangs is told by the clock")]
    pub(crate) fn look(&mut self) {
        if let Some(said) = self.look_at(Instant::now()) {
            complain(&said);
        }
    }

    fn look_at(&mut self, now: Instant) -> Option<String> {
        if now < self.looks_at {
            return None;
        }
        self.looks_at = now + self.patience / LOOKS;
        if self.threads.have_all_gone_on(now) {
            self.went_on = now;
            if self.is_fed {
                tell(&[NotifyState::Watchdog]);
            }
            return std::mem::take(&mut self.is_told).then(|| "all threads go on again".to_owned());
        }
        let is_long = now.saturating_duration_since(self.went_on) >= self.patience / 2;
        if !is_long || std::mem::replace(&mut self.is_told, true) {
            return None;
        }
        let hanging: Vec<_> =
            self.threads.stalled(self.patience / 4).into_iter().map(|(name, _)| name).collect();
        let after = if self.is_fed { "; the service manager will restart weir if that goes on" } else { "" };
        let seconds = now.saturating_duration_since(self.went_on).as_secs();
        Some(format!("no progress for {seconds} s: {}{after}", hanging.join(", ")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[expect(clippy::disallowed_methods, reason = "a moment to begin with")]
    fn a_thread_that_hangs_is_told_once_and_so_is_that_it_goes_on() {
        static THREADS: Pulses = Pulses::new();
        let pulse = THREADS.begin("worker 0".into());
        let mut watchdog = Watchdog::new(&THREADS, Some(Duration::from_secs(8)));
        let began = Instant::now();
        let mut look = |seconds| watchdog.look_at(began + Duration::from_secs(seconds));
        assert_eq!(look(1), None);
        assert_eq!([look(2), look(3), look(4)], [None, None, None]);
        let said = look(6).unwrap();
        assert!(said.starts_with("no progress for 5 s: ") && said.contains("will restart weir"), "{said}");
        assert_eq!(look(8), None, "said once");
        pulse.beat();
        assert_eq!(look(9).as_deref(), Some("all threads go on again"));
    }
}
