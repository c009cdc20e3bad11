//! The types of MISP attributes that values have and that lists are for.

use weir_model::indicator::Side;
use weir_model::{Context, IndicatorValue, Warninglist};

/// Some of the types that are seen on the wire.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Types(u16);

/// In the order of their bits. `domain|ip` is missing, because its parts are values of their own, for which every list that is about
/// them has the type of the part, too.
const KEYWORDS: [&str; 12] = [
    "ip-src",
    "ip-dst",
    "ip-src|port",
    "ip-dst|port",
    "domain",
    "hostname",
    "url",
    "uri",
    "x509-fingerprint-sha1",
    "x509-fingerprint-sha256",
    "ja3-fingerprint-md5",
    "ja4",
];

impl Types {
    const NONE: Self = Self(0);

    /// Those that a list is for: all if it names none or `ALL`, as in MISP.
    pub(super) fn of_list(list: &Warninglist) -> Self {
        if list.attributes.is_empty() || list.attributes.iter().any(|attribute| &**attribute == "ALL") {
            return Self(u16::MAX);
        }
        list.attributes.iter().map(|attribute| Self::named(attribute)).fold(Self::NONE, Self::union)
    }

    /// Those that a value may have: one that no source has on a side is on both.
    pub(super) fn of_value(value: &IndicatorValue, contexts: &[Context]) -> Self {
        let both = |source: &str, destination: &str| match sides(contexts) {
            (true, false) => Self::named(source),
            (false, true) => Self::named(destination),
            _ => Self::named(source).union(Self::named(destination)),
        };
        match value {
            IndicatorValue::Address(_) | IndicatorValue::Network(_) => both("ip-src", "ip-dst"),
            IndicatorValue::AddressPort(..) => both("ip-src|port", "ip-dst|port"),
            IndicatorValue::Domain(_) | IndicatorValue::Host(_) => {
                Self::named("domain").union(Self::named("hostname"))
            }
            IndicatorValue::Url(_) => Self::named("url").union(Self::named("uri")),
            IndicatorValue::Ja3(_) => Self::named("ja3-fingerprint-md5"),
            IndicatorValue::Ja4(_) => Self::named("ja4"),
            IndicatorValue::CertificateSha1(_) => Self::named("x509-fingerprint-sha1"),
            IndicatorValue::CertificateSha256(_) => Self::named("x509-fingerprint-sha256"),
        }
    }

    fn named(keyword: &str) -> Self {
        let bit = KEYWORDS.iter().position(|known| *known == keyword);
        bit.map_or(Self::NONE, |bit| Self(1 << bit))
    }

    pub(super) fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub(super) fn meets(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }
}

/// Whether sources have it on the source's side, and on the destination's.
fn sides(contexts: &[Context]) -> (bool, bool) {
    let mut sides = (false, false);
    for context in contexts {
        match context.further.as_ref().and_then(|further| further.side) {
            Some(Side::Source) => sides.0 = true,
            Some(Side::Destination) => sides.1 = true,
            None => return (true, true),
        }
    }
    sides
}
