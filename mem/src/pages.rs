//! Address space from the kernel.

use crate::reserved::Pages;
use std::alloc::{Layout, handle_alloc_error};
use std::ptr::NonNull;

/// Size and alignment of a huge page (x86-64, and aarch64 with pages of 4 KiB).
const HUGE_PAGE_BYTES: usize = 2 << 20;

/// An address range of this process, given back when dropped. Pages are zero, and use memory only once they are touched.
#[derive(Debug)]
pub(crate) struct Mapping {
    start: NonNull<u8>,
    len: usize,
    usable: NonNull<u8>,
}

impl Mapping {
    /// At least `bytes` bytes, aligned to a page (to a huge page, where those are wanted).
    ///
    /// Like `Vec`, this ends the process when the kernel refuses.
    pub(crate) fn new(bytes: usize, pages: Pages) -> Self {
        let huge = pages == Pages::Huge && bytes >= HUGE_PAGE_BYTES;
        let len = if huge { bytes.saturating_add(HUGE_PAGE_BYTES) } else { bytes.max(1) };
        // SAFETY: a new private mapping without a fixed address touches no memory that is in use.
        let start = unsafe {
            libc::mmap(
                std::ptr::null_mut(),
                len,
                libc::PROT_READ | libc::PROT_WRITE,
                libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE,
                -1,
                0,
            )
        };
        let start = if start == libc::MAP_FAILED { None } else { NonNull::new(start.cast::<u8>()) };
        let Some(start) = start else {
            handle_alloc_error(Layout::from_size_align(len, 1).unwrap_or(Layout::new::<u8>()));
        };
        let usable = if huge { first_huge_page(start) } else { start };
        if huge {
            // SAFETY: the range lies in the mapping. A kernel without huge pages refuses, and nothing is lost.
            unsafe { libc::madvise(usable.as_ptr().cast(), bytes, libc::MADV_HUGEPAGE) };
        }
        Self { start, len, usable }
    }

    /// Has the first `bytes` usable bytes backed by memory, as far as the kernel can. What they hold does not change.
    pub(crate) fn populate(&self, bytes: usize) {
        let room = self.len - (self.usable.addr().get() - self.start.addr().get());
        // SAFETY: the range lies in the mapping; pages are only entered, not written. A kernel that does not know this refuses.
        unsafe { libc::madvise(self.usable.as_ptr().cast(), bytes.min(room), libc::MADV_POPULATE_WRITE) };
    }

    /// The first usable byte.
    pub(crate) const fn usable(&self) -> NonNull<u8> {
        self.usable
    }
}

/// Where the first huge page begins in a mapping that is one longer than needed.
fn first_huge_page(start: NonNull<u8>) -> NonNull<u8> {
    let skip = start.as_ptr().align_offset(HUGE_PAGE_BYTES);
    // SAFETY: the mapping is longer than what is wanted of it by a huge page, and `skip` is less than that.
    unsafe { start.add(skip) }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: exactly what was mapped in `new`, and nobody keeps a pointer into it. It can only fail for a range
        // that is none.
        unsafe { libc::munmap(self.start.as_ptr().cast(), self.len) };
    }
}
