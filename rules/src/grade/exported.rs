//! How far a flow got of which routers told.
//!
//! Nobody looked into its packets: payload is what their bytes exceed the largest headers by, flags are those of all packets of a
//! side together, and acknowledgements are not known. So *exchanged* is certain, and less than that may be more, wherever
//! something may be missing: when one side was told of only (an exporter at one of two ways, or one that tells of what comes in),
//! or when packets were left out by sampling. Only what a firewall denied got no further for certain.

use super::{ACK, Assessment, FIN, SYN, both_ways, by_payload, icmp, one_side, tcp_both_ways};
use weir_model::{Exported, Flow, Grade, Protocol};

pub(super) fn grade(flow: &Flow, exported: &Exported) -> Assessment {
    if exported.is_denied() {
        return Assessment { grade: Grade::Attempted, at_least: false };
    }
    let both_ways = both_ways(flow);
    let grade = match flow.protocol {
        Protocol::TCP if both_ways => tcp_both_ways(flow, !has_start(flow)),
        Protocol::TCP => tcp_one_side(flow),
        protocol if protocol.is_icmp() => icmp(flow),
        _ => by_payload(both_ways, flow),
    };
    let may_be_more = !both_ways || exported.is_sampled();
    Assessment { grade, at_least: may_be_more && grade < Grade::Exchanged }
}

/// Flags that only the beginning of a connection has.
fn has_start(flow: &Flow) -> bool {
    (flow.forward.tcp_flags | flow.reverse.tcp_flags) & SYN != 0
}

/// One side tells that there was another where it sends bytes, or where an initiator sent SYN and ACK in more than one packet, or a
/// responder SYN and FIN.
fn tcp_one_side(flow: &Flow) -> Grade {
    let (forward, reverse) = (&flow.forward, &flow.reverse);
    let (grade, _) = if reverse.is_empty() {
        one_side(forward, forward.packets > 1 && forward.tcp_flags & (SYN | ACK) == SYN | ACK)
    } else {
        one_side(reverse, reverse.tcp_flags & (SYN | FIN) == SYN | FIN)
    };
    grade
}
