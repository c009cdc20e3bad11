//! What is asked of the kernel while capturing: filters, groups and counters of packet sockets (`packet(7)`,
//! `socket(7)`).

#![expect(
    unsafe_code,
    reason = "socket options, poll, membarrier and affinity are system calls of the C library"
)]

use std::io;
use std::mem;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::time::Duration;

use crate::bpf::{Instruction, MAX_INSTRUCTIONS, with_program};
use crate::system::{Integers, checked, get_option, set_option};

/// A packet socket.
#[derive(Debug)]
pub(super) struct Socket(OwnedFd);

/// What a ring counted since it was asked last.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct RingCounts {
    /// Frames that passed the filter, those dropped included.
    pub(super) received: u64,
    /// Frames for which there was no room.
    pub(super) dropped: u64,
    /// Times that the ring was found full.
    pub(super) freezes: u64,
}

impl Socket {
    pub(super) const fn new(descriptor: OwnedFd) -> Self {
        Self(descriptor)
    }

    /// Of a descriptor that stays with its owner.
    pub(super) fn of(descriptor: BorrowedFd<'_>) -> io::Result<Self> {
        Ok(Self(descriptor.try_clone_to_owned()?))
    }

    /// For waiting and mapping.
    pub(super) fn descriptor(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }

    /// Only frames for which `program` gives a number other than 0 are received, and at most so many bytes of them.
    pub(super) fn filter(&self, program: &[Instruction]) -> io::Result<()> {
        with_program(program, |program| self.set(libc::SOL_SOCKET, libc::SO_ATTACH_FILTER, program))
    }

    /// All frames are received again; without a program, because even the shortest takes time.
    pub(super) fn no_filter(&self) -> io::Result<()> {
        self.set(libc::SOL_SOCKET, libc::SO_DETACH_FILTER, &0_i32)
    }

    /// The program that was set last, by whomever.
    pub(super) fn filter_set(&self) -> io::Result<Vec<Instruction>> {
        let mut filters = vec![libc::sock_filter { code: 0, jt: 0, jf: 0, k: 0 }; MAX_INSTRUCTIONS];
        let mut count = MAX_INSTRUCTIONS as libc::socklen_t;
        // SAFETY: the kernel counts in instructions here, and writes at most `count` of them.
        let result = unsafe {
            libc::getsockopt(
                self.0.as_raw_fd(),
                libc::SOL_SOCKET,
                libc::SO_GET_FILTER,
                filters.as_mut_ptr().cast(),
                &raw mut count,
            )
        };
        checked(result)?;
        let instruction = |filter: &libc::sock_filter| Instruction {
            code: filter.code,
            jump_true: filter.jt,
            jump_false: filter.jf,
            k: filter.k,
        };
        Ok(filters.iter().take(count as usize).map(instruction).collect())
    }

    /// Joins a group of sockets among which a program deals, or begins one under an identifier that nobody else has;
    /// the group's identifier.
    pub(super) fn join(&self, group: Option<u16>) -> io::Result<u16> {
        let flags = if group.is_none() { libc::PACKET_FANOUT_FLAG_UNIQUEID } else { 0 };
        let asked = u32::from(group.unwrap_or(0)) | (libc::PACKET_FANOUT_CBPF | flags) << 16;
        self.set(libc::SOL_PACKET, libc::PACKET_FANOUT, &asked)?;
        let mut joined = 0_u32;
        self.get(libc::PACKET_FANOUT, &mut joined)?;
        Ok(joined as u16)
    }

    /// The program by which its group is dealt to: the member is what the program gives, modulo the number of
    /// members.
    pub(super) fn deal(&self, program: &[Instruction]) -> io::Result<()> {
        with_program(program, |program| self.set(libc::SOL_PACKET, libc::PACKET_FANOUT_DATA, program))
    }

    /// Whether frames come without their link header (`SOCK_DGRAM`).
    pub(super) fn takes_link_headers_off(&self) -> io::Result<bool> {
        let mut kind: libc::c_int = 0;
        get_option(&self.0, libc::SOL_SOCKET, libc::SO_TYPE, &mut kind)?;
        Ok(kind == libc::SOCK_DGRAM)
    }

    /// Forgets an error that happened to the socket, such as that its interface went down: the news of that come from
    /// elsewhere (`super::links`).
    pub(super) fn clear_error(&self) {
        let mut error: libc::c_int = 0;
        // Whoever cannot be asked has no error to forget.
        let _asked = get_option(&self.0, libc::SOL_SOCKET, libc::SO_ERROR, &mut error);
    }

    /// The counters, which begin at 0 again.
    pub(super) fn take_counts(&self) -> io::Result<RingCounts> {
        let mut stats = libc::tpacket_stats_v3 { tp_packets: 0, tp_drops: 0, tp_freeze_q_cnt: 0 };
        self.get(libc::PACKET_STATISTICS, &mut stats)?;
        Ok(RingCounts {
            received: u64::from(stats.tp_packets),
            dropped: u64::from(stats.tp_drops),
            freezes: u64::from(stats.tp_freeze_q_cnt),
        })
    }

    fn set<T>(&self, level: libc::c_int, option: libc::c_int, value: &T) -> io::Result<()> {
        set_option(&self.0, level, option, value)
    }

    fn get<T: Integers>(&self, option: libc::c_int, value: &mut T) -> io::Result<()> {
        get_option(&self.0, libc::SOL_PACKET, option, value)
    }
}

/// Waits until one of the descriptors can be read, or has an error, or the time is over.
pub(super) fn wait<'a>(
    descriptors: impl Iterator<Item = BorrowedFd<'a>>,
    timeout: Duration,
) -> io::Result<()> {
    let polled = |fd: BorrowedFd<'_>| libc::pollfd { fd: fd.as_raw_fd(), events: libc::POLLIN, revents: 0 };
    let mut polled: Vec<_> = descriptors.map(polled).collect();
    let millis = libc::c_int::try_from(timeout.as_micros().div_ceil(1000)).unwrap_or(libc::c_int::MAX);
    // SAFETY: `polled` is an array of that many structures.
    checked(unsafe { libc::poll(polled.as_mut_ptr(), polled.len() as libc::nfds_t, millis) })
}

/// Returns when every packet that was on its way through the kernel's receive path has left it, so that what was
/// changed before (a filter, a group) holds for all that come.
pub(super) fn settle() {
    // SAFETY: no memory is passed.
    let result = unsafe { libc::syscall(libc::SYS_membarrier, libc::MEMBARRIER_CMD_GLOBAL, 0, 0) };
    if result < 0 {
        // Not with `nohz_full`. A packet is in the receive path for microseconds.
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Binds the calling thread to a core.
pub(super) fn pin(core: usize) -> io::Result<()> {
    if core >= libc::CPU_SETSIZE as usize {
        return Err(io::Error::from(io::ErrorKind::InvalidInput));
    }
    // SAFETY: a set of cores is plain bits, of which none set is valid; `core` is within it.
    let cores = unsafe {
        let mut cores: libc::cpu_set_t = mem::zeroed();
        libc::CPU_SET(core, &mut cores);
        cores
    };
    // SAFETY: the kernel reads as much as is said; 0 is the calling thread.
    checked(unsafe { libc::sched_setaffinity(0, size_of::<libc::cpu_set_t>(), &raw const cores) })
}

/// A socket on which the kernel tells of changes of interfaces (`rtnetlink(7)`, RTMGRP_LINK). Does not block.
pub(super) fn link_changes() -> io::Result<OwnedFd> {
    // SAFETY: no memory is passed.
    let descriptor = unsafe {
        libc::socket(
            libc::AF_NETLINK,
            libc::SOCK_RAW | libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK,
            libc::NETLINK_ROUTE,
        )
    };
    checked(descriptor)?;
    // SAFETY: it is open, and nobody else has it.
    let socket = unsafe { OwnedFd::from_raw_fd(descriptor) };
    // SAFETY: zero is valid for each of its fields.
    let mut address: libc::sockaddr_nl = unsafe { mem::zeroed() };
    address.nl_family = libc::AF_NETLINK as libc::sa_family_t;
    address.nl_groups = libc::RTMGRP_LINK as u32;
    // SAFETY: the kernel reads as much as is said.
    checked(unsafe {
        libc::bind(
            socket.as_raw_fd(),
            (&raw const address).cast(),
            size_of::<libc::sockaddr_nl>() as libc::socklen_t,
        )
    })?;
    Ok(socket)
}

/// Reads one message; `WouldBlock` when there is none.
pub(super) fn receive(socket: &OwnedFd, buffer: &mut [u8]) -> io::Result<usize> {
    // SAFETY: the kernel writes at most the length of `buffer`.
    let len = unsafe { libc::recv(socket.as_raw_fd(), buffer.as_mut_ptr().cast(), buffer.len(), 0) };
    usize::try_from(len).map_err(|_| io::Error::last_os_error())
}
