//! Sections: runs of bytes that a set is made of, the same in memory and in a snapshot. Numbers are little-endian.

use std::fmt;
use std::ops::{Deref, Range};
use std::sync::Arc;

/// Bytes that live somewhere: in a vector, in a file that is mapped.
pub(super) type Image = Arc<dyn AsRef<[u8]> + Send + Sync>;

/// A part of an image.
#[derive(Clone)]
pub(super) struct Section {
    image: Image,
    range: Range<usize>,
}

impl Section {
    /// `None` when the image is shorter.
    pub(super) fn of(image: &Image, range: Range<usize>) -> Option<Self> {
        (**image).as_ref().get(range.clone())?;
        Some(Self { image: Arc::clone(image), range })
    }
}

impl From<Vec<u8>> for Section {
    fn from(mut bytes: Vec<u8>) -> Self {
        bytes.shrink_to_fit();
        Self { range: 0..bytes.len(), image: Arc::new(bytes) }
    }
}

impl Deref for Section {
    type Target = [u8];

    #[inline]
    fn deref(&self) -> &[u8] {
        (*self.image).as_ref().get(self.range.clone()).unwrap_or_default()
    }
}

impl fmt::Debug for Section {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Section({} bytes)", self.range.len())
    }
}

/// The record of `N` bytes at a position counted in records.
#[inline]
pub(super) fn record<const N: usize>(bytes: &[u8], position: usize) -> Option<[u8; N]> {
    bytes.as_chunks::<N>().0.get(position).copied()
}

/// The number of 32 bits at a position counted in such numbers.
#[inline]
pub(super) fn word(bytes: &[u8], position: usize) -> Option<u32> {
    record(bytes, position).map(u32::from_le_bytes)
}

/// Overwrites the number of 32 bits at a position counted in such numbers, if it is there.
pub(super) fn set_word(bytes: &mut [u8], position: usize, value: u32) {
    if let Some(place) = bytes.as_chunks_mut::<4>().0.get_mut(position) {
        *place = value.to_le_bytes();
    }
}
