//! Waiting for sockets, and being woken (`epoll(7)`, `eventfd(2)`).

#![expect(unsafe_code, reason = "epoll and eventfd are system calls of the C library")]

use std::io;
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd};
use std::time::Duration;

use arrayvec::ArrayVec;

use crate::system::checked;

/// What is looked at in one go.
const MAX_READY: usize = 64;

/// Of these, descriptors that the kernel tells of; the rest is told the next time. There remains room for what only the
/// collector knows to be ready.
const MAX_EVENTS: u8 = 48;

/// What is ready, by the numbers that it was added under.
pub(super) type Ready = ArrayVec<u64, MAX_READY>;

/// Descriptors that are waited for.
#[derive(Debug)]
pub(super) struct Waiter(OwnedFd);

impl Waiter {
    pub(super) fn new() -> io::Result<Self> {
        // SAFETY: no memory is passed.
        let descriptor = unsafe { libc::epoll_create1(libc::EPOLL_CLOEXEC) };
        checked(descriptor)?;
        // SAFETY: it is open, and nobody else has it.
        Ok(Self(unsafe { OwnedFd::from_raw_fd(descriptor) }))
    }

    /// `what` is waited for until it is closed: that it can be read or has an error.
    pub(super) fn add(&self, what: &impl AsFd, number: u64) -> io::Result<()> {
        self.control(libc::EPOLL_CTL_ADD, what, libc::EPOLLIN, number)
    }

    /// It is waited for as well until something can be written.
    pub(super) fn change(&self, what: &impl AsFd, number: u64, writing: bool) -> io::Result<()> {
        let events = libc::EPOLLIN | if writing { libc::EPOLLOUT } else { 0 };
        self.control(libc::EPOLL_CTL_MOD, what, events, number)
    }

    /// It is not waited for any more.
    pub(super) fn remove(&self, what: &impl AsFd) -> io::Result<()> {
        self.control(libc::EPOLL_CTL_DEL, what, 0, 0)
    }

    fn control(
        &self,
        operation: libc::c_int,
        what: &impl AsFd,
        events: libc::c_int,
        number: u64,
    ) -> io::Result<()> {
        let mut event = libc::epoll_event { events: events.cast_unsigned(), u64: number };
        let descriptor = what.as_fd().as_raw_fd();
        // SAFETY: the kernel reads one event.
        checked(unsafe { libc::epoll_ctl(self.0.as_raw_fd(), operation, descriptor, &raw mut event) })
    }

    /// Until something is ready or the time is over; nothing where a signal came.
    pub(super) fn wait(&self, time: Duration) -> Ready {
        let mut events = [libc::epoll_event { events: 0, u64: 0 }; MAX_EVENTS as usize];
        let millis = libc::c_int::try_from(time.as_micros().div_ceil(1000)).unwrap_or(libc::c_int::MAX);
        // SAFETY: the kernel writes at most so many events.
        let count =
            unsafe { libc::epoll_wait(self.0.as_raw_fd(), events.as_mut_ptr(), MAX_EVENTS.into(), millis) };
        let count = usize::try_from(count).unwrap_or_default();
        events.iter().take(count).map(|event| event.u64).collect()
    }
}

/// Wakes who waits for it.
#[derive(Debug)]
pub(super) struct Waker(OwnedFd);

impl Waker {
    pub(super) fn new() -> io::Result<Self> {
        // SAFETY: no memory is passed.
        let descriptor = unsafe { libc::eventfd(0, libc::EFD_CLOEXEC | libc::EFD_NONBLOCK) };
        checked(descriptor)?;
        // SAFETY: it is open, and nobody else has it.
        Ok(Self(unsafe { OwnedFd::from_raw_fd(descriptor) }))
    }

    pub(super) fn wake(&self) {
        let one = 1_u64;
        // SAFETY: the kernel reads eight bytes. It fails when the counter is full, and whoever waits is awake then.
        let _written = unsafe { libc::write(self.0.as_raw_fd(), (&raw const one).cast(), 8) };
    }

    /// Who was woken may sleep again.
    pub(super) fn rest(&self) {
        let mut count = 0_u64;
        // SAFETY: the kernel writes eight bytes. It fails when nobody woke.
        let _read = unsafe { libc::read(self.0.as_raw_fd(), (&raw mut count).cast(), 8) };
    }
}

impl AsFd for Waker {
    fn as_fd(&self) -> std::os::fd::BorrowedFd<'_> {
        self.0.as_fd()
    }
}
