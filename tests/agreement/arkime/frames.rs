//! Lengths of the frames that Arkime counted to a session.
//!
//! Arkime counts the bytes of whole frames, and the payload that it could put in order; we count from the IP header on,
//! and the payload that was sent. What both define is read here, from the length fields of the very frames that Arkime
//! lists, by a reader that shares nothing with the program's.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::Path;

/// A pcap file (Arkime's captures are nothing else).
pub(super) struct Capture {
    bytes: Vec<u8>,
    big_endian: bool,
    link_type: u32,
}

impl Capture {
    pub(super) fn read(path: &Path) -> Option<Self> {
        let bytes = std::fs::read(path).ok()?;
        let big_endian = match bytes.get(..4)? {
            [0xa1, 0xb2, 0xc3, 0xd4] | [0xa1, 0xb2, 0x3c, 0x4d] => true,
            [0xd4, 0xc3, 0xb2, 0xa1] | [0x4d, 0x3c, 0xb2, 0xa1] => false,
            _ => return None,
        };
        let mut capture = Self { bytes, big_endian, link_type: 0 };
        capture.link_type = capture.number(20)?;
        Some(capture)
    }

    /// What each of two addresses sent in the frames at these positions, if all of them are plain.
    pub(super) fn sent(&self, positions: &[u64], ends: [IpAddr; 2]) -> Option<[Sent; 2]> {
        let mut sent = [Sent { bytes: 0, payload_bytes: Some(0) }; 2];
        for position in positions {
            let packet = header(self.network_layer(usize::try_from(*position).ok()?)?)?;
            let sent = &mut sent[ends.iter().position(|end| *end == packet.source)?];
            sent.bytes += packet.bytes;
            sent.payload_bytes = sent.payload_bytes.zip(packet.payload_bytes).map(|(one, other)| one + other);
        }
        Some(sent)
    }

    /// What follows the link header of the frame at a position.
    fn network_layer(&self, position: usize) -> Option<&[u8]> {
        let length = self.number(position + 8)? as usize;
        let frame = self.bytes.get(position + 16..)?.get(..length)?;
        match self.link_type {
            0 => frame.get(4..),
            1 => {
                let mut header = 12;
                while matches!(frame.get(header..header + 2)?, [0x81 | 0x91, 0] | [0x88, 0xa8]) {
                    header += 4;
                }
                matches!(frame.get(header..header + 2)?, [0x08, 0] | [0x86, 0xdd])
                    .then(|| &frame[header + 2..])
            }
            12 | 101 => Some(frame),
            113 => frame.get(16..),
            _ => None,
        }
    }

    fn number(&self, position: usize) -> Option<u32> {
        let bytes: [u8; 4] = self.bytes.get(position..position + 4)?.try_into().ok()?;
        Some(if self.big_endian { u32::from_be_bytes(bytes) } else { u32::from_le_bytes(bytes) })
    }
}

/// What one end sent.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sent {
    /// From the IP header on.
    pub(super) bytes: u64,
    /// After the header of TCP or UDP, where every packet has one.
    pub(super) payload_bytes: Option<u64>,
}

struct Packet {
    source: IpAddr,
    bytes: u64,
    payload_bytes: Option<u64>,
}

/// What the header of an IP packet says.
fn header(packet: &[u8]) -> Option<Packet> {
    let word = |position: usize| {
        Some(u64::from(u16::from_be_bytes([*packet.get(position)?, *packet.get(position + 1)?])))
    };
    let (source, protocol, header, bytes, fragment) = match packet.first()? >> 4 {
        4 => {
            let source: [u8; 4] = packet.get(12..16)?.try_into().ok()?;
            let header = u64::from(packet[0] & 15) * 4;
            (IpAddr::V4(Ipv4Addr::from(source)), packet[9], header, word(2)?, word(6)? & 0x3fff != 0)
        }
        6 => {
            let source: [u8; 16] = packet.get(8..24)?.try_into().ok()?;
            (IpAddr::V6(Ipv6Addr::from(source)), packet[6], 40, 40 + word(4)?, false)
        }
        _ => return None,
    };
    let transport = match protocol {
        6 => packet.get(header as usize + 12).map(|offset| u64::from(offset >> 4) * 4),
        17 => Some(8),
        _ => None,
    };
    let payload_bytes = transport.filter(|_| !fragment).and_then(|length| bytes.checked_sub(header + length));
    Some(Packet { source, bytes, payload_bytes })
}
