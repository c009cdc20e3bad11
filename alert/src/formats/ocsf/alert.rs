//! Alerts: detection findings (2004).

use super::flow::{certificate, connection_info, flow_url, initiator, responder, tls};
use super::{
    DETECTION_FINDING, Observable, PRODUCT, Side, VERSION, confidence_of, http_request, ja4, osint, resources,
};
use crate::formats::ecs;
use crate::formats::registry::response_code;
use crate::json::{Constant, Millis, Object};
use crate::{Lines, sentence};
use weir_model::alert::{Direction, Lookup, Notice};
use weir_model::{Alert, Protocol};

/// Adds a notice of an incident. The incident is the finding, which notices create, update and close; `time` is when what the notice says
/// had happened. The evidence is the incident's example flow and its look-ups.
pub fn alert(alert: &Alert, lines: &mut Lines) {
    let activity = activity(alert.notice);
    lines.add(|event| {
        event.set("activity_id", activity);
        event.set("category_uid", DETECTION_FINDING.category);
        event.set("class_uid", DETECTION_FINDING.class);
        event.set_some("confidence_id", confidence_of(&alert.indicator));
        event.set("count", alert.flows.min(i32::MAX as u64));
        event.set("duration", u64::try_from(alert.last.since(alert.first).as_millis()).unwrap_or(u64::MAX));
        event.set("end_time", Millis(alert.last));
        let evidences = std::iter::once(None).chain(alert.lookups.iter().map(Some));
        event.objects("evidences", evidences, |evidence, lookup| match lookup {
            None => example(evidence, alert),
            Some(lookup) => looked_up(evidence, lookup),
        });
        event.object("finding_info", |finding| finding_info(finding, alert));
        event.constant(Constant(r#""is_alert":true,"#));
        event.set("message", &*sentence::sentence(alert));
        event.object("metadata", |metadata| {
            metadata.set("correlation_uid", format_args!("{}", alert.incident));
            metadata.constant(PRODUCT);
            metadata.constant(Constant(r#""profiles":["osint"],"#));
            metadata.set("sequence", alert.number);
            metadata.set("uid", format_args!("{}", alert.id));
            metadata.constant(VERSION);
        });
        observables(event, alert);
        let indicators = std::iter::once(&alert.indicator).chain(&alert.also_matched);
        event.objects("osint", indicators, |members, indicator| osint(members, indicator));
        resources(event, alert.host, &alert.roles);
        event.set("severity_id", alert.severity as u8 + 1);
        event.set("start_time", Millis(alert.first));
        event.set("time", Millis(ecs::alert::time(alert)));
        event.set("type_uid", DETECTION_FINDING.with(activity));
        event.object("unmapped", |unmapped| {
            unmapped.object("http", |http| ecs::flow::http(http, &alert.example));
            unmapped.object("tls", |tls| certificate(tls, &alert.example));
            unmapped.object("weir", |weir| ecs::alert::weir(weir, alert));
        });
    });
}

/// 1 create, 2 update, 3 close.
pub(super) fn activity(notice: Notice) -> u32 {
    match notice {
        Notice::Opened => 1,
        Notice::Raised | Notice::Repeated => 2,
        Notice::Closed => 3,
    }
}

fn finding_info(finding: &mut Object<'_>, alert: &Alert) {
    let (indicator, first) = (&alert.indicator, alert.indicator.contexts.first());
    let kind = indicator.value.kind().replace('_', " ");
    finding.object("analytic", |analytic| {
        analytic.set("category", "indicator");
        analytic.set("name", format_args!("Known bad {kind}"));
        analytic.set("type_id", 1u8);
    });
    finding.set_some("desc", first.and_then(|first| first.description.as_deref()));
    finding.set("first_seen_time", Millis(alert.first));
    finding.set("last_seen_time", Millis(alert.last));
    finding.set_some("src_url", first.and_then(|first| first.reference.as_deref()));
    finding.set("title", format_args!("Known bad {kind} {}", indicator.value));
    finding.set_list("types", ["weir.alert", alert.grade.keyword()]);
    finding.set("uid", format_args!("{}", alert.incident));
}

/// The flow that says most.
fn example(evidence: &mut Object<'_>, alert: &Alert) {
    let flow = &*alert.example;
    evidence.object("connection_info", |members| connection_info(members, flow, direction(alert.direction)));
    evidence.object("dst_endpoint", |members| responder(flow).endpoint(members));
    evidence.object("http_request", |members| {
        if let Some(request) = ecs::flow::request(flow) {
            http_request(members, request);
        }
    });
    ja4(evidence, flow.tls.as_ref().and_then(|tls| tls.ja4.as_deref()));
    evidence.object("src_endpoint", |members| initiator(flow).endpoint(members));
    evidence.object("tls", |members| tls(members, flow));
    evidence.object("url", |members| flow_url(members, flow));
}

/// 0 unknown, 1 inbound, 2 outbound, 3 lateral (both ends inside); both outside is other.
fn direction(direction: Direction) -> u8 {
    match direction {
        Direction::Unknown => 0,
        Direction::Inbound => 1,
        Direction::Outbound => 2,
        Direction::Lateral => 3,
        Direction::Transit => 99,
    }
}

fn looked_up(evidence: &mut Object<'_>, lookup: &Lookup) {
    evidence.object("data", |data| {
        data.set_list("aliases", &lookup.aliases);
        data.set_some("rcode", lookup.rcode.map(response_code));
        data.set_list("resolved_ip", lookup.addresses.iter().copied());
        data.set("time", lookup.time);
    });
    evidence.object("dst_endpoint", |members| Side::plain(lookup.server, Protocol::UDP).endpoint(members));
    evidence.object("query", |query| {
        query.set("hostname", &lookup.name);
        query.set_some("type", ecs::alert::asked_type(lookup));
    });
    evidence.object("src_endpoint", |members| Side::plain(lookup.client, Protocol::UDP).endpoint(members));
}

/// Every name and address that it tells of, once.
fn observables(event: &mut Object<'_>, alert: &Alert) {
    let mut names: Vec<_> = ecs::present(ecs::alert::hosts(alert)).collect();
    names.sort();
    names.dedup();
    let mut addresses: Vec<_> = ecs::alert::addresses(alert).collect();
    addresses.sort();
    addresses.dedup();
    let names = names.iter().map(|name| Observable::Name(name));
    let all = names.chain(addresses.into_iter().map(Observable::Address));
    event.objects("observables", all, |members, observable| observable.write(members));
}
