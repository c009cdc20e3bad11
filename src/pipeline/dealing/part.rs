//! What is dealt to a worker at a time.

use crate::pipeline::round::RoundEnd;
use std::net::{IpAddr, Ipv4Addr};
use weir_capture::FrameBatch;
use weir_model::{Endpoint, Frame, Protocol};
use weir_wire::{About, Packet, Rare, Transport};

/// Frames for one worker, and what else comes to it between them.
#[derive(Debug, Default)]
pub(crate) struct Part {
    frames: FrameBatch,
    /// Each behind so many of the frames.
    errands: Vec<(usize, Errand)>,
    closes: Option<RoundEnd>,
}

/// What comes to a worker that is not a frame.
#[derive(Debug)]
pub(crate) enum Errand {
    /// A packet that the dealer put together from fragments.
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

    /// As much of an ICMP error as tells of the flow that it is about.
    #[expect(clippy::default_trait_access, reason = "the type is wire's own affair")]
    pub(super) fn error_about(frame: &Frame<'_>, about: About) -> Self {
        let nowhere = Endpoint::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0);
        let packet = Packet {
            number: frame.number,
            time: frame.time,
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

impl Part {
    /// Its frames.
    pub(crate) const fn frames(&self) -> &FrameBatch {
        &self.frames
    }

    /// What comes between them, each with the number of frames that come before it.
    pub(crate) fn errands(&self) -> impl Iterator<Item = (usize, &Errand)> {
        self.errands.iter().map(|(place, errand)| (*place, errand))
    }

    /// The end of a round, if it comes behind all that.
    pub(crate) const fn closes(&self) -> Option<&RoundEnd> {
        self.closes.as_ref()
    }

    /// Whether there is nothing in it.
    pub(super) fn is_empty(&self) -> bool {
        self.frames.is_empty() && self.errands.is_empty() && self.closes.is_none()
    }

    /// Whether another frame and its errands had better go to the next part.
    pub(super) fn is_full(&self) -> bool {
        self.frames.is_full() || self.errands.len() >= MAX_ERRANDS
    }

    /// Takes one of the frames of a batch.
    pub(super) fn push(&mut self, batch: &FrameBatch, index: usize) {
        self.frames.push_from(batch, index);
    }

    /// Takes something that comes behind the frames so far.
    pub(super) fn push_errand(&mut self, errand: Errand) {
        self.errands.push((self.frames.len(), errand));
    }

    /// Says that a round is over.
    pub(super) const fn close(&mut self, end: RoundEnd) {
        self.closes = Some(end);
    }

    /// Empties it, and keeps the memory.
    pub(super) fn clear(&mut self) {
        self.frames.clear();
        self.errands.clear();
        self.closes = None;
    }
}

/// Errands of one part. A capture of nothing but fragments would otherwise grow it; a single frame can still bring many, when
/// datagrams expire or are given up, which the decoder's own limits bound.
const MAX_ERRANDS: usize = 256;
