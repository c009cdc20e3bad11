//! How far reading has come, for another thread to look at.

use std::io::{self, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// A handle on how far a [`crate::Reader`] has come. Cheap to clone and to read; may lag behind by one batch.
#[derive(Clone, Debug, Default)]
pub struct Progress(Arc<Counters>);

#[derive(Debug, Default)]
struct Counters {
    consumed: AtomicU64,
    total: AtomicU64,
    endless: AtomicBool,
    frames: AtomicU64,
}

impl Progress {
    /// Bytes read from all inputs, as they are stored: compressed where they are compressed.
    pub fn consumed_bytes(&self) -> u64 {
        self.0.consumed.load(Ordering::Relaxed)
    }

    /// Bytes of all inputs as they are stored; `None` when one of them is a stream.
    pub fn total_bytes(&self) -> Option<u64> {
        (!self.0.endless.load(Ordering::Relaxed)).then(|| self.0.total.load(Ordering::Relaxed))
    }

    /// Frames read.
    pub fn frames(&self) -> u64 {
        self.0.frames.load(Ordering::Relaxed)
    }

    pub(crate) fn expect_bytes(&self, size: Option<u64>) {
        match size {
            Some(size) => drop(self.0.total.fetch_add(size, Ordering::Relaxed)),
            None => self.0.endless.store(true, Ordering::Relaxed),
        }
    }

    pub(crate) fn set_frames(&self, frames: u64) {
        self.0.frames.store(frames, Ordering::Relaxed);
    }

    pub(crate) fn add_consumed(&self, bytes: u64) {
        self.0.consumed.fetch_add(bytes, Ordering::Relaxed);
    }
}

/// Counts what is read through it.
pub(crate) struct Counted<R> {
    inner: R,
    progress: Progress,
}

impl<R> Counted<R> {
    pub(crate) const fn new(inner: R, progress: Progress) -> Self {
        Self { inner, progress }
    }
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(out)?;
        self.progress.add_consumed(read as u64);
        Ok(read)
    }
}

/// How far a file has come. When dropped, what is left of it counts as consumed too, so that inputs that could not be read to
/// their end do not keep the total from being reached.
pub(crate) struct FileProgress {
    progress: Progress,
    reached: u64,
    size: u64,
}

impl FileProgress {
    pub(crate) const fn new(progress: Progress, size: u64) -> Self {
        Self { progress, reached: 0, size }
    }

    /// Everything up to `offset` is consumed, or about to be.
    pub(crate) fn reach(&mut self, offset: u64) {
        self.progress.add_consumed(offset.saturating_sub(self.reached));
        self.reached = self.reached.max(offset);
    }
}

impl Drop for FileProgress {
    fn drop(&mut self) {
        self.reach(self.size);
    }
}
