//! What a network card or its driver does to packets before anybody sees them (`ethtool(8)`; Linux' `ethtool.h`).

#![expect(unsafe_code, reason = "asking about a card is a system call of the C library")]

use std::mem;
use std::net::UdpSocket;
use std::os::fd::AsRawFd;

use super::rss::{KINDS, QueueDealing};
use crate::system::checked;

/// Commands of `SIOCETHTOOL`.
const GET_RINGS: u32 = 0x10;
const GET_FLAGS: u32 = 0x25;
const GET_HASHED_FIELDS: u32 = 0x29;
const GET_GRO: u32 = 0x2b;
const GET_CHANNELS: u32 = 0x3c;
const GET_DEALING: u32 = 0x46;
/// Of the flags.
const FLAG_LRO: u32 = 1 << 15;
const FLAG_RX_VLAN: u32 = 1 << 8;

/// The largest answer to a command that is asked with nothing but itself, in numbers of 32 bits: that about rings.
const MAX_ANSWER: usize = 9;
/// Room for an answer about hashed fields: the kernel's structure has a rule behind what is asked for.
const FIELDS_ANSWER: usize = 64;
/// `struct ethtool_rxfh` without what is behind it: command, context, length of the table, length of the key, function and transform, reserved.
const DEALING_ANSWER: usize = 6;
/// Longest key that is taken: cards have 40 to 64 bytes.
const MAX_KEY_BYTES: usize = 1_024;

/// A card, as far as its driver answers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Card {
    /// Packets of a flow are joined by the kernel (GRO): lengths and times are not those of the wire.
    pub joins_in_kernel: Option<bool>,
    /// The same by the card (LRO).
    pub joins_in_card: Option<bool>,
    /// The card takes VLAN tags off. They are put back.
    pub takes_tags_off: Option<bool>,
    /// How many packets wait for the kernel.
    pub rings: Option<RingSizes>,
    /// Queues into which the card deals what it receives.
    pub queues: Option<u32>,
    /// How it deals.
    pub dealing: Option<QueueDealing>,
}

/// Places of a card's receive ring.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RingSizes {
    /// As it is set.
    pub now: u32,
    /// As it can be.
    pub most: u32,
}

impl Card {
    /// Asks the driver of an interface; what it does not answer is not known.
    pub fn ask(interface: &str) -> Self {
        let Ok(socket) = UdpSocket::bind("127.0.0.1:0").or_else(|_| UdpSocket::bind("[::1]:0")) else {
            return Self::default();
        };
        let ask = |command| ask(&socket, interface, command);
        let flags = ask(GET_FLAGS).map(|[_, flags, ..]| flags);
        Self {
            joins_in_kernel: ask(GET_GRO).map(|[_, is_on, ..]| is_on != 0),
            joins_in_card: flags.map(|flags| flags & FLAG_LRO != 0),
            takes_tags_off: flags.map(|flags| flags & FLAG_RX_VLAN != 0),
            // Most: received, mini, jumbo, sent; then the same as they are.
            rings: ask(GET_RINGS)
                .map(|[_, most, _, _, _, now, ..]| RingSizes { now, most })
                .filter(|rings| rings.most > 0),
            // Most: received, sent, other, both; then the same as they are.
            queues: ask(GET_CHANNELS)
                .map(|[_, _, _, _, _, received, _, _, both]| received + both)
                .filter(|queues| *queues > 0),
            dealing: dealing(&socket, interface),
        }
    }
}

/// The numbers of an answer, of which the first is the command.
fn ask(socket: &UdpSocket, interface: &str, command: u32) -> Option<[u32; MAX_ANSWER]> {
    let mut answer = [0_u32; MAX_ANSWER];
    answer[0] = command;
    call(socket, interface, &mut answer).then_some(answer)
}

/// Asked for its length first: the kernel fills as much as it is told that there is.
fn dealing(socket: &UdpSocket, interface: &str) -> Option<QueueDealing> {
    let mut head = [GET_DEALING, 0, 0, 0, 0, 0];
    if !call(socket, interface, &mut head) {
        return None;
    }
    let [_, _, _, key_bytes, _, _] = head;
    let length = usize::try_from(key_bytes).ok().filter(|length| *length <= MAX_KEY_BYTES)?;
    let mut answer = vec![0; DEALING_ANSWER + length.div_ceil(size_of::<u32>())];
    answer.splice(..DEALING_ANSWER, [GET_DEALING, 0, 0, key_bytes, 0, 0]);
    if !call(socket, interface, &mut answer) {
        return None;
    }
    let (head, key) = answer.split_at_checked(DEALING_ANSWER)?;
    let key: Vec<u8> = key.iter().flat_map(|number| number.to_ne_bytes()).take(length).collect();
    let [function, transform, ..] = head.get(4)?.to_ne_bytes();
    let fields = KINDS
        .iter()
        .filter_map(|(name, kind)| Some((*name, hashed_fields(socket, interface, *kind)?)))
        .collect();
    // Some have the call and say nothing.
    let says_something = function != 0 || !key.is_empty();
    says_something.then_some(QueueDealing { function, transform, key, fields })
}

/// `struct ethtool_rxnfc`: command, kind of packet, and the fields in 64 bits.
fn hashed_fields(socket: &UdpSocket, interface: &str, kind: u32) -> Option<u64> {
    let mut answer = [0_u32; FIELDS_ANSWER];
    [answer[0], answer[1]] = [GET_HASHED_FIELDS, kind];
    if !call(socket, interface, &mut answer) {
        return None;
    }
    let ([first, second], _) = answer.get(2..)?.split_first_chunk()?;
    let mut bytes = [0; 8];
    bytes[..4].copy_from_slice(&first.to_ne_bytes());
    bytes[4..].copy_from_slice(&second.to_ne_bytes());
    Some(u64::from_ne_bytes(bytes))
}

/// Whether the driver filled the answer, whose first number is the command. It must have room for all that the command answers.
fn call(socket: &UdpSocket, interface: &str, answer: &mut [u32]) -> bool {
    if interface.len() >= libc::IFNAMSIZ || interface.contains('\0') {
        return false;
    }
    // SAFETY: zero is valid for each of its fields.
    let mut request: libc::ifreq = unsafe { mem::zeroed() };
    for (to, from) in request.ifr_name.iter_mut().zip(interface.bytes()) {
        *to = from.cast_signed();
    }
    request.ifr_ifru.ifru_data = answer.as_mut_ptr().cast();
    // SAFETY: the kernel reads one such structure, and writes at most what these commands answer, which is no more than `answer` has.
    let asked = unsafe { libc::ioctl(socket.as_raw_fd(), libc::SIOCETHTOOL, &raw mut request) };
    checked(asked).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_loopback_answers_and_what_is_not_there_does_not() {
        assert!(Card::ask("lo").joins_in_kernel.is_some());
        for name in ["no-such-interfac", "a name that is far too long", "nul\0"] {
            assert_eq!(Card::ask(name), Card::default());
        }
    }
}
