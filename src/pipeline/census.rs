//! What the summary says of flows, counted as they end.

use crate::talkers::Talkers;
use std::net::IpAddr;
use weir_model::Protocol;
use weir_rules::Site;

/// Protocols that the summary tells apart.
pub(crate) const PROTOCOL_KINDS: [&str; 5] = ["tcp", "udp", "icmp", "sctp", "other"];

fn protocol_kind(protocol: Protocol) -> usize {
    match protocol {
        Protocol::TCP => 0,
        Protocol::UDP => 1,
        Protocol::ICMP | Protocol::ICMPV6 => 2,
        Protocol::SCTP => 3,
        _ => 4,
    }
}

/// Flows by protocol, by place, and by who moved the most bytes.
#[derive(Clone, Debug, Default)]
pub(crate) struct Census {
    pub flows: u64,
    /// Flows by [`PROTOCOL_KINDS`].
    pub by_protocol: [u64; PROTOCOL_KINDS.len()],
    /// Flows with no end inside.
    pub outside_flows: u64,
    pub talkers: Talkers,
}

impl Census {
    /// Counts a flow between these ends.
    pub(crate) fn count(&mut self, site: &Site, protocol: Protocol, ends: [IpAddr; 2], ip_bytes: u64) {
        self.flows += 1;
        if let Some(count) = self.by_protocol.get_mut(protocol_kind(protocol)) {
            *count += 1;
        }
        let inside = ends.iter().any(|end| site.is_inside(*end));
        self.outside_flows += u64::from(!inside);
        self.talkers.add(ends, ip_bytes);
    }

    /// Counts what another worker counted.
    pub(crate) fn add(&mut self, other: &Self) {
        self.flows += other.flows;
        self.by_protocol.iter_mut().zip(other.by_protocol).for_each(|(count, more)| *count += more);
        self.outside_flows += other.outside_flows;
        self.talkers.merge(&other.talkers);
    }
}
