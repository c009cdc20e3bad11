//! What travels from thread to thread to the worker of a flow, because a frame could not be dealt there as it was.

use std::net::{IpAddr, Ipv4Addr};
use weir_model::{Endpoint, Protocol, Timestamp};
use weir_wire::{About, Packet, Rare, Transport};

/// What comes to a worker that is not a frame.
#[derive(Debug)]
pub(crate) enum Errand {
    /// A packet that was put together from fragments, or whose frame was dealt elsewhere.
    Made(OwnedPacket),
    /// An ICMP error, which may be another worker's packet, about a flow of this worker.
    Note(OwnedPacket),
}

/// A packet with its payload.
#[derive(Debug)]
pub(crate) struct OwnedPacket {
    packet: Packet<'static>,
    payload: Vec<u8>,
}

impl OwnedPacket {
    /// Copies a packet.
    pub(crate) fn of(packet: &Packet<'_>) -> Self {
        let payload = packet.payload.to_vec();
        let packet = Packet {
            payload: &[],
            number: packet.number,
            time: packet.time,
            frames: packet.frames,
            protocol: packet.protocol,
            source: packet.source,
            destination: packet.destination,
            ip_bytes: packet.ip_bytes,
            payload_len: packet.payload_len,
            transport: packet.transport,
            vlans: packet.vlans.clone(),
            rare: packet.rare.clone(),
        };
        Self { packet, payload }
    }

    /// As much of an ICMP error, in the packet of that number and time, as tells of the flow that it is about.
    #[expect(clippy::default_trait_access, reason = "the type is wire's own affair")]
    pub(crate) fn error_about(number: u64, time: Timestamp, about: About) -> Self {
        let nowhere = Endpoint::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0);
        let packet = Packet {
            number,
            time,
            frames: 0,
            protocol: Protocol::ICMP,
            source: nowhere,
            destination: nowhere,
            ip_bytes: 0,
            payload_len: 0,
            payload: &[],
            transport: Transport::Other,
            vlans: Default::default(),
            rare: Some(Box::new(Rare { about: Some(about), ..Rare::default() })),
        };
        Self { packet, payload: Vec::new() }
    }

    /// The packet as it was.
    pub(crate) fn lend(&self, take: impl FnOnce(&Packet<'_>)) {
        let packet: Packet<'_> = Packet { payload: &self.payload, ..self.packet.clone() };
        take(&packet);
    }
}
