//! What this kernel can do of what Weir uses: tried, or asked of it, and not concluded from its version, as distributions take things back and
//! turn things off.

#![expect(unsafe_code, reason = "asking the kernel is system calls of the C library")]

use std::io;
use std::os::fd::{FromRawFd, OwnedFd};
use std::ptr;

use crate::bpf::{NOTHING, with_program};
use crate::system::{checked, set_option};

/// An ethertype that is for experiments (IEEE 802): what comes of it while a socket is tried does not matter.
const UNUSED_PROTOCOL: u16 = 0x88b5;
/// `LANDLOCK_CREATE_RULESET_VERSION`: which ABI there is.
const WHICH_ABI: u32 = 1;

/// What a kernel can do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Kernel {
    /// `6.1.0-28-amd64`.
    pub release: String,
    /// What captures take; `None` where this user may not try.
    pub captures: Option<CaptureFeatures>,
    /// The ABI of Landlock; `None` without it.
    pub landlock_abi: Option<u32>,
    /// Calls can be filtered, and answered with an error (seccomp).
    pub filters_calls: bool,
}

/// What captures take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CaptureFeatures {
    /// Rings of blocks with frames of any length (`TPACKET_V3`).
    pub has_block_rings: bool,
    /// A program of ours chooses the worker (`PACKET_FANOUT_CBPF`).
    pub deals_by_program: bool,
}

impl Kernel {
    /// Asks it. Nothing is changed, and nothing captured.
    pub fn ask() -> Self {
        let release = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
        Self {
            release: release.trim().to_owned(),
            captures: packet_socket().ok().map(|socket| try_captures(&socket)),
            landlock_abi: landlock_abi(),
            filters_calls: filters_calls(),
        }
    }
}

fn packet_socket() -> io::Result<OwnedFd> {
    let protocol = libc::c_int::from(UNUSED_PROTOCOL.to_be());
    // SAFETY: no memory is passed.
    let descriptor =
        unsafe { libc::socket(libc::AF_PACKET, libc::SOCK_DGRAM | libc::SOCK_CLOEXEC, protocol) };
    checked(descriptor)?;
    // SAFETY: it is open, and nobody else has it.
    Ok(unsafe { OwnedFd::from_raw_fd(descriptor) })
}

fn try_captures(socket: &OwnedFd) -> CaptureFeatures {
    let version = libc::tpacket_versions::TPACKET_V3 as libc::c_int;
    let has_block_rings = set_option(socket, libc::SOL_PACKET, libc::PACKET_VERSION, &version).is_ok();
    // A group of one, under an identifier that nobody else has.
    let group = (libc::PACKET_FANOUT_CBPF | libc::PACKET_FANOUT_FLAG_UNIQUEID) << 16;
    let deals_by_program = set_option(socket, libc::SOL_PACKET, libc::PACKET_FANOUT, &group)
        .and_then(|()| {
            with_program(&NOTHING, |program| {
                set_option(socket, libc::SOL_PACKET, libc::PACKET_FANOUT_DATA, program)
            })
        })
        .is_ok();
    CaptureFeatures { has_block_rings, deals_by_program }
}

fn landlock_abi() -> Option<u32> {
    let nothing = ptr::null::<libc::c_void>();
    // SAFETY: without attributes nothing is read, and with this flag nothing is made.
    let abi = unsafe { libc::syscall(libc::SYS_landlock_create_ruleset, nothing, 0_usize, WHICH_ABI) };
    u32::try_from(abi).ok().filter(|abi| *abi > 0)
}

fn filters_calls() -> bool {
    let action = libc::SECCOMP_RET_ERRNO;
    // SAFETY: the kernel reads one number.
    let known =
        unsafe { libc::syscall(libc::SYS_seccomp, libc::SECCOMP_GET_ACTION_AVAIL, 0_u32, &raw const action) };
    known == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What else is there depends on the machine; that the answers are right is tried in `tests/doctor.rs`, where calls are refused.
    #[test]
    fn every_kernel_has_a_release() {
        let kernel = Kernel::ask();
        assert!(kernel.release.contains('.'), "{kernel:?}");
    }
}
