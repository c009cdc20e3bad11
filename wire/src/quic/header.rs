//! Long headers (RFC 9000 section 17.2, version independent part: RFC 8999).
//!
//! ```text
//! 1 fixed-type-protected | version 4 | DCID length 1, DCID | SCID length 1, SCID |
//!   Initial: token length varint, token | length varint | protected packet number and payload
//! ```

use crate::cursor::Cursor;
use arrayvec::ArrayVec;

/// Longest connection identifier in versions 1 and 2 (RFC 9000 section 17.2).
pub(super) const MAX_CONNECTION_ID_LEN: usize = 20;

/// A connection identifier.
pub type ConnectionId = ArrayVec<u8, MAX_CONNECTION_ID_LEN>;

/// The versions whose Initial packets can be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// RFC 9000.
    V1,
    /// RFC 9369.
    V2,
    /// draft-ietf-quic-transport-29 to -32, which share a salt.
    Draft29(u32),
}

impl Version {
    /// From the number in the header.
    pub const fn from_number(number: u32) -> Option<Self> {
        match number {
            1 => Some(Self::V1),
            0x6b33_43cf => Some(Self::V2),
            0xff00_001d..=0xff00_0020 => Some(Self::Draft29(number)),
            _ => None,
        }
    }

    /// The number in the header.
    pub const fn number(self) -> u32 {
        match self {
            Self::V1 => 1,
            Self::V2 => 0x6b33_43cf,
            Self::Draft29(number) => number,
        }
    }
}

/// What a long header begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PacketType {
    /// Carries the first CRYPTO frames of both sides.
    Initial,
    /// Early data.
    ZeroRtt,
    /// The rest of the handshake.
    Handshake,
    /// A server's demand to prove the address; without a length.
    Retry,
}

impl PacketType {
    /// The two bits mean something else in version 2 (RFC 9369 section 3.2).
    const fn from_bits(version: Version, first_byte: u8) -> Self {
        let bits = first_byte >> 4 & 3;
        let bits = match version {
            Version::V2 => bits.wrapping_sub(1) & 3,
            Version::V1 | Version::Draft29(_) => bits,
        };
        match bits {
            0 => Self::Initial,
            1 => Self::ZeroRtt,
            2 => Self::Handshake,
            _ => Self::Retry,
        }
    }
}

/// A long header, as far as it is not protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LongHeader<'a> {
    /// Version.
    pub version: Version,
    /// Type of packet.
    pub packet_type: PacketType,
    /// Destination connection identifier.
    pub destination: &'a [u8],
    /// Where in the packet the protected packet number begins.
    pub payload_offset: usize,
}

/// What a datagram's first byte and version say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// A long header of a version that can be read.
    Long(Version),
    /// A Version Negotiation packet (RFC 8999 section 6).
    VersionNegotiation,
}

/// Whether `datagram` begins with a long header of a known version or is a Version Negotiation packet.
///
/// The 32 bits of the version make a chance hit on other protocols rare, and lengths that fit make it rarer.
pub fn looks_like(datagram: &[u8]) -> Option<Form> {
    let (first_byte, number, mut cursor) = invariants(datagram)?;
    if number == 0 {
        let versions = cursor.rest();
        let plausible = !versions.is_empty() && versions.len().is_multiple_of(4) && versions.len() <= 4 * 64;
        let known = || versions.chunks_exact(4).any(is_known_version);
        return (plausible && known()).then_some(Form::VersionNegotiation);
    }
    let version = Version::from_number(number)?;
    let is_initial = PacketType::from_bits(version, first_byte) == PacketType::Initial;
    let mut token_fits = || varint(&mut cursor).is_some_and(|length| length <= cursor.len() as u64);
    (!is_initial || token_fits()).then_some(Form::Long(version))
}

fn is_known_version(bytes: &[u8]) -> bool {
    Cursor::new(bytes).u32().is_ok_and(|number| Version::from_number(number).is_some())
}

/// The fields of all versions (RFC 8999 section 5.1); the cursor is left behind the source identifier.
fn invariants(packet: &[u8]) -> Option<(u8, u32, Cursor<'_>)> {
    let mut cursor = Cursor::new(packet);
    let first_byte = cursor.u8().ok()?;
    let number = cursor.u32().ok()?;
    if first_byte & 0x80 == 0 || number != 0 && first_byte & 0x40 == 0 {
        return None;
    }
    connection_id(&mut cursor)?;
    connection_id(&mut cursor)?;
    Some((first_byte, number, cursor))
}

fn connection_id<'a>(cursor: &mut Cursor<'a>) -> Option<&'a [u8]> {
    let length = usize::from(cursor.u8().ok()?);
    if length > MAX_CONNECTION_ID_LEN {
        return None;
    }
    cursor.take(length).ok()
}

/// The first packet of `datagram`, its header, and the packets behind it. `None` when there is no long header of a
/// known version, or a packet is longer than what is there.
pub(super) fn split_packet(datagram: &[u8]) -> Option<(LongHeader<'_>, &[u8], &[u8])> {
    let (first_byte, number, mut cursor) = invariants(datagram)?;
    let version = Version::from_number(number)?;
    let packet_type = PacketType::from_bits(version, first_byte);
    let destination = connection_id(&mut Cursor::new(datagram.get(5..)?))?;
    if packet_type == PacketType::Retry {
        return Some((
            LongHeader { version, packet_type, destination, payload_offset: datagram.len() },
            datagram,
            &[],
        ));
    }
    if packet_type == PacketType::Initial {
        let token_len = varint(&mut cursor)?;
        cursor.skip(usize::try_from(token_len).ok()?).ok()?;
    }
    let length = usize::try_from(varint(&mut cursor)?).ok()?;
    let payload_offset = datagram.len() - cursor.len();
    let (packet, behind) = datagram.split_at_checked(payload_offset.checked_add(length)?)?;
    Some((LongHeader { version, packet_type, destination, payload_offset }, packet, behind))
}

/// A variable-length integer (RFC 9000 section 16).
pub(super) fn varint(cursor: &mut Cursor<'_>) -> Option<u64> {
    let first = cursor.u8().ok()?;
    let more = (1_u32 << (first >> 6)) - 1;
    let mut value = u64::from(first & 0x3f);
    for _ in 0..more {
        value = value << 8 | u64::from(cursor.u8().ok()?);
    }
    Some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn varints_of_the_rfc() {
        let read = |bytes: &[u8]| varint(&mut Cursor::new(bytes));
        assert_eq!(read(&[0xc2, 0x19, 0x7c, 0x5e, 0xff, 0x14, 0xe8, 0x8c]), Some(151_288_809_941_952_652));
        assert_eq!(read(&[0x9d, 0x7f, 0x3e, 0x7d]), Some(494_878_333));
        assert_eq!(read(&[0x7b, 0xbd]), Some(15_293));
        assert_eq!(read(&[0x40, 0x25]), Some(37));
        assert_eq!(read(&[0x40]), None);
    }

    #[test]
    fn version_negotiation_is_recognised_by_its_versions() {
        let packet = |versions: &[u8]| [&[0x80, 0, 0, 0, 0, 1, 0xaa, 0][..], versions].concat();
        assert_eq!(looks_like(&packet(&[0, 0, 0, 1])), Some(Form::VersionNegotiation));
        assert_eq!(looks_like(&packet(&[0x1a, 0x2a, 0x3a, 0x4a])), None);
        assert_eq!(looks_like(&packet(&[0, 0, 0])), None);
        assert_eq!(looks_like(&packet(&[])), None);
    }

    #[test]
    fn identifiers_beyond_twenty_bytes_are_refused() {
        let mut packet = vec![0xc0, 0, 0, 0, 1, 21];
        packet.resize(1_200, 0);
        assert_eq!(looks_like(&packet), None);
        packet[5] = 20;
        assert_eq!(looks_like(&packet), Some(Form::Long(Version::V1)));
        packet[0] = 0x80;
        assert_eq!(looks_like(&packet), None);
    }
}
