//! Frames built by hand, one for each way to an IP packet.

use super::*;
use etherparse::PacketBuilder;
use std::net::IpAddr;
use weir_model::flow::TunnelKind;
use weir_model::frame::LinkType;
use weir_model::{Endpoint, Protocol};

/// What tests look at of a packet, owned.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Seen {
    pub(super) number: u64,
    pub(super) frames: u32,
    pub(super) protocol: Protocol,
    pub(super) source: Endpoint,
    pub(super) destination: Endpoint,
    pub(super) ip_bytes: u32,
    pub(super) payload_len: u32,
    pub(super) payload: Vec<u8>,
    pub(super) transport: crate::Transport,
    pub(super) vlans: Vec<u16>,
    pub(super) mpls: Vec<u32>,
    pub(super) tunnels: Vec<(TunnelKind, Option<u32>)>,
}

impl From<&Packet<'_>> for Seen {
    fn from(packet: &Packet<'_>) -> Self {
        Self {
            number: packet.number,
            frames: packet.frames,
            protocol: packet.protocol,
            source: packet.source,
            destination: packet.destination,
            ip_bytes: packet.ip_bytes,
            payload_len: packet.payload_len,
            payload: packet.payload.to_vec(),
            transport: packet.transport,
            vlans: packet.vlans.to_vec(),
            mpls: packet.mpls.to_vec(),
            tunnels: packet
                .tunnels
                .iter()
                .map(|tunnel| (tunnel.kind, tunnel.id))
                .collect(),
        }
    }
}

/// Decodes frames that are a second apart, and closes.
pub(super) fn decode_all<'a>(
    link: LinkType,
    frames: impl IntoIterator<Item = &'a [u8]>,
) -> (Vec<Seen>, DecodeStats) {
    let mut decoder = Decoder::default();
    let mut seen = Vec::new();
    for (number, data) in (1..).zip(frames) {
        decoder.decode(&frame(number, link, data), &mut |packet| {
            seen.push(Seen::from(packet))
        });
        assert_eq!(decoder.stats().balance(), 0);
    }
    decoder.finish(&mut |packet| seen.push(Seen::from(packet)));
    let stats = decoder.stats();
    assert_eq!(stats.balance(), 0);
    assert_eq!(stats.fragments.held_bytes, 0);
    assert_eq!(stats.fragments.held_frames, 0);
    (seen, stats)
}

pub(super) fn frame(number: u64, link: LinkType, data: &[u8]) -> Frame<'_> {
    Frame {
        number,
        time: Timestamp::new(number, 0),
        link,
        original_len: data.len() as u32,
        data,
    }
}

fn one(link: LinkType, data: &[u8]) -> Seen {
    let (seen, stats) = decode_all(link, [data]);
    assert_eq!(seen.len(), 1, "{stats:?}");
    seen[0].clone()
}

fn not_ip(link: LinkType, data: &[u8]) -> NotIp {
    let (seen, stats) = decode_all(link, [data]);
    assert_eq!(seen, []);
    let index = stats.not_ip.iter().position(|count| *count == 1).expect("not IP");
    NotIp::ALL[index]
}

const PAYLOAD: &[u8] = b"weir measures";

/// A UDP datagram from 192.0.2.1:1000 to 198.51.100.2:2000, from the IP header on.
fn udp4() -> Vec<u8> {
    built(
        PacketBuilder::ipv4([192, 0, 2, 1], [198, 51, 100, 2], 64).udp(1000, 2000),
        PAYLOAD,
    )
}

fn udp6() -> Vec<u8> {
    let (source, destination) = ("2001:db8::1".parse().unwrap(), "2001:db8::2".parse().unwrap());
    let (source, destination): (std::net::Ipv6Addr, std::net::Ipv6Addr) = (source, destination);
    built(
        PacketBuilder::ipv6(source.octets(), destination.octets(), 64).udp(1000, 2000),
        PAYLOAD,
    )
}

/// An outer datagram between 10.0.0.1 and 10.0.0.2.
fn outer_udp(port: u16, payload: &[u8]) -> Vec<u8> {
    built(
        PacketBuilder::ipv4([10, 0, 0, 1], [10, 0, 0, 2], 64).udp(50_000, port),
        payload,
    )
}

fn outer_ip(protocol: u8, payload: &[u8]) -> Vec<u8> {
    let mut packet = vec![
        0x45, 0, 0, 0, 0, 1, 0, 0, 64, protocol, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2,
    ];
    packet.extend_from_slice(payload);
    let len = packet.len() as u16;
    packet[2..4].copy_from_slice(&len.to_be_bytes());
    packet
}

fn built(builder: etherparse::PacketBuilderStep<etherparse::UdpHeader>, payload: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    builder.write(&mut bytes, payload).unwrap();
    bytes
}

fn ethernet(kind: u16, payload: &[u8]) -> Vec<u8> {
    [
        &[2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2][..],
        &kind.to_be_bytes(),
        payload,
    ]
    .concat()
}

#[track_caller]
fn assert_udp4(seen: &Seen) {
    assert_eq!(seen.protocol, Protocol::UDP);
    assert_eq!(seen.source.to_string(), "192.0.2.1:1000");
    assert_eq!(seen.destination.to_string(), "198.51.100.2:2000");
    assert_eq!((seen.ip_bytes, seen.payload_len), (28 + 13, 13));
    assert_eq!(seen.payload, PAYLOAD);
    assert_eq!(seen.transport, crate::Transport::Udp);
}

#[track_caller]
fn assert_udp6(seen: &Seen) {
    assert_eq!(seen.source.ip, "2001:db8::1".parse::<IpAddr>().unwrap());
    assert_eq!(
        (seen.ip_bytes, seen.payload_len, seen.payload.as_slice()),
        (48 + 13, 13, PAYLOAD)
    );
}

#[test]
fn every_link_layer_leads_to_ip() {
    let pppoe = [&[0x11, 0, 0, 9, 0, 43, 0, 0x21][..], &udp4()].concat();
    let snap = [&[0xaa, 0xaa, 3, 0, 0, 0, 8, 0][..], &udp4()].concat();
    let wlan_data = [&[0x08, 0x01][..], &[0; 22], &snap].concat();
    let wlan_qos_four_addresses = [&[0x88, 0x03][..], &[0; 30], &snap].concat();
    let radiotap_padded = {
        let mut header = vec![0, 0, 18, 0, 3, 0, 0, 0];
        header.extend([0; 8]);
        header.extend([0x20, 0]);
        [&header[..], &[0x88, 0x01], &[0; 24], &[0xee; 2], &snap].concat()
    };
    let nflog = {
        let len = (udp4().len() + 4) as u16;
        [
            &[2, 0, 0, 0, 8, 0, 1, 0, 0, 0, 0, 0][..],
            &len.to_le_bytes(),
            &[9, 0],
            &udp4(),
        ]
        .concat()
    };
    let cases: &[(LinkType, Vec<u8>)] = &[
        (LinkType::ETHERNET, ethernet(0x0800, &udp4())),
        (
            LinkType::ETHERNET,
            ethernet(0x0800, &[udp4(), vec![0; 5]].concat()),
        ),
        (
            LinkType::ETHERNET,
            ethernet(snap.len() as u16, &[snap.clone(), vec![0; 9]].concat()),
        ),
        (LinkType::ETHERNET, ethernet(0x8864, &pppoe)),
        (
            LinkType::ETHERNET,
            ethernet(0x88e7, &[vec![0; 4], ethernet(0x0800, &udp4())].concat()),
        ),
        (
            LinkType::ETHERNET,
            ethernet(
                0x88e5,
                &[&[0, 0, 0, 0, 0, 1, 8, 0][..], &udp4(), &[7; 16]].concat(),
            ),
        ),
        (
            LinkType::ETHERNET,
            ethernet(0x8926, &[&[0, 0, 0, 0, 8, 0][..], &udp4()].concat()),
        ),
        (LinkType::RAW, udp4()),
        (LinkType::RAW_BSD, udp4()),
        (LinkType::RAW_OPENBSD, udp4()),
        (LinkType::IPV4, udp4()),
        (LinkType::NULL, [&[2, 0, 0, 0][..], &udp4()].concat()),
        (LinkType::NULL, [&[0, 0, 0, 2][..], &udp4()].concat()),
        (LinkType::LOOP, [&[0, 0, 0, 2][..], &udp4()].concat()),
        (LinkType::PPP, [&[0xff, 3, 0, 0x21][..], &udp4()].concat()),
        (LinkType::PPP, [&[0x21][..], &udp4()].concat()),
        (LinkType::PPP_HDLC, [&[0x0f, 0, 8, 0][..], &udp4()].concat()),
        (LinkType::PPP_ETHER, pppoe),
        (LinkType::CISCO_HDLC, [&[0x0f, 0, 8, 0][..], &udp4()].concat()),
        (
            LinkType::FRAME_RELAY,
            [&[0x18, 0x41, 3, 0xcc][..], &udp4()].concat(),
        ),
        (LinkType::FRAME_RELAY, [&[0x18, 0x41, 8, 0][..], &udp4()].concat()),
        (LinkType::ATM_RFC1483, snap),
        (LinkType::LINUX_SLL, [&[0; 14][..], &[8, 0], &udp4()].concat()),
        (LinkType::LINUX_SLL2, [&[8, 0][..], &[0; 18], &udp4()].concat()),
        (LinkType::IEEE802_11, wlan_data.clone()),
        (LinkType::IEEE802_11, wlan_qos_four_addresses),
        (
            LinkType::IEEE802_11_RADIOTAP,
            [&[0, 0, 8, 0, 0, 0, 0, 0][..], &wlan_data].concat(),
        ),
        (LinkType::IEEE802_11_RADIOTAP, radiotap_padded),
        (
            LinkType::IEEE802_11_PRISM,
            [&[0, 0, 0, 0x44, 12, 0, 0, 0, 1, 1, 1, 1][..], &wlan_data].concat(),
        ),
        (
            LinkType::PPI,
            [&[0, 0, 8, 0, 105, 0, 0, 0][..], &wlan_data].concat(),
        ),
        (LinkType::NFLOG, nflog),
    ];
    for (link, data) in cases {
        assert_udp4(&one(*link, data));
    }
    for family in [10, 24, 28, 30] {
        assert_udp6(&one(LinkType::NULL, &[&[family, 0, 0, 0][..], &udp6()].concat()));
    }
    assert_udp6(&one(LinkType::IPV6, &udp6()));
}

#[test]
fn tags_and_labels_are_kept_outermost_first() {
    let tagged = ethernet(
        0x88a8,
        &[&[0x20, 100, 0x81, 0, 0, 200, 8, 0][..], &udp4()].concat(),
    );
    let seen = one(LinkType::ETHERNET, &tagged);
    assert_udp4(&seen);
    assert_eq!(seen.vlans, [100, 200]);

    let priority_only = ethernet(0x8100, &[&[0xe0, 0, 8, 0][..], &udp4()].concat());
    assert_eq!(one(LinkType::ETHERNET, &priority_only).vlans, []);

    let labels = [&[0, 1, 0x00, 64, 0, 2, 0x01, 64][..], &udp6()].concat();
    let seen = one(LinkType::ETHERNET, &ethernet(0x8847, &labels));
    assert_udp6(&seen);
    assert_eq!(seen.mpls, [16, 32]);

    for control_word in [&[0; 4][..], &[]] {
        let pseudowire = [&[0, 1, 0x01, 64][..], control_word, &ethernet(0x0800, &udp4())].concat();
        assert_udp4(&one(LinkType::ETHERNET, &ethernet(0x8847, &pseudowire)));
    }
}
