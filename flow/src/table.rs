//! The flow table: which flow a packet belongs to, and what becomes of flows.
//!
//! One worker owns it. Whether a packet continues a flow is decided by `timeouts` and `tcp` from the
//! packet and that flow alone; freeing memory early or late changes no record, as long as the table is not full.
//!
//! Time passes in *rounds*: as packets come, nothing ends because of the time of others; whoever deals the packets closes a
//! round now and then, with the clock of all of them. Names from passive DNS, which tables share, are asked for when
//! every table has closed a flow's first round. So the same input gives the same flows however it is dealt.
//!
//! Packets come in batches, because a frame is somewhere in a file and an entry somewhere in gigabytes: first the headers of
//! every frame are fetched, then the place in the index of every packet, then every entry and the readers of those that
//! are read, then packets are taken in their order. Fetching is a hint and decides nothing.

use crate::config::{FlowConfig, IcmpNotes};
use crate::effort::Effort;
use crate::ended::Ended;
use crate::ends::{Ends, Seed};
use crate::entry::{ENTRY_LINES, Entry, HOT_LINES, Standing};
use crate::index::Index;
use crate::passive_dns::PassiveDns;
use crate::reading::{Readers, Reading};
use crate::slots::{NONE, Slots};
use crate::stats::FlowStats;
use crate::timeouts::{Timeout, continues};
use crate::timers::{Tick, Timers};
use crate::unresolved::{Begun, Unresolved};
use arrayvec::ArrayVec;
use std::sync::Arc;
use weir_model::flow::{EndReason, FlowHead};
use weir_model::observation::Fact;
use weir_model::{Endpoint, Flow, Frame, Networks, Observation, Protocol, Timestamp};
use weir_wire::{Decoder, Gather, Packet, Side, Transport};

/// Packets whose entries are fetched together: as many cache misses as a core can have under way, and some.
const BATCH: usize = 32;

/// Most flows that get another chance, because they had packets since they were last looked at, when one has to go.
const MAX_SECOND_CHANCES: usize = 16;

/// What one flow costs: its entry, its places in the timers and the queues of readers, its share of the index. What most flows
/// lack (layers, names from passive DNS) and lists of the timers are charged as they come.
pub(crate) const BYTES_PER_FLOW: usize = Slots::<Entry>::BYTES
    + Timers::<{ Standing::COUNT }>::BYTES
    + Readers::BYTES_PER_FLOW
    + Index::bytes_for(300).div_ceil(300);
const _: () = assert!(BYTES_PER_FLOW == 231, "docs/ARCHITECTURE.md says so");

/// Who is told what the table learns. What is learnt from packets comes in their order.
pub trait FlowSink {
    /// Under [`Effort::Addresses`]: whether this flow, which begins only then, is known to be of interest.
    fn meets(&mut self, _flow: &FlowHead<'_>) -> bool {
        true
    }
    /// A record began (also when it continues one that passed the active timeout). Without names from passive DNS.
    fn began(&mut self, flow: &FlowHead<'_>);
    /// Passive DNS knew names of it when its conversation began. Comes between `began` and `ended`; whether before or after
    /// `observed` of later rounds depends on how far other workers have got, so who keeps an order goes by packet numbers.
    fn named(&mut self, flow: &FlowHead<'_>);
    /// Its payload said something.
    fn observed(&mut self, flow: &FlowHead<'_>, observation: &Observation);
    /// It ended, in that round; told when its names are known.
    fn ended(&mut self, flow: Ended<'_>, round: u64);
    /// Bytes that it keeps of flows that are open: the table's budget pays for them.
    fn held_bytes(&self) -> usize {
        0
    }
}

/// Whose passive DNS a table asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Naming {
    /// Nobody else's: the table says how far it is settled.
    Own,
    /// Other tables', too.
    Shared,
}

/// Where a packet comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whence {
    /// It lies in one frame.
    Frame,
    /// It was put together from fragments, or is as much of it as came.
    Fragments,
}

/// How long records go on, and wait for packets.
#[derive(Clone, Copy, Debug)]
struct Patience {
    active: Timeout,
    closed: Timeout,
    tcp: Timeout,
    other: Timeout,
}

impl Patience {
    fn of(config: &FlowConfig) -> Self {
        Self {
            active: config.active_timeout.into(),
            closed: config.closed_linger.into(),
            tcp: config.tcp_idle_timeout.into(),
            other: config.other_idle_timeout.into(),
        }
    }
}

/// What a packet is looked up by.
#[derive(Clone, Copy, Debug)]
struct Key {
    ends: Ends,
    tag: u32,
    /// Where an entry with this tag stands, as of the beginning of the batch, or [`NONE`].
    near: u32,
}

/// Packets on their way into the table, at most one of each frame of a batch.
struct Gathered<'t, 'a, K, S> {
    table: &'t mut FlowTable,
    keep: K,
    sink: &'t mut S,
    packets: ArrayVec<Packet<'a>, BATCH>,
}

impl<K, S: FlowSink> Gathered<'_, '_, K, S> {
    fn hand_on(&mut self) {
        self.table.packets(&self.packets, self.sink);
        self.packets.clear();
    }
}

impl<'a, K: FnMut(&Packet<'_>, Whence) -> bool, S: FlowSink> Gather<'a> for Gathered<'_, 'a, K, S> {
    #[inline]
    fn whole(&mut self, packet: Packet<'a>) {
        if (self.keep)(&packet, Whence::Frame) {
            self.packets.push(packet);
        }
    }

    fn made(&mut self, packet: &Packet<'_>) {
        if (self.keep)(packet, Whence::Fragments) {
            self.hand_on();
            self.table.packet(packet, self.sink);
        }
    }
}

/// Whether a packet has an end, or one of a tunnel around it, in these networks.
pub(crate) fn is_left_out(left_out: &Networks, packet: &Packet<'_>) -> bool {
    let tunnels = packet.tunnels().iter().flat_map(|tunnel| [tunnel.source, tunnel.destination]);
    [packet.source.ip, packet.destination.ip].into_iter().chain(tunnels).any(|ip| left_out.holds(ip))
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
    patience: Patience,
    max_flows: usize,
    seed: Seed,
    index: Index,
    flows: Slots<Entry>,
    /// By [`Standing`]. A flow's list is never behind its last packet, nor before its first.
    timers: Timers<{ Standing::COUNT }>,
    /// The round under way.
    round: u64,
    unresolved: Unresolved,
    /// The highest packet number so far, and when the last round was closed.
    last_packet: u64,
    last_packet_of_closed: u64,
    /// Bytes charged for what most flows lack.
    table_cost: usize,
    readers: Readers,
    effort: Effort,
    passive_dns: Arc<PassiveDns>,
    naming: Naming,
    /// Reused from packet to packet.
    facts: Vec<Fact>,
    stats: FlowStats,
}

impl FlowTable {
    /// An empty table with passive DNS of its own.
    pub fn new(config: FlowConfig) -> Self {
        let passive_dns = Arc::new(PassiveDns::new(config.passive_dns.clone()));
        Self { naming: Naming::Own, ..Self::with_passive_dns(config, passive_dns) }
    }

    /// An empty table that shares passive DNS with others. Whoever shares it out calls [`PassiveDns::settle`].
    pub fn with_passive_dns(config: FlowConfig, passive_dns: Arc<PassiveDns>) -> Self {
        let max_flows = config.max_flows();
        Self {
            patience: Patience::of(&config),
            max_flows,
            seed: Seed::random(),
            index: Index::new(max_flows),
            flows: Slots::new(max_flows),
            timers: Timers::new(max_flows),
            round: 0,
            unresolved: Unresolved::default(),
            last_packet: 0,
            last_packet_of_closed: 0,
            table_cost: 0,
            readers: Readers::new(&config),
            effort: Effort::Full,
            passive_dns,
            naming: Naming::Shared,
            facts: Vec::new(),
            stats: FlowStats::default(),
            config,
        }
    }

    /// Does so much of each packet from here on.
    pub const fn set_effort(&mut self, effort: Effort) {
        self.effort = effort;
    }

    /// Decodes frames and takes the packets in them, in their order.
    pub fn frames<'a>(
        &mut self,
        decoder: &mut Decoder,
        frames: impl IntoIterator<Item = Frame<'a>>,
        sink: &mut impl FlowSink,
    ) {
        self.frames_kept(decoder, frames, |_, _| true, sink);
    }

    /// The same, for a caller who shares frames out before he knows all packets in them: only those that `keep` agrees to are
    /// taken, the others are the caller's.
    pub fn frames_kept<'a>(
        &mut self,
        decoder: &mut Decoder,
        frames: impl IntoIterator<Item = Frame<'a>>,
        keep: impl FnMut(&Packet<'_>, Whence) -> bool,
        sink: &mut impl FlowSink,
    ) {
        let mut frames = frames.into_iter();
        let mut gathered = Gathered { table: self, keep, sink, packets: ArrayVec::new() };
        loop {
            let fetched = |frame: &Frame<'_>| weir_mem::fetch(headers(frame));
            let ahead: ArrayVec<_, BATCH> = frames.by_ref().take(BATCH).inspect(fetched).collect();
            if ahead.is_empty() {
                return;
            }
            for frame in &ahead {
                decoder.gather(frame, &mut gathered);
            }
            gathered.hand_on();
        }
    }

    /// Takes packets in their order. What comes of them does not depend on how they are divided into calls, but many
    /// at a time are faster.
    pub fn packets(&mut self, packets: &[Packet<'_>], sink: &mut impl FlowSink) {
        for batch in packets.chunks(BATCH) {
            let key = |packet: &Packet<'_>| {
                let ends = Ends::of(packet);
                let tag = ends.tag(&self.seed);
                self.index.prefetch(tag);
                Key { ends, tag, near: NONE }
            };
            let mut keys: ArrayVec<Key, BATCH> = batch.iter().map(key).collect();
            self.fetch(&mut keys);
            for (key, packet) in keys.iter().zip(batch) {
                self.take(key, packet, sink);
            }
        }
    }

    /// Fetches the entries with these tags, and the readers of those that are being read.
    fn fetch(&self, keys: &mut ArrayVec<Key, BATCH>) {
        for key in keys.iter_mut() {
            if let Some(slot) = self.index.find(key.tag, |_| true) {
                self.flows.prefetch::<HOT_LINES>(slot);
                key.near = slot;
            }
        }
        let is_read =
            |slot: &u32| self.flows.get(*slot).is_some_and(|entry| entry.reading == Reading::UnderWay);
        let read: ArrayVec<u32, BATCH> = keys.iter().map(|key| key.near).filter(is_read).collect();
        read.iter().for_each(|slot| self.flows.prefetch::<ENTRY_LINES>(*slot));
        read.iter().filter_map(|slot| self.flows.get(*slot)).for_each(|entry| self.readers.prefetch(entry));
    }

    /// Takes one packet.
    pub fn packet(&mut self, packet: &Packet<'_>, sink: &mut impl FlowSink) {
        self.packets(std::slice::from_ref(packet), sink);
    }

    /// Counts a packet into its flow and learns from its payload.
    fn take(&mut self, key: &Key, packet: &Packet<'_>, sink: &mut impl FlowSink) {
        self.stats.packets += 1;
        self.stats.frames += u64::from(packet.frames);
        self.stats.ip_bytes += u64::from(packet.ip_bytes);
        self.last_packet = self.last_packet.max(packet.number);
        if !self.config.left_out.is_empty() && is_left_out(&self.config.left_out, packet) {
            self.stats.left_out_packets += 1;
            self.stats.left_out_frames += u64::from(packet.frames);
            // What it says of a flow of others is theirs, and is noted wherever that flow is.
            if self.config.icmp_notes == IcmpNotes::OwnPackets {
                self.note_icmp_error(packet);
            }
            return;
        }
        let Some((slot, side)) = self.place_for(key, packet, sink) else {
            return;
        };
        let Some(entry) = self.flows.get_mut(slot) else {
            return;
        };
        entry.count(side, packet);
        let is_wanted = entry.reading.wants(packet);
        if entry.update_standing() {
            self.queue(slot);
        }
        if packet.is_wrapped() {
            self.charge(slot);
        }
        if is_wanted {
            self.read(slot, side, packet, sink);
        }
        if self.config.icmp_notes == IcmpNotes::OwnPackets {
            self.note_icmp_error(packet);
        }
    }

    /// Marks the flow that an ICMP error is about, if it is open; other packets change nothing. For errors whose own flow may
    /// be in another table ([`IcmpNotes::FromOutside`]): called in the place of the error among the packets, behind it where both
    /// are for this table.
    pub fn note_icmp_error(&mut self, packet: &Packet<'_>) {
        let Some((protocol, source, destination)) = packet.about() else {
            return;
        };
        let about = Ends::new(protocol, source, destination);
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

    /// The record of an open flow as it stands, as if it ended as [`EndReason::Active`] does; `None` when none is open between
    /// these ends.
    pub fn find_open(&self, protocol: Protocol, source: Endpoint, destination: Endpoint) -> Option<Flow> {
        let ends = Ends::new(protocol, source, destination);
        let (slot, _) = self.find(&ends, ends.tag(&self.seed))?;
        Some(self.flows.get(slot)?.to_flow(EndReason::Active))
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
    fn place_for(&mut self, key: &Key, packet: &Packet<'_>, sink: &mut impl FlowSink) -> Option<(u32, Side)> {
        let Key { ends, tag, near } = key;
        let (tag, near) = (*tag, *near);
        // Ends stand in one entry at most: where the one that was fetched still has them, it is that.
        let sender = self.flows.get(near).and_then(|entry| entry.ends.sender_of(ends));
        let found = sender.map(|side| (near, side)).or_else(|| self.find(ends, tag));
        let Some((slot, side)) = found else {
            return self.begin(*ends, tag, packet, sink);
        };
        match self.fate(slot, side, packet) {
            None => Some((slot, side)),
            Some(EndReason::Active) => {
                self.renew(slot, side, packet, sink);
                Some((slot, side))
            }
            Some(reason) => {
                self.end(slot, reason, sink);
                self.begin(*ends, tag, packet, sink)
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
        (packet.time > entry.first + self.patience.active).then_some(EndReason::Active)
    }

    /// Whether a packet at `time` continues the flow.
    fn is_continued(&self, entry: &Entry, time: Timestamp) -> bool {
        continues(entry.first, entry.last, self.idle_timeout(entry.standing()), time)
    }

    const fn idle_timeout(&self, standing: Standing) -> Timeout {
        match standing {
            Standing::TcpOver => self.patience.closed,
            Standing::TcpNew | Standing::TcpSettled => self.patience.tcp,
            Standing::OtherNew | Standing::OtherSettled => self.patience.other,
        }
    }

    fn begin(
        &mut self,
        ends: Ends,
        tag: u32,
        packet: &Packet<'_>,
        sink: &mut impl FlowSink,
    ) -> Option<(u32, Side)> {
        let mut entry = Entry::new(ends, packet);
        if !packet.tunnels().is_empty() {
            entry.facts_mut().tunnels = packet.tunnels().iter().copied().collect();
        }
        if !self.effort.begins(packet.number) && !sink.meets(&entry.head()) {
            self.stats.shed.packets += 1;
            self.stats.shed.frames += u64::from(packet.frames);
            return None;
        }
        while self.is_full(sink.held_bytes()) && self.evict(sink) {}
        self.stats.flows_begun += 1;
        sink.began(&entry.head());
        // There is room: one was made above, where there was none.
        let slot = self.flows.insert(entry)?;
        let begun = Begun { round: self.round, time: packet.time, packet: packet.number, slot };
        let ticket = self.unresolved.begin(begun);
        self.flows.get_mut(slot)?.set_ticket(Some(ticket));
        self.index.insert(tag, slot);
        self.queue(slot);
        self.charge(slot);
        self.stats.flows_open_peak = self.stats.flows_open_peak.max(self.flows.len() as u64);
        Some((slot, Side::A))
    }

    /// Whether another flow would not fit the budget, of which so much is held elsewhere.
    fn is_full(&self, held: usize) -> bool {
        let used = self.flows.len() * BYTES_PER_FLOW + self.table_cost + self.timers.list_bytes() + held;
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

    /// Puts a flow into the list where it belongs.
    fn queue(&mut self, slot: u32) {
        if let Some(entry) = self.flows.get(slot) {
            self.timers.put(entry.standing() as usize, slot, entry.last);
        }
    }

    /// Ends the record in `slot` and begins the one that continues it, with a packet of `side`.
    fn renew(&mut self, slot: u32, side: Side, packet: &Packet<'_>, sink: &mut impl FlowSink) {
        let Some(entry) = self.flows.get_mut(slot) else {
            return;
        };
        self.stats.frames_ended += entry.frames();
        self.stats.ended.count(EndReason::Active);
        let held = entry.ticket().map(|_| entry.copy_of_record());
        if held.is_none() {
            sink.ended(Ended::new(entry, EndReason::Active), self.round);
        }
        entry.renew(side, packet);
        self.stats.flows_begun += 1;
        self.stats.flows_continued += 1;
        if let Some(record) = held {
            self.hold(record, EndReason::Active, sink);
        }
        self.queue(slot);
        let Some(entry) = self.flows.get(slot) else {
            return;
        };
        sink.began(&entry.head());
        let head = entry.head_with_names();
        if !head.passive.is_empty() {
            sink.named(&head);
        }
    }

    /// Ends the flow in `slot` and frees it.
    fn end(&mut self, slot: u32, reason: EndReason, sink: &mut impl FlowSink) {
        if let Some(entry) = self.flows.get(slot) {
            self.end_tagged(slot, entry.ends.tag(&self.seed), reason, sink);
        }
    }

    /// Likewise, where the tag is known.
    fn end_tagged(&mut self, slot: u32, tag: u32, reason: EndReason, sink: &mut impl FlowSink) {
        self.timers.remove(slot);
        self.index.remove(tag, slot);
        self.free(slot, reason, sink);
    }

    /// Hands the record in `slot` over, and frees it.
    fn free(&mut self, slot: u32, reason: EndReason, sink: &mut impl FlowSink) {
        let Some(entry) = self.flows.get_mut(slot) else {
            return;
        };
        self.readers.stop(slot, entry);
        if let Some(facts) = &entry.cold.facts {
            self.table_cost -= facts.table_cost;
            self.stats.facts_bytes -= facts.cost as u64;
        }
        self.stats.frames_ended += entry.frames();
        let reason = entry.end_reason(reason);
        self.stats.ended.count(reason);
        if entry.ticket().is_none() {
            sink.ended(Ended::new(entry, reason), self.round);
            self.flows.vacate(slot);
        } else if let Some(entry) = self.flows.remove(slot) {
            self.hold(entry, reason, sink);
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
            let (tick, slot) = self.timers.earliest(standing as usize)?;
            let last = self.flows.get(slot)?.last;
            if Tick::of(last) == tick {
                return Some((last, slot));
            }
            self.timers.put(standing as usize, slot, last);
        }
        let (_, slot) = self.timers.earliest(standing as usize)?;
        Some((self.flows.get(slot)?.last, slot))
    }
}

impl Default for FlowTable {
    fn default() -> Self {
        Self::new(FlowConfig::default())
    }
}

mod learning;
mod rounds;
mod sweep;
#[cfg(test)]
mod tests;
