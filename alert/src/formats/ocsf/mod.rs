//! Open Cybersecurity Schema Framework 1.5.0: detection findings (2004), network (4001), HTTP (4002) and DNS activity (4003).
//!
//! Each kind of event is one function that lists its members as they stand in the line, in alphabetical order. What OCSF has no attribute
//! for is under `unmapped`, in the fields that ECS, or Weir itself, has for it (docs/EVENTS.md).

mod alert;
mod flow;
mod name;
mod notice;
mod stripped;

pub use alert::alert;
pub use flow::flow;
pub use name::name;
pub use notice::notice;
pub use stripped::stripped;

use super::ecs;
use super::registry::version_name;
use crate::json::{Ascii, Constant, Hex, Keyword, Object};
use std::net::IpAddr;
use weir_model::alert::Role;
use weir_model::indicator::Url;
use weir_model::observation::{HttpHost, HttpRequest};
use weir_model::{Context, Endpoint, Indicator, IndicatorValue, Name, Protocol, Tlp, community_id};

/// What every event says of who wrote it, up to what only some have.
const PRODUCT: Constant = Constant(r#""product":{"name":"Weir","vendor_name":"Weir"},"#);

/// The version of the schema.
const VERSION: Constant = Constant(r#""version":"1.5.0","#);

/// `metadata` of events without identifier.
const METADATA: Constant =
    Constant(r#""metadata":{"product":{"name":"Weir","vendor_name":"Weir"},"version":"1.5.0"},"#);

/// A class of events, with its category.
#[derive(Clone, Copy)]
struct Class {
    category: u32,
    class: u32,
}

const DETECTION_FINDING: Class = Class { category: 2, class: 2004 };
const NETWORK_ACTIVITY: Class = Class { category: 4, class: 4001 };
const HTTP_ACTIVITY: Class = Class { category: 4, class: 4002 };
const DNS_ACTIVITY: Class = Class { category: 4, class: 4003 };

impl Class {
    /// `type_uid`.
    const fn with(self, activity: u32) -> u32 {
        self.class * 100 + activity
    }
}

/// `connection_info`. Flows and names do not say which end is inside.
fn connection(
    members: &mut Object<'_>,
    protocol: Protocol,
    (source, destination): (Endpoint, Endpoint),
    (direction, flow): (u8, u64),
    tcp_flags: Option<u8>,
) {
    members.set("community_uid", Ascii(community_id::ascii(0, protocol, source, destination)));
    members.set("direction_id", direction);
    members.set_some("protocol_name", protocol.keyword().map(Keyword));
    members.set("protocol_num", protocol.0);
    members.set("protocol_ver_id", if source.ip.is_ipv4() { 4u8 } else { 6 });
    members.set_some("tcp_flags", tcp_flags);
    members.set("uid", format_args!("{flow}"));
}

/// One end of a conversation.
#[derive(Clone, Copy)]
struct Side<'a> {
    end: Endpoint,
    /// Whether ports mean anything.
    has_port: bool,
    name: Option<&'a Name>,
    /// Autonomous system.
    number: Option<u32>,
    /// What a translator makes of it.
    translated: Option<Endpoint>,
    vlan: Option<u16>,
}

impl Side<'_> {
    /// Of which nothing but the end is told.
    fn plain(end: Endpoint, protocol: Protocol) -> Self {
        let has_port = protocol.has_ports();
        Self { end, has_port, name: None, number: None, translated: None, vlan: None }
    }

    /// `src_endpoint`, `dst_endpoint`.
    fn endpoint(&self, members: &mut Object<'_>) {
        members.object("autonomous_system", |system| system.set_some("number", self.number));
        members.set_some("hostname", self.name);
        members.set("ip", self.end.ip);
        members.set_some("port", Some(self.end.port).filter(|_| self.has_port));
        members.object("proxy_endpoint", |proxy| {
            proxy.set_some("ip", self.translated.map(|end| end.ip));
            proxy.set_some("port", self.translated.map(|end| end.port).filter(|_| self.has_port));
        });
        if let Some(vlan) = self.vlan {
            members.set("vlan_uid", format_args!("{vlan}"));
        }
    }
}

/// What is said of a TLS handshake.
#[derive(Clone, Copy, Default)]
struct Handshake<'a> {
    server_name: Option<&'a Name>,
    ja3: Option<&'a [u8; 16]>,
    version: Option<u16>,
    cipher: Option<u16>,
    /// DNS names of the certificate.
    names: &'a [Name],
}

impl Handshake<'_> {
    /// `tls`. Its version is required, and `unknown` where only the name or the certificate was seen. A certificate is not told here, because
    /// OCSF requires its serial number; it is in `unmapped`.
    fn tls(&self, members: &mut Object<'_>) {
        if let Some(cipher) = self.cipher {
            members.set("cipher", format_args!("0x{cipher:04x}"));
        }
        members.object("ja3_hash", |hash| {
            if let Some(ja3) = self.ja3 {
                hash.set("algorithm_id", 1u8);
                hash.set("value", Hex(ja3));
            }
        });
        members.objects("sans", self.names, |member, name| {
            member.set("name", name);
            member.set("type", Keyword("DNS"));
        });
        members.set_some("sni", self.server_name);
        match self.version.map(|number| (number, version_name(number))) {
            Some((_, Some(("tls", version)))) => members.set("version", Keyword(version)),
            Some((_, Some((protocol, version)))) => {
                members.set("version", format_args!("{protocol} {version}"));
            }
            Some((number, None)) => members.set("version", format_args!("0x{number:04x}")),
            None => members.set("version", Keyword("unknown")),
        }
    }
}

/// `ja4_fingerprint_list`, of a ClientHello.
fn ja4(members: &mut Object<'_>, ja4: Option<&str>) {
    members.objects("ja4_fingerprint_list", ja4, |fingerprint, ja4| {
        fingerprint.set("type_id", 1u8);
        fingerprint.set("value", ja4);
    });
}

/// `http_request`.
fn http_request(members: &mut Object<'_>, request: &HttpRequest) {
    members.set_some("http_method", Some(&*request.method).filter(|method| method_activity(method) != 99));
    members.object("url", |members| url(members, request.host.as_ref(), request.port, &request.path));
    members.set_some("user_agent", request.user_agent.as_deref());
}

/// The activity of a method; OCSF has no others.
fn method_activity(method: &str) -> u32 {
    match method {
        "CONNECT" => 1,
        "DELETE" => 2,
        "GET" => 3,
        "HEAD" => 4,
        "OPTIONS" => 5,
        "POST" => 6,
        "PUT" => 7,
        "TRACE" => 8,
        _ => 99,
    }
}

/// `url` of a request.
fn url(members: &mut Object<'_>, host: Option<&HttpHost>, port: Option<u16>, target: &str) {
    let (path, query) = target.split_once('?').map_or((target, None), |(path, query)| (path, Some(query)));
    if let Some(host) = host {
        members.set("hostname", &*ecs::wire::host_text(host));
    }
    // An object needs one of path and text.
    if !path.is_empty() || host.is_none() {
        members.set("path", path);
    }
    members.set_some("port", port);
    members.set_some("query_string", query);
    members.set("scheme", Keyword("http"));
    if let Some(host) = host {
        let (open, close) =
            if matches!(host, HttpHost::Address(ip) if ip.is_ipv6()) { ("[", "]") } else { ("", "") };
        let host = ecs::wire::host_text(host);
        match port {
            Some(port) if port != 80 => {
                members.set("url_string", format_args!("http://{open}{host}{close}:{port}{target}"));
            }
            _ => members.set("url_string", format_args!("http://{open}{host}{close}{target}")),
        }
    }
}

/// An entry of `osint`: an indicator, with what its first source says.
fn osint(members: &mut Object<'_>, indicator: &Indicator) {
    let first = indicator.contexts.first();
    members.set_some("comment", first.and_then(|first| first.description.as_deref()));
    members.set_some("confidence_id", first.and_then(|first| first.confidence).map(confidence));
    let further = first.and_then(|first| first.further.as_deref());
    members
        .set_some("external_uid", further.and_then(|further| further.id).map(|id| id.to_string()).as_deref());
    members.set_list("labels", first.iter().flat_map(|first| &first.tags).map(|tag| &**tag));
    members.set_list("references", first.and_then(|first| first.reference.as_deref()));
    members.set("tlp", tlp(crate::marking::marking_of(indicator)));
    members.set("type_id", osint_type(&indicator.value));
    match &indicator.value {
        IndicatorValue::Url(Url { host, port, path }) => {
            let (open, close) = if host.as_str().contains(':') { ("[", "]") } else { ("", "") };
            let port = port.map(|port| format!(":{port}")).unwrap_or_default();
            members.set("value", format_args!("http://{open}{host}{close}{port}{path}"));
        }
        value => members.set("value", format_args!("{value}")),
    }
    members.set_some("vendor_name", first.map(|first| &*first.source));
}

/// The scale of STIX 2.1 appendix A, as OCSF numbers it: unknown (none), low, medium, high.
fn confidence(number: u8) -> u8 {
    match number {
        0 => 0,
        1..=29 => 1,
        30..=69 => 2,
        _ => 3,
    }
}

/// The strictest confidence that the first source gives.
fn confidence_of(indicator: &Indicator) -> Option<u8> {
    indicator.contexts.first().and_then(|context: &Context| context.confidence).map(confidence)
}

/// As OCSF spells markings.
fn tlp(tlp: Tlp) -> &'static str {
    match tlp {
        Tlp::AmberStrict => "AMBER STRICT",
        tlp => tlp.keyword(),
    }
}

/// 1 IP address, 2 domain, 3 host name, 4 hash, 5 URL, 7 certificate; JA4 is no hash, and other.
fn osint_type(value: &IndicatorValue) -> u8 {
    match value {
        IndicatorValue::Address(_) | IndicatorValue::AddressPort(..) | IndicatorValue::Network(_) => 1,
        IndicatorValue::Domain(_) => 2,
        IndicatorValue::Host(_) => 3,
        IndicatorValue::Ja3(_) => 4,
        IndicatorValue::Url(_) => 5,
        IndicatorValue::CertificateSha1(_) | IndicatorValue::CertificateSha256(_) => 7,
        IndicatorValue::Ja4(_) => 99,
    }
}

/// Something that stands in `observables`.
#[derive(Clone, Copy)]
enum Observable<'a> {
    Name(&'a str),
    Address(IpAddr),
}

impl Observable<'_> {
    /// 1 host name, 2 IP address.
    fn write(self, members: &mut Object<'_>) {
        match self {
            Self::Name(name) => {
                members.set("type_id", 1u8);
                members.set("value", name);
            }
            Self::Address(ip) => {
                members.set("type_id", 2u8);
                members.set("value", ip);
            }
        }
    }
}

/// The host that an alert is about.
fn resources(event: &mut Object<'_>, host: Option<IpAddr>, roles: &[Role]) {
    event.objects("resources", host, |resource, host| {
        resource.set("ip", host);
        resource.set_list("labels", roles.iter().map(|role| role.keyword()));
        resource.set("name", host);
        resource.set("type", "host");
    });
}
