//! The decoder's books: what became of every frame.

use std::fmt;
use weir_model::flow::TunnelKind;

/// What became of every frame. The books balance:
///
/// frames seen = frames of packets handed on + not IP + undecodable + held fragments ([`Self::balance`] is 0).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DecodeStats {
    /// Frames given to the decoder.
    pub frames: u64,
    /// Bytes of them on the wire.
    pub frame_bytes: u64,
    /// Frames that the snap length cut.
    pub snapped: u64,
    /// Packets handed on.
    pub packets: u64,
    /// Frames that these packets came in: more than packets where datagrams were fragmented.
    pub packet_frames: u64,
    /// Frames that hold no IP packet, in the order of [`NotIp::ALL`].
    pub not_ip: [u64; NotIp::ALL.len()],
    /// Frames whose headers cannot be read, by layer and reason, in the order of [`Layer::ALL`] and [`Reason::ALL`].
    pub undecodable: [[u64; Reason::ALL.len()]; Layer::ALL.len()],
    /// Packets handed on by the tunnels looked through to reach them, in the order of [`TunnelKind::ALL`]; a packet
    /// in two tunnels counts in both.
    pub tunnels: [u64; TunnelKind::ALL.len()],
    /// Fragments of datagrams.
    pub fragments: FragmentStats,
}

/// What became of fragments.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FragmentStats {
    /// Fragments met. One that comes in a reassembled tunnel datagram counts once.
    pub received: u64,
    /// Datagrams made whole.
    pub reassembled: u64,
    /// Datagrams handed on incomplete, in the order of [`GivenUp::ALL`].
    pub given_up: [u64; GivenUp::ALL.len()],
    /// Fragments that brought nothing new and said the same.
    pub duplicates: u64,
    /// Fragments that overlapped others in part; the bytes that came first count.
    pub overlapping: u64,
    /// Fragments that contradicted others: different bytes or a different end. What came first counts.
    pub inconsistent: u64,
    /// Frames held now.
    pub held_frames: u64,
    /// Datagrams held now.
    pub held_datagrams: u64,
    /// Memory charged for them now, in bytes.
    pub held_bytes: u64,
}

impl DecodeStats {
    /// Takes up the books of another decoder, which had other frames of the same input.
    pub fn add(&mut self, other: &Self) {
        let Self {
            frames,
            frame_bytes,
            snapped,
            packets,
            packet_frames,
            not_ip,
            undecodable,
            tunnels,
            fragments,
        } = other;
        self.frames += frames;
        self.frame_bytes += frame_bytes;
        self.snapped += snapped;
        self.packets += packets;
        self.packet_frames += packet_frames;
        add_each(&mut self.not_ip, not_ip);
        for (counts, more) in self.undecodable.iter_mut().zip(undecodable) {
            add_each(counts, more);
        }
        add_each(&mut self.tunnels, tunnels);
        self.fragments.add(fragments);
    }

    /// Frames seen less all that is accounted for: 0, or the decoder has lost or doubled a frame.
    pub fn balance(&self) -> i64 {
        let accounted = self.packet_frames
            + self.not_ip_frames()
            + self.undecodable_frames()
            + self.fragments.held_frames;
        self.frames.cast_signed().wrapping_sub(accounted.cast_signed())
    }

    /// Frames that hold no IP packet.
    pub fn not_ip_frames(&self) -> u64 {
        self.not_ip.iter().sum()
    }

    /// Frames whose headers cannot be read.
    pub fn undecodable_frames(&self) -> u64 {
        self.undecodable.iter().flatten().sum()
    }

    /// Every counter with its name, always all of them and in the same order.
    pub fn counters(&self) -> impl Iterator<Item = (CounterName, u64)> + '_ {
        let plain = [
            ("frames", self.frames),
            ("frame_bytes", self.frame_bytes),
            ("snapped", self.snapped),
            ("packets", self.packets),
            ("packet_frames", self.packet_frames),
        ];
        let fragments = [
            ("received", self.fragments.received),
            ("reassembled", self.fragments.reassembled),
            ("duplicates", self.fragments.duplicates),
            ("overlapping", self.fragments.overlapping),
            ("inconsistent", self.fragments.inconsistent),
            ("held_frames", self.fragments.held_frames),
            ("held_datagrams", self.fragments.held_datagrams),
            ("held_bytes", self.fragments.held_bytes),
        ];
        let undecodable = Layer::ALL.iter().zip(&self.undecodable).flat_map(|(layer, counts)| {
            Reason::ALL.iter().zip(counts).map(|(reason, count)| {
                (
                    CounterName { group: "undecodable", kind: layer.keyword(), reason: reason.keyword() },
                    *count,
                )
            })
        });
        plain
            .into_iter()
            .map(|(kind, count)| (CounterName { group: "", kind, reason: "" }, count))
            .chain(named("not_ip", NotIp::ALL.iter().map(|kind| kind.keyword()), &self.not_ip))
            .chain(undecodable)
            .chain(named("tunnel", TunnelKind::ALL.iter().map(|kind| kind.keyword()), &self.tunnels))
            .chain(
                fragments
                    .into_iter()
                    .map(|(kind, count)| (CounterName { group: "fragments", kind, reason: "" }, count)),
            )
            .chain(named(
                "fragments_given_up",
                GivenUp::ALL.iter().map(|reason| reason.keyword()),
                &self.fragments.given_up,
            ))
    }

    pub(super) fn count_not_ip(&mut self, kind: NotIp, frames: u64) {
        add(&mut self.not_ip, kind as usize, frames);
    }

    pub(super) fn count_undecodable(&mut self, error: Undecodable, frames: u64) {
        if let Some(reasons) = self.undecodable.get_mut(error.layer as usize) {
            add(reasons, error.reason as usize, frames);
        }
    }

    pub(super) fn count_tunnel(&mut self, kind: TunnelKind) {
        add(&mut self.tunnels, kind as usize, 1);
    }
}

impl FragmentStats {
    fn add(&mut self, other: &Self) {
        let Self {
            received,
            reassembled,
            given_up,
            duplicates,
            overlapping,
            inconsistent,
            held_frames,
            held_datagrams,
            held_bytes,
        } = other;
        self.received += received;
        self.reassembled += reassembled;
        add_each(&mut self.given_up, given_up);
        self.duplicates += duplicates;
        self.overlapping += overlapping;
        self.inconsistent += inconsistent;
        self.held_frames += held_frames;
        self.held_datagrams += held_datagrams;
        self.held_bytes += held_bytes;
    }

    pub(super) fn count_given_up(&mut self, reason: GivenUp) {
        add(&mut self.given_up, reason as usize, 1);
    }
}

fn add(counts: &mut [u64], index: usize, amount: u64) {
    if let Some(count) = counts.get_mut(index) {
        *count += amount;
    }
}

fn named<'a>(
    group: &'static str,
    kinds: impl Iterator<Item = &'static str> + 'a,
    counts: &'a [u64],
) -> impl Iterator<Item = (CounterName, u64)> + 'a {
    kinds.zip(counts).map(move |(kind, count)| (CounterName { group, kind, reason: "" }, *count))
}

/// The name of a counter, in up to three parts that need no allocation: labels of a metric, or one dotted name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CounterName {
    /// `not_ip`, `undecodable`, `tunnel`, `fragments`, `fragments_given_up`, or empty.
    pub group: &'static str,
    /// What is counted in the group.
    pub kind: &'static str,
    /// Why; empty but for `undecodable`.
    pub reason: &'static str,
}

/// `frames`, `not_ip.arp`, `undecodable.ipv4.cut`.
impl fmt::Display for CounterName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts = [self.group, self.kind, self.reason].into_iter().filter(|part| !part.is_empty());
        f.write_str(parts.next().unwrap_or_default())?;
        parts.try_for_each(|part| write!(f, ".{part}"))
    }
}

/// Why a header could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Undecodable {
    /// Which header.
    pub layer: Layer,
    /// Why.
    pub reason: Reason,
    /// Bytes needed, where bytes were missing.
    pub needed: u32,
    /// Bytes there, likewise.
    pub had: u32,
}

impl Undecodable {
    pub(super) const fn new(layer: Layer, reason: Reason) -> Self {
        Self { layer, reason, needed: 0, had: 0 }
    }
}

impl fmt::Display for Undecodable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} header: {}", self.layer.keyword(), self.reason.keyword())?;
        match self.reason {
            Reason::Cut | Reason::Short => write!(f, ", needed {} bytes, had {}", self.needed, self.had),
            _ => Ok(()),
        }
    }
}

impl std::error::Error for Undecodable {}

macro_rules! keywords {
    ($(#[$doc:meta])* $type:ident { $($(#[$variant_doc:meta])* $variant:ident => $keyword:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum $type { $($(#[$variant_doc])* $variant),+ }

        impl $type {
            /// All of them, in order.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// As written in records and metrics.
            pub const fn keyword(self) -> &'static str {
                match self { $(Self::$variant => $keyword),+ }
            }
        }
    };
}

keywords!(
    /// What a frame that holds no IP packet holds.
    NotIp {
        /// ARP or RARP.
        Arp => "arp",
        /// Link Layer Discovery Protocol (IEEE 802.1AB).
        Lldp => "lldp",
        /// Spanning tree, also Cisco's per VLAN.
        Stp => "stp",
        /// Cisco's discovery, trunking and link protocols.
        Cisco => "cisco",
        /// IEEE slow protocols: LACP, OAM.
        SlowProtocols => "slow_protocols",
        /// IEEE 802.1X.
        Eapol => "eapol",
        /// Novell IPX.
        Ipx => "ipx",
        /// OSI: IS-IS, CLNP, ES-IS.
        Osi => "osi",
        /// IEEE 802.2 with another service access point or SNAP protocol.
        Llc => "llc",
        /// Configuration test protocol (loopback).
        Loopback => "loopback",
        /// PPPoE discovery.
        PppoeDiscovery => "pppoe_discovery",
        /// PPP control protocols: LCP, IPCP, authentication.
        PppControl => "ppp_control",
        /// PPP network protocols other than plain IP, also compressed and multilink ones.
        PppOther => "ppp_other",
        /// MPLS with something else than IP or Ethernet below.
        Mpls => "mpls",
        /// IEEE 802.11 management.
        WlanManagement => "wlan_management",
        /// IEEE 802.11 control, and reserved types.
        WlanControl => "wlan_control",
        /// IEEE 802.11 data frames without data.
        WlanNoData => "wlan_no_data",
        /// Encrypted below IP: IEEE 802.11 protected frames, MACsec.
        Encrypted => "encrypted",
        /// Another EtherType.
        EtherType => "ether_type",
        /// Another address family of loopback, netfilter and frame relay captures.
        Family => "family",
    }
);

keywords!(
    /// Headers that can be undecodable.
    Layer {
        /// What the capture's link type says comes first.
        Link => "link",
        /// Capture headers before IEEE 802.11: radiotap, Prism, PPI.
        WlanCapture => "wlan_capture",
        /// IEEE 802.11.
        Wlan => "wlan",
        /// IEEE 802.2 and SNAP.
        Llc => "llc",
        /// VLAN and other tags behind an EtherType.
        Tag => "tag",
        /// MACsec.
        Macsec => "macsec",
        /// MPLS.
        Mpls => "mpls",
        /// PPPoE.
        Pppoe => "pppoe",
        /// PPP.
        Ppp => "ppp",
        /// IP of a version that is neither 4 nor 6.
        Ip => "ip",
        /// IPv4.
        Ipv4 => "ipv4",
        /// IPv6.
        Ipv6 => "ipv6",
        /// A tunnel's header. Never counted: the packet then counts as the outer flow.
        Tunnel => "tunnel",
    }
);

keywords!(
    /// Why a header is undecodable.
    Reason {
        /// The snap length cut it.
        Cut => "cut",
        /// The frame ends in it.
        Short => "short",
        /// Its version is none that exists.
        Version => "version",
        /// Its length contradicts itself.
        Length => "length",
        /// Too many headers before it.
        Depth => "depth",
        /// Not known: the link type.
        Unknown => "unknown",
    }
);

keywords!(
    /// Why a datagram was handed on incomplete.
    GivenUp {
        /// The rest did not come in time.
        Expired => "expired",
        /// Pushed out: too much was held.
        Evicted => "evicted",
        /// The input ended.
        EndOfInput => "end_of_input",
        /// Too many fragments of one datagram.
        TooMany => "too_many",
        /// A fragment so small that it splits the TCP header (RFC 1858), or empty.
        Tiny => "tiny",
        /// A fragment beyond the longest datagram ("ping of death").
        TooLong => "too_long",
    }
);

fn add_each(counts: &mut [u64], more: &[u64]) {
    counts.iter_mut().zip(more).for_each(|(count, more)| *count += more);
}
