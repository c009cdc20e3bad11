//! An alert: what people are told about an incident.

use crate::flow::{EndReason, NameSource, Orientation, Tunnel};
use crate::indicator::{Effect, Side};
use crate::record::{Counters, Sampling};
use crate::{ClockQuality, Endpoint, Flow, Indicator, Name, Protocol, Timestamp};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use uuid::Uuid;

/// A notice of an incident, with all that an analyst needs. Sinks render it; nothing in it is looked up later.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Alert {
    /// UUIDv5 over incident key, opening time and notice number: the same after a crash and replay.
    pub id: Uuid,
    /// UUIDv5 over incident key and opening time: the same for all notices of the incident.
    pub incident: Uuid,
    /// Which notice of the incident this is.
    pub notice: Notice,
    /// Its number, from 1.
    pub number: u32,
    /// Notices of the incident before this one that nobody was sent: muted, or folded into a summary.
    pub unsent: u32,
    /// The indicator that rings: the most specific of those matched.
    pub indicator: Arc<Indicator>,
    /// Others that matched the same flows.
    pub also_matched: Vec<Arc<Indicator>>,
    /// How it was met, each kind of field with an example value, in the order met.
    pub matched: Vec<Match>,
    /// Direction.
    pub direction: Direction,
    /// Grade reached.
    pub grade: Grade,
    /// The grade was judged from one side of the traffic, or some packets of it: it may be higher.
    pub at_least: bool,
    /// How urgent, with the reason in the sentence.
    pub severity: Severity,
    /// All sources know the indicator from this side of flows, and it was only met on the other: less urgent.
    pub known_as: Option<Side>,
    /// What warninglists that hold the indicator did to the urgency.
    pub warned: Option<Effect>,
    /// The host that the incident is about: the inside host, or for lateral and transit the other end; `None` for
    /// inbound incidents, which are about the indicator alone.
    pub host: Option<IpAddr>,
    /// Roles of that host.
    pub roles: Vec<Role>,
    /// First and last packet of what matched.
    pub first: Timestamp,
    /// See `first`.
    pub last: Timestamp,
    /// Flows that matched.
    pub flows: u64,
    /// Those of them that are more than look-ups.
    pub connections: u64,
    /// Totals over the connections, or where there is none over the look-ups, seen from the host (inbound: the inside).
    pub sent: Traffic,
    /// See `sent`.
    pub received: Traffic,
    /// How packets of those flows were chosen, by the coarsest of the routers that told of them; `None` when none were left out.
    pub sampling: Option<Sampling>,
    /// What `sent` stands for: where packets were left out, scaled by how they were chosen.
    pub estimated_sent: Counters,
    /// What `received` stands for, likewise.
    pub estimated_received: Counters,
    /// The flow that says most: highest grade, then first.
    pub example: Arc<Flow>,
    /// The example flow met the indicator by the outer address of this tunnel around it, which then lies between the host
    /// and the indicator; its source is the end on the side of the flow's initiator.
    pub tunnel: Option<Tunnel>,
    /// Names met in those flows and how each was learnt; capped.
    pub names: Vec<(Name, NameSource)>,
    /// DNS look-ups that matched; capped.
    pub lookups: Vec<Lookup>,
    /// Number of all look-ups that matched, also those not listed.
    pub lookup_count: u64,
    /// Inbound: the inside hosts touched, capped; and how many in all.
    pub touched: Vec<IpAddr>,
    /// See `touched`.
    pub touched_count: u64,
    /// Inside hosts of other incidents with the same indicator, capped; and how many in all.
    pub other_hosts: Vec<IpAddr>,
    /// See `other_hosts`.
    pub other_host_count: u64,
    /// Inbound: inside hosts that later opened a flow to the indicator (those are outbound incidents of their own).
    pub called_back: Vec<IpAddr>,
    /// Outbound: the indicator had touched this host before, from outside, at this time.
    pub touched_before: Option<Timestamp>,
    /// The host translates addresses: its ports in the flows and look-ups that matched, the first ones; capped.
    pub translated: Vec<Translated>,
    /// The host is a resolver: it asked on behalf of a client that is not in view.
    pub unknown_client: bool,
    /// Resolvers whose own questions upstream were folded into this incident.
    pub resolvers: Vec<IpAddr>,
    /// The incident before this one with the same key.
    pub previous: Option<Uuid>,
    /// How right this machine's clock was when the notice was made; `None` where that is not known, as of packets that another machine
    /// captured. Times of what routers told are theirs.
    pub clock: Option<ClockQuality>,
}

impl Alert {
    /// Whether the host that it is about (inbound: the inside) is on the side of the example's initiator, or of the source of
    /// the tunnel around it.
    pub fn host_began(&self) -> bool {
        let Some(host) = self.host else {
            return self.direction != Direction::Inbound;
        };
        if let Some(tunnel) = self.tunnel {
            return host == tunnel.source;
        }
        let is_of = |(own, other): (Endpoint, Option<Endpoint>)| {
            own.ip == host || other.is_some_and(|other| other.ip == host)
        };
        is_of(self.example.initiator_ends()) || !is_of(self.example.responder_ends())
    }
}

/// What the log of an address translator is asked for: who was behind this port of it at this time.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Translated {
    /// First packet.
    pub time: Timestamp,
    /// The translator's end.
    pub end: Endpoint,
    /// The other end.
    pub peer: Endpoint,
    /// IP protocol.
    pub protocol: Protocol,
}

/// One way in which an indicator was met.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Match {
    /// In which field.
    pub field: Field,
    /// What stood there: the address, the name, the URL.
    pub value: Arc<str>,
}

/// The fields that are compared with indicators, the ones that ring.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Field {
    /// An address of a flow.
    FlowAddress,
    /// The address that a translator gives an end of a flow, as a router tells.
    TranslatedAddress,
    /// An outer address of a tunnel.
    TunnelAddress,
    /// The question of a DNS message.
    DnsQuestion,
    /// The target of a CNAME in an answer.
    DnsCname,
    /// An address in an A or AAAA record of an answer.
    DnsAnswer,
    /// The name by which this very client had asked for the address.
    PassiveDns,
    /// TLS server_name.
    TlsSni,
    /// TLS server_name in QUIC.
    QuicSni,
    /// HTTP Host, or the host of an absolute-form or CONNECT request.
    HttpHost,
    /// Host and target of an HTTP request.
    Url,
    /// JA3 of a ClientHello.
    Ja3,
    /// JA4 of a ClientHello.
    Ja4,
    /// Fingerprint of a server's certificate.
    Certificate,
}

impl Field {
    /// The field of the event it corresponds to (`threat.enrichments[].matched.field`); `weir.*` where ECS 9 has none, as for JA4.
    pub const fn ecs(self) -> &'static str {
        match self {
            Self::FlowAddress | Self::TranslatedAddress => "related.ip",
            Self::TunnelAddress => "weir.flow.tunnels.ip",
            Self::DnsQuestion => "dns.question.name",
            Self::DnsCname => "dns.answers.data",
            Self::DnsAnswer => "dns.resolved_ip",
            Self::PassiveDns => "weir.name.value",
            Self::TlsSni | Self::QuicSni => "tls.client.server_name",
            Self::HttpHost => "url.domain",
            Self::Url => "url.full",
            Self::Ja3 => "tls.client.ja3",
            Self::Ja4 => "weir.tls.client.ja4",
            Self::Certificate => "tls.server.hash",
        }
    }
}

/// Bytes and packets one way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Traffic {
    /// Packets.
    pub packets: u64,
    /// Bytes at IP level.
    pub ip_bytes: u64,
    /// Bytes after the transport header.
    pub payload_bytes: u64,
}

/// A DNS look-up that met an indicator.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Lookup {
    /// Time of the question, or of the answer where the question was not seen.
    pub time: Timestamp,
    /// Who asked, and from which port.
    pub client: Endpoint,
    /// Who was asked.
    pub server: Endpoint,
    /// The name asked for.
    pub name: Name,
    /// QTYPE; 0 where a router tells of the name only.
    pub qtype: u16,
    /// RCODE, where an answer was seen.
    pub rcode: Option<u16>,
    /// Addresses in the answer, capped.
    pub addresses: Vec<IpAddr>,
    /// CNAME targets in the answer, in order, capped.
    pub aliases: Vec<Name>,
    /// The answer ended early in what was captured: there may be more in it.
    pub cut: bool,
    /// The answer looks rewritten by the resolver's policy (RPZ or the like), and why.
    pub rewritten: Option<Rewritten>,
}

/// Why an answer looks rewritten by a resolver's policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Rewritten {
    /// The resolver says so: extended DNS error blocked, censored, filtered or prohibited (RFC 8914).
    Declared(u16),
    /// A public name with a loopback, unspecified or private address.
    LocalAddress(IpAddr),
    /// An alias that response policy zones use.
    PolicyAlias,
}

/// Which notice of an incident.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Notice {
    /// First hit.
    Opened,
    /// The grade or severity rose.
    Raised,
    /// More of the same, at growing intervals.
    Repeated,
    /// Quiet, or the input ended.
    Closed,
}

/// Who began, as seen from the inside.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Direction {
    /// The inside end began.
    Outbound,
    /// The outside end began.
    Inbound,
    /// Both ends are inside.
    Lateral,
    /// Both ends are outside.
    Transit,
    /// No start was seen.
    Unknown,
}

/// How far an incident got; it only rises.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Grade {
    /// The name was asked for, or the address was in an answer.
    LookedUp,
    /// Packets one way, nothing (or only RST or ICMP errors) back.
    Attempted,
    /// Both sides spoke.
    Connected,
    /// Payload both ways.
    Exchanged,
}

/// Severity, 1 to 4, as OCSF numbers informational (1) to high (4) and critical (5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Severity {
    /// To know.
    Informational,
    /// When there is time.
    Low,
    /// Today.
    Medium,
    /// Now.
    High,
}

/// What a host is for, where that changes how a hit is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Role {
    /// Recursive DNS resolver: asks for others.
    Resolver,
    /// Mail server: looks up what others wrote.
    Mail,
    /// Web proxy: connects for others.
    Proxy,
    /// Address translator: many hosts behind one address.
    Nat,
    /// Vulnerability scanner or research crawler of our own.
    Scanner,
    /// Honeypot: meets bad hosts by design.
    Honeypot,
    /// Tor relay.
    Tor,
}

macro_rules! keywords {
    ($type:ty { $($variant:ident => $keyword:literal),+ $(,)? }) => {
        impl $type {
            /// All of them, in order.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// As written in records, options and metrics.
            pub const fn keyword(self) -> &'static str {
                match self { $(Self::$variant => $keyword),+ }
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.keyword())
            }
        }
    };
}

keywords!(Field {
    FlowAddress => "flow_address", TranslatedAddress => "translated_address", TunnelAddress => "tunnel_address", DnsQuestion => "dns_question",
    DnsCname => "dns_cname", DnsAnswer => "dns_answer", PassiveDns => "passive_dns", TlsSni => "tls_sni",
    QuicSni => "quic_sni", HttpHost => "http_host", Url => "url", Ja3 => "ja3", Ja4 => "ja4", Certificate => "certificate",
});
keywords!(Notice { Opened => "opened", Raised => "raised", Repeated => "repeated", Closed => "closed" });
keywords!(Direction {
    Outbound => "outbound", Inbound => "inbound", Lateral => "lateral", Transit => "transit", Unknown => "unknown",
});
keywords!(Grade {
    LookedUp => "looked_up", Attempted => "attempted", Connected => "connected", Exchanged => "exchanged",
});
keywords!(Severity { Informational => "informational", Low => "low", Medium => "medium", High => "high" });
keywords!(Role {
    Resolver => "resolver", Mail => "mail", Proxy => "proxy", Nat => "nat", Scanner => "scanner",
    Honeypot => "honeypot", Tor => "tor",
});
keywords!(EndReason {
    Fin => "fin", Rst => "rst", Idle => "idle", Active => "active", Evicted => "evicted", Reused => "reused",
    EndOfInput => "end_of_input",
});
keywords!(Orientation {
    FirstPacket => "first_packet", Ports => "ports", Payload => "payload", Start => "start",
});
