//! An interface whose frames a test writes: IP without a link header, and of any hardware type.

use super::{Net, Side};
use std::fs::File;
use std::io::Write;
use std::os::fd::AsRawFd;

/// `ARPHRD_NONE` (Linux' `if_arp.h`): what such interfaces are by themselves.
pub(super) const NONE: libc::c_ulong = 0xfffe;
/// `ARPHRD_PPP`: link headers that cannot be relied upon, so that libpcap wants them taken off.
pub(super) const PPP: libc::c_ulong = 512;

/// The writing end; the interface is gone when it is dropped.
pub(super) struct Tun(File);

impl Tun {
    /// On the side that captures; it is up. `None`, and the reason is printed, where the kernel has none.
    pub(super) fn new(net: &Net, name: &str, hardware_type: libc::c_ulong) -> Option<Self> {
        // The interface will be where the file is opened.
        let opened = net.inside(Side::Tap, || File::options().read(true).write(true).open("/dev/net/tun"));
        let Ok(file) = opened else {
            println!("skipped: there is no /dev/net/tun");
            return None;
        };
        net.inside(Side::Tap, || {
            // SAFETY: zero is valid for each of its fields.
            let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
            for (to, from) in request.ifr_name.iter_mut().zip(name.bytes()) {
                *to = from.cast_signed();
            }
            request.ifr_ifru.ifru_flags = (libc::IFF_TUN | libc::IFF_NO_PI) as libc::c_short;
            // SAFETY: the kernel reads and writes one such structure; the type is a number.
            unsafe {
                assert_eq!(libc::ioctl(file.as_raw_fd(), libc::TUNSETIFF, &raw mut request), 0);
                assert_eq!(libc::ioctl(file.as_raw_fd(), libc::TUNSETLINK, hardware_type), 0);
            }
        });
        net.ip(Side::Tap, &["link", "set", "dev", name, "up"]);
        Some(Self(file))
    }

    /// As if it had come from a wire.
    pub(super) fn send(&mut self, packet: &[u8]) {
        self.0.write_all(packet).unwrap();
    }
}
