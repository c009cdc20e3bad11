//! What is to be known of a tap while workers capture from it.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use super::interface::locked;
use super::{InterfaceStats, Tap, TapEvent};

/// Looks after the interfaces of a tap from a thread of its own: takes those up again that went down or away, and
/// counts. Dropping it stops the tap.
#[derive(Debug)]
pub struct TapMonitor {
    tap: Arc<Tap>,
    keeper: Mutex<Option<JoinHandle<()>>>,
}

impl TapMonitor {
    pub(super) fn new(tap: Arc<Tap>, keeper: JoinHandle<()>) -> Self {
        Self { tap, keeper: Mutex::new(Some(keeper)) }
    }

    /// The counters, in the order in which the interfaces were named.
    pub fn stats(&self) -> Vec<InterfaceStats> {
        self.tap.interfaces.iter().map(|interface| interface.stats()).collect()
    }

    /// What happened since the last call, oldest first; at most [`super::MAX_EVENTS`] are kept, the newest.
    pub fn events(&self) -> Vec<TapEvent> {
        locked(&self.tap.events).drain(..).collect()
    }

    /// Ends capturing: frames that arrive from here on are not seen. Each worker's [`super::TapWorker::next_batch`]
    /// still hands on what is in its rings, and then says [`super::Woken::Ended`].
    pub fn stop(&self) {
        // No worker ends before nothing can arrive any more: the keeper opens nothing after it has seen this.
        self.tap.ending.store(true, Ordering::Release);
        let keeper = locked(&self.keeper).take();
        if let Some(keeper) = keeper {
            // It ends within its time between two looks; what it panicked about, if it did, was said on standard
            // error.
            let _panicked = keeper.join();
        }
        for interface in &self.tap.interfaces {
            interface.stop_receiving();
        }
        self.tap.stopping.store(true, Ordering::Release);
    }
}

impl Drop for TapMonitor {
    fn drop(&mut self) {
        self.stop();
    }
}
