//! What the payload of a flow said, folded into its record.

use crate::side::Both;
use smallvec::SmallVec;
use std::net::IpAddr;
use weir_model::Name;
use weir_model::flow::{Counters, FlowName, HttpSummary, NameSource, PassiveName, TlsSummary, Tunnel};
use weir_model::observation::{
    ClientHello, DnsMessage, Fact, HttpHost, HttpRequest, Observation, RequestForm, TlsTransport, ToldNames,
};

/// Most names kept of one flow. The adversary sends a request for another host each millisecond over one connection;
/// each still is observed, but the record lists only the first.
pub(crate) const MAX_NAMES_PER_FLOW: usize = 16;

/// Of these, most names from certificates: what the client says later must find room.
const MAX_CERTIFICATE_NAMES: usize = 8;

/// Most questions without an answer that are remembered of one flow; with more, answers are no longer compared.
const MAX_OPEN_QUESTIONS: usize = 16;

/// What most flows lack: kept apart from the counters.
#[derive(Clone, Debug, Default)]
pub(crate) struct Facts {
    pub(crate) vlans: SmallVec<[u16; 4]>,
    pub(crate) mpls: SmallVec<[u32; 4]>,
    pub(crate) tunnels: SmallVec<[Tunnel; 2]>,
    /// What passive DNS knew when the conversation began.
    pub(crate) passive: Vec<PassiveName>,
    /// Names that the payload said, in the order learnt.
    pub(crate) names: Vec<FlowName>,
    pub(crate) application: Option<&'static str>,
    pub(crate) tls: Option<Box<TlsSummary>>,
    pub(crate) http: Option<Box<HttpSummary>>,
    questions: Questions,
    /// What of the entry's counters went beyond their 32 bits.
    pub(crate) carried: Both<Counters>,
    /// Bytes of the table's budget charged for this, names of payloads aside.
    pub(crate) table_cost: usize,
    /// Bytes charged for what was kept.
    pub(crate) cost: usize,
}

/// What folding a fact changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Folded {
    /// Names learnt, with their source: at most one source per fact.
    pub(crate) names: u64,
    pub(crate) source: Option<NameSource>,
    /// Names beyond the cap.
    pub(crate) dropped: u64,
}

impl Facts {
    /// What it takes of the table's budget now.
    pub(crate) fn current_table_cost(&self) -> usize {
        size_of::<Self>() + self.passive.len() * size_of::<PassiveName>()
    }

    /// Keeps what the record shows of a fact.
    pub(crate) fn fold(&mut self, observation: &Observation) -> Folded {
        match &observation.fact {
            Fact::Dns(_) => {
                self.application.get_or_insert("dns");
                Folded::default()
            }
            Fact::ClientHello(hello) => self.fold_client_hello(hello, observation),
            Fact::ServerHello(hello) => {
                self.application.get_or_insert("tls");
                let tls = self.tls.get_or_insert_default();
                tls.version = Some(hello.version);
                tls.cipher = Some(hello.cipher);
                Folded::default()
            }
            Fact::Certificate(certificate) => {
                self.application.get_or_insert("tls");
                if certificate.position > 0 {
                    return Folded::default();
                }
                self.cost +=
                    cost_of(&certificate.names) + certificate.subject.len() + certificate.issuer.len();
                self.tls.get_or_insert_default().certificate.get_or_insert_with(|| certificate.clone());
                self.add_names(&certificate.names, NameSource::Certificate, observation)
            }
            Fact::HttpRequest(request) => self.fold_request(request, observation),
            Fact::HttpResponse(response) => {
                self.http_summary().status.get_or_insert(response.status);
                Folded::default()
            }
            Fact::Told(told) => self.fold_told(told, observation),
            Fact::Application(application) => {
                self.application.get_or_insert(application);
                Folded::default()
            }
        }
    }

    fn fold_client_hello(&mut self, hello: &ClientHello, observation: &Observation) -> Folded {
        let (application, source) = match hello.transport {
            TlsTransport::Tcp | TlsTransport::StartTls => ("tls", NameSource::TlsSni),
            TlsTransport::Dtls => ("dtls", NameSource::TlsSni),
            TlsTransport::Quic(_) => ("quic", NameSource::QuicSni),
        };
        self.application.get_or_insert(application);
        let tls = self.tls.get_or_insert_default();
        if tls.ja4.is_none() {
            tls.ja3 = Some(hello.ja3);
            tls.ja4 = Some(hello.ja4.clone());
            tls.alpn.clone_from(&hello.alpn);
            self.cost += hello.alpn.iter().map(|protocol| protocol.len() + 32).sum::<usize>();
        }
        if tls.cipher.is_none() {
            tls.version = Some(hello.version);
        }
        tls.ech_offered |= hello.ech_offered;
        if hello.server_name.is_some() {
            tls.server_name.clone_from(&hello.server_name);
        }
        self.add_names(hello.server_name.as_slice(), source, observation)
    }

    fn fold_request(&mut self, request: &std::sync::Arc<HttpRequest>, observation: &Observation) -> Folded {
        let http = self.http_summary();
        http.requests = http.requests.saturating_add(1);
        if http.request.is_none() {
            http.request = Some(request.clone());
            self.cost += request.path.len() + request.user_agent.as_ref().map_or(0, |agent| agent.len());
        }
        let source = match request.form {
            RequestForm::Origin => NameSource::HttpHost,
            RequestForm::Absolute | RequestForm::Connect => NameSource::HttpProxy,
        };
        match &request.host {
            Some(HttpHost::Name(name)) => self.add_names(std::slice::from_ref(name), source, observation),
            _ => Folded::default(),
        }
    }

    /// Names that a router told count as if the payload had been read here.
    fn fold_told(&mut self, told: &ToldNames, observation: &Observation) -> Folded {
        let mut folded = Folded::default();
        if let Some(HttpHost::Name(host)) = &told.http_host {
            folded = self.add_names(std::slice::from_ref(host), NameSource::HttpHost, observation);
        }
        if let Some(server_name) = &told.server_name {
            self.application.get_or_insert("tls");
            self.tls.get_or_insert_default().server_name = Some(server_name.clone());
            let of_tls = self.add_names(std::slice::from_ref(server_name), NameSource::TlsSni, observation);
            folded = Folded { dropped: folded.dropped + of_tls.dropped, ..of_tls };
        }
        if told.http_host.is_some() || !told.http_path.is_empty() {
            self.application.get_or_insert("http");
        }
        if told.dns_question.is_some() {
            self.application.get_or_insert("dns");
        }
        folded
    }

    fn http_summary(&mut self) -> &mut HttpSummary {
        self.application.get_or_insert("http");
        self.http.get_or_insert_with(|| Box::new(HttpSummary { request: None, status: None, requests: 0 }))
    }

    fn add_names(&mut self, names: &[Name], source: NameSource, observation: &Observation) -> Folded {
        let mut folded = Folded { source: Some(source), ..Folded::default() };
        for name in names {
            if self.names.iter().any(|known| known.source == source && known.name == *name) {
                continue;
            }
            let limit =
                if source == NameSource::Certificate { MAX_CERTIFICATE_NAMES } else { MAX_NAMES_PER_FLOW };
            if self.names.len() >= limit {
                folded.dropped += 1;
                continue;
            }
            self.cost += cost_of(std::slice::from_ref(name));
            self.names.push(FlowName {
                name: name.clone(),
                source,
                time: observation.time,
                aliases: Vec::new(),
            });
            folded.names += 1;
        }
        folded
    }

    /// The names of the end `address`: the one that counts most, and the others in the order learnt.
    pub(crate) fn names_of(&self, address: IpAddr) -> (Option<FlowName>, Vec<FlowName>) {
        let passive = self.passive.iter().filter(|named| named.address == address).map(|named| &named.name);
        let mut names: Vec<FlowName> =
            passive.chain(&self.names).take(MAX_NAMES_PER_FLOW + self.passive.len()).cloned().collect();
        let mut best: Option<(usize, NameSource)> = None;
        for (position, name) in names.iter().enumerate() {
            if best.is_none_or(|(_, source)| name.source > source) {
                best = Some((position, name.source));
            }
        }
        let name = best.map(|(position, _)| names.remove(position));
        (name, names)
    }

    /// Notes a DNS question, to compare answers with.
    pub(crate) fn note_question(&mut self, message: &DnsMessage) {
        let Some(question) = message.questions.first() else {
            return;
        };
        self.questions.seen = true;
        if self.questions.open.len() >= MAX_OPEN_QUESTIONS {
            self.questions.open.remove(0);
            self.questions.overflowed = true;
        }
        self.questions.open.push((message.id, question.name.clone()));
    }

    /// The last questions, answered or not.
    pub(crate) fn last_questions(&self) -> &[(u16, Name)] {
        &self.questions.open
    }

    /// Whether a DNS answer fits a question of this flow, as far as its questions are in view.
    pub(crate) fn fits_question(&self, message: &DnsMessage) -> bool {
        let Questions { open, seen, overflowed } = &self.questions;
        let asked = |name: &Name| open.iter().any(|(id, asked)| *id == message.id && asked == name);
        !seen || *overflowed || message.questions.first().is_some_and(|question| asked(&question.name))
    }
}

/// DNS questions of a flow that answers are compared with.
#[derive(Clone, Debug, Default)]
struct Questions {
    open: SmallVec<[(u16, Name); 1]>,
    seen: bool,
    overflowed: bool,
}

fn cost_of(names: &[Name]) -> usize {
    names.iter().map(|name| name.as_str().len() + size_of::<FlowName>()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::answers::tests::{answer, name};
    use std::sync::Arc;
    use weir_model::observation::{Certificate, ServerHello};
    use weir_model::{Endpoint, Timestamp};

    fn observation(fact: Fact) -> Observation {
        let end = Endpoint::new([192, 0, 2, 1].into(), 1);
        Observation { time: Timestamp::new(5, 0), packet: 3, source: end, destination: end, fact }
    }

    fn hello(server_name: &str, transport: TlsTransport) -> Fact {
        Fact::ClientHello(Arc::new(ClientHello {
            server_name: Some(name(server_name)),
            alpn: vec!["h2".into()],
            version: 0x0304,
            ja3: [3; 16],
            ja4: format!("ja4 of {server_name}").into(),
            ech_offered: false,
            transport,
        }))
    }

    fn certificate(names: Vec<Name>) -> Fact {
        Fact::Certificate(Arc::new(Certificate {
            position: 0,
            sha1: [0; 20],
            sha256: [0; 32],
            subject: "".into(),
            issuer: "".into(),
            names,
            not_before: 0,
            not_after: 0,
        }))
    }

    fn request(host: &str, form: RequestForm) -> Fact {
        Fact::HttpRequest(Arc::new(HttpRequest {
            method: "GET".into(),
            host: Some(HttpHost::Name(name(host))),
            port: None,
            path: "/".into(),
            user_agent: None,
            form,
        }))
    }

    #[test]
    fn tls_keeps_the_first_fingerprint_the_last_name_and_the_chosen_version() {
        let mut facts = Facts::default();
        facts.fold(&observation(hello("one.example", TlsTransport::Tcp)));
        assert_eq!(facts.tls.as_ref().unwrap().version, Some(0x0304));
        let chosen = ServerHello { version: 0x0303, cipher: 0xc02f, alpn: None };
        facts.fold(&observation(Fact::ServerHello(Arc::new(chosen))));
        facts.fold(&observation(hello("two.example", TlsTransport::Tcp)));
        let tls = facts.tls.unwrap();
        assert_eq!(tls.server_name, Some(name("two.example")));
        assert_eq!(tls.ja4.as_deref(), Some("ja4 of one.example"));
        assert_eq!((tls.version, tls.cipher), (Some(0x0303), Some(0xc02f)));
        assert_eq!(facts.application, Some("tls"));
    }

    #[test]
    fn what_the_client_said_outranks_passive_dns() {
        let address = IpAddr::from([192, 0, 2, 1]);
        let learnt =
            |text, source| FlowName { name: name(text), source, time: Timestamp::EPOCH, aliases: Vec::new() };
        let mut facts = Facts {
            passive: vec![
                PassiveName { address, name: learnt("asked.example", NameSource::PassiveDnsClient) },
                PassiveName {
                    address: [10, 0, 0, 1].into(),
                    name: learnt("client.example", NameSource::PassiveDnsOther),
                },
            ],
            ..Facts::default()
        };
        assert_eq!(facts.names_of(address).0.unwrap().name, name("asked.example"));
        facts.fold(&observation(certificate(vec![name("cert.example")])));
        assert_eq!(facts.names_of(address).0.unwrap().name, name("asked.example"));
        facts.fold(&observation(hello("said.example", TlsTransport::Tcp)));
        let (best, others) = facts.names_of(address);
        assert_eq!(best.unwrap().name, name("said.example"));
        let others: Vec<_> = others.iter().map(|other| other.name.as_str()).collect();
        assert_eq!(others, ["asked.example", "cert.example"]);
    }

    #[test]
    fn of_equally_good_names_the_first_counts() {
        let mut facts = Facts::default();
        facts.fold(&observation(request("one.example", RequestForm::Origin)));
        facts.fold(&observation(request("two.example", RequestForm::Origin)));
        let (best, others) = facts.names_of([192, 0, 2, 1].into());
        assert_eq!((best.unwrap().name, others[0].name.clone()), (name("one.example"), name("two.example")));
    }

    #[test]
    fn certificates_leave_room_for_what_the_client_says() {
        let mut facts = Facts::default();
        let names = (0..20).map(|number| name(&format!("{number}.example"))).collect();
        let folded = facts.fold(&observation(certificate(names)));
        assert_eq!((folded.names, folded.dropped), (8, 12));
        assert_eq!(facts.fold(&observation(request("www.example", RequestForm::Origin))).names, 1);
    }

    #[test]
    fn names_are_kept_once_per_source_and_capped() {
        let mut facts = Facts::default();
        let folded = facts.fold(&observation(request("www.example", RequestForm::Origin)));
        assert_eq!(folded, Folded { names: 1, source: Some(NameSource::HttpHost), dropped: 0 });
        assert_eq!(facts.fold(&observation(request("www.example", RequestForm::Origin))).names, 0);
        assert_eq!(facts.fold(&observation(request("www.example", RequestForm::Absolute))).names, 1);
        let mut dropped = 0;
        for number in 0..20 {
            let fact = request(&format!("{number}.example"), RequestForm::Origin);
            dropped += facts.fold(&observation(fact)).dropped;
        }
        assert_eq!((facts.names.len(), dropped), (MAX_NAMES_PER_FLOW, 6));
        assert_eq!(facts.http.unwrap().requests, 23);
    }

    #[test]
    fn answers_must_fit_the_questions_in_view() {
        let mut facts = Facts::default();
        let mut reply = answer("www.example", Vec::new());
        reply.id = 7;
        assert!(facts.fits_question(&reply), "no question was in view");
        let question = DnsMessage { is_response: false, ..reply.clone() };
        facts.note_question(&question);
        assert!(facts.fits_question(&reply));
        assert!(!facts.fits_question(&DnsMessage { id: 8, ..reply.clone() }));
        assert!(!facts.fits_question(&answer("other.example", Vec::new())));
        for id in 100..=100 + MAX_OPEN_QUESTIONS as u16 {
            facts.note_question(&DnsMessage { id, ..question.clone() });
        }
        assert!(facts.fits_question(&DnsMessage { id: 8, ..reply }), "too many to compare");
    }
}
