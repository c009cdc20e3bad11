//! Tunnels over UDP: VXLAN, Geneve, GTP-U, Teredo, L2TP. All are recognised by port, and then must be valid.

use super::inside;
use crate::decode::ether_type::{ether_type, ethernet, service_header};
use crate::decode::ip::{self, Addresses};
use crate::decode::ppp;
use crate::decode::span::Span;
use crate::decode::stats::Layer;
use crate::decode::trail::Trail;
use crate::decode::transport::{ports, udp_payload};
use crate::decode::{Found, Reached};
use std::net::Ipv6Addr;
use weir_model::Protocol;
use weir_model::flow::TunnelKind;

const L2TP: u16 = 1701;
const GTP_U: u16 = 2152;
const TEREDO: u16 = 3544;
const VXLAN: u16 = 4789;
const VXLAN_GPE: u16 = 4790;
const GENEVE: u16 = 6081;
/// VXLAN as Linux numbered it before IANA did.
const VXLAN_LINUX: u16 = 8472;

/// Whether a datagram from or to this port may be a tunnel.
#[inline]
pub(in crate::decode) fn is_port(port: u16) -> bool {
    // Nearly all ports are outside, and for them this is all.
    (L2TP..=VXLAN_LINUX).contains(&port)
        && matches!(port, L2TP | GTP_U | TEREDO | VXLAN | VXLAN_GPE | GENEVE | VXLAN_LINUX)
}

/// The packet within a UDP datagram: what its destination port says, else its source port, since some senders answer
/// from the tunnel's own.
pub(super) fn look_through<'a>(trail: &mut Trail, outer: Addresses, span: Span<'a>) -> Option<Reached<'a>> {
    let (source, destination) = ports(Protocol::UDP, span);
    at_port(trail, outer, destination, span).or_else(|| at_port(trail, outer, source, span))
}

fn at_port<'a>(trail: &mut Trail, outer: Addresses, port: u16, span: Span<'a>) -> Option<Reached<'a>> {
    if !is_port(port) {
        return None;
    }
    match port {
        VXLAN | VXLAN_LINUX => vxlan(trail, outer, udp_payload(span)?),
        VXLAN_GPE => vxlan_gpe(trail, outer, udp_payload(span)?),
        GENEVE => geneve(trail, outer, udp_payload(span)?),
        GTP_U => gtp_u(trail, outer, udp_payload(span)?),
        TEREDO => teredo(trail, outer, udp_payload(span)?),
        L2TP => l2tp(trail, outer, udp_payload(span)?),
        _ => None,
    }
}

/// RFC 7348 section 5, with the group policy extension's bits.
fn vxlan<'a>(trail: &mut Trail, outer: Addresses, span: Span<'a>) -> Option<Reached<'a>> {
    const VALID_IDENTIFIER: u8 = 0x08;
    const GROUP_POLICY: u8 = 0x80;
    let ([flags, group @ .., v0, v1, v2, reserved], frame) = span.head::<8>(Layer::Tunnel).ok()?;
    let group_ok = flags & GROUP_POLICY != 0 || group == [0; 3];
    if flags & !GROUP_POLICY != VALID_IDENTIFIER || !group_ok || reserved != 0 {
        return None;
    }
    let identifier = u32::from_be_bytes([0, v0, v1, v2]);
    inside(trail, outer, TunnelKind::Vxlan, Some(identifier), |trail| ethernet(trail, frame))
}

/// draft-ietf-nvo3-vxlan-gpe-13 section 3.1.
fn vxlan_gpe<'a>(trail: &mut Trail, outer: Addresses, span: Span<'a>) -> Option<Reached<'a>> {
    const VALID_IDENTIFIER: u8 = 0x08;
    const VERSION_AND_OAM: u8 = 0x31;
    let ([flags, _, _, next, v0, v1, v2, reserved], rest) = span.head::<8>(Layer::Tunnel).ok()?;
    if flags & VALID_IDENTIFIER == 0 || flags & VERSION_AND_OAM != 0 || reserved != 0 {
        return None;
    }
    let read = |trail: &mut Trail| -> Found<'a> {
        match next {
            1 => ip::ip_version(trail, 4, rest),
            2 => ip::ip_version(trail, 6, rest),
            4 => service_header(trail, rest),
            // 0: without the bit that says that there is a next protocol.
            _ => ethernet(trail, rest),
        }
    };
    if next > 4 {
        return None;
    }
    inside(trail, outer, TunnelKind::Vxlan, Some(u32::from_be_bytes([0, v0, v1, v2])), read)
}

/// RFC 8926 section 3.4.
fn geneve<'a>(trail: &mut Trail, outer: Addresses, span: Span<'a>) -> Option<Reached<'a>> {
    let ([first, second, p0, p1, v0, v1, v2, reserved], rest) = span.head::<8>(Layer::Tunnel).ok()?;
    let version = first >> 6;
    if version != 0 || second & 0x3f != 0 || reserved != 0 {
        return None;
    }
    let rest = rest.skip(usize::from(first & 0x3f) * 4, Layer::Tunnel).ok()?;
    let protocol = u16::from_be_bytes([p0, p1]);
    let identifier = u32::from_be_bytes([0, v0, v1, v2]);
    inside(trail, outer, TunnelKind::Geneve, Some(identifier), |trail| ether_type(trail, protocol, rest))
}

/// 3GPP TS 29.281 section 5.1; only user data (T-PDU), which is IP.
fn gtp_u<'a>(trail: &mut Trail, outer: Addresses, span: Span<'a>) -> Option<Reached<'a>> {
    const VERSION_1_NOT_PRIME: u8 = 0x30;
    const OPTIONAL_FIELDS: u8 = 0x07;
    const EXTENSION: u8 = 0x04;
    const USER_DATA: u8 = 0xff;
    let ([flags, kind, len0, len1, t0, t1, t2, t3], rest) = span.head::<8>(Layer::Tunnel).ok()?;
    let len = usize::from(u16::from_be_bytes([len0, len1]));
    if flags & !OPTIONAL_FIELDS != VERSION_1_NOT_PRIME || kind != USER_DATA || len > rest.wire_len() {
        return None;
    }
    let mut rest = rest.limit(len);
    if flags & OPTIONAL_FIELDS != 0 {
        let ([_, _, _, mut next], after) = rest.head::<4>(Layer::Tunnel).ok()?;
        rest = after;
        // Each extension header has its length in units of 4 bytes first and the next one's type last.
        while flags & EXTENSION != 0 && next != 0 {
            let len = usize::from(*rest.bytes().first()?) * 4;
            next = *rest.bytes().get(len.checked_sub(1)?)?;
            rest = rest.skip(len, Layer::Tunnel).ok()?;
        }
    }
    let tunnel_endpoint = u32::from_be_bytes([t0, t1, t2, t3]);
    inside(trail, outer, TunnelKind::GtpU, Some(tunnel_endpoint), |trail| ip::ip(trail, rest))
}

/// RFC 4380 section 5.1.1: optional authentication and origin indications, then IPv6. Ordinary datagrams on this port are
/// told apart by length and addresses: the packet must fill the datagram and have an end in Teredo's prefix or be link-local.
fn teredo<'a>(trail: &mut Trail, outer: Addresses, span: Span<'a>) -> Option<Reached<'a>> {
    let mut rest = span;
    if let [0, 1, identifier_len, value_len, ..] = *rest.bytes() {
        rest = rest.skip(4 + usize::from(identifier_len) + usize::from(value_len) + 9, Layer::Tunnel).ok()?;
    }
    if let [0, 0, ..] = rest.bytes() {
        rest = rest.skip(8, Layer::Tunnel).ok()?;
    }
    let (fixed, _) = rest.head::<40>(Layer::Tunnel).ok()?;
    let [first, _, _, _, len0, len1, _, _, addresses @ ..] = fixed;
    let (source, destination) = addresses.split_at_checked(16)?;
    let fills = 40 + usize::from(u16::from_be_bytes([len0, len1])) == rest.wire_len();
    let plausible = is_teredo_or_local(source) || is_teredo_or_local(destination);
    if first >> 4 != 6 || !fills || !plausible {
        return None;
    }
    inside(trail, outer, TunnelKind::Teredo, None, |trail| ip::ip(trail, rest))
}

fn is_teredo_or_local(address: &[u8]) -> bool {
    let Some(octets) = address.first_chunk::<16>() else {
        return false;
    };
    Ipv6Addr::from(*octets).is_unicast_link_local() || octets.starts_with(&[0x20, 0x01, 0, 0])
}

/// RFC 2661 section 3.1: data messages, which carry PPP.
fn l2tp<'a>(trail: &mut Trail, outer: Addresses, span: Span<'a>) -> Option<Reached<'a>> {
    const LENGTH: u16 = 0x4000;
    const SEQUENCE: u16 = 0x0800;
    const OFFSET: u16 = 0x0200;
    /// The control bit and the reserved ones, which must be clear, and the version, which must be 2.
    const FIXED_BITS: u16 = 0xb4ff;
    const VERSION_2: u16 = 0x0002;
    let (flags, mut rest) = span.head::<2>(Layer::Tunnel).ok()?;
    let flags = u16::from_be_bytes(flags);
    if flags & FIXED_BITS != VERSION_2 {
        return None;
    }
    if flags & LENGTH != 0 {
        let (len, after) = rest.head::<2>(Layer::Tunnel).ok()?;
        if usize::from(u16::from_be_bytes(len)) > span.wire_len() {
            return None;
        }
        rest = after;
    }
    let (identifiers, mut rest) = rest.head::<4>(Layer::Tunnel).ok()?;
    if flags & SEQUENCE != 0 {
        rest = rest.skip(4, Layer::Tunnel).ok()?;
    }
    if flags & OFFSET != 0 {
        let (offset, after) = rest.head::<2>(Layer::Tunnel).ok()?;
        rest = after.skip(usize::from(u16::from_be_bytes(offset)), Layer::Tunnel).ok()?;
    }
    let session = u32::from_be_bytes(identifiers);
    inside(trail, outer, TunnelKind::L2tp, Some(session), |trail| ppp::ppp(trail, rest))
}
