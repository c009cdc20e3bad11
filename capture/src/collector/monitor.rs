//! What is to be known of a collector while its threads receive.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::group::Member;
use super::{Collector, CollectorEvent, CollectorStats, locked};

/// Knows the books, and ends the collector. Dropping it stops the collector.
#[derive(Debug)]
pub struct CollectorMonitor(Arc<Collector>);

impl CollectorMonitor {
    pub(super) const fn new(collector: Arc<Collector>) -> Self {
        Self(collector)
    }

    /// The counters.
    pub fn stats(&self) -> CollectorStats {
        CollectorStats { sockets: self.0.members.iter().map(Member::stats).collect() }
    }

    /// What happened since the last call, oldest first; at most [`super::MAX_COLLECTOR_EVENTS`] are kept, the newest.
    pub fn events(&self) -> Vec<CollectorEvent> {
        locked(&self.0.events).drain(..).collect()
    }

    /// Ends receiving: what comes from here on is not seen. Each worker's [`super::CollectorWorker::receive`] still hands on
    /// what waits, and then says [`super::Received::Ended`].
    pub fn stop(&self) {
        if self.0.stopping.load(Ordering::Acquire) {
            return;
        }
        self.0.members.iter().for_each(Member::close);
        self.0.stopping.store(true, Ordering::Release);
        self.0.wakers.iter().for_each(super::waiting::Waker::wake);
    }
}

impl Drop for CollectorMonitor {
    fn drop(&mut self) {
        self.stop();
    }
}
