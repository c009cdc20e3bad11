//! What workers and the keeper share of one interface.

use std::mem;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::handle::{Handle, Taken};
use super::socket::{RingCounts, Socket};
use super::{InterfaceStats, LinkState};

/// An interface of the tap.
#[derive(Debug)]
pub(super) struct Interface {
    pub(super) name: String,
    /// One for each worker: where the keeper leaves the handle that the worker shall capture with.
    pub(super) mailboxes: Vec<Mailbox>,
    rings: Mutex<Rings>,
    delivered: AtomicU64,
    before_joining: AtomicU64,
    /// Handles are being opened: what other interfaces capture meanwhile may have to wait for them.
    pub(super) opening: AtomicBool,
    /// A worker's handle failed.
    pub(super) failed: AtomicBool,
}

/// Handles, counted.
#[derive(Debug, Default)]
struct Rings {
    state: LinkState,
    went_down: u64,
    open: Vec<Arc<Meter>>,
    /// What those counted that are closed.
    closed: RingCounts,
    interface_dropped: u64,
}

/// Where a worker finds its next handle.
#[derive(Debug, Default)]
pub(super) struct Mailbox {
    generation: AtomicU64,
    handle: Mutex<Option<Handle>>,
}

/// The counters of one ring. The kernel's begin at 0 whenever they are read.
#[derive(Debug)]
pub(super) struct Meter {
    socket: Socket,
    counted: Mutex<RingCounts>,
    taken: AtomicU64,
}

impl Interface {
    pub(super) fn new(name: String, workers: usize) -> Self {
        Self {
            name,
            mailboxes: (0..workers).map(|_| Mailbox::default()).collect(),
            rings: Mutex::default(),
            delivered: AtomicU64::new(0),
            before_joining: AtomicU64::new(0),
            opening: AtomicBool::new(false),
            failed: AtomicBool::new(false),
        }
    }

    pub(super) fn state(&self) -> LinkState {
        locked(&self.rings).state
    }

    pub(super) fn set_state(&self, state: LinkState) {
        let mut rings = locked(&self.rings);
        if rings.state == LinkState::Up && state != LinkState::Up {
            rings.went_down += 1;
        }
        rings.state = state;
    }

    /// Gives each worker its handle, in order.
    pub(super) fn take_up(&self, handles: Vec<Handle>) {
        locked(&self.rings).open.extend(handles.iter().map(|handle| Arc::clone(&handle.meter)));
        for (mailbox, handle) in self.mailboxes.iter().zip(handles) {
            if let Some(unused) = mailbox.leave(Some(handle)) {
                self.close(&unused);
            }
        }
    }

    /// Lets no further frame into the rings, and tells the workers to empty them and to let go.
    pub(super) fn let_go(&self) {
        self.stop_receiving();
        for mailbox in &self.mailboxes {
            if let Some(unused) = mailbox.leave(None) {
                self.close(&unused);
            }
        }
    }

    /// Lets no further frame into the rings.
    pub(super) fn stop_receiving(&self) {
        for meter in &locked(&self.rings).open {
            // A socket that cannot be asked is of an interface that is gone.
            let _gone = meter.socket.filter(&crate::bpf::NOTHING);
        }
    }

    /// Enters in the books what a handle counted that will not be used any more.
    pub(super) fn close(&self, handle: &Handle) {
        let mut rings = locked(&self.rings);
        rings.open.retain(|open| !Arc::ptr_eq(open, &handle.meter));
        let last = handle.meter.total();
        let unread =
            (last.received - last.dropped).saturating_sub(handle.meter.taken.load(Ordering::Relaxed));
        rings.closed.received += last.received;
        rings.closed.dropped += last.dropped + unread;
        rings.closed.freezes += last.freezes;
    }

    pub(super) fn count(&self, taken: Taken) {
        self.delivered.fetch_add(taken.delivered, Ordering::Relaxed);
        if taken.before_joining > 0 {
            self.before_joining.fetch_add(taken.before_joining, Ordering::Relaxed);
        }
    }

    pub(super) fn stats(&self) -> InterfaceStats {
        let rings = locked(&self.rings);
        let mut total = rings.closed;
        for meter in &rings.open {
            let counted = meter.total();
            total.received += counted.received;
            total.dropped += counted.dropped;
            total.freezes += counted.freezes;
        }
        InterfaceStats {
            interface: self.name.clone(),
            state: rings.state,
            received: total.received,
            dropped: total.dropped,
            before_joining: self.before_joining.load(Ordering::Relaxed),
            delivered: self.delivered.load(Ordering::Relaxed),
            freezes: total.freezes,
            interface_dropped: rings.interface_dropped,
            went_down: rings.went_down,
        }
    }

    /// Adds what the card dropped.
    pub(super) fn count_interface_dropped(&self, frames: u64) {
        locked(&self.rings).interface_dropped += frames;
    }
}

impl Mailbox {
    /// Leaves a handle, or the wish that the worker let go of the one it has; gives back a handle that was not
    /// fetched.
    fn leave(&self, handle: Option<Handle>) -> Option<Handle> {
        let mut place = locked(&self.handle);
        let unused = mem::replace(&mut *place, handle);
        self.generation.fetch_add(1, Ordering::Release);
        unused
    }

    /// Changes whenever something was left.
    pub(super) fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }

    /// What was left, and the generation that it is of.
    pub(super) fn fetch(&self) -> (u64, Option<Handle>) {
        let mut place = locked(&self.handle);
        (self.generation(), place.take())
    }
}

impl Meter {
    pub(super) fn new(socket: Socket) -> Self {
        Self { socket, counted: Mutex::default(), taken: AtomicU64::new(0) }
    }

    pub(super) const fn socket(&self) -> &Socket {
        &self.socket
    }

    /// Everything counted so far.
    pub(super) fn total(&self) -> RingCounts {
        let mut counted = locked(&self.counted);
        if let Ok(more) = self.socket.take_counts() {
            counted.received += more.received;
            counted.dropped += more.dropped;
            counted.freezes += more.freezes;
        }
        *counted
    }

    pub(super) fn count_taken(&self, frames: u64) {
        self.taken.fetch_add(frames, Ordering::Relaxed);
    }
}

/// A panic elsewhere leaves integers and handles that can still be used.
pub(super) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
