//! JA4, the fingerprint of a ClientHello (FoxIO, `technical_details/JA4.md`, BSD 3-Clause; the other methods of JA4+ are
//! under another licence and not here).
//!
//! ```text
//! t13d1516h2_8daaf6152771_e5627efa2ab1
//! | | | | | |  |            ` sha256 of sorted extensions (without server_name, ALPN), "_", signature algorithms in order
//! | | | | | |  ` sha256 of sorted cipher suites
//! | | | | | ` first and last character of the first ALPN value
//! | | | | ` number of extensions
//! | | | ` number of cipher suites
//! | | ` d: with server_name, i: without
//! | ` highest version
//! ` t: TCP, q: QUIC, d: DTLS
//! ```
//!
//! GREASE values (RFC 8701) are left out everywhere; hashes are the first twelve hexadecimal digits.

use super::client_hello::{Offer, is_grease};
use super::extension;
use sha2::{Digest, Sha256};
use std::fmt::Write;
use weir_model::observation::TlsTransport;

pub(super) fn of(offer: &Offer<'_>) -> String {
    let mut ciphers = without_grease(&offer.ciphers);
    ciphers.sort_unstable();
    let mut extensions = without_grease(&offer.extensions);
    let extension_count = extensions.len();
    extensions.retain(|kind| !matches!(*kind, extension::SERVER_NAME | extension::ALPN));
    extensions.sort_unstable();
    let mut hashed = joined(&extensions);
    let algorithms = without_grease(&offer.signature_algorithms);
    if !algorithms.is_empty() {
        hashed.push('_');
        hashed.push_str(&joined(&algorithms));
    }
    let (first, last) = alpn_code(&offer.protocols);
    let transport = match offer.transport {
        TlsTransport::Tcp | TlsTransport::StartTls => 't',
        TlsTransport::Quic(_) => 'q',
        TlsTransport::Dtls => 'd',
    };
    format!(
        "{transport}{version}{name}{ciphers:02}{extensions:02}{first}{last}_{cipher_hash}_{extension_hash}",
        version = version_code(offer.highest_version()),
        name = if offer.extensions.contains(&extension::SERVER_NAME) { 'd' } else { 'i' },
        ciphers = ciphers.len().min(99),
        extensions = extension_count.min(99),
        cipher_hash = hash12(&joined(&ciphers)),
        extension_hash = hash12(&hashed),
    )
}

fn without_grease(values: &[u16]) -> Vec<u16> {
    values.iter().copied().filter(|value| !is_grease(*value)).collect()
}

/// Four hexadecimal digits each, with commas between.
fn joined(values: &[u16]) -> String {
    let mut text = String::with_capacity(5 * values.len());
    for value in values {
        let comma = if text.is_empty() { "" } else { "," };
        // Writing to a String cannot fail.
        let _ = write!(text, "{comma}{value:04x}");
    }
    text
}

/// Twelve hexadecimal digits; zeros for an empty list.
fn hash12(text: &str) -> String {
    if text.is_empty() {
        return "0".repeat(12);
    }
    let mut digits = String::with_capacity(12);
    for byte in Sha256::digest(text.as_bytes()).iter().take(6) {
        let _ = write!(digits, "{byte:02x}");
    }
    digits
}

const fn version_code(version: u16) -> &'static str {
    match version {
        0x0304 => "13",
        0x0303 => "12",
        0x0302 => "11",
        0x0301 => "10",
        0x0300 => "s3",
        0x0002 => "s2",
        0xfeff => "d1",
        0xfefd => "d2",
        0xfefc => "d3",
        _ => "00",
    }
}

/// First and last character of the first protocol name. Where one of them is not an ASCII letter or digit, the specification
/// takes the first and last hexadecimal digit of the name instead.
///
/// For a byte above 0x7f the reference implementation writes `9`, against the specification. The published expectations
/// (`tls-non-ascii-alpn.pcapng`) are the implementation's, so it is followed there, and the specification everywhere else.
fn alpn_code(protocols: &[&[u8]]) -> (char, char) {
    let Some((&first, &last)) = protocols.first().and_then(|name| name.first().zip(name.last())) else {
        return ('0', '0');
    };
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric();
    let keeps_plain = (is_plain(first) && is_plain(last)) || !first.is_ascii() || !last.is_ascii();
    let code = |byte: u8, digit: u8| match byte {
        0x80.. => '9',
        _ if keeps_plain && is_plain(byte) => char::from(byte),
        _ => hex_digit(digit),
    };
    (code(first, first >> 4), code(last, last & 0x0f))
}

fn hex_digit(value: u8) -> char {
    char::from_digit(value.into(), 16).unwrap_or('0')
}
