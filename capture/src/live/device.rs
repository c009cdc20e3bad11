//! Whether there is an interface of a name, and how it is (`netdevice(7)`).

#![expect(unsafe_code, reason = "asking about an interface is a system call of the C library")]

use std::mem;
use std::os::fd::{AsFd, AsRawFd};

use crate::system::checked;

/// An interface as it is at the moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Device {
    /// Its number, which a new interface of the same name does not share.
    pub(super) index: u32,
    /// `IFF_UP` and so on.
    flags: u32,
}

impl Device {
    /// Whether it was configured up.
    pub(super) const fn is_up(self) -> bool {
        is_up(self.flags)
    }

    pub(super) const fn is_loopback(self) -> bool {
        self.flags & libc::IFF_LOOPBACK as u32 != 0
    }
}

/// Whether the flags of an interface say that it was configured up.
pub(super) const fn is_up(flags: u32) -> bool {
    flags & libc::IFF_UP as u32 != 0
}

/// Any socket can be asked; the interfaces are those of the network namespace that it was made in.
pub(super) fn find(socket: &impl AsFd, name: &str) -> Option<Device> {
    if name.len() >= libc::IFNAMSIZ || name.contains('\0') {
        return None;
    }
    // SAFETY: zero is valid for each of its fields.
    let mut request: libc::ifreq = unsafe { mem::zeroed() };
    for (to, from) in request.ifr_name.iter_mut().zip(name.bytes()) {
        *to = from.cast_signed();
    }
    let descriptor = socket.as_fd().as_raw_fd();
    // SAFETY: the kernel reads and writes one such structure; it has filled in what was asked when it says so.
    let (index, flags) = unsafe {
        checked(libc::ioctl(descriptor, libc::SIOCGIFINDEX, &raw mut request)).ok()?;
        let index = request.ifr_ifru.ifru_ifindex;
        checked(libc::ioctl(descriptor, libc::SIOCGIFFLAGS, &raw mut request)).ok()?;
        (index, request.ifr_ifru.ifru_flags)
    };
    Some(Device { index: u32::try_from(index).ok()?, flags: u32::from(flags.cast_unsigned()) })
}
