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
use weir_model::observation::TlsTransport;

pub(super) fn of(offer: &Offer<'_>) -> String {
    let mut ciphers = without_grease(&offer.ciphers);
    ciphers.sort_unstable();
    let mut extensions = without_grease(&offer.extensions);
    let extension_count = extensions.len();
    extensions.retain(|kind| !matches!(*kind, extension::SERVER_NAME | extension::ALPN));
    extensions.sort_unstable();
    let algorithms = without_grease(&offer.signature_algorithms);
    let transport = match offer.transport {
        TlsTransport::Tcp | TlsTransport::StartTls => 't',
        TlsTransport::Quic(_) => 'q',
        TlsTransport::Dtls => 'd',
    };
    let (first, last) = alpn_code(&offer.protocols);
    let mut text = String::with_capacity(LEN);
    text.push(transport);
    text.push_str(version_code(offer.highest_version()));
    text.push(if offer.extensions.contains(&extension::SERVER_NAME) { 'd' } else { 'i' });
    push_count(&mut text, ciphers.len());
    push_count(&mut text, extension_count);
    text.extend([first, last, '_']);
    let mut list = Vec::with_capacity(5 * ciphers.len().max(extensions.len() + algorithms.len()));
    push_list(&mut list, &ciphers);
    push_hash(&mut text, &list);
    text.push('_');
    list.clear();
    push_list(&mut list, &extensions);
    if !algorithms.is_empty() {
        list.push(b'_');
        push_list(&mut list, &algorithms);
    }
    push_hash(&mut text, &list);
    text
}

/// Length of a fingerprint.
const LEN: usize = 36;

fn without_grease(values: &[u16]) -> Vec<u16> {
    let mut kept = Vec::with_capacity(values.len());
    kept.extend(values.iter().copied().filter(|value| !is_grease(*value)));
    kept
}

/// Two decimal digits, at most 99.
fn push_count(text: &mut String, count: usize) {
    let count = count.min(99) as u8;
    text.extend([b'0' + count / 10, b'0' + count % 10].map(char::from));
}

/// Four hexadecimal digits each, with commas between.
fn push_list(list: &mut Vec<u8>, values: &[u16]) {
    let mut comma = &b""[..];
    for value in values {
        list.extend_from_slice(comma);
        let digit = |shift: u32| hex_digit((value >> shift & 0x0f) as u8) as u8;
        list.extend_from_slice(&[digit(12), digit(8), digit(4), digit(0)]);
        comma = b",";
    }
}

/// Twelve hexadecimal digits of the hash; zeros for an empty list.
fn push_hash(text: &mut String, list: &[u8]) {
    let hash = if list.is_empty() { [0; 32] } else { Sha256::digest(list).into() };
    for byte in hash.into_iter().take(6) {
        text.extend([hex_digit(byte >> 4), hex_digit(byte & 0x0f)]);
    }
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

const fn hex_digit(value: u8) -> char {
    (if value < 10 { b'0' + value } else { b'a' - 10 + value }) as char
}
