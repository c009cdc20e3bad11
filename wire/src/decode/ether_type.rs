//! Ethernet, and what an EtherType announces: tags, MPLS, PPPoE, IP.

use super::span::Span;
use super::stats::{Layer, NotIp};
use super::trail::{Stop, Trail};
use super::{Found, ip, llc, mpls, ppp};
use etherparse::{MacsecHeaderSlice, MacsecPType};

pub(super) const IPV4: u16 = 0x0800;
pub(super) const IPV6: u16 = 0x86dd;
/// IEEE 802.1Q: a customer's tag.
pub(super) const C_TAG: u16 = 0x8100;
/// IEEE 802.1ad: a provider's tag.
pub(super) const S_TAG: u16 = 0x88a8;
/// The VLAN identifier in a tag, beside priority and eligibility to be dropped.
pub(super) const VLAN_IDENTIFIER: u16 = 0x0fff;

/// IEEE 802.3: two addresses and an EtherType (Ethernet II) or a length (then IEEE 802.2 follows).
pub(super) fn ethernet<'a>(trail: &mut Trail, span: Span<'a>) -> Found<'a> {
    let (header, rest) = span.head::<14>(Layer::Link)?;
    let [.., type0, type1] = header;
    ether_type(trail, u16::from_be_bytes([type0, type1]), rest)
}

/// What follows an EtherType (IANA "IEEE 802 Numbers").
pub(super) fn ether_type<'a>(trail: &mut Trail, mut kind: u16, mut span: Span<'a>) -> Found<'a> {
    loop {
        match kind {
            IPV4 => return ip::ip_version(trail, 4, span),
            IPV6 => return ip::ip_version(trail, 6, span),
            // The last three were used before IEEE 802.1ad.
            C_TAG | S_TAG | 0x9100 | 0x9200 | 0x9300 => {
                trail.pass(Layer::Tag)?;
                let ([tag0, tag1, type0, type1], rest) = span.head::<4>(Layer::Tag)?;
                trail.vlan(u16::from_be_bytes([tag0, tag1]) & VLAN_IDENTIFIER);
                (kind, span) = (u16::from_be_bytes([type0, type1]), rest);
            }
            // Cisco's VN-Tag and MetaData, HSR (IEC 62439-3): the EtherType stands behind 4 and 6 bytes, 4 bytes.
            0x8926 | 0x892f => (kind, span) = behind_tag::<6>(trail, span)?,
            0x8909 => (kind, span) = behind_tag::<8>(trail, span)?,
            0x88e5 => (kind, span) = macsec(trail, span)?,
            0x8847 | 0x8848 => return mpls::mpls(trail, span),
            0x8864 => return ppp::pppoe_session(trail, span),
            // Ethernet in itself: transparent bridging; provider backbone bridging (802.1ah) behind 4 bytes.
            0x6558 => {
                trail.pass(Layer::Tag)?;
                return ethernet(trail, span);
            }
            0x894f => return service_header(trail, span),
            0x88e7 => {
                trail.pass(Layer::Tag)?;
                return ethernet(trail, span.skip(4, Layer::Tag)?);
            }
            0x0000..=0x05dc => return llc::llc(trail, span.limit(usize::from(kind))),
            _ => return Err(Stop::NotIp(other(kind))),
        }
    }
}

const fn other(kind: u16) -> NotIp {
    match kind {
        0x0806 | 0x8035 => NotIp::Arp,
        0x88cc => NotIp::Lldp,
        0x888e => NotIp::Eapol,
        0x8137 | 0x8138 => NotIp::Ipx,
        0x8809 => NotIp::SlowProtocols,
        0x8863 => NotIp::PppoeDiscovery,
        0x9000 => NotIp::Loopback,
        0x2000 | 0x2003 | 0x2004 => NotIp::Cisco,
        _ => NotIp::EtherType,
    }
}

/// The EtherType in the last two bytes of a tag of `N`, and what follows the tag.
fn behind_tag<'a, const N: usize>(trail: &mut Trail, span: Span<'a>) -> Result<(u16, Span<'a>), Stop> {
    trail.pass(Layer::Tag)?;
    let (tag, rest) = span.head::<N>(Layer::Tag)?;
    let kind = tag.last_chunk::<2>().map_or(0, |kind| u16::from_be_bytes(*kind));
    Ok((kind, rest))
}

/// Network service header (RFC 8300 section 2): its length in units of 4 bytes, and what follows.
pub(super) fn service_header<'a>(trail: &mut Trail, span: Span<'a>) -> Found<'a> {
    trail.pass(Layer::Tag)?;
    let ([_, len, _, next], _) = span.head::<4>(Layer::Tag)?;
    let rest = span.skip(usize::from(len & 0x3f) * 4, Layer::Tag)?;
    match next {
        1 => ip::ip_version(trail, 4, rest),
        2 => ip::ip_version(trail, 6, rest),
        3 => ethernet(trail, rest),
        5 => mpls::mpls(trail, rest),
        _ => Err(Stop::NotIp(NotIp::EtherType)),
    }
}

/// MACsec (IEEE 802.1AE) that only authenticates: what it protects can be read. The check value behind is cut off with
/// other padding, by the length in the IP header.
fn macsec<'a>(trail: &mut Trail, span: Span<'a>) -> Result<(u16, Span<'a>), Stop> {
    trail.pass(Layer::Macsec)?;
    let Ok(header) = MacsecHeaderSlice::from_slice(span.bytes()) else {
        span.skip(16, Layer::Macsec)?;
        return Err(Stop::NotIp(NotIp::Encrypted));
    };
    match header.ptype() {
        MacsecPType::Unmodified(kind) => Ok((kind.0, span.skip(header.header_len(), Layer::Macsec)?)),
        _ => Err(Stop::NotIp(NotIp::Encrypted)),
    }
}
