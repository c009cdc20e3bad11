//! Which of several indicators on one flow rings.

use std::cmp::Reverse;
use weir_model::IndicatorValue;

/// Orders indicators, the most specific first.
///
/// URL, host, domain (longest first), address:port, certificate (SHA-256, SHA-1), address, network (longest prefix first),
/// JA4, JA3. Names come before address:port because a look-up can only meet the name: so the look-up and the connection after it
/// ring for the same indicator and make one incident. Fingerprints of clients come last, because many programs share one. What is left
/// equal is ordered by its text, so that the order is total.
pub(crate) fn order(value: &IndicatorValue) -> (u8, Reverse<usize>, String) {
    let (class, length) = match value {
        IndicatorValue::Url(_) => (0, 0),
        IndicatorValue::Host(_) => (1, 0),
        IndicatorValue::Domain(name) => (2, name.as_str().len()),
        IndicatorValue::AddressPort(..) => (3, 0),
        IndicatorValue::CertificateSha256(_) => (4, 0),
        IndicatorValue::CertificateSha1(_) => (5, 0),
        IndicatorValue::Address(_) => (6, 0),
        IndicatorValue::Network(net) => (7, usize::from(net.prefix_len())),
        IndicatorValue::Ja4(_) => (8, 0),
        IndicatorValue::Ja3(_) => (9, 0),
    };
    (class, Reverse(length), value.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::name;
    use weir_model::indicator::Url;

    #[test]
    fn most_specific_first() {
        let ip = "192.0.2.1".parse().unwrap();
        let ordered = [
            IndicatorValue::Url(Url { host: name("evil.example"), port: None, path: "/".into() }),
            IndicatorValue::Host(name("evil.example")),
            IndicatorValue::Domain(name("evil.example")),
            IndicatorValue::Domain(name("example")),
            IndicatorValue::AddressPort(ip, 80),
            IndicatorValue::CertificateSha256([0; 32]),
            IndicatorValue::CertificateSha1([0; 20]),
            IndicatorValue::Address(ip),
            IndicatorValue::Address("192.0.2.2".parse().unwrap()),
            IndicatorValue::Network("192.0.2.0/24".parse().unwrap()),
            IndicatorValue::Network("192.0.0.0/16".parse().unwrap()),
            IndicatorValue::Ja4("t13d".into()),
            IndicatorValue::Ja3([0; 16]),
        ];
        assert!(ordered.windows(2).all(|pair| order(&pair[0]) < order(&pair[1])));
    }
}
