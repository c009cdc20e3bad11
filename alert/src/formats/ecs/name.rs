//! Names: one line for each DNS message, ClientHello, HTTP request and certificate, and for names that a router tells.

use super::wire::{self, Fingerprint};
use super::{Conversation, OBSERVER, SCHEMA, present};
use crate::json::{Constant, Hex, Object};
use crate::{Lines, formats};
use std::borrow::Cow;
use std::net::IpAddr;
use weir_model::observation::{
    Certificate, ClientHello, DnsMessage, Fact, HttpRequest, TlsTransport, ToldNames,
};
use weir_model::{FlowId, Name, Observation, Protocol};

/// Adds what was observed in a flow; nothing for facts that name nothing (a ServerHello, a status). Source is
/// the end that asked, destination the one that answers, whichever sent the message.
pub fn name(flow: FlowId, protocol: Protocol, observation: &Observation, lines: &mut Lines) {
    let Some(said) = Said::of(&observation.fact) else { return };
    let (source, destination) = formats::asked(observation);
    let conversation = Conversation::between(protocol, source, destination, Some(said.application()));
    lines.add(|event| {
        event.set("@timestamp", observation.time);
        event.object("destination", |destination| conversation.destination(destination));
        event.object("dns", |dns| said.dns(dns));
        event.constant(SCHEMA);
        event.object("event", |event| {
            event.set("action", said.action());
            event.constant(Constant(
                r#""category":["network"],"dataset":"weir.name","kind":"event","module":"weir","#,
            ));
            event.constant(Constant(r#""type":["protocol","info"],"#));
        });
        event.object("http", |http| wire::http(http, said.request(), None));
        event.object("network", |network| conversation.network(network));
        event.constant(OBSERVER);
        event.object("related", |related| {
            related.set_unique("hash", said.hashes());
            related.set_unique("hosts", present(said.hosts()));
            related.set_unique("ip", [source.ip, destination.ip].into_iter().chain(said.addresses()));
        });
        event.object("source", |source| conversation.source(source));
        event.object("tls", |tls| said.tls(tls));
        event.object("url", |url| said.url(url));
        event.object("user_agent", |user_agent| {
            user_agent.set_some("original", said.request().and_then(|request| request.user_agent.as_deref()));
        });
        event.object("weir", |weir| said.weir(weir, flow, observation));
    });
}

/// A fact that has a line.
#[derive(Clone, Copy)]
pub(in crate::formats) enum Said<'a> {
    Message(&'a DnsMessage),
    Hello(&'a ClientHello),
    Certificate(&'a Certificate),
    Request(&'a HttpRequest),
    Told(&'a ToldNames),
}

impl<'a> Said<'a> {
    /// `None` for facts that name nothing.
    pub(in crate::formats) fn of(fact: &'a Fact) -> Option<Self> {
        match fact {
            Fact::Dns(message) => Some(Self::Message(message)),
            Fact::ClientHello(hello) => Some(Self::Hello(hello)),
            Fact::Certificate(certificate) => Some(Self::Certificate(certificate)),
            Fact::HttpRequest(request) => Some(Self::Request(request)),
            Fact::Told(names) => Some(Self::Told(names)),
            Fact::ServerHello(_) | Fact::HttpResponse(_) | Fact::Application(_) => None,
        }
    }

    /// All that is under `weir`.
    pub(in crate::formats) fn weir(self, weir: &mut Object<'_>, flow: FlowId, observation: &Observation) {
        weir.object("dns", |dns| self.weir_dns(dns));
        weir.object("flow", |members| members.set("id", flow.0));
        weir.object("http", |http| http.set_some("form", self.request().map(wire::request_form)));
        weir.set("packet", observation.packet);
        weir.object("tls", |tls| self.weir_tls(tls));
    }

    fn action(self) -> &'static str {
        match self {
            Self::Message(message) if message.is_response => "dns-answer",
            Self::Message(_) => "dns-query",
            Self::Hello(_) => "tls-client-hello",
            Self::Certificate(_) => "tls-certificate",
            Self::Request(_) => "http-request",
            Self::Told(_) => "exported-names",
        }
    }

    /// As ECS `network.protocol`.
    pub(in crate::formats) fn application(self) -> &'static str {
        match self {
            Self::Message(_) => "dns",
            Self::Hello(hello) if matches!(hello.transport, TlsTransport::Quic(_)) => "quic",
            Self::Hello(_) | Self::Certificate(_) => "tls",
            Self::Told(names) if names.dns_question.is_some() => "dns",
            Self::Told(names) if names.server_name.is_some() => "tls",
            Self::Request(_) | Self::Told(_) => "http",
        }
    }

    pub(in crate::formats) fn told(self) -> Option<&'a ToldNames> {
        if let Self::Told(names) = self { Some(names) } else { None }
    }

    pub(in crate::formats) fn message(self) -> Option<&'a DnsMessage> {
        if let Self::Message(message) = self { Some(message) } else { None }
    }

    pub(in crate::formats) fn hello(self) -> Option<&'a ClientHello> {
        if let Self::Hello(hello) = self { Some(hello) } else { None }
    }

    pub(in crate::formats) fn certificate(self) -> Option<&'a Certificate> {
        if let Self::Certificate(certificate) = self { Some(certificate) } else { None }
    }

    pub(in crate::formats) fn request(self) -> Option<&'a HttpRequest> {
        if let Self::Request(request) = self { Some(request) } else { None }
    }

    fn dns(self, dns: &mut Object<'_>) {
        if let Some(message) = self.message() {
            wire::dns(dns, message);
        }
        if let Some(asked) = self.told().and_then(|names| names.dns_question.as_ref()) {
            dns.object("question", |question| question.set("name", asked));
            dns.set("type", "query");
        }
    }

    pub(in crate::formats) fn server_name(self) -> Option<&'a Name> {
        let said = self.hello().and_then(|hello| hello.server_name.as_ref());
        said.or_else(|| self.told()?.server_name.as_ref())
    }

    fn tls(self, tls: &mut Object<'_>) {
        wire::tls(
            tls,
            (self.server_name(), self.hello().map(|hello| &hello.ja3)),
            self.certificate(),
            self.hello().map(|hello| hello.version),
        );
    }

    pub(in crate::formats) fn url(self, url: &mut Object<'_>) {
        if let Some(request) = self.request() {
            wire::url(url, request);
        }
        if let Some(ToldNames { http_host, http_port, http_path, .. }) = self.told() {
            wire::url_parts(url, http_host.as_ref(), *http_port, http_path, !http_path.is_empty());
        }
    }

    fn weir_dns(self, dns: &mut Object<'_>) {
        if let Some(message) = self.message() {
            wire::weir_dns(dns, message);
        }
    }

    fn weir_tls(self, tls: &mut Object<'_>) {
        tls.set_some("chain_position", self.certificate().map(|certificate| certificate.position));
        if let Some(hello) = self.hello() {
            tls.object("client", |client| {
                wire::weir_tls_client(client, &hello.alpn, hello.ech_offered, Some(&hello.ja4));
            });
            wire::tls_transport(tls, hello);
        }
    }

    /// Every name that was said.
    fn hosts(self) -> impl Iterator<Item = Cow<'a, str>> {
        let questions = self.message().map_or(&[][..], |message| &message.questions);
        let presented = self.certificate().map_or(&[][..], |certificate| &certificate.names);
        let asked = self.told().and_then(|names| names.dns_question.as_ref());
        let names = questions.iter().map(|question| &question.name).chain(asked);
        let names = names.chain(self.server_name()).chain(presented);
        let told = self.told().and_then(|names| names.http_host.as_ref());
        let host = self.request().and_then(|request| request.host.as_ref()).or(told).map(wire::host_text);
        names.map(Name::as_str).map(Cow::Borrowed).chain(host)
    }

    /// Every fingerprint.
    fn hashes(self) -> impl Iterator<Item = Fingerprint<'a>> {
        let ja3 = self.hello().map(|hello| Fingerprint::Ja3(Hex(&hello.ja3)));
        let ja4 = self.hello().map(|hello| Fingerprint::Ja4(&hello.ja4));
        ja3.into_iter().chain(ja4).chain(self.certificate().into_iter().flat_map(Fingerprint::sums))
    }

    /// The addresses in an answer.
    fn addresses(self) -> impl Iterator<Item = IpAddr> {
        let answers = self.message().map_or(&[][..], |message| &message.answers);
        answers.iter().filter_map(|record| record.data.address())
    }
}
