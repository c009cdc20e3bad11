//! The datagrams of a UDP flow.

use super::application::{Application, Told};
use super::dtls::{self, DtlsReader};
use super::{Appetite, Side};
use crate::cursor::Cursor;
use crate::{dns, quic, tls};
use std::sync::Arc;
use weir_model::observation::{Fact, TlsTransport};

/// How many datagrams of a flow are looked at before it is given up as unknown. The first tells in all protocols
/// here, except where STUN precedes DTLS or a capture began in the middle.
const MAX_LOOKS: u8 = 12;

/// How many datagrams of a flow on DNS's ports may be no DNS in a row: something else uses the port.
const MAX_REFUSED: u8 = 8;

/// How many datagrams of a QUIC flow are looked at. A handshake's first flights take a dozen; a client whose
/// ClientHello is never whole would be listened to for ever.
const MAX_QUIC_DATAGRAMS: u8 = 64;

/// How many datagrams after the ClientHello the ServerHello is waited for.
const MAX_WAIT_FOR_SERVER: u8 = 16;

/// Reads the datagrams of a UDP flow.
#[derive(Debug)]
pub struct DatagramInspector {
    ports: [u16; 2],
    told: Told,
    state: State,
}

#[derive(Debug)]
enum State {
    /// So many datagrams fitted nothing.
    Undecided(u8),
    /// DNS on one of its ports; so many datagrams in a row were none.
    Dns(Dialect, u8),
    /// DNS on another port.
    DnsElsewhere(u8),
    Quic(Box<QuicFlow>),
    Dtls(Box<DtlsReader>, u8),
    Done,
}

/// Which DNS a port stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Dialect {
    Dns,
    Mdns,
    Llmnr,
}

#[derive(Debug, Default)]
struct QuicFlow {
    connection: quic::Connection,
    datagrams: u8,
    client_done: bool,
    server_done: bool,
}

impl DatagramInspector {
    /// Nothing seen. Ports help only where content leaves a doubt: `a` is the port of side A.
    pub const fn new(a_port: u16, b_port: u16) -> Self {
        let ports = [a_port, b_port];
        let state = match Dialect::of_ports(ports) {
            Some(dialect) => State::Dns(dialect, 0),
            None => State::Undecided(0),
        };
        Self { ports, told: Told::NOTHING, state }
    }

    /// The payload of the next datagram from `side`. [`Appetite::Done`] here means the whole flow: nothing is to be
    /// learnt from the other side either.
    pub fn push(&mut self, side: Side, payload: &[u8], learn: &mut dyn FnMut(Fact)) -> Appetite {
        if payload.is_empty() {
            return self.appetite();
        }
        match &mut self.state {
            State::Dns(dialect, refused) => match (*dialect).read(payload) {
                Some(message) => {
                    *refused = 0;
                    self.told.tell(dialect.application(), learn);
                    learn(Fact::Dns(Arc::new(message)));
                }
                None => self.not_dns(side, payload, learn),
            },
            State::DnsElsewhere(refused) => {
                if dns::looks_like(payload) {
                    *refused = 0;
                    learn_dns(payload, learn);
                } else {
                    *refused += 1;
                    if *refused >= MAX_REFUSED {
                        self.state = State::Done;
                    }
                }
            }
            State::Quic(flow) => {
                if flow.push(side, payload, learn) == Appetite::Done {
                    self.state = State::Done;
                }
            }
            State::Dtls(..) => self.dtls(payload, learn),
            State::Undecided(_) => self.decide(side, payload, learn),
            State::Done => {}
        }
        self.appetite()
    }

    const fn appetite(&self) -> Appetite {
        if matches!(self.state, State::Done) { Appetite::Done } else { Appetite::More }
    }

    /// A datagram on a port of DNS that is none: QUIC and other things use port 53 as well.
    fn not_dns(&mut self, side: Side, payload: &[u8], learn: &mut dyn FnMut(Fact)) {
        let State::Dns(dialect, refused) = self.state else {
            return;
        };
        self.state = State::Undecided(0);
        self.decide(side, payload, learn);
        if matches!(self.state, State::Undecided(_)) {
            let refused = refused + 1;
            self.state = if refused < MAX_REFUSED { State::Dns(dialect, refused) } else { State::Done };
        }
    }

    fn decide(&mut self, side: Side, payload: &[u8], learn: &mut dyn FnMut(Fact)) {
        let State::Undecided(looks) = self.state else {
            return;
        };
        if quic::looks_like(payload).is_some() {
            self.told.tell(Application::Quic, learn);
            let mut flow = Box::<QuicFlow>::default();
            let appetite = flow.push(side, payload, learn);
            self.state = if appetite == Appetite::Done { State::Done } else { State::Quic(flow) };
        } else if dtls::looks_like(payload) {
            self.told.tell(Application::Dtls, learn);
            self.state = State::Dtls(Box::default(), 0);
            self.dtls(payload, learn);
        } else if dns::looks_like(payload) {
            self.told.tell(Application::Dns, learn);
            self.state = State::DnsElsewhere(0);
            learn_dns(payload, learn);
        } else if let Some(application) = named(payload, self.ports) {
            self.told.tell(application, learn);
            // DTLS follows STUN between browsers.
            let goes_on = application == Application::Stun && looks < MAX_LOOKS;
            self.state = if goes_on { State::Undecided(looks + 1) } else { State::Done };
        } else {
            self.state = if looks < MAX_LOOKS { State::Undecided(looks + 1) } else { State::Done };
        }
    }

    fn dtls(&mut self, payload: &[u8], learn: &mut dyn FnMut(Fact)) {
        let State::Dtls(reader, looks) = &mut self.state else {
            return;
        };
        *looks += 1;
        let hello = reader.push(payload).map(|body| tls::client_hello::parse(body, TlsTransport::Dtls));
        let is_over = hello.is_some() || *looks > MAX_LOOKS;
        if let Some(Ok(hello)) = hello {
            learn(Fact::ClientHello(Arc::new(hello)));
        }
        if is_over {
            self.state = State::Done;
        }
    }
}

impl Dialect {
    const fn of_ports([a, b]: [u16; 2]) -> Option<Self> {
        match (a, b) {
            (53, _) | (_, 53) => Some(Self::Dns),
            (5353, _) | (_, 5353) => Some(Self::Mdns),
            (5355, _) | (_, 5355) => Some(Self::Llmnr),
            _ => None,
        }
    }

    const fn application(self) -> Application {
        match self {
            Self::Dns => Application::Dns,
            Self::Mdns => Application::Mdns,
            Self::Llmnr => Application::Llmnr,
        }
    }

    fn read(self, payload: &[u8]) -> Option<weir_model::observation::DnsMessage> {
        match self {
            Self::Dns => dns::parse(payload).ok(),
            Self::Mdns | Self::Llmnr => dns::parse_link_local(payload).ok(),
        }
    }
}

fn learn_dns(payload: &[u8], learn: &mut dyn FnMut(Fact)) {
    if let Ok(message) = dns::parse(payload) {
        learn(Fact::Dns(Arc::new(message)));
    }
}

impl QuicFlow {
    fn push(&mut self, side: Side, datagram: &[u8], learn: &mut dyn FnMut(Fact)) -> Appetite {
        self.datagrams += 1;
        if let Some(progress) = self.connection.push(side, datagram) {
            if !self.client_done {
                self.client(progress.version, learn);
            }
            if !self.server_done {
                self.server(learn);
            }
        }
        let is_over = self.client_done && self.server_done
            || self.connection.is_exhausted()
            || self.datagrams >= if self.client_done { MAX_WAIT_FOR_SERVER } else { MAX_QUIC_DATAGRAMS };
        if is_over { Appetite::Done } else { Appetite::More }
    }

    fn client(&mut self, version: quic::Version, learn: &mut dyn FnMut(Fact)) {
        match message(self.connection.client_handshake(), CLIENT_HELLO) {
            Message::Partial => {}
            Message::Other => self.client_done = true,
            Message::Whole(body) => {
                self.client_done = true;
                self.datagrams = 0;
                if let Ok(hello) = tls::client_hello::parse(body, TlsTransport::Quic(version.number())) {
                    learn(Fact::ClientHello(Arc::new(hello)));
                }
            }
        }
    }

    fn server(&mut self, learn: &mut dyn FnMut(Fact)) {
        match message(self.connection.server_handshake(), SERVER_HELLO) {
            Message::Partial => {}
            Message::Other => self.server_done = true,
            Message::Whole(body) => {
                self.server_done = true;
                if let Ok(hello) = tls::server_hello::parse(body) {
                    learn(Fact::ServerHello(Arc::new(hello)));
                }
            }
        }
    }
}

const CLIENT_HELLO: u8 = 1;
const SERVER_HELLO: u8 = 2;

/// The first message of a handshake.
enum Message<'a> {
    Partial,
    /// Not of the kind that comes first, or longer than is joined.
    Other,
    Whole(&'a [u8]),
}

fn message(handshake: &[u8], kind: u8) -> Message<'_> {
    let mut cursor = Cursor::new(handshake);
    let (Ok(first), Ok(length)) = (cursor.u8(), cursor.u24()) else {
        return Message::Partial;
    };
    if first != kind || length as usize + 4 > quic::MAX_CRYPTO_LEN {
        return Message::Other;
    }
    cursor.take(length as usize).map_or(Message::Partial, Message::Whole)
}

/// Protocols that are told by a few bytes; some only together with their port.
fn named(payload: &[u8], [a, b]: [u16; 2]) -> Option<Application> {
    let on = |port| a == port || b == port;
    let magic_at =
        |offset: usize, magic: &[u8]| payload.get(offset..).is_some_and(|rest| rest.starts_with(magic));
    match payload {
        _ if magic_at(4, &[0x21, 0x12, 0xa4, 0x42])
            && payload.first().is_some_and(|first| first & 0xc0 == 0) =>
        {
            Some(Application::Stun)
        }
        _ if magic_at(236, &[0x63, 0x82, 0x53, 0x63]) => Some(Application::Dhcp),
        [1..=13, _, _, _, 0, ..] if on(546) || on(547) => Some(Application::Dhcpv6),
        [first, ..]
            if on(123) && payload.len() >= 48 && matches!(first >> 3 & 7, 1..=4) && first & 7 != 0 =>
        {
            Some(Application::Ntp)
        }
        [0x30, ..] if on(161) || on(162) => Some(Application::Snmp),
        [1, 0, 0, 0, ..] if payload.len() == 148 => Some(Application::Wireguard),
        [2, 0, 0, 0, ..] if payload.len() == 92 => Some(Application::Wireguard),
        _ if payload.starts_with(b"M-SEARCH * HTTP/1.1") || payload.starts_with(b"NOTIFY * HTTP/1.1") => {
            Some(Application::Ssdp)
        }
        _ if payload.starts_with(b"SIP/2.0 ") => Some(Application::Sip),
        _ if on(5060)
            && (magic_at(0, b"INVITE ") || magic_at(0, b"REGISTER ") || magic_at(0, b"OPTIONS ")) =>
        {
            Some(Application::Sip)
        }
        _ => None,
    }
}
