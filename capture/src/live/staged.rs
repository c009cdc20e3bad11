//! Frames that wait to be merged with those of another interface.

use weir_model::Timestamp;
use weir_model::frame::LinkType;

/// Most frames that wait: as many as a batch takes.
pub(super) const MAX_STAGED_FRAMES: usize = crate::MAX_BATCH_FRAMES;

/// Most bytes that wait, likewise; a frame more than this allows is not asked for.
pub(super) const MAX_STAGED_BYTES: usize = crate::MAX_BATCH_BYTES;

/// Frames of one ring in their order, with their bytes.
#[derive(Debug, Default)]
pub(super) struct Staged {
    bytes: Vec<u8>,
    metas: Vec<Meta>,
    /// Frames that are gone.
    front: usize,
}

/// A frame that waits, without its bytes.
#[derive(Clone, Copy, Debug)]
struct Meta {
    time: Timestamp,
    original_len: u32,
    link: LinkType,
    offset: usize,
    len: usize,
}

/// A frame that waits.
#[derive(Clone, Copy, Debug)]
pub(super) struct Waiting<'a> {
    pub(super) time: Timestamp,
    pub(super) original_len: u32,
    pub(super) link: LinkType,
    pub(super) data: &'a [u8],
}

impl Staged {
    pub(super) fn is_empty(&self) -> bool {
        self.front >= self.metas.len()
    }

    /// Forgets those that are gone, when that is all.
    pub(super) fn clear_if_empty(&mut self) {
        if self.is_empty() {
            self.bytes.clear();
            self.metas.clear();
            self.front = 0;
        }
    }

    /// How many frames of at most `snap_len` bytes may still be pushed.
    pub(super) fn room(&self, snap_len: usize) -> usize {
        let frames = MAX_STAGED_FRAMES.saturating_sub(self.metas.len());
        frames.min(MAX_STAGED_BYTES.saturating_sub(self.bytes.len()) / snap_len.max(1))
    }

    pub(super) fn push(&mut self, time: Timestamp, original_len: u32, link: LinkType, data: &[u8]) {
        self.metas.push(Meta { time, original_len, link, offset: self.bytes.len(), len: data.len() });
        self.bytes.extend_from_slice(data);
    }

    /// When the first was captured.
    pub(super) fn first_time(&self) -> Option<Timestamp> {
        self.metas.get(self.front).map(|meta| meta.time)
    }

    pub(super) fn first(&self) -> Option<Waiting<'_>> {
        let meta = self.metas.get(self.front)?;
        let data = self.bytes.get(meta.offset..meta.offset + meta.len)?;
        Some(Waiting { time: meta.time, original_len: meta.original_len, link: meta.link, data })
    }

    pub(super) fn pass(&mut self) {
        self.front += 1;
    }
}
