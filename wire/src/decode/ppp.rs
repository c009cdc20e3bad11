//! PPP (RFC 1661, RFC 1662) and PPPoE sessions (RFC 2516).

use super::span::Span;
use super::stats::{Layer, NotIp, Reason, Undecodable};
use super::trail::{Stop, Trail};
use super::{Found, ip, mpls};

/// A PPPoE session packet, from the PPPoE header on.
pub(super) fn pppoe_session<'a>(trail: &mut Trail, span: Span<'a>) -> Found<'a> {
    trail.pass(Layer::Pppoe)?;
    let ([version_type, code, _, _, len0, len1], rest) = span.head::<6>(Layer::Pppoe)?;
    if version_type != 0x11 {
        return Err(Undecodable::new(Layer::Pppoe, Reason::Version).into());
    }
    if code != 0 {
        return Err(Stop::NotIp(NotIp::PppoeDiscovery));
    }
    ppp(trail, rest.limit(usize::from(u16::from_be_bytes([len0, len1]))))
}

/// A PPP frame, with or without address and control (RFC 1662 section 3.2), its protocol compressed to one byte or not.
pub(super) fn ppp<'a>(trail: &mut Trail, span: Span<'a>) -> Found<'a> {
    const ALL_STATIONS: u8 = 0xff;
    const UNNUMBERED_INFORMATION: u8 = 0x03;
    trail.pass(Layer::Ppp)?;
    let span = match span.bytes() {
        [ALL_STATIONS, UNNUMBERED_INFORMATION, ..] => span.after(2),
        _ => span,
    };
    let (protocol, rest) = match span.bytes() {
        [compressed, ..] if compressed & 1 == 1 => (u16::from(*compressed), span.after(1)),
        _ => {
            let (protocol, rest) = span.head::<2>(Layer::Ppp)?;
            (u16::from_be_bytes(protocol), rest)
        }
    };
    match protocol {
        0x0021 => ip::ip_version(trail, 4, rest),
        0x0057 => ip::ip_version(trail, 6, rest),
        0x0281 | 0x0283 => mpls::mpls(trail, rest),
        0x8000.. => Err(Stop::NotIp(NotIp::PppControl)),
        _ => Err(Stop::NotIp(NotIp::PppOther)),
    }
}
