//! QUIC (RFC 9000, RFC 9001, version 2: RFC 9369): the TLS messages in the Initial packets of both sides.
//!
//! Initial packets are protected with keys that everybody on the path can derive from the connection identifier
//! that the client chose for its first packet. Nothing else of QUIC is readable, nor wanted here.

mod crypto;
mod frames;
mod header;
mod keys;

pub use crypto::{CryptoStream, MAX_CRYPTO_LEN, MAX_CRYPTO_RANGES};
pub use header::{ConnectionId, Form, LongHeader, PacketType, Version, looks_like};

use crate::inspect::Side;
use keys::{Keys, PacketKeys};

/// Most Initial packets of one connection that are decrypted. A ClientHello needs one to three, with losses and
/// Retry some more; a sender that never completes one must not make us decrypt for ever.
pub const MAX_INITIALS: u32 = 64;

/// Longest protected payload in bytes that is decrypted: Initial packets fill one datagram, and no path carries more
/// than jumbo frames. Longer ones are passed over.
pub const MAX_INITIAL_LEN: usize = 9_216;

/// The TLS handshake bytes that a datagram made readable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Version of the Initial packet that was opened.
    pub version: Version,
    /// Whether it was the client that sent it.
    pub from_client: bool,
}

/// One QUIC connection, as far as its Initial packets tell.
#[derive(Debug, Default)]
pub struct Connection {
    established: Option<Established>,
    attempts: u32,
}

/// What is known once a client's Initial packet was opened.
#[derive(Debug)]
struct Established {
    client: Side,
    destination: ConnectionId,
    keys: Keys,
    client_stream: Direction,
    server_stream: Direction,
}

#[derive(Debug, Default)]
struct Direction {
    crypto: CryptoStream,
    largest_number: u64,
}

impl Connection {
    /// Nothing seen.
    pub fn new() -> Self {
        Self::default()
    }

    /// Reads the Initial packets of a datagram (RFC 9000 section 12.2: several packets may share one).
    /// `Some` when at least one was opened.
    pub fn push(&mut self, side: Side, datagram: &[u8]) -> Option<Progress> {
        let mut progress = None;
        let mut rest = datagram;
        while let Some((header, packet, behind)) = header::split_packet(rest) {
            if header.packet_type == PacketType::Initial && self.attempts < MAX_INITIALS {
                self.attempts += 1;
                progress = self.initial(side, &header, packet).or(progress);
            }
            rest = behind;
        }
        progress
    }

    /// Whether no further Initial packet would be decrypted.
    pub const fn is_exhausted(&self) -> bool {
        self.attempts >= MAX_INITIALS
    }

    /// The handshake bytes of the client, contiguous from the beginning.
    pub fn client_handshake(&self) -> &[u8] {
        self.established.as_ref().map_or(&[], |established| established.client_stream.crypto.contiguous())
    }

    /// Those of the server.
    pub fn server_handshake(&self) -> &[u8] {
        self.established.as_ref().map_or(&[], |established| established.server_stream.crypto.contiguous())
    }

    fn initial(&mut self, side: Side, header: &LongHeader<'_>, packet: &[u8]) -> Option<Progress> {
        if let Some(established) = &mut self.established
            && let Some(progress) = established.open(side, header, packet)
        {
            return Some(progress);
        }
        // A client's first packet, or its first after a Retry (RFC 9001 section 5.2), or a new connection.
        let established = Established::begin(side, header, packet)?;
        self.established = Some(established);
        Some(Progress { version: header.version, from_client: true })
    }
}

impl Established {
    /// Takes a packet for a client's whose destination identifier is the one that keys derive from.
    fn begin(side: Side, header: &LongHeader<'_>, packet: &[u8]) -> Option<Self> {
        let destination = ConnectionId::try_from(header.destination).ok()?;
        let mut new = Self {
            client: side,
            keys: Keys::derive(header.version, &destination)?,
            destination,
            client_stream: Direction::default(),
            server_stream: Direction::default(),
        };
        new.client_stream.open(&new.keys.client, header, packet).then_some(new)
    }

    fn open(&mut self, side: Side, header: &LongHeader<'_>, packet: &[u8]) -> Option<Progress> {
        let from_client = side == self.client;
        // Either end may change to another version inside a connection; the keys then derive anew from the same
        // identifier (RFC 9369 section 4.1).
        let other_keys = if header.version == self.keys.version {
            None
        } else {
            Some(Keys::derive(header.version, &self.destination)?)
        };
        let keys = other_keys.as_ref().unwrap_or(&self.keys);
        let opened = if from_client {
            self.client_stream.open(&keys.client, header, packet)
        } else {
            self.server_stream.open(&keys.server, header, packet)
        };
        if opened && let Some(keys) = other_keys {
            self.keys = keys;
        }
        opened.then_some(Progress { version: header.version, from_client })
    }
}

impl Direction {
    /// Decrypts a packet and keeps its CRYPTO frames; `false` when the keys do not fit.
    fn open(&mut self, keys: &PacketKeys, header: &LongHeader<'_>, packet: &[u8]) -> bool {
        let Some((number, payload)) = keys.open(packet, header.payload_offset, self.largest_number) else {
            return false;
        };
        self.largest_number = self.largest_number.max(number);
        frames::for_each_crypto(&payload, |offset, bytes| self.crypto.insert(offset, bytes));
        true
    }
}

#[cfg(test)]
pub(crate) mod tests;
