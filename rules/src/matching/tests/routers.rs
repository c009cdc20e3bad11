//! What routers tell: addresses behind translators, names in records.

use super::*;
use weir_model::observation::ToldNames;

const SERVER: &str = "203.0.113.5:443";

fn made(source: Option<&str>, destination: Option<&str>) -> Translated {
    let parts = |text: Option<&str>| text.map(end).map_or((None, 0), |end| (Some(end.ip), end.port));
    let ((source, source_port), (destination, destination_port)) = (parts(source), parts(destination));
    Translated { source, destination, source_port, destination_port }
}

fn met(indicators: &[&str], protocol: Protocol, translated: &Translated) -> Vec<String> {
    let mut hits = FlowHits::default();
    let head = FlowHead { translated: Some(translated), ..head(protocol, SERVER) };
    matcher(indicators).began(&head, &mut hits);
    let line = |hit: &Hit| format!("{} {} {:?}", hit.field, hit.value, hit.subject);
    hits.hits().iter().map(line).collect()
}

#[test]
fn addresses_made_by_a_translator_are_met_as_the_ends_that_they_stand_for() {
    let source = made(Some("198.51.100.1:1024"), None);
    let destination = made(None, Some("192.0.2.9:8443"));
    let of = |field, value, end| vec![format!("{field} {value} End({end})")];
    let tcp = Protocol::TCP;
    assert_eq!(met(&["198.51.100.1"], tcp, &source), of("translated_address", "198.51.100.1", "10.0.0.1"));
    assert_eq!(
        met(&["n:192.0.2.0/24"], tcp, &destination),
        of("translated_address", "192.0.2.9", "203.0.113.5")
    );
    assert_eq!(
        met(&["p:192.0.2.9:8443", "p:192.0.2.9:443"], tcp, &destination),
        of("translated_address", "192.0.2.9:8443", "203.0.113.5")
    );
    assert_eq!(met(&["p:192.0.2.9:8443"], Protocol::ICMP, &destination), [""; 0]);
    // Both the address before and the one behind are met.
    let both = met(&["203.0.113.5", "192.0.2.9"], tcp, &destination);
    assert_eq!(both.len(), 2, "{both:?}");
}

#[test]
fn what_a_translator_leaves_as_it_is_is_met_once() {
    let tcp = Protocol::TCP;
    let same = made(Some(CLIENT), Some(SERVER));
    assert_eq!(met(&["203.0.113.5", "p:203.0.113.5:443", "10.0.0.1"], tcp, &same).len(), 3);
    // Only the port is another.
    let port = Translated { destination_port: 8443, ..Translated::default() };
    assert_eq!(met(&["203.0.113.5"], tcp, &port), ["flow_address 203.0.113.5 End(203.0.113.5)"]);
    assert_eq!(
        met(&["p:203.0.113.5:8443"], tcp, &port),
        ["translated_address 203.0.113.5:8443 End(203.0.113.5)"]
    );
    // No port told: it is the same one.
    let address = Translated { destination: Some(end("192.0.2.9:0").ip), ..Translated::default() };
    assert_eq!(
        met(&["p:192.0.2.9:443"], tcp, &address),
        ["translated_address 192.0.2.9:443 End(203.0.113.5)"]
    );
}

#[test]
fn a_translation_told_later_is_met_alone() {
    let matcher = matcher(&["203.0.113.5", "192.0.2.9"]);
    let made = made(None, Some("192.0.2.9:443"));
    let mut hits = FlowHits::default();
    matcher.translated(&FlowHead { translated: Some(&made), ..head(Protocol::TCP, SERVER) }, &mut hits);
    assert_eq!(shown(&hits), ["192.0.2.9 translated_address 192.0.2.9"]);
    matcher.translated(&head(Protocol::TCP, SERVER), &mut hits);
    assert_eq!(hits.matched(), 1);
}

#[test]
fn names_in_records_are_met_as_if_packets_had_said_them() {
    let told = |names: ToldNames| Fact::Told(Arc::new(names));
    let evil = || Some(name("www.evil.example"));
    let matcher = matcher(&["d:evil.example", "u:www.evil.example/a?b", "203.0.113.9", "p:203.0.113.9:8080"]);
    let host = |host, http_port, path: &str| ToldNames {
        http_host: Some(host),
        http_port,
        http_path: path.into(),
        ..ToldNames::default()
    };
    let named = || HttpHost::Name(name("www.evil.example"));
    let literal = || HttpHost::Address(end("203.0.113.9:0").ip);
    for (names, expected) in [
        (ToldNames { dns_question: evil(), ..ToldNames::default() }, vec!["dns_question www.evil.example"]),
        (ToldNames { server_name: evil(), ..ToldNames::default() }, vec!["tls_sni www.evil.example"]),
        (host(named(), None, ""), vec!["http_host www.evil.example"]),
        (host(named(), None, "/a"), vec!["http_host www.evil.example"]),
        (host(named(), None, "/a?b"), vec!["http_host www.evil.example", "url www.evil.example/a?b"]),
        (host(literal(), None, ""), vec!["http_host 203.0.113.9"]),
        (host(literal(), Some(8080), ""), vec!["http_host 203.0.113.9", "http_host 203.0.113.9:8080"]),
        (ToldNames { server_name: Some(name("notevil.example")), ..ToldNames::default() }, vec![]),
        (ToldNames::default(), vec![]),
    ] {
        let hits = observed(&matcher, [told(names.clone())], "203.0.113.5:80");
        let lines: Vec<String> =
            hits.hits().iter().map(|hit| format!("{} {}", hit.field, hit.value)).collect();
        assert_eq!(lines, expected, "{names:?}");
    }
}

#[test]
fn a_question_in_a_record_is_a_look_up_without_answer() {
    let matcher = matcher(&["d:evil.example"]);
    let asked = || ToldNames { dns_question: Some(name("evil.example")), ..ToldNames::default() };
    let hits = observed(&matcher, [Fact::Told(Arc::new(asked()))], "10.0.0.53:53");
    assert_eq!(hits.hits()[0].subject, Subject::Lookup(0));
    let lookup = hits.lookup(0).unwrap();
    assert_eq!((lookup.client, lookup.server), (end(CLIENT), end("10.0.0.53:53")));
    assert_eq!((lookup.qtype, lookup.rcode), (0, None));
    let to_all = observed(&matcher, [Fact::Told(Arc::new(asked()))], "224.0.0.251:5353");
    assert!(to_all.is_empty(), "Multicast DNS");
}
