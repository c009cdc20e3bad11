use super::name;
use crate::Lines;
use crate::samples::{
    alert as sample, end, exported_alert, exported_flow, full_flow, indicator, ip, lookup, observations,
    parsed, plain_flow, translated,
};
use serde_json::{Value, json};
use std::sync::Arc;
use weir_model::alert::{Direction, Field, Grade, Match, Notice};
use weir_model::flow::{Counters, EndReason, HttpSummary, Orientation};
use weir_model::observation::{Fact, HttpHost, HttpRequest, HttpResponse, RequestForm, ToldNames};
use weir_model::{Alert, Flow, FlowId, Indicator, IndicatorValue, Observation, Protocol};

/// The member at a dotted path.
fn member<'a>(event: &'a Value, path: &str) -> Option<&'a Value> {
    event.pointer(&format!("/{}", path.replace('.', "/")))
}

fn fields(event: &Value, paths: &[&str]) -> Vec<Value> {
    paths.iter().map(|path| member(event, path).cloned().unwrap_or_default()).collect()
}

fn alert(alert: &Alert) -> Value {
    parsed(|lines| super::alert(alert, lines))
}

fn flow(flow: &Flow) -> Value {
    parsed(|lines| super::flow(flow, lines))
}

#[test]
fn directions_as_ecs_has_them_and_as_weir_does() {
    for (direction, ecs) in [
        (Direction::Outbound, "outbound"),
        (Direction::Inbound, "inbound"),
        (Direction::Lateral, "internal"),
        (Direction::Transit, "external"),
        (Direction::Unknown, "unknown"),
    ] {
        let event = alert(&sample(direction, Grade::Connected));
        let found = fields(&event, &["network.direction", "weir.incident.direction"]);
        assert_eq!(found, [json!(ecs), json!(direction.keyword())]);
    }
}

#[test]
fn a_notice_has_the_time_of_what_it_says() {
    for notice in Notice::ALL {
        let mut notified = sample(Direction::Outbound, Grade::Connected);
        notified.notice = *notice;
        let event = alert(&notified);
        let same = if *notice == Notice::Opened { "event.start" } else { "event.end" };
        assert_eq!(member(&event, "@timestamp"), member(&event, same), "{notice}");
        assert_eq!(member(&event, "event.action"), Some(&json!(notice.keyword())));
    }
}

#[test]
fn totals_stand_on_the_side_of_their_sender() {
    let totals = |direction, host: Option<&str>| {
        let mut alerted = sample(direction, Grade::Exchanged);
        if let Some(host) = host {
            alerted.host = Some(ip(host));
        }
        fields(&alert(&alerted), &["source.bytes", "destination.bytes", "source.packets", "network.bytes"])
    };
    assert_eq!(totals(Direction::Outbound, None), [2000, 12_000, 10, 14_000]);
    assert_eq!(
        totals(Direction::Inbound, None),
        [12_000, 2000, 12, 14_000],
        "sent by the inside, which answered"
    );
    assert_eq!(
        totals(Direction::Unknown, Some("203.0.113.9")),
        [12_000, 2000, 12, 14_000],
        "the host answered"
    );
}

#[test]
fn severities_and_categories() {
    let event = alert(&sample(Direction::Outbound, Grade::LookedUp));
    let found = fields(&event, &["event.severity", "event.kind", "event.category", "event.type"]);
    assert_eq!(
        found,
        [json!(4), json!("alert"), json!(["network", "threat"]), json!(["protocol", "indicator"])]
    );
    let event = alert(&sample(Direction::Outbound, Grade::Attempted));
    assert_eq!(member(&event, "event.type"), Some(&json!(["connection", "indicator"])));
}

#[test]
fn every_match_and_every_other_indicator_is_an_enrichment() {
    let mut alerted = sample(Direction::Outbound, Grade::Exchanged);
    alerted.matched.push(Match { field: Field::Certificate, value: "ab".repeat(20).into() });
    alerted.matched.push(Match { field: Field::Certificate, value: "cd".repeat(32).into() });
    alerted.also_matched = vec![indicator(IndicatorValue::Address(ip("203.0.113.9")))];
    let event = alert(&alerted);
    let enrichments = member(&event, "threat.enrichments").unwrap().as_array().unwrap();
    let found: Vec<_> = enrichments
        .iter()
        .map(|enrichment| (&enrichment["indicator"]["name"], &enrichment["matched"]["field"]))
        .collect();
    assert_eq!(
        found,
        [
            (&json!("evil.example"), &json!("tls.client.server_name")),
            (&json!("evil.example"), &json!("tls.server.hash.sha1")),
            (&json!("evil.example"), &json!("tls.server.hash.sha256")),
            (&json!("203.0.113.9"), &Value::Null),
        ]
    );
    assert_eq!(enrichments[3]["indicator"]["ip"], "203.0.113.9");
    assert_eq!(enrichments[0]["matched"]["id"], "bad.txt:7");
    // The field named is one that the event has.
    assert_eq!(member(&alert(&alerted), "threat.indicator.type"), Some(&json!("domain-name")));
}

#[test]
fn confidence_is_on_the_scale_of_stix() {
    let scale = |number| {
        let mut listed = Indicator::clone(&indicator(IndicatorValue::Address(ip("203.0.113.9"))));
        listed.contexts[0].confidence = Some(number);
        let mut alerted = sample(Direction::Outbound, Grade::Exchanged);
        alerted.indicator = Arc::new(listed);
        fields(&alert(&alerted), &["threat.indicator.confidence"]).remove(0)
    };
    let ends = [0, 1, 29, 30, 69, 70, 100].map(scale);
    assert_eq!(ends, ["None", "Low", "Low", "Medium", "Medium", "High", "High"]);
}

#[test]
fn the_age_is_counted_from_the_latest_source() {
    let event = alert(&sample(Direction::Outbound, Grade::Exchanged));
    assert_eq!(
        member(&event, "weir.indicator.age_days"),
        Some(&json!(3)),
        "1,763,803,600 less 1,763,500,000 seconds"
    );
}

#[test]
fn a_translated_host_is_given_with_port_and_time() {
    let mut alerted = sample(Direction::Outbound, Grade::Exchanged);
    assert_eq!(member(&alert(&alerted), "weir.nat"), None);
    alerted.translated = vec![translated(51_000), translated(51_001)];
    let entry = |port| {
        json!({
            "ip": "10.1.2.3", "port": port, "transport": "tcp", "time": "2025-11-22T08:26:40.25Z",
            "destination": { "ip": "203.0.113.9", "port": 443 },
        })
    };
    assert_eq!(member(&alert(&alerted), "weir.nat"), Some(&json!([entry(51_000), entry(51_001)])));
}

#[test]
fn the_first_look_up_is_the_dns_of_an_alert() {
    let mut alerted = sample(Direction::Outbound, Grade::LookedUp);
    alerted.lookups.push(weir_model::alert::Lookup { rcode: Some(3), ..lookup() });
    let event = alert(&alerted);
    let found = fields(&event, &["dns.question.name", "dns.question.type", "dns.response_code", "dns.type"]);
    assert_eq!(found, ["evil.example", "A", "NOERROR", "answer"]);
    assert_eq!(member(&event, "weir.lookups").unwrap().as_array().unwrap().len(), 2);
    assert_eq!(member(&event, "weir.lookups").unwrap()[1]["response_code"], "NXDOMAIN");
}

#[test]
fn flows_start_and_end_where_that_was_seen() {
    let types = |change: fn(&mut Flow)| {
        let mut changed = plain_flow();
        change(&mut changed);
        fields(&flow(&changed), &["event.type"]).remove(0)
    };
    assert_eq!(types(|_| ()), json!(["connection", "start", "end"]));
    assert_eq!(types(|flow| flow.continues = Some(FlowId(1))), json!(["connection", "end"]));
    assert_eq!(types(|flow| flow.orientation = Orientation::Payload), json!(["connection", "end"]));
    assert_eq!(types(|flow| flow.end = EndReason::Active), json!(["connection", "start"]));
    assert_eq!(types(|flow| flow.end = EndReason::EndOfInput), json!(["connection", "start"]));
}

#[test]
fn a_flow_has_both_its_sides() {
    let event = flow(&plain_flow());
    let found = fields(
        &event,
        &["source.bytes", "destination.bytes", "network.bytes", "source.port", "destination.port"],
    );
    assert_eq!(found, [2000, 12_000, 14_000, 51_000, 443]);
    assert_eq!(member(&event, "weir.flow.source.tcp_flags"), Some(&json!(["fin", "syn", "psh", "ack"])));
    assert_eq!(member(&event, "weir.flow.one_sided"), None);
    let one_sided = Flow { reverse: Counters::default(), ..plain_flow() };
    assert_eq!(member(&flow(&one_sided), "weir.flow.one_sided"), Some(&json!(true)));
    let full = flow(&full_flow());
    assert_eq!(fields(&full, &["network.vlan.id", "network.inner.vlan.id"]), ["100", "200"]);
    assert_eq!(
        member(&full, "related.ip"),
        Some(&json!(["10.1.2.3", "203.0.113.9", "192.0.2.7", "192.0.2.8"]))
    );
}

#[test]
fn protocols_without_ports_have_none() {
    let ping = Flow {
        protocol: Protocol::ICMP,
        initiator: end("10.1.2.3", 8),
        responder: end("203.0.113.9", 0),
        ..plain_flow()
    };
    let event = flow(&ping);
    assert_eq!(fields(&event, &["source.port", "destination.port"]), [Value::Null, Value::Null]);
    assert_eq!(fields(&event, &["network.transport", "network.iana_number"]), ["icmp", "1"]);
}

#[test]
fn a_name_is_told_from_the_end_that_asked() {
    for observation in observations() {
        let event = parsed(|lines| name(FlowId(17), Protocol::UDP, &observation, lines));
        assert_eq!(fields(&event, &["source.ip", "destination.ip"]), ["10.1.2.3", "10.1.0.53"], "{event}");
    }
    let status = Fact::HttpResponse(Arc::new(HttpResponse { status: 200 }));
    let observation = Observation { fact: status, ..observations().remove(0) };
    let mut lines = Lines::default();
    name(FlowId(17), Protocol::UDP, &observation, &mut lines);
    assert_eq!((lines.count(), lines.bytes()), (0, &b""[..]));
}

#[test]
fn urls_are_written_whole() {
    let written = |host, port, form| {
        let request = HttpRequest {
            method: "GET".into(),
            host: Some(host),
            port,
            path: "/a?b".into(),
            user_agent: None,
            form,
        };
        let http = HttpSummary { request: Some(Arc::new(request)), status: None, requests: 1 };
        fields(&flow(&Flow { http: Some(Box::new(http)), ..plain_flow() }), &["url.full"]).remove(0)
    };
    let evil = || HttpHost::Name(crate::samples::name("evil.example"));
    assert_eq!(written(evil(), None, RequestForm::Origin), "http://evil.example/a?b");
    assert_eq!(written(evil(), Some(80), RequestForm::Absolute), "http://evil.example/a?b");
    assert_eq!(written(evil(), Some(8080), RequestForm::Origin), "http://evil.example:8080/a?b");
    assert_eq!(
        written(HttpHost::Address(ip("2001:db8::1")), None, RequestForm::Origin),
        "http://[2001:db8::1]/a?b"
    );
    assert_eq!(written(evil(), Some(443), RequestForm::Connect), Value::Null);
}

#[test]
fn what_routers_told_is_in_its_fields() {
    let event = flow(&exported_flow());
    let found = fields(
        &event,
        &[
            "agent.type",
            "observer.type",
            "observer.product",
            "observer.ingress.interface.id",
            "source.as.number",
            "source.nat.ip",
            "destination.nat.port",
            "source.bytes",
            "weir.flow.estimated.source.bytes",
            "weir.flow.exported.sampling.one_in",
            "weir.flow.exported.firewall_event",
            "weir.flow.exported.clock_correction",
        ],
    );
    let expected = json!([
        "weir",
        "firewall",
        null,
        "11",
        64_500,
        "198.51.100.1",
        8443,
        2000,
        2_000_000,
        1000,
        "updated",
        -3_600_000_000_000_i64
    ]);
    assert_eq!(Value::from(found), expected);
    assert_eq!(member(&event, "observer.ip"), Some(&json!(["192.0.2.1", "192.0.2.2"])));
    assert_eq!(
        member(&event, "related.ip"),
        Some(&json!(["10.1.2.3", "203.0.113.9", "198.51.100.1", "198.51.100.9"]))
    );
    let of_tap = flow(&plain_flow());
    assert_eq!(
        fields(&of_tap, &["agent", "observer.product", "weir.flow.exported"]),
        [Value::Null, json!("Weir"), Value::Null]
    );
}

#[test]
fn sampled_flows_are_neither_scaled_in_place_nor_called_one_sided() {
    let mut half = exported_flow();
    half.reverse = Counters::default();
    assert_eq!(member(&flow(&half), "weir.flow.one_sided"), None);
    half.exported.as_mut().unwrap().sampling = None;
    let event = flow(&half);
    assert_eq!(member(&event, "weir.flow.one_sided"), Some(&json!(true)));
    assert_eq!(member(&event, "weir.flow.estimated"), None);
    let opening = weir_model::flow::TcpSummary { syn: true, ..Default::default() };
    let mut syn = Flow { tcp: Some(opening), ..half };
    let all = json!({ "handshake": false, "state": "opening", "syn": true, "syn_ack": false });
    assert_eq!(member(&flow(&syn), "weir.flow.tcp"), Some(&all));
    syn.exported.as_mut().unwrap().sampling = exported_flow().exported.unwrap().sampling;
    assert_eq!(member(&flow(&syn), "weir.flow.tcp"), Some(&json!({ "syn": true })));
    let event = alert(&exported_alert(Direction::Inbound, Grade::Connected));
    let found = fields(
        &event,
        &["source.bytes", "weir.incident.received.bytes", "weir.incident.estimated.received.bytes"],
    );
    assert_eq!(found, [12_000, 12_000, 12_000_000]);
    assert_eq!(member(&event, "weir.incident.sampled_one_in"), Some(&json!(1000)));
    let unsampled = alert(&sample(Direction::Inbound, Grade::Connected));
    assert_eq!(
        fields(&unsampled, &["weir.incident.estimated", "weir.incident.sampled_one_in"]),
        [Value::Null, Value::Null]
    );
}

#[test]
fn totals_stand_on_their_side_where_the_host_is_behind_a_translator() {
    let mut alerted = exported_alert(Direction::Outbound, Grade::Exchanged);
    let mut example = exported_flow();
    example.initiator = end("198.51.100.1", 1024);
    example.exported.as_mut().unwrap().initiator_translated = Some(end("10.1.2.3", 51_000));
    alerted.example = Arc::new(example);
    assert_eq!(fields(&alert(&alerted), &["source.bytes", "destination.bytes"]), [2000, 12_000]);
}

#[test]
fn names_told_by_routers_have_their_line() {
    let told = |change: fn(&mut ToldNames)| {
        let mut names = ToldNames::default();
        change(&mut names);
        let observation = Observation { fact: Fact::Told(Arc::new(names)), ..observations().pop().unwrap() };
        let event = parsed(|lines| name(FlowId(17), Protocol::TCP, &observation, lines));
        let paths =
            ["network.protocol", "dns.question.name", "tls.client.server_name", "url.full", "related.hosts"];
        Value::from(fields(&event, &paths))
    };
    assert_eq!(
        told(|names| names.dns_question = crate::samples::told_names().dns_question.clone()),
        json!(["dns", "evil.example", null, null, ["evil.example"]])
    );
    assert_eq!(
        told(|names| names.server_name = crate::samples::told_names().server_name.clone()),
        json!(["tls", null, "www.evil.example", null, ["www.evil.example"]])
    );
    assert_eq!(
        told(|names| {
            names.http_host = crate::samples::told_names().http_host.clone();
            names.http_path = "/a?b".into();
        }),
        json!(["http", null, null, "http://web.evil.example/a?b", ["web.evil.example"]])
    );
}

#[test]
fn a_look_up_whose_type_nobody_told_has_none() {
    let mut alerted = sample(Direction::Outbound, Grade::LookedUp);
    alerted.lookups[0].qtype = 0;
    let event = alert(&alerted);
    assert_eq!(
        fields(&event, &["dns.question.type", "dns.question.name"]),
        [Value::Null, json!("evil.example")]
    );
    assert_eq!(member(&event, "weir.lookups").unwrap()[0].get("type"), None);
}

#[test]
fn counters_that_no_store_can_hold_are_cut() {
    let mut flood = exported_flow();
    for side in [&mut flood.forward, &mut flood.reverse] {
        (side.packets, side.ip_bytes) = (u64::MAX, u64::MAX);
    }
    let event = flow(&flood);
    assert_eq!(fields(&event, &["source.bytes", "network.bytes", "network.packets"]), [i64::MAX; 3]);
}
