//! What is dealt to a worker at a time.

use crate::errand::Errand;
use crate::pipeline::round::RoundEnd;
use weir_capture::FrameBatch;

/// Frames for one worker, and what else comes to it between them.
#[derive(Debug, Default)]
pub(crate) struct Part {
    frames: FrameBatch,
    /// Each behind so many of the frames.
    errands: Vec<(usize, Errand)>,
    closes: Option<RoundEnd>,
}

impl Part {
    /// Its frames.
    pub(crate) const fn frames(&self) -> &FrameBatch {
        &self.frames
    }

    /// What comes between them, each with the number of frames that come before it.
    pub(crate) fn errands(&self) -> impl Iterator<Item = (usize, &Errand)> {
        self.errands.iter().map(|(place, errand)| (*place, errand))
    }

    /// The end of a round, if it comes behind all that.
    pub(crate) const fn closes(&self) -> Option<&RoundEnd> {
        self.closes.as_ref()
    }

    /// Whether there is nothing in it.
    pub(super) fn is_empty(&self) -> bool {
        self.frames.is_empty() && self.errands.is_empty() && self.closes.is_none()
    }

    /// Whether another frame and its errands had better go to the next part.
    pub(super) fn is_full(&self) -> bool {
        self.frames.is_full() || self.errands.len() >= MAX_ERRANDS
    }

    /// Takes one of the frames of a batch.
    pub(super) fn push(&mut self, batch: &FrameBatch, index: usize) {
        self.frames.push_from(batch, index);
    }

    /// Takes something that comes behind the frames so far.
    pub(super) fn push_errand(&mut self, errand: Errand) {
        self.errands.push((self.frames.len(), errand));
    }

    /// Says that a round is over.
    pub(super) const fn close(&mut self, end: RoundEnd) {
        self.closes = Some(end);
    }

    /// Empties it, and keeps the memory.
    pub(super) fn clear(&mut self) {
        self.frames.clear();
        self.errands.clear();
        self.closes = None;
    }
}

/// Errands of one part. A capture of nothing but fragments would otherwise grow it; a single frame can still bring many, when
/// datagrams expire or are given up, which the decoder's own limits bound.
const MAX_ERRANDS: usize = 256;
