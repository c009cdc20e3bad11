//! Records taken one after the other out of one block, which is how nearly all come: whose turn it is, where bytes are and whether there
//! is room is then asked once for all of them, not for each.

use weir_model::{Frame, Timestamp};

use crate::batch::FrameBatch;
use crate::record::Record;
use crate::stream::Place;

/// Takes records of one input into a batch, as long as nothing but that has to be done with them.
pub(crate) struct Run<'a> {
    batch: &'a mut FrameBatch,
    most: usize,
    before: Timestamp,
    /// Of the last frame.
    number: u64,
    counts: RunCounts,
}

/// What there was in a run.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct RunCounts {
    pub(crate) frames: u64,
    pub(crate) bytes: u64,
    /// Frames cut by the snap length.
    pub(crate) snapped: u64,
    /// Frames whose time is before that of the frame before them.
    pub(crate) steps_backwards: u64,
    /// When the last of them, or the frame before them, was captured.
    pub(crate) last_time: Timestamp,
}

impl<'a> Run<'a> {
    /// At most so many records, behind a frame of this number and time.
    pub(crate) fn new(batch: &'a mut FrameBatch, most: usize, number: u64, last_time: Timestamp) -> Self {
        let counts = RunCounts { last_time, ..RunCounts::default() };
        Self { batch, most, before: Timestamp::MAX, number, counts }
    }

    /// It ends where it is another input's turn.
    pub(crate) const fn end_before(&mut self, time: Timestamp) {
        self.before = time;
    }

    /// Begins to take records out of a block; gives the number that the batch knows it by.
    pub(crate) fn begin(&mut self, block: Place<'_>) -> u16 {
        self.batch.place_of(block.block)
    }

    /// Takes a record of which so many bytes, from `start` of the block on, were captured; `false`, and nothing done, where the run
    /// ends before it.
    #[inline]
    pub(crate) fn take(&mut self, record: Record, place: u16, start: usize, len: usize) -> bool {
        if self.most == 0 || record.time >= self.before {
            return false;
        }
        self.most -= 1;
        self.number += 1;
        self.counts.frames += 1;
        self.counts.bytes += len as u64;
        self.counts.snapped += u64::from(record.original_len as usize > len);
        self.counts.steps_backwards += u64::from(record.time < self.counts.last_time);
        self.counts.last_time = record.time;
        let Record { time, link, original_len } = record;
        let frame = Frame { number: self.number, time, link, original_len, data: &[] };
        self.batch.push_meta(&frame, start, len, place);
        true
    }

    /// What there was so far.
    pub(crate) const fn counts(&self) -> RunCounts {
        self.counts
    }
}
