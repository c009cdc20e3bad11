//! The packets of one conversation, in order.

use super::chance::Chance;
use super::names::Site;
use super::packet::{self, Tcp};
use super::quic::From;
use super::{dns, quic, tls};
use std::collections::VecDeque;
use std::net::IpAddr;
use weir_model::Endpoint;
use weir_wire::TcpFields;

const SYN: u8 = TcpFields::SYN;
const ACK: u8 = TcpFields::ACK;
const PSH: u8 = TcpFields::PSH;
const FIN: u8 = TcpFields::FIN;
const RST: u8 = TcpFields::RST;

/// The longest payload that fits into 1500 bytes in either family, by transport header.
const TCP_PAYLOAD_BYTES: usize = 1440;
const UDP_PAYLOAD_BYTES: usize = 1252;
/// IP packets of 576 bytes, the middle size of IMIX.
const MIDDLE_PAYLOAD_BYTES: usize = 536;
const TLS_RECORD_HEADER_BYTES: usize = 5;

/// A conversation: a beginning, a bulk of so many packets, an end.
#[derive(Debug)]
pub(super) struct Conversation {
    client: Half,
    server: Half,
    transport: Transport,
    beginning: VecDeque<Turn>,
    bulk: Bulk,
    bulk_packets: u64,
    end: VecDeque<Turn>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    Client,
    Server,
}

#[derive(Debug)]
struct Half {
    end: Endpoint,
    next_sequence: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Transport {
    Tcp,
    Udp,
}

/// One packet to come; UDP has no flags.
#[derive(Debug)]
struct Turn {
    side: Side,
    flags: u8,
    payload: Vec<u8>,
}

/// What the bulk looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Bulk {
    Plain,
    TlsRecords,
    /// Every segment is full, and every third packet acknowledges.
    FullTlsRecords,
    Datagrams,
}

impl Conversation {
    /// TLS over TCP: handshake, `bulk_packets`, orderly end.
    pub(super) fn tls(
        chance: &mut Chance,
        [client, server]: [Endpoint; 2],
        site: Site,
        bulk_packets: u64,
    ) -> Self {
        let is_post_quantum = chance.happens(500);
        let hello = tls::client_hello(chance, &site.name(), &["h2", "http/1.1"], is_post_quantum);
        let answer = tls::server_hello(chance);
        let answer = tls::server_flight(chance, &answer);
        let mut conversation = Self::tcp(chance, client, server, Bulk::TlsRecords, bulk_packets);
        conversation.say(Side::Client, &tls::client_flight(&hello));
        conversation.say(Side::Server, &answer);
        conversation
    }

    /// TLS over TCP that never ends and fills its packets.
    pub(super) fn elephant(chance: &mut Chance, ends: [Endpoint; 2], site: Site) -> Self {
        Self { bulk: Bulk::FullTlsRecords, ..Self::tls(chance, ends, site, u64::MAX) }
    }

    /// A request and its answer over plain HTTP/1.1.
    pub(super) fn http(
        chance: &mut Chance,
        [client, server]: [Endpoint; 2],
        site: Site,
        bulk_packets: u64,
    ) -> Self {
        let (name, page) = (site.name(), chance.below(1000));
        let request = format!(
            "GET /page/{page} HTTP/1.1\r\nHost: {name}\r\nUser-Agent: weir-traffic\r\nAccept: */*\r\n\r\n"
        );
        let answer = "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nConnection: close\r\n\r\n";
        let mut conversation = Self::tcp(chance, client, server, Bulk::Plain, bulk_packets);
        conversation.say(Side::Client, request.as_bytes());
        conversation.say(Side::Server, answer.as_bytes());
        conversation
    }

    /// QUIC version 1: the hellos in Initial packets, then short headers.
    pub(super) fn quic(
        chance: &mut Chance,
        [client, server]: [Endpoint; 2],
        site: Site,
        bulk_packets: u64,
    ) -> Self {
        let is_post_quantum = chance.happens(500);
        let hello = tls::client_hello(chance, &site.name(), &["h3"], is_post_quantum);
        let answer = tls::server_hello(chance);
        let first_destination = chance.bytes();
        let mut conversation = Self::udp(client, server, bulk_packets);
        for (side, from, message) in
            [(Side::Client, From::Client, hello), (Side::Server, From::Server, answer)]
        {
            for datagram in quic::initials(from, first_destination, &message) {
                conversation.turn(side, 0, datagram);
            }
        }
        conversation
    }

    /// A question to a name server and the answer, the site's address.
    pub(super) fn dns(chance: &mut Chance, [client, server]: [Endpoint; 2], site: Site, is_v6: bool) -> Self {
        let (id, name) = (chance.next() as u16, site.name());
        let mut conversation = Self::udp(client, server, 0);
        conversation.turn(Side::Client, 0, dns::question(id, &name, is_v6));
        conversation.turn(Side::Server, 0, dns::answer(id, &name, site.address(is_v6)));
        conversation
    }

    /// Datagrams that nobody can read.
    pub(super) fn datagrams([client, server]: [Endpoint; 2], packets: u64) -> Self {
        Self::udp(client, server, packets)
    }

    /// A SYN, and what comes back.
    pub(super) fn probe(chance: &mut Chance, [client, server]: [Endpoint; 2], answer: Answer) -> Self {
        let mut conversation = Self::empty(chance, client, server);
        conversation.turn(Side::Client, SYN, Vec::new());
        match answer {
            Answer::Nothing => {}
            Answer::Refused => conversation.turn(Side::Server, RST | ACK, Vec::new()),
            Answer::Open => {
                conversation.turn(Side::Server, SYN | ACK, Vec::new());
                conversation.turn(Side::Client, RST, Vec::new());
            }
        }
        conversation
    }

    /// Whether nothing is left to be said.
    pub(super) fn is_over(&self) -> bool {
        self.beginning.is_empty() && self.bulk_packets == 0 && self.end.is_empty()
    }

    /// How many packets it sends in a row when it is its turn: large transfers are fast ones.
    pub(super) fn train(&self) -> u64 {
        (1 + self.bulk_packets / 32).min(64)
    }

    /// Writes the next packet; nothing when it is over. Bulk payloads are cut from `filler`.
    pub(super) fn next(&mut self, chance: &mut Chance, filler: &[u8], frame: &mut Vec<u8>) {
        if let Some(turn) = self.beginning.pop_front() {
            self.write(&turn, frame);
        } else if let Some(rest) = self.bulk_packets.checked_sub(1) {
            self.bulk_packets = rest;
            let turn = self.bulk_turn(chance, filler);
            self.write(&turn, frame);
        } else if let Some(turn) = self.end.pop_front() {
            self.write(&turn, frame);
        }
    }

    fn empty(chance: &mut Chance, client: Endpoint, server: Endpoint) -> Self {
        Self {
            client: Half { end: client, next_sequence: chance.next() as u32 },
            server: Half { end: server, next_sequence: chance.next() as u32 },
            transport: Transport::Tcp,
            beginning: VecDeque::new(),
            bulk: Bulk::Plain,
            bulk_packets: 0,
            end: VecDeque::new(),
        }
    }

    fn tcp(chance: &mut Chance, client: Endpoint, server: Endpoint, bulk: Bulk, bulk_packets: u64) -> Self {
        let mut conversation = Self { bulk, bulk_packets, ..Self::empty(chance, client, server) };
        for (side, flags) in [(Side::Client, SYN), (Side::Server, SYN | ACK), (Side::Client, ACK)] {
            conversation.turn(side, flags, Vec::new());
        }
        let last = [(Side::Server, FIN | ACK), (Side::Client, FIN | ACK), (Side::Server, ACK)];
        conversation.end = last.map(|(side, flags)| Turn { side, flags, payload: Vec::new() }).into();
        conversation
    }

    fn udp(client: Endpoint, server: Endpoint, bulk_packets: u64) -> Self {
        let (client, server) =
            (Half { end: client, next_sequence: 0 }, Half { end: server, next_sequence: 0 });
        let (beginning, end) = (VecDeque::new(), VecDeque::new());
        let (transport, bulk) = (Transport::Udp, Bulk::Datagrams);
        Self { client, server, transport, beginning, bulk, bulk_packets, end }
    }

    fn turn(&mut self, side: Side, flags: u8, payload: Vec<u8>) {
        self.beginning.push_back(Turn { side, flags, payload });
    }

    /// Data in as many segments as it takes, and the other side's acknowledgement.
    fn say(&mut self, side: Side, data: &[u8]) {
        for segment in data.chunks(TCP_PAYLOAD_BYTES) {
            self.turn(side, PSH | ACK, segment.to_vec());
        }
        self.turn(side.other(), ACK, Vec::new());
    }

    fn bulk_turn(&self, chance: &mut Chance, filler: &[u8]) -> Turn {
        let (side, bytes) = match self.bulk {
            Bulk::FullTlsRecords if chance.below(3) == 0 => (Side::Client, 0),
            Bulk::FullTlsRecords => (Side::Server, TCP_PAYLOAD_BYTES),
            Bulk::Plain | Bulk::TlsRecords => mixed_size(chance, 0, TCP_PAYLOAD_BYTES),
            Bulk::Datagrams => mixed_size(chance, 33, UDP_PAYLOAD_BYTES),
        };
        let start = chance.below(filler.len().saturating_sub(bytes) as u64) as usize;
        let cut = |bytes| filler.get(start..start + bytes).unwrap_or_default();
        let payload = match self.bulk {
            Bulk::TlsRecords | Bulk::FullTlsRecords if bytes > TLS_RECORD_HEADER_BYTES => {
                tls::application_data(cut(bytes - TLS_RECORD_HEADER_BYTES))
            }
            Bulk::Plain | Bulk::TlsRecords | Bulk::FullTlsRecords => cut(bytes).to_vec(),
            Bulk::Datagrams => short_header(cut(bytes)),
        };
        let flags = if payload.is_empty() { ACK } else { PSH | ACK };
        Turn { side, flags, payload }
    }

    fn write(&mut self, turn: &Turn, frame: &mut Vec<u8>) {
        let (mine, theirs) = match turn.side {
            Side::Client => (&mut self.client, &self.server),
            Side::Server => (&mut self.server, &self.client),
        };
        let ends = [mine.end, theirs.end];
        if self.transport == Transport::Udp {
            packet::udp(frame, ends, &turn.payload);
            return;
        }
        let acknowledgement = if turn.flags & ACK == 0 { 0 } else { theirs.next_sequence };
        let head = Tcp { sequence: mine.next_sequence, acknowledgement, flags: turn.flags };
        packet::tcp(frame, ends, head, &turn.payload);
        let counted = turn.payload.len() as u32 + u32::from(turn.flags & (SYN | FIN) != 0);
        mine.next_sequence = mine.next_sequence.wrapping_add(counted);
    }
}

/// What a probe meets.
#[derive(Clone, Copy, Debug)]
pub(super) enum Answer {
    Nothing,
    Refused,
    Open,
}

impl Side {
    const fn other(self) -> Self {
        match self {
            Self::Client => Self::Server,
            Self::Server => Self::Client,
        }
    }
}

/// The three sizes of IMIX, small : middle : full as 5 : 1 : 6. IMIX itself says 7 : 4 : 1, which is a mean of 340 bytes;
/// downloads today have more than twice as much. Small ones come from the client.
fn mixed_size(chance: &mut Chance, small: usize, full: usize) -> (Side, usize) {
    match chance.below(12) {
        0..5 => (Side::Client, small),
        5 => (Side::Server, MIDDLE_PAYLOAD_BYTES),
        _ => (Side::Server, full),
    }
}

/// As a packet of QUIC with a short header (RFC 9000, section 17.3.1).
fn short_header(encrypted: &[u8]) -> Vec<u8> {
    let mut datagram = encrypted.to_vec();
    if let Some(first) = datagram.first_mut() {
        *first = *first & 0x3f | 0x40;
    }
    datagram
}

/// Both ends of a conversation.
pub(super) fn ends(client: IpAddr, client_port: u16, server: IpAddr, server_port: u16) -> [Endpoint; 2] {
    [Endpoint::new(client, client_port), Endpoint::new(server, server_port)]
}
