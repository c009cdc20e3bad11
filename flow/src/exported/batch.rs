//! Records on their way into flows: what is kept of each, as compact as a cache likes it.

use super::config::ExportedFlowsConfig;
use super::order::Order;
use super::place::Place;
use super::tally::Tally;
use super::times::Times;
use super::told;
use crate::ends::{Ends, Seed};
use crate::side::Both;
use crate::table::is_left_out;
use arrayvec::ArrayVec;
use smallvec::SmallVec;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;
use weir_model::community_id::icmp_ports;
use weir_model::flow::Tunnel;
use weir_model::observation::Fact;
use weir_model::record::{EndReason, ExportedRecord, Origin, SampledFrame, Sampling, Translated};
use weir_model::{Endpoint, FlowId, Networks, Protocol, Timestamp};
use weir_wire::{DatagramInspector, Packet, Side, StreamInspector, TcpFields, Transport};

/// Records after which a batch is full: each shard that they fall into is locked once, and what they need is fetched together.
const FULL: usize = 256;

/// Most facts taken from one sampled packet. A packet can hold some dozens of HTTP requests, and hardly any does.
const MAX_FACTS_PER_FRAME: usize = 16;

/// Flows of exported records are numbered apart from those of packets, so that both can be told apart in one process. Readers of JSON
/// keep numbers as doubles, some of them: up to 2^53 all of them are exact.
pub(super) const EXPORTED: u64 = 1 << 52;

/// Records that one thread collects before it puts them into flows.
#[derive(Debug)]
pub struct ExportedBatch {
    seed: Seed,
    clock_tolerance: Duration,
    left_out: Networks,
    pub(super) reports: Vec<Report>,
    pub(super) counts: BatchCounts,
    pub(super) order: Order,
    /// With which shard it begins.
    pub(super) first_shard: usize,
}

/// What is counted when records come in.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct BatchCounts {
    pub(super) records: u64,
    pub(super) sampled: u64,
    pub(super) without_addresses: u64,
    pub(super) left_out: u64,
    pub(super) names_refused: u64,
    pub(super) clocks_corrected: u64,
}

/// What a record or a sampled frame says of a conversation.
#[derive(Debug)]
pub(super) struct Report {
    pub(super) id: FlowId,
    /// A is the source.
    pub(super) ends: Ends,
    pub(super) tag: u32,
    pub(super) place: Place,
    pub(super) received: Timestamp,
    pub(super) times: Times,
    /// By the sides of `ends`.
    pub(super) tallies: Both<Tally>,
    pub(super) tcp_flags: Both<u8>,
    pub(super) joins_both: bool,
    pub(super) is_over: bool,
    pub(super) tos: Option<u8>,
    pub(super) icmp: Option<(u8, u8)>,
    pub(super) vlans: [u16; 2],
    pub(super) sampling: Option<Sampling>,
    pub(super) input: Option<u32>,
    pub(super) output: Option<u32>,
    pub(super) next_hop: Option<IpAddr>,
    pub(super) autonomous: Both<Option<u32>>,
    pub(super) rare: Option<Box<Rare>>,
}

/// What few records say.
#[derive(Debug, Default)]
pub(super) struct Rare {
    pub(super) translated: Option<Translated>,
    pub(super) firewall_event: Option<u8>,
    pub(super) nat_event: Option<u8>,
    pub(super) application: Option<Arc<str>>,
    pub(super) mpls: SmallVec<[u32; 4]>,
    pub(super) tunnels: SmallVec<[Tunnel; 2]>,
    pub(super) facts: Vec<Fact>,
}

impl ExportedBatch {
    pub(super) fn new(config: &ExportedFlowsConfig, seed: Seed, first_shard: usize) -> Self {
        Self {
            seed,
            clock_tolerance: config.clock_tolerance,
            left_out: config.left_out.clone(),
            reports: Vec::with_capacity(FULL),
            counts: BatchCounts::default(),
            order: Order::new(config.shards()),
            first_shard,
        }
    }

    /// Whether it is time to put them into flows. More can be added, at the price of their memory.
    pub fn is_full(&self) -> bool {
        self.reports.len() >= FULL
    }

    /// Whether there is nothing to put into flows.
    pub fn is_empty(&self) -> bool {
        self.reports.is_empty() && self.counts.records == 0
    }

    /// Adds a record. `number` is unique in the process, below 2^52, and rises from record to record of a thread.
    pub fn push(&mut self, number: u64, record: &ExportedRecord<'_>) {
        self.counts.records += 1;
        let (Some(source), Some(destination)) = (record.source, record.destination) else {
            self.counts.without_addresses += 1;
            return;
        };
        if !self.left_out.is_empty() && self.leaves_out([source, destination], record.translated) {
            self.counts.left_out += 1;
            return;
        }
        let protocol = record.protocol.unwrap_or(Protocol(0));
        let icmp = record.icmp.filter(|_| protocol.is_icmp());
        let (source_port, destination_port) = match icmp {
            Some((kind, code)) => icmp_ports(protocol, kind, code),
            None if protocol.has_ports() => (record.source_port, record.destination_port),
            None => (0, 0),
        };
        let ends = Ends::new(
            protocol,
            Endpoint::new(source, source_port),
            Endpoint::new(destination, destination_port),
        );
        let tally = |counters| Tally::of(counters, protocol, source.is_ipv4());
        let times = Times::new(&record.origin, (record.first, record.last), self.clock_tolerance);
        self.counts.clocks_corrected += u64::from(times.correction != 0);
        self.reports.push(Report {
            id: FlowId(number | EXPORTED),
            ends,
            tag: ends.tag(&self.seed),
            place: Place::new(&record.origin, record.direction),
            received: record.origin.received,
            times,
            tallies: Both { a: tally(record.forward), b: record.reverse.map_or_else(Tally::default, tally) },
            tcp_flags: Both { a: flags(record.tcp_flags), b: flags(record.reverse_tcp_flags) },
            joins_both: record.reverse.is_some(),
            is_over: record.end_reason == Some(EndReason::EndOfFlow),
            tos: record.tos,
            icmp,
            vlans: [record.vlan.or(record.post_vlan).unwrap_or(0), 0],
            sampling: record.sampling,
            input: record.input,
            output: record.output,
            next_hop: record.next_hop,
            autonomous: Both { a: record.source_as, b: record.destination_as },
            rare: rare_of(record, &mut self.counts),
        });
    }

    /// Adds a sampled frame by the packet that was decoded from it: one packet, as long as its IP header says. What its
    /// payload says on its own is read: a DNS message, the beginning of a TLS or QUIC handshake, an HTTP request.
    pub fn push_sampled(&mut self, number: u64, frame: &SampledFrame<'_>, packet: &Packet<'_>) {
        self.counts.records += 1;
        self.counts.sampled += 1;
        if !self.left_out.is_empty() && is_left_out(&self.left_out, packet) {
            self.counts.left_out += 1;
            return;
        }
        let ends = Ends::of(packet);
        let (tcp_flags, icmp) = match packet.transport {
            Transport::Tcp(fields) => (fields.flags, None),
            Transport::Icmp { icmp_type, code, .. } => (0, Some((icmp_type, code))),
            Transport::Udp | Transport::Other => (0, None),
        };
        let tally = Tally {
            packets: u64::from(packet.frames),
            bytes: u64::from(packet.ip_bytes),
            payload: u64::from(packet.payload_len),
        };
        let mut vlans = packet.vlans.iter().copied().chain(frame.vlan).chain(frame.post_vlan);
        self.reports.push(Report {
            id: FlowId(number | EXPORTED),
            ends,
            tag: ends.tag(&self.seed),
            place: Place::new(&frame.origin, None),
            received: frame.origin.received,
            times: sampled_at(&frame.origin),
            tallies: Both { a: tally, b: Tally::default() },
            tcp_flags: Both { a: tcp_flags, b: 0 },
            joins_both: false,
            is_over: false,
            tos: None,
            icmp,
            vlans: match packet.vlans.len() {
                0 | 1 => [vlans.next().unwrap_or(0), 0],
                _ => [vlans.next().unwrap_or(0), vlans.next().unwrap_or(0)],
            },
            sampling: frame.sampling,
            input: frame.input,
            output: frame.output,
            next_hop: frame.next_hop,
            autonomous: Both { a: frame.source_as, b: frame.destination_as },
            rare: rare_of_packet(packet),
        });
    }

    fn leaves_out(&self, ends: [IpAddr; 2], translated: Translated) -> bool {
        let translated = [translated.source, translated.destination].into_iter().flatten();
        ends.into_iter().chain(translated).any(|ip| self.left_out.holds(ip))
    }

    pub(super) fn clear(&mut self) {
        self.reports.clear();
        self.counts = BatchCounts::default();
    }
}

impl Report {
    pub(super) const fn protocol(&self) -> Protocol {
        self.ends.protocol()
    }

    pub(super) const fn flags(&self, side: Side) -> u8 {
        *self.tcp_flags.of(side)
    }

    /// Whether packets of `side` are one SYN and nothing that answers.
    pub(super) const fn is_lone_syn(&self, side: Side) -> bool {
        self.flags(side) & (TcpFields::SYN | TcpFields::ACK) == TcpFields::SYN
    }

    /// Whether the only packet of `side` is a SYN-ACK.
    pub(super) const fn is_syn_ack(&self, side: Side) -> bool {
        const BOTH: u8 = TcpFields::SYN | TcpFields::ACK;
        self.tallies.of(side).packets == 1 && self.flags(side) & BOTH == BOTH
    }
}

/// The low byte of the flag word.
fn flags(flags: Option<u16>) -> u8 {
    flags.unwrap_or(0) as u8
}

/// A frame was seen when it was received: sFlow has no other clock.
const fn sampled_at(origin: &Origin) -> Times {
    Times { first: origin.received, last: origin.received, correction: 0 }
}

fn rare_of(record: &ExportedRecord<'_>, counts: &mut BatchCounts) -> Option<Box<Rare>> {
    let texts = [record.dns_query, record.http_host, record.http_target, record.tls_server_name];
    let translated = record.translated;
    let is_translated = translated.source.is_some() || translated.destination.is_some();
    let is_rare = is_translated
        || record.firewall_event.is_some()
        || record.nat_event.is_some()
        || record.application.is_some()
        || texts.iter().any(Option::is_some);
    if !is_rare {
        return None;
    }
    let (told, refused) = told::names(record);
    counts.names_refused += refused;
    Some(Box::new(Rare {
        translated: is_translated.then_some(translated),
        firewall_event: record.firewall_event,
        nat_event: record.nat_event,
        application: record.application.and_then(told::application),
        facts: told.map(|told| Fact::Told(Arc::new(told))).into_iter().collect(),
        ..Rare::default()
    }))
}

fn rare_of_packet(packet: &Packet<'_>) -> Option<Box<Rare>> {
    let facts = facts_of(packet);
    if facts.is_empty() && packet.mpls().is_empty() && packet.tunnels().is_empty() {
        return None;
    }
    let (mpls, tunnels) = (packet.mpls().into(), packet.tunnels().into());
    Some(Box::new(Rare { mpls, tunnels, facts: facts.into_iter().collect(), ..Rare::default() }))
}

/// What the payload of one packet says without those before it.
fn facts_of(packet: &Packet<'_>) -> ArrayVec<Fact, MAX_FACTS_PER_FRAME> {
    let mut facts = ArrayVec::new();
    if packet.payload.is_empty() {
        return facts;
    }
    let mut learn = |fact| {
        // Beyond the cap nothing is kept.
        let _ = facts.try_push(fact);
    };
    let (from, to) = (packet.source.port, packet.destination.port);
    match packet.transport {
        Transport::Udp => {
            DatagramInspector::new(from, to).push(Side::A, packet.payload, &mut learn);
        }
        Transport::Tcp(_) => {
            StreamInspector::new(from, to).push(Side::A, packet.payload, &mut learn);
        }
        Transport::Icmp { .. } | Transport::Other => {}
    }
    facts
}
