//! One English sentence for each alert: what happened, and what to do next.

use crate::ecs::{response_code, translated};
use crate::text::{bytes, count, first_of, quoted};
use std::fmt::Write as _;
use std::net::IpAddr;
use weir_model::alert::{Direction, Field, Grade, Lookup, Role};
use weir_model::{Alert, Endpoint};

/// Says what happened, how the indicator is known, and what to do next.
///
/// Values from the wire and from lists are cut, and what would move a cursor or hide text is escaped.
pub fn sentence(alert: &Alert) -> String {
    let scene = Scene::of(alert);
    let mut sentence = scene.happened();
    sentence.push_str(&listed(alert));
    sentence.push_str(&more(alert));
    sentence.push_str(": ");
    sentence.push_str(&scene.next_step());
    sentence.push('.');
    sentence
}

/// An alert, seen from the host that it is about.
struct Scene<'a> {
    alert: &'a Alert,
    /// The host that it is about; for inbound incidents, which are about the indicator, the inside end of the example.
    host: Endpoint,
    /// The other end of the example flow.
    peer: Endpoint,
}

impl<'a> Scene<'a> {
    fn of(alert: &'a Alert) -> Self {
        let (initiator, responder) = (alert.example.initiator, alert.example.responder);
        let host_began = match alert.host {
            Some(host) => host != responder.ip,
            None => alert.direction != Direction::Inbound,
        };
        let (host, peer) = if host_began { (initiator, responder) } else { (responder, initiator) };
        Self { alert, host: Endpoint::new(alert.host.unwrap_or(host.ip), host.port), peer }
    }

    fn happened(&self) -> String {
        if self.alert.grade == Grade::LookedUp {
            return self.looked_up();
        }
        let met = how_met(self.alert);
        match self.alert.direction {
            Direction::Inbound => format!("{}{met}", self.came_in()),
            Direction::Lateral => format!("Inside your networks, {}{met}", self.went_out()),
            Direction::Transit => {
                format!("Between two addresses outside your networks, {}{met}", self.went_out())
            }
            Direction::Outbound => format!("{}{met}", self.went_out()),
            Direction::Unknown => format!("{}{met} (who began was not seen)", self.went_out()),
        }
    }

    fn looked_up(&self) -> String {
        let Some(lookup) = self.alert.lookups.first() else {
            return format!("{} asked for {}", self.host_text(), self.indicator());
        };
        let asker = self.with_roles(lookup.client.ip);
        let asked = format!("{asker} asked {} for {}", lookup.server.ip, quoted(lookup.name.as_str()));
        let times = match self.alert.lookup_count {
            0 | 1 => String::new(),
            many => format!(" {many} times, first"),
        };
        let place = match self.alert.direction {
            Direction::Transit => "Outside your networks, ",
            Direction::Inbound => "From outside, ",
            Direction::Lateral => "Inside your networks, ",
            Direction::Outbound | Direction::Unknown => "",
        };
        let behalf = if self.alert.unknown_client {
            format!(
                " on behalf of an unknown client{times} at {} from port {}",
                lookup.time, lookup.client.port
            )
        } else {
            format!("{times} at {}{}", lookup.time, answer(lookup))
        };
        format!("{place}{asked}{behalf}, and no connection to it was seen")
    }

    fn went_out(&self) -> String {
        let (host, peer) = (self.host_text(), self.peer_text());
        let began_here = self.alert.example.initiator.ip == self.host.ip;
        let at_least = if self.alert.at_least { "at least " } else { "" };
        match self.alert.grade {
            Grade::LookedUp | Grade::Attempted if began_here => {
                format!(
                    "{host} tried to reach {peer} ({at_least}{}) without answer",
                    count(self.alert.flows, "flow")
                )
            }
            Grade::LookedUp | Grade::Attempted => {
                format!(
                    "{peer} tried to reach {host} ({at_least}{}) without answer",
                    count(self.alert.flows, "flow")
                )
            }
            Grade::Connected => {
                format!("{host} and {peer} {at_least}opened a connection, without data both ways")
            }
            Grade::Exchanged => format!(
                "{host} exchanged {at_least}{} with {peer} ({} sent, {} received)",
                bytes(self.alert.sent.payload_bytes.saturating_add(self.alert.received.payload_bytes)),
                bytes(self.alert.sent.payload_bytes),
                bytes(self.alert.received.payload_bytes),
            ),
        }
    }

    fn came_in(&self) -> String {
        let from = self.peer.ip;
        let touched = self.alert.touched_count.max(1);
        let hosts = match touched {
            1 => format!("the inside host {}", self.host),
            _ => format!("{touched} inside hosts ({})", first_of(&self.alert.touched, touched)),
        };
        let at_least = if self.alert.at_least { "at least " } else { "" };
        match self.alert.grade {
            Grade::LookedUp | Grade::Attempted => {
                format!(
                    "From outside, {from} tried {hosts} ({at_least}{}), and none answered",
                    count(self.alert.flows, "flow")
                )
            }
            Grade::Connected => {
                format!("From outside, {from} {at_least}reached {hosts}, without data both ways")
            }
            Grade::Exchanged => format!(
                "From outside, {from} exchanged {at_least}{} with {hosts}",
                bytes(self.alert.sent.payload_bytes.saturating_add(self.alert.received.payload_bytes)),
            ),
        }
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

    /// `203.0.113.9:443`; without port where the protocol has none.
    fn peer_text(&self) -> String {
        let peer = self.peer;
        let is_service = peer == self.alert.example.responder;
        if self.alert.example.protocol.has_ports() && is_service {
            peer.to_string()
        } else {
            peer.ip.to_string()
        }
    }

    fn indicator(&self) -> String {
        quoted(&self.alert.indicator.value.to_string())
    }

    fn next_step(&self) -> String {
        if !self.alert.called_back.is_empty() {
            let hosts = first_of(&self.alert.called_back, self.alert.called_back.len() as u64);
            return format!(
                "{hosts} opened connections to it afterwards, so treat as compromised, isolate and examine"
            );
        }
        if let Some(step) = self.step_for_role() {
            return step;
        }
        let host = self.host.ip;
        match (self.alert.direction, self.alert.grade) {
            (Direction::Inbound, Grade::LookedUp) => "someone outside asks your name servers for it; nothing to do unless it goes on".to_owned(),
            (Direction::Inbound, Grade::Attempted) => {
                "nothing got through; block the source if it goes on".to_owned()
            }
            (Direction::Inbound, Grade::Connected) => {
                "check whether these services must be reachable from outside, and block the source".to_owned()
            }
            (Direction::Inbound, Grade::Exchanged) => {
                "look in the logs of these hosts for what the source did there (log-ins, requests), and block it".to_owned()
            }
            (Direction::Transit, _) => {
                "tell whoever runs these addresses, or, if one of them is yours, add it to --home-net".to_owned()
            }
            (Direction::Lateral, Grade::LookedUp | Grade::Attempted) => {
                format!("find out which program on {} was behind it, and whether the indicator is right about an inside host", self.alert.example.initiator.ip)
            }
            (Direction::Lateral, _) => {
                format!("examine both {host} and {}, and whether the indicator is right about an inside host", self.peer.ip)
            }
            (_, Grade::LookedUp) => {
                let asker = self.alert.lookups.first().map_or(host, |lookup| lookup.client.ip);
                format!("find out which program on {asker} asked, before it connects")
            }
            (_, Grade::Attempted) => {
                format!("find out which program on {host} keeps trying; the other end was down or blocked")
            }
            (_, Grade::Connected) => format!("find out which program on {host} connected, and watch for data"),
            (_, Grade::Exchanged) => format!("isolate {host} and examine the program that talked"),
        }
    }

    /// What to do where the host's role says that somebody else is behind it.
    fn step_for_role(&self) -> Option<String> {
        let alert = self.alert;
        if alert.direction == Direction::Inbound {
            return None;
        }
        if let Some(endpoint) = translated(alert) {
            let time = alert.example.first;
            return Some(format!(
                "look up in the translation log which host had port {} of {} at {time}",
                endpoint.port, endpoint.ip
            ));
        }
        if alert.unknown_client {
            return Some("find the client in the resolver's query log".to_owned());
        }
        let has = |role| alert.roles.contains(&role);
        if has(Role::Proxy) {
            return Some(format!("find the client in the log of the proxy at {}", alert.example.first));
        }
        if has(Role::Mail) && alert.grade == Grade::LookedUp {
            return Some("a mail server looks up what others write; find the message in its log".to_owned());
        }
        if has(Role::Tor) || has(Role::Scanner) || has(Role::Honeypot) {
            return Some(
                "this host meets such addresses by its task; act only if this is unlike it".to_owned(),
            );
        }
        None
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
        (Some(0), []) => " and was told of no address".to_owned(),
        (Some(0), addresses) => {
            format!(" and was told {}", first_of::<IpAddr>(addresses, addresses.len() as u64))
        }
        (Some(code), _) => format!(" and was told {}", response_code(code)),
    }
}

/// By which field a flow was recognised, where it was not by its address.
fn how_met(alert: &Alert) -> String {
    let in_flow = |field| !matches!(field, Field::DnsQuestion | Field::DnsCname | Field::DnsAnswer);
    let Some(matched) = alert.matched.iter().find(|matched| in_flow(matched.field)) else {
        return String::new();
    };
    let value = quoted(&matched.value);
    match matched.field {
        Field::TlsSni => format!(", with {value} as TLS server name"),
        Field::QuicSni => format!(", with {value} as QUIC server name"),
        Field::HttpHost => format!(", with {value} as HTTP host"),
        Field::Url => format!(", requesting {value}"),
        Field::PassiveDns => format!(", having just asked for {value}"),
        Field::Ja4 => format!(", from a program whose JA4 is {value}"),
        Field::Certificate => format!(", where the server's certificate is {value}"),
        Field::TunnelAddress => format!(", inside a tunnel of {value}"),
        Field::FlowAddress | Field::DnsQuestion | Field::DnsCname | Field::DnsAnswer => {
            match alert.names.first() {
                Some((name, _)) => format!(", known here as {}", quoted(name.as_str())),
                None => String::new(),
            }
        }
    }
}

/// `; evil.example is listed by bad.txt as "C2 of X"`.
fn listed(alert: &Alert) -> String {
    let value = quoted(&alert.indicator.value.to_string());
    let Some(context) = alert.indicator.contexts.first() else {
        return format!("; {value} is listed");
    };
    let source = quoted(&context.source);
    match &context.description {
        Some(description) => {
            format!("; {value} is listed by {source} as \u{201c}{}\u{201d}", quoted(description))
        }
        None => format!("; {value} is listed by {source}"),
    }
}

/// What else weighs: it had been here before, others met it, the start is missing.
fn more(alert: &Alert) -> String {
    let mut more = String::new();
    if let Some(before) = alert.touched_before {
        let _ = write!(more, ", and had come to this host from outside at {before}");
    }
    if alert.other_host_count > 0 {
        let _ = write!(more, ", and {} met it too", count(alert.other_host_count, "other inside host"));
    }
    if alert.grade > Grade::LookedUp
        && alert.direction != Direction::Unknown
        && !alert.example.is_start_known()
    {
        more += " (the start of the flow was not seen)";
    }
    more
}

#[cfg(test)]
mod tests;
