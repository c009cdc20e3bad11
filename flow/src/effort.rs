//! How much is done of each packet: whoever cannot keep up does less, in an order that was chosen, before packets are dropped that
//! nobody chose.

use weir_wire::{Packet, Transport};

/// From everything to what is never left out: counting a packet into the flow that it belongs to, and comparing the addresses of one that
/// belongs to none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Effort {
    /// Everything.
    #[default]
    Full,
    /// Payload is passed over, but for DNS over UDP: small messages that name what the others are about. A flow whose payload was
    /// passed over is not read later either, because its beginning is gone.
    Headers,
    /// Nor do small flows begin. Of packets without a flow, one in [`ONE_IN`] begins one ("sample and hold": C. Estan, G. Varghese, New
    /// Directions in Traffic Measurement and Accounting, SIGCOMM 2002), so that flows of many packets are counted from their first ones and most of
    /// few packets are not. What meets an indicator by an address begins in any case.
    Addresses,
}

/// See [`Effort::Addresses`]. Of flows of a hundred packets 998 in 1,000 begin, of flows of one packet 63.
pub const ONE_IN: u64 = 16;

/// Where DNS is spoken.
const DNS_PORT: u16 = 53;

impl Effort {
    /// Whether the payload of a packet is read.
    pub(crate) fn reads(self, packet: &Packet<'_>) -> bool {
        self == Self::Full
            || (packet.transport == Transport::Udp
                && (packet.source.port == DNS_PORT || packet.destination.port == DNS_PORT))
    }

    /// Whether a packet of that number, which belongs to no flow, begins one whatever it meets.
    pub(crate) const fn begins(self, packet: u64) -> bool {
        // Fibonacci hashing (Knuth, TAOCP vol. 3, 6.4): neighbouring numbers fall apart, and no sender knows his.
        !matches!(self, Self::Addresses) || packet.wrapping_mul(0x9E37_79B9_7F4A_7C15) < u64::MAX / ONE_IN
    }
}

/// What was left out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Shed {
    /// Packets whose payload was passed over and might have been read.
    pub payloads: u64,
    /// Packets that belong to no flow: only their addresses were compared.
    pub packets: u64,
    /// The frames that these came in.
    pub frames: u64,
}

impl Shed {
    pub(crate) const fn add(&mut self, other: &Self) {
        let Self { payloads, packets, frames } = other;
        self.payloads += *payloads;
        self.packets += *packets;
        self.frames += *frames;
    }
}
