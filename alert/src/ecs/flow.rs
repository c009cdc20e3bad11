//! Flow records.

use super::{base, conversation, related, related_ips, wire};
use crate::Event;
use crate::text::hex;
use serde_json::{Map, Value, json};
use weir_model::flow::Orientation;
use weir_model::flow::{Counters, EndReason, FlowName, HttpSummary, TcpState, TlsSummary, Tunnel};
use weir_model::{Flow, FlowId, Name};

/// A flow record, at its end. `@timestamp` is its first packet.
pub fn flow(flow: &Flow) -> Event {
    let mut event = base("event", "weir.flow", flow.first);
    event.set("event.category", ["network"].as_slice());
    event.set("event.action", "flow");
    event.set_list("event.type", event_types(flow));
    event.set("event.start", flow.first.to_string());
    event.set("event.end", flow.last.to_string());
    event.set("event.duration", nanos(flow.duration()));
    totals(&mut event, &flow.forward, &flow.reverse);
    describe(&mut event, flow);
    related_ips(&mut event, addresses(flow));
    related(&mut event, "related.hosts", hosts(flow));
    related(&mut event, "related.hash", hashes(flow));
    event
}

pub(super) fn nanos(duration: std::time::Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

fn event_types(flow: &Flow) -> Vec<&'static str> {
    let mut types = vec!["connection"];
    if flow.continues.is_none() && flow.orientation == Orientation::Start {
        types.push("start");
    }
    if matches!(flow.end, EndReason::Fin | EndReason::Rst | EndReason::Idle | EndReason::Reused) {
        types.push("end");
    }
    types
}

fn totals(event: &mut Event, forward: &Counters, reverse: &Counters) {
    for (side, counters) in [("source", forward), ("destination", reverse)] {
        event.set(&format!("{side}.bytes"), counters.ip_bytes);
        event.set(&format!("{side}.packets"), counters.packets);
    }
    event.set("network.bytes", forward.ip_bytes + reverse.ip_bytes);
    event.set("network.packets", forward.packets + reverse.packets);
}

/// Everything of a flow but its times and totals, which an alert takes from its incident.
pub(super) fn describe(event: &mut Event, flow: &Flow) {
    conversation(event, flow.protocol, flow.initiator, flow.responder);
    event.set_some("network.protocol", flow.application);
    event.set("weir.flow.id", flow.id.0);
    event.set_some("weir.flow.continues", flow.continues.map(|FlowId(id)| id));
    event.set("weir.flow.orientation", flow.orientation.keyword());
    event.set("weir.flow.end_reason", flow.end.keyword());
    counters(event, "source", &flow.forward);
    counters(event, "destination", &flow.reverse);
    event.set_true("weir.flow.one_sided", flow.forward.packets == 0 || flow.reverse.packets == 0);
    if let Some(tcp) = &flow.tcp {
        event.set("weir.flow.tcp.state", state_keyword(tcp.state));
        event.set("weir.flow.tcp.syn", tcp.syn);
        event.set("weir.flow.tcp.syn_ack", tcp.syn_ack);
        event.set("weir.flow.tcp.handshake", tcp.handshake);
    }
    if let Some((icmp_type, code)) = flow.icmp {
        event.set("weir.flow.icmp.type", icmp_type);
        event.set("weir.flow.icmp.code", code);
    }
    if flow.icmp_errors > 0 {
        event.set("weir.flow.icmp_errors", flow.icmp_errors);
    }
    encapsulation(event, flow);
    names(event, flow);
    if let Some(tls) = &flow.tls {
        tls_summary(event, tls);
    }
    if let Some(http) = &flow.http {
        http_summary(event, http);
    }
    let (questions, answers) = flow.dns_messages;
    if questions > 0 || answers > 0 {
        event.set("weir.dns.questions", questions);
        event.set("weir.dns.responses", answers);
    }
}

fn counters(event: &mut Event, side: &str, counters: &Counters) {
    event.set(&format!("weir.flow.{side}.payload_bytes"), counters.payload_bytes);
    event.set_list(&format!("weir.flow.{side}.tcp_flags"), flag_names(counters.tcp_flags));
    if counters.retransmissions > 0 {
        event.set(&format!("weir.flow.{side}.retransmissions"), counters.retransmissions);
    }
    if counters.acknowledged_bytes > 0 {
        event.set(&format!("weir.flow.{side}.acknowledged_bytes"), counters.acknowledged_bytes);
    }
}

/// Names of the TCP flags, lowest bit first (RFC 9293 section 3.1).
fn flag_names(flags: u8) -> impl Iterator<Item = &'static str> {
    let names = ["fin", "syn", "rst", "psh", "ack", "urg", "ece", "cwr"];
    names.into_iter().enumerate().filter(move |(bit, _)| flags >> bit & 1 == 1).map(|(_, name)| name)
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

fn encapsulation(event: &mut Event, flow: &Flow) {
    event.set_some("network.vlan.id", flow.vlans.first().map(ToString::to_string));
    if let [_, .., innermost] = flow.vlans.as_slice() {
        event.set("network.inner.vlan.id", innermost.to_string());
        event.set_list("weir.flow.vlans", flow.vlans.iter().copied());
    }
    event.set_list("weir.flow.mpls", flow.mpls.iter().copied());
    event.set_list("weir.flow.tunnels", flow.tunnels.iter().map(tunnel));
}

fn tunnel(tunnel: &Tunnel) -> Value {
    let mut fields = json!({
        "type": tunnel.kind.keyword(),
        "ip": [tunnel.source.to_string(), tunnel.destination.to_string()],
    });
    if let (Some(id), Value::Object(fields)) = (tunnel.id, &mut fields) {
        fields.insert("id".to_owned(), id.into());
    }
    fields
}

fn names(event: &mut Event, flow: &Flow) {
    if let Some(name) = &flow.name {
        event.set("destination.domain", name.name.as_str());
        event.set("weir.name", flow_name(name));
    }
    event.set_list("weir.other_names", flow.other_names.iter().map(flow_name));
}

fn flow_name(name: &FlowName) -> Map<String, Value> {
    let mut fields = Event::default();
    fields.set("value", name.name.as_str());
    fields.set("source", name.source.keyword());
    fields.set("time", name.time.to_string());
    fields.set_list("aliases", name.aliases.iter().map(Name::as_str));
    fields.into_fields()
}

fn tls_summary(event: &mut Event, tls: &TlsSummary) {
    event.set_some("tls.client.server_name", tls.server_name.as_ref().map(Name::as_str));
    event.set_some("weir.tls.client.ja4", tls.ja4.as_deref());
    event.set_list("weir.tls.client.alpn", tls.alpn.iter().map(|protocol| &**protocol));
    event.set_true("weir.tls.client.ech_offered", tls.ech_offered);
    if let Some(version) = tls.version {
        wire::tls_version(event, version);
    }
    event.set_some("weir.tls.cipher", tls.cipher.map(|cipher| format!("0x{cipher:04x}")));
    if let Some(certificate) = &tls.certificate {
        wire::certificate(event, certificate);
    }
}

fn http_summary(event: &mut Event, http: &HttpSummary) {
    if let Some(request) = &http.request {
        wire::http_request(event, request);
    }
    event.set_some("http.response.status_code", http.status);
    event.set("weir.http.requests", http.requests);
}

/// Every address that has to do with a flow.
pub(super) fn addresses(flow: &Flow) -> impl Iterator<Item = std::net::IpAddr> {
    let outer = flow.tunnels.iter().flat_map(|tunnel| [tunnel.source, tunnel.destination]);
    [flow.initiator.ip, flow.responder.ip].into_iter().chain(outer)
}

/// Every name that has to do with a flow.
pub(super) fn hosts(flow: &Flow) -> impl Iterator<Item = String> {
    let said = flow.tls.as_ref().and_then(|tls| tls.server_name.as_ref()).map(ToString::to_string);
    let host = flow.http.as_ref().and_then(|http| http.request.as_ref()?.host.as_ref().map(wire::host_text));
    flow.names().map(|name| name.name.to_string()).chain(said).chain(host)
}

/// Every fingerprint that has to do with a flow, in lower case as lists have them.
pub(super) fn hashes(flow: &Flow) -> impl Iterator<Item = String> {
    let tls = flow.tls.as_ref();
    let certificate = tls.and_then(|tls| tls.certificate.as_ref());
    let ja4 = tls.and_then(|tls| tls.ja4.as_ref()).map(ToString::to_string);
    let sums = certificate.map(|certificate| [hex(&certificate.sha1), hex(&certificate.sha256)]);
    ja4.into_iter().chain(sums.into_iter().flatten())
}
