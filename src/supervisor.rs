//! What the service manager is told (sd_notify(3)): that all is up, that settings are read anew, how it goes, and that every thread is
//! still at work. Where no service manager listens (`NOTIFY_SOCKET`), nothing is done.

mod pulse;
mod watchdog;

pub(crate) use pulse::Pulse;
pub(crate) use watchdog::Watchdog;

use pulse::Pulses;
use sd_notify::NotifyState;
use std::time::Duration;

/// A process has one service manager, so it has one list of threads.
static THREADS: Pulses = Pulses::new();

/// Whether a service manager started this process and listens.
pub(crate) fn is_listening() -> bool {
    std::env::var_os("NOTIFY_SOCKET").is_some_and(|place| !place.is_empty())
}

/// Interfaces and ports are open, and indicators armed.
pub(crate) fn ready() {
    tell(&[NotifyState::Ready]);
}

/// Settings are read anew; [`ready`] says that this is over, whatever came of it.
pub(crate) fn reloading() {
    match NotifyState::monotonic_usec_now() {
        Ok(now) => tell(&[NotifyState::Reloading, now]),
        Err(_) => tell(&[NotifyState::Reloading]),
    }
}

/// What is under way is finished.
pub(crate) fn stopping() {
    tell(&[NotifyState::Stopping]);
}

/// A line for people (`systemctl status`).
pub(crate) fn status(text: &str) {
    // A line break would begin another assignment.
    tell(&[NotifyState::Status(&text.replace(['\n', '\r'], " "))]);
}

/// The calling thread says here that it makes progress: at least every few seconds, also when there is nothing to do. Until what is
/// returned is dropped, the watchdog waits for it.
pub(crate) fn pulse(name: impl Into<String>) -> Pulse {
    THREADS.begin(name.into())
}

/// Threads that have made no progress for so long, and how long it has been.
pub(crate) fn stalled(patience: Duration) -> Vec<(String, Duration)> {
    THREADS.stalled(patience)
}

/// A service manager that does not listen any more is not missed.
fn tell(states: &[NotifyState<'_>]) {
    drop(sd_notify::notify(states));
}
