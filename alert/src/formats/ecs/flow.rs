//! Flow records.

use super::wire::{self, Fingerprint};
use super::{Conversation, SCHEMA, Sent, exported, present};
use crate::Lines;
use crate::json::{Constant, Hex, Keyword, Object};
use std::borrow::Cow;
use std::net::IpAddr;
use weir_model::Flow;
use weir_model::flow::{
    Counters, EndReason, FlowName, Orientation, TcpState, TcpSummary, TlsSummary, Tunnel,
};
use weir_model::observation::HttpRequest;

/// Adds a flow record as it is at its end. `@timestamp` is its first packet.
pub fn flow(flow: &Flow, lines: &mut Lines) {
    let conversation = conversation(flow);
    lines.add(|event| {
        event.set("@timestamp", flow.first);
        exported::agent(event, flow);
        event.object("destination", |destination| conversation.destination(destination));
        event.constant(SCHEMA);
        event.object("event", |event| {
            event.constant(Constant(r#""action":"flow","category":["network"],"dataset":"weir.flow","#));
            event.set("duration", nanos(flow.duration()));
            event.set("end", flow.last);
            event.constant(Constant(r#""kind":"event","module":"weir","#));
            event.set("start", flow.first);
            event.set_list("type", event_types(flow).map(Keyword));
        });
        event.object("http", |http| self::http(http, flow));
        event.object("network", |network| conversation.network(network));
        exported::observer(event, flow);
        event.object("related", |related| {
            related.set_unique("hash", hashes(flow));
            related.set_unique("hosts", present(hosts(flow)));
            related.set_unique("ip", addresses(flow));
        });
        event.object("source", |source| conversation.source(source));
        event.object("tls", |tls| self::tls(tls, flow));
        event.object("url", |url| self::url(url, flow));
        event.object("user_agent", |user_agent| self::user_agent(user_agent, flow));
        event.object("weir", |weir| self::weir(weir, flow));
    });
}

/// All that is under `weir`.
#[inline]
pub(in crate::formats) fn weir(weir: &mut Object<'_>, flow: &Flow) {
    weir.object("dns", |dns| dns_messages(dns, flow));
    weir.object("flow", |members| describe(members, flow));
    weir.object("http", |http| weir_http(http, flow));
    weir.object("name", |name| self::name(name, flow));
    weir.objects("other_names", &flow.other_names, flow_name);
    weir.object("tls", |tls| weir_tls(tls, flow));
}

/// The ends of a flow and what they sent.
pub(super) fn conversation(flow: &Flow) -> Conversation<'_> {
    let sent = |counters: &Counters| Sent { packets: counters.packets, bytes: counters.ip_bytes };
    Conversation {
        domain: flow.name.as_ref().map(|name| &name.name),
        vlans: &flow.vlans,
        sent: Some((sent(&flow.forward), sent(&flow.reverse))),
        exported: flow.exported.as_deref(),
        ..Conversation::between(flow.protocol, flow.initiator, flow.responder, flow.application)
    }
}

pub(in crate::formats) fn nanos(duration: std::time::Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

fn event_types(flow: &Flow) -> impl Iterator<Item = &'static str> {
    let started = flow.continues.is_none() && flow.orientation == Orientation::Start;
    let ended = matches!(flow.end, EndReason::Fin | EndReason::Rst | EndReason::Idle | EndReason::Reused);
    [("connection", true), ("start", started), ("end", ended)]
        .into_iter()
        .filter_map(|(name, holds)| holds.then_some(name))
}

/// `http`.
pub(in crate::formats) fn http(http: &mut Object<'_>, flow: &Flow) {
    if let Some(summary) = &flow.http {
        wire::http(http, summary.request.as_deref(), summary.status);
    }
}

/// `url`.
pub(super) fn url(url: &mut Object<'_>, flow: &Flow) {
    if let Some(request) = request(flow) {
        wire::url(url, request);
    }
}

/// `user_agent`.
pub(in crate::formats) fn user_agent(user_agent: &mut Object<'_>, flow: &Flow) {
    user_agent.set_some("original", request(flow).and_then(|request| request.user_agent.as_deref()));
}

/// `tls`.
pub(super) fn tls(tls: &mut Object<'_>, flow: &Flow) {
    if let Some(summary) = &flow.tls {
        wire::tls(
            tls,
            (summary.server_name.as_ref(), summary.ja3.as_ref()),
            summary.certificate.as_deref(),
            summary.version,
        );
    }
}

/// `weir.dns`.
pub(super) fn dns_messages(dns: &mut Object<'_>, flow: &Flow) {
    let (questions, answers) = flow.dns_messages;
    if questions > 0 || answers > 0 {
        dns.set("questions", questions);
        dns.set("responses", answers);
    }
}

/// `weir.flow`.
pub(super) fn describe(members: &mut Object<'_>, flow: &Flow) {
    members.set_some("continues", flow.continues.map(|id| id.0));
    members.object("destination", |destination| counters(destination, &flow.reverse));
    members.set("end_reason", Keyword(flow.end.keyword()));
    members.object("estimated", |members| exported::estimated(members, flow));
    members.object("exported", |members| {
        if let Some(exported) = &flow.exported {
            exported::describe(members, exported);
        }
    });
    members.object("icmp", |icmp| {
        if let Some((icmp_type, code)) = flow.icmp {
            icmp.set("code", code);
            icmp.set("type", icmp_type);
        }
    });
    members.set_count("icmp_errors", flow.icmp_errors);
    members.set("id", flow.id.0);
    members.set_list("mpls", flow.mpls.iter().copied());
    members.set_true("one_sided", flow.is_one_sided() && !flow.is_sampled());
    members.set("orientation", Keyword(flow.orientation.keyword()));
    members.object("source", |source| counters(source, &flow.forward));
    members.object("tcp", |tcp| tcp_summary(tcp, flow));
    members.objects("tunnels", &flow.tunnels, tunnel);
    if flow.vlans.len() > 1 {
        members.set_list("vlans", flow.vlans.iter().copied());
    }
}

fn counters(side: &mut Object<'_>, counters: &Counters) {
    side.set_count("acknowledged_bytes", counters.acknowledged_bytes);
    side.set("payload_bytes", counters.payload_bytes);
    side.set_count("retransmissions", counters.retransmissions);
    side.set_list("tcp_flags", flag_names(counters.tcp_flags).map(Keyword));
}

/// Names of the TCP flags, lowest bit first (RFC 9293 section 3.1).
fn flag_names(flags: u8) -> impl Iterator<Item = &'static str> {
    const NAMES: [(u8, &str); 8] = [
        (0x01, "fin"),
        (0x02, "syn"),
        (0x04, "rst"),
        (0x08, "psh"),
        (0x10, "ack"),
        (0x20, "urg"),
        (0x40, "ece"),
        (0x80, "cwr"),
    ];
    NAMES.iter().filter(move |(bit, _)| flags & bit != 0).map(|(_, name)| *name)
}

/// Of sampled flows only what was seen: what is missing may have been left out.
fn tcp_summary(members: &mut Object<'_>, flow: &Flow) {
    let Some(TcpSummary { handshake, state, syn, syn_ack }) = flow.tcp else { return };
    let is_sampled = flow.is_sampled();
    let seen = |holds: bool| Some(holds).filter(|holds| *holds || !is_sampled);
    members.set_some("handshake", seen(handshake));
    if !(is_sampled && state == TcpState::Opening) {
        members.set("state", Keyword(state_keyword(state)));
    }
    members.set_some("syn", seen(syn));
    members.set_some("syn_ack", seen(syn_ack));
}

fn state_keyword(state: TcpState) -> &'static str {
    match state {
        TcpState::Opening => "opening",
        TcpState::Open => "open",
        TcpState::HalfClosed => "half_closed",
        TcpState::Closed => "closed",
        TcpState::Reset => "reset",
    }
}

fn tunnel(members: &mut Object<'_>, tunnel: &Tunnel) {
    members.set_some("id", tunnel.id);
    members.set_list("ip", [tunnel.source, tunnel.destination]);
    members.set("type", tunnel.kind.keyword());
}

/// `weir.http`.
pub(super) fn weir_http(http: &mut Object<'_>, flow: &Flow) {
    if let Some(summary) = &flow.http {
        http.set_some("form", summary.request.as_ref().map(|request| wire::request_form(request)));
        http.set("requests", summary.requests);
    }
}

/// `weir.name`.
pub(super) fn name(name: &mut Object<'_>, flow: &Flow) {
    if let Some(known) = &flow.name {
        flow_name(name, known);
    }
}

/// An entry of `weir.other_names`.
pub(super) fn flow_name(members: &mut Object<'_>, name: &FlowName) {
    members.set_list("aliases", &name.aliases);
    members.set("source", Keyword(name.source.keyword()));
    members.set("time", name.time);
    members.set("value", &name.name);
}

/// `weir.tls`.
pub(super) fn weir_tls(tls: &mut Object<'_>, flow: &Flow) {
    if let Some(summary) = &flow.tls {
        if let Some(cipher) = summary.cipher {
            tls.set("cipher", format_args!("0x{cipher:04x}"));
        }
        let TlsSummary { alpn, ech_offered, ja4, .. } = &**summary;
        tls.object("client", |client| wire::weir_tls_client(client, alpn, *ech_offered, ja4.as_deref()));
    }
}

/// Its first HTTP request.
pub(in crate::formats) fn request(flow: &Flow) -> Option<&HttpRequest> {
    flow.http.as_ref()?.request.as_deref()
}

/// Every address that has to do with a conversation.
pub(super) fn addresses(flow: &Flow) -> impl Iterator<Item = IpAddr> {
    let outer = flow.tunnels.iter().flat_map(|tunnel| [tunnel.source, tunnel.destination]);
    let [(initiator, one), (responder, other)] = [flow.initiator_ends(), flow.responder_ends()];
    let translated = one.into_iter().chain(other).map(|end| end.ip);
    [initiator.ip, responder.ip].into_iter().chain(translated).chain(outer)
}

/// Every name that has to do with a flow.
pub(super) fn hosts(flow: &Flow) -> impl Iterator<Item = Cow<'_, str>> {
    let said = flow.tls.as_ref().and_then(|tls| tls.server_name.as_ref());
    let names = flow.name.iter().chain(&flow.other_names).map(|name| &name.name);
    let host = request(flow).and_then(|request| request.host.as_ref()).map(wire::host_text);
    names.chain(said).map(|name| Cow::Borrowed(name.as_str())).chain(host)
}

/// Every fingerprint that has to do with a flow, in lower case as lists have them.
pub(in crate::formats) fn hashes(flow: &Flow) -> impl Iterator<Item = Fingerprint<'_>> {
    let tls = flow.tls.as_ref();
    let ja3 = tls.and_then(|tls| tls.ja3.as_ref()).map(|sum| Fingerprint::Ja3(Hex(sum)));
    let ja4 = tls.and_then(|tls| tls.ja4.as_deref()).map(Fingerprint::Ja4);
    let certificate = tls.and_then(|tls| tls.certificate.as_deref());
    ja3.into_iter().chain(ja4).chain(certificate.into_iter().flat_map(Fingerprint::sums))
}
