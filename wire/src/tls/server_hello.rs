//! ServerHello (RFC 8446 section 4.1.3).
//!
//! ```text
//! version 2 | random 32 | session id <0..32> | cipher suite 2 | compression method 1 | extensions <0..2^16-1>, or nothing
//! ```

use super::TlsError;
use super::extension::{self, list8};
use crate::cursor::Cursor;
use crate::text::escape;
use weir_model::observation::ServerHello;

/// Reads the body of a ServerHello or HelloRetryRequest: what follows the handshake header.
pub fn parse(handshake_body: &[u8]) -> Result<ServerHello, TlsError> {
    let mut cursor = Cursor::new(handshake_body);
    let legacy_version = cursor.u16()?;
    if !matches!(legacy_version >> 8, 0x03 | 0xfe) {
        return Err(TlsError::Version(legacy_version));
    }
    cursor.skip(32)?;
    list8(&mut cursor)?;
    let mut hello = ServerHello { version: legacy_version, cipher: cursor.u16()?, alpn: None };
    cursor.skip(1)?;
    extension::for_each(&mut cursor, |kind, mut data| match kind {
        extension::SUPPORTED_VERSIONS => hello.version = data.u16().unwrap_or(legacy_version),
        extension::ALPN => {
            hello.alpn = extension::protocol_names(data).next().map(|name| escape(name).into());
        }
        _ => {}
    })?;
    Ok(hello)
}
