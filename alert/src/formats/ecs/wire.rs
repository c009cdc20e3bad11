//! What DNS, TLS and HTTP said, wherever it is reported.

use crate::formats::registry::{class, op_code, record_type, response_code, version_name};
use crate::json::{Digits, Hex, Object, Text, UpperHex, Value};
use std::borrow::Cow;
use std::net::IpAddr;
use std::sync::Arc;
use weir_model::observation::{
    Certificate, ClientHello, DnsData, DnsMessage, DnsRecord, HttpHost, HttpRequest, RequestForm,
    TlsTransport,
};
use weir_model::{Name, Timestamp};

/// `dns` of a message.
pub(in crate::formats) fn dns(dns: &mut Object<'_>, message: &DnsMessage) {
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
pub(in crate::formats) fn weir_dns(dns: &mut Object<'_>, message: &DnsMessage) {
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

/// `tls`: of a flow, a ClientHello or a certificate.
pub(in crate::formats) fn tls(
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

/// A server's certificate. ECS wants these two hashes in upper case.
pub(in crate::formats) fn certificate(server: &mut Object<'_>, certificate: &Certificate) {
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

pub(in crate::formats) fn some_text(text: &str) -> Option<&str> {
    (!text.is_empty()).then_some(text)
}

/// A time before 1970, or zero for one that could not be read, is left out.
pub(in crate::formats) fn date(seconds: i64) -> Option<Timestamp> {
    let seconds = u64::try_from(seconds).ok().filter(|seconds| *seconds > 0)?;
    Some(Timestamp::new(seconds, 0))
}

/// `weir.tls.client`: of a flow or a ClientHello.
pub(in crate::formats) fn weir_tls_client(
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
pub(in crate::formats) fn tls_transport(tls: &mut Object<'_>, hello: &ClientHello) {
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
pub(in crate::formats) enum Fingerprint<'a> {
    /// Of a client.
    Ja3(Hex<'a>),
    /// Of a client.
    Ja4(&'a str),
    /// Of a certificate.
    Sum(Hex<'a>),
}

impl Fingerprint<'_> {
    /// Both sums of a certificate.
    pub(in crate::formats) fn sums(certificate: &Certificate) -> [Fingerprint<'_>; 2] {
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
pub(in crate::formats) fn http(http: &mut Object<'_>, request: Option<&HttpRequest>, status: Option<u16>) {
    http.object("request", |members| members.set_some("method", request.map(|request| &*request.method)));
    http.object("response", |response| response.set_some("status_code", status));
}

/// `weir.http.form`.
pub(in crate::formats) fn request_form(request: &HttpRequest) -> &'static str {
    match request.form {
        RequestForm::Origin => "origin",
        RequestForm::Absolute => "absolute",
        RequestForm::Connect => "connect",
    }
}

/// `url` of a request.
pub(in crate::formats) fn url(url: &mut Object<'_>, request: &HttpRequest) {
    let is_whole = request.form != RequestForm::Connect;
    url_parts(url, request.host.as_ref(), request.port, &request.path, is_whole);
}

/// `url` of its parts; `is_whole`: they make one.
pub(in crate::formats) fn url_parts(
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
pub(in crate::formats) fn host_text(host: &HttpHost) -> Cow<'_, str> {
    match host {
        HttpHost::Name(name) => Cow::Borrowed(name.as_str()),
        HttpHost::Address(ip) => Cow::Owned(ip.to_string()),
    }
}
