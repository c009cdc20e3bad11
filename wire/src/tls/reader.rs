//! One direction of a TLS connection over a byte stream: records (RFC 8446 section 5.1), and the handshake messages that
//! run across them.
//!
//! ```text
//! record:    content type 1 | version 2 | length 2 | content
//! handshake: message type 1 | length 3 | body
//! ```

use super::{
    CONTENT_HANDSHAKE, HANDSHAKE_CLIENT_HELLO, HANDSHAKE_SERVER_HELLO, MAX_CLIENT_HELLO_BYTES,
    MAX_RECORD_BYTES, TlsError, certificate, client_hello, server_hello,
};
use crate::cursor::Cursor;
use crate::inspect::Appetite;
use arrayvec::ArrayVec;
use std::sync::Arc;
use weir_model::observation::{Fact, TlsTransport};

/// Longest message of a server that is joined: a chain of certificates. Real ones have up to 16 KiB; a server that
/// announces 16 MiB would like us to hold them. A longer one is refused when its header is read.
pub const MAX_SERVER_MESSAGE_BYTES: usize = 128 * 1024;

/// Longest ClientHello in the format of SSL 2.0: the cipher list makes it long, and no client knew 600.
const MAX_V2_HELLO_BYTES: usize = 2048;

const CONTENT_CHANGE_CIPHER_SPEC: u8 = 20;
const CONTENT_ALERT: u8 = 21;
const CONTENT_APPLICATION_DATA: u8 = 23;
const CONTENT_HEARTBEAT: u8 = 24;
const ALERT_FATAL: u8 = 2;

const HANDSHAKE_HELLO_REQUEST: u8 = 0;
const HANDSHAKE_SESSION_TICKET: u8 = 4;
const HANDSHAKE_CERTIFICATE: u8 = 11;
const HANDSHAKE_SERVER_KEY_EXCHANGE: u8 = 12;
const HANDSHAKE_CERTIFICATE_REQUEST: u8 = 13;
const HANDSHAKE_SERVER_HELLO_DONE: u8 = 14;
const HANDSHAKE_CERTIFICATE_STATUS: u8 = 22;
const HANDSHAKE_SUPPLEMENTAL_DATA: u8 = 23;

const RECORD_HEADER_LEN: usize = 5;
const HANDSHAKE_HEADER_LEN: usize = 4;

/// Reads one direction, client's or server's: the first message tells which. Of a client it learns the first ClientHello,
/// of a server ServerHello and (up to TLS 1.2) certificates; then, or where encryption begins, it is done.
#[derive(Debug)]
pub struct Reader {
    transport: TlsTransport,
    state: State,
    /// A message that is not whole yet, from its header on. It grows with the bytes that come, not with those announced.
    message: Vec<u8>,
    server_hello_seen: bool,
    error: Option<TlsError>,
}

#[derive(Debug)]
enum State {
    /// No byte has come.
    Start,
    /// In the header of a record.
    Header(ArrayVec<u8, RECORD_HEADER_LEN>),
    /// At the level of an alert, in a record of this length.
    AlertLevel(u16),
    /// In a record: whether it is a handshake record, and how many bytes of it are to come.
    Content(bool, u16),
    /// In a ClientHello in the format of SSL 2.0.
    V2,
    Done,
}

impl Reader {
    /// At the beginning of the stream. `transport` goes into the [`weir_model::observation::ClientHello`].
    pub const fn new(transport: TlsTransport) -> Self {
        Self { transport, state: State::Start, message: Vec::new(), server_hello_seen: false, error: None }
    }

    /// The next bytes of the stream, however they are cut; `learn` is called with each fact that they complete.
    pub fn push(&mut self, mut bytes: &[u8], learn: &mut dyn FnMut(Fact)) -> Appetite {
        while !bytes.is_empty() && !self.is_done() {
            match self.step(bytes, learn) {
                Ok(rest) => bytes = rest,
                Err(error) => {
                    self.error = Some(error);
                    self.end();
                }
            }
        }
        if self.is_done() { Appetite::Done } else { Appetite::More }
    }

    /// Why reading ended, if it was a fault.
    pub const fn error(&self) -> Option<TlsError> {
        self.error
    }

    /// Bytes held for a message that is not whole yet.
    pub fn held(&self) -> usize {
        self.message.len()
    }

    const fn is_done(&self) -> bool {
        matches!(self.state, State::Done)
    }

    fn end(&mut self) {
        self.state = State::Done;
        self.message = Vec::new();
    }

    /// Reads as much as belongs together and returns the rest, which is shorter or follows a new state.
    fn step<'a>(&mut self, bytes: &'a [u8], learn: &mut dyn FnMut(Fact)) -> Result<&'a [u8], TlsError> {
        match &mut self.state {
            State::Start => {
                let is_v2 = bytes.first().is_some_and(|first| first & 0x80 != 0);
                self.state = if is_v2 { State::V2 } else { State::Header(ArrayVec::new()) };
                Ok(bytes)
            }
            State::Header(header) => {
                let rest = fill(header, bytes);
                if let Ok(header) = header.clone().into_inner() {
                    self.record(header)?;
                }
                Ok(rest)
            }
            State::AlertLevel(length) => {
                let left = *length - 1;
                self.alert(bytes.first() == Some(&ALERT_FATAL), left);
                Ok(bytes.get(1..).unwrap_or_default())
            }
            State::Content(is_handshake, left) => {
                let (is_handshake, left) = (*is_handshake, usize::from(*left));
                let (now, rest) = bytes.split_at_checked(left).unwrap_or((bytes, &[]));
                self.enter_content(is_handshake, (left - now.len()) as u16);
                if is_handshake {
                    self.handshake(now, learn)?;
                }
                Ok(rest)
            }
            State::V2 => self.v2_hello(bytes, learn),
            State::Done => Ok(&[]),
        }
    }

    fn record(
        &mut self,
        [content, major, minor, high, low]: [u8; RECORD_HEADER_LEN],
    ) -> Result<(), TlsError> {
        let length = u16::from_be_bytes([high, low]);
        match content {
            CONTENT_CHANGE_CIPHER_SPEC | CONTENT_APPLICATION_DATA => {
                self.end();
                return Ok(());
            }
            CONTENT_ALERT | CONTENT_HANDSHAKE | CONTENT_HEARTBEAT => {}
            _ => return Err(TlsError::ContentType(content)),
        }
        if major != 3 || minor > 4 {
            return Err(TlsError::Version(u16::from_be_bytes([major, minor])));
        }
        if length > MAX_RECORD_BYTES {
            return Err(TlsError::RecordTooLong(length));
        }
        match content {
            CONTENT_ALERT if length > 0 => self.state = State::AlertLevel(length),
            _ => self.enter_content(content == CONTENT_HANDSHAKE, length),
        }
        Ok(())
    }

    /// A warning (such as unrecognized_name) may precede ServerHello; after a fatal alert there is nothing.
    fn alert(&mut self, is_fatal: bool, left: u16) {
        if is_fatal {
            self.end();
        } else {
            self.enter_content(false, left);
        }
    }

    fn enter_content(&mut self, is_handshake: bool, left: u16) {
        self.state =
            if left == 0 { State::Header(ArrayVec::new()) } else { State::Content(is_handshake, left) };
    }

    /// Joins messages: content of records, in order. One that lies in one piece is not copied.
    fn handshake(&mut self, mut bytes: &[u8], learn: &mut dyn FnMut(Fact)) -> Result<(), TlsError> {
        while !bytes.is_empty() && !self.is_done() {
            if self.message.is_empty()
                && let Some((kind, length)) = message_header(bytes)
            {
                self.refuse_message(kind, length)?;
                if let Some((whole, rest)) = bytes.split_at_checked(HANDSHAKE_HEADER_LEN + length) {
                    self.message(kind, whole.get(HANDSHAKE_HEADER_LEN..).unwrap_or_default(), learn)?;
                    bytes = rest;
                    continue;
                }
                self.message.reserve(bytes.len());
            }
            bytes = self.fill_message(bytes, HANDSHAKE_HEADER_LEN);
            let Some((kind, length)) = message_header(&self.message) else {
                return Ok(());
            };
            self.refuse_message(kind, length)?;
            bytes = self.fill_message(bytes, HANDSHAKE_HEADER_LEN + length);
            if self.message.len() == HANDSHAKE_HEADER_LEN + length {
                let whole = std::mem::take(&mut self.message);
                self.message(kind, whole.get(HANDSHAKE_HEADER_LEN..).unwrap_or_default(), learn)?;
            }
        }
        Ok(())
    }

    /// Takes bytes until the message has `wanted`, and returns the rest.
    fn fill_message<'a>(&mut self, bytes: &'a [u8], wanted: usize) -> &'a [u8] {
        let lacking = wanted.saturating_sub(self.message.len());
        let (now, rest) = bytes.split_at_checked(lacking).unwrap_or((bytes, &[]));
        self.message.extend_from_slice(now);
        rest
    }

    /// Refuses by its header what would not be read when it is whole.
    fn refuse_message(&self, kind: u8, length: usize) -> Result<(), TlsError> {
        let limit = match kind {
            HANDSHAKE_CLIENT_HELLO if !self.server_hello_seen => MAX_CLIENT_HELLO_BYTES,
            HANDSHAKE_SERVER_HELLO => MAX_CLIENT_HELLO_BYTES,
            HANDSHAKE_HELLO_REQUEST => 0,
            HANDSHAKE_SESSION_TICKET
            | HANDSHAKE_CERTIFICATE
            | HANDSHAKE_SERVER_KEY_EXCHANGE
            | HANDSHAKE_CERTIFICATE_REQUEST
            | HANDSHAKE_SERVER_HELLO_DONE
            | HANDSHAKE_CERTIFICATE_STATUS
            | HANDSHAKE_SUPPLEMENTAL_DATA
                if self.server_hello_seen =>
            {
                MAX_SERVER_MESSAGE_BYTES
            }
            _ => return Err(TlsError::Unexpected(kind)),
        };
        if length > limit { Err(TlsError::MessageTooLong(kind, length as u32)) } else { Ok(()) }
    }

    fn message(&mut self, kind: u8, body: &[u8], learn: &mut dyn FnMut(Fact)) -> Result<(), TlsError> {
        match kind {
            HANDSHAKE_CLIENT_HELLO => {
                learn(Fact::ClientHello(Arc::new(client_hello::parse(body, self.transport)?)));
                self.end();
            }
            HANDSHAKE_SERVER_HELLO => {
                let hello = server_hello::parse(body)?;
                let is_all_in_clear = hello.version <= 0x0303;
                learn(Fact::ServerHello(Arc::new(hello)));
                self.server_hello_seen = true;
                if !is_all_in_clear {
                    self.end();
                }
            }
            HANDSHAKE_CERTIFICATE => {
                certificate::parse_chain(body, &mut |certificate| {
                    learn(Fact::Certificate(certificate));
                })?;
                self.end();
            }
            // Certificates would have come before these.
            HANDSHAKE_SERVER_KEY_EXCHANGE | HANDSHAKE_CERTIFICATE_REQUEST | HANDSHAKE_SERVER_HELLO_DONE => {
                self.end();
            }
            _ => {}
        }
        Ok(())
    }

    fn v2_hello<'a>(&mut self, bytes: &'a [u8], learn: &mut dyn FnMut(Fact)) -> Result<&'a [u8], TlsError> {
        let rest = self.fill_message(bytes, 2);
        let Ok(header) = Cursor::new(&self.message).u16() else {
            return Ok(rest);
        };
        let length = usize::from(header & 0x7fff);
        if length > MAX_V2_HELLO_BYTES {
            return Err(TlsError::RecordTooLong(length as u16));
        }
        let rest = self.fill_message(rest, 2 + length);
        if self.message.len() == 2 + length {
            let hello = client_hello::parse_v2(self.message.get(2..).unwrap_or_default())?;
            learn(Fact::ClientHello(Arc::new(hello)));
            self.end();
        }
        Ok(rest)
    }
}

/// Type and length of the message that begins here, once its header is whole.
fn message_header(bytes: &[u8]) -> Option<(u8, usize)> {
    let mut header = Cursor::new(bytes);
    Some((header.u8().ok()?, header.u24().ok()? as usize))
}

/// Takes as many bytes as there is room for, and returns the rest.
fn fill<'a, const N: usize>(buffer: &mut ArrayVec<u8, N>, bytes: &'a [u8]) -> &'a [u8] {
    let (now, rest) = bytes.split_at_checked(buffer.remaining_capacity()).unwrap_or((bytes, &[]));
    buffer.extend(now.iter().copied());
    rest
}

#[cfg(test)]
mod tests {
    use super::super::tests::{Hello, handshake, protocols, record, v2_hello};
    use super::*;
    use proptest::prelude::*;

    const DER: &[u8] = include_bytes!("../../testdata/certificate.der");

    fn server_hello(version: u16) -> Vec<u8> {
        let alpn = [&[0, 0x10][..], &super::super::tests::list(&protocols(&[b"h2"]))].concat();
        let versions = [&[0, 0x2b, 0, 2][..], &version.to_be_bytes()].concat();
        let extensions = [alpn, if version > 0x0303 { versions } else { vec![] }].concat();
        let legacy = version.min(0x0303).to_be_bytes();
        let body =
            [&legacy, &[1; 32][..], &[0, 0xc0, 0x2f, 0], &super::super::tests::list(&extensions)].concat();
        handshake(2, &body)
    }

    fn certificates() -> Vec<u8> {
        let length = |count: usize| u32::try_from(count).unwrap().to_be_bytes()[1..].to_vec();
        handshake(
            11,
            &[length(2 * DER.len() + 6), length(DER.len()), DER.into(), length(DER.len()), DER.into()]
                .concat(),
        )
    }

    /// A TLS 1.2 server's first flight, its messages spread over records of `size` bytes.
    fn server_flight(size: usize) -> Vec<u8> {
        let messages =
            [server_hello(0x0303), certificates(), handshake(12, &[7; 300]), handshake(14, &[])].concat();
        messages.chunks(size).flat_map(|part| record(22, part)).collect()
    }

    fn client_flight() -> Vec<u8> {
        [record(22, &handshake(1, &Hello::browser().body())), record(20, &[1]), record(23, &[9; 80])].concat()
    }

    fn read<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> (Vec<Fact>, Appetite, Option<TlsError>) {
        let mut reader = Reader::new(TlsTransport::Tcp);
        let mut facts = Vec::new();
        let mut appetite = Appetite::More;
        for piece in pieces {
            appetite = reader.push(piece, &mut |fact| facts.push(fact));
            assert!(reader.held() <= HANDSHAKE_HEADER_LEN + MAX_SERVER_MESSAGE_BYTES);
        }
        (facts, appetite, reader.error())
    }

    fn kinds(facts: &[Fact]) -> String {
        let letter = |fact: &Fact| match fact {
            Fact::ClientHello(_) => 'c',
            Fact::ServerHello(_) => 's',
            Fact::Certificate(_) => 'x',
            _ => '?',
        };
        facts.iter().map(letter).collect()
    }

    #[test]
    fn learns_the_client_hello_and_is_done() {
        let (facts, appetite, error) = read([client_flight().as_slice()]);
        assert_eq!((kinds(&facts).as_str(), appetite, error), ("c", Appetite::Done, None));
        let (facts, ..) = read([v2_hello().as_slice()]);
        assert_eq!(kinds(&facts), "c");
    }

    #[test]
    fn learns_a_server_s_hello_and_certificates() {
        for size in [1, 3, 70, 1000, 16_000] {
            let (facts, appetite, error) = read([server_flight(size).as_slice()]);
            assert_eq!((kinds(&facts).as_str(), appetite, error), ("sxx", Appetite::Done, None), "{size}");
        }
        let (facts, ..) = read([record(22, &server_hello(0x0303)).as_slice()]);
        let Fact::ServerHello(hello) = &facts[0] else { panic!("{facts:?}") };
        assert_eq!((hello.version, hello.cipher, hello.alpn.as_deref()), (0x0303, 0xc02f, Some("h2")));
    }

    #[test]
    fn is_done_where_encryption_begins() {
        let (facts, appetite, _) = read([record(22, &server_hello(0x0304)).as_slice()]);
        let Fact::ServerHello(hello) = &facts[0] else { panic!("{facts:?}") };
        assert_eq!((hello.version, appetite), (0x0304, Appetite::Done));
        let resumed = [record(22, &server_hello(0x0303)), record(20, &[1]), record(22, &[0xff; 40])].concat();
        let (facts, appetite, error) = read([resumed.as_slice()]);
        assert_eq!((kinds(&facts).as_str(), appetite, error), ("s", Appetite::Done, None));
    }

    #[test]
    fn a_warning_is_passed_over_and_a_fatal_alert_is_the_end() {
        let flight = |level| [record(21, &[level, 112]), record(22, &server_hello(0x0303))].concat();
        assert_eq!(kinds(&read([flight(1).as_slice()]).0), "s");
        assert_eq!(kinds(&read([flight(2).as_slice()]).0), "");
    }

    #[test]
    fn what_is_not_tls_is_given_up() {
        let refused = |bytes: &[u8]| read([bytes]).2.unwrap();
        assert_eq!(refused(b"GET / HTTP/1.1\r\n"), TlsError::ContentType(b'G'));
        assert_eq!(refused(&[22, 9, 1, 0, 5]), TlsError::Version(0x0901));
        assert_eq!(refused(&[22, 3, 5, 0, 5]), TlsError::Version(0x0305));
        assert_eq!(refused(&[22, 3, 1, 0x50, 0]), TlsError::RecordTooLong(0x5000));
        assert_eq!(refused(&record(22, &[20, 0, 0, 1])), TlsError::Unexpected(20));
        assert_eq!(refused(&record(22, &certificates())), TlsError::Unexpected(11));
        assert_eq!(refused(&record(22, &[1, 1, 0, 1])), TlsError::MessageTooLong(1, 0x1_0001));
        assert_eq!(refused(&[0xff, 0xff]), TlsError::RecordTooLong(0x7fff));
    }

    #[test]
    fn the_longest_client_hello_is_joined() {
        let mut hello = Hello::browser();
        let room = MAX_CLIENT_HELLO_BYTES - hello.body().len() - 4;
        hello.extensions.push((0x0029, vec![0; room]));
        let message = handshake(1, &hello.body());
        assert_eq!(message.len(), HANDSHAKE_HEADER_LEN + MAX_CLIENT_HELLO_BYTES);
        let stream: Vec<u8> = message.chunks(16_384).flat_map(|part| record(22, part)).collect();
        assert_eq!(kinds(&read(stream.chunks(1460)).0), "c");
    }

    proptest! {
        #[test]
        fn pieces_do_not_matter(size in 1usize..2000, cuts in proptest::collection::vec(1usize..600, 1..20)) {
            for stream in [server_flight(size), client_flight(), v2_hello()] {
                let whole = read([stream.as_slice()]);
                let mut rest = stream.as_slice();
                let mut pieces = Vec::new();
                for cut in cuts.iter().cycle() {
                    let (now, later) = rest.split_at(rest.len().min(*cut));
                    pieces.push(now);
                    rest = later;
                    if rest.is_empty() {
                        break;
                    }
                }
                prop_assert_eq!(read(pieces), whole);
            }
        }

        #[test]
        fn damaged_streams_never_panic_whatever_the_pieces(
            damage in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
            cut in 1usize..100,
        ) {
            for mut stream in [server_flight(500), client_flight(), [record(21, &[1, 2]), server_flight(90)].concat()] {
                for (position, value) in &damage {
                    let position = position.index(stream.len().min(120));
                    stream[position] = *value;
                }
                prop_assert_eq!(read(stream.chunks(cut)), read([stream.as_slice()]));
            }
        }

        #[test]
        fn arbitrary_streams_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300), cut in 1usize..100) {
            let framed = record(22, &bytes);
            for stream in [&bytes, &framed] {
                prop_assert_eq!(read(stream.chunks(cut)), read([stream.as_slice()]));
            }
        }
    }
}
