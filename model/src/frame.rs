//! A frame: what the wire carried, before anything is known about it.

use crate::Timestamp;

/// The link-layer header type of a frame: a `LINKTYPE_` value of the tcpdump group's registry
/// (<https://www.tcpdump.org/linktypes.html>), as capture files store it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LinkType(pub u16);

impl LinkType {
    /// BSD loopback: a 4-byte address family in the byte order of the capturing host.
    pub const NULL: Self = Self(0);
    /// IEEE 802.3 Ethernet.
    pub const ETHERNET: Self = Self(1);
    /// PPP, as per RFC 1661 and RFC 1662.
    pub const PPP: Self = Self(9);
    /// Raw IP as most systems number it internally.
    pub const RAW_BSD: Self = Self(12);
    /// Raw IP as OpenBSD numbers it internally.
    pub const RAW_OPENBSD: Self = Self(14);
    /// PPP in HDLC-like framing (RFC 1662), or Cisco HDLC: the first byte tells.
    pub const PPP_HDLC: Self = Self(50);
    /// PPP over Ethernet session packets, without an Ethernet header (RFC 2516).
    pub const PPP_ETHER: Self = Self(51);
    /// IEEE 802.2 over ATM (RFC 2684).
    pub const ATM_RFC1483: Self = Self(100);
    /// Raw IP; the version is in the first nibble.
    pub const RAW: Self = Self(101);
    /// Cisco HDLC.
    pub const CISCO_HDLC: Self = Self(104);
    /// IEEE 802.11 frames.
    pub const IEEE802_11: Self = Self(105);
    /// Frame relay (RFC 2427, or Cisco's own encapsulation).
    pub const FRAME_RELAY: Self = Self(107);
    /// OpenBSD loopback: like NULL, address family in network byte order.
    pub const LOOP: Self = Self(108);
    /// Linux "cooked" capture v1.
    pub const LINUX_SLL: Self = Self(113);
    /// IEEE 802.11 after a Prism monitor header.
    pub const IEEE802_11_PRISM: Self = Self(119);
    /// IEEE 802.11 after a radiotap header.
    pub const IEEE802_11_RADIOTAP: Self = Self(127);
    /// IEEE 802.11 after a PPI header (CACE per-packet information).
    pub const PPI: Self = Self(192);
    /// Raw IPv4.
    pub const IPV4: Self = Self(228);
    /// Raw IPv6.
    pub const IPV6: Self = Self(229);
    /// netfilter log packets.
    pub const NFLOG: Self = Self(239);
    /// Linux "cooked" capture v2.
    pub const LINUX_SLL2: Self = Self(276);
}

/// One captured frame, borrowed from the batch that owns its bytes.
#[derive(Clone, Copy, Debug)]
pub struct Frame<'a> {
    /// Position in the merged input, from 1: with the time, the order in which everything is decided.
    pub number: u64,
    /// When the frame was captured.
    pub time: Timestamp,
    /// What the first byte of `data` begins.
    pub link: LinkType,
    /// Length on the wire in bytes; `data` is shorter when the snap length cut it.
    pub original_len: u32,
    /// The bytes captured.
    pub data: &'a [u8],
}
