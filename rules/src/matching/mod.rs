//! Matching: what is new in a flow is compared with the indicators.
//!
//! | seen | compared as | field |
//! |---|---|---|
//! | either end of a flow | address, address:port (TCP, UDP, SCTP), network | `flow_address` |
//! | what a translator made of either end, as a router tells | address, address:port, network | `translated_address` |
//! | outer addresses of a tunnel | address, network | `tunnel_address` |
//! | the name by which this client asked for the address, and its aliases | domain, host | `passive_dns` |
//! | DNS question, of a query or repeated in its response | domain, host | `dns_question` |
//! | target of a CNAME or DNAME in an answer section | domain, host | `dns_cname` |
//! | address of an A or AAAA record in an answer section | address, network | `dns_answer` |
//! | TLS server_name | domain, host | `tls_sni`, `quic_sni` |
//! | HTTP host that is a name | domain, host | `http_host` |
//! | HTTP host that is an address | address, address:port, network | `http_host` |
//! | HTTP host, port and target | URL | `url` |
//! | JA3, JA4 | JA3, JA4 | `ja3`, `ja4` |
//! | any certificate of a server's chain | certificate | `certificate` |
//!
//! An indicator that no source says to count any more, at the time of the packet, is not met. With one that comes when a flow is open,
//! what is kept of the flow is compared (`late.rs`).
//!
//! Names that a router wrote into its record of the flow are compared as if a packet had said them: the name asked for in DNS, TLS
//! server_name, HTTP host and target.
//!
//! Nothing else is compared. In particular these explain a flow but are not met: the contents of PTR, MX, NS, SOA, SRV, TXT,
//! HTTPS and SVCB records, whatever stands in authority and additional sections, names in certificates, names that another
//! client's answer gave an address, DNS messages that are not standard queries (notifications and updates ask nothing), and
//! Multicast DNS and LLMNR, which look nothing up on the Internet and in which any neighbour may name anything.

mod dns;
mod http;
mod late;
mod questions;
mod rewritten;
mod told;

pub use late::Sweep;
pub use questions::Questions;

use crate::hits::{FlowHits, Hit, Subject};
use crate::set::{IndicatorId, IndicatorSet};
use std::net::IpAddr;
use std::sync::Arc;
use weir_model::alert::Field;
use weir_model::flow::{FlowHead, NameSource, PassiveName, Tunnel};
use weir_model::observation::{Certificate, ClientHello, Fact, TlsTransport};
use weir_model::record::Translated;
use weir_model::{Endpoint, IndicatorValue, Name, Observation, Timestamp};

/// Compares flows with a set of indicators. It keeps nothing between calls; what it finds goes to the flow's [`FlowHits`].
#[derive(Clone, Debug)]
pub struct Matcher {
    set: Arc<IndicatorSet>,
}

impl Matcher {
    /// A matcher for a set.
    pub fn new(set: Arc<IndicatorSet>) -> Self {
        Self { set }
    }

    /// The set.
    pub fn set(&self) -> &Arc<IndicatorSet> {
        &self.set
    }

    /// Compares what is known when a flow begins: its addresses, what a translator made of them, and its tunnels'.
    pub fn began(&self, head: &FlowHead<'_>, hits: &mut FlowHits) {
        if self.set.is_empty() {
            return;
        }
        let mut found = Found::new(&self.set, hits, (head.first, head.id.0));
        found.ends(head);
        head.tunnels.iter().for_each(|tunnel| found.tunnel(head, tunnel));
    }

    /// Compares what a translator made of the addresses of a flow that had begun when a router told of it.
    pub fn translated(&self, head: &FlowHead<'_>, hits: &mut FlowHits) {
        if let (Some(translated), false) = (head.translated, self.set.is_empty()) {
            let mut found = Found::new(&self.set, hits, (head.first, head.id.0));
            found.translated(head, translated);
        }
    }

    /// Compares what passive DNS knew when the flow began.
    pub fn named(&self, head: &FlowHead<'_>, hits: &mut FlowHits) {
        if self.set.is_empty() {
            return;
        }
        let mut found = Found::new(&self.set, hits, (head.first, head.id.0));
        head.passive.iter().for_each(|passive| found.passive(passive));
    }

    /// Compares what was just learnt from the payload of a flow.
    pub fn observed(&self, _head: &FlowHead<'_>, observation: &Observation, hits: &mut FlowHits) {
        if self.set.is_empty() {
            return;
        }
        let mut found = Found::new(&self.set, hits, (observation.time, observation.packet));
        match &observation.fact {
            Fact::Dns(message) => found.dns(observation, message),
            Fact::ClientHello(hello) => found.client_hello(hello),
            Fact::Certificate(certificate) => found.certificate(certificate),
            Fact::HttpRequest(request) => found.http_request(request, observation.destination),
            Fact::Told(names) => found.told((observation.source, observation.destination), names),
            Fact::ServerHello(_) | Fact::HttpResponse(_) | Fact::Application(_) => {}
        }
    }
}

/// One packet's matches on their way to the flow's hits.
struct Found<'a> {
    set: &'a IndicatorSet,
    hits: &'a mut FlowHits,
    time: Timestamp,
    packet: u64,
    /// When indicators must count.
    valid_at: Timestamp,
    /// See [`Hit::is_late`].
    is_late: bool,
}

impl<'a> Found<'a> {
    /// In a packet of that time and number.
    const fn new(set: &'a IndicatorSet, hits: &'a mut FlowHits, (time, packet): (Timestamp, u64)) -> Self {
        Self { set, hits, time, packet, valid_at: time, is_late: false }
    }
}

impl Found<'_> {
    fn hit(&mut self, id: IndicatorId, field: Field, value: &Arc<str>, subject: Subject) {
        if let Some(hit) = self.new_hit(id, field, value, subject) {
            self.hits.push(hit);
        }
    }

    fn new_hit(&self, id: IndicatorId, field: Field, value: &Arc<str>, subject: Subject) -> Option<Hit> {
        let (time, packet, is_late, value) = (self.time, self.packet, self.is_late, Arc::clone(value));
        let indicator = self.set.get(id).filter(|indicator| indicator.is_valid_at(self.valid_at))?;
        Some(Hit { indicator, field, value, time, packet, subject, last: time, count: 1, is_late })
    }

    fn hit_all(
        &mut self,
        ids: impl IntoIterator<Item = IndicatorId>,
        field: Field,
        text: &str,
        subject: &Subject,
    ) {
        let mut ids = ids.into_iter().peekable();
        if ids.peek().is_some() {
            let value: Arc<str> = text.into();
            ids.for_each(|id| self.hit(id, field, &value, subject.clone()));
        }
    }

    fn ends(&mut self, head: &FlowHead<'_>) {
        let FlowHead { source, destination, .. } = *head;
        self.address(source.ip, Field::FlowAddress, source.ip);
        self.address_port(head, source, Field::FlowAddress, source.ip);
        if destination != source {
            self.address(destination.ip, Field::FlowAddress, destination.ip);
            self.address_port(head, destination, Field::FlowAddress, destination.ip);
        }
        if let Some(translated) = head.translated {
            self.translated(head, translated);
        }
    }

    /// What a translator made of an end is the same end under another address, so a hit is about the end as the flow has it.
    fn translated(&mut self, head: &FlowHead<'_>, translated: &Translated) {
        for (end, ip, port) in [
            (head.source, translated.source, translated.source_port),
            (head.destination, translated.destination, translated.destination_port),
        ] {
            let other = Endpoint::new(ip.unwrap_or(end.ip), if port == 0 { end.port } else { port });
            if other.ip != end.ip {
                self.address(other.ip, Field::TranslatedAddress, end.ip);
            }
            if other != end {
                self.address_port(head, other, Field::TranslatedAddress, end.ip);
            }
        }
    }

    fn address(&mut self, ip: IpAddr, field: Field, of: IpAddr) {
        self.hit_address(self.set.address(ip), ip, field, &Subject::End(of));
    }

    fn address_port(&mut self, head: &FlowHead<'_>, end: Endpoint, field: Field, of: IpAddr) {
        if head.protocol.has_ports()
            && let Some(id) = self.set.address_port(end.ip, end.port)
        {
            self.hit(id, field, &end.to_string().into(), Subject::End(of));
        }
    }

    /// As [`Self::hit_all`], without writing the address down when nothing matches: this runs for each flow.
    fn hit_address(
        &mut self,
        ids: impl Iterator<Item = IndicatorId>,
        ip: IpAddr,
        field: Field,
        subject: &Subject,
    ) {
        let mut value: Option<Arc<str>> = None;
        for id in ids {
            let value = value.get_or_insert_with(|| ip.to_string().into());
            self.hit(id, field, &Arc::clone(value), subject.clone());
        }
    }

    fn tunnel(&mut self, head: &FlowHead<'_>, tunnel: &Tunnel) {
        for (ip, is_source) in [(tunnel.source, true), (tunnel.destination, false)] {
            let subject = Subject::Tunnel { tunnel: *tunnel, is_source, inner_source: head.source };
            self.hit_address(self.set.address(ip), ip, Field::TunnelAddress, &subject);
        }
    }

    fn passive(&mut self, passive: &PassiveName) {
        if passive.name.source != NameSource::PassiveDnsClient {
            return;
        }
        let names: Arc<[Name]> =
            std::iter::once(&passive.name.name).chain(&passive.name.aliases).cloned().collect();
        let subject = Subject::Passive { address: passive.address, names: Arc::clone(&names) };
        for name in names.iter() {
            self.hit_all(self.set.name(name), Field::PassiveDns, name.as_str(), &subject);
        }
    }

    fn client_hello(&mut self, hello: &ClientHello) {
        let field = match hello.transport {
            TlsTransport::Quic(_) => Field::QuicSni,
            TlsTransport::Tcp | TlsTransport::StartTls | TlsTransport::Dtls => Field::TlsSni,
        };
        if let Some(name) = &hello.server_name {
            let subject = Subject::Said { host: name.as_str().into(), to_proxy: false };
            self.hit_all(self.set.name(name), field, name.as_str(), &subject);
        }
        self.ja3(hello.ja3);
        self.ja4(&hello.ja4);
    }

    fn ja3(&mut self, ja3: [u8; 16]) {
        if let Some(id) = self.set.ja3(&ja3) {
            self.hit(id, Field::Ja3, &IndicatorValue::Ja3(ja3).to_string().into(), Subject::Flow);
        }
    }

    fn ja4(&mut self, ja4: &Arc<str>) {
        self.hit_all(self.set.ja4(ja4), Field::Ja4, ja4, &Subject::Flow);
    }

    fn certificate(&mut self, certificate: &Certificate) {
        for id in self.set.certificate(&certificate.sha1, &certificate.sha256) {
            let value = self.set.get(id).map(|indicator| indicator.value.to_string());
            self.hit(id, Field::Certificate, &value.unwrap_or_default().into(), Subject::Flow);
        }
    }
}

#[cfg(test)]
mod tests;
