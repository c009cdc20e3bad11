//! Whose packet a frame holds, for those who deal frames to workers.

use super::Reached;
use super::link;
use super::plain;
use super::span::Span;
use super::trail::Trail;
use crate::packet::About;
use std::net::IpAddr;
use weir_model::{Endpoint, Frame, Protocol};

/// What a frame holds, as far as dealing goes. What a [`Decoder`](super::Decoder) makes of the frame has the same protocol and ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Peeked {
    /// A packet: the innermost one.
    Packet {
        /// As [`Packet::protocol`](crate::Packet::protocol).
        protocol: Protocol,
        /// As [`Packet::source`](crate::Packet::source).
        source: Endpoint,
        /// As [`Packet::destination`](crate::Packet::destination).
        destination: Endpoint,
        /// Of an ICMP error.
        about: Option<About>,
    },
    /// A fragment of a datagram, of which the decoder makes a packet when the others are there. Its ports are not known, and
    /// behind it may be a tunnel.
    Fragment {
        /// What is fragmented; of an IPv6 datagram only the first fragment says it for certain.
        protocol: Protocol,
        /// Source of the datagram.
        source: IpAddr,
        /// Destination of the datagram.
        destination: IpAddr,
    },
    /// No IP packet, or none that can be read.
    Other,
}

/// What a frame holds. Nothing is counted and nothing is kept: of the same frame it always says the same.
#[inline]
pub fn peek(frame: &Frame<'_>) -> Peeked {
    let packet =
        |protocol, source, destination| Peeked::Packet { protocol, source, destination, about: None };
    peek_plain(frame, packet).unwrap_or_else(|| peek_closer(frame))
}

/// What `then` makes of protocol, source and destination of the packet in a frame, where headers are as nearly all are; else `None`,
/// and [`peek_closer`] says what the frame holds.
#[inline]
pub fn peek_plain<T>(frame: &Frame<'_>, then: impl FnOnce(Protocol, Endpoint, Endpoint) -> T) -> Option<T> {
    plain::read(frame, |plain| then(plain.packet.protocol, plain.packet.source, plain.packet.destination))
}

/// As [`peek`], for a frame of which [`peek_plain`] makes nothing.
#[inline(never)]
pub fn peek_closer(frame: &Frame<'_>) -> Peeked {
    match link::link(&mut Trail::default(), frame.link, Span::new(frame.data, frame.original_len as usize)) {
        Ok(Reached::Packet(packet)) => Peeked::Packet {
            protocol: packet.protocol,
            source: packet.source,
            destination: packet.destination,
            about: packet.about,
        },
        Ok(Reached::Fragment(fragment)) => Peeked::Fragment {
            protocol: fragment.header.protocol,
            source: fragment.header.addresses.source,
            destination: fragment.header.addresses.destination,
        },
        Err(_) => Peeked::Other,
    }
}
