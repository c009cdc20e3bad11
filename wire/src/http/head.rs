//! The head of a message to what it says (RFC 9112 sections 3 to 6, RFC 9110 section 7.2).

use super::body::Body;
use std::fmt::Write;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;
use weir_model::Name;
use weir_model::observation::{HttpHost, HttpRequest, RequestForm};

/// Longest path that is kept, in bytes before escapes (the noun's contract). What lies behind it cannot match a URL
/// indicator; a path without end would be copied into every record of the flow.
pub const MAX_PATH_LEN: usize = 2_048;

/// Longest User-Agent that is kept, in bytes; the rest is cut. Real ones stay below 300.
pub const MAX_USER_AGENT_LEN: usize = 512;

/// Longest method. The longest registered one, `UPDATEREDIRECTREF`, has 17 letters.
const MAX_METHOD_LEN: usize = 24;

/// With so many bytes it is always decided whether they begin a head.
pub(super) const MAX_LOOK_LEN: usize = MAX_METHOD_LEN + 16;

/// The first part of HTTP/2's preface, which is made to look like a head (RFC 9113 section 3.4).
pub(super) const HTTP2_PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\n";

/// Most header fields that are read of one head; servers commonly refuse beyond 100. The fields behind are not seen.
const MAX_FIELDS: usize = 128;

/// Ways in which a request target begins, except for CONNECT's: a path, `*`, or an absolute URI of a scheme that
/// proxies carry.
const TARGETS: [&[u8]; 8] =
    [b"/", b"* ", b"http://", b"https://", b"ftp://", b"ws://", b"wss://", b"HTTP://"];

/// Whether bytes begin something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fit {
    /// They do not.
    No,
    /// More bytes must tell.
    Perhaps,
    /// They do.
    Yes,
}

/// Whether `bytes` begin with a method, a space and a request target.
pub fn fits_request(bytes: &[u8]) -> Fit {
    let method_len = bytes.iter().take_while(|byte| is_method_byte(**byte)).count();
    let (method, rest) = bytes.split_at_checked(method_len).unwrap_or_default();
    if method_len > MAX_METHOD_LEN {
        return Fit::No;
    }
    let Some(rest) = rest.strip_prefix(b" ") else {
        return if rest.is_empty() { Fit::Perhaps } else { Fit::No };
    };
    match method_len {
        ..3 => Fit::No,
        _ if rest.is_empty() => Fit::Perhaps,
        _ if method == b"CONNECT" => fits_authority(rest),
        _ => TARGETS.iter().fold(Fit::No, |fit, target| match fit {
            Fit::Yes => Fit::Yes,
            _ if rest.starts_with(target) => Fit::Yes,
            _ if target.starts_with(rest) => Fit::Perhaps,
            other => other,
        }),
    }
}

fn fits_authority(rest: &[u8]) -> Fit {
    match rest.first() {
        Some(byte) if byte.is_ascii_alphanumeric() || matches!(byte, b'[' | b'_' | b'-') => Fit::Yes,
        _ => Fit::No,
    }
}

fn is_method_byte(byte: u8) -> bool {
    byte.is_ascii_uppercase() || matches!(byte, b'-' | b'_')
}

/// Whether `bytes` begin with a status line of HTTP/1.
pub fn fits_response(bytes: &[u8]) -> Fit {
    const START: &[u8] = b"HTTP/1.";
    match bytes.strip_prefix(START) {
        Some([b'0'..=b'9', b' ', ..]) => Fit::Yes,
        Some([] | [b'0'..=b'9']) => Fit::Perhaps,
        None if START.starts_with(bytes) => Fit::Perhaps,
        _ => Fit::No,
    }
}

/// Where in `line` a request line begins that lasts to its end; a body without line end may precede it.
pub(super) fn ends_with_request_line(line: &[u8]) -> Option<usize> {
    let (start, _version) = split_version(line)?;
    let target = start.rsplit(|byte| *byte == b' ').next()?;
    let before = start.len().checked_sub(target.len() + 1)?;
    let method_len = start.get(..before)?.iter().rev().take_while(|byte| is_method_byte(**byte)).count();
    let begin = before.checked_sub(method_len)?;
    (fits_request(line.get(begin..)?) == Fit::Yes).then_some(begin)
}

/// A request line without its version and line end.
fn split_version(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let (start, version) = line.split_at_checked(line.len().checked_sub(b" HTTP/1.1".len())?)?;
    version.starts_with(b" HTTP/1.").then_some((start, version))
}

/// How long the body is, as far as the fields say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Framing {
    /// Nothing is said.
    Unsaid,
    /// Content-Length: 0.
    Empty,
    /// So long.
    Body(Body),
    /// The fields contradict each other or cannot be read.
    Unclear,
}

pub(super) struct RequestHead {
    pub(super) request: HttpRequest,
    pub(super) framing: Framing,
}

pub(super) struct ResponseHead {
    pub(super) status: u16,
    pub(super) framing: Framing,
    /// Upgrade: h2c (RFC 7540 section 3.2).
    pub(super) upgrades_to_http2: bool,
}

/// Reads the head of a request. The request line is read generously (spaces and any bytes inside the target),
/// because what a client sends matters also where a server would refuse it.
pub(super) fn request(head: &[u8]) -> Option<RequestHead> {
    let (line, fields) = split_line(head);
    let (start, _version) = split_version(line)?;
    let method_len = start.iter().position(|byte| *byte == b' ')?;
    let (method, target) = start.split_at_checked(method_len)?;
    let target = target.trim_ascii();
    let method = std::str::from_utf8(method).ok()?;
    let fields = Fields::read(fields);
    let (form, authority, path) = split_target(method, target);
    let (host, port) = authority.or(fields.host).map_or((None, None), split_authority);
    Some(RequestHead {
        request: HttpRequest {
            method: method.into(),
            host,
            port,
            path: escaped_path(path),
            user_agent: fields.user_agent.map(clean_text),
            form,
        },
        framing: fields.framing,
    })
}

/// Reads the head of a response.
pub(super) fn response(head: &[u8]) -> Option<ResponseHead> {
    let (line, fields) = split_line(head);
    let code = line.split(|byte| *byte == b' ').nth(1)?.trim_ascii();
    let status = std::str::from_utf8(code).ok()?.parse().ok().filter(|code| (100..=999).contains(code))?;
    let fields = Fields::read(fields);
    Some(ResponseHead { status, framing: fields.framing, upgrades_to_http2: fields.upgrades_to_http2 })
}

fn split_line(head: &[u8]) -> (&[u8], &[u8]) {
    let line_len = head.iter().position(|byte| *byte == b'\n').map_or(head.len(), |end| end + 1);
    head.split_at_checked(line_len).unwrap_or_default()
}

/// The forms of a target (RFC 9112 section 3.2): which it is, its authority, and path with query.
fn split_target<'a>(method: &str, target: &'a [u8]) -> (RequestForm, Option<&'a [u8]>, &'a [u8]) {
    if method == "CONNECT" {
        return (RequestForm::Connect, Some(target), b"");
    }
    if matches!(target.first(), Some(b'/' | b'*')) {
        return (RequestForm::Origin, None, target);
    }
    let Some(scheme_end) = target.windows(3).take(MAX_LOOK_LEN).position(|three| three == b"://") else {
        return (RequestForm::Origin, None, target);
    };
    let behind = target.get(scheme_end + 3..).unwrap_or_default();
    let authority_len =
        behind.iter().position(|byte| matches!(byte, b'/' | b'?' | b'#')).unwrap_or(behind.len());
    let (authority, path) = behind.split_at_checked(authority_len).unwrap_or_default();
    (RequestForm::Absolute, Some(authority), if path.is_empty() { b"/" } else { path })
}

/// `[user@]host[:port]` (RFC 3986 section 3.2) to host and port.
pub fn split_authority(authority: &[u8]) -> (Option<HttpHost>, Option<u16>) {
    let authority = authority.trim_ascii();
    let authority = authority.rsplit(|byte| *byte == b'@').next().unwrap_or(authority);
    let Ok(text) = std::str::from_utf8(authority) else {
        return (Name::from_ascii(authority).map(HttpHost::Name), None);
    };
    if let Some((literal, behind)) = text.strip_prefix('[').and_then(|inner| inner.split_once(']')) {
        let literal = literal.split_once('%').map_or(literal, |(address, _zone)| address);
        let address = literal.parse::<Ipv6Addr>().ok().map(|ip| HttpHost::Address(ip.into()));
        return (address, behind.strip_prefix(':').and_then(|port| port.parse().ok()));
    }
    if let Ok(address) = text.parse::<IpAddr>() {
        return (Some(HttpHost::Address(address)), None);
    }
    let (host, port) = text.rsplit_once(':').map_or((text, None), |(host, port)| (host, port.parse().ok()));
    let host = match host.parse::<IpAddr>() {
        Ok(address) => Some(HttpHost::Address(address)),
        Err(_) => Name::from_ascii(host.as_bytes()).map(HttpHost::Name),
    };
    (host, port)
}

/// A path as it is kept: not printable bytes percent-encoded, at most [`MAX_PATH_LEN`] bytes of it.
pub fn escaped_path(path: &[u8]) -> Arc<str> {
    let kept = path.get(..MAX_PATH_LEN).unwrap_or(path);
    if let Some(text) = ascii(kept, u8::is_ascii_graphic) {
        return text.into();
    }
    let mut text = String::with_capacity(kept.len());
    for &byte in kept {
        if byte.is_ascii_graphic() {
            text.push(char::from(byte));
        } else {
            // Writing to a String cannot fail.
            let _ = write!(text, "%{byte:02X}");
        }
    }
    text.into()
}

/// Text as it is kept: no control characters, at most [`MAX_USER_AGENT_LEN`] bytes of it.
pub fn clean_text(value: &[u8]) -> Arc<str> {
    let kept = value.get(..MAX_USER_AGENT_LEN).unwrap_or(value);
    if let Some(text) = ascii(kept, |byte| matches!(byte, b' '..=b'~')) {
        return text.into();
    }
    String::from_utf8_lossy(kept).replace(char::is_control, "\u{fffd}").into()
}

/// The text in ASCII bytes all of which are as wanted; that is what nearly all clients send.
fn ascii(bytes: &[u8], is_wanted: impl Fn(&u8) -> bool) -> Option<&str> {
    // Without a branch per byte.
    let all = bytes.iter().fold(true, |all, byte| all & is_wanted(byte));
    std::str::from_utf8(bytes).ok().filter(|_| all)
}

/// The header fields that matter here.
struct Fields<'a> {
    host: Option<&'a [u8]>,
    user_agent: Option<&'a [u8]>,
    framing: Framing,
    upgrades_to_http2: bool,
}

impl<'a> Fields<'a> {
    /// Reads header fields line by line. A line that is no field is passed over: clients that write such heads are
    /// the ones to be found.
    fn read(lines: &'a [u8]) -> Self {
        let mut fields =
            Self { host: None, user_agent: None, framing: Framing::Unsaid, upgrades_to_http2: false };
        for line in lines.split(|byte| *byte == b'\n').take(MAX_FIELDS) {
            let Some(colon) = line.iter().position(|byte| *byte == b':') else {
                continue;
            };
            let Some((name, value)) = line.split_at_checked(colon) else {
                continue;
            };
            fields.field(name.trim_ascii(), value.get(1..).unwrap_or_default().trim_ascii());
        }
        fields
    }

    fn field(&mut self, name: &[u8], value: &'a [u8]) {
        if name.eq_ignore_ascii_case(b"host") {
            self.host = self.host.or(Some(value));
        } else if name.eq_ignore_ascii_case(b"user-agent") {
            self.user_agent = self.user_agent.or(Some(value));
        } else if name.eq_ignore_ascii_case(b"content-length") {
            self.content_length(value);
        } else if name.eq_ignore_ascii_case(b"upgrade") {
            self.upgrades_to_http2 = value.eq_ignore_ascii_case(b"h2c");
        } else if name.eq_ignore_ascii_case(b"transfer-encoding") {
            let chunked = value.to_ascii_lowercase().ends_with(b"chunked");
            self.framing = if chunked { Framing::Body(Body::CHUNKED) } else { Framing::Unclear };
        }
    }

    /// Transfer-Encoding overrides Content-Length; two lengths that differ are an error (RFC 9112 section 6.3).
    fn content_length(&mut self, value: &[u8]) {
        let length = std::str::from_utf8(value).ok().and_then(|text| text.parse::<u64>().ok());
        let said = match length {
            Some(0) => Framing::Empty,
            Some(length) => Framing::Body(Body::Length(length)),
            None => Framing::Unclear,
        };
        self.framing = match self.framing {
            Framing::Unsaid => said,
            chunked @ Framing::Body(Body::Chunked(_)) => chunked,
            same if same == said => same,
            _ => Framing::Unclear,
        };
    }
}
