//! What is kept of open flows, compared with indicators that come later.

use super::*;
use weir_model::flow::{HttpSummary, OpenFlow, TlsSummary, Tunnel};
use weir_model::observation::ToldNames;

const SERVER: &str = "203.0.113.5:443";
const JA4: &str = "t13d1516h2_8daaf6152771_e5627efa2ab1";

fn open(head: FlowHead<'_>) -> OpenFlow<'_> {
    OpenFlow {
        last: Timestamp::new(200, 0),
        initiator: head.source,
        responder: head.destination,
        head,
        names: &[],
        tls: None,
        http: None,
        told: None,
        questions: &[],
    }
}

fn said(text: &str, source: NameSource) -> FlowName {
    FlowName { name: name(text), source, time: Timestamp::new(101, 0), aliases: Vec::new() }
}

fn late(indicators: &[&str], flow: &OpenFlow<'_>) -> FlowHits {
    let mut sweep = Sweep::default();
    let added = Arc::clone(matcher(indicators).set());
    sweep.begin(&added, &added);
    let mut hits = FlowHits::default();
    hits.append_new(sweep.visit(flow, Timestamp::new(300, 0)));
    hits
}

#[test]
fn all_that_is_kept_of_a_flow_is_compared() {
    let passive =
        [PassiveName { address: end(SERVER).ip, name: said("asked.example", NameSource::PassiveDnsClient) }];
    let tunnels = [Tunnel {
        kind: TunnelKind::Gre,
        source: end("192.0.2.1:0").ip,
        destination: end("192.0.2.2:0").ip,
        id: None,
    }];
    let made = Translated { source: Some(end("198.51.100.7:0").ip), ..Translated::default() };
    let head = FlowHead {
        tunnels: &tunnels,
        passive: &passive,
        translated: Some(&made),
        ..head(Protocol::TCP, SERVER)
    };
    let names = [
        said("sni.example", NameSource::TlsSni),
        said("quic.example", NameSource::QuicSni),
        said("proxied.example", NameSource::HttpProxy),
        said("issued.example", NameSource::Certificate),
    ];
    let Fact::HttpRequest(request) =
        request(RequestForm::Origin, HttpHost::Name(name("host.example")), Some(80), "/x")
    else {
        unreachable!()
    };
    let http = HttpSummary { request: Some(request), status: None, requests: 1 };
    let tls = TlsSummary { ja4: Some(JA4.into()), ..TlsSummary::default() };
    let told = ToldNames {
        dns_question: Some(name("told.example")),
        server_name: None,
        http_host: None,
        http_port: None,
        http_path: "".into(),
    };
    let flow = OpenFlow {
        names: &names,
        tls: Some(&tls),
        http: Some(&http),
        told: Some(&told),
        questions: &[(7, name("question.example"))],
        ..open(head)
    };
    let indicators = [
        "203.0.113.5",
        "p:203.0.113.5:443",
        "192.0.2.2",
        "198.51.100.7",
        "d:example",
        "u:host.example/x",
        &format!("j:{JA4}"),
        "d:elsewhere.test",
    ];
    let hits = late(&indicators, &flow);
    let mut fields: Vec<_> =
        shown(&hits).iter().map(|line| line.split_once(' ').unwrap().1.to_owned()).collect();
    fields.sort();
    assert_eq!(
        fields,
        [
            "dns_question question.example",
            "dns_question told.example",
            "flow_address 203.0.113.5",
            "flow_address 203.0.113.5:443",
            "http_host host.example",
            "http_host proxied.example",
            &format!("ja4 {JA4}"),
            "passive_dns asked.example",
            "quic_sni quic.example",
            "tls_sni sni.example",
            "translated_address 198.51.100.7",
            "tunnel_address 192.0.2.2",
            "url host.example/x",
        ]
    );
    let is_late = |hit: &Hit| hit.is_late && hit.time == Timestamp::new(200, 0) && hit.count == 1;
    assert!(hits.hits().iter().all(is_late), "{hits:?}");
}

#[test]
fn what_a_flow_has_met_it_does_not_meet_again() {
    let matcher = matcher(&["d:evil.example", "203.0.113.5"]);
    let mut hits = observed(
        &matcher,
        [hello("www.evil.example", TlsTransport::Tcp), dns(query(7, "evil.example"))],
        SERVER,
    );
    matcher.began(&head(Protocol::TCP, SERVER), &mut hits);
    let names =
        [said("www.evil.example", NameSource::TlsSni), said("other.evil.example", NameSource::TlsSni)];
    let questions = [(7, name("evil.example"))];
    let flow = OpenFlow { names: &names, questions: &questions, ..open(head(Protocol::TCP, SERVER)) };
    let mut sweep = Sweep::default();
    sweep.begin(matcher.set(), matcher.set());
    let before = hits.matched();
    hits.append_new(sweep.visit(&flow, Timestamp::new(300, 0)));
    assert_eq!(hits.matched(), before + 1, "only the other name: {:?}", shown(&hits));
    hits.append_new(sweep.visit(&flow, Timestamp::new(300, 0)));
    assert_eq!((hits.matched(), hits.lookups().len()), (before + 1, 1));
    // Another indicator met in the same look-up belongs to it.
    let parent = super::matcher(&["d:example"]);
    sweep.begin(parent.set(), parent.set());
    hits.append_new(sweep.visit(&flow, Timestamp::new(300, 0)));
    assert_eq!(hits.lookups().len(), 1);
    assert_eq!(hits.matched(), before + 4);
}

#[test]
fn a_round_that_began_before_a_set_came_does_not_count_for_it() {
    let [one, other] =
        [["203.0.113.5"], ["10.0.0.1"]].map(|indicators| Arc::clone(matcher(&indicators).set()));
    let flow = open(head(Protocol::TCP, SERVER));
    let now = Timestamp::new(300, 0);
    let mut sweep = Sweep::default();
    assert!(sweep.is_over());
    sweep.begin(&one, &one);
    assert_eq!(sweep.visit(&flow, now).matched(), 1);
    sweep.begin(&other, &other);
    sweep.end_round();
    assert_eq!(shown(&sweep.visit(&flow, now)), ["10.0.0.1 flow_address 10.0.0.1"]);
    sweep.end_round();
    assert!(sweep.is_over() && sweep.visit(&flow, now).is_empty());
    // Too many at once: the last set as a whole.
    let whole = Arc::clone(matcher(&["203.0.113.5", "10.0.0.1"]).set());
    (0..7).for_each(|_| sweep.begin(&other, &whole));
    assert_eq!(sweep.visit(&flow, now).hits().len(), 2);
}
