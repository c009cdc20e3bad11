//! The flow table: which flow a packet belongs to, and what becomes of flows.
//!
//! One worker owns it. Whether a packet continues a flow is decided by `timeouts` and `tcp` from the
//! packet and that flow alone; freeing memory early or late changes no record, as long as the table is not full.

use crate::answers::Received;
use crate::config::FlowConfig;
use crate::entry::{Entry, Standing};
use crate::key::FlowKey;
use crate::passive_dns::PassiveDns;
use crate::reading::Readers;
use crate::slots::{Queues, Slots};
use crate::stats::FlowStats;
use crate::timeouts::{Clock, continues};
use foldhash::fast::RandomState;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use weir_model::flow::{EndReason, FlowHead, Orientation};
use weir_model::observation::{DnsMessage, Fact, Sender};
use weir_model::{Flow, Observation, Timestamp};
use weir_wire::{Packet, Side, Transport};

/// What one flow costs: its entry, its place in the index and the queues, and an allowance for layers and passive names.
pub(crate) const BYTES_PER_FLOW: usize = size_of::<Entry>() + 2 * size_of::<(FlowKey, u32)>() + 32 + 512;

/// Who is told what the table learns. Calls come in the order of packets.
pub trait FlowSink {
    /// A flow began (also when it continues one that passed the active timeout).
    fn began(&mut self, flow: &FlowHead<'_>);
    /// Its payload said something.
    fn observed(&mut self, flow: &FlowHead<'_>, observation: &Observation);
    /// It ended.
    fn ended(&mut self, flow: Flow);
}

/// All flows that are open.
#[derive(Debug)]
pub struct FlowTable {
    config: FlowConfig,
    max_flows: usize,
    index: HashMap<FlowKey, u32, RandomState>,
    flows: Slots<Entry>,
    /// One queue per [`Standing`], each in the order of the flows' last packets.
    queues: Queues<{ Standing::COUNT }>,
    clock: Clock,
    readers: Readers,
    passive_dns: Arc<PassiveDns>,
    /// Reused from packet to packet.
    facts: Vec<Fact>,
    stats: FlowStats,
}

impl FlowTable {
    /// An empty table with passive DNS of its own.
    pub fn new(config: FlowConfig) -> Self {
        let passive_dns = Arc::new(PassiveDns::new(config.passive_dns.clone()));
        Self::with_passive_dns(config, passive_dns)
    }

    /// An empty table that shares passive DNS with others.
    pub fn with_passive_dns(config: FlowConfig, passive_dns: Arc<PassiveDns>) -> Self {
        Self {
            max_flows: config.max_flows(),
            index: HashMap::default(),
            flows: Slots::new(),
            queues: Queues::new(),
            clock: Clock::new(),
            readers: Readers::new(&config),
            passive_dns,
            facts: Vec::new(),
            stats: FlowStats::default(),
            config,
        }
    }

    /// Takes packets in their order.
    pub fn packets<'a>(
        &mut self,
        packets: impl IntoIterator<Item = &'a Packet<'a>>,
        sink: &mut impl FlowSink,
    ) {
        for packet in packets {
            self.packet(packet, sink);
        }
    }

    /// Counts a packet into its flow and learns from its payload.
    pub fn packet(&mut self, packet: &Packet<'_>, sink: &mut impl FlowSink) {
        self.stats.packets += 1;
        self.stats.frames += u64::from(packet.frames);
        self.stats.ip_bytes += u64::from(packet.ip_bytes);
        self.stats.steps_backwards += u64::from(self.clock.observe(packet.time));
        self.free_past_flows(sink);
        let key = FlowKey::new(packet.protocol, packet.source, packet.destination);
        let slot = self.slot_for(key, packet, sink);
        let Some(entry) = self.flows.get_mut(slot) else {
            return;
        };
        let side = entry.side_of(packet.source);
        entry.count(side, packet);
        self.queues.push_back(entry.standing() as usize, slot);
        self.read(slot, side, packet, sink);
        if let Transport::Icmp { about: Some((protocol, source, destination)), .. } = packet.transport {
            self.note_icmp_error(FlowKey::new(protocol, source, destination), packet);
        }
    }

    /// Ends all flows, in the order in which they began: the input is over. Those that were idle by then end as idle.
    pub fn finish(&mut self, sink: &mut impl FlowSink) {
        let now = self.clock.latest();
        let mut open: Vec<_> = self.flows.iter().map(|(slot, entry)| (entry.record.id, slot)).collect();
        open.sort_unstable();
        for (_, slot) in open {
            let is_live = self.flows.get(slot).is_some_and(|entry| self.is_continued(entry, now));
            self.end(slot, if is_live { EndReason::EndOfInput } else { EndReason::Idle }, sink);
        }
    }

    /// Counts so far.
    pub fn stats(&self) -> FlowStats {
        FlowStats {
            flows_open: self.flows.len() as u64,
            stream_readers_dropped: self.readers.stream_readers_dropped,
            datagram_readers_dropped: self.readers.datagram_readers_dropped,
            stream_bytes_held: self.readers.budget.held as u64,
            streams: self.readers.budget.stats,
            passive_dns: self.passive_dns.stats(),
            ..self.stats
        }
    }

    /// Frames counted into flows that are open; for the ledger. Walks the table.
    pub fn frames_in_open_flows(&self) -> u64 {
        self.flows.iter().map(|(_, entry)| entry.frames()).sum()
    }

    /// The slot of the flow that the packet belongs to, begun if need be.
    fn slot_for(&mut self, key: FlowKey, packet: &Packet<'_>, sink: &mut impl FlowSink) -> u32 {
        let Some(slot) = self.index.get(&key).copied() else {
            return self.begin(key, packet, sink);
        };
        match self.fate(slot, packet) {
            None => slot,
            Some(EndReason::Active) => {
                self.renew(slot, packet, sink);
                slot
            }
            Some(reason) => {
                self.end(slot, reason, sink);
                self.begin(key, packet, sink)
            }
        }
    }

    /// Why the record in `slot` ends before this packet; `None` when it takes it.
    fn fate(&self, slot: u32, packet: &Packet<'_>) -> Option<EndReason> {
        let entry = self.flows.get(slot)?;
        if !self.is_continued(entry, packet.time) {
            return Some(EndReason::Idle);
        }
        if let (Some(tcp), Transport::Tcp(fields)) = (&entry.tcp, packet.transport)
            && tcp.begins_anew(entry.side_of(packet.source), fields)
        {
            return Some(EndReason::Reused);
        }
        let lasted = packet.time.since(entry.record.first);
        (lasted > self.config.active_timeout).then_some(EndReason::Active)
    }

    /// Whether a packet at `time` continues the flow.
    fn is_continued(&self, entry: &Entry, time: Timestamp) -> bool {
        continues(entry.record.first, entry.record.last, self.idle_timeout(entry.standing()), time)
    }

    const fn idle_timeout(&self, standing: Standing) -> Duration {
        match standing {
            Standing::TcpOver => self.config.closed_linger,
            Standing::TcpNew | Standing::TcpSettled => self.config.tcp_idle_timeout,
            Standing::OtherNew | Standing::OtherSettled => self.config.other_idle_timeout,
        }
    }

    fn begin(&mut self, key: FlowKey, packet: &Packet<'_>, sink: &mut impl FlowSink) -> u32 {
        while self.flows.len() >= self.max_flows && self.evict(sink) {}
        let mut entry = Entry::new(packet);
        let (source, destination) = (packet.source.ip, packet.destination.ip);
        let passive = self.passive_dns.names(source, destination, packet.time, packet.number);
        for named in &passive {
            self.stats.names.count(named.name.source, 1);
        }
        if !passive.is_empty() {
            entry.facts_mut().passive = passive;
        }
        if !packet.tunnels.is_empty() {
            entry.facts_mut().tunnels = packet.tunnels.iter().copied().collect();
        }
        self.stats.flows_begun += 1;
        sink.began(&entry.head());
        let slot = self.flows.insert(entry);
        self.index.insert(key, slot);
        self.stats.flows_open_peak = self.stats.flows_open_peak.max(self.flows.len() as u64);
        slot
    }

    /// Ends the record in `slot` and begins the one that continues it.
    fn renew(&mut self, slot: u32, packet: &Packet<'_>, sink: &mut impl FlowSink) {
        let Some(entry) = self.flows.get_mut(slot) else {
            return;
        };
        self.stats.frames_ended += entry.frames();
        self.stats.ended.count(EndReason::Active);
        sink.ended(entry.to_flow(EndReason::Active));
        entry.renew(packet);
        self.stats.flows_begun += 1;
        self.stats.flows_continued += 1;
        sink.began(&entry.head());
    }

    /// Ends the flow in `slot` and frees it.
    fn end(&mut self, slot: u32, reason: EndReason, sink: &mut impl FlowSink) {
        let Some(mut entry) = self.flows.remove(slot) else {
            return;
        };
        self.queues.remove(slot);
        self.index.remove(&entry.key());
        self.readers.stop(slot, &mut entry.reading);
        self.stats.facts_bytes -= entry.facts.as_ref().map_or(0, |facts| facts.cost) as u64;
        self.stats.frames_ended += entry.frames();
        let reason = entry.end_reason(reason);
        self.stats.ended.count(reason);
        sink.ended(entry.to_flow(reason));
    }

    /// Ends flows that no packet of this time can continue.
    fn free_past_flows(&mut self, sink: &mut impl FlowSink) {
        for standing in Standing::ALL {
            let idle = self.idle_timeout(standing);
            while let Some(slot) = self.queues.front(standing as usize)
                && let Some(entry) = self.flows.get(slot)
                && self.clock.is_past(entry.record.first, entry.record.last, idle)
            {
                self.end(slot, EndReason::Idle, sink);
            }
        }
    }

    /// Makes room: a connection that is over goes first, then the flow without an answer, then the settled one, whose last
    /// packet is the oldest. A flood of single packets therefore only pushes out itself.
    fn evict(&mut self, sink: &mut impl FlowSink) -> bool {
        let front = |standing: Standing| {
            let slot = self.queues.front(standing as usize)?;
            Some((self.flows.get(slot)?.record.last, slot))
        };
        let oldest = |one, other| front(one).into_iter().chain(front(other)).min();
        let victim = front(Standing::TcpOver)
            .or_else(|| oldest(Standing::TcpNew, Standing::OtherNew))
            .or_else(|| oldest(Standing::TcpSettled, Standing::OtherSettled));
        let Some((_, slot)) = victim else { return false };
        self.end(slot, EndReason::Evicted, sink);
        true
    }

    fn read(&mut self, slot: u32, side: Side, packet: &Packet<'_>, sink: &mut impl FlowSink) {
        let mut facts = std::mem::take(&mut self.facts);
        self.readers.read(&mut self.flows, slot, side, packet, &mut facts);
        for fact in facts.drain(..) {
            self.learn(slot, side, packet, fact, sink);
        }
        self.facts = facts;
    }

    /// Takes up what a packet of `side` said.
    fn learn(&mut self, slot: u32, side: Side, packet: &Packet<'_>, fact: Fact, sink: &mut impl FlowSink) {
        let Some(entry) = self.flows.get_mut(slot) else {
            return;
        };
        self.stats.facts += 1;
        match fact.sent_by() {
            Some(Sender::Initiator) => entry.oriented.weigh(Orientation::Payload, side),
            Some(Sender::Responder) => entry.oriented.weigh(Orientation::Payload, side.other()),
            None => {}
        }
        let observation = Observation {
            time: packet.time,
            packet: packet.number,
            source: packet.source,
            destination: packet.destination,
            fact,
        };
        if self.stats.facts_bytes < self.config.facts_bytes as u64 {
            let facts = entry.facts_mut();
            let cost_before = facts.cost;
            let folded = facts.fold(&observation);
            self.stats.facts_bytes += (facts.cost - cost_before) as u64;
            self.stats.names_dropped += folded.dropped;
            if let Some(source) = folded.source {
                self.stats.names.count(source, folded.names);
            }
        } else {
            self.stats.facts_not_kept += 1;
        }
        if let Fact::Dns(message) = &observation.fact {
            self.learn_dns(slot, side, packet, message);
        }
        if let Some(entry) = self.flows.get(slot) {
            sink.observed(&entry.head(), &observation);
        }
    }

    fn learn_dns(&mut self, slot: u32, side: Side, packet: &Packet<'_>, message: &DnsMessage) {
        let Some(entry) = self.flows.get_mut(slot) else {
            return;
        };
        if !message.is_response {
            entry.record.dns_messages.0 += 1;
            entry.facts_mut().note_question(message);
            return;
        }
        entry.record.dns_messages.1 += 1;
        let from_responder = side != entry.oriented.initiator;
        if message.link_local || (from_responder && entry.facts_mut().fits_question(message)) {
            let client = packet.destination.ip;
            self.passive_dns.learn(Received { message, client, time: packet.time, packet: packet.number });
        } else {
            self.stats.dns_answers_refused += 1;
        }
    }

    /// Marks the flow that an ICMP error is about, if it is open.
    fn note_icmp_error(&mut self, about: FlowKey, packet: &Packet<'_>) {
        let slot =
            self.index.get(&about).copied().filter(|slot| {
                self.flows.get(*slot).is_some_and(|entry| self.is_continued(entry, packet.time))
            });
        if let Some(entry) = slot.and_then(|slot| self.flows.get_mut(slot)) {
            entry.record.icmp_errors = entry.record.icmp_errors.saturating_add(1);
            self.stats.icmp_errors_paired += 1;
        } else {
            self.stats.icmp_errors_unpaired += 1;
        }
    }
}

impl Default for FlowTable {
    fn default() -> Self {
        Self::new(FlowConfig::default())
    }
}

#[cfg(test)]
mod tests;
