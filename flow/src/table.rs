//! The flow table: which flow a packet belongs to, and what becomes of flows.
//!
//! One worker owns it. Whether a packet continues a flow is decided by `timeouts` and `tcp` from the
//! packet and that flow alone; freeing memory early or late changes no record, as long as the table is not full.
//!
//! Packets come in batches, because a frame is somewhere in a file and an entry somewhere in gigabytes: first the headers of
//! every frame are fetched, then the place in the index of every packet, then every entry, then packets are taken in their
//! order. Fetching is a hint and decides nothing.

use crate::answers::Received;
use crate::config::FlowConfig;
use crate::ends::Ends;
use crate::entry::{Entry, HOT_LINES, Standing};
use crate::index::Index;
use crate::passive_dns::PassiveDns;
use crate::reading::Readers;
use crate::slots::{Queues, Slots};
use crate::stats::FlowStats;
use crate::timeouts::{Alarm, Clock, continues};
use arrayvec::ArrayVec;
use foldhash::quality::RandomState;
use std::sync::Arc;
use std::time::Duration;
use weir_model::flow::{EndReason, FlowHead, Orientation};
use weir_model::observation::{DnsMessage, Fact, Sender};
use weir_model::{Flow, Frame, Observation, Timestamp};
use weir_wire::{Decoder, Packet, Side, Transport};

/// Packets whose entries are fetched together: as many cache misses as a core can have under way, and some.
const BATCH: usize = 32;

/// Most flows that get another chance, because they had packets since they were last looked at, when one has to go.
const MAX_SECOND_CHANCES: usize = 16;

/// What one flow costs: its entry, its places in both sets of queues, its share of the index. What most flows lack (layers,
/// names from passive DNS) is charged as it comes.
pub(crate) const BYTES_PER_FLOW: usize =
    Slots::<Entry>::BYTES + STANDINGS_BYTES + Readers::BYTES_PER_FLOW + Index::bytes_for(300).div_ceil(300);
const _: () = assert!(BYTES_PER_FLOW == 243, "docs/ARCHITECTURE.md says so");
const STANDINGS_BYTES: usize = Queues::<{ Standing::COUNT }, Timestamp>::BYTES;

/// Who is told what the table learns. Calls come in the order of packets.
pub trait FlowSink {
    /// A flow began (also when it continues one that passed the active timeout).
    fn began(&mut self, flow: &FlowHead<'_>);
    /// Its payload said something.
    fn observed(&mut self, flow: &FlowHead<'_>, observation: &Observation);
    /// It ended.
    fn ended(&mut self, flow: Flow);
}

/// As many bytes of a frame as the headers of nearly all have.
fn headers<'a>(frame: &Frame<'a>) -> &'a [u8] {
    const BYTES: usize = 128;
    frame.data.get(..BYTES).unwrap_or(frame.data)
}

/// All flows that are open.
#[derive(Debug)]
pub struct FlowTable {
    config: FlowConfig,
    max_flows: usize,
    seed: RandomState,
    index: Index,
    flows: Slots<Entry>,
    /// One queue per [`Standing`], each in the order in which flows were last looked at; the mark is the time of the flow's
    /// last packet then. A packet does not touch them unless it changes its flow's standing.
    queues: Queues<{ Standing::COUNT }, Timestamp>,
    clock: Clock,
    alarm: Alarm,
    /// Bytes charged for what most flows lack.
    table_cost: usize,
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
        let max_flows = config.max_flows();
        Self {
            max_flows,
            seed: RandomState::default(),
            index: Index::new(max_flows),
            flows: Slots::new(max_flows),
            queues: Queues::new(max_flows),
            clock: Clock::new(),
            alarm: Alarm::new(),
            table_cost: 0,
            readers: Readers::new(&config),
            passive_dns,
            facts: Vec::new(),
            stats: FlowStats::default(),
            config,
        }
    }

    /// Decodes frames and takes the packets in them, in their order.
    pub fn frames<'a>(
        &mut self,
        decoder: &mut Decoder,
        frames: impl IntoIterator<Item = Frame<'a>>,
        sink: &mut impl FlowSink,
    ) {
        let mut frames = frames.into_iter();
        let mut packets = ArrayVec::<Packet<'_>, BATCH>::new();
        loop {
            let fetched = |frame: &Frame<'_>| weir_mem::fetch(headers(frame));
            let ahead: ArrayVec<_, BATCH> = frames.by_ref().take(BATCH).inspect(fetched).collect();
            if ahead.is_empty() {
                return;
            }
            for frame in &ahead {
                let whole = decoder.packet(frame, &mut |made| {
                    self.packets(&packets, sink);
                    packets.clear();
                    self.packet(made, sink);
                });
                packets.extend(whole);
            }
            self.packets(&packets, sink);
            packets.clear();
        }
    }

    /// Takes packets in their order. What comes of them does not depend on how they are divided into calls, but many
    /// at a time are faster.
    pub fn packets(&mut self, packets: &[Packet<'_>], sink: &mut impl FlowSink) {
        for batch in packets.chunks(BATCH) {
            let mut keys = [(Ends::default(), 0); BATCH];
            for (key, packet) in keys.iter_mut().zip(batch) {
                let ends = Ends::of(packet);
                *key = (ends, ends.tag(&self.seed));
                self.index.prefetch(key.1);
            }
            for (_, tag) in keys.iter().take(batch.len()) {
                if let Some(slot) = self.index.find(*tag, |_| true) {
                    self.flows.prefetch::<HOT_LINES>(slot);
                }
            }
            for ((ends, tag), packet) in keys.iter().zip(batch) {
                self.take(*ends, *tag, packet, sink);
            }
        }
    }

    /// Takes one packet.
    pub fn packet(&mut self, packet: &Packet<'_>, sink: &mut impl FlowSink) {
        self.packets(std::slice::from_ref(packet), sink);
    }

    /// Counts a packet into its flow and learns from its payload.
    fn take(&mut self, ends: Ends, tag: u32, packet: &Packet<'_>, sink: &mut impl FlowSink) {
        self.stats.packets += 1;
        self.stats.frames += u64::from(packet.frames);
        self.stats.ip_bytes += u64::from(packet.ip_bytes);
        self.stats.steps_backwards += u64::from(self.clock.observe(packet.time));
        if self.alarm.rings(&self.clock) {
            self.free_past_flows(sink);
        }
        let Some((slot, side)) = self.place_for(ends, tag, packet, sink) else {
            return;
        };
        let Some(entry) = self.flows.get_mut(slot) else {
            return;
        };
        entry.count(side, packet);
        if entry.update_standing() {
            self.queue(slot);
        }
        if packet.is_wrapped() {
            self.charge(slot);
        }
        self.read(slot, side, packet, sink);
        if let Some((protocol, source, destination)) = packet.about() {
            self.note_icmp_error(Ends::new(protocol, source, destination), packet);
        }
    }

    /// Ends all flows, in the order in which they began: the input is over. Those that were idle by then end as idle.
    pub fn finish(&mut self, sink: &mut impl FlowSink) {
        let now = self.clock.latest();
        let mut open: Vec<_> = self.flows.iter().map(|(slot, entry)| (entry.cold.id, slot)).collect();
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
            requests_unreported: self.readers.requests_unreported,
            bodies_unread: self.readers.bodies_unread,
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

    /// The slot of the flow that the packet belongs to, begun if need be, and the side that sent it.
    fn place_for(
        &mut self,
        ends: Ends,
        tag: u32,
        packet: &Packet<'_>,
        sink: &mut impl FlowSink,
    ) -> Option<(u32, Side)> {
        let Some((slot, side)) = self.find(&ends, tag) else {
            return self.begin(ends, tag, packet, sink);
        };
        match self.fate(slot, side, packet) {
            None => Some((slot, side)),
            Some(EndReason::Active) => {
                self.renew(slot, side, packet, sink);
                Some((slot, side))
            }
            Some(reason) => {
                self.end(slot, reason, sink);
                self.begin(ends, tag, packet, sink)
            }
        }
    }

    /// The slot of the open flow with those ends, and which side sends from the first of them.
    fn find(&self, ends: &Ends, tag: u32) -> Option<(u32, Side)> {
        let mut side = None;
        let slot = self.index.find(tag, |slot| {
            side = self.flows.get(slot).and_then(|entry| entry.ends.sender_of(ends));
            side.is_some()
        })?;
        Some((slot, side?))
    }

    /// Why the record in `slot` ends before this packet of `side`; `None` when it takes it.
    fn fate(&self, slot: u32, side: Side, packet: &Packet<'_>) -> Option<EndReason> {
        let entry = self.flows.get(slot)?;
        if !self.is_continued(entry, packet.time) {
            return Some(EndReason::Idle);
        }
        if let (Some(tcp), Transport::Tcp(fields)) = (&entry.tcp, packet.transport)
            && tcp.begins_anew(side, fields)
        {
            return Some(EndReason::Reused);
        }
        let lasted = packet.time.since(entry.first);
        (lasted > self.config.active_timeout).then_some(EndReason::Active)
    }

    /// Whether a packet at `time` continues the flow.
    fn is_continued(&self, entry: &Entry, time: Timestamp) -> bool {
        continues(entry.first, entry.last, self.idle_timeout(entry.standing()), time)
    }

    const fn idle_timeout(&self, standing: Standing) -> Duration {
        match standing {
            Standing::TcpOver => self.config.closed_linger,
            Standing::TcpNew | Standing::TcpSettled => self.config.tcp_idle_timeout,
            Standing::OtherNew | Standing::OtherSettled => self.config.other_idle_timeout,
        }
    }

    fn begin(
        &mut self,
        ends: Ends,
        tag: u32,
        packet: &Packet<'_>,
        sink: &mut impl FlowSink,
    ) -> Option<(u32, Side)> {
        while self.is_full() && self.evict(sink) {}
        let mut entry = Entry::new(ends, packet);
        let (source, destination) = (packet.source.ip, packet.destination.ip);
        let passive = self.passive_dns.names(source, destination, packet.time, packet.number);
        for named in &passive {
            self.stats.names.count(named.name.source, 1);
        }
        if !passive.is_empty() {
            entry.facts_mut().passive = passive;
        }
        if !packet.tunnels().is_empty() {
            entry.facts_mut().tunnels = packet.tunnels().iter().copied().collect();
        }
        self.stats.flows_begun += 1;
        sink.began(&entry.head());
        // There is room: one was made above, where there was none.
        let slot = self.flows.insert(entry)?;
        self.index.insert(tag, slot);
        self.queue(slot);
        self.charge(slot);
        self.stats.flows_open_peak = self.stats.flows_open_peak.max(self.flows.len() as u64);
        Some((slot, Side::A))
    }

    /// Whether another flow would not fit the budget.
    fn is_full(&self) -> bool {
        let used = self.flows.len() * BYTES_PER_FLOW + self.table_cost;
        self.flows.len() >= self.max_flows || used + BYTES_PER_FLOW > self.config.table_bytes
    }

    /// Charges the budget for what the flow in `slot` has and most lack, in so far as that grew.
    fn charge(&mut self, slot: u32) {
        if let Some(facts) = self.flows.get_mut(slot).and_then(|entry| entry.cold.facts.as_deref_mut()) {
            let cost = facts.current_table_cost();
            self.table_cost = self.table_cost - facts.table_cost + cost;
            facts.table_cost = cost;
        }
    }

    /// Puts a flow at the back of the queue where it belongs.
    fn queue(&mut self, slot: u32) {
        if let Some(entry) = self.flows.get(slot) {
            let standing = entry.standing();
            self.queues.push_back(standing as usize, slot, entry.last);
            self.alarm.note(entry.first, entry.last, self.idle_timeout(standing));
        }
    }

    /// Ends the record in `slot` and begins the one that continues it, with a packet of `side`.
    fn renew(&mut self, slot: u32, side: Side, packet: &Packet<'_>, sink: &mut impl FlowSink) {
        let Some(entry) = self.flows.get_mut(slot) else {
            return;
        };
        self.stats.frames_ended += entry.frames();
        self.stats.ended.count(EndReason::Active);
        sink.ended(entry.to_flow(EndReason::Active));
        entry.renew(side, packet);
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
        self.index.remove(entry.ends.tag(&self.seed), slot);
        self.readers.stop(slot, &mut entry);
        if let Some(facts) = &entry.cold.facts {
            self.table_cost -= facts.table_cost;
            self.stats.facts_bytes -= facts.cost as u64;
        }
        self.stats.frames_ended += entry.frames();
        let reason = entry.end_reason(reason);
        self.stats.ended.count(reason);
        sink.ended(entry.to_flow(reason));
    }

    /// Ends flows that no packet of this time can continue. Those that had packets since they were queued wait for another
    /// turn, so a flow is kept for twice its timeout at most.
    fn free_past_flows(&mut self, sink: &mut impl FlowSink) {
        self.alarm = Alarm::new();
        for standing in Standing::ALL {
            let idle = self.idle_timeout(standing);
            while let Some((slot, mark)) = self.queues.front(standing as usize)
                && let Some(entry) = self.flows.get(slot)
            {
                let (first, last) = (entry.first, entry.last);
                if self.clock.is_past(first, last, idle) {
                    self.end(slot, EndReason::Idle, sink);
                } else if self.clock.is_past(first, mark, idle) {
                    self.queues.push_back(standing as usize, slot, last);
                } else {
                    self.alarm.note(first, mark, idle);
                    break;
                }
            }
        }
    }

    /// Makes room: a connection that is over goes first, then the flow without an answer, then the settled one that had no
    /// packet for longest. A flood of single packets therefore only pushes out itself.
    fn evict(&mut self, sink: &mut impl FlowSink) -> bool {
        let mut oldest = |standings: &[Standing]| {
            standings.iter().filter_map(|standing| self.longest_silent(*standing)).min()
        };
        let victim = oldest(&[Standing::TcpOver])
            .or_else(|| oldest(&[Standing::TcpNew, Standing::OtherNew]))
            .or_else(|| oldest(&[Standing::TcpSettled, Standing::OtherSettled]));
        let Some((_, slot)) = victim else { return false };
        self.end(slot, EndReason::Evicted, sink);
        true
    }

    /// The flow of this standing that had no packet for longest, as far as a bounded look tells, and when that was.
    fn longest_silent(&mut self, standing: Standing) -> Option<(Timestamp, u32)> {
        for _ in 0..MAX_SECOND_CHANCES {
            let (slot, mark) = self.queues.front(standing as usize)?;
            let last = self.flows.get(slot)?.last;
            if last == mark {
                return Some((last, slot));
            }
            self.queues.push_back(standing as usize, slot, last);
        }
        let (slot, _) = self.queues.front(standing as usize)?;
        Some((self.flows.get(slot)?.last, slot))
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
            // Nobody asks from a group's address: what is said to one (Multicast DNS) begins by itself.
            Some(Sender::Responder) if packet.destination.ip.is_multicast() => {}
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
        self.charge(slot);
        if let Some(entry) = self.flows.get(slot) {
            sink.observed(&entry.head(), &observation);
        }
    }

    fn learn_dns(&mut self, slot: u32, side: Side, packet: &Packet<'_>, message: &DnsMessage) {
        let Some(entry) = self.flows.get_mut(slot) else {
            return;
        };
        if !message.is_response {
            entry.cold.dns_messages.0 += 1;
            entry.facts_mut().note_question(message);
            return;
        }
        entry.cold.dns_messages.1 += 1;
        let from_responder = side != entry.oriented.initiator;
        if message.link_local || (from_responder && entry.facts_mut().fits_question(message)) {
            let client = packet.destination.ip;
            self.passive_dns.learn(Received { message, client, time: packet.time, packet: packet.number });
        } else {
            self.stats.dns_answers_refused += 1;
        }
    }

    /// Marks the flow that an ICMP error is about, if it is open.
    fn note_icmp_error(&mut self, about: Ends, packet: &Packet<'_>) {
        let is_open =
            |slot: &u32| self.flows.get(*slot).is_some_and(|entry| self.is_continued(entry, packet.time));
        let slot = self.find(&about, about.tag(&self.seed)).map(|(slot, _)| slot).filter(is_open);
        if let Some(entry) = slot.and_then(|slot| self.flows.get_mut(slot)) {
            entry.cold.icmp_errors = entry.cold.icmp_errors.saturating_add(1);
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
