//! Indicators: what is known to be bad, where the knowledge comes from, and who may see it.

use crate::{Name, Timestamp};
use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use uuid::Uuid;

/// An indicator: a value that can be recognised on the wire, with everything its sources say of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Indicator {
    /// What to recognise.
    pub value: IndicatorValue,
    /// What each source says of it; never empty.
    pub contexts: Vec<Context>,
    /// Warninglists that hold it and change what meeting it means.
    pub warnings: Arc<[Warning]>,
}

impl Indicator {
    /// An indicator that no warninglist holds.
    pub fn new(value: IndicatorValue, contexts: Vec<Context>) -> Self {
        Self { value, contexts, warnings: Arc::default() }
    }

    /// Whether any source says that it counts at this time. One that came to count later counts for what was seen before, too.
    pub fn is_valid_at(&self, now: Timestamp) -> bool {
        let counts = |context: &Context| {
            let until = context.further.as_ref().and_then(|further| further.valid_until);
            until.is_none_or(|until| now < until)
        };
        self.contexts.is_empty() || self.contexts.iter().any(counts)
    }

    /// The side of flows on which all sources saw it, if all of them say the same.
    pub fn side(&self) -> Option<Side> {
        let mut sides =
            self.contexts.iter().map(|context| context.further.as_ref().and_then(|further| further.side));
        let first = sides.next().flatten()?;
        sides.all(|side| side == Some(first)).then_some(first)
    }
}

/// The value of an indicator, in the one form in which values are compared.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum IndicatorValue {
    /// One address, any port.
    Address(IpAddr),
    /// One address at one port (of TCP, UDP or SCTP).
    AddressPort(IpAddr, u16),
    /// All addresses of a prefix (host bits are zero).
    Network(IpNet),
    /// A domain and everything below it, on label boundaries.
    Domain(Name),
    /// This very host name, nothing below it.
    Host(Name),
    /// A URL: host, port and path; the scheme does not count.
    Url(Url),
    /// A JA3 fingerprint of a client: the MD5 of its text form.
    Ja3([u8; 16]),
    /// A JA4 fingerprint of a client.
    Ja4(Arc<str>),
    /// SHA-1 of a certificate in DER form.
    CertificateSha1([u8; 20]),
    /// SHA-256 of a certificate in DER form.
    CertificateSha256([u8; 32]),
}

/// A URL without its scheme. The path is as in the request target: it begins with `/` and holds the query, no fragment.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Url {
    /// The host: a name, or an address in its usual text form.
    pub host: Name,
    /// The port, where it is neither absent nor the scheme's default (80, 443).
    pub port: Option<u16>,
    /// Path and query.
    pub path: Arc<str>,
}

impl IndicatorValue {
    /// All kinds, in the order in which they are listed.
    pub const KINDS: [&'static str; 10] = [
        "address",
        "address_port",
        "network",
        "domain",
        "host",
        "url",
        "ja3",
        "ja4",
        "certificate_sha1",
        "certificate_sha256",
    ];

    /// The kind, as written in alerts, tables and metrics.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Address(_) => "address",
            Self::AddressPort(..) => "address_port",
            Self::Network(_) => "network",
            Self::Domain(_) => "domain",
            Self::Host(_) => "host",
            Self::Url(_) => "url",
            Self::Ja3(_) => "ja3",
            Self::Ja4(_) => "ja4",
            Self::CertificateSha1(_) => "certificate_sha1",
            Self::CertificateSha256(_) => "certificate_sha256",
        }
    }
}

/// The value as people write it.
impl fmt::Display for IndicatorValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(ip) => ip.fmt(f),
            Self::AddressPort(ip, port) => crate::Endpoint::new(*ip, *port).fmt(f),
            Self::Network(net) => net.fmt(f),
            Self::Domain(name) | Self::Host(name) => name.fmt(f),
            Self::Url(url) => {
                let is_ipv6 = url.host.as_str().contains(':');
                if is_ipv6 { write!(f, "[{}]", url.host) } else { url.host.fmt(f) }?;
                if let Some(port) = url.port {
                    write!(f, ":{port}")?;
                }
                f.write_str(&url.path)
            }
            Self::Ja3(hash) => hex(f, hash),
            Self::Ja4(text) => f.write_str(text),
            Self::CertificateSha1(hash) => hex(f, hash),
            Self::CertificateSha256(hash) => hex(f, hash),
        }
    }
}

fn hex(f: &mut fmt::Formatter<'_>, bytes: &[u8]) -> fmt::Result {
    bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
}

/// A warninglist (MISP) that holds a value, and what follows.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Warning {
    /// The list's name.
    pub list: Arc<str>,
    /// What it does.
    pub effect: Effect,
}

/// What a warninglist does to an indicator that it holds. One that suppresses it keeps it out of the set altogether.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Effect {
    /// Meeting it is less urgent: much that is harmless meets it, too.
    Lower,
    /// The address serves many (shared hosting, CDN): meeting it is less urgent unless a name that is an indicator was met beside it.
    Shared,
    /// Meeting it is more urgent: only what is infected has a reason to (sinkholes), if it was spoken to from inside.
    Raise,
}

impl Effect {
    /// As written in alerts, tables and the table of actions.
    pub const fn keyword(self) -> &'static str {
        match self {
            Self::Lower => "lower",
            Self::Shared => "shared",
            Self::Raise => "raise",
        }
    }
}

/// What one source says of an indicator.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Context {
    /// The source: a file's name, later a feed's or an instance's.
    pub source: Arc<str>,
    /// Where in it: the line, later an event.
    pub line: Option<u32>,
    /// What it says: comment, description, malware family.
    pub description: Option<Arc<str>>,
    /// Tags or categories.
    pub tags: Vec<Arc<str>>,
    /// A reference for people: URL of a report.
    pub reference: Option<Arc<str>>,
    /// Confidence, 0 to 100, where the source gives one.
    pub confidence: Option<u8>,
    /// When the source first knew it.
    pub first_seen: Option<Timestamp>,
    /// When the source last saw it.
    pub last_seen: Option<Timestamp>,
    /// Who may see it.
    pub tlp: Option<Tlp>,
    /// What formats made for threat intelligence (MISP, STIX) say further; shared by all values of which they say the same, and
    /// one pointer where nothing is said.
    pub further: Option<Arc<Further>>,
}

impl Context {
    /// Who may see it, also where the source marks nothing.
    pub fn marking(&self) -> Tlp {
        self.tlp.unwrap_or(Tlp::UNMARKED)
    }
}

/// What a source that knows more than values says of one of them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Further {
    /// Its identifier at the source: of the MISP attribute, of the STIX indicator.
    pub id: Option<Uuid>,
    /// The report or event that it is part of.
    pub report: Option<Arc<Report>>,
    /// Who says so: the organisation that created it.
    pub organisation: Option<Arc<str>>,
    /// Malware, actors, campaigns that it indicates.
    pub threats: Arc<[Threat]>,
    /// What it indicates in the source's words: STIX indicator types, the MISP category.
    pub types: Arc<[Arc<str>]>,
    /// On which side of a flow the source saw it.
    pub side: Option<Side>,
    /// From when it counts.
    pub valid_from: Option<Timestamp>,
    /// Until when (not including) it counts.
    pub valid_until: Option<Timestamp>,
}

/// A report (STIX) or an event (MISP).
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Report {
    /// Its identifier.
    pub id: Option<Uuid>,
    /// Its title.
    pub title: Option<Arc<str>>,
}

/// Malware, an actor, a campaign, a technique.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Threat {
    /// The kind, as the source calls it: a STIX object type (`malware`, `threat-actor`), a MISP galaxy (`malpedia`).
    pub kind: Arc<str>,
    /// Its name.
    pub name: Arc<str>,
}

/// The side of a flow on which a source saw an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Side {
    /// The attacker's own: it begins flows (MISP `ip-src`, STIX `src_ref`).
    Source,
    /// A server of the attacker: it is talked to (MISP `ip-dst`, STIX `dst_ref`).
    Destination,
}

impl Side {
    /// As written in alerts.
    pub const fn keyword(self) -> &'static str {
        match self {
            Self::Source => "source",
            Self::Destination => "destination",
        }
    }
}

/// Traffic Light Protocol 2.0 (FIRST), loosest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Tlp {
    /// No limit on disclosure (TLP 1: WHITE).
    Clear,
    /// The community.
    Green,
    /// The organisation and its clients.
    Amber,
    /// The organisation only.
    AmberStrict,
    /// The recipients only.
    Red,
}

impl Tlp {
    /// What counts where a source marks nothing: the organisation and its clients.
    pub const UNMARKED: Self = Self::Amber;

    /// As FIRST writes it, without the prefix `TLP:`; so does ECS `threat.indicator.marking.tlp`.
    pub const fn keyword(self) -> &'static str {
        match self {
            Self::Clear => "CLEAR",
            Self::Green => "GREEN",
            Self::Amber => "AMBER",
            Self::AmberStrict => "AMBER+STRICT",
            Self::Red => "RED",
        }
    }

    /// From its keyword in any case, with or without `TLP:`; `WHITE` is read as CLEAR.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim().to_ascii_uppercase();
        Some(match text.strip_prefix("TLP:").unwrap_or(&text).trim() {
            "CLEAR" | "WHITE" => Self::Clear,
            "GREEN" => Self::Green,
            "AMBER" => Self::Amber,
            "AMBER+STRICT" => Self::AmberStrict,
            "RED" => Self::Red,
            _ => return None,
        })
    }
}
