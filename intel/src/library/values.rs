//! Values as keys of tables: a byte for the kind, then the value; each value has one such form, and their order is that of compositions.

use ipnet::IpNet;
use std::net::IpAddr;
use weir_model::indicator::Url;
use weir_model::{IndicatorValue, Name};

/// The key of a value.
pub(super) fn key(value: &IndicatorValue) -> Vec<u8> {
    let mut key = Vec::with_capacity(24);
    match value {
        IndicatorValue::Address(ip) => {
            key.push(ADDRESS);
            push_ip(&mut key, *ip);
        }
        IndicatorValue::AddressPort(ip, port) => {
            key.push(ADDRESS_PORT);
            push_ip(&mut key, *ip);
            key.extend(port.to_be_bytes());
        }
        IndicatorValue::Network(net) => {
            key.push(NETWORK);
            push_ip(&mut key, net.addr());
            key.push(net.prefix_len());
        }
        IndicatorValue::Domain(name) => push_text(&mut key, DOMAIN, name.as_str()),
        IndicatorValue::Host(name) => push_text(&mut key, HOST, name.as_str()),
        IndicatorValue::Url(url) => {
            // A name has no zero byte: it is escaped.
            push_text(&mut key, URL, url.host.as_str());
            key.push(0);
            key.extend(url.port.unwrap_or(0).to_be_bytes());
            key.extend(url.path.as_bytes());
        }
        IndicatorValue::Ja3(hash) => push_bytes(&mut key, JA3, hash),
        IndicatorValue::Ja4(text) => push_text(&mut key, JA4, text),
        IndicatorValue::CertificateSha1(hash) => push_bytes(&mut key, SHA1, hash),
        IndicatorValue::CertificateSha256(hash) => push_bytes(&mut key, SHA256, hash),
    }
    key
}

/// The value of a key; `None` where a file was tampered with.
pub(super) fn value(key: &[u8]) -> Option<IndicatorValue> {
    let (kind, rest) = key.split_first()?;
    Some(match *kind {
        ADDRESS => IndicatorValue::Address(ip(rest)?),
        ADDRESS_PORT => {
            let (address, port) = rest.split_last_chunk()?;
            IndicatorValue::AddressPort(ip(address)?, u16::from_be_bytes(*port))
        }
        NETWORK => {
            let (prefix, address) = rest.split_last()?;
            IndicatorValue::Network(IpNet::new(ip(address)?, *prefix).ok()?)
        }
        DOMAIN => IndicatorValue::Domain(name(rest)?),
        HOST => IndicatorValue::Host(name(rest)?),
        URL => {
            let end = rest.iter().position(|byte| *byte == 0)?;
            let (host, rest) = rest.split_at_checked(end)?;
            let (port, path) = rest.get(1..)?.split_first_chunk()?;
            let port = Some(u16::from_be_bytes(*port)).filter(|port| *port != 0);
            IndicatorValue::Url(Url { host: name(host)?, port, path: str::from_utf8(path).ok()?.into() })
        }
        JA3 => IndicatorValue::Ja3(rest.try_into().ok()?),
        JA4 => IndicatorValue::Ja4(str::from_utf8(rest).ok()?.into()),
        SHA1 => IndicatorValue::CertificateSha1(rest.try_into().ok()?),
        SHA256 => IndicatorValue::CertificateSha256(rest.try_into().ok()?),
        _ => return None,
    })
}

const ADDRESS: u8 = 1;
const ADDRESS_PORT: u8 = 2;
const NETWORK: u8 = 3;
const DOMAIN: u8 = 4;
const HOST: u8 = 5;
const URL: u8 = 6;
const JA3: u8 = 7;
const JA4: u8 = 8;
const SHA1: u8 = 9;
const SHA256: u8 = 10;

fn push_ip(key: &mut Vec<u8>, ip: IpAddr) {
    match ip {
        IpAddr::V4(ip) => key.extend(ip.octets()),
        IpAddr::V6(ip) => key.extend(ip.octets()),
    }
}

fn push_text(key: &mut Vec<u8>, kind: u8, text: &str) {
    push_bytes(key, kind, text.as_bytes());
}

fn push_bytes(key: &mut Vec<u8>, kind: u8, bytes: &[u8]) {
    key.push(kind);
    key.extend(bytes);
}

fn ip(bytes: &[u8]) -> Option<IpAddr> {
    let v4 = || <[u8; 4]>::try_from(bytes).ok().map(IpAddr::from);
    let v6 = || <[u8; 16]>::try_from(bytes).ok().map(IpAddr::from);
    v4().or_else(v6)
}

fn name(bytes: &[u8]) -> Option<Name> {
    str::from_utf8(bytes).ok().map(Name::from_text_form)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_comes_back() {
        let url = |port, path: &str| {
            IndicatorValue::Url(Url { host: Name::from_text_form("a.example"), port, path: path.into() })
        };
        let values = [
            IndicatorValue::Address("192.0.2.1".parse().unwrap()),
            IndicatorValue::Address("2001:db8::1".parse().unwrap()),
            IndicatorValue::AddressPort("192.0.2.1".parse().unwrap(), 443),
            IndicatorValue::AddressPort("2001:db8::1".parse().unwrap(), 1),
            IndicatorValue::Network("192.0.2.0/24".parse().unwrap()),
            IndicatorValue::Network("2001:db8::/32".parse().unwrap()),
            IndicatorValue::Domain(Name::from_text_form("a.example")),
            IndicatorValue::Host(Name::from_text_form("a.example")),
            url(None, "/x\0y?z"),
            url(Some(8080), "/"),
            IndicatorValue::Ja3([7; 16]),
            IndicatorValue::Ja4("t13d1516h2_8daaf6152771_02713d6af862".into()),
            IndicatorValue::CertificateSha1([8; 20]),
            IndicatorValue::CertificateSha256([9; 32]),
        ];
        for wanted in &values {
            assert_eq!(value(&key(wanted)).as_ref(), Some(wanted));
        }
        let keys: std::collections::BTreeSet<_> = values.iter().map(key).collect();
        assert_eq!(keys.len(), values.len());
        assert!(
            [&[][..], &[0], &[1, 1, 2], &[6, b'a'], &[6, b'a', 0, 1], &[10, 1], &[4, 0xff]]
                .iter()
                .all(|key| value(key).is_none())
        );
    }
}
