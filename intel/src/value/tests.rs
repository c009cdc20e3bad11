use super::*;
use proptest::prelude::*;

fn shown(text: &str) -> String {
    let value = parse(text).unwrap_or_else(|reason| panic!("{text}: {reason}"));
    format!("{} {value}", value.kind())
}

#[test]
fn every_kind_in_every_notation() {
    for (text, expected) in [
        ("192.0.2.1", "address 192.0.2.1"),
        (" \"192.0.2[.]1\" ", "address 192.0.2.1"),
        ("::ffff:192.0.2.1", "address 192.0.2.1"),
        ("2001:DB8:0::1", "address 2001:db8::1"),
        ("[2001:db8::1]", "address 2001:db8::1"),
        ("192.0.2.1/32", "address 192.0.2.1"),
        ("192.0.2.77/24", "network 192.0.2.0/24"),
        ("192.0.2.0/255.255.255.0", "network 192.0.2.0/24"),
        ("2001:db8::1/48", "network 2001:db8::/48"),
        ("10.0.0.0/8", "network 10.0.0.0/8"),
        ("192.0.2.1:443", "address_port 192.0.2.1:443"),
        ("192.0.2.1[:]443", "address_port 192.0.2.1:443"),
        ("[2001:db8::1]:443", "address_port [2001:db8::1]:443"),
        ("tcp://192.0.2.1:4444", "address_port 192.0.2.1:4444"),
        ("Evil.EXAMPLE.", "domain evil.example"),
        ("evil[.]example", "domain evil.example"),
        ("evil dot example", "domain evil.example"),
        ("*.evil.example", "domain evil.example"),
        (".evil.example", "domain evil.example"),
        ("=www.evil.example", "host www.evil.example"),
        ("dead.beef.cafe", "domain dead.beef.cafe"),
        ("bücher.example", "domain xn--bcher-kva.example"),
        ("http://evil.example", "url evil.example/"),
        ("hXXps[://]evil[.]example/a?b=C#d", "url evil.example/a?b=C"),
        ("meow://evil.example:8080/a", "url evil.example:8080/a"),
        ("http://user:pw@evil.example:80/a", "url evil.example/a"),
        ("https://evil.example:443/a", "url evil.example/a"),
        ("https://evil.example?x=1", "url evil.example/?x=1"),
        ("http://192.0.2.1/bin.sh", "url 192.0.2.1/bin.sh"),
        ("http://[2001:db8::1]:8080/", "url [2001:db8::1]:8080/"),
        ("evil.example/a/b.php", "url evil.example/a/b.php"),
        ("192.0.2.1/a", "url 192.0.2.1/a"),
        ("192.0.2.1:8080/a", "url 192.0.2.1:8080/a"),
        ("http://evil.example/ü x", "url evil.example/%C3%BC%20x"),
        ("t13d1516h2_8DAAF6152771_e5627efa2ab1", "ja4 t13d1516h2_8daaf6152771_e5627efa2ab1"),
        ("q13d0310h3_55b375c5d22e_cd85d2d88918", "ja4 q13d0310h3_55b375c5d22e_cd85d2d88918"),
    ] {
        assert_eq!(shown(text), expected, "{text}");
    }
    let sha1 = "9e393d93138888d288266c2d915214d1d1cceb2a";
    assert_eq!(shown(&sha1.to_uppercase()), format!("certificate_sha1 {sha1}"));
    assert_eq!(shown(&"ab".repeat(32)), format!("certificate_sha256 {}", "ab".repeat(32)));
    assert_eq!(shown(&vec!["AB"; 20].join(":")), format!("certificate_sha1 {}", "ab".repeat(20)));
    assert_eq!(shown(&vec!["AB"; 32].join(":")), format!("certificate_sha256 {}", "ab".repeat(32)));
}

#[test]
fn each_reason_has_its_text() {
    use RefusalReason as R;
    for (text, reason) in [
        ("", R::Empty),
        (" \u{200b} ", R::Empty),
        ("/only/a/path.php", R::NotAnIndicator),
        ("two words", R::NotAnIndicator),
        ("1.2.3.256", R::BadAddress),
        ("1.2.3", R::BadAddress),
        ("01.2.3.4", R::BadAddress),
        ("2001:db8::g:1::2", R::NotAnIndicator),
        ("2001:db8:::1", R::BadAddress),
        ("192.0.2.0/33", R::BadPrefix),
        ("192.0.2.0/255.0.255.0", R::BadPrefix),
        ("192.0.2.1:0", R::BadPort),
        ("192.0.2.1:65536", R::BadPort),
        ("192.0.2.1:+80", R::BadPort),
        ("http://evil.example:99999/", R::BadPort),
        ("ev!l.example", R::BadName),
        ("evil.*.example", R::BadName),
        ("localhost", R::NameWithoutDot),
        (".xyz", R::NameWithoutDot),
        ("http://localhost/", R::NameWithoutDot),
        ("evil.example:8080", R::NameWithPort),
        ("0.0.0.0/0", R::TooWide),
        ("192.0.0.0/7", R::TooWide),
        ("::/0", R::TooWide),
        ("2000::/12", R::TooWide),
        ("0.0.0.0", R::SpecialAddress),
        ("127.0.0.1", R::SpecialAddress),
        ("127.0.0.0/8", R::SpecialAddress),
        ("0.0.0.0/8", R::SpecialAddress),
        ("255.255.255.255", R::SpecialAddress),
        ("::1", R::SpecialAddress),
        ("http://127.0.0.1/x", R::SpecialAddress),
        ("joe@evil.example", R::Email),
        ("joe[at]evil[.]example", R::Email),
        ("d41d8cd98f00b204e9800998ecf8427e", R::FileHash),
        ("ftp://evil.example/x", R::UnsupportedType),
    ] {
        assert_eq!(parse(text), Err(reason), "{text}");
    }
    assert_eq!(parse(&format!("http://evil.example/{}", "a".repeat(2048))), Err(R::LineTooLong));
    assert_eq!(parse(&"a".repeat(MAX_VALUE_BYTES + 1)), Err(R::LineTooLong));
}

#[test]
fn a_hint_decides_only_what_the_form_leaves_open() {
    let shown = |text, hint| parse_as(text, hint).map(|value| format!("{} {value}", value.kind()));
    assert_eq!(shown("www.evil.example", Hint::Host).unwrap(), "host www.evil.example");
    assert_eq!(shown("evil.example", Hint::Url).unwrap(), "url evil.example/");
    assert_eq!(shown("192.0.2.1:8080", Hint::Url).unwrap(), "url 192.0.2.1:8080/");
    assert_eq!(shown("http://evil.example/a", Hint::Host).unwrap(), "url evil.example/a");
    assert_eq!(shown("evil.example", Hint::Address), Err(RefusalReason::BadAddress));
}

proptest! {
    #[test]
    fn nothing_panics_and_what_is_taken_reads_the_same_again(text in ".{0,60}") {
        if let Ok(value) = parse(&text) {
            let again = match &value {
                IndicatorValue::Host(name) => parse(&format!("={name}")),
                IndicatorValue::Url(url) if url.host.as_str().contains(':') => return Ok(()),
                IndicatorValue::Url(_) => parse(&format!("http://{value}")),
                other => parse(&other.to_string()),
            };
            prop_assert_eq!(again, Ok(value));
        }
    }

    #[test]
    fn near_misses_never_panic(text in "[a-f0-9:./\\[\\]()@=*# dotxhp-]{0,80}") {
        let _ = parse(&text);
    }
}
