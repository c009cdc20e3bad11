//! Alerts.

use super::{base, flow, indicator, related, related_ips, wire};
use crate::{Event, sentence};
use serde_json::{Map, Value, json};
use std::net::IpAddr;
use weir_model::alert::{Direction, Grade, Lookup, Match, Notice, Rewritten, Traffic, Translated};
use weir_model::{Alert, Name, Timestamp};

/// A notice of an incident.
///
/// `@timestamp` is the time at which what the notice says had happened: the first packet for `opened`, the last for
/// every other notice. Both are in `event.start` and `event.end`. The connection described is the incident's
/// example flow; bytes and packets are those of all its flows.
pub fn alert(alert: &Alert) -> Event {
    let mut event = base("alert", "weir.alert", time(alert));
    event.set("event.category", ["network", "threat"].as_slice());
    let seen = if alert.grade == Grade::LookedUp { "protocol" } else { "connection" };
    event.set("event.type", [seen, "indicator"].as_slice());
    event.set("event.id", alert.id.to_string());
    event.set("event.action", alert.notice.keyword());
    event.set("event.severity", severity(alert));
    event.set("event.start", alert.first.to_string());
    event.set("event.end", alert.last.to_string());
    event.set("event.duration", flow::nanos(alert.last.since(alert.first)));
    event.set("message", sentence::sentence(alert));
    flow::describe(&mut event, &alert.example);
    totals(&mut event, alert);
    event.set("network.direction", ecs_direction(alert.direction));
    lookups(&mut event, alert);
    indicator::threat(&mut event, alert);
    incident(&mut event, alert);
    other_hosts(&mut event, alert);
    related_ips(&mut event, addresses(alert));
    related(&mut event, "related.hosts", hosts(alert));
    related(&mut event, "related.hash", flow::hashes(&alert.example));
    event
}

fn time(alert: &Alert) -> Timestamp {
    if alert.notice == Notice::Opened { alert.first } else { alert.last }
}

/// 1 informational to 4 high.
fn severity(alert: &Alert) -> u8 {
    alert.severity as u8 + 1
}

fn ecs_direction(direction: Direction) -> &'static str {
    match direction {
        Direction::Outbound => "outbound",
        Direction::Inbound => "inbound",
        Direction::Lateral => "internal",
        Direction::Transit => "external",
        Direction::Unknown => "unknown",
    }
}

/// The incident's totals, on the sides of the example flow.
fn totals(event: &mut Event, alert: &Alert) {
    let source = alert.tunnel.map_or(alert.example.initiator.ip, |tunnel| tunnel.source);
    let host_began = alert.host.map_or(alert.direction != Direction::Inbound, |host| host == source);
    let (source, destination) =
        if host_began { (alert.sent, alert.received) } else { (alert.received, alert.sent) };
    for (side, traffic) in [("source", source), ("destination", destination)] {
        event.set(&format!("{side}.bytes"), traffic.ip_bytes);
        event.set(&format!("{side}.packets"), traffic.packets);
    }
    event.set("network.bytes", source.ip_bytes + destination.ip_bytes);
    event.set("network.packets", source.packets + destination.packets);
    event.set("weir.incident.sent", traffic(alert.sent));
    event.set("weir.incident.received", traffic(alert.received));
}

fn traffic(traffic: Traffic) -> Value {
    json!({ "packets": traffic.packets, "bytes": traffic.ip_bytes, "payload_bytes": traffic.payload_bytes })
}

fn incident(event: &mut Event, alert: &Alert) {
    event.set("weir.incident.id", alert.incident.to_string());
    event.set("weir.incident.notice", alert.number);
    event.set_some("weir.incident.previous", alert.previous.map(|id| id.to_string()));
    event.set("weir.incident.direction", alert.direction.keyword());
    event.set("weir.incident.grade", alert.grade.keyword());
    event.set_true("weir.incident.at_least", alert.at_least);
    event.set("weir.incident.severity", alert.severity.keyword());
    event.set("weir.incident.flows", alert.flows);
    event.set("weir.incident.connections", alert.connections);
    event.set_some("weir.incident.began", began(alert).map(|ip| ip.to_string()));
    event.set_some("weir.incident.tunnel.type", alert.tunnel.map(|tunnel| tunnel.kind.keyword()));
    event.set_list("weir.incident.tunnel.ip", tunnel_ends(alert).map(|ip| ip.to_string()));
    event.set_list("weir.incident.matched", alert.matched.iter().map(matched));
    event.set_list(
        "weir.incident.names",
        alert
            .names
            .iter()
            .map(|(name, source)| json!({ "value": name.as_str(), "source": source.keyword() })),
    );
    event.set_true("weir.incident.unknown_client", alert.unknown_client);
    event.set_list("weir.incident.resolvers", alert.resolvers.iter().map(ToString::to_string));
    event.set_some("weir.host.ip", alert.host.map(|ip| ip.to_string()));
    event.set_list("weir.host.roles", alert.roles.iter().map(|role| role.keyword()));
    event.set_list("weir.nat", alert.translated.iter().map(translated));
}

/// Who began, where it is known: of a tunnel, its end on the side of the one that began inside it.
fn began(alert: &Alert) -> Option<IpAddr> {
    let known = alert.direction != Direction::Unknown && alert.example.is_start_known();
    known.then(|| alert.tunnel.map_or(alert.example.initiator.ip, |tunnel| tunnel.source))
}

/// What the log of an address translator is to be asked for.
fn translated(translated: &Translated) -> Map<String, Value> {
    let mut fields = Event::default();
    fields.set("time", translated.time.to_string());
    fields.set("ip", translated.end.ip.to_string());
    fields.set("port", translated.end.port);
    fields.set("destination.ip", translated.peer.ip.to_string());
    fields.set("destination.port", translated.peer.port);
    fields.set_some("transport", translated.protocol.keyword());
    fields.into_fields()
}

fn tunnel_ends(alert: &Alert) -> impl Iterator<Item = IpAddr> {
    alert.tunnel.into_iter().flat_map(|tunnel| [tunnel.source, tunnel.destination])
}

fn matched(matched: &Match) -> Value {
    json!({ "field": matched.field.keyword(), "value": &*matched.value })
}

fn other_hosts(event: &mut Event, alert: &Alert) {
    for (field, hosts, count) in [
        ("weir.touched", &alert.touched, alert.touched_count),
        ("weir.other_hosts", &alert.other_hosts, alert.other_host_count),
    ] {
        if count > 0 {
            event.set_list(&format!("{field}.ip"), hosts.iter().map(ToString::to_string));
            event.set(&format!("{field}.count"), count);
        }
    }
    event.set_list("weir.called_back", alert.called_back.iter().map(ToString::to_string));
    event.set_some("weir.touched_before", alert.touched_before.map(|time| time.to_string()));
}

/// `dns.*` tells of the first look-up, `weir.lookups` of all that are kept.
fn lookups(event: &mut Event, alert: &Alert) {
    if alert.lookup_count > 0 {
        event.set("weir.lookup_count", alert.lookup_count);
    }
    event.set_list("weir.lookups", alert.lookups.iter().map(lookup));
    let Some(first) = alert.lookups.first() else {
        return;
    };
    event.set("dns.type", if first.rcode.is_some() { "answer" } else { "query" });
    event.set("dns.question.name", first.name.as_str());
    event.set("dns.question.type", wire::record_type(first.qtype));
    event.set_some("dns.response_code", first.rcode.map(wire::response_code));
    event.set_list("dns.resolved_ip", first.addresses.iter().map(ToString::to_string));
    event.set_list("dns.answers", answers(first));
}

fn answers(lookup: &Lookup) -> Vec<Value> {
    let aliases = lookup.aliases.iter().map(|name| json!({ "type": "CNAME", "data": name.as_str() }));
    let address =
        |ip: &IpAddr| json!({ "type": if ip.is_ipv4() { "A" } else { "AAAA" }, "data": ip.to_string() });
    aliases.chain(lookup.addresses.iter().map(address)).collect()
}

fn lookup(lookup: &Lookup) -> Map<String, Value> {
    let mut fields = Event::default();
    fields.set("time", lookup.time.to_string());
    fields.set("name", lookup.name.as_str());
    fields.set("type", wire::record_type(lookup.qtype));
    for (side, endpoint) in [("client", lookup.client), ("server", lookup.server)] {
        fields.set(&format!("{side}.ip"), endpoint.ip.to_string());
        fields.set(&format!("{side}.port"), endpoint.port);
    }
    fields.set_some("response_code", lookup.rcode.map(wire::response_code));
    fields.set_list("resolved_ip", lookup.addresses.iter().map(ToString::to_string));
    fields.set_list("aliases", lookup.aliases.iter().map(Name::as_str));
    fields.set_some("rewritten", lookup.rewritten.map(rewritten));
    fields.into_fields()
}

fn rewritten(rewritten: Rewritten) -> String {
    match rewritten {
        Rewritten::Declared(code) => format!("declared: extended error {code}"),
        Rewritten::LocalAddress(ip) => format!("local address {ip}"),
        Rewritten::PolicyAlias => "policy alias".to_owned(),
    }
}

fn addresses(alert: &Alert) -> impl Iterator<Item = IpAddr> {
    let looked_up = alert.lookups.iter().flat_map(|lookup| {
        [lookup.client.ip, lookup.server.ip].into_iter().chain(lookup.addresses.iter().copied())
    });
    let lists = [&alert.touched, &alert.other_hosts, &alert.called_back, &alert.resolvers];
    flow::addresses(&alert.example)
        .chain(alert.host)
        .chain(tunnel_ends(alert))
        .chain(looked_up)
        .chain(lists.into_iter().flatten().copied())
}

fn hosts(alert: &Alert) -> impl Iterator<Item = String> {
    let looked_up =
        alert.lookups.iter().flat_map(|lookup| std::iter::once(&lookup.name).chain(&lookup.aliases));
    let names = alert.names.iter().map(|(name, _)| name).chain(looked_up).map(ToString::to_string);
    flow::hosts(&alert.example).chain(names)
}
