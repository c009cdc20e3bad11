//! What the threads of a run want of a tap: so much that a test can play a capture file in its place.

use weir_capture::FrameBatch;
use weir_capture::live::{InterfaceStats, TapEvent, TapMonitor, TapWorker, Woken};
use weir_model::Timestamp;

/// One worker's frames.
pub(super) trait Source: Send {
    /// Clears the batch and fills it; returns after a moment also when there is nothing.
    fn next_batch(&mut self, batch: &mut FrameBatch) -> Woken;
    /// No frame before this time is still to come, as a rule.
    fn passed(&mut self) -> Timestamp;
    /// How much of the memory for frames that wait is taken, in hundredths; nothing of what has none.
    fn fullness(&self) -> u8 {
        0
    }
}

/// What is to be known of the interfaces, and how capturing is ended.
pub(super) trait Interfaces: Send + Sync {
    fn stats(&self) -> Vec<InterfaceStats>;
    fn events(&self) -> Vec<TapEvent>;
    fn stop(&self);
}

impl Source for TapWorker {
    fn next_batch(&mut self, batch: &mut FrameBatch) -> Woken {
        Self::next_batch(self, batch)
    }

    fn passed(&mut self) -> Timestamp {
        Self::passed(self)
    }

    fn fullness(&self) -> u8 {
        Self::fullness(self)
    }
}

impl Interfaces for TapMonitor {
    fn stats(&self) -> Vec<InterfaceStats> {
        Self::stats(self)
    }

    fn events(&self) -> Vec<TapEvent> {
        Self::events(self)
    }

    fn stop(&self) {
        Self::stop(self);
    }
}

/// A run without interfaces.
pub(super) struct NoInterfaces;

impl Interfaces for NoInterfaces {
    fn stats(&self) -> Vec<InterfaceStats> {
        Vec::new()
    }

    fn events(&self) -> Vec<TapEvent> {
        Vec::new()
    }

    fn stop(&self) {}
}
