use super::*;
use proptest::prelude::*;
use weir_model::indicator::Url;
use weir_model::{Context, IndicatorValue};

fn name(text: &str) -> Name {
    Name::from_ascii(text.as_bytes()).unwrap()
}

fn context(source: &str, line: u32) -> Context {
    Context { source: source.into(), line: Some(line), ..Context::default() }
}

fn url(host: &str, port: Option<u16>, path: &str) -> IndicatorValue {
    IndicatorValue::Url(Url { host: name(host), port, path: path.into() })
}

fn set(values: impl IntoIterator<Item = IndicatorValue>) -> IndicatorSet {
    let mut builder = SetBuilder::new();
    for (value, line) in values.into_iter().zip(1..) {
        builder.add(Indicator { value, contexts: vec![context("list", line)] }).unwrap();
    }
    builder.build()
}

fn texts(set: &IndicatorSet, ids: impl IntoIterator<Item = IndicatorId>) -> Vec<String> {
    ids.into_iter().map(|id| set.get(id).unwrap().value.to_string()).collect()
}

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

#[test]
fn every_kind_comes_back_as_it_went_in() {
    let values = vec![
        IndicatorValue::Address(ip("192.0.2.1")),
        IndicatorValue::Address(ip("2001:db8::1")),
        IndicatorValue::AddressPort(ip("192.0.2.1"), 443),
        IndicatorValue::Network("192.0.2.0/24".parse().unwrap()),
        IndicatorValue::Network("2001:db8::/32".parse().unwrap()),
        IndicatorValue::Domain(name("evil.example")),
        IndicatorValue::Host(name("evil.example")),
        url("evil.example", Some(8080), "/a?b"),
        IndicatorValue::Ja4("t13d1516h2_8daaf6152771_e5627efa2ab1".into()),
        IndicatorValue::CertificateSha1([7; 20]),
        IndicatorValue::CertificateSha256([9; 32]),
    ];
    let set = set(values.clone());
    assert_eq!(set.len(), values.len());
    for (id, value) in set.ids().zip(&values) {
        let indicator = set.get(id).unwrap();
        assert_eq!(&indicator.value, value);
        assert_eq!(indicator.contexts, [context("list", id.0 + 1)]);
    }
    let kinds: Vec<u64> = set.kinds().map(|(_, count)| count).collect();
    assert_eq!(kinds, [2, 1, 2, 1, 1, 1, 1, 1, 1]);
    assert!(set.kinds().all(|(kind, _)| values.iter().any(|value| value.kind() == kind)));
    assert!(values.iter().all(|value| set.kinds().any(|(kind, count)| kind == value.kind() && count > 0)));
    assert!(set.get(IndicatorId(11)).is_none());
    assert!(SetBuilder::new().build().is_empty());
}

#[test]
fn several_sources_of_one_value_are_one_indicator() {
    let mut builder = SetBuilder::new();
    let mut add = |value, source: &str, line| {
        builder.add(Indicator { value, contexts: vec![context(source, line)] }).unwrap()
    };
    let first = add(IndicatorValue::Address(ip("192.0.2.1")), "a", 1);
    assert_eq!(add(IndicatorValue::Address(ip("::ffff:192.0.2.1")), "b", 2), first);
    assert_eq!(add(IndicatorValue::Network("192.0.2.1/32".parse().unwrap()), "c", 3), first);
    assert_eq!(add(IndicatorValue::Network("::ffff:192.0.2.1/128".parse().unwrap()), "a", 9), first);
    let net = add(IndicatorValue::Network("192.0.2.77/24".parse().unwrap()), "a", 4);
    assert_eq!(add(IndicatorValue::Network("::ffff:192.0.2.0/120".parse().unwrap()), "a", 4), net);
    let set = builder.build();
    assert_eq!(set.get(first).unwrap().contexts, [context("a", 1), context("b", 2), context("c", 3)]);
    assert_eq!(texts(&set, set.address(ip("::ffff:192.0.2.1"))), ["192.0.2.1", "192.0.2.0/24"]);
    assert_eq!(set.len(), 2);
}

#[test]
fn contexts_of_one_indicator_are_capped_and_counted() {
    let mut builder = SetBuilder::new();
    for number in 0..MAX_CONTEXTS_PER_INDICATOR + 3 {
        let contexts = vec![context(&format!("source {number}"), 1)];
        builder.add(Indicator { value: IndicatorValue::Address(ip("192.0.2.1")), contexts }).unwrap();
    }
    assert_eq!(builder.contexts_left_out(), 3);
    let set = builder.build();
    assert_eq!(set.get(set.ids().next().unwrap()).unwrap().contexts.len(), MAX_CONTEXTS_PER_INDICATOR);
}

#[test]
fn addresses_match_exactly_and_by_prefix() {
    let set = set([
        IndicatorValue::Address(ip("192.0.2.1")),
        IndicatorValue::Network("192.0.2.0/24".parse().unwrap()),
        IndicatorValue::Network("192.0.0.0/16".parse().unwrap()),
        IndicatorValue::AddressPort(ip("198.51.100.1"), 443),
        IndicatorValue::Network("2001:db8::/32".parse().unwrap()),
    ]);
    assert_eq!(texts(&set, set.address(ip("192.0.2.1"))), ["192.0.2.1", "192.0.2.0/24", "192.0.0.0/16"]);
    assert_eq!(texts(&set, set.address(ip("192.0.2.2"))), ["192.0.2.0/24", "192.0.0.0/16"]);
    assert_eq!(texts(&set, set.address(ip("192.1.0.0"))), [""; 0]);
    assert_eq!(texts(&set, set.address(ip("198.51.100.1"))), [""; 0]);
    assert_eq!(texts(&set, set.address_port(ip("198.51.100.1"), 443)), ["198.51.100.1:443"]);
    assert_eq!(texts(&set, set.address_port(ip("198.51.100.1"), 80)), [""; 0]);
    assert_eq!(texts(&set, set.address_port(ip("198.51.100.2"), 443)), [""; 0]);
    assert_eq!(texts(&set, set.address(ip("2001:db8:ffff::1"))), ["2001:db8::/32"]);
    assert_eq!(texts(&set, set.address(ip("2001:db9::1"))), [""; 0]);
}

#[test]
fn names_match_on_label_boundaries() {
    let set = set([
        IndicatorValue::Domain(name("evil.example")),
        IndicatorValue::Domain(name("b.evil.example")),
        IndicatorValue::Host(name("www.good.example")),
    ]);
    for (asked, expected) in [
        ("evil.example", vec!["evil.example"]),
        ("a.b.evil.example", vec!["b.evil.example", "evil.example"]),
        ("notevil.example", vec![]),
        ("evil.example.org", vec![]),
        ("example", vec![]),
        ("www.good.example", vec!["www.good.example"]),
        ("a.www.good.example", vec![]),
        ("good.example", vec![]),
    ] {
        assert_eq!(texts(&set, set.name(&name(asked))), expected, "{asked}");
    }
}

#[test]
fn urls_match_whole() {
    let set = set([
        url("evil.example", None, "/a/b%2f?x=1"),
        url("evil.example", Some(8080), "/p"),
        url("root.example", Some(443), ""),
        url("[2001:db8::1]", None, "/v6"),
    ]);
    assert!(set.url("evil.example", None, "/a/b%2F?x=1").is_some());
    assert!(set.url("evil.example", Some(80), "/a/b%2f?x=1").is_some());
    assert!(set.url("evil.example", Some(443), "/a/b%2f?x=1#f").is_some());
    assert!(set.url("root.example", None, "/").is_some());
    assert!(set.url("2001:db8::1", None, "/v6").is_some());
    assert!(set.url("evil.example", Some(8080), "/p").is_some());
    for (host, port, path) in [
        ("evil.example", None, "/a/b%2f"),
        ("evil.example", None, "/a/"),
        ("evil.example", None, "/"),
        ("evil.example", Some(8080), "/a/b%2f?x=1"),
        ("www.evil.example", None, "/a/b%2f?x=1"),
        ("evil.example", None, "/A/b%2f?x=1"),
        ("evil.example", None, "/p"),
        ("root.example", None, "/x"),
    ] {
        assert_eq!(set.url(host, port, path), None, "{host} {port:?} {path}");
    }
    assert_eq!(set.name(&name("evil.example")).count(), 0, "never weakened to its host");
}

#[test]
fn fingerprints_match_whole() {
    let set = set([
        IndicatorValue::Ja4("t13d1516h2_8daaf6152771_e5627efa2ab1".into()),
        IndicatorValue::CertificateSha1([1; 20]),
        IndicatorValue::CertificateSha256([2; 32]),
    ]);
    assert!(set.ja4("t13d1516h2_8daaf6152771_e5627efa2ab1").is_some());
    assert!(set.ja4("t13d1516h2_8daaf6152771_e5627efa2ab2").is_none());
    assert_eq!(set.certificate(&[1; 20], &[2; 32]).count(), 2);
    assert_eq!(set.certificate(&[1; 20], &[0; 32]).count(), 1);
    assert_eq!(set.certificate(&[2; 20], &[1; 32]).count(), 0);
}

#[test]
fn a_million_indicators_are_compact() {
    let count = 100_000;
    let set = set((0..count).map(|number: u32| match number % 3 {
        0 => IndicatorValue::Address(IpAddr::V4(number.wrapping_mul(2_654_435_761).into())),
        _ => IndicatorValue::Domain(name(&format!("host{number}.some-bad-domain.example"))),
    }));
    let each = set.memory_bytes() / set.len();
    assert!(each < 100, "{each} bytes each");
}

proptest! {
    #[test]
    fn domains_agree_with_comparing_every_one(
        domains in proptest::collection::btree_set("[ab]{1,2}(\\.[ab]{1,2}){0,3}", 0..30),
        asked in proptest::collection::vec("[ab]{1,2}(\\.[ab]{1,2}){0,4}", 1..20),
    ) {
        let set = set(domains.iter().map(|domain| IndicatorValue::Domain(name(domain))));
        for asked in asked {
            let asked = name(&asked);
            let mut slow: Vec<&String> = domains.iter().filter(|domain| asked.is_within(&name(domain))).collect();
            slow.sort_by_key(|domain| std::cmp::Reverse(domain.len()));
            let fast = texts(&set, set.name(&asked));
            prop_assert_eq!(fast.iter().collect::<Vec<_>>(), slow);
        }
    }

    #[test]
    fn urls_take_any_text(host in ".{0,30}", port: Option<u16>, path in ".{0,40}") {
        let value = IndicatorValue::Url(Url { host: Name::from_text_form(&host), port, path: path.as_str().into() });
        let set = set([value]);
        prop_assert!(set.url(&host, port, &path).is_some());
        prop_assert!(set.url(&host, Some(port.map_or(81, |port| port ^ 2)), &path).is_none());
    }
}
