//! Limits and timeouts of flows made of exported records.

use std::time::Duration;
use weir_model::Networks;

/// Limits and timeouts. Each limit has an adversary: somebody who makes a router tell of so many conversations that the table
/// grows, or who forges datagrams of a router.
#[derive(Clone, Debug)]
pub struct ExportedFlowsConfig {
    /// A flow ends when nothing was received about it for so long, by our clock. Routers tell of a flow that goes on once in
    /// their active timeout, mostly a minute: the default is more than that.
    pub quiet: Duration,
    /// A flow ends after it lasted so long, by the times of its records, and another continues it (RFC 5102 flowActiveTimeout).
    pub active_timeout: Duration,
    /// Times of an exporter whose clock differs from ours by more are moved by the difference.
    pub clock_tolerance: Duration,
    /// Budget in bytes for all flows ([`ExportedFlowsConfig::max_flows`] without what most flows lack) and what is attached to them.
    /// When it is used up, a flow that was seen from one side only, with a few packets, makes room, and only without such
    /// a one an established flow. Counted.
    pub table_bytes: usize,
    /// How many threads put records in at a time: there are at least four times as many shards.
    pub threads: usize,
    /// Records with an end in these networks, before or behind a translator, are counted, and belong to no flow.
    pub left_out: Networks,
}

/// Fewest and most shards. Each has memory of its own; with more than these a batch has too few records for each.
const FEWEST_SHARDS: usize = 4;
const MOST_SHARDS: usize = 64;

impl ExportedFlowsConfig {
    /// The number of flows that the budget pays for, in all shards.
    pub fn max_flows(&self) -> usize {
        self.max_flows_of_shard() * self.shards()
    }

    pub(super) fn shards(&self) -> usize {
        self.threads.saturating_mul(4).clamp(FEWEST_SHARDS, MOST_SHARDS).next_power_of_two()
    }

    pub(super) fn bytes_of_shard(&self) -> usize {
        self.table_bytes / self.shards()
    }

    pub(super) fn max_flows_of_shard(&self) -> usize {
        (self.bytes_of_shard() / super::shard::BYTES_PER_FLOW).clamp(1, u32::MAX as usize - 1)
    }
}

impl Default for ExportedFlowsConfig {
    fn default() -> Self {
        Self {
            quiet: Duration::from_mins(2),
            active_timeout: Duration::from_mins(30),
            clock_tolerance: Duration::from_mins(1),
            table_bytes: 1 << 30,
            threads: 1,
            left_out: Networks::default(),
        }
    }
}
