//! Messages as they lie in the spool: a version, a checksum, and CBOR (RFC 8949).
//!
//! Fields are stored by name, so a version of Weir that knows more of them reads what an older one wrote as long as what was added is an
//! `Option` or has a default. What cannot be read so needs another version; [`decode`] then has to know both.

use crate::Message;
use serde::{Deserialize, Serialize};
use std::fmt;
use weir_model::{Alert, SourceNotice};

/// The form that [`encode`] writes.
pub const VERSION: u8 = 1;

/// Version and checksum in front of the CBOR.
const HEAD_BYTES: usize = 5;

/// Most levels of arrays and maps within each other that are read; messages have under 12. Hostile bytes could exhaust the stack by more.
const MAX_DEPTH: usize = 32;

/// Why bytes are no message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unreadable {
    /// A later version of Weir wrote it in this form.
    Later(u8),
    /// The bytes are not those that were written, or never were a message.
    Damaged,
}

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Later(version) => {
                write!(
                    f,
                    "it was stored by a later version of Weir (form {version}, this one knows {VERSION})"
                )
            }
            Self::Damaged => f.write_str("what is stored of it is damaged"),
        }
    }
}

impl std::error::Error for Unreadable {}

/// What cannot be stored, because it is only made behind the spool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotStored;

impl fmt::Display for NotStored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a message of this kind is not stored")
    }
}

impl std::error::Error for NotStored {}

/// A message as bytes, appended to `bytes`.
pub fn encode(message: &Message, bytes: &mut Vec<u8>) -> Result<(), NotStored> {
    let start = bytes.len();
    bytes.extend([VERSION, 0, 0, 0, 0]);
    let written = match message {
        Message::Alert(alert) => ciborium::into_writer(&Written::Alert(alert), &mut *bytes),
        Message::Notice(notice) => ciborium::into_writer(&Written::Notice(notice), &mut *bytes),
        Message::Stripped(_) => {
            bytes.truncate(start);
            return Err(NotStored);
        }
    };
    let sum = checksum(bytes.get(start + HEAD_BYTES..).unwrap_or_default());
    if let Some(place) = bytes.get_mut(start + 1..start + HEAD_BYTES) {
        place.copy_from_slice(&sum);
    }
    // Writing into memory does not fail.
    written.map_err(|_| NotStored)
}

/// The message that [`encode`] made these bytes of. Whatever they are: no panic, and no more memory than a few times their length.
pub fn decode(bytes: &[u8]) -> Result<Message, Unreadable> {
    let (head, mut body) = bytes.split_at_checked(HEAD_BYTES).ok_or(Unreadable::Damaged)?;
    let (version, sum) = head.split_first().ok_or(Unreadable::Damaged)?;
    match *version {
        VERSION => {}
        0 => return Err(Unreadable::Damaged),
        later => return Err(Unreadable::Later(later)),
    }
    if sum != checksum(body) {
        return Err(Unreadable::Damaged);
    }
    let message = ciborium::de::from_reader_with_recursion_limit(&mut body, MAX_DEPTH);
    match message.map_err(|_| Unreadable::Damaged)? {
        _ if !body.is_empty() => Err(Unreadable::Damaged),
        Read::Alert(alert) => Ok(Message::from(*alert)),
        Read::Notice(notice) => Ok(Message::from(*notice)),
    }
}

/// CRC-32 of the body. SQLite has no checksums in its tables: a bit that a disk turned would make another alert of it.
fn checksum(body: &[u8]) -> [u8; 4] {
    let mut sum = flate2::Crc::new();
    sum.update(body);
    sum.sum().to_le_bytes()
}

#[derive(Serialize)]
enum Written<'a> {
    Alert(&'a Alert),
    Notice(&'a SourceNotice),
}

#[derive(Deserialize)]
enum Read {
    Alert(Box<Alert>),
    Notice(Box<SourceNotice>),
}

#[cfg(test)]
mod tests;
