//! What can be turned while a run goes on: numbers that threads read where they use them.

use crate::canary::Interval;
use crate::config::RunSettings;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// No cap.
const UNCAPPED: u64 = u64::MAX;

/// All of them.
#[derive(Debug)]
pub(super) struct Dials {
    /// How often canaries are sent.
    pub canary: Arc<Interval>,
    storm: AtomicU64,
    drain_millis: AtomicU64,
}

impl Dials {
    /// As the settings say.
    pub(super) fn new(settings: &RunSettings) -> Arc<Self> {
        let (storm, drain_millis) = (AtomicU64::default(), AtomicU64::default());
        let dials = Self { canary: Arc::default(), storm, drain_millis };
        dials.turn(settings);
        Arc::new(dials)
    }

    /// As other settings say.
    pub(super) fn turn(&self, settings: &RunSettings) {
        self.canary.set(settings.tap.canary);
        self.storm.store(settings.common.storm.unwrap_or(UNCAPPED), Ordering::Relaxed);
        let millis = u64::try_from(settings.drain.as_millis()).unwrap_or(u64::MAX);
        self.drain_millis.store(millis, Ordering::Relaxed);
    }

    /// Messages a minute; `None` for all.
    pub(super) fn storm(&self) -> Option<u64> {
        Some(self.storm.load(Ordering::Relaxed)).filter(|cap| *cap != UNCAPPED)
    }

    /// For tests, which are in a hurry.
    #[cfg(test)]
    pub(super) fn set_drain(&self, drain: Duration) {
        let millis = u64::try_from(drain.as_millis()).unwrap_or(u64::MAX);
        self.drain_millis.store(millis, Ordering::Relaxed);
    }

    /// How long sinks may take at the end for what waits.
    pub(super) fn drain(&self) -> Duration {
        Duration::from_millis(self.drain_millis.load(Ordering::Relaxed))
    }
}
