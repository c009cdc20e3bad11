//! What payloads say, taken up into flows and passive DNS.

use super::{FlowSink, FlowTable};
use crate::answers::Received;
use weir_model::Observation;
use weir_model::flow::Orientation;
use weir_model::observation::{DnsMessage, Fact, Sender};
use weir_wire::{Packet, Side};

impl FlowTable {
    pub(super) fn read(&mut self, slot: u32, side: Side, packet: &Packet<'_>, sink: &mut impl FlowSink) {
        if !self.effort.reads(packet) {
            self.stats.shed.payloads += u64::from(self.readers.pass_over(&mut self.flows, slot, packet));
            return;
        }
        let mut facts = std::mem::take(&mut self.facts);
        self.readers.read(&mut self.flows, slot, side, packet, &mut facts);
        for fact in facts.drain(..) {
            self.learn(slot, side, packet, fact, sink);
        }
        self.facts = facts;
    }

    /// Takes up what a packet of `side` said.
    pub(super) fn learn(
        &mut self,
        slot: u32,
        side: Side,
        packet: &Packet<'_>,
        fact: Fact,
        sink: &mut impl FlowSink,
    ) {
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
}
