//! A flow: the packets of one conversation between two endpoints, counted both ways (RFC 5103 biflow).

use crate::observation::ToldNames;
use crate::record::{self, Translated};
use crate::{Endpoint, Exported, Name, Protocol, Timestamp};
use serde::{Deserialize, Deserializer, Serialize};
use smallvec::SmallVec;
use std::net::IpAddr;
use std::sync::Arc;

/// A flow record's identity within one run: the number of the packet that began it ([`crate::Frame::number`]).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct FlowId(pub u64);

/// A flow record: one conversation, or the part of it between two active timeouts.
///
/// Its key is the innermost packet's protocol, addresses and ports. VLANs and tunnels are attributes, not key: on
/// a tap the two directions of one conversation often carry different tags.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Flow {
    /// Identity.
    pub id: FlowId,
    /// The record that this one continues after an active timeout.
    pub continues: Option<FlowId>,
    /// IP protocol.
    pub protocol: Protocol,
    /// The end that began the conversation, as far as known.
    pub initiator: Endpoint,
    /// The end that was spoken to.
    pub responder: Endpoint,
    /// What tells initiator from responder.
    pub orientation: Orientation,
    /// Time of the first packet.
    pub first: Timestamp,
    /// Time of the last packet.
    pub last: Timestamp,
    /// Initiator to responder.
    pub forward: Counters,
    /// Responder to initiator.
    pub reverse: Counters,
    /// What TCP says of the connection; `None` for other protocols.
    pub tcp: Option<TcpSummary>,
    /// ICMP type and code of the first message, for ICMP and ICMPv6.
    pub icmp: Option<(u8, u8)>,
    /// Number of ICMP errors that told of this flow (unreachable, time exceeded), seen as flows of their own.
    pub icmp_errors: u32,
    /// Why the record ends.
    pub end: EndReason,
    /// VLAN identifiers of the first packet that had any, outermost first.
    pub vlans: SmallVec<[u16; 4]>,
    /// MPLS labels of the first packet that had any, outermost first, at most 4.
    pub mpls: SmallVec<[u32; 4]>,
    /// Tunnels looked through to reach the first packet, outermost first.
    pub tunnels: SmallVec<[Tunnel; 2]>,
    /// Application protocol, as ECS `network.protocol`: `dns`, `tls`, `quic`, `http`, `ssh` and so on.
    #[serde(deserialize_with = "known_application")]
    pub application: Option<ApplicationWord>,
    /// The name of the responder that counts most (SNI or Host, else passive DNS), and how it was learnt.
    pub name: Option<FlowName>,
    /// Further names of the responder, in the order learnt, each once per source; capped by the flow table.
    pub other_names: Vec<FlowName>,
    /// TLS facts, where a handshake was seen.
    pub tls: Option<Box<TlsSummary>>,
    /// HTTP facts of the first request.
    pub http: Option<Box<HttpSummary>>,
    /// DNS messages in this flow: questions and answers.
    pub dns_messages: (u32, u32),
    /// What routers told of it; `None` for flows of which the packets were seen.
    pub exported: Option<Box<Exported>>,
}

/// A word for an application protocol, one of [`APPLICATIONS`].
pub type ApplicationWord = &'static str;

/// The words that [`Flow::application`] may have, in order.
pub const APPLICATIONS: [&str; 32] = [
    "bittorrent",
    "dhcp",
    "dhcpv6",
    "dns",
    "dtls",
    "ftp",
    "http",
    "http2",
    "imap",
    "ldap",
    "llmnr",
    "mdns",
    "mqtt",
    "mysql",
    "ntp",
    "pop3",
    "postgresql",
    "quic",
    "rdp",
    "rtsp",
    "sip",
    "smb",
    "smtp",
    "snmp",
    "socks",
    "ssdp",
    "ssh",
    "stun",
    "tls",
    "vnc",
    "wireguard",
    "xmpp",
];

/// Reads one of [`APPLICATIONS`]; a word that another version wrote and this one does not know is left out.
fn known_application<'de, D: Deserializer<'de>>(written: D) -> Result<Option<ApplicationWord>, D::Error> {
    let word = Option::<String>::deserialize(written)?;
    Ok(word.and_then(|word| APPLICATIONS.into_iter().find(|known| *known == word)))
}

impl Flow {
    /// Packets both ways; saturates, because routers can tell of any number.
    pub fn packets(&self) -> u64 {
        self.forward.packets.saturating_add(self.reverse.packets)
    }

    /// Bytes both ways at IP level; saturates likewise.
    pub fn ip_bytes(&self) -> u64 {
        self.forward.ip_bytes.saturating_add(self.reverse.ip_bytes)
    }

    /// Whether it is known who began. A TCP flow taken up in the middle may have been begun by either end; of other
    /// protocols, who sent the first packet is taken to have begun. Of flows of which routers told of some packets or one side only,
    /// the first packet may not be among those told of, and exporters that keep one start for both sides do not tell whose it is.
    pub fn is_start_known(&self) -> bool {
        let is_tie = self.exported.as_ref().is_some_and(|exported| exported.began_together);
        let may_lack_first = is_tie || self.is_sampled() || (self.exported.is_some() && self.is_one_sided());
        self.orientation > Orientation::FirstPacket || (self.protocol != Protocol::TCP && !may_lack_first)
    }

    /// Whether all that was seen are answers, to something that was not captured or that somebody sent in the initiator's
    /// name (backscatter): only packets of the responder, of TCP only SYN-ACK or RST, or RST against them. That sampled packets
    /// all went one way says nothing: there it takes those of TCP.
    pub fn is_bare_answer(&self) -> bool {
        let refuses = self.forward.tcp_flags & (Counters::SYN | Counters::RST) == Counters::RST;
        let silent = self.forward.is_empty() || (refuses && self.forward.says_nothing());
        let only_answers =
            if self.protocol == Protocol::TCP { self.reverse.says_nothing() } else { !self.is_sampled() };
        !self.reverse.is_empty() && silent && only_answers
    }

    /// Whether nothing was seen of one direction.
    pub fn is_one_sided(&self) -> bool {
        self.forward.is_empty() || self.reverse.is_empty()
    }

    /// What packets and bytes both ways stand for: where packets were left out, scaled by how they were chosen.
    pub fn estimated(&self) -> (record::Counters, record::Counters) {
        if let Some(exported) = self.exported.as_ref().filter(|exported| exported.is_sampled()) {
            return (exported.estimated_forward, exported.estimated_reverse);
        }
        let counted = |side: &Counters| record::Counters { packets: side.packets, bytes: side.ip_bytes };
        (counted(&self.forward), counted(&self.reverse))
    }

    /// The initiator as it is here, and on the other side of a translator.
    pub fn initiator_ends(&self) -> (Endpoint, Option<Endpoint>) {
        (self.initiator, self.exported.as_ref().and_then(|exported| exported.initiator_translated))
    }

    /// The responder as it is here, and on the other side of a translator.
    pub fn responder_ends(&self) -> (Endpoint, Option<Endpoint>) {
        (self.responder, self.exported.as_ref().and_then(|exported| exported.responder_translated))
    }

    /// Whether packets were left out by those who told of it, so that what is not there may have been there.
    pub fn is_sampled(&self) -> bool {
        self.exported.as_ref().is_some_and(|exported| exported.is_sampled())
    }

    /// Time from first to last packet.
    pub fn duration(&self) -> std::time::Duration {
        self.last.since(self.first)
    }

    /// All names of the responder, the one that counts first.
    pub fn names(&self) -> impl Iterator<Item = &FlowName> {
        self.name.iter().chain(&self.other_names)
    }
}

/// What one direction of a flow carried.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counters {
    /// Packets; each fragment of a datagram counts.
    pub packets: u64,
    /// Bytes from the (innermost) IP header on, as the headers say, whatever the snap length kept.
    pub ip_bytes: u64,
    /// Bytes after the transport header; of exported flows the least that it can be: bytes less packets with the largest headers.
    pub payload_bytes: u64,
    /// All TCP flags seen, as the low byte of the flag word.
    pub tcp_flags: u8,
    /// TCP segments that only carried bytes sent before.
    pub retransmissions: u32,
    /// TCP: bytes of the *other* direction that this one acknowledged, whether or not they were seen.
    pub acknowledged_bytes: u64,
}

impl Counters {
    const FIN: u8 = 0x01;
    const SYN: u8 = 0x02;
    const RST: u8 = 0x04;
    const PSH: u8 = 0x08;

    /// Whether nothing is known to have gone this way. Firewalls tell of bytes without packets.
    pub fn is_empty(&self) -> bool {
        self.packets == 0 && self.ip_bytes == 0
    }

    /// Neither payload, nor acknowledgement of any, nor FIN or PSH, but a SYN-ACK or RST: the side may never have had a connection.
    fn says_nothing(&self) -> bool {
        self.payload_bytes == 0
            && self.acknowledged_bytes == 0
            && self.tcp_flags & (Self::FIN | Self::PSH) == 0
            && self.tcp_flags & (Self::SYN | Self::RST) != 0
    }
}

/// What tells initiator from responder, weakest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Orientation {
    /// Nothing: the sender of the first packet is taken for the initiator.
    FirstPacket,
    /// One port is a service's: below 1024, or one of few at which services are known to listen. That one number is much
    /// lower than the other tells nothing: hosts and address translators take their own ports from anywhere above.
    Ports,
    /// A request, ClientHello, question (or their answers) were seen.
    Payload,
    /// The start was seen: a SYN, a SYN-ACK, or for protocols without handshake a first packet that asks (as ICMP echo).
    Start,
}

/// TCP's view of a flow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TcpSummary {
    /// SYN of the initiator seen.
    pub syn: bool,
    /// SYN-ACK of the responder seen.
    pub syn_ack: bool,
    /// SYN, SYN-ACK and the ACK that completes them seen.
    pub handshake: bool,
    /// State at the end of the record.
    pub state: TcpState,
}

/// How far a TCP connection got.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum TcpState {
    /// Only SYNs.
    #[default]
    Opening,
    /// Open, or taken up in the middle.
    Open,
    /// One side sent FIN.
    HalfClosed,
    /// Both sides sent FIN.
    Closed,
    /// RST seen.
    Reset,
}

/// Why a flow record ends (IPFIX flowEndReason, RFC 5102 section 5.11.3, told apart further).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum EndReason {
    /// Both sides of a TCP connection sent FIN.
    Fin,
    /// RST.
    Rst,
    /// No packet for the idle timeout.
    Idle,
    /// It lasted longer than the active timeout; another record continues it.
    Active,
    /// The flow table was full.
    Evicted,
    /// The same key began anew (a new SYN after the end).
    Reused,
    /// The input ended.
    EndOfInput,
}

/// One layer of encapsulation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Tunnel {
    /// Kind of tunnel.
    pub kind: TunnelKind,
    /// Outer source address of the first packet.
    pub source: IpAddr,
    /// Outer destination address of the first packet.
    pub destination: IpAddr,
    /// VXLAN or Geneve VNI, GTP-U TEID, GRE key, ERSPAN session; where there is one.
    pub id: Option<u32>,
}

/// Kinds of tunnels that Weir looks through.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum TunnelKind {
    /// IP in IP: 4in4 (RFC 2003), 6in4 (RFC 4213), 4in6 and 6in6 (RFC 2473).
    IpIp,
    /// GRE (RFC 2784, RFC 2890), also PPTP's enhanced GRE (RFC 2637).
    Gre,
    /// ERSPAN I, II and III.
    Erspan,
    /// VXLAN (RFC 7348), also VXLAN-GPE.
    Vxlan,
    /// Geneve (RFC 8926).
    Geneve,
    /// GTP-U v1 (3GPP TS 29.281).
    GtpU,
    /// Teredo (RFC 4380).
    Teredo,
    /// L2TP over UDP (RFC 2661).
    L2tp,
}

impl TunnelKind {
    /// All of them, in order.
    pub const ALL: [Self; 8] = [
        Self::IpIp,
        Self::Gre,
        Self::Erspan,
        Self::Vxlan,
        Self::Geneve,
        Self::GtpU,
        Self::Teredo,
        Self::L2tp,
    ];

    /// As written in records.
    pub const fn keyword(self) -> &'static str {
        match self {
            Self::IpIp => "ipip",
            Self::Gre => "gre",
            Self::Erspan => "erspan",
            Self::Vxlan => "vxlan",
            Self::Geneve => "geneve",
            Self::GtpU => "gtp-u",
            Self::Teredo => "teredo",
            Self::L2tp => "l2tp",
        }
    }
}

/// A name of a flow's responder and how it was learnt.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FlowName {
    /// The name.
    pub name: Name,
    /// How it was learnt.
    pub source: NameSource,
    /// When.
    pub time: Timestamp,
    /// Passive DNS: the aliases between the name asked for and the address (CNAME targets), in order.
    pub aliases: Vec<Name>,
}

/// How a name was learnt. `Ord` is by weight: a later one outranks an earlier one as the flow's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum NameSource {
    /// In a certificate that the server presented.
    Certificate,
    /// Passive DNS: somebody's answer gave the name this address.
    PassiveDnsOther,
    /// Passive DNS: the answer that this very client received.
    PassiveDnsClient,
    /// CONNECT through a proxy, or an absolute-form request to one.
    HttpProxy,
    /// TLS server_name over TCP.
    TlsSni,
    /// TLS server_name in QUIC.
    QuicSni,
    /// HTTP Host.
    HttpHost,
}

impl NameSource {
    /// As written in records.
    pub const fn keyword(self) -> &'static str {
        match self {
            Self::Certificate => "certificate",
            Self::PassiveDnsOther => "passive_dns_other",
            Self::PassiveDnsClient => "passive_dns_client",
            Self::HttpProxy => "http_proxy",
            Self::TlsSni => "tls_sni",
            Self::QuicSni => "quic_sni",
            Self::HttpHost => "http_host",
        }
    }

    /// Whether the client itself said the name inside this flow.
    pub const fn is_said(self) -> bool {
        matches!(self, Self::HttpProxy | Self::TlsSni | Self::QuicSni | Self::HttpHost)
    }
}

/// What a flow's TLS handshake said.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TlsSummary {
    /// server_name of the (last) ClientHello.
    pub server_name: Option<Name>,
    /// JA3 of the (first) ClientHello.
    pub ja3: Option<[u8; 16]>,
    /// JA4 of the (first) ClientHello.
    pub ja4: Option<Arc<str>>,
    /// Application protocols offered.
    pub alpn: Vec<Arc<str>>,
    /// Encrypted ClientHello offered.
    pub ech_offered: bool,
    /// Version: the one the server chose, else the highest offered.
    pub version: Option<u16>,
    /// Cipher suite that the server chose.
    pub cipher: Option<u16>,
    /// The server's own certificate.
    pub certificate: Option<Arc<crate::observation::Certificate>>,
}

/// What a flow's first HTTP request said.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HttpSummary {
    /// The request.
    pub request: Option<Arc<crate::observation::HttpRequest>>,
    /// Status of the first response.
    pub status: Option<u16>,
    /// Requests seen.
    pub requests: u32,
}

/// What is known of a flow when it begins, and by which later observations of it are told.
#[derive(Clone, Copy, Debug)]
pub struct FlowHead<'a> {
    /// Identity; also the number of the first packet.
    pub id: FlowId,
    /// Time of the first packet.
    pub first: Timestamp,
    /// IP protocol.
    pub protocol: Protocol,
    /// Sender of the first packet (not yet known to be the initiator).
    pub source: Endpoint,
    /// Receiver of the first packet.
    pub destination: Endpoint,
    /// Tunnels around the first packet, outermost first.
    pub tunnels: &'a [Tunnel],
    /// What a translator made of source and destination, as a router told.
    pub translated: Option<&'a Translated>,
    /// What passive DNS knew of either address when the flow began, the clients' own answers first.
    pub passive: &'a [PassiveName],
}

/// A flow that is open, and what is kept of it that an indicator can still be compared with.
#[derive(Clone, Copy, Debug)]
pub struct OpenFlow<'a> {
    /// As it began, with its names from passive DNS.
    pub head: FlowHead<'a>,
    /// Time of the last packet so far.
    pub last: Timestamp,
    /// The end that began the conversation, as far as known.
    pub initiator: Endpoint,
    /// The other end.
    pub responder: Endpoint,
    /// Names that its payload said, in the order learnt.
    pub names: &'a [FlowName],
    /// TLS facts, where a handshake was seen.
    pub tls: Option<&'a TlsSummary>,
    /// HTTP facts of the first request.
    pub http: Option<&'a HttpSummary>,
    /// The names that a router last told of it.
    pub told: Option<&'a ToldNames>,
    /// DNS questions in it, with their identifiers: the last few.
    pub questions: &'a [(u16, Name)],
}

/// A name that passive DNS gives an address.
#[derive(Clone, Debug, PartialEq)]
pub struct PassiveName {
    /// The address named: one end of the flow.
    pub address: IpAddr,
    /// The name, [`NameSource::PassiveDnsClient`] when the other end of the flow received the answer, else
    /// [`NameSource::PassiveDnsOther`].
    pub name: FlowName,
}
