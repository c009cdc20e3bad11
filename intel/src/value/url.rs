//! URLs, with and without scheme.

use super::{address, name};
use crate::RefusalReason;
use std::fmt::Write as _;
use std::net::IpAddr;
use weir_model::Name;
use weir_model::indicator::Url;

/// Longest path with query, after percent-encoding: the longest that is kept of a request on the wire
/// (`weir_model::observation::HttpRequest::path`). A longer one could never match, and is refused.
pub const MAX_PATH_BYTES: usize = 2048;

/// Ports that a URL need not say. Requests seen in clear are compared without regard to the scheme, so both are default.
const DEFAULT_PORTS: [u16; 2] = [80, 443];

/// Schemes whose requests are HTTP on the wire, also as people make them harmless. Web sockets begin as HTTP requests.
const HTTP_SCHEMES: [&str; 14] = [
    "http", "https", "hxxp", "hxxps", "htxp", "htxps", "hxtp", "hxtps", "h**p", "h**ps", "meow", "meows",
    "ws", "wss",
];

/// Splits off the scheme. `None`: there is none. The answer says whether it is one whose requests are HTTP on the wire.
pub(super) fn split_scheme(text: &str) -> Option<(bool, &str)> {
    let (scheme, rest) = text.split_once("://")?;
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.' | b'*');
    if scheme.is_empty() || !scheme.bytes().all(plain) {
        return None;
    }
    Some((HTTP_SCHEMES.iter().any(|known| scheme.eq_ignore_ascii_case(known)), rest))
}

/// What follows the scheme: `user@host:port/path?query#fragment`, of which user and fragment do not reach the wire.
pub(super) fn parse(text: &str) -> Result<Url, RefusalReason> {
    let end = text.find(['/', '?', '#', '\\']).unwrap_or(text.len());
    let (authority, target) = text.split_at_checked(end).ok_or(RefusalReason::NotAnIndicator)?;
    let authority = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let (host, port) = split_port(authority)?;
    let target = target.split('#').next().unwrap_or_default();
    Ok(Url { host: url_host(host)?, port, path: path(target)?.into() })
}

/// A URL for the root of a host.
pub(super) fn root_of(host: Name, port: Option<u16>) -> Url {
    Url { host, port: port.filter(|port| !DEFAULT_PORTS.contains(port)), path: "/".into() }
}

fn split_port(authority: &str) -> Result<(&str, Option<u16>), RefusalReason> {
    let (host, port) = match authority.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((host, "")) => (host, None),
        Some((host, after)) => (host, Some(after.strip_prefix(':').ok_or(RefusalReason::BadPort)?)),
        None => match authority.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (authority, None),
        },
    };
    let port = match port {
        None | Some("") => None,
        Some(port) => Some(address::port(port)?).filter(|port| !DEFAULT_PORTS.contains(port)),
    };
    Ok((host, port))
}

fn url_host(host: &str) -> Result<Name, RefusalReason> {
    match host.parse::<IpAddr>() {
        Ok(ip) => address_name(address::host(ip)?),
        Err(_) => name::parse(host),
    }
}

/// An address as the host of a URL.
pub(super) fn address_name(ip: IpAddr) -> Result<Name, RefusalReason> {
    Name::from_ascii(ip.to_string().as_bytes()).ok_or(RefusalReason::BadAddress)
}

/// Path and query as a client sends them: from `/` on, bytes that are not printable ASCII percent-encoded.
fn path(target: &str) -> Result<String, RefusalReason> {
    let mut path = String::with_capacity(target.len() + 1);
    if !target.starts_with(['/', '\\']) {
        path.push('/');
    }
    for byte in target.bytes() {
        match byte {
            // Browsers send `\` in a path as `/` (WHATWG URL, special schemes); it is how some lists separate.
            b'\\' if path.is_empty() => path.push('/'),
            0x21..=0x7e => path.push(char::from(byte)),
            _ => {
                let _ = write!(path, "%{byte:02X}");
            }
        }
    }
    if path.len() > MAX_PATH_BYTES { Err(RefusalReason::LineTooLong) } else { Ok(path) }
}
