//! Link layers: what the capture's link type says the first byte begins.

use super::ether_type::{self, ethernet};
use super::span::Span;
use super::stats::{Layer, NotIp, Reason, Undecodable};
use super::trail::{Stop, Trail};
use super::{Found, ip, llc, ppp, wlan};
use weir_model::frame::LinkType;

/// The packet in a frame of the given link type.
pub(super) fn link<'a>(trail: &mut Trail, link: LinkType, span: Span<'a>) -> Found<'a> {
    trail.pass(Layer::Link)?;
    match link {
        LinkType::ETHERNET => ethernet(trail, span),
        LinkType::RAW | LinkType::RAW_BSD | LinkType::RAW_OPENBSD => ip::ip(trail, span),
        LinkType::IPV4 => ip::ip_version(trail, 4, span),
        LinkType::IPV6 => ip::ip_version(trail, 6, span),
        LinkType::NULL | LinkType::LOOP => loopback(trail, span),
        LinkType::LINUX_SLL => cooked(trail, span),
        LinkType::LINUX_SLL2 => cooked_v2(trail, span),
        LinkType::PPP | LinkType::PPP_HDLC => ppp_hdlc(trail, span),
        LinkType::PPP_ETHER => ppp::pppoe_session(trail, span),
        LinkType::CISCO_HDLC => cisco_hdlc(trail, span),
        LinkType::FRAME_RELAY => frame_relay(trail, span),
        LinkType::ATM_RFC1483 => llc::llc(trail, span),
        LinkType::IEEE802_11 => wlan::frame(trail, span, wlan::Padding::None),
        LinkType::IEEE802_11_PRISM => wlan::prism(trail, span),
        LinkType::IEEE802_11_RADIOTAP => wlan::radiotap(trail, span),
        LinkType::PPI => per_packet_information(trail, span),
        LinkType::NFLOG => nflog(trail, span),
        _ => Err(Undecodable::new(Layer::Link, Reason::Unknown).into()),
    }
}

/// A 4-byte address family, in the byte order of whoever captured it. IPv6 has as many numbers as there are BSDs.
fn loopback<'a>(trail: &mut Trail, span: Span<'a>) -> Found<'a> {
    let (family, rest) = span.head::<4>(Layer::Link)?;
    let family = match u32::from_be_bytes(family) {
        big if big <= 0xffff => big,
        little => little.swap_bytes(),
    };
    match family {
        2 => ip::ip_version(trail, 4, rest),
        // Linux 10, Windows 23, NetBSD and OpenBSD 24, FreeBSD 28, Darwin 30.
        10 | 23 | 24 | 28 | 30 => ip::ip_version(trail, 6, rest),
        _ => Err(Stop::NotIp(NotIp::Family)),
    }
}

/// Linux "cooked" capture: `LINKTYPE_LINUX_SLL`.
fn cooked<'a>(trail: &mut Trail, span: Span<'a>) -> Found<'a> {
    let (header, rest) = span.head::<16>(Layer::Link)?;
    let [_, _, hardware0, hardware1, .., protocol0, protocol1] = header;
    cooked_protocol(
        trail,
        u16::from_be_bytes([hardware0, hardware1]),
        u16::from_be_bytes([protocol0, protocol1]),
        rest,
    )
}

/// `LINKTYPE_LINUX_SLL2`.
fn cooked_v2<'a>(trail: &mut Trail, span: Span<'a>) -> Found<'a> {
    let (header, rest) = span.head::<20>(Layer::Link)?;
    let [protocol0, protocol1, _, _, _, _, _, _, hardware0, hardware1, ..] = header;
    cooked_protocol(
        trail,
        u16::from_be_bytes([hardware0, hardware1]),
        u16::from_be_bytes([protocol0, protocol1]),
        rest,
    )
}

fn cooked_protocol<'a>(trail: &mut Trail, hardware: u16, protocol: u16, rest: Span<'a>) -> Found<'a> {
    const ARPHRD_NETLINK: u16 = 824;
    const LINUX_RAW_802_3: u16 = 0x0001;
    const LINUX_802_2: u16 = 0x0004;
    match (hardware, protocol) {
        (ARPHRD_NETLINK, _) => Err(Stop::NotIp(NotIp::Family)),
        (_, LINUX_RAW_802_3) => Err(Stop::NotIp(NotIp::Ipx)),
        (_, LINUX_802_2) => llc::llc(trail, rest),
        (_, protocol) => ether_type::ether_type(trail, protocol, rest),
    }
}

/// PPP or Cisco HDLC, told apart by the address byte (RFC 1547 section 4.3.1).
fn ppp_hdlc<'a>(trail: &mut Trail, span: Span<'a>) -> Found<'a> {
    const CISCO_UNICAST: u8 = 0x0f;
    const CISCO_MULTICAST: u8 = 0x8f;
    match span.bytes() {
        [CISCO_UNICAST | CISCO_MULTICAST, 0, ..] => cisco_hdlc(trail, span),
        _ => ppp::ppp(trail, span),
    }
}

/// Address, control, EtherType.
fn cisco_hdlc<'a>(trail: &mut Trail, span: Span<'a>) -> Found<'a> {
    let ([_, _, protocol0, protocol1], rest) = span.head::<4>(Layer::Link)?;
    ether_type::ether_type(trail, u16::from_be_bytes([protocol0, protocol1]), rest)
}

/// An address of two to four bytes, then RFC 2427's control and network protocol identifier, or Cisco's EtherType.
fn frame_relay<'a>(trail: &mut Trail, span: Span<'a>) -> Found<'a> {
    const UNNUMBERED_INFORMATION: u8 = 0x03;
    const NLPID_SNAP: u8 = 0x80;
    const NLPID_IPV6: u8 = 0x8e;
    const NLPID_IPV4: u8 = 0xcc;
    const NLPID_PPP: u8 = 0xcf;
    let address_len = span.bytes().iter().take(4).take_while(|byte| *byte & 1 == 0).count() + 1;
    let rest = span.skip(address_len, Layer::Link)?;
    let (identifier, rest) = match rest.bytes() {
        [UNNUMBERED_INFORMATION, 0, identifier, ..] => (*identifier, rest.after(3)),
        [UNNUMBERED_INFORMATION, identifier, ..] => (*identifier, rest.after(2)),
        _ => {
            let (protocol, rest) = rest.head::<2>(Layer::Link)?;
            return ether_type::ether_type(trail, u16::from_be_bytes(protocol), rest);
        }
    };
    match identifier {
        NLPID_IPV4 => ip::ip_version(trail, 4, rest),
        NLPID_IPV6 => ip::ip_version(trail, 6, rest),
        NLPID_SNAP => llc::snap(trail, rest),
        NLPID_PPP => ppp::ppp(trail, rest),
        _ => Err(Stop::NotIp(NotIp::Family)),
    }
}

/// A PPI header names the link type of what follows it.
fn per_packet_information<'a>(trail: &mut Trail, span: Span<'a>) -> Found<'a> {
    let ([_, _, len0, len1, link0, link1, _, _], _) = span.head::<8>(Layer::WlanCapture)?;
    let len = usize::from(u16::from_le_bytes([len0, len1]));
    if len < 8 {
        return Err(Undecodable::new(Layer::WlanCapture, Reason::Length).into());
    }
    link(trail, LinkType(u16::from_le_bytes([link0, link1])), span.skip(len, Layer::WlanCapture)?)
}

/// Attributes in the byte order of the capturing host; one of them is the packet.
fn nflog<'a>(trail: &mut Trail, span: Span<'a>) -> Found<'a> {
    const NFULA_PAYLOAD: u16 = 9;
    const AF_INET: u8 = 2;
    const AF_INET6: u8 = 10;
    let ([family, ..], mut rest) = span.head::<4>(Layer::Link)?;
    if !matches!(family, AF_INET | AF_INET6) {
        return Err(Stop::NotIp(NotIp::Family));
    }
    loop {
        let ([len0, len1, kind0, kind1], _) = rest.head::<4>(Layer::Link)?;
        // No attribute is longer than 64 KiB, so a length beyond the frame means the other byte order.
        let little = usize::from(u16::from_le_bytes([len0, len1]));
        let (len, kind) = if (4..=rest.wire_len()).contains(&little) {
            (little, u16::from_le_bytes([kind0, kind1]))
        } else {
            (usize::from(u16::from_be_bytes([len0, len1])), u16::from_be_bytes([kind0, kind1]))
        };
        if len < 4 {
            return Err(Undecodable::new(Layer::Link, Reason::Length).into());
        }
        if kind & 0x7fff == NFULA_PAYLOAD {
            return ip::ip(trail, rest.limit(len).after(4));
        }
        rest = rest.skip(len.next_multiple_of(4), Layer::Link)?;
    }
}
