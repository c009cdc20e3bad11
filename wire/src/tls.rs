//! TLS handshakes in clear: SSL 3.0 to TLS 1.3 (RFC 6101, 2246, 4346, 5246, 8446), as far as names and fingerprints need
//! them.
//!
//! [`Reader`] takes one direction of a connection and learns from its first messages; [`client_hello::parse`] takes a
//! ClientHello that came by another way (QUIC, DTLS). Nothing here panics on any input.

pub mod certificate;
pub mod client_hello;
mod extension;
mod ja3;
mod ja4;
mod known;
mod reader;
pub mod server_hello;

pub use reader::{MAX_SERVER_MESSAGE_BYTES, Reader};

use crate::cursor::{Cursor, Short};
use std::fmt;

/// Longest record: 2^14 bytes and what protection may add (RFC 5246 section 6.2.3). A longer one is not TLS.
pub const MAX_RECORD_BYTES: u16 = (1 << 14) + 2048;

/// Longest ClientHello that is joined. Post-quantum keys make 2 KiB, the largest seen in the field 17 KiB (RFC 8701 and
/// session tickets); a client that announces 16 MiB would like us to hold them. A longer one is refused when its header is read.
pub const MAX_CLIENT_HELLO_BYTES: usize = 64 * 1024;

/// Content type of handshake records.
const CONTENT_HANDSHAKE: u8 = 22;
/// Shortest hello: version, random, empty session identifier, and three bytes of choice.
const MIN_HELLO_BYTES: u32 = 38;

const HANDSHAKE_CLIENT_HELLO: u8 = 1;
const HANDSHAKE_SERVER_HELLO: u8 = 2;

/// Why bytes are not the TLS that they seemed to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TlsError {
    /// Fewer bytes than a length field announced.
    Short(Short),
    /// A content type that does not exist.
    ContentType(u8),
    /// A version that no TLS has, of a record or a hello.
    Version(u16),
    /// A record longer than [`MAX_RECORD_BYTES`].
    RecordTooLong(u16),
    /// A handshake message of this type and length, longer than is joined.
    MessageTooLong(u8, u32),
    /// A handshake message of this type, where it cannot be.
    Unexpected(u8),
    /// A list of two-byte numbers with an odd length.
    OddLength(u16),
}

impl TlsError {
    /// For a counter's label.
    pub const fn keyword(self) -> &'static str {
        match self {
            Self::Short(_) => "short",
            Self::ContentType(_) => "content_type",
            Self::Version(_) => "version",
            Self::RecordTooLong(_) => "record_too_long",
            Self::MessageTooLong(..) => "message_too_long",
            Self::Unexpected(_) => "unexpected",
            Self::OddLength(_) => "odd_length",
        }
    }
}

impl fmt::Display for TlsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Short(short) => write!(f, "TLS: {short}"),
            Self::ContentType(number) => write!(f, "TLS record: no content type has the number {number}"),
            Self::Version(version) => write!(f, "TLS: no version has the number {version:#06x}"),
            Self::RecordTooLong(length) => write!(f, "TLS record: {length} bytes are too long"),
            Self::MessageTooLong(kind, length) => {
                write!(f, "TLS handshake message of type {kind}: {length} bytes are more than are joined")
            }
            Self::Unexpected(kind) => write!(f, "TLS handshake message of type {kind}, which cannot be here"),
            Self::OddLength(length) => write!(f, "TLS: a list of two-byte numbers with {length} bytes"),
        }
    }
}

impl std::error::Error for TlsError {}

impl From<Short> for TlsError {
    fn from(short: Short) -> Self {
        Self::Short(short)
    }
}

/// What the first bytes of a stream say about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recognition {
    /// It is.
    Yes,
    /// It is not.
    No,
    /// Nothing speaks against it yet.
    NeedMore,
}

/// Whether a stream begins with a ClientHello, also one in the format of SSL 2.0 (RFC 5246 appendix E.2). Eleven bytes are
/// enough to tell.
pub fn looks_like_client_hello(bytes: &[u8]) -> Recognition {
    match bytes.first() {
        Some(first) if first & 0x80 != 0 => recognition(begins_v2_hello(bytes)),
        _ => recognition(begins_hello(bytes, HANDSHAKE_CLIENT_HELLO)),
    }
}

/// Whether a stream begins with a ServerHello. Ten bytes are enough to tell.
pub fn looks_like_server_hello(bytes: &[u8]) -> Recognition {
    recognition(begins_hello(bytes, HANDSHAKE_SERVER_HELLO))
}

const fn recognition(outcome: Result<bool, Short>) -> Recognition {
    match outcome {
        Ok(true) => Recognition::Yes,
        Ok(false) => Recognition::No,
        Err(_) => Recognition::NeedMore,
    }
}

fn begins_hello(bytes: &[u8], kind: u8) -> Result<bool, Short> {
    let mut cursor = Cursor::new(bytes);
    if cursor.u8()? != CONTENT_HANDSHAKE || cursor.u8()? != 3 || cursor.u8()? > 4 {
        return Ok(false);
    }
    let record_len = cursor.u16()?;
    if record_len == 0 || record_len > MAX_RECORD_BYTES || cursor.u8()? != kind {
        return Ok(false);
    }
    if record_len < 5 {
        // A hello cut into very small records: the rest of its header is in the next one.
        return Ok(true);
    }
    let is_plausible = (MIN_HELLO_BYTES..=MAX_CLIENT_HELLO_BYTES as u32).contains(&cursor.u24()?);
    Ok(is_plausible && cursor.u8()? == 3)
}

/// A record of SSL 2.0: two bytes of length with the highest bit set, message type 1, the version, the lengths of the cipher
/// list, the session identifier and the challenge, which fill the record.
fn begins_v2_hello(bytes: &[u8]) -> Result<bool, Short> {
    let mut cursor = Cursor::new(bytes);
    let record_len = cursor.u16()? & 0x7fff;
    if cursor.u8()? != HANDSHAKE_CLIENT_HELLO || !is_v2_version(cursor.u16()?) {
        return Ok(false);
    }
    let [ciphers, session, challenge] = [cursor.u16()?, cursor.u16()?, cursor.u16()?].map(u32::from);
    let has_plausible_lists =
        ciphers > 0 && ciphers % 3 == 0 && matches!(session, 0 | 16 | 32) && challenge >= 16;
    Ok(has_plausible_lists && 9 + ciphers + session + challenge == u32::from(record_len))
}

const fn is_v2_version(version: u16) -> bool {
    matches!(version, 0x0002 | 0x0300..=0x0303)
}

#[cfg(test)]
mod tests;
