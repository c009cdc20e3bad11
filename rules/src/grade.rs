//! How far a flow got.

use weir_model::flow::Counters;
use weir_model::{Flow, Grade, Protocol};

/// How far a flow got, and whether that is all that can be known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Assessment {
    /// Attempted, connected or exchanged.
    pub grade: Grade,
    /// Judged from one side of the traffic, whose acknowledgements prove that there was another: it may have got further.
    pub at_least: bool,
}

/// Grades a flow.
///
/// - *attempted*: packets one way, nothing back but RST. ICMP errors are flows of their own and never answer one.
/// - *connected*: both sides spoke. A bare RST, or RST with ACK, speaks for nobody.
/// - *exchanged*: both sides sent payload.
///
/// TCP of which one side was seen is graded by what that side acknowledges: bytes of the other side, or the other side's SYN.
/// Other protocols acknowledge nothing; one-sided, they are attempted. So is a SYN-ACK alone: it may answer a SYN that
/// somebody else sent in the other side's name.
///
/// ICMP gets to connected and no further: the payload of an echo is padding that comes back unchanged, and without its
/// contents a tunnel in it cannot be told from a large ping. An ICMP error is attempted.
///
/// SCTP is graded as UDP is: its chunks are payload, so that an association refused by ABORT counts as an exchange.
pub fn grade(flow: &Flow) -> Assessment {
    let (grade, at_least) = match flow.protocol {
        Protocol::TCP => tcp(flow),
        protocol if protocol.is_icmp() => (icmp(flow), false),
        _ => (by_payload(both_ways(flow), flow), false),
    };
    Assessment { grade, at_least: at_least && grade < Grade::Exchanged }
}

/// Whether a flow is an ICMP error message (RFC 792, RFC 4443 section 2.1): a reply to another flow, never a beginning.
pub(crate) fn is_icmp_error(flow: &Flow) -> bool {
    match (flow.protocol, flow.icmp) {
        (Protocol::ICMP, Some((kind, _))) => matches!(kind, 3 | 4 | 5 | 11 | 12),
        (Protocol::ICMPV6, Some((kind, _))) => kind < 128,
        _ => false,
    }
}

const FIN: u8 = 0x01;
const SYN: u8 = 0x02;
const RST: u8 = 0x04;
const PSH: u8 = 0x08;
const ACK: u8 = 0x10;

fn both_ways(flow: &Flow) -> bool {
    flow.forward.packets > 0 && flow.reverse.packets > 0
}

fn by_payload(connected: bool, flow: &Flow) -> Grade {
    match connected {
        false => Grade::Attempted,
        true if flow.forward.payload_bytes > 0 && flow.reverse.payload_bytes > 0 => Grade::Exchanged,
        true => Grade::Connected,
    }
}

fn icmp(flow: &Flow) -> Grade {
    if both_ways(flow) && !is_icmp_error(flow) { Grade::Connected } else { Grade::Attempted }
}

fn tcp(flow: &Flow) -> (Grade, bool) {
    let summary = flow.tcp.unwrap_or_default();
    if both_ways(flow) {
        let taken_up_midway = !summary.syn && !summary.syn_ack;
        let speaks = |side| speaks(side, taken_up_midway);
        return (by_payload(speaks(&flow.forward) && speaks(&flow.reverse), flow), false);
    }
    if flow.forward.packets > 0 {
        one_side(&flow.forward, summary.syn && flow.forward.tcp_flags & ACK != 0)
    } else {
        one_side(&flow.reverse, summary.syn_ack && flow.reverse.tcp_flags & FIN != 0)
    }
}

/// Whether a side said more than RST. Its flags are those of all its segments together, so that ACKs before a RST cannot be
/// told from those on it; when the start was not seen, more than one segment that carries or acknowledges bytes tells.
fn speaks(side: &Counters, taken_up_midway: bool) -> bool {
    let refuses_at_most = side.tcp_flags & RST != 0 && side.tcp_flags & (SYN | FIN | PSH) == 0;
    let carried_on = side.packets > 1 && (side.payload_bytes > 0 || side.acknowledged_bytes > 0);
    !refuses_at_most || (taken_up_midway && carried_on)
}

/// Grades the only side seen. `answered`: it shows that the handshake was completed.
fn one_side(side: &Counters, answered: bool) -> (Grade, bool) {
    let refuses_at_most =
        side.tcp_flags & RST != 0 && side.tcp_flags & (FIN | PSH) == 0 && side.payload_bytes == 0;
    if refuses_at_most && (side.packets == 1 || side.acknowledged_bytes == 0) {
        return (Grade::Attempted, false);
    }
    let acknowledges = side.tcp_flags & ACK != 0;
    if side.acknowledged_bytes > 0 {
        (if side.payload_bytes > 0 { Grade::Exchanged } else { Grade::Connected }, true)
    } else if answered || (acknowledges && side.payload_bytes > 0) {
        // TCP sends no data before the handshake is done, whatever of it was seen.
        (Grade::Connected, true)
    } else {
        (Grade::Attempted, acknowledges)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::flow;
    use weir_model::flow::TcpSummary;

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
            (
                "refused, the RST acknowledges data on the SYN",
                (2, 20, SYN, 0),
                (2, 0, RST | ACK, 20),
                attempted,
            ),
            ("ACK scan", (1, 0, ACK, 0), (1, 0, RST, 0), attempted),
            ("half-open scan of an open port", (2, 0, SYN | RST, 0), (1, 0, SYN | ACK, 0), connected),
            ("backscatter refused", (1, 0, RST, 0), (1, 0, SYN | ACK, 0), attempted),
            ("handshake", (2, 0, SYN | ACK, 0), (1, 0, SYN | ACK, 0), connected),
            ("one way payload", (3, 9, SYN | ACK | PSH, 0), (2, 0, SYN | ACK, 9), connected),
            ("reset after handshake", (3, 9, SYN | ACK | PSH, 0), (2, 0, SYN | ACK | RST, 9), connected),
            (
                "answer and RST, SYN-ACK missed",
                (3, 9, SYN | ACK | PSH, 7),
                (2, 7, ACK | PSH | RST, 9),
                exchanged,
            ),
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
}
