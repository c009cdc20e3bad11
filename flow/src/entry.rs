//! A flow that is open: its counters, who began it, and the record it becomes.

use crate::facts::Facts;
use crate::icmp;
use crate::key::FlowKey;
use crate::orientation::Oriented;
use crate::reading::Reading;
use crate::side::Both;
use crate::tcp::TcpTracker;
use weir_model::flow::{Counters, EndReason, FlowHead, Orientation, TcpState};
use weir_model::observation::Sender;
use weir_model::{Endpoint, Flow, FlowId, Protocol, Timestamp};
use weir_wire::{Packet, Side, TcpFields, Transport};

/// From this many packets on a flow counts as established though only one side of it is in view. A flood that wants to push
/// established flows out of a full table has to send as many per flow.
const SETTLED_PACKETS: u64 = 8;

/// A conversation, and the record of it that is being written.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) protocol: Protocol,
    /// Sender of the conversation's first packet: side A.
    pub(crate) a: Endpoint,
    /// Its receiver: side B.
    pub(crate) b: Endpoint,
    pub(crate) oriented: Oriented,
    pub(crate) tcp: Option<TcpTracker>,
    pub(crate) reading: Reading,
    pub(crate) facts: Option<Box<Facts>>,
    pub(crate) record: Record,
    icmp: Option<(u8, u8)>,
}

/// What begins anew with each record of a conversation.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Record {
    pub(crate) id: FlowId,
    pub(crate) continues: Option<FlowId>,
    /// Who sent the record's first packet.
    pub(crate) begun_by: Side,
    pub(crate) first: Timestamp,
    pub(crate) last: Timestamp,
    pub(crate) counters: Both<Counters>,
    pub(crate) icmp_errors: u32,
    pub(crate) dns_messages: (u32, u32),
}

impl Record {
    fn new(packet: &Packet<'_>, begun_by: Side, continues: Option<FlowId>) -> Self {
        Self {
            id: FlowId(packet.number),
            continues,
            begun_by,
            first: packet.time,
            last: packet.time,
            counters: Both::default(),
            icmp_errors: 0,
            dns_messages: (0, 0),
        }
    }
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
    pub(crate) fn new(packet: &Packet<'_>) -> Self {
        let mut entry = Self {
            protocol: packet.protocol,
            a: packet.source,
            b: packet.destination,
            oriented: Oriented::from_first(packet.protocol, packet.source, packet.destination),
            tcp: (packet.protocol == Protocol::TCP).then(TcpTracker::default),
            reading: Reading::NotBegun,
            facts: None,
            record: Record::new(packet, Side::A, None),
            icmp: None,
        };
        if let Transport::Icmp { icmp_type, code, .. } = packet.transport {
            entry.icmp = Some((icmp_type, code));
        }
        entry
    }

    pub(crate) fn key(&self) -> FlowKey {
        FlowKey::new(self.protocol, self.a, self.b)
    }

    /// Which side sent a packet of this flow.
    pub(crate) fn side_of(&self, source: Endpoint) -> Side {
        if source == self.a { Side::A } else { Side::B }
    }

    /// The endpoint of a side.
    pub(crate) const fn end(&self, side: Side) -> Endpoint {
        match side {
            Side::A => self.a,
            Side::B => self.b,
        }
    }

    pub(crate) fn head(&self) -> FlowHead<'_> {
        let (tunnels, passive) =
            self.facts.as_ref().map_or((&[][..], &[][..]), |facts| (&facts.tunnels[..], &facts.passive[..]));
        FlowHead {
            id: self.record.id,
            first: self.record.first,
            protocol: self.protocol,
            source: self.end(self.record.begun_by),
            destination: self.end(self.record.begun_by.other()),
            tunnels,
            passive,
        }
    }

    pub(crate) fn facts_mut(&mut self) -> &mut Facts {
        self.facts.get_or_insert_default()
    }

    /// Begins a record that continues this one, with `packet`; the conversation's facts stay.
    pub(crate) fn renew(&mut self, packet: &Packet<'_>) {
        self.record = Record::new(packet, self.side_of(packet.source), Some(self.record.id));
        if let Some(http) = self.facts.as_mut().and_then(|facts| facts.http.as_mut()) {
            http.requests = 0;
        }
    }

    /// Counts a packet of `side`.
    pub(crate) fn count(&mut self, side: Side, packet: &Packet<'_>) {
        self.record.last = self.record.last.max(packet.time);
        let counters = self.record.counters.of_mut(side);
        counters.packets += u64::from(packet.frames);
        counters.ip_bytes += u64::from(packet.ip_bytes);
        counters.payload_bytes += u64::from(packet.payload_len);
        match packet.transport {
            Transport::Tcp(fields) => {
                counters.tcp_flags |= fields.flags;
                if let Some(tcp) = &mut self.tcp {
                    let news = tcp.observe(side, fields, packet.payload_len);
                    counters.retransmissions =
                        counters.retransmissions.saturating_add(u32::from(news.retransmission));
                    counters.acknowledged_bytes += news.acknowledged_bytes;
                }
                if fields.has(TcpFields::SYN) {
                    let answers = fields.has(TcpFields::ACK);
                    self.oriented.weigh(Orientation::Start, if answers { side.other() } else { side });
                }
            }
            Transport::Icmp { icmp_type, .. } => match icmp::sent_by(self.protocol, icmp_type) {
                Some(Sender::Initiator) => self.oriented.weigh(Orientation::Start, side),
                Some(Sender::Responder) => self.oriented.weigh(Orientation::Payload, side.other()),
                None => {}
            },
            Transport::Udp | Transport::Other => {}
        }
        self.note_layers(packet);
    }

    /// Keeps VLANs, labels and tunnels of the first packet that had any.
    fn note_layers(&mut self, packet: &Packet<'_>) {
        if packet.vlans.is_empty() && packet.mpls.is_empty() && packet.tunnels.is_empty() {
            return;
        }
        let facts = self.facts_mut();
        if facts.vlans.is_empty() {
            facts.vlans = packet.vlans.iter().copied().collect();
        }
        if facts.mpls.is_empty() {
            facts.mpls = packet.mpls.iter().copied().collect();
        }
        if facts.tunnels.is_empty() {
            facts.tunnels = packet.tunnels.iter().copied().collect();
        }
    }

    pub(crate) fn standing(&self) -> Standing {
        let Both { a, b } = self.record.counters;
        let continued = self.record.continues.is_some();
        let settled =
            continued || (a.packets > 0 && b.packets > 0) || a.packets + b.packets >= SETTLED_PACKETS;
        match (&self.tcp, settled) {
            (Some(tcp), _) if tcp.is_over() => Standing::TcpOver,
            (Some(_), false) => Standing::TcpNew,
            (Some(_), true) => Standing::TcpSettled,
            (None, false) => Standing::OtherNew,
            (None, true) => Standing::OtherSettled,
        }
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
    pub(crate) const fn frames(&self) -> u64 {
        self.record.counters.a.packets + self.record.counters.b.packets
    }

    /// The record as it stands.
    pub(crate) fn to_flow(&self, end: EndReason) -> Flow {
        let initiator = self.oriented.initiator;
        let responder = self.end(initiator.other());
        let empty = Facts::default();
        let facts = self.facts.as_deref().unwrap_or(&empty);
        let (name, other_names) = facts.names_of(responder.ip);
        Flow {
            id: self.record.id,
            continues: self.record.continues,
            protocol: self.protocol,
            initiator: self.end(initiator),
            responder,
            orientation: self.oriented.by,
            first: self.record.first,
            last: self.record.last,
            forward: *self.record.counters.of(initiator),
            reverse: *self.record.counters.of(initiator.other()),
            tcp: self.tcp.as_ref().map(|tcp| tcp.summary(initiator)),
            icmp: self.icmp,
            icmp_errors: self.record.icmp_errors,
            end,
            vlans: facts.vlans.clone(),
            mpls: facts.mpls.clone(),
            tunnels: facts.tunnels.clone(),
            application: facts.application,
            name,
            other_names,
            tls: facts.tls.clone(),
            http: facts.http.clone(),
            dns_messages: self.record.dns_messages,
        }
    }
}
