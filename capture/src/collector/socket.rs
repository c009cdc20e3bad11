//! Sockets of UDP as the kernel has them (`udp(7)`, `socket(7)`, `recvmmsg(2)`).

#![expect(unsafe_code, reason = "sockets that share a port, and recvmmsg, are system calls of the C library")]

use std::io;
use std::mem;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6, TcpListener};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::ptr;

use arrayvec::ArrayVec;
use weir_model::Timestamp;

use super::batch::MAX_BATCH_DATAGRAMS;
use crate::bpf::{Instruction, NOTHING, with_program};
use crate::system::{checked, get_option, set_option};

/// A socket of UDP that does not block.
#[derive(Debug)]
pub(super) struct UdpSocket(OwnedFd);

/// What the kernel says of a socket's memory.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Memory {
    /// Bytes in use, counted as the limit is.
    pub(super) used: u32,
    /// The limit: twice what was granted.
    pub(super) limit: u32,
    /// Datagrams dropped since the socket is there; wraps.
    pub(super) dropped: u32,
}

impl UdpSocket {
    /// For addresses of the version of `ip`. A socket of IPv6 hears IPv4 as well if it is `dual`.
    pub(super) fn new(ip: IpAddr, dual: bool) -> io::Result<Self> {
        let socket = Self(open_socket(ip, Kind::Datagram, dual)?);
        set_option(&socket, libc::SOL_SOCKET, libc::SO_TIMESTAMPNS, &1_i32)?;
        Ok(socket)
    }

    /// Others may be bound to its port, if they say so too and belong to the same user.
    pub(super) fn share_port(&self) -> io::Result<()> {
        set_option(self, libc::SOL_SOCKET, libc::SO_REUSEPORT, &1_i32)
    }

    /// The program that chooses the socket for each datagram to the port. Given to the first socket before it is bound, it
    /// keeps the port from being shared with sockets that are there already.
    pub(super) fn deal(&self, program: &[Instruction]) -> io::Result<()> {
        with_program(program, |program| {
            set_option(self, libc::SOL_SOCKET, libc::SO_ATTACH_REUSEPORT_CBPF, program)
        })
    }

    /// Nothing more is let in; what is in stays.
    pub(super) fn let_nothing_in(&self) -> io::Result<()> {
        with_program(&NOTHING, |program| set_option(self, libc::SOL_SOCKET, libc::SO_ATTACH_FILTER, program))
    }

    /// Everything is let in again.
    pub(super) fn let_all_in(&self) -> io::Result<()> {
        set_option(self, libc::SOL_SOCKET, libc::SO_DETACH_FILTER, &0_i32)
    }

    /// Asks for memory for datagrams that wait, beyond the system's limit where that is allowed.
    pub(super) fn ask_buffer(&self, bytes: usize) -> io::Result<()> {
        let bytes = libc::c_int::try_from(bytes).unwrap_or(libc::c_int::MAX);
        set_option(self, libc::SOL_SOCKET, libc::SO_RCVBUFFORCE, &bytes)
            .or_else(|_not_allowed| set_option(self, libc::SOL_SOCKET, libc::SO_RCVBUF, &bytes))
    }

    pub(super) fn bind(&self, address: SocketAddr) -> io::Result<()> {
        bind(&self.0, address)
    }

    /// Where it is bound.
    pub(super) fn address(&self) -> io::Result<SocketAddr> {
        let mut name = Name::default();
        let mut len = size_of::<Name>() as libc::socklen_t;
        // SAFETY: the kernel writes at most `len` bytes, which the name has.
        checked(unsafe { libc::getsockname(self.0.as_raw_fd(), (&raw mut name.0).cast(), &raw mut len) })?;
        Ok(name.address())
    }

    pub(super) fn memory(&self) -> io::Result<Memory> {
        let mut all = [0_u32; 9];
        get_option(self, libc::SOL_SOCKET, libc::SO_MEMINFO, &mut all)?;
        let at = |place: libc::c_int| all.get(place.unsigned_abs() as usize).copied().unwrap_or_default();
        Ok(Memory {
            used: at(libc::SK_MEMINFO_RMEM_ALLOC),
            limit: at(libc::SK_MEMINFO_RCVBUF),
            dropped: at(libc::SK_MEMINFO_DROPS),
        })
    }
}

impl AsFd for UdpSocket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// How a socket is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Datagram,
    Stream,
}

/// A socket that does not block, for addresses of the version of `ip`, and for both if it is of IPv6 and `dual`.
pub(super) fn open_socket(ip: IpAddr, kind: Kind, dual: bool) -> io::Result<OwnedFd> {
    let family = if ip.is_ipv4() { libc::AF_INET } else { libc::AF_INET6 };
    let kind = match kind {
        Kind::Datagram => libc::SOCK_DGRAM,
        Kind::Stream => libc::SOCK_STREAM,
    };
    // SAFETY: no memory is passed.
    let descriptor = unsafe { libc::socket(family, kind | libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK, 0) };
    checked(descriptor)?;
    // SAFETY: it is open, and nobody else has it.
    let socket = unsafe { OwnedFd::from_raw_fd(descriptor) };
    if ip.is_ipv6() {
        let only = libc::c_int::from(!dual);
        set_option(&socket, libc::IPPROTO_IPV6, libc::IPV6_V6ONLY, &only)?;
    }
    Ok(socket)
}

pub(super) fn bind(socket: &OwnedFd, address: SocketAddr) -> io::Result<()> {
    let (name, len) = Name::of(address);
    // SAFETY: the kernel reads at most `len` bytes, which the name has.
    checked(unsafe { libc::bind(socket.as_raw_fd(), (&raw const name.0).cast(), len) })
}

/// Connections may come.
pub(super) fn listen(socket: OwnedFd) -> io::Result<TcpListener> {
    // SAFETY: no memory is passed.
    checked(unsafe { libc::listen(socket.as_raw_fd(), 128) })?;
    Ok(TcpListener::from(socket))
}

/// An address as the kernel has it, of either version: `sockaddr_in` has port and address where `sockaddr_in6` has port and flow.
#[derive(Clone, Copy)]
#[repr(transparent)]
struct Name(libc::sockaddr_in6);

impl Default for Name {
    fn default() -> Self {
        let sin6_addr = libc::in6_addr { s6_addr: [0; 16] };
        Self(libc::sockaddr_in6 {
            sin6_family: 0,
            sin6_port: 0,
            sin6_flowinfo: 0,
            sin6_addr,
            sin6_scope_id: 0,
        })
    }
}

impl Name {
    /// With the length that the kernel is to be told.
    fn of(address: SocketAddr) -> (Self, libc::socklen_t) {
        let mut name = Self::default();
        name.0.sin6_port = address.port().to_be();
        let len = match address {
            SocketAddr::V4(address) => {
                name.0.sin6_family = libc::AF_INET as libc::sa_family_t;
                name.0.sin6_flowinfo = address.ip().to_bits().to_be();
                size_of::<libc::sockaddr_in>()
            }
            SocketAddr::V6(address) => {
                name.0.sin6_family = libc::AF_INET6 as libc::sa_family_t;
                name.0.sin6_addr.s6_addr = address.ip().octets();
                name.0.sin6_scope_id = address.scope_id();
                size_of::<libc::sockaddr_in6>()
            }
        };
        (name, len as libc::socklen_t)
    }

    fn address(&self) -> SocketAddr {
        let name = &self.0;
        let port = u16::from_be(name.sin6_port);
        if libc::c_int::from(name.sin6_family) == libc::AF_INET {
            let ip = Ipv4Addr::from_bits(u32::from_be(name.sin6_flowinfo));
            return SocketAddr::V4(SocketAddrV4::new(ip, port));
        }
        let ip = Ipv6Addr::from(name.sin6_addr.s6_addr);
        SocketAddr::V6(SocketAddrV6::new(ip, port, 0, name.sin6_scope_id))
    }
}

/// What the kernel tells besides: only the time is asked for.
#[derive(Clone, Copy)]
#[repr(C)]
struct Control {
    header: libc::cmsghdr,
    time: libc::timespec,
}

impl Default for Control {
    fn default() -> Self {
        // SAFETY: integers, of which all may be 0.
        unsafe { mem::zeroed() }
    }
}

impl Control {
    /// When the kernel got the datagram, if it says.
    fn received(&self, len: usize) -> Option<Timestamp> {
        let is_time = len >= size_of::<Self>()
            && self.header.cmsg_level == libc::SOL_SOCKET
            && self.header.cmsg_type == libc::SCM_TIMESTAMPNS;
        let seconds = u64::try_from(self.time.tv_sec).ok()?;
        let nanos = u32::try_from(self.time.tv_nsec).ok()?;
        is_time.then(|| Timestamp::new(seconds, nanos))
    }
}

/// A datagram that was received, without its bytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Received {
    pub(super) from: SocketAddr,
    pub(super) time: Option<Timestamp>,
    pub(super) len: usize,
    /// There was more of it.
    pub(super) truncated: bool,
}

/// Receives many datagrams with one system call.
#[derive(Default)]
pub(super) struct Receiver {
    names: Vec<Name>,
    controls: Vec<Control>,
    received: Vec<Received>,
}

impl Receiver {
    pub(super) fn new() -> Self {
        Self {
            names: vec![Name::default(); MAX_BATCH_DATAGRAMS],
            controls: vec![Control::default(); MAX_BATCH_DATAGRAMS],
            received: Vec::with_capacity(MAX_BATCH_DATAGRAMS),
        }
    }

    /// One datagram into each of `places`, of at most `longest` bytes, as far as there are any.
    pub(super) fn receive<'a>(
        &mut self,
        socket: &UdpSocket,
        places: impl Iterator<Item = &'a mut [u8]>,
        longest: usize,
    ) -> io::Result<&[Received]> {
        let mut vectors: ArrayVec<libc::iovec, MAX_BATCH_DATAGRAMS> = places
            .take(MAX_BATCH_DATAGRAMS)
            .map(|place| libc::iovec {
                iov_base: place.as_mut_ptr().cast(),
                iov_len: place.len().min(longest),
            })
            .collect();
        let parts = vectors.iter_mut().zip(&mut self.names).zip(&mut self.controls);
        let mut headers: ArrayVec<libc::mmsghdr, MAX_BATCH_DATAGRAMS> =
            parts.map(|((vector, name), control)| header(vector, name, control)).collect();
        // SAFETY: the kernel writes at most what each header names: a place, a name and a control, each a live
        // exclusive borrow of that many bytes; and the headers themselves.
        let count = unsafe {
            libc::recvmmsg(
                socket.0.as_raw_fd(),
                headers.as_mut_ptr(),
                headers.len() as libc::c_uint,
                libc::MSG_DONTWAIT,
                ptr::null_mut(),
            )
        };
        checked(count)?;
        let each = headers.iter().zip(&self.names).zip(&self.controls).take(count.unsigned_abs() as usize);
        self.received.clear();
        self.received.extend(each.map(|((header, name), control)| Received {
            from: name.address(),
            time: control.received(header.msg_hdr.msg_controllen),
            len: header.msg_len as usize,
            truncated: header.msg_hdr.msg_flags & libc::MSG_TRUNC != 0,
        }));
        Ok(&self.received)
    }
}

fn header(vector: &mut libc::iovec, name: &mut Name, control: &mut Control) -> libc::mmsghdr {
    // SAFETY: integers and pointers, of which all may be 0; padding differs between C libraries, hence not by name.
    let mut header: libc::mmsghdr = unsafe { mem::zeroed() };
    header.msg_hdr.msg_name = (&raw mut *name).cast();
    header.msg_hdr.msg_namelen = size_of::<Name>() as libc::socklen_t;
    header.msg_hdr.msg_iov = vector;
    header.msg_hdr.msg_iovlen = 1;
    header.msg_hdr.msg_control = (&raw mut *control).cast();
    header.msg_hdr.msg_controllen = size_of::<Control>();
    header
}
