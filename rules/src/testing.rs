//! What several tests need: a flow to start from.

use smallvec::SmallVec;
use weir_model::flow::{Counters, FlowId, Orientation, TcpState, TcpSummary};
use weir_model::{Endpoint, Flow, Name, Protocol, Timestamp, flow::EndReason};

pub(crate) fn end(text: &str) -> Endpoint {
    let address: std::net::SocketAddr = text.parse().unwrap();
    Endpoint::new(address.ip(), address.port())
}

pub(crate) fn name(text: &str) -> Name {
    Name::from_ascii(text.as_bytes()).unwrap()
}

/// A TCP connection with a handshake, a request of 100 bytes and an answer of 1,000, from second 100 to 101.
pub(crate) fn flow(initiator: &str, responder: &str) -> Flow {
    let side = |payload_bytes, acknowledged_bytes| Counters {
        packets: 4,
        ip_bytes: payload_bytes + 200,
        payload_bytes,
        tcp_flags: 0x1b,
        retransmissions: 0,
        acknowledged_bytes,
    };
    Flow {
        id: FlowId(1),
        continues: None,
        protocol: Protocol::TCP,
        initiator: end(initiator),
        responder: end(responder),
        orientation: Orientation::Start,
        first: Timestamp::new(100, 0),
        last: Timestamp::new(101, 0),
        forward: side(100, 1000),
        reverse: side(1000, 100),
        tcp: Some(TcpSummary { syn: true, syn_ack: true, handshake: true, state: TcpState::Closed }),
        icmp: None,
        icmp_errors: 0,
        end: EndReason::Fin,
        vlans: SmallVec::new(),
        mpls: SmallVec::new(),
        tunnels: SmallVec::new(),
        application: None,
        name: None,
        other_names: Vec::new(),
        tls: None,
        http: None,
        dns_messages: (0, 0),
        exported: None,
    }
}
