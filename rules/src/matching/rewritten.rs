//! Answers that look rewritten by a resolver's policy: response policy zones, protective DNS, sinkholes.

use std::net::{IpAddr, Ipv6Addr};
use weir_model::Name;
use weir_model::alert::Rewritten;
use weir_model::observation::{DnsData, DnsMessage};

/// Extended DNS errors that own up to it (RFC 8914): forged answer, blocked, censored, filtered, prohibited.
const DECLARING_ERRORS: [u16; 5] = [4, 15, 16, 17, 18];

/// Names that are not public, whose addresses may well be private: RFC 6761, RFC 6762, RFC 8375, ICANN's `internal` and what is
/// in wide use.
const LOCAL_DOMAINS: [&str; 15] = [
    "localhost",
    "local",
    "home.arpa",
    "internal",
    "test",
    "invalid",
    "lan",
    "home",
    "corp",
    "intranet",
    "private",
    "localdomain",
    "mail",
    "in-addr.arpa",
    "ip6.arpa",
];

/// Parts of labels by which operators of policies name what they answer with.
const POLICY_WORDS: [&str; 7] =
    ["sinkhole", "walledgarden", "walled-garden", "blockpage", "block-page", "blocked", "rpz-"];

/// Why the answer to a question for `name` looks rewritten: what it declares counts more than what it holds.
pub(super) fn why(name: &Name, message: &DnsMessage) -> Option<Rewritten> {
    if !message.is_response {
        return None;
    }
    let error = message.edns.as_ref().and_then(|edns| edns.extended_error);
    let declared = error.filter(|code| DECLARING_ERRORS.contains(code)).map(Rewritten::Declared);
    declared.or_else(|| policy_alias(message)).or_else(|| local_address(name, message))
}

fn policy_alias(message: &DnsMessage) -> Option<Rewritten> {
    let is_policy = |data: &DnsData| matches!(data, DnsData::Cname(target) if is_policy_name(target));
    message.answers.iter().any(|record| is_policy(&record.data)).then_some(Rewritten::PolicyAlias)
}

/// Policy zones answer with an alias to the root (no such name), to `*` (no data), or to a landing page's name.
fn is_policy_name(target: &Name) -> bool {
    let is_policy_label =
        |label: &str| label == "rpz" || POLICY_WORDS.iter().any(|word| label.contains(word));
    target.is_root() || target.as_str() == "*" || target.as_str().split('.').any(is_policy_label)
}

fn local_address(name: &Name, message: &DnsMessage) -> Option<Rewritten> {
    if !is_public(name) {
        return None;
    }
    let addresses = message.answers.iter().filter_map(|record| record.data.address());
    addresses.into_iter().find(|ip| is_local(*ip)).map(Rewritten::LocalAddress)
}

fn is_public(name: &Name) -> bool {
    name.as_str().contains('.') && !name.suffixes().any(|suffix| LOCAL_DOMAINS.contains(&suffix))
}

fn is_local(ip: IpAddr) -> bool {
    match ip.to_canonical() {
        IpAddr::V4(v4) => v4.is_loopback() || v4.octets()[0] == 0 || v4.is_private() || v4.is_link_local(),
        IpAddr::V6(v6) => {
            let v6: Ipv6Addr = v6;
            v6.is_loopback() || v6.is_unspecified() || v6.is_unique_local() || v6.is_unicast_link_local()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use weir_model::observation::{DnsRecord, Edns};

    fn name(text: &str) -> Name {
        Name::from_ascii(text.as_bytes()).unwrap()
    }

    fn answer(data: DnsData) -> DnsMessage {
        let record = DnsRecord { name: name("evil.example"), rtype: 1, class: 1, ttl: 60, data };
        DnsMessage { is_response: true, answers: vec![record], ..DnsMessage::default() }
    }

    fn address(text: &str) -> DnsData {
        match text.parse().unwrap() {
            IpAddr::V4(ip) => DnsData::A(ip),
            IpAddr::V6(ip) => DnsData::Aaaa(ip),
        }
    }

    #[test]
    fn local_addresses_of_public_names_are_rewritten() {
        for local in ["127.0.0.1", "0.0.0.0", "10.1.2.3", "169.254.0.1", "::1", "::", "fd00::1", "fe80::1"] {
            let expected = Some(Rewritten::LocalAddress(local.parse().unwrap()));
            assert_eq!(why(&name("evil.example"), &answer(address(local))), expected);
            for not_public in ["printer", "nas.home.arpa", "db.corp.internal", "localhost"] {
                assert_eq!(why(&name(not_public), &answer(address(local))), None, "{not_public}");
            }
        }
        for public in ["192.0.2.1", "100.0.0.1", "2001:db8::1"] {
            assert_eq!(why(&name("evil.example"), &answer(address(public))), None);
        }
    }

    #[test]
    fn policy_aliases_are_rewritten() {
        for (target, expected) in [
            ("rpz.resolver.example", true),
            ("sinkhole.vendor.example", true),
            ("landing.walled-garden.example", true),
            ("www.trpzx.example", false),
            ("cdn.example", false),
        ] {
            let got = why(&name("evil.example"), &answer(DnsData::Cname(name(target))));
            assert_eq!(got, expected.then_some(Rewritten::PolicyAlias), "{target}");
        }
        let root = DnsData::Cname(Name::from_labels([]).unwrap());
        assert_eq!(why(&name("evil.example"), &answer(root)), Some(Rewritten::PolicyAlias));
    }

    #[test]
    fn declared_errors_count_most() {
        let mut message = answer(address("127.0.0.1"));
        for (code, declared) in
            [(4, true), (15, true), (16, true), (17, true), (18, true), (6, false), (22, false)]
        {
            message.edns = Some(Edns { extended_error: Some(code), ..Edns::default() });
            let got = why(&name("evil.example"), &message);
            assert_eq!(got == Some(Rewritten::Declared(code)), declared, "{code}");
        }
        message.is_response = false;
        assert_eq!(why(&name("evil.example"), &message), None);
    }
}
