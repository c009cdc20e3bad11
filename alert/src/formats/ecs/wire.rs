//! What DNS, TLS and HTTP said, wherever it is reported.

use crate::json::{Digits, Hex, Object, Text, UpperHex, Value};
use std::borrow::Cow;
use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use weir_model::observation::{
    Certificate, ClientHello, DnsData, DnsMessage, DnsRecord, HttpHost, HttpRequest, RequestForm,
    TlsTransport,
};
use weir_model::{Name, Timestamp};

/// `dns` of a message.
pub(super) fn dns(dns: &mut Object<'_>, message: &DnsMessage) {
    dns.objects("answers", &message.answers, record);
    dns.set_list("header_flags", header_flags(message));
    dns.set("id", Digits(message.id));
    dns.set("op_code", op_code(message.opcode));
    dns.object("question", |question| {
        if let Some(first) = message.questions.first() {
            question.set("class", class(first.qclass));
            question.set("name", &first.name);
            question.set("type", record_type(first.qtype));
        }
    });
    dns.set_list("resolved_ip", message.answers.iter().filter_map(|record| record.data.address()));
    dns.set_some("response_code", message.is_response.then(|| response_code(message.rcode)));
    dns.set("type", if message.is_response { "answer" } else { "query" });
}

fn header_flags(message: &DnsMessage) -> impl Iterator<Item = &'static str> {
    let dnssec_ok = message.edns.as_ref().is_some_and(|edns| edns.dnssec_ok);
    let flags = [
        ("AA", message.authoritative),
        ("TC", message.truncated),
        ("RD", message.recursion_desired),
        ("RA", message.recursion_available),
        ("DO", dnssec_ok),
    ];
    flags.into_iter().filter_map(|(name, set)| set.then_some(name))
}

fn record(members: &mut Object<'_>, record: &DnsRecord) {
    members.set("class", class(record.class));
    match &record.data {
        DnsData::A(ip) => members.set("data", IpAddr::V4(*ip)),
        DnsData::Aaaa(ip) => members.set("data", IpAddr::V6(*ip)),
        DnsData::Cname(name) | DnsData::Name(name) => members.set("data", name),
        DnsData::Service { target, .. } => members.set("data", target),
        DnsData::Text(text) => members.set("data", &**text),
        DnsData::Other => {}
    }
    members.set("name", &record.name);
    members.set("ttl", record.ttl);
    members.set("type", record_type(record.rtype));
}

/// `weir.dns` of a message.
pub(super) fn weir_dns(dns: &mut Object<'_>, message: &DnsMessage) {
    dns.set_true("cut", message.cut);
    dns.object("edns", |members| {
        if let Some(edns) = &message.edns {
            if let Some((address, bits)) = edns.client_subnet {
                members.set("client_subnet", format_args!("{address}/{bits}"));
            }
            members.set_some("extended_error", edns.extended_error);
            members.set("udp_payload", edns.udp_payload);
            members.set("version", edns.version);
        }
    });
    dns.set_list("further_questions", message.questions.iter().skip(1).map(|question| &question.name));
    dns.objects("further_records", &message.further, record);
    dns.set_true("link_local", message.link_local);
}

/// A number of a registry: its keyword, or a prefix and the number where it has none.
#[derive(Clone, Copy)]
pub(crate) enum Registered {
    /// It has one.
    Keyword(&'static str),
    /// It has none: `TYPE65280`.
    Number(&'static str, u16),
}

impl fmt::Display for Registered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Keyword(keyword) => f.write_str(keyword),
            Self::Number(prefix, number) => write!(f, "{prefix}{number}"),
        }
    }
}

impl Value for Registered {
    fn write(self, text: &mut Text) {
        match self {
            Self::Keyword(keyword) => keyword.write(text),
            Self::Number(prefix, number) => format_args!("{prefix}{number}").write(text),
        }
    }
}

/// The keyword of a record type (IANA "Resource Record TYPEs"), or `TYPE` and its number (RFC 3597).
pub(super) fn record_type(number: u16) -> Registered {
    Registered::Keyword(match number {
        1 => "A",
        2 => "NS",
        5 => "CNAME",
        6 => "SOA",
        12 => "PTR",
        13 => "HINFO",
        15 => "MX",
        16 => "TXT",
        28 => "AAAA",
        33 => "SRV",
        35 => "NAPTR",
        39 => "DNAME",
        41 => "OPT",
        43 => "DS",
        46 => "RRSIG",
        47 => "NSEC",
        48 => "DNSKEY",
        50 => "NSEC3",
        52 => "TLSA",
        64 => "SVCB",
        65 => "HTTPS",
        99 => "SPF",
        249 => "TKEY",
        250 => "TSIG",
        251 => "IXFR",
        252 => "AXFR",
        255 => "ANY",
        257 => "CAA",
        _ => return Registered::Number("TYPE", number),
    })
}

fn class(number: u16) -> Registered {
    Registered::Keyword(match number {
        1 => "IN",
        3 => "CH",
        4 => "HS",
        254 => "NONE",
        255 => "ANY",
        _ => return Registered::Number("CLASS", number),
    })
}

fn op_code(number: u8) -> Registered {
    Registered::Keyword(match number {
        0 => "QUERY",
        1 => "IQUERY",
        2 => "STATUS",
        4 => "NOTIFY",
        5 => "UPDATE",
        _ => return Registered::Number("OPCODE", number.into()),
    })
}

/// The keyword of a response code (IANA "DNS RCODEs"), or `RCODE` and its number.
pub(crate) fn response_code(number: u16) -> Registered {
    Registered::Keyword(match number {
        0 => "NOERROR",
        1 => "FORMERR",
        2 => "SERVFAIL",
        3 => "NXDOMAIN",
        4 => "NOTIMP",
        5 => "REFUSED",
        6 => "YXDOMAIN",
        7 => "YXRRSET",
        8 => "NXRRSET",
        9 => "NOTAUTH",
        10 => "NOTZONE",
        16 => "BADVERS",
        _ => return Registered::Number("RCODE", number),
    })
}

/// `tls`: of a flow, a ClientHello or a certificate.
pub(super) fn tls(
    tls: &mut Object<'_>,
    (server_name, ja3): (Option<&Name>, Option<&[u8; 16]>),
    certificate: Option<&Certificate>,
    version: Option<u16>,
) {
    tls.object("client", |client| {
        client.set_some("ja3", ja3.map(|hash| Hex(hash)));
        client.set_some("server_name", server_name);
    });
    tls.object("server", |server| {
        if let Some(certificate) = certificate {
            self::certificate(server, certificate);
        }
    });
    match version.map(|number| (number, version_name(number))) {
        Some((_, Some((protocol, version)))) => {
            tls.set("version", version);
            tls.set("version_protocol", protocol);
        }
        Some((number, None)) => tls.set("version", format_args!("0x{number:04x}")),
        None => {}
    }
}

/// Protocol and version behind the number on the wire.
fn version_name(number: u16) -> Option<(&'static str, &'static str)> {
    Some(match number {
        0x0002 => ("ssl", "2.0"),
        0x0300 => ("ssl", "3.0"),
        0x0301 => ("tls", "1.0"),
        0x0302 => ("tls", "1.1"),
        0x0303 => ("tls", "1.2"),
        0x0304 => ("tls", "1.3"),
        0xfeff => ("dtls", "1.0"),
        0xfefd => ("dtls", "1.2"),
        0xfefc => ("dtls", "1.3"),
        _ => return None,
    })
}

/// A server's certificate. ECS wants these two hashes in upper case.
fn certificate(server: &mut Object<'_>, certificate: &Certificate) {
    server.object("hash", |hash| {
        hash.set("sha1", UpperHex(&certificate.sha1));
        hash.set("sha256", UpperHex(&certificate.sha256));
    });
    server.set_some("issuer", some_text(&certificate.issuer));
    server.set_some("not_after", date(certificate.not_after));
    server.set_some("not_before", date(certificate.not_before));
    server.set_some("subject", some_text(&certificate.subject));
    server.object("x509", |x509| x509.set_list("alternative_names", &certificate.names));
}

fn some_text(text: &str) -> Option<&str> {
    (!text.is_empty()).then_some(text)
}

/// A time before 1970, or zero for one that could not be read, is left out.
fn date(seconds: i64) -> Option<Timestamp> {
    let seconds = u64::try_from(seconds).ok().filter(|seconds| *seconds > 0)?;
    Some(Timestamp::new(seconds, 0))
}

/// `weir.tls.client`: of a flow or a ClientHello.
pub(super) fn weir_tls_client(
    client: &mut Object<'_>,
    alpn: &[Arc<str>],
    ech_offered: bool,
    ja4: Option<&str>,
) {
    client.set_list("alpn", alpn.iter().map(|protocol| &**protocol));
    client.set_true("ech_offered", ech_offered);
    client.set_some("ja4", ja4);
}

/// The members of `weir.tls` that tell what carried a ClientHello.
pub(super) fn tls_transport(tls: &mut Object<'_>, hello: &ClientHello) {
    if let TlsTransport::Quic(version) = hello.transport {
        tls.set("quic_version", format_args!("0x{version:08x}"));
    }
    tls.set(
        "transport",
        match hello.transport {
            TlsTransport::Tcp => "tcp",
            TlsTransport::StartTls => "starttls",
            TlsTransport::Quic(_) => "quic",
            TlsTransport::Dtls => "dtls",
        },
    );
}

/// A fingerprint among others, in lower case as lists have them.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Fingerprint<'a> {
    /// Of a client.
    Ja3(Hex<'a>),
    /// Of a client.
    Ja4(&'a str),
    /// Of a certificate.
    Sum(Hex<'a>),
}

impl Fingerprint<'_> {
    /// Both sums of a certificate.
    pub(super) fn sums(certificate: &Certificate) -> [Fingerprint<'_>; 2] {
        [&certificate.sha1[..], &certificate.sha256[..]].map(|sum| Fingerprint::Sum(Hex(sum)))
    }
}

impl Value for Fingerprint<'_> {
    fn write(self, text: &mut Text) {
        match self {
            Self::Ja4(ja4) => ja4.write(text),
            Self::Ja3(sum) | Self::Sum(sum) => sum.write(text),
        }
    }
}

/// `http`: of a flow or a request.
pub(super) fn http(http: &mut Object<'_>, request: Option<&HttpRequest>, status: Option<u16>) {
    http.object("request", |members| members.set_some("method", request.map(|request| &*request.method)));
    http.object("response", |response| response.set_some("status_code", status));
}

/// `weir.http.form`.
pub(super) fn request_form(request: &HttpRequest) -> &'static str {
    match request.form {
        RequestForm::Origin => "origin",
        RequestForm::Absolute => "absolute",
        RequestForm::Connect => "connect",
    }
}

/// `url` of a request.
pub(super) fn url(url: &mut Object<'_>, request: &HttpRequest) {
    let is_whole = request.form != RequestForm::Connect;
    url_parts(url, request.host.as_ref(), request.port, &request.path, is_whole);
}

/// `url` of its parts; `is_whole`: they make one.
pub(super) fn url_parts(
    url: &mut Object<'_>,
    host: Option<&HttpHost>,
    port: Option<u16>,
    target: &str,
    is_whole: bool,
) {
    let (path, query) = target.split_once('?').map_or((target, None), |(path, query)| (path, Some(query)));
    if let Some(host) = host {
        url.set("domain", &*host_text(host));
        if is_whole {
            full_url(url, host, port, target);
        }
    }
    url.set_some("path", some_text(path));
    url.set_some("port", port);
    url.set_some("query", query);
}

/// `http://host:port/path`; a default port is left out.
fn full_url(url: &mut Object<'_>, host: &HttpHost, port: Option<u16>, path: &str) {
    let (open, close) = match host {
        HttpHost::Address(ip) if ip.is_ipv6() => ("[", "]"),
        _ => ("", ""),
    };
    let host = host_text(host);
    match port {
        Some(port) if port != 80 => url.set("full", format_args!("http://{open}{host}{close}:{port}{path}")),
        _ => url.set("full", format_args!("http://{open}{host}{close}{path}")),
    }
}

/// A host as text; of a name, the name itself.
pub(super) fn host_text(host: &HttpHost) -> Cow<'_, str> {
    match host {
        HttpHost::Name(name) => Cow::Borrowed(name.as_str()),
        HttpHost::Address(ip) => Cow::Owned(ip.to_string()),
    }
}
