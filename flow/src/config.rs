//! Limits and timeouts of the flow table.

use crate::passive_dns::PassiveDnsConfig;
use std::time::Duration;
use weir_model::Networks;

/// Limits and timeouts. Each limit has an adversary: somebody who sends packets so that the table grows.
#[derive(Clone, Debug)]
pub struct FlowConfig {
    /// A TCP flow ends after this long without a packet (RFC 5102 flowIdleTimeout).
    pub tcp_idle_timeout: Duration,
    /// A flow of any other protocol ends after this long without a packet.
    pub other_idle_timeout: Duration,
    /// A TCP flow that was closed or reset keeps taking late packets until this long after its last one.
    pub closed_linger: Duration,
    /// A record ends after this long and another continues it (RFC 5102 flowActiveTimeout).
    pub active_timeout: Duration,
    /// Budget of the table in bytes; it gives the number of flows ([`FlowConfig::max_flows`]). When the table is full,
    /// a flow that never got an answer makes room, and only without such a one an established flow. Counted.
    pub table_bytes: usize,
    /// Budget in bytes for what payloads said of open flows (names, certificates, requests). When it is used up
    /// further facts still reach the sink, but are not kept in flow records. Counted.
    pub facts_bytes: usize,
    /// Most bytes of out-of-order segments held for one flow. When it is reached, the hole before them is given up.
    pub held_bytes_per_flow: usize,
    /// Most bytes of out-of-order segments held in all. When it is reached, holes are given up at once.
    pub held_bytes_in_all: usize,
    /// Most stream bytes of one flow that are read for names. Behind them the flow is only counted.
    pub read_bytes_per_flow: u64,
    /// Most TCP flows whose payload is being read at a time. When it is reached, the one that began first is no
    /// longer read. Counted.
    pub max_stream_readers: usize,
    /// Likewise for UDP; there reading starts afresh with the next datagram.
    pub max_datagram_readers: usize,
    /// Who tells the table of ICMP errors about its flows.
    pub icmp_notes: IcmpNotes,
    /// Packet numbers of a round, where rounds are cut by them; 0 where by something else. Packets that are handed on after their round
    /// then get the same names however many tables share passive DNS.
    pub round_packets: u64,
    /// Packets with an end in these networks, or of a tunnel that has one there, are counted, and belong to no flow.
    pub left_out: Networks,
    /// Limits of passive DNS, where the table makes its own.
    pub passive_dns: PassiveDnsConfig,
}

/// Who tells a table that an ICMP error is about one of its flows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum IcmpNotes {
    /// The table itself, when the error's own packet comes along: it has all flows.
    #[default]
    OwnPackets,
    /// Whoever deals packets to several tables, by [`crate::FlowTable::note_icmp_error`].
    FromOutside,
}

impl FlowConfig {
    /// The number of flows that the budget pays for, at least one.
    pub fn max_flows(&self) -> usize {
        (self.table_bytes / crate::table::BYTES_PER_FLOW).clamp(1, u32::MAX as usize - 1)
    }
}

impl Default for FlowConfig {
    fn default() -> Self {
        Self {
            tcp_idle_timeout: Duration::from_mins(5),
            other_idle_timeout: Duration::from_mins(1),
            closed_linger: Duration::from_secs(10),
            active_timeout: Duration::from_mins(30),
            table_bytes: 1 << 30,
            facts_bytes: 256 << 20,
            held_bytes_per_flow: 64 << 10,
            held_bytes_in_all: 64 << 20,
            read_bytes_per_flow: 64 << 20,
            max_stream_readers: 32_768,
            max_datagram_readers: 65_536,
            icmp_notes: IcmpNotes::default(),
            round_packets: 0,
            left_out: Networks::default(),
            passive_dns: PassiveDnsConfig::default(),
        }
    }
}
