//! GRE (RFC 2784, RFC 2890), PPTP's enhanced GRE (RFC 2637), and ERSPAN in it (draft-foschiano-erspan-03).

use super::inside;
use crate::decode::ether_type::{ether_type, ethernet};
use crate::decode::ip::{self, Addresses};
use crate::decode::ppp;
use crate::decode::span::Span;
use crate::decode::stats::Layer;
use crate::decode::trail::Trail;
use crate::decode::{Found, Reached};
use weir_model::flow::TunnelKind;

const CHECKSUM: u16 = 0x8000;
const ROUTING: u16 = 0x4000;
const KEY: u16 = 0x2000;
const SEQUENCE: u16 = 0x1000;
const ACKNOWLEDGEMENT: u16 = 0x0080;
const VERSION: u16 = 0x0007;

const ERSPAN_1_AND_2: u16 = 0x88be;
const ERSPAN_3: u16 = 0x22eb;
const PPP: u16 = 0x880b;
const WCCP: u16 = 0x883e;

pub(super) fn look_through<'a>(trail: &mut Trail, outer: Addresses, span: Span<'a>) -> Option<Reached<'a>> {
    let (fixed, rest) = span.head::<4>(Layer::Tunnel).ok()?;
    let [flags0, flags1, protocol0, protocol1] = fixed;
    let flags = u16::from_be_bytes([flags0, flags1]);
    let protocol = u16::from_be_bytes([protocol0, protocol1]);
    match flags & VERSION {
        0 if flags & ROUTING == 0 => plain(trail, outer, flags, protocol, rest),
        1 if protocol == PPP && flags & KEY != 0 => enhanced(trail, outer, flags, rest),
        _ => None,
    }
}

fn plain<'a>(
    trail: &mut Trail,
    outer: Addresses,
    flags: u16,
    protocol: u16,
    mut rest: Span<'a>,
) -> Option<Reached<'a>> {
    let mut key = None;
    if flags & CHECKSUM != 0 {
        rest = rest.skip(4, Layer::Tunnel).ok()?;
    }
    if flags & KEY != 0 {
        let (bytes, after) = rest.head::<4>(Layer::Tunnel).ok()?;
        key = Some(u32::from_be_bytes(bytes));
        rest = after;
    }
    if flags & SEQUENCE != 0 {
        rest = rest.skip(4, Layer::Tunnel).ok()?;
    }
    match protocol {
        ERSPAN_1_AND_2 if flags & SEQUENCE == 0 => {
            inside(trail, outer, TunnelKind::Erspan, key, |trail| ethernet(trail, rest))
        }
        ERSPAN_1_AND_2 => erspan_2(trail, outer, rest),
        ERSPAN_3 => erspan_3(trail, outer, rest),
        _ => inside(trail, outer, TunnelKind::Gre, key, |trail| payload(trail, protocol, rest)),
    }
}

fn payload<'a>(trail: &mut Trail, protocol: u16, rest: Span<'a>) -> Found<'a> {
    match protocol {
        PPP => ppp::ppp(trail, rest),
        // WCCP version 2 puts a 4-byte redirect header before the packet, version 1 does not.
        WCCP if rest.first_nibble() == Some(4) => ip::ip(trail, rest),
        WCCP => ip::ip(trail, rest.after(4)),
        _ => ether_type(trail, protocol, rest),
    }
}

/// PPTP: the key is payload length and call identifier.
fn enhanced<'a>(trail: &mut Trail, outer: Addresses, flags: u16, rest: Span<'a>) -> Option<Reached<'a>> {
    let ([len0, len1, call0, call1], mut rest) = rest.head::<4>(Layer::Tunnel).ok()?;
    for optional in [SEQUENCE, ACKNOWLEDGEMENT] {
        if flags & optional != 0 {
            rest = rest.skip(4, Layer::Tunnel).ok()?;
        }
    }
    let call = u32::from(u16::from_be_bytes([call0, call1]));
    let rest = rest.limit(usize::from(u16::from_be_bytes([len0, len1])));
    inside(trail, outer, TunnelKind::Gre, Some(call), |trail| ppp::ppp(trail, rest))
}

/// Version 1 in the header; 8 bytes, the session in the low 10 bits of the second word's half.
fn erspan_2<'a>(trail: &mut Trail, outer: Addresses, rest: Span<'a>) -> Option<Reached<'a>> {
    let ([version, _, session0, session1, ..], frame) = rest.head::<8>(Layer::Tunnel).ok()?;
    let session = u32::from(u16::from_be_bytes([session0, session1]) & 0x03ff);
    if version >> 4 != 1 {
        return None;
    }
    inside(trail, outer, TunnelKind::Erspan, Some(session), |trail| ethernet(trail, frame))
}

/// Version 2 in the header; 12 bytes, and 8 more where the last bit says so.
fn erspan_3<'a>(trail: &mut Trail, outer: Addresses, rest: Span<'a>) -> Option<Reached<'a>> {
    const FRAME_TYPE_IP: u8 = 2;
    const OPTIONAL_SUBHEADER: u8 = 0x01;
    let (header, rest) = rest.head::<12>(Layer::Tunnel).ok()?;
    let [version, _, session0, session1, .., type_and_hardware, direction_and_optional] = header;
    let session = u32::from(u16::from_be_bytes([session0, session1]) & 0x03ff);
    if version >> 4 != 2 {
        return None;
    }
    let rest = if direction_and_optional & OPTIONAL_SUBHEADER == 0 {
        rest
    } else {
        rest.skip(8, Layer::Tunnel).ok()?
    };
    inside(trail, outer, TunnelKind::Erspan, Some(session), |trail| match type_and_hardware >> 2 & 0x1f {
        FRAME_TYPE_IP => ip::ip(trail, rest),
        _ => ethernet(trail, rest),
    })
}
