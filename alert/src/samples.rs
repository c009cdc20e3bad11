//! Sample objects for the tests of this crate: between them they have every field.

use crate::Lines;
use serde_json::Value;
use smallvec::smallvec;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;
use uuid::Uuid;
use weir_model::alert::{
    Direction, Field, Grade, Lookup, Match, Notice, Rewritten, Role, Severity, Traffic, Translated,
};
use weir_model::exported::Observer;
use weir_model::flow::{
    Counters, EndReason, FlowName, HttpSummary, NameSource, Orientation, TcpState, TcpSummary, TlsSummary,
    Tunnel, TunnelKind,
};
use weir_model::indicator::{Further, Report, Side, Threat, Url};
use weir_model::notice::Matter;
use weir_model::observation::{
    Certificate, ClientHello, DnsData, DnsMessage, DnsQuestion, DnsRecord, Edns, Fact, HttpHost, HttpRequest,
    RequestForm, TlsTransport, ToldNames,
};
use weir_model::record::{ObservedAt, SamplingSource};
use weir_model::{
    Alert, ClockQuality, Context, Effect, Endpoint, ExportVersion, Exported, Flow, FlowId, Indicator,
    IndicatorValue, Name, Observation, Protocol, Sampling, SourceNotice, Timestamp, Tlp, Warning, record,
};

pub(crate) const FIRST: Timestamp = Timestamp::new(1_763_800_000, 250_000_000);

/// An event read back. Its bytes must be what serde_json makes of it, which has keys in alphabetical order and each once,
/// and escapes what it must.
pub(crate) fn parsed(render: impl FnOnce(&mut Lines)) -> Value {
    let mut lines = Lines::default();
    render(&mut lines);
    assert_eq!(lines.count(), 1);
    let value: Value = serde_json::from_slice(lines.bytes()).unwrap();
    assert_eq!(str::from_utf8(lines.bytes()).unwrap(), format!("{value}\n"));
    value
}

pub(crate) fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

pub(crate) fn name(text: &str) -> Name {
    Name::from_ascii(text.as_bytes()).unwrap()
}

pub(crate) fn end(address: &str, port: u16) -> Endpoint {
    Endpoint::new(ip(address), port)
}

fn after(seconds: u64) -> Timestamp {
    FIRST + Duration::from_secs(seconds)
}

pub(crate) fn certificate() -> Arc<Certificate> {
    Arc::new(Certificate {
        position: 0,
        sha1: [0xab; 20],
        sha256: [0xcd; 32],
        subject: "CN=evil.example".into(),
        issuer: "CN=Some CA".into(),
        names: vec![name("evil.example"), name("www.evil.example")],
        not_before: 1_760_000_000,
        not_after: 1_790_000_000,
    })
}

pub(crate) fn request() -> Arc<HttpRequest> {
    Arc::new(HttpRequest {
        method: "GET".into(),
        host: Some(HttpHost::Name(name("evil.example"))),
        port: Some(8080),
        path: "/gate.php?id=7".into(),
        user_agent: Some("curl/8.14.1".into()),
        form: RequestForm::Origin,
    })
}

/// A flow without anything but its counters.
pub(crate) fn plain_flow() -> Flow {
    Flow {
        id: FlowId(17),
        continues: None,
        protocol: Protocol::TCP,
        initiator: end("10.1.2.3", 51_000),
        responder: end("203.0.113.9", 443),
        orientation: Orientation::Start,
        first: FIRST,
        last: after(12),
        forward: Counters {
            packets: 10,
            ip_bytes: 2000,
            payload_bytes: 1400,
            tcp_flags: 0x1b,
            retransmissions: 1,
            acknowledged_bytes: 9000,
        },
        reverse: Counters {
            packets: 12,
            ip_bytes: 12_000,
            payload_bytes: 11_000,
            tcp_flags: 0x1b,
            retransmissions: 2,
            acknowledged_bytes: 1400,
        },
        tcp: Some(TcpSummary { syn: true, syn_ack: true, handshake: true, state: TcpState::Closed }),
        icmp: None,
        icmp_errors: 0,
        end: EndReason::Fin,
        vlans: smallvec![],
        mpls: smallvec![],
        tunnels: smallvec![],
        application: Some("tls"),
        name: None,
        other_names: Vec::new(),
        tls: None,
        http: None,
        dns_messages: (0, 0),
        exported: None,
    }
}

pub(crate) fn tunnel() -> Tunnel {
    Tunnel { kind: TunnelKind::Vxlan, source: ip("192.0.2.7"), destination: ip("192.0.2.8"), id: Some(42) }
}

pub(crate) fn translated(port: u16) -> Translated {
    Translated {
        time: FIRST,
        end: end("10.1.2.3", port),
        peer: end("203.0.113.9", 443),
        protocol: Protocol::TCP,
    }
}

/// A flow with everything at once, which no real one has.
pub(crate) fn full_flow() -> Flow {
    let flow_name =
        |text, source| FlowName { name: name(text), source, time: FIRST, aliases: vec![name("cdn.example")] };
    Flow {
        continues: Some(FlowId(3)),
        icmp: Some((3, 1)),
        icmp_errors: 2,
        reverse: Counters::default(),
        vlans: smallvec![100, 200],
        mpls: smallvec![16_001],
        tunnels: smallvec![tunnel()],
        name: Some(flow_name("evil.example", NameSource::TlsSni)),
        other_names: vec![flow_name("www.evil.example", NameSource::PassiveDnsClient)],
        tls: Some(Box::new(TlsSummary {
            server_name: Some(name("evil.example")),
            ja3: Some([0x3a; 16]),
            ja4: Some("t13d1516h2_8daaf6152771_e5627efa2ab1".into()),
            alpn: vec!["h2".into()],
            ech_offered: true,
            version: Some(0x0303),
            cipher: Some(0xc02f),
            certificate: Some(certificate()),
        })),
        http: Some(Box::new(HttpSummary { request: Some(request()), status: Some(200), requests: 2 })),
        dns_messages: (2, 1),
        exported: None,
        ..plain_flow()
    }
}

fn observer(exporter: &str, observed_at: ObservedAt) -> Observer {
    Observer {
        exporter: ip(exporter),
        version: ExportVersion::NetFlow9,
        domain: 7,
        observed_at: Some(observed_at),
        input: Some(11),
        output: Some(12),
        next_hop: Some(ip("192.0.2.254")),
        records: 2,
        forward: record::Counters { packets: 10, bytes: 2000 },
        reverse: record::Counters { packets: 12, bytes: 12_000 },
        sampling: Sampling::new(1, 1000, SamplingSource::Interface),
    }
}

/// A flow that two routers told of, with all that they can tell.
pub(crate) fn exported_flow() -> Flow {
    let exported = Exported {
        observers: smallvec![
            observer("192.0.2.1", ObservedAt::Ingress),
            observer("192.0.2.2", ObservedAt::Egress)
        ],
        records: 4,
        sampling: Sampling::new(1, 1000, SamplingSource::Interface),
        estimated_forward: record::Counters { packets: 10_000, bytes: 2_000_000 },
        estimated_reverse: record::Counters { packets: 12_000, bytes: 12_000_000 },
        initiator_translated: Some(end("198.51.100.1", 1024)),
        responder_translated: Some(end("198.51.100.9", 8443)),
        initiator_as: Some(64_500),
        responder_as: Some(64_501),
        forward_tos: Some(0),
        reverse_tos: Some(0x28),
        firewall_event: Some(5),
        nat_event: Some(1),
        application: Some("ssl".into()),
        began_together: false,
        clock_correction: -3_600_000_000_000,
    };
    Flow { tcp: None, vlans: smallvec![100], exported: Some(Box::new(exported)), ..plain_flow() }
}

/// An alert about flows that one router told of, sampled 1 in 1000.
pub(crate) fn exported_alert(direction: Direction, grade: Grade) -> Alert {
    let alert = alert(direction, grade);
    let mut exported = exported_flow().exported.unwrap();
    exported.observers.truncate(1);
    exported.firewall_event = None;
    (exported.initiator_translated, exported.responder_translated) = (None, None);
    let example = Flow { tcp: None, exported: Some(exported.clone()), ..Flow::clone(&alert.example) };
    Alert {
        at_least: grade == Grade::Attempted || grade == Grade::Connected,
        sampling: exported.sampling,
        estimated_sent: exported.estimated_forward,
        estimated_received: exported.estimated_reverse,
        example: Arc::new(example),
        ..alert
    }
}

pub(crate) fn indicator(value: IndicatorValue) -> Arc<Indicator> {
    let context = Context {
        source: "bad.txt".into(),
        line: Some(7),
        description: Some("C2 of X".into()),
        tags: vec!["botnet".into()],
        reference: Some("https://report.example/1".into()),
        confidence: Some(80),
        first_seen: Some(Timestamp::new(1_763_000_000, 0)),
        last_seen: Some(Timestamp::new(1_763_500_000, 0)),
        tlp: Some(Tlp::Amber),
        further: Some(Arc::new(Further {
            id: Some(Uuid::from_u128(0x5eb7_ec0d_7fbc_4e5a_9f0c_1f6f_0a0a_020f)),
            report: Some(Arc::new(Report {
                id: Some(Uuid::from_u128(0x5d9b_5933_964c_433c_b84f_4c68_0a2f_e004)),
                title: Some("X is back".into()),
            })),
            organisation: Some("CERT X".into()),
            threats: [Threat { kind: "malware".into(), name: "X".into() }].into(),
            types: ["malicious-activity".into()].into(),
            side: Some(Side::Destination),
            valid_from: Some(Timestamp::new(1_763_000_000, 0)),
            valid_until: Some(Timestamp::new(1_770_000_000, 0)),
        })),
    };
    Arc::new(Indicator::new(value, vec![context]))
}

pub(crate) fn lookup() -> Lookup {
    Lookup {
        time: FIRST,
        client: end("10.1.2.3", 40_000),
        server: end("10.1.0.53", 53),
        name: name("evil.example"),
        qtype: 1,
        rcode: Some(0),
        addresses: vec![ip("203.0.113.9")],
        aliases: Vec::new(),
        cut: false,
        rewritten: None,
    }
}

/// An alert of this direction and grade, with what such an incident always has and nothing else.
pub(crate) fn alert(direction: Direction, grade: Grade) -> Alert {
    let mut example = plain_flow();
    let mut host = Some(ip("10.1.2.3"));
    match direction {
        Direction::Inbound => {
            std::mem::swap(&mut example.initiator, &mut example.responder);
            example.responder.port = 22;
            host = None;
        }
        Direction::Lateral => example.responder = end("10.9.9.9", 445),
        Direction::Transit => {
            example.initiator = end("198.51.100.4", 51_000);
            host = Some(example.initiator.ip);
        }
        Direction::Unknown => example.orientation = Orientation::FirstPacket,
        Direction::Outbound => {}
    }
    let looked_up = grade == Grade::LookedUp;
    let field = if looked_up { Field::DnsQuestion } else { Field::TlsSni };
    Alert {
        id: Uuid::from_u128(1),
        incident: Uuid::from_u128(2),
        notice: Notice::Closed,
        number: 1,
        unsent: 0,
        indicator: indicator(IndicatorValue::Domain(name("evil.example"))),
        also_matched: Vec::new(),
        matched: vec![Match { field, value: "evil.example".into() }],
        direction,
        grade,
        at_least: false,
        severity: Severity::High,
        known_as: None,
        warned: None,
        host,
        roles: Vec::new(),
        first: FIRST,
        last: after(3600),
        flows: 3,
        connections: if looked_up { 0 } else { 3 },
        sent: Traffic { packets: 10, ip_bytes: 2000, payload_bytes: 1400 },
        received: Traffic { packets: 12, ip_bytes: 12_000, payload_bytes: 11_000 },
        sampling: None,
        estimated_sent: record::Counters { packets: 10, bytes: 2000 },
        estimated_received: record::Counters { packets: 12, bytes: 12_000 },
        example: Arc::new(example),
        tunnel: None,
        names: vec![(name("evil.example"), NameSource::TlsSni)],
        lookups: if looked_up { vec![lookup()] } else { Vec::new() },
        lookup_count: u64::from(looked_up),
        touched: if direction == Direction::Inbound {
            vec![ip("10.1.2.3"), ip("10.1.2.4")]
        } else {
            Vec::new()
        },
        touched_count: if direction == Direction::Inbound { 40 } else { 0 },
        other_hosts: Vec::new(),
        other_host_count: 0,
        called_back: Vec::new(),
        touched_before: None,
        translated: Vec::new(),
        unknown_client: false,
        resolvers: Vec::new(),
        previous: None,
        clock: None,
    }
}

/// Alerts that between them have every field.
/// The same, held by a warninglist.
pub(crate) fn warned(value: IndicatorValue, effect: Effect) -> Arc<Indicator> {
    let warnings = [Warning { list: "List of known Cloudflare IP ranges".into(), effect }].into();
    Arc::new(Indicator { warnings, ..(*indicator(value)).clone() })
}

/// One of each matter.
pub(crate) fn notices() -> Vec<SourceNotice> {
    let value = IndicatorValue::AddressPort(ip("203.0.113.9"), 443);
    let contexts = warned(value.clone(), Effect::Shared).contexts.clone();
    let matters = [
        Matter::Listed { value, home: "203.0.113.0/24".parse().unwrap(), contexts },
        Matter::Held { reason: "it came back empty".into(), before: 12, brought: 0 },
        Matter::Released,
        Matter::Stale { last_success: Some(FIRST), error: Some("timed out".into()) },
        Matter::Recovered,
        Matter::NotSaved { reason: "no space left".into() },
        Matter::CanaryLost { last_seen: Some(FIRST) },
        Matter::Folded {
            since: FIRST,
            messages: 1_200,
            incidents: 1_100,
            by_severity: [0, 1_000, 190, 10],
            kinds: vec![("outbound looked_up domain-name".into(), 1_000)],
        },
        Matter::Delayed { since: FIRST, reason: "no space left".into() },
    ];
    let told = |matter| SourceNotice { time: after(60), source: Some("feodo".into()), matter };
    matters.map(told).into()
}

pub(crate) fn full_alerts() -> Vec<Alert> {
    let every_lookup = Lookup {
        aliases: vec![name("alias.example")],
        cut: true,
        rewritten: Some(Rewritten::LocalAddress(ip("127.0.0.1"))),
        ..lookup()
    };
    let full = Alert {
        also_matched: vec![indicator(IndicatorValue::Network("203.0.113.0/24".parse().unwrap()))],
        number: 3,
        unsent: 1,
        at_least: true,
        known_as: Some(Side::Source),
        warned: Some(Effect::Lower),
        roles: vec![Role::Nat],
        example: Arc::new(full_flow()),
        lookups: vec![every_lookup],
        lookup_count: 1,
        touched: vec![ip("10.1.2.4")],
        touched_count: 1,
        other_hosts: vec![ip("10.1.2.5")],
        other_host_count: 1,
        called_back: vec![ip("10.1.2.6")],
        touched_before: Some(FIRST),
        tunnel: Some(tunnel()),
        translated: vec![translated(51_000)],
        unknown_client: true,
        resolvers: vec![ip("10.1.0.53")],
        previous: Some(Uuid::from_u128(3)),
        clock: Some(kept_clock()),
        ..alert(Direction::Outbound, Grade::Exchanged)
    };
    let url = Url { host: name("evil.example"), port: Some(8080), path: "/gate.php?id=7".into() };
    let values = [
        IndicatorValue::AddressPort(ip("203.0.113.9"), 443),
        IndicatorValue::Url(url),
        IndicatorValue::Ja4("t13d1516h2_8daaf6152771_e5627efa2ab1".into()),
        IndicatorValue::CertificateSha256([0xcd; 32]),
    ];
    let with = |value| Alert { indicator: warned(value, Effect::Lower), ..full.clone() };
    let mut alerts: Vec<Alert> = values.into_iter().map(with).collect();
    alerts.push(full);
    let exported = exported_alert(Direction::Outbound, Grade::Connected);
    let clock = Some(ClockQuality::Unsynchronised);
    alerts.push(Alert { example: Arc::new(exported_flow()), clock, ..exported });
    alerts.push(alert(Direction::Outbound, Grade::Exchanged));
    alerts
}

pub(crate) const fn kept_clock() -> ClockQuality {
    let (estimated_error, maximum_error) = (Duration::from_micros(180), Duration::from_micros(21_500));
    ClockQuality::Synchronised { estimated_error, maximum_error }
}

/// The example of docs/EVENTS.md.
pub(crate) fn documented_alert() -> Alert {
    let known =
        FlowName { name: name("evil.example"), source: NameSource::TlsSni, time: FIRST, aliases: Vec::new() };
    let tls = TlsSummary {
        server_name: Some(name("evil.example")),
        ja3: Some([0x3a; 16]),
        ja4: Some("t13d1516h2_8daaf6152771_e5627efa2ab1".into()),
        alpn: vec!["h2".into()],
        version: Some(0x0304),
        cipher: Some(0x1301),
        ..TlsSummary::default()
    };
    let example = Flow { name: Some(known), tls: Some(Box::new(tls)), ..plain_flow() };
    Alert { example: Arc::new(example), ..alert(Direction::Outbound, Grade::Exchanged) }
}

fn dns_answer() -> DnsMessage {
    let question = |text| DnsQuestion { name: name(text), qtype: 1, qclass: 1 };
    let record = |text, rtype, data| DnsRecord { name: name(text), rtype, class: 1, ttl: 60, data };
    DnsMessage {
        id: 4711,
        is_response: true,
        recursion_desired: true,
        questions: vec![question("evil.example"), question("second.example")],
        answers: vec![
            record("evil.example", 5, DnsData::Cname(name("alias.example"))),
            record("alias.example", 1, DnsData::A([203, 0, 113, 9].into())),
        ],
        further: vec![record("example", 2, DnsData::Name(name("ns.example")))],
        edns: Some(Edns {
            udp_payload: 1232,
            dnssec_ok: true,
            extended_error: Some(15),
            client_subnet: Some((ip("192.0.2.0"), 24)),
            ..Edns::default()
        }),
        cut: true,
        link_local: true,
        ..DnsMessage::default()
    }
}

pub(crate) fn told_names() -> Arc<ToldNames> {
    Arc::new(ToldNames {
        dns_question: Some(name("evil.example")),
        server_name: Some(name("www.evil.example")),
        http_host: Some(HttpHost::Name(name("web.evil.example"))),
        http_port: Some(8080),
        http_path: "/gate.php?id=7".into(),
    })
}

/// One observation of each kind that becomes a name line.
pub(crate) fn observations() -> Vec<Observation> {
    let (client, server) = (end("10.1.2.3", 40_000), end("10.1.0.53", 53));
    let observation =
        |source, destination, fact| Observation { time: FIRST, packet: 99, source, destination, fact };
    let hello = ClientHello {
        server_name: Some(name("evil.example")),
        alpn: vec!["h3".into()],
        version: 0x0304,
        ja3: [0x3a; 16],
        ja4: "q13d0310h3_55b375c5d22e_cd85d2d88918".into(),
        ech_offered: true,
        transport: TlsTransport::Quic(1),
    };
    vec![
        observation(server, client, Fact::Dns(Arc::new(dns_answer()))),
        observation(client, server, Fact::ClientHello(Arc::new(hello))),
        observation(client, server, Fact::HttpRequest(request())),
        observation(server, client, Fact::Certificate(certificate())),
        observation(client, server, Fact::Told(told_names())),
    ]
}
