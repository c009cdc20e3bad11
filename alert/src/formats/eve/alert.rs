//! Alerts.

use super::Head;
use super::flow::{counters, head, icmp, said};
use crate::formats::ecs;
use crate::formats::registry::{record_type, response_code};
use crate::json::{Constant, EveTime, Object};
use crate::{Lines, sentence};
use std::net::IpAddr;
use weir_model::alert::Severity;
use weir_model::{Alert, IndicatorValue};

const KIND: Constant = Constant(r#""event_type":"alert","#);

/// Suricata's own signatures have generator 1; others number theirs as they please.
pub(super) const GENERATOR: u32 = 9347;

/// Adds a notice of an incident, as an alert of its example flow. The indicator and everything else that Weir knows is in `alert.context`.
pub fn alert(alert: &Alert, lines: &mut Lines) {
    let example = &*alert.example;
    lines.add(|event| {
        Head { time: ecs::alert::time(alert), ..head(example, KIND) }.write(event);
        icmp(event, example);
        event.set_list("vlan", example.vlans.iter().copied());
        event.object("alert", |members| describe(members, alert));
        event.object("dns", |dns| first_lookup(dns, alert));
        event.object("flow", |members| {
            counters(members, example);
            members.set("start", EveTime(example.first));
        });
        said(event, example);
    });
}

fn describe(members: &mut Object<'_>, alert: &Alert) {
    let kind = alert.indicator.value.kind().replace('_', " ");
    members.set("action", "allowed");
    members.set("gid", GENERATOR);
    members.set("signature_id", signature(&alert.indicator.value));
    members.set("rev", 1u8);
    members.set("signature", format_args!("Known bad {kind} {}", alert.indicator.value));
    members.set("category", format_args!("Known bad {kind}"));
    members.set("severity", severity(alert.severity));
    let references = alert.indicator.contexts.iter().filter_map(|context| context.reference.as_deref());
    members.set_list("references", references);
    members.object("target", |target| target.set_some("ip", alert.host));
    members.object("metadata", |metadata| {
        metadata.set_list("signature_severity", [alert.severity.keyword()]);
    });
    members.object("context", |context| {
        context.set("id", format_args!("{}", alert.id));
        context.object("indicator", |members| ecs::indicator::describe(members, &alert.indicator));
        context.set("message", &*sentence::sentence(alert));
        context.object("weir", |weir| ecs::alert::weir(weir, alert));
    });
}

/// 1 high to 4 informational.
pub(super) fn severity(severity: Severity) -> u8 {
    Severity::High as u8 - severity as u8 + 1
}

/// One for each kind of indicator, from 1 in the order in which kinds are listed.
fn signature(value: &IndicatorValue) -> u32 {
    let position = IndicatorValue::KINDS.iter().position(|kind| *kind == value.kind());
    position.and_then(|position| u32::try_from(position).ok()).unwrap_or_default() + 1
}

/// `dns` of the first look-up.
fn first_lookup(dns: &mut Object<'_>, alert: &Alert) {
    let Some(first) = alert.lookups.first() else { return };
    dns.set("version", 3u8);
    dns.set("type", if first.rcode.is_some() { "response" } else { "request" });
    dns.set_some("rcode", first.rcode.map(response_code));
    dns.objects("queries", [first], |query, first| {
        query.set("rrname", &first.name);
        query.set_some("rrtype", ecs::alert::asked_type(first));
    });
    let owner = first.aliases.last().unwrap_or(&first.name);
    dns.objects("answers", first.addresses.iter().copied(), |answer, ip: IpAddr| {
        answer.set("rrname", owner);
        answer.set("rrtype", record_type(if ip.is_ipv4() { 1 } else { 28 }));
        answer.set("rdata", ip);
    });
}
