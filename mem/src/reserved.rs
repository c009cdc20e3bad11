//! A vector whose place is reserved once and for all.

use crate::pages::Mapping;
use crate::prefetch::{CACHE_LINE_BYTES, prefetch};
use std::fmt;
use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};
use std::ptr::NonNull;

/// Which pages an array lies on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pages {
    /// Whatever is usual: for what is read in order, or seldom.
    Usual,
    /// Huge ones where the kernel gives them: for what is read all over.
    Huge,
}

/// A vector of at most so many values as it was made for. It never moves, and uses memory only as far as it was filled.
pub struct Reserved<T> {
    mapping: Mapping,
    capacity: usize,
    len: usize,
    values: PhantomData<T>,
}

impl<T> Reserved<T> {
    /// An empty vector with room for `capacity` values.
    ///
    /// # Panics
    ///
    /// When `T` is aligned to more than a page, or the address space does not hold as much.
    pub fn new(capacity: usize, pages: Pages) -> Self {
        assert!(align_of::<T>() <= 4096, "pages are aligned to 4 KiB");
        let bytes = capacity.checked_mul(size_of::<T>());
        #[expect(
            clippy::expect_used,
            reason = "as Vec does: a budget beyond the address space is the caller's mistake"
        )]
        let bytes = bytes.expect("the array fits the address space");
        Self { mapping: Mapping::new(bytes, pages), capacity, len: 0, values: PhantomData }
    }

    /// Adds a value; gives it back when there is no room.
    pub fn push(&mut self, value: T) -> Result<(), T> {
        if self.len == self.capacity {
            return Err(value);
        }
        // SAFETY: `len` is below the capacity, so the place lies in the mapping; it is aligned and holds no value yet.
        unsafe { self.start().add(self.len).write(value) };
        self.len += 1;
        Ok(())
    }

    /// Takes the last value away.
    pub fn pop(&mut self) -> Option<T> {
        self.len = self.len.checked_sub(1)?;
        // SAFETY: the place was below `len`, so it holds a value; now it counts as empty and is never read again.
        Some(unsafe { self.start().add(self.len).read() })
    }

    /// Has the kernel give the memory of the first `values` places at once, so that filling them later waits for no page. A
    /// kernel before 5.14 does not, and then they come one by one.
    pub fn take_memory(&mut self, values: usize) {
        self.mapping.populate(values.min(self.capacity) * size_of::<T>());
    }

    /// Hints that the first `LINES` cache lines of a value will be read soon. An index beyond the end does no harm.
    #[inline]
    pub fn prefetch<const LINES: usize>(&self, index: usize) {
        let value = self.start().as_ptr().wrapping_add(index).cast::<u8>();
        for line in 0..LINES {
            prefetch(value.wrapping_add(line * CACHE_LINE_BYTES));
        }
    }

    const fn start(&self) -> NonNull<T> {
        self.mapping.usable().cast()
    }
}

impl Reserved<u64> {
    /// Full of zeros, which use no memory until they are overwritten (or read).
    pub fn zeros(len: usize, pages: Pages) -> Self {
        let mut zeros = Self::new(len, pages);
        // Fresh pages are zero, and zero is a u64.
        zeros.len = len;
        zeros
    }
}

impl<T> Deref for Reserved<T> {
    type Target = [T];
    #[inline]
    fn deref(&self) -> &[T] {
        // SAFETY: all places below `len` hold values, in one aligned block that lives as long as `self`.
        unsafe { std::slice::from_raw_parts(self.start().as_ptr(), self.len) }
    }
}

impl<T> DerefMut for Reserved<T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut [T] {
        // SAFETY: as above, and `self` is borrowed mutably.
        unsafe { std::slice::from_raw_parts_mut(self.start().as_ptr(), self.len) }
    }
}

impl<T> Drop for Reserved<T> {
    fn drop(&mut self) {
        if std::mem::needs_drop::<T>() {
            let values: *mut [T] = &raw mut **self;
            // SAFETY: all of them hold values, and nobody reads them afterwards.
            unsafe { values.drop_in_place() };
        }
    }
}

// SAFETY: it owns its values and its mapping alone, as a `Vec` does.
unsafe impl<T: Send> Send for Reserved<T> {}
// SAFETY: likewise; `&self` only lends them.
unsafe impl<T: Sync> Sync for Reserved<T> {}

impl<T> fmt::Debug for Reserved<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Reserved({} of {})", self.len, self.capacity)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::rc::Rc;

    #[test]
    fn holds_what_was_pushed_and_no_more_than_fits() {
        for pages in [Pages::Usual, Pages::Huge] {
            let mut numbers = Reserved::new(1 << 20, pages);
            for number in 0..1_u32 << 20 {
                numbers.push(number).unwrap();
            }
            assert_eq!(numbers.push(7), Err(7));
            assert!(numbers.iter().copied().eq(0..1 << 20));
            numbers[5] = 9;
            assert_eq!((numbers.pop(), numbers.len(), numbers[5]), (Some((1 << 20) - 1), (1 << 20) - 1, 9));
        }
        assert_eq!(Reserved::new(0, Pages::Huge).push(1), Err(1));
    }

    #[test]
    fn drops_each_value_once() {
        let value = Rc::new(());
        let mut values = Reserved::new(3, Pages::Usual);
        for _ in 0..3 {
            values.push(Rc::clone(&value)).unwrap();
        }
        drop(values.pop());
        assert_eq!(Rc::strong_count(&value), 3);
        drop(values);
        assert_eq!(Rc::strong_count(&value), 1);
    }

    #[test]
    fn a_reservation_larger_than_memory_costs_nothing() {
        let mut zeros = Reserved::zeros(1 << 34, Pages::Huge);
        assert_eq!(zeros[(1 << 34) - 1], 0);
        zeros[1 << 33] = 5;
        assert_eq!((zeros[1 << 33], zeros[(1 << 33) + 1]), (5, 0));
        zeros.prefetch::<2>(3);
        zeros.prefetch::<2>(usize::MAX);
    }

    #[test]
    fn memory_taken_ahead_is_empty_and_in_bounds() {
        for pages in [Pages::Usual, Pages::Huge] {
            let mut numbers = Reserved::<u64>::new(1 << 20, pages);
            numbers.push(3).unwrap();
            numbers.take_memory(1 << 18);
            numbers.take_memory(usize::MAX);
            numbers.push(4).unwrap();
            assert_eq!(*numbers, [3, 4]);
        }
        Reserved::<u64>::new(0, Pages::Huge).take_memory(1);
    }

    #[test]
    fn large_alignments_hold() {
        #[repr(align(64))]
        struct Line(u8);
        let mut lines = Reserved::new(3, Pages::Huge);
        for number in 0..3 {
            assert!(lines.push(Line(number)).is_ok());
        }
        assert!(lines.iter().all(|line| (&raw const *line).addr() % CACHE_LINE_BYTES == 0));
        assert_eq!(lines[2].0, 2);
    }
}
