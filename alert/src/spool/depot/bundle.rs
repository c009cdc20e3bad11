//! Parcels as one row: their bytes one behind the other, compressed.
//!
//! ```text
//!   parcel = id (16)  time, ns since 1970 (u64)  length of key (u32)  key  length of body (u32)  body      numbers are little-endian
//! ```

use super::store::Row;
use crate::Format;
use crate::sinks::{Kind, Parcel};
use crate::spool::{SpoolError, SpoolErrorKind};
use std::sync::Arc;
use uuid::Uuid;
use weir_model::Timestamp;

/// A row is closed when its parcels have so many bytes: what a sink is given at once, and what is lost with a row that is damaged.
const ROW_BYTES: usize = 4 << 20;
/// Most bytes of a row; a single parcel that has more cannot be stored. What says that it unpacks to more was tampered with.
const MAX_ROW_BYTES: usize = 64 << 20;
/// A flow has a tenth of its size with it; higher levels cost more of a core than they save of a disk.
const LEVEL: i32 = 1;

/// Parcels of one kind and format, ready to be appended.
#[derive(Debug)]
pub(super) struct Packed {
    pub(super) kind: Kind,
    pub(super) format: Format,
    pub(super) parcels: u64,
    /// Before they were compressed.
    pub(super) bytes: u64,
    pub(super) body: Vec<u8>,
}

/// Packs parcels in their order.
pub(super) fn pack(parcels: &[Parcel]) -> Result<Vec<Packed>, SpoolError> {
    let mut packed = Vec::new();
    for alike in parcels.chunk_by(|one, next| (one.kind, one.format) == (next.kind, next.format)) {
        let Some((kind, format)) = alike.first().map(|first| (first.kind, first.format)) else { continue };
        let (mut bytes, mut count) = (Vec::new(), 0);
        for (index, parcel) in alike.iter().enumerate() {
            put(parcel, &mut bytes)?;
            count += 1;
            if bytes.len() >= ROW_BYTES || index + 1 == alike.len() {
                packed.push(close(kind, format, std::mem::take(&mut count), &std::mem::take(&mut bytes))?);
            }
        }
    }
    Ok(packed)
}

fn close(kind: Kind, format: Format, parcels: u64, bytes: &[u8]) -> Result<Packed, SpoolError> {
    if bytes.len() > MAX_ROW_BYTES {
        return Err(not_stored("it is too large"));
    }
    let body = zstd::bulk::compress(bytes, LEVEL).map_err(|error| not_stored(&error.to_string()))?;
    Ok(Packed { kind, format, parcels, bytes: bytes.len() as u64, body })
}

fn put(parcel: &Parcel, bytes: &mut Vec<u8>) -> Result<(), SpoolError> {
    bytes.extend_from_slice(parcel.id.as_bytes());
    bytes.extend_from_slice(&parcel.time.as_nanos().to_le_bytes());
    for part in [parcel.key.as_bytes(), &parcel.body] {
        let length = u32::try_from(part.len()).map_err(|_| not_stored("it is too large"))?;
        bytes.extend_from_slice(&length.to_le_bytes());
        bytes.extend_from_slice(part);
    }
    Ok(())
}

fn not_stored(detail: &str) -> SpoolError {
    SpoolError::new(SpoolErrorKind::NotStored, detail)
}

/// The parcels of a row; `None` where it is damaged, or of a kind or format that a later Weir has.
pub(super) fn unpack(row: &Row) -> Option<Arc<[Parcel]>> {
    let kind = kind(&row.kind)?;
    let format = Format::parse(&row.format)?;
    let room = usize::try_from(row.bytes).ok().filter(|bytes| *bytes <= MAX_ROW_BYTES)?;
    let bytes = zstd::bulk::decompress(&row.body, room).ok()?;
    let mut rest = bytes.as_slice();
    let mut parcels = Vec::new();
    while !rest.is_empty() {
        parcels.push(take(&mut rest, kind, format)?);
    }
    (parcels.len() as u64 == row.parcels).then(|| parcels.into())
}

/// The kind of that name.
pub(super) fn kind(name: &str) -> Option<Kind> {
    Kind::ALL.into_iter().find(|kind| kind.plural() == name)
}

fn take(rest: &mut &[u8], kind: Kind, format: Format) -> Option<Parcel> {
    let id = Uuid::from_bytes(array(rest)?);
    let time = Timestamp::from_nanos(u64::from_le_bytes(array(rest)?));
    let key = String::from_utf8(part(rest)?.to_vec()).ok()?;
    let body = part(rest)?.to_vec();
    Some(Parcel { kind, id, key, time, body, format, message: None })
}

fn array<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
    let (array, behind) = rest.split_first_chunk()?;
    *rest = behind;
    Some(*array)
}

fn part<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let length = usize::try_from(u32::from_le_bytes(array(rest)?)).ok()?;
    let (part, behind) = rest.split_at_checked(length)?;
    *rest = behind;
    Some(part)
}
