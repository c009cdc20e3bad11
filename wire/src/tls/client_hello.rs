//! ClientHello (RFC 8446 section 4.1.2; RFC 9147 section 5.3 for DTLS; RFC 5246 appendix E.2 for the SSL 2.0 format).
//!
//! ```text
//! version 2 | random 32 | session id <0..32> | (DTLS: cookie <0..255>) | cipher suites <2..2^16-2>
//! | compression methods <1..255> | extensions <0..2^16-1>, or nothing
//! ```

use super::extension::{self, list8, list16, numbers};
use super::{HANDSHAKE_CLIENT_HELLO, TlsError, is_v2_version, ja3, ja4};
use crate::cursor::Cursor;
use crate::text::escape;
use weir_model::Name;
use weir_model::observation::{ClientHello, TlsTransport};

/// Application protocols kept of one hello. Browsers offer two, fuzzers thousands. The rest is left out.
const MAX_PROTOCOLS: usize = 16;

const RANDOM_LEN: usize = 32;
/// host_name (RFC 6066 section 3).
const NAME_TYPE_HOST: u8 = 0;

/// Reads the body of a ClientHello: what follows the handshake header. The frame of the message (cipher list, extensions)
/// must be sound; an extension whose own content is malformed counts as an extension and tells nothing.
pub fn parse(handshake_body: &[u8], transport: TlsTransport) -> Result<ClientHello, TlsError> {
    Ok(Offer::read(handshake_body, transport)?.into_client_hello())
}

/// Reads a ClientHello in the format of SSL 2.0, from its message type on. It has neither extensions nor, of the ciphers, the
/// three-byte ones of SSL 2.0 in what is fingerprinted.
pub fn parse_v2(record_body: &[u8]) -> Result<ClientHello, TlsError> {
    let mut cursor = Cursor::new(record_body);
    let kind = cursor.u8()?;
    if kind != HANDSHAKE_CLIENT_HELLO {
        return Err(TlsError::Unexpected(kind));
    }
    let version = cursor.u16()?;
    if !is_v2_version(version) {
        return Err(TlsError::Version(version));
    }
    let [ciphers, session, challenge] = [cursor.u16()?, cursor.u16()?, cursor.u16()?].map(usize::from);
    let ciphers = cursor.take(ciphers)?;
    cursor.skip(session + challenge)?;
    let tls_ciphers = ciphers.as_chunks().0.iter().filter_map(|cipher| match cipher {
        [0, high, low] => Some(u16::from_be_bytes([*high, *low])),
        _ => None,
    });
    Ok(Offer::new(version, tls_ciphers.collect(), TlsTransport::Tcp).into_client_hello())
}

/// What a client offers, as far as it is named or fingerprinted.
#[derive(Debug)]
pub(super) struct Offer<'a> {
    pub(super) transport: TlsTransport,
    /// As the hello itself has it.
    pub(super) legacy_version: u16,
    pub(super) ciphers: Vec<u16>,
    /// Types, in order.
    pub(super) extensions: Vec<u16>,
    versions: Vec<u16>,
    pub(super) groups: Vec<u16>,
    pub(super) point_formats: &'a [u8],
    pub(super) signature_algorithms: Vec<u16>,
    pub(super) protocols: Vec<&'a [u8]>,
    server_name: Option<Name>,
}

impl<'a> Offer<'a> {
    pub(super) const fn new(legacy_version: u16, ciphers: Vec<u16>, transport: TlsTransport) -> Self {
        Self {
            transport,
            legacy_version,
            ciphers,
            extensions: Vec::new(),
            versions: Vec::new(),
            groups: Vec::new(),
            point_formats: &[],
            signature_algorithms: Vec::new(),
            protocols: Vec::new(),
            server_name: None,
        }
    }

    fn read(body: &'a [u8], transport: TlsTransport) -> Result<Self, TlsError> {
        let is_dtls = transport == TlsTransport::Dtls;
        let mut cursor = Cursor::new(body);
        let version = cursor.u16()?;
        if !matches!((is_dtls, version >> 8), (false, 0x03) | (true, 0xfe)) {
            return Err(TlsError::Version(version));
        }
        cursor.skip(RANDOM_LEN)?;
        list8(&mut cursor)?;
        if is_dtls {
            list8(&mut cursor)?;
        }
        let mut offer = Self::new(version, numbers(list16(&mut cursor)?)?, transport);
        list8(&mut cursor)?;
        offer.read_extensions(&mut cursor)?;
        Ok(offer)
    }

    /// Of repeated extensions, which RFC 8446 forbids, the first counts.
    fn read_extensions(&mut self, hello: &mut Cursor<'a>) -> Result<(), TlsError> {
        // Browsers have about 16.
        self.extensions.reserve(24);
        let [mut server_name, mut protocols, mut versions, mut algorithms] = [None; 4];
        let [mut groups, mut point_formats] = [None; 2];
        extension::for_each(hello, |kind, data| {
            self.extensions.push(kind);
            let first = match kind {
                extension::SERVER_NAME => &mut server_name,
                extension::SUPPORTED_GROUPS => &mut groups,
                extension::EC_POINT_FORMATS => &mut point_formats,
                extension::ALPN => &mut protocols,
                extension::SUPPORTED_VERSIONS => &mut versions,
                extension::SIGNATURE_ALGORITHMS => &mut algorithms,
                _ => return,
            };
            first.get_or_insert(data);
        })?;
        self.server_name = server_name.and_then(host_name);
        self.protocols =
            protocols.into_iter().flat_map(extension::protocol_names).take(MAX_PROTOCOLS).collect();
        self.versions =
            versions.and_then(|mut data| list8(&mut data).and_then(numbers).ok()).unwrap_or_default();
        self.groups = groups.and_then(words16).unwrap_or_default();
        self.point_formats =
            point_formats.and_then(|mut data| list8(&mut data).ok()).map_or(&[], |list| list.rest());
        self.signature_algorithms = algorithms.and_then(words16).unwrap_or_default();
        Ok(())
    }

    /// The highest version offered; in DTLS higher versions have lower numbers.
    pub(super) fn highest_version(&self) -> u16 {
        let offered = self.versions.iter().copied().filter(|version| !is_grease(*version));
        let highest = match self.transport {
            TlsTransport::Dtls => offered.filter(|version| version >> 8 == 0xfe).min(),
            _ => offered.max(),
        };
        highest.unwrap_or(self.legacy_version)
    }

    fn into_client_hello(self) -> ClientHello {
        ClientHello {
            ja3: ja3::of(&self),
            ja4: ja4::of(&self).into(),
            version: self.highest_version(),
            alpn: self.protocols.iter().map(|name| escape(name).into()).collect(),
            ech_offered: self.extensions.contains(&extension::ENCRYPTED_CLIENT_HELLO),
            transport: self.transport,
            server_name: self.server_name,
        }
    }
}

/// A list of two-byte numbers behind a two-byte length; nothing of one that is malformed.
fn words16(mut data: Cursor<'_>) -> Option<Vec<u16>> {
    list16(&mut data).and_then(numbers).ok()
}

/// The first host name of a server_name extension. Address literals, which RFC 6066 forbids and clients send, are kept.
fn host_name(mut data: Cursor<'_>) -> Option<Name> {
    let mut list = list16(&mut data).ok()?;
    loop {
        let kind = list.u8().ok()?;
        let name = list16(&mut list).ok()?;
        if kind == NAME_TYPE_HOST {
            return Name::from_ascii(name.rest());
        }
    }
}

/// Values that mean nothing, sent so that servers stay tolerant (RFC 8701): 0x0a0a, 0x1a1a and so on.
pub(super) const fn is_grease(value: u16) -> bool {
    value & 0x0f0f == 0x0a0a && value >> 8 == value & 0xff
}
