use super::*;
use proptest::prelude::*;
use weir_model::Context;
use weir_model::indicator::{Effect, Url, Warning};

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
        builder.add(Indicator::new(value, vec![context("list", line)])).unwrap();
    }
    builder.build()
}

/// The same, written and read.
fn reread(set: &IndicatorSet) -> IndicatorSet {
    let mut bytes = Vec::new();
    set.write_snapshot(b"", &mut bytes).unwrap();
    IndicatorSet::from_snapshot(bytes).unwrap().set
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
        IndicatorValue::Ja3([5; 16]),
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
    assert_eq!(kinds, [2, 1, 2, 1, 1, 1, 1, 1, 1, 1]);
    assert!(set.kinds().all(|(kind, _)| values.iter().any(|value| value.kind() == kind)));
    assert!(values.iter().all(|value| set.kinds().any(|(kind, count)| kind == value.kind() && count > 0)));
    assert!(set.get(IndicatorId(12)).is_none());
    assert!(SetBuilder::new().build().is_empty());
}

#[test]
fn several_sources_of_one_value_are_one_indicator() {
    let mut builder = SetBuilder::new();
    let mut add = |value, source: &str, line| {
        builder.add(Indicator::new(value, vec![context(source, line)])).unwrap().id
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
        builder.add(Indicator::new(IndicatorValue::Address(ip("192.0.2.1")), contexts)).unwrap();
    }
    assert_eq!(builder.contexts_left_out(), 3);
    let set = builder.build();
    assert_eq!(set.get(set.ids().next().unwrap()).unwrap().contexts.len(), MAX_CONTEXTS_PER_INDICATOR);
}

#[test]
fn warnings_of_an_indicator_come_back() {
    let warning = Warning { list: "List of known CDN".into(), effect: Effect::Shared };
    let mut builder = SetBuilder::new();
    let value = IndicatorValue::Address(ip("192.0.2.1"));
    let warned = Indicator { warnings: [warning.clone()].into(), ..Indicator::new(value.clone(), vec![]) };
    let id = builder.add(warned).unwrap().id;
    assert_eq!(builder.add(Indicator::new(value, vec![context("a", 1)])).unwrap().id, id);
    let other = builder.add(Indicator::new(IndicatorValue::Domain(name("evil.example")), vec![])).unwrap();
    let set = builder.build();
    assert_eq!(*set.get(id).unwrap().warnings, [warning]);
    assert_eq!(set.get(id).unwrap().contexts, [context("a", 1)]);
    assert!(set.get(other.id).unwrap().warnings.is_empty());
}

#[test]
fn a_value_is_found_as_it_is_and_in_other_spellings() {
    let set = set([
        IndicatorValue::Domain(name("evil.example")),
        IndicatorValue::Network("192.0.2.0/24".parse().unwrap()),
        url("evil.example", Some(443), ""),
    ]);
    let find = |value| set.find_value(&value).map(|id| id.0);
    assert_eq!(find(IndicatorValue::Domain(name("evil.example"))), Some(0));
    assert_eq!(find(IndicatorValue::Network("::ffff:192.0.2.7/120".parse().unwrap())), Some(1));
    assert_eq!(find(url("evil.example", None, "/")), Some(2));
    assert_eq!(find(IndicatorValue::Host(name("evil.example"))), None);
    assert_eq!(find(IndicatorValue::Domain(name("a.evil.example"))), None);
    assert_eq!(find(IndicatorValue::Address(ip("192.0.2.7"))), None);
    assert!(set.iter().map(|(id, _)| id).eq(set.ids()));
}

#[test]
fn a_difference_is_what_only_the_newer_set_has() {
    let domain = |text| IndicatorValue::Domain(name(text));
    let network = IndicatorValue::Network("198.51.100.0/24".parse().unwrap());
    let older = set([domain("a.example"), domain("b.example"), IndicatorValue::Address(ip("192.0.2.1"))]);
    let newer = set([domain("b.example"), domain("c.example"), network.clone()]);
    let difference = newer.without(&older);
    assert!(difference.ids().all(|id| difference.get(id) == newer.get(id)), "the same identifiers");
    for only in [&difference, &reread(&difference)] {
        assert_eq!(texts(only, only.ids()), ["c.example", "198.51.100.0/24"]);
        assert_eq!((only.len(), only.kinds().map(|(_, count)| count).sum()), (2, 2));
        assert!(only.find_value(&network).is_some() && only.name(&name("b.example")).next().is_none());
        assert!(only.find_value(&domain("b.example")).is_none());
        assert_eq!(texts(only, only.address(ip("198.51.100.7"))), ["198.51.100.0/24"]);
    }
    assert!(difference.get(newer.find_value(&domain("b.example")).unwrap()).is_none());
    assert!(newer.without(&newer).is_empty());
    assert_eq!(newer.without(&difference).len(), 1, "a difference may be the older one");
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
fn contexts_of_many_sources_come_back_in_the_order_added() {
    let values = (0..50_u32).map(|number| IndicatorValue::Address(IpAddr::V4(number.into())));
    let values: Vec<IndicatorValue> = values.collect();
    let mut builder = SetBuilder::new();
    for round in 0..5 {
        for (value, number) in values.iter().zip(0_u32..) {
            if number % 5 >= round {
                let said = context(&format!("source {round}"), number * round);
                builder.add(Indicator::new(value.clone(), vec![said.clone(), said])).unwrap();
            }
        }
    }
    let built = builder.build();
    for set in [&built, &reread(&built)] {
        for (id, number) in set.ids().zip(0_u32..) {
            let line = |round| Some(number * round).filter(|line| *line > 0);
            let expected: Vec<Context> = (0..=number % 5)
                .map(|round| Context { line: line(round), ..context(&format!("source {round}"), 0) })
                .collect();
            assert_eq!(set.get(id).unwrap().contexts, expected);
        }
    }
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
    assert!(each < 60, "{each} bytes each");
}

#[test]
fn a_full_set_says_so_and_still_knows_what_it_has() {
    let mut builder = SetBuilder::with_limit(1);
    let address = |text| IndicatorValue::Address(ip(text));
    let mut add = |text, context| builder.add(Indicator::new(address(text), vec![context]));
    let first = add("192.0.2.1", context("a", 1)).unwrap();
    assert!(first.is_new);
    assert_eq!(add("192.0.2.2", context("a", 2)), Err(SetFull));
    let again = add("192.0.2.1", context("b", 3)).unwrap();
    assert_eq!(again, Added { id: first.id, is_new: false });
    assert_eq!(builder.build().get(first.id).unwrap().contexts.len(), 2);
}

/// Names of one label, with an empty label, or that are the root never come from a list; they must still not confuse the others.
#[test]
fn odd_names_match_as_they_are() {
    let odd = |labels: &[&str]| Name::from_labels(labels.iter().map(|label| label.as_bytes())).unwrap();
    let values = [odd(&["example"]), odd(&["a", "", "b"]), odd(&["c", ""])].map(IndicatorValue::Domain);
    let set = set(values
        .into_iter()
        .chain([IndicatorValue::Domain(odd(&[])), IndicatorValue::Host(odd(&["host"]))]));
    for (asked, expected) in [
        (odd(&["x", "example"]), vec!["example"]),
        (odd(&["x", "y", "example"]), vec!["example"]),
        (odd(&["x", "a", "", "b"]), vec!["a..b"]),
        (odd(&["x", "c", ""]), vec!["c."]),
        (odd(&["host"]), vec!["host"]),
        (odd(&["x", "host"]), vec![]),
        (odd(&[]), vec![]),
    ] {
        assert_eq!(texts(&set, set.name(&asked)), expected, "{asked}");
    }
}

/// What [`IndicatorSet::addresses`] and [`IndicatorSet::names`] find, by position.
fn batched(asked: usize, ask: impl FnOnce(&mut dyn FnMut(usize, IndicatorId))) -> Vec<Vec<IndicatorId>> {
    let (mut found, mut last) = (vec![Vec::new(); asked], 0);
    ask(&mut |position, id| {
        assert!(position >= last, "in the order of the questions");
        last = position;
        found[position].push(id);
    });
    found
}

/// Addresses and prefixes from a corner so small that they often meet.
fn value_of_address() -> impl Strategy<Value = IndicatorValue> {
    let v4 = (0u32..80).prop_map(|low| IpAddr::V4((0xc000_0200 + low).into()));
    let v6 = (0u128..80).prop_map(|low| IpAddr::V6(((0x2001_0db8 << 96) + low).into()));
    let mapped =
        (0u32..80).prop_map(|low| IpAddr::V6(std::net::Ipv4Addr::from(0xc000_0200 + low).to_ipv6_mapped()));
    (prop_oneof![v4, v6, mapped], 0u8..=8, 0u8..3).prop_map(|(ip, bits, kind)| match kind {
        0 => IndicatorValue::Address(ip),
        1 => IndicatorValue::AddressPort(ip, u16::from(bits)),
        _ => {
            let longest = if ip.is_ipv4() { 32 } else { 128 };
            IndicatorValue::Network(ipnet::IpNet::new(ip, longest - bits).unwrap())
        }
    })
}

proptest! {
    #[test]
    fn addresses_agree_with_comparing_every_one(
        values in proptest::collection::vec(value_of_address(), 0..40),
        asked in proptest::collection::vec((value_of_address(), 0u16..9), 0..150),
    ) {
        let built = set(values);
        let asked: Vec<(IpAddr, u16)> = asked.into_iter().map(|(value, port)| match value {
            IndicatorValue::Address(ip) | IndicatorValue::AddressPort(ip, _) => (ip, port),
            IndicatorValue::Network(net) => (net.addr(), port),
            other => unreachable!("{other}"),
        }).collect();
        let ips: Vec<IpAddr> = asked.iter().map(|(ip, _)| *ip).collect();
        for set in [&built, &reread(&built)] {
        let found = batched(ips.len(), |found| set.addresses(&ips, found));
        for ((ip, port), batched) in asked.iter().zip(found) {
            let canonical = ip.to_canonical();
            let mut slow: Vec<(u8, IndicatorId)> = set.ids().filter_map(|id| match set.get(id)?.value {
                IndicatorValue::Address(other) if other == canonical => Some((u8::MAX, id)),
                IndicatorValue::Network(net) if net.contains(&canonical) => Some((net.prefix_len(), id)),
                _ => None,
            }).collect();
            slow.sort_by_key(|(len, _)| std::cmp::Reverse(*len));
            let slow: Vec<IndicatorId> = slow.into_iter().map(|(_, id)| id).collect();
            prop_assert_eq!(&set.address(*ip).collect::<Vec<_>>(), &slow, "{}", ip);
            prop_assert_eq!(batched, slow, "{}", ip);
            let at_port = IndicatorValue::AddressPort(canonical, *port);
            let slow = set.ids().find(|id| set.get(*id).unwrap().value == at_port);
            prop_assert_eq!(set.address_port(*ip, *port), slow, "{} {}", ip, port);
        }
        }
    }

    #[test]
    fn names_agree_with_comparing_every_one(
        domains in proptest::collection::btree_set("[ab]{1,2}(\\.[ab]{1,9}){0,3}", 0..30),
        hosts in proptest::collection::btree_set("[ab]{1,2}(\\.[ab]{1,2}){0,3}", 0..10),
        asked in proptest::collection::vec("[ab]{1,2}(\\.[ab]{1,9}){0,4}", 0..150),
    ) {
        let as_domains = domains.iter().map(|domain| IndicatorValue::Domain(name(domain)));
        let as_hosts = hosts.iter().map(|host| IndicatorValue::Host(name(host)));
        let built = set(as_domains.chain(as_hosts));
        let asked: Vec<Name> = domains.iter().chain(&hosts).chain(&asked).map(|text| name(text)).collect();
        for set in [&built, &reread(&built)] {
        let found = batched(asked.len(), |found| set.names(&asked, found));
        for (asked, batched) in asked.iter().zip(found) {
            let mut slow: Vec<&String> = domains.iter().filter(|domain| asked.is_within(&name(domain))).collect();
            slow.sort_by_key(|domain| std::cmp::Reverse(domain.len()));
            let slow: Vec<&String> = hosts.get(asked.as_str()).into_iter().chain(slow).collect();
            let fast = texts(set, set.name(asked));
            prop_assert_eq!(fast.iter().collect::<Vec<_>>(), slow);
            prop_assert_eq!(batched, set.name(asked).collect::<Vec<_>>());
        }
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
