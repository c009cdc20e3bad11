//! Headers and checksums: Ethernet II, IPv4 (RFC 791), IPv6 (RFC 8200), TCP (RFC 9293), UDP (RFC 768).

use std::net::IpAddr;
use weir_model::{Endpoint, Protocol};

/// Shortest Ethernet frame as captured: 64 bytes on the wire, less the frame check sequence.
pub(super) const SHORTEST_FRAME: usize = 60;

const ETHER_TYPE_IPV4: u16 = 0x0800;
const ETHER_TYPE_IPV6: u16 = 0x86dd;
const HOP_LIMIT: u8 = 57;

/// What a TCP header says beside the ports.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tcp {
    pub sequence: u32,
    pub acknowledgement: u32,
    pub flags: u8,
}

/// Writes a TCP packet without options, padded to the shortest frame. The ends have addresses of one family.
pub(super) fn tcp(frame: &mut Vec<u8>, [from, to]: [Endpoint; 2], tcp: Tcp, payload: &[u8]) {
    let mut header = [0_u8; 20];
    put(&mut header, 0, &from.port.to_be_bytes());
    put(&mut header, 2, &to.port.to_be_bytes());
    put(&mut header, 4, &tcp.sequence.to_be_bytes());
    put(&mut header, 8, &tcp.acknowledgement.to_be_bytes());
    put(&mut header, 12, &[0x50, tcp.flags, 0xff, 0xff]);
    let checksum = transport_checksum([from.ip, to.ip], Protocol::TCP, &header, payload);
    put(&mut header, 16, &checksum.to_be_bytes());
    write(frame, [from.ip, to.ip], Protocol::TCP, &header, payload);
}

/// Writes a UDP packet, padded to the shortest frame.
pub(super) fn udp(frame: &mut Vec<u8>, [from, to]: [Endpoint; 2], payload: &[u8]) {
    let mut header = [0_u8; 8];
    let len = (header.len() + payload.len()) as u16;
    put(&mut header, 0, &from.port.to_be_bytes());
    put(&mut header, 2, &to.port.to_be_bytes());
    put(&mut header, 4, &len.to_be_bytes());
    // 0 would mean that there is none (RFC 768).
    let checksum = match transport_checksum([from.ip, to.ip], Protocol::UDP, &header, payload) {
        0 => 0xffff,
        other => other,
    };
    put(&mut header, 6, &checksum.to_be_bytes());
    write(frame, [from.ip, to.ip], Protocol::UDP, &header, payload);
}

fn write(frame: &mut Vec<u8>, ends: [IpAddr; 2], protocol: Protocol, transport: &[u8], payload: &[u8]) {
    frame.clear();
    frame.extend([2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2]);
    let len = transport.len() + payload.len();
    if let [IpAddr::V4(from), IpAddr::V4(to)] = ends {
        let mut header = [0_u8; 20];
        let total = (header.len() + len) as u16;
        put(&mut header, 0, &[0x45, 0]);
        put(&mut header, 2, &total.to_be_bytes());
        // Do not fragment.
        put(&mut header, 6, &[0x40, 0, HOP_LIMIT, protocol.0]);
        put(&mut header, 12, &from.octets());
        put(&mut header, 16, &to.octets());
        let checksum = fold(sum(&header));
        put(&mut header, 10, &checksum.to_be_bytes());
        frame.extend(ETHER_TYPE_IPV4.to_be_bytes());
        frame.extend(header);
    } else {
        frame.extend(ETHER_TYPE_IPV6.to_be_bytes());
        frame.extend([0x60, 0, 0, 0]);
        frame.extend((len as u16).to_be_bytes());
        frame.extend([protocol.0, HOP_LIMIT]);
        for ip in ends {
            extend_with(frame, ip);
        }
    }
    frame.extend(transport);
    frame.extend(payload);
    if frame.len() < SHORTEST_FRAME {
        frame.resize(SHORTEST_FRAME, 0);
    }
}

fn extend_with(bytes: &mut Vec<u8>, ip: IpAddr) {
    match ip {
        IpAddr::V4(ip) => bytes.extend(ip.octets()),
        IpAddr::V6(ip) => bytes.extend(ip.octets()),
    }
}

/// The checksum over the pseudo header, the header (its checksum still zero) and the payload.
fn transport_checksum(ends: [IpAddr; 2], protocol: Protocol, header: &[u8], payload: &[u8]) -> u16 {
    let addresses: u64 = ends.iter().map(|ip| sum_of_address(*ip)).sum();
    let len = (header.len() + payload.len()) as u64;
    fold(addresses + u64::from(protocol.0) + len + sum(header) + sum(payload))
}

fn sum_of_address(ip: IpAddr) -> u64 {
    match ip {
        IpAddr::V4(ip) => sum(&ip.octets()),
        IpAddr::V6(ip) => sum(&ip.octets()),
    }
}

/// The sum of the 16-bit words of RFC 1071, the last one filled up with zero.
pub(super) fn sum(bytes: &[u8]) -> u64 {
    let (words, rest) = bytes.as_chunks::<2>();
    let whole: u64 = words.iter().map(|word| u64::from(u16::from_be_bytes(*word))).sum();
    whole + rest.first().map_or(0, |last| u64::from(*last) << 8)
}

fn fold(mut sum: u64) -> u16 {
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !(sum as u16)
}

fn put(header: &mut [u8], offset: usize, bytes: &[u8]) {
    for (place, byte) in header.iter_mut().skip(offset).zip(bytes) {
        *place = *byte;
    }
}
