//! Plain files, mapped into memory window by window: their bytes are never copied.
//!
//! A window is shared by all who borrow from it and unmapped when the last of them is gone, so what is mapped at a time is
//! bounded by what is under way, not by the file. The kernel is told to have the pages of a window ready, so that walking
//! it causes no page faults, and to fetch the window behind it from the disk meanwhile.
//!
//! A file can shrink while it is mapped. Whoever then touches a page behind its end gets zeros (see [`sigbus`]), the window
//! is torn, and the input ends with a problem that says so.

#![expect(unsafe_code, reason = "files are mapped, and pages that vanish under the mapping are replaced")]

mod sigbus;

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd as _;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crate::problem::{Fault, InputProblem, ProblemKind};

/// Bytes of a window, and so of address space for each input that is open (a few windows, where batches of the one before
/// are under way). Large enough that mapping and unmapping do not count, small enough that the page cache of a file that
/// is read once does not show as memory of this process.
const WINDOW_BYTES: u64 = 2 << 20;

/// Bytes of a file's first window: of many inputs only the first frame is looked at before their turn comes.
const FIRST_WINDOW_BYTES: u64 = 256 << 10;

/// Windows begin at multiples of this: of every size that pages have.
const ALIGNMENT: u64 = 64 << 10;

/// A file that is mapped.
#[derive(Debug)]
pub(crate) struct MappedFile {
    file: File,
    health: Arc<Health>,
}

/// What is known of a file while a window of it is left. (Its descriptor is closed before: there are fewer of them.)
#[derive(Debug)]
struct Health {
    name: String,
    /// A page of a window that is gone could not be read.
    torn: AtomicBool,
    /// The problem was reported by who reads the file.
    told: AtomicBool,
    late: LateProblems,
}

/// Problems that show after the last byte of an input was walked: the bytes of its last frames are touched later.
#[derive(Clone, Debug, Default)]
pub(crate) struct LateProblems(Arc<Mutex<Vec<InputProblem>>>);

impl LateProblems {
    pub(crate) fn list(&self) -> Vec<InputProblem> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl MappedFile {
    /// A file, of which nothing is mapped.
    pub(crate) fn new(name: String, file: File, late: LateProblems) -> Self {
        let (torn, told) = (AtomicBool::new(false), AtomicBool::new(false));
        Self { file, health: Arc::new(Health { name, torn, told, late }) }
    }

    /// The file itself, to be read instead.
    pub(crate) fn file(&self) -> io::Result<File> {
        self.file.try_clone()
    }

    /// Its length at this moment.
    pub(crate) fn len(&self) -> io::Result<u64> {
        Ok(self.file.metadata()?.len())
    }

    /// Maps what is at `offset` and behind it, `count` bytes at least unless the file ends before; a window, and where in it
    /// the offset is. `None` at the end of the file.
    pub(crate) fn map(&self, offset: u64, count: usize) -> io::Result<Option<(Arc<Window>, usize)>> {
        let len = self.len()?;
        if offset >= len {
            return Ok(None);
        }
        let base = offset / ALIGNMENT * ALIGNMENT;
        let is_first_look = offset == 0 && count as u64 <= FIRST_WINDOW_BYTES;
        let window_bytes = if is_first_look { FIRST_WINDOW_BYTES } else { WINDOW_BYTES };
        let window = Window::map(self, base, (len - base).min(window_bytes))?;
        if !is_first_look {
            self.make_ready(&window);
        }
        Ok(Some((Arc::new(window), (offset - base) as usize)))
    }

    /// What to say of a file whose bytes up to `walked` were there once, where they no longer are. Who asks reports it.
    pub(crate) fn damage(&self, walked: u64, window: Option<&Window>) -> Option<Fault> {
        let torn = self.health.torn.load(Ordering::Relaxed) || window.is_some_and(Window::is_torn);
        let fault = match self.len() {
            Ok(len) if len < walked => shrunk(),
            _ if torn => {
                Fault::new(ProblemKind::Unreadable, "the operating system could not read a part of it")
            }
            _ => return None,
        };
        self.health.told.store(true, Ordering::Relaxed);
        Some(fault)
    }

    /// Has the kernel enter the pages of a window, which it does 64 KiB at a time, and fetch what follows meanwhile. (Touching
    /// them takes 0.13 s of CPU for 1.6 GB, `MADV_POPULATE_READ` 0.17 s, and reading them 0.17 s.)
    fn make_ready(&self, window: &Window) {
        for byte in window.bytes().iter().step_by(ALIGNMENT as usize) {
            std::hint::black_box(*byte);
        }
        if let (Ok(next), Ok(ahead)) = (window.end().try_into(), WINDOW_BYTES.try_into()) {
            // SAFETY: the call takes a descriptor that is open, and numbers.
            unsafe { libc::posix_fadvise(self.file.as_raw_fd(), next, ahead, libc::POSIX_FADV_WILLNEED) };
        }
    }
}

fn shrunk() -> Fault {
    let message = "the file shrank while it was read; what was behind its new end is missing";
    Fault::new(ProblemKind::Truncated, message)
}

/// The last window is gone, and so is who read the file.
impl Drop for Health {
    fn drop(&mut self) {
        if *self.torn.get_mut() && !*self.told.get_mut() {
            let fault = shrunk();
            self.late.0.lock().unwrap_or_else(PoisonError::into_inner).push(InputProblem {
                input: std::mem::take(&mut self.name),
                offset: None,
                frames_before: 0,
                kind: fault.kind,
                message: fault.message,
                more: 0,
            });
        }
    }
}

/// A part of a file in memory.
#[derive(Debug)]
pub(crate) struct Window {
    health: Arc<Health>,
    /// Where in the file it begins.
    base: u64,
    start: NonNull<u8>,
    len: usize,
    guard: sigbus::Guard,
}

// SAFETY: the mapping belongs to this value alone, is only read, and lives until it is dropped.
unsafe impl Send for Window {}
// SAFETY: as above; reading from several threads is reading.
unsafe impl Sync for Window {}

impl Window {
    fn map(file: &MappedFile, base: u64, len: u64) -> io::Result<Self> {
        let (len, offset) = (usize::try_from(len), libc::off_t::try_from(base));
        let (Ok(len), Ok(offset)) = (len, offset) else {
            return Err(io::ErrorKind::FileTooLarge.into());
        };
        // SAFETY: a new mapping at an address that the kernel chooses touches no memory that is in use.
        let start = unsafe {
            libc::mmap(
                std::ptr::null_mut(),
                len,
                libc::PROT_READ,
                libc::MAP_SHARED,
                file.file.as_raw_fd(),
                offset,
            )
        };
        if start == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        let mapped = NonNull::new(start.cast::<u8>());
        let entered =
            mapped.and_then(|start| Some((start, sigbus::Guard::new(start.as_ptr() as usize, len)?)));
        let Some((start, guard)) = entered else {
            // SAFETY: this is the mapping made above, and nothing borrows from it.
            unsafe { libc::munmap(start, len) };
            return Err(io::ErrorKind::OutOfMemory.into());
        };
        Ok(Self { health: Arc::clone(&file.health), base, start, len, guard })
    }

    /// Its bytes; zeros where it is torn.
    pub(crate) const fn bytes(&self) -> &[u8] {
        // SAFETY: `len` bytes from `start` on are mapped for reading until `self` is dropped, and whoever has the slice borrows
        // `self`. Pages that the file no longer has are replaced by zeros when they are touched (`sigbus`). Another process may
        // write to the file meanwhile: bytes then change between two looks, which only yields other (hostile) bytes: nothing
        // downstream keeps a conclusion about them for memory safety, because slices are cut by checked lengths.
        unsafe { std::slice::from_raw_parts(self.start.as_ptr(), self.len) }
    }

    /// Whether a page of it could not be read.
    pub(crate) fn is_torn(&self) -> bool {
        self.guard.is_torn()
    }

    /// Where in the file it ends.
    pub(crate) const fn end(&self) -> u64 {
        self.base + self.len as u64
    }
}

impl Drop for Window {
    fn drop(&mut self) {
        if self.is_torn() {
            self.health.torn.store(true, Ordering::Relaxed);
        }
        self.guard.release();
        // SAFETY: the mapping was made by `map` with this length, and nothing borrows from it any more.
        unsafe { libc::munmap(self.start.as_ptr().cast(), self.len) };
    }
}

#[cfg(test)]
mod tests;
