//! What ICMP (RFC 792) and ICMPv6 (RFC 4443, RFC 4861) tell about who began.

use weir_model::Protocol;
use weir_model::observation::Sender;

/// Which end of a conversation sends a message of this type; `None` where either may, or nobody answers.
pub(crate) fn sent_by(protocol: Protocol, icmp_type: u8) -> Option<Sender> {
    match (protocol, icmp_type) {
        // Asked: echo, router solicitation, timestamp, information, address mask; in ICMPv6 echo, router and neighbour
        // solicitation, node information, home agent discovery.
        (Protocol::ICMP, 8 | 10 | 13 | 15 | 17) | (Protocol::ICMPV6, 128 | 133 | 135 | 139 | 144) => {
            Some(Sender::Initiator)
        }
        // Their answers; but advertisements are often sent unasked, to everybody, and tell nothing.
        (Protocol::ICMP, 0 | 14 | 16 | 18) | (Protocol::ICMPV6, 129 | 140 | 145) => Some(Sender::Responder),
        _ => None,
    }
}
