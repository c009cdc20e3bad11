//! A flow of exported records that ended, as its sink sees it.

use super::entry::{Entry, known};
use super::initiator;
use crate::facts::Facts;
use crate::orientation::Oriented;
use smallvec::SmallVec;
use weir_model::exported::Observer;
use weir_model::flow::{Counters, EndReason, Orientation, TcpState, TcpSummary};
use weir_model::record::Sampling;
use weir_model::{Endpoint, Exported, Flow, FlowId, Protocol, Timestamp};
use weir_wire::{Side, TcpFields};

/// A view of a flow that ended. Only [`EndedExported::to_flow`] builds the record.
#[derive(Clone, Copy, Debug)]
pub struct EndedExported<'a> {
    entry: &'a Entry,
    oriented: Oriented,
    reason: EndReason,
}

impl<'a> EndedExported<'a> {
    pub(super) fn new(entry: &'a Entry, reason: EndReason) -> Self {
        Self { entry, oriented: initiator::of(entry), reason: end_reason(entry, reason) }
    }

    /// See [`Flow::id`].
    pub const fn id(&self) -> FlowId {
        self.entry.id
    }

    /// See [`Flow::continues`].
    pub fn continues(&self) -> Option<FlowId> {
        self.entry.rarely.as_ref().and_then(|rarely| rarely.continues)
    }

    /// See [`Flow::protocol`].
    pub const fn protocol(&self) -> Protocol {
        self.entry.ends.protocol()
    }

    /// See [`Flow::initiator`].
    pub fn initiator(&self) -> Endpoint {
        self.entry.ends.end(self.oriented.initiator)
    }

    /// See [`Flow::responder`].
    pub fn responder(&self) -> Endpoint {
        self.entry.ends.end(self.oriented.initiator.other())
    }

    /// See [`Flow::orientation`].
    pub const fn orientation(&self) -> Orientation {
        self.oriented.by
    }

    /// See [`Flow::first`].
    pub const fn first(&self) -> Timestamp {
        self.entry.first
    }

    /// See [`Flow::last`].
    pub const fn last(&self) -> Timestamp {
        self.entry.last
    }

    /// When something was last received about it, by our clock.
    pub const fn last_received(&self) -> Timestamp {
        self.entry.last_received
    }

    /// See [`Flow::forward`].
    pub fn forward(&self) -> Counters {
        self.counters(self.oriented.initiator)
    }

    /// See [`Flow::reverse`].
    pub fn reverse(&self) -> Counters {
        self.counters(self.oriented.initiator.other())
    }

    /// Why the record ends.
    pub const fn reason(&self) -> EndReason {
        self.reason
    }

    /// How packets were chosen, by the coarsest of the observers.
    pub fn sampling(&self) -> Option<Sampling> {
        let others = self.entry.rarely.iter().flat_map(|rarely| &rarely.others);
        let rates = others.map(|witness| witness.counted().coarsest());
        rates.fold(self.entry.counted().coarsest(), Sampling::coarser)
    }

    /// The whole record.
    pub fn to_flow(&self) -> Flow {
        let initiator = self.oriented.initiator;
        let responder = self.responder();
        let empty = Facts::default();
        let rarely = self.entry.rarely.as_deref();
        let facts = rarely.and_then(|rarely| rarely.facts.as_deref()).unwrap_or(&empty);
        let (name, other_names) = facts.names_of(responder.ip);
        Flow {
            id: self.entry.id,
            continues: self.continues(),
            protocol: self.protocol(),
            initiator: self.initiator(),
            responder,
            orientation: self.oriented.by,
            first: self.entry.first,
            last: self.entry.last,
            forward: self.forward(),
            reverse: self.reverse(),
            tcp: tcp(self.entry, initiator),
            icmp: self.entry.knows(known::ICMP).then_some((self.entry.flags.a, self.entry.flags.b)),
            icmp_errors: 0,
            end: self.reason,
            vlans: self.entry.vlans.iter().copied().filter(|vlan| *vlan != 0).collect(),
            mpls: facts.mpls.clone(),
            tunnels: facts.tunnels.clone(),
            application: facts.application,
            name,
            other_names,
            tls: facts.tls.clone(),
            http: facts.http.clone(),
            dns_messages: rarely.map_or((0, 0), |rarely| rarely.dns_messages),
            exported: Some(Box::new(self.exported())),
        }
    }

    fn exported(&self) -> Exported {
        let (initiator, responder) = (self.oriented.initiator, self.oriented.initiator.other());
        let entry = self.entry;
        let rarely = entry.rarely.as_deref();
        let others = rarely.iter().flat_map(|rarely| &rarely.others);
        let mut observers: SmallVec<[Observer; 1]> = SmallVec::new();
        observers.push(entry.observer(initiator));
        observers.extend(others.map(|witness| witness.observer(initiator)));
        Exported {
            observers,
            records: entry.records(),
            sampling: self.sampling().filter(|sampling| sampling.is_partial()),
            estimated_forward: entry.most(initiator).1,
            estimated_reverse: entry.most(responder).1,
            initiator_translated: rarely.and_then(|rarely| *rarely.translated.of(initiator)),
            responder_translated: rarely.and_then(|rarely| *rarely.translated.of(responder)),
            initiator_as: entry.autonomous(initiator),
            responder_as: entry.autonomous(responder),
            forward_tos: entry.tos(initiator),
            reverse_tos: entry.tos(responder),
            firewall_event: rarely.and_then(|rarely| rarely.firewall_event),
            nat_event: rarely.and_then(|rarely| rarely.nat_event),
            application: rarely.and_then(|rarely| rarely.application.clone()),
            began_together: self.began_together(),
            clock_correction: rarely.map_or(0, |rarely| rarely.clock_correction),
        }
    }

    fn began_together(&self) -> bool {
        let spoke = |side| self.counters(side).packets > 0;
        spoke(Side::A) && spoke(Side::B) && !self.entry.knows(known::FIRST_IS_ALONE)
    }

    fn counters(&self, side: Side) -> Counters {
        let is_tcp = self.protocol() == Protocol::TCP;
        self.entry.most(side).0.to_flow(if is_tcp { *self.entry.flags.of(side) } else { 0 })
    }
}

/// What the flags tell of the connection; `None` when no record had any.
fn tcp(entry: &Entry, initiator: Side) -> Option<TcpSummary> {
    let (forward, reverse) = (*entry.flags.of(initiator), *entry.flags.of(initiator.other()));
    if entry.ends.protocol() != Protocol::TCP || forward | reverse == 0 {
        return None;
    }
    let syn = forward & TcpFields::SYN != 0;
    let syn_ack = reverse & (TcpFields::SYN | TcpFields::ACK) == TcpFields::SYN | TcpFields::ACK;
    Some(TcpSummary {
        syn,
        syn_ack,
        handshake: syn && syn_ack && forward & TcpFields::ACK != 0,
        state: state(forward, reverse),
    })
}

const fn state(forward: u8, reverse: u8) -> TcpState {
    let either = forward | reverse;
    if either & TcpFields::RST != 0 {
        TcpState::Reset
    } else if forward & reverse & TcpFields::FIN != 0 {
        TcpState::Closed
    } else if either & TcpFields::FIN != 0 {
        TcpState::HalfClosed
    } else if either & !(TcpFields::SYN) == 0 {
        TcpState::Opening
    } else {
        TcpState::Open
    }
}

/// Why it ends when it ends for `reason`: a connection of which nothing came after its end was told ended by itself.
fn end_reason(entry: &Entry, reason: EndReason) -> EndReason {
    let waited = matches!(reason, EndReason::Idle | EndReason::EndOfInput);
    if entry.ends.protocol() != Protocol::TCP || !waited {
        return reason;
    }
    match state(entry.flags.a, entry.flags.b) {
        TcpState::Reset => EndReason::Rst,
        TcpState::Closed => EndReason::Fin,
        _ if entry.knows(known::OVER) => EndReason::Fin,
        _ => reason,
    }
}
