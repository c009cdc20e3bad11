//! When to end: at the first SIGINT or SIGTERM in order, at the second at once.

use anyhow::{Context as _, Result};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// As shells say of a program that SIGINT ended.
const ENDED_AT_ONCE: i32 = 130;

/// Whether the end was asked for.
#[derive(Clone, Debug)]
pub(super) struct Ending {
    signalled: Arc<AtomicBool>,
    requested: Arc<AtomicBool>,
}

impl Ending {
    /// Takes the signals over.
    pub(super) fn on_signals() -> Result<Self> {
        let ending = Self { signalled: Arc::default(), requested: Arc::default() };
        for signal in [SIGINT, SIGTERM] {
            // In this order: what is done on the second signal looks whether there was a first.
            flag::register_conditional_shutdown(signal, ENDED_AT_ONCE, Arc::clone(&ending.signalled))
                .and_then(|_| flag::register(signal, Arc::clone(&ending.signalled)))
                .context("cannot take signals")?;
        }
        Ok(ending)
    }

    /// For tests, whose process is not theirs alone.
    #[cfg(test)]
    pub(super) fn never_signalled() -> Self {
        Self { signalled: Arc::default(), requested: Arc::default() }
    }

    /// Asks for the end from within.
    pub(super) fn request(&self) {
        self.requested.store(true, Ordering::Relaxed);
    }

    /// Whether anybody asked.
    pub(super) fn is_requested(&self) -> bool {
        self.signalled.load(Ordering::Relaxed) || self.requested.load(Ordering::Relaxed)
    }
}
