//! Messages and descriptors over a Unix socket (`unix(7)`, SOCK_SEQPACKET and SCM_RIGHTS).

#![expect(unsafe_code, reason = "passing descriptors takes system calls of the C library")]

use std::io;
use std::mem;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::time::Duration;

use crate::system::{checked, set_option};

/// Bytes for the control message of a descriptor (CMSG_SPACE): header and number, padded.
const CONTROL_BYTES: usize = 24;

/// The number of a descriptor, as it lies in a control message.
type Number = [u8; 4];

/// Room for control messages, aligned as they must be.
#[derive(Default)]
struct Control([u64; CONTROL_BYTES / 8]);

/// Two ends of a conversation, which no program inherits unless told to.
pub(super) fn pair() -> io::Result<(OwnedFd, OwnedFd)> {
    let mut ends = [-1; 2];
    let kind = libc::SOCK_SEQPACKET | libc::SOCK_CLOEXEC;
    // SAFETY: the kernel writes two descriptors.
    checked(unsafe { libc::socketpair(libc::AF_UNIX, kind, 0, ends.as_mut_ptr()) })?;
    // SAFETY: they are open, and nobody else has them.
    Ok(unsafe { (OwnedFd::from_raw_fd(ends[0]), OwnedFd::from_raw_fd(ends[1])) })
}

/// How long sending and receiving wait at most.
pub(super) fn be_patient(socket: &OwnedFd, time: Duration) -> io::Result<()> {
    let time = libc::timeval { tv_sec: time.as_secs().cast_signed(), tv_usec: 0 };
    set_option(socket, libc::SOL_SOCKET, libc::SO_RCVTIMEO, &time)?;
    set_option(socket, libc::SOL_SOCKET, libc::SO_SNDTIMEO, &time)
}

/// Sends a message, with a descriptor if there is one, which stays open here.
pub(super) fn send(socket: &impl AsFd, bytes: &[u8], passed: Option<BorrowedFd<'_>>) -> io::Result<()> {
    let mut control = Control::default();
    let mut part = libc::iovec { iov_base: bytes.as_ptr().cast_mut().cast(), iov_len: bytes.len() };
    // SAFETY: zero is valid for each of its fields.
    let mut message: libc::msghdr = unsafe { mem::zeroed() };
    message.msg_iov = &raw mut part;
    message.msg_iovlen = 1;
    if let Some(passed) = passed {
        message.msg_control = control.0.as_mut_ptr().cast();
        message.msg_controllen = CONTROL_BYTES;
        // SAFETY: the control message and a descriptor fit into `control`, whose place `message` says.
        unsafe {
            let header = libc::CMSG_FIRSTHDR(&raw const message);
            (*header).cmsg_level = libc::SOL_SOCKET;
            (*header).cmsg_type = libc::SCM_RIGHTS;
            (*header).cmsg_len = libc::CMSG_LEN(size_of::<libc::c_int>() as u32) as usize;
            libc::CMSG_DATA(header).cast::<Number>().write(passed.as_raw_fd().to_ne_bytes());
        }
    }
    retry(|| {
        // SAFETY: `message` names memory that is there until this returns; the kernel only reads it.
        unsafe { libc::sendmsg(socket.as_fd().as_raw_fd(), &raw const message, libc::MSG_NOSIGNAL) }
    })
    .map(drop)
}

/// Receives a message, and a descriptor if one comes with it. A message of no bytes is the end of the conversation.
pub(super) fn receive(socket: &impl AsFd, buffer: &mut [u8]) -> io::Result<(usize, Option<OwnedFd>)> {
    let mut control = Control::default();
    let mut part = libc::iovec { iov_base: buffer.as_mut_ptr().cast(), iov_len: buffer.len() };
    // SAFETY: zero is valid for each of its fields.
    let mut message: libc::msghdr = unsafe { mem::zeroed() };
    message.msg_iov = &raw mut part;
    message.msg_iovlen = 1;
    message.msg_control = control.0.as_mut_ptr().cast();
    message.msg_controllen = CONTROL_BYTES;
    let len = retry(|| {
        // SAFETY: the kernel writes at most as much as `message` says into memory that is there until this returns.
        unsafe { libc::recvmsg(socket.as_fd().as_raw_fd(), &raw mut message, libc::MSG_CMSG_CLOEXEC) }
    })?;
    let passed = passed(&message);
    if message.msg_flags & (libc::MSG_TRUNC | libc::MSG_CTRUNC) != 0 {
        return Err(io::Error::from(io::ErrorKind::InvalidData));
    }
    Ok((len, passed))
}

/// Receives a message and refuses descriptors; `None` for one that is longer than `buffer`.
pub(super) fn receive_only(socket: &impl AsFd, buffer: &mut [u8]) -> io::Result<Option<usize>> {
    let len = retry(|| {
        // SAFETY: the kernel writes at most the length of `buffer`, and with this flag says how long the message was.
        unsafe {
            libc::recv(socket.as_fd().as_raw_fd(), buffer.as_mut_ptr().cast(), buffer.len(), libc::MSG_TRUNC)
        }
    })?;
    Ok((len <= buffer.len()).then_some(len))
}

/// The descriptor that came; further ones (there is room for two) are closed.
fn passed(message: &libc::msghdr) -> Option<OwnedFd> {
    // SAFETY: the kernel has filled in what `message` names, and says how far.
    let (header, count) = unsafe {
        let header = libc::CMSG_FIRSTHDR(message);
        if header.is_null()
            || (*header).cmsg_level != libc::SOL_SOCKET
            || (*header).cmsg_type != libc::SCM_RIGHTS
        {
            return None;
        }
        let bytes = (*header).cmsg_len.saturating_sub(libc::CMSG_LEN(0) as usize);
        (header, bytes / size_of::<Number>())
    };
    let descriptor = |index: usize| {
        // SAFETY: as many descriptors are there as `count` says, new in this process, and nobody else has them.
        unsafe {
            let number = libc::CMSG_DATA(header).cast::<Number>().add(index).read();
            OwnedFd::from_raw_fd(i32::from_ne_bytes(number))
        }
    };
    let mut all = (0..count).map(descriptor).collect::<Vec<_>>().into_iter();
    all.next()
}

fn retry(mut call: impl FnMut() -> isize) -> io::Result<usize> {
    loop {
        if let Ok(len) = usize::try_from(call()) {
            return Ok(len);
        }
        let error = io::Error::last_os_error();
        if error.kind() != io::ErrorKind::Interrupted {
            return Err(error);
        }
    }
}
