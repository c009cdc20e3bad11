//! Transport headers: TCP (RFC 9293), UDP (RFC 768), SCTP (RFC 9260), ICMP (RFC 792), ICMPv6 (RFC 4443).
//!
//! Nothing here fails: a header that is cut gives the ports if they are there, and counts as [`Transport::Other`].

use super::ip::{self, Addresses};
use super::span::Span;
use super::stats::Layer;
use crate::packet::{About, TcpFields, Transport};
use weir_model::community_id::icmp_ports;
use weir_model::{Endpoint, Protocol};

/// An IP packet without what its frame says of it.
#[derive(Clone, Copy, Debug)]
pub(super) struct IpPacket<'a> {
    pub(super) protocol: Protocol,
    pub(super) source: Endpoint,
    pub(super) destination: Endpoint,
    pub(super) ip_bytes: usize,
    pub(super) payload: Span<'a>,
    pub(super) transport: Transport,
    /// Of an ICMP error: the packet that it is about.
    pub(super) about: Option<About>,
}

/// The packet whose IP payload is `span`.
pub(super) fn packet(
    addresses: Addresses,
    protocol: Protocol,
    span: Span<'_>,
    ip_bytes: usize,
) -> IpPacket<'_> {
    let (source, destination) = endpoints(addresses, protocol, span);
    let (transport, payload) = match protocol {
        Protocol::TCP => tcp(span),
        Protocol::UDP => udp(span),
        Protocol::SCTP => (Transport::Other, span.after(12)),
        Protocol::ICMP | Protocol::ICMPV6 => icmp(span),
        _ => (Transport::Other, span),
    };
    let about = match transport {
        Transport::Icmp { icmp_type, .. } if is_error(protocol, icmp_type) => about(payload),
        _ => None,
    };
    IpPacket { protocol, source, destination, ip_bytes, payload, transport, about }
}

/// A packet of which nothing behind the IP header is known: a datagram without its first fragment.
pub(super) fn headless(
    addresses: Addresses,
    protocol: Protocol,
    payload_len: usize,
    ip_bytes: usize,
) -> IpPacket<'static> {
    IpPacket {
        protocol,
        source: Endpoint::new(addresses.source, 0),
        destination: Endpoint::new(addresses.destination, 0),
        ip_bytes,
        payload: Span::new(&[], payload_len),
        transport: Transport::Other,
        about: None,
    }
}

/// The UDP payload: what the UDP length leaves of the IP payload. A length too small for the header was not filled in
/// (segmentation offload, or RFC 2675's jumbograms).
#[inline]
pub(super) fn udp_payload(span: Span<'_>) -> Option<Span<'_>> {
    let ([_, _, _, _, len0, len1, _, _], payload) = span.head::<8>(Layer::Tunnel).ok()?;
    let len = usize::from(u16::from_be_bytes([len0, len1]));
    Some(if len < 8 { payload } else { payload.limit(len - 8) })
}

/// Both ports, as far as the protocol has them and they were captured.
pub(super) fn ports(protocol: Protocol, span: Span<'_>) -> (u16, u16) {
    match span.bytes() {
        [a, b, c, d, ..] if protocol.has_ports() => {
            (u16::from_be_bytes([*a, *b]), u16::from_be_bytes([*c, *d]))
        }
        [icmp_type, code, ..] if protocol.is_icmp() => icmp_ports(protocol, *icmp_type, *code),
        _ => (0, 0),
    }
}

fn endpoints(addresses: Addresses, protocol: Protocol, span: Span<'_>) -> (Endpoint, Endpoint) {
    let (source, destination) = ports(protocol, span);
    (Endpoint::new(addresses.source, source), Endpoint::new(addresses.destination, destination))
}

fn tcp(span: Span<'_>) -> (Transport, Span<'_>) {
    whole_tcp(span).unwrap_or((Transport::Other, span.after(20)))
}

/// A TCP header without its ports, and the payload; `None` when the header is cut or its length is too small.
#[inline(always)]
#[expect(clippy::inline_always, reason = "a caller who does not need the fields does not pay for them")]
pub(super) fn whole_tcp(span: Span<'_>) -> Option<(Transport, Span<'_>)> {
    let fixed = span.bytes().first_chunk::<20>()?;
    let [_, _, _, _, s0, s1, s2, s3, a0, a1, a2, a3, offset, flags, ..] = *fixed;
    let header_len = usize::from(offset >> 4) * 4;
    if header_len < fixed.len() {
        return None;
    }
    let fields = TcpFields {
        sequence: u32::from_be_bytes([s0, s1, s2, s3]),
        acknowledgement: u32::from_be_bytes([a0, a1, a2, a3]),
        flags,
    };
    Some((Transport::Tcp(fields), span.after(header_len)))
}

fn udp(span: Span<'_>) -> (Transport, Span<'_>) {
    match udp_payload(span) {
        Some(payload) => (Transport::Udp, payload),
        None => (Transport::Other, span.after(8)),
    }
}

fn icmp(span: Span<'_>) -> (Transport, Span<'_>) {
    let transport = match *span.bytes() {
        [icmp_type, code, ..] => Transport::Icmp { icmp_type, code },
        _ => Transport::Other,
    };
    (transport, span.after(8))
}

/// Whether the message quotes the packet that it is about.
fn is_error(protocol: Protocol, icmp_type: u8) -> bool {
    const UNREACHABLE: u8 = 3;
    const SOURCE_QUENCH: u8 = 4;
    const REDIRECT: u8 = 5;
    const TIME_EXCEEDED: u8 = 11;
    const PARAMETER_PROBLEM: u8 = 12;
    match protocol {
        Protocol::ICMP => {
            matches!(icmp_type, UNREACHABLE | SOURCE_QUENCH | REDIRECT | TIME_EXCEEDED | PARAMETER_PROBLEM)
        }
        // RFC 4443 section 2.1: types below 128 are errors; 0 is reserved.
        _ => (1..=127).contains(&icmp_type),
    }
}

/// The quoted packet's protocol and ends; ports are 0 where the quotation has none.
fn about(quoted: Span<'_>) -> Option<About> {
    let header = ip::header(quoted).ok()?;
    let later_fragment = header.fragment.is_some_and(|position| position.offset > 0);
    let payload = if later_fragment { Span::new(&[], 0) } else { header.payload };
    let (source, destination) = endpoints(header.addresses, header.protocol, payload);
    Some((header.protocol, source, destination))
}
