//! When to end: at the first SIGINT or SIGTERM in order, at the second at once; or when the time is over.

use anyhow::{Context as _, Result};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::flag;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// As shells say of a program that SIGINT ended.
const ENDED_AT_ONCE: i32 = 130;

/// Whether the end was asked for.
#[derive(Clone, Debug)]
pub(super) struct Ending {
    signalled: Arc<AtomicBool>,
    requested: Arc<AtomicBool>,
    at: Option<Instant>,
}

impl Ending {
    /// Takes the signals over.
    pub(super) fn on_signals() -> Result<Self> {
        let ending = Self { signalled: Arc::default(), requested: Arc::default(), at: None };
        for signal in [SIGINT, SIGTERM] {
            // In this order: what is done on the second signal looks whether there was a first.
            flag::register_conditional_shutdown(signal, ENDED_AT_ONCE, Arc::clone(&ending.signalled))
                .and_then(|_| flag::register(signal, Arc::clone(&ending.signalled)))
                .context("cannot take signals")?;
        }
        Ok(ending)
    }

    /// What SIGHUP says: with a configuration file, that it is to be read again (a flag that whoever reads it takes down); without, that the
    /// terminal is gone, and with it the reason to run.
    pub(super) fn hangup(&self, has_file: bool) -> Result<Arc<AtomicBool>> {
        let hangup = if has_file { Arc::default() } else { Arc::clone(&self.requested) };
        flag::register(SIGHUP, Arc::clone(&hangup)).context("cannot take signals")?;
        Ok(if has_file { hangup } else { Arc::default() })
    }

    /// The same, and after some time at the latest.
    #[expect(clippy::disallowed_methods, reason = "a person says how long")]
    pub(super) fn within(self, time: Duration) -> Self {
        Self { at: Some(Instant::now() + time), ..self }
    }

    /// For tests, whose process is not theirs alone.
    #[cfg(test)]
    pub(super) fn never_signalled() -> Self {
        Self { signalled: Arc::default(), requested: Arc::default(), at: None }
    }

    /// Asks for the end, as tests do, which have no signals.
    #[cfg(test)]
    pub(super) fn request(&self) {
        self.requested.store(true, Ordering::Relaxed);
    }

    /// Whether anybody asked.
    #[expect(clippy::disallowed_methods, reason = "a person says how long")]
    pub(super) fn is_requested(&self) -> bool {
        self.signalled.load(Ordering::Relaxed)
            || self.requested.load(Ordering::Relaxed)
            || self.at.is_some_and(|at| Instant::now() >= at)
    }
}
