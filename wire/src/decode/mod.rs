//! A frame to the packet in it: link layer, tags, tunnels, IP, fragments, transport.
//!
//! Headers are read laxly (what the snap length or an odd sender left is taken), tunnels strictly (a tunnel that is none
//! would hide a flow). The innermost IP packet counts. No frame is lost: [`DecodeStats::balance`] says so.

mod ether_type;
mod fragments;
mod ip;
mod link;
mod llc;
mod mpls;
mod peek;
mod plain;
mod ppp;
mod span;
mod stats;
mod trail;
mod transport;
mod tunnel;
mod wlan;

#[cfg(test)]
mod fragment_tests;
#[cfg(test)]
mod tests;

pub use peek::{Peeked, peek, peek_closer, peek_plain};
pub use stats::{CounterName, DecodeStats, FragmentStats, GivenUp, Layer, NotIp, Reason, Undecodable};

use crate::packet::{MAX_LAYERS, Packet, Rare};
use arrayvec::ArrayVec;
use fragments::{Arrival, Datagram, Fragments, Outcome};
use ip::Fragment;
use span::Span;
use std::time::Duration;
use trail::{Stop, Trail};
use transport::IpPacket;
use weir_model::{Frame, Timestamp};

/// Limits of the decoder: what incomplete datagrams may cost.
#[derive(Clone, Debug)]
pub struct DecodeConfig {
    /// Memory for fragments, in bytes. A flood of fragments that never become whole would like this to be missing; when
    /// it is reached, the datagrams nearest to their time limit are handed on incomplete ([`GivenUp::Evicted`]).
    pub fragment_bytes_max: usize,
    /// Most datagrams held, likewise.
    pub fragment_datagrams_max: usize,
    /// Time from a datagram's first fragment until it is given up, by packet time.
    pub fragment_timeout: Duration,
}

impl Default for DecodeConfig {
    /// 32 MiB, 16,384 datagrams, 30 seconds: as hosts do (RFC 791 suggests 15 s, RFC 8200 allows 60 s, Linux takes 30
    /// s for IPv4; an identification returns after 65,536 datagrams, so longer is not safer).
    fn default() -> Self {
        Self {
            fragment_bytes_max: 32 << 20,
            fragment_datagrams_max: 16_384,
            fragment_timeout: Duration::from_secs(30),
        }
    }
}

/// Decodes frames, and holds fragments until their datagram is whole.
#[derive(Debug, Default)]
pub struct Decoder {
    fragments: Fragments,
    stats: DecodeStats,
}

/// Who gathers packets.
pub trait Gather<'a> {
    /// A packet that lies in its frame.
    fn whole(&mut self, packet: Packet<'a>);
    /// A packet put together from fragments, or as much of one as came. It is gone when this returns, so what was gathered
    /// before it comes first.
    fn made(&mut self, packet: &Packet<'_>);
}

/// What a frame leads to.
type Found<'a> = Result<Reached<'a>, Stop>;

/// What was reached in a frame.
#[derive(Debug)]
enum Reached<'a> {
    /// An IP packet.
    Packet(IpPacket<'a>),
    /// A fragment of one.
    Fragment(Fragment<'a>),
}

impl Decoder {
    /// An empty decoder.
    pub fn new(config: DecodeConfig) -> Self {
        Self { fragments: Fragments::new(config), stats: DecodeStats::default() }
    }

    /// Decodes one frame; `each` is called for every packet that this makes available: none, one, or (when
    /// fragments are given up) several.
    pub fn decode(&mut self, frame: &Frame<'_>, each: &mut dyn FnMut(&Packet<'_>)) {
        self.gather(frame, &mut Each(each));
    }

    /// Decodes one frame for a caller who gathers packets and works on many at a time.
    #[inline]
    pub fn gather<'a>(&mut self, frame: &Frame<'a>, to: &mut impl Gather<'a>) {
        if self.fragments.is_any_past(frame.time) {
            self.expire(frame.time, &mut |made| to.made(made));
        }
        self.stats.frames += 1;
        self.stats.frame_bytes += u64::from(frame.original_len);
        self.stats.snapped += u64::from(frame.data.len() < frame.original_len as usize);
        let gathered = plain::read(frame, |plain| {
            self.stats.packets += 1;
            self.stats.packet_frames += 1;
            let mut vlans = ArrayVec::new();
            for vlan in plain.vlans {
                trail::keep_vlan(&mut vlans, vlan);
            }
            let arrival = Arrival { number: frame.number, time: frame.time, frames: 1 };
            to.whole(packet(plain.packet, arrival, vlans, None));
        });
        if gathered.is_none()
            && let Some(packet) = self.other(frame, &mut |made| to.made(made))
        {
            to.whole(packet);
        }
    }

    /// The packet in a frame that is not plain.
    #[inline(never)]
    fn other<'a>(&mut self, frame: &Frame<'a>, made: &mut dyn FnMut(&Packet<'_>)) -> Option<Packet<'a>> {
        let mut trail = Trail::default();
        let span = Span::new(frame.data, frame.original_len as usize);
        let found = link::link(&mut trail, frame.link, span);
        let arrival = Arrival { number: frame.number, time: frame.time, frames: 1 };
        if let Ok(Reached::Packet(packet)) = found {
            return Some(self.count(packet, trail, arrival));
        }
        self.settle(&found, trail, arrival, made);
        while let Some(datagram) = self.fragments.excess() {
            self.give_up(datagram, GivenUp::Evicted, made);
        }
        None
    }

    /// Hands on, incomplete, the datagrams whose time is over at `now`. [`Self::decode`] does it by itself; a caller
    /// that knows of time passing without frames may.
    pub fn expire(&mut self, now: Timestamp, each: &mut dyn FnMut(&Packet<'_>)) {
        while let Some(datagram) = self.fragments.expired(now) {
            self.give_up(datagram, GivenUp::Expired, each);
        }
    }

    /// Hands on what is still held, at the end of the input.
    pub fn finish(&mut self, each: &mut dyn FnMut(&Packet<'_>)) {
        while let Some(datagram) = self.fragments.next() {
            self.give_up(datagram, GivenUp::EndOfInput, each);
        }
    }

    /// The books.
    pub fn stats(&self) -> DecodeStats {
        let mut stats = self.stats.clone();
        self.fragments.fill(&mut stats.fragments);
        stats
    }

    /// Enters in the books what a frame (or a reassembled datagram) led to. Recursion ends: a fragment in a
    /// reassembled datagram is one tunnel deeper, and tunnels are bounded.
    fn settle(
        &mut self,
        found: &Found<'_>,
        trail: Trail,
        arrival: Arrival,
        each: &mut dyn FnMut(&Packet<'_>),
    ) {
        match found {
            Ok(Reached::Packet(packet)) => each(&self.count(*packet, trail, arrival)),
            Ok(Reached::Fragment(fragment)) => self.hold(fragment, trail, arrival, each),
            Err(Stop::NotIp(kind)) => self.stats.count_not_ip(*kind, u64::from(arrival.frames)),
            Err(Stop::Undecodable(error)) => self.stats.count_undecodable(*error, u64::from(arrival.frames)),
        }
    }

    fn hold(
        &mut self,
        fragment: &Fragment<'_>,
        trail: Trail,
        arrival: Arrival,
        each: &mut dyn FnMut(&Packet<'_>),
    ) {
        match self.fragments.insert(fragment, arrival, &trail, &mut self.stats.fragments) {
            Outcome::Held => {}
            Outcome::Whole(datagram) | Outcome::GivenUp(datagram) => self.open(datagram, each),
            Outcome::Refused => {
                let header = &fragment.header;
                let payload_len = header.payload.wire_len();
                let packet =
                    transport::headless(header.addresses, header.protocol, payload_len, header.ip_bytes);
                each(&self.count(packet, trail, arrival));
            }
        }
    }

    fn give_up(&mut self, datagram: Datagram, reason: GivenUp, each: &mut dyn FnMut(&Packet<'_>)) {
        self.stats.fragments.count_given_up(reason);
        self.open(datagram, each);
    }

    /// Decodes a datagram that was put together: it may be a tunnel.
    fn open(&mut self, datagram: Datagram, each: &mut dyn FnMut(&Packet<'_>)) {
        let Datagram { addresses, protocol, bytes, wire_len, has_first, ip_bytes, arrival, mut trail } =
            datagram;
        let reached = if has_first {
            let payload = Span::new(&bytes, wire_len);
            let (protocol, payload) = ip::reassembled(addresses, protocol, payload);
            ip::upper(&mut trail, addresses, protocol, payload, ip_bytes)
        } else {
            Reached::Packet(transport::headless(addresses, protocol, wire_len, ip_bytes))
        };
        self.settle(&Ok(reached), trail, arrival, each);
    }

    /// The packet, entered in the books.
    fn count<'a>(&mut self, reached: IpPacket<'a>, trail: Trail, arrival: Arrival) -> Packet<'a> {
        self.stats.packets += 1;
        self.stats.packet_frames += u64::from(arrival.frames);
        for kind in trail.tunnel_kinds {
            self.stats.count_tunnel(kind);
        }
        let Trail { vlans, mpls, tunnels, .. } = trail;
        let rare = Rare { mpls, tunnels, about: reached.about };
        let is_rare = !rare.mpls.is_empty() || !rare.tunnels.is_empty() || rare.about.is_some();
        packet(reached, arrival, vlans, is_rare.then(|| Box::new(rare)))
    }
}

#[inline]
fn packet(
    reached: IpPacket<'_>,
    arrival: Arrival,
    vlans: ArrayVec<u16, MAX_LAYERS>,
    rare: Option<Box<Rare>>,
) -> Packet<'_> {
    let clamp = |len: usize| u32::try_from(len).unwrap_or(u32::MAX);
    Packet {
        number: arrival.number,
        time: arrival.time,
        frames: arrival.frames,
        protocol: reached.protocol,
        source: reached.source,
        destination: reached.destination,
        ip_bytes: clamp(reached.ip_bytes),
        payload_len: clamp(reached.payload.wire_len()),
        payload: reached.payload.bytes(),
        transport: reached.transport,
        vlans,
        rare,
    }
}

/// Calls a function with every packet, wherever it lies.
struct Each<'f>(&'f mut dyn FnMut(&Packet<'_>));

impl<'a> Gather<'a> for Each<'_> {
    fn whole(&mut self, packet: Packet<'a>) {
        self.0(&packet);
    }

    fn made(&mut self, packet: &Packet<'_>) {
        self.0(packet);
    }
}
