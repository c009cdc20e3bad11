//! Every frame that etherparse understands and that holds no tunnel and no fragment, compared field by field.

use crate::captures::{self, Captured};
use etherparse::{LaxNetSlice, LaxSlicedPacket, TransportSlice};
use std::net::IpAddr;
use weir_model::Protocol;
use weir_model::frame::LinkType;
use weir_wire::{Decoder, Packet, TcpFields, Transport};

/// What both decoders say of a packet.
#[derive(Debug, PartialEq)]
struct Said {
    protocol: Protocol,
    source: IpAddr,
    destination: IpAddr,
    ports: Option<(u16, u16)>,
    tcp: Option<TcpFields>,
    icmp: Option<(u8, u8)>,
    /// Of TCP and UDP, the others' header lengths being a matter of taste.
    payload: Option<Vec<u8>>,
    vlans: Vec<u16>,
}

#[test]
fn etherparse_says_the_same_of_every_capture() {
    let mut compared = 0;
    let mut differing = Vec::new();
    let captures = captures::every_capture();
    for path in &captures {
        let mut decoder = Decoder::default();
        for frame in captures::read(path) {
            let mut ours = Vec::new();
            decoder.decode(&frame.frame(), &mut |packet| {
                if packet.number == frame.number {
                    ours.push((
                        packet.tunnels().len(),
                        said(packet),
                        packet.payload_len as usize,
                        packet.ip_bytes,
                    ));
                }
            });
            let Some((theirs, complete)) = oracle(&frame) else {
                continue;
            };
            let Some((tunnels, ours, payload_len, _)) = ours.pop() else {
                differing.push(format!("{}:{} nothing, not {theirs:?}", path.display(), frame.number));
                continue;
            };
            if tunnels > 0 {
                continue;
            }
            compared += 1;
            let ours = as_far_as(&theirs, ours);
            let len_differs =
                complete && theirs.payload.as_ref().is_some_and(|bytes| bytes.len() != payload_len);
            if ours != theirs || len_differs {
                differing.push(format!(
                    "{}:{} {payload_len}\n  ours   {ours:?}\n  theirs {theirs:?}",
                    path.display(),
                    frame.number
                ));
            }
        }
        assert_eq!(decoder.stats().balance(), 0, "{}", path.display());
    }
    println!("{compared} packets of {} captures compared", captures.len());
    assert!(compared > 1000);
    assert!(
        differing.is_empty(),
        "{} differ:\n{}",
        differing.len(),
        differing[..differing.len().min(20)].join("\n")
    );
}

fn said(packet: &Packet<'_>) -> Said {
    let (tcp, icmp) = match packet.transport {
        Transport::Tcp(fields) => (Some(fields), None),
        Transport::Icmp { icmp_type, code, .. } => (None, Some((icmp_type, code))),
        Transport::Udp | Transport::Other => (None, None),
    };
    Said {
        protocol: packet.protocol,
        source: packet.source.ip,
        destination: packet.destination.ip,
        ports: Some((packet.source.port, packet.destination.port)),
        tcp,
        icmp,
        payload: Some(packet.payload.to_vec()),
        vlans: packet.vlans.to_vec(),
    }
}

/// What the other decoder leaves open is not compared.
fn as_far_as(theirs: &Said, ours: Said) -> Said {
    Said {
        ports: theirs.ports.and(ours.ports),
        tcp: theirs.tcp.and(ours.tcp),
        icmp: theirs.icmp.and(ours.icmp),
        payload: theirs.payload.as_ref().and(ours.payload),
        ..ours
    }
}

/// What etherparse says of a frame, and whether the frame was captured whole.
fn oracle(frame: &Captured) -> Option<(Said, bool)> {
    let sliced = slice(frame)?;
    let (source, destination, payload): (IpAddr, IpAddr, _) = match sliced.net.as_ref()? {
        LaxNetSlice::Ipv4(ip) => {
            (ip.header().source_addr().into(), ip.header().destination_addr().into(), ip.payload())
        }
        LaxNetSlice::Ipv6(ip) => {
            (ip.header().source_addr().into(), ip.header().destination_addr().into(), ip.payload())
        }
        LaxNetSlice::Arp(_) => return None,
    };
    if payload.fragmented {
        return None;
    }
    let mut said = Said {
        protocol: Protocol(payload.ip_number.0),
        source,
        destination,
        ports: None,
        tcp: None,
        icmp: None,
        payload: None,
        vlans: sliced.vlan_ids().iter().map(|id| id.value()).filter(|id| *id != 0).collect(),
    };
    match sliced.transport.as_ref() {
        Some(TransportSlice::Tcp(tcp)) => {
            said.ports = Some((tcp.source_port(), tcp.destination_port()));
            said.tcp = Some(TcpFields {
                sequence: tcp.sequence_number(),
                acknowledgement: tcp.acknowledgment_number(),
                flags: tcp.slice()[13],
            });
            said.payload = Some(tcp.payload().to_vec());
        }
        Some(TransportSlice::Udp(udp)) => {
            said.ports = Some((udp.source_port(), udp.destination_port()));
            said.payload = Some(udp.payload().to_vec());
        }
        Some(TransportSlice::Icmpv4(icmp)) => said.icmp = Some((icmp.type_u8(), icmp.code_u8())),
        Some(TransportSlice::Icmpv6(icmp)) => said.icmp = Some((icmp.type_u8(), icmp.code_u8())),
        Some(TransportSlice::Igmp(_)) | None => {}
    }
    Some((said, !payload.incomplete && frame.data.len() as u32 == frame.original_len))
}

fn slice(frame: &Captured) -> Option<LaxSlicedPacket<'_>> {
    let data = frame.data.as_slice();
    match frame.link {
        LinkType::ETHERNET => LaxSlicedPacket::from_ethernet(data).ok(),
        LinkType::RAW | LinkType::IPV4 | LinkType::IPV6 => LaxSlicedPacket::from_ip(data).ok(),
        LinkType::NULL => LaxSlicedPacket::from_ip(data.get(4..)?).ok(),
        LinkType::LINUX_SLL => {
            let kind = u16::from_be_bytes(*data.get(14..)?.first_chunk()?);
            Some(LaxSlicedPacket::from_ether_type(kind.into(), data.get(16..)?))
        }
        _ => None,
    }
}
