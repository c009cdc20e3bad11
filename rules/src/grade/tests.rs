use super::*;
use crate::testing::flow;
use weir_model::flow::TcpSummary;
use weir_model::record::SamplingSource;
use weir_model::{Exported, Sampling};

/// Packets, payload bytes, flags, acknowledged bytes.
type Side = (u64, u64, u8, u64);
const NOTHING: Side = (0, 0, 0, 0);

fn side((packets, payload_bytes, tcp_flags, acknowledged_bytes): Side) -> Counters {
    Counters { packets, payload_bytes, tcp_flags, acknowledged_bytes, ..Counters::default() }
}

fn tcp(forward: Side, reverse: Side) -> (Grade, bool) {
    let mut flow = flow("10.0.0.1:50000", "203.0.113.5:443");
    (flow.forward, flow.reverse) = (side(forward), side(reverse));
    let syn = flow.forward.tcp_flags & SYN != 0;
    let syn_ack = flow.reverse.tcp_flags & (SYN | ACK) == SYN | ACK;
    flow.tcp = Some(TcpSummary { syn, syn_ack, ..TcpSummary::default() });
    let Assessment { grade, at_least } = grade(&flow);
    (grade, at_least)
}

fn other(protocol: Protocol, icmp: Option<(u8, u8)>, forward: Side, reverse: Side) -> Grade {
    let mut flow = flow("10.0.0.1:50000", "203.0.113.5:443");
    (flow.protocol, flow.icmp, flow.tcp) = (protocol, icmp, None);
    (flow.forward, flow.reverse) = (side(forward), side(reverse));
    let assessment = grade(&flow);
    assert!(!assessment.at_least);
    assessment.grade
}

#[test]
fn tcp_seen_both_ways() {
    let (attempted, connected, exchanged) =
        ((Grade::Attempted, false), (Grade::Connected, false), (Grade::Exchanged, false));
    for (what, forward, reverse, expected) in [
        ("refused", (1, 0, SYN, 0), (1, 0, RST | ACK, 0), attempted),
        ("refused thrice", (3, 0, SYN, 0), (3, 0, RST | ACK, 0), attempted),
        ("refused, the RST acknowledges data on the SYN", (2, 20, SYN, 0), (2, 0, RST | ACK, 20), attempted),
        ("ACK scan", (1, 0, ACK, 0), (1, 0, RST, 0), attempted),
        ("half-open scan of an open port", (2, 0, SYN | RST, 0), (1, 0, SYN | ACK, 0), connected),
        ("backscatter refused", (1, 0, RST, 0), (1, 0, SYN | ACK, 0), attempted),
        ("handshake", (2, 0, SYN | ACK, 0), (1, 0, SYN | ACK, 0), connected),
        ("one way payload", (3, 9, SYN | ACK | PSH, 0), (2, 0, SYN | ACK, 9), connected),
        ("reset after handshake", (3, 9, SYN | ACK | PSH, 0), (2, 0, SYN | ACK | RST, 9), connected),
        ("answer and RST, SYN-ACK missed", (3, 9, SYN | ACK | PSH, 7), (2, 7, ACK | PSH | RST, 9), exchanged),
        ("payload both ways", (5, 9, SYN | ACK | PSH, 7), (5, 7, SYN | ACK | PSH, 9), exchanged),
        ("midway", (5, 9, ACK, 7), (5, 7, ACK, 9), exchanged),
        ("midway, reset", (5, 9, ACK, 7), (5, 7, ACK | RST, 9), exchanged),
        ("midway upload, reset", (5, 9, ACK, 0), (5, 0, ACK | RST, 9), connected),
        ("midway, a lone RST", (5, 9, ACK, 0), (1, 0, RST | ACK, 9), attempted),
    ] {
        assert_eq!(tcp(forward, reverse), expected, "{what}");
    }
}

#[test]
fn tcp_seen_one_way_is_graded_by_acknowledgements() {
    for (what, forward, reverse, grade, at_least) in [
        ("SYN without answer", (3, 0, SYN, 0), NOTHING, Grade::Attempted, false),
        ("SYN, then RST", (2, 0, SYN | RST, 0), NOTHING, Grade::Attempted, false),
        ("handshake's ACK", (2, 0, SYN | ACK, 0), NOTHING, Grade::Connected, true),
        ("request", (3, 9, SYN | ACK | PSH, 0), NOTHING, Grade::Connected, true),
        ("request and acknowledged answer", (4, 9, SYN | ACK | PSH, 5), NOTHING, Grade::Exchanged, false),
        ("banner acknowledged", (4, 0, SYN | ACK, 5), NOTHING, Grade::Connected, true),
        ("answer side", NOTHING, (4, 7, SYN | ACK | PSH, 5), Grade::Exchanged, false),
        ("SYN-ACK alone", NOTHING, (1, 0, SYN | ACK, 0), Grade::Attempted, true),
        ("SYN-ACK again and again", NOTHING, (5, 0, SYN | ACK, 0), Grade::Attempted, true),
        ("SYN-ACK, then given up", NOTHING, (6, 0, SYN | ACK | RST, 0), Grade::Attempted, false),
        ("SYN-ACK and FIN", NOTHING, (3, 0, SYN | ACK | FIN, 0), Grade::Connected, true),
        ("SYN-ACK and banner", NOTHING, (2, 9, SYN | ACK | PSH, 0), Grade::Connected, true),
        ("RST alone", NOTHING, (1, 0, RST | ACK, 0), Grade::Attempted, false),
        ("RST alone that acknowledges", NOTHING, (1, 0, RST | ACK, 5), Grade::Attempted, false),
        ("bare ACK", (1, 0, ACK, 0), NOTHING, Grade::Attempted, true),
        ("midway upload", (5, 900, ACK, 0), NOTHING, Grade::Connected, true),
        ("midway download", (5, 0, ACK, 900), NOTHING, Grade::Connected, true),
        ("midway download, reset", (5, 0, ACK | RST, 900), NOTHING, Grade::Connected, true),
    ] {
        assert_eq!(tcp(forward, reverse), (grade, at_least), "{what}");
    }
}

#[test]
fn other_protocols() {
    let (one, empty, none) = ((1, 8, 0, 0), (1, 0, 0, 0), NOTHING);
    for (protocol, icmp, forward, reverse, expected) in [
        (Protocol::UDP, None, one, none, Grade::Attempted),
        (Protocol::UDP, None, none, one, Grade::Attempted),
        (Protocol::UDP, None, one, empty, Grade::Connected),
        (Protocol::UDP, None, one, one, Grade::Exchanged),
        (Protocol::ESP, None, one, one, Grade::Exchanged),
        (Protocol::ICMP, Some((8, 0)), one, none, Grade::Attempted),
        (Protocol::ICMP, Some((8, 0)), one, one, Grade::Connected),
        (Protocol::ICMP, Some((3, 1)), one, one, Grade::Attempted),
        (Protocol::ICMPV6, Some((128, 0)), one, one, Grade::Connected),
        (Protocol::ICMPV6, Some((1, 4)), one, one, Grade::Attempted),
    ] {
        assert_eq!(other(protocol, icmp, forward, reverse), expected, "{protocol} {icmp:?}");
    }
}

/// What a router says of both sides: flags, packets, and whether there must have been payload.
fn told(change: impl FnOnce(&mut Flow, &mut Exported)) -> (Grade, bool) {
    let mut flow = flow("10.0.0.1:50000", "203.0.113.5:443");
    flow.tcp = None;
    flow.forward = side((5, 9, SYN | ACK | PSH | FIN, 0));
    flow.reverse = side((5, 7, SYN | ACK | PSH | FIN, 0));
    let mut exported = Exported::default();
    change(&mut flow, &mut exported);
    for side in [&mut flow.forward, &mut flow.reverse] {
        side.ip_bytes = side.packets * 52 + side.payload_bytes;
    }
    flow.exported = Some(Box::new(exported));
    let Assessment { grade, at_least } = grade(&flow);
    (grade, at_least)
}

fn sampled(exported: &mut Exported, one_in: u32) {
    exported.sampling = Sampling::new(1, one_in, SamplingSource::Header);
}

#[test]
fn routers_tell_of_tcp_by_flags_and_bytes() {
    for (what, forward, reverse, grade, at_least) in [
        ("payload both ways", (9, 9, SYN | ACK, 0), (9, 7, SYN | ACK, 0), Grade::Exchanged, false),
        ("small packets", (9, 0, SYN | ACK, 0), (9, 7, SYN | ACK, 0), Grade::Connected, false),
        ("no flags told", (9, 0, 0, 0), (9, 0, 0, 0), Grade::Connected, false),
        ("no flags told, payload", (9, 9, 0, 0), (9, 9, 0, 0), Grade::Exchanged, false),
        ("refused", (3, 0, SYN, 0), (3, 0, RST | ACK, 0), Grade::Attempted, false),
        ("SYN without answer", (3, 0, SYN, 0), NOTHING, Grade::Attempted, true),
        ("handshake's ACK", (2, 0, SYN | ACK, 0), NOTHING, Grade::Connected, true),
        ("flags of a SYN-ACK", (1, 0, SYN | ACK, 0), NOTHING, Grade::Attempted, true),
        ("upload", (9, 900, ACK, 0), NOTHING, Grade::Connected, true),
        ("download", NOTHING, (9, 900, SYN | ACK | PSH, 0), Grade::Connected, true),
        ("SYN-ACK alone", NOTHING, (3, 0, SYN | ACK, 0), Grade::Attempted, true),
        ("RST alone", NOTHING, (1, 0, RST | ACK, 0), Grade::Attempted, true),
        ("one side without flags", (9, 900, 0, 0), NOTHING, Grade::Attempted, true),
        ("nothing counted", NOTHING, NOTHING, Grade::Attempted, true),
    ] {
        let both = |flow: &mut Flow| (flow.forward, flow.reverse) = (side(forward), side(reverse));
        assert_eq!(told(|flow, _| both(flow)), (grade, at_least), "{what}");
        let least = grade < Grade::Exchanged;
        let sampled = told(|flow, exported| {
            both(flow);
            sampled(exported, 1000);
        });
        assert_eq!(sampled, (grade, least), "{what}, sampled");
        let all = told(|flow, exported| {
            both(flow);
            self::sampled(exported, 1);
        });
        assert_eq!(all, (grade, at_least), "{what}, 1 in 1 leaves nothing out");
    }
}

#[test]
fn routers_tell_of_other_protocols() {
    let (one, empty) = ((1, 8, 0, 0), (1, 0, 0, 0));
    for (protocol, icmp, forward, reverse, grade, at_least) in [
        (Protocol::UDP, None, one, one, Grade::Exchanged, false),
        (Protocol::UDP, None, one, empty, Grade::Connected, false),
        (Protocol::UDP, None, one, NOTHING, Grade::Attempted, true),
        (Protocol::UDP, None, NOTHING, one, Grade::Attempted, true),
        (Protocol::ICMP, Some((8, 0)), one, one, Grade::Connected, false),
        (Protocol::ICMP, Some((8, 0)), one, NOTHING, Grade::Attempted, true),
    ] {
        let change = |flow: &mut Flow| {
            (flow.protocol, flow.icmp) = (protocol, icmp);
            (flow.forward, flow.reverse) = (side(forward), side(reverse));
        };
        assert_eq!(told(|flow, _| change(flow)), (grade, at_least), "{protocol} {forward:?} {reverse:?}");
        let sampled = told(|flow, exported| {
            change(flow);
            sampled(exported, 10);
        });
        assert_eq!(sampled, (grade, grade < Grade::Exchanged), "{protocol} {forward:?} {reverse:?}");
    }
}

#[test]
fn firewalls_tell_what_they_denied_and_bytes_without_packets() {
    let denied = told(|flow, exported| {
        (flow.forward, flow.reverse) = (side(NOTHING), side(NOTHING));
        exported.firewall_event = Some(3);
        sampled(exported, 10);
    });
    assert_eq!(denied, (Grade::Attempted, false));
    let deleted = told(|flow, exported| {
        (flow.forward.packets, flow.reverse.packets) = (0, 0);
        exported.firewall_event = Some(2);
    });
    assert_eq!(deleted, (Grade::Exchanged, false));
}
