//! Frames by the hundred: the unit in which everything downstream works.

use std::ops::Range;
use std::sync::Arc;

use weir_model::Frame;
use weir_model::Timestamp;
use weir_model::frame::LinkType;

use crate::block::Block;
use crate::record::MAX_CAPTURED_BYTES;
use crate::stream::Place;

/// Frames in one batch: enough to hide the latency of memory behind each other, few enough to stay in the cache.
pub const MAX_BATCH_FRAMES: usize = 256;

/// Bytes in one batch. It is full when another frame of [`MAX_CAPTURED_BYTES`] might not fit.
pub const MAX_BATCH_BYTES: usize = 1024 * 1024;

/// Frames; their bytes lie in the blocks that they were read into, or else in the batch's own arena. Made once and filled again and
/// again: clearing keeps the arena, and lets go of the blocks.
#[derive(Debug, Default)]
pub struct FrameBatch {
    arena: Vec<u8>,
    blocks: Vec<Block>,
    metas: Vec<Meta>,
}

/// A frame without its bytes.
#[derive(Clone, Copy, Debug)]
struct Meta {
    number: u64,
    time: Timestamp,
    /// Where its bytes begin in the block, or in the arena.
    start: u32,
    len: u32,
    original_len: u32,
    link: LinkType,
    /// Which block, or [`ARENA`].
    place: u16,
}

const ARENA: u16 = u16::MAX;

impl FrameBatch {
    /// Empty; memory comes with the first frames.
    pub fn new() -> Self {
        Self::default()
    }

    /// How many frames it holds.
    pub fn len(&self) -> usize {
        self.metas.len()
    }

    /// Whether it holds none.
    pub fn is_empty(&self) -> bool {
        self.metas.is_empty()
    }

    /// Whether no further frame may be added.
    pub fn is_full(&self) -> bool {
        self.metas.len() >= MAX_BATCH_FRAMES || self.arena.len() > MAX_BATCH_BYTES - MAX_CAPTURED_BYTES
    }

    /// Forgets the frames and keeps the memory.
    pub fn clear(&mut self) {
        self.arena.clear();
        self.blocks.clear();
        self.metas.clear();
    }

    /// Copies a frame in; `false`, and nothing done, when the batch is full or the frame larger than
    /// [`MAX_CAPTURED_BYTES`].
    pub fn push(&mut self, frame: Frame<'_>) -> bool {
        if self.is_full() || frame.data.len() > MAX_CAPTURED_BYTES {
            return false;
        }
        let start = self.arena.len();
        self.arena.extend_from_slice(frame.data);
        self.push_meta(&frame, start, frame.data.len(), ARENA);
        true
    }

    /// Takes a frame in that was read: without copying, where its bytes are in a block. `false` as [`Self::push`].
    pub(crate) fn take(&mut self, frame: Frame<'_>, place: Option<Place<'_>>) -> bool {
        let Some(Place { block, start }) = place else {
            return self.push(frame);
        };
        if self.is_full() {
            return false;
        }
        let place = self.place_of(block);
        self.push_meta(&frame, start, frame.data.len(), place);
        true
    }

    /// The number of a block, which is kept until the batch is cleared. At most one is new for each frame.
    pub(crate) fn place_of(&mut self, block: &Block) -> u16 {
        let known = self.blocks.iter().rposition(|known| Arc::ptr_eq(known, block));
        let place = known.unwrap_or_else(|| {
            self.blocks.push(Arc::clone(block));
            self.blocks.len() - 1
        });
        place as u16
    }

    /// Takes one of the frames of another batch, as [`Self::push`] does, but without copying where its bytes are in a block.
    pub fn push_from(&mut self, other: &Self, index: usize) -> bool {
        let Some(meta) = other.metas.get(index) else {
            return false;
        };
        let place = other.blocks.get(usize::from(meta.place));
        self.take(other.frame(meta), place.map(|block| Place { block, start: meta.start as usize }))
    }

    /// Adds a frame whose bytes are at that place, whatever its data says.
    #[inline]
    pub(crate) fn push_meta(&mut self, frame: &Frame<'_>, start: usize, len: usize, place: u16) {
        self.metas.push(Meta {
            number: frame.number,
            time: frame.time,
            start: start as u32,
            len: len as u32,
            original_len: frame.original_len,
            link: frame.link,
            place,
        });
    }

    /// The frames, in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Frame<'_>> {
        self.range(0..self.len())
    }

    /// Some of the frames, in order; none where the range is not within the batch.
    pub fn range(&self, range: Range<usize>) -> impl ExactSizeIterator<Item = Frame<'_>> {
        let metas = self.metas.get(range).unwrap_or_default();
        metas.iter().map(|meta| self.frame(meta))
    }

    fn frame(&self, meta: &Meta) -> Frame<'_> {
        let bytes = match self.blocks.get(usize::from(meta.place)) {
            Some(block) => &block[..],
            None => &self.arena[..],
        };
        let start = meta.start as usize;
        Frame {
            number: meta.number,
            time: meta.time,
            link: meta.link,
            original_len: meta.original_len,
            data: bytes.get(start..start + meta.len as usize).unwrap_or_default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(number: u64, data: &[u8]) -> Frame<'_> {
        Frame { number, time: Timestamp::from_nanos(number), link: LinkType::ETHERNET, original_len: 9, data }
    }

    #[test]
    fn gives_back_what_was_put_in() {
        let mut batch = FrameBatch::new();
        assert!(batch.push(frame(1, b"one")));
        assert!(batch.push(frame(2, b"")));
        assert!(batch.push(frame(3, b"three")));
        let data: Vec<_> = batch.iter().map(|frame| (frame.number, frame.data)).collect();
        assert_eq!(data, [(1, &b"one"[..]), (2, b""), (3, b"three")]);
        batch.clear();
        assert!(batch.is_empty());
    }

    #[test]
    fn is_bounded_in_frames_and_in_bytes() {
        let mut batch = FrameBatch::new();
        while batch.push(frame(1, b"x")) {}
        assert_eq!(batch.len(), MAX_BATCH_FRAMES);
        batch.clear();
        let large = vec![0; MAX_CAPTURED_BYTES];
        while batch.push(frame(1, &large)) {}
        assert_eq!(batch.len(), 4);
        assert!(batch.arena.len() <= MAX_BATCH_BYTES);
        batch.clear();
        assert!(!batch.push(frame(1, &vec![0; MAX_CAPTURED_BYTES + 1])));
    }
}
