//! The frames that nearly all traffic is made of, read in one go: Ethernet, at most two VLAN tags, IPv4 without options or IPv6
//! without extension headers, not a fragment, TCP or UDP, whole headers, no port of a tunnel.
//!
//! Only a way around: of anything else it says nothing, and what it says is what [`super::link::link`] would say.

use super::ether_type;
use super::ip::Addresses;
use super::span::Span;
use super::transport::{self, IpPacket};
use super::tunnel;
use crate::packet::Transport;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use weir_model::frame::LinkType;
use weir_model::{Endpoint, Frame, Protocol};

/// A packet, and the VLAN identifiers before it: outermost first, 0 for none.
#[derive(Clone, Copy, Debug)]
pub(super) struct Plain<'a> {
    pub(super) packet: IpPacket<'a>,
    pub(super) vlans: [u16; 2],
}

/// What `then` makes of the packet in a frame, if it is such a frame.
///
/// It is called in two places, for either version of IP, so that addresses go from the frame to where they are wanted and are not
/// put into an [`IpAddr`] on the way: bytes written one by one and read as a word make the processor wait.
#[inline(always)]
#[expect(clippy::inline_always, reason = "a caller who needs only the ends pays only for the ends")]
pub(super) fn read<'a, T>(frame: &Frame<'a>, then: impl FnOnce(Plain<'a>) -> T) -> Option<T> {
    if frame.link != LinkType::ETHERNET {
        return None;
    }
    let ([.., type0, type1], mut rest) = frame.data.split_first_chunk::<14>()?;
    let mut kind = u16::from_be_bytes([*type0, *type1]);
    let mut vlans = [0; 2];
    for vlan in &mut vlans {
        if !matches!(kind, ether_type::C_TAG | ether_type::S_TAG) {
            break;
        }
        let ([tag0, tag1, type0, type1], behind) = rest.split_first_chunk::<4>()?;
        *vlan = u16::from_be_bytes([*tag0, *tag1]) & ether_type::VLAN_IDENTIFIER;
        (kind, rest) = (u16::from_be_bytes([*type0, *type1]), behind);
    }
    match kind {
        ether_type::IPV4 => Some(then(Plain { packet: ipv4(rest)?, vlans })),
        ether_type::IPV6 => Some(then(Plain { packet: ipv6(rest)?, vlans })),
        _ => None,
    }
}

#[inline(always)]
fn ipv4(bytes: &[u8]) -> Option<IpPacket<'_>> {
    const VERSION_4_NO_OPTIONS: u8 = 0x45;
    const MORE_FRAGMENTS_OR_OFFSET: u16 = 0x3fff;
    let fixed = bytes.first_chunk::<20>()?;
    let [first, _, len0, len1, _, _, frag0, frag1, _, protocol, _, _, s0, s1, s2, s3, d0, d1, d2, d3] =
        *fixed;
    let ip_bytes = usize::from(u16::from_be_bytes([len0, len1]));
    let is_fragment = u16::from_be_bytes([frag0, frag1]) & MORE_FRAGMENTS_OR_OFFSET != 0;
    if first != VERSION_4_NO_OPTIONS || is_fragment || ip_bytes < fixed.len() {
        return None;
    }
    let addresses = Addresses {
        source: IpAddr::V4(Ipv4Addr::new(s0, s1, s2, s3)),
        destination: IpAddr::V4(Ipv4Addr::new(d0, d1, d2, d3)),
    };
    let payload = Span::new(bytes, 0).claimed(ip_bytes).after(fixed.len());
    upper(addresses, Protocol(protocol), payload, ip_bytes)
}

#[inline(always)]
#[expect(clippy::inline_always, reason = "as above")]
fn ipv6(bytes: &[u8]) -> Option<IpPacket<'_>> {
    let fixed = bytes.first_chunk::<40>()?;
    let [first, _, _, _, len0, len1, next_header, _, addresses @ ..] = fixed;
    let payload_len = usize::from(u16::from_be_bytes([*len0, *len1]));
    // A length of 0 is a jumbogram, or was not filled in.
    if first >> 4 != 6 || payload_len == 0 {
        return None;
    }
    let (source, destination) = addresses.split_first_chunk::<16>()?;
    let addresses = Addresses {
        source: IpAddr::V6(Ipv6Addr::from(*source)),
        destination: IpAddr::V6(Ipv6Addr::from(*destination.first_chunk::<16>()?)),
    };
    let payload = Span::new(bytes, 0).after(fixed.len()).claimed(payload_len);
    upper(addresses, Protocol(*next_header), payload, payload_len + fixed.len())
}

#[inline(always)]
#[expect(clippy::inline_always, reason = "as above")]
fn upper(
    addresses: Addresses,
    protocol: Protocol,
    payload: Span<'_>,
    ip_bytes: usize,
) -> Option<IpPacket<'_>> {
    let [source0, source1, destination0, destination1] = *payload.bytes().first_chunk::<4>()?;
    let source = u16::from_be_bytes([source0, source1]);
    let destination = u16::from_be_bytes([destination0, destination1]);
    let (transport, payload) = match protocol {
        Protocol::TCP => transport::whole_tcp(payload)?,
        Protocol::UDP if tunnel::is_port(source) || tunnel::is_port(destination) => return None,
        Protocol::UDP => (Transport::Udp, transport::udp_payload(payload)?),
        _ => return None,
    };
    Some(IpPacket {
        protocol,
        source: Endpoint::new(addresses.source, source),
        destination: Endpoint::new(addresses.destination, destination),
        ip_bytes,
        payload,
        transport,
        about: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::Reached;
    use crate::decode::link::link;
    use crate::decode::trail::Trail;
    use proptest::prelude::*;
    use weir_model::Timestamp;

    /// Ethernet, tags, IP, TCP or UDP, all as they should be.
    fn good_frame() -> impl Strategy<Value = Vec<u8>> {
        let tags = prop::collection::vec(prop::sample::select(vec![0x8100_u16, 0x88a8, 0x9100]), 0..4);
        let ports = prop::sample::select(vec![53_u16, 443, 2152, 4789, 8472, 8473, 40_000]);
        (tags, any::<bool>(), any::<bool>(), ports.clone(), ports, 0_usize..40).prop_map(
            |(tags, is_v6, is_tcp, source, destination, payload_len)| {
                let mut upper = [source.to_be_bytes(), destination.to_be_bytes()].concat();
                if is_tcp {
                    upper.extend([1, 2, 3, 4, 5, 6, 7, 8, 0x50, 0x18, 0, 0, 0, 0, 0, 0]);
                } else {
                    upper.extend((8 + payload_len as u16).to_be_bytes());
                    upper.extend([0, 0]);
                }
                upper.extend((0..payload_len).map(|at| at as u8));
                let protocol = if is_tcp { 6 } else { 17 };
                let mut frame = vec![0; 12];
                for tag in tags {
                    frame.extend([tag.to_be_bytes(), [0x20, 7]].concat());
                }
                if is_v6 {
                    frame.extend([0x86, 0xdd, 0x60, 0, 0, 0, 0, upper.len() as u8, protocol, 64]);
                    frame.extend(1..33);
                } else {
                    frame.extend([8, 0, 0x45, 0, 0, 20 + upper.len() as u8, 0, 0, 0x40, 0, 64, protocol]);
                    frame.extend([0, 0, 192, 0, 2, 1, 198, 51, 100, 2]);
                }
                frame.extend(upper);
                frame
            },
        )
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(20_000))]

        #[test]
        fn says_what_the_long_way_says(
            good in good_frame(),
            faults in prop::collection::vec((0_usize..80, any::<u8>()), 0..4),
            cut in 0_usize..200,
            trailer in 0_usize..10,
        ) {
            let mut data = good;
            data.resize(data.len() + trailer, 0);
            for (at, byte) in faults {
                if let Some(place) = data.get_mut(at) {
                    *place = byte;
                }
            }
            let original_len = data.len() as u32;
            data.truncate(cut);
            let frame = Frame { number: 1, time: Timestamp::EPOCH, link: LinkType::ETHERNET, original_len, data: &data };
            if let Some(plain) = read(&frame, |plain| plain) {
                let mut trail = Trail::default();
                let found = link(&mut trail, frame.link, Span::new(frame.data, original_len as usize));
                let Ok(Reached::Packet(packet)) = found else {
                    return Err(TestCaseError::fail(format!("{plain:?}, but {found:?}")));
                };
                prop_assert_eq!(format!("{:?}", plain.packet), format!("{packet:?}"));
                let vlans: Vec<u16> = plain.vlans.into_iter().filter(|vlan| *vlan != 0).collect();
                prop_assert_eq!(vlans.as_slice(), trail.vlans.as_slice());
                prop_assert!(trail.tunnel_kinds.is_empty() && trail.mpls.is_empty());
            }
        }

        #[test]
        fn takes_what_is_plain(good in good_frame()) {
            let frame = Frame {
                number: 1,
                time: Timestamp::EPOCH,
                link: LinkType::ETHERNET,
                original_len: good.len() as u32,
                data: &good,
            };
            let mut trail = Trail::default();
            let found = link(&mut trail, frame.link, Span::new(&good, good.len()));
            let is_tunnel_port = matches!(found, Ok(Reached::Packet(packet)) if packet.protocol == Protocol::UDP
                && [packet.source.port, packet.destination.port].into_iter().any(tunnel::is_port));
            let is_old_tag = good.windows(2).any(|bytes| bytes == [0x91, 0]);
            prop_assert_eq!(read(&frame, |_| ()).is_some(), !is_tunnel_port && !is_old_tag && trail.vlans.len() <= 2);
        }
    }
}
