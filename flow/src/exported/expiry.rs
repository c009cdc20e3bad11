//! The ends of flows of which nothing is heard any more, and of all flows.

use super::shard::horizon;
use super::{EndedExported, ExportedFlows, ExportedSink};
use std::sync::PoisonError;
use weir_model::flow::EndReason;
use weir_model::held::Held;
use weir_model::{FlowId, Timestamp};

/// Most flows that end in one step: while a collector thread ends flows it does not receive.
const MOST_AT_ONCE: usize = 2_048;

/// A flow whose time has come, or will not come again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Due {
    pub(super) id: FlowId,
    pub(super) shard: u32,
    pub(super) slot: u32,
}

impl<A: Default + Held + Send> ExportedFlows<A> {
    /// Ends flows that are quiet at `now`, in the order of their time and number, as many as one step takes; whether more are due.
    /// Each of `parts` threads has its own `part` of them, and calls with that alone.
    pub fn expire(&self, now: Timestamp, part: usize, parts: usize, sink: &mut impl ExportedSink<A>) -> bool {
        let Some(queue) = self.due.get(part) else { return false };
        let mut queue = queue.lock().unwrap_or_else(PoisonError::into_inner);
        let horizon = horizon(now, self.config.quiet);
        let mine = || (part..self.shard_count()).step_by(parts.max(1));
        let mut left = MOST_AT_ONCE;
        loop {
            while let Some(due) = queue.pop() {
                if let Some((entry, attached)) = self.lock(due.shard as usize).end_due(&due, horizon) {
                    sink.ended(EndedExported::new(&entry, EndReason::Idle), attached.unwrap_or_default());
                }
                left -= 1;
                if left == 0 {
                    return true;
                }
            }
            let earliest = mine().filter_map(|shard| self.entries(shard).earliest_due(horizon)).min();
            let Some(tick) = earliest else { return false };
            for shard in mine() {
                self.entries(shard).gather(tick, shard as u32, &mut queue);
            }
            queue.sort_unstable_by(|one, other| other.cmp(one));
        }
    }

    /// Ends all flows, in the order of their numbers.
    pub fn finish(&self, sink: &mut impl ExportedSink<A>) {
        let mut all = Vec::new();
        for shard in 0..self.shard_count() {
            let entries = self.entries(shard);
            let due =
                entries.flows.iter().map(|(slot, entry)| Due { id: entry.id, shard: shard as u32, slot });
            all.extend(due);
        }
        all.sort_unstable();
        for due in all {
            let mut locked = self.lock(due.shard as usize);
            let found = locked.shard.flows.get(due.slot).filter(|entry| entry.id == due.id);
            let Some(tag) = found.map(|entry| entry.tag) else { continue };
            let ended = locked.remove(tag, due.slot, EndReason::EndOfInput);
            drop(locked);
            if let Some((entry, attached)) = ended {
                sink.ended(EndedExported::new(&entry, EndReason::EndOfInput), attached.unwrap_or_default());
            }
        }
    }
}
