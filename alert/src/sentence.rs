//! One line of English for each alert: what happened, and what to do next.

mod notice;
mod step;
mod stripped;
mod told;

pub use notice::of_notice;
pub use stripped::of_stripped;

use crate::formats::registry::response_code;
use crate::text::{count, first_of, quoted, span};
use std::fmt::Write as _;
use std::net::IpAddr;
use weir_model::alert::{Direction, Field, Grade, Lookup, Role};
use weir_model::flow::TunnelKind;
use weir_model::indicator::Side;
use weir_model::{Alert, ClockQuality, Effect, Endpoint, IndicatorValue, Protocol};

/// Says what happened and how the indicator is known, what else weighs, and what to do next.
///
/// Values from the wire and from lists are cut, and what would move a cursor or hide text is escaped.
pub fn sentence(alert: &Alert) -> String {
    let scene = Scene::of(alert);
    format!("{}.{} {}.", scene.happened(), more(alert), scene.next_step())
}

/// An alert, seen from the host that it is about.
struct Scene<'a> {
    alert: &'a Alert,
    /// The host that it is about; for inbound incidents, which are about the indicator, the inside end of the example.
    host: Endpoint,
    /// The other end of the example flow, or of the tunnel around it.
    peer: Endpoint,
}

impl<'a> Scene<'a> {
    fn of(alert: &'a Alert) -> Self {
        let (began, answered) = match alert.tunnel {
            // Of an outer end no port is known, and the inner flow's is not its.
            Some(tunnel) => (Endpoint::new(tunnel.source, 0), Endpoint::new(tunnel.destination, 0)),
            None => (alert.example.initiator, alert.example.responder),
        };
        let (host, peer) = if alert.host_began() { (began, answered) } else { (answered, began) };
        Self { alert, host: Endpoint::new(alert.host.unwrap_or(host.ip), host.port), peer }
    }

    fn happened(&self) -> String {
        let alert = self.alert;
        if alert.grade == Grade::LookedUp {
            return self.looked_up();
        }
        let place = match alert.direction {
            Direction::Inbound => "From outside, ",
            Direction::Lateral => "Inside your networks, ",
            Direction::Transit => "Between two addresses outside your networks, ",
            Direction::Outbound | Direction::Unknown => "",
        };
        let what = match (alert.tunnel, alert.direction) {
            (Some(tunnel), _) => self.tunnelled(tunnel.kind),
            (None, Direction::Inbound) => self.came_in(),
            (None, _) => self.went_out(),
        };
        let is_said = alert.example.is_bare_answer() && !self.may_be_more();
        let unseen =
            if alert.direction == Direction::Unknown && !is_said { " (who began was not seen)" } else { "" };
        format!("{place}{what}{unseen}{}", self.as_told())
    }

    fn looked_up(&self) -> String {
        let Some(lookup) = self.alert.lookups.first() else {
            return format!("{} asked for {}{}", self.host_text(), self.indicator(), self.about());
        };
        let place = match self.alert.direction {
            Direction::Transit => "Outside your networks, ",
            Direction::Inbound => "From outside, ",
            Direction::Lateral => "Inside your networks, ",
            Direction::Outbound | Direction::Unknown => "",
        };
        let asker = self.with_roles(lookup.client.ip);
        let name = quoted(lookup.name.as_str());
        let times = match self.alert.lookup_count {
            0 | 1 => String::new(),
            many => format!(" {many} times, first"),
        };
        let mut text = format!(
            "{place}{asker} asked {} for {name}{}{times} at {}",
            lookup.server.ip,
            self.about(),
            lookup.time
        );
        if self.alert.unknown_client {
            let _ = write!(text, " from port {}, for a client that is not in view", lookup.client.port);
        } else {
            text += &answer(lookup);
        }
        text += &self.as_told();
        if !self.alert.unknown_client {
            text += if self.alert.sampling.is_none() {
                ". No connection to it was seen"
            } else {
                ". Whether it was connected to is not known"
            };
        }
        text
    }

    fn went_out(&self) -> String {
        let (host, peer, times) = (self.host_text(), self.peer_text(), self.times());
        let (one, other) = if self.alert.host_began() { (&host, &peer) } else { (&peer, &host) };
        match self.alert.grade {
            _ if self.may_be_more() && self.alert.direction == Direction::Unknown => {
                format!("{host} and {peer} were in contact{times}")
            }
            _ if self.may_be_more() => format!("{one} contacted {other}{times}"),
            Grade::LookedUp | Grade::Attempted if self.alert.example.is_bare_answer() => {
                let is_tcp = self.alert.example.protocol == Protocol::TCP;
                let answers = if is_tcp { "SYN-ACK or RST" } else { "answers" };
                format!("{peer} sent {host} only {answers}{times}, and nothing shows that {host} had asked")
            }
            Grade::LookedUp | Grade::Attempted => {
                format!("{one} tried to reach {other}{times}, {}", self.without_answer())
            }
            Grade::Connected if self.told().is_some() => self.connected(&host, &peer),
            Grade::Connected if self.alert.example.protocol != Protocol::TCP => {
                format!("{host} and {peer} answered each other{times}")
            }
            Grade::Connected if self.alert.direction == Direction::Outbound => {
                format!("{host} {}connected to {peer}{times}, without data both ways", self.at_least())
            }
            Grade::Connected => {
                let at_least = self.at_least();
                format!("{host} and {peer} {at_least}answered each other{times}, without data both ways")
            }
            Grade::Exchanged => self.exchange(&host, &peer),
        }
    }

    fn exchange(&self, host: &str, peer: &str) -> String {
        let ([out, back], times) = (self.traffic(), self.times());
        match (self.alert.sent.packets, self.alert.received.packets) {
            (_, 0) => format!("{host} sent {peer} {out}{times}; what came back was not captured"),
            (0, _) => format!("{host} received {back} from {peer}{times}; what it sent was not captured"),
            _ => {
                format!(
                    "{host} exchanged {} with {peer}{times}: {out} sent, {back} received",
                    self.exchanged()
                )
            }
        }
    }

    fn came_in(&self) -> String {
        let (from, times) = (self.peer_text(), self.times());
        let touched = self.alert.touched_count.max(1);
        let hosts = match touched {
            1 => format!("the inside host {}", self.inside_end()),
            _ => format!("{touched} inside hosts ({})", first_of(&self.alert.touched, touched)),
        };
        match self.alert.grade {
            _ if self.may_be_more() => format!("{from} contacted {hosts}{times}"),
            Grade::LookedUp | Grade::Attempted if self.alert.example.forward.is_empty() => {
                format!("{from} was answered by {hosts}{times}, and no more was captured")
            }
            Grade::LookedUp | Grade::Attempted => {
                format!("{from} tried {hosts}{times}, {}", self.without_answer())
            }
            Grade::Connected if self.told().is_some() => {
                format!("{from} reached {hosts}{times}{}", self.amounts())
            }
            Grade::Connected => {
                format!("{from} {}reached {hosts}{times}, without data both ways", self.at_least())
            }
            Grade::Exchanged => format!("{from} exchanged {} with {hosts}{times}", self.exchanged()),
        }
    }

    /// Inbound: the one inside host that was touched, which may stand behind a translator.
    fn inside_end(&self) -> Endpoint {
        let ends = [self.alert.example.initiator_ends(), self.alert.example.responder_ends()];
        let all = ends.into_iter().flat_map(|(own, other)| [Some(own), other]).flatten();
        let touched = self.alert.touched.first();
        all.into_iter().find(|end| Some(&end.ip) == touched).unwrap_or(self.host)
    }

    /// The tunnel lies between the two hosts; the conversation inside it does not.
    fn tunnelled(&self, kind: TunnelKind) -> String {
        let (client, server) = (self.alert.example.initiator.ip, self.alert.example.responder);
        let server =
            if self.alert.example.protocol.has_ports() { server.to_string() } else { server.ip.to_string() };
        let inside = match self.alert.grade {
            _ if self.may_be_more() => format!("{client} contacted {server}"),
            Grade::LookedUp | Grade::Attempted => format!("{client} tried to reach {server} without answer"),
            Grade::Connected => format!("{client} and {server} answered each other"),
            Grade::Exchanged => format!("{client} exchanged {} with {server}", self.exchanged()),
        };
        format!(
            "{} carries {} tunnel with {}, inside which {inside}{}",
            self.host_text(),
            tunnel_text(kind),
            self.peer_text(),
            self.times()
        )
    }

    /// ` in 5 connections over 2 h`; nothing of a single one.
    fn times(&self) -> String {
        let (flows, protocol) = (self.alert.connections, self.alert.example.protocol);
        if flows < 2 {
            return String::new();
        }
        let noun = if protocol == Protocol::TCP { "connection" } else { "flow" };
        format!(" in {}{}", count(flows, noun), span(self.alert.last.since(self.alert.first)))
    }

    fn at_least(&self) -> &'static str {
        if self.alert.at_least { "at least " } else { "" }
    }

    fn exchanged(&self) -> String {
        let [sent, received] = self.counted();
        format!("{}{}", self.at_least(), self.amount(sent.saturating_add(received)))
    }

    fn host_text(&self) -> String {
        self.with_roles(self.host.ip)
    }

    /// `10.1.2.3 (resolver)`, where it is the host whose roles are known.
    fn with_roles(&self, ip: IpAddr) -> String {
        let roles: Vec<&str> = self.alert.roles.iter().map(|role| role_text(*role)).collect();
        if roles.is_empty() || ip != self.host.ip {
            ip.to_string()
        } else {
            format!("{ip} ({})", roles.join(", "))
        }
    }

    /// `203.0.113.9:443 (listed by bad.txt)`; without port where it is not a server's.
    fn peer_text(&self) -> String {
        let peer = self.peer;
        let is_service = self.alert.tunnel.is_none() && peer == self.alert.example.responder;
        let end = if self.alert.example.protocol.has_ports() && is_service {
            peer.to_string()
        } else {
            peer.ip.to_string()
        };
        end + &self.about()
    }

    fn indicator(&self) -> String {
        quoted(&self.alert.indicator.value.to_string())
    }

    /// How the other end was recognised and what is known of it, as a remark: ` (TLS server name evil.example, listed by
    /// bad.txt as “C2 of X”)`. The indicator is said once.
    fn about(&self) -> String {
        let alert = self.alert;
        let looked_up = alert.grade == Grade::LookedUp;
        let is_lookup = |field| matches!(field, Field::DnsQuestion | Field::DnsCname | Field::DnsAnswer);
        // What the client said tells more than what it had asked for before.
        let fitting = alert.matched.iter().filter(|matched| is_lookup(matched.field) == looked_up);
        let matched = fitting.min_by_key(|matched| matched.field == Field::PassiveDns);
        let (indicator, known) = (self.indicator(), known(alert));
        let Some(matched) = matched else {
            return format!(" ({indicator} is {known})");
        };
        let value = quoted(&matched.value);
        let label = match matched.field {
            Field::FlowAddress | Field::TunnelAddress => return self.about_address(&known),
            Field::DnsQuestion => {
                let asked =
                    alert.lookups.first().is_some_and(|lookup| quoted(lookup.name.as_str()) == indicator);
                let under = if asked { String::new() } else { format!("{indicator} is ") };
                return format!(" ({under}{known})");
            }
            Field::TranslatedAddress => "translated address",
            Field::DnsCname => "alias",
            Field::DnsAnswer => "answer",
            Field::PassiveDns => "just asked for as",
            Field::TlsSni => "TLS server name",
            Field::QuicSni => "QUIC server name",
            Field::HttpHost => "HTTP host",
            Field::Url => "URL",
            Field::Ja3 => "the client's JA3",
            Field::Ja4 => "the client's JA4",
            Field::Certificate => "certificate",
        };
        if value == indicator {
            format!(" ({label} {value}, {known})")
        } else {
            format!(" ({label} {value}; {indicator} is {known})")
        }
    }

    /// An address was recognised: it stands before the remark.
    fn about_address(&self, known: &str) -> String {
        let alert = self.alert;
        let within = match alert.indicator.value {
            IndicatorValue::Network(network) => format!("in {network}, "),
            IndicatorValue::Address(ip) if ip == self.peer.ip => String::new(),
            IndicatorValue::AddressPort(ip, port) if self.peer == Endpoint::new(ip, port) => String::new(),
            _ => format!("{} is ", self.indicator()),
        };
        let name = match alert.names.first().filter(|_| alert.tunnel.is_none()) {
            Some((name, _)) => format!("; known here as {}", quoted(name.as_str())),
            None => String::new(),
        };
        format!(" ({within}{known}{name})")
    }
}

fn role_text(role: Role) -> &'static str {
    match role {
        Role::Resolver => "resolver",
        Role::Mail => "mail server",
        Role::Proxy => "proxy",
        Role::Nat => "address translator",
        Role::Scanner => "scanner",
        Role::Honeypot => "honeypot",
        Role::Tor => "Tor relay",
    }
}

/// What a look-up was answered: ` and was told 203.0.113.9`.
fn answer(lookup: &Lookup) -> String {
    if lookup.rewritten.is_some() {
        return " and got an answer that the resolver's policy seems to have rewritten".to_owned();
    }
    match (lookup.rcode, lookup.addresses.as_slice()) {
        (None, _) => String::new(),
        (Some(0), []) if lookup.cut => String::new(),
        (Some(0), []) => " and was told of no address".to_owned(),
        (Some(0), addresses) => {
            format!(" and was told {}", first_of::<IpAddr>(addresses, addresses.len() as u64))
        }
        (Some(code), _) => format!(" and was told {}", response_code(code)),
    }
}

/// `listed by bad.txt as “C2 of X”`.
fn known(alert: &Alert) -> String {
    let Some(context) = alert.indicator.contexts.first() else {
        return "listed".to_owned();
    };
    let source = quoted(&context.source);
    match &context.description {
        Some(description) => format!("listed by {source} as \u{201c}{}\u{201d}", quoted(description)),
        None => format!("listed by {source}"),
    }
}

fn tunnel_text(kind: TunnelKind) -> &'static str {
    match kind {
        TunnelKind::IpIp => "an IP-in-IP",
        TunnelKind::Gre => "a GRE",
        TunnelKind::Erspan => "an ERSPAN",
        TunnelKind::Vxlan => "a VXLAN",
        TunnelKind::Geneve => "a Geneve",
        TunnelKind::GtpU => "a GTP-U",
        TunnelKind::Teredo => "a Teredo",
        TunnelKind::L2tp => "an L2TP",
    }
}

/// What else weighs, in sentences of their own: it had been here before, others met it.
fn more(alert: &Alert) -> String {
    let mut more = String::new();
    if let Some(before) = alert.touched_before {
        let _ = write!(more, " It had contacted this host before, at {before}.");
    }
    match alert.known_as {
        Some(Side::Source) => {
            more += " Its sources know it as an attacker that begins, not as a server: less urgent.";
        }
        Some(Side::Destination) => {
            more += " Its sources know it as a server, not as one that begins: less urgent.";
        }
        None => {}
    }
    more += &warned(alert);
    if alert.other_host_count > 0 {
        let _ = write!(more, " {} met it too.", count(alert.other_host_count, "other inside host"));
    }
    if alert.unsent > 0 {
        let unsent = count(alert.unsent.into(), "earlier notice");
        let were = if alert.unsent == 1 { "was" } else { "were" };
        let _ = write!(more, " {unsent} of this {were} only counted: muted, or too many at once.");
    }
    if alert.clock == Some(ClockQuality::Unsynchronised) {
        more += if alert.example.exported.is_some() {
            " Nothing keeps the clock of Weir's machine: its own times may be wrong, those of routers are theirs."
        } else {
            " Nothing keeps the clock of Weir's machine: times may be wrong."
        };
    }
    more
}

/// What warninglists say, where that moved the urgency.
fn warned(alert: &Alert) -> String {
    let Some(moved) = alert.warned else { return String::new() };
    let warnings = alert.indicator.warnings.iter().filter(|warning| match moved {
        Effect::Raise => warning.effect == Effect::Raise,
        Effect::Lower | Effect::Shared => warning.effect != Effect::Raise,
    });
    let lists: Vec<String> = warnings.map(|warning| format!("“{}”", quoted(&warning.list))).collect();
    let (lists, all) = (first_of(&lists, lists.len() as u64), lists.len());
    let (hold, warninglist) = if all == 1 { ("holds", "warninglist") } else { ("hold", "warninglists") };
    let so = match moved {
        Effect::Lower => "much that is harmless meets it: less urgent",
        Effect::Shared => "its address serves many, and no name that is listed was met with it: less urgent",
        Effect::Raise => "only what is infected speaks to it: more urgent",
    };
    format!(" The {warninglist} {lists} {hold} it; {so}.")
}

#[cfg(test)]
mod tests;
