//! Who began: flags, then ports, then the earlier first packet.

use super::batch::Report;
use super::entry::{Entry, known};
use crate::icmp;
use crate::orientation::Oriented;
use weir_model::Protocol;
use weir_model::flow::Orientation;
use weir_model::observation::{Fact, Sender};
use weir_wire::{Side, TcpFields};

/// Weighs what a record tells; `side` is the one that the record calls source.
pub(super) fn weigh(entry: &mut Entry, report: &Report, side: Side) {
    for (of_report, of_entry) in [(Side::A, side), (Side::B, side.other())] {
        if report.protocol() == Protocol::TCP && report.flags(of_report) & TcpFields::SYN != 0 {
            if report.is_lone_syn(of_report) {
                entry.oriented.weigh(Orientation::Start, of_entry);
            } else if report.is_syn_ack(of_report) {
                entry.oriented.weigh(Orientation::Start, of_entry.other());
            }
        }
    }
    if let Some(rare) = &report.rare {
        // A firewall or translator keeps state: it calls source who began.
        if rare.firewall_event.is_some() || rare.nat_event.is_some() {
            entry.oriented.weigh(Orientation::Start, side);
        }
        for fact in &rare.facts {
            weigh_fact(&mut entry.oriented, fact, side);
        }
    }
    if report.joins_both {
        entry.oriented.weigh(Orientation::Payload, side);
    }
    if let Some((kind, _)) = report.icmp {
        match icmp::sent_by(report.protocol(), kind) {
            Some(Sender::Initiator) => entry.oriented.weigh(Orientation::Start, side),
            Some(Sender::Responder) => entry.oriented.weigh(Orientation::Payload, side.other()),
            None => {}
        }
    }
    note_first(entry, report, side);
}

fn weigh_fact(oriented: &mut Oriented, fact: &Fact, side: Side) {
    match fact.sent_by() {
        // Exporters that join both directions for themselves write the same names into records of both: ports know better.
        Some(Sender::Initiator)
            if matches!(fact, Fact::Told(_)) && oriented.by > Orientation::FirstPacket => {}
        Some(Sender::Initiator) => oriented.weigh(Orientation::Payload, side),
        Some(Sender::Responder) => oriented.weigh(Orientation::Payload, side.other()),
        None => {}
    }
}

/// Notes whose first packet is the earliest.
fn note_first(entry: &mut Entry, report: &Report, side: Side) {
    let (first, known_first) = (report.times.first, entry.first);
    let first_by = if entry.knows(known::FIRST_BY_B) { Side::B } else { Side::A };
    if first < known_first {
        entry.first = first;
        entry.learn(known::FIRST_BY_B, side == Side::B);
        entry.learn(known::FIRST_IS_ALONE, side != first_by || entry.knows(known::FIRST_IS_ALONE));
    } else if first > known_first && side != first_by {
        entry.learn(known::FIRST_IS_ALONE, true);
    }
}

/// The initiator as far as known. Where neither flags, ports nor payload told, it is the side with the earlier first packet; of
/// TCP with a SYN in both directions that was the start. A group never begins.
pub(super) fn of(entry: &Entry) -> Oriented {
    if entry.oriented.by > Orientation::FirstPacket {
        return entry.oriented;
    }
    let first = if entry.knows(known::FIRST_BY_B) { Side::B } else { Side::A };
    let initiator = if entry.ends.end(first).ip.is_multicast() { first.other() } else { first };
    let began = entry.ends.protocol() == Protocol::TCP
        && entry.knows(known::FIRST_IS_ALONE)
        && entry.flags.a & entry.flags.b & TcpFields::SYN != 0;
    Oriented { initiator, by: if began { Orientation::Start } else { Orientation::FirstPacket } }
}
