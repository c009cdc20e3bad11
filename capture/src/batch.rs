//! Frames by the hundred: the unit in which everything downstream works.

use weir_model::Frame;
use weir_model::Timestamp;
use weir_model::frame::LinkType;

use crate::record::MAX_CAPTURED_BYTES;

/// Frames in one batch: enough to hide the latency of memory behind each other, few enough to stay in the cache.
pub const MAX_BATCH_FRAMES: usize = 256;

/// Bytes in one batch. It is full when another frame of [`MAX_CAPTURED_BYTES`] might not fit.
pub const MAX_BATCH_BYTES: usize = 1024 * 1024;

/// Frames with their bytes in one arena. Made once and filled again and again: clearing keeps the memory.
#[derive(Debug, Default)]
pub struct FrameBatch {
    bytes: Vec<u8>,
    metas: Vec<Meta>,
}

/// A frame without its bytes.
#[derive(Clone, Copy, Debug)]
struct Meta {
    number: u64,
    time: Timestamp,
    offset: usize,
    len: usize,
    original_len: u32,
    link: LinkType,
}

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
        self.metas.len() >= MAX_BATCH_FRAMES || self.bytes.len() > MAX_BATCH_BYTES - MAX_CAPTURED_BYTES
    }

    /// Forgets the frames and keeps the memory.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.metas.clear();
    }

    /// Copies a frame in; `false`, and nothing done, when the batch is full or the frame larger than
    /// [`MAX_CAPTURED_BYTES`].
    pub fn push(&mut self, frame: Frame<'_>) -> bool {
        if self.is_full() || frame.data.len() > MAX_CAPTURED_BYTES {
            return false;
        }
        self.metas.push(Meta {
            number: frame.number,
            time: frame.time,
            offset: self.bytes.len(),
            len: frame.data.len(),
            original_len: frame.original_len,
            link: frame.link,
        });
        self.bytes.extend_from_slice(frame.data);
        true
    }

    /// The frames, in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Frame<'_>> {
        self.metas.iter().map(|meta| Frame {
            number: meta.number,
            time: meta.time,
            link: meta.link,
            original_len: meta.original_len,
            data: self.bytes.get(meta.offset..meta.offset + meta.len).unwrap_or_default(),
        })
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
        assert!(batch.bytes.len() <= MAX_BATCH_BYTES);
        batch.clear();
        assert!(!batch.push(frame(1, &vec![0; MAX_CAPTURED_BYTES + 1])));
    }
}
