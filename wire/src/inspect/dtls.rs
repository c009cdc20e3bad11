//! The ClientHello of DTLS 1.0 to 1.3 (RFC 4347, RFC 6347, RFC 9147).
//!
//! ```text
//! record:    22 | version 2 | epoch 2 | sequence 6 | length 2
//! handshake: type 1 | length 3 | message 2 | fragment offset 3 | fragment length 3
//! ```

use crate::cursor::{Cursor, Short};
use crate::quic::{CryptoStream, MAX_CRYPTO_LEN};

const CONTENT_HANDSHAKE: u8 = 22;
const CLIENT_HELLO: u8 = 1;

/// Joins the fragments of a ClientHello.
#[derive(Debug, Default)]
pub(super) struct DtlsReader {
    message: u16,
    body: CryptoStream,
}

/// Whether `datagram` begins with a handshake record of DTLS in clear.
pub(super) fn looks_like(datagram: &[u8]) -> bool {
    matches!(datagram, [CONTENT_HANDSHAKE, 0xfe, 0xff | 0xfd, 0, 0, ..])
        && Cursor::new(datagram).sub(11).is_ok()
        && records(datagram).next().is_some()
}

impl DtlsReader {
    /// The next datagram; the body of the ClientHello when it is whole.
    pub(super) fn push(&mut self, datagram: &[u8]) -> Option<&[u8]> {
        let mut length = None;
        for mut record in records(datagram) {
            while let Ok(fragment) = Fragment::read(&mut record) {
                if fragment.kind != CLIENT_HELLO || fragment.length > MAX_CRYPTO_LEN {
                    continue;
                }
                // A second ClientHello, with the server's cookie, is another message.
                if fragment.message != self.message {
                    *self = Self { message: fragment.message, body: CryptoStream::default() };
                }
                self.body.insert(fragment.offset, fragment.bytes);
                length = Some(fragment.length);
            }
        }
        self.body.contiguous().get(..length?)
    }
}

struct Fragment<'a> {
    kind: u8,
    length: usize,
    message: u16,
    offset: u64,
    bytes: &'a [u8],
}

impl<'a> Fragment<'a> {
    fn read(record: &mut Cursor<'a>) -> Result<Self, Short> {
        let kind = record.u8()?;
        let length = record.u24()? as usize;
        let message = record.u16()?;
        let offset = record.u24()?.into();
        let fragment_len = record.u24()? as usize;
        Ok(Self { kind, length, message, offset, bytes: record.take(fragment_len)? })
    }
}

/// The contents of the handshake records in clear at the beginning of a datagram.
fn records(datagram: &[u8]) -> impl Iterator<Item = Cursor<'_>> {
    let mut datagram = Cursor::new(datagram);
    std::iter::from_fn(move || {
        let header = datagram.array::<11>().ok()?;
        let length = datagram.u16().ok()?;
        let content = datagram.sub(usize::from(length)).ok()?;
        matches!(header, [CONTENT_HANDSHAKE, 0xfe, _, 0, 0, ..]).then_some(content)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(message: u8, length: u8, offset: u8, bytes: &[u8]) -> Vec<u8> {
        let fragment_len = bytes.len() as u8;
        let mut record = vec![22, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 12 + fragment_len];
        record.extend([1, 0, 0, length, 0, message, 0, 0, offset, 0, 0, fragment_len]);
        record.extend(bytes);
        record
    }

    #[test]
    fn fragments_join_over_datagrams_and_records() {
        let mut reader = DtlsReader::default();
        assert_eq!(reader.push(&record(0, 6, 4, b"ef")), None);
        assert!(looks_like(&record(0, 6, 4, b"ef")));
        assert_eq!(
            reader.push(&[record(0, 6, 2, b"cd"), record(0, 6, 0, b"ab")].concat()),
            Some(&b"abcdef"[..])
        );
        assert_eq!(reader.push(&record(1, 6, 4, b"xy")), None);
    }

    #[test]
    fn other_records_are_not_taken_for_it() {
        assert!(!looks_like(&[22, 3, 1, 0, 5, 0, 0, 0, 0, 0, 0, 0, 0]));
        assert!(!looks_like(&record(0, 6, 0, b"abc")[..14]));
        assert_eq!(DtlsReader::default().push(&[0xff; 60]), None);
    }
}
