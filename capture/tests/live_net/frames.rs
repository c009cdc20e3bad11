//! Frames of every kind that the dealing program looks into, for its tests without and with a kernel.

/// A packet of one of many flows, in one of its two directions.
#[derive(Clone, Copy)]
pub(crate) struct Ends {
    /// Which flow.
    pub(crate) number: u16,
    /// Whether it goes from the responder to the initiator.
    pub(crate) reply: bool,
}

impl Ends {
    fn order<T>(self, initiator: T, responder: T) -> [T; 2] {
        if self.reply { [responder, initiator] } else { [initiator, responder] }
    }

    fn ports(self, initiator: u16, responder: u16) -> Vec<u8> {
        self.order(initiator.wrapping_add(self.number), responder)
            .iter()
            .flat_map(|port| port.to_be_bytes())
            .collect()
    }
}

pub(crate) fn ethernet(kind: u16, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![0x02, 0, 0, 0, 0, 1, 0x02, 0, 0, 0, 0, 2];
    frame.extend(kind.to_be_bytes());
    frame.extend(payload);
    frame
}

fn ipv4_with(ends: Ends, options: &[u8], fragment: u16, protocol: u8, payload: &[u8]) -> Vec<u8> {
    let mut packet = vec![0x45 + (options.len() / 4) as u8, 0, 0, 0, 0, 1, 0, 0, 64, protocol, 0, 0];
    packet[2..4].copy_from_slice(&((20 + options.len() + payload.len()) as u16).to_be_bytes());
    packet[6..8].copy_from_slice(&fragment.to_be_bytes());
    let [high, low] = ends.number.to_be_bytes();
    packet.extend(ends.order([10, 9, high, low], [198, 51, 100, 9]).concat());
    packet.extend(options);
    packet.extend(payload);
    packet
}

pub(crate) fn ipv4(ends: Ends, protocol: u8, payload: &[u8]) -> Vec<u8> {
    ipv4_with(ends, &[], 0x4000, protocol, payload)
}

fn ipv6(ends: Ends, next: u8, payload: &[u8]) -> Vec<u8> {
    let mut packet = vec![0x60, 1, 2, 3, 0, 0, next, 64];
    packet[4..6].copy_from_slice(&(payload.len() as u16).to_be_bytes());
    let [high, low] = ends.number.to_be_bytes();
    let initiator = [0x20, 1, 0xd, 0xb8, 0, 1, 0, 2, 0, 3, 0, 4, 0, 5, high, low];
    let responder = [0x20, 1, 0xd, 0xb8, 0xff, 1, 0xfe, 2, 0xfd, 3, 0xfc, 4, 0xfb, 5, 0xfa, 6];
    packet.extend(ends.order(initiator, responder).concat());
    packet.extend(payload);
    packet
}

fn udp(ports: &[u8], payload: &[u8]) -> Vec<u8> {
    let mut datagram = ports.to_vec();
    datagram.extend(((payload.len() + 8) as u16).to_be_bytes());
    datagram.extend([0, 0]);
    datagram.extend(payload);
    datagram
}

fn tcp(ends: Ends) -> Vec<u8> {
    let mut segment = ends.ports(50_000, 443);
    segment.extend([0, 0, 0, 1, 0, 0, 0, 2, 0x50, 0x10, 1, 0, 0, 0, 0, 0]);
    segment.extend(b"payload");
    segment
}

pub(crate) fn with(head: &[u8], rest: &[u8]) -> Vec<u8> {
    [head, rest].concat()
}

/// Packets that carry no other.
pub(crate) fn plain(ends: Ends) -> Vec<(&'static str, Vec<u8>)> {
    let options = |next: u8, rest: &[u8]| with(&[next, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], rest);
    let fragment = |next: u8, offset: u16, rest: &[u8]| {
        with(&[next, 0, (offset >> 8) as u8, offset as u8, 0, 0, 0, 9], rest)
    };
    let authentication = |next: u8, rest: &[u8]| {
        with(&[next, 4, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12], rest)
    };
    vec![
        ("TCP", ipv4(ends, 6, &tcp(ends))),
        ("UDP", ipv4(ends, 17, &udp(&ends.ports(5353, 53), b"x"))),
        ("SCTP", ipv4(ends, 132, &udp(&ends.ports(5000, 38412), b"x"))),
        ("ICMP", ipv4(ends, 1, &[8, 0, 0, 0, 0, 1, 0, 1])),
        ("a protocol without ports", ipv4(ends, 89, &[2, 1, 0, 44])),
        ("options", ipv4_with(ends, &[1, 1, 1, 1, 1, 1, 1, 0], 0, 6, &tcp(ends))),
        ("first fragment", ipv4_with(ends, &[], 0x2000, 17, &udp(&ends.ports(1000, 2000), b"12345678"))),
        ("later fragment", ipv4_with(ends, &[], 0x0003, 17, &[3, 232, 7, 208, 1, 2, 3, 4])),
        ("no ports captured", ipv4(ends, 6, &[1, 2])),
        ("only ports captured", ipv4(ends, 6, &ends.ports(700, 80))),
        ("AH", ipv4(ends, 51, &authentication(6, &tcp(ends)))),
        ("IPv6 TCP", ipv6(ends, 6, &tcp(ends))),
        ("IPv6 UDP", ipv6(ends, 17, &udp(&ends.ports(5353, 53), b"x"))),
        ("ICMPv6", ipv6(ends, 58, &[128, 0, 0, 0, 0, 1, 0, 1])),
        ("hop by hop", ipv6(ends, 0, &options(6, &tcp(ends)))),
        (
            "three extension headers",
            ipv6(ends, 0, &options(43, &options(60, &options(17, &udp(&ends.ports(1, 2), b"x"))))),
        ),
        ("IPv6 AH", ipv6(ends, 51, &authentication(17, &udp(&ends.ports(1, 2), b"x")))),
        ("IPv6 first fragment", ipv6(ends, 44, &fragment(17, 1, &udp(&ends.ports(1000, 2000), b"12345678")))),
        ("IPv6 later fragment", ipv6(ends, 44, &fragment(17, 8, &[3, 232, 7, 208, 1, 2, 3, 4]))),
        (
            "IPv6 fragment behind options",
            ipv6(ends, 60, &options(44, &fragment(6, 8, &[3, 232, 7, 208, 1, 2, 3, 4]))),
        ),
        (
            "IPv6 atomic fragment",
            ipv6(ends, 44, &fragment(17, 0, &udp(&ends.ports(1000, 2000), b"12345678"))),
        ),
        ("extension header cut", ipv6(ends, 0, &[6, 9, 0, 0, 0, 0, 0, 0])),
        ("GRE with something else", ipv4(ends, 47, &[0, 0, 0x12, 0x34, 1, 2, 3, 4])),
        (
            "a tunnel's port without the tunnel",
            ipv4(ends, 17, &udp(&ends.ports(4789, 53), b"no such header")),
        ),
        ("another", ipv4(ends, 17, &udp(&ends.ports(2152, 2152), &[0x32, 1, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0]))),
        ("IP in IP without IP", ipv4(ends, 4, &[0x60, 1, 2, 3])),
    ]
}

/// `packet` in everything that can carry one directly.
pub(crate) fn carried(ends: Ends, packet: &[u8]) -> Vec<(&'static str, Vec<u8>)> {
    let outer = Ends { number: 0, reply: ends.reply };
    // What a sender makes of the packet inside: another one in each direction.
    let entropy = 40_000 + ends.number * 7 % 9_000 + u16::from(ends.reply) * 3;
    let hashed = |port: u16| [entropy.to_be_bytes(), port.to_be_bytes()].concat();
    let kind: u16 = if packet[0] >> 4 == 4 { 0x0800 } else { 0x86dd };
    let ppp: u8 = if packet[0] >> 4 == 4 { 0x21 } else { 0x57 };
    let frame = ethernet(kind, packet);
    let k = kind.to_be_bytes();
    let label = |bottom: u8| [0, 1, bottom, 64];
    let pppoe = |rest: &[u8]| with(&[0x11, 0, 0, 7, (rest.len() >> 8) as u8, rest.len() as u8], rest);
    let gtp = |flags: u8, rest: &[u8]| {
        with(&[flags, 0xff, (rest.len() >> 8) as u8, rest.len() as u8, 0, 0, 0, 9], rest)
    };
    let over_udp =
        |port: u16, payload: &[u8]| ethernet(0x0800, &ipv4(outer, 17, &udp(&hashed(port), payload)));
    let over_gre = |payload: &[u8]| ethernet(0x86dd, &ipv6(outer, 47, payload));
    vec![
        ("Ethernet", frame.clone()),
        ("one tag", ethernet(0x8100, &with(&[0x20, 5, k[0], k[1]], packet))),
        ("QinQ", ethernet(0x88a8, &with(&[0, 5, 0x81, 0, 0, 6, k[0], k[1]], packet))),
        ("three tags", ethernet(0x8100, &with(&[0, 5, 0x81, 0, 0, 6, 0x81, 0, 0, 7, k[0], k[1]], packet))),
        ("MPLS", ethernet(0x8847, &with(&label(1), packet))),
        (
            "three labels in a VLAN",
            ethernet(0x8100, &[&[0, 5, 0x88, 0x47][..], &label(0), &label(0), &label(1), packet].concat()),
        ),
        ("pseudowire", ethernet(0x8847, &[&label(0)[..], &label(1), &[0, 0, 0, 1], &frame].concat())),
        ("pseudowire without control word", ethernet(0x8847, &[&label(1)[..], &frame].concat())),
        ("PPPoE", ethernet(0x8864, &pppoe(&with(&[0, ppp], packet)))),
        (
            "PPPoE, compressed protocol, VLAN",
            ethernet(0x8100, &with(&[0, 5, 0x88, 0x64], &pppoe(&with(&[ppp], packet)))),
        ),
        ("IP in IP", ethernet(0x0800, &ipv4(outer, if kind == 0x0800 { 4 } else { 41 }, packet))),
        ("GRE", over_gre(&with(&[0, 0, k[0], k[1]], packet))),
        (
            "GRE with all options",
            over_gre(&with(&[0xb0, 0, k[0], k[1], 1, 1, 0, 0, 2, 2, 2, 2, 3, 3, 3, 3], packet)),
        ),
        ("Ethernet in GRE", over_gre(&with(&[0x20, 0, 0x65, 0x58, 0, 0, 0, 9], &frame))),
        ("ERSPAN I", over_gre(&with(&[0, 0, 0x88, 0xbe], &frame))),
        (
            "ERSPAN II",
            over_gre(
                &[&[0x10, 0, 0x88, 0xbe, 0, 0, 0, 1][..], &[0x10, 1, 0, 9, 0, 0, 0, 0], &frame].concat(),
            ),
        ),
        (
            "ERSPAN III",
            over_gre(
                &[
                    &[0x10, 0, 0x22, 0xeb, 0, 0, 0, 1][..],
                    &[0x20, 1, 0, 9, 0, 0, 0, 0, 0, 0, 0, 1],
                    &[0; 8],
                    &frame,
                ]
                .concat(),
            ),
        ),
        (
            "PPTP",
            over_gre(
                &[
                    &[0x30, 0x81, 0x88, 0x0b, 9, 0, 0, 7, 0, 0, 0, 1, 0, 0, 0, 2][..],
                    &[0xff, 3, 0, ppp],
                    packet,
                ]
                .concat(),
            ),
        ),
        ("WCCP 2", over_gre(&[&[0, 0, 0x88, 0x3e, 0, 0, 0, 0][..], packet].concat())),
        ("VXLAN", over_udp(4789, &with(&[8, 0, 0, 0, 0, 0, 9, 0], &frame))),
        ("VXLAN with a group", over_udp(8472, &with(&[0x88, 0, 0, 5, 0, 0, 9, 0], &frame))),
        (
            "VXLAN-GPE",
            over_udp(4790, &with(&[0x0c, 0, 0, if kind == 0x0800 { 1 } else { 2 }, 0, 0, 9, 0], packet)),
        ),
        ("VXLAN-GPE, Ethernet", over_udp(4790, &with(&[0x0c, 0, 0, 3, 0, 0, 9, 0], &frame))),
        ("Geneve", over_udp(6081, &with(&[0, 0, 0x65, 0x58, 0, 0, 9, 0], &frame))),
        (
            "Geneve with options",
            over_udp(6081, &with(&[2, 0, k[0], k[1], 0, 0, 9, 0, 1, 2, 3, 1, 5, 6, 7, 8], packet)),
        ),
        ("GTP-U", over_udp(2152, &gtp(0x30, packet))),
        ("GTP-U with a sequence number", over_udp(2152, &gtp(0x32, &with(&[0, 7, 0, 0], packet)))),
        (
            "GTP-U with extensions",
            over_udp(
                2152,
                &gtp(
                    0x34,
                    &[&[0, 0, 0, 0x85][..], &[1, 0x10, 9, 0x20], &[2, 0, 0, 0, 0, 0, 0, 0], packet].concat(),
                ),
            ),
        ),
        (
            "GTP-U from its port",
            ethernet(0x86dd, &ipv6(outer, 17, &udp(&outer.ports(2152, 40_000), &gtp(0x30, packet)))),
        ),
    ]
}
