//! Alerts.

use super::{Conversation, SCHEMA, Sent, exported, flow, indicator, present};
use crate::formats::registry;
use crate::json::Object;
use crate::{Lines, sentence};
use std::borrow::Cow;
use std::net::IpAddr;
use std::time::Duration;
use weir_model::alert::{Direction, Grade, Lookup, Notice, Rewritten, Traffic, Translated};
use weir_model::indicator::Side;
use weir_model::{Alert, ClockQuality, Effect, Name, Sampling, Timestamp};

/// Adds a notice of an incident.
///
/// `@timestamp` is the time at which what the notice says had happened: the first packet for `opened`, the last for
/// every other notice. Both are in `event.start` and `event.end`. The connection described is the incident's
/// example flow; bytes and packets are those of all its flows.
pub fn alert(alert: &Alert, lines: &mut Lines) {
    let (example, conversation) = (&*alert.example, conversation(alert));
    lines.add(|event| {
        event.set("@timestamp", time(alert));
        exported::agent(event, example);
        event.object("destination", |destination| conversation.destination(destination));
        event.object("dns", |dns| first_lookup(dns, alert));
        event.constant(SCHEMA);
        event.object("event", |event| {
            event.set("action", alert.notice.keyword());
            event.set_list("category", ["network", "threat"]);
            event.set("dataset", "weir.alert");
            event.set("duration", flow::nanos(alert.last.since(alert.first)));
            event.set("end", alert.last);
            event.set("id", format_args!("{}", alert.id));
            event.set("kind", "alert");
            event.set("module", "weir");
            event.set("severity", severity(alert));
            event.set("start", alert.first);
            event.set_list("type", event_types(alert.grade));
        });
        event.object("http", |http| flow::http(http, example));
        event.set("message", &*sentence::sentence(alert));
        event.object("network", |network| conversation.network(network));
        exported::observer(event, example);
        event.object("related", |related| {
            related.set_unique("hash", flow::hashes(example));
            related.set_unique("hosts", present(hosts(alert)));
            related.set_unique("ip", addresses(alert));
        });
        event.object("rule", |rule| indicator::rule(rule, &alert.indicator));
        event.object("source", |source| conversation.source(source));
        event.object("threat", |threat| indicator::threat(threat, alert));
        event.object("tls", |tls| flow::tls(tls, example));
        event.object("url", |url| flow::url(url, example));
        event.object("user_agent", |user_agent| flow::user_agent(user_agent, example));
        event.object("weir", |weir| self::weir(weir, alert));
    });
}

/// All that is under `weir`.
pub(in crate::formats) fn weir(weir: &mut Object<'_>, alert: &Alert) {
    let example = &*alert.example;
    weir.set_list("called_back", alert.called_back.iter().copied());
    weir.object("clock", |clock| self::clock(clock, alert.clock));
    weir.object("dns", |dns| flow::dns_messages(dns, example));
    weir.object("flow", |members| flow::describe(members, example));
    weir.object("host", |host| {
        host.set_some("ip", alert.host);
        host.set_list("roles", alert.roles.iter().map(|role| role.keyword()));
    });
    weir.object("http", |http| flow::weir_http(http, example));
    weir.object("incident", |members| incident(members, alert));
    weir.object("indicator", |members| indicator::weir_indicator(members, &alert.indicator, alert.last));
    weir.set_count("lookup_count", alert.lookup_count);
    weir.objects("lookups", &alert.lookups, lookup);
    weir.object("name", |name| flow::name(name, example));
    weir.objects("nat", &alert.translated, translated);
    weir.object("other_hosts", |others| listed(others, &alert.other_hosts, alert.other_host_count));
    weir.objects("other_names", &example.other_names, flow::flow_name);
    weir.object("tls", |tls| flow::weir_tls(tls, example));
    weir.object("touched", |touched| listed(touched, &alert.touched, alert.touched_count));
    weir.set_some("touched_before", alert.touched_before);
}

/// How right the clock was.
pub(in crate::formats) fn clock(members: &mut Object<'_>, quality: Option<ClockQuality>) {
    let micros = |error: Duration| u64::try_from(error.as_micros()).unwrap_or(u64::MAX);
    let Some(quality) = quality else { return };
    members.set_some("estimated_error_us", quality.estimated_error().map(micros));
    members.set_some("maximum_error_us", quality.maximum_error().map(micros));
    members.set("synchronised", quality.is_synchronised());
}

fn incident(members: &mut Object<'_>, alert: &Alert) {
    members.set_true("at_least", alert.at_least);
    members.set_some("began", began(alert));
    members.set("connections", alert.connections);
    members.set("direction", alert.direction.keyword());
    members.object("estimated", |members| {
        if alert.sampling.is_some() {
            members.object("received", |members| exported::counters(members, alert.estimated_received));
            members.object("sent", |members| exported::counters(members, alert.estimated_sent));
        }
    });
    members.set("flows", alert.flows);
    members.set("grade", alert.grade.keyword());
    members.set("id", format_args!("{}", alert.incident));
    members.set_some("known_as", alert.known_as.map(Side::keyword));
    members.objects("matched", &alert.matched, |members, matched| {
        members.set("field", matched.field.keyword());
        members.set("value", &*matched.value);
    });
    members.objects("names", &alert.names, |members, (name, source)| {
        members.set("source", source.keyword());
        members.set("value", name);
    });
    members.set("notice", alert.number);
    if let Some(previous) = alert.previous {
        members.set("previous", format_args!("{previous}"));
    }
    members.object("received", |members| traffic(members, alert.received));
    members.set_list("resolvers", alert.resolvers.iter().copied());
    members.set_some("sampled_one_in", alert.sampling.map(Sampling::one_in));
    members.object("sent", |members| traffic(members, alert.sent));
    members.set("severity", alert.severity.keyword());
    members.object("tunnel", |tunnel| {
        tunnel.set_list("ip", tunnel_ends(alert));
        tunnel.set_some("type", alert.tunnel.map(|tunnel| tunnel.kind.keyword()));
    });
    members.set_true("unknown_client", alert.unknown_client);
    members.set_some("unsent", (alert.unsent > 0).then_some(alert.unsent));
    members.set_some("warned", alert.warned.map(Effect::keyword));
}

/// When what it says had happened.
pub(in crate::formats) fn time(alert: &Alert) -> Timestamp {
    if alert.notice == Notice::Opened { alert.first } else { alert.last }
}

pub(super) fn event_types(grade: Grade) -> [&'static str; 2] {
    [if grade == Grade::LookedUp { "protocol" } else { "connection" }, "indicator"]
}

/// 1 informational to 4 high.
fn severity(alert: &Alert) -> u8 {
    alert.severity as u8 + 1
}

/// The example flow, with the incident's totals on its sides.
fn conversation(alert: &Alert) -> Conversation<'_> {
    let sent = |traffic: Traffic| Sent { packets: traffic.packets, bytes: traffic.ip_bytes };
    let (ours, theirs) = (sent(alert.sent), sent(alert.received));
    Conversation {
        sent: Some(if alert.host_began() { (ours, theirs) } else { (theirs, ours) }),
        direction: Some(direction(alert.direction)),
        ..flow::conversation(&alert.example)
    }
}

/// As ECS calls it.
pub(super) const fn direction(direction: Direction) -> &'static str {
    match direction {
        Direction::Outbound => "outbound",
        Direction::Inbound => "inbound",
        Direction::Lateral => "internal",
        Direction::Transit => "external",
        Direction::Unknown => "unknown",
    }
}

fn traffic(members: &mut Object<'_>, traffic: Traffic) {
    members.set("bytes", traffic.ip_bytes);
    members.set("packets", traffic.packets);
    members.set("payload_bytes", traffic.payload_bytes);
}

/// Who began, where it is known: of a tunnel, its end on the side of the one that began inside it.
fn began(alert: &Alert) -> Option<IpAddr> {
    let known = alert.direction != Direction::Unknown && alert.example.is_start_known();
    known.then(|| alert.tunnel.map_or(alert.example.initiator.ip, |tunnel| tunnel.source))
}

/// What the log of an address translator is to be asked for.
fn translated(members: &mut Object<'_>, translated: &Translated) {
    members.object("destination", |destination| {
        destination.set("ip", translated.peer.ip);
        destination.set("port", translated.peer.port);
    });
    members.set("ip", translated.end.ip);
    members.set("port", translated.end.port);
    members.set("time", translated.time);
    members.set_some("transport", translated.protocol.keyword());
}

fn tunnel_ends(alert: &Alert) -> impl Iterator<Item = IpAddr> {
    alert.tunnel.into_iter().flat_map(|tunnel| [tunnel.source, tunnel.destination])
}

/// Hosts, of which not all may be listed.
fn listed(members: &mut Object<'_>, hosts: &[IpAddr], count: u64) {
    if count > 0 {
        members.set("count", count);
        members.set_list("ip", hosts.iter().copied());
    }
}

/// `dns.*` tells of the first look-up, `weir.lookups` of all that are kept.
fn first_lookup(dns: &mut Object<'_>, alert: &Alert) {
    let Some(first) = alert.lookups.first() else { return };
    let aliases = first.aliases.iter().map(|name| ("CNAME", Cow::Borrowed(name.as_str())));
    let addresses = first.addresses.iter().map(|ip| {
        let record_type = if ip.is_ipv4() { "A" } else { "AAAA" };
        (record_type, Cow::Owned(ip.to_string()))
    });
    dns.objects("answers", aliases.chain(addresses), |answer, (record_type, data)| {
        answer.set("data", data);
        answer.set("type", record_type);
    });
    dns.object("question", |question| {
        question.set("name", &first.name);
        question.set_some("type", asked_type(first));
    });
    dns.set_list("resolved_ip", first.addresses.iter().copied());
    dns.set_some("response_code", first.rcode.map(registry::response_code));
    dns.set("type", if first.rcode.is_some() { "answer" } else { "query" });
}

fn lookup(members: &mut Object<'_>, lookup: &Lookup) {
    members.set_list("aliases", &lookup.aliases);
    members.object("client", |client| {
        client.set("ip", lookup.client.ip);
        client.set("port", lookup.client.port);
    });
    members.set_true("cut", lookup.cut);
    members.set("name", &lookup.name);
    members.set_list("resolved_ip", lookup.addresses.iter().copied());
    members.set_some("response_code", lookup.rcode.map(registry::response_code));
    match lookup.rewritten {
        Some(Rewritten::Declared(code)) => {
            members.set("rewritten", format_args!("declared: extended error {code}"));
        }
        Some(Rewritten::LocalAddress(ip)) => members.set("rewritten", format_args!("local address {ip}")),
        Some(Rewritten::PolicyAlias) => members.set("rewritten", "policy alias"),
        None => {}
    }
    members.object("server", |server| {
        server.set("ip", lookup.server.ip);
        server.set("port", lookup.server.port);
    });
    members.set("time", lookup.time);
    members.set_some("type", asked_type(lookup));
}

/// Routers that tell of the name do not tell of the type.
pub(in crate::formats) fn asked_type(lookup: &Lookup) -> Option<registry::Registered> {
    (lookup.qtype > 0).then(|| registry::record_type(lookup.qtype))
}

/// Every address that it tells of.
pub(in crate::formats) fn addresses(alert: &Alert) -> impl Iterator<Item = IpAddr> {
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

/// Every name that it tells of.
pub(in crate::formats) fn hosts(alert: &Alert) -> impl Iterator<Item = Cow<'_, str>> {
    let looked_up =
        alert.lookups.iter().flat_map(|lookup| std::iter::once(&lookup.name).chain(&lookup.aliases));
    let names = alert.names.iter().map(|(name, _)| name).chain(looked_up).map(Name::as_str);
    flow::hosts(&alert.example).chain(names.map(Cow::Borrowed))
}
