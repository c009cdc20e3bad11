//! What the first bytes of a stream begin.
//!
//! The formats are tried in a fixed order, and one that may still turn out to be it is waited for: so the answer is
//! the same however the bytes were cut.

use super::application::{Application, Told};
use super::socks::Message;
use super::starttls::{Speaker, words};
use crate::cursor::{Cursor, Short};
use crate::http::{Fit, fits_request, fits_response};
use crate::{dns, http2, tls};
use std::ops::RangeInclusive;
use weir_model::observation::{Sender, TlsTransport};

/// Most bytes that are looked at. Nearly everything is decided by 16; a DNS message on a port that is not its own
/// must lie whole within the look.
pub(super) const MAX_LOOK_LEN: usize = 1_024;

/// What was found.
#[derive(Debug)]
pub(super) enum Finding {
    NeedMore,
    Unknown,
    Is(Start),
}

/// What begins.
#[derive(Clone, Copy, Debug)]
pub(super) enum Start {
    Tls,
    HttpRequests,
    HttpResponses,
    /// HTTP/2, in the direction of the client or of the server.
    Http2(Sender),
    Dns,
    Text(Speaker),
    Socks(Message),
    /// A message that says nothing itself, `length` bytes; `then`: how TLS that follows it came about, where that
    /// changes.
    Skip {
        length: usize,
        application: Option<Application>,
        then: Option<TlsTransport>,
    },
    /// Recognised, and nothing to be read in it.
    Named(Application),
}

/// What is known besides the bytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Around {
    /// Port from which the bytes come.
    pub(super) own_port: u16,
    /// Port to which they go.
    pub(super) other_port: u16,
    /// Protocols of the conversation so far.
    pub(super) told: Told,
    /// Whether the other side asked a SOCKS server.
    pub(super) answers_socks: bool,
}

impl Around {
    const fn has_port(self, port: u16) -> bool {
        self.own_port == port || self.other_port == port
    }
}

type Recogniser = fn(&[u8], Around) -> Finding;

/// In the order in which they are asked.
const RECOGNISERS: [Recogniser; 13] = [
    tls_stream,
    named,
    http_2,
    http,
    text,
    proxy_header,
    socks,
    postgresql,
    mysql,
    ldap,
    remote_desktop,
    smb_or_mqtt,
    dns_stream,
];

/// What a stream begins that starts with `bytes`.
pub(super) fn stream(bytes: &[u8], around: Around) -> Finding {
    RECOGNISERS
        .iter()
        .map(|recogniser| recogniser(bytes, around))
        .find(|finding| !matches!(finding, Finding::Unknown))
        .unwrap_or(Finding::Unknown)
}

fn tls_stream(bytes: &[u8], _: Around) -> Finding {
    match (tls::looks_like_client_hello(bytes), tls::looks_like_server_hello(bytes)) {
        (tls::Recognition::Yes, _) | (_, tls::Recognition::Yes) => Finding::Is(Start::Tls),
        (tls::Recognition::No, tls::Recognition::No) => fatal_alert(bytes),
        _ => Finding::NeedMore,
    }
}

/// A server that refuses the ClientHello sends nothing but an alert.
fn fatal_alert(bytes: &[u8]) -> Finding {
    match bytes {
        [0x15, 3, 0..=4, 0, 2, 2, ..] => Finding::Is(Start::Named(Application::Tls)),
        _ => Finding::Unknown,
    }
}

/// Beginnings that are certain, and after which nothing is to be read.
const NAMED: [(&[u8], Application); 9] = [
    (b"SSH-2.0-", Application::Ssh),
    (b"SSH-1.", Application::Ssh),
    (b"\x13BitTorrent protocol", Application::BitTorrent),
    (b"RFB 00", Application::Vnc),
    (b"RTSP/1.0 ", Application::Rtsp),
    (b"OPTIONS rtsp://", Application::Rtsp),
    (b"DESCRIBE rtsp://", Application::Rtsp),
    (b"SIP/2.0 ", Application::Sip),
    (b"INVITE sip:", Application::Sip),
];

fn named(bytes: &[u8], _: Around) -> Finding {
    first_prefix(bytes, &NAMED).map_or_unknown(Start::Named)
}

/// The preface of the client; or of a server, which begins with its settings.
fn http_2(bytes: &[u8], around: Around) -> Finding {
    match first_prefix(bytes, &[(http2::PREFACE, Sender::Initiator)]) {
        Prefix::None => {}
        preface => return preface.map_or_unknown(Start::Http2),
    }
    match http2::fits_server_settings(bytes, around.told.has(Application::Http2)) {
        Fit::Yes => Finding::Is(Start::Http2(Sender::Responder)),
        Fit::Perhaps => Finding::NeedMore,
        Fit::No => Finding::Unknown,
    }
}

fn http(bytes: &[u8], _: Around) -> Finding {
    match (fits_request(bytes), fits_response(bytes)) {
        (Fit::Yes, _) => Finding::Is(Start::HttpRequests),
        (_, Fit::Yes) => Finding::Is(Start::HttpResponses),
        (Fit::No, Fit::No) => Finding::Unknown,
        _ => Finding::NeedMore,
    }
}

const TEXTS: [(&[u8], Speaker); 16] = [
    (b"220 ", Speaker::Server),
    (b"220-", Speaker::Server),
    (b"* OK", Speaker::Server),
    (b"* PREAUTH", Speaker::Server),
    (b"+OK", Speaker::Server),
    (b"EHLO ", Speaker::Client),
    (b"ehlo ", Speaker::Client),
    (b"HELO ", Speaker::Client),
    (b"helo ", Speaker::Client),
    (b"LHLO ", Speaker::Client),
    (b"AUTH ", Speaker::Client),
    (b"CAPA\r\n", Speaker::Client),
    (b"STLS\r\n", Speaker::Client),
    (b"USER ", Speaker::Client),
    (b"<?xml ", Speaker::Xml),
    (b"<stream:stream", Speaker::Xml),
];

/// Ports of protocols in which a client may begin with a line that is in no list here.
const TEXT_PORTS: [u16; 7] = [21, 25, 110, 143, 587, 2525, 4190];

fn text(bytes: &[u8], around: Around) -> Finding {
    match first_prefix(bytes, &TEXTS) {
        Prefix::Is(speaker) => return Finding::Is(Start::Text(speaker)),
        Prefix::Perhaps => return Finding::NeedMore,
        Prefix::None => {}
    }
    if TEXT_PORTS.contains(&around.other_port) && bytes.first().is_some_and(u8::is_ascii_alphanumeric) {
        return Finding::Is(Start::Text(Speaker::Client));
    }
    imap_command(bytes)
}

/// `a1 CAPABILITY`: a tag and one of the commands with which clients begin.
fn imap_command(bytes: &[u8]) -> Finding {
    const MAX_TAG_LEN: usize = 12;
    let tag_len = bytes.iter().take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'.').count();
    if tag_len == 0 || tag_len > MAX_TAG_LEN {
        return Finding::Unknown;
    }
    match bytes.get(tag_len..) {
        None | Some([]) => Finding::NeedMore,
        Some([b' ', command @ ..]) => {
            let len = command.iter().take_while(|byte| byte.is_ascii_alphabetic()).count();
            let [word, _] = words(command.get(..len).unwrap_or_default());
            match word.as_slice() {
                b"CAPABILITY" | b"STARTTLS" | b"LOGIN" | b"ID" if command.len() > len => {
                    Finding::Is(Start::Text(Speaker::Client))
                }
                word if command.len() == len
                    && [b"CAPABILITY".as_slice(), b"STARTTLS", b"LOGIN", b"ID"]
                        .iter()
                        .any(|all| all.starts_with(word)) =>
                {
                    Finding::NeedMore
                }
                _ => Finding::Unknown,
            }
        }
        Some(_) => Finding::Unknown,
    }
}

/// The PROXY protocol of load balancers, versions 1 and 2: its addresses stand before everything else.
fn proxy_header(bytes: &[u8], _: Around) -> Finding {
    const V1: &[u8] = b"PROXY ";
    const V2: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";
    const MAX_V1_LEN: usize = 107;
    const V2_HEADER_LEN: usize = 16;
    let skip = |length| Finding::Is(Start::Skip { length, application: None, then: None });
    if bytes.starts_with(V1) {
        return match bytes.iter().take(MAX_V1_LEN).position(|byte| *byte == b'\n') {
            Some(end) => skip(end + 1),
            None if bytes.len() < MAX_V1_LEN => Finding::NeedMore,
            None => Finding::Unknown,
        };
    }
    if bytes.starts_with(V2) {
        let length = |mut header: Cursor<'_>| header.skip(14).and_then(|()| header.u16());
        return length(Cursor::new(bytes))
            .map_or(Finding::NeedMore, |length| skip(V2_HEADER_LEN + usize::from(length)));
    }
    if V1.starts_with(bytes) || V2.starts_with(bytes) { Finding::NeedMore } else { Finding::Unknown }
}

fn socks(bytes: &[u8], around: Around) -> Finding {
    let start = |message| Finding::Is(Start::Socks(message));
    match bytes {
        // Too little to go by, unless the client was heard.
        [5, ..] if around.answers_socks => start(Message::ServerGreeting),
        [0, 0x5a..=0x5d, ..] if around.answers_socks => start(Message::Server4),
        [0] if around.answers_socks => Finding::NeedMore,
        [5, 1..=8, ..] => match socks_greeting(Cursor::new(bytes)) {
            Ok(true) => start(Message::ClientGreeting),
            Ok(false) => Finding::Unknown,
            Err(_) => Finding::NeedMore,
        },
        [4, 1 | 2, port_high, port_low, address, ..] => {
            let fits = (*port_high, *port_low) != (0, 0) && (1..=223).contains(address) || *address == 0;
            if fits { start(Message::Client4) } else { Finding::Unknown }
        }
        [5 | 4] | [4, 1 | 2, ..] => Finding::NeedMore,
        _ => Finding::Unknown,
    }
}

/// Whether the methods offered are ones that exist: below 10, or private.
fn socks_greeting(mut bytes: Cursor<'_>) -> Result<bool, Short> {
    bytes.skip(1)?;
    let methods = bytes.u8()?;
    for _ in 0..methods {
        if matches!(bytes.u8()?, 0x0a..=0x7f) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// PostgreSQL: a request for TLS (or GSSAPI) and the byte that answers it, or a start without.
fn postgresql(bytes: &[u8], around: Around) -> Finding {
    const ENCRYPTION_REQUEST: Pattern =
        &[0..=0, 0..=0, 0..=0, 8..=8, 4..=4, 0xd2..=0xd2, 0x16..=0x16, 0x2f..=0x30];
    const STARTUP: Pattern =
        &[0..=0, 0..=0, 0..=255, 0..=255, 0..=0, 3..=3, 0..=0, 0..=0, b'u'..=b'u', b's'..=b's'];
    if around.told.has(Application::Postgresql) && matches!(bytes, [b'S' | b'N' | b'G', ..]) {
        return after_skip(1, Application::Postgresql);
    }
    match (fits(bytes, ENCRYPTION_REQUEST), fits(bytes, STARTUP)) {
        (Fit::Yes, _) => after_skip(ENCRYPTION_REQUEST.len(), Application::Postgresql),
        (_, Fit::Yes) => Finding::Is(Start::Named(Application::Postgresql)),
        (Fit::No, Fit::No) => Finding::Unknown,
        _ => Finding::NeedMore,
    }
}

/// MySQL: a server's greeting, and a client's request for TLS that answers it.
fn mysql(bytes: &[u8], around: Around) -> Finding {
    // Length 3, sequence number 0, protocol 10, version in text.
    const GREETING: Pattern = &[0..=255, 0..=2, 0..=0, 0..=0, 10..=10, b'0'..=b'9', b'.'..=b'9', b'.'..=b'9'];
    // 32 bytes, sequence number 1, capabilities.
    const SSL_REQUEST: Pattern = &[0x20..=0x20, 0..=0, 0..=0, 1..=1, 0..=255, 0..=255];
    const CLIENT_SSL: u8 = 0x08;
    let told = around.told.has(Application::Mysql);
    match (fits(bytes, GREETING), fits(bytes, SSL_REQUEST)) {
        (Fit::Yes, _) => Cursor::new(bytes).array().map_or(Finding::NeedMore, |[low, high]| {
            after_skip(4 + usize::from(u16::from_le_bytes([low, high])), Application::Mysql)
        }),
        (_, Fit::Yes) if told && bytes.get(5).is_some_and(|flags| flags & CLIENT_SSL != 0) => {
            after_skip(36, Application::Mysql)
        }
        (Fit::Perhaps, _) => Finding::NeedMore,
        (_, Fit::Perhaps) if told => Finding::NeedMore,
        _ => Finding::Unknown,
    }
}

/// A message after which TLS may begin.
fn after_skip(length: usize, application: Application) -> Finding {
    Finding::Is(Start::Skip { length, application: Some(application), then: Some(TlsTransport::StartTls) })
}

/// LDAP (RFC 4511 section 4.1.1): messages are passed over, because TLS may follow any (section 4.14).
///
/// ```text
/// 0x30 length | 2 length message-identifier | application tag
/// ```
fn ldap(bytes: &[u8], _: Around) -> Finding {
    match ldap_message_len(Cursor::new(bytes)) {
        Ok(Some(length)) => after_skip(length, Application::Ldap),
        Ok(None) => Finding::Unknown,
        Err(_) => Finding::NeedMore,
    }
}

fn ldap_message_len(mut message: Cursor<'_>) -> Result<Option<usize>, Short> {
    let whole = message.len();
    if message.u8()? != 0x30 {
        return Ok(None);
    }
    let length = match message.u8()? {
        short @ 0..=0x7f => usize::from(short),
        0x81 => usize::from(message.u8()?),
        0x82 => usize::from(message.u16()?),
        0x84 => message.u32()? as usize,
        _ => return Ok(None),
    };
    let header_len = whole - message.len();
    let (kind, identifier_len) = (message.u8()?, message.u8()?);
    if kind != 2 || !(1..=4).contains(&identifier_len) {
        return Ok(None);
    }
    message.skip(identifier_len.into())?;
    let fits = matches!(message.u8()?, 0x42 | 0x4a | 0x60..=0x79);
    Ok(fits.then_some(header_len + length))
}

/// RDP: an X.224 connection request or confirmation in a TPKT packet; TLS follows the two.
fn remote_desktop(bytes: &[u8], around: Around) -> Finding {
    let mut packet = Cursor::new(bytes);
    let read = |packet: &mut Cursor<'_>| -> Result<(u16, u16, u8, u8), Short> {
        Ok((packet.u16()?, packet.u16()?, packet.u8()?, packet.u8()?))
    };
    match (bytes, read(&mut packet)) {
        ([3, 0, ..], Ok((_, length, indicator, 0xe0 | 0xd0))) if u16::from(indicator) + 5 == length => {
            let application = around.has_port(3389).then_some(Application::Rdp);
            Finding::Is(Start::Skip {
                length: length.into(),
                application,
                then: Some(TlsTransport::StartTls),
            })
        }
        ([3] | [3, 0, ..], Err(_)) => Finding::NeedMore,
        _ => Finding::Unknown,
    }
}

fn smb_or_mqtt(bytes: &[u8], _: Around) -> Finding {
    const SMB: Pattern =
        &[0..=0, 0..=0, 0..=255, 0..=255, 0xfe..=0xff, b'S'..=b'S', b'M'..=b'M', b'B'..=b'B'];
    const MQTT: Pattern = &[0x10..=0x10, 0..=0x7f, 0..=0, 4..=4, b'M'..=b'M', b'Q'..=b'Q'];
    match (fits(bytes, SMB), fits(bytes, MQTT)) {
        (Fit::Yes, _) => Finding::Is(Start::Named(Application::Smb)),
        (_, Fit::Yes) => Finding::Is(Start::Named(Application::Mqtt)),
        (Fit::No, Fit::No) => Finding::Unknown,
        _ => Finding::NeedMore,
    }
}

/// DNS: on its port whatever is there; elsewhere a whole message without doubt.
fn dns_stream(bytes: &[u8], around: Around) -> Finding {
    if around.has_port(53) {
        return Finding::Is(Start::Dns);
    }
    let mut cursor = Cursor::new(bytes);
    let Ok(length) = cursor.u16().map(usize::from) else {
        return Finding::NeedMore;
    };
    if !(17..=MAX_LOOK_LEN - 2).contains(&length) {
        return Finding::Unknown;
    }
    match cursor.take(length) {
        Ok(message) if dns::looks_like(message) => Finding::Is(Start::Dns),
        Err(_) if could_be_dns_header(cursor) => Finding::NeedMore,
        _ => Finding::Unknown,
    }
}

/// Whether a header that may not be whole yet has a plain operation and asks one question (RFC 1035 section 4.1.1).
fn could_be_dns_header(mut header: Cursor<'_>) -> bool {
    let mut read = || -> Result<bool, Short> {
        header.skip(2)?;
        if header.u8()? & 0x78 != 0 || header.u8()? & 0x40 != 0 {
            return Ok(false);
        }
        Ok(header.u16()? == 1)
    };
    read().unwrap_or(true)
}

/// For each byte, which values it may have.
type Pattern = &'static [RangeInclusive<u8>];

fn fits(bytes: &[u8], pattern: Pattern) -> Fit {
    match bytes.iter().zip(pattern).all(|(byte, allowed)| allowed.contains(byte)) {
        true if bytes.len() >= pattern.len() => Fit::Yes,
        true => Fit::Perhaps,
        false => Fit::No,
    }
}

/// What a table of beginnings says.
enum Prefix<T> {
    Is(T),
    Perhaps,
    None,
}

impl<T> Prefix<T> {
    fn map_or_unknown(self, start: impl FnOnce(T) -> Start) -> Finding {
        match self {
            Self::Is(value) => Finding::Is(start(value)),
            Self::Perhaps => Finding::NeedMore,
            Self::None => Finding::Unknown,
        }
    }
}

fn first_prefix<T: Copy>(bytes: &[u8], table: &[(&[u8], T)]) -> Prefix<T> {
    if let Some((_, value)) = table.iter().find(|(prefix, _)| bytes.starts_with(prefix)) {
        return Prefix::Is(*value);
    }
    if table.iter().any(|(prefix, _)| prefix.starts_with(bytes)) { Prefix::Perhaps } else { Prefix::None }
}
