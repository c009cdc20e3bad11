//! Names: DNS activity (4003), HTTP activity (4002), and for TLS and QUIC network activity (4001).

use super::{
    Class, DNS_ACTIVITY, HTTP_ACTIVITY, Handshake, METADATA, NETWORK_ACTIVITY, Side, connection,
    http_request, ja4, method_activity, url,
};
use crate::Lines;
use crate::formats::ecs::name::Said;
use crate::formats::registry::{class, op_code, record_type, response_code};
use crate::formats::{self, ecs};
use crate::json::{Constant, Keyword, Millis, Object};
use std::net::IpAddr;
use weir_model::observation::{DnsData, DnsMessage, DnsRecord};
use weir_model::{FlowId, Observation, Protocol};

/// Adds what was observed in a flow. Source is the end that asked, whichever sent the message.
pub fn name(flow: FlowId, protocol: Protocol, observation: &Observation, lines: &mut Lines) {
    let Some(said) = Said::of(&observation.fact) else { return };
    let ends = formats::asked(observation);
    let (of, activity) = what(said);
    lines.add(|event| {
        event.set("activity_id", activity);
        event.objects("answers", said.message().map_or(&[][..], |message| &message.answers), answer);
        event.set("app_name", Keyword(said.application()));
        event.set("category_uid", of.category);
        event.set("class_uid", of.class);
        event.object("connection_info", |members| connection(members, protocol, ends, (0, flow.0), None));
        event.object("dst_endpoint", |members| Side::plain(ends.1, protocol).endpoint(members));
        event.object("http_request", |members| {
            if of.class == HTTP_ACTIVITY.class {
                request(members, said);
            }
        });
        ja4(event, said.hello().map(|hello| &*hello.ja4));
        event.constant(METADATA);
        query(event, said, observation);
        event.constant(Constant(r#""severity_id":1,"#));
        event.object("src_endpoint", |members| Side::plain(ends.0, protocol).endpoint(members));
        event.set("time", Millis(observation.time));
        event.object("tls", |members| tls(members, said));
        event.set("type_uid", of.with(activity));
        event.object("unmapped", |unmapped| {
            unmapped.object("tls", |tls| {
                if let Some(certificate) = said.certificate() {
                    tls.object("server", |server| ecs::wire::certificate(server, certificate));
                }
            });
            unmapped.object("url", |url| {
                if of.class != HTTP_ACTIVITY.class {
                    said.url(url);
                }
            });
            unmapped.object("weir", |weir| said.weir(weir, flow, observation));
        });
    });
}

/// Class and activity. What a router told of a request does not say its method.
fn what(said: Said<'_>) -> (Class, u32) {
    const QUERY: u32 = 1;
    const RESPONSE: u32 = 2;
    const TRAFFIC: u32 = 6;
    const UNKNOWN: u32 = 0;
    match said {
        Said::Message(message) if message.is_response => (DNS_ACTIVITY, RESPONSE),
        Said::Message(_) => (DNS_ACTIVITY, QUERY),
        Said::Hello(_) | Said::Certificate(_) => (NETWORK_ACTIVITY, TRAFFIC),
        Said::Request(request) => (HTTP_ACTIVITY, method_activity(&request.method)),
        Said::Told(names) if names.dns_question.is_some() => (DNS_ACTIVITY, QUERY),
        Said::Told(names) if names.server_name.is_some() => (NETWORK_ACTIVITY, TRAFFIC),
        Said::Told(_) => (HTTP_ACTIVITY, UNKNOWN),
    }
}

/// `query` and what was answered.
fn query(event: &mut Object<'_>, said: Said<'_>, observation: &Observation) {
    if let Some(asked) = said.told().and_then(|names| names.dns_question.as_ref()) {
        event.object("query", |query| query.set("hostname", asked));
    }
    let Some(message) = said.message() else { return };
    event.object("query", |query| question(query, message));
    event.set_some("query_time", (!message.is_response).then_some(Millis(observation.time)));
    if message.is_response {
        event.set("rcode", response_code(message.rcode));
        event.set("rcode_id", rcode_id(message.rcode));
        event.set("response_time", Millis(observation.time));
    }
}

fn question(query: &mut Object<'_>, message: &DnsMessage) {
    let Some(first) = message.questions.first() else { return };
    query.set("class", class(first.qclass));
    query.set("hostname", &first.name);
    query.set("opcode", op_code(message.opcode));
    query.set("opcode_id", if matches!(message.opcode, 0..=2 | 4..=6) { message.opcode } else { 99 });
    query.set("packet_uid", message.id);
    query.set("type", record_type(first.qtype));
}

/// The response codes that OCSF has; others are other.
fn rcode_id(number: u16) -> u16 {
    if matches!(number, 0..=11 | 16..=23) { number } else { 99 }
}

/// The data is required; of types that are not read it is empty.
fn answer(members: &mut Object<'_>, record: &DnsRecord) {
    members.set("class", class(record.class));
    match &record.data {
        DnsData::A(ip) => members.set("rdata", IpAddr::V4(*ip)),
        DnsData::Aaaa(ip) => members.set("rdata", IpAddr::V6(*ip)),
        DnsData::Cname(name) | DnsData::Name(name) => members.set("rdata", name),
        DnsData::Service { target, .. } => members.set("rdata", target),
        DnsData::Text(text) => members.set("rdata", &**text),
        DnsData::Other => members.set("rdata", ""),
    }
    members.set("ttl", record.ttl);
    members.set("type", record_type(record.rtype));
}

/// `http_request`, which only events about HTTP have; they must.
fn request(members: &mut Object<'_>, said: Said<'_>) {
    if let Some(request) = said.request() {
        http_request(members, request);
    } else if let Some(names) =
        said.told().filter(|names| names.http_host.is_some() || !names.http_path.is_empty())
    {
        members.object("url", |members| {
            url(members, names.http_host.as_ref(), names.http_port, &names.http_path);
        });
    }
}

fn tls(members: &mut Object<'_>, said: Said<'_>) {
    let is_told = said.told().is_some_and(|names| names.server_name.is_some());
    if said.hello().is_none() && said.certificate().is_none() && !is_told {
        return;
    }
    let handshake = Handshake {
        server_name: said.server_name(),
        ja3: said.hello().map(|hello| &hello.ja3),
        version: said.hello().map(|hello| hello.version),
        cipher: None,
        names: said.certificate().map_or(&[][..], |certificate| &certificate.names),
    };
    handshake.tls(members);
}
