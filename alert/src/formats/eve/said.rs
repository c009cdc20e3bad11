//! What DNS, TLS, QUIC and HTTP said, wherever it is reported.

use crate::formats::ecs;
use crate::json::{Hex, Keyword, Object, Seconds, Text, Value};
use weir_model::Name;
use weir_model::observation::{Certificate, HttpHost, HttpRequest};

/// `tls`, of a flow, a ClientHello or a certificate.
#[derive(Clone, Copy, Default)]
pub(super) struct Tls<'a> {
    pub server_name: Option<&'a Name>,
    pub ja3: Option<&'a [u8; 16]>,
    pub ja4: Option<&'a str>,
    pub version: Option<u16>,
    pub alpn: &'a [std::sync::Arc<str>],
    pub certificate: Option<&'a Certificate>,
}

impl Tls<'_> {
    /// `tls`.
    pub(super) fn write(&self, tls: &mut Object<'_>) {
        if let Some(certificate) = self.certificate {
            tls.set_some("subject", ecs::wire::some_text(&certificate.subject));
            tls.set_some("issuerdn", ecs::wire::some_text(&certificate.issuer));
            tls.set_list("subjectaltname", &certificate.names);
            tls.set("fingerprint", Colons(&certificate.sha1));
        }
        tls.set_some("sni", self.server_name);
        self.version(tls);
        if let Some(certificate) = self.certificate {
            tls.set_some("notbefore", ecs::wire::date(certificate.not_before).map(Seconds));
            tls.set_some("notafter", ecs::wire::date(certificate.not_after).map(Seconds));
        }
        self.fingerprints(tls);
        tls.set_list("client_alpns", self.alpn.iter().map(|protocol| &**protocol));
    }

    /// `quic`, whose version is that of QUIC.
    pub(super) fn write_quic(&self, quic: &mut Object<'_>, version: u32) {
        match version {
            1 => quic.set("version", "1"),
            0x6b33_43cf => quic.set("version", "2"),
            other => quic.set("version", format_args!("0x{other:08x}")),
        }
        quic.set_some("sni", self.server_name);
        self.fingerprints(quic);
    }

    fn fingerprints(&self, members: &mut Object<'_>) {
        members.object("ja3", |hash| hash.set_some("hash", self.ja3.map(|hash| Hex(hash))));
        members.set_some("ja4", self.ja4);
    }

    /// In Suricata's spelling.
    fn version(&self, tls: &mut Object<'_>) {
        let keyword = match self.version {
            Some(0x0002) => "SSLv2",
            Some(0x0300) => "SSLv3",
            Some(0x0301) => "TLSv1",
            Some(0x0302) => "TLS 1.1",
            Some(0x0303) => "TLS 1.2",
            Some(0x0304) => "TLS 1.3",
            Some(number) => return tls.set("version", format_args!("0x{number:04x}")),
            None => return,
        };
        tls.set("version", Keyword(keyword));
    }
}

/// Bytes in lower-case hexadecimal, with colons between them.
struct Colons<'a>(&'a [u8]);

impl Value for Colons<'_> {
    fn write(self, text: &mut Text) {
        let pairs: Vec<String> = self.0.iter().map(|byte| format!("{byte:02x}")).collect();
        pairs.join(":").as_str().write(text);
    }
}

/// `http` of a request, and the status of its answer.
pub(super) fn http(http: &mut Object<'_>, request: Option<&HttpRequest>, status: Option<u16>) {
    if let Some(request) = request {
        target(http, request.host.as_ref(), request.port, &request.path);
        http.set_some("http_user_agent", request.user_agent.as_deref());
        http.set("http_method", &*request.method);
    }
    http.set_some("status", status);
}

/// The members of `http` that say what was asked for.
pub(super) fn target(http: &mut Object<'_>, host: Option<&HttpHost>, port: Option<u16>, path: &str) {
    if let Some(host) = host {
        http.set("hostname", &*ecs::wire::host_text(host));
    }
    http.set_some("http_port", port);
    http.set_some("url", ecs::wire::some_text(path));
}
