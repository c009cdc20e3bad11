//! Values as they are hashed and compared: borrowed, and in one spelling.

use super::url;
use ipnet::{IpNet, Ipv4Net};
use std::net::IpAddr;
use weir_model::indicator::Url;
use weir_model::{IndicatorValue, Name};

/// The value of an indicator, borrowed: what is hashed and compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Key<'a> {
    Address(IpAddr),
    AddressPort(IpAddr, u16),
    Network(IpNet),
    Domain(&'a str),
    Host(&'a str),
    Url { host: &'a str, port: Option<u16>, path: &'a str },
    Ja3(&'a [u8; 16]),
    Ja4(&'a str),
    Sha1(&'a [u8; 20]),
    Sha256(&'a [u8; 32]),
}

/// The kinds in the order of [`IndicatorValue::KINDS`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Address,
    AddressPort,
    Network,
    Domain,
    Host,
    Url,
    Ja3,
    Ja4,
    Sha1,
    Sha256,
}

impl Key<'_> {
    /// The value, owned.
    pub(super) fn to_value(self) -> IndicatorValue {
        match self {
            Key::Address(ip) => IndicatorValue::Address(ip),
            Key::AddressPort(ip, port) => IndicatorValue::AddressPort(ip, port),
            Key::Network(net) => IndicatorValue::Network(net),
            Key::Domain(name) => IndicatorValue::Domain(Name::from_text_form(name)),
            Key::Host(name) => IndicatorValue::Host(Name::from_text_form(name)),
            Key::Url { host, port, path } => {
                IndicatorValue::Url(Url { host: Name::from_text_form(host), port, path: path.into() })
            }
            Key::Ja3(hash) => IndicatorValue::Ja3(*hash),
            Key::Ja4(fingerprint) => IndicatorValue::Ja4(fingerprint.into()),
            Key::Sha1(hash) => IndicatorValue::CertificateSha1(*hash),
            Key::Sha256(hash) => IndicatorValue::CertificateSha256(*hash),
        }
    }

    pub(super) const fn kind(&self) -> Kind {
        match self {
            Key::Address(_) => Kind::Address,
            Key::AddressPort(..) => Kind::AddressPort,
            Key::Network(_) => Kind::Network,
            Key::Domain(_) => Kind::Domain,
            Key::Host(_) => Kind::Host,
            Key::Url { .. } => Kind::Url,
            Key::Ja3(_) => Kind::Ja3,
            Key::Ja4(_) => Kind::Ja4,
            Key::Sha1(_) => Kind::Sha1,
            Key::Sha256(_) => Kind::Sha256,
        }
    }
}

/// Does something with the key of a value.
pub(super) fn with_key<R>(value: &IndicatorValue, with: impl FnOnce(&Key<'_>) -> R) -> R {
    match value {
        IndicatorValue::Address(ip) => with(&Key::Address(ip.to_canonical())),
        IndicatorValue::AddressPort(ip, port) => with(&Key::AddressPort(ip.to_canonical(), *port)),
        IndicatorValue::Network(net) => with(&canonical_network(*net)),
        IndicatorValue::Domain(name) => with(&Key::Domain(name.as_str())),
        IndicatorValue::Host(name) => with(&Key::Host(name.as_str())),
        IndicatorValue::Url(url) => {
            let (host, path) = (url::normal_host(url.host.as_str()), url::normal_path(&url.path));
            with(&Key::Url { host, port: url::normal_port(url.port), path: &path })
        }
        IndicatorValue::Ja3(hash) => with(&Key::Ja3(hash)),
        IndicatorValue::Ja4(fingerprint) => with(&Key::Ja4(fingerprint)),
        IndicatorValue::CertificateSha1(hash) => with(&Key::Sha1(hash)),
        IndicatorValue::CertificateSha256(hash) => with(&Key::Sha256(hash)),
    }
}

/// One form for prefixes: without host bits, one inside `::ffff:0:0/96` (RFC 4291 section 2.5.5.2) is the IPv4 prefix, one of full
/// length is its address.
fn canonical_network(net: IpNet) -> Key<'static> {
    let net = match net.trunc() {
        IpNet::V6(v6) => {
            let inner = v6.prefix_len().checked_sub(96).zip(v6.network().to_ipv4_mapped());
            inner.and_then(|(len, ip)| Ipv4Net::new(ip, len).ok()).map_or(IpNet::V6(v6), IpNet::V4)
        }
        v4 @ IpNet::V4(_) => v4,
    };
    if net.prefix_len() == net.max_prefix_len() { Key::Address(net.addr()) } else { Key::Network(net) }
}
