//! A file as bytes, without reading it.

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;
use std::ptr::NonNull;

/// A file mapped for reading. Its pages come from the cache of the kernel, which takes them back when memory is short.
///
/// The bytes are those that the file had, as long as nobody writes to it or shortens it: map only what is replaced by renaming another
/// file over it, in a folder where nobody else may write. Reading behind the end of a file that was shortened ends the
/// process (SIGBUS).
#[derive(Debug)]
pub struct Mapped {
    start: NonNull<u8>,
    len: usize,
}

impl Mapped {
    /// All of a file, as long as it is at this moment, which the kernel begins to read. It may be closed afterwards.
    pub fn new(file: &File) -> io::Result<Self> {
        let len = usize::try_from(file.metadata()?.len()).map_err(io::Error::other)?;
        if len == 0 {
            return Ok(Self { start: NonNull::dangling(), len });
        }
        // SAFETY: a new mapping without a fixed address touches no memory that is in use; the kernel checks the descriptor.
        let start = unsafe {
            libc::mmap(std::ptr::null_mut(), len, libc::PROT_READ, libc::MAP_SHARED, file.as_raw_fd(), 0)
        };
        if start == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: exactly the range just mapped; a hint to read the file ahead, which changes nothing.
        unsafe { libc::madvise(start, len, libc::MADV_WILLNEED) };
        let start = NonNull::new(start.cast()).ok_or_else(|| io::Error::other("mapped at address 0"))?;
        Ok(Self { start, len })
    }
}

impl AsRef<[u8]> for Mapped {
    #[inline]
    fn as_ref(&self) -> &[u8] {
        // SAFETY: `len` bytes are mapped at `start` until `self` is dropped (none, at an address that is aligned and not null, for an
        // empty file). This process never writes to them; that nobody else does is what the type asks for.
        unsafe { std::slice::from_raw_parts(self.start.as_ptr(), self.len) }
    }
}

impl Drop for Mapped {
    fn drop(&mut self) {
        if self.len > 0 {
            // SAFETY: exactly what was mapped in `new`, and nobody keeps a pointer into it.
            unsafe { libc::munmap(self.start.as_ptr().cast(), self.len) };
        }
    }
}

// SAFETY: it owns its mapping alone, which is never written.
unsafe impl Send for Mapped {}
// SAFETY: likewise; `&self` only lends bytes that do not change.
unsafe impl Sync for Mapped {}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    #[test]
    fn is_what_the_file_holds_even_after_another_took_its_name() {
        let folder = tempfile::tempdir().unwrap();
        let (path, other) = (folder.path().join("a"), folder.path().join("b"));
        let bytes: Vec<u8> = (0..100_000_u32).flat_map(u32::to_le_bytes).collect();
        std::fs::write(&path, &bytes).unwrap();
        let mapped = Mapped::new(&File::open(&path).unwrap()).unwrap();
        std::fs::write(&other, b"other").unwrap();
        std::fs::rename(&other, &path).unwrap();
        assert_eq!(mapped.as_ref(), bytes);
        assert_eq!(Mapped::new(&File::open(&path).unwrap()).unwrap().as_ref(), b"other");
    }

    #[test]
    fn an_empty_file_is_no_bytes_and_a_folder_is_an_error() {
        let mut file = tempfile::tempfile().unwrap();
        assert!(Mapped::new(&file).unwrap().as_ref().is_empty());
        file.write_all(b"x").unwrap();
        assert_eq!(Mapped::new(&file).unwrap().as_ref(), b"x");
        assert!(Mapped::new(&File::open("/").unwrap()).is_err());
    }
}
