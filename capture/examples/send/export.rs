//! The datagrams of a router: NetFlow v5, v9 (RFC 3954) or IPFIX (RFC 7011).

use std::str::FromStr;
use std::time::Duration;

/// Datagrams from one template to the next.
const TEMPLATE_EVERY: u32 = 1000;

/// Number and length of each field of a record, in v9 and up to the interfaces in IPFIX: addresses, ports, protocol, TOS, flags,
/// packets, bytes, interfaces.
const FIELDS: [(u16, u16); 11] =
    [(8, 4), (12, 4), (7, 2), (11, 2), (4, 1), (5, 1), (6, 1), (2, 4), (1, 4), (10, 4), (14, 4)];
/// First and last by uptime, next hop, masks.
const FIELDS_V9: [(u16, u16); 5] = [(22, 4), (21, 4), (15, 4), (9, 1), (13, 1)];
/// First and last in milliseconds of the epoch.
const FIELDS_IPFIX: [(u16, u16); 2] = [(152, 8), (153, 8)];

/// How long the router is up; its clock goes on.
const UPTIME_MS: u32 = 3_600_000;

/// Which protocol.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Version {
    V5,
    V9,
    Ipfix,
}

impl FromStr for Version {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        match name {
            "v5" => Ok(Self::V5),
            "v9" => Ok(Self::V9),
            "ipfix" => Ok(Self::Ipfix),
            other => Err(format!("{other}: v5, v9 or ipfix")),
        }
    }
}

impl Version {
    const fn records(self) -> u32 {
        match self {
            Self::V5 | Self::Ipfix => 30,
            Self::V9 => 31,
        }
    }
}

/// From which end of a conversation a flow goes.
#[derive(Clone, Copy)]
enum Way {
    ToServer,
    ToClient,
}

/// A router that exports.
pub(crate) struct Exporter {
    version: Version,
    /// Sets without their headers.
    bodies: Vec<Vec<u8>>,
    next: Vec<Vec<u8>>,
    sent: u32,
    sequence: u32,
}

impl Exporter {
    /// One with so many conversations, whose flows ended a second before `now`: records of all that went to servers, and then of
    /// all that came back.
    pub(crate) fn new(version: Version, conversations: u32, now: Duration) -> Self {
        let datagrams = conversations.div_ceil(version.records()).max(1);
        let way = |way| (0..datagrams).map(move |number| body(version, number, way, now));
        let bodies = way(Way::ToServer).chain(way(Way::ToClient)).collect();
        Self { version, bodies, next: Vec::new(), sent: 0, sequence: 0 }
    }

    /// The next datagrams, and how many records are in them.
    pub(crate) fn next(&mut self, count: usize, now: Duration) -> (&[Vec<u8>], u64) {
        self.next.resize_with(count, Vec::new);
        for datagram in &mut self.next {
            datagram.clear();
            let with_template = self.sent.is_multiple_of(TEMPLATE_EVERY) && self.version != Version::V5;
            header(datagram, self.version, with_template, self.sequence, now);
            if with_template {
                template(datagram, self.version);
            }
            let body = self.bodies.get(self.sent as usize % self.bodies.len().max(1));
            datagram.extend_from_slice(body.map_or(&[], Vec::as_slice));
            if self.version == Version::Ipfix {
                let len = datagram.len() as u16;
                datagram.get_mut(2..4).map(|at| at.copy_from_slice(&len.to_be_bytes())).unwrap_or_default();
            }
            self.sent = self.sent.wrapping_add(1);
            let counted = if self.version == Version::V9 { 1 } else { self.version.records() };
            self.sequence = self.sequence.wrapping_add(counted);
        }
        (&self.next, count as u64 * u64::from(self.version.records()))
    }
}

fn header(to: &mut Vec<u8>, version: Version, with_template: bool, sequence: u32, now: Duration) {
    let seconds = now.as_secs() as u32;
    let records = version.records() as u16;
    match version {
        Version::V5 => {
            put16(to, &[5, records]);
            put32(to, &[UPTIME_MS, seconds, now.subsec_nanos(), sequence, 0]);
        }
        Version::V9 => {
            put16(to, &[9, records + u16::from(with_template)]);
            put32(to, &[UPTIME_MS, seconds, sequence, 1]);
        }
        Version::Ipfix => {
            put16(to, &[10, 0]);
            put32(to, &[seconds, sequence, 1]);
        }
    }
}

fn template(to: &mut Vec<u8>, version: Version) {
    let (set, own) = match version {
        Version::Ipfix => (2, &FIELDS_IPFIX[..]),
        _ => (0, &FIELDS_V9[..]),
    };
    let count = (FIELDS.len() + own.len()) as u16;
    put16(to, &[set, 8 + 4 * count, 256, count]);
    for (number, length) in FIELDS.iter().chain(own) {
        put16(to, &[*number, *length]);
    }
}

/// The records, as a set where there are sets.
fn body(version: Version, number: u32, way: Way, now: Duration) -> Vec<u8> {
    let mut body = Vec::new();
    if version != Version::V5 {
        put16(&mut body, &[256, 0]);
    }
    for at in 0..version.records() {
        record(&mut body, version, number * version.records() + at, way, now);
    }
    if version != Version::V5 {
        body.resize(body.len().next_multiple_of(4), 0);
        let len = body.len() as u16;
        body.get_mut(2..4).map(|at| at.copy_from_slice(&len.to_be_bytes())).unwrap_or_default();
    }
    body
}

/// A flow between a client in 10.0.0.0/8 and a server in 198.18.0.0/15 (RFC 2544).
fn record(to: &mut Vec<u8>, version: Version, flow: u32, way: Way, now: Duration) {
    let client = 0x0a00_0000 + flow.wrapping_mul(2_654_435_761) % (1 << 24);
    let server = 0xc612_0000 + flow.wrapping_mul(40_503) % (1 << 17);
    let client_port = 1024 + (flow % 60_000) as u16;
    let (addresses, ports) = match way {
        Way::ToServer => ([client, server], [client_port, 443]),
        Way::ToClient => ([server, client], [443, client_port]),
    };
    let (packets, bytes) = (1 + flow % 50, 40 * (1 + flow % 50) + flow % 30_000);
    let (first, last) = (UPTIME_MS - 5_000, UPTIME_MS - 1_000);
    put32(to, &addresses);
    if version == Version::V5 {
        put32(to, &[0x0a00_0001]);
        put16(to, &[1, 2]);
        put32(to, &[packets, bytes, first, last]);
        put16(to, &ports);
        to.extend([0, 0x1b, 6, 0]);
        put16(to, &[64_500, 64_501]);
        to.extend([24, 24, 0, 0]);
        return;
    }
    put16(to, &ports);
    to.extend([6, 0, 0x1b]);
    put32(to, &[packets, bytes, 1, 2]);
    if version == Version::V9 {
        put32(to, &[first, last, 0x0a00_0001]);
        to.extend([24, 24]);
    } else {
        let millis = now.as_millis() as u64;
        to.extend((millis - 5_000).to_be_bytes());
        to.extend((millis - 1_000).to_be_bytes());
    }
}

fn put16(to: &mut Vec<u8>, numbers: &[u16]) {
    to.extend(numbers.iter().flat_map(|number| number.to_be_bytes()));
}

fn put32(to: &mut Vec<u8>, numbers: &[u32]) {
    to.extend(numbers.iter().flat_map(|number| number.to_be_bytes()));
}
