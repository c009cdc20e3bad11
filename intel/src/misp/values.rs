//! Types of MISP attributes: which of them a sensor sees, and what their values are.

use crate::RefusalReason;
use crate::columns::{self, Kind};
use crate::value::{self, Hint};
use weir_model::IndicatorValue;
use weir_model::indicator::Side;

type Value = Result<IndicatorValue, RefusalReason>;

/// The values of an attribute, mostly one.
pub(crate) fn of(kind: &str, text: &str) -> Vec<Value> {
    match kind {
        "ip-src" | "ip-dst" | "ip" => vec![value::parse_as(text, Hint::Address)],
        "ip-src|port" | "ip-dst|port" => vec![address_and_port(text)],
        "hostname" => vec![value::parse_as(text, Hint::Host)],
        "url" | "uri" => vec![value::parse_as(text, Hint::Url)],
        "domain|ip" => domain_and_address(text),
        // A name is met where no port is known.
        "hostname|port" => vec![Err(RefusalReason::NameWithPort)],
        "domain" | "x509-fingerprint-sha1" | "x509-fingerprint-sha256" => vec![value::parse(text)],
        "ja3-fingerprint-md5" => vec![value::parse_as(text, Hint::Ja3)],
        _ if kind.starts_with("ja4") => vec![ja4(text)],
        _ => vec![Err(unseen(kind))],
    }
}

/// MISP says of addresses from where to where the attacker used them.
pub(super) fn side(kind: &str) -> Option<Side> {
    match kind {
        "ip-src" | "ip-src|port" => Some(Side::Source),
        "ip-dst" | "ip-dst|port" => Some(Side::Destination),
        _ => None,
    }
}

/// `192.0.2.1|443`, `2001:db8::1|443`; older events have `:`.
fn address_and_port(text: &str) -> Value {
    let joined = match text.split_once('|') {
        Some((address, port)) if address.contains("::") || address.matches(':').count() > 1 => {
            format!("[{address}]:{port}")
        }
        Some((address, port)) => format!("{address}:{port}"),
        None => text.to_owned(),
    };
    match value::parse_as(&joined, Hint::Address)? {
        value @ IndicatorValue::AddressPort(..) => Ok(value),
        _ => Err(RefusalReason::BadPort),
    }
}

/// `evil.example|192.0.2.1`: MISP's own exports for intrusion detection make a rule of each.
fn domain_and_address(text: &str) -> Vec<Value> {
    match text.split_once('|') {
        Some((domain, address)) => vec![value::parse(domain), value::parse_as(address, Hint::Address)],
        None => vec![value::parse(text)],
    }
}

fn ja4(text: &str) -> Value {
    match value::parse(text)? {
        value @ IndicatorValue::Ja4(_) => Ok(value),
        _ => Err(RefusalReason::UnsupportedType),
    }
}

fn unseen(kind: &str) -> RefusalReason {
    match columns::kind(kind) {
        Kind::Refused(reason) => reason,
        _ if kind.contains("email") || kind == "eppn" => RefusalReason::Email,
        _ if kind == "malware-sample" => RefusalReason::FileHash,
        _ => RefusalReason::UnsupportedType,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use RefusalReason as R;

    fn shown(kind: &str, text: &str) -> String {
        let show = |value: &Value| match value {
            Ok(value) => format!("{} {value}", value.kind()),
            Err(reason) => format!("!{reason}"),
        };
        of(kind, text).iter().map(show).collect::<Vec<_>>().join(", ")
    }

    #[test]
    fn types_are_taken_apart() {
        for (kind, text, expected) in [
            ("ip-dst", "192.0.2.1", "address 192.0.2.1"),
            ("ip-src", "198.51.100.0/24", "network 198.51.100.0/24"),
            ("ip-dst|port", "192.0.2.1|443", "address_port 192.0.2.1:443"),
            ("ip-src|port", "2001:db8::1|443", "address_port [2001:db8::1]:443"),
            ("ip-dst|port", "192.0.2.1:443", "address_port 192.0.2.1:443"),
            ("ip-dst|port", "192.0.2.1|0", "!bad_port"),
            ("ip-dst|port", "192.0.2.1", "!bad_port"),
            ("domain", "evil.example", "domain evil.example"),
            ("hostname", "www.evil.example", "host www.evil.example"),
            ("hostname|port", "www.evil.example|443", "!name_with_port"),
            ("domain|ip", "evil.example|192.0.2.1", "domain evil.example, address 192.0.2.1"),
            ("url", "http://evil.example/a", "url evil.example/a"),
            ("uri", "/a.php", "!not_an_indicator"),
            (
                "ja3-fingerprint-md5",
                "E7D705A3286E19EA42F587B344EE6865",
                "ja3 e7d705a3286e19ea42f587b344ee6865",
            ),
            ("ja3-fingerprint-md5", "771,4865", "!not_an_indicator"),
            ("ip-dst", "evil.example", "!bad_address"),
        ] {
            assert_eq!(shown(kind, text), expected, "{kind} {text}");
        }
    }

    #[test]
    fn what_is_not_seen_is_refused_by_its_type() {
        for (kind, reason) in [
            ("filename|sha256", R::FileHash),
            ("md5", R::FileHash),
            ("imphash", R::FileHash),
            ("malware-sample", R::FileHash),
            ("x509-fingerprint-md5", R::FileHash),
            ("jarm-fingerprint", R::UnsupportedType),
            ("hassh-md5", R::UnsupportedType),
            ("email-src", R::Email),
            ("whois-registrant-email", R::Email),
            ("link", R::UnsupportedType),
            ("text", R::UnsupportedType),
            ("comment", R::UnsupportedType),
            ("user-agent", R::UnsupportedType),
            ("AS", R::UnsupportedType),
            ("mac-address", R::UnsupportedType),
        ] {
            assert_eq!(of(kind, "0123456789abcdef0123456789abcdef"), [Err(reason)], "{kind}");
        }
    }
}
