//! The two byte streams of a TCP connection.

use super::application::{Application, Told};
use super::recognise::{self, Around, Finding, Start};
use super::socks::{self, SocksReader};
use super::starttls::{self, TextReader};
use super::{Appetite, Side};
use crate::http::{Exchange, Progress, RequestReader, ResponseReader, request_facts};
use crate::{dns, http2, tls};
use std::sync::Arc;
use weir_model::observation::{Fact, Sender, TlsTransport};

/// Most bytes of a direction that are held while it is undecided what they begin.
const MAX_LOOK_LEN: usize = recognise::MAX_LOOK_LEN;

/// How often one direction may turn out to begin something (a PROXY header, SOCKS, CONNECT and TLS inside each other
/// make four). A stream made of nothing but beginnings would be looked at for ever.
const MAX_BEGINNINGS: u8 = 16;

/// Reads the two byte streams of a TCP connection (in order, without gaps) as far as names need it.
#[derive(Debug)]
pub struct StreamInspector {
    ports: [u16; 2],
    told: Told,
    a: Direction,
    b: Direction,
    exchange: Option<Box<Exchange>>,
}

#[derive(Debug)]
struct Direction {
    reader: Reader,
    beginnings: u8,
    asked_socks: bool,
}

/// What a direction is read as. Boxes, because most directions need none of them for long.
#[derive(Debug)]
enum Reader {
    /// Undecided: the bytes so far, and how TLS would have come about.
    Undecided(Vec<u8>, TlsTransport),
    /// So many bytes belong to a header that says nothing; then anew.
    Skip(usize, TlsTransport),
    Tls(Box<tls::Reader>),
    Requests(Box<RequestReader>),
    Responses(Box<ResponseReader>),
    Http2(Box<http2::Reader>),
    Dns(Box<dns::TcpReader>),
    Text(Box<TextReader>),
    Socks(Box<SocksReader>),
    Done,
}

/// What a reader did with bytes: how many it used, and what follows it when it ended.
type Step = (usize, Option<Reader>);

impl StreamInspector {
    /// Nothing seen. Ports help only where content leaves a doubt: `a` is the port of side A.
    pub const fn new(a_port: u16, b_port: u16) -> Self {
        const UNDECIDED: Direction = Direction {
            reader: Reader::Undecided(Vec::new(), TlsTransport::Tcp),
            beginnings: 0,
            asked_socks: false,
        };
        Self { ports: [a_port, b_port], told: Told::NOTHING, a: UNDECIDED, b: UNDECIDED, exchange: None }
    }

    /// The next bytes that `side` sent; `learn` is called with each fact.
    pub fn push(&mut self, side: Side, bytes: &[u8], learn: &mut dyn FnMut(Fact)) -> Appetite {
        let direction = self.direction(side);
        let mut current = std::mem::replace(&mut direction.reader, Reader::Done);
        let mut rest = bytes;
        // Bytes that were held while it was undecided what they begin are read before the rest.
        let mut held = Vec::new();
        loop {
            let now = if held.is_empty() { rest } else { &held };
            if now.is_empty() || matches!(current, Reader::Done) {
                break;
            }
            let (used, next) = self.step(side, &mut current, now, learn);
            if held.is_empty() {
                rest = rest.get(used..).unwrap_or_default();
            } else {
                held.drain(..used.min(held.len()));
            }
            if let Some(next) = next {
                let before = std::mem::replace(&mut current, next);
                if let Reader::Undecided(bytes, _) = before {
                    held.splice(..0, bytes);
                }
            }
        }
        let appetite = if matches!(current, Reader::Done) { Appetite::Done } else { Appetite::More };
        self.direction(side).reader = current;
        appetite
    }

    /// Bytes are missing in what `side` sent (lost by the capture): continue behind them if that can make sense
    /// (DNS over TCP resynchronises never; HTTP may at the next request).
    pub fn gap(&mut self, side: Side) -> Appetite {
        let direction = match side {
            Side::A => &mut self.a,
            Side::B => &mut self.b,
        };
        match &mut direction.reader {
            Reader::Undecided(held, _) => *held = Vec::new(),
            Reader::Requests(reader) => {
                reader.gap(self.exchange.get_or_insert_default());
            }
            Reader::Text(reader) => reader.gap(),
            _ => direction.reader = Reader::Done,
        }
        if matches!(direction.reader, Reader::Done) { Appetite::Done } else { Appetite::More }
    }

    /// HTTP requests that were seen beyond [`crate::http::MAX_REQUESTS_REPORTED`], and so not reported.
    pub fn unreported_requests(&self) -> u32 {
        self.exchange.as_ref().map_or(0, |exchange| exchange.unreported())
    }

    /// DNS messages in bodies of HTTP/2 that were not read because a cap was reached.
    pub fn unread_bodies(&self) -> u32 {
        self.exchange.as_ref().map_or(0, |exchange| exchange.unread_bodies())
    }

    const fn direction(&mut self, side: Side) -> &mut Direction {
        match side {
            Side::A => &mut self.a,
            Side::B => &mut self.b,
        }
    }

    fn step(&mut self, side: Side, reader: &mut Reader, bytes: &[u8], learn: &mut dyn FnMut(Fact)) -> Step {
        let all = bytes.len();
        let done_or_more = |appetite| (all, (appetite == Appetite::Done).then_some(Reader::Done));
        match reader {
            Reader::Undecided(held, transport) => self.decide(side, held, *transport, bytes, learn),
            Reader::Skip(left, transport) => {
                let used = all.min(*left);
                *left -= used;
                (used, (*left == 0).then(|| undecided(*transport)))
            }
            Reader::Tls(reader) => done_or_more(reader.push(bytes, learn)),
            Reader::Dns(reader) => {
                done_or_more(reader.push(bytes, &mut |message| learn(Fact::Dns(Arc::new(message)))))
            }
            Reader::Requests(reader) => {
                let exchange = self.exchange.get_or_insert_default();
                let progress = reader.push(bytes, exchange, &mut |request| request_facts(request, learn));
                self.after_http(Sender::Initiator, all, progress, learn)
            }
            Reader::Responses(reader) => {
                let exchange = self.exchange.get_or_insert_default();
                let progress = reader.push(bytes, exchange, &mut |response| {
                    learn(Fact::HttpResponse(Arc::new(response)));
                });
                self.after_http(Sender::Responder, all, progress, learn)
            }
            Reader::Http2(reader) => {
                done_or_more(reader.push(bytes, self.exchange.get_or_insert_default(), learn))
            }
            Reader::Text(reader) => {
                match reader.push(bytes, &mut |application| self.told.tell(application, learn)) {
                    starttls::Progress::More => (all, None),
                    starttls::Progress::Done => (all, Some(Reader::Done)),
                    starttls::Progress::Tls(used) => (used, Some(undecided(TlsTransport::StartTls))),
                }
            }
            Reader::Socks(reader) => match reader.push(bytes) {
                socks::Progress::More => (all, None),
                socks::Progress::Done => (all, Some(Reader::Done)),
                socks::Progress::Tunnel(used) => (used, Some(undecided(TlsTransport::Tcp))),
            },
            Reader::Done => (all, None),
        }
    }

    fn after_http(
        &mut self,
        sender: Sender,
        all: usize,
        progress: Progress,
        learn: &mut dyn FnMut(Fact),
    ) -> Step {
        match progress {
            Progress::More => (all, None),
            Progress::Done => (all, Some(Reader::Done)),
            Progress::Tunnel(used) => (used, Some(undecided(TlsTransport::Tcp))),
            Progress::Http2(used) => {
                self.told.tell(Application::Http2, learn);
                let reader = match sender {
                    Sender::Initiator => http2::Reader::client(http2::PREFACE_BODY.len()),
                    Sender::Responder => http2::Reader::server(),
                };
                (used, Some(Reader::Http2(Box::new(reader))))
            }
        }
    }

    /// Looks at the first bytes of a direction (or of what a tunnel in it carries). When it is decided, none of
    /// `bytes` was used: the reader found begins with those held, then these.
    fn decide(
        &mut self,
        side: Side,
        held: &mut Vec<u8>,
        transport: TlsTransport,
        bytes: &[u8],
        learn: &mut dyn FnMut(Fact),
    ) -> Step {
        let room = MAX_LOOK_LEN.saturating_sub(held.len());
        let near = bytes.get(..room).unwrap_or(bytes);
        let joined;
        let look = if held.is_empty() {
            near
        } else {
            joined = [held.as_slice(), near].concat();
            &joined
        };
        let start = match recognise::stream(look, self.around(side)) {
            Finding::NeedMore if look.len() < MAX_LOOK_LEN => {
                held.extend_from_slice(near);
                return (near.len(), None);
            }
            Finding::Is(start) => start,
            Finding::NeedMore | Finding::Unknown => return (bytes.len(), Some(Reader::Done)),
        };
        let direction = self.direction(side);
        direction.asked_socks |= matches!(&start, Start::Socks(first) if first.is_client());
        direction.beginnings += 1;
        if direction.beginnings > MAX_BEGINNINGS {
            return (bytes.len(), Some(Reader::Done));
        }
        (0, Some(self.begin(start, transport, learn)))
    }

    const fn around(&self, side: Side) -> Around {
        let [a, b] = self.ports;
        let (own_port, other_port, other) = match side {
            Side::A => (a, b, &self.b),
            Side::B => (b, a, &self.a),
        };
        Around { own_port, other_port, told: self.told, answers_socks: other.asked_socks }
    }

    fn begin(&mut self, start: Start, transport: TlsTransport, learn: &mut dyn FnMut(Fact)) -> Reader {
        let mut tell = |application| self.told.tell(application, learn);
        match start {
            Start::Tls => {
                tell(Application::Tls);
                Reader::Tls(Box::new(tls::Reader::new(transport)))
            }
            Start::HttpRequests => {
                tell(Application::Http);
                Reader::Requests(Box::default())
            }
            Start::HttpResponses => {
                tell(Application::Http);
                Reader::Responses(Box::default())
            }
            Start::Http2(sender) => {
                tell(Application::Http2);
                Reader::Http2(Box::new(match sender {
                    Sender::Initiator => http2::Reader::client(http2::PREFACE.len()),
                    Sender::Responder => http2::Reader::server(),
                }))
            }
            Start::Dns => {
                tell(Application::Dns);
                Reader::Dns(Box::default())
            }
            Start::Text(speaker) => Reader::Text(Box::new(TextReader::new(speaker, self.ports))),
            Start::Socks(first) => {
                tell(Application::Socks);
                Reader::Socks(Box::new(SocksReader::new(first)))
            }
            Start::Skip { length, application, then } => {
                application.map(tell);
                Reader::Skip(length, then.unwrap_or(transport))
            }
            Start::Named(application) => {
                tell(application);
                Reader::Done
            }
        }
    }
}

const fn undecided(transport: TlsTransport) -> Reader {
    Reader::Undecided(Vec::new(), transport)
}
