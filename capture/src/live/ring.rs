//! A worker's ring on one interface, through all the times that the interface is taken up.

use std::os::fd::BorrowedFd;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use weir_model::Timestamp;
use weir_model::frame::LinkType;

use super::handle::{Handle, Taken};
use super::interface::Interface;
use super::staged::Staged;
use super::worker::wall_clock;

/// The ring, whose handle changes.
#[derive(Debug)]
pub(super) struct Ring {
    pub(super) interface: Arc<Interface>,
    worker: usize,
    current: Option<Handle>,
    generation: u64,
    /// A handle that gets nothing any more and is to be emptied.
    old: Option<Handle>,
    /// Since when.
    old_since: Option<Instant>,
    /// How long the kernel may keep a frame back.
    retire_wait: Duration,
    pub(super) staged: Staged,
    /// When the frames that are staged were taken out.
    pub(super) staged_at: Option<Instant>,
    /// When all was taken out, if it was the last time.
    pub(super) drained: Option<Timestamp>,
}

impl Ring {
    pub(super) fn new(interface: Arc<Interface>, worker: usize, read_timeout: Duration) -> Self {
        Self {
            interface,
            worker,
            current: None,
            generation: 0,
            old: None,
            old_since: None,
            // The kernel's timer goes off within the read timeout; as much again if it was late.
            retire_wait: read_timeout * 2 + Duration::from_millis(10),
            staged: Staged::default(),
            staged_at: None,
            drained: None,
        }
    }

    /// Follows what the keeper left: lets go of a handle, takes up the next. `stopping` when there will be no next
    /// one.
    pub(super) fn follow(&mut self, stopping: bool) {
        let Some(mailbox) = self.interface.mailboxes.get(self.worker) else {
            return;
        };
        if mailbox.generation() != self.generation {
            let (generation, handle) = mailbox.fetch();
            self.generation = generation;
            self.let_go();
            self.current = handle;
        }
        if stopping && self.old.is_none() {
            self.let_go();
        }
    }

    /// Whether frames may still come that are earlier than those of other rings, as far as is known now.
    pub(super) fn is_open(&self) -> bool {
        let mailbox = self.interface.mailboxes.get(self.worker);
        self.current.is_some()
            || self.old.is_some()
            || self.interface.opening.load(Ordering::Acquire)
            || mailbox.is_some_and(|mailbox| mailbox.generation() != self.generation)
    }

    pub(super) fn descriptors(&self) -> impl Iterator<Item = BorrowedFd<'_>> {
        self.old.iter().chain(&self.current).map(Handle::descriptor)
    }

    /// How much of it waits to be read, in hundredths.
    pub(super) fn fullness(&self) -> u8 {
        self.current.as_ref().map_or(0, Handle::fullness)
    }

    /// Takes at most `limit` frames: time, length on the wire, link type, bytes. `false` when no more are there.
    pub(super) fn take(
        &mut self,
        limit: usize,
        mut each: impl FnMut(Timestamp, u32, LinkType, &[u8]),
    ) -> bool {
        if let Some(handle) = &mut self.old {
            let taken = take_from(handle, limit, &mut each);
            self.interface.count(taken);
            let over = self.old_since.is_none_or(|since| since.elapsed() > self.retire_wait);
            if taken.failed || (over && taken.frames == 0) {
                self.close_old();
            }
            if taken.frames > 0 {
                return true;
            }
        }
        let taken = match &mut self.current {
            Some(handle) => take_from(handle, limit, &mut each),
            None => Taken::default(),
        };
        self.interface.count(taken);
        if taken.failed {
            self.interface.failed.store(true, Ordering::Relaxed);
            self.let_go();
        }
        // The handle goes from block to block while there is one.
        let more = taken.frames >= limit;
        self.drained = if more { None } else { Some(wall_clock()) };
        more
    }

    fn let_go(&mut self) {
        if self.current.is_some() {
            self.close_old();
            self.old = self.current.take();
            self.old_since = Some(now());
        }
    }

    fn close_old(&mut self) {
        if let Some(handle) = self.old.take() {
            self.interface.close(&handle);
        }
    }

    /// Takes frames that wait to be merged, if none do.
    pub(super) fn stage(&mut self, snap_len: usize) {
        if !self.staged.is_empty() {
            return;
        }
        let mut staged = std::mem::take(&mut self.staged);
        staged.clear_if_empty();
        let mut more = true;
        while more && staged.room(snap_len) > 0 {
            let room = staged.room(snap_len);
            more = self.take(room, |time, len, link, data| staged.push(time, len, link, data));
        }
        self.staged = staged;
        self.staged_at = Some(now());
    }
}

fn take_from(
    handle: &mut Handle,
    limit: usize,
    each: &mut impl FnMut(Timestamp, u32, LinkType, &[u8]),
) -> Taken {
    let link = handle.link();
    handle.take(limit, |time, original_len, data| each(time, original_len, link, data))
}

#[expect(clippy::disallowed_methods, reason = "capturing waits by the clock; nothing is decided by it")]
fn now() -> Instant {
    Instant::now()
}
