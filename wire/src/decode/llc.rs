//! IEEE 802.2 logical link control, and SNAP (RFC 1042).

use super::ether_type::ether_type;
use super::span::Span;
use super::stats::{Layer, NotIp};
use super::trail::{Stop, Trail};
use super::{Found, ip};

/// Destination and source service access point, control.
pub(super) fn llc<'a>(trail: &mut Trail, span: Span<'a>) -> Found<'a> {
    trail.pass(Layer::Llc)?;
    let ([destination, source, _control], rest) = span.head::<3>(Layer::Llc)?;
    match (destination, source) {
        (0xaa, 0xaa) => snap(trail, rest),
        (0x06, 0x06) => ip::ip_version(trail, 4, rest),
        (0x42, 0x42) => Err(Stop::NotIp(NotIp::Stp)),
        (0xe0, 0xe0) | (0xff, 0xff) => Err(Stop::NotIp(NotIp::Ipx)),
        (0xfe, 0xfe) => Err(Stop::NotIp(NotIp::Osi)),
        _ => Err(Stop::NotIp(NotIp::Llc)),
    }
}

/// An organisation, and a protocol of its own; for those that mean "EtherType", an EtherType.
pub(super) fn snap<'a>(trail: &mut Trail, span: Span<'a>) -> Found<'a> {
    const ENCAPSULATED_ETHERNET: [u8; 3] = [0x00, 0x00, 0x00];
    const BRIDGE_TUNNEL: [u8; 3] = [0x00, 0x00, 0xf8];
    const CISCO: [u8; 3] = [0x00, 0x00, 0x0c];
    let ([a, b, c, protocol0, protocol1], rest) = span.head::<5>(Layer::Llc)?;
    let protocol = u16::from_be_bytes([protocol0, protocol1]);
    match ([a, b, c], protocol) {
        (ENCAPSULATED_ETHERNET | BRIDGE_TUNNEL, _) => ether_type(trail, protocol, rest),
        (CISCO, 0x010b) => Err(Stop::NotIp(NotIp::Stp)),
        (CISCO, _) => Err(Stop::NotIp(NotIp::Cisco)),
        _ => Err(Stop::NotIp(NotIp::Llc)),
    }
}
