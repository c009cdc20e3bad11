//! The hint that a cache line will soon be read.

/// Bytes of a cache line, on all machines that this runs on.
pub(crate) const CACHE_LINE_BYTES: usize = 64;

/// Hints that the line at `address` will be read and written soon. The address need not be valid: a hint never faults.
#[inline]
pub(crate) fn prefetch(address: *const u8) {
    #[cfg(target_arch = "x86_64")]
    {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        // SAFETY: every x86-64 has the instruction; it reads nothing and faults at no address.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(address.cast()) };
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = address;
}

/// Hints that the cache line at `address`, which need not be valid, will be read soon.
#[inline]
pub fn fetch_address<T>(address: *const T) {
    prefetch(address.cast());
}

/// Hints that all of a value will be read soon (not what it points to).
#[inline]
pub fn fetch_value<T>(value: &T) {
    let start = std::ptr::from_ref(value).cast::<u8>();
    for offset in (0..size_of::<T>()).step_by(CACHE_LINE_BYTES) {
        prefetch(start.wrapping_add(offset));
    }
}

/// Hints that all of these bytes will be read soon.
#[inline]
pub fn fetch(bytes: &[u8]) {
    for line in bytes.chunks(CACHE_LINE_BYTES) {
        prefetch(line.as_ptr());
    }
}
