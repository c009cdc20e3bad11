//! What DNS, TLS and HTTP said, wherever it is reported.

use crate::Event;
use crate::text::hex;
use serde_json::{Value, json};
use weir_model::Name;
use weir_model::observation::{
    Certificate, ClientHello, DnsData, DnsMessage, DnsRecord, HttpHost, HttpRequest, RequestForm,
    TlsTransport,
};

/// A DNS message.
pub(super) fn dns(event: &mut Event, message: &DnsMessage) {
    event.set("dns.type", if message.is_response { "answer" } else { "query" });
    event.set("dns.id", message.id.to_string());
    event.set("dns.op_code", op_code(message.opcode));
    let dnssec_ok = message.edns.as_ref().is_some_and(|edns| edns.dnssec_ok);
    let flags = [
        ("AA", message.authoritative),
        ("TC", message.truncated),
        ("RD", message.recursion_desired),
        ("RA", message.recursion_available),
        ("DO", dnssec_ok),
    ];
    event.set_list("dns.header_flags", flags.into_iter().filter(|(_, set)| *set).map(|(name, _)| name));
    if message.is_response {
        event.set("dns.response_code", response_code(message.rcode));
    }
    if let Some((question, further)) = message.questions.split_first() {
        event.set("dns.question.name", question.name.as_str());
        event.set("dns.question.type", record_type(question.qtype));
        event.set("dns.question.class", class(question.qclass));
        event.set_list("weir.dns.further_questions", further.iter().map(|question| question.name.as_str()));
    }
    event.set_list("dns.answers", message.answers.iter().map(record));
    event.set_list(
        "dns.resolved_ip",
        message.answers.iter().filter_map(|record| record.data.address()).map(|ip| ip.to_string()),
    );
    event.set_list("weir.dns.further_records", message.further.iter().map(record));
    event.set_true("weir.dns.cut", message.cut);
    event.set_true("weir.dns.link_local", message.link_local);
    if let Some(edns) = &message.edns {
        event.set("weir.dns.edns.version", edns.version);
        event.set("weir.dns.edns.udp_payload", edns.udp_payload);
        event.set_some("weir.dns.edns.extended_error", edns.extended_error);
        event.set_some(
            "weir.dns.edns.client_subnet",
            edns.client_subnet.map(|(address, bits)| format!("{address}/{bits}")),
        );
    }
}

fn record(record: &DnsRecord) -> Value {
    let mut fields = json!({
        "name": record.name.as_str(),
        "type": record_type(record.rtype),
        "class": class(record.class),
        "ttl": record.ttl,
    });
    let data = match &record.data {
        DnsData::A(ip) => Some(ip.to_string()),
        DnsData::Aaaa(ip) => Some(ip.to_string()),
        DnsData::Cname(name) | DnsData::Name(name) => Some(name.to_string()),
        DnsData::Service { target, .. } => Some(target.to_string()),
        DnsData::Text(text) => Some(text.to_string()),
        DnsData::Other => None,
    };
    if let (Some(data), Value::Object(fields)) = (data, &mut fields) {
        fields.insert("data".to_owned(), data.into());
    }
    fields
}

/// The keyword of a record type (IANA "Resource Record TYPEs"), or `TYPE` and its number (RFC 3597).
pub(super) fn record_type(number: u16) -> String {
    let keyword = match number {
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
        _ => return format!("TYPE{number}"),
    };
    keyword.to_owned()
}

fn class(number: u16) -> String {
    match number {
        1 => "IN".to_owned(),
        3 => "CH".to_owned(),
        4 => "HS".to_owned(),
        254 => "NONE".to_owned(),
        255 => "ANY".to_owned(),
        _ => format!("CLASS{number}"),
    }
}

fn op_code(number: u8) -> String {
    match number {
        0 => "QUERY".to_owned(),
        1 => "IQUERY".to_owned(),
        2 => "STATUS".to_owned(),
        4 => "NOTIFY".to_owned(),
        5 => "UPDATE".to_owned(),
        _ => format!("OPCODE{number}"),
    }
}

/// The keyword of a response code (IANA "DNS RCODEs"), or `RCODE` and its number.
pub(crate) fn response_code(number: u16) -> String {
    let keyword = match number {
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
        _ => return format!("RCODE{number}"),
    };
    keyword.to_owned()
}

/// A ClientHello.
pub(super) fn client_hello(event: &mut Event, hello: &ClientHello) {
    event.set_some("tls.client.server_name", hello.server_name.as_ref().map(Name::as_str));
    event.set("weir.tls.client.ja4", &*hello.ja4);
    event.set_list("weir.tls.client.alpn", hello.alpn.iter().map(|protocol| &**protocol));
    event.set_true("weir.tls.client.ech_offered", hello.ech_offered);
    tls_version(event, hello.version);
    let transport = match hello.transport {
        TlsTransport::Tcp => "tcp",
        TlsTransport::StartTls => "starttls",
        TlsTransport::Quic(_) => "quic",
        TlsTransport::Dtls => "dtls",
    };
    event.set("weir.tls.transport", transport);
    if let TlsTransport::Quic(version) = hello.transport {
        event.set("weir.tls.quic_version", format!("0x{version:08x}"));
    }
}

/// `tls.version` and `tls.version_protocol` from the number on the wire.
pub(super) fn tls_version(event: &mut Event, number: u16) {
    let (protocol, version) = match number {
        0x0002 => ("ssl", "2.0"),
        0x0300 => ("ssl", "3.0"),
        0x0301 => ("tls", "1.0"),
        0x0302 => ("tls", "1.1"),
        0x0303 => ("tls", "1.2"),
        0x0304 => ("tls", "1.3"),
        0xfeff => ("dtls", "1.0"),
        0xfefd => ("dtls", "1.2"),
        0xfefc => ("dtls", "1.3"),
        _ => return event.set("tls.version", format!("0x{number:04x}")),
    };
    event.set("tls.version", version);
    event.set("tls.version_protocol", protocol);
}

/// A server's certificate. ECS wants these two hashes in upper case.
pub(super) fn certificate(event: &mut Event, certificate: &Certificate) {
    event.set("tls.server.hash.sha1", hex(&certificate.sha1).to_uppercase());
    event.set("tls.server.hash.sha256", hex(&certificate.sha256).to_uppercase());
    event.set_some("tls.server.subject", some_text(&certificate.subject));
    event.set_some("tls.server.issuer", some_text(&certificate.issuer));
    event.set_some("tls.server.not_before", date(certificate.not_before));
    event.set_some("tls.server.not_after", date(certificate.not_after));
    event.set_list("tls.server.x509.alternative_names", certificate.names.iter().map(Name::as_str));
}

fn some_text(text: &str) -> Option<&str> {
    (!text.is_empty()).then_some(text)
}

/// A time before 1970, or zero for one that could not be read, is left out.
fn date(seconds: i64) -> Option<String> {
    let seconds = u64::try_from(seconds).ok().filter(|seconds| *seconds > 0)?;
    Some(weir_model::Timestamp::new(seconds, 0).to_string())
}

/// The head of an HTTP request.
pub(super) fn http_request(event: &mut Event, request: &HttpRequest) {
    event.set("http.request.method", &*request.method);
    event.set_some("user_agent.original", request.user_agent.as_deref());
    event.set_some("url.port", request.port);
    let form = match request.form {
        RequestForm::Origin => "origin",
        RequestForm::Absolute => "absolute",
        RequestForm::Connect => "connect",
    };
    event.set("weir.http.form", form);
    let (path, query) =
        request.path.split_once('?').map_or((&*request.path, None), |(path, query)| (path, Some(query)));
    event.set_some("url.path", some_text(path));
    event.set_some("url.query", query);
    let Some(host) = &request.host else { return };
    event.set("url.domain", host_text(host));
    if request.form != RequestForm::Connect {
        event.set("url.full", full_url(host, request.port, &request.path));
    }
}

/// `http://host:port/path`; a default port is left out.
fn full_url(host: &HttpHost, port: Option<u16>, path: &str) -> String {
    let host = match host {
        HttpHost::Address(ip) if ip.is_ipv6() => format!("[{ip}]"),
        other => host_text(other),
    };
    match port {
        Some(port) if port != 80 => format!("http://{host}:{port}{path}"),
        _ => format!("http://{host}{path}"),
    }
}

pub(super) fn host_text(host: &HttpHost) -> String {
    match host {
        HttpHost::Name(name) => name.to_string(),
        HttpHost::Address(ip) => ip.to_string(),
    }
}
