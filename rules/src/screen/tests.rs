use super::*;
use crate::testing::name;
use std::sync::Arc;
use weir_model::indicator::{Further, Side, Url};
use weir_model::warninglist::Comparison;
use weir_model::{Context, IndicatorValue};

fn shipped(home: &[&str]) -> Screen {
    let home = home.iter().map(|net| net.parse().unwrap()).collect();
    let (screen, bad) = Screen::new(Screening { home, ..Screening::shipped() });
    assert_eq!(bad, []);
    screen
}

fn list(key: &str, comparison: Comparison, attributes: &[&str], entries: &[&str]) -> Warninglist {
    Warninglist {
        key: key.into(),
        name: format!("List of {key}").into(),
        comparison,
        attributes: attributes.iter().map(|attribute| Arc::from(*attribute)).collect(),
        entries: entries.iter().map(|entry| Box::from(*entry)).collect(),
    }
}

/// A screen of these lists alone, with what they do.
fn screen(lists: &[(Warninglist, Action)]) -> Screen {
    let mut actions = Actions::default();
    for (list, action) in lists {
        actions.set(&list.key, *action);
    }
    let lists = lists.iter().map(|(list, _)| list.clone()).collect();
    let (screen, bad) = Screen::new(Screening { lists, actions, ..Screening::shipped() });
    assert_eq!(bad, []);
    screen
}

fn address(text: &str) -> IndicatorValue {
    IndicatorValue::Address(text.parse().unwrap())
}

fn network(text: &str) -> IndicatorValue {
    IndicatorValue::Network(text.parse().unwrap())
}

fn domain(text: &str) -> IndicatorValue {
    IndicatorValue::Domain(name(text))
}

fn host(text: &str) -> IndicatorValue {
    IndicatorValue::Host(name(text))
}

fn url(host: &str, path: &str) -> IndicatorValue {
    IndicatorValue::Url(Url { host: name(host), port: None, path: path.into() })
}

fn taken() -> Verdict {
    Verdict::Take { narrowed: None, warnings: Arc::default() }
}

/// The effects of a value that is taken.
fn effects(screen: &Screen, value: &IndicatorValue) -> Vec<Effect> {
    match screen.judge(value, &[]) {
        Verdict::Take { warnings, .. } => warnings.iter().map(|warning| warning.effect).collect(),
        other => panic!("{value}: {other:?}"),
    }
}

fn is_suppressed(screen: &Screen, value: &IndicatorValue) -> bool {
    matches!(screen.judge(value, &[]), Verdict::Suppress(_))
}

#[test]
fn what_feeds_hold_by_mistake_does_not_ring_on_the_first_day() {
    let screen = shipped(&["198.51.100.0/24", "10.0.0.0/8"]);
    for value in [
        address("8.8.8.8"),
        address("1.1.1.1"),
        address("2001:4860:4860::8888"),
        address("::ffff:808:808"),
        IndicatorValue::AddressPort("8.8.8.8".parse().unwrap(), 443),
        address("10.1.2.3"),
        network("192.168.0.0/16"),
        address("224.0.0.1"),
        address("169.254.169.254"),
        address("100.64.0.1"),
        address("fe80::1"),
        domain("t.co"),
        host("t.co"),
        host("www.bit.ly"),
        domain("16.172.in-addr.arpa"),
        url("t.co", "/"),
    ] {
        assert!(is_suppressed(&screen, &value), "{value}: {:?}", screen.judge(&value, &[]));
    }
    for value in [domain("co.uk"), host("co.uk"), domain("com"), domain("xn--p1ai")] {
        assert_eq!(screen.judge(&value, &[]), Verdict::Refuse(Refused::PublicSuffix), "{value}");
    }
    // A Cloudflare edge.
    assert_eq!(effects(&screen, &address("104.16.1.1")), [Effect::Shared]);
    assert_eq!(
        effects(&screen, &address("104.155.11.149")),
        [Effect::Lower, Effect::Raise],
        "a cloud's, and a sinkhole"
    );
    let home = Verdict::Inside("198.51.100.0/24".parse().unwrap());
    for value in [address("198.51.100.7"), network("198.51.0.0/16"), url("198.51.100.7", "/x.exe")] {
        assert_eq!(screen.judge(&value, &[]), home, "{value}");
    }
}

#[test]
fn what_is_bad_is_taken_as_it_is() {
    let screen = shipped(&[]);
    for value in [
        address("203.0.113.9"),
        address("2001:db8::9"),
        network("203.0.113.0/24"),
        domain("evil.example"),
        domain("bbc.co.uk.evil.example"),
        host("evil.github.io"),
        domain("evil.duckdns.org"),
        IndicatorValue::Ja4("t13d".into()),
        IndicatorValue::CertificateSha1([7; 20]),
    ] {
        assert_eq!(screen.judge(&value, &[]), taken(), "{value}");
    }
}

#[test]
fn a_url_is_never_taken_for_its_host() {
    let screen = shipped(&[]);
    for value in
        [url("t.co", "/x"), url("github.com", "/evil/repo"), url("8.8.8.8", "/x"), url("t.co", "/?x")]
    {
        assert_eq!(screen.judge(&value, &[]), taken(), "{value}");
    }
    let held = screen.explain(&url("t.co", "/x"), &[]);
    assert!(held.iter().any(|held| &*held.key == "url-shortener" && held.does.is_none()), "{held:?}");
}

#[test]
fn private_suffixes_are_compared_exactly() {
    let screen = shipped(&[]);
    for text in ["gitlab.io", "s3.amazonaws.com", "duckdns.org"] {
        let Verdict::Take { narrowed, .. } = screen.judge(&domain(text), &[]) else { panic!("{text}") };
        assert_eq!(narrowed, Some(host(text)));
        assert!(matches!(screen.judge(&host(text), &[]), Verdict::Take { narrowed: None, .. }), "{text}");
    }
}

#[test]
fn wide_networks_need_permission() {
    let screening = Screening { wide_sources: ["mine".into()].into(), ..Screening::shipped() };
    let (screen, _) = Screen::new(screening);
    let of = |source: &str| Context { source: source.into(), ..Context::default() };
    for (text, is_wide) in
        [("44.0.0.0/11", true), ("44.0.0.0/12", false), ("2a00::/27", true), ("2a00::/28", false)]
    {
        let verdict = screen.judge(&network(text), &[of("other")]);
        assert_eq!(verdict == Verdict::Refuse(Refused::TooWide), is_wide, "{text}");
        assert_eq!(screen.judge(&network(text), &[of("other"), of("mine")]), taken(), "{text}");
    }
}

#[test]
fn each_comparison_does_as_misp_does() {
    let screen = screen(&[
        (list("string", Comparison::String, &[], &["exact.example", ".below.example"]), Action::Lower),
        (
            list(
                "hostname",
                Comparison::Hostname,
                &["domain"],
                &["Site.Example.", "http://web.example/path"],
            ),
            Action::Raise,
        ),
        (list("substring", Comparison::Substring, &["hostname", "url"], &["sandbox"]), Action::Suppress),
        (
            list(
                "regex",
                Comparison::Regex,
                &["hostname", "url"],
                &["/^HTTPS?:\\/\\/[a-z]+\\.test\\/[0-9]+$/i"],
            ),
            Action::Raise,
        ),
        (list("cidr", Comparison::Cidr, &["ip-dst"], &["203.0.113.0/24", "2001:DB8::7"]), Action::Shared),
    ]);
    for (value, expected) in [
        (domain("exact.example"), vec![Effect::Lower]),
        (domain("x.exact.example"), vec![]),
        (domain("x.below.example"), vec![Effect::Lower]),
        (domain("site.example"), vec![Effect::Raise]),
        (host("a.b.site.example"), vec![Effect::Raise]),
        (domain("notsite.example"), vec![]),
        (host("web.example"), vec![Effect::Raise]),
        (domain("mysandboxes.example"), vec![Effect::Lower]),
        (url("a.example", "/sandbox/"), vec![Effect::Lower]),
        (url("abc.test", "/123"), vec![Effect::Raise]),
        (url("abc.test", "/123a"), vec![]),
        (address("203.0.113.7"), vec![Effect::Shared]),
        (network("203.0.113.128/25"), vec![Effect::Shared]),
        (network("203.0.112.0/23"), vec![]),
        (address("2001:db8::7"), vec![Effect::Shared]),
        (IndicatorValue::AddressPort("203.0.113.7".parse().unwrap(), 80), vec![]),
    ] {
        assert_eq!(effects(&screen, &value), expected, "{value}");
    }
}

#[test]
fn lists_for_one_side_do_not_hold_the_other() {
    let screen =
        screen(&[(list("scanners", Comparison::Cidr, &["ip-src"], &["203.0.113.0/24"]), Action::Lower)]);
    let known_as = |side| Context {
        further: Some(Arc::new(Further { side, ..Further::default() })),
        ..Context::default()
    };
    let effects = |sides: &[Option<Side>]| {
        let contexts: Vec<Context> = sides.iter().copied().map(known_as).collect();
        screen.explain(&address("203.0.113.7"), &contexts).len()
    };
    assert_eq!(effects(&[Some(Side::Source)]), 1);
    assert_eq!(effects(&[Some(Side::Destination)]), 0);
    assert_eq!(effects(&[None]), 1);
    assert_eq!(effects(&[Some(Side::Destination), Some(Side::Source)]), 1);
}

#[test]
fn a_list_says_nothing_of_names_that_are_given_away_below_its_entry() {
    let screen = screen(&[
        (
            list("top", Comparison::Hostname, &[], &["github.io", "dynamic.example", "famous.example"]),
            Action::Lower,
        ),
        (list("dynamic", Comparison::Hostname, &[], &[".dynamic.example"]), Action::Exact),
    ]);
    assert_eq!(effects(&screen, &domain("evil.github.io")), []);
    assert_eq!(effects(&screen, &domain("evil.dynamic.example")), []);
    assert_eq!(effects(&screen, &domain("www.famous.example")), [Effect::Lower]);
    let expected = vec![Warning { list: "List of top".into(), effect: Effect::Lower }];
    let narrowed = Verdict::Take { narrowed: Some(host("dynamic.example")), warnings: expected.into() };
    assert_eq!(screen.judge(&domain("dynamic.example"), &[]), narrowed);
}

#[test]
fn what_is_kept_out_is_what_is_on_the_list_itself() {
    let screen = screen(&[(list("short", Comparison::Hostname, &[], &["short.example"]), Action::Suppress)]);
    assert!(is_suppressed(&screen, &domain("short.example")));
    assert!(is_suppressed(&screen, &domain("www.short.example")));
    assert_eq!(effects(&screen, &domain("customer.short.example")), [Effect::Lower]);
    assert_eq!(screen.judge(&url("short.example", "/a"), &[]), taken());
}

#[test]
fn what_a_list_does_can_be_said_by_key_and_by_name() {
    let mut screening = Screening::shipped();
    screening.actions.set("rfc1918", Action::None);
    screening.actions.set("List of known URL Shorteners domains", Action::Lower);
    screening.extend([list("sinkholes", Comparison::Cidr, &[], &["203.0.113.9"])]);
    let (screen, _) = Screen::new(screening);
    assert_eq!(screen.judge(&address("10.0.0.1"), &[]), taken());
    assert!(effects(&screen, &domain("t.co")).contains(&Effect::Lower));
    assert_eq!(effects(&screen, &address("203.0.113.9")), [Effect::Raise]);
    assert_eq!(effects(&screen, &address("104.155.11.149")), [Effect::Lower], "the list was replaced");
}

#[test]
fn what_cannot_be_used_is_told_with_the_reason() {
    let lists = vec![
        list("a", Comparison::Cidr, &[], &["203.0.113.0/24", "evil.example", "300.0.0.1"]),
        list("b", Comparison::Regex, &[], &["no delimiters", "/(/", "/x/e", "/(a{1000}){1000}/", "/ok/"]),
        list("c", Comparison::String, &[], &[" "]),
    ];
    let (screen, bad) = Screen::new(Screening { lists, actions: Actions::default(), ..Screening::shipped() });
    let found: Vec<(&str, &str)> = bad.iter().map(|bad| (&*bad.list, &*bad.entry)).collect();
    let expected = [
        ("a", "evil.example"),
        ("a", "300.0.0.1"),
        ("b", "no delimiters"),
        ("b", "/(/"),
        ("b", "/x/e"),
        ("b", "/(a{1000}){1000}/"),
        ("c", " "),
    ];
    assert_eq!(found, expected);
    assert_eq!(effects(&screen, &domain("ok.example")), [Effect::Lower]);
    assert!(Actions::parse("a lower\n\nb sometimes").unwrap_err().to_string().starts_with("line 3:"));
}
