//! Community ID v1: the flow identifier that Zeek, Suricata, Arkime and others share.
//!
//! <https://github.com/corelight/community-id-spec>. `1:` and the Base64 of the SHA-1 over seed, addresses,
//! protocol, a zero byte and ports, ordered so that both directions give the same.

use crate::{Endpoint, Protocol};
use base64::prelude::{BASE64_STANDARD, Engine as _};
use sha1::block_api::compress;
use std::net::IpAddr;

/// Bytes of a Community ID: `1:` and 20 bytes in Base64.
pub const TEXT_BYTES: usize = 30;

/// The Community ID of a packet from `source` to `destination`; for ICMP the source port is the type and the destination
/// port is what [`icmp_ports`] gives for it. Addresses of different families give the ID of what they are; no packet has both.
pub fn community_id(seed: u16, protocol: Protocol, source: Endpoint, destination: Endpoint) -> String {
    ascii(seed, protocol, source, destination).iter().copied().map(char::from).collect()
}

/// The same in ASCII, without an allocation.
pub fn ascii(seed: u16, protocol: Protocol, source: Endpoint, destination: Endpoint) -> [u8; TEXT_BYTES] {
    let mut text = *b"1:============================";
    let [_, _, encoded @ ..] = &mut text;
    // 20 bytes are 28 in Base64, which is what there is room for.
    drop(BASE64_STANDARD.encode_slice(digest(seed, protocol, source, destination), encoded));
    text
}

/// The 20 bytes that [`community_id`] writes in Base64.
pub fn digest(seed: u16, protocol: Protocol, source: Endpoint, destination: Endpoint) -> [u8; 20] {
    let (low, high) = ordered(protocol, source, destination);
    let mut message = Message::new();
    message.push(seed.to_be_bytes());
    for endpoint in [low, high] {
        match endpoint.ip {
            IpAddr::V4(ip) => message.push(ip.octets()),
            IpAddr::V6(ip) => message.push(ip.octets()),
        }
    }
    message.push([protocol.0, 0]);
    if protocol.has_ports() || protocol.is_icmp() {
        message.push(low.port.to_be_bytes());
        message.push(high.port.to_be_bytes());
    }
    message.sha1()
}

/// A message of at most 55 bytes, which SHA-1 takes as one block (RFC 3174 section 4): hashers that take any message spend more
/// on keeping their books than on hashing so few bytes.
struct Message {
    block: [u8; 64],
    length: usize,
}

impl Message {
    fn new() -> Self {
        Self { block: [0; 64], length: 0 }
    }

    /// Appends bytes; 40 are the most that a Community ID has.
    fn push<const N: usize>(&mut self, bytes: [u8; N]) {
        if let Some(place) = self.block.get_mut(self.length..self.length + N) {
            place.copy_from_slice(&bytes);
            self.length += N;
        }
    }

    fn sha1(mut self) -> [u8; 20] {
        let bits = self.length as u64 * 8;
        self.push([0x80]);
        if let Some(end) = self.block.last_chunk_mut() {
            *end = bits.to_be_bytes();
        }
        // RFC 3174 section 6.1.
        let mut state = [0x6745_2301, 0xefcd_ab89, 0x98ba_dcfe, 0x1032_5476, 0xc3d2_e1f0];
        compress(&mut state, &[self.block]);
        let mut digest = [0; 20];
        for (place, word) in digest.chunks_exact_mut(4).zip(state) {
            place.copy_from_slice(&word.to_be_bytes());
        }
        digest
    }
}

/// The two ends of a packet, the lower one first, so that both directions of a conversation give the same. Messages that
/// nothing answers keep the order of the packet ([`is_one_way`]).
pub fn ordered(protocol: Protocol, source: Endpoint, destination: Endpoint) -> (Endpoint, Endpoint) {
    if is_one_way(protocol, source.port) || source <= destination {
        (source, destination)
    } else {
        (destination, source)
    }
}

/// Whether nothing answers such a message: an ICMP type (the "port" of its source) without counterpart, as errors are. Flows of
/// them have one direction.
pub fn is_one_way(protocol: Protocol, source_port: u16) -> bool {
    protocol.is_icmp() && icmp_counterpart(protocol, source_port).is_none()
}

/// The (source, destination) "ports" of an ICMP or ICMPv6 message: its type, and the type of its answer; or, for types that
/// have no counterpart, type and code.
pub fn icmp_ports(protocol: Protocol, icmp_type: u8, code: u8) -> (u16, u16) {
    let icmp_type = u16::from(icmp_type);
    (icmp_type, icmp_counterpart(protocol, icmp_type).unwrap_or(u16::from(code)))
}

/// The type that answers (or asks for) `icmp_type`; `None` for types that stand alone.
pub fn icmp_counterpart(protocol: Protocol, icmp_type: u16) -> Option<u16> {
    Some(match (protocol, icmp_type) {
        (Protocol::ICMP, 0) => 8,
        (Protocol::ICMP, 8) => 0,
        (Protocol::ICMP, 9) => 10,
        (Protocol::ICMP, 10) => 9,
        (Protocol::ICMP, 13) => 14,
        (Protocol::ICMP, 14) => 13,
        (Protocol::ICMP, 15) => 16,
        (Protocol::ICMP, 16) => 15,
        (Protocol::ICMP, 17) => 18,
        (Protocol::ICMP, 18) => 17,
        (Protocol::ICMPV6, 128) => 129,
        (Protocol::ICMPV6, 129) => 128,
        (Protocol::ICMPV6, 130) => 131,
        (Protocol::ICMPV6, 131) => 130,
        (Protocol::ICMPV6, 133) => 134,
        (Protocol::ICMPV6, 134) => 133,
        (Protocol::ICMPV6, 135) => 136,
        (Protocol::ICMPV6, 136) => 135,
        (Protocol::ICMPV6, 139) => 140,
        (Protocol::ICMPV6, 140) => 139,
        (Protocol::ICMPV6, 144) => 145,
        (Protocol::ICMPV6, 145) => 144,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn end(text: &str) -> Endpoint {
        let address: std::net::SocketAddr = text.parse().unwrap();
        Endpoint::new(address.ip(), address.port())
    }

    /// The specification's own examples.
    #[test]
    fn specification_examples() {
        let (client, server) = (end("128.232.110.120:34855"), end("66.35.250.204:80"));
        assert_eq!(community_id(0, Protocol::TCP, client, server), "1:LQU9qZlK+B5F3KDmev6m5PMibrg=");
        assert_eq!(community_id(0, Protocol::TCP, server, client), "1:LQU9qZlK+B5F3KDmev6m5PMibrg=");
        assert_eq!(community_id(1, Protocol::TCP, client, server), "1:3V71V58M3Ksw/yuFALMcW0LAHvc=");
    }

    #[test]
    fn one_block_is_hashed_as_sha1_hashes_it() {
        use sha1::Digest as _;
        for length in 0..=40 {
            let mut message = Message::new();
            (0..length).for_each(|byte| message.push([byte]));
            let bytes: Vec<u8> = (0..length).collect();
            assert_eq!(message.sha1().as_slice(), sha1::Sha1::digest(bytes).as_slice());
        }
    }

    #[test]
    fn both_directions_are_one_and_errors_stand_alone() {
        let (a, b) = (end("10.0.0.2:40000"), end("10.0.0.1:443"));
        assert_eq!(ordered(Protocol::TCP, a, b), (b, a));
        assert_eq!(ordered(Protocol::TCP, b, a), (b, a));
        let (ask, answer) = (end("10.0.0.2:8"), end("10.0.0.1:0"));
        assert_eq!(ordered(Protocol::ICMP, ask, answer), ordered(Protocol::ICMP, answer, ask));
        let (one, other) = (end("10.0.0.2:3"), end("10.0.0.1:3"));
        assert_eq!(ordered(Protocol::ICMP, one, other), (one, other));
        assert_eq!(ordered(Protocol::ICMP, other, one), (other, one));
    }
}
