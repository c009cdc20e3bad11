//! Datagrams made by hand.

use std::net::{IpAddr, Ipv4Addr};

/// The export time of what is built here.
pub(crate) const NOW: u32 = 1_700_000_000;

/// Appends numbers in network order: `bytes![u16 5, u32 7]`.
macro_rules! bytes {
    ($($kind:ident $value:expr),* $(,)?) => {{
        let mut bytes: Vec<u8> = Vec::new();
        $(bytes.extend_from_slice(&<$kind>::to_be_bytes($value));)*
        bytes
    }};
}
pub(crate) use bytes;

pub(crate) fn exporter(number: u32) -> IpAddr {
    IpAddr::V4(Ipv4Addr::from_bits(0xc633_6400 + number))
}

/// A NetFlow v9 datagram 100 seconds after the start of its exporter.
pub(crate) fn v9(source: u32, sequence: u32, sets: &[Vec<u8>]) -> Vec<u8> {
    v9_at(source, sequence, 100_000, NOW, sets)
}

pub(crate) fn v9_at(source: u32, sequence: u32, uptime: u32, seconds: u32, sets: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = bytes![u16 9, u16 1, u32 uptime, u32 seconds, u32 sequence, u32 source];
    bytes.extend(sets.concat());
    bytes
}

pub(crate) fn ipfix(domain: u32, sequence: u32, sets: &[Vec<u8>]) -> Vec<u8> {
    let body = sets.concat();
    let mut bytes = bytes![u16 10, u16 16 + body.len() as u16, u32 NOW, u32 sequence, u32 domain];
    bytes.extend(body);
    bytes
}

/// A set with its header.
pub(crate) fn set(id: u16, body: &[u8]) -> Vec<u8> {
    let mut bytes = bytes![u16 id, u16 4 + body.len() as u16];
    bytes.extend_from_slice(body);
    bytes
}

/// A template: elements and lengths; an element with an enterprise has it in the upper 32 bits.
pub(crate) fn template(id: u16, fields: &[(u64, u16)]) -> Vec<u8> {
    let mut bytes = bytes![u16 id, u16 fields.len() as u16];
    bytes.extend(specifiers(fields));
    bytes
}

/// An options template of IPFIX.
pub(crate) fn options(id: u16, scope: u16, fields: &[(u64, u16)]) -> Vec<u8> {
    let mut bytes = bytes![u16 id, u16 fields.len() as u16, u16 scope];
    bytes.extend(specifiers(fields));
    bytes
}

/// An options template of v9, whose scopes are fields of their own.
pub(crate) fn v9_options(id: u16, scopes: &[(u64, u16)], fields: &[(u64, u16)]) -> Vec<u8> {
    let mut bytes = bytes![u16 id, u16 4 * scopes.len() as u16, u16 4 * fields.len() as u16];
    bytes.extend(specifiers(scopes));
    bytes.extend(specifiers(fields));
    bytes
}

fn specifiers(fields: &[(u64, u16)]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (element, length) in fields {
        let enterprise = (element >> 32) as u32;
        if enterprise == 0 {
            bytes.extend(bytes![u16 * element as u16, u16 * length]);
        } else {
            bytes.extend(bytes![u16 *element as u16 | 0x8000, u16 *length, u32 enterprise]);
        }
    }
    bytes
}

/// An element of an enterprise.
pub(crate) fn of(enterprise: u64, element: u64) -> u64 {
    enterprise << 32 | element
}

/// Source, destination, ports, protocol, bytes, packets.
pub(crate) const FLOW: &[(u64, u16)] = &[(8, 4), (12, 4), (7, 2), (11, 2), (4, 1), (1, 4), (2, 4)];

/// A record of [`FLOW`].
pub(crate) fn flow(last: u8) -> Vec<u8> {
    bytes![u32 0x0a00_0001, u32 0xc000_0200 + u32::from(last), u16 40_000, u16 443, u8 6, u32 1_000, u32 10]
}
