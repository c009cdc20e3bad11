//! Names: events of DNS, TLS, QUIC and HTTP.

use super::Head;
use super::said::{Tls, http, target};
use crate::Lines;
use crate::formats::asked;
use crate::formats::ecs::name::Said;
use crate::formats::registry::{record_type, response_code};
use crate::json::{Constant, Object};
use std::net::IpAddr;
use weir_model::observation::{ClientHello, DnsData, DnsMessage, DnsRecord, TlsTransport, ToldNames};
use weir_model::{FlowId, Observation, Protocol};

/// Adds what was observed in a flow. Source is the end that asked, whichever sent the message.
pub fn name(flow: FlowId, protocol: Protocol, observation: &Observation, lines: &mut Lines) {
    let Some(said) = Said::of(&observation.fact) else { return };
    let (source, destination) = asked(observation);
    let (time, application) = (observation.time, Some(said.application()));
    let head = Head { time, kind: kind(said), flow: flow.0, protocol, source, destination, application };
    lines.add(|event| {
        head.write(event);
        event.set("pcap_cnt", observation.packet);
        match said {
            Said::Message(message) => event.object("dns", |dns| self::dns(dns, message)),
            Said::Hello(hello) => self::hello(event, hello),
            Said::Certificate(certificate) => {
                let tls = Tls { certificate: Some(certificate), ..Tls::default() };
                event.object("tls", |members| tls.write(members));
            }
            Said::Request(request) => event.object("http", |members| http(members, Some(request), None)),
            Said::Told(names) => told(event, names),
        }
    });
}

/// `event_type`.
fn kind(said: Said<'_>) -> Constant {
    Constant(match said.application() {
        "dns" => r#""event_type":"dns","#,
        "tls" => r#""event_type":"tls","#,
        "quic" => r#""event_type":"quic","#,
        _ => r#""event_type":"http","#,
    })
}

fn hello(event: &mut Object<'_>, hello: &ClientHello) {
    let tls = Tls {
        server_name: hello.server_name.as_ref(),
        ja3: Some(&hello.ja3),
        ja4: Some(&hello.ja4),
        version: Some(hello.version),
        alpn: &hello.alpn,
        certificate: None,
    };
    match hello.transport {
        TlsTransport::Quic(version) => event.object("quic", |quic| tls.write_quic(quic, version)),
        _ => event.object("tls", |members| tls.write(members)),
    }
}

/// What a router wrote into its record, of the one protocol that the event is of.
fn told(event: &mut Object<'_>, names: &ToldNames) {
    if let Some(asked) = &names.dns_question {
        event.object("dns", |dns| {
            dns.set("version", 3u8);
            dns.set("type", "request");
            dns.objects("queries", [asked], |query, asked| query.set("rrname", asked));
        });
    } else if let Some(server_name) = &names.server_name {
        let tls = Tls { server_name: Some(server_name), ..Tls::default() };
        event.object("tls", |members| tls.write(members));
    }
    event.object("http", |http| target(http, names.http_host.as_ref(), names.http_port, &names.http_path));
}

/// `dns`, in the third version of its format (Suricata 8).
fn dns(dns: &mut Object<'_>, message: &DnsMessage) {
    dns.set("version", 3u8);
    dns.set("type", if message.is_response { "response" } else { "request" });
    dns.set("id", message.id);
    dns.set_true("qr", message.is_response);
    dns.set_true("aa", message.authoritative);
    dns.set_true("tc", message.truncated);
    dns.set_true("rd", message.recursion_desired);
    dns.set_true("ra", message.recursion_available);
    dns.set("opcode", message.opcode);
    dns.set_some("rcode", message.is_response.then(|| response_code(message.rcode)));
    dns.objects("queries", &message.questions, |query, question| {
        query.set("rrname", &question.name);
        query.set("rrtype", record_type(question.qtype));
    });
    dns.objects("answers", &message.answers, record);
}

fn record(members: &mut Object<'_>, record: &DnsRecord) {
    members.set("rrname", &record.name);
    members.set("rrtype", record_type(record.rtype));
    members.set("ttl", record.ttl);
    match &record.data {
        DnsData::A(ip) => members.set("rdata", IpAddr::V4(*ip)),
        DnsData::Aaaa(ip) => members.set("rdata", IpAddr::V6(*ip)),
        DnsData::Cname(name) | DnsData::Name(name) => members.set("rdata", name),
        DnsData::Service { target, .. } => members.set("rdata", target),
        DnsData::Text(text) => members.set("rdata", &**text),
        DnsData::Other => {}
    }
}
