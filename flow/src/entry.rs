//! A flow that is open: its counters, who began it, and the record it becomes.
//!
//! An entry is three cache lines. What every packet reads or writes lies in the first two; the third is for beginnings, ends
//! and what is seldom; and what most flows lack is boxed.

use crate::ends::Ends;
use crate::facts::Facts;
use crate::icmp;
use crate::orientation::Oriented;
use crate::reading::{ReaderSlot, Reading};
use crate::side::Both;
use crate::tcp::TcpTracker;
use crate::unresolved::Ticket;
use std::mem::offset_of;
use weir_model::flow::{Counters, EndReason, FlowHead, Orientation, TcpState};
use weir_model::observation::Sender;
use weir_model::{Flow, FlowId, Protocol, Timestamp};
use weir_wire::{Packet, Side, TcpFields, Transport};

/// From this many packets on a flow counts as established though only one side of it is in view. A flood that wants to push
/// established flows out of a full table has to send as many per flow.
const SETTLED_PACKETS: u64 = 8;

/// A conversation, and the record of it that is being written.
#[derive(Debug)]
#[repr(C, align(64))]
pub(crate) struct Entry {
    /// Side A sent the conversation's first packet.
    pub(crate) ends: Ends,
    pub(crate) oriented: Oriented,
    /// Of the record.
    pub(crate) first: Timestamp,
    pub(crate) last: Timestamp,
    pub(crate) tcp: Option<TcpTracker>,
    tallies: Both<Tally>,
    tcp_flags: Both<u8>,
    pub(crate) reading: Reading,
    standing: Standing,
    pub(crate) cold: Cold,
}

/// The third line. It has no value that a vacant slot could be told by: whether a slot is taken must show in the others.
#[derive(Debug)]
#[repr(C, align(64))]
pub(crate) struct Cold {
    /// Of the record.
    pub(crate) id: FlowId,
    /// The record that this one continues, or [`NO_RECORD`].
    continues: FlowId,
    pub(crate) reader: ReaderSlot,
    pub(crate) facts: Option<Box<Facts>>,
    pub(crate) dns_messages: (u32, u32),
    retransmissions: Both<u32>,
    pub(crate) icmp_errors: u32,
    /// Type and code of the first message, and whether there are any.
    icmp: (u8, u8),
    has_icmp: u8,
    /// Whether side B sent the record's first packet.
    begun_by_b: u8,
    /// Its number among the conversations that wait for names, while it does.
    ticket: Ticket,
    has_ticket: u8,
}

impl Cold {
    /// The record that this one continues.
    pub(crate) fn continues(&self) -> Option<FlowId> {
        (self.continues != NO_RECORD).then_some(self.continues)
    }
}

/// No packet has this number.
const NO_RECORD: FlowId = FlowId(u64::MAX);

/// Cache lines of an entry that every packet of its flow touches.
pub(crate) const HOT_LINES: usize = 2;

/// All of them, which the end of a flow needs.
pub(crate) const ENTRY_LINES: usize = size_of::<Entry>() / 64;

const _: () = assert!(offset_of!(Entry, cold) == HOT_LINES * 64 && size_of::<Option<Entry>>() == 192);
const _: () = assert!(size_of::<Option<Cold>>() > size_of::<Cold>(), "no niche");

/// The lower 32 bits of counters; what goes beyond is carried to [`Facts::carried`].
#[derive(Clone, Copy, Debug, Default)]
struct Tally {
    packets: u32,
    ip_bytes: u32,
    payload_bytes: u32,
    acknowledged_bytes: u32,
}

/// In which order flows make room, and how long they wait for packets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// TCP that was closed or reset.
    TcpOver,
    /// TCP without an answer.
    TcpNew,
    /// TCP with traffic both ways.
    TcpSettled,
    /// Others without an answer.
    OtherNew,
    /// Others with traffic both ways.
    OtherSettled,
}

impl Standing {
    pub(crate) const COUNT: usize = 5;
    pub(crate) const ALL: [Self; Self::COUNT] =
        [Self::TcpOver, Self::TcpNew, Self::TcpSettled, Self::OtherNew, Self::OtherSettled];
}

impl Entry {
    pub(crate) fn new(ends: Ends, packet: &Packet<'_>) -> Self {
        let is_tcp = packet.protocol == Protocol::TCP;
        let (icmp, has_icmp) = match packet.transport {
            Transport::Icmp { icmp_type, code, .. } => ((icmp_type, code), 1),
            _ => ((0, 0), 0),
        };
        let cold = Cold {
            id: FlowId(packet.number),
            continues: NO_RECORD,
            reader: ReaderSlot::NO_READER,
            facts: None,
            dns_messages: (0, 0),
            retransmissions: Both::default(),
            icmp_errors: 0,
            icmp,
            has_icmp,
            begun_by_b: 0,
            ticket: 0,
            has_ticket: 0,
        };
        Self {
            ends,
            oriented: Oriented::from_first(packet.protocol, packet.source, packet.destination),
            first: packet.time,
            last: packet.time,
            tcp: is_tcp.then(TcpTracker::default),
            tallies: Both::default(),
            tcp_flags: Both::default(),
            reading: Reading::NotBegun,
            standing: if is_tcp { Standing::TcpNew } else { Standing::OtherNew },
            cold,
        }
    }

    /// Its number among the conversations that wait for names.
    pub(crate) fn ticket(&self) -> Option<Ticket> {
        (self.cold.has_ticket != 0).then_some(self.cold.ticket)
    }

    pub(crate) fn set_ticket(&mut self, ticket: Option<Ticket>) {
        self.cold.has_ticket = u8::from(ticket.is_some());
        self.cold.ticket = ticket.unwrap_or(0);
    }

    /// The entry of a record that ends while its conversation goes on.
    pub(crate) fn copy_of_record(&self) -> Self {
        Self {
            ends: self.ends,
            oriented: self.oriented,
            first: self.first,
            last: self.last,
            tcp: self.tcp,
            tallies: self.tallies,
            tcp_flags: self.tcp_flags,
            reading: Reading::Over,
            standing: self.standing,
            cold: Cold { reader: ReaderSlot::NO_READER, facts: self.cold.facts.clone(), ..self.cold },
        }
    }

    /// What is known when a record begins; names from passive DNS apart, see [`Self::head_with_names`].
    pub(crate) fn head(&self) -> FlowHead<'_> {
        FlowHead { passive: &[], ..self.head_with_names() }
    }

    pub(crate) fn head_with_names(&self) -> FlowHead<'_> {
        let (tunnels, passive) = self
            .cold
            .facts
            .as_ref()
            .map_or((&[][..], &[][..]), |facts| (&facts.tunnels[..], &facts.passive[..]));
        let begun_by = if self.cold.begun_by_b == 0 { Side::A } else { Side::B };
        FlowHead {
            id: self.cold.id,
            first: self.first,
            protocol: self.ends.protocol(),
            source: self.ends.end(begun_by),
            destination: self.ends.end(begun_by.other()),
            tunnels,
            translated: None,
            passive,
        }
    }

    pub(crate) fn facts_mut(&mut self) -> &mut Facts {
        self.cold.facts.get_or_insert_default()
    }

    /// Begins a record that continues this one, with a packet of `side`; the conversation's facts stay.
    pub(crate) fn renew(&mut self, side: Side, packet: &Packet<'_>) {
        let cold = &mut self.cold;
        cold.continues = cold.id;
        cold.id = FlowId(packet.number);
        cold.begun_by_b = u8::from(side == Side::B);
        cold.retransmissions = Both::default();
        cold.icmp_errors = 0;
        cold.dns_messages = (0, 0);
        (self.first, self.last) = (packet.time, packet.time);
        self.tallies = Both::default();
        self.tcp_flags = Both::default();
        if let Some(facts) = cold.facts.as_mut() {
            facts.carried = Both::default();
            if let Some(http) = &mut facts.http {
                http.requests = 0;
            }
        }
    }

    /// Counts a packet of `side`.
    pub(crate) fn count(&mut self, side: Side, packet: &Packet<'_>) {
        self.last = self.last.max(packet.time);
        let mut acknowledged_bytes = 0;
        match packet.transport {
            Transport::Tcp(fields) => {
                *self.tcp_flags.of_mut(side) |= fields.flags;
                if let Some(tcp) = &mut self.tcp {
                    let news = tcp.observe(side, fields, packet.payload_len);
                    acknowledged_bytes = news.acknowledged_bytes;
                    if news.retransmission {
                        let retransmissions = self.cold.retransmissions.of_mut(side);
                        *retransmissions = retransmissions.saturating_add(1);
                    }
                }
                if fields.has(TcpFields::SYN) {
                    let answers = fields.has(TcpFields::ACK);
                    self.oriented.weigh(Orientation::Start, if answers { side.other() } else { side });
                }
            }
            Transport::Icmp { icmp_type, .. } => match icmp::sent_by(packet.protocol, icmp_type) {
                Some(Sender::Initiator) => self.oriented.weigh(Orientation::Start, side),
                Some(Sender::Responder) => self.oriented.weigh(Orientation::Payload, side.other()),
                None => {}
            },
            Transport::Udp | Transport::Other => {}
        }
        self.tally(side, packet, acknowledged_bytes);
        self.note_layers(packet);
    }

    fn tally(&mut self, side: Side, packet: &Packet<'_>, acknowledged_bytes: u64) {
        let tally = self.tallies.of_mut(side);
        let packets = add(&mut tally.packets, u64::from(packet.frames));
        let ip_bytes = add(&mut tally.ip_bytes, u64::from(packet.ip_bytes));
        let payload_bytes = add(&mut tally.payload_bytes, u64::from(packet.payload_len));
        let acknowledged_bytes = add(&mut tally.acknowledged_bytes, acknowledged_bytes);
        if packets | ip_bytes | payload_bytes | acknowledged_bytes != 0 {
            let carried = self.facts_mut().carried.of_mut(side);
            carried.packets += packets;
            carried.ip_bytes += ip_bytes;
            carried.payload_bytes += payload_bytes;
            carried.acknowledged_bytes += acknowledged_bytes;
        }
    }

    /// Keeps VLANs, labels and tunnels of the first packet that had any.
    fn note_layers(&mut self, packet: &Packet<'_>) {
        if !packet.is_wrapped() {
            return;
        }
        let facts = self.facts_mut();
        if facts.vlans.is_empty() {
            facts.vlans = packet.vlans.iter().copied().collect();
        }
        if facts.mpls.is_empty() {
            facts.mpls = packet.mpls().iter().copied().collect();
        }
        if facts.tunnels.is_empty() {
            facts.tunnels = packet.tunnels().iter().copied().collect();
        }
    }

    pub(crate) const fn standing(&self) -> Standing {
        self.standing
    }

    /// Brings the standing up to date with what was counted; whether it changed.
    pub(crate) fn update_standing(&mut self) -> bool {
        let before = self.standing;
        self.standing = match before {
            _ if self.tcp.as_ref().is_some_and(TcpTracker::is_over) => Standing::TcpOver,
            Standing::TcpNew if self.is_settled() => Standing::TcpSettled,
            Standing::OtherNew if self.is_settled() => Standing::OtherSettled,
            unchanged => unchanged,
        };
        self.standing != before
    }

    fn is_settled(&self) -> bool {
        // What was carried does not matter: long before the first is, a flow has settled.
        let (a, b) = (u64::from(self.tallies.a.packets), u64::from(self.tallies.b.packets));
        (a > 0 && b > 0) || a + b >= SETTLED_PACKETS || self.cold.continues != NO_RECORD
    }

    /// Why it ends when it ends for `reason`: a connection that is over ended by itself.
    pub(crate) fn end_reason(&self, reason: EndReason) -> EndReason {
        match self.tcp.as_ref().map(TcpTracker::state) {
            Some(TcpState::Closed) => EndReason::Fin,
            Some(TcpState::Reset) => EndReason::Rst,
            _ => reason,
        }
    }

    /// Frames counted into the record so far.
    pub(crate) fn frames(&self) -> u64 {
        self.packets(Side::A) + self.packets(Side::B)
    }

    fn packets(&self, side: Side) -> u64 {
        let carried = self.cold.facts.as_ref().map_or(0, |facts| facts.carried.of(side).packets);
        carried + u64::from(self.tallies.of(side).packets)
    }

    pub(crate) fn counters(&self, side: Side) -> Counters {
        let tally = self.tallies.of(side);
        let carried = self.cold.facts.as_ref().map(|facts| *facts.carried.of(side)).unwrap_or_default();
        Counters {
            packets: carried.packets + u64::from(tally.packets),
            ip_bytes: carried.ip_bytes + u64::from(tally.ip_bytes),
            payload_bytes: carried.payload_bytes + u64::from(tally.payload_bytes),
            tcp_flags: *self.tcp_flags.of(side),
            retransmissions: *self.cold.retransmissions.of(side),
            acknowledged_bytes: carried.acknowledged_bytes + u64::from(tally.acknowledged_bytes),
        }
    }

    /// The record as it stands.
    pub(crate) fn to_flow(&self, end: EndReason) -> Flow {
        let initiator = self.oriented.initiator;
        let responder = self.ends.end(initiator.other());
        let empty = Facts::default();
        let facts = self.cold.facts.as_deref().unwrap_or(&empty);
        let (name, other_names) = facts.names_of(responder.ip);
        Flow {
            id: self.cold.id,
            continues: self.cold.continues(),
            protocol: self.ends.protocol(),
            initiator: self.ends.end(initiator),
            responder,
            orientation: self.oriented.by,
            first: self.first,
            last: self.last,
            forward: self.counters(initiator),
            reverse: self.counters(initiator.other()),
            tcp: self.tcp.as_ref().map(|tcp| tcp.summary(initiator)),
            icmp: (self.cold.has_icmp != 0).then_some(self.cold.icmp),
            icmp_errors: self.cold.icmp_errors,
            end,
            vlans: facts.vlans.clone(),
            mpls: facts.mpls.clone(),
            tunnels: facts.tunnels.clone(),
            application: facts.application,
            name,
            other_names,
            tls: facts.tls.clone(),
            http: facts.http.clone(),
            dns_messages: self.cold.dns_messages,
            exported: None,
        }
    }
}

/// Adds to the lower 32 bits; what is to be carried.
const fn add(low: &mut u32, amount: u64) -> u64 {
    let sum = *low as u64 + amount;
    *low = sum as u32;
    sum - *low as u64
}
