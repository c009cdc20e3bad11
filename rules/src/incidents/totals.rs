//! What the flows of an incident come to, as counted and as estimated.

use weir_model::alert::Traffic;
use weir_model::flow::Counters;
use weir_model::{Flow, record};

/// What some of an incident's flows come to.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Totals {
    pub flows: u64,
    pub sent: Traffic,
    pub received: Traffic,
    pub estimated_sent: record::Counters,
    pub estimated_received: record::Counters,
}

impl Totals {
    /// What a flow record comes to, seen from one of its ends.
    pub(super) fn of(flow: &Flow, is_initiator: bool, flows: u64) -> Self {
        let (forward, reverse) = flow.estimated();
        let totals = Self {
            flows,
            sent: traffic(&flow.forward),
            received: traffic(&flow.reverse),
            estimated_sent: forward,
            estimated_received: reverse,
        };
        if is_initiator { totals } else { totals.turned() }
    }

    fn turned(self) -> Self {
        Self {
            flows: self.flows,
            sent: self.received,
            received: self.sent,
            estimated_sent: self.estimated_received,
            estimated_received: self.estimated_sent,
        }
    }

    pub(super) fn add(&mut self, other: Self) {
        self.flows += other.flows;
        self.sent = sum(self.sent, other.sent);
        self.received = sum(self.received, other.received);
        self.estimated_sent = estimated_sum(self.estimated_sent, other.estimated_sent);
        self.estimated_received = estimated_sum(self.estimated_received, other.estimated_received);
    }
}

fn traffic(counters: &Counters) -> Traffic {
    let Counters { packets, ip_bytes, payload_bytes, .. } = *counters;
    Traffic { packets, ip_bytes, payload_bytes }
}

fn sum(one: Traffic, other: Traffic) -> Traffic {
    Traffic {
        packets: one.packets.saturating_add(other.packets),
        ip_bytes: one.ip_bytes.saturating_add(other.ip_bytes),
        payload_bytes: one.payload_bytes.saturating_add(other.payload_bytes),
    }
}

fn estimated_sum(one: record::Counters, other: record::Counters) -> record::Counters {
    record::Counters {
        packets: one.packets.saturating_add(other.packets),
        bytes: one.bytes.saturating_add(other.bytes),
    }
}
