//! IPv4 (RFC 791) and IPv6 (RFC 8200) with extension headers.
//!
//! Read laxly: options and payload may be cut, lengths may be missing (segmentation offload leaves 0 in them). What
//! must be there is the fixed header, because it has the addresses.

use super::span::Span;
use super::stats::{Layer, Reason, Undecodable};
use super::trail::{Stop, Trail};
use super::{Found, Reached, transport, tunnel};
use etherparse::{IpAuthHeaderSlice, Ipv6FragmentHeaderSlice, Ipv6RawExtHeaderSlice};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use weir_model::Protocol;

/// Protocol numbers of IPv6 extension headers (IANA "IPv6 Extension Header Types").
const HOP_BY_HOP: u8 = 0;
const ROUTING: u8 = 43;
const FRAGMENT: u8 = 44;
const NO_NEXT_HEADER: u8 = 59;
const DESTINATION_OPTIONS: u8 = 60;
const MOBILITY: u8 = 135;
const HIP: u8 = 139;
const SHIM6: u8 = 140;

/// Source and destination.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Addresses {
    pub(super) source: IpAddr,
    pub(super) destination: IpAddr,
}

/// An IP header with its extension headers.
#[derive(Clone, Copy, Debug)]
pub(super) struct Header<'a> {
    pub(super) addresses: Addresses,
    /// What `payload` is.
    pub(super) protocol: Protocol,
    /// Bytes from the IP header on, as the header says.
    pub(super) ip_bytes: usize,
    pub(super) payload: Span<'a>,
    /// Set when `payload` is a part of a datagram's payload.
    pub(super) fragment: Option<Position>,
}

/// Where in its datagram a fragment belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Position {
    pub(super) identification: u32,
    pub(super) offset: u32,
    pub(super) more: bool,
}

/// A fragment of a datagram.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fragment<'a> {
    pub(super) header: Header<'a>,
    pub(super) position: Position,
}

/// An IP packet of either version, and what is in it.
pub(super) fn ip<'a>(trail: &mut Trail, span: Span<'a>) -> Found<'a> {
    let header = header(span)?;
    if let Some(position) = header.fragment {
        return Ok(Reached::Fragment(Fragment { header, position }));
    }
    Ok(upper(trail, header.addresses, header.protocol, header.payload, header.ip_bytes))
}

/// As [`ip`], where something before says which version it must be.
pub(super) fn ip_version<'a>(trail: &mut Trail, version: u8, span: Span<'a>) -> Found<'a> {
    if span.first_nibble().is_some_and(|nibble| nibble != version) {
        return Err(Stop::Undecodable(Undecodable::new(Layer::Ip, Reason::Version)));
    }
    ip(trail, span)
}

/// What an IP packet carries: the packet in the tunnel if it is one, else its transport header. Always a packet, or a
/// fragment of a tunnelled one.
pub(super) fn upper<'a>(
    trail: &mut Trail,
    addresses: Addresses,
    protocol: Protocol,
    payload: Span<'a>,
    ip_bytes: usize,
) -> Reached<'a> {
    tunnel::look_through(trail, addresses, protocol, payload)
        .unwrap_or_else(|| Reached::Packet(transport::packet(addresses, protocol, payload, ip_bytes)))
}

/// Reads the header of an IP packet, up to the payload or a fragment of it.
pub(super) fn header(span: Span<'_>) -> Result<Header<'_>, Undecodable> {
    match span.first_nibble() {
        Some(4) => ipv4(span),
        Some(6) => ipv6(span),
        Some(_) => Err(Undecodable::new(Layer::Ip, Reason::Version)),
        None => span.skip(1, Layer::Ip).and(Err(Undecodable::new(Layer::Ip, Reason::Short))),
    }
}

/// RFC 791 section 3.1.
fn ipv4(span: Span<'_>) -> Result<Header<'_>, Undecodable> {
    let (fixed, _) = span.head::<20>(Layer::Ipv4)?;
    let [first, _, len0, len1, id0, id1, frag0, frag1, _, protocol, _, _, addresses @ ..] = fixed;
    let [s0, s1, s2, s3, d0, d1, d2, d3] = addresses;
    let header_len = usize::from(first & 0x0f) * 4;
    if header_len < 20 {
        return Err(Undecodable::new(Layer::Ipv4, Reason::Length));
    }
    // A total length that does not even hold the header was never filled in: the frame's length stands for it.
    let total_len = usize::from(u16::from_be_bytes([len0, len1]));
    let ip_bytes = if total_len < header_len { span.wire_len().max(header_len) } else { total_len };

    let payload = span.claimed(ip_bytes).after(header_len);
    let flags_and_offset = u16::from_be_bytes([frag0, frag1]);
    let position = Position {
        identification: u32::from(u16::from_be_bytes([id0, id1])),
        offset: u32::from(flags_and_offset & 0x1fff) * 8,
        more: flags_and_offset & 0x2000 != 0,
    };
    let mut header = Header {
        addresses: Addresses {
            source: IpAddr::V4(Ipv4Addr::new(s0, s1, s2, s3)),
            destination: IpAddr::V4(Ipv4Addr::new(d0, d1, d2, d3)),
        },
        protocol: Protocol(protocol),
        ip_bytes,
        payload,
        fragment: (position.more || position.offset > 0).then_some(position),
    };
    if header.fragment.is_none() {
        (header.protocol, header.payload) = after_authentication(header.protocol, payload);
    }
    Ok(header)
}

/// RFC 8200 section 3.
fn ipv6(span: Span<'_>) -> Result<Header<'_>, Undecodable> {
    let (fixed, rest) = span.head::<40>(Layer::Ipv6)?;
    let [_, _, _, _, len0, len1, next_header, _, addresses @ ..] = fixed;
    let (source, destination) = addresses.split_first_chunk::<16>().unwrap_or((&[0; 16], &[]));
    let destination = destination.first_chunk::<16>().unwrap_or(&[0; 16]);

    let payload_len = match usize::from(u16::from_be_bytes([len0, len1])) {
        0 if next_header == NO_NEXT_HEADER => 0,
        0 => jumbo_len(next_header, rest).unwrap_or(rest.wire_len()),
        len => len,
    };
    let walked = extensions(Protocol(next_header), rest.claimed(payload_len));
    Ok(Header {
        addresses: Addresses {
            source: IpAddr::V6(Ipv6Addr::from(*source)),
            destination: IpAddr::V6(Ipv6Addr::from(*destination)),
        },
        protocol: walked.protocol,
        ip_bytes: payload_len.saturating_add(40),
        payload: walked.payload,
        fragment: walked.fragment,
    })
}

/// The payload length that a jumbo payload option in the hop-by-hop header gives (RFC 2675).
fn jumbo_len(next_header: u8, rest: Span<'_>) -> Option<usize> {
    const PAD1: u8 = 0;
    const JUMBO: [u8; 2] = [0xc2, 4];
    if next_header != HOP_BY_HOP {
        return None;
    }
    let header = Ipv6RawExtHeaderSlice::from_slice(rest.bytes()).ok()?;
    let mut options = header.payload();
    loop {
        match options {
            [PAD1, after @ ..] => options = after,
            [kind, len, a, b, c, d, ..] if [*kind, *len] == JUMBO => {
                return usize::try_from(u32::from_be_bytes([*a, *b, *c, *d])).ok();
            }
            [_, len, after @ ..] => options = after.get(usize::from(*len)..)?,
            _ => return None,
        }
    }
}

/// What follows a chain of extension headers.
#[derive(Clone, Copy, Debug)]
pub(super) struct Walked<'a> {
    pub(super) protocol: Protocol,
    pub(super) payload: Span<'a>,
    pub(super) fragment: Option<Position>,
}

/// Walks IPv6 extension headers up to the first that is none, is cut, or starts a fragment.
pub(super) fn extensions(mut protocol: Protocol, mut payload: Span<'_>) -> Walked<'_> {
    // Ends: each round takes at least 8 bytes of a packet.
    loop {
        let bytes = payload.bytes();
        let (next, len) = match protocol.0 {
            HOP_BY_HOP | ROUTING | DESTINATION_OPTIONS => match Ipv6RawExtHeaderSlice::from_slice(bytes) {
                Ok(header) => (header.next_header().0, header.slice().len()),
                Err(_) => break,
            },
            // These carry no payload today (their next header is "none"), and then are the protocol.
            MOBILITY | HIP | SHIM6 => match Ipv6RawExtHeaderSlice::from_slice(bytes) {
                Ok(header) if header.next_header().0 != NO_NEXT_HEADER => {
                    (header.next_header().0, header.slice().len())
                }
                _ => break,
            },
            FRAGMENT => match Ipv6FragmentHeaderSlice::from_slice(bytes) {
                Ok(header) if header.is_fragmenting_payload() => {
                    let position = Position {
                        identification: header.identification(),
                        offset: u32::from(header.fragment_offset().value()) * 8,
                        more: header.more_fragments(),
                    };
                    let payload = payload.after(header.slice().len());
                    let protocol = Protocol(header.next_header().0);
                    return Walked { protocol, payload, fragment: Some(position) };
                }
                // A datagram of one "fragment" (RFC 6946).
                Ok(header) => (header.next_header().0, header.slice().len()),
                Err(_) => break,
            },
            51 => match IpAuthHeaderSlice::from_slice(bytes) {
                Ok(header) => (header.next_header().0, header.slice().len()),
                Err(_) => break,
            },
            _ => break,
        };
        protocol = Protocol(next);
        payload = payload.after(len);
    }
    Walked { protocol, payload, fragment: None }
}

/// Looks through authentication headers (RFC 4302) in IPv4.
fn after_authentication(mut protocol: Protocol, mut payload: Span<'_>) -> (Protocol, Span<'_>) {
    while protocol == Protocol::AH {
        let Ok(header) = IpAuthHeaderSlice::from_slice(payload.bytes()) else {
            break;
        };
        protocol = Protocol(header.next_header().0);
        payload = payload.after(header.slice().len());
    }
    (protocol, payload)
}

/// The upper protocol of a reassembled datagram's payload: the fragment header may have been followed by further
/// extension headers, or authentication.
pub(super) fn reassembled(
    addresses: Addresses,
    protocol: Protocol,
    payload: Span<'_>,
) -> (Protocol, Span<'_>) {
    if addresses.source.is_ipv4() {
        return after_authentication(protocol, payload);
    }
    match extensions(protocol, payload) {
        Walked { protocol, payload, fragment: None } => (protocol, payload),
        // A fragment within a fragment is nothing that a host would accept.
        Walked { payload, .. } => (Protocol(FRAGMENT), payload),
    }
}
