//! Options of sockets (`setsockopt(2)`), for taps and for the collector.

#![expect(unsafe_code, reason = "socket options are system calls of the C library")]

use std::io;
use std::os::fd::{AsFd, AsRawFd};

/// `value` is what the option takes: a number, or one of the kernel's structures.
pub(crate) fn set_option<T>(
    socket: &impl AsFd,
    level: libc::c_int,
    option: libc::c_int,
    value: &T,
) -> io::Result<()> {
    // SAFETY: the kernel reads at most the size of `value`, and, of a program, the instructions that it names.
    checked(unsafe {
        libc::setsockopt(
            socket.as_fd().as_raw_fd(),
            level,
            option,
            (&raw const *value).cast(),
            size_of::<T>() as libc::socklen_t,
        )
    })
}

/// What an option that is made of integers only may be read into.
pub(crate) trait Integers: Copy {}

impl Integers for libc::c_int {}
impl Integers for u32 {}
impl<const N: usize> Integers for [u32; N] {}
impl Integers for libc::tpacket_stats_v3 {}

/// Fills `value` as far as the kernel has something to say.
pub(crate) fn get_option<T: Integers>(
    socket: &impl AsFd,
    level: libc::c_int,
    option: libc::c_int,
    value: &mut T,
) -> io::Result<()> {
    let mut len = size_of::<T>() as libc::socklen_t;
    // SAFETY: the kernel writes at most the size of `value`, and any bits are valid in integers.
    checked(unsafe {
        libc::getsockopt(socket.as_fd().as_raw_fd(), level, option, (&raw mut *value).cast(), &raw mut len)
    })
}

/// The error that a system call left, if it says that there is one.
pub(crate) fn checked(result: libc::c_int) -> io::Result<()> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}
