//! How far a flow got.

mod exported;

use weir_model::flow::Counters;
use weir_model::{Flow, Grade, Protocol};

/// How far a flow got, and whether that is all that can be known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Assessment {
    /// Attempted, connected or exchanged.
    pub grade: Grade,
    /// Judged from one side of the traffic, whose acknowledgements prove that there was another, or from what routers told of one
    /// side or of some packets: it may have got further.
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
///
/// Of flows that routers tell of, see `exported`.
pub fn grade(flow: &Flow) -> Assessment {
    if let Some(exported) = &flow.exported {
        return exported::grade(flow, exported);
    }
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
    !flow.forward.is_empty() && !flow.reverse.is_empty()
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
        return (tcp_both_ways(flow, !summary.syn && !summary.syn_ack), false);
    }
    if flow.forward.packets > 0 {
        one_side(&flow.forward, summary.syn && flow.forward.tcp_flags & ACK != 0)
    } else {
        one_side(&flow.reverse, summary.syn_ack && flow.reverse.tcp_flags & FIN != 0)
    }
}

fn tcp_both_ways(flow: &Flow, taken_up_midway: bool) -> Grade {
    let speaks = |side| speaks(side, taken_up_midway);
    by_payload(speaks(&flow.forward) && speaks(&flow.reverse), flow)
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
mod tests;
