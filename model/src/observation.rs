//! What was seen inside a flow: names asked for and presented, requests, certificates.

use crate::{Endpoint, Name, Timestamp};
use serde::{Deserialize, Serialize};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

/// One thing learnt from the payload of a flow, in the direction in which it was sent.
#[derive(Clone, Debug, PartialEq)]
pub struct Observation {
    /// Time of the packet that completed it.
    pub time: Timestamp,
    /// Number of that packet: see [`crate::Frame::number`].
    pub packet: u64,
    /// Who sent it.
    pub source: Endpoint,
    /// To whom.
    pub destination: Endpoint,
    /// What it is.
    pub fact: Fact,
}

/// What a payload said. Boxed and shared, because a fact goes to several places (flow, names, matching) unchanged.
#[derive(Clone, Debug, PartialEq)]
pub enum Fact {
    /// A DNS message, question or answer.
    Dns(Arc<DnsMessage>),
    /// A TLS ClientHello, over TCP or in QUIC.
    ClientHello(Arc<ClientHello>),
    /// A TLS ServerHello.
    ServerHello(Arc<ServerHello>),
    /// One certificate of a TLS (up to 1.2) server's chain.
    Certificate(Arc<Certificate>),
    /// The head of an HTTP/1 or HTTP/2 request.
    HttpRequest(Arc<HttpRequest>),
    /// The head of an HTTP/1 or HTTP/2 response.
    HttpResponse(Arc<HttpResponse>),
    /// Names that an exporter's record of the flow held.
    Told(Arc<ToldNames>),
    /// The protocol was recognised, without more: `ssh`, `smtp`, `socks` and so on, as ECS `network.protocol` has it.
    Application(&'static str),
}

impl Fact {
    /// Whether only the end that began the conversation sends this (so it tells initiator from responder), or only the other.
    /// `None`: either may send it.
    pub fn sent_by(&self) -> Option<Sender> {
        match self {
            Self::Dns(message) if message.is_response => Some(Sender::Responder),
            Self::Dns(_) | Self::ClientHello(_) | Self::HttpRequest(_) | Self::Told(_) => {
                Some(Sender::Initiator)
            }
            Self::ServerHello(_) | Self::Certificate(_) | Self::HttpResponse(_) => Some(Sender::Responder),
            Self::Application(_) => None,
        }
    }
}

/// Which end of a conversation sends something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sender {
    /// The end that began.
    Initiator,
    /// The end that answered.
    Responder,
}

/// A DNS message (RFC 1035, EDNS: RFC 6891), as far as it could be read.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DnsMessage {
    /// Transaction identifier.
    pub id: u16,
    /// QR bit.
    pub is_response: bool,
    /// OPCODE, 0 is a standard query.
    pub opcode: u8,
    /// RCODE, with the upper bits of EDNS where present: 0 NOERROR, 3 NXDOMAIN.
    pub rcode: u16,
    /// AA bit.
    pub authoritative: bool,
    /// TC bit.
    pub truncated: bool,
    /// RD bit.
    pub recursion_desired: bool,
    /// RA bit.
    pub recursion_available: bool,
    /// The question section; nearly always one.
    pub questions: Vec<DnsQuestion>,
    /// Records of the answer section, in order.
    pub answers: Vec<DnsRecord>,
    /// Records of the authority and additional sections (without OPT).
    pub further: Vec<DnsRecord>,
    /// EDNS, where an OPT record was present.
    pub edns: Option<Edns>,
    /// The message ended, or stopped making sense, before its counts were fulfilled; what precedes is valid.
    pub cut: bool,
    /// It came as Multicast DNS (RFC 6762) or LLMNR (RFC 4795), not as DNS.
    pub link_local: bool,
}

/// An entry of the question section.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DnsQuestion {
    /// The name asked for.
    pub name: Name,
    /// QTYPE: 1 A, 28 AAAA, 65 HTTPS and so on.
    pub qtype: u16,
    /// QCLASS, 1 is Internet.
    pub qclass: u16,
}

/// A resource record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DnsRecord {
    /// Owner name.
    pub name: Name,
    /// TYPE.
    pub rtype: u16,
    /// CLASS.
    pub class: u16,
    /// Time to live in seconds.
    pub ttl: u32,
    /// The data, where its type is one that Weir reads.
    pub data: DnsData,
}

/// The data of a resource record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DnsData {
    /// A: an IPv4 address.
    A(Ipv4Addr),
    /// AAAA: an IPv6 address.
    Aaaa(Ipv6Addr),
    /// CNAME or DNAME: the target.
    Cname(Name),
    /// NS, PTR, MX, SOA (primary name), SRV: the name in it.
    Name(Name),
    /// SVCB or HTTPS (RFC 9460): target, address hints, and whether ECH keys are offered.
    Service {
        /// TargetName; the root stands for the owner itself.
        target: Name,
        /// ipv4hint and ipv6hint.
        hints: Vec<IpAddr>,
        /// Whether an `ech` parameter is present.
        ech: bool,
    },
    /// TXT: its strings joined, at most 255 bytes of it, not printable bytes escaped.
    Text(Arc<str>),
    /// Anything else.
    Other,
}

impl DnsData {
    /// The address of an A or AAAA record.
    pub fn address(&self) -> Option<IpAddr> {
        match self {
            Self::A(ip) => Some((*ip).into()),
            Self::Aaaa(ip) => Some((*ip).into()),
            _ => None,
        }
    }
}

/// What an OPT record says (RFC 6891).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Edns {
    /// The sender's largest UDP payload in bytes.
    pub udp_payload: u16,
    /// EDNS version.
    pub version: u8,
    /// DO bit: DNSSEC records wanted.
    pub dnssec_ok: bool,
    /// Extended DNS error INFO-CODE (RFC 8914): 15 blocked, 16 censored, 17 filtered.
    pub extended_error: Option<u16>,
    /// Client subnet (RFC 7871): the address part, zero-filled, and the source prefix length in bits.
    pub client_subnet: Option<(IpAddr, u8)>,
}

/// A TLS ClientHello (RFC 8446 section 4.1.2), with its JA3 and JA4.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientHello {
    /// server_name (RFC 6066), where it is a host name.
    pub server_name: Option<Name>,
    /// Offered application protocols (RFC 7301), in order; bytes that are not printable ASCII are escaped.
    pub alpn: Vec<Arc<str>>,
    /// Highest version offered: 0x0303 TLS 1.2, 0x0304 TLS 1.3; 0xfeff and so on for DTLS.
    pub version: u16,
    /// JA3: an MD5.
    pub ja3: [u8; 16],
    /// JA4, 36 characters: `t13d1516h2_8daaf6152771_e5627efa2ab1`.
    pub ja4: Arc<str>,
    /// Whether encrypted ClientHello was offered (RFC 9849): then the server name is the outer one. GREASE looks the same.
    pub ech_offered: bool,
    /// What carried it.
    pub transport: TlsTransport,
}

/// What carried a ClientHello.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TlsTransport {
    /// TLS over TCP (or inside a proxy's tunnel over TCP).
    Tcp,
    /// TLS begun by a command inside a clear-text protocol: STARTTLS in SMTP, IMAP, POP3 and the like.
    StartTls,
    /// QUIC, with its version number: 1 (RFC 9000), 0x6b3343cf (v2, RFC 9369).
    Quic(u32),
    /// DTLS over UDP.
    Dtls,
}

/// A TLS ServerHello.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerHello {
    /// The version chosen (supported_versions where present).
    pub version: u16,
    /// The cipher suite chosen (IANA "TLS Cipher Suites").
    pub cipher: u16,
    /// The application protocol chosen, where it is said in clear (up to TLS 1.2).
    pub alpn: Option<Arc<str>>,
}

/// A certificate that a TLS server presented in clear (up to TLS 1.2).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Certificate {
    /// Position in the chain; 0 is the server's own.
    pub position: u8,
    /// SHA-1 over the DER form.
    pub sha1: [u8; 20],
    /// SHA-256 over the DER form.
    pub sha256: [u8; 32],
    /// Subject, as RFC 4514 writes it; empty where X.509 could not be parsed.
    pub subject: Arc<str>,
    /// Issuer, likewise.
    pub issuer: Arc<str>,
    /// DNS names among the subject alternative names, `*.` kept, at most 64.
    pub names: Vec<Name>,
    /// Validity, seconds since 1970.
    pub not_before: i64,
    /// Validity, seconds since 1970.
    pub not_after: i64,
}

/// The head of an HTTP request (RFC 9112, or HTTP/2 in clear: RFC 9113).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HttpRequest {
    /// Method, upper case as sent.
    pub method: Arc<str>,
    /// The host that the request is for: the authority of an absolute-form or CONNECT target or of HTTP/2, else the Host field; without port.
    pub host: Option<HttpHost>,
    /// The port with it, where written.
    pub port: Option<u16>,
    /// Path and query of the target, as sent, at most 2,048 bytes, not printable bytes percent-encoded; empty for CONNECT.
    pub path: Arc<str>,
    /// User-Agent.
    pub user_agent: Option<Arc<str>>,
    /// In which form the target was written.
    pub form: RequestForm,
}

/// What an exporter that looks into packets wrote of their names into a flow record (IPFIX elements 460, 461, and those of vendors).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ToldNames {
    /// Name that was asked for in DNS.
    pub dns_question: Option<Name>,
    /// TLS server_name.
    pub server_name: Option<Name>,
    /// Host of the HTTP request.
    pub http_host: Option<HttpHost>,
    /// The port with it, where written.
    pub http_port: Option<u16>,
    /// Path and query of the HTTP request; empty where not told.
    pub http_path: Arc<str>,
}

/// The host of an HTTP request: a name or an address literal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum HttpHost {
    /// A domain name.
    Name(Name),
    /// An address literal.
    Address(IpAddr),
}

/// Forms of a request target (RFC 9112 section 3.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RequestForm {
    /// `/path`: to the server itself (also `*`).
    Origin,
    /// `http://host/path`: to a proxy.
    Absolute,
    /// `CONNECT host:port`: through a proxy.
    Connect,
}

/// The head of an HTTP response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpResponse {
    /// Status code.
    pub status: u16,
}
