//! What is said in conversations: each event is a datagram, or a piece of a stream, of one side.

use crate::events;
use weir_wire::{DatagramInspector, Side, StreamInspector, dns as names, tls as hellos};

/// DNS over UDP and over TCP: messages as they are, and as conversations on the ports of DNS, mDNS and LLMNR.
pub fn dns(input: &[u8]) {
    let _ = names::parse(input);
    let _ = names::parse_link_local(input);
    let _ = names::looks_like(input);
    for port in [53, 5353, 5355] {
        datagrams(port, input);
    }
    stream(53, input);
}

/// TLS: the readers of messages, and a conversation in pieces.
pub fn tls(input: &[u8]) {
    let _ = hellos::looks_like_client_hello(input);
    let _ = hellos::looks_like_server_hello(input);
    drop(format!("{:?}", hellos::certificate::describe(0, input)));
    let _ = hellos::certificate::parse_chain(input, &mut |certificate| drop(format!("{certificate:?}")));
    stream(443, input);
    datagrams(443, input);
}

fn side(who: u8) -> Side {
    if who & 1 == 0 { Side::A } else { Side::B }
}

fn datagrams(port: u16, input: &[u8]) {
    let mut inspector = DatagramInspector::new(40_000, port);
    for event in events::of(input) {
        let _ = inspector.push(side(event.who), event.body, &mut |fact| drop(format!("{fact:?}")));
    }
}

fn stream(port: u16, input: &[u8]) {
    let mut inspector = StreamInspector::new(40_000, port);
    for event in events::of(input) {
        if event.keeps_lengths {
            let _ = inspector.gap(side(event.who));
        }
        let _ = inspector.push(side(event.who), event.body, &mut |fact| drop(format!("{fact:?}")));
    }
}
