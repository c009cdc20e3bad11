//! What is said between the process that captures and the one that opens interfaces for it.
//!
//! A request is a message of [`REQUEST_BYTES`]: the place of an interface in the list that both were started with. So
//! nothing can be asked for that is not in the list. The answer is a message as below, and, where the interface was
//! opened, a message for each ring, which brings its descriptor.
//!
//! ```text
//!   request      place u32
//!   opened       1, cooked u8, link u16, rings u16, has filter u8, instructions: code u16, jumps u8 u8, k u32
//!   refused      2, filter u8, text
//!   ring         block bytes u32, blocks u32        (and a descriptor)
//! ```
//!
//! All in the machine's own byte order, for both are on the same machine, and are the same program.

use crate::bpf::{Instruction, MAX_INSTRUCTIONS};
use crate::live::MAX_WORKERS;
use crate::live::opening::Geometry;
use weir_model::frame::LinkType;

/// Bytes of a request.
pub(super) const REQUEST_BYTES: usize = 4;

/// Bytes of a message about a ring.
pub(super) const RING_BYTES: usize = 8;

/// Bytes of the longest message: an interface with the longest filter.
pub(super) const MAX_MESSAGE_BYTES: usize = OPENED_BYTES + MAX_INSTRUCTIONS * INSTRUCTION_BYTES;

/// Bytes of the text of a refusal; what is longer is cut. libpcap's are a line or two.
const MAX_TEXT_BYTES: usize = 1024;

const OPENED: u8 = 1;
const REFUSED: u8 = 2;
const OPENED_BYTES: usize = 7;
const INSTRUCTION_BYTES: usize = 8;

/// The first message of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// As many rings follow.
    Opened { link: LinkType, is_cooked: bool, filter: Option<Vec<Instruction>>, rings: usize },
    /// Why not, and whether it is the filter's fault.
    Refused { is_filter: bool, message: String },
}

impl Answer {
    pub(super) fn write(&self) -> Vec<u8> {
        match self {
            Self::Opened { link, is_cooked, filter, rings } => {
                let mut bytes = vec![OPENED, u8::from(*is_cooked)];
                bytes.extend(link.0.to_ne_bytes());
                bytes.extend((*rings as u16).to_ne_bytes());
                bytes.push(u8::from(filter.is_some()));
                bytes.extend(filter.iter().flatten().copied().flat_map(instruction_bytes));
                bytes
            }
            Self::Refused { is_filter, message } => {
                let mut bytes = vec![REFUSED, u8::from(*is_filter)];
                let end = message.floor_char_boundary(MAX_TEXT_BYTES);
                bytes.extend(message.bytes().take(end));
                bytes
            }
        }
    }

    /// `None` where it is no answer.
    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        match *bytes {
            [OPENED, is_cooked @ 0..=1, l0, l1, r0, r1, has_filter @ 0..=1, ref filter @ ..] => {
                let rings = usize::from(u16::from_ne_bytes([r0, r1]));
                let (filter, rest) = filter.as_chunks::<INSTRUCTION_BYTES>();
                let is_right = rest.is_empty()
                    && filter.len() <= MAX_INSTRUCTIONS
                    && (has_filter == 1) != filter.is_empty()
                    && (1..=MAX_WORKERS).contains(&rings);
                let filter: Vec<_> = filter.iter().copied().map(instruction).collect();
                is_right.then_some(Self::Opened {
                    link: LinkType(u16::from_ne_bytes([l0, l1])),
                    is_cooked: is_cooked == 1,
                    filter: (has_filter == 1).then_some(filter),
                    rings,
                })
            }
            [REFUSED, is_filter @ 0..=1, ref text @ ..] if text.len() <= MAX_TEXT_BYTES => {
                let message = String::from_utf8_lossy(text).into_owned();
                Some(Self::Refused { is_filter: is_filter == 1, message })
            }
            _ => None,
        }
    }
}

pub(super) fn write_ring(geometry: Geometry) -> [u8; RING_BYTES] {
    let mut bytes = [0; RING_BYTES];
    let (size, count) = bytes.split_at_mut(RING_BYTES / 2);
    size.copy_from_slice(&geometry.block_bytes.to_ne_bytes());
    count.copy_from_slice(&geometry.blocks.to_ne_bytes());
    bytes
}

/// `None` where it is no such message.
pub(super) fn read_ring(bytes: &[u8]) -> Option<Geometry> {
    let (size, count) = bytes.split_first_chunk()?;
    let (block_bytes, blocks) = (u32::from_ne_bytes(*size), u32::from_ne_bytes(count.try_into().ok()?));
    Some(Geometry { block_bytes, blocks })
}

fn instruction_bytes(one: Instruction) -> [u8; INSTRUCTION_BYTES] {
    let ([c0, c1], [k0, k1, k2, k3]) = (one.code.to_ne_bytes(), one.k.to_ne_bytes());
    [c0, c1, one.jump_true, one.jump_false, k0, k1, k2, k3]
}

fn instruction(bytes: [u8; INSTRUCTION_BYTES]) -> Instruction {
    let [c0, c1, jump_true, jump_false, k0, k1, k2, k3] = bytes;
    let (code, k) = (u16::from_ne_bytes([c0, c1]), u32::from_ne_bytes([k0, k1, k2, k3]));
    Instruction { code, jump_true, jump_false, k }
}

const _: () = assert!(size_of::<u32>() == REQUEST_BYTES && MAX_WORKERS <= u16::MAX as usize);

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn answers_arrive_as_they_were_given() {
        let one = Instruction { code: 6, jump_true: 1, jump_false: 2, k: 0x1234_5678 };
        for filter in [None, Some(vec![one]), Some(vec![one; MAX_INSTRUCTIONS])] {
            let opened =
                Answer::Opened { link: LinkType::LINUX_SLL, is_cooked: true, filter, rings: MAX_WORKERS };
            let bytes = opened.write();
            assert!(bytes.len() <= MAX_MESSAGE_BYTES);
            assert_eq!(Answer::read(&bytes), Some(opened));
            assert_eq!(Answer::read(&bytes[..bytes.len() - 1]), None);
        }
        let long = Answer::Refused { is_filter: true, message: "ä".repeat(2000) };
        let Some(Answer::Refused { is_filter: true, message }) = Answer::read(&long.write()) else {
            panic!("it is no refusal");
        };
        assert_eq!(message, "ä".repeat(512));
        let geometry = Geometry { block_bytes: 1 << 18, blocks: 4 };
        assert_eq!(read_ring(&write_ring(geometry)), Some(geometry));
        assert_eq!(read_ring(&[0; 9]), None);
        let none = Answer::Opened { link: LinkType::RAW, is_cooked: false, filter: None, rings: 0 };
        assert_eq!(Answer::read(&none.write()), None, "no rings");
    }

    proptest! {
        #[test]
        fn survives_anything(bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
            let answer = Answer::read(&bytes);
            if let Some(opened @ Answer::Opened { .. }) = answer {
                prop_assert_eq!(opened.write(), bytes);
            }
        }
    }
}
