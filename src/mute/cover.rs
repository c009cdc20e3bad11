//! What a mute covers: as indicators match what is met, so a muted value matches indicators.

use ipnet::IpNet;
use std::collections::BTreeSet;
use std::net::IpAddr;
use weir_model::indicator::Url;
use weir_model::{IndicatorValue, Name};

/// The sizes of networks among muted values: IPv4 or not, and the prefix length.
pub(super) type Sizes = BTreeSet<(bool, u8)>;

/// The values of which each, if it is muted, silences this indicator.
///
/// A muted address covers its ports; a network what lies in it; a domain the names below it and URLs there; a host URLs there.
/// Anything else covers only itself: a muted URL leaves its host alone.
pub(super) fn covering(value: &IndicatorValue, sizes: &Sizes) -> Vec<IndicatorValue> {
    let mut covering = vec![value.clone()];
    let is_other = |covers: &IndicatorValue| covers != value;
    match value {
        IndicatorValue::Address(ip) => covering.extend(networks(IpNet::from(*ip), sizes)),
        IndicatorValue::AddressPort(ip, _) => covering.extend(address(*ip, sizes)),
        IndicatorValue::Network(network) => covering.extend(networks(*network, sizes).filter(is_other)),
        IndicatorValue::Domain(name) | IndicatorValue::Host(name) => {
            covering.extend(domains(name).filter(is_other));
        }
        IndicatorValue::Url(Url { host, .. }) => {
            if let Ok(ip) = host.as_str().parse() {
                covering.extend(address(ip, sizes));
            } else {
                covering.push(IndicatorValue::Host(host.clone()));
                covering.extend(domains(host));
            }
        }
        IndicatorValue::Ja3(_)
        | IndicatorValue::Ja4(_)
        | IndicatorValue::CertificateSha1(_)
        | IndicatorValue::CertificateSha256(_) => {}
    }
    covering
}

fn address(ip: IpAddr, sizes: &Sizes) -> impl Iterator<Item = IndicatorValue> {
    std::iter::once(IndicatorValue::Address(ip)).chain(networks(IpNet::from(ip), sizes))
}

/// The networks of these sizes around one.
fn networks(inner: IpNet, sizes: &Sizes) -> impl Iterator<Item = IndicatorValue> {
    let is_ipv4 = inner.addr().is_ipv4();
    let fitting = sizes.range((is_ipv4, 0)..=(is_ipv4, inner.prefix_len()));
    fitting
        .filter_map(move |(_, length)| IpNet::new(inner.addr(), *length).ok())
        .map(|network| IndicatorValue::Network(network.trunc()))
}

/// A name and those above it.
fn domains(name: &Name) -> impl Iterator<Item = IndicatorValue> {
    name.suffixes().map(|suffix| IndicatorValue::Domain(Name::from_text_form(suffix)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_covers_twice() {
        for (text, count) in
            [("evil.example", 2), ("203.0.113.0/24", 2), ("http://a.evil.example/gate.php", 5)]
        {
            let value = weir_intel::value::parse(text).unwrap();
            let all = covering(&value, &Sizes::from([(true, 24), (true, 16)]));
            assert!(all.iter().enumerate().all(|(place, one)| !all[..place].contains(one)), "{all:?}");
            assert_eq!(all.len(), count, "{all:?}");
        }
    }

    fn is_covered(indicator: &str, muted: &str) -> bool {
        let value = |text| weir_intel::value::parse(text).unwrap();
        let sizes = match value(muted) {
            IndicatorValue::Network(network) => {
                Sizes::from([(network.addr().is_ipv4(), network.prefix_len())])
            }
            _ => Sizes::new(),
        };
        covering(&value(indicator), &sizes).contains(&value(muted))
    }

    #[test]
    fn a_mute_covers_what_is_in_and_below_it() {
        for (indicator, muted) in [
            ("203.0.113.5", "203.0.113.5"),
            ("203.0.113.5:443", "203.0.113.5"),
            ("203.0.113.5", "203.0.113.0/24"),
            ("203.0.113.5:443", "203.0.113.0/24"),
            ("203.0.113.0/25", "203.0.113.0/24"),
            ("2001:db8::1", "2001:db8::/32"),
            ("http://203.0.113.5/gate.php", "203.0.113.5"),
            ("a.evil.example", "evil.example"),
            ("http://a.evil.example/gate.php", "evil.example"),
            ("http://evil.example/gate.php", "http://evil.example/gate.php"),
        ] {
            assert!(is_covered(indicator, muted), "{indicator} by {muted}");
        }
        for (indicator, muted) in [
            ("203.0.113.5", "203.0.113.5:443"),
            ("203.0.113.0/24", "203.0.113.5"),
            ("203.0.113.0/24", "203.0.113.0/25"),
            ("203.0.114.5", "203.0.113.0/24"),
            ("evil.example", "a.evil.example"),
            ("notevil.example", "evil.example"),
            ("evil.example", "http://evil.example/gate.php"),
        ] {
            assert!(!is_covered(indicator, muted), "{indicator} by {muted}");
        }
    }
}
