//! Datagrams as routers send them, made by hand.

use std::net::Ipv4Addr;
use std::time::{SystemTime, UNIX_EPOCH};

/// One direction of a conversation, as a record tells it.
#[derive(Clone, Copy)]
pub(crate) struct Told {
    pub(crate) source: Ipv4Addr,
    pub(crate) destination: Ipv4Addr,
    pub(crate) ports: (u16, u16),
    pub(crate) packets: u32,
    pub(crate) bytes: u32,
}

impl Told {
    /// 10 packets of 1,000 bytes over TCP from a high port to 443.
    pub(crate) fn new(source: [u8; 4], destination: [u8; 4]) -> Self {
        let ports = (40_000 + u16::from(source[3]), 443);
        Self { source: source.into(), destination: destination.into(), ports, packets: 10, bytes: 10_000 }
    }

    /// The answer.
    pub(crate) const fn back(self) -> Self {
        let ports = (self.ports.1, self.ports.0);
        Self { source: self.destination, destination: self.source, ports, ..self }
    }
}

const TCP: u8 = 6;
/// Half a minute: the exporter's uptime at the first packet, in ms.
const FIRST: u32 = 30_000;
/// Its uptime at the last packet.
const LAST: u32 = 59_000;
/// Its uptime when it sends.
const UPTIME: u32 = 60_000;

fn seconds() -> u32 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs() as u32)
}

/// Appends numbers in network order.
macro_rules! put {
    ($bytes:ident; $($kind:ident $value:expr),* $(,)?) => {
        $($bytes.extend_from_slice(&<$kind>::to_be_bytes($value));)*
    };
}

/// NetFlow v5.
pub(crate) fn v5(sequence: u32, flows: &[Told]) -> Vec<u8> {
    let mut bytes = Vec::new();
    put!(bytes; u16 5, u16 flows.len() as u16, u32 UPTIME, u32 seconds(), u32 0, u32 sequence, u8 0, u8 0, u16 0);
    for flow in flows {
        put!(bytes; u32 flow.source.to_bits(), u32 flow.destination.to_bits(), u32 0, u16 1, u16 2);
        put!(bytes; u32 flow.packets, u32 flow.bytes, u32 FIRST, u32 LAST, u16 flow.ports.0, u16 flow.ports.1);
        put!(bytes; u8 0, u8 0x1b, u8 TCP, u8 0, u16 0, u16 0, u8 24, u8 24, u16 0);
    }
    bytes
}

/// Elements of the template below: addresses, ports, protocol, flags, packets, bytes, first, last.
const FIELDS: [(u16, u16); 10] =
    [(8, 4), (12, 4), (7, 2), (11, 2), (4, 1), (6, 1), (2, 4), (1, 4), (22, 4), (21, 4)];
const TEMPLATE: u16 = 256;

/// What a v9 or IPFIX datagram carries.
pub(crate) enum Part<'a> {
    /// The template of [`Part::Data`].
    Template,
    Data(&'a [Told]),
}

fn template() -> Vec<u8> {
    let mut bytes = Vec::new();
    put!(bytes; u16 TEMPLATE, u16 FIELDS.len() as u16);
    for (element, length) in FIELDS {
        put!(bytes; u16 element, u16 length);
    }
    bytes
}

fn data(flows: &[Told], first: u32, last: u32) -> Vec<u8> {
    let mut bytes = Vec::new();
    for flow in flows {
        put!(bytes; u32 flow.source.to_bits(), u32 flow.destination.to_bits(), u16 flow.ports.0, u16 flow.ports.1);
        put!(bytes; u8 TCP, u8 0x1b, u32 flow.packets, u32 flow.bytes, u32 first, u32 last);
    }
    bytes
}

fn set(id: u16, mut body: Vec<u8>) -> Vec<u8> {
    while !body.len().is_multiple_of(4) {
        body.push(0);
    }
    let mut bytes = Vec::new();
    put!(bytes; u16 id, u16 4 + body.len() as u16);
    bytes.extend(body);
    bytes
}

/// NetFlow v9.
pub(crate) fn v9(sequence: u32, parts: &[Part<'_>]) -> Vec<u8> {
    let count: usize =
        parts.iter().map(|part| if let Part::Data(flows) = part { flows.len() } else { 1 }).sum();
    let mut bytes = Vec::new();
    put!(bytes; u16 9, u16 count as u16, u32 UPTIME, u32 seconds(), u32 sequence, u32 7);
    for part in parts {
        bytes.extend(match part {
            Part::Template => set(0, template()),
            Part::Data(flows) => set(TEMPLATE, data(flows, FIRST, LAST)),
        });
    }
    bytes
}

/// IPFIX; its template says seconds (elements 150, 151) where that of v9 says uptimes.
pub(crate) fn ipfix(sequence: u32, parts: &[Part<'_>]) -> Vec<u8> {
    let now = seconds();
    let mut body = Vec::new();
    for part in parts {
        body.extend(match part {
            Part::Template => {
                let mut template = template();
                let (keep, _) = template.split_at(template.len() - 8);
                template = keep.to_vec();
                put!(template; u16 150, u16 4, u16 151, u16 4);
                set(2, template)
            }
            Part::Data(flows) => set(TEMPLATE, data(flows, now - 30, now - 1)),
        });
    }
    let mut bytes = Vec::new();
    put!(bytes; u16 10, u16 16 + body.len() as u16, u32 now, u32 sequence, u32 7);
    bytes.extend(body);
    bytes
}

/// sFlow v5: a flow sample with the headers of a UDP packet, one of 100.
pub(crate) fn sflow(sequence: u32, flow: Told) -> Vec<u8> {
    sflow_of(sequence, flow, &[0xa5; 20])
}

/// The same, of a packet with this in it.
pub(crate) fn sflow_of(sequence: u32, flow: Told, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0, 0x45, 0];
    put!(frame; u16 20 + 8 + payload.len() as u16, u16 1, u16 0, u8 64, u8 17, u16 0);
    put!(frame; u32 flow.source.to_bits(), u32 flow.destination.to_bits());
    put!(frame; u16 flow.ports.0, u16 flow.ports.1, u16 8 + payload.len() as u16, u16 0);
    frame.extend(payload);
    let length = frame.len() as u32;
    let mut record = Vec::new();
    // Raw packet header: Ethernet, length on the wire, stripped, length here.
    put!(record; u32 1, u32 16 + length.next_multiple_of(4), u32 1, u32 length + 4, u32 4, u32 length);
    record.extend(frame);
    record.resize(record.len().next_multiple_of(4), 0);
    let mut sample = Vec::new();
    put!(sample; u32 sequence, u32 3, u32 100, u32 100 * sequence, u32 0, u32 3, u32 4, u32 1);
    sample.extend(record);
    let mut bytes = Vec::new();
    put!(bytes; u32 5, u32 1, u32 0x7f00_0001, u32 0, u32 sequence, u32 UPTIME, u32 1);
    put!(bytes; u32 1, u32 sample.len() as u32);
    bytes.extend(sample);
    bytes
}
