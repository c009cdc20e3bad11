//! Lists and extensions, which hellos of both sides share (RFC 8446 section 4.2).

use super::TlsError;
use crate::cursor::Cursor;

pub(super) const SERVER_NAME: u16 = 0x0000;
pub(super) const SUPPORTED_GROUPS: u16 = 0x000a;
pub(super) const EC_POINT_FORMATS: u16 = 0x000b;
pub(super) const SIGNATURE_ALGORITHMS: u16 = 0x000d;
pub(super) const ALPN: u16 = 0x0010;
pub(super) const SUPPORTED_VERSIONS: u16 = 0x002b;
pub(super) const ENCRYPTED_CLIENT_HELLO: u16 = 0xfe0d;

/// What a one-byte length announces.
pub(super) fn list8<'a>(cursor: &mut Cursor<'a>) -> Result<Cursor<'a>, TlsError> {
    let length = usize::from(cursor.u8()?);
    Ok(cursor.sub(length)?)
}

/// What a two-byte length announces.
pub(super) fn list16<'a>(cursor: &mut Cursor<'a>) -> Result<Cursor<'a>, TlsError> {
    let length = usize::from(cursor.u16()?);
    Ok(cursor.sub(length)?)
}

/// Two-byte numbers, all of them.
pub(super) fn numbers(list: Cursor<'_>) -> Result<Vec<u16>, TlsError> {
    let (pairs, odd) = list.rest().as_chunks();
    if odd.is_empty() {
        Ok(pairs.iter().map(|pair| u16::from_be_bytes(*pair)).collect())
    } else {
        Err(TlsError::OddLength(list.len() as u16))
    }
}

/// The list of extensions at the end of a hello, which may be missing altogether (RFC 5246 section 7.4.1.2). `each` is
/// called with type and data.
pub(super) fn for_each<'a>(
    hello: &mut Cursor<'a>,
    mut each: impl FnMut(u16, Cursor<'a>),
) -> Result<(), TlsError> {
    if hello.is_empty() {
        return Ok(());
    }
    let mut list = list16(hello)?;
    while !list.is_empty() {
        let kind = list.u16()?;
        each(kind, list16(&mut list)?);
    }
    Ok(())
}

/// The protocol names of an ALPN extension (RFC 7301 section 3.1), up to the first fault.
pub(super) fn protocol_names(mut data: Cursor<'_>) -> impl Iterator<Item = &[u8]> {
    let mut list = list16(&mut data).unwrap_or(Cursor::new(&[]));
    std::iter::from_fn(move || list8(&mut list).ok().map(|name| name.rest()))
}
