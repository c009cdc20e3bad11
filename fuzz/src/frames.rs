//! Frames of all link types, one after the other, so that fragments meet and expire.

use crate::events;
use std::time::Duration;
use weir_model::Timestamp;
use weir_model::frame::{Frame, LinkType};
use weir_wire::decode::{DecodeConfig, Decoder};
use weir_wire::{DatagramInspector, Side, StreamInspector, Transport, peek};

const LINKS: [LinkType; 32] = [
    LinkType::ETHERNET,
    LinkType::NULL,
    LinkType::PPP,
    LinkType::RAW_BSD,
    LinkType::RAW_OPENBSD,
    LinkType::PPP_HDLC,
    LinkType::PPP_ETHER,
    LinkType::ATM_RFC1483,
    LinkType::RAW,
    LinkType::CISCO_HDLC,
    LinkType::IEEE802_11,
    LinkType::FRAME_RELAY,
    LinkType::LOOP,
    LinkType::LINUX_SLL,
    LinkType::IEEE802_11_PRISM,
    LinkType::IEEE802_11_RADIOTAP,
    LinkType::PPI,
    LinkType::IPV4,
    LinkType::IPV6,
    LinkType::NFLOG,
    LinkType::LINUX_SLL2,
    LinkType(0xffff),
    LinkType::ETHERNET,
    LinkType::ETHERNET,
    LinkType::ETHERNET,
    LinkType::ETHERNET,
    LinkType::ETHERNET,
    LinkType::ETHERNET,
    LinkType::ETHERNET,
    LinkType::ETHERNET,
    LinkType::ETHERNET,
    LinkType::ETHERNET,
];

/// What the fuzz target does with its input.
pub fn run(input: &[u8]) {
    let config =
        DecodeConfig { fragment_bytes_max: 4_000, fragment_datagrams_max: 8, ..DecodeConfig::default() };
    let mut decoder = Decoder::new(config);
    let mut now = Timestamp::new(1_700_000_000, 0);
    let mut frames = 0;
    for (number, event) in (1..).zip(events::of(input)) {
        now = now + Duration::from_secs(event.seconds);
        let beyond = if event.keeps_lengths { 100 } else { 0 };
        let frame = Frame {
            number,
            time: now,
            link: LINKS[usize::from(event.kind)],
            original_len: event.body.len() as u32 + beyond,
            data: event.body,
        };
        let _ = peek(&frame);
        decoder.decode(&frame, &mut |packet| {
            frames += u64::from(packet.frames);
            assert!(packet.payload.len() <= packet.payload_len as usize);
            inspect(packet.transport, packet.source.port, packet.destination.port, packet.payload);
        });
        assert_eq!(decoder.stats().balance(), 0);
    }
    decoder.finish(&mut |packet| frames += u64::from(packet.frames));
    let stats = decoder.stats();
    assert_eq!(stats.balance(), 0);
    assert_eq!(stats.frames, frames + stats.not_ip_frames() + stats.undecodable_frames());
}

fn inspect(transport: Transport, source: u16, destination: u16, payload: &[u8]) {
    let mut learn = |fact| drop(format!("{fact:?}"));
    match transport {
        Transport::Udp => {
            let _ = DatagramInspector::new(source, destination).push(Side::A, payload, &mut learn);
        }
        Transport::Tcp(_) => {
            let _ = StreamInspector::new(source, destination).push(Side::A, payload, &mut learn);
        }
        Transport::Icmp { .. } | Transport::Other => {}
    }
}
