//! Positions in a message, and the names in it (RFC 1035 sections 3.1 and 4.1.4).

use super::DnsError;
use crate::cursor::{Cursor, Short};
use arrayvec::ArrayVec;
use weir_model::Name;

/// Octets of the longest name, with its length bytes and the root (RFC 1035 section 2.3.4).
const MAX_NAME_OCTETS: usize = 255;
/// Labels of the longest name: each takes at least two octets, and the root one.
const MAX_LABELS: usize = MAX_NAME_OCTETS / 2;

/// A position in a message that can follow compression pointers into what precedes it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reader<'a> {
    message: &'a [u8],
    position: usize,
    /// Not beyond here: the end of the message, or of a record's data.
    end: usize,
}

impl<'a> Reader<'a> {
    pub(super) const fn new(message: &'a [u8], position: usize) -> Self {
        Self { message, position, end: message.len() }
    }

    /// Bytes not read.
    pub(super) const fn left(&self) -> usize {
        self.end.saturating_sub(self.position)
    }

    /// What has not been read.
    pub(super) fn rest(&self) -> &'a [u8] {
        self.message.get(self.position..self.end).unwrap_or_default()
    }

    pub(super) fn take(&mut self, count: usize) -> Result<&'a [u8], Short> {
        let taken = Cursor::new(self.rest()).take(count)?;
        self.position += count;
        Ok(taken)
    }

    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], Short> {
        let taken = Cursor::new(self.rest()).array()?;
        self.position += N;
        Ok(taken)
    }

    pub(super) fn u8(&mut self) -> Result<u8, Short> {
        self.array().map(|[byte]| byte)
    }

    pub(super) fn u16(&mut self) -> Result<u16, Short> {
        self.array().map(u16::from_be_bytes)
    }

    pub(super) fn u32(&mut self) -> Result<u32, Short> {
        self.array().map(u32::from_be_bytes)
    }

    /// A reader of the next `count` bytes, which still sees the message before them.
    pub(super) fn sub(&mut self, count: usize) -> Result<Self, Short> {
        let position = self.position;
        self.take(count)?;
        Ok(Self { message: self.message, position, end: self.position })
    }

    /// The name here. Every pointer must lead to before the part that it ends, so that a name takes at most as many
    /// steps as the message has bytes; the limit of 255 octets ends it far sooner.
    pub(super) fn name(&mut self) -> Result<Name, DnsError> {
        let mut labels = ArrayVec::<&'a [u8], MAX_LABELS>::new();
        let mut octets = 1;
        let mut part = *self;
        let mut part_start = self.position;
        let mut is_first_part = true;
        loop {
            let length = part.u8()?;
            match length {
                0 => break,
                0x01..=0x3f => {
                    let label = part.take(usize::from(length))?;
                    octets += 1 + label.len();
                    if octets > MAX_NAME_OCTETS || labels.try_push(label).is_err() {
                        return Err(DnsError::NameTooLong);
                    }
                }
                0x40..=0xbf => return Err(DnsError::LabelType(length)),
                0xc0..=0xff => {
                    let target = usize::from(u16::from_be_bytes([length & 0x3f, part.u8()?]));
                    if target >= part_start {
                        return Err(DnsError::Pointer);
                    }
                    if is_first_part {
                        self.position = part.position;
                        is_first_part = false;
                    }
                    part = Self::new(self.message, target);
                    part_start = target;
                }
            }
        }
        if is_first_part {
            self.position = part.position;
        }
        Name::from_labels(labels.iter().copied()).ok_or(DnsError::NameTooLong)
    }
}
