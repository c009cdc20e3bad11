//! Names: one line for each DNS message, ClientHello, HTTP request and certificate.

use super::{base, conversation, related, related_ips, wire};
use crate::Event;
use crate::text::hex;
use weir_model::observation::{Fact, Sender, TlsTransport};
use weir_model::{FlowId, Observation, Protocol};

/// What was observed in a flow; `None` for facts that name nothing (a ServerHello, a status). Source is
/// the end that asked, destination the one that answers, whichever sent the message.
pub fn name(flow: FlowId, protocol: Protocol, observation: &Observation) -> Option<Event> {
    let mut event = base("event", "weir.name", observation.time);
    event.set("event.category", ["network"].as_slice());
    event.set("event.type", ["protocol", "info"].as_slice());
    event.set("weir.flow.id", flow.0);
    event.set("weir.packet", observation.packet);
    let (source, destination) = match observation.fact.sent_by() {
        Some(Sender::Responder) => (observation.destination, observation.source),
        _ => (observation.source, observation.destination),
    };
    conversation(&mut event, protocol, source, destination);
    let mut addresses = vec![source.ip, destination.ip];
    match &observation.fact {
        Fact::Dns(message) => {
            event.set("event.action", if message.is_response { "dns-answer" } else { "dns-query" });
            event.set("network.protocol", "dns");
            wire::dns(&mut event, message);
            addresses.extend(message.answers.iter().filter_map(|record| record.data.address()));
            related(
                &mut event,
                "related.hosts",
                message.questions.iter().map(|question| question.name.to_string()),
            );
        }
        Fact::ClientHello(hello) => {
            event.set("event.action", "tls-client-hello");
            event.set(
                "network.protocol",
                if matches!(hello.transport, TlsTransport::Quic(_)) { "quic" } else { "tls" },
            );
            wire::client_hello(&mut event, hello);
            related(&mut event, "related.hosts", hello.server_name.iter().map(ToString::to_string));
            related(&mut event, "related.hash", [hello.ja4.to_string()]);
        }
        Fact::Certificate(certificate) => {
            event.set("event.action", "tls-certificate");
            event.set("network.protocol", "tls");
            event.set("weir.tls.chain_position", certificate.position);
            wire::certificate(&mut event, certificate);
            related(&mut event, "related.hosts", certificate.names.iter().map(ToString::to_string));
            related(&mut event, "related.hash", [hex(&certificate.sha1), hex(&certificate.sha256)]);
        }
        Fact::HttpRequest(request) => {
            event.set("event.action", "http-request");
            event.set("network.protocol", "http");
            wire::http_request(&mut event, request);
            related(&mut event, "related.hosts", request.host.iter().map(wire::host_text));
        }
        Fact::ServerHello(_) | Fact::HttpResponse(_) | Fact::Application(_) => return None,
    }
    related_ips(&mut event, addresses);
    Some(event)
}
