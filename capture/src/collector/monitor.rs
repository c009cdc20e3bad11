//! What is to be known of a collector while its threads receive.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};

use ipnet::IpNet;

use super::allowed::Allowed;
use super::group::Member;
use super::stream::Gate;
use super::{Collector, CollectorError, CollectorEvent, CollectorStats, locked};

/// Knows the books, and ends the collector. Dropping it stops the collector.
#[derive(Debug)]
pub struct CollectorMonitor {
    collector: Arc<Collector>,
    gate: Mutex<Option<Gate>>,
}

impl CollectorMonitor {
    pub(super) fn new(collector: Arc<Collector>, gate: Option<Gate>) -> Self {
        Self { collector, gate: Mutex::new(gate) }
    }

    /// Starts the thread that lets connections in, if there is anything to connect to: for [`super::bind`].
    pub fn let_in(&self) -> Result<(), CollectorError> {
        let mut gate = locked(&self.gate);
        let started = gate.as_mut().map_or(Ok(()), Gate::start);
        started.map_err(|error| CollectorError::System(error.to_string()))
    }

    /// The counters.
    pub fn stats(&self) -> CollectorStats {
        CollectorStats {
            sockets: self.collector.members.iter().map(Member::stats).collect(),
            streams: self.collector.streams.stats(),
        }
    }

    /// Hears exporters of these networks alone from here on; all, if there are none. Streams that are open go on.
    pub fn allow(&self, networks: &[IpNet]) {
        let mut allowed = self.collector.allowed.write().unwrap_or_else(PoisonError::into_inner);
        *allowed = Arc::new(Allowed::new(networks));
    }

    /// What happened since the last call, oldest first; at most [`super::MAX_COLLECTOR_EVENTS`] are kept, the newest.
    pub fn events(&self) -> Vec<CollectorEvent> {
        locked(&self.collector.events).drain(..).collect()
    }

    /// Ends receiving: what comes from here on is not seen. Each worker's [`super::CollectorWorker::receive`] still hands on
    /// what waits, and then says [`super::Received::Ended`].
    pub fn stop(&self) {
        if self.collector.stopping.load(Ordering::Acquire) {
            return;
        }
        // Nobody comes to an inbox after this.
        drop(locked(&self.gate).take());
        self.collector.members.iter().for_each(Member::close);
        self.collector.stopping.store(true, Ordering::Release);
        self.collector.wakers.iter().for_each(super::waiting::Waker::wake);
    }
}

impl Drop for CollectorMonitor {
    fn drop(&mut self) {
        self.stop();
    }
}
