//! What makes two packets belong to the same conversation.

use weir_model::community_id::icmp_counterpart;
use weir_model::{Endpoint, Protocol};

/// Protocol and the two endpoints of the innermost packet, the lower one first, so that both directions have one key.
///
/// ICMP messages that nothing answers (errors, redirects) are flows of one direction, as Community ID v1 has it:
/// their endpoints keep the order of the packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FlowKey {
    /// IP protocol.
    pub protocol: Protocol,
    /// The lower endpoint.
    pub low: Endpoint,
    /// The higher endpoint.
    pub high: Endpoint,
}

impl FlowKey {
    /// The key of a packet from `source` to `destination`.
    pub fn new(protocol: Protocol, source: Endpoint, destination: Endpoint) -> Self {
        let one_way = protocol.is_icmp() && icmp_counterpart(protocol, source.port).is_none();
        let (low, high) =
            if one_way || source <= destination { (source, destination) } else { (destination, source) };
        Self { protocol, low, high }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn end(text: &str) -> Endpoint {
        let address: std::net::SocketAddr = text.parse().unwrap();
        Endpoint::new(address.ip(), address.port())
    }

    #[test]
    fn both_directions_have_one_key() {
        let (a, b) = (end("10.0.0.2:40000"), end("10.0.0.1:443"));
        assert_eq!(FlowKey::new(Protocol::TCP, a, b), FlowKey::new(Protocol::TCP, b, a));
        assert_ne!(FlowKey::new(Protocol::TCP, a, b), FlowKey::new(Protocol::UDP, a, b));
    }

    #[test]
    fn icmp_is_paired_where_it_has_an_answer() {
        let (ask, answer) = (end("10.0.0.2:8"), end("10.0.0.1:0"));
        assert_eq!(FlowKey::new(Protocol::ICMP, ask, answer), FlowKey::new(Protocol::ICMP, answer, ask));
        let (one, other) = (end("10.0.0.2:3"), end("10.0.0.1:3"));
        assert_ne!(FlowKey::new(Protocol::ICMP, one, other), FlowKey::new(Protocol::ICMP, other, one));
    }
}
