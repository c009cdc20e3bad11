//! The ring of one worker on one interface, from when it is opened until it is closed.

use std::io;
use std::os::fd::BorrowedFd;
use std::sync::Arc;

use weir_model::Timestamp;
use weir_model::frame::LinkType;

use super::block::{Found, Position, Shape};
use super::interface::Meter;
use super::mapped::Mapped;
use super::opening::OpenRing;
use super::socket::Socket;

/// Bytes that are kept of frames which arrive too early to be dealt (`super::group`): enough to be counted, and fewer
/// than any frame has that is kept.
pub(super) const EARLY_BYTES: usize = 1;

/// A ring that is in no group yet, or in one with others.
#[derive(Debug)]
pub(super) struct Handle {
    ring: Mapped,
    shape: Shape,
    /// The block that the kernel makes over to us next, or that is being read.
    block: u32,
    /// How far it was read.
    position: Option<Position>,
    pub(super) meter: Arc<Meter>,
}

/// Frames that were taken out of a ring.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Taken {
    /// Given to the caller.
    pub(super) delivered: u64,
    /// Too early.
    pub(super) before_joining: u64,
    /// All that left the ring.
    pub(super) frames: usize,
    /// The handle is of no more use.
    pub(super) failed: bool,
}

impl Handle {
    /// Maps the ring.
    pub(super) fn new(ring: OpenRing, shape: Shape) -> io::Result<Self> {
        let socket = Socket::new(ring.socket);
        let mapped = Mapped::new(socket.descriptor(), ring.geometry)?;
        Ok(Self { ring: mapped, shape, block: 0, position: None, meter: Arc::new(Meter::new(socket)) })
    }

    /// What the frames' first byte begins.
    pub(super) const fn link(&self) -> LinkType {
        self.shape.link
    }

    /// For waiting.
    pub(super) fn descriptor(&self) -> BorrowedFd<'_> {
        self.meter.socket().descriptor()
    }

    /// How many blocks wait to be read, in hundredths of all. They lie one behind the other, so looking at a few tells.
    pub(super) fn fullness(&self) -> u8 {
        let blocks = self.ring.blocks();
        let (mut waiting, mut beyond) = (0, blocks);
        while waiting < beyond {
            let middle = waiting + (beyond - waiting) / 2;
            if self.ring.is_ready((self.block + middle) % blocks) {
                waiting = middle + 1;
            } else {
                beyond = middle;
            }
        }
        u8::try_from(u64::from(waiting) * 100 / u64::from(blocks.max(1))).unwrap_or(100)
    }

    /// Takes at most `limit` frames out of the ring, without waiting: time, length on the wire, bytes. Goes from block
    /// to block while there is one.
    pub(super) fn take(&mut self, limit: usize, mut each: impl FnMut(Timestamp, u32, &[u8])) -> Taken {
        let mut taken = Taken::default();
        while taken.frames < limit && !taken.failed {
            let Some(block) = self.ring.ready(self.block) else {
                break;
            };
            match read(block, self.position, &self.shape, limit, &mut taken, &mut each) {
                Some(position) if !position.is_end() => self.position = Some(position),
                Some(_) => {
                    self.position = None;
                    self.ring.give_back(self.block);
                    self.block = (self.block + 1) % self.ring.blocks();
                }
                None => taken.failed = true,
            }
        }
        if taken.frames == 0 {
            // An interface that went down leaves an error, for which waiting would end at once, again and again.
            self.meter.socket().clear_error();
        }
        self.meter.count_taken(taken.delivered + taken.before_joining);
        taken
    }
}

/// Reads a block on, until its end or until `limit` frames are taken; how far that is. `None` when the block
/// contradicts itself.
fn read(
    block: &mut [u8],
    position: Option<Position>,
    shape: &Shape,
    limit: usize,
    taken: &mut Taken,
    each: &mut impl FnMut(Timestamp, u32, &[u8]),
) -> Option<Position> {
    let mut position = match position {
        Some(position) => position,
        None => Position::first(block)?,
    };
    while taken.frames < limit && !position.is_end() {
        let found = position.read(block, shape)?;
        taken.frames += 1;
        if is_early(&found) {
            taken.before_joining += 1;
        } else {
            taken.delivered += 1;
            each(found.time, found.original_len, found.data);
        }
    }
    Some(position)
}

/// Whether it was only kept to be counted.
fn is_early(found: &Found<'_>) -> bool {
    found.kept_len as usize <= EARLY_BYTES && found.original_len as usize > EARLY_BYTES
}
