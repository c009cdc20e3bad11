//! A small world in which flows happen: they go through the matcher and end in the incidents, as in the program.

mod books;
mod exported;
mod folding;
mod live;
mod relations;
mod roles;
mod sides;
mod warned;

use super::*;
use crate::matching::Matcher;
use crate::set::SetBuilder;
use crate::testing::{end, flow, name};
use weir_model::flow::{
    Counters, FlowHead, FlowName, NameSource, Orientation, PassiveName, TcpSummary, Tunnel,
};
use weir_model::indicator::Url;
use weir_model::observation::*;
use weir_model::{Context, Exported, Grade, IndicatorValue, Observation, Protocol, record};

const HOST: &str = "10.0.0.1:50000";
const OTHER_HOST: &str = "10.0.0.2:50000";
const RESOLVER: &str = "10.0.0.53:53";
const BAD: &str = "203.0.113.5:443";

struct World {
    matcher: Matcher,
    incidents: Incidents,
    flows: u64,
}

impl World {
    fn new(indicators: &[&str]) -> Self {
        Self::with_roles(indicators, &[])
    }

    fn with_roles(indicators: &[&str], roles: &[(Role, &str)]) -> Self {
        let roles = roles.iter().map(|(role, net)| (*role, net.parse().unwrap())).collect();
        Self::with_config(indicators, Site { roles, ..Site::private_ranges() }, IncidentConfig::default())
    }

    fn with_config(indicators: &[&str], site: Site, config: IncidentConfig) -> Self {
        let indicators = indicators.iter().map(|text| Indicator::new(value(text), vec![Context::default()]));
        Self::knowing(indicators, site, config)
    }

    fn knowing(indicators: impl Iterator<Item = Indicator>, site: Site, config: IncidentConfig) -> Self {
        let mut builder = SetBuilder::new();
        for indicator in indicators {
            builder.add(indicator).unwrap();
        }
        Self {
            matcher: Matcher::new(Arc::new(builder.build())),
            incidents: Incidents::new(site, config),
            flows: 0,
        }
    }

    /// A connection that the first end opens, changed as wanted, and ended.
    fn flow(&mut self, initiator: &str, responder: &str, change: impl FnOnce(&mut Happening)) {
        let happening = self.happening(initiator, responder, change);
        self.end(&happening);
    }

    fn happening(
        &mut self,
        initiator: &str,
        responder: &str,
        change: impl FnOnce(&mut Happening),
    ) -> Happening {
        self.flows += 1;
        let mut happening = Happening {
            flow: flow(initiator, responder),
            facts: Vec::new(),
            passive: Vec::new(),
            is_turned: false,
        };
        happening.flow.id = FlowId(self.flows);
        change(&mut happening);
        happening
    }

    fn end(&mut self, happening: &Happening) {
        let hits = self.met(happening);
        self.incidents.fold(&Arc::new(happening.flow.clone()), &hits);
        assert!(self.incidents.stats().is_balanced(), "{:?}", self.incidents.stats());
    }

    /// The flow is still open.
    fn stand(&mut self, happening: &Happening) {
        let hits = self.met(happening);
        self.incidents.stands(&Arc::new(happening.flow.clone()), &hits);
        assert!(self.incidents.stats().is_balanced(), "{:?}", self.incidents.stats());
    }

    fn met(&self, happening: &Happening) -> FlowHits {
        let Happening { flow, facts, passive, is_turned } = happening;
        let (client, server) =
            if *is_turned { (flow.responder, flow.initiator) } else { (flow.initiator, flow.responder) };
        let mut hits = FlowHits::default();
        let translated = happening.translated();
        let head = FlowHead {
            id: flow.id,
            first: flow.first,
            protocol: flow.protocol,
            source: client,
            destination: server,
            tunnels: &flow.tunnels,
            translated: translated.as_ref(),
            passive,
        };
        self.matcher.began(&head, &mut hits);
        self.matcher.named(&head, &mut hits);
        for (fact, number) in facts.iter().zip(0..) {
            let from_server = fact.sent_by() == Some(Sender::Responder);
            let (source, destination) = if from_server { (server, client) } else { (client, server) };
            let (time, fact) = (flow.first + Duration::from_millis(number), fact.clone());
            let observation = Observation { time, packet: flow.id.0, source, destination, fact };
            self.matcher.observed(&head, &observation, &mut hits);
        }
        hits
    }

    /// A look-up with its answer, in a flow of its own.
    fn lookup(&mut self, second: u64, client: &str, server: &str, asked: &str, answers: &[&str]) {
        self.flow(client, server, |it| {
            it.at(second).udp();
            it.flow.dns_messages = (1, 1);
            it.facts.extend(dns(asked, answers));
        });
    }

    fn close(&mut self) -> Vec<Alert> {
        let alerts = self.incidents.close_all();
        let stats = self.incidents.stats();
        assert!(stats.is_balanced(), "{stats:?}");
        assert_eq!((stats.hits_open, stats.incidents_open, self.incidents.touches), (0, 0, 0));
        alerts
    }
}

/// A flow on its way.
#[derive(Clone)]
struct Happening {
    flow: Flow,
    facts: Vec<Fact>,
    passive: Vec<PassiveName>,
    /// The flow's responder sent the first packet, and what a client says: the flow table took one end for the other.
    is_turned: bool,
}

impl Happening {
    fn at(&mut self, second: u64) -> &mut Self {
        let length = self.flow.duration();
        self.flow.first = Timestamp::new(second, 0);
        self.flow.last = self.flow.first + length;
        self
    }

    fn udp(&mut self) -> &mut Self {
        (self.flow.protocol, self.flow.tcp) = (Protocol::UDP, None);
        self
    }

    fn sni(&mut self, text: &str) -> &mut Self {
        self.facts.push(Fact::ClientHello(Arc::new(ClientHello {
            server_name: Some(name(text)),
            alpn: Vec::new(),
            version: 0x0304,
            ja3: [3; 16],
            ja4: "t13d1516h2_8daaf6152771_e5627efa2ab1".into(),
            ech_offered: false,
            transport: TlsTransport::Tcp,
        })));
        self.named(text, NameSource::TlsSni)
    }

    fn http(&mut self, form: RequestForm, host: &str, path: &str) -> &mut Self {
        self.facts.push(Fact::HttpRequest(Arc::new(HttpRequest {
            method: "GET".into(),
            host: Some(HttpHost::Name(name(host))),
            port: None,
            path: path.into(),
            user_agent: None,
            form,
        })));
        self.named(host, NameSource::HttpHost)
    }

    fn named(&mut self, text: &str, source: NameSource) -> &mut Self {
        let name = FlowName { name: name(text), source, time: self.flow.first, aliases: Vec::new() };
        self.flow.other_names.push(name);
        self
    }

    fn passive(&mut self, address: &str, asked: &str, aliases: &[&str]) -> &mut Self {
        let aliases = aliases.iter().map(|alias| name(alias)).collect();
        let name = FlowName {
            name: name(asked),
            source: NameSource::PassiveDnsClient,
            time: self.flow.first,
            aliases,
        };
        self.passive.push(PassiveName { address: end(address).ip, name });
        self
    }

    /// Routers tell of it: of flags and bytes, and not of the connection.
    fn told(&mut self) -> &mut Exported {
        self.flow.tcp = None;
        for side in [&mut self.flow.forward, &mut self.flow.reverse] {
            side.acknowledged_bytes = 0;
        }
        self.flow.exported.get_or_insert_default()
    }

    /// What a translator made of sender and receiver of the first packet.
    fn translated(&self) -> Option<record::Translated> {
        let exported = self.flow.exported.as_ref()?;
        let made = [exported.initiator_translated, exported.responder_translated];
        let [source, destination] = if self.is_turned { [made[1], made[0]] } else { made };
        (made != [None, None]).then(|| record::Translated {
            source: source.map(|end| end.ip),
            destination: destination.map(|end| end.ip),
            source_port: source.map_or(0, |end| end.port),
            destination_port: destination.map_or(0, |end| end.port),
        })
    }

    /// SYNs that meet RSTs.
    fn refused(&mut self) -> &mut Self {
        self.flow.forward = Counters { packets: 1, ip_bytes: 40, tcp_flags: 0x02, ..Counters::default() };
        self.flow.reverse = Counters { packets: 1, ip_bytes: 40, tcp_flags: 0x14, ..Counters::default() };
        self.flow.tcp = Some(TcpSummary { syn: true, ..TcpSummary::default() });
        self
    }
}

/// `d:` domain, `h:` host, `u:` URL, `p:` address:port, `n:` network, `j:` JA4, else an address.
fn value(text: &str) -> IndicatorValue {
    match text.split_at(2) {
        ("d:", text) => IndicatorValue::Domain(name(text)),
        ("h:", text) => IndicatorValue::Host(name(text)),
        ("u:", text) => {
            let (host, path) = text.split_once('/').unwrap();
            IndicatorValue::Url(Url { host: name(host), port: None, path: format!("/{path}").into() })
        }
        ("p:", text) => IndicatorValue::AddressPort(end(text).ip, end(text).port),
        ("n:", text) => IndicatorValue::Network(text.parse().unwrap()),
        ("j:", text) => IndicatorValue::Ja4(text.into()),
        _ => IndicatorValue::Address(text.parse().unwrap()),
    }
}

/// Question and answer; an answer is an address or an alias.
fn dns(asked: &str, answers: &[&str]) -> [Fact; 2] {
    let questions = vec![DnsQuestion { name: name(asked), qtype: 1, qclass: 1 }];
    let query = DnsMessage { id: 1, questions, ..DnsMessage::default() };
    let record = |text: &&str| {
        let data = text.parse().map_or_else(|_| DnsData::Cname(name(text)), DnsData::A);
        DnsRecord { name: name(asked), rtype: 1, class: 1, ttl: 60, data }
    };
    let answers = answers.iter().map(record).collect();
    let response = DnsMessage { is_response: true, answers, ..query.clone() };
    [query, response].map(|message| Fact::Dns(Arc::new(message)))
}

/// One line per alert: direction, grade, host, indicator, and what else matched.
fn shown(alerts: &[Alert]) -> Vec<String> {
    let line = |alert: &Alert| {
        let host = alert.host.map_or("-".to_owned(), |ip| ip.to_string());
        let also: Vec<String> = alert.also_matched.iter().map(|other| format!(" +{}", other.value)).collect();
        format!("{} {} {host} {}{}", alert.direction, alert.grade, alert.indicator.value, also.concat())
    };
    alerts.iter().map(line).collect()
}

fn ips(texts: &[&str]) -> Vec<std::net::IpAddr> {
    texts.iter().map(|text| text.parse().unwrap()).collect()
}
