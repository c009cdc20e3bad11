//! The memory of a ring, which the kernel and this process share.
//!
//! A block belongs to the kernel or to us, as its status says. The kernel fills blocks in turn and makes each over to
//! us with that; we read it and give it back.

#![expect(unsafe_code, reason = "a ring is memory that is mapped and shared with the kernel")]

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU32, Ordering};

use super::block::STATUS_AT;
use super::opening::Geometry;

/// A ring in memory, until it is dropped.
#[derive(Debug)]
pub(super) struct Mapped {
    base: NonNull<u8>,
    geometry: Geometry,
}

// SAFETY: nothing else in this process knows the memory, and it is not bound to a thread.
unsafe impl Send for Mapped {}

impl Mapped {
    /// The ring of a socket. Fails where it does not have this geometry.
    pub(super) fn new(socket: BorrowedFd<'_>, geometry: Geometry) -> io::Result<Self> {
        let is_whole = geometry.block_bytes as usize >= page_bytes()
            && geometry.block_bytes.is_multiple_of(8)
            && geometry.blocks > 0;
        let bytes = bytes_of(geometry).filter(|_| is_whole);
        let bytes = bytes.ok_or_else(|| io::Error::from_raw_os_error(libc::EINVAL))?;
        let protection = libc::PROT_READ | libc::PROT_WRITE;
        // SAFETY: new memory at a place that the kernel chooses.
        let base = unsafe {
            libc::mmap(std::ptr::null_mut(), bytes, protection, libc::MAP_SHARED, socket.as_raw_fd(), 0)
        };
        if base == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        let base = NonNull::new(base.cast()).ok_or_else(|| io::Error::from(io::ErrorKind::OutOfMemory))?;
        Ok(Self { base, geometry })
    }

    /// How many blocks there are.
    pub(super) const fn blocks(&self) -> u32 {
        self.geometry.blocks
    }

    /// Whether a block is ours.
    pub(super) fn is_ready(&self, block: u32) -> bool {
        self.status(block).is_some_and(|status| status.load(Ordering::Acquire) & libc::TP_STATUS_USER != 0)
    }

    /// A block, if it is ours.
    pub(super) fn ready(&mut self, block: u32) -> Option<&mut [u8]> {
        if !self.is_ready(block) {
            return None;
        }
        let at = self.place(block)?;
        // SAFETY: within the map, by `place`. The kernel writes to no block that is ours, and stopped before it said
        // so (acquired above); `self` is borrowed for as long as the bytes are.
        Some(unsafe { std::slice::from_raw_parts_mut(at.as_ptr(), self.geometry.block_bytes as usize) })
    }

    /// Gives a block back to the kernel.
    pub(super) fn give_back(&mut self, block: u32) {
        if let Some(status) = self.status(block) {
            status.store(libc::TP_STATUS_KERNEL, Ordering::Release);
        }
    }

    fn status(&self, block: u32) -> Option<&AtomicU32> {
        let at = self.place(block)?;
        // SAFETY: within the block, which is larger than its header; blocks begin at pages' or at least multiples of
        // 8 bytes from them, so this is aligned. Whoever does not own the block only reads it atomically.
        Some(unsafe { AtomicU32::from_ptr(at.add(STATUS_AT).cast().as_ptr()) })
    }

    fn place(&self, block: u32) -> Option<NonNull<u8>> {
        if block >= self.geometry.blocks {
            return None;
        }
        // SAFETY: such a block is within the map.
        Some(unsafe { self.base.add(block as usize * self.geometry.block_bytes as usize) })
    }
}

impl Drop for Mapped {
    fn drop(&mut self) {
        if let Some(bytes) = bytes_of(self.geometry) {
            // SAFETY: mapped with this size, and nothing borrows from it any more. It fails for no other reason.
            let _unmapped = unsafe { libc::munmap(self.base.as_ptr().cast(), bytes) };
        }
    }
}

fn bytes_of(geometry: Geometry) -> Option<usize> {
    (geometry.block_bytes as usize).checked_mul(geometry.blocks as usize)
}

fn page_bytes() -> usize {
    // SAFETY: no memory is passed.
    let bytes = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
    usize::try_from(bytes).unwrap_or(4096)
}
