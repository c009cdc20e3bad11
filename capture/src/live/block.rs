//! The layout of a block of a ring (TPACKET_V3; Linux' `if_packet.h`): a header, then frames, each with a header of
//! its own that says where the next one begins.
//!
//! ```text
//!   block:  version u32, private u32, status u32, frames u32, first u32, ...
//!   frame:  next u32, seconds u32, nanoseconds u32, captured u32, length u32, status u32, mac u16, net u16,
//!           hash u32, tag u32, tag's type u16, ... at 48: struct sockaddr_ll ... at `mac`: bytes
//! ```
//!
//! The kernel is to be trusted, but every number is checked: a block that contradicts itself ends the ring, nothing
//! worse.

use weir_model::Timestamp;
use weir_model::frame::LinkType;

/// Where in a block it stands whose it is.
pub(super) const STATUS_AT: usize = 8;
const FRAMES_AT: usize = 12;
const FIRST_AT: usize = 16;

/// Bytes of `struct tpacket3_hdr`, which `struct sockaddr_ll` follows.
const ADDRESS_AT: usize = 48;
/// Bytes of both.
const HEADER_BYTES: usize = 68;

/// Bytes of the pseudo-header of cooked frames (`LINKTYPE_LINUX_SLL`).
const COOKED_BYTES: usize = 16;
const TAG_BYTES: usize = 4;
const ETHERTYPE_VLAN: u16 = 0x8100;

/// What is to be known of a ring to read its frames.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shape {
    pub(super) link: LinkType,
    /// Frames lack their link header, and get a pseudo-header.
    pub(super) is_cooked: bool,
    /// Bytes given of a frame, at most.
    pub(super) snap_len: usize,
}

/// Where in a block the next frame begins, and how many are left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Position {
    at: usize,
    left: u32,
}

/// A frame in a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Found<'a> {
    pub(super) time: Timestamp,
    pub(super) original_len: u32,
    /// What the filter let the kernel keep of it, headers that are put in front not counted.
    pub(super) kept_len: u32,
    pub(super) data: &'a [u8],
}

impl Position {
    /// Of the first frame. `None` when the block contradicts itself.
    pub(super) fn first(block: &[u8]) -> Option<Self> {
        Some(Self { at: word(block, FIRST_AT)? as usize, left: word(block, FRAMES_AT)? })
    }

    /// Whether there is no frame any more.
    pub(super) const fn is_end(self) -> bool {
        self.left == 0
    }

    /// Reads the frame here, and goes on to the next. What the kernel or the card took off the frame is put back in
    /// front of it, where there is room for that. `None` when the block contradicts itself.
    pub(super) fn read<'a>(&mut self, block: &'a mut [u8], shape: &Shape) -> Option<Found<'a>> {
        let rest = block.get_mut(self.at..)?;
        let header = Header::read(rest.first_chunk()?);
        self.left = self.left.checked_sub(1)?;
        if self.left > 0 {
            // Behind this one, so that it comes to an end.
            self.at = self.at.checked_add((header.next > 0).then_some(header.next as usize)?)?;
        }
        let mut start = usize::from(header.mac);
        let end = start.checked_add(header.kept_len as usize).filter(|end| *end <= rest.len())?;
        let mut original_len = header.original_len;
        if shape.is_cooked {
            start = start.checked_sub(COOKED_BYTES).filter(|start| *start >= HEADER_BYTES)?;
            let cooked = cooked(rest.get(ADDRESS_AT..HEADER_BYTES)?.first_chunk()?);
            rest.get_mut(start..start + COOKED_BYTES)?.copy_from_slice(&cooked);
            original_len = original_len.saturating_add(COOKED_BYTES as u32);
        }
        if let Some((tag, at)) = header.tag().zip(tag_place(shape.link)).filter(|(_, at)| end - start >= *at)
        {
            start = start.checked_sub(TAG_BYTES).filter(|start| *start >= HEADER_BYTES)?;
            let front = rest.get_mut(start..start + TAG_BYTES + at)?;
            front.copy_within(TAG_BYTES.., 0);
            front.get_mut(at..)?.copy_from_slice(&tag);
            original_len = original_len.saturating_add(TAG_BYTES as u32);
        }
        let end = end.min(start.saturating_add(shape.snap_len));
        let data = rest.get(start..end)?;
        Some(Found { time: header.time, original_len, kept_len: header.kept_len, data })
    }
}

/// `struct tpacket3_hdr`, as far as it is needed.
struct Header {
    next: u32,
    time: Timestamp,
    kept_len: u32,
    original_len: u32,
    status: u32,
    /// Where the frame's bytes begin, from here.
    mac: u16,
    tag: u16,
    tag_type: u16,
}

impl Header {
    fn read(bytes: &[u8; HEADER_BYTES]) -> Self {
        let word = |at: usize| word(bytes, at).unwrap_or_default();
        let half = |at: usize| half(bytes, at).unwrap_or_default();
        Self {
            next: word(0),
            time: Timestamp::new(u64::from(word(4)), word(8)),
            kept_len: word(12),
            original_len: word(16),
            status: word(20),
            mac: half(24),
            tag: word(32) as u16,
            tag_type: half(36),
        }
    }

    /// The VLAN tag that the kernel or the card took off, as it was on the wire.
    fn tag(&self) -> Option<[u8; TAG_BYTES]> {
        if self.status & libc::TP_STATUS_VLAN_VALID == 0 && self.tag == 0 {
            return None;
        }
        let is_type_known = self.status & libc::TP_STATUS_VLAN_TPID_VALID != 0 || self.tag_type != 0;
        let kind = if is_type_known { self.tag_type } else { ETHERTYPE_VLAN };
        let ([k0, k1], [t0, t1]) = (kind.to_be_bytes(), self.tag.to_be_bytes());
        Some([k0, k1, t0, t1])
    }
}

/// In front of which byte a tag belongs: the EtherType.
const fn tag_place(link: LinkType) -> Option<usize> {
    match link {
        LinkType::ETHERNET => Some(12),
        LinkType::LINUX_SLL => Some(14),
        _ => None,
    }
}

/// `LINKTYPE_LINUX_SLL`, all in network byte order: packet type, hardware type, length of the address, address,
/// protocol. It is made of `struct sockaddr_ll`: family u16, protocol u16 (as on the wire), interface u32, hardware
/// type u16, packet type u8, length of the address u8, address.
fn cooked(address: &[u8; HEADER_BYTES - ADDRESS_AT]) -> [u8; COOKED_BYTES] {
    let [_, _, p0, p1, _, _, _, _, h0, h1, kind, len, a0, a1, a2, a3, a4, a5, a6, a7] = *address;
    let [h0, h1] = u16::from_ne_bytes([h0, h1]).to_be_bytes();
    [0, kind, h0, h1, 0, len, a0, a1, a2, a3, a4, a5, a6, a7, p0, p1]
}

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().map(|four| u32::from_ne_bytes(*four))
}

fn half(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..)?.first_chunk().map(|two| u16::from_ne_bytes(*two))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::mem::offset_of;

    const ETHERNET: Shape = Shape { link: LinkType::ETHERNET, is_cooked: false, snap_len: 65_535 };
    const COOKED: Shape = Shape { link: LinkType::LINUX_SLL, is_cooked: true, snap_len: 65_535 };

    #[test]
    fn offsets_are_those_of_the_kernel() {
        use libc::{sockaddr_ll, tpacket_block_desc, tpacket_hdr_v1, tpacket_hdr_variant1, tpacket3_hdr};
        let header = offset_of!(tpacket_block_desc, hdr);
        assert_eq!(STATUS_AT, header + offset_of!(tpacket_hdr_v1, block_status));
        assert_eq!(FRAMES_AT, header + offset_of!(tpacket_hdr_v1, num_pkts));
        assert_eq!(FIRST_AT, header + offset_of!(tpacket_hdr_v1, offset_to_first_pkt));
        assert_eq!(ADDRESS_AT, size_of::<tpacket3_hdr>());
        assert_eq!(HEADER_BYTES, ADDRESS_AT + size_of::<sockaddr_ll>());
        assert_eq!((12, 20), (offset_of!(tpacket3_hdr, tp_snaplen), offset_of!(tpacket3_hdr, tp_status)));
        assert_eq!(24, offset_of!(tpacket3_hdr, tp_mac));
        let variant = offset_of!(tpacket3_hdr, hv1);
        assert_eq!(32, variant + offset_of!(tpacket_hdr_variant1, tp_vlan_tci));
        assert_eq!(36, variant + offset_of!(tpacket_hdr_variant1, tp_vlan_tpid));
    }

    /// A frame of a block: (room in front of its bytes, status, tag, tag's type, bytes).
    type Written<'a> = (usize, u32, u32, u16, &'a [u8]);

    /// A block with these frames, each said to have been 10 bytes longer.
    fn block_of(frames: &[Written<'_>]) -> Vec<u8> {
        let mut block = vec![0; 48];
        block[FRAMES_AT..FRAMES_AT + 4].copy_from_slice(&(frames.len() as u32).to_ne_bytes());
        block[FIRST_AT..FIRST_AT + 4].copy_from_slice(&48_u32.to_ne_bytes());
        for (room, status, tag, tag_type, data) in frames {
            let mac = HEADER_BYTES + room;
            let next = (mac + data.len()).next_multiple_of(16);
            let mut frame = Vec::new();
            let words =
                [next as u32, 1_700_000_000, 999_999_999, data.len() as u32, data.len() as u32 + 10, *status];
            frame.extend(words.iter().flat_map(|word| word.to_ne_bytes()));
            frame.extend((mac as u16).to_ne_bytes());
            frame.extend([0; 6]);
            frame.extend(tag.to_ne_bytes());
            frame.extend(tag_type.to_ne_bytes());
            frame.resize(ADDRESS_AT, 0);
            frame.extend([17, 0, 0x86, 0xdd, 3, 0, 0, 0, 0, 2, 4, 6]);
            frame[ADDRESS_AT + 8..ADDRESS_AT + 10].copy_from_slice(&512_u16.to_ne_bytes());
            frame.extend([1, 2, 3, 4, 5, 6, 0, 0]);
            frame.resize(mac, 0xee);
            frame.extend_from_slice(data);
            frame.resize(next, 0);
            block.extend(frame);
        }
        block
    }

    fn all(block: &mut [u8], shape: &Shape) -> Option<Vec<(u32, Vec<u8>)>> {
        let mut position = Position::first(block)?;
        let mut frames = Vec::new();
        while !position.is_end() {
            let found = position.read(block, shape)?;
            frames.push((found.original_len, found.data.to_vec()));
        }
        Some(frames)
    }

    #[test]
    fn frames_follow_each_other_with_their_times_and_lengths() {
        let mut block =
            block_of(&[(14, 1, 0, 0, b"first frame!!!"), (20, 1, 0, 0, b""), (14, 1, 0, 0, b"third")]);
        let mut position = Position::first(&block).unwrap();
        let found = position.read(&mut block, &ETHERNET).unwrap();
        assert_eq!(found.time, Timestamp::new(1_700_000_000, 999_999_999));
        assert_eq!((found.original_len, found.kept_len, found.data), (24, 14, &b"first frame!!!"[..]));
        let rest: Vec<_> = all(&mut block, &ETHERNET).unwrap().into_iter().skip(1).collect();
        assert_eq!(rest, [(10, b"".to_vec()), (15, b"third".to_vec())]);
        let short = Shape { snap_len: 5, ..ETHERNET };
        assert_eq!(all(&mut block, &short).unwrap()[0], (24, b"first".to_vec()));
    }

    #[test]
    fn tags_are_put_back_with_their_type() {
        let frame = b"ddddddssssss\x08\x00payload";
        let of = |status, tag, kind| {
            let mut block = block_of(&[(18, status, tag, kind, frame)]);
            all(&mut block, &ETHERNET).unwrap().remove(0)
        };
        let tagged =
            |tag: &[u8]| (frame.len() as u32 + 14, [b"ddddddssssss", tag, b"\x08\x00payload"].concat());
        assert_eq!(of(libc::TP_STATUS_VLAN_VALID, 0x2005, 0), tagged(&[0x81, 0, 0x20, 5]));
        let known = libc::TP_STATUS_VLAN_VALID | libc::TP_STATUS_VLAN_TPID_VALID;
        assert_eq!(of(known, 0, 0x88a8), tagged(&[0x88, 0xa8, 0, 0]));
        assert_eq!(of(0, 7, 0), tagged(&[0x81, 0, 0, 7]), "kernels before 3.0 set no status");
        assert_eq!(of(1, 0, 0), (frame.len() as u32 + 10, frame.to_vec()));
        let mut cut = block_of(&[(18, known, 5, 0x8100, b"dddddd")]);
        assert_eq!(all(&mut cut, &ETHERNET).unwrap(), [(16, b"dddddd".to_vec())], "too short to have a tag");
    }

    #[test]
    fn cooked_frames_get_their_pseudo_header_and_tag() {
        let header = [0, 4, 2, 0, 0, 6, 1, 2, 3, 4, 5, 6, 0, 0];
        let mut block = block_of(&[(32, 1, 0, 0, b"payload"), (32, libc::TP_STATUS_VLAN_VALID, 5, 0, b"p")]);
        let frames = all(&mut block, &COOKED).unwrap();
        assert_eq!(frames[0], (33, [&header[..], &[0x86, 0xdd], b"payload"].concat()));
        assert_eq!(frames[1], (31, [&header[..], &[0x81, 0, 0, 5, 0x86, 0xdd], b"p"].concat()));
        let mut narrow = block_of(&[(8, 1, 0, 0, b"payload")]);
        assert_eq!(all(&mut narrow, &COOKED), None, "no room for the header");
    }

    #[test]
    fn a_block_that_contradicts_itself_is_refused() {
        let good = block_of(&[(14, 1, 0, 0, b"one"), (14, 1, 0, 0, b"two")]);
        let with = |at: usize, value: u32| {
            let mut block = good.clone();
            block[at..at + 4].copy_from_slice(&value.to_ne_bytes());
            all(&mut block, &ETHERNET)
        };
        assert!(with(FRAMES_AT, 2).is_some());
        assert_eq!(with(FRAMES_AT, 3), None, "more frames than there are");
        assert_eq!(with(FIRST_AT, u32::MAX), None);
        assert_eq!(with(48, 0), None, "the next frame is this one");
        assert_eq!(with(48, u32::MAX), None);
        assert_eq!(with(48 + 12, u32::MAX), None, "longer than the block");
        assert_eq!(with(48 + 24, 0xffff), None, "bytes begin behind the block");
    }

    proptest! {
        #[test]
        fn survives_anything(
            mut block in proptest::collection::vec(any::<u8>(), 0..400),
            first in 0_u32..400,
            is_cooked: bool,
            mac in 0_u16..200,
        ) {
            if block.len() >= 48 {
                block[FIRST_AT..FIRST_AT + 4].copy_from_slice(&first.to_ne_bytes());
                if let Some(bytes) = block.get_mut(first as usize + 24..first as usize + 26) {
                    bytes.copy_from_slice(&mac.to_ne_bytes());
                }
            }
            let link = if is_cooked { LinkType::LINUX_SLL } else { LinkType::ETHERNET };
            all(&mut block, &Shape { link, is_cooked, snap_len: 100 });
        }
    }
}
