//! What the kernel tells about interfaces (`rtnetlink(7)`): a flap that is over before anybody looks is still seen.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::time::Duration;

use super::device::{self, Device, is_up};
use super::socket;

/// Bytes of one datagram from the kernel, which sends at most a page or 8 KiB (`NLMSG_GOODSIZE`); statistics and
/// attributes of many virtual functions make some larger. One that is cut is as one that was lost.
const MAX_MESSAGE_BYTES: usize = 64 * 1024;

/// Messages read at a time: more wait for the next time, so that a host that makes interfaces all the time does not
/// hold us.
const MAX_MESSAGES: usize = 1024;

/// The kernel's news about interfaces.
#[derive(Debug)]
pub(super) struct Links {
    socket: OwnedFd,
    buffer: Vec<u8>,
}

/// Something about an interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Change {
    /// How it is.
    Is {
        /// Its number, which a new interface of the same name does not share.
        index: u32,
        name: String,
        up: bool,
    },
    /// It was removed.
    Gone { index: u32 },
    /// Some were lost.
    Lost,
}

impl Links {
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self { socket: socket::link_changes()?, buffer: vec![0; MAX_MESSAGE_BYTES] })
    }

    /// The interface of this name, as it is.
    pub(super) fn find(&self, name: &str) -> Option<Device> {
        device::find(&self.socket, name)
    }

    /// What has changed since the last call; waits for something until the time is over.
    pub(super) fn wait(&mut self, timeout: Duration, mut each: impl FnMut(Change)) {
        if socket::wait(std::iter::once(self.socket.as_fd()), timeout).is_err() {
            std::thread::sleep(Duration::from_millis(1));
        }
        for _ in 0..MAX_MESSAGES {
            match socket::receive(&self.socket, &mut self.buffer) {
                Ok(len) => messages(self.buffer.get(..len).unwrap_or_default(), &mut each),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(_) => return each(Change::Lost),
            }
        }
    }
}

/// A datagram: messages, each padded to 4 bytes (`struct nlmsghdr`: length, type, flags, sequence number, port).
fn messages(mut bytes: &[u8], each: &mut impl FnMut(Change)) {
    while let Some((header, _)) = bytes.split_first_chunk::<16>() {
        let [l0, l1, l2, l3, t0, t1, ..] = *header;
        let len = u32::from_ne_bytes([l0, l1, l2, l3]) as usize;
        let Some(body) = bytes.get(16..len) else {
            return each(Change::Lost);
        };
        if let Some(change) = change(u16::from_ne_bytes([t0, t1]), body) {
            each(change);
        }
        bytes = bytes.get(len.next_multiple_of(4)..).unwrap_or_default();
    }
    if !bytes.is_empty() {
        each(Change::Lost);
    }
}

/// `struct ifinfomsg` (family, padding, type, index, flags, changed flags), then attributes.
fn change(kind: u16, body: &[u8]) -> Option<Change> {
    let (fixed, attributes) = body.split_first_chunk::<16>()?;
    let [_, _, _, _, i0, i1, i2, i3, f0, f1, f2, f3, ..] = *fixed;
    let index = u32::from_ne_bytes([i0, i1, i2, i3]);
    let flags = u32::from_ne_bytes([f0, f1, f2, f3]);
    match kind {
        libc::RTM_DELLINK => Some(Change::Gone { index }),
        libc::RTM_NEWLINK => {
            let name = name(attributes)?;
            Some(Change::Is { index, name, up: is_up(flags) })
        }
        _ => None,
    }
}

/// The attribute IFLA_IFNAME (`struct rtattr`: length, type; padded to 4 bytes).
fn name(mut attributes: &[u8]) -> Option<String> {
    loop {
        let ([l0, l1, k0, k1], _) = attributes.split_first_chunk::<4>()?;
        let len = usize::from(u16::from_ne_bytes([*l0, *l1]));
        let value = attributes.get(4..len)?;
        if u16::from_ne_bytes([*k0, *k1]) == libc::IFLA_IFNAME {
            let name = value.split(|byte| *byte == 0).next().unwrap_or_default();
            return Some(String::from_utf8_lossy(name).into_owned());
        }
        attributes = attributes.get(len.next_multiple_of(4)..)?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn message(kind: u16, index: u32, flags: u32, attributes: &[u8]) -> Vec<u8> {
        let mut bytes = ((32 + attributes.len()) as u32).to_ne_bytes().to_vec();
        bytes.extend(kind.to_ne_bytes());
        bytes.extend([0; 14]);
        bytes.extend(index.to_ne_bytes());
        bytes.extend(flags.to_ne_bytes());
        bytes.extend([0; 4]);
        bytes.extend_from_slice(attributes);
        bytes.resize(bytes.len().next_multiple_of(4), 0);
        bytes
    }

    fn changes(bytes: &[u8]) -> Vec<Change> {
        let mut changes = Vec::new();
        messages(bytes, &mut |change| changes.push(change));
        changes
    }

    #[test]
    fn reads_one_message_after_the_other() {
        let mut attributes = vec![6, 0, 0x1d, 0, 9, 9, 0, 0];
        attributes.extend([9, 0, 3, 0]);
        attributes.extend(b"eth1\0");
        let mut bytes = message(libc::RTM_NEWLINK, 7, 1, &attributes);
        bytes.extend(message(libc::RTM_DELLINK, 7, 0, &[]));
        let is = Change::Is { index: 7, name: "eth1".to_owned(), up: true };
        assert_eq!(changes(&bytes), [is, Change::Gone { index: 7 }]);
        bytes.truncate(60);
        assert_eq!(changes(&bytes).last(), Some(&Change::Lost));
    }

    proptest! {
        #[test]
        fn survives_anything(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            messages(&bytes, &mut |_| {});
        }
    }
}
