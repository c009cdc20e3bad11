use super::*;
use crate::set::SetBuilder;
use proptest::prelude::*;
use weir_model::flow::{FlowId, FlowName, TunnelKind};
use weir_model::indicator::Url;
use weir_model::observation::{
    DnsData, DnsMessage, DnsQuestion, DnsRecord, HttpHost, HttpRequest, RequestForm,
};
use weir_model::{Context, Indicator, IndicatorValue, Protocol};

mod late;
mod routers;
mod validity;

const CLIENT: &str = "10.0.0.1:50000";

fn name(text: &str) -> Name {
    Name::from_ascii(text.as_bytes()).unwrap()
}

fn end(text: &str) -> Endpoint {
    let address: std::net::SocketAddr = text.parse().unwrap();
    Endpoint::new(address.ip(), address.port())
}

/// Indicators as text: `d:` domain, `h:` host, `u:` URL host and path, `p:` address:port, `n:` network, `j:` JA4, else an address.
fn matcher(indicators: &[&str]) -> Matcher {
    let mut builder = SetBuilder::new();
    for text in indicators {
        let value = match text.split_at(2) {
            ("d:", text) => IndicatorValue::Domain(name(text)),
            ("h:", text) => IndicatorValue::Host(name(text)),
            ("u:", text) => {
                let (host, path) = text.split_once('/').unwrap();
                let (host, port) =
                    host.split_once(':').map_or((host, None), |(host, port)| (host, port.parse().ok()));
                IndicatorValue::Url(Url { host: name(host), port, path: format!("/{path}").into() })
            }
            ("p:", text) => IndicatorValue::AddressPort(end(text).ip, end(text).port),
            ("n:", text) => IndicatorValue::Network(text.parse().unwrap()),
            ("j:", text) => IndicatorValue::Ja4(text.into()),
            _ => IndicatorValue::Address(text.parse().unwrap()),
        };
        builder.add(Indicator::new(value, vec![Context::default()])).unwrap();
    }
    Matcher::new(Arc::new(builder.build()))
}

fn head(protocol: Protocol, destination: &str) -> FlowHead<'static> {
    FlowHead {
        id: FlowId(7),
        first: Timestamp::new(100, 0),
        protocol,
        source: end(CLIENT),
        destination: end(destination),
        tunnels: &[],
        translated: None,
        passive: &[],
    }
}

fn shown(hits: &FlowHits) -> Vec<String> {
    hits.hits().iter().map(|hit| format!("{} {} {}", hit.indicator.value, hit.field, hit.value)).collect()
}

fn began(matcher: &Matcher, head: &FlowHead<'_>) -> Vec<String> {
    let mut hits = FlowHits::default();
    matcher.began(head, &mut hits);
    matcher.named(head, &mut hits);
    shown(&hits)
}

fn sent(time: u64, source: &str, destination: &str, fact: Fact) -> Observation {
    let (source, destination) = (end(source), end(destination));
    Observation { time: Timestamp::new(time, 0), packet: time, source, destination, fact }
}

fn observed(matcher: &Matcher, facts: impl IntoIterator<Item = Fact>, server: &str) -> FlowHits {
    let mut hits = FlowHits::default();
    for (fact, time) in facts.into_iter().zip(100..) {
        let from_server = fact.sent_by() == Some(weir_model::observation::Sender::Responder);
        let (source, destination) = if from_server { (server, CLIENT) } else { (CLIENT, server) };
        matcher.observed(&head(Protocol::TCP, server), &sent(time, source, destination, fact), &mut hits);
    }
    hits
}

fn query(id: u16, asked: &str) -> DnsMessage {
    let questions = vec![DnsQuestion { name: name(asked), qtype: 1, qclass: 1 }];
    DnsMessage { id, questions, ..DnsMessage::default() }
}

fn response(id: u16, asked: &str, answers: impl IntoIterator<Item = DnsData>) -> DnsMessage {
    let record = |data| DnsRecord { name: name(asked), rtype: 1, class: 1, ttl: 60, data };
    let answers = answers.into_iter().map(record).collect();
    DnsMessage { is_response: true, answers, ..query(id, asked) }
}

fn dns(message: DnsMessage) -> Fact {
    Fact::Dns(Arc::new(message))
}

fn request(form: RequestForm, host: HttpHost, port: Option<u16>, path: &str) -> Fact {
    let (method, path) = ("GET".into(), path.into());
    Fact::HttpRequest(Arc::new(HttpRequest { method, host: Some(host), port, path, user_agent: None, form }))
}

fn hello(server_name: &str, transport: TlsTransport) -> Fact {
    Fact::ClientHello(Arc::new(ClientHello {
        server_name: Some(name(server_name)),
        alpn: Vec::new(),
        version: 0x0304,
        ja3: [3; 16],
        ja4: "t13d1516h2_8daaf6152771_e5627efa2ab1".into(),
        ech_offered: false,
        transport,
    }))
}

#[test]
fn both_ends_of_a_flow_match_by_address_port_and_prefix() {
    let matcher =
        matcher(&["203.0.113.5", "p:203.0.113.5:443", "n:203.0.113.0/24", "10.0.0.1", "p:10.0.0.1:22"]);
    assert_eq!(
        began(&matcher, &head(Protocol::TCP, "203.0.113.5:443")),
        [
            "10.0.0.1 flow_address 10.0.0.1",
            "203.0.113.5 flow_address 203.0.113.5",
            "203.0.113.0/24 flow_address 203.0.113.5",
            "203.0.113.5:443 flow_address 203.0.113.5:443",
        ]
    );
    let other_port = began(&matcher, &head(Protocol::UDP, "203.0.113.5:80"));
    assert!(!other_port.iter().any(|hit| hit.contains(":443")), "{other_port:?}");
    let no_ports = began(&matcher, &head(Protocol::ICMP, "203.0.113.5:443"));
    assert_eq!(no_ports.len(), 3, "the ports of ICMP are type and code: {no_ports:?}");
    assert_eq!(began(&matcher, &head(Protocol::TCP, "203.0.114.5:443")), ["10.0.0.1 flow_address 10.0.0.1"]);
}

#[test]
fn outer_addresses_of_tunnels_match() {
    let (source, destination) = (end("192.0.2.1:0").ip, end("198.51.100.9:0").ip);
    let tunnels = [Tunnel { kind: TunnelKind::Gre, source, destination, id: None }];
    let head = FlowHead { tunnels: &tunnels, ..head(Protocol::TCP, "10.0.0.9:80") };
    assert_eq!(began(&matcher(&["198.51.100.9"]), &head), ["198.51.100.9 tunnel_address 198.51.100.9"]);
    assert_eq!(began(&matcher(&["n:192.0.2.0/24"]), &head), ["192.0.2.0/24 tunnel_address 192.0.2.1"]);
    assert_eq!(began(&matcher(&["198.51.100.8", "p:198.51.100.9:0"]), &head), [""; 0]);
}

#[test]
fn passive_dns_matches_only_this_clients_own_answers() {
    let passive = |source| {
        let aliases = vec![name("edge.cdn.example")];
        let name = FlowName { name: name("www.evil.example"), source, time: Timestamp::EPOCH, aliases };
        [PassiveName { address: end("203.0.113.5:0").ip, name }]
    };
    let matcher = matcher(&["d:evil.example", "h:edge.cdn.example", "h:evil.example"]);
    let own = passive(NameSource::PassiveDnsClient);
    let base = head(Protocol::TCP, "203.0.113.5:443");
    assert_eq!(
        began(&matcher, &FlowHead { passive: &own, ..base }),
        ["evil.example passive_dns www.evil.example", "edge.cdn.example passive_dns edge.cdn.example"]
    );
    let others = passive(NameSource::PassiveDnsOther);
    assert_eq!(began(&matcher, &FlowHead { passive: &others, ..base }), [""; 0]);
}

#[test]
fn question_aliases_and_addresses_of_an_answer_match() {
    let matcher =
        matcher(&["d:evil.example", "203.0.113.5", "n:2001:db8::/32", "d:cdn.example", "p:203.0.113.5:53"]);
    let answers = [
        DnsData::Cname(name("edge.cdn.example")),
        DnsData::A([203, 0, 113, 5].into()),
        DnsData::A([203, 0, 113, 6].into()),
        DnsData::Aaaa("2001:db8::1".parse().unwrap()),
    ];
    let hits = observed(&matcher, [dns(response(1, "www.evil.example", answers))], "10.0.0.53:53");
    assert_eq!(
        shown(&hits),
        [
            "evil.example dns_question www.evil.example",
            "cdn.example dns_cname edge.cdn.example",
            "203.0.113.5 dns_answer 203.0.113.5",
            "2001:db8::/32 dns_answer 2001:db8::1",
        ]
    );
    assert!(hits.hits().iter().all(|hit| hit.subject == Subject::Lookup(0)));
    let lookup = hits.lookup(0).unwrap();
    assert_eq!((lookup.client, lookup.server), (end(CLIENT), end("10.0.0.53:53")));
    assert_eq!((lookup.name.as_str(), lookup.rcode), ("www.evil.example", Some(0)));
    assert_eq!((lookup.addresses.len(), lookup.aliases.len()), (3, 1));
}

#[test]
fn a_question_and_its_answer_are_one_lookup() {
    let matcher = matcher(&["d:evil.example"]);
    let nxdomain = DnsMessage { rcode: 3, ..response(1, "evil.example", []) };
    let facts = [query(1, "evil.example"), query(1, "evil.example"), nxdomain, query(2, "evil.example")];
    let hits = observed(&matcher, facts.map(dns), "10.0.0.53:53");
    assert_eq!(hits.lookups().len(), 2);
    assert_eq!(
        (hits.lookup(0).unwrap().time, hits.lookup(0).unwrap().rcode),
        (Timestamp::new(100, 0), Some(3))
    );
    assert_eq!((hits.lookup(1).unwrap().time, hits.lookup(1).unwrap().rcode), (Timestamp::new(103, 0), None));
    assert_eq!((hits.hits().len(), hits.matched()), (2, 4));
}

#[test]
fn an_identifier_that_comes_back_is_another_lookup() {
    let matcher = matcher(&["d:evil.example"]);
    let mut hits = FlowHits::default();
    for (time, lookups) in [(100, 1), (130, 1), (131, 2)] {
        let asked = sent(time, CLIENT, "10.0.0.53:53", dns(query(1, "evil.example")));
        matcher.observed(&head(Protocol::UDP, "10.0.0.53:53"), &asked, &mut hits);
        assert_eq!(hits.lookups().len(), lookups, "{time}");
    }
}

#[test]
fn a_question_seen_after_its_answer_dates_the_lookup_and_takes_nothing_away() {
    let (matcher, server) = (matcher(&["d:evil.example"]), "10.0.0.53:53");
    let mut hits = FlowHits::default();
    let answer = DnsMessage { rcode: 3, ..response(1, "evil.example", []) };
    let head = head(Protocol::UDP, server);
    matcher.observed(&head, &sent(101, server, CLIENT, dns(answer)), &mut hits);
    matcher.observed(&head, &sent(100, CLIENT, server, dns(query(1, "evil.example"))), &mut hits);
    let lookup = hits.lookup(0).unwrap();
    assert_eq!((lookup.time, lookup.rcode, hits.lookups().len()), (Timestamp::new(100, 0), Some(3), 1));
}

#[test]
fn what_only_explains_does_not_match() {
    let matcher = matcher(&["d:evil.example", "203.0.113.5"]);
    let service =
        DnsData::Service { target: name("evil.example"), hints: vec![end("203.0.113.5:0").ip], ech: false };
    let contents = [DnsData::Name(name("evil.example")), DnsData::Text("evil.example".into()), service];
    let further = vec![DnsRecord {
        name: name("ns.evil.example"),
        rtype: 1,
        class: 1,
        ttl: 1,
        data: DnsData::A([203, 0, 113, 5].into()),
    }];
    let glue = DnsMessage { further, ..response(2, "good.example", []) };
    let mdns = DnsMessage { link_local: true, ..query(3, "evil.example") };
    let update = DnsMessage { opcode: 5, ..query(4, "evil.example") };
    let not_a_response = DnsMessage {
        is_response: false,
        ..response(5, "good.example", [DnsData::Cname(name("evil.example"))])
    };
    let messages = [response(1, "good.example", contents), glue, mdns, update, not_a_response];
    assert_eq!(shown(&observed(&matcher, messages.map(dns), "10.0.0.53:53")), [""; 0]);
    let near = [query(6, "notevil.example"), query(7, "evil.example.org"), query(8, "example")];
    assert_eq!(shown(&observed(&matcher, near.map(dns), "10.0.0.53:53")), [""; 0]);
    let certificate = Certificate {
        position: 0,
        sha1: [0; 20],
        sha256: [0; 32],
        subject: "CN=evil.example".into(),
        issuer: "".into(),
        names: vec![name("evil.example")],
        not_before: 0,
        not_after: 0,
    };
    let hits = observed(&matcher, [Fact::Certificate(Arc::new(certificate))], "198.51.100.1:443");
    assert_eq!(shown(&hits), [""; 0]);
}

#[test]
fn server_names_and_ja4_match() {
    let matcher = matcher(&["d:evil.example", "j:t13d1516h2_8daaf6152771_e5627efa2ab1"]);
    for (transport, field) in [
        (TlsTransport::Tcp, "tls_sni"),
        (TlsTransport::StartTls, "tls_sni"),
        (TlsTransport::Dtls, "tls_sni"),
        (TlsTransport::Quic(1), "quic_sni"),
    ] {
        let hits = observed(&matcher, [hello("www.evil.example", transport)], "203.0.113.5:443");
        let ja4 = "t13d1516h2_8daaf6152771_e5627efa2ab1";
        assert_eq!(
            shown(&hits),
            [format!("evil.example {field} www.evil.example"), format!("{ja4} ja4 {ja4}")]
        );
    }
    assert_eq!(
        observed(&matcher, [hello("notevil.example", TlsTransport::Tcp)], "203.0.113.5:443").hits().len(),
        1
    );
}

#[test]
fn a_ja3_matches() {
    let mut builder = SetBuilder::new();
    builder.add(Indicator::new(IndicatorValue::Ja3([3; 16]), vec![Context::default()])).unwrap();
    let matcher = Matcher::new(Arc::new(builder.build()));
    let hits = observed(&matcher, [hello("a.example", TlsTransport::Tcp)], "203.0.113.5:443");
    let ja3 = "03".repeat(16);
    assert_eq!(shown(&hits), [format!("{ja3} ja3 {ja3}")]);
}

#[test]
fn certificates_match_by_either_hash() {
    let mut builder = SetBuilder::new();
    for value in [IndicatorValue::CertificateSha1([1; 20]), IndicatorValue::CertificateSha256([2; 32])] {
        builder.add(Indicator::new(value, Vec::new())).unwrap();
    }
    let matcher = Matcher::new(Arc::new(builder.build()));
    let certificate = |sha1, sha256| {
        let (subject, issuer, names) = ("".into(), "".into(), Vec::new());
        let certificate =
            Certificate { position: 1, sha1, sha256, subject, issuer, names, not_before: 0, not_after: 0 };
        Fact::Certificate(Arc::new(certificate))
    };
    let count = |fact| observed(&matcher, [fact], "203.0.113.5:443").hits().len();
    assert_eq!(count(certificate([1; 20], [2; 32])), 2);
    assert_eq!(count(certificate([1; 20], [3; 32])), 1);
    assert_eq!(count(certificate([3; 20], [3; 32])), 0);
}

#[test]
fn http_hosts_match() {
    let matcher = matcher(&["d:evil.example", "203.0.113.5", "p:203.0.113.5:8080", "n:203.0.113.0/28"]);
    let host = |text: &str| HttpHost::Name(name(text));
    let literal = HttpHost::Address(end("203.0.113.5:0").ip);
    for (fact, server, expected) in [
        (
            request(RequestForm::Origin, host("www.evil.example"), None, "/"),
            "203.0.113.9:80",
            vec!["evil.example http_host www.evil.example"],
        ),
        (request(RequestForm::Origin, host("notevil.example"), None, "/"), "203.0.113.9:80", vec![]),
        (
            request(RequestForm::Connect, literal.clone(), Some(8080), ""),
            "10.0.0.8:3128",
            vec![
                "203.0.113.5 http_host 203.0.113.5",
                "203.0.113.0/28 http_host 203.0.113.5",
                "203.0.113.5:8080 http_host 203.0.113.5:8080",
            ],
        ),
        (
            request(RequestForm::Absolute, literal, None, "/"),
            "10.0.0.8:8080",
            vec!["203.0.113.5 http_host 203.0.113.5", "203.0.113.0/28 http_host 203.0.113.5"],
        ),
    ] {
        assert_eq!(shown(&observed(&matcher, [fact], server)), expected);
    }
}

#[test]
fn urls_match_whole_and_by_the_port_meant() {
    let matcher = matcher(&["u:evil.example/a/b?c", "u:evil.example:8080/x", "u:203.0.113.5/p"]);
    let host = || HttpHost::Name(name("evil.example"));
    let literal = || HttpHost::Address(end("203.0.113.5:0").ip);
    let (origin, absolute, connect) = (RequestForm::Origin, RequestForm::Absolute, RequestForm::Connect);
    for (fact, server, expected) in [
        (
            request(origin, host(), None, "/a/b?c"),
            "203.0.113.5:80",
            vec!["evil.example/a/b?c url evil.example/a/b?c"],
        ),
        (
            request(origin, host(), None, "/a/b?c"),
            "203.0.113.5:8000",
            vec!["evil.example/a/b?c url evil.example/a/b?c"],
        ),
        (
            request(absolute, host(), Some(80), "/a/b?c"),
            "10.0.0.8:3128",
            vec!["evil.example/a/b?c url evil.example/a/b?c"],
        ),
        (request(origin, host(), Some(8000), "/a/b?c"), "203.0.113.5:8000", vec![]),
        (request(origin, host(), None, "/a/b"), "203.0.113.5:80", vec![]),
        (request(origin, host(), None, "/a/"), "203.0.113.5:80", vec![]),
        (request(origin, host(), None, "/"), "203.0.113.5:80", vec![]),
        (
            request(origin, host(), None, "/x"),
            "203.0.113.5:8080",
            vec!["evil.example:8080/x url evil.example:8080/x"],
        ),
        (
            request(origin, host(), Some(8080), "/x"),
            "203.0.113.5:8080",
            vec!["evil.example:8080/x url evil.example:8080/x"],
        ),
        (request(absolute, host(), None, "/x"), "10.0.0.8:8080", vec![]),
        (request(origin, host(), None, "/x"), "203.0.113.5:80", vec![]),
        (request(connect, host(), Some(443), ""), "10.0.0.8:3128", vec![]),
        (request(origin, literal(), None, "/p"), "203.0.113.5:80", vec!["203.0.113.5/p url 203.0.113.5/p"]),
    ] {
        assert_eq!(shown(&observed(&matcher, [fact.clone()], server)), expected, "{fact:?}");
    }
}

#[test]
fn hits_of_a_flow_are_bounded_and_counted() {
    use crate::hits::{MAX_HITS_PER_FLOW, MAX_LOOKUPS_PER_FLOW};
    let (one, sub) = (matcher(&["d:evil.example"]), |number: usize| {
        query(number as u16, &format!("{number}.evil.example"))
    });
    let count = MAX_LOOKUPS_PER_FLOW + 10;
    let hits = observed(&one, (0..count).map(|number| dns(sub(number))), "10.0.0.53:53");
    assert_eq!(hits.lookups().len(), MAX_LOOKUPS_PER_FLOW);
    assert_eq!((hits.matched(), hits.left_out()), (count as u64, 0));
    assert!(hits.hits().len() <= MAX_HITS_PER_FLOW);
    let other = matcher(&["d:evil.example", "d:late.example"]);
    let late = std::iter::once(dns(query(1, "late.example")));
    let hits = observed(&other, (0..count).map(|number| dns(sub(number))).chain(late), "10.0.0.53:53");
    assert_eq!((hits.matched(), hits.left_out()), (count as u64 + 1, 1));
}

#[test]
fn names_that_come_late_are_in_their_place() {
    let matcher = matcher(&["203.0.113.5", "d:evil.example", "u:www.evil.example/"]);
    let name = FlowName {
        name: name("www.evil.example"),
        source: NameSource::PassiveDnsClient,
        time: Timestamp::new(99, 0),
        aliases: Vec::new(),
    };
    let passive = [PassiveName { address: end("203.0.113.5:80").ip, name }];
    let bare = head(Protocol::TCP, "203.0.113.5:80");
    let named = FlowHead { passive: &passive, ..bare };
    let said = HttpHost::Name(Name::from_ascii(b"www.evil.example").unwrap());
    let request = sent(7, CLIENT, "203.0.113.5:80", request(RequestForm::Origin, said, None, "/"));
    let request = Observation { time: bare.first, ..request };
    let [mut early, mut late] = [FlowHits::default(), FlowHits::default()];
    matcher.began(&named, &mut early);
    matcher.named(&named, &mut early);
    matcher.observed(&named, &request, &mut early);
    matcher.began(&bare, &mut late);
    matcher.observed(&bare, &request, &mut late);
    matcher.named(&named, &mut late);
    assert_eq!(early.hits().len(), 4);
    assert_ne!(shown(&early), shown(&late));
    assert_eq!(format!("{:?}", early.in_order()), format!("{:?}", late.in_order()));
}

#[test]
fn flows_asked_about_together_are_met_as_one_by_one() {
    for more in [&[][..], &["p:203.0.113.5:443"], &["n:203.0.113.0/28"]] {
        let indicators: Vec<&str> =
            ["203.0.113.5", "10.0.0.1", "203.0.113.70"].iter().chain(more).copied().collect();
        let matcher = matcher(&indicators);
        let mut questions = Questions::default();
        let (mut alone, mut together) = (Vec::new(), Vec::new());
        for number in 0..100_u8 {
            let source = if number % 7 == 0 { end(CLIENT) } else { end("10.0.0.2:50000") };
            let destination = end(&format!("203.0.113.{number}:443"));
            let destination = if number % 11 == 0 { source } else { destination };
            let made = Translated {
                destination: Some(end("203.0.113.70:0").ip).filter(|_| number % 10 == 0),
                source_port: number.into(),
                ..Translated::default()
            };
            let head = FlowHead {
                id: FlowId(number.into()),
                source,
                destination,
                translated: Some(&made).filter(|_| number % 5 == 0),
                ..head(Protocol::TCP, CLIENT)
            };
            assert!(matcher.ask(&head, &mut questions));
            if questions.is_full() {
                matcher.answer(&mut questions, |head, hits| together.push((head.id, hits)));
                assert!(questions.is_empty());
            }
            let mut hits = FlowHits::default();
            matcher.began(&head, &mut hits);
            if !hits.is_empty() {
                alone.push((head.id, hits));
            }
        }
        matcher.answer(&mut questions, |head, hits| together.push((head.id, hits)));
        let translated = |hit: &Hit| hit.field == Field::TranslatedAddress;
        assert_eq!(alone.iter().flat_map(|(_, hits)| hits.hits()).filter(|hit| translated(hit)).count(), 9);
        assert!(alone.len() > 20, "{}", alone.len());
        let text = |all: &[(FlowId, FlowHits)]| {
            all.iter().map(|(id, hits)| format!("{id:?} {:?}", hits.hits())).collect::<Vec<_>>()
        };
        assert_eq!(text(&alone), text(&together), "{more:?}");
    }
    let tunnels =
        [Tunnel { kind: TunnelKind::Gre, source: end(CLIENT).ip, destination: end(CLIENT).ip, id: None }];
    let head = FlowHead { tunnels: &tunnels, ..head(Protocol::TCP, CLIENT) };
    assert!(!matcher(&["10.0.0.1"]).ask(&head, &mut Questions::default()));
}

#[test]
fn hits_met_later_join_those_of_their_flow() {
    let matcher = matcher(&["d:evil.example", "10.0.0.53"]);
    let server = "10.0.0.53:53";
    let together =
        observed(&matcher, [dns(query(1, "evil.example")), dns(response(1, "evil.example", []))], server);
    let mut joined = FlowHits::default();
    for (time, message) in [(100, query(1, "evil.example")), (101, response(1, "evil.example", []))] {
        let (source, destination) = if message.is_response { (server, CLIENT) } else { (CLIENT, server) };
        let mut scratch = FlowHits::default();
        let observation = sent(time, source, destination, dns(message));
        matcher.observed(&head(Protocol::UDP, server), &observation, &mut scratch);
        joined.append(&mut scratch);
        assert!(scratch.is_empty());
    }
    assert_eq!(shown(&joined), shown(&together));
    assert_eq!(joined.lookups().collect::<Vec<_>>(), together.lookups().collect::<Vec<_>>());
    assert_eq!((joined.matched(), joined.lookups().len()), (2, 1));
    assert_eq!(
        (joined.hits()[0].time, joined.hits()[0].last),
        (Timestamp::new(100, 0), Timestamp::new(101, 0))
    );
}

proptest! {
    #[test]
    fn dns_names_match_like_the_slow_rule(
        indicators in proptest::collection::vec("[ab]{1,2}(\\.[ab]{1,2}){0,2}", 1..8),
        asked in "[ab]{1,2}(\\.[ab]{1,2}){0,3}",
    ) {
        let texts: Vec<String> = indicators.iter().map(|text| format!("d:{text}")).collect();
        let matcher = matcher(&texts.iter().map(String::as_str).collect::<Vec<_>>());
        let expected = indicators.iter().any(|text| format!(".{asked}").ends_with(&format!(".{text}")));
        let hits = observed(&matcher, [dns(query(1, &asked))], "10.0.0.53:53");
        prop_assert_eq!(!hits.is_empty(), expected);
    }
}
