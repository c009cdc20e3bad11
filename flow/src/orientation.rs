//! Which end began.

use weir_model::flow::Orientation;
use weir_model::{Endpoint, Protocol};
use weir_wire::Side;

/// Ports above 1023 at which services listen: where one end has such a port (or one below 1024) and the other has
/// not, it is the responder. The list is short on purpose: each entry is also somebody's ephemeral port. Which of two other
/// ports is lower tells nothing: hosts and address translators take their own from anywhere above 1023, peers use what they like.
const SERVICE_PORTS: [u16; 34] = [
    1080, 1194, 1433, 1521, 1723, 1883, 2049, 2375, 3128, 3306, 3389, 4500, 5060, 5061, 5222, 5353, 5355,
    5432, 5671, 5672, 5900, 5985, 6379, 6443, 6667, 8000, 8008, 8080, 8443, 8883, 8888, 9092, 9200, 27017,
];

/// The initiator as far as known, and what tells it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Oriented {
    pub(crate) initiator: Side,
    pub(crate) by: Orientation,
}

impl Oriented {
    /// What the first packet's endpoints tell; side A sent it.
    pub(crate) fn from_first(protocol: Protocol, source: Endpoint, destination: Endpoint) -> Self {
        let mut oriented = Self { initiator: Side::A, by: Orientation::FirstPacket };
        if protocol.has_ports() {
            match (is_service(source.port), is_service(destination.port)) {
                (true, false) => oriented.weigh(Orientation::Ports, Side::B),
                (false, true) => oriented.weigh(Orientation::Ports, Side::A),
                _ => {}
            }
        }
        oriented
    }

    /// Takes up stronger evidence; of equally strong evidence the first stays.
    pub(crate) fn weigh(&mut self, by: Orientation, initiator: Side) {
        if by > self.by {
            *self = Self { initiator, by };
        }
    }
}

/// Port 0 stands for a header that was cut, not for a service.
fn is_service(port: u16) -> bool {
    (1..1024).contains(&port) || SERVICE_PORTS.binary_search(&port).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn first(protocol: Protocol, source: u16, destination: u16) -> (Side, Orientation) {
        let end = |port| Endpoint::new([192, 0, 2, 1].into(), port);
        let oriented = Oriented::from_first(protocol, end(source), end(destination));
        (oriented.initiator, oriented.by)
    }

    #[test]
    fn ports_tell_when_only_one_is_a_service() {
        assert!(SERVICE_PORTS.is_sorted());
        assert_eq!(first(Protocol::TCP, 50_000, 443), (Side::A, Orientation::Ports));
        assert_eq!(first(Protocol::TCP, 443, 50_000), (Side::B, Orientation::Ports));
        assert_eq!(first(Protocol::TCP, 3306, 1024), (Side::B, Orientation::Ports));
        assert_eq!(first(Protocol::UDP, 123, 123), (Side::A, Orientation::FirstPacket));
        assert_eq!(first(Protocol::UDP, 50_000, 40_000), (Side::A, Orientation::FirstPacket));
        assert_eq!(first(Protocol::TCP, 1024, 60_000), (Side::A, Orientation::FirstPacket));
        assert_eq!(first(Protocol::UDP, 0, 50_000), (Side::A, Orientation::FirstPacket));
        assert_eq!(first(Protocol::ICMP, 3, 1024), (Side::A, Orientation::FirstPacket));
    }

    #[test]
    fn stronger_evidence_overrides_and_weaker_does_not() {
        let mut oriented = Oriented { initiator: Side::A, by: Orientation::Ports };
        oriented.weigh(Orientation::Ports, Side::B);
        assert_eq!(oriented.initiator, Side::A);
        oriented.weigh(Orientation::Start, Side::B);
        oriented.weigh(Orientation::Payload, Side::A);
        assert_eq!((oriented.initiator, oriented.by), (Side::B, Orientation::Start));
    }
}
