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
    pub(super) about: Option<crate::packet::About>,
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
            mpls: packet.mpls().to_vec(),
            tunnels: packet.tunnels().iter().map(|tunnel| (tunnel.kind, tunnel.id)).collect(),
            about: packet.about(),
        }
    }
}

/// Decodes frames that come within microseconds, and closes.
pub(super) fn decode_all<'a>(
    link: LinkType,
    frames: impl IntoIterator<Item = &'a [u8]>,
) -> (Vec<Seen>, DecodeStats) {
    let mut decoder = Decoder::default();
    let mut seen = Vec::new();
    for (number, data) in (1..).zip(frames) {
        decoder.decode(&frame(number, link, data), &mut |packet| {
            seen.push(Seen::from(packet));
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
    Frame { number, time: Timestamp::new(100, number as u32), link, original_len: data.len() as u32, data }
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
    built(PacketBuilder::ipv4([192, 0, 2, 1], [198, 51, 100, 2], 64).udp(1000, 2000), PAYLOAD)
}

fn udp6() -> Vec<u8> {
    let (source, destination) = ("2001:db8::1".parse().unwrap(), "2001:db8::2".parse().unwrap());
    let (source, destination): (std::net::Ipv6Addr, std::net::Ipv6Addr) = (source, destination);
    built(PacketBuilder::ipv6(source.octets(), destination.octets(), 64).udp(1000, 2000), PAYLOAD)
}

/// An outer datagram between 10.0.0.1 and 10.0.0.2.
fn outer_udp(port: u16, payload: &[u8]) -> Vec<u8> {
    built(PacketBuilder::ipv4([10, 0, 0, 1], [10, 0, 0, 2], 64).udp(50_000, port), payload)
}

fn outer_ip(protocol: u8, payload: &[u8]) -> Vec<u8> {
    let mut packet = vec![0x45, 0, 0, 0, 0, 1, 0, 0, 64, protocol, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2];
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
    [&[2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2][..], &kind.to_be_bytes(), payload].concat()
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
    assert_eq!((seen.ip_bytes, seen.payload_len, seen.payload.as_slice()), (48 + 13, 13, PAYLOAD));
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
        [&[2, 0, 0, 0, 8, 0, 1, 0, 0, 0, 0, 0][..], &len.to_le_bytes(), &[9, 0], &udp4()].concat()
    };
    let cases: &[(LinkType, Vec<u8>)] = &[
        (LinkType::ETHERNET, ethernet(0x0800, &udp4())),
        (LinkType::ETHERNET, ethernet(0x0800, &[udp4(), vec![0; 5]].concat())),
        (LinkType::ETHERNET, ethernet(snap.len() as u16, &[snap.clone(), vec![0; 9]].concat())),
        (LinkType::ETHERNET, ethernet(0x8864, &pppoe)),
        (LinkType::ETHERNET, ethernet(0x88e7, &[vec![0; 4], ethernet(0x0800, &udp4())].concat())),
        (LinkType::ETHERNET, ethernet(0x88e5, &[&[0, 0, 0, 0, 0, 1, 8, 0][..], &udp4(), &[7; 16]].concat())),
        (LinkType::ETHERNET, ethernet(0x8926, &[&[0, 0, 0, 0, 8, 0][..], &udp4()].concat())),
        (LinkType::ETHERNET, ethernet(0x894f, &[&[0x0f, 0xc2, 1, 1, 0, 0, 1, 255][..], &udp4()].concat())),
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
        (LinkType::FRAME_RELAY, [&[0x18, 0x41, 3, 0xcc][..], &udp4()].concat()),
        (LinkType::FRAME_RELAY, [&[0x18, 0x41, 8, 0][..], &udp4()].concat()),
        (LinkType::ATM_RFC1483, snap),
        (LinkType::LINUX_SLL, [&[0; 14][..], &[8, 0], &udp4()].concat()),
        (LinkType::LINUX_SLL2, [&[8, 0][..], &[0; 18], &udp4()].concat()),
        (LinkType::IEEE802_11, wlan_data.clone()),
        (LinkType::IEEE802_11, wlan_qos_four_addresses),
        (LinkType::IEEE802_11_RADIOTAP, [&[0, 0, 8, 0, 0, 0, 0, 0][..], &wlan_data].concat()),
        (LinkType::IEEE802_11_RADIOTAP, radiotap_padded),
        (LinkType::IEEE802_11_PRISM, [&[0, 0, 0, 0x44, 12, 0, 0, 0, 1, 1, 1, 1][..], &wlan_data].concat()),
        (LinkType::PPI, [&[0, 0, 8, 0, 105, 0, 0, 0][..], &wlan_data].concat()),
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
    let tagged = ethernet(0x88a8, &[&[0x20, 100, 0x81, 0, 0, 200, 8, 0][..], &udp4()].concat());
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

#[test]
fn frames_without_ip_are_counted_by_kind() {
    let cases: &[(LinkType, Vec<u8>, NotIp)] = &[
        (LinkType::ETHERNET, ethernet(0x0806, &[0; 28]), NotIp::Arp),
        (LinkType::ETHERNET, ethernet(0x88cc, &[0; 28]), NotIp::Lldp),
        (LinkType::ETHERNET, ethernet(38, &[0x42; 38]), NotIp::Stp),
        (LinkType::ETHERNET, ethernet(8, &[0xaa, 0xaa, 3, 0, 0, 0x0c, 0x20, 0]), NotIp::Cisco),
        (LinkType::ETHERNET, ethernet(8, &[0xfe, 0xfe, 3, 0x83, 0, 0, 0, 0]), NotIp::Osi),
        (LinkType::ETHERNET, ethernet(0x8864, &[0x11, 0, 0, 1, 0, 4, 0xc0, 0x21, 1, 1]), NotIp::PppControl),
        (LinkType::ETHERNET, ethernet(0x88e5, &[0x0c, 0, 0, 0, 0, 1, 9, 9, 9, 9]), NotIp::Encrypted),
        (LinkType::ETHERNET, ethernet(0x8847, &[0, 1, 1, 64, 0x10, 0, 0, 0]), NotIp::Mpls),
        (LinkType::ETHERNET, ethernet(0x88f7, &[0; 28]), NotIp::EtherType),
        (LinkType::IEEE802_11, vec![0x80; 24], NotIp::WlanManagement),
        (LinkType::IEEE802_11, vec![0xd4; 10], NotIp::WlanControl),
        (LinkType::IEEE802_11, vec![0x48; 24], NotIp::WlanNoData),
        (LinkType::IEEE802_11, [&[0x08, 0x41][..], &[0; 40]].concat(), NotIp::Encrypted),
        (LinkType::NULL, vec![7, 0, 0, 0, 1, 2, 3], NotIp::Family),
    ];
    for (link, data, expected) in cases {
        assert_eq!(not_ip(*link, data), *expected);
    }
}

#[test]
fn undecodable_frames_are_counted_by_layer_and_reason() {
    let deep = ethernet(0x8100, &[0, 1, 0x81, 0].repeat(100));
    let cases: &[(LinkType, Vec<u8>, u32, Layer, Reason)] = &[
        (LinkType(9999), vec![0; 60], 60, Layer::Link, Reason::Unknown),
        (LinkType::ETHERNET, vec![0; 13], 13, Layer::Link, Reason::Short),
        (LinkType::ETHERNET, vec![0; 13], 60, Layer::Link, Reason::Cut),
        (LinkType::ETHERNET, ethernet(0x0800, &[0x45; 19]), 33, Layer::Ipv4, Reason::Short),
        (LinkType::ETHERNET, ethernet(0x0800, &[0x44; 40]), 54, Layer::Ipv4, Reason::Length),
        (LinkType::ETHERNET, ethernet(0x0800, &[0x75; 40]), 54, Layer::Ip, Reason::Version),
        (LinkType::ETHERNET, ethernet(0x86dd, &[0x60; 39]), 100, Layer::Ipv6, Reason::Cut),
        (LinkType::ETHERNET, deep, 414, Layer::Tag, Reason::Depth),
        (LinkType::RAW, vec![], 0, Layer::Ip, Reason::Short),
        (LinkType::RAW, vec![], 20, Layer::Ip, Reason::Cut),
    ];
    for (link, data, original_len, layer, reason) in cases {
        let mut decoder = Decoder::default();
        let frame = Frame { original_len: *original_len, ..frame(1, *link, data) };
        decoder.decode(&frame, &mut |packet| panic!("{packet:?}"));
        let stats = decoder.stats();
        assert_eq!(stats.undecodable[*layer as usize][*reason as usize], 1, "{layer:?} {reason:?} {stats:?}");
        assert_eq!((stats.undecodable_frames(), stats.balance()), (1, 0));
    }
}

#[test]
fn counters_have_stable_names() {
    let (_, stats) = decode_all(LinkType::ETHERNET, [ethernet(0x0806, &[0; 28]).as_slice(), &[0; 3]]);
    let counted: Vec<_> = stats
        .counters()
        .filter(|(_, count)| *count > 0)
        .map(|(name, count)| format!("{name}={count}"))
        .collect();
    assert_eq!(counted, ["frames=2", "frame_bytes=45", "not_ip.arp=1", "undecodable.link.short=1"]);
    let names: std::collections::HashSet<_> = stats.counters().map(|(name, _)| name).collect();
    assert_eq!(names.len(), stats.counters().count(), "each name once");
}

#[test]
fn packets_cut_by_the_snap_length_give_what_they_hold() {
    let whole = built_tcp();
    for len in 20..whole.len() {
        let mut decoder = Decoder::default();
        let frame = Frame { original_len: whole.len() as u32, ..frame(1, LinkType::RAW, &whole[..len]) };
        let mut seen = Vec::new();
        decoder.decode(&frame, &mut |packet| seen.push(Seen::from(packet)));
        let seen = &seen[0];
        assert_eq!((decoder.stats().snapped, seen.ip_bytes), (1, whole.len() as u32));
        assert_eq!(seen.source.port, if len < 24 { 0 } else { 1000 });
        let has_fields = matches!(seen.transport, crate::Transport::Tcp(fields) if fields.sequence == 7);
        assert_eq!(has_fields, len >= 40);
        if has_fields {
            assert_eq!(seen.payload_len, 13);
            assert_eq!(seen.payload, &PAYLOAD[..len.saturating_sub(44)]);
        }
    }
}

/// A TCP segment with 4 bytes of options.
fn built_tcp() -> Vec<u8> {
    let mut bytes = Vec::new();
    PacketBuilder::ipv4([192, 0, 2, 1], [198, 51, 100, 2], 64)
        .tcp(1000, 2000, 7, 100)
        .ack(9)
        .options_raw(&[1, 1, 1, 1])
        .unwrap()
        .write(&mut bytes, PAYLOAD)
        .unwrap();
    bytes
}

#[test]
fn lengths_that_offloading_left_empty_are_taken_from_the_frame() {
    let mut packet = udp4();
    packet[2..4].fill(0);
    packet[24..26].fill(0);
    assert_udp4(&one(LinkType::ETHERNET, &ethernet(0x0800, &packet)));
    let mut packet = udp6();
    packet[4..6].fill(0);
    assert_udp6(&one(LinkType::ETHERNET, &ethernet(0x86dd, &packet)));
}

#[test]
fn extension_headers_are_walked() {
    let udp = udp6()[40..].to_vec();
    let chain = [
        &[43, 0, 1, 4, 0, 0, 0, 0][..],
        &[60, 0, 4, 4, 0, 0, 0, 0],
        &[44, 0, 1, 4, 0, 0, 0, 0],
        &[51, 0, 0, 0, 0, 0, 0, 5],
        &[17, 4, 0, 0, 0, 0, 0, 1, 0, 0, 0, 2, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12],
        &udp,
    ]
    .concat();
    let mut packet = udp6()[..40].to_vec();
    packet[4..6].copy_from_slice(&(chain.len() as u16).to_be_bytes());
    packet[6] = 0;
    packet.extend(&chain);
    let seen = one(LinkType::RAW, &packet);
    assert_eq!((seen.protocol, seen.payload.as_slice(), seen.source.port), (Protocol::UDP, PAYLOAD, 1000));

    // A jumbo payload option gives the length.
    let options = [17, 0, 0xc2, 4, 0, 0, 0, (8 + udp.len()) as u8];
    let mut packet = [&udp6()[..40], &options, &udp, &[0; 50]].concat();
    packet[4..7].fill(0);
    let seen = one(LinkType::RAW, &packet);
    assert_eq!((seen.payload.as_slice(), seen.ip_bytes), (PAYLOAD, 40 + 8 + 21));
}

#[test]
fn icmp_errors_say_what_they_are_about() {
    let quoted = &udp4()[..28];
    let message = outer_ip(1, &[&[3, 3, 0, 0, 0, 0, 0, 0][..], quoted].concat());
    let seen = one(LinkType::RAW, &message);
    assert_eq!(seen.transport, crate::Transport::Icmp { icmp_type: 3, code: 3 });
    let (protocol, source, destination) = seen.about.unwrap();
    assert_eq!(protocol, Protocol::UDP);
    assert_eq!(
        (source.to_string(), destination.to_string()),
        ("192.0.2.1:1000".into(), "198.51.100.2:2000".into())
    );
    assert_eq!((seen.source.port, seen.destination.port, seen.payload_len), (3, 3, 28));

    let echo = one(LinkType::RAW, &outer_ip(1, &[8, 0, 0, 0, 0, 1, 0, 2, 9, 9]));
    assert_eq!((echo.transport, echo.about), (crate::Transport::Icmp { icmp_type: 8, code: 0 }, None));
    assert_eq!((echo.source.port, echo.destination.port, echo.payload_len), (8, 0, 2));
}

#[test]
fn sctp_has_ports_and_other_protocols_have_none() {
    let seen = one(LinkType::RAW, &outer_ip(132, &[0, 7, 0, 9, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2]));
    assert_eq!((seen.source.port, seen.destination.port, seen.payload_len), (7, 9, 2));
    assert_eq!(seen.transport, crate::Transport::Other);
    let seen = one(LinkType::RAW, &outer_ip(50, &[0, 7, 0, 9]));
    assert_eq!((seen.source.port, seen.destination.port, seen.payload_len), (0, 0, 4));
}

#[test]
fn tunnels_are_looked_through() {
    let frame = ethernet(0x0800, &udp4());
    let gre = |flags: u16, protocol: u16, rest: &[&[u8]]| {
        outer_ip(47, &[&flags.to_be_bytes()[..], &protocol.to_be_bytes(), &rest.concat()].concat())
    };
    let gtp_len = udp4().len() as u16;
    let gtp = |flags: u8, optional: &[u8]| {
        let len = (gtp_len + optional.len() as u16).to_be_bytes();
        outer_udp(2152, &[&[flags, 0xff], &len[..], &[0, 0, 0, 5], optional, &udp4()].concat())
    };
    let kinds = TunnelKind::ALL;
    let [ipip, in_gre, erspan, vxlan, geneve, gtp_u, _, l2tp] = kinds;
    let cases: &[(Vec<u8>, TunnelKind, Option<u32>)] = &[
        (outer_ip(4, &udp4()), ipip, None),
        (gre(0, 0x0800, &[&udp4()]), in_gre, None),
        (gre(0xb000, 0x0800, &[&[0; 4], &[0, 0, 0, 7], &[0; 4], &udp4()]), in_gre, Some(7)),
        (gre(0, 0x6558, &[&frame]), in_gre, None),
        (gre(0, 0x8847, &[&[0, 1, 1, 64], &udp4()]), in_gre, None),
        (gre(0, 0x880b, &[&[0xff, 3, 0, 0x21], &udp4()]), in_gre, None),
        (gre(0, 0x883e, &[&udp4()]), in_gre, None),
        (gre(0, 0x883e, &[&[0, 1, 2, 3], &udp4()]), in_gre, None),
        (gre(0x3081, 0x880b, &[&[0, 42, 0, 9], &[0; 8], &[0x21], &udp4()]), in_gre, Some(9)),
        (gre(0, 0x88be, &[&frame]), erspan, None),
        (gre(0x1000, 0x88be, &[&[0; 4], &[0x10, 1, 0x08, 6, 0, 0, 0, 0], &frame]), erspan, Some(6)),
        (
            gre(0x1000, 0x22eb, &[&[0; 4], &[0x20, 1, 0, 6, 0, 0, 0, 0, 0, 0, 0, 1], &[0; 8], &frame]),
            erspan,
            Some(6),
        ),
        (outer_udp(4789, &[&[8, 0, 0, 0, 0, 1, 2, 0][..], &frame].concat()), vxlan, Some(258)),
        (outer_udp(8472, &[&[0x88, 0, 5, 5, 0, 1, 2, 0][..], &frame].concat()), vxlan, Some(258)),
        (outer_udp(4790, &[&[0x0c, 0, 0, 1, 0, 1, 2, 0][..], &udp4()].concat()), vxlan, Some(258)),
        (outer_udp(6081, &[&[1, 0, 0x65, 0x58, 0, 0, 3, 0][..], &[0; 4], &frame].concat()), geneve, Some(3)),
        (gtp(0x30, &[]), gtp_u, Some(5)),
        (gtp(0x34, &[0, 0, 0, 0x85, 1, 0, 0, 0]), gtp_u, Some(5)),
        (
            outer_udp(1701, &[&[0, 2, 0, 1, 0, 2, 0xff, 3, 0, 0x21][..], &udp4()].concat()),
            l2tp,
            Some(0x1_0002),
        ),
    ];
    for (packet, kind, id) in cases {
        let (seen, stats) = decode_all(LinkType::RAW, [packet.as_slice()]);
        assert_udp4(&seen[0]);
        assert_eq!(seen[0].tunnels, [(*kind, *id)]);
        assert_eq!(stats.tunnels[*kind as usize], 1);
    }
}

#[test]
fn the_destination_port_says_first_which_tunnel_it_is() {
    let gpe = [&[0x0c, 0, 0, 1, 0, 1, 2, 0][..], &udp4()].concat();
    for (source, destination) in [(4789_u16, 4790_u16), (4790, 4789), (4790, 50_000)] {
        let mut packet = outer_udp(destination, &gpe);
        packet[20..22].copy_from_slice(&source.to_be_bytes());
        assert_udp4(&one(LinkType::RAW, &packet));
    }
}

#[test]
fn teredo_is_told_from_other_datagrams() {
    let mut inner = udp6();
    let plain = one(LinkType::RAW, &outer_udp(3544, &inner));
    assert_eq!(plain.tunnels, [], "neither end is in Teredo's prefix");
    inner[8..12].copy_from_slice(&[0x20, 1, 0, 0]);
    let origin = [0, 0, 1, 2, 3, 4, 5, 6];
    let authentication = [0, 1, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 0];
    for indications in [&[][..], &origin, &authentication, &[&authentication[..], &origin].concat()] {
        let seen = one(LinkType::RAW, &outer_udp(3544, &[indications, &inner].concat()));
        assert_eq!(seen.tunnels, [(TunnelKind::Teredo, None)]);
        assert_eq!(seen.payload, PAYLOAD);
    }
    inner.push(0);
    assert_eq!(one(LinkType::RAW, &outer_udp(3544, &inner)).tunnels, [], "does not fill the datagram");
}

/// What looks like a tunnel and holds no IP packet is a packet of the outer flow.
#[test]
fn tunnels_that_hold_no_ip_count_as_the_outer_flow() {
    let arp = ethernet(0x0806, &[0; 28]);
    let tagged_arp = ethernet(0x8100, &[0, 5, 8, 6, 0, 0]);
    let cases = [
        outer_udp(4789, &[&[8, 0, 0, 0, 0, 1, 2, 0][..], &arp].concat()),
        outer_udp(4789, &[&[8, 0, 0, 0, 0, 1, 2, 0][..], &tagged_arp].concat()),
        outer_udp(4789, &[&[0, 0, 0, 0, 0, 1, 2, 0][..], &ethernet(0x0800, &udp4())].concat()),
        outer_udp(4789, &[&[8, 0, 0, 0, 0, 1, 2, 9][..], &ethernet(0x0800, &udp4())].concat()),
        outer_udp(6081, &[&[0xc0, 0, 8, 0, 0, 0, 3, 0][..], &udp4()].concat()),
        outer_udp(2152, &[&[0x30, 1, 0, 41, 0, 0, 0, 5][..], &udp4()].concat()),
        outer_udp(2152, &[&[0x34, 0xff, 0, 8, 0, 0, 0, 5, 0, 0, 0, 1, 0, 0, 0, 0][..]].concat()),
        outer_udp(1701, &[0xc8, 2, 0, 12, 0, 0, 0, 0, 0, 0, 0, 0]),
        outer_udp(53, &udp4()),
        outer_ip(47, &[0, 0, 8, 6, 0, 0, 0, 0]),
        outer_ip(4, &udp6()),
    ];
    for packet in cases {
        let seen = one(LinkType::RAW, &packet);
        assert_eq!(seen.source.ip, IpAddr::from([10, 0, 0, 1]));
        assert_eq!((seen.tunnels.len(), seen.vlans.len(), seen.ip_bytes), (0, 0, packet.len() as u32));
    }
}

#[test]
fn nesting_ends_at_a_depth_and_what_was_reached_counts() {
    let mut packet = udp4();
    for _ in 0..trail::MAX_TUNNELS {
        packet = outer_ip(4, &packet);
    }
    let (seen, stats) = decode_all(LinkType::RAW, [packet.as_slice()]);
    assert_udp4(&seen[0]);
    assert_eq!(seen[0].tunnels.len(), MAX_LAYERS);
    assert_eq!(stats.tunnels[TunnelKind::IpIp as usize], trail::MAX_TUNNELS as u64);

    let seen = one(LinkType::RAW, &outer_ip(4, &packet));
    assert_eq!((seen.protocol, seen.source.ip), (Protocol(4), IpAddr::from([10, 0, 0, 1])));
}
