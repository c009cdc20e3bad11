//! A decoded packet: the innermost IP packet of a frame, and what it was wrapped in.

use arrayvec::ArrayVec;
use weir_model::flow::Tunnel;
use weir_model::{Endpoint, Protocol, Timestamp};

/// Most VLAN tags, MPLS labels and tunnels that are kept of one packet; more are looked through and not kept.
pub const MAX_LAYERS: usize = 4;

/// One IP packet, borrowed from its frame (or from the reassembled datagram).
#[derive(Clone, Debug)]
pub struct Packet<'a> {
    /// Number of the frame that completed it.
    pub number: u64,
    /// Time of that frame.
    pub time: Timestamp,
    /// Frames that it came in: 1, or the number of fragments. The ledger counts frames.
    pub frames: u32,
    /// IP protocol of the innermost packet, after extension headers.
    pub protocol: Protocol,
    /// Source address and port; for ICMP see [`weir_model::community_id::icmp_ports`].
    pub source: Endpoint,
    /// Destination address and port, likewise.
    pub destination: Endpoint,
    /// Bytes from the innermost IP header on, as the header says; the sum over fragments.
    pub ip_bytes: u32,
    /// Bytes after the transport header, as the headers say.
    pub payload_len: u32,
    /// As much of them as the frame holds.
    pub payload: &'a [u8],
    /// What else the transport header says.
    pub transport: Transport,
    /// VLAN identifiers, outermost first.
    pub vlans: ArrayVec<u16, MAX_LAYERS>,
    /// What few packets have. Apart, because packets are made, moved and kept by the batch.
    pub rare: Option<Box<Rare>>,
}

const _: () = assert!(size_of::<Packet<'_>>() <= 128, "a packet is two cache lines");

/// What few packets have.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rare {
    /// MPLS labels, outermost first.
    pub mpls: ArrayVec<u32, MAX_LAYERS>,
    /// Tunnels, outermost first.
    pub tunnels: ArrayVec<Tunnel, MAX_LAYERS>,
    /// Of an ICMP error: the packet that it is about.
    pub about: Option<About>,
}

/// Protocol, source and destination of the packet that an ICMP error is about; ports are 0 where the quotation has none.
pub type About = (Protocol, Endpoint, Endpoint);

impl Packet<'_> {
    /// Whether it came with VLAN tags, MPLS labels or in tunnels.
    #[inline]
    pub fn is_wrapped(&self) -> bool {
        let in_rare = |rare: &Rare| !rare.mpls.is_empty() || !rare.tunnels.is_empty();
        !self.vlans.is_empty() || self.rare.as_deref().is_some_and(in_rare)
    }

    /// MPLS labels, outermost first.
    pub fn mpls(&self) -> &[u32] {
        self.rare.as_ref().map_or(&[], |rare| &rare.mpls)
    }

    /// Tunnels, outermost first.
    pub fn tunnels(&self) -> &[Tunnel] {
        self.rare.as_ref().map_or(&[], |rare| &rare.tunnels)
    }

    /// Of an ICMP error: the packet that it is about.
    pub fn about(&self) -> Option<About> {
        self.rare.as_ref().and_then(|rare| rare.about)
    }
}

/// Fields of the transport header that flows need.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// TCP.
    Tcp(TcpFields),
    /// UDP.
    Udp,
    /// ICMP or ICMPv6.
    Icmp {
        /// Type.
        icmp_type: u8,
        /// Code.
        code: u8,
    },
    /// Any other protocol, or a header that the snap length or a lost fragment cut.
    Other,
}

/// Fields of a TCP header (RFC 9293 section 3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TcpFields {
    /// Sequence number.
    pub sequence: u32,
    /// Acknowledgement number; meaningful with [`TcpFields::ACK`].
    pub acknowledgement: u32,
    /// Flags: the low byte of the flag word.
    pub flags: u8,
}

impl TcpFields {
    /// No more data from the sender.
    pub const FIN: u8 = 0x01;
    /// Synchronise sequence numbers.
    pub const SYN: u8 = 0x02;
    /// Reset the connection.
    pub const RST: u8 = 0x04;
    /// Push.
    pub const PSH: u8 = 0x08;
    /// The acknowledgement number counts.
    pub const ACK: u8 = 0x10;
    /// The urgent pointer counts.
    pub const URG: u8 = 0x20;

    /// Whether all of `flags` are set.
    pub const fn has(self, flags: u8) -> bool {
        self.flags & flags == flags
    }
}
